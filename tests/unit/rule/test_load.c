/* Rules, correlations and filters from files and folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pred_show.h"
#include "rule/load.h"

struct loaded {
	struct tsn_loader *loader;
	struct tsn_ruleset *set;
	struct tsn_rule_report report;
};

static struct loaded
load(const char *text)
{
	struct loaded l = {.loader = tsn_loader_new()};

	assert_non_null(l.loader);
	assert_int_equal(tsn_loader_add_text(l.loader, TSN_SLICE("dir/f.yml"), TSN_SLICE("dir"),
	    tsn_slice_cstr(text)), TSN_OK);
	assert_int_equal(tsn_loader_finish(l.loader, &l.set, &l.report, NULL), TSN_OK);
	return l;
}

static void
done(struct loaded *l)
{
	tsn_ruleset_free(l->set);
	tsn_loader_free(l->loader);
}

static void
says(const struct loaded *l, uint32_t problem, uint32_t line, const char *what)
{
	char message[600];

	if (l->report.problem_count <= problem)
		fail_msg("no problem %u: expected %s", problem, what);
	(void)snprintf(message, sizeof message, "%.*s",
	    TSN_SLICE_ARG(l->report.problems[problem].message));
	if (strstr(message, what) == NULL || l->report.problems[problem].line != line)
		fail_msg("line %u: %s; expected %s", l->report.problems[problem].line, message, what);
}

static void
shows(const struct tsn_pred *p, const char *what)
{
	struct tsn_buf out;

	tsn_buf_init(&out, 1u << 20);
	pred_show(p, 0, &out);
	tsn_buf_char(&out, '\0');
	assert_string_equal(out.ptr, what);
	tsn_buf_done(&out);
}

#define assert_slice(s, text) assert_true(tsn_slice_eq(s, tsn_slice_cstr(text)))

static void
test_meta(void **state)
{
	struct loaded l = load("title: A rule\nid: 1234\nname: short\nrelated:\n- id: 99\n  type: derived\n"
	    "status: test\ndescription: |\n  two\n  lines\nreferences:\n- https://a\n- https://b\n"
	    "author: me\ndate: 2020-01-02\nmodified: 2021-03-04\ntags:\n- attack.t1059\n"
	    "logsource:\n  product: windows\n  category: process_creation\n  definition: d\n"
	    "detection:\n  s:\n    Image: x\n  condition: s\nfields:\n- Image\nfalsepositives: None\n"
	    "scope:\n- server\nlevel: high\nregression_tests_path: x\n");
	const struct tsn_rule *r = &l.set->rules[0];

	(void)state;
	assert_int_equal(l.report.loaded, 1);
	assert_int_equal(l.report.problem_count, 0);
	assert_slice(r->id, "1234");
	assert_slice(r->name, "A rule");
	assert_slice(r->short_name, "short");
	assert_slice(r->version, "2021-03-04");
	assert_slice(r->ruleset, "dir");
	assert_slice(r->file, "dir/f.yml");
	assert_slice(r->description, "two\nlines");
	assert_slice(r->author, "me");
	assert_int_equal(r->reference_count, 2);
	assert_slice(r->references[1], "https://b");
	assert_slice(r->tags[0], "attack.t1059");
	assert_slice(r->falsepositives[0], "None");
	assert_slice(r->fields[0], "Image");
	assert_slice(r->scope[0], "server");
	assert_slice(r->related[0].id, "99");
	assert_slice(r->related[0].type, "derived");
	assert_slice(r->logsource.product, "windows");
	assert_slice(r->logsource.category, "process_creation");
	assert_slice(r->logsource.definition, "d");
	assert_int_equal(r->level, TSN_LEVEL_HIGH);
	assert_int_equal(r->line, 1);
	assert_true(r->generate);
	assert_slice(r->condition->name, "s");
	assert_int_equal(r->condition->atom.at, 25);
	done(&l);
}

#define RULE(name, field) "title: " name "\nid: " name "\nname: n" name "\nlogsource:\n" \
	"  product: p\ndetection:\n  s:\n    " field ": 1\n  condition: s\n"

static void
test_bad_documents(void **state)
{
	static const struct {
		const char *text, *what;
		uint32_t line;
	} cases[] = {
		{"- a\n", "document is a list", 1},
		{"a: [\n", "not YAML", 2},
		{"title: x\n", "not a Sigma rule", 1},
		{"id: 1\ndetection:\n  s:\n    a: b\n  condition: s\n", "no title", 1},
		{"title: x\ndetection:\n  s:\n    a: b\n  condition: s\n", "no logsource", 1},
		{"title: x\nlogsource: windows\ndetection:\n  s:\n    a: b\n  condition: s\n",
		    "logsource is a string", 2},
		{"title: x\nlogsource:\n  product: a\ndetection:\n- a\n", "detection is a list", 4},
		{"title: x\nlevel: hi\nlogsource:\n  product: a\ndetection:\n  s:\n    a: b\n"
		 "  condition: s\n", "level is \"hi\"", 2},
		{"title: x\ntags:\n  a: b\nlogsource:\n  product: a\ndetection:\n  s:\n    a: b\n"
		 "  condition: s\n", "\"tags\" is a map", 3},
		{RULE("a", "x") "---\n" RULE("a", "y"), "another rule", 11},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		struct loaded l = load(cases[i].text);

		assert_int_equal(l.report.failed, 1);
		says(&l, 0, cases[i].line, cases[i].what);
		done(&l);
	}
}

static void
test_collections(void **state)
{
	struct loaded l = load("action: global\ntitle: G\nlogsource:\n  product: p\ndetection:\n"
	    "  condition: s\n---\nid: one\ndetection:\n  s:\n    A: 1\n---\nid: two\nlevel: low\n"
	    "detection:\n  s:\n    B: 2\n---\naction: repeat\nid: three\ndetection:\n  t:\n    C: 3\n"
	    "  condition: s and t\n---\naction: reset\n---\n" RULE("four", "D"));

	(void)state;
	assert_int_equal(l.report.failed, 0);
	assert_int_equal(l.set->count, 4);
	shows(l.set->rules[0].condition, "A = '1'");
	shows(l.set->rules[1].condition, "B = '2'");
	shows(l.set->rules[2].condition, "and(B = '2', C = '3')");
	assert_int_equal(l.set->rules[2].level, TSN_LEVEL_LOW);
	assert_slice(l.set->rules[3].name, "four");
	done(&l);
}

static void
test_filters(void **state)
{
	struct loaded l = load(RULE("a", "A") "---\n" RULE("b", "B") "---\n"
	    "title: F\nlogsource:\n  product: p\nfilter:\n  rules:\n  - a\n  selection:\n"
	    "    User|startswith: adm_\n  condition: selection\n---\n"
	    "title: G\nlogsource:\n  product: p\nfilter:\n  rules: any\n  selection:\n    Z: 1\n"
	    "  condition: not selection\n---\n"
	    "title: H\nlogsource:\n  product: q\nfilter:\n  rules:\n  - nb\n  - none\n  selection:\n"
	    "    Z: 1\n  condition: selection\n");

	(void)state;
	assert_int_equal(l.report.loaded, 2);
	assert_int_equal(l.report.failed, 0);
	assert_int_equal(l.report.filters, 2);
	shows(l.set->rules[0].condition,
	    "and(and(A = '1', not(User ^= 'adm_')), not(Z = '1'))");
	shows(l.set->rules[1].condition, "and(B = '1', not(Z = '1'))");
	assert_int_equal(l.report.problem_count, 2);
	done(&l);
	l = load("title: A\nid: a\nlogsource:\n  product: p\ndetection:\n  s:\n    A: 1\n"
	    "  timeframe: 5m\n  condition: s | count() > 10\n---\n"
	    "title: F\nlogsource:\n  product: p\nfilter:\n  rules:\n  - a\n  selection:\n"
	    "    U: 1\n  condition: selection\n");
	assert_int_equal(l.report.problem_count, 0);
	shows(l.set->rules[0].condition, "and(A = '1', not(U = '1'))");
	done(&l);
}

static void
test_correlation(void **state)
{
	struct loaded l = load("title: C\nid: c\ncorrelation:\n  type: value_count\n  rules:\n  - na\n"
	    "  - b\n  group-by:\n  - ip\n  - host\n  timespan: 1h\n  condition:\n    field: User\n"
	    "    gt: 10\n    lte: 20.5\n  aliases:\n    ip:\n      na: src\n      nb: dst\nlevel: high\n---\n"
	    RULE("a", "A") "---\n" RULE("b", "B") "---\n"
	    "title: D\nid: d\ncorrelation:\n  type: temporal_ordered\n  rules:\n  - c\n  - a\n"
	    "  timespan: 10m\n  generate: true\n  condition: c and not na\n");
	const struct tsn_correlation *c, *d;

	(void)state;
	assert_int_equal(l.report.problem_count, 1);	/* extended condition: names as in rules */
	says(&l, 0, 51, "condition names \"na\"");
	done(&l);
	l = load("title: C\nid: c\ncorrelation:\n  type: value_count\n  rules:\n  - na\n"
	    "  - b\n  group-by:\n  - ip\n  - host\n  timespan: 1h\n  condition:\n    field: User\n"
	    "    gt: 10\n    lte: 20.5\n  aliases:\n    ip:\n      na: src\n      nb: dst\nlevel: high\n---\n"
	    RULE("a", "A") "---\n" RULE("b", "B") "---\n"
	    "title: D\nid: d\ncorrelation:\n  type: temporal_ordered\n  rules:\n  - c\n  - a\n"
	    "  timespan: 10m\n  generate: true\n  condition: c and not a\n");
	c = l.set->rules[0].correlation;
	d = l.set->rules[3].correlation;
	assert_int_equal(l.report.loaded, 4);
	assert_int_equal(c->type, TSN_CORR_VALUE_COUNT);
	assert_int_equal(c->rule_count, 2);
	assert_int_equal(c->rules[0], 1);
	assert_int_equal(c->rules[1], 2);
	assert_true(c->timespan_ns == INT64_C(3600000000000));
	assert_int_equal(c->bound_count, 2);
	assert_int_equal(c->bounds[1].op, TSN_CORR_LTE);
	assert_true(c->bounds[1].value > 20.4 && c->bounds[1].value < 20.6);
	assert_slice(c->group_fields[0], "src");
	assert_slice(c->group_fields[1], "dst");
	assert_slice(c->group_fields[2], "host");
	assert_slice(c->fields[1], "User");
	assert_int_equal(d->expr->op, TSN_CORR_EXPR_AND);
	assert_int_equal(d->expr->kids[1]->op, TSN_CORR_EXPR_NOT);
	assert_int_equal(d->expr->kids[1]->kids[0]->rule, 1);
	assert_true(l.set->rules[0].generate);	/* D generates */
	assert_true(l.set->rules[1].generate);
	assert_false(l.set->rules[2].generate);
	done(&l);
}

