/* Values of rules as patterns, and the transformations of modifiers. */
#include "base/assert.h"
#include "codec/base64.h"
#include "rule/load_int.h"

/* Patterns one value may become: 5 dashes at 4 places. */
#define EXPANSION_MAX 1024u

enum tsn_code
tsn_rule_int_push(struct tsn_arena *a, struct patterns *p, struct tsn_slice item)
{
	if (p->count == p->cap) {
		uint32_t cap = p->cap == 0 ? 4 : 2 * p->cap;
		struct tsn_slice *items = tsn_arena_alloc(a, cap * sizeof *items);

		if (items == NULL)
			return TSN_ENOMEM;
		if (p->count > 0)
			memcpy(items, p->items, p->count * sizeof *items);
		p->items = items;
		p->cap = cap;
	}
	p->items[p->count++] = item;
	return TSN_OK;
}

/*
 * Sigma text to a pattern: '*' and '?' are wildcards; a backslash takes its meaning from '*', '?'
 * and from another backslash, and is itself elsewhere.
 */
enum tsn_code
tsn_rule_int_unescape(struct tsn_arena *a, struct tsn_slice text, struct tsn_slice *ret_pattern)
{
	char *out = tsn_arena_alloc(a, text.len + 1);
	size_t n = 0;

	if (out == NULL)
		return TSN_ENOMEM;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '*')
			c = TSN_WILD_MANY;
		else if (c == '?')
			c = TSN_WILD_ONE;
		else if (c == '\\' && i + 1 < text.len &&
		    (text.ptr[i + 1] == '\\' || text.ptr[i + 1] == '*' || text.ptr[i + 1] == '?'))
			c = text.ptr[++i];
		/* Neighbouring '*' mean the same as one. */
		if (c == TSN_WILD_MANY && n > 0 && out[n - 1] == TSN_WILD_MANY)
			continue;
		out[n++] = c;
	}
	*ret_pattern = tsn_slice_of(out, n);
	return TSN_OK;
}

enum tsn_code
tsn_rule_int_wrap(struct tsn_arena *a, bool head, bool tail, struct tsn_slice pattern,
    struct tsn_slice *ret)
{
	char *out = tsn_arena_alloc(a, pattern.len + 2);
	size_t n = 0;

	if (out == NULL)
		return TSN_ENOMEM;
	if (head && (pattern.len == 0 || pattern.ptr[0] != TSN_WILD_MANY))
		out[n++] = TSN_WILD_MANY;
	if (pattern.len > 0)
		memcpy(out + n, pattern.ptr, pattern.len);
	n += pattern.len;
	if (tail && (n == 0 || out[n - 1] != TSN_WILD_MANY))
		out[n++] = TSN_WILD_MANY;
	*ret = tsn_slice_of(out, n);
	return TSN_OK;
}

static bool
has_wild(struct tsn_slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == TSN_WILD_MANY || s.ptr[i] == TSN_WILD_ONE)
			return true;
	return false;
}

/* Where the first placeholder %name% of text stands; false when there is none. */
static bool
find_placeholder(struct tsn_slice text, size_t *ret_begin, size_t *ret_end)
{
	for (size_t i = 0; i < text.len; i++) {
		size_t end;

		if (text.ptr[i] != '%' || (i > 0 && text.ptr[i - 1] == '\\'))
			continue;
		end = tsn_slice_find_char(tsn_slice_from(text, i + 1), '%');
		if (end == SIZE_MAX)
			return false;
		if (end == 0 || tsn_slice_find_char(tsn_slice_of(text.ptr + i + 1, end), ' ') != SIZE_MAX)
			continue;
		*ret_begin = i;
		*ret_end = i + 1 + end + 1;
		return true;
	}
	return false;
}

static const struct value_list *
find_values(const struct value_list *lists, struct tsn_slice name)
{
	while (lists != NULL && !tsn_slice_eq_nocase(lists->name, name))
		lists = lists->next;
	return lists;
}

