/*
 * server/ledger_keep: the ledger over restarts.
 *
 * The rows stand in the store, in the same commits as the records they count: after any crash the
 * ledger says what the store holds.  Each row is a set of notes (empty ranges of a name no file can
 * have); only rows that changed are written.
 */
#ifndef TSN_SERVER_LEDGER_KEEP_H
#define TSN_SERVER_LEDGER_KEEP_H

#include "server/ledger.h"
#include "store/store.h"

/** Rows as of the last commit; the ledger is new. */
TSN_MUST_CHECK enum tsn_code tsn_ledger_load(struct tsn_ledger *l, const struct tsn_store *store,
    struct tsn_err *err);
/** To be in the next commit: what is pending counts as stored. */
TSN_MUST_CHECK enum tsn_code tsn_ledger_save(struct tsn_ledger *l, struct tsn_store *store,
    struct tsn_err *err);

/** How the last run ended, and when it committed last. */
struct tsn_run_note {
	int64_t last_ns;	/* 0: there was no run */
	bool closed;		/* in order */
};

TSN_MUST_CHECK enum tsn_code tsn_run_note_save(struct tsn_store *store,
    const struct tsn_run_note *note, struct tsn_err *err);
struct tsn_run_note tsn_run_note_load(const struct tsn_store *store);

#endif
