/*
 * Input kafka: topics, as a member of a consumer group.  Offsets are committed when what was made
 * of the messages has left the outputs for good.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/kafka_int.h"
#include "pipeline/sock_int.h"

#define MESSAGES_MAX 500u	/* of one step */
#define TEXT_MAX 512u

struct in_kafka {
	rd_kafka_t *rk;
	struct tsn_slice group;
	bool decorate, headers, commit, dirty;
	const rd_kafka_message_t *now;
	char trouble[160];
	uint64_t errors;
};

static void
on_error(rd_kafka_t *rk, int code, const char *reason, void *ctx)
{
	struct tsn_pinst *in = ctx;
	struct in_kafka *k = in->state;

	(void)rk;
	(void)code;
	if (k->errors++ == 0 || strncmp(k->trouble, reason, sizeof k->trouble - 1) != 0)
		tsn_pl_say(in, "%s", reason);
	(void)snprintf(k->trouble, sizeof k->trouble, "%.150s", reason);
}

static void
no_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	(void)facility;
	(void)text;
}

/* zk_connect of old names ZooKeeper; the brokers stand beside it, at their own port */
static enum tsn_code
set_servers(struct tsn_pinst *in, struct tsn_pkafka *k, struct tsn_err *err)
{
	const struct tsn_conf_option *zk = tsn_conf_option_find(in->conf, TSN_SLICE("zk_connect"));
	struct tsn_slice rest;
	struct tsn_buf b;
	enum tsn_code code;

	if (zk == NULL || tsn_conf_option_find(in->conf, TSN_SLICE("bootstrap_servers")) != NULL)
		return TSN_OK;
	tsn_buf_init(&b, 65536);
	for (rest = zk->value.text; rest.len > 0;) {
		size_t end = tsn_slice_find_char(rest, ',');
		struct tsn_slice one = tsn_slice_of(rest.ptr, end == SIZE_MAX ? rest.len : end);
		size_t slash = tsn_slice_find_char(one, '/');

		rest = tsn_slice_from(rest, one.len + 1);
		one = tsn_slice_trim(tsn_slice_of(one.ptr, slash == SIZE_MAX ? one.len : slash));
		if (b.len > 0)
			tsn_buf_char(&b, ',');
		if (tsn_slice_ends(one, TSN_SLICE(":2181"))) {
			tsn_buf_slice(&b, tsn_slice_of(one.ptr, one.len - 4));
			tsn_buf_lit(&b, "9092");
		} else {
			tsn_buf_slice(&b, one);
		}
	}
	tsn_pl_say(in, "zk_connect: ZooKeeper is not asked; the brokers are looked for at %.*s",
	    TSN_SLICE_ARG(tsn_buf_get(&b)));
	code = tsn_pkafka_set(in, k, "bootstrap.servers", tsn_buf_get(&b), err);
	tsn_buf_done(&b);
	return code;
}

