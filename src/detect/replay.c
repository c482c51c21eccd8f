/* Events read back after a restart: windows that began before them are known by their findings. */
#include "detect/corr_int.h"

/*
 * A window that is judged at its end begins with the first hit after the one before: where that was
 * is found again once a group was quiet for a timespan, so more is read back than one.
 */
#define PHASE_SPANS 3

bool
tsn_detect_begins_surely(const struct tsn_detect *d, const struct tsn_rule *rule)
{
	const struct tsn_correlation *c = rule->correlation;
	/* A window that an exception hid left no finding. */
	bool sure = c->type != TSN_CORR_LEAKY_BUCKET && !tsn_holds_at_close(c) && rule->generate &&
	    rule->exception_count == 0;

	for (uint32_t j = 0; sure && j < c->rule_count; j++)
		sure = d->set->rules->rules[c->rules[j]].correlation == NULL;
	return sure;
}

int64_t
tsn_detect_span(const struct tsn_detect *d)
{
	int64_t most = 0;

	for (uint32_t i = 0; i < d->set->corr_count; i++) {
		const struct tsn_correlation *c = d->set->corrs[i].c;
		bool sure = tsn_detect_begins_surely(d, &d->set->rules->rules[d->set->corrs[i].rule]);
		int64_t keep = tsn_holds_keep_ns(c);

		if (d->corr.states[i].resumed)
			continue;

		if (__builtin_mul_overflow(keep, sure ? 1 : PHASE_SPANS, &keep))
			return INT64_MAX;
		if (keep > most)
			most = keep;
	}
	return most;
}

int64_t
tsn_detect_lateness(const struct tsn_detect *d)
{
	return d->set->options.lateness_ns;
}

int64_t
tsn_replay_held(const struct tsn_detect *d, uint32_t corr, const struct group *g)
{
	const struct corr_engine *e = &d->corr;
	int64_t span = d->set->corrs[corr].c->timespan_ns, held = TSN_TIME_NONE, end;
	uint32_t rule = d->set->corrs[corr].rule;
	uint64_t id[2];

	for (uint32_t i = 0; i < e->past_count; i++) {
		const struct tsn_detect_past *p = &e->past[i];

		if (p->rule != rule || __builtin_add_overflow(p->start_ns, span, &end) || end <= held)
			continue;
		tsn_tell_id(d, rule, g, p->start_ns, id);
		if (id[0] == p->id[0] && id[1] == p->id[1])
			held = end;
	}
	return held;
}

void
tsn_detect_replay_begin(struct tsn_detect *d, const struct tsn_detect_past *past, uint32_t count)
{
	d->corr.replay = true;
	d->corr.past = past;
	d->corr.past_count = count;
}

void
tsn_detect_replay_end(struct tsn_detect *d, int64_t now_ns)
{
	struct corr_engine *e = &d->corr;

	e->replay = false;
	e->past = NULL;
	e->past_count = 0;
	/* What a snapshot holds has been judged, whether anything came after it or not. */
	if (e->resume_ns > e->now_ns)
		e->now_ns = e->resume_ns;
	tsn_mark_resume(d, now_ns);
}
