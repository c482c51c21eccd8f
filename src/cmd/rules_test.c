/*
 * tocsin rules test: the cases kept beside rules, run by the engine that detects.
 *
 * NAME.test.yml stands beside NAME.yml and holds `tests`: a list of maps with
 *	name     what the case is
 *	records  the records as text, or
 *	file     a file of records, from the folder of the test
 *	kind     optional: the kind of the records
 *	rules    optional: further rule files it needs, from the folder of the test
 *	alerts   how often each rule fires, as a map of ids or names; other rules do not. 0: none do
 * SigmaHQ's info.yml (regression_tests_info) is understood, too.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/rules_int.h"
#include "server/cases.h"
#include "server/prove.h"

struct state {
	struct tsn_case_run run;
	uint32_t passed, failed, skipped;
};

static void
say(void *ctx, const char *line)
{
	(void)ctx;
	(void)fprintf(stderr, "tocsin rules test: %s\n", line);
}

static enum tsn_code
on_case(void *ctx, const struct tsn_case *c)
{
	struct state *s = ctx;
	struct tsn_err err = {0};
	char why[512] = "";
	const char *what = c->wrong;
	enum tsn_code code = TSN_OK;

	if (what == NULL)
		code = tsn_case_run(c, &s->run, why, sizeof why, &err);
	if (code != TSN_OK)
		what = err.msg[0] == '\0' ? "out of memory" : err.msg;
	else if (why[0] != '\0')
		what = why;
	s->skipped += c->skipped;
	s->failed += what != NULL && !c->skipped;
	s->passed += what == NULL;
	if (what != NULL)
		(void)printf("%s:%u: %s: %s%s\n", c->file, c->line, c->name,
		    c->skipped ? "skipped: " : "", what);
	return TSN_OK;
}

static enum tsn_code
run_all(struct state *s, struct tsn_loader *l, const struct tsn_rules_paths *p,
    struct tsn_err *err)
{
	struct tsn_rule_report found;
	struct tsn_ruleset *set;
	const char **files;
	enum tsn_code code = TSN_OK;

	TSN_TRY(tsn_rules_load(l, p, &set, &found, err));
	for (uint32_t i = 0; i < found.problem_count; i++)
		if (found.problems[i].kind == TSN_PROBLEM_FAILED)
			tsn_rules_print(stdout, &found.problems[i]);
	s->failed += found.failed;
	files = tsn_prove_files(set, &s->run.exception_count);
	if (files == NULL)
		code = TSN_ERR(err, TSN_ENOMEM, "out of memory");
	s->run.exceptions = files;
	for (int i = 0; i < p->count && code == TSN_OK; i++)
		code = tsn_cases_each(p->paths[i], set, on_case, s, err);
	free(files);
	tsn_ruleset_free(set);
	return code;
}

int
tsn_rules_test(const struct tsn_command *cmd, const struct tsn_rules_paths *paths)
{
	struct tsn_loader *l = tsn_loader_new();
	struct tsn_err err = {0};
	struct state s = {.run = {.say = say}};
	enum tsn_code code = TSN_ENOMEM;

	if (l != NULL)
		code = run_all(&s, l, paths, &err);
	tsn_loader_free(l);
	if (code != TSN_OK)
		return tsn_cmd_fail(cmd, code, &err);
	(void)printf("%u passed, %u failed, %u skipped\n", s.passed, s.failed, s.skipped);
	return s.failed > 0 ? TSN_EXIT_NO : TSN_EXIT_DONE;
}
