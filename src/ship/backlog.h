/*
 * ship/backlog: a bounded queue of records in files, so that what waits for a peer costs disk,
 * not memory, and is there after a crash.
 *
 * One thread appends, one reads; what was read and acknowledged is forgotten, whole files at a
 * time.
 * Records are checked when they are read: a torn end (power loss) is cut and counted.  Without a
 * folder the files have no names and end with the process.
 *
 * On disk: FOLDER/NUMBER.q files of records (length, XXH3 of the bytes, bytes; little-endian), and
 * FOLDER/done, the place up to which everything is acknowledged.
 */
#ifndef TSN_SHIP_BACKLOG_H
#define TSN_SHIP_BACKLOG_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

#define TSN_BACKLOG_RECORD_MAX (64u << 20)

struct tsn_backlog;

struct tsn_backlog_options {
	const char *folder;		/* made if need be; NULL: unnamed files in the temporary folder */
	uint64_t bytes_max;		/* 0: 256 MiB */
};

struct tsn_backlog_place {
	uint64_t file, offset;
};

struct tsn_backlog_stats {
	uint64_t records;		/* not acknowledged */
	uint64_t bytes;
	uint64_t found;			/* records that were there when it was opened */
	uint64_t torn;			/* bytes cut from damaged files */
};

TSN_MUST_CHECK enum tsn_code tsn_backlog_open(const struct tsn_backlog_options *options,
    struct tsn_backlog **ret_spool, struct tsn_err *err);
/** Writes what is held; accepts NULL. */
void tsn_backlog_close(struct tsn_backlog *s);
/** TSN_EAGAIN: no room; TSN_ELIMIT: the record is too large; TSN_EIO. */
TSN_MUST_CHECK enum tsn_code tsn_backlog_append(struct tsn_backlog *s, struct tsn_slice record,
    struct tsn_err *err);
/** Everything appended is in the files, and on the disk if sync. */
TSN_MUST_CHECK enum tsn_code tsn_backlog_flush(struct tsn_backlog *s, bool sync,
    struct tsn_err *err);
/** The next record, in the arena; TSN_EAGAIN: none now. *ret_place is behind it. */
TSN_MUST_CHECK enum tsn_code tsn_backlog_next(struct tsn_backlog *s, struct tsn_arena *arena,
    struct tsn_slice *ret_record, struct tsn_backlog_place *ret_place, struct tsn_err *err);
/** All records up to the place are dealt with: `records` of them. */
void tsn_backlog_done(struct tsn_backlog *s, struct tsn_backlog_place place, uint64_t records);
struct tsn_backlog_stats tsn_backlog_stats_get(struct tsn_backlog *s);

#endif
