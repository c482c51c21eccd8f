/*
 * collect/reader: the records of one file, from its first byte to its last.
 *
 * A reader decompresses (collect/stream), frames (parse/frame) and numbers: offsets are those of
 * the decompressed bytes.  It knows which bytes the store already has: the ranges it is given are
 * hashed against the file first, and records inside a range whose bytes are the same are `known`.
 *
 * Use:
 *	while ((code = tsn_reader_fill(r, err)) == TSN_OK) {
 *		while (tsn_reader_next(r, &rec, &known) == TSN_OK)
 *			...
 *		everything made of these records is finished with now
 *		if (tsn_reader_take_range(r, &range)) ...
 *	}
 * Damage or an I/O error ends the file early: all records before it are given, then fill returns
 * TSN_EOF and tsn_reader_damage() says what happened.
 *
 * Owner: who opened it.  The source outlives it.  One thread.
 */
#ifndef TSN_COLLECT_READER_H
#define TSN_COLLECT_READER_H

#include "base/arena.h"
#include "os/file.h"
#include "parse/frame.h"
#include "parse/parse.h"
#include "store/store.h"

struct tsn_reader;

struct tsn_reader_options {
	const struct tsn_file_ops *ops;
	const struct tsn_source *source;
	const char *path;			/* to open; "-" is standard input */
	enum tsn_frame_mode mode;
	const struct tsn_store_range *ranges;	/* what is stored of this source; copied */
	size_t range_count;
	bool unranged;				/* nothing is stored: tsn_reader_take_range finds none */
};

TSN_MUST_CHECK enum tsn_code tsn_reader_open(const struct tsn_reader_options *options,
    struct tsn_reader **ret_reader, struct tsn_err *err);
void tsn_reader_close(struct tsn_reader *r);

/**
 * Reads the next piece.  Records given before are gone after it.  TSN_EOF: there is no more, and no
 * record either.  TSN_ENOMEM.
 */
TSN_MUST_CHECK enum tsn_code tsn_reader_fill(struct tsn_reader *r, struct tsn_err *err);
/** The next record of the piece, good until the next fill; TSN_EAGAIN: no more; TSN_ENOMEM. */
TSN_MUST_CHECK enum tsn_code tsn_reader_next(struct tsn_reader *r, struct tsn_record *ret_record,
    bool *ret_known);
/**
 * The run of bytes since the last taken range whose records have all been given and were not known.
 * False when there is none or when it does not end in this piece; call it after tsn_reader_next has
 * said TSN_EAGAIN.
 */
bool tsn_reader_take_range(struct tsn_reader *r, struct tsn_store_range *ret_range);
/** Why the file ended early, or NULL. */
const struct tsn_err *tsn_reader_damage(const struct tsn_reader *r);
/** Decompressed bytes so far. */
uint64_t tsn_reader_bytes(const struct tsn_reader *r);
/** Bytes of over-long records that were left out. */
uint64_t tsn_reader_skipped(const struct tsn_reader *r);
/** Compressed bytes read and size of the file (0 for a pipe), for progress. */
uint64_t tsn_reader_consumed(const struct tsn_reader *r);
uint64_t tsn_reader_size(const struct tsn_reader *r);

#endif
