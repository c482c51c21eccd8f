/* Triage: aggregators, scores, reasons, and what the file may hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <math.h>

#include <cmocka.h>

#include "alert/doc.h"
#include "alert/triage.h"

static struct tsn_keys *keys;
static const struct tsn_source source = {.path = {"auth.log", 8}};

/* The aggregators of Apache Metron, by their definitions. */
static void
test_aggregators(void **state)
{
	static const struct {
		uint32_t count;
		double scores[4];
		double max, min, sum, mean, positive;	/* negative values do not trump */
	} cases[] = {
		{0, {0}, 0, 0, 0, 0, 0},
		{1, {10}, 10, 10, 10, 10, 10},
		{1, {-10}, 0, -10, -10, -10, 0},
		{1, {0}, 0, 0, 0, 0, 0},
		{2, {10, 20}, 20, 10, 30, 15, 15},
		{3, {10, 0, 20}, 20, 0, 30, 10, 15},
		{3, {5, 10, 0}, 10, 0, 15, 5, 7.5},
		{3, {-10, 20, 50}, 50, -10, 60, 20, 35},
		{4, {-5, -10, -1, -4}, 0, -10, -20, -5, 0},
		{2, {0.5, 0.25}, 0.5, 0.25, 0.75, 0.375, 0.375},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		const double want[] = {cases[i].max, cases[i].min, cases[i].sum, cases[i].mean,
		    cases[i].positive};
		bool negative = false;

		for (uint32_t k = 0; k < cases[i].count; k++)
			negative |= cases[i].scores[k] < 0;
		for (unsigned a = 0; a < 5; a++) {
			double plain = tsn_triage_aggregate((enum tsn_triage_aggregator)a, cases[i].scores,
			    cases[i].count, false);
			double trumped = tsn_triage_aggregate((enum tsn_triage_aggregator)a,
			    cases[i].scores, cases[i].count, true);

			if (fabs(plain - want[a]) > 1e-12)
				fail_msg("case %zu, aggregator %u: %g, expected %g", i, a, plain, want[a]);
			if (negative ? !(isinf(trumped) && trumped < 0) : fabs(trumped - want[a]) > 1e-12)
				fail_msg("case %zu, aggregator %u: negative values trump: %g", i, a, trumped);
		}
	}
}

static void
build(struct tsn_batch *b)
{
	struct tsn_event *ev;

	assert_int_equal(tsn_batch_init(b, keys, 1), TSN_OK);
	ev = tsn_batch_begin(b);
	assert_non_null(ev);
	ev->original = TSN_SLICE("line");
	ev->source = &source;
	ev->time_ns = ev->created_ns = 1700000000 * TSN_NS_PER_SEC;
	tsn_event_add_str(b, TSN_F_USER_NAME, TSN_SLICE("root"));
	tsn_event_add_str(b, TSN_F_SOURCE_IP, TSN_SLICE("192.0.2.7"));
	tsn_event_add_int(b, TSN_F_EVENT_SEVERITY, 4, TSN_SLICE_NONE);
	tsn_batch_seal(b);
}

static struct tsn_triage *
parse(const char *text)
{
	struct tsn_triage *t = NULL;
	struct tsn_err err = {0};

	if (tsn_triage_parse("t.yml", tsn_slice_cstr(text), keys, &t, &err) != TSN_OK)
		fail_msg("%s", err.msg);
	return t;
}

static const char rules[] =
    "triage:\n"
    "  aggregator: SUM\n"
    "  rules:\n"
    "  - name: root\n"
    "    comment: it matters\n"
    "    detection: {sel: {user.name: ROOT}, condition: sel}\n"
    "    score: 10\n"
    "    reason: 'user {user.name} from {source.ip}, {no.such}, {'\n"
    "  - {name: none, detection: {sel: {user.name: other}, condition: sel}, score: 100}\n"
    "  - {name: field, detection: {sel: {source.ip|cidr: 192.0.2.0/24}, condition: sel},"
    " score: '{event.severity}'}\n"
    "  - {detection: {sel: {a: b}, condition: not sel}, score: '{no.such}'}\n";

static void
test_judge(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_triage *t = parse(rules);
	struct tsn_triage_result r;

	(void)state;
	build(&b);
	assert_null(tsn_triage_risk(t));
	assert_int_equal(tsn_triage_judge(t, &b.events[0], &r), TSN_OK);
	assert_true(r.judged);
	assert_int_equal(r.match_count, 3);
	assert_true(fabs(r.score - 14) < 1e-12);
	assert_true(tsn_slice_eq(r.matches[0].name, TSN_SLICE("root")));
	assert_true(tsn_slice_eq(r.matches[0].comment, TSN_SLICE("it matters")));
	assert_true(tsn_slice_eq(r.matches[0].reason,
	    TSN_SLICE("user root from 192.0.2.7, (no no.such), {")));
	assert_true(fabs(r.matches[1].score - 4) < 1e-12);
	assert_true(fabs(r.matches[2].score) < 1e-12);
	tsn_triage_free(t);
}

static bool
has(struct tsn_slice doc, const char *text)
{
	return tsn_slice_find(doc, tsn_slice_cstr(text)) != SIZE_MAX;
}

