/* Compiling the tree, and the way of an event through it. */
#include "pipeline/run.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/run_int.h"

#define TIMESTAMP TSN_SLICE("@timestamp")

static enum tsn_code
open_common(struct tsn_pinst *in, struct tsn_err *err)
{
	const char *tags = in->desc->kind == TSN_PLUGIN_INPUT ? "tags" : "add_tag";

	in->type = in->desc->kind == TSN_PLUGIN_INPUT ? tsn_pi_str(in, "type", "") : TSN_SLICE("");
	if (!tsn_pi_pairs(in, "add_field", &in->add_field, &in->add_field_count) ||
	    !tsn_pi_tmpls(in, tags, &in->add_tag, &in->add_tag_count) ||
	    !tsn_pi_tmpls(in, "remove_tag", &in->remove_tag, &in->remove_tag_count) ||
	    !tsn_pi_names(in, "remove_field", &in->remove_field, &in->remove_field_count))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return TSN_OK;
}

static enum tsn_code
open_inst(struct tsn_pinst *in, struct tsn_err *err)
{
	const struct tsn_plugin *d = in->desc;
	enum tsn_code (*open)(struct tsn_pinst *, struct tsn_err *) = NULL;

	if (d->filter != NULL)
		open = d->filter->open;
	else if (d->input != NULL)
		open = d->input->open;
	else if (d->output != NULL)
		open = d->output->open;
	else if (d->codec != NULL)
		open = d->codec->open;
	in->opened = true;
	return open == NULL ? TSN_OK : open(in, err);
}

static enum tsn_code new_inst(struct tsn_pipeline *pl, struct tsn_conf_plugin *conf,
    struct tsn_pinst **ret, struct tsn_err *err);