static void
test_bad_correlations(void **state)
{
	static const struct {
		const char *body, *what;
		uint32_t line;
	} cases[] = {
		{"  type: event_count\n  rules: [x]\n  timespan: 1h\n  condition: {gte: 1}\n",
		    "not loaded", 13},
		{"  type: event_cuont\n  rules: [a]\n  timespan: 1h\n", "nearest is \"event_count\"", 14},
		{"  type: event_count\n  rules: [a]\n  timespan: 1h\n", "needs a condition", 14},
		{"  type: event_count\n  rules: [a]\n  condition: {gte: 1}\n", "without timespan", 14},
		{"  type: event_count\n  rules: [a]\n  timespan: soon\n  condition: {gte: 1}\n",
		    "timespan is \"soon\"", 16},
		{"  type: value_sum\n  rules: [a]\n  timespan: 1h\n  condition: {gte: 1}\n",
		    "needs a field", 14},
		{"  type: event_count\n  rules: [a]\n  timespan: 1h\n  condition: {atleast: 1}\n",
		    "has \"atleast\"", 17},
		{"  type: event_count\n  timespan: 1h\n  condition: {gte: 1}\n", "without rules", 14},
		{"  type: event_count\n  rules: [a]\n  group_by: [x]\n  timespan: 1h\n",
		    "correlation has \"group_by\"", 16},
		{"  type: event_count\n  rules: [c]\n  timespan: 1h\n  condition: {gte: 1}\n",
		    "circle", 11},
		{"  type: event_count\n  rules: [a, na]\n  timespan: 1h\n  condition: {gte: 1}\n",
		    "same rule twice", 13},
		{"  type: temporal\n  rules: [a]\n  timespan: 1h\n  aliases:\n    x:\n      zz: f\n",
		    "alias names", 19},
		{"  type: absence\n  rules: [a]\n  timespan: 1m\n", "needs absent", 14},
		{"  type: absence\n  rules: [a]\n  absent: [x]\n  timespan: 1m\n", "absent names \"x\"", 16},
		{"  type: absence\n  rules: [a]\n  absent: [a]\n", "without timespan", 14},
		{"  type: absence\n  rules: [a]\n  absent: [a]\n  timespan: 1m\n  condition: {gte: 2}\n",
		    "no use for a threshold", 14},
		{"  type: sequence\n  rules: [a]\n  absent: [a]\n  timespan: 1m\n", "two rules or more", 14},
		{"  type: temporal\n  rules: [a]\n  absent: [a]\n  timespan: 1m\n",
		    "no use for absent, which is of tocsin's own absence and sequence", 16},
		{"  type: event_count\n  rules: [a]\n  timespan: 1m\n  capacity: 5\n  condition: {gte: 2}\n",
		    "no use for capacity", 17},
		{"  type: leaky_bucket\n  rules: [a]\n  leakspeed: 10s\n", "capacity", 14},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		char text[2000];
		struct loaded l;

		(void)snprintf(text, sizeof text, "%s---\ntitle: C\nid: c\ncorrelation:\n%s",
		    RULE("a", "A"), cases[i].body);
		l = load(text);
		if (l.report.failed != 1 || l.report.loaded != 1)
			fail_msg("%s: %u failed, %u loaded", text, l.report.failed, l.report.loaded);
		says(&l, 0, cases[i].line, cases[i].what);
		done(&l);
	}
}

