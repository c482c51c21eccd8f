/* What the state of a correlation depends on, as a number: with another it is not its own. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "detect/corr_int.h"

/* Raised when hits or groups come to mean something else. */
#define PRINT_VERSION 1u

static void
add(XXH3_state_t *x, const void *bytes, size_t len)
{
	(void)XXH3_128bits_update(x, bytes, len);
}

static void
add_u64(XXH3_state_t *x, uint64_t v)
{
	add(x, &v, sizeof v);
}

static void
add_text(XXH3_state_t *x, struct tsn_slice s)
{
	add_u64(x, s.len);
	add(x, s.ptr == NULL ? "" : s.ptr, s.len);
}

static void
add_expr(XXH3_state_t *x, const struct tsn_corr_expr *e, uint32_t depth)
{
	add_u64(x, (uint64_t)e->op);
	add_u64(x, e->rule);
	add_u64(x, e->kid_count);
	for (uint32_t i = 0; i < e->kid_count && depth < TSN_MATCH_DEPTH_MAX; i++)
		add_expr(x, e->kids[i], depth + 1);
}

static void
add_pred(XXH3_state_t *x, const struct tsn_pred *p, uint32_t depth)
{
	const struct tsn_atom *a = &p->atom;

	add_u64(x, (uint64_t)p->op);
	add_u64(x, p->kid_count);
	if (p->op == TSN_PRED_ATOM) {
		add_u64(x, (uint64_t)a->op << 32 | a->flags);
		add_text(x, a->field);
		add_text(x, a->value);
		add_text(x, a->high);
		add(x, &a->number, sizeof a->number);
		add(x, &a->high_number, sizeof a->high_number);
		add_u64(x, (uint64_t)a->time_ns);
		add_u64(x, (uint64_t)a->high_ns);
	}
	for (uint32_t i = 0; i < p->kid_count && depth < TSN_MATCH_DEPTH_MAX; i++)
		add_pred(x, p->kids[i], depth + 1);
}

static void
add_correlation(XXH3_state_t *x, const struct tsn_correlation *c)
{
	add_u64(x, (uint64_t)c->type);
	add_u64(x, c->rule_count);
	add_u64(x, c->group_count);
	add_u64(x, c->field_count);
	add_u64(x, c->bound_count);
	for (uint32_t i = 0; i < c->group_count; i++)
		add_text(x, c->group_by[i]);
	for (uint32_t i = 0; i < c->group_count * c->rule_count; i++)
		add_text(x, c->group_fields[i]);
	for (uint32_t i = 0; i < c->field_count * c->rule_count; i++)
		add_text(x, c->fields[i]);
	for (uint32_t i = 0; i < c->bound_count; i++) {
		add_u64(x, (uint64_t)c->bounds[i].op);
		add(x, &c->bounds[i].value, sizeof c->bounds[i].value);
	}
	add(x, &c->percentile, sizeof c->percentile);
	add(x, &c->capacity, sizeof c->capacity);
	add_u64(x, (uint64_t)c->timespan_ns);
	add_u64(x, (uint64_t)c->leak_ns);
	add_u64(x, (uint64_t)c->learn_ns);
	add_u64(x, c->absent);
	add_u64(x, c->suppress);
	if (c->expr != NULL)
		add_expr(x, c->expr, 0);
}

/* With the rules under it, as deep as chains are. */
static void
add_rule(XXH3_state_t *x, const struct set *set, uint32_t index, uint32_t depth)
{
	const struct tsn_rule *r = &set->rules->rules[index];

	add(x, set->rule_hash[index], sizeof set->rule_hash[index]);
	add_text(x, r->taxonomy);
	add_text(x, r->logsource.category);
	add_text(x, r->logsource.product);
	add_text(x, r->logsource.service);
	add_u64(x, r->exception_count);
	if (r->condition != NULL)
		add_pred(x, r->condition, 0);
	if (r->correlation == NULL || depth > CHAIN_MAX)
		return;
	add_correlation(x, r->correlation);
	for (uint32_t i = 0; i < r->correlation->rule_count; i++)
		add_rule(x, set, r->correlation->rules[i], depth + 1);
}

enum tsn_code
tsn_print_define(struct set *set, struct tsn_err *err)
{
	XXH3_state_t *x = set->corr_count == 0 ? NULL : XXH3_createState();

	if (set->corr_count > 0 && x == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < set->corr_count; i++) {
		XXH128_hash_t h;

		(void)XXH3_128bits_reset(x);
		add_u64(x, PRINT_VERSION);
		add_rule(x, set, set->corrs[i].rule, 0);
		h = XXH3_128bits_digest(x);
		set->corrs[i].print[0] = h.high64;
		set->corrs[i].print[1] = h.low64;
	}
	(void)XXH3_freeState(x);
	return TSN_OK;
}
