/* Patterns: runs of one letter, text in quotes, and everything else as it stands. */
#include "pipeline/joda.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"

static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December"};
static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
    "Saturday"};

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* One item of a pattern: a letter and how often, or a literal. */
struct item {
	char letter;		/* 0: literal */
	unsigned count;
	struct tsn_slice text;
};

/* false at the end */
static bool
next_item(struct tsn_slice p, size_t *at, struct item *ret)
{
	size_t i = *at, from = i;

	if (i >= p.len)
		return false;
	*ret = (struct item){0};
	if (is_letter(p.ptr[i])) {
		while (i < p.len && p.ptr[i] == p.ptr[from])
			i++;
		ret->letter = p.ptr[from];
		ret->count = (unsigned)(i - from);
	} else if (p.ptr[i] == '\'') {
		if (i + 1 < p.len && p.ptr[i + 1] == '\'') {
			ret->text = TSN_SLICE("'");
			i += 2;
		} else {
			i++;
			while (i < p.len && p.ptr[i] != '\'')
				i++;
			ret->text = tsn_slice_of(p.ptr + from + 1, i - from - 1);
			i += i < p.len;
		}
	} else {
		while (i < p.len && !is_letter(p.ptr[i]) && p.ptr[i] != '\'')
			i++;
		ret->text = tsn_slice_of(p.ptr + from, i - from);
	}
	*at = i;
	return true;
}

/* the ISO week and its year */
static int
iso_week(const struct tsn_civil *c, int weekday, int *ret_year)
{
	int64_t day = tsn_time_days(c->year, c->month, c->day);
	int64_t thursday = day - (weekday + 6) % 7 + 3;
	struct tsn_civil t;

	tsn_time_to_civil(thursday * TSN_NS_PER_DAY, &t);
	*ret_year = t.year;
	return (int)((thursday - tsn_time_days(t.year, 1, 1)) / 7) + 1;
}

static void
write_number(struct tsn_buf *out, int v, unsigned width)
{
	tsn_buf_printf(out, "%0*d", (int)(width > 9 ? 9 : width), v);
}

static void
write_item(const struct item *it, const struct tsn_civil *c, int weekday, struct tsn_buf *out)
{
	int hour12 = c->hour % 12 == 0 ? 12 : c->hour % 12, year = c->year;
	int64_t yearday = tsn_time_days(c->year, c->month, c->day) - tsn_time_days(c->year, 1, 1) + 1;

	switch (it->letter) {
	case 'x':
		(void)iso_week(c, weekday, &year);
		write_number(out, it->count == 2 ? year % 100 : year, it->count);
		break;
	case 'y': case 'Y': case 'u':
		write_number(out, it->count == 2 ? year % 100 : year, it->count);
		break;
	case 'C': write_number(out, c->year / 100, it->count); break;
	case 'G': tsn_buf_lit(out, "AD"); break;
	case 'M': case 'L':
		if (it->count >= 3)
			tsn_buf_add(out, months[c->month - 1],
			    it->count == 3 ? 3 : strlen(months[c->month - 1]));
		else
			write_number(out, c->month, it->count);
		break;
	case 'd': write_number(out, c->day, it->count); break;
	case 'D': write_number(out, (int)yearday, it->count); break;
	case 'E': tsn_buf_add(out, days[weekday], it->count <= 3 ? 3 : strlen(days[weekday])); break;
	case 'e': write_number(out, weekday == 0 ? 7 : weekday, it->count); break;
	case 'w': write_number(out, iso_week(c, weekday, &year), it->count); break;
	case 'a': tsn_buf_printf(out, "%s", c->hour < 12 ? "AM" : "PM"); break;
	case 'H': write_number(out, c->hour, it->count); break;
	case 'k': write_number(out, c->hour == 0 ? 24 : c->hour, it->count); break;
	case 'K': write_number(out, c->hour % 12, it->count); break;
	case 'h': write_number(out, hour12, it->count); break;
	case 'm': write_number(out, c->minute, it->count); break;
	case 's': write_number(out, c->second, it->count); break;
	case 'Z':
		tsn_buf_printf(out, "%s", it->count == 1 ? "+0000" : it->count == 2 ? "+00:00" : "UTC");
		break;
	case 'z': case 'V': tsn_buf_lit(out, "UTC"); break;
	case 'X': tsn_buf_char(out, 'Z'); break;
	default: break;
	}
}

