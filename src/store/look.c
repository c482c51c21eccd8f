#include "store/look_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "store/parts_int.h"

/* One test on one template. */
struct look {
	struct hint_seg *hs;
	const struct test *t;
	struct found *f;
	const struct seg_tmpl *st;
	uint32_t tmpl;
	uint8_t answer;
};

bool
look_test(struct hint_seg *hs, const struct test *t, uint8_t type, struct tsn_slice text)
{
	struct tsn_field f = {.ptr = text.ptr, .len = (uint32_t)text.len, .type = type};
	struct tsn_value v = {.raw = text};
	bool value;

	if (t->record) {
		value = tsn_atom_test_text(&t->atom, hs->scratch, &v);
	} else {
		if (type != TSN_T_STR && !tmpl_num_of_text(type, text, &f.num.u))
			return true;
		value = tsn_atom_test(&t->atom, hs->scratch, &f, &v);
	}
	tsn_arena_reset(&hs->scratch->arena);
	return value;
}

static bool
test_const(const struct look *k, const struct tmpl_field *m)
{
	struct tsn_field f = {.ptr = m->has_text ? m->text.ptr : NULL, .len = (uint32_t)m->text.len,
	    .type = m->type, .num.u = m->num};
	char scratch[TSN_TIME_TEXT_MAX];
	struct tsn_value v = {.raw = tsn_field_text(&f, scratch)};
	bool value = tsn_atom_test(&k->t->atom, k->hs->scratch, &f, &v);

	tsn_arena_reset(&k->hs->scratch->arena);
	return value;
}

/* Several texts of one template are tested: one that holds is enough. */
static void
add_answer(struct look *k, uint8_t answer)
{
	if (k->answer == ANSWER_YES || answer == ANSWER_NO)
		return;
	if (answer == ANSWER_YES || k->answer == ANSWER_NO)
		k->answer = answer;
	else if (answer == ANSWER_UNKNOWN)
		k->answer = ANSWER_UNKNOWN;
}

static bool
is_glued(struct hint_seg *hs, uint32_t tmpl)
{
	if (hs->glued[tmpl] == 0)
		hs->glued[tmpl] = parts_glued(hs->seg->tmpls[tmpl].tmpl) ? 2 : 1;
	return hs->glued[tmpl] == 2;
}

static uint32_t
nth_of(const struct seg_tmpl *st, uint32_t slot)
{
	uint32_t nth = 0;

	for (uint32_t i = 0; i < slot; i++)
		nth += st->columns[i] == st->columns[slot];
	return nth;
}

/* ---- texts made of pieces ---- */

static bool
piece_of(const struct look *k, const struct elem *e, uint32_t from, uint32_t to,
    struct piece *ret)
{
	*ret = (struct piece){.kind = PIECE_TEXT, .text = {e->ptr, 0}};
	if (e->kind == ELEM_STATIC) {
		if (from > to || to > e->len)
			return false;
		ret->text = (struct tsn_slice){e->ptr + from, to - from};
		return true;
	}
	if (to == 0 && from == 0)
		return true;		/* nothing of it */
	if (from != 0 || to != UINT32_MAX)
		return false;
	if (e->kind == ELEM_TIME) {
		*ret = (struct piece){.kind = PIECE_TIME, .elem = e};
		return true;
	}
	*ret = (struct piece){.kind = PIECE_SLOT, .column = k->st->columns[e->slot],
	    .nth = nth_of(k->st, e->slot), .how = READ_RECORD};
	return !k->st->tmpl->slots[e->slot].is_num;
}

/* The record from byte at[0] of one element to byte at[1] of another. */
static enum tsn_code
run_elems(struct look *k, const uint32_t elem[2], const uint32_t at[2])
{
	const struct tmpl *m = k->st->tmpl;
	uint32_t n = 0, count = elem[1] < m->elem_count ? elem[1] - elem[0] + 1 : elem[1] - elem[0];
	uint8_t answer = ANSWER_UNKNOWN;
	struct piece *pieces;
	bool known = k->t->machine != NULL && elem[0] <= elem[1] && elem[1] <= m->elem_count;
	enum tsn_code rc = TSN_OK;

	if (!known) {
		add_answer(k, ANSWER_UNKNOWN);
		return TSN_OK;
	}
	pieces = reallocarray(NULL, (size_t)count + 1, sizeof *pieces);
	if (pieces == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = elem[0]; n < count && known; i++) {
		const struct elem *e = &m->elems[i];
		uint32_t whole = e->kind == ELEM_STATIC ? e->len : UINT32_MAX;

		known = piece_of(k, e, i == elem[0] ? at[0] : 0, i == elem[1] ? at[1] : whole,
		    &pieces[n++]);
	}
	if (known)
		rc = trace_run(k->hs, k->t, k->f, pieces, n, is_glued(k->hs, k->tmpl), &answer);
	add_answer(k, answer);
	free(pieces);
	return rc;
}

