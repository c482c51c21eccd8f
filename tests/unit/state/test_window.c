#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/time.h"
#include "state/window.h"

#define SEC TSN_NS_PER_SEC

static struct tsn_window *
make(int64_t span_ns, uint32_t keys_max)
{
	struct tsn_window *w =
	    tsn_window_new(&(struct tsn_window_options){.span_ns = span_ns, .keys_max = keys_max});

	assert_non_null(w);
	return w;
}

static void
test_window_edges(void **state)
{
	struct tsn_window *w = make(300 * SEC, 10);

	(void)state;
	assert_int_equal(tsn_window_add(w, TSN_SLICE("a"), 0, 1, 1), TSN_OK);
	assert_int_equal(tsn_window_add(w, TSN_SLICE("a"), 100 * SEC, 3, 2), TSN_OK);
	assert_int_equal(tsn_window_sum(w, TSN_SLICE("a"), 299 * SEC), 4);
	assert_int_equal(tsn_window_sum(w, TSN_SLICE("a"), 300 * SEC), 3);
	assert_int_equal(tsn_window_sum(w, TSN_SLICE("a"), 99 * SEC), 1);
	assert_int_equal(tsn_window_sum(w, TSN_SLICE("b"), 0), 0);
	assert_int_equal(tsn_window_distinct(w, TSN_SLICE("a"), 100 * SEC), 2);
	assert_int_equal(tsn_window_first(w, TSN_SLICE("a"), 100 * SEC), 0);
	assert_true(tsn_window_first(w, TSN_SLICE("b"), 0) == TSN_TIME_NONE);
	tsn_window_free(w);
}

static void
test_any_order_same_answer(void **state)
{
	static const int64_t times[][4] = {{1, 2, 3, 4}, {4, 3, 2, 1}, {2, 4, 1, 3}};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(times); i++) {
		struct tsn_window *w = make(3 * SEC, 10);

		for (size_t j = 0; j < 4; j++)
			assert_int_equal(tsn_window_add(w, TSN_SLICE("a"), times[i][j] * SEC, 1, 1), TSN_OK);
		assert_int_equal(tsn_window_sum(w, TSN_SLICE("a"), 4 * SEC), 3);
		tsn_window_free(w);
	}
}

static void
test_eviction_is_counted_and_oldest_first(void **state)
{
	struct tsn_window *w = make(300 * SEC, 100);
	char key[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int n = snprintf(key, sizeof key, "k%d", i);

		assert_int_equal(tsn_window_add(w, tsn_slice_of(key, (size_t)n), SEC, 1, 1), TSN_OK);
		assert_int_equal(tsn_window_sum(w, TSN_SLICE("k0"), SEC), 1);
	}
	assert_int_equal(tsn_window_keys(w), 100);
	assert_int_equal(tsn_window_evicted(w), 900);
	assert_int_equal(tsn_window_sum(w, TSN_SLICE("k999"), SEC), 1);
	assert_int_equal(tsn_window_sum(w, TSN_SLICE("k1"), SEC), 0);
	tsn_window_free(w);
}

static void
test_entries_are_bounded(void **state)
{
	struct tsn_window *w = make(300 * SEC, 10);

	(void)state;
	for (int i = 0; i < 5000; i++)
		assert_int_equal(tsn_window_add(w, TSN_SLICE("a"), SEC, 1, (uint64_t)i), TSN_OK);
	assert_int_equal(tsn_window_sum(w, TSN_SLICE("a"), SEC), TSN_WINDOW_ENTRIES_MAX);
	assert_int_equal(tsn_window_distinct(w, TSN_SLICE("a"), SEC), TSN_WINDOW_ENTRIES_MAX);
	tsn_window_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window_edges),
		cmocka_unit_test(test_any_order_same_answer),
		cmocka_unit_test(test_eviction_is_counted_and_oldest_first),
		cmocka_unit_test(test_entries_are_bounded),
	};

	return cmocka_run_group_tests_name("state_window", tests, NULL, NULL);
}
