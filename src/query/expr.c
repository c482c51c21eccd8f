/* Parser of expressions: precedence climbing from `or` down to names and literals. */
#include "query/expr.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/num.h"

#define KIDS_MAX 64u

static enum tsn_code parse_or(struct tsn_qparse *p, const struct tsn_schema *schema,
    const struct tsn_expr **ret_expr);

static enum tsn_code
too_large(struct tsn_qparse *p)
{
	TSN_QFAIL(p, TSN_ELIMIT, p->at, "the query is too large");
}

static enum tsn_code
make(struct tsn_qparse *p, const struct tsn_expr *like, const struct tsn_expr *const *kids,
    uint32_t count, const struct tsn_expr **ret_expr)
{
	struct tsn_expr *x = tsn_arena_calloc(p->arena, 1, sizeof *x);

	if (x == NULL || ++p->expr_nodes > TSN_EXPR_NODES_MAX)
		return too_large(p);
	*x = *like;
	x->kid_count = count;
	if (count > 0) {
		x->kids = tsn_arena_calloc(p->arena, count, sizeof *x->kids);
		if (x->kids == NULL)
			return too_large(p);
		memcpy(x->kids, kids, count * sizeof *x->kids);
	}
	*ret_expr = x;
	return TSN_OK;
}

static enum tsn_code
make_two(struct tsn_qparse *p, enum tsn_expr_op op, const struct tsn_expr *left,
    const struct tsn_expr *right, const struct tsn_expr **ret_expr)
{
	const struct tsn_expr *kids[2] = {left, right};

	return make(p, &(struct tsn_expr){.op = op}, kids, right == NULL ? 1 : 2, ret_expr);
}

uint32_t
tsn_schema_find(const struct tsn_schema *schema, struct tsn_slice name)
{
	for (uint32_t i = 0; i < schema->count; i++)
		if (tsn_slice_eq(schema->names[i], name))
			return i;
	/* "count" also means the column "count()" */
	for (uint32_t i = 0; i < schema->count; i++)
		if (schema->names[i].len == name.len + 2 && tsn_slice_starts(schema->names[i], name) &&
		    tsn_slice_ends(schema->names[i], TSN_SLICE("()")))
			return i;
	return UINT32_MAX;
}

enum tsn_code
tsn_schema_add(struct tsn_qparse *p, struct tsn_schema *schema, struct tsn_slice name, size_t at,
    uint32_t *ret_slot)
{
	for (uint32_t i = 0; i < schema->count; i++) {
		if (tsn_slice_eq(schema->names[i], name)) {
			*ret_slot = i;
			return TSN_OK;
		}
	}
	if (schema->count == TSN_COLUMNS_MAX)
		TSN_QFAIL(p, TSN_ELIMIT, at, "more than %u columns", TSN_COLUMNS_MAX);
	schema->names[schema->count] = name;
	*ret_slot = schema->count++;
	return TSN_OK;
}

static enum tsn_code
no_column(struct tsn_qparse *p, const struct tsn_schema *schema, struct tsn_slice name, size_t at)
{
	char have[200] = "", shown[80];
	size_t n = 0;

	for (uint32_t i = 0; i < schema->count && n + 4 < sizeof have; i++) {
		char one[64];
		int written = snprintf(have + n, sizeof have - n, "%s%s", i == 0 ? "" : ", ",
		    tsn_slice_escape(schema->names[i], one, sizeof one));

		n += written < 0 ? 0 : (size_t)written;
	}
	TSN_QFAIL(p, TSN_EINVAL, at, "expected a column of the rows here (%s), found \"%s\"", have,
	    tsn_slice_escape(name, shown, sizeof shown));
}

enum tsn_code
tsn_expr_name(struct tsn_qparse *p, const struct tsn_schema *schema, struct tsn_slice name,
    size_t at, const struct tsn_expr **ret_expr)
{
	struct tsn_expr x = {.op = TSN_X_COLUMN, .text = name};

	if (!schema->events) {
		x.slot = tsn_schema_find(schema, name);
		if (x.slot == UINT32_MAX)
			return no_column(p, schema, name, at);
		return make(p, &x, NULL, 0, ret_expr);
	}
	x.op = TSN_X_FIELD;
	TSN_TRY(tsn_scan_path(p, name, at, &x.path));
	return make(p, &x, NULL, 0, ret_expr);
}

