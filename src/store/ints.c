#include "store/ints_int.h"

#include <stdlib.h>

enum { CODE_CONST, CODE_BASE, CODE_STEP, CODE__COUNT };

static unsigned
bits(uint64_t v)
{
	return v == 0 ? 0 : 64 - (unsigned)__builtin_clzll(v);
}

/* planes of (v - base), w bytes each */
static void
put_planes(struct tsn_buf *out, const uint64_t *v, uint32_t n, uint64_t base, unsigned w)
{
	unsigned char *p;

	if (!tsn_buf_room(out, (size_t)n * w))
		return;
	p = (unsigned char *)out->ptr + out->len;
	for (unsigned k = 0; k < w; k++)
		for (uint32_t i = 0; i < n; i++)
			*p++ = (unsigned char)((v[i] - base) >> (8 * k));
	out->len += (size_t)n * w;
}

static void
put_based(struct tsn_buf *out, const uint64_t *v, uint32_t n, uint64_t low, uint64_t high)
{
	unsigned w = (bits(high - low) + 7) / 8;

	if (w == 0) {
		bin_add_u8(out, CODE_CONST);
		bin_add_var(out, low);
		return;
	}
	bin_add_u8(out, CODE_BASE);
	bin_add_var(out, low);
	bin_add_u8(out, (uint8_t)w);
	put_planes(out, v, n, low, w);
}

void
ints_encode(struct tsn_buf *out, const uint64_t *v, uint32_t n, uint64_t *scratch)
{
	uint64_t low, high, step_low = UINT64_MAX, step_high = 0, cost = 0, step_cost = 0;

	if (n == 0)
		return;
	low = high = v[0];
	for (uint32_t i = 1; i < n; i++) {
		uint64_t step = bin_zig((int64_t)(v[i] - v[i - 1]));

		low = v[i] < low ? v[i] : low;
		high = v[i] > high ? v[i] : high;
		scratch[i - 1] = step;
		step_low = step < step_low ? step : step_low;
		step_high = step > step_high ? step : step_high;
		step_cost += bits(step);
	}
	for (uint32_t i = 0; i < n; i++)
		cost += bits(v[i] - low);
	/* Steps lose what makes codes repeat: they must be clearly smaller. */
	if (n < 3 || low == high || step_cost + step_cost / 4 + n / 8 >= cost) {
		put_based(out, v, n, low, high);
		return;
	}
	bin_add_u8(out, CODE_STEP);
	bin_add_var(out, v[0]);
	put_based(out, scratch, n - 1, step_low, step_high);
}

static bool
get_based(struct bin *r, uint8_t code, uint64_t *out, uint32_t n)
{
	uint64_t base = bin_var(r);
	const unsigned char *p;
	unsigned w;

	if (code == CODE_CONST) {
		for (uint32_t i = 0; i < n; i++)
			out[i] = base;
		return !r->bad;
	}
	w = bin_u8(r);
	if (code != CODE_BASE || w == 0 || w > 8)
		return false;
	p = bin_take(r, (uint64_t)n * w);
	if (p == NULL)
		return false;
	if (w == 1) {
		for (uint32_t i = 0; i < n; i++)
			out[i] = base + p[i];
		return true;
	}
	if (w == 2) {
		for (uint32_t i = 0; i < n; i++)
			out[i] = base + ((uint64_t)p[i] | (uint64_t)p[n + i] << 8);
		return true;
	}
	for (uint32_t i = 0; i < n; i++)
		out[i] = base + p[i];
	for (unsigned k = 1; k < w; k++) {
		p += n;
		for (uint32_t i = 0; i < n; i++)
			out[i] += (uint64_t)p[i] << (8 * k);
	}
	return true;
}

bool
ints_decode(struct bin *r, uint64_t *out, uint32_t n)
{
	uint8_t code;
	uint64_t first;

	if (n == 0)
		return !r->bad;
	code = bin_u8(r);
	if (code != CODE_STEP)
		return get_based(r, code, out, n);
	first = bin_var(r);
	code = bin_u8(r);
	if (r->bad || n < 2 || !get_based(r, code, out + 1, n - 1))
		return false;
	out[0] = first;
	for (uint32_t i = 1; i < n; i++)
		out[i] = out[i - 1] + (uint64_t)bin_zag(out[i]);
	return true;
}

/* Where a value stood last: a small table without chains; a lost entry costs size alone. */
#define FOLD_BITS 12u

struct fold_slot {
	uint64_t value;
	uint32_t at;	/* index + 1 */
};

uint32_t
ints_fold(uint64_t *v, uint32_t n, unsigned char *back)
{
	static const uint64_t mix = 0x9e3779b97f4a7c15;
	struct fold_slot *slots = calloc(1u << FOLD_BITS, sizeof *slots);
	uint32_t literals = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t x = v[i];
		struct fold_slot *s = slots == NULL ? NULL : &slots[x * mix >> (64 - FOLD_BITS)];

		back[i] = 0;
		if (s != NULL && s->at != 0 && s->value == x && i + 1 - s->at <= 255)
			back[i] = (unsigned char)(i + 1 - s->at);
		else
			v[literals++] = x;
		if (s != NULL)
			*s = (struct fold_slot){x, i + 1};
	}
	free(slots);
	return literals;
}

/* Literals are read from behind the place that is written, so that it works in place. */
bool
ints_unfold(uint64_t *v, uint32_t literals, const unsigned char *back, uint32_t n)
{
	uint32_t from = n - literals, zeros = 0, first = n < 256 ? n : 256;

	for (uint32_t i = 0; i < n; i++)
		zeros += back[i] == 0;
	if (zeros != literals)
		return false;
	for (uint32_t i = 0; i < first; i++)
		if (back[i] > i)
			return false;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = back[i] == 0 ? from : i - back[i];

		from += back[i] == 0;
		v[i] = v[at];
	}
	return true;
}
