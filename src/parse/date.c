#include "parse/date.h"

#include "base/compiler.h"
#include "base/hash.h"

#define SLACK_NS TSN_NS_PER_DAY

/* Text of two digits, or -1. */
static inline int
two(const char *p)
{
	unsigned a = (unsigned)(unsigned char)p[0] - '0', b = (unsigned)(unsigned char)p[1] - '0';

	return a > 9 || b > 9 ? -1 : (int)(a * 10 + b);
}

static inline int
four(const char *p)
{
	int a = two(p), b = two(p + 2);

	return (a | b) < 0 ? -1 : a * 100 + b;
}

static inline bool
digit(char c)
{
	return (unsigned char)(c - '0') <= 9;
}

int
tsn_date_month(const char *p)
{
	uint32_t v = (uint32_t)(unsigned char)p[0] << 16 | (uint32_t)(unsigned char)p[1] << 8 |
	    (uint32_t)(unsigned char)p[2];

	switch (v | 0x202020) {
	case 0x6a616e: return 1;
	case 0x666562: return 2;
	case 0x6d6172: return 3;
	case 0x617072: return 4;
	case 0x6d6179: return 5;
	case 0x6a756e: return 6;
	case 0x6a756c: return 7;
	case 0x617567: return 8;
	case 0x736570: return 9;
	case 0x6f6374: return 10;
	case 0x6e6f76: return 11;
	case 0x646563: return 12;
	default: return 0;
	}
}

/*
 * ".123456" or ",123" at s[at]: past it, the nanoseconds.  Digits beyond nine are cut.
 */
static size_t
fraction(struct tsn_slice s, size_t at, int64_t *ret_ns)
{
	int64_t ns = 0, scale = TSN_NS_PER_SEC / 10;
	size_t i = at + 1;

	*ret_ns = 0;
	if (at + 1 >= s.len || (s.ptr[at] != '.' && s.ptr[at] != ',') || !digit(s.ptr[at + 1]))
		return at;
	for (; i < s.len && digit(s.ptr[i]); i++) {
		ns += (s.ptr[i] - '0') * scale;
		scale /= 10;
	}
	*ret_ns = ns;
	return i;
}

static const struct {
	char name[5];
	signed char quarters;	/* of an hour east of UTC */
} zones[] = {
	{"UTC", 0}, {"GMT", 0}, {"Z", 0}, {"UCT", 0}, {"WET", 0}, {"WEST", 4}, {"BST", 4},
	{"CET", 4}, {"CEST", 8}, {"MET", 4}, {"MEST", 8}, {"EET", 8}, {"EEST", 12}, {"MSK", 12},
	{"EST", -20}, {"EDT", -16}, {"CST", -24}, {"CDT", -20}, {"MST", -28}, {"MDT", -24},
	{"PST", -32}, {"PDT", -28}, {"AKST", -36}, {"AKDT", -32}, {"HST", -40}, {"JST", 36},
	{"KST", 36}, {"IST", 22}, {"SGT", 32}, {"HKT", 32}, {"AEST", 40}, {"AEDT", 44},
	{"NZST", 48}, {"NZDT", 52}, {"BRT", -12}, {"SAST", 8},
};

/* "Z", "+01:00", "+0100", "+01", "UTC", "CEST" at s[at], one blank before it allowed. */
static size_t
zone(struct tsn_slice s, size_t at, int32_t *ret_sec, bool *ret_found)
{
	size_t i = at + (at < s.len && s.ptr[at] == ' '), n = 0;

	*ret_found = false;
	if (i >= s.len)
		return at;
	if (s.ptr[i] == '+' || s.ptr[i] == '-') {
		int h = i + 3 <= s.len ? two(s.ptr + i + 1) : -1, m = 0;
		size_t end = i + 3;

		if (h < 0 || h > 23)
			return at;
		if (end + 2 <= s.len && two(s.ptr + end) >= 0) {
			m = two(s.ptr + end);
			end += 2;
		} else if (end + 3 <= s.len && s.ptr[end] == ':' && two(s.ptr + end + 1) >= 0) {
			m = two(s.ptr + end + 1);
			end += 3;
		}
		if (m > 59)
			return at;
		*ret_sec = (s.ptr[i] == '-' ? -1 : 1) * (h * 3600 + m * 60);
		*ret_found = true;
		return end;
	}
	while (n < 5 && i + n < s.len && s.ptr[i + n] >= 'A' && s.ptr[i + n] <= 'Z')
		n++;
	if (n == 0 || n > 4 || (i + n < s.len && (digit(s.ptr[i + n]) || s.ptr[i + n] == '_')))
		return at;
	for (size_t z = 0; z < TSN_COUNT(zones); z++)
		if (strnlen(zones[z].name, 5) == n && memcmp(zones[z].name, s.ptr + i, n) == 0) {
			*ret_sec = zones[z].quarters * 900;
			*ret_found = true;
			return i + n;
		}
	return at;
}

