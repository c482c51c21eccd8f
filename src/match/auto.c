/* Sets of nodes of the nondeterministic automaton become states, when they are first reached. */
#include "match/auto.h"

#include <stdlib.h>

#include "base/assert.h"
#include "match/nfa.h"
#include "match/skim.h"
#include "match/word.h"

#define WORDS_MAX (TSN_NFA_NODES_MAX / 64)
#define UNKNOWN UINT16_MAX
#define SKIM_TEXT_MIN 24u
#define TABLE_SLOTS (TSN_AUTO_STATES_MAX * 2)

/* What stands in front of a place, or behind it. */
enum { SIDE_NONE, SIDE_WORD, SIDE_OTHER };

struct tsn_auto {
	struct tsn_nfa nfa;
	struct tsn_skim skim;
	uint32_t words;			/* of a set */
	uint8_t class_of[256];
	unsigned char byte_of[256];	/* one byte of each class */
	uint32_t class_count, state_count;
	uint16_t start;
	uint16_t *next;			/* [state][class] */
	uint64_t *sets;			/* [state][words] */
	uint8_t sides[TSN_AUTO_STATES_MAX];	/* what stands in front */
	uint8_t ends[TSN_AUTO_STATES_MAX];	/* UINT8_MAX: not known yet */
	uint16_t table[TABLE_SLOTS];	/* by hash of set and side; 0 free */
	uint16_t stack[TSN_NFA_NODES_MAX];
};

struct closure {
	uint64_t set[WORDS_MAX];
	bool match;
};

/* ---- classes of bytes ---- */

static void
split_classes(struct tsn_auto *a, const uint64_t set[4])
{
	uint8_t other[256];
	uint32_t before = a->class_count;
	bool in_first[256], seen[256] = {false};

	memset(other, 0xff, sizeof other);
	for (unsigned b = 0; b < 256; b++) {
		uint8_t c = a->class_of[b];
		bool in = tsn_nfa_in(set, b);

		TSN_ASSERT(c < before);
		if (!seen[c]) {
			seen[c] = true;
			in_first[c] = in;
		} else if (in != in_first[c]) {
			if (other[c] == 0xff)
				other[c] = (uint8_t)a->class_count++;
			a->class_of[b] = other[c];
		}
	}
}

static void
make_classes(struct tsn_auto *a)
{
	uint64_t words[4] = {0};

	a->class_count = 1;
	memset(a->class_of, 0, sizeof a->class_of);
	for (unsigned b = 0; b < 256; b++)
		if (tsn_word_char((char)b))
			words[b >> 6] |= UINT64_C(1) << (b & 63);
	if (a->nfa.uses_word)
		split_classes(a, words);
	split_classes(a, a->nfa.unsure);
	for (uint32_t i = 0; i < a->nfa.set_count; i++)
		split_classes(a, a->nfa.sets[i]);
	for (unsigned b = 256; b-- > 0;)
		a->byte_of[a->class_of[b]] = (unsigned char)b;
}

/* ---- sets of nodes ---- */

static bool
set_has(const uint64_t *set, uint32_t node)
{
	return (set[node / 64] >> (node % 64) & 1) != 0;
}

static void
mark(struct tsn_auto *a, struct closure *c, uint16_t node, uint32_t *n)
{
	if (node == TSN_NFA_NONE || set_has(c->set, node))
		return;
	c->set[node / 64] |= UINT64_C(1) << (node % 64);
	a->stack[(*n)++] = node;	/* each node once: the stack has room for all */
}

/* The node, and all that is reached from it without reading and without asking. */
static void
reach(struct tsn_auto *a, struct closure *c, uint16_t node)
{
	uint32_t n = 0;

	mark(a, c, node, &n);
	while (n > 0) {
		const struct tsn_nfa_node *x = &a->nfa.nodes[a->stack[--n]];

		c->match |= x->op == TSN_NFA_MATCH;
		if (x->op != TSN_NFA_BOTH)
			continue;
		mark(a, c, x->out, &n);
		mark(a, c, x->out2, &n);
	}
}

