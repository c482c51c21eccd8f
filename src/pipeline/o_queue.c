/* Outputs redis and kafka. */
#include <string.h>

#include "pipeline/kafka_int.h"

struct out_redis {
	struct tsn_po po;
	struct tsn_tmpl key;
};

static enum tsn_code
redis_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct out_redis *r = tsn_pi_alloc(in, 1, sizeof *r);
	struct tsn_ship_redis_options o = {.password = tsn_pi_text(in, "password", NULL),
		.channel = tsn_slice_eq(tsn_pi_str(in, "data_type", "list"), TSN_SLICE("channel")),
		.timeout_ms = (long)(tsn_pi_span(in, "timeout", 5) / TSN_NS_PER_MS),
		.reconnect_ns = tsn_pi_span(in, "reconnect_interval", 1)};
	struct tsn_ship_dest dest;
	uint32_t count;
	const struct tsn_conf_value *hosts = tsn_pi_list(in, "host", &count);
	uint64_t port, db, items;

	if (r == NULL || !tsn_tmpl_parse(&in->pl->conf->arena, tsn_pi_str(in, "key", ""), &r->key))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->state = r;
	if (tsn_pi_bool(in, "ssl_enabled", false))
		return tsn_pi_fail(in, err, "TLS to Redis is not spoken; put stunnel in between");
	if (r->key.text.len == 0)
		return tsn_pi_fail(in, err, "needs the option \"key\"");
	TSN_TRY(tsn_pi_count(in, "port", 6379, 1, 65535, &port, err));
	TSN_TRY(tsn_pi_count(in, "db", 0, 0, 65535, &db, err));
	TSN_TRY(tsn_pi_count(in, "batch_events", 50, 1, 65536, &items, err));
	TSN_TRY(tsn_pi_count(in, "congestion_threshold", 0, 0, UINT32_MAX, &o.congestion_threshold,
	    err));
	for (uint32_t i = 0; i < count && o.host_count < TSN_SHIP_HOSTS_MAX; i++)
		o.hosts[o.host_count++] = tsn_arena_dup(&in->pl->conf->arena, hosts[i].text).ptr;
	if (o.host_count == 0)
		o.hosts[o.host_count++] = "127.0.0.1";
	o.port = (uint16_t)port;
	o.db = (int)db;
	if (tsn_pi_bool(in, "batch", false)) {
		o.batch_items = (uint32_t)items;
		o.batch_ns = tsn_pi_span(in, "batch_timeout", 5);
	}
	TSN_TRY(tsn_ship_redis(&o, &dest, err));
	return tsn_po_open(in, &dest, err);
}

static enum tsn_code
redis_write(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_err *err)
{
	struct out_redis *r = in->state;
	struct tsn_slice parts[2];

	parts[0] = tsn_tmpl_text(&r->key, ev);
	if (parts[0].ptr == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "the event is too large");
	TSN_TRY(tsn_po_encode(in, ev, &parts[1], err));
	return tsn_po_put(in, parts, 2, err);
}

const struct tsn_poutput tsn_output_redis = {.codec = "json", .open = redis_open,
    .close = tsn_po_close, .write = redis_write, .flush = tsn_po_flush, .counts = tsn_po_counts};

#define HEADERS_MAX 2u

struct out_kafka {
	struct tsn_po po;
	struct tsn_tmpl topic, key;
	bool has_key;
	struct tsn_ppair *headers;
	uint32_t header_count;
};

static enum tsn_code
kafka_settings(struct tsn_pinst *in, struct tsn_pkafka *k, struct tsn_err *err)
{
	static const char *const plain[][2] = {{"acks", "request.required.acks"},
	    {"compression_type", "compression.codec"}, {"linger_ms", "linger.ms"},
	    {"max_request_size", "message.max.bytes"}, {"request_timeout_ms", "request.timeout.ms"},
	    {"metadata_fetch_timeout_ms", "socket.connection.setup.timeout.ms"}};

	TSN_TRY(tsn_pkafka_client(in, k, err));
	for (size_t i = 0; i < TSN_COUNT(plain); i++)
		TSN_TRY(tsn_pkafka_option(in, k, plain[i][0], plain[i][1], err));
	/* delivery is ours to repeat: an item that the client gives up comes back to the queue */
	return tsn_pkafka_set(in, k, "message.timeout.ms", TSN_SLICE("30000"), err);
}

static enum tsn_code
kafka_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct out_kafka *k = tsn_pi_alloc(in, 1, sizeof *k);
	struct tsn_ship_kafka_options o = {.batch_items = 2000};
	struct tsn_pkafka settings = {.count = 0};
	struct tsn_ship_dest dest;
	struct tsn_err why = {0};

	if (k == NULL ||
	    !tsn_tmpl_parse(&in->pl->conf->arena, tsn_pi_str(in, "topic_id", ""), &k->topic) ||
	    !tsn_tmpl_parse(&in->pl->conf->arena, tsn_pi_str(in, "message_key", ""), &k->key) ||
	    !tsn_pi_pairs(in, "message_headers", &k->headers, &k->header_count))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->state = k;
	k->has_key = k->key.text.len > 0;
	if (k->topic.text.len == 0)
		return tsn_pi_fail(in, err, "needs the option \"topic_id\"");
	if (k->header_count > HEADERS_MAX)
		return tsn_pi_fail(in, err, "option \"message_headers\": at most %u", HEADERS_MAX);
	TSN_TRY(kafka_settings(in, &settings, err));
	memcpy(o.settings, settings.settings, sizeof o.settings);
	o.count = settings.count;
	if (tsn_ship_kafka(&o, &dest, &why) != TSN_OK)
		return tsn_pi_fail(in, err, "%s", why.msg);
	return tsn_po_open(in, &dest, err);
}

static enum tsn_code
kafka_write(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_err *err)
{
	struct out_kafka *k = in->state;
	struct tsn_slice parts[TSN_SHIP_PARTS_MAX];
	uint32_t count = 3;

	parts[0] = tsn_tmpl_text(&k->topic, ev);
	parts[1] = k->has_key ? tsn_tmpl_text(&k->key, ev) : TSN_SLICE("");
	if (parts[0].ptr == NULL || parts[1].ptr == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "the event is too large");
	TSN_TRY(tsn_po_encode(in, ev, &parts[2], err));
	for (uint32_t i = 0; i < k->header_count; i++) {
		parts[count++] = tsn_tmpl_text(&k->headers[i].name.tmpl, ev);
		parts[count++] = k->headers[i].count > 0 ? tsn_tmpl_text(&k->headers[i].values[0], ev) :
		    TSN_SLICE("");
	}
	return tsn_po_put(in, parts, count, err);
}

const struct tsn_poutput tsn_output_kafka = {.codec = "plain", .open = kafka_open,
    .close = tsn_po_close, .write = kafka_write, .flush = tsn_po_flush, .counts = tsn_po_counts};
