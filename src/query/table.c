#include "query/table.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"

#define SLOTS_FIRST 64u
#define ENTRIES_MAX (1u << 30)
#define POINTER_MASK ((UINT64_C(1) << 48) - 1)

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

static struct tsn_table_entry *
entry_of(tsn_table_slot slot)
{
	return (struct tsn_table_entry *)(uintptr_t)(slot & POINTER_MASK);
}

static tsn_table_slot
slot_of(const struct tsn_table_entry *e, uint64_t hash)
{
	uint64_t at = (uint64_t)(uintptr_t)e;

	TSN_ASSERT((at & ~POINTER_MASK) == 0);
	return at | (hash & ~POINTER_MASK);
}

static bool
grow(struct tsn_table *t)
{
	uint32_t count = t->slot_count == 0 ? SLOTS_FIRST : t->slot_count * 2;
	size_t more = (count - t->slot_count) * sizeof *t->slots;
	tsn_table_slot *slots;

	if (t->slot_count >= ENTRIES_MAX || more >= t->arena->cap - t->arena->held)
		return false;
	slots = calloc(count, sizeof *slots);
	if (slots == NULL)
		return false;
	for (struct tsn_table_entry *e = t->first; e != NULL; e = e->next) {
		uint32_t at = (uint32_t)e->hash & (count - 1);

		while (slots[at] != 0)
			at = (at + 1) & (count - 1);
		slots[at] = slot_of(e, e->hash);
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
	struct tsn_table_entry *e;
	uint32_t at;

	if (t->count >= t->slot_count / 4 * 3 && !grow(t))
		return NULL;
	TSN_ASSERT(t->slot_count > t->count);
	at = (uint32_t)hash & (t->slot_count - 1);
	for (; t->slots[at] != 0; at = (at + 1) & (t->slot_count - 1)) {
		if (((t->slots[at] ^ hash) & ~POINTER_MASK) != 0)
			continue;
		e = entry_of(t->slots[at]);
		if (e->hash == hash && tsn_slice_eq(tsn_table_key(e), key)) {
			*ret_new = false;
			return e;
		}
	}
	e = add(t, key, hash);
	if (e == NULL)
		return NULL;
	t->slots[at] = slot_of(e, hash);
	*ret_new = true;
	return e;
}
