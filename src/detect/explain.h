/*
 * detect/explain: why a rule is true of an event, and why it is not.
 *
 * Runs the same route, plan and tests as detection does, for one rule and one event, and hands over
 * what it came by: each view of the rule's log source with whether it holds the event, then the
 * rule's condition from the root down with the value of each part.
 */
#ifndef TSN_DETECT_EXPLAIN_H
#define TSN_DETECT_EXPLAIN_H

#include "detect/detect.h"

enum tsn_explain_kind {
	TSN_EXPLAIN_VIEW,	/* view, value: it holds the event */
	TSN_EXPLAIN_NODE,	/* a part of the condition */
};

struct tsn_explain_step {
	enum tsn_explain_kind kind;
	const struct tsn_view *view;	/* through which the event is seen */
	bool value;
	uint32_t depth;			/* of the part: 0 the whole condition */
	const struct tsn_pred *pred;
	struct tsn_slice paths;		/* atoms: what its field means here: "a.b, c.d" */
	bool present;			/* atoms: one of these is in the event */
	struct tsn_slice found;		/* atoms: its first value */
};

typedef void tsn_explain_callback(void *ctx, const struct tsn_explain_step *step);

/**
 * rule: index into the rule set, no correlation.  *ret_true: the rule is true of the event.  Steps
 * live during the callback.  TSN_ENOMEM; TSN_EINVAL for a correlation.
 */
TSN_MUST_CHECK enum tsn_code tsn_detect_explain(struct tsn_detect *d, const struct tsn_event *ev,
    uint32_t rule, tsn_explain_callback *callback, void *ctx, bool *ret_true);

#endif
