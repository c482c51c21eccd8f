/* Codecs es_bulk and msgpack. */
#include <string.h>

#include "base/limits.h"
#include "pipeline/impl_int.h"

#define ITEMS_MAX 1000000u

static struct tsn_slice
take_line(struct tsn_slice *rest)
{
	size_t end = tsn_slice_find_char(*rest, '\n');
	struct tsn_slice line = tsn_slice_of(rest->ptr, end == SIZE_MAX ? rest->len : end);

	*rest = tsn_slice_from(*rest, line.len + 1);
	return tsn_slice_trim(line);
}

/* {"index":{"_index":"i"}}: what it says goes to @metadata */
static void
add_action(struct tsn_pinst *in, struct tsn_pev *ev, const struct tsn_pv *action)
{
	const struct tsn_pv_member *m = &action->as.map->members[0];
	struct tsn_pv at = ev->meta, inner;

	if (tsn_pi_ecs(in)) {
		struct tsn_pref ref;

		if (!tsn_pv_map_new(ev->arena, &inner) || !tsn_pref_parse(ev->arena,
		    TSN_SLICE("[@metadata][codec][es_bulk]"), &ref) || !tsn_pev_set(ev, &ref, inner))
			return;
		at = inner;
	}
	for (uint32_t i = 0; m->value.type == TSN_PV_MAP && i < m->value.as.map->count; i++)
		(void)tsn_pv_map_put(ev->arena, at.as.map, m->value.as.map->members[i].name,
		    m->value.as.map->members[i].value);
	(void)tsn_pv_map_put(ev->arena, at.as.map, TSN_SLICE("action"), tsn_pv_str(m->name));
}

static void
bulk_event(struct tsn_pinst *in, const struct tsn_pv *action, struct tsn_slice line)
{
	struct tsn_pev *ev = tsn_pl_event(in->pl);
	struct tsn_slice target = tsn_pi_str(in, "target", "");
	struct tsn_pref ref;
	struct tsn_pv doc;

	if (ev == NULL) {
		tsn_pl_decoded(in, NULL);
		return;
	}
	if (tsn_pv_read_json(ev->arena, line, &doc, NULL) != TSN_OK || doc.type != TSN_PV_MAP) {
		(void)tsn_pev_put(ev, TSN_SLICE("message"), tsn_pv_str(line));
		(void)tsn_pev_tag(ev, TSN_SLICE("_jsonparsefailure"));
	} else if (target.len > 0 && tsn_pref_parse(ev->arena, target, &ref)) {
		(void)tsn_pev_set(ev, &ref, doc);
	} else {
		tsn_pl_merge(ev, doc.as.map);
	}
	if (action != NULL)
		add_action(in, ev, action);
	tsn_pl_decoded(in, ev);
}

static void
bulk_decode(struct tsn_pinst *in, struct tsn_slice record)
{
	while (record.len > 0) {
		struct tsn_slice line = take_line(&record);
		struct tsn_pv action;
		bool known;

		if (line.len == 0)
			continue;
		known = tsn_pv_read_json(&in->pl->arena, line, &action, NULL) == TSN_OK &&
		    action.type == TSN_PV_MAP && action.as.map->count == 1;
		if (!known) {
			bulk_event(in, NULL, line);
			continue;
		}
		/* a deletion has no document behind it */
		if (tsn_slice_eq(action.as.map->members[0].name, TSN_SLICE("delete")))
			bulk_event(in, &action, TSN_SLICE("{}"));
		else
			bulk_event(in, &action, take_line(&record));
	}
}

static void
bulk_encode(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_buf *out)
{
	(void)in;
	tsn_pv_write_json(&ev->root, out);
	tsn_buf_char(out, '\n');
}

const struct tsn_pcodec tsn_codec_es_bulk = {.decode = bulk_decode, .encode = bulk_encode};