static bool
is_ident(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@' ||
	    (unsigned char)c >= 0x80 || (!first && ((c >= '0' && c <= '9') || c == '.' || c == '['));
}

/* Takes an identifier with list indexes; empty when there is none. */
static struct tsn_slice
take_ident(struct tsn_qparse *p)
{
	struct tsn_slice rest;
	size_t n = 0;

	tsn_scan_blank(p);
	rest = tsn_slice_from(p->text, p->at);
	while (n < rest.len && is_ident(rest.ptr[n], n == 0)) {
		bool index = rest.ptr[n++] == '[';

		while (index && n < rest.len && rest.ptr[n] >= '0' && rest.ptr[n] <= '9')
			n++;
		if (index && n < rest.len && rest.ptr[n] == ']')
			n++;
	}
	p->at += n;
	return (struct tsn_slice){rest.ptr, n};
}

static enum tsn_code
take_backquoted(struct tsn_qparse *p, struct tsn_slice *ret_name)
{
	struct tsn_slice rest = tsn_slice_from(p->text, p->at + 1);
	size_t end = tsn_slice_find_char(rest, '`');

	if (end == SIZE_MAX || end == 0)
		TSN_QFAIL(p, TSN_EPARSE, p->at, "expected a name and a closing ` for this one");
	*ret_name = (struct tsn_slice){rest.ptr, end};
	p->at += end + 2;
	return TSN_OK;
}

/* name() written in full is a column of that name: count(), dc(source.ip). */
static size_t
call_column(const struct tsn_qparse *p, const struct tsn_schema *schema)
{
	struct tsn_slice rest = tsn_slice_from(p->text, p->at);

	for (uint32_t i = 0; i < schema->count; i++) {
		struct tsn_slice name = schema->names[i];

		if (name.len > 2 && name.ptr[name.len - 1] == ')' && tsn_slice_starts(rest, name))
			return name.len;
	}
	return 0;
}

enum tsn_code
tsn_expr_take_name(struct tsn_qparse *p, struct tsn_slice *ret_name)
{
	struct tsn_term term;
	char c;

	tsn_scan_blank(p);
	c = tsn_scan_peek(p, 0);
	if (c == '`')
		return take_backquoted(p, ret_name);
	if (c == '"') {
		TSN_TRY(tsn_scan_quoted(p, &term));
	} else {
		if (c == '\0' || strchr("()|,=<>!:-+", c) != NULL)
			return tsn_scan_expected(p, "a field name");
		if (tsn_scan_is_word(p, "by") || tsn_scan_is_word(p, "as"))
			return tsn_scan_expected(p, "a field name (quote one that is called by or as)");
		TSN_TRY(tsn_scan_term(p, "()\"|<>=!:,", &term));
	}
	if (term.pattern.len == 0 || term.wild)
		TSN_QFAIL(p, TSN_EPARSE, term.at, "expected a field name without wildcards");
	*ret_name = term.pattern;
	return TSN_OK;
}

