/* What is to happen when a time is reached: a heap of groups, each with one timer at most. */
#include "detect/corr_int.h"

#include "base/assert.h"
#include "detect/map_int.h"

/* By time; what falls together in an order that does not depend on how it came. */
static bool
before(const struct timer *a, const struct timer *b)
{
	uint32_t len = a->group->key_len < b->group->key_len ? a->group->key_len : b->group->key_len;
	int order;

	if (a->at_ns != b->at_ns)
		return a->at_ns < b->at_ns;
	if (a->corr != b->corr)
		return a->corr < b->corr;
	order = memcmp(a->group->key, b->group->key, len);
	return order != 0 ? order < 0 : a->group->key_len < b->group->key_len;
}

static void
put(struct corr_engine *e, uint32_t at, const struct timer *t)
{
	e->timers[at] = *t;
	t->group->timer = at + 1;
}

static void
sift(struct corr_engine *e, uint32_t at, const struct timer *t)
{
	for (; at > 0 && before(t, &e->timers[(at - 1) / 2]); at = (at - 1) / 2)
		put(e, at, &e->timers[(at - 1) / 2]);
	for (;;) {
		uint32_t kid = at * 2 + 1;

		if (kid + 1 < e->timer_count && before(&e->timers[kid + 1], &e->timers[kid]))
			kid++;
		if (kid >= e->timer_count || !before(&e->timers[kid], t))
			break;
		put(e, at, &e->timers[kid]);
		at = kid;
	}
	put(e, at, t);
}

enum tsn_code
tsn_timer_set(struct tsn_detect *d, uint32_t corr, struct group *g, int64_t at_ns)
{
	struct corr_engine *e = &d->corr;
	struct timer t = {.at_ns = at_ns, .group = g, .corr = corr};

	if (g->timer == 0) {
		if (!tsn_vec_room((void **)&e->timers, &e->timer_cap, e->timer_count + 1,
		    sizeof *e->timers))
			return TSN_ENOMEM;
		g->timer = ++e->timer_count;
	}
	TSN_ASSERT(g->timer <= e->timer_count);
	/* Its old place must not be looked at while it moves. */
	e->timers[g->timer - 1] = t;
	sift(e, g->timer - 1, &t);
	return TSN_OK;
}

void
tsn_timer_clear(struct tsn_detect *d, struct group *g)
{
	struct corr_engine *e = &d->corr;
	uint32_t at = g->timer - 1;
	struct timer last;

	if (g->timer == 0)
		return;
	TSN_ASSERT(g->timer <= e->timer_count && e->timers[at].group == g);
	g->timer = 0;
	last = e->timers[--e->timer_count];
	if (at < e->timer_count)
		sift(e, at, &last);
}
