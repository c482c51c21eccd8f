/*
 * Conditions on an event.  Values of different kinds are never equal and never ordered; a field
 * that is not there is equal to nothing, and matches nothing.
 */
#include <string.h>

#include "pipeline/run_int.h"
#include "pipeline/rx.h"

struct operand {
	struct tsn_pv literal;		/* unless ref, items or rx */
	struct tsn_pref *ref;
	struct operand *items;
	uint32_t count;
	struct tsn_rx *rx;
	bool list;
};

static enum tsn_code
compile_operand(struct tsn_conf *conf, const struct tsn_conf_value *v, bool regex,
    struct operand *o, struct tsn_err *err)
{
	struct tsn_arena *a = &conf->arena;

	if (regex) {
		uint32_t line, column;
		enum tsn_code code = tsn_rx_new(v->text, &o->rx, err);

		tsn_conf_place(conf, v->at, &line, &column);
		return code == TSN_OK ? code : tsn_err_context(err, code, "%.*s:%u:%u",
		    TSN_SLICE_ARG(conf->name), line, column);
	}
	if (v->type == TSN_CONF_FIELD) {
		o->ref = tsn_arena_calloc(a, 1, sizeof *o->ref);
		if (o->ref == NULL || !tsn_pref_parse(a, v->text, o->ref))
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	} else if (v->type == TSN_CONF_ARRAY) {
		o->list = true;
		o->count = v->count;
		o->items = tsn_arena_calloc(a, v->count + 1, sizeof *o->items);
		if (o->items == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		for (uint32_t i = 0; i < v->count; i++)
			TSN_TRY(compile_operand(conf, &v->items[i], false, &o->items[i], err));
	} else if (v->type == TSN_CONF_NUMBER) {
		o->literal = v->number == (double)(int64_t)v->number ? tsn_pv_int((int64_t)v->number) :
		    (struct tsn_pv){.type = TSN_PV_FLOAT, .as.d = v->number};
	} else {
		o->literal = tsn_pv_str(v->text);
	}
	return TSN_OK;
}

enum tsn_code
tsn_cond_compile(struct tsn_conf *conf, struct tsn_cond *c, struct tsn_err *err)
{
	struct operand *o;

	if (c->left != NULL)
		TSN_TRY(tsn_cond_compile(conf, c->left, err));
	if (c->right != NULL)
		TSN_TRY(tsn_cond_compile(conf, c->right, err));
	if (c->op <= TSN_COND_NOT)
		return TSN_OK;
	o = tsn_arena_calloc(&conf->arena, 2, sizeof *o);
	if (o == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	c->code_a = o;
	TSN_TRY(compile_operand(conf, &c->a, false, o, err));
	if (c->op == TSN_COND_TRUTH)
		return TSN_OK;
	c->code_b = o + 1;
	return compile_operand(conf, &c->b, c->op == TSN_COND_MATCH || c->op == TSN_COND_NOT_MATCH,
	    o + 1, err);
}

void
tsn_cond_done(struct tsn_cond *c)
{
	if (c->left != NULL)
		tsn_cond_done(c->left);
	if (c->right != NULL)
		tsn_cond_done(c->right);
	if (c->code_b != NULL) {
		struct operand *o = c->code_b;

		tsn_rx_free(TSN_STEAL(o->rx));
	}
}

static const struct tsn_pv *
value_of(const struct operand *o, const struct tsn_pev *ev)
{
	return o->ref != NULL ? tsn_pev_get(ev, o->ref) : o->list ? NULL : &o->literal;
}

static bool
is_number(const struct tsn_pv *v)
{
	return v->type == TSN_PV_INT || v->type == TSN_PV_FLOAT;
}

/* -1, 0, 1, or 2: not comparable */
static int
compare(const struct tsn_pv *a, const struct tsn_pv *b)
{
	if (a == NULL || b == NULL)
		return 2;
	if (a->type == b->type && (a->type == TSN_PV_INT || a->type == TSN_PV_TIME))
		return (a->as.i > b->as.i) - (a->as.i < b->as.i);
	if (is_number(a) && is_number(b)) {
		double x = a->type == TSN_PV_INT ? (double)a->as.i : a->as.d;
		double y = b->type == TSN_PV_INT ? (double)b->as.i : b->as.d;

		return (x > y) - (x < y);
	}
	if (a->type == TSN_PV_STR && b->type == TSN_PV_STR) {
		size_t n = a->as.str.len < b->as.str.len ? a->as.str.len : b->as.str.len;
		int d = n == 0 ? 0 : memcmp(a->as.str.ptr, b->as.str.ptr, n);

		if (d != 0)
			return d < 0 ? -1 : 1;
		return (a->as.str.len > b->as.str.len) - (a->as.str.len < b->as.str.len);
	}
	return 2;
}

static bool
equal_list(const struct operand *o, const struct tsn_pv *v, const struct tsn_pev *ev)
{
	if (v == NULL || v->type != TSN_PV_LIST || v->as.list->count != o->count)
		return false;
	for (uint32_t i = 0; i < o->count; i++) {
		const struct tsn_pv *item = value_of(&o->items[i], ev);

		if (item == NULL || !tsn_pv_equal(item, &v->as.list->items[i]))
			return false;
	}
	return true;
}

static bool
equal(const struct operand *a, const struct operand *b, const struct tsn_pev *ev)
{
	const struct tsn_pv *x = value_of(a, ev), *y = value_of(b, ev);
	char text[TSN_TIME_TEXT_MAX];

	if (b->list)
		return equal_list(b, x, ev);
	if (x == NULL || y == NULL)
		return x == y && !a->list;
	if (x->type == TSN_PV_TIME && y->type == TSN_PV_STR)
		return tsn_slice_eq(tsn_slice_of(text, tsn_time_format(x->as.i, text)), y->as.str);
	if (x->type == TSN_PV_BOOL && y->type == TSN_PV_STR)
		return tsn_slice_eq(tsn_slice_cstr(x->as.i ? "true" : "false"), y->as.str);
	return tsn_pv_equal(x, y);
}

static bool
contains(const struct operand *a, const struct operand *b, const struct tsn_pev *ev)
{
	const struct tsn_pv *x = value_of(a, ev), *y = value_of(b, ev);

	if (b->list) {
		for (uint32_t i = 0; i < b->count; i++)
			if (equal(a, &b->items[i], ev))
				return true;
		return false;
	}
	if (x == NULL || y == NULL)
		return false;
	if (y->type == TSN_PV_LIST) {
		for (uint32_t i = 0; i < y->as.list->count; i++)
			if (tsn_pv_equal(x, &y->as.list->items[i]))
				return true;
		return false;
	}
	if (x->type == TSN_PV_STR && y->type == TSN_PV_STR)
		return tsn_slice_find(y->as.str, x->as.str) != SIZE_MAX;
	return tsn_pv_equal(x, y);
}

static bool
matches(const struct operand *a, const struct operand *b, const struct tsn_pev *ev)
{
	const struct tsn_pv *x = value_of(a, ev);

	if (x == NULL)
		return false;
	if (x->type == TSN_PV_STR)
		return tsn_rx_match(b->rx, x->as.str, 0);
	if (x->type == TSN_PV_LIST) {
		for (uint32_t i = 0; i < x->as.list->count; i++)
			if (x->as.list->items[i].type == TSN_PV_STR &&
			    tsn_rx_match(b->rx, x->as.list->items[i].as.str, 0))
				return true;
	}
	return false;
}

static bool
truth(const struct tsn_pv *v)
{
	return v != NULL && v->type != TSN_PV_NULL && !(v->type == TSN_PV_BOOL && v->as.i == 0);
}

bool
tsn_cond_eval(const struct tsn_cond *c, const struct tsn_pev *ev)
{
	int order;

	switch (c->op) {
	case TSN_COND_AND: return tsn_cond_eval(c->left, ev) && tsn_cond_eval(c->right, ev);
	case TSN_COND_OR: return tsn_cond_eval(c->left, ev) || tsn_cond_eval(c->right, ev);
	case TSN_COND_NAND: return !(tsn_cond_eval(c->left, ev) && tsn_cond_eval(c->right, ev));
	case TSN_COND_XOR: return tsn_cond_eval(c->left, ev) != tsn_cond_eval(c->right, ev);
	case TSN_COND_NOT: return !tsn_cond_eval(c->left, ev);
	case TSN_COND_TRUTH: return truth(value_of(c->code_a, ev));
	case TSN_COND_EQ: return equal(c->code_a, c->code_b, ev);
	case TSN_COND_NE: return !equal(c->code_a, c->code_b, ev);
	case TSN_COND_IN: return contains(c->code_a, c->code_b, ev);
	case TSN_COND_NOT_IN: return !contains(c->code_a, c->code_b, ev);
	case TSN_COND_MATCH: return matches(c->code_a, c->code_b, ev);
	case TSN_COND_NOT_MATCH: return !matches(c->code_a, c->code_b, ev);
	case TSN_COND_LT:
	case TSN_COND_GT:
	case TSN_COND_LE:
	case TSN_COND_GE:
	default:
		break;
	}
	order = compare(value_of(c->code_a, ev), value_of(c->code_b, ev));
	if (order == 2)
		return false;
	return c->op == TSN_COND_LT ? order < 0 : c->op == TSN_COND_GT ? order > 0 :
	    c->op == TSN_COND_LE ? order <= 0 : order >= 0;
}
