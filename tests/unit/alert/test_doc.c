#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alert/doc.h"
#include "rule/correlation.h"

static struct tsn_keys *keys;
static const struct tsn_source source = {.path = {"auth.log", 8}};

static void
build(struct tsn_batch *b)
{
	struct tsn_event *ev;

	assert_int_equal(tsn_batch_init(b, keys, 1), TSN_OK);
	ev = tsn_batch_begin(b);
	assert_non_null(ev);
	ev->original = TSN_SLICE("line \"quoted\"");
	ev->source = &source;
	ev->time_ns = ev->created_ns = 1700000000 * TSN_NS_PER_SEC;
	ev->line = 7;
	tsn_event_add_str(b, TSN_F_USER_NAME, TSN_SLICE("root"));
	tsn_event_add_str(b, TSN_F_SOURCE_IP, TSN_SLICE("192.0.2.7"));
	tsn_event_add_str(b, TSN_F_EVENT_KIND, TSN_SLICE("event"));
	tsn_event_append_str(b, TSN_F_TAGS, TSN_SLICE("t"));
	tsn_batch_seal(b);
}

static bool
has(struct tsn_slice doc, const char *text)
{
	return tsn_slice_find(doc, tsn_slice_cstr(text)) != SIZE_MAX;
}

static void
test_single_event(void **state)
{
	struct tsn_slice tags[] = {TSN_SLICE("attack.t1110.001"), TSN_SLICE("attack.credential-access"),
	    TSN_SLICE("cve.2024-1")};
	struct tsn_slice references[] = {TSN_SLICE("https://example.org/a")};
	const struct tsn_rule rule = {.id = TSN_SLICE("r-1"), .name = TSN_SLICE("Root login"),
	    .version = TSN_SLICE("2026-01-01"), .ruleset = TSN_SLICE("mine"), .level = TSN_LEVEL_HIGH,
	    .tags = tags, .tag_count = 3, .references = references, .reference_count = 1};
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_alert_writer *w = tsn_alert_writer_new(keys);
	struct tsn_finding f = {.rule = &rule, .id = {1, 2}, .count = 1};
	struct tsn_alert alert;

	(void)state;
	assert_non_null(w);
	build(&b);
	f.event = &b.events[0];
	f.first_seen_ns = f.last_seen_ns = b.events[0].time_ns;
	assert_int_equal(tsn_alert_write(w, &f, &alert), TSN_OK);
	assert_true(tsn_slice_eq(alert.id, TSN_SLICE("00000000000000010000000000000002")));
	assert_true(tsn_slice_eq(alert.reason, TSN_SLICE("Root login: user.name root, source.ip 192.0.2.7")));
	assert_true(has(alert.doc, "\"@timestamp\":\"2023-11-14T22:13:20.000Z\""));
	assert_true(has(alert.doc, "\"kind\":\"alert\""));
	assert_false(has(alert.doc, "\"kind\":\"event\""));
	assert_true(has(alert.doc, "\"technique\":{\"id\":[\"T1110.001\"]}"));
	assert_true(has(alert.doc, "\"tactic\":{\"name\":[\"Credential Access\"]}"));
	assert_true(has(alert.doc, "\"severity\":4"));
	assert_true(has(alert.doc, "\"level\":\"high\""));
	assert_true(has(alert.doc, "\"line\":7"));
	assert_true(has(alert.doc, "\"tags\":[\"t\"]"));
	assert_true(has(alert.doc, "line \\\"quoted\\\""));
	tsn_alert_writer_free(w);
}

static void
test_correlation_has_no_fields_of_one_event(void **state)
{
	const struct tsn_correlation correlation = {.type = TSN_CORR_EVENT_COUNT};
	const struct tsn_rule rule = {.id = TSN_SLICE("c-1"), .name = TSN_SLICE("Many"),
	    .correlation = &correlation};
	const struct tsn_finding_group group = {TSN_SLICE("source.ip"), TSN_SLICE("192.0.2.7")};
	const uint64_t events[2][2] = {{1, 1}, {2, 2}};
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_alert_writer *w = tsn_alert_writer_new(keys);
	struct tsn_finding f = {.rule = &rule, .id = {1, 2}, .count = 9, .group = &group,
	    .group_count = 1, .events = events, .event_count = 2, .first_seen_ns = 1,
	    .last_seen_ns = 2, .reason = TSN_SLICE("9 times in 5 minutes")};
	struct tsn_alert alert;

	(void)state;
	assert_non_null(w);
	build(&b);
	f.event = &b.events[0];
	assert_int_equal(tsn_alert_write(w, &f, &alert), TSN_OK);
	assert_true(has(alert.doc, "\"reason\":\"Many: 9 times in 5 minutes\""));
	assert_true(has(alert.doc, "\"group\":{\"source\":{\"ip\":\"192.0.2.7\"}}"));
	assert_true(has(alert.doc, "\"count\":9"));
	assert_true(has(alert.doc, "00000000000000020000000000000002"));
	assert_false(has(alert.doc, "\"original\""));
	tsn_alert_writer_free(w);
}

static void
test_levels(void **state)
{
	(void)state;
	assert_int_equal(tsn_alert_level_find(TSN_SLICE("HIGH")), TSN_LEVEL_HIGH);
	assert_int_equal(tsn_alert_level_find(TSN_SLICE("none")), -1);
	assert_string_equal(tsn_alert_level_name(TSN_LEVEL_CRITICAL), "critical");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single_event),
		cmocka_unit_test(test_correlation_has_no_fields_of_one_event),
		cmocka_unit_test(test_levels),
	};
	int failed;

	keys = tsn_keys_new();
	failed = keys == NULL ? 1 : cmocka_run_group_tests_name("alert_doc", tests, NULL, NULL);
	tsn_keys_free(keys);
	return failed;
}
