/* The condition language: boolean expressions over selections, and the old aggregations. */
#include "base/assert.h"
#include "base/num.h"
#include "rule/load_int.h"

#define TOKENS_MAX 512u
#define THRESHOLD_KIDS_MAX 12u

struct parser {
	struct tsn_arena *arena;
	struct tsn_err *err;
	uint32_t line;
	struct tsn_slice *tokens;	/* [TOKENS_MAX]; large, not zeroed for each rule */
	uint32_t count, at;
	/* A rule's condition: over selections. */
	const struct selection *selections;
	uint32_t selection_count;
	/* An extended correlation's: over references. */
	const struct tsn_slice *refs;
	uint32_t ref_count;
};

/* What an expression was made into: one of both, by what the parser is for. */
struct made {
	const struct tsn_pred *pred;
	const struct tsn_corr_expr *expr;
};

static enum tsn_code parse_or(struct parser *p, uint32_t depth, struct made *ret);

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_single(char c)
{
	return c == '(' || c == ')' || c == '|' || c == ',';
}

static enum tsn_code
cut_tokens(struct parser *p, struct tsn_slice text)
{
	for (size_t i = 0; i < text.len;) {
		size_t begin = i;

		if (is_blank(text.ptr[i])) {
			i++;
			continue;
		}
		if (p->count == TOKENS_MAX)
			TSN_FAIL_AT(p->err, TSN_ELIMIT, p->line, "condition has more than %u words",
			    TOKENS_MAX);
		if (is_single(text.ptr[i]))
			i++;
		else
			while (i < text.len && !is_blank(text.ptr[i]) && !is_single(text.ptr[i]))
				i++;
		p->tokens[p->count++] = tsn_slice_of(text.ptr + begin, i - begin);
	}
	return TSN_OK;
}

static bool
next_is(const struct parser *p, const char *word)
{
	return p->at < p->count && tsn_slice_eq_nocase(p->tokens[p->at], tsn_slice_cstr(word));
}

static bool
take(struct parser *p, const char *word)
{
	if (!next_is(p, word))
		return false;
	p->at++;
	return true;
}

static enum tsn_code
expected(const struct parser *p, const char *what)
{
	char shown[SHOWN_MAX];

	if (p->at >= p->count)
		TSN_FAIL_AT(p->err, TSN_EPARSE, p->line, "condition ends where %s was expected", what);
	TSN_FAIL_AT(p->err, TSN_EPARSE, p->line, "condition: expected %s, found \"%s\"", what,
	    tsn_slice_escape(p->tokens[p->at], shown, sizeof shown));
}

static enum tsn_code
combine(struct parser *p, bool all, const struct made *kids, uint32_t count, struct made *ret)
{
	const struct tsn_pred **preds;
	const struct tsn_corr_expr **exprs;
	struct tsn_corr_expr *e;

	if (count == 1) {
		*ret = kids[0];
		return TSN_OK;
	}
	if (p->refs == NULL) {
		preds = tsn_arena_calloc(p->arena, count, sizeof *preds);
		if (preds == NULL)
			return tsn_rule_int_no_memory(p->err);
		for (uint32_t i = 0; i < count; i++)
			preds[i] = kids[i].pred;
		ret->pred = tsn_pred_group(p->arena, all ? TSN_PRED_AND : TSN_PRED_OR, preds, count);
		return ret->pred == NULL ? tsn_rule_int_no_memory(p->err) : TSN_OK;
	}
	exprs = tsn_arena_calloc(p->arena, count, sizeof *exprs);
	e = tsn_arena_calloc(p->arena, 1, sizeof *e);
	if (e == NULL || exprs == NULL)
		return tsn_rule_int_no_memory(p->err);
	for (uint32_t i = 0; i < count; i++)
		exprs[i] = kids[i].expr;
	*e = (struct tsn_corr_expr){.op = all ? TSN_CORR_EXPR_AND : TSN_CORR_EXPR_OR,
	    .kid_count = count, .kids = exprs};
	ret->expr = e;
	return TSN_OK;
}

static enum tsn_code
negate(struct parser *p, struct made *m)
{
	struct tsn_corr_expr *e;

	if (p->refs == NULL) {
		m->pred = tsn_pred_not(p->arena, m->pred);
		return m->pred == NULL ? tsn_rule_int_no_memory(p->err) : TSN_OK;
	}
	e = tsn_arena_calloc(p->arena, 1, sizeof *e);
	if (e == NULL)
		return tsn_rule_int_no_memory(p->err);
	e->kids = tsn_arena_calloc(p->arena, 1, sizeof *e->kids);
	if (e->kids == NULL)
		return tsn_rule_int_no_memory(p->err);
	e->op = TSN_CORR_EXPR_NOT;
	e->kid_count = 1;
	e->kids[0] = m->expr;
	m->expr = e;
	return TSN_OK;
}

