/* Syslog over a connection: octet counting or lines, as the client begins. */
#include "collect/netin_int.h"
#include "os/clock.h"

#define CARRY_KEEP 4096u

static bool
begin(struct conn *c)
{
	tsn_netframe_init(&c->u.frame, TSN_NETFRAME_DETECT, c->in->o.message_bytes_max);
	return true;
}

/* Messages whose bytes will be gone before the flush are flushed at once: they are few. */
static enum tsn_code
give_messages(struct conn *c)
{
	struct tsn_netin *in = c->in;
	int64_t now_ns = tsn_clock_real_ns();
	struct tsn_netframe_message m;
	enum tsn_code code;

	while ((code = tsn_netframe_next(&c->u.frame, &m)) != TSN_EAGAIN) {
		if (code != TSN_OK) {
			in->sink->drop(in->sink->ctx, c->source, TSN_SINK_DROP_MEMORY, 1);
			continue;
		}
		TSN_TRY(netin_give(in, c->source, m.bytes, m.truncated, now_ns));
		if (!m.stable)
			TSN_TRY(netin_flush(in));
	}
	return netin_flush(in);
}

/* The store's trouble is not the client's: its connection is closed without a word. */
static enum tsn_code
take(struct conn *c, struct tsn_slice bytes, struct tsn_err *err)
{
	(void)err;
	tsn_netframe_feed(&c->u.frame, bytes);
	return give_messages(c) == TSN_OK ? TSN_OK : TSN_ECANCELED;
}

static void
end(struct conn *c)
{
	tsn_netframe_end(&c->u.frame);
	(void)give_messages(c);
}

static size_t
held(struct conn *c)
{
	struct tsn_buf *carry = &c->u.frame.carry;

	if (carry->len == 0 && carry->cap > CARRY_KEEP) {
		size_t max = carry->max;

		tsn_buf_done(carry);
		tsn_buf_init(carry, max);
	}
	return carry->cap;
}

static void
done(struct conn *c)
{
	c->in->stats.bad_frames += c->u.frame.bad;
	tsn_netframe_done(&c->u.frame);
}

const struct netin_protocol netin_syslog = {
	.label = "tcp",
	.tls_label = "tls",
	.begin = begin,
	.bytes = take,
	.end = end,
	.held = held,
	.done = done,
};
