/*
 * Conditions.  `and` and `nand` bind tighter than `or` and `xor`; equal ones group from the left.
 */
#include "pipeline/conf_int.h"

#include <string.h>

static struct tsn_cond *
new_cond(struct tsn_conf_in *in, enum tsn_cond_op op, const char *at)
{
	struct tsn_cond *c = tsn_arena_calloc(&in->conf->arena, 1, sizeof *c);

	if (c == NULL) {
		(void)tsn_conf_fail_at(in, in->p, TSN_ENOMEM, "out of memory");
		return NULL;
	}
	c->op = op;
	c->at = (uint32_t)(at - in->conf->text.ptr);
	return c;
}

/* [a][b]: everything but brackets and commas between brackets */
static bool
read_field(struct tsn_conf_in *in, struct tsn_conf_value *ret)
{
	const char *p = in->p;

	while (p < in->end && *p == '[') {
		const char *q = p + 1;

		while (q < in->end && *q != ']' && *q != '[' && *q != ',' && *q != '\n')
			q++;
		if (q == p + 1 || q >= in->end || *q != ']')
			break;
		p = q + 1;
	}
	if (p == in->p)
		return false;
	*ret = (struct tsn_conf_value){.type = TSN_CONF_FIELD, .at = tsn_conf_offset(in),
	    .text = tsn_slice_of(in->p, (size_t)(p - in->p))};
	in->p = p;
	return true;
}

static enum tsn_code
read_regex(struct tsn_conf_in *in, struct tsn_conf_value *ret)
{
	const char *open = in->p, *q = open + 1;

	while (q < in->end && *q != '/' && *q != '\n')
		q += *q == '\\' && q + 1 < in->end && q[1] != '\n' ? 2 : 1;
	if (q >= in->end || *q != '/')
		return tsn_conf_fail_at(in, open, TSN_EPARSE, "expected the closing '/' of this regex");
	*ret = (struct tsn_conf_value){.type = TSN_CONF_REGEX, .at = tsn_conf_offset(in),
	    .text = tsn_slice_of(open + 1, (size_t)(q - open - 1))};
	in->p = q + 1;
	return TSN_OK;
}

static enum tsn_code read_operand(struct tsn_conf_in *in, struct tsn_conf_value *ret);

static enum tsn_code
read_operand(struct tsn_conf_in *in, struct tsn_conf_value *ret)
{
	char c = in->p < in->end ? *in->p : '\0';
	const char *q = in->p + 1;
	enum tsn_code code;

	if (c == '"' || c == '\'')
		return tsn_conf_read_string(in, ret);
	if (tsn_conf_is_digit(c) || c == '-')
		return tsn_conf_read_number(in, ret);
	if (c == '/')
		return read_regex(in, ret);
	if (c != '[')
		return tsn_conf_expected(in,
		    "a field like [name], a string, a number, an array or a /regex/");
	while (q < in->end && (*q == ' ' || *q == '\t' || *q == '\n' || *q == '\r'))
		q++;
	if (q < in->end && *q != '"' && *q != '\'' && *q != ']' && read_field(in, ret))
		return TSN_OK;
	if (in->depth >= TSN_CONF_DEPTH_MAX)
		return tsn_conf_fail_at(in, in->p, TSN_ELIMIT, "nested too deep");
	in->depth++;
	code = tsn_conf_read_array(in, read_operand, ret);
	in->depth--;
	return code;
}

static bool
read_op(struct tsn_conf_in *in, enum tsn_cond_op *ret)
{
	static const struct {
		const char *text;
		enum tsn_cond_op op;
	} ops[] = {{"==", TSN_COND_EQ}, {"!=", TSN_COND_NE}, {"<=", TSN_COND_LE}, {">=", TSN_COND_GE},
	    {"<", TSN_COND_LT}, {">", TSN_COND_GT}, {"=~", TSN_COND_MATCH}, {"!~", TSN_COND_NOT_MATCH}};
	const char *was = in->p;

	for (size_t i = 0; i < TSN_COUNT(ops); i++)
		if (tsn_conf_take(in, ops[i].text)) {
			*ret = ops[i].op;
			return true;
		}
	if (tsn_conf_take_word(in, "in")) {
		*ret = TSN_COND_IN;
		return true;
	}
	if (tsn_conf_take_word(in, "not")) {
		tsn_conf_blank(in);
		if (tsn_conf_take_word(in, "in")) {
			*ret = TSN_COND_NOT_IN;
			return true;
		}
		in->p = was;
	}
	return false;
}

