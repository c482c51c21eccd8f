/*
 * detect/table: look-ups of literals in values.
 *
 * A table maps a 64-bit key to the entries that share it.  A gram set finds literals anywhere in a
 * text: of each literal a run of four bytes (the rarest) is in it, of shorter ones all; places of
 * the text are asked in a bitmap first, then in the table, then the whole literal is compared.
 *
 * Where all literals are long the set holds several runs in a row of each: of `step` places of the
 * text one is then enough.  Keys leave out the bit that tells the case of ASCII letters, so that an
 * ASCII text need not be folded to find out that nothing of the set stands in it.
 */
#ifndef TSN_DETECT_TABLE_INT_H
#define TSN_DETECT_TABLE_INT_H

#include "base/arena.h"
#include "base/compiler.h"
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

/* Bytes of a run. */
#define GRAM_MIN 2u
#define GRAM_MAX 4u
#define GRAM_CASE 0x20202020u

struct grams {
	struct table table;
	uint64_t *bits;
	uint32_t shift;			/* of the hash that picks a bit */
	uint32_t width;			/* bytes of its runs */
	uint32_t step;			/* how far apart the places are that are looked at */
	size_t least;			/* the shortest literal is no shorter; SIZE_MAX: empty set */
};

#define GRAM_STEP_MAX 8u
/* More runs than that ask for a larger bitmap, which costs more than fewer looks save. */
#define GRAM_STEP_ENTRIES 2048u

/** Builds the table in the arena; the entries are copied. */
TSN_MUST_CHECK enum tsn_code tsn_table_build(struct table *t, struct tsn_arena *arena,
    const struct entry *entries, uint32_t count);
/** As tsn_table_build, into a set whose shape is decided; keys are runs of the literals. */
TSN_MUST_CHECK enum tsn_code tsn_grams_build(struct grams *g, struct tsn_arena *arena,
    const struct entry *entries, uint32_t count);

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

/** The key of the run of `width` bytes at `at`, which are there. */
static inline uint32_t
gram_at(struct tsn_slice t, size_t at, uint32_t width)
{
	uint32_t key = GRAM_CASE;

	if (TSN_LIKELY(at + GRAM_MAX <= t.len))
		return ((uint32_t)tsn_hash_read32(t.ptr + at) | GRAM_CASE) << (32 - 8 * width);
	for (uint32_t i = 0; i < width; i++)
		key |= (uint32_t)(unsigned char)t.ptr[at + i] << 8 * i;
	return key << (32 - 8 * width);
}

static inline uint32_t
gram_hash(uint32_t gram)
{
	return gram * 0x9e3779b1u;
}

#endif
