#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"

static void
test_find(void **state)
{
	(void)state;
	assert_int_equal(tsn_slice_find(TSN_SLICE("abcabc"), TSN_SLICE("ca")), 2);
	assert_true(tsn_slice_find(TSN_SLICE("abc"), TSN_SLICE("abcd")) == SIZE_MAX);
	assert_true(tsn_slice_find_char(TSN_SLICE_NONE, 'x') == SIZE_MAX);
	assert_true(tsn_slice_eq(tsn_slice_trim(TSN_SLICE(" \t a b\r\n")), TSN_SLICE("a b")));
	assert_true(tsn_slice_eq_nocase(TSN_SLICE("RooT"), TSN_SLICE("root")));
	assert_false(tsn_slice_eq_nocase(TSN_SLICE("[oot"), TSN_SLICE("{oot")));
	assert_true(tsn_slice_ends(TSN_SLICE("cmd.exe"), TSN_SLICE(".exe")));
	assert_int_equal(tsn_slice_from(TSN_SLICE("ab"), 9).len, 0);
}

static void
test_escape_is_safe_and_bounded(void **state)
{
	char out[16];

	(void)state;
	assert_string_equal(tsn_slice_escape(TSN_SLICE("a\n\x1b"), out, sizeof out), "a\\x0a\\x1b");
	assert_string_equal(tsn_slice_escape(TSN_SLICE("0123456789abcdefghij"), out, sizeof out),
	    "0123456789ab...");
	assert_string_equal(tsn_slice_escape(TSN_SLICE("abc"), out, 1), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_escape_is_safe_and_bounded),
	};

	return cmocka_run_group_tests_name("base_slice", tests, NULL, NULL);
}
