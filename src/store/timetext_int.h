/*
 * store/timetext: texts of times that follow from the event's time, and so need not be stored.
 */
#ifndef TSN_STORE_TIMETEXT_INT_H
#define TSN_STORE_TIMETEXT_INT_H

#include "base/time.h"

enum timetext_form {
	TIMETEXT_BSD,		/* Dec 10 06:55:46, day padded with a blank */
	TIMETEXT_ISO_T,		/* 2025-12-10T06:55:46 */
	TIMETEXT_ISO_BLANK,	/* 2025-12-10 06:55:46 */
	TIMETEXT_SLASH,		/* 2025/12/10 06:55:46 */
	TIMETEXT_CLF,		/* 10/Dec/2025:06:55:46 */
	TIMETEXT_EPOCH,		/* 1765349746: ten digits */
	TIMETEXT__COUNT
};

#define TIMETEXT_MAX 32u

struct timetext {
	uint8_t form;
	uint8_t digits;		/* of the fraction behind '.' or ','; 0 none */
	bool comma;
	int32_t tz_sec;		/* what the text is ahead of UTC; a quarter of an hour at least */
};

/** Bytes of the text; the same for all times. */
size_t timetext_len(const struct timetext *t);
/** Writes them; false when this time has no such text (its year has not four digits ...). */
bool timetext_put(const struct timetext *t, int64_t time_ns, char out[TIMETEXT_MAX]);
/** True when text begins with the time in some form; the longest such. */
bool timetext_match(struct tsn_slice text, int64_t time_ns, struct timetext *ret);
/** True when such texts can hold this word (a part of one: `whole` false). */
bool timetext_may_hold(const struct timetext *t, struct tsn_slice word, bool whole);

#endif
