/* Documents that can be changed: maps, lists and the references into them. */
#include "pipeline/pev.h"

#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/num.h"

#define INDEX_FROM 16u
#define PAD_MAX 1024

bool
tsn_pv_map_new(struct tsn_arena *a, struct tsn_pv *ret)
{
	struct tsn_pv_map *m = tsn_arena_calloc(a, 1, sizeof *m);

	if (m == NULL)
		return false;
	*ret = (struct tsn_pv){.type = TSN_PV_MAP, .as.map = m};
	return true;
}

bool
tsn_pv_list_new(struct tsn_arena *a, struct tsn_pv *ret)
{
	struct tsn_pv_list *l = tsn_arena_calloc(a, 1, sizeof *l);

	if (l == NULL)
		return false;
	*ret = (struct tsn_pv){.type = TSN_PV_LIST, .as.list = l};
	return true;
}

static uint32_t
hash_name(struct tsn_slice name)
{
	return (uint32_t)tsn_hash_slice(name, 0x7473);
}

static bool
same(const struct tsn_pv_member *m, uint32_t hash, struct tsn_slice name)
{
	return m->hash == hash && tsn_slice_eq(m->name, name);
}

static void
index_add(struct tsn_pv_map *m, uint32_t place)
{
	uint32_t mask = m->index_cap - 1, at = m->members[place].hash & mask;

	while (m->index[at] != 0)
		at = (at + 1) & mask;
	m->index[at] = place + 1;
}

struct tsn_pv *
tsn_pv_map_find(const struct tsn_pv_map *m, struct tsn_slice name)
{
	uint32_t hash = hash_name(name);

	if (m->index != NULL) {
		uint32_t mask = m->index_cap - 1;

		for (uint32_t at = hash & mask; m->index[at] != 0; at = (at + 1) & mask)
			if (same(&m->members[m->index[at] - 1], hash, name))
				return &m->members[m->index[at] - 1].value;
		return NULL;
	}
	for (uint32_t i = 0; i < m->count; i++)
		if (same(&m->members[i], hash, name))
			return &m->members[i].value;
	return NULL;
}

static bool
map_grow(struct tsn_arena *a, struct tsn_pv_map *m)
{
	uint32_t cap = m->cap == 0 ? 8 : m->cap * 2;
	struct tsn_pv_member *members = tsn_arena_calloc(a, cap, sizeof *members);

	if (members == NULL)
		return false;
	if (m->count > 0)
		memcpy(members, m->members, m->count * sizeof *members);
	if (cap > INDEX_FROM) {
		m->index = tsn_arena_calloc(a, (size_t)cap * 2, sizeof *m->index);
		m->index_cap = cap * 2;
	}
	m->members = members;
	m->cap = cap;
	for (uint32_t i = 0; m->index != NULL && i < m->count; i++)
		index_add(m, i);
	return true;
}

bool
tsn_pv_map_put(struct tsn_arena *a, struct tsn_pv_map *m, struct tsn_slice name, struct tsn_pv v)
{
	struct tsn_pv *old = tsn_pv_map_find(m, name);

	if (old != NULL) {
		*old = v;
		return true;
	}
	if (m->count == m->cap && !map_grow(a, m))
		return false;
	m->members[m->count] = (struct tsn_pv_member){name, v, hash_name(name)};
	m->count++;
	if (m->index != NULL)
		index_add(m, m->count - 1);
	return true;
}

bool
tsn_pv_map_remove(struct tsn_pv_map *m, struct tsn_slice name, struct tsn_pv *ret)
{
	struct tsn_pv *v = tsn_pv_map_find(m, name);
	uint32_t place;

	if (v == NULL)
		return false;
	if (ret != NULL)
		*ret = *v;
	place = 0;
	while (&m->members[place].value != v)
		place++;
	memmove(&m->members[place], &m->members[place + 1],
	    (m->count - place - 1) * sizeof m->members[0]);
	m->count--;
	if (m->index != NULL) {
		memset(m->index, 0, m->index_cap * sizeof *m->index);
		for (uint32_t i = 0; i < m->count; i++)
			index_add(m, i);
	}
	return true;
}

bool
tsn_pv_list_add(struct tsn_arena *a, struct tsn_pv_list *l, struct tsn_pv v)
{
	if (l->count == l->cap) {
		uint32_t cap = l->cap == 0 ? 4 : l->cap * 2;
		struct tsn_pv *items = tsn_arena_calloc(a, cap, sizeof *items);

		if (items == NULL)
			return false;
		if (l->count > 0)
			memcpy(items, l->items, l->count * sizeof *items);
		l->items = items;
		l->cap = cap;
	}
	l->items[l->count++] = v;
	return true;
}

