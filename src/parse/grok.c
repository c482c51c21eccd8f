#include "parse/grok.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/find.h"
#include "parse/grok_filter.h"
#include "parse/grok_int.h"

/* Steps of one search from one place; what honest patterns need is a thousandth of it. */
#define MATCH_LIMIT 200000u
#define DEPTH_LIMIT 10000u
#define HEAP_LIMIT_KB 8192u
#define JIT_STACK_FIRST (32u << 10)
#define JIT_STACK_MAX (1u << 20)
/* In a longer text a match must begin within the first PLACES_BYTES / length bytes. */
#define LONG_TEXT (32u << 10)
#define PLACES_BYTES (UINT64_C(1) << 31)

#define LITERAL_MIN 3u
/* A filter over all patterns is worth its pass from so many on, for texts up to so many bytes. */
#define FILTER_FROM 4u
#define FILTER_TEXT_MAX 2048u

struct out {
	uint32_t group;
	uint32_t field;
};

struct pattern {
	pcre2_code *code;
	struct out *outs;
	uint32_t group_count;
	char *literal;			/* every match holds it; len 0 when none is known */
	size_t literal_len;
	bool jit;
};

struct tsn_grok {
	struct pattern *patterns;
	struct grok_filter filter;
	uint32_t count;
	struct tsn_grok_field *fields;
	uint32_t field_count, field_cap;
	uint32_t groups_max;
	bool keep_empty;
};

struct tsn_grok_scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	struct tsn_grok_capture *captures;
	size_t *slots;
	struct tsn_grok_stats stats;
	struct grok_sieve sieve;
};

/* --- compiling ----------------------------------------------------------------------------- */

static enum tsn_code
compile_regex(struct pattern *p, struct tsn_slice text, struct tsn_err *err)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	unsigned char msg[160];
	PCRE2_SIZE at = 0;
	int number = 0;
	uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_MULTILINE |
	    PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;

	if (context == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	/* To Ruby a line ends with LF, and plain groups do not count beside named ones. */
	(void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	if (p->group_count > 0)
		options |= PCRE2_NO_AUTO_CAPTURE;
	p->code = pcre2_compile((PCRE2_SPTR)(text.len == 0 ? "" : text.ptr), text.len, options,
	    &number, &at, context);
	pcre2_compile_context_free(context);
	if (p->code == NULL) {
		char near[48];
		size_t from = at > 20 ? at - 20 : 0;

		if (pcre2_get_error_message(number, msg, sizeof msg) < 0)
			msg[0] = '\0';
		tsn_slice_escape(tsn_slice_of(text.ptr + from, at - from), near, sizeof near);
		TSN_FAIL(err, number == 121 ? TSN_ENOMEM : TSN_EPARSE,
		    "grok pattern: %s, behind \"%s\"", (const char *)msg, near);
	}
	p->jit = pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE) == 0;
	return TSN_OK;
}

