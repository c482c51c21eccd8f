/*
 * Whether an event has the shape of a template that is known already: what shape.c would find out
 * by cutting the record anew, at a fraction of its cost.  A template fits when its row gives the
 * event back exactly; nothing less is looked at.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "store/fit_int.h"

#define WAYS 4u

struct fit {
	struct tmpl *tmpls[FIT_SLOTS][WAYS];	/* the one that fitted last in front */
	uint32_t *starts;			/* of elements of the event at hand; then its length */
	uint32_t start_cap;
	struct timetext time;			/* whose text is `text`: lines of one second share it */
	int64_t time_ns;
	char text[TIMETEXT_MAX];
	char *plain;
	size_t plain_cap;
};

struct fit *
fit_new(void)
{
	struct fit *f = calloc(1, sizeof *f);

	if (f != NULL)
		f->time.form = TIMETEXT__COUNT;
	return f;
}

void
fit_free(struct fit *f)
{
	if (f == NULL)
		return;
	free(f->starts);
	free(f->plain);
	free(f);
}

void
fit_reset(struct fit *f)
{
	memset(f->tmpls, 0, sizeof f->tmpls);
}

static bool
inside(const struct tsn_event *ev, const struct tsn_field *f)
{
	uintptr_t at = (uintptr_t)f->ptr, base = (uintptr_t)ev->original.ptr;

	return at >= base && at - base <= ev->original.len;
}

