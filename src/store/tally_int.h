/*
 * store/tally: rows of a block that need not be told apart, folded to one event and a count.
 *
 * Rows are the same when they have the same template and the same values in the slots that the
 * wanted fields are made of: that is decided on codes and numbers of the columns, and one event of
 * each kind is built.  Rows of templates in which a wanted field follows from something else (the
 * time, the offset, the whole record) are left to the caller.
 */
#ifndef TSN_STORE_TALLY_INT_H
#define TSN_STORE_TALLY_INT_H

#include "store/hint_int.h"
#include "store/store.h"

struct tally_sum;

/* What a value of a field is besides its text. */
struct tally_kind {
	tsn_key key;
	uint8_t type, flags;
	bool number;			/* read from the text */
};

struct tally {
	const struct tsn_store_scan *scan;
	struct tsn_keys *keys;
	bool *wanted;			/* by key */
	struct projection projection;
	struct tsn_batch batch;
	uint64_t *counts;		/* beside the batch */
	struct val *vals;
	uint64_t misfits;		/* kinds of rows whose values do not fit their template */
	struct tally_sum *sums;		/* open addressing; see tally_sum() */
	uint32_t sum_slots, sum_count;
	struct tsn_arena sum_arena;
	int64_t sum_time_ns;		/* of some row that was added */
	const struct tsn_source *sum_source;
};

/** The event made of the row, standing for `count`. TSN_EOF and the like from scan->tally. */
TSN_MUST_CHECK enum tsn_code tally_put(struct tally *t, const struct row *row, uint64_t count,
    struct tsn_err *err);
/** Hands over what was put. */
TSN_MUST_CHECK enum tsn_code tally_give(struct tally *t, struct tsn_err *err);
/** Makes t->projection. */
TSN_MUST_CHECK enum tsn_code tally_refresh(struct tally *t);
/** False when a wanted field is made of more than slots, constants and (*ret_source) the source. */
bool tally_folds(const struct tmpl *m, const struct projection *p, bool *ret_source);

/** Adds to the count of events that have this value alone; they are given later. */
TSN_MUST_CHECK enum tsn_code tally_sum(struct tally *t, const struct tally_kind *kind,
    struct tsn_slice text, uint64_t count, struct tsn_err *err);
/** Gives what was added. */
TSN_MUST_CHECK enum tsn_code tally_sums_give(struct tally *t, struct tsn_err *err);
void tally_sums_done(struct tally *t);

/**
 * The whole segment out of its directory and dictionaries, where they say enough: no block is
 * looked into.  hs NULL: all rows match.  *ret_done false: nothing was given.
 */
TSN_MUST_CHECK enum tsn_code tally_segment(struct tally *t, struct seg *seg,
    const struct hint_seg *hs, bool *ret_done, struct tsn_err *err);

TSN_MUST_CHECK enum tsn_code tally_init(struct tally *t, const struct tsn_store_scan *scan,
    struct tsn_keys *keys);
void tally_done(struct tally *t);
/**
 * Takes rows [at, end) of the block whose bits are in `must`: clears in both sets the bits of those
 * it took, and gives them to scan->tally.  TSN_ECORRUPT: nothing was given.
 */
TSN_MUST_CHECK enum tsn_code tally_block(struct tally *t, struct block *b, uint32_t at,
    uint32_t end, uint64_t must[HINT_WORDS], uint64_t may[HINT_WORDS], struct tsn_err *err);

#endif
