#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/limits.h"
#include "event/key.h"

static void
test_wellknown_and_parents(void **state)
{
	struct tsn_keys *k = tsn_keys_new();
	tsn_key key;

	(void)state;
	assert_non_null(k);
	assert_int_equal(tsn_keys_find(k, TSN_SLICE("source.ip")), TSN_F_SOURCE_IP);
	assert_true(tsn_slice_eq(tsn_keys_name(k, TSN_F_WINLOG_EVENT_DATA), TSN_SLICE("winlog.event_data")));
	assert_int_equal(tsn_keys_parent(k, TSN_F_WINLOG_EVENT_DATA), TSN_F_WINLOG);
	key = tsn_keys_child(k, TSN_F_WINLOG_EVENT_DATA, TSN_SLICE("Image"));
	assert_int_equal(key, tsn_keys_intern(k, TSN_SLICE("winlog.event_data.Image")));
	assert_true(tsn_keys_under(k, key, TSN_F_WINLOG));
	assert_false(tsn_keys_under(k, key, TSN_F_SURICATA_EVE));
	assert_int_equal(tsn_keys_intern(k, TSN_SLICE("")), TSN_KEY_NONE);
	assert_int_equal(tsn_keys_find(k, TSN_SLICE("no.such")), TSN_KEY_NONE);
	tsn_keys_free(k);
}

static void
test_table_is_bounded(void **state)
{
	struct tsn_keys *k = tsn_keys_new();
	unsigned refused = 0;

	(void)state;
	assert_non_null(k);
	for (unsigned i = 0; i < TSN_KEYS_MAX + 100; i++) {
		char name[32];
		int n = snprintf(name, sizeof name, "f%u", i);

		if (tsn_keys_intern(k, tsn_slice_of(name, (size_t)n)) == TSN_KEY_NONE)
			refused++;
	}
	assert_true(refused >= 100);
	assert_int_equal(tsn_keys_count(k), TSN_KEYS_MAX);
	assert_int_equal(tsn_keys_find(k, TSN_SLICE("source.ip")), TSN_F_SOURCE_IP);
	tsn_keys_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wellknown_and_parents),
		cmocka_unit_test(test_table_is_bounded),
	};

	return cmocka_run_group_tests_name("event_key", tests, NULL, NULL);
}
