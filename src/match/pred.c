#include "match/pred.h"

#include "base/assert.h"

const struct tsn_pred *
tsn_pred_const(struct tsn_arena *a, bool value)
{
	struct tsn_pred *p = tsn_arena_calloc(a, 1, sizeof *p);

	if (p != NULL)
		p->op = value ? TSN_PRED_TRUE : TSN_PRED_FALSE;
	return p;
}

const struct tsn_pred *
tsn_pred_atom(struct tsn_arena *a, const struct tsn_atom *atom)
{
	struct tsn_pred *p = tsn_arena_calloc(a, 1, sizeof *p);

	TSN_ASSERT(atom->op < TSN_ATOM__COUNT);
	if (p != NULL) {
		p->op = TSN_PRED_ATOM;
		p->atom = *atom;
	}
	return p;
}

const struct tsn_pred *
tsn_pred_not(struct tsn_arena *a, const struct tsn_pred *kid)
{
	struct tsn_pred *p = tsn_arena_calloc(a, 1, sizeof *p);

	TSN_ASSERT(kid != NULL);
	if (p == NULL)
		return NULL;
	p->kids = tsn_arena_calloc(a, 1, sizeof *p->kids);
	if (p->kids == NULL)
		return NULL;
	p->op = TSN_PRED_NOT;
	p->kid_count = 1;
	p->kids[0] = kid;
	return p;
}

const struct tsn_pred *
tsn_pred_group(struct tsn_arena *a, enum tsn_pred_op op, const struct tsn_pred *const *kids,
    uint32_t kid_count)
{
	struct tsn_pred *p;

	TSN_ASSERT(op == TSN_PRED_AND || op == TSN_PRED_OR);
	if (kid_count == 1)
		return kids[0];
	p = tsn_arena_calloc(a, 1, sizeof *p);
	if (p == NULL)
		return NULL;
	p->op = op;
	p->kid_count = kid_count;
	p->kids = tsn_arena_calloc(a, kid_count, sizeof *p->kids);
	if (p->kids == NULL)
		return NULL;
	for (uint32_t i = 0; i < kid_count; i++)
		p->kids[i] = kids[i];
	return p;
}

static bool
has_wild(struct tsn_slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == TSN_WILD_MANY || s.ptr[i] == TSN_WILD_ONE)
			return true;
	return false;
}

void
tsn_pred_pattern(struct tsn_atom *atom, struct tsn_slice pattern)
{
	struct tsn_slice inner = pattern;
	bool head = inner.len > 0 && inner.ptr[0] == TSN_WILD_MANY, tail;

	if (head)
		inner = tsn_slice_from(inner, 1);
	tail = inner.len > 0 && inner.ptr[inner.len - 1] == TSN_WILD_MANY;
	if (tail)
		inner.len--;
	if (inner.len == 0 && pattern.len > 0) {
		atom->op = TSN_ATOM_WILDCARD;
		atom->value = pattern;
		return;
	}
	if (has_wild(inner)) {
		atom->op = TSN_ATOM_WILDCARD;
		atom->value = pattern;
		return;
	}
	atom->value = inner;
	atom->op = head ? (tail ? TSN_ATOM_CONTAINS : TSN_ATOM_SUFFIX)
			: (tail ? TSN_ATOM_PREFIX : TSN_ATOM_EQ);
}
