#include "collect/netin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "collect/netframe.h"
#include "os/clock.h"

#define UDP_BATCH 512u
#define UDP_BYTES 65536u
#define UDP_ROUNDS_MAX 8u	/* then the other inputs have their turn */
#define TCP_MESSAGE_MAX (256u << 10)
#define TCP_READ_BYTES (256u << 10)
#define TCP_ACCEPT_MAX 64u	/* of one turn */
#define KIND_MAX 64u
/* Unfinished messages of all connections together: beyond it who asks for more is closed. */
#define TCP_HELD_MAX (32u << 20)

struct conn {
	struct tsn_netin *in;
	struct conn *next, **link;
	struct tsn_watch watch;
	struct tsn_netframe frame;
	const struct tsn_source *source;
	int64_t active_ns;
	size_t held;		/* memory of its unfinished message, counted in in->held */
};

struct tsn_netin {
	struct tsn_netin_options o;
	struct tsn_loop *loop;
	const struct tsn_sink *sink;
	struct tsn_watch watch;
	struct tsn_addr addr;
	char kind[KIND_MAX];
	char label[TSN_ADDR_TEXT_MAX + 8];	/* "udp 127.0.0.1:514" */
	struct tsn_receiver *receiver;
	char *memory;			/* TCP_READ_BYTES for the connection that is being read */
	struct conn *conns;
	size_t held;
	int64_t received_ns;		/* UDP: when it was read last */
	uint32_t lost;			/* UDP: the kernel's counter as last seen */
	struct tsn_netin_stats stats;
};

static const struct tsn_source *
source_of(struct tsn_netin *in, const struct tsn_addr *peer)
{
	char address[TSN_ADDR_TEXT_MAX], name[2 * TSN_ADDR_TEXT_MAX + 16];
	struct tsn_source like = {
		.address = tsn_addr_text(peer, false, address),
		.kind = tsn_slice_cstr(in->kind),
		.tz_offset_sec = in->o.tz_offset_sec,
	};
	int n = snprintf(name, sizeof name, "%s from %s", in->label, address);

	return in->sink->source(in->sink->ctx, &like, tsn_slice_of(name, (size_t)n));
}

static enum tsn_code
give(struct tsn_netin *in, const struct tsn_source *source, struct tsn_slice bytes, bool truncated,
    int64_t now_ns)
{
	struct tsn_record rec = {
		.bytes = bytes,
		.offset = in->sink->sequence(in->sink->ctx),
		.received_ns = now_ns,
		.source = source,
		.truncated = truncated,
	};

	in->stats.truncated += truncated;
	return in->sink->record(in->sink->ctx, &rec);
}

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
		*source = source_of(in, peer);
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
	return give(in, *source, bytes, d.truncated, now_ns);
}

