/* The file of triage and risk (docs/triage.md), checked key by key. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <math.h>

#include "alert/doc.h"
#include "alert/triage_int.h"
#include "base/num.h"
#include "os/file.h"
#include "rule/when.h"

#define FILE_BYTES_MAX (1u << 20)
#define ARENA_BYTES_MAX (64u << 20)
#define SCRATCH_BYTES_MAX (16u << 20)
#define TEXT_BYTES_MAX 4096u
#define WINDOW_NS (24 * 3600 * TSN_NS_PER_SEC)
#define COOLDOWN_NS (6 * 3600 * TSN_NS_PER_SEC)

struct reader {
	struct tsn_triage *t;
	const char *name;
	struct tsn_err *err;
};

static enum tsn_code TSN_COLD TSN_PRINTF(3, 4)
fail(const struct reader *r, uint32_t line, const char *fmt, ...)
{
	char msg[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	TSN_FAIL_AT(r->err, TSN_EPARSE, line, "%s:%u: %s", r->name, line, msg);
}

static enum tsn_code
wants(const struct reader *r, const struct tsn_yaml *v, const char *what)
{
	char key[80], shown[80];

	return fail(r, v->line, "%s: expected %s, found %s",
	    tsn_slice_escape(v->key, key, sizeof key), what, v->text.len > 0
		? tsn_slice_escape(v->text, shown, sizeof shown) : tsn_yaml_kind_name(v));
}

static enum tsn_code
check_keys(const struct reader *r, const struct tsn_yaml *map, const char *what,
    const char *const *known, size_t count)
{
	char names[256] = "", key[80];
	size_t at = 0;

	if (map->kind != TSN_YAML_MAP)
		return fail(r, map->line, "%s: expected keys and values, found %s", what,
		    tsn_yaml_kind_name(map));
	for (const struct tsn_yaml *v = map->first; v != NULL; v = v->next) {
		size_t i = 0;

		while (i < count && !tsn_slice_eq(v->key, tsn_slice_cstr(known[i])))
			i++;
		if (i < count)
			continue;
		for (i = 0; i < count && at < sizeof names; i++)
			at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i == 0 ? "" : ", ",
			    known[i]);
		return fail(r, v->key_line, "%s: unknown key \"%s\"; known here: %s", what,
		    tsn_slice_escape(v->key, key, sizeof key), names);
	}
	return TSN_OK;
}

static enum tsn_code
read_number(const struct reader *r, const struct tsn_yaml *v, double *ret)
{
	if (tsn_num_parse_f64(tsn_yaml_text(v), ret) != TSN_OK || !isfinite(*ret))
		return wants(r, v, "a number");
	return TSN_OK;
}

static enum tsn_code
read_text(const struct reader *r, const struct tsn_yaml *map, const char *key,
    struct tsn_slice *ret)
{
	const struct tsn_yaml *v = tsn_yaml_find(map, tsn_slice_cstr(key));

	*ret = TSN_SLICE_NONE;
	if (v == NULL || v->kind == TSN_YAML_NULL)
		return TSN_OK;
	if (v->kind >= TSN_YAML_SEQ)
		return wants(r, v, "a text");
	*ret = tsn_arena_dup(&r->t->arena, v->text);
	return ret->ptr == NULL ? TSN_ERR(r->err, TSN_ENOMEM, "out of memory") : TSN_OK;
}

/* A name is that of the alert's field, or of a field of its group. */
static enum tsn_code
resolve(void *ctx, struct tsn_slice field, struct tsn_path *ret_paths, uint32_t *ret_count,
    struct tsn_err *err)
{
	const struct reader *r = ctx;
	char group[600];
	int n = snprintf(group, sizeof group, "alert.group.%.*s",
	    (int)(field.len > 500 ? 500 : field.len), field.ptr);

	TSN_TRY(tsn_path_parse(r->t->keys, field, &ret_paths[0], err));
	TSN_TRY(tsn_path_parse(r->t->keys, tsn_slice_of(group, (size_t)n), &ret_paths[1], err));
	*ret_count = 2;
	return TSN_OK;
}

/* A number, or "{field}": the number in that field. */
static enum tsn_code
read_score(const struct reader *r, const struct tsn_yaml *v, struct triage_rule *rule)
{
	struct tsn_slice text = tsn_slice_trim(tsn_yaml_text(v));

	rule->score_key = TSN_KEY_NONE;
	if (text.len > 2 && text.ptr[0] == '{' && text.ptr[text.len - 1] == '}') {
		rule->score_key = tsn_keys_intern(r->t->keys, tsn_slice_of(text.ptr + 1, text.len - 2));
		return rule->score_key == TSN_KEY_NONE ? wants(r, v, "{FIELD}") : TSN_OK;
	}
	return read_number(r, v, &rule->score);
}

