#include "store/tmpl_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/num.h"

#define SLOTS_FIRST 1024u

enum tsn_code
tmpl_table_init(struct tmpl_table *t, size_t bytes_max)
{
	*t = (struct tmpl_table){.slot_count = SLOTS_FIRST};
	t->slots = calloc(t->slot_count, sizeof *t->slots);
	if (t->slots == NULL)
		return TSN_ENOMEM;
	tsn_arena_init(&t->arena, bytes_max);
	return TSN_OK;
}

void
tmpl_table_done(struct tmpl_table *t)
{
	if (t == NULL)
		return;
	free(t->slots);
	free(t->list);
	tsn_arena_done(&t->arena);
	*t = (struct tmpl_table){0};
}

void
tmpl_table_reset(struct tmpl_table *t)
{
	size_t cap = t->arena.cap;

	memset(t->slots, 0, t->slot_count * sizeof *t->slots);
	t->count = 0;
	tsn_arena_done(&t->arena);
	tsn_arena_init(&t->arena, cap);
}

static bool
grow_list(struct tmpl_table *t)
{
	uint32_t cap = t->cap == 0 ? 256 : t->cap * 2;
	struct tmpl **list = realloc(t->list, cap * sizeof(struct tmpl *));

	if (list == NULL)
		return false;
	t->list = list;
	t->cap = cap;
	return true;
}

static bool
grow_slots(struct tmpl_table *t)
{
	uint32_t n = t->slot_count * 2;
	struct tmpl **slots = calloc(n, sizeof(struct tmpl *));

	if (slots == NULL)
		return false;
	for (uint32_t i = 0; i < t->count; i++) {
		uint64_t at = t->list[i]->hash;

		while (slots[at & (n - 1)] != NULL)
			at++;
		slots[at & (n - 1)] = t->list[i];
	}
	free(t->slots);
	t->slots = slots;
	t->slot_count = n;
	return true;
}

bool
tmpl_num_of_text(uint8_t type, struct tsn_slice text, uint64_t *ret_bits)
{
	int64_t i;
	double d;

	if (type == TSN_T_INT) {
		if (tsn_num_parse_i64(text, &i) != TSN_OK)
			return false;
		*ret_bits = (uint64_t)i;
		return true;
	}
	if (type == TSN_T_UINT)
		return tsn_num_parse_u64(text, ret_bits) == TSN_OK;
	if (type == TSN_T_FLOAT) {
		if (tsn_num_parse_f64(text, &d) != TSN_OK)
			return false;
		memcpy(ret_bits, &d, sizeof d);
		return true;
	}
	if (type == TSN_T_BOOL && (text.len == 4 || text.len == 5)) {
		*ret_bits = text.len == 4;
		return tsn_slice_eq(text, text.len == 4 ? TSN_SLICE("true") : TSN_SLICE("false"));
	}
	return false;
}

/* ---- signature to template ---- */

static enum tsn_code
parse_elems(struct bin *r, struct tmpl *t, struct tsn_arena *a)
{
	t->elem_count = bin_u32(r);
	if (r->bad || t->elem_count > bin_left(r))
		return TSN_ECORRUPT;
	t->elems = tsn_arena_calloc(a, t->elem_count + 1, sizeof *t->elems);
	if (t->elems == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < t->elem_count; i++) {
		struct elem *e = &t->elems[i];

		e->kind = bin_u8(r);
		if (e->kind == ELEM_STATIC) {
			e->len = bin_u32(r);
			e->ptr = (const char *)bin_take(r, e->len);
		} else if (e->kind == ELEM_SLOT) {
			if (t->slot_count >= TMPL_SLOTS_MAX)
				return TSN_ECORRUPT;
			e->slot = t->slot_count;
			t->slots[t->slot_count++] = (struct slot){.key = bin_u32(r), .elem = i};
		} else if (e->kind == ELEM_TIME) {
			e->time = (struct timetext){.form = bin_u8(r)};
			e->time.digits = bin_u8(r);
			e->time.comma = bin_u8(r) != 0;
			e->time.tz_sec = (int32_t)bin_u32(r);
			if (e->time.form >= TIMETEXT__COUNT || e->time.digits > 9 ||
			    e->time.tz_sec < -86400 || e->time.tz_sec > 86400)
				return TSN_ECORRUPT;
			e->len = (uint32_t)timetext_len(&e->time);
		} else {
			return TSN_ECORRUPT;
		}
		if (r->bad)
			return TSN_ECORRUPT;
	}
	return TSN_OK;
}

