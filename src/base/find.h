/*
 * base/find: a short text in a longer one.
 */
#ifndef TSN_BASE_FIND_H
#define TSN_BASE_FIND_H

#include <stdbool.h>

#include "base/slice.h"

/** Where needle first stands in text, or NULL; an empty needle stands at the beginning. */
const char *tsn_find(struct tsn_slice text, struct tsn_slice needle);

static inline bool
tsn_find_has(struct tsn_slice text, struct tsn_slice needle)
{
	return needle.len <= text.len && tsn_find(text, needle) != NULL;
}

#endif
