#include "cmd/pipeline_store.h"
#include "cmd/tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "os/clock.h"
#include "server/detection.h"
#include "server/feed.h"

#define RULES_MAX 64u

struct tsn_cmd_store {
	struct tsn_keys *keys;
	struct tsn_store *store;
	struct tsn_detection *detection;
	struct tsn_engine *engine;
	struct tsn_feed *feed;
	const char *rules[RULES_MAX];
	uint32_t rule_count;
};

/* depth is bounded by the reader of the configuration */
static const struct tsn_conf_plugin *
find_output(const struct tsn_conf_node *n)
{
	for (; n != NULL; n = n->next) {
		if (n->plugin != NULL && tsn_slice_eq(n->plugin->name, TSN_SLICE("tocsin")))
			return n->plugin;
		for (const struct tsn_conf_branch *b = n->branches; b != NULL; b = b->next) {
			const struct tsn_conf_plugin *p = find_output(b->body);

			if (p != NULL)
				return p;
		}
	}
	return NULL;
}

bool
tsn_cmd_store_wanted(const struct tsn_conf *conf)
{
	return find_output(conf->sections[TSN_PLUGIN_OUTPUT]) != NULL;
}

static enum tsn_code
store_event(void *ctx, struct tsn_pev *ev, struct tsn_slice kind, struct tsn_err *err)
{
	struct tsn_cmd_store *s = ctx;

	return tsn_feed_event(s->feed, ev, kind, tsn_clock_real_ns(), err);
}

static enum tsn_code
stored(void *ctx, bool *ret_settled, struct tsn_err *err)
{
	struct tsn_cmd_store *s = ctx;

	*ret_settled = true;
	TSN_TRY(tsn_feed_flush(s->feed, err));
	return tsn_engine_uncommitted(s->engine) == 0 ? TSN_OK : tsn_engine_commit(s->engine, err);
}

static enum tsn_code
tell_alert(void *ctx, const struct tsn_alert *alert, bool is_new)
{
	char reason[TSN_ERR_MSG_MAX];

	(void)ctx;
	if (is_new)
		(void)fprintf(stderr, "alert %.8s %s: %s\n", alert->id.ptr,
		    tsn_alert_level_name(alert->level),
		    tsn_slice_escape_line(alert->reason, reason, sizeof reason));
	return TSN_OK;
}

static enum tsn_code
open_all(struct tsn_cmd_store *s, const char *data, struct tsn_err *err)
{
	struct tsn_store_options so = {.disk_free_min = UINT64_C(64) << 20};

	s->keys = tsn_keys_new();
	if (s->keys == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	TSN_TRY(tsn_store_open(data, s->keys, &so, &s->store, err));
	TSN_TRY(tsn_detection_new(&(struct tsn_detection_options){.keys = s->keys,
	    .data_dir = data, .rules = s->rules, .rule_count = s->rule_count, .each = tell_alert,
	    .problem = tsn_cmd_tell_problem}, &s->detection, err));
	TSN_TRY(tsn_engine_new(&(struct tsn_engine_options){.keys = s->keys, .store = s->store,
	    .detect = tsn_detection_stage(s->detection)}, &s->engine, err));
	return tsn_feed_new(s->engine, NULL, &s->feed, err);
}

/* texts of a configuration end where its text goes on */
static const char *
text_of(struct tsn_conf *conf, const struct tsn_conf_value *v)
{
	return tsn_arena_dup(&conf->arena, v->text).ptr;
}

static void
add_rules(struct tsn_cmd_store *s, struct tsn_conf *conf, const struct tsn_conf_value *v)
{
	s->rules[s->rule_count] = text_of(conf, v);
	s->rule_count += s->rules[s->rule_count] != NULL;
}

static void
read_options(struct tsn_cmd_store *s, struct tsn_conf *conf, const char **data)
{
	const struct tsn_conf_plugin *p = find_output(conf->sections[TSN_PLUGIN_OUTPUT]);
	const struct tsn_conf_option *o;

	o = p == NULL ? NULL : tsn_conf_option_find(p, TSN_SLICE("data"));
	if (o != NULL && *data == NULL && o->value.text.len > 0)
		*data = text_of(conf, &o->value);
	o = p == NULL ? NULL : tsn_conf_option_find(p, TSN_SLICE("rules"));
	if (o == NULL)
		return;
	if (o->value.type != TSN_CONF_ARRAY)
		add_rules(s, conf, &o->value);
	for (uint32_t i = 0; o->value.type == TSN_CONF_ARRAY && i < o->value.count &&
	    s->rule_count < RULES_MAX; i++)
		add_rules(s, conf, &o->value.items[i]);
}

enum tsn_code
tsn_cmd_store_open(struct tsn_conf *conf, const char *data, struct tsn_pl_env *env,
    struct tsn_cmd_store **ret, struct tsn_err *err)
{
	struct tsn_cmd_store *s = calloc(1, sizeof *s);
	enum tsn_code code;

	if (s == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	read_options(s, conf, &data);
	code = open_all(s, tsn_cmd_data_dir(data), err);
	if (code != TSN_OK) {
		(void)tsn_cmd_store_close(s, NULL);
		return code;
	}
	env->store = store_event;
	env->stored = stored;
	env->ctx = s;
	*ret = s;
	return TSN_OK;
}

enum tsn_code
tsn_cmd_store_close(struct tsn_cmd_store *s, struct tsn_err *err)
{
	enum tsn_code code = TSN_OK;

	if (s == NULL)
		return TSN_OK;
	if (s->feed != NULL) {
		code = tsn_feed_flush(s->feed, err);
		if (code == TSN_OK)
			code = tsn_detection_finish(s->detection, err);
		if (code == TSN_OK)
			code = tsn_engine_commit(s->engine, err);
	}
	tsn_feed_free(s->feed);
	tsn_engine_free(s->engine);
	tsn_detection_free(s->detection);
	if (s->store != NULL) {
		enum tsn_code closed = tsn_store_close(s->store, code == TSN_OK ? err : NULL);

		code = code == TSN_OK ? closed : code;
	}
	tsn_keys_free(s->keys);
	free(s);
	return code;
}

void
tsn_cmd_store_report(const struct tsn_cmd_store *s, struct tsn_buf *out)
{
	struct tsn_ledger_row t;
	struct tsn_detection_stats found;

	tsn_ledger_total(tsn_engine_ledger(s->engine), &t);
	tsn_detection_stats_get(s->detection, &found);
	tsn_buf_printf(out, "store: %llu received, %llu stored, %llu failed to parse, %llu late, "
	    "%llu alerts\n", (unsigned long long)t.received, (unsigned long long)t.stored,
	    (unsigned long long)t.failed, (unsigned long long)t.late,
	    (unsigned long long)found.alerts);
}