struct unpack {
	struct tsn_arena *arena;
	struct tsn_slice in;
	uint32_t items;
	bool broken;		/* else: more bytes are needed */
};

static uint64_t
be(struct unpack *u, unsigned bytes, bool *ok)
{
	uint64_t v = 0;

	if (u->in.len < bytes) {
		*ok = false;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | (unsigned char)u->in.ptr[i];
	u->in = tsn_slice_from(u->in, bytes);
	return v;
}

static bool unpack(struct unpack *u, struct tsn_pv *ret, uint32_t depth);

static bool
unpack_text(struct unpack *u, uint64_t len, bool ok, struct tsn_pv *ret)
{
	if (!ok || len > u->in.len)
		return false;
	*ret = tsn_pv_str(tsn_arena_dup(u->arena, tsn_slice_of(u->in.ptr, (size_t)len)));
	u->in = tsn_slice_from(u->in, (size_t)len);
	return ret->as.str.ptr != NULL;
}

static bool
unpack_many(struct unpack *u, uint64_t count, bool map, bool ok, struct tsn_pv *ret,
    uint32_t depth)
{
	/* each takes a byte at least: no memory for promises */
	if (!ok || count * (map ? 2 : 1) > u->in.len)
		return false;
	if (!(map ? tsn_pv_map_new(u->arena, ret) : tsn_pv_list_new(u->arena, ret)))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		struct tsn_pv name = {.type = TSN_PV_NULL}, v;

		if ((map && !unpack(u, &name, depth + 1)) || !unpack(u, &v, depth + 1))
			return false;
		if (map && name.type != TSN_PV_STR) {
			struct tsn_buf b;

			tsn_buf_init(&b, 1u << 20);
			tsn_pv_write_text(&name, &b);
			name = tsn_pv_str(tsn_arena_dup(u->arena, b.len > 0 ? tsn_buf_get(&b) : TSN_SLICE("")));
			tsn_buf_done(&b);
		}
		if (!(map ? tsn_pv_map_put(u->arena, ret->as.map, name.as.str, v) :
		    tsn_pv_list_add(u->arena, ret->as.list, v)))
			return false;
	}
	return true;
}

static bool
unpack_float(struct unpack *u, unsigned bytes, struct tsn_pv *ret)
{
	bool ok = true;
	uint64_t v = be(u, bytes, &ok);
	uint32_t narrow = (uint32_t)v;
	float f;

	*ret = (struct tsn_pv){.type = TSN_PV_FLOAT};
	if (bytes == 8) {
		memcpy(&ret->as.d, &v, sizeof v);
	} else {
		memcpy(&f, &narrow, sizeof f);
		ret->as.d = (double)f;
	}
	return ok;
}

static bool
unpack_number(struct unpack *u, unsigned c, struct tsn_pv *ret)
{
	unsigned bytes = 1u << (c & 3);
	bool ok = true;
	uint64_t v = be(u, bytes, &ok);

	if (c >= 0xd0 && bytes < 8) {
		uint64_t sign = UINT64_C(1) << (8 * bytes - 1);

		v = (v ^ sign) - sign;
	}
	*ret = c < 0xd0 && v > INT64_MAX ? (struct tsn_pv){.type = TSN_PV_FLOAT, .as.d = (double)v} :
	    tsn_pv_int((int64_t)v);
	return ok;
}

/* a time (type -1), else its bytes as text */
static bool
unpack_ext(struct unpack *u, uint64_t len, bool ok, struct tsn_pv *ret)
{
	int type = (signed char)be(u, 1, &ok);

	if (!ok || len > u->in.len)
		return false;
	if (type == -1 && (len == 4 || len == 8)) {
		uint64_t v = be(u, (unsigned)len, &ok);
		uint64_t sec = len == 4 ? v : v & 0x3ffffffffu, ns = len == 4 ? 0 : v >> 34;

		*ret = (struct tsn_pv){.type = TSN_PV_TIME,
		    .as.i = sec > 9000000000u ? 0 : (int64_t)(sec * 1000000000u + ns % 1000000000u)};
		return true;
	}
	return unpack_text(u, len, true, ret);
}

