#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void
test_append(void **state)
{
	struct tsn_buf b TSN_CLEANUP(tsn_buf_done) = {0};

	(void)state;
	tsn_buf_init(&b, 1u << 20);
	tsn_buf_lit(&b, "a");
	tsn_buf_printf(&b, "-%d-%s", 42, "x");
	tsn_buf_u64(&b, UINT64_MAX);
	tsn_buf_i64(&b, INT64_MIN);
	assert_int_equal(tsn_buf_check(&b), TSN_OK);
	assert_true(tsn_slice_eq(tsn_buf_get(&b),
	    TSN_SLICE("a-42-x18446744073709551615-9223372036854775808")));
}

static void
test_maximum_sticks(void **state)
{
	struct tsn_buf b TSN_CLEANUP(tsn_buf_done) = {0};

	(void)state;
	tsn_buf_init(&b, 10);
	tsn_buf_add(&b, "1234567890", 10);
	assert_int_equal(tsn_buf_check(&b), TSN_OK);
	tsn_buf_char(&b, 'x');
	assert_int_equal(tsn_buf_check(&b), TSN_ELIMIT);
	assert_int_equal(b.len, 10);
	tsn_buf_reset(&b);
	tsn_buf_char(&b, 'x');
	assert_int_equal(tsn_buf_check(&b), TSN_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_maximum_sticks),
	};

	return cmocka_run_group_tests_name("base_buf", tests, NULL, NULL);
}
