/*
 * store/segw_parts: the state of a writer of segments, shared by segw.c (rows, blocks),
 * segw_derive.c (which columns are derived) and segw_end.c (dictionaries, directory, tail).
 */
#ifndef TSN_STORE_SEGW_PARTS_INT_H
#define TSN_STORE_SEGW_PARTS_INT_H

#include "store/derive_int.h"
#include "store/file_int.h"
#include "store/pack_int.h"
#include "store/segw_int.h"

#define SEGW_BYTES_MAX (1u << 30)

struct wtmpl {
	const struct tmpl *tmpl;
	uint32_t *columns;		/* by slot */
	uint64_t rows;
	uint32_t static_len;
};

struct wcolumn {
	struct column c;
	struct deriver *deriver;	/* NULL until it was tried */
	size_t derived_at;		/* this block: where it stands in w->derived, */
	uint32_t derived;		/* and how many bytes; 0: not derived */
	tsn_key key;			/* 0: of one slot of one template */
	bool is_num;
};

struct wsource {
	const struct tsn_source *source;
	uint64_t offset, line;		/* expected next */
	uint32_t block;			/* in which that was learned, + 1 */
};

struct segw {
	char path[FILE_PATH_MAX];
	int fd;
	uint64_t at;			/* file position behind `out` */
	struct tsn_keys *keys;
	struct packer *packer;
	struct tsn_arena arena;
	struct wtmpl *tmpls;
	uint32_t tmpl_count, tmpl_cap;
	uint32_t *tmpl_local;		/* by tmpl->id: index + 1 */
	uint32_t tmpl_local_cap;
	struct wsource *sources;
	uint32_t source_count, source_cap;
	uint32_t *source_local;
	uint32_t source_local_cap;
	struct wcolumn *columns;
	uint32_t column_count, column_cap;
	uint32_t *key_column[2];	/* text, number: by key: index + 1 */
	uint32_t key_cap;
	uint64_t *rows[SEG_COL_FIRST];	/* the block */
	uint32_t row_count;
	uint64_t block_bytes, block_values;
	uint64_t *scratch;
	uint32_t scratch_cap;
	struct tsn_buf raw, small, out;
	struct tsn_buf derived;		/* columns of this block that are derived, one by one */
	struct tsn_buf dir, entries;	/* footer: all blocks; this block */
	struct pack *chunks;		/* of this block */
	uint32_t chunk_count, chunk_cap;
	uint32_t small_chunk;		/* the one that takes small columns; `small` is empty: none */
	uint32_t block_count, entry_count;
	struct key_map map;
	struct segw_result result;
	bool ended;			/* the directory stands in `out` */
	bool full;			/* the disk had no room for what stands in `out` */
};

/** Decides which columns of the block are derived, and fills w->derived. */
TSN_MUST_CHECK enum tsn_code segw_derive(struct segw *w);
/** Appends dictionaries, directory and tail to w->out. */
TSN_MUST_CHECK enum tsn_code segw_end(struct segw *w);

#endif
