/*
 * From a row back to its event.  The values may come from a damaged or hostile file: every place
 * and length is checked against what the row has.
 */
#include "base/assert.h"
#include "store/tmpl_int.h"

/* Copies dataset and other text of the template too: the batch may outlive what the row was in. */
static bool
keep(struct tsn_batch *b, struct tsn_slice s, struct tsn_slice *ret)
{
	if (s.len == 0) {
		*ret = (struct tsn_slice){"", 0};
		return true;
	}
	*ret = tsn_arena_dup(&b->arena, s);
	return ret->ptr != NULL;
}

struct rebuilt {
	const struct row *row;
	struct tsn_slice original;
	uint32_t *starts;		/* elem_count + 1 */
};

static enum tsn_code
rebuild(struct rebuilt *r, struct tsn_batch *b)
{
	const struct tmpl *t = r->row->tmpl;
	char time[TIMETEXT_MAX], *text;
	uint64_t len = 0;

	r->starts = tsn_arena_alloc(&b->arena, (t->elem_count + 1) * sizeof *r->starts);
	if (r->starts == NULL)
		return TSN_ELIMIT;
	for (uint32_t i = 0; i < t->elem_count; i++) {
		const struct elem *e = &t->elems[i];

		r->starts[i] = (uint32_t)len;
		len += e->kind != ELEM_SLOT ? e->len : r->row->vals[e->slot].len;
		if (len > TSN_BATCH_BYTES_MAX)
			return TSN_ECORRUPT;
	}
	r->starts[t->elem_count] = (uint32_t)len;
	text = tsn_arena_alloc(&b->arena, len + 1);
	if (text == NULL)
		return TSN_ELIMIT;
	for (uint32_t i = 0; i < t->elem_count; i++) {
		const struct elem *e = &t->elems[i];
		const char *from = e->kind == ELEM_SLOT ? r->row->vals[e->slot].ptr : e->ptr;

		if (e->kind == ELEM_TIME) {
			if (!timetext_put(&e->time, r->row->time_ns, time))
				return TSN_ECORRUPT;
			from = time;
		}
		if (r->starts[i + 1] != r->starts[i])
			memcpy(text + r->starts[i], from, r->starts[i + 1] - r->starts[i]);
	}
	text[len] = '\0';
	r->original = (struct tsn_slice){text, len};
	return TSN_OK;
}

static bool
run_of(const struct rebuilt *r, uint64_t start, uint64_t len, struct tsn_field *f)
{
	if (start > r->original.len || len > r->original.len - start)
		return false;
	f->ptr = r->original.ptr + start;
	f->len = (uint32_t)len;
	return true;
}

static bool
span_of(const struct rebuilt *r, const struct tmpl_field *m, struct tsn_field *f)
{
	uint64_t start = (uint64_t)r->starts[m->elem[0]] + m->at[0];
	uint64_t end = (uint64_t)r->starts[m->elem[1]] + m->at[1];

	return end >= start && run_of(r, start, end - start, f);
}

/* Part of the record, or a copy of a value beside it. */
static bool
slot_text(const struct rebuilt *r, const struct tmpl_field *m, struct tsn_batch *b,
    struct tsn_field *f)
{
	const struct tmpl *t = r->row->tmpl;
	const struct val *v = &r->row->vals[m->slot];
	struct tsn_slice kept;

	if (t->slots[m->slot].elem != UINT32_MAX)
		return run_of(r, r->starts[t->slots[m->slot].elem], v->len, f);
	if (!keep(b, (struct tsn_slice){v->ptr, v->len}, &kept))
		return false;
	f->ptr = kept.ptr;
	f->len = v->len;
	return true;
}

static enum tsn_code
unescaped(const struct rebuilt *r, const struct tmpl_field *m, struct tsn_batch *b,
    struct tsn_field *f)
{
	const struct val *v = &r->row->vals[m->slot];
	char *out = tsn_arena_alloc(&b->arena, (size_t)v->len + 1);
	size_t n;

