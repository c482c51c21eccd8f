/*
 * match/regex: regular expressions with Perl's syntax (PCRE2, compiled to machine code), bounded:
 * a match that needs more steps or memory than the limits of match/atom.h is given up, counted and
 * taken as no match.  Text that is no valid UTF-8 is matched around its broken bytes.
 */
#ifndef TSN_MATCH_REGEX_H
#define TSN_MATCH_REGEX_H

#include "match/atom.h"

/** flags: TSN_ATOM_RE_*.  The message of an error says where in the expression. */
TSN_MUST_CHECK enum tsn_code tsn_regex_new(struct tsn_slice regex, uint32_t flags,
    struct tsn_atom_code **ret, struct tsn_err *err);
void tsn_regex_free(struct tsn_atom_code *c);
bool tsn_regex_match(const struct tsn_atom_code *c, struct tsn_match_scratch *s,
    struct tsn_slice text);
TSN_MUST_CHECK enum tsn_code tsn_regex_scratch_init(struct tsn_match_scratch *s);
void tsn_regex_scratch_done(struct tsn_match_scratch *s);

#endif
