/*
 * match/order: tests on order (numbers, texts, times) and on the parts of a time.
 */
#ifndef TSN_MATCH_ORDER_H
#define TSN_MATCH_ORDER_H

#include "match/atom.h"

/** What lies between two bounds; LT .. GE have one of them, NUM_EQ both alike. */
struct tsn_order {
	bool has_low, has_high;
	bool open_low, open_high;
	double low, high;
	int64_t low_ns, high_ns;
	struct tsn_slice low_text, high_text;	/* folded unless TSN_ATOM_CASED */
	uint8_t part;				/* of TIME_PART */
};

/** For NUM_EQ .. BETWEEN and TIME_PART; lives in the arena. */
TSN_MUST_CHECK enum tsn_code tsn_order_compile(struct tsn_arena *arena,
    const struct tsn_atom *atom, const struct tsn_order **ret, struct tsn_err *err);
bool tsn_order_test(const struct tsn_catom *a, struct tsn_match_scratch *s,
    const struct tsn_field *f, struct tsn_value *v);

#endif
