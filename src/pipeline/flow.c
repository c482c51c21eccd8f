/* The way of an event: from an input's codec through the filters to the outputs. */
#include <stdio.h>

#include "os/clock.h"
#include "pipeline/run_int.h"

#define TIMESTAMP TSN_SLICE("@timestamp")
#define SETTLE_NS TSN_NS_PER_SEC
#define TICK_NS TSN_NS_PER_SEC
#define WAIT_MS 100

struct tsn_pev *
tsn_pl_event(struct tsn_pipeline *pl)
{
	struct tsn_pev *ev = tsn_pev_new(&pl->arena);
	struct tsn_pv now = {.type = TSN_PV_TIME};

	if (ev == NULL)
		return NULL;
	/* milliseconds: what Logstash's documents carry when they make the time themselves */
	now.as.i = tsn_time_floor(pl->env.now_ns(pl->env.ctx), TSN_NS_PER_MS);
	ev->born_ns = now.as.i;
	if (!tsn_pev_put(ev, TIMESTAMP, now) ||
	    !tsn_pev_put(ev, TSN_SLICE("@version"), tsn_pv_str(TSN_SLICE("1"))))
		return NULL;
	return ev;
}

void
tsn_pl_decoded(struct tsn_pinst *codec, struct tsn_pev *ev)
{
	if (ev == NULL) {
		TSN_PL_ADD(codec->pl->counts.failed, 1);
		return;
	}
	ev->parsed |= codec->desc->parses;
	tsn_pevs_add(&codec->pl->decoded, ev);
}