void
tsn_joda_write(struct tsn_slice pattern, int64_t ns, struct tsn_buf *out)
{
	struct tsn_civil c;
	struct item it;
	int weekday = tsn_time_weekday(ns);

	tsn_time_to_civil(ns, &c);
	for (size_t at = 0; next_item(pattern, &at, &it);) {
		if (it.letter == 0) {
			tsn_buf_slice(out, it.text);
		} else if (it.letter == 'S') {
			char digits[16];
			unsigned n = it.count > 9 ? 9 : it.count;

			(void)snprintf(digits, sizeof digits, "%09d", (int)c.ns);
			tsn_buf_add(out, digits, n);
		} else {
			write_item(&it, &c, weekday, out);
		}
	}
}

const char *
tsn_joda_check(struct tsn_slice pattern)
{
	static const char known[] = "GCYyuxwedDEMLaKhHkmsSzZVX";
	struct item it;

	for (size_t at = 0; next_item(pattern, &at, &it);)
		if (it.letter != 0 && strchr(known, it.letter) == NULL)
			return "a letter that is none of G C Y y x w e E D M d a K h H k m s S z Z";
	return NULL;
}

struct reading {
	struct tsn_slice s;
	size_t at;
	int year, month, day, hour, minute, second, yearday, week, weekyear, weekday, century;
	int32_t ns;
	int pm;			/* -1 not said */
	bool hour12, has_year, has_offset;
	int32_t offset;
};

/* up to max digits; -1 when there is none */
static int
digits(struct reading *r, unsigned max)
{
	int v = 0;
	unsigned n = 0;

	while (n < max && n < 9 && r->at < r->s.len && r->s.ptr[r->at] >= '0' &&
	    r->s.ptr[r->at] <= '9') {
		v = v * 10 + (r->s.ptr[r->at++] - '0');
		n++;
	}
	return n == 0 ? -1 : v;
}

static int
name_of(struct reading *r, const char *const *names, int count)
{
	for (int i = 0; i < count; i++) {
		size_t full = strlen(names[i]);

		for (unsigned which = 0; which < 2; which++) {
			size_t n = which == 0 ? full : 3;

			if (r->s.len - r->at >= n && tsn_slice_eq_nocase(tsn_slice_of(names[i], n),
			    tsn_slice_of(r->s.ptr + r->at, n))) {
				r->at += n;
				/* Java's English once wrote Sept, and logs write "Sep." */
				return i;
			}
		}
	}
	return -1;
}

static bool
read_offset(struct reading *r)
{
	int h, m = 0, sign;

	if (r->at < r->s.len && (r->s.ptr[r->at] == 'Z' || r->s.ptr[r->at] == 'z')) {
		r->at++;
		r->has_offset = true;
		return true;
	}
	if (r->at >= r->s.len || (r->s.ptr[r->at] != '+' && r->s.ptr[r->at] != '-'))
		return false;
	sign = r->s.ptr[r->at++] == '-' ? -1 : 1;
	h = digits(r, 2);
	if (r->at < r->s.len && r->s.ptr[r->at] == ':')
		r->at++;
	if (r->at < r->s.len && r->s.ptr[r->at] >= '0' && r->s.ptr[r->at] <= '9')
		m = digits(r, 2);
	r->offset = sign * (h * 3600 + m * 60);
	r->has_offset = true;
	return h >= 0 && h <= 23 && m <= 59;
}

