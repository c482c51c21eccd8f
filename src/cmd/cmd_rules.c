/* tocsin rules: check rule files. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd_list.h"
#include "rule/load.h"

static void
print_problem(const struct tsn_problem *p)
{
	static const char *const kinds[] = {
		[TSN_PROBLEM_FAILED] = "",
		[TSN_PROBLEM_SKIPPED] = "skipped: ",
		[TSN_PROBLEM_NOTE] = "note: ",
	};
	char file[1024];

	(void)printf("%s:%u: %s%.*s\n", tsn_slice_escape(p->file, file, sizeof file), p->line,
	    kinds[p->kind], TSN_SLICE_ARG(p->message));
}

static int
check(const struct tsn_command *cmd, struct tsn_loader *l, int count, char **paths)
{
	struct tsn_ruleset *set;
	struct tsn_rule_report report;
	struct tsn_err err = {0};
	enum tsn_code code = TSN_OK;

	for (int i = 0; i < count && code == TSN_OK; i++)
		code = tsn_loader_add_path(l, paths[i], &err);
	if (code == TSN_OK)
		code = tsn_loader_finish(l, &set, &report, &err);
	if (code != TSN_OK)
		return tsn_cmd_fail(cmd, code, &err);
	for (uint32_t i = 0; i < report.problem_count; i++)
		print_problem(&report.problems[i]);
	(void)printf("%u rules loaded, %u skipped, %u failed\n", report.loaded, report.skipped,
	    report.failed);
	tsn_ruleset_free(set);
	return report.failed > 0 ? TSN_EXIT_NO : TSN_EXIT_DONE;
}

static int
run(int argc, char **argv)
{
	const char *values = NULL;
	const struct tsn_option options[] = {
		{"--values", TSN_OPT_TEXT, &values, "DIR",
		    "value lists for |expand: NAME.txt, one value a line"},
	};
	struct tsn_err err = {0};
	struct tsn_loader *l;
	enum tsn_code code = TSN_OK;
	int operands, status = tsn_cmd_options(&tsn_cmd_rules, options, TSN_COUNT(options), argc, argv,
	    &operands);

	if (status >= 0)
		return status;
	if (operands < 1 || strcmp(argv[1], "check") != 0)
		return tsn_cmd_usage(&tsn_cmd_rules, "say what to do: check");
	if (operands < 2)
		return tsn_cmd_usage(&tsn_cmd_rules, "say which files or folders");
	l = tsn_loader_new();
	if (l == NULL)
		return tsn_cmd_fail(&tsn_cmd_rules, TSN_ERR(&err, TSN_ENOMEM, "out of memory"), &err);
	if (values != NULL)
		code = tsn_loader_add_values_dir(l, values, &err);
	status = code != TSN_OK ? tsn_cmd_fail(&tsn_cmd_rules, code, &err)
	    : check(&tsn_cmd_rules, l, operands - 1, argv + 2);
	tsn_loader_free(l);
	return status;
}

const struct tsn_command tsn_cmd_rules = {
	.name = "rules",
	.usage = "check [--values DIR] DIR...",
	.doc = "check detection rules (Sigma)",
	.run = run,
};