static enum tsn_code
read_rule(const struct reader *r, const struct tsn_yaml *map, struct triage_rule *rule)
{
	static const char *const known[] = {"name", "comment", "detection", "score", "reason"};
	const struct tsn_yaml *detection = tsn_yaml_find(map, TSN_SLICE("detection"));
	const struct tsn_yaml *score = tsn_yaml_find(map, TSN_SLICE("score"));
	struct tsn_match_env env = {.keys = r->t->keys, .resolve = resolve,
	    .ctx = (void *)(uintptr_t)r};
	const struct tsn_pred *pred = NULL;
	struct tsn_err why = {0};
	enum tsn_code code;

	TSN_TRY(check_keys(r, map, "triage rule", known, TSN_COUNT(known)));
	if (detection == NULL || score == NULL)
		return fail(r, map->line, "triage rule without a %s", detection == NULL ? "detection" :
		    "score");
	TSN_TRY(read_text(r, map, "name", &rule->name));
	TSN_TRY(read_text(r, map, "comment", &rule->comment));
	TSN_TRY(read_text(r, map, "reason", &rule->reason));
	TSN_TRY(read_score(r, score, rule));
	code = tsn_rule_when(&r->t->arena, detection, &pred, &why);
	if (code == TSN_OK)
		code = tsn_match_compile(pred, &env, &rule->when, &why);
	if (code == TSN_OK || code == TSN_ENOMEM)
		return code;
	return fail(r, why.pos == TSN_POS_NONE || why.pos == 0 ? detection->line : (uint32_t)why.pos,
	    "%s", why.msg);
}

static enum tsn_code
read_rules(const struct reader *r, const struct tsn_yaml *list)
{
	struct tsn_triage *t = r->t;

	if (list->kind != TSN_YAML_SEQ || list->count > TSN_TRIAGE_RULES_MAX)
		return fail(r, list->line, "rules: expected a list of at most %u", TSN_TRIAGE_RULES_MAX);
	t->rules = tsn_arena_calloc(&t->arena, list->count + 1, sizeof *t->rules);
	if (t->rules == NULL)
		TSN_FAIL(r->err, TSN_ENOMEM, "out of memory");
	for (const struct tsn_yaml *n = list->first; n != NULL; n = n->next)
		TSN_TRY(read_rule(r, n, &t->rules[t->rule_count++]));
	return TSN_OK;
}

static enum tsn_code
read_triage(const struct reader *r, const struct tsn_yaml *map)
{
	static const char *const known[] = {"aggregator", "negative_values_trump", "rules"};
	static const char *const names[] = {"MAX", "MIN", "SUM", "MEAN", "POSITIVE_MEAN"};
	const struct tsn_yaml *v;
	size_t i = 0;

	TSN_TRY(check_keys(r, map, "triage", known, TSN_COUNT(known)));
	v = tsn_yaml_find(map, TSN_SLICE("aggregator"));
	while (v != NULL && i < TSN_COUNT(names) &&
	    !tsn_slice_eq_nocase(tsn_yaml_text(v), tsn_slice_cstr(names[i])))
		i++;
	if (i == TSN_COUNT(names))
		return wants(r, v, "MAX, MIN, SUM, MEAN or POSITIVE_MEAN");
	r->t->aggregator = (enum tsn_triage_aggregator)i;
	v = tsn_yaml_find(map, TSN_SLICE("negative_values_trump"));
	if (v != NULL && v->kind != TSN_YAML_BOOL)
		return wants(r, v, "true or false");
	if (v != NULL)
		r->t->negative_trumps = v->num.i != 0;
	r->t->has_rules = true;
	v = tsn_yaml_find(map, TSN_SLICE("rules"));
	return v == NULL ? fail(r, map->line, "triage without rules") : read_rules(r, v);
}

static enum tsn_code
add_key(const struct reader *r, struct tsn_risk_entity *e, struct tsn_slice name, uint32_t line)
{
	struct tsn_keys *keys = r->t->keys;
	tsn_key plain = tsn_keys_intern(keys, name);
	tsn_key group = tsn_keys_child(keys, TSN_F_ALERT_GROUP, name);

	if (plain == TSN_KEY_NONE || group == TSN_KEY_NONE)
		return fail(r, line, "entities: a field without a name");
	if (e->key_count + 2 > TSN_COUNT(e->keys))
		return fail(r, line, "entities: more than %u fields of one", TSN_RISK_FIELDS_MAX);
	e->keys[e->key_count++] = plain;
	e->keys[e->key_count++] = group;
	return TSN_OK;
}

