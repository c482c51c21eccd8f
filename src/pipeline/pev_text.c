/* Values as text: sprintf's form, JSON both ways, and rubydebug. */
#include <math.h>
#include <string.h>

#include "base/num.h"
#include "codec/json.h"
#include "pipeline/pev.h"

/* d as its shortest digits and the place of the point behind the first `point` of them */
static size_t
digits_of(double d, char digits[32], int *ret_point)
{
	char text[32];
	size_t len = tsn_num_format_f64(d, text), n = 0, i = 0;
	int point = 0, exponent = 0;
	bool seen_point = false;

	for (; i < len && text[i] != 'e' && text[i] != 'E'; i++) {
		if (text[i] == '.') {
			seen_point = true;
		} else if (text[i] >= '0' && text[i] <= '9') {
			if (n == 0 && text[i] == '0') {
				point -= seen_point;
				continue;
			}
			digits[n++] = text[i];
			point += !seen_point;
		}
	}
	if (i + 1 < len) {
		int64_t e = 0;

		if (tsn_num_parse_i64(tsn_slice_of(text + i + 1, len - i - 1), &e) == TSN_OK)
			exponent = (int)e;
	}
	while (n > 1 && digits[n - 1] == '0')
		n--;
	*ret_point = point + exponent;
	return n;
}