static void
parse_const(struct bin *r, struct tmpl_field *f)
{
	f->has_text = bin_u8(r) != 0;
	f->text.len = bin_u32(r);
	f->text.ptr = (const char *)bin_take(r, f->text.len);
	f->num = bin_u64(r);
}

static void
parse_span(struct bin *r, struct tmpl *t, struct tmpl_field *f)
{
	for (unsigned i = 0; i < 2; i++) {
		f->elem[i] = bin_u32(r);
		f->at[i] = bin_u32(r);
		if (f->elem[i] > t->elem_count)
			r->bad = true;
	}
}

static void
add_slot(struct bin *r, struct tmpl *t, tsn_key key, bool is_num, uint32_t *ret_slot)
{
	if (t->slot_count >= TMPL_SLOTS_MAX) {
		r->bad = true;
		return;
	}
	*ret_slot = t->slot_count;
	t->slots[t->slot_count++] = (struct slot){key, UINT32_MAX, is_num};
}

static void
parse_field(struct bin *r, struct tmpl *t, struct tmpl_field *f)
{
	f->key = bin_u32(r);
	f->pos = bin_u32(r);
	f->type = bin_u8(r);
	f->flags = bin_u8(r);
	f->from = bin_u8(r);
	f->num_from = bin_u8(r);
	if (f->type >= TSN_T__COUNT || f->from >= FROM__COUNT || f->num_from >= NUM__COUNT ||
	    f->pos > t->pos_count)
		r->bad = true;
	if (r->bad)
		return;
	if (f->from == FROM_CONST) {
		parse_const(r, f);
	} else if (f->from == FROM_SLOT || f->from == FROM_ESCAPED) {
		f->slot = bin_u32(r);
		if (f->slot == UINT32_MAX)
			add_slot(r, t, f->key, false, &f->slot);
		if (f->slot >= t->slot_count || t->slots[f->slot].is_num)
			r->bad = true;
	} else if (f->from == FROM_SPAN) {
		parse_span(r, t, f);
	} else if (f->from == FROM_RUN) {
		uint32_t second;

		add_slot(r, t, 0, true, &f->slot);
		add_slot(r, t, 0, true, &second);
	} else if (f->from == FROM_NUM) {
		add_slot(r, t, f->key, true, &f->slot);
	}
	if (f->num_from == NUM_SLOT)
		add_slot(r, t, f->key, true, &f->num_slot);
}

static enum tsn_code
parse_head(struct bin *r, struct tmpl *t, struct tsn_arena *a)
{
	t->flags = bin_u32(r);
	t->repeats = bin_u8(r) != 0;
	t->dataset.len = bin_u32(r);
	t->dataset.ptr = (const char *)bin_take(r, t->dataset.len);
	t->pos_count = bin_u32(r);
	if (r->bad || t->pos_count > bin_left(r) / 12)
		return TSN_ECORRUPT;
	t->pos = tsn_arena_calloc(a, t->pos_count + 1, sizeof *t->pos);
	if (t->pos == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < t->pos_count; i++) {
		t->pos[i].parent = bin_u32(r);
		t->pos[i].list = bin_u32(r);
		t->pos[i].index = bin_u32(r);
		if (t->pos[i].parent > i)
			return TSN_ECORRUPT;
	}
	return TSN_OK;
}

static enum tsn_code
parse_tmpl(struct tmpl *t, struct slot slots[TMPL_SLOTS_MAX], struct tsn_arena *a)
{
	struct bin r = bin_of(t->sig.ptr, t->sig.len);
	uint32_t repeat_slot;

	t->slots = slots;
	TSN_TRY(parse_head(&r, t, a));
	TSN_TRY(parse_elems(&r, t, a));
	t->field_count = bin_u32(&r);
	if (r.bad || t->field_count > bin_left(&r) / 12)
		return TSN_ECORRUPT;
	t->fields = tsn_arena_calloc(a, t->field_count + 1, sizeof *t->fields);
	if (t->fields == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < t->field_count && !r.bad; i++)
		parse_field(&r, t, &t->fields[i]);
	if (t->repeats)
		add_slot(&r, t, 0, true, &repeat_slot);
	if (r.bad || bin_left(&r) != 0)
		return TSN_ECORRUPT;
	t->slots = tsn_arena_calloc(a, t->slot_count + 1, sizeof *t->slots);
	if (t->slots == NULL)
		return TSN_ENOMEM;
	memcpy(t->slots, slots, t->slot_count * sizeof *slots);
	return TSN_OK;
}

