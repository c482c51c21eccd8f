/*
 * What the files of detect share.
 *
 * Words.  A *unit* is one rule seen through one view.  A *class* is a set of views that an event
 * can belong to at once; it has one *plan*: the units of its views compiled together.  A *ref* is
 * what one written field name means in a plan.  A *slot* is one event key that a plan looks at.  An
 * *atom* is one test of a plan; equal tests of different rules are one atom.  A *witness* is a set
 * of atoms of which at least one is true whenever the rule is: a unit is looked at only when one of
 * its witnesses was seen.
 */
#ifndef TSN_DETECT_DETECT_INT_H
#define TSN_DETECT_DETECT_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "detect/detect.h"
#include "detect/table_int.h"
#include "match/eval.h"
#include "match/prog.h"

/* Slots are 16 bits wide; a plan that needs more leaves rules out (counted as broken). */
#define PLAN_SLOTS_MAX 60000u
/* Classes with a plan of their own; more share the plans of single views. */
#define CLASSES_MAX 2048u

#define SLOT_NONE 0u

struct ref {
	struct tsn_path *paths;
	uint16_t *slots;		/* of each path */
	uint32_t count;
	bool indexed;			/* some path fixes list elements */
	bool record;			/* no field: all texts of the record */
};

/* How the index finds the events for which an atom is, or may be, true. */
enum atom_place {
	PLACE_NONE,		/* it does not: the atom is tested when a condition asks */
	PLACE_EQ,
	PLACE_SUFFIX,
	PLACE_PREFIX,
	PLACE_GRAMS,		/* anywhere, literals of four bytes and more */
	PLACE_SHORT,		/* anywhere, literals of two and three bytes */
	PLACE_WIDE,		/* anywhere, literals with a character beyond ASCII */
	PLACE_DIRECT,		/* tested on each value of its slots */
	PLACE__COUNT
};

struct atom {
	struct tsn_catom c;
	const struct ref *ref;
	const struct ref *other;	/* FIELD_* */
	uint32_t uses;			/* how often conditions name it */
	uint32_t wakes;			/* plan.wakes[wakes .. + wake_count): units it is a witness of */
	uint32_t wake_count;
	float truth;			/* how often it is expected to be true */
	uint8_t place;			/* enum atom_place */
	bool exact;			/* what the index finds is true: no further test */
	bool witness;
	bool indexed;			/* in the index: not found there means false */
	struct tsn_slice written;	/* its value, folded unless case matters */
	struct tsn_slice literal;	/* folded text that every true value holds, or empty */
};

/* What is asked of an atom for each find and each step: small, so that it is near. */
struct atom_hot {
	uint32_t wakes;
	uint32_t wake_count : 30;
	uint32_t exact : 1;
	uint32_t indexed : 1;
};

/* What one correlation wants of a unit's events. */
struct tap {
	uint32_t corr, place;
	const struct ref **group;
	const struct ref **fields;
};

/* One exception of a unit or correlation. */
struct except {
	struct tsn_match *when;
	const struct tsn_exception *exception;
};

struct corr_def {
	uint32_t rule;			/* the correlation's own */
	const struct tsn_correlation *c;
	struct except *excepts;
	uint32_t except_count;
	tsn_key *group_keys;		/* for exceptions: what the group's fields are called */
	uint32_t *ranks;		/* by place: order among hits of one instant */
	uint32_t rank_least;		/* of them: where it stands in an ordered one */
	int64_t keep_ns;		/* how long a group without further hits is kept */
	uint64_t print[2];		/* of all that its state depends on, rules under it included */
	bool used;			/* correlations refer to it */
	bool over;			/* it refers to correlations */
	bool at_close;			/* windows are judged when they are over */
	bool counts;			/* entries have a value that is counted */
	bool sums;			/* entries have a number */
	bool places;			/* temporal: entries are counted by rule */
	bool ordered;			/* steps.c */
};

struct corr_use {
	uint32_t corr, place;
};

struct unit {
	uint32_t rule;		/* index into the rule set */
	const struct tsn_view *view;
	struct tsn_prog prog;
	const uint32_t *atoms;		/* in the order of the condition's text */
	uint32_t atom_count;
	struct tap *taps;
	uint32_t tap_count;
	struct except *excepts;
	uint32_t except_count;
};

