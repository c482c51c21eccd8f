/* Hits wait for the watermark in a heap, then are judged in the order of (time, rank, id). */
#include "detect/corr_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "detect/map_int.h"

enum tsn_code
tsn_corr_init(struct tsn_detect *d)
{
	struct corr_engine *e = &d->corr;

	e->now_ns = TSN_TIME_NONE;
	e->resume_ns = TSN_TIME_NONE;
	e->received_ns = TSN_TIME_NONE;
	if (d->set->corr_count == 0)
		return TSN_OK;
	e->states = calloc(d->set->corr_count, sizeof *e->states);
	e->scratch = calloc(ENTRIES_MAX, sizeof *e->scratch);
	if (e->states == NULL || e->scratch == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < d->set->corr_count; i++) {
		e->states[i].def = &d->set->corrs[i];
		e->states[i].total = &e->bytes;
	}
	return TSN_OK;
}

static void
free_hit(struct hit *hit)
{
	tsn_under_drop(hit->under);
	free(hit);
}

void
tsn_corr_done(struct tsn_detect *d)
{
	struct corr_engine *e = &d->corr;

	for (uint32_t i = 0; i < e->heap_count; i++)
		free_hit(e->heap[i]);
	e->timer_count = 0;
	for (uint32_t i = 0; e->states != NULL && i < d->set->corr_count; i++) {
		while (e->states[i].oldest != NULL) {
			e->states[i].oldest->timer = 0;
			tsn_group_free(&e->states[i], e->states[i].oldest);
		}
		free(e->states[i].buckets);
	}
	free(e->states);
	free(e->heap);
	free(e->timers);
	free(e->sources);
	free(e->scratch);
	*e = (struct corr_engine){0};
}

