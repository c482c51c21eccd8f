/*
 * rule/exception: findings of rules that are known and wanted, kept apart from the rules.
 *
 * An exception names rules and a condition in Sigma's detection syntax: over the fields of the
 * event for rules about single events, over the group's values for correlations.  What is true of
 * it is no finding of the rule: no alert, no hit of a correlation.  It ends at a time of its own,
 * by event time, and every finding it hides is counted.  Format: docs/exceptions.md.
 *
 * Owner: the rule set's arena.
 */
#ifndef TSN_RULE_EXCEPTION_H
#define TSN_RULE_EXCEPTION_H

#include "match/pred.h"

/** Exceptions of one rule set. */
#define TSN_EXCEPTIONS_MAX 4096u

struct tsn_exception {
	struct tsn_slice id;
	struct tsn_slice title;		/* or empty */
	struct tsn_slice reason;
	struct tsn_slice author;
	struct tsn_slice file;
	uint32_t line;			/* of the document */
	uint32_t index;			/* among those of the rule set */
	int64_t created_ns;
	int64_t expires_ns;		/* hides nothing of this time or later; INT64_MAX: never ends */
	const struct tsn_pred *condition;
	bool paths;			/* field names are event paths whatever the rule calls them */
	uint32_t rule_count;		/* rules it applies to */
};

#endif
