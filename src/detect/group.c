/* Groups of correlations: found by key, kept in the order of their last hit, within a budget. */
#include "detect/corr_int.h"

#include <stdlib.h>

#define BUCKETS_FIRST 64u
#define ENTRIES_FIRST 1u
#define SEEN_MAX (1u << 20)

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
	s->bytes += (size_t)(size - (s->buckets == NULL ? 0 : s->bucket_mask + 1)) * sizeof *buckets;
	free(s->buckets);
	s->buckets = buckets;
	s->bucket_mask = size - 1;
	return true;
}

struct group *
tsn_group_get(struct tsn_detect *d, uint32_t corr, const struct hit *hit)
{
	struct corr_state *s = &d->corr.states[corr];
	const struct tsn_correlation *c = d->set->corrs[corr].c;
	struct group *g;

	if (!grow_buckets(s))
		return NULL;
	for (g = s->buckets[hit->key_hash & s->bucket_mask]; g != NULL; g = g->chain) {
		if (g->key_hash == hit->key_hash && g->key_len == hit->key_len &&
		    memcmp(g->key, hit->key, g->key_len) == 0) {
			unlink_order(s, g);
			link_newest(s, g);
			return g;
		}
	}
	g = calloc(1, sizeof *g + hit->key_len);
	if (g == NULL)
		return NULL;
	g->key_hash = hit->key_hash;
	g->key_len = hit->key_len;
	g->last_ns = TSN_TIME_NONE;
	g->held_ns = TSN_TIME_NONE;
	g->counts = c->type == TSN_CORR_VALUE_COUNT ||
	    (c->type == TSN_CORR_LEAKY_BUCKET && c->field_count > 0);
	memcpy(g->key, hit->key, hit->key_len);
	g->chain = s->buckets[g->key_hash & s->bucket_mask];
	s->buckets[g->key_hash & s->bucket_mask] = g;
	link_newest(s, g);
	s->group_count++;
	s->bytes += sizeof *g + g->key_len + 32;
	return g;
}

void
tsn_group_free(struct corr_state *s, struct group *g)
{
	struct group **at = &s->buckets[g->key_hash & s->bucket_mask];

	while (*at != g)
		at = &(*at)->chain;
	*at = g->chain;
	unlink_order(s, g);
	s->group_count--;
	s->bytes -= sizeof *g + g->key_len + 32 + g->cap * sizeof *g->entries;
	if (g->seen != NULL)
		s->bytes -= (g->seen_mask + 1) * sizeof *g->seen;
	tsn_group_clear(s, g);
	free(g->entries);
	free(g->seen);
	free(g);
}

static struct value_uses *
find_value(struct value_uses *values, uint32_t mask, uint64_t value)
{
	uint64_t at = tsn_hash_mix(value, 0x9e3779b97f4a7c15ull);

	while (values[at & mask].value != 0 && values[at & mask].value != value)
		at++;
	return &values[at & mask];
}

static enum tsn_code
use_value(struct corr_state *s, struct group *g, uint64_t value)
{
	struct value_uses *v;

	if (g->values == NULL || g->value_slots * 2 >= g->value_mask) {
		uint32_t size = 8;
		struct value_uses *values;

		while (size < g->distinct * 4 + 4)
			size *= 2;
		values = calloc(size, sizeof *values);
		if (values == NULL)
			return TSN_ENOMEM;
		for (uint32_t i = 0; g->values != NULL && i <= g->value_mask; i++)
			if (g->values[i].uses > 0)
				*find_value(values, size - 1, g->values[i].value) = g->values[i];
		s->bytes += size * sizeof *values;
		s->bytes -= g->values == NULL ? 0 : (g->value_mask + 1) * sizeof *values;
		free(g->values);
		g->values = values;
		g->value_mask = size - 1;
		g->value_slots = g->distinct;
	}
	v = find_value(g->values, g->value_mask, value);
	g->value_slots += v->value == 0;
	g->distinct += v->uses == 0;
	v->value = value;
	v->uses++;
	return TSN_OK;
}

bool
tsn_group_has(const struct group *g, uint64_t value)
{
	return g->values != NULL && find_value(g->values, g->value_mask, value)->uses > 0;
}

static void
drop_first(struct group *g)
{
	const struct entry_hit *e = &g->entries[g->head];

	g->weight -= e->weight;
	g->sum -= e->number;
	if (g->counts) {
		struct value_uses *v = find_value(g->values, g->value_mask, e->value);

		g->distinct -= --v->uses == 0;
	}
	g->head++;
	if (--g->count == 0) {
		g->head = 0;
		g->sum = 0;
	}
}

