/* The filter: everything before the first '|'. */
#include <string.h>

#include "base/assert.h"
#include "base/ip.h"
#include "query/parse_int.h"

/* Ends a field name or a bare word. */
#define NAME_STOP "()\"|<>=:!{},"
/* Ends an unquoted value. */
#define VALUE_STOP "()\"|"
#define RANGE_STOP "()\"|]}"
#define KIDS_FIRST 8u

struct kids {
	const struct tsn_pred **items;
	uint32_t count;
	uint32_t cap;
};

static enum tsn_code parse_or(struct tsn_qparse *p, struct tsn_slice field,
    const struct tsn_pred **ret_pred);

static enum tsn_code
too_large(struct tsn_qparse *p)
{
	TSN_QFAIL(p, TSN_ELIMIT, p->at, "the query is too large");
}

static enum tsn_code
add_kid(struct tsn_qparse *p, struct kids *kids, const struct tsn_pred *kid)
{
	if (kids->count == kids->cap) {
		uint32_t cap = kids->cap == 0 ? KIDS_FIRST : kids->cap * 2;
		const struct tsn_pred **items = tsn_arena_alloc(p->arena, cap * sizeof(*items));

		if (items == NULL)
			return too_large(p);
		if (kids->count > 0)
			memcpy(items, kids->items, kids->count * sizeof(*items));
		kids->items = items;
		kids->cap = cap;
	}
	kids->items[kids->count++] = kid;
	return TSN_OK;
}

static enum tsn_code
end_group(struct tsn_qparse *p, enum tsn_pred_op op, const struct kids *kids,
    const struct tsn_pred **ret_pred)
{
	*ret_pred = tsn_pred_group(p->arena, op, kids->items, kids->count);
	return *ret_pred == NULL ? too_large(p) : TSN_OK;
}

static enum tsn_code
parse_bound(struct tsn_qparse *p, struct tsn_term *ret_term)
{
	tsn_scan_blank(p);
	if (tsn_scan_peek(p, 0) == '"')
		return tsn_scan_quoted(p, ret_term);
	return tsn_scan_term(p, RANGE_STOP, ret_term);
}

static enum tsn_code
parse_range(struct tsn_qparse *p, struct tsn_slice field, const struct tsn_pred **ret_pred)
{
	struct tsn_term low, high;
	uint32_t flags = tsn_scan_peek(p, 0) == '{' ? TSN_ATOM_OPEN_LOW : 0;

	p->at++;
	TSN_TRY(parse_bound(p, &low));
	if (!tsn_scan_word(p, "to"))
		return tsn_scan_expected(p, "\"to\" between the bounds of the range");
	TSN_TRY(parse_bound(p, &high));
	if (tsn_scan_char(p, '}'))
		flags |= TSN_ATOM_OPEN_HIGH;
	else if (!tsn_scan_char(p, ']'))
		return tsn_scan_expected(p, "']' or '}' at the end of the range");
	return tsn_literal_range(p, field, &low, &high, flags, ret_pred);
}

static enum tsn_code
put_regex(struct tsn_qparse *p, struct tsn_slice field, size_t at, struct tsn_slice regex,
    uint32_t flags, const struct tsn_pred **ret_pred)
{
	*ret_pred = tsn_pred_atom(p->arena, &(struct tsn_atom){.field = field, .op = TSN_ATOM_REGEX,
	    .value = regex, .flags = flags, .at = at});
	return *ret_pred == NULL ? too_large(p) : TSN_OK;
}

/* One value of a known field: quoted, range, regex or word, with an order before it or not. */
static enum tsn_code
parse_value(struct tsn_qparse *p, struct tsn_slice field, enum tsn_compare compare,
    const struct tsn_pred **ret_pred)
{
	struct tsn_slice regex;
	struct tsn_term term;
	uint32_t flags;
	size_t at;
	char c;

	tsn_scan_blank(p);
	at = p->at;
	c = tsn_scan_peek(p, 0);
	if (c == '\0' || c == ')' || c == '|')
		return tsn_scan_expected(p, "a value (quote a text that has blanks or signs)");
	if (c == '"') {
		TSN_TRY(tsn_scan_quoted(p, &term));
		return tsn_literal_compare(p, field, compare, &term, ret_pred);
	}
	if (compare == TSN_CMP_MATCH && (c == '[' || c == '{'))
		return parse_range(p, field, ret_pred);
	if (compare == TSN_CMP_MATCH && c == '/' && tsn_scan_regex(p, &regex, &flags))
		return put_regex(p, field, at, regex, flags, ret_pred);
	if (compare == TSN_CMP_MATCH && (c == '<' || c == '>')) {
		bool equal = tsn_scan_peek(p, 1) == '=';

		p->at += equal ? 2 : 1;
		return parse_value(p, field, c == '<' ? (equal ? TSN_CMP_LE : TSN_CMP_LT) :
		    (equal ? TSN_CMP_GE : TSN_CMP_GT), ret_pred);
	}
	TSN_TRY(tsn_scan_term(p, VALUE_STOP, &term));
	return tsn_literal_compare(p, field, compare, &term, ret_pred);
}

