/*
 * collect/known: which bytes of a file the store already has.
 *
 * Ranges of several generations of a file may stand under one path (it was rotated or replaced): a
 * range counts when the file's bytes at its place have its hash.  One pass over the file.
 */
#ifndef TSN_COLLECT_KNOWN_H
#define TSN_COLLECT_KNOWN_H

#include "os/file.h"
#include "store/store.h"

struct tsn_known_span {
	uint64_t begin, end;
};

struct tsn_known {
	struct tsn_known_span *spans;	/* sorted, apart from each other */
	size_t count;
};

/**
 * Hashes what the ranges cover of the (decompressed) file; damage of the file ends the pass
 * without error.  TSN_ENOMEM, TSN_EIO and what tsn_stream_open says.
 */
TSN_MUST_CHECK enum tsn_code tsn_known_find(const struct tsn_file_ops *ops, const char *path,
    const struct tsn_store_range *ranges, size_t range_count, struct tsn_known *ret_known,
    struct tsn_err *err);
void tsn_known_done(struct tsn_known *k);

#endif
