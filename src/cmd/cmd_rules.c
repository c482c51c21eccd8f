/* tocsin rules: check and test rule files, explain what a rule does on records. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_list.h"
#include "cmd/rules_int.h"
#include "os/clock.h"
#include "rule/same.h"
#include "rule/taxonomy.h"
#include "server/prove.h"

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

/* Fields that are never numbers: last parts of their paths. */
static bool
is_text(struct tsn_slice path)
{
	static const char *const names[] = {"Image", "ParentImage", "SourceImage", "TargetImage",
	    "ImageLoaded", "CommandLine", "ParentCommandLine", "CurrentDirectory", "TargetFilename",
	    "TargetObject", "Hashes", "executable", "command_line", "working_directory", "ip", "mac"};
	size_t at = path.len;

	while (at > 0 && path.ptr[at - 1] != '.')
		at--;
	for (size_t i = 0; i < TSN_COUNT(names); i++)
		if (tsn_slice_eq_nocase((struct tsn_slice){path.ptr + at, path.len - at},
		    tsn_slice_cstr(names[i])))
			return true;
	return false;
}

/* Sums, averages and percentiles are of numbers: of other events none counts. */
static void
audit_numbers(const struct tsn_rule *r)
{
	const struct tsn_correlation *c = r->correlation;
	char file[600], name[128];

	if (c->type < TSN_CORR_VALUE_SUM || c->type > TSN_CORR_VALUE_MEDIAN || c->field_count == 0)
		return;
	for (uint32_t j = 0; j < c->rule_count; j++)
		if (!is_text(c->fields[j]))
			return;
	(void)printf("%s:%u: note: never fires: it takes numbers, and \"%s\" is a text\n",
	    tsn_slice_escape(r->file, file, sizeof file), r->line,
	    tsn_slice_escape(c->fields[0], name, sizeof name));
}

