/* Patterns to PCRE2's syntax: names are put in, what Ruby writes differently is rewritten. */
#include "parse/grok_int.h"

#include <stdlib.h>

#include "base/assert.h"

/* The definitions that are being put in, innermost first. */
struct chain {
	const struct grok_def *def;
	const struct chain *outer;
};

struct expander {
	const struct tsn_grok_set *set;
	struct grok_expr *out;
	struct tsn_err *err;
	bool all_captures;
};

struct cursor {
	struct tsn_slice text;
	size_t at;
	unsigned cc;		/* depth inside [ ] */
};

static enum tsn_code put_text(struct expander *x, struct tsn_slice text, const struct chain *chain,
    unsigned depth);

/* --- unknown names ------------------------------------------------------------------------- */

static unsigned
distance(struct tsn_slice a, struct tsn_slice b)
{
	unsigned row[GROK_NAME_MAX + 1];

	TSN_ASSERT(b.len <= GROK_NAME_MAX);
	for (unsigned j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 0; i < a.len; i++) {
		unsigned corner = row[0]++;

		for (size_t j = 0; j < b.len; j++) {
			unsigned best = corner + (tsn_lower(a.ptr[i]) != tsn_lower(b.ptr[j]));

			corner = row[j + 1];
			if (corner + 1 < best)
				best = corner + 1;
			if (row[j] + 1 < best)
				best = row[j] + 1;
			row[j + 1] = best;
		}
	}
	return row[b.len];
}

static enum tsn_code
fail_unknown(struct expander *x, struct tsn_slice name)
{
	const char *nearest = NULL;
	unsigned best = 4;
	char shown[80];

	for (uint32_t i = 0; i < x->set->count && name.len <= GROK_NAME_MAX; i++) {
		const struct grok_def *d = &x->set->defs[i];
		unsigned n = distance(name, tsn_slice_of(d->name, d->name_len));

		if (n < best && n < name.len) {
			best = n;
			nearest = d->name;
		}
	}
	tsn_slice_escape(name, shown, sizeof shown);
	if (nearest != NULL)
		TSN_FAIL(x->err, TSN_ENOTFOUND, "grok pattern %%{%s} is not defined; the nearest is %s",
		    shown, nearest);
	TSN_FAIL(x->err, TSN_ENOTFOUND, "grok pattern %%{%s} is not defined", shown);
}

/* --- groups -------------------------------------------------------------------------------- */

static enum tsn_code
add_group(struct expander *x, struct tsn_slice alias, struct tsn_slice field,
    enum tsn_grok_type type)
{
	struct grok_expr *e = x->out;
	struct grok_group *g;

	if (e->group_count == GROK_CAPTURES_MAX)
		TSN_FAIL(x->err, TSN_ELIMIT, "grok pattern has more than %u captures",
		    GROK_CAPTURES_MAX);
	if (e->groups == NULL)
		e->groups = calloc(GROK_CAPTURES_MAX, sizeof *e->groups);
	if (e->groups == NULL)
		TSN_FAIL(x->err, TSN_ENOMEM, "out of memory");
	g = &e->groups[e->group_count++];
	g->alias = strndup(alias.ptr, alias.len);
	g->field = strndup(field.ptr, field.len);
	g->type = type;
	if (g->alias == NULL || g->field == NULL)
		TSN_FAIL(x->err, TSN_ENOMEM, "out of memory");
	tsn_buf_printf(&e->text, "(?<g%u>", e->group_count - 1);
	return TSN_OK;
}

