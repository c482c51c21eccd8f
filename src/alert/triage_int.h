/* alert/triage: what reading the file and judging share. */
#ifndef TSN_ALERT_TRIAGE_INT_H
#define TSN_ALERT_TRIAGE_INT_H

#include "alert/triage.h"
#include "base/buf.h"
#include "match/eval.h"

struct triage_rule {
	struct tsn_slice name, comment;
	struct tsn_slice reason;	/* with {field} for its values */
	struct tsn_match *when;
	double score;
	tsn_key score_key;		/* TSN_KEY_NONE: score as it is; else the number of that field */
};

struct tsn_triage {
	struct tsn_keys *keys;
	struct tsn_arena arena;		/* of the file */
	struct tsn_arena scratch;	/* of the result at hand */
	struct tsn_match_scratch match;
	struct tsn_buf text;
	enum tsn_triage_aggregator aggregator;
	bool negative_trumps;
	bool has_rules;
	struct triage_rule *rules;
	uint32_t rule_count;
	bool has_risk;
	struct tsn_risk_config risk;
};

#endif