static bool
read_zone_name(struct reading *r)
{
	static const struct {
		const char *name;
		int hours;
	} short_names[] = {{"UTC", 0}, {"UT", 0}, {"GMT", 0}, {"EST", -5}, {"EDT", -4}, {"CST", -6},
	    {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
	size_t n = 0;

	while (r->at + n < r->s.len && (is_letter(r->s.ptr[r->at + n]) || r->s.ptr[r->at + n] == '/' ||
	    r->s.ptr[r->at + n] == '_'))
		n++;
	for (size_t i = 0; i < TSN_COUNT(short_names); i++)
		if (tsn_slice_eq(tsn_slice_cstr(short_names[i].name), tsn_slice_of(r->s.ptr + r->at, n))) {
			r->at += n;
			r->has_offset = true;
			r->offset = short_names[i].hours * 3600;
			return true;
		}
	return false;
}

static bool
read_zone_id(struct reading *r)
{
	struct tsn_zone *z;
	size_t n = 0;
	int64_t local;

	if (r->at < r->s.len && !is_letter(r->s.ptr[r->at]))
		return read_offset(r);
	if (read_zone_name(r))
		return true;
	while (r->at + n < r->s.len && (is_letter(r->s.ptr[r->at + n]) || r->s.ptr[r->at + n] == '/' ||
	    r->s.ptr[r->at + n] == '_'))
		n++;
	z = tsn_zone_new(tsn_slice_of(r->s.ptr + r->at, n), NULL);
	if (z == NULL)
		return false;
	r->at += n;
	local = tsn_time_days(r->year, r->month < 1 ? 1 : r->month, r->day < 1 ? 1 : r->day) * 86400 +
	    r->hour * 3600 + r->minute * 60;
	r->offset = tsn_zone_offset_of_local(z, local);
	r->has_offset = true;
	tsn_zone_free(z);
	return true;
}

static bool
read_fraction(struct reading *r, unsigned max)
{
	int32_t v = 0, scale = 100000000;
	unsigned n = 0;

	while (n < max && r->at < r->s.len && r->s.ptr[r->at] >= '0' && r->s.ptr[r->at] <= '9') {
		v += (r->s.ptr[r->at++] - '0') * scale;
		scale /= 10;
		n++;
	}
	r->ns = v;
	return n > 0;
}

static bool
store(int *to, int v)
{
	*to = v;
	return v >= 0;
}

static bool
read_year(struct reading *r, int *to, unsigned count, bool adjacent)
{
	size_t from = r->at;

	*to = digits(r, adjacent ? count : 9);
	r->has_year = true;
	if (count == 2 && r->at - from == 2)
		*to += *to < 50 ? 2000 : 1900;
	return r->at > from;
}

/* adjacent: the next item is a number too, so this one has exactly as many digits as letters */
static bool
read_item(struct reading *r, const struct item *it, bool adjacent)
{
	unsigned max = adjacent ? it->count : it->count > 2 ? it->count : 2;

	switch (it->letter) {
	case 'y': case 'Y': case 'u': return read_year(r, &r->year, it->count, adjacent);
	case 'x': return read_year(r, &r->weekyear, it->count, adjacent);
	case 'C': return store(&r->century, digits(r, max));
	case 'G': r->at += r->s.len - r->at >= 2 ? 2 : 0; return true;
	case 'M': case 'L':
		r->month = it->count >= 3 ? name_of(r, months, 12) + 1 : digits(r, max);
		return r->month > 0;
	case 'd': return store(&r->day, digits(r, max));
	case 'D': return store(&r->yearday, digits(r, adjacent ? it->count : 3));
	case 'E': return name_of(r, days, 7) >= 0;
	case 'e': return store(&r->weekday, digits(r, 1));
	case 'w': return store(&r->week, digits(r, max));
	case 'H': return store(&r->hour, digits(r, max));
	case 'k': return store(&r->hour, digits(r, max)) && (r->hour %= 24, true);
	case 'K': r->hour12 = true; return store(&r->hour, digits(r, max));
	case 'h': r->hour12 = true; return store(&r->hour, digits(r, max)) && (r->hour %= 12, true);
	case 'm': return store(&r->minute, digits(r, max));
	case 's': return store(&r->second, digits(r, max));
	case 'S': return read_fraction(r, it->count);
	case 'a':
		if (r->s.len - r->at < 2 || (r->s.ptr[r->at + 1] | 0x20) != 'm')
			return false;
		r->pm = (r->s.ptr[r->at] | 0x20) == 'p';
		r->at += 2;
		return true;
	case 'Z': return it->count > 2 ? read_zone_id(r) : read_offset(r);
	case 'X': return read_offset(r);
	case 'z': return read_zone_name(r);
	case 'V': return read_zone_id(r);
	default: return false;
	}
}

static enum tsn_code
to_time(struct reading *r, const struct tsn_zone *zone, int64_t now_ns, int64_t *ret_ns)
{
	struct tsn_civil now, c;
	int64_t local, day;

	tsn_time_to_civil(now_ns, &now);
	if (r->century >= 0 && r->has_year && r->year >= 1900 && r->century * 100 <= 9900)
		r->year = r->century * 100 + r->year % 100;
	if (!r->has_year) {
		r->year = now.year;
		if (r->month == 12 && now.month == 1)
			r->year--;
		else if (r->month == 1 && now.month == 12)
			r->year++;
	}
	if (r->hour12)
		r->hour += r->pm == 1 ? 12 : 0;
	if (r->weekyear >= 0 && r->week >= 1 && r->week <= 53) {
		day = tsn_time_days(r->weekyear, 1, 4);
		day += -((day + 3) % 7) + (int64_t)(r->week - 1) * 7 +
		    (r->weekday > 0 ? r->weekday - 1 : 0);
		tsn_time_to_civil(day * TSN_NS_PER_DAY, &c);
		r->year = c.year;
		r->month = c.month;
		r->day = c.day;
	} else if (r->yearday >= 1 && r->yearday <= 366 && r->month < 0) {
		day = tsn_time_days(r->year, 1, 1) + r->yearday - 1;
		tsn_time_to_civil(day * TSN_NS_PER_DAY, &c);
		r->month = c.month;
		r->day = c.day;
	}
	c = (struct tsn_civil){r->year, r->month < 0 ? 1 : r->month, r->day < 0 ? 1 : r->day, r->hour,
	    r->minute, r->second, r->ns};
	TSN_TRY(tsn_time_from_civil(&c, 0, &local));
	if (!r->has_offset)
		r->offset = tsn_zone_offset_of_local(zone, tsn_time_floor(local, TSN_NS_PER_SEC) /
		    TSN_NS_PER_SEC);
	return tsn_time_from_civil(&c, r->offset, ret_ns);
}

static struct reading
begin_reading(struct tsn_slice text)
{
	return (struct reading){.s = text, .month = -1, .day = -1, .yearday = -1, .week = -1,
	    .weekyear = -1, .weekday = -1, .century = -1, .pm = -1, .year = 1970};
}

static bool
is_number(const struct item *it)
{
	return it->letter != 0 && strchr("YyuxCdDewHkKhmsS", it->letter) != NULL;
}

enum tsn_code
tsn_joda_read(struct tsn_slice pattern, struct tsn_slice text, const struct tsn_zone *zone,
    int64_t now_ns, int64_t *ret_ns)
{
	struct reading r = begin_reading(text);
	struct item it, ahead;

	for (size_t at = 0; next_item(pattern, &at, &it);) {
		size_t peek = at;

		if (it.letter == 0) {
			if (!tsn_slice_starts(tsn_slice_from(r.s, r.at), it.text))
				return TSN_EPARSE;
			r.at += it.text.len;
			continue;
		}
		if (!read_item(&r, &it, next_item(pattern, &peek, &ahead) && (is_number(&ahead) ||
		    ((ahead.letter == 'M' || ahead.letter == 'L') && ahead.count < 3))))
			return TSN_EPARSE;
	}
	if (r.at != r.s.len)
		return TSN_EPARSE;
	return to_time(&r, zone, now_ns, ret_ns);
}

static bool
take(struct reading *r, char c)
{
	if (r->at >= r->s.len || r->s.ptr[r->at] != c)
		return false;
	r->at++;
	return true;
}

static bool
read_iso_time(struct reading *r)
{
	if ((r->hour = digits(r, 2)) < 0)
		return false;
	if (take(r, ':')) {
		if ((r->minute = digits(r, 2)) < 0)
			return false;
		if (take(r, ':') && (r->second = digits(r, 2)) < 0)
			return false;
	}
	if ((take(r, '.') || take(r, ',')) && !read_fraction(r, 9))
		return false;
	while (r->at < r->s.len && r->s.ptr[r->at] >= '0' && r->s.ptr[r->at] <= '9')
		r->at++;
	return r->at == r->s.len || read_offset(r);
}

enum tsn_code
tsn_joda_read_iso(struct tsn_slice text, const struct tsn_zone *zone, int64_t *ret_ns)
{
	struct reading r = begin_reading(text);

	r.has_year = true;
	r.year = digits(&r, 4);
	if (r.at != 4)
		return TSN_EPARSE;
	if (take(&r, '-')) {
		if ((r.month = digits(&r, 2)) < 0)
			return TSN_EPARSE;
		if (take(&r, '-') && (r.day = digits(&r, 2)) < 0)
			return TSN_EPARSE;
	}
	if ((take(&r, 'T') || take(&r, ' ')) && !read_iso_time(&r))
		return TSN_EPARSE;
	if (r.at != r.s.len)
		return TSN_EPARSE;
	return to_time(&r, zone, 0, ret_ns);
}
