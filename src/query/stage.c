/* Parser of the stages. */
#include "query/stage.h"

#include <string.h>

#include "base/assert.h"
#include "base/num.h"

#define ITEMS_MAX 64u
#define ROWS_DEFAULT 10u

/* One stage while it is parsed. */
struct draft {
	struct tsn_stage *stage;
	struct tsn_schema *out;
	struct tsn_stage_item items[ITEMS_MAX];
	struct tsn_agg aggs[ITEMS_MAX];
};

struct chain {
	const struct tsn_stage *first;
	struct tsn_stage *last;
	const struct tsn_schema *schema;
	uint32_t count;
};

static enum tsn_code
too_large(struct tsn_qparse *p)
{
	TSN_QFAIL(p, TSN_ELIMIT, p->at, "the query is too large");
}

static bool
at_stage_end(struct tsn_qparse *p)
{
	tsn_scan_blank(p);
	return p->at == p->text.len || (tsn_scan_peek(p, 0) == '|' && tsn_scan_peek(p, 1) != '|');
}

static enum tsn_code
add_item(struct tsn_qparse *p, struct draft *d, const struct tsn_stage_item *item)
{
	if (d->stage->item_count == ITEMS_MAX)
		TSN_QFAIL(p, TSN_ELIMIT, p->at, "more than %u fields in one stage", ITEMS_MAX);
	d->items[d->stage->item_count++] = *item;
	return TSN_OK;
}

/* Appends the finished stage; what goes out of it comes into the next. */
static enum tsn_code
add_stage(struct tsn_qparse *p, struct chain *c, struct draft *d)
{
	struct tsn_stage *s = d->stage;

	if (c->count == TSN_STAGES_MAX)
		TSN_QFAIL(p, TSN_ELIMIT, s->at, "more than %u stages", TSN_STAGES_MAX);
	s->items = tsn_arena_calloc(p->arena, s->item_count + 1, sizeof *s->items);
	s->aggs = tsn_arena_calloc(p->arena, s->agg_count + 1, sizeof *s->aggs);
	if (s->items == NULL || s->aggs == NULL)
		return too_large(p);
	memcpy(s->items, d->items, s->item_count * sizeof *s->items);
	memcpy(s->aggs, d->aggs, s->agg_count * sizeof *s->aggs);
	s->in = c->schema;
	s->out = d->out;
	c->schema = d->out;
	if (c->last == NULL)
		c->first = s;
	else
		c->last->next = s;
	c->last = s;
	c->count++;
	return TSN_OK;
}

/* A stage whose rows are as those that come in, until somebody changes d->out. */
static enum tsn_code
begin(struct tsn_qparse *p, const struct chain *c, enum tsn_stage_op op, size_t at, struct draft *d)
{
	d->stage = tsn_arena_calloc(p->arena, 1, sizeof *d->stage);
	d->out = tsn_arena_calloc(p->arena, 1, sizeof *d->out);
	if (d->stage == NULL || d->out == NULL)
		return too_large(p);
	d->stage->op = op;
	d->stage->at = at;
	*d->out = *c->schema;
	return TSN_OK;
}

/* A name, a column such as count(), or an expression: name(...). */
static enum tsn_code
parse_operand(struct tsn_qparse *p, const struct tsn_schema *schema,
    const struct tsn_expr **ret_expr, struct tsn_slice *ret_name)
{
	struct tsn_slice name;
	size_t at;

	tsn_scan_blank(p);
	at = p->at;
	TSN_TRY(tsn_expr_take_name(p, &name));
	if (tsn_scan_peek(p, 0) == '(') {
		p->at = at;
		TSN_TRY(tsn_expr_parse_call(p, schema, ret_expr));
		*ret_name = (*ret_expr)->text;
		return TSN_OK;
	}
	*ret_name = name;
	return tsn_expr_name(p, schema, name, at, ret_expr);
}

