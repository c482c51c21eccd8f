/*
 * Counts of a whole segment: the directory says how many rows each template has, a dictionary how
 * often each of its values stands in the segment.  That is enough where the rows of a template are
 * all alike in what is asked, or differ in one value of a dictionary; and where all templates that
 * share the dictionary mean the same by a value, for how often it stands in each is not kept.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "store/tally_int.h"

#define NONE UINT32_MAX

struct summary {
	struct tally *t;
	struct seg *seg;
	const struct hint_seg *hs;
	uint32_t *column;	/* by template: whose values tell its rows apart; NONE: they are alike */
	uint32_t *first;	/* by column: a template that it tells apart; NONE: no such */
	bool *needs;
	struct tsn_err *err;
};

static enum hint_answer
answer_of(const struct summary *s, uint32_t tmpl)
{
	return s->hs == NULL ? HINT_ALL : hint_tmpl(s->hs, tmpl);
}

/* The one column that the wanted fields and the predicate ask of; false: there are several. */
static bool
find_column(struct summary *s, uint32_t tmpl)
{
	const struct seg_tmpl *st = &s->seg->tmpls[tmpl];
	enum hint_answer answer = answer_of(s, tmpl);
	uint32_t column = NONE, wanted, times = 0;
	bool source;

	s->column[tmpl] = NONE;
	if (answer == HINT_NONE)
		return true;
	if (answer == HINT_SOME && !hint_column(s->hs, tmpl, &column))
		return false;
	if (!tally_folds(st->tmpl, &s->t->projection, &source) ||
	    (source && s->seg->source_count != 1))
		return false;
	unshape_needs(st->tmpl, &s->t->projection, s->needs);
	for (uint32_t i = 0; i < st->tmpl->slot_count; i++) {
		if (!s->needs[i] || (st->tmpl->repeats && i + 1 == st->tmpl->slot_count))
			continue;
		wanted = st->columns[i];
		if ((column != NONE && column != wanted) ||
		    s->seg->columns[wanted].forms != 1u << COLUMN_SHARED)
			return false;
		column = wanted;
	}
	for (uint32_t i = 0; i < st->tmpl->slot_count && column != NONE; i++)
		times += st->columns[i] == column;
	s->column[tmpl] = column;
	return times <= 1;
}

static bool
same_field(const struct tmpl_field *a, const struct tmpl_field *b)
{
	if (a->key != b->key || a->pos != 0 || b->pos != 0 || a->type != b->type ||
	    a->flags != b->flags || a->from != b->from || a->num_from != b->num_from)
		return false;
	if (a->from == FROM_CONST)
		return a->has_text == b->has_text && a->num == b->num &&
		    tsn_slice_eq(a->text, b->text);
	return a->from != FROM_SPAN;
}

/* One value gives the same event in both. */
static bool
same_event(const struct summary *s, const struct tmpl *a, const struct tmpl *b)
{
	const struct projection *p = &s->t->projection;
	uint32_t i = 0, k = 0;

	for (;; i++, k++) {
		while (i < a->field_count && !projection_has(p, a->fields[i].key))
			i++;
		while (k < b->field_count && !projection_has(p, b->fields[k].key))
			k++;
		if (i == a->field_count || k == b->field_count)
			return i == a->field_count && k == b->field_count;
		if (!same_field(&a->fields[i], &b->fields[k]))
			return false;
	}
}

/* Templates that have a value in the column, and those that it tells apart, must all be alike. */
static bool
check_columns(struct summary *s)
{
	for (uint32_t c = 0; c < s->seg->column_count; c++)
		s->first[c] = NONE;
	for (uint32_t i = 0; i < s->seg->tmpl_count; i++)
		if (s->column[i] != NONE && s->first[s->column[i]] == NONE)
			s->first[s->column[i]] = i;
	for (uint32_t i = 0; i < s->seg->tmpl_count; i++) {
		const struct seg_tmpl *st = &s->seg->tmpls[i];

		for (uint32_t k = 0; k < st->tmpl->slot_count; k++) {
			uint32_t first = s->first[st->columns[k]];

			if (first == NONE || first == i)
				continue;
			if (s->column[i] != st->columns[k] || answer_of(s, i) != answer_of(s, first) ||
			    !same_event(s, st->tmpl, s->seg->tmpls[first].tmpl) ||
			    (answer_of(s, i) == HINT_SOME && !hint_same(s->hs, i, first)))
				return false;
		}
	}
	return true;
}

/* No value may be unsure, and a damaged count must not be given: together they are the rows. */
static enum tsn_code
check_counts(struct summary *s, uint32_t column, bool *ret_good)
{
	const struct seg_column *c = &s->seg->columns[column];
	uint32_t first = s->first[column];
	uint64_t rows = 0, total = 0;

	TSN_TRY(s->t->scan->tally_field_count > 0 ? seg_dict(s->seg, column) :
						    seg_dict_lean(s->seg, column));
	for (uint32_t i = 0; i < s->seg->tmpl_count; i++)
		rows += s->column[i] == column ? s->seg->tmpls[i].rows : 0;
	*ret_good = true;
	for (uint32_t i = 0; i < c->dict.count; i++) {
		total += c->dict_counts[i];
		if (answer_of(s, first) == HINT_SOME && hint_code(s->hs, first, i) == HINT_SOME)
			*ret_good = false;
	}
	*ret_good &= total == rows;
	return TSN_OK;
}

