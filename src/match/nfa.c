#include "match/nfa_int.h"

#include "match/wild.h"
#include "match/word.h"

/* First bytes of the two characters beyond ASCII that fold to an ASCII letter: U+017F, U+212A. */
#define LONG_S_LEAD 0xc5u
#define KELVIN_LEAD 0xe2u

bool
nfa_node(struct tsn_nfa *n, enum tsn_nfa_op op, uint16_t *ret_node)
{
	if (n->node_count == TSN_NFA_NODES_MAX)
		return false;
	*ret_node = (uint16_t)n->node_count++;
	n->nodes[*ret_node] = (struct tsn_nfa_node){(uint8_t)op, TSN_NFA_NONE, TSN_NFA_NONE, 0};
	return true;
}

bool
nfa_set(struct tsn_nfa *n, const uint64_t set[4], struct nfa_piece *ret)
{
	uint32_t i = 0;

	while (i < n->set_count && memcmp(n->sets[i], set, sizeof n->sets[i]) != 0)
		i++;
	if (i == TSN_NFA_SETS_MAX || !nfa_node(n, TSN_NFA_SET, &ret->begin))
		return false;
	if (i == n->set_count) {
		memcpy(n->sets[i], set, sizeof n->sets[i]);
		n->set_count++;
	}
	n->nodes[ret->begin].set = (uint16_t)i;
	ret->end = ret->begin;
	return true;
}

bool
nfa_assert(struct tsn_nfa *n, enum tsn_nfa_op op, struct nfa_piece *ret)
{
	n->uses_begin |= op == TSN_NFA_BEGIN;
	n->uses_word |= op != TSN_NFA_BEGIN && op != TSN_NFA_END;
	if (!nfa_node(n, op, &ret->begin))
		return false;
	ret->end = ret->begin;
	return true;
}

bool
nfa_empty(struct tsn_nfa *n, struct nfa_piece *ret)
{
	if (!nfa_node(n, TSN_NFA_BOTH, &ret->begin))
		return false;
	ret->end = ret->begin;
	return true;
}

void
nfa_join(struct tsn_nfa *n, struct nfa_piece *first, struct nfa_piece next)
{
	n->nodes[first->end].out = next.begin;
	first->end = next.end;
}

void
nfa_both_cases(uint64_t set[4])
{
	for (unsigned b = 'a'; b <= 'z'; b++) {
		if (tsn_nfa_in(set, b))
			nfa_add(set, b - 32);
		else if (tsn_nfa_in(set, b - 32))
			nfa_add(set, b);
	}
}

/* ---- texts and patterns ---- */

struct builder {
	struct tsn_nfa *n;
	const struct tsn_atom *atom;
	struct nfa_piece all;
};

static bool
add_assert(struct builder *b, enum tsn_nfa_op op)
{
	struct nfa_piece piece;

	if (!nfa_assert(b->n, op, &piece))
		return false;
	nfa_join(b->n, &b->all, piece);
	return true;
}

static bool
add_byte(struct builder *b, unsigned char byte)
{
	bool cased = b->atom->flags & TSN_ATOM_CASED;
	uint64_t set[4] = {0};
	struct nfa_piece piece;

	if (byte >= 0x80 && !cased)
		return false;
	nfa_add(set, byte);
	if (!cased) {
		nfa_both_cases(set);
		if ((byte | 0x20) == 's')
			nfa_add(b->n->unsure, LONG_S_LEAD);
		if ((byte | 0x20) == 'k')
			nfa_add(b->n->unsure, KELVIN_LEAD);
	}
	if (!nfa_set(b->n, set, &piece))
		return false;
	nfa_join(b->n, &b->all, piece);
	return true;
}

/* The bytes that a wildcard stands for; of a word's, those of words. */
static void
wild_set(bool word, uint64_t set[4])
{
	for (unsigned byte = 0; byte < 256; byte++)
		if (!word || tsn_word_char((char)byte))
			nfa_add(set, byte);
}

static bool
add_wild(struct builder *b, bool many, bool word)
{
	uint64_t set[4] = {0};
	struct nfa_piece piece, hub;

	wild_set(word, set);
	if (!many)	/* one character may be several bytes */
		nfa_add_range(b->n->unsure, 0x80, 0xff);
	if (!nfa_set(b->n, set, &piece))
		return false;
	if (!many) {
		nfa_join(b->n, &b->all, piece);
		return true;
	}
	if (!nfa_empty(b->n, &hub))
		return false;
	b->n->nodes[hub.begin].out2 = piece.begin;
	b->n->nodes[piece.end].out = hub.begin;
	nfa_join(b->n, &b->all, hub);
	return true;
}

static bool
add_text(struct builder *b, bool patterns, bool word)
{
	struct tsn_slice v = b->atom->value;

	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i];

		if (patterns && (c == TSN_WILD_MANY || c == TSN_WILD_ONE)) {
			if (!add_wild(b, c == TSN_WILD_MANY, word))
				return false;
		} else if (!add_byte(b, (unsigned char)c)) {
			return false;
		}
	}
	return true;
}

static bool
add_word(struct builder *b)
{
	struct tsn_slice v = b->atom->value;

	if (v.len > 0 && tsn_word_char(v.ptr[0]) && !add_assert(b, TSN_NFA_HEAD))
		return false;
	if (!add_text(b, true, true))
		return false;
	return v.len == 0 || !tsn_word_char(v.ptr[v.len - 1]) || add_assert(b, TSN_NFA_TAIL);
}

static bool
add_atom(struct builder *b)
{
	enum tsn_atom_op op = b->atom->op;
	struct nfa_piece piece;

	switch ((int)op) {
	case TSN_ATOM_CONTAINS:
		return add_text(b, false, false);
	case TSN_ATOM_EQ:
	case TSN_ATOM_PREFIX:
	case TSN_ATOM_WILDCARD:
		b->n->anchored = true;
		return add_text(b, op == TSN_ATOM_WILDCARD, false) &&
		    (op == TSN_ATOM_PREFIX || add_assert(b, TSN_NFA_END));
	case TSN_ATOM_SUFFIX:
		return add_text(b, false, false) && add_assert(b, TSN_NFA_END);
	case TSN_ATOM_WORD:
		return add_word(b);
	case TSN_ATOM_REGEX:
		if (!nfa_regex(b->n, b->atom->value, b->atom->flags, &piece))
			return false;
		nfa_join(b->n, &b->all, piece);
		return true;
	default:
		return false;
	}
}

bool
tsn_nfa_build(struct tsn_nfa *n, const struct tsn_atom *atom)
{
	struct builder b = {.n = n, .atom = atom};
	uint16_t match;

	n->node_count = n->set_count = 0;
	n->anchored = n->uses_begin = n->uses_word = false;
	memset(n->unsure, 0, sizeof n->unsure);
	if (!nfa_empty(n, &b.all) || !add_atom(&b) || !nfa_node(n, TSN_NFA_MATCH, &match))
		return false;
	n->nodes[b.all.end].out = match;
	n->start = b.all.begin;
	return true;
}
