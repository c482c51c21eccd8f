#include "codec/hex.h"

void
tsn_hex_encode(struct tsn_slice s, bool upper, char *out)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		*out++ = digits[c >> 4];
		*out++ = digits[c & 15];
	}
}

enum tsn_code
tsn_hex_decode(struct tsn_slice s, char *out)
{
	if (s.len % 2 != 0)
		return TSN_EPARSE;
	for (size_t i = 0; i < s.len; i += 2) {
		int high = tsn_hex_digit(s.ptr[i]), low = tsn_hex_digit(s.ptr[i + 1]);

		if (high < 0 || low < 0)
			return TSN_EPARSE;
		*out++ = (char)(high << 4 | low);
	}
	return TSN_OK;
}
