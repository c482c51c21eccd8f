/* The `correlation` map of a rule. */
#include <math.h>

#include "base/num.h"
#include "base/time.h"
#include "rule/load_int.h"

static const char *const types[TSN_CORR__COUNT] = {
	[TSN_CORR_EVENT_COUNT] = "event_count",
	[TSN_CORR_VALUE_COUNT] = "value_count",
	[TSN_CORR_TEMPORAL] = "temporal",
	[TSN_CORR_TEMPORAL_ORDERED] = "temporal_ordered",
	[TSN_CORR_VALUE_SUM] = "value_sum",
	[TSN_CORR_VALUE_AVG] = "value_avg",
	[TSN_CORR_VALUE_PERCENTILE] = "value_percentile",
	[TSN_CORR_VALUE_MEDIAN] = "value_median",
	[TSN_CORR_LEAKY_BUCKET] = "leaky_bucket",
	[TSN_CORR_FIRST_SEEN] = "first_seen",
	[TSN_CORR_ABSENCE] = "absence",
	[TSN_CORR_SEQUENCE] = "sequence",
};

static bool
is_temporal(enum tsn_corr_type type)
{
	return type == TSN_CORR_TEMPORAL || type == TSN_CORR_TEMPORAL_ORDERED;
}

/* tocsin's own types with a time order and rules that must be absent. */
static bool
is_ordered(enum tsn_corr_type type)
{
	return type == TSN_CORR_ABSENCE || type == TSN_CORR_SEQUENCE;
}

static bool
needs_field(enum tsn_corr_type type)
{
	return type == TSN_CORR_VALUE_COUNT || type == TSN_CORR_FIRST_SEEN ||
	    (type >= TSN_CORR_VALUE_SUM && type <= TSN_CORR_VALUE_MEDIAN);
}

static enum tsn_code
read_type(const struct tsn_yaml *map, enum tsn_corr_type *ret, struct tsn_err *err)
{
	const struct tsn_yaml *n = tsn_yaml_find(map, TSN_SLICE("type"));
	struct tsn_slice text = tsn_yaml_text(n);
	const char *near;
	char shown[SHOWN_MAX];

	if (text.len == 0)
		TSN_FAIL_AT(err, TSN_EINVAL, map->line, "correlation without a type");
	for (uint32_t i = 0; i < TSN_CORR__COUNT; i++)
		if (tsn_slice_eq(text, tsn_slice_cstr(types[i]))) {
			*ret = (enum tsn_corr_type)i;
			return TSN_OK;
		}
	near = tsn_rule_int_nearest(text, types, TSN_CORR__COUNT);
	TSN_FAIL_AT(err, TSN_EINVAL, n->line, "unknown correlation type \"%s\"%s%s%s",
	    tsn_slice_escape(text, shown, sizeof shown), near == NULL ? "" : "; nearest is \"",
	    near == NULL ? "" : near, near == NULL ? "" : "\"");
}

static enum tsn_code
read_span(const struct tsn_yaml *map, const char *key, bool needed, int64_t *ret,
    struct tsn_err *err)
{
	const struct tsn_yaml *n = tsn_yaml_find(map, tsn_slice_cstr(key));
	char shown[SHOWN_MAX];

	if (n == NULL && !needed)
		return TSN_OK;
	if (n == NULL)
		TSN_FAIL_AT(err, TSN_EINVAL, map->line, "correlation without %s", key);
	if (tsn_time_parse_span(tsn_yaml_text(n), ret) != TSN_OK || *ret <= 0)
		TSN_FAIL_AT(err, TSN_EINVAL, n->line,
		    "%s is \"%s\"; expected a number and s, m, h or d, such as 10m", key,
		    tsn_slice_escape(tsn_yaml_text(n), shown, sizeof shown));
	return TSN_OK;
}

enum tsn_code
tsn_rule_int_countable(const struct tsn_correlation *c, uint32_t line, struct tsn_err *err)
{
	const struct tsn_corr_bound *b = &c->bounds[c->bound_count - 1];
	double most = TSN_CORR_EVENTS_MAX;
	bool counted = c->type == TSN_CORR_EVENT_COUNT || c->type == TSN_CORR_VALUE_COUNT;

	if (b->op == TSN_CORR_GT || b->op == TSN_CORR_LTE)
		most--;
	if (counted && b->value > most)
		TSN_FAIL_AT(err, SKIP, line, "%s counts up to %u in a group; %.15g cannot be told",
		    types[c->type], TSN_CORR_EVENTS_MAX, b->value);
	return TSN_OK;
}

