#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"

static void
test_integers(void **state)
{
	static const struct {
		const char *in;
		enum tsn_code code;
		int64_t want;
	} rows[] = {
		{"0", TSN_OK, 0}, {"-1", TSN_OK, -1}, {"+7", TSN_OK, 7},
		{"9223372036854775807", TSN_OK, INT64_MAX},
		{"-9223372036854775808", TSN_OK, INT64_MIN},
		{"9223372036854775808", TSN_EPARSE, 0}, {"", TSN_EPARSE, 0}, {"-", TSN_EPARSE, 0},
		{"1x", TSN_EPARSE, 0}, {" 1", TSN_EPARSE, 0}, {"99999999999999999999", TSN_EPARSE, 0},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(rows); i++) {
		int64_t v = 0;

		assert_int_equal(tsn_num_parse_i64(tsn_slice_cstr(rows[i].in), &v), rows[i].code);
		assert_int_equal(v, rows[i].want);
	}
}

static void
test_hex(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(tsn_num_parse_hex(TSN_SLICE("0xFf"), &v), TSN_OK);
	assert_int_equal(v, 255);
	assert_int_equal(tsn_num_parse_hex(TSN_SLICE("ffffffffffffffff"), &v), TSN_OK);
	assert_int_equal(tsn_num_parse_hex(TSN_SLICE("0x"), &v), TSN_EPARSE);
	assert_int_equal(tsn_num_parse_hex(TSN_SLICE("g"), &v), TSN_EPARSE);
}

static void
test_floats(void **state)
{
	static const char *const good[] = {"0.1", "1e3", "-2.5E-7", "123456789012345678", "3"};
	static const char *const bad[] = {"", "nan", "inf", "1e999", "0x10", "1.2.3", "."};
	char out[32];
	double v;

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(good); i++) {
		assert_int_equal(tsn_num_parse_f64(tsn_slice_cstr(good[i]), &v), TSN_OK);
		assert_true(v == strtod(good[i], NULL));
	}
	for (size_t i = 0; i < TSN_COUNT(bad); i++)
		assert_int_equal(tsn_num_parse_f64(tsn_slice_cstr(bad[i]), &v), TSN_EPARSE);
	assert_int_equal(tsn_num_format_f64(0.1, out), 3);
	assert_string_equal(out, "0.1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_floats),
	};

	return cmocka_run_group_tests_name("base_num", tests, NULL, NULL);
}
