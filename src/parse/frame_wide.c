#include "parse/frame_int.h"

static unsigned
utf8_put(char out[4], uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

unsigned
tsn_frame_wide_char(bool big, const unsigned char *p, unsigned len, bool end, char out[4],
    unsigned *ret_len)
{
	unsigned lo = big, hi = !big, used = 2;
	uint32_t c, d;

	if (len < 2)
		return 0;
	c = (uint32_t)p[lo] | (uint32_t)p[hi] << 8;
	if (c >= 0xd800 && c <= 0xdbff) {
		if (len < 4 && !end)
			return 0;
		d = len < 4 ? 0 : (uint32_t)p[2 + lo] | (uint32_t)p[2 + hi] << 8;
		if (d >= 0xdc00 && d <= 0xdfff) {
			c = 0x10000 + ((c & 0x3ff) << 10) + (d & 0x3ff);
			used = 4;
		} else {
			c = 0xfffd;
		}
	} else if (c >= 0xdc00 && c <= 0xdfff) {
		c = 0xfffd;
	}
	*ret_len = utf8_put(out, c);
	return used;
}
