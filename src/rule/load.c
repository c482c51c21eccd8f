#include "rule/load.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/time.h"
#include "os/walk.h"
#include "rule/load_int.h"

#define ARENA_MAX ((size_t)1 << 30)
#define YAML_ARENA_MAX ((size_t)64 << 20)
#define PROBLEMS_MAX 100000u

struct seen_file {
	uint64_t dev, ino;
};

struct tsn_loader {
	struct tsn_ruleset *set;	/* handed out by finish */
	struct tsn_arena yaml;		/* of the file being read */
	struct tsn_arena notes;		/* of the report */
	const struct value_list *values;
	struct rule_draft *drafts;
	size_t draft_count, draft_cap;
	struct filter_draft *filters;
	size_t filter_count, filter_cap;
	struct except_draft *exceptions;
	size_t exception_count, exception_cap;
	bool exceptions_only;		/* in the path being walked */
	bool trial;			/* rules that exceptions name need not be there */
	struct tsn_problem *problems;
	size_t problem_count, problem_cap;
	struct seen_file *seen;
	size_t seen_count, seen_cap;
	struct tsn_rule_report report;
	struct tsn_slice ruleset;	/* of the path being walked */
	struct tsn_buf file;		/* text of the file being read */
};

struct tsn_loader *
tsn_loader_new(void)
{
	struct tsn_loader *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->set = calloc(1, sizeof *l->set);
	if (l->set == NULL) {
		free(l);
		return NULL;
	}
	tsn_arena_init(&l->set->arena, ARENA_MAX);
	tsn_arena_init(&l->yaml, YAML_ARENA_MAX);
	tsn_arena_init(&l->notes, ARENA_MAX);
	tsn_buf_init(&l->file, TSN_RULE_FILE_MAX + 1);
	return l;
}

void
tsn_ruleset_free(struct tsn_ruleset *set)
{
	if (set == NULL)
		return;
	tsn_arena_done(&set->arena);
	free(set);
}

void
tsn_loader_free(struct tsn_loader *l)
{
	if (l == NULL)
		return;
	tsn_ruleset_free(l->set);
	tsn_arena_done(&l->yaml);
	tsn_arena_done(&l->notes);
	tsn_buf_done(&l->file);
	free(l->drafts);
	free(l->filters);
	free(l->exceptions);
	free(l->problems);
	free(l->seen);
	free(l);
}

/* Room for one more item of `size` in a growing array, or NULL. */
static void *
grow(void **items, size_t *count, size_t *cap, size_t size, size_t max)
{
	if (*count == max)
		return NULL;
	if (*count == *cap) {
		size_t more = *cap == 0 ? 64 : 2 * *cap;
		void *bigger = reallocarray(*items, more, size);

		if (bigger == NULL)
			return NULL;
		*items = bigger;
		*cap = more;
	}
	return memset((char *)*items + (*count)++ * size, 0, size);
}

static enum tsn_code
add_problem(struct tsn_loader *l, enum tsn_problem_kind kind, struct tsn_slice file, uint32_t line,
    const char *message)
{
	struct tsn_problem *p;

	l->report.failed += kind == TSN_PROBLEM_FAILED;
	l->report.skipped += kind == TSN_PROBLEM_SKIPPED;
	if (l->problem_count == PROBLEMS_MAX)
		return TSN_OK;	/* the counts go on */
	p = grow((void **)&l->problems, &l->problem_count, &l->problem_cap, sizeof *p, PROBLEMS_MAX);
	if (p == NULL)
		return TSN_ENOMEM;
	*p = (struct tsn_problem){.kind = kind, .line = line, .file = tsn_arena_dup(&l->notes, file),
	    .message = tsn_arena_dup(&l->notes, tsn_slice_cstr(message))};
	return p->file.ptr == NULL || p->message.ptr == NULL ? TSN_ENOMEM : TSN_OK;
}

static enum tsn_code
link_problem(void *ctx, enum tsn_problem_kind kind, struct tsn_slice file, uint32_t line,
    const char *message)
{
	return add_problem(ctx, kind, file, line, message);
}

static struct rule_draft *
add_draft(struct tsn_loader *l)
{
	return grow((void **)&l->drafts, &l->draft_count, &l->draft_cap, sizeof *l->drafts,
	    TSN_RULES_MAX);
}

