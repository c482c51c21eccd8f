#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec/hex.h"

static void
test_round_trip(void **state)
{
	char text[8], back[4];

	(void)state;
	tsn_hex_encode(TSN_SLICE("\x00\x7f\xff\x1a"), false, text);
	assert_memory_equal(text, "007fff1a", 8);
	tsn_hex_encode(TSN_SLICE("\x00\x7f\xff\x1a"), true, text);
	assert_memory_equal(text, "007FFF1A", 8);
	assert_int_equal(tsn_hex_decode(TSN_SLICE("007fFF1a"), back), TSN_OK);
	assert_memory_equal(back, "\x00\x7f\xff\x1a", 4);
}

static void
test_bad_input(void **state)
{
	char back[4];

	(void)state;
	assert_int_equal(tsn_hex_decode(TSN_SLICE("0"), back), TSN_EPARSE);
	assert_int_equal(tsn_hex_decode(TSN_SLICE("0g"), back), TSN_EPARSE);
	assert_int_equal(tsn_hex_decode(TSN_SLICE("@0"), back), TSN_EPARSE);
	assert_int_equal(tsn_hex_decode(TSN_SLICE(""), back), TSN_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_bad_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
