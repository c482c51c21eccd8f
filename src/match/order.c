#include "match/order.h"

#include "base/num.h"
#include "match/fold.h"

static const char *const parts[] = {"minute", "hour", "day", "week", "month", "year"};

static enum tsn_code
compile_part(const struct tsn_atom *atom, struct tsn_order *ret, struct tsn_err *err)
{
	for (uint32_t i = 0; i < TSN_COUNT(parts); i++) {
		if (tsn_slice_eq(atom->value, tsn_slice_cstr(parts[i]))) {
			ret->part = (uint8_t)i;
			ret->low = atom->number;
			return TSN_OK;
		}
	}
	TSN_FAIL(err, TSN_EINVAL, "expected minute, hour, day, week, month or year as part of a time");
}

static enum tsn_code
copy_text(struct tsn_arena *arena, const struct tsn_atom *atom, struct tsn_slice text,
    struct tsn_slice *ret, struct tsn_err *err)
{
	char *out = tsn_arena_alloc(arena, TSN_FOLD_ROOM(text.len));
	bool ascii;

	if (out == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	*ret = (struct tsn_slice){out, text.len};
	if (text.len > 0 && atom->flags & TSN_ATOM_CASED)
		memcpy(out, text.ptr, text.len);
	else if (text.len > 0)
		ret->len = tsn_fold(text, out, &ascii);
	return TSN_OK;
}

static enum tsn_code
set_low(struct tsn_arena *arena, const struct tsn_atom *atom, struct tsn_order *o, bool open,
    struct tsn_err *err)
{
	o->has_low = true;
	o->open_low = open;
	o->low = atom->number;
	o->low_ns = atom->time_ns;
	return copy_text(arena, atom, atom->value, &o->low_text, err);
}

static enum tsn_code
set_high(struct tsn_arena *arena, const struct tsn_atom *atom, struct tsn_order *o, bool open,
    struct tsn_err *err)
{
	bool between = atom->op == TSN_ATOM_BETWEEN;

	o->has_high = true;
	o->open_high = open;
	o->high = between ? atom->high_number : atom->number;
	o->high_ns = between ? atom->high_ns : atom->time_ns;
	return copy_text(arena, atom, between ? atom->high : atom->value, &o->high_text, err);
}

enum tsn_code
tsn_order_compile(struct tsn_arena *arena, const struct tsn_atom *atom,
    const struct tsn_order **ret, struct tsn_err *err)
{
	struct tsn_order *o = tsn_arena_calloc(arena, 1, sizeof *o);

	if (o == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	*ret = o;
	switch ((int)atom->op) {
	case TSN_ATOM_TIME_PART:
		return compile_part(atom, o, err);
	case TSN_ATOM_LT:
		return set_high(arena, atom, o, true, err);
	case TSN_ATOM_LE:
		return set_high(arena, atom, o, false, err);
	case TSN_ATOM_GT:
		return set_low(arena, atom, o, true, err);
	case TSN_ATOM_GE:
		return set_low(arena, atom, o, false, err);
	case TSN_ATOM_BETWEEN:
		TSN_TRY(set_low(arena, atom, o, atom->flags & TSN_ATOM_OPEN_LOW, err));
		return set_high(arena, atom, o, atom->flags & TSN_ATOM_OPEN_HIGH, err);
	default:	/* NUM_EQ */
		TSN_TRY(set_low(arena, atom, o, false, err));
		return set_high(arena, atom, o, false, err);
	}
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
time_of(const struct tsn_field *f, int64_t *ret)
{
	bool zoned;

	*ret = f->num.i;
	return f->type == TSN_T_TIME || (f->type == TSN_T_STR &&
	    tsn_time_parse_rfc3339((struct tsn_slice){f->ptr, f->len}, ret, &zoned) == TSN_OK);
}

static int
compare(struct tsn_slice a, struct tsn_slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);

	return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

/* above, below: the signs of comparing the value with the low and the high bound. */
static bool
within(const struct tsn_order *o, int above, int below)
{
	if (o->has_low && (o->open_low ? above <= 0 : above < 0))
		return false;
	return !o->has_high || (o->open_high ? below < 0 : below <= 0);
}

#define SIGN(a, b) (((a) > (b)) - ((a) < (b)))

/* ISO 8601: week 1 is the one with the year's first Thursday. */
static int
iso_week(const struct tsn_civil *c)
{
	int64_t day = tsn_time_days(c->year, c->month, c->day);
	int64_t thursday = day - ((day + 3) % 7 + 7) % 7 + 3;
	struct tsn_civil t;

	tsn_time_to_civil(thursday * TSN_NS_PER_DAY, &t);
	return (int)((thursday - tsn_time_days(t.year, 1, 1)) / 7 + 1);
}

static bool
test_part(const struct tsn_order *o, const struct tsn_field *f)
{
	struct tsn_civil c;
	int64_t ns;
	int v;

	if (!time_of(f, &ns))
		return false;
	tsn_time_to_civil(ns, &c);
	v = (const int[]){c.minute, c.hour, c.day, 0, c.month, c.year}[o->part];
	if (o->part == 3)
		v = iso_week(&c);
	return (double)v == o->low;
}

bool
tsn_order_test(const struct tsn_catom *a, struct tsn_match_scratch *s, const struct tsn_field *f,
    struct tsn_value *v)
{
	const struct tsn_order *o = a->order;
	struct tsn_slice text;
	double number;
	int64_t ns;

	if (a->op == TSN_ATOM_TIME_PART)
		return test_part(o, f);
	if (a->flags & TSN_ATOM_TIME)
		return time_of(f, &ns) && within(o, SIGN(ns, o->low_ns), SIGN(ns, o->high_ns));
	if (a->flags & TSN_ATOM_TEXT) {
		if (f->type == TSN_T_NULL || f->type >= TSN_T_OBJECT)
			return false;
		text = a->flags & TSN_ATOM_CASED ? v->raw : tsn_value_fold(v, s);
		return within(o, compare(text, o->low_text), compare(text, o->high_text));
	}
	return number_of(f, &number) && number == number &&
	    within(o, SIGN(number, o->low), SIGN(number, o->high));
}