static enum tsn_code
read_bound(const struct tsn_yaml *n, struct tsn_correlation *c, struct tsn_err *err)
{
	static const char *const ops[] = {"gt", "gte", "lt", "lte", "eq", "neq"};
	struct tsn_corr_bound *b = &c->bounds[c->bound_count];
	char shown[SHOWN_MAX];

	for (uint32_t i = 0; i < TSN_COUNT(ops); i++) {
		if (!tsn_slice_eq(n->key, tsn_slice_cstr(ops[i])))
			continue;
		if (c->bound_count == TSN_CORR_BOUNDS_MAX)
			break;
		b->op = (enum tsn_corr_op)i;
		if (n->kind == TSN_YAML_INT)
			b->value = (double)n->num.i;
		else if (n->kind == TSN_YAML_FLOAT)
			b->value = n->num.d;
		else if (tsn_num_parse_f64(tsn_yaml_text(n), &b->value) != TSN_OK)
			TSN_FAIL_AT(err, TSN_EINVAL, n->line, "%s takes a number", ops[i]);
		if (!isfinite(b->value))
			TSN_FAIL_AT(err, TSN_EINVAL, n->line, "%s takes a number that is finite", ops[i]);
		c->bound_count++;
		return tsn_rule_int_countable(c, n->line, err);
	}
	TSN_FAIL_AT(err, TSN_EINVAL, n->key_line,
	    "condition has \"%s\"; expected field, percentile, gt, gte, lt, lte, eq or neq",
	    tsn_slice_escape(n->key, shown, sizeof shown));
}

static enum tsn_code
read_condition(struct tsn_arena *a, const struct tsn_yaml *map, struct corr_draft *d,
    struct tsn_err *err)
{
	const struct tsn_yaml *cond = tsn_yaml_find(map, TSN_SLICE("condition"));
	struct tsn_slice *fields;

	if (cond == NULL)
		return TSN_OK;
	if (cond->kind == TSN_YAML_STR && is_temporal(d->c.type)) {
		d->expr_text = tsn_arena_dup(a, cond->text);
		d->line = cond->line;
		return d->expr_text.ptr == NULL ? tsn_rule_int_no_memory(err) : TSN_OK;
	}
	if (cond->kind != TSN_YAML_MAP)
		TSN_FAIL_AT(err, TSN_EINVAL, cond->key_line, "condition of the correlation is %s; "
		    "expected a map such as {gte: 10}", tsn_yaml_kind_name(cond));
	for (const struct tsn_yaml *n = cond->first; n != NULL; n = n->next) {
		if (tsn_slice_eq(n->key, TSN_SLICE("field"))) {
			TSN_TRY(tsn_rule_int_texts(a, n, "field", &fields, &d->c.field_count, err));
			d->c.fields = fields;
		} else if (tsn_slice_eq(n->key, TSN_SLICE("percentile"))) {
			d->c.percentile = n->kind == TSN_YAML_INT ? (double)n->num.i
			    : n->kind == TSN_YAML_FLOAT ? n->num.d : -1;
			if (!(d->c.percentile >= 0 && d->c.percentile <= 100))
				TSN_FAIL_AT(err, TSN_EINVAL, n->line, "percentile takes a number from 0 to 100");
		} else {
			TSN_TRY(read_bound(n, &d->c, err));
		}
	}
	return TSN_OK;
}

static enum tsn_code
read_aliases(struct tsn_arena *a, const struct tsn_yaml *map, struct corr_draft *d,
    struct tsn_err *err)
{
	const struct tsn_yaml *list = tsn_yaml_find(map, TSN_SLICE("aliases"));

	if (list == NULL)
		return TSN_OK;
	if (list->kind != TSN_YAML_MAP)
		TSN_FAIL_AT(err, TSN_EINVAL, list->key_line,
		    "aliases is %s; expected a map of names to maps of rule and field",
		    tsn_yaml_kind_name(list));
	for (const struct tsn_yaml *n = list->first; n != NULL; n = n->next) {
		if (n->kind != TSN_YAML_MAP)
			TSN_FAIL_AT(err, TSN_EINVAL, n->key_line,
			    "an alias is %s; expected a map of rule and field", tsn_yaml_kind_name(n));
		for (const struct tsn_yaml *m = n->first; m != NULL; m = m->next) {
			struct alias *made = tsn_arena_calloc(a, 1, sizeof *made);

			if (made == NULL)
				return tsn_rule_int_no_memory(err);
			*made = (struct alias){.next = d->aliases, .name = tsn_arena_dup(a, n->key),
			    .rule = tsn_arena_dup(a, m->key), .line = m->key_line,
			    .field = tsn_arena_dup(a, tsn_yaml_text(m))};
			if (made->name.ptr == NULL || made->rule.ptr == NULL || made->field.ptr == NULL)
				return tsn_rule_int_no_memory(err);
			d->aliases = made;
		}
	}
	return TSN_OK;
}

