/*
 * store/ints: many whole numbers as bytes that compress well.
 *
 * A stream says how it is coded: one value for all; distance from the smallest, in planes of bytes
 * (all lowest bytes first); or the first value and the steps from one to the next, coded the same
 * way.  Its length in values is known from outside.  What follows (zstd) does the rest.
 */
#ifndef TSN_STORE_INTS_INT_H
#define TSN_STORE_INTS_INT_H

#include "store/bin_int.h"

/** scratch has room for n values (its content is lost). */
void ints_encode(struct tsn_buf *out, const uint64_t *v, uint32_t n, uint64_t *scratch);
/** False when the bytes are no stream of n values. */
TSN_MUST_CHECK bool ints_decode(struct bin *r, uint64_t *out, uint32_t n);

/**
 * Values that repeat a near one: back[i] is how many places before the same value stands (1 to
 * 255), 0 when it is not that near.  The values with 0 are moved together at the front of v;
 * returns their number.
 */
uint32_t ints_fold(uint64_t *v, uint32_t n, unsigned char *back);
/** The reverse, in place: v has room for n and holds the `literals` values at its end. */
TSN_MUST_CHECK bool ints_unfold(uint64_t *v, uint32_t literals, const unsigned char *back,
    uint32_t n);

#endif
