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
	size_t more = (count - t->slot_count) * sizeof *t->slots;
	struct tsn_table_slot *slots;

	if (t->slot_count >= ENTRIES_MAX || more >= t->arena->cap - t->arena->held)
		return false;
	slots = calloc(count, sizeof *slots);
	if (slots == NULL)
		return false;
	for (uint32_t i = 0; i < t->slot_count; i++) {
		uint32_t at = (uint32_t)t->slots[i].hash & (count - 1);

		if (t->slots[i].entry == NULL)
			continue;
		while (slots[at].entry != NULL)
			at = (at + 1) & (count - 1);
		slots[at] = t->slots[i];
	}
	free(t->slots);
	/* the slots count too: the arena gives up what they take */
	t->arena->cap -= more;
	t->slots = slots;
	t->slot_count = count;
	return true;
}

static struct tsn_table_entry *
add(struct tsn_table *t, struct tsn_slice key, uint64_t hash)
{
	size_t head = sizeof(struct tsn_table_entry) + t->data_size;
	struct tsn_table_entry *e = tsn_arena_alloc(t->arena, head + key.len);

	if (e == NULL)
		return NULL;
	memset(e, 0, head);
	e->hash = hash;
	e->key_at = (uint32_t)head;
	e->key_len = (uint32_t)key.len;
	if (key.len > 0)
		memcpy((char *)e + head, key.ptr, key.len);
	if (t->last == NULL)
		t->first = e;
	else
		t->last->next = e;
	t->last = e;
	t->count++;
	return e;
}

struct tsn_table_entry *
tsn_table_get(struct tsn_table *t, struct tsn_slice key, bool *ret_new)
{
	uint64_t hash = tsn_hash_slice(key, t->seed);
	struct tsn_table_slot *slot;
	uint32_t at;

	if (t->count >= t->slot_count / 2 && !grow(t))
		return NULL;
	TSN_ASSERT(t->slot_count > t->count);
	at = (uint32_t)hash & (t->slot_count - 1);
	for (; (slot = &t->slots[at])->entry != NULL; at = (at + 1) & (t->slot_count - 1)) {
		if (slot->hash == hash && tsn_slice_eq(tsn_table_key(slot->entry), key)) {
			*ret_new = false;
			return slot->entry;
		}
	}
	slot->entry = add(t, key, hash);
	slot->hash = hash;
	*ret_new = true;
	return slot->entry;
}
