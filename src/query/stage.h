/*
 * query/stage: the stages behind the filter, parsed and resolved: each knows what rows come in and
 * what go out.  `top` and `rare` are stats, sort and head.
 */
#ifndef TSN_QUERY_STAGE_H
#define TSN_QUERY_STAGE_H

#include "query/expr.h"

enum tsn_stage_op {
	TSN_STAGE_WHERE,	/* cond */
	TSN_STAGE_EVAL,		/* items: slot (tables) or key (events) = expr */
	TSN_STAGE_STATS,	/* items: group by; aggs; span_ns */
	TSN_STAGE_SORT,		/* items */
	TSN_STAGE_HEAD,		/* n */
	TSN_STAGE_TAIL,		/* n */
	TSN_STAGE_FIELDS,	/* items */
	TSN_STAGE_DROP,		/* items: key and what is below it (events) or slot (tables) */
	TSN_STAGE_DEDUP,	/* items, n */
};

enum tsn_agg_op {
	TSN_AGG_COUNT,		/* rows, or rows where arg is not null */
	TSN_AGG_SUM,
	TSN_AGG_AVG,
	TSN_AGG_MIN,
	TSN_AGG_MAX,
	TSN_AGG_DC,
	TSN_AGG_VALUES,
	TSN_AGG_PERCENTILE,	/* percent */
	TSN_AGG_FIRST,		/* value of the earliest row */
	TSN_AGG_LAST,
};

struct tsn_agg {
	enum tsn_agg_op op;
	const struct tsn_expr *arg;	/* NULL: count() */
	double percent;
	uint32_t slot;			/* column of the result */
};

struct tsn_stage_item {
	const struct tsn_expr *expr;
	struct tsn_slice name;		/* of the result */
	tsn_key key;
	uint32_t slot;
	bool descending;
};

struct tsn_stage {
	enum tsn_stage_op op;
	size_t at;
	const struct tsn_expr *cond;
	struct tsn_stage_item *items;
	uint32_t item_count;
	struct tsn_agg *aggs;
	uint32_t agg_count;
	uint64_t n;
	int64_t span_ns;		/* 0: no time buckets; else column 0 is their start */
	const struct tsn_schema *in, *out;
	const struct tsn_stage *next;
};

#define TSN_STAGES_MAX 32u

/** Parses "| stage | stage ..." up to the end; *ret_first NULL when there is none. */
TSN_MUST_CHECK enum tsn_code tsn_stage_parse(struct tsn_qparse *p,
    const struct tsn_stage **ret_first);
const char *tsn_stage_name(enum tsn_stage_op op);
const char *tsn_stage_agg_name(enum tsn_agg_op op);

#endif
