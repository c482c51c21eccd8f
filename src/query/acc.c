#include "query/acc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static void
add_float(struct tsn_acc *acc, double v)
{
	double sum = acc->u.sum.rest + v;

	/* Neumaier: what the larger of both loses */
	acc->u.sum.lost += fabs(acc->u.sum.rest) >= fabs(v) ? (acc->u.sum.rest - sum) + v :
							      (v - sum) + acc->u.sum.rest;
	acc->u.sum.rest = sum;
	acc->floats = true;
}

static void
take_sum(struct tsn_acc *acc, const struct tsn_cell *v)
{
	struct tsn_cell n;
	double d = 0;

	if (!tsn_cell_to_number(v, &n))
		return;
	acc->count++;
	if (n.type == TSN_V_INT && !__builtin_add_overflow(acc->u.sum.whole, n.u.i, &acc->u.sum.whole))
		return;
	if (n.type == TSN_V_INT) {
		/* the overflowed sum wrapped: take the wrap back and go on as a float */
		acc->u.sum.whole = (int64_t)((uint64_t)acc->u.sum.whole - (uint64_t)n.u.i);
	}
	(void)tsn_cell_number(&n, &d);
	add_float(acc, d);
}

/* Keeps a copy; a text that fits takes the room of the one before. */
static bool
keep(struct tsn_acc_env *env, struct tsn_acc *acc, const struct tsn_cell *v)
{
	bool failed = false;
	char *room;

	if (v->type != TSN_V_STR && v->type != TSN_V_JSON) {
		acc->u.best.cap = 0;
		acc->u.best.cell = tsn_cell_dup(env->arena, v, &failed);
		return !failed;
	}
	if (acc->u.best.cap == 0 || acc->u.best.cap < v->len) {
		room = tsn_arena_alloc(env->arena, (size_t)v->len + v->len / 2 + 8);
		if (room == NULL)
			return false;
		acc->u.best.cap = v->len + v->len / 2 + 8;
		acc->u.best.cell.u.ptr = room;
	}
	room = (char *)(uintptr_t)acc->u.best.cell.u.ptr;
	memcpy(room, v->u.ptr, v->len);
	acc->u.best.cell = *v;
	acc->u.best.cell.u.ptr = room;
	return true;
}

static bool
take_best(struct tsn_acc_env *env, enum tsn_agg_op op, struct tsn_acc *acc,
    const struct tsn_cell *v)
{
	bool better;

	if (acc->count++ == 0) {
		acc->u.best.when = env->when;
		return keep(env, acc, v);
	}
	if (op == TSN_AGG_MIN)
		better = tsn_cell_order(v, &acc->u.best.cell) < 0;
	else if (op == TSN_AGG_MAX)
		better = tsn_cell_order(v, &acc->u.best.cell) > 0;
	else if (env->when == acc->u.best.when)
		better = op == TSN_AGG_FIRST;	/* rows come newest first */
	else
		better = (op == TSN_AGG_LAST) == (env->when > acc->u.best.when);
	if (!better)
		return true;
	acc->u.best.when = env->when;
	return keep(env, acc, v);
}

static bool
take_value(struct tsn_acc_env *env, struct tsn_acc *acc, const struct tsn_cell *v)
{
	char scratch[TSN_CELL_TEXT_MAX];
	struct tsn_table_entry *e;
	bool fresh, failed = false;

	if (acc->u.values == NULL) {
		acc->u.values = tsn_arena_alloc(env->arena, sizeof *acc->u.values);
		if (acc->u.values == NULL)
			return false;
		tsn_table_init(acc->u.values, env->arena, sizeof(struct tsn_cell), env->seed);
	}
	e = tsn_table_get(acc->u.values, tsn_cell_text(v, scratch), &fresh);
	if (e == NULL)
		return false;
	if (fresh && (v->type == TSN_V_STR || v->type == TSN_V_JSON))
		*(struct tsn_cell *)tsn_table_data(e) = (struct tsn_cell){.type = v->type,
		    .len = v->len, .u.ptr = tsn_table_key(e).ptr};
	else if (fresh)
		*(struct tsn_cell *)tsn_table_data(e) = tsn_cell_dup(env->arena, v, &failed);
	return !failed;
}

