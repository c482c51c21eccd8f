/* Operators that keep rows: sort (all, or the best of a limit) and tail. */
#include <stdlib.h>

#include "base/assert.h"
#include "query/op_int.h"

struct sort {
	struct tsn_op op;
	struct tsn_kept **rows;		/* with a limit: a heap whose root is the worst */
	size_t count, cap;
	uint64_t limit;
	uint64_t seq;
	size_t held;
};

/* <0: a comes before b. */
static int
order(const struct tsn_stage *s, const struct tsn_cell *a, uint64_t seq_a,
    const struct tsn_cell *b, uint64_t seq_b)
{
	for (uint32_t i = 0; i < s->item_count; i++) {
		bool null_a = a[i].type == TSN_V_NULL, null_b = b[i].type == TSN_V_NULL;
		int o;

		if (null_a != null_b)
			return null_a ? 1 : -1;
		o = tsn_cell_order(&a[i], &b[i]);
		if (o != 0)
			return s->items[i].descending ? -o : o;
	}
	return (seq_a > seq_b) - (seq_a < seq_b);
}

static int
order_kept(const void *a, const void *b, void *ctx)
{
	const struct tsn_kept *x = *(struct tsn_kept *const *)a, *y = *(struct tsn_kept *const *)b;

	return order(ctx, x->keys, x->seq, y->keys, y->seq);
}

static bool
worse(const struct sort *s, size_t a, size_t b)
{
	return order(s->op.stage, s->rows[a]->keys, s->rows[a]->seq, s->rows[b]->keys,
	    s->rows[b]->seq) > 0;
}

static void
swap(struct sort *s, size_t a, size_t b)
{
	struct tsn_kept *k = s->rows[a];

	s->rows[a] = s->rows[b];
	s->rows[b] = k;
}

static void
sift_up(struct sort *s, size_t at)
{
	for (; at > 0 && worse(s, at, (at - 1) / 2); at = (at - 1) / 2)
		swap(s, at, (at - 1) / 2);
}

static void
sift_down(struct sort *s)
{
	for (size_t at = 0;;) {
		size_t kid = at * 2 + 1;

		if (kid >= s->count)
			return;
		if (kid + 1 < s->count && worse(s, kid + 1, kid))
			kid++;
		if (!worse(s, kid, at))
			return;
		swap(s, kid, at);
		at = kid;
	}
}

static bool
room(struct sort *s)
{
	size_t cap = s->cap == 0 ? 64 : s->cap * 2;
	struct tsn_kept **rows;

	if (s->count < s->cap)
		return true;
	rows = realloc(s->rows, cap * sizeof(*rows));
	if (rows == NULL)
		return false;
	s->held += (cap - s->cap) * sizeof(*rows);
	s->rows = rows;
	s->cap = cap;
	return true;
}

static enum tsn_code
push_sort(struct tsn_op *op, const struct tsn_row *row, struct tsn_err *err)
{
	struct sort *s = (struct sort *)op;
	uint32_t key_count = op->stage->item_count;
	struct tsn_cell keys[64];
	struct tsn_kept *k;

	TSN_ASSERT(key_count <= TSN_COUNT(keys));
	for (uint32_t i = 0; i < key_count; i++)
		keys[i] = tsn_expr_eval(&op->run->eval, op->stage->items[i].expr, row);
	s->seq++;
	if (s->limit == 0)
		return TSN_EOF;
	if (s->count == s->limit &&
	    order(op->stage, keys, s->seq, s->rows[0]->keys, s->rows[0]->seq) > 0)
		return TSN_OK;
	k = tsn_kept_new(row, keys, key_count);
	if (k == NULL || !room(s)) {
		free(k);
		return tsn_op_memory(op, err);
	}
	k->seq = s->seq;
	s->held += k->size;
	if (s->count == s->limit) {
		s->held -= s->rows[0]->size;
		free(s->rows[0]);
		s->rows[0] = k;
		sift_down(s);
	} else {
		s->rows[s->count++] = k;
		if (s->limit != UINT64_MAX)
			sift_up(s, s->count - 1);
	}
	return s->held > op->run->memory_max ? tsn_op_memory(op, err) : TSN_OK;
}

