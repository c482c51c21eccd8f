/*
 * api/hec: Splunk's HTTP event collector: JSON objects one behind the other, raw text, and what its
 * clients ask.  The answer comes after the commit; acknowledgements: hec_ack.c.
 */
#include "api/hec_int.h"

#include <stdlib.h>

#include "codec/json_walk.h"
#include "parse/date.h"

#define OWN_BYTES_MAX (2u << 20)

struct hec {
	struct intake base;		/* first */
	struct tsn_slice channel;
	struct tsn_buf own;		/* what stands beside the event, being built */
	const struct tsn_aside *last;	/* of the event before: most are like it */
	/* The first that could not be taken. */
	enum hec_code bad;
	const char *bad_why;
	int64_t bad_event;
	uint32_t good;
};

static const struct {
	enum hec_code code;
	const char *text;
} texts[] = {
	{HEC_SUCCESS, "Success"},
	{HEC_TOKEN_REQUIRED, "Token is required"},
	{HEC_BAD_AUTHORIZATION, "Invalid authorization"},
	{HEC_BAD_TOKEN, "Invalid token"},
	{HEC_NO_DATA, "No data"},
	{HEC_BAD_FORMAT, "Invalid data format"},
	{HEC_INTERNAL, "Internal server error"},
	{HEC_BUSY, "Server is busy"},
	{HEC_NO_CHANNEL, "Data channel is missing"},
	{HEC_BAD_CHANNEL, "Invalid data channel"},
	{HEC_EVENT_REQUIRED, "Event field is required"},
	{HEC_EVENT_BLANK, "Event field cannot be blank"},
	{HEC_HEALTHY, "HEC is healthy"},
	{HEC_UNHEALTHY, "HEC is unhealthy, queues are full"},
};

const char *
hec_text(enum hec_code code)
{
	for (size_t i = 0; i < TSN_COUNT(texts); i++)
		if (texts[i].code == code)
			return texts[i].text;
	return "Internal server error";
}

enum answer
hec_answer(struct request *r, unsigned status, enum hec_code code, const char *detail,
    int64_t event)
{
	tsn_buf_printf(&r->out, "{\"text\":\"%s\",\"code\":%d", hec_text(code), (int)code);
	if (event >= 0)
		tsn_buf_printf(&r->out, ",\"invalid-event-number\":%lld", (long long)event);
	if (detail != NULL && detail[0] != '\0') {
		tsn_buf_lit(&r->out, ",\"detail\":");
		tsn_json_write_string(&r->out, tsn_slice_cstr(detail));
	}
	tsn_buf_lit(&r->out, "}\n");
	return answer_json(r, status);
}

void
splunk_problem(struct request *r, const char *detail)
{
	struct tsn_slice authorization = request_header(r, "Authorization");
	bool scheme = tsn_slice_find_char(authorization, ' ') != SIZE_MAX;

	if (r->status == 401 && authorization.len == 0)
		(void)hec_answer(r, 401, HEC_TOKEN_REQUIRED, NULL, -1);
	else if (r->status == 401 && !scheme)
		(void)hec_answer(r, 401, HEC_BAD_AUTHORIZATION, NULL, -1);
	else if (r->status == 401 || r->status == 403)
		(void)hec_answer(r, 403, HEC_BAD_TOKEN, r->status == 403 ? detail : NULL, -1);
	else if (r->status == 429 || r->status == 503)
		(void)hec_answer(r, 503, HEC_BUSY, detail, -1);
	else if (r->status < 500)
		(void)hec_answer(r, r->status, HEC_BAD_FORMAT, detail, -1);
	else
		(void)hec_answer(r, 500, HEC_INTERNAL, detail, -1);
}

static void
hec_done(void *held)
{
	struct hec *h = held;

	intake_done(&h->base);
	tsn_buf_done(&h->own);
	free(h);
}

static void
write_answer(struct intake *in)
{
	struct hec *h = (struct hec *)in;

	if (h->channel.len == 0) {
		(void)hec_answer(in->r, 200, HEC_SUCCESS, NULL, -1);
		return;
	}
	tsn_buf_printf(&in->r->out, "{\"text\":\"Success\",\"code\":0,\"ackId\":%llu}\n",
	    (unsigned long long)hec_ack_new(in->r, h->channel));
	(void)answer_json(in->r, 200);
}

static struct hec *
hec_new(struct request *r)
{
	struct hec *h = calloc(1, sizeof *h);

	if (h == NULL)
		return NULL;
	intake_init(&h->base, r, write_answer, hec_done);
	tsn_buf_init(&h->own, OWN_BYTES_MAX);
	h->bad_event = -1;
	return h;
}

