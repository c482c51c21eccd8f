/* Filters dissect and csv. */
#include <string.h>

#include "base/num.h"
#include "pipeline/impl_int.h"

#define FIELDS_MAX 256u

struct dissect_field {
	struct tsn_slice name;
	struct tsn_pref ref;
	struct tsn_slice before;	/* the delimiter in front of it */
	char kind;			/* 0 plain, '+' append, '?' skip or name, '&' named by another */
	bool padded;			/* -> the delimiter behind it may repeat */
	uint32_t order;			/* of appends: /N, else its place */
};

struct mapping {
	struct tsn_pref source;
	struct dissect_field *fields;
	uint32_t count;
	struct tsn_slice tail;		/* text behind the last field */
};

struct dissect {
	struct mapping *mappings;
	uint32_t count;
	struct tsn_ppair *convert;
	uint32_t convert_count;
	struct tsn_ptags failure;
};

static void
name_field(struct dissect_field *f, struct tsn_slice s, uint32_t place)
{
	size_t slash;
	uint64_t order;

	if (tsn_slice_ends(s, TSN_SLICE("->"))) {
		f->padded = true;
		s.len -= 2;
	}
	if (s.len > 0 && strchr("+?&", s.ptr[0]) != NULL) {
		f->kind = s.ptr[0];
		s = tsn_slice_from(s, 1);
	}
	f->order = place;
	slash = f->kind == '+' ? tsn_slice_find_char(s, '/') : SIZE_MAX;
	if (slash != SIZE_MAX && tsn_num_parse_u64(tsn_slice_from(s, slash + 1), &order) == TSN_OK &&
	    order < 1000) {
		f->order = (uint32_t)order;
		s.len = slash;
	}
	f->name = s;
}

static enum tsn_code
open_mapping(struct tsn_pinst *in, struct mapping *m, struct tsn_slice text, struct tsn_err *err)
{
	size_t at = 0, literal = 0;

	m->fields = tsn_pi_alloc(in, FIELDS_MAX, sizeof *m->fields);
	if (m->fields == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (;;) {
		struct tsn_slice rest = tsn_slice_from(text, at);
		size_t open = tsn_slice_find(rest, TSN_SLICE("%{")), close;
		struct dissect_field *f = &m->fields[m->count];

		if (open == SIZE_MAX)
			break;
		close = tsn_slice_find_char(tsn_slice_from(rest, open), '}');
		if (close == SIZE_MAX || m->count == FIELDS_MAX)
			return tsn_pi_fail(in, err, "mapping \"%.*s\": expected at most %u fields %%{name}",
			    TSN_SLICE_ARG(text), FIELDS_MAX);
		f->before = tsn_slice_of(text.ptr + literal, at + open - literal);
		name_field(f, tsn_slice_of(rest.ptr + open + 2, close - 2), m->count);
		if (m->count > 0 && f->before.len == 0)
			return tsn_pi_fail(in, err, "mapping \"%.*s\": expected text between two fields",
			    TSN_SLICE_ARG(text));
		if (f->name.len > 0 && !tsn_pi_ref(in, f->name, &f->ref))
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		m->count++;
		at += open + close + 1;
		literal = at;
	}
	m->tail = tsn_slice_from(text, literal);
	return m->count > 0 ? TSN_OK : tsn_pi_fail(in, err,
	    "mapping \"%.*s\": expected a field %%{name}", TSN_SLICE_ARG(text));
}

static enum tsn_code
dissect_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct dissect *d = tsn_pi_alloc(in, 1, sizeof *d);
	const struct tsn_conf_value *items;

	in->state = d;
	if (d == NULL || !tsn_pi_tags(in, "tag_on_failure", "_dissectfailure", &d->failure) ||
	    !tsn_pi_pairs(in, "convert_datatype", &d->convert, &d->convert_count))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	items = tsn_pi_hash(in, "mapping", &d->count);
	d->mappings = tsn_pi_alloc(in, d->count, sizeof *d->mappings);
	if (d->mappings == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < d->count; i++) {
		if (!tsn_pi_ref(in, items[2 * i].text, &d->mappings[i].source))
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		TSN_TRY(open_mapping(in, &d->mappings[i], items[2 * i + 1].text, err));
	}
	return TSN_OK;
}

