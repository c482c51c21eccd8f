#include "match/atom.h"

#include "base/assert.h"
#include "base/ip.h"
#include "base/find.h"
#include "match/fold.h"
#include "match/order.h"
#include "match/regex.h"
#include "match/wild.h"
#include "match/word.h"

/* Folded copies of the values of one event, each at most half as long again. */
#define FOLD_BYTES_MAX (16u * TSN_RECORD_BYTES_MAX)

enum tsn_code
tsn_match_scratch_init(struct tsn_match_scratch *s)
{
	*s = (struct tsn_match_scratch){0};
	tsn_arena_init(&s->arena, FOLD_BYTES_MAX);
	return tsn_regex_scratch_init(s);
}

void
tsn_match_scratch_done(struct tsn_match_scratch *s)
{
	if (s == NULL)
		return;
	tsn_regex_scratch_done(s);
	tsn_arena_done(&s->arena);
}

struct tsn_slice
tsn_value_fold(struct tsn_value *v, struct tsn_match_scratch *s)
{
	char *out;

	if (v->folded.ptr != NULL)
		return v->folded;
	if (v->raw.len == 0) {
		v->folded = TSN_SLICE("");
		v->ascii = true;
		return v->folded;
	}
	out = tsn_arena_alloc(&s->arena, TSN_FOLD_ROOM(v->raw.len));
	if (out == NULL) {
		s->memory_fails++;
		return TSN_SLICE("");
	}
	v->folded = (struct tsn_slice){out, tsn_fold(v->raw, out, &v->ascii)};
	return v->folded;
}

/* Wildcard bytes are no UTF-8 and pass through folding as they are. */
static enum tsn_code
copy_value(struct tsn_arena *arena, const struct tsn_atom *atom, struct tsn_catom *ret,
    struct tsn_err *err)
{
	struct tsn_slice v = atom->value;
	char *out;
	bool ascii;

