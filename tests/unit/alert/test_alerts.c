#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sqlite3.h>

#include "alert/alerts.h"

static char dir[64];

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/tocsin-alerts-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int
teardown(void **state)
{
	static const char *const files[] = {"alerts.sqlite", "alerts.sqlite-wal", "alerts.sqlite-shm"};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(files); i++) {
		char path[128];

		(void)snprintf(path, sizeof path, "%s/%s", dir, files[i]);
		(void)unlink(path);
	}
	return rmdir(dir);
}

static struct tsn_alert
sample(const char *id, int64_t time_ns, uint64_t count)
{
	return (struct tsn_alert){.id = tsn_slice_cstr(id), .rule_id = TSN_SLICE("r1"),
	    .rule_name = TSN_SLICE("Rule"), .reason = TSN_SLICE("because"), .level = 3,
	    .time_ns = time_ns, .first_seen_ns = 1, .last_seen_ns = time_ns, .count = count,
	    .doc = TSN_SLICE("{\"a\":1}")};
}

#define ID_A "0123456789abcdef0123456789abcdef"
#define ID_B "0123457700000000000000000000000f"

struct seen {
	unsigned rows;
	char first[33];
	uint64_t count;
	enum tsn_alert_status status;
	char close_reason[64];
};

static enum tsn_code
see(void *ctx, const struct tsn_alert *alert)
{
	struct seen *s = ctx;

	if (s->rows++ == 0) {
		(void)snprintf(s->first, sizeof s->first, "%.*s", TSN_SLICE_ARG(alert->id));
		s->count = alert->count;
		s->status = alert->status;
		(void)snprintf(s->close_reason, sizeof s->close_reason, "%.*s",
		    TSN_SLICE_ARG(alert->close_reason));
	}
	return TSN_OK;
}

static void
put(struct tsn_alerts *a, const char *id, int64_t time_ns, uint64_t count, bool want_new)
{
	struct tsn_alert alert = sample(id, time_ns, count);
	bool is_new = !want_new;

	assert_int_equal(tsn_alerts_put(a, &alert, &is_new, NULL), TSN_OK);
	assert_int_equal(is_new, want_new);
}

static void
test_same_id_is_one_alert(void **state)
{
	const struct tsn_alert_filter all = {.status = -1};
	struct tsn_alerts *a;
	struct seen s = {0};

	(void)state;
	assert_int_equal(tsn_alerts_open(dir, false, &a, NULL), TSN_ENOTFOUND);
	assert_int_equal(tsn_alerts_open(dir, true, &a, NULL), TSN_OK);
	put(a, ID_A, 10, 1, true);
	put(a, ID_B, 20, 1, true);
	put(a, ID_A, 30, 5, false);
	put(a, ID_A, 10, 1, false);
	assert_int_equal(tsn_alerts_commit(a, NULL), TSN_OK);
	assert_int_equal(tsn_alerts_list(a, &all, see, &s, NULL), TSN_OK);
	assert_int_equal(s.rows, 2);
	assert_string_equal(s.first, ID_A);
	assert_int_equal(s.count, 5);
	tsn_alerts_close(a);
}

static void
test_uncommitted_is_gone_committed_stays(void **state)
{
	struct tsn_alerts *a;
	uint64_t count = 9;

	(void)state;
	assert_int_equal(tsn_alerts_open(dir, true, &a, NULL), TSN_OK);
	put(a, ID_A, 10, 1, true);
	assert_int_equal(tsn_alerts_commit(a, NULL), TSN_OK);
	put(a, ID_B, 10, 1, true);
	tsn_alerts_close(a);
	assert_int_equal(tsn_alerts_open(dir, false, &a, NULL), TSN_OK);
	assert_int_equal(tsn_alerts_count(a, -1, &count, NULL), TSN_OK);
	assert_int_equal(count, 1);
	tsn_alerts_close(a);
}

static enum tsn_code
history(void *ctx, int64_t at_ns, struct tsn_slice who, struct tsn_slice what,
    struct tsn_slice reason)
{
	unsigned *rows = ctx;

