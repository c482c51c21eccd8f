/* Hits wait for the watermark in a heap, then are judged in the order of (time, id). */
#include "detect/corr_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "detect/map_int.h"

#define SOURCES_MAX 4096u
/* An event from the future moves the watermark to no more than this after it was received. */
#define AHEAD_NS TSN_NS_PER_DAY

enum tsn_code
tsn_corr_init(struct tsn_detect *d)
{
	struct corr_engine *e = &d->corr;

	e->now_ns = TSN_TIME_NONE;
	e->received_ns = TSN_TIME_NONE;
	if (d->set->corr_count == 0)
		return TSN_OK;
	e->states = calloc(d->set->corr_count, sizeof *e->states);
	e->scratch = calloc(ENTRIES_MAX, sizeof *e->scratch);
	return e->states == NULL || e->scratch == NULL ? TSN_ENOMEM : TSN_OK;
}

void
tsn_corr_done(struct tsn_detect *d)
{
	struct corr_engine *e = &d->corr;

	for (uint32_t i = 0; i < e->heap_count; i++)
		free(e->heap[i]);
	for (uint32_t i = 0; e->states != NULL && i < d->set->corr_count; i++) {
		while (e->states[i].oldest != NULL)
			tsn_group_free(&e->states[i], e->states[i].oldest);
		free(e->states[i].buckets);
	}
	free(e->states);
	free(e->heap);
	free(e->sources);
	free(e->scratch);
	*e = (struct corr_engine){0};
}

static bool
before(const struct hit *a, const struct hit *b)
{
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns;
	if (a->id[0] != b->id[0])
		return a->id[0] < b->id[0];
	if (a->id[1] != b->id[1])
		return a->id[1] < b->id[1];
	if (a->corr != b->corr)
		return a->corr < b->corr;
	return a->place < b->place;
}

static void
push(struct corr_engine *e, struct hit *hit)
{
	uint32_t at = e->heap_count++;

	for (; at > 0 && before(hit, e->heap[(at - 1) / 2]); at = (at - 1) / 2)
		e->heap[at] = e->heap[(at - 1) / 2];
	e->heap[at] = hit;
}

static struct hit *
pop(struct corr_engine *e)
{
	struct hit *top = e->heap[0], *last = e->heap[--e->heap_count];
	uint32_t at = 0;

	for (;;) {
		uint32_t kid = at * 2 + 1;

		if (kid + 1 < e->heap_count && before(e->heap[kid + 1], e->heap[kid]))
			kid++;
		if (kid >= e->heap_count || !before(e->heap[kid], last))
			break;
		e->heap[at] = e->heap[kid];
		at = kid;
	}
	if (e->heap_count > 0)
		e->heap[at] = last;
	return top;
}

/* Groups that no further hit can belong to; the oldest first: it ends at the first that stays. */
static enum tsn_code
expire(struct tsn_detect *d, uint32_t corr, int64_t now_ns)
{
	struct corr_state *s = &d->corr.states[corr];
	int64_t keep = tsn_judge_keep_ns(d->set->corrs[corr].c);
	struct group *g;

	if (keep == INT64_MAX)
		return TSN_OK;
	while ((g = s->oldest) != NULL && g->last_ns < time_minus(now_ns, keep)) {
		TSN_TRY(tsn_judge_close(d, corr, g));
		tsn_group_free(s, g);
	}
	return TSN_OK;
}

/* Bytes of all correlations; *ret_largest is the one that holds most. */
static size_t
held(const struct tsn_detect *d, uint32_t *ret_largest)
{
	size_t total = 0;

	*ret_largest = 0;
	for (uint32_t i = 0; i < d->set->corr_count; i++) {
		total += d->corr.states[i].bytes;
		if (d->corr.states[i].bytes > d->corr.states[*ret_largest].bytes)
			*ret_largest = i;
	}
	return total;
}

/*
 * Within its share of the memory a correlation is never touched, so that none can starve another;
 * what others leave free it may borrow.  When nothing is left, the one that holds most gives.
 */
