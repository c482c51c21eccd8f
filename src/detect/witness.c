/*
 * For each unit a set of atoms of which one must be true for the rule to be: of an AND the kid with
 * the cheapest such set, of an OR the sets of all kids.  What a set costs is how often it wakes the
 * unit in vain, and what finding its atoms costs.  NOT turns AND and OR into each other; below it
 * an atom says nothing about events in which it is true.
 */
#include "detect/detect_int.h"

#include <stdlib.h>

#include "base/assert.h"

/* Looking at a unit in vain, in the unit of tsn_plan_cost. */
#define WAKE_COST 60.0
#define NEVER 1e18

enum kind {
	KIND_ATOM,
	KIND_ALL,	/* AND */
	KIND_ANY,	/* OR */
};

struct node {
	enum kind kind;
	uint32_t atom;
	uint32_t kid_count;
	struct node **kids;
	double cost;
	uint32_t best;		/* KIND_ALL: the kid that is the witness */
};

struct pair {
	uint32_t atom, unit;
};

struct chooser {
	struct plan *p;
	struct tsn_arena *scratch;
	const struct unit *unit;
	uint32_t at;		/* next of unit->atoms */
	struct pair *pairs;
	uint32_t pair_count, pair_cap;
};

static double
atom_cost(const struct atom *a)
{
	double wake = (double)a->truth * WAKE_COST;

	if (a->place == PLACE_NONE)
		return NEVER;
	if (a->place == PLACE_DIRECT)
		return wake + tsn_plan_cost(a) + 5;
	/* Another literal in the scan costs little; a false find costs a test. */
	return wake + (a->exact ? 0 : (double)a->truth * tsn_plan_cost(a)) + 0.02;
}

static void
weigh(struct node *n)
{
	n->cost = n->kind == KIND_ALL ? NEVER : 0;
	for (uint32_t i = 0; i < n->kid_count; i++) {
		double cost = n->kids[i]->cost;

		if (n->kind == KIND_ANY) {
			n->cost += cost;
		} else if (cost < n->cost) {
			n->cost = cost;
			n->best = i;
		}
	}
	if (n->cost > NEVER)
		n->cost = NEVER;
}

/* Depth was bounded when the unit's program was read. */
static struct node *
read_node(struct chooser *c, const struct tsn_pred *p, bool negated)
{
	struct node *n = tsn_arena_calloc(c->scratch, 1, sizeof *n);

	if (n == NULL)
		return NULL;
	if (p->op == TSN_PRED_NOT)
		return read_node(c, p->kids[0], !negated);
	if (p->op == TSN_PRED_ATOM) {
		n->kind = KIND_ATOM;
		n->atom = c->unit->atoms[c->at++];
		n->cost = negated ? NEVER : atom_cost(&c->p->atoms[n->atom]);
		return n;
	}
	if (p->op == TSN_PRED_TRUE || p->op == TSN_PRED_FALSE) {
		n->kind = (p->op == TSN_PRED_TRUE) != negated ? KIND_ALL : KIND_ANY;
		weigh(n);
		return n;
	}
	n->kind = (p->op == TSN_PRED_AND) != negated ? KIND_ALL : KIND_ANY;
	n->kid_count = p->kid_count;
	n->kids = tsn_arena_calloc(c->scratch, p->kid_count + 1, sizeof(struct node *));
	for (uint32_t i = 0; n->kids != NULL && i < p->kid_count; i++) {
		n->kids[i] = read_node(c, p->kids[i], negated);
		if (n->kids[i] == NULL)
			return NULL;
	}
	if (n->kids == NULL)
		return NULL;
	weigh(n);
	return n;
}

static enum tsn_code
mark(struct chooser *c, const struct node *n)
{
	if (n->kind == KIND_ALL)
		return mark(c, n->kids[n->best]);
	for (uint32_t i = 0; n->kind == KIND_ANY && i < n->kid_count; i++)
		TSN_TRY(mark(c, n->kids[i]));
	if (n->kind != KIND_ATOM)
		return TSN_OK;
	if (c->pair_count == c->pair_cap) {
		uint32_t cap = c->pair_cap == 0 ? 1024 : c->pair_cap * 2;
		struct pair *pairs = reallocarray(c->pairs, cap, sizeof *pairs);

		if (pairs == NULL)
			return TSN_ENOMEM;
		c->pairs = pairs;
		c->pair_cap = cap;
	}
	c->p->atoms[n->atom].witness = true;
	c->pairs[c->pair_count++] =
	    (struct pair){n->atom, (uint32_t)(c->unit - c->p->units)};
	return TSN_OK;
}

/* Pairs come by unit: counted out to their atoms they are in the order of both. */
static enum tsn_code
keep_wakes(struct chooser *c)
{
	struct plan *p = c->p;
	uint32_t n = 0;

	p->wakes = tsn_arena_calloc(&p->arena, c->pair_count + 1, sizeof *p->wakes);
	if (p->wakes == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < c->pair_count; i++)
		p->atoms[c->pairs[i].atom].wake_count++;
	for (uint32_t i = 0; i < p->atom_count; i++) {
		p->atoms[i].wakes = n;
		n += p->atoms[i].wake_count;
		p->atoms[i].wake_count = 0;
	}
	for (uint32_t i = 0; i < c->pair_count; i++) {
		struct atom *a = &p->atoms[c->pairs[i].atom];
		uint32_t *end = p->wakes + a->wakes + a->wake_count;

		/* a rule may name one atom more than once */
		if (a->wake_count > 0 && end[-1] == c->pairs[i].unit)
			continue;
		*end = c->pairs[i].unit;
		a->wake_count++;
	}
	return TSN_OK;
}

enum tsn_code
tsn_plan_choose(struct plan *p, const struct tsn_ruleset *rules, struct tsn_arena *scratch)
{
	struct chooser c = {.p = p, .scratch = scratch};
	enum tsn_code code = TSN_OK;

	p->gate_words = (p->unit_count + 63) / 64;
	p->gates = tsn_arena_calloc(&p->arena, p->gate_words + 1, sizeof *p->gates);
	if (p->gates == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < p->unit_count && code == TSN_OK; i++) {
		struct node *root;

		tsn_arena_reset(scratch);
		c.unit = &p->units[i];
		c.at = 0;
		root = read_node(&c, rules->rules[c.unit->rule].condition, false);
		if (root == NULL)
			code = TSN_ENOMEM;
		else if (root->cost >= NEVER)
			p->gates[i / 64] |= 1ull << i % 64;
		else
			code = mark(&c, root);
		TSN_ASSERT(code != TSN_OK || c.at == c.unit->atom_count);
	}
	if (code == TSN_OK)
		code = keep_wakes(&c);
	free(c.pairs);
	return code;
}