static enum tsn_code
run_record(struct look *k)
{
	return run_elems(k, (uint32_t[2]){0, k->st->tmpl->elem_count}, (uint32_t[2]){0, 0});
}

/* ---- values of slots ---- */

static enum tsn_code
run_slot(struct look *k, uint32_t slot, uint8_t how)
{
	struct piece p = {.kind = PIECE_SLOT, .column = k->st->columns[slot],
	    .nth = nth_of(k->st, slot), .how = how};
	uint8_t answer = ANSWER_UNKNOWN;

	if (k->t->machine != NULL)
		TSN_TRY(trace_run(k->hs, k->t, k->f, &p, 1, is_glued(k->hs, k->tmpl), &answer));
	add_answer(k, answer);
	return TSN_OK;
}

/* The atom itself on each value: a chain of one link. */
static enum tsn_code
run_value(struct look *k, uint32_t slot, uint8_t how)
{
	struct tsn_arena *a = &k->hs->arena;
	struct chain c = {.link_count = 1};
	const struct reading *r;
	struct link *l;
	uint32_t reading;

	TSN_TRY(trace_reading(k->hs, k->t, k->f, k->st->columns[slot], how, 0, false, &reading));
	r = &k->f->readings[reading];
	if (r->out_count == 1 && !r->many) {
		add_answer(k, r->outs[0] == TSN_AUTO_YES ? ANSWER_YES :
		    r->outs[0] == TSN_AUTO_NO ? ANSWER_NO : ANSWER_UNKNOWN);
		return TSN_OK;
	}
	l = c.links = tsn_arena_calloc(a, 1, sizeof *l);
	if (l == NULL)
		return TSN_ENOMEM;
	*l = (struct link){.column = k->st->columns[slot], .nth = nth_of(k->st, slot),
	    .in_count = 1, .after_count = TSN_AUTO__FIXED,
	    .readings = tsn_arena_alloc(a, sizeof *l->readings),
	    .after = tsn_arena_alloc(a, TSN_AUTO__FIXED)};
	if (l->readings == NULL || l->after == NULL)
		return TSN_ENOMEM;
	l->readings[0] = reading;
	for (uint8_t i = 0; i < TSN_AUTO__FIXED; i++)
		l->after[i] = i;
	add_answer(k, ANSWER_ROWS);
	return trace_add_chain(k->f, &c);
}

/* ---- fields ---- */

static enum tsn_code
run_field(struct look *k, const struct tmpl_field *m)
{
	bool by_text = m->type == TSN_T_STR ? m->num_from == NUM_NONE : m->num_from == NUM_TEXT;
	bool text_alone = m->type == TSN_T_STR && m->num_from == NUM_NONE;

	if (m->from == FROM_CONST) {
		add_answer(k, test_const(k, m) ? ANSWER_YES : ANSWER_NO);
	} else if (m->from == FROM_ESCAPED && m->type == TSN_T_STR) {
		return run_value(k, m->slot, (uint8_t)(READ_VALUE_PLAIN + m->type));
	} else if (m->from == FROM_SLOT && by_text) {
		return run_value(k, m->slot, (uint8_t)(READ_VALUE + m->type));
	} else if (m->from == FROM_NUM && m->type != TSN_T_TIME) {
		return run_value(k, m->slot, (uint8_t)(READ_VALUE + m->type));
	} else if (m->from == FROM_ORIGINAL && text_alone) {
		return run_record(k);
	} else if (m->from == FROM_SPAN && text_alone) {
		return run_elems(k, m->elem, m->at);
	} else {
		add_answer(k, ANSWER_UNKNOWN);
	}
	return TSN_OK;
}

/* A text that tests on the whole record look into, as match/eval does. */
static enum tsn_code
run_text(struct look *k, const struct tmpl_field *m, bool glued)
{
	bool inside;

	if (m->key == TSN_KEY_NONE || m->key <= TSN_F_LOG_SOURCE_ADDRESS || m->type < TSN_T_STR ||
	    m->type > TSN_T_FLOAT)
		return TSN_OK;
	switch ((enum from)m->from) {
	case FROM_CONST:
		add_answer(k, m->has_text && look_test(k->hs, k->t, TSN_T_STR, m->text) ? ANSWER_YES :
											   ANSWER_NO);
		return TSN_OK;
	case FROM_SLOT:
		/* unless words may be cut, what is found in a part of the record is found in it */
		inside = k->st->tmpl->slots[m->slot].elem != UINT32_MAX && !glued;
		return inside ? TSN_OK : run_slot(k, m->slot, READ_RECORD);
	case FROM_ESCAPED:
		return run_slot(k, m->slot, READ_PLAIN);
	case FROM_SPAN:
		return glued ? run_elems(k, m->elem, m->at) : TSN_OK;
	case FROM_RUN:
		add_answer(k, ANSWER_UNKNOWN);
		return TSN_OK;
	case FROM_TIME:
	case FROM_CREATED:
	case FROM_ORIGINAL:
	case FROM_ID:
	case FROM_PATH:
	case FROM_ADDRESS:
	case FROM_OFFSET:
	case FROM_LINE:
	case FROM_NUM:
	case FROM__COUNT:
		break;
	}
	return TSN_OK;
}

