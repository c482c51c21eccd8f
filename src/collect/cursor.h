/*
 * collect/cursor: the cursor of a journal entry ("s=...;i=...;b=...;m=...;t=...;x=...") as numbers,
 * so that it can stand among the notes of the store.  Pure.
 */
#ifndef TSN_COLLECT_CURSOR_H
#define TSN_COLLECT_CURSOR_H

#include "base/err.h"
#include "base/slice.h"

#define TSN_CURSOR_TEXT_MAX 192u
#define TSN_CURSOR_NUMBERS 8u

struct tsn_cursor {
	uint64_t n[TSN_CURSOR_NUMBERS];	/* s (two halves), i, b (two halves), m, t, x */
};

/** TSN_EPARSE when it is none. */
TSN_MUST_CHECK enum tsn_code tsn_cursor_parse(struct tsn_slice text, struct tsn_cursor *ret);
struct tsn_slice tsn_cursor_format(const struct tsn_cursor *c, char out[TSN_CURSOR_TEXT_MAX]);
/** The cursor of an entry as journalctl -o json writes it; TSN_ENOTFOUND when it has none. */
TSN_MUST_CHECK enum tsn_code tsn_cursor_of_entry(struct tsn_slice json, struct tsn_cursor *ret);

#endif
