/*
 * match/auto: a test on text that can be run over the pieces a text is made of, one after the
 * other: what was read so far is a state, a number.  So texts that share pieces (the constant parts
 * of a template, the values of a dictionary) need each piece read once for each state in front.
 *
 * The answer is that of match/atom, or TSN_AUTO_UNSURE where a text has characters in it whose
 * meaning takes more than bytes.  States are made when they are first met: one thread at a time.
 */
#ifndef TSN_MATCH_AUTO_H
#define TSN_MATCH_AUTO_H

#include "match/pred.h"

struct tsn_auto;

/* States that are never left: the answer is known whatever follows. */
enum { TSN_AUTO_NO, TSN_AUTO_YES, TSN_AUTO_UNSURE, TSN_AUTO__FIXED };

#define TSN_AUTO_STATES_MAX 1024u

/** TSN_EINVAL: not a test on text, or one that is not understood here; TSN_ENOMEM. */
TSN_MUST_CHECK enum tsn_code tsn_auto_new(const struct tsn_atom *atom, struct tsn_auto **ret_auto);
/** Accepts NULL. */
void tsn_auto_free(struct tsn_auto *a);
/** The state in front of any text. */
uint32_t tsn_auto_start(const struct tsn_auto *a);
/** Behind the text; a state below TSN_AUTO_STATES_MAX. */
uint32_t tsn_auto_run(struct tsn_auto *a, uint32_t state, struct tsn_slice text);
/** The answer for a text that ends here: one of the fixed states. */
uint32_t tsn_auto_end(struct tsn_auto *a, uint32_t state);
/** Bytes in one class are the same to it: one of each, in out[256]; returns how many. */
uint32_t tsn_auto_classes(const struct tsn_auto *a, char out[256]);

#endif