static enum tsn_code
look_at(struct look *k)
{
	const struct tmpl *m = k->st->tmpl;
	bool glued = k->t->record && is_glued(k->hs, k->tmpl);

	if (k->t->record)
		TSN_TRY(run_record(k));
	for (uint32_t i = 0; i < m->field_count && k->answer != ANSWER_YES; i++) {
		const struct tmpl_field *x = &m->fields[i];

		if (k->t->record)
			TSN_TRY(run_text(k, x, glued));
		else if (x->key == TSN_KEY_NONE)
			continue;
		else if (k->t->exists)
			add_answer(k, tsn_keys_under(hint_keys(k->hs->h), x->key, k->t->key) ?
			    ANSWER_YES : ANSWER_NO);
		else if (x->key == k->t->key)
			TSN_TRY(run_field(k, x));
	}
	return TSN_OK;
}

/* ---- all templates ---- */

static enum tsn_code
note_walks(struct hint_seg *hs, struct found *f)
{
	const struct seg *seg = hs->seg;

	f->walks = tsn_arena_alloc(&hs->arena, (seg->column_count + 1) * sizeof *f->walks);
	f->walk_of = tsn_arena_calloc(&hs->arena, seg->column_count + 1, sizeof *f->walk_of);
	if (f->walks == NULL || f->walk_of == NULL)
		return TSN_ENOMEM;
	for (uint32_t c = 0; c < f->chain_count; c++) {
		for (uint32_t i = 0; i < f->chains[c].link_count; i++) {
			uint32_t column = f->chains[c].links[i].column;

			if (f->walk_of[column] != 0 || f->walk_count == UINT16_MAX)
				continue;
			f->walks[f->walk_count++] = column;
			f->walk_of[column] = (uint16_t)f->walk_count;
		}
	}
	f->steps = tsn_arena_calloc(&hs->arena, (size_t)(seg->tmpl_count + 1) *
	    (f->walk_count + 1), sizeof *f->steps);
	if (f->steps == NULL)
		return TSN_ENOMEM;
	for (uint32_t t = 0; t < seg->tmpl_count; t++)
		for (uint32_t k = 0; k < seg->tmpls[t].tmpl->slot_count; k++) {
			uint16_t walk = f->walk_of[seg->tmpls[t].columns[k]];

			if (walk != 0)
				f->steps[(size_t)t * f->walk_count + walk - 1]++;
		}
	return TSN_OK;
}

enum tsn_code
look_prepare(struct hint_seg *hs, const struct test *t, struct found *f)
{
	const struct seg *seg = hs->seg;

	if (f->ready)
		return TSN_OK;
	look_done(f);
	f->answers = tsn_arena_calloc(&hs->arena, seg->tmpl_count + 1, 1);
	f->chain_at = tsn_arena_calloc(&hs->arena, seg->tmpl_count + 1, sizeof *f->chain_at);
	f->reading_of = tsn_arena_calloc(&hs->arena, seg->column_count + 1, sizeof *f->reading_of);
	if (f->answers == NULL || f->chain_at == NULL || f->reading_of == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < seg->tmpl_count; i++) {
		struct look k = {.hs = hs, .t = t, .f = f, .st = &seg->tmpls[i], .tmpl = i,
		    .answer = ANSWER_NO};

		f->chain_at[i] = f->chain_count;
		TSN_TRY(look_at(&k));
		f->answers[i] = k.answer;
		if (k.answer != ANSWER_ROWS)
			f->chain_count = f->chain_at[i];
		f->chain_at[i + 1] = f->chain_count;
	}
	TSN_TRY(note_walks(hs, f));
	f->ready = true;
	return TSN_OK;
}

void
look_done(struct found *f)
{
	for (uint32_t i = 0; i < f->reading_count; i++) {
		free(f->readings[i].own);
		free(f->readings[i].memo);
	}
	free(f->readings);
	free(f->chains);
	*f = (struct found){.ready = false};
}
