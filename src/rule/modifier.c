/* field|modifier|...: value: what the modifiers ask for, whether they agree, and the atoms. */
#include "base/assert.h"
#include "base/ip.h"
#include "base/num.h"
#include "match/atom.h"
#include "rule/load_int.h"

#define MODIFIERS_MAX 8u

enum modifier {
	M_CONTAINS, M_STARTSWITH, M_ENDSWITH, M_ALL, M_CASED, M_NEQ, M_EXISTS,
	M_BASE64, M_BASE64OFFSET, M_UTF16, M_UTF16LE, M_WIDE, M_UTF16BE, M_WINDASH, M_EXPAND,
	M_RE, M_I, M_IGNORECASE, M_M, M_MULTILINE, M_S, M_DOTALL,
	M_CIDR, M_FIELDREF, M_LT, M_LTE, M_GT, M_GTE,
	M_MINUTE, M_HOUR, M_DAY, M_WEEK, M_MONTH, M_YEAR,
	M__COUNT
};

static const char *const names[M__COUNT] = {
	"contains", "startswith", "endswith", "all", "cased", "neq", "exists",
	"base64", "base64offset", "utf16", "utf16le", "wide", "utf16be", "windash", "expand",
	"re", "i", "ignorecase", "m", "multiline", "s", "dotall",
	"cidr", "fieldref", "lt", "lte", "gt", "gte",
	"minute", "hour", "day", "week", "month", "year",
};

/* What a value is taken for; more than one of them is a contradiction. */
enum meaning { TEXT, REGEX, CIDR, FIELDREF, EXISTS, COMPARE, TIME };

static const struct {
	int low, high;
} part_range[] = {{0, 59}, {0, 23}, {1, 31}, {1, 53}, {1, 12}, {1678, 2262}};

struct plan {
	const struct reading *rd;
	struct tsn_slice field;
	struct tsn_slice key;
	uint32_t line;
	enum meaning meaning;
	enum modifier list[MODIFIERS_MAX];	/* in the order written */
	uint32_t count;
	uint32_t flags;			/* enum tsn_atom_flag */
	enum tsn_atom_op compare;	/* LT .. GE; NUM_EQ when there is none */
	enum modifier part;		/* M_MINUTE .. M_YEAR */
};

static bool
has(const struct plan *p, enum modifier m)
{
	for (uint32_t i = 0; i < p->count; i++)
		if (p->list[i] == m)
			return true;
	return false;
}

static bool
is_wide(enum modifier m)
{
	return m >= M_UTF16 && m <= M_UTF16BE;
}

static enum tsn_code
unknown(const struct plan *p, struct tsn_slice word, struct tsn_err *err)
{
	const char *near = tsn_rule_int_nearest(word, names, M__COUNT);
	char shown[SHOWN_MAX];

	(void)tsn_slice_escape(word, shown, sizeof shown);
	if (near != NULL)
		TSN_FAIL_AT(err, TSN_EINVAL, p->line, "unknown modifier \"%s\"; nearest is \"%s\"", shown,
		    near);
	TSN_FAIL_AT(err, TSN_EINVAL, p->line, "unknown modifier \"%s\"", shown);
}

static enum tsn_code
clash(const struct plan *p, const char *why, struct tsn_err *err)
{
	char shown[SHOWN_MAX];

	TSN_FAIL_AT(err, TSN_EINVAL, p->line, "\"%s\": %s",
	    tsn_slice_escape(p->key, shown, sizeof shown), why);
}

static enum tsn_code
mean(struct plan *p, enum meaning m, struct tsn_err *err)
{
	bool timed = (p->meaning == TIME && m == COMPARE) || (p->meaning == COMPARE && m == TIME);

	if (timed) {
		p->meaning = TIME;
		return TSN_OK;
	}
	if (p->meaning != TEXT)
		return clash(p, "modifiers that exclude each other", err);
	p->meaning = m;
	return TSN_OK;
}

