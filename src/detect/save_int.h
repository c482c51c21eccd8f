/*
 * detect/save: the form of snapshots (save.c writes, resume.c reads); all numbers little-endian.
 *
 *	magic (8), length of what follows but the hash (8), then
 *	now (8), number of sources (4), of each: name, newest, skew (8 each)
 *	number of correlations (4), the print of each (16)
 *	number of windows under others (4), of each: its correlation, kids, ids (4 each), count, first,
 *	    last (8 each), the kids' numbers from 1 (4 each), the ids (16 each); kids come first
 *	of each correlation: length of what follows (8), six counters (8 each), number of groups (4),
 *	    the groups, that touched longest ago first
 *	hash of all before it (8)
 */
#ifndef TSN_DETECT_SAVE_INT_H
#define TSN_DETECT_SAVE_INT_H

#include <endian.h>

#include "detect/corr_int.h"

#define SAVE_MAGIC "TSNCORR\1"
#define SAVE_COUNTERS 6u

#define SAVE_FIRED 1u
#define SAVE_ARMED 2u
#define SAVE_EXCEPTED 4u
#define SAVE_TIMER 8u
#define SAVE_OWN 16u		/* values of its type follow */

static inline void
save_u32(struct tsn_buf *b, uint32_t v)
{
	v = htole32(v);
	tsn_buf_add(b, &v, sizeof v);
}

static inline void
save_u64(struct tsn_buf *b, uint64_t v)
{
	v = htole64(v);
	tsn_buf_add(b, &v, sizeof v);
}

static inline void
save_f64(struct tsn_buf *b, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof bits);
	save_u64(b, bits);
}

#endif