static void
test_document(void **state)
{
	const struct tsn_rule rule = {.id = TSN_SLICE("r"), .name = TSN_SLICE("R"),
	    .level = TSN_LEVEL_HIGH};
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_alert_writer *w = tsn_alert_writer_new(keys);
	struct tsn_triage *t = parse(rules), *dismissing = parse("triage:\n  rules:\n"
	    "  - {name: no, detection: {s: {user.name: root}, condition: s}, score: -1}\n");
	struct tsn_triage *by_level = parse("risk: {scores: {high: 33.5}}\n");
	struct tsn_finding f = {.rule = &rule, .id = {1, 2}, .count = 1};
	struct tsn_alert alert;

	(void)state;
	assert_non_null(w);
	build(&b);
	f.event = &b.events[0];
	assert_int_equal(tsn_alert_write(w, &f, &alert), TSN_OK);
	assert_false(has(alert.doc, "triage"));
	tsn_alert_writer_triage(w, t);
	assert_int_equal(tsn_alert_write(w, &f, &alert), TSN_OK);
	assert_true(has(alert.doc, "\"risk_score\":14"));
	assert_true(has(alert.doc, "\"triage\":{\"score\":14,\"rules\":[{\"name\":\"root\",\"comment\":"
	    "\"it matters\",\"reason\":\"user root from 192.0.2.7, (no no.such), {\",\"score\":10},"
	    "{\"name\":\"field\",\"score\":4},{\"score\":0}]}"));
	assert_true(fabs(alert.risk - 14) < 1e-12);
	tsn_alert_writer_triage(w, dismissing);
	assert_int_equal(tsn_alert_write(w, &f, &alert), TSN_OK);
	assert_false(has(alert.doc, "risk_score"));
	assert_true(has(alert.doc, "\"triage\":{\"score\":\"-Infinity\""));
	tsn_alert_writer_triage(w, by_level);
	assert_int_equal(tsn_alert_write(w, &f, &alert), TSN_OK);
	assert_true(has(alert.doc, "\"risk_score\":33.5"));
	assert_false(has(alert.doc, "triage"));
	tsn_alert_writer_free(w);
	tsn_triage_free(t);
	tsn_triage_free(dismissing);
	tsn_triage_free(by_level);
}

static void
test_file(void **state)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{"", "t.yml:1: expected one document"},
		{"a: [", "t.yml:"},
		{"rules: []\n", "unknown key \"rules\"; known here: triage, risk"},
		{"triage: {aggregator: MEDIAN, rules: []}", "MAX, MIN, SUM, MEAN or POSITIVE_MEAN"},
		{"triage: {negative_values_trump: 1, rules: []}", "true or false"},
		{"triage: {}", "triage without rules"},
		{"triage:\n  rules:\n  - {score: 1}\n", "t.yml:3: triage rule without a detection"},
		{"triage: {rules: [{detection: {s: {a: b}, condition: s}}]}", "without a score"},
		{"triage: {rules: [{detection: {s: {a: b}, condition: s}, score: x}]}", "expected a number"},
		{"triage:\n  rules:\n  - score: 1\n    detection:\n      s: {a|nope: b}\n      condition: s\n",
		    "t.yml:5: "},
		{"triage: {rules: [{detection: {s: {a: b}, condition: t}, score: 1}]}", "\"t\""},
		{"triage: {rules: [{detection: {s: {a|re: '('}, condition: s}, score: 1}]}", "expression"},
		{"risk: {window: soon}", "a time such as 6h"},
		{"risk: {threshold: 0}", "a number above 0"},
		{"risk: {level: huge}", "informational, low"},
		{"risk: {scores: {huge: 1}}", "no level is called"},
		{"risk: {entities: []}", "a list of 1 to 8"},
		{"risk: {entities: [{name: a, fields: []}]}", "no fields"},
		{"risk: {cool: 1h}", "unknown key \"cool\""},
	};
	struct tsn_triage *t = NULL;
	const struct tsn_risk_config *c;

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(bad); i++) {
		struct tsn_err err = {0};

		assert_int_equal(tsn_triage_parse("t.yml", tsn_slice_cstr(bad[i].text), keys, &t, &err),
		    TSN_EPARSE);
		if (strstr(err.msg, bad[i].message) == NULL)
			fail_msg("%s; expected %s", err.msg, bad[i].message);
	}
	t = parse("risk:\n  window: 2h\n  cooldown: 30m\n  threshold: 7.5\n  rule_max: 5\n  level: low\n"
	    "  entities: [user.name, {name: net, fields: [source.ip, destination.ip]}]\n");
	c = tsn_triage_risk(t);
	assert_non_null(c);
	assert_int_equal(c->window_ns, 7200 * TSN_NS_PER_SEC);
	assert_int_equal(c->cooldown_ns, 1800 * TSN_NS_PER_SEC);
	assert_int_equal(c->level, TSN_LEVEL_LOW);
	assert_int_equal(c->entity_count, 2);
	assert_int_equal(c->entities[1].key_count, 4);
	tsn_triage_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aggregators),
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_file),
	};
	int failed;

	keys = tsn_keys_new();
	failed = cmocka_run_group_tests_name("alert_triage", tests, NULL, NULL);
	tsn_keys_free(keys);
	return failed;
}
