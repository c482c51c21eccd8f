#include "store/hint_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "match/wild.h"
#include "match/word.h"
#include "store/parts_int.h"
#include "store/rowset_int.h"

#define DEPTH_MAX 32u
#define HINT_BYTES_MAX (256u << 20)
#define PIECES_MAX (PARTS_LITERALS_MAX + 1)
#define SPAN_MAX 256u

/* One test on one value; words and phrases are several, of which each must be true. */
struct test {
	struct tsn_catom atom;
	bool record;			/* on every text of the record, not on one field */
	bool spans;			/* may reach over several elements: parts_may_span */
	bool inside;			/* lies within one element of the record, or nowhere */
	tsn_key key;			/* of the field */
};

struct node {
	enum tsn_pred_op op;
	uint32_t kid_count;
	struct node **kids;
	struct test *tests;		/* ATOM: all of them; none: not known */
	uint32_t test_count, first;	/* first: number of tests[0] in the whole tree */
	bool exact;			/* ATOM: the tests say it all */
	bool whole;			/* ATOM: the first test does, the others only narrow it */
	bool exists;			/* ATOM: presence of tests[0].key */
};

struct hint {
	struct tsn_arena arena;
	struct tsn_keys *keys;
	struct node *root;
	struct tsn_match_scratch scratch;
	uint32_t test_count;
};

/* How a template answers a test. */
enum { ANSWER_NO, ANSWER_YES, ANSWER_ROWS, ANSWER_UNKNOWN };

/* A column whose values decide, read in one way (as the field that is made of them). */
struct look {
	uint32_t column;
	uint8_t type;			/* enum tsn_type */
	bool escaped;
	uint64_t *masks;		/* by template: which of its slots in the column count */
	unsigned char *codes;		/* by code of the segment's dictionary; NULL: not tested yet */
	bool codes_any;
};

struct found {				/* one test on one segment */
	bool ready, any;		/* any: something may be true at all */
	unsigned char *answers;		/* by template */
	struct look *looks;
	uint32_t look_count, look_cap;
};

struct hint_seg {
	struct hint *h;
	struct seg *seg;
	struct tsn_arena arena;
	struct found *found;		/* by test */
	unsigned char *glued;		/* by template: 0 not known, 1 no, 2 yes */
};

/* ---- the predicate ---- */

static bool
key_of(struct hint *h, struct tsn_slice field, tsn_key *ret_key)
{
	struct tsn_path path;

	/* An index fixes one element: the test on any element is weaker, never exact. */
	if (tsn_path_parse(h->keys, field, &path, NULL) != TSN_OK || path.index_count > 0)
		return false;
	*ret_key = path.key;
	return true;
}

static enum tsn_code
add_test(struct hint *h, struct node *n, const struct tsn_atom *atom, bool record, tsn_key key)
{
	struct test *t = &n->tests[n->test_count];
	enum tsn_code rc;

	if (n->test_count >= PIECES_MAX)
		return TSN_OK;		/* fewer tests only find less */
	*t = (struct test){.record = record, .key = key};
	rc = tsn_atom_compile(&h->arena, atom, &t->atom, NULL);
	if (rc != TSN_OK)
		return rc == TSN_ENOMEM ? rc : TSN_OK;
	n->test_count++;
	h->test_count++;
	return TSN_OK;
}

/*
 * A search text is cut into its words; no word of a record reaches over the border of an element
 * (but for templates that are glued), so each is looked for by itself.
 */
