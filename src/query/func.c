/* Functions of expressions: one table. */
#include <math.h>
#include <string.h>

#include "base/assert.h"
#include "base/ip.h"
#include "match/fold.h"
#include "query/expr.h"

#define ARGS \
	struct tsn_eval *e, const struct tsn_expr *x, const struct tsn_cell *args, uint32_t count
#define UNUSED_X ((void)e, (void)x, (void)count)

static struct tsn_cell
give_up(struct tsn_eval *e)
{
	e->memory_fails++;
	return tsn_cell_null();
}

/* Text of an argument that outlives the call; null and lists have none. */
static bool
text_of(struct tsn_eval *e, const struct tsn_cell *v, struct tsn_slice *ret)
{
	char scratch[TSN_CELL_TEXT_MAX];

	if (v->type == TSN_V_LIST && v->len == 1)
		v = &v->u.items[0];
	if (v->type == TSN_V_NULL || v->type == TSN_V_LIST)
		return false;
	*ret = tsn_cell_text(v, scratch);
	if (ret->ptr >= scratch && ret->ptr < scratch + sizeof scratch)
		*ret = tsn_arena_dup(e->arena, *ret);
	return ret->ptr != NULL;
}

static bool
number_of(const struct tsn_cell *v, double *ret)
{
	struct tsn_cell n;

	if (v->type == TSN_V_LIST && v->len == 1)
		v = &v->u.items[0];
	return tsn_cell_to_number(v, &n) && tsn_cell_number(&n, ret);
}

static struct tsn_cell
change_case(struct tsn_eval *e, const struct tsn_cell *v, bool up)
{
	struct tsn_slice s;
	char *out;

	if (!text_of(e, v, &s))
		return tsn_cell_null();
	out = tsn_arena_alloc(e->arena, s.len + 1);
	if (out == NULL)
		return give_up(e);
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		out[i] = up ? (char)(c >= 'a' && c <= 'z' ? c - 0x20 : c) : tsn_lower(c);
	}
	return tsn_cell_str((struct tsn_slice){out, s.len});
}

static struct tsn_cell
fn_lower(ARGS)
{
	UNUSED_X;
	return change_case(e, &args[0], false);
}

static struct tsn_cell
fn_upper(ARGS)
{
	UNUSED_X;
	return change_case(e, &args[0], true);
}

static struct tsn_cell
fn_trim(ARGS)
{
	struct tsn_slice s;

	UNUSED_X;
	return text_of(e, &args[0], &s) ? tsn_cell_str(tsn_slice_trim(s)) : tsn_cell_null();
}

/* Bytes of the first n characters. */
static size_t
skip_chars(struct tsn_slice s, int64_t n)
{
	size_t at = 0;
	uint32_t rune;

	for (; n > 0 && at < s.len; n--)
		at += tsn_fold_decode(s.ptr + at, s.ptr + s.len, &rune);
	return at;
}

static int64_t
count_chars(struct tsn_slice s)
{
	int64_t n = 0;
	uint32_t rune;

	for (size_t at = 0; at < s.len; n++)
		at += tsn_fold_decode(s.ptr + at, s.ptr + s.len, &rune);
	return n;
}

static struct tsn_cell
fn_len(ARGS)
{
	struct tsn_slice s;

	UNUSED_X;
	if (args[0].type == TSN_V_LIST)
		return tsn_cell_int(args[0].len);
	return text_of(e, &args[0], &s) ? tsn_cell_int(count_chars(s)) : tsn_cell_null();
}

static struct tsn_cell
fn_substr(ARGS)
{
	double start, want = 9e15;
	struct tsn_slice s;

	UNUSED_X;
	if (!text_of(e, &args[0], &s) || !number_of(&args[1], &start) ||
	    (count > 2 && !number_of(&args[2], &want)))
		return tsn_cell_null();
	if (start < 0)
		start = fmax(0, (double)count_chars(s) + start);
	s = tsn_slice_from(s, skip_chars(s, (int64_t)fmin(start, 9e15)));
	s.len = skip_chars(s, (int64_t)fmin(fmax(want, 0), 9e15));
	return tsn_cell_str(s);
}

