/*
 * match/wild: patterns with '*' and '?' (TSN_WILD_MANY, TSN_WILD_ONE) over a whole text.
 *
 * Matching is iterative: the runs between '*' are looked for one after another, so the cost is at
 * most the product of both lengths, whatever the text.  '?' is one character of UTF-8, or one byte
 * that is none.
 */
#ifndef TSN_MATCH_WILD_H
#define TSN_MATCH_WILD_H

#include <stdbool.h>

#include "base/slice.h"

/** True when pattern has TSN_WILD_MANY or TSN_WILD_ONE. */
bool tsn_wild_has(struct tsn_slice pattern);
/** True when pattern matches all of text; both folded or both not. */
bool tsn_wild_match(struct tsn_slice pattern, struct tsn_slice text);
/** True when pattern matches a part of text. */
bool tsn_wild_find(struct tsn_slice pattern, struct tsn_slice text);
/** The longest run of pattern without wildcards. */
struct tsn_slice tsn_wild_literal(struct tsn_slice pattern);

#endif
