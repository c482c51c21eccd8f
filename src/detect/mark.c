/* How far event time has come: what each source has sent, and when. */
#include "detect/corr_int.h"

#include "detect/map_int.h"

#define SOURCES_MAX 4096u
/* An event from the future moves time to no more than this after it was received, ... */
#define AHEAD_NS TSN_NS_PER_DAY
/* ... and beyond the lateness only when so many in a row say the same: a clock, not a slip. */
#define AHEAD_EVENTS 8u

static uint64_t
name_of(const struct tsn_source *s)
{
	return tsn_hash_slice(s->path, tsn_hash_slice(s->address, 1));
}

/* Where the source stands or would; one that was read back goes on under its new number. */
static uint32_t
find_source(struct corr_engine *e, const struct tsn_source *source, uint32_t id, uint32_t at)
{
	uint64_t name;

	if (id != REPLAY_SOURCE) {
		if (at < e->source_count && e->sources[at].id == id)
			return at;
		for (at = 0; at < e->source_count; at++)
			if (e->sources[at].id == id)
				return at;
	}
	name = name_of(source);
	if (id == REPLAY_SOURCE && at < e->source_count && e->sources[at].name == name)
		return at;
	for (at = 0; at < e->source_count; at++)
		if (e->sources[at].id == REPLAY_SOURCE && e->sources[at].name == name) {
			e->sources[at].id = id;
			break;
		}
	return at;
}

/* The time an event speaks for. */
static int64_t
time_of(struct tsn_detect *d, struct corr_source *s, const struct tsn_event *ev)
{
	int64_t ahead = time_minus(ev->time_ns, ev->created_ns);

	if (ahead <= d->set->options.lateness_ns) {
		s->ahead = 0;
		return ev->time_ns;
	}
	s->ahead += s->ahead < AHEAD_EVENTS;
	return s->ahead == AHEAD_EVENTS && ahead <= AHEAD_NS ? ev->time_ns : ev->created_ns;
}

enum tsn_code
tsn_mark_watch(struct tsn_detect *d, const struct tsn_batch *batch)
{
	struct corr_engine *e = &d->corr;

	for (uint32_t i = 0, at = 0; i < batch->count; i++) {
		const struct tsn_event *ev = &batch->events[i];
		uint32_t id = e->replay ? REPLAY_SOURCE : ev->source->id;
		struct corr_source *s;
		int64_t time;

		at = find_source(e, ev->source, id, at);
		if (at == SOURCES_MAX)
			at--;
		if (at == e->source_count) {
			if (!tsn_vec_room((void **)&e->sources, &e->source_cap, at + 1, sizeof *e->sources))
				return TSN_ENOMEM;
			e->sources[e->source_count++] = (struct corr_source){.id = id,
			    .name = name_of(ev->source), .newest_ns = TSN_TIME_NONE};
		}
		s = &e->sources[at];
		time = time_of(d, s, ev);
		if (time > s->newest_ns || s->newest_ns == TSN_TIME_NONE) {
			s->newest_ns = time;
			s->skew_ns = time_minus(time, ev->created_ns);
		}
		s->received_ns = ev->created_ns;
		if (ev->created_ns > e->received_ns)
			e->received_ns = ev->created_ns;
	}
	return TSN_OK;
}

/*
 * The slowest source that still sends decides.  While events are read back, in the order of their
 * own time, when they came says nothing of which sources still send: then all do.
 */
int64_t
tsn_mark_find(const struct tsn_detect *d)
{
	const struct corr_engine *e = &d->corr;
	int64_t low = INT64_MAX;

	for (uint32_t i = 0; i < e->source_count; i++)
		if (e->sources[i].newest_ns < low &&
		    (e->replay || time_minus(e->received_ns, e->sources[i].received_ns) <=
				      d->set->options.idle_ns))
			low = e->sources[i].newest_ns;
	return low == INT64_MAX ? INT64_MIN : time_minus(low, d->set->options.lateness_ns);
}

/* All are silent: time goes on from their last events as the clock does. */
static int64_t
silent_mark(const struct tsn_detect *d, int64_t now_ns)
{
	const struct corr_engine *e = &d->corr;
	int64_t high = INT64_MIN;

	for (uint32_t i = 0; i < e->source_count; i++) {
		int64_t at = time_plus(now_ns, e->sources[i].skew_ns);

		high = at > high ? at : high;
	}
	return high == INT64_MIN ? INT64_MIN : time_minus(high, d->set->options.lateness_ns);
}

void
tsn_mark_resume(struct tsn_detect *d, int64_t now_ns)
{
	struct corr_engine *e = &d->corr;

	/* As any source each holds time back until it was silent for a while. */
	for (uint32_t i = 0; i < e->source_count; i++)
		if (e->sources[i].id == REPLAY_SOURCE)
			e->sources[i].received_ns = now_ns;
	if (e->received_ns < now_ns)
		e->received_ns = now_ns;
}

int64_t
tsn_detect_mark(const struct tsn_detect *d)
{
	int64_t mark = d->set->corr_count == 0 ? INT64_MIN : tsn_mark_find(d);

	return d->corr.now_ns == TSN_TIME_NONE || d->corr.now_ns < mark ? mark : d->corr.now_ns;
}

int64_t
tsn_detect_judged(const struct tsn_detect *d)
{
	return d->corr.now_ns;
}

enum tsn_code
tsn_detect_tick(struct tsn_detect *d, int64_t now_ns, tsn_detect_callback *callback, void *ctx)
{
	struct corr_engine *e = &d->corr;
	int64_t mark;

	if (d->set->corr_count == 0 && !d->set->options.watch)
		return TSN_OK;
	d->callback = callback;
	d->callback_ctx = ctx;
	if (now_ns > e->received_ns)
		e->received_ns = now_ns;
	mark = tsn_mark_find(d);
	TSN_TRY(tsn_corr_run(d, mark == INT64_MIN ? silent_mark(d, now_ns) : mark));
	for (uint32_t i = 0; i < d->set->corr_count; i++)
		tsn_corr_expire(d, i);
	return TSN_OK;
}