/* the pieces between the delimiters; false: one of them is not there */
static bool
cut(const struct mapping *m, struct tsn_slice s, struct tsn_slice values[FIELDS_MAX])
{
	size_t at = m->fields[0].before.len;

	if (!tsn_slice_starts(s, m->fields[0].before))
		return false;
	for (uint32_t i = 0; i < m->count; i++) {
		struct tsn_slice next = i + 1 < m->count ? m->fields[i + 1].before : m->tail;
		struct tsn_slice rest = tsn_slice_from(s, at);
		size_t n = next.len == 0 ? rest.len : tsn_slice_find(rest, next);

		if (n == SIZE_MAX)
			return false;
		values[i] = tsn_slice_of(rest.ptr, n);
		at += n + next.len;
		while (m->fields[i].padded && next.len > 0 &&
		    tsn_slice_starts(tsn_slice_from(s, at), next))
			at += next.len;
	}
	return true;
}

/* all parts of one name, by their order, joined by what stood in front of them */
static bool
append(const struct mapping *m, const struct tsn_slice *values, uint32_t first, struct tsn_pev *ev)
{
	const struct dissect_field *f = &m->fields[first];
	struct tsn_slice text;
	struct tsn_buf b;
	bool some = false;
	bool used[FIELDS_MAX] = {false};

	for (uint32_t i = 0; i < first; i++)
		if (tsn_slice_eq(m->fields[i].name, f->name) && strchr("+", m->fields[i].kind) != NULL)
			return true;
	tsn_buf_init(&b, TSN_PL_BYTES_MAX);
	for (;;) {
		uint32_t best = UINT32_MAX;

		for (uint32_t i = first; i < m->count; i++) {
			const struct dissect_field *g = &m->fields[i];

			if (!used[i] && (g->kind == '\0' || g->kind == '+') && tsn_slice_eq(g->name, f->name) &&
			    (best == UINT32_MAX || g->order < m->fields[best].order))
				best = i;
		}
		if (best == UINT32_MAX)
			break;
		used[best] = true;
		if (some)
			tsn_buf_slice(&b, m->fields[best].before.len > 0 ? m->fields[best].before :
			    TSN_SLICE(" "));
		tsn_buf_slice(&b, values[best]);
		some = true;
	}
	text = tsn_pl_keep(ev, &b);
	return text.ptr != NULL && tsn_pev_set(ev, &f->ref, tsn_pv_str(text));
}

static bool
set_values(const struct mapping *m, const struct tsn_slice *values, struct tsn_pev *ev)
{
	for (uint32_t i = 0; i < m->count; i++) {
		const struct dissect_field *f = &m->fields[i];
		struct tsn_pref ref;

		if (f->name.len == 0 || f->kind == '?')
			continue;
		if (f->kind != '&') {
			if (!append(m, values, i, ev))
				return false;
			continue;
		}
		for (uint32_t j = 0; j < m->count; j++)
			if (j != i && m->fields[j].kind != '&' && tsn_slice_eq(m->fields[j].name, f->name) &&
			    values[j].len > 0 && (!tsn_pref_parse(ev->arena, values[j], &ref) ||
			    !tsn_pev_set(ev, &ref, tsn_pv_str(values[i]))))
				return false;
	}
	return true;
}

static void
convert_types(const struct dissect *d, struct tsn_pev *ev)
{
	struct tsn_pref scratch;

	for (uint32_t i = 0; i < d->convert_count; i++) {
		const struct tsn_pref *ref = tsn_pname_ref(&d->convert[i].name, ev, &scratch);
		struct tsn_pv *v = ref == NULL ? NULL : tsn_pev_get(ev, ref);
		bool integer = d->convert[i].count > 0 &&
		    tsn_slice_eq(d->convert[i].values[0].text, TSN_SLICE("int"));
		double f;

		if (v == NULL || v->type != TSN_PV_STR)
			continue;
		if (tsn_num_parse_f64(tsn_slice_trim(v->as.str), &f) != TSN_OK || f > 9e18 || f < -9e18)
			tsn_pl_tags(ev, &(struct tsn_tmpl){.text = TSN_SLICE("_dataconversionuncoercible")}, 1);
		else if (integer)
			*v = tsn_pv_int((int64_t)f);
		else
			*v = (struct tsn_pv){.type = TSN_PV_FLOAT, .as.d = f};
	}
}

static bool
dissect_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct dissect *d = in->state;
	bool all = true;

	for (uint32_t i = 0; i < d->count; i++) {
		struct tsn_slice values[FIELDS_MAX];
		const struct mapping *m = &d->mappings[i];
		const struct tsn_pv *v = tsn_pev_get(ev, &m->source);

		if (v == NULL)
			continue;
		if (v->type != TSN_PV_STR || v->as.str.len == 0 || !cut(m, v->as.str, values) ||
		    !set_values(m, values, ev)) {
			tsn_pl_tags(ev, d->failure.tags, d->failure.count);
			all = false;
		}
	}
	if (all)
		convert_types(d, ev);
	return all;
}

