/* Operators that look at one row at a time. */
#include <stdlib.h>

#include "base/assert.h"
#include "query/op_int.h"
#include "query/table.h"

struct head {
	struct tsn_op op;
	uint64_t left;
};

struct sink {
	struct tsn_op op;
	const struct tsn_query_sink *to;
	uint64_t limit;
};

struct dedup {
	struct tsn_op op;
	struct tsn_arena arena;
	struct tsn_table seen;
	struct tsn_buf key;
};

static void
free_plain(struct tsn_op *op)
{
	free(op);
}

static struct tsn_op *
new_op(size_t size, struct tsn_run *run, const struct tsn_stage *s,
    enum tsn_code (*push)(struct tsn_op *op, const struct tsn_row *row, struct tsn_err *err))
{
	struct tsn_op *op = calloc(1, size);

	if (op == NULL)
		return NULL;
	*op = (struct tsn_op){.push = push, .finish = tsn_op_finish_next, .free = free_plain,
	    .stage = s, .run = run};
	return op;
}

static enum tsn_code
push_where(struct tsn_op *op, const struct tsn_row *row, struct tsn_err *err)
{
	if (!tsn_expr_true(&op->run->eval, op->stage->cond, row))
		return TSN_OK;
	return tsn_op_push(op->next, row, err);
}

struct tsn_op *
tsn_op_where(struct tsn_run *run, const struct tsn_stage *s)
{
	return new_op(sizeof(struct tsn_op), run, s, push_where);
}

static void
put_field(struct tsn_field *f, tsn_key key, const struct tsn_cell *v)
{
	static const uint8_t types[] = {[TSN_V_NULL] = TSN_T_NULL, [TSN_V_BOOL] = TSN_T_BOOL,
	    [TSN_V_INT] = TSN_T_INT, [TSN_V_UINT] = TSN_T_UINT, [TSN_V_FLOAT] = TSN_T_FLOAT,
	    [TSN_V_TIME] = TSN_T_TIME, [TSN_V_STR] = TSN_T_STR, [TSN_V_LIST] = TSN_T_LIST,
	    [TSN_V_JSON] = TSN_T_STR};

	*f = (struct tsn_field){.key = key, .type = types[v->type]};
	if (f->type == TSN_T_STR) {
		f->ptr = v->u.ptr;
		f->len = v->len;
	} else if (f->type != TSN_T_LIST && f->type != TSN_T_NULL) {
		f->num.i = v->u.i;
	}
}

/* The event with the field set: what stood at the name and below it goes. */
static bool
set_field(struct tsn_run *run, const struct tsn_event *ev, tsn_key key, const struct tsn_cell *v,
    struct tsn_event *ret)
{
	uint32_t extra = v->type == TSN_V_LIST && v->len > 0 ? v->len : 1, n = 0;
	struct tsn_field *fields = tsn_arena_alloc(run->eval.arena,
	    (ev->field_count + extra) * sizeof *fields);
	struct tsn_pos *pos = NULL;

	if (fields == NULL)
		return false;
	for (uint32_t i = 0; i < ev->field_count; i++)
		if (ev->fields[i].key != key && !tsn_keys_under(run->eval.keys, ev->fields[i].key, key))
			fields[n++] = ev->fields[i];
	*ret = *ev;
	if (key == TSN_F_TIMESTAMP && v->type == TSN_V_TIME)
		ret->time_ns = v->u.i;
	ret->fields = fields;
	if (v->type != TSN_V_LIST || v->len == 0) {
		put_field(&fields[n++], key, v);
		ret->field_count = n;
		return true;
	}
	pos = tsn_arena_alloc(run->eval.arena, (ev->pos_count + v->len) * sizeof *pos);
	if (pos == NULL)
		return false;
	if (ev->pos_count > 0)
		memcpy(pos, ev->pos, ev->pos_count * sizeof *pos);
	for (uint32_t i = 0; i < v->len; i++) {
		put_field(&fields[n], key, &v->u.items[i]);
		pos[ev->pos_count + i] = (struct tsn_pos){0, key, i};
		fields[n++].pos = ev->pos_count + i + 1;
	}
	ret->pos = pos;
	ret->pos_count = ev->pos_count + v->len;
	ret->field_count = n;
	return true;
}