	ret->value = TSN_SLICE("");
	if (v.len == 0)
		return TSN_OK;
	if (atom->flags & TSN_ATOM_CASED) {
		ret->value = tsn_arena_dup(arena, v);
		if (ret->value.ptr == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		return TSN_OK;
	}
	out = tsn_arena_alloc(arena, TSN_FOLD_ROOM(v.len));
	if (out == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	ret->value = (struct tsn_slice){out, tsn_fold(v, out, &ascii)};
	return TSN_OK;
}

static enum tsn_code
compile_cidr(struct tsn_arena *arena, const struct tsn_atom *atom, struct tsn_catom *ret,
    struct tsn_err *err)
{
	struct tsn_cidr *cidr = tsn_arena_alloc(arena, sizeof *cidr);
	char shown[64];

	if (cidr == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (tsn_cidr_parse(atom->value, cidr) != TSN_OK)
		TSN_FAIL(err, TSN_EPARSE, "expected a network such as 10.0.0.0/8, found '%s'",
		    tsn_slice_escape(atom->value, shown, sizeof shown));
	ret->cidr = cidr;
	return TSN_OK;
}

enum tsn_code
tsn_atom_compile(struct tsn_arena *arena, const struct tsn_atom *atom, struct tsn_catom *ret,
    struct tsn_err *err)
{
	TSN_ASSERT(atom->op < TSN_ATOM__COUNT);
	*ret = (struct tsn_catom){.op = (uint8_t)atom->op, .flags = (uint16_t)atom->flags};
	switch (atom->op) {
	case TSN_ATOM_WILDCARD:
	case TSN_ATOM_KEYWORD:
	case TSN_ATOM_WORD:
		ret->wild = tsn_wild_has(atom->value);
		return copy_value(arena, atom, ret, err);
	case TSN_ATOM_EQ:
	case TSN_ATOM_PREFIX:
	case TSN_ATOM_SUFFIX:
	case TSN_ATOM_CONTAINS:
		return copy_value(arena, atom, ret, err);
	case TSN_ATOM_REGEX:
		return tsn_regex_new(atom->value, atom->flags, &ret->code, err);
	case TSN_ATOM_CIDR:
		return compile_cidr(arena, atom, ret, err);
	case TSN_ATOM_TIME_PART:
	case TSN_ATOM_NUM_EQ:
	case TSN_ATOM_LT:
	case TSN_ATOM_LE:
	case TSN_ATOM_GT:
	case TSN_ATOM_GE:
	case TSN_ATOM_BETWEEN:
		return tsn_order_compile(arena, atom, &ret->order, err);
	case TSN_ATOM_EXISTS:
	case TSN_ATOM_NULL:
	case TSN_ATOM_FIELD_EQ:
	case TSN_ATOM_FIELD_PREFIX:
	case TSN_ATOM_FIELD_SUFFIX:
	case TSN_ATOM_FIELD_CONTAINS:
	case TSN_ATOM__COUNT:
		break;
	}
	return TSN_OK;
}

void
tsn_atom_done(struct tsn_catom *a)
{
	tsn_regex_free(a->code);
	a->code = NULL;
}

bool
tsn_atom_test_text(const struct tsn_catom *a, struct tsn_match_scratch *s, struct tsn_value *v)
{
	struct tsn_slice text;

	if (a->op == TSN_ATOM_REGEX)
		return tsn_regex_match(a->code, s, v->raw);
	text = a->flags & TSN_ATOM_CASED ? v->raw : tsn_value_fold(v, s);
	switch ((enum tsn_atom_op)a->op) {
	case TSN_ATOM_EQ:
		return tsn_slice_eq(text, a->value);
	case TSN_ATOM_PREFIX:
		return tsn_slice_starts(text, a->value);
	case TSN_ATOM_SUFFIX:
		return tsn_slice_ends(text, a->value);
	case TSN_ATOM_CONTAINS:
		return tsn_find_has(text, a->value);
	case TSN_ATOM_WILDCARD:
		return tsn_wild_match(a->value, text);
	case TSN_ATOM_KEYWORD:
		return a->wild ? tsn_wild_find(a->value, text) : tsn_find_has(text, a->value);
	case TSN_ATOM_WORD:
		return tsn_word_find(text, a->value, a->wild);
	case TSN_ATOM_REGEX:
	case TSN_ATOM_NUM_EQ:
	case TSN_ATOM_LT:
	case TSN_ATOM_LE:
	case TSN_ATOM_GT:
	case TSN_ATOM_GE:
	case TSN_ATOM_BETWEEN:
	case TSN_ATOM_CIDR:
	case TSN_ATOM_EXISTS:
	case TSN_ATOM_NULL:
	case TSN_ATOM_FIELD_EQ:
	case TSN_ATOM_FIELD_PREFIX:
	case TSN_ATOM_FIELD_SUFFIX:
	case TSN_ATOM_FIELD_CONTAINS:
	case TSN_ATOM_TIME_PART:
	case TSN_ATOM__COUNT:
		break;
	}
	return false;
}

bool
tsn_atom_test(const struct tsn_catom *a, struct tsn_match_scratch *s, const struct tsn_field *f,
    struct tsn_value *v)
{
	struct tsn_ip ip;

	if (tsn_atom_is_text(a->op))
		return f->type != TSN_T_NULL && f->type < TSN_T_OBJECT && tsn_atom_test_text(a, s, v);
	if (a->op == TSN_ATOM_CIDR)
		return f->type == TSN_T_STR && tsn_ip_parse(v->raw, &ip) == TSN_OK &&
		    tsn_cidr_has(a->cidr, &ip);
	return a->order != NULL && tsn_order_test(a, s, f, v);
}

bool
tsn_atom_test_pair(const struct tsn_catom *a, struct tsn_match_scratch *s, struct tsn_value *v,
    struct tsn_value *other)
{
	bool cased = a->flags & TSN_ATOM_CASED;
	struct tsn_slice x = cased ? v->raw : tsn_value_fold(v, s);
	struct tsn_slice y = cased ? other->raw : tsn_value_fold(other, s);

	switch ((int)a->op) {
	case TSN_ATOM_FIELD_EQ:
		return tsn_slice_eq(x, y);
	case TSN_ATOM_FIELD_PREFIX:
		return tsn_slice_starts(x, y);
	case TSN_ATOM_FIELD_SUFFIX:
		return tsn_slice_ends(x, y);
	default:
		return tsn_find_has(x, y);
	}
}

bool
tsn_atom_original_is_text(struct tsn_slice original)
{
	static const char binary[] = {'*', '*', 0, 0};
	size_t i = 0;

	while (i < original.len && (original.ptr[i] == ' ' || original.ptr[i] == '\t'))
		i++;
	if (i == original.len)
		return false;
	if (original.ptr[i] == '{' || original.ptr[i] == '[')
		return false;
	return !tsn_slice_starts(original, TSN_SLICE("<Event")) &&
	    !tsn_slice_starts(original, TSN_SLICE("<?xml")) &&
	    !tsn_slice_starts(original, (struct tsn_slice){binary, sizeof binary});
}
