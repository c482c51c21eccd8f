/* When a group's hits make its correlation true. */
#include "detect/corr_int.h"

#include <stdlib.h>

#include "base/assert.h"

static bool
expr_negates(const struct tsn_corr_expr *x)
{
	bool any = x->op == TSN_CORR_EXPR_NOT;

	for (uint32_t i = 0; x->op != TSN_CORR_EXPR_RULE && i < x->kid_count; i++)
		any |= expr_negates(x->kids[i]);
	return any;
}

static bool
is_temporal(const struct tsn_correlation *c)
{
	return c->type == TSN_CORR_TEMPORAL || c->type == TSN_CORR_TEMPORAL_ORDERED;
}

bool
tsn_judge_at_close(const struct tsn_correlation *c)
{
	if (is_temporal(c))
		return c->expr != NULL && expr_negates(c->expr);
	if (c->type == TSN_CORR_LEAKY_BUCKET || c->type == TSN_CORR_FIRST_SEEN)
		return false;
	if (c->type == TSN_CORR_VALUE_AVG || c->type == TSN_CORR_VALUE_PERCENTILE ||
	    c->type == TSN_CORR_VALUE_MEDIAN)
		return true;
	for (uint32_t i = 0; i < c->bound_count; i++)
		if (c->bounds[i].op != TSN_CORR_GT && c->bounds[i].op != TSN_CORR_GTE)
			return true;
	return false;
}

static double
leak_ns(const struct tsn_correlation *c)
{
	return c->leak_ns > 0 ? (double)c->leak_ns : 1;
}

int64_t
tsn_judge_keep_ns(const struct tsn_correlation *c)
{
	double drain = c->capacity * leak_ns(c);

	if (c->type == TSN_CORR_FIRST_SEEN)
		return INT64_MAX;
	if (c->type == TSN_CORR_LEAKY_BUCKET)
		return drain > 9e17 ? INT64_MAX : (int64_t)drain;
	return c->timespan_ns;
}

static bool
expr_true(const struct tsn_corr_expr *x, uint64_t places)
{
	bool value = x->op == TSN_CORR_EXPR_AND;

	if (x->op == TSN_CORR_EXPR_RULE)
		return places >> x->rule % 64 & 1;
	if (x->op == TSN_CORR_EXPR_NOT)
		return x->kid_count > 0 && !expr_true(x->kids[0], places);
	for (uint32_t i = 0; i < x->kid_count; i++) {
		bool kid = expr_true(x->kids[i], places);

		value = x->op == TSN_CORR_EXPR_AND ? value && kid : value || kid;
	}
	return value;
}

/* Each rule after the one before it; events of one instant count as in order. */
static bool
in_order(const struct tsn_correlation *c, const struct group *g)
{
	const struct entry_hit *e = g->entries + g->head;
	uint32_t want = 0;

	for (uint32_t i = 0; i < g->count && want < c->rule_count;) {
		uint64_t now = 0;
		int64_t time = e[i].time_ns;

		for (; i < g->count && e[i].time_ns == time; i++)
			now |= 1ull << e[i].place % 64;
		while (want < c->rule_count && now >> want & 1)
			want++;
	}
	return want == c->rule_count;
}

static bool
temporal_true(const struct tsn_correlation *c, const struct group *g)
{
	uint64_t places = 0, all = c->rule_count >= 64 ? UINT64_MAX : (1ull << c->rule_count) - 1;

	for (uint32_t i = 0; i < g->count; i++)
		places |= 1ull << g->entries[g->head + i].place % 64;
	if (c->expr != NULL)
		return expr_true(c->expr, places);
	return (places & all) == all && (c->type == TSN_CORR_TEMPORAL || in_order(c, g));
}

static int
by_number(const void *a, const void *b)
{
	double x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x < y ? -1 : x > y;
}

/* Between the two nearest values where the percentile falls between them. */
static double
percentile(const struct group *g, double percent, uint64_t *scratch)
{
	double at, low, high;
	uint32_t i;

	for (uint32_t n = 0; n < g->count; n++)
		memcpy(&scratch[n], &g->entries[g->head + n].number, sizeof scratch[n]);
	qsort(scratch, g->count, sizeof *scratch, by_number);
	at = percent / 100 * (double)(g->count - 1);
	i = (uint32_t)at;
	memcpy(&low, &scratch[i], sizeof low);
	memcpy(&high, &scratch[i + 1 < g->count ? i + 1 : i], sizeof high);
	return low + (high - low) * (at - (double)i);
}

