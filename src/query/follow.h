/*
 * query/follow: the events that a query finds among those stored from now on, as they come.
 *
 * The caller opens a new reader now and then and hands it over; each event is given once, in the
 * order of time within one step.  An event counts as new when it was received after the begin; one
 * that becomes visible more than TSN_FOLLOW_LATE_NS after it was received may be missed.
 */
#ifndef TSN_QUERY_FOLLOW_H
#define TSN_QUERY_FOLLOW_H

#include "query/query.h"

#define TSN_FOLLOW_LATE_NS (30 * TSN_NS_PER_SEC)

struct tsn_follow;

/** TSN_EINVAL: the query has a stage that waits for all rows (stats, sort, tail, head ...). */
TSN_MUST_CHECK enum tsn_code tsn_follow_new(const struct tsn_query *q, int64_t now_ns,
    struct tsn_follow **ret_follow, struct tsn_err *err);
/** Accepts NULL. */
void tsn_follow_free(struct tsn_follow *f);
/** As tsn_query_run, over what is new in the reader; sink->begin comes once, end with each step. */
TSN_MUST_CHECK enum tsn_code tsn_follow_step(struct tsn_follow *f, struct tsn_store_reader *r,
    int64_t now_ns, const struct tsn_query_options *options, const struct tsn_query_sink *sink,
    struct tsn_err *err);

#endif
