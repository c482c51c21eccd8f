/*
 * store/manifest: what the store consists of at one moment: segments, the journal behind them, and
 * the ranges that are in the segments.  Replaced as a whole by rename, so that it is always one
 * state or the next.
 */
#ifndef TSN_STORE_MANIFEST_INT_H
#define TSN_STORE_MANIFEST_INT_H

#include "store/file_int.h"
#include "store/range_int.h"

struct manifest_seg {
	uint64_t number;
	uint64_t rows, raw_bytes, file_bytes;
	int64_t day;			/* start of the day of its first row: part of the name */
	int64_t time_min, time_max;
	uint64_t hash;			/* XXH3-64 of the file, once an archive may have a copy: such
					 * a segment is not merged any more.  0: none */
	bool damaged;			/* found so since the store was opened; not written */
	bool apart;			/* cannot be merged as it is; not written */
};

struct manifest {
	uint64_t generation;		/* grows with each replacement */
	uint64_t journal;		/* its number; commits up to `seq` are in segments; 0: this
					 * is an archive, which has none */
	uint64_t seq;
	uint64_t next_number;		/* of segments and journals */
	struct manifest_seg *segs;	/* in the order in which they were made */
	uint32_t seg_count, seg_cap;
};

void manifest_done(struct manifest *m);
TSN_MUST_CHECK enum tsn_code manifest_add(struct manifest *m, const struct manifest_seg *seg);
/**
 * ranges may be NULL (readers).  *ret_copy: the file is damaged, its copy was used (which may be
 * one state behind).  TSN_ENOTFOUND, TSN_ECORRUPT, TSN_EVERSION, TSN_EIO.
 */
TSN_MUST_CHECK enum tsn_code manifest_read(struct manifest *m, const char *dir,
    struct ranges *ranges, bool *ret_copy, struct tsn_err *err);
/** *ret_unsure after a failure: the new state may be in force. */
TSN_MUST_CHECK enum tsn_code manifest_write(const struct manifest *m, const char *dir,
    const struct ranges *ranges, bool *ret_unsure, struct tsn_err *err);
/** The copy is well, or missing: TSN_OK. */
TSN_MUST_CHECK enum tsn_code manifest_check_copy(const char *dir, struct tsn_err *err);
/** Removes the copy; the next manifest_write makes it anew. */
bool manifest_drop_copy(const char *dir);
/** The segment that is a copy of this one, or NULL.  Both have hashes. */
const struct manifest_seg *manifest_find(const struct manifest *m, const struct manifest_seg *seg);
/** The name of a segment's file. */
void manifest_seg_name(const struct manifest_seg *seg, char out[64]);

#endif