static enum tsn_code
parse_as(struct tsn_qparse *p, struct tsn_slice *name)
{
	return tsn_scan_word(p, "as") ? tsn_expr_take_name(p, name) : TSN_OK;
}

/* "a, b, c" or "a b c" up to the stage's end or one of two words. */
static bool
more_items(struct tsn_qparse *p, bool first)
{
	if (!first && tsn_scan_char(p, ','))
		return true;
	return !at_stage_end(p);
}

static enum tsn_code
parse_where(struct tsn_qparse *p, const struct chain *c, struct draft *d)
{
	return tsn_expr_parse(p, c->schema, &d->stage->cond);
}

/* Later assignments of one eval see the earlier ones: each is a stage of its own. */
static enum tsn_code
parse_eval(struct tsn_qparse *p, struct chain *c, struct draft *d)
{
	for (;;) {
		struct tsn_stage_item item = {.key = TSN_KEY_NONE};
		size_t at;

		tsn_scan_blank(p);
		at = p->at;
		TSN_TRY(tsn_expr_take_name(p, &item.name));
		if (!tsn_scan_char(p, '='))
			return tsn_scan_expected(p, "'=' behind the name of the new field");
		TSN_TRY(tsn_expr_parse(p, c->schema, &item.expr));
		if (c->schema->events) {
			struct tsn_path path;

			TSN_TRY(tsn_scan_path(p, item.name, at, &path));
			if (path.index_count > 0)
				TSN_QFAIL(p, TSN_EINVAL, at, "expected a field name without [n]");
			item.key = path.key;
		} else {
			TSN_TRY(tsn_schema_add(p, d->out, item.name, at, &item.slot));
		}
		TSN_TRY(add_item(p, d, &item));
		if (!tsn_scan_char(p, ','))
			return TSN_OK;
		TSN_TRY(add_stage(p, c, d));
		TSN_TRY(begin(p, c, TSN_STAGE_EVAL, at, d));
	}
}

static enum tsn_code
parse_sort(struct tsn_qparse *p, const struct chain *c, struct draft *d)
{
	(void)tsn_scan_word(p, "by");
	for (bool first = true; more_items(p, first); first = false) {
		struct tsn_stage_item item = {0};

		item.descending = tsn_scan_char(p, '-');
		if (!item.descending)
			(void)tsn_scan_char(p, '+');
		TSN_TRY(parse_operand(p, c->schema, &item.expr, &item.name));
		if (tsn_scan_word(p, "desc"))
			item.descending = true;
		else
			(void)tsn_scan_word(p, "asc");
		TSN_TRY(add_item(p, d, &item));
	}
	return d->stage->item_count > 0 ? TSN_OK : tsn_scan_expected(p, "a field to sort by");
}

static enum tsn_code
parse_rows(struct tsn_qparse *p, const struct chain *c, struct draft *d)
{
	(void)c;
	d->stage->n = ROWS_DEFAULT;
	if (!at_stage_end(p) && !tsn_scan_u64(p, &d->stage->n))
		return tsn_scan_expected(p, "a number of rows");
	return TSN_OK;
}

static enum tsn_code
parse_drop(struct tsn_qparse *p, const struct chain *c, struct draft *d)
{
	d->stage->op = TSN_STAGE_DROP;
	d->out->count = 0;
	for (bool first = true; more_items(p, first); first = false) {
		struct tsn_stage_item item = {0};

		TSN_TRY(parse_operand(p, c->schema, &item.expr, &item.name));
		item.slot = item.expr->slot;
		item.key = item.expr->path.key;
		TSN_TRY(add_item(p, d, &item));
	}
	if (d->stage->item_count == 0)
		return tsn_scan_expected(p, "a field to leave out");
	for (uint32_t i = 0; i < c->schema->count; i++) {
		bool dropped = false;

		for (uint32_t j = 0; j < d->stage->item_count; j++)
			dropped |= d->items[j].slot == i;
		if (!dropped)
			d->out->names[d->out->count++] = c->schema->names[i];
	}
	return TSN_OK;
}

