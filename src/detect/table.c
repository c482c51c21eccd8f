#include "detect/table_int.h"

#include "base/assert.h"

static struct table_slot *
slot_for(struct table *t, uint64_t key)
{
	uint64_t at = table_mix(key) >> 32;

	while (t->slots[at & t->mask].count != 0 && t->slots[at & t->mask].key != key)
		at++;
	return &t->slots[at & t->mask];
}

/* Entries of one key stand together, in the order in which they came. */
enum tsn_code
tsn_table_build(struct table *t, struct tsn_arena *arena, const struct entry *entries,
    uint32_t count)
{
	uint32_t size = 8, next = 0;

	*t = (struct table){.count = count};
	if (count == 0)
		return TSN_OK;
	while (size < count * 2)
		size *= 2;
	t->mask = size - 1;
	t->slots = tsn_arena_calloc(arena, size, sizeof *t->slots);
	t->entries = tsn_arena_alloc(arena, count * sizeof *t->entries);
	if (t->slots == NULL || t->entries == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		struct table_slot *s = slot_for(t, entries[i].key);

		s->key = entries[i].key;
		s->count++;
	}
	for (uint32_t i = 0; i < size; i++) {
		t->slots[i].first = next;
		next += t->slots[i].count;
	}
	/* first is where the next entry goes, until all are placed */
	for (uint32_t i = 0; i < count; i++)
		t->entries[slot_for(t, entries[i].key)->first++] = entries[i];
	for (uint32_t i = 0; i < size; i++)
		t->slots[i].first -= t->slots[i].count;
	return TSN_OK;
}

enum tsn_code
tsn_grams_build(struct grams *g, struct tsn_arena *arena, const struct entry *entries,
    uint32_t count)
{
	uint32_t bits;

	if (count == 0)
		return TSN_OK;
	/* One bit in thirty-two or fewer is set: most positions of a text end at the bitmap. */
	g->shift = count <= 256 ? GRAM_SHIFT_SMALL : count <= 2048 ? GRAM_SHIFT_MIDDLE :
	    GRAM_SHIFT_LARGE;
	bits = 32 - g->shift;
	g->bits = tsn_arena_calloc(arena, (1u << bits) / 64, sizeof *g->bits);
	if (g->bits == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t bit = gram_hash((uint32_t)entries[i].key) >> g->shift;

		TSN_ASSERT(entries[i].offset + 2 <= entries[i].literal.len);
		g->bits[bit / 64] |= 1ull << bit % 64;
	}
	return tsn_table_build(&g->table, arena, entries, count);
}
