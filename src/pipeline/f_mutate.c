/* Filter mutate, its operations in Logstash's order, whatever their order in the configuration. */
#include <math.h>
#include <string.h>

#include "base/num.h"
#include "pipeline/impl_int.h"
#include "pipeline/rx.h"

struct gsub {
	struct tsn_pref field;
	struct tsn_rx *rx;
	struct tsn_tmpl with;
};

struct pairs {
	struct tsn_ppair *items;
	uint32_t count;
};

struct names {
	struct tsn_pname *items;
	uint32_t count;
};

struct mutate {
	struct pairs coerce, rename, update, replace, convert, split, join, merge, copy;
	struct names uppercase, capitalize, lowercase, strip;
	struct gsub *gsubs;
	uint32_t gsub_count;
	struct tsn_tmpl failure;
};

typedef void change_string(struct tsn_pev *ev, struct tsn_slice text, struct tsn_pv *ret);

static enum tsn_code
open_gsub(struct tsn_pinst *in, struct mutate *m, struct tsn_err *err)
{
	uint32_t count;
	const struct tsn_conf_value *items = tsn_pi_list(in, "gsub", &count);
	struct tsn_err why = {0};

	if (count % 3 != 0)
		return tsn_pi_fail(in, err, "option \"gsub\": expected field, regex, replacement, ...");
	m->gsubs = tsn_pi_alloc(in, count / 3, sizeof *m->gsubs);
	if (m->gsubs == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (; m->gsub_count < count / 3; m->gsub_count++) {
		struct gsub *g = &m->gsubs[m->gsub_count];
		const struct tsn_conf_value *v = &items[3 * m->gsub_count];

		if (!tsn_pi_ref(in, v[0].text, &g->field) ||
		    !tsn_tmpl_parse(&in->pl->conf->arena, v[2].text, &g->with))
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		if (tsn_rx_new(v[1].text, &g->rx, &why) != TSN_OK)
			return tsn_pi_fail(in, err, "option \"gsub\": %s", why.msg);
	}
	return TSN_OK;
}

static enum tsn_code
mutate_open(struct tsn_pinst *in, struct tsn_err *err)
{
	static const char *const types[] = {"integer", "integer_eu", "float", "float_eu", "string",
	    "boolean"};
	struct mutate *m = tsn_pi_alloc(in, 1, sizeof *m);

	in->state = m;
#define PAIRS(n) tsn_pi_pairs(in, #n, &m->n.items, &m->n.count)
#define NAMES(n) tsn_pi_names(in, #n, &m->n.items, &m->n.count)
	if (m == NULL || !PAIRS(coerce) || !PAIRS(rename) || !PAIRS(update) || !PAIRS(replace) ||
	    !PAIRS(convert) || !PAIRS(split) || !PAIRS(join) || !PAIRS(merge) || !PAIRS(copy) ||
	    !NAMES(uppercase) || !NAMES(capitalize) || !NAMES(lowercase) || !NAMES(strip) ||
	    !tsn_tmpl_parse(&in->pl->conf->arena, tsn_pi_str(in, "tag_on_failure",
	    "_mutate_error"), &m->failure))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
#undef PAIRS
#undef NAMES
	for (uint32_t i = 0; i < m->convert.count; i++) {
		size_t k = 0;

		while (k < TSN_COUNT(types) && (m->convert.items[i].count == 0 ||
		    !tsn_slice_eq(m->convert.items[i].values[0].text, tsn_slice_cstr(types[k]))))
			k++;
		if (k == TSN_COUNT(types))
			return tsn_pi_fail(in, err, "option \"convert\": expected one of "
			    "integer|integer_eu|float|float_eu|string|boolean");
	}
	return open_gsub(in, m, err);
}

static void
mutate_close(struct tsn_pinst *in)
{
	struct mutate *m = in->state;

	for (uint32_t i = 0; m != NULL && m->gsubs != NULL && i <= m->gsub_count; i++) {
		if (i < m->gsub_count)
			tsn_rx_free(m->gsubs[i].rx);
	}
}

static struct tsn_pv *
get(struct tsn_pev *ev, const struct tsn_pname *n)
{
	struct tsn_pref scratch;
	const struct tsn_pref *ref = tsn_pname_ref(n, ev, &scratch);

	return ref == NULL ? NULL : tsn_pev_get(ev, ref);
}

static bool
set(struct tsn_pev *ev, const struct tsn_pname *n, struct tsn_pv v)
{
	struct tsn_pref scratch;
	const struct tsn_pref *ref = tsn_pname_ref(n, ev, &scratch);

	return ref != NULL && tsn_pev_set(ev, ref, v);
}

/* what a name or template gives, as a reference */
static bool
ref_of(struct tsn_pev *ev, const struct tsn_tmpl *t, struct tsn_pref *ret)
{
	struct tsn_slice text = tsn_tmpl_text(t, ev);

	return text.ptr != NULL && tsn_pref_parse(ev->arena, text, ret);
}

static bool
set_text(struct tsn_pev *ev, const struct tsn_ppair *p)
{
	struct tsn_slice text = p->count > 0 ? tsn_tmpl_text(&p->values[0], ev) : TSN_SLICE("");
	struct tsn_pv list;

	if (p->count <= 1)
		return text.ptr != NULL && set(ev, &p->name, tsn_pv_str(text));
	if (!tsn_pv_list_new(ev->arena, &list))
		return false;
	for (uint32_t i = 0; i < p->count; i++)
		if (!tsn_pv_list_add(ev->arena, list.as.list, tsn_pv_str(tsn_tmpl_text(&p->values[i], ev))))
			return false;
	return set(ev, &p->name, list);
}

static bool
rename_fields(const struct mutate *m, struct tsn_pev *ev)
{
	struct tsn_pref scratch, to;

	for (uint32_t i = 0; i < m->rename.count; i++) {
		const struct tsn_ppair *p = &m->rename.items[i];
		const struct tsn_pref *from = tsn_pname_ref(&p->name, ev, &scratch);
		struct tsn_pv v;

		if (from == NULL || p->count == 0 || !ref_of(ev, &p->values[0], &to))
			return false;
		if (tsn_pev_get(ev, from) == NULL)
			continue;
		if (!tsn_pev_remove(ev, from, &v) || !tsn_pev_set(ev, &to, v))
			return false;
	}
	return true;
}

/* Ruby's to_i and to_f: as much of a number as stands in front */
static double
leading_number(struct tsn_slice s, bool eu, bool integer, int64_t *ret_int)
{
	char text[64];
	size_t n = 0, used = 0;
	bool point = false, digit = false;
	double d = 0;

	s = tsn_slice_trim(s);
	for (size_t i = 0; i < s.len && n + 1 < sizeof text; i++) {
		char c = s.ptr[i];

		if (c == (eu ? '.' : ','))
			continue;
		if (eu && c == ',')
			c = '.';
		if (c >= '0' && c <= '9') {
			digit = true;
		} else if (c == '.' && !point && !integer && digit) {
			point = true;
			text[n++] = c;
			continue;
		} else if (!integer && (c == 'e' || c == 'E') && digit && used == n) {
			text[n++] = 'e';
			if (i + 1 < s.len && (s.ptr[i + 1] == '-' || s.ptr[i + 1] == '+'))
				text[n++] = s.ptr[++i];
			point = true;
			continue;
		} else if (!((c == '-' || c == '+') && n == 0)) {
			break;
		}
		if (c != '+')
			text[n++] = c;
		if (digit)
			used = n;
	}
	*ret_int = 0;
	if (integer && used > 0 && tsn_num_parse_i64(tsn_slice_of(text, used), ret_int) == TSN_OK)
		return (double)*ret_int;
	if (used > 0 && tsn_num_parse_f64(tsn_slice_of(text, used), &d) != TSN_OK)
		d = 0;
	return d;
}

static int64_t
to_int(double d)
{
	return d >= 9.2e18 ? INT64_MAX : d <= -9.2e18 ? INT64_MIN : isnan(d) ? 0 : (int64_t)d;
}

static void
to_number(const struct tsn_pv *v, bool integer, bool eu, struct tsn_pv *ret)
{
	int64_t i = v->as.i;
	double d;

	if (v->type == TSN_PV_STR)
		d = leading_number(v->as.str, eu, integer, &i);
	else if (v->type == TSN_PV_FLOAT)
		i = to_int(d = v->as.d);
	else if (v->type == TSN_PV_TIME)
		i = to_int(d = (double)v->as.i / 1e9);
	else
		d = (double)i;
	*ret = integer ? tsn_pv_int(i) : (struct tsn_pv){.type = TSN_PV_FLOAT, .as.d = d};
}

static void
to_boolean(const struct tsn_pv *v, struct tsn_pv *ret)
{
	static const char *const yes[] = {"true", "t", "yes", "y", "1", "1.0"};
	static const char *const no[] = {"false", "f", "no", "n", "0", "0.0", ""};

	if (v->type == TSN_PV_INT && (v->as.i == 0 || v->as.i == 1))
		*ret = tsn_pv_bool(v->as.i == 1);
	if (v->type == TSN_PV_FLOAT && (v->as.d == 0.0 || v->as.d == 1.0))
		*ret = tsn_pv_bool(v->as.d == 1.0);
	for (size_t i = 0; v->type == TSN_PV_STR && i < TSN_COUNT(no); i++) {
		if (i < TSN_COUNT(yes) && tsn_slice_eq_nocase(v->as.str, tsn_slice_cstr(yes[i])))
			*ret = tsn_pv_bool(true);
		if (tsn_slice_eq_nocase(v->as.str, tsn_slice_cstr(no[i])))
			*ret = tsn_pv_bool(false);
	}
}

static void
convert_one(struct tsn_pev *ev, struct tsn_slice type, struct tsn_pv *v)
{
	struct tsn_pv was = *v;
	bool integer = tsn_slice_starts(type, TSN_SLICE("integer"));

	if (v->type == TSN_PV_NULL || v->type == TSN_PV_MAP || v->type == TSN_PV_LIST)
		return;
	if (tsn_slice_eq(type, TSN_SLICE("boolean"))) {
		to_boolean(&was, v);
	} else if (tsn_slice_eq(type, TSN_SLICE("string"))) {
		struct tsn_buf b;
		struct tsn_slice text;

		tsn_buf_init(&b, TSN_PL_BYTES_MAX);
		tsn_pv_write_text(&was, &b);
		text = tsn_pl_keep(ev, &b);
		if (text.ptr != NULL)
			*v = tsn_pv_str(text);
	} else {
		to_number(&was, integer, tsn_slice_ends(type, TSN_SLICE("_eu")), v);
	}
}

static void
convert_fields(const struct mutate *m, struct tsn_pev *ev)
{
	for (uint32_t i = 0; i < m->convert.count; i++) {
		struct tsn_pv *v = get(ev, &m->convert.items[i].name);
		struct tsn_slice type = m->convert.items[i].values[0].text;

		if (v != NULL && v->type == TSN_PV_LIST)
			for (uint32_t j = 0; j < v->as.list->count; j++)
				convert_one(ev, type, &v->as.list->items[j]);
		else if (v != NULL)
			convert_one(ev, type, v);
	}
}

static void
gsub_one(const struct gsub *g, struct tsn_pev *ev, struct tsn_pv *v)
{
	struct tsn_slice with, text;
	struct tsn_buf b;

	if (v->type != TSN_PV_STR || !tsn_rx_match(g->rx, v->as.str, 0))
		return;
	with = tsn_tmpl_text(&g->with, ev);
	if (with.ptr == NULL)
		return;
	tsn_buf_init(&b, TSN_PL_BYTES_MAX);
	(void)tsn_rx_replace(g->rx, v->as.str, with, &b);
	text = tsn_pl_keep(ev, &b);
	if (text.ptr != NULL)
		*v = tsn_pv_str(text);
}

static void
gsub_fields(const struct mutate *m, struct tsn_pev *ev)
{
	for (uint32_t i = 0; i < m->gsub_count; i++) {
		struct tsn_pv *v = tsn_pev_get(ev, &m->gsubs[i].field);

		if (v != NULL && v->type == TSN_PV_LIST)
			for (uint32_t j = 0; j < v->as.list->count; j++)
				gsub_one(&m->gsubs[i], ev, &v->as.list->items[j]);
		else if (v != NULL)
			gsub_one(&m->gsubs[i], ev, v);
	}
}

/* Latin, Greek and Cyrillic letters of two bytes, and ASCII */
static uint32_t
change_case(uint32_t c, bool upper)
{
	static const struct {
		uint32_t low, high, to;
	} ranges[] = {{'a', 'z', 'A'}, {0xe0, 0xf6, 0xc0}, {0xf8, 0xfe, 0xd8}, {0x3b1, 0x3c1, 0x391},
	    {0x3c3, 0x3c9, 0x3a3}, {0x430, 0x44f, 0x410}, {0x450, 0x45f, 0x400}};

	for (size_t i = 0; i < TSN_COUNT(ranges); i++) {
		uint32_t d = ranges[i].low - ranges[i].to;
		uint32_t low = upper ? ranges[i].low : ranges[i].to;
		uint32_t high = upper ? ranges[i].high : ranges[i].high - d;

		if (c >= low && c <= high)
			return upper ? c - d : c + d;
	}
	return c;
}

static void
case_text(struct tsn_pev *ev, struct tsn_slice s, bool upper, bool first_upper, struct tsn_pv *ret)
{
	char *out = tsn_arena_alloc(ev->arena, s.len + 1);

	if (out == NULL)
		return;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char a = (unsigned char)s.ptr[i];
		bool up = i == 0 ? first_upper : upper;
		uint32_t c;

		if ((a & 0xe0) != 0xc0 || i + 1 == s.len || ((unsigned char)s.ptr[i + 1] & 0xc0) != 0x80) {
			out[i] = (char)(a < 0x80 ? change_case(a, up) : a);
			continue;
		}
		c = change_case((uint32_t)(a & 0x1f) << 6 | ((unsigned char)s.ptr[i + 1] & 0x3f), up);
		out[i++] = (char)(0xc0 | c >> 6);
		out[i] = (char)(0x80 | (c & 0x3f));
	}
	*ret = tsn_pv_str(tsn_slice_of(out, s.len));
}

