/*
 * stats: groups of rows and functions over them.
 *
 * A row is in the group of its values of the group-by fields; where a field is a list, in one group
 * for each different element; where a field is absent or null, in none (counted: `ungrouped`).
 */
#include <stdlib.h>

#include "base/assert.h"
#include "query/acc.h"
#include "query/op_int.h"

#define KEYS_MAX 65u
/* Groups that one row may be in: lists in several group-by fields multiply. */
#define COMBINATIONS_MAX 65536u

struct group {
	uint64_t last_row;
	struct tsn_acc accs[];		/* of each function; then the cells of the keys */
};

struct stats {
	struct tsn_op op;
	struct tsn_arena arena;
	struct tsn_table groups;
	struct tsn_acc_env env;
	struct tsn_buf key;
	struct tsn_cell cells[KEYS_MAX];	/* of the row at hand */
	struct tsn_cell args[KEYS_MAX];
	uint32_t key_count;
	uint32_t combinations;
	uint64_t row;
};

static struct tsn_cell *
group_keys(const struct stats *s, struct group *g)
{
	return (struct tsn_cell *)(void *)(g->accs + s->op.stage->agg_count);
}

/* Cells of the group's keys; texts are those in the table's key (see tsn_op_key). */
static bool
keep_keys(struct stats *s, const struct tsn_table_entry *e, const struct tsn_cell *keys,
    struct tsn_cell *to)
{
	struct tsn_slice key = tsn_table_key(e);
	bool failed = false;
	uint32_t len;

	for (uint32_t i = 0; i < s->key_count; i++) {
		TSN_ASSERT(key.len >= TSN_OP_KEY_HEAD);
		memcpy(&len, key.ptr + 1, sizeof len);
		to[i] = keys[i];
		if (keys[i].type == TSN_V_STR || keys[i].type == TSN_V_JSON)
			to[i].u.ptr = key.ptr + TSN_OP_KEY_HEAD;
		else
			to[i] = tsn_cell_dup(&s->arena, &keys[i], &failed);
		key = tsn_slice_from(key, TSN_OP_KEY_HEAD + len);
	}
	return !failed;
}

static enum tsn_code
take(struct stats *s, const struct tsn_cell *keys, struct tsn_err *err)
{
	const struct tsn_stage *stage = s->op.stage;
	struct tsn_table_entry *e;
	struct group *g;
	bool fresh;

	e = tsn_table_get(&s->groups, tsn_buf_get(&s->key), &fresh);
	if (e == NULL || tsn_buf_check(&s->key) != TSN_OK)
		return tsn_op_memory(&s->op, err);
	g = tsn_table_data(e);
	if (fresh && !keep_keys(s, e, keys, group_keys(s, g)))
		return tsn_op_memory(&s->op, err);
	if (g->last_row == s->row)
		return TSN_OK;
	g->last_row = s->row;
	for (uint32_t i = 0; i < stage->agg_count; i++) {
		if (stage->aggs[i].arg == NULL)
			g->accs[i].count += s->op.run->weight;
		else if (!tsn_acc_take(&s->env, stage->aggs[i].op, &g->accs[i], &s->args[i]))
			return tsn_op_memory(&s->op, err);
	}
	return TSN_OK;
}

/* Walks the elements of the lists among the keys from key i on. */
static enum tsn_code
expand(struct stats *s, uint32_t i, struct tsn_cell *keys, struct tsn_err *err)
{
	size_t len = s->key.len;

	if (i == s->key_count)
		return take(s, keys, err);
	if (s->cells[i].type != TSN_V_LIST) {
		keys[i] = s->cells[i];
		tsn_op_key(&s->key, &keys[i]);
		return expand(s, i + 1, keys, err);
	}
	for (uint32_t j = 0; j < s->cells[i].len; j++) {
		if (++s->combinations > COMBINATIONS_MAX)
			TSN_FAIL(err, TSN_ELIMIT, "an event is in more than %u groups: group by fewer lists",
			    COMBINATIONS_MAX);
		keys[i] = s->cells[i].u.items[j];
		if (keys[i].type == TSN_V_NULL || keys[i].type == TSN_V_LIST)
			continue;
		s->key.len = len;
		tsn_op_key(&s->key, &keys[i]);
		TSN_TRY(expand(s, i + 1, keys, err));
	}
	return TSN_OK;
}

