/* Characters of the query language: blanks, words, quoted texts, regexes. */
#include <string.h>

#include "base/assert.h"
#include "base/num.h"
#include "query/parse_int.h"

#define ESCAPABLE "\\\"'*?()[]{}:|/<>=!, \t"

char
tsn_scan_peek(const struct tsn_qparse *p, size_t ahead)
{
	return ahead < p->text.len - p->at ? p->text.ptr[p->at + ahead] : '\0';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void
tsn_scan_blank(struct tsn_qparse *p)
{
	TSN_ASSERT(p->at <= p->text.len);
	while (p->at < p->text.len && is_blank(p->text.ptr[p->at]))
		p->at++;
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	    c == '.' || c == '@' || c == '-' || c == '*' || c == '?' || (unsigned char)c >= 0x80;
}

bool
tsn_scan_is_word(const struct tsn_qparse *p, const char *word)
{
	struct tsn_qparse q = *p;
	size_t n = strlen(word);
	char next;

	tsn_scan_blank(&q);
	if (q.text.len - q.at < n ||
	    !tsn_slice_eq_nocase((struct tsn_slice){q.text.ptr + q.at, n}, (struct tsn_slice){word, n}))
		return false;
	next = tsn_scan_peek(&q, n);
	/* and:x, and=x are fields of that name */
	return !is_name_char(next) && next != ':' && next != '=';
}

bool
tsn_scan_word(struct tsn_qparse *p, const char *word)
{
	if (!tsn_scan_is_word(p, word))
		return false;
	tsn_scan_blank(p);
	p->at += strlen(word);
	return true;
}

bool
tsn_scan_char(struct tsn_qparse *p, char c)
{
	tsn_scan_blank(p);
	if (p->at >= p->text.len || p->text.ptr[p->at] != c)
		return false;
	p->at++;
	return true;
}

static void
put_utf8(char *out, size_t *n, uint64_t c)
{
	if (c < 0x80) {
		out[(*n)++] = (char)c;
	} else if (c < 0x800) {
		out[(*n)++] = (char)(0xc0 | c >> 6);
		out[(*n)++] = (char)(0x80 | (c & 0x3f));
	} else {
		out[(*n)++] = (char)(0xe0 | c >> 12);
		out[(*n)++] = (char)(0x80 | (c >> 6 & 0x3f));
		out[(*n)++] = (char)(0x80 | (c & 0x3f));
	}
}

/* \n \r \t \uXXXX at `s`: appends the character, returns the length of the escape, 0 for none. */
static size_t
named_escape(struct tsn_slice s, char *out, size_t *n)
{
	uint64_t c;

	if (s.len < 2)
		return 0;
	switch (s.ptr[1]) {
	case 'n':
		out[(*n)++] = '\n';
		return 2;
	case 'r':
		out[(*n)++] = '\r';
		return 2;
	case 't':
		out[(*n)++] = '\t';
		return 2;
	case 'u':
		if (s.len < 6 || s.ptr[3] == 'x' || s.ptr[3] == 'X' ||
		    tsn_num_parse_hex((struct tsn_slice){s.ptr + 2, 4}, &c) != TSN_OK || c == 0 ||
		    (c >= 0xd800 && c < 0xe000))
			return 0;
		put_utf8(out, n, c);
		return 6;
	default:
		return 0;
	}
}

/* Bytes up to the closing quote; rest.len when there is none. */
static size_t
quoted_len(struct tsn_slice rest)
{
	size_t at = 1;

	while (at < rest.len && rest.ptr[at] != rest.ptr[0])
		at += rest.ptr[at] == '\\' && at + 1 < rest.len && (rest.ptr[at + 1] == rest.ptr[0] ||
		    rest.ptr[at + 1] == '\\') ? 2 : 1;
	return at < rest.len ? at : rest.len;
}

/*
 * People paste paths ("C:\new") and programs write JSON ("a\nb"): a backslash before a letter is
 * read both ways, and either matches.
 */
enum tsn_code
tsn_scan_quoted(struct tsn_qparse *p, struct tsn_term *ret_term)
{
	struct tsn_slice rest = tsn_slice_from(p->text, p->at);
	char quote = rest.ptr[0];
	size_t n = 0, m = 0, at = 1, len = quoted_len(rest);
	char *plain = tsn_arena_alloc(p->arena, len), *other = tsn_arena_alloc(p->arena, len);
	bool named = false;

	TSN_ASSERT(quote == '"' || quote == '\'');
	if (plain == NULL || other == NULL)
		TSN_QFAIL(p, TSN_ELIMIT, p->at, "the query is too long");
	while (at < rest.len && rest.ptr[at] != quote) {
		size_t skip = 0;

		if (rest.ptr[at] == '\\' && at + 1 < rest.len &&
		    (rest.ptr[at + 1] == quote || rest.ptr[at + 1] == '\\')) {
			at++;
		} else if (rest.ptr[at] == '\\') {
			skip = named_escape(tsn_slice_from(rest, at), other, &m);
		}
		if (skip > 0) {
			named = true;
			memcpy(plain + n, rest.ptr + at, skip);
			n += skip;
			at += skip;
			continue;
		}
		plain[n++] = rest.ptr[at];
		other[m++] = rest.ptr[at++];
	}
	if (at >= rest.len)
		TSN_QFAIL(p, TSN_EPARSE, p->at, "expected a closing %c for this one", quote);
	*ret_term = (struct tsn_term){.pattern = {plain, n}, .at = p->at, .quoted = true};
	if (named)
		ret_term->other = (struct tsn_slice){other, m};
	p->at += at + 1;
	return TSN_OK;
}

enum tsn_code
tsn_scan_term(struct tsn_qparse *p, const char *stop, struct tsn_term *ret_term)
{
	struct tsn_slice rest = tsn_slice_from(p->text, p->at);
	size_t n = 0, at = 0, len = 0;
	bool wild = false;
	char *out;

	while (len < rest.len && !is_blank(rest.ptr[len]) && strchr(stop, rest.ptr[len]) == NULL)
		len += rest.ptr[len] == '\\' && len + 1 < rest.len ? 2 : 1;
	out = tsn_arena_alloc(p->arena, len + 1);
	if (out == NULL)
		TSN_QFAIL(p, TSN_ELIMIT, p->at, "the query is too long");
	for (; at < rest.len && !is_blank(rest.ptr[at]) && strchr(stop, rest.ptr[at]) == NULL; at++) {
		char c = rest.ptr[at];

		if (c == '\\' && at + 1 < rest.len && rest.ptr[at + 1] != '\0' &&
		    strchr(ESCAPABLE, rest.ptr[at + 1]) != NULL) {
			c = rest.ptr[++at];
		} else if (c == '*' || c == '?') {
			c = c == '*' ? TSN_WILD_MANY : TSN_WILD_ONE;
			wild = true;
		}
		out[n++] = c;
	}
	if (at == 0)
		return tsn_scan_expected(p, "a word or a value");
	*ret_term = (struct tsn_term){.pattern = {out, n}, .at = p->at, .wild = wild};
	p->at += at;
	return TSN_OK;
}

static bool
ends_value(char c)
{
	return c == '\0' || is_blank(c) || c == ')' || c == '|' || c == ',';
}

/* The place of the '/' that ends the regex begun at rest[0], and behind its flags. */
static size_t
find_regex_end(struct tsn_slice rest, size_t *ret_behind, uint32_t *ret_flags)
{
	bool colon = false;

	for (size_t at = 1; at < rest.len; at++) {
		size_t behind = at + 1;
		uint32_t flags = 0;
		bool begins = colon;

		colon = rest.ptr[at] == ':';
		if (rest.ptr[at] == '\\') {
			at++;
			continue;
		}
		/* "path:/a or path:/i" holds no regex: a '/' right behind ':' begins one */
		if (rest.ptr[at] != '/' || begins)
			continue;
		for (; behind < rest.len && strchr("ims", rest.ptr[behind]) != NULL; behind++)
			flags |= rest.ptr[behind] == 'i' ? TSN_ATOM_RE_I :
			    rest.ptr[behind] == 'm' ? TSN_ATOM_RE_M : TSN_ATOM_RE_S;
		if (behind < rest.len && !ends_value(rest.ptr[behind]))
			continue;
		*ret_behind = behind;
		*ret_flags = flags;
		return at;
	}
	return SIZE_MAX;
}

bool
tsn_scan_regex(struct tsn_qparse *p, struct tsn_slice *ret_regex, uint32_t *ret_flags)
{
	struct tsn_slice rest = tsn_slice_from(p->text, p->at);
	size_t behind = 0, end, n = 0;
	char *out;

	TSN_ASSERT(rest.len > 0 && rest.ptr[0] == '/');
	end = find_regex_end(rest, &behind, ret_flags);
	if (end == SIZE_MAX || end == 1)
		return false;
	out = tsn_arena_alloc(p->arena, end);
	if (out == NULL)
		return false;
	for (size_t at = 1; at < end; at++) {
		if (rest.ptr[at] == '\\' && rest.ptr[at + 1] == '/')
			at++;
		else if (rest.ptr[at] == '\\' && at + 1 < end)
			out[n++] = rest.ptr[at++];
		out[n++] = rest.ptr[at];
	}
	*ret_regex = (struct tsn_slice){out, n};
	p->at += behind;
	return true;
}

bool
tsn_scan_u64(struct tsn_qparse *p, uint64_t *ret_n)
{
	size_t n = 0;

	tsn_scan_blank(p);
	while (tsn_scan_peek(p, n) >= '0' && tsn_scan_peek(p, n) <= '9')
		n++;
	if (tsn_num_parse_u64((struct tsn_slice){p->text.ptr + p->at, n}, ret_n) != TSN_OK)
		return false;
	p->at += n;
	return true;
}

enum tsn_code
tsn_scan_expected(struct tsn_qparse *p, const char *what)
{
	struct tsn_slice rest;
	char shown[48];
	size_t n = 0;

	tsn_scan_blank(p);
	rest = tsn_slice_from(p->text, p->at);
	if (rest.len == 0)
		TSN_QFAIL(p, TSN_EPARSE, p->at, "expected %s, found the end of the query", what);
	while (n < rest.len && n < 20 && !is_blank(rest.ptr[n]))
		n++;
	(void)tsn_slice_escape((struct tsn_slice){rest.ptr, n}, shown, sizeof shown);
	TSN_QFAIL(p, TSN_EPARSE, p->at, "expected %s, found \"%s\"", what, shown);
}

/* The name without "[0]". */
static bool
is_known(const struct tsn_keys *keys, struct tsn_slice name)
{
	char plain[TSN_KEY_BYTES_MAX];
	bool index = false;
	size_t n = 0;

	for (size_t i = 0; i < name.len && n < sizeof plain; i++) {
		index |= name.ptr[i] == '[';
		if (!index)
			plain[n++] = name.ptr[i];
		index &= name.ptr[i] != ']';
	}
	return tsn_keys_find(keys, (struct tsn_slice){plain, n}) != TSN_KEY_NONE;
}

enum tsn_code
tsn_scan_path(struct tsn_qparse *p, struct tsn_slice name, size_t at, struct tsn_path *ret_path)
{
	enum tsn_code code;

	if (tsn_keys_count(p->keys) > TSN_KEYS_MAX / 4 * 3 && !is_known(p->keys, name))
		TSN_QFAIL(p, TSN_ELIMIT, at, "expected a field that some event has: too many names are "
		    "known to take a new one");
	code = tsn_path_parse(p->keys, name, ret_path, p->err);
	if (code != TSN_OK && p->err != NULL)
		p->err->pos = at + (p->err->pos == TSN_POS_NONE ? 0 : p->err->pos);
	return code;
}