/* What a slot's values are looked up in. */
struct slot_index {
	struct table eq;		/* key: hash of the folded value */
	struct table suffix;		/* key: last 1 to 8 bytes */
	struct table prefix;		/* key: first 1 to 8 bytes */
	struct grams grams;		/* literals of 4 bytes and more anywhere */
	struct grams small;		/* literals of 2 and 3 bytes anywhere */
	struct grams wide;		/* 2 bytes anywhere, the first beyond ASCII */
	const uint32_t *direct;		/* atoms to test on each value */
	uint32_t direct_count;
	uint32_t pair_count;		/* the first so many of them ask another field too */
	bool any;
	uint16_t suffix_lens;		/* bit n: there are keys of n bytes */
	uint16_t prefix_lens;
	uint64_t eq_lens;		/* bit min(len, 63) */
	size_t least;			/* no text to be found anywhere is shorter */
};

struct plan {
	struct tsn_arena arena;
	struct unit *units;		/* by rule, then by view */
	uint32_t unit_count;
	uint32_t broken;
	struct atom *atoms;
	struct atom_hot *hot;		/* of each atom */
	uint32_t atom_count;
	uint32_t *wakes;
	uint64_t *gates;		/* bit per unit: looked at for every event */
	uint32_t gate_words;
	uint16_t *slot_of;		/* by key */
	uint32_t slot_of_count;
	uint64_t number;		/* unique among the plans of the set */
	struct slot_index *slots;	/* [SLOT_NONE] is the record's: keywords */
	uint32_t slot_count;
};

struct class {
	const uint64_t *views;		/* bit per view */
	struct plan *plan;		/* NULL: no view */
};

/*
 * Conditions of views.  An atom is *cheap* when it asks one field for presence, for a whole value
 * or for a beginning: what fields those ask (route keys) have for values decides most views at
 * once.  Views that stay open depend on other atoms; they are asked for each event.
 */
struct route_key {
	tsn_key key;
	bool below;		/* its presence includes what lies below it */
	uint32_t *atoms;	/* cheap atoms on its value: of router.atoms */
	uint32_t atom_count, atom_cap;
};

struct route_atom {
	struct tsn_catom c;
	struct tsn_path path;
	bool cheap;
};

struct router_view {
	const struct tsn_view *view;
	struct tsn_match *when;		/* NULL: every event */
	uint32_t atoms;			/* where its atoms begin, in the order of its condition */
};

struct router {
	struct router_view *views;
	uint32_t count;
	uint32_t words;			/* of a set of views */
	struct route_atom *atoms;
	uint32_t atom_count;
	struct route_key *keys;		/* fields that cheap atoms ask */
	uint32_t key_count;
	struct tsn_arena arena;
};

struct binding {
	uint32_t rule;
	uint32_t view;		/* index into router.views */
};

struct set {
	_Atomic(uint32_t) holders;
	const struct tsn_ruleset *rules;
	struct tsn_taxonomy *taxonomy;
	struct tsn_keys *keys;
	struct tsn_detect_options options;
	struct tsn_arena arena;		/* under the lock once engines run */
	struct router router;
	struct binding *bindings;	/* by view */
	uint32_t binding_count;
	uint32_t *view_bindings;	/* where each view's bindings begin; count + 1 */
	uint64_t (*rule_hash)[2];	/* of id and version */
	struct corr_def *corrs;
	uint32_t corr_count;
	struct corr_use *corr_uses;	/* by the rule they refer to */
	uint32_t *corr_at;		/* where each rule's uses begin; rules + 1 */
	pthread_mutex_t lock;
	struct class *classes;		/* [CLASSES_MAX], filled from the front */
	_Atomic(uint32_t) class_count;
	struct plan **view_plans;	/* per view, for when classes run out */
	_Atomic(uint64_t) compile_ns;
	_Atomic(uint32_t) broken;
	_Atomic(uint64_t) plan_number;
};

/* define.c */
/** What follows from the text of each correlation, once. */
TSN_MUST_CHECK enum tsn_code tsn_set_define(struct set *set, struct tsn_err *err);

/* print.c */
/** What the state of each correlation depends on: def.print. */
TSN_MUST_CHECK enum tsn_code tsn_print_define(struct set *set, struct tsn_err *err);