enum tsn_code
tsn_loader_add_values(struct tsn_loader *l, struct tsn_slice name, struct tsn_slice text)
{
	struct tsn_arena *a = &l->set->arena;
	struct value_list *list = tsn_arena_calloc(a, 1, sizeof *list);
	struct patterns values = {0};

	if (list == NULL)
		return TSN_ENOMEM;
	while (text.len > 0) {
		size_t eol = tsn_slice_find_char(text, '\n');
		struct tsn_slice line = tsn_slice_trim(tsn_slice_of(text.ptr,
		    eol == SIZE_MAX ? text.len : eol));

		text = eol == SIZE_MAX ? TSN_SLICE_NONE : tsn_slice_from(text, eol + 1);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		line = tsn_arena_dup(a, line);
		if (line.ptr == NULL)
			return TSN_ENOMEM;
		TSN_TRY(tsn_rule_int_push(a, &values, line));
	}
	*list = (struct value_list){.next = l->values, .name = tsn_arena_dup(a, name),
	    .values = values.items, .count = values.count};
	l->values = list;
	return list->name.ptr == NULL ? TSN_ENOMEM : TSN_OK;
}

/* The detection's words that are no selections. */
static const struct tsn_slice detection_words[] = {
	{"condition", 9}, {"timeframe", 9},
};
static const struct tsn_slice filter_words[] = {
	{"condition", 9}, {"rules", 5},
};

static struct tsn_slice
joined(struct tsn_arena *a, struct tsn_slice left, const char *mid, struct tsn_slice right)
{
	struct tsn_buf b;
	struct tsn_slice made = TSN_SLICE_NONE;

	tsn_buf_init(&b, 1u << 16);
	tsn_buf_slice(&b, left);
	tsn_buf_slice(&b, tsn_slice_cstr(mid));
	tsn_buf_slice(&b, right);
	if (tsn_buf_check(&b) == TSN_OK)
		made = tsn_arena_dup(a, tsn_buf_get(&b));
	tsn_buf_done(&b);
	return made;
}

/* The part of an old aggregation that matches single events, as a rule of its own. */
static enum tsn_code
add_part(struct tsn_loader *l, const struct tsn_rule *whole, struct tsn_slice name,
    const struct tsn_pred *condition, struct tsn_slice *ret_id)
{
	struct rule_draft *d = add_draft(l);

	if (d == NULL)
		return TSN_ENOMEM;
	d->rule = *whole;
	d->rule.short_name = TSN_SLICE_NONE;
	d->rule.id = joined(&l->set->arena, whole->id, "/", name);
	d->rule.condition = condition;
	d->rule.generate = false;
	*ret_id = d->rule.id;
	return d->rule.id.ptr == NULL ? TSN_ENOMEM : TSN_OK;
}

static enum tsn_code
read_timeframe(const struct tsn_yaml *detection, int64_t *ret, struct tsn_err *err)
{
	const struct tsn_yaml *n = tsn_yaml_find(detection, TSN_SLICE("timeframe"));
	char shown[SHOWN_MAX];

	if (n == NULL)
		TSN_FAIL_AT(err, TSN_EINVAL, detection->key_line,
		    "the condition aggregates, but there is no timeframe");
	if (tsn_time_parse_span(tsn_yaml_text(n), ret) != TSN_OK || *ret <= 0)
		TSN_FAIL_AT(err, TSN_EINVAL, n->line, "timeframe is \"%s\"; expected such as 10m",
		    tsn_slice_escape(tsn_yaml_text(n), shown, sizeof shown));
	return TSN_OK;
}

/* "| near a and b": each selection is a rule of its own, all within the timeframe. */
static enum tsn_code
near_parts(struct tsn_loader *l, const struct tsn_rule *whole, const struct aggregation *agg,
    const struct selection *selections, uint32_t count, struct corr_draft *c, struct tsn_err *err)
{
	char shown[SHOWN_MAX];

	for (uint32_t i = 0; i < agg->near_count; i++) {
		uint32_t k = 0;

		while (k < count && !tsn_slice_eq(selections[k].name, agg->near[i]))
			k++;
		if (k == count)
			TSN_FAIL_AT(err, TSN_EINVAL, c->line, "near names \"%s\", which is no selection",
			    tsn_slice_escape(agg->near[i], shown, sizeof shown));
		TSN_TRY(add_part(l, whole, selections[k].name, selections[k].pred,
		    &c->refs[c->c.rule_count++]));
	}
	c->c.type = TSN_CORR_TEMPORAL;
	return TSN_OK;
}