static enum tsn_code
parse_fields(struct tsn_qparse *p, const struct chain *c, struct draft *d)
{
	if (tsn_scan_char(p, '-'))
		return parse_drop(p, c, d);
	(void)tsn_scan_char(p, '+');
	d->out->events = false;
	d->out->count = 0;
	for (bool first = true; more_items(p, first); first = false) {
		struct tsn_stage_item item = {0};
		uint32_t before = d->out->count;
		size_t at = p->at;

		TSN_TRY(parse_operand(p, c->schema, &item.expr, &item.name));
		TSN_TRY(parse_as(p, &item.name));
		TSN_TRY(tsn_schema_add(p, d->out, item.name, at, &item.slot));
		if (d->out->count > before)
			TSN_TRY(add_item(p, d, &item));
	}
	return d->stage->item_count > 0 ? TSN_OK : tsn_scan_expected(p, "a field name");
}

static enum tsn_code
parse_dedup(struct tsn_qparse *p, const struct chain *c, struct draft *d)
{
	d->stage->n = 1;
	tsn_scan_blank(p);
	if (tsn_scan_peek(p, 0) >= '0' && tsn_scan_peek(p, 0) <= '9' &&
	    (!tsn_scan_u64(p, &d->stage->n) || d->stage->n == 0))
		return tsn_scan_expected(p, "how many rows to keep of each");
	(void)tsn_scan_word(p, "by");
	for (bool first = true; more_items(p, first); first = false) {
		struct tsn_stage_item item = {0};

		TSN_TRY(parse_operand(p, c->schema, &item.expr, &item.name));
		TSN_TRY(add_item(p, d, &item));
	}
	return d->stage->item_count > 0 ? TSN_OK : tsn_scan_expected(p, "a field name");
}

static const struct {
	const char *name;
	enum tsn_agg_op op;
} agg_names[] = {
	{"count", TSN_AGG_COUNT}, {"sum", TSN_AGG_SUM}, {"avg", TSN_AGG_AVG}, {"mean", TSN_AGG_AVG},
	{"min", TSN_AGG_MIN}, {"max", TSN_AGG_MAX}, {"dc", TSN_AGG_DC},
	{"distinct", TSN_AGG_DC}, {"count_distinct", TSN_AGG_DC}, {"values", TSN_AGG_VALUES},
	{"percentile", TSN_AGG_PERCENTILE}, {"median", TSN_AGG_PERCENTILE},
	{"first", TSN_AGG_FIRST}, {"earliest", TSN_AGG_FIRST}, {"last", TSN_AGG_LAST},
	{"latest", TSN_AGG_LAST},
};

const char *
tsn_stage_agg_name(enum tsn_agg_op op)
{
	for (size_t i = 0; i < TSN_COUNT(agg_names); i++)
		if (agg_names[i].op == op)
			return agg_names[i].name;
	return "?";
}

static enum tsn_code
find_agg(struct tsn_qparse *p, struct tsn_slice name, size_t at, struct tsn_agg *agg)
{
	char shown[48];

	agg->percent = 50;
	for (size_t i = 0; i < TSN_COUNT(agg_names); i++) {
		if (tsn_slice_eq_nocase(name, tsn_slice_cstr(agg_names[i].name))) {
			agg->op = agg_names[i].op;
			return TSN_OK;
		}
	}
	agg->op = TSN_AGG_PERCENTILE;
	if (name.len > 1 && tsn_lower(name.ptr[0]) == 'p' &&
	    tsn_num_parse_f64(tsn_slice_from(name, 1), &agg->percent) == TSN_OK &&
	    agg->percent >= 0 && agg->percent <= 100)
		return TSN_OK;
	TSN_QFAIL(p, TSN_EINVAL, at, "expected count, sum, avg, min, max, dc, values, first, last, "
	    "median or pNN, found \"%s\"", tsn_slice_escape(name, shown, sizeof shown));
}

