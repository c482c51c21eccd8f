/* tocsin rules: check and test rule files, explain what a rule does on records. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd_list.h"
#include "cmd/rules_int.h"
#include "rule/taxonomy.h"

void
tsn_rules_print(FILE *out, const struct tsn_problem *p)
{
	static const char *const kinds[] = {
		[TSN_PROBLEM_FAILED] = "",
		[TSN_PROBLEM_SKIPPED] = "skipped: ",
		[TSN_PROBLEM_NOTE] = "note: ",
	};
	char file[1024];

	(void)fprintf(out, "%s:%u: %s%.*s\n", tsn_slice_escape(p->file, file, sizeof file), p->line,
	    kinds[p->kind], TSN_SLICE_ARG(p->message));
}

#define DEPTH_MAX 64u

struct audit {
	const struct tsn_rule *rule;
	const struct tsn_view *const *views;
	uint32_t view_count;
	char seen[32][128];		/* names told of this rule */
	uint32_t seen_count;
};

static bool
told(struct audit *a, struct tsn_slice field)
{
	char name[128];

	(void)tsn_slice_escape(field, name, sizeof name);
	for (uint32_t i = 0; i < a->seen_count; i++)
		if (strcmp(a->seen[i], name) == 0)
			return true;
	if (a->seen_count == TSN_COUNT(a->seen))
		return true;
	memcpy(a->seen[a->seen_count++], name, sizeof name);
	return false;
}

/* Names that no view of the rule has: a condition on them is never true. */
static void
audit_fields(struct audit *a, const struct tsn_pred *p, uint32_t depth)
{
	const struct tsn_atom *atom = &p->atom;
	bool known = p->op != TSN_PRED_ATOM || atom->field.len == 0;

	for (uint32_t i = 0; p->op != TSN_PRED_ATOM && i < p->kid_count && depth < DEPTH_MAX; i++)
		audit_fields(a, p->kids[i], depth + 1);
	for (uint32_t i = 0; i < a->view_count && !known; i++)
		known = tsn_view_may_have(a->views[i], atom->field);
	if (!known && !told(a, atom->field))
		(void)printf("%.*s:%llu: note: no event of this log source has a field \"%s\"\n",
		    TSN_SLICE_ARG(a->rule->file), (unsigned long long)atom->at,
		    a->seen[a->seen_count - 1]);
}

static void
print_source(const struct tsn_rule *r)
{
	(void)printf("%.*s:%u: note: no kind of record provides the log source"
	    " (category \"%.*s\", product \"%.*s\", service \"%.*s\"):"
	    " only records that declare it match\n", TSN_SLICE_ARG(r->file), r->line,
	    TSN_SLICE_ARG(r->logsource.category), TSN_SLICE_ARG(r->logsource.product),
	    TSN_SLICE_ARG(r->logsource.service));
}

/* What keeps a loaded rule from ever firing. */
static enum tsn_code
audit_rules(const struct tsn_ruleset *set, struct tsn_err *err)
{
	struct tsn_taxonomy *t = tsn_taxonomy_new();
	enum tsn_code code = t == NULL ? TSN_ENOMEM : tsn_taxonomy_add_content(t, err);

	for (uint32_t i = 0; i < set->count && code == TSN_OK; i++) {
		const struct tsn_view *views[TSN_VIEWS_PER_RULE_MAX];
		const struct tsn_rule *r = &set->rules[i];
		struct audit a = {.rule = r, .views = views};

		if (r->condition == NULL)
			continue;
		code = tsn_taxonomy_find(t, &r->logsource, r->taxonomy, views, &a.view_count);
		if (code != TSN_OK)
			break;
		if (a.view_count == 1 && views[0]->declared)
			print_source(r);
		/* The declared view, the last, has any name. */
		a.view_count -= views[a.view_count - 1]->declared;
		if (a.view_count > 0)
			audit_fields(&a, r->condition, 0);
	}
	tsn_taxonomy_free(t);
	return code;
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
		tsn_rules_print(stdout, &report.problems[i]);
	code = audit_rules(set, &err);
	if (code != TSN_OK) {
		tsn_ruleset_free(set);
		return tsn_cmd_fail(cmd, code, &err);
	}
	(void)printf("%u rules loaded, %u skipped, %u failed\n", report.loaded, report.skipped,
	    report.failed);
	tsn_ruleset_free(set);
	return report.failed > 0 ? TSN_EXIT_NO : TSN_EXIT_DONE;
}

static int
run_check(const char *values, int count, char **paths)
{
	struct tsn_loader *l = tsn_loader_new();
	struct tsn_err err = {0};
	enum tsn_code code = TSN_OK;
	int status;

	if (l == NULL)
		return tsn_cmd_fail(&tsn_cmd_rules, TSN_ERR(&err, TSN_ENOMEM, "out of memory"), &err);
	if (values != NULL)
		code = tsn_loader_add_values_dir(l, values, &err);
	status = code != TSN_OK ? tsn_cmd_fail(&tsn_cmd_rules, code, &err)
	    : check(&tsn_cmd_rules, l, count, paths);
	tsn_loader_free(l);
	return status;
}

static int
run(int argc, char **argv)
{
	struct tsn_rules_explain explain = {0};
	const struct tsn_option options[] = {
		{"--values", TSN_OPT_TEXT, &explain.values, "DIR",
		    "value lists for |expand: NAME.txt, one value a line"},
		{"--id", TSN_OPT_TEXT, &explain.id, "ID", "explain: this rule of RULE alone"},
		{"--kind", TSN_OPT_TEXT, &explain.kind, "KIND", "explain: the kind of the records"},
		{"--limit", TSN_OPT_U64, &explain.limit, "N", "explain: the first N records"},
	};
	int operands, status = tsn_cmd_options(&tsn_cmd_rules, options, TSN_COUNT(options), argc, argv,
	    &operands);

	if (status >= 0)
		return status;
	if (operands >= 1 && strcmp(argv[1], "check") == 0) {
		if (operands < 2)
			return tsn_cmd_usage(&tsn_cmd_rules, "check takes files or folders");
		return run_check(explain.values, operands - 1, argv + 2);
	}
	if (operands >= 1 && strcmp(argv[1], "explain") == 0) {
		if (operands != 3)
			return tsn_cmd_usage(&tsn_cmd_rules, "explain takes a rule and a file of records");
		explain.rule = argv[2];
		explain.file = argv[3];
		return tsn_rules_explain(&tsn_cmd_rules, &explain);
	}
	if (operands >= 1 && strcmp(argv[1], "test") == 0) {
		if (operands < 2)
			return tsn_cmd_usage(&tsn_cmd_rules, "test takes files or folders");
		return tsn_rules_test(&tsn_cmd_rules, explain.values, operands - 1, argv + 2);
	}
	return tsn_cmd_usage(&tsn_cmd_rules, "say what to do: check, test or explain");
}

const struct tsn_command tsn_cmd_rules = {
	.name = "rules",
	.usage = "check DIR... | test DIR... | explain RULE FILE",
	.doc = "check and test detection rules (Sigma); explain why one fires or not",
	.run = run,
};
