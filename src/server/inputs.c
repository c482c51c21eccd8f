#include "server/inputs.h"

#include <stdio.h>

#define FOLLOW_NS (100 * TSN_NS_PER_MS)

struct tsn_tls_options
tsn_inputs_tls(const struct tsn_config_tls *c)
{
	return (struct tsn_tls_options){.cert_file = c->cert, .key_file = c->key, .ca_file = c->ca,
		.client = (enum tsn_tls_client)c->client, .names = c->names.items,
		.name_count = c->names.count};
}

static const char *
listener_name(const struct tsn_config_input *in)
{
	bool tls = in->tls.cert != NULL;

	if (in->type == TSN_CONFIG_BEATS)
		return tls ? "Beats over TLS" : "Beats over TCP";
	return in->type == TSN_CONFIG_SYSLOG_UDP ? "syslog over UDP" :
	    tls					 ? "syslog over TLS" : "syslog over TCP";
}

static enum tsn_code
open_net(struct tsn_inputs *all, const struct tsn_config_input *in, struct tsn_loop *loop,
    const char *data, const struct tsn_sink *sink, struct tsn_err *err)
{
	char text[TSN_ADDR_TEXT_MAX], line[TSN_ADDR_TEXT_MAX + 64];
	struct tsn_netin_options o = {
		.proto = in->type == TSN_CONFIG_SYSLOG_UDP ? TSN_NETIN_UDP :
		    in->type == TSN_CONFIG_BEATS ? TSN_NETIN_BEATS : TSN_NETIN_TCP,
		.tls = tsn_inputs_tls(&in->tls),
		.addr = in->listen,
		.kind = tsn_slice_cstr(in->kind),
		.tz_offset_sec = in->tz_offset_sec,
		.message_bytes_max = (uint32_t)(in->message_bytes_max > TSN_RECORD_BYTES_MAX ?
			TSN_RECORD_BYTES_MAX : in->message_bytes_max),
		.connections_max = (uint32_t)in->connections_max,
		.idle_sec = (uint32_t)(in->idle_ns / TSN_NS_PER_SEC),
		.receive_buffer = (uint32_t)(in->receive_buffer > (1u << 30) ? (1u << 30) :
			in->receive_buffer),
		.spool_dir = data,
		.spool_bytes = in->spool_bytes,
	};
	struct tsn_netin *net;

	TSN_TRY(tsn_netin_open(&o, loop, sink, &net, err));
	all->nets[all->net_count++] = net;
	(void)tsn_addr_text(tsn_netin_addr(net), true, text);
	(void)snprintf(line, sizeof line, "%s on %s", listener_name(in), text);
	sink->say(sink->ctx, line);
	return TSN_OK;
}

static enum tsn_code
open_tail(struct tsn_inputs *all, const struct tsn_config_input *in, const struct tsn_sink *sink,
    struct tsn_err *err)
{
	struct tsn_tail_options o = {
		.ops = &tsn_file_system,
		.sink = sink,
		.patterns = in->paths.items,
		.pattern_count = in->paths.count,
		.kind = tsn_slice_cstr(in->kind),
		.tz_offset_sec = in->tz_offset_sec,
		.at_end = in->at_end,
	};

	TSN_TRY(tsn_tail_open(&o, &all->tails[all->tail_count], err));
	all->tail_count++;
	return TSN_OK;
}

static enum tsn_code
open_journal(struct tsn_inputs *all, const struct tsn_config_input *in, struct tsn_loop *loop,
    const struct tsn_sink *sink, struct tsn_err *err)
{
	struct tsn_journalin_options o = {.program = in->program, .directory = in->directory,
		.at_end = in->at_end};

	TSN_TRY(tsn_journalin_open(&o, loop, sink, &all->journals[all->journal_count], err));
	all->journal_count++;
	return TSN_OK;
}