/* Takes the operator behind a field name; false when there is none. */
static bool
take_compare(struct tsn_qparse *p, enum tsn_compare *ret_compare)
{
	static const struct {
		const char *text;
		enum tsn_compare compare;
	} ops[] = {{"==", TSN_CMP_EQ}, {"!=", TSN_CMP_NE}, {"<=", TSN_CMP_LE}, {">=", TSN_CMP_GE},
	    {":", TSN_CMP_MATCH}, {"=", TSN_CMP_MATCH}, {"<", TSN_CMP_LT}, {">", TSN_CMP_GT}};
	struct tsn_qparse q = *p;

	tsn_scan_blank(&q);
	for (size_t i = 0; i < TSN_COUNT(ops); i++) {
		size_t n = strlen(ops[i].text);

		if (!tsn_slice_starts(tsn_slice_from(q.text, q.at), (struct tsn_slice){ops[i].text, n}))
			continue;
		p->at = q.at + n;
		*ret_compare = ops[i].compare;
		return true;
	}
	return false;
}

/* 12:30:01, fe80::1 and 00:1a:2b:3c:4d:5e are words, not fields of values. */
static bool
take_coloned_word(struct tsn_qparse *p, struct tsn_term *ret_term)
{
	struct tsn_slice rest = tsn_slice_from(p->text, p->at);
	unsigned colons = 0, digits = 0;
	struct tsn_ip ip;
	size_t n = 0;

	for (; n < rest.len && strchr(" \t\r\n()\"|", rest.ptr[n]) == NULL; n++) {
		if (strchr("0123456789abcdefABCDEF:.", rest.ptr[n]) == NULL)
			return false;
		colons += rest.ptr[n] == ':';
		digits += rest.ptr[n] >= '0' && rest.ptr[n] <= '9';
	}
	if (colons == 0 || (digits + colons < n && colons != 5 &&
	    tsn_ip_parse((struct tsn_slice){rest.ptr, n}, &ip) != TSN_OK))
		return false;
	*ret_term = (struct tsn_term){.pattern = {rest.ptr, n}, .at = p->at};
	p->at += n;
	return true;
}

static enum tsn_code
parse_name(struct tsn_qparse *p, struct tsn_term *ret_term)
{
	char c = tsn_scan_peek(p, 0);

	if (c == '"')
		return tsn_scan_quoted(p, ret_term);
	if (c == '\0' || strchr(NAME_STOP, c) != NULL || tsn_scan_is_word(p, "and") ||
	    tsn_scan_is_word(p, "or"))
		return tsn_scan_expected(p, "a word, a \"phrase\", field:value or '('");
	return tsn_scan_term(p, NAME_STOP, ret_term);
}

/* A bare word, a phrase, or field <op> value. */
static enum tsn_code
parse_leaf(struct tsn_qparse *p, const struct tsn_pred **ret_pred)
{
	enum tsn_compare compare;
	struct tsn_slice regex;
	struct tsn_path path;
	struct tsn_term name;
	uint32_t flags;
	size_t at;

	tsn_scan_blank(p);
	at = p->at;
	if (take_coloned_word(p, &name))
		return tsn_literal_word(p, TSN_SLICE_NONE, &name, ret_pred);
	if (tsn_scan_peek(p, 0) == '/' && tsn_scan_regex(p, &regex, &flags))
		return put_regex(p, TSN_SLICE("event.original"), at, regex, flags, ret_pred);
	TSN_TRY(parse_name(p, &name));
	if (!take_compare(p, &compare)) {
		if (name.wild && name.pattern.len == 1 && name.pattern.ptr[0] == TSN_WILD_MANY) {
			*ret_pred = tsn_pred_const(p->arena, true);
			return *ret_pred == NULL ? too_large(p) : TSN_OK;
		}
		return tsn_literal_word(p, TSN_SLICE_NONE, &name, ret_pred);
	}
	if (name.wild)
		TSN_QFAIL(p, TSN_EPARSE, at, "expected a field name without wildcards before the operator");
	TSN_TRY(tsn_scan_path(p, name.pattern, at, &path));
	if (compare == TSN_CMP_MATCH && tsn_scan_char(p, '(')) {
		TSN_TRY(parse_or(p, name.pattern, ret_pred));
		return tsn_scan_char(p, ')') ? TSN_OK : tsn_scan_expected(p, "')'");
	}
	return parse_value(p, name.pattern, compare, ret_pred);
}

