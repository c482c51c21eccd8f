#include "rule/same.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define DEPTH_MAX 256u
#define PARTS_MAX 100000u
#define CHAIN_MAX 32u

struct sum {
	uint64_t high, low;
};

/* Sums of the parts of one AND or OR. */
struct parts {
	struct sum *items;
	uint32_t count, cap;
};

static bool sum_of(const struct tsn_pred *p, uint32_t depth, struct sum *ret);

static bool
push(struct parts *p, struct sum s)
{
	if (p->count == p->cap) {
		uint32_t cap = p->cap == 0 ? 16 : 2 * p->cap;
		struct sum *more = p->count >= PARTS_MAX ? NULL : realloc(p->items, cap * sizeof *more);

		if (more == NULL)
			return false;
		p->items = more;
		p->cap = cap;
	}
	p->items[p->count++] = s;
	return true;
}

static int
by_sum(const void *a, const void *b)
{
	const struct sum *x = a, *y = b;

	if (x->high != y->high)
		return x->high < y->high ? -1 : 1;
	return x->low < y->low ? -1 : x->low > y->low;
}

static struct sum
hash(const void *bytes, size_t len, uint64_t seed)
{
	XXH128_hash_t h = XXH3_128bits_withSeed(bytes, len, seed);

	return (struct sum){h.high64, h.low64};
}

static struct sum
hash_text(struct tsn_slice s, bool fold, uint64_t seed)
{
	struct sum made = {seed, s.len};
	char folded[256];

	if (!fold)
		return hash(s.ptr == NULL ? "" : s.ptr, s.len, seed);
	for (size_t i = 0; i < s.len; i += sizeof folded) {
		size_t n = s.len - i < sizeof folded ? s.len - i : sizeof folded;

		for (size_t k = 0; k < n; k++)
			folded[k] = tsn_lower(s.ptr[i + k]);
		made = hash(folded, n, made.low ^ made.high ^ seed);
	}
	return made;
}

static struct sum
sum_atom(const struct tsn_atom *a)
{
	bool fold = !(a->flags & TSN_ATOM_CASED) && a->op != TSN_ATOM_REGEX;
	struct {
		struct sum field, value, high;
		uint64_t op, flags, number, high_number, time_ns, high_ns;
	} all = {.field = hash_text(a->field, true, 1), .value = hash_text(a->value, fold, 2),
	    .high = hash_text(a->high, fold, 3), .op = a->op, .flags = a->flags,
	    .time_ns = (uint64_t)a->time_ns, .high_ns = (uint64_t)a->high_ns};

	memcpy(&all.number, &a->number, sizeof all.number);
	memcpy(&all.high_number, &a->high_number, sizeof all.high_number);
	return hash(&all, sizeof all, 4);
}

/* Kids of kids of the same kind are its own: "a and (b and c)". */
static bool
add_parts(const struct tsn_pred *p, enum tsn_pred_op op, uint32_t depth, struct parts *out)
{
	for (uint32_t i = 0; i < p->kid_count; i++) {
		struct sum s;

		if (depth > DEPTH_MAX)
			return false;
		if (p->kids[i]->op == op) {
			if (!add_parts(p->kids[i], op, depth + 1, out))
				return false;
		} else if (!sum_of(p->kids[i], depth + 1, &s) || !push(out, s)) {
			return false;
		}
	}
	return true;
}

static bool
sum_group(const struct tsn_pred *p, uint32_t depth, struct sum *ret)
{
	struct parts parts = {0};
	bool ok = add_parts(p, p->op, depth, &parts);
	uint32_t kept = 0;

	if (ok && parts.count > 0) {
		qsort(parts.items, parts.count, sizeof *parts.items, by_sum);
		for (uint32_t i = 0; i < parts.count; i++)
			if (i == 0 || by_sum(&parts.items[i], &parts.items[i - 1]) != 0)
				parts.items[kept++] = parts.items[i];
	}
	if (ok && kept == 1)
		*ret = parts.items[0];
	else if (ok)
		*ret = hash(kept == 0 ? "" : (const void *)parts.items, kept * sizeof *parts.items,
		    10 + (uint64_t)p->op);
	free(parts.items);
	return ok;
}

