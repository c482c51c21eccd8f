/*
 * Syslog over UDP: a datagram is a record.  Datagrams are received in bulk, and what the kernel
 * had to throw away is read from the socket's own counter.
 */
#include "collect/netin_int.h"

#include <string.h>

#include "os/clock.h"

#define UDP_BATCH 512u
#define UDP_BYTES 65536u
#define UDP_ROUNDS_MAX 8u	/* then the other inputs have their turn */

/* One line end at the end of a datagram is not part of the message, NUL neither. */
static struct tsn_slice
trim_end(struct tsn_slice s)
{
	while (s.len > 0 && (s.ptr[s.len - 1] == '\n' || s.ptr[s.len - 1] == '\r' ||
				s.ptr[s.len - 1] == '\0'))
		s.len--;
	return s;
}

static enum tsn_code
give_datagram(struct tsn_netin *in, uint32_t i, int64_t now_ns, struct tsn_addr *peer,
    const struct tsn_source **source)
{
	struct tsn_datagram d;
	struct tsn_slice bytes;

	tsn_receiver_get(in->receiver, i, &d);
	if (*source == NULL || peer->len != d.peer.len ||
	    memcmp(&peer->u, &d.peer.u, d.peer.len) != 0) {
		*peer = d.peer;
		*source = netin_source(in, peer);
	}
	if (*source == NULL)
		return TSN_ENOMEM;
	bytes = trim_end(d.bytes);
	if (bytes.len == 0)
		return TSN_OK;
	if (bytes.len > in->o.message_bytes_max) {
		bytes.len = in->o.message_bytes_max;
		d.truncated = true;
	}
	return netin_give(in, *source, bytes, d.truncated, now_ns);
}

static void
count_lost(struct tsn_netin *in, uint32_t lost, int64_t now_ns)
{
	const struct tsn_source *source;
	uint32_t more = lost - in->lost;
	struct tsn_addr any = {0};

	in->lost = lost;
	if (more == 0)
		return;
	in->stats.lost += more;
	/* The kernel does not say whose they were. */
	any.u.sa.sa_family = AF_UNSPEC;
	source = netin_source(in, &any);
	if (source != NULL)
		in->sink->gap(in->sink->ctx, source, TSN_SINK_DROP_SOCKET, more, in->received_ns, now_ns);
}

static void
udp_ready(void *ctx, uint32_t events)
{
	struct tsn_netin *in = ctx;
	const struct tsn_source *source = NULL;
	struct tsn_addr peer = {0};

	(void)events;
	for (uint32_t round = 0; round < UDP_ROUNDS_MAX; round++) {
		uint32_t count = 0, lost = in->lost;
		int64_t now_ns;

		if (tsn_receiver_receive(in->receiver, in->watch.fd, &count, &lost, NULL) != TSN_OK ||
		    count == 0)
			return;
		now_ns = tsn_clock_real_ns();
		count_lost(in, lost, now_ns);
		in->received_ns = now_ns;
		for (uint32_t i = 0; i < count; i++)
			if (give_datagram(in, i, now_ns, &peer, &source) != TSN_OK && source != NULL)
				in->sink->drop(in->sink->ctx, source, TSN_SINK_DROP_MEMORY, 1);
		if (in->sink->flush(in->sink->ctx) != TSN_OK || count < UDP_BATCH / 2)
			return;
	}
}

enum tsn_code
udp_open(struct tsn_netin *in, struct tsn_err *err)
{
	size_t got = 0;

	in->receiver = tsn_receiver_new(UDP_BATCH, UDP_BYTES);
	if (in->receiver == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	TSN_TRY(tsn_sock_udp(&in->o.addr, in->o.receive_buffer, &in->watch.fd, &got, err));
	in->watch.ready = udp_ready;
	in->received_ns = tsn_clock_real_ns();
	return TSN_OK;
}

void
udp_close(struct tsn_netin *in)
{
	if (in->receiver != NULL && in->watch.fd >= 0)
		udp_ready(in, TSN_WATCH_READ);
	tsn_receiver_free(in->receiver);
}
