/* Running a query: source, filter, chain of operators, sink. */
#include <stdlib.h>
#include <sys/random.h>

#include "base/assert.h"
#include "query/op_int.h"
#include "query/query_int.h"

struct scan {
	const struct tsn_query *q;
	struct tsn_run run;
	struct tsn_op *first;
	bool ended;
};

static enum tsn_code
scan_store(void *ctx, const struct tsn_store_scan *scan, struct tsn_err *err)
{
	return tsn_store_scan(ctx, scan, err);
}

struct tsn_query_source
tsn_query_store(struct tsn_store_reader *r)
{
	return (struct tsn_query_source){scan_store, r};
}

static enum tsn_code
take_rows(void *ctx, const struct tsn_batch *rows, struct tsn_err *err)
{
	struct scan *s = ctx;
	struct tsn_run *run = &s->run;

	for (uint32_t i = 0; i < rows->count; i++) {
		enum tsn_code code;

		TSN_TRY(tsn_op_tick(run, err));
		run->report.scanned++;
		if (!tsn_match_eval(s->q->match, &run->match, &rows->events[i]))
			continue;
		run->report.matched++;
		tsn_arena_reset(run->eval.arena);
		code = tsn_op_push(s->first, &(struct tsn_row){.ev = &rows->events[i]}, err);
		s->ended = code == TSN_EOF;
		if (code != TSN_OK)
			return code;
	}
	if (run->options->progress != NULL && rows->count > 0)
		run->options->progress(run->options->progress_ctx, &run->report,
		    rows->events[rows->count - 1].time_ns);
	return TSN_OK;
}

/* Events that the source found to match, each standing for many. */
static enum tsn_code
take_tally(void *ctx, const struct tsn_batch *rows, const uint64_t *counts, struct tsn_err *err)
{
	struct scan *s = ctx;
	struct tsn_run *run = &s->run;
	enum tsn_code code = TSN_OK;

	for (uint32_t i = 0; i < rows->count && code == TSN_OK; i++) {
		TSN_TRY(tsn_op_tick(run, err));
		run->report.scanned += counts[i];
		run->report.matched += counts[i];
		tsn_arena_reset(run->eval.arena);
		run->weight = counts[i];
		code = tsn_op_push(s->first, &(struct tsn_row){.ev = &rows->events[i]}, err);
		run->weight = 1;
		s->ended = code == TSN_EOF;
	}
	if (code == TSN_OK && run->options->progress != NULL && rows->count > 0)
		run->options->progress(run->options->progress_ctx, &run->report,
		    rows->events[rows->count - 1].time_ns);
	return code;
}

static struct tsn_op *
make_op(struct tsn_run *run, const struct tsn_stage *s, uint64_t limit)
{
	bool reverse;

	switch (s->op) {
	case TSN_STAGE_WHERE:
		return tsn_op_where(run, s);
	case TSN_STAGE_EVAL:
		return tsn_op_eval(run, s);
	case TSN_STAGE_STATS:
		return tsn_op_stats(run, s);
	case TSN_STAGE_SORT:
		return tsn_op_sort(run, s, tsn_plan_sort_limit(s, limit));
	case TSN_STAGE_HEAD:
		return tsn_op_head(run, s);
	case TSN_STAGE_TAIL:
		/* after the first tail rows are in their order again */
		reverse = run->reversed;
		run->reversed = false;
		return tsn_op_tail(run, s, reverse);
	case TSN_STAGE_FIELDS:
		return tsn_op_fields(run, s);
	case TSN_STAGE_DROP:
		return tsn_op_drop(run, s);
	case TSN_STAGE_DEDUP:
		return tsn_op_dedup(run, s);
	}
	return NULL;
}

static void
free_ops(struct tsn_op *op)
{
	while (op != NULL) {
		struct tsn_op *next = op->next;

		op->free(op);
		op = next;
	}
}

