/*
 * detect/map: what compiling a plan needs to find equal things again.
 *
 * A map goes from a 64-bit hash to numbers; several numbers may share a hash, and the caller
 * compares: for (at = tsn_map_first(m, h); at found; at = next).  A vector grows by doubling.
 */
#ifndef TSN_DETECT_MAP_INT_H
#define TSN_DETECT_MAP_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
	uint64_t hash;
	uint32_t number;	/* 0: free; else number + 1 */
};

struct map {
	struct map_slot *slots;
	uint32_t mask, count;
};

/** False when out of memory; the map is as it was. */
bool tsn_map_put(struct map *m, uint64_t hash, uint32_t number);
/** Steps through the numbers under a hash: *at begins with 0; false when there are no more. */
bool tsn_map_next(const struct map *m, uint64_t hash, uint32_t *at, uint32_t *ret_number);
void tsn_map_done(struct map *m);

/** Room for `need` elements of `size` at *array (malloc's); false when out of memory. */
bool tsn_vec_room(void **array, uint32_t *cap, uint32_t need, size_t size);

#endif
