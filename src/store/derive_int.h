/*
 * store/derive: texts of a column that repeat other values of their rows.
 *
 * A Windows event says its fields twice: one by one, and in the text of its message.  Such a text
 * is stored as a pattern (literal text, values of other columns of the same row, gaps) and the
 * texts that stand in the gaps.  Patterns are few; they stand in the column's dictionary.  A block
 * in which that pays has the column in the form COLUMN_DERIVED; readers make the texts again and go
 * on as if they had stood in the block (COLUMN_LOCAL).
 *
 * A pattern as bytes: runs of var length, literal, u8 kind and, of references, var column, of
 * repeats, var number of the gap; the last has kind END.
 */
#ifndef TSN_STORE_DERIVE_INT_H
#define TSN_STORE_DERIVE_INT_H

#include "base/arena.h"
#include "store/column_int.h"

enum derive_kind {
	DERIVE_END,
	DERIVE_SAME,		/* the value of a column in this row */
	DERIVE_UPPER,		/* the same, hexadecimal digits (behind "0x") of it in upper case */
	DERIVE_GAP,		/* a text of its own: a word */
	DERIVE_LINE,		/* a text of its own: the rest of a line */
	DERIVE_AGAIN,		/* what stood in an earlier gap or line of the pattern */
	DERIVE__COUNT
};

#define DERIVE_PIECES_MAX 256u
#define DERIVE_UPPER_MAX 128u
/* Texts made again from others may be made from others; no deeper than this. */
#define DERIVE_DEPTH_MAX 3u
/* Bytes that one column of one block may make. */
#define DERIVE_BYTES_MAX (64u << 20)

struct derive_piece {
	struct tsn_slice literal;	/* in front of it */
	uint32_t column;		/* or, of AGAIN, the gap */
	uint8_t kind;
};

static inline bool
derive_is_gap(const struct derive_piece *p)
{
	return p->kind == DERIVE_GAP || p->kind == DERIVE_LINE;
}

static inline bool
derive_is_ref(const struct derive_piece *p)
{
	return p->kind == DERIVE_SAME || p->kind == DERIVE_UPPER;
}

struct derive_pattern {
	struct derive_piece *pieces;
	uint32_t count, gaps;
};

/** "0x1f" to "0x1F", "ab" to "AB"; SIZE_MAX when the text is not of that form or too long. */
size_t derive_upper(struct tsn_slice s, char out[DERIVE_UPPER_MAX]);
/** Borrows literals from the bytes; pieces are in the arena.  TSN_ECORRUPT, TSN_ENOMEM. */
TSN_MUST_CHECK enum tsn_code derive_pattern_parse(struct tsn_slice bytes, uint32_t column_count,
    struct tsn_arena *a, struct derive_pattern *ret);

/* The rows of a block: which columns each has, by its template. */
struct derive_rows {
	uint32_t count, column_count;
	const uint64_t *tmpls;		/* by row */
	const uint32_t *const *columns;	/* by template: of its slots */
	const uint32_t *slot_counts;	/* by template */
};

/* ---- writing ---- */

struct deriver;			/* the patterns of one column of one segment */

/** The arena outlives it. */
struct deriver *deriver_new(struct tsn_arena *arena);
void deriver_free(struct deriver *d);

struct derive_job {
	const struct derive_rows *rows;
	struct column **columns;	/* by number; NULL where no reference may go */
	uint32_t target;
	struct dict *dict;		/* takes the patterns */
	uint8_t *levels;		/* by column: how deep; that of the target is set */
};

/**
 * Appends the column's values of this block to `out` when that is much shorter than their texts
 * (*ret_pays), with the patterns added to the dictionary; otherwise nothing has changed.
 */
TSN_MUST_CHECK enum tsn_code derive_block(struct deriver *d, const struct derive_job *job,
    struct tsn_buf *out, bool *ret_pays);

/** Bytes it holds beside the arena. */
size_t deriver_bytes(const struct deriver *d);

/* ---- reading ---- */

struct derived;

/* What the bytes of a block say, before other columns are known. */
TSN_MUST_CHECK enum tsn_code derived_open(struct bin *r, uint32_t n, const struct strings *dict,
    uint32_t column_count, struct derived **ret);
void derived_close(struct derived *d);
/** Columns whose values are needed. */
const bool *derived_needs(const struct derived *d);
/** values: by column, those that are needed decoded.  The result is of the form COLUMN_LOCAL. */
TSN_MUST_CHECK enum tsn_code derived_values(struct derived *d, const struct derive_rows *rows,
    const struct values *values, uint32_t target, struct values *ret);

#endif
