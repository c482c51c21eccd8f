/*
 * collect/lumberjack: the protocol of Beats and logstash-forwarder, versions 2 and 1: the bytes
 * of one connection become events.
 *
 * Frames: window size (W), event as JSON (J), event as pairs (D), frames compressed with zlib (C).
 * Compressed frames are inflated piece by piece, so memory is bounded by one event whatever they
 * become.  An event beyond `event_bytes_max` is given cut and marked.  Pure; owner: the connection.
 */
#ifndef TSN_COLLECT_LUMBERJACK_H
#define TSN_COLLECT_LUMBERJACK_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#define TSN_LUMBERJACK_ACK_BYTES 6u

struct tsn_lumberjack;

struct tsn_lumberjack_event {
	uint32_t seq;			/* what an acknowledgement names */
	struct tsn_slice json;		/* one object; pairs are made one; until the next call */
	bool truncated;
	bool last;			/* the window is complete with it: the client waits now */
};

/** NULL: out of memory.  event_bytes_max > 0. */
struct tsn_lumberjack *tsn_lumberjack_new(size_t event_bytes_max);
void tsn_lumberjack_free(struct tsn_lumberjack *l);
/** After TSN_EAGAIN (and at first); the bytes live until the next TSN_EAGAIN. */
void tsn_lumberjack_feed(struct tsn_lumberjack *l, struct tsn_slice bytes);
/**
 * TSN_OK and an event; TSN_EAGAIN: all that was fed is used up.  TSN_EPARSE: these bytes are not
 * the
 * protocol, TSN_ELIMIT: a frame beyond what is possible, TSN_ENOMEM: the connection is of no more
 * use then.
 */
TSN_MUST_CHECK enum tsn_code tsn_lumberjack_next(struct tsn_lumberjack *l,
    struct tsn_lumberjack_event *ret_event, struct tsn_err *err);
/** Does the connection end here between two frames? */
bool tsn_lumberjack_between(const struct tsn_lumberjack *l);
/** The acknowledgement of all events up to seq, in the version the client speaks. */
void tsn_lumberjack_ack(const struct tsn_lumberjack *l, uint32_t seq,
    char ret_frame[TSN_LUMBERJACK_ACK_BYTES]);
/** Bytes of memory it holds now. */
size_t tsn_lumberjack_held(const struct tsn_lumberjack *l);

#endif
