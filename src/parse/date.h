/*
 * parse/date: the date and time forms of logs.
 *
 * Each function reads a date at the start of a text and says how many bytes it took: 0 when the
 * text does not have that form.  A text that has the form but names no moment (31 February, hour
 * 25) is taken too, with ns TSN_TIME_NONE.  Exact; no locale: month and day names are English.
 */
#ifndef TSN_PARSE_DATE_H
#define TSN_PARSE_DATE_H

#include "base/slice.h"
#include "base/time.h"

/** The zone and the clock that complete a date; the cache makes runs of one day cheap. */
/** Days without a year that are remembered: sources with other clocks or old events take turns. */
#define TSN_DATE_DAYS 16u

struct tsn_date_ctx {
	int64_t received_ns;
	int32_t tz_offset_sec;
	struct tsn_date_day {
		uint64_t text;		/* "Nov 30 " and zone, 0 none */
		int32_t tz;
		int64_t day_ns;		/* start of that day, in the newest year that fitted */
		int64_t next_ns;	/* start of the same day the next time it exists */
	} days[TSN_DATE_DAYS];		/* by a hash of the text */
	struct {
		uint64_t text[2];	/* "Nov 30 06:39:00", its bytes 0 to 7 and 7 to 14 */
		int64_t received_ns;
		int64_t ns;
		int32_t tz;
		bool known;
	} second_cache;
	struct {
		uint64_t text[2];	/* "2024-01-02" */
		int64_t day_ns;
	} iso_cache;
};

struct tsn_date {
	int64_t ns;		/* TSN_TIME_NONE: the form, but no such moment */
	bool zoned;		/* the text named its zone */
};

/** "Nov 30 06:39:00", "Nov  3 2015 06:39:00.123", "Nov 30 06:39:00 2015", with zone names UTC/GMT/Z
 * or +hh:mm behind it where `zone` of the format allows it.  Without a year: the newest one that
 * does not put it more than a day after received_ns. */
size_t tsn_date_bsd(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret);
/** "2015-11-30T06:39:00.123+01:00", blank for T, comma for point, "Z", " UTC", " +0100", no zone;
 * "2015/11/30 06:39:00" too. */
size_t tsn_date_iso(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret);
/** "10/Oct/2000:13:55:36 -0700", zone optional, fraction after the seconds allowed. */
size_t tsn_date_clf(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret);
/** "Thu Jul 11 01:21:43.123456 2013" (asctime, Apache error log), zone between time and year. */
size_t tsn_date_asctime(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret);
/** "11-Aug-2013 03:36:11.372", zone optional (BIND, Oracle, PHP). */
size_t tsn_date_dmy(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret);
/** "170216 19:10:15", "170216  9:10:15" (MySQL before 5.7). */
size_t tsn_date_mysql(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret);
/** Digits with an optional fraction: seconds, ms, us or ns since 1970, by their count. */
size_t tsn_date_epoch(struct tsn_slice s, struct tsn_date *ret);
/** Any of the forms above that the text begins with. */
size_t tsn_date_any(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret);

/** Windows FILETIME: 100 ns since 1601; TSN_TIME_NONE where it does not fit. */
int64_t tsn_date_filetime(uint64_t ticks);
/** 1 .. 12 for "Jan" .. "Dec" in any case, else 0; reads three bytes. */
int tsn_date_month(const char *p);

#endif