/* run.c */
/** Routes one event and runs the plan of its class. */
TSN_MUST_CHECK enum tsn_code tsn_run_event(struct tsn_detect *d, const struct tsn_event *ev);
/** The class of the event at hand; *ret NULL: the plans of d->views do instead. */
TSN_MUST_CHECK enum tsn_code tsn_route_event(struct tsn_detect *d, const struct class **ret);
/** Room for the state of one event under this plan. */
TSN_MUST_CHECK enum tsn_code tsn_run_room(struct tsn_detect *d, const struct plan *p);
/** Looks the event at hand up in a plan: atoms have values after this. */
void tsn_run_prepare(struct tsn_detect *d, const struct plan *p);
/** The value of an atom on the event at hand, found or tested now. */
bool tsn_run_atom(struct tsn_detect *d, uint32_t atom);
/** The value of a unit's condition on the event at hand. */
bool tsn_run_unit(struct tsn_detect *d, const struct unit *u);

/** Tests an atom on the event at hand. */
bool tsn_run_test(struct tsn_detect *d, const struct atom *a);
/** Tests an atom on one value. */
bool tsn_run_test_value(struct tsn_detect *d, const struct atom *a, const struct tsn_field *f,
    struct tsn_value *v);

/* look.c */
/** Looks the values of all slots that have any up. */
void tsn_look_slots(struct tsn_detect *d);
/** Looks all texts of the record up. */
void tsn_look_record(struct tsn_detect *d);

/* emit.c */
/** Hands a finding of a unit on the event at hand to the callback. */
TSN_MUST_CHECK enum tsn_code tsn_emit_single(struct tsn_detect *d, const struct unit *u);

/* except.c */
/** Do all exceptions compile?  What a plan will not do when its first event comes is told now. */
TSN_MUST_CHECK enum tsn_code tsn_except_check(const struct set *set, struct tsn_err *err);
void tsn_except_done(struct except *list, uint32_t count);
TSN_MUST_CHECK enum tsn_code tsn_except_compile_corr(struct set *set, struct corr_def *def,
    struct tsn_err *err);
/** Is what the unit found on the event at hand excepted?  Counts it. */
bool tsn_except_event(struct tsn_detect *d, const struct unit *u);

/* reason.c */
/** One sentence on why the unit is true of the event at hand; valid until the next call. */
struct tsn_slice tsn_emit_reason(struct tsn_detect *d, const struct unit *u);

/* bind.c */
/** Finds the views of all rules and what their conditions look at. */
TSN_MUST_CHECK enum tsn_code tsn_route_build(struct set *set, struct tsn_err *err);
void tsn_route_done(struct router *r);

/* class.c */
/** The class of a set of views, compiled if need be; *ret NULL: there are too many classes, and
 * the views' own plans do instead. */
TSN_MUST_CHECK enum tsn_code tsn_set_class(struct set *set, const uint64_t *views,
    const struct class **ret, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_set_view_plan(struct set *set, uint32_t view,
    const struct plan **ret, struct tsn_err *err);

/* plan.c */
/** Compiles the units of the views in `views`. */
TSN_MUST_CHECK enum tsn_code tsn_plan_new(struct set *set, const uint64_t *views,
    struct plan **ret, struct tsn_err *err);
void tsn_plan_free(struct plan *p);

/* How common runs of four bytes are among the literals of a plan, each as often as it is used. */
#define CENSUS_SIZE 65536u
struct census {
	uint32_t grams[CENSUS_SIZE];
};

static inline uint32_t *
census_at(struct census *c, const char *p)
{
	return &c->grams[gram_hash((uint32_t)tsn_hash_read32(p)) >> 16];
}

/* estimate.c */
/** Decides where each atom can stand in the index, and estimates how often it is true. */
void tsn_plan_estimate(struct plan *p, struct census *census);
/** What testing an atom costs, in about nanoseconds. */
double tsn_plan_cost(const struct atom *a);

/* witness.c */
/** Chooses the witnesses of each unit; fills gates and wakes. */
TSN_MUST_CHECK enum tsn_code tsn_plan_choose(struct plan *p, const struct tsn_ruleset *rules,
    struct tsn_arena *scratch);

/* index.c */
TSN_MUST_CHECK enum tsn_code tsn_plan_index(struct plan *p, struct census *census);

#endif
