#include "collect/netin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "collect/netin_int.h"

#define UDP_MESSAGE_MAX 65536u
#define TCP_MESSAGE_MAX (256u << 10)
#define BEATS_MESSAGE_MAX TSN_RECORD_BYTES_MAX

const struct tsn_source *
netin_source(struct tsn_netin *in, const struct tsn_addr *peer)
{
	char address[TSN_ADDR_TEXT_MAX], name[2 * TSN_ADDR_TEXT_MAX + 32];
	struct tsn_source like = {
		.address = tsn_addr_text(peer, false, address),
		.kind = tsn_slice_cstr(in->kind),
		.tz_offset_sec = in->o.tz_offset_sec,
	};
	int n = snprintf(name, sizeof name, "%s from %s", in->label, address);

	return in->sink->source(in->sink->ctx, &like, tsn_slice_of(name, (size_t)n));
}

enum tsn_code
netin_give(struct tsn_netin *in, const struct tsn_source *source, struct tsn_slice bytes,
    bool truncated, int64_t now_ns)
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

enum tsn_code
netin_flush(struct tsn_netin *in)
{
	TSN_TRY(in->sink->flush(in->sink->ctx));
	in->staged = 0;
	return TSN_OK;
}

enum tsn_code
netin_give_copy(struct tsn_netin *in, const struct tsn_source *source, struct tsn_slice bytes,
    bool truncated, int64_t now_ns)
{
	if (bytes.len > STAGE_BYTES) {
		bytes.len = STAGE_BYTES;
		truncated = true;
	}
	if (bytes.len > STAGE_BYTES - in->staged)
		TSN_TRY(netin_flush(in));
	memcpy(in->stage + in->staged, bytes.ptr, bytes.len);
	bytes.ptr = in->stage + in->staged;
	in->staged += bytes.len;
	return netin_give(in, source, bytes, truncated, now_ns);
}

static void
set_defaults(struct tsn_netin *in)
{
	struct tsn_netin_options *o = &in->o;

	if (o->message_bytes_max == 0)
		o->message_bytes_max = o->proto == TSN_NETIN_UDP ? UDP_MESSAGE_MAX :
		    o->proto == TSN_NETIN_TCP ? TCP_MESSAGE_MAX : BEATS_MESSAGE_MAX;
	if (o->message_bytes_max > TSN_RECORD_BYTES_MAX)
		o->message_bytes_max = TSN_RECORD_BYTES_MAX;
	if (o->connections_max == 0)
		o->connections_max = 1024;
	if (o->idle_sec == 0)
		o->idle_sec = 3600;
	if (o->receive_buffer == 0)
		o->receive_buffer = 16u << 20;
	in->protocol = o->proto == TSN_NETIN_TCP ? &netin_syslog :
	    o->proto == TSN_NETIN_BEATS ? &netin_beats : NULL;
}

static enum tsn_code
listen_on(struct tsn_netin *in, struct tsn_err *err)
{
	const struct netin_protocol *p = in->protocol;
	char text[TSN_ADDR_TEXT_MAX];

	TSN_TRY(p == NULL ? udp_open(in, err) : conns_open(in, err));
	TSN_TRY(tsn_sock_name(in->watch.fd, &in->addr, err));
	(void)tsn_addr_text(&in->addr, true, text);
	(void)snprintf(in->label, sizeof in->label, "%s %s",
	    p == NULL ? "udp" : in->tls != NULL ? p->tls_label : p->label, text);
	in->watch.ctx = in;
	if (p == NULL)
		return udp_start(in, err);
	return tsn_loop_add(in->loop, &in->watch, TSN_WATCH_READ, err);
}

static void
close_all(struct tsn_netin *in)
{
	if (in->protocol == NULL)
		udp_close(in);
	else
		conns_close(in);
	tsn_fd_close(in->watch.fd);
	free(in);
}

enum tsn_code
tsn_netin_open(const struct tsn_netin_options *options, struct tsn_loop *loop,
    const struct tsn_sink *sink, struct tsn_netin **ret_in, struct tsn_err *err)
{
	struct tsn_netin *in = calloc(1, sizeof *in);
	enum tsn_code code = TSN_OK;

	if (in == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->o = *options;
	in->loop = loop;
	in->sink = sink;
	in->watch.fd = -1;
	set_defaults(in);
	if (options->kind.len >= sizeof in->kind)
		code = TSN_ERR(err, TSN_EINVAL, "the kind's name is too long");
	else if (options->kind.len > 0)
		memcpy(in->kind, options->kind.ptr, options->kind.len);
	if (code == TSN_OK)
		code = listen_on(in, err);
	if (code != TSN_OK) {
		close_all(in);
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
	if (in->protocol != NULL)
		tsn_loop_remove(in->loop, &in->watch);
	close_all(in);
}

void
tsn_netin_tick(struct tsn_netin *in, int64_t mono_ns)
{
	if (in->protocol != NULL)
		conns_tick(in, mono_ns);
}

void
tsn_netin_committed(struct tsn_netin *in)
{
	if (in->protocol != NULL)
		conns_committed(in);
	else
		udp_committed(in);
}

enum tsn_code
tsn_netin_ranges(struct tsn_netin *in)
{
	return in->protocol != NULL ? TSN_OK : udp_ranges(in);
}

const struct tsn_addr *
tsn_netin_addr(const struct tsn_netin *in)
{
	return &in->addr;
}

const char *
tsn_netin_label(const struct tsn_netin *in)
{
	return in->label;
}

struct tsn_netin_stats
tsn_netin_stats_get(const struct tsn_netin *in)
{
	struct tsn_netin_stats stats = in->stats;

	if (in->protocol == NULL)
		stats.spooled_bytes = udp_spooled(in);
	return stats;
}
