#include "pipeline/sock_int.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

void
tsn_pbytes_init(struct tsn_pbytes *b)
{
	*b = (struct tsn_pbytes){0};
	tsn_buf_init(&b->held, 4u * TSN_RECORD_BYTES_MAX);
}

void
tsn_pbytes_done(struct tsn_pbytes *b)
{
	tsn_buf_done(&b->held);
}

/* The codec says itself where its records end. */
static enum tsn_code
feed_stream(struct tsn_pbytes *b, struct tsn_pinst *in, bool last, struct tsn_err *err)
{
	size_t used = in->codec->desc->codec->consume(in->codec, tsn_buf_get(&b->held), last);

	memmove(b->held.ptr, b->held.ptr + used, b->held.len - used);
	b->held.len -= used;
	return tsn_pl_decoded_go(in, err);
}

static enum tsn_code
give(struct tsn_pinst *in, struct tsn_slice line, bool cr, struct tsn_err *err)
{
	if (cr && line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return tsn_pl_record(in, line, err);
}

static enum tsn_code
feed_lines(struct tsn_pbytes *b, struct tsn_pinst *in, struct tsn_slice delimiter, bool last,
    struct tsn_err *err)
{
	bool cr = tsn_slice_eq(delimiter, TSN_SLICE("\n"));
	size_t at = 0;
	enum tsn_code code = TSN_OK;

	while (code == TSN_OK) {
		struct tsn_slice rest = tsn_slice_of(b->held.ptr + at, b->held.len - at);
		size_t skip = b->looked > rest.len ? rest.len : b->looked;
		size_t n = tsn_slice_find(tsn_slice_from(rest, skip), delimiter);

		b->looked = 0;
		if (n == SIZE_MAX && rest.len >= TSN_RECORD_BYTES_MAX) {
			b->cut++;
			code = give(in, tsn_slice_of(rest.ptr, TSN_RECORD_BYTES_MAX), false, err);
			at += TSN_RECORD_BYTES_MAX;
		} else if (n == SIZE_MAX) {
			b->looked = rest.len > delimiter.len ? rest.len - delimiter.len : 0;
			break;
		} else {
			code = give(in, tsn_slice_of(rest.ptr, n + skip), cr, err);
			at += n + skip + delimiter.len;
		}
	}
	if (code == TSN_OK && last && at < b->held.len) {
		code = give(in, tsn_slice_of(b->held.ptr + at, b->held.len - at), cr, err);
		at = b->held.len;
	}
	if (at > 0 && b->held.len > at)
		memmove(b->held.ptr, b->held.ptr + at, b->held.len - at);
	b->held.len -= at;
	return code;
}

enum tsn_code
tsn_pbytes_feed(struct tsn_pbytes *b, struct tsn_pinst *in, struct tsn_slice bytes, bool last,
    struct tsn_err *err)
{
	struct tsn_slice delimiter = tsn_pi_str(in->codec, "delimiter", "\n");

	if (tsn_slice_eq(delimiter, TSN_SLICE("\\n")) || delimiter.len == 0)
		delimiter = TSN_SLICE("\n");
	tsn_buf_slice(&b->held, bytes);
	if (tsn_buf_check(&b->held) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (b->held.len == 0)
		return TSN_OK;
	return in->codec->desc->codec->consume != NULL ? feed_stream(b, in, last, err) :
	    feed_lines(b, in, delimiter, last, err);
}

enum tsn_code
tsn_psock_addr(const struct tsn_pinst *in, const char *dflt_host, uint64_t dflt_port,
    struct tsn_addr *ret, struct tsn_err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *list;
	const char *host = tsn_pi_text(in, "host", dflt_host);
	uint64_t port;
	char text[8];
	int failed;

	TSN_TRY(tsn_pi_count(in, "port", dflt_port, 1, 65535, &port, err));
	(void)snprintf(text, sizeof text, "%u", (unsigned)port);
	failed = getaddrinfo(host, text, &hints, &list);
	if (failed != 0)
		return tsn_pi_fail(in, err, "option \"host\": %s: %s", host, gai_strerror(failed));
	*ret = (struct tsn_addr){.len = list->ai_addrlen};
	memcpy(&ret->u, list->ai_addr, list->ai_addrlen < sizeof ret->u ? list->ai_addrlen :
	    sizeof ret->u);
	freeaddrinfo(list);
	return TSN_OK;
}

void
tsn_psock_set(struct tsn_pev *ev, const char *name, struct tsn_pv v)
{
	struct tsn_pref ref;

	if (tsn_pref_parse(ev->arena, tsn_slice_cstr(name), &ref))
		(void)tsn_pev_set(ev, &ref, v);
}

void
tsn_psock_set_text(struct tsn_pev *ev, const char *name, struct tsn_slice text)
{
	if (text.len > 0)
		tsn_psock_set(ev, name, tsn_pv_str(text));
}