static bool
sum_of(const struct tsn_pred *p, uint32_t depth, struct sum *ret)
{
	struct sum kid;

	if (depth > DEPTH_MAX)
		return false;
	switch (p->op) {
	case TSN_PRED_ATOM:
		*ret = sum_atom(&p->atom);
		return true;
	case TSN_PRED_NOT:
		if (p->kids[0]->op == TSN_PRED_NOT)
			return sum_of(p->kids[0]->kids[0], depth + 2, ret);
		if (!sum_of(p->kids[0], depth + 1, &kid))
			return false;
		*ret = hash(&kid, sizeof kid, 5);
		return true;
	case TSN_PRED_AND:
	case TSN_PRED_OR:
		return sum_group(p, depth, ret);
	case TSN_PRED_TRUE:
	case TSN_PRED_FALSE:
		break;
	}
	*ret = hash("", 0, 6 + (uint64_t)p->op);
	return true;
}

static void
mix(struct sum *into, struct sum s)
{
	struct sum both[2] = {*into, s};

	*into = hash(both, sizeof both, 7);
}

static void
mix_number(struct sum *into, double v)
{
	mix(into, hash(&v, sizeof v, 8));
}

static void
mix_expr(struct sum *into, const struct tsn_corr_expr *x, uint32_t depth)
{
	mix_number(into, (double)x->op);
	mix_number(into, x->op == TSN_CORR_EXPR_RULE ? (double)x->rule : (double)x->kid_count);
	for (uint32_t i = 0; x->op != TSN_CORR_EXPR_RULE && i < x->kid_count && depth < DEPTH_MAX; i++)
		mix_expr(into, x->kids[i], depth + 1);
}

static bool
sum_correlation(const struct tsn_ruleset *set, const struct tsn_correlation *c, uint32_t depth,
    struct sum *ret)
{
	*ret = (struct sum){.high = c->type, .low = c->suppress};
	for (uint32_t i = 0; i < c->rule_count; i++) {
		const struct tsn_rule *r = &set->rules[c->rules[i]];
		struct sum s;

		if (depth > CHAIN_MAX)
			return false;
		if (r->condition != NULL ? !sum_of(r->condition, 0, &s)
		    : !sum_correlation(set, r->correlation, depth + 1, &s))
			return false;
		mix(ret, s);
		mix(ret, hash_text(r->logsource.category, true, 20));
		mix(ret, hash_text(r->logsource.product, true, 21));
		mix(ret, hash_text(r->logsource.service, true, 22));
	}
	for (uint32_t i = 0; i < c->group_count * c->rule_count; i++)
		mix(ret, hash_text(c->group_fields[i], true, 23));
	for (uint32_t i = 0; i < c->field_count * c->rule_count; i++)
		mix(ret, hash_text(c->fields[i], true, 24));
	for (uint32_t i = 0; i < c->bound_count; i++) {
		mix_number(ret, (double)c->bounds[i].op);
		mix_number(ret, c->bounds[i].value);
	}
	mix_number(ret, (double)c->timespan_ns);
	mix_number(ret, c->percentile);
	mix_number(ret, c->capacity);
	mix_number(ret, (double)c->leak_ns);
	mix_number(ret, (double)c->learn_ns);
	if (c->expr != NULL)
		mix_expr(ret, c->expr, 0);
	return true;
}

bool
tsn_rule_sum(const struct tsn_ruleset *set, uint32_t rule, uint64_t ret_sum[2])
{
	const struct tsn_rule *r = &set->rules[rule];
	struct sum s;

	if (r->condition != NULL ? !sum_of(r->condition, 0, &s)
	    : !sum_correlation(set, r->correlation, 0, &s))
		return false;
	mix(&s, hash_text(r->logsource.category, true, 30));
	mix(&s, hash_text(r->logsource.product, true, 31));
	mix(&s, hash_text(r->logsource.service, true, 32));
	mix(&s, hash_text(r->taxonomy, true, 33));
	ret_sum[0] = s.high;
	ret_sum[1] = s.low;
	return true;
}
