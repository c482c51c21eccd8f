/*
 * server/feed: what pipelines make goes into the engine.
 *
 * With a pipeline (filters alone): records of files pass through it first (import, detect).
 * Without: events come from a pipeline that runs by itself (output tocsin).  The bytes of events
 * are kept here until they are flushed.  One thread, the engine's.
 */
#ifndef TSN_SERVER_FEED_H
#define TSN_SERVER_FEED_H

#include "pipeline/run.h"
#include "server/engine.h"

/* Sources that events of a running pipeline may name; further ones share one. */
#define TSN_FEED_SOURCES_MAX 1024u

struct tsn_feed;

/** Both borrowed; pipeline may be NULL. */
TSN_MUST_CHECK enum tsn_code tsn_feed_new(struct tsn_engine *engine, struct tsn_pipeline *pipeline,
    struct tsn_feed **ret_feed, struct tsn_err *err);
void tsn_feed_free(struct tsn_feed *r);
/** A record of a file, through the pipeline.  What filters drop is counted as dropped. */
TSN_MUST_CHECK enum tsn_code tsn_feed_record(struct tsn_feed *r, struct tsn_engine_source *from,
    const struct tsn_record *rec, bool known, struct tsn_err *err);
/** True while the pipeline's codec holds lines back that belong to an unfinished event. */
bool tsn_feed_holds(const struct tsn_feed *r);
/** What the codec holds back is an event now; then flushed. */
TSN_MUST_CHECK enum tsn_code tsn_feed_end(struct tsn_feed *r, struct tsn_engine_source *from,
    struct tsn_err *err);
/** An event of a running pipeline; kind: of its text, or empty. */
TSN_MUST_CHECK enum tsn_code tsn_feed_event(struct tsn_feed *r, struct tsn_pev *ev,
    struct tsn_slice kind, int64_t now_ns, struct tsn_err *err);
/** Instead of tsn_engine_flush: gives the bytes back too. */
TSN_MUST_CHECK enum tsn_code tsn_feed_flush(struct tsn_feed *r, struct tsn_err *err);

#endif
