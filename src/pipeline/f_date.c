/* Filters date, json and drop; and merging JSON documents into events. */
#include <string.h>

#include "base/num.h"
#include "pipeline/impl_int.h"
#include "pipeline/joda.h"

bool
tsn_pi_tags(const struct tsn_pinst *in, const char *option, const char *dflt,
    struct tsn_ptags *ret)
{
	if (tsn_pi_get(in, option) != NULL)
		return tsn_pi_tmpls(in, option, &ret->tags, &ret->count);
	ret->count = 1;
	ret->tags = tsn_pi_alloc(in, 1, sizeof *ret->tags);
	return ret->tags != NULL &&
	    tsn_tmpl_parse(&in->pl->conf->arena, tsn_slice_cstr(dflt), ret->tags);
}

bool
tsn_pi_ref_option(const struct tsn_pinst *in, const char *option, const char *dflt,
    struct tsn_pref *ret)
{
	return tsn_pi_ref(in, tsn_pi_str(in, option, dflt), ret);
}

void
tsn_pl_merge(struct tsn_pev *ev, const struct tsn_pv_map *members)
{
	for (uint32_t i = 0; i < members->count; i++) {
		struct tsn_slice name = members->members[i].name;
		struct tsn_pv v = members->members[i].value;
		int64_t ns;

		if (tsn_slice_eq(name, TSN_SLICE("@metadata")) && v.type == TSN_PV_MAP) {
			ev->meta = v;
			continue;
		}
		if (tsn_slice_eq(name, TSN_SLICE("@timestamp"))) {
			if (v.type == TSN_PV_STR && tsn_joda_read_iso(v.as.str, NULL, &ns) == TSN_OK) {
				v = (struct tsn_pv){.type = TSN_PV_TIME, .as.i = ns};
			} else {
				(void)tsn_pev_tag(ev, TSN_SLICE("_timestampparsefailure"));
				name = TSN_SLICE("_@timestamp");
			}
		}
		(void)tsn_pev_put(ev, name, v);
	}
}

enum form { ISO8601, UNIX, UNIX_MS, TAI64N, PATTERN };

struct date {
	struct tsn_pref field, target;
	struct tsn_slice *patterns;
	enum form *forms;
	uint32_t count;
	struct tsn_zone *zone;
	struct tsn_tmpl zone_name;	/* when it holds a field */
	struct tsn_ptags failure;
};

static enum tsn_code
open_patterns(struct tsn_pinst *in, struct date *d, struct tsn_err *err)
{
	static const char *const names[] = {"ISO8601", "UNIX", "UNIX_MS", "TAI64N"};
	uint32_t count;
	const struct tsn_conf_value *match = tsn_pi_list(in, "match", &count);

	if (count < 2)
		return tsn_pi_fail(in, err, "option \"match\": expected a field and a pattern");
	d->count = count - 1;
	d->patterns = tsn_pi_alloc(in, d->count, sizeof *d->patterns);
	d->forms = tsn_pi_alloc(in, d->count, sizeof *d->forms);
	if (d->patterns == NULL || d->forms == NULL || !tsn_pi_ref(in, match[0].text, &d->field))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < d->count; i++) {
		const char *why;

		d->patterns[i] = match[i + 1].text;
		while (d->forms[i] < PATTERN &&
		    !tsn_slice_eq(d->patterns[i], tsn_slice_cstr(names[d->forms[i]])))
			d->forms[i]++;
		why = d->forms[i] == PATTERN ? tsn_joda_check(d->patterns[i]) : NULL;
		if (why != NULL)
			return tsn_pi_fail(in, err, "pattern \"%.*s\" has %s",
			    TSN_SLICE_ARG(d->patterns[i]), why);
	}
	return TSN_OK;
}

