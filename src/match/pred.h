/*
 * match/pred: a condition on one event, as a tree.  Sigma rules and search queries are both
 * translated into this, so that the same words mean the same in both.
 *
 * Nodes live in the arena of whoever builds them (a rule set, a query) and are immutable after
 * that.  Field names are still names here; what they resolve to (which keys, for which kind of
 * event) is decided when a set is compiled (match/compile.h) through a resolver.
 *
 * Truth: two-valued.  An atom on a field that the event does not have is false (NOT of it is
 * true); TSN_ATOM_NULL and TSN_ATOM_EXISTS say so explicitly.  On a list an atom is true when it
 * is for any element.
 */
#ifndef TSN_MATCH_PRED_H
#define TSN_MATCH_PRED_H

#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

enum tsn_pred_op {
	TSN_PRED_TRUE,
	TSN_PRED_FALSE,
	TSN_PRED_AND,		/* kids; empty: true */
	TSN_PRED_OR,		/* kids; empty: false */
	TSN_PRED_NOT,		/* one kid */
	TSN_PRED_ATOM,
};

enum tsn_atom_op {
	/* Text.  Without TSN_ATOM_CASED case is ignored: ASCII letters fold, and so do the other
	 * cased letters of Unicode's simple case folding. Numbers and booleans are compared as their
	 * text. */
	TSN_ATOM_EQ,		/* whole value equals `value` */
	TSN_ATOM_PREFIX,
	TSN_ATOM_SUFFIX,
	TSN_ATOM_CONTAINS,
	TSN_ATOM_WILDCARD,	/* `value` is a pattern: see tsn_pred_pattern */
	TSN_ATOM_REGEX,		/* `value` is PCRE2 text, unanchored; flags i m s from `regex_flags` */
	/* Words of any text field of the record and of event.original: keyword search. */
	TSN_ATOM_KEYWORD,	/* any string of the record contains `value` (Sigma keywords; a pattern) */
	TSN_ATOM_WORD,		/* `value` stands in the record as whole words (search); a pattern;
				 * with a `field`: in the texts of that field alone */
	/* Numbers: the field's number, or its text read as one, against `number`; other values are
	 * false.  LT .. BETWEEN with TSN_ATOM_TEXT compare texts in byte order (after folding unless
	 * CASED) with `value`; with TSN_ATOM_TIME times with `time_ns`. */
	TSN_ATOM_NUM_EQ,
	TSN_ATOM_LT,
	TSN_ATOM_LE,
	TSN_ATOM_GT,
	TSN_ATOM_GE,
	TSN_ATOM_BETWEEN,	/* one value lies in [value, high] (number, time likewise), see the flags */
	/* Addresses. */
	TSN_ATOM_CIDR,		/* `value` is "10.0.0.0/8" or "2001:db8::/32" */
	/* Presence. */
	TSN_ATOM_EXISTS,	/* present, even if null or empty; or anything below it is */
	TSN_ATOM_NULL,		/* absent, or null */
	/* Another field of the same event: `value` is its name. */
	TSN_ATOM_FIELD_EQ,
	TSN_ATOM_FIELD_PREFIX,
	TSN_ATOM_FIELD_SUFFIX,
	TSN_ATOM_FIELD_CONTAINS,
	/* Time: @timestamp and other times, number in nanoseconds. */
	TSN_ATOM_TIME_PART,	/* Sigma |minute |hour |day |week |month |year: `value` names the part */
	TSN_ATOM__COUNT
};

enum tsn_atom_flag {
	TSN_ATOM_CASED = 1,
	TSN_ATOM_RE_I = 2,
	TSN_ATOM_RE_M = 4,
	TSN_ATOM_RE_S = 8,
	TSN_ATOM_ALL_ELEMENTS = 16,	/* true only when it is for every element of the list */
	TSN_ATOM_TEXT = 32,	/* LT .. BETWEEN: order of texts; a null, {} or [] has none */
	TSN_ATOM_TIME = 64,	/* LT .. BETWEEN: order of times: a time field, or text that is RFC 3339 */
	TSN_ATOM_OPEN_LOW = 128,	/* BETWEEN: without its lower bound itself */
	TSN_ATOM_OPEN_HIGH = 256,	/* BETWEEN: without its upper bound itself */
};

struct tsn_atom {
	struct tsn_slice field;	/* as written in the rule or query; empty for keywords and words */
	enum tsn_atom_op op;
	uint32_t flags;		/* enum tsn_atom_flag */
	struct tsn_slice value;
	double number;		/* for LT .. GE, NUM_EQ, TIME_PART */
	int64_t time_ns;	/* for LT .. BETWEEN with TSN_ATOM_TIME */
	struct tsn_slice high;	/* BETWEEN: upper bound, as text, number, time */
	double high_number;
	int64_t high_ns;
	uint64_t at;		/* where it stands in the text of the rule (line) or query (column) */
};

struct tsn_pred {
	enum tsn_pred_op op;
	uint32_t kid_count;
	const struct tsn_pred **kids;
	struct tsn_atom atom;		/* op TSN_PRED_ATOM */
	struct tsn_slice name;		/* name of a Sigma selection this node stands for, or empty */
};

/*
 * Patterns (WILDCARD, KEYWORD, WORD): bytes of text in which
 *   TSN_WILD_MANY stands for '*' (any run, also none) and TSN_WILD_ONE for '?' (one character).
 * They are bytes that valid UTF-8 never has, so that escaped '*' and '?' need no second notation.
 */
#define TSN_WILD_MANY '\xff'
#define TSN_WILD_ONE '\xfe'

/** All return NULL when the arena is exhausted. */
const struct tsn_pred *tsn_pred_const(struct tsn_arena *a, bool value);
const struct tsn_pred *tsn_pred_atom(struct tsn_arena *a, const struct tsn_atom *atom);
const struct tsn_pred *tsn_pred_not(struct tsn_arena *a, const struct tsn_pred *kid);
/** AND or OR of kids (copied); one kid is returned as it is. */
const struct tsn_pred *tsn_pred_group(struct tsn_arena *a, enum tsn_pred_op op,
    const struct tsn_pred *const *kids, uint32_t kid_count);
/**
 * The cheapest atom for a text with wildcards: "x" EQ, "x*" PREFIX, "*x" SUFFIX, "*x*" CONTAINS,
 * "*" EXISTS-as-non-empty stays WILDCARD, others WILDCARD.  `pattern` uses TSN_WILD_*.
 */
void tsn_pred_pattern(struct tsn_atom *atom, struct tsn_slice pattern);

#endif