static enum tsn_code
new_codec(struct tsn_pinst *in, const char *dflt, struct tsn_err *err)
{
	const struct tsn_conf_value *v = tsn_pi_get(in, "codec");
	struct tsn_conf_plugin *named;

	if (v != NULL && v->type == TSN_CONF_PLUGIN)
		return new_inst(in->pl, v->plugin, &in->codec, err);
	named = tsn_pi_alloc(in, 1, sizeof *named);
	if (named == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	*named = (struct tsn_conf_plugin){.kind = TSN_PLUGIN_CODEC, .at = in->conf->at,
	    .name = v == NULL ? tsn_slice_cstr(dflt) : v->text};
	return new_inst(in->pl, named, &in->codec, err);
}

static enum tsn_code
new_inst(struct tsn_pipeline *pl, struct tsn_conf_plugin *conf, struct tsn_pinst **ret,
    struct tsn_err *err)
{
	struct tsn_pinst *in = tsn_arena_calloc(&pl->conf->arena, 1, sizeof *in);

	if (in == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	*in = (struct tsn_pinst){.desc = tsn_plugin_find(conf->kind, conf->name), .conf = conf,
	    .pl = pl, .next = pl->insts};
	/* the configuration was checked: the name is known */
	if (in->desc == NULL)
		TSN_FAIL(err, TSN_EINVAL, "unknown plugin");
	conf->user = in;
	*ret = in;
	if (in->desc->refused != NULL)
		return tsn_pi_fail(in, err, "refused: %s", in->desc->refused);
	if (!tsn_plugin_runs(in->desc))
		return tsn_pi_fail(in, err, "its options can be checked, but this program has no "
		    "implementation that runs it");
	pl->insts = in;
	if (in->desc->kind != TSN_PLUGIN_CODEC)
		TSN_TRY(open_common(in, err));
	if (in->desc->input != NULL)
		TSN_TRY(new_codec(in, in->desc->input->codec, err));
	if (in->desc->output != NULL && in->desc->output->codec != NULL)
		TSN_TRY(new_codec(in, in->desc->output->codec, err));
	return open_inst(in, err);
}

static enum tsn_code
compile_nodes(struct tsn_pipeline *pl, struct tsn_conf_node *n, struct tsn_err *err)
{
	for (; n != NULL; n = n->next) {
		struct tsn_pinst *in;

		if (n->plugin != NULL) {
			TSN_TRY(new_inst(pl, n->plugin, &in, err));
			if (n->plugin->kind != TSN_PLUGIN_INPUT)
				continue;
			if (pl->input_count == TSN_COUNT(pl->inputs))
				return tsn_pi_fail(in, err, "a pipeline has at most %zu inputs",
				    TSN_COUNT(pl->inputs));
			pl->inputs[pl->input_count++] = in;
		}
		for (struct tsn_conf_branch *b = n->branches; b != NULL; b = b->next) {
			if (b->cond != NULL)
				TSN_TRY(tsn_cond_compile(pl->conf, b->cond, err));
			TSN_TRY(compile_nodes(pl, b->body, err));
		}
	}
	return TSN_OK;
}

enum tsn_code
tsn_pipeline_new(struct tsn_conf *conf, const struct tsn_pl_env *env, bool filters_only,
    struct tsn_pipeline **ret, struct tsn_err *err)
{
	struct tsn_pipeline *pl = calloc(1, sizeof *pl);

	if (pl == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	pl->conf = conf;
	pl->env = *env;
	tsn_arena_init(&pl->arena, TSN_PL_BYTES_MAX);
	tsn_buf_init(&pl->out, TSN_PL_BYTES_MAX);
	tsn_pevs_init(&pl->decoded);
	tsn_pevs_init(&pl->emitted);
	for (unsigned k = 0; k < 3; k++) {
		enum tsn_code code = filters_only && k != TSN_PLUGIN_FILTER ? TSN_OK :
		    compile_nodes(pl, conf->sections[k], err);

		if (code != TSN_OK) {
			tsn_pipeline_free(pl);
			return code;
		}
	}
	*ret = pl;
	return TSN_OK;
}

static void
free_conds(struct tsn_conf_node *n)
{
	for (; n != NULL; n = n->next)
		for (struct tsn_conf_branch *b = n->branches; b != NULL; b = b->next) {
			if (b->cond != NULL)
				tsn_cond_done(b->cond);
			free_conds(b->body);
		}
}

static void
close_inst(struct tsn_pinst *in)
{
	const struct tsn_plugin *d = in->desc;
	void (*close)(struct tsn_pinst *) = NULL;

	if (!in->opened)
		return;
	if (d->filter != NULL)
		close = d->filter->close;
	else if (d->input != NULL)
		close = d->input->close;
	else if (d->output != NULL)
		close = d->output->close;
	else if (d->codec != NULL)
		close = d->codec->close;
	if (close != NULL)
		close(in);
}

void
tsn_pipeline_free(struct tsn_pipeline *pl)
{
	if (pl == NULL)
		return;
	for (struct tsn_pinst *in = pl->insts; in != NULL; in = in->next)
		close_inst(in);
	for (unsigned k = 0; k < 3; k++)
		free_conds(pl->conf->sections[k]);
	tsn_buf_done(&pl->out);
	tsn_arena_done(&pl->arena);
	free(pl);
}

struct tsn_pev *
tsn_pl_event(struct tsn_pipeline *pl)
{
	struct tsn_pev *ev = tsn_pev_new(&pl->arena);
	struct tsn_pv now = {.type = TSN_PV_TIME};

	if (ev == NULL)
		return NULL;
	/* milliseconds: what Logstash's documents carry when they make the time themselves */
	now.as.i = tsn_time_floor(pl->env.now_ns(pl->env.ctx), TSN_NS_PER_MS);
	if (!tsn_pev_put(ev, TIMESTAMP, now) ||
	    !tsn_pev_put(ev, TSN_SLICE("@version"), tsn_pv_str(TSN_SLICE("1"))))
		return NULL;
	return ev;
}

void
tsn_pl_decoded(struct tsn_pinst *codec, struct tsn_pev *ev)
{
	if (ev == NULL)
		codec->pl->counts.failed++;
	else
		tsn_pevs_add(&codec->pl->decoded, ev);
}

bool
tsn_pl_emit(struct tsn_pinst *filter, struct tsn_pev *ev)
{
	if (ev == NULL || filter->pl->made >= TSN_PL_EVENTS_MAX) {
		filter->pl->counts.failed++;
		return false;
	}
	filter->pl->made++;
	tsn_pevs_add(&filter->pl->emitted, ev);
	return true;
}

/* one plugin over a list */
static void
run_filter(struct tsn_pinst *in, struct tsn_pevs *list)
{
	struct tsn_pev *ev = list->first;
	struct tsn_pevs out;

	tsn_pevs_init(&out);
	while (ev != NULL) {
		struct tsn_pev *next = ev->next;
		bool matched;

		tsn_pevs_init(&in->pl->emitted);
		matched = in->desc->filter->filter(in, ev);
		if (matched && !ev->cancelled)
			tsn_pl_matched(in, ev);
		if (ev->cancelled)
			in->pl->counts.dropped += in->pl->emitted.first == NULL;
		else
			tsn_pevs_add(&out, ev);
		for (struct tsn_pev *more = in->pl->emitted.first, *after; more != NULL; more = after) {
			after = more->next;
			tsn_pevs_add(&out, more);
		}
		ev = next;
	}
	*list = out;
	if (list->first == NULL)
		list->tail = &list->first;
}

static void run_nodes(struct tsn_conf_node *n, struct tsn_pevs *list);

static void
run_branches(struct tsn_conf_node *n, struct tsn_pevs *list)
{
	struct tsn_pev *ev = list->first;
	struct tsn_pevs out;

	tsn_pevs_init(&out);
	while (ev != NULL) {
		struct tsn_pev *next = ev->next;
		struct tsn_conf_branch *b = n->branches;
		struct tsn_pevs one;

		while (b != NULL && b->cond != NULL && !tsn_cond_eval(b->cond, ev))
			b = b->next;
		tsn_pevs_init(&one);
		tsn_pevs_add(&one, ev);
		if (b != NULL)
			run_nodes(b->body, &one);
		for (struct tsn_pev *more = one.first, *after; more != NULL; more = after) {
			after = more->next;
			tsn_pevs_add(&out, more);
		}
		ev = next;
	}
	*list = out;
	if (list->first == NULL)
		list->tail = &list->first;
}

/* depth is bounded by the reader of the configuration */
static void
run_nodes(struct tsn_conf_node *n, struct tsn_pevs *list)
{
	for (; n != NULL && list->first != NULL; n = n->next) {
		if (n->plugin != NULL)
			run_filter(n->plugin->user, list);
		else
			run_branches(n, list);
	}
}

static enum tsn_code
write_nodes(struct tsn_conf_node *n, struct tsn_pev *ev, struct tsn_err *err)
{
	for (; n != NULL; n = n->next) {
		struct tsn_conf_branch *b = n->branches;

		if (n->plugin != NULL) {
			struct tsn_pinst *in = n->plugin->user;

			TSN_TRY(in->desc->output->write(in, ev, err));
			continue;
		}
		while (b != NULL && b->cond != NULL && !tsn_cond_eval(b->cond, ev))
			b = b->next;
		if (b != NULL)
			TSN_TRY(write_nodes(b->body, ev, err));
	}
	return TSN_OK;
}

static enum tsn_code
flush_nodes(struct tsn_conf_node *n, struct tsn_err *err)
{
	for (; n != NULL; n = n->next) {
		if (n->plugin != NULL) {
			struct tsn_pinst *in = n->plugin->user;

			if (in->desc->output->flush != NULL)
				TSN_TRY(in->desc->output->flush(in, err));
		}
		for (struct tsn_conf_branch *b = n->branches; b != NULL; b = b->next)
			TSN_TRY(flush_nodes(b->body, err));
	}
	return TSN_OK;
}

struct tsn_pev *
tsn_pipeline_filter(struct tsn_pipeline *pl, struct tsn_pev *ev)
{
	struct tsn_pevs list;

	tsn_pevs_init(&list);
	tsn_pevs_add(&list, ev);
	pl->made = 1;
	run_nodes(pl->conf->sections[TSN_PLUGIN_FILTER], &list);
	return list.first;
}

struct tsn_arena *
tsn_pipeline_arena(struct tsn_pipeline *pl)
{
	return &pl->arena;
}

/* what the codec decoded, through everything */
static enum tsn_code
pass_on(struct tsn_pinst *input, struct tsn_err *err)
{
	struct tsn_pipeline *pl = input->pl;
	struct tsn_pev *ev = pl->decoded.first, *next;
	enum tsn_code code = TSN_OK;

	tsn_pevs_init(&pl->decoded);
	for (; ev != NULL && code == TSN_OK; ev = next) {
		next = ev->next;
		pl->counts.in++;
		if (input->desc->input->decorate != NULL)
			input->desc->input->decorate(input, ev);
		if (input->type.len > 0 && tsn_pev_find(ev, TSN_SLICE("type")) == NULL)
			(void)tsn_pev_put(ev, TSN_SLICE("type"), tsn_pv_str(input->type));
		tsn_pl_matched(input, ev);
		for (struct tsn_pev *e = tsn_pipeline_filter(pl, ev); e != NULL && code == TSN_OK;
		    e = e->next) {
			pl->counts.out++;
			code = write_nodes(pl->conf->sections[TSN_PLUGIN_OUTPUT], e, err);
		}
	}
	tsn_arena_reset(&pl->arena);
	return code;
}

enum tsn_code
tsn_pl_record(struct tsn_pinst *input, struct tsn_slice record, struct tsn_err *err)
{
	input->codec->desc->codec->decode(input->codec, record);
	return pass_on(input, err);
}

enum tsn_code
tsn_pl_finish(struct tsn_pinst *input, struct tsn_err *err)
{
	if (input->codec->desc->codec->finish != NULL)
		input->codec->desc->codec->finish(input->codec);
	return pass_on(input, err);
}

enum tsn_code
tsn_pipeline_run(struct tsn_pipeline *pl, struct tsn_err *err)
{
	bool ended[TSN_COUNT(pl->inputs)] = {false};
	uint32_t left = pl->input_count;

	while (left > 0 && !pl->env.stop(pl->env.ctx)) {
		bool more = false;

		for (uint32_t i = 0; i < pl->input_count; i++) {
			enum tsn_pstep step = TSN_PSTEP_END;

			if (ended[i])
				continue;
			TSN_TRY(pl->inputs[i]->desc->input->step(pl->inputs[i], &step, err));
			more |= step == TSN_PSTEP_MORE;
			if (step == TSN_PSTEP_END) {
				ended[i] = true;
				left--;
				TSN_TRY(tsn_pl_finish(pl->inputs[i], err));
			}
		}
		if (!more && left > 0) {
			TSN_TRY(flush_nodes(pl->conf->sections[TSN_PLUGIN_OUTPUT], err));
			pl->env.idle(pl->env.ctx);
		}
	}
	for (uint32_t i = 0; i < pl->input_count; i++)
		if (!ended[i])
			TSN_TRY(tsn_pl_finish(pl->inputs[i], err));
	return flush_nodes(pl->conf->sections[TSN_PLUGIN_OUTPUT], err);
}

struct tsn_pl_counts
tsn_pipeline_counts(const struct tsn_pipeline *pl)
{
	return pl->counts;
}
