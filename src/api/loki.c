/*
 * api/loki: Loki's push: streams of lines under labels, as JSON or as protobuf in a snappy block.
 *
 * Labels become loki.labels.*, structured metadata loki.metadata.*.  An entry that is none is kept
 * as an error beside the good ones; a request without a good one is refused.
 */
#include "api/shipper_int.h"

#include "base/num.h"
#include "codec/json_walk.h"
#include "codec/proto.h"
#include "codec/snappy.h"
#include "codec/utf8.h"

static void
write_answer(struct intake *in)
{
	in->r->status = 204;
}

static void
write_tenant(struct shipper *s)
{
	struct tsn_slice tenant = request_header(s->base.r, "X-Scope-OrgID");

	if (tenant.len == 0)
		return;
	tsn_buf_lit(&s->text, ",\"loki.tenant\":");
	tsn_json_write_string(&s->text, tenant);
}

/* ["1700000000000000000","line",{"name":"value"}] */
static bool
json_entry(struct shipper *s, struct tsn_slice entry)
{
	struct tsn_arena *arena = &s->base.arena;
	struct tsn_slice name, value[3] = {{0}}, line, own = TSN_SLICE_NONE;
	struct tsn_json_walk w;
	int64_t ns;
	size_t n = 0;

	if (tsn_json_walk_kind(entry) != '[')
		return shipper_bad(s, entry, "expected [\"time\",\"line\"]");
	tsn_json_walk(&w, entry, arena);
	while (n < TSN_COUNT(value) && tsn_json_walk_next(&w, &name, &value[n]))
		n++;
	if (n < 2 || tsn_json_walk_kind(value[1]) != '"')
		return shipper_bad(s, entry, "expected [\"time\",\"line\"]");
	if (tsn_num_parse_i64(tsn_json_walk_text(value[0], arena), &ns) != TSN_OK)
		return shipper_bad(s, entry, "the time is not a number of nanoseconds");
	if (n > 2 && tsn_json_walk_kind(value[2]) != '{')
		return shipper_bad(s, entry, "structured metadata: expected an object");
	line = tsn_json_walk_text(value[1], arena);
	if (n > 2 && value[2].len > 2) {
		tsn_buf_lit(&s->text, "{\"loki.metadata\":");
		tsn_buf_slice(&s->text, value[2]);
		tsn_buf_char(&s->text, '}');
		if (!shipper_take_text(s, &own))
			return false;
	}
	return (intake_pay(&s->base) || shipper_refuse(s)) && shipper_good(s, line, own, ns);
}

static bool
json_stream(struct shipper *s, struct tsn_slice stream)
{
	struct tsn_slice labels = TSN_SLICE_NONE, values = TSN_SLICE_NONE, name, value;
	struct tsn_json_walk w;

	s->shared = TSN_SLICE_NONE;
	tsn_json_walk(&w, stream, &s->base.arena);
	while (w.object && tsn_json_walk_next(&w, &name, &value)) {
		if (tsn_slice_eq(name, TSN_SLICE("stream")))
			labels = value;
		else if (tsn_slice_eq(name, TSN_SLICE("values")))
			values = value;
	}
	if (tsn_json_walk_kind(labels) != '{' || tsn_json_walk_kind(values) != '[')
		return shipper_bad(s, stream, "expected {\"stream\":{...},\"values\":[...]}");
	tsn_buf_lit(&s->text, "{\"loki.labels\":");
	tsn_buf_slice(&s->text, labels);
	write_tenant(s);
	tsn_buf_char(&s->text, '}');
	if (!shipper_take_text(s, &s->shared))
		return false;
	tsn_json_walk(&w, values, &s->base.arena);
	while (tsn_json_walk_next(&w, &name, &value))
		if (!json_entry(s, value))
			return false;
	return true;
}

static enum answer
take_json(struct shipper *s, struct tsn_slice body)
{
	struct request *r = s->base.r;
	struct tsn_slice streams = TSN_SLICE_NONE, name, value;
	struct tsn_json_walk w;
	struct tsn_err err;

	if (tsn_json_check(body, &err) != TSN_OK)
		return problem(r, 400, "Bad request", "%s", err.msg);
	tsn_json_walk(&w, body, &s->base.arena);
	while (w.object && tsn_json_walk_next(&w, &name, &value))
		if (tsn_slice_eq(name, TSN_SLICE("streams")))
			streams = value;
	if (tsn_json_walk_kind(streams) != '[')
		return problem(r, 400, "Bad request", "expected {\"streams\":[...]}");
	tsn_json_walk(&w, streams, &s->base.arena);
	while (tsn_json_walk_next(&w, &name, &value))
		if (!json_stream(s, value))
			return ANSWER_NOW;
	return ANSWER_LATER;
}