static enum tsn_code
keep_budget(struct tsn_detect *d, uint32_t corr)
{
	size_t share = d->set->options.state_bytes / d->set->corr_count;
	uint32_t largest;

	if (d->corr.states[corr].bytes <= share)
		return TSN_OK;
	while (held(d, &largest) > d->set->options.state_bytes) {
		struct corr_state *s = &d->corr.states[largest];
		struct group *g = s->oldest;

		if (g == NULL || g == s->newest)
			break;
		s->stats.evicted += !g->fired;
		TSN_TRY(tsn_judge_close(d, largest, g));
		/* Telling may have judged other hits, and with them let this group go. */
		if (s->oldest == g)
			tsn_group_free(s, g);
	}
	return TSN_OK;
}

static bool
is_duplicate(const struct corr_engine *e, const struct hit *hit)
{
	return e->last.time_ns == hit->time_ns && e->last.id[0] == hit->id[0] &&
	    e->last.id[1] == hit->id[1] && e->last.place == hit->place && e->last_corr == hit->corr;
}

static enum tsn_code
judge(struct tsn_detect *d, const struct hit *hit)
{
	struct corr_engine *e = &d->corr;
	struct corr_state *s = &e->states[hit->corr];
	int64_t keep = tsn_judge_keep_ns(d->set->corrs[hit->corr].c);

	if (is_duplicate(e, hit)) {
		s->stats.duplicates++;
		return TSN_OK;
	}
	if (hit->time_ns < e->now_ns) {
		s->stats.late++;
		/* What is only grouped is never lost. */
		if (!d->set->corrs[hit->corr].c->suppress && keep != INT64_MAX &&
		    hit->time_ns < time_minus(e->now_ns, keep)) {
			s->stats.late_dropped++;
			return TSN_OK;
		}
	} else {
		e->now_ns = hit->time_ns;
		e->last = (struct entry_hit){.time_ns = hit->time_ns, .id = {hit->id[0], hit->id[1]},
		    .place = hit->place};
		e->last_corr = hit->corr;
		TSN_TRY(expire(d, hit->corr, e->now_ns));
	}
	s->stats.hits++;
	TSN_TRY(tsn_judge_hit(d, hit));
	return keep_budget(d, hit->corr);
}

static enum tsn_code
judge_first(struct tsn_detect *d)
{
	struct hit *hit = pop(&d->corr);
	enum tsn_code code = judge(d, hit);

	free(hit);
	return code;
}

enum tsn_code
tsn_corr_add(struct tsn_detect *d, struct hit *hit)
{
	struct corr_engine *e = &d->corr;

	if (hit->time_ns < e->now_ns || d->set->options.hits_max == 0) {
		enum tsn_code code = judge(d, hit);

		free(hit);
		return code;
	}
	if (!tsn_vec_room((void **)&e->heap, &e->heap_cap, e->heap_count + 1, sizeof(struct hit *))) {
		free(hit);
		return TSN_ENOMEM;
	}
	push(e, hit);
	/* When no more can wait the oldest is judged before its time. */
	return e->heap_count > d->set->options.hits_max ? judge_first(d) : TSN_OK;
}

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

enum tsn_code
tsn_corr_watch(struct tsn_detect *d, const struct tsn_batch *batch)
{
	struct corr_engine *e = &d->corr;

	for (uint32_t i = 0, at = 0; i < batch->count; i++) {
		const struct tsn_event *ev = &batch->events[i];
		bool ahead = time_minus(ev->time_ns, ev->created_ns) > AHEAD_NS;
		int64_t time = ahead ? ev->created_ns : ev->time_ns;
		uint32_t id = e->replay ? REPLAY_SOURCE : ev->source->id;

		at = find_source(e, ev->source, id, at);
		if (at == SOURCES_MAX)
			at--;
		if (at == e->source_count) {
			if (!tsn_vec_room((void **)&e->sources, &e->source_cap, at + 1, sizeof *e->sources))
				return TSN_ENOMEM;
			e->sources[e->source_count++].newest_ns = time;
			e->sources[at].id = id;
			e->sources[at].name = name_of(ev->source);
		}
		if (time > e->sources[at].newest_ns)
			e->sources[at].newest_ns = time;
		e->sources[at].received_ns = ev->created_ns;
		if (ev->created_ns > e->received_ns)
			e->received_ns = ev->created_ns;
	}
	return TSN_OK;
}

