#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "detect/detect.h"
#include "detect/explain.h"
#include "rule/load.h"

/* Sigma rules and one event each: which of the rules fire. */
static struct tsn_keys *keys;
static const struct tsn_source source = {.path = {"f", 1}};

static struct tsn_ruleset *
load(const char *text)
{
	struct tsn_loader *l = tsn_loader_new();
	struct tsn_ruleset *set;
	struct tsn_rule_report report;

	assert_non_null(l);
	assert_int_equal(tsn_loader_add_text(l, TSN_SLICE("t.yml"), TSN_SLICE("test"),
	    tsn_slice_cstr(text)), TSN_OK);
	assert_int_equal(tsn_loader_finish(l, &set, &report, NULL), TSN_OK);
	if (report.failed > 0)
		fail_msg("%.*s", TSN_SLICE_ARG(report.problems[0].message));
	tsn_loader_free(l);
	return set;
}

static void
add_event(struct tsn_batch *b, const char *const *pairs, const char *original)
{
	struct tsn_event *ev = tsn_batch_begin(b);

	assert_non_null(ev);
	ev->source = &source;
	ev->original = tsn_slice_cstr(original);
	ev->offset = b->count;
	ev->time_ns = 1000;
	for (; pairs[0] != NULL; pairs += 2)
		tsn_event_add_str(b, tsn_keys_intern(keys, tsn_slice_cstr(pairs[0])),
		    tsn_slice_cstr(pairs[1]));
	tsn_batch_seal(b);
}

struct seen {
	char titles[1024];
	char reasons[4096];
	uint64_t ids[64][2];
	unsigned count;
};

static enum tsn_code
on_finding(void *ctx, const struct tsn_finding *f)
{
	struct seen *s = ctx;
	size_t at = strlen(s->titles), r = strlen(s->reasons);

	(void)snprintf(s->titles + at, sizeof s->titles - at, "%.*s;", TSN_SLICE_ARG(f->rule->name));
	(void)snprintf(s->reasons + r, sizeof s->reasons - r, "%.*s\n", TSN_SLICE_ARG(f->reason));
	if (s->count < 64)
		memcpy(s->ids[s->count], f->id, sizeof f->id);
	s->count++;
	return TSN_OK;
}

static void
run(const char *rules, struct tsn_batch *b, struct seen *ret)
{
	struct tsn_ruleset *set = load(rules);
	struct tsn_taxonomy *t = tsn_taxonomy_new();
	struct tsn_detect_options options = {.reasons = true};
	struct tsn_detect *d, *other;

	assert_non_null(t);
	*ret = (struct seen){0};
	assert_int_equal(tsn_detect_new(set, t, keys, &options, &d, NULL), TSN_OK);
	assert_int_equal(tsn_detect_clone(d, &other, NULL), TSN_OK);
	assert_int_equal(tsn_detect_batch(d, b, on_finding, ret), TSN_OK);
	tsn_detect_free(d);
	tsn_detect_free(other);
	tsn_taxonomy_free(t);
	tsn_ruleset_free(set);
}

static const char rules[] =
    "title: whoami\n"
    "id: 1\n"
    "logsource: {category: process_creation, product: windows}\n"
    "detection:\n"
    "  sel: {Image|endswith: '\\whoami.exe'}\n"
    "  par: {ParentImage|endswith: ['\\cmd.exe', '\\powershell.exe']}\n"
    "  condition: sel and par\n"
    "---\n"
    "title: encoded\n"
    "id: 2\n"
    "logsource: {category: process_creation, product: windows}\n"
    "detection:\n"
    "  sel: {CommandLine|contains: [' -enc ', ' -EncodedCommand ']}\n"
    "  not_this: {User: null}\n"
    "  condition: sel and not not_this\n"
    "---\n"
    "title: any windows\n"
    "id: 3\n"
    "logsource: {product: windows}\n"
    "detection:\n"
    "  sel: {User|re: '(?i)^nt auth.*system$'}\n"
    "  condition: sel\n"
    "---\n"
    "title: keyword\n"
    "id: 4\n"
    "logsource: {product: windows}\n"
    "detection:\n"
    "  words: ['*mimi*katz*', dumping]\n"
    "  condition: words\n"
    "---\n"
    "title: nothing but not\n"
    "id: 5\n"
    "logsource: {category: process_creation}\n"
    "detection:\n"
    "  sel: {Image|contains: e}\n"
    "  condition: not sel\n"
    "---\n"
    "title: greek\n"
    "id: 6\n"
    "logsource: {category: process_creation, product: windows}\n"
    "detection:\n"
    "  sel: {CommandLine|contains: 'Ω'}\n"
    "  condition: sel\n";

