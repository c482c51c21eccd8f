/*
 * store/rowlog: rows in memory, in order of appending, and sorted by time on demand.
 *
 * Templates and sources are referred to, values are copied.
 */
#ifndef TSN_STORE_ROWLOG_INT_H
#define TSN_STORE_ROWLOG_INT_H

#include "store/tmpl_int.h"

struct rowlog_row;

struct rowlog {
	struct tsn_arena arena;
	struct rowlog_row **rows;	/* sorted[0 .. sorted_count) by time, then as appended */
	struct rowlog_row **spare;
	uint32_t count, cap, spare_cap;
	size_t bytes;			/* memory of rows and values */
};

void rowlog_init(struct rowlog *l, size_t bytes_max);
void rowlog_done(struct rowlog *l);
/** Keeps the memory. */
void rowlog_reset(struct rowlog *l);
/** Of an empty one: gives most of it back. */
void rowlog_release(struct rowlog *l);
TSN_MUST_CHECK enum tsn_code rowlog_add(struct rowlog *l, const struct row *row);
/** Takes the newest rows back, down to `count` (before any sort). */
void rowlog_cut(struct rowlog *l, uint32_t count);
/** Stable; after it rows are numbered in order of time. */
TSN_MUST_CHECK enum tsn_code rowlog_sort(struct rowlog *l);
int64_t rowlog_time(const struct rowlog *l, uint32_t i);
/** The first row not before `ns` of a sorted log. */
uint32_t rowlog_lower(const struct rowlog *l, int64_t ns);
/** vals has room for TMPL_SLOTS_MAX. */
void rowlog_get(const struct rowlog *l, uint32_t i, struct val *vals, struct row *ret_row);

#endif
