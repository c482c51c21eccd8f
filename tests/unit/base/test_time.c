#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"

static void
test_rfc3339(void **state)
{
	static const struct {
		const char *in;
		enum tsn_code code;
		const char *out;
	} rows[] = {
		{"1970-01-01T00:00:00Z", TSN_OK, "1970-01-01T00:00:00.000Z"},
		{"2003-08-24T05:14:15.000003-07:00", TSN_OK, "2003-08-24T12:14:15.000003Z"},
		{"2018-05-06 17:44:05.866769", TSN_OK, "2018-05-06T17:44:05.866769Z"},
		{"2024-02-29", TSN_OK, "2024-02-29T00:00:00.000Z"},
		{"2023-02-29", TSN_EPARSE, NULL},
		{"2024-01-01T24:00:00Z", TSN_EPARSE, NULL},
		{"9999-01-01T00:00:00Z", TSN_EPARSE, NULL},
		{"1969-12-31T23:59:59.5Z", TSN_OK, "1969-12-31T23:59:59.500Z"},
		{"2024-01-01T00:00:00.Z", TSN_EPARSE, NULL},
		{"2024-01-01T00:00:00+0530", TSN_OK, "2023-12-31T18:30:00.000Z"},
		{"2024-01-01T00:00:00x", TSN_EPARSE, NULL},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(rows); i++) {
		char out[TSN_TIME_TEXT_MAX];
		int64_t ns = 0;
		bool zoned;

		assert_int_equal(tsn_time_parse_rfc3339(tsn_slice_cstr(rows[i].in), &ns, &zoned),
		    rows[i].code);
		if (rows[i].out == NULL)
			continue;
		(void)tsn_time_format(ns, out);
		assert_string_equal(out, rows[i].out);
	}
}

static void
test_every_day_round_trips(void **state)
{
	(void)state;
	for (int64_t day = -100000; day < 100000; day++) {
		struct tsn_civil c;

		tsn_time_to_civil(day * TSN_NS_PER_DAY, &c);
		assert_int_equal(tsn_time_days(c.year, c.month, c.day), day);
	}
	assert_int_equal(tsn_time_weekday(0), 4);
}

static void
test_spans(void **state)
{
	int64_t ns;

	(void)state;
	assert_int_equal(tsn_time_parse_span(TSN_SLICE("5m"), &ns), TSN_OK);
	assert_int_equal(ns, 300 * TSN_NS_PER_SEC);
	assert_int_equal(tsn_time_parse_span(TSN_SLICE("1M"), &ns), TSN_OK);
	assert_int_equal(ns, 30 * TSN_NS_PER_DAY);
	assert_int_equal(tsn_time_parse_span(TSN_SLICE("5"), &ns), TSN_EPARSE);
	assert_int_equal(tsn_time_parse_span(TSN_SLICE("99999999999999y"), &ns), TSN_EPARSE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc3339),
		cmocka_unit_test(test_every_day_round_trips),
		cmocka_unit_test(test_spans),
	};

	return cmocka_run_group_tests_name("base_time", tests, NULL, NULL);
}