static struct tsn_cell
fn_concat(ARGS)
{
	struct tsn_slice parts[TSN_FUNC_ARGS_MAX];
	size_t len = 0, n = 0;
	char *out;

	UNUSED_X;
	for (uint32_t i = 0; i < count; i++) {
		if (!text_of(e, &args[i], &parts[i]))
			parts[i] = TSN_SLICE("");
		len += parts[i].len;
	}
	out = tsn_arena_alloc(e->arena, len + 1);
	if (out == NULL)
		return give_up(e);
	for (uint32_t i = 0; i < count; i++) {
		memcpy(out + n, parts[i].ptr, parts[i].len);
		n += parts[i].len;
	}
	return tsn_cell_str((struct tsn_slice){out, n});
}

static struct tsn_cell
fn_replace(ARGS)
{
	struct tsn_slice s, from, to;
	struct tsn_buf b;
	struct tsn_slice out;

	UNUSED_X;
	if (!text_of(e, &args[0], &s) || !text_of(e, &args[1], &from) || !text_of(e, &args[2], &to))
		return tsn_cell_null();
	if (from.len == 0)
		return tsn_cell_str(s);
	tsn_buf_init(&b, TSN_RECORD_BYTES_MAX * 2);
	for (size_t at; (at = tsn_slice_find(s, from)) != SIZE_MAX;
	     s = tsn_slice_from(s, at + from.len)) {
		tsn_buf_add(&b, s.ptr, at);
		tsn_buf_slice(&b, to);
	}
	tsn_buf_slice(&b, s);
	out = tsn_buf_check(&b) == TSN_OK ? tsn_arena_dup(e->arena, tsn_buf_get(&b)) : TSN_SLICE_NONE;
	tsn_buf_done(&b);
	return out.ptr == NULL ? give_up(e) : tsn_cell_str(out);
}

static struct tsn_cell
fn_split(ARGS)
{
	struct tsn_slice s, by;
	struct tsn_cell *items;
	uint32_t n = 0;

	UNUSED_X;
	if (!text_of(e, &args[0], &s) || !text_of(e, &args[1], &by) || by.len == 0)
		return tsn_cell_null();
	items = tsn_arena_calloc(e->arena, s.len / by.len + 1, sizeof *items);
	if (items == NULL)
		return give_up(e);
	for (size_t at; (at = tsn_slice_find(s, by)) != SIZE_MAX; s = tsn_slice_from(s, at + by.len))
		items[n++] = tsn_cell_str((struct tsn_slice){s.ptr, at});
	items[n++] = tsn_cell_str(s);
	return (struct tsn_cell){.type = TSN_V_LIST, .len = n, .u.items = items};
}

/* Element n of a list, from 0; from the end when negative. */
static struct tsn_cell
fn_item(ARGS)
{
	double n;

	UNUSED_X;
	if (!number_of(&args[1], &n))
		return tsn_cell_null();
	if (args[0].type != TSN_V_LIST)
		return n < -1 || n > 0 ? tsn_cell_null() : args[0];
	if (n < 0)
		n += args[0].len;
	return n >= 0 && n < args[0].len ? args[0].u.items[(uint32_t)n] : tsn_cell_null();
}

enum where { ANYWHERE, AT_START, AT_END };

static bool
text_has(struct tsn_eval *e, const struct tsn_cell *v, const struct tsn_cell *part,
    enum where where)
{
	struct tsn_slice s, needle;
	char *fs, *fn;
	bool ascii;