static enum tsn_code
date_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct date *d = tsn_pi_alloc(in, 1, sizeof *d);
	struct tsn_slice zone = tsn_pi_str(in, "timezone", "UTC");
	struct tsn_err why = {0};

	in->state = d;
	if (d == NULL || !tsn_pi_ref_option(in, "target", "@timestamp", &d->target) ||
	    !tsn_pi_tags(in, "tag_on_failure", "_dateparsefailure", &d->failure) ||
	    !tsn_tmpl_parse(&in->pl->conf->arena, zone, &d->zone_name))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (d->zone_name.parts == NULL) {
		d->zone = tsn_zone_new(zone, &why);
		if (d->zone == NULL)
			return tsn_pi_fail(in, err, "option \"timezone\": %s", why.msg);
	}
	return open_patterns(in, d, err);
}

static void
date_close(struct tsn_pinst *in)
{
	if (in->state != NULL)
		tsn_zone_free(((struct date *)in->state)->zone);
}

/* seconds or milliseconds with a fraction, exactly */
static enum tsn_code
read_unix(struct tsn_slice s, int64_t unit, int64_t *ret)
{
	size_t point = tsn_slice_find_char(s, '.');
	struct tsn_slice fraction = point == SIZE_MAX ? TSN_SLICE("") : tsn_slice_from(s, point + 1);
	int64_t whole, part = 0, scale = unit;
	double d;

	if (point != SIZE_MAX)
		s.len = point;
	if (tsn_num_parse_i64(s, &whole) != TSN_OK) {
		if (tsn_num_parse_f64(s, &d) != TSN_OK || d > 9e18 / (double)unit ||
		    d < -9e18 / (double)unit)
			return TSN_EPARSE;
		*ret = (int64_t)(d * (double)unit);
		return TSN_OK;
	}
	for (size_t i = 0; i < fraction.len; i++) {
		if (fraction.ptr[i] < '0' || fraction.ptr[i] > '9')
			return TSN_EPARSE;
		scale /= 10;
		part += (fraction.ptr[i] - '0') * scale;
	}
	if (__builtin_mul_overflow(whole, unit, ret) || __builtin_add_overflow(*ret,
	    s.len > 0 && s.ptr[0] == '-' ? -part : part, ret))
		return TSN_EPARSE;
	return TSN_OK;
}

/* @ and 24 hex digits; ten leap seconds stand between TAI's label and UTC, as Logstash has it */
static enum tsn_code
read_tai64n(struct tsn_slice s, int64_t *ret)
{
	uint64_t sec, ns;

	if (s.len == 25 && s.ptr[0] == '@')
		s = tsn_slice_from(s, 1);
	if (s.len != 24 || tsn_num_parse_hex(tsn_slice_of(s.ptr, 16), &sec) != TSN_OK ||
	    tsn_num_parse_hex(tsn_slice_of(s.ptr + 16, 8), &ns) != TSN_OK || ns >= 1000000000 ||
	    sec < UINT64_C(0x4000000000000000) || sec > UINT64_C(0x4000000200000000))
		return TSN_EPARSE;
	*ret = ((int64_t)(sec - UINT64_C(0x4000000000000000)) - 10) * TSN_NS_PER_SEC + (int64_t)ns;
	return TSN_OK;
}

static bool
read_date(const struct date *d, uint32_t i, struct tsn_slice s, const struct tsn_zone *zone,
    int64_t now, int64_t *ret)
{
	switch (d->forms[i]) {
	case ISO8601: return tsn_joda_read_iso(s, zone, ret) == TSN_OK;
	case UNIX: return read_unix(s, TSN_NS_PER_SEC, ret) == TSN_OK;
	case UNIX_MS: return read_unix(s, TSN_NS_PER_MS, ret) == TSN_OK;
	case TAI64N: return read_tai64n(s, ret) == TSN_OK;
	case PATTERN:
	default: return tsn_joda_read(d->patterns[i], s, zone, now, ret) == TSN_OK;
	}
}