	if (out == NULL)
		return TSN_ELIMIT;
	n = tmpl_unescape((struct tsn_slice){v->ptr, v->len}, out);
	if (n == SIZE_MAX)
		return TSN_ECORRUPT;
	f->ptr = out;
	f->len = (uint32_t)n;
	return TSN_OK;
}

static enum tsn_code
text_of(const struct rebuilt *r, const struct tsn_event *ev, const struct tmpl_field *m,
    struct tsn_batch *b, struct tsn_field *f)
{
	const struct val *vals = r->row->vals;
	struct tsn_slice s = TSN_SLICE_NONE;
	char *id;

	switch ((enum from)m->from) {
	case FROM_SLOT:
		return slot_text(r, m, b, f) ? TSN_OK : TSN_ELIMIT;
	case FROM_ESCAPED:
		return unescaped(r, m, b, f);
	case FROM_SPAN:
		return span_of(r, m, f) ? TSN_OK : TSN_ECORRUPT;
	case FROM_RUN:
		return run_of(r, vals[m->slot].num, vals[m->slot + 1].num, f) ? TSN_OK :
									       TSN_ECORRUPT;
	case FROM_CONST:
		if (m->has_text && !keep(b, m->text, &s))
			return TSN_ELIMIT;
		break;
	case FROM_ORIGINAL:
		s = ev->original;
		break;
	case FROM_PATH:
		s = ev->source->path;
		break;
	case FROM_ADDRESS:
		s = ev->source->address;
		break;
	case FROM_ID:
		id = tsn_arena_alloc(&b->arena, 32);
		if (id == NULL)
			return TSN_ELIMIT;
		tsn_event_id_format(ev->id, id);
		s = (struct tsn_slice){id, 32};
		break;
	case FROM_TIME:
	case FROM_CREATED:
	case FROM_OFFSET:
	case FROM_LINE:
	case FROM_NUM:
	case FROM__COUNT:
		return TSN_OK;
	}
	f->ptr = s.ptr;
	f->len = (uint32_t)s.len;
	return TSN_OK;
}

static bool
num_of(const struct row *row, const struct tmpl_field *m, struct tsn_field *f)
{
	switch ((enum from)m->from) {
	case FROM_CONST:
		f->num.u = m->num;
		return true;
	case FROM_TIME:
		f->num.i = row->time_ns;
		return true;
	case FROM_CREATED:
		f->num.i = row->created_ns;
		return true;
	case FROM_OFFSET:
		f->num.u = row->offset;
		return true;
	case FROM_LINE:
		f->num.u = row->line;
		return true;
	case FROM_NUM:
		f->num.u = row->vals[m->slot].num;
		break;
	case FROM_ORIGINAL:
	case FROM_ID:
	case FROM_PATH:
	case FROM_ADDRESS:
	case FROM_SLOT:
	case FROM_ESCAPED:
	case FROM_SPAN:
	case FROM_RUN:
	case FROM__COUNT:
		if (m->num_from == NUM_NONE)
			return true;
		if (m->num_from == NUM_TEXT)
			return tmpl_num_of_text(m->type, (struct tsn_slice){f->ptr, f->len},
			    &f->num.u);
		f->num.u = row->vals[m->num_slot].num;
	}
	if (m->type == TSN_T_TIME)
		f->num.u += (uint64_t)row->time_ns;
	return true;
}

static enum tsn_code
fill(const struct rebuilt *r, const struct projection *p, struct tsn_event *ev,
    struct tsn_batch *b)
{
	const struct tmpl *t = r->row->tmpl;
	uint32_t n = 0;