	if (v->type == TSN_V_LIST) {
		for (uint32_t i = 0; i < v->len; i++)
			if (text_has(e, &v->u.items[i], part, where))
				return true;
		return false;
	}
	if (!text_of(e, v, &s) || !text_of(e, part, &needle))
		return false;
	fs = tsn_arena_alloc(e->arena, TSN_FOLD_ROOM(s.len));
	fn = tsn_arena_alloc(e->arena, TSN_FOLD_ROOM(needle.len));
	if (fs == NULL || fn == NULL)
		return give_up(e).u.i != 0;
	s = (struct tsn_slice){fs, tsn_fold(s, fs, &ascii)};
	needle = (struct tsn_slice){fn, tsn_fold(needle, fn, &ascii)};
	return where == AT_START ? tsn_slice_starts(s, needle) :
	    where == AT_END ? tsn_slice_ends(s, needle) : tsn_slice_find(s, needle) != SIZE_MAX;
}

static struct tsn_cell
fn_contains(ARGS)
{
	UNUSED_X;
	return tsn_cell_bool(text_has(e, &args[0], &args[1], ANYWHERE));
}

static struct tsn_cell
fn_starts_with(ARGS)
{
	UNUSED_X;
	return tsn_cell_bool(text_has(e, &args[0], &args[1], AT_START));
}

static struct tsn_cell
fn_ends_with(ARGS)
{
	UNUSED_X;
	return tsn_cell_bool(text_has(e, &args[0], &args[1], AT_END));
}

static enum tsn_code
prepare_matches(struct tsn_qparse *p, struct tsn_expr *x, const struct tsn_expr *const *kids,
    uint32_t count)
{
	TSN_ASSERT(count == 2);
	if (kids[1]->op != TSN_X_CONST || kids[1]->value.type != TSN_V_STR)
		TSN_QFAIL(p, TSN_EINVAL, p->at, "expected a quoted regular expression in matches()");
	return tsn_expr_atom(p, &(struct tsn_atom){.op = TSN_ATOM_REGEX,
	    .value = {kids[1]->value.u.ptr, kids[1]->value.len}}, p->at, &x->atom);
}

static bool
regex_has(struct tsn_eval *e, const struct tsn_expr *x, const struct tsn_cell *v)
{
	struct tsn_value text = {0};

	if (v->type == TSN_V_LIST) {
		for (uint32_t i = 0; i < v->len; i++)
			if (regex_has(e, x, &v->u.items[i]))
				return true;
		return false;
	}
	if (!text_of(e, v, &text.raw))
		return false;
	tsn_arena_reset(&e->scratch->arena);
	return tsn_atom_test_text(x->atom, e->scratch, &text);
}

static struct tsn_cell
fn_matches(ARGS)
{
	UNUSED_X;
	return tsn_cell_bool(regex_has(e, x, &args[0]));
}

static enum tsn_code
prepare_cidr(struct tsn_qparse *p, struct tsn_expr *x, const struct tsn_expr *const *kids,
    uint32_t count)
{
	struct tsn_cidr cidr;

	(void)x;
	for (uint32_t i = 1; i < count; i++)
		if (kids[i]->op == TSN_X_CONST && (kids[i]->value.type != TSN_V_STR ||
		    tsn_cidr_parse((struct tsn_slice){kids[i]->value.u.ptr, kids[i]->value.len},
		    &cidr) != TSN_OK))
			TSN_QFAIL(p, TSN_EINVAL, p->at, "expected a network such as \"10.0.0.0/8\" in cidr()");
	return TSN_OK;
}

static bool
ip_in(struct tsn_eval *e, const struct tsn_cell *v, const struct tsn_cell *net)
{
	struct tsn_slice s, n;
	struct tsn_cidr cidr;
	struct tsn_ip ip;

	if (v->type == TSN_V_LIST) {
		for (uint32_t i = 0; i < v->len; i++)
			if (ip_in(e, &v->u.items[i], net))
				return true;
		return false;
	}
	return text_of(e, v, &s) && text_of(e, net, &n) && tsn_cidr_parse(n, &cidr) == TSN_OK &&
	    tsn_ip_parse(s, &ip) == TSN_OK && tsn_cidr_has(&cidr, &ip);
}

