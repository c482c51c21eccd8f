/*
 * Topics of Kafka.  A batch is handed to librdkafka and waited for: an item is done when the broker
 * has acknowledged it, so that nothing is forgotten that is only in the client's memory.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "os/clock.h"
#include "ship/dest.h"

#define TIMEOUT_MS 30000
#define POLL_MS 50
#define TEXT_MAX 512u

struct kafka {
	rd_kafka_t *rk;
	long timeout_ms;
	uint32_t inflight;
	char why[TEXT_MAX];
};

/* of this batch only: what an earlier one gave up on reports to nobody */
struct ticket {
	struct tsn_ship_item *item;
	struct tsn_arena *arena;
};

static bool
for_good(rd_kafka_resp_err_t e)
{
	return e == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || e == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
	    e == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION || e == RD_KAFKA_RESP_ERR_INVALID_MSG ||
	    e == RD_KAFKA_RESP_ERR__BAD_MSG;
}

static void
set_result(struct kafka *k, struct ticket *t, rd_kafka_resp_err_t e)
{
	if (e == RD_KAFKA_RESP_ERR_NO_ERROR) {
		t->item->result = TSN_SHIP_DONE;
	} else if (for_good(e)) {
		t->item->result = TSN_SHIP_REFUSED;
		t->item->reason = tsn_slice_cstr(rd_kafka_err2str(e));
	} else {
		(void)snprintf(k->why, sizeof k->why, "kafka: %s", rd_kafka_err2str(e));
	}
}

static void
delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *ctx)
{
	struct kafka *k = ctx;

	(void)rk;
	k->inflight--;
	set_result(k, m->_private, m->err);
}

static void
trouble(rd_kafka_t *rk, int e, const char *reason, void *ctx)
{
	struct kafka *k = ctx;

	(void)rk;
	(void)e;
	(void)snprintf(k->why, sizeof k->why, "kafka: %s", reason);
}

static void
no_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	(void)facility;
	(void)text;
}

static rd_kafka_headers_t *
headers_of(const struct tsn_ship_item *item)
{
	rd_kafka_headers_t *h = item->count < 5 ? NULL : rd_kafka_headers_new(2);

	for (uint32_t i = 3; h != NULL && i + 1 < item->count; i += 2)
		(void)rd_kafka_header_add(h, item->parts[i].ptr, (ssize_t)item->parts[i].len,
		    item->parts[i + 1].ptr, (ssize_t)item->parts[i + 1].len);
	return h;
}

/* the library reads only, but does not say so */
static void *
unconst(const char *p)
{
	return (void *)(uintptr_t)p;
}

static bool
produce(struct kafka *k, struct ticket *t, const char *topic)
{
	const struct tsn_slice *p = t->item->parts;
	rd_kafka_headers_t *h = headers_of(t->item);
	rd_kafka_vu_t v[] = {
		{.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
		{.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {unconst(p[1].len > 0 ? p[1].ptr : NULL), p[1].len}},
		{.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {unconst(p[2].ptr), p[2].len}},
		{.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = t},
		{.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = h},
	};
	rd_kafka_error_t *failed = rd_kafka_produceva(k->rk, v, TSN_COUNT(v) - (h == NULL));
	rd_kafka_resp_err_t e = failed == NULL ? RD_KAFKA_RESP_ERR_NO_ERROR :
	    rd_kafka_error_code(failed);

	if (failed != NULL)
		rd_kafka_error_destroy(failed);
	if (e == RD_KAFKA_RESP_ERR_NO_ERROR) {
		k->inflight++;
		return true;
	}
	if (h != NULL)
		rd_kafka_headers_destroy(h);
	set_result(k, t, e);
	return e != RD_KAFKA_RESP_ERR__QUEUE_FULL;
}

static void
send_kafka(void *state, struct tsn_ship_batch *b, struct tsn_err *why)
{
	struct kafka *k = state;
	struct ticket *tickets = tsn_arena_calloc(b->arena, b->count, sizeof *tickets);
	int64_t until = tsn_clock_mono_ns() + k->timeout_ms * TSN_NS_PER_MS;

	if (tickets == NULL) {
		(void)TSN_ERR(why, TSN_ENOMEM, "out of memory");
		return;
	}
	k->why[0] = '\0';
	for (uint32_t i = 0; i < b->count; i++) {
		struct tsn_slice topic = tsn_arena_dup(b->arena, b->items[i].parts[0]);

		tickets[i] = (struct ticket){&b->items[i], b->arena};
		if (topic.ptr == NULL || b->items[i].count < 3 || !produce(k, &tickets[i], topic.ptr))
			break;
	}
	while (k->inflight > 0 && tsn_clock_mono_ns() < until && !atomic_load(b->stopping))
		(void)rd_kafka_poll(k->rk, POLL_MS);
	if (k->inflight > 0) {
		/* they must not report later: their items are gone then */
		(void)rd_kafka_purge(k->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		for (unsigned n = 0; k->inflight > 0 && n < 1000; n++)
			(void)rd_kafka_poll(k->rk, 10);
	}
	if (k->why[0] != '\0')
		(void)TSN_ERR(why, TSN_EIO, "%s", k->why);
}

static void
close_kafka(void *state)
{
	struct kafka *k = state;

	if (k->rk != NULL) {
		(void)rd_kafka_purge(k->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		rd_kafka_destroy(k->rk);
	}
	free(k);
}

enum tsn_code
tsn_ship_kafka(const struct tsn_ship_kafka_options *o, struct tsn_ship_dest *ret,
    struct tsn_err *err)
{
	struct kafka *k = calloc(1, sizeof *k);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[TEXT_MAX];

	if (k == NULL) {
		rd_kafka_conf_destroy(conf);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	k->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_MS;
	rd_kafka_conf_set_opaque(conf, k);
	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	rd_kafka_conf_set_error_cb(conf, trouble);
	rd_kafka_conf_set_log_cb(conf, no_log);
	for (uint32_t i = 0; i < o->count; i++)
		if (rd_kafka_conf_set(conf, o->settings[i][0], o->settings[i][1], text, sizeof text) !=
		    RD_KAFKA_CONF_OK) {
			rd_kafka_conf_destroy(conf);
			free(k);
			TSN_FAIL(err, TSN_EINVAL, "%s", text);
		}
	k->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	if (k->rk == NULL) {
		rd_kafka_conf_destroy(conf);
		free(k);
		TSN_FAIL(err, TSN_EINVAL, "%s", text);
	}
	*ret = (struct tsn_ship_dest){.send = send_kafka, .close = close_kafka, .state = k,
		.batch_items = o->batch_items};
	return TSN_OK;
}