/* What correlations of Sigma rules call them in their group-by. */
static const struct {
	const char *name, *others[5];
} usual[] = {
	{"user.name", {"TargetUserName", "SubjectUserName", "User", "user"}},
	{"host.name", {"Computer", "ComputerName", "Hostname"}},
	{"source.ip", {"IpAddress", "SourceIp", "c-ip", "src_ip"}},
};

static enum tsn_code
read_entity(const struct reader *r, const struct tsn_yaml *v, struct tsn_risk_entity *e)
{
	const struct tsn_yaml *fields = tsn_yaml_find(v, TSN_SLICE("fields")), *n;
	static const char *const known[] = {"name", "fields"};
	struct tsn_slice name = tsn_yaml_text(v);

	if (v->kind == TSN_YAML_MAP) {
		TSN_TRY(check_keys(r, v, "entity", known, TSN_COUNT(known)));
		name = tsn_yaml_text(tsn_yaml_find(v, TSN_SLICE("name")));
	}
	if (name.len == 0)
		return fail(r, v->line, "entities: expected names of fields, or maps of name and fields");
	e->name = tsn_arena_dup(&r->t->arena, name);
	if (e->name.ptr == NULL)
		TSN_FAIL(r->err, TSN_ENOMEM, "out of memory");
	if (fields != NULL) {
		for (n = fields->kind == TSN_YAML_SEQ ? fields->first : fields; n != NULL;
		    n = fields->kind == TSN_YAML_SEQ ? n->next : NULL)
			TSN_TRY(add_key(r, e, tsn_yaml_text(n), n->line));
		return e->key_count > 0 ? TSN_OK : fail(r, fields->line, "entities: no fields");
	}
	TSN_TRY(add_key(r, e, name, v->line));
	for (size_t i = 0; i < TSN_COUNT(usual); i++)
		for (size_t k = 0; tsn_slice_eq(name, tsn_slice_cstr(usual[i].name)) &&
		    k < TSN_COUNT(usual[i].others) && usual[i].others[k] != NULL; k++)
			TSN_TRY(add_key(r, e, tsn_slice_cstr(usual[i].others[k]), v->line));
	return TSN_OK;
}

static enum tsn_code
read_entities(const struct reader *r, const struct tsn_yaml *list)
{
	static const struct tsn_yaml names[] = {
		{.next = &names[1], .kind = TSN_YAML_STR, .text = {"user.name", 9}},
		{.next = &names[2], .kind = TSN_YAML_STR, .text = {"host.name", 9}},
		{.kind = TSN_YAML_STR, .text = {"source.ip", 9}},
	};
	struct tsn_risk_config *c = &r->t->risk;

	if (list != NULL && (list->kind != TSN_YAML_SEQ || list->count == 0 ||
	    list->count > TSN_RISK_ENTITIES_MAX))
		return wants(r, list, "a list of 1 to 8");
	for (const struct tsn_yaml *v = list == NULL ? names : list->first; v != NULL; v = v->next)
		TSN_TRY(read_entity(r, v, &c->entities[c->entity_count++]));
	return TSN_OK;
}

static enum tsn_code
read_scores(const struct reader *r, const struct tsn_yaml *map)
{
	if (map->kind != TSN_YAML_MAP)
		return wants(r, map, "levels and numbers");
	for (const struct tsn_yaml *v = map->first; v != NULL; v = v->next) {
		int level = tsn_alert_level_find(v->key);
		char key[80];

		if (level < 0)
			return fail(r, v->key_line, "scores: no level is called \"%s\"",
			    tsn_slice_escape(v->key, key, sizeof key));
		TSN_TRY(read_number(r, v, &r->t->risk.scores[level]));
	}
	return TSN_OK;
}

static enum tsn_code
read_span(const struct reader *r, const struct tsn_yaml *map, const char *key, int64_t otherwise,
    int64_t *ret)
{
	const struct tsn_yaml *v = tsn_yaml_find(map, tsn_slice_cstr(key));

	*ret = otherwise;
	if (v != NULL && (tsn_time_parse_span(tsn_yaml_text(v), ret) != TSN_OK || *ret <= 0 ||
	    *ret > 366 * TSN_NS_PER_DAY))
		return wants(r, v, "a time such as 6h or 1d, at most a year");
	return TSN_OK;
}

