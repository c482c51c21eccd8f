#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pred_show.h"
#include "rule/taxonomy.h"

static struct tsn_arena arena;

static const char text[] =
    "fields:\n"
    "  w:\n"
    "    prefix:\n"
    "    - win.data\n"
    "    - win.user\n"
    "    names:\n"
    "      EventID: win.id\n"
    "      User:\n"
    "      - a.user\n"
    "      - b.user\n"
    "  x:\n"
    "    names:\n"
    "      Image: win.data.NewProcessName\n"
    "  c:\n"
    "    closed: true\n"
    "    prefix: ''\n"
    "    names:\n"
    "      uri: url.original\n"
    "views:\n"
    "- name: pc/one\n"
    "  provides:\n"
    "  - category: pc\n"
    "    product: win\n"
    "  when:\n"
    "    win.id: 1\n"
    "  fields: w\n"
    "- name: pc/two\n"
    "  provides:\n"
    "  - category: pc\n"
    "    product: win\n"
    "  when:\n"
    "    win.id: 4688\n"
    "  fields:\n"
    "  - x\n"
    "  - w\n"
    "- name: lin\n"
    "  provides:\n"
    "  - category: pc\n"
    "    product: lin\n"
    "  - product: lin\n"
    "  when:\n"
    "  - a: 1\n"
    "  - b: 2\n"
    "  fields: c\n";

static struct tsn_taxonomy *
make(void)
{
	struct tsn_taxonomy *t = tsn_taxonomy_new();
	struct tsn_err err;

	assert_non_null(t);
	if (tsn_taxonomy_add(t, TSN_SLICE("t.yml"), TSN_SLICE(text), &err) != TSN_OK)
		fail_msg("%s", err.msg);
	return t;
}

/* Names of the views of a log source, joined by blanks. */
static const char *
find(struct tsn_taxonomy *t, const char *category, const char *product, const char *service,
    const char *taxonomy, const struct tsn_view **views)
{
	static char out[500];
	struct tsn_logsource ls = {.category = tsn_slice_cstr(category),
	    .product = tsn_slice_cstr(product), .service = tsn_slice_cstr(service)};
	uint32_t count;

	assert_int_equal(tsn_taxonomy_find(t, &ls, tsn_slice_cstr(taxonomy), views, &count), TSN_OK);
	out[0] = '\0';
	for (uint32_t i = 0; i < count; i++) {
		size_t n = strlen(out);

		(void)snprintf(out + n, sizeof out - n, "%s%.*s", i > 0 ? " " : "",
		    TSN_SLICE_ARG(views[i]->name));
	}
	return out;
}

static const char *
resolve(const struct tsn_view *v, const char *name)
{
	static char out[500];
	struct tsn_slice paths[TSN_VIEW_PATHS_MAX];
	uint32_t count = tsn_view_resolve(v, tsn_slice_cstr(name), &arena, paths);

	out[0] = '\0';
	for (uint32_t i = 0; i < count; i++) {
		size_t n = strlen(out);

		(void)snprintf(out + n, sizeof out - n, "%s%.*s", i > 0 ? "," : "",
		    TSN_SLICE_ARG(paths[i]));
	}
	return out;
}

static void
test_find(void **state)
{
	const struct tsn_view *views[TSN_VIEWS_PER_RULE_MAX], *again[TSN_VIEWS_PER_RULE_MAX];
	struct tsn_taxonomy *t = make();
	struct tsn_buf out;

	(void)state;
	assert_string_equal(find(t, "pc", "win", "", "", views), "pc/one pc/two declared");
	tsn_buf_init(&out, 1000);
	pred_show(views[2]->when, 0, &out);
	assert_true(tsn_slice_eq(tsn_buf_get(&out),
	    TSN_SLICE("and(category = 'pc', product = 'win')")));
	tsn_buf_done(&out);
	assert_true(views[2]->declared);
	assert_string_equal(find(t, "pc", "win", "", "", again), "pc/one pc/two declared");
	assert_ptr_equal(views[2], again[2]);
	assert_string_equal(find(t, "PC", "Win", "", "", again), "pc/one pc/two declared");
	/* Narrower views where none fits exactly. */
	assert_string_equal(find(t, "pc", "", "", "", views), "pc/one pc/two lin declared");
	assert_string_equal(find(t, "", "lin", "", "", views), "lin declared");
	assert_string_equal(find(t, "", "mac", "", "", views), "declared");
	assert_string_equal(find(t, "", "", "", "", views), "any event");
	assert_int_equal(views[0]->when->op, TSN_PRED_TRUE);
	/* Rules of event paths: the same events, names as they are. */
	assert_string_equal(find(t, "pc", "win", "", "ecs", views), "pc/one pc/two declared, paths");
	assert_string_equal(resolve(views[0], "EventID"), "EventID");
	assert_string_equal(find(t, "", "mac", "", "tocsin", views), "any event");
	tsn_taxonomy_free(t);
}

