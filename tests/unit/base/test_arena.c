#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "torture.h"

static void
test_cap_is_hard(void **state)
{
	struct tsn_arena a TSN_CLEANUP(tsn_arena_done) = {0};

	(void)state;
	tsn_arena_init(&a, 1000);
	assert_non_null(tsn_arena_alloc(&a, 1));
	assert_non_null(tsn_arena_alloc(&a, 480));
	assert_null(tsn_arena_alloc(&a, 1001));
	assert_null(tsn_arena_alloc(&a, SIZE_MAX));
	assert_null(tsn_arena_alloc(&a, SIZE_MAX - 7));
	assert_true(a.held <= 1000);
}

static void
test_reset_reuses_chunks(void **state)
{
	struct tsn_arena a TSN_CLEANUP(tsn_arena_done) = {0};
	size_t held;

	(void)state;
	tsn_arena_init(&a, 64u << 20);
	for (int i = 0; i < 100000; i++)
		assert_non_null(tsn_arena_alloc(&a, 100));
	held = a.held;
	tsn_arena_reset(&a);
	for (int i = 0; i < 100000; i++)
		assert_non_null(tsn_arena_alloc(&a, 100));
	assert_int_equal(a.held, held);
}

static void
test_alignment_and_dup(void **state)
{
	struct tsn_arena a TSN_CLEANUP(tsn_arena_done) = {0};
	struct tsn_slice s;

	(void)state;
	tsn_arena_init(&a, 4096);
	for (size_t n = 0; n < 20; n++)
		assert_int_equal((uintptr_t)tsn_arena_alloc(&a, n) % 8, 0);
	s = tsn_arena_dup(&a, TSN_SLICE("text"));
	assert_memory_equal(s.ptr, "text", 5);
	assert_int_equal(tsn_arena_dup(&a, TSN_SLICE_NONE).len, 0);
}

static enum tsn_code
one_alloc(void)
{
	struct tsn_arena a TSN_CLEANUP(tsn_arena_done) = {0};

	tsn_arena_init(&a, 4096);
	return tsn_arena_alloc(&a, 10) == NULL ? TSN_ENOMEM : TSN_OK;
}

static void
test_survives_oom(void **state)
{
	(void)state;
	assert_int_equal(torture_run(one_alloc), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cap_is_hard),
		cmocka_unit_test(test_reset_reuses_chunks),
		cmocka_unit_test(test_alignment_and_dup),
		cmocka_unit_test(test_survives_oom),
	};

	return cmocka_run_group_tests_name("base_arena", tests, NULL, NULL);
}
