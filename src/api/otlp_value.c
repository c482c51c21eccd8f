#include "api/otlp_value.h"

#include <stdlib.h>

#include "codec/base64.h"

#define DEPTH_MAX 32u

enum any {
	ANY_STRING = 1,
	ANY_BOOL,
	ANY_INT,
	ANY_DOUBLE,
	ANY_ARRAY,
	ANY_OBJECT,
	ANY_BYTES,
};

static const struct otlp_member any_schema[] = {
	{"stringValue", ANY_STRING, OTLP_TEXT, false},
	{"boolValue", ANY_BOOL, OTLP_BOOL, false},
	{"intValue", ANY_INT, OTLP_INT, false},
	{"doubleValue", ANY_DOUBLE, OTLP_DOUBLE, false},
	{"arrayValue", ANY_ARRAY, OTLP_MESSAGE, false},
	{"kvlistValue", ANY_OBJECT, OTLP_MESSAGE, false},
	{"bytesValue", ANY_BYTES, OTLP_BYTES, false},
	{0},
};
static const struct otlp_member list_schema[] = {{"values", 1, OTLP_MESSAGE, true}, {0}};
static const struct otlp_member pair_schema[] = {
	{"key", 1, OTLP_TEXT, false},
	{"value", 2, OTLP_MESSAGE, false},
	{0},
};

static bool write_any(const struct otlp_view *from, struct tsn_slice message, unsigned depth,
    struct tsn_buf *out);

/* The one value that the message has: the last, as protobuf has it. */
static bool
read_any(const struct otlp_view *from, struct tsn_slice message, struct otlp_field *ret)
{
	struct otlp_field f;
	struct otlp_view v;

	*ret = (struct otlp_field){0};
	otlp_view(&v, from->json, any_schema, message, from->arena);
	while (otlp_next(&v, &f))
		*ret = f;
	return !v.failed;
}

static bool
write_pair(const struct otlp_view *from, struct tsn_slice message, unsigned depth,
    struct tsn_buf *out)
{
	struct tsn_slice key = TSN_SLICE_NONE, value = TSN_SLICE_NONE;
	struct otlp_field f;
	struct otlp_view v;

	otlp_view(&v, from->json, pair_schema, message, from->arena);
	while (otlp_next(&v, &f)) {
		if (f.number == 1)
			key = f.bytes;
		else
			value = f.bytes;
	}
	tsn_json_write_string(out, key);
	tsn_buf_char(out, ':');
	if (v.failed)
		return false;
	if (value.ptr != NULL)
		return write_any(from, value, depth + 1, out);
	tsn_buf_lit(out, "null");
	return true;
}

static bool
write_list(const struct otlp_view *from, struct tsn_slice message, bool pairs, unsigned depth,
    struct tsn_buf *out)
{
	struct otlp_field f;
	struct otlp_view v;
	bool first = true;

	otlp_view(&v, from->json, list_schema, message, from->arena);
	tsn_buf_char(out, pairs ? '{' : '[');
	while (otlp_next(&v, &f)) {
		if (!first)
			tsn_buf_char(out, ',');
		first = false;
		if (!(pairs ? write_pair(from, f.bytes, depth, out) :
			      write_any(from, f.bytes, depth + 1, out)))
			return false;
	}
	tsn_buf_char(out, pairs ? '}' : ']');
	return !v.failed;
}

static bool
write_bytes(const struct otlp_view *from, struct tsn_slice bytes, struct tsn_buf *out)
{
	size_t len = TSN_BASE64_LEN(bytes.len);

	if (from->json) {
		tsn_json_write_string(out, bytes);
		return true;
	}
	tsn_buf_char(out, '"');
	if (tsn_buf_room(out, len))
		out->len += tsn_base64_encode(bytes, out->ptr + out->len);
	tsn_buf_char(out, '"');
	return true;
}

static void
write_double(double d, struct tsn_buf *out)
{
	if (d != d)
		tsn_buf_lit(out, "\"NaN\"");
	else if (d - d != 0)
		tsn_buf_slice(out, d > 0 ? TSN_SLICE("\"Infinity\"") : TSN_SLICE("\"-Infinity\""));
	else
		tsn_json_write_f64(out, d);
}

static bool
write_value(const struct otlp_view *from, const struct otlp_field *f, unsigned depth,
    struct tsn_buf *out)
{
	switch (f->number) {
	case ANY_STRING:
		tsn_json_write_string(out, f->bytes);
		return true;
	case ANY_BOOL:
		tsn_buf_slice(out, f->as.b ? TSN_SLICE("true") : TSN_SLICE("false"));
		return true;
	case ANY_INT:
		tsn_buf_i64(out, f->as.i);
		return true;
	case ANY_DOUBLE:
		write_double(f->as.d, out);
		return true;
	case ANY_ARRAY:
	case ANY_OBJECT:
		return write_list(from, f->bytes, f->number == ANY_OBJECT, depth, out);
	case ANY_BYTES:
		return write_bytes(from, f->bytes, out);
	default:
		tsn_buf_lit(out, "null");
		return true;
	}
}

static bool
write_any(const struct otlp_view *from, struct tsn_slice message, unsigned depth,
    struct tsn_buf *out)
{
	struct otlp_field f;

	return depth <= DEPTH_MAX && read_any(from, message, &f) && write_value(from, &f, depth, out);
}

bool
otlp_write_any(const struct otlp_view *from, struct tsn_slice message, struct tsn_buf *out,
    struct tsn_slice *ret_text)
{
	struct otlp_field f;

	if (!read_any(from, message, &f))
		return false;
	if (f.number != ANY_STRING)
		return f.number == 0 || write_value(from, &f, 0, out);
	*ret_text = f.bytes;
	return true;
}

bool
otlp_write_attributes(struct otlp_view *v, uint32_t number, struct tsn_buf *out)
{
	struct otlp_field f;
	bool first = true;

	tsn_buf_char(out, '{');
	while (otlp_next(v, &f)) {
		if (f.number != number)
			continue;
		if (!first)
			tsn_buf_char(out, ',');
		first = false;
		if (!write_pair(v, f.bytes, 0, out))
			return false;
	}
	tsn_buf_char(out, '}');
	return !v->failed;
}
