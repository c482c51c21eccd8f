/* Windows: how they begin, fire and end. */
#include "detect/corr_int.h"

#include "base/assert.h"

static enum tsn_code
fire(struct tsn_detect *d, uint32_t corr, struct group *g, int64_t at_ns)
{
	const struct corr_def *def = &d->set->corrs[corr];

	g->fired = true;
	g->excepted = def->except_count > 0 && tsn_except_group(d, def, g);
	if (g->excepted)
		return TSN_OK;
	d->rule_counts[def->rule]++;
	if (def->used)
		TSN_TRY(tsn_under_make(&d->corr.states[corr], g));
	d->corr.fired_ns = at_ns;
	d->corr.early = d->set->options.once;
	if (!d->set->options.once || d->set->options.early)
		TSN_TRY(tsn_tell(d, corr, g, false));
	d->corr.early = false;
	return def->used ? tsn_chain(d, corr, g, at_ns) : TSN_OK;
}

/* Tells of the window when it is over, or has grown; the group is as after no hit. */
static enum tsn_code
end(struct tsn_detect *d, uint32_t corr, struct group *g)
{
	enum tsn_code code = TSN_OK;

	tsn_timer_clear(d, g);
	if (g->fired && !g->excepted)
		code = tsn_tell(d, corr, g, !d->set->options.once);
	g->fired = g->armed = g->excepted = false;
	tsn_under_drop(g->under);
	g->under = NULL;
	tsn_group_clear(&d->corr.states[corr], g);
	return code;
}

enum tsn_code
tsn_judge_close(struct tsn_detect *d, uint32_t corr, struct group *g)
{
	const struct corr_state *s = &d->corr.states[corr];
	int64_t over = time_plus(g->start_ns, s->def->c->timespan_ns);

	tsn_timer_clear(d, g);
	if (!g->fired && (g->armed || (s->def->at_close && tsn_holds(d, s, g))))
		TSN_TRY(fire(d, corr, g, over));
	g->done_ns = over > g->done_ns ? over : g->done_ns;
	return end(d, corr, g);
}

enum tsn_code
tsn_judge_evict(struct tsn_detect *d, uint32_t corr, struct group *g)
{
	struct corr_state *s = &d->corr.states[corr];

	s->stats.evicted += !g->fired;
	TSN_TRY(end(d, corr, g));
	tsn_group_free(s, g);
	return TSN_OK;
}

/* The window begins at start_ns. */
static enum tsn_code
open_window(struct tsn_detect *d, uint32_t corr, struct group *g, int64_t start_ns)
{
	g->start_ns = start_ns;
	return tsn_timer_set(d, corr, g, time_plus(start_ns, d->set->corrs[corr].c->timespan_ns));
}

static enum tsn_code
add(struct corr_state *s, struct group *g, const struct hit *hit, bool *ret_known, bool *ret_last)
{
	TSN_TRY(tsn_group_add(s, g, hit, ret_known, ret_last));
	s->stats.duplicates += *ret_known;
	if (*ret_known || !g->fired || g->under == NULL)
		return TSN_OK;
	return tsn_under_add(g->under, &(struct entry_hit){.time_ns = hit->time_ns,
	    .id = {hit->id[0], hit->id[1]}, .weight = hit->weight}, hit->under);
}

/* A token comes back every leak_ns, up to `capacity` of them; the hit that finds none overflows. */
static enum tsn_code
judge_bucket(struct tsn_detect *d, const struct hit *hit, struct group *g)
{
	struct corr_state *s = &d->corr.states[hit->corr];
	const struct tsn_correlation *c = s->def->c;
	int64_t before = g->last_ns;
	/* A bucket that has drained is a new one. */
	bool fresh = g->count == 0 || time_minus(hit->time_ns, before) > s->def->keep_ns, known, last;

	if (hit->late && !fresh && hit->time_ns < g->start_ns) {
		s->stats.late_dropped++;
		return TSN_OK;
	}
	if (fresh) {
		tsn_group_clear(s, g);
		g->level = 0;
		g->start_ns = hit->time_ns;
	} else if (c->field_count > 0 && tsn_group_has(g, hit->value)) {
		return TSN_OK;		/* of equal values only the first is counted */
	}
	TSN_TRY(add(s, g, hit, &known, &last));
	if (known)
		return TSN_OK;
	if (!fresh && hit->time_ns > before)
		g->level -= (double)time_minus(hit->time_ns, before) / tsn_holds_leak_ns(c);
	g->level = (g->level < 0 ? 0 : g->level) + hit->weight;
	if (g->level <= c->capacity + 1e-9)
		return TSN_OK;
	g->start_ns = g->entries[g->head].time_ns;
	TSN_TRY(fire(d, hit->corr, g, hit->time_ns));
	g->done_ns = hit->time_ns;
	return end(d, hit->corr, g);
}

static enum tsn_code
judge_first_seen(struct tsn_detect *d, const struct hit *hit, struct group *g)
{
	struct corr_state *s = &d->corr.states[hit->corr];
	bool unseen, known, last;
	int64_t learned_from;

	if (g->last_ns == TSN_TIME_NONE)
		g->start_ns = hit->time_ns;
	learned_from = g->start_ns;
	TSN_TRY(add(s, g, hit, &known, &last));
	TSN_TRY(tsn_group_see(s, g, hit->value, &unseen));
	if (unseen && time_minus(hit->time_ns, learned_from) >= s->def->c->learn_ns) {
		g->start_ns = hit->time_ns;
		TSN_TRY(fire(d, hit->corr, g, hit->time_ns));
	}
	TSN_TRY(end(d, hit->corr, g));
	g->start_ns = learned_from;
	return TSN_OK;
}

