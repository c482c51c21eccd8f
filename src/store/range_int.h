/*
 * store/range: which bytes of which source are stored, in order of begin.  A range that extends
 * replaces the newest one of its source with the same begin.
 */
#ifndef TSN_STORE_RANGE_INT_H
#define TSN_STORE_RANGE_INT_H

#include "store/store.h"

struct range_set {
	struct tsn_slice source;	/* owned */
	uint64_t hash;
	struct tsn_store_range *list;
	uint32_t newest;		/* index in list */
	uint32_t count, cap;
};

struct ranges {
	struct range_set *sets;		/* open addressing by source; list NULL and no name: free */
	uint32_t cap, count;
};

void ranges_done(struct ranges *r);
TSN_MUST_CHECK enum tsn_code ranges_add(struct ranges *r, const struct tsn_store_range *range);
struct frame_reader;
/** Takes the ranges of a commit. */
TSN_MUST_CHECK enum tsn_code ranges_take(struct ranges *r, struct frame_reader *from);
void ranges_forget(struct ranges *r, struct tsn_slice source);
void ranges_each(const struct ranges *r, struct tsn_slice prefix,
    void (*each)(void *ctx, struct tsn_slice source), void *ctx);
/** Or NULL with *ret_count 0. */
const struct tsn_store_range *ranges_find(const struct ranges *r, struct tsn_slice source,
    size_t *ret_count);

#endif