/* The old "selection | count() by x > 5" as a Sigma correlation over a rule of its own. */
static enum tsn_code
convert_aggregation(struct tsn_loader *l, const struct tsn_yaml *detection,
    const struct aggregation *agg, const struct selection *selections, uint32_t count,
    struct tsn_rule *rule, struct corr_draft **ret, struct tsn_err *err)
{
	struct tsn_arena *a = &l->set->arena;
	struct corr_draft *c = tsn_arena_calloc(a, 1, sizeof *c);
	struct tsn_slice *field;

	if (c == NULL)
		return TSN_ENOMEM;
	c->refs = tsn_arena_calloc(a, TSN_CORR_RULES_MAX + 1, sizeof *c->refs);
	field = tsn_arena_calloc(a, 1, sizeof *field);
	if (c->refs == NULL || field == NULL)
		return TSN_ENOMEM;
	c->line = detection->key_line;
	TSN_TRY(read_timeframe(detection, &c->c.timespan_ns, err));
	TSN_TRY(add_part(l, rule, TSN_SLICE("events"), rule->condition, &c->refs[0]));
	c->c.rule_count = 1;
	c->c.group_by = agg->by;
	c->c.group_count = agg->by_count;
	c->c.percentile = 50;
	if (tsn_slice_eq(agg->function, TSN_SLICE("near"))) {
		TSN_TRY(near_parts(l, rule, agg, selections, count, c, err));
	} else {
		c->c.type = tsn_slice_eq(agg->function, TSN_SLICE("sum")) ? TSN_CORR_VALUE_SUM
		    : tsn_slice_eq(agg->function, TSN_SLICE("avg")) ? TSN_CORR_VALUE_AVG
		    : agg->field.len > 0 ? TSN_CORR_VALUE_COUNT : TSN_CORR_EVENT_COUNT;
		if (agg->field.len == 0 && c->c.type != TSN_CORR_EVENT_COUNT)
			TSN_FAIL_AT(err, TSN_EINVAL, c->line, "sum and avg take a field");
		*field = agg->field;
		c->c.fields = field;
		c->c.field_count = agg->field.len > 0;
		c->c.bounds[0] = (struct tsn_corr_bound){agg->op, agg->number};
		c->c.bound_count = 1;
		TSN_TRY(tsn_rule_int_countable(&c->c, c->line, err));
	}
	rule->condition = NULL;
	*ret = c;
	return TSN_OK;
}

static enum tsn_code
read_detection(struct tsn_loader *l, const struct reading *rd, const struct tsn_yaml *doc,
    struct tsn_rule *rule, struct corr_draft **ret_corr, struct tsn_err *err)
{
	const struct tsn_yaml *detection = tsn_yaml_find(doc, TSN_SLICE("detection")), *condition;
	struct selection *selections;
	struct aggregation agg;
	uint32_t count;

	TSN_TRY(tsn_rule_int_logsource(rd->arena, tsn_yaml_find(doc, TSN_SLICE("logsource")),
	    rule->line, &rule->logsource, err));
	if (detection->kind != TSN_YAML_MAP)
		TSN_FAIL_AT(err, TSN_EINVAL, detection->key_line,
		    "detection is %s; expected a map of selections and a condition",
		    tsn_yaml_kind_name(detection));
	condition = tsn_yaml_find(detection, TSN_SLICE("condition"));
	if (condition == NULL)
		TSN_FAIL_AT(err, TSN_EINVAL, detection->key_line, "detection without a condition");
	TSN_TRY(tsn_rule_int_selections(rd, detection, detection_words, TSN_COUNT(detection_words),
	    &selections, &count, err));
	TSN_TRY(tsn_rule_int_condition(rd->arena, condition, selections, count, &rule->condition, &agg,
	    err));
	if (agg.function.len == 0)
		return TSN_OK;
	return convert_aggregation(l, detection, &agg, selections, count, rule, ret_corr, err);
}

