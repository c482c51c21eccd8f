/*
 * server/intake: the sink of all live inputs: their sources, back-pressure, and the commits.
 *
 * When the store has no room, taking a record waits: nothing is read from sockets and files
 * meanwhile, and the state is told.  sources may be made from any thread, all else belongs to the
 * engine's thread.
 */
#ifndef TSN_SERVER_INTAKE_H
#define TSN_SERVER_INTAKE_H

#include "collect/queue.h"
#include "collect/sink.h"
#include "server/engine.h"

#define TSN_INTAKE_SOURCES_MAX 4096u

struct tsn_intake_options {
	struct tsn_engine *engine;	/* all borrowed */
	struct tsn_store *store;
	struct tsn_queue *queue;	/* gives the sequence numbers */
	void (*say)(void *ctx, const char *line);
	/** Records of that row of the ledger were lost between two times. */
	void (*lost)(void *ctx, const struct tsn_ledger_row *row, enum tsn_drop why, uint64_t count,
	    int64_t from_ns, int64_t to_ns);
	/** Begins to wait for room, or goes on; may be NULL. */
	void (*waits)(void *ctx, bool waits);
	/** Asked while waiting for room: true ends the wait (the server shall stop). */
	bool (*stop)(void *ctx);
	void *ctx;
};

struct tsn_intake;

TSN_MUST_CHECK enum tsn_code tsn_intake_new(const struct tsn_intake_options *options,
    struct tsn_intake **ret_intake, struct tsn_err *err);
void tsn_intake_free(struct tsn_intake *in);
const struct tsn_sink *tsn_intake_sink(struct tsn_intake *in);
/** Makes all that was taken durable; waits while there is no room. */
TSN_MUST_CHECK enum tsn_code tsn_intake_commit(struct tsn_intake *in, struct tsn_err *err);
/** Does an input wait for the next commit? */
bool tsn_intake_hurried(const struct tsn_intake *in);
/** Does intake wait for room now?  Any thread. */
bool tsn_intake_stalled(const struct tsn_intake *in);
/** What went wrong last, for the end of the server. */
const struct tsn_err *tsn_intake_error(const struct tsn_intake *in);

#endif