static enum tsn_code
take_modifier(struct plan *p, enum modifier m, struct tsn_err *err)
{
	static const enum tsn_atom_op compares[] = {TSN_ATOM_LT, TSN_ATOM_LE, TSN_ATOM_GT,
	    TSN_ATOM_GE};

	if (has(p, m))
		return clash(p, "a modifier stands twice", err);
	if (m >= M_I && m <= M_DOTALL) {
		if (p->meaning != REGEX)
			return clash(p, "i, m and s follow re", err);
		p->flags |= m <= M_IGNORECASE ? TSN_ATOM_RE_I
		    : m <= M_MULTILINE ? TSN_ATOM_RE_M : TSN_ATOM_RE_S;
	} else if (m == M_RE) {
		TSN_TRY(mean(p, REGEX, err));
	} else if (m == M_CIDR) {
		TSN_TRY(mean(p, CIDR, err));
	} else if (m == M_FIELDREF) {
		TSN_TRY(mean(p, FIELDREF, err));
	} else if (m == M_EXISTS) {
		TSN_TRY(mean(p, EXISTS, err));
	} else if (m >= M_LT && m <= M_GTE) {
		TSN_TRY(mean(p, COMPARE, err));
		p->compare = compares[m - M_LT];
	} else if (m >= M_MINUTE) {
		if (p->meaning == TIME && p->part != M__COUNT)
			return clash(p, "one part of the time at once", err);
		TSN_TRY(mean(p, TIME, err));
		p->part = m;
	} else if (m == M_CASED) {
		p->flags |= TSN_ATOM_CASED;
	}
	p->list[p->count++] = m;
	return TSN_OK;
}

static enum tsn_code
check_plan(const struct plan *p, struct tsn_err *err)
{
	uint32_t places = 0, codes = 0, before = 0;

	for (uint32_t i = 0; i < p->count; i++) {
		enum modifier m = p->list[i];

		places += m <= M_ENDSWITH;
		codes += m >= M_BASE64 && m <= M_EXPAND;
		if (is_wide(m) && (before & 1u << M_BASE64 || before & 1u << M_BASE64OFFSET))
			return clash(p, "UTF-16 comes before base64", err);
		before |= m <= M_EXPAND ? 1u << m : 0;
	}
	if (places > 1)
		return clash(p, "contains, startswith and endswith exclude each other", err);
	if (places > 0 && p->meaning != TEXT && p->meaning != FIELDREF)
		return clash(p, "contains, startswith and endswith need a text", err);
	if (codes > 0 && p->meaning != TEXT)
		return clash(p, "encodings, windash and expand need a text", err);
	if ((p->flags & TSN_ATOM_CASED) && p->meaning != TEXT && p->meaning != FIELDREF &&
	    !(p->meaning == REGEX && !(p->flags & TSN_ATOM_RE_I)))
		return clash(p, "cased needs a text", err);
	if (has(p, M_BASE64) && has(p, M_BASE64OFFSET))
		return clash(p, "base64 and base64offset exclude each other", err);
	if (has(p, M_UTF16) && !has(p, M_BASE64) && !has(p, M_BASE64OFFSET))
		return clash(p, "utf16 is followed by base64 or base64offset", err);
	if (has(p, M_UTF16) + has(p, M_UTF16LE) + has(p, M_WIDE) + has(p, M_UTF16BE) > 1)
		return clash(p, "one UTF-16 encoding at once", err);
	if (p->field.len == 0 && (p->meaning > REGEX || has(p, M_NEQ) || has(p, M_STARTSWITH) ||
	    has(p, M_ENDSWITH)))
		return clash(p, "this modifier needs a field", err);
	return TSN_OK;
}

static enum tsn_code
make_plan(struct plan *p, struct tsn_err *err)
{
	struct tsn_slice rest = p->key;
	size_t bar = tsn_slice_find_char(rest, '|');

	p->field = bar == SIZE_MAX ? rest : tsn_slice_of(rest.ptr, bar);
	p->part = M__COUNT;
	p->compare = TSN_ATOM_NUM_EQ;
	while (bar != SIZE_MAX) {
		struct tsn_slice word;
		enum modifier m = 0;

		rest = tsn_slice_from(rest, bar + 1);
		bar = tsn_slice_find_char(rest, '|');
		word = bar == SIZE_MAX ? rest : tsn_slice_of(rest.ptr, bar);
		while (m < M__COUNT && !tsn_slice_eq(word, tsn_slice_cstr(names[m])))
			m++;
		if (m == M__COUNT)
			return unknown(p, word, err);
		if (p->count == MODIFIERS_MAX)
			return clash(p, "more than 8 modifiers", err);
		TSN_TRY(take_modifier(p, m, err));
	}
	return check_plan(p, err);
}

static enum tsn_code
check_regex(struct tsn_slice text, uint32_t line, uint32_t flags, struct tsn_err *err)
{
	struct tsn_err why = {0};
	enum tsn_code code = tsn_atom_check_regex(text, flags, &why);

	if (code == TSN_OK)
		return TSN_OK;
	if (code == TSN_ENOMEM)
		return tsn_rule_int_no_memory(err);
	TSN_FAIL_AT(err, TSN_EINVAL, line, "bad regular expression: %s", why.msg);
}

