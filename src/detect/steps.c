/*
 * Rules that match one after another, some of which must not.  Of each step that has been reached
 * only the newest beginning counts: it leaves most time for the rest.
 *
 * best[i]: where the newest run through the steps 0 .. i began; best[steps]: when one of the rules
 * that must not precede the first step matched last.  TSN_TIME_NONE: there is none.
 */
#include "detect/corr_int.h"

#include <stdlib.h>

bool
tsn_steps_used(const struct tsn_correlation *c)
{
	return c->type == TSN_CORR_ABSENCE || c->type == TSN_CORR_SEQUENCE ||
	    (c->type == TSN_CORR_TEMPORAL_ORDERED && c->expr == NULL && c->bound_count == 0);
}

static uint64_t
all_places(const struct tsn_correlation *c)
{
	return c->rule_count >= 64 ? UINT64_MAX : (UINT64_C(1) << c->rule_count) - 1;
}

/* Of an absence all of whose rules are absent each one begins anew. */
static bool
begins(const struct tsn_correlation *c, uint32_t place)
{
	return !(c->absent >> place & 1) ||
	    (c->type == TSN_CORR_ABSENCE && c->absent == all_places(c));
}

/* Steps before a place: an absence has one, which all its rules but the absent ones are. */
static uint32_t
steps_before(const struct tsn_correlation *c, uint32_t place)
{
	if (c->type == TSN_CORR_ABSENCE)
		return c->absent >> place & 1;
	return (uint32_t)__builtin_popcountll(~c->absent & ((UINT64_C(1) << place) - 1));
}

static uint32_t
step_count(const struct tsn_correlation *c)
{
	if (c->type == TSN_CORR_ABSENCE)
		return 1;
	return (uint32_t)__builtin_popcountll(~c->absent & all_places(c));
}

bool
tsn_steps_wait(const struct tsn_correlation *c)
{
	return c->type == TSN_CORR_ABSENCE ||
	    (c->type == TSN_CORR_SEQUENCE && (c->absent >> (c->rule_count - 1) & 1));
}

static void
begin(const struct tsn_correlation *c, int64_t *best, int64_t time_ns)
{
	int64_t lead = best[step_count(c)];

	if (lead != TSN_TIME_NONE && time_minus(time_ns, lead) <= c->timespan_ns)
		return;
	/* An absence waits from the first that was not answered. */
	if (c->type != TSN_CORR_ABSENCE || best[0] == TSN_TIME_NONE)
		best[0] = time_ns;
}

static void
take(const struct tsn_correlation *c, int64_t *best, const struct entry_hit *e)
{
	uint32_t at = steps_before(c, e->place);

	if (c->absent >> e->place & 1) {
		if (at == 0)
			best[step_count(c)] = e->time_ns;
		else
			best[at - 1] = TSN_TIME_NONE;
		if (!begins(c, e->place))
			return;
		at = 0;
	}
	if (at == 0) {
		begin(c, best, e->time_ns);
		return;
	}
	if (best[at - 1] != TSN_TIME_NONE &&
	    time_minus(e->time_ns, best[at - 1]) <= c->timespan_ns && best[at - 1] > best[at])
		best[at] = best[at - 1];
}

enum tsn_code
tsn_steps_init(struct corr_state *s, struct group *g)
{
	uint32_t count = s->def->c->rule_count + 1;

	if (g->best == NULL) {
		g->best = malloc(count * sizeof *g->best);
		if (g->best == NULL)
			return TSN_ENOMEM;
		tsn_corr_bytes(s, (int64_t)(count * sizeof *g->best));
	}
	for (uint32_t i = 0; i < count; i++)
		g->best[i] = TSN_TIME_NONE;
	return TSN_OK;
}

enum tsn_code
tsn_steps_take(struct corr_state *s, struct group *g, bool anew, int64_t *ret_start)
{
	const struct tsn_correlation *c = s->def->c;
	const struct entry_hit *e = g->entries + g->head;
	uint32_t steps = step_count(c);

	anew |= g->best == NULL;
	if (anew)
		TSN_TRY(tsn_steps_init(s, g));
	for (uint32_t i = anew ? 0 : g->count - 1; i < g->count; i++)
		take(c, g->best, &e[i]);
	*ret_start = g->best[steps - 1];
	return TSN_OK;
}

bool
tsn_steps_begun(const struct corr_state *s, const struct group *g)
{
	uint32_t steps = step_count(s->def->c);

	for (uint32_t i = 0; g->best != NULL && i <= steps; i++)
		if (g->best[i] != TSN_TIME_NONE)
			return true;
	return false;
}

uint32_t
tsn_steps_weight(const struct tsn_correlation *c, uint32_t place, uint32_t weight)
{
	return begins(c, place) ? weight : 0;
}

bool
tsn_steps_passes(const struct corr_state *s, uint32_t place)
{
	const struct tsn_correlation *c = s->def->c;

	/* A window may be a hit before others of its instant: then what must not come is kept. */
	return s->def->ordered && !begins(c, place) && !s->def->over && steps_before(c, place) > 0;
}