static bool
unpack(struct unpack *u, struct tsn_pv *ret, uint32_t depth)
{
	bool ok = true;
	unsigned c = (unsigned)be(u, 1, &ok);

	if (!ok)
		return false;
	if (depth > TSN_NESTING_MAX || ++u->items > ITEMS_MAX) {
		u->broken = true;
		return false;
	}
	*ret = (struct tsn_pv){.type = TSN_PV_NULL};
	if (c < 0x80 || c >= 0xe0) {
		*ret = tsn_pv_int((signed char)c);
		return true;
	}
	if (c < 0xa0)
		return unpack_many(u, c & 15, c < 0x90, true, ret, depth);
	if (c < 0xc0)
		return unpack_text(u, c & 31, true, ret);
	if (c == 0xc2 || c == 0xc3)
		*ret = tsn_pv_bool(c == 0xc3);
	if (c == 0xc0 || c == 0xc2 || c == 0xc3)
		return true;
	if (c >= 0xc4 && c <= 0xc6)
		return unpack_text(u, be(u, 1u << (c - 0xc4), &ok), ok, ret);
	if (c >= 0xc7 && c <= 0xc9)
		return unpack_ext(u, be(u, 1u << (c - 0xc7), &ok), ok, ret);
	if (c == 0xca || c == 0xcb)
		return unpack_float(u, c == 0xca ? 4 : 8, ret);
	if (c >= 0xcc && c <= 0xd3)
		return unpack_number(u, c, ret);
	if (c >= 0xd4 && c <= 0xd8)
		return unpack_ext(u, 1u << (c - 0xd4), true, ret);
	if (c >= 0xd9 && c <= 0xdb)
		return unpack_text(u, be(u, 1u << (c - 0xd9), &ok), ok, ret);
	if (c >= 0xdc)
		return unpack_many(u, be(u, c & 1 ? 4 : 2, &ok), c >= 0xde, ok, ret, depth);
	u->broken = true;
	return false;
}

static void
msgpack_event(struct tsn_pinst *in, const struct tsn_pv *v)
{
	struct tsn_pev *ev = tsn_pl_event(in->pl);
	struct tsn_slice target = tsn_pi_str(in, "target", "");
	struct tsn_pref ref;

	if (ev != NULL && v->type != TSN_PV_MAP)
		(void)tsn_pev_put(ev, TSN_SLICE("message"), *v);
	else if (ev != NULL && target.len > 0 && tsn_pref_parse(ev->arena, target, &ref))
		(void)tsn_pev_set(ev, &ref, *v);
	else if (ev != NULL)
		tsn_pl_merge(ev, v->as.map);
	tsn_pl_decoded(in, ev);
}

static size_t
msgpack_consume(struct tsn_pinst *in, struct tsn_slice bytes, bool last)
{
	size_t used = 0;

	while (used < bytes.len) {
		struct unpack u = {.arena = &in->pl->arena, .in = tsn_slice_from(bytes, used)};
		struct tsn_pev *ev;
		struct tsn_pv v;

		if (unpack(&u, &v, 0)) {
			used = bytes.len - u.in.len;
			msgpack_event(in, &v);
			continue;
		}
		if (!u.broken && !last && bytes.len - used < TSN_RECORD_BYTES_MAX)
			break;
		/* what cannot be read is kept, as text */
		ev = tsn_pl_event(in->pl);
		if (ev != NULL) {
			(void)tsn_pev_put(ev, TSN_SLICE("message"),
			    tsn_pv_str(tsn_arena_dup(ev->arena, tsn_slice_from(bytes, used))));
			(void)tsn_pev_tag(ev, TSN_SLICE("_msgpackparsefailure"));
		}
		tsn_pl_decoded(in, ev);
		return bytes.len;
	}
	return used;
}

