/*
 * base/num: text to numbers, exactly and without locale.  All of the slice must be the number.
 */
#ifndef TSN_BASE_NUM_H
#define TSN_BASE_NUM_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/** [+-]digits; TSN_EPARSE when it is not that or does not fit. */
TSN_MUST_CHECK enum tsn_code tsn_num_parse_i64(struct tsn_slice s, int64_t *ret_value);
/** digits; TSN_EPARSE when it is not that or does not fit. */
TSN_MUST_CHECK enum tsn_code tsn_num_parse_u64(struct tsn_slice s, uint64_t *ret_value);
/** Hex digits, optionally after 0x; TSN_EPARSE when it is not that or does not fit. */
TSN_MUST_CHECK enum tsn_code tsn_num_parse_hex(struct tsn_slice s, uint64_t *ret_value);
/** A finite decimal number as JSON or C writes it ("1", "-2.5e3"); TSN_EPARSE otherwise. */
TSN_MUST_CHECK enum tsn_code tsn_num_parse_f64(struct tsn_slice s, double *ret_value);
/** Shortest text that reads back as the same number; out has at least 32 bytes. Returns length. */
size_t tsn_num_format_f64(double v, char out[32]);

#endif
