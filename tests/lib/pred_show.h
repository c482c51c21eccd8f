/* A condition as text, for tests: and(a, not(b)), field op 'value'; wildcards as * and ?. */
#ifndef TSN_TESTS_PRED_SHOW_H
#define TSN_TESTS_PRED_SHOW_H

#include "base/buf.h"
#include "match/pred.h"

static const char *
pred_op_name(enum tsn_atom_op op)
{
	static const char *const names[TSN_ATOM__COUNT] = {
		[TSN_ATOM_EQ] = "=", [TSN_ATOM_PREFIX] = "^=", [TSN_ATOM_SUFFIX] = "$=",
		[TSN_ATOM_CONTAINS] = "~", [TSN_ATOM_WILDCARD] = "*=", [TSN_ATOM_REGEX] = "re",
		[TSN_ATOM_KEYWORD] = "keyword", [TSN_ATOM_WORD] = "word", [TSN_ATOM_NUM_EQ] = "==",
		[TSN_ATOM_LT] = "<", [TSN_ATOM_LE] = "<=", [TSN_ATOM_GT] = ">", [TSN_ATOM_GE] = ">=",
		[TSN_ATOM_BETWEEN] = "between", [TSN_ATOM_CIDR] = "cidr", [TSN_ATOM_EXISTS] = "exists",
		[TSN_ATOM_NULL] = "null", [TSN_ATOM_FIELD_EQ] = "field=",
		[TSN_ATOM_FIELD_PREFIX] = "field^=", [TSN_ATOM_FIELD_SUFFIX] = "field$=",
		[TSN_ATOM_FIELD_CONTAINS] = "field~", [TSN_ATOM_TIME_PART] = "time",
	};

	return names[op] == NULL ? "?" : names[op];
}

static void
pred_show_value(struct tsn_slice v, struct tsn_buf *out)
{
	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i];

		if (c == '*' || c == '?')
			tsn_buf_char(out, '\\');
		if (c == '\0')
			tsn_buf_lit(out, "\\0");
		else
			tsn_buf_char(out, c == TSN_WILD_MANY ? '*' : c == TSN_WILD_ONE ? '?' : c);
	}
}

static void
pred_show(const struct tsn_pred *p, unsigned depth, struct tsn_buf *out)
{
	static const char *const ops[] = {
		[TSN_PRED_TRUE] = "true", [TSN_PRED_FALSE] = "false", [TSN_PRED_AND] = "and",
		[TSN_PRED_OR] = "or", [TSN_PRED_NOT] = "not",
	};
	const struct tsn_atom *a = &p->atom;

	if (depth > 64)
		return;
	if (p->op != TSN_PRED_ATOM) {
		tsn_buf_printf(out, "%s(", ops[p->op]);
		for (uint32_t i = 0; i < p->kid_count; i++) {
			if (i > 0)
				tsn_buf_lit(out, ", ");
			pred_show(p->kids[i], depth + 1, out);
		}
		tsn_buf_char(out, ')');
		return;
	}
	tsn_buf_slice(out, a->field);
	tsn_buf_printf(out, "%s%s", a->field.len > 0 ? " " : "", pred_op_name(a->op));
	if (a->op >= TSN_ATOM_NUM_EQ && a->op <= TSN_ATOM_GE)
		tsn_buf_printf(out, " %g", a->number);
	else if (a->op != TSN_ATOM_EXISTS && a->op != TSN_ATOM_NULL) {
		tsn_buf_lit(out, " '");
		pred_show_value(a->value, out);
		tsn_buf_char(out, '\'');
	}
	if (a->op == TSN_ATOM_TIME_PART)
		tsn_buf_printf(out, " %g", a->number);
	if (a->flags & TSN_ATOM_CASED)
		tsn_buf_lit(out, " cased");
	if (a->flags & (TSN_ATOM_RE_I | TSN_ATOM_RE_M | TSN_ATOM_RE_S))
		tsn_buf_printf(out, " %s%s%s", a->flags & TSN_ATOM_RE_I ? "i" : "",
		    a->flags & TSN_ATOM_RE_M ? "m" : "", a->flags & TSN_ATOM_RE_S ? "s" : "");
}

#endif