/* Length of "e5", "E-3", 0 for none. */
static size_t
exponent_len(struct tsn_slice s)
{
	size_t digits, at;

	if (s.len == 0 || tsn_lower(s.ptr[0]) != 'e')
		return 0;
	digits = s.len > 1 && (s.ptr[1] == '-' || s.ptr[1] == '+') ? 2 : 1;
	for (at = digits; at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9'; at++)
		;
	return at == digits || (at < s.len && is_ident(s.ptr[at], true)) ? 0 : at;
}

static enum tsn_code
parse_number(struct tsn_qparse *p, const struct tsn_expr **ret_expr)
{
	struct tsn_slice rest = tsn_slice_from(p->text, p->at);
	struct tsn_expr x = {.op = TSN_X_CONST};
	struct tsn_cell text;
	int64_t span;
	size_t n = 0, unit, exponent;
	double number;

	while (n < rest.len && ((rest.ptr[n] >= '0' && rest.ptr[n] <= '9') || (rest.ptr[n] == '.' &&
	    n + 1 < rest.len && rest.ptr[n + 1] >= '0' && rest.ptr[n + 1] <= '9')))
		n++;
	exponent = exponent_len(tsn_slice_from(rest, n));
	if (n > 0 && exponent > 0) {
		x.value = tsn_num_parse_f64((struct tsn_slice){rest.ptr, n + exponent}, &number) == TSN_OK ?
		    tsn_cell_float(number) : tsn_cell_null();
		p->at += n + exponent;
		return make(p, &x, NULL, 0, ret_expr);
	}
	for (unit = n; unit < rest.len && is_ident(rest.ptr[unit], true); unit++)
		;
	text = tsn_cell_str((struct tsn_slice){rest.ptr, n});
	/* 5m, 1h: seconds, as the difference of two times is */
	if (unit > n && tsn_time_parse_span((struct tsn_slice){rest.ptr, unit}, &span) == TSN_OK) {
		x.value = span % TSN_NS_PER_SEC == 0 ? tsn_cell_int(span / TSN_NS_PER_SEC) :
		    tsn_cell_float((double)span / (double)TSN_NS_PER_SEC);
		p->at += unit;
		return make(p, &x, NULL, 0, ret_expr);
	}
	if (!tsn_cell_to_number(&text, &x.value))
		return tsn_scan_expected(p, "a number");
	p->at += n;
	return make(p, &x, NULL, 0, ret_expr);
}

static enum tsn_code
parse_args(struct tsn_qparse *p, const struct tsn_schema *schema, const struct tsn_expr **kids,
    uint32_t *ret_count)
{
	uint32_t n = 0;

	while (!tsn_scan_char(p, ')')) {
		if (n > 0 && !tsn_scan_char(p, ','))
			return tsn_scan_expected(p, "',' or ')'");
		if (n == KIDS_MAX)
			TSN_QFAIL(p, TSN_ELIMIT, p->at, "more than %u arguments", KIDS_MAX);
		TSN_TRY(parse_or(p, schema, &kids[n++]));
	}
	*ret_count = n;
	return TSN_OK;
}

static enum tsn_code
parse_call(struct tsn_qparse *p, const struct tsn_schema *schema, struct tsn_slice name,
    size_t at, const struct tsn_expr **ret_expr)
{
	struct tsn_expr x = {.op = TSN_X_CALL, .func = tsn_func_find(name)};
	const struct tsn_expr *kids[KIDS_MAX];
	char shown[64];
	uint32_t n;

	if (x.func == NULL)
		TSN_QFAIL(p, TSN_EINVAL, at, "expected a function, \"%s\" is none",
		    tsn_slice_escape(name, shown, sizeof shown));
	TSN_TRY(parse_args(p, schema, kids, &n));
	if (n < x.func->args_min || n > x.func->args_max)
		TSN_QFAIL(p, TSN_EINVAL, at, "expected %s", x.func->usage);
	x.text = (struct tsn_slice){p->text.ptr + at, p->at - at};
	if (x.func->prepare != NULL)
		TSN_TRY(x.func->prepare(p, &x, kids, n));
	return make(p, &x, kids, n, ret_expr);
}

static enum tsn_code
parse_ident(struct tsn_qparse *p, const struct tsn_schema *schema, const struct tsn_expr **ret_expr)
{
	size_t at = p->at, column = call_column(p, schema);
	struct tsn_expr x = {.op = TSN_X_CONST};
	struct tsn_slice name;

	if (column > 0) {
		p->at += column;
		return tsn_expr_name(p, schema, (struct tsn_slice){p->text.ptr + at, column}, at, ret_expr);
	}
	name = take_ident(p);
	if (name.len == 0)
		return tsn_scan_expected(p, "a name, a number, a \"text\", a function or '('");
	if (tsn_scan_char(p, '('))
		return parse_call(p, schema, name, at, ret_expr);
	if (tsn_slice_eq_nocase(name, TSN_SLICE("null")))
		return make(p, &x, NULL, 0, ret_expr);
	if (tsn_slice_eq_nocase(name, TSN_SLICE("true")) ||
	    tsn_slice_eq_nocase(name, TSN_SLICE("false"))) {
		x.value = tsn_cell_bool(name.len == 4);
		return make(p, &x, NULL, 0, ret_expr);
	}
	return tsn_expr_name(p, schema, name, at, ret_expr);
}

static enum tsn_code
parse_primary(struct tsn_qparse *p, const struct tsn_schema *schema,
    const struct tsn_expr **ret_expr)
{
	struct tsn_expr x = {.op = TSN_X_CONST};
	struct tsn_slice name;
	struct tsn_term term;
	size_t at;
	char c;

	tsn_scan_blank(p);
	at = p->at;
	c = tsn_scan_peek(p, 0);
	if (c == '"' || c == '\'') {
		TSN_TRY(tsn_scan_quoted(p, &term));
		x.value = tsn_cell_str(term.other.len > 0 ? term.other : term.pattern);
		return make(p, &x, NULL, 0, ret_expr);
	}
	if (c >= '0' && c <= '9')
		return parse_number(p, ret_expr);
	if (c == '`') {
		TSN_TRY(take_backquoted(p, &name));
		return tsn_expr_name(p, schema, name, at, ret_expr);
	}
	if (!tsn_scan_char(p, '('))
		return parse_ident(p, schema, ret_expr);
	TSN_TRY(parse_or(p, schema, ret_expr));
	return tsn_scan_char(p, ')') ? TSN_OK : tsn_scan_expected(p, "')'");
}

static enum tsn_code
parse_unary(struct tsn_qparse *p, const struct tsn_schema *schema, const struct tsn_expr **ret_expr)
{
	const struct tsn_expr *kid;
	enum tsn_code code;

	if (!tsn_scan_char(p, '-'))
		return parse_primary(p, schema, ret_expr);
	if (++p->depth > TSN_NESTING_MAX)
		TSN_QFAIL(p, TSN_ELIMIT, p->at, "more than %u levels of nesting", TSN_NESTING_MAX);
	TSN_TRY(parse_unary(p, schema, &kid));
	code = make_two(p, TSN_X_NEG, kid, NULL, ret_expr);
	p->depth--;
	return code;
}

static enum tsn_code
parse_product(struct tsn_qparse *p, const struct tsn_schema *schema,
    const struct tsn_expr **ret_expr)
{
	const struct tsn_expr *right;

	TSN_TRY(parse_unary(p, schema, ret_expr));
	for (;;) {
		enum tsn_expr_op op = tsn_scan_char(p, '*') ? TSN_X_MUL :
		    tsn_scan_char(p, '/') ? TSN_X_DIV : tsn_scan_char(p, '%') ? TSN_X_MOD : TSN_X_CONST;

		if (op == TSN_X_CONST)
			return TSN_OK;
		TSN_TRY(parse_unary(p, schema, &right));
		TSN_TRY(make_two(p, op, *ret_expr, right, ret_expr));
	}
}

static enum tsn_code
parse_sum(struct tsn_qparse *p, const struct tsn_schema *schema, const struct tsn_expr **ret_expr)
{
	const struct tsn_expr *right;

	TSN_TRY(parse_product(p, schema, ret_expr));
	for (;;) {
		enum tsn_expr_op op = tsn_scan_char(p, '+') ? TSN_X_ADD :
		    tsn_scan_char(p, '-') ? TSN_X_SUB : TSN_X_CONST;

		if (op == TSN_X_CONST)
			return TSN_OK;
		TSN_TRY(parse_product(p, schema, &right));
		TSN_TRY(make_two(p, op, *ret_expr, right, ret_expr));
	}
}

/* name:pattern, name:"text", name:/regex/ */
static enum tsn_code
parse_match(struct tsn_qparse *p, const struct tsn_expr *left, const struct tsn_expr **ret_expr)
{
	struct tsn_expr x = {.op = TSN_X_MATCH};
	struct tsn_atom atom = {.op = TSN_ATOM_REGEX};
	struct tsn_term term;
	size_t at;

	tsn_scan_blank(p);
	at = p->at;
	if (tsn_scan_peek(p, 0) != '/' || !tsn_scan_regex(p, &atom.value, &atom.flags)) {
		if (tsn_scan_peek(p, 0) == '"' || tsn_scan_peek(p, 0) == '\'')
			TSN_TRY(tsn_scan_quoted(p, &term));
		else
			TSN_TRY(tsn_scan_term(p, "()\"|,", &term));
		tsn_pred_pattern(&atom, term.pattern);
		x.pattern = term.pattern;
	}
	TSN_TRY(tsn_expr_atom(p, &atom, at, &x.atom));
	return make(p, &x, &left, 1, ret_expr);
}

static enum tsn_code
parse_in(struct tsn_qparse *p, const struct tsn_schema *schema, const struct tsn_expr *left,
    const struct tsn_expr **ret_expr)
{
	const struct tsn_expr *kids[KIDS_MAX];
	uint32_t n;

	if (!tsn_scan_char(p, '('))
		return tsn_scan_expected(p, "'(' behind in");
	TSN_TRY(parse_args(p, schema, kids, &n));
	for (uint32_t i = 0; i < n; i++)
		TSN_TRY(make_two(p, TSN_X_SAME, left, kids[i], &kids[i]));
	return make(p, &(struct tsn_expr){.op = TSN_X_OR}, kids, n, ret_expr);
}

static bool
take_op(struct tsn_qparse *p, const char *text)
{
	size_t n = strlen(text);

	if (!tsn_slice_starts(tsn_slice_from(p->text, p->at), (struct tsn_slice){text, n}))
		return false;
	p->at += n;
	return true;
}

static enum tsn_code
parse_compare(struct tsn_qparse *p, const struct tsn_schema *schema,
    const struct tsn_expr **ret_expr)
{
	const struct tsn_expr *left, *right;
	enum tsn_expr_op op;
	bool not_in;

	TSN_TRY(parse_sum(p, schema, &left));
	tsn_scan_blank(p);
	*ret_expr = left;
	if (take_op(p, ":"))
		return parse_match(p, left, ret_expr);
	if (tsn_scan_word(p, "in"))
		return parse_in(p, schema, left, ret_expr);
	not_in = tsn_scan_is_word(p, "not");
	if (not_in) {
		(void)tsn_scan_word(p, "not");
		if (!tsn_scan_word(p, "in"))
			return tsn_scan_expected(p, "in behind not");
		TSN_TRY(parse_in(p, schema, left, &right));
		return make_two(p, TSN_X_NOT, right, NULL, ret_expr);
	}
	op = take_op(p, "==") ? TSN_X_EQ : take_op(p, "!=") ? TSN_X_NOT : take_op(p, "<=") ? TSN_X_LE :
	    take_op(p, ">=") ? TSN_X_GE : take_op(p, "<") ? TSN_X_LT : take_op(p, ">") ? TSN_X_GT :
	    take_op(p, "=") ? TSN_X_SAME : TSN_X_CONST;
	if (op == TSN_X_CONST)
		return TSN_OK;
	TSN_TRY(parse_sum(p, schema, &right));
	if (op != TSN_X_NOT)
		return make_two(p, op, left, right, ret_expr);
	TSN_TRY(make_two(p, TSN_X_SAME, left, right, &right));
	return make_two(p, TSN_X_NOT, right, NULL, ret_expr);
}

static enum tsn_code
parse_not(struct tsn_qparse *p, const struct tsn_schema *schema, const struct tsn_expr **ret_expr)
{
	const struct tsn_expr *kid;
	enum tsn_code code;

	if (++p->depth > TSN_NESTING_MAX)
		TSN_QFAIL(p, TSN_ELIMIT, p->at, "more than %u levels of nesting", TSN_NESTING_MAX);
	tsn_scan_blank(p);
	if (tsn_scan_word(p, "not") ||
	    (tsn_scan_peek(p, 0) == '!' && tsn_scan_peek(p, 1) != '=' && tsn_scan_char(p, '!'))) {
		TSN_TRY(parse_not(p, schema, &kid));
		code = make_two(p, TSN_X_NOT, kid, NULL, ret_expr);
	} else {
		code = parse_compare(p, schema, ret_expr);
	}
	p->depth--;
	return code;
}

static enum tsn_code
parse_and(struct tsn_qparse *p, const struct tsn_schema *schema, const struct tsn_expr **ret_expr)
{
	const struct tsn_expr *right;

	TSN_TRY(parse_not(p, schema, ret_expr));
	while (tsn_scan_word(p, "and") || (tsn_scan_blank(p), take_op(p, "&&"))) {
		TSN_TRY(parse_not(p, schema, &right));
		TSN_TRY(make_two(p, TSN_X_AND, *ret_expr, right, ret_expr));
	}
	return TSN_OK;
}

static enum tsn_code
parse_or(struct tsn_qparse *p, const struct tsn_schema *schema, const struct tsn_expr **ret_expr)
{
	const struct tsn_expr *right;

	TSN_TRY(parse_and(p, schema, ret_expr));
	while (tsn_scan_word(p, "or") || (tsn_scan_blank(p), take_op(p, "||"))) {
		TSN_TRY(parse_and(p, schema, &right));
		TSN_TRY(make_two(p, TSN_X_OR, *ret_expr, right, ret_expr));
	}
	return TSN_OK;
}

enum tsn_code
tsn_expr_parse(struct tsn_qparse *p, const struct tsn_schema *schema,
    const struct tsn_expr **ret_expr)
{
	struct tsn_expr *named;
	size_t at;

	tsn_scan_blank(p);
	at = p->at;
	TSN_TRY(parse_or(p, schema, ret_expr));
	named = tsn_arena_calloc(p->arena, 1, sizeof *named);
	if (named == NULL)
		return too_large(p);
	*named = **ret_expr;
	named->text = tsn_slice_trim((struct tsn_slice){p->text.ptr + at, p->at - at});
	*ret_expr = named;
	return TSN_OK;
}

enum tsn_code
tsn_expr_parse_call(struct tsn_qparse *p, const struct tsn_schema *schema,
    const struct tsn_expr **ret_expr)
{
	struct tsn_expr *named = tsn_arena_calloc(p->arena, 1, sizeof *named);
	size_t at = p->at;

	if (named == NULL)
		return too_large(p);
	TSN_TRY(parse_ident(p, schema, ret_expr));
	*named = **ret_expr;
	named->text = (struct tsn_slice){p->text.ptr + at, p->at - at};
	*ret_expr = named;
	return TSN_OK;
}

enum tsn_code
tsn_expr_atom(struct tsn_qparse *p, const struct tsn_atom *atom, size_t at,
    struct tsn_catom **ret_atom)
{
	struct tsn_qatom *node = tsn_arena_calloc(p->arena, 1, sizeof *node);
	enum tsn_code code;

	if (node == NULL)
		return too_large(p);
	code = tsn_atom_compile(p->arena, atom, &node->atom, p->err);
	if (code != TSN_OK) {
		if (p->err != NULL)
			p->err->pos = at;
		return code;
	}
	node->next = *p->atoms;
	*p->atoms = node;
	*ret_atom = &node->atom;
	return TSN_OK;
}

void
tsn_expr_fields(const struct tsn_expr *x, void (*fn)(void *ctx, const struct tsn_path *path),
    void *ctx)
{
	if (x->op == TSN_X_FIELD)
		fn(ctx, &x->path);
	for (uint32_t i = 0; i < x->kid_count; i++)
		tsn_expr_fields(x->kids[i], fn, ctx);
}