/* The texts one value stands for, after the encodings, in the order they are written. */
static enum tsn_code
transform(const struct plan *p, enum modifier m, struct patterns *in, uint32_t line,
    struct tsn_err *err)
{
	struct tsn_arena *a = p->rd->arena;
	struct patterns out = {0};
	bool wide = has(p, M_UTF16) || has(p, M_UTF16LE) || has(p, M_WIDE) || has(p, M_UTF16BE);
	bool encoded = has(p, M_BASE64) || has(p, M_BASE64OFFSET);

	for (uint32_t i = 0; i < in->count; i++) {
		struct tsn_slice v = in->items[i];

		switch ((int)m) {
		case M_CONTAINS:
		case M_STARTSWITH:
		case M_ENDSWITH:
			TSN_TRY(tsn_rule_int_wrap(a, m != M_STARTSWITH, m != M_ENDSWITH, v, &v));
			break;
		case M_UTF16:
		case M_UTF16LE:
		case M_WIDE:
		case M_UTF16BE:
			TSN_TRY(tsn_rule_int_utf16(a, v, m == M_UTF16 ? UTF16_BOM
			    : m == M_UTF16BE ? UTF16_BE : UTF16_LE, encoded, line, &v, err));
			break;
		case M_BASE64:
		case M_BASE64OFFSET:
			TSN_TRY(tsn_rule_int_base64(a, v, wide, m == M_BASE64OFFSET, line, &out, err));
			continue;
		case M_WINDASH:
			TSN_TRY(tsn_rule_int_windash(a, v, line, &out, err));
			continue;
		default:
			return TSN_OK;
		}
		TSN_TRY(tsn_rule_int_push(a, &out, v));
	}
	*in = out;
	return TSN_OK;
}

/* A scalar as text: numbers in the notation events have, text as it stands. */
static enum tsn_code
scalar_text(struct tsn_arena *a, const struct tsn_yaml *v, struct tsn_slice *ret)
{
	struct tsn_buf b;

	*ret = v->text;
	if (v->kind != TSN_YAML_INT && v->kind != TSN_YAML_BOOL)
		return TSN_OK;
	tsn_buf_init(&b, 64);
	if (v->kind == TSN_YAML_BOOL)
		tsn_buf_slice(&b, v->num.i ? TSN_SLICE("true") : TSN_SLICE("false"));
	else
		tsn_buf_i64(&b, v->num.i);
	*ret = tsn_buf_check(&b) == TSN_OK ? tsn_arena_dup(a, tsn_buf_get(&b)) : TSN_SLICE_NONE;
	tsn_buf_done(&b);
	return ret->ptr == NULL ? TSN_ENOMEM : TSN_OK;
}

static enum tsn_code
push_atom(const struct plan *p, const struct tsn_atom *atom, const struct tsn_pred **list,
    uint32_t *count)
{
	list[*count] = tsn_pred_atom(p->rd->arena, atom);
	if (list[*count] == NULL)
		return TSN_ENOMEM;
	(*count)++;
	return TSN_OK;
}

static enum tsn_code
group(const struct plan *p, enum tsn_pred_op op, const struct tsn_pred *const *list, uint32_t count,
    const struct tsn_pred **ret)
{
	*ret = tsn_pred_group(p->rd->arena, op, list, count);
	return *ret == NULL ? TSN_ENOMEM : TSN_OK;
}

static enum tsn_code
text_value(const struct plan *p, const struct tsn_yaml *v, const struct tsn_pred **ret,
    struct tsn_err *err)
{
	struct tsn_arena *a = p->rd->arena;
	struct patterns texts = {0};
	const struct tsn_pred **list;
	struct tsn_slice text, pattern;
	uint32_t count = 0;

	TSN_TRY(scalar_text(a, v, &text));
	if (has(p, M_EXPAND)) {
		TSN_TRY(tsn_rule_int_expand(p->rd, text, v->line, &texts, err));
	} else {
		TSN_TRY(tsn_rule_int_unescape(a, text, &pattern));
		TSN_TRY(tsn_rule_int_push(a, &texts, pattern));
	}
	for (uint32_t i = 0; i < p->count; i++)
		if (p->list[i] <= M_ENDSWITH || (p->list[i] >= M_BASE64 && p->list[i] <= M_WINDASH))
			TSN_TRY(transform(p, p->list[i], &texts, v->line, err));
	list = tsn_arena_calloc(a, texts.count + 1, sizeof *list);
	if (list == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < texts.count; i++) {
		struct tsn_atom atom = {.field = p->field, .flags = p->flags, .at = v->line};

		if (p->field.len == 0) {
			atom.op = TSN_ATOM_KEYWORD;
			atom.value = texts.items[i];
		} else {
			tsn_pred_pattern(&atom, texts.items[i]);
		}
		TSN_TRY(push_atom(p, &atom, list, &count));
	}
	return group(p, TSN_PRED_OR, list, count, ret);
}

