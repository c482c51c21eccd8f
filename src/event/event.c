#include "event/event.h"

#include <endian.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"
#include "base/num.h"

/* @timestamp .. log.file.line or log.source.address: filled by seal, in this order. */
#define INTRINSIC_MAX 9u
#define FIELDS_FIRST 48u
#define POS_FIRST 4u
/* what add_flags may add */
#define TAGS_MAX 4u

enum tsn_code
tsn_batch_init(struct tsn_batch *b, struct tsn_keys *keys, uint32_t events_max)
{
	TSN_ASSERT(keys != NULL);
	TSN_ASSERT(events_max > 0 && events_max <= TSN_BATCH_EVENTS_MAX);
	*b = (struct tsn_batch){.keys = keys, .cap = events_max};
	b->events = calloc(events_max, sizeof *b->events);
	if (b->events == NULL)
		return TSN_ENOMEM;
	tsn_arena_init(&b->arena, TSN_BATCH_BYTES_MAX);
	return TSN_OK;
}

void
tsn_batch_done(struct tsn_batch *b)
{
	if (b == NULL)
		return;
	free(b->events);
	tsn_arena_done(&b->arena);
	*b = (struct tsn_batch){0};
}

void
tsn_batch_reset(struct tsn_batch *b)
{
	b->count = 0;
	b->open = NULL;
	tsn_arena_reset(&b->arena);
}

struct tsn_event *
tsn_batch_begin(struct tsn_batch *b)
{
	struct tsn_event *ev;
	struct tsn_field *fields;

	TSN_ASSERT(b->open == NULL);
	if (tsn_batch_full(b))
		return NULL;
	fields = tsn_arena_alloc(&b->arena, FIELDS_FIRST * sizeof *fields);
	if (fields == NULL)
		return NULL;
	/* Nothing is found in the reserved slots while the event is open. */
	for (unsigned i = 0; i < INTRINSIC_MAX; i++)
		fields[i].key = TSN_KEY_ROOT;
	ev = &b->events[b->count];
	/* member by member: for this size compilers take an instruction that starts slowly */
	ev->fields = fields;
	ev->pos = NULL;
	ev->field_count = INTRINSIC_MAX;
	ev->pos_count = 0;
	ev->original = TSN_SLICE_NONE;
	ev->time_ns = TSN_TIME_NONE;
	ev->created_ns = 0;
	ev->id[0] = ev->id[1] = 0;
	ev->offset = ev->line = 0;
	ev->source = NULL;
	ev->dataset = TSN_SLICE_NONE;
	ev->flags = 0;
	ev->repeat = 1;
	b->open = ev;
	b->open_field_cap = FIELDS_FIRST;
	b->open_max = TSN_EVENT_FIELDS_MAX;
	b->open_pos_cap = 0;
	return ev;
}

void
tsn_batch_abandon(struct tsn_batch *b)
{
	TSN_ASSERT(b->open != NULL);
	b->open = NULL;
}

void
tsn_batch_rewind(struct tsn_batch *b)
{
	TSN_ASSERT(b->open != NULL);
	b->open->field_count = INTRINSIC_MAX;
	b->open->pos_count = 0;
	b->open->flags &= ~(uint32_t)(TSN_EV_FIELD_LIMIT | TSN_EV_ERROR);
}

void
tsn_batch_reopen(struct tsn_batch *b)
{
	TSN_ASSERT(b->open == NULL);
	TSN_ASSERT(b->count > 0);
	b->count--;
	b->open = &b->events[b->count];
	b->open_field_cap = b->open->field_count;
	b->open_pos_cap = b->open->pos_count;
	b->open_max = TSN_EVENT_FIELDS_MAX + TSN_EVENT_FIELDS_SPARE;
}

void
tsn_batch_reseal(struct tsn_batch *b)
{
	TSN_ASSERT(b->open == &b->events[b->count]);
	b->open = NULL;
	b->count++;
}

static uint32_t
doubled(uint32_t cap, uint32_t first, uint32_t max)
{
	uint32_t twice = cap == 0 ? first : cap * 2;

	return twice < max ? twice : max;
}

static bool
grow_fields(struct tsn_batch *b)
{
	struct tsn_event *ev = b->open;
	uint32_t cap = doubled(b->open_field_cap, FIELDS_FIRST, b->open_max);
	size_t bytes = ev->field_count * sizeof *ev->fields;
	struct tsn_field *fields;

	if (ev->field_count >= b->open_max)
		return false;
	fields = tsn_arena_alloc(&b->arena, cap * sizeof *fields);
	if (fields == NULL)
		return false;
	memcpy(fields, ev->fields, bytes);
	ev->fields = fields;
	b->open_field_cap = cap;
	return true;
}