static enum tsn_code
read_filter(struct tsn_loader *l, const struct reading *rd, const struct tsn_yaml *doc,
    struct tsn_err *err)
{
	const struct tsn_yaml *map = tsn_yaml_find(doc, TSN_SLICE("filter")), *condition, *rules;
	struct filter_draft f = {.file = rd->file, .line = doc->first->key_line}, *kept;
	struct selection *selections;
	struct aggregation agg;
	uint32_t count;

	if (map->kind != TSN_YAML_MAP)
		TSN_FAIL_AT(err, TSN_EINVAL, map->key_line, "filter is %s; expected a map",
		    tsn_yaml_kind_name(map));
	TSN_TRY(tsn_rule_int_logsource(rd->arena, tsn_yaml_find(doc, TSN_SLICE("logsource")), f.line,
	    &f.logsource, err));
	rules = tsn_yaml_find(map, TSN_SLICE("rules"));
	if (rules == NULL)
		TSN_FAIL_AT(err, TSN_EINVAL, map->key_line, "filter without rules (ids, names or any)");
	TSN_TRY(tsn_rule_int_texts(rd->arena, rules, "rules", &f.refs, &f.ref_count, err));
	if (f.ref_count == 1 && rules->kind != TSN_YAML_SEQ &&
	    (tsn_slice_eq_nocase(f.refs[0], TSN_SLICE("any")) ||
	    tsn_slice_eq_nocase(f.refs[0], TSN_SLICE("all"))))
		f.ref_count = 0;
	condition = tsn_yaml_find(map, TSN_SLICE("condition"));
	if (condition == NULL)
		TSN_FAIL_AT(err, TSN_EINVAL, map->key_line, "filter without a condition");
	TSN_TRY(tsn_rule_int_selections(rd, map, filter_words, TSN_COUNT(filter_words), &selections,
	    &count, err));
	TSN_TRY(tsn_rule_int_condition(rd->arena, condition, selections, count, &f.keep, &agg, err));
	if (agg.function.len > 0)
		TSN_FAIL_AT(err, TSN_EINVAL, condition->line, "a filter does not aggregate");
	/* The specification's filters say what to leave out; others write "not selection". */
	if (f.keep->op != TSN_PRED_NOT)
		f.keep = tsn_pred_not(rd->arena, f.keep);
	kept = grow((void **)&l->filters, &l->filter_count, &l->filter_cap, sizeof f, TSN_RULES_MAX);
	if (kept == NULL || f.keep == NULL)
		return TSN_ENOMEM;
	*kept = f;
	return TSN_OK;
}

/* What the rule finds becomes a part of its own, and the rule what counts it. */
static enum tsn_code
read_suppress(struct tsn_loader *l, const struct tsn_yaml *doc, struct tsn_rule *rule,
    struct corr_draft **corr, struct tsn_err *err)
{
	struct corr_draft *suppress;

	TSN_TRY(tsn_rule_int_suppress(&l->set->arena, doc, *corr, &suppress, err));
	if (suppress == NULL)
		return TSN_OK;
	TSN_TRY(add_part(l, rule, *corr != NULL ? TSN_SLICE("windows") : TSN_SLICE("events"),
	    rule->condition, &suppress->refs[0]));
	l->drafts[l->draft_count - 1].corr = *corr;
	rule->condition = NULL;
	*corr = suppress;
	return TSN_OK;
}

static enum tsn_code
read_rule(struct tsn_loader *l, const struct reading *rd, const struct tsn_yaml *doc,
    struct tsn_err *err)
{
	const struct tsn_yaml *corr = tsn_yaml_find(doc, TSN_SLICE("correlation"));
	struct corr_draft *draft = NULL;
	struct tsn_rule rule = {0};
	struct rule_draft *d;
	size_t before = l->draft_count;
	enum tsn_code code = tsn_rule_int_meta(rd, doc, &rule, err);

	if (code == TSN_OK)
		code = corr != NULL ? tsn_rule_int_correlation(rd->arena, corr, &draft, err)
		    : read_detection(l, rd, doc, &rule, &draft, err);
	if (code == TSN_OK)
		code = read_suppress(l, doc, &rule, &draft, err);
	if (code != TSN_OK)
		l->draft_count = before;
	if (code != TSN_OK && (code != SKIP || rule.id.len == 0))
		return code;
	d = add_draft(l);
	if (d == NULL)
		return l->draft_count == TSN_RULES_MAX ? TSN_ELIMIT : TSN_ENOMEM;
	d->rule = rule;
	d->corr = draft;
	d->dropped = d->skipped = code == SKIP;
	return code;
}

