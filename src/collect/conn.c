/*
 * Connections of a listener: accepted, read (through TLS where that is asked for), bounded in
 * number, memory and silence.  What is spoken on them is the protocol's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "collect/netin_int.h"
#include "os/clock.h"

#define READ_BYTES (256u << 10)
#define ACCEPT_MAX 64u		/* of one turn */
/* Unfinished messages of all connections together: beyond it who asks for more is closed. */
#define HELD_MAX (32u << 20)
#define SHAKE_NS (10 * TSN_NS_PER_SEC)
#define COMPLAIN_NS (10 * TSN_NS_PER_SEC)

/* Strangers may do wrong as often as they like: the log hears of it now and then. */
static void
complain(struct conn *c, const char *what)
{
	struct tsn_netin *in = c->in;
	int64_t now = tsn_clock_mono_ns();
	char address[TSN_ADDR_TEXT_MAX], line[TSN_ERR_MSG_MAX + 200], more[64] = "";

	in->complaints++;
	if (in->complained_ns != 0 && now - in->complained_ns < COMPLAIN_NS)
		return;
	if (in->complaints > 1)
		(void)snprintf(more, sizeof more, " (and %llu like it before)",
		    (unsigned long long)in->complaints - 1);
	(void)tsn_addr_text(&c->peer, true, address);
	(void)snprintf(line, sizeof line, "%s: %s: %s%s", in->label, address, what, more);
	in->complained_ns = now;
	in->complaints = 0;
	in->sink->say(in->sink->ctx, line);
}

static void
conn_close(struct conn *c)
{
	c->in->stats.connections--;
	c->in->held -= c->held;
	tsn_loop_remove(c->in->loop, &c->watch);
	c->in->protocol->done(c);
	tsn_tls_free(c->tls);
	tsn_fd_close(c->watch.fd);
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	free(c);
}

static void
watch_for(struct conn *c)
{
	bool write = c->out_len > 0 || (c->tls != NULL && tsn_tls_wants_write(c->tls));

	tsn_loop_change(c->in->loop, &c->watch,
	    (uint32_t)TSN_WATCH_READ | (write ? (uint32_t)TSN_WATCH_WRITE : 0u));
}

static enum tsn_code
send_out(struct conn *c)
{
	while (c->out_len > 0) {
		size_t sent = 0;
		enum tsn_code code = c->tls != NULL ?
		    tsn_tls_write(c->tls, c->out, c->out_len, &sent, NULL) :
		    tsn_sock_write(c->watch.fd, c->out, c->out_len, &sent, NULL);

		if (code == TSN_EAGAIN)
			break;
		TSN_TRY(code);
		c->out_len -= (uint32_t)sent;
		memmove(c->out, c->out + sent, c->out_len);
	}
	watch_for(c);
	return TSN_OK;
}

enum tsn_code
conn_send(struct conn *c, const char *bytes, size_t len)
{
	if (len > sizeof c->out - c->out_len)
		return TSN_ELIMIT;
	memcpy(c->out + c->out_len, bytes, len);
	c->out_len += (uint32_t)len;
	return send_out(c);
}

/* As much as is there and has room; *ret_end: there will be no more. */
static enum tsn_code
fill(struct conn *c, size_t cap, size_t *ret_len, bool *ret_end)
{
	size_t len = 0, got;
	enum tsn_code code;

	*ret_end = false;
	if (c->tls == NULL) {
		code = tsn_sock_read(c->watch.fd, c->in->memory, cap, &len, NULL);
		*ret_end = code == TSN_OK && len == 0;
		*ret_len = len;
		return code;
	}
	do {
		got = 0;
		code = tsn_tls_read(c->tls, c->in->memory + len, cap - len, &got, NULL);
		len += got;
	} while (code == TSN_OK && got > 0 && len < cap);
	*ret_end = code == TSN_OK && got == 0;
	*ret_len = len;
	/* What was read counts first; trouble shows again at the next turn. */
	return code == TSN_EAGAIN && len > 0 ? TSN_OK : code;
}

/* False when unfinished messages take more memory than all connections together may have. */
static bool
hold(struct conn *c)
{
	size_t held = c->in->protocol->held(c);

	c->in->held += held - c->held;
	c->held = held;
	return c->in->held <= HELD_MAX || c->held == 0;
}

static void
conn_end(struct conn *c)
{
	if (!c->shaking)
		c->in->protocol->end(c);
	conn_close(c);
}

/* One piece of at most cap bytes; false: the connection is gone. */
static bool
read_piece(struct conn *c, size_t cap)
{
	struct tsn_err err = {0};
	size_t len = 0;
	bool end = false;
	enum tsn_code code = fill(c, cap, &len, &end), took = TSN_OK;

	if (code == TSN_EAGAIN)
		return true;
	c->active_ns = tsn_clock_mono_ns();
	if (len > 0)
		took = c->in->protocol->bytes(c, tsn_slice_of(c->in->memory, len), &err);
	if (took != TSN_OK) {
		if (took != TSN_ECANCELED)
			complain(c, err.msg);
		c->in->stats.bad_frames += took == TSN_EPARSE || took == TSN_ELIMIT;
		conn_close(c);
		return false;
	}
	if (code != TSN_OK || end || len == 0) {
		conn_end(c);
		return false;
	}
	if (!hold(c)) {
		c->in->stats.refused++;
		complain(c, "closed: unfinished messages take all the memory there is for them");
		conn_end(c);
		return false;
	}
	return true;
}