static struct tsn_cell
fn_cidr(ARGS)
{
	bool found = false;

	UNUSED_X;
	for (uint32_t i = 1; i < count && !found; i++)
		found = ip_in(e, &args[0], &args[i]);
	return tsn_cell_bool(found);
}

static struct tsn_cell
fn_if(ARGS)
{
	double number;
	bool yes;

	UNUSED_X;
	yes = tsn_cell_number(&args[0], &number) ? number < 0 || number > 0 :
	    args[0].type != TSN_V_NULL && (args[0].type == TSN_V_TIME || args[0].len > 0);
	return yes ? args[1] : count > 2 ? args[2] : tsn_cell_null();
}

static struct tsn_cell
fn_coalesce(ARGS)
{
	UNUSED_X;
	for (uint32_t i = 0; i < count; i++)
		if (args[i].type != TSN_V_NULL)
			return args[i];
	return tsn_cell_null();
}

static struct tsn_cell
fn_isnull(ARGS)
{
	UNUSED_X;
	return tsn_cell_bool(args[0].type == TSN_V_NULL);
}

static struct tsn_cell
whole(double v)
{
	return fabs(v) < 9e15 ? tsn_cell_int((int64_t)v) : tsn_cell_float(v);
}

static struct tsn_cell
fn_round(ARGS)
{
	double v, digits = 0, scale;

	UNUSED_X;
	if (!number_of(&args[0], &v) || (count > 1 && !number_of(&args[1], &digits)))
		return tsn_cell_null();
	if (digits < 1)
		return whole(round(v));
	scale = pow(10, fmin(floor(digits), 15));
	return fabs(v) < 1e15 ? tsn_cell_float(round(v * scale) / scale) : tsn_cell_float(v);
}

static struct tsn_cell
fn_floor(ARGS)
{
	double v;

	UNUSED_X;
	return number_of(&args[0], &v) ? whole(floor(v)) : tsn_cell_null();
}

static struct tsn_cell
fn_ceil(ARGS)
{
	double v;

	UNUSED_X;
	return number_of(&args[0], &v) ? whole(ceil(v)) : tsn_cell_null();
}

static struct tsn_cell
fn_abs(ARGS)
{
	struct tsn_cell n;
	double v;

	UNUSED_X;
	if (!tsn_cell_to_number(&args[0], &n))
		return tsn_cell_null();
	if (n.type == TSN_V_INT && n.u.i != INT64_MIN)
		return tsn_cell_int(n.u.i < 0 ? -n.u.i : n.u.i);
	return tsn_cell_number(&n, &v) ? tsn_cell_float(fabs(v)) : tsn_cell_null();
}

static struct tsn_cell
fn_sqrt(ARGS)
{
	double v;

	UNUSED_X;
	return number_of(&args[0], &v) ? tsn_cell_float(sqrt(v)) : tsn_cell_null();
}

static struct tsn_cell
fn_log(ARGS)
{
	double v;

	UNUSED_X;
	return number_of(&args[0], &v) && v > 0 ? tsn_cell_float(log(v)) : tsn_cell_null();
}

static struct tsn_cell
fn_pow(ARGS)
{
	double v, power;

	UNUSED_X;
	return number_of(&args[0], &v) && number_of(&args[1], &power) ? tsn_cell_float(pow(v, power)) :
									tsn_cell_null();
}

static struct tsn_cell
extreme(const struct tsn_cell *args, uint32_t count, int sign)
{
	struct tsn_cell best = tsn_cell_null();

	for (uint32_t i = 0; i < count; i++) {
		struct tsn_cell v = args[i];

		if (v.type == TSN_V_LIST)
			v = extreme(v.u.items, v.len, sign);
		if (v.type != TSN_V_NULL &&
		    (best.type == TSN_V_NULL || tsn_cell_order(&v, &best) * sign > 0))
			best = v;
	}
	return best;
}