static enum tsn_code
number_of(const struct tsn_yaml *v, double *ret, struct tsn_err *err)
{
	char shown[SHOWN_MAX];

	if (v->kind == TSN_YAML_INT) {
		*ret = (double)v->num.i;
		return TSN_OK;
	}
	if (v->kind == TSN_YAML_FLOAT) {
		*ret = v->num.d;
		return TSN_OK;
	}
	if (v->kind == TSN_YAML_STR && tsn_num_parse_f64(v->text, ret) == TSN_OK)
		return TSN_OK;
	TSN_FAIL_AT(err, TSN_EINVAL, v->line, "expected a number, found \"%s\"",
	    tsn_slice_escape(v->text, shown, sizeof shown));
}

static bool
compares(enum tsn_atom_op op, double left, double right)
{
	return op == TSN_ATOM_LT ? left < right : op == TSN_ATOM_LE ? left <= right
	    : op == TSN_ATOM_GT ? left > right : left >= right;
}

/* |hour|gte: 18 is any of the hours 18 to 23: parts of a time have few values. */
static enum tsn_code
time_value(const struct plan *p, const struct tsn_yaml *v, const struct tsn_pred **ret,
    struct tsn_err *err)
{
	size_t part = (size_t)(p->part - M_MINUTE);
	int low = part_range[part].low, high = part_range[part].high;
	struct tsn_atom atom = {.field = p->field, .op = TSN_ATOM_TIME_PART, .at = v->line,
	    .value = tsn_slice_cstr(names[p->part])};
	const struct tsn_pred **list;
	uint32_t count = 0;
	double number;

	TSN_TRY(number_of(v, &number, err));
	list = tsn_arena_calloc(p->rd->arena, (size_t)(high - low) + 1, sizeof *list);
	if (list == NULL)
		return TSN_ENOMEM;
	if (p->compare == TSN_ATOM_NUM_EQ) {
		if (number != (double)(int)number || number < low || number > high)
			TSN_FAIL_AT(err, TSN_EINVAL, v->line, "|%s takes a number from %d to %d",
			    names[p->part], low, high);
		atom.number = number;
		TSN_TRY(push_atom(p, &atom, list, &count));
		return group(p, TSN_PRED_OR, list, count, ret);
	}
	for (int i = low; i <= high; i++) {
		if (!compares(p->compare, i, number))
			continue;
		atom.number = i;
		TSN_TRY(push_atom(p, &atom, list, &count));
	}
	return group(p, TSN_PRED_OR, list, count, ret);
}

static enum tsn_code
exists_value(const struct plan *p, const struct tsn_yaml *v, const struct tsn_pred **ret,
    struct tsn_err *err)
{
	struct tsn_atom atom = {.field = p->field, .op = TSN_ATOM_EXISTS, .at = v->line};
	bool yes = tsn_slice_eq_nocase(v->text, TSN_SLICE("true")) ||
	    tsn_slice_eq_nocase(v->text, TSN_SLICE("yes"));

	if (!yes && !tsn_slice_eq_nocase(v->text, TSN_SLICE("false")) &&
	    !tsn_slice_eq_nocase(v->text, TSN_SLICE("no")))
		TSN_FAIL_AT(err, TSN_EINVAL, v->line, "|exists takes true or false");
	*ret = tsn_pred_atom(p->rd->arena, &atom);
	if (*ret != NULL && !yes)
		*ret = tsn_pred_not(p->rd->arena, *ret);
	return *ret == NULL ? TSN_ENOMEM : TSN_OK;
}

static enum tsn_atom_op
reference_op(const struct plan *p)
{
	return has(p, M_CONTAINS) ? TSN_ATOM_FIELD_CONTAINS
	    : has(p, M_STARTSWITH) ? TSN_ATOM_FIELD_PREFIX
	    : has(p, M_ENDSWITH) ? TSN_ATOM_FIELD_SUFFIX : TSN_ATOM_FIELD_EQ;
}

/* Meanings that make one atom of one value. */
static enum tsn_code
plain_value(const struct plan *p, const struct tsn_yaml *v, const struct tsn_pred **ret,
    struct tsn_err *err)
{
	struct tsn_atom atom = {.field = p->field, .flags = p->flags, .at = v->line};
	struct tsn_cidr net;
	char shown[SHOWN_MAX];