static bool
before(const struct hit *a, const struct hit *b)
{
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns;
	if (a->rank != b->rank)
		return a->rank < b->rank;
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

/* The oldest first: it ends at the first that stays.  Windows that were open have ended before. */
void
tsn_corr_expire(struct tsn_detect *d, uint32_t corr)
{
	struct corr_state *s = &d->corr.states[corr];
	struct group *g;

	if (s->def->keep_ns == INT64_MAX || d->corr.now_ns == TSN_TIME_NONE)
		return;
	while ((g = s->oldest) != NULL && g->timer == 0 &&
	    g->last_ns < time_minus(d->corr.now_ns, s->def->keep_ns))
		tsn_group_free(s, g);
}

/*
 * Within its share of the memory a correlation is never touched, so that none can starve another;
 * what others leave free it may borrow.  When nothing is left, the one that holds most gives.
 */
static enum tsn_code
keep_budget(struct tsn_detect *d, uint32_t corr)
{
	struct corr_engine *e = &d->corr;
	size_t share = d->set->options.state_bytes / d->set->corr_count;

	if (e->bytes <= d->set->options.state_bytes || e->states[corr].bytes <= share)
		return TSN_OK;
	/* Each that grows beyond its share comes by here: the largest is looked for only when the one
	 * known as such has given what it had borrowed. */
	if (e->states[corr].bytes > e->states[e->largest].bytes)
		e->largest = corr;
	if (e->states[e->largest].bytes <= share)
		for (uint32_t i = 0; i < d->set->corr_count; i++)
			if (e->states[i].bytes > e->states[e->largest].bytes)
				e->largest = i;
	while (e->bytes > d->set->options.state_bytes && e->states[e->largest].bytes > share) {
		struct corr_state *s = &e->states[e->largest];

		if (s->oldest == NULL || s->oldest == s->newest)
			break;
		TSN_TRY(tsn_judge_evict(d, e->largest, s->oldest));
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
judge(struct tsn_detect *d, struct hit *hit)
{
	struct corr_engine *e = &d->corr;
	struct corr_state *s = &e->states[hit->corr];

	if (is_duplicate(e, hit)) {
		s->stats.duplicates++;
		return TSN_OK;
	}
	hit->late = hit->time_ns < e->now_ns;
	if (hit->late) {
		s->stats.late++;
		/* What is only grouped is never lost. */
		if (!s->def->c->suppress && s->def->keep_ns != INT64_MAX &&
		    hit->time_ns < time_minus(e->now_ns, s->def->keep_ns)) {
			s->stats.late_dropped++;
			return TSN_OK;
		}
	} else {
		e->now_ns = hit->time_ns;
		e->last = (struct entry_hit){.time_ns = hit->time_ns, .id = {hit->id[0], hit->id[1]},
		    .place = hit->place};
		e->last_corr = hit->corr;
		tsn_corr_expire(d, hit->corr);
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

	free_hit(hit);
	return code;
}

enum tsn_code
tsn_corr_run(struct tsn_detect *d, int64_t mark)
{
	struct corr_engine *e = &d->corr;

	for (;;) {
		const struct hit *hit = e->heap_count > 0 ? e->heap[0] : NULL;
		const struct timer *t = e->timer_count > 0 ? e->timers : NULL;

		if (t != NULL && t->at_ns <= mark && (hit == NULL || t->at_ns <= hit->time_ns)) {
			e->now_ns = t->at_ns > e->now_ns ? t->at_ns : e->now_ns;
			TSN_TRY(tsn_judge_close(d, t->corr, t->group));
		} else if (hit != NULL && hit->time_ns < mark) {
			TSN_TRY(judge_first(d));
		} else {
			break;
		}
	}
	e->now_ns = mark > e->now_ns ? mark : e->now_ns;
	return TSN_OK;
}

enum tsn_code
tsn_corr_add(struct tsn_detect *d, struct hit *hit)
{
	struct corr_engine *e = &d->corr;

	/* What a snapshot holds already. */
	if (e->replay && e->states[hit->corr].resumed && hit->time_ns < e->resume_ns) {
		free_hit(hit);
		return TSN_OK;
	}
	if (hit->time_ns < e->now_ns) {
		enum tsn_code code = judge(d, hit);

		free_hit(hit);
		return code;
	}
	if (!tsn_vec_room((void **)&e->heap, &e->heap_cap, e->heap_count + 1, sizeof(struct hit *))) {
		free_hit(hit);
		return TSN_ENOMEM;
	}
	push(e, hit);
	/* When no more can wait those of the oldest instant are judged before their time. */
	if (e->heap_count > d->set->options.hits_max)
		return tsn_corr_run(d, time_plus(e->heap[0]->time_ns, 1));
	return TSN_OK;
}

enum tsn_code
tsn_detect_finish(struct tsn_detect *d, tsn_detect_callback *callback, void *ctx)
{
	d->callback = callback;
	d->callback_ctx = ctx;
	/* Windows that nothing ends (a span beyond the end of time) end here, too. */
	TSN_TRY(tsn_corr_run(d, INT64_MAX));
	for (uint32_t i = 0; i < d->set->corr_count; i++) {
		struct corr_state *s = &d->corr.states[i];

		/* What has been seen stays known. */
		while (s->def->c->type != TSN_CORR_FIRST_SEEN && s->oldest != NULL)
			tsn_group_free(s, s->oldest);
	}
	d->corr.now_ns = TSN_TIME_NONE;
	d->corr.last = (struct entry_hit){0};
	return TSN_OK;
}

bool
tsn_detect_corr_stats(const struct tsn_detect *d, uint32_t rule,
    struct tsn_detect_corr_stats *ret)
{
	uint32_t low = 0, high = d->set->corr_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (d->set->corrs[middle].rule < rule)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == d->set->corr_count || d->set->corrs[low].rule != rule)
		return false;
	*ret = d->corr.states[low].stats;
	ret->groups = d->corr.states[low].group_count;
	ret->bytes = d->corr.states[low].bytes;
	return true;
}
