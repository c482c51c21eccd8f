/*
 * rule/load: Sigma text to a rule set.
 *
 * A loader takes files, folders and texts, and ends with a rule set and a report.  Each rule is
 * loaded, skipped (fine, but it cannot be used here: the reason is a problem line) or failed
 * (broken).  The rule set holds the loaded ones; whoever must have all or nothing (a reload) looks
 * at report.failed and throws the new set away: the loader itself never touches an old one.
 *
 * Owner: the caller of tsn_loader_new().  Texts given to it are copied where they are needed.
 * Limits: TSN_RULE_FILE_MAX bytes a file, TSN_RULES_MAX rules, YAML's own (codec/yaml.h).
 */
#ifndef TSN_RULE_LOAD_H
#define TSN_RULE_LOAD_H

#include "base/err.h"
#include "rule/correlation.h"
#include "rule/rule.h"

#define TSN_RULE_FILE_MAX (4u << 20)
#define TSN_RULES_MAX (1u << 17)
#define TSN_RULE_DEPTH_MAX 32u

enum tsn_problem_kind {
	TSN_PROBLEM_FAILED,	/* broken: the rule is not in the set */
	TSN_PROBLEM_SKIPPED,	/* cannot be used here: the rule is not in the set */
	TSN_PROBLEM_NOTE,	/* worth knowing: the rule is in the set */
};

struct tsn_problem {
	enum tsn_problem_kind kind;
	struct tsn_slice file;
	uint32_t line;
	struct tsn_slice message;
};

struct tsn_rule_report {
	const struct tsn_problem *problems;	/* in the order of files and lines */
	uint32_t problem_count;
	uint32_t loaded, skipped, failed;	/* rules */
	uint32_t filters;			/* Sigma filters applied */
	uint32_t exceptions;			/* in force */
	uint32_t files;
};

struct tsn_loader;

/** NULL when out of memory. */
struct tsn_loader *tsn_loader_new(void);
void tsn_loader_free(struct tsn_loader *l);
/** Values for the placeholder %name% of |expand: one a line of `text`, '#' begins a comment. */
TSN_MUST_CHECK enum tsn_code tsn_loader_add_values(struct tsn_loader *l, struct tsn_slice name,
    struct tsn_slice text);
/** A folder of value lists: NAME.txt or NAME.lst each. */
TSN_MUST_CHECK enum tsn_code tsn_loader_add_values_dir(struct tsn_loader *l, const char *dir,
    struct tsn_err *err);
/**
 * One file's text.  `file` is for messages, `ruleset` becomes rule.ruleset.  What is wrong with the
 * text goes to the report; TSN_ENOMEM, TSN_ELIMIT (too many rules) are returned.
 */
TSN_MUST_CHECK enum tsn_code tsn_loader_add_text(struct tsn_loader *l, struct tsn_slice file,
    struct tsn_slice ruleset, struct tsn_slice text);
/**
 * A file, or all *.yml and *.yaml files below a folder in the order of their names (value lists in
 * the folder's own `values` are added first); a file reached
 * twice is read once.  TSN_EIO, TSN_ENOTFOUND, TSN_EDENIED when it cannot be read.
 */
TSN_MUST_CHECK enum tsn_code tsn_loader_add_path(struct tsn_loader *l, const char *path,
    struct tsn_err *err);
/** A few rules are tried: exceptions of rules that are not loaded are left out, not refused. */
void tsn_loader_set_trial(struct tsn_loader *l);
/**
 * A file or folder of exceptions (rule/exception.h); they may also stand beside rules.  Anything
 * else in it fails.
 */
TSN_MUST_CHECK enum tsn_code tsn_loader_add_exceptions(struct tsn_loader *l, const char *path,
    struct tsn_err *err);
/**
 * Resolves what rules say of each other (correlations, filters, duplicate ids), and hands out the
 * set (NULL is never given with TSN_OK) and the report, which lives as long as the loader.
 */
TSN_MUST_CHECK enum tsn_code tsn_loader_finish(struct tsn_loader *l,
    struct tsn_ruleset **ret_set, struct tsn_rule_report *ret_report, struct tsn_err *err);
/** Accepts NULL. */
void tsn_ruleset_free(struct tsn_ruleset *set);

#endif