	assert_true(tsn_slice_eq(who, TSN_SLICE("ana")));
	assert_int_equal(at_ns, (int64_t)++*rows);
	assert_true(what.len > 0);
	(void)reason;
	return TSN_OK;
}

static void
test_states(void **state)
{
	struct tsn_alerts *a;
	struct tsn_err err = {0};
	struct seen s = {0};
	unsigned rows = 0;

	(void)state;
	assert_int_equal(tsn_alerts_open(dir, true, &a, NULL), TSN_OK);
	put(a, ID_A, 10, 1, true);
	put(a, ID_B, 11, 1, true);
	assert_int_equal(tsn_alerts_set_status(a, TSN_SLICE("01234567"), TSN_ALERT_ACKNOWLEDGED,
	    TSN_SLICE(""), TSN_SLICE("ana"), 1, &err), TSN_OK);
	assert_int_equal(tsn_alerts_set_status(a, TSN_SLICE("01234567"), TSN_ALERT_CLOSED,
	    TSN_SLICE(" "), TSN_SLICE("ana"), 1, &err), TSN_EINVAL);
	assert_int_equal(tsn_alerts_set_status(a, TSN_SLICE("01234567"), TSN_ALERT_CLOSED,
	    TSN_SLICE("a drill"), TSN_SLICE("ana"), 2, &err), TSN_OK);
	assert_int_equal(tsn_alerts_set_status(a, TSN_SLICE("012345"), TSN_ALERT_CLOSED,
	    TSN_SLICE("x"), TSN_SLICE("ana"), 2, &err), TSN_EINVAL);
	assert_int_equal(tsn_alerts_set_status(a, TSN_SLICE("ffffff"), TSN_ALERT_CLOSED,
	    TSN_SLICE("x"), TSN_SLICE("ana"), 2, &err), TSN_ENOTFOUND);
	assert_int_equal(tsn_alerts_get(a, TSN_SLICE(ID_A), see, &s, &err), TSN_OK);
	assert_int_equal(s.status, TSN_ALERT_CLOSED);
	assert_string_equal(s.close_reason, "a drill");
	assert_int_equal(tsn_alerts_history(a, TSN_SLICE(ID_A), history, &rows, &err), TSN_OK);
	assert_int_equal(rows, 2);
	/* The same alert found again keeps what people did to it. */
	put(a, ID_A, 12, 7, false);
	s = (struct seen){0};
	assert_int_equal(tsn_alerts_get(a, TSN_SLICE(ID_A), see, &s, &err), TSN_OK);
	assert_int_equal(s.status, TSN_ALERT_CLOSED);
	assert_int_equal(s.count, 7);
	tsn_alerts_close(a);
}

static void
test_newer_version_is_refused(void **state)
{
	struct tsn_alerts *a;
	struct tsn_err err = {0};
	char path[128];
	sqlite3 *db;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/alerts.sqlite", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=99; CREATE TABLE t(x)", NULL, NULL, NULL),
	    SQLITE_OK);
	(void)sqlite3_close(db);
	assert_int_equal(tsn_alerts_open(dir, true, &a, &err), TSN_EVERSION);
	assert_non_null(strstr(err.msg, "version 99"));
}

static void
test_damaged_file_is_told(void **state)
{
	struct tsn_alerts *a;
	struct tsn_err err = {0};
	char path[128];
	FILE *f;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/alerts.sqlite", dir);
	f = fopen(path, "we");
	assert_non_null(f);
	for (int i = 0; i < 1000; i++)
		(void)fputs("not a database", f);
	(void)fclose(f);
	assert_int_equal(tsn_alerts_open(dir, true, &a, &err), TSN_EIO);
	assert_non_null(strstr(err.msg, "alerts.sqlite"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same_id_is_one_alert, setup, teardown),
		cmocka_unit_test_setup_teardown(test_uncommitted_is_gone_committed_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_states, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newer_version_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_file_is_told, setup, teardown),
	};

	return cmocka_run_group_tests_name("alert_alerts", tests, NULL, NULL);
}