/* What stands behind a backslash in a quoted string of Go; false: nothing that may. */
static bool
read_escape(struct tsn_slice *left, struct tsn_buf *out)
{
	static const char from[] = "abfnrtv\\\"'", to[] = "\a\b\f\n\r\t\v\\\"'";
	char c = *left->ptr, utf8[4];
	const char *plain = memchr(from, c, sizeof from - 1);
	size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
	uint64_t v;

	*left = tsn_slice_from(*left, 1);
	if (plain != NULL) {
		tsn_buf_char(out, to[plain - from]);
		return true;
	}
	if (digits == 0 || left->len < digits ||
	    tsn_num_parse_hex(tsn_slice_of(left->ptr, digits), &v) != TSN_OK || v > 0x10ffff)
		return false;
	*left = tsn_slice_from(*left, digits);
	if (digits == 2)
		tsn_buf_char(out, (char)v);
	else
		tsn_buf_add(out, utf8, tsn_utf8_encode((uint32_t)v, utf8));
	return true;
}

static bool
read_quoted(struct tsn_slice *left, struct tsn_buf *out)
{
	if (left->len == 0 || *left->ptr != '"')
		return false;
	*left = tsn_slice_from(*left, 1);
	while (left->len > 0) {
		char c = *left->ptr;

		*left = tsn_slice_from(*left, 1);
		if (c == '"')
			return true;
		if (c != '\\')
			tsn_buf_char(out, c);
		else if (left->len == 0 || !read_escape(left, out))
			return false;
	}
	return false;
}

/* {app="shop", host="web-1"} to {"app":"shop","host":"web-1"} */
static bool
write_labels(struct tsn_slice text, struct tsn_buf *value, struct tsn_buf *out)
{
	struct tsn_slice left = tsn_slice_trim(text);
	bool first = true;

	if (left.len < 2 || left.ptr[0] != '{' || left.ptr[left.len - 1] != '}')
		return false;
	left = tsn_slice_trim(tsn_slice_of(left.ptr + 1, left.len - 2));
	tsn_buf_char(out, '{');
	while (left.len > 0) {
		size_t equals = tsn_slice_find_char(left, '=');
		struct tsn_slice name;

		if (equals == SIZE_MAX)
			return false;
		name = tsn_slice_trim(tsn_slice_of(left.ptr, equals));
		left = tsn_slice_trim(tsn_slice_from(left, equals + 1));
		tsn_buf_reset(value);
		if (name.len == 0 || !read_quoted(&left, value))
			return false;
		if (!first)
			tsn_buf_char(out, ',');
		first = false;
		tsn_json_write_string(out, name);
		tsn_buf_char(out, ':');
		tsn_json_write_string(out, tsn_buf_get(value));
		left = tsn_slice_trim(left);
		if (left.len > 0 && *left.ptr != ',')
			return false;
		left = tsn_slice_trim(tsn_slice_from(left, 1));
	}
	tsn_buf_char(out, '}');
	return true;
}

static bool
proto_shared(struct shipper *s, struct tsn_slice labels)
{
	struct tsn_buf value TSN_CLEANUP(tsn_buf_done) = {0};

	tsn_buf_init(&value, labels.len + 1);
	tsn_buf_lit(&s->text, "{\"loki.labels\":");
	if (!write_labels(labels, &value, &s->text)) {
		tsn_buf_reset(&s->text);
		tsn_buf_lit(&s->text, "{\"loki.stream\":");
		tsn_json_write_string(&s->text, labels);
	}
	write_tenant(s);
	tsn_buf_char(&s->text, '}');
	return shipper_take_text(s, &s->shared);
}

/* seconds 1, nanos 2 */
static bool
proto_time(struct tsn_slice message, int64_t *ret_ns)
{
	struct tsn_proto_field f;
	int64_t seconds = 0, nanos = 0, ns;
	enum tsn_code code;

	while ((code = tsn_proto_next(&message, &f)) == TSN_OK) {
		if (f.wire == TSN_PROTO_VARINT && f.number == 1)
			seconds = (int64_t)f.value;
		else if (f.wire == TSN_PROTO_VARINT && f.number == 2)
			nanos = (int32_t)f.value;
	}
	if (code != TSN_ENOTFOUND || __builtin_mul_overflow(seconds, TSN_NS_PER_SEC, &ns) ||
	    __builtin_add_overflow(ns, nanos, &ns))
		return false;
	*ret_ns = ns;
	return true;
}

/* name 1, value 2 */
static bool
proto_pair(struct shipper *s, struct tsn_slice message)
{
	struct tsn_slice name = TSN_SLICE_NONE, value = TSN_SLICE_NONE;
	struct tsn_proto_field f;
	enum tsn_code code;

	while ((code = tsn_proto_next(&message, &f)) == TSN_OK) {
		if (f.wire == TSN_PROTO_BYTES && f.number == 1)
			name = f.bytes;
		else if (f.wire == TSN_PROTO_BYTES && f.number == 2)
			value = f.bytes;
	}
	tsn_buf_slice(&s->text,
	    s->text.len == 0 ? TSN_SLICE("{\"loki.metadata\":{") : TSN_SLICE(","));
	tsn_json_write_string(&s->text, name);
	tsn_buf_char(&s->text, ':');
	tsn_json_write_string(&s->text, value);
	return code == TSN_ENOTFOUND;
}

