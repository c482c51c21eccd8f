/*
 * ship/ship: delivery of items to one peer, in order, by a thread of its own, out of a queue.
 *
 * Who puts is never stopped by a slow or dead peer until the queue is full; then it waits (that
 * is the back-pressure), or is asked to stop.  An item is done when the peer has taken it, refused
 * when the peer will never take it (it goes to the dead letter file and is counted), and everything
 * else is tried again, at growing intervals, for as long as it takes.  Delivery is at least once.
 *
 * A destination is a function that sends a batch, run by that one thread alone.
 */
#ifndef TSN_SHIP_SHIP_H
#define TSN_SHIP_SHIP_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

#define TSN_SHIP_PARTS_MAX 8u

enum tsn_ship_result {
	TSN_SHIP_AGAIN,
	TSN_SHIP_DONE,
	TSN_SHIP_REFUSED,
};

/* What the parts mean is the destination's business: a path and bytes, a topic, a key and bytes. */
struct tsn_ship_item {
	struct tsn_slice parts[TSN_SHIP_PARTS_MAX];
	uint32_t count;
	enum tsn_ship_result result;
	struct tsn_slice reason;	/* of REFUSED; static or in the arena of the batch */
};

struct tsn_ship_batch {
	struct tsn_ship_item *items;	/* all AGAIN at first */
	uint32_t count;
	struct tsn_arena *arena;
	const atomic_bool *stopping;	/* looked at while waiting for the peer */
};

struct tsn_ship_dest {
	/** Sets results.  What stays AGAIN is tried again; *why says what was wrong with the peer. */
	void (*send)(void *state, struct tsn_ship_batch *batch, struct tsn_err *why);
	void (*close)(void *state);
	void *state;
	uint32_t batch_items;		/* at most; 0: 500 */
	size_t batch_bytes;		/* about; 0: 4 MiB */
	int64_t linger_ns;		/* waits so long for a batch to fill */
	int64_t retry_min_ns, retry_max_ns;	/* 0: 500 ms, 30 s */
	uint64_t attempts_max;		/* then what is left is refused; 0: for ever */
};

struct tsn_ship_options {
	struct tsn_ship_dest dest;	/* its state belongs to the ship, also when opening fails */
	const char *name;		/* for messages */
	const char *folder;		/* of the queue and dead letters; NULL: they end with us */
	uint64_t queue_bytes_max;
	void (*say)(void *ctx, const char *line);	/* from the ship's thread; may be NULL */
	void *ctx;
};

struct tsn_ship_stats {
	uint64_t taken;			/* put since it was opened */
	uint64_t earlier;		/* were in the queue when it was opened */
	uint64_t delivered, refused;
	uint64_t waiting, waiting_bytes;
	uint64_t retries;		/* times a batch was not taken whole */
	char trouble[160];		/* what is wrong with the peer now, or "" */
};

struct tsn_ship;

TSN_MUST_CHECK enum tsn_code tsn_ship_open(const struct tsn_ship_options *options,
    struct tsn_ship **ret_ship, struct tsn_err *err);
/** Sends nothing more; what waits stays in the folder.  Accepts NULL. */
void tsn_ship_close(struct tsn_ship *s);
/**
 * Queues one item.  Waits while the queue is full, asking stop() now and then: TSN_ECANCELED.
 * TSN_ELIMIT, TSN_EIO, TSN_ENOMEM: it was not taken.
 */
TSN_MUST_CHECK enum tsn_code tsn_ship_put(struct tsn_ship *s, const struct tsn_slice *parts,
    uint32_t count, bool (*stop)(void *ctx), void *ctx, struct tsn_err *err);
/** *ret_safe: all that was put would survive the end of this process, or is delivered. */
TSN_MUST_CHECK enum tsn_code tsn_ship_flush(struct tsn_ship *s, bool *ret_safe,
    struct tsn_err *err);
/** Nothing more will come: send what there is without waiting for more. */
void tsn_ship_hurry(struct tsn_ship *s);
/** Any thread. */
struct tsn_ship_stats tsn_ship_stats_get(struct tsn_ship *s);

#endif
