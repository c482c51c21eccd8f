/* After a restart: windows and enrichment state from the events of the last while. */
#include "server/detection_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "os/clock.h"

#define HINT_BYTES_MAX (16u << 20)
/* Windows that had fired before the first event read back; each new group looks through them. */
#define PAST_MAX 10000u
/* Clocks run ahead; an event from further in the future says nothing of the present. */
#define AHEAD_NS TSN_NS_PER_DAY
/* A source may hold back what a window has told for so long. */
#define HELD_NS (30 * TSN_NS_PER_SEC)

struct readback {
	struct tsn_detection *d;
	struct tsn_detection_read *out;
	const struct tsn_pred *hint;
	uint64_t events_max, counted;
	struct tsn_detect_past *past;
	uint32_t past_count;
	int64_t newest_ns, begin_ns;
	int64_t resume_ns;
};

static int64_t
minus(int64_t a, int64_t b)
{
	int64_t d;

	return __builtin_sub_overflow(a, b, &d) ? INT64_MIN : d;
}

bool
tsn_readback_known(const struct tsn_detection *d, const struct tsn_finding *finding)
{
	if (finding->rule->correlation == NULL)
		return true;
	if (tsn_detect_resumed(d->detect, (uint32_t)(finding->rule - d->rules->rules)))
		return false;
	return finding->last_seen_ns < d->sure_ns &&
	    !tsn_detect_begins_surely(d->detect, finding->rule);
}

/* Events that correlations or enrichers have state of. */
static enum tsn_code
make_hint(struct readback *r, struct tsn_arena *arena)
{
	struct tsn_detection *d = r->d;
	bool *marks = tsn_arena_calloc(arena, HINT_VIEWS_MAX, sizeof *marks);
	const struct tsn_pred **kids = tsn_arena_calloc(arena, HINT_VIEWS_MAX + 64, sizeof *kids);
	uint32_t count = 0;

	if (marks == NULL || kids == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < d->rules->count; i++) {
		const struct tsn_correlation *c = d->rules->rules[i].correlation;

		for (uint32_t j = 0; c != NULL && j < c->rule_count; j++) {
			const struct tsn_rule *rule = &d->rules->rules[c->rules[j]];
			enum tsn_code code = TSN_OK;

			if (rule->condition != NULL && !tsn_detection_mark(d, rule, marks, &code))
				return code;
		}
	}
	for (uint32_t i = 0; i < tsn_taxonomy_view_count(d->taxonomy) && i < HINT_VIEWS_MAX; i++)
		if (marks[i])
			kids[count++] = tsn_taxonomy_view(d->taxonomy, i)->when;
	for (unsigned i = 0; i < 64 && !d->state_stands && tsn_enrich_dataset(i) != NULL; i++) {
		kids[count] = tsn_pred_atom(arena, &(struct tsn_atom){.field = TSN_SLICE("event.dataset"),
		    .op = TSN_ATOM_EQ, .value = tsn_slice_cstr(tsn_enrich_dataset(i))});
		if (kids[count++] == NULL)
			return TSN_ENOMEM;
	}
	r->hint = tsn_pred_group(arena, TSN_PRED_OR, kids, count);
	return r->hint == NULL ? TSN_ENOMEM : TSN_OK;
}

/* Newest first: where the span begins, and whether it holds too many. */
static enum tsn_code
count_rows(void *ctx, const struct tsn_batch *rows, struct tsn_err *err)
{
	struct readback *r = ctx;

	(void)err;
	for (uint32_t i = 0; i < rows->count; i++) {
		int64_t t = rows->events[i].time_ns;

		if (r->newest_ns == TSN_TIME_NONE) {
			r->newest_ns = t;
			r->begin_ns = minus(t, r->out->span_ns);
			if (r->out->resumed && r->resume_ns < r->begin_ns)
				r->begin_ns = r->resume_ns;
		}
		if (t < r->begin_ns)
			return TSN_EOF;
		if (++r->counted > r->events_max) {
			r->out->limited = true;
			r->begin_ns = t < INT64_MAX ? t + 1 : t;
			return TSN_EOF;
		}
	}
	return TSN_OK;
}

static enum tsn_code
take_rows(void *ctx, const struct tsn_batch *rows, struct tsn_err *err)
{
	struct readback *r = ctx;

	for (uint32_t i = 0; i < rows->count && !r->d->state_stands; i++)
		TSN_TRY(tsn_enrich_replay(r->d->enrich, &rows->events[i], err));
	if (rows->count > 0 && r->out->events == 0)
		r->out->from_ns = rows->events[0].time_ns;
	if (rows->count > 0)
		r->out->to_ns = rows->events[rows->count - 1].time_ns;
	r->out->events += rows->count;
	return tsn_detection_rows(r->d, rows, err);
}

static const struct tsn_rule *
find_rule(const struct tsn_ruleset *rules, struct tsn_slice id, uint32_t *ret_index)
{
	for (uint32_t i = 0; i < rules->count; i++)
		if (rules->rules[i].correlation != NULL && tsn_slice_eq(rules->rules[i].id, id)) {
			*ret_index = i;
			return &rules->rules[i];
		}
	return NULL;
}

static bool
parse_id(struct tsn_slice text, uint64_t ret[2])
{
	ret[0] = ret[1] = 0;
	if (text.len != 32)
		return false;
	for (size_t i = 0; i < 32; i++) {
		char c = text.ptr[i];
		uint64_t v = c >= '0' && c <= '9' ? (uint64_t)(c - '0') : (uint64_t)(c - 'a') + 10;

		if (v > 15)
			return false;
		ret[i / 16] = ret[i / 16] << 4 | v;
	}
	return true;
}

