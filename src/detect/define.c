/* What follows from the text of a correlation, found once for all engines. */
#include "detect/corr_int.h"

static bool
is_temporal(const struct tsn_correlation *c)
{
	return c->type == TSN_CORR_TEMPORAL || c->type == TSN_CORR_TEMPORAL_ORDERED;
}

/* The correlation of a rule, or NULL. */
static struct corr_def *
def_of(const struct set *set, uint32_t rule)
{
	uint32_t low = 0, high = set->corr_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (set->corrs[middle].rule < rule)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->corr_count && set->corrs[low].rule == rule ? &set->corrs[low] : NULL;
}

static void
define(const struct set *set, struct corr_def *def)
{
	const struct tsn_correlation *c = def->c;

	def->keep_ns = tsn_holds_keep_ns(c);
	def->used = set->corr_at[def->rule] < set->corr_at[def->rule + 1];
	def->at_close = tsn_holds_at_close(c);
	def->ordered = tsn_steps_used(c);
	def->places = is_temporal(c) && !def->ordered;
	def->counts = c->type == TSN_CORR_VALUE_COUNT ||
	    (c->type == TSN_CORR_LEAKY_BUCKET && c->field_count > 0);
	def->sums = c->type >= TSN_CORR_VALUE_SUM && c->type <= TSN_CORR_VALUE_MEDIAN;
	for (uint32_t j = 0; j < c->rule_count; j++)
		def->over |= def_of(set, c->rules[j]) != NULL;
}

/* The last rank at which a rule can make hits: that of the last of what it is made from. */
static uint32_t
last_rank(const struct set *set, uint32_t rule)
{
	const struct corr_def *def = def_of(set, rule);
	uint32_t last = 0;

	for (uint32_t j = 0; def != NULL && j < def->c->rule_count; j++)
		last = def->ranks[j] > last ? def->ranks[j] : last;
	return last;
}

/*
 * Of one instant what stands first in an ordered correlation is judged first, with all it is made
 * from, and what stands later is made later; true when a rank has changed.
 */
static bool
rank(const struct set *set, struct corr_def *def)
{
	const struct tsn_correlation *c = def->c;
	bool ordered = c->type == TSN_CORR_SEQUENCE || c->type == TSN_CORR_TEMPORAL_ORDERED;
	bool changed = false;
	uint32_t next = def->rank_least;

	for (uint32_t j = 0; j < c->rule_count; j++) {
		struct corr_def *kid = def_of(set, c->rules[j]);
		uint32_t under = last_rank(set, c->rules[j]), mine;

		if (c->type == TSN_CORR_ABSENCE)
			next = def->rank_least + (c->absent >> j & 1);
		mine = next > under ? next : under;
		if (kid != NULL && kid->rank_least < next) {
			kid->rank_least = next;
			changed = true;
		}
		if (ordered)
			next = mine + 1;
		changed |= def->ranks[j] != mine;
		def->ranks[j] = mine;
	}
	return changed;
}

enum tsn_code
tsn_set_define(struct set *set, struct tsn_err *err)
{
	bool changed = true;

	for (uint32_t i = 0; i < set->corr_count; i++) {
		struct corr_def *def = &set->corrs[i];

		def->ranks = tsn_arena_calloc(&set->arena, def->c->rule_count + 1, sizeof *def->ranks);
		if (def->ranks == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		define(set, def);
	}
	/*
	 * Chains have no circles; a pass settles one level more.  Where two correlations want the same
	 * in opposite orders there is no end: any order will do, as long as it is always the same.
	 */
	for (uint32_t pass = 0; pass <= 2 * CHAIN_MAX && changed; pass++) {
		changed = false;
		for (uint32_t i = 0; i < set->corr_count; i++)
			changed |= rank(set, &set->corrs[i]);
	}
	return TSN_OK;
}
