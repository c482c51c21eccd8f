/*
 * codec/utf8: checking, decoding and encoding of UTF-8 (RFC 3629: no surrogates, no overlong
 * forms).
 */
#ifndef TSN_CODEC_UTF8_H
#define TSN_CODEC_UTF8_H

#include <stdint.h>

#include "base/slice.h"

#define TSN_UTF8_REPLACEMENT 0xfffdu

/** True when all of s is well-formed. */
bool tsn_utf8_valid(struct tsn_slice s);

/**
 * Length of the well-formed character at p (1 .. 4), with its code point in *ret_code; 0 when the
 * bytes at p are not one, *ret_code is TSN_UTF8_REPLACEMENT then.  p < end.
 */
unsigned tsn_utf8_decode(const char *p, const char *end, uint32_t *ret_code);

/**
 * Writes a code point up to 0x10ffff, returns 1 .. 4.  Surrogates are written as three bytes, so
 * that what stood in the input is not lost; the result is then not valid UTF-8.
 */
unsigned tsn_utf8_encode(uint32_t code, char out[4]);

#endif
