/*
 * store/source: the sources that rows name, interned by content (path, address, kind, zone).
 * Pointers are stable until done; `id` is the index.
 */
#ifndef TSN_STORE_SOURCE_INT_H
#define TSN_STORE_SOURCE_INT_H

#include "event/event.h"

struct sources {
	struct tsn_arena arena;
	struct tsn_source **list;
	uint32_t *slots;	/* index + 1 by hash; 0 free */
	uint32_t count, cap, slot_count;
};

void sources_init(struct sources *s);
void sources_done(struct sources *s);
/** NULL when out of memory. */
const struct tsn_source *sources_intern(struct sources *s, const struct tsn_source *source);

#endif
