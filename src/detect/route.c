/* Which rules are about which events: views, their bindings, and the fields that decide. */
#include "detect/detect_int.h"

#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "detect/map_int.h"

#define ROUTE_KEYS_MAX 254u

struct gather {
	struct set *set;
	struct tsn_err *err;
	struct map view_map;	/* tsn_view.index to router.views */
	uint32_t view_cap, key_cap, binding_cap;
};

static enum tsn_code
out_of_memory(struct gather *g)
{
	TSN_FAIL(g->err, TSN_ENOMEM, "out of memory");
}

static enum tsn_code
add_key(struct gather *g, tsn_key key, bool below, bool value)
{
	struct router *r = &g->set->router;

	for (uint32_t i = 0; i < r->key_count; i++) {
		if (r->keys[i].key == key) {
			r->keys[i].below |= below;
			r->keys[i].value |= value;
			return TSN_OK;
		}
	}
	if (r->key_count == ROUTE_KEYS_MAX)
		TSN_FAIL(g->err, TSN_ELIMIT, "views of log sources look at more than %u fields",
		    ROUTE_KEYS_MAX);
	if (!tsn_vec_room((void **)&r->keys, &g->key_cap, r->key_count + 1, sizeof *r->keys))
		return out_of_memory(g);
	r->keys[r->key_count++] = (struct route_key){key, below, value};
	return TSN_OK;
}

static enum tsn_code
add_keys(struct gather *g, const struct tsn_pred *p, uint32_t depth)
{
	struct tsn_path path;
	bool presence;

	if (depth > TSN_MATCH_DEPTH_MAX)
		TSN_FAIL(g->err, TSN_ELIMIT, "condition of a view is nested too deep");
	for (uint32_t i = 0; p->op != TSN_PRED_ATOM && i < p->kid_count; i++)
		TSN_TRY(add_keys(g, p->kids[i], depth + 1));
	if (p->op != TSN_PRED_ATOM)
		return TSN_OK;
	/* Without a field all of the record decides: such views are asked for every event. */
	if (p->atom.field.len == 0) {
		g->set->router.whole_record = true;
		return TSN_OK;
	}
	presence = p->atom.op == TSN_ATOM_EXISTS || p->atom.op == TSN_ATOM_NULL;
	TSN_TRY(tsn_path_parse(g->set->keys, p->atom.field, &path, g->err));
	TSN_TRY(add_key(g, path.key, presence, !presence));
	if (!tsn_atom_is_pair(p->atom.op))
		return TSN_OK;
	TSN_TRY(tsn_path_parse(g->set->keys, p->atom.value, &path, g->err));
	return add_key(g, path.key, false, true);
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
	*v = (struct router_view){.view = view};
	if (view->when != NULL) {
		TSN_TRY(add_keys(g, view->when, 0));
		TSN_TRY(tsn_match_compile(view->when, &env, &v->when, g->err));
	}
	*ret = r->count++;
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
	free(r->views);
	free(r->keys);
	*r = (struct router){0};
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static enum tsn_code
make_plan(struct set *set, const uint64_t *views, struct plan **ret, struct tsn_err *err)
{
	uint64_t start = now_ns();

	TSN_TRY(tsn_plan_new(set, views, ret, err));
	atomic_fetch_add(&set->broken, (*ret)->broken);
	atomic_fetch_add(&set->compile_ns, now_ns() - start);
	return TSN_OK;
}

static const struct class *
find_class(const struct set *set, const uint64_t *views, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (memcmp(set->classes[i].views, views, set->router.words * sizeof *views) == 0)
			return &set->classes[i];
	return NULL;
}

static enum tsn_code
new_class(struct set *set, const uint64_t *views, const struct class **ret, struct tsn_err *err)
{
	uint32_t count = atomic_load_explicit(&set->class_count, memory_order_relaxed);
	struct class *class = &set->classes[count];
	uint64_t *copy = tsn_arena_calloc(&set->arena, set->router.words + 1, sizeof *copy);
	uint64_t any = 0;

	if (copy == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t w = 0; w < set->router.words; w++)
		any |= copy[w] = views[w];
	class->views = copy;
	class->plan = NULL;
	if (any != 0)
		TSN_TRY(make_plan(set, views, &class->plan, err));
	atomic_store_explicit(&set->class_count, count + 1, memory_order_release);
	*ret = class;
	return TSN_OK;
}

enum tsn_code
tsn_set_class(struct set *set, const uint64_t *views, const struct class **ret,
    struct tsn_err *err)
{
	uint32_t count = atomic_load_explicit(&set->class_count, memory_order_acquire);
	enum tsn_code code = TSN_OK;

	*ret = find_class(set, views, count);
	if (*ret != NULL)
		return TSN_OK;
	(void)pthread_mutex_lock(&set->lock);
	count = atomic_load_explicit(&set->class_count, memory_order_relaxed);
	*ret = find_class(set, views, count);
	if (*ret == NULL && count < CLASSES_MAX)
		code = new_class(set, views, ret, err);
	(void)pthread_mutex_unlock(&set->lock);
	return code;
}

enum tsn_code
tsn_set_view_plan(struct set *set, uint32_t view, const struct plan **ret, struct tsn_err *err)
{
	enum tsn_code code = TSN_OK;
	uint64_t *views;

	(void)pthread_mutex_lock(&set->lock);
	if (set->view_plans[view] == NULL) {
		views = calloc(set->router.words, sizeof *views);
		if (views == NULL) {
			code = TSN_ERR(err, TSN_ENOMEM, "out of memory");
		} else {
			views[view / 64] |= 1ull << view % 64;
			code = make_plan(set, views, &set->view_plans[view], err);
		}
		free(views);
	}
	*ret = set->view_plans[view];
	(void)pthread_mutex_unlock(&set->lock);
	return code;
}