static enum tsn_code
push_eval(struct tsn_op *op, const struct tsn_row *row, struct tsn_err *err)
{
	const struct tsn_stage_item *item = &op->stage->items[0];
	struct tsn_cell v = tsn_expr_eval(&op->run->eval, item->expr, row);
	struct tsn_event ev;
	struct tsn_cell *cells;

	TSN_ASSERT(op->stage->item_count == 1);
	if (row->ev != NULL) {
		if (!set_field(op->run, row->ev, item->key, &v, &ev))
			return tsn_op_memory(op, err);
		return tsn_op_push(op->next, &(struct tsn_row){.ev = &ev}, err);
	}
	cells = tsn_arena_calloc(op->run->eval.arena, op->stage->out->count, sizeof *cells);
	if (cells == NULL)
		return tsn_op_memory(op, err);
	if (row->count > 0)
		memcpy(cells, row->cells, row->count * sizeof *cells);
	cells[item->slot] = v;
	return tsn_op_push(op->next, &(struct tsn_row){.cells = cells,
	    .count = op->stage->out->count}, err);
}

struct tsn_op *
tsn_op_eval(struct tsn_run *run, const struct tsn_stage *s)
{
	return new_op(sizeof(struct tsn_op), run, s, push_eval);
}

static enum tsn_code
push_head(struct tsn_op *op, const struct tsn_row *row, struct tsn_err *err)
{
	struct head *h = (struct head *)op;

	if (h->left == 0)
		return TSN_EOF;
	TSN_TRY(tsn_op_push(op->next, row, err));
	return --h->left == 0 ? TSN_EOF : TSN_OK;
}

struct tsn_op *
tsn_op_head(struct tsn_run *run, const struct tsn_stage *s)
{
	struct tsn_op *op = new_op(sizeof(struct head), run, s, push_head);

	if (op != NULL)
		((struct head *)op)->left = s->n;
	return op;
}

static enum tsn_code
push_fields(struct tsn_op *op, const struct tsn_row *row, struct tsn_err *err)
{
	struct tsn_cell *cells = tsn_arena_calloc(op->run->eval.arena, op->stage->out->count,
	    sizeof *cells);

	if (cells == NULL)
		return tsn_op_memory(op, err);
	for (uint32_t i = 0; i < op->stage->item_count; i++)
		cells[op->stage->items[i].slot] = tsn_expr_eval(&op->run->eval, op->stage->items[i].expr,
		    row);
	return tsn_op_push(op->next, &(struct tsn_row){.cells = cells,
	    .count = op->stage->out->count}, err);
}

struct tsn_op *
tsn_op_fields(struct tsn_run *run, const struct tsn_stage *s)
{
	return new_op(sizeof(struct tsn_op), run, s, push_fields);
}

static bool
drops(const struct tsn_stage *s, const struct tsn_keys *keys, const struct tsn_event *ev,
    const struct tsn_field *f)
{
	for (uint32_t i = 0; i < s->item_count; i++) {
		const struct tsn_path *path = &s->items[i].expr->path;

		if ((f->key == path->key || tsn_keys_under(keys, f->key, path->key)) &&
		    tsn_path_at(path, ev, f))
			return true;
	}
	return false;
}