static enum tsn_code
make(struct tmpl_table *t, struct tsn_slice sig, uint64_t hash, struct tmpl **ret_tmpl)
{
	struct tmpl *m = tsn_arena_calloc(&t->arena, 1, sizeof *m);
	struct slot *scratch;
	enum tsn_code rc;

	if (m == NULL)
		return TSN_ENOMEM;
	m->sig = tsn_arena_dup(&t->arena, sig);
	scratch = malloc(TMPL_SLOTS_MAX * sizeof *scratch);
	if (m->sig.ptr == NULL || scratch == NULL) {
		free(scratch);
		return TSN_ENOMEM;
	}
	m->hash = hash;
	rc = parse_tmpl(m, scratch, &t->arena);
	free(scratch);
	if (rc == TSN_OK)
		*ret_tmpl = m;
	return rc;
}

static struct tmpl *
find(const struct tmpl_table *t, struct tsn_slice sig, uint64_t hash)
{
	struct tmpl *m;

	for (uint64_t at = hash; (m = t->slots[at & (t->slot_count - 1)]) != NULL; at++)
		if (m->hash == hash && tsn_slice_eq(m->sig, sig))
			return m;
	return NULL;
}

struct tmpl *
tmpl_find(const struct tmpl_table *t, struct tsn_slice sig)
{
	return find(t, sig, tsn_hash_slice(sig, 0));
}

enum tsn_code
tmpl_intern(struct tmpl_table *t, struct tsn_slice sig, struct tmpl **ret_tmpl)
{
	uint64_t hash = tsn_hash_slice(sig, 0), at;
	struct tmpl *m = find(t, sig, hash);

	if (m != NULL) {
		*ret_tmpl = m;
		return TSN_OK;
	}
	if ((t->count == t->cap && !grow_list(t)) ||
	    (t->count * 2 >= t->slot_count && !grow_slots(t)))
		return TSN_ENOMEM;
	TSN_TRY(make(t, sig, hash, &m));
	for (at = hash; t->slots[at & (t->slot_count - 1)] != NULL;)
		at++;
	t->slots[at & (t->slot_count - 1)] = m;
	m->id = t->count;
	t->list[t->count++] = m;
	*ret_tmpl = m;
	return TSN_OK;
}

/* ---- replacing keys: the places of keys are found by the same walk as above ---- */

static void
rekey_at(struct tsn_buf *out, struct tsn_slice sig, struct bin *r, struct key_map *map)
{
	size_t at = (size_t)((const char *)r->at - sig.ptr);
	uint32_t key = bin_u32(r);

	if (key == 0 || key == TSN_KEY_NONE || r->bad)
		return;
	if (key >= map->count) {
		r->bad = true;
		return;
	}
	if (map->list != NULL && map->to[key] == TSN_KEY_NONE) {
		map->list[map->list_count++] = key;
		map->to[key] = map->list_count;
	}
	bin_store32(out->ptr + at, map->to[key]);
}

static void
rekey_field(struct tsn_buf *out, struct tsn_slice sig, struct bin *r, struct key_map *map)
{
	uint8_t from;

	rekey_at(out, sig, r, map);
	(void)bin_take(r, 6);
	from = bin_u8(r);
	(void)bin_u8(r);
	if (from == FROM_CONST) {
		(void)bin_u8(r);
		(void)bin_take(r, bin_u32(r));
		(void)bin_u64(r);
	} else if (from == FROM_SLOT || from == FROM_ESCAPED) {
		(void)bin_u32(r);
	} else if (from == FROM_SPAN) {
		(void)bin_take(r, 16);
	}
}

enum tsn_code
tmpl_rekey(struct tsn_slice sig, struct key_map *map, struct tsn_buf *out)
{
	struct bin r = bin_of(sig.ptr, sig.len);
	uint32_t n;

	tsn_buf_reset(out);
	tsn_buf_slice(out, sig);
	TSN_TRY(tsn_buf_check(out));
	(void)bin_take(&r, 5);
	(void)bin_take(&r, bin_u32(&r));
	n = bin_u32(&r);
	for (uint32_t i = 0; i < n && !r.bad; i++) {
		(void)bin_u32(&r);
		rekey_at(out, sig, &r, map);
		(void)bin_u32(&r);
	}
	n = bin_u32(&r);
	for (uint32_t i = 0; i < n && !r.bad; i++) {
		uint8_t kind = bin_u8(&r);

		if (kind == ELEM_STATIC)
			(void)bin_take(&r, bin_u32(&r));
		else if (kind == ELEM_TIME)
			(void)bin_take(&r, 7);
		else
			rekey_at(out, sig, &r, map);
	}
	n = bin_u32(&r);
	for (uint32_t i = 0; i < n && !r.bad; i++)
		rekey_field(out, sig, &r, map);
	return r.bad ? TSN_ECORRUPT : TSN_OK;
}
