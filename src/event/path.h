/*
 * event/path: fields by the names people write: "source.ip", "a[0].b", "alert" (an object).
 *
 * A path names a key, and may fix the element of lists on the way.  Without [n] it means any
 * element.  Matching is by walking an event's fields; a compiled path is a few words, by value.
 */
#ifndef TSN_EVENT_PATH_H
#define TSN_EVENT_PATH_H

#include "event/event.h"

#define TSN_PATH_INDEXES_MAX 4u

struct tsn_path {
	tsn_key key;
	uint32_t index_count;
	struct {
		tsn_key list;
		uint32_t index;
	} indexes[TSN_PATH_INDEXES_MAX];
};

/** TSN_EPARSE for bad brackets, TSN_ELIMIT for more than TSN_PATH_INDEXES_MAX or a full table. */
TSN_MUST_CHECK enum tsn_code tsn_path_parse(struct tsn_keys *keys, struct tsn_slice text,
    struct tsn_path *ret_path, struct tsn_err *err);
/** True when the field (its key is path->key) stands at the indexes the path fixes. */
bool tsn_path_at(const struct tsn_path *path, const struct tsn_event *ev,
    const struct tsn_field *f);
/** The next field at the path after `prev` (NULL: the first), or NULL. */
const struct tsn_field *tsn_path_next(const struct tsn_path *path, const struct tsn_event *ev,
    const struct tsn_field *prev);
/** True when the path is present: a field at it (even null or empty), or below it. */
bool tsn_path_exists(const struct tsn_path *path, const struct tsn_keys *keys,
    const struct tsn_event *ev);

#endif
