/* Atoms of conditions to atoms of the plan: equal ones are compiled once. */
#include "detect/compile_int.h"

#include "match/fold.h"
#include "match/literal.h"
#include "match/wild.h"

/* What makes two atoms the same, beside their value. */
struct identity {
	const struct ref *ref, *other;
	uint64_t op, flags;
	double number, high_number;
	int64_t time_ns, high_ns;
};

static uint64_t
hash_of(const struct identity *id, struct tsn_slice value, struct tsn_slice high)
{
	uint64_t h = tsn_hash_bytes((const char *)id, sizeof *id, high.len);

	return tsn_hash_slice(high, tsn_hash_slice(value, h));
}

/* The value in the form in which equal ones are equal: folded unless case matters. */
static enum tsn_code
normal_value(struct compiler *c, const struct tsn_atom *atom, struct tsn_slice *ret)
{
	char *out;
	bool ascii;

	*ret = atom->value;
	if (atom->flags & TSN_ATOM_CASED || !tsn_atom_is_text(atom->op) ||
	    atom->op == TSN_ATOM_REGEX || atom->value.len == 0)
		return TSN_OK;
	out = tsn_arena_alloc(&c->scratch, TSN_FOLD_ROOM(atom->value.len));
	if (out == NULL)
		TSN_FAIL(c->err, TSN_ENOMEM, "out of memory");
	*ret = (struct tsn_slice){out, tsn_fold(atom->value, out, &ascii)};
	return TSN_OK;
}

static enum tsn_code
literal_of(struct compiler *c, const struct tsn_atom *atom, struct atom *a)
{
	struct tsn_slice v = a->c.value;
	char *out;
	bool ascii;

	if (!tsn_atom_is_text(atom->op))
		return TSN_OK;
	if (atom->op == TSN_ATOM_REGEX) {
		a->literal = tsn_literal_of_regex(atom->value, &c->p->arena);
		if (a->literal.ptr == NULL)
			TSN_FAIL(c->err, TSN_ENOMEM, "out of memory");
		return TSN_OK;
	}
	a->literal = atom->op == TSN_ATOM_WILDCARD || a->c.wild ? tsn_wild_literal(v) : v;
	if (!(atom->flags & TSN_ATOM_CASED) || a->literal.len == 0)
		return TSN_OK;
	out = tsn_arena_alloc(&c->p->arena, TSN_FOLD_ROOM(a->literal.len));
	if (out == NULL)
		TSN_FAIL(c->err, TSN_ENOMEM, "out of memory");
	a->literal = (struct tsn_slice){out, tsn_fold(a->literal, out, &ascii)};
	return TSN_OK;
}

/* A value of one atom keeps what it was compiled from for comparing: regexes have no value else. */
static bool
same(const struct atom *a, const struct identity *id, struct tsn_slice value)
{
	return a->ref == id->ref && a->other == id->other && a->c.op == id->op &&
	    a->c.flags == id->flags && tsn_slice_eq(a->written, value);
}

/* The bounds of the others are not kept in a form to compare. */
static bool
comparable(enum tsn_atom_op op)
{
	return op < TSN_ATOM_NUM_EQ || (op >= TSN_ATOM_CIDR && op <= TSN_ATOM_FIELD_CONTAINS);
}

static enum tsn_code
new_atom(struct compiler *c, const struct tsn_atom *atom, const struct identity *id,
    struct tsn_slice value, uint64_t hash, uint32_t *ret)
{
	struct plan *p = c->p;
	struct atom a = {.ref = id->ref, .other = id->other, .uses = 1};
	enum tsn_code code;

	if (!tsn_vec_room((void **)&p->atoms, &c->atom_cap, p->atom_count + 1, sizeof *p->atoms))
		TSN_FAIL(c->err, TSN_ENOMEM, "out of memory");
	TSN_TRY(tsn_atom_compile(&p->arena, atom, &a.c, c->err));
	code = literal_of(c, atom, &a);
	a.written = tsn_slice_eq(a.c.value, value) ? a.c.value : tsn_arena_dup(&p->arena, value);
	if (code == TSN_OK && ((value.len > 0 && a.written.ptr == NULL) ||
	    !tsn_map_put(&c->atom_map, hash, p->atom_count)))
		code = TSN_ERR(c->err, TSN_ENOMEM, "out of memory");
	if (code != TSN_OK) {
		tsn_atom_done(&a.c);
		return code;
	}
	*ret = p->atom_count;
	p->atoms[p->atom_count++] = a;
	return TSN_OK;
}

enum tsn_code
tsn_compile_atom(struct compiler *c, const struct tsn_atom *atom, uint32_t *ret)
{
	struct identity id;
	struct tsn_slice value;
	uint64_t hash;
	uint32_t at = 0;

	memset(&id, 0, sizeof id);
	id.op = atom->op;
	id.flags = atom->flags;
	id.number = atom->number;
	id.high_number = atom->high_number;
	id.time_ns = atom->time_ns;
	id.high_ns = atom->high_ns;
	if (atom->field.len == 0)
		TSN_TRY(tsn_compile_record(c, &id.ref));
	else
		TSN_TRY(tsn_compile_ref(c, atom->field, &id.ref));
	if (tsn_atom_is_pair(atom->op))
		TSN_TRY(tsn_compile_ref(c, atom->value, &id.other));
	TSN_TRY(normal_value(c, atom, &value));
	hash = hash_of(&id, value, atom->high);
	while (comparable(atom->op) && tsn_map_next(&c->atom_map, hash, &at, ret)) {
		if (same(&c->p->atoms[*ret], &id, value)) {
			c->p->atoms[*ret].uses++;
			return TSN_OK;
		}
	}
	return new_atom(c, atom, &id, value, hash, ret);
}