/* timestamp 1, line 2, structured metadata 3 */
static bool
proto_entry(struct shipper *s, struct tsn_slice entry)
{
	struct tsn_slice left = entry, line = TSN_SLICE_NONE, own = TSN_SLICE_NONE;
	int64_t ns = TSN_TIME_NONE;
	struct tsn_proto_field f;
	enum tsn_code code;
	bool ok = true;

	while (ok && (code = tsn_proto_next(&left, &f)) == TSN_OK) {
		if (f.wire != TSN_PROTO_BYTES)
			continue;
		if (f.number == 1)
			ok = proto_time(f.bytes, &ns);
		else if (f.number == 2)
			line = f.bytes;
		else if (f.number == 3)
			ok = proto_pair(s, f.bytes);
	}
	if (!ok || code != TSN_ENOTFOUND) {
		tsn_buf_reset(&s->text);
		return shipper_bad(s, entry, "the entry is damaged protobuf");
	}
	if (s->text.len > 0) {
		tsn_buf_lit(&s->text, "}}");
		if (!shipper_take_text(s, &own))
			return false;
	}
	return shipper_good(s, line, own, ns);
}

/* labels 1, entries 2; in whatever order */
static bool
proto_stream(struct shipper *s, struct tsn_slice stream)
{
	struct tsn_slice labels = TSN_SLICE_NONE, left = stream;
	struct tsn_proto_field f;

	s->shared = TSN_SLICE_NONE;
	if (!tsn_proto_check(stream))
		return shipper_bad(s, stream, "the stream is damaged protobuf");
	while (tsn_proto_next(&left, &f) == TSN_OK)
		if (f.wire == TSN_PROTO_BYTES && f.number == 1)
			labels = f.bytes;
	if (!proto_shared(s, labels))
		return false;
	left = stream;
	while (tsn_proto_next(&left, &f) == TSN_OK)
		if (f.wire == TSN_PROTO_BYTES && f.number == 2 && !proto_entry(s, f.bytes))
			return false;
	return true;
}

static enum answer
take_proto(struct shipper *s, struct tsn_slice body)
{
	struct request *r = s->base.r;
	struct tsn_proto_field f;
	struct tsn_slice message;
	uint32_t len;
	char *plain;

	if (tsn_snappy_length(body, &len) != TSN_OK)
		return problem(r, 400, "Bad request", "expected a snappy block");
	if (len > r->http->o.body_bytes_max)
		return problem(r, 413, "Content too large", "a body has at most %llu bytes, "
		    "decompressed too", (unsigned long long)r->http->o.body_bytes_max);
	plain = intake_alloc(&s->base, len + 1u);
	if (plain == NULL)
		return intake_refused(r);
	if (tsn_snappy_decode(body, plain) != TSN_OK)
		return problem(r, 400, "Bad request", "the snappy block is damaged");
	message = tsn_slice_of(plain, len);
	if (!tsn_proto_check(message))
		return problem(r, 400, "Bad request", "the request is damaged protobuf");
	while (tsn_proto_next(&message, &f) == TSN_OK)
		if (f.wire == TSN_PROTO_BYTES && f.number == 1 && !proto_stream(s, f.bytes))
			return ANSWER_NOW;
	return ANSWER_LATER;
}

static enum answer
push(struct request *r)
{
	struct shipper *s = shipper_new(r, TSN_F_LOKI_TIMESTAMP, write_answer);
	struct tsn_slice body = tsn_buf_get(&r->body.bytes);
	struct tsn_slice type = request_header(r, "Content-Type");
	bool json = tsn_slice_starts(type, TSN_SLICE("application/json")) ||
	    (tsn_slice_find(type, TSN_SLICE("protobuf")) == SIZE_MAX && body.len > 0 &&
		*body.ptr == '{');

	if (s == NULL)
		return problem(r, 503, "Service unavailable", "out of memory");
	if (body.len == 0)
		return problem(r, 400, "Bad request", "the request is empty");
	if ((json ? take_json(s, body) : take_proto(s, body)) == ANSWER_NOW)
		return ANSWER_NOW;
	if (s->good == 0 && s->bad > 0)
		return problem(r, 400, "Bad request", "%s", s->bad_why);
	if (s->base.count == 0) {
		r->status = 204;
		return ANSWER_NOW;
	}
	return intake_submit(&s->base, "loki");
}

const struct endpoint loki_endpoints[] = {
	{"POST", "/loki/api/v1/push", TSN_ROLE_INGEST, true, false,
	    "streams of lines under labels, JSON or snappy protobuf, as Loki takes them", NULL, push},
	{0},
};