static enum tsn_code
put_value(struct summary *s, uint32_t tmpl, uint32_t code, uint64_t count)
{
	const struct seg_tmpl *st = &s->seg->tmpls[tmpl];
	uint32_t column = s->column[tmpl];
	struct row row = {.tmpl = st->tmpl, .source = s->seg->sources[0],
	    .time_ns = s->seg->blocks[0].time_max, .vals = s->t->vals};
	struct tsn_slice text;

	for (uint32_t i = 0; i < st->tmpl->slot_count; i++) {
		s->t->vals[i] = (struct val){"", 0, 0};
		if (column == NONE || st->columns[i] != column || s->t->scan->tally_field_count == 0)
			continue;
		text = strings_get(&s->seg->columns[column].dict, code);
		s->t->vals[i] = (struct val){text.ptr, 0, (uint32_t)text.len};
	}
	return tally_put(s->t, &row, count, s->err);
}

/* The value is all that is asked of these events. */
static bool
is_alone(const struct summary *s, uint32_t tmpl, struct tally_kind *ret_kind)
{
	const struct tmpl *m = s->seg->tmpls[tmpl].tmpl;
	const struct tmpl_field *only = NULL;

	for (uint32_t i = 0; i < m->field_count; i++) {
		if (m->fields[i].key == TSN_KEY_NONE ||
		    !projection_has(&s->t->projection, m->fields[i].key))
			continue;
		if (only != NULL)
			return false;
		only = &m->fields[i];
	}
	if (only == NULL || s->t->scan->tally_span_ns > 0 || only->from != FROM_SLOT ||
	    only->pos != 0 || only->num_from == NUM_SLOT ||
	    s->seg->tmpls[tmpl].columns[only->slot] != s->column[tmpl])
		return false;
	*ret_kind = (struct tally_kind){only->key, only->type, only->flags,
	    only->num_from == NUM_TEXT};
	s->t->sum_time_ns = s->seg->blocks[0].time_max;
	s->t->sum_source = s->seg->sources[0];
	return true;
}

static enum tsn_code
put_column(struct summary *s, uint32_t column)
{
	const struct seg_column *c = &s->seg->columns[column];
	uint32_t first = s->first[column];
	bool all = answer_of(s, first) == HINT_ALL;
	struct tally_kind kind;
	bool alone = s->t->scan->tally_field_count > 0 && is_alone(s, first, &kind);
	uint64_t alike = 0;

	for (uint32_t i = 0; i < c->dict.count; i++) {
		if (c->dict_counts[i] == 0 || (!all && hint_code(s->hs, first, i) != HINT_ALL))
			continue;
		if (s->t->scan->tally_field_count == 0)
			alike += c->dict_counts[i];
		else if (alone)
			TSN_TRY(tally_sum(s->t, &kind, strings_get(&c->dict, i), c->dict_counts[i],
			    s->err));
		else
			TSN_TRY(put_value(s, first, i, c->dict_counts[i]));
	}
	return alike == 0 ? TSN_OK : put_value(s, first, 0, alike);
}

static enum tsn_code
give_all(struct summary *s)
{
	for (uint32_t c = 0; c < s->seg->column_count; c++)
		if (s->first[c] != NONE)
			TSN_TRY(put_column(s, c));
	for (uint32_t i = 0; i < s->seg->tmpl_count; i++)
		if (s->column[i] == NONE && s->seg->tmpls[i].rows > 0 && answer_of(s, i) == HINT_ALL)
			TSN_TRY(put_value(s, i, 0, s->seg->tmpls[i].rows));
	return tally_give(s->t, s->err);
}

static enum tsn_code
run(struct summary *s, bool *ret_done)
{
	uint64_t rows = 0;
	bool good = true;

	for (uint32_t i = 0; i < s->seg->tmpl_count; i++) {
		rows += s->seg->tmpls[i].rows;
		if (!find_column(s, i))
			return TSN_OK;
	}
	if (rows != s->seg->rows || !check_columns(s))
		return TSN_OK;
	for (uint32_t c = 0; c < s->seg->column_count && good; c++)
		if (s->first[c] != NONE)
			TSN_TRY(check_counts(s, c, &good));
	if (!good)
		return TSN_OK;
	*ret_done = true;
	return give_all(s);
}

enum tsn_code
tally_segment(struct tally *t, struct seg *seg, const struct hint_seg *hs, bool *ret_done,
    struct tsn_err *err)
{
	struct summary s = {.t = t, .seg = seg, .hs = hs, .err = err};
	enum tsn_code rc;

	*ret_done = false;
	if (seg->block_count == 0 || seg->source_count == 0)
		return TSN_OK;
	TSN_TRY(tally_refresh(t));
	s.column = calloc(seg->tmpl_count + 1, sizeof *s.column);
	s.first = calloc(seg->column_count + 1, sizeof *s.first);
	s.needs = malloc(TMPL_SLOTS_MAX * sizeof *s.needs);
	rc = s.column == NULL || s.first == NULL || s.needs == NULL ? TSN_ENOMEM : run(&s, ret_done);
	free(s.column);
	free(s.first);
	free(s.needs);
	/* of a damaged dictionary the blocks will tell that need it */
	return rc == TSN_ECORRUPT && !*ret_done ? TSN_OK : rc;
}
