/*
 * store/hint: which rows of a block a predicate can be true for, found without making rows.
 *
 * Each atom is tested on the constants of templates and on the entries of dictionaries, once per
 * segment, by the same code that tests events (match/atom.h); rows are found by the codes.  What
 * cannot be decided that way counts as possible, so the answer is never too small.  A row set comes
 * as a pair: rows that may match and rows that must, so that `not` works.
 */
#ifndef TSN_STORE_HINT_INT_H
#define TSN_STORE_HINT_INT_H

#include "match/atom.h"
#include "store/seg_int.h"

struct hint;			/* a predicate, prepared for one scan */
struct hint_seg;		/* what was found out about one segment */

/** NULL with TSN_OK when there is nothing to gain.  TSN_ENOMEM. */
TSN_MUST_CHECK enum tsn_code hint_new(const struct tsn_pred *pred, struct tsn_keys *keys,
    struct hint **ret_hint);
void hint_free(struct hint *h);
/** TSN_ENOMEM, TSN_ECORRUPT: a dictionary is damaged. */
TSN_MUST_CHECK enum tsn_code hint_seg_new(struct hint *h, struct seg *seg,
    struct hint_seg **ret_seg);
void hint_seg_free(struct hint_seg *hs);

enum hint_answer { HINT_NONE, HINT_ALL, HINT_SOME };

/** Whether rows of this template (of the segment) match: none, all, or it hangs on the row. */
enum hint_answer hint_tmpl(const struct hint_seg *hs, uint32_t tmpl);

/**
 * True when the rows of the template differ in one value alone, of a column that has codes of the
 * segment's dictionary everywhere: *ret_column.  For HINT_SOME.
 */
bool hint_column(const struct hint_seg *hs, uint32_t tmpl, uint32_t *ret_column);
/** hint_column is true of both, and each value means the same in both. */
bool hint_same(const struct hint_seg *hs, uint32_t tmpl, uint32_t other);
/** Rows of the template with this code; HINT_SOME: not known. */
enum hint_answer hint_code(const struct hint_seg *hs, uint32_t tmpl, uint32_t code);

#define HINT_WORDS (SEG_BLOCK_ROWS / 64)

/**
 * Sets the bits (HINT_WORDS) of rows that may match; *ret_any false: none does.  must: of those
 * that certainly do; may be NULL.
 */
TSN_MUST_CHECK enum tsn_code hint_block(struct hint_seg *hs, struct block *b, uint64_t *may,
    uint64_t *must, bool *ret_any);

#endif