static bool
read_time(struct tsn_slice text, int64_t *ret_ns)
{
	struct tsn_date date;

	if (text.len == 0 || tsn_date_epoch(text, &date) != text.len || date.ns == TSN_TIME_NONE)
		return false;
	*ret_ns = date.ns;
	return true;
}

static void
begin_own(struct hec *h, struct tsn_slice name)
{
	tsn_buf_slice(&h->own, h->own.len == 0 ? TSN_SLICE("{\"hec.") : TSN_SLICE(",\"hec."));
	tsn_json_write_text(&h->own, name);
	tsn_buf_lit(&h->own, "\":");
}

/* The fields gathered in own, and a time; NULL when there is no memory. */
static const struct tsn_aside *
make_aside(struct hec *h, int64_t time_ns, struct tsn_slice error)
{
	struct tsn_aside *a;
	struct tsn_slice own;

	if (h->own.len > 0)
		tsn_buf_char(&h->own, '}');
	if (tsn_buf_check(&h->own) != TSN_OK) {
		tsn_buf_reset(&h->own);
		error = TSN_SLICE("what stands beside the event is too long");
	}
	own = tsn_buf_get(&h->own);
	if (h->last != NULL && tsn_slice_eq(h->last->own, own)) {
		if (h->last->time_ns == time_ns && error.len == 0 && h->last->error.len == 0)
			return h->last;
		own = h->last->own;
	} else {
		own = intake_keep(&h->base, own);
	}
	a = own.len < h->own.len ? NULL : intake_alloc(&h->base, sizeof *a);
	if (a == NULL)
		return NULL;
	*a = (struct tsn_aside){.own = own, .time_ns = time_ns, .time_key = TSN_F_HEC_TIME,
		.error = error};
	h->last = a;
	return a;
}

static bool
bad_item(struct hec *h, struct tsn_slice item, int64_t number, enum hec_code code,
    struct tsn_slice why)
{
	const struct tsn_aside *aside;

	tsn_buf_reset(&h->own);
	aside = make_aside(h, TSN_TIME_NONE, why);
	if (h->bad == HEC_SUCCESS) {
		h->bad = code;
		h->bad_event = number;
		h->bad_why = why.ptr;
	}
	return aside != NULL && intake_add(&h->base, item, false, aside);
}

static struct tsn_slice
without_line_end(struct tsn_slice s)
{
	if (s.len > 0 && s.ptr[s.len - 1] == '\n')
		s.len--;
	if (s.len > 0 && s.ptr[s.len - 1] == '\r')
		s.len--;
	return s;
}

/* {"time":1426279439.5,"host":"h","source":"s","event":"text","fields":{"a":"b"}} */
static bool
take_item(struct hec *h, struct tsn_slice item, int64_t number)
{
	struct tsn_arena *arena = &h->base.arena;
	struct tsn_slice event = TSN_SLICE_NONE, name, value;
	int64_t time_ns = TSN_TIME_NONE;
	const struct tsn_aside *aside;
	struct tsn_json_walk w;
	struct tsn_err err;

	if (tsn_json_check(item, &err) != TSN_OK)
		return bad_item(h, item, number, HEC_BAD_FORMAT,
		    intake_keep(&h->base, tsn_slice_cstr(err.msg)));
	if (tsn_json_walk_kind(item) != '{')
		return bad_item(h, item, number, HEC_BAD_FORMAT, TSN_SLICE("expected a JSON object"));
	tsn_buf_reset(&h->own);
	tsn_json_walk(&w, item, arena);
	while (tsn_json_walk_next(&w, &name, &value)) {
		if (tsn_slice_eq(name, TSN_SLICE("event"))) {
			event = value;
			continue;
		}
		if (tsn_slice_eq(name, TSN_SLICE("time")) &&
		    read_time(tsn_json_walk_text(value, arena), &time_ns))
			continue;
		begin_own(h, name);
		tsn_buf_slice(&h->own, value);
	}
	if (event.len == 0 || tsn_slice_eq(event, TSN_SLICE("null")))
		return bad_item(h, item, number, HEC_EVENT_REQUIRED,
		    TSN_SLICE("Event field is required"));
	event = without_line_end(tsn_json_walk_text(event, arena));
	if (event.len == 0)
		return bad_item(h, item, number, HEC_EVENT_BLANK,
		    TSN_SLICE("Event field cannot be blank"));
	aside = make_aside(h, time_ns, TSN_SLICE_NONE);
	h->good += aside != NULL && aside->error.len == 0;
	return aside != NULL && intake_pay(&h->base) && intake_add(&h->base, event, false, aside);
}