/* "field", "field:int": what Logstash makes of the parts between colons. */
static enum tsn_code
add_typed_group(struct expander *x, struct tsn_slice alias, struct tsn_slice rest)
{
	size_t colon = tsn_slice_find_char(rest, ':');
	struct tsn_slice field = rest, type = TSN_SLICE_NONE;
	enum tsn_grok_type t = TSN_GROK_TEXT;

	if (colon != SIZE_MAX) {
		field.len = colon;
		type = tsn_slice_from(rest, colon + 1);
		colon = tsn_slice_find_char(type, ':');
		if (colon != SIZE_MAX)
			type.len = colon;
	}
	if (tsn_slice_eq(type, TSN_SLICE("int")))
		t = TSN_GROK_INT;
	else if (tsn_slice_eq(type, TSN_SLICE("float")))
		t = TSN_GROK_FLOAT;
	return add_group(x, alias, field, t);
}

void
grok_expr_done(struct grok_expr *e)
{
	for (uint32_t i = 0; i < e->group_count; i++) {
		free(e->groups[i].alias);
		free(e->groups[i].field);
	}
	free(e->groups);
	tsn_buf_done(&e->text);
	memset(e, 0, sizeof *e);
}

/* --- references ---------------------------------------------------------------------------- */

static bool
is_word(char c)
{
	c = tsn_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Length of %{...} at the cursor, or 0 when what stands there is none and means itself. */
static size_t
reference(const struct cursor *c, struct tsn_slice *ret_name, struct tsn_slice *ret_field)
{
	struct tsn_slice t = tsn_slice_from(c->text, c->at);
	size_t i = 2, from;

	if (t.len < 4 || t.ptr[1] != '{')
		return 0;
	while (i < t.len && is_word(t.ptr[i]))
		i++;
	*ret_name = tsn_slice_of(t.ptr + 2, i - 2);
	*ret_field = TSN_SLICE_NONE;
	if (ret_name->len == 0 || i == t.len)
		return 0;
	if (t.ptr[i] == ':') {
		from = ++i;
		while (i < t.len && (is_word(t.ptr[i]) || memchr("@[]:.-^\\`", t.ptr[i], 9) != NULL))
			i++;
		*ret_field = tsn_slice_of(t.ptr + from, i - from);
		if (ret_field->len == 0 || i == t.len)
			return 0;
	}
	return t.ptr[i] == '}' ? i + 1 : 0;
}

static enum tsn_code
put_definition(struct expander *x, const struct grok_def *d, const struct chain *chain,
    unsigned depth)
{
	struct chain link = {d, chain};

	for (const struct chain *o = chain; o != NULL; o = o->outer)
		if (o->def == d)
			TSN_FAIL(x->err, TSN_EINVAL, "grok pattern %s contains itself", d->name);
	if (depth >= GROK_DEPTH_MAX)
		TSN_FAIL(x->err, TSN_ELIMIT, "grok patterns stand in each other more than %u deep, at %s",
		    GROK_DEPTH_MAX, d->name);
	return put_text(x, tsn_slice_of(d->regex, d->regex_len), &link, depth + 1);
}

static enum tsn_code
put_reference(struct expander *x, struct cursor *c, size_t len, struct tsn_slice name,
    struct tsn_slice field, const struct chain *chain, unsigned depth)
{
	const struct grok_def *d = grok_def_find(x->set, name);
	struct tsn_slice alias = tsn_slice_of(c->text.ptr + c->at + 2, len - 3);

	if (d == NULL)
		return fail_unknown(x, name);
	c->at += len;
	if (field.len > 0)
		TSN_TRY(add_typed_group(x, alias, field));
	else if (x->all_captures)
		TSN_TRY(add_group(x, name, name, TSN_GROK_TEXT));
	else
		tsn_buf_lit(&x->out->text, "(?:");
	TSN_TRY(put_definition(x, d, chain, depth));
	tsn_buf_char(&x->out->text, ')');
	return TSN_OK;
}

/* --- Ruby's syntax to PCRE2's -------------------------------------------------------------- */

struct rewrite {
	const char *from, *outside, *inside;
};

static const struct rewrite posix_classes[] = {
	{"alpha", "[\\p{L}\\p{M}]", "\\p{L}\\p{M}"},
	{"alnum", "[\\p{L}\\p{M}\\p{N}]", "\\p{L}\\p{M}\\p{N}"},
	{"upper", "\\p{Lu}", "\\p{Lu}"},
	{"lower", "\\p{Ll}", "\\p{Ll}"},
	{"digit", "\\p{Nd}", "\\p{Nd}"},
	{"space", "[\\s\\x{85}\\p{Z}]", "\\s\\x{85}\\p{Z}"},
	{"word", "[\\p{L}\\p{M}\\p{N}\\p{Pc}]", "\\p{L}\\p{M}\\p{N}\\p{Pc}"},
	{"punct", "[\\p{P}$+<=>^`|~]", "\\p{P}$+<=>^`|~"},
	{"cntrl", "\\p{Cc}", "\\p{Cc}"},
	{"xdigit", "[0-9a-fA-F]", "0-9a-fA-F"},
	{"blank", "[ \\t\\p{Zs}]", " \\t\\p{Zs}"},
	{"print", "[^\\p{C}]", NULL},
	{"graph", "[^\\p{C}\\p{Z}]", NULL},
};

static const struct rewrite *
posix_class(struct tsn_slice name)
{
	for (size_t i = 0; i < TSN_COUNT(posix_classes); i++)
		if (tsn_slice_eq_nocase(name, tsn_slice_cstr(posix_classes[i].from)))
			return &posix_classes[i];
	return NULL;
}

/* \k<name> and \g<name>. */
static enum tsn_code
put_back_reference(struct expander *x, struct cursor *c)
{
	struct tsn_slice t = tsn_slice_from(c->text, c->at + 3), name;
	size_t end = tsn_slice_find_char(t, c->text.ptr[c->at + 2] == '<' ? '>' : '\'');
	bool call = c->text.ptr[c->at + 1] == 'g';
	uint32_t i = x->out->group_count;
	char shown[80];

	if (end == SIZE_MAX)
		TSN_FAIL(x->err, TSN_EPARSE, "grok pattern: a reference to a group does not end");
	name = tsn_slice_of(t.ptr, end);
	while (i > 0 && !tsn_slice_eq(name, tsn_slice_cstr(x->out->groups[i - 1].field)) &&
	    !tsn_slice_eq(name, tsn_slice_cstr(x->out->groups[i - 1].alias)))
		i--;
	if (i == 0)
		TSN_FAIL(x->err, TSN_EPARSE, "grok pattern: there is no group %s before its reference",
		    tsn_slice_escape(name, shown, sizeof shown));
	tsn_buf_printf(&x->out->text, call ? "(?&g%u)" : "\\k<g%u>", i - 1);
	c->at += 3 + end + 1;
	return TSN_OK;
}

static enum tsn_code
put_property(struct expander *x, struct cursor *c)
{
	struct tsn_slice t = tsn_slice_from(c->text, c->at + 3), name;
	size_t end = tsn_slice_find_char(t, '}');
	const struct rewrite *r;
	bool not = c->text.ptr[c->at + 1] == 'P';

	if (end == SIZE_MAX)
		TSN_FAIL(x->err, TSN_EPARSE, "grok pattern: \\p{ does not end");
	name = tsn_slice_of(t.ptr, end);
	if (name.len > 0 && name.ptr[0] == '^') {
		not = !not;
		name = tsn_slice_from(name, 1);
	}
	r = posix_class(name);
	c->at += 3 + end + 1;
	if (r == NULL || (c->cc > 0 && (not || r->inside == NULL)))
		tsn_buf_printf(&x->out->text, "\\%c{%.*s}", not ? 'P' : 'p', TSN_SLICE_ARG(name));
	else if (c->cc > 0)
		tsn_buf_printf(&x->out->text, "%s", r->inside);
	else
		tsn_buf_printf(&x->out->text, "%s%s", not ? "(?!" : "", r->outside);
	if (not && r != NULL && c->cc == 0)
		tsn_buf_lit(&x->out->text, ")(?s:.)");
	return TSN_OK;
}

static enum tsn_code
put_escape(struct expander *x, struct cursor *c)
{
	struct tsn_buf *b = &x->out->text;
	struct tsn_slice t = tsn_slice_from(c->text, c->at);
	char e = t.len > 1 ? t.ptr[1] : '\0';

	if (t.len < 2)
		TSN_FAIL(x->err, TSN_EPARSE, "grok pattern ends with a backslash");
	if (t.len > 3 && (e == 'k' || e == 'g') && (t.ptr[2] == '<' || t.ptr[2] == '\''))
		return put_back_reference(x, c);
	if (t.len > 3 && (e == 'p' || e == 'P') && t.ptr[2] == '{')
		return put_property(x, c);
	c->at += 2;
	if (e == 'h')
		tsn_buf_printf(b, "%s", c->cc > 0 ? "0-9a-fA-F" : "[0-9a-fA-F]");
	else if (e == 'H' && c->cc > 0)
		tsn_buf_lit(b, "\\x00-/:-@G-`g-\\x{10ffff}");
	else if (e == 'H')
		tsn_buf_lit(b, "[^0-9a-fA-F]");
	else if (e == 'v')
		tsn_buf_lit(b, "\\x0b");
	else if (e == 'u' && t.len >= 6 && t.ptr[2] != '{') {
		tsn_buf_printf(b, "\\x{%.4s}", t.ptr + 2);
		c->at += 4;
	} else if (memchr("EQFijlLmMoOqTuUVyYIJ", e, 20) != NULL && e != '\0')
		tsn_buf_char(b, e);	/* letters that mean themselves to Ruby */
	else {
		tsn_buf_char(b, '\\');
		tsn_buf_char(b, e);
	}
	return TSN_OK;
}

static enum tsn_code
put_class(struct expander *x, struct cursor *c)
{
	struct tsn_buf *b = &x->out->text;
	struct tsn_slice t = tsn_slice_from(c->text, c->at);
	size_t end;

	if (t.ptr[0] == ']') {
		c->cc--;
		c->at++;
		if (c->cc == 0)
			tsn_buf_char(b, ']');
		return TSN_OK;
	}
	if (t.ptr[0] == '&' && t.len > 1 && t.ptr[1] == '&')
		TSN_FAIL(x->err, TSN_EINVAL, "grok pattern: intersections of classes (&&) are not known");
	if (t.ptr[0] == '[' && t.len > 1 && t.ptr[1] == ':' &&
	    (end = tsn_slice_find(t, TSN_SLICE(":]"))) != SIZE_MAX) {
		const struct rewrite *r = posix_class(tsn_slice_of(t.ptr + 2, end < 2 ? 0 : end - 2));

		if (r != NULL && r->inside != NULL)
			tsn_buf_printf(b, "%s", r->inside);
		else
			tsn_buf_add(b, t.ptr, end + 2);
		c->at += end + 2;
		return TSN_OK;
	}
	if (t.ptr[0] == '[') {
		if (t.len > 1 && t.ptr[1] == '^')
			TSN_FAIL(x->err, TSN_EINVAL,
			    "grok pattern: [^ ] within [ ] is not known; write \\[ for a bracket");
		c->cc++;
		c->at++;
		return TSN_OK;
	}
	tsn_buf_char(b, t.ptr[0]);
	c->at++;
	return TSN_OK;
}

/* What begins with "(?" and is written otherwise: names of groups and Ruby's m. */
static enum tsn_code
put_group_open(struct expander *x, struct cursor *c)
{
	struct tsn_buf *b = &x->out->text;
	struct tsn_slice t = tsn_slice_from(c->text, c->at), name, field;
	size_t end, colon;

	if (t.len > 3 && t.ptr[1] == '?' && ((t.ptr[2] == '<' && t.ptr[3] != '=' && t.ptr[3] != '!') ||
	    t.ptr[2] == '\'')) {
		name = tsn_slice_from(t, 3);
		end = tsn_slice_find_char(name, t.ptr[2] == '<' ? '>' : '\'');
		if (end == SIZE_MAX || end == 0)
			TSN_FAIL(x->err, TSN_EPARSE,
			    "grok pattern: the name of a (?<name>...) group does not end");
		name.len = end;
		c->at += 3 + end + 1;
		colon = tsn_slice_find_char(name, ':');
		field = colon == SIZE_MAX ? name : tsn_slice_from(name, colon + 1);
		return add_typed_group(x, name, field);
	}
	tsn_buf_char(b, '(');
	c->at++;
	if (t.len < 3 || t.ptr[1] != '?')
		return TSN_OK;
	tsn_buf_char(b, '?');
	c->at++;
	while (c->at < c->text.len && memchr("imx-", c->text.ptr[c->at], 4) != NULL) {
		char f = c->text.ptr[c->at++];

		tsn_buf_char(b, (char)(f == 'm' ? 's' : f));
	}
	return TSN_OK;
}

static enum tsn_code
put_next(struct expander *x, struct cursor *c, const struct chain *chain, unsigned depth)
{
	struct tsn_buf *b = &x->out->text;
	struct tsn_slice name, field, t = tsn_slice_from(c->text, c->at);
	size_t len;

	if (t.ptr[0] == '%' && (len = reference(c, &name, &field)) > 0)
		return put_reference(x, c, len, name, field, chain, depth);
	if (t.ptr[0] == '\\')
		return put_escape(x, c);
	if (c->cc > 0)
		return put_class(x, c);
	if (t.ptr[0] == '(')
		return put_group_open(x, c);
	tsn_buf_char(b, t.ptr[0]);
	c->at++;
	if (t.ptr[0] == '{' && t.len > 1 && t.ptr[1] == ',')
		tsn_buf_char(b, '0');
	if (t.ptr[0] != '[')
		return TSN_OK;
	c->cc = 1;
	if (c->at < c->text.len && c->text.ptr[c->at] == '^') {
		tsn_buf_char(b, '^');
		c->at++;
	}
	/* A bracket right at the beginning of a class is a member of it. */
	if (c->at < c->text.len && c->text.ptr[c->at] == ']') {
		tsn_buf_lit(b, "\\]");
		c->at++;
	}
	return TSN_OK;
}

static enum tsn_code
put_text(struct expander *x, struct tsn_slice text, const struct chain *chain, unsigned depth)
{
	struct cursor c = {.text = text};

	while (c.at < text.len) {
		TSN_TRY(put_next(x, &c, chain, depth));
		if (tsn_buf_check(&x->out->text) == TSN_ELIMIT)
			TSN_FAIL(x->err, TSN_ELIMIT,
			    "grok pattern is longer than %u bytes when its names are put in",
			    GROK_REGEX_MAX);
		if (tsn_buf_check(&x->out->text) != TSN_OK)
			TSN_FAIL(x->err, TSN_ENOMEM, "out of memory");
	}
	if (c.cc > 0)
		TSN_FAIL(x->err, TSN_EPARSE, "grok pattern: a class [ ] does not end");
	return TSN_OK;
}

enum tsn_code
grok_expand(const struct tsn_grok_set *set, struct tsn_slice pattern, bool all_captures,
    struct grok_expr *ret, struct tsn_err *err)
{
	struct grok_expr e = {0};
	struct expander x = {.set = set, .out = &e, .err = err,
	    .all_captures = all_captures};
	enum tsn_code code;

	tsn_buf_init(&e.text, GROK_REGEX_MAX);
	code = put_text(&x, pattern, NULL, 0);
	if (code != TSN_OK) {
		grok_expr_done(&e);
		return code;
	}
	*ret = e;
	return TSN_OK;
}
