#include "base/time.h"

#include "base/assert.h"
#include "base/num.h"

/* Days from civil: Howard Hinnant's algorithm over 400-year eras starting in March. */
int64_t
tsn_time_days(int year, int month, int day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + doe - 719468;
}

static int
month_days(int year, int month)
{
	static const signed char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

enum tsn_code
tsn_time_from_civil(const struct tsn_civil *c, int32_t offset_sec, int64_t *ret_ns)
{
	int64_t sec, ns;

	if (c->month < 1 || c->month > 12 || c->day < 1 || c->year < 1 || c->year > 9999 ||
	    c->day > month_days(c->year, c->month) || c->hour < 0 || c->hour > 23 ||
	    c->minute < 0 || c->minute > 59 || c->second < 0 || c->second > 60 ||
	    c->ns < 0 || c->ns >= TSN_NS_PER_SEC)
		return TSN_EPARSE;
	sec = tsn_time_days(c->year, c->month, c->day) * 86400 + c->hour * 3600 + c->minute * 60 +
	    c->second - offset_sec;
	if (__builtin_mul_overflow(sec, TSN_NS_PER_SEC, &ns) || __builtin_add_overflow(ns, c->ns, &ns))
		return TSN_EPARSE;
	*ret_ns = ns;
	return TSN_OK;
}

int64_t
tsn_time_floor(int64_t ns, int64_t step_ns)
{
	int64_t rest;

	TSN_ASSERT(step_ns > 0);
	rest = ns % step_ns;
	return ns - (rest < 0 ? rest + step_ns : rest);
}

void
tsn_time_to_civil(int64_t ns, struct tsn_civil *ret_civil)
{
	int64_t days = tsn_time_floor(ns, TSN_NS_PER_DAY) / TSN_NS_PER_DAY;
	int64_t rest = ns - days * TSN_NS_PER_DAY;
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int64_t sec = rest / TSN_NS_PER_SEC;

	ret_civil->day = (int)(doy - (153 * mp + 2) / 5 + 1);
	ret_civil->month = (int)(mp < 10 ? mp + 3 : mp - 9);
	ret_civil->year = (int)(yoe + era * 400 + (ret_civil->month <= 2));
	ret_civil->hour = (int)(sec / 3600);
	ret_civil->minute = (int)(sec / 60 % 60);
	ret_civil->second = (int)(sec % 60);
	ret_civil->ns = (int32_t)(rest % TSN_NS_PER_SEC);
}

int
tsn_time_weekday(int64_t ns)
{
	int64_t days = tsn_time_floor(ns, TSN_NS_PER_DAY) / TSN_NS_PER_DAY;
	int64_t day = (days + 4) % 7;

	return (int)(day < 0 ? day + 7 : day);
}

static bool
digits(struct tsn_slice s, size_t at, size_t n, int *ret)
{
	int v = 0;

	if (at + n > s.len)
		return false;
	for (size_t i = at; i < at + n; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		v = v * 10 + (s.ptr[i] - '0');
	}
	*ret = v;
	return true;
}

static bool
fraction(struct tsn_slice s, size_t *at, int32_t *ret_ns)
{
	int32_t ns = 0, scale = 100000000;
	size_t i = *at + 1, first = i;

	for (; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++) {
		ns += (s.ptr[i] - '0') * scale;
		scale /= 10;
	}
	*at = i;
	*ret_ns = ns;
	return i > first;
}

static bool
offset(struct tsn_slice s, size_t at, int32_t *ret_sec)
{
	int hour = 0, minute = 0;
	size_t rest = s.len - at;

	if (rest == 1 && (s.ptr[at] == 'Z' || s.ptr[at] == 'z')) {
		*ret_sec = 0;
		return true;
	}
	if (s.ptr[at] != '+' && s.ptr[at] != '-')
		return false;
	if (!digits(s, at + 1, 2, &hour))
		return false;
	if (rest == 6 ? s.ptr[at + 3] != ':' || !digits(s, at + 4, 2, &minute)
		      : rest == 5 ? !digits(s, at + 3, 2, &minute) : rest != 3)
		return false;
	if (hour > 23 || minute > 59)
		return false;
	*ret_sec = (s.ptr[at] == '-' ? -1 : 1) * (hour * 3600 + minute * 60);
	return true;
}

enum tsn_code
tsn_time_parse_rfc3339(struct tsn_slice s, int64_t *ret_ns, bool *ret_zoned)
{
	struct tsn_civil c = {0};
	int32_t offset_sec = 0;
	size_t at = 19;

	if (!digits(s, 0, 4, &c.year) || !digits(s, 5, 2, &c.month) || !digits(s, 8, 2, &c.day) ||
	    s.ptr[4] != '-' || s.ptr[7] != '-')
		return TSN_EPARSE;
	if (s.len == 10) {
		*ret_zoned = false;
		return tsn_time_from_civil(&c, 0, ret_ns);
	}
	if (!digits(s, 11, 2, &c.hour) || !digits(s, 14, 2, &c.minute) ||
	    !digits(s, 17, 2, &c.second) || s.ptr[13] != ':' || s.ptr[16] != ':' ||
	    (s.ptr[10] != 'T' && s.ptr[10] != 't' && s.ptr[10] != ' '))
		return TSN_EPARSE;
	if (at < s.len && (s.ptr[at] == '.' || s.ptr[at] == ',') && !fraction(s, &at, &c.ns))
		return TSN_EPARSE;
	if (at < s.len && !offset(s, at, &offset_sec))
		return TSN_EPARSE;
	*ret_zoned = at < s.len;
	return tsn_time_from_civil(&c, offset_sec, ret_ns);
}

static void
put(char *out, int value, int width)
{
	for (int i = width - 1; i >= 0; i--) {
		out[i] = (char)('0' + value % 10);
		value /= 10;
	}
}

size_t
tsn_time_format(int64_t ns, char out[TSN_TIME_TEXT_MAX])
{
	struct tsn_civil c;
	int width = 9, value;

	tsn_time_to_civil(ns, &c);
	value = c.ns;
	while (width > 3 && value % 1000 == 0) {
		value /= 1000;
		width -= 3;
	}
	memcpy(out, "0000-00-00T00:00:00.", 20);
	put(out, c.year, 4);
	put(out + 5, c.month, 2);
	put(out + 8, c.day, 2);
	put(out + 11, c.hour, 2);
	put(out + 14, c.minute, 2);
	put(out + 17, c.second, 2);
	put(out + 20, value, width);
	out[20 + width] = 'Z';
	out[21 + width] = '\0';
	return 21 + (size_t)width;
}

enum tsn_code
tsn_time_parse_span(struct tsn_slice s, int64_t *ret_ns)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = {{"ms", TSN_NS_PER_MS}, {"s", TSN_NS_PER_SEC}, {"m", 60 * TSN_NS_PER_SEC},
	    {"h", 3600 * TSN_NS_PER_SEC}, {"d", TSN_NS_PER_DAY}, {"w", 7 * TSN_NS_PER_DAY},
	    {"M", 30 * TSN_NS_PER_DAY}, {"y", 365 * TSN_NS_PER_DAY}};
	size_t n = 0;
	int64_t count;

	while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
		n++;
	TSN_TRY(tsn_num_parse_i64((struct tsn_slice){s.ptr, n}, &count));
	for (size_t i = 0; i < TSN_COUNT(units); i++)
		if (tsn_slice_eq(tsn_slice_from(s, n), tsn_slice_cstr(units[i].unit)))
			return __builtin_mul_overflow(count, units[i].ns, ret_ns) ? TSN_EPARSE : TSN_OK;
	return TSN_EPARSE;
}
