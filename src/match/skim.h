/*
 * match/skim: does a text hold the literal of a test at all?  Sixteen places at a time, with or
 * without case, so that long texts that hold nothing of it are not walked byte by byte.
 */
#ifndef TSN_MATCH_SKIM_H
#define TSN_MATCH_SKIM_H

#include "match/pred.h"

#define TSN_SKIM_MAX 64u

struct tsn_skim {
	uint32_t len;			/* 0: not a test of this kind */
	unsigned char bytes[TSN_SKIM_MAX], fold[TSN_SKIM_MAX];	/* (byte | fold) == bytes */
};

/** Of `contains` and of words without wildcards, ASCII, 2 to TSN_SKIM_MAX bytes; else len is 0. */
void tsn_skim_init(struct tsn_skim *s, const struct tsn_atom *atom);
/** Bytes as they are: what folds to ASCII from beyond it is the caller's care.  s->len > 0. */
bool tsn_skim_has(const struct tsn_skim *s, struct tsn_slice text);

#endif