bool
tsn_acc_take(struct tsn_acc_env *env, enum tsn_agg_op op, struct tsn_acc *acc,
    const struct tsn_cell *v)
{
	char scratch[TSN_CELL_TEXT_MAX];
	struct tsn_cell n;
	double d = 0;

	if (v->type == TSN_V_NULL)
		return true;
	if (op == TSN_AGG_COUNT) {
		acc->count += env->weight == 0 ? 1 : env->weight;
		return true;
	}
	if (op == TSN_AGG_FIRST || op == TSN_AGG_LAST)
		return take_best(env, op, acc, v);
	if (v->type == TSN_V_LIST) {
		for (uint32_t i = 0; i < v->len; i++)
			if (!tsn_acc_take(env, op, acc, &v->u.items[i]))
				return false;
		return true;
	}
	switch (op) {
	case TSN_AGG_SUM:
	case TSN_AGG_AVG:
		take_sum(acc, v);
		return true;
	case TSN_AGG_DC:
		return tsn_distinct_add(env, &acc->u.distinct, tsn_cell_text(v, scratch));
	case TSN_AGG_VALUES:
		return take_value(env, acc, v);
	case TSN_AGG_PERCENTILE:
		return !tsn_cell_to_number(v, &n) || !tsn_cell_number(&n, &d) ||
		    tsn_numbers_add(env, &acc->u.numbers, d);
	case TSN_AGG_MIN:
	case TSN_AGG_MAX:
		return take_best(env, op, acc, v);
	case TSN_AGG_COUNT:
	case TSN_AGG_FIRST:
	case TSN_AGG_LAST:
		break;
	}
	return true;
}

static int
order_cells(const void *a, const void *b)
{
	return tsn_cell_order(a, b);
}

static bool
values_result(struct tsn_acc_env *env, const struct tsn_acc *acc, struct tsn_cell *ret)
{
	struct tsn_cell *items;
	uint32_t n = 0;

	*ret = (struct tsn_cell){.type = TSN_V_LIST};
	if (acc->u.values == NULL)
		return true;
	items = tsn_arena_calloc(env->arena, acc->u.values->count, sizeof *items);
	if (items == NULL)
		return false;
	for (struct tsn_table_entry *e = acc->u.values->first; e != NULL; e = e->next)
		items[n++] = *(struct tsn_cell *)tsn_table_data(e);
	TSN_ASSERT(n == acc->u.values->count);
	qsort(items, n, sizeof *items, order_cells);
	ret->len = n;
	ret->u.items = items;
	return true;
}

static struct tsn_cell
sum_result(const struct tsn_acc *acc, bool average)
{
	double sum = (double)acc->u.sum.whole + (acc->u.sum.rest + acc->u.sum.lost);

	if (acc->count == 0)
		return average ? tsn_cell_null() : tsn_cell_int(0);
	if (average)
		return tsn_cell_float(sum / (double)acc->count);
	return acc->floats ? tsn_cell_float(sum) : tsn_cell_int(acc->u.sum.whole);
}

bool
tsn_acc_result(struct tsn_acc_env *env, const struct tsn_agg *agg, struct tsn_acc *acc,
    struct tsn_cell *ret)
{
	double v;

	switch (agg->op) {
	case TSN_AGG_COUNT:
		*ret = tsn_cell_uint(acc->count);
		return true;
	case TSN_AGG_SUM:
	case TSN_AGG_AVG:
		*ret = sum_result(acc, agg->op == TSN_AGG_AVG);
		return true;
	case TSN_AGG_MIN:
	case TSN_AGG_MAX:
	case TSN_AGG_FIRST:
	case TSN_AGG_LAST:
		*ret = acc->count == 0 ? tsn_cell_null() : acc->u.best.cell;
		return true;
	case TSN_AGG_DC:
		*ret = tsn_cell_uint(tsn_distinct_count(acc->u.distinct, &env->estimated));
		return true;
	case TSN_AGG_VALUES:
		return values_result(env, acc, ret);
	case TSN_AGG_PERCENTILE:
		if (acc->u.numbers == NULL) {
			*ret = tsn_cell_null();
			return true;
		}
		v = tsn_numbers_percentile(acc->u.numbers, agg->percent, &env->estimated_percentile);
		*ret = fabs(v) < 9e15 && floor(v) >= v ? tsn_cell_int((int64_t)v) : tsn_cell_float(v);
		return true;
	}
	return true;
}

void
tsn_acc_done(enum tsn_agg_op op, struct tsn_acc *acc)
{
	if (op == TSN_AGG_VALUES)
		tsn_table_done(acc->u.values);
}
