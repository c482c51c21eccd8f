/*
 * detect/table: look-ups of literals in values.
 *
 * A table maps a 64-bit key to the entries that share it.  A gram set finds literals anywhere in a
 * text: of each literal one run of four bytes (the rarest) is in it, or of two; every position of
 * the text is asked in a bitmap first, then in the table, then the whole literal is compared.
 */
#ifndef TSN_DETECT_TABLE_INT_H
#define TSN_DETECT_TABLE_INT_H

#include "base/arena.h"
#include "base/hash.h"

struct entry {
	struct tsn_slice literal;	/* folded */
	uint32_t atom;
	uint32_t offset;		/* gram sets: where in the literal the gram stands */
	uint64_t key;
};

struct table_slot {
	uint64_t key;
	uint32_t first, count;		/* count 0: free */
};

struct table {
	struct table_slot *slots;
	struct entry *entries;
	uint32_t mask;
	uint32_t count;			/* entries; 0: empty table */
};

/* Bitmaps of 2^13, 2^16 and 2^19 bits. */
#define GRAM_SHIFT_SMALL 19u
#define GRAM_SHIFT_MIDDLE 16u
#define GRAM_SHIFT_LARGE 13u

struct grams {
	struct table table;
	uint64_t *bits;
	uint32_t shift;			/* of the hash that picks a bit */
};

/** Sorts the entries (it keeps the array) and builds the slots in the arena. */
TSN_MUST_CHECK enum tsn_code tsn_table_build(struct table *t, struct tsn_arena *arena,
    struct entry *entries, uint32_t count);
/** As tsn_table_build; entries' keys are 4 bytes of their literal. */
TSN_MUST_CHECK enum tsn_code tsn_grams_build(struct grams *g, struct tsn_arena *arena,
    struct entry *entries, uint32_t count);

static inline uint64_t
table_mix(uint64_t key)
{
	return key * 0x9e3779b97f4a7c15ull;
}

/** The entries with this key; *ret_count 0 when there are none. */
static inline const struct entry *
table_find(const struct table *t, uint64_t key, uint32_t *ret_count)
{
	for (uint64_t i = table_mix(key) >> 32;; i++) {
		const struct table_slot *s = &t->slots[i & t->mask];

		*ret_count = s->count;
		if (s->count == 0 || s->key == key)
			return t->entries + s->first;
	}
}

static inline uint32_t
gram_hash(uint32_t gram)
{
	return gram * 0x9e3779b1u;
}

#endif