bool
tsn_pl_emit(struct tsn_pinst *filter, struct tsn_pev *ev)
{
	if (ev == NULL || filter->pl->made >= TSN_PL_EVENTS_MAX) {
		TSN_PL_ADD(filter->pl->counts.failed, 1);
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
	struct tsn_pl_counts *counts = &in->pl->counts;
	struct tsn_pevs out;

	tsn_pevs_init(&out);
	while (ev != NULL) {
		struct tsn_pev *next = ev->next;
		bool matched;

		tsn_pevs_init(&in->pl->emitted);
		matched = in->desc->filter->filter(in, ev);
		TSN_PL_ADD(in->events, 1);
		ev->parsed |= matched && in->desc->parses;
		if (matched && !ev->cancelled)
			tsn_pl_matched(in, ev);
		if (!ev->cancelled) {
			tsn_pevs_add(&out, ev);
			TSN_PL_ADD(counts->made, in->pl->emitted.count);
		} else if (in->pl->emitted.count > 0) {
			TSN_PL_ADD(counts->made, in->pl->emitted.count - 1);
		} else {
			TSN_PL_ADD(counts->dropped, 1);
		}
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

/* An output's own trouble is its own: it is counted and said, and the others go on. */
static enum tsn_code
write_one(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_err *err)
{
	struct tsn_err why = {0};
	enum tsn_code code = in->desc->output->write(in, ev, &why);
	int64_t now;

	TSN_PL_ADD(in->events, 1);
	if (code == TSN_OK)
		return TSN_OK;
	if (in->desc->output->vital || code == TSN_ECANCELED) {
		TSN_PL_ADD(in->lost, 1);
		if (err != NULL)
			*err = why;
		return code;
	}
	TSN_PL_ADD(in->lost, 1);
	now = tsn_clock_mono_ns();
	if (in->lost == 1 || now - in->said_ns > 60 * TSN_NS_PER_SEC) {
		in->said_ns = now;
		tsn_pl_say(in, "%s (%llu events of this output lost so far)", why.msg,
		    (unsigned long long)in->lost);
	}
	return TSN_OK;
}

static enum tsn_code
write_nodes(struct tsn_conf_node *n, struct tsn_pev *ev, struct tsn_err *err)
{
	for (; n != NULL; n = n->next) {
		struct tsn_conf_branch *b = n->branches;

		if (n->plugin != NULL) {
			TSN_TRY(write_one(n->plugin->user, ev, err));
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
flush_one(struct tsn_pinst *in, bool *settled, struct tsn_err *err)
{
	struct tsn_err why = {0};
	bool mine = true;
	enum tsn_code code = TSN_OK;

	if (in->desc->output->flush != NULL)
		code = in->desc->output->flush(in, &mine, &why);
	*settled &= mine && code == TSN_OK;
	if (code == TSN_OK)
		return TSN_OK;
	if (in->desc->output->vital || code == TSN_ECANCELED) {
		if (err != NULL)
			*err = why;
		return code;
	}
	tsn_pl_say(in, "%s", why.msg);
	return TSN_OK;
}

static enum tsn_code
flush_nodes(struct tsn_conf_node *n, bool *settled, struct tsn_err *err)
{
	for (; n != NULL; n = n->next) {
		if (n->plugin != NULL)
			TSN_TRY(flush_one(n->plugin->user, settled, err));
		for (struct tsn_conf_branch *b = n->branches; b != NULL; b = b->next)
			TSN_TRY(flush_nodes(b->body, settled, err));
	}
	return TSN_OK;
}

/* What has left the outputs for good need not be read again. */
static enum tsn_code
settle(struct tsn_pipeline *pl, struct tsn_err *err)
{
	bool settled = true;

	TSN_TRY(flush_nodes(pl->conf->sections[TSN_PLUGIN_OUTPUT], &settled, err));
	for (uint32_t i = 0; settled && i < pl->input_count; i++)
		if (pl->inputs[i]->desc->input->settled != NULL)
			TSN_TRY(pl->inputs[i]->desc->input->settled(pl->inputs[i], err));
	pl->settled_ns = tsn_clock_mono_ns();
	pl->settled = settled;
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

static void
decorate(struct tsn_pinst *input, struct tsn_pev *ev)
{
	TSN_PL_ADD(input->pl->counts.in, 1);
	TSN_PL_ADD(input->events, 1);
	if (input->desc->input != NULL && input->desc->input->decorate != NULL && input->opened)
		input->desc->input->decorate(input, ev);
	if (input->type.len > 0 && tsn_pev_find(ev, TSN_SLICE("type")) == NULL)
		(void)tsn_pev_put(ev, TSN_SLICE("type"), tsn_pv_str(input->type));
	tsn_pl_matched(input, ev);
}

static enum tsn_code
to_outputs(struct tsn_pipeline *pl, struct tsn_pev *ev, struct tsn_err *err)
{
	for (struct tsn_pev *next; ev != NULL; ev = next) {
		next = ev->next;
		TSN_PL_ADD(pl->counts.out, 1);
		TSN_TRY(write_nodes(pl->conf->sections[TSN_PLUGIN_OUTPUT], ev, err));
	}
	return TSN_OK;
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
		decorate(input, ev);
		code = to_outputs(pl, tsn_pipeline_filter(pl, ev), err);
	}
	tsn_arena_reset(&pl->arena);
	return code;
}

bool
tsn_pl_holds(const struct tsn_pinst *input)
{
	const struct tsn_pinst *codec = input->codec;

	return codec != NULL && codec->desc->codec->holds != NULL && codec->desc->codec->holds(codec);
}

bool
tsn_pipeline_holds(const struct tsn_pipeline *pl)
{
	return tsn_pl_holds(pl->feed);
}

enum tsn_code
tsn_pl_record(struct tsn_pinst *input, struct tsn_slice record, struct tsn_err *err)
{
	input->codec->desc->codec->decode(input->codec, record);
	return pass_on(input, err);
}

enum tsn_code
tsn_pl_decoded_go(struct tsn_pinst *input, struct tsn_err *err)
{
	return pass_on(input, err);
}

enum tsn_code
tsn_pl_body(struct tsn_pinst *input, struct tsn_slice body, struct tsn_err *err)
{
	const struct tsn_pcodec *codec = input->codec->desc->codec;

	if (codec->consume != NULL) {
		(void)codec->consume(input->codec, body, true);
		return pass_on(input, err);
	}
	while (codec->lines && body.len > 0) {
		size_t end = tsn_slice_find_char(body, '\n'), len = end == SIZE_MAX ? body.len : end;
		struct tsn_slice line = tsn_slice_of(body.ptr, len);

		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		body = tsn_slice_from(body, len + 1);
		TSN_TRY(tsn_pl_record(input, line, err));
	}
	return codec->lines ? TSN_OK : tsn_pl_record(input, body, err);
}

enum tsn_code
tsn_pl_event_in(struct tsn_pinst *input, struct tsn_pev *ev, struct tsn_err *err)
{
	tsn_pl_decoded(input, ev);
	return pass_on(input, err);
}

enum tsn_code
tsn_pl_finish(struct tsn_pinst *input, struct tsn_err *err)
{
	if (input->codec != NULL && input->codec->desc->codec->finish != NULL)
		input->codec->desc->codec->finish(input->codec);
	return pass_on(input, err);
}

struct tsn_pev *
tsn_pipeline_take(struct tsn_pipeline *pl, const struct tsn_slice *record, struct tsn_slice path)
{
	struct tsn_pinst *in = pl->feed;
	const struct tsn_pcodec *codec = in->codec->desc->codec;
	struct tsn_pev *ev, *next;
	struct tsn_pevs out;
	struct tsn_pref ref;

	if (record != NULL)
		codec->decode(in->codec, *record);
	else if (codec->finish != NULL)
		codec->finish(in->codec);
	ev = pl->decoded.first;
	tsn_pevs_init(&pl->decoded);
	tsn_pevs_init(&out);
	for (; ev != NULL; ev = next) {
		next = ev->next;
		if (path.len > 0 && tsn_pref_parse(ev->arena, tsn_pi_ecs(in) ?
		    TSN_SLICE("[log][file][path]") : TSN_SLICE("path"), &ref) &&
		    tsn_pev_get(ev, &ref) == NULL)
			(void)tsn_pev_set(ev, &ref, tsn_pv_str(path));
		decorate(in, ev);
		for (struct tsn_pev *e = tsn_pipeline_filter(pl, ev), *after; e != NULL; e = after) {
			after = e->next;
			TSN_PL_ADD(pl->counts.out, 1);
			tsn_pevs_add(&out, e);
		}
	}
	return out.first;
}

/* Events that a filter makes as time passes go on behind it. */
static enum tsn_code
tick_nodes(struct tsn_pipeline *pl, struct tsn_conf_node *n, struct tsn_conf_node *behind,
    bool last, struct tsn_err *err)
{
	for (; n != NULL; n = n->next) {
		struct tsn_pinst *in = n->plugin == NULL ? NULL : n->plugin->user;
		struct tsn_conf_node *then = behind != NULL ? behind : n->next;

		for (struct tsn_conf_branch *b = n->branches; b != NULL; b = b->next)
			TSN_TRY(tick_nodes(pl, b->body, then, last, err));
		if (in == NULL || in->desc->filter->tick == NULL)
			continue;
		tsn_pevs_init(&pl->emitted);
		pl->made = 0;
		in->desc->filter->tick(in, last);
		if (pl->emitted.count > 0) {
			struct tsn_pevs list = pl->emitted;

			TSN_PL_ADD(pl->counts.made, list.count);
			run_nodes(then, &list);
			TSN_TRY(to_outputs(pl, list.first, err));
			tsn_arena_reset(&pl->arena);
		}
	}
	return TSN_OK;
}

static enum tsn_code
tick(struct tsn_pipeline *pl, bool last, struct tsn_err *err)
{
	int64_t now = tsn_clock_mono_ns();

	if (now - pl->ticked_ns < TICK_NS && !last)
		return TSN_OK;
	pl->ticked_ns = now;
	return tick_nodes(pl, pl->conf->sections[TSN_PLUGIN_FILTER], NULL, last, err);
}

enum tsn_code
tsn_pl_loop(struct tsn_pipeline *pl, struct tsn_loop **ret, struct tsn_err *err)
{
	if (pl->loop == NULL)
		TSN_TRY(tsn_loop_new(&pl->loop, err));
	*ret = pl->loop;
	return TSN_OK;
}

void
tsn_pl_broken(struct tsn_pipeline *pl, enum tsn_code code, const struct tsn_err *why)
{
	if (pl->broken != TSN_OK)
		return;
	pl->broken = code;
	pl->broken_why = *why;
}

static enum tsn_code
wait_for_input(struct tsn_pipeline *pl, bool more, struct tsn_err *err)
{
	if (!more)
		pl->env.idle(pl->env.ctx);
	if (pl->loop != NULL)
		TSN_TRY(tsn_loop_turn(pl->loop, more ? 0 : WAIT_MS, err));
	else if (!more)
		tsn_clock_sleep_ms(WAIT_MS);
	if (pl->broken != TSN_OK && err != NULL)
		*err = pl->broken_why;
	return pl->broken;
}

/* One turn of every input; *left is how many go on. */
static enum tsn_code
step_inputs(struct tsn_pipeline *pl, bool *more, uint32_t *left, struct tsn_err *err)
{
	for (uint32_t i = 0; i < pl->input_count; i++) {
		enum tsn_pstep step = TSN_PSTEP_END;

		if (pl->ended[i])
			continue;
		TSN_TRY(pl->inputs[i]->desc->input->step(pl->inputs[i], &step, err));
		*more |= step == TSN_PSTEP_MORE;
		if (step == TSN_PSTEP_END) {
			pl->ended[i] = true;
			--*left;
			TSN_TRY(tsn_pl_finish(pl->inputs[i], err));
		}
	}
	return TSN_OK;
}

static enum tsn_code
run_rounds(struct tsn_pipeline *pl, struct tsn_err *err)
{
	uint32_t left = pl->input_count;

	while (left > 0 && !pl->env.stop(pl->env.ctx)) {
		bool more = false;

		TSN_TRY(step_inputs(pl, &more, &left, err));
		TSN_TRY(tick(pl, false, err));
		if (left == 0)
			break;
		if (!more || tsn_clock_mono_ns() - pl->settled_ns > SETTLE_NS)
			TSN_TRY(settle(pl, err));
		TSN_TRY(wait_for_input(pl, more, err));
	}
	return TSN_OK;
}

enum tsn_code
tsn_pipeline_run(struct tsn_pipeline *pl, struct tsn_err *err)
{
	enum tsn_code code = run_rounds(pl, err);
	bool settled = true;

	/* asked to stop while a full queue was waited for: its event is read again the next time */
	if (code == TSN_ECANCELED && pl->env.stop(pl->env.ctx))
		return flush_nodes(pl->conf->sections[TSN_PLUGIN_OUTPUT], &settled, err);
	TSN_TRY(code);
	for (uint32_t i = 0; i < pl->input_count; i++)
		if (!pl->ended[i])
			TSN_TRY(tsn_pl_finish(pl->inputs[i], err));
	TSN_TRY(tick(pl, true, err));
	pl->draining = true;
	TSN_TRY(settle(pl, err));
	/* what is on its way to a peer gets its chance; who asks for the end need not wait long */
	while (!pl->settled) {
		bool stopping = pl->env.stop(pl->env.ctx);

		if (stopping && pl->drain_began_ns == 0)
			pl->drain_began_ns = tsn_clock_mono_ns();
		if (stopping && tsn_clock_mono_ns() - pl->drain_began_ns > TSN_PL_DRAIN_NS)
			break;
		tsn_clock_sleep_ms(10);
		TSN_TRY(settle(pl, err));
	}
	pl->env.idle(pl->env.ctx);
	return TSN_OK;
}