static enum tsn_code
add_words(struct hint *h, struct node *n, const struct tsn_atom *atom)
{
	struct tsn_slice v = atom->value;
	bool keyword = atom->op == TSN_ATOM_KEYWORD;

	if (!keyword && v.len > 0 && v.len <= SPAN_MAX && !tsn_wild_has(v) && !parts_is_word(v)) {
		TSN_TRY(add_test(h, n, atom, true, 0));
		n->whole = n->test_count == 1;
		if (n->whole)
			n->tests[0].spans = true;
	}
	for (size_t i = 0; i < v.len;) {
		struct tsn_atom piece = *atom;
		size_t start = i;

		/* A wildcard of a keyword stands for anything: it ends a piece. */
		while (i < v.len && (keyword ? tsn_word_char(v.ptr[i]) && !tsn_wild_has(
		    (struct tsn_slice){v.ptr + i, 1}) : parts_word_char(v.ptr[i])))
			i++;
		if (i == start) {
			i++;
			continue;
		}
		piece.value = (struct tsn_slice){v.ptr + start, i - start};
		TSN_TRY(add_test(h, n, &piece, true, 0));
		n->exact = !keyword && start == 0 && i == v.len;
	}
	if (n->test_count != 1)
		n->exact = false;
	n->exact |= n->whole;
	return TSN_OK;
}

/* A regular expression over the record: rows without its fixed parts need not be tried. */
static enum tsn_code
add_literals(struct hint *h, struct node *n, const struct tsn_atom *atom, tsn_key key)
{
	struct parts_literals *l = tsn_arena_calloc(&h->arena, 1, sizeof *l);

	if (l == NULL)
		return TSN_ENOMEM;
	parts_of_regex(atom->value, l);
	for (uint32_t i = 0; i < l->count; i++) {
		struct tsn_atom part = *atom;
		uint32_t before = n->test_count;

		part.op = TSN_ATOM_CONTAINS;
		part.flags = 0;
		part.value = (struct tsn_slice){l->text[i], l->len[i]};
		TSN_TRY(add_test(h, n, &part, false, key));
		if (n->test_count > before)
			n->tests[before].spans = true;
	}
	return TSN_OK;
}

static enum tsn_code
make_atom(struct hint *h, struct node *n, const struct tsn_atom *atom)
{
	tsn_key key;

	n->tests = tsn_arena_calloc(&h->arena, PIECES_MAX, sizeof *n->tests);
	if (n->tests == NULL)
		return TSN_ENOMEM;
	n->first = h->test_count;
	if (atom->field.len == 0) {
		if (atom->op == TSN_ATOM_WORD || atom->op == TSN_ATOM_KEYWORD)
			return add_words(h, n, atom);
		return TSN_OK;
	}
	if (tsn_atom_is_pair(atom->op) || atom->op == TSN_ATOM_NULL ||
	    (atom->flags & TSN_ATOM_ALL_ELEMENTS) || !key_of(h, atom->field, &key))
		return TSN_OK;
	n->exact = true;
	n->exists = atom->op == TSN_ATOM_EXISTS;
	TSN_TRY(add_test(h, n, atom, false, key));
	if (key != TSN_F_EVENT_ORIGINAL || n->test_count == 0)
		return TSN_OK;
	n->tests[0].inside = atom->op == TSN_ATOM_WORD && parts_is_word(atom->value);
	n->tests[0].spans = !n->tests[0].inside && atom->value.len > 0 &&
	    atom->value.len <= SPAN_MAX && (atom->op == TSN_ATOM_CONTAINS ||
	    (atom->op == TSN_ATOM_WORD && !tsn_wild_has(atom->value)));
	return atom->op == TSN_ATOM_REGEX ? add_literals(h, n, atom, key) : TSN_OK;
}

static enum tsn_code
make_node(struct hint *h, const struct tsn_pred *p, uint32_t depth, struct node **ret_node)
{
	struct node *n = tsn_arena_calloc(&h->arena, 1, sizeof *n);

	if (n == NULL)
		return TSN_ENOMEM;
	*ret_node = n;
	n->op = p->op;
	if (p->op == TSN_PRED_ATOM)
		return make_atom(h, n, &p->atom);
	if (depth == DEPTH_MAX) {	/* too deep to look into: not known */
		n->op = TSN_PRED_ATOM;
		return TSN_OK;
	}
	n->kids = tsn_arena_calloc(&h->arena, p->kid_count + 1, sizeof(struct node *));
	if (n->kids == NULL)
		return TSN_ENOMEM;
	n->kid_count = p->kid_count;
	for (uint32_t i = 0; i < p->kid_count; i++)
		TSN_TRY(make_node(h, p->kids[i], depth + 1, &n->kids[i]));
	return TSN_OK;
}

