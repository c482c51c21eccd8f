/*
 * collect/tail: files that grow, found by patterns, through every kind of rotation.
 *
 * A file is known by its device and inode, not by its name: renamed, it is read on to its end under
 * the name it had (its source), and the new file under the old name is read from its beginning.
 * Cut and written anew (copytruncate), it is read again from the beginning.  Deleted, it is read to
 * its end.  Where reading went on is what the store's ranges say, found by content, also after a
 * rotation while nobody was looking: then rotated files beside it are read to their ends first.
 * What is written since a name is followed is read, so the store also keeps since when that is: an
 * empty range whose hash is the time.
 * Compressed and binary files are left out, and that is said once.
 *
 * Owner: the caller of open.  One thread.  At most TSN_TAIL_FILES_MAX files at once.
 */
#ifndef TSN_COLLECT_TAIL_H
#define TSN_COLLECT_TAIL_H

#include "collect/sink.h"
#include "os/file.h"

#define TSN_TAIL_FILES_MAX 4096u

struct tsn_tail_options {
	const struct tsn_file_ops *ops;
	const struct tsn_sink *sink;
	const char *const *patterns;	/* as of the shell: *, ?, [], {,}; copied */
	size_t pattern_count;
	struct tsn_slice kind;		/* fixed kind or empty; copied */
	int32_t tz_offset_sec;
	bool at_end;			/* files met for the first time at start begin at their end */
};

struct tsn_tail_stats {
	uint64_t files;			/* followed now */
	uint64_t opened, finished;
	uint64_t restarts;		/* cut or rewritten files */
	uint64_t left_out;		/* compressed, binary, unreadable */
};

struct tsn_tail;

TSN_MUST_CHECK enum tsn_code tsn_tail_open(const struct tsn_tail_options *options,
    struct tsn_tail **ret_tail, struct tsn_err *err);
void tsn_tail_close(struct tsn_tail *t);
/**
 * One round over all files.  *ret_more: there is more to read at once.  Fails only when the sink
 * does or memory is gone; a file's own trouble is said and counted.
 */
TSN_MUST_CHECK enum tsn_code tsn_tail_turn(struct tsn_tail *t, int64_t mono_ns, bool *ret_more,
    struct tsn_err *err);
/** Before a commit: tells the sink which bytes are dealt with. */
TSN_MUST_CHECK enum tsn_code tsn_tail_ranges(struct tsn_tail *t, struct tsn_err *err);
struct tsn_tail_stats tsn_tail_stats_get(const struct tsn_tail *t);

#endif
