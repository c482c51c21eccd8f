/* Which rules are about which events: views, their bindings, and the fields that decide. */
#include "detect/detect_int.h"

#include <stdlib.h>

#include "detect/map_int.h"

#define ROUTE_KEYS_MAX 254u
#define VIEW_BYTES_MAX (64u << 20)

struct gather {
	struct set *set;
	struct tsn_err *err;
	struct map view_map;	/* tsn_view.index to router.views */
	uint32_t view_cap, key_cap, atom_cap, binding_cap;
};

static enum tsn_code
out_of_memory(struct gather *g)
{
	TSN_FAIL(g->err, TSN_ENOMEM, "out of memory");
}

static enum tsn_code
key_for(struct gather *g, tsn_key key, struct route_key **ret)
{
	struct router *r = &g->set->router;

	for (uint32_t i = 0; i < r->key_count; i++) {
		if (r->keys[i].key == key) {
			*ret = &r->keys[i];
			return TSN_OK;
		}
	}
	if (r->key_count == ROUTE_KEYS_MAX)
		TSN_FAIL(g->err, TSN_ELIMIT, "views of log sources look at more than %u fields",
		    ROUTE_KEYS_MAX);
	if (!tsn_vec_room((void **)&r->keys, &g->key_cap, r->key_count + 1, sizeof *r->keys))
		return out_of_memory(g);
	*ret = &r->keys[r->key_count++];
	**ret = (struct route_key){.key = key};
	return TSN_OK;
}

/* The atom becomes part of what its field's values mean. */
static enum tsn_code
add_cheap(struct gather *g, uint32_t number)
{
	struct route_atom *a = &g->set->router.atoms[number];
	struct route_key *key = NULL;

	TSN_TRY(key_for(g, a->path.key, &key));
	if (a->c.op == TSN_ATOM_EXISTS || a->c.op == TSN_ATOM_NULL) {
		key->below = true;
		return TSN_OK;
	}
	if (!tsn_vec_room((void **)&key->atoms, &key->atom_cap, key->atom_count + 1,
	    sizeof *key->atoms))
		return out_of_memory(g);
	key->atoms[key->atom_count++] = number;
	return TSN_OK;
}

static bool
is_cheap(const struct tsn_atom *atom)
{
	return atom->op == TSN_ATOM_EQ || atom->op == TSN_ATOM_PREFIX ||
	    atom->op == TSN_ATOM_NUM_EQ || atom->op == TSN_ATOM_EXISTS || atom->op == TSN_ATOM_NULL;
}

static enum tsn_code
add_atoms(struct gather *g, const struct tsn_pred *p, uint32_t depth)
{
	struct router *r = &g->set->router;
	struct route_atom *a;

	if (depth > TSN_MATCH_DEPTH_MAX)
		TSN_FAIL(g->err, TSN_ELIMIT, "condition of a view is nested too deep");
	for (uint32_t i = 0; p->op != TSN_PRED_ATOM && i < p->kid_count; i++)
		TSN_TRY(add_atoms(g, p->kids[i], depth + 1));
	if (p->op != TSN_PRED_ATOM)
		return TSN_OK;
	if (!tsn_vec_room((void **)&r->atoms, &g->atom_cap, r->atom_count + 1, sizeof *r->atoms))
		return out_of_memory(g);
	a = &r->atoms[r->atom_count];
	*a = (struct route_atom){0};
	if (p->atom.field.len == 0 || !is_cheap(&p->atom)) {
		r->atom_count++;
		return TSN_OK;
	}
	TSN_TRY(tsn_path_parse(g->set->keys, p->atom.field, &a->path, g->err));
	TSN_TRY(tsn_atom_compile(&r->arena, &p->atom, &a->c, g->err));
	a->cheap = a->path.index_count == 0 && !(p->atom.flags & TSN_ATOM_ALL_ELEMENTS);
	return a->cheap ? add_cheap(g, r->atom_count++) : (r->atom_count++, TSN_OK);
}

