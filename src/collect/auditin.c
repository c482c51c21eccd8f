#include "collect/auditin.h"

#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>

#include "os/clock.h"
#include "os/sock.h"

#define DATAGRAM_BYTES (64u << 10)
#define ROUND_DATAGRAMS 64u
/* Records of one round, until they are flushed. */
#define TEXT_BYTES (ROUND_DATAGRAMS * (16u << 10))
#define FIRST_TYPE 1100u	/* below are commands and answers */
#define LAST_TYPE 2999u

struct tsn_auditin {
	struct tsn_loop *loop;
	const struct tsn_sink *sink;
	const struct tsn_source *source;
	struct tsn_watch watch;
	char *datagram;
	struct tsn_buf text;
	int64_t received_ns;
};

enum tsn_code
tsn_audit_next(struct tsn_slice *in, struct tsn_buf *out)
{
	struct nlmsghdr head;
	struct tsn_slice body;
	size_t whole;

	if (in->len == 0)
		return TSN_EOF;
	if (in->len < sizeof head)
		return TSN_EPARSE;
	memcpy(&head, in->ptr, sizeof head);
	if (head.nlmsg_len < sizeof head)
		return TSN_EPARSE;
	/* Some kernels count records without their header: the rest is the text. */
	whole = head.nlmsg_len > in->len ? in->len : head.nlmsg_len;
	body = tsn_slice_of(in->ptr + sizeof head, whole - sizeof head);
	whole = (whole + 3) / 4 * 4;
	*in = tsn_slice_from(*in, whole < in->len ? whole : in->len);
	while (body.len > 0 && (body.ptr[body.len - 1] == '\0' || body.ptr[body.len - 1] == '\n'))
		body.len--;
	if (head.nlmsg_type < FIRST_TYPE || head.nlmsg_type > LAST_TYPE ||
	    !tsn_slice_starts(body, TSN_SLICE("audit(")))
		return TSN_EAGAIN;
	tsn_buf_printf(out, "type=%u msg=", (unsigned)head.nlmsg_type);
	tsn_buf_slice(out, body);
	return tsn_buf_check(out);
}

static enum tsn_code
give(struct tsn_auditin *in, struct tsn_slice datagram, int64_t now_ns)
{
	enum tsn_code code;

	for (;;) {
		size_t begin = in->text.len;
		struct tsn_record rec = {.received_ns = now_ns, .source = in->source};

		code = tsn_audit_next(&datagram, &in->text);
		if (code == TSN_EAGAIN)
			continue;
		if (code != TSN_OK)
			break;
		rec.bytes = tsn_slice_of(in->text.ptr + begin, in->text.len - begin);
		rec.offset = in->sink->sequence(in->sink->ctx);
		TSN_TRY(in->sink->record(in->sink->ctx, &rec));
	}
	if (code == TSN_EPARSE)
		in->sink->drop(in->sink->ctx, in->source, TSN_SINK_DROP_BAD_FRAME, 1);
	return TSN_OK;
}

static enum tsn_code
flush(struct tsn_auditin *in)
{
	TSN_TRY(in->sink->flush(in->sink->ctx));
	in->text.len = 0;
	return TSN_OK;
}

static void
ready(void *ctx, uint32_t events)
{
	struct tsn_auditin *in = ctx;

	(void)events;
	for (uint32_t i = 0; i < ROUND_DATAGRAMS; i++) {
		int64_t now_ns;
		size_t len = 0;
		enum tsn_code code =
		    tsn_sock_read(in->watch.fd, in->datagram, DATAGRAM_BYTES, &len, NULL);

		if (code == TSN_EAGAIN)
			break;
		now_ns = tsn_clock_real_ns();
		/* The kernel says that records did not fit, not how many. */
		if (code != TSN_OK)
			in->sink->gap(in->sink->ctx, in->source, TSN_SINK_DROP_SOCKET, 1, in->received_ns,
			    now_ns);
		in->received_ns = now_ns;
		/* Text may not move while records point into it. */
		if (in->text.cap - in->text.len < len + 64 && flush(in) != TSN_OK)
			return;
		if (code == TSN_OK && give(in, tsn_slice_of(in->datagram, len), now_ns) != TSN_OK)
			return;
	}
	(void)!flush(in);
}

enum tsn_code
tsn_auditin_open(struct tsn_loop *loop, const struct tsn_sink *sink, struct tsn_auditin **ret_in,
    struct tsn_err *err)
{
	struct tsn_auditin *in = calloc(1, sizeof *in);
	struct tsn_source like = {.kind = TSN_SLICE("auditd.log")};
	enum tsn_code code = TSN_OK;

	if (in == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->loop = loop;
	in->sink = sink;
	in->watch = (struct tsn_watch){.fd = -1, .ready = ready, .ctx = in};
	in->received_ns = tsn_clock_real_ns();
	in->datagram = malloc(DATAGRAM_BYTES);
	in->source = sink->source(sink->ctx, &like, TSN_SLICE("kernel audit"));
	tsn_buf_init(&in->text, 2 * TEXT_BYTES);
	if (in->datagram == NULL || in->source == NULL || !tsn_buf_room(&in->text, TEXT_BYTES))
		code = TSN_ERR(err, TSN_ENOMEM, "out of memory");
	if (code == TSN_OK)
		code = tsn_sock_audit(&in->watch.fd, err);
	if (code == TSN_OK)
		code = tsn_loop_add(loop, &in->watch, TSN_WATCH_READ, err);
	if (code != TSN_OK) {
		tsn_fd_close(in->watch.fd);
		in->watch.fd = -1;
		tsn_auditin_close(in);
		return code;
	}
	*ret_in = in;
	return TSN_OK;
}

void
tsn_auditin_close(struct tsn_auditin *in)
{
	if (in == NULL)
		return;
	if (in->watch.fd >= 0) {
		ready(in, TSN_WATCH_READ);
		tsn_loop_remove(in->loop, &in->watch);
		tsn_fd_close(in->watch.fd);
	}
	free(in->datagram);
	tsn_buf_done(&in->text);
	free(in);
}
