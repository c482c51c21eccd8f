/* The stage of rules: what detection gives up is told, late events are counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/time.h"
#include "os/clock.h"
#include "server/detection.h"

static const char rules_text[] =
    "title: failed\n"
    "id: t.failed\n"
    "name: failed\n"
    "logsource: {product: linux, service: sshd}\n"
    "taxonomy: tocsin\n"
    "detection: {s: {event.action: ssh_login}, condition: s}\n"
    "---\n"
    "title: many\n"
    "id: t.many\n"
    "correlation:\n"
    "  type: event_count\n"
    "  rules: [failed]\n"
    "  group-by: [source.ip]\n"
    "  timespan: 1h\n"
    "  condition: {gte: 100}\n";

struct seen {
	uint64_t evicted, evicted_new, count;
};

static enum tsn_code
each(void *ctx, const struct tsn_alert *alert, bool is_new)
{
	struct seen *s = ctx;

	if (!tsn_slice_eq(alert->rule_id, TSN_SLICE("tocsin.health.state_evicted")))
		return TSN_OK;
	s->evicted++;
	s->evicted_new += is_new;
	s->count = alert->count;
	assert_true(tsn_slice_find(alert->doc, TSN_SLICE("t.many")) != SIZE_MAX);
	return TSN_OK;
}

static void
feed(struct tsn_engine *e, struct tsn_engine_source *from, unsigned number, unsigned minute)
{
	static int64_t base_ns;
	char line[200], at[TSN_TIME_TEXT_MAX];
	struct tsn_err err = {0};
	int len;
	struct tsn_record rec = {.bytes = {line, 0}, .offset = number, .line = number + 1,
	    .received_ns = tsn_clock_real_ns(), .source = &from->source};

	if (base_ns == 0)
		base_ns = rec.received_ns / TSN_NS_PER_SEC * TSN_NS_PER_SEC - 7200 * TSN_NS_PER_SEC;
	(void)tsn_time_format(base_ns + (minute * 60 + number % 60) * TSN_NS_PER_SEC, at);
	len = snprintf(line, sizeof line, "%s web sshd[%u]: Failed password for root from 10.%u.%u.%u "
	    "port 4000 ssh2", at, number, number >> 16, number >> 8 & 255, number & 255);
	rec.bytes.len = (size_t)len;
	assert_int_equal(tsn_engine_record(e, from, &rec, false, &err), TSN_OK);
	assert_int_equal(tsn_engine_flush(e, &err), TSN_OK);
}

static void
test_evicted_and_late(void **state)
{
	char dir[] = "/tmp/tocsin-unit-XXXXXX", path[64];
	const char *rules[] = {path};
	struct seen seen = {0};
	struct tsn_keys *keys = tsn_keys_new();
	struct tsn_detection_options o = {.keys = keys, .data_dir = dir, .rules = rules,
	    .rule_count = 1, .live = true, .state_bytes = 50000, .each = each, .ctx = &seen};
	struct tsn_engine_options eo = {.keys = keys};
	struct tsn_engine_source from = {.source = {.path = TSN_SLICE("/a")}};
	struct tsn_detection *d;
	struct tsn_detection_read got;
	struct tsn_engine *e;
	struct tsn_err err = {0};
	struct tsn_buf text;
	uint64_t late;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/r.yml", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(rules_text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(tsn_detection_new(&o, &d, &err), TSN_OK);
	eo.detect = tsn_detection_stage(d);
	assert_int_equal(tsn_engine_new(&eo, &e, &err), TSN_OK);
	from.source.id = tsn_engine_source_id(e);
	from.row = tsn_ledger_row(tsn_engine_ledger(e), TSN_SLICE("/a"));
	for (unsigned i = 0; i < 600; i++)
		feed(e, &from, i, 1 + i / 60);
	assert_int_equal(tsn_engine_commit(e, &err), TSN_OK);
	assert_int_equal(seen.evicted, 1);
	assert_int_equal(seen.evicted_new, 1);
	assert_true(seen.count > 100 && seen.count < 600);
	assert_int_equal(tsn_engine_commit(e, &err), TSN_OK);
	assert_int_equal(seen.evicted, 1);
	tsn_buf_init(&text, 1u << 20);
	tsn_detection_metrics(d, &text);
	assert_true(tsn_slice_find(tsn_buf_get(&text),
	    TSN_SLICE("tocsin_correlation_evicted_total{rule=\"t.many\"} ")) != SIZE_MAX);
	tsn_buf_done(&text);
	late = from.row->late;
	feed(e, &from, 700, 0);
	feed(e, &from, 701, 30);
	assert_int_equal(from.row->late, late + 1);
	/* A broken file changes nothing; a sound one does. */
	f = fopen(path, "a");
	assert_non_null(f);
	assert_true(fputs("---\ntitle: broken\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(tsn_detection_reload(d, 1000, &got, &err), TSN_EPARSE);
	assert_true(strstr(err.msg, "r.yml:") != NULL);
	feed(e, &from, 702, 30);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(rules_text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(tsn_detection_reload(d, 1000, &got, &err), TSN_OK);
	feed(e, &from, 703, 30);
	tsn_engine_free(e);
	tsn_detection_free(d);
	tsn_keys_free(keys);
	(void)unlink(path);
	(void)snprintf(path, sizeof path, "%s/alerts.sqlite", dir);
	(void)unlink(path);
	(void)rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_evicted_and_late)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
