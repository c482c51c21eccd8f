/*
 * collect/journalin: the journal of this machine, as journalctl gives it: entries as JSON, from
 * where the store ends.
 *
 * The cursor of the newest entry stands in the store, in the same commit as the entry.  When
 * journalctl ends it is started again, after that cursor.  Its pipe is the back-pressure.
 */
#ifndef TSN_COLLECT_JOURNALIN_H
#define TSN_COLLECT_JOURNALIN_H

#include "collect/sink.h"
#include "os/loop.h"

struct tsn_journalin_options {
	const char *program;		/* NULL: journalctl */
	const char *directory;		/* of journal files; NULL: this machine's */
	bool at_end;			/* without a cursor: only what comes from now on */
};

struct tsn_journalin;

/** Texts, loop and sink outlive it. */
TSN_MUST_CHECK enum tsn_code tsn_journalin_open(const struct tsn_journalin_options *options,
    struct tsn_loop *loop, const struct tsn_sink *sink, struct tsn_journalin **ret_in,
    struct tsn_err *err);
void tsn_journalin_close(struct tsn_journalin *in);
/** Each second: starts the program again if it has ended. */
void tsn_journalin_tick(struct tsn_journalin *in, int64_t mono_ns);
/** Before a commit. */
TSN_MUST_CHECK enum tsn_code tsn_journalin_ranges(struct tsn_journalin *in);

#endif
