/*
 * match/eval: one predicate, compiled, over one event.
 *
 * The tree of match/pred.h becomes a list of tests with jumps: no recursion and no allocation while
 * it runs.  A compiled predicate is immutable; many threads may share it, each with its own scratch
 * (match/atom.h).
 */
#ifndef TSN_MATCH_EVAL_H
#define TSN_MATCH_EVAL_H

#include "match/atom.h"

/** How many event fields one written name may mean. */
#define TSN_MATCH_PATHS_MAX 16u
/** Deepest nesting of a predicate, and its most atoms. */
#define TSN_MATCH_DEPTH_MAX 512u
#define TSN_MATCH_ATOMS_MAX (1u << 20)

struct tsn_match_env {
	struct tsn_keys *keys;		/* outlives the compiled predicate */
	/**
	 * Says which paths a written field name means: fills ret_paths (room for
	 * TSN_MATCH_PATHS_MAX) and *ret_count; 0 paths: a field that no event has.  NULL: names
	 * are paths.
	 */
	enum tsn_code (*resolve)(void *ctx, struct tsn_slice field, struct tsn_path *ret_paths,
	    uint32_t *ret_count, struct tsn_err *err);
	void *ctx;
};

struct tsn_match;

/**
 * The predicate may be freed after this.  Errors name what is wrong (a regular expression, a path);
 * err->pos is atom.at of the atom they are about.
 */
TSN_MUST_CHECK enum tsn_code tsn_match_compile(const struct tsn_pred *pred,
    const struct tsn_match_env *env, struct tsn_match **ret, struct tsn_err *err);
void tsn_match_free(struct tsn_match *m);
bool tsn_match_eval(const struct tsn_match *m, struct tsn_match_scratch *s,
    const struct tsn_event *ev);

/** Resolves as the environment says; for those who compile atoms themselves. */
TSN_MUST_CHECK enum tsn_code tsn_match_resolve(const struct tsn_match_env *env,
    struct tsn_slice field, struct tsn_path *ret_paths, uint32_t *ret_count, struct tsn_err *err);

/** Where an atom looks: its own paths and, of FIELD_* atoms, those of the other field. */
struct tsn_match_paths {
	const struct tsn_path *paths;
	const struct tsn_path *others;
	uint32_t path_count;
	uint32_t other_count;
	bool whole_record;		/* no field: every text of the record */
};

/** The value of one atom on an event, folding what it needs to into the scratch. */
bool tsn_match_atom(const struct tsn_catom *a, const struct tsn_match_paths *where,
    const struct tsn_keys *keys, struct tsn_match_scratch *s, const struct tsn_event *ev);

#endif
