/*
 * codec/base64: RFC 4648 section 4, and the URL-safe alphabet of section 5.
 */
#ifndef TSN_CODEC_BASE64_H
#define TSN_CODEC_BASE64_H

#include "base/err.h"
#include "base/slice.h"

/** Characters that tsn_base64_encode writes for len bytes. */
#define TSN_BASE64_LEN(len) (((len) + 2) / 3 * 4)

/** Writes TSN_BASE64_LEN(s.len) characters with padding; returns their number. */
size_t tsn_base64_encode(struct tsn_slice s, char *out);
/**
 * Decodes either alphabet, padded or not; out has room for s.len / 4 * 3 + 3 bytes.  TSN_EPARSE for
 * another character, an impossible length, or bits behind the end that are not zero.
 */
TSN_MUST_CHECK enum tsn_code tsn_base64_decode(struct tsn_slice s, char *out, size_t *ret_len);

#endif
