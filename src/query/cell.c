#include "query/cell.h"

#include <math.h>

#include "base/assert.h"
#include "base/ip.h"
#include "base/num.h"
#include "codec/json.h"

#define LIST_DEPTH_MAX 8

struct tsn_cell
tsn_cell_uint(uint64_t v)
{
	if (v <= INT64_MAX)
		return tsn_cell_int((int64_t)v);
	return (struct tsn_cell){.type = TSN_V_UINT, .u.n = v};
}

struct tsn_cell
tsn_cell_float(double v)
{
	if (!isfinite(v))
		return tsn_cell_null();
	return (struct tsn_cell){.type = TSN_V_FLOAT, .u.d = v};
}

struct tsn_cell
tsn_cell_field(const struct tsn_field *f)
{
	switch ((enum tsn_type)f->type) {
	case TSN_T_STR:
		return tsn_cell_str((struct tsn_slice){f->ptr, f->len});
	case TSN_T_INT:
		return tsn_cell_int(f->num.i);
	case TSN_T_UINT:
		return tsn_cell_uint(f->num.u);
	case TSN_T_FLOAT:
		return tsn_cell_float(f->num.d);
	case TSN_T_BOOL:
		return tsn_cell_bool(f->num.i != 0);
	case TSN_T_TIME:
		return tsn_cell_time(f->num.i);
	case TSN_T_OBJECT:
		return (struct tsn_cell){.type = TSN_V_JSON, .len = 2, .u.ptr = "{}"};
	case TSN_T_LIST:
		return (struct tsn_cell){.type = TSN_V_LIST};
	case TSN_T_NULL:
	case TSN_T__COUNT:
		break;
	}
	return tsn_cell_null();
}

