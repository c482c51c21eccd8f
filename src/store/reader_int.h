/*
 * store/reader_int: a snapshot of the store, shared by reader.c (opening) and scan.c.
 */
#ifndef TSN_STORE_READER_INT_H
#define TSN_STORE_READER_INT_H

#include "store/manifest_int.h"
#include "store/rowlog_int.h"
#include "store/seg_int.h"
#include "store/store.h"

struct tsn_store_reader {
	struct tsn_keys *keys;
	char dir[FILE_PATH_MAX];
	struct tmpl_table tmpls;
	struct sources sources;
	struct manifest manifest;
	struct ranges ranges;
	struct seg *segs;		/* beside manifest.segs; file.ptr NULL: damaged */
	struct rowlog mem;		/* what the journal holds, sorted */
	uint64_t journal_bytes, commits;
	bool skip_missing;		/* files stay missing: serve the rest */
	uint64_t damaged;
	char damage[256];
};

/** Counts a damage and keeps the message of the first. */
void reader_note(struct tsn_store_reader *r, const char *what);

typedef enum tsn_code scan_row_fn(void *ctx, const struct row *row, struct tsn_err *err);

/** All rows in order of time (an event at INT64_MAX is left out); the row is valid in the call. */
TSN_MUST_CHECK enum tsn_code scan_rows(struct tsn_store_reader *r, scan_row_fn *fn, void *ctx,
    struct tsn_err *err);

#endif
