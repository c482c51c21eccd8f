/*
 * match/word: what a word is, for search and for the store's index alike.
 *
 * A word is a run of word characters: ASCII letters, digits, '_' and every byte above 0x7f (so a
 * letter of another script is never cut).  Everything else separates words.  Words are compared
 * without case (match/fold.h).
 *
 * A search text is looked for as it stands, its separators included, and counts only where it is
 * not cut out of longer words: where it begins (ends) with a word character, the character before
 * (behind) it in the record must not be one.  So "10.1.2.3" is found in "src=10.1.2.3:80" and not
 * in "110.1.2.3"; "Failed password" is the two words with one blank between.  Wildcards in it stand
 * for word characters only: '*' for any run of them, '?' for one.
 */
#ifndef TSN_MATCH_WORD_H
#define TSN_MATCH_WORD_H

#include <stdbool.h>

#include "base/slice.h"

static inline bool
tsn_word_char(char c)
{
	unsigned char u = (unsigned char)c;

	return (unsigned char)((u | 0x20) - 'a') < 26 || (unsigned char)(u - '0') < 10 || u == '_' ||
	    u >= 0x80;
}

/**
 * The next word of text at or after *at; false when there is none.  *at is moved behind it.  The
 * word is a slice of text, its case as it stands there.
 */
bool tsn_word_next(struct tsn_slice text, size_t *at, struct tsn_slice *ret_word);
/**
 * True when the search text `pattern` (folded, with TSN_WILD_* bytes when has_wild) stands in the
 * folded text as whole words.
 */
bool tsn_word_find(struct tsn_slice text, struct tsn_slice pattern, bool has_wild);

#endif