	TSN_TRY(scalar_text(p->rd->arena, v, &atom.value));
	atom.value = tsn_arena_dup(p->rd->arena, atom.value);
	if (atom.value.ptr == NULL)
		return TSN_ENOMEM;
	if (p->meaning == REGEX) {
		atom.op = TSN_ATOM_REGEX;
		atom.flags &= ~(uint32_t)TSN_ATOM_CASED;
		TSN_TRY(check_regex(atom.value, v->line, atom.flags, err));
	} else if (p->meaning == CIDR) {
		atom.op = TSN_ATOM_CIDR;
		if (tsn_cidr_parse(atom.value, &net) != TSN_OK)
			TSN_FAIL_AT(err, TSN_EINVAL, v->line, "|cidr takes a network, found \"%s\"",
			    tsn_slice_escape(atom.value, shown, sizeof shown));
	} else if (p->meaning == FIELDREF) {
		atom.op = reference_op(p);
		if (atom.value.len == 0)
			TSN_FAIL_AT(err, TSN_EINVAL, v->line, "|fieldref takes the name of a field");
	} else {
		TSN_ASSERT(p->meaning == COMPARE);
		atom.op = p->compare;
		TSN_TRY(number_of(v, &atom.number, err));
	}
	*ret = tsn_pred_atom(p->rd->arena, &atom);
	return *ret == NULL ? TSN_ENOMEM : TSN_OK;
}

static enum tsn_code
one_value(const struct plan *p, const struct tsn_yaml *v, const struct tsn_pred **ret,
    struct tsn_err *err)
{
	struct tsn_atom atom = {.field = p->field, .at = v->line};
	char shown[SHOWN_MAX];

	if (v->kind >= TSN_YAML_SEQ)
		TSN_FAIL_AT(err, TSN_EINVAL, v->line, "value of \"%s\" is %s; expected a string, a number, "
		    "null or a list of them", tsn_slice_escape(p->key, shown, sizeof shown),
		    tsn_yaml_kind_name(v));
	if (v->kind == TSN_YAML_NULL) {
		if (p->field.len == 0 || p->meaning != TEXT)
			return clash(p, "null goes with no modifier and needs a field", err);
		atom.op = TSN_ATOM_NULL;
	} else if (v->kind == TSN_YAML_FLOAT && p->meaning == TEXT && p->field.len > 0 &&
	    (p->count == 0 || (p->count == 1 && p->list[0] == M_NEQ))) {
		atom.op = TSN_ATOM_NUM_EQ;
		atom.number = v->num.d;
	} else if (p->meaning == TEXT) {
		return text_value(p, v, ret, err);
	} else if (p->meaning == TIME) {
		return time_value(p, v, ret, err);
	} else if (p->meaning == EXISTS) {
		return exists_value(p, v, ret, err);
	} else {
		return plain_value(p, v, ret, err);
	}
	*ret = tsn_pred_atom(p->rd->arena, &atom);
	return *ret == NULL ? TSN_ENOMEM : TSN_OK;
}

enum tsn_code
tsn_rule_int_item(const struct reading *rd, struct tsn_slice key, const struct tsn_yaml *value,
    uint32_t line, const struct tsn_pred **ret_pred, struct tsn_err *err)
{
	struct plan p = {.rd = rd, .key = key, .line = line};
	bool list_given = value->kind == TSN_YAML_SEQ;
	uint32_t count = 0, cap = list_given ? value->count : 1;
	const struct tsn_pred **list;

	TSN_TRY(make_plan(&p, err));
	p.field = tsn_arena_dup(rd->arena, p.field);
	list = tsn_arena_calloc(rd->arena, cap + 1, sizeof *list);
	if (list == NULL || p.field.ptr == NULL)
		return TSN_ENOMEM;
	if (list_given && value->count == 0)
		return clash(&p, "the list of values is empty", err);
	for (const struct tsn_yaml *v = list_given ? value->first : value; count < cap; v = v->next) {
		TSN_TRY(one_value(&p, v, &list[count], err));
		count++;
	}
	TSN_TRY(group(&p, has(&p, M_ALL) ? TSN_PRED_AND : TSN_PRED_OR, list, count, ret_pred));
	if (has(&p, M_NEQ))
		*ret_pred = tsn_pred_not(rd->arena, *ret_pred);
	return *ret_pred == NULL ? TSN_ENOMEM : TSN_OK;
}
