/*
 * api/otlp: OpenTelemetry's logs over HTTP, as JSON or as protobuf.
 *
 * The body of a log record is the record; attributes of it, of its scope and of its resource stand
 * beside it under otel.*.  A record that is none is kept as an error beside the good ones, and the
 * answer says so; a request without a good one is refused.
 */
#include "api/otlp_value.h"
#include "api/shipper_int.h"

#include "codec/hex.h"

#define ID_BYTES_MAX 32u

static const struct otlp_member request_schema[] = {
	{"resourceLogs", 1, OTLP_MESSAGE, true},
	{0},
};

enum { RESOURCE = 1, SCOPE_LOGS, RESOURCE_SCHEMA };
static const struct otlp_member resource_logs_schema[] = {
	{"resource", RESOURCE, OTLP_MESSAGE, false},
	{"scopeLogs", SCOPE_LOGS, OTLP_MESSAGE, true},
	{"schemaUrl", RESOURCE_SCHEMA, OTLP_TEXT, false},
	{0},
};
static const struct otlp_member resource_schema[] = {OTLP_ATTRIBUTES(1), {0}};

enum { SCOPE = 1, LOG_RECORDS, SCOPE_SCHEMA };
static const struct otlp_member scope_logs_schema[] = {
	{"scope", SCOPE, OTLP_MESSAGE, false},
	{"logRecords", LOG_RECORDS, OTLP_MESSAGE, true},
	{"schemaUrl", SCOPE_SCHEMA, OTLP_TEXT, false},
	{0},
};

enum { SCOPE_NAME = 1, SCOPE_VERSION, SCOPE_ATTRIBUTES };
static const struct otlp_member scope_schema[] = {
	{"name", SCOPE_NAME, OTLP_TEXT, false},
	{"version", SCOPE_VERSION, OTLP_TEXT, false},
	OTLP_ATTRIBUTES(SCOPE_ATTRIBUTES),
	{0},
};

enum {
	TIME = 1,
	SEVERITY_NUMBER = 2,
	SEVERITY_TEXT = 3,
	BODY = 5,
	ATTRIBUTES = 6,
	DROPPED = 7,
	FLAGS = 8,
	TRACE_ID = 9,
	SPAN_ID = 10,
	OBSERVED = 11,
	EVENT_NAME = 12,
};
static const struct otlp_member record_schema[] = {
	{"timeUnixNano", TIME, OTLP_UINT, false},
	{"observedTimeUnixNano", OBSERVED, OTLP_UINT, false},
	{"severityNumber", SEVERITY_NUMBER, OTLP_UINT, false},
	{"severityText", SEVERITY_TEXT, OTLP_TEXT, false},
	{"body", BODY, OTLP_MESSAGE, false},
	OTLP_ATTRIBUTES(ATTRIBUTES),
	{"droppedAttributesCount", DROPPED, OTLP_UINT, false},
	{"flags", FLAGS, OTLP_UINT, false},
	{"traceId", TRACE_ID, OTLP_BYTES, false},
	{"spanId", SPAN_ID, OTLP_BYTES, false},
	{"eventName", EVENT_NAME, OTLP_TEXT, false},
	{0},
};

struct message {
	bool json;
	struct tsn_slice bytes;
};

static bool
is_proto(struct request *r)
{
	return tsn_slice_starts(request_header(r, "Content-Type"),
	    TSN_SLICE("application/x-protobuf"));
}

static void
write_varint(struct tsn_buf *out, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		tsn_buf_char(out, (char)(v | 0x80));
	tsn_buf_char(out, (char)v);
}

/* google.rpc.Status: code 1, message 2. */
void
otlp_problem(struct request *r, const char *detail)
{
	static const struct {
		unsigned status, code;
	} codes[] = {{400, 3}, {401, 16}, {403, 7}, {404, 5}, {413, 8}, {415, 3}, {429, 14}, {503, 14}};
	unsigned code = 13;

	for (size_t i = 0; i < TSN_COUNT(codes); i++)
		if (codes[i].status == r->status)
			code = codes[i].code;
	if (is_proto(r)) {
		tsn_buf_char(&r->out, 0x08);
		write_varint(&r->out, code);
		tsn_buf_char(&r->out, 0x12);
		write_varint(&r->out, strlen(detail));
		tsn_buf_slice(&r->out, tsn_slice_cstr(detail));
		r->type = "application/x-protobuf";
		return;
	}
	tsn_buf_printf(&r->out, "{\"code\":%u,\"message\":", code);
	tsn_json_write_string(&r->out, tsn_slice_cstr(detail));
	tsn_buf_lit(&r->out, "}\n");
	r->type = "application/json";
}

