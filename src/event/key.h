/*
 * event/key: names of fields as small numbers.
 *
 * A key stands for one dotted path ("source.ip", "winlog.event_data.Image").  Lists do not show in
 * a path: elements of "dns.answers" share the key "dns.answers", and their position stands in the
 * field (event/event.h).  Keys known at build time are the enum below (wellknown.def); others are
 * interned while the program runs, up to TSN_KEYS_MAX.
 *
 * One table per process (struct tsn_keys), made first and freed last.  Looking up and interning
 * are safe from any thread; reads take no lock.  Names live as long as the table.
 */
#ifndef TSN_EVENT_KEY_H
#define TSN_EVENT_KEY_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

typedef uint32_t tsn_key;

/* 0 is the root of every document: no field has it. */
enum {
	TSN_KEY_ROOT = 0,
#define TSN_WELLKNOWN(symbol, name) TSN_F_##symbol,
#include "event/wellknown.def"
#undef TSN_WELLKNOWN
	TSN_KEY_WELLKNOWN_END
};

#define TSN_KEY_NONE UINT32_MAX

struct tsn_keys;

/** A table that holds the well-known keys, or NULL when out of memory. */
struct tsn_keys *tsn_keys_new(void);
void tsn_keys_free(struct tsn_keys *k);
/** The key of a dotted path, or TSN_KEY_NONE when nobody has interned it. */
tsn_key tsn_keys_find(const struct tsn_keys *k, struct tsn_slice path);
/** The key of a dotted path, new if need be; TSN_KEY_NONE when the table is full or the path
 * is empty or too long. */
tsn_key tsn_keys_intern(struct tsn_keys *k, struct tsn_slice path);
/** The key of `parent`.`name` (parent TSN_KEY_ROOT: of `name`); name may itself hold dots. */
tsn_key tsn_keys_child(struct tsn_keys *k, tsn_key parent, struct tsn_slice name);
/** The dotted path; valid as long as the table. */
struct tsn_slice tsn_keys_name(const struct tsn_keys *k, tsn_key key);
/** The key of the path up to its last dot, TSN_KEY_ROOT for a top-level name.  Each prefix of an
 * interned path is interned too. */
tsn_key tsn_keys_parent(const struct tsn_keys *k, tsn_key key);
/** True when `key` is `ancestor` or lies below it. */
bool tsn_keys_under(const struct tsn_keys *k, tsn_key key, tsn_key ancestor);
/** Keys so far; valid keys are 1 .. count - 1. */
uint32_t tsn_keys_count(const struct tsn_keys *k);

#endif
