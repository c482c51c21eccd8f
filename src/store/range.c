#include "store/range_int.h"

#include <stdlib.h>

#include "base/hash.h"
#include "store/frame_int.h"

void
ranges_done(struct ranges *r)
{
	for (uint32_t i = 0; i < r->cap; i++) {
		free(r->sets[i].list);
		free((void *)(uintptr_t)r->sets[i].source.ptr);
	}
	free(r->sets);
	*r = (struct ranges){0};
}

static struct range_set *
slot_of(const struct ranges *r, struct tsn_slice source, uint64_t hash)
{
	for (uint64_t i = hash;; i++) {
		struct range_set *set = &r->sets[i & (r->cap - 1)];

		if (set->source.ptr == NULL ||
		    (set->hash == hash && tsn_slice_eq(set->source, source)))
			return set;
	}
}

static bool
grow(struct ranges *r)
{
	struct ranges fresh = {.cap = r->cap == 0 ? 64 : r->cap * 2, .count = r->count};

	fresh.sets = calloc(fresh.cap, sizeof *fresh.sets);
	if (fresh.sets == NULL)
		return false;
	for (uint32_t i = 0; i < r->cap; i++)
		if (r->sets[i].source.ptr != NULL)
			*slot_of(&fresh, r->sets[i].source, r->sets[i].hash) = r->sets[i];
	free(r->sets);
	*r = fresh;
	return true;
}

static struct range_set *
set_of(struct ranges *r, struct tsn_slice source)
{
	uint64_t hash = tsn_hash_slice(source, 0);
	struct range_set *set;
	char *name;

	if (r->count * 2 >= r->cap && !grow(r))
		return NULL;
	set = slot_of(r, source, hash);
	if (set->source.ptr != NULL)
		return set;
	name = malloc(source.len + 1);
	if (name == NULL)
		return NULL;
	if (source.len > 0)
		memcpy(name, source.ptr, source.len);
	name[source.len] = '\0';
	*set = (struct range_set){.source = {name, source.len}, .hash = hash};
	r->count++;
	return set;
}

static bool
insert(struct range_set *set, uint32_t at, const struct tsn_store_range *range)
{
	if (set->count == set->cap) {
		uint32_t cap = set->cap == 0 ? 2 : set->cap * 2;
		struct tsn_store_range *list = reallocarray(set->list, cap, sizeof *list);

		if (list == NULL)
			return false;
		set->list = list;
		set->cap = cap;
	}
	memmove(&set->list[at + 1], &set->list[at], (set->count - at) * sizeof *set->list);
	set->list[at] = *range;
	set->list[at].source = set->source;
	set->count++;
	return true;
}

enum tsn_code
ranges_add(struct ranges *r, const struct tsn_store_range *range)
{
	struct range_set *set = set_of(r, range->source);
	uint32_t at;

	if (set == NULL)
		return TSN_ENOMEM;
	if (range->extends && set->count > 0 && set->list[set->newest].begin == range->begin) {
		set->list[set->newest] = *range;
		set->list[set->newest].source = set->source;
		set->list[set->newest].extends = false;
		return TSN_OK;
	}
	for (at = set->count; at > 0 && set->list[at - 1].begin > range->begin; at--)
		;
	if (!insert(set, at, range))
		return TSN_ENOMEM;
	set->newest = at;
	set->list[at].extends = false;
	return TSN_OK;
}

void
ranges_forget(struct ranges *r, struct tsn_slice source)
{
	struct range_set *set;

	if (r->cap == 0)
		return;
	set = slot_of(r, source, tsn_hash_slice(source, 0));
	set->count = 0;
}

enum tsn_code
ranges_take(struct ranges *r, struct frame_reader *from)
{
	struct tsn_store_range range;
	enum frame_range op;
	enum tsn_code rc;

	while ((rc = frame_next_range(from, &op, &range)) == TSN_OK) {
		if (op == FRAME_RANGE_FORGET)
			ranges_forget(r, range.source);
		else
			TSN_TRY(ranges_add(r, &range));
	}
	return rc == TSN_EOF ? TSN_OK : rc;
}

void
ranges_each(const struct ranges *r, struct tsn_slice prefix,
    void (*each)(void *ctx, struct tsn_slice source), void *ctx)
{
	for (uint32_t i = 0; i < r->cap; i++)
		if (r->sets[i].count > 0 && tsn_slice_starts(r->sets[i].source, prefix))
			each(ctx, r->sets[i].source);
}

const struct tsn_store_range *
ranges_find(const struct ranges *r, struct tsn_slice source, size_t *ret_count)
{
	const struct range_set *set;

	*ret_count = 0;
	if (r->cap == 0)
		return NULL;
	set = slot_of(r, source, tsn_hash_slice(source, 0));
	*ret_count = set->count;
	return set->count == 0 ? NULL : set->list;
}
