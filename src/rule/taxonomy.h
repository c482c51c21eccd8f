/*
 * rule/taxonomy: how Sigma's log sources and field names map to events.
 *
 * A view is one way to see events as a Sigma log source: which log sources it provides, which
 * events it holds (a condition over event paths), and what the log source's field names are called
 * in those events.  Views are data: the files of content/taxonomy, described in its README.
 * A rule is compiled once per view that provides its log source.
 *
 * Beside the views of the files there is for each log source the declared view: events that say of
 * themselves what they are, by the top-level fields product, category and service.
 *
 * Owner: the taxonomy owns its views; they live until tsn_taxonomy_free().  Building it and
 * tsn_taxonomy_find() (which may make a declared view) are for one thread; views are immutable.
 */
#ifndef TSN_RULE_TAXONOMY_H
#define TSN_RULE_TAXONOMY_H

#include "base/err.h"
#include "rule/rule.h"

/* Paths one Sigma field name can stand for in one view. */
#define TSN_VIEW_PATHS_MAX 8u
/* Views one log source can have. */
#define TSN_VIEWS_PER_RULE_MAX 64u

struct tsn_taxonomy;
struct tsn_fieldmap;

struct tsn_view {
	struct tsn_slice name;		/* "windows/process_creation/sysmon": for explanations */
	const struct tsn_logsource *logsources;	/* what it provides */
	uint32_t logsource_count;
	const struct tsn_pred *when;	/* events it holds; its field names are event paths */
	const struct tsn_fieldmap *map;
	uint32_t index;			/* 0 .. tsn_taxonomy_view_count() - 1 */
	bool declared;			/* made for events that name their log source themselves */
};

/** An empty taxonomy (declared views only), or NULL when out of memory. */
struct tsn_taxonomy *tsn_taxonomy_new(void);
void tsn_taxonomy_free(struct tsn_taxonomy *t);
/**
 * Adds the views of one file, before the first tsn_taxonomy_find(); `name` is for messages
 * ("file:line: ...").
 */
TSN_MUST_CHECK enum tsn_code tsn_taxonomy_add(struct tsn_taxonomy *t, struct tsn_slice name,
    struct tsn_slice text, struct tsn_err *err);
/** Adds the views that ship with the program (content/taxonomy). */
TSN_MUST_CHECK enum tsn_code tsn_taxonomy_add_content(struct tsn_taxonomy *t, struct tsn_err *err);
uint32_t tsn_taxonomy_view_count(const struct tsn_taxonomy *t);
const struct tsn_view *tsn_taxonomy_view(const struct tsn_taxonomy *t, uint32_t index);

/**
 * The views for a rule's log source: those that provide exactly it; if there are none, those that
 * provide something narrower (a rule on category process_creation alone sees it of every product);
 * then its declared view, which is always the last.  An empty log source gets the one view of all
 * events.  `taxonomy` is the rule's (empty or "sigma": Sigma names; "ecs", "tocsin": field names
 * are event paths as they are).
 * ret_views has room for TSN_VIEWS_PER_RULE_MAX; *ret_count >= 1.  TSN_ENOMEM.
 */
TSN_MUST_CHECK enum tsn_code tsn_taxonomy_find(struct tsn_taxonomy *t,
    const struct tsn_logsource *logsource, struct tsn_slice taxonomy,
    const struct tsn_view **ret_views, uint32_t *ret_count);

/**
 * The event paths a Sigma field name means in a view, most usual first; at least one.  An atom on
 * the name is true when it is for any of the paths; TSN_ATOM_NULL when it is for all of them.
 * Texts live in `arena` or in the taxonomy.  Returns their number, 0 when the arena is exhausted.
 */
uint32_t tsn_view_resolve(const struct tsn_view *view, struct tsn_slice field,
    struct tsn_arena *arena, struct tsn_slice ret_paths[TSN_VIEW_PATHS_MAX]);
/** False when events of the view have neither such a field nor such a path. */
bool tsn_view_may_have(const struct tsn_view *view, struct tsn_slice field);

#endif
