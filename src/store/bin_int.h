/*
 * store/bin: numbers to bytes and back, explicit little-endian and LEB128, for all encodings of the
 * store.  A reader (struct bin) never runs past its end: the first short or malformed value sets
 * `bad`, and everything read after that is zero; callers check `bad` once.
 */
#ifndef TSN_STORE_BIN_INT_H
#define TSN_STORE_BIN_INT_H

#include "base/buf.h"
#include "base/slice.h"

struct bin {
	const unsigned char *at;
	const unsigned char *end;
	bool bad;
};

static inline struct bin
bin_of(const void *ptr, size_t len)
{
	return (struct bin){ptr, (const unsigned char *)ptr + len, false};
}

static inline size_t
bin_left(const struct bin *r)
{
	return (size_t)(r->end - r->at);
}

static inline const unsigned char *
bin_take(struct bin *r, uint64_t len)
{
	const unsigned char *p = r->at;

	if (TSN_UNLIKELY(r->bad || len > (uint64_t)(r->end - r->at))) {
		r->bad = true;
		return NULL;
	}
	r->at += len;
	return p;
}

static inline uint32_t
bin_load32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap32(v);
#endif
	return v;
}

static inline uint64_t
bin_load64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

static inline void
bin_store32(void *p, uint32_t v)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap32(v);
#endif
	memcpy(p, &v, sizeof v);
}

static inline void
bin_store64(void *p, uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	memcpy(p, &v, sizeof v);
}

static inline uint8_t
bin_u8(struct bin *r)
{
	const unsigned char *p = bin_take(r, 1);

	return p == NULL ? 0 : *p;
}

static inline uint32_t
bin_u32(struct bin *r)
{
	const unsigned char *p = bin_take(r, 4);

	return p == NULL ? 0 : bin_load32(p);
}

static inline uint64_t
bin_u64(struct bin *r)
{
	const unsigned char *p = bin_take(r, 8);

	return p == NULL ? 0 : bin_load64(p);
}

static inline uint64_t
bin_var(struct bin *r)
{
	uint64_t v = 0;

	if (TSN_LIKELY(r->at < r->end && *r->at < 0x80))
		return *r->at++;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b = bin_u8(r);

		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80 && (shift < 63 || b <= 1))
			return v;
	}
	r->bad = true;
	return 0;
}

/** A LEB128 value that counts things of which each takes at least one byte of what is left. */
static inline uint32_t
bin_count(struct bin *r)
{
	uint64_t v = bin_var(r);

	if (v > bin_left(r) || v > UINT32_MAX) {
		r->bad = true;
		return 0;
	}
	return (uint32_t)v;
}

static inline uint64_t
bin_zig(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t
bin_zag(uint64_t v)
{
	return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

static inline struct tsn_slice
bin_slice(struct bin *r)
{
	uint64_t len = bin_var(r);
	const unsigned char *p = bin_take(r, len);

	return p == NULL ? (struct tsn_slice){"", 0} : (struct tsn_slice){(const char *)p, (size_t)len};
}

/** Writes v at out (room for 10 bytes), returns the byte behind it. */
static inline unsigned char *
bin_put_var(unsigned char *out, uint64_t v)
{
	while (v >= 0x80) {
		*out++ = (unsigned char)(v | 0x80);
		v >>= 7;
	}
	*out++ = (unsigned char)v;
	return out;
}

static inline void
bin_add_u8(struct tsn_buf *b, uint8_t v)
{
	tsn_buf_char(b, (char)v);
}

static inline void
bin_add_u32(struct tsn_buf *b, uint32_t v)
{
	char p[4];

	bin_store32(p, v);
	tsn_buf_add(b, p, sizeof p);
}

static inline void
bin_add_u64(struct tsn_buf *b, uint64_t v)
{
	char p[8];

	bin_store64(p, v);
	tsn_buf_add(b, p, sizeof p);
}

static inline void
bin_add_var(struct tsn_buf *b, uint64_t v)
{
	if (!tsn_buf_room(b, 10))
		return;
	b->len = (size_t)((char *)bin_put_var((unsigned char *)b->ptr + b->len, v) - b->ptr);
}

static inline void
bin_add_slice(struct tsn_buf *b, struct tsn_slice s)
{
	bin_add_var(b, s.len);
	tsn_buf_slice(b, s);
}

#endif