void
tsn_event_add(struct tsn_batch *b, const struct tsn_field *f)
{
	struct tsn_event *ev = b->open;

	TSN_ASSERT(ev != NULL);
	if (TSN_UNLIKELY(f->key == TSN_KEY_NONE ||
	    (ev->field_count == b->open_field_cap && !grow_fields(b)))) {
		ev->flags |= TSN_EV_FIELD_LIMIT;
		return;
	}
	ev->fields[ev->field_count++] = *f;
}

void
tsn_event_add_str(struct tsn_batch *b, tsn_key key, struct tsn_slice v)
{
	tsn_event_add(b, &(struct tsn_field){.ptr = v.ptr == NULL ? "" : v.ptr,
	    .len = (uint32_t)v.len, .key = key, .type = TSN_T_STR});
}

void
tsn_event_add_opt(struct tsn_batch *b, tsn_key key, struct tsn_slice v)
{
	if (v.len > 1 || (v.len == 1 && v.ptr[0] != '-'))
		tsn_event_add_str(b, key, v);
}

void
tsn_event_add_int(struct tsn_batch *b, tsn_key key, int64_t v, struct tsn_slice text)
{
	tsn_event_add(b, &(struct tsn_field){.ptr = text.ptr, .len = (uint32_t)text.len, .key = key,
	    .type = TSN_T_INT, .num.i = v});
}

void
tsn_event_add_num(struct tsn_batch *b, tsn_key key, struct tsn_slice v)
{
	int64_t n;

	if (tsn_num_parse_i64(v, &n) == TSN_OK)
		tsn_event_add_int(b, key, n, v);
	else
		tsn_event_add_str(b, key, v);
}

void
tsn_event_add_bool(struct tsn_batch *b, tsn_key key, bool v)
{
	tsn_event_add(b, &(struct tsn_field){.key = key, .type = TSN_T_BOOL, .num.i = v});
}

void
tsn_event_add_time(struct tsn_batch *b, tsn_key key, int64_t ns, struct tsn_slice text)
{
	tsn_event_add(b, &(struct tsn_field){.ptr = text.ptr, .len = (uint32_t)text.len, .key = key,
	    .type = TSN_T_TIME, .num.i = ns});
}

uint32_t
tsn_event_add_pos(struct tsn_batch *b, uint32_t parent, tsn_key list, uint32_t index)
{
	struct tsn_event *ev = b->open;

	TSN_ASSERT(ev != NULL);
	TSN_ASSERT(parent <= ev->pos_count);
	if (ev->pos_count == b->open_pos_cap) {
		uint32_t cap = doubled(b->open_pos_cap, POS_FIRST, b->open_max);
		struct tsn_pos *pos = ev->pos_count >= b->open_max ? NULL :
		    tsn_arena_alloc(&b->arena, cap * sizeof *pos);

		if (pos == NULL) {
			ev->flags |= TSN_EV_FIELD_LIMIT;
			return 0;
		}
		if (ev->pos_count > 0)
			memcpy(pos, ev->pos, ev->pos_count * sizeof *pos);
		ev->pos = pos;
		b->open_pos_cap = cap;
	}
	ev->pos[ev->pos_count] = (struct tsn_pos){parent, list, index};
	return ++ev->pos_count;
}

void
tsn_event_append_str(struct tsn_batch *b, tsn_key key, struct tsn_slice v)
{
	struct tsn_event *ev = b->open;
	uint32_t index = 0, pos;

	for (uint32_t i = INTRINSIC_MAX; ev->pos_count > 0 && i < ev->field_count; i++)
		if (ev->fields[i].key == key && ev->fields[i].pos != 0)
			index = ev->pos[ev->fields[i].pos - 1].index + 1;
	pos = tsn_event_add_pos(b, 0, key, index);
	if (pos != 0)
		tsn_event_add(b, &(struct tsn_field){.ptr = v.ptr, .len = (uint32_t)v.len,
		    .key = key, .pos = pos, .type = TSN_T_STR});
}

