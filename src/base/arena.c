#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define CHUNK_FIRST (64u << 10)
#define CHUNK_MOST (4u << 20)

struct tsn_arena_chunk {
	struct tsn_arena_chunk *next;
	size_t cap;
	_Alignas(16) char mem[];
};

static void
arena_use(struct tsn_arena *a, struct tsn_arena_chunk *c)
{
	a->current = c;
	a->at = c == NULL ? NULL : c->mem;
	a->end = c == NULL ? NULL : c->mem + c->cap;
}

void
tsn_arena_init(struct tsn_arena *a, size_t cap)
{
	TSN_ASSERT(a != NULL);
	TSN_ASSERT(cap > 0);
	*a = (struct tsn_arena){.cap = cap};
}

void
tsn_arena_done(struct tsn_arena *a)
{
	struct tsn_arena_chunk *c, *next;

	if (a == NULL)
		return;
	for (c = a->first; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	*a = (struct tsn_arena){0};
}

void
tsn_arena_reset(struct tsn_arena *a)
{
	TSN_ASSERT(a != NULL);
	arena_use(a, a->first);
}

/* Chunks behind the current one are left from before a reset; the first big enough serves. */
void *
tsn_arena_alloc_chunk(struct tsn_arena *a, size_t size)
{
	size_t want = a->held < CHUNK_FIRST ? CHUNK_FIRST : a->held;
	struct tsn_arena_chunk *c;

	TSN_ASSERT(a->cap > 0);
	if (size > SIZE_MAX - 64)
		return NULL;
	while (a->current != NULL && a->current->next != NULL) {
		arena_use(a, a->current->next);
		if ((size_t)(a->end - a->at) >= ((size + 7) & ~(size_t)7))
			return tsn_arena_alloc(a, size);
	}
	if (want > CHUNK_MOST)
		want = CHUNK_MOST;
	if (want < size + 16)
		want = size + 16;
	if (want > a->cap - a->held)
		want = a->cap - a->held;
	if (want < size + 8)
		return NULL;
	c = malloc(sizeof *c + want);
	if (c == NULL)
		return NULL;
	c->next = NULL;
	c->cap = want;
	if (a->current == NULL)
		a->first = c;
	else
		a->current->next = c;
	a->held += want;
	arena_use(a, c);
	return tsn_arena_alloc(a, size);
}

void *
tsn_arena_calloc(struct tsn_arena *a, size_t count, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	p = tsn_arena_alloc(a, bytes);
	if (p != NULL)
		memset(p, 0, bytes);
	return p;
}

struct tsn_slice
tsn_arena_dup(struct tsn_arena *a, struct tsn_slice s)
{
	char *p = s.len == SIZE_MAX ? NULL : tsn_arena_alloc(a, s.len + 1);

	if (p == NULL)
		return TSN_SLICE_NONE;
	if (s.len > 0)
		memcpy(p, s.ptr, s.len);
	p[s.len] = '\0';
	return (struct tsn_slice){p, s.len};
}