/* What the correlation measures over the hits of the group. */
static double
measure(const struct tsn_detect *d, const struct tsn_correlation *c, const struct group *g)
{
	double sum = 0;

	switch (c->type) {
	case TSN_CORR_VALUE_COUNT:
		return g->distinct;
	case TSN_CORR_VALUE_SUM:
	case TSN_CORR_VALUE_AVG:
		for (uint32_t i = 0; i < g->count; i++)
			sum += g->entries[g->head + i].number;
		return c->type == TSN_CORR_VALUE_SUM ? sum : sum / (double)g->count;
	case TSN_CORR_VALUE_PERCENTILE:
		return percentile(g, c->percentile, d->corr.scratch);
	case TSN_CORR_VALUE_MEDIAN:
		return percentile(g, 50, d->corr.scratch);
	case TSN_CORR_EVENT_COUNT:
	case TSN_CORR_TEMPORAL:
	case TSN_CORR_TEMPORAL_ORDERED:
	case TSN_CORR_LEAKY_BUCKET:
	case TSN_CORR_FIRST_SEEN:
	case TSN_CORR__COUNT:
		break;
	}
	return (double)g->weight;
}

static bool
bound_holds(const struct tsn_corr_bound *b, double v)
{
	switch (b->op) {
	case TSN_CORR_GT:
		return v > b->value;
	case TSN_CORR_GTE:
		return v >= b->value;
	case TSN_CORR_LT:
		return v < b->value;
	case TSN_CORR_LTE:
		return v <= b->value;
	case TSN_CORR_EQ:
		return v == b->value;
	case TSN_CORR_NEQ:
		return v != b->value;
	}
	return false;
}

static bool
holds(const struct tsn_detect *d, const struct tsn_correlation *c, const struct group *g)
{
	double v;

	if (g->count == 0)
		return false;
	if (is_temporal(c))
		return temporal_true(c, g);
	/* The running sum is rounded; near the threshold and above it is added up anew. */
	if (c->type == TSN_CORR_VALUE_SUM && c->bound_count == 1 && c->bounds[0].value > 0 &&
	    !tsn_judge_at_close(c) && g->sum < c->bounds[0].value * (1 - 1e-9))
		return false;
	v = measure(d, c, g);
	for (uint32_t i = 0; i < c->bound_count; i++)
		if (!bound_holds(&c->bounds[i], v))
			return false;
	return true;
}

static enum tsn_code
fire(struct tsn_detect *d, uint32_t corr, struct group *g)
{
	const struct set *set = d->set;

	g->fired = true;
	g->start_ns = g->entries[g->head].time_ns;
	g->total = g->weight;
	g->excepted = set->corrs[corr].except_count > 0 &&
	    tsn_except_group(d, &set->corrs[corr], g);
	if (g->excepted)
		return TSN_OK;
	d->rule_counts[set->corrs[corr].rule]++;
	if (!set->options.once)
		TSN_TRY(tsn_tell(d, corr, g, false));
	return tsn_tell_chain(d, corr, g);
}

enum tsn_code
tsn_judge_close(struct tsn_detect *d, uint32_t corr, struct group *g)
{
	const struct tsn_correlation *c = d->set->corrs[corr].c;
	uint64_t total;

	if (!g->fired && tsn_judge_at_close(c) && holds(d, c, g))
		TSN_TRY(fire(d, corr, g));
	if (g->fired && !g->excepted) {
		total = g->weight;
		if (d->set->options.once || total > g->total) {
			g->total = total;
			TSN_TRY(tsn_tell(d, corr, g, !d->set->options.once));
		}
	}
	g->fired = g->excepted = false;
	tsn_group_clear(&d->corr.states[corr], g);
	return TSN_OK;
}

