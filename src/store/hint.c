#include "store/hint_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "match/wild.h"
#include "match/word.h"
#include "store/look_int.h"
#include "store/parts_int.h"
#include "store/rowset_int.h"

#define DEPTH_MAX 32u
#define HINT_BYTES_MAX (256u << 20)
#define TESTS_MAX (PARTS_LITERALS_MAX + 1)

struct node {
	enum tsn_pred_op op;
	uint32_t kid_count;
	struct node **kids;
	struct test *tests;		/* ATOM: none: not known */
	uint32_t test_count, first;	/* first: number of tests[0] in the whole tree */
	bool exact;			/* ATOM: there is one test and it says it all; else all of them
					 * are true where the atom is */
};

struct hint {
	struct tsn_arena arena;
	struct tsn_keys *keys;
	struct node *root;
	struct tsn_match_scratch scratch;
	uint32_t test_count;
};

/* ---- the predicate ---- */

struct tsn_keys *
hint_keys(const struct hint *h)
{
	return h->keys;
}

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

/* Texts that stand for one number alone: what a column of numbers holds is known by its bounds. */
static void
note_number(struct test *t, const struct tsn_atom *atom)
{
	struct tsn_slice v = atom->value;
	uint64_t number = 0;

	if (atom->op == TSN_ATOM_NUM_EQ) {
		t->low = atom->number >= 0 && atom->number < 9e15 ? (uint64_t)atom->number : 0;
		t->number = (double)t->low >= atom->number && (double)t->low <= atom->number;
		return;
	}
	if ((atom->op != TSN_ATOM_EQ && atom->op != TSN_ATOM_WORD) || v.len == 0 || v.len > 18 ||
	    (v.ptr[0] == '0' && v.len > 1))
		return;
	for (size_t i = 0; i < v.len; i++) {
		if (v.ptr[i] < '0' || v.ptr[i] > '9')
			return;
		number = number * 10 + (uint64_t)(v.ptr[i] - '0');
	}
	t->number = true;
	t->low = number;
}

static enum tsn_code
add_test(struct hint *h, struct node *n, const struct tsn_atom *atom, bool record, tsn_key key)
{
	struct test *t = &n->tests[n->test_count];
	enum tsn_code rc;

	if (n->test_count >= TESTS_MAX)
		return TSN_OK;		/* fewer tests only find less */
	*t = (struct test){.record = record, .key = key, .exists = atom->op == TSN_ATOM_EXISTS};
	rc = tsn_atom_compile(&h->arena, atom, &t->atom, NULL);
	if (rc != TSN_OK)
		return rc == TSN_ENOMEM ? rc : TSN_OK;
	if (tsn_atom_is_text(atom->op) && tsn_auto_new(atom, &t->machine) == TSN_ENOMEM) {
		tsn_atom_done(&t->atom);
		return TSN_ENOMEM;
	}
	if (t->machine != NULL) {
		t->octets = calloc((size_t)TSN_AUTO_STATES_MAX * 2 * 256, sizeof *t->octets);
		if (t->octets == NULL) {
			tsn_auto_free(t->machine);
			tsn_atom_done(&t->atom);
			return TSN_ENOMEM;
		}
	}
	note_number(t, atom);
	n->test_count++;
	h->test_count++;
	return TSN_OK;
}

/*
 * A keyword, and a text that no machine was made for, is cut into its words: where one of them is
 * missing the whole is.
 */
static enum tsn_code
add_words(struct hint *h, struct node *n, const struct tsn_atom *atom)
{
	struct tsn_slice v = atom->value;

	for (size_t i = 0; i < v.len;) {
		struct tsn_atom piece = *atom;
		size_t start = i;

		/* A wildcard stands for anything, or for more of the word: it ends a piece. */
		while (i < v.len && (unsigned char)v.ptr[i] < 0x80 && tsn_word_char(v.ptr[i]))
			i++;
		if (i == start) {
			i++;
			continue;
		}
		/* of a keyword they are parts of words, and so they are beside what ends a piece */
		if (atom->op == TSN_ATOM_KEYWORD || (start > 0 && parts_word_char(v.ptr[start - 1])) ||
		    (i < v.len && parts_word_char(v.ptr[i])))
			piece.op = TSN_ATOM_CONTAINS;
		piece.value = (struct tsn_slice){v.ptr + start, i - start};
		TSN_TRY(add_test(h, n, &piece, true, 0));
	}
	return TSN_OK;
}

