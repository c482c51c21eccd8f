/*
 * match/atom: one compiled test on one value.  match/eval puts them together over an event, detect
 * over many rules at once; both mean the same because the tests are these.
 *
 * A compiled atom is immutable and may be used from many threads, each with its own scratch.
 */
#ifndef TSN_MATCH_ATOM_H
#define TSN_MATCH_ATOM_H

#include "event/path.h"
#include "match/pred.h"

/** Longest text of a regular expression, and what its matching may cost. */
#define TSN_REGEX_BYTES_MAX 16384u
#define TSN_REGEX_MATCH_LIMIT 200000u
#define TSN_REGEX_DEPTH_LIMIT 2000u

struct tsn_atom_code;		/* a compiled regular expression */
struct tsn_order;		/* match/order.h */
struct tsn_cidr;		/* base/ip.h */

struct tsn_catom {
	uint8_t op;		/* enum tsn_atom_op */
	bool wild;		/* value has wildcards */
	uint16_t flags;		/* enum tsn_atom_flag */
	struct tsn_slice value;	/* folded, unless TSN_ATOM_CASED */
	const struct tsn_order *order;		/* NUM_EQ .. BETWEEN, TIME_PART */
	const struct tsn_cidr *cidr;		/* CIDR */
	struct tsn_atom_code *code;		/* REGEX */
};

/**
 * What matching needs while it runs, and what it counts.  One per thread.
 */
struct tsn_match_scratch {
	struct tsn_arena arena;		/* folded values of the event at hand */
	void *match_data;		/* of PCRE2 */
	void *match_context;
	void *jit_stack;
	uint64_t regex_limit_hits;	/* matches given up at a limit: counted as not matching */
	uint64_t memory_fails;		/* values not looked at because memory was exhausted */
};

/** TSN_ENOMEM alone. */
TSN_MUST_CHECK enum tsn_code tsn_match_scratch_init(struct tsn_match_scratch *s);
/** Accepts NULL and a zeroed one. */
void tsn_match_scratch_done(struct tsn_match_scratch *s);

/** A value under test: its text as it is, and folded when somebody asked. */
struct tsn_value {
	struct tsn_slice raw;
	struct tsn_slice folded;	/* ptr NULL: not folded yet */
	bool ascii;			/* once folded: no byte of it is beyond ASCII */
};

/** Folds once; empty text when memory is exhausted (counted). */
struct tsn_slice tsn_value_fold(struct tsn_value *v, struct tsn_match_scratch *s);

/**
 * Compiles an atom; its value is copied (folded) into the arena.  Errors (TSN_EINVAL, TSN_EPARSE,
 * TSN_ELIMIT) say what is wrong with the value: a regular expression, a network, a time part.
 * Regular expressions are owned by the atom: tsn_atom_done.
 */
TSN_MUST_CHECK enum tsn_code tsn_atom_compile(struct tsn_arena *arena, const struct tsn_atom *atom,
    struct tsn_catom *ret, struct tsn_err *err);
/** Frees a regular expression; accepts a zeroed atom. */
void tsn_atom_done(struct tsn_catom *a);
/** Whether the value makes the atom true.  Not for EXISTS, NULL and FIELD_*: they ask the event. */
bool tsn_atom_test(const struct tsn_catom *a, struct tsn_match_scratch *s,
    const struct tsn_field *f, struct tsn_value *v);
/** As tsn_atom_test for atoms on text (EQ .. WORD), on a text that is no field. */
bool tsn_atom_test_text(const struct tsn_catom *a, struct tsn_match_scratch *s,
    struct tsn_value *v);
/** One of the FIELD_* atoms on two values of the event. */
bool tsn_atom_test_pair(const struct tsn_catom *a, struct tsn_match_scratch *s,
    struct tsn_value *v, struct tsn_value *other);
/** True for the atoms that look at text: EQ .. WORD. */
static inline bool
tsn_atom_is_text(enum tsn_atom_op op)
{
	return op <= TSN_ATOM_WORD;
}
/** True for FIELD_EQ .. FIELD_CONTAINS. */
static inline bool
tsn_atom_is_pair(enum tsn_atom_op op)
{
	return op >= TSN_ATOM_FIELD_EQ && op <= TSN_ATOM_FIELD_CONTAINS;
}

/**
 * The fields that an atom without a field name searches: every text that came with the record.
 * What tocsin adds to each event (event.id, event.created, log.*, @timestamp, event.dataset) is not
 * part of the record.
 */
static inline bool
tsn_atom_searches(const struct tsn_field *f)
{
	return f->key > TSN_F_LOG_SOURCE_ADDRESS && f->ptr != NULL && f->type >= TSN_T_STR &&
	    f->type <= TSN_T_FLOAT;
}
/**
 * True when keywords look into event.original too: it is a line of text, not a document (JSON, XML,
 * binary) whose syntax and names would be taken for its content.
 */
bool tsn_atom_original_is_text(struct tsn_slice original);

/** Checks the text of a regular expression without keeping it. */
TSN_MUST_CHECK enum tsn_code tsn_atom_check_regex(struct tsn_slice regex, uint32_t flags,
    struct tsn_err *err);

#endif
