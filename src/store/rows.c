/* Which rows of a block a test is true for: chains are followed with the values of each row. */
#include <stdlib.h>

#include "base/assert.h"
#include "store/look_int.h"
#include "store/rowset_int.h"

#define MEMO_BITS 10u

struct walk {
	const struct values *values;	/* NULL: not unpacked, the values do not matter here */
	uint32_t at;
};

struct rows {
	struct hint_seg *hs;
	const struct test *t;
	struct found *f;
	struct block *b;
	struct walk *walks;
};

/* ---- readings made ready for the block ---- */

/* Values that no test of the segment's dictionary has told of. */
static enum tsn_code
read_local(struct rows *x, struct reading *r, const struct values *v)
{
	uint16_t *own = reallocarray(r->own, (size_t)v->dict->count + 1, sizeof *own);

	if (own == NULL)
		return TSN_ENOMEM;
	r->own = own;
	for (uint32_t i = 0; i < v->dict->count; i++)
		own[i] = trace_value(x->hs, x->t, r, strings_get(v->dict, i));
	r->here = own;
	return TSN_OK;
}

static enum tsn_code
ready(struct rows *x, struct reading *r)
{
	const struct values *v = &x->b->values[r->column];

	r->here = NULL;
	if (r->calm_here)
		return TSN_OK;
	if (v->form == COLUMN_SHARED) {
		r->here = r->codes;
		return r->codes == NULL ? TSN_ECORRUPT : TSN_OK;
	}
	if (v->form == COLUMN_LOCAL)
		return read_local(x, r, v);
	if (r->memo == NULL)
		r->memo = malloc((sizeof *r->memo) << MEMO_BITS);
	if (r->memo == NULL)
		return TSN_ENOMEM;
	memset(r->memo, 0xff, (sizeof *r->memo) << MEMO_BITS);
	return TSN_OK;
}

/* Nothing is unpacked when no number in the bounds can do anything. */
static bool
all_calm(struct rows *x, uint32_t column, const struct seg_entry *e)
{
	bool numbers = e->form == COLUMN_DIGITS || e->form == COLUMN_PADDED;
	bool can = !numbers || !x->t->number || (rows_digits_can(x->t, e->min, e->max) &&
	    block_may_have(x->b, column, x->t->low)), all = true;

	for (uint32_t i = x->f->reading_of[column]; i != 0; i = x->f->readings[i - 1].next) {
		struct reading *r = &x->f->readings[i - 1];

		r->calm_here = !can && r->calm != UNCALM;
		all &= r->calm_here;
	}
	return all;
}

static enum tsn_code
ready_column(struct rows *x, uint32_t walk)
{
	uint32_t column = x->f->walks[walk];
	const struct seg_entry *e = block_entry(x->b, column);

	if (e == NULL) {
		for (uint32_t i = x->f->reading_of[column]; i != 0; i = x->f->readings[i - 1].next)
			x->f->readings[i - 1].calm_here = false;
		return TSN_OK;
	}
	if (all_calm(x, column, e))
		return TSN_OK;
	TSN_TRY(block_need_values(x->b, column));
	x->walks[walk].values = &x->b->values[column];
	for (uint32_t i = x->f->reading_of[column]; i != 0; i = x->f->readings[i - 1].next)
		TSN_TRY(ready(x, &x->f->readings[i - 1]));
	return TSN_OK;
}

/* ---- a row ---- */

static uint16_t
value_of_number(struct rows *x, const struct reading *r, uint64_t v)
{
	struct tsn_field f = {.num.u = v, .type = (uint8_t)((r->how - READ_VALUE) % 16)};
	char text[TSN_TIME_TEXT_MAX];
	struct tsn_value value = {.raw = tsn_field_text(&f, text)};
	bool yes = tsn_atom_test(&x->t->atom, x->hs->scratch, &f, &value);

	tsn_arena_reset(&x->hs->scratch->arena);
	return yes ? TSN_AUTO_YES : TSN_AUTO_NO;
}

static TSN_COLD uint16_t
make_number(struct rows *x, const struct reading *r, const struct values *v, uint32_t at)
{
	uint64_t number = v->v[at];
	uint64_t *memo = &r->memo[number * UINT64_C(0x9e3779b97f4a7c15) >> (64 - MEMO_BITS)];
	char text[24];
	uint16_t out;

	out = v->form == COLUMN_NUM ? value_of_number(x, r, number) :
	    trace_value(x->hs, x->t, r, values_text(v, at, text));
	if (number >> 47 == 0)
		*memo = number << 16 | out;
	return out;
}