static bool
row_time(const struct stats *s, const struct tsn_row *row, int64_t *ret_ns)
{
	uint32_t slot;

	if (row->ev != NULL) {
		*ret_ns = row->ev->time_ns;
		return true;
	}
	slot = tsn_schema_find(s->op.stage->in, TSN_SLICE("@timestamp"));
	return slot != UINT32_MAX && tsn_cell_to_time(&row->cells[slot], ret_ns);
}

static bool
empty(const struct tsn_cell *v)
{
	return v->type == TSN_V_NULL || (v->type == TSN_V_LIST && v->len == 0);
}

static enum tsn_code
push_stats(struct tsn_op *op, const struct tsn_row *row, struct tsn_err *err)
{
	struct stats *s = (struct stats *)op;
	const struct tsn_stage *stage = op->stage;
	struct tsn_cell keys[KEYS_MAX];
	uint32_t n = 0;
	bool grouped = true;

	s->env.weight = op->run->weight;
	if (!row_time(s, row, &s->env.when))
		s->env.when = (int64_t)s->row;
	if (stage->span_ns > 0)
		s->cells[n++] = tsn_cell_time(tsn_time_floor(s->env.when, stage->span_ns));
	for (uint32_t i = 0; i < stage->item_count && grouped; i++) {
		s->cells[n] = tsn_expr_eval(&op->run->eval, stage->items[i].expr, row);
		grouped = !empty(&s->cells[n++]);
	}
	if (!grouped) {
		op->run->report.ungrouped += op->run->weight;
		return TSN_OK;
	}
	for (uint32_t i = 0; i < stage->agg_count; i++)
		if (stage->aggs[i].arg != NULL)
			s->args[i] = tsn_expr_eval(&op->run->eval, stage->aggs[i].arg, row);
	s->row++;
	s->combinations = 0;
	tsn_buf_reset(&s->key);
	return expand(s, 0, keys, err);
}

/* Groups that differ though neither comes first (0 and false): by their texts. */
static int
order_texts(const struct tsn_cell *a, const struct tsn_cell *b)
{
	char sa[TSN_CELL_TEXT_MAX], sb[TSN_CELL_TEXT_MAX];
	struct tsn_slice x = tsn_cell_text(a, sa), y = tsn_cell_text(b, sb);
	size_t n = x.len < y.len ? x.len : y.len;
	int o = n == 0 ? 0 : memcmp(x.ptr, y.ptr, n);

	return o != 0 ? o : (x.len > y.len) - (x.len < y.len);
}

static int
order_groups(const void *a, const void *b, void *ctx)
{
	const struct stats *s = ctx;
	const struct tsn_cell *kx = group_keys(s, *(struct group *const *)a);
	const struct tsn_cell *ky = group_keys(s, *(struct group *const *)b);

	for (uint32_t i = 0; i < s->key_count; i++) {
		int o = tsn_cell_order(&kx[i], &ky[i]);

		if (o != 0)
			return o;
	}
	for (uint32_t i = 0; i < s->key_count; i++) {
		int o = order_texts(&kx[i], &ky[i]);

		if (o != 0)
			return o;
	}
	return 0;
}

