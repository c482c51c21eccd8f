/* What of a query the source can do: a time range, fewer fields, the order that ends soonest. */
#include <string.h>

#include "base/assert.h"
#include "query/query_int.h"

#define FIELDS_MAX 512u
#define EVENTS_LIMIT 100u

static bool
is_time_bound(const struct tsn_pred *p)
{
	return p->op == TSN_PRED_ATOM && (p->atom.flags & TSN_ATOM_TIME) != 0 &&
	    tsn_slice_eq(p->atom.field, TSN_SLICE("@timestamp"));
}

static int64_t
after(int64_t ns)
{
	return ns == INT64_MAX ? ns : ns + 1;
}

/* @timestamp has one value, so bounds are exact: [from, to). */
static void
narrow(struct tsn_query *q, const struct tsn_atom *a)
{
	int64_t from = INT64_MIN, to = INT64_MAX;

	if (a->op == TSN_ATOM_LT || a->op == TSN_ATOM_LE) {
		to = a->op == TSN_ATOM_LT ? a->time_ns : after(a->time_ns);
	} else if (a->op == TSN_ATOM_GT || a->op == TSN_ATOM_GE) {
		from = a->op == TSN_ATOM_GE ? a->time_ns : after(a->time_ns);
	} else {
		TSN_ASSERT(a->op == TSN_ATOM_BETWEEN);
		from = a->flags & TSN_ATOM_OPEN_LOW ? after(a->time_ns) : a->time_ns;
		to = a->flags & TSN_ATOM_OPEN_HIGH ? a->high_ns : after(a->high_ns);
	}
	q->from_ns = from > q->from_ns ? from : q->from_ns;
	q->to_ns = to < q->to_ns ? to : q->to_ns;
}

enum tsn_code
tsn_plan_range(struct tsn_qparse *p, struct tsn_query *q)
{
	const struct tsn_pred *filter = q->filter, **kids;
	uint32_t n = 0;

	q->from_ns = INT64_MIN;
	q->to_ns = INT64_MAX;
	q->rest = filter;
	if (is_time_bound(filter)) {
		narrow(q, &filter->atom);
		q->rest = tsn_pred_const(p->arena, true);
	} else if (filter->op == TSN_PRED_AND) {
		kids = tsn_arena_calloc(p->arena, filter->kid_count, sizeof(*kids));
		if (kids == NULL)
			TSN_QFAIL(p, TSN_ELIMIT, 0, "the query is too large");
		for (uint32_t i = 0; i < filter->kid_count; i++) {
			if (is_time_bound(filter->kids[i]))
				narrow(q, &filter->kids[i]->atom);
			else
				kids[n++] = filter->kids[i];
		}
		q->rest = n == 0 ? tsn_pred_const(p->arena, true) :
		    tsn_pred_group(p->arena, TSN_PRED_AND, kids, n);
	}
	if (q->rest == NULL)
		TSN_QFAIL(p, TSN_ELIMIT, 0, "the query is too large");
	return TSN_OK;
}

struct field_set {
	struct tsn_qparse *p;
	tsn_key *fields;
	uint32_t count;
	bool all;
};

static void
add_field(struct field_set *set, tsn_key key)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (set->fields[i] == key)
			return;
	/* the record's own bytes come with everything only; ids are made of them */
	if (set->count == FIELDS_MAX || key == TSN_F_EVENT_ORIGINAL || key == TSN_F_EVENT_ID)
		set->all = true;
	else
		set->fields[set->count++] = key;
}

static void
add_path(void *ctx, const struct tsn_path *path)
{
	add_field(ctx, path->key);
}

static void
add_pred(struct field_set *set, const struct tsn_pred *pred)
{
	struct tsn_path path;

	for (uint32_t i = 0; i < pred->kid_count; i++)
		add_pred(set, pred->kids[i]);
	if (pred->op != TSN_PRED_ATOM)
		return;
	/* words search the whole record */
	if (pred->atom.field.len == 0 ||
	    tsn_path_parse(set->p->keys, pred->atom.field, &path, NULL) != TSN_OK)
		set->all = true;
	else
		add_field(set, path.key);
}