/* What keeps a loaded rule from ever firing. */
static enum tsn_code
audit_rules(const struct tsn_ruleset *set, struct tsn_taxonomy *t, struct tsn_err *err)
{
	enum tsn_code code = tsn_taxonomy_add_content(t, err);

	for (uint32_t i = 0; i < set->count && code == TSN_OK; i++) {
		const struct tsn_view *views[TSN_VIEWS_PER_RULE_MAX];
		const struct tsn_rule *r = &set->rules[i];
		struct audit a = {.rule = r, .views = views};

		if (r->correlation != NULL)
			audit_numbers(r);
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
	return code;
}

struct summed {
	uint64_t sum[2];
	const struct tsn_rule *rule;
};

static int
by_sum(const void *a, const void *b)
{
	const struct summed *x = a, *y = b;

	for (int i = 0; i < 2; i++)
		if (x->sum[i] != y->sum[i])
			return x->sum[i] < y->sum[i] ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

/* Rules that raise alerts of the same: each is told of beside the first of its like. */
static enum tsn_code
audit_duplicates(const struct tsn_ruleset *set, struct tsn_err *err)
{
	struct summed *list = calloc((size_t)set->count + 1, sizeof *list);
	uint32_t n = 0, first = 0;

	if (list == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < set->count; i++)
		if (set->rules[i].generate && tsn_rule_sum(set, i, list[n].sum))
			list[n++].rule = &set->rules[i];
	if (n > 0)
		qsort(list, n, sizeof *list, by_sum);
	for (uint32_t i = 1; i < n; i++) {
		const struct tsn_rule *r = list[i].rule, *other = list[first].rule;
		char file[600], there[600], name[160];

		if (memcmp(list[i].sum, list[first].sum, sizeof list[i].sum) != 0) {
			first = i;
			continue;
		}
		(void)printf("%s:%u: note: duplicate: the same condition as \"%s\" at %s:%u\n",
		    tsn_slice_escape(r->file, file, sizeof file), r->line,
		    tsn_slice_escape(other->name, name, sizeof name),
		    tsn_slice_escape(other->file, there, sizeof there), other->line);
	}
	free(list);
	return TSN_OK;
}

enum tsn_code
tsn_rules_load(struct tsn_loader *l, const struct tsn_rules_paths *p, struct tsn_ruleset **ret_set,
    struct tsn_rule_report *ret_report, struct tsn_err *err)
{
	if (p->values != NULL)
		TSN_TRY(tsn_loader_add_values_dir(l, p->values, err));
	for (int i = 0; i < p->count; i++)
		TSN_TRY(tsn_loader_add_path(l, p->paths[i], err));
	for (uint32_t i = 0; i < p->exceptions->count; i++)
		TSN_TRY(tsn_loader_add_exceptions(l, p->exceptions->items[i], err));
	return tsn_loader_finish(l, ret_set, ret_report, err);
}

static void
print_problem(void *ctx, const struct tsn_problem *p)
{
	(void)ctx;
	tsn_rules_print(stdout, p);
}

/* Exceptions that are over, and those that would hide what a case beside a rule must find. */
static enum tsn_code
check_exceptions(const struct tsn_ruleset *set, const struct tsn_rules_paths *p,
    uint32_t *ret_refused, struct tsn_err *err)
{
	int64_t now = tsn_clock_real_ns();

	for (uint32_t i = 0; i < set->exception_count; i++) {
		const struct tsn_exception *x = set->exceptions[i];
		char day[TSN_TIME_TEXT_MAX], line[160];

		if (x->expires_ns > now)
			continue;
		(void)tsn_time_format(x->expires_ns, day);
		(void)snprintf(line, sizeof line, "exception expired on %.10s: it hides nothing that "
		    "happened since", day);
		tsn_rules_print(stdout, &(struct tsn_problem){.kind = TSN_PROBLEM_NOTE, .file = x->file,
		    .line = x->line, .message = tsn_slice_cstr(line)});
	}
	return tsn_prove_exceptions(set, (const char *const *)p->paths, (uint32_t)p->count,
	    print_problem, NULL, ret_refused, err);
}

static enum tsn_code
audit(const struct tsn_ruleset *set, const struct tsn_rules_survey *survey, struct tsn_err *err)
{
	struct tsn_taxonomy *t = tsn_taxonomy_new();
	enum tsn_code code = t == NULL ? TSN_ENOMEM : audit_rules(set, t, err);

	if (code == TSN_OK)
		code = audit_duplicates(set, err);
	if (code == TSN_OK && (survey->samples->count > 0 || survey->data != NULL))
		code = tsn_rules_survey(set, t, survey, err);
	tsn_taxonomy_free(t);
	return code;
}

static enum tsn_code
check(struct tsn_loader *l, const struct tsn_rules_paths *p,
    const struct tsn_rules_survey *survey, uint32_t *ret_failed, struct tsn_err *err)
{
	struct tsn_ruleset *set;
	struct tsn_rule_report report;
	uint32_t refused = 0;
	enum tsn_code code;

	TSN_TRY(tsn_rules_load(l, p, &set, &report, err));
	for (uint32_t i = 0; i < report.problem_count; i++)
		tsn_rules_print(stdout, &report.problems[i]);
	code = report.loaded + report.skipped + report.failed + report.exceptions > 0 ? TSN_OK
	    : TSN_ERR(err, TSN_EINVAL, "%s: no rules in it (.yml and .yaml files)", p->paths[0]);
	if (code == TSN_OK)
		code = audit(set, survey, err);
	if (code == TSN_OK)
		code = check_exceptions(set, p, &refused, err);
	if (code == TSN_OK && set->exception_count > 0)
		(void)printf("%u exceptions, %u refused\n", set->exception_count,
		    set->exception_count - report.exceptions + refused);
	if (code == TSN_OK)
		(void)printf("%u rules loaded, %u skipped, %u failed\n", report.loaded, report.skipped,
		    report.failed + refused);
	*ret_failed = report.failed + refused;
	tsn_ruleset_free(set);
	return code;
}

static int
run_check(const struct tsn_rules_paths *p, const struct tsn_rules_survey *survey)
{
	struct tsn_loader *l = tsn_loader_new();
	struct tsn_err err = {0};
	uint32_t failed = 0;
	enum tsn_code code = TSN_ENOMEM;

	if (l != NULL)
		code = check(l, p, survey, &failed, &err);
	tsn_loader_free(l);
	if (code != TSN_OK)
		return tsn_cmd_fail(&tsn_cmd_rules, code, &err);
	return failed > 0 ? TSN_EXIT_NO : TSN_EXIT_DONE;
}

static int
run(int argc, char **argv)
{
	struct tsn_option_list exceptions = {0};
	struct tsn_rules_explain explain = {.exceptions = &exceptions};
	struct tsn_rules_paths paths = {.exceptions = &exceptions};
	struct tsn_option_list samples = {0};
	struct tsn_rules_survey survey = {.samples = &samples};
	const struct tsn_option options[] = {
		{"--values", TSN_OPT_TEXT, &explain.values, "DIR",
		    "value lists for |expand: NAME.txt, one value a line"},
		{"--exceptions", TSN_OPT_LIST, &exceptions, "DIR",
		    "known and wanted findings (docs/exceptions.md)"},
		{"--id", TSN_OPT_TEXT, &explain.id, "ID", "explain: this rule of RULE alone"},
		{"--kind", TSN_OPT_TEXT, &explain.kind, "KIND", "explain, check: the kind of the records"},
		{"--limit", TSN_OPT_U64, &explain.limit, "N",
		    "explain: the first N records; check: so many events (200000)"},
		{"--sample", TSN_OPT_LIST, &samples, "FILE",
		    "check: which rules can fire on these records, and what they cost"},
		{"--data", TSN_OPT_TEXT, &survey.data, "DIR",
		    "check: the same on stored events, newest first"},
		{"--top", TSN_OPT_U64, &survey.top, "N", "check: so many expensive rules (10)"},
	};
	int operands, status = tsn_cmd_options(&tsn_cmd_rules, options, TSN_COUNT(options), argc, argv,
	    &operands);

	if (status >= 0)
		return status;
	paths.paths = argv + 2;
	paths.count = operands - 1;
	paths.values = explain.values;
	survey.kind = explain.kind;
	survey.events_max = explain.limit;
	if (operands >= 1 && strcmp(argv[1], "check") == 0) {
		if (operands < 2)
			return tsn_cmd_usage(&tsn_cmd_rules, "check takes files or folders");
		return run_check(&paths, &survey);
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
		return tsn_rules_test(&tsn_cmd_rules, &paths);
	}
	return tsn_cmd_usage(&tsn_cmd_rules, "say what to do: check, test or explain");
}

const struct tsn_command tsn_cmd_rules = {
	.name = "rules",
	.usage = "check DIR... | test DIR... | explain RULE FILE",
	.doc = "check and test detection rules (Sigma); explain why one fires or not",
	.run = run,
};
