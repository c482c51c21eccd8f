/*
 * collect/sink: where inputs put what they have received.  The server implements it; an input only
 * calls it, from the one thread of the loop.
 */
#ifndef TSN_COLLECT_SINK_H
#define TSN_COLLECT_SINK_H

#include "parse/parse.h"
#include "store/store.h"

enum tsn_sink_drop {
	TSN_SINK_DROP_SOCKET,		/* lost by the kernel */
	TSN_SINK_DROP_OVERSIZE,
	TSN_SINK_DROP_BAD_FRAME,
	TSN_SINK_DROP_MEMORY,
	TSN_SINK_DROP_STORE,		/* no room in the store, none in the spool */
};

struct tsn_sink {
	/**
	 * The source of that name: path of a file, or the listener with the peer's address.  It lives
	 * as long as the sink; the same name gives the same source.  NULL when out of memory.
	 */
	const struct tsn_source *(*source)(void *ctx, const struct tsn_source *like,
	    struct tsn_slice name);
	/**
	 * Takes one record; its bytes stay where they are until flush().  Waits while the store has no
	 * room: that is the back-pressure.  What it returns other than TSN_OK ends the input's turn.
	 */
	enum tsn_code (*record)(void *ctx, const struct tsn_record *rec);
	/** Nothing refers to bytes of records any more. */
	enum tsn_code (*flush)(void *ctx);
	/** All records of these bytes have been flushed; goes with the next commit. */
	enum tsn_code (*range)(void *ctx, const struct tsn_store_range *range);
	/** Forgets the ranges of a source, with the next commit. */
	enum tsn_code (*forget)(void *ctx, struct tsn_slice source);
	/** Ranges the store has of a source. */
	const struct tsn_store_range *(*ranges)(void *ctx, struct tsn_slice source, size_t *ret_count);
	void (*drop)(void *ctx, const struct tsn_source *source, enum tsn_sink_drop why,
	    uint64_t count);
	/** The same, of a gap that has a name: they were lost between these times. */
	void (*gap)(void *ctx, const struct tsn_source *source, enum tsn_sink_drop why,
	    uint64_t count, int64_t from_ns, int64_t to_ns);
	/** Bytes known to be waiting in the source. */
	void (*lag)(void *ctx, const struct tsn_source *source, uint64_t bytes);
	/** Somebody waits for the next commit. */
	void (*hurry)(void *ctx);
	/** One line for the log. */
	void (*say)(void *ctx, const char *line);
	/** A number that grows with each record of the network, over restarts too: its offset. */
	uint64_t (*sequence)(void *ctx);
	void *ctx;
};

#endif