enum tsn_code
hint_new(const struct tsn_pred *pred, struct tsn_keys *keys, struct hint **ret_hint)
{
	struct hint *h;
	enum tsn_code rc;

	*ret_hint = NULL;
	if (pred == NULL || pred->op == TSN_PRED_TRUE)
		return TSN_OK;
	h = calloc(1, sizeof *h);
	if (h == NULL)
		return TSN_ENOMEM;
	h->keys = keys;
	tsn_arena_init(&h->arena, HINT_BYTES_MAX);
	rc = tsn_match_scratch_init(&h->scratch);
	if (rc == TSN_OK)
		rc = make_node(h, pred, 0, &h->root);
	if (rc != TSN_OK)
		hint_free(h);
	else
		*ret_hint = h;
	return rc;
}

static void
done_node(struct node *n, uint32_t depth)
{
	if (n == NULL || depth > DEPTH_MAX)
		return;
	for (uint32_t i = 0; i < n->test_count; i++)
		tsn_atom_done(&n->tests[i].atom);
	for (uint32_t i = 0; i < n->kid_count; i++)
		done_node(n->kids[i], depth + 1);
}

void
hint_free(struct hint *h)
{
	if (h == NULL)
		return;
	done_node(h->root, 0);
	tsn_match_scratch_done(&h->scratch);
	tsn_arena_done(&h->arena);
	free(h);
}

enum tsn_code
hint_seg_new(struct hint *h, struct seg *seg, struct hint_seg **ret_seg)
{
	struct hint_seg *hs = calloc(1, sizeof *hs);

	if (hs == NULL)
		return TSN_ENOMEM;
	hs->h = h;
	hs->seg = seg;
	tsn_arena_init(&hs->arena, HINT_BYTES_MAX);
	hs->found = tsn_arena_calloc(&hs->arena, h->test_count + 1, sizeof *hs->found);
	hs->glued = tsn_arena_calloc(&hs->arena, seg->tmpl_count + 1, 1);
	if (hs->found == NULL || hs->glued == NULL) {
		hint_seg_free(hs);
		return TSN_ENOMEM;
	}
	*ret_seg = hs;
	return TSN_OK;
}

void
hint_seg_free(struct hint_seg *hs)
{
	if (hs == NULL)
		return;
	for (uint32_t i = 0; hs->found != NULL && i < hs->h->test_count; i++)
		free(hs->found[i].looks);
	tsn_arena_done(&hs->arena);
	free(hs);
}

/* ---- one test on the templates of a segment ---- */

static bool
test_text(struct hint *h, const struct test *t, uint8_t type, struct tsn_slice text)
{
	struct tsn_field f = {.ptr = text.ptr, .len = (uint32_t)text.len, .type = type};
	struct tsn_value v = {.raw = text};
	bool value;

	if (t->record) {
		value = tsn_atom_test_text(&t->atom, &h->scratch, &v);
	} else {
		if (type != TSN_T_STR && !tmpl_num_of_text(type, text, &f.num.u))
			return true;
		value = tsn_atom_test(&t->atom, &h->scratch, &f, &v);
	}
	tsn_arena_reset(&h->scratch.arena);
	return value;
}