/* A token comes back every leak_ns, up to `capacity` of them; the hit that finds none overflows. */
static enum tsn_code
judge_bucket(struct tsn_detect *d, const struct hit *hit, struct group *g, bool is_new)
{
	const struct tsn_correlation *c = d->set->corrs[hit->corr].c;
	double passed;

	if (is_new) {
		g->level = 0;
		g->start_ns = hit->time_ns;
		tsn_group_drop_before(g, hit->time_ns);
	}
	/* start_ns is here the time of the last hit. */
	passed = hit->time_ns > g->start_ns ? (double)time_minus(hit->time_ns, g->start_ns) : 0;
	g->level -= passed / leak_ns(c);
	if (g->level < 0)
		g->level = 0;
	g->start_ns = hit->time_ns > g->start_ns ? hit->time_ns : g->start_ns;
	g->level += hit->weight;
	if (g->level <= c->capacity + 1e-9)
		return TSN_OK;
	TSN_TRY(fire(d, hit->corr, g));
	TSN_TRY(tsn_judge_close(d, hit->corr, g));
	g->start_ns = INT64_MIN / 2;
	g->level = 0;
	return TSN_OK;
}

static enum tsn_code
judge_first_seen(struct tsn_detect *d, const struct hit *hit, struct group *g, bool is_new)
{
	const struct tsn_correlation *c = d->set->corrs[hit->corr].c;
	bool unseen;

	if (is_new)
		g->start_ns = hit->time_ns;
	TSN_TRY(tsn_group_see(&d->corr.states[hit->corr], g, hit->value, &unseen));
	if (unseen && time_minus(hit->time_ns, g->start_ns) >= c->learn_ns) {
		int64_t learned_from = g->start_ns;

		TSN_TRY(fire(d, hit->corr, g));
		TSN_TRY(tsn_judge_close(d, hit->corr, g));
		g->start_ns = learned_from;
	}
	tsn_group_clear(&d->corr.states[hit->corr], g);
	return TSN_OK;
}

/* The window that is open may be over by now. */
static enum tsn_code
end_window(struct tsn_detect *d, const struct hit *hit, struct group *g, bool at_close)
{
	int64_t span = d->set->corrs[hit->corr].c->timespan_ns;

	if (g->count == 0)
		return TSN_OK;
	if (at_close && !g->fired)
		g->start_ns = g->entries[g->head].time_ns;
	if ((at_close || g->fired) && time_minus(hit->time_ns, g->start_ns) >= span)
		return tsn_judge_close(d, hit->corr, g);
	return TSN_OK;
}

enum tsn_code
tsn_judge_hit(struct tsn_detect *d, const struct hit *hit)
{
	const struct tsn_correlation *c = d->set->corrs[hit->corr].c;
	struct corr_state *s = &d->corr.states[hit->corr];
	struct group *g = tsn_group_get(d, hit->corr, hit);
	bool at_close = tsn_judge_at_close(c), known, is_new;

	if (g == NULL)
		return TSN_ENOMEM;
	is_new = g->last_ns == TSN_TIME_NONE;
	if (TSN_UNLIKELY(d->corr.past_count > 0) && is_new)
		g->held_ns = tsn_replay_held(d, hit->corr, g);
	if (TSN_UNLIKELY(hit->time_ns < g->held_ns)) {
		g->last_ns = hit->time_ns;
		return TSN_OK;
	}
	if (c->type != TSN_CORR_LEAKY_BUCKET && c->type != TSN_CORR_FIRST_SEEN)
		TSN_TRY(end_window(d, hit, g, at_close));
	if (c->type == TSN_CORR_LEAKY_BUCKET) {
		/* A bucket that has drained is a new one; of equal values only the first is counted. */
		is_new |= time_minus(hit->time_ns, g->start_ns) > tsn_judge_keep_ns(c);
		if (!is_new && c->field_count > 0 && tsn_group_has(g, hit->value))
			return TSN_OK;
	}
	TSN_TRY(tsn_group_add(s, g, hit, &known));
	if (known) {
		s->stats.duplicates++;
		return TSN_OK;
	}
	if (c->type == TSN_CORR_LEAKY_BUCKET)
		return judge_bucket(d, hit, g, is_new);
	if (c->type == TSN_CORR_FIRST_SEEN)
		return judge_first_seen(d, hit, g, is_new);
	if (g->fired || at_close)
		return TSN_OK;
	tsn_group_drop_before(g, time_minus(g->last_ns, c->timespan_ns));
	return holds(d, c, g) ? fire(d, hit->corr, g) : TSN_OK;
}