/* Glob with '*' only. */
static bool
name_matches(struct tsn_slice pattern, struct tsn_slice name)
{
	size_t p = 0, n = 0, star = SIZE_MAX, mark = 0;

	while (n < name.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = p++;
			mark = n;
		} else if (p < pattern.len && pattern.ptr[p] == name.ptr[n]) {
			p++;
			n++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			n = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}

static uint32_t
name_count(const struct parser *p)
{
	return p->refs != NULL ? p->ref_count : p->selection_count;
}

static struct tsn_slice
name_at(const struct parser *p, uint32_t i)
{
	return p->refs != NULL ? p->refs[i] : p->selections[i].name;
}

static enum tsn_code
make_name(struct parser *p, uint32_t i, struct made *ret)
{
	struct tsn_corr_expr *e;

	if (p->refs == NULL) {
		ret->pred = p->selections[i].pred;
		return TSN_OK;
	}
	e = tsn_arena_calloc(p->arena, 1, sizeof *e);
	if (e == NULL)
		return tsn_rule_int_no_memory(p->err);
	e->rule = i;
	ret->expr = e;
	return TSN_OK;
}

static enum tsn_code
unknown_name(const struct parser *p, struct tsn_slice name)
{
	const char *names[64];
	char copies[64][48], shown[SHOWN_MAX];
	uint32_t count = 0;
	const char *near;

	for (uint32_t i = 0; i < name_count(p) && count < TSN_COUNT(names); i++) {
		struct tsn_slice s = name_at(p, i);

		if (s.len >= sizeof copies[0])
			continue;
		memcpy(copies[count], s.ptr, s.len);
		copies[count][s.len] = '\0';
		names[count] = copies[count];
		count++;
	}
	near = tsn_rule_int_nearest(name, names, count);
	(void)tsn_slice_escape(name, shown, sizeof shown);
	if (near != NULL)
		TSN_FAIL_AT(p->err, TSN_EINVAL, p->line, "condition names \"%s\", which is not there; "
		    "nearest is \"%s\"", shown, near);
	TSN_FAIL_AT(p->err, TSN_EINVAL, p->line, "condition names \"%s\", which is not there", shown);
}

/* At least `want` of the kids: all ways to choose them, for few kids. */
static enum tsn_code
choose(struct parser *p, const struct made *kids, uint32_t count, uint64_t want, struct made *ret)
{
	struct made *ways, some[THRESHOLD_KIDS_MAX];
	uint32_t way_count = 0;

	if (want == 0 || want > count)
		TSN_FAIL_AT(p->err, TSN_EINVAL, p->line, "condition: %llu of %u selections can never be",
		    (unsigned long long)want, count);
	if (want == 1 || want == count)
		return combine(p, want != 1, kids, count, ret);
	if (count > THRESHOLD_KIDS_MAX)
		TSN_FAIL_AT(p->err, TSN_ELIMIT, p->line, "condition: N of more than %u selections",
		    THRESHOLD_KIDS_MAX);
	ways = tsn_arena_calloc(p->arena, (size_t)1 << count, sizeof *ways);
	if (ways == NULL)
		return tsn_rule_int_no_memory(p->err);
	for (uint32_t set = 0; set < 1u << count; set++) {
		uint32_t n = 0;

		if ((uint64_t)__builtin_popcount(set) != want)
			continue;
		for (uint32_t i = 0; i < count; i++)
			if (set >> i & 1)
				some[n++] = kids[i];
		TSN_TRY(combine(p, true, some, n, &ways[way_count++]));
	}
	return combine(p, false, ways, way_count, ret);
}

/* "1 of them", "all of selection_*", "2 of x*": at the quantity, which is followed by "of". */
static enum tsn_code
parse_quantity(struct parser *p, struct made *ret)
{
	struct tsn_slice quantity = p->tokens[p->at], pattern;
	struct made *kids = tsn_arena_calloc(p->arena, name_count(p) + 1, sizeof *kids);
	uint32_t count = 0;
	uint64_t want;
	bool them;

	if (kids == NULL)
		return tsn_rule_int_no_memory(p->err);
	p->at += 2;
	if (p->at >= p->count)
		return expected(p, "\"them\" or a pattern of selections");
	them = next_is(p, "them");
	pattern = p->tokens[p->at];
	for (uint32_t i = 0; i < name_count(p); i++) {
		struct tsn_slice name = name_at(p, i);
		bool hidden = name.len > 0 && name.ptr[0] == '_' && (them || pattern.ptr[0] != '_');

		if (!hidden && (them || name_matches(pattern, name)))
			TSN_TRY(make_name(p, i, &kids[count++]));
	}
	if (count == 0)
		return unknown_name(p, pattern);
	p->at++;
	if (tsn_slice_eq_nocase(quantity, TSN_SLICE("all")))
		return combine(p, true, kids, count, ret);
	if (tsn_slice_eq_nocase(quantity, TSN_SLICE("any")))
		return combine(p, false, kids, count, ret);
	if (tsn_num_parse_u64(quantity, &want) != TSN_OK) {
		p->at -= 3;
		return expected(p, "a number, \"any\" or \"all\" before \"of\"");
	}
	return choose(p, kids, count, want, ret);
}

static enum tsn_code
parse_primary(struct parser *p, uint32_t depth, struct made *ret)
{
	struct tsn_slice name;

	if (take(p, "(")) {
		TSN_TRY(parse_or(p, depth + 1, ret));
		return take(p, ")") ? TSN_OK : expected(p, "\")\"");
	}
	if (p->at >= p->count || is_single(p->tokens[p->at].ptr[0]) || next_is(p, "and") ||
	    next_is(p, "or"))
		return expected(p, "a selection");
	if (p->at + 1 < p->count && tsn_slice_eq_nocase(p->tokens[p->at + 1], TSN_SLICE("of")))
		return parse_quantity(p, ret);
	name = p->tokens[p->at];
	for (uint32_t i = 0; i < name_count(p); i++)
		if (tsn_slice_eq(name_at(p, i), name)) {
			p->at++;
			return make_name(p, i, ret);
		}
	return unknown_name(p, name);
}

static enum tsn_code
parse_not(struct parser *p, uint32_t depth, struct made *ret)
{
	uint32_t nots = 0;

	while (take(p, "not"))
		nots++;
	TSN_TRY(parse_primary(p, depth, ret));
	return nots % 2 == 1 ? negate(p, ret) : TSN_OK;
}

static enum tsn_code
parse_chain(struct parser *p, uint32_t depth, bool all, struct made *ret)
{
	struct made *kids = NULL;
	uint32_t count = 0, cap = 0;

	do {
		if (count == cap) {
			struct made *more = tsn_arena_calloc(p->arena, 2 * cap + 4, sizeof *more);

			if (more == NULL)
				return tsn_rule_int_no_memory(p->err);
			if (count > 0)
				memcpy(more, kids, count * sizeof *more);
			kids = more;
			cap = 2 * cap + 4;
		}
		if (all)
			TSN_TRY(parse_not(p, depth, &kids[count++]));
		else
			TSN_TRY(parse_chain(p, depth, true, &kids[count++]));
	} while (take(p, all ? "and" : "or"));
	return combine(p, all, kids, count, ret);
}

static enum tsn_code
parse_or(struct parser *p, uint32_t depth, struct made *ret)
{
	if (depth > TSN_RULE_DEPTH_MAX)
		TSN_FAIL_AT(p->err, TSN_ELIMIT, p->line, "condition: parentheses deeper than %u",
		    TSN_RULE_DEPTH_MAX);
	return parse_chain(p, depth, false, ret);
}

static enum tsn_code
parse_near(struct parser *p, struct aggregation *agg)
{
	agg->function = TSN_SLICE("near");
	do {
		if (p->at >= p->count || agg->near_count == TSN_COUNT(agg->near))
			return expected(p, "a selection");
		agg->near[agg->near_count++] = p->tokens[p->at++];
	} while (take(p, "and"));
	return p->at == p->count ? TSN_OK : expected(p, "\"and\" or the end");
}

static enum tsn_code
parse_by(struct parser *p, struct aggregation *agg)
{
	agg->by = tsn_arena_calloc(p->arena, TSN_CORR_GROUP_MAX, sizeof *agg->by);
	if (agg->by == NULL)
		return tsn_rule_int_no_memory(p->err);
	do {
		if (p->at >= p->count || agg->by_count == TSN_CORR_GROUP_MAX ||
		    is_single(p->tokens[p->at].ptr[0]))
			return expected(p, "a field");
		agg->by[agg->by_count] = tsn_arena_dup(p->arena, p->tokens[p->at++]);
		if (agg->by[agg->by_count++].ptr == NULL)
			return tsn_rule_int_no_memory(p->err);
	} while (take(p, ","));
	return TSN_OK;
}

/* count(field) by a, b >= 5 */
static enum tsn_code
parse_aggregation(struct parser *p, struct aggregation *agg)
{
	static const char *const functions[] = {"count", "sum", "avg", "min", "max"};
	static const char *const ops[] = {">", ">=", "<", "<=", "==", "="};
	static const enum tsn_corr_op op_of[] = {TSN_CORR_GT, TSN_CORR_GTE, TSN_CORR_LT, TSN_CORR_LTE,
	    TSN_CORR_EQ, TSN_CORR_EQ};
	size_t i = 0;

	if (take(p, "near"))
		return parse_near(p, agg);
	while (i < TSN_COUNT(functions) && !next_is(p, functions[i]))
		i++;
	if (i == TSN_COUNT(functions))
		return expected(p, "count, sum, avg or near behind \"|\"");
	if (i >= 3)
		TSN_FAIL_AT(p->err, SKIP, p->line, "the aggregation %s() has no Sigma correlation",
		    functions[i]);
	agg->function = tsn_slice_cstr(functions[i]);
	p->at++;
	if (!take(p, "("))
		return expected(p, "\"(\"");
	if (p->at < p->count && !next_is(p, ")"))
		agg->field = tsn_arena_dup(p->arena, p->tokens[p->at++]);
	if (!take(p, ")"))
		return expected(p, "\")\"");
	if (take(p, "by"))
		TSN_TRY(parse_by(p, agg));
	for (i = 0; i < TSN_COUNT(ops) && !next_is(p, ops[i]);)
		i++;
	if (i == TSN_COUNT(ops))
		return expected(p, "a comparison");
	agg->op = op_of[i];
	p->at++;
	if (p->at >= p->count || tsn_num_parse_f64(p->tokens[p->at], &agg->number) != TSN_OK)
		return expected(p, "a number");
	p->at++;
	return p->at == p->count ? TSN_OK : expected(p, "the end");
}

static enum tsn_code
parse_one(struct parser *p, const struct tsn_yaml *node, const struct tsn_pred **ret,
    struct aggregation *agg)
{
	struct made m = {0};

	if (node->kind == TSN_YAML_NULL || node->kind >= TSN_YAML_SEQ)
		TSN_FAIL_AT(p->err, TSN_EINVAL, node->line, "condition is %s; expected a string",
		    tsn_yaml_kind_name(node));
	p->line = node->line;
	p->count = p->at = 0;
	TSN_TRY(cut_tokens(p, node->text));
	TSN_TRY(parse_or(p, 0, &m));
	*ret = m.pred;
	if (take(p, "|")) {
		if (agg->function.len > 0)
			TSN_FAIL_AT(p->err, TSN_EINVAL, p->line, "more than one aggregation in one rule");
		return parse_aggregation(p, agg);
	}
	return p->at == p->count ? TSN_OK : expected(p, "\"and\", \"or\" or the end");
}

enum tsn_code
tsn_rule_int_condition(struct tsn_arena *a, const struct tsn_yaml *condition,
    const struct selection *selections, uint32_t count, const struct tsn_pred **ret_pred,
    struct aggregation *ret_agg, struct tsn_err *err)
{
	struct tsn_slice tokens[TOKENS_MAX];
	struct parser p = {.arena = a, .err = err, .selections = selections, .tokens = tokens,
	    .selection_count = count, .line = condition->line};
	const struct tsn_pred **list;
	uint32_t n = 0;

	*ret_agg = (struct aggregation){0};
	if (condition->kind != TSN_YAML_SEQ)
		return parse_one(&p, condition, ret_pred, ret_agg);
	if (condition->count == 0)
		TSN_FAIL_AT(err, TSN_EINVAL, condition->line, "the list of conditions is empty");
	list = tsn_arena_calloc(a, condition->count, sizeof *list);
	if (list == NULL)
		return tsn_rule_int_no_memory(err);
	for (const struct tsn_yaml *c = condition->first; c != NULL; c = c->next)
		TSN_TRY(parse_one(&p, c, &list[n++], ret_agg));
	if (ret_agg->function.len > 0 && n > 1)
		TSN_FAIL_AT(err, TSN_EINVAL, condition->line,
		    "an aggregation in a list of conditions has no single meaning");
	*ret_pred = tsn_pred_group(a, TSN_PRED_OR, list, n);
	return *ret_pred == NULL ? tsn_rule_int_no_memory(err) : TSN_OK;
}

enum tsn_code
tsn_rule_int_corr_expr(struct tsn_arena *a, struct tsn_slice text, uint32_t line,
    const struct tsn_slice *refs, uint32_t count, const struct tsn_corr_expr **ret_expr,
    struct tsn_err *err)
{
	struct tsn_slice tokens[TOKENS_MAX];
	struct parser p = {.arena = a, .err = err, .refs = refs, .ref_count = count, .line = line,
	    .tokens = tokens};
	struct made m = {0};

	TSN_ASSERT(refs != NULL);
	TSN_TRY(cut_tokens(&p, text));
	TSN_TRY(parse_or(&p, 0, &m));
	if (p.at != p.count)
		return expected(&p, "\"and\", \"or\" or the end");
	*ret_expr = m.expr;
	return TSN_OK;
}