static bool
date_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct date *d = in->state;
	const struct tsn_pv *v = tsn_pev_get(ev, &d->field);
	struct tsn_zone *own = NULL;
	struct tsn_buf b;
	struct tsn_slice text;
	int64_t ns;
	bool found = false;

	if (v == NULL || v->type == TSN_PV_NULL)
		return false;
	if (v->type == TSN_PV_LIST && v->as.list->count > 0)
		v = &v->as.list->items[0];
	tsn_buf_init(&b, TSN_PL_BYTES_MAX);
	if (v->type == TSN_PV_FLOAT)
		tsn_pv_write_float(v->as.d, TSN_PV_FLOAT_RUBY, &b);
	else
		tsn_pv_write_text(v, &b);
	text = tsn_pl_keep(ev, &b);
	if (d->zone_name.parts != NULL)
		own = tsn_zone_new(tsn_tmpl_text(&d->zone_name, ev), NULL);
	for (uint32_t i = 0; i < d->count && !found && text.ptr != NULL; i++)
		found = read_date(d, i, text, own != NULL ? own : d->zone,
		    in->pl->env.now_ns(in->pl->env.ctx), &ns);
	tsn_zone_free(own);
	if (found)
		found = tsn_pev_set(ev, &d->target, (struct tsn_pv){.type = TSN_PV_TIME, .as.i = ns});
	if (!found)
		tsn_pl_tags(ev, d->failure.tags, d->failure.count);
	return found;
}

const struct tsn_pfilter tsn_filter_date = {.open = date_open,
    .close = date_close, .filter = date_filter};

struct json {
	struct tsn_pref source, target;
	bool has_target, skip_invalid;
	struct tsn_ptags failure;
};

static enum tsn_code
json_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct json *j = tsn_pi_alloc(in, 1, sizeof *j);

	in->state = j;
	if (j == NULL || !tsn_pi_ref_option(in, "source", "", &j->source) ||
	    !tsn_pi_ref_option(in, "target", "", &j->target) ||
	    !tsn_pi_tags(in, "tag_on_failure", "_jsonparsefailure", &j->failure))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	j->has_target = tsn_pi_get(in, "target") != NULL;
	j->skip_invalid = tsn_pi_bool(in, "skip_on_invalid_json", false);
	return TSN_OK;
}

static bool
json_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct json *j = in->state;
	const struct tsn_pv *v = tsn_pev_get(ev, &j->source);
	struct tsn_pv parsed;
	bool fine;

	if (v == NULL || v->type == TSN_PV_NULL)
		return false;
	fine = v->type == TSN_PV_STR &&
	    tsn_pv_read_json(ev->arena, v->as.str, &parsed, NULL) == TSN_OK;
	if (!fine && j->skip_invalid)
		return false;
	if (fine && j->has_target)
		fine = tsn_pev_set(ev, &j->target, parsed);
	else if (fine && parsed.type == TSN_PV_MAP)
		tsn_pl_merge(ev, parsed.as.map);
	else
		fine = false;
	if (!fine)
		tsn_pl_tags(ev, j->failure.tags, j->failure.count);
	return fine;
}

const struct tsn_pfilter tsn_filter_json = {.open = json_open, .filter = json_filter};

struct drop {
	double percentage;
	uint64_t state;
};

static enum tsn_code
drop_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct drop *d = tsn_pi_alloc(in, 1, sizeof *d);

	in->state = d;
	if (d == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	d->percentage = tsn_pi_num(in, "percentage", 100);
	d->state = 0x9e3779b97f4a7c15u;
	return TSN_OK;
}

static bool
drop_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	struct drop *d = in->state;

	d->state = d->state * 6364136223846793005u + 1442695040888963407u;
	ev->cancelled = d->percentage >= 100 ||
	    (double)(d->state >> 40) * 100 / 16777216.0 < d->percentage;
	return false;
}

const struct tsn_pfilter tsn_filter_drop = {.open = drop_open, .filter = drop_filter};