static void
test_single(void **state)
{
	static const struct {
		const char *const pairs[12];
		const char *original;
		const char *titles;
	} cases[] = {
		{{"product", "windows", "category", "process_creation", "Image",
		    "C:\\Windows\\System32\\WHOAMI.exe", "ParentImage", "c:\\x\\PowerShell.EXE", NULL}, "",
		    "whoami;"},
		{{"product", "windows", "category", "process_creation", "Image", "whoami.exe", NULL}, "", ""},
		{{"product", "Windows", "category", "process_creation", "Image", "e", "CommandLine",
		    "powershell -ENC x", "User", "NT AUTHORITY\\SYSTEM", NULL}, "", "encoded;any windows;"},
		{{"product", "windows", "category", "process_creation", "Image", "e", "CommandLine",
		    "powershell -enc x", NULL}, "", ""},
		{{"product", "windows", "User", "nt authority\\system", NULL}, "", "any windows;"},
		{{"product", "linux", "User", "nt authority\\system", NULL}, "", ""},
		{{"product", "windows", "x", "MimiDogKatz", NULL}, "", "keyword;"},
		{{"product", "windows", "x", "mimi", "y", "katz", NULL}, "", ""},
		{{"product", "windows", NULL}, "he was DUMPING it", "keyword;"},
		{{"product", "windows", NULL}, "{\"dumping\":1}", ""},
		{{"category", "process_creation", "Image", "x", NULL}, "", "nothing but not;"},
		{{"category", "process_creation", NULL}, "", "nothing but not;"},
		{{"category", "other", "Image", "x", NULL}, "", ""},
		{{"product", "windows", "category", "process_creation", "Image", "e", "CommandLine",
		    "echo ω", NULL}, "", "greek;"},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
		struct seen seen;

		assert_int_equal(tsn_batch_init(&b, keys, 4), TSN_OK);
		add_event(&b, cases[i].pairs, cases[i].original);
		run(rules, &b, &seen);
		assert_string_equal(seen.titles, cases[i].titles);
	}
}

static void
test_reason(void **state)
{
	const char *const pairs[] = {"product", "windows", "category", "process_creation", "Image",
	    "C:\\WHOAMI.exe", "ParentImage", "c:\\x\\Cmd.EXE", NULL};
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct seen seen;

	(void)state;
	assert_int_equal(tsn_batch_init(&b, keys, 4), TSN_OK);
	add_event(&b, pairs, "");
	run(rules, &b, &seen);
	assert_string_equal(seen.reasons, "Image 'C:\\WHOAMI.exe' ends with '\\whoami.exe', "
	    "ParentImage 'c:\\x\\Cmd.EXE' ends with '\\cmd.exe'\n");
}

static void
on_step(void *ctx, const struct tsn_explain_step *step)
{
	char *text = ctx;
	size_t at = strlen(text);

	if (step->kind == TSN_EXPLAIN_VIEW)
		(void)snprintf(text + at, 1024 - at, "view %d;", step->value);
	else if (step->pred->op == TSN_PRED_ATOM)
		(void)snprintf(text + at, 1024 - at, "%u %.*s=%.*s %d;", step->depth,
		    TSN_SLICE_ARG(step->pred->atom.field), TSN_SLICE_ARG(step->found), step->value);
	else
		(void)snprintf(text + at, 1024 - at, "%u op %d;", step->depth, step->value);
}

static void
test_explain(void **state)
{
	const char *const pairs[] = {"product", "windows", "category", "process_creation", "Image",
	    "C:\\WHOAMI.exe", "ParentImage", "c:\\explorer.exe", NULL};
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_ruleset *set = load(rules);
	struct tsn_taxonomy *t = tsn_taxonomy_new();
	char text[1024] = "";
	struct tsn_detect *d;
	bool value = true;

	(void)state;
	assert_non_null(t);
	assert_int_equal(tsn_batch_init(&b, keys, 4), TSN_OK);
	add_event(&b, pairs, "");
	assert_int_equal(tsn_detect_new(set, t, keys, NULL, &d, NULL), TSN_OK);
	assert_int_equal(tsn_detect_explain(d, &b.events[0], 0, on_step, text, &value), TSN_OK);
	assert_false(value);
	assert_string_equal(text, "view 1;0 op 0;1 Image=C:\\WHOAMI.exe 1;1 op 0;"
	    "2 ParentImage=c:\\explorer.exe 0;2 ParentImage=c:\\explorer.exe 0;");
	assert_int_equal(tsn_detect_explain(d, &b.events[0], set->count, on_step, text, &value),
	    TSN_EINVAL);
	tsn_detect_free(d);
	tsn_taxonomy_free(t);
	tsn_ruleset_free(set);
}

/* Ids depend on rule and event alone: not on the order of events or the other rules. */
static void
test_ids(void **state)
{
	const char *const a[] = {"product", "windows", "User", "nt authority\\system", "x", "1", NULL};
	const char *const c[] = {"product", "windows", "User", "nt authority\\system", "x", "2", NULL};
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct seen one, two;

	(void)state;
	assert_int_equal(tsn_batch_init(&b, keys, 4), TSN_OK);
	add_event(&b, a, "a");
	add_event(&b, c, "c");
	run(rules, &b, &one);
	run(strstr(rules, "title: any windows"), &b, &two);
	assert_int_equal(one.count, 2);
	assert_int_equal(two.count, 2);
	assert_memory_equal(one.ids, two.ids, sizeof one.ids);
	assert_memory_not_equal(one.ids[0], one.ids[1], sizeof one.ids[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single),
		cmocka_unit_test(test_reason),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_ids),
	};
	int failed;

	keys = tsn_keys_new();
	failed = keys == NULL ? 1 : cmocka_run_group_tests_name("detect", tests, NULL, NULL);
	tsn_keys_free(keys);
	return failed;
}