static bool
test_const(struct hint *h, const struct test *t, const struct tmpl_field *m)
{
	struct tsn_field f = {.ptr = m->has_text ? m->text.ptr : NULL, .len = (uint32_t)m->text.len,
	    .type = m->type, .num.u = m->num};
	char scratch[TSN_TIME_TEXT_MAX];
	struct tsn_value v = {.raw = tsn_field_text(&f, scratch)};
	bool value = tsn_atom_test(&t->atom, &h->scratch, &f, &v);

	tsn_arena_reset(&h->scratch.arena);
	return value;
}

/* Slot `slot` of template `tmpl`, read as `type`, decides rows. */
static enum tsn_code
add_look(struct hint_seg *hs, struct found *f, uint32_t tmpl, uint32_t slot, uint8_t type,
    bool escaped)
{
	const struct seg_tmpl *t = &hs->seg->tmpls[tmpl];
	uint32_t column = t->columns[slot], nth = 0, i;

	for (uint32_t k = 0; k < slot; k++)
		nth += t->columns[k] == column;
	if (nth >= 64) {
		f->answers[tmpl] = ANSWER_UNKNOWN;
		return TSN_OK;
	}
	for (i = 0; i < f->look_count; i++)
		if (f->looks[i].column == column && f->looks[i].type == type &&
		    f->looks[i].escaped == escaped)
			break;
	if (i == f->look_count) {
		if (f->look_count == f->look_cap) {
			uint32_t cap = f->look_cap == 0 ? 8 : f->look_cap * 2;
			struct look *looks = reallocarray(f->looks, cap, sizeof *looks);

			if (looks == NULL)
				return TSN_ENOMEM;
			f->looks = looks;
			f->look_cap = cap;
		}
		f->looks[i] = (struct look){.column = column, .type = type, .escaped = escaped};
		f->looks[i].masks = tsn_arena_calloc(&hs->arena, hs->seg->tmpl_count,
		    sizeof(uint64_t));
		if (f->looks[i].masks == NULL)
			return TSN_ENOMEM;
		f->look_count++;
	}
	f->looks[i].masks[tmpl] |= UINT64_C(1) << nth;
	if (f->answers[tmpl] == ANSWER_NO)
		f->answers[tmpl] = ANSWER_ROWS;
	return TSN_OK;
}

static enum tsn_code
look_at_field(struct hint_seg *hs, struct found *f, const struct test *t, uint32_t tmpl,
    const struct tmpl_field *m)
{
	bool by_text = m->type == TSN_T_STR ? m->num_from == NUM_NONE : m->num_from == NUM_TEXT;

	if (m->from == FROM_CONST) {
		if (test_const(hs->h, t, m))
			f->answers[tmpl] = ANSWER_YES;
	} else if (m->from == FROM_ESCAPED && m->type == TSN_T_STR) {
		return add_look(hs, f, tmpl, m->slot, m->type, true);
	} else if (m->from == FROM_SLOT && by_text) {
		return add_look(hs, f, tmpl, m->slot, m->type, false);
	} else {
		f->answers[tmpl] = ANSWER_UNKNOWN;
	}
	return TSN_OK;
}

/* parts_glued, once for each template. */
static bool
is_glued(struct hint_seg *hs, uint32_t tmpl)
{
	if (hs->glued[tmpl] == 0)
		hs->glued[tmpl] = parts_glued(hs->seg->tmpls[tmpl].tmpl) ? 2 : 1;
	return hs->glued[tmpl] == 2;
}

static bool
record_unknown(struct hint_seg *hs, const struct test *t, const struct tmpl *m)
{
	for (uint32_t i = 0; i < m->elem_count; i++) {
		const struct elem *e = &m->elems[i];

		if (e->kind == ELEM_TIME && (t->spans ? parts_time_may_hold(e, t->atom.value) :
		    timetext_may_hold(&e->time, parts_least(t->atom.value),
		    t->atom.op == TSN_ATOM_WORD && !t->atom.wild)))
			return true;
	}
	return t->spans && parts_may_span(m, t->atom.value, &hs->h->scratch,
	    t->atom.flags & TSN_ATOM_CASED);
}