/* Events of one shape have the same fields, and mostly constants of the same length. */
static uint32_t
place_of(const struct tsn_event *ev)
{
	uint64_t h = ev->field_count;

	for (uint32_t i = 0; i < ev->field_count; i++) {
		const struct tsn_field *f = &ev->fields[i];
		uint64_t x = (uint64_t)f->key << 8 | f->type;

		if (f->key > TSN_F_LOG_SOURCE_ADDRESS && !inside(ev, f))
			x ^= (uint64_t)f->len << 40;
		h = (h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	return (uint32_t)(h % FIT_SLOTS);
}

/* ---- elements ---- */

static bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_token(unsigned char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' || c == ':' ||
	    c == '-' || c == '_';
}

/* To the closing quote: the first with an even number of backslashes in front of it. */
static size_t
string_len(struct tsn_slice text, size_t at)
{
	for (size_t end = at; end < text.len; end++) {
		const char *quote = memchr(text.ptr + end, '"', text.len - end);
		size_t slashes = 0;

		if (quote == NULL)
			break;
		end = (size_t)(quote - text.ptr);
		while (end - slashes > at && quote[-1 - (ptrdiff_t)slashes] == '\\')
			slashes++;
		if (slashes % 2 == 0)
			return end - at;
	}
	return SIZE_MAX;
}

/* The length of a slot that is no field, by the rules by which shape.c cuts them. */
static size_t
own_len(struct tsn_slice text, size_t at)
{
	size_t end = at;

	if (text.ptr[0] == '{')
		return string_len(text, at);
	while (end < text.len && is_token((unsigned char)text.ptr[end]))
		end++;
	while (end > at && !is_digit((unsigned char)text.ptr[end - 1]) &&
	    (text.ptr[end - 1] == '.' || text.ptr[end - 1] == ':' || text.ptr[end - 1] == '-'))
		end--;
	return end - at;
}

static bool
time_stands(struct fit *f, const struct tsn_event *ev, const struct timetext *t, size_t at)
{
	if (ev->time_ns != f->time_ns || t->form != f->time.form || t->digits != f->time.digits ||
	    t->comma != f->time.comma || t->tz_sec != f->time.tz_sec) {
		f->time = *t;
		f->time_ns = ev->time_ns;
		if (!timetext_put(t, ev->time_ns, f->text)) {
			f->time.form = TIMETEXT__COUNT;
			return false;
		}
	}
	return memcmp(ev->original.ptr + at, f->text, timetext_len(t)) == 0;
}

static bool
elem_len(struct fit *f, const struct tsn_event *ev, const struct tmpl *t, uint32_t i, size_t at,
    size_t *ret_len)
{
	const struct elem *e = &t->elems[i];
	size_t left = ev->original.len - at;

	*ret_len = e->len;
	if (e->kind == ELEM_STATIC)
		return e->len <= left && memcmp(ev->original.ptr + at, e->ptr, e->len) == 0;
	if (e->kind == ELEM_TIME)
		return e->len <= left && time_stands(f, ev, &e->time, at);
	if (t->elem_field[i] != UINT32_MAX) {
		const struct tsn_field *x = &ev->fields[t->elem_field[i]];

		*ret_len = x->len;
		return x->ptr == ev->original.ptr + at && x->len <= left;
	}
	*ret_len = left == 0 ? 0 : own_len(ev->original, at);
	return *ret_len <= left;
}

static bool
fit_elems(struct fit *f, const struct tsn_event *ev, const struct tmpl *t, struct val *vals)
{
	size_t at = 0, len;

	for (uint32_t i = 0; i < t->elem_count; i++) {
		if (!elem_len(f, ev, t, i, at, &len))
			return false;
		f->starts[i] = (uint32_t)at;
		if (t->elems[i].kind == ELEM_SLOT)
			vals[t->elems[i].slot] = (struct val){ev->original.ptr + at, 0, (uint32_t)len};
		at += len;
	}
	f->starts[t->elem_count] = (uint32_t)at;
	return at == ev->original.len;
}

/* ---- fields ---- */

static bool
fit_const(const struct tmpl_field *m, const struct tsn_field *f)
{
	bool text = f->ptr != NULL && f->type < TSN_T_OBJECT && f->type != TSN_T_NULL;
	bool number = f->type >= TSN_T_INT && f->type <= TSN_T_TIME;

	return text == m->has_text && m->num == (number ? f->num.u : 0) &&
	    (!text || tsn_slice_eq((struct tsn_slice){f->ptr, f->len}, m->text));
}

static bool
is_id(const struct tsn_event *ev, const struct tsn_field *f)
{
	char id[32];

	if (f->len != sizeof id)
		return false;
	tsn_event_id_format(ev->id, id);
	return memcmp(f->ptr, id, sizeof id) == 0;
}

static bool
is_text(const struct tsn_field *f, struct tsn_slice want)
{
	return f->len == want.len && (f->ptr == want.ptr || (f->ptr != NULL &&
	    memcmp(f->ptr, want.ptr, want.len) == 0));
}

static bool
fit_span(const struct fit *x, const struct tsn_event *ev, const struct tmpl_field *m,
    const struct tsn_field *f)
{
	uint64_t start = (uint64_t)x->starts[m->elem[0]] + m->at[0];
	uint64_t end = (uint64_t)x->starts[m->elem[1]] + m->at[1];

	return f->ptr == ev->original.ptr + start && end == start + f->len;
}

static bool
fit_slot(const struct fit *x, const struct tsn_event *ev, const struct tmpl *t,
    const struct tmpl_field *m, const struct tsn_field *f, struct val *vals)
{
	uint32_t elem = t->slots[m->slot].elem;

	if (f->ptr == NULL)
		return false;
	if (elem != UINT32_MAX)
		return f->ptr == ev->original.ptr + x->starts[elem] &&
		    f->len == vals[m->slot].len;
	vals[m->slot] = (struct val){f->ptr, 0, f->len};
	return true;
}

static bool
fit_escaped(struct fit *x, const struct tmpl_field *m, const struct tsn_field *f,
    const struct val *vals)
{
	struct tsn_slice raw = {vals[m->slot].ptr, vals[m->slot].len};

	if (raw.len + 4 > x->plain_cap) {
		size_t cap = raw.len * 2 + 4096;
		char *plain = realloc(x->plain, cap);

		if (plain == NULL)
			return false;
		x->plain = plain;
		x->plain_cap = cap;
	}
	return f->ptr != NULL && tmpl_unescape(raw, x->plain) == f->len &&
	    memcmp(x->plain, f->ptr, f->len) == 0;
}

/* The number beside a text. */
static bool
fit_num(const struct tsn_event *ev, const struct tmpl_field *m, const struct tsn_field *f,
    struct val *vals)
{
	uint64_t bits;

	if (m->num_from == NUM_SLOT) {
		vals[m->num_slot] = (struct val){NULL, f->type == TSN_T_TIME ?
		    f->num.u - (uint64_t)ev->time_ns : f->num.u, 0};
		return true;
	}
	if (m->num_from == NUM_NONE)
		return f->type < TSN_T_INT || f->type > TSN_T_TIME;
	return f->ptr != NULL && tmpl_num_of_text(f->type, (struct tsn_slice){f->ptr, f->len},
	    &bits) && bits == f->num.u;
}

static bool
fit_field(struct fit *x, const struct tsn_event *ev, const struct tmpl *t,
    const struct tmpl_field *m, const struct tsn_field *f, struct val *vals)
{
	if (m->key != f->key || m->pos != f->pos || m->type != f->type || m->flags != f->flags)
		return false;
	switch ((enum from)m->from) {
	case FROM_CONST:
		return fit_const(m, f);
	case FROM_TIME:
		return f->ptr == NULL && f->num.i == ev->time_ns;
	case FROM_CREATED:
		return f->ptr == NULL && f->num.i == ev->created_ns;
	case FROM_OFFSET:
		return f->ptr == NULL && f->num.u == ev->offset;
	case FROM_LINE:
		return f->ptr == NULL && f->num.u == ev->line;
	case FROM_ORIGINAL:
		return is_text(f, ev->original);
	case FROM_ID:
		return is_id(ev, f);
	case FROM_PATH:
		return is_text(f, ev->source->path);
	case FROM_ADDRESS:
		return is_text(f, ev->source->address);
	case FROM_NUM:
		vals[m->slot] = (struct val){NULL, f->type == TSN_T_TIME ?
		    f->num.u - (uint64_t)ev->time_ns : f->num.u, 0};
		return f->ptr == NULL;
	case FROM_SLOT:
		return fit_slot(x, ev, t, m, f, vals) && fit_num(ev, m, f, vals);
	case FROM_SPAN:
		return fit_span(x, ev, m, f) && fit_num(ev, m, f, vals);
	case FROM_ESCAPED:
		return fit_escaped(x, m, f, vals);
	case FROM_RUN:
	case FROM__COUNT:
		break;
	}
	return false;
}

/* ---- templates ---- */

static bool
fit_head(const struct tsn_event *ev, const struct tmpl *t)
{
	return ev->field_count == t->field_count && ev->flags == t->flags &&
	    (ev->repeat != 1) == t->repeats && ev->pos_count == t->pos_count &&
	    tsn_slice_eq(ev->dataset, t->dataset) && (ev->pos_count == 0 ||
	    memcmp(ev->pos, t->pos, ev->pos_count * sizeof *ev->pos) == 0);
}

static bool
fits(struct fit *f, const struct tsn_event *ev, const struct tmpl *t, struct val *vals)
{
	if (!fit_head(ev, t) || !fit_elems(f, ev, t, vals))
		return false;
	for (uint32_t i = 0; i < t->field_count; i++)
		if (!fit_field(f, ev, t, &t->fields[i], &ev->fields[i], vals))
			return false;
	if (t->repeats)
		vals[t->slot_count - 1] = (struct val){NULL, ev->repeat, 0};
	return true;
}

struct tmpl *
fit_find(struct fit *f, const struct tsn_event *ev, struct val *vals)
{
	struct tmpl **ways = f->tmpls[place_of(ev)];

	for (uint32_t i = 0; i < WAYS && ways[i] != NULL; i++) {
		struct tmpl *t = ways[i];

		if (!fits(f, ev, t, vals))
			continue;
		for (; i > 0; i--)
			ways[i] = ways[i - 1];
		ways[0] = t;
		return t;
	}
	return NULL;
}

/* Which field says how long each slot of the record is. */
static bool
prepare(struct tmpl_table *table, struct tmpl *t)
{
	if (t->elem_field != NULL)
		return true;
	t->elem_field = tsn_arena_alloc(&table->arena, (t->elem_count + 1) * sizeof *t->elem_field);
	if (t->elem_field == NULL)
		return false;
	for (uint32_t i = 0; i < t->elem_count; i++)
		t->elem_field[i] = UINT32_MAX;
	for (uint32_t i = t->field_count; i > 0; i--) {
		const struct tmpl_field *m = &t->fields[i - 1];

		if (m->from == FROM_SLOT && t->slots[m->slot].elem != UINT32_MAX)
			t->elem_field[t->slots[m->slot].elem] = i - 1;
	}
	return true;
}

void
fit_add(struct fit *f, struct tmpl_table *table, const struct tsn_event *ev, struct tmpl *t)
{
	struct tmpl **ways = f->tmpls[place_of(ev)];

	if (t->elem_count + 1 > f->start_cap) {
		uint32_t cap = t->elem_count * 2 + 64;
		uint32_t *starts = reallocarray(f->starts, cap, sizeof *starts);

		if (starts == NULL)
			return;
		f->starts = starts;
		f->start_cap = cap;
	}
	if (!prepare(table, t))
		return;
	for (uint32_t i = WAYS - 1; i > 0; i--)
		ways[i] = ways[i - 1];
	ways[0] = t;
}
