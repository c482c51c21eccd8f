/*
 * match/fold: text without case.
 *
 * Folding is Unicode's simple case folding: ASCII letters and the other cased letters, one
 * character for one character.  Bytes that are no valid UTF-8 stay as they are.  Two texts are
 * equal without case when their folded bytes are equal, so a value is folded once and then compared
 * as bytes with any number of folded patterns.
 */
#ifndef TSN_MATCH_FOLD_H
#define TSN_MATCH_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/** Room that tsn_fold needs at `out` for len bytes of text. */
#define TSN_FOLD_ROOM(len) ((len) + (len) / 2 + 16)

/** Folds one character. */
uint32_t tsn_fold_rune(uint32_t rune);
/**
 * Writes the folded text to out, which has TSN_FOLD_ROOM(in.len) bytes and does not overlap it;
 * returns its length.  *ret_ascii says whether all of `in` is ASCII.
 */
size_t tsn_fold(struct tsn_slice in, char *out, bool *ret_ascii);
/**
 * Bytes of the character that begins at p (p < end): 1 to 4; 1 also for a byte that begins no valid
 * UTF-8 character.  *ret_rune is the character, or UINT32_MAX when it is not valid.
 */
unsigned tsn_fold_decode(const char *p, const char *end, uint32_t *ret_rune);

#endif