/* Nothing is rejected: what could not be decoded is kept, and that is told as a warning. */
static void
write_answer(struct intake *in)
{
	struct shipper *s = (struct shipper *)in;
	struct request *r = in->r;
	struct tsn_buf why TSN_CLEANUP(tsn_buf_done) = {0};

	tsn_buf_init(&why, 1024);
	if (s->bad > 0)
		tsn_buf_printf(&why, "%u records could not be decoded and were kept as errors: %s",
		    s->bad, s->bad_why);
	r->status = 200;
	if (is_proto(r)) {
		r->type = "application/x-protobuf";
		if (why.len == 0)
			return;
		tsn_buf_char(&r->out, 0x0a);
		write_varint(&r->out, why.len + (why.len > 127 ? 3 : 2));
		tsn_buf_char(&r->out, 0x12);
		write_varint(&r->out, why.len);
		tsn_buf_slice(&r->out, tsn_buf_get(&why));
		return;
	}
	tsn_buf_lit(&r->out, "{\"partialSuccess\":{");
	if (why.len > 0) {
		tsn_buf_lit(&r->out, "\"rejectedLogRecords\":\"0\",\"errorMessage\":");
		tsn_json_write_string(&r->out, tsn_buf_get(&why));
	}
	tsn_buf_lit(&r->out, "}}\n");
	(void)answer_json(r, 200);
}

static void
begin_field(struct tsn_buf *out, const char *name)
{
	tsn_buf_printf(out, "%s\"%s\":", out->len == 0 ? "{" : ",", name);
}

static void
write_text(struct tsn_buf *out, const char *name, struct tsn_slice text)
{
	if (text.len == 0)
		return;
	begin_field(out, name);
	tsn_json_write_string(out, text);
}

static void
write_uint(struct tsn_buf *out, const char *name, uint64_t v)
{
	if (v == 0)
		return;
	begin_field(out, name);
	tsn_buf_u64(out, v);
}

/* In JSON ids are hex already. */
static void
write_id(struct tsn_buf *out, const char *name, bool json, struct tsn_slice id)
{
	char hex[2 * ID_BYTES_MAX];

	if (!json && id.len <= ID_BYTES_MAX) {
		tsn_hex_encode(id, false, hex);
		id = tsn_slice_of(hex, 2 * id.len);
	}
	write_text(out, name, id);
}

static bool
write_attributes(struct shipper *s, const char *name, const struct message *m,
    const struct otlp_member *schema, uint32_t number)
{
	struct tsn_buf *out = &s->text;
	size_t before = out->len, begun;
	struct otlp_view v;
	bool ok;

	otlp_view(&v, m->json, schema, m->bytes, &s->base.arena);
	begin_field(out, name);
	begun = out->len;
	ok = otlp_write_attributes(&v, number, out);
	if (out->len == begun + 2)	/* {} */
		out->len = before;
	return ok;
}

static void
write_field(struct tsn_buf *out, bool json, const struct otlp_field *f)
{
	switch (f->number) {
	case SEVERITY_NUMBER:
		write_uint(out, "otel.severity_number", f->as.u);
		break;
	case SEVERITY_TEXT:
		write_text(out, "otel.severity_text", f->bytes);
		break;
	case DROPPED:
		write_uint(out, "otel.dropped_attributes_count", f->as.u);
		break;
	case FLAGS:
		write_uint(out, "otel.flags", f->as.u);
		break;
	case TRACE_ID:
		write_id(out, "otel.trace_id", json, f->bytes);
		break;
	case SPAN_ID:
		write_id(out, "otel.span_id", json, f->bytes);
		break;
	case EVENT_NAME:
		write_text(out, "otel.event_name", f->bytes);
		break;
	default:
		break;
	}
}

struct record {
	struct tsn_slice body;		/* the AnyValue */
	uint64_t time, observed;
};

