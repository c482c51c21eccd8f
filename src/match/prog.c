/*
 * Built from the back: what comes after a test is known before the test itself, so each step is
 * written with its final jump targets.  Step numbers count from the end while building and are
 * turned round at the end.
 */
#include "match/prog.h"

#include <stdlib.h>

#include "base/assert.h"
#include "match/eval.h"

struct node {
	struct node **kids;
	uint32_t kid_count;
	uint32_t atom;
	enum tsn_pred_op op;
	double cost;		/* expected */
	double truth;		/* how often it is true */
	double rank;		/* order among its siblings */
};

struct builder {
	struct tsn_arena scratch;
	const struct tsn_prog_env *env;
	struct tsn_err *err;
	uint32_t atoms;
	struct tsn_prog_step *steps;
	uint32_t count;
};

static enum tsn_code
fail_memory(struct builder *b)
{
	TSN_FAIL(b->err, TSN_ENOMEM, "out of memory");
}

static int
by_rank(const void *a, const void *b)
{
	double x = (*(struct node *const *)a)->rank, y = (*(struct node *const *)b)->rank;

	return x < y ? -1 : x > y;
}

/*
 * A kid is worth asking early when it is cheap and likely to decide: false for AND, true for OR.
 * Kids without estimates keep their order (mergesort of glibc is stable; ranks are made distinct).
 */
static void
weigh_group(struct node *n)
{
	double reach = 1;
	bool and_op = n->op == TSN_PRED_AND;

	for (uint32_t i = 0; i < n->kid_count; i++) {
		struct node *k = n->kids[i];
		double decides = and_op ? 1 - k->truth : k->truth;

		k->rank = k->cost / (decides < 1e-6 ? 1e-6 : decides) + i * 1e-9;
	}
	qsort(n->kids, n->kid_count, sizeof(struct node *), by_rank);
	n->cost = 0;
	for (uint32_t i = 0; i < n->kid_count; i++) {
		n->cost += reach * n->kids[i]->cost;
		reach *= and_op ? n->kids[i]->truth : 1 - n->kids[i]->truth;
	}
	n->truth = and_op ? reach : 1 - reach;
}

static void
weigh(struct builder *b, struct node *n)
{
	n->cost = 1;
	n->truth = 0.5;
	switch (n->op) {
	case TSN_PRED_TRUE:
	case TSN_PRED_FALSE:
		n->cost = 0;
		n->truth = n->op == TSN_PRED_TRUE;
		break;
	case TSN_PRED_NOT:
		n->cost = n->kids[0]->cost;
		n->truth = 1 - n->kids[0]->truth;
		break;
	case TSN_PRED_ATOM:
		if (b->env->weigh != NULL)
			b->env->weigh(b->env->ctx, n->atom, &n->cost, &n->truth);
		break;
	case TSN_PRED_AND:
	case TSN_PRED_OR:
		if (b->env->weigh != NULL)
			weigh_group(n);
		break;
	}
}

static enum tsn_code
read_node(struct builder *b, const struct tsn_pred *p, uint32_t depth, struct node **ret)
{
	struct node *n = tsn_arena_calloc(&b->scratch, 1, sizeof *n);

	if (n == NULL)
		return fail_memory(b);
	if (depth > TSN_MATCH_DEPTH_MAX)
		TSN_FAIL(b->err, TSN_ELIMIT, "condition is nested deeper than %u levels",
		    TSN_MATCH_DEPTH_MAX);
	n->op = p->op;
	if (p->op == TSN_PRED_ATOM) {
		if (++b->atoms > TSN_MATCH_ATOMS_MAX)
			TSN_FAIL(b->err, TSN_ELIMIT, "condition has more than %u tests",
			    TSN_MATCH_ATOMS_MAX);
		TSN_TRY(b->env->atom(b->env->ctx, &p->atom, &n->atom, b->err));
	}
	n->kid_count = p->op == TSN_PRED_ATOM ? 0 : p->kid_count;
	n->kids = tsn_arena_calloc(&b->scratch, n->kid_count + 1, sizeof(struct node *));
	if (n->kids == NULL)
		return fail_memory(b);
	for (uint32_t i = 0; i < n->kid_count; i++)
		TSN_TRY(read_node(b, p->kids[i], depth + 1, &n->kids[i]));
	weigh(b, n);
	*ret = n;
	return TSN_OK;
}

/* Depth was bounded by read_node. */
static uint32_t
emit(struct builder *b, const struct node *n, uint32_t yes, uint32_t no)
{
	switch (n->op) {
	case TSN_PRED_TRUE:
		return yes;
	case TSN_PRED_FALSE:
		return no;
	case TSN_PRED_NOT:
		return emit(b, n->kids[0], no, yes);
	case TSN_PRED_AND:
		for (uint32_t i = n->kid_count; i > 0; i--)
			yes = emit(b, n->kids[i - 1], yes, no);
		return yes;
	case TSN_PRED_OR:
		for (uint32_t i = n->kid_count; i > 0; i--)
			no = emit(b, n->kids[i - 1], yes, no);
		return no;
	case TSN_PRED_ATOM:
		break;
	}
	b->steps[b->count] = (struct tsn_prog_step){n->atom, yes, no};
	return b->count++;
}

static uint32_t
turn(uint32_t target, uint32_t count)
{
	return target >= TSN_PROG_FALSE ? target : count - 1 - target;
}

static void
turn_round(struct tsn_prog *p)
{
	for (uint32_t i = 0; i < p->count / 2; i++) {
		struct tsn_prog_step other = p->steps[p->count - 1 - i];

		p->steps[p->count - 1 - i] = p->steps[i];
		p->steps[i] = other;
	}
	for (uint32_t i = 0; i < p->count; i++) {
		p->steps[i].yes = turn(p->steps[i].yes, p->count);
		p->steps[i].no = turn(p->steps[i].no, p->count);
		TSN_ASSERT(p->steps[i].yes > i && p->steps[i].no > i);
	}
	p->start = turn(p->start, p->count);
}

enum tsn_code
tsn_prog_build(struct tsn_arena *arena, const struct tsn_pred *pred,
    const struct tsn_prog_env *env, struct tsn_prog *ret, struct tsn_err *err)
{
	struct builder b = {.env = env, .err = err};
	struct node *root;
	enum tsn_code code;

	tsn_arena_init(&b.scratch, SIZE_MAX / 2);
	code = read_node(&b, pred, 0, &root);
	if (code == TSN_OK) {
		b.steps = tsn_arena_calloc(arena, b.atoms + 1, sizeof *b.steps);
		code = b.steps == NULL ? fail_memory(&b) : TSN_OK;
	}
	if (code == TSN_OK) {
		ret->start = emit(&b, root, TSN_PROG_TRUE, TSN_PROG_FALSE);
		ret->steps = b.steps;
		ret->count = b.count;
		turn_round(ret);
	}
	tsn_arena_done(&b.scratch);
	return code;
}
