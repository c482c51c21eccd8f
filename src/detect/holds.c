/* What a correlation asks of the hits of a group. */
#include "detect/corr_int.h"

#include <stdlib.h>

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
tsn_holds_at_close(const struct tsn_correlation *c)
{
	if (is_temporal(c) && c->expr != NULL)
		return expr_negates(c->expr);
	if (c->type == TSN_CORR_LEAKY_BUCKET || c->type == TSN_CORR_FIRST_SEEN || tsn_steps_used(c))
		return false;
	if (c->type == TSN_CORR_VALUE_AVG || c->type == TSN_CORR_VALUE_PERCENTILE ||
	    c->type == TSN_CORR_VALUE_MEDIAN)
		return true;
	for (uint32_t i = 0; i < c->bound_count; i++)
		if (c->bounds[i].op != TSN_CORR_GT && c->bounds[i].op != TSN_CORR_GTE)
			return true;
	return false;
}

double
tsn_holds_leak_ns(const struct tsn_correlation *c)
{
	return c->leak_ns > 0 ? (double)c->leak_ns : 1;
}

int64_t
tsn_holds_keep_ns(const struct tsn_correlation *c)
{
	double drain = c->capacity * tsn_holds_leak_ns(c);

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

/* How many of the rules match one after another, at most. */
static uint32_t
most_in_order(const struct tsn_correlation *c, const struct group *g)
{
	uint32_t length[TSN_CORR_RULES_MAX] = {0}, most = 0;

	for (uint32_t n = g->head; n < g->head + g->count; n++) {
		uint32_t place = g->entries[n].place % TSN_CORR_RULES_MAX, best = 0;

		for (uint32_t i = 0; i < place; i++)
			best = length[i] > best ? length[i] : best;
		length[place] = best + 1 > length[place] ? best + 1 : length[place];
		most = length[place] > most ? length[place] : most;
	}
	return most < c->rule_count ? most : c->rule_count;
}

static bool
bounds_hold(const struct tsn_correlation *c, double v)
{
	for (uint32_t i = 0; i < c->bound_count; i++)
		if (!bound_holds(&c->bounds[i], v))
			return false;
	return true;
}

/* Of temporal types that steps.c does not judge. */
static bool
temporal_true(const struct tsn_correlation *c, const struct group *g)
{
	uint64_t places = 0;
	uint32_t matched;

	for (uint32_t i = 0; g->best != NULL && i < c->rule_count; i++)
		places |= (uint64_t)(g->best[i] > 0) << i;
	matched = (uint32_t)__builtin_popcountll(places);
	if (c->expr != NULL)
		return expr_true(c->expr, places);
	if (c->bound_count == 0)
		return matched == c->rule_count;
	if (c->type == TSN_CORR_TEMPORAL)
		return bounds_hold(c, matched);
	return bounds_hold(c, most_in_order(c, g));
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

double
tsn_holds_measure(const struct tsn_detect *d, const struct tsn_correlation *c,
    const struct group *g)
{
	double sum = 0;

	if (g->count == 0)
		return 0;
	switch (c->type) {
	case TSN_CORR_VALUE_COUNT:
		return g->values == NULL ? 0 : g->values->distinct;
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
	case TSN_CORR_ABSENCE:
	case TSN_CORR_SEQUENCE:
	case TSN_CORR__COUNT:
		break;
	}
	return (double)g->weight;
}

bool
tsn_holds(const struct tsn_detect *d, const struct corr_state *s, const struct group *g)
{
	const struct tsn_correlation *c = s->def->c;

	if (g->count == 0)
		return false;
	if (is_temporal(c))
		return temporal_true(c, g);
	/* The running sum is rounded; near the threshold and above it is added up anew. */
	if (c->type == TSN_CORR_VALUE_SUM && c->bound_count == 1 && c->bounds[0].value > 0 &&
	    !s->def->at_close && g->sum < c->bounds[0].value * (1 - 1e-9))
		return false;
	return bounds_hold(c, tsn_holds_measure(d, c, g));
}