/* "(x)" behind the function's name; percentile takes its percent too. */
static enum tsn_code
parse_agg_args(struct tsn_qparse *p, const struct chain *c, struct tsn_slice name,
    struct tsn_agg *agg)
{
	const struct tsn_expr *percent;

	if (!tsn_scan_char(p, '('))
		return agg->op == TSN_AGG_COUNT ? TSN_OK : tsn_scan_expected(p, "'(' and a field");
	tsn_scan_blank(p);
	if (tsn_scan_peek(p, 0) == '*' && agg->op == TSN_AGG_COUNT)
		p->at++;
	else if (!(agg->op == TSN_AGG_COUNT && (tsn_scan_blank(p), tsn_scan_peek(p, 0) == ')')))
		TSN_TRY(tsn_expr_parse(p, c->schema, &agg->arg));
	if (tsn_slice_eq_nocase(name, TSN_SLICE("percentile"))) {
		size_t at = p->at;

		if (!tsn_scan_char(p, ','))
			return tsn_scan_expected(p, "',' and the percent");
		TSN_TRY(tsn_expr_parse(p, c->schema, &percent));
		if (percent->op != TSN_X_CONST || !tsn_cell_number(&percent->value, &agg->percent) ||
		    agg->percent < 0 || agg->percent > 100)
			TSN_QFAIL(p, TSN_EINVAL, at, "expected a percent from 0 to 100");
	}
	return tsn_scan_char(p, ')') ? TSN_OK : tsn_scan_expected(p, "')'");
}

static enum tsn_code
parse_agg(struct tsn_qparse *p, const struct chain *c, struct draft *d,
    struct tsn_slice *ret_name)
{
	struct tsn_agg agg = {0};
	struct tsn_slice name;
	size_t at;

	tsn_scan_blank(p);
	at = p->at;
	TSN_TRY(tsn_expr_take_name(p, &name));
	TSN_TRY(find_agg(p, name, at, &agg));
	TSN_TRY(parse_agg_args(p, c, name, &agg));
	*ret_name = tsn_slice_trim((struct tsn_slice){p->text.ptr + at, p->at - at});
	TSN_TRY(parse_as(p, ret_name));
	if (d->stage->agg_count == ITEMS_MAX)
		TSN_QFAIL(p, TSN_ELIMIT, at, "more than %u functions in one stage", ITEMS_MAX);
	d->aggs[d->stage->agg_count++] = agg;
	return TSN_OK;
}

static enum tsn_code
parse_span(struct tsn_qparse *p, struct draft *d)
{
	struct tsn_term term;

	if (!tsn_scan_char(p, '='))
		return tsn_scan_expected(p, "'=' behind span");
	tsn_scan_blank(p);
	TSN_TRY(tsn_scan_term(p, "()|,", &term));
	if (tsn_time_parse_span(term.pattern, &d->stage->span_ns) != TSN_OK || d->stage->span_ns <= 0)
		TSN_QFAIL(p, TSN_EPARSE, term.at, "expected a span such as 5m, 1h or 1d");
	return TSN_OK;
}

/* span=1h; "span" alone may be a field's name. */
static bool
take_span(struct tsn_qparse *p)
{
	struct tsn_qparse q = *p;

	tsn_scan_blank(&q);
	if (!tsn_slice_starts(tsn_slice_from(q.text, q.at), TSN_SLICE("span")))
		return false;
	q.at += 4;
	tsn_scan_blank(&q);
	if (tsn_scan_peek(&q, 0) != '=')
		return false;
	p->at = q.at;
	return true;
}

static enum tsn_code
parse_by(struct tsn_qparse *p, const struct chain *c, struct draft *d)
{
	bool span = take_span(p);

	if (span)
		TSN_TRY(parse_span(p, d));
	for (bool first = !span; more_items(p, first); first = false) {
		struct tsn_stage_item item = {0};

		if (take_span(p)) {
			TSN_TRY(parse_span(p, d));
			continue;
		}
		TSN_TRY(parse_operand(p, c->schema, &item.expr, &item.name));
		TSN_TRY(parse_as(p, &item.name));
		TSN_TRY(add_item(p, d, &item));
	}
	return TSN_OK;
}

