#include "query/table.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"

#define SLOTS_FIRST 64u
#define ENTRIES_MAX (1u << 30)

void
tsn_table_init(struct tsn_table *t, struct tsn_arena *arena, size_t data_size, uint64_t seed)
{
	*t = (struct tsn_table){.arena = arena, .data_size = data_size, .seed = seed};
}

void
tsn_table_done(struct tsn_table *t)
{
	if (t == NULL)
		return;
	free(t->slots);
	*t = (struct tsn_table){0};
}

static bool
grow(struct tsn_table *t)
{
	uint32_t count = t->slot_count == 0 ? SLOTS_FIRST : t->slot_count * 2;
	struct tsn_table_entry **slots;

	if (t->slot_count >= ENTRIES_MAX)
		return false;
	slots = calloc(count, sizeof(*slots));
	if (slots == NULL)
		return false;
	for (struct tsn_table_entry *e = t->first; e != NULL; e = e->next) {
		uint32_t at = (uint32_t)e->hash & (count - 1);

		while (slots[at] != NULL)
			at = (at + 1) & (count - 1);
		slots[at] = e;
	}
	free(t->slots);
	/* the slots count too: the arena gives up what they take */
	t->arena->cap -= (count - t->slot_count) * sizeof(*slots) < t->arena->cap ?
	    (count - t->slot_count) * sizeof(*slots) : t->arena->cap;
	t->slots = slots;
	t->slot_count = count;
	return true;
}

struct tsn_table_entry *
tsn_table_get(struct tsn_table *t, struct tsn_slice key, bool *ret_new)
{
	uint64_t hash = tsn_hash_slice(key, t->seed);
	struct tsn_table_entry *e;
	uint32_t at;

	if (t->count >= t->slot_count / 2 && !grow(t))
		return NULL;
	TSN_ASSERT(t->slot_count > t->count);
	at = (uint32_t)hash & (t->slot_count - 1);
	for (; (e = t->slots[at]) != NULL; at = (at + 1) & (t->slot_count - 1)) {
		if (e->hash == hash && tsn_slice_eq(e->key, key)) {
			*ret_new = false;
			return e;
		}
	}
	e = tsn_arena_alloc(t->arena, sizeof *e + t->data_size);
	if (e == NULL)
		return NULL;
	memset(e, 0, sizeof *e + t->data_size);
	e->key = tsn_arena_dup(t->arena, key);
	if (e->key.ptr == NULL)
		return NULL;
	e->hash = hash;
	if (t->last == NULL)
		t->first = e;
	else
		t->last->next = e;
	t->last = e;
	t->slots[at] = e;
	t->count++;
	*ret_new = true;
	return e;
}
