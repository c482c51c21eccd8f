#include "store/dict_int.h"

#include <stdlib.h>

#include "base/hash.h"
#include "store/ints_int.h"

enum { STRINGS_TEXT, STRINGS_IP4, STRINGS_SHAPE, STRINGS__COUNT };

/* Digits of a shape, as one number; its bytes. */
#define SHAPE_DIGITS_MAX 18u
#define SHAPE_LEN_MAX 64u
#define SHAPE_COUNT_MIN 8u

void
dict_init(struct dict *d)
{
	*d = (struct dict){0};
	tsn_buf_init(&d->bytes, DICT_BYTES_MAX);
}

void
dict_done(struct dict *d)
{
	tsn_buf_done(&d->bytes);
	free(d->ends);
	free(d->counts);
	free(d->slots);
	free(d->tags);
	*d = (struct dict){0};
}

void
dict_reset(struct dict *d)
{
	tsn_buf_reset(&d->bytes);
	if (d->count > 0)
		memset(d->slots, 0, d->slot_count * sizeof *d->slots);
	d->count = 0;
}

size_t
dict_bytes(const struct dict *d)
{
	return d->bytes.cap + d->cap * 2 * sizeof *d->ends + d->slot_count * 2 * sizeof *d->slots;
}

static bool
grow(struct dict *d)
{
	uint32_t cap = d->cap == 0 ? 16 : d->cap * 2, n = cap * 2;
	uint32_t *ends = reallocarray(d->ends, cap, sizeof *ends);
	uint32_t *counts, *slots, *tags;

	if (ends == NULL)
		return false;
	d->ends = ends;
	counts = reallocarray(d->counts, cap, sizeof *counts);
	if (counts == NULL)
		return false;
	d->counts = counts;
	slots = calloc(n, sizeof *slots);
	tags = malloc(n * sizeof *tags);
	if (slots == NULL || tags == NULL) {
		free(slots);
		free(tags);
		return false;
	}
	for (uint32_t i = 0; i < d->count; i++) {
		uint64_t hash = tsn_hash_slice(dict_get(d, i), 0), at = hash;

		while (slots[at & (n - 1)] != 0)
			at++;
		slots[at & (n - 1)] = i + 1;
		tags[at & (n - 1)] = (uint32_t)(hash >> 32);
	}
	free(d->slots);
	free(d->tags);
	d->slots = slots;
	d->tags = tags;
	d->slot_count = n;
	d->cap = cap;
	return true;
}

uint32_t
dict_intern(struct dict *d, const char *ptr, size_t len)
{
	uint64_t hash = tsn_hash_bytes(ptr, len, 0), at;
	uint32_t slot;

	if (d->count == d->cap && !grow(d))
		return UINT32_MAX;
	for (at = hash; (slot = d->slots[at & (d->slot_count - 1)]) != 0; at++) {
		struct tsn_slice s;

		if (d->tags[at & (d->slot_count - 1)] != (uint32_t)(hash >> 32))
			continue;
		s = dict_get(d, slot - 1);
		if (s.len == len && (len == 0 || memcmp(s.ptr, ptr, len) == 0)) {
			d->counts[slot - 1]++;
			return slot - 1;
		}
	}
	if (d->bytes.len + len > DICT_BYTES_MAX || !tsn_buf_room(&d->bytes, len + 1))
		return UINT32_MAX;
	tsn_buf_add(&d->bytes, ptr, len);
	d->ends[d->count] = (uint32_t)d->bytes.len;
	d->counts[d->count] = 1;
	d->slots[at & (d->slot_count - 1)] = d->count + 1;
	d->tags[at & (d->slot_count - 1)] = (uint32_t)(hash >> 32);
	return d->count++;
}

/* ---- texts as numbers ---- */

