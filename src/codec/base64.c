#include "codec/base64.h"

size_t
tsn_base64_encode(struct tsn_slice s, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)s.ptr;
	char *at = out;
	size_t i = 0;

	for (; i + 3 <= s.len; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];

		*at++ = digits[v >> 18];
		*at++ = digits[v >> 12 & 63];
		*at++ = digits[v >> 6 & 63];
		*at++ = digits[v & 63];
	}
	if (i < s.len) {
		bool two = s.len - i == 2;
		uint32_t v = (uint32_t)p[i] << 16 | (two ? (uint32_t)p[i + 1] << 8 : 0);

		*at++ = digits[v >> 18];
		*at++ = digits[v >> 12 & 63];
		*at++ = (char)(two ? digits[v >> 6 & 63] : '=');
		*at++ = '=';
	}
	return (size_t)(at - out);
}

static int
value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

enum tsn_code
tsn_base64_decode(struct tsn_slice s, char *out, size_t *ret_len)
{
	uint32_t bits = 0;
	unsigned held = 0;
	char *at = out;

	if (s.len % 4 == 0)
		for (unsigned i = 0; i < 2 && s.len > 0 && s.ptr[s.len - 1] == '='; i++)
			s.len--;
	if (s.len % 4 == 1)
		return TSN_EPARSE;
	for (size_t i = 0; i < s.len; i++) {
		int v = value(s.ptr[i]);

		if (v < 0)
			return TSN_EPARSE;
		bits = (bits << 6 | (uint32_t)v) & 0xffffff;
		held += 6;
		if (held >= 8) {
			held -= 8;
			*at++ = (char)(bits >> held & 0xff);
		}
	}
	if ((bits & ((1u << held) - 1)) != 0)
		return TSN_EPARSE;
	*ret_len = (size_t)(at - out);
	return TSN_OK;
}
