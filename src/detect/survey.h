/*
 * detect/survey: what a rule set meets in a sample of events: which log sources and fields there
 * are, and what each rule costs.
 *
 * Runs the route, the plans and the conditions that detection runs, and finds nothing: no
 * correlations, no exceptions.  One survey on one engine, one thread; the engine outlives it.
 */
#ifndef TSN_DETECT_SURVEY_H
#define TSN_DETECT_SURVEY_H

#include "detect/detect.h"

struct tsn_survey;

enum tsn_survey_verdict {
	TSN_SURVEY_MAY,		/* nothing that was seen speaks against it */
	TSN_SURVEY_NO_SOURCE,	/* no event of its log source */
	TSN_SURVEY_NO_FIELD,	/* no event of it had a field that it cannot do without */
	TSN_SURVEY_NO_RULE,	/* a correlation: one of its rules can never fire */
};

struct tsn_survey_result {
	enum tsn_survey_verdict verdict;
	struct tsn_slice field;	/* NO_FIELD: as the rule writes it */
	uint64_t line;		/* ... and where; 0 unknown */
	uint32_t rule;		/* NO_RULE: its index */
	uint64_t looked_at;	/* events for which its condition was judged */
	uint64_t fired;		/* ... and true */
	uint64_t cost_ns;	/* of judging it, clock reading taken off */
};

/** Borrows the engine.  NULL when out of memory. */
struct tsn_survey *tsn_survey_new(struct tsn_detect *d);
void tsn_survey_free(struct tsn_survey *s);
/** TSN_ENOMEM. */
TSN_MUST_CHECK enum tsn_code tsn_survey_batch(struct tsn_survey *s, const struct tsn_batch *batch);
uint64_t tsn_survey_events(const struct tsn_survey *s);
/** Of the rule with that index in the rule set. */
void tsn_survey_rule(struct tsn_survey *s, uint32_t rule, struct tsn_survey_result *ret);

#endif