const struct tsn_pfilter tsn_filter_dissect = {.open = dissect_open, .filter = dissect_filter};

struct csv {
	struct tsn_pref source, target;
	bool has_target, autodetect, generate, skip_header, skip_empty, skip_rows;
	char separator[8], quote;
	size_t separator_len;
	struct tsn_slice *names;
	uint32_t count, cap;
	struct tsn_ppair *convert;
	uint32_t convert_count;
};

#define CSV_COLUMNS_MAX 4096u

static enum tsn_code
csv_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct csv *c = tsn_pi_alloc(in, 1, sizeof *c);
	const struct tsn_conf_value *items;
	struct tsn_slice by = tsn_pi_str(in, "separator", ",");
	struct tsn_slice quote = tsn_pi_str(in, "quote_char", "\"");

	in->state = c;
	if (c == NULL || !tsn_pi_ref_option(in, "source", "message", &c->source) ||
	    !tsn_pi_ref_option(in, "target", "", &c->target) ||
	    !tsn_pi_pairs(in, "convert", &c->convert, &c->convert_count))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	items = tsn_pi_list(in, "columns", &c->count);
	c->cap = c->count > CSV_COLUMNS_MAX ? c->count : CSV_COLUMNS_MAX;
	c->names = tsn_pi_alloc(in, c->cap, sizeof *c->names);
	if (c->names == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < c->count; i++)
		c->names[i] = items[i].text;
	if (tsn_slice_eq(by, TSN_SLICE("\\t")))
		by = TSN_SLICE("\t");
	if (by.len == 0 || by.len > sizeof c->separator || quote.len > 1)
		return tsn_pi_fail(in, err, "expected a separator and one quote_char");
	memcpy(c->separator, by.ptr, by.len);
	c->separator_len = by.len;
	c->quote = quote.len == 1 ? quote.ptr[0] : '\0';
	c->has_target = tsn_pi_get(in, "target") != NULL;
	c->autodetect = tsn_pi_bool(in, "autodetect_column_names", false);
	c->generate = tsn_pi_bool(in, "autogenerate_column_names", true);
	c->skip_header = tsn_pi_bool(in, "skip_header", false);
	c->skip_empty = tsn_pi_bool(in, "skip_empty_columns", false);
	c->skip_rows = tsn_pi_bool(in, "skip_empty_rows", false);
	return TSN_OK;
}

/* one column; false: the quotes do not close.  *ret NULL type: an empty column without quotes */
static bool
csv_column(const struct csv *c, struct tsn_pev *ev, struct tsn_slice s, size_t *at,
    struct tsn_pv *ret)
{
	struct tsn_slice by = tsn_slice_of(c->separator, c->separator_len);
	struct tsn_slice rest = tsn_slice_from(s, *at);
	size_t n = 0, end;
	char *out;

	if (c->quote == '\0' || rest.len == 0 || rest.ptr[0] != c->quote) {
		end = tsn_slice_find(rest, by);
		n = end == SIZE_MAX ? rest.len : end;
		*ret = n == 0 ? (struct tsn_pv){.type = TSN_PV_NULL} :
		    tsn_pv_str(tsn_slice_of(rest.ptr, n));
		*at += n;
		return c->quote == '\0' || memchr(rest.ptr == NULL ? "" : rest.ptr, c->quote, n) == NULL;
	}
	out = tsn_arena_alloc(ev->arena, rest.len);
	if (out == NULL)
		return false;
	for (end = 1; end < rest.len; end++) {
		if (rest.ptr[end] == c->quote) {
			if (end + 1 >= rest.len || rest.ptr[end + 1] != c->quote)
				break;
			end++;
		}
		out[n++] = rest.ptr[end];
	}
	*ret = tsn_pv_str(tsn_slice_of(out, n));
	*at += end + 1;
	return end < rest.len && (*at == s.len || tsn_slice_starts(tsn_slice_from(s, *at), by));
}

