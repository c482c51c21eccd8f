#include "detect/explain.h"

#include "detect/corr_int.h"

struct explain {
	struct tsn_detect *d;
	const struct unit *u;
	uint32_t at;		/* next of the unit's atoms */
	tsn_explain_callback *callback;
	void *ctx;
};

/* The value of a part; moves over its atoms.  Depth was bounded when the unit was compiled. */
static bool
value_of(const struct explain *x, uint32_t *at, const struct tsn_pred *p)
{
	bool value = p->op == TSN_PRED_AND || p->op == TSN_PRED_TRUE;

	if (p->op == TSN_PRED_ATOM)
		return tsn_run_atom(x->d, x->u->atoms[(*at)++]);
	if (p->op == TSN_PRED_NOT)
		return !value_of(x, at, p->kids[0]);
	for (uint32_t i = 0; i < p->kid_count; i++) {
		bool kid = value_of(x, at, p->kids[i]);

		value = p->op == TSN_PRED_AND ? value && kid : value || kid;
	}
	return value;
}

static void
describe_atom(struct explain *x, const struct atom *a, struct tsn_explain_step *step)
{
	struct tsn_detect *d = x->d;
	struct tsn_buf *b = &d->reason;

	tsn_buf_reset(b);
	for (uint32_t i = 0; i < a->ref->count; i++) {
		if (i > 0)
			tsn_buf_lit(b, ", ");
		tsn_buf_slice(b, tsn_keys_name(d->set->keys, a->ref->paths[i].key));
		if (!step->present && d->slot_head[a->ref->slots[i]] != 0) {
			step->present = true;
			step->found = d->values[d->slot_head[a->ref->slots[i]] - 1].raw;
		}
	}
	step->paths = tsn_buf_get(b);
}

static void
walk(struct explain *x, const struct tsn_pred *p, uint32_t depth)
{
	struct tsn_explain_step step = {.kind = TSN_EXPLAIN_NODE, .view = x->u->view, .pred = p,
	    .depth = depth};
	uint32_t ahead = x->at;

	step.value = value_of(x, &ahead, p);
	if (p->op == TSN_PRED_ATOM)
		describe_atom(x, &x->d->plan->atoms[x->u->atoms[x->at++]], &step);
	x->callback(x->ctx, &step);
	for (uint32_t i = 0; p->op != TSN_PRED_ATOM && i < p->kid_count; i++)
		walk(x, p->kids[i], depth + 1);
}

static void
explain_plan(struct explain *x, const struct plan *plan, uint32_t rule, bool *ret_true)
{
	const struct tsn_pred *condition = x->d->set->rules->rules[rule].condition;

	tsn_run_prepare(x->d, plan);
	for (uint32_t i = 0; i < plan->unit_count; i++) {
		uint32_t at = 0;

		if (plan->units[i].rule != rule)
			continue;
		x->u = &plan->units[i];
		x->at = 0;
		*ret_true |= value_of(x, &at, condition);
		walk(x, condition, 0);
	}
}

/* Each view of the rule, and the condition through each that holds the event. */
static enum tsn_code
explain_views(struct explain *x, uint32_t rule, bool *ret_true)
{
	struct tsn_detect *d = x->d;
	const struct set *set = d->set;
	const struct plan *plan;
	struct tsn_err err;

	for (uint32_t v = 0; v < set->router.count; v++) {
		struct tsn_explain_step step = {.kind = TSN_EXPLAIN_VIEW,
		    .view = set->router.views[v].view};

		for (uint32_t i = set->view_bindings[v]; i < set->view_bindings[v + 1]; i++) {
			if (set->bindings[i].rule != rule)
				continue;
			step.value = set->router.views[v].when == NULL ||
			    tsn_match_eval(set->router.views[v].when, &d->scratch, d->event);
			x->callback(x->ctx, &step);
			if (!step.value)
				continue;
			TSN_TRY(tsn_set_view_plan(d->set, v, &plan, &err));
			TSN_TRY(tsn_run_room(d, plan));
			explain_plan(x, plan, rule, ret_true);
		}
	}
	return TSN_OK;
}

enum tsn_code
tsn_detect_explain(struct tsn_detect *d, const struct tsn_event *ev, uint32_t rule,
    tsn_explain_callback *callback, void *ctx, bool *ret_true)
{
	struct explain x = {.d = d, .callback = callback, .ctx = ctx};

	*ret_true = false;
	if (rule >= d->set->rules->count || d->set->rules->rules[rule].condition == NULL)
		return TSN_EINVAL;
	d->event = ev;
	return explain_views(&x, rule, ret_true);
}
