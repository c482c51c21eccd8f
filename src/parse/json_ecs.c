/* From the fields of a flattened document to ECS fields beside them. */
#include "parse/json_int.h"

#include "base/hash.h"
#include "parse/web.h"

uint8_t
tsn_json_mark(const struct json_name *names, size_t count, struct tsn_slice path)
{
	for (size_t i = 0; i < count; i++)
		if (tsn_slice_eq(tsn_slice_cstr(names[i].path), path))
			return names[i].mark;
	return 0;
}

/* Eight bytes with their ASCII letters in lower case. */
static uint64_t
lower8(uint64_t x)
{
	const uint64_t ones = 0x0101010101010101ull;
	uint64_t heavy = x & 0x7f * ones;
	uint64_t above = heavy + (0x80 - 'A') * ones, beyond = heavy + (0x7f - 'Z') * ones;

	return x | ((above ^ beyond) & ~x & 0x80 * ones) >> 2;
}

static bool
is_lower(struct tsn_slice s)
{
	uint64_t changed = 0;
	size_t i = 0;

	for (; i + 8 <= s.len && changed == 0; i += 8)
		changed = lower8(tsn_hash_read64(s.ptr + i)) ^ tsn_hash_read64(s.ptr + i);
	for (; i < s.len && changed == 0; i++)
		changed = tsn_lower(s.ptr[i]) != s.ptr[i];
	return changed == 0;
}

struct tsn_slice
tsn_json_lower(struct tsn_parse_ctx *ctx, struct tsn_slice s)
{
	size_t i = 0;
	char *p;

	if (is_lower(s))
		return s;
	p = tsn_arena_alloc(&ctx->batch->arena, s.len);
	if (p == NULL)
		return s;
	for (; i + 8 <= s.len; i += 8) {
		uint64_t eight = lower8(tsn_hash_read64(s.ptr + i));

		memcpy(p + i, &eight, 8);
	}
	for (; i < s.len; i++)
		p[i] = tsn_lower(s.ptr[i]);
	return (struct tsn_slice){p, s.len};
}

struct tsn_slice
tsn_json_basename(struct tsn_slice path)
{
	size_t i = path.len;

	if (path.len == 0)
		return path;
	while (i > 0 && path.ptr[i - 1] != '/' && path.ptr[i - 1] != '\\')
		i--;
	return (struct tsn_slice){path.ptr + i, path.len - i};
}

static void
put_seconds(const struct json_doc *d, const struct tsn_field *f, tsn_key to)
{
	double ns, seconds;

	if (f->type == TSN_T_INT)
		seconds = (double)f->num.i;
	else if (f->type == TSN_T_FLOAT)
		seconds = f->num.d;
	else if (f->type != TSN_T_STR ||
	    tsn_num_parse_f64((struct tsn_slice){f->ptr, f->len}, &seconds) != TSN_OK)
		return;
	ns = seconds * 1e9;
	if (ns > -9e18 && ns < 9e18)
		tsn_put_int(d->ctx, to, (int64_t)(ns < 0 ? ns - 0.5 : ns + 0.5), TSN_SLICE_NONE);
}

static void
put_int(const struct json_doc *d, const struct tsn_field *f, tsn_key to)
{
	struct tsn_slice text = {f->ptr, f->len};
	uint64_t v;
	int64_t n;

	if (f->type == TSN_T_INT)
		tsn_put_int(d->ctx, to, f->num.i, text);
	else if (f->type != TSN_T_STR)
		return;
	else if (tsn_num_parse_i64(text, &n) == TSN_OK)
		tsn_put_int(d->ctx, to, n, TSN_SLICE_NONE);
	else if (TSN_STARTS(text, "0x") && tsn_num_parse_hex(text, &v) == TSN_OK && v <= INT64_MAX)
		tsn_put_int(d->ctx, to, (int64_t)v, TSN_SLICE_NONE);
}

static void
put_user(struct tsn_parse_ctx *ctx, const struct json_copy *copy, struct tsn_slice text)
{
	size_t slash = tsn_slice_find_char(text, '\\');

	if (slash == SIZE_MAX) {
		tsn_put_str(ctx, copy->to, text);
		return;
	}
	tsn_put_some(ctx, copy->to, tsn_slice_from(text, slash + 1));
	if (copy->other != 0)
		tsn_put_some(ctx, copy->other, (struct tsn_slice){text.ptr, slash});
}