static enum tsn_code
settings(struct tsn_pinst *in, struct tsn_pkafka *k, struct tsn_err *err)
{
	static const char *const plain[][2] = {{"group_instance_id", "group.instance.id"},
	    {"isolation_level", "isolation.level"}, {"session_timeout_ms", "session.timeout.ms"},
	    {"heartbeat_interval_ms", "heartbeat.interval.ms"},
	    {"max_poll_interval_ms", "max.poll.interval.ms"}, {"fetch_min_bytes", "fetch.min.bytes"},
	    {"fetch_max_bytes", "fetch.max.bytes"}, {"fetch_max_wait_ms", "fetch.wait.max.ms"},
	    {"max_partition_fetch_bytes", "fetch.message.max.bytes"}, {"check_crcs", "check.crcs"},
	    {"client_rack", "client.rack"}};
	struct tsn_slice reset = tsn_pi_str(in, "auto_offset_reset", "latest");
	struct tsn_slice strategy = tsn_pi_str(in, "partition_assignment_strategy", "");
	struct in_kafka *s = in->state;

	TSN_TRY(tsn_pkafka_client(in, k, err));
	TSN_TRY(set_servers(in, k, err));
	for (size_t i = 0; i < TSN_COUNT(plain); i++)
		TSN_TRY(tsn_pkafka_option(in, k, plain[i][0], plain[i][1], err));
	TSN_TRY(tsn_pkafka_set(in, k, "group.id", s->group, err));
	TSN_TRY(tsn_pkafka_set(in, k, "enable.auto.commit", TSN_SLICE("false"), err));
	TSN_TRY(tsn_pkafka_set(in, k, "enable.auto.offset.store", TSN_SLICE("false"), err));
	/* the old reset_beginning says true or false */
	if (tsn_slice_eq(reset, TSN_SLICE("true")))
		reset = TSN_SLICE("earliest");
	else if (tsn_slice_eq(reset, TSN_SLICE("false")))
		reset = TSN_SLICE("latest");
	TSN_TRY(tsn_pkafka_set(in, k, "auto.offset.reset", tsn_slice_eq(reset, TSN_SLICE("none")) ?
	    TSN_SLICE("error") : reset, err));
	if (tsn_slice_eq(strategy, TSN_SLICE("round_robin")))
		return tsn_pkafka_set(in, k, "partition.assignment.strategy", TSN_SLICE("roundrobin"), err);
	if (tsn_slice_eq(strategy, TSN_SLICE("cooperative_sticky")))
		return tsn_pkafka_set(in, k, "partition.assignment.strategy",
		    TSN_SLICE("cooperative-sticky"), err);
	return TSN_OK;
}

static enum tsn_code
subscribe(struct tsn_pinst *in, struct tsn_err *err)
{
	struct in_kafka *k = in->state;
	const char *pattern = tsn_pi_text(in, "topics_pattern", NULL);
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(4);
	uint32_t count;
	const struct tsn_conf_value *items = tsn_pi_list(in, "topics", &count);
	rd_kafka_resp_err_t e;

	for (uint32_t i = 0; i < count; i++) {
		const char *name = tsn_arena_dup(&in->pl->conf->arena, items[i].text).ptr;

		if (name != NULL)
			(void)rd_kafka_topic_partition_list_add(topics, name, RD_KAFKA_PARTITION_UA);
	}
	if (pattern != NULL) {
		char text[TEXT_MAX];

		(void)snprintf(text, sizeof text, "%s%s", pattern[0] == '^' ? "" : "^", pattern);
		(void)rd_kafka_topic_partition_list_add(topics, text, RD_KAFKA_PARTITION_UA);
	}
	if (topics->cnt == 0)
		(void)rd_kafka_topic_partition_list_add(topics, "logstash", RD_KAFKA_PARTITION_UA);
	e = rd_kafka_subscribe(k->rk, topics);
	rd_kafka_topic_partition_list_destroy(topics);
	return e == RD_KAFKA_RESP_ERR_NO_ERROR ? TSN_OK :
	    tsn_pi_fail(in, err, "%s", rd_kafka_err2str(e));
}

static enum tsn_code
kafka_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct in_kafka *k = tsn_pi_alloc(in, 1, sizeof *k);
	struct tsn_slice decorate = tsn_pi_str(in, "decorate_events", "none");
	struct tsn_pkafka set = {.count = 0};
	rd_kafka_conf_t *conf;
	char text[TEXT_MAX];

	if (k == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->state = k;
	k->group = tsn_pi_str(in, "group_id", "logstash");
	k->headers = tsn_slice_eq(decorate, TSN_SLICE("extended"));
	k->decorate = k->headers || tsn_slice_eq(decorate, TSN_SLICE("basic")) ||
	    tsn_slice_eq(decorate, TSN_SLICE("true"));
	k->commit = tsn_pi_bool(in, "enable_auto_commit", true);
	TSN_TRY(settings(in, &set, err));
	conf = rd_kafka_conf_new();
	rd_kafka_conf_set_opaque(conf, in);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_log_cb(conf, no_log);
	for (uint32_t i = 0; i < set.count; i++)
		if (rd_kafka_conf_set(conf, set.settings[i][0], set.settings[i][1], text, sizeof text) !=
		    RD_KAFKA_CONF_OK) {
			rd_kafka_conf_destroy(conf);
			return tsn_pi_fail(in, err, "%s", text);
		}
	k->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
	if (k->rk == NULL) {
		rd_kafka_conf_destroy(conf);
		return tsn_pi_fail(in, err, "%s", text);
	}
	(void)rd_kafka_poll_set_consumer(k->rk);
	return subscribe(in, err);
}

