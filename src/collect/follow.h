/*
 * collect/follow: one file that grows.
 *
 * It is held open, so that its bytes are read to the end whatever happens to its name.  What of it
 * is stored already is found by content: the farthest stored range whose bytes stand in the file.
 * When it shrinks, or what was read of it last has changed, it is taken for a new file.
 *
 * Owner: the caller of open.  One thread.
 */
#ifndef TSN_COLLECT_FOLLOW_H
#define TSN_COLLECT_FOLLOW_H

#include "collect/sink.h"
#include "os/file.h"

/* Room for what is read at a time. */
#define TSN_FOLLOW_PIECE_BYTES (128u << 10)

struct tsn_follow;

struct tsn_follow_options {
	const struct tsn_file_ops *ops;
	const struct tsn_sink *sink;
	const struct tsn_source *source;	/* whose records these are; outlives it */
	const char *path;			/* to open */
	char *piece;	/* TSN_FOLLOW_PIECE_BYTES, shared by all files of one thread */
	bool at_end;				/* a file without stored ranges begins at its end */
};

TSN_MUST_CHECK enum tsn_code tsn_follow_open(const struct tsn_follow_options *options,
    struct tsn_follow **ret_follow, struct tsn_err *err);
/** Nothing is flushed; accepts NULL. */
void tsn_follow_close(struct tsn_follow *f);

/**
 * Reads up to budget bytes of what is new and gives the records.  TSN_OK: there may be more;
 * TSN_EAGAIN: that was all for now; TSN_EIO; what the sink said.
 */
TSN_MUST_CHECK enum tsn_code tsn_follow_read(struct tsn_follow *f, uint64_t budget,
    struct tsn_err *err);
/** The file has been silent for a while: complete records that were held back come out. */
TSN_MUST_CHECK enum tsn_code tsn_follow_idle(struct tsn_follow *f, struct tsn_err *err);
/** The file will not grow any more: all comes out. */
TSN_MUST_CHECK enum tsn_code tsn_follow_end(struct tsn_follow *f, struct tsn_err *err);
/** Tells the sink which bytes are dealt with; before each commit. `apart`: another file of the same
 * source has told ranges since. */
TSN_MUST_CHECK enum tsn_code tsn_follow_range(struct tsn_follow *f, bool apart,
    bool *ret_told, struct tsn_err *err);

/**
 * Where in this file the store's ranges end: the farthest range whose bytes are the file's.
 * TSN_ENOTFOUND when none is.  *ret_line is the number of the line there.
 */
TSN_MUST_CHECK enum tsn_code tsn_follow_find(struct tsn_file *file, uint64_t size,
    const struct tsn_store_range *ranges, size_t count, uint64_t *ret_offset, uint64_t *ret_line,
    struct tsn_err *err);

const struct tsn_source *tsn_follow_source(const struct tsn_follow *f);
/** Identity and size when it was looked at last. */
const struct tsn_file_info *tsn_follow_info(const struct tsn_follow *f);
uint64_t tsn_follow_offset(const struct tsn_follow *f);
/** Times it was found to have been cut or rewritten. */
uint64_t tsn_follow_restarts(const struct tsn_follow *f);

#endif