/* When the first rule matched first. */
static int64_t
first_of(const struct group *g)
{
	uint32_t i = g->head;

	while (i + 1 < g->head + g->count && g->entries[i].place != 0)
		i++;
	return g->entries[i].time_ns;
}

/* Rules in order, some of which must be absent. */
static enum tsn_code
judge_steps(struct tsn_detect *d, const struct hit *hit, struct group *g, bool in_order)
{
	struct corr_state *s = &d->corr.states[hit->corr];
	const struct tsn_correlation *c = s->def->c;
	int64_t start;

	TSN_TRY(tsn_steps_take(s, g, !in_order, &start));
	if (start == TSN_TIME_NONE) {
		if (g->armed)
			tsn_timer_clear(d, g);
		g->armed = false;
		/* What was begun has been answered: nothing of it matters any more. */
		if (!s->def->over && !tsn_steps_begun(s, g)) {
			tsn_group_clear(s, g);
			g->done_ns = hit->time_ns;
		}
		return TSN_OK;
	}
	if (tsn_steps_wait(c)) {
		if (g->armed && (c->type != TSN_CORR_ABSENCE || start == g->start_ns))
			return TSN_OK;
		g->armed = true;
		tsn_group_drop_before(s, g, start);
		return open_window(d, hit->corr, g, start);
	}
	if (c->type == TSN_CORR_TEMPORAL_ORDERED)
		start = first_of(g);
	tsn_group_drop_before(s, g, start);
	TSN_TRY(open_window(d, hit->corr, g, g->entries[g->head].time_ns));
	return fire(d, hit->corr, g, hit->time_ns);
}

/* Windows that are judged with each hit. */
static enum tsn_code
judge_sliding(struct tsn_detect *d, const struct hit *hit, struct group *g)
{
	struct corr_state *s = &d->corr.states[hit->corr];
	bool known, last;

	TSN_TRY(add(s, g, hit, &known, &last));
	if (known || g->fired)
		return TSN_OK;
	if (!g->armed && !(hit->late && s->def->c->suppress))
		tsn_group_drop_before(s, g, time_minus(g->last_ns, s->def->c->timespan_ns));
	if (g->count == 0)
		return TSN_OK;
	if (s->def->ordered)
		return judge_steps(d, hit, g, last);
	if (!tsn_holds(d, s, g))
		return TSN_OK;
	TSN_TRY(open_window(d, hit->corr, g, g->entries[g->head].time_ns));
	return fire(d, hit->corr, g, hit->time_ns);
}

/* Windows that are judged when they are over: the first hit begins one. */
static enum tsn_code
judge_tumbling(struct tsn_detect *d, const struct hit *hit, struct group *g)
{
	bool known, last;

	if (g->count == 0)
		TSN_TRY(open_window(d, hit->corr, g, hit->time_ns));
	return add(&d->corr.states[hit->corr], g, hit, &known, &last);
}

/* A late hit of a window that is over, or from before the one that is open. */
static bool
comes_too_late(struct corr_state *s, struct group *g, const struct hit *hit)
{
	const struct tsn_correlation *c = s->def->c;
	bool open = g->fired || g->armed || (s->def->at_close && g->count > 0);

	if (!hit->late)
		return false;
	/* What is only grouped is never lost: before the last window it begins one of its own. */
	if (c->suppress)
		return hit->time_ns < g->done_ns &&
		    time_minus(g->done_ns, hit->time_ns) <= c->timespan_ns;
	if (hit->time_ns < g->done_ns || (open && hit->time_ns < g->start_ns))
		return true;
	if (hit->time_ns == g->done_ns && (s->def->ordered || c->type == TSN_CORR_LEAKY_BUCKET))
		return true;
	/* Whether it was answered is not known any more. */
	return c->type == TSN_CORR_ABSENCE && !g->armed;
}

enum tsn_code
tsn_judge_hit(struct tsn_detect *d, const struct hit *hit)
{
	struct corr_state *s = &d->corr.states[hit->corr];
	enum tsn_corr_type type = s->def->c->type;
	struct group *g;

	if (tsn_steps_passes(s, hit->place) && tsn_group_find(s, hit) == NULL)
		return TSN_OK;
	g = tsn_group_get(s, hit);
	if (g == NULL)
		return TSN_ENOMEM;
	if (TSN_UNLIKELY(d->corr.past_count > 0) && g->last_ns == TSN_TIME_NONE && !s->resumed)
		g->done_ns = tsn_replay_held(d, hit->corr, g);
	if (comes_too_late(s, g, hit)) {
		s->stats.late_dropped++;
		g->last_ns = g->last_ns < hit->time_ns ? hit->time_ns : g->last_ns;
		return TSN_OK;
	}
	/* Of a window that was told of before the events that are read back. */
	if (!hit->late && hit->time_ns < g->done_ns && type != TSN_CORR_LEAKY_BUCKET) {
		g->last_ns = hit->time_ns;
		return TSN_OK;
	}
	if (type == TSN_CORR_LEAKY_BUCKET)
		return judge_bucket(d, hit, g);
	if (type == TSN_CORR_FIRST_SEEN)
		return judge_first_seen(d, hit, g);
	return s->def->at_close ? judge_tumbling(d, hit, g) : judge_sliding(d, hit, g);
}
