/*
 * collect/spool: a bounded first-in first-out of blocks of bytes on disk, for an input that cannot
 * wait (UDP) while the store has no room or no time.
 *
 * One thread puts, one takes; they may be different ones.  Blocks that were put survive the
 * process.
 * What has been taken is said with tsn_spool_done() once it is durable elsewhere: then the file is
 * emptied.  A block that was damaged ends what can be taken.
 *
 * Format: docs/format/spool.md.
 */
#ifndef TSN_COLLECT_SPOOL_H
#define TSN_COLLECT_SPOOL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#define TSN_SPOOL_BLOCK_MAX (4u << 20)

struct tsn_spool;

/** Where a reader is: kept with what it has taken, and given when the spool is opened again. */
struct tsn_spool_mark {
	uint64_t generation, offset;
};

/** Opens or makes the file; bytes_max bounds it. */
TSN_MUST_CHECK enum tsn_code tsn_spool_open(const char *path, uint64_t bytes_max,
    const struct tsn_spool_mark *from, struct tsn_spool **ret_spool, struct tsn_err *err);
/** Keeps what was not taken; accepts NULL. */
void tsn_spool_close(struct tsn_spool *s);
/** TSN_ELIMIT: full; TSN_EAGAIN: the disk is; nothing was put then. */
TSN_MUST_CHECK enum tsn_code tsn_spool_put(struct tsn_spool *s, struct tsn_slice block,
    struct tsn_err *err);
/** The oldest block not taken, into *block (emptied first); TSN_EAGAIN: none. */
TSN_MUST_CHECK enum tsn_code tsn_spool_take(struct tsn_spool *s, struct tsn_buf *block,
    struct tsn_err *err);
/** Has every block that was put been taken? */
bool tsn_spool_empty(struct tsn_spool *s);
struct tsn_spool_mark tsn_spool_mark(struct tsn_spool *s);
/** Bytes that wait. */
uint64_t tsn_spool_bytes(struct tsn_spool *s);
/** All up to the mark is durable elsewhere: a spool that is empty there gives its disk back. */
void tsn_spool_done(struct tsn_spool *s, const struct tsn_spool_mark *mark);

#endif
