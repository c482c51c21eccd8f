/* Written field names of a view to refs; equal lists of paths are one ref, keys get slots. */
#include "detect/compile_int.h"

#include <stdlib.h>

#include "base/assert.h"

static enum tsn_code
out_of_memory(struct compiler *c)
{
	TSN_FAIL(c->err, TSN_ENOMEM, "out of memory");
}

static enum tsn_code
slot_for(struct compiler *c, tsn_key key, uint16_t *ret)
{
	struct plan *p = c->p;

	TSN_ASSERT(key < TSN_KEYS_MAX);
	if (c->slot_of[key] == SLOT_NONE) {
		if (p->slot_count == PLAN_SLOTS_MAX)
			TSN_FAIL(c->err, TSN_ELIMIT, "too many different fields");
		c->slot_of[key] = (uint16_t)p->slot_count++;
		if (key >= p->slot_of_count)
			p->slot_of_count = key + 1;
	}
	*ret = c->slot_of[key];
	return TSN_OK;
}

static enum tsn_code
new_ref(struct compiler *c, const struct tsn_path *paths, uint32_t count, uint64_t hash,
    uint32_t *ret)
{
	struct tsn_arena *arena = &c->p->arena;
	struct ref *r = tsn_arena_calloc(arena, 1, sizeof *r);

	if (r == NULL || !tsn_vec_room((void **)&c->refs, &c->ref_cap, c->ref_count + 1,
	    sizeof(struct ref *)))
		return out_of_memory(c);
	r->count = count;
	r->paths = tsn_arena_calloc(arena, count + 1, sizeof *r->paths);
	r->slots = tsn_arena_calloc(arena, count + 1, sizeof *r->slots);
	if (r->paths == NULL || r->slots == NULL)
		return out_of_memory(c);
	for (uint32_t i = 0; i < count; i++) {
		r->paths[i] = paths[i];
		r->indexed |= paths[i].index_count > 0;
		TSN_TRY(slot_for(c, paths[i].key, &r->slots[i]));
	}
	if (!tsn_map_put(&c->ref_map, hash, c->ref_count))
		return out_of_memory(c);
	*ret = c->ref_count;
	c->refs[c->ref_count++] = r;
	return TSN_OK;
}

static enum tsn_code
intern_ref(struct compiler *c, const struct tsn_path *paths, uint32_t count, uint32_t *ret)
{
	uint64_t hash = tsn_hash_bytes((const char *)paths, count * sizeof *paths, count);
	uint32_t at = 0;

	while (tsn_map_next(&c->ref_map, hash, &at, ret))
		if (c->refs[*ret]->count == count &&
		    memcmp(c->refs[*ret]->paths, paths, count * sizeof *paths) == 0)
			return TSN_OK;
	return new_ref(c, paths, count, hash, ret);
}

/* A name that does not parse as a path ("Foo[") is the name of a field as it stands. */
static enum tsn_code
path_of(struct compiler *c, struct tsn_slice text, struct tsn_path *ret)
{
	memset(ret, 0, sizeof *ret);
	if (tsn_path_parse(c->set->keys, text, ret, c->err) == TSN_OK)
		return TSN_OK;
	memset(ret, 0, sizeof *ret);
	ret->key = tsn_keys_intern(c->set->keys, text);
	if (ret->key == TSN_KEY_NONE)
		TSN_FAIL(c->err, TSN_ELIMIT, "field name is too long, or there are too many");
	return TSN_OK;
}

static enum tsn_code
resolve(struct compiler *c, struct tsn_slice name, uint32_t *ret)
{
	struct tsn_slice texts[TSN_VIEW_PATHS_MAX];
	struct tsn_path paths[TSN_VIEW_PATHS_MAX];
	uint32_t n = tsn_view_resolve(c->view, name, &c->scratch, texts);

	if (n == 0)
		return out_of_memory(c);
	for (uint32_t i = 0; i < n; i++)
		TSN_TRY(path_of(c, texts[i], &paths[i]));
	return intern_ref(c, paths, n, ret);
}

enum tsn_code
tsn_compile_ref(struct compiler *c, struct tsn_slice name, const struct ref **ret)
{
	uint64_t hash = tsn_hash_slice(name, c->view->index);
	uint32_t at = 0, i, ref;

	while (tsn_map_next(&c->name_map, hash, &at, &i)) {
		if (c->names[i].view == c->view && tsn_slice_eq(c->names[i].name, name)) {
			*ret = c->refs[c->names[i].ref];
			return TSN_OK;
		}
	}
	TSN_TRY(resolve(c, name, &ref));
	if (!tsn_vec_room((void **)&c->names, &c->name_cap, c->name_count + 1, sizeof *c->names) ||
	    !tsn_map_put(&c->name_map, hash, c->name_count))
		return out_of_memory(c);
	c->names[c->name_count++] = (struct known_name){c->view, name, ref};
	*ret = c->refs[ref];
	return TSN_OK;
}

enum tsn_code
tsn_compile_record(struct compiler *c, const struct ref **ret)
{
	if (c->record == NULL) {
		c->record = tsn_arena_calloc(&c->p->arena, 1, sizeof *c->record);
		if (c->record == NULL)
			return out_of_memory(c);
		c->record->record = true;
	}
	*ret = c->record;
	return TSN_OK;
}