/* The record alone, for tests on event.original; else the fields beside it too. */
static enum tsn_code
look_at_record(struct hint_seg *hs, struct found *f, const struct test *t, uint32_t tmpl)
{
	const struct tmpl *m = hs->seg->tmpls[tmpl].tmpl;
	bool unknown;

	if (is_glued(hs, tmpl)) {
		f->answers[tmpl] = ANSWER_UNKNOWN;
		return TSN_OK;
	}
	unknown = record_unknown(hs, t, m);
	for (uint32_t i = 0; i < m->elem_count && f->answers[tmpl] == ANSWER_NO; i++)
		if (m->elems[i].kind == ELEM_STATIC && test_text(hs->h, t, TSN_T_STR,
		    (struct tsn_slice){m->elems[i].ptr, m->elems[i].len}))
			f->answers[tmpl] = ANSWER_YES;
	for (uint32_t i = 0; t->record && i < m->field_count && f->answers[tmpl] == ANSWER_NO; i++) {
		const struct tmpl_field *x = &m->fields[i];

		if (x->from == FROM_CONST && x->has_text && x->key > TSN_F_LOG_SOURCE_ADDRESS &&
		    x->type >= TSN_T_STR && x->type <= TSN_T_FLOAT &&
		    test_text(hs->h, t, TSN_T_STR, x->text))
			f->answers[tmpl] = ANSWER_YES;
	}
	if (unknown && f->answers[tmpl] == ANSWER_NO)
		f->answers[tmpl] = ANSWER_UNKNOWN;
	if (f->answers[tmpl] != ANSWER_NO)
		return TSN_OK;
	for (uint32_t i = 0; i < m->slot_count; i++)
		if (!m->slots[i].is_num && (m->slots[i].elem != UINT32_MAX ||
		    (t->record && m->slots[i].key > TSN_F_LOG_SOURCE_ADDRESS)))
			TSN_TRY(add_look(hs, f, tmpl, i, TSN_T_STR, false));
	for (uint32_t i = 0; t->record && i < m->field_count; i++)
		if (m->fields[i].from == FROM_ESCAPED)
			TSN_TRY(add_look(hs, f, tmpl, m->fields[i].slot, TSN_T_STR, true));
	return TSN_OK;
}

static enum tsn_code
look_at_tmpl(struct hint_seg *hs, const struct node *n, const struct test *t, struct found *f,
    uint32_t tmpl)
{
	const struct tmpl *m = hs->seg->tmpls[tmpl].tmpl;

	if (t->record)
		return look_at_record(hs, f, t, tmpl);
	for (uint32_t i = 0; i < m->field_count; i++) {
		const struct tmpl_field *x = &m->fields[i];

		if (x->key == TSN_KEY_NONE)
			continue;
		if (n->exists && tsn_keys_under(hs->h->keys, x->key, t->key))
			f->answers[tmpl] = ANSWER_YES;
		else if (x->key == t->key && x->from == FROM_ORIGINAL && (t->spans || t->inside))
			return look_at_record(hs, f, t, tmpl);
		else if (!n->exists && x->key == t->key && f->answers[tmpl] != ANSWER_YES)
			TSN_TRY(look_at_field(hs, f, t, tmpl, x));
	}
	return TSN_OK;
}

/* Which codes of the segment's dictionary make the test true. */
static enum tsn_code
test_codes(struct hint_seg *hs, const struct test *t, struct look *l, const struct strings *dict,
    unsigned char *codes, bool *ret_any)
{
	struct tsn_buf plain TSN_CLEANUP(tsn_buf_done);

	*ret_any = false;
	tsn_buf_init(&plain, DICT_BYTES_MAX);
	for (uint32_t i = 0; i < dict->count; i++) {
		struct tsn_slice s = strings_get(dict, i);

		if (l->escaped) {
			tsn_buf_reset(&plain);
			if (!tsn_buf_room(&plain, s.len + 4))
				return TSN_ENOMEM;
			s = (struct tsn_slice){plain.ptr, tmpl_unescape(s, plain.ptr)};
		}
		codes[i] = s.len == SIZE_MAX || test_text(hs->h, t, l->type, s);
		*ret_any |= codes[i];
	}
	return TSN_OK;
}

