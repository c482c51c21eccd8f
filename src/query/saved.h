/*
 * query/saved: searches kept under a name, in searches.sqlite of the data folder.
 *
 * A query is checked by whoever saves it; names are at most TSN_SAVED_NAME_MAX bytes of UTF-8
 * without control characters.  Any number of processes may have the file open.
 */
#ifndef TSN_QUERY_SAVED_H
#define TSN_QUERY_SAVED_H

#include "base/err.h"
#include "base/slice.h"

#define TSN_SAVED_NAME_MAX 128u

struct tsn_saved;

struct tsn_saved_search {
	struct tsn_slice name, query, owner;
	int64_t created_ns, changed_ns;
};

/** TSN_ENOTFOUND: nothing was ever saved here (create false); TSN_EIO, TSN_EVERSION, TSN_ENOMEM. */
TSN_MUST_CHECK enum tsn_code tsn_saved_open(const char *dir, bool create,
    struct tsn_saved **ret_saved, struct tsn_err *err);
/** Accepts NULL. */
void tsn_saved_close(struct tsn_saved *s);
/** Saves, or replaces the query of that name (its owner stays). TSN_EINVAL: the name. */
TSN_MUST_CHECK enum tsn_code tsn_saved_put(struct tsn_saved *s, const struct tsn_saved_search *x,
    struct tsn_err *err);
/** TSN_ENOTFOUND: no such name. */
TSN_MUST_CHECK enum tsn_code tsn_saved_remove(struct tsn_saved *s, struct tsn_slice name,
    struct tsn_err *err);
/**
 * Tells the search of that name, or all by name (name empty); valid during the call.  TSN_ENOTFOUND
 * when a name was given and there is none.
 */
TSN_MUST_CHECK enum tsn_code tsn_saved_tell(struct tsn_saved *s, struct tsn_slice name,
    enum tsn_code (*tell)(void *ctx, const struct tsn_saved_search *x), void *ctx,
    struct tsn_err *err);

#endif
