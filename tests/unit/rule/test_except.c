/* Exceptions: read, and attached to the rules they name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "rule/load.h"

#define RULES \
	"title: one\nid: r1\nname: one\ntags: [attack.t1110]\nlogsource: {product: p}\n" \
	"detection: {s: {A: 1}, condition: s}\n---\n" \
	"title: counts\nid: r2\ntags: [attack.t1110, attack.T1078]\nlogsource: {product: p}\n" \
	"detection: {s: {A: 1}, timeframe: 5m, condition: s | count() by User > 3}\n---\n" \
	"title: groups\nid: r3\nlogsource: {product: p}\n" \
	"detection: {s: {A: 1}, condition: s}\ntocsin: {suppress: {by: [User], for: 1h}}\n---\n" \
	"title: windows\nid: r4\ncorrelation: {type: event_count, rules: [one], group-by: [User, Host]," \
	" timespan: 5m, condition: {gte: 3}}\ntocsin: {suppress: {by: [User], for: 1h}}\n---\n"

#define EXCEPTION(scope, what) \
	"id: x\nreason: r\nauthor: a\ncreated: 2026-01-01\nexpires: never\n" \
	"exception: {" scope ", s: {" what "}, condition: s}\n"

struct loaded {
	struct tsn_loader *loader;
	struct tsn_ruleset *set;
	struct tsn_rule_report report;
};

static struct loaded
load(const char *rules, const char *exceptions, bool trial)
{
	struct loaded l = {.loader = tsn_loader_new()};
	char text[8192];

	assert_non_null(l.loader);
	if (trial)
		tsn_loader_set_trial(l.loader);
	(void)snprintf(text, sizeof text, "%s%s", rules, exceptions);
	assert_int_equal(tsn_loader_add_text(l.loader, TSN_SLICE("d/f.yml"), TSN_SLICE("d"),
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

/* The ids of the rules that have an exception, each followed by a blank. */
static void
attached(const struct loaded *l, char *out, size_t cap)
{
	size_t at = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < l->set->count; i++)
		if (l->set->rules[i].exception_count > 0)
			at += (size_t)snprintf(out + at, cap - at, "%.*s ",
			    TSN_SLICE_ARG(l->set->rules[i].id));
}

static void
test_scope(void **state)
{
	static const struct {
		const char *exception, *rules;
	} cases[] = {
		{EXCEPTION("rules: [r1]", "A: 1"), "r1 "},
		{EXCEPTION("rules: one", "A: 1"), "r1 "},
		{EXCEPTION("rules: [one, r1]", "A: 1"), "r1 "},
		/* What a rule was cut into judges its single events. */
		{EXCEPTION("rules: [r2]", "B: 1"), "r2/events "},
		{EXCEPTION("rules: [counts]", "B: 1"), "r2/events "},
		{EXCEPTION("rules: [r3]", "B: 1"), "r3/events "},
		{EXCEPTION("rules: [r4]", "Host: h"), "r4/windows "},
		{EXCEPTION("tags: attack.t1110", "A: 1"), "r1 r2/events "},
		{EXCEPTION("tags: [attack.t1078]", "A: 1"), "r2/events "},
		{EXCEPTION("rules: any", "A: 1"), "r1 r2/events r3/events "},
		{EXCEPTION("rules: any", "User: u"), "r1 r2/events r3/events r4/windows "},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		struct loaded l = load(RULES, cases[i].exception, false);
		char got[200];

		attached(&l, got, sizeof got);
		if (strcmp(got, cases[i].rules) != 0 || l.report.failed != 0)
			fail_msg("case %zu: %s; expected %s; %u failed", i, got, cases[i].rules,
			    l.report.failed);
		assert_int_equal(l.report.exceptions, 1);
		done(&l);
	}
}

static void
test_refused(void **state)
{
	static const struct {
		const char *exception, *message;
	} cases[] = {
		{EXCEPTION("rules: [r9]", "A: 1"), "\"r9\", which is not loaded"},
		{EXCEPTION("rules: [r4]", "A: 1"), "asks for \"A\""},
		{EXCEPTION("tags: [attack.t1]", "A: 1"), "which no rule has"},
		{EXCEPTION("rules: []", "A: 1"), "exception of no rule"},
		{EXCEPTION("rules: [r1]", "A|nope: 1"), "nope"},
		{"exception: [1]\nid: x\n", "without \"reason\""},
		{"exception: 7\n", "without \"id\""},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		struct loaded l = load(RULES, cases[i].exception, false);
		char message[600];

		assert_int_equal(l.report.failed, 1);
		assert_int_equal(l.report.exceptions, 0);
		(void)snprintf(message, sizeof message, "%.*s",
		    TSN_SLICE_ARG(l.report.problems[0].message));
		if (strstr(message, cases[i].message) == NULL)
			fail_msg("%s; expected %s", message, cases[i].message);
		done(&l);
	}
}

static void
test_times_and_texts(void **state)
{
	struct loaded l = load(RULES, "id: x\ntitle: t\nreason: why\nauthor: who\n"
	    "created: 2026-01-01T10:00:00+02:00\nexpires: 2026-02-01\n"
	    "exception: {rules: [r1], s: {A: 1}, condition: s}\n", false);
	const struct tsn_exception *x = l.set->exceptions[0];

	(void)state;
	assert_int_equal(l.set->exception_count, 1);
	assert_true(tsn_slice_eq(x->title, TSN_SLICE("t")));
	assert_true(tsn_slice_eq(x->reason, TSN_SLICE("why")));
	assert_true(tsn_slice_eq(x->author, TSN_SLICE("who")));
	assert_int_equal(x->created_ns, (tsn_time_days(2026, 1, 1) * 24 + 8) * 3600 * TSN_NS_PER_SEC);
	assert_int_equal(x->expires_ns, tsn_time_days(2026, 2, 1) * TSN_NS_PER_DAY);
	assert_int_equal(x->rule_count, 1);
	assert_ptr_equal(l.set->rules[0].exceptions[0], x);
	done(&l);
}

static void
test_trial(void **state)
{
	struct loaded l = load("", EXCEPTION("rules: [r9]", "A: 1"), true);

	(void)state;
	assert_int_equal(l.report.failed, 0);
	assert_int_equal(l.set->exception_count, 1);
	assert_int_equal(l.set->exceptions[0]->rule_count, 0);
	done(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scope),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_times_and_texts),
		cmocka_unit_test(test_trial),
	};

	return cmocka_run_group_tests_name("rule_except", tests, NULL, NULL);
}
