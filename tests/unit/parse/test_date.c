#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "parse/date.h"

#define RECEIVED (INT64_C(1767225600) * TSN_NS_PER_SEC)	/* 2026-01-01T00:00:00Z */

static size_t
epoch(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret)
{
	(void)ctx;
	return tsn_date_epoch(s, ret);
}

typedef size_t (*reader)(struct tsn_date_ctx *, struct tsn_slice, struct tsn_date *);

static const struct {
	reader read;
	const char *text;
	size_t taken;		/* 0: not that form */
	const char *expect;	/* NULL: no such moment */
	bool zoned;
} cases[] = {
	{tsn_date_bsd, "Nov 30 06:39:00 h", 15, "2025-11-30T06:39:00.000Z", false},
	{tsn_date_bsd, "Nov  3 06:39:00 h", 15, "2025-11-03T06:39:00.000Z", false},
	{tsn_date_bsd, "Nov 3 06:39:00 h", 14, "2025-11-03T06:39:00.000Z", false},
	{tsn_date_bsd, "Jan  1 23:59:59 h", 15, "2026-01-01T23:59:59.000Z", false},
	{tsn_date_bsd, "Jan  3 00:00:00 h", 15, "2025-01-03T00:00:00.000Z", false},
	{tsn_date_bsd, "Feb 29 12:00:00 h", 15, "2024-02-29T12:00:00.000Z", false},
	{tsn_date_bsd, "Nov 30 06:39:00.5 h", 17, "2025-11-30T06:39:00.500Z", false},
	{tsn_date_bsd, "Nov 30 2015 06:39:00: h", 20, "2015-11-30T06:39:00.000Z", false},
	{tsn_date_bsd, "Nov 30 06:39:00 2015 h", 20, "2015-11-30T06:39:00.000Z", false},
	{tsn_date_bsd, "Mar  1 18:46:11.123 CET: x", 23, "2025-03-01T17:46:11.123Z", true},
	{tsn_date_bsd, "Nov 30 06:39:00 UTC7 x", 15, "2025-11-30T06:39:00.000Z", false},
	{tsn_date_bsd, "Feb 30 06:39:00 h", 15, NULL, false},
	{tsn_date_bsd, "Nov 31 25:39:00 h", 15, NULL, false},
	{tsn_date_bsd, "Nov 30 06:39", 0, NULL, false},
	{tsn_date_bsd, "Now 30 06:39:00 h", 0, NULL, false},
	{tsn_date_iso, "2015-11-30T06:39:00.123+01:00 x", 29, "2015-11-30T05:39:00.123Z", true},
	{tsn_date_iso, "2015-11-30 06:39:00,123 x", 23, "2015-11-30T06:39:00.123Z", false},
	{tsn_date_iso, "2015/11/30 06:39:00", 19, "2015-11-30T06:39:00.000Z", false},
	{tsn_date_iso, "2015-11-30 06:39:00 CEST [1]", 24, "2015-11-30T04:39:00.000Z", true},
	{tsn_date_iso, "2015-11-30 06:39:00 ERROR", 19, "2015-11-30T06:39:00.000Z", false},
	{tsn_date_iso, "2015-11-30T06:39:00Z", 20, "2015-11-30T06:39:00.000Z", true},
	{tsn_date_iso, "2015-11-30 06:39:00.123456789012 +0530", 38, "2015-11-30T01:09:00.123456789Z",
	    true},
	{tsn_date_iso, "9999-12-31 23:59:59", 19, NULL, false},
	{tsn_date_iso, "2015-02-29 23:59:59", 19, NULL, false},
	{tsn_date_iso, "2015-11-30", 0, NULL, false},
	{tsn_date_clf, "10/Oct/2000:13:55:36 -0700]", 26, "2000-10-10T20:55:36.000Z", true},
	{tsn_date_clf, "10/Oct/2000:13:55:36]", 20, "2000-10-10T13:55:36.000Z", false},
	{tsn_date_clf, "32/Oct/2000:13:55:36]", 20, NULL, false},
	{tsn_date_asctime, "Thu Jul 11 01:21:43.123456 2013]", 31, "2013-07-11T01:21:43.123456Z", false},
	{tsn_date_asctime, "Thu Jul  1 01:21:43 2013", 24, "2013-07-01T01:21:43.000Z", false},
	{tsn_date_asctime, "Thu Jul 11 01:21:43 UTC 2013", 28, "2013-07-11T01:21:43.000Z", true},
	{tsn_date_dmy, "11-Aug-2013 03:36:11.372 e", 24, "2013-08-11T03:36:11.372Z", false},
	{tsn_date_mysql, "170216 19:10:15 x", 15, "2017-02-16T19:10:15.000Z", false},
	{tsn_date_mysql, "170216  9:10:15 x", 15, "2017-02-16T09:10:15.000Z", false},
	{tsn_date_mysql, "991231 23:59:60", 15, "2000-01-01T00:00:00.000Z", false},
	{epoch, "1170021493.977:", 14, "2007-01-28T21:58:13.977Z", true},
	{epoch, "1170021493977", 13, "2007-01-28T21:58:13.977Z", true},
	{epoch, "1170021493977123", 16, "2007-01-28T21:58:13.977123Z", true},
	{epoch, "1170021493977123456", 19, "2007-01-28T21:58:13.977123456Z", true},
	{epoch, "123", 0, NULL, false},
};

static void
test_forms(void **state)
{
	struct tsn_date_ctx ctx = {.received_ns = RECEIVED};

	(void)state;
	/* twice: the second round meets a warm cache */
	for (size_t i = 0; i < 2 * (sizeof cases / sizeof cases[0]); i++) {
		size_t k = i % (sizeof cases / sizeof cases[0]);
		struct tsn_date d = {.ns = 1};
		size_t n = cases[k].read(&ctx, tsn_slice_cstr(cases[k].text), &d);
		char text[TSN_TIME_TEXT_MAX];

		if (n != cases[k].taken)
			print_message("# %s: took %zu\n", cases[k].text, n);
		assert_int_equal(n, cases[k].taken);
		if (n == 0)
			continue;
		if (cases[k].expect == NULL) {
			assert_true(d.ns == TSN_TIME_NONE);
			continue;
		}
		assert_true(d.ns != TSN_TIME_NONE);
		tsn_time_format(d.ns, text);
		assert_string_equal(text, cases[k].expect);
		assert_int_equal(d.zoned, cases[k].zoned);
	}
}

/* The zone of the source counts, and the newest year follows the clock. */
static void
test_zone_and_year(void **state)
{
	struct tsn_date_ctx ctx = {.received_ns = RECEIVED, .tz_offset_sec = 3600};
	struct tsn_slice s = TSN_SLICE("Nov 30 06:39:00 h");
	struct tsn_date d;
	char text[TSN_TIME_TEXT_MAX];

	(void)state;
	assert_int_equal(tsn_date_bsd(&ctx, s, &d), 15);
	tsn_time_format(d.ns, text);
	assert_string_equal(text, "2025-11-30T05:39:00.000Z");
	ctx.tz_offset_sec = 0;
	ctx.received_ns += 400 * TSN_NS_PER_DAY;
	assert_int_equal(tsn_date_bsd(&ctx, s, &d), 15);
	tsn_time_format(d.ns, text);
	assert_string_equal(text, "2026-11-30T06:39:00.000Z");
	assert_true(tsn_date_filetime(UINT64_C(133444736001234567)) ==
	    INT64_C(1700000000123456700));
	assert_true(tsn_date_filetime(UINT64_MAX) == TSN_TIME_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_zone_and_year)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
