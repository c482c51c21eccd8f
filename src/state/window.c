/*
 * Open addressing by the key's hash over indexes of a slab of keys; the slab is threaded into a
 * list by recency.  Each key has a growing array of entries ordered by time.
 */
#include "state/window.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/time.h"

#define NONE UINT32_MAX
#define KEYS_FIRST 64u
/* Room behind a full key's entries, so that they are moved once in so many additions. */
#define SPARE (TSN_WINDOW_ENTRIES_MAX / 4)

struct entry {
	int64_t time_ns;
	uint64_t tag;
	uint32_t weight;
};

struct key {
	char *text;
	size_t text_len;
	uint64_t hash;
	struct entry *entries;
	uint32_t first, count, cap;	/* entries[first], count of them */
	uint32_t newer, older;	/* neighbours by recency; `older` links free keys too */
};

struct tsn_window {
	struct tsn_window_options options;
	struct key *keys;
	uint32_t key_count, key_cap;
	uint32_t *slots;	/* index + 1; a power of two, at most half full */
	uint32_t slot_count;
	uint32_t newest, oldest;
	uint64_t evicted;
	uint64_t seen[TSN_WINDOW_ENTRIES_MAX * 2];	/* scratch: a set of tags */
};

struct tsn_window *
tsn_window_new(const struct tsn_window_options *options)
{
	struct tsn_window *w = calloc(1, sizeof *w);

	TSN_ASSERT(options->span_ns > 0 && options->keys_max > 0);
	if (w == NULL)
		return NULL;
	w->options = *options;
	w->newest = w->oldest = NONE;
	return w;
}

void
tsn_window_free(struct tsn_window *w)
{
	if (w == NULL)
		return;
	for (uint32_t i = 0; i < w->key_count; i++) {
		free(w->keys[i].text);
		free(w->keys[i].entries);
	}
	free(w->keys);
	free(w->slots);
	free(w);
}

static uint32_t
find(const struct tsn_window *w, struct tsn_slice text, uint64_t hash)
{
	uint32_t mask = w->slot_count - 1;

	if (w->slot_count == 0)
		return NONE;
	for (uint32_t i = (uint32_t)hash & mask; w->slots[i] != 0; i = (i + 1) & mask) {
		const struct key *k = &w->keys[w->slots[i] - 1];

		if (k->hash == hash && tsn_slice_eq(tsn_slice_of(k->text, k->text_len), text))
			return w->slots[i] - 1;
	}
	return NONE;
}

static void
place(struct tsn_window *w, uint32_t idx)
{
	uint32_t mask = w->slot_count - 1, i = (uint32_t)w->keys[idx].hash & mask;

	while (w->slots[i] != 0)
		i = (i + 1) & mask;
	w->slots[i] = idx + 1;
}

/* Linear probing without tombstones: entries behind the hole move up where they may. */
static void
unplace(struct tsn_window *w, uint32_t idx)
{
	uint32_t mask = w->slot_count - 1, i = (uint32_t)w->keys[idx].hash & mask;

	while (w->slots[i] != idx + 1)
		i = (i + 1) & mask;
	for (uint32_t j = (i + 1) & mask; w->slots[j] != 0; j = (j + 1) & mask) {
		uint32_t home = (uint32_t)w->keys[w->slots[j] - 1].hash & mask;

		if (((j - home) & mask) >= ((j - i) & mask)) {
			w->slots[i] = w->slots[j];
			i = j;
		}
	}
	w->slots[i] = 0;
}

static void
unlink_key(struct tsn_window *w, uint32_t idx)
{
	struct key *k = &w->keys[idx];

	if (k->newer == NONE)
		w->newest = k->older;
	else
		w->keys[k->newer].older = k->older;
	if (k->older == NONE)
		w->oldest = k->newer;
	else
		w->keys[k->older].newer = k->newer;
}

static void
link_newest(struct tsn_window *w, uint32_t idx)
{
	w->keys[idx].newer = NONE;
	w->keys[idx].older = w->newest;
	if (w->newest != NONE)
		w->keys[w->newest].newer = idx;
	else
		w->oldest = idx;
	w->newest = idx;
}

static bool
grow(struct tsn_window *w)
{
	uint32_t cap = w->key_cap == 0 ? KEYS_FIRST : w->key_cap * 2;
	struct key *keys;
	uint32_t *slots;

	if (cap > w->options.keys_max)
		cap = w->options.keys_max;
	keys = realloc(w->keys, cap * sizeof *keys);
	if (keys == NULL)
		return false;
	w->keys = keys;
	if (w->slot_count < cap * 2) {
		uint32_t slot_count = 1;

		while (slot_count < cap * 2)
			slot_count *= 2;
		slots = calloc(slot_count, sizeof *slots);
		if (slots == NULL)
			return false;
		free(w->slots);
		w->slots = slots;
		w->slot_count = slot_count;
		for (uint32_t i = 0; i < w->key_count; i++)
			place(w, i);
	}
	w->key_cap = cap;
	return true;
}

/* A slot for a new key: a fresh one, or the one that was touched longest ago. */
static uint32_t
take(struct tsn_window *w)
{
	uint32_t idx;

	if (w->key_count < w->options.keys_max) {
		if (w->key_count == w->key_cap && !grow(w))
			return NONE;
		idx = w->key_count++;
		w->keys[idx] = (struct key){.newer = NONE, .older = NONE};
		return idx;
	}
	idx = w->oldest;
	unlink_key(w, idx);
	unplace(w, idx);
	free(w->keys[idx].text);
	w->keys[idx].text = NULL;
	w->keys[idx].first = w->keys[idx].count = 0;
	w->evicted++;
	return idx;
}