/* Fields of the record into text; its body and times. */
static bool
read_record(struct shipper *s, const struct message *m, struct record *ret)
{
	struct otlp_field f;
	struct otlp_view v;

	otlp_view(&v, m->json, record_schema, m->bytes, &s->base.arena);
	while (otlp_next(&v, &f)) {
		if (f.number == BODY)
			ret->body = f.bytes;
		else if (f.number == TIME)
			ret->time = f.as.u;
		else if (f.number == OBSERVED)
			ret->observed = f.as.u;
		else
			write_field(&s->text, m->json, &f);
	}
	return !v.failed && write_attributes(s, "otel.attributes", m, record_schema, ATTRIBUTES);
}

static bool
bad(struct shipper *s, struct tsn_slice bytes, const char *why)
{
	tsn_buf_reset(&s->text);
	return shipper_bad(s, bytes, why);
}

/* A string is the record itself; anything else is one as JSON. */
static bool
take_body(struct shipper *s, const struct message *m, const struct record *rec, bool *ret_ok,
    struct tsn_slice *ret_body)
{
	struct tsn_slice text = TSN_SLICE_NONE;
	struct otlp_view v = {.json = m->json, .arena = &s->base.arena};

	*ret_ok = true;
	if (rec->body.ptr != NULL)
		*ret_ok = otlp_write_any(&v, rec->body, &s->text, &text);
	*ret_body = text;
	if (!*ret_ok || s->text.len == 0)
		return true;
	return shipper_take_text(s, ret_body);
}

static bool
take_record(struct shipper *s, const struct message *m)
{
	struct record rec = {0};
	struct tsn_slice own = TSN_SLICE_NONE, body;
	int64_t time_ns = TSN_TIME_NONE;
	bool ok;

	if (!read_record(s, m, &rec))
		return bad(s, m->bytes, "the log record is damaged");
	if (rec.time != 0 && rec.observed != 0 && rec.observed != rec.time)
		write_uint(&s->text, "otel.observed_time_unix_nano", rec.observed);
	if (rec.time == 0)
		rec.time = rec.observed;
	if (rec.time != 0 && rec.time <= INT64_MAX)
		time_ns = (int64_t)rec.time;
	else
		write_uint(&s->text, "otel.time_unix_nano", rec.time);
	if (s->text.len > 0) {
		tsn_buf_char(&s->text, '}');
		if (!shipper_take_text(s, &own))
			return false;
	}
	if (!take_body(s, m, &rec, &ok, &body))
		return false;
	if (!ok)
		return bad(s, m->bytes, "the body of the log record is damaged");
	return (intake_pay(&s->base) || shipper_refuse(s)) && shipper_good(s, body, own, time_ns);
}

static bool
write_scope(struct shipper *s, const struct message *m)
{
	struct otlp_field f;
	struct otlp_view v;

	otlp_view(&v, m->json, scope_schema, m->bytes, &s->base.arena);
	while (otlp_next(&v, &f)) {
		if (f.number == SCOPE_NAME)
			write_text(&s->text, "otel.scope.name", f.bytes);
		else if (f.number == SCOPE_VERSION)
			write_text(&s->text, "otel.scope.version", f.bytes);
	}
	return !v.failed &&
	    write_attributes(s, "otel.scope.attributes", m, scope_schema, SCOPE_ATTRIBUTES);
}

/*
 * What all records of a scope share: the resource, given as JSON without its end, and the scope,
 * which in protobuf may stand behind its records.
 */
static bool
read_shared(struct shipper *s, const struct message *m, struct tsn_slice resource, bool *ret_ok)
{
	struct otlp_field f;
	struct otlp_view v;
	bool ok = true;

	tsn_buf_slice(&s->text, resource);
	otlp_view(&v, m->json, scope_logs_schema, m->bytes, &s->base.arena);
	while (ok && otlp_next(&v, &f)) {
		if (f.number == SCOPE)
			ok = write_scope(s, &(struct message){m->json, f.bytes});
		else if (f.number == SCOPE_SCHEMA)
			write_text(&s->text, "otel.scope.schema_url", f.bytes);
	}
	*ret_ok = ok && !v.failed;
	s->shared = TSN_SLICE_NONE;
	if (!*ret_ok || s->text.len == 0)
		return true;
	tsn_buf_char(&s->text, '}');
	return shipper_take_text(s, &s->shared);
}