void
tsn_event_fail(struct tsn_batch *b, struct tsn_slice why)
{
	b->open->flags |= TSN_EV_ERROR;
	b->open_max = TSN_EVENT_FIELDS_MAX + TSN_EVENT_FIELDS_SPARE;
	tsn_event_add_str(b, TSN_F_EVENT_KIND, TSN_SLICE("pipeline_error"));
	tsn_event_add_str(b, TSN_F_ERROR_MESSAGE, why);
}

static void
add_flags(struct tsn_batch *b, struct tsn_event *ev)
{
	if (ev->flags & TSN_EV_TRUNCATED)
		tsn_event_append_str(b, TSN_F_LOG_FLAGS, TSN_SLICE("truncated"));
	if (ev->flags & TSN_EV_TIME_UNKNOWN)
		tsn_event_append_str(b, TSN_F_TAGS, TSN_SLICE("time_unknown"));
	if (ev->flags & TSN_EV_TIME_UNZONED)
		tsn_event_append_str(b, TSN_F_TAGS, TSN_SLICE("time_zone_assumed"));
	if (ev->flags & TSN_EV_FIELD_LIMIT)
		tsn_event_append_str(b, TSN_F_TAGS, TSN_SLICE("field_limit"));
}

static void
put_str(struct tsn_field *f, tsn_key key, struct tsn_slice v)
{
	f->ptr = v.ptr == NULL ? "" : v.ptr;
	f->num.i = 0;
	f->len = (uint32_t)v.len;
	f->key = key;
	f->pos = 0;
	f->type = TSN_T_STR;
	f->flags = 0;
	f->reserved = 0;
}

static void
put_num(struct tsn_field *f, tsn_key key, enum tsn_type type, int64_t v)
{
	f->ptr = NULL;
	f->num.i = v;
	f->len = 0;
	f->key = key;
	f->pos = 0;
	f->type = (uint8_t)type;
	f->flags = 0;
	f->reserved = 0;
}

/*
 * Gives back to the arena what the field array has beyond `more` further fields, when nothing else
 * was allocated behind it: events then stand close together in memory.
 */
static void
trim_fields(struct tsn_batch *b, const struct tsn_event *ev, uint32_t more)
{
	uint32_t need = ev->field_count + more;

	if (need >= b->open_field_cap || (char *)(ev->fields + b->open_field_cap) != b->arena.at)
		return;
	b->arena.at = (char *)(ev->fields + need);
	b->open_field_cap = need;
}

/* The reserved slots are filled from their end, so that the event starts where they begin. */
static void
put_intrinsic(struct tsn_batch *b, struct tsn_event *ev)
{
	const struct tsn_source *source = ev->source;
	bool file = source->path.len > 0;
	char *id = tsn_arena_alloc(&b->arena, 32);
	uint32_t n = 3u + (id != NULL) + (ev->dataset.len > 0) + (file ? 2u + (ev->line > 0) : 0u) +
	    (source->address.len > 0);
	struct tsn_field *f = ev->fields + (INTRINSIC_MAX - n);

	ev->fields = f;
	ev->field_count -= INTRINSIC_MAX - n;
	put_num(f++, TSN_F_TIMESTAMP, TSN_T_TIME, ev->time_ns);
	put_num(f++, TSN_F_EVENT_CREATED, TSN_T_TIME, ev->created_ns);
	put_str(f++, TSN_F_EVENT_ORIGINAL, ev->original);
	if (id != NULL) {
		tsn_event_id_format(ev->id, id);
		put_str(f++, TSN_F_EVENT_ID, (struct tsn_slice){id, 32});
	}
	if (ev->dataset.len > 0)
		put_str(f++, TSN_F_EVENT_DATASET, ev->dataset);
	if (file) {
		put_str(f++, TSN_F_LOG_FILE_PATH, source->path);
		put_num(f++, TSN_F_LOG_OFFSET, TSN_T_INT, (int64_t)ev->offset);
		if (ev->line > 0)
			put_num(f++, TSN_F_LOG_FILE_LINE, TSN_T_INT, (int64_t)ev->line);
	}
	if (source->address.len > 0)
		put_str(f++, TSN_F_LOG_SOURCE_ADDRESS, source->address);
	TSN_ASSERT(n <= INTRINSIC_MAX);
}

