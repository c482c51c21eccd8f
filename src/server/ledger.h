/*
 * server/ledger: what became of every record, per source.  It always balances:
 *
 *	received = stored + failed + known + framing + dropped (all reasons) + pending
 *
 * One thread writes (the engine's), holding the lock while it does; any thread may read copies.
 */
#ifndef TSN_SERVER_LEDGER_H
#define TSN_SERVER_LEDGER_H

#include <pthread.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* Why a record was not stored. */
enum tsn_drop {
	TSN_DROP_SOCKET,	/* the kernel's receive buffer was full (its own counter) */
	TSN_DROP_OVERSIZE,	/* a frame beyond its limit whose bytes were not kept */
	TSN_DROP_BAD_FRAME,	/* bytes that are no frame of the protocol */
	TSN_DROP_MEMORY,	/* out of memory while it was taken in */
	TSN_DROP_STORE,		/* the store refused it and the sender cannot be asked again */
	TSN_DROP_FILTER,	/* a pipeline's filter dropped it, as it was told to */
	TSN_DROP__COUNT
};

#define TSN_LEDGER_NAME_MAX 256u
#define TSN_LEDGER_ROWS_MAX 4096u
/* Views that are told apart; of further ones it is not said who sends them. */
#define TSN_LEDGER_VIEWS 512u

struct tsn_ledger_row {
	char name[TSN_LEDGER_NAME_MAX];	/* path, "udp 127.0.0.1:514", "http 10.0.0.7" */
	uint64_t received;	/* records that came, the ones the kernel lost too */
	uint64_t stored;	/* durable, parsed */
	uint64_t failed;	/* durable, as pipeline_error */
	uint64_t known;		/* the store had them already */
	uint64_t framing;	/* headers and the like: no event */
	uint64_t dropped[TSN_DROP__COUNT];
	uint64_t pending;	/* taken in, not durable yet */
	uint64_t pending_failed;	/* the part of pending that will count as failed */
	uint64_t late;		/* came after windows of their time had been judged; stored all the same */
	uint64_t truncated;	/* stored cut at the record limit */
	uint64_t bytes;		/* of records */
	int64_t last_seen_ns;	/* when the newest record came; 0 never */
	int64_t last_event_ns;	/* @timestamp of the newest event */
	uint64_t lag_bytes;	/* known to be waiting in the source */
	uint64_t offset;	/* of a file: up to where it is durable */
	uint64_t kept;		/* hash of what was kept last; ledger_keep.c */
	bool silent, low;	/* against its own habit; server/sentry */
	uint64_t samples;	/* events whose views were looked at */
	uint64_t views[TSN_LEDGER_VIEWS / 64];	/* kinds of events (of the rules) it has sent */
};

struct tsn_ledger {
	pthread_mutex_t lock;
	struct tsn_ledger_row **rows;
	uint32_t count;
	uint32_t cap;
};

TSN_MUST_CHECK enum tsn_code tsn_ledger_init(struct tsn_ledger *l);
void tsn_ledger_done(struct tsn_ledger *l);
/**
 * The row of that name (long names keep their end), new if need be; lives as long as the ledger.
 * When the table is full the last row, "(others)", serves all further names.  NULL: out of memory.
 */
struct tsn_ledger_row *tsn_ledger_row(struct tsn_ledger *l, struct tsn_slice name);
/** Pending becomes stored (or failed) in all rows: the store has committed. */
void tsn_ledger_commit(struct tsn_ledger *l);
/** The sum of all rows; name is empty. */
void tsn_ledger_total(struct tsn_ledger *l, struct tsn_ledger_row *ret_total);
/** Row i as it is now; false behind the last. */
bool tsn_ledger_copy(struct tsn_ledger *l, uint32_t i, struct tsn_ledger_row *ret_row);
bool tsn_ledger_balances(const struct tsn_ledger_row *row);
uint64_t tsn_ledger_dropped(const struct tsn_ledger_row *row);
const char *tsn_drop_name(enum tsn_drop why);

#endif
