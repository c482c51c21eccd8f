#include "collect/cursor.h"

#include <stdio.h>

static const char letters[] = "sibmtx";

static bool
hex_digit(char c, unsigned *ret)
{
	if (c >= '0' && c <= '9')
		*ret = (unsigned)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*ret = (unsigned)(c - 'a') + 10;
	else
		return false;
	return true;
}

/* 1 to 16 digits, or exactly 32 for the halves of an id. */
static bool
read_hex(struct tsn_slice text, bool wide, uint64_t out[2])
{
	out[0] = out[1] = 0;
	if (text.len == 0 || text.len > (wide ? 32u : 16u) || (wide && text.len != 32))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned d;
		uint64_t *half = &out[wide && i >= 16];

		if (!hex_digit(text.ptr[i], &d))
			return false;
		*half = *half << 4 | d;
	}
	return true;
}

enum tsn_code
tsn_cursor_parse(struct tsn_slice text, struct tsn_cursor *ret)
{
	struct tsn_cursor c = {0};
	size_t n = 0;

	for (size_t i = 0; i < sizeof letters - 1; i++) {
		size_t end = tsn_slice_find_char(text, ';');
		struct tsn_slice part = end == SIZE_MAX ? text : tsn_slice_of(text.ptr, end);
		bool wide = letters[i] == 's' || letters[i] == 'b';
		uint64_t v[2];

		if (part.len < 3 || part.ptr[0] != letters[i] || part.ptr[1] != '=' ||
		    !read_hex(tsn_slice_from(part, 2), wide, v) ||
		    (end == SIZE_MAX) != (i == sizeof letters - 2))
			return TSN_EPARSE;
		c.n[n++] = v[0];
		if (wide)
			c.n[n++] = v[1];
		text = tsn_slice_from(text, end == SIZE_MAX ? text.len : end + 1);
	}
	*ret = c;
	return TSN_OK;
}

struct tsn_slice
tsn_cursor_format(const struct tsn_cursor *c, char out[TSN_CURSOR_TEXT_MAX])
{
	const unsigned long long n[TSN_CURSOR_NUMBERS] = {c->n[0], c->n[1], c->n[2], c->n[3], c->n[4],
		c->n[5], c->n[6], c->n[7]};
	int len = snprintf(out, TSN_CURSOR_TEXT_MAX,
	    "s=%016llx%016llx;i=%llx;b=%016llx%016llx;m=%llx;t=%llx;x=%llx", n[0], n[1], n[2], n[3],
	    n[4], n[5], n[6], n[7]);

	return tsn_slice_of(out, (size_t)len);
}

enum tsn_code
tsn_cursor_of_entry(struct tsn_slice json, struct tsn_cursor *ret)
{
	/* journald never lets an entry set fields that begin with two underscores. */
	size_t at = tsn_slice_find(json, TSN_SLICE("\"__CURSOR\"")), end;

	if (at == SIZE_MAX)
		return TSN_ENOTFOUND;
	json = tsn_slice_from(json, at + sizeof "\"__CURSOR\"" - 1);
	while (json.len > 0 && (json.ptr[0] == ' ' || json.ptr[0] == ':'))
		json = tsn_slice_from(json, 1);
	if (json.len == 0 || json.ptr[0] != '"')
		return TSN_ENOTFOUND;
	json = tsn_slice_from(json, 1);
	end = tsn_slice_find_char(json, '"');
	return end == SIZE_MAX ? TSN_ENOTFOUND : tsn_cursor_parse(tsn_slice_of(json.ptr, end), ret);
}
