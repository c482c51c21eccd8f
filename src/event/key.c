/*
 * An append-only open-addressing table.  A slot holds the key's number once the entry behind it is
 * complete (release store), so readers need no lock; writers take one.
 */
#include "event/key.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/limits.h"

#define SLOTS (TSN_KEYS_MAX * 2)
#define NAME_BYTES_MAX (16u << 20)

struct entry {
	struct tsn_slice name;
	uint64_t hash;
	tsn_key parent;
};

struct tsn_keys {
	_Atomic(uint32_t) slots[SLOTS];
	struct entry entries[TSN_KEYS_MAX];
	_Atomic(uint32_t) count;
	struct tsn_arena names;
	pthread_mutex_t lock;
};

static const struct {
	const char *name;
} wellknown[] = {
	{""},
#define TSN_WELLKNOWN(symbol, name) {name},
#include "event/wellknown.def"
#undef TSN_WELLKNOWN
};

static tsn_key
find(const struct tsn_keys *k, struct tsn_slice path, uint64_t hash)
{
	for (uint64_t i = hash;; i++) {
		uint32_t key = atomic_load_explicit(&k->slots[i % SLOTS], memory_order_acquire);

		if (key == 0)
			return TSN_KEY_NONE;
		if (k->entries[key].hash == hash && tsn_slice_eq(k->entries[key].name, path))
			return key;
	}
}

static size_t
last_dot(struct tsn_slice path)
{
	for (size_t i = path.len; i > 0; i--)
		if (path.ptr[i - 1] == '.')
			return i - 1;
	return SIZE_MAX;
}

/* Called with the lock held, after find() said no; the parent is there already. */
static tsn_key
insert(struct tsn_keys *k, struct tsn_slice path, uint64_t hash, tsn_key parent)
{
	uint32_t key = atomic_load_explicit(&k->count, memory_order_relaxed);
	struct tsn_slice name;
	uint64_t i = hash;

	if (key >= TSN_KEYS_MAX)
		return TSN_KEY_NONE;
	name = tsn_arena_dup(&k->names, path);
	if (name.ptr == NULL)
		return TSN_KEY_NONE;
	k->entries[key] = (struct entry){name, hash, parent};
	while (atomic_load_explicit(&k->slots[i % SLOTS], memory_order_relaxed) != 0)
		i++;
	atomic_store_explicit(&k->count, key + 1, memory_order_release);
	atomic_store_explicit(&k->slots[i % SLOTS], key, memory_order_release);
	return key;
}

/* Interns each prefix that ends before a dot, then the path: "a", "a.b", "a.b.c". */
static tsn_key
insert_chain(struct tsn_keys *k, struct tsn_slice path)
{
	tsn_key parent = TSN_KEY_ROOT, key = TSN_KEY_NONE;

	for (size_t end = 1; end <= path.len; end++) {
		struct tsn_slice part = {path.ptr, end};
		uint64_t hash;

		if (end < path.len && path.ptr[end] != '.')
			continue;
		hash = tsn_hash_slice(part, 0);
		key = find(k, part, hash);
		if (key == TSN_KEY_NONE)
			key = insert(k, part, hash, parent);
		if (key == TSN_KEY_NONE)
			return TSN_KEY_NONE;
		parent = key;
	}
	return key;
}

struct tsn_keys *
tsn_keys_new(void)
{
	struct tsn_keys *k = calloc(1, sizeof *k);

	if (k == NULL)
		return NULL;
	tsn_arena_init(&k->names, NAME_BYTES_MAX);
	if (pthread_mutex_init(&k->lock, NULL) != 0) {
		free(k);
		return NULL;
	}
	/* Well-known keys get their numbers first; their parents follow behind. */
	atomic_store(&k->count, 1);
	for (tsn_key key = 1; key < TSN_KEY_WELLKNOWN_END; key++) {
		struct tsn_slice name = tsn_slice_cstr(wellknown[key].name);

		if (insert(k, name, tsn_hash_slice(name, 0), TSN_KEY_ROOT) != key) {
			tsn_keys_free(k);
			return NULL;
		}
	}
	for (tsn_key key = 1; key < TSN_KEY_WELLKNOWN_END; key++) {
		size_t dot = last_dot(k->entries[key].name);

		if (dot == SIZE_MAX)
			continue;
		k->entries[key].parent =
		    insert_chain(k, (struct tsn_slice){k->entries[key].name.ptr, dot});
		if (k->entries[key].parent == TSN_KEY_NONE) {
			tsn_keys_free(k);
			return NULL;
		}
	}
	return k;
}

void
tsn_keys_free(struct tsn_keys *k)
{
	if (k == NULL)
		return;
	tsn_arena_done(&k->names);
	(void)pthread_mutex_destroy(&k->lock);
	free(k);
}

tsn_key
tsn_keys_find(const struct tsn_keys *k, struct tsn_slice path)
{
	return path.len == 0 ? TSN_KEY_NONE : find(k, path, tsn_hash_slice(path, 0));
}

tsn_key
tsn_keys_intern(struct tsn_keys *k, struct tsn_slice path)
{
	tsn_key key = tsn_keys_find(k, path);

	if (key != TSN_KEY_NONE || path.len == 0 || path.len > TSN_KEY_BYTES_MAX)
		return key;
	(void)pthread_mutex_lock(&k->lock);
	key = insert_chain(k, path);
	(void)pthread_mutex_unlock(&k->lock);
	return key;
}

tsn_key
tsn_keys_child(struct tsn_keys *k, tsn_key parent, struct tsn_slice name)
{
	char path[TSN_KEY_BYTES_MAX];
	struct tsn_slice above;

	if (parent == TSN_KEY_ROOT)
		return tsn_keys_intern(k, name);
	above = tsn_keys_name(k, parent);
	if (name.len == 0 || above.len + 1 + name.len > sizeof path)
		return TSN_KEY_NONE;
	memcpy(path, above.ptr, above.len);
	path[above.len] = '.';
	memcpy(path + above.len + 1, name.ptr, name.len);
	return tsn_keys_intern(k, (struct tsn_slice){path, above.len + 1 + name.len});
}

struct tsn_slice
tsn_keys_name(const struct tsn_keys *k, tsn_key key)
{
	TSN_ASSERT(key < tsn_keys_count(k));
	return k->entries[key].name;
}

tsn_key
tsn_keys_parent(const struct tsn_keys *k, tsn_key key)
{
	TSN_ASSERT(key < tsn_keys_count(k));
	return k->entries[key].parent;
}

bool
tsn_keys_under(const struct tsn_keys *k, tsn_key key, tsn_key ancestor)
{
	while (key != ancestor && key != TSN_KEY_ROOT)
		key = k->entries[key].parent;
	return key == ancestor;
}

uint32_t
tsn_keys_count(const struct tsn_keys *k)
{
	return atomic_load_explicit(&k->count, memory_order_acquire);
}
