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
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "cmd/rules_int.h"
#include "codec/yaml.h"
#include "os/walk.h"
#include "server/detection.h"
#include "server/engine.h"
#include "server/import.h"

#define PATH_BYTES 4096u
#define FILES_MAX 16u
#define FILE_BYTES_MAX (16u << 20)

struct state {
	const struct tsn_ruleset *set;		/* of all folders: where each rule stands */
	struct tsn_arena arena;			/* of the test file at hand */
	struct tsn_buf text;
	const char *test_file;
	uint32_t passed, failed, skipped;
};

/* One case, ready to run. */
struct trial {
	const char *name;
	uint32_t line;
	const char *rules[FILES_MAX];
	uint32_t rule_count;
	const char *records;			/* a file */
	const char *kind;
	const struct tsn_yaml *alerts;		/* of tests; or NULL and: */
	struct tsn_slice rule_id;		/* SigmaHQ: fires at least `least` times */
	uint64_t least;
};

static void
report(struct state *s, const struct trial *t, const char *what)
{
	(void)printf("%s:%u: %s: %s\n", s->test_file, t->line, t->name, what);
}

static void
fail_trial(struct state *s, const struct trial *t, const char *what)
{
	s->failed++;
	report(s, t, what);
}

/* How often the rule of that id or name fired; false when there is no such rule. */
static bool
count_of(const struct tsn_ruleset *set, const uint64_t *counts, struct tsn_slice name,
    uint64_t *ret_count)
{
	for (uint32_t i = 0; i < set->count; i++) {
		const struct tsn_rule *r = &set->rules[i];

		if (!tsn_slice_eq(r->id, name) && !tsn_slice_eq(r->short_name, name) &&
		    !tsn_slice_eq(r->name, name))
			continue;
		*ret_count = counts[i];
		return true;
	}
	return false;
}

static bool
is_named(const struct tsn_yaml *alerts, const struct tsn_rule *r)
{
	return tsn_yaml_find(alerts, r->id) != NULL || tsn_yaml_find(alerts, r->name) != NULL ||
	    (r->short_name.len > 0 && tsn_yaml_find(alerts, r->short_name) != NULL);
}

/* Empty text when the counts are the expected ones. */
static void
compare(const struct trial *t, const struct tsn_ruleset *set, const uint64_t *counts,
    char *why, size_t cap)
{
	uint64_t got = 0;

	why[0] = '\0';
	if (t->alerts == NULL) {
		if (!count_of(set, counts, t->rule_id, &got) || got < t->least)
			(void)snprintf(why, cap, "expected at least %llu alerts, found %llu",
			    (unsigned long long)t->least, (unsigned long long)got);
		return;
	}
	for (const struct tsn_yaml *a = t->alerts->kind == TSN_YAML_MAP ? t->alerts->first : NULL;
	    a != NULL && why[0] == '\0'; a = a->next) {
		if (!count_of(set, counts, a->key, &got))
			(void)snprintf(why, cap, "no rule is called \"%.*s\"", TSN_SLICE_ARG(a->key));
		else if (a->kind != TSN_YAML_INT || got != (uint64_t)a->num.i)
			(void)snprintf(why, cap, "expected %.*s alerts of \"%.*s\", found %llu",
			    TSN_SLICE_ARG(a->text), TSN_SLICE_ARG(a->key), (unsigned long long)got);
	}
	for (uint32_t i = 0; i < set->count && why[0] == '\0'; i++)
		if (counts[i] > 0 && set->rules[i].generate && !is_named(t->alerts, &set->rules[i]))
			(void)snprintf(why, cap, "expected no alert of \"%.*s\", found %llu",
			    TSN_SLICE_ARG(set->rules[i].name), (unsigned long long)counts[i]);
}

static void
say(void *ctx, const char *line)
{
	(void)ctx;
	(void)fprintf(stderr, "tocsin rules test: %s\n", line);
}