/* hh:mm:ss as seconds of the day: -1 not that form, -2 that form but no such time. */
static inline int
clock_time(const char *p)
{
	int h = two(p), m = two(p + 3), sec = two(p + 6);

	if ((h | m | sec) < 0 || p[2] != ':' || p[5] != ':')
		return -1;
	return h > 23 || m > 59 || sec > 60 ? -2 : h * 3600 + m * 60 + sec;
}

static bool
day_start(int year, int month, int day, int32_t tz, int64_t *ret_ns)
{
	struct tsn_civil c = {.year = year, .month = month, .day = day};

	return tsn_time_from_civil(&c, tz, ret_ns) == TSN_OK;
}

/*
 * The newest year in which month/day exists and day + tod is not beyond received + slack, and the
 * next one after it (for the cache).  29 February exists again within eight years.
 */
static bool
newest_day(const struct tsn_date_ctx *ctx, int month, int day, int64_t tod_ns,
    struct tsn_date_day *ret)
{
	const int64_t none = INT64_MAX - 2 * TSN_NS_PER_DAY;
	struct tsn_civil now;
	int64_t limit;
	int year;

	if (__builtin_add_overflow(ctx->received_ns, SLACK_NS, &limit))
		limit = INT64_MAX;
	tsn_time_to_civil(limit, &now);
	ret->next_ns = none;
	/* zones reach a day into the next year */
	for (year = now.year + 1; year > now.year - 10; year--) {
		if (!day_start(year, month, day, ctx->tz_offset_sec, &ret->day_ns))
			continue;
		if (ret->day_ns <= limit - tod_ns)
			break;
		ret->next_ns = ret->day_ns;
	}
	if (year == now.year - 10)
		return false;
	for (int next = year + 1; ret->next_ns == none && next <= year + 8; next++)
		if (!day_start(next, month, day, ctx->tz_offset_sec, &ret->next_ns))
			ret->next_ns = none;
	return true;
}

static int64_t
bsd_without_year(struct tsn_date_ctx *ctx, uint64_t text, int month, int day, int64_t tod_ns)
{
	struct tsn_date_day *known = &ctx->days[tsn_hash_mix(text, 0x9e3779b97f4a7c15ull) %
	    TSN_DATE_DAYS];
	int64_t limit = ctx->received_ns + SLACK_NS;

	if (TSN_LIKELY(text == known->text && ctx->tz_offset_sec == known->tz &&
	    known->day_ns + tod_ns <= limit && known->next_ns + tod_ns > limit))
		return known->day_ns + tod_ns;
	known->text = 0;
	if (!newest_day(ctx, month, day, tod_ns, known))
		return TSN_TIME_NONE;
	known->text = text;
	known->tz = ctx->tz_offset_sec;
	return known->day_ns + tod_ns;
}

static int64_t
with_year(const struct tsn_date_ctx *ctx, int year, int month, int day, int64_t tod_ns,
    bool zoned, int32_t tz)
{
	int64_t t;

	if (!day_start(year, month, day, zoned ? tz : ctx->tz_offset_sec, &t) ||
	    __builtin_add_overflow(t, tod_ns, &t))
		return TSN_TIME_NONE;
	return t;
}

/* " 2015" at s[at], ended by a blank, a colon or the end. */
static size_t
year_after(struct tsn_slice s, size_t at, int *ret_year)
{
	int y;

	if (at + 5 > s.len || s.ptr[at] != ' ')
		return at;
	y = four(s.ptr + at + 1);
	if (y < 1970 || y > 2200 || (at + 5 < s.len && s.ptr[at + 5] != ' ' && s.ptr[at + 5] != ':'))
		return at;
	*ret_year = y;
	return at + 5;
}

