/*
 * rule/finding: what detection says: this rule is true of this event, or of these events.
 *
 * A finding lives only during the callback that hands it over (detect/detect.h); everything it
 * points to belongs to the engine, the rule set or the batch.  Who keeps one copies it.
 */
#ifndef TSN_RULE_FINDING_H
#define TSN_RULE_FINDING_H

#include "event/event.h"
#include "rule/rule.h"

/** A finding names at most so many of its events; `count` says how many there were. */
#define TSN_FINDING_EVENTS_MAX 64u
/** Group-by fields of a correlation. */
#define TSN_FINDING_GROUP_MAX 16u

struct tsn_finding_group {
	struct tsn_slice field;		/* as the rule writes it */
	struct tsn_slice value;
};

struct tsn_finding {
	const struct tsn_rule *rule;
	const struct tsn_event *event;	/* the last event; NULL when time alone raised it (absence) */
	/*
	 * Deterministic: of rule id, rule version, and for a single event its event id, for a
	 * correlation the group's values and the start of its window.  The same input in any order
	 * and any number of times gives the same id.
	 */
	uint64_t id[2];
	int64_t first_seen_ns;		/* event time of the first and last event that belong to it */
	int64_t last_seen_ns;
	uint64_t count;			/* events that belong to it (repeats counted); 1 for a single one */
	const struct tsn_finding_group *group;
	uint32_t group_count;
	uint32_t event_count;
	const uint64_t (*events)[2];	/* ids of the events, oldest first, bounded */
	/*
	 * Event time at which the condition came true: of the event, of the hit that reached the
	 * threshold, of the end of the window for what is judged there.  The same in any order.
	 */
	int64_t fired_ns;
	double risk_score;	/* of a risk alert (alert/risk.h); 0: none */
	bool early;	/* over files: it has come true; it is told, without this mark, when it is over */
	bool update;	/* a finding that was told before has grown: same id, higher count */
	struct tsn_slice reason;	/* one sentence: what happened to whom, how often, in what time */
};

#endif
