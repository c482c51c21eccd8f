/* Expressions on rows. */
#include <math.h>
#include <string.h>

#include "base/assert.h"
#include "match/fold.h"
#include "query/expr.h"

static struct tsn_cell
give_up(struct tsn_eval *e)
{
	e->memory_fails++;
	return tsn_cell_null();
}

static struct tsn_cell
path_list(struct tsn_eval *e, const struct tsn_path *path, const struct tsn_event *ev,
    uint32_t count)
{
	struct tsn_cell *items = tsn_arena_calloc(e->arena, count, sizeof *items);
	const struct tsn_field *f = NULL;

	if (items == NULL)
		return give_up(e);
	for (uint32_t i = 0; i < count; i++) {
		f = tsn_path_next(path, ev, f);
		TSN_ASSERT(f != NULL);
		items[i] = tsn_cell_field(f);
	}
	return (struct tsn_cell){.type = TSN_V_LIST, .len = count, .u.items = items};
}

struct tsn_cell
tsn_expr_path(struct tsn_eval *e, const struct tsn_path *path, const struct tsn_event *ev)
{
	const struct tsn_field *first = NULL;
	uint32_t count = 0;

	for (uint32_t i = 0; i < ev->field_count; i++) {
		const struct tsn_field *f = &ev->fields[i];

		if (f->key != path->key || (path->index_count > 0 && !tsn_path_at(path, ev, f)))
			continue;
		if (count++ == 0)
			first = f;
	}
	if (count == 0)
		return tsn_expr_object(e, path, ev);
	if (count == 1 && (first->pos == 0 || path->index_count > 0))
		return tsn_cell_field(first);
	return path_list(e, path, ev, count);
}

static bool
text_same(struct tsn_eval *e, struct tsn_slice a, struct tsn_slice b)
{
	bool ascii;
	char *fa, *fb;

	if (tsn_slice_eq_nocase(a, b))
		return true;
	fa = tsn_arena_alloc(e->arena, TSN_FOLD_ROOM(a.len));
	fb = tsn_arena_alloc(e->arena, TSN_FOLD_ROOM(b.len));
	if (fa == NULL || fb == NULL)
		return give_up(e).u.i != 0;
	return tsn_slice_eq((struct tsn_slice){fa, tsn_fold(a, fa, &ascii)},
	    (struct tsn_slice){fb, tsn_fold(b, fb, &ascii)});
}

static bool
is_number(const struct tsn_cell *v)
{
	return v->type >= TSN_V_BOOL && v->type <= TSN_V_FLOAT;
}

/* Two single values, not null. */
static bool
scalar_same(struct tsn_eval *e, const struct tsn_cell *a, const struct tsn_cell *b, bool exact)
{
	char scratch_a[TSN_CELL_TEXT_MAX], scratch_b[TSN_CELL_TEXT_MAX];
	struct tsn_cell na, nb;
	struct tsn_slice ta, tb;
	int64_t when_a, when_b;

	if ((is_number(a) || is_number(b)) && a->type != TSN_V_BOOL && b->type != TSN_V_BOOL)
		return tsn_cell_to_number(a, &na) && tsn_cell_to_number(b, &nb) &&
		    tsn_cell_order_numbers(&na, &nb) == 0;
	if ((a->type == TSN_V_TIME || b->type == TSN_V_TIME) && tsn_cell_to_time(a, &when_a) &&
	    tsn_cell_to_time(b, &when_b))
		return when_a == when_b;
	ta = tsn_cell_text(a, scratch_a);
	tb = tsn_cell_text(b, scratch_b);
	return exact ? tsn_slice_eq(ta, tb) : text_same(e, ta, tb);
}

static bool
scalar_order(struct tsn_eval *e, enum tsn_expr_op op, const struct tsn_cell *a,
    const struct tsn_cell *b)
{
	struct tsn_cell na = *a, nb = *b;
	bool number_a = tsn_cell_to_number(a, &na), number_b = tsn_cell_to_number(b, &nb);
	int64_t when_a, when_b;
	int order;

	if (a->type == TSN_V_TIME || b->type == TSN_V_TIME) {
		if (!tsn_cell_to_time(a, &when_a) || !tsn_cell_to_time(b, &when_b))
			return false;
		order = (when_a > when_b) - (when_a < when_b);
	} else if (number_a && number_b) {
		order = tsn_cell_order_numbers(&na, &nb);
	} else if (is_number(a) || is_number(b)) {
		return false;
	} else {
		order = scalar_same(e, a, b, false) ? 0 : tsn_cell_order(a, b);
	}
	return op == TSN_X_LT ? order < 0 : op == TSN_X_LE ? order <= 0 : op == TSN_X_GT ? order > 0 :
	    order >= 0;
}

