/*
 * store/column: the values of one column of one block, to bytes and back.
 *
 * A column collects values in the order of rows.  As long as all are digits they are kept as
 * numbers; else as codes of a dictionary: that of the segment, or (for columns whose values hardly
 * repeat) one of the block.
 */
#ifndef TSN_STORE_COLUMN_INT_H
#define TSN_STORE_COLUMN_INT_H

#include "store/dict_int.h"

enum column_form {
	COLUMN_NUM,		/* numbers (zigzag); no text */
	COLUMN_DIGITS,		/* canonical decimal text */
	COLUMN_PADDED,		/* digits, all of one length */
	COLUMN_SHARED,		/* codes of the segment's dictionary */
	COLUMN_LOCAL,		/* codes of a dictionary that stands in front */
	COLUMN_DERIVED,		/* on disk only: made of other columns (derive_int.h) */
	COLUMN__COUNT
};

/* ---- writing ---- */

struct column {
	uint64_t *v;		/* numbers or codes */
	uint32_t n, cap;
	bool is_num;		/* number slots */
	bool texts;		/* this block: codes of `dict` */
	bool local;		/* dict is of this block alone */
	bool shared_used;	/* a block refers to the segment's dictionary */
	uint8_t len;		/* digits: length of all values; 0: they differ */
	bool canonical;		/* digits: none has leading zeros */
	uint32_t dict_before;	/* entries when the block began */
	struct dict dict;	/* of the segment while !local */
	struct dict old;	/* the segment's, when the column became local after use */
};

void column_init(struct column *c, bool is_num);
void column_done(struct column *c);
TSN_MUST_CHECK enum tsn_code column_add_num(struct column *c, uint64_t v);
TSN_MUST_CHECK enum tsn_code column_add_text(struct column *c, const char *ptr, uint32_t len);
/* What a block's directory says of a column, so that it may be skipped unread. */
struct column_info {
	enum column_form form;
	uint64_t min, max;	/* DIGITS, PADDED: of the numbers */
};
/** Appends the block's values and empties it for the next.  scratch: 2 * n values. */
TSN_MUST_CHECK enum tsn_code column_flush(struct column *c, struct tsn_buf *out,
    uint64_t *scratch, struct column_info *ret_info);
/** The dictionary that takes the patterns of a block that is stored as derived, ... */
struct dict *column_patterns(struct column *c);
/** ... after which the column is empty for the next block. */
void column_derived(struct column *c);
/** The segment's dictionary at its end. */
const struct dict *column_dict(const struct column *c);

/** n numbers (lost); scratch: 2 * n. */
TSN_MUST_CHECK enum tsn_code column_put_ints(struct tsn_buf *out, uint64_t *v, uint32_t n,
    uint64_t *scratch);
TSN_MUST_CHECK bool column_get_ints(struct bin *r, uint64_t *v, uint32_t n);

/* ---- reading ---- */

struct values {
	enum column_form form;
	uint32_t n;
	uint8_t width;		/* PADDED */
	uint64_t *v;		/* owned; n */
	const struct strings *dict;	/* SHARED, LOCAL */
	struct strings local;
};

/** n values; bytes stay with the caller as long as `ret`.  shared may be NULL when the column has
 * no dictionary.  TSN_ECORRUPT, TSN_ENOMEM. */
TSN_MUST_CHECK enum tsn_code values_decode(struct bin *r, uint32_t n, const struct strings *shared,
    struct values *ret);
void values_done(struct values *v);
/**
 * Whether the number may be among n values of a column of numbers as text, found without making all
 * of them; true also when the bytes are not understood.
 */
bool values_may_have(struct bin *r, uint32_t n, uint64_t number);
/** Text of value i, in place or rendered into scratch. */
struct tsn_slice values_text(const struct values *v, uint32_t i, char scratch[24]);
/** Its length alone. */
uint32_t values_len(const struct values *v, uint32_t i);

#endif