static struct tsn_cell
fn_min(ARGS)
{
	UNUSED_X;
	return extreme(args, count, -1);
}

static struct tsn_cell
fn_max(ARGS)
{
	UNUSED_X;
	return extreme(args, count, 1);
}

static struct tsn_cell
fn_number(ARGS)
{
	struct tsn_cell n;

	UNUSED_X;
	return tsn_cell_to_number(&args[0], &n) ? n : tsn_cell_null();
}

static struct tsn_cell
fn_text(ARGS)
{
	struct tsn_slice s;

	UNUSED_X;
	return text_of(e, &args[0], &s) ? tsn_cell_str(s) : tsn_cell_null();
}

static bool
time_of(const struct tsn_eval *e, const struct tsn_cell *v, int64_t *ret_ns)
{
	struct tsn_timespan span;

	if (v->type == TSN_V_TIME || v->type == TSN_V_STR) {
		if (tsn_cell_to_time(v, ret_ns))
			return true;
		if (v->type == TSN_V_STR && tsn_literal_time((struct tsn_slice){v->u.ptr, v->len},
		    e->now_ns, &span) == TSN_OK) {
			*ret_ns = span.begin_ns;
			return true;
		}
		return false;
	}
	return v->type == TSN_V_INT && !__builtin_mul_overflow(v->u.i, TSN_NS_PER_SEC, ret_ns);
}

static struct tsn_cell
fn_time(ARGS)
{
	int64_t ns;

	UNUSED_X;
	return time_of(e, &args[0], &ns) ? tsn_cell_time(ns) : tsn_cell_null();
}

static struct tsn_cell
fn_now(ARGS)
{
	UNUSED_X;
	(void)args;
	return tsn_cell_time(e->now_ns);
}

/* Seconds since 1970 of a time. */
static struct tsn_cell
fn_epoch(ARGS)
{
	int64_t ns;

	UNUSED_X;
	if (!time_of(e, &args[0], &ns))
		return tsn_cell_null();
	return ns % TSN_NS_PER_SEC == 0 ? tsn_cell_int(ns / TSN_NS_PER_SEC) :
	    tsn_cell_float((double)ns / (double)TSN_NS_PER_SEC);
}

/* bucket(time, 1h): its start; bucket(number, 100): the multiple below. */
static struct tsn_cell
fn_bucket(ARGS)
{
	double v, step;
	int64_t ns;

	UNUSED_X;
	if (!number_of(&args[1], &step) || step <= 0)
		return tsn_cell_null();
	if (args[0].type == TSN_V_TIME && time_of(e, &args[0], &ns))
		return step < 1e-9 || step > 9e9 ? tsn_cell_null() :
		    tsn_cell_time(tsn_time_floor(ns, (int64_t)(step * 1e9)));
	if (!number_of(&args[0], &v))
		return tsn_cell_null();
	v = floor(v / step) * step;
	return step >= 1 && floor(step) >= step ? whole(v) : tsn_cell_float(v);
}

static bool
civil_of(const struct tsn_eval *e, const struct tsn_cell *v, struct tsn_civil *ret)
{
	int64_t ns;

	if (!time_of(e, v, &ns))
		return false;
	tsn_time_to_civil(ns, ret);
	return true;
}

#define CIVIL_FN(part)                                                                        \
	static struct tsn_cell fn_##part(ARGS)                                                \
	{                                                                                     \
		struct tsn_civil c;                                                           \
		UNUSED_X;                                                                     \
		return civil_of(e, &args[0], &c) ? tsn_cell_int(c.part) : tsn_cell_null();    \
	}
CIVIL_FN(year)
CIVIL_FN(month)
CIVIL_FN(day)
CIVIL_FN(hour)
CIVIL_FN(minute)

/* 0 Sunday .. 6 Saturday */
static struct tsn_cell
fn_weekday(ARGS)
{
	int64_t ns;

	UNUSED_X;
	return time_of(e, &args[0], &ns) ? tsn_cell_int(tsn_time_weekday(ns)) : tsn_cell_null();
}

