/*
 * codec/json_walk: the members of a JSON object, or the elements of an array, one by one, each as
 * the text it is.  For documents that are read in another order than they are written in.
 *
 * The document has been checked (tsn_json_check); the walk of one that was not just ends early.
 */
#ifndef TSN_CODEC_JSON_WALK_H
#define TSN_CODEC_JSON_WALK_H

#include "codec/json.h"

struct tsn_json_walk {
	struct tsn_json_in in;
	bool object;
	bool done;
};

/** An object ('{') or an array ('['); anything else has no members.  arena: of decoded names. */
void tsn_json_walk(struct tsn_json_walk *w, struct tsn_slice value, struct tsn_arena *arena);
/** The next one: its value without blanks around; its name, empty in an array. */
bool tsn_json_walk_next(struct tsn_json_walk *w, struct tsn_slice *ret_name,
    struct tsn_slice *ret_value);
/** The text of a string value, decoded; of any other value as it stands. */
struct tsn_slice tsn_json_walk_text(struct tsn_slice value, struct tsn_arena *arena);

static inline char
tsn_json_walk_kind(struct tsn_slice value)
{
	return value.len > 0 ? *value.ptr : '\0';
}

#endif
