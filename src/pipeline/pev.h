/*
 * pipeline/pev: an event while filters work on it: a document that can be changed.
 *
 * All memory is the arena's that the event was made with; it is given back at once, when the event
 * has left the pipeline.  Names of maps keep the order in which they came.  Functions that need
 * memory answer false when the arena is exhausted; the event is then as it was.
 *
 * [@metadata] is a map of its own that outputs do not show.  @timestamp is a TSN_PV_TIME.
 */
#ifndef TSN_PIPELINE_PEV_H
#define TSN_PIPELINE_PEV_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"

enum tsn_pv_type {
	TSN_PV_NULL,
	TSN_PV_STR,
	TSN_PV_INT,
	TSN_PV_FLOAT,
	TSN_PV_BOOL,	/* i */
	TSN_PV_TIME,	/* i: nanoseconds since 1970 */
	TSN_PV_LIST,
	TSN_PV_MAP,
};

struct tsn_pv {
	enum tsn_pv_type type;
	union {
		struct tsn_slice str;
		int64_t i;
		double d;
		struct tsn_pv_list *list;
		struct tsn_pv_map *map;
	} as;
};

struct tsn_pv_list {
	struct tsn_pv *items;
	uint32_t count, cap;
};

struct tsn_pv_member {
	struct tsn_slice name;
	struct tsn_pv value;
	uint32_t hash;
};

struct tsn_pv_map {
	struct tsn_pv_member *members;
	uint32_t count, cap;
	uint32_t *index;	/* of big maps: 1 + place by hash, 0 free; NULL: none */
	uint32_t index_cap;
};

struct tsn_pev {
	struct tsn_arena *arena;
	struct tsn_pv root, meta;	/* maps */
	int64_t born_ns;		/* what @timestamp was at first */
	uint64_t offset;		/* place of the record in its file */
	bool placed;			/* offset is known */
	bool parsed;			/* a filter or codec has made fields of its text */
	bool cancelled;
	struct tsn_pev *next;		/* of whoever keeps a list */
};

#define TSN_PREF_PARTS_MAX 32u

/** A compiled field reference. */
struct tsn_pref {
	struct tsn_slice text;		/* as written */
	struct tsn_slice *parts;
	uint32_t count;
	bool meta;			/* below [@metadata], which is no part */
};

static inline struct tsn_pv
tsn_pv_str(struct tsn_slice s)
{
	return (struct tsn_pv){.type = TSN_PV_STR, .as.str = s};
}

static inline struct tsn_pv
tsn_pv_int(int64_t i)
{
	return (struct tsn_pv){.type = TSN_PV_INT, .as.i = i};
}

static inline struct tsn_pv
tsn_pv_bool(bool b)
{
	return (struct tsn_pv){.type = TSN_PV_BOOL, .as.i = b};
}

/** An empty event without @timestamp, or NULL. */
struct tsn_pev *tsn_pev_new(struct tsn_arena *arena);
/** A deep copy in the same arena, or NULL. */
struct tsn_pev *tsn_pev_clone(const struct tsn_pev *ev);

/** "[a][b]" or "a"; what is neither is a plain name.  false: no memory or too many parts. */
bool tsn_pref_parse(struct tsn_arena *arena, struct tsn_slice text, struct tsn_pref *ret);
struct tsn_pv *tsn_pev_get(const struct tsn_pev *ev, const struct tsn_pref *ref);
/** Makes maps on the way; false too when something on the way is no map. */
bool tsn_pev_set(struct tsn_pev *ev, const struct tsn_pref *ref, struct tsn_pv v);
/** Takes it out; *ret (may be NULL) is what was there. */
bool tsn_pev_remove(struct tsn_pev *ev, const struct tsn_pref *ref, struct tsn_pv *ret);
/** Short forms for names at the top. */
struct tsn_pv *tsn_pev_find(const struct tsn_pev *ev, struct tsn_slice name);
bool tsn_pev_put(struct tsn_pev *ev, struct tsn_slice name, struct tsn_pv v);
/** Adds to [tags], once. */
bool tsn_pev_tag(struct tsn_pev *ev, struct tsn_slice tag);

bool tsn_pv_map_new(struct tsn_arena *a, struct tsn_pv *ret);
bool tsn_pv_list_new(struct tsn_arena *a, struct tsn_pv *ret);
struct tsn_pv *tsn_pv_map_find(const struct tsn_pv_map *m, struct tsn_slice name);
bool tsn_pv_map_put(struct tsn_arena *a, struct tsn_pv_map *m, struct tsn_slice name,
    struct tsn_pv v);
bool tsn_pv_map_remove(struct tsn_pv_map *m, struct tsn_slice name, struct tsn_pv *ret);
bool tsn_pv_list_add(struct tsn_arena *a, struct tsn_pv_list *l, struct tsn_pv v);
/** Deep; depth is bounded by TSN_NESTING_MAX. */
bool tsn_pv_copy(struct tsn_arena *a, const struct tsn_pv *v, struct tsn_pv *ret);
bool tsn_pv_equal(const struct tsn_pv *a, const struct tsn_pv *b);

enum tsn_pv_float_style { TSN_PV_FLOAT_JAVA, TSN_PV_FLOAT_RUBY };
void tsn_pv_write_float(double d, enum tsn_pv_float_style style, struct tsn_buf *out);
/** As sprintf shows it: lists joined by commas, maps as JSON. */
void tsn_pv_write_text(const struct tsn_pv *v, struct tsn_buf *out);
void tsn_pv_write_json(const struct tsn_pv *v, struct tsn_buf *out);
/** JSON text to a value; strings are slices of text or of the arena. */
TSN_MUST_CHECK enum tsn_code tsn_pv_read_json(struct tsn_arena *a, struct tsn_slice text,
    struct tsn_pv *ret, struct tsn_err *err);
/** As Ruby's awesome_print shows it (codec rubydebug); no line end behind it. */
void tsn_pv_write_ruby(const struct tsn_pv *v, struct tsn_buf *out);

#endif
