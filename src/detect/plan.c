/* Compiles the units of one class of events. */
#include "detect/compile_int.h"
#include "detect/corr_int.h"

#include <stdlib.h>

#include "base/assert.h"

/* Literals, indexes and programs of one plan: a bound far above any rule set that loads. */
#define PLAN_BYTES_MAX (256u << 20)

static enum tsn_code
out_of_memory(struct compiler *c)
{
	TSN_FAIL(c->err, TSN_ENOMEM, "out of memory");
}

static enum tsn_code
read_atoms(struct compiler *c, const struct tsn_pred *p, uint32_t depth)
{
	if (depth > TSN_MATCH_DEPTH_MAX)
		TSN_FAIL(c->err, TSN_ELIMIT, "condition is nested deeper than %u levels",
		    TSN_MATCH_DEPTH_MAX);
	if (p->op == TSN_PRED_ATOM) {
		if (!tsn_vec_room((void **)&c->order, &c->order_cap, c->order_count + 1,
		    sizeof *c->order))
			return out_of_memory(c);
		return tsn_compile_atom(c, &p->atom, &c->order[c->order_count++]);
	}
	for (uint32_t i = 0; i < p->kid_count; i++)
		TSN_TRY(read_atoms(c, p->kids[i], depth + 1));
	return TSN_OK;
}

/* One rule that is the same through two views is one unit. */
static bool
same_unit(const struct compiler *c, const struct unit *before, uint32_t rule)
{
	return before->rule == rule && before->atom_count == c->order_count &&
	    (c->order_count == 0 ||
		memcmp(before->atoms, c->order, c->order_count * sizeof *c->order) == 0);
}

static enum tsn_code
add_unit(struct compiler *c, uint32_t rule)
{
	struct plan *p = c->p;
	uint32_t *atoms;
	enum tsn_code code;

	c->order_count = 0;
	tsn_arena_reset(&c->scratch);
	code = read_atoms(c, c->set->rules->rules[rule].condition, 0);
	if (code == TSN_ENOMEM)
		return code;
	if (code != TSN_OK) {
		p->broken++;
		return TSN_OK;
	}
	for (uint32_t i = p->unit_count; i > 0 && p->units[i - 1].rule == rule; i--)
		if (same_unit(c, &p->units[i - 1], rule))
			return TSN_OK;
	atoms = tsn_arena_calloc(&p->arena, c->order_count + 1, sizeof *atoms);
	if (atoms == NULL)
		return out_of_memory(c);
	if (c->order_count > 0)
		memcpy(atoms, c->order, c->order_count * sizeof *atoms);
	p->units[p->unit_count] = (struct unit){.rule = rule, .view = c->view, .atoms = atoms,
	    .atom_count = c->order_count};
	TSN_TRY(tsn_tap_compile(c, &p->units[p->unit_count]));
	return tsn_except_compile(c, &p->units[p->unit_count++]);
}

static int
by_rule(const void *a, const void *b)
{
	const struct binding *x = a, *y = b;

	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	return x->view < y->view ? -1 : x->view > y->view;
}

static enum tsn_code
add_units(struct compiler *c, const uint64_t *views)
{
	struct set *set = c->set;
	const struct router *r = &set->router;
	struct binding *list;
	uint32_t n = 0;
	enum tsn_code code = TSN_OK;

	list = calloc(set->binding_count + 1, sizeof *list);
	if (list == NULL)
		return out_of_memory(c);
	for (uint32_t v = 0; v < r->count; v++)
		for (uint32_t i = set->view_bindings[v]; views[v / 64] >> v % 64 & 1 &&
		    i < set->view_bindings[v + 1]; i++)
			list[n++] = set->bindings[i];
	qsort(list, n, sizeof *list, by_rule);
	c->p->units = tsn_arena_calloc(&c->p->arena, n + 1, sizeof *c->p->units);
	if (c->p->units == NULL)
		code = out_of_memory(c);
	for (uint32_t i = 0; i < n && code == TSN_OK; i++) {
		c->view = r->views[list[i].view].view;
		code = add_unit(c, list[i].rule);
	}
	free(list);
	return code;
}

/* tsn_prog_build walks a condition as read_atoms did. */
static enum tsn_code
next_atom(void *ctx, const struct tsn_atom *atom, uint32_t *ret_atom, struct tsn_err *err)
{
	struct compiler *c = ctx;

	(void)atom;
	(void)err;
	*ret_atom = c->order[c->order_at++];
	return TSN_OK;
}