/* False: the connection is gone. */
static bool
shake(struct conn *c)
{
	struct tsn_err err = {0};
	enum tsn_code code = tsn_tls_handshake(c->tls, &err);

	if (code == TSN_OK) {
		c->shaking = false;
		c->active_ns = tsn_clock_mono_ns();
	} else if (code != TSN_EAGAIN) {
		c->in->stats.tls_failed++;
		complain(c, err.msg);
		conn_close(c);
		return false;
	}
	watch_for(c);
	return true;
}

static void
conn_ready(void *ctx, uint32_t events)
{
	struct conn *c = ctx;
	size_t left = 0;

	if (c->shaking && (!shake(c) || c->shaking))
		return;
	if ((events & TSN_WATCH_WRITE) && send_out(c) != TSN_OK) {
		conn_end(c);
		return;
	}
	if (!read_piece(c, READ_BYTES))
		return;
	/* Bytes that TLS holds already do not wake the loop: they are few, and taken here. */
	if (c->tls != NULL)
		left = tsn_tls_pending(c->tls);
	if (left > 0 && !read_piece(c, left < READ_BYTES ? left : READ_BYTES))
		return;
	watch_for(c);
}

static void
refuse(struct tsn_netin *in, struct conn *c, int fd)
{
	in->stats.refused++;
	if (c != NULL)
		tsn_tls_free(c->tls);
	tsn_fd_close(fd);
	free(c);
}

static void
conn_new(struct tsn_netin *in, int fd, const struct tsn_addr *peer)
{
	struct conn *c = in->stats.connections < in->o.connections_max ? calloc(1, sizeof *c) : NULL;

	if (c == NULL) {
		refuse(in, c, fd);
		return;
	}
	c->in = in;
	c->peer = *peer;
	c->source = netin_source(in, peer);
	c->watch = (struct tsn_watch){.fd = fd, .ready = conn_ready, .ctx = c};
	c->active_ns = tsn_clock_mono_ns();
	if (in->tls != NULL) {
		c->tls = tsn_tls_new(in->tls, fd);
		c->shaking = true;
	}
	if (c->source == NULL || (in->tls != NULL && c->tls == NULL) || !in->protocol->begin(c)) {
		refuse(in, c, fd);
		return;
	}
	if (tsn_loop_add(in->loop, &c->watch, TSN_WATCH_READ, NULL) != TSN_OK) {
		in->protocol->done(c);
		refuse(in, c, fd);
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
	for (uint32_t i = 0; i < ACCEPT_MAX; i++) {
		struct tsn_addr peer;
		int fd;

		enum tsn_code code = tsn_sock_accept(in->watch.fd, &fd, &peer, NULL);

		/* Out of descriptors: who waits would wake the loop without end.  Until the next tick. */
		if (code == TSN_ELIMIT) {
			in->stats.refused++;
			tsn_loop_change(in->loop, &in->watch, 0);
		}
		if (code != TSN_OK)
			return;
		conn_new(in, fd, &peer);
	}
}

enum tsn_code
conns_open(struct tsn_netin *in, struct tsn_err *err)
{
	if (in->o.tls.cert_file != NULL)
		TSN_TRY(tsn_tls_context_new(&in->o.tls, &in->tls, err));
	in->memory = malloc(READ_BYTES);
	in->stage = malloc(STAGE_BYTES);
	if (in->memory == NULL || in->stage == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	TSN_TRY(tsn_sock_listen(&in->o.addr, &in->watch.fd, err));
	in->watch.ready = accept_ready;
	return TSN_OK;
}

void
conns_close(struct tsn_netin *in)
{
	/* What has arrived is taken. */
	for (struct conn *c = in->conns, *next; c != NULL; c = next) {
		next = c->next;
		conn_ready(c, TSN_WATCH_READ);
	}
	while (in->conns != NULL)
		conn_end(in->conns);
	tsn_tls_context_free(in->tls);
	free(in->memory);
	free(in->stage);
}

void
conns_tick(struct tsn_netin *in, int64_t mono_ns)
{
	int64_t oldest = mono_ns - (int64_t)in->o.idle_sec * TSN_NS_PER_SEC;

	tsn_loop_change(in->loop, &in->watch, TSN_WATCH_READ);
	for (struct conn *c = in->conns, *next; c != NULL; c = next) {
		next = c->next;
		if (c->shaking && c->active_ns < mono_ns - SHAKE_NS) {
			in->stats.tls_failed++;
			complain(c, "closed: no TLS handshake within ten seconds");
			conn_close(c);
		} else if (c->active_ns < oldest) {
			in->stats.idle_closed++;
			conn_end(c);
		}
	}
}

void
conns_committed(struct tsn_netin *in)
{
	if (in->protocol->committed == NULL)
		return;
	for (struct conn *c = in->conns, *next; c != NULL; c = next) {
		next = c->next;
		if (c->shaking || in->protocol->committed(c) == TSN_OK)
			continue;
		complain(c, "closed: it does not read its acknowledgements");
		conn_end(c);
	}
}
