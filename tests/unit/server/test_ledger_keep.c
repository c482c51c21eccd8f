/* The ledger over restarts: what was in the last commit is there again, no more and no less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/ledger_keep.h"

static char dir[64];
static struct tsn_keys *keys;

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/tocsin-ledger-XXXXXX");
	keys = tsn_keys_new();
	return mkdtemp(dir) == NULL || keys == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	tsn_keys_free(keys);
	(void)snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command); /* NOLINT: of the test's own folder */
}

static void
open_both(struct tsn_store **store, struct tsn_ledger *ledger)
{
	struct tsn_err err = {0};

	assert_int_equal(tsn_store_open(dir, keys, NULL, store, &err), TSN_OK);
	assert_int_equal(tsn_ledger_init(ledger), TSN_OK);
	assert_int_equal(tsn_ledger_load(ledger, *store, &err), TSN_OK);
}

static void
test_rows_go_on(void **state)
{
	struct tsn_ledger ledger;
	struct tsn_ledger_row *row, total;
	struct tsn_store *store;
	char longest[400];

	(void)state;
	open_both(&store, &ledger);
	row = tsn_ledger_row(&ledger, TSN_SLICE("udp 127.0.0.1:514 from 10.0.0.7"));
	row->received = 100;
	row->pending = 90;
	row->pending_failed = 7;
	row->dropped[TSN_DROP_SOCKET] = 10;
	row->bytes = 12345;
	row->last_seen_ns = 1700000000000000001;
	row->offset = 77;
	memset(longest, 'x', sizeof longest);
	row = tsn_ledger_row(&ledger, tsn_slice_of(longest, sizeof longest));
	row->received = row->known = 5;
	assert_int_equal(tsn_ledger_save(&ledger, store, NULL), TSN_OK);
	assert_int_equal(tsn_store_commit(store, NULL), TSN_OK);
	tsn_ledger_commit(&ledger);
	/* Not in a commit: gone with the crash. */
	row->received = row->known = 6;
	tsn_ledger_done(&ledger);
	assert_int_equal(tsn_store_close(store, NULL), TSN_OK);

	open_both(&store, &ledger);
	assert_int_equal(ledger.count, 2);
	row = tsn_ledger_row(&ledger, TSN_SLICE("udp 127.0.0.1:514 from 10.0.0.7"));
	assert_int_equal(row->received, 100);
	assert_int_equal(row->stored, 83);
	assert_int_equal(row->failed, 7);
	assert_int_equal(row->pending, 0);
	assert_int_equal(row->dropped[TSN_DROP_SOCKET], 10);
	assert_int_equal(row->bytes, 12345);
	assert_true(row->last_seen_ns == 1700000000000000001);
	assert_int_equal(row->offset, 77);
	tsn_ledger_total(&ledger, &total);
	assert_int_equal(total.received, 105);
	assert_true(tsn_ledger_balances(&total));
	/* Again, sealed into segments: the notes move to the manifest. */
	row->received = row->stored = 1u << 20;
	row->failed = 0;
	row->dropped[TSN_DROP_SOCKET] = 0;
	assert_int_equal(tsn_ledger_save(&ledger, store, NULL), TSN_OK);
	assert_int_equal(tsn_store_seal(store, NULL), TSN_OK);
	tsn_ledger_done(&ledger);
	assert_int_equal(tsn_store_close(store, NULL), TSN_OK);
	open_both(&store, &ledger);
	row = tsn_ledger_row(&ledger, TSN_SLICE("udp 127.0.0.1:514 from 10.0.0.7"));
	assert_int_equal(row->stored, 1u << 20);
	assert_int_equal(row->failed, 0);
	assert_int_equal(row->dropped[TSN_DROP_SOCKET], 0);
	tsn_ledger_done(&ledger);
	assert_int_equal(tsn_store_close(store, NULL), TSN_OK);
}

static void
test_run_note(void **state)
{
	struct tsn_ledger ledger;
	struct tsn_store *store;
	struct tsn_run_note note;

	(void)state;
	open_both(&store, &ledger);
	note = tsn_run_note_load(store);
	assert_true(note.closed);
	for (int64_t i = 1; i < 4; i++) {
		note = (struct tsn_run_note){.last_ns = i, .closed = i == 3};
		assert_int_equal(tsn_run_note_save(store, &note, NULL), TSN_OK);
		assert_int_equal(tsn_store_commit(store, NULL), TSN_OK);
		note = tsn_run_note_load(store);
		assert_true(note.last_ns == i && note.closed == (i == 3));
	}
	tsn_ledger_done(&ledger);
	assert_int_equal(tsn_store_close(store, NULL), TSN_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rows_go_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_run_note, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