static enum tsn_code
prepare(struct hint_seg *hs, const struct node *n, const struct test *t, struct found *f)
{
	if (f->ready)
		return TSN_OK;
	f->answers = tsn_arena_calloc(&hs->arena, hs->seg->tmpl_count + 1, 1);
	if (f->answers == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < hs->seg->tmpl_count; i++)
		TSN_TRY(look_at_tmpl(hs, n, t, f, i));
	f->ready = true;
	return TSN_OK;
}

/* ---- one test on the rows of a block ---- */

static bool
digits_can(const struct test *t, const struct seg_entry *e)
{
	struct tsn_slice v = t->atom.value;
	uint64_t number = 0;

	if (t->atom.wild || (t->atom.op != TSN_ATOM_EQ && t->atom.op != TSN_ATOM_WORD &&
	    t->atom.op != TSN_ATOM_CONTAINS))
		return true;
	for (size_t i = 0; i < v.len; i++)
		if (v.ptr[i] < '0' || v.ptr[i] > '9')
			return false;
	if (e->form != COLUMN_DIGITS || t->atom.op == TSN_ATOM_CONTAINS)
		return true;
	if (v.len == 0 || v.len > 18)
		return false;
	for (size_t i = 0; i < v.len; i++)
		number = number * 10 + (uint64_t)(v.ptr[i] - '0');
	return number >= e->min && number <= e->max;
}

/* By value of the column: whether it makes the test true. */
static enum tsn_code
test_digits(struct hint_seg *hs, const struct test *t, const struct look *l,
    const struct values *v, unsigned char *hits)
{
	char text[24], plain[24];
	uint64_t last = UINT64_MAX;
	unsigned char answer = 0;

	for (uint32_t i = 0; i < v->n; i++) {
		if (i == 0 || v->v[i] != last) {
			struct tsn_slice s = values_text(v, i, text);

			last = v->v[i];
			if (l->escaped)
				s = (struct tsn_slice){plain, tmpl_unescape(s, plain)};
			answer = test_text(hs->h, t, l->type, s);
		}
		hits[i] = answer;
	}
	return TSN_OK;
}

static enum tsn_code
test_values(struct hint_seg *hs, const struct test *t, struct look *l, struct block *b,
    unsigned char *hits, bool *ret_any)
{
	const struct values *v = &b->values[l->column];
	unsigned char *codes = l->codes;

	*ret_any = true;
	if (v->form < COLUMN_SHARED)
		return test_digits(hs, t, l, v, hits);
	if (v->form == COLUMN_LOCAL) {
		codes = malloc((size_t)v->dict->count + 1);
		if (codes == NULL)
			return TSN_ENOMEM;
		if (test_codes(hs, t, l, v->dict, codes, ret_any) != TSN_OK) {
			free(codes);
			return TSN_ENOMEM;
		}
	}
	for (uint32_t i = 0; i < v->n && *ret_any; i++)
		hits[i] = codes[v->v[i]];
	if (v->form == COLUMN_LOCAL)
		free(codes);
	return TSN_OK;
}

static void
mark_rows(const struct look *l, const struct block *b, const uint32_t *counts,
    const unsigned char *hits, uint64_t *rows)
{
	const uint64_t *tmpls = b->rows[SEG_COL_TMPL];
	uint32_t at = 0;

	for (uint32_t i = 0; i < b->dir->rows; i++) {
		uint32_t n = counts[tmpls[i]];
		uint64_t mask;

		if (n == 0)
			continue;
		mask = l->masks[tmpls[i]];
		for (uint32_t k = 0; k < n && mask != 0; k++, mask >>= 1)
			if ((mask & 1) && hits[at + k])
				rows[i / 64] |= UINT64_C(1) << (i % 64);
		at += n;
	}
}

