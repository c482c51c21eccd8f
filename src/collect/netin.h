/*
 * collect/netin: syslog over UDP, TCP and TLS; Beats (Lumberjack) over TCP and TLS.
 *
 * UDP: a datagram is a record; datagrams are received in bulk, and what the kernel had to throw
 * away is read from the socket's own counter.  TCP: framing is seen per connection
 * (collect/netframe); connections are bounded in number and memory, idle ones closed, half-open
 * ones found by keepalive.  With certificates in the options all of a listener's connections speak
 * TLS.  Beats are answered when the commit that holds their events is done (tsn_netin_committed).
 *
 * Runs on a loop (os/loop), gives records to a sink.  Owner: the caller of open.  One thread.
 */
#ifndef TSN_COLLECT_NETIN_H
#define TSN_COLLECT_NETIN_H

#include "collect/sink.h"
#include "os/loop.h"
#include "os/sock.h"
#include "os/tls.h"

enum tsn_netin_proto {
	TSN_NETIN_UDP,
	TSN_NETIN_TCP,
	TSN_NETIN_BEATS,
};

struct tsn_netin_options {
	enum tsn_netin_proto proto;
	struct tsn_addr addr;
	struct tsn_slice kind;		/* fixed kind or empty; copied */
	int32_t tz_offset_sec;
	uint32_t message_bytes_max;	/* longer messages are cut; 0: 64 KiB for UDP, 256 KiB */
	uint32_t connections_max;	/* TCP; 0: 1024 */
	uint32_t idle_sec;		/* TCP: a silent connection is closed after; 0: one hour */
	struct tsn_tls_options tls;	/* cert_file NULL: no TLS; texts outlive the opening */
	uint32_t receive_buffer;	/* UDP: what to ask of the kernel; 0: 16 MiB */
	const char *spool_dir;		/* UDP: where a spool may be; NULL: none */
	uint64_t spool_bytes;		/* UDP: its bound; 0: none */
};

struct tsn_netin_stats {
	uint64_t connections;		/* open now */
	uint64_t accepted, refused;	/* TCP */
	uint64_t idle_closed;
	uint64_t bad_frames;		/* times octet counting broke, connections that spoke no Beats */
	uint64_t tls_failed;		/* handshakes that came to nothing */
	uint64_t truncated;
	uint64_t lost;			/* UDP: thrown away by the kernel */
	uint64_t spooled_bytes;		/* UDP: on disk now */
};

struct tsn_netin;

/** loop and sink outlive it. */
TSN_MUST_CHECK enum tsn_code tsn_netin_open(const struct tsn_netin_options *options,
    struct tsn_loop *loop, const struct tsn_sink *sink, struct tsn_netin **ret_in,
    struct tsn_err *err);
/** Takes what has arrived, then closes all. */
void tsn_netin_close(struct tsn_netin *in);
/** Now and then (once a second): closes idle connections. */
void tsn_netin_tick(struct tsn_netin *in, int64_t mono_ns);
/** Before a commit: what of a spool is in it. */
TSN_MUST_CHECK enum tsn_code tsn_netin_ranges(struct tsn_netin *in);
/** All that was given before is durable: answers those who wait. */
void tsn_netin_committed(struct tsn_netin *in);
/** "tls 127.0.0.1:6514": with what its sources' names begin. */
const char *tsn_netin_label(const struct tsn_netin *in);
/** The address it listens on, with the port the system chose. */
const struct tsn_addr *tsn_netin_addr(const struct tsn_netin *in);
struct tsn_netin_stats tsn_netin_stats_get(const struct tsn_netin *in);

#endif
