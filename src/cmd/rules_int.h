/* cmd/rules: what the files of the rules command share. */
#ifndef TSN_CMD_RULES_INT_H
#define TSN_CMD_RULES_INT_H

#include "cmd/cmd.h"
#include "rule/load.h"
#include "rule/taxonomy.h"

/** One line of the report on stdout: "file:line: message". */
void tsn_rules_print(FILE *out, const struct tsn_problem *p);

struct tsn_rules_explain {
	const char *rule;	/* a file or folder */
	const char *id;		/* id or name of one rule in it; NULL: all */
	const char *file;	/* records */
	const char *kind;	/* NULL: recognised */
	const char *values;	/* folder of value lists, or NULL */
	uint64_t limit;		/* records; 0: all */
	const struct tsn_option_list *exceptions;	/* files and folders */
};

/** tocsin rules explain: returns the exit status. */
int tsn_rules_explain(const struct tsn_command *cmd, const struct tsn_rules_explain *o);

/** Where rules are, for check and test. */
struct tsn_rules_paths {
	char **paths;		/* files and folders */
	int count;
	const char *values;	/* folder of value lists, or NULL */
	const struct tsn_option_list *exceptions;	/* files and folders */
};

/** Loads them all; what is wrong with them is in the report. */
TSN_MUST_CHECK enum tsn_code tsn_rules_load(struct tsn_loader *l, const struct tsn_rules_paths *p,
    struct tsn_ruleset **ret_set, struct tsn_rule_report *ret_report, struct tsn_err *err);

struct tsn_rules_survey {
	const struct tsn_option_list *samples;	/* files and folders of records */
	const char *data;			/* or NULL: the store of this data folder, newest events */
	const char *kind;			/* of the samples; NULL: recognised */
	uint64_t events_max;			/* 0: the default */
	uint64_t top;				/* expensive rules that are told; 0: the default */
};

/** Which rules can never fire on the events, and which are expensive, on stdout. */
TSN_MUST_CHECK enum tsn_code tsn_rules_survey(const struct tsn_ruleset *set,
    struct tsn_taxonomy *taxonomy, const struct tsn_rules_survey *o, struct tsn_err *err);

/** tocsin rules test: the tests kept beside rules; returns the exit status. */
int tsn_rules_test(const struct tsn_command *cmd, const struct tsn_rules_paths *paths);

#endif