static enum tsn_code
field_of(struct tsn_grok *g, const struct grok_group *group, uint32_t *ret, struct tsn_err *err)
{
	struct tsn_slice name = tsn_slice_cstr(group->field);
	struct tsn_grok_field *f;
	char *copy;

	for (uint32_t i = 0; i < g->field_count; i++)
		if (g->fields[i].type == group->type && tsn_slice_eq(g->fields[i].name, name)) {
			*ret = i;
			return TSN_OK;
		}
	if (g->field_count == g->field_cap) {
		uint32_t cap = g->field_cap == 0 ? 32 : 2 * g->field_cap;

		f = reallocarray(g->fields, cap, sizeof *f);
		if (f == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		g->fields = f;
		g->field_cap = cap;
	}
	copy = strdup(group->field);
	if (copy == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	g->fields[g->field_count] = (struct tsn_grok_field){tsn_slice_of(copy, name.len), group->type};
	*ret = g->field_count++;
	return TSN_OK;
}

/* Order of captures: aliases by first appearance, each with all its groups. */
static enum tsn_code
order_groups(struct tsn_grok *g, struct pattern *p, const struct grok_expr *e, struct tsn_err *err)
{
	bool done[GROK_CAPTURES_MAX] = {false};
	uint32_t n = 0;

	p->group_count = e->group_count;
	p->outs = calloc(e->group_count + 1, sizeof *p->outs);
	if (p->outs == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < e->group_count; i++) {
		for (uint32_t j = i; j < e->group_count && !done[i]; j++) {
			if (done[j] || strcmp(e->groups[i].alias, e->groups[j].alias) != 0)
				continue;
			p->outs[n].group = j;
			TSN_TRY(field_of(g, &e->groups[j], &p->outs[n].field, err));
			n++;
			done[j] = j != i;
		}
		done[i] = true;
	}
	TSN_ASSERT(n == e->group_count);
	return TSN_OK;
}

/* What is only for speed: a pattern without it means the same. */
static void
prepare_literal(struct pattern *p, const struct grok_expr *e)
{
	struct tsn_buf literal;

	tsn_buf_init(&literal, GROK_REGEX_MAX);
	grok_literal_find(tsn_buf_get(&e->text), &literal);
	if (tsn_buf_check(&literal) == TSN_OK && literal.len >= LITERAL_MIN) {
		p->literal_len = literal.len;
		p->literal = TSN_STEAL(literal.ptr);
		literal = (struct tsn_buf){0};
	}
	tsn_buf_done(&literal);
}

static enum tsn_code
compile_one(struct tsn_grok *g, const struct tsn_grok_set *set, struct tsn_slice text,
    const struct tsn_grok_options *opt, struct pattern *p, struct tsn_err *err)
{
	struct grok_expr e;
	enum tsn_code code;

	TSN_TRY(grok_expand(set, text, opt->all_captures, &e, err));
	code = order_groups(g, p, &e, err);
	if (code == TSN_OK)
		code = compile_regex(p, tsn_buf_get(&e.text), err);
	if (code == TSN_OK && !opt->regex_only)
		prepare_literal(p, &e);
	if (code == TSN_OK)
		grok_filter_add(&g->filter, (uint32_t)(p - g->patterns),
		    tsn_slice_of(p->literal, p->literal_len));
	grok_expr_done(&e);
	return code;
}

enum tsn_code
tsn_grok_compile(const struct tsn_grok_set *set, const struct tsn_slice *patterns, size_t count,
    const struct tsn_grok_options *opt, struct tsn_grok **ret, struct tsn_err *err)
{
	static const struct tsn_grok_options none;
	struct tsn_grok *g;

	if (count > GROK_PATTERNS_MAX)
		TSN_FAIL(err, TSN_ELIMIT, "more than %u grok patterns in a list", GROK_PATTERNS_MAX);
	if (opt == NULL)
		opt = &none;
	g = calloc(1, sizeof *g);
	if (g == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	g->keep_empty = opt->keep_empty_captures;
	g->patterns = calloc(count + 1, sizeof *g->patterns);
	if (g->patterns == NULL ||
	    (count >= FILTER_FROM && !grok_filter_init(&g->filter, (uint32_t)count))) {
		tsn_grok_free(g);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < count; i++) {
		struct pattern *p = &g->patterns[g->count++];
		enum tsn_code code = compile_one(g, set, patterns[i], opt, p, err);

		if (code != TSN_OK) {
			if (err != NULL)
				err->pos = i;
			tsn_grok_free(g);
			return code;
		}
		if (p->group_count > g->groups_max)
			g->groups_max = p->group_count;
	}
	*ret = g;
	return TSN_OK;
}

void
tsn_grok_free(struct tsn_grok *g)
{
	if (g == NULL)
		return;
	for (uint32_t i = 0; i < g->count; i++) {
		pcre2_code_free(g->patterns[i].code);
		free(g->patterns[i].outs);
		free(g->patterns[i].literal);
	}
	for (uint32_t i = 0; i < g->field_count; i++)
		free((char *)(uintptr_t)g->fields[i].name.ptr);
	free(g->fields);
	free(g->patterns);
	grok_filter_done(&g->filter);
	free(g);
}

size_t
tsn_grok_pattern_count(const struct tsn_grok *g)
{
	return g->count;
}

const struct tsn_grok_field *
tsn_grok_fields(const struct tsn_grok *g, size_t *ret_count)
{
	*ret_count = g->field_count;
	return g->fields;
}

/* --- matching ------------------------------------------------------------------------------ */

struct tsn_grok_scratch *
tsn_grok_scratch_new(const struct tsn_grok *g)
{
	struct tsn_grok_scratch *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->data = pcre2_match_data_create(GROK_CAPTURES_MAX + 1, NULL);
	s->context = pcre2_match_context_create(NULL);
	s->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MAX, NULL);
	s->captures = calloc(g->groups_max + 1, sizeof *s->captures);
	s->slots = calloc(2 * (size_t)g->groups_max + 2, sizeof *s->slots);
	if (s->data == NULL || s->context == NULL || s->stack == NULL || s->captures == NULL ||
	    s->slots == NULL || !grok_sieve_init(&s->sieve, &g->filter)) {
		tsn_grok_scratch_free(s);
		return NULL;
	}
	(void)pcre2_set_match_limit(s->context, MATCH_LIMIT);
	(void)pcre2_set_depth_limit(s->context, DEPTH_LIMIT);
	(void)pcre2_set_heap_limit(s->context, HEAP_LIMIT_KB);
	pcre2_jit_stack_assign(s->context, NULL, s->stack);
	return s;
}

void
tsn_grok_scratch_free(struct tsn_grok_scratch *s)
{
	if (s == NULL)
		return;
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	pcre2_jit_stack_free(s->stack);
	free(s->captures);
	free(s->slots);
	grok_sieve_done(&s->sieve);
	free(s);
}

struct tsn_grok_stats
tsn_grok_stats_get(const struct tsn_grok_scratch *s)
{
	return s->stats;
}

/* Fills s->slots. */
static enum tsn_code
run_regex(const struct pattern *p, struct tsn_grok_scratch *s, struct tsn_slice text)
{
	const PCRE2_SIZE *ov = pcre2_get_ovector_pointer(s->data);
	PCRE2_SPTR t = (PCRE2_SPTR)(text.len == 0 ? "" : text.ptr);
	bool cut = text.len > LONG_TEXT;
	int n;

	s->stats.tried++;
	(void)pcre2_set_offset_limit(s->context, cut ? PLACES_BYTES / text.len : PCRE2_UNSET);
	if (p->jit)
		n = pcre2_jit_match(p->code, t, text.len, 0, 0, s->data, s->context);
	else
		n = pcre2_match(p->code, t, text.len, 0, 0, s->data, s->context);
	if (n == PCRE2_ERROR_NOMATCH && !cut)
		return TSN_ENOTFOUND;
	if (n < 0) {
		/* Long texts without a match at their beginning: nobody knows about the rest. */
		s->stats.limit_hits++;
		return TSN_ELIMIT;
	}
	for (uint32_t i = 0; i < p->group_count; i++) {
		bool set = (int)i + 1 < n && ov[2 * i + 2] != PCRE2_UNSET;

		s->slots[2 * i] = set ? ov[2 * i + 2] : SIZE_MAX;
		s->slots[2 * i + 1] = set ? ov[2 * i + 3] : SIZE_MAX;
	}
	return TSN_OK;
}

static uint32_t
collect(const struct tsn_grok *g, const struct pattern *p, struct tsn_grok_scratch *s,
    struct tsn_slice text)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->group_count; i++) {
		size_t from = s->slots[2 * p->outs[i].group];
		size_t to = s->slots[2 * p->outs[i].group + 1];

		if (to == SIZE_MAX || from > to || (from == to && !g->keep_empty))
			continue;
		s->captures[n].field = p->outs[i].field;
		s->captures[n++].text = tsn_slice_of(text.ptr + from, to - from);
	}
	return n;
}

