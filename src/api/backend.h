/*
 * api/backend: what the HTTP face needs of the server, which implements it.  Any thread calls.
 */
#ifndef TSN_API_BACKEND_H
#define TSN_API_BACKEND_H

#include "base/buf.h"
#include "collect/queue.h"

struct tsn_backend {
	struct tsn_queue *queue;
	/** The source of that name, as tsn_sink.source. */
	const struct tsn_source *(*source)(void *ctx, const struct tsn_source *like,
	    struct tsn_slice name);
	/** Prometheus text. */
	void (*metrics)(void *ctx, struct tsn_buf *out);
	/** The state as one JSON object. */
	void (*status)(void *ctx, struct tsn_buf *out);
	/** NULL when intake works, else why not. */
	const char *(*not_ready)(void *ctx);
	/** Reads the rules anew and waits for it; TSN_EPARSE: refused, the old ones stay. */
	enum tsn_code (*reload_rules)(void *ctx, uint64_t *ret_rules, struct tsn_err *err);
	const char *data_dir;		/* store and alerts are read from here */
	struct tsn_keys *keys;
	const char *version;
	void *ctx;
};

#endif
