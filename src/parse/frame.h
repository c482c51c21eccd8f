/*
 * parse/frame: the bytes of one source become records.
 *
 * A framer is fed bytes in any cuts, also one by one, and yields the same records for every cut.
 * Pure and bounded: no clock, no I/O; it holds at most one record (TSN_RECORD_BYTES_MAX and a
 * little look-ahead).  Use:
 *
 *	tsn_framer_feed(f, bytes);
 *	while (tsn_framer_next(f, &frame) == TSN_OK)
 *		...
 *	(TSN_EAGAIN: feed more, or tsn_framer_flush and go round again)
 *
 * What a record is, is decided by its own first line (mode AUTO), so that a framer can begin at any
 * record boundary and goes on with the same records:
 *	- a line; LF or CRLF ends it; empty lines are no records
 *	- a JSON object, on one line, over many, or one of several on a line; an element of a top-level
 *	  array of objects
 *	- a block of the MySQL slow log; an entry of the MySQL general log with all lines of its
 *	  statement; a PostgreSQL csvlog record with its quoted newlines; a quoted SQL record
 *	- a line with what belongs to it: indented lines after a line that begins with a date, Java
 *	  stack traces, Python tracebacks, the [n-m] parts of one PostgreSQL message in syslog
 * Whether a line is the last of its record shows only at the first bytes of the next one; at the
 * end of input, and when a live source has been idle for a moment, the caller flushes.
 *
 * A Windows event log (.evtx) yields its records as JSON (codec/evtx.h); its offsets are those of
 * the binary records, its lines count records, and a framer may begin anew at any of its chunks.
 *
 * UTF-16 with a byte order mark becomes UTF-8: the bytes of the record are UTF-8, its offset is
 * that in the source.  A UTF-8 byte order mark is no part of the first record.  NUL is a byte.
 */
#ifndef TSN_PARSE_FRAME_H
#define TSN_PARSE_FRAME_H

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"

enum tsn_frame_mode {
	TSN_FRAME_AUTO,		/* as told above */
	TSN_FRAME_LINES,	/* each line is a record, whatever it holds */
	TSN_FRAME_CSV,		/* as LINES, but a newline inside double quotes does not end a record */
};

struct tsn_frame_start {
	enum tsn_frame_mode mode;
	uint64_t offset;		/* of the first byte that will be fed; a record boundary */
	uint64_t line;			/* number of its line, from 1; 0 counts as 1 */
	/** When offset > 0: the first bytes of the source (4 are enough; may be empty), which say
	 * whether it is UTF-16. */
	struct tsn_slice head;
};

struct tsn_frame {
	struct tsn_slice bytes;		/* the record without its line end */
	uint64_t offset;		/* of its first byte in the source */
	uint64_t line;			/* from 1 */
	bool truncated;			/* longer than TSN_RECORD_BYTES_MAX; these are its first bytes */
	bool stable;			/* bytes lie in the fed buffer; else see tsn_framer_next */
};

enum tsn_frame_flush {
	/** The source is idle: complete lines and values come out, a line without its end stays. */
	TSN_FRAME_IDLE,
	/** The source is at its end (or at rest): everything comes out. */
	TSN_FRAME_END,
};

struct tsn_framer;

/** start may be NULL: AUTO from offset 0.  NULL when out of memory. */
struct tsn_framer *tsn_framer_new(const struct tsn_frame_start *start);
void tsn_framer_free(struct tsn_framer *f);
/**
 * The next bytes of the source.  The buffer stays the caller's and must live unchanged until
 * tsn_framer_next has said TSN_EAGAIN, which it must have said of the bytes before.
 */
void tsn_framer_feed(struct tsn_framer *f, struct tsn_slice bytes);
/**
 * TSN_OK and one record; TSN_EAGAIN: nothing more in what was fed (nor flushed); TSN_ENOMEM:
 * nothing has changed, it may be called again.  A frame that is not `stable` holds until the next
 * call of any function of this framer but the getters: use it at once, or tsn_frame_keep() it.
 */
TSN_MUST_CHECK enum tsn_code tsn_framer_next(struct tsn_framer *f, struct tsn_frame *ret_frame);
/** Makes tsn_framer_next yield what is pending; call it when it has said TSN_EAGAIN. */
void tsn_framer_flush(struct tsn_framer *f, enum tsn_frame_flush how);
/** Copies the bytes of a frame that is not stable into the arena; TSN_ENOMEM when that is full. */
TSN_MUST_CHECK enum tsn_code tsn_frame_keep(struct tsn_frame *frame, struct tsn_arena *arena);

/** Everything before this offset has been yielded: a new framer may begin here. */
uint64_t tsn_framer_position(const struct tsn_framer *f);
/** Number of the line at tsn_framer_position. */
uint64_t tsn_framer_line(const struct tsn_framer *f);
/** Bytes held back: fed, and not yet yielded. */
uint64_t tsn_framer_pending(const struct tsn_framer *f);
/** Bytes of truncated records that were left out so far. */
uint64_t tsn_framer_skipped(const struct tsn_framer *f);

#endif