/* One text without placeholders: \% is a percent sign. */
static enum tsn_code
push_plain(struct tsn_arena *a, struct tsn_slice text, struct patterns *out)
{
	char *plain = tsn_arena_alloc(a, text.len + 1);
	struct tsn_slice pattern;
	size_t n = 0;

	if (plain == NULL)
		return TSN_ENOMEM;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] != '\\' || i + 1 == text.len || text.ptr[i + 1] != '%')
			plain[n++] = text.ptr[i];
	TSN_TRY(tsn_rule_int_unescape(a, tsn_slice_of(plain, n), &pattern));
	return tsn_rule_int_push(a, out, pattern);
}

static enum tsn_code
expand(const struct reading *rd, struct tsn_slice text, uint32_t line, uint32_t depth,
    struct patterns *out, struct tsn_err *err)
{
	const struct value_list *list;
	struct tsn_slice name;
	size_t begin, end;
	char shown[SHOWN_MAX];

	if (out->count >= EXPANSION_MAX * 64 || depth > 8)
		TSN_FAIL_AT(err, TSN_ELIMIT, line, "placeholders expand to too many values");
	if (!find_placeholder(text, &begin, &end))
		return push_plain(rd->arena, text, out);
	name = tsn_slice_of(text.ptr + begin + 1, end - begin - 2);
	list = find_values(rd->values, name);
	if (list == NULL)
		TSN_FAIL_AT(err, SKIP, line, "no value list for the placeholder %%%s%%",
		    tsn_slice_escape(name, shown, sizeof shown));
	for (uint32_t i = 0; i < list->count; i++) {
		struct tsn_slice v = list->values[i];
		size_t n = text.len - (end - begin) + v.len;
		char *made = tsn_arena_alloc(rd->arena, n + 1);

		if (made == NULL)
			return TSN_ENOMEM;
		memcpy(made, text.ptr, begin);
		if (v.len > 0)
			memcpy(made + begin, v.ptr, v.len);
		memcpy(made + begin + v.len, text.ptr + end, text.len - end);
		TSN_TRY(expand(rd, tsn_slice_of(made, n), line, depth + 1, out, err));
	}
	return TSN_OK;
}

enum tsn_code
tsn_rule_int_expand(const struct reading *rd, struct tsn_slice text, uint32_t line,
    struct patterns *out, struct tsn_err *err)
{
	return expand(rd, text, line, 0, out, err);
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	    ((unsigned char)c >= 0x80 && c != TSN_WILD_MANY && c != TSN_WILD_ONE);
}

static const char *const dashes[] = {"-", "/", "\xe2\x80\x93", "\xe2\x80\x94", "\xe2\x80\x95"};

/* Length of a dash that introduces a word at s[i], or 0. */
static size_t
dash_at(struct tsn_slice s, size_t i)
{
	for (size_t d = 0; d < TSN_COUNT(dashes); d++) {
		struct tsn_slice dash = tsn_slice_cstr(dashes[d]);

		if (!tsn_slice_starts(tsn_slice_from(s, i), dash))
			continue;
		if ((i == 0 || !is_word(s.ptr[i - 1])) && i + dash.len < s.len &&
		    is_word(s.ptr[i + dash.len]))
			return dash.len;
	}
	return 0;
}

enum tsn_code
tsn_rule_int_windash(struct tsn_arena *a, struct tsn_slice pattern, uint32_t line,
    struct patterns *out, struct tsn_err *err)
{
	size_t places[8], lens[8], total = 1;
	uint32_t count = 0;

	for (size_t i = 0; i < pattern.len; i++) {
		size_t len = dash_at(pattern, i);

		if (len == 0)
			continue;
		total *= TSN_COUNT(dashes);
		if (count == TSN_COUNT(places) || total > EXPANSION_MAX)
			TSN_FAIL_AT(err, TSN_ELIMIT, line, "|windash: more than 4 dashes in one value");
		places[count] = i;
		lens[count++] = len;
		i += len - 1;
	}
	for (size_t combo = 0; combo < total; combo++) {
		char *made = tsn_arena_alloc(a, pattern.len + 2 * (size_t)count + 1);
		size_t n = 0, from = 0, rest = combo;

		if (made == NULL)
			return TSN_ENOMEM;
		for (uint32_t i = 0; i < count; i++, rest /= TSN_COUNT(dashes)) {
			const char *dash = dashes[rest % TSN_COUNT(dashes)];

			memcpy(made + n, pattern.ptr + from, places[i] - from);
			n += places[i] - from;
			memcpy(made + n, dash, strlen(dash));
			n += strlen(dash);
			from = places[i] + lens[i];
		}
		if (from < pattern.len)
			memcpy(made + n, pattern.ptr + from, pattern.len - from);
		n += pattern.len - from;
		TSN_TRY(tsn_rule_int_push(a, out, tsn_slice_of(made, n)));
	}
	return TSN_OK;
}