static enum tsn_code
read_lists(struct tsn_arena *a, const struct tsn_yaml *map, struct corr_draft *d,
    struct tsn_err *err)
{
	struct tsn_slice *groups;

	TSN_TRY(tsn_rule_int_texts(a, tsn_yaml_find(map, TSN_SLICE("rules")), "rules", &d->refs,
	    &d->c.rule_count, err));
	if (d->c.rule_count == 0)
		TSN_FAIL_AT(err, TSN_EINVAL, map->line, "correlation without rules");
	if (d->c.rule_count > TSN_CORR_RULES_MAX)
		TSN_FAIL_AT(err, TSN_ELIMIT, map->line, "correlation of more than %u rules",
		    TSN_CORR_RULES_MAX);
	TSN_TRY(tsn_rule_int_texts(a, tsn_yaml_find(map, TSN_SLICE("group-by")), "group-by", &groups,
	    &d->c.group_count, err));
	d->c.group_by = groups;
	if (d->c.group_count > TSN_CORR_GROUP_MAX)
		TSN_FAIL_AT(err, TSN_ELIMIT, map->line, "group-by has more than %u fields",
		    TSN_CORR_GROUP_MAX);
	return TSN_OK;
}

/* Which of the rules must not have matched. */
static enum tsn_code
read_absent(struct tsn_arena *a, const struct tsn_yaml *map, struct corr_draft *d,
    struct tsn_err *err)
{
	const struct tsn_yaml *n = tsn_yaml_find(map, TSN_SLICE("absent"));
	uint64_t all = d->c.rule_count >= 64 ? UINT64_MAX : (UINT64_C(1) << d->c.rule_count) - 1;
	struct tsn_slice *names;
	char shown[SHOWN_MAX];
	uint32_t count = 0;

	if (n != NULL)
		TSN_TRY(tsn_rule_int_texts(a, n, "absent", &names, &count, err));
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = 0;

		while (at < d->c.rule_count && !tsn_slice_eq(d->refs[at], names[i]))
			at++;
		if (at == d->c.rule_count)
			TSN_FAIL_AT(err, TSN_EINVAL, n->line, "absent names \"%s\", which is not among the "
			    "rules of the correlation", tsn_slice_escape(names[i], shown, sizeof shown));
		d->c.absent |= UINT64_C(1) << at;
	}
	if (d->c.type == TSN_CORR_ABSENCE && d->c.absent == 0)
		TSN_FAIL_AT(err, TSN_EINVAL, map->line,
		    "an absence needs absent: those of its rules that must not follow");
	if (d->c.type == TSN_CORR_SEQUENCE && (d->c.absent == all || d->c.rule_count < 2))
		TSN_FAIL_AT(err, TSN_EINVAL, map->line,
		    "a sequence needs two rules or more, one of them not absent");
	return TSN_OK;
}

static enum tsn_code
read_own(struct tsn_arena *a, const struct tsn_yaml *map, struct corr_draft *d,
    struct tsn_err *err)
{
	struct tsn_correlation *c = &d->c;
	const struct tsn_yaml *n;

	if (is_ordered(c->type))
		return read_absent(a, map, d, err);
	if (c->type == TSN_CORR_FIRST_SEEN)
		TSN_TRY(read_span(map, "learning", true, &c->learn_ns, err));
	if (c->type != TSN_CORR_LEAKY_BUCKET)
		return TSN_OK;
	TSN_TRY(read_span(map, "leakspeed", true, &c->leak_ns, err));
	n = tsn_yaml_find(map, TSN_SLICE("capacity"));
	if (n == NULL || n->kind != TSN_YAML_INT || n->num.i < 0)
		TSN_FAIL_AT(err, TSN_EINVAL, n == NULL ? map->line : n->line,
		    "a leaky_bucket needs a capacity, a number from 0");
	c->capacity = (double)n->num.i;
	return TSN_OK;
}

/* Keys that only some types have a use for: elsewhere they are a mistake. */
static const struct own_key {
	const char *key;
	enum tsn_corr_type types[2];
	const char *of;
} own_keys[] = {
	{"capacity", {TSN_CORR_LEAKY_BUCKET, TSN_CORR_LEAKY_BUCKET}, "leaky_bucket"},
	{"leakspeed", {TSN_CORR_LEAKY_BUCKET, TSN_CORR_LEAKY_BUCKET}, "leaky_bucket"},
	{"learning", {TSN_CORR_FIRST_SEEN, TSN_CORR_FIRST_SEEN}, "first_seen"},
	{"absent", {TSN_CORR_ABSENCE, TSN_CORR_SEQUENCE}, "absence and sequence"},
};