static enum tsn_code
read_risk(const struct reader *r, const struct tsn_yaml *map)
{
	static const char *const known[] = {"window", "cooldown", "threshold", "rule_max", "level",
	    "scores", "entities"};
	static const double scores[TSN_LEVEL__COUNT] = {0, 5, 20, 40, 80};
	struct tsn_risk_config *c = &r->t->risk;
	const struct tsn_yaml *v;
	int level = TSN_LEVEL_HIGH;

	TSN_TRY(check_keys(r, map, "risk", known, TSN_COUNT(known)));
	for (size_t i = 0; i < TSN_LEVEL__COUNT; i++)
		c->scores[i] = scores[i];
	c->threshold = 100;
	TSN_TRY(read_span(r, map, "window", WINDOW_NS, &c->window_ns));
	TSN_TRY(read_span(r, map, "cooldown", COOLDOWN_NS, &c->cooldown_ns));
	if ((v = tsn_yaml_find(map, TSN_SLICE("threshold"))) != NULL)
		TSN_TRY(read_number(r, v, &c->threshold));
	if (c->threshold <= 0)
		return wants(r, v, "a number above 0");
	if ((v = tsn_yaml_find(map, TSN_SLICE("rule_max"))) != NULL)
		TSN_TRY(read_number(r, v, &c->rule_max));
	if (c->rule_max < 0)
		return wants(r, v, "a number above 0");
	if ((v = tsn_yaml_find(map, TSN_SLICE("level"))) != NULL &&
	    (level = tsn_alert_level_find(tsn_yaml_text(v))) < 0)
		return wants(r, v, "informational, low, medium, high or critical");
	c->level = (enum tsn_level)level;
	if ((v = tsn_yaml_find(map, TSN_SLICE("scores"))) != NULL)
		TSN_TRY(read_scores(r, v));
	r->t->has_risk = true;
	return read_entities(r, tsn_yaml_find(map, TSN_SLICE("entities")));
}

static enum tsn_code
read_all(const struct reader *r, struct tsn_slice text)
{
	static const char *const known[] = {"triage", "risk"};
	const struct tsn_yaml *doc, *v;
	struct tsn_err why = {0};
	enum tsn_code code = tsn_yaml_parse(&r->t->arena, text, &doc, &why);

	if (code == TSN_EPARSE || code == TSN_ELIMIT)
		return fail(r, why.pos == TSN_POS_NONE ? 1 : (uint32_t)why.pos, "%s", why.msg);
	if (code != TSN_OK)
		TSN_FAIL(r->err, code, "out of memory");
	if (doc == NULL || doc->next != NULL)
		return fail(r, 1, "expected one document with triage, risk or both");
	TSN_TRY(check_keys(r, doc, "triage file", known, TSN_COUNT(known)));
	if ((v = tsn_yaml_find(doc, TSN_SLICE("triage"))) != NULL)
		TSN_TRY(read_triage(r, v));
	if ((v = tsn_yaml_find(doc, TSN_SLICE("risk"))) != NULL)
		TSN_TRY(read_risk(r, v));
	return TSN_OK;
}

enum tsn_code
tsn_triage_parse(const char *name, struct tsn_slice text, struct tsn_keys *keys,
    struct tsn_triage **ret, struct tsn_err *err)
{
	struct tsn_triage *t = calloc(1, sizeof *t);
	struct reader r = {.t = t, .name = name, .err = err};
	enum tsn_code code;

	if (t == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	t->keys = keys;
	t->negative_trumps = true;
	tsn_arena_init(&t->arena, ARENA_BYTES_MAX);
	tsn_arena_init(&t->scratch, SCRATCH_BYTES_MAX);
	tsn_buf_init(&t->text, TEXT_BYTES_MAX);
	code = tsn_match_scratch_init(&t->match);
	text = tsn_arena_dup(&t->arena, text);
	if (code == TSN_OK && text.ptr == NULL)
		code = TSN_ENOMEM;
	if (code != TSN_OK)
		(void)TSN_ERR(err, code, "out of memory");
	if (code == TSN_OK)
		code = read_all(&r, text);
	if (code != TSN_OK) {
		tsn_triage_free(t);
		return code;
	}
	*ret = t;
	return TSN_OK;
}

enum tsn_code
tsn_triage_load(const char *path, struct tsn_keys *keys, struct tsn_triage **ret,
    struct tsn_err *err)
{
	struct tsn_buf text TSN_CLEANUP(tsn_buf_done) = {0};

	tsn_buf_init(&text, FILE_BYTES_MAX);
	TSN_TRY(tsn_file_read_all(&tsn_file_system, path, &text, err));
	return tsn_triage_parse(path, tsn_buf_get(&text), keys, ret, err);
}
