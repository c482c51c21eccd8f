/* Groups of correlations: found by key, kept in the order of their last hit, within a budget. */
#include "detect/corr_int.h"

#include <stdlib.h>

#include "base/assert.h"

#define BUCKETS_FIRST 64u
#define ENTRIES_FIRST 1u
#define SEEN_MAX (1u << 20)
/* What malloc takes beside the bytes of a group and of its entries. */
#define HEAP_BYTES 32u

/* Of one entry, with what lies under it. */
static size_t
entry_bytes(const struct corr_state *s)
{
	return sizeof(struct entry_hit) + (s->def->over ? sizeof(struct under *) : 0);
}

static void
unlink_order(struct corr_state *s, struct group *g)
{
	if (g->older != NULL)
		g->older->newer = g->newer;
	else
		s->oldest = g->newer;
	if (g->newer != NULL)
		g->newer->older = g->older;
	else
		s->newest = g->older;
}

static void
link_newest(struct corr_state *s, struct group *g)
{
	g->older = s->newest;
	g->newer = NULL;
	if (s->newest != NULL)
		s->newest->newer = g;
	else
		s->oldest = g;
	s->newest = g;
}

static bool
grow_buckets(struct corr_state *s)
{
	uint32_t size = s->buckets == NULL ? BUCKETS_FIRST : (s->bucket_mask + 1) * 2;
	struct group **buckets;

	if (s->buckets != NULL && s->group_count <= s->bucket_mask)
		return true;
	buckets = calloc(size, sizeof(struct group *));
	if (buckets == NULL)
		return s->buckets != NULL;
	for (struct group *g = s->oldest; g != NULL; g = g->newer) {
		g->chain = buckets[g->key_hash & (size - 1)];
		buckets[g->key_hash & (size - 1)] = g;
	}
	tsn_corr_bytes(s, (int64_t)(size - (s->buckets == NULL ? 0 : s->bucket_mask + 1)) *
	    (int64_t)sizeof *buckets);
	free(s->buckets);
	s->buckets = buckets;
	s->bucket_mask = size - 1;
	return true;
}

struct group *
tsn_group_find(const struct corr_state *s, const struct hit *hit)
{
	struct group *g = s->buckets == NULL ? NULL : s->buckets[hit->key_hash & s->bucket_mask];

	while (g != NULL && (g->key_hash != hit->key_hash || g->key_len != hit->key_len ||
				memcmp(g->key, hit->key, g->key_len) != 0))
		g = g->chain;
	return g;
}

struct group *
tsn_group_get(struct corr_state *s, const struct hit *hit)
{
	struct group *g = tsn_group_find(s, hit);

	if (g != NULL) {
		unlink_order(s, g);
		link_newest(s, g);
		return g;
	}
	if (!grow_buckets(s))
		return NULL;
	g = calloc(1, sizeof *g + hit->key_len);
	if (g == NULL)
		return NULL;
	g->key_hash = hit->key_hash;
	g->key_len = hit->key_len;
	g->last_ns = TSN_TIME_NONE;
	g->done_ns = TSN_TIME_NONE;
	memcpy(g->key, hit->key, hit->key_len);
	g->chain = s->buckets[g->key_hash & s->bucket_mask];
	s->buckets[g->key_hash & s->bucket_mask] = g;
	link_newest(s, g);
	s->group_count++;
	tsn_corr_bytes(s, (int64_t)(sizeof *g + g->key_len + HEAP_BYTES));
	return g;
}

/* What the type keeps beside the entries. */
static void
free_own(struct corr_state *s, struct group *g)
{
	size_t bytes = 0;

	if (g->values == NULL)
		return;
	if (s->def->counts)
		bytes = sizeof *g->values + (g->values->mask + 1) * sizeof *g->values->list;
	else if (s->def->c->type == TSN_CORR_FIRST_SEEN)
		bytes = sizeof *g->seen + (g->seen->mask + 1) * sizeof *g->seen->list;
	else
		bytes = (s->def->c->rule_count + 1) * sizeof *g->best;
	free(g->values);
	g->values = NULL;
	tsn_corr_bytes(s, -(int64_t)bytes);
}

void
tsn_group_free(struct corr_state *s, struct group *g)
{
	struct group **at = &s->buckets[g->key_hash & s->bucket_mask];

	TSN_ASSERT(g->timer == 0);
	while (*at != g)
		at = &(*at)->chain;
	*at = g->chain;
	unlink_order(s, g);
	s->group_count--;
	tsn_group_clear(s, g);
	free_own(s, g);
	tsn_under_drop(g->under);
	tsn_corr_bytes(s, -(int64_t)(sizeof *g + g->key_len + HEAP_BYTES + g->cap * entry_bytes(s)));
	free(g->entries);
	free(g->unders);
	free(g);
}