static bool
holds(uint8_t op, unsigned before, unsigned behind)
{
	switch (op) {
	case TSN_NFA_BEGIN:
		return before == SIDE_NONE;
	case TSN_NFA_END:
		return behind == SIDE_NONE;
	case TSN_NFA_BORDER:
		return (before == SIDE_WORD) != (behind == SIDE_WORD);
	case TSN_NFA_INSIDE:
		return (before == SIDE_WORD) == (behind == SIDE_WORD);
	case TSN_NFA_HEAD:
		return before != SIDE_WORD;
	case TSN_NFA_TAIL:
		return behind != SIDE_WORD;
	default:
		return false;
	}
}

/* What the asserts in the set let through at this place, until nothing is new. */
static void
pass_asserts(struct tsn_auto *a, struct closure *c, unsigned before, unsigned behind)
{
	bool again = a->nfa.uses_begin || a->nfa.uses_word || behind == SIDE_NONE;

	while (again) {
		again = false;
		for (uint32_t i = 0; i < a->nfa.node_count; i++) {
			const struct tsn_nfa_node *x = &a->nfa.nodes[i];

			if (!set_has(c->set, i) || x->out == TSN_NFA_NONE || x->op == TSN_NFA_SET ||
			    x->op == TSN_NFA_BOTH || set_has(c->set, x->out) ||
			    !holds(x->op, before, behind))
				continue;
			reach(a, c, x->out);
			again = true;
		}
	}
}

/* ---- states ---- */

/* Sides that no assert asks for are the same to it: fewer states. */
static uint8_t
side_kept(const struct tsn_auto *a, unsigned side)
{
	if (side == SIDE_NONE && a->nfa.uses_begin)
		return SIDE_NONE;
	return side == SIDE_WORD && a->nfa.uses_word ? SIDE_WORD : SIDE_OTHER;
}