enum tsn_code
tsn_rule_int_base64(struct tsn_arena *a, struct tsn_slice pattern, bool bytes, bool offsets,
    uint32_t line, struct patterns *out, struct tsn_err *err)
{
	/* Characters to leave out: those that also depend on bytes before and behind the value. */
	static const size_t head[] = {0, 2, 3}, tail[] = {0, 3, 2};

	if (!bytes && has_wild(pattern))
		TSN_FAIL_AT(err, TSN_EINVAL, line,
		    "|base64: the value has wildcards, which cannot be encoded; escape them, and put "
		    "|contains behind the encoding");
	for (size_t shift = 0; shift < (offsets ? 3u : 1u); shift++) {
		size_t len = shift + pattern.len, n;
		char *raw = tsn_arena_calloc(a, 1, len + 1);
		char *made = tsn_arena_alloc(a, TSN_BASE64_LEN(len) + 1);

		if (raw == NULL || made == NULL)
			return TSN_ENOMEM;
		if (pattern.len > 0)
			memcpy(raw + shift, pattern.ptr, pattern.len);
		n = tsn_base64_encode(tsn_slice_of(raw, len), made);
		if (offsets) {
			n -= n < tail[len % 3] ? n : tail[len % 3];
			if (n <= head[shift])
				TSN_FAIL_AT(err, TSN_EINVAL, line,
				    "|base64offset: the value is too short to be recognised");
			made += head[shift];
			n -= head[shift];
		}
		TSN_TRY(tsn_rule_int_push(a, out, tsn_slice_of(made, n)));
	}
	return TSN_OK;
}

/* One character of valid UTF-8. */
static uint32_t
next_code(struct tsn_slice s, size_t *at)
{
	const unsigned char *p = (const unsigned char *)s.ptr + *at;
	size_t n = *p < 0x80 ? 0 : *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : 1;
	uint32_t c = n == 0 ? *p : *p & (0x3fu >> n);

	if (n >= s.len - *at)
		n = s.len - *at - 1;
	for (size_t i = 1; i <= n; i++)
		c = c << 6 | (p[i] & 0x3fu);
	*at += n + 1;
	return c;
}

static size_t
put_unit(char *out, uint32_t unit, bool big)
{
	out[big] = (char)(unit & 0xff);
	out[!big] = (char)(unit >> 8 & 0xff);
	return 2;
}

enum tsn_code
tsn_rule_int_utf16(struct tsn_arena *a, struct tsn_slice pattern, enum utf16 kind, bool encoded,
    uint32_t line, struct tsn_slice *ret, struct tsn_err *err)
{
	bool big = kind == UTF16_BE;
	char *out;
	size_t n = 0;

	if (has_wild(pattern))
		TSN_FAIL_AT(err, TSN_EINVAL, line,
		    "|utf16: the value has wildcards, which cannot be encoded; put |contains behind");
	out = tsn_arena_alloc(a, 4 * pattern.len + 4);
	if (out == NULL)
		return TSN_ENOMEM;
	if (kind == UTF16_BOM)
		n += put_unit(out, 0xfeff, false);
	for (size_t at = 0; at < pattern.len;) {
		uint32_t c = next_code(pattern, &at);

		if (c >= 0x10000) {
			c -= 0x10000;
			n += put_unit(out + n, 0xd800 + (c >> 10 & 0x3ff), big);
			n += put_unit(out + n, 0xdc00 + (c & 0x3ff), big);
		} else {
			n += put_unit(out + n, c, big);
		}
	}
	TSN_ASSERT(n <= 4 * pattern.len + 4);
	*ret = tsn_slice_of(out, n);
	/* Bytes 0xfe and 0xff mean wildcards unless an encoding follows. */
	if (!encoded && has_wild(*ret))
		TSN_FAIL_AT(err, TSN_EINVAL, line,
		    "|utf16: these characters can be searched in base64 only");
	return TSN_OK;
}