static void
weigh_atom(void *ctx, uint32_t atom, double *ret_cost, double *ret_true)
{
	const struct compiler *c = ctx;
	const struct atom *a = &c->p->atoms[atom];

	*ret_cost = tsn_plan_cost(a);
	*ret_true = (double)a->truth;
}

static enum tsn_code
build_programs(struct compiler *c)
{
	struct tsn_prog_env env = {.atom = next_atom, .weigh = weigh_atom, .ctx = c};
	struct plan *p = c->p;

	for (uint32_t i = 0; i < p->unit_count; i++) {
		struct unit *u = &p->units[i];

		TSN_ASSERT(u->atom_count <= c->order_cap);
		if (u->atom_count > 0)
			memcpy(c->order, u->atoms, u->atom_count * sizeof *u->atoms);
		c->order_at = 0;
		TSN_TRY(tsn_prog_build(&p->arena, c->set->rules->rules[u->rule].condition, &env,
		    &u->prog, c->err));
	}
	return TSN_OK;
}

static enum tsn_code
keep_slots(struct compiler *c)
{
	struct plan *p = c->p;

	p->slots = tsn_arena_calloc(&p->arena, p->slot_count, sizeof *p->slots);
	p->slot_of = tsn_arena_calloc(&p->arena, p->slot_of_count + 1, sizeof *p->slot_of);
	if (p->slots == NULL || p->slot_of == NULL)
		return out_of_memory(c);
	memcpy(p->slot_of, c->slot_of, p->slot_of_count * sizeof *p->slot_of);
	for (uint32_t i = 0; i < p->slot_count; i++)
		p->slots[i].grams.least = p->slots[i].small.least = p->slots[i].least = SIZE_MAX;
	return TSN_OK;
}

static enum tsn_code
keep_hot(struct compiler *c)
{
	struct plan *p = c->p;

	p->hot = tsn_arena_calloc(&p->arena, p->atom_count + 1, sizeof *p->hot);
	if (p->hot == NULL)
		return out_of_memory(c);
	for (uint32_t i = 0; i < p->atom_count; i++) {
		const struct atom *a = &p->atoms[i];

		p->hot[i] = (struct atom_hot){.wakes = a->wakes,
		    .wake_count = a->wake_count & 0x3fffffffu, .exact = a->exact, .indexed = a->indexed};
	}
	return TSN_OK;
}

static enum tsn_code
compile(struct compiler *c, const uint64_t *views)
{
	struct plan *p = c->p;

	c->slot_of = calloc(TSN_KEYS_MAX, sizeof *c->slot_of);
	c->census = calloc(1, sizeof *c->census);
	if (c->slot_of == NULL || c->census == NULL)
		return out_of_memory(c);
	TSN_TRY(add_units(c, views));
	TSN_TRY(keep_slots(c));
	tsn_plan_estimate(p, c->census);
	TSN_TRY(tsn_plan_choose(p, c->set->rules, &c->scratch));
	TSN_TRY(build_programs(c));
	TSN_TRY(tsn_plan_index(p, c->census));
	return keep_hot(c);
}

enum tsn_code
tsn_plan_new(struct set *set, const uint64_t *views, struct plan **ret, struct tsn_err *err)
{
	struct compiler c = {.set = set, .err = err, .p = calloc(1, sizeof *c.p)};
	enum tsn_code code;

	if (c.p == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	tsn_arena_init(&c.p->arena, PLAN_BYTES_MAX);
	tsn_arena_init(&c.scratch, PLAN_BYTES_MAX);
	c.p->slot_count = 1;
	code = compile(&c, views);
	tsn_map_done(&c.name_map);
	tsn_map_done(&c.ref_map);
	tsn_map_done(&c.atom_map);
	free(c.names);
	free(c.refs);
	free(c.order);
	free(c.slot_of);
	free(c.census);
	tsn_arena_done(&c.scratch);
	if (code != TSN_OK)
		tsn_plan_free(c.p);
	else
		*ret = c.p;
	return code;
}

void
tsn_plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	for (uint32_t i = 0; i < p->atom_count; i++)
		tsn_atom_done(&p->atoms[i].c);
	for (uint32_t i = 0; i < p->unit_count; i++)
		tsn_except_done(p->units[i].excepts, p->units[i].except_count);
	free(p->atoms);
	tsn_arena_done(&p->arena);
	free(p);
}
