/* Zones: fixed offsets, and transitions of TZif files (RFC 8536). */
#include <stdlib.h>
#include <string.h>

#include "os/file.h"
#include "pipeline/joda.h"

#define ZONE_DIR "/usr/share/zoneinfo/"
#define FILE_MAX_BYTES (1u << 20)

struct tsn_zone {
	int32_t first;			/* offset before the first transition, or always */
	uint32_t count;
	int64_t *at;			/* UTC seconds, ascending */
	int32_t *offset;		/* from then on */
};

static int64_t
big_endian(const char *p, unsigned bytes)
{
	uint64_t v = (unsigned char)p[0] & 0x80 ? UINT64_MAX : 0;

	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | (unsigned char)p[i];
	return (int64_t)v;
}

static bool
fixed_offset(struct tsn_slice s, int32_t *ret)
{
	int32_t digits = 0, v = 0;

	if (tsn_slice_eq(s, TSN_SLICE("UTC")) || tsn_slice_eq(s, TSN_SLICE("GMT")) ||
	    tsn_slice_eq(s, TSN_SLICE("Z"))) {
		*ret = 0;
		return true;
	}
	if (s.len < 3 || s.len > 6 || (s.ptr[0] != '+' && s.ptr[0] != '-'))
		return false;
	for (size_t i = 1; i < s.len; i++) {
		if (s.ptr[i] == ':' && i == 3)
			continue;
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		v = v * 10 + (s.ptr[i] - '0');
		digits++;
	}
	if (digits != 2 && digits != 4)
		return false;
	if (digits == 2)
		v *= 100;
	*ret = (v / 100 * 60 + v % 100) * 60 * (s.ptr[0] == '-' ? -1 : 1);
	return v / 100 <= 23 && v % 100 <= 59;
}

/* the last rule of the file ("CET-1CEST,M3.5.0,M10.5.0/3") is written out up to this year */
#define RULE_YEAR_MAX 2100

struct rule {
	int32_t offset;			/* seconds east from then on */
	int month, week, day;		/* Mm.w.d */
	int32_t time;			/* local seconds of the day */
};

static size_t
posix_number(struct tsn_slice s, size_t i, int *ret)
{
	int v = 0;

	while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9' && v < 100000)
		v = v * 10 + (s.ptr[i++] - '0');
	*ret = v;
	return i;
}

/* [+-]h[:m[:s]] */
static size_t
posix_time(struct tsn_slice s, size_t i, int32_t *ret)
{
	int part, sign = 1, scale = 3600;
	int32_t v = 0;

	if (i < s.len && (s.ptr[i] == '-' || s.ptr[i] == '+'))
		sign = s.ptr[i++] == '-' ? -1 : 1;
	for (; scale > 0; scale /= 60) {
		i = posix_number(s, i, &part);
		v += part % 1000 * scale;
		if (i >= s.len || s.ptr[i] != ':')
			break;
		i++;
	}
	*ret = sign * v;
	return i;
}

static size_t
posix_name(struct tsn_slice s, size_t i)
{
	if (i < s.len && s.ptr[i] == '<') {
		while (i < s.len && s.ptr[i] != '>')
			i++;
		return i + (i < s.len);
	}
	while (i < s.len && ((s.ptr[i] | 0x20) >= 'a' && (s.ptr[i] | 0x20) <= 'z'))
		i++;
	return i;
}

/* ",Mm.w.d[/time]" */
static size_t
posix_change(struct tsn_slice s, size_t i, struct rule *r)
{
	if (i + 1 >= s.len || s.ptr[i] != ',' || s.ptr[i + 1] != 'M')
		return SIZE_MAX;
	i = posix_number(s, i + 2, &r->month);
	i = posix_number(s, i + (i < s.len), &r->week);
	i = posix_number(s, i + (i < s.len), &r->day);
	r->time = 7200;
	if (i < s.len && s.ptr[i] == '/')
		i = posix_time(s, i + 1, &r->time);
	return r->month >= 1 && r->month <= 12 && r->week >= 1 && r->week <= 5 && r->day <= 6 ? i :
	    SIZE_MAX;
}

static int64_t
change_day(const struct rule *r, int year)
{
	int64_t first = tsn_time_days(year, r->month, 1);
	int64_t next = r->month == 12 ? tsn_time_days(year + 1, 1, 1) :
	    tsn_time_days(year, r->month + 1, 1);
	int64_t day = first + (r->day - (first + 4) % 7 + 7) % 7 + (int64_t)(r->week - 1) * 7;

	while (day >= next)
		day -= 7;
	return day;
}

static void
add_change(struct tsn_zone *z, int64_t at, int32_t offset)
{
	if (z->count > 0 && at <= z->at[z->count - 1])
		return;
	z->at[z->count] = at;
	z->offset[z->count++] = offset;
}

