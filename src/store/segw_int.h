/*
 * store/segw: writes one segment: rows in order of time become blocks of columns.
 *
 * Memory is that of one block, the dictionaries and the directory; the file grows as blocks fill.
 * Nothing refers to the file before segw_finish has synced it.
 */
#ifndef TSN_STORE_SEGW_INT_H
#define TSN_STORE_SEGW_INT_H

#include "store/tmpl_int.h"

#define SEG_HEAD_BYTES 24u
#define SEG_TAIL_BYTES 48u
#define SEG_HEAD_MAGIC "TSNSEGM1"
#define SEG_TAIL_MAGIC "TSNSEGE1"
/* Bits a reader must know. */
#define SEG_INCOMPAT_DERIVED 1u	/* columns may be of the form COLUMN_DERIVED */
#define SEG_INCOMPAT SEG_INCOMPAT_DERIVED

/* A segment whose tables take more than this is to be ended. */
#define SEG_MEMORY_END (64u << 20)

#define SEG_BLOCK_ROWS (1u << 16)
#define SEG_BLOCK_BYTES (8u << 20)	/* of records */
#define SEG_BLOCK_VALUES (1u << 22)

/* A dictionary of so many bytes whose texts are this long on average is packed behind the others,
 * of which it repeats much (a message its fields); at most so much of these. */
#define SEG_LONG_MIN 64u
#define SEG_LONG_BYTES (64u << 10)
#define SEG_PREFIX_MAX (6u << 20)

/* Columns every block has; those of slots follow. */
enum { SEG_COL_TMPL, SEG_COL_SOURCE, SEG_COL_TIME, SEG_COL_CREATED, SEG_COL_OFFSET, SEG_COL_LINE,
	SEG_COL_FIRST };

struct segw;

struct segw_result {
	uint64_t rows, raw_bytes, file_bytes;
	int64_t time_min, time_max;
};

/** Begins the file (O_EXCL). Templates of rows come from one table. */
TSN_MUST_CHECK enum tsn_code segw_open(const char *path, struct tsn_keys *keys, int level,
    struct segw **ret_writer, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code segw_add(struct segw *w, const struct row *row, struct tsn_err *err);
/** Ends the block: rows that follow may be older.  Rows of one block are in order of time. */
TSN_MUST_CHECK enum tsn_code segw_cut(struct segw *w, struct tsn_err *err);
/** Bytes of records so far. */
uint64_t segw_raw_bytes(const struct segw *w);
/** Memory that the dictionaries and tables of the segment take; it grows until its end. */
size_t segw_memory(const struct segw *w);
/** Bytes of blocks so far, as they stand in the file. */
uint64_t segw_file_bytes(const struct segw *w);
/** After a full disk: writes what waits in memory.  TSN_EAGAIN: there is still no room. */
TSN_MUST_CHECK enum tsn_code segw_flush(struct segw *w, struct tsn_err *err);
/** True once segw_finish was called: it takes no more rows. */
bool segw_ended(const struct segw *w);
/**
 * Writes the rest, syncs the file (not its folder), frees the writer also on failure, but for
 * TSN_EAGAIN: the disk is full, the writer stays, and the call can be made again.
 */
TSN_MUST_CHECK enum tsn_code segw_finish(struct segw *w, struct segw_result *ret_result,
    struct tsn_err *err);
/** Gives up; the file is left for the caller to remove. Accepts NULL. */
void segw_abandon(struct segw *w);

#endif