/* What may follow the seconds: fraction, year, and a zone name that a colon ends (Cisco). */
static size_t
bsd_tail(struct tsn_slice s, size_t at, int64_t *ret_ns, int *year, int32_t *ret_tz,
    bool *ret_zoned)
{
	size_t end;

	*ret_zoned = false;
	*ret_ns = 0;
	if (TSN_LIKELY(at < s.len && s.ptr[at] == ' ' && at + 1 < s.len &&
	    !digit(s.ptr[at + 1]) && !(s.ptr[at + 1] >= 'A' && s.ptr[at + 1] <= 'Z')))
		return at;
	at = fraction(s, at, ret_ns);
	if (*year < 0)
		at = year_after(s, at, year);
	end = zone(s, at, ret_tz, ret_zoned);
	/* behind a blank only where a colon or the end shows that it is no host name */
	if (*ret_zoned && s.ptr[at] == ' ' && end < s.len && s.ptr[end] != ':') {
		*ret_zoned = false;
		return at;
	}
	return end;
}

/* A padded time of 15 bytes with a blank and a host name behind it, as nearly all lines have. */
static inline bool
same_second(const struct tsn_date_ctx *ctx, struct tsn_slice s)
{
	uint64_t a, b;

	if (!ctx->second_cache.known || s.len < 17 || s.ptr[15] != ' ' || digit(s.ptr[16]) ||
	    (s.ptr[16] >= 'A' && s.ptr[16] <= 'Z'))
		return false;
	memcpy(&a, s.ptr, sizeof a);
	memcpy(&b, s.ptr + 7, sizeof b);
	return a == ctx->second_cache.text[0] && b == ctx->second_cache.text[1] &&
	    ctx->second_cache.received_ns == ctx->received_ns &&
	    ctx->second_cache.tz == ctx->tz_offset_sec;
}

static void
keep_second(struct tsn_date_ctx *ctx, struct tsn_slice s, int64_t ns)
{
	memcpy(&ctx->second_cache.text[0], s.ptr, 8);
	memcpy(&ctx->second_cache.text[1], s.ptr + 7, 8);
	ctx->second_cache.received_ns = ctx->received_ns;
	ctx->second_cache.ns = ns;
	ctx->second_cache.tz = ctx->tz_offset_sec;
	ctx->second_cache.known = true;
}

size_t
tsn_date_bsd(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret)
{
	int month, day, sec, year = -1;
	int64_t ns;
	uint64_t text;
	int32_t tz = 0;
	size_t at = 7;

	if (same_second(ctx, s)) {
		ret->ns = ctx->second_cache.ns;
		ret->zoned = false;
		return 15;
	}
	if (s.len < 14 || s.ptr[3] != ' ' || (month = tsn_date_month(s.ptr)) == 0)
		return 0;
	memcpy(&text, s.ptr, sizeof text);
	if (digit(s.ptr[4]) && s.ptr[5] == ' ') {	/* "Nov 3 ": one digit, not padded */
		day = s.ptr[4] - '0';
		at = 6;
	} else if (s.ptr[6] == ' ' && digit(s.ptr[5]) && (s.ptr[4] == ' ' || digit(s.ptr[4]))) {
		day = (s.ptr[4] == ' ' ? 0 : s.ptr[4] - '0') * 10 + s.ptr[5] - '0';
	} else {
		return 0;
	}
	if (s.len >= at + 13 && s.ptr[at + 4] == ' ') {
		year = four(s.ptr + at);
		at += year < 0 ? 0 : 5;
	}
	if (s.len < at + 8 || (sec = clock_time(s.ptr + at)) == -1)
		return 0;
	at = bsd_tail(s, at + 8, &ns, &year, &tz, &ret->zoned);
	if (sec < 0) {
		ret->ns = TSN_TIME_NONE;
	} else if (year >= 0 || ret->zoned) {
		if (year < 0) {
			struct tsn_date_ctx zoned = {.received_ns = ctx->received_ns,
			    .tz_offset_sec = tz};

			ret->ns = bsd_without_year(&zoned, 0, month, day, sec * TSN_NS_PER_SEC + ns);
		} else {
			ret->ns = with_year(ctx, year, month, day, sec * TSN_NS_PER_SEC + ns,
			    ret->zoned, tz);
		}
	} else {
		/* the key is "Nov 30 " without the first digit of the hour */
		text = text << 8 | (at & 0xff);
		ret->ns = bsd_without_year(ctx, text, month, day, sec * TSN_NS_PER_SEC + ns);
		if (at == 15 && s.len >= 17)
			keep_second(ctx, s, ret->ns);
	}
	return at;
}