static enum tsn_code
read_exception(struct tsn_loader *l, const struct reading *rd, const struct tsn_yaml *doc,
    struct tsn_err *err)
{
	struct except_draft d = {0}, *kept;

	TSN_TRY(tsn_rule_int_exception(rd, doc, &d, err));
	kept = grow((void **)&l->exceptions, &l->exception_count, &l->exception_cap, sizeof d,
	    TSN_EXCEPTIONS_MAX);
	if (kept == NULL && l->exception_count == TSN_EXCEPTIONS_MAX)
		TSN_FAIL_AT(err, TSN_EINVAL, d.x.line, "more than %u exceptions", TSN_EXCEPTIONS_MAX);
	if (kept == NULL)
		return TSN_ENOMEM;
	*kept = d;
	return TSN_OK;
}

static enum tsn_code
read_document(struct tsn_loader *l, const struct reading *rd, const struct tsn_yaml *doc)
{
	struct tsn_err err = {0};
	enum tsn_code code;

	if (doc->kind != TSN_YAML_MAP || doc->count == 0)
		code = tsn_err_set(&err, TSN_EINVAL, doc->line, NULL, "document is %s; expected a rule",
		    doc->kind == TSN_YAML_MAP ? "empty" : tsn_yaml_kind_name(doc));
	else if (tsn_yaml_find(doc, TSN_SLICE("regression_tests_info")) != NULL)
		return TSN_OK;	/* SigmaHQ's info.yml: for `rules test` */
	else if (tsn_yaml_find(doc, TSN_SLICE("exception")) != NULL)
		code = read_exception(l, rd, doc, &err);
	else if (l->exceptions_only && l->trial)
		return TSN_OK;
	else if (l->exceptions_only)
		code = tsn_err_set(&err, TSN_EINVAL, doc->first->key_line, NULL,
		    "no exception, which alone may stand here");
	else if (tsn_yaml_find(doc, TSN_SLICE("filter")) != NULL)
		code = read_filter(l, rd, doc, &err);
	else if (tsn_yaml_find(doc, TSN_SLICE("detection")) != NULL ||
	    tsn_yaml_find(doc, TSN_SLICE("correlation")) != NULL)
		code = read_rule(l, rd, doc, &err);
	else
		code = tsn_err_set(&err, TSN_EINVAL, doc->first->key_line, NULL,
		    "no detection, correlation, filter or exception: not a Sigma rule");
	if (code == TSN_OK)
		return TSN_OK;
	if (code == TSN_ENOMEM || err.msg[0] == '\0')
		return code;
	return add_problem(l, code == SKIP ? TSN_PROBLEM_SKIPPED : TSN_PROBLEM_FAILED, rd->file,
	    err.pos == TSN_POS_NONE ? doc->line : (uint32_t)err.pos, err.msg);
}

/* base with what `over` says instead and besides; maps in maps likewise. */
static struct tsn_yaml *
merge(struct tsn_arena *a, const struct tsn_yaml *base, const struct tsn_yaml *over,
    uint32_t depth)
{
	struct tsn_yaml *made = tsn_arena_alloc(a, sizeof *made), *last = NULL, *copy;
	const struct tsn_yaml *const both[2] = {base, over};

	if (made == NULL)
		return NULL;
	*made = *over;
	if (base == NULL || base->kind != TSN_YAML_MAP || over->kind != TSN_YAML_MAP ||
	    depth > TSN_RULE_DEPTH_MAX)
		return made;
	made->first = NULL;
	made->count = 0;
	for (int side = 0; side < 2; side++) {
		for (const struct tsn_yaml *n = both[side]->first; n != NULL; n = n->next) {
			const struct tsn_yaml *other = tsn_yaml_find(both[!side], n->key);

			if (side == 1 && other != NULL)
				continue;
			copy = merge(a, other == NULL ? NULL : n, other == NULL ? n : other, depth + 1);
			if (copy == NULL)
				return NULL;
			copy->next = NULL;
			if (last == NULL)
				made->first = copy;
			else
				last->next = copy;
			last = copy;
			made->count++;
		}
	}
	return made;
}