static enum tsn_code
make_ops(struct scan *s, const struct tsn_query_sink *sink, struct tsn_err *err)
{
	uint64_t limit = tsn_plan_row_limit(s->q, s->run.options);
	struct tsn_op **end = &s->first;

	for (const struct tsn_stage *stage = s->q->stages; stage != NULL; stage = stage->next) {
		*end = make_op(&s->run, stage, limit);
		if (*end == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		end = &(*end)->next;
	}
	*end = tsn_op_sink(&s->run, sink, limit);
	if (*end == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return TSN_OK;
}

static bool
scan_canceled(void *ctx)
{
	const struct scan *s = ctx;
	const struct tsn_query_options *o = s->run.options;

	return o->canceled != NULL && o->canceled(o->canceled_ctx);
}

static const struct tsn_schema *
schema_of(const struct tsn_query *q)
{
	static const struct tsn_schema events = {.events = true};
	const struct tsn_stage *s = q->stages;

	while (s != NULL && s->next != NULL)
		s = s->next;
	return s == NULL ? &events : s->out;
}

static enum tsn_code
run_scan(struct scan *s, const struct tsn_query_source *source, const struct tsn_query_sink *sink,
    struct tsn_err *err)
{
	const struct tsn_query_options *o = s->run.options;
	bool ranged = o->from_ns != 0 || o->to_ns != 0;
	struct tsn_store_scan scan = {.from_ns = s->q->from_ns, .to_ns = s->q->to_ns,
	    .hint = s->q->rest, .fields = s->q->fields, .field_count = s->q->field_count,
	    .newest_first = s->run.newest_first, .canceled = scan_canceled, .rows = take_rows,
	    .since = o->since, .stats = o->stats, .ctx = s};
	enum tsn_code code = TSN_OK;

	if (s->q->tallies && !o->one_by_one) {
		scan.tally = take_tally;
		scan.tally_fields = s->q->tally_fields;
		scan.tally_field_count = s->q->tally_field_count;
		scan.tally_span_ns = s->q->tally_span_ns;
	}

	if (ranged && o->from_ns > scan.from_ns)
		scan.from_ns = o->from_ns;
	if (ranged && o->to_ns < scan.to_ns)
		scan.to_ns = o->to_ns;
	if (sink->begin != NULL)
		TSN_TRY(sink->begin(sink->ctx, schema_of(s->q), err));
	if (scan.from_ns < scan.to_ns)
		code = source->scan(source->ctx, &scan, err);
	if (code != TSN_OK && !(code == TSN_EOF && s->ended))
		return code;
	code = s->first->finish(s->first, err);
	return code == TSN_EOF ? TSN_OK : code;
}

enum tsn_code
tsn_query_run(const struct tsn_query *q, const struct tsn_query_source *source,
    const struct tsn_query_options *options, const struct tsn_query_sink *sink,
    struct tsn_query_report *ret_report, struct tsn_err *err)
{
	struct scan s = {.q = q, .run = {.options = options,
	    .newest_first = !tsn_plan_oldest_first(q)}};
	struct tsn_run *run = &s.run;
	enum tsn_code code;

	run->reversed = !run->newest_first;
	run->weight = 1;
	run->memory_max = options->memory_max > 0 ? options->memory_max : TSN_QUERY_MEMORY_DEFAULT;
	/* without entropy the tables are merely easier to attack */
	if (getrandom(&run->seed, sizeof run->seed, GRND_NONBLOCK) != (ssize_t)sizeof run->seed)
		run->seed = (uint64_t)(uintptr_t)&s;
	tsn_arena_init(&run->scratch, run->memory_max);
	run->eval = (struct tsn_eval){.arena = &run->scratch, .keys = q->keys,
	    .scratch = &run->match, .now_ns = q->now_ns};
	code = tsn_match_scratch_init(&run->match);
	if (code == TSN_OK)
		code = make_ops(&s, sink, err);
	else
		(void)TSN_ERR(err, code, "out of memory");
	if (code == TSN_OK)
		code = run_scan(&s, source, sink, err);
	run->report.regex_limit_hits = run->match.regex_limit_hits;
	run->report.memory_fails = run->match.memory_fails + run->eval.memory_fails;
	if (ret_report != NULL)
		*ret_report = run->report;
	free_ops(s.first);
	tsn_match_scratch_done(&run->match);
	tsn_arena_done(&run->scratch);
	return code;
}