/* TSN_OK, TSN_ELIMIT, or TSN_ENOTFOUND: pattern i does not match. */
static enum tsn_code
try_one(const struct tsn_grok *g, struct tsn_grok_scratch *s, struct tsn_slice text, uint32_t i,
    struct tsn_grok_result *ret)
{
	const struct pattern *p = &g->patterns[i];
	enum tsn_code code;

	if (p->literal_len > 0 && !tsn_find_has(text, tsn_slice_of(p->literal, p->literal_len)))
		return TSN_ENOTFOUND;
	code = run_regex(p, s, text);
	if (code == TSN_ENOTFOUND)
		return code;
	*ret = (struct tsn_grok_result){i, 0, s->captures};
	if (code == TSN_OK)
		ret->count = collect(g, p, s, text);
	return code;
}

static enum tsn_code
try_filtered(const struct tsn_grok *g, struct tsn_grok_scratch *s, struct tsn_slice text,
    uint32_t from, struct tsn_grok_result *ret)
{
	uint64_t skip = (UINT64_C(1) << from % 64) - 1;

	grok_filter_look(&g->filter, &s->sieve, text);
	for (uint32_t w = from / 64; w < g->filter.words; w++, skip = 0) {
		uint64_t may = grok_filter_may(&g->filter, &s->sieve, w) & ~skip;

		for (; may != 0; may &= may - 1) {
			enum tsn_code code = try_one(g, s, text, w * 64 + (uint32_t)__builtin_ctzll(may),
			    ret);

			if (code != TSN_ENOTFOUND)
				return code;
		}
	}
	return TSN_ENOTFOUND;
}

enum tsn_code
tsn_grok_match(const struct tsn_grok *g, struct tsn_grok_scratch *s, struct tsn_slice text,
    uint32_t from, struct tsn_grok_result *ret)
{
	if (from == 0)
		s->stats.texts++;
	if (text.ptr == NULL)
		text = TSN_SLICE("");
	if (g->count >= from + FILTER_FROM && text.len <= FILTER_TEXT_MAX)
		return try_filtered(g, s, text, from, ret);
	for (uint32_t i = from; i < g->count; i++) {
		enum tsn_code code = try_one(g, s, text, i, ret);

		if (code != TSN_ENOTFOUND)
			return code;
	}
	return TSN_ENOTFOUND;
}
