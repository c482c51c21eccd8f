/*
 * store/memtable: the rows of a journal in memory, in order of time, for readers.
 */
#ifndef TSN_STORE_MEMTABLE_INT_H
#define TSN_STORE_MEMTABLE_INT_H

#include "store/frame_int.h"

struct mem_row {
	int64_t time_ns, created_ns;
	uint64_t offset, line;
	const struct tmpl *tmpl;
	const struct tsn_source *source;
	const unsigned char *vals, *vals_end;	/* encoded, in a body */
};

struct memtable {
	struct mem_row *rows;
	size_t count, cap;
	char **bodies;
	uint32_t body_count, body_cap;
};

void memtable_done(struct memtable *m);
/** Takes the rows (and the body) of a frame that was just opened. */
TSN_MUST_CHECK enum tsn_code memtable_take(struct memtable *m, struct frame_reader *r);
/** Rows by time; those of one time stay in the order of appending. */
TSN_MUST_CHECK enum tsn_code memtable_sort(struct memtable *m);
/** The first row not before `ns` (count when there is none). */
size_t memtable_lower(const struct memtable *m, int64_t ns);
/** vals has room for TMPL_SLOTS_MAX. */
void memtable_row(const struct memtable *m, size_t i, struct val *vals, struct row *ret_row);

#endif
