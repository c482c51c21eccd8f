/*
 * Beats over a connection (collect/lumberjack).  Events are acknowledged when the commit that holds
 * them is done; a complete window asks for one.
 */
#include "collect/netin_int.h"
#include "os/clock.h"

static bool
begin(struct conn *c)
{
	c->u.beats.decoder = tsn_lumberjack_new(c->in->o.message_bytes_max);
	return c->u.beats.decoder != NULL;
}

static enum tsn_code
give_event(struct conn *c, const struct tsn_lumberjack_event *e, int64_t now_ns)
{
	c->u.beats.seq = e->seq;
	c->u.beats.owed = true;
	if (e->last)
		c->in->sink->hurry(c->in->sink->ctx);
	if (e->json.len == 0)
		return TSN_OK;
	return netin_give_copy(c->in, c->source, e->json, e->truncated, now_ns);
}

static enum tsn_code
take(struct conn *c, struct tsn_slice bytes, struct tsn_err *err)
{
	int64_t now_ns = tsn_clock_real_ns();
	struct tsn_lumberjack_event e;
	enum tsn_code code;

	tsn_lumberjack_feed(c->u.beats.decoder, bytes);
	while ((code = tsn_lumberjack_next(c->u.beats.decoder, &e, err)) == TSN_OK)
		if (give_event(c, &e, now_ns) != TSN_OK)
			return TSN_ECANCELED;
	if (netin_flush(c->in) != TSN_OK)
		return TSN_ECANCELED;
	if (code == TSN_EAGAIN)
		return TSN_OK;
	c->in->sink->drop(c->in->sink->ctx, c->source,
	    code == TSN_ENOMEM ? TSN_SINK_DROP_MEMORY : TSN_SINK_DROP_BAD_FRAME, 1);
	return code;
}

/* An unfinished event was not acknowledged: the client sends it again. */
static void
end(struct conn *c)
{
	(void)c;
}

static enum tsn_code
committed(struct conn *c)
{
	char frame[TSN_LUMBERJACK_ACK_BYTES];

	if (!c->u.beats.owed)
		return TSN_OK;
	c->u.beats.owed = false;
	tsn_lumberjack_ack(c->u.beats.decoder, c->u.beats.seq, frame);
	return conn_send(c, frame, sizeof frame);
}

static size_t
held(struct conn *c)
{
	return tsn_lumberjack_held(c->u.beats.decoder);
}

static void
done(struct conn *c)
{
	tsn_lumberjack_free(c->u.beats.decoder);
}

const struct netin_protocol netin_beats = {
	.label = "beats",
	.tls_label = "beats over TLS",
	.begin = begin,
	.bytes = take,
	.end = end,
	.committed = committed,
	.held = held,
	.done = done,
};
