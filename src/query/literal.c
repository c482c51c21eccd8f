/* What a value in a filter means: text, number, time, address, network, null. */
#include <string.h>

#include "base/assert.h"
#include "base/ip.h"
#include "base/num.h"
#include "base/time.h"
#include "query/parse_int.h"
#include "query/cell.h"

#define DOUBLE_EXACT ((double)(INT64_C(1) << 53))

bool
tsn_literal_time_field(struct tsn_slice field)
{
	static const char *const names[] = {"@timestamp", "event.created", "event.start", "event.end",
	    "event.ingested"};

	for (size_t i = 0; i < TSN_COUNT(names); i++)
		if (tsn_slice_eq(field, tsn_slice_cstr(names[i])))
			return true;
	return false;
}

/* Fields of running text: searched by word, as Elastic's match_only_text. */
static bool
is_text_field(struct tsn_slice field)
{
	return tsn_slice_eq(field, TSN_SLICE("message")) ||
	    tsn_slice_eq(field, TSN_SLICE("event.original")) ||
	    tsn_slice_eq(field, TSN_SLICE("error.message"));
}

/* The unit in nanoseconds; months and years have none. */
static int64_t
unit_ns(char unit)
{
	switch (unit) {
	case 's':
		return TSN_NS_PER_SEC;
	case 'm':
		return 60 * TSN_NS_PER_SEC;
	case 'h':
		return 3600 * TSN_NS_PER_SEC;
	case 'd':
		return TSN_NS_PER_DAY;
	case 'w':
		return 7 * TSN_NS_PER_DAY;
	default:
		return 0;
	}
}

/* Begin of the unit that holds ns, moved on by `step` units; weeks begin on Monday. */
static enum tsn_code
round_unit(int64_t ns, char unit, int step, int64_t *ret_ns)
{
	struct tsn_civil c;
	int month;

	if (unit_ns(unit) != 0) {
		int64_t shift = unit == 'w' ? 3 * TSN_NS_PER_DAY : 0;

		*ret_ns = tsn_time_floor(ns + shift, unit_ns(unit)) - shift + step * unit_ns(unit);
		return TSN_OK;
	}
	tsn_time_to_civil(ns, &c);
	month = unit == 'y' ? step * 12 : c.month - 1 + step;
	c = (struct tsn_civil){.year = c.year + month / 12, .month = month % 12 + 1, .day = 1};
	return tsn_time_from_civil(&c, 0, ret_ns);
}

/* now, now-24h, now-1d/d, now/d+8h */
static enum tsn_code
relative_time(struct tsn_slice s, int64_t now_ns, struct tsn_timespan *ret_span)
{
	struct tsn_timespan span = {now_ns, now_ns + 1, true};
	size_t at = 3;

	while (at < s.len) {
		size_t n = 1;
		int64_t step;

		if (s.ptr[at] == '/' && at + 2 == s.len && strchr("smhdwMy", s.ptr[at + 1]) != NULL) {
			TSN_TRY(round_unit(span.begin_ns, s.ptr[at + 1], 1, &span.end_ns));
			span.instant = false;
			TSN_TRY(round_unit(span.begin_ns, s.ptr[at + 1], 0, &span.begin_ns));
			break;
		}
		if (s.ptr[at] != '-' && s.ptr[at] != '+')
			return TSN_EPARSE;
		while (at + n < s.len && s.ptr[at + n] != '-' && s.ptr[at + n] != '+' &&
		    s.ptr[at + n] != '/')
			n++;
		TSN_TRY(tsn_time_parse_span((struct tsn_slice){s.ptr + at + 1, n - 1}, &step));
		if (s.ptr[at] == '-' ? __builtin_sub_overflow(span.begin_ns, step, &span.begin_ns) :
				       __builtin_add_overflow(span.begin_ns, step, &span.begin_ns))
			return TSN_EPARSE;
		span.end_ns = span.begin_ns + 1;
		at += n;
	}
	*ret_span = span;
	return TSN_OK;
}

