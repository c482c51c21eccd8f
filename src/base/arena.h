/*
 * base/arena: memory that lives exactly as long as one owner (a batch, a query, a rule set).
 *
 * Owner: whoever calls tsn_arena_init().  Everything handed out dies at tsn_arena_reset() or
 * tsn_arena_done(); there is no per-object free.  An arena grows by chunks and never past the cap
 * it was given; reset keeps the chunks for the next round.  One thread at a time.
 */
#ifndef TSN_BASE_ARENA_H
#define TSN_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct tsn_arena_chunk;

struct tsn_arena {
	char *at;			/* next free byte of the current chunk */
	char *end;			/* its end */
	struct tsn_arena_chunk *current;
	struct tsn_arena_chunk *first;
	size_t held;			/* bytes of all chunks */
	size_t cap;			/* most bytes ever held */
};

/** No memory is taken before the first allocation; cap > 0. */
void tsn_arena_init(struct tsn_arena *a, size_t cap);
/** Accepts NULL, a zeroed and an already finished arena. */
void tsn_arena_done(struct tsn_arena *a);
/** Empties it, keeps its chunks. */
void tsn_arena_reset(struct tsn_arena *a);
/** Slow path of tsn_arena_alloc. */
TSN_MUST_CHECK void *tsn_arena_alloc_chunk(struct tsn_arena *a, size_t size);

/** Uninitialised bytes aligned to 8, or NULL when the cap or memory is exhausted. */
TSN_MUST_CHECK static inline void *
tsn_arena_alloc(struct tsn_arena *a, size_t size)
{
	size_t need = (size + 7) & ~(size_t)7;

	if (TSN_UNLIKELY(need < size || need > (size_t)(a->end - a->at)))
		return tsn_arena_alloc_chunk(a, size);
	a->at += need;
	return a->at - need;
}

/** Gives [from, end) back when it is the tail of the newest allocation; else does nothing. */
static inline void
tsn_arena_give_back(struct tsn_arena *a, char *from, const char *end)
{
	char *aligned = from + (-(uintptr_t)from & 7);

	if (a->at == end && aligned <= end)
		a->at = aligned;
}

/** Zeroed array of count objects, or NULL. */
TSN_MUST_CHECK void *tsn_arena_calloc(struct tsn_arena *a, size_t count, size_t size);
/** A copy of s that lives in the arena (NUL-terminated behind its end), ptr NULL when exhausted. */
TSN_MUST_CHECK struct tsn_slice tsn_arena_dup(struct tsn_arena *a, struct tsn_slice s);

#endif