static enum tsn_code
push_drop(struct tsn_op *op, const struct tsn_row *row, struct tsn_err *err)
{
	const struct tsn_stage *s = op->stage;
	struct tsn_cell *cells;
	struct tsn_event ev;
	uint32_t n = 0;

	if (row->ev != NULL) {
		ev = *row->ev;
		ev.fields = tsn_arena_alloc(op->run->eval.arena,
		    (ev.field_count + 1) * sizeof *ev.fields);
		if (ev.fields == NULL)
			return tsn_op_memory(op, err);
		for (uint32_t i = 0; i < row->ev->field_count; i++)
			if (!drops(s, op->run->eval.keys, row->ev, &row->ev->fields[i]))
				ev.fields[n++] = row->ev->fields[i];
		ev.field_count = n;
		return tsn_op_push(op->next, &(struct tsn_row){.ev = &ev}, err);
	}
	cells = tsn_arena_calloc(op->run->eval.arena, s->out->count + 1, sizeof *cells);
	if (cells == NULL)
		return tsn_op_memory(op, err);
	for (uint32_t i = 0; i < row->count; i++) {
		bool dropped = false;

		for (uint32_t j = 0; j < s->item_count; j++)
			dropped |= s->items[j].slot == i;
		if (!dropped)
			cells[n++] = row->cells[i];
	}
	return tsn_op_push(op->next, &(struct tsn_row){.cells = cells, .count = n}, err);
}

struct tsn_op *
tsn_op_drop(struct tsn_run *run, const struct tsn_stage *s)
{
	return new_op(sizeof(struct tsn_op), run, s, push_drop);
}

static enum tsn_code
push_dedup(struct tsn_op *op, const struct tsn_row *row, struct tsn_err *err)
{
	struct dedup *d = (struct dedup *)op;
	struct tsn_table_entry *e;
	uint64_t *count;
	bool fresh;

	tsn_buf_reset(&d->key);
	for (uint32_t i = 0; i < op->stage->item_count; i++) {
		struct tsn_cell v = tsn_expr_eval(&op->run->eval, op->stage->items[i].expr, row);

		tsn_op_key(&d->key, &v);
	}
	if (tsn_buf_check(&d->key) != TSN_OK)
		return tsn_op_memory(op, err);
	e = tsn_table_get(&d->seen, tsn_buf_get(&d->key), &fresh);
	if (e == NULL)
		return tsn_op_memory(op, err);
	count = tsn_table_data(e);
	if (*count == op->stage->n)
		return TSN_OK;
	++*count;
	return tsn_op_push(op->next, row, err);
}

static void
free_dedup(struct tsn_op *op)
{
	struct dedup *d = (struct dedup *)op;

	tsn_table_done(&d->seen);
	tsn_arena_done(&d->arena);
	tsn_buf_done(&d->key);
	free(d);
}

struct tsn_op *
tsn_op_dedup(struct tsn_run *run, const struct tsn_stage *s)
{
	struct dedup *d = (struct dedup *)new_op(sizeof *d, run, s, push_dedup);

	if (d == NULL)
		return NULL;
	tsn_arena_init(&d->arena, run->memory_max);
	tsn_table_init(&d->seen, &d->arena, sizeof(uint64_t), run->seed);
	tsn_buf_init(&d->key, TSN_RECORD_BYTES_MAX * 4);
	d->op.free = free_dedup;
	return &d->op;
}

static enum tsn_code
push_sink(struct tsn_op *op, const struct tsn_row *row, struct tsn_err *err)
{
	struct sink *s = (struct sink *)op;

	if (s->limit > 0 && op->run->report.rows == s->limit) {
		op->run->report.limited = true;
		return TSN_EOF;
	}
	op->run->report.rows++;
	return s->to->row == NULL ? TSN_OK : s->to->row(s->to->ctx, row, err);
}

static enum tsn_code
finish_sink(struct tsn_op *op, struct tsn_err *err)
{
	struct sink *s = (struct sink *)op;

	return s->to->end == NULL ? TSN_OK : s->to->end(s->to->ctx, err);
}

struct tsn_op *
tsn_op_sink(struct tsn_run *run, const struct tsn_query_sink *sink, uint64_t limit)
{
	struct sink *s = (struct sink *)new_op(sizeof *s, run, NULL, push_sink);

	if (s == NULL)
		return NULL;
	s->op.finish = finish_sink;
	s->to = sink;
	s->limit = limit;
	return &s->op;
}
