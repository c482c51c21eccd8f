/*
 * match/nfa: a text test or a regular expression as a nondeterministic automaton over bytes, for
 * match/auto.  What it accepts is exactly what match/atom accepts, but for texts that hold one of
 * the bytes in `unsure` before the match: those are not understood here.
 */
#ifndef TSN_MATCH_NFA_H
#define TSN_MATCH_NFA_H

#include "match/pred.h"

#define TSN_NFA_NODES_MAX 1024u
#define TSN_NFA_SETS_MAX 256u

enum tsn_nfa_op {
	TSN_NFA_SET,		/* one byte of a set, then out */
	TSN_NFA_BOTH,		/* out and, unless it is TSN_NFA_NONE, out2 */
	TSN_NFA_BEGIN,		/* asserts: nothing in front */
	TSN_NFA_END,		/* nothing behind */
	TSN_NFA_BORDER,		/* a word begins or ends here (\b) */
	TSN_NFA_INSIDE,		/* neither (\B) */
	TSN_NFA_HEAD,		/* no word character in front */
	TSN_NFA_TAIL,		/* no word character behind */
	TSN_NFA_MATCH,
};

#define TSN_NFA_NONE UINT16_MAX

struct tsn_nfa_node {
	uint8_t op;		/* enum tsn_nfa_op */
	uint16_t out, out2;
	uint16_t set;
};

struct tsn_nfa {
	struct tsn_nfa_node nodes[TSN_NFA_NODES_MAX];
	uint64_t sets[TSN_NFA_SETS_MAX][4];	/* by byte */
	uint64_t unsure[4];			/* by byte */
	uint32_t node_count, set_count;
	uint16_t start;
	bool anchored;				/* begins at the first byte or nowhere */
	bool uses_begin, uses_word;
};

static inline bool
tsn_nfa_in(const uint64_t set[4], unsigned byte)
{
	return (set[byte >> 6] >> (byte & 63) & 1) != 0;
}

/** False when the atom is not one of EQ .. REGEX, WORD, or has more in it than is understood. */
TSN_MUST_CHECK bool tsn_nfa_build(struct tsn_nfa *n, const struct tsn_atom *atom);

#endif
