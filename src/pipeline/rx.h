/*
 * pipeline/rx: regular expressions as Ruby writes them, with captures and replacing (PCRE2, JIT,
 * bounded).  ^ and $ stand at every line, \h is a hex digit, (?m) lets . match line ends.
 */
#ifndef TSN_PIPELINE_RX_H
#define TSN_PIPELINE_RX_H

#include "base/buf.h"
#include "base/err.h"

struct tsn_rx;

TSN_MUST_CHECK enum tsn_code tsn_rx_new(struct tsn_slice regex, struct tsn_rx **ret,
    struct tsn_err *err);
void tsn_rx_free(struct tsn_rx *rx);
/** First match at or behind `from`; false: none, or given up. */
bool tsn_rx_match(struct tsn_rx *rx, struct tsn_slice text, size_t from);
/** Of the last match: group n (0 all); ptr NULL when it took no part. */
struct tsn_slice tsn_rx_group(const struct tsn_rx *rx, struct tsn_slice text, uint32_t n);
uint32_t tsn_rx_group_count(const struct tsn_rx *rx);
/** All matches replaced: \0 to \9 and \k<name> in `with` stand for groups.  false: no match. */
bool tsn_rx_replace(struct tsn_rx *rx, struct tsn_slice text, struct tsn_slice with,
    struct tsn_buf *out);

#endif
