/*
 * rule/rule: detection rules as checked, immutable data.
 *
 * A rule set is built once (rule/load.h) and published by pointer; everything in it lives in its
 * arena.  It knows nothing of matching state.
 */
#ifndef TSN_RULE_RULE_H
#define TSN_RULE_RULE_H

#include <stdint.h>

#include "base/arena.h"
#include "match/pred.h"
#include "rule/exception.h"

enum tsn_level {
	TSN_LEVEL_INFORMATIONAL,
	TSN_LEVEL_LOW,
	TSN_LEVEL_MEDIUM,
	TSN_LEVEL_HIGH,
	TSN_LEVEL_CRITICAL,
	TSN_LEVEL__COUNT
};

struct tsn_logsource {
	struct tsn_slice category;	/* empty: any */
	struct tsn_slice product;
	struct tsn_slice service;
	struct tsn_slice definition;
};

struct tsn_rule_relation {
	struct tsn_slice id;
	struct tsn_slice type;		/* derived, obsolete, merged, renamed, similar */
};

struct tsn_rule {
	struct tsn_slice id;		/* rule.id: the Sigma id, or a name made of the file's path */
	struct tsn_slice name;		/* rule.name: Sigma's title */
	struct tsn_slice short_name;	/* Sigma's `name`, by which correlations refer to it */
	struct tsn_slice version;	/* rule.version: Sigma's modified or date; "1" else */
	struct tsn_slice ruleset;	/* rule.ruleset: the folder given to --rules */
	struct tsn_slice status;
	struct tsn_slice description;
	struct tsn_slice author;
	struct tsn_slice license;
	struct tsn_slice taxonomy;	/* empty: sigma; "ecs", "tocsin": field names are event paths */
	struct tsn_slice file;		/* where it was read, for messages */
	uint32_t line;
	enum tsn_level level;
	struct tsn_logsource logsource;
	struct tsn_slice *references;
	uint32_t reference_count;
	struct tsn_slice *tags;		/* as written: attack.t1059.001 */
	uint32_t tag_count;
	struct tsn_slice *falsepositives;
	uint32_t falsepositive_count;
	struct tsn_slice *fields;	/* Sigma `fields`: what an analyst wants to see */
	uint32_t field_count;
	struct tsn_slice *scope;
	uint32_t scope_count;
	struct tsn_rule_relation *related;
	uint32_t related_count;
	const struct tsn_pred *condition;	/* NULL for a correlation */
	const struct tsn_correlation *correlation;	/* rule/correlation.h, or NULL */
	const struct tsn_exception **exceptions;	/* rule/exception.h: what is no finding of it */
	uint32_t exception_count;
	bool generate;		/* false: serves a correlation only, raises no alert itself */
};

struct tsn_ruleset {
	struct tsn_arena arena;
	struct tsn_rule *rules;
	uint32_t count;
	const struct tsn_exception **exceptions;	/* all, by their index */
	uint32_t exception_count;
};

#endif