static struct value_uses *
find_value(struct value_table *t, uint64_t value)
{
	uint64_t at = tsn_hash_mix(value, 0x9e3779b97f4a7c15ull);

	while (t->list[at & t->mask].value != 0 && t->list[at & t->mask].value != value)
		at++;
	return &t->list[at & t->mask];
}

/* Room for one value more; those that no entry has any more go. */
static enum tsn_code
grow_values(struct corr_state *s, struct group *g)
{
	struct value_table *old = g->values, *t;
	uint32_t size = 4, distinct = old == NULL ? 0 : old->distinct;

	if (old != NULL && old->slots * 2 < old->mask)
		return TSN_OK;
	while (size < distinct * 4 + 4)
		size *= 2;
	t = calloc(1, sizeof *t + size * sizeof *t->list);
	if (t == NULL)
		return TSN_ENOMEM;
	t->mask = size - 1;
	t->slots = t->distinct = distinct;
	for (uint32_t i = 0; old != NULL && i <= old->mask; i++)
		if (old->list[i].uses > 0)
			*find_value(t, old->list[i].value) = old->list[i];
	free_own(s, g);
	g->values = t;
	tsn_corr_bytes(s, (int64_t)(sizeof *t + size * sizeof *t->list));
	return TSN_OK;
}

static enum tsn_code
use_value(struct corr_state *s, struct group *g, uint64_t value)
{
	struct value_uses *v;

	TSN_TRY(grow_values(s, g));
	v = find_value(g->values, value);
	g->values->slots += v->value == 0;
	g->values->distinct += v->uses == 0;
	v->value = value;
	v->uses++;
	return TSN_OK;
}

bool
tsn_group_has(const struct group *g, uint64_t value)
{
	return g->values != NULL && find_value(g->values, value)->uses > 0;
}

/* Temporal: how many entries each rule has. */
static enum tsn_code
use_place(struct corr_state *s, struct group *g, uint32_t place)
{
	if (g->best == NULL) {
		g->best = calloc(s->def->c->rule_count + 1, sizeof *g->best);
		if (g->best == NULL)
			return TSN_ENOMEM;
		tsn_corr_bytes(s, (int64_t)((s->def->c->rule_count + 1) * sizeof *g->best));
	}
	g->best[place]++;
	return TSN_OK;
}

static void
drop_first(struct corr_state *s, struct group *g)
{
	const struct entry_hit *e = &g->entries[g->head];

	g->weight -= e->weight;
	if (s->def->counts) {
		struct value_uses *v = find_value(g->values, e->value);

		g->values->distinct -= --v->uses == 0;
	} else if (s->def->sums) {
		g->sum -= e->number;
	} else if (s->def->places) {
		g->best[e->place]--;
	}
	if (g->unders != NULL)
		tsn_under_drop(g->unders[g->head]);
	g->head++;
	if (--g->count == 0) {
		g->head = 0;
		if (s->def->sums)
			g->sum = 0;
	}
}

void
tsn_group_clear(struct corr_state *s, struct group *g)
{
	if (s->def->counts || s->def->places || s->def->ordered)
		free_own(s, g);
	for (uint32_t i = 0; g->unders != NULL && i < g->count; i++)
		tsn_under_drop(g->unders[g->head + i]);
	g->head = g->count = 0;
	g->weight = 0;
	if (s->def->sums)
		g->sum = 0;
}

static enum tsn_code
grow_entries(struct corr_state *s, struct group *g)
{
	uint32_t cap = g->cap == 0 ? ENTRIES_FIRST : g->cap * 2;
	struct entry_hit *entries = realloc(g->entries, cap * sizeof *entries);

	if (entries == NULL)
		return TSN_ENOMEM;
	g->entries = entries;
	if (s->def->over) {
		struct under **unders = realloc(g->unders, cap * sizeof(struct under *));

		if (unders == NULL)
			return TSN_ENOMEM;
		g->unders = unders;
	}
	tsn_corr_bytes(s, (int64_t)((cap - g->cap) * entry_bytes(s)));
	g->cap = cap;
	return TSN_OK;
}

static enum tsn_code
room(struct corr_state *s, struct group *g)
{
	if (g->count >= ENTRIES_MAX) {
		drop_first(s, g);
		s->stats.entries_dropped++;
	}
	if (g->head > 0 && g->head + g->count == g->cap && g->head >= g->cap / 4) {
		memmove(g->entries, g->entries + g->head, g->count * sizeof *g->entries);
		if (g->unders != NULL)
			memmove(g->unders, g->unders + g->head, g->count * sizeof(struct under *));
		g->head = 0;
	}
	return g->head + g->count < g->cap ? TSN_OK : grow_entries(s, g);
}

