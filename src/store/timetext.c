#include "store/timetext_int.h"

#include "base/compiler.h"

#define SEC_PER_DAY 86400
#define EPOCH_MIN INT64_C(1000000000)
#define EPOCH_MAX INT64_C(9999999999)

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
	"Oct", "Nov", "Dec"};

/* Length without fraction. */
static const uint8_t lens[TIMETEXT__COUNT] = {15, 19, 19, 19, 20, 10};

size_t
timetext_len(const struct timetext *t)
{
	return (size_t)lens[t->form] + (t->digits > 0 ? 1u + t->digits : 0);
}

static void
two(char *out, int v)
{
	out[0] = (char)('0' + v / 10);
	out[1] = (char)('0' + v % 10);
}

static void
clock_text(char *out, int sec)
{
	two(out, sec / 3600);
	out[2] = ':';
	two(out + 3, sec / 60 % 60);
	out[5] = ':';
	two(out + 6, sec % 60);
}

static void
fraction(const struct timetext *t, char *out, int64_t ns)
{
	int64_t scale = TSN_NS_PER_SEC / 10;

	if (t->digits == 0)
		return;
	*out++ = t->comma ? ',' : '.';
	for (unsigned i = 0; i < t->digits; i++, scale /= 10)
		*out++ = (char)('0' + ns / scale % 10);
}

static void
date_text(uint8_t form, char *out, int y, int m, int d)
{
	if (form == TIMETEXT_BSD) {
		memcpy(out, months[m - 1], 3);
		two(out + 4, d);
		out[3] = ' ';
		if (d < 10)
			out[4] = ' ';
		out[6] = ' ';
		return;
	}
	if (form == TIMETEXT_CLF) {
		two(out, d);
		out[2] = '/';
		memcpy(out + 3, months[m - 1], 3);
		out[6] = '/';
		two(out + 7, y / 100);
		two(out + 9, y % 100);
		out[11] = ':';
		return;
	}
	two(out, y / 100);
	two(out + 2, y % 100);
	out[4] = out[7] = form == TIMETEXT_SLASH ? '/' : '-';
	two(out + 5, m);
	two(out + 8, d);
	out[10] = form == TIMETEXT_ISO_T ? 'T' : ' ';
}

static int64_t
floor_sec(int64_t ns)
{
	int64_t sec = ns / TSN_NS_PER_SEC;

	return ns % TSN_NS_PER_SEC < 0 ? sec - 1 : sec;
}

/* Civil date of a day since 1970; years 1678 to 2262. */
static void
date_of(int64_t days, int *y, int *m, int *d)
{
	int64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)(yoe + era * 400) + (*m <= 2);
}

bool
timetext_put(const struct timetext *t, int64_t time_ns, char out[TIMETEXT_MAX])
{
	int64_t utc = floor_sec(time_ns), sec = utc + t->tz_sec, days;
	int y, m, d;

	if (t->form == TIMETEXT_EPOCH) {
		if (utc < EPOCH_MIN || utc > EPOCH_MAX)
			return false;
		for (unsigned i = 10; i > 0; i--, utc /= 10)
			out[i - 1] = (char)('0' + utc % 10);
		fraction(t, out + 10, time_ns - floor_sec(time_ns) * TSN_NS_PER_SEC);
		return true;
	}
	days = sec / SEC_PER_DAY - (sec % SEC_PER_DAY < 0);
	date_of(days, &y, &m, &d);
	date_text(t->form, out, y, m, d);
	clock_text(out + lens[t->form] - 8, (int)(sec - days * SEC_PER_DAY));
	fraction(t, out + lens[t->form], time_ns - utc * TSN_NS_PER_SEC);
	return true;
}

/* ---- recognising ---- */

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
guess_form(struct tsn_slice s, uint8_t *ret_form)
{
	const char *p = s.ptr;

	if (s.len >= 15 && p[3] == ' ' && p[6] == ' ' && p[9] == ':' && p[12] == ':')
		*ret_form = TIMETEXT_BSD;
	else if (s.len >= 19 && p[4] == '-' && p[7] == '-' && p[13] == ':' && p[16] == ':')
		*ret_form = p[10] == 'T' ? TIMETEXT_ISO_T : TIMETEXT_ISO_BLANK;
	else if (s.len >= 19 && p[4] == '/' && p[7] == '/' && p[13] == ':' && p[16] == ':')
		*ret_form = TIMETEXT_SLASH;
	else if (s.len >= 20 && p[2] == '/' && p[6] == '/' && p[11] == ':' && p[14] == ':')
		*ret_form = TIMETEXT_CLF;
	else if (s.len >= 10 && digit(p[0]) && digit(p[9]) && (s.len == 10 || !digit(p[10])))
		*ret_form = TIMETEXT_EPOCH;
	else
		return false;
	return true;
}