bool
text_is_ip4(struct tsn_slice s, uint32_t *ret_addr)
{
	uint32_t addr = 0, part = 0, digits = 0, dots = 0;

	if (s.len < 7 || s.len > 15)
		return false;
	for (size_t i = 0; i <= s.len; i++) {
		unsigned c = i < s.len ? (unsigned char)s.ptr[i] : '.';

		if (c == '.') {
			if (digits == 0 || part > 255 || dots == 4)
				return false;
			addr = addr << 8 | part;
			part = digits = 0;
			dots++;
			continue;
		}
		/* "0" may stand alone, not in front of digits. */
		if (c < '0' || c > '9' || digits == 3 || (digits > 0 && part == 0))
			return false;
		part = part * 10 + (c - '0');
		digits++;
	}
	*ret_addr = addr;
	return dots == 4;
}

size_t
text_of_ip4(uint32_t addr, char out[16])
{
	size_t n = 0;

	for (int shift = 24; shift >= 0; shift -= 8) {
		unsigned part = addr >> shift & 255;

		if (part >= 100)
			out[n++] = (char)('0' + part / 100);
		if (part >= 10)
			out[n++] = (char)('0' + part / 10 % 10);
		out[n++] = (char)('0' + part % 10);
		out[n++] = '.';
	}
	return n - 1;
}

/* ---- lists ---- */

static bool
encode_ip4(const struct dict *d, struct tsn_buf *out, uint64_t *v, uint64_t *scratch)
{
	uint32_t addr;

	for (uint32_t i = 0; i < d->count; i++) {
		if (!text_is_ip4(dict_get(d, i), &addr))
			return false;
		v[i] = addr;
	}
	bin_add_u8(out, STRINGS_IP4);
	ints_encode(out, v, d->count, scratch);
	return true;
}

/* Texts that differ in digits alone, all of one length (times, serial numbers): the first, with 0
 * for each digit, and their digits as numbers. */
static bool
encode_shape(const struct dict *d, struct tsn_buf *out, uint64_t *v, uint64_t *scratch)
{
	struct tsn_slice first = dict_get(d, 0);
	char shape[SHAPE_LEN_MAX];
	uint32_t digits = 0;

	if (d->count < SHAPE_COUNT_MIN || first.len == 0 || first.len > SHAPE_LEN_MAX)
		return false;
	for (size_t i = 0; i < first.len; i++) {
		bool is_digit = first.ptr[i] >= '0' && first.ptr[i] <= '9';

		shape[i] = is_digit ? '0' : first.ptr[i];
		digits += is_digit;
	}
	if (digits == 0 || digits > SHAPE_DIGITS_MAX)
		return false;
	for (uint32_t k = 0; k < d->count; k++) {
		struct tsn_slice s = dict_get(d, k);

		if (s.len != first.len)
			return false;
		v[k] = 0;
		for (size_t i = 0; i < s.len; i++) {
			if (shape[i] != '0' ? s.ptr[i] != shape[i] : s.ptr[i] < '0' || s.ptr[i] > '9')
				return false;
			if (shape[i] == '0')
				v[k] = v[k] * 10 + (uint64_t)(s.ptr[i] - '0');
		}
	}
	bin_add_u8(out, STRINGS_SHAPE);
	bin_add_slice(out, (struct tsn_slice){shape, first.len});
	ints_encode(out, v, d->count, scratch);
	return true;
}

enum tsn_code
strings_encode(const struct dict *d, struct tsn_buf *out)
{
	uint64_t *v = reallocarray(NULL, d->count + 1, 2 * sizeof *v);

	if (v == NULL)
		return TSN_ENOMEM;
	bin_add_var(out, d->count);
	if (d->count > 0 && !encode_ip4(d, out, v, v + d->count) &&
	    !encode_shape(d, out, v, v + d->count)) {
		for (uint32_t i = 0; i < d->count; i++)
			v[i] = dict_get(d, i).len;
		bin_add_u8(out, STRINGS_TEXT);
		ints_encode(out, v, d->count, v + d->count);
		tsn_buf_slice(out, tsn_buf_get(&d->bytes));
	}
	free(v);
	return tsn_buf_check(out);
}

static enum tsn_code
decode_text(struct bin *r, struct strings *s, const uint64_t *lens)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		if (lens[i] > DICT_BYTES_MAX)
			return TSN_ECORRUPT;
		total += lens[i];
		if (total > bin_left(r))
			return TSN_ECORRUPT;
		s->ends[i] = (uint32_t)total;
	}
	s->bytes = (const char *)bin_take(r, total);
	return r->bad ? TSN_ECORRUPT : TSN_OK;
}