static enum tsn_code
parse_not(struct tsn_qparse *p, struct tsn_slice field, const struct tsn_pred **ret_pred)
{
	enum tsn_code code;

	if (++p->depth > TSN_NESTING_MAX)
		TSN_QFAIL(p, TSN_ELIMIT, p->at, "more than %u levels of nesting", TSN_NESTING_MAX);
	tsn_scan_blank(p);
	if (tsn_scan_word(p, "not") || (tsn_scan_peek(p, 0) == '!' && tsn_scan_char(p, '!'))) {
		TSN_TRY(parse_not(p, field, ret_pred));
		*ret_pred = tsn_pred_not(p->arena, *ret_pred);
		code = *ret_pred == NULL ? too_large(p) : TSN_OK;
	} else if (tsn_scan_char(p, '(')) {
		TSN_TRY(parse_or(p, field, ret_pred));
		code = tsn_scan_char(p, ')') ? TSN_OK : tsn_scan_expected(p, "')'");
	} else if (field.len > 0) {
		code = parse_value(p, field, TSN_CMP_MATCH, ret_pred);
	} else {
		code = parse_leaf(p, ret_pred);
	}
	p->depth--;
	return code;
}

static bool
take_and(struct tsn_qparse *p)
{
	tsn_scan_blank(p);
	if (tsn_scan_peek(p, 0) == '&' && tsn_scan_peek(p, 1) == '&') {
		p->at += 2;
		return true;
	}
	return tsn_scan_word(p, "and");
}

static bool
at_or(const struct tsn_qparse *p)
{
	struct tsn_qparse q = *p;

	tsn_scan_blank(&q);
	return (tsn_scan_peek(&q, 0) == '|' && tsn_scan_peek(&q, 1) == '|') ||
	    tsn_scan_is_word(&q, "or");
}

static bool
at_end(struct tsn_qparse *p)
{
	char c;

	tsn_scan_blank(p);
	c = tsn_scan_peek(p, 0);
	return p->at == p->text.len || c == ')' || (c == '|' && tsn_scan_peek(p, 1) != '|');
}

static enum tsn_code
parse_and(struct tsn_qparse *p, struct tsn_slice field, const struct tsn_pred **ret_pred)
{
	struct kids kids = {0};
	const struct tsn_pred *kid;

	TSN_TRY(parse_not(p, field, &kid));
	TSN_TRY(add_kid(p, &kids, kid));
	while (take_and(p) || (!at_end(p) && !at_or(p))) {
		TSN_TRY(parse_not(p, field, &kid));
		TSN_TRY(add_kid(p, &kids, kid));
	}
	return end_group(p, TSN_PRED_AND, &kids, ret_pred);
}

static enum tsn_code
parse_or(struct tsn_qparse *p, struct tsn_slice field, const struct tsn_pred **ret_pred)
{
	struct kids kids = {0};
	const struct tsn_pred *kid;

	TSN_TRY(parse_and(p, field, &kid));
	TSN_TRY(add_kid(p, &kids, kid));
	while (at_or(p)) {
		if (!tsn_scan_word(p, "or")) {
			tsn_scan_blank(p);
			p->at += 2;
		}
		TSN_TRY(parse_and(p, field, &kid));
		TSN_TRY(add_kid(p, &kids, kid));
	}
	return end_group(p, TSN_PRED_OR, &kids, ret_pred);
}

enum tsn_code
tsn_filter_parse(struct tsn_qparse *p, const struct tsn_pred **ret_pred)
{
	if (at_end(p) && tsn_scan_peek(p, 0) != ')') {
		*ret_pred = tsn_pred_const(p->arena, true);
		return *ret_pred == NULL ? too_large(p) : TSN_OK;
	}
	TSN_TRY(parse_or(p, TSN_SLICE_NONE, ret_pred));
	if (!at_end(p) || tsn_scan_peek(p, 0) == ')')
		return tsn_scan_expected(p, "'|' or the end of the query");
	return TSN_OK;
}
