#include "query/follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "query/query_int.h"

/* Events of so many are known again; beyond, the oldest of them are forgotten. */
#define SEEN_MAX (1u << 20)
#define SLOTS (SEEN_MAX * 2)

struct seen {
	uint64_t id[2];
	int64_t created_ns;		/* INT64_MIN: free */
};

struct tsn_follow {
	const struct tsn_query *q;
	struct seen *seen;		/* open addressing by id */
	uint32_t count, slots;
	uint64_t mark;			/* of the last reader */
	bool begun;
	int64_t from_ns;		/* received before: old */
	struct tsn_event *events;	/* of the batch at hand, those that are new */
	uint32_t event_cap;
};

/* ---- events given already ---- */

static struct seen *
slot_of(struct seen *seen, uint32_t slots, const uint64_t id[2])
{
	for (uint64_t at = id[0];; at++) {
		struct seen *s = &seen[at & (slots - 1)];

		if (s->created_ns == INT64_MIN || (s->id[0] == id[0] && s->id[1] == id[1]))
			return s;
	}
}

static struct seen *
make_slots(uint32_t slots)
{
	struct seen *seen = reallocarray(NULL, slots, sizeof *seen);

	for (uint32_t i = 0; seen != NULL && i < slots; i++)
		seen[i].created_ns = INT64_MIN;
	return seen;
}

/* Into a table of that size, without what was received before from_ns. */
static bool
move_all(struct tsn_follow *f, uint32_t slots)
{
	struct seen *seen = make_slots(slots);
	uint32_t count = 0;

	if (seen == NULL)
		return false;
	for (uint32_t i = 0; i < f->slots; i++) {
		if (f->seen[i].created_ns == INT64_MIN || f->seen[i].created_ns < f->from_ns)
			continue;
		*slot_of(seen, slots, f->seen[i].id) = f->seen[i];
		count++;
	}
	free(f->seen);
	f->seen = seen;
	f->slots = slots;
	f->count = count;
	return true;
}

/* False when it was given before, or out of memory (*ret_failed). */
static bool
is_new(struct tsn_follow *f, const struct tsn_event *ev, bool *ret_failed)
{
	struct seen *s;

	if (ev->created_ns < f->from_ns)
		return false;
	if (f->count >= f->slots / 2) {
		if (f->slots >= SLOTS)
			f->from_ns += TSN_FOLLOW_LATE_NS / 2;
		*ret_failed = !move_all(f, f->slots < SLOTS ? f->slots * 2 : f->slots);
		if (*ret_failed || f->count >= f->slots - 1)
			return false;
	}
	s = slot_of(f->seen, f->slots, ev->id);
	if (s->created_ns != INT64_MIN)
		return false;
	memcpy(s->id, ev->id, sizeof s->id);
	s->created_ns = ev->created_ns;
	f->count++;
	return true;
}

/* ---- a source of new events ---- */

struct source {
	struct tsn_follow *f;
	struct tsn_store_reader *reader;
	const struct tsn_store_scan *scan;
};

static enum tsn_code
take_rows(void *ctx, const struct tsn_batch *rows, struct tsn_err *err)
{
	struct source *s = ctx;
	struct tsn_follow *f = s->f;
	struct tsn_batch fresh = *rows;
	bool failed = false;

	if (rows->count > f->event_cap) {
		struct tsn_event *events = reallocarray(f->events, rows->count, sizeof *events);

		if (events == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		f->events = events;
		f->event_cap = rows->count;
	}
	fresh.events = f->events;
	fresh.count = 0;
	for (uint32_t i = 0; i < rows->count && !failed; i++)
		if (is_new(f, &rows->events[i], &failed))
			fresh.events[fresh.count++] = rows->events[i];
	if (failed)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return fresh.count == 0 ? TSN_OK : s->scan->rows(s->scan->ctx, &fresh, err);
}

static bool
is_canceled(void *ctx)
{
	const struct source *s = ctx;

	return s->scan->canceled != NULL && s->scan->canceled(s->scan->ctx);
}

static enum tsn_code
scan_new(void *ctx, const struct tsn_store_scan *scan, struct tsn_err *err)
{
	struct source *s = ctx;
	struct tsn_store_scan own = *scan;

	s->scan = scan;
	own.newest_first = false;
	own.fields = NULL;		/* ids are made of whole records */
	own.tally = NULL;
	own.since = s->f->mark;
	own.canceled = is_canceled;
	own.rows = take_rows;
	own.ctx = s;
	return tsn_store_scan(s->reader, &own, err);
}

enum tsn_code
tsn_follow_step(struct tsn_follow *f, struct tsn_store_reader *r, int64_t now_ns,
    const struct tsn_query_options *options, const struct tsn_query_sink *sink,
    struct tsn_err *err)
{
	struct tsn_query_options o = *options;
	struct tsn_query_sink step = {f->begun ? NULL : sink->begin, sink->row, sink->end, sink->ctx};
	struct source s = {.f = f, .reader = r};
	struct tsn_query_source source = {scan_new, &s};

	o.limit = 0;
	if (!f->begun)
		f->mark = tsn_store_reader_mark(r);
	TSN_TRY(tsn_query_run(f->q, &source, &o, &step, NULL, err));
	f->begun = true;
	f->mark = tsn_store_reader_mark(r);
	if (now_ns - TSN_FOLLOW_LATE_NS > f->from_ns)
		f->from_ns = now_ns - TSN_FOLLOW_LATE_NS;
	return TSN_OK;
}

enum tsn_code
tsn_follow_new(const struct tsn_query *q, int64_t now_ns, struct tsn_follow **ret_follow,
    struct tsn_err *err)
{
	struct tsn_follow *f;

	for (const struct tsn_stage *s = q->stages; s != NULL; s = s->next)
		if (s->op != TSN_STAGE_WHERE && s->op != TSN_STAGE_EVAL && s->op != TSN_STAGE_FIELDS &&
		    s->op != TSN_STAGE_DROP)
			TSN_FAIL(err, TSN_EINVAL, "%s waits for all rows: what is followed has where, eval and "
			    "fields only", tsn_stage_name(s->op));
	f = calloc(1, sizeof *f);
	if (f == NULL || (f->seen = make_slots(1024)) == NULL) {
		free(f);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	f->q = q;
	f->slots = 1024;
	f->from_ns = now_ns;
	*ret_follow = f;
	return TSN_OK;
}

void
tsn_follow_free(struct tsn_follow *f)
{
	if (f == NULL)
		return;
	free(f->seen);
	free(f->events);
	free(f);
}