/* Documents of one file, with the old "action: global / reset / repeat". */
static enum tsn_code
read_documents(struct tsn_loader *l, struct reading *rd, const struct tsn_yaml *first)
{
	const struct tsn_yaml *global = NULL, *previous = NULL;

	for (const struct tsn_yaml *doc = first; doc != NULL; doc = doc->next) {
		struct tsn_slice action = tsn_yaml_text(tsn_yaml_find(doc, TSN_SLICE("action")));
		const struct tsn_yaml *base = global;

		rd->document++;
		if (tsn_slice_eq(action, TSN_SLICE("global"))) {
			global = global == NULL ? doc : merge(&l->yaml, global, doc, 0);
			if (global == NULL)
				return TSN_ENOMEM;
			continue;
		}
		if (tsn_slice_eq(action, TSN_SLICE("reset"))) {
			global = base = NULL;
			if (doc->count == 1)
				continue;
		}
		if (tsn_slice_eq(action, TSN_SLICE("repeat")) && previous != NULL)
			base = previous;
		previous = base == NULL ? doc : merge(&l->yaml, base, doc, 0);
		if (previous == NULL)
			return TSN_ENOMEM;
		TSN_TRY(read_document(l, rd, previous));
	}
	return TSN_OK;
}

enum tsn_code
tsn_loader_add_text(struct tsn_loader *l, struct tsn_slice file, struct tsn_slice ruleset,
    struct tsn_slice text)
{
	struct reading rd = {.arena = &l->set->arena, .values = l->values};
	const struct tsn_yaml *first;
	struct tsn_err err = {0};
	enum tsn_code code;

	rd.file = tsn_arena_dup(rd.arena, file);
	rd.ruleset = tsn_slice_eq(ruleset, l->ruleset) ? l->ruleset : tsn_arena_dup(rd.arena, ruleset);
	if (rd.file.ptr == NULL || rd.ruleset.ptr == NULL)
		return TSN_ENOMEM;
	l->ruleset = rd.ruleset;
	l->report.files++;
	tsn_arena_reset(&l->yaml);
	code = tsn_yaml_parse(&l->yaml, text, &first, &err);
	if (code == TSN_ENOMEM)
		return code;
	if (code != TSN_OK)
		return add_problem(l, TSN_PROBLEM_FAILED, file, (uint32_t)err.pos, err.msg);
	if (first == NULL)
		return add_problem(l, TSN_PROBLEM_NOTE, file, 1, "no rule in the file");
	return read_documents(l, &rd, first);
}

static bool
seen_before(struct tsn_loader *l, const struct tsn_file_info *info, bool *ret_memory)
{
	struct seen_file *s;

	*ret_memory = true;
	for (size_t mask = l->seen_cap - 1, at = tsn_hash_mix(info->ino ^ 0x9e3779b97f4a7c15u,
	    info->dev + 0xa0761d6478bd642fu); l->seen_cap > 0; at++) {
		s = &l->seen[at & mask];
		if (s->ino == info->ino && s->dev == info->dev)
			return true;
		if (s->ino == 0 && s->dev == 0 && 2 * l->seen_count < l->seen_cap) {
			*s = (struct seen_file){info->dev, info->ino};
			l->seen_count++;
			return false;
		}
		if (s->ino == 0 && s->dev == 0)
			break;
	}
	/* Full or new: a larger table, then again. */
	struct seen_file *old = l->seen;
	size_t old_cap = l->seen_cap;

	l->seen = calloc(old_cap == 0 ? 1024 : 4 * old_cap, sizeof *l->seen);
	if (l->seen == NULL) {
		l->seen = old;
		*ret_memory = false;
		return false;
	}
	l->seen_cap = old_cap == 0 ? 1024 : 4 * old_cap;
	l->seen_count = 0;
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].ino != 0 || old[i].dev != 0)
			(void)seen_before(l, &(struct tsn_file_info){.dev = old[i].dev, .ino = old[i].ino},
			    ret_memory);
	free(old);
	return seen_before(l, info, ret_memory);
}