static bool
take_scope_logs(struct shipper *s, const struct message *m, struct tsn_slice resource)
{
	struct otlp_field f;
	struct otlp_view v;
	bool ok;

	if (!read_shared(s, m, resource, &ok))
		return false;
	if (!ok)
		return bad(s, m->bytes, "the scope's logs are damaged");
	otlp_view(&v, m->json, scope_logs_schema, m->bytes, &s->base.arena);
	while (otlp_next(&v, &f))
		if (f.number == LOG_RECORDS &&
		    !take_record(s, &(struct message){m->json, f.bytes}))
			return false;
	return true;
}

static bool
read_resource(struct shipper *s, const struct message *m, struct tsn_slice *ret_json, bool *ret_ok)
{
	struct otlp_field f;
	struct otlp_view v;
	bool ok = true;

	*ret_json = TSN_SLICE_NONE;
	otlp_view(&v, m->json, resource_logs_schema, m->bytes, &s->base.arena);
	while (ok && otlp_next(&v, &f)) {
		if (f.number == RESOURCE)
			ok = write_attributes(s, "otel.resource.attributes",
			    &(struct message){m->json, f.bytes}, resource_schema, 1);
		else if (f.number == RESOURCE_SCHEMA)
			write_text(&s->text, "otel.resource.schema_url", f.bytes);
	}
	*ret_ok = ok && !v.failed;
	return !*ret_ok || s->text.len == 0 || shipper_take_text(s, ret_json);
}

static bool
take_resource_logs(struct shipper *s, const struct message *m)
{
	struct tsn_slice resource;
	struct otlp_field f;
	struct otlp_view v;
	bool ok;

	s->shared = TSN_SLICE_NONE;
	if (!read_resource(s, m, &resource, &ok))
		return false;
	if (!ok)
		return bad(s, m->bytes, "the resource's logs are damaged");
	otlp_view(&v, m->json, resource_logs_schema, m->bytes, &s->base.arena);
	while (otlp_next(&v, &f))
		if (f.number == SCOPE_LOGS &&
		    !take_scope_logs(s, &(struct message){m->json, f.bytes}, resource))
			return false;
	return true;
}

static enum answer
take_request(struct shipper *s, const struct message *m)
{
	struct request *r = s->base.r;
	struct otlp_field f;
	struct otlp_view v;
	struct tsn_err err;

	if (m->json && tsn_json_check(m->bytes, &err) != TSN_OK)
		return problem(r, 400, "Bad request", "%s", err.msg);
	if (!m->json && !tsn_proto_check(m->bytes))
		return problem(r, 400, "Bad request", "the request is damaged protobuf");
	otlp_view(&v, m->json, request_schema, m->bytes, &s->base.arena);
	while (otlp_next(&v, &f))
		if (!take_resource_logs(s, &(struct message){m->json, f.bytes}))
			return ANSWER_NOW;
	if (v.failed)
		return problem(r, 400, "Bad request", "expected {\"resourceLogs\":[{...}]}");
	if (s->good == 0 && s->bad > 0)
		return problem(r, 400, "Bad request", "%s", s->bad_why);
	return ANSWER_LATER;
}

static enum answer
logs(struct request *r)
{
	struct shipper *s = shipper_new(r, TSN_F_OTEL_TIMESTAMP, write_answer);
	struct message m = {.json = !is_proto(r), .bytes = tsn_buf_get(&r->body.bytes)};

	if (s == NULL)
		return problem(r, 503, "Service unavailable", "out of memory");
	if (m.json && !tsn_slice_starts(request_header(r, "Content-Type"),
	    TSN_SLICE("application/json")))
		return problem(r, 415, "Unsupported media type",
		    "expected application/json or application/x-protobuf");
	if (m.json)
		m.bytes = tsn_slice_trim(m.bytes);
	if (take_request(s, &m) == ANSWER_NOW)
		return ANSWER_NOW;
	if (s->base.count > 0)
		return intake_submit(&s->base, "otlp");
	write_answer(&s->base);
	return ANSWER_NOW;
}

const struct endpoint otlp_endpoints[] = {
	{"POST", "/v1/logs", TSN_ROLE_INGEST, true, false,
	    "OpenTelemetry logs (OTLP/HTTP), JSON or protobuf", NULL, logs},
	{0},
};