static void
kafka_close(struct tsn_pinst *in)
{
	struct in_kafka *k = in->state;

	if (k == NULL || k->rk == NULL)
		return;
	(void)rd_kafka_consumer_close(k->rk);
	rd_kafka_destroy(k->rk);
}

static enum tsn_code
kafka_step(struct tsn_pinst *in, enum tsn_pstep *ret, struct tsn_err *err)
{
	struct in_kafka *k = in->state;

	*ret = TSN_PSTEP_IDLE;
	for (unsigned i = 0; i < MESSAGES_MAX; i++) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(k->rk, 0);
		enum tsn_code code = TSN_OK;

		if (m == NULL)
			return TSN_OK;
		if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
			k->now = m;
			code = tsn_pl_body(in, tsn_slice_of(m->payload != NULL ? m->payload : "", m->len), err);
			k->now = NULL;
			if (code == TSN_OK) {
				(void)rd_kafka_offset_store(m->rkt, m->partition, m->offset);
				k->dirty = true;
			}
		} else if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
			on_error(k->rk, m->err, rd_kafka_message_errstr(m), in);
		}
		rd_kafka_message_destroy(m);
		TSN_TRY(code);
	}
	*ret = TSN_PSTEP_MORE;
	return TSN_OK;
}

static enum tsn_code
kafka_settled(struct tsn_pinst *in, struct tsn_err *err)
{
	struct in_kafka *k = in->state;

	(void)err;
	/* a codec that holds lines back holds messages back too */
	if (k->dirty && k->commit && !tsn_pl_holds(in)) {
		(void)rd_kafka_commit(k->rk, NULL, in->pl->draining ? 0 : 1);
		k->dirty = false;
	}
	return TSN_OK;
}

static void
kafka_decorate(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct in_kafka *k = in->state;
	const rd_kafka_message_t *m = k->now;
	rd_kafka_timestamp_type_t type;
	rd_kafka_headers_t *headers;
	const char *name;
	const void *value;
	size_t len;

	if (m == NULL || !k->decorate)
		return;
	tsn_psock_set_text(ev, "[@metadata][kafka][topic]",
	    tsn_arena_dup(ev->arena, tsn_slice_cstr(rd_kafka_topic_name(m->rkt))));
	tsn_psock_set_text(ev, "[@metadata][kafka][consumer_group]", k->group);
	tsn_psock_set(ev, "[@metadata][kafka][partition]", tsn_pv_int(m->partition));
	tsn_psock_set(ev, "[@metadata][kafka][offset]", tsn_pv_int(m->offset));
	tsn_psock_set(ev, "[@metadata][kafka][timestamp]",
	    tsn_pv_int(rd_kafka_message_timestamp(m, &type)));
	if (m->key != NULL)
		tsn_psock_set(ev, "[@metadata][kafka][key]",
		    tsn_pv_str(tsn_arena_dup(ev->arena, tsn_slice_of(m->key, m->key_len))));
	if (!k->headers || rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	for (size_t i = 0; i < 64 && rd_kafka_header_get_all(headers, i, &name, &value, &len) ==
	    RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
		char ref[TEXT_MAX];

		if (strpbrk(name, "[]") != NULL || strlen(name) > 256)
			continue;
		(void)snprintf(ref, sizeof ref, "[@metadata][kafka][headers][%s]", name);
		tsn_psock_set_text(ev, ref, tsn_arena_dup(ev->arena, tsn_slice_of(value, len)));
	}
}

const struct tsn_pinput tsn_input_kafka = {.codec = "plain", .open = kafka_open,
    .close = kafka_close, .step = kafka_step, .decorate = kafka_decorate,
    .settled = kafka_settled};