static enum tsn_code
emit(struct stats *s, struct group *g, struct tsn_cell *cells, struct tsn_err *err)
{
	const struct tsn_stage *stage = s->op.stage;
	uint32_t n = 0;

	if (stage->span_ns > 0)
		cells[0] = group_keys(s, g)[n++];
	for (uint32_t i = 0; i < stage->item_count; i++)
		cells[stage->items[i].slot] = group_keys(s, g)[n++];
	for (uint32_t i = 0; i < stage->agg_count; i++)
		if (!tsn_acc_result(&s->env, &stage->aggs[i], &g->accs[i], &cells[stage->aggs[i].slot]))
			return tsn_op_memory(&s->op, err);
	s->op.run->report.estimated |= s->env.estimated;
	s->op.run->report.estimated_percentile |= s->env.estimated_percentile;
	return tsn_op_push(s->op.next, &(struct tsn_row){.cells = cells, .count = stage->out->count},
	    err);
}

static enum tsn_code
emit_all(struct stats *s, struct group **groups, struct tsn_err *err)
{
	struct tsn_cell cells[TSN_COLUMNS_MAX] = {0};
	uint32_t n = 0;

	for (struct tsn_table_entry *e = s->groups.first; e != NULL; e = e->next)
		groups[n++] = tsn_table_data(e);
	TSN_ASSERT(n == s->groups.count);
	if (n > 1)
		qsort_r(groups, n, sizeof(*groups), order_groups, s);
	for (uint32_t i = 0; i < n; i++) {
		tsn_arena_reset(s->op.run->eval.arena);
		TSN_TRY(tsn_op_tick(s->op.run, err));
		TSN_TRY(emit(s, groups[i], cells, err));
	}
	return TSN_OK;
}

static enum tsn_code
finish_stats(struct tsn_op *op, struct tsn_err *err)
{
	struct stats *s = (struct stats *)op;
	struct tsn_cell none[1];
	struct group **groups;
	enum tsn_code code;

	/* without groups there is one row, even of no events */
	if (s->key_count == 0 && s->groups.count == 0) {
		for (uint32_t i = 0; i < op->stage->agg_count; i++)
			s->args[i] = tsn_cell_null();
		s->row++;
		TSN_TRY(expand(s, 0, none, err));
		for (uint32_t i = 0; i < op->stage->agg_count; i++)
			((struct group *)tsn_table_data(s->groups.first))->accs[i].count = 0;
	}
	groups = calloc((size_t)s->groups.count + 1, sizeof(*groups));
	if (groups == NULL)
		return tsn_op_memory(op, err);
	code = emit_all(s, groups, err);
	free(groups);
	return code == TSN_OK || code == TSN_EOF ? tsn_op_finish_next(op, err) : code;
}

static void
free_stats(struct tsn_op *op)
{
	struct stats *s = (struct stats *)op;

	for (struct tsn_table_entry *e = s->groups.first; e != NULL; e = e->next) {
		struct group *g = tsn_table_data(e);

		for (uint32_t i = 0; i < op->stage->agg_count; i++)
			tsn_acc_done(op->stage->aggs[i].op, &g->accs[i]);
	}
	tsn_table_done(&s->groups);
	tsn_arena_done(&s->arena);
	tsn_buf_done(&s->key);
	free(s);
}

struct tsn_op *
tsn_op_stats(struct tsn_run *run, const struct tsn_stage *stage)
{
	struct stats *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->op = (struct tsn_op){.push = push_stats, .finish = finish_stats, .free = free_stats,
	    .stage = stage, .run = run};
	s->key_count = stage->item_count + (stage->span_ns > 0);
	TSN_ASSERT(s->key_count <= KEYS_MAX && stage->agg_count <= KEYS_MAX);
	tsn_arena_init(&s->arena, run->memory_max);
	tsn_table_init(&s->groups, &s->arena,
	    sizeof(struct group) + s->key_count * sizeof(struct tsn_cell) +
	    stage->agg_count * sizeof(struct tsn_acc), run->seed);
	tsn_buf_init(&s->key, TSN_RECORD_BYTES_MAX * 4);
	s->env = (struct tsn_acc_env){.arena = &s->arena, .seed = run->seed};
	return &s->op;
}