/* A gap has a name: where, between which times, how much. */
static void
say_lost(struct tsn_netin *in, uint32_t count, int64_t now_ns)
{
	char from[TSN_TIME_TEXT_MAX], to[TSN_TIME_TEXT_MAX], line[256];
	size_t from_len = tsn_time_format(in->received_ns, from);
	size_t to_len = tsn_time_format(now_ns, to);

	(void)snprintf(line, sizeof line, "%s: %u datagrams lost between %.*s and %.*s: the kernel's "
	    "receive buffer was full", in->label, count, (int)from_len, from, (int)to_len, to);
	in->sink->say(in->sink->ctx, line);
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
	say_lost(in, more, now_ns);
	/* The kernel does not say whose they were. */
	any.u.sa.sa_family = AF_UNSPEC;
	source = source_of(in, &any);
	if (source != NULL)
		in->sink->drop(in->sink->ctx, source, TSN_SINK_DROP_SOCKET, more);
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

static void
conn_close(struct conn *c)
{
	c->in->stats.bad_frames += c->frame.bad;
	c->in->stats.connections--;
	c->in->held -= c->held;
	tsn_loop_remove(c->in->loop, &c->watch);
	tsn_fd_close(c->watch.fd);
	tsn_netframe_done(&c->frame);
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	free(c);
}

/* Messages whose bytes will be gone before the flush are flushed at once: they are few. */
static enum tsn_code
give_messages(struct conn *c)
{
	struct tsn_netin *in = c->in;
	int64_t now_ns = tsn_clock_real_ns();
	struct tsn_netframe_message m;
	enum tsn_code code;

	while ((code = tsn_netframe_next(&c->frame, &m)) != TSN_EAGAIN) {
		if (code != TSN_OK) {
			in->sink->drop(in->sink->ctx, c->source, TSN_SINK_DROP_MEMORY, 1);
			continue;
		}
		TSN_TRY(give(in, c->source, m.bytes, m.truncated, now_ns));
		if (!m.stable)
			TSN_TRY(in->sink->flush(in->sink->ctx));
	}
	return in->sink->flush(in->sink->ctx);
}

/* False when unfinished messages take more memory than all connections together may have. */
static bool
hold(struct conn *c)
{
	if (c->frame.carry.len == 0 && c->frame.carry.cap > 4096) {
		size_t max = c->frame.carry.max;

		tsn_buf_done(&c->frame.carry);
		tsn_buf_init(&c->frame.carry, max);
	}
	c->in->held += c->frame.carry.cap - c->held;
	c->held = c->frame.carry.cap;
	return c->in->held <= TCP_HELD_MAX || c->held == 0;
}

static void
conn_ready(void *ctx, uint32_t events)
{
	struct conn *c = ctx;
	size_t len = 0;
	enum tsn_code code =
	    tsn_sock_read(c->watch.fd, c->in->memory, TCP_READ_BYTES, &len, NULL);

	(void)events;
	if (code == TSN_EAGAIN)
		return;
	c->active_ns = tsn_clock_mono_ns();
	if (code != TSN_OK || len == 0)
		tsn_netframe_end(&c->frame);
	else
		tsn_netframe_feed(&c->frame, tsn_slice_of(c->in->memory, len));
	if (give_messages(c) != TSN_OK || code != TSN_OK || len == 0) {
		conn_close(c);
	} else if (!hold(c)) {
		c->in->stats.refused++;
		tsn_netframe_end(&c->frame);
		(void)give_messages(c);
		conn_close(c);
	}
}

static void
conn_new(struct tsn_netin *in, int fd, const struct tsn_addr *peer)
{
	struct conn *c = in->stats.connections < in->o.connections_max ? calloc(1, sizeof *c) : NULL;

	if (c != NULL)
		c->source = source_of(in, peer);
	if (c == NULL || c->source == NULL) {
		in->stats.refused++;
		tsn_fd_close(fd);
		free(c);
		return;
	}
	c->in = in;
	c->watch = (struct tsn_watch){.fd = fd, .ready = conn_ready, .ctx = c};
	tsn_netframe_init(&c->frame, TSN_NETFRAME_DETECT, in->o.message_bytes_max);
	c->active_ns = tsn_clock_mono_ns();
	if (tsn_loop_add(in->loop, &c->watch, TSN_WATCH_READ, NULL) != TSN_OK) {
		in->stats.refused++;
		tsn_fd_close(fd);
		free(c);
		return;
	}
	in->stats.accepted++;
	in->stats.connections++;
	c->next = in->conns;
	c->link = &in->conns;
	if (c->next != NULL)
		c->next->link = &c->next;
	in->conns = c;
}

static void
accept_ready(void *ctx, uint32_t events)
{
	struct tsn_netin *in = ctx;

	(void)events;
	for (uint32_t i = 0; i < TCP_ACCEPT_MAX; i++) {
		struct tsn_addr peer;
		int fd;

		if (tsn_sock_accept(in->watch.fd, &fd, &peer, NULL) != TSN_OK)
			return;
		conn_new(in, fd, &peer);
	}
}

static void
set_defaults(struct tsn_netin_options *o)
{
	if (o->message_bytes_max == 0)
		o->message_bytes_max = o->proto == TSN_NETIN_UDP ? UDP_BYTES : TCP_MESSAGE_MAX;
	if (o->message_bytes_max > TSN_RECORD_BYTES_MAX)
		o->message_bytes_max = TSN_RECORD_BYTES_MAX;
	if (o->connections_max == 0)
		o->connections_max = 1024;
	if (o->idle_sec == 0)
		o->idle_sec = 3600;
	if (o->receive_buffer == 0)
		o->receive_buffer = 16u << 20;
}

static enum tsn_code
listen_on(struct tsn_netin *in, struct tsn_err *err)
{
	char text[TSN_ADDR_TEXT_MAX];
	size_t got = 0;
	bool udp = in->o.proto == TSN_NETIN_UDP;

	in->watch.fd = -1;
	if (udp) {
		in->receiver = tsn_receiver_new(UDP_BATCH, UDP_BYTES);
		if (in->receiver == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		TSN_TRY(tsn_sock_udp(&in->o.addr, in->o.receive_buffer, &in->watch.fd, &got, err));
	} else {
		in->memory = malloc(TCP_READ_BYTES);
		if (in->memory == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		TSN_TRY(tsn_sock_listen(&in->o.addr, &in->watch.fd, err));
	}
	TSN_TRY(tsn_sock_name(in->watch.fd, &in->addr, err));
	(void)tsn_addr_text(&in->addr, true, text);
	(void)snprintf(in->label, sizeof in->label, "%s %s", udp ? "udp" : "tcp", text);
	in->received_ns = tsn_clock_real_ns();
	in->watch.ready = udp ? udp_ready : accept_ready;
	in->watch.ctx = in;
	return tsn_loop_add(in->loop, &in->watch, TSN_WATCH_READ, err);
}

enum tsn_code
tsn_netin_open(const struct tsn_netin_options *options, struct tsn_loop *loop,
    const struct tsn_sink *sink, struct tsn_netin **ret_in, struct tsn_err *err)
{
	struct tsn_netin *in = calloc(1, sizeof *in);
	enum tsn_code code;

	if (in == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->o = *options;
	in->loop = loop;
	in->sink = sink;
	set_defaults(&in->o);
	if (options->kind.len >= sizeof in->kind)
		code = TSN_ERR(err, TSN_EINVAL, "the kind's name is too long");
	else
		code = TSN_OK;
	if (code == TSN_OK && options->kind.len > 0)
		memcpy(in->kind, options->kind.ptr, options->kind.len);
	if (code == TSN_OK)
		code = listen_on(in, err);
	if (code != TSN_OK) {
		tsn_fd_close(in->watch.fd);
		tsn_receiver_free(in->receiver);
		free(in->memory);
		free(in);
		return code;
	}
	*ret_in = in;
	return TSN_OK;
}

void
tsn_netin_close(struct tsn_netin *in)
{
	if (in == NULL)
		return;
	if (in->receiver != NULL)
		udp_ready(in, TSN_WATCH_READ);
	for (struct conn *c = in->conns, *next; c != NULL; c = next) {
		next = c->next;
		conn_ready(c, TSN_WATCH_READ);
	}
	while (in->conns != NULL) {
		tsn_netframe_end(&in->conns->frame);
		(void)give_messages(in->conns);
		conn_close(in->conns);
	}
	tsn_loop_remove(in->loop, &in->watch);
	tsn_fd_close(in->watch.fd);
	tsn_receiver_free(in->receiver);
	free(in->memory);
	free(in);
}

void
tsn_netin_tick(struct tsn_netin *in, int64_t mono_ns)
{
	int64_t oldest = mono_ns - (int64_t)in->o.idle_sec * TSN_NS_PER_SEC;

	for (struct conn *c = in->conns, *next; c != NULL; c = next) {
		next = c->next;
		if (c->active_ns >= oldest)
			continue;
		in->stats.idle_closed++;
		tsn_netframe_end(&c->frame);
		(void)give_messages(c);
		conn_close(c);
	}
}

const struct tsn_addr *
tsn_netin_addr(const struct tsn_netin *in)
{
	return &in->addr;
}

struct tsn_netin_stats
tsn_netin_stats_get(const struct tsn_netin *in)
{
	return in->stats;
}
