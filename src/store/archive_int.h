/*
 * store/archive_int: a segment as JSON lines, for archive.c.
 */
#ifndef TSN_STORE_ARCHIVE_INT_H
#define TSN_STORE_ARCHIVE_INT_H

#include "store/archive.h"
#include "store/manifest_int.h"

/**
 * The rows of the segment in `path` as documents, one file for each day: dir/dt=DAY/NAME.jsonl, and
 * their lines in dir/_MANIFEST.jsonl, which is replaced last.  *ret_was_there: it has them already.
 */
TSN_MUST_CHECK enum tsn_code lines_write(const char *dir, const char *path,
    const struct manifest_seg *m, struct tsn_keys *keys, bool *ret_was_there, struct tsn_err *err);

#endif