static const struct tsn_func functions[] = {
	{"abs", 1, 1, "abs(number)", NULL, fn_abs},
	{"bin", 2, 2, "bin(time or number, step)", NULL, fn_bucket},
	{"bucket", 2, 2, "bucket(time or number, step)", NULL, fn_bucket},
	{"ceil", 1, 1, "ceil(number)", NULL, fn_ceil},
	{"cidr", 2, TSN_FUNC_ARGS_MAX, "cidr(address, \"network\", ...)", prepare_cidr, fn_cidr},
	{"coalesce", 1, TSN_FUNC_ARGS_MAX, "coalesce(a, b, ...)", NULL, fn_coalesce},
	{"concat", 1, TSN_FUNC_ARGS_MAX, "concat(a, b, ...)", NULL, fn_concat},
	{"contains", 2, 2, "contains(text, part)", NULL, fn_contains},
	{"day", 1, 1, "day(time)", NULL, fn_day},
	{"ends_with", 2, 2, "ends_with(text, part)", NULL, fn_ends_with},
	{"epoch", 1, 1, "epoch(time)", NULL, fn_epoch},
	{"floor", 1, 1, "floor(number)", NULL, fn_floor},
	{"hour", 1, 1, "hour(time)", NULL, fn_hour},
	{"if", 2, 3, "if(condition, then, else)", NULL, fn_if},
	{"isnull", 1, 1, "isnull(a)", NULL, fn_isnull},
	{"item", 2, 2, "item(list, number from 0)", NULL, fn_item},
	{"len", 1, 1, "len(text or list)", NULL, fn_len},
	{"log", 1, 1, "log(number)", NULL, fn_log},
	{"lower", 1, 1, "lower(text)", NULL, fn_lower},
	{"matches", 2, 2, "matches(text, \"regex\")", prepare_matches, fn_matches},
	{"max", 1, TSN_FUNC_ARGS_MAX, "max(a, b, ...)", NULL, fn_max},
	{"min", 1, TSN_FUNC_ARGS_MAX, "min(a, b, ...)", NULL, fn_min},
	{"minute", 1, 1, "minute(time)", NULL, fn_minute},
	{"month", 1, 1, "month(time)", NULL, fn_month},
	{"now", 0, 0, "now()", NULL, fn_now},
	{"number", 1, 1, "number(text)", NULL, fn_number},
	{"pow", 2, 2, "pow(number, power)", NULL, fn_pow},
	{"replace", 3, 3, "replace(text, from, to)", NULL, fn_replace},
	{"round", 1, 2, "round(number, digits)", NULL, fn_round},
	{"split", 2, 2, "split(text, separator)", NULL, fn_split},
	{"sqrt", 1, 1, "sqrt(number)", NULL, fn_sqrt},
	{"starts_with", 2, 2, "starts_with(text, part)", NULL, fn_starts_with},
	{"substr", 2, 3, "substr(text, start from 0, count)", NULL, fn_substr},
	{"text", 1, 1, "text(a)", NULL, fn_text},
	{"time", 1, 1, "time(text or seconds)", NULL, fn_time},
	{"trim", 1, 1, "trim(text)", NULL, fn_trim},
	{"upper", 1, 1, "upper(text)", NULL, fn_upper},
	{"weekday", 1, 1, "weekday(time)", NULL, fn_weekday},
	{"year", 1, 1, "year(time)", NULL, fn_year},
};

const struct tsn_func *
tsn_func_at(uint32_t i)
{
	return i < TSN_COUNT(functions) ? &functions[i] : NULL;
}

const struct tsn_func *
tsn_func_find(struct tsn_slice name)
{
	for (size_t i = 0; i < TSN_COUNT(functions); i++)
		if (tsn_slice_eq_nocase(name, tsn_slice_cstr(functions[i].name)))
			return &functions[i];
	return NULL;
}