void
tsn_pv_write_float(double d, enum tsn_pv_float_style style, struct tsn_buf *out)
{
	char digits[32];
	bool ruby = style == TSN_PV_FLOAT_RUBY;
	int point = 0, high = ruby ? 16 : 7, low = ruby ? -3 : -2;
	size_t n;

	if (isnan(d) || isinf(d)) {
		tsn_buf_printf(out, "%s", isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
		return;
	}
	if (signbit(d))
		tsn_buf_char(out, '-');
	if (d == 0) {
		tsn_buf_lit(out, "0.0");
		return;
	}
	n = digits_of(fabs(d), digits, &point);
	if (point > high || point < low) {
		tsn_buf_char(out, digits[0]);
		tsn_buf_char(out, '.');
		tsn_buf_add(out, n > 1 ? digits + 1 : "0", n > 1 ? n - 1 : 1);
		if (ruby)
			tsn_buf_printf(out, "e%c%02d", point > 0 ? '+' : '-',
			    point > 0 ? point - 1 : 1 - point);
		else
			tsn_buf_printf(out, "E%d", point - 1);
		return;
	}
	if (point <= 0)
		tsn_buf_lit(out, "0.");
	for (int i = point; i < 0; i++)
		tsn_buf_char(out, '0');
	for (int i = 0; i < (int)n || i <= point; i++) {
		if (i == point && i > 0)
			tsn_buf_char(out, '.');
		if (i < (int)n || i < point || (i == point && i > 0))
			tsn_buf_char(out, i < (int)n ? digits[i] : '0');
	}
}

static void
write_scalar(const struct tsn_pv *v, enum tsn_pv_float_style style, struct tsn_buf *out)
{
	char text[TSN_TIME_TEXT_MAX];

	if (v->type == TSN_PV_INT)
		tsn_buf_i64(out, v->as.i);
	else if (v->type == TSN_PV_FLOAT)
		tsn_pv_write_float(v->as.d, style, out);
	else if (v->type == TSN_PV_BOOL)
		tsn_buf_printf(out, "%s", v->as.i ? "true" : "false");
	else if (v->type == TSN_PV_TIME)
		tsn_buf_add(out, text, tsn_time_format(v->as.i, text));
}

static void
write_json(const struct tsn_pv *v, struct tsn_buf *out, uint32_t depth)
{
	if (v->type == TSN_PV_STR) {
		tsn_json_write_string(out, v->as.str);
	} else if (v->type == TSN_PV_TIME) {
		tsn_buf_char(out, '"');
		write_scalar(v, TSN_PV_FLOAT_JAVA, out);
		tsn_buf_char(out, '"');
	} else if (v->type == TSN_PV_NULL || depth > TSN_NESTING_MAX ||
	    (v->type == TSN_PV_FLOAT && !isfinite(v->as.d))) {
		tsn_buf_lit(out, "null");
	} else if (v->type == TSN_PV_LIST) {
		tsn_buf_char(out, '[');
		for (uint32_t i = 0; i < v->as.list->count; i++) {
			if (i > 0)
				tsn_buf_char(out, ',');
			write_json(&v->as.list->items[i], out, depth + 1);
		}
		tsn_buf_char(out, ']');
	} else if (v->type == TSN_PV_MAP) {
		tsn_buf_char(out, '{');
		for (uint32_t i = 0; i < v->as.map->count; i++) {
			if (i > 0)
				tsn_buf_char(out, ',');
			tsn_json_write_string(out, v->as.map->members[i].name);
			tsn_buf_char(out, ':');
			write_json(&v->as.map->members[i].value, out, depth + 1);
		}
		tsn_buf_char(out, '}');
	} else {
		write_scalar(v, TSN_PV_FLOAT_JAVA, out);
	}
}

void
tsn_pv_write_json(const struct tsn_pv *v, struct tsn_buf *out)
{
	write_json(v, out, 0);
}

void
tsn_pv_write_text(const struct tsn_pv *v, struct tsn_buf *out)
{
	if (v->type == TSN_PV_STR) {
		tsn_buf_slice(out, v->as.str);
	} else if (v->type == TSN_PV_MAP) {
		tsn_pv_write_json(v, out);
	} else if (v->type == TSN_PV_LIST) {
		for (uint32_t i = 0; i < v->as.list->count; i++) {
			const struct tsn_pv *item = &v->as.list->items[i];

			if (i > 0)
				tsn_buf_char(out, ',');
			if (item->type == TSN_PV_LIST)
				tsn_pv_write_json(item, out);
			else
				tsn_pv_write_text(item, out);
		}
	} else {
		write_scalar(v, TSN_PV_FLOAT_JAVA, out);
	}
}

static enum tsn_code read_value(struct tsn_json_reader *r, struct tsn_arena *a,
    enum tsn_json_token token, struct tsn_pv *ret, struct tsn_err *err, uint32_t depth);

static enum tsn_code
read_nested(struct tsn_json_reader *r, struct tsn_arena *a, bool map, struct tsn_pv *ret,
    struct tsn_err *err, uint32_t depth)
{
	if (depth > TSN_NESTING_MAX)
		TSN_FAIL(err, TSN_ELIMIT, "JSON is nested deeper than %u levels", TSN_NESTING_MAX);
	if (!(map ? tsn_pv_map_new(a, ret) : tsn_pv_list_new(a, ret)))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (;;) {
		enum tsn_json_token token;
		struct tsn_slice name = TSN_SLICE("");
		struct tsn_pv v;

		TSN_TRY(tsn_json_next(r, &token, err));
		if (token == TSN_JSON_OBJECT_END || token == TSN_JSON_ARRAY_END)
			return TSN_OK;
		if (map) {
			name = r->text;
			TSN_TRY(tsn_json_next(r, &token, err));
		}
		TSN_TRY(read_value(r, a, token, &v, err, depth + 1));
		if (!(map ? tsn_pv_map_put(a, ret->as.map, name, v) :
		    tsn_pv_list_add(a, ret->as.list, v)))
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
}

static enum tsn_code
read_value(struct tsn_json_reader *r, struct tsn_arena *a, enum tsn_json_token token,
    struct tsn_pv *ret, struct tsn_err *err, uint32_t depth)
{
	if (token == TSN_JSON_OBJECT || token == TSN_JSON_ARRAY)
		return read_nested(r, a, token == TSN_JSON_OBJECT, ret, err, depth);
	*ret = (struct tsn_pv){.type = TSN_PV_NULL};
	if (token == TSN_JSON_STRING)
		*ret = tsn_pv_str(r->text);
	else if (token == TSN_JSON_BOOL)
		*ret = tsn_pv_bool(r->boolean);
	else if (token == TSN_JSON_NUMBER && r->number.kind == TSN_JSON_INT)
		*ret = tsn_pv_int(r->number.as.i);
	else if (token == TSN_JSON_NUMBER)
		*ret = (struct tsn_pv){.type = TSN_PV_FLOAT, .as.d = r->number.kind == TSN_JSON_UINT ?
		    (double)r->number.as.u : r->number.as.d};
	return TSN_OK;
}

enum tsn_code
tsn_pv_read_json(struct tsn_arena *a, struct tsn_slice text, struct tsn_pv *ret,
    struct tsn_err *err)
{
	struct tsn_json_reader r;
	enum tsn_json_token token;

	tsn_json_reader_init(&r, text, a);
	TSN_TRY(tsn_json_next(&r, &token, err));
	if (token == TSN_JSON_END)
		TSN_FAIL(err, TSN_EPARSE, "JSON: expected a value, found nothing");
	TSN_TRY(read_value(&r, a, token, ret, err, 0));
	TSN_TRY(tsn_json_next(&r, &token, err));
	tsn_json_finish(&r.in);
	return TSN_OK;
}

/* Ruby's String#inspect of UTF-8 text */
static void
ruby_string(struct tsn_slice s, struct tsn_buf *out)
{
	tsn_buf_char(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		static const char codes[] = "abtnvfr";

		if (c == '"' || c == '\\') {
			tsn_buf_char(out, '\\');
			tsn_buf_char(out, (char)c);
		} else if (c == '#' && i + 1 < s.len && memchr("{$@", s.ptr[i + 1], 3) != NULL) {
			tsn_buf_lit(out, "\\#");
		} else if (c >= 7 && c <= 13) {
			tsn_buf_char(out, '\\');
			tsn_buf_char(out, codes[c - 7]);
		} else if (c == 27) {
			tsn_buf_lit(out, "\\e");
		} else if (c < 32) {
			tsn_buf_printf(out, "\\u%04X", c);
		} else if (c == 127) {
			tsn_buf_lit(out, "\\x7F");
		} else {
			tsn_buf_char(out, (char)c);
		}
	}
	tsn_buf_char(out, '"');
}

static void
spaces(struct tsn_buf *out, size_t n)
{
	while (n-- > 0)
		tsn_buf_char(out, ' ');
}

/* columns of a name in quotes */
static size_t
name_width(struct tsn_slice name)
{
	size_t n = 2;

	for (size_t i = 0; i < name.len; i++)
		n += ((unsigned char)name.ptr[i] & 0xc0) != 0x80;
	return n;
}

static void
write_ruby(const struct tsn_pv *v, struct tsn_buf *out, size_t indent)
{
	size_t width = 0;

	if (v->type == TSN_PV_STR) {
		ruby_string(v->as.str, out);
	} else if (v->type == TSN_PV_NULL || indent > 4 * TSN_NESTING_MAX) {
		tsn_buf_lit(out, "nil");
	} else if (v->type == TSN_PV_LIST) {
		if (v->as.list->count == 0) {
			tsn_buf_lit(out, "[]");
			return;
		}
		tsn_buf_lit(out, "[\n");
		for (uint32_t n = v->as.list->count - 1; n > 0; n /= 10)
			width++;
		width += width == 0;
		for (uint32_t i = 0; i < v->as.list->count; i++) {
			spaces(out, indent + 4);
			tsn_buf_printf(out, "[%*u] ", (int)width, i);
			write_ruby(&v->as.list->items[i], out, indent + 4);
			tsn_buf_printf(out, i + 1 < v->as.list->count ? ",\n" : "\n");
		}
		spaces(out, indent);
		tsn_buf_char(out, ']');
	} else if (v->type == TSN_PV_MAP) {
		const struct tsn_pv_map *m = v->as.map;

		if (m->count == 0) {
			tsn_buf_lit(out, "{}");
			return;
		}
		tsn_buf_lit(out, "{\n");
		for (uint32_t i = 0; i < m->count; i++)
			width = name_width(m->members[i].name) > width ? name_width(m->members[i].name) : width;
		for (uint32_t i = 0; i < m->count; i++) {
			spaces(out, indent + 4 + width - name_width(m->members[i].name));
			ruby_string(m->members[i].name, out);
			tsn_buf_lit(out, " => ");
			write_ruby(&m->members[i].value, out, indent + 4);
			tsn_buf_printf(out, i + 1 < m->count ? ",\n" : "\n");
		}
		spaces(out, indent);
		tsn_buf_char(out, '}');
	} else {
		write_scalar(v, TSN_PV_FLOAT_RUBY, out);
	}
}

void
tsn_pv_write_ruby(const struct tsn_pv *v, struct tsn_buf *out)
{
	write_ruby(v, out, 0);
}
