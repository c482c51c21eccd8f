#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "query/acc.h"

/* Exact to the bound, then within the error that is promised. */
static void
test_distinct(void **state)
{
	struct tsn_acc_distinct *d = NULL;
	struct tsn_acc_env env = {.seed = 7};
	struct tsn_arena arena;
	bool estimated = false;

	(void)state;
	tsn_arena_init(&arena, 64u << 20);
	env.arena = &arena;
	assert_int_equal(tsn_distinct_count(NULL, &estimated), 0);
	for (unsigned i = 0; i < 2 * 300000; i++) {
		char text[16];
		int n = snprintf(text, sizeof text, "v%u", i / 2);

		assert_true(tsn_distinct_add(&env, &d, (struct tsn_slice){text, (size_t)n}));
		if (i == 200000) {
			assert_int_equal(tsn_distinct_count(d, &estimated), 100001);
			assert_false(estimated);
		}
	}
	assert_true(fabs((double)tsn_distinct_count(d, &estimated) / 300000 - 1) < 0.03);
	assert_true(estimated);
	tsn_arena_done(&arena);
}

static void
test_percentiles(void **state)
{
	struct tsn_acc_numbers *n = NULL;
	struct tsn_acc_env env = {.seed = 7};
	struct tsn_arena arena;
	bool estimated = false;

	(void)state;
	tsn_arena_init(&arena, 64u << 20);
	env.arena = &arena;
	/* a permutation of 0 .. 1299999, half of it negative */
	for (uint64_t i = 0; i < 1300000; i++) {
		assert_true(tsn_numbers_add(&env, &n, (double)(i * 7919 % 1300000) - 650000));
		if (i == 999)
			assert_true(tsn_numbers_percentile(n, 100, &estimated) <= 650000 && !estimated);
	}
	for (double p = 1; p < 100; p += 7) {
		double want = p / 100 * 1299999 - 650000, got = tsn_numbers_percentile(n, p, &estimated);

		assert_true(fabs(got - want) <= fabs(want) * 0.0055 + 1);
	}
	assert_true(estimated);
	assert_true(tsn_numbers_percentile(n, 0, &estimated) <= -649999);
	assert_true(tsn_numbers_percentile(n, 100, &estimated) >= 646000);
	tsn_arena_done(&arena);
}

static void
test_sums(void **state)
{
	struct tsn_acc_env env = {.seed = 7};
	struct tsn_agg sum = {.op = TSN_AGG_SUM};
	struct tsn_arena arena;
	struct tsn_acc acc = {0};
	struct tsn_cell cell;

	(void)state;
	tsn_arena_init(&arena, 1u << 20);
	env.arena = &arena;
	cell = tsn_cell_int(INT64_MAX);
	assert_true(tsn_acc_take(&env, sum.op, &acc, &cell));
	assert_true(tsn_acc_result(&env, &sum, &acc, &cell));
	assert_int_equal(cell.type, TSN_V_INT);
	assert_true(cell.u.i == INT64_MAX);
	cell = tsn_cell_int(INT64_MAX);
	assert_true(tsn_acc_take(&env, sum.op, &acc, &cell));
	assert_true(tsn_acc_result(&env, &sum, &acc, &cell));
	assert_int_equal(cell.type, TSN_V_FLOAT);
	assert_true(fabs(cell.u.d / 18446744073709551614.0 - 1) < 1e-12);
	/* compensated: what a plain sum loses */
	acc = (struct tsn_acc){0};
	cell = tsn_cell_float(1e16);
	assert_true(tsn_acc_take(&env, sum.op, &acc, &cell));
	for (int i = 0; i < 1000; i++) {
		cell = tsn_cell_float(0.5);
		assert_true(tsn_acc_take(&env, sum.op, &acc, &cell));
	}
	assert_true(tsn_acc_result(&env, &sum, &acc, &cell));
	assert_true(fabs(cell.u.d - (1e16 + 500)) < 2.1);
	tsn_arena_done(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distinct),
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_sums),
	};

	return cmocka_run_group_tests_name("query_acc", tests, NULL, NULL);
}