/* Columns of the result: time bucket, groups, functions. */
static enum tsn_code
stats_columns(struct tsn_qparse *p, struct draft *d, const struct tsn_slice *names)
{
	uint32_t slot, want = 0;

	d->out->events = false;
	d->out->count = 0;
	if (d->stage->span_ns > 0) {
		TSN_TRY(tsn_schema_add(p, d->out, TSN_SLICE("@timestamp"), d->stage->at, &slot));
		want++;
	}
	for (uint32_t i = 0; i < d->stage->item_count; i++) {
		TSN_TRY(tsn_schema_add(p, d->out, d->items[i].name, d->stage->at, &d->items[i].slot));
		want++;
	}
	for (uint32_t i = 0; i < d->stage->agg_count; i++) {
		TSN_TRY(tsn_schema_add(p, d->out, names[i], d->stage->at, &d->aggs[i].slot));
		want++;
	}
	if (d->out->count != want)
		TSN_QFAIL(p, TSN_EINVAL, d->stage->at,
		    "expected a different name for each column (give names with \"as\")");
	return TSN_OK;
}

static enum tsn_code
parse_stats(struct tsn_qparse *p, const struct chain *c, struct draft *d)
{
	struct tsn_slice names[ITEMS_MAX] = {0};
	bool by = false;

	for (bool first = true; !by && more_items(p, first); first = false) {
		if (d->stage->agg_count > 0 && tsn_scan_word(p, "by")) {
			by = true;
		} else if (take_span(p)) {
			TSN_TRY(parse_span(p, d));
		} else {
			struct tsn_slice name = {0};

			TSN_TRY(parse_agg(p, c, d, &name));
			names[d->stage->agg_count - 1] = name;
		}
	}
	if (d->stage->agg_count == 0)
		return tsn_scan_expected(p, "a function such as count() or sum(field)");
	if (by) {
		TSN_TRY(parse_by(p, c, d));
		if (d->stage->item_count == 0 && d->stage->span_ns == 0)
			return tsn_scan_expected(p, "a field to group by");
	}
	if (d->stage->span_ns > 0 && !c->schema->events &&
	    tsn_schema_find(c->schema, TSN_SLICE("@timestamp")) == UINT32_MAX)
		TSN_QFAIL(p, TSN_EINVAL, d->stage->at, "expected a column @timestamp for span=");
	return stats_columns(p, d, names);
}

/* top N a, b: stats count() as count by a, b | sort -count, a, b | head N; rare: sort +count. */
static enum tsn_code
parse_top(struct tsn_qparse *p, struct chain *c, struct draft *d, bool rare)
{
	static const struct tsn_slice count = {"count", 5};
	size_t at = d->stage->at;
	uint64_t n = ROWS_DEFAULT;
	struct draft *sort;

	tsn_scan_blank(p);
	if (tsn_scan_peek(p, 0) >= '0' && tsn_scan_peek(p, 0) <= '9' && !tsn_scan_u64(p, &n))
		return tsn_scan_expected(p, "a number of rows");
	(void)tsn_scan_word(p, "by");
	d->aggs[0] = (struct tsn_agg){.op = TSN_AGG_COUNT};
	d->stage->agg_count = 1;
	TSN_TRY(parse_by(p, c, d));
	if (d->stage->item_count == 0)
		return tsn_scan_expected(p, "a field name");
	TSN_TRY(stats_columns(p, d, &count));
	TSN_TRY(add_stage(p, c, d));
	sort = tsn_arena_calloc(p->arena, 1, sizeof *sort);
	if (sort == NULL)
		return too_large(p);
	TSN_TRY(begin(p, c, TSN_STAGE_SORT, at, sort));
	for (uint32_t i = 0; i <= d->stage->item_count; i++) {
		struct tsn_slice name = i == 0 ? count : d->items[i - 1].name;
		struct tsn_stage_item item = {.name = name, .descending = i == 0 && !rare};

		TSN_TRY(tsn_expr_name(p, c->schema, name, at, &item.expr));
		TSN_TRY(add_item(p, sort, &item));
	}
	TSN_TRY(add_stage(p, c, sort));
	TSN_TRY(begin(p, c, TSN_STAGE_HEAD, at, d));
	d->stage->n = n;
	return TSN_OK;
}