static enum tsn_code
run_engine(const struct trial *t, struct tsn_keys *keys, struct tsn_detection *d, char *why,
    size_t cap, struct tsn_err *err)
{
	struct tsn_engine *engine = NULL;
	struct tsn_import im;
	const uint64_t *counts;
	const struct tsn_ruleset *set;
	enum tsn_code code = tsn_engine_new(&(struct tsn_engine_options){.keys = keys,
	    .detect = tsn_detection_stage(d)}, &engine, err);

	if (code != TSN_OK)
		return code;
	tsn_import_init(&im, &(struct tsn_import_options){.engine = engine, .ops = &tsn_file_system,
	    .kind = t->kind, .say = say});
	code = tsn_import_path(&im, t->records, err);
	if (code == TSN_OK)
		code = tsn_engine_flush(engine, err);
	if (code == TSN_OK)
		code = tsn_detection_finish(d, err);
	if (code == TSN_OK)
		code = tsn_engine_commit(engine, err);
	if (code == TSN_OK) {
		set = tsn_detection_rules(d, &counts);
		compare(t, set, counts, why, cap);
	}
	tsn_engine_free(engine);
	return code;
}

/* The case by an engine of its own, so that no window reaches from one into another. */
static void
run_trial(struct state *s, const struct trial *t)
{
	struct tsn_keys *keys = tsn_keys_new();
	struct tsn_detection *d = NULL;
	struct tsn_err err = {0};
	char why[512] = "";
	enum tsn_code code = TSN_ENOMEM;

	if (keys != NULL)
		code = tsn_detection_new(&(struct tsn_detection_options){.keys = keys,
		    .rules = t->rules, .rule_count = t->rule_count}, &d, &err);
	if (code == TSN_OK)
		code = run_engine(t, keys, d, why, sizeof why, &err);
	tsn_detection_free(d);
	tsn_keys_free(keys);
	if (code != TSN_OK)
		fail_trial(s, t, err.msg[0] == '\0' ? "out of memory" : err.msg);
	else if (why[0] != '\0')
		fail_trial(s, t, why);
	else
		s->passed++;
}

/* folder of `file` / name, in the arena; NULL when it is too long. */
static const char *
beside(struct state *s, const char *file, struct tsn_slice name)
{
	const char *slash = strrchr(file, '/');
	char path[PATH_BYTES];
	int n = snprintf(path, sizeof path, "%.*s%.*s",
	    slash == NULL || (name.len > 0 && name.ptr[0] == '/') ? 0 : (int)(slash - file) + 1, file,
	    TSN_SLICE_ARG(name));

	if (n < 0 || n >= (int)sizeof path)
		return NULL;
	return tsn_arena_dup(&s->arena, tsn_slice_of(path, (size_t)n)).ptr;
}

static const char *
text_of(struct state *s, const struct tsn_yaml *map, const char *key)
{
	struct tsn_slice text = tsn_yaml_text(tsn_yaml_find(map, tsn_slice_cstr(key)));

	return text.len == 0 ? NULL : tsn_arena_dup(&s->arena, text).ptr;
}

/* NAME.test.yml tests NAME.yml or NAME.yaml. */
static const char *
tested_file(struct state *s)
{
	struct tsn_slice stem = tsn_slice_cstr(s->test_file);
	static const char *const ends[] = {".yml", ".yaml"};

	stem.len -= tsn_slice_ends(stem, TSN_SLICE(".yaml")) ? 10 : 9;
	for (size_t i = 0; i < TSN_COUNT(ends); i++) {
		char path[PATH_BYTES];

		if (snprintf(path, sizeof path, "%.*s%s", TSN_SLICE_ARG(stem), ends[i]) <
		    (int)sizeof path && access(path, R_OK) == 0)
			return tsn_arena_dup(&s->arena, tsn_slice_cstr(path)).ptr;
	}
	return NULL;
}

static bool
add_rules(struct state *s, const struct tsn_yaml *list, struct trial *t)
{
	const struct tsn_yaml *n = list == NULL || list->kind != TSN_YAML_SEQ ? list : list->first;

	for (; n != NULL; n = list->kind == TSN_YAML_SEQ ? n->next : NULL) {
		if (t->rule_count == FILES_MAX)
			return false;
		t->rules[t->rule_count] = beside(s, s->test_file, tsn_yaml_text(n));
		if (t->rules[t->rule_count++] == NULL)
			return false;
	}
	return true;
}

/* Records written in the test itself go through a file, as all records do. */
static bool
write_records(struct tsn_slice text, char path[PATH_BYTES])
{
	const char *dir = getenv("TMPDIR");
	FILE *f;
	int fd;
	bool ok;

	(void)snprintf(path, PATH_BYTES, "%s/tocsin-test-XXXXXX", dir == NULL ? "/tmp" : dir);
	fd = mkstemp(path);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (f == NULL)
		return false;
	ok = fwrite(text.ptr, 1, text.len, f) == text.len;
	return fclose(f) == 0 && ok;
}