/* Tests stand beside rules: NAME.test.yml. */
static bool
is_rule_file(struct tsn_slice path)
{
	if (tsn_slice_ends(path, TSN_SLICE(".test.yml")) ||
	    tsn_slice_ends(path, TSN_SLICE(".test.yaml")))
		return false;
	return tsn_slice_ends(path, TSN_SLICE(".yml")) || tsn_slice_ends(path, TSN_SLICE(".yaml"));
}

static enum tsn_code
read_path(struct tsn_loader *l, const char *path, const struct tsn_file_info *info,
    struct tsn_err *err)
{
	enum tsn_code code;
	bool memory;

	if (seen_before(l, info, &memory))
		return TSN_OK;
	if (!memory)
		return tsn_rule_int_no_memory(err);
	tsn_buf_reset(&l->file);
	code = tsn_file_read_regular(&tsn_file_system, path, info->size, &l->file, err);
	if (code == TSN_ELIMIT)
		return add_problem(l, TSN_PROBLEM_FAILED, tsn_slice_cstr(path), 1,
		    "larger than a rule file may be (4 MiB)");
	TSN_TRY(code);
	code = tsn_loader_add_text(l, tsn_slice_cstr(path), l->ruleset, tsn_buf_get(&l->file));
	if (code == TSN_ENOMEM)
		return tsn_rule_int_no_memory(err);
	if (code == TSN_ELIMIT)
		TSN_FAIL(err, code, "more than %u rules", TSN_RULES_MAX);
	return code;
}

static enum tsn_code
on_file(void *ctx, const char *path, const struct tsn_file_info *info, struct tsn_err *err)
{
	struct tsn_err why = {0};
	enum tsn_code code;

	if (info->kind != TSN_FILE_REGULAR || !is_rule_file(tsn_slice_cstr(path)))
		return TSN_OK;
	code = read_path(ctx, path, info, &why);
	if (code == TSN_EIO || code == TSN_EDENIED || code == TSN_ENOTFOUND)
		return add_problem(ctx, TSN_PROBLEM_FAILED, tsn_slice_cstr(path), 1, why.msg);
	if (code != TSN_OK && err != NULL)
		*err = why;
	return code;
}

static void
on_walk_problem(void *ctx, const char *path, const struct tsn_err *why)
{
	/* A folder that cannot be read hides rules: that is a failure. */
	(void)add_problem(ctx, TSN_PROBLEM_FAILED, tsn_slice_cstr(path), 1, why->msg);
}

static enum tsn_code
on_values(void *ctx, const char *path, const struct tsn_file_info *info, struct tsn_err *err)
{
	struct tsn_loader *l = ctx;
	const char *slash = strrchr(path, '/');
	struct tsn_slice name = tsn_slice_cstr(slash == NULL ? path : slash + 1);

	if (info->kind != TSN_FILE_REGULAR ||
	    (!tsn_slice_ends(name, TSN_SLICE(".txt")) && !tsn_slice_ends(name, TSN_SLICE(".lst"))))
		return TSN_OK;
	name.len -= 4;
	tsn_buf_reset(&l->file);
	TSN_TRY(tsn_file_read_all(&tsn_file_system, path, &l->file, err));
	if (tsn_loader_add_values(l, name, tsn_buf_get(&l->file)) != TSN_OK)
		return tsn_rule_int_no_memory(err);
	return TSN_OK;
}

enum tsn_code
tsn_loader_add_values_dir(struct tsn_loader *l, const char *dir, struct tsn_err *err)
{
	struct tsn_walk walk = {.file = on_values, .problem = on_walk_problem, .ctx = l};

	return tsn_walk(&walk, dir, err);
}

/* A rule folder may bring its value lists: the folder `values` in it. */
static enum tsn_code
add_own_values(struct tsn_loader *l, const char *folder, struct tsn_err *err)
{
	char path[4096];
	struct tsn_file_info info;

	if (snprintf(path, sizeof path, "%s/values", folder) >= (int)sizeof path ||
	    tsn_file_stat_path(path, &info, NULL) != TSN_OK || info.kind != TSN_FILE_DIR)
		return TSN_OK;
	return tsn_loader_add_values_dir(l, path, err);
}