static enum tsn_code
take_alert(void *ctx, const struct tsn_alert *alert)
{
	struct readback *r = ctx;
	struct tsn_detect_past p = {.start_ns = alert->first_seen_ns};
	const struct tsn_rule *rule = find_rule(r->d->rules, alert->rule_id, &p.rule);

	if (rule == NULL || p.start_ns >= r->begin_ns || !parse_id(alert->id, p.id) ||
	    p.start_ns < minus(r->begin_ns, rule->correlation->timespan_ns))
		return TSN_OK;
	if (r->past_count == PAST_MAX) {
		r->out->forgotten = true;
		return TSN_EOF;
	}
	r->past[r->past_count++] = p;
	return TSN_OK;
}

/* Windows that had begun before the first event read back. */
static enum tsn_code
find_past(struct readback *r, struct tsn_err *err)
{
	int64_t longest = 0;
	struct tsn_alert_filter filter = {.status = -1, .to_ns = INT64_MAX};
	enum tsn_code code;

	r->past = calloc(PAST_MAX, sizeof *r->past);
	if (r->past == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < r->d->rules->count; i++) {
		const struct tsn_correlation *c = r->d->rules->rules[i].correlation;

		if (c != NULL && c->timespan_ns > longest)
			longest = c->timespan_ns;
	}
	if (r->d->alerts == NULL || longest == 0)
		return TSN_OK;
	filter.from_ns = minus(r->begin_ns, longest);
	code = tsn_alerts_list(r->d->alerts, &filter, take_alert, r, err);
	return code == TSN_EOF ? TSN_OK : code;
}

static enum tsn_code
scan_both(struct readback *r, struct tsn_store_reader *reader, struct tsn_err *err)
{
	static const tsn_key time_only[] = {TSN_F_TIMESTAMP};
	int64_t now = tsn_clock_real_ns();
	uint64_t found;
	struct tsn_store_scan scan = {.from_ns = INT64_MIN, .to_ns = now + AHEAD_NS, .hint = r->hint,
	    .fields = time_only, .field_count = 1, .newest_first = true, .rows = count_rows, .ctx = r};
	enum tsn_code code = tsn_store_scan(reader, &scan, err);

	if (code != TSN_OK && code != TSN_EOF)
		return code;
	if (r->newest_ns == TSN_TIME_NONE) {
		tsn_detect_replay_end(r->d->detect, now);
		return TSN_OK;
	}
	TSN_TRY(find_past(r, err));
	r->d->sure_ns = minus(minus(r->newest_ns, r->out->span_ns / 3), HELD_NS);
	found = r->d->found;
	r->d->replay = true;
	tsn_detect_replay_begin(r->d->detect, r->past, r->past_count);
	scan = (struct tsn_store_scan){.from_ns = r->begin_ns, .to_ns = INT64_MAX, .hint = r->hint,
	    .rows = take_rows, .ctx = r};
	code = tsn_store_scan(reader, &scan, err);
	tsn_detect_replay_end(r->d->detect, now);
	r->d->replay = false;
	r->d->found = found;
	return code;
}

static int64_t
span_of(const struct tsn_detection *d)
{
	int64_t a = tsn_detect_span(d->detect), sum;
	int64_t b = d->state_stands ? 0 : tsn_enrich_span(d->enrich);

	a = a > b ? a : b;
	return __builtin_add_overflow(a, 2 * tsn_detect_lateness(d->detect), &sum) ? INT64_MAX : sum;
}

enum tsn_code
tsn_detection_read_back(struct tsn_detection *d, uint64_t events_max,
    struct tsn_detection_read *ret, struct tsn_err *err)
{
	struct readback r = {.d = d, .out = ret, .events_max = events_max,
	    .newest_ns = TSN_TIME_NONE};
	struct tsn_store_reader *reader;
	struct tsn_arena arena;
	enum tsn_code code;

	TSN_ASSERT(d->o.data_dir != NULL && d->o.live);
	*ret = (struct tsn_detection_read){0};
	if (!d->state_stands) {
		code = tsn_keep_load(d, NULL);
		if (code == TSN_ENOMEM)
			TSN_FAIL(err, code, "out of memory");
		ret->unusable = code != TSN_OK && code != TSN_ENOTFOUND;
	}
	r.resume_ns = tsn_detect_resume_ns(d->detect);
	ret->resumed = r.resume_ns != TSN_TIME_NONE;
	ret->span_ns = span_of(d);
	/* Without correlations there are no windows to rebuild. */
	if (d->state_stands && tsn_detect_span(d->detect) == 0 && !ret->resumed)
		return TSN_OK;
	code = tsn_store_reader_open(d->o.data_dir, d->o.keys, &reader, err);
	if (code == TSN_ENOTFOUND)
		return TSN_OK;
	if (code != TSN_OK)
		return code;
	tsn_arena_init(&arena, HINT_BYTES_MAX);
	code = make_hint(&r, &arena);
	if (code == TSN_OK)
		code = scan_both(&r, reader, err);
	if (code == TSN_OK && d->alerts != NULL)
		code = tsn_alerts_commit(d->alerts, err);
	tsn_store_reader_close(reader);
	tsn_arena_done(&arena);
	free(r.past);
	return code;
}