	ev->fields = tsn_arena_alloc(&b->arena, (t->field_count + 1) * sizeof *ev->fields);
	ev->pos = tsn_arena_alloc(&b->arena, (t->pos_count + 1) * sizeof *ev->pos);
	if (ev->fields == NULL || ev->pos == NULL)
		return TSN_ELIMIT;
	if (t->pos_count > 0)
		memcpy(ev->pos, t->pos, t->pos_count * sizeof *ev->pos);
	ev->pos_count = t->pos_count;
	for (uint32_t i = 0; i < t->field_count; i++) {
		const struct tmpl_field *m = &t->fields[i];
		struct tsn_field *f = &ev->fields[n];

		if (m->key == TSN_KEY_NONE) {	/* the process has no room for its name */
			ev->flags |= TSN_EV_FIELD_LIMIT;
			continue;
		}
		if (p != NULL && !projection_has(p, m->key))
			continue;
		n++;
		*f = (struct tsn_field){.key = m->key, .pos = m->pos, .type = m->type,
		    .flags = m->flags};
		TSN_TRY(text_of(r, ev, m, b, f));
		if (!num_of(r->row, m, f))
			return TSN_ECORRUPT;
	}
	ev->field_count = n;
	return TSN_OK;
}

static enum tsn_code
begin(const struct row *row, struct tsn_batch *b, struct tsn_event **ret_event)
{
	const struct tmpl *t = row->tmpl;
	struct tsn_event *ev;

	TSN_ASSERT(b->open == NULL);
	if (tsn_batch_full(b))
		return TSN_ELIMIT;
	ev = &b->events[b->count];
	*ev = (struct tsn_event){.time_ns = row->time_ns, .created_ns = row->created_ns,
	    .offset = row->offset, .line = row->line, .source = row->source, .flags = t->flags,
	    .repeat = 1};
	if (t->repeats)
		ev->repeat = (uint32_t)row->vals[t->slot_count - 1].num;
	*ret_event = ev;
	return keep(b, t->dataset, &ev->dataset) ? TSN_OK : TSN_ELIMIT;
}

enum tsn_code
unshape(const struct row *row, struct tsn_batch *b)
{
	struct rebuilt r = {.row = row};
	struct tsn_event *ev;

	TSN_TRY(begin(row, b, &ev));
	TSN_TRY(rebuild(&r, b));
	ev->original = r.original;
	tsn_event_id_compute(ev->source, ev->offset, ev->original, ev->id);
	TSN_TRY(fill(&r, NULL, ev, b));
	b->count++;
	return TSN_OK;
}

bool
unshape_needs_all(const struct tmpl *t, const struct projection *p)
{
	for (uint32_t i = 0; i < t->field_count; i++) {
		uint8_t from = t->fields[i].from;

		if ((from == FROM_ORIGINAL || from == FROM_ID || from == FROM_OFFSET ||
		    from == FROM_LINE) && projection_has(p, t->fields[i].key))
			return true;
	}
	return false;
}

void
unshape_needs(const struct tmpl *t, const struct projection *p, bool *needs)
{
	memset(needs, 0, t->slot_count * sizeof *needs);
	if (t->repeats)
		needs[t->slot_count - 1] = true;
	for (uint32_t i = 0; i < t->field_count; i++) {
		const struct tmpl_field *f = &t->fields[i];

		if (!projection_has(p, f->key))
			continue;
		if (f->from == FROM_SLOT || f->from == FROM_ESCAPED || f->from == FROM_NUM)
			needs[f->slot] = true;
		if (f->num_from == NUM_SLOT)
			needs[f->num_slot] = true;
		for (uint32_t e = f->elem[0]; f->from == FROM_SPAN && e < t->elem_count &&
		    e <= f->elem[1]; e++)
			if (t->elems[e].kind == ELEM_SLOT)
				needs[t->elems[e].slot] = true;
		if (f->from == FROM_RUN) {
			needs[f->slot] = needs[f->slot + 1] = true;
			needs[0] = true;	/* the record itself */
		}
	}
}

enum tsn_code
unshape_some(const struct row *row, const struct projection *p, struct tsn_batch *b)
{
	struct rebuilt r = {.row = row};
	struct tsn_event *ev;

	TSN_TRY(begin(row, b, &ev));
	/* Slots that were not asked for are empty here: what is rebuilt is right where it counts. */
	TSN_TRY(rebuild(&r, b));
	TSN_TRY(fill(&r, p, ev, b));
	b->count++;
	return TSN_OK;
}
