#include "match/atom.h"

#include "base/assert.h"
#include "base/num.h"
#include "match/addr.h"
#include "match/fold.h"
#include "match/regex.h"
#include "match/wild.h"
#include "match/word.h"

/* Folded copies of the values of one event, each at most half as long again. */
#define FOLD_BYTES_MAX (16u * TSN_RECORD_BYTES_MAX)

static const char *const parts[] = {"minute", "hour", "day", "week", "month", "year"};

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
	bool ascii;

	if (v->folded.ptr != NULL)
		return v->folded;
	if (v->raw.len == 0) {
		v->folded = TSN_SLICE("");
		return v->folded;
	}
	out = tsn_arena_alloc(&s->arena, TSN_FOLD_ROOM(v->raw.len));
	if (out == NULL) {
		s->memory_fails++;
		return TSN_SLICE("");
	}
	v->folded = (struct tsn_slice){out, tsn_fold(v->raw, out, &ascii)};
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
compile_part(const struct tsn_atom *atom, struct tsn_catom *ret, struct tsn_err *err)
{
	for (uint8_t i = 0; i < TSN_COUNT(parts); i++) {
		if (tsn_slice_eq(atom->value, tsn_slice_cstr(parts[i]))) {
			ret->part = i;
			return TSN_OK;
		}
	}
	TSN_FAIL(err, TSN_EINVAL, "expected minute, hour, day, week, month or year as part of a time");
}

enum tsn_code
tsn_atom_compile(struct tsn_arena *arena, const struct tsn_atom *atom, struct tsn_catom *ret,
    struct tsn_err *err)
{
	char shown[64];

	TSN_ASSERT(atom->op < TSN_ATOM__COUNT);
	*ret = (struct tsn_catom){.op = (uint8_t)atom->op, .flags = (uint8_t)atom->flags,
	    .number = atom->number};
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
		if (!tsn_addr_parse_net(atom->value, ret->cidr, &ret->cidr_bits))
			TSN_FAIL(err, TSN_EPARSE, "expected a network such as 10.0.0.0/8, found '%s'",
			    tsn_slice_escape(atom->value, shown, sizeof shown));
		return TSN_OK;
	case TSN_ATOM_TIME_PART:
		return compile_part(atom, ret, err);
	case TSN_ATOM_NUM_EQ:
	case TSN_ATOM_LT:
	case TSN_ATOM_LE:
	case TSN_ATOM_GT:
	case TSN_ATOM_GE:
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

static bool
contains(struct tsn_slice text, struct tsn_slice needle)
{
	return needle.len == 0 || (needle.len <= text.len &&
	    memmem(text.ptr, text.len, needle.ptr, needle.len) != NULL);
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
		return contains(text, a->value);
	case TSN_ATOM_WILDCARD:
		return tsn_wild_match(a->value, text);
	case TSN_ATOM_KEYWORD:
		return a->wild ? tsn_wild_find(a->value, text) : contains(text, a->value);
	case TSN_ATOM_WORD:
		return tsn_word_find(text, a->value, a->wild);
	case TSN_ATOM_REGEX:
	case TSN_ATOM_NUM_EQ:
	case TSN_ATOM_LT:
	case TSN_ATOM_LE:
	case TSN_ATOM_GT:
	case TSN_ATOM_GE:
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

static bool
number_of(const struct tsn_field *f, double *ret)
{
	switch ((enum tsn_type)f->type) {
	case TSN_T_INT:
	case TSN_T_TIME:
		*ret = (double)f->num.i;
		return true;
	case TSN_T_UINT:
		*ret = (double)f->num.u;
		return true;
	case TSN_T_FLOAT:
		*ret = f->num.d;
		return true;
	case TSN_T_STR:
		return tsn_num_parse_f64(tsn_slice_trim((struct tsn_slice){f->ptr, f->len}), ret) ==
		    TSN_OK;
	case TSN_T_NULL:
	case TSN_T_BOOL:
	case TSN_T_OBJECT:
	case TSN_T_LIST:
	case TSN_T__COUNT:
		break;
	}
	return false;
}

static bool
compare(const struct tsn_catom *a, const struct tsn_field *f)
{
	double v;

	if (!number_of(f, &v))
		return false;
	switch ((int)a->op) {
	case TSN_ATOM_NUM_EQ:
		return v == a->number;
	case TSN_ATOM_LT:
		return v < a->number;
	case TSN_ATOM_LE:
		return v <= a->number;
	case TSN_ATOM_GT:
		return v > a->number;
	default:
		return v >= a->number;
	}
}

/* ISO 8601: week 1 is the one with the year's first Thursday. */
static int
iso_week(const struct tsn_civil *c)
{
	int64_t day = tsn_time_days(c->year, c->month, c->day);
	int64_t thursday = day - (day + 3) % 7 + 3;
	struct tsn_civil t;

	tsn_time_to_civil(thursday * TSN_NS_PER_DAY, &t);
	return (int)((thursday - tsn_time_days(t.year, 1, 1)) / 7 + 1);
}

static bool
test_part(const struct tsn_catom *a, const struct tsn_field *f)
{
	struct tsn_civil c;
	int64_t ns = f->num.i;
	bool zoned;
	int v = 0;

	if (f->type != TSN_T_TIME && (f->type != TSN_T_STR ||
	    tsn_time_parse_rfc3339((struct tsn_slice){f->ptr, f->len}, &ns, &zoned) != TSN_OK))
		return false;
	tsn_time_to_civil(ns, &c);
	switch (a->part) {
	case 0:
		v = c.minute;
		break;
	case 1:
		v = c.hour;
		break;
	case 2:
		v = c.day;
		break;
	case 3:
		v = iso_week(&c);
		break;
	case 4:
		v = c.month;
		break;
	default:
		v = c.year;
		break;
	}
	return (double)v == a->number;
}

bool
tsn_atom_test(const struct tsn_catom *a, struct tsn_match_scratch *s, const struct tsn_field *f,
    struct tsn_value *v)
{
	unsigned char addr[16];

	if (tsn_atom_is_text(a->op))
		return f->type != TSN_T_NULL && f->type < TSN_T_OBJECT && tsn_atom_test_text(a, s, v);
	if (a->op == TSN_ATOM_CIDR)
		return f->type == TSN_T_STR && tsn_addr_parse(v->raw, addr) &&
		    tsn_addr_in(addr, a->cidr, a->cidr_bits);
	if (a->op == TSN_ATOM_TIME_PART)
		return test_part(a, f);
	return a->op >= TSN_ATOM_NUM_EQ && a->op <= TSN_ATOM_GE && compare(a, f);
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
		return contains(x, y);
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
