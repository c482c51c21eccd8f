#include "codec/utf8.h"

/* Bytes that may follow a lead byte: count, and the range of the first of them. */
static inline unsigned
lead(unsigned char c, unsigned char *ret_low, unsigned char *ret_high)
{
	*ret_low = 0x80;
	*ret_high = 0xbf;
	if (c >= 0xc2 && c <= 0xdf)
		return 1;
	if (c >= 0xe0 && c <= 0xef) {
		if (c == 0xe0)
			*ret_low = 0xa0;
		else if (c == 0xed)
			*ret_high = 0x9f;
		return 2;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		if (c == 0xf0)
			*ret_low = 0x90;
		else if (c == 0xf4)
			*ret_high = 0x8f;
		return 3;
	}
	return 0;
}

unsigned
tsn_utf8_decode(const char *p, const char *end, uint32_t *ret_code)
{
	const unsigned char *u = (const unsigned char *)p;
	unsigned char low, high;
	unsigned more;
	uint32_t code;

	*ret_code = TSN_UTF8_REPLACEMENT;
	if (u[0] < 0x80) {
		*ret_code = u[0];
		return 1;
	}
	more = lead(u[0], &low, &high);
	if (more == 0 || (size_t)(end - p) <= more || u[1] < low || u[1] > high)
		return 0;
	code = (uint32_t)u[0] & (0x3fu >> more);
	for (unsigned i = 1; i <= more; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (u[i] & 0x3fu);
	}
	*ret_code = code;
	return more + 1;
}

bool
tsn_utf8_valid(struct tsn_slice s)
{
	const char *p = s.ptr, *end = s.len == 0 ? p : p + s.len;
	uint32_t code;

	while (p < end) {
		unsigned n;

		if (end - p >= 8) {
			uint64_t word;

			memcpy(&word, p, sizeof word);
			if ((word & UINT64_C(0x8080808080808080)) == 0) {
				p += 8;
				continue;
			}
		}
		n = tsn_utf8_decode(p, end, &code);
		if (n == 0)
			return false;
		p += n;
	}
	return true;
}

unsigned
tsn_utf8_encode(uint32_t code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | (code >> 18 & 7));
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}
