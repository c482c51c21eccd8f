/* The engine with a stage of the test's own: what fails is given again, and the ledger balances. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/engine.h"

static struct tsn_keys *keys;
static uint64_t seen, batches, commits;
static int failures;

static enum tsn_code
on_batch(void *ctx, const struct tsn_batch *batch, struct tsn_err *err)
{
	(void)ctx;
	if (failures > 0) {
		failures--;
		TSN_FAIL(err, TSN_EAGAIN, "not now");
	}
	seen += batch->count;
	batches++;
	return TSN_OK;
}

static enum tsn_code
on_commit(void *ctx, struct tsn_err *err)
{
	(void)ctx;
	(void)err;
	commits++;
	return TSN_OK;
}

static const struct tsn_engine_stage stage = {.batch = on_batch, .commit = on_commit};

static int
setup(void **state)
{
	(void)state;
	keys = tsn_keys_new();
	return keys == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	tsn_keys_free(keys);
	return 0;
}

static void
test_engine(void **state)
{
	static const char line[] = "Nov 20 10:00:00 host sshd[1]: text";
	const struct tsn_engine_options o = {.keys = keys, .detect = &stage, .batch_events = 16};
	struct tsn_engine_source from = {.source = {.path = TSN_SLICE("/a")}};
	struct tsn_ledger_row row;
	struct tsn_engine *e;
	struct tsn_err err;

	(void)state;
	assert_int_equal(tsn_engine_new(&o, &e, &err), TSN_OK);
	from.source.id = tsn_engine_source_id(e);
	from.row = tsn_ledger_row(tsn_engine_ledger(e), TSN_SLICE("/a"));
	failures = 3;
	for (uint64_t i = 0; i < 100; i++) {
		const struct tsn_record rec = {.bytes = TSN_SLICE(line), .offset = i, .line = i + 1,
			.received_ns = 1, .source = &from.source};
		enum tsn_code code;

		while ((code = tsn_engine_record(e, &from, &rec, i >= 50, &err)) == TSN_EAGAIN)
			;
		assert_int_equal(code, TSN_OK);
	}
	assert_int_equal(failures, 0);
	assert_int_equal(tsn_engine_flush(e, &err), TSN_OK);
	assert_true(tsn_engine_uncommitted(e) > 0);
	assert_true(tsn_ledger_copy(tsn_engine_ledger(e), 0, &row));
	assert_int_equal(row.received, 100);
	assert_int_equal(row.pending, 50);
	assert_int_equal(row.known, 50);
	assert_true(tsn_ledger_balances(&row));
	assert_int_equal(tsn_engine_commit(e, &err), TSN_OK);
	tsn_engine_drop(e, from.row, TSN_DROP_SOCKET, 7);
	tsn_ledger_total(tsn_engine_ledger(e), &row);
	assert_int_equal(row.stored, 50);
	assert_int_equal(row.pending, 0);
	assert_int_equal(tsn_ledger_dropped(&row), 7);
	assert_int_equal(row.received, 107);
	assert_true(tsn_ledger_balances(&row));
	assert_int_equal(seen, 100);
	assert_int_equal(commits, 1);
	tsn_engine_free(e);
}

static void
test_ledger_rows(void **state)
{
	struct tsn_ledger l;
	char name[400];

	(void)state;
	assert_int_equal(tsn_ledger_init(&l), TSN_OK);
	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = 'y';
	assert_ptr_equal(tsn_ledger_row(&l, tsn_slice_of(name, sizeof name)),
	    tsn_ledger_row(&l, tsn_slice_of(name, sizeof name)));
	assert_int_equal(l.count, 1);
	for (uint32_t i = 0; i < TSN_LEDGER_ROWS_MAX + 10; i++) {
		memcpy(name, &i, sizeof i);
		name[0] = (char)('a' + i % 26);
		name[1] = (char)('a' + i / 26 % 26);
		name[2] = (char)('a' + i / 676);
		assert_non_null(tsn_ledger_row(&l, tsn_slice_of(name, 5)));
	}
	assert_int_equal(l.count, TSN_LEDGER_ROWS_MAX);
	assert_string_equal(l.rows[l.count - 1]->name, "(others)");
	tsn_ledger_done(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine),
		cmocka_unit_test(test_ledger_rows),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