static void
test_aggregations(void **state)
{
	struct loaded l = load("title: A\nid: a\nlogsource:\n  product: p\ndetection:\n  s:\n    A: 1\n"
	    "  timeframe: 5m\n  condition: s | count(User) by Host, Domain > 10\nlevel: high\n---\n"
	    "title: B\nid: b\nlogsource:\n  product: p\ndetection:\n  s:\n    A: 1\n  t:\n    B: 1\n"
	    "  timeframe: 30s\n  condition: s | near t\n---\n"
	    "title: D\nid: d\nlogsource:\n  product: p\ndetection:\n  s:\n    A: 1\n"
	    "  timeframe: 1h\n  condition: s | count() >= 3\n");
	const struct tsn_correlation *c;

	(void)state;
	assert_int_equal(l.report.failed, 0);
	assert_int_equal(l.set->count, 7);
	assert_slice(l.set->rules[0].id, "a/events");
	assert_false(l.set->rules[0].generate);
	shows(l.set->rules[0].condition, "A = '1'");
	c = l.set->rules[1].correlation;
	assert_slice(l.set->rules[1].id, "a");
	assert_null(l.set->rules[1].condition);
	assert_int_equal(c->type, TSN_CORR_VALUE_COUNT);
	assert_int_equal(c->rules[0], 0);
	assert_int_equal(c->group_count, 2);
	assert_slice(c->group_by[1], "Domain");
	assert_slice(c->fields[0], "User");
	assert_int_equal(c->bounds[0].op, TSN_CORR_GT);
	c = l.set->rules[4].correlation;
	assert_int_equal(c->type, TSN_CORR_TEMPORAL);
	assert_int_equal(c->rule_count, 2);
	shows(l.set->rules[c->rules[1]].condition, "B = '1'");
	assert_int_equal(l.set->rules[6].correlation->type, TSN_CORR_EVENT_COUNT);
	done(&l);
}

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
test_folder(void **state)
{
	char dir[] = "/tmp/tsn_rules_XXXXXX";
	struct loaded l = {.loader = tsn_loader_new()};
	struct tsn_err err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(mkdir("sub", 0700), 0);
	put("sub/a.yml", RULE("a", "A"));
	put("b.yaml", RULE("b", "B"));
	put("c.txt", "no rule");
	put("d.yml", "a: [\n");
	assert_int_equal(tsn_loader_add_path(l.loader, ".", &err), TSN_OK);
	assert_int_equal(tsn_loader_add_path(l.loader, "sub", &err), TSN_OK);
	assert_int_equal(tsn_loader_add_path(l.loader, "b.yaml", &err), TSN_OK);
	assert_int_equal(tsn_loader_add_path(l.loader, "none", &err), TSN_ENOTFOUND);
	assert_int_equal(tsn_loader_finish(l.loader, &l.set, &l.report, NULL), TSN_OK);
	assert_int_equal(l.report.loaded, 2);
	assert_int_equal(l.report.failed, 1);
	assert_int_equal(l.report.files, 3);
	says(&l, 0, 2, "not YAML");
	done(&l);
	assert_int_equal(unlink("sub/a.yml") + unlink("b.yaml") + unlink("c.txt") + unlink("d.yml"), 0);
	assert_int_equal(rmdir("sub"), 0);
	assert_int_equal(chdir("/") + rmdir(dir), 0);
}

