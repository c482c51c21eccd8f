/*
 * server/engine: records to events to findings to the store, the same way for import, run, demo and
 * detect.  One engine, one thread.
 *
 *	record ─► parse ─► enrich ─► batch ─► detect ─► store ─► commit
 *
 * Records of a source that the store has already (`known`) are parsed and detected, so that alerts
 * come again with their ids, and not stored again.  Alerts become durable before the events they
 * stand for: a crash between the two finds them again.
 *
 * The bytes of a record stay the caller's and must live until tsn_engine_flush() has returned
 * TSN_OK.
 */
#ifndef TSN_SERVER_ENGINE_H
#define TSN_SERVER_ENGINE_H

#include "parse/parse.h"
#include "server/ledger.h"
#include "store/store.h"

struct tsn_engine;

/** What looks at each batch before it is stored: server/detection, or a test. */
struct tsn_engine_stage {
	/** Enriches the newest event of the batch; may be NULL. */
	enum tsn_code (*event)(void *ctx, struct tsn_batch *batch, struct tsn_err *err);
	enum tsn_code (*batch)(void *ctx, const struct tsn_batch *batch, struct tsn_err *err);
	/** Told of one event in some, with the row of its source; may be NULL. */
	void (*sample)(void *ctx, const struct tsn_event *ev, struct tsn_ledger_row *row);
	/** Event time before which an event is late now; may be NULL. */
	int64_t (*mark)(void *ctx);
	/** Makes durable what came of the batches so far; called before the store commits. */
	enum tsn_code (*commit)(void *ctx, struct tsn_err *err);
	void *ctx;
};

struct tsn_engine_options {
	struct tsn_keys *keys;		/* borrowed */
	struct tsn_store *store;	/* borrowed; NULL: nothing is stored */
	const struct tsn_engine_stage *detect;	/* borrowed; NULL: nothing is detected */
	uint32_t batch_events;		/* 0: the default */
	bool keep_ledger;		/* the ledger goes on over restarts: it is in each commit */
};

/** The ledger's row of a source goes with it. */
struct tsn_engine_source {
	struct tsn_source source;
	struct tsn_ledger_row *row;
};

TSN_MUST_CHECK enum tsn_code tsn_engine_new(const struct tsn_engine_options *options,
    struct tsn_engine **ret_engine, struct tsn_err *err);
/** What was not committed is lost; accepts NULL. */
void tsn_engine_free(struct tsn_engine *e);

/** A number for a new source, unique in this engine; any thread. */
uint32_t tsn_engine_source_id(struct tsn_engine *e);
struct tsn_ledger *tsn_engine_ledger(struct tsn_engine *e);

/**
 * Takes one record.  `from` contains rec->source.  Codes of flush; after any but TSN_OK the record
 * was not taken and may be given again.
 */
TSN_MUST_CHECK enum tsn_code tsn_engine_record(struct tsn_engine *e, struct tsn_engine_source *from,
    const struct tsn_record *rec, bool known, struct tsn_err *err);
/**
 * Detects and stores what was taken.  TSN_EAGAIN: the store has no room now; nothing is lost, call
 * again later.  Other codes are the store's or the alerts'.
 */
TSN_MUST_CHECK enum tsn_code tsn_engine_flush(struct tsn_engine *e, struct tsn_err *err);
/** All records of these bytes have been taken and flushed. */
TSN_MUST_CHECK enum tsn_code tsn_engine_range(struct tsn_engine *e,
    const struct tsn_store_range *range, struct tsn_err *err);
/** Flushes, then makes alerts and events durable. */
TSN_MUST_CHECK enum tsn_code tsn_engine_commit(struct tsn_engine *e, struct tsn_err *err);
/** Bytes of records taken since the last commit; more than 0 when anything is to be committed. */
uint64_t tsn_engine_uncommitted(const struct tsn_engine *e);
/** Records that came and are not stored, for `why`. */
void tsn_engine_drop(struct tsn_engine *e, struct tsn_ledger_row *row, enum tsn_drop why,
    uint64_t count);

#endif