static enum tsn_code
decode_ip4(struct strings *s, const uint64_t *v)
{
	s->addrs = reallocarray(NULL, s->count + 1, sizeof *s->addrs);
	if (s->addrs == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < s->count; i++) {
		if (v[i] > UINT32_MAX)
			return TSN_ECORRUPT;
		s->addrs[i] = (uint32_t)v[i];
	}
	return TSN_OK;
}

enum tsn_code
strings_make(struct strings *s)
{
	size_t at = 0;

	if (s->addrs == NULL)
		return TSN_OK;
	s->own = malloc((size_t)s->count * 16);
	if (s->own == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < s->count; i++) {
		at += text_of_ip4(s->addrs[i], s->own + at);
		s->ends[i] = (uint32_t)at;
	}
	s->bytes = s->own;
	free(s->addrs);
	s->addrs = NULL;
	return TSN_OK;
}

static enum tsn_code
decode_shape(struct strings *s, struct tsn_slice shape, const uint64_t *v)
{
	if ((uint64_t)s->count * shape.len > DICT_BYTES_MAX)
		return TSN_ECORRUPT;
	s->own = malloc((size_t)s->count * shape.len + 1);
	if (s->own == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < s->count; i++) {
		char *text = s->own + (size_t)i * shape.len;
		uint64_t x = v[i];

		for (size_t k = shape.len; k > 0; k--) {
			text[k - 1] = shape.ptr[k - 1];
			if (shape.ptr[k - 1] != '0')
				continue;
			text[k - 1] = (char)('0' + x % 10);
			x /= 10;
		}
		if (x != 0)
			return TSN_ECORRUPT;
		s->ends[i] = (uint32_t)((i + 1) * shape.len);
	}
	s->bytes = s->own;
	return TSN_OK;
}

static enum tsn_code
decode_kind(struct bin *r, struct strings *s, uint64_t *v)
{
	struct tsn_slice shape = {"", 0};
	uint8_t kind = bin_u8(r);

	if (kind == STRINGS_SHAPE) {
		shape = bin_slice(r);
		if (shape.len > SHAPE_LEN_MAX)
			return TSN_ECORRUPT;
	}
	if (r->bad || kind >= STRINGS__COUNT || !ints_decode(r, v, s->count))
		return TSN_ECORRUPT;
	if (kind == STRINGS_SHAPE)
		return decode_shape(s, shape, v);
	return kind == STRINGS_TEXT ? decode_text(r, s, v) : decode_ip4(s, v);
}

enum tsn_code
strings_decode(struct bin *r, struct strings *ret)
{
	enum tsn_code rc;

	TSN_TRY(strings_decode_lean(r, ret));
	rc = strings_make(ret);
	if (rc != TSN_OK)
		strings_done(ret);
	return rc;
}

enum tsn_code
strings_decode_lean(struct bin *r, struct strings *ret)
{
	struct strings s = {.bytes = ""};
	uint64_t count = bin_var(r), *v;
	enum tsn_code rc;

	/* One value for all may stand for many texts: a bound that does not come from the bytes. */
	if (r->bad || count > (64u << 20))
		return TSN_ECORRUPT;
	s.count = (uint32_t)count;
	v = reallocarray(NULL, s.count + 1, sizeof *v);
	s.ends = reallocarray(NULL, s.count + 1, sizeof *s.ends);
	if (v == NULL || s.ends == NULL) {
		free(v);
		strings_done(&s);
		return TSN_ENOMEM;
	}
	rc = s.count == 0 ? TSN_OK : decode_kind(r, &s, v);
	free(v);
	if (rc != TSN_OK) {
		strings_done(&s);
		return rc;
	}
	*ret = s;
	return TSN_OK;
}

void
strings_done(struct strings *s)
{
	free(s->ends);
	free(s->own);
	free(s->addrs);
	*s = (struct strings){0};
}
