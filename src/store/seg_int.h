/*
 * store/seg: one segment opened for reading, and one of its blocks.
 *
 * The file is mapped, so a reader goes on when the writer has replaced it.  Directory and
 * dictionaries are read when first used; every run of bytes is checked before it is believed.
 */
#ifndef TSN_STORE_SEG_INT_H
#define TSN_STORE_SEG_INT_H

#include "store/column_int.h"
#include "store/file_int.h"
#include "store/pack_int.h"
#include "store/segw_int.h"
#include "store/source_int.h"

struct seg_column {
	tsn_key key;			/* 0: of one slot; TSN_KEY_NONE: no room for its name */
	bool is_num;
	bool multi;			/* some template has it more than once */
	bool derived;			/* in some block: its dictionary holds patterns too */
	uint8_t forms;			/* 1 << enum column_form of each block that has it */
	uint64_t num_min, num_max;	/* of the blocks where it is DIGITS or PADDED */
	struct pack dict_at;		/* raw_len 0: none */
	uint32_t dict_order;		/* among the dictionaries */
	bool dict_behind;		/* packed behind those before it */
	uint32_t dict_count;
	char *dict_raw;
	struct strings dict;
	uint64_t *dict_counts;		/* NULL until the dictionary is loaded */
};

struct seg_tmpl {
	struct tmpl *tmpl;
	uint32_t *columns;		/* by slot */
	uint64_t rows;
	uint32_t static_len;
};

struct seg_entry {
	uint32_t column, chunk, at, n;
	uint8_t form;
	uint64_t min, max;
};

struct seg_block {
	int64_t time_min, time_max;
	uint64_t raw_bytes;
	struct pack *chunks;
	struct seg_entry *entries;	/* by column number, rising */
	uint32_t rows, chunk_count, entry_count;
};

struct seg {
	char path[FILE_PATH_MAX];
	struct tsn_slice file;		/* mapped */
	struct tsn_arena arena;
	struct tsn_keys *keys;
	struct tmpl_table tmpl_table;
	bool loaded, keys_lost;		/* keys_lost: the process had no room for some names */
	uint32_t users;			/* for scans: blocks still to be read */
	struct seg_tmpl *tmpls;
	const struct tsn_source **sources;
	struct seg_column *columns;
	struct seg_block *blocks;
	uint32_t *dict_columns;		/* in the order of the dictionaries */
	uint32_t dict_column_count;
	struct tsn_buf prefix;		/* raw bytes of the first `prefix_count` of them */
	uint32_t prefix_count;
	uint32_t tmpl_count, source_count, column_count, block_count;
	uint64_t rows, raw_bytes;
};

/** Maps it and checks head and tail.  TSN_ECORRUPT, TSN_EVERSION, TSN_ENOTFOUND, TSN_EIO. */
TSN_MUST_CHECK enum tsn_code seg_open(struct seg *s, const char *path, struct tsn_err *err);
/** Reads the directory (once); its sources are interned in the list. */
TSN_MUST_CHECK enum tsn_code seg_load(struct seg *s, struct tsn_keys *keys,
    struct sources *sources, struct tsn_err *err);
/** Forgets the directory and the dictionaries, keeps the file mapped. */
void seg_unload(struct seg *s);
/** Its pages need not be kept in memory for this process: they are read again when asked for. */
void seg_rest(const struct seg *s);
void seg_close(struct seg *s);
/** Loads the column's dictionary (once); a column without one has count 0. */
TSN_MUST_CHECK enum tsn_code seg_dict(struct seg *s, uint32_t column);
/** The same, but addresses may still be numbers (dict.addrs). */
TSN_MUST_CHECK enum tsn_code seg_dict_lean(struct seg *s, uint32_t column);
/** Every checksum and every block decoded. */
TSN_MUST_CHECK enum tsn_code seg_verify(struct seg *s, struct tsn_err *err);

/* ---- a block ---- */

#define BLOCK_GROUP 256u

struct block {
	struct seg *seg;
	const struct seg_block *dir;
	char **chunks;			/* by chunk; NULL: not unpacked */
	uint64_t *rows[SEG_COL_FIRST];	/* NULL: not decoded */
	struct values *values;		/* by column */
	bool *have;			/* by column: decoded */
	uint32_t *group_at;		/* [group][entry]: values of the column in front of the group */
	uint32_t *count;		/* by column, while counting */
	uint32_t group;			/* whose positions `pos` holds, + 1 */
	uint32_t *pos;			/* ordinals of all slots of the rows of that group */
	uint32_t pos_cap;
	uint32_t row_pos[BLOCK_GROUP + 1];
	char *scratch;
	struct val *vals;
	bool full;			/* all columns and offsets */
	unsigned depth;			/* of derived columns being made */
};

TSN_MUST_CHECK enum tsn_code block_open(struct block *b, struct seg *s, uint32_t index);
void block_close(struct block *b);
/** Decodes a column of every row (SEG_COL_TMPL ..) unless it is there. */
TSN_MUST_CHECK enum tsn_code block_need_rows(struct block *b, uint32_t which);
/** Decodes the values of a column of slots (0 .. column_count); none in this block: n is 0. */
TSN_MUST_CHECK enum tsn_code block_need_values(struct block *b, uint32_t column);
/** What the directory says of a column of slots in this block, or NULL. */
const struct seg_entry *block_entry(const struct block *b, uint32_t column);
/** False when no value of this column, whose entry is DIGITS or PADDED, is that number. */
bool block_may_have(struct block *b, uint32_t column, uint64_t number);
/** Everything that whole rows need. */
TSN_MUST_CHECK enum tsn_code block_need_all(struct block *b);
/** What projected rows need: the marked columns, and times. */
TSN_MUST_CHECK enum tsn_code block_need_some(struct block *b, const bool *columns);
/** Row i of those decoded; values of columns not decoded are empty.  Valid until the next call. */
TSN_MUST_CHECK enum tsn_code block_row(struct block *b, uint32_t i, struct row *ret_row);

#endif
