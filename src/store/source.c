#include "store/source_int.h"

#include <stdlib.h>

#include "base/hash.h"

#define SOURCES_BYTES_MAX (256u << 20)

void
sources_init(struct sources *s)
{
	*s = (struct sources){0};
	tsn_arena_init(&s->arena, SOURCES_BYTES_MAX);
}

void
sources_done(struct sources *s)
{
	if (s == NULL)
		return;
	free(s->list);
	free(s->slots);
	tsn_arena_done(&s->arena);
	*s = (struct sources){0};
}

static uint64_t
hash_of(const struct tsn_source *x)
{
	uint64_t h = tsn_hash_slice(x->path, (uint32_t)x->tz_offset_sec);

	return tsn_hash_slice(x->kind, tsn_hash_slice(x->address, h));
}

static bool
same(const struct tsn_source *a, const struct tsn_source *b)
{
	return a->tz_offset_sec == b->tz_offset_sec && tsn_slice_eq(a->path, b->path) &&
	    tsn_slice_eq(a->address, b->address) && tsn_slice_eq(a->kind, b->kind);
}

static bool
grow(struct sources *s)
{
	uint32_t cap = s->cap == 0 ? 64 : s->cap * 2;
	struct tsn_source **list = realloc(s->list, cap * sizeof(struct tsn_source *));
	uint32_t *slots;

	if (list == NULL)
		return false;
	s->list = list;
	slots = calloc(cap * 2, sizeof *slots);
	if (slots == NULL)
		return false;
	free(s->slots);
	s->slots = slots;
	s->slot_count = cap * 2;
	s->cap = cap;
	for (uint32_t i = 0; i < s->count; i++) {
		uint64_t at = hash_of(s->list[i]);

		while (slots[at & (s->slot_count - 1)] != 0)
			at++;
		slots[at & (s->slot_count - 1)] = i + 1;
	}
	return true;
}

static bool
copy(struct sources *s, struct tsn_slice from, struct tsn_slice *ret)
{
	*ret = from.len == 0 ? TSN_SLICE_NONE : tsn_arena_dup(&s->arena, from);
	return from.len == 0 || ret->ptr != NULL;
}

const struct tsn_source *
sources_intern(struct sources *s, const struct tsn_source *source)
{
	uint64_t at = hash_of(source);
	struct tsn_source *x;

	for (uint64_t i = at; s->count > 0 && s->slots[i & (s->slot_count - 1)] != 0; i++)
		if (same(s->list[s->slots[i & (s->slot_count - 1)] - 1], source))
			return s->list[s->slots[i & (s->slot_count - 1)] - 1];
	if (s->count == s->cap && !grow(s))
		return NULL;
	x = tsn_arena_calloc(&s->arena, 1, sizeof *x);
	if (x == NULL || !copy(s, source->path, &x->path) ||
	    !copy(s, source->address, &x->address) || !copy(s, source->kind, &x->kind))
		return NULL;
	x->tz_offset_sec = source->tz_offset_sec;
	x->id = s->count;
	while (s->slots[at & (s->slot_count - 1)] != 0)
		at++;
	s->list[s->count++] = x;
	s->slots[at & (s->slot_count - 1)] = s->count;
	return x;
}