static enum tsn_code
add_view(struct gather *g, const struct tsn_view *view, uint32_t *ret)
{
	struct router *r = &g->set->router;
	struct tsn_match_env env = {.keys = g->set->keys};
	struct router_view *v;
	uint32_t at = 0;

	if (tsn_map_next(&g->view_map, view->index, &at, ret))
		return TSN_OK;
	if (!tsn_vec_room((void **)&r->views, &g->view_cap, r->count + 1, sizeof *r->views))
		return out_of_memory(g);
	v = &r->views[r->count];
	*v = (struct router_view){.view = view, .atoms = r->atom_count};
	*ret = r->count++;
	if (view->when != NULL) {
		TSN_TRY(add_atoms(g, view->when, 0));
		TSN_TRY(tsn_match_compile(view->when, &env, &v->when, g->err));
	}
	return tsn_map_put(&g->view_map, view->index, *ret) ? TSN_OK : out_of_memory(g);
}

static enum tsn_code
bind_rule(struct gather *g, uint32_t rule)
{
	struct set *set = g->set;
	const struct tsn_rule *r = &set->rules->rules[rule];
	const struct tsn_view *views[TSN_VIEWS_PER_RULE_MAX];
	uint32_t n = 0;

	if (r->condition == NULL)
		return TSN_OK;
	if (tsn_taxonomy_find(set->taxonomy, &r->logsource, r->taxonomy, views, &n) != TSN_OK)
		return out_of_memory(g);
	if (!tsn_vec_room((void **)&set->bindings, &g->binding_cap, set->binding_count + n,
	    sizeof *set->bindings))
		return out_of_memory(g);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t view;

		TSN_TRY(add_view(g, views[i], &view));
		set->bindings[set->binding_count++] = (struct binding){rule, view};
	}
	return TSN_OK;
}

static int
by_view(const void *a, const void *b)
{
	const struct binding *x = a, *y = b;

	if (x->view != y->view)
		return x->view < y->view ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

static enum tsn_code
sort_bindings(struct gather *g)
{
	struct set *set = g->set;
	struct router *r = &set->router;

	if (set->binding_count > 0)
		qsort(set->bindings, set->binding_count, sizeof *set->bindings, by_view);
	set->view_bindings = tsn_arena_calloc(&set->arena, r->count + 1, sizeof(uint32_t));
	set->view_plans = tsn_arena_calloc(&set->arena, r->count + 1, sizeof(struct plan *));
	if (set->view_bindings == NULL || set->view_plans == NULL)
		return out_of_memory(g);
	for (uint32_t i = 0; i < set->binding_count; i++)
		set->view_bindings[set->bindings[i].view + 1]++;
	for (uint32_t v = 0; v < r->count; v++)
		set->view_bindings[v + 1] += set->view_bindings[v];
	r->words = (r->count + 63) / 64;
	return TSN_OK;
}

enum tsn_code
tsn_route_build(struct set *set, struct tsn_err *err)
{
	struct gather g = {.set = set, .err = err};
	enum tsn_code code = TSN_OK;

	tsn_arena_init(&set->router.arena, VIEW_BYTES_MAX);
	for (uint32_t i = 0; i < set->rules->count && code == TSN_OK; i++)
		code = bind_rule(&g, i);
	if (code == TSN_OK)
		code = sort_bindings(&g);
	tsn_map_done(&g.view_map);
	return code;
}

void
tsn_route_done(struct router *r)
{
	for (uint32_t i = 0; i < r->count; i++)
		tsn_match_free(r->views[i].when);
	for (uint32_t i = 0; i < r->key_count; i++)
		free(r->keys[i].atoms);
	free(r->views);
	free(r->keys);
	free(r->atoms);
	tsn_arena_done(&r->arena);
	*r = (struct router){0};
}