static void
add_stage(struct field_set *set, const struct tsn_stage *s)
{
	if (s->cond != NULL)
		tsn_expr_fields(s->cond, add_path, set);
	for (uint32_t i = 0; i < s->item_count; i++)
		tsn_expr_fields(s->items[i].expr, add_path, set);
	for (uint32_t i = 0; i < s->agg_count; i++)
		if (s->aggs[i].arg != NULL)
			tsn_expr_fields(s->aggs[i].arg, add_path, set);
}

static bool
set_init(struct field_set *set, struct tsn_qparse *p)
{
	*set = (struct field_set){.p = p,
	    .fields = tsn_arena_calloc(p->arena, FIELDS_MAX, sizeof *set->fields)};
	return set->fields != NULL;
}

enum tsn_code
tsn_plan_fields(struct tsn_qparse *p, struct tsn_query *q)
{
	const struct tsn_stage *s = q->stages;
	struct field_set set;

	if (!set_init(&set, p))
		TSN_QFAIL(p, TSN_ELIMIT, 0, "the query is too large");
	add_pred(&set, q->rest);
	for (; s != NULL && s->in->events; s = s->next)
		add_stage(&set, s);
	q->field_count = set.count;
	q->fields = tsn_query_gives_events(q) || set.all ? NULL : set.fields;
	return TSN_OK;
}

/* True when n rows that are alike give what one of them gives, n times, in any order. */
static bool
stats_tallies(const struct tsn_stage *s)
{
	for (uint32_t i = 0; i < s->agg_count; i++)
		if (s->aggs[i].op != TSN_AGG_COUNT && s->aggs[i].op != TSN_AGG_DC)
			return false;
	return true;
}

enum tsn_code
tsn_plan_tally(struct tsn_qparse *p, struct tsn_query *q)
{
	const struct tsn_stage *s = q->stages;
	struct field_set set;

	if (!set_init(&set, p))
		TSN_QFAIL(p, TSN_ELIMIT, 0, "the query is too large");
	/* these look at one row at a time, and at its fields alone */
	for (; s != NULL && (s->op == TSN_STAGE_WHERE || s->op == TSN_STAGE_EVAL ||
	    s->op == TSN_STAGE_FIELDS || s->op == TSN_STAGE_DROP); s = s->next)
		if (s->in->events)
			add_stage(&set, s);
	if (s == NULL || s->op != TSN_STAGE_STATS || !stats_tallies(s))
		return TSN_OK;
	if (s->in->events)
		add_stage(&set, s);
	q->tallies = !set.all;
	q->tally_fields = set.fields;
	q->tally_field_count = set.count;
	q->tally_span_ns = s->span_ns;
	return TSN_OK;
}

uint64_t
tsn_plan_sort_limit(const struct tsn_stage *sort, uint64_t row_limit)
{
	const struct tsn_stage *s = sort->next;

	TSN_ASSERT(sort->op == TSN_STAGE_SORT);
	/* these give one row for each that comes */
	while (s != NULL && (s->op == TSN_STAGE_EVAL || s->op == TSN_STAGE_FIELDS ||
	    s->op == TSN_STAGE_DROP))
		s = s->next;
	if (s != NULL)
		return s->op == TSN_STAGE_HEAD ? s->n : UINT64_MAX;
	/* one more than is shown, so that the answer can say that there are more */
	return row_limit == 0 || row_limit == UINT64_MAX ? UINT64_MAX : row_limit + 1;
}

uint64_t
tsn_plan_row_limit(const struct tsn_query *q, const struct tsn_query_options *o)
{
	if (o->limit != UINT64_MAX)
		return o->limit;
	return tsn_query_gives_events(q) ? EVENTS_LIMIT : 0;
}

bool
tsn_plan_oldest_first(const struct tsn_query *q)
{
	const struct tsn_stage *s = q->stages;

	while (s != NULL && s->in->events && (s->op == TSN_STAGE_WHERE || s->op == TSN_STAGE_EVAL ||
	    s->op == TSN_STAGE_FIELDS || s->op == TSN_STAGE_DROP))
		s = s->next;
	return s != NULL && s->op == TSN_STAGE_TAIL;
}
