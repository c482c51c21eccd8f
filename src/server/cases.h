/*
 * server/cases: the tests kept beside rules, read and run by the engine that detects.
 *
 * A case is records and the alerts that rules raise of them: NAME.test.yml beside NAME.yml, or
 * SigmaHQ's info.yml with the data beside it (docs/rules.md).  `rules test` runs them all;
 * exceptions are tried on those that expect an alert (server/prove.h).
 *
 * A case and all it points to live during the callback.  One thread.
 */
#ifndef TSN_SERVER_CASES_H
#define TSN_SERVER_CASES_H

#include "codec/yaml.h"
#include "server/detection.h"

#define TSN_CASE_RULES_MAX 16u

struct tsn_case {
	const char *file;
	uint32_t line;
	const char *name;
	const char *rules[TSN_CASE_RULES_MAX];	/* files */
	uint32_t rule_count;
	bool shipped;				/* they are names of the content in the program */
	const char *records;			/* a file */
	const char *kind;			/* or NULL */
	const struct tsn_yaml *alerts;		/* a map of ids or names to numbers, or 0; or NULL and: */
	struct tsn_slice rule_id;		/* SigmaHQ: fires at least `least` times */
	uint64_t least;
	const char *wrong;			/* why it cannot run, or NULL */
	bool skipped;				/* ... and that is nobody's fault */
};

typedef enum tsn_code tsn_case_callback(void *ctx, const struct tsn_case *c);

/**
 * All cases of a test file, or of those below a folder.  `set` says where each rule stands, for
 * info.yml.  Text that is no YAML comes as a case with what is wrong with it.  Codes: reading
 * files, memory, what the callback returned.
 */
TSN_MUST_CHECK enum tsn_code tsn_cases_each(const char *path, const struct tsn_ruleset *set,
    tsn_case_callback *each, void *ctx, struct tsn_err *err);
/** The cases beside the rules that ship in the program. */
TSN_MUST_CHECK enum tsn_code tsn_cases_each_shipped(tsn_case_callback *each, void *ctx,
    struct tsn_err *err);
/** Does the case expect an alert? */
bool tsn_case_expects(const struct tsn_case *c);

struct tsn_case_run {
	const char *const *exceptions;		/* files; of rules that the case does not load: left out */
	uint32_t exception_count;
	bool exceptions_forever;
	void (*say)(void *ctx, const char *line);	/* about its records */
	void (*done)(void *ctx, const struct tsn_detection *d);	/* the engine that ran it; or NULL */
	void *ctx;
};

/** ret_why: empty when the alerts are the expected ones.  Codes: what hindered it, with err. */
TSN_MUST_CHECK enum tsn_code tsn_case_run(const struct tsn_case *c, const struct tsn_case_run *o,
    char *ret_why, size_t cap, struct tsn_err *err);

#endif