static bool
copy(struct tsn_arena *a, const struct tsn_pv *v, struct tsn_pv *ret, uint32_t depth)
{
	if (depth > TSN_NESTING_MAX)
		return false;
	*ret = *v;
	if (v->type == TSN_PV_LIST) {
		if (!tsn_pv_list_new(a, ret))
			return false;
		for (uint32_t i = 0; i < v->as.list->count; i++) {
			struct tsn_pv item;

			if (!copy(a, &v->as.list->items[i], &item, depth + 1) ||
			    !tsn_pv_list_add(a, ret->as.list, item))
				return false;
		}
	} else if (v->type == TSN_PV_MAP) {
		if (!tsn_pv_map_new(a, ret))
			return false;
		for (uint32_t i = 0; i < v->as.map->count; i++) {
			struct tsn_pv item;

			if (!copy(a, &v->as.map->members[i].value, &item, depth + 1) ||
			    !tsn_pv_map_put(a, ret->as.map, v->as.map->members[i].name, item))
				return false;
		}
	}
	return true;
}

bool
tsn_pv_copy(struct tsn_arena *a, const struct tsn_pv *v, struct tsn_pv *ret)
{
	return copy(a, v, ret, 0);
}

static bool
equal(const struct tsn_pv *a, const struct tsn_pv *b, uint32_t depth)
{
	if (a->type == TSN_PV_INT && b->type == TSN_PV_FLOAT)
		return (double)a->as.i == b->as.d;
	if (a->type == TSN_PV_FLOAT && b->type == TSN_PV_INT)
		return a->as.d == (double)b->as.i;
	if (a->type != b->type || depth > TSN_NESTING_MAX)
		return false;
	switch (a->type) {
	case TSN_PV_STR:
		return tsn_slice_eq(a->as.str, b->as.str);
	case TSN_PV_FLOAT:
		return a->as.d == b->as.d;
	case TSN_PV_INT:
	case TSN_PV_BOOL:
	case TSN_PV_TIME:
		return a->as.i == b->as.i;
	case TSN_PV_LIST:
		for (uint32_t i = 0; i < a->as.list->count && i < b->as.list->count; i++)
			if (!equal(&a->as.list->items[i], &b->as.list->items[i], depth + 1))
				return false;
		return a->as.list->count == b->as.list->count;
	case TSN_PV_MAP:
		for (uint32_t i = 0; i < a->as.map->count; i++) {
			const struct tsn_pv *other = tsn_pv_map_find(b->as.map, a->as.map->members[i].name);

			if (other == NULL || !equal(&a->as.map->members[i].value, other, depth + 1))
				return false;
		}
		return a->as.map->count == b->as.map->count;
	case TSN_PV_NULL:
	default:
		return true;
	}
}

bool
tsn_pv_equal(const struct tsn_pv *a, const struct tsn_pv *b)
{
	return equal(a, b, 0);
}

struct tsn_pev *
tsn_pev_new(struct tsn_arena *arena)
{
	struct tsn_pev *ev = tsn_arena_calloc(arena, 1, sizeof *ev);

	if (ev == NULL || !tsn_pv_map_new(arena, &ev->root) || !tsn_pv_map_new(arena, &ev->meta))
		return NULL;
	ev->arena = arena;
	return ev;
}

struct tsn_pev *
tsn_pev_clone(const struct tsn_pev *ev)
{
	struct tsn_pev *c = tsn_arena_calloc(ev->arena, 1, sizeof *c);

	if (c == NULL || !tsn_pv_copy(ev->arena, &ev->root, &c->root) ||
	    !tsn_pv_copy(ev->arena, &ev->meta, &c->meta))
		return NULL;
	c->arena = ev->arena;
	c->born_ns = ev->born_ns;
	c->offset = ev->offset;
	c->placed = ev->placed;
	c->parsed = ev->parsed;
	return c;
}

/* the parts between brackets; 0 when text is not [..][..] */
static uint32_t
brackets(struct tsn_slice text, struct tsn_slice parts[TSN_PREF_PARTS_MAX])
{
	uint32_t n = 0;

	for (size_t i = 0; i < text.len;) {
		size_t from = i + 1, to = from;

		while (to < text.len && text.ptr[to] != ']' && text.ptr[to] != '[')
			to++;
		if (text.ptr[i] != '[' || to == from || to >= text.len || text.ptr[to] != ']' ||
		    n == TSN_PREF_PARTS_MAX)
			return 0;
		parts[n++] = tsn_slice_of(text.ptr + from, to - from);
		i = to + 1;
	}
	return n;
}

bool
tsn_pref_parse(struct tsn_arena *arena, struct tsn_slice text, struct tsn_pref *ret)
{
	struct tsn_slice parts[TSN_PREF_PARTS_MAX];
	uint32_t n = brackets(text, parts), from;

	if (n == 0) {
		parts[0] = text;
		n = 1;
	}
	ret->text = text;
	ret->meta = tsn_slice_eq(parts[0], TSN_SLICE("@metadata"));
	from = ret->meta;
	ret->count = n - from;
	ret->parts = tsn_arena_calloc(arena, n, sizeof *ret->parts);
	if (ret->parts == NULL)
		return false;
	memcpy(ret->parts, parts + from, ret->count * sizeof *parts);
	return true;
}

static struct tsn_pv *
step(struct tsn_pv *v, struct tsn_slice part)
{
	int64_t i;

	if (v->type == TSN_PV_MAP)
		return tsn_pv_map_find(v->as.map, part);
	if (v->type != TSN_PV_LIST || tsn_num_parse_i64(part, &i) != TSN_OK)
		return NULL;
	if (i < 0)
		i += v->as.list->count;
	return i >= 0 && i < v->as.list->count ? &v->as.list->items[i] : NULL;
}