static void
run_case(struct state *s, const struct tsn_yaml *n)
{
	struct trial t = {.line = n->line, .name = text_of(s, n, "name"), .kind = text_of(s, n, "kind"),
	    .alerts = tsn_yaml_find(n, TSN_SLICE("alerts"))};
	const struct tsn_yaml *records = tsn_yaml_find(n, TSN_SLICE("records"));
	const struct tsn_yaml *file = tsn_yaml_find(n, TSN_SLICE("file"));
	char path[PATH_BYTES] = "";

	if (t.name == NULL)
		t.name = "case without a name";
	t.rules[0] = tested_file(s);
	t.rule_count = t.rules[0] != NULL;
	if (!add_rules(s, tsn_yaml_find(n, TSN_SLICE("rules")), &t) || t.rule_count == 0) {
		fail_trial(s, &t, "expected NAME.yml beside NAME.test.yml, or rules (16 files at most)");
	} else if (t.alerts == NULL || (t.alerts->kind != TSN_YAML_MAP &&
	    !(t.alerts->kind == TSN_YAML_INT && t.alerts->num.i == 0))) {
		fail_trial(s, &t, "expected alerts: a map of rules to numbers, or 0");
	} else if ((records == NULL) == (file == NULL)) {
		fail_trial(s, &t, "expected either records or file");
	} else if (records != NULL && !write_records(tsn_yaml_text(records), path)) {
		fail_trial(s, &t, "the records could not be written to a temporary file");
	} else {
		t.records = records != NULL ? path : beside(s, s->test_file, tsn_yaml_text(file));
		if (t.records == NULL || access(t.records, R_OK) != 0)
			fail_trial(s, &t, "its file of records cannot be read");
		else
			run_trial(s, &t);
	}
	if (path[0] != '\0')
		(void)unlink(path);
}

static const char *
file_of_rule(struct state *s, struct tsn_slice id)
{
	for (uint32_t i = 0; i < s->set->count; i++)
		if (tsn_slice_eq(s->set->rules[i].id, id))
			return tsn_arena_dup(&s->arena, s->set->rules[i].file).ptr;
	return NULL;
}

/* The path of info.yml is from the root of the repository; its last part lies beside info.yml. */
static const char *
regression_data(struct state *s, struct tsn_slice path)
{
	size_t from = path.len;

	while (from > 0 && path.ptr[from - 1] != '/')
		from--;
	return beside(s, s->test_file, tsn_slice_from(path, from));
}

static void
run_regression(struct state *s, const struct tsn_yaml *doc)
{
	const struct tsn_yaml *list = tsn_yaml_find(doc, TSN_SLICE("regression_tests_info"));
	const struct tsn_yaml *rule = tsn_yaml_find(doc, TSN_SLICE("rule_metadata"));
	struct tsn_slice id = TSN_SLICE_NONE;

	if (rule != NULL && rule->kind == TSN_YAML_SEQ)
		id = tsn_yaml_text(tsn_yaml_find(rule->first, TSN_SLICE("id")));
	for (const struct tsn_yaml *n = list->kind == TSN_YAML_SEQ ? list->first : NULL; n != NULL;
	    n = n->next) {
		const struct tsn_yaml *least = tsn_yaml_find(n, TSN_SLICE("match_count"));
		struct trial t = {.line = n->line, .name = text_of(s, n, "name"), .rule_id = id,
		    .least = least != NULL && least->kind == TSN_YAML_INT && least->num.i >= 0
			? (uint64_t)least->num.i : 1, .rule_count = 1};

		if (t.name == NULL)
			t.name = "case without a name";
		t.rules[0] = file_of_rule(s, id);
		t.records = regression_data(s, tsn_yaml_text(tsn_yaml_find(n, TSN_SLICE("path"))));
		if (t.rules[0] == NULL || t.records == NULL || access(t.records, R_OK) != 0) {
			s->skipped++;
			report(s, &t, t.rules[0] == NULL ? "skipped: its rule is not in the folders given"
			    : "skipped: its records are not there");
			continue;
		}
		run_trial(s, &t);
	}
}

