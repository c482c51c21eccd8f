/*
 * state/window: for each key, what happened in the last while: a bounded table of sliding windows.
 *
 * A key is any bytes (an address, user and address); an entry is a time (event time), a weight and
 * a tag (who or what: for counting distinct ones).  Entries older than the window are dropped when
 * the key is next touched.  Bounds: keys_max keys, the least recently touched goes first, and is
 * counted in tsn_window_evicted(); TSN_WINDOW_ENTRIES_MAX entries a key, the oldest goes first, so
 * counts are exact up to that number and never too high.  Order of adding does not matter within
 * the window.  One thread; nothing is kept on disk.
 */
#ifndef TSN_STATE_WINDOW_H
#define TSN_STATE_WINDOW_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define TSN_WINDOW_ENTRIES_MAX 1024u

struct tsn_window;

struct tsn_window_options {
	int64_t span_ns;
	uint32_t keys_max;
};

/** NULL when out of memory. */
struct tsn_window *tsn_window_new(const struct tsn_window_options *options);
void tsn_window_free(struct tsn_window *w);
/** TSN_ENOMEM leaves the table as it was. */
TSN_MUST_CHECK enum tsn_code tsn_window_add(struct tsn_window *w, struct tsn_slice key,
    int64_t time_ns, uint32_t weight, uint64_t tag);
/** Sum of weights of entries in (now - span, now]. */
uint64_t tsn_window_sum(struct tsn_window *w, struct tsn_slice key, int64_t now_ns);
/** How many different tags entries in (now - span, now] have. */
uint32_t tsn_window_distinct(struct tsn_window *w, struct tsn_slice key, int64_t now_ns);
/** Time of the first entry in (now - span, now], or TSN_TIME_NONE. */
int64_t tsn_window_first(struct tsn_window *w, struct tsn_slice key, int64_t now_ns);
/** Keys that were dropped because the table was full. */
uint64_t tsn_window_evicted(const struct tsn_window *w);
uint32_t tsn_window_keys(const struct tsn_window *w);

#endif