/* The slowest source that still sends decides. */
static int64_t
watermark(const struct tsn_detect *d)
{
	const struct corr_engine *e = &d->corr;
	int64_t low = INT64_MAX;

	for (uint32_t i = 0; i < e->source_count; i++)
		if (time_minus(e->received_ns, e->sources[i].received_ns) <= d->set->options.idle_ns &&
		    e->sources[i].newest_ns < low)
			low = e->sources[i].newest_ns;
	return low == INT64_MAX ? INT64_MIN : time_minus(low, d->set->options.lateness_ns);
}

int64_t
tsn_detect_mark(const struct tsn_detect *d)
{
	int64_t mark = d->set->corr_count == 0 ? INT64_MIN : watermark(d);

	return d->corr.now_ns == TSN_TIME_NONE || d->corr.now_ns < mark ? mark : d->corr.now_ns;
}

enum tsn_code
tsn_corr_advance(struct tsn_detect *d)
{
	struct corr_engine *e = &d->corr;
	int64_t mark;

	if (e->heap_count == 0)
		return TSN_OK;
	mark = watermark(d);
	while (e->heap_count > 0 && e->heap[0]->time_ns <= mark)
		TSN_TRY(judge_first(d));
	return TSN_OK;
}

enum tsn_code
tsn_detect_finish(struct tsn_detect *d, tsn_detect_callback *callback, void *ctx)
{
	struct corr_engine *e = &d->corr;

	d->callback = callback;
	d->callback_ctx = ctx;
	while (e->heap_count > 0)
		TSN_TRY(judge_first(d));
	/* What a closing window tells may be a hit of a later one. */
	for (uint32_t round = 0; round < CHAIN_MAX; round++)
		for (uint32_t i = 0; i < d->set->corr_count; i++)
			for (struct group *g = e->states[i].oldest; g != NULL; g = g->newer)
				TSN_TRY(tsn_judge_close(d, i, g));
	return TSN_OK;
}

enum tsn_code
tsn_detect_tick(struct tsn_detect *d, int64_t now_ns, tsn_detect_callback *callback, void *ctx)
{
	struct corr_engine *e = &d->corr;
	int64_t mark;

	if (d->set->corr_count == 0)
		return TSN_OK;
	d->callback = callback;
	d->callback_ctx = ctx;
	if (now_ns > e->received_ns)
		e->received_ns = now_ns;
	/* Nothing came for a while: what waits need wait no longer. */
	if (watermark(d) == INT64_MIN)
		while (e->heap_count > 0)
			TSN_TRY(judge_first(d));
	else
		TSN_TRY(tsn_corr_advance(d));
	if (e->now_ns == TSN_TIME_NONE)
		return TSN_OK;
	/* Windows end also where other sources alone go on. */
	mark = watermark(d);
	if (mark == INT64_MIN)
		mark = time_minus(now_ns, d->set->options.lateness_ns);
	for (uint32_t i = 0; i < d->set->corr_count; i++)
		TSN_TRY(expire(d, i, mark));
	return TSN_OK;
}

bool
tsn_detect_corr_stats(const struct tsn_detect *d, uint32_t rule,
    struct tsn_detect_corr_stats *ret)
{
	for (uint32_t i = 0; i < d->set->corr_count; i++) {
		if (d->set->corrs[i].rule != rule)
			continue;
		*ret = d->corr.states[i].stats;
		ret->groups = d->corr.states[i].group_count;
		ret->bytes = d->corr.states[i].bytes;
		return true;
	}
	return false;
}
