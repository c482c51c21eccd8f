/* collect/netin: its inside: datagrams (udp.c), connections (conn.c) and what is spoken on them. */
#ifndef TSN_COLLECT_NETIN_INT_H
#define TSN_COLLECT_NETIN_INT_H

#include "collect/lumberjack.h"
#include "collect/netframe.h"
#include "collect/netin.h"
#include "os/tls.h"

#define KIND_MAX 64u
/* Events that do not stay where they are are copied here until they are flushed. */
#define STAGE_BYTES TSN_RECORD_BYTES_MAX

struct conn;

/* What is spoken on a connection. */
struct netin_protocol {
	const char *label, *tls_label;
	TSN_MUST_CHECK bool (*begin)(struct conn *c);
	/* All that came; a code other than TSN_OK closes the connection. */
	enum tsn_code (*bytes)(struct conn *c, struct tsn_slice bytes, struct tsn_err *err);
	/* The client has gone. */
	void (*end)(struct conn *c);
	/* All that was given is durable; may be NULL. */
	enum tsn_code (*committed)(struct conn *c);
	size_t (*held)(struct conn *c);
	void (*done)(struct conn *c);
};

extern const struct netin_protocol netin_syslog, netin_beats;

struct conn {
	struct tsn_netin *in;
	struct conn *next, **link;
	struct tsn_watch watch;
	const struct tsn_source *source;
	struct tsn_addr peer;
	struct tsn_tls *tls;		/* NULL: none */
	bool shaking;			/* hands, of TLS */
	int64_t active_ns;
	size_t held;			/* memory of its unfinished message, counted in in->held */
	char out[4 * TSN_LUMBERJACK_ACK_BYTES];	/* answers that could not be sent yet */
	uint32_t out_len;
	union {
		struct tsn_netframe frame;
		struct {
			struct tsn_lumberjack *decoder;
			uint32_t seq;		/* of the newest event */
			bool owed;		/* it is not acknowledged */
		} beats;
	} u;
};

struct tsn_netin {
	struct tsn_netin_options o;
	const struct netin_protocol *protocol;	/* NULL: datagrams */
	struct tsn_loop *loop;
	const struct tsn_sink *sink;
	struct tsn_watch watch;
	struct tsn_addr addr;
	char kind[KIND_MAX];
	char label[TSN_ADDR_TEXT_MAX + 16];	/* "udp 127.0.0.1:514" */
	struct tsn_netin_stats stats;
	struct udp *udp;
	struct tsn_tls_context *tls;
	char *memory;			/* for the connection that is being read */
	char *stage;			/* STAGE_BYTES */
	size_t staged;
	struct conn *conns;
	size_t held;
	int64_t complained_ns;
	uint64_t complaints;		/* not told of since */
};

const struct tsn_source *netin_source(struct tsn_netin *in, const struct tsn_addr *peer);
TSN_MUST_CHECK enum tsn_code netin_give(struct tsn_netin *in, const struct tsn_source *source,
    struct tsn_slice bytes, bool truncated, int64_t now_ns);
/** The same for bytes that are about to go; in->staged is emptied by netin_flush(). */
TSN_MUST_CHECK enum tsn_code netin_give_copy(struct tsn_netin *in,
    const struct tsn_source *source, struct tsn_slice bytes, bool truncated, int64_t now_ns);
TSN_MUST_CHECK enum tsn_code netin_flush(struct tsn_netin *in);

TSN_MUST_CHECK enum tsn_code udp_open(struct tsn_netin *in, struct tsn_err *err);
void udp_close(struct tsn_netin *in);
/** The address it listens on is known: receiving begins. */
TSN_MUST_CHECK enum tsn_code udp_start(struct tsn_netin *in, struct tsn_err *err);
/** What of the spool is in the next commit; and that it is done. */
TSN_MUST_CHECK enum tsn_code udp_ranges(struct tsn_netin *in);
void udp_committed(struct tsn_netin *in);
uint64_t udp_spooled(const struct tsn_netin *in);

TSN_MUST_CHECK enum tsn_code conns_open(struct tsn_netin *in, struct tsn_err *err);
void conns_close(struct tsn_netin *in);
void conns_tick(struct tsn_netin *in, int64_t mono_ns);
void conns_committed(struct tsn_netin *in);
/** Sends what goes at once and keeps the rest; TSN_ELIMIT: the client does not read. */
TSN_MUST_CHECK enum tsn_code conn_send(struct conn *c, const char *bytes, size_t len);

#endif