static uint32_t
find_or_add(struct tsn_window *w, struct tsn_slice text)
{
	uint64_t hash = tsn_hash_slice(text, (uint64_t)(uintptr_t)w);
	uint32_t idx = find(w, text, hash);
	char *copy;

	if (idx != NONE) {
		unlink_key(w, idx);
		link_newest(w, idx);
		return idx;
	}
	copy = malloc(text.len == 0 ? 1 : text.len);
	if (copy == NULL)
		return NONE;
	idx = take(w);
	if (idx == NONE) {
		free(copy);
		return NONE;
	}
	if (text.len > 0)
		memcpy(copy, text.ptr, text.len);
	w->keys[idx].text = copy;
	w->keys[idx].text_len = text.len;
	w->keys[idx].hash = hash;
	place(w, idx);
	link_newest(w, idx);
	return idx;
}

static struct entry *
entries_of(const struct key *k)
{
	return k->entries + k->first;
}

static void
expire(const struct tsn_window *w, struct key *k, int64_t now_ns)
{
	while (k->count > 0 && entries_of(k)->time_ns <= now_ns - w->options.span_ns) {
		k->first++;
		k->count--;
	}
}

/* One more behind the last: by giving up the oldest, by moving all to the front, by growing. */
static bool
room(struct key *k)
{
	uint32_t cap = k->cap == 0 ? 4 : k->cap * 2;
	struct entry *entries;

	if (k->count == TSN_WINDOW_ENTRIES_MAX) {
		k->first++;
		k->count--;
	}
	if (k->first + k->count < k->cap)
		return true;
	if (k->first > 0 && (k->first >= k->cap / 4 || k->cap >= TSN_WINDOW_ENTRIES_MAX + SPARE)) {
		memmove(k->entries, entries_of(k), k->count * sizeof *k->entries);
		k->first = 0;
		return true;
	}
	if (cap > TSN_WINDOW_ENTRIES_MAX + SPARE)
		cap = TSN_WINDOW_ENTRIES_MAX + SPARE;
	entries = realloc(k->entries, cap * sizeof *entries);
	if (entries == NULL)
		return false;
	k->entries = entries;
	k->cap = cap;
	return true;
}

enum tsn_code
tsn_window_add(struct tsn_window *w, struct tsn_slice key, int64_t time_ns, uint32_t weight,
    uint64_t tag)
{
	uint32_t idx = find_or_add(w, key), at;
	struct entry *list;
	struct key *k;

	if (idx == NONE)
		return TSN_ENOMEM;
	k = &w->keys[idx];
	if (k->count > 0 && entries_of(k)[k->count - 1].time_ns <= time_ns)
		expire(w, k, time_ns);
	if (!room(k))
		return TSN_ENOMEM;
	list = entries_of(k);
	for (at = k->count; at > 0 && list[at - 1].time_ns > time_ns; at--)
		list[at] = list[at - 1];
	list[at] = (struct entry){time_ns, tag, weight};
	k->count++;
	return TSN_OK;
}

static struct key *
touch(struct tsn_window *w, struct tsn_slice text)
{
	uint32_t idx = find(w, text, tsn_hash_slice(text, (uint64_t)(uintptr_t)w));

	if (idx == NONE)
		return NULL;
	unlink_key(w, idx);
	link_newest(w, idx);
	return &w->keys[idx];
}

static bool
inside(const struct tsn_window *w, const struct entry *e, int64_t now_ns)
{
	return e->time_ns > now_ns - w->options.span_ns && e->time_ns <= now_ns;
}

uint64_t
tsn_window_sum(struct tsn_window *w, struct tsn_slice key, int64_t now_ns)
{
	const struct key *k = touch(w, key);
	uint64_t sum = 0;

	for (uint32_t i = 0; k != NULL && i < k->count; i++)
		if (inside(w, &entries_of(k)[i], now_ns))
			sum += entries_of(k)[i].weight;
	return sum;
}

uint32_t
tsn_window_distinct(struct tsn_window *w, struct tsn_slice key, int64_t now_ns)
{
	const struct key *k = touch(w, key);
	const uint32_t mask = TSN_COUNT(w->seen) - 1;
	uint32_t distinct = 0;

	memset(w->seen, 0, sizeof w->seen);
	for (uint32_t i = 0; k != NULL && i < k->count; i++) {
		uint64_t tag = entries_of(k)[i].tag == 0 ? 1 : entries_of(k)[i].tag;
		uint32_t at = (uint32_t)tsn_hash_mix(tag, 0x9e3779b97f4a7c15ull) & mask;

		if (!inside(w, &entries_of(k)[i], now_ns))
			continue;
		while (w->seen[at] != 0 && w->seen[at] != tag)
			at = (at + 1) & mask;
		distinct += w->seen[at] == 0;
		w->seen[at] = tag;
	}
	return distinct;
}

int64_t
tsn_window_first(struct tsn_window *w, struct tsn_slice key, int64_t now_ns)
{
	const struct key *k = touch(w, key);

	for (uint32_t i = 0; k != NULL && i < k->count; i++)
		if (inside(w, &entries_of(k)[i], now_ns))
			return entries_of(k)[i].time_ns;
	return TSN_TIME_NONE;
}

uint64_t
tsn_window_evicted(const struct tsn_window *w)
{
	return w->evicted;
}

uint32_t
tsn_window_keys(const struct tsn_window *w)
{
	return w->key_count;
}