/* A run of digits counts seconds, milli-, micro- or nanoseconds since 1970. */
static enum tsn_code
epoch_time(struct tsn_slice s, struct tsn_timespan *ret_span)
{
	int64_t n, unit = s.len <= 11 ? TSN_NS_PER_SEC : s.len <= 14 ? TSN_NS_PER_MS :
	    s.len <= 17 ? 1000 : 1;

	TSN_TRY(tsn_num_parse_i64(s, &n));
	if (__builtin_mul_overflow(n, unit, &n) || n > INT64_MAX - unit)
		return TSN_EPARSE;
	*ret_span = (struct tsn_timespan){n, n + unit, true};
	return TSN_OK;
}

/* How far behind a full RFC 3339 time its unit ends: by the digits of its fraction. */
static int64_t
second_unit(struct tsn_slice s)
{
	size_t dot = tsn_slice_find_char(s, '.');
	int64_t unit = TSN_NS_PER_SEC;

	for (size_t at = dot == SIZE_MAX ? s.len : dot + 1;
	     at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9' && unit > 1; at++)
		unit /= 10;
	return unit;
}

enum tsn_code
tsn_literal_time(struct tsn_slice s, int64_t now_ns, struct tsn_timespan *ret_span)
{
	static const char rest[] = "0000-01-01T00:00:00Z";
	struct tsn_timespan span = {0};
	char text[sizeof rest];
	size_t digits = 0;
	bool zoned;

	if (s.len >= 3 && tsn_slice_eq_nocase((struct tsn_slice){s.ptr, 3}, TSN_SLICE("now")))
		return relative_time(s, now_ns, ret_span);
	while (digits < s.len && s.ptr[digits] >= '0' && s.ptr[digits] <= '9')
		digits++;
	if (digits == s.len && digits >= 9)
		return epoch_time(s, ret_span);
	if (s.len != 4 && s.len != 7 && s.len != 10 && s.len != 16) {
		TSN_TRY(tsn_time_parse_rfc3339(s, &span.begin_ns, &zoned));
		span.end_ns = span.begin_ns + second_unit(s);
		span.instant = true;
		*ret_span = span;
		return TSN_OK;
	}
	memcpy(text, rest, sizeof rest);
	memcpy(text, s.ptr, s.len);
	TSN_TRY(tsn_time_parse_rfc3339((struct tsn_slice){text, sizeof rest - 1}, &span.begin_ns,
	    &zoned));
	TSN_TRY(round_unit(span.begin_ns, s.len == 4 ? 'y' : s.len == 7 ? 'M' : s.len == 10 ? 'd' : 'm',
	    1, &span.end_ns));
	*ret_span = span;
	return TSN_OK;
}

static enum tsn_code
put_atom(struct tsn_qparse *p, const struct tsn_atom *atom, const struct tsn_pred **ret_pred)
{
	*ret_pred = tsn_pred_atom(p->arena, atom);
	if (*ret_pred == NULL)
		TSN_QFAIL(p, TSN_ELIMIT, atom->at, "the query is too large");
	return TSN_OK;
}

static enum tsn_code
put_group(struct tsn_qparse *p, enum tsn_pred_op op, const struct tsn_pred *const *kids,
    uint32_t count, const struct tsn_pred **ret_pred)
{
	*ret_pred = tsn_pred_group(p->arena, op, kids, count);
	if (*ret_pred == NULL)
		TSN_QFAIL(p, TSN_ELIMIT, p->at, "the query is too large");
	return TSN_OK;
}

/* The text with its wildcards as the characters they were. */
static struct tsn_slice
plain_text(struct tsn_qparse *p, const struct tsn_term *term)
{
	char *out;

	if (!term->wild)
		return term->pattern;
	out = tsn_arena_alloc(p->arena, term->pattern.len);
	if (out == NULL)
		return term->pattern;
	for (size_t i = 0; i < term->pattern.len; i++)
		out[i] = term->pattern.ptr[i] == TSN_WILD_MANY ? '*' :
		    term->pattern.ptr[i] == TSN_WILD_ONE ? '?' : term->pattern.ptr[i];
	return (struct tsn_slice){out, term->pattern.len};
}

static bool
as_number(struct tsn_slice s, double *ret_number)
{
	return tsn_cell_plain_number(s) && tsn_num_parse_f64(s, ret_number) == TSN_OK;
}

static bool
looks_like_time(struct tsn_slice s)
{
	if (s.len >= 3 && tsn_slice_eq_nocase((struct tsn_slice){s.ptr, 3}, TSN_SLICE("now")))
		return true;
	return s.len >= 10 && s.ptr[4] == '-' && s.ptr[7] == '-' && s.ptr[0] >= '0' && s.ptr[0] <= '9';
}

static bool
as_time(struct tsn_qparse *p, struct tsn_slice field, struct tsn_slice s,
    struct tsn_timespan *ret_span)
{
	return (tsn_literal_time_field(field) || looks_like_time(s)) &&
	    tsn_literal_time(s, p->now_ns, ret_span) == TSN_OK;
}

static enum tsn_code
not_a_time(struct tsn_qparse *p, const struct tsn_term *term)
{
	TSN_QFAIL(p, TSN_EPARSE, term->at,
	    "expected a time: 2026-11-21T10:00:00Z, a date, now-24h, or seconds since 1970");
}

static enum tsn_code
time_between(struct tsn_qparse *p, struct tsn_slice field, size_t at,
    const struct tsn_timespan *span, const struct tsn_pred **ret_pred)
{
	return put_atom(p, &(struct tsn_atom){.field = field, .op = TSN_ATOM_BETWEEN, .at = at,
	    .flags = TSN_ATOM_TIME | TSN_ATOM_OPEN_HIGH, .time_ns = span->begin_ns,
	    .high_ns = span->end_ns}, ret_pred);
}

enum tsn_code
tsn_literal_word(struct tsn_qparse *p, struct tsn_slice field, const struct tsn_term *term,
    const struct tsn_pred **ret_pred)
{
	struct tsn_atom atom = {.field = field, .op = TSN_ATOM_WORD, .value = term->pattern,
	    .at = term->at};
	const struct tsn_pred *kids[2];

	if (term->pattern.len == 0)
		TSN_QFAIL(p, TSN_EPARSE, term->at, "expected a word between the quotes");
	if (term->other.len == 0)
		return put_atom(p, &atom, ret_pred);
	TSN_TRY(put_atom(p, &atom, &kids[0]));
	atom.value = term->other;
	TSN_TRY(put_atom(p, &atom, &kids[1]));
	return put_group(p, TSN_PRED_OR, kids, 2, ret_pred);
}

static enum tsn_code
match_wild(struct tsn_qparse *p, struct tsn_slice field, const struct tsn_term *term,
    const struct tsn_pred **ret_pred)
{
	struct tsn_atom atom = {.field = field, .op = TSN_ATOM_EXISTS, .at = term->at};
	const struct tsn_pred *kids[2];

	if (term->pattern.len == 1 && term->pattern.ptr[0] == TSN_WILD_MANY)
		return put_atom(p, &atom, ret_pred);
	tsn_pred_pattern(&atom, term->pattern);
	if (!is_text_field(field))
		return put_atom(p, &atom, ret_pred);
	TSN_TRY(put_atom(p, &atom, &kids[0]));
	TSN_TRY(tsn_literal_word(p, field, term, &kids[1]));
	return put_group(p, TSN_PRED_OR, kids, 2, ret_pred);
}

/* Present and null: absence is "not field:*". */
static enum tsn_code
match_null(struct tsn_qparse *p, struct tsn_slice field, size_t at,
    const struct tsn_pred **ret_pred)
{
	const struct tsn_pred *kids[2];

	TSN_TRY(put_atom(p, &(struct tsn_atom){.field = field, .op = TSN_ATOM_EXISTS, .at = at},
	    &kids[0]));
	TSN_TRY(put_atom(p, &(struct tsn_atom){.field = field, .op = TSN_ATOM_NULL, .at = at},
	    &kids[1]));
	return put_group(p, TSN_PRED_AND, kids, 2, ret_pred);
}

/* Equal as text, and also as what the text may be: a number, a time, an address, a network. */
static enum tsn_code
match_equal(struct tsn_qparse *p, struct tsn_slice field, enum tsn_compare compare,
    const struct tsn_term *term, const struct tsn_pred **ret_pred)
{
	struct tsn_atom atom = {.field = field, .op = TSN_ATOM_EQ, .value = plain_text(p, term),
	    .at = term->at, .flags = compare == TSN_CMP_EQ ? TSN_ATOM_CASED : 0};
	const struct tsn_pred *kids[4];
	struct tsn_timespan span;
	struct tsn_cidr cidr;
	uint32_t n = 0;

	if (!term->quoted && as_number(atom.value, &atom.number) && atom.number < DOUBLE_EXACT &&
	    atom.number > -DOUBLE_EXACT) {
		atom.op = TSN_ATOM_NUM_EQ;
		return put_atom(p, &atom, ret_pred);
	}
	TSN_TRY(put_atom(p, &atom, &kids[n++]));
	if (term->other.len > 0) {
		struct tsn_atom other = atom;

		other.value = term->other;
		TSN_TRY(put_atom(p, &other, &kids[n++]));
	}
	if (tsn_cidr_parse(atom.value, &cidr) == TSN_OK &&
	    (tsn_slice_find_char(atom.value, '/') != SIZE_MAX || !tsn_ip_is_v4(&cidr.ip))) {
		atom.op = TSN_ATOM_CIDR;
		TSN_TRY(put_atom(p, &atom, &kids[n++]));
	} else if (as_time(p, field, atom.value, &span)) {
		TSN_TRY(time_between(p, field, term->at, &span, &kids[n++]));
	}
	TSN_ASSERT(n <= TSN_COUNT(kids));
	return put_group(p, TSN_PRED_OR, kids, n, ret_pred);
}

static enum tsn_code
match(struct tsn_qparse *p, struct tsn_slice field, enum tsn_compare compare,
    const struct tsn_term *term, const struct tsn_pred **ret_pred)
{
	struct tsn_timespan span;

	if (compare == TSN_CMP_MATCH) {
		if (term->wild)
			return match_wild(p, field, term, ret_pred);
		if (!term->quoted && tsn_slice_eq_nocase(term->pattern, TSN_SLICE("null")))
			return match_null(p, field, term->at, ret_pred);
		if (is_text_field(field) && term->pattern.len > 0)
			return tsn_literal_word(p, field, term, ret_pred);
	}
	if (tsn_slice_eq(field, TSN_SLICE("@timestamp"))) {
		if (tsn_literal_time(plain_text(p, term), p->now_ns, &span) != TSN_OK)
			return not_a_time(p, term);
		return time_between(p, field, term->at, &span, ret_pred);
	}
	return match_equal(p, field, compare, term, ret_pred);
}

/* Fills op, flags and bound of an order; the field and place are set. */
static enum tsn_code
order_atom(struct tsn_qparse *p, enum tsn_compare compare, const struct tsn_term *term,
    struct tsn_atom *atom)
{
	static const enum tsn_atom_op ops[] = {[TSN_CMP_LT] = TSN_ATOM_LT, [TSN_CMP_LE] = TSN_ATOM_LE,
	    [TSN_CMP_GT] = TSN_ATOM_GT, [TSN_CMP_GE] = TSN_ATOM_GE};
	struct tsn_timespan span;

	atom->op = ops[compare];
	atom->value = plain_text(p, term);
	if (as_time(p, atom->field, atom->value, &span)) {
		bool whole = !span.instant && (compare == TSN_CMP_LE || compare == TSN_CMP_GT);

		atom->flags |= TSN_ATOM_TIME;
		atom->time_ns = whole ? span.end_ns : span.begin_ns;
		if (whole)
			atom->op = compare == TSN_CMP_LE ? TSN_ATOM_LT : TSN_ATOM_GE;
		return TSN_OK;
	}
	if (tsn_slice_eq(atom->field, TSN_SLICE("@timestamp")))
		return not_a_time(p, term);
	if (!as_number(atom->value, &atom->number))
		atom->flags |= TSN_ATOM_TEXT;
	return TSN_OK;
}

static enum tsn_code
order_address(struct tsn_qparse *p, struct tsn_slice field, enum tsn_compare compare,
    const struct tsn_term *term, const struct tsn_pred **ret_pred)
{
	bool below = compare == TSN_CMP_LT || compare == TSN_CMP_LE;
	uint32_t flags = compare == TSN_CMP_LT ? TSN_ATOM_OPEN_HIGH :
	    compare == TSN_CMP_GT ? TSN_ATOM_OPEN_LOW : 0;

	return tsn_iprange_pred(p, field, term->at, below ? TSN_SLICE_NONE : term->pattern,
	    below ? term->pattern : TSN_SLICE_NONE, flags, ret_pred);
}

enum tsn_code
tsn_literal_compare(struct tsn_qparse *p, struct tsn_slice field, enum tsn_compare compare,
    const struct tsn_term *term, const struct tsn_pred **ret_pred)
{
	struct tsn_atom atom = {.field = field, .at = term->at};

	switch (compare) {
	case TSN_CMP_MATCH:
	case TSN_CMP_EQ:
		return match(p, field, compare, term, ret_pred);
	case TSN_CMP_NE:
		TSN_TRY(match(p, field, TSN_CMP_MATCH, term, ret_pred));
		*ret_pred = tsn_pred_not(p->arena, *ret_pred);
		if (*ret_pred == NULL)
			TSN_QFAIL(p, TSN_ELIMIT, term->at, "the query is too large");
		return TSN_OK;
	case TSN_CMP_LT:
	case TSN_CMP_LE:
	case TSN_CMP_GT:
	case TSN_CMP_GE:
		break;
	}
	if (term->wild)
		TSN_QFAIL(p, TSN_EPARSE, term->at, "expected a number, a time or a text to compare with, "
		    "not a wildcard");
	if (tsn_iprange_is(term->pattern, term->pattern))
		return order_address(p, field, compare, term, ret_pred);
	TSN_TRY(order_atom(p, compare, term, &atom));
	return put_atom(p, &atom, ret_pred);
}

static bool
is_open(const struct tsn_term *term)
{
	return term->wild && term->pattern.len == 1 && term->pattern.ptr[0] == TSN_WILD_MANY;
}

enum tsn_code
tsn_literal_range(struct tsn_qparse *p, struct tsn_slice field, const struct tsn_term *low,
    const struct tsn_term *high, uint32_t open_flags, const struct tsn_pred **ret_pred)
{
	struct tsn_atom from = {.field = field, .at = low->at}, to = from;
	bool open_low = open_flags & TSN_ATOM_OPEN_LOW, open_high = open_flags & TSN_ATOM_OPEN_HIGH;

	if (is_open(low) && is_open(high))
		return match_wild(p, field, low, ret_pred);
	if (is_open(low))
		return tsn_literal_compare(p, field, open_high ? TSN_CMP_LT : TSN_CMP_LE, high, ret_pred);
	if (is_open(high))
		return tsn_literal_compare(p, field, open_low ? TSN_CMP_GT : TSN_CMP_GE, low, ret_pred);
	if (low->wild || high->wild)
		TSN_QFAIL(p, TSN_EPARSE, low->wild ? low->at : high->at,
		    "expected a bound of the range or * alone, not a wildcard");
	if (tsn_iprange_is(low->pattern, high->pattern))
		return tsn_iprange_pred(p, field, low->at, low->pattern, high->pattern, open_flags,
		    ret_pred);
	TSN_TRY(order_atom(p, open_low ? TSN_CMP_GT : TSN_CMP_GE, low, &from));
	TSN_TRY(order_atom(p, open_high ? TSN_CMP_LT : TSN_CMP_LE, high, &to));
	/* "[10 to b]": what is not both numbers or both times is an order of texts */
	if (from.flags != to.flags)
		from.flags = to.flags = TSN_ATOM_TEXT;
	from.flags |= from.op == TSN_ATOM_GT ? TSN_ATOM_OPEN_LOW : 0u;
	from.flags |= to.op == TSN_ATOM_LT ? TSN_ATOM_OPEN_HIGH : 0u;
	from.op = TSN_ATOM_BETWEEN;
	from.high = to.value;
	from.high_number = to.number;
	from.high_ns = to.time_ns;
	return put_atom(p, &from, ret_pred);
}