static void
csv_convert(const struct csv *c, struct tsn_slice name, struct tsn_pv *v)
{
	for (uint32_t i = 0; i < c->convert_count; i++) {
		struct tsn_slice type = c->convert[i].count > 0 ? c->convert[i].values[0].text :
		    TSN_SLICE("");
		double f;

		if (!tsn_slice_eq(c->convert[i].name.tmpl.text, name) || v->type != TSN_PV_STR)
			continue;
		if (tsn_slice_eq(type, TSN_SLICE("boolean")))
			*v = tsn_pv_bool(tsn_slice_eq_nocase(tsn_slice_trim(v->as.str), TSN_SLICE("true")));
		else if (tsn_num_parse_f64(tsn_slice_trim(v->as.str), &f) != TSN_OK)
			continue;
		else if (tsn_slice_eq(type, TSN_SLICE("integer")) && f < 9e18 && f > -9e18)
			*v = tsn_pv_int((int64_t)f);
		else if (tsn_slice_eq(type, TSN_SLICE("float")))
			*v = (struct tsn_pv){.type = TSN_PV_FLOAT, .as.d = f};
	}
}

static bool
csv_row(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_slice s, struct tsn_pv_list *row)
{
	const struct csv *c = in->state;

	for (size_t at = 0; row->count < CSV_COLUMNS_MAX;) {
		struct tsn_pv v;

		if (!csv_column(c, ev, s, &at, &v) || !tsn_pv_list_add(ev->arena, row, v))
			return false;
		if (at >= s.len)
			return true;
		at += c->separator_len;
	}
	return true;
}

/* the first row names the columns */
static void
csv_header(struct tsn_pinst *in, const struct tsn_pv_list *row)
{
	struct csv *c = in->state;

	for (uint32_t i = 0; i < row->count && i < c->cap; i++) {
		struct tsn_slice name = row->items[i].type == TSN_PV_STR ? row->items[i].as.str :
		    TSN_SLICE("");

		c->names[i] = tsn_arena_dup(&in->pl->conf->arena, name.len > 0 ? name : TSN_SLICE("_"));
		c->count = i + 1;
	}
}

static bool
csv_is_header(const struct csv *c, const struct tsn_pv_list *row)
{
	for (uint32_t i = 0; i < c->count; i++)
		if (i >= row->count || row->items[i].type != TSN_PV_STR ||
		    !tsn_slice_eq(row->items[i].as.str, c->names[i]))
			return false;
	return c->count > 0;
}

static bool
csv_store(const struct csv *c, struct tsn_pev *ev, const struct tsn_pv_list *row)
{
	struct tsn_pv into = ev->root;
	char made[24];

	if (c->has_target && !tsn_pv_map_new(ev->arena, &into))
		return false;
	for (uint32_t i = 0; i < row->count; i++) {
		struct tsn_pv v = row->items[i];
		struct tsn_buf b = {.ptr = made, .cap = sizeof made, .max = sizeof made};
		struct tsn_slice name;
		struct tsn_pref ref;

		if ((c->skip_empty && v.type == TSN_PV_NULL) || (i >= c->count && !c->generate))
			continue;
		tsn_buf_printf(&b, "column%u", i + 1);
		name = i < c->count ? c->names[i] : tsn_arena_dup(ev->arena, tsn_buf_get(&b));
		csv_convert(c, name, &v);
		if (c->has_target) {
			if (!tsn_pv_map_put(ev->arena, into.as.map, name, v))
				return false;
		} else if (!tsn_pref_parse(ev->arena, name, &ref) || !tsn_pev_set(ev, &ref, v)) {
			return false;
		}
	}
	return !c->has_target || tsn_pev_set(ev, &c->target, into);
}

static bool
csv_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	struct csv *c = in->state;
	const struct tsn_pv *v = tsn_pev_get(ev, &c->source);
	struct tsn_pv row;

	if (v == NULL || v->type == TSN_PV_NULL)
		return false;
	if (v->type == TSN_PV_STR && tsn_pv_list_new(ev->arena, &row) &&
	    csv_row(in, ev, v->as.str, row.as.list)) {
		bool empty = true;

		for (uint32_t i = 0; i < row.as.list->count; i++)
			empty &= row.as.list->items[i].type == TSN_PV_NULL;
		if (empty && c->skip_rows) {
			(void)tsn_pev_tag(ev, TSN_SLICE("_csvskippedemptyfield"));
			return false;
		}
		if (c->autodetect && c->count == 0) {
			csv_header(in, row.as.list);
			ev->cancelled = true;
			return false;
		}
		if (c->skip_header && csv_is_header(c, row.as.list)) {
			ev->cancelled = true;
			return false;
		}
		if (csv_store(c, ev, row.as.list))
			return true;
	}
	(void)tsn_pev_tag(ev, TSN_SLICE("_csvparsefailure"));
	return false;
}

const struct tsn_pfilter tsn_filter_csv = {.open = csv_open, .filter = csv_filter};
