/* Puts the atoms of a plan where the values of events will look for them. */
#include "detect/detect_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "detect/map_int.h"

/* An atom's entry at one of its slots. */
struct item {
	uint32_t slot;
	uint32_t atom;
	uint8_t place;
};

struct builder {
	struct plan *p;
	struct census *census;
	struct item *items;
	uint32_t count, cap;
	struct entry *entries;		/* of the table that is being built */
	uint32_t entry_cap;
};

static bool
wanted(const struct atom *a)
{
	/*
	 * Looking for more texts at once costs little more, and spares testing them later; short ones
	 * stand in every other value.
	 */
	return a->place != PLACE_NONE && (a->witness ||
	    (a->exact && a->place != PLACE_DIRECT && a->place != PLACE_SHORT));
}

static enum tsn_code
add_item(struct builder *b, uint32_t slot, uint32_t atom, uint8_t place)
{
	if (b->count == b->cap) {
		uint32_t cap = b->cap == 0 ? 1024 : b->cap * 2;
		struct item *items = reallocarray(b->items, cap, sizeof *items);

		if (items == NULL)
			return TSN_ENOMEM;
		b->items = items;
		b->cap = cap;
	}
	b->items[b->count++] = (struct item){slot, atom, place};
	return TSN_OK;
}

static enum tsn_code
collect(struct builder *b)
{
	for (uint32_t i = 0; i < b->p->atom_count; i++) {
		struct atom *a = &b->p->atoms[i];

		a->indexed = wanted(a);
		if (!a->indexed)
			continue;
		if (a->ref->record)
			TSN_TRY(add_item(b, SLOT_NONE, i, a->place));
		for (uint32_t s = 0; !a->ref->record && s < a->ref->count; s++)
			TSN_TRY(add_item(b, a->ref->slots[s], i, a->place));
	}
	return TSN_OK;
}

static uint32_t
bucket_of(const struct item *i)
{
	return i->slot * PLACE__COUNT + i->place;
}

/* By slot, then by place; atoms of one place keep their order. */
static enum tsn_code
sort_items(struct builder *b)
{
	uint32_t buckets = b->p->slot_count * PLACE__COUNT;
	uint32_t *begin = calloc(buckets + 1, sizeof *begin);
	struct item *sorted = reallocarray(NULL, b->count + 1, sizeof *sorted);

	if (begin == NULL || sorted == NULL) {
		free(begin);
		free(sorted);
		return TSN_ENOMEM;
	}
	for (uint32_t i = 0; i < b->count; i++)
		begin[bucket_of(&b->items[i]) + 1]++;
	for (uint32_t i = 0; i < buckets; i++)
		begin[i + 1] += begin[i];
	for (uint32_t i = 0; i < b->count; i++)
		sorted[begin[bucket_of(&b->items[i])]++] = b->items[i];
	free(begin);
	free(b->items);
	b->items = sorted;
	return TSN_OK;
}

/* Where the rarest `step` runs in a row begin: the commonest of them counts. */
static uint32_t
rarest_grams(struct census *census, struct tsn_slice t, uint32_t step)
{
	uint32_t best = 0, best_count = UINT32_MAX;

	for (uint32_t i = 0; i + step + GRAM_MAX - 1 <= t.len && i < 256; i++) {
		uint32_t count = 0;

		for (uint32_t k = 0; k < step; k++)
			if (*census_at(census, t.ptr + i + k) > count)
				count = *census_at(census, t.ptr + i + k);
		if (count < best_count) {
			best = i;
			best_count = count;
		}
	}
	return best;
}

static struct entry
entry_of(struct builder *b, struct slot_index *si, const struct item *item)
{
	struct tsn_slice t = b->p->atoms[item->atom].literal;
	struct entry e = {.literal = t, .atom = item->atom};
	uint32_t n = t.len < 8 ? (uint32_t)t.len : 8;

	switch ((enum atom_place)item->place) {
	case PLACE_EQ:
		e.key = tsn_hash_slice(t, 0);
		si->eq_lens |= 1ull << (t.len < 63 ? t.len : 63);
		break;
	case PLACE_SUFFIX:
		memcpy(&e.key, t.ptr + t.len - n, n);
		si->suffix_lens |= (uint16_t)(1u << n);
		break;
	case PLACE_PREFIX:
		memcpy(&e.key, t.ptr, n);
		si->prefix_lens |= (uint16_t)(1u << n);
		break;
	case PLACE_WIDE:
		while ((unsigned char)t.ptr[e.offset] < 0x80)
			e.offset++;
		memcpy(&e.key, t.ptr + e.offset, 2);
		break;
	case PLACE_NONE:
	case PLACE_GRAMS:
	case PLACE_SHORT:
	case PLACE_DIRECT:
	case PLACE__COUNT:
		break;
	}
	return e;
}