static void
test_resolve(void **state)
{
	const struct tsn_view *views[TSN_VIEWS_PER_RULE_MAX];
	struct tsn_taxonomy *t = make();

	(void)state;
	(void)find(t, "pc", "win", "", "", views);
	assert_string_equal(resolve(views[0], "EventID"), "win.id");
	assert_string_equal(resolve(views[0], "User"), "a.user,b.user");
	assert_string_equal(resolve(views[0], "Image"), "win.data.Image,win.user.Image");
	assert_string_equal(resolve(views[1], "Image"), "win.data.NewProcessName");
	assert_string_equal(resolve(views[1], "EventID"), "win.id");
	assert_string_equal(resolve(views[0], "Threat Name"),
	    "win.data.ThreatName,win.data.Threat Name,win.user.ThreatName,win.user.Threat Name");
	assert_string_equal(resolve(views[0], "source.ip"),
	    "win.data.source.ip,win.user.source.ip,source.ip");
	/* Events that declare their log source: names as they are, or where a parser put them. */
	assert_string_equal(resolve(views[2], "Image"), "Image,win.data.Image,win.user.Image");
	assert_string_equal(resolve(views[2], "EventID"), "EventID,win.id");
	(void)find(t, "", "mac", "", "", views);
	assert_string_equal(resolve(views[0], "Image"), "Image");
	(void)find(t, "pc", "win", "", "", views);
	assert_true(tsn_view_may_have(views[0], TSN_SLICE("Anything")));
	(void)find(t, "", "lin", "", "", views);
	assert_string_equal(resolve(views[0], "uri"), "url.original");
	assert_string_equal(resolve(views[0], "other"), "other");
	assert_true(tsn_view_may_have(views[0], TSN_SLICE("uri")));
	assert_true(tsn_view_may_have(views[0], TSN_SLICE("url.path")));
	assert_false(tsn_view_may_have(views[0], TSN_SLICE("other")));
	tsn_taxonomy_free(t);
}

static void
test_bad(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"views:\n- name: a\n", "t.yml:2: a view needs"},
		{"views: 1\n", "t.yml:1: views is a number"},
		{"views:\n- name: a\n  when:\n    a|bad: 1\n  provides:\n  - product: p\n",
		    "t.yml:4: unknown modifier"},
		{"views:\n- name: a\n  when:\n    a: 1\n  provides:\n  - product: p\n  fields: none\n",
		    "no field map is called"},
		{"fields: 1\n", "fields is a number"},
		{"a: [", "t.yml:2: not YAML"},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		struct tsn_taxonomy *t = tsn_taxonomy_new();
		struct tsn_err err = {0};

		assert_int_not_equal(tsn_taxonomy_add(t, TSN_SLICE("t.yml"), tsn_slice_cstr(cases[i].text),
		    &err), TSN_OK);
		if (strstr(err.msg, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].text, err.msg);
		assert_int_equal(tsn_taxonomy_view_count(t), 0);
		tsn_taxonomy_free(t);
	}
}

/* What ships: each log source that SigmaHQ's rules name most has a view of its own. */
static void
test_content(void **state)
{
	static const char *const sources[][3] = {
		{"process_creation", "windows", ""}, {"registry_set", "windows", ""},
		{"", "windows", "security"}, {"ps_script", "windows", ""}, {"", "linux", "auditd"},
		{"process_creation", "linux", ""}, {"webserver", "", ""}, {"proxy", "", ""},
		{"", "zeek", "dns"}, {"", "aws", "cloudtrail"}, {"", "azure", "signinlogs"},
		{"", "cisco", "aaa"}, {"dns", "", ""}, {"antivirus", "", ""}, {"process_creation", "macos", ""},
	};
	struct tsn_taxonomy *t = tsn_taxonomy_new();
	struct tsn_err err;

	(void)state;
	if (tsn_taxonomy_add_content(t, &err) != TSN_OK)
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < TSN_COUNT(sources); i++) {
		const struct tsn_view *views[TSN_VIEWS_PER_RULE_MAX];
		const char *names = find(t, sources[i][0], sources[i][1], sources[i][2], "", views);

		if (views[0]->declared)
			fail_msg("%s %s %s: %s", sources[i][0], sources[i][1], sources[i][2], names);
	}
	tsn_taxonomy_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_content),
	};
	int failed;

	tsn_arena_init(&arena, 1u << 20);
	failed = cmocka_run_group_tests_name("rule_taxonomy", tests, NULL, NULL);
	tsn_arena_done(&arena);
	return failed;
}
