/* match/nfa_int: building automata; shared by nfa.c and nfa_regex.c. */
#ifndef TSN_MATCH_NFA_INT_H
#define TSN_MATCH_NFA_INT_H

#include "match/nfa.h"

/* A piece under construction: end is a node whose way on is still open. */
struct nfa_piece {
	uint16_t begin, end;
};

/** Each returns false when there is no room. */
bool nfa_node(struct tsn_nfa *n, enum tsn_nfa_op op, uint16_t *ret_node);
bool nfa_set(struct tsn_nfa *n, const uint64_t set[4], struct nfa_piece *ret);
bool nfa_assert(struct tsn_nfa *n, enum tsn_nfa_op op, struct nfa_piece *ret);
bool nfa_empty(struct tsn_nfa *n, struct nfa_piece *ret);
void nfa_join(struct tsn_nfa *n, struct nfa_piece *first, struct nfa_piece next);

static inline void
nfa_add(uint64_t set[4], unsigned byte)
{
	set[byte >> 6] |= UINT64_C(1) << (byte & 63);
}

static inline void
nfa_add_range(uint64_t set[4], unsigned from, unsigned to)
{
	for (unsigned b = from; b <= to; b++)
		nfa_add(set, b);
}

/** The other case of ASCII letters in it. */
void nfa_both_cases(uint64_t set[4]);

/** A regular expression; flags: TSN_ATOM_RE_*. */
bool nfa_regex(struct tsn_nfa *n, struct tsn_slice text, uint32_t flags, struct nfa_piece *ret);

#endif
