/*
 * base/hash: a fast 64-bit hash for tables inside the process.  Seeded per process where keys are
 * chosen by an attacker (tsn_hash_seed); never stored on disk, never sent: ids use event/id.h.
 */
#ifndef TSN_BASE_HASH_H
#define TSN_BASE_HASH_H

#include <stdint.h>
#include <string.h>

#include "base/slice.h"

static inline uint64_t
tsn_hash_mix(uint64_t a, uint64_t b)
{
	__uint128_t m = (__uint128_t)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t
tsn_hash_read64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint64_t
tsn_hash_read32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/** Multiply-and-fold over 16-byte steps (the wyhash construction). */
static inline uint64_t
tsn_hash_bytes(const char *p, size_t len, uint64_t seed)
{
	const uint64_t k0 = 0xa0761d6478bd642full, k1 = 0xe7037ed1a0b428dbull;
	uint64_t a, b, h = seed ^ k0;
	size_t left = len;

	if (len <= 16) {
		if (len >= 8) {
			a = tsn_hash_read64(p);
			b = tsn_hash_read64(p + len - 8);
		} else if (len >= 4) {
			a = tsn_hash_read32(p);
			b = tsn_hash_read32(p + len - 4);
		} else if (len > 0) {
			a = (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[len >> 1] << 8 |
			    (uint64_t)(unsigned char)p[len - 1];
			b = 0;
		} else {
			a = b = 0;
		}
		return tsn_hash_mix(k1 ^ len, tsn_hash_mix(a ^ k1, b ^ h));
	}
	for (; left > 16; left -= 16, p += 16)
		h = tsn_hash_mix(tsn_hash_read64(p) ^ k1, tsn_hash_read64(p + 8) ^ h);
	a = tsn_hash_read64(p + left - 16);
	b = tsn_hash_read64(p + left - 8);
	return tsn_hash_mix(k1 ^ len, tsn_hash_mix(a ^ k1, b ^ h));
}

static inline uint64_t
tsn_hash_slice(struct tsn_slice s, uint64_t seed)
{
	return tsn_hash_bytes(s.ptr, s.len, seed);
}

#endif
