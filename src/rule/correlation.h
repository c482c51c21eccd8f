/*
 * rule/correlation: a Sigma correlation (v2.1), checked; and what tocsin adds to it.
 *
 * References to rules are indexes into the rule set (a correlation may refer to correlations;
 * cycles are refused by the loader).  Everything lives in the rule set's arena.  Field names are
 * Sigma names: they resolve through the view in which the referred rule matched.
 */
#ifndef TSN_RULE_CORRELATION_H
#define TSN_RULE_CORRELATION_H

#include <stdint.h>

#include "base/slice.h"

enum tsn_corr_type {
	TSN_CORR_EVENT_COUNT,
	TSN_CORR_VALUE_COUNT,		/* distinct values (of several fields: distinct tuples) */
	TSN_CORR_TEMPORAL,
	TSN_CORR_TEMPORAL_ORDERED,
	TSN_CORR_VALUE_SUM,
	TSN_CORR_VALUE_AVG,
	TSN_CORR_VALUE_PERCENTILE,	/* `percentile` of the numbers in `fields` */
	TSN_CORR_VALUE_MEDIAN,		/* the same with 50 */
	/* tocsin's own */
	/* More than `capacity` events, or values of `fields` that differ; one drains per `leak_ns`. */
	TSN_CORR_LEAKY_BUCKET,
	TSN_CORR_FIRST_SEEN,		/* a value of `fields` never seen for the group, after learn_ns */
	TSN_CORR_ABSENCE,		/* any of the rules, and none of the absent ones for a timespan */
	/* Rules in the order written, with none of the absent ones at the places where they stand. */
	TSN_CORR_SEQUENCE,
	TSN_CORR__COUNT
};

/* op value: AND of all of them */
enum tsn_corr_op {
	TSN_CORR_GT,
	TSN_CORR_GTE,
	TSN_CORR_LT,
	TSN_CORR_LTE,
	TSN_CORR_EQ,
	TSN_CORR_NEQ,
};

#define TSN_CORR_BOUNDS_MAX 6u
/** Events, or values, that one group can hold: more are not counted. */
#define TSN_CORR_EVENTS_MAX 65536u
#define TSN_CORR_RULES_MAX 64u
#define TSN_CORR_GROUP_MAX 16u
/** Correlations over correlations: so many levels. */
#define TSN_CORR_CHAIN_MAX 16u

struct tsn_corr_bound {
	enum tsn_corr_op op;
	double value;
};

/* Extended condition of temporal types: which rules must and must not have matched. */
enum tsn_corr_expr_op {
	TSN_CORR_EXPR_RULE,	/* rules[rule] matched in the window */
	TSN_CORR_EXPR_AND,
	TSN_CORR_EXPR_OR,
	TSN_CORR_EXPR_NOT,
};

struct tsn_corr_expr {
	enum tsn_corr_expr_op op;
	uint32_t rule;			/* index into tsn_correlation.rules */
	uint32_t kid_count;
	const struct tsn_corr_expr **kids;
};

/* group_by[i] of events of rules[j] is fields[i * rule_count + j]: aliases are resolved already. */
struct tsn_correlation {
	enum tsn_corr_type type;
	uint32_t rule_count;
	const uint32_t *rules;		/* indexes into tsn_ruleset.rules, in the order written */
	uint32_t group_count;
	const struct tsn_slice *group_by;	/* as written: alias or field name */
	const struct tsn_slice *group_fields;	/* group_count * rule_count Sigma field names */
	int64_t timespan_ns;
	uint32_t bound_count;
	struct tsn_corr_bound bounds[TSN_CORR_BOUNDS_MAX];
	uint32_t field_count;
	const struct tsn_slice *fields;	/* field_count * rule_count Sigma names: [i * rule_count + j] */
	double percentile;		/* 0 .. 100 */
	const struct tsn_corr_expr *expr;	/* extended condition, or NULL: all rules */
	double capacity;		/* leaky bucket */
	int64_t leak_ns;
	int64_t learn_ns;		/* first seen */
	uint64_t absent;		/* absence, sequence: bit j: rules[j] must not have matched */
	bool suppress;		/* `tocsin: suppress`: every hit counts, whatever fields it lacks */
	bool generate;			/* the referred rules raise alerts of their own too */
};

#endif
