/*
 * collect/queue: blocks of records from other threads (HTTP) to the one that runs the engine, and
 * the answer back once they are durable.
 *
 * Bounded by bytes: a sender that would go beyond is told so and asks its client to come again.
 * A block belongs to the queue from push to done(); done() is called exactly once, in the engine's
 * thread, with TSN_OK after the commit that holds the block's records.
 */
#ifndef TSN_COLLECT_QUEUE_H
#define TSN_COLLECT_QUEUE_H

#include <pthread.h>

#include "base/err.h"
#include "event/event.h"

struct tsn_aside;	/* parse/parse.h */

struct tsn_block_record {
	const char *ptr;	/* in the block's bytes */
	uint32_t len;
	bool truncated;
	bool placed;		/* it has an offset of its own: its place in a file */
	const struct tsn_aside *aside;	/* what came beside it, or NULL */
	uint64_t offset;
};

struct tsn_block {
	struct tsn_block *next;
	const struct tsn_source *source;
	const struct tsn_block_record *records;
	uint32_t count;
	uint64_t sequence;	/* of its first record: offsets of the others follow */
	int64_t received_ns;
	void (*done)(struct tsn_block *b, enum tsn_code code);
};

struct tsn_queue {
	pthread_mutex_t lock;
	struct tsn_block *first, **last;
	size_t bytes, bytes_max;	/* of blocks that are not done */
	uint64_t sequence;
	int wake_fd;
	bool closed;
};

/** sequence: the first number to give. */
TSN_MUST_CHECK enum tsn_code tsn_queue_init(struct tsn_queue *q, size_t bytes_max,
    uint64_t sequence, struct tsn_err *err);
void tsn_queue_done(struct tsn_queue *q);
/** Room for a block of that many bytes; TSN_EAGAIN: none now, TSN_ECANCELED: closed. */
TSN_MUST_CHECK enum tsn_code tsn_queue_reserve(struct tsn_queue *q, size_t bytes);
/** Gives reserved room back that no block used. */
void tsn_queue_release(struct tsn_queue *q, size_t bytes);
/** Numbers for `count` records. */
uint64_t tsn_queue_sequence(struct tsn_queue *q, uint64_t count);
/** Its bytes have been reserved, and stay so. TSN_ECANCELED: closed; it is the caller's again. */
TSN_MUST_CHECK enum tsn_code tsn_queue_push(struct tsn_queue *q, struct tsn_block *b);
/** All blocks, oldest first, or NULL. */
struct tsn_block *tsn_queue_take(struct tsn_queue *q);
/** No more blocks; those inside are still to be taken. */
void tsn_queue_close(struct tsn_queue *q);

#endif
