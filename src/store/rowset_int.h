/*
 * store/rowset: rows of a block as a pair of bit sets: those that may be meant and those that must.
 */
#ifndef TSN_STORE_ROWSET_INT_H
#define TSN_STORE_ROWSET_INT_H

#include "store/hint_int.h"

struct set {
	uint64_t may[HINT_WORDS], must[HINT_WORDS];
};

static inline void
set_fill(struct set *s, bool may, bool must)
{
	memset(s->may, may ? 0xff : 0, sizeof s->may);
	memset(s->must, must ? 0xff : 0, sizeof s->must);
}

static inline void
set_join(struct set *a, const struct set *b, bool both)
{
	for (uint32_t i = 0; i < HINT_WORDS; i++) {
		a->may[i] = both ? a->may[i] & b->may[i] : a->may[i] | b->may[i];
		a->must[i] = both ? a->must[i] & b->must[i] : a->must[i] | b->must[i];
	}
}

static inline bool
set_none(const uint64_t *rows, uint32_t count)
{
	for (uint32_t i = 0; i < (count + 63) / 64; i++) {
		uint64_t w = rows[i];

		if (count - i * 64 < 64)
			w &= (UINT64_C(1) << (count % 64)) - 1;
		if (w != 0)
			return false;
	}
	return true;
}

#endif
