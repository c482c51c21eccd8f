/*
 * alert/triage: how much an alert matters: rules with a score and a reason, aggregated as Apache
 * Metron does (docs/triage.md), and what of it counts as risk of users, hosts and addresses.
 *
 * A triage is read from one file and immutable after that.  Keys outlive it.  A result lives until
 * the next tsn_triage_judge() on the same triage.  One thread.
 */
#ifndef TSN_ALERT_TRIAGE_H
#define TSN_ALERT_TRIAGE_H

#include "event/event.h"
#include "rule/rule.h"

#define TSN_TRIAGE_RULES_MAX 1000u
#define TSN_RISK_ENTITIES_MAX 8u
#define TSN_RISK_FIELDS_MAX 8u

enum tsn_triage_aggregator {
	TSN_TRIAGE_MAX,		/* max(0, scores) */
	TSN_TRIAGE_MIN,
	TSN_TRIAGE_SUM,
	TSN_TRIAGE_MEAN,
	TSN_TRIAGE_POSITIVE_MEAN,	/* of the scores above 0; 0 when there are none */
};

/** 0 without scores; negative_trumps: any score below 0 makes it -infinity. */
double tsn_triage_aggregate(enum tsn_triage_aggregator aggregator, const double *scores,
    uint32_t count, bool negative_trumps);

struct tsn_triage_match {
	struct tsn_slice name, comment, reason;	/* each may be empty */
	double score;
};

struct tsn_triage_result {
	bool judged;			/* there are triage rules */
	double score;			/* aggregated; -infinity: dismissed */
	const struct tsn_triage_match *matches;	/* rules that are true, in their order */
	uint32_t match_count;
};

/* The risk of one kind of entity: values of the first of the fields that an alert has. */
struct tsn_risk_entity {
	struct tsn_slice name;			/* "user.name" */
	tsn_key keys[2 * TSN_RISK_FIELDS_MAX];	/* event fields, and those of alert.group */
	uint32_t key_count;
};

struct tsn_risk_config {
	int64_t window_ns, cooldown_ns;
	double threshold;
	double rule_max;			/* what one rule can add within a window; 0: no limit */
	enum tsn_level level;			/* of the alerts it raises */
	double scores[TSN_LEVEL__COUNT];	/* of alerts that no triage rule is true of */
	struct tsn_risk_entity entities[TSN_RISK_ENTITIES_MAX];
	uint32_t entity_count;
};

struct tsn_triage;

/** TSN_EPARSE ("FILE:LINE: ..."), TSN_ENOMEM, and what reading a file says. */
TSN_MUST_CHECK enum tsn_code tsn_triage_load(const char *path, struct tsn_keys *keys,
    struct tsn_triage **ret, struct tsn_err *err);
/** The same for text; `name` is for messages. */
TSN_MUST_CHECK enum tsn_code tsn_triage_parse(const char *name, struct tsn_slice text,
    struct tsn_keys *keys, struct tsn_triage **ret, struct tsn_err *err);
/** Accepts NULL. */
void tsn_triage_free(struct tsn_triage *t);
/** The most rules that can match. */
uint32_t tsn_triage_rule_count(const struct tsn_triage *t);
/** Judges the document of an alert.  TSN_ENOMEM. */
TSN_MUST_CHECK enum tsn_code tsn_triage_judge(struct tsn_triage *t, const struct tsn_event *alert,
    struct tsn_triage_result *ret);
/** NULL: no risk is kept. */
const struct tsn_risk_config *tsn_triage_risk(const struct tsn_triage *t);

#endif