static enum tsn_code
open_one(struct tsn_inputs *all, const struct tsn_config_input *in, const char *data,
    struct tsn_loop *loop, const struct tsn_sink *sink, struct tsn_err *err)
{
	switch (in->type) {
	case TSN_CONFIG_FILE:
		return open_tail(all, in, sink, err);
	case TSN_CONFIG_JOURNALD:
		return open_journal(all, in, loop, sink, err);
	case TSN_CONFIG_AUDIT:
		if (all->audit != NULL)
			TSN_FAIL(err, TSN_EINVAL, "one input of type audit is enough");
		return tsn_auditin_open(loop, sink, &all->audit, err);
	case TSN_CONFIG_SYSLOG_UDP:
	case TSN_CONFIG_SYSLOG_TCP:
	case TSN_CONFIG_BEATS:
		break;
	}
	return open_net(all, in, loop, data, sink, err);
}

enum tsn_code
tsn_inputs_open(struct tsn_inputs *in, const struct tsn_config *config, const char *data,
    struct tsn_loop *loop, const struct tsn_sink *sink, struct tsn_err *err)
{
	for (uint32_t i = 0; i < config->input_count; i++)
		TSN_TRY(open_one(in, &config->inputs[i], data, loop, sink, err));
	return TSN_OK;
}

void
tsn_inputs_close_nets(struct tsn_inputs *in)
{
	for (uint32_t i = 0; i < in->net_count; i++)
		tsn_netin_close(in->nets[i]);
	in->net_count = 0;
	tsn_auditin_close(in->audit);
	in->audit = NULL;
}

void
tsn_inputs_close_files(struct tsn_inputs *in)
{
	for (uint32_t i = 0; i < in->tail_count; i++)
		tsn_tail_close(in->tails[i]);
	in->tail_count = 0;
	for (uint32_t i = 0; i < in->journal_count; i++)
		tsn_journalin_close(in->journals[i]);
	in->journal_count = 0;
}

enum tsn_code
tsn_inputs_follow(struct tsn_inputs *in, int64_t mono_ns, bool *more, struct tsn_err *err)
{
	if (mono_ns - in->tailed_ns < FOLLOW_NS && !*more)
		return TSN_OK;
	in->tailed_ns = mono_ns;
	*more = false;
	for (uint32_t i = 0; i < in->tail_count; i++) {
		bool one_more;

		TSN_TRY(tsn_tail_turn(in->tails[i], mono_ns, &one_more, err));
		*more |= one_more;
	}
	return TSN_OK;
}

void
tsn_inputs_tick(struct tsn_inputs *in, int64_t mono_ns)
{
	for (uint32_t i = 0; i < in->net_count; i++)
		tsn_netin_tick(in->nets[i], mono_ns);
	for (uint32_t i = 0; i < in->journal_count; i++)
		tsn_journalin_tick(in->journals[i], mono_ns);
}

enum tsn_code
tsn_inputs_ranges(struct tsn_inputs *in, struct tsn_err *err)
{
	for (uint32_t i = 0; i < in->net_count; i++)
		if (tsn_netin_ranges(in->nets[i]) != TSN_OK)
			TSN_FAIL(err, TSN_EIO, "%s: its spool cannot be said to be stored",
			    tsn_netin_label(in->nets[i]));
	for (uint32_t i = 0; i < in->journal_count; i++)
		if (tsn_journalin_ranges(in->journals[i]) != TSN_OK)
			TSN_FAIL(err, TSN_EIO, "the cursor of the journal cannot be kept");
	for (uint32_t i = 0; i < in->tail_count; i++)
		TSN_TRY(tsn_tail_ranges(in->tails[i], err));
	return TSN_OK;
}

void
tsn_inputs_committed(struct tsn_inputs *in)
{
	for (uint32_t i = 0; i < in->net_count; i++)
		tsn_netin_committed(in->nets[i]);
}

void
tsn_inputs_report(const struct tsn_inputs *in, struct tsn_report *to)
{
	for (uint32_t i = 0; i < in->net_count; i++) {
		struct tsn_netin_stats n = tsn_netin_stats_get(in->nets[i]);

		to->connections += n.connections;
		to->connections_refused += n.refused;
		to->bad_frames += n.bad_frames;
		to->tls_failed += n.tls_failed;
		to->spooled_bytes += n.spooled_bytes;
	}
	for (uint32_t i = 0; i < in->tail_count; i++) {
		struct tsn_tail_stats t = tsn_tail_stats_get(in->tails[i]);

		to->files += t.files;
		to->file_restarts += t.restarts;
	}
}
