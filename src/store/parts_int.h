/*
 * store/parts: where a text can stand in the records of a template: within one of its elements, or
 * across them.  And the texts that must be in whatever a regular expression matches.
 */
#ifndef TSN_STORE_PARTS_INT_H
#define TSN_STORE_PARTS_INT_H

#include "match/atom.h"
#include "store/tmpl_int.h"

/** A word character, or a wildcard of words. */
bool parts_word_char(char c);
/** True when all of it is such: it stands within one word. */
bool parts_is_word(struct tsn_slice v);
/** The text as short as the wildcards let it be: its length counts, not its characters. */
struct tsn_slice parts_least(struct tsn_slice v);
/** True when a word of the record, or of a field, may not lie within one element. */
bool parts_glued(const struct tmpl *m);
/**
 * True when the text (folded, unless cased) may stand in the record across elements.  In a template
 * that is not glued there is static text at one side of every border, so that a part of it is in
 * what is found.
 */
bool parts_may_span(const struct tmpl *m, struct tsn_slice text,
    struct tsn_match_scratch *scratch, bool cased);
/** True when the time element may hold the text; letters stand for any letter. */
bool parts_time_may_hold(const struct elem *e, struct tsn_slice text);

#define PARTS_LITERALS_MAX 15u

struct parts_literals {
	char text[PARTS_LITERALS_MAX][64];
	size_t len[PARTS_LITERALS_MAX];
	uint32_t count;
	char now[64];			/* the one at hand */
	size_t now_len;
};

/** Texts (of two bytes at least) that every match holds; none where the expression has more than
 * is looked into. */
void parts_of_regex(struct tsn_slice re, struct parts_literals *l);

#endif