static int
two_of(const char *p)
{
	return digit(p[0]) && digit(p[1]) ? (p[0] - '0') * 10 + (p[1] - '0') : -1;
}

/* How far the clock of the text is ahead of UTC: within a day either way, so try three. */
static bool
find_zone(struct tsn_slice s, int64_t time_ns, struct timetext *t)
{
	const char *p = s.ptr + lens[t->form] - 8;
	int h = two_of(p), m = two_of(p + 3), sec = two_of(p + 6);
	int64_t utc = floor_sec(time_ns), in_day = utc % SEC_PER_DAY;
	char text[TIMETEXT_MAX];

	if (h < 0 || m < 0 || sec < 0)
		return false;
	in_day += in_day < 0 ? SEC_PER_DAY : 0;
	t->tz_sec = (int32_t)(h * 3600 + m * 60 + sec - in_day);
	if (t->tz_sec % 900 != 0)
		return false;
	for (int i = 0; i < 3; i++) {
		int32_t zone = t->tz_sec + (i == 1 ? SEC_PER_DAY : i == 2 ? -SEC_PER_DAY : 0);
		struct timetext u = *t;

		u.tz_sec = zone;
		if (zone < -16 * 3600 || zone > 16 * 3600)
			continue;
		if (timetext_put(&u, time_ns, text) && memcmp(text, s.ptr, timetext_len(&u)) == 0) {
			*t = u;
			return true;
		}
	}
	return false;
}

bool
timetext_match(struct tsn_slice s, int64_t time_ns, struct timetext *ret)
{
	struct timetext t = {0};
	char text[TIMETEXT_MAX];
	size_t len;

	if (!guess_form(s, &t.form))
		return false;
	len = lens[t.form];
	if (t.form != TIMETEXT_BSD && s.len > len + 1 && (s.ptr[len] == '.' || s.ptr[len] == ',')) {
		t.comma = s.ptr[len] == ',';
		while (t.digits < 9 && len + 1 + t.digits < s.len && digit(s.ptr[len + 1 + t.digits]))
			t.digits++;
	}
	*ret = t;
	if (t.form == TIMETEXT_EPOCH)
		return timetext_put(&t, time_ns, text) &&
		    memcmp(text, s.ptr, timetext_len(&t)) == 0;
	if (find_zone(s, time_ns, ret))
		return true;
	/* A fraction that was rounded, or is none. */
	ret->digits = 0;
	ret->comma = false;
	return t.digits > 0 && find_zone(s, time_ns, ret);
}

static bool
is_month(struct tsn_slice word)
{
	for (unsigned i = 0; i < 12; i++)
		if (tsn_slice_eq_nocase(word, (struct tsn_slice){months[i], 3}))
			return true;
	return false;
}

/* Words of such texts are numbers, months and (2025-12-10T06) two numbers around a T. */
static bool
may_be_word(const struct timetext *t, struct tsn_slice word)
{
	size_t digits = 0;

	while (digits < word.len && digit(word.ptr[digits]))
		digits++;
	if (digits == word.len) {
		if (t->digits > 0 && digits == t->digits)
			return true;
		if (t->form == TIMETEXT_EPOCH)
			return digits == 10;
		return digits == 2 || digits == (t->form == TIMETEXT_BSD ? 1 : 4);
	}
	if (t->form == TIMETEXT_ISO_T)
		return word.len == 5 && digits == 2;
	return word.len == 3 && (t->form == TIMETEXT_BSD || t->form == TIMETEXT_CLF) &&
	    is_month(word);
}

bool
timetext_may_hold(const struct timetext *t, struct tsn_slice word, bool whole)
{
	size_t longest = t->form == TIMETEXT_EPOCH ? 10 : t->form == TIMETEXT_BSD ? 3 :
	    t->form == TIMETEXT_ISO_T ? 5 : 4;

	if (whole)
		return may_be_word(t, word);
	return word.len <= (t->digits > longest ? t->digits : longest);
}
