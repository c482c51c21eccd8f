/*
 * tocsin's own `tocsin: {suppress: {by: [fields], for: 1h}}`: findings of one rule and one group
 * are one alert for that time.  Made a correlation over the rule's events (or windows), so that
 * order, lateness, restarts and ids are as with all others.
 */
#include "base/time.h"
#include "rule/load_int.h"

static enum tsn_code
check_keys(const struct tsn_yaml *map, const char *what, const char *const *known, size_t count,
    struct tsn_err *err)
{
	char shown[SHOWN_MAX];

	if (map->kind != TSN_YAML_MAP)
		TSN_FAIL_AT(err, TSN_EINVAL, map->key_line, "%s is %s; expected a map such as "
		    "{by: [source.ip], for: 1h}", what, tsn_yaml_kind_name(map));
	for (const struct tsn_yaml *n = map->first; n != NULL; n = n->next) {
		size_t i = 0;

		while (i < count && !tsn_slice_eq(n->key, tsn_slice_cstr(known[i])))
			i++;
		if (i == count)
			TSN_FAIL_AT(err, TSN_EINVAL, n->key_line, "%s has \"%s\"; expected %s%s%s", what,
			    tsn_slice_escape(n->key, shown, sizeof shown), known[0], count > 1 ? " and " : "",
			    count > 1 ? known[1] : "");
	}
	return TSN_OK;
}

/* Findings of a correlation have the values they are grouped by, and no others. */
static enum tsn_code
check_by(const struct corr_draft *windows, const struct corr_draft *d, uint32_t line,
    struct tsn_err *err)
{
	char shown[SHOWN_MAX];

	for (uint32_t i = 0; windows != NULL && i < d->c.group_count; i++) {
		bool known = false;

		for (uint32_t k = 0; k < windows->c.group_count; k++)
			known |= tsn_slice_eq(windows->c.group_by[k], d->c.group_by[i]);
		if (!known)
			TSN_FAIL_AT(err, TSN_EINVAL, line,
			    "suppress by \"%s\", which is not in the group-by of the correlation",
			    tsn_slice_escape(d->c.group_by[i], shown, sizeof shown));
	}
	return TSN_OK;
}

static enum tsn_code
read_suppress(struct tsn_arena *a, const struct tsn_yaml *map, struct corr_draft *d,
    struct tsn_err *err)
{
	const struct tsn_yaml *by = tsn_yaml_find(map, TSN_SLICE("by"));
	const struct tsn_yaml *span = tsn_yaml_find(map, TSN_SLICE("for"));
	struct tsn_slice *groups;
	char shown[SHOWN_MAX];

	if (span == NULL)
		TSN_FAIL_AT(err, TSN_EINVAL, map->key_line,
		    "suppress without \"for\"; expected such as {by: [source.ip], for: 1h}");
	if (tsn_time_parse_span(tsn_yaml_text(span), &d->c.timespan_ns) != TSN_OK ||
	    d->c.timespan_ns <= 0)
		TSN_FAIL_AT(err, TSN_EINVAL, span->line,
		    "suppress for \"%s\"; expected a number and s, m, h or d, such as 1h",
		    tsn_slice_escape(tsn_yaml_text(span), shown, sizeof shown));
	TSN_TRY(tsn_rule_int_texts(a, by, "by", &groups, &d->c.group_count, err));
	d->c.group_by = groups;
	if (d->c.group_count > TSN_CORR_GROUP_MAX)
		TSN_FAIL_AT(err, TSN_ELIMIT, by->line, "suppress by more than %u fields",
		    TSN_CORR_GROUP_MAX);
	for (uint32_t i = 0; i < d->c.group_count; i++)
		if (groups[i].len == 0)
			TSN_FAIL_AT(err, TSN_EINVAL, by->line, "suppress by an empty field name");
	return TSN_OK;
}

enum tsn_code
tsn_rule_int_suppress(struct tsn_arena *a, const struct tsn_yaml *doc,
    const struct corr_draft *windows, struct corr_draft **ret_draft, struct tsn_err *err)
{
	static const char *const own[] = {"suppress"};
	static const char *const parts[] = {"by", "for"};
	const struct tsn_yaml *tocsin = tsn_yaml_find(doc, TSN_SLICE("tocsin")), *map;
	struct corr_draft *d;

	*ret_draft = NULL;
	if (tocsin == NULL || tocsin->kind == TSN_YAML_NULL)
		return TSN_OK;
	TSN_TRY(check_keys(tocsin, "tocsin", own, TSN_COUNT(own), err));
	map = tsn_yaml_find(tocsin, TSN_SLICE("suppress"));
	if (map == NULL)
		return TSN_OK;
	TSN_TRY(check_keys(map, "suppress", parts, TSN_COUNT(parts), err));
	d = tsn_arena_calloc(a, 1, sizeof *d);
	if (d == NULL)
		return tsn_rule_int_no_memory(err);
	d->refs = tsn_arena_calloc(a, 1, sizeof *d->refs);
	if (d->refs == NULL)
		return tsn_rule_int_no_memory(err);
	TSN_TRY(read_suppress(a, map, d, err));
	TSN_TRY(check_by(windows, d, map->key_line, err));
	d->line = map->key_line;
	d->c.type = TSN_CORR_EVENT_COUNT;
	d->c.percentile = 50;
	d->c.suppress = true;
	d->c.rule_count = 1;
	d->c.bounds[0] = (struct tsn_corr_bound){TSN_CORR_GTE, 1};
	d->c.bound_count = 1;
	*ret_draft = d;
	return TSN_OK;
}