static struct tsn_slice
text_of_int(const struct tsn_cell *v, char scratch[TSN_CELL_TEXT_MAX])
{
	bool minus = v->type == TSN_V_INT && v->u.i < 0;
	uint64_t n = minus ? 0 - v->u.n : v->u.n;
	size_t at = TSN_CELL_TEXT_MAX;

	do {
		scratch[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n != 0);
	if (minus)
		scratch[--at] = '-';
	return (struct tsn_slice){scratch + at, TSN_CELL_TEXT_MAX - at};
}

struct tsn_slice
tsn_cell_text(const struct tsn_cell *v, char scratch[TSN_CELL_TEXT_MAX])
{
	_Static_assert(TSN_CELL_TEXT_MAX >= TSN_TIME_TEXT_MAX, "a time fits");
	switch ((enum tsn_vtype)v->type) {
	case TSN_V_BOOL:
		return v->u.i ? TSN_SLICE("true") : TSN_SLICE("false");
	case TSN_V_INT:
	case TSN_V_UINT:
		return text_of_int(v, scratch);
	case TSN_V_FLOAT:
		return (struct tsn_slice){scratch, tsn_num_format_f64(v->u.d, scratch)};
	case TSN_V_TIME:
		return (struct tsn_slice){scratch, tsn_time_format(v->u.i, scratch)};
	case TSN_V_STR:
	case TSN_V_JSON:
		return (struct tsn_slice){v->u.ptr, v->len};
	case TSN_V_NULL:
	case TSN_V_LIST:
		break;
	}
	return TSN_SLICE("");
}

bool
tsn_cell_number(const struct tsn_cell *v, double *ret_number)
{
	switch ((enum tsn_vtype)v->type) {
	case TSN_V_BOOL:
	case TSN_V_INT:
		*ret_number = (double)v->u.i;
		return true;
	case TSN_V_UINT:
		*ret_number = (double)v->u.n;
		return true;
	case TSN_V_FLOAT:
		*ret_number = v->u.d;
		return true;
	case TSN_V_NULL:
	case TSN_V_TIME:
	case TSN_V_STR:
	case TSN_V_LIST:
	case TSN_V_JSON:
		break;
	}
	return false;
}

bool
tsn_cell_plain_number(struct tsn_slice s)
{
	size_t at = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0, digits = 0;
	bool dot = false;

	for (; at < s.len; at++) {
		if (s.ptr[at] >= '0' && s.ptr[at] <= '9')
			digits++;
		else if (s.ptr[at] == '.' && !dot && digits > 0 && at + 1 < s.len)
			dot = true;
		else
			return false;
	}
	return digits > 0;
}

bool
tsn_cell_to_number(const struct tsn_cell *v, struct tsn_cell *ret_number)
{
	struct tsn_slice s;
	uint64_t u;
	int64_t i;
	double d;

	if (v->type >= TSN_V_BOOL && v->type <= TSN_V_FLOAT) {
		*ret_number = *v;
		if (v->type == TSN_V_BOOL)
			ret_number->type = TSN_V_INT;
		return true;
	}
	if (v->type != TSN_V_STR)
		return false;
	s = (struct tsn_slice){v->u.ptr, v->len};
	if (!tsn_cell_plain_number(s))
		return false;
	if (tsn_num_parse_i64(s, &i) == TSN_OK)
		*ret_number = tsn_cell_int(i);
	else if (tsn_num_parse_u64(s, &u) == TSN_OK)
		*ret_number = tsn_cell_uint(u);
	else if (tsn_num_parse_f64(s, &d) == TSN_OK)
		*ret_number = tsn_cell_float(d);
	else
		return false;
	return true;
}

bool
tsn_cell_to_time(const struct tsn_cell *v, int64_t *ret_ns)
{
	char day[32];
	bool zoned;

	if (v->type == TSN_V_TIME) {
		*ret_ns = v->u.i;
		return true;
	}
	if (v->type != TSN_V_STR || v->len < 10)
		return false;
	if (v->len == 10) {
		memcpy(day, v->u.ptr, 10);
		memcpy(day + 10, "T00:00:00Z", 10);
		return tsn_time_parse_rfc3339((struct tsn_slice){day, 20}, ret_ns, &zoned) == TSN_OK;
	}
	return tsn_time_parse_rfc3339((struct tsn_slice){v->u.ptr, v->len}, ret_ns, &zoned) == TSN_OK;
}

static struct tsn_cell
dup_level(struct tsn_arena *a, const struct tsn_cell *v, bool *ret_failed, int depth)
{
	struct tsn_cell copy = *v;

	if ((v->type == TSN_V_STR || v->type == TSN_V_JSON) && v->len > 0) {
		copy.u.ptr = tsn_arena_dup(a, (struct tsn_slice){v->u.ptr, v->len}).ptr;
		if (copy.u.ptr == NULL)
			goto failed;
	} else if (v->type == TSN_V_LIST && v->len > 0) {
		struct tsn_cell *items = depth == 0 ? NULL : tsn_arena_calloc(a, v->len, sizeof *items);

		if (items == NULL)
			goto failed;
		for (uint32_t i = 0; i < v->len; i++)
			items[i] = dup_level(a, &v->u.items[i], ret_failed, depth - 1);
		copy.u.items = items;
	}
	return copy;
failed:
	*ret_failed = true;
	return tsn_cell_null();
}

struct tsn_cell
tsn_cell_dup(struct tsn_arena *a, const struct tsn_cell *v, bool *ret_failed)
{
	return dup_level(a, v, ret_failed, LIST_DEPTH_MAX);
}

static int
order_i64(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* An integer against a double, exactly: beyond 2^53 a double is an integer itself. */
static int
order_int_float(__int128 a, double b)
{
	if (b >= 1e20)
		return -1;
	if (b <= -1e20)
		return 1;
	if (a != (__int128)b)
		return a < (__int128)b ? -1 : 1;
	return b > trunc(b) ? -1 : b < trunc(b) ? 1 : 0;
}

static __int128
wide(const struct tsn_cell *v)
{
	return v->type == TSN_V_UINT ? (__int128)v->u.n : (__int128)v->u.i;
}

int
tsn_cell_order_numbers(const struct tsn_cell *a, const struct tsn_cell *b)
{
	if (a->type == TSN_V_FLOAT && b->type == TSN_V_FLOAT)
		return (a->u.d > b->u.d) - (a->u.d < b->u.d);
	if (a->type == TSN_V_FLOAT)
		return -order_int_float(wide(b), a->u.d);
	if (b->type == TSN_V_FLOAT)
		return order_int_float(wide(a), b->u.d);
	return (wide(a) > wide(b)) - (wide(a) < wide(b));
}

static bool
to_address(const struct tsn_cell *v, struct tsn_ip *ret)
{
	return v->type == TSN_V_STR && v->len >= 2 &&
	    tsn_ip_parse((struct tsn_slice){v->u.ptr, v->len}, ret) == TSN_OK;
}

static int
order_text(struct tsn_slice a, struct tsn_slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int exact;

	for (size_t i = 0; i < n; i++) {
		unsigned char x = (unsigned char)tsn_lower(a.ptr[i]);
		unsigned char y = (unsigned char)tsn_lower(b.ptr[i]);

		if (x != y)
			return x < y ? -1 : 1;
	}
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	exact = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);
	return (exact > 0) - (exact < 0);
}

/* Numbers, times, addresses, texts, lists, null. */
static int
rank(const struct tsn_cell *v, struct tsn_cell *ret_number, struct tsn_ip *ret_address)
{
	if (v->type == TSN_V_NULL)
		return 5;
	if (tsn_cell_to_number(v, ret_number))
		return 0;
	if (v->type == TSN_V_TIME)
		return 1;
	if (v->type == TSN_V_LIST)
		return 4;
	return to_address(v, ret_address) ? 2 : 3;
}

static int
order_lists(const struct tsn_cell *a, const struct tsn_cell *b)
{
	for (uint32_t i = 0; i < a->len && i < b->len; i++) {
		int order = tsn_cell_order(&a->u.items[i], &b->u.items[i]);

		if (order != 0)
			return order;
	}
	return (a->len > b->len) - (a->len < b->len);
}

int
tsn_cell_order(const struct tsn_cell *a, const struct tsn_cell *b)
{
	char scratch_a[TSN_CELL_TEXT_MAX], scratch_b[TSN_CELL_TEXT_MAX];
	struct tsn_cell na = {0}, nb = {0};
	struct tsn_ip aa = {0}, ab = {0};
	int ra = rank(a, &na, &aa), rb = rank(b, &nb, &ab), order = 0;

	if (ra != rb)
		return ra < rb ? -1 : 1;
	switch (ra) {
	case 0:
		order = tsn_cell_order_numbers(&na, &nb);
		break;
	case 1:
		return order_i64(a->u.i, b->u.i);
	case 2:
		order = memcmp(aa.bytes, ab.bytes, sizeof aa.bytes);
		break;
	case 4:
		return order_lists(a, b);
	case 5:
		return 0;
	default:
		break;
	}
	if (order != 0)
		return order < 0 ? -1 : 1;
	if (ra == 0 && a->type != TSN_V_STR && b->type != TSN_V_STR)
		return 0;
	return order_text(tsn_cell_text(a, scratch_a), tsn_cell_text(b, scratch_b));
}

static void
json_level(struct tsn_buf *out, const struct tsn_cell *v, int depth)
{
	char scratch[TSN_CELL_TEXT_MAX];

	switch ((enum tsn_vtype)v->type) {
	case TSN_V_NULL:
		tsn_buf_lit(out, "null");
		break;
	case TSN_V_STR:
	case TSN_V_TIME:
		tsn_json_write_string(out, tsn_cell_text(v, scratch));
		break;
	case TSN_V_BOOL:
	case TSN_V_INT:
	case TSN_V_UINT:
	case TSN_V_FLOAT:
	case TSN_V_JSON:
		tsn_buf_slice(out, tsn_cell_text(v, scratch));
		break;
	case TSN_V_LIST:
		tsn_buf_char(out, '[');
		for (uint32_t i = 0; i < v->len && depth > 0; i++) {
			if (i > 0)
				tsn_buf_char(out, ',');
			json_level(out, &v->u.items[i], depth - 1);
		}
		tsn_buf_char(out, ']');
		break;
	}
}

void
tsn_cell_json(struct tsn_buf *out, const struct tsn_cell *v)
{
	json_level(out, v, LIST_DEPTH_MAX);
}