static struct tsn_pv *
walk(struct tsn_pev *ev, const struct tsn_pref *ref, uint32_t parts)
{
	struct tsn_pv *v = ref->meta ? &ev->meta : &ev->root;

	for (uint32_t i = 0; i < parts && v != NULL; i++)
		v = step(v, ref->parts[i]);
	return v;
}

struct tsn_pv *
tsn_pev_get(const struct tsn_pev *ev, const struct tsn_pref *ref)
{
	const struct tsn_pv *v = ref->meta ? &ev->meta : &ev->root;
	struct tsn_pv *at = NULL;

	if (ref->count == 0)
		return (struct tsn_pv *)(uintptr_t)v;
	at = v->type == TSN_PV_MAP ? tsn_pv_map_find(v->as.map, ref->parts[0]) : NULL;
	for (uint32_t i = 1; i < ref->count && at != NULL; i++)
		at = step(at, ref->parts[i]);
	return at;
}

static bool
put(struct tsn_arena *a, struct tsn_pv *at, struct tsn_slice part, struct tsn_pv v)
{
	int64_t i;

	if (at->type == TSN_PV_MAP)
		return tsn_pv_map_put(a, at->as.map, part, v);
	if (at->type != TSN_PV_LIST || tsn_num_parse_i64(part, &i) != TSN_OK)
		return false;
	if (i < 0)
		i += at->as.list->count;
	if (i < 0 || i > (int64_t)at->as.list->count + PAD_MAX)
		return false;
	while (at->as.list->count <= i)
		if (!tsn_pv_list_add(a, at->as.list, (struct tsn_pv){.type = TSN_PV_NULL}))
			return false;
	at->as.list->items[i] = v;
	return true;
}

bool
tsn_pev_set(struct tsn_pev *ev, const struct tsn_pref *ref, struct tsn_pv v)
{
	struct tsn_pv *at = ref->meta ? &ev->meta : &ev->root;

	if (ref->count == 0) {
		if (v.type != TSN_PV_MAP)
			return false;
		*at = v;
		return true;
	}
	for (uint32_t i = 0; i + 1 < ref->count; i++) {
		struct tsn_pv *below = step(at, ref->parts[i]);

		if (below == NULL) {
			struct tsn_pv map;

			if (!tsn_pv_map_new(ev->arena, &map) || !put(ev->arena, at, ref->parts[i], map))
				return false;
			below = step(at, ref->parts[i]);
		}
		if (below == NULL)
			return false;
		at = below;
	}
	return put(ev->arena, at, ref->parts[ref->count - 1], v);
}

bool
tsn_pev_remove(struct tsn_pev *ev, const struct tsn_pref *ref, struct tsn_pv *ret)
{
	struct tsn_pv *at, *v;

	if (ref->count == 0) {
		if (ret != NULL)
			*ret = ref->meta ? ev->meta : ev->root;
		return tsn_pv_map_new(ev->arena, ref->meta ? &ev->meta : &ev->root);
	}
	at = walk(ev, ref, ref->count - 1);
	if (at == NULL)
		return false;
	if (at->type == TSN_PV_MAP)
		return tsn_pv_map_remove(at->as.map, ref->parts[ref->count - 1], ret);
	v = step(at, ref->parts[ref->count - 1]);
	if (v == NULL)
		return false;
	if (ret != NULL)
		*ret = *v;
	memmove(v, v + 1, (size_t)(at->as.list->items + at->as.list->count - v - 1) * sizeof *v);
	at->as.list->count--;
	return true;
}

struct tsn_pv *
tsn_pev_find(const struct tsn_pev *ev, struct tsn_slice name)
{
	return tsn_pv_map_find(ev->root.as.map, name);
}

bool
tsn_pev_put(struct tsn_pev *ev, struct tsn_slice name, struct tsn_pv v)
{
	return tsn_pv_map_put(ev->arena, ev->root.as.map, name, v);
}

bool
tsn_pev_tag(struct tsn_pev *ev, struct tsn_slice tag)
{
	struct tsn_pv *tags = tsn_pev_find(ev, TSN_SLICE("tags"));
	struct tsn_pv v = tsn_pv_str(tag), list;

	if (tags == NULL || tags->type != TSN_PV_LIST) {
		if (tags != NULL && tsn_pv_equal(tags, &v))
			return true;
		if (!tsn_pv_list_new(ev->arena, &list))
			return false;
		if (tags != NULL && tags->type != TSN_PV_NULL &&
		    !tsn_pv_list_add(ev->arena, list.as.list, *tags))
			return false;
		return tsn_pv_list_add(ev->arena, list.as.list, v) &&
		    tsn_pev_put(ev, TSN_SLICE("tags"), list);
	}
	for (uint32_t i = 0; i < tags->as.list->count; i++)
		if (tsn_pv_equal(&tags->as.list->items[i], &v))
			return true;
	return tsn_pv_list_add(ev->arena, tags->as.list, v);
}
