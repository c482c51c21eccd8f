/* server/detection: its inside, for detection.c and readback.c. */
#ifndef TSN_SERVER_DETECTION_INT_H
#define TSN_SERVER_DETECTION_INT_H

#include "server/detection.h"

/* Views that a hint can tell apart; with more of them nothing is skipped. */
#define HINT_VIEWS_MAX 4096u

struct tsn_detection {
	struct tsn_detection_options o;
	struct tsn_taxonomy *taxonomy;
	struct tsn_ruleset *rules;
	struct tsn_rule_report report;
	struct tsn_detect *detect;
	struct tsn_enrich *enrich;
	struct tsn_alert_writer *writer;
	struct tsn_alerts *alerts;
	struct tsn_engine_stage stage;
	uint64_t found, found_new;
	bool replay;			/* events are read back: single findings are known */
	int64_t sure_ns;		/* of windows over before this all was told */
	struct tsn_err *err;		/* of the batch under way: callbacks report here */
};

/** Marks the views of one rule; false when it may be about any event. */
bool tsn_detection_mark(struct tsn_detection *d, const struct tsn_rule *rule, bool *marks,
    enum tsn_code *code);
/** Was this finding of a window read back told before? */
bool tsn_readback_known(const struct tsn_detection *d, const struct tsn_finding *finding);

#endif
