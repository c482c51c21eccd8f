/*
 * codec/hex: bytes as pairs of hex digits.
 */
#ifndef TSN_CODEC_HEX_H
#define TSN_CODEC_HEX_H

#include "base/err.h"
#include "base/slice.h"

/** Value of a hex digit, or -1. */
static inline int
tsn_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** Writes 2 * s.len lower-case digits (upper: upper-case). */
void tsn_hex_encode(struct tsn_slice s, bool upper, char *out);
/** Writes s.len / 2 bytes; TSN_EPARSE for an odd length or another character. */
TSN_MUST_CHECK enum tsn_code tsn_hex_decode(struct tsn_slice s, char *out);

#endif