static void
msgpack_decode(struct tsn_pinst *in, struct tsn_slice record)
{
	(void)msgpack_consume(in, record, true);
}

static void
pack_be(struct tsn_buf *out, unsigned tag, uint64_t v, unsigned bytes)
{
	tsn_buf_char(out, (char)tag);
	while (bytes-- > 0)
		tsn_buf_char(out, (char)(v >> (8 * bytes)));
}

static void
pack_head(struct tsn_buf *out, size_t n, unsigned fix, unsigned fix_max, unsigned tag8,
    unsigned tag16)
{
	if (n <= fix_max)
		tsn_buf_char(out, (char)(fix | n));
	else if (tag8 != 0 && n < 256)
		pack_be(out, tag8, n, 1);
	else if (n < 65536)
		pack_be(out, tag16, n, 2);
	else
		pack_be(out, tag16 + 1, n, 4);
}

static void
pack_int(struct tsn_buf *out, int64_t v)
{
	uint64_t u = (uint64_t)v;

	if (v >= -32 && v < 128)
		tsn_buf_char(out, (char)v);
	else if (v >= 0 && v <= UINT8_MAX)
		pack_be(out, 0xcc, u, 1);
	else if (v >= 0 && v <= UINT16_MAX)
		pack_be(out, 0xcd, u, 2);
	else if (v >= 0)
		pack_be(out, v <= UINT32_MAX ? 0xce : 0xcf, u, v <= UINT32_MAX ? 4 : 8);
	else if (v >= INT8_MIN)
		pack_be(out, 0xd0, u, 1);
	else if (v >= INT16_MIN)
		pack_be(out, 0xd1, u, 2);
	else
		pack_be(out, v >= INT32_MIN ? 0xd2 : 0xd3, u, v >= INT32_MIN ? 4 : 8);
}

/* depth is that of an event: bounded where it was made */
static void
pack(const struct tsn_pv *v, struct tsn_buf *out)
{
	char text[TSN_TIME_TEXT_MAX];
	uint64_t bits;
	size_t n;

	switch (v->type) {
	case TSN_PV_STR:
		pack_head(out, v->as.str.len, 0xa0, 31, 0xd9, 0xda);
		tsn_buf_slice(out, v->as.str);
		break;
	case TSN_PV_TIME:
		n = tsn_time_format(v->as.i, text);
		pack_head(out, n, 0xa0, 31, 0xd9, 0xda);
		tsn_buf_add(out, text, n);
		break;
	case TSN_PV_INT:
		pack_int(out, v->as.i);
		break;
	case TSN_PV_FLOAT:
		memcpy(&bits, &v->as.d, sizeof bits);
		pack_be(out, 0xcb, bits, 8);
		break;
	case TSN_PV_BOOL:
		tsn_buf_char(out, (char)(v->as.i ? 0xc3 : 0xc2));
		break;
	case TSN_PV_LIST:
		pack_head(out, v->as.list->count, 0x90, 15, 0, 0xdc);
		for (uint32_t i = 0; i < v->as.list->count; i++)
			pack(&v->as.list->items[i], out);
		break;
	case TSN_PV_MAP:
		pack_head(out, v->as.map->count, 0x80, 15, 0, 0xde);
		for (uint32_t i = 0; i < v->as.map->count; i++) {
			struct tsn_pv name = tsn_pv_str(v->as.map->members[i].name);

			pack(&name, out);
			pack(&v->as.map->members[i].value, out);
		}
		break;
	case TSN_PV_NULL:
	default:
		tsn_buf_char(out, (char)0xc0);
		break;
	}
}

static void
msgpack_encode(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_buf *out)
{
	(void)in;
	pack(&ev->root, out);
}

const struct tsn_pcodec tsn_codec_msgpack = {.consume = msgpack_consume,
    .decode = msgpack_decode, .encode = msgpack_encode};
