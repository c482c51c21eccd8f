/*
 * match/literal: text that every match of a regular expression must hold.
 */
#ifndef TSN_MATCH_LITERAL_H
#define TSN_MATCH_LITERAL_H

#include "base/arena.h"

/**
 * The longest run of plain characters that stands outside of groups, classes and optional parts,
 * folded (match/fold.h), so that it is found in the folded text whatever the expression's case
 * flags.  Empty when there is none or the expression is not understood: then nothing is known.
 * ptr NULL when the arena is exhausted.
 */
struct tsn_slice tsn_literal_of_regex(struct tsn_slice regex, struct tsn_arena *arena);

#endif