/* z->at has room for two changes a year up to RULE_YEAR_MAX */
static void
apply_rule(struct tsn_zone *z, struct tsn_slice s)
{
	struct rule dst = {0}, std = {0};
	size_t i = posix_name(s, 0);

	i = posix_time(s, i, &std.offset);
	std.offset = -std.offset;
	if (i >= s.len) {
		if (z->count == 0)
			z->first = std.offset;
		return;
	}
	i = posix_name(s, i);
	dst.offset = std.offset + 3600;
	if (i < s.len && s.ptr[i] != ',') {
		i = posix_time(s, i, &dst.offset);
		dst.offset = -dst.offset;
	}
	i = posix_change(s, i, &dst);
	if (i == SIZE_MAX || posix_change(s, i, &std) == SIZE_MAX)
		return;
	for (int year = 1970; year <= RULE_YEAR_MAX; year++) {
		int64_t to_dst = change_day(&dst, year) * 86400 + dst.time - std.offset;
		int64_t to_std = change_day(&std, year) * 86400 + std.time - dst.offset;

		if (to_dst < to_std)
			add_change(z, to_dst, dst.offset);
		add_change(z, to_std, std.offset);
		if (to_dst >= to_std)
			add_change(z, to_dst, dst.offset);
	}
}

/* the version 2 block: behind the first block, with 8-byte times */
static bool
read_tzif(struct tsn_slice f, struct tsn_zone *z)
{
	const char *p = f.ptr;
	int64_t n[6];
	uint64_t skip, need;

	for (unsigned round = 0; round < 2; round++) {
		unsigned wide = round == 0 ? 4 : 8;

		if ((size_t)(f.ptr + f.len - p) < 44 || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
			return false;
		for (unsigned i = 0; i < 6; i++) {
			n[i] = big_endian(p + 20 + 4 * i, 4);
			if (n[i] < 0 || n[i] > 100000)
				return false;
		}
		p += 44;
		/* isut, isstd, leap, time, type, char */
		need = (uint64_t)(n[3] * (wide + 1) + n[4] * 6 + n[5] + n[2] * (wide + 4) + n[1] + n[0]);
		if (need > (uint64_t)(f.ptr + f.len - p) || n[4] == 0)
			return false;
		skip = round == 0 ? need : 0;
		p += skip;
	}
	z->at = calloc((size_t)n[3] + 2 * (RULE_YEAR_MAX - 1969), sizeof *z->at);
	z->offset = calloc((size_t)n[3] + 2 * (RULE_YEAR_MAX - 1969), sizeof *z->offset);
	if (z->at == NULL || z->offset == NULL)
		return false;
	z->first = (int32_t)big_endian(p + n[3] * 9, 4);
	for (int64_t i = 0; i < n[3]; i++) {
		unsigned char type = (unsigned char)p[n[3] * 8 + i];

		if (type >= n[4])
			return false;
		z->at[z->count] = big_endian(p + i * 8, 8);
		z->offset[z->count++] = (int32_t)big_endian(p + n[3] * 9 + type * 6, 4);
	}
	p += need;
	apply_rule(z, tsn_slice_trim(tsn_slice_of(p, (size_t)(f.ptr + f.len - p))));
	return true;
}

/* letters, digits, _ + - and single slashes: no way out of the folder */
static bool
safe_name(struct tsn_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i], low = tsn_lower(c);

		if (!((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
		    c == '-' || (c == '/' && i > 0 && i + 1 < s.len)))
			return false;
	}
	return s.len > 0 && s.len < 64;
}

struct tsn_zone *
tsn_zone_new(struct tsn_slice name, struct tsn_err *err)
{
	struct tsn_zone *z = calloc(1, sizeof *z);
	char path[sizeof ZONE_DIR + 64] = ZONE_DIR, shown[80];
	struct tsn_buf text;
	bool fine;

	if (z == NULL) {
		(void)TSN_ERR(err, TSN_ENOMEM, "out of memory");
		return NULL;
	}
	if (fixed_offset(name, &z->first))
		return z;
	tsn_buf_init(&text, FILE_MAX_BYTES);
	fine = safe_name(name);
	if (fine) {
		memcpy(path + sizeof ZONE_DIR - 1, name.ptr, name.len);
		fine = tsn_file_read_all(&tsn_file_system, path, &text, NULL) == TSN_OK &&
		    read_tzif(tsn_buf_get(&text), z);
	}
	tsn_buf_done(&text);
	if (fine)
		return z;
	(void)TSN_ERR(err, TSN_EINVAL, "expected a zone like UTC, +02:00 or Asia/Tokyo, found '%s'",
	    tsn_slice_escape(name, shown, sizeof shown));
	tsn_zone_free(z);
	return NULL;
}

void
tsn_zone_free(struct tsn_zone *z)
{
	if (z == NULL)
		return;
	free(z->at);
	free(z->offset);
	free(z);
}

static int32_t
offset_at(const struct tsn_zone *z, int64_t utc)
{
	uint32_t low = 0, high = z->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (z->at[mid] <= utc)
			low = mid + 1;
		else
			high = mid;
	}
	return low == 0 ? z->first : z->offset[low - 1];
}

int32_t
tsn_zone_offset_of_local(const struct tsn_zone *z, int64_t local_sec)
{
	int32_t before, after;

	if (z == NULL)
		return 0;
	/* the offsets a day around it; where both fit the earlier one counts */
	before = offset_at(z, local_sec - 86400);
	after = offset_at(z, local_sec + 86400);
	if (before == after || offset_at(z, local_sec - before) == before)
		return before;
	return after;
}
