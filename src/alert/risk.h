/*
 * alert/risk: the risk of users, hosts and addresses over a sliding window of event time.
 *
 * Each alert adds its score to every entity that it names.  When the scores of one entity within
 * the window reach the threshold a risk alert is raised, under an id that follows from the entity,
 * the alert that reached it and its time.  Until the cool-down is over further alerts belong to
 * that risk alert (its count and score grow); then the entity begins anew, with what came after:
 * an alert counts in one risk alert at most.
 *
 * Hits wait until event time has passed them (tsn_risk_advance) and are judged in the order of
 * (time, alert), so order of arrival, cut into batches, second deliveries and restarts give the
 * same risk alerts.  The time of a hit is when its alert came true, not when it was told.
 *
 * Owner: the caller; the configuration is borrowed.  One thread.  Bounds: 262,144 hits that wait,
 * 100,000 entities (the one quiet longest goes, counted), 4,096 hits of one entity.
 */
#ifndef TSN_ALERT_RISK_H
#define TSN_ALERT_RISK_H

#include "alert/triage.h"
#include "rule/finding.h"

/* Texts longer than this are cut. */
#define TSN_RISK_VALUE_MAX 256u
#define TSN_RISK_RULE_MAX 160u

/* One alert and one entity that it names. */
struct tsn_risk_hit {
	uint64_t alert[2];
	int64_t time_ns;		/* when it came true */
	double score;			/* above 0 */
	struct tsn_slice entity;	/* name: "user.name" */
	struct tsn_slice value;
	struct tsn_slice rule;		/* name of the alert's rule */
};

/* A risk alert that was raised: what a restart must know of it. */
struct tsn_risk_fire {
	uint64_t id[2];
	int64_t time_ns;		/* of the hit that raised it */
	int64_t first_ns;		/* of the first that it counts; hits from here on make it anew */
	struct tsn_slice entity, value;
};

struct tsn_risk_stats {
	uint64_t hits;
	uint64_t late;			/* came after their time had been judged */
	uint64_t evicted;		/* entities given up for want of room */
	uint64_t entities;
};

struct tsn_risk;

struct tsn_risk_options {
	const struct tsn_risk_config *config;	/* borrowed */
	bool once;			/* a risk alert is told of when it is over, not as it grows */
	/** A risk alert; the finding lives during the call. */
	enum tsn_code (*raise)(void *ctx, const struct tsn_finding *finding);
	/** One was raised (before it is told of); may be NULL. */
	enum tsn_code (*fired)(void *ctx, const struct tsn_risk_fire *fire);
	void *ctx;
};

TSN_MUST_CHECK enum tsn_code tsn_risk_new(const struct tsn_risk_options *o,
    struct tsn_risk **ret, struct tsn_err *err);
/** Accepts NULL. */
void tsn_risk_free(struct tsn_risk *r);
/**
 * The hits of an alert: its document, and when it came true.  each() gets those that are new to
 * the caller's memory (may be NULL); they are copied.  score <= 0 adds nothing.
 */
TSN_MUST_CHECK enum tsn_code tsn_risk_alert(struct tsn_risk *r, const struct tsn_event *doc,
    const struct tsn_finding *finding, double score,
    enum tsn_code (*each)(void *ctx, const struct tsn_risk_hit *hit), void *ctx);
/** One hit, as tsn_risk_alert() makes them; for those read back after a restart. */
TSN_MUST_CHECK enum tsn_code tsn_risk_add(struct tsn_risk *r, const struct tsn_risk_hit *hit);
/** A risk alert from before a restart, before any hit is added. */
TSN_MUST_CHECK enum tsn_code tsn_risk_restore(struct tsn_risk *r,
    const struct tsn_risk_fire *fire);
/** Judges all that happened up to mark_ns. */
TSN_MUST_CHECK enum tsn_code tsn_risk_advance(struct tsn_risk *r, int64_t mark_ns);
/** No more alerts: judges all that waits and tells of what is open. */
TSN_MUST_CHECK enum tsn_code tsn_risk_finish(struct tsn_risk *r);
void tsn_risk_stats_get(const struct tsn_risk *r, struct tsn_risk_stats *ret);
/** The rule that risk alerts belong to, of the configured level. */
const struct tsn_rule *tsn_risk_rule(const struct tsn_risk *r);

#endif