/* Nothing is unpacked when no entry of the dictionary, or no number in the bounds, can do. */
static enum tsn_code
look_useless(struct hint_seg *hs, const struct test *t, struct look *l, const struct block *b,
    bool *ret_useless)
{
	const struct seg_entry *e = block_entry(b, l->column);
	const struct seg_column *c = &hs->seg->columns[l->column];

	*ret_useless = true;
	if (e == NULL)
		return TSN_OK;
	if ((e->form == COLUMN_DIGITS || e->form == COLUMN_PADDED) && !digits_can(t, e))
		return TSN_OK;
	if (e->form == COLUMN_SHARED) {
		if (l->codes == NULL) {
			TSN_TRY(seg_dict(hs->seg, l->column));
			l->codes = tsn_arena_alloc(&hs->arena, (size_t)c->dict.count + 1);
			if (l->codes == NULL)
				return TSN_ENOMEM;
			TSN_TRY(test_codes(hs, t, l, &c->dict, l->codes, &l->codes_any));
		}
		if (!l->codes_any)
			return TSN_OK;
	}
	*ret_useless = false;
	return TSN_OK;
}

static enum tsn_code
run_look(struct hint_seg *hs, const struct test *t, struct look *l, struct block *b,
    uint64_t *rows)
{
	struct seg *seg = hs->seg;
	unsigned char *hits = NULL;
	uint32_t *counts = NULL, total = 0;
	bool useless, any = true;
	enum tsn_code rc;

	TSN_TRY(look_useless(hs, t, l, b, &useless));
	if (useless)
		return TSN_OK;
	TSN_TRY(block_need_rows(b, SEG_COL_TMPL));
	TSN_TRY(block_need_values(b, l->column));
	hits = malloc((size_t)b->values[l->column].n + 1);
	counts = calloc(seg->tmpl_count + 1, sizeof *counts);
	rc = hits == NULL || counts == NULL ? TSN_ENOMEM :
	    test_values(hs, t, l, b, hits, &any);
	if (rc == TSN_OK && any) {
		for (uint32_t i = 0; i < seg->tmpl_count; i++)
			for (uint32_t k = 0; k < seg->tmpls[i].tmpl->slot_count; k++)
				counts[i] += seg->tmpls[i].columns[k] == l->column;
		for (uint32_t i = 0; i < b->dir->rows; i++)
			total += counts[b->rows[SEG_COL_TMPL][i]];
		if (total == b->values[l->column].n)
			mark_rows(l, b, counts, hits, rows);
		else
			rc = TSN_ECORRUPT;
	}
	free(hits);
	free(counts);
	return rc;
}

static void
mark_tmpls(const struct found *f, const struct block *b, uint64_t *may, uint64_t *must)
{
	const uint64_t *tmpls = b->rows[SEG_COL_TMPL];

	for (uint32_t i = 0; i < b->dir->rows; i++) {
		unsigned char a = f->answers[tmpls[i]];

		may[i / 64] |= (uint64_t)(a == ANSWER_YES || a == ANSWER_UNKNOWN) << (i % 64);
		must[i / 64] |= (uint64_t)(a == ANSWER_YES) << (i % 64);
	}
}

static enum tsn_code
run_test(struct hint_seg *hs, const struct node *n, uint32_t which, struct block *b,
    struct set *out)
{
	const struct test *t = &n->tests[which];
	struct found *f = &hs->found[n->first + which];
	uint64_t rows[HINT_WORDS] = {0};
	bool whole = false;