void
tsn_json_copy_one(const struct json_doc *d, const struct json_copy *copy)
{
	const struct tsn_field *f = json_field(d, copy->mark);
	struct tsn_field own;
	struct tsn_slice text;

	if (f == NULL)
		return;
	own = *f;
	text = (struct tsn_slice){own.ptr, own.len};
	own.key = copy->to;
	own.pos = 0;
	if (own.type == TSN_T_STR && (own.len == 0 || (own.len == 1 && own.ptr[0] == '-')))
		return;
	if (own.type == TSN_T_NULL || own.type == TSN_T_OBJECT || own.type == TSN_T_LIST)
		return;
	switch ((enum json_how)copy->how) {
	case JSON_COPY:
		tsn_put(d->ctx, &own);
		break;
	case JSON_LOWER:
		if (own.type == TSN_T_STR)
			tsn_put_str(d->ctx, copy->to, tsn_json_lower(d->ctx, text));
		break;
	case JSON_SECONDS:
		put_seconds(d, &own, copy->to);
		break;
	case JSON_IP:
		if (own.type == TSN_T_STR)
			tsn_put_address(d->ctx, copy->to, copy->other == 0 ? TSN_KEY_NONE : copy->other, text);
		break;
	case JSON_INT:
		put_int(d, &own, copy->to);
		break;
	case JSON_TEXT:
		if (own.ptr != NULL)
			tsn_put_str(d->ctx, copy->to, text);
		break;
	case JSON_PATH:
		tsn_put(d->ctx, &own);
		tsn_put_some(d->ctx, copy->other, tsn_json_basename(text));
		break;
	case JSON_USER:
		put_user(d->ctx, copy, text);
		break;
	}
}

void
tsn_json_hide_intrinsic(const struct json_doc *d)
{
	struct tsn_event *ev = d->ctx->ev;
	/* what came over the network was read from a file elsewhere, if the shipper says so */
	bool own_path = d->ctx->source->path.len == 0;

	for (uint32_t i = d->first; i < ev->field_count; i++) {
		tsn_key key = ev->fields[i].key;

		if (TSN_LIKELY(key > TSN_F_LOG_SOURCE_ADDRESS) || key < TSN_F_TIMESTAMP ||
		    (own_path && (key == TSN_F_LOG_FILE_PATH || key == TSN_F_LOG_OFFSET)))
			continue;
		ev->fields[i].flags |= TSN_FIELD_HIDDEN;
	}
}

void
tsn_json_copy(const struct json_doc *d, const struct json_copy *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (d->marks[table[i].mark] != 0)
			tsn_json_copy_one(d, &table[i]);
}

bool
tsn_json_time(struct tsn_parse_ctx *ctx, const struct tsn_field *f, struct tsn_date *ret)
{
	struct tsn_slice text = {f->ptr, f->len};
	size_t len = 0;

	*ret = (struct tsn_date){.ns = TSN_TIME_NONE};
	if (f->ptr == NULL || text.len == 0)
		return false;
	if (f->type == TSN_T_STR) {
		len = tsn_date_iso(&ctx->date, text, ret);
		if (len == 0)
			len = tsn_date_any(&ctx->date, text, ret);
	} else if (f->type == TSN_T_INT || f->type == TSN_T_FLOAT) {
		len = tsn_date_epoch(text, ret);
	}
	return len > 0 && ret->ns != TSN_TIME_NONE;
}

void
tsn_json_set_time(const struct json_doc *d, uint8_t mark)
{
	const struct tsn_field *f = json_field(d, mark);
	struct tsn_date date;

	if (f != NULL && tsn_json_time(d->ctx, f, &date))
		tsn_parse_set_time(d->ctx, &date);
}

/* Elements of a list follow one another under the list's key. */
void
tsn_json_copy_list(const struct json_doc *d, uint8_t mark, tsn_key to)
{
	struct tsn_parse_ctx *ctx = d->ctx;
	uint32_t at = d->marks[mark], end = ctx->ev->field_count, index = 0;
	tsn_key from;

	if (at == 0 || at > end)
		return;
	from = ctx->ev->fields[at - 1].key;
	for (uint32_t i = at - 1; i < end; i++) {
		struct tsn_field f = ctx->ev->fields[i];

		if (f.key != from)
			continue;
		if (f.type != TSN_T_STR && f.type != TSN_T_INT && f.type != TSN_T_FLOAT)
			continue;
		f.key = to;
		f.pos = tsn_event_add_pos(ctx->batch, 0, to, index++);
		if (f.pos == 0)
			return;
		tsn_put(ctx, &f);
	}
}

void
tsn_json_put_url(struct tsn_parse_ctx *ctx, struct tsn_slice url)
{
	size_t scheme = tsn_slice_find(url, TSN_SLICE("://"));
	struct tsn_slice path = url, query;
	size_t mark = tsn_slice_find_char(url, '?');

	if (url.len == 0)
		return;
	tsn_put_str(ctx, TSN_F_URL_ORIGINAL, url);
	tsn_web_put_decoded(ctx, url);
	if (scheme != SIZE_MAX && scheme < mark) {
		size_t slash = tsn_slice_find_char(tsn_slice_from(url, scheme + 3), '/');

		path = tsn_slice_from(url, slash == SIZE_MAX ? url.len : scheme + 3 + slash);
	} else if (url.ptr[0] != '/') {
		return;
	}
	mark = tsn_slice_find_char(path, '?');
	query = mark == SIZE_MAX ? TSN_SLICE_NONE : tsn_slice_from(path, mark + 1);
	if (mark != SIZE_MAX)
		path.len = mark;
	tsn_put_some(ctx, TSN_F_URL_PATH, path);
	tsn_put_some(ctx, TSN_F_URL_QUERY, query);
}
