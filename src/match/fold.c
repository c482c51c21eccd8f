#include "match/fold.h"

#include "base/compiler.h"

typedef unsigned char vec __attribute__((vector_size(16)));

struct range {
	uint32_t first, last;
	uint32_t stride;
	int32_t delta;
};

static const struct range ranges[] = {
#define FOLD(first, last, stride, delta) {first, last, stride, delta},
#include "match/fold.def"
#undef FOLD
};

uint32_t
tsn_fold_rune(uint32_t rune)
{
	size_t lo = 0, hi = TSN_COUNT(ranges);

	if (rune < 0x80)
		return rune >= 'A' && rune <= 'Z' ? rune | 0x20 : rune;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (ranges[mid].last < rune)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == TSN_COUNT(ranges) || rune < ranges[lo].first ||
	    (rune - ranges[lo].first) % ranges[lo].stride != 0)
		return rune;
	return (uint32_t)((int32_t)rune + ranges[lo].delta);
}

static bool
is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

unsigned
tsn_fold_decode(const char *p, const char *end, uint32_t *ret_rune)
{
	unsigned char b[4] = {0};
	size_t left = (size_t)(end - p);
	uint32_t rune;

	for (size_t i = 0; i < 4 && i < left; i++)
		b[i] = (unsigned char)p[i];
	*ret_rune = UINT32_MAX;
	if (b[0] < 0x80) {
		*ret_rune = b[0];
		return 1;
	}
	if (b[0] >= 0xc2 && b[0] < 0xe0 && left >= 2 && is_tail(b[1])) {
		*ret_rune = (uint32_t)(b[0] & 0x1f) << 6 | (b[1] & 0x3f);
		return 2;
	}
	if (b[0] >= 0xe0 && b[0] < 0xf0 && left >= 3 && is_tail(b[1]) && is_tail(b[2])) {
		rune = (uint32_t)(b[0] & 0x0f) << 12 | (uint32_t)(b[1] & 0x3f) << 6 | (b[2] & 0x3f);
		if (rune < 0x800 || (rune >= 0xd800 && rune < 0xe000))
			return 1;
		*ret_rune = rune;
		return 3;
	}
	if (b[0] >= 0xf0 && b[0] < 0xf5 && left >= 4 && is_tail(b[1]) && is_tail(b[2]) &&
	    is_tail(b[3])) {
		rune = (uint32_t)(b[0] & 0x07) << 18 | (uint32_t)(b[1] & 0x3f) << 12 |
		    (uint32_t)(b[2] & 0x3f) << 6 | (b[3] & 0x3f);
		if (rune < 0x10000 || rune > 0x10ffff)
			return 1;
		*ret_rune = rune;
		return 4;
	}
	return 1;
}

static size_t
encode(uint32_t r, char *out)
{
	if (r < 0x80) {
		out[0] = (char)r;
		return 1;
	}
	if (r < 0x800) {
		out[0] = (char)(0xc0 | r >> 6);
		out[1] = (char)(0x80 | (r & 0x3f));
		return 2;
	}
	if (r < 0x10000) {
		out[0] = (char)(0xe0 | r >> 12);
		out[1] = (char)(0x80 | (r >> 6 & 0x3f));
		out[2] = (char)(0x80 | (r & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | r >> 18);
	out[1] = (char)(0x80 | (r >> 12 & 0x3f));
	out[2] = (char)(0x80 | (r >> 6 & 0x3f));
	out[3] = (char)(0x80 | (r & 0x3f));
	return 4;
}

/* Folding never makes more than 3 bytes of 2, which TSN_FOLD_ROOM allows for. */
static size_t
fold_runes(const char *p, const char *end, char *out)
{
	char *at = out;

	while (p < end) {
		uint32_t rune;
		unsigned n = tsn_fold_decode(p, end, &rune);

		if (rune == UINT32_MAX)
			*at++ = *p;
		else
			at += encode(tsn_fold_rune(rune), at);
		p += n;
	}
	return (size_t)(at - out);
}

static uint64_t
lower8(uint64_t x)
{
	const uint64_t ones = 0x0101010101010101ull;
	uint64_t heavy = x & 0x7f * ones;
	uint64_t above = heavy + (0x80 - 'A') * ones, beyond = heavy + (0x7f - 'Z') * ones;

	return x | ((above ^ beyond) & ~x & 0x80 * ones) >> 2;
}

/* Lower case of ASCII letters over whole steps; returns the OR of all bytes' high bits. */
static uint64_t
lower_steps(const char *p, size_t len, char *out)
{
	uint64_t high = 0, part[2];
	vec all = {0};

	for (size_t i = 0; len >= 16; i = i + 32 <= len ? i + 16 : len - 16) {
		vec v, upper;

		memcpy(&v, p + i, 16);
		all |= v;
		upper = (vec)((v - (unsigned char)'A') < (unsigned char)26);
		v |= upper & (unsigned char)0x20;
		memcpy(out + i, &v, 16);
		if (i + 16 == len)
			break;
	}
	memcpy(part, &all, 16);
	high = part[0] | part[1];
	if (len < 16 && len >= 8) {
		uint64_t a = 0, b = 0;

		memcpy(&a, p, 8);
		memcpy(&b, p + len - 8, 8);
		high = a | b;
		a = lower8(a);
		b = lower8(b);
		memcpy(out, &a, 8);
		memcpy(out + len - 8, &b, 8);
	}
	for (size_t i = 0; len < 8 && i < len; i++) {
		high |= (unsigned char)p[i];
		out[i] = tsn_lower(p[i]);
	}
	return high & 0x8080808080808080ull;
}

size_t
tsn_fold(struct tsn_slice in, char *out, bool *ret_ascii)
{
	*ret_ascii = lower_steps(in.ptr, in.len, out) == 0;
	if (TSN_LIKELY(*ret_ascii))
		return in.len;
	return fold_runes(in.ptr, in.ptr + in.len, out);
}