size_t
tsn_date_iso(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret)
{
	int year, month, day, sec;
	int64_t ns, day_ns;
	int32_t tz = 0;
	size_t at;
	uint64_t text[2] = {0, 0};

	if (s.len < 19 || (s.ptr[4] != '-' && s.ptr[4] != '/') || s.ptr[7] != s.ptr[4] ||
	    (s.ptr[10] != 'T' && s.ptr[10] != ' ' && s.ptr[10] != 't') ||
	    (sec = clock_time(s.ptr + 11)) == -1)
		return 0;
	at = fraction(s, 19, &ns);
	at = zone(s, at, &tz, &ret->zoned);
	memcpy(&text[0], s.ptr, 8);
	memcpy(&text[1], s.ptr + 8, 2);
	if (TSN_LIKELY(text[0] == ctx->iso_cache.text[0] && text[1] == ctx->iso_cache.text[1])) {
		day_ns = ctx->iso_cache.day_ns;
	} else {
		year = four(s.ptr);
		month = two(s.ptr + 5);
		day = two(s.ptr + 8);
		if ((year | month | day) < 0)
			return 0;
		if (!day_start(year, month, day, 0, &day_ns))
			day_ns = TSN_TIME_NONE;
		ctx->iso_cache.text[0] = text[0];
		ctx->iso_cache.text[1] = text[1];
		ctx->iso_cache.day_ns = day_ns;
	}
	ret->ns = TSN_TIME_NONE;
	if (sec >= 0 && day_ns != TSN_TIME_NONE) {
		int64_t shift = (sec - (ret->zoned ? tz : ctx->tz_offset_sec)) * TSN_NS_PER_SEC + ns;

		if (__builtin_add_overflow(day_ns, shift, &ret->ns))
			ret->ns = TSN_TIME_NONE;
	}
	return at;
}

size_t
tsn_date_clf(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret)
{
	int year, month, day, sec;
	int64_t ns;
	int32_t tz = 0;
	size_t at;

	if (s.len < 20 || s.ptr[2] != '/' || s.ptr[6] != '/' || s.ptr[11] != ':' ||
	    (sec = clock_time(s.ptr + 12)) == -1)
		return 0;
	day = two(s.ptr);
	month = tsn_date_month(s.ptr + 3);
	year = four(s.ptr + 7);
	if ((day | year) < 0 || month == 0)
		return 0;
	at = fraction(s, 20, &ns);
	at = zone(s, at, &tz, &ret->zoned);
	ret->ns = sec < 0 ? TSN_TIME_NONE :
	    with_year(ctx, year, month, day, sec * TSN_NS_PER_SEC + ns, ret->zoned, tz);
	return at;
}

static bool
weekday(const char *p)
{
	static const char names[] = "SunMonTueWedThuFriSat";

	for (size_t i = 0; i < sizeof names - 1; i += 3)
		if (memcmp(names + i, p, 3) == 0)
			return true;
	return false;
}

size_t
tsn_date_asctime(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret)
{
	int month, day, sec, year = -1;
	int64_t ns;
	int32_t tz = 0;
	size_t at, end;

	if (s.len < 24 || s.ptr[3] != ' ' || s.ptr[7] != ' ' || s.ptr[10] != ' ' ||
	    !weekday(s.ptr) || (month = tsn_date_month(s.ptr + 4)) == 0 ||
	    (sec = clock_time(s.ptr + 11)) == -1)
		return 0;
	day = s.ptr[8] == ' ' && digit(s.ptr[9]) ? s.ptr[9] - '0' : two(s.ptr + 8);
	at = fraction(s, 19, &ns);
	at = zone(s, at, &tz, &ret->zoned);
	end = at + 5 <= s.len && s.ptr[at] == ' ' ? at + 5 : 0;
	if (end != 0)
		year = four(s.ptr + at + 1);
	if (day < 0 || year < 0)
		return 0;
	ret->ns = sec < 0 ? TSN_TIME_NONE :
	    with_year(ctx, year, month, day, sec * TSN_NS_PER_SEC + ns, ret->zoned, tz);
	return end;
}