static bool
compare(struct tsn_eval *e, enum tsn_expr_op op, const struct tsn_cell *a, const struct tsn_cell *b)
{
	if (a->type == TSN_V_LIST) {
		for (uint32_t i = 0; i < a->len; i++)
			if (compare(e, op, &a->u.items[i], b))
				return true;
		return false;
	}
	if (b->type == TSN_V_LIST) {
		for (uint32_t i = 0; i < b->len; i++)
			if (compare(e, op, a, &b->u.items[i]))
				return true;
		return false;
	}
	if (a->type == TSN_V_NULL || b->type == TSN_V_NULL)
		return (op == TSN_X_EQ || op == TSN_X_SAME) && a->type == b->type;
	if (op == TSN_X_EQ || op == TSN_X_SAME)
		return scalar_same(e, a, b, op == TSN_X_EQ);
	return scalar_order(e, op, a, b);
}

/* name:pattern; numbers of the pattern's amount are equal too. */
static bool
match(struct tsn_eval *e, const struct tsn_expr *x, const struct tsn_cell *v)
{
	char scratch[TSN_CELL_TEXT_MAX];
	struct tsn_cell pattern;
	struct tsn_value text;

	if (v->type == TSN_V_LIST) {
		for (uint32_t i = 0; i < v->len; i++)
			if (match(e, x, &v->u.items[i]))
				return true;
		return false;
	}
	if (v->type == TSN_V_NULL)
		return false;
	pattern = tsn_cell_str(x->pattern);
	if (is_number(v) && x->pattern.len > 0 && scalar_same(e, v, &pattern, false))
		return true;
	text = (struct tsn_value){.raw = tsn_cell_text(v, scratch)};
	tsn_arena_reset(&e->scratch->arena);
	return tsn_atom_test_text(x->atom, e->scratch, &text);
}

static struct tsn_cell
concat(struct tsn_eval *e, const struct tsn_cell *a, const struct tsn_cell *b)
{
	char scratch_a[TSN_CELL_TEXT_MAX], scratch_b[TSN_CELL_TEXT_MAX];
	struct tsn_slice ta = tsn_cell_text(a, scratch_a), tb = tsn_cell_text(b, scratch_b);
	char *out = tsn_arena_alloc(e->arena, ta.len + tb.len + 1);

	if (out == NULL)
		return give_up(e);
	memcpy(out, ta.ptr, ta.len);
	memcpy(out + ta.len, tb.ptr, tb.len);
	return tsn_cell_str((struct tsn_slice){out, ta.len + tb.len});
}

static struct tsn_cell
float_math(enum tsn_expr_op op, double a, double b)
{
	if (op == TSN_X_ADD)
		return tsn_cell_float(a + b);
	if (op == TSN_X_SUB)
		return tsn_cell_float(a - b);
	if (op == TSN_X_MUL)
		return tsn_cell_float(a * b);
	return tsn_cell_float(op == TSN_X_DIV ? a / b : fmod(a, b));
}

/* Integers stay integers while they fit and divide without rest. */
static bool
int_math(enum tsn_expr_op op, int64_t a, int64_t b, int64_t *ret)
{
	if (op == TSN_X_ADD)
		return !__builtin_add_overflow(a, b, ret);
	if (op == TSN_X_SUB)
		return !__builtin_sub_overflow(a, b, ret);
	if (op == TSN_X_MUL)
		return !__builtin_mul_overflow(a, b, ret);
	if (b == 0 || b == -1 || (op == TSN_X_DIV && a % b != 0))
		return op == TSN_X_DIV && b == -1 && !__builtin_sub_overflow(0, a, ret);
	*ret = op == TSN_X_DIV ? a / b : a % b;
	return true;
}

/* time - time is seconds, time +- seconds a time. */
static struct tsn_cell
time_math(enum tsn_expr_op op, const struct tsn_cell *a, const struct tsn_cell *b)
{
	double seconds;
	int64_t step, when;

	if (a->type == TSN_V_TIME && b->type == TSN_V_TIME && op == TSN_X_SUB) {
		if (__builtin_sub_overflow(a->u.i, b->u.i, &step))
			return tsn_cell_null();
		return step % TSN_NS_PER_SEC == 0 ? tsn_cell_int(step / TSN_NS_PER_SEC) :
		    tsn_cell_float((double)step / (double)TSN_NS_PER_SEC);
	}
	if (a->type != TSN_V_TIME || !tsn_cell_number(b, &seconds) || fabs(seconds) > 9e9 ||
	    (op != TSN_X_ADD && op != TSN_X_SUB))
		return tsn_cell_null();
	step = (int64_t)(seconds * (double)TSN_NS_PER_SEC);
	if (op == TSN_X_ADD ? __builtin_add_overflow(a->u.i, step, &when) :
			      __builtin_sub_overflow(a->u.i, step, &when))
		return tsn_cell_null();
	return tsn_cell_time(when);
}