/* A regular expression: texts without its fixed parts need not be tried. */
static enum tsn_code
add_literals(struct hint *h, struct node *n, const struct tsn_atom *atom, tsn_key key)
{
	struct parts_literals *l = tsn_arena_calloc(&h->arena, 1, sizeof *l);

	if (l == NULL)
		return TSN_ENOMEM;
	parts_of_regex(atom->value, l);
	for (uint32_t i = 0; i < l->count; i++) {
		struct tsn_atom part = *atom;

		part.op = TSN_ATOM_CONTAINS;
		part.flags = 0;
		part.value = (struct tsn_slice){l->text[i], l->len[i]};
		TSN_TRY(add_test(h, n, &part, false, key));
	}
	return TSN_OK;
}

static enum tsn_code
make_atom(struct hint *h, struct node *n, const struct tsn_atom *atom)
{
	bool words = atom->op == TSN_ATOM_WORD || atom->op == TSN_ATOM_KEYWORD;
	bool running;
	tsn_key key = 0;

	n->tests = tsn_arena_calloc(&h->arena, TESTS_MAX, sizeof *n->tests);
	if (n->tests == NULL)
		return TSN_ENOMEM;
	n->first = h->test_count;
	if (tsn_atom_is_pair(atom->op) || atom->op == TSN_ATOM_NULL ||
	    (atom->flags & TSN_ATOM_ALL_ELEMENTS) || (atom->field.len == 0 && !words) ||
	    (atom->field.len > 0 && !key_of(h, atom->field, &key)))
		return TSN_OK;
	if (atom->field.len == 0 && atom->op == TSN_ATOM_KEYWORD)
		return add_words(h, n, atom);
	TSN_TRY(add_test(h, n, atom, atom->field.len == 0, key));
	n->exact = n->test_count == 1;
	if (!n->exact || n->tests[0].machine != NULL)
		return TSN_OK;
	running = key == TSN_F_EVENT_ORIGINAL || key == TSN_F_MESSAGE;
	if (atom->field.len == 0) {
		n->exact = false;
		return add_words(h, n, atom);
	}
	if (atom->op == TSN_ATOM_REGEX && running) {
		n->exact = false;
		return add_literals(h, n, atom, key);
	}
	return TSN_OK;
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
	for (uint32_t i = 0; i < n->test_count; i++) {
		tsn_auto_free(n->tests[i].machine);
		free(n->tests[i].octets);
		tsn_atom_done(&n->tests[i].atom);
	}
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

/* ---- a segment ---- */

void
hint_seg_free(struct hint_seg *hs)
{
	if (hs == NULL)
		return;
	for (uint32_t i = 0; hs->found != NULL && i < hs->h->test_count; i++)
		look_done(&hs->found[i]);
	tsn_arena_done(&hs->arena);
	tsn_arena_done(&hs->temp);
	free(hs);
}

static enum tsn_code
answer_atom(struct hint_seg *hs, const struct node *n, uint32_t tmpl, uint8_t *ret)
{
	*ret = ANSWER_UNKNOWN;
	for (uint32_t i = 0; i < n->test_count && *ret == ANSWER_UNKNOWN; i++) {
		struct found *f = &hs->found[n->first + i];

		TSN_TRY(look_prepare(hs, &n->tests[i], f));
		if (f->answers[tmpl] == ANSWER_NO || (n->exact && f->answers[tmpl] == ANSWER_YES))
			*ret = f->answers[tmpl];
	}
	return TSN_OK;
}

/* What the predicate says of all rows of the template: NO, YES or UNKNOWN. */
static enum tsn_code
answer_node(struct hint_seg *hs, const struct node *n, uint32_t tmpl, uint8_t *ret)
{
	uint8_t kid;

	if (n->op == TSN_PRED_ATOM)
		return answer_atom(hs, n, tmpl, ret);
	if (n->op == TSN_PRED_TRUE || n->op == TSN_PRED_FALSE) {
		*ret = n->op == TSN_PRED_TRUE ? ANSWER_YES : ANSWER_NO;
		return TSN_OK;
	}
	if (n->op == TSN_PRED_NOT) {
		TSN_TRY(answer_node(hs, n->kids[0], tmpl, &kid));
		*ret = kid == ANSWER_NO ? ANSWER_YES : kid == ANSWER_YES ? ANSWER_NO : kid;
		return TSN_OK;
	}
	*ret = n->op == TSN_PRED_AND ? ANSWER_YES : ANSWER_NO;
	for (uint32_t i = 0; i < n->kid_count; i++) {
		TSN_TRY(answer_node(hs, n->kids[i], tmpl, &kid));
		if (kid == (n->op == TSN_PRED_AND ? ANSWER_NO : ANSWER_YES)) {
			*ret = kid;
			return TSN_OK;
		}
		if (kid == ANSWER_UNKNOWN)
			*ret = kid;
	}
	return TSN_OK;
}

static enum tsn_code
answer_all(struct hint_seg *hs)
{
	hs->found = tsn_arena_calloc(&hs->arena, hs->h->test_count + 1, sizeof *hs->found);
	hs->glued = tsn_arena_calloc(&hs->arena, hs->seg->tmpl_count + 1, 1);
	hs->answers = tsn_arena_calloc(&hs->arena, hs->seg->tmpl_count + 1, 1);
	if (hs->found == NULL || hs->glued == NULL || hs->answers == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < hs->seg->tmpl_count; i++)
		TSN_TRY(answer_node(hs, hs->h->root, i, &hs->answers[i]));
	return TSN_OK;
}

enum tsn_code
hint_seg_new(struct hint *h, struct seg *seg, struct hint_seg **ret_seg)
{
	struct hint_seg *hs = calloc(1, sizeof *hs);
	enum tsn_code rc;

	if (hs == NULL)
		return TSN_ENOMEM;
	hs->h = h;
	hs->seg = seg;
	hs->scratch = &h->scratch;
	tsn_arena_init(&hs->arena, HINT_BYTES_MAX);
	tsn_arena_init(&hs->temp, HINT_BYTES_MAX);
	rc = answer_all(hs);
	if (rc != TSN_OK) {
		hint_seg_free(hs);
		return rc;
	}
	*ret_seg = hs;
	return TSN_OK;
}

enum hint_answer
hint_tmpl(const struct hint_seg *hs, uint32_t tmpl)
{
	uint8_t a = hs->answers[tmpl];

	if (hs->h->scratch.memory_fails > 0)	/* see hint_block */
		return HINT_SOME;
	return a == ANSWER_NO ? HINT_NONE : a == ANSWER_YES ? HINT_ALL : HINT_SOME;
}

/* ---- one column of a segment ---- */

/* The reading that a chain of one link begins with. */
static const struct reading *
only_reading(const struct found *f, const struct chain *c)
{
	return &f->readings[c->links[0].readings[c->first]];
}

static bool
column_of_test(const struct hint_seg *hs, const struct found *f, uint32_t tmpl, uint32_t *column)
{
	for (uint32_t i = f->chain_at[tmpl]; i < f->chain_at[tmpl + 1]; i++) {
		const struct chain *c = &f->chains[i];
		uint32_t at = c->links[0].column;

		if (c->link_count != 1 || hs->seg->columns[at].forms != 1u << COLUMN_SHARED ||
		    only_reading(f, c)->codes == NULL || (*column != UINT32_MAX && *column != at) ||
		    f->steps[(size_t)tmpl * f->walk_count + f->walk_of[at] - 1u] != 1)
			return false;
		*column = at;
	}
	return true;
}

static bool
column_of_node(const struct hint_seg *hs, const struct node *n, uint32_t tmpl, uint32_t *column)
{
	const struct found *f;

	for (uint32_t i = 0; i < n->kid_count; i++)
		if (!column_of_node(hs, n->kids[i], tmpl, column))
			return false;
	if (n->op != TSN_PRED_ATOM)
		return true;
	f = &hs->found[n->first];
	return n->exact && f->ready && f->answers[tmpl] != ANSWER_UNKNOWN &&
	    (f->answers[tmpl] != ANSWER_ROWS || column_of_test(hs, f, tmpl, column));
}

bool
hint_column(const struct hint_seg *hs, uint32_t tmpl, uint32_t *ret_column)
{
	*ret_column = UINT32_MAX;
	return hs->h->scratch.memory_fails == 0 &&
	    column_of_node(hs, hs->h->root, tmpl, ret_column) && *ret_column != UINT32_MAX;
}

static bool
same_chain(const struct found *f, const struct chain *a, const struct chain *b)
{
	const struct reading *r = only_reading(f, a);
	const struct link *x = &a->links[0], *y = &b->links[0];

	if (r != only_reading(f, b))
		return false;
	for (uint32_t i = 0; i < r->out_count; i++) {
		uint32_t out = r->outs[i];

		if (out >= x->after_count || out >= y->after_count || x->after[out] != y->after[out])
			return false;
	}
	return true;
}

static bool
same_node(const struct hint_seg *hs, const struct node *n, uint32_t tmpl, uint32_t other)
{
	const struct found *f;
	uint32_t a, b;

	for (uint32_t i = 0; i < n->kid_count; i++)
		if (!same_node(hs, n->kids[i], tmpl, other))
			return false;
	if (n->op != TSN_PRED_ATOM)
		return true;
	f = &hs->found[n->first];
	if (f->answers[tmpl] != f->answers[other])
		return false;
	if (f->answers[tmpl] != ANSWER_ROWS)
		return true;
	a = f->chain_at[tmpl];
	b = f->chain_at[other];
	if (f->chain_at[tmpl + 1] - a != f->chain_at[other + 1] - b)
		return false;
	for (; a < f->chain_at[tmpl + 1]; a++, b++)
		if (!same_chain(f, &f->chains[a], &f->chains[b]))
			return false;
	return true;
}

bool
hint_same(const struct hint_seg *hs, uint32_t tmpl, uint32_t other)
{
	return same_node(hs, hs->h->root, tmpl, other);
}

static enum hint_answer
code_of_test(const struct found *f, uint32_t tmpl, uint32_t code)
{
	enum hint_answer answer = HINT_NONE;

	if (f->answers[tmpl] != ANSWER_ROWS)
		return f->answers[tmpl] == ANSWER_YES ? HINT_ALL : HINT_NONE;
	for (uint32_t i = f->chain_at[tmpl]; i < f->chain_at[tmpl + 1]; i++) {
		const struct link *l = &f->chains[i].links[0];
		uint16_t out = only_reading(f, &f->chains[i])->codes[code];
		uint8_t after = out < l->after_count ? l->after[out] : TSN_AUTO_UNSURE;

		if (after == TSN_AUTO_YES)
			return HINT_ALL;
		if (after != TSN_AUTO_NO)
			answer = HINT_SOME;
	}
	return answer;
}

static enum hint_answer
code_of_node(const struct hint_seg *hs, const struct node *n, uint32_t tmpl, uint32_t code)
{
	bool both = n->op == TSN_PRED_AND;
	enum hint_answer answer, kid;

	if (n->op == TSN_PRED_ATOM)
		return code_of_test(&hs->found[n->first], tmpl, code);
	if (n->op == TSN_PRED_TRUE || n->op == TSN_PRED_FALSE)
		return n->op == TSN_PRED_TRUE ? HINT_ALL : HINT_NONE;
	if (n->op == TSN_PRED_NOT) {
		kid = code_of_node(hs, n->kids[0], tmpl, code);
		return kid == HINT_SOME ? kid : kid == HINT_ALL ? HINT_NONE : HINT_ALL;
	}
	answer = both ? HINT_ALL : HINT_NONE;
	for (uint32_t i = 0; i < n->kid_count; i++) {
		kid = code_of_node(hs, n->kids[i], tmpl, code);
		if (kid == (both ? HINT_NONE : HINT_ALL))
			return kid;
		if (kid == HINT_SOME)
			answer = kid;
	}
	return answer;
}

enum hint_answer
hint_code(const struct hint_seg *hs, uint32_t tmpl, uint32_t code)
{
	return code_of_node(hs, hs->h->root, tmpl, code);
}

/* ---- a block ---- */

static enum tsn_code
run_atom(struct hint_seg *hs, const struct node *n, struct block *b, struct set *out)
{
	struct set *one;
	enum tsn_code rc = TSN_OK;

	/* the templates may have been decided without all of the tests */
	for (uint32_t i = 0; i < n->test_count; i++)
		TSN_TRY(look_prepare(hs, &n->tests[i], &hs->found[n->first + i]));
	if (n->exact)
		return rows_run(hs, &n->tests[0], &hs->found[n->first], b, out);
	set_fill(out, true, false);
	if (n->test_count == 0)
		return TSN_OK;
	one = malloc(sizeof *one);
	if (one == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < n->test_count && rc == TSN_OK; i++) {
		rc = rows_run(hs, &n->tests[i], &hs->found[n->first + i], b, one);
		if (rc == TSN_OK)
			set_join(out, one, true);
		if (rc == TSN_OK && set_none(out->may, b->dir->rows))
			break;
	}
	free(one);
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
