#include "server/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "content/content.h"
#include "os/walk.h"
#include "server/engine.h"
#include "server/import.h"

#define PATH_BYTES 4096u
#define FILE_BYTES_MAX (16u << 20)

struct reading {
	const struct tsn_ruleset *set;		/* or NULL */
	tsn_case_callback *each;
	void *ctx;
	struct tsn_arena arena;			/* of the test file at hand */
	struct tsn_buf text;
	const char *file;
	bool shipped;
};

bool
tsn_case_expects(const struct tsn_case *c)
{
	if (c->alerts == NULL)
		return c->least > 0;
	for (const struct tsn_yaml *a = c->alerts->kind == TSN_YAML_MAP ? c->alerts->first : NULL;
	    a != NULL; a = a->next)
		if (a->kind == TSN_YAML_INT && a->num.i > 0)
			return true;
	return false;
}

/* folder of the test file / name, in the arena; NULL when it is too long. */
static const char *
beside(struct reading *r, struct tsn_slice name)
{
	const char *slash = strrchr(r->file, '/');
	char path[PATH_BYTES];
	int n = snprintf(path, sizeof path, "%.*s%.*s",
	    slash == NULL || (name.len > 0 && name.ptr[0] == '/') ? 0 : (int)(slash - r->file) + 1,
	    r->file, TSN_SLICE_ARG(name));

	if (n < 0 || n >= (int)sizeof path)
		return NULL;
	return tsn_arena_dup(&r->arena, tsn_slice_of(path, (size_t)n)).ptr;
}

static const char *
text_of(struct reading *r, const struct tsn_yaml *map, const char *key)
{
	struct tsn_slice text = tsn_yaml_text(tsn_yaml_find(map, tsn_slice_cstr(key)));

	return text.len == 0 ? NULL : tsn_arena_dup(&r->arena, text).ptr;
}

static bool
is_there(const struct reading *r, const char *path)
{
	return r->shipped ? tsn_content_find(tsn_slice_cstr(path)) != NULL : access(path, R_OK) == 0;
}

/* NAME.test.yml tests NAME.yml or NAME.yaml. */
static const char *
tested_file(struct reading *r)
{
	struct tsn_slice stem = tsn_slice_cstr(r->file);
	static const char *const ends[] = {".yml", ".yaml"};

	stem.len -= tsn_slice_ends(stem, TSN_SLICE(".yaml")) ? 10 : 9;
	for (size_t i = 0; i < TSN_COUNT(ends); i++) {
		char path[PATH_BYTES];

		if (snprintf(path, sizeof path, "%.*s%s", TSN_SLICE_ARG(stem), ends[i]) <
		    (int)sizeof path && is_there(r, path))
			return tsn_arena_dup(&r->arena, tsn_slice_cstr(path)).ptr;
	}
	return NULL;
}