static uint32_t
hash_set(const struct tsn_auto *a, const uint64_t *set, uint8_t side)
{
	uint64_t h = side;

	for (uint32_t i = 0; i < a->words; i++) {
		h = (h ^ set[i]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return (uint32_t)(h % TABLE_SLOTS);
}

static uint16_t
state_of(struct tsn_auto *a, const struct closure *c, uint8_t side)
{
	uint32_t at = hash_set(a, c->set, side);
	uint16_t state;

	for (; a->table[at] != 0; at = (at + 1) % TABLE_SLOTS) {
		state = a->table[at];
		if (a->sides[state] == side && memcmp(a->sets + (size_t)state * a->words, c->set,
		    a->words * sizeof *c->set) == 0)
			return state;
	}
	if (a->state_count == TSN_AUTO_STATES_MAX)
		return TSN_AUTO_UNSURE;
	state = (uint16_t)a->state_count++;
	memcpy(a->sets + (size_t)state * a->words, c->set, a->words * sizeof *c->set);
	a->sides[state] = side;
	a->ends[state] = UINT8_MAX;
	for (uint32_t i = 0; i < a->class_count; i++)
		a->next[(size_t)state * a->class_count + i] = UNKNOWN;
	a->table[at] = state;
	return state;
}

static uint16_t
make_step(struct tsn_auto *a, uint32_t state, uint32_t class)
{
	unsigned byte = a->byte_of[class];
	unsigned side = tsn_word_char((char)byte) ? SIDE_WORD : SIDE_OTHER;
	struct closure from = {.match = false}, to = {.match = false};
	bool some = false;

	/* also for the asserts in front of it: what a word is differs between the tests */
	if (tsn_nfa_in(a->nfa.unsure, byte))
		return TSN_AUTO_UNSURE;
	memcpy(from.set, a->sets + (size_t)state * a->words, a->words * sizeof *from.set);
	pass_asserts(a, &from, a->sides[state], side);
	if (from.match)
		return TSN_AUTO_YES;
	for (uint32_t i = 0; i < a->nfa.node_count; i++) {
		const struct tsn_nfa_node *x = &a->nfa.nodes[i];

		if (set_has(from.set, i) && x->op == TSN_NFA_SET &&
		    tsn_nfa_in(a->nfa.sets[x->set], byte))
			reach(a, &to, x->out);
	}
	if (!a->nfa.anchored)
		reach(a, &to, a->nfa.start);
	if (to.match)
		return TSN_AUTO_YES;
	for (uint32_t i = 0; i < a->words; i++)
		some |= to.set[i] != 0;
	return some ? state_of(a, &to, side_kept(a, side)) : TSN_AUTO_NO;
}

static uint32_t
walk(struct tsn_auto *a, uint32_t state, struct tsn_slice text)
{
	const unsigned char *p = (const unsigned char *)text.ptr, *end = p + text.len;

	for (; p != end && state >= TSN_AUTO__FIXED; p++) {
		uint16_t *next = &a->next[(size_t)state * a->class_count + a->class_of[*p]];

		if (TSN_UNLIKELY(*next == UNKNOWN))
			*next = make_step(a, state, a->class_of[*p]);
		state = *next;
	}
	return state;
}

/*
 * A long text that does not hold the literal matters by its ends alone: by its begin, where a match
 * that began in front of it may end, and by its end, where one may begin.  One byte more than the
 * literal is long says what stands beside it.  Beyond ASCII there are characters that fold into it.
 */
uint32_t
tsn_auto_run(struct tsn_auto *a, uint32_t state, struct tsn_slice text)
{
	size_t ends = a->skim.len + 1;

	TSN_ASSERT(state < a->state_count);
	if (a->skim.len == 0 || text.len < 2 * ends || text.len < SKIM_TEXT_MIN ||
	    state < TSN_AUTO__FIXED || !tsn_slice_is_ascii(text) || tsn_skim_has(&a->skim, text))
		return walk(a, state, text);
	state = walk(a, state, (struct tsn_slice){text.ptr, ends});
	return state < TSN_AUTO__FIXED ? state :
	    walk(a, a->start, tsn_slice_from(text, text.len - ends));
}

uint32_t
tsn_auto_end(struct tsn_auto *a, uint32_t state)
{
	struct closure c = {.match = false};

	TSN_ASSERT(state < a->state_count);
	if (state < TSN_AUTO__FIXED || state >= TSN_AUTO_STATES_MAX)
		return state;
	if (a->ends[state] == UINT8_MAX) {
		memcpy(c.set, a->sets + (size_t)state * a->words, a->words * sizeof *c.set);
		pass_asserts(a, &c, a->sides[state], SIDE_NONE);
		a->ends[state] = c.match ? TSN_AUTO_YES : TSN_AUTO_NO;
	}
	return a->ends[state];
}

uint32_t
tsn_auto_start(const struct tsn_auto *a)
{
	return a->start;
}

uint32_t
tsn_auto_classes(const struct tsn_auto *a, char out[256])
{
	for (uint32_t i = 0; i < a->class_count; i++)
		out[i] = (char)a->byte_of[i];
	return a->class_count;
}

void
tsn_auto_free(struct tsn_auto *a)
{
	if (a == NULL)
		return;
	free(a->next);
	free(a->sets);
	free(a);
}

enum tsn_code
tsn_auto_new(const struct tsn_atom *atom, struct tsn_auto **ret_auto)
{
	struct tsn_auto *a = calloc(1, sizeof *a);
	struct closure c = {.match = false};

	if (a == NULL)
		return TSN_ENOMEM;
	if (!tsn_nfa_build(&a->nfa, atom)) {
		free(a);
		return TSN_EINVAL;
	}
	tsn_skim_init(&a->skim, atom);
	make_classes(a);
	a->words = (a->nfa.node_count + 63) / 64;
	a->sets = calloc(TSN_AUTO_STATES_MAX, a->words * sizeof *a->sets);
	a->next = calloc(TSN_AUTO_STATES_MAX, a->class_count * sizeof *a->next);
	if (a->sets == NULL || a->next == NULL) {
		tsn_auto_free(a);
		return TSN_ENOMEM;
	}
	a->state_count = TSN_AUTO__FIXED;
	reach(a, &c, a->nfa.start);
	a->start = c.match ? TSN_AUTO_YES : state_of(a, &c, side_kept(a, SIDE_NONE));
	*ret_auto = a;
	return TSN_OK;
}