static struct tsn_cell
math(struct tsn_eval *e, enum tsn_expr_op op, const struct tsn_cell *a, const struct tsn_cell *b)
{
	struct tsn_cell na, nb;
	double da = 0, db = 0;
	int64_t whole;

	if (a->type == TSN_V_NULL || b->type == TSN_V_NULL || a->type == TSN_V_LIST ||
	    b->type == TSN_V_LIST)
		return tsn_cell_null();
	if (a->type == TSN_V_TIME || b->type == TSN_V_TIME)
		return time_math(op, a, b);
	if (!tsn_cell_to_number(a, &na) || !tsn_cell_to_number(b, &nb))
		return op == TSN_X_ADD ? concat(e, a, b) : tsn_cell_null();
	if (na.type == TSN_V_INT && nb.type == TSN_V_INT && int_math(op, na.u.i, nb.u.i, &whole))
		return tsn_cell_int(whole);
	(void)tsn_cell_number(&na, &da);
	(void)tsn_cell_number(&nb, &db);
	return float_math(op, da, db);
}

static struct tsn_cell
negate(const struct tsn_cell *v)
{
	struct tsn_cell n;
	double d = 0;

	if (!tsn_cell_to_number(v, &n))
		return tsn_cell_null();
	if (n.type == TSN_V_INT && n.u.i != INT64_MIN)
		return tsn_cell_int(-n.u.i);
	(void)tsn_cell_number(&n, &d);
	return tsn_cell_float(-d);
}

static struct tsn_cell
call(struct tsn_eval *e, const struct tsn_expr *x, const struct tsn_row *row)
{
	struct tsn_cell args[TSN_FUNC_ARGS_MAX];

	TSN_ASSERT(x->kid_count <= TSN_COUNT(args));
	for (uint32_t i = 0; i < x->kid_count; i++)
		args[i] = tsn_expr_eval(e, x->kids[i], row);
	return x->func->call(e, x, args, x->kid_count);
}

static bool
truth(const struct tsn_cell *v)
{
	double number;

	if (v->type == TSN_V_LIST) {
		for (uint32_t i = 0; i < v->len; i++)
			if (truth(&v->u.items[i]))
				return true;
		return false;
	}
	if (tsn_cell_number(v, &number))
		return number < 0 || number > 0;
	return v->type == TSN_V_TIME || ((v->type == TSN_V_STR || v->type == TSN_V_JSON) && v->len > 0);
}

bool
tsn_expr_true(struct tsn_eval *e, const struct tsn_expr *x, const struct tsn_row *row)
{
	struct tsn_cell v = tsn_expr_eval(e, x, row);

	return truth(&v);
}

static struct tsn_cell
logic(struct tsn_eval *e, const struct tsn_expr *x, const struct tsn_row *row)
{
	bool stop = x->op == TSN_X_OR;

	if (x->op == TSN_X_NOT)
		return tsn_cell_bool(!tsn_expr_true(e, x->kids[0], row));
	for (uint32_t i = 0; i < x->kid_count; i++)
		if (tsn_expr_true(e, x->kids[i], row) == stop)
			return tsn_cell_bool(stop);
	return tsn_cell_bool(!stop);
}

struct tsn_cell
tsn_expr_eval(struct tsn_eval *e, const struct tsn_expr *x, const struct tsn_row *row)
{
	struct tsn_cell a, b;

	switch (x->op) {
	case TSN_X_CONST:
		return x->value;
	case TSN_X_COLUMN:
		TSN_ASSERT(x->slot < row->count);
		return row->cells[x->slot];
	case TSN_X_FIELD:
		return tsn_expr_path(e, &x->path, row->ev);
	case TSN_X_CALL:
		return call(e, x, row);
	case TSN_X_AND:
	case TSN_X_OR:
	case TSN_X_NOT:
		return logic(e, x, row);
	case TSN_X_MATCH:
		a = tsn_expr_eval(e, x->kids[0], row);
		return tsn_cell_bool(match(e, x, &a));
	case TSN_X_NEG:
		a = tsn_expr_eval(e, x->kids[0], row);
		return negate(&a);
	case TSN_X_ADD:
	case TSN_X_SUB:
	case TSN_X_MUL:
	case TSN_X_DIV:
	case TSN_X_MOD:
	case TSN_X_EQ:
	case TSN_X_SAME:
	case TSN_X_LT:
	case TSN_X_LE:
	case TSN_X_GT:
	case TSN_X_GE:
		break;
	}
	a = tsn_expr_eval(e, x->kids[0], row);
	b = tsn_expr_eval(e, x->kids[1], row);
	if (x->op < TSN_X_MATCH)
		return math(e, x->op, &a, &b);
	return tsn_cell_bool(compare(e, x->op, &a, &b));
}