static bool
add_rules(struct reading *r, const struct tsn_yaml *list, struct tsn_case *c)
{
	const struct tsn_yaml *n = list == NULL || list->kind != TSN_YAML_SEQ ? list : list->first;

	for (; n != NULL; n = list->kind == TSN_YAML_SEQ ? n->next : NULL) {
		if (c->rule_count == TSN_CASE_RULES_MAX)
			return false;
		c->rules[c->rule_count] = beside(r, tsn_yaml_text(n));
		if (c->rules[c->rule_count++] == NULL)
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

static enum tsn_code
read_case(struct reading *r, const struct tsn_yaml *n)
{
	struct tsn_case c = {.file = r->file, .line = n->line, .name = text_of(r, n, "name"),
	    .kind = text_of(r, n, "kind"), .shipped = r->shipped,
	    .alerts = tsn_yaml_find(n, TSN_SLICE("alerts"))};
	const struct tsn_yaml *records = tsn_yaml_find(n, TSN_SLICE("records"));
	const struct tsn_yaml *file = tsn_yaml_find(n, TSN_SLICE("file"));
	char path[PATH_BYTES] = "";
	enum tsn_code code;

	if (c.name == NULL)
		c.name = "case without a name";
	c.rules[0] = tested_file(r);
	c.rule_count = c.rules[0] != NULL;
	if (!add_rules(r, tsn_yaml_find(n, TSN_SLICE("rules")), &c) || c.rule_count == 0)
		c.wrong = "expected NAME.yml beside NAME.test.yml, or rules (16 files at most)";
	else if (c.alerts == NULL || (c.alerts->kind != TSN_YAML_MAP &&
	    !(c.alerts->kind == TSN_YAML_INT && c.alerts->num.i == 0)))
		c.wrong = "expected alerts: a map of rules to numbers, or 0";
	else if ((records == NULL) == (file == NULL))
		c.wrong = "expected either records or file";
	else if (records != NULL && !write_records(tsn_yaml_text(records), path))
		c.wrong = "the records could not be written to a temporary file";
	if (c.wrong == NULL)
		c.records = records != NULL ? path : beside(r, tsn_yaml_text(file));
	if (c.wrong == NULL && (c.records == NULL || access(c.records, R_OK) != 0))
		c.wrong = "its file of records cannot be read";
	code = r->each(r->ctx, &c);
	if (path[0] != '\0')
		(void)unlink(path);
	return code;
}

static const char *
file_of_rule(struct reading *r, struct tsn_slice id)
{
	for (uint32_t i = 0; r->set != NULL && i < r->set->count; i++)
		if (tsn_slice_eq(r->set->rules[i].id, id))
			return tsn_arena_dup(&r->arena, r->set->rules[i].file).ptr;
	return NULL;
}

/* The path of info.yml is from the root of the repository; its last part lies beside info.yml. */
static const char *
regression_data(struct reading *r, struct tsn_slice path)
{
	size_t from = path.len;

	while (from > 0 && path.ptr[from - 1] != '/')
		from--;
	return beside(r, tsn_slice_from(path, from));
}

static enum tsn_code
read_regression(struct reading *r, const struct tsn_yaml *doc)
{
	const struct tsn_yaml *list = tsn_yaml_find(doc, TSN_SLICE("regression_tests_info"));
	const struct tsn_yaml *rule = tsn_yaml_find(doc, TSN_SLICE("rule_metadata"));
	struct tsn_slice id = TSN_SLICE_NONE;

	if (rule != NULL && rule->kind == TSN_YAML_SEQ)
		id = tsn_yaml_text(tsn_yaml_find(rule->first, TSN_SLICE("id")));
	for (const struct tsn_yaml *n = list->kind == TSN_YAML_SEQ ? list->first : NULL; n != NULL;
	    n = n->next) {
		const struct tsn_yaml *least = tsn_yaml_find(n, TSN_SLICE("match_count"));
		struct tsn_case c = {.file = r->file, .line = n->line, .name = text_of(r, n, "name"),
		    .rule_id = id, .rule_count = 1, .least = least != NULL &&
			least->kind == TSN_YAML_INT && least->num.i >= 0 ? (uint64_t)least->num.i : 1};

		if (c.name == NULL)
			c.name = "case without a name";
		c.rules[0] = file_of_rule(r, id);
		c.records = regression_data(r, tsn_yaml_text(tsn_yaml_find(n, TSN_SLICE("path"))));
		if (c.rules[0] == NULL)
			c.wrong = "its rule is not in the folders given";
		else if (c.records == NULL || access(c.records, R_OK) != 0)
			c.wrong = "its records are not there";
		c.skipped = c.wrong != NULL;
		TSN_TRY(r->each(r->ctx, &c));
	}
	return TSN_OK;
}

static enum tsn_code
read_text(struct reading *r, struct tsn_slice text)
{
	const struct tsn_yaml *doc, *tests;
	struct tsn_err why = {0};
	enum tsn_code code;

	tsn_arena_reset(&r->arena);
	code = tsn_yaml_parse(&r->arena, text, &doc, &why);
	if (code == TSN_ENOMEM)
		return code;
	if (code != TSN_OK)
		return r->each(r->ctx, &(struct tsn_case){.file = r->file, .name = "test file",
		    .line = (uint32_t)why.pos, .wrong = why.msg});
	for (; doc != NULL; doc = doc->next) {
		if (tsn_yaml_find(doc, TSN_SLICE("regression_tests_info")) != NULL)
			TSN_TRY(read_regression(r, doc));
		tests = tsn_yaml_find(doc, TSN_SLICE("tests"));
		if (tests == NULL || tests->kind != TSN_YAML_SEQ)
			continue;
		for (const struct tsn_yaml *n = tests->first; n != NULL; n = n->next)
			TSN_TRY(read_case(r, n));
	}
	return TSN_OK;
}

static bool
is_test(struct tsn_slice name)
{
	return tsn_slice_ends(name, TSN_SLICE(".test.yml")) ||
	    tsn_slice_ends(name, TSN_SLICE(".test.yaml"));
}

static enum tsn_code
on_file(void *ctx, const char *path, const struct tsn_file_info *info, struct tsn_err *err)
{
	struct reading *r = ctx;

	if (info->kind != TSN_FILE_REGULAR || (!is_test(tsn_slice_cstr(path)) &&
	    !tsn_slice_ends(tsn_slice_cstr(path), TSN_SLICE("/info.yml"))))
		return TSN_OK;
	r->file = path;
	tsn_buf_reset(&r->text);
	TSN_TRY(tsn_file_read_all(&tsn_file_system, path, &r->text, err));
	return read_text(r, tsn_buf_get(&r->text));
}

/* A folder that cannot be read was told by those who read its rules. */
static void
on_problem(void *ctx, const char *path, const struct tsn_err *why)
{
	(void)ctx;
	(void)path;
	(void)why;
}

static void
reading_init(struct reading *r)
{
	tsn_arena_init(&r->arena, 256u << 20);
	tsn_buf_init(&r->text, FILE_BYTES_MAX);
}

static void
reading_done(struct reading *r)
{
	tsn_arena_done(&r->arena);
	tsn_buf_done(&r->text);
}

enum tsn_code
tsn_cases_each(const char *path, const struct tsn_ruleset *set, tsn_case_callback *each, void *ctx,
    struct tsn_err *err)
{
	struct reading r = {.set = set, .each = each, .ctx = ctx};
	struct tsn_walk walk = {.file = on_file, .problem = on_problem, .ctx = &r};
	struct tsn_file_info info;
	enum tsn_code code = tsn_file_stat_path(path, &info, err);

	if (code != TSN_OK)
		return code;
	reading_init(&r);
	code = info.kind == TSN_FILE_DIR ? tsn_walk(&walk, path, err) : on_file(&r, path, &info, err);
	reading_done(&r);
	return code;
}

enum tsn_code
tsn_cases_each_shipped(tsn_case_callback *each, void *ctx, struct tsn_err *err)
{
	struct reading r = {.each = each, .ctx = ctx, .shipped = true};
	enum tsn_code code = TSN_OK;
	size_t count;
	const struct tsn_content_file *files = tsn_content_below(TSN_SLICE("rules/"), &count);

	(void)err;
	reading_init(&r);
	for (size_t i = 0; i < count && code == TSN_OK; i++) {
		if (!is_test(files[i].name))
			continue;
		r.file = files[i].name.ptr;
		code = read_text(&r, files[i].data);
	}
	reading_done(&r);
	return code;
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
compare(const struct tsn_case *c, const struct tsn_ruleset *set, const uint64_t *counts,
    char *why, size_t cap)
{
	uint64_t got = 0;

	why[0] = '\0';
	if (c->alerts == NULL) {
		if (!count_of(set, counts, c->rule_id, &got) || got < c->least)
			(void)snprintf(why, cap, "expected at least %llu alerts, found %llu",
			    (unsigned long long)c->least, (unsigned long long)got);
		return;
	}
	for (const struct tsn_yaml *a = c->alerts->kind == TSN_YAML_MAP ? c->alerts->first : NULL;
	    a != NULL && why[0] == '\0'; a = a->next) {
		if (!count_of(set, counts, a->key, &got))
			(void)snprintf(why, cap, "no rule is called \"%.*s\"", TSN_SLICE_ARG(a->key));
		else if (a->kind != TSN_YAML_INT || got != (uint64_t)a->num.i)
			(void)snprintf(why, cap, "expected %.*s alerts of \"%.*s\", found %llu",
			    TSN_SLICE_ARG(a->text), TSN_SLICE_ARG(a->key), (unsigned long long)got);
	}
	for (uint32_t i = 0; i < set->count && why[0] == '\0'; i++)
		if (counts[i] > 0 && set->rules[i].generate && !is_named(c->alerts, &set->rules[i]))
			(void)snprintf(why, cap, "expected no alert of \"%.*s\", found %llu",
			    TSN_SLICE_ARG(set->rules[i].name), (unsigned long long)counts[i]);
}

static void
say_nothing(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

static enum tsn_code
run_engine(const struct tsn_case *c, const struct tsn_case_run *o, struct tsn_keys *keys,
    struct tsn_detection *d, char *why, size_t cap, struct tsn_err *err)
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
	    .kind = c->kind, .say = o->say == NULL ? say_nothing : o->say, .ctx = o->ctx});
	code = tsn_import_path(&im, c->records, err);
	if (code == TSN_OK)
		code = tsn_engine_flush(engine, err);
	if (code == TSN_OK)
		code = tsn_detection_finish(d, err);
	if (code == TSN_OK)
		code = tsn_engine_commit(engine, err);
	if (code == TSN_OK) {
		set = tsn_detection_rules(d, &counts);
		compare(c, set, counts, why, cap);
	}
	tsn_engine_free(engine);
	return code;
}

/* An engine of its own, so that no window reaches from one case into another. */
enum tsn_code
tsn_case_run(const struct tsn_case *c, const struct tsn_case_run *o, char *ret_why, size_t cap,
    struct tsn_err *err)
{
	struct tsn_keys *keys = tsn_keys_new();
	struct tsn_detection *d = NULL;
	enum tsn_code code;

	ret_why[0] = '\0';
	if (keys == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	code = tsn_detection_new(&(struct tsn_detection_options){.keys = keys, .rules = c->rules,
	    .rule_count = c->rule_count, .shipped = c->shipped, .trial = true,
	    .exceptions = o->exceptions, .exception_count = o->exception_count,
	    .exceptions_forever = o->exceptions_forever}, &d, err);
	if (code == TSN_OK)
		code = run_engine(c, o, keys, d, ret_why, cap, err);
	if (code == TSN_OK && o->done != NULL)
		o->done(o->ctx, d);
	tsn_detection_free(d);
	tsn_keys_free(keys);
	return code;
}