static const struct {
	const char *name;
	enum tsn_stage_op op;
	enum tsn_code (*parse)(struct tsn_qparse *p, const struct chain *c, struct draft *d);
} stages[] = {
	{"where", TSN_STAGE_WHERE, parse_where}, {"filter", TSN_STAGE_WHERE, parse_where},
	{"stats", TSN_STAGE_STATS, parse_stats}, {"sort", TSN_STAGE_SORT, parse_sort},
	{"head", TSN_STAGE_HEAD, parse_rows}, {"limit", TSN_STAGE_HEAD, parse_rows},
	{"tail", TSN_STAGE_TAIL, parse_rows}, {"fields", TSN_STAGE_FIELDS, parse_fields},
	{"dedup", TSN_STAGE_DEDUP, parse_dedup}, {"eval", TSN_STAGE_EVAL, NULL},
	{"top", TSN_STAGE_STATS, NULL}, {"rare", TSN_STAGE_STATS, NULL},
	{"drop", TSN_STAGE_DROP, parse_drop},
};

const char *
tsn_stage_name(enum tsn_stage_op op)
{
	static const char *const names[] = {"where", "eval", "stats", "sort", "head", "tail", "fields",
	    "fields -", "dedup"};

	TSN_ASSERT(op < TSN_COUNT(names));
	return names[op];
}

static enum tsn_code
parse_one(struct tsn_qparse *p, struct chain *c, struct draft *d)
{
	struct tsn_slice name;
	size_t at;

	tsn_scan_blank(p);
	at = p->at;
	if (tsn_expr_take_name(p, &name) != TSN_OK) {
		p->at = at;
		return tsn_scan_expected(p, "a stage: where, stats, sort, head, tail, top, rare, fields, "
		    "dedup or eval");
	}
	for (size_t i = 0; i < TSN_COUNT(stages); i++) {
		if (!tsn_slice_eq_nocase(name, tsn_slice_cstr(stages[i].name)))
			continue;
		TSN_TRY(begin(p, c, stages[i].op, at, d));
		if (stages[i].parse != NULL)
			TSN_TRY(stages[i].parse(p, c, d));
		else if (stages[i].op == TSN_STAGE_EVAL)
			TSN_TRY(parse_eval(p, c, d));
		else
			TSN_TRY(parse_top(p, c, d, stages[i].name[0] == 'r'));
		if (!at_stage_end(p))
			return tsn_scan_expected(p, "'|' or the end of the query");
		return add_stage(p, c, d);
	}
	p->at = at;
	return tsn_scan_expected(p, "a stage: where, stats, sort, head, tail, top, rare, fields, dedup "
	    "or eval");
}

enum tsn_code
tsn_stage_parse(struct tsn_qparse *p, const struct tsn_stage **ret_first)
{
	struct tsn_schema *events = tsn_arena_calloc(p->arena, 1, sizeof *events);
	struct draft *d = tsn_arena_calloc(p->arena, 1, sizeof *d);
	struct chain c = {.schema = events};

	if (events == NULL || d == NULL)
		return too_large(p);
	events->events = true;
	while (tsn_scan_char(p, '|')) {
		*d = (struct draft){0};
		TSN_TRY(parse_one(p, &c, d));
	}
	*ret_first = c.first;
	return TSN_OK;
}
