/*
 * query/table: byte strings to fixed-size data, in insertion order; for groups, dedup and sets.
 *
 * Keys and data live in the caller's arena, whose cap is the memory bound; only the slots are the
 * table's own and are counted against the same bound.
 */
#ifndef TSN_QUERY_TABLE_H
#define TSN_QUERY_TABLE_H

#include "base/arena.h"
#include "base/slice.h"

struct tsn_table_entry {
	struct tsn_table_entry *next;	/* in order of insertion */
	uint64_t hash;
	uint32_t key_len;
	uint32_t key_at;		/* bytes from the entry's begin: behind the data */
	/* data and key follow, so that one look-up touches neighbouring memory only */
};

/* A pointer has 48 bits on the machines we run on; the 16 above hold bits of the hash. */
typedef uint64_t tsn_table_slot;

struct tsn_table {
	struct tsn_arena *arena;
	tsn_table_slot *slots;		/* 0: free */
	struct tsn_table_entry *first, *last;
	size_t data_size;
	uint64_t seed;
	uint32_t slot_count;		/* a power of two */
	uint32_t count;
};

void tsn_table_init(struct tsn_table *t, struct tsn_arena *arena, size_t data_size, uint64_t seed);
void tsn_table_done(struct tsn_table *t);
/** The entry of key, new (zeroed data) when *ret_new; NULL when the bound is reached. */
struct tsn_table_entry *tsn_table_get(struct tsn_table *t, struct tsn_slice key, bool *ret_new);

static inline void *
tsn_table_data(struct tsn_table_entry *e)
{
	return e + 1;
}

static inline struct tsn_slice
tsn_table_key(const struct tsn_table_entry *e)
{
	return (struct tsn_slice){(const char *)e + e->key_at, e->key_len};
}

#endif
