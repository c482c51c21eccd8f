#include "store/tmpl_int.h"

#include "codec/hex.h"

/* Four digits at *at. */
static int32_t
unit_of(struct tsn_slice s, size_t at)
{
	int32_t v = 0;

	if (s.len - at < 4)
		return -1;
	for (size_t i = at; i < at + 4; i++) {
		int d = tsn_hex_digit(s.ptr[i]);

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

static size_t
put_utf8(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* \\uXXXX at *at (behind the u), with its second half; moves *at behind it; 0 when malformed. */
static size_t
unescape_unit(struct tsn_slice s, size_t *at, char out[4])
{
	int32_t unit = unit_of(s, *at), low;

	if (unit < 0)
		return 0;
	*at += 4;
	if (unit < 0xd800 || unit > 0xdfff)
		return put_utf8((uint32_t)unit, out);
	if (unit > 0xdbff || s.len - *at < 6 || s.ptr[*at] != '\\' || s.ptr[*at + 1] != 'u')
		return 0;
	low = unit_of(s, *at + 2);
	if (low < 0xdc00 || low > 0xdfff)
		return 0;
	*at += 6;
	return put_utf8(0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00), out);
}

static char
simple(char c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case '"':
	case '\\':
	case '/':
		return c;
	default:
		return 0;
	}
}

/* No escape is shorter than what it stands for, so the text fits where the inside did. */
size_t
tmpl_unescape(struct tsn_slice s, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len;) {
		const char *slash = memchr(s.ptr + i, '\\', s.len - i);
		size_t run = slash == NULL ? s.len - i : (size_t)(slash - s.ptr) - i;
		char c;

		memcpy(out + n, s.ptr + i, run);
		n += run;
		i += run;
		if (slash == NULL)
			break;
		if (s.len - i < 2)
			return SIZE_MAX;
		c = s.ptr[i + 1];
		i += 2;
		if (c == 'u') {
			size_t k = unescape_unit(s, &i, out + n);

			if (k == 0)
				return SIZE_MAX;
			n += k;
			continue;
		}
		c = simple(c);
		if (c == 0)
			return SIZE_MAX;
		out[n++] = c;
	}
	return n;
}