size_t
tsn_date_dmy(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret)
{
	int year, month, day, sec;
	int64_t ns;
	int32_t tz = 0;
	size_t at;

	if (s.len < 20 || s.ptr[2] != '-' || s.ptr[6] != '-' || s.ptr[11] != ' ' ||
	    (month = tsn_date_month(s.ptr + 3)) == 0 || (day = two(s.ptr)) < 0 ||
	    (year = four(s.ptr + 7)) < 0 || (sec = clock_time(s.ptr + 12)) == -1)
		return 0;
	at = fraction(s, 20, &ns);
	at = zone(s, at, &tz, &ret->zoned);
	ret->ns = sec < 0 ? TSN_TIME_NONE :
	    with_year(ctx, year, month, day, sec * TSN_NS_PER_SEC + ns, ret->zoned, tz);
	return at;
}

size_t
tsn_date_mysql(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret)
{
	char text[9];
	int year, month, day, sec;

	if (s.len < 15 || s.ptr[6] != ' ' || (year = two(s.ptr)) < 0 || (month = two(s.ptr + 2)) < 0 ||
	    (day = two(s.ptr + 4)) < 0)
		return 0;
	memcpy(text, s.ptr + 7, 8);
	if (text[0] == ' ')
		text[0] = '0';
	if ((sec = clock_time(text)) == -1)
		return 0;
	ret->zoned = false;
	ret->ns = sec < 0 ? TSN_TIME_NONE : with_year(ctx, year < 70 ? 2000 + year : 1900 + year, month,
	    day, sec * TSN_NS_PER_SEC, false, 0);
	return 15;
}

size_t
tsn_date_epoch(struct tsn_slice s, struct tsn_date *ret)
{
	uint64_t count = 0;
	int64_t v, ns = 0, unit;
	size_t n = 0, at;

	while (n < s.len && n < 19 && digit(s.ptr[n]))
		count = count * 10 + (uint64_t)(s.ptr[n++] - '0');
	if (n < 9 || (n < s.len && digit(s.ptr[n])))
		return 0;
	if (count > INT64_MAX)		/* 19 digits may be more than fits */
		return 0;
	v = (int64_t)count;
	unit = n <= 11 ? TSN_NS_PER_SEC : n <= 14 ? TSN_NS_PER_MS : n <= 17 ? 1000 : 1;
	at = unit == TSN_NS_PER_SEC ? fraction(s, n, &ns) : n;
	ret->zoned = true;
	if (__builtin_mul_overflow(v, unit, &ret->ns) || __builtin_add_overflow(ret->ns, ns, &ret->ns))
		ret->ns = TSN_TIME_NONE;
	return at;
}

size_t
tsn_date_any(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret)
{
	size_t n;

	if ((n = tsn_date_iso(ctx, s, ret)) != 0 || (n = tsn_date_bsd(ctx, s, ret)) != 0 ||
	    (n = tsn_date_clf(ctx, s, ret)) != 0 || (n = tsn_date_asctime(ctx, s, ret)) != 0 ||
	    (n = tsn_date_dmy(ctx, s, ret)) != 0 ||
	    (n = tsn_date_mysql(ctx, s, ret)) != 0 || (n = tsn_date_epoch(s, ret)) != 0)
		return n;
	return 0;
}

int64_t
tsn_date_filetime(uint64_t ticks)
{
	const int64_t epoch_sec = INT64_C(11644473600);
	int64_t sec = (int64_t)(ticks / 10000000) - epoch_sec, ns;

	if (__builtin_mul_overflow(sec, TSN_NS_PER_SEC, &ns) ||
	    __builtin_add_overflow(ns, (int64_t)(ticks % 10000000) * 100, &ns))
		return TSN_TIME_NONE;
	return ns;
}
