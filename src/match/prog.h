/*
 * match/prog: a predicate as a list of tests with jumps.
 *
 * Each step tests one atom and goes on at `yes` or `no`; TSN_PROG_TRUE and TSN_PROG_FALSE end it.
 * Jumps only go forward, so running it takes at most as many steps as it has.
 */
#ifndef TSN_MATCH_PROG_H
#define TSN_MATCH_PROG_H

#include "match/pred.h"

#define TSN_PROG_TRUE UINT32_MAX
#define TSN_PROG_FALSE (UINT32_MAX - 1)

struct tsn_prog_step {
	uint32_t atom;
	uint32_t yes, no;
};

struct tsn_prog {
	struct tsn_prog_step *steps;
	uint32_t count;
	uint32_t start;		/* where to begin: a step, TSN_PROG_TRUE or TSN_PROG_FALSE */
};

struct tsn_prog_env {
	/** The number of this atom; called once for each place where an atom stands. */
	enum tsn_code (*atom)(void *ctx, const struct tsn_atom *atom, uint32_t *ret_atom,
	    struct tsn_err *err);
	/** What the atom is expected to cost and how often it is true (0 to 1), or NULL: any order. */
	void (*weigh)(void *ctx, uint32_t atom, double *ret_cost, double *ret_true);
	void *ctx;
};

/**
 * Steps live in the arena.  With `weigh` the kids of AND and OR are put in the order that is
 * expected to be cheapest.  TSN_ELIMIT when the tree is too deep or too large.
 */
TSN_MUST_CHECK enum tsn_code tsn_prog_build(struct tsn_arena *arena, const struct tsn_pred *pred,
    const struct tsn_prog_env *env, struct tsn_prog *ret, struct tsn_err *err);

#endif