static enum tsn_code
check_keys(const struct tsn_yaml *map, struct tsn_err *err)
{
	static const char *const known[] = {"type", "rules", "group-by", "timespan", "condition",
	    "aliases", "generate"};
	char shown[SHOWN_MAX];

	for (const struct tsn_yaml *n = map->first; n != NULL; n = n->next) {
		bool found = false;

		for (size_t i = 0; i < TSN_COUNT(known); i++)
			found |= tsn_slice_eq(n->key, tsn_slice_cstr(known[i]));
		for (size_t i = 0; i < TSN_COUNT(own_keys); i++)
			found |= tsn_slice_eq(n->key, tsn_slice_cstr(own_keys[i].key));
		if (!found)
			TSN_FAIL_AT(err, TSN_EINVAL, n->key_line, "correlation has \"%s\"; expected type, "
			    "rules, group-by, timespan, condition, aliases or generate",
			    tsn_slice_escape(n->key, shown, sizeof shown));
	}
	return TSN_OK;
}

static enum tsn_code
check_own_keys(const struct tsn_yaml *map, enum tsn_corr_type type, struct tsn_err *err)
{
	for (size_t i = 0; i < TSN_COUNT(own_keys); i++) {
		const struct own_key *k = &own_keys[i];
		const struct tsn_yaml *n = tsn_yaml_find(map, tsn_slice_cstr(k->key));

		if (n != NULL && type != k->types[0] && type != k->types[1])
			TSN_FAIL_AT(err, TSN_EINVAL, n->key_line, "a correlation %s has no use for %s, "
			    "which is of tocsin's own %s", types[type], k->key, k->of);
	}
	return TSN_OK;
}

static enum tsn_code
check_draft(const struct tsn_yaml *map, const struct tsn_correlation *c, struct tsn_err *err)
{
	bool bounds = c->type != TSN_CORR_LEAKY_BUCKET && c->type != TSN_CORR_FIRST_SEEN &&
	    !is_temporal(c->type) && !is_ordered(c->type);

	if (bounds && c->bound_count == 0)
		TSN_FAIL_AT(err, TSN_EINVAL, map->line, "a correlation %s needs a condition such as "
		    "{gte: 10}", types[c->type]);
	if (is_ordered(c->type) && c->bound_count > 0)
		TSN_FAIL_AT(err, TSN_EINVAL, map->line, "a correlation %s has no use for a threshold",
		    types[c->type]);
	if (needs_field(c->type) && c->field_count == 0)
		TSN_FAIL_AT(err, TSN_EINVAL, map->line, "a correlation %s needs a field in its condition",
		    types[c->type]);
	if (!needs_field(c->type) && c->field_count > 0 && c->type != TSN_CORR_LEAKY_BUCKET)
		TSN_FAIL_AT(err, TSN_EINVAL, map->line, "a correlation %s has no use for a field",
		    types[c->type]);
	if (c->type >= TSN_CORR_VALUE_SUM && c->type <= TSN_CORR_VALUE_MEDIAN && c->field_count > 1)
		TSN_FAIL_AT(err, TSN_EINVAL, map->line, "a correlation %s takes one field",
		    types[c->type]);
	return TSN_OK;
}

enum tsn_code
tsn_rule_int_correlation(struct tsn_arena *a, const struct tsn_yaml *map,
    struct corr_draft **ret_draft, struct tsn_err *err)
{
	struct corr_draft *d = tsn_arena_calloc(a, 1, sizeof *d);
	const struct tsn_yaml *n;

	if (d == NULL)
		return tsn_rule_int_no_memory(err);
	if (map->kind != TSN_YAML_MAP)
		TSN_FAIL_AT(err, TSN_EINVAL, map->key_line, "correlation is %s; expected a map",
		    tsn_yaml_kind_name(map));
	d->line = map->key_line;
	d->c.percentile = 50;
	TSN_TRY(check_keys(map, err));
	TSN_TRY(read_type(map, &d->c.type, err));
	TSN_TRY(read_lists(a, map, d, err));
	TSN_TRY(check_own_keys(map, d->c.type, err));
	TSN_TRY(read_span(map, "timespan", d->c.type < TSN_CORR_LEAKY_BUCKET || is_ordered(d->c.type),
	    &d->c.timespan_ns, err));
	TSN_TRY(read_condition(a, map, d, err));
	TSN_TRY(read_aliases(a, map, d, err));
	TSN_TRY(read_own(a, map, d, err));
	n = tsn_yaml_find(map, TSN_SLICE("generate"));
	d->c.generate = n != NULL && n->kind == TSN_YAML_BOOL && n->num.i != 0;
	TSN_TRY(check_draft(map, &d->c, err));
	*ret_draft = d;
	return TSN_OK;
}