static inline uint16_t
out_of(struct rows *x, const struct reading *r, const struct values *v, uint32_t at)
{
	uint64_t number, memo;

	if (r->calm_here)
		return r->calm;
	if (r->here != NULL)
		return r->here[v->v[at]];
	number = v->v[at];
	memo = r->memo[number * UINT64_C(0x9e3779b97f4a7c15) >> (64 - MEMO_BITS)];
	return memo >> 16 == number && number >> 47 == 0 ? (uint16_t)memo :
							   make_number(x, r, v, at);
}

/* One of the fixed states; UINT32_MAX: values are missing. */
static inline uint32_t
follow(struct rows *x, const struct chain *c)
{
	uint32_t state = c->first;

	for (uint32_t i = 0; i < c->link_count; i++) {
		const struct link *l = &c->links[i];
		const struct walk *w = &x->walks[x->f->walk_of[l->column] - 1];
		const struct reading *r = &x->f->readings[l->readings[state]];
		uint32_t at = w->at + l->nth, out;

		if (!r->calm_here && (w->values == NULL || at >= w->values->n))
			return UINT32_MAX;
		out = out_of(x, r, w->values, at);
		state = out < l->after_count ? l->after[out] : TSN_AUTO_UNSURE;
		if (state < TSN_AUTO__FIXED)
			return state;
		state -= TSN_AUTO__FIXED;
	}
	return TSN_AUTO_UNSURE;
}

static uint8_t
answer_row(struct rows *x, uint32_t tmpl)
{
	uint8_t answer = ANSWER_NO;

	for (uint32_t c = x->f->chain_at[tmpl]; c < x->f->chain_at[tmpl + 1]; c++) {
		uint32_t state = follow(x, &x->f->chains[c]);

		if (state == UINT32_MAX)
			return ANSWER_ROWS;
		if (state == TSN_AUTO_YES)
			return ANSWER_YES;
		if (state == TSN_AUTO_UNSURE)
			answer = ANSWER_UNKNOWN;
	}
	return answer;
}

static enum tsn_code
run_rows(struct rows *x, struct set *out)
{
	const struct block *b = x->b;
	const struct found *f = x->f;
	const uint64_t *tmpls = b->rows[SEG_COL_TMPL];
	uint32_t walks = f->walk_count;

	for (uint32_t i = 0; i < b->dir->rows; i++) {
		uint32_t tmpl = (uint32_t)tmpls[i];
		uint8_t a = f->answers[tmpl];
		const uint16_t *steps = &f->steps[(size_t)tmpl * walks];

		if (a == ANSWER_ROWS) {
			a = answer_row(x, tmpl);
			if (a == ANSWER_ROWS)
				return TSN_ECORRUPT;
		}
		if (a != ANSWER_NO)
			out->may[i / 64] |= UINT64_C(1) << (i % 64);
		if (a == ANSWER_YES)
			out->must[i / 64] |= UINT64_C(1) << (i % 64);
		for (uint32_t w = 0; w < walks; w++)
			x->walks[w].at += steps[w];
	}
	for (uint32_t w = 0; w < walks; w++)
		if (x->walks[w].values != NULL && x->walks[w].at != x->walks[w].values->n)
			return TSN_ECORRUPT;
	return TSN_OK;
}

/* True when no value of this block can make a difference, and without them nothing matches. */
static bool
all_none(struct rows *x)
{
	const struct found *f = x->f;

	for (uint32_t w = 0; w < f->walk_count; w++)
		if (x->walks[w].values != NULL)
			return false;
	for (uint32_t i = 0; i < x->hs->seg->tmpl_count; i++) {
		uint8_t a = f->answers[i] == ANSWER_ROWS ? answer_row(x, i) : f->answers[i];

		/* ROWS: it has a column that this block has not, and so no row here */
		if (a != ANSWER_NO && (a != ANSWER_ROWS || f->answers[i] != ANSWER_ROWS))
			return false;
	}
	return true;
}

enum tsn_code
rows_run(struct hint_seg *hs, const struct test *t, struct found *f, struct block *b,
    struct set *out)
{
	struct rows x = {.hs = hs, .t = t, .f = f, .b = b};
	enum tsn_code rc = TSN_OK;
	bool some = false;

	set_fill(out, false, false);
	for (uint32_t i = 0; i < hs->seg->tmpl_count && !some; i++)
		some = f->answers[i] != ANSWER_NO;
	if (!some)
		return TSN_OK;
	x.walks = calloc(f->walk_count + 1, sizeof *x.walks);
	if (x.walks == NULL)
		return TSN_ENOMEM;
	for (uint32_t w = 0; w < f->walk_count && rc == TSN_OK; w++)
		rc = ready_column(&x, w);
	if (rc == TSN_OK && !all_none(&x))
		rc = block_need_rows(b, SEG_COL_TMPL);
	if (rc == TSN_OK && b->rows[SEG_COL_TMPL] != NULL)
		rc = run_rows(&x, out);
	free(x.walks);
	return rc;
}