enum tsn_code
tsn_loader_add_path(struct tsn_loader *l, const char *path, struct tsn_err *err)
{
	struct tsn_walk walk = {.file = on_file, .problem = on_walk_problem, .ctx = l};
	struct tsn_file_info info;

	TSN_TRY(tsn_file_stat_path(path, &info, err));
	l->ruleset = tsn_arena_dup(&l->set->arena, tsn_slice_cstr(path));
	if (l->ruleset.ptr == NULL)
		return tsn_rule_int_no_memory(err);
	if (info.kind == TSN_FILE_DIR) {
		TSN_TRY(add_own_values(l, path, err));
		return tsn_walk(&walk, path, err);
	}
	return read_path(l, path, &info, err);
}

void
tsn_loader_set_trial(struct tsn_loader *l)
{
	l->trial = true;
}

enum tsn_code
tsn_loader_add_exceptions(struct tsn_loader *l, const char *path, struct tsn_err *err)
{
	enum tsn_code code;

	l->exceptions_only = true;
	code = tsn_loader_add_path(l, path, err);
	l->exceptions_only = false;
	return code;
}

static int
by_place(const void *a, const void *b)
{
	const struct tsn_problem *x = a, *y = b;
	size_t n = x->file.len < y->file.len ? x->file.len : y->file.len;
	int order = n == 0 ? 0 : memcmp(x->file.ptr, y->file.ptr, n);

	if (order != 0)
		return order;
	if (x->file.len != y->file.len)
		return x->file.len < y->file.len ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* The drafts that stayed, with references renumbered. */
static enum tsn_code
fill_set(struct tsn_loader *l)
{
	struct tsn_ruleset *set = l->set;
	uint32_t *place = calloc(l->draft_count + 1, sizeof *place);
	uint32_t kept = 0;

	set->rules = tsn_arena_calloc(&set->arena, l->draft_count + 1, sizeof *set->rules);
	if (set->rules == NULL || place == NULL) {
		free(place);
		return TSN_ENOMEM;
	}
	for (size_t i = 0; i < l->draft_count; i++) {
		place[i] = kept;
		if (!l->drafts[i].dropped)
			set->rules[kept++] = l->drafts[i].rule;
	}
	for (size_t i = 0; i < l->draft_count; i++) {
		struct corr_draft *c = l->drafts[i].corr;
		uint32_t *rules;

		if (c == NULL || l->drafts[i].dropped)
			continue;
		rules = tsn_arena_calloc(&set->arena, c->c.rule_count + 1, sizeof *rules);
		for (uint32_t k = 0; rules != NULL && k < c->c.rule_count; k++)
			rules[k] = place[c->c.rules[k]];
		c->c.rules = rules;
		if (rules == NULL) {
			free(place);
			return TSN_ENOMEM;
		}
	}
	set->count = kept;
	free(place);
	return TSN_OK;
}

enum tsn_code
tsn_loader_finish(struct tsn_loader *l, struct tsn_ruleset **ret_set,
    struct tsn_rule_report *ret_report, struct tsn_err *err)
{
	struct link_out out = {l, link_problem};

	TSN_ASSERT(l->set != NULL);
	TSN_TRY(tsn_rule_int_link(&l->set->arena, l->drafts, (uint32_t)l->draft_count, l->filters,
	    (uint32_t)l->filter_count, &out, err));
	if (tsn_rule_int_link_exceptions(&l->set->arena, l->drafts, (uint32_t)l->draft_count,
	    l->exceptions, (uint32_t)l->exception_count, l->trial ? NULL : &out,
	    &l->set->exceptions) != TSN_OK)
		return tsn_rule_int_no_memory(err);
	l->set->exception_count = (uint32_t)l->exception_count;
	for (size_t i = 0; i < l->exception_count; i++)
		l->report.exceptions += !l->exceptions[i].dropped;
	if (fill_set(l) != TSN_OK)
		return tsn_rule_int_no_memory(err);
	if (l->problem_count > 0)
		qsort(l->problems, l->problem_count, sizeof *l->problems, by_place);
	for (size_t i = 0; i < l->filter_count; i++)
		l->report.filters += l->filters[i].used;
	l->report.loaded = l->set->count;
	l->report.problems = l->problems;
	l->report.problem_count = (uint32_t)l->problem_count;
	*ret_report = l->report;
	*ret_set = TSN_STEAL(l->set);
	return TSN_OK;
}
