#include "codec/hex.h"
#include "codec/utf8.h"
#include "parse/web.h"

/* Who hides an attack encodes it twice; more often, and servers give up too. */
#define PASSES 3

/* The number of n hexadecimal digits at p, or -1. */
static int32_t
hex_number(const char *p, const char *end, unsigned n)
{
	int32_t number = 0;

	if (end - p < (ptrdiff_t)n)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		int digit = tsn_hex_digit(p[i]);

		if (digit < 0)
			return -1;
		number = number << 4 | digit;
	}
	return number;
}

/* One pass over text of length len, in place: %XX and the %uXXXX of old IIS.  Returns the new
 * length; what is no escape stays. */
static size_t
decode_pass(char *text, size_t len)
{
	const char *p = text, *end = text + len;
	char *to = text;

	while (p < end) {
		int32_t number;

		if (*p != '%') {
			*to++ = *p++;
		} else if ((number = hex_number(p + 1, end, 2)) >= 0) {
			*to++ = (char)number;
			p += 3;
		} else if (end - p >= 6 && tsn_lower(p[1]) == 'u' &&
		    (number = hex_number(p + 2, end, 4)) >= 0 && (number & 0xf800) != 0xd800) {
			to += tsn_utf8_encode((uint32_t)number, to);
			p += 6;
		} else {
			*to++ = *p++;
		}
	}
	return (size_t)(to - text);
}

/* A value of an event is UTF-8: bytes that are none go back to %XX. */
static struct tsn_slice
keep_utf8(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *p = v.ptr, *end = v.ptr + v.len;
	char *out, *to;

	if (tsn_utf8_valid(v))
		return v;
	to = out = tsn_arena_alloc(&ctx->batch->arena, v.len * 3);
	if (out == NULL)
		return TSN_SLICE_NONE;
	while (p < end) {
		uint32_t code;
		unsigned n = tsn_utf8_decode(p, end, &code);

		if (n == 0) {
			*to++ = '%';
			*to++ = digits[(unsigned char)*p >> 4];
			*to++ = digits[(unsigned char)*p++ & 15];
		}
		while (n-- > 0)
			*to++ = *p++;
	}
	return tsn_slice_of(out, (size_t)(to - out));
}

void
tsn_web_put_decoded(struct tsn_parse_ctx *ctx, struct tsn_slice url)
{
	size_t query = tsn_slice_find_char(url, '?'), len = url.len;
	bool plus = query != SIZE_MAX &&
	    tsn_slice_find_char(tsn_slice_from(url, query), '+') != SIZE_MAX;
	char *text;

	if (!plus && tsn_slice_find_char(url, '%') == SIZE_MAX)
		return;
	text = tsn_arena_alloc(&ctx->batch->arena, len);
	if (text == NULL)
		return;
	memcpy(text, url.ptr, len);
	for (size_t i = plus ? query : len; i < len; i++)
		if (text[i] == '+')
			text[i] = ' ';
	for (unsigned pass = 0; pass < PASSES; pass++) {
		size_t before = len;

		len = decode_pass(text, len);
		if (len == before)
			break;
	}
	if (len < url.len || plus)
		tsn_put_some(ctx, TSN_F_URL_DECODED, keep_utf8(ctx, tsn_slice_of(text, len)));
}