static enum answer
take_items(struct hec *h, struct tsn_slice body)
{
	struct request *r = h->base.r;

	for (int64_t number = 0; (body = tsn_slice_trim(body)).len > 0; number++) {
		struct tsn_json_skip skip = {0};
		enum tsn_code code;
		size_t len;

		code = tsn_json_skip(&skip, body, &len);
		if (code == TSN_EAGAIN)
			return hec_answer(r, 400, HEC_BAD_FORMAT, "the last object ends early", number);
		if (code != TSN_OK || len == 0 || *body.ptr != '{')
			return hec_answer(r, 400, HEC_BAD_FORMAT, "expected a JSON object", number);
		if (!take_item(h, tsn_slice_of(body.ptr, len), number))
			return intake_refused(r);
		body = tsn_slice_from(body, len);
	}
	if (h->good > 0)
		return ANSWER_LATER;
	if (h->bad == HEC_SUCCESS)
		return hec_answer(r, 400, HEC_NO_DATA, NULL, -1);
	return hec_answer(r, 400, h->bad, h->bad_why, h->bad_event);
}

static enum answer
take_events(struct request *r)
{
	struct hec *h = hec_new(r);

	if (h == NULL)
		return problem(r, 503, "Service unavailable", "out of memory");
	if (!hec_channel(r, false, &h->channel))
		return ANSWER_NOW;
	if (take_items(h, tsn_buf_get(&r->body.bytes)) == ANSWER_NOW)
		return ANSWER_NOW;
	return intake_submit(&h->base, "hec");
}

/* Lines of text; what stands beside them is in the parameters. */
static enum answer
take_raw(struct request *r)
{
	static const char *const names[] = {"host", "source", "sourcetype", "index"};
	struct hec *h = hec_new(r);
	struct tsn_slice time = request_arg(r, "time");
	const struct tsn_aside *aside;
	int64_t time_ns = TSN_TIME_NONE;

	if (h == NULL)
		return problem(r, 503, "Service unavailable", "out of memory");
	if (!hec_channel(r, false, &h->channel))
		return ANSWER_NOW;
	for (size_t i = 0; i < TSN_COUNT(names); i++) {
		struct tsn_slice value = request_arg(r, names[i]);

		if (value.len == 0)
			continue;
		begin_own(h, tsn_slice_cstr(names[i]));
		tsn_json_write_string(&h->own, value);
	}
	if (time.len > 0 && !read_time(time, &time_ns))
		return hec_answer(r, 400, HEC_BAD_FORMAT, "time: expected seconds since 1970", -1);
	aside = make_aside(h, time_ns, TSN_SLICE_NONE);
	if (aside == NULL)
		return intake_refused(r);
	if (intake_frame(&h->base, tsn_buf_get(&r->body.bytes), aside) == ANSWER_NOW)
		return ANSWER_NOW;
	if (h->base.count == 0)
		return hec_answer(r, 400, HEC_NO_DATA, NULL, -1);
	return intake_submit(&h->base, "hec");
}

static enum answer
health(struct request *r)
{
	const struct tsn_backend *b = r->http->o.backend;
	const char *why = b->not_ready(b->ctx);

	return why == NULL ? hec_answer(r, 200, HEC_HEALTHY, NULL, -1) :
			     hec_answer(r, 503, HEC_UNHEALTHY, why, -1);
}

#define HEC(method, path, role, body, summary, query, handle) \
	{method, path, role, body, false, summary, query, handle}
#define EVENT(path, summary) \
	HEC("POST", path, TSN_ROLE_INGEST, true, summary, \
	    "channel=GUID: the answer has an ackId", take_events)
#define RAW(path, summary) \
	HEC("POST", path, TSN_ROLE_INGEST, true, summary, \
	    "channel=GUID: the answer has an ackId;host=host of all lines;source=their source;" \
	    "sourcetype=their type;index=kept as hec.index;time=seconds since 1970", take_raw)
#define ACK(path, summary) \
	HEC("POST", path, TSN_ROLE_INGEST, true, summary, "channel=GUID of the requests", hec_acks)
#define HEALTH(path, summary) \
	HEC("GET", path, TSN_ROLE_NONE, false, summary, NULL, health)

const struct endpoint hec_endpoints[] = {
	EVENT("/services/collector", NULL),
	EVENT("/services/collector/1.0", NULL),
	EVENT("/services/collector/event", "events as Splunk's HTTP event collector takes them"),
	EVENT("/services/collector/event/1.0", NULL),
	RAW("/services/collector/raw", "lines of any log, as Splunk's HTTP event collector takes them"),
	RAW("/services/collector/raw/1.0", NULL),
	ACK("/services/collector/ack", "which requests of a channel are durable"),
	ACK("/services/collector/ack/1.0", NULL),
	HEALTH("/services/collector/health", "can the event collector take events"),
	HEALTH("/services/collector/health/1.0", NULL),
	{0},
};