/* Runs are as long as the shortest literal allows; what that leaves over is the step. */
static struct grams
shape_of(const struct builder *b, const struct item *items, uint32_t count)
{
	struct grams g = {.least = GRAM_STEP_MAX + GRAM_MAX};

	for (uint32_t i = 0; i < count; i++)
		if (b->p->atoms[items[i].atom].literal.len < g.least)
			g.least = b->p->atoms[items[i].atom].literal.len;
	TSN_ASSERT(g.least >= GRAM_MIN);
	g.width = g.least < GRAM_MAX ? (uint32_t)g.least : GRAM_MAX;
	g.step = (uint32_t)g.least - g.width + 1;
	while (g.step > 1 && count * g.step > GRAM_STEP_ENTRIES)
		g.step--;
	return g;
}

static struct entry *
scratch(struct builder *b, uint32_t count)
{
	return tsn_vec_room((void **)&b->entries, &b->entry_cap, count, sizeof *b->entries) ?
	    b->entries : NULL;
}

static void
least_of(struct slot_index *si, size_t len)
{
	if (len < si->least)
		si->least = len;
}

static enum tsn_code
build_grams(struct builder *b, struct slot_index *si, struct grams *g, const struct item *items,
    uint32_t count)
{
	struct grams shape = shape_of(b, items, count);
	uint32_t step = shape.step;
	struct entry *entries = scratch(b, count * step);

	if (entries == NULL)
		return TSN_ENOMEM;
	*g = shape;
	least_of(si, shape.least);
	for (uint32_t i = 0; i < count; i++) {
		struct tsn_slice t = b->p->atoms[items[i].atom].literal;
		uint32_t from = rarest_grams(b->census, t, step);

		for (uint32_t k = 0; k < step; k++)
			entries[i * step + k] = (struct entry){.literal = t, .atom = items[i].atom,
			    .offset = from + k, .key = gram_at(t, from + k, g->width)};
	}
	return tsn_grams_build(g, &b->p->arena, entries, count * step);
}

static enum tsn_code
build_direct(struct plan *p, struct slot_index *si, const struct item *items, uint32_t count)
{
	uint32_t *direct = tsn_arena_calloc(&p->arena, count, sizeof *direct);

	if (direct == NULL)
		return TSN_ENOMEM;
	for (uint32_t pass = 0, n = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < count; i++)
			if (tsn_atom_is_pair(p->atoms[items[i].atom].c.op) == (pass == 0))
				direct[n++] = items[i].atom;
		if (pass == 0)
			si->pair_count = n;
	}
	si->direct = direct;
	si->direct_count = count;
	return TSN_OK;
}

/* items[0 .. count) have one slot and one place. */
static enum tsn_code
build_place(struct builder *b, const struct item *items, uint32_t count)
{
	struct plan *p = b->p;
	struct slot_index *si = &p->slots[items[0].slot];
	struct entry *entries;

	si->any = true;
	if (items[0].place == PLACE_DIRECT)
		return build_direct(p, si, items, count);
	if (items[0].place == PLACE_GRAMS)
		return build_grams(b, si, &si->grams, items, count);
	if (items[0].place == PLACE_SHORT)
		return build_grams(b, si, &si->small, items, count);
	entries = scratch(b, count);
	if (entries == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		entries[i] = entry_of(b, si, &items[i]);
	switch ((enum atom_place)items[0].place) {
	case PLACE_EQ:
		return tsn_table_build(&si->eq, &p->arena, entries, count);
	case PLACE_SUFFIX:
		return tsn_table_build(&si->suffix, &p->arena, entries, count);
	case PLACE_PREFIX:
		return tsn_table_build(&si->prefix, &p->arena, entries, count);
	case PLACE_WIDE:
		least_of(si, GRAM_MIN);
		return tsn_grams_build(&si->wide, &p->arena, entries, count);
	case PLACE_NONE:
	case PLACE_GRAMS:
	case PLACE_SHORT:
	case PLACE_DIRECT:
	case PLACE__COUNT:
		break;
	}
	return TSN_OK;
}

enum tsn_code
tsn_plan_index(struct plan *p, struct census *census)
{
	struct builder b = {.p = p, .census = census};
	enum tsn_code code = collect(&b);

	if (code == TSN_OK)
		code = sort_items(&b);
	for (uint32_t i = 0, n; i < b.count && code == TSN_OK; i += n) {
		for (n = 1; i + n < b.count && b.items[i + n].slot == b.items[i].slot &&
		    b.items[i + n].place == b.items[i].place;)
			n++;
		code = build_place(&b, &b.items[i], n);
	}
	free(b.items);
	free(b.entries);
	return code;
}
