/*
 * store/derive_work: what the two halves of deriving share: pattern.c finds and makes patterns for
 * one text, derive.c decides for a block and writes it.
 */
#ifndef TSN_STORE_DERIVE_WORK_INT_H
#define TSN_STORE_DERIVE_WORK_INT_H

#include "store/derive_int.h"

#define DERIVE_BUCKET_BITS 10u
#define DERIVE_VALUES_MAX 512u
#define DERIVE_HEADS 256u

struct derive_known {
	struct derive_pattern p;
	struct tsn_slice bytes;
	uint64_t hits;
	bool stored;		/* some block of the segment has it */
	/* In the block at hand: its number + 1, its rows, what they would take otherwise and so. */
	uint32_t local, rows;
	uint64_t plain, cost;
};

struct deriver {
	struct tsn_arena *arena;	/* of the segment */
	struct dict texts;		/* patterns as bytes: code is the index of `known` */
	struct derive_known *known;
	uint32_t known_cap;
	uint32_t *buckets[1u << DERIVE_BUCKET_BITS];	/* indices by hits; the first is how many */
	uint32_t rest, rest_next;	/* blocks not to be tried */
};

struct derive_gap {
	uint32_t at, len;		/* in the text of its row */
};

/* A value of the row at hand. */
struct derive_cand;

struct derive_work {
	struct deriver *d;
	const struct derive_job *job;
	struct column *target;
	uint32_t *cursor, *stamp, *at;	/* by column: values before this row; row that has it; which */
	uint32_t stamp_now;
	uint32_t row_count;
	uint32_t *patterns;		/* by row of the target */
	uint32_t *gap_first;		/* by row: its first gap in `gaps` */
	struct derive_gap *gaps;
	uint32_t gap_count, gap_cap;
	uint32_t *used;			/* patterns of this block in the order of first use */
	uint32_t used_count;
	struct derive_cand *cands;
	uint32_t cand_count, heads[DERIVE_HEADS];
	struct tsn_buf bytes;		/* a pattern in the making */
	bool *seen;			/* by code of the target */
	uint64_t total;			/* bytes of texts */
	uint32_t whole;			/* the pattern that is one gap; UINT32_MAX: not used */
	uint64_t *gaps_seen;		/* hashes of texts of gaps */
};

/** Text of value i of a column that is being written. */
struct tsn_slice derive_text(const struct column *c, uint32_t i, char scratch[24]);
bool derive_add_gap(struct derive_work *w, size_t at, size_t len);

/* ---- pattern.c ---- */

struct derive_cand *pattern_cands(void);
/** The number of a known pattern that fits the text (its gaps are added), or UINT32_MAX. */
uint32_t pattern_find(struct derive_work *w, struct tsn_slice text);
/** Makes one that fits; `whole` when none can be made. */
TSN_MUST_CHECK enum tsn_code pattern_new(struct derive_work *w, uint32_t row,
    struct tsn_slice text, uint32_t *ret);
/** The number of the pattern with these bytes, made when it is new. */
TSN_MUST_CHECK enum tsn_code pattern_intern(struct deriver *d, struct tsn_slice bytes,
    uint32_t column_count, uint32_t *ret, bool *ret_new);

#endif