void
tsn_batch_seal(struct tsn_batch *b)
{
	const uint32_t tagged = TSN_EV_TRUNCATED | TSN_EV_TIME_UNKNOWN | TSN_EV_TIME_UNZONED |
	    TSN_EV_FIELD_LIMIT;
	struct tsn_event *ev = b->open;

	TSN_ASSERT(ev != NULL);
	TSN_ASSERT(ev->source != NULL);
	if (ev->time_ns == TSN_TIME_NONE) {
		ev->time_ns = ev->created_ns;
		ev->flags |= TSN_EV_TIME_UNKNOWN;
	}
	if (ev->flags & tagged) {
		b->open_max = TSN_EVENT_FIELDS_MAX + TSN_EVENT_FIELDS_SPARE;
		trim_fields(b, ev, TAGS_MAX);
		add_flags(b, ev);
	} else {
		trim_fields(b, ev, 0);
	}
	tsn_event_id_compute(ev->source, ev->offset, ev->original, ev->id);
	put_intrinsic(b, ev);
	b->open = NULL;
	b->count++;
}

const struct tsn_field *
tsn_event_find(const struct tsn_event *ev, tsn_key key)
{
	for (uint32_t i = 0; i < ev->field_count; i++)
		if (ev->fields[i].key == key)
			return &ev->fields[i];
	return NULL;
}

struct tsn_slice
tsn_event_str(const struct tsn_event *ev, tsn_key key)
{
	const struct tsn_field *f = tsn_event_find(ev, key);

	return f == NULL || f->ptr == NULL ? TSN_SLICE_NONE : (struct tsn_slice){f->ptr, f->len};
}

static struct tsn_slice
format_u64(uint64_t v, bool minus, char scratch[TSN_TIME_TEXT_MAX])
{
	size_t n = TSN_TIME_TEXT_MAX;

	do {
		scratch[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	if (minus)
		scratch[--n] = '-';
	return (struct tsn_slice){scratch + n, TSN_TIME_TEXT_MAX - n};
}

struct tsn_slice
tsn_field_text(const struct tsn_field *f, char scratch[TSN_TIME_TEXT_MAX])
{
	if (f->ptr != NULL && f->type != TSN_T_TIME)
		return (struct tsn_slice){f->ptr, f->len};
	switch ((enum tsn_type)f->type) {
	case TSN_T_INT:
		return format_u64(f->num.i < 0 ? 0 - (uint64_t)f->num.i : (uint64_t)f->num.i,
		    f->num.i < 0, scratch);
	case TSN_T_UINT:
		return format_u64(f->num.u, false, scratch);
	case TSN_T_FLOAT:
		return (struct tsn_slice){scratch, tsn_num_format_f64(f->num.d, scratch)};
	case TSN_T_BOOL:
		return f->num.i ? TSN_SLICE("true") : TSN_SLICE("false");
	case TSN_T_TIME:
		return (struct tsn_slice){scratch, tsn_time_format(f->num.i, scratch)};
	case TSN_T_NULL:
	case TSN_T_STR:
	case TSN_T_OBJECT:
	case TSN_T_LIST:
	case TSN_T__COUNT:
		break;
	}
	return TSN_SLICE("");
}

/* Eight digits at a time: nibbles spread over bytes, then '0', or 'a' - 10, added to each. */
void
tsn_event_id_format(const uint64_t id[2], char out[32])
{
	for (unsigned i = 0; i < 4; i++) {
		uint64_t v = __builtin_bswap32((uint32_t)(id[i / 2] >> (i % 2 == 0 ? 32 : 0)));
		uint64_t letters;

		v = (v | v << 16) & 0x0000ffff0000ffff;
		v = (v | v << 8) & 0x00ff00ff00ff00ff;
		v = (v >> 4 & 0x000f000f000f000f) | (v & 0x000f000f000f000f) << 8;
		letters = (v + 0x0606060606060606) >> 4 & 0x0101010101010101;
		v = htole64(v + 0x3030303030303030 + letters * ('a' - '0' - 10));
		memcpy(out + (size_t)i * 8, &v, 8);
	}
}

/* XXH3 is specified and stable across versions and machines, so ids may be compared anywhere. */
void
tsn_event_id_compute(const struct tsn_source *source, uint64_t offset,
    struct tsn_slice original, uint64_t ret_id[2])
{
	struct tsn_slice place = source->path.len > 0 ? source->path : source->address;
	XXH64_hash_t seed = XXH3_64bits_withSeed(place.ptr, place.len, offset);
	XXH128_hash_t h = XXH3_128bits_withSeed(original.ptr, original.len, seed);

	ret_id[0] = h.high64;
	ret_id[1] = h.low64;
}