void
tsn_group_clear(struct corr_state *s, struct group *g)
{
	if (g->values != NULL)
		s->bytes -= (g->value_mask + 1) * sizeof *g->values;
	free(g->values);
	g->values = NULL;
	g->value_mask = g->value_slots = g->distinct = 0;
	g->head = g->count = 0;
	g->weight = 0;
	g->sum = 0;
}

static enum tsn_code
room(struct corr_state *s, struct group *g)
{
	uint32_t cap = g->cap == 0 ? ENTRIES_FIRST : g->cap * 2;
	struct entry_hit *entries;

	if (g->head > 0 && g->head + g->count == g->cap && g->head >= g->cap / 4) {
		memmove(g->entries, g->entries + g->head, g->count * sizeof *g->entries);
		g->head = 0;
	}
	if (g->head + g->count < g->cap)
		return TSN_OK;
	if (g->count >= ENTRIES_MAX) {
		drop_first(g);
		s->stats.entries_dropped++;
		return room(s, g);
	}
	entries = realloc(g->entries, cap * sizeof *entries);
	if (entries == NULL)
		return TSN_ENOMEM;
	s->bytes += (cap - g->cap) * sizeof *entries;
	g->entries = entries;
	g->cap = cap;
	return TSN_OK;
}

static int
order(const struct entry_hit *e, const struct hit *hit)
{
	if (e->time_ns != hit->time_ns)
		return e->time_ns < hit->time_ns ? -1 : 1;
	if (e->id[0] != hit->id[0])
		return e->id[0] < hit->id[0] ? -1 : 1;
	if (e->id[1] != hit->id[1])
		return e->id[1] < hit->id[1] ? -1 : 1;
	return e->place < hit->place ? -1 : e->place > hit->place;
}

enum tsn_code
tsn_group_add(struct corr_state *s, struct group *g, const struct hit *hit, bool *ret_known)
{
	struct entry_hit *e;
	uint32_t at;

	*ret_known = false;
	TSN_TRY(room(s, g));
	e = g->entries + g->head;
	for (at = g->count; at > 0 && order(&e[at - 1], hit) > 0;)
		at--;
	if (at > 0 && order(&e[at - 1], hit) == 0) {
		*ret_known = true;
		return TSN_OK;
	}
	if (g->counts)
		TSN_TRY(use_value(s, g, hit->value));
	g->weight += hit->weight;
	g->sum += hit->number;
	memmove(&e[at + 1], &e[at], (g->count - at) * sizeof *e);
	e[at] = (struct entry_hit){.time_ns = hit->time_ns, .id = {hit->id[0], hit->id[1]},
	    .value = hit->value, .number = hit->number, .place = hit->place, .weight = hit->weight};
	g->count++;
	if (g->last_ns < hit->time_ns)
		g->last_ns = hit->time_ns;
	return TSN_OK;
}

void
tsn_group_drop_before(struct group *g, int64_t time_ns)
{
	while (g->count > 0 && g->entries[g->head].time_ns < time_ns)
		drop_first(g);
}

static void
put_seen(uint64_t *seen, uint32_t mask, uint64_t value)
{
	uint64_t at = tsn_hash_mix(value, 0x9e3779b97f4a7c15ull);

	while (seen[at & mask] != 0)
		at++;
	seen[at & mask] = value;
}

enum tsn_code
tsn_group_see(struct corr_state *s, struct group *g, uint64_t value, bool *ret_new)
{
	uint64_t at = tsn_hash_mix(value, 0x9e3779b97f4a7c15ull);

	*ret_new = false;
	for (; g->seen != NULL && g->seen[at & g->seen_mask] != 0; at++)
		if (g->seen[at & g->seen_mask] == value)
			return TSN_OK;
	*ret_new = true;
	if (g->seen == NULL || g->seen_count * 2 >= g->seen_mask) {
		uint32_t size = g->seen == NULL ? 8 : (g->seen_mask + 1) * 2;
		uint64_t *seen;

		if (size > SEEN_MAX) {
			s->stats.entries_dropped++;
			return TSN_OK;
		}
		seen = calloc(size, sizeof *seen);
		if (seen == NULL)
			return TSN_ENOMEM;
		for (uint32_t i = 0; g->seen != NULL && i <= g->seen_mask; i++)
			if (g->seen[i] != 0)
				put_seen(seen, size - 1, g->seen[i]);
		s->bytes += (size - (g->seen == NULL ? 0 : g->seen_mask + 1)) * sizeof *seen;
		free(g->seen);
		g->seen = seen;
		g->seen_mask = size - 1;
	}
	put_seen(g->seen, g->seen_mask, value);
	g->seen_count++;
	return TSN_OK;
}