	memset(out, 0, sizeof *out);
	TSN_TRY(prepare(hs, n, t, f));
	for (uint32_t i = 0; i < hs->seg->tmpl_count && !whole; i++)
		whole = f->answers[i] == ANSWER_YES || f->answers[i] == ANSWER_UNKNOWN;
	if (whole) {
		TSN_TRY(block_need_rows(b, SEG_COL_TMPL));
		mark_tmpls(f, b, out->may, out->must);
	}
	for (uint32_t i = 0; i < f->look_count; i++)
		TSN_TRY(run_look(hs, t, &f->looks[i], b, rows));
	for (uint32_t i = 0; i < HINT_WORDS; i++) {
		out->may[i] |= rows[i];
		out->must[i] |= rows[i];
	}
	return TSN_OK;
}

/* ---- the tree ---- */

static enum tsn_code
run_atom(struct hint_seg *hs, const struct node *n, struct block *b, struct set *out)
{
	struct set *one;
	enum tsn_code rc = TSN_OK;

	set_fill(out, true, n->test_count > 0);
	if (n->test_count == 0)
		return TSN_OK;
	one = malloc(sizeof *one);
	if (one == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < n->test_count && rc == TSN_OK; i++) {
		rc = run_test(hs, n, i, b, one);
		if (n->whole && i > 0)
			memcpy(one->must, out->must, sizeof one->must);
		set_join(out, one, true);
		for (uint32_t k = 0; k < HINT_WORDS; k++)
			one->may[k] = out->may[k] & ~out->must[k];
		if (set_none(n->whole ? one->may : out->may, b->dir->rows))
			break;
	}
	free(one);
	if (!n->exact)
		memset(out->must, 0, sizeof out->must);
	return rc;
}

/* Depth is bounded by make_node. */
static enum tsn_code
run_node(struct hint_seg *hs, const struct node *n, struct block *b, struct set *out)
{
	bool both = n->op == TSN_PRED_AND;
	struct set *kid;
	enum tsn_code rc = TSN_OK;

	if (n->op == TSN_PRED_ATOM)
		return run_atom(hs, n, b, out);
	if (n->op == TSN_PRED_TRUE || n->op == TSN_PRED_FALSE) {
		set_fill(out, n->op == TSN_PRED_TRUE, n->op == TSN_PRED_TRUE);
		return TSN_OK;
	}
	kid = malloc(sizeof *kid);
	if (kid == NULL)
		return TSN_ENOMEM;
	set_fill(out, both, both);
	for (uint32_t i = 0; i < n->kid_count && rc == TSN_OK; i++) {
		rc = run_node(hs, n->kids[i], b, kid);
		if (rc != TSN_OK)
			break;
		if (n->op == TSN_PRED_NOT) {
			for (uint32_t k = 0; k < HINT_WORDS; k++) {
				out->may[k] = ~kid->must[k];
				out->must[k] = ~kid->may[k];
			}
			break;
		}
		set_join(out, kid, both);
		if (both && set_none(out->may, b->dir->rows))
			break;
	}
	free(kid);
	return rc;
}

enum tsn_code
hint_block(struct hint_seg *hs, struct block *b, uint64_t *may, uint64_t *must, bool *ret_any)
{
	struct set *out = malloc(sizeof *out);
	enum tsn_code rc;

	if (out == NULL)
		return TSN_ENOMEM;
	rc = run_node(hs, hs->h->root, b, out);
	if (rc == TSN_OK) {
		memcpy(may, out->may, sizeof out->may);
		if (must != NULL)
			memcpy(must, out->must, sizeof out->must);
		*ret_any = !set_none(may, b->dir->rows);
	}
	/* A value could not be looked at for want of memory: from here on nothing is left out. */
	if (hs->h->scratch.memory_fails > 0) {
		memset(may, 0xff, sizeof out->may);
		if (must != NULL)
			memset(must, 0, sizeof out->must);
		*ret_any = true;
	}
	free(out);
	return rc;
}