static enum tsn_code
run_file(struct state *s, struct tsn_err *err)
{
	const struct tsn_yaml *doc, *tests;
	struct trial whole = {.name = "test file"};
	struct tsn_err why = {0};
	enum tsn_code code;

	tsn_buf_reset(&s->text);
	TSN_TRY(tsn_file_read_all(&tsn_file_system, s->test_file, &s->text, err));
	tsn_arena_reset(&s->arena);
	code = tsn_yaml_parse(&s->arena, tsn_buf_get(&s->text), &doc, &why);
	if (code != TSN_OK) {
		whole.line = (uint32_t)why.pos;
		fail_trial(s, &whole, why.msg);
		return code == TSN_ENOMEM ? code : TSN_OK;
	}
	for (; doc != NULL; doc = doc->next) {
		if (tsn_yaml_find(doc, TSN_SLICE("regression_tests_info")) != NULL)
			run_regression(s, doc);
		tests = tsn_yaml_find(doc, TSN_SLICE("tests"));
		if (tests == NULL || tests->kind != TSN_YAML_SEQ)
			continue;
		for (const struct tsn_yaml *n = tests->first; n != NULL; n = n->next)
			run_case(s, n);
	}
	return TSN_OK;
}

static enum tsn_code
on_file(void *ctx, const char *path, const struct tsn_file_info *info, struct tsn_err *err)
{
	struct state *s = ctx;
	struct tsn_slice name = tsn_slice_cstr(path);

	if (info->kind != TSN_FILE_REGULAR || (!tsn_slice_ends(name, TSN_SLICE(".test.yml")) &&
	    !tsn_slice_ends(name, TSN_SLICE(".test.yaml")) &&
	    !tsn_slice_ends(name, TSN_SLICE("/info.yml"))))
		return TSN_OK;
	s->test_file = path;
	return run_file(s, err);
}

static void
on_problem(void *ctx, const char *path, const struct tsn_err *why)
{
	(void)ctx;
	(void)fprintf(stderr, "tocsin rules test: %s: %s\n", path, why->msg);
}

static enum tsn_code
run_all(struct state *s, struct tsn_loader *l, const char *values, int count, char **paths,
    struct tsn_err *err)
{
	struct tsn_rule_report found;
	struct tsn_ruleset *set;
	enum tsn_code code = TSN_OK;

	if (values != NULL)
		TSN_TRY(tsn_loader_add_values_dir(l, values, err));
	for (int i = 0; i < count; i++)
		TSN_TRY(tsn_loader_add_path(l, paths[i], err));
	TSN_TRY(tsn_loader_finish(l, &set, &found, err));
	for (uint32_t i = 0; i < found.problem_count; i++)
		if (found.problems[i].kind == TSN_PROBLEM_FAILED)
			tsn_rules_print(stdout, &found.problems[i]);
	s->failed += found.failed;
	s->set = set;
	for (int i = 0; i < count && code == TSN_OK; i++) {
		struct tsn_walk walk = {.file = on_file, .problem = on_problem, .ctx = s};
		struct tsn_file_info info;

		code = tsn_file_stat_path(paths[i], &info, err);
		if (code == TSN_OK)
			code = info.kind == TSN_FILE_DIR ? tsn_walk(&walk, paths[i], err)
			    : on_file(s, paths[i], &info, err);
	}
	tsn_ruleset_free(set);
	return code;
}

int
tsn_rules_test(const struct tsn_command *cmd, const char *values, int count, char **paths)
{
	struct tsn_loader *l = tsn_loader_new();
	struct tsn_err err = {0};
	struct state s = {0};
	enum tsn_code code = TSN_ENOMEM;

	tsn_arena_init(&s.arena, 256u << 20);
	tsn_buf_init(&s.text, FILE_BYTES_MAX);
	if (l != NULL)
		code = run_all(&s, l, values, count, paths, &err);
	tsn_loader_free(l);
	tsn_arena_done(&s.arena);
	tsn_buf_done(&s.text);
	if (code != TSN_OK)
		return tsn_cmd_fail(cmd, code, &err);
	(void)printf("%u passed, %u failed, %u skipped\n", s.passed, s.failed, s.skipped);
	return s.failed > 0 ? TSN_EXIT_NO : TSN_EXIT_DONE;
}