static enum tsn_code
read_comparison(struct tsn_conf_in *in, struct tsn_cond **ret)
{
	struct tsn_cond *c = new_cond(in, TSN_COND_TRUTH, in->p);
	const char *behind;

	if (c == NULL)
		return TSN_ENOMEM;
	*ret = c;
	TSN_TRY(read_operand(in, &c->a));
	behind = in->p;
	tsn_conf_blank(in);
	if (!read_op(in, &c->op)) {
		in->p = behind;
		if (c->a.type == TSN_CONF_FIELD)
			return TSN_OK;
		tsn_conf_blank(in);
		return tsn_conf_expected(in, "a comparison: ==, !=, <, >, <=, >=, =~, !~, in, not in");
	}
	tsn_conf_blank(in);
	behind = in->p;
	TSN_TRY(read_operand(in, &c->b));
	if ((c->op == TSN_COND_MATCH || c->op == TSN_COND_NOT_MATCH) &&
	    c->b.type != TSN_CONF_REGEX && c->b.type != TSN_CONF_STRING)
		return tsn_conf_fail_at(in, behind, TSN_EPARSE, "expected a /regex/ or a string");
	if (c->op != TSN_COND_MATCH && c->op != TSN_COND_NOT_MATCH && c->b.type == TSN_CONF_REGEX)
		return tsn_conf_fail_at(in, behind, TSN_EPARSE, "a /regex/ stands behind =~ or !~ only");
	if (c->a.type == TSN_CONF_REGEX)
		return tsn_conf_fail_at(in, in->conf->text.ptr + c->a.at, TSN_EPARSE,
		    "a /regex/ stands behind =~ or !~ only");
	return TSN_OK;
}

static enum tsn_code read_or(struct tsn_conf_in *in, struct tsn_cond **ret);

static enum tsn_code
read_term_in(struct tsn_conf_in *in, struct tsn_cond **ret)
{
	const char *at = in->p;
	struct tsn_cond *c;

	if (tsn_conf_take(in, "(")) {
		tsn_conf_blank(in);
		TSN_TRY(read_or(in, ret));
		tsn_conf_blank(in);
		return tsn_conf_take(in, ")") ? TSN_OK :
		    tsn_conf_expected(in, "')', 'and', 'or', 'nand' or 'xor'");
	}
	if (in->p >= in->end || *in->p != '!')
		return read_comparison(in, ret);
	in->p++;
	tsn_conf_blank(in);
	c = new_cond(in, TSN_COND_NOT, at);
	if (c == NULL)
		return TSN_ENOMEM;
	*ret = c;
	if (tsn_conf_take(in, "(")) {
		tsn_conf_blank(in);
		TSN_TRY(read_or(in, &c->left));
		tsn_conf_blank(in);
		return tsn_conf_take(in, ")") ? TSN_OK : tsn_conf_expected(in, "')'");
	}
	c->left = new_cond(in, TSN_COND_TRUTH, in->p);
	if (c->left == NULL)
		return TSN_ENOMEM;
	return read_field(in, &c->left->a) ? TSN_OK :
	    tsn_conf_expected(in, "a field like [name] or '(' after '!'");
}

static enum tsn_code
read_term(struct tsn_conf_in *in, struct tsn_cond **ret)
{
	enum tsn_code code;

	if (in->depth >= TSN_CONF_DEPTH_MAX)
		return tsn_conf_fail_at(in, in->p, TSN_ELIMIT, "nested too deep");
	in->depth++;
	code = read_term_in(in, ret);
	in->depth--;
	return code;
}

/* terms joined by one of two words */
static enum tsn_code
read_chain(struct tsn_conf_in *in, const char *const words[2], const enum tsn_cond_op ops[2],
    enum tsn_code (*term)(struct tsn_conf_in *, struct tsn_cond **), struct tsn_cond **ret)
{
	uint32_t chained = 0;

	TSN_TRY(term(in, ret));
	for (;;) {
		const char *behind = in->p, *at;
		struct tsn_cond *c;
		int which;

		tsn_conf_blank(in);
		at = in->p;
		which = tsn_conf_take_word(in, words[0]) ? 0 : tsn_conf_take_word(in, words[1]) ? 1 : -1;
		if (which < 0) {
			in->p = behind;
			return TSN_OK;
		}
		/* the left-deep tree is walked with one frame a level */
		if (++chained > 1024)
			return tsn_conf_fail_at(in, at, TSN_ELIMIT, "more than 1024 joined conditions");
		c = new_cond(in, ops[which], at);
		if (c == NULL)
			return TSN_ENOMEM;
		tsn_conf_blank(in);
		c->left = *ret;
		TSN_TRY(term(in, &c->right));
		*ret = c;
	}
}

static enum tsn_code
read_and(struct tsn_conf_in *in, struct tsn_cond **ret)
{
	return read_chain(in, (const char *const[2]){"and", "nand"},
	    (const enum tsn_cond_op[2]){TSN_COND_AND, TSN_COND_NAND}, read_term, ret);
}

static enum tsn_code
read_or(struct tsn_conf_in *in, struct tsn_cond **ret)
{
	return read_chain(in, (const char *const[2]){"or", "xor"},
	    (const enum tsn_cond_op[2]){TSN_COND_OR, TSN_COND_XOR}, read_and, ret);
}

enum tsn_code
tsn_conf_read_cond(struct tsn_conf_in *in, struct tsn_cond **ret)
{
	return read_or(in, ret);
}
