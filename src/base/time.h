/*
 * base/time: points in time as nanoseconds since 1970-01-01T00:00:00Z (int64_t: 1678 to 2262), and
 * the Gregorian calendar.  Pure: the clock is in os.  Parsers of the many date forms of logs are
 * in parse/date.h; here stands only RFC 3339, which tocsin itself speaks.
 */
#ifndef TSN_BASE_TIME_H
#define TSN_BASE_TIME_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define TSN_NS_PER_SEC INT64_C(1000000000)
#define TSN_NS_PER_MS INT64_C(1000000)
#define TSN_NS_PER_DAY (INT64_C(86400) * TSN_NS_PER_SEC)
#define TSN_TIME_NONE INT64_MIN
#define TSN_TIME_TEXT_MAX 36

struct tsn_civil {
	int year, month, day;		/* month and day from 1 */
	int hour, minute, second;	/* second up to 60 when read */
	int32_t ns;
};

/** Days since 1970-01-01 of a date of the proleptic Gregorian calendar. */
int64_t tsn_time_days(int year, int month, int day);
/** TSN_EPARSE when a part is out of its range (Feb 30, hour 24) or the time does not fit. */
TSN_MUST_CHECK enum tsn_code tsn_time_from_civil(const struct tsn_civil *c, int32_t offset_sec,
    int64_t *ret_ns);
void tsn_time_to_civil(int64_t ns, struct tsn_civil *ret_civil);
/** 0 Sunday .. 6 Saturday, of the UTC day. */
int tsn_time_weekday(int64_t ns);
/** Start of the UTC day. */
int64_t tsn_time_floor(int64_t ns, int64_t step_ns);

/**
 * RFC 3339 date-time with 'T', 't' or blank, any number of fraction digits (beyond 9 cut), 'Z' or
 * an offset with or without colon.  Without offset: *ret_zoned false and UTC assumed.
 */
TSN_MUST_CHECK enum tsn_code tsn_time_parse_rfc3339(struct tsn_slice s, int64_t *ret_ns,
    bool *ret_zoned);
/** "2026-11-21T23:08:25.123Z": 3, 6 or 9 fraction digits as needed, at least 3; returns length. */
size_t tsn_time_format(int64_t ns, char out[TSN_TIME_TEXT_MAX]);

/** "500ms", "90s", "5m", "1h", "7d", "2w", "1M" (30 days), "1y" (365 days). */
TSN_MUST_CHECK enum tsn_code tsn_time_parse_span(struct tsn_slice s, int64_t *ret_ns);

#endif
