/* query/query_int: a parsed query: filter, stages, and what the plan made of them. */
#ifndef TSN_QUERY_QUERY_INT_H
#define TSN_QUERY_QUERY_INT_H

#include "match/eval.h"
#include "query/query.h"
#include "query/stage.h"

struct tsn_query {
	struct tsn_arena arena;
	struct tsn_keys *keys;
	int64_t now_ns;
	struct tsn_slice text;
	const struct tsn_pred *filter;		/* as written */
	const struct tsn_pred *rest;		/* without the time range that the source answers */
	const struct tsn_stage *stages;
	struct tsn_qatom *atoms;
	struct tsn_match *match;		/* of rest */
	int64_t from_ns, to_ns;			/* of the filter: [from, to) */
	tsn_key *fields;			/* what the plan reads; NULL: everything */
	uint32_t field_count;
	bool tallies;				/* rows alike in these fields may come with a count */
	tsn_key *tally_fields;			/* what the stages up to stats read */
	uint32_t tally_field_count;
	int64_t tally_span_ns;
};

/* plan.c */
/** Takes bounds of @timestamp that every match has out of the filter. */
TSN_MUST_CHECK enum tsn_code tsn_plan_range(struct tsn_qparse *p, struct tsn_query *q);
/** Which fields the query reads. */
TSN_MUST_CHECK enum tsn_code tsn_plan_fields(struct tsn_qparse *p, struct tsn_query *q);
/** Whether the answer is made of counts of rows alike, and alike in what. */
TSN_MUST_CHECK enum tsn_code tsn_plan_tally(struct tsn_qparse *p, struct tsn_query *q);
/** Rows that are ever asked of a sort: of the head behind it or the limit; UINT64_MAX: all. */
uint64_t tsn_plan_sort_limit(const struct tsn_stage *sort, uint64_t row_limit);
/** The first stage that looks at more than one row is a tail: the scan begins at that end. */
bool tsn_plan_oldest_first(const struct tsn_query *q);
/** Rows shown at most, 0: all. */
uint64_t tsn_plan_row_limit(const struct tsn_query *q, const struct tsn_query_options *o);

#endif