static enum tsn_code
finish_sort(struct tsn_op *op, struct tsn_err *err)
{
	struct sort *s = (struct sort *)op;
	enum tsn_code code = TSN_OK;

	if (s->count > 1)
		qsort_r(s->rows, s->count, sizeof *s->rows, order_kept,
		    (void *)(uintptr_t)(const void *)op->stage);
	for (size_t i = 0; i < s->count && code == TSN_OK; i++) {
		tsn_arena_reset(op->run->eval.arena);
		code = tsn_op_tick(op->run, err);
		if (code == TSN_OK)
			code = tsn_op_push(op->next, &s->rows[i]->row, err);
	}
	return code == TSN_OK || code == TSN_EOF ? tsn_op_finish_next(op, err) : code;
}

static void
free_sort(struct tsn_op *op)
{
	struct sort *s = (struct sort *)op;

	for (size_t i = 0; i < s->count; i++)
		free(s->rows[i]);
	free(s->rows);
	free(s);
}

struct tsn_op *
tsn_op_sort(struct tsn_run *run, const struct tsn_stage *stage, uint64_t limit)
{
	struct sort *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->op = (struct tsn_op){.push = push_sort, .finish = finish_sort, .free = free_sort,
	    .stage = stage, .run = run};
	s->limit = limit;
	return &s->op;
}

/*
 * The last n rows, as a ring.  When the scan begins at the other end (oldest first) they are the
 * first n that come, and go out in reverse.
 */
struct tail {
	struct tsn_op op;
	bool reverse;
	struct tsn_kept **ring;
	uint64_t cap;
	uint64_t count;		/* rows ever */
	size_t held;
};

static bool
tail_room(struct tail *t)
{
	uint64_t cap = t->cap == 0 ? 64 : t->cap * 2;
	struct tsn_kept **ring;

	if (t->count < t->cap || t->cap == t->op.stage->n)
		return true;
	cap = cap < t->op.stage->n ? cap : t->op.stage->n;
	ring = realloc(t->ring, cap * sizeof(*ring));
	if (ring == NULL)
		return false;
	memset(ring + t->cap, 0, (cap - t->cap) * sizeof(*ring));
	t->held += (cap - t->cap) * sizeof(*ring);
	t->ring = ring;
	t->cap = cap;
	return true;
}

static enum tsn_code
push_tail(struct tsn_op *op, const struct tsn_row *row, struct tsn_err *err)
{
	struct tail *t = (struct tail *)op;
	struct tsn_kept *k;
	uint64_t at;

	if (op->stage->n == 0 || (t->reverse && t->count == op->stage->n))
		return TSN_EOF;
	k = tsn_kept_new(row, NULL, 0);
	if (k == NULL || !tail_room(t)) {
		free(k);
		return tsn_op_memory(op, err);
	}
	at = t->count++ % t->cap;
	t->held += k->size;
	if (t->ring[at] != NULL)
		t->held -= t->ring[at]->size;
	free(t->ring[at]);
	t->ring[at] = k;
	if (t->held > op->run->memory_max)
		return tsn_op_memory(op, err);
	return t->reverse && t->count == op->stage->n ? TSN_EOF : TSN_OK;
}

static enum tsn_code
finish_tail(struct tsn_op *op, struct tsn_err *err)
{
	struct tail *t = (struct tail *)op;
	uint64_t first = t->count > t->cap ? t->count - t->cap : 0;
	enum tsn_code code = TSN_OK;

	for (uint64_t i = first; i < t->count && code == TSN_OK; i++) {
		uint64_t at = t->reverse ? t->count - 1 - (i - first) : i;

		tsn_arena_reset(op->run->eval.arena);
		code = tsn_op_push(op->next, &t->ring[at % t->cap]->row, err);
	}
	return code == TSN_OK || code == TSN_EOF ? tsn_op_finish_next(op, err) : code;
}

static void
free_tail(struct tsn_op *op)
{
	struct tail *t = (struct tail *)op;

	for (uint64_t i = 0; i < t->cap; i++)
		free(t->ring[i]);
	free(t->ring);
	free(t);
}

struct tsn_op *
tsn_op_tail(struct tsn_run *run, const struct tsn_stage *stage, bool reverse)
{
	struct tail *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->op = (struct tsn_op){.push = push_tail, .finish = finish_tail, .free = free_tail,
	    .stage = stage, .run = run};
	t->reverse = reverse;
	return &t->op;
}