/* What can never match is said. */
static void
test_groups_of_chains(void **state)
{
	struct loaded l = load("title: A\nid: a\nlogsource: {product: t}\n"
	    "detection: {sel: {x: 1}, condition: sel}\n---\n"
	    "title: Many\nid: m\ncorrelation: {type: event_count, rules: [a], group-by: [ip], "
	    "timespan: 5m, condition: {gte: 3}}\n---\n"
	    "title: Top\nid: t\ncorrelation: {type: temporal, rules: [m, a], group-by: [who], "
	    "timespan: 5m, aliases: {who: {a: user, m: ip}}}\n---\n"
	    "title: Other\nid: o\ncorrelation: {type: temporal, rules: [m, a], group-by: [user], "
	    "timespan: 5m}\n");
	uint32_t notes = 0;

	(void)state;
	for (uint32_t i = 0; i < l.report.problem_count; i++)
		if (tsn_slice_find(l.report.problems[i].message,
		    TSN_SLICE("group-by \"user\" is not in the group-by of the correlation \"Many\"")) !=
		    SIZE_MAX)
			notes++;
	assert_int_equal(notes, 1);
	assert_int_equal(l.set->count, 4);
	done(&l);
}

static void
test_thresholds_beyond_a_group(void **state)
{
	static const struct {
		const char *type, *bound;
		bool skipped;
	} cases[] = {
		{"event_count", "gte: 65536", false}, {"event_count", "gte: 65537", true},
		{"event_count", "gt: 65535", false}, {"event_count", "gt: 65536", true},
		{"event_count", "lt: 65536", false}, {"event_count", "lt: 65537", true},
		{"event_count", "lte: 65535", false}, {"event_count", "lte: 65536", true},
		{"event_count", "eq: 1e9", true}, {"event_count", "neq: 1e9", true},
		{"value_count", "field: x, gte: 65536", false}, {"value_count", "field: x, gte: 65537", true},
		{"value_sum", "field: x, gte: 1e12", false}, {"value_avg", "field: x, gte: 1e12", false},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		char text[1000];
		struct loaded l;

		(void)snprintf(text, sizeof text, "%s---\ntitle: C\nid: c\ncorrelation:\n  type: %s\n"
		    "  rules: [a]\n  timespan: 1m\n  condition: {%s}\n", RULE("a", "A"), cases[i].type,
		    cases[i].bound);
		l = load(text);
		if (l.report.skipped != cases[i].skipped || l.report.loaded != 2u - cases[i].skipped)
			fail_msg("%s: %u skipped, %u loaded", text, l.report.skipped, l.report.loaded);
		if (cases[i].skipped)
			says(&l, 0, 17, "counts up to 65536 in a group");
		done(&l);
	}
	for (int many = 0; many < 2; many++) {
		struct loaded l = load(many ? "title: A\nid: a\nlogsource: {product: p}\ndetection:\n  s: {A: 1}\n"
		    "  timeframe: 5m\n  condition: s | count() by Host > 65536\n"
		    : "title: A\nid: a\nlogsource: {product: p}\ndetection:\n  s: {A: 1}\n"
		    "  timeframe: 5m\n  condition: s | count() by Host > 65535\n");

		assert_int_equal(l.report.skipped, many);
		assert_int_equal(l.report.failed, 0);
		done(&l);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meta),
		cmocka_unit_test(test_bad_documents),
		cmocka_unit_test(test_collections),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_correlation),
		cmocka_unit_test(test_bad_correlations),
		cmocka_unit_test(test_groups_of_chains),
		cmocka_unit_test(test_thresholds_beyond_a_group),
		cmocka_unit_test(test_aggregations),
		cmocka_unit_test(test_folder),
	};

	return cmocka_run_group_tests_name("rule_load", tests, NULL, NULL);
}
