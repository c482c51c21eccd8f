/* server/detection: its inside, for detection.c and readback.c. */
#ifndef TSN_SERVER_DETECTION_INT_H
#define TSN_SERVER_DETECTION_INT_H

#include "alert/risk.h"
#include "server/detection.h"

/* Views that a hint can tell apart; with more of them nothing is skipped. */
#define HINT_VIEWS_MAX 4096u

struct tsn_scoring {
	struct tsn_triage *triage;	/* NULL: alerts have no scores */
	struct tsn_risk *risk;		/* NULL: no risk is kept */
};

struct tsn_detection {
	struct tsn_detection_options o;
	struct tsn_taxonomy *taxonomy;
	struct tsn_ruleset *rules;
	struct tsn_rule_report report;
	struct tsn_detect *detect;
	struct tsn_enrich *enrich;
	struct tsn_alert_writer *writer;
	struct tsn_alerts *alerts;
	struct tsn_scoring scoring;
	enum tsn_code (*raise)(void *ctx, const struct tsn_finding *finding);	/* ctx: this */
	struct tsn_engine_stage stage;
	uint64_t found, found_new;
	struct evicted {
		uint64_t seen;		/* evictions told of */
		uint64_t before;	/* those of earlier hours */
		int64_t hour;		/* of the alert */
	} *evicted;			/* by rule */
	bool state_stands;		/* reading back is for windows alone, not for enrichment */
	bool replay;			/* events are read back: single findings are known */
	int64_t keep_ns;		/* when the next snapshot is due */
	int64_t sure_ns;		/* of windows over before this all was told */
	struct tsn_err *err;		/* of the batch under way: callbacks report here */
};

/** Raises what has gone wrong since the last call as alerts; health.c. */
TSN_MUST_CHECK enum tsn_code tsn_health_check(struct tsn_detection *d, int64_t now_ns,
    enum tsn_code (*raise)(void *ctx, const struct tsn_finding *finding));
/* scoring.c */
/** Reads the file of triage, if one is named. */
TSN_MUST_CHECK enum tsn_code tsn_scoring_open(struct tsn_detection *d, struct tsn_scoring *ret,
    struct tsn_err *err);
void tsn_scoring_close(struct tsn_scoring *s);
/** Risk as it was before a restart; live only. */
TSN_MUST_CHECK enum tsn_code tsn_scoring_restore(struct tsn_detection *d, struct tsn_err *err);
/** An alert was written: what it means for risk. */
TSN_MUST_CHECK enum tsn_code tsn_scoring_alert(struct tsn_detection *d,
    const struct tsn_finding *finding, const struct tsn_alert *alert);
/** Time has passed. */
TSN_MUST_CHECK enum tsn_code tsn_scoring_advance(struct tsn_detection *d);
TSN_MUST_CHECK enum tsn_code tsn_scoring_finish(struct tsn_detection *d);
/** Marks the views of one rule; false when it may be about any event. */
bool tsn_detection_mark(struct tsn_detection *d, const struct tsn_rule *rule, bool *marks,
    enum tsn_code *code);
/** The snapshot on disk into a new engine; TSN_ENOTFOUND and others: there is none to use. */
TSN_MUST_CHECK enum tsn_code tsn_keep_load(struct tsn_detection *d, struct tsn_err *err);
/** The state of one engine into a new one, as far as their rules are the same. */
TSN_MUST_CHECK enum tsn_code tsn_keep_move(struct tsn_detect *from, struct tsn_detect *to,
    struct tsn_err *err);
/** Was this finding of a window read back told before? */
bool tsn_readback_known(const struct tsn_detection *d, const struct tsn_finding *finding);

#endif
