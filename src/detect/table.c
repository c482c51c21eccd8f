#include "detect/table_int.h"

#include <stdlib.h>

#include "base/assert.h"

static int
by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->atom < y->atom ? -1 : x->atom > y->atom;
}

enum tsn_code
tsn_table_build(struct table *t, struct tsn_arena *arena, struct entry *entries, uint32_t count)
{
	uint32_t size = 8;

	*t = (struct table){.entries = entries, .count = count};
	if (count == 0)
		return TSN_OK;
	qsort(entries, count, sizeof *entries, by_key);
	while (size < count * 2)
		size *= 2;
	t->mask = size - 1;
	t->slots = tsn_arena_calloc(arena, size, sizeof *t->slots);
	if (t->slots == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0, n; i < count; i += n) {
		uint64_t at = table_mix(entries[i].key) >> 32;

		for (n = 1; i + n < count && entries[i + n].key == entries[i].key;)
			n++;
		while (t->slots[at & t->mask].count != 0)
			at++;
		t->slots[at & t->mask] = (struct table_slot){entries[i].key, i, n};
	}
	return TSN_OK;
}

enum tsn_code
tsn_grams_build(struct grams *g, struct tsn_arena *arena, struct entry *entries, uint32_t count)
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