static void
upper_one(struct tsn_pev *ev, struct tsn_slice s, struct tsn_pv *ret)
{
	case_text(ev, s, true, true, ret);
}

static void
lower_one(struct tsn_pev *ev, struct tsn_slice s, struct tsn_pv *ret)
{
	case_text(ev, s, false, false, ret);
}

static void
capitalize_one(struct tsn_pev *ev, struct tsn_slice s, struct tsn_pv *ret)
{
	case_text(ev, s, false, true, ret);
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

static void
strip_one(struct tsn_pev *ev, struct tsn_slice s, struct tsn_pv *ret)
{
	(void)ev;
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	while (s.len > 0 && is_blank(s.ptr[0]))
		s = tsn_slice_from(s, 1);
	*ret = tsn_pv_str(s);
}

static void
change_strings(const struct names *n, struct tsn_pev *ev, change_string *change)
{
	for (uint32_t i = 0; i < n->count; i++) {
		struct tsn_pv *v = get(ev, &n->items[i]);

		if (v != NULL && v->type == TSN_PV_STR)
			change(ev, v->as.str, v);
		for (uint32_t j = 0; v != NULL && v->type == TSN_PV_LIST && j < v->as.list->count; j++)
			if (v->as.list->items[j].type == TSN_PV_STR)
				change(ev, v->as.list->items[j].as.str, &v->as.list->items[j]);
	}
}

/* Ruby's String#split: no empty ones at the end; one blank means runs of blanks */
static bool
split_text(struct tsn_pev *ev, struct tsn_slice s, struct tsn_slice by, struct tsn_pv *ret)
{
	uint32_t last = 0;
	bool blanks = by.len == 1 && by.ptr[0] == ' ';

	if (!tsn_pv_list_new(ev->arena, ret))
		return false;
	for (size_t at = 0; at <= s.len && s.len > 0;) {
		struct tsn_slice rest = tsn_slice_from(s, at), piece;
		size_t n = by.len == 0 ? (rest.len > 1 ? 1 : SIZE_MAX) : tsn_slice_find(rest, by);

		piece = tsn_slice_of(rest.ptr, n == SIZE_MAX ? rest.len : n);
		if ((!blanks || piece.len > 0) &&
		    !tsn_pv_list_add(ev->arena, ret->as.list, tsn_pv_str(piece)))
			return false;
		if (piece.len > 0)
			last = ret->as.list->count;
		if (n == SIZE_MAX)
			break;
		at += n + by.len;
	}
	ret->as.list->count = last;
	return true;
}

static bool
split_and_join(const struct mutate *m, struct tsn_pev *ev)
{
	for (uint32_t i = 0; i < m->split.count; i++) {
		struct tsn_pv *v = get(ev, &m->split.items[i].name), list;
		struct tsn_slice by = m->split.items[i].count > 0 ?
		    tsn_tmpl_text(&m->split.items[i].values[0], ev) : TSN_SLICE("");

		if (v == NULL || v->type != TSN_PV_STR)
			continue;
		if (by.ptr == NULL || !split_text(ev, v->as.str, by, &list))
			return false;
		*v = list;
	}
	for (uint32_t i = 0; i < m->join.count; i++) {
		struct tsn_pv *v = get(ev, &m->join.items[i].name);
		struct tsn_buf b;
		struct tsn_slice text;

		if (v == NULL || v->type != TSN_PV_LIST)
			continue;
		tsn_buf_init(&b, TSN_PL_BYTES_MAX);
		for (uint32_t j = 0; j < v->as.list->count; j++) {
			if (j > 0 && m->join.items[i].count > 0)
				tsn_tmpl_write(&m->join.items[i].values[0], ev, &b);
			tsn_pv_write_text(&v->as.list->items[j], &b);
		}
		text = tsn_pl_keep(ev, &b);
		if (text.ptr == NULL)
			return false;
		*v = tsn_pv_str(text);
	}
	return true;
}

/* Ruby's Array(value) */
static bool
as_list(struct tsn_pev *ev, const struct tsn_pv *v, struct tsn_pv *ret)
{
	if (v->type == TSN_PV_LIST)
		return tsn_pv_copy(ev->arena, v, ret);
	return tsn_pv_list_new(ev->arena, ret) && (v->type == TSN_PV_NULL ||
	    tsn_pv_list_add(ev->arena, ret->as.list, *v));
}

static bool
merge_one(struct tsn_pev *ev, const struct tsn_pref *dest, const struct tsn_pv *added)
{
	struct tsn_pv *old = tsn_pev_get(ev, dest), result, more;

	if (old == NULL || old->type == TSN_PV_NULL)
		return tsn_pv_copy(ev->arena, added, &result) && tsn_pev_set(ev, dest, result);
	if ((old->type == TSN_PV_MAP) != (added->type == TSN_PV_MAP))
		return true;
	if (old->type == TSN_PV_MAP) {
		if (!tsn_pv_copy(ev->arena, added, &more))
			return false;
		for (uint32_t i = 0; i < more.as.map->count; i++)
			if (!tsn_pv_map_put(ev->arena, old->as.map, more.as.map->members[i].name,
			    more.as.map->members[i].value))
				return false;
		return true;
	}
	if (!as_list(ev, old, &result) || !as_list(ev, added, &more))
		return false;
	for (uint32_t i = 0; i < more.as.list->count; i++)
		if (!tsn_pv_list_add(ev->arena, result.as.list, more.as.list->items[i]))
			return false;
	return tsn_pev_set(ev, dest, result);
}

static bool
merge_and_copy(const struct mutate *m, struct tsn_pev *ev)
{
	struct tsn_pref to, from, scratch;

	for (uint32_t i = 0; i < m->merge.count; i++)
		for (uint32_t j = 0; j < m->merge.items[i].count; j++) {
			const struct tsn_pref *dest = tsn_pname_ref(&m->merge.items[i].name, ev, &scratch);
			const struct tsn_pv *added;

			if (dest == NULL || !ref_of(ev, &m->merge.items[i].values[j], &from))
				return false;
			added = tsn_pev_get(ev, &from);
			if (added != NULL && !merge_one(ev, dest, added))
				return false;
		}
	for (uint32_t i = 0; i < m->copy.count; i++) {
		const struct tsn_pv *v = get(ev, &m->copy.items[i].name);
		struct tsn_pv copied;

		if (v == NULL || m->copy.items[i].count == 0)
			continue;
		if (!ref_of(ev, &m->copy.items[i].values[0], &to) ||
		    !tsn_pv_copy(ev->arena, v, &copied) || !tsn_pev_set(ev, &to, copied))
			return false;
	}
	return true;
}

static bool
set_fields(const struct mutate *m, struct tsn_pev *ev)
{
	for (uint32_t i = 0; i < m->coerce.count; i++) {
		const struct tsn_pv *v = get(ev, &m->coerce.items[i].name);

		if (v != NULL && v->type == TSN_PV_NULL && !set_text(ev, &m->coerce.items[i]))
			return false;
	}
	if (!rename_fields(m, ev))
		return false;
	for (uint32_t i = 0; i < m->update.count; i++)
		if (get(ev, &m->update.items[i].name) != NULL && !set_text(ev, &m->update.items[i]))
			return false;
	for (uint32_t i = 0; i < m->replace.count; i++)
		if (!set_text(ev, &m->replace.items[i]))
			return false;
	return true;
}

static bool
mutate_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct mutate *m = in->state;
	bool done = set_fields(m, ev);

	if (done) {
		convert_fields(m, ev);
		gsub_fields(m, ev);
		change_strings(&m->uppercase, ev, upper_one);
		change_strings(&m->capitalize, ev, capitalize_one);
		change_strings(&m->lowercase, ev, lower_one);
		change_strings(&m->strip, ev, strip_one);
		done = split_and_join(m, ev) && merge_and_copy(m, ev);
	}
	if (!done)
		tsn_pl_tags(ev, &m->failure, 1);
	return done;
}

const struct tsn_pfilter tsn_filter_mutate = {.open = mutate_open,
    .close = mutate_close, .filter = mutate_filter};