static int
order(const struct corr_state *s, const struct entry_hit *e, const struct hit *hit)
{
	if (e->time_ns != hit->time_ns)
		return e->time_ns < hit->time_ns ? -1 : 1;
	if (s->def->ranks[e->place] != s->def->ranks[hit->place])
		return s->def->ranks[e->place] < s->def->ranks[hit->place] ? -1 : 1;
	if (e->id[0] != hit->id[0])
		return e->id[0] < hit->id[0] ? -1 : 1;
	if (e->id[1] != hit->id[1])
		return e->id[1] < hit->id[1] ? -1 : 1;
	return e->place < hit->place ? -1 : e->place > hit->place;
}

static struct entry_hit
entry_of(const struct corr_state *s, const struct hit *hit)
{
	struct entry_hit e = {.time_ns = hit->time_ns, .id = {hit->id[0], hit->id[1]},
	    .value = hit->value, .place = hit->place, .weight = hit->weight};

	if (s->def->sums)
		e.number = hit->number;
	return e;
}

enum tsn_code
tsn_group_add(struct corr_state *s, struct group *g, const struct hit *hit, bool *ret_known,
    bool *ret_last)
{
	struct entry_hit *e;
	uint32_t at;

	*ret_known = false;
	TSN_TRY(room(s, g));
	e = g->entries + g->head;
	for (at = g->count; at > 0 && order(s, &e[at - 1], hit) > 0;)
		at--;
	if (at > 0 && order(s, &e[at - 1], hit) == 0) {
		*ret_known = true;
		return TSN_OK;
	}
	if (s->def->counts)
		TSN_TRY(use_value(s, g, hit->value));
	else if (s->def->places)
		TSN_TRY(use_place(s, g, hit->place));
	else if (s->def->sums)
		g->sum += hit->number;
	*ret_last = at == g->count;
	memmove(&e[at + 1], &e[at], (g->count - at) * sizeof *e);
	e[at] = entry_of(s, hit);
	if (g->unders != NULL) {
		struct under **u = g->unders + g->head;

		memmove(&u[at + 1], &u[at], (g->count - at) * sizeof(struct under *));
		u[at] = hit->under;
		if (hit->under != NULL)
			hit->under->refs++;
	}
	g->weight += hit->weight;
	g->count++;
	if (g->last_ns < hit->time_ns)
		g->last_ns = hit->time_ns;
	return TSN_OK;
}

void
tsn_group_drop_before(struct corr_state *s, struct group *g, int64_t time_ns)
{
	while (g->count > 0 && g->entries[g->head].time_ns < time_ns)
		drop_first(s, g);
}

static void
put_seen(struct seen_table *t, uint64_t value)
{
	uint64_t at = tsn_hash_mix(value, 0x9e3779b97f4a7c15ull);

	while (t->list[at & t->mask] != 0)
		at++;
	t->list[at & t->mask] = value;
	t->count++;
}

static bool
has_seen(const struct seen_table *t, uint64_t value)
{
	uint64_t at = tsn_hash_mix(value, 0x9e3779b97f4a7c15ull);

	for (; t != NULL && t->list[at & t->mask] != 0; at++)
		if (t->list[at & t->mask] == value)
			return true;
	return false;
}

enum tsn_code
tsn_group_see(struct corr_state *s, struct group *g, uint64_t value, bool *ret_new)
{
	struct seen_table *old = g->seen, *t;
	uint32_t size = old == NULL ? 4 : (old->mask + 1) * 2;

	*ret_new = !has_seen(old, value);
	if (!*ret_new)
		return TSN_OK;
	if (old != NULL && old->count * 2 < old->mask) {
		put_seen(old, value);
		return TSN_OK;
	}
	if (size > SEEN_MAX) {
		s->stats.entries_dropped++;
		return TSN_OK;
	}
	t = calloc(1, sizeof *t + size * sizeof *t->list);
	if (t == NULL)
		return TSN_ENOMEM;
	t->mask = size - 1;
	for (uint32_t i = 0; old != NULL && i <= old->mask; i++)
		if (old->list[i] != 0)
			put_seen(t, old->list[i]);
	put_seen(t, value);
	free_own(s, g);
	g->seen = t;
	tsn_corr_bytes(s, (int64_t)(sizeof *t + size * sizeof *t->list));
	return TSN_OK;
}
