/*
 * One event: route it, link its fields, look its values up (look.c), run the conditions of the
 * units that this woke.  Nothing is allocated here but folded text, in the scratch arena.
 */
#include "detect/corr_int.h"

#include "base/assert.h"
#include "base/find.h"

/* What a regular expression must find is looked for before it is run. */
bool
tsn_run_test_value(struct tsn_detect *d, const struct atom *a, const struct tsn_field *f,
    struct tsn_value *v)
{
	if (a->c.op == TSN_ATOM_REGEX && a->literal.len > 0 &&
	    !tsn_find_has(tsn_value_fold(v, &d->scratch), a->literal))
		return false;
	return tsn_atom_test(&a->c, &d->scratch, f, v);
}

/* Tests an atom on the fields of its slots. */
static bool
test_slots(struct tsn_detect *d, const struct atom *a)
{
	const struct ref *r = a->ref;
	bool all = a->c.flags & TSN_ATOM_ALL_ELEMENTS, any = false;

	for (uint32_t i = 0; i < r->count; i++) {
		for (uint32_t n = d->slot_head[r->slots[i]]; n != 0; n = d->next[n - 1]) {
			const struct tsn_field *f = &d->event->fields[n - 1];
			bool value;

			if (r->indexed && !tsn_path_at(&r->paths[i], d->event, f))
				continue;
			value = tsn_run_test_value(d, a, f, &d->values[n - 1]);
			if (value != all)
				return value;
			any = true;
		}
	}
	return all && any;
}

bool
tsn_run_test(struct tsn_detect *d, const struct atom *a)
{
	struct tsn_match_paths where;

	if (!a->ref->record && a->other == NULL && a->c.op != TSN_ATOM_EXISTS &&
	    a->c.op != TSN_ATOM_NULL)
		return test_slots(d, a);
	/* A value at the path itself settles presence; what lies below takes a walk. */
	if (!a->ref->record && !a->ref->indexed && a->other == NULL)
		for (uint32_t i = 0; i < a->ref->count; i++)
			for (uint32_t n = d->slot_head[a->ref->slots[i]]; n != 0; n = d->next[n - 1])
				if (a->c.op == TSN_ATOM_EXISTS || d->event->fields[n - 1].type != TSN_T_NULL)
					return a->c.op == TSN_ATOM_EXISTS;
	where = (struct tsn_match_paths){.paths = a->ref->paths, .path_count = a->ref->count,
	    .whole_record = a->ref->record};
	if (a->other != NULL) {
		where.others = a->other->paths;
		where.other_count = a->other->count;
	}
	return tsn_match_atom(&a->c, &where, d->set->keys, &d->scratch, d->event);
}

bool
tsn_run_atom(struct tsn_detect *d, uint32_t atom)
{
	uint32_t state = d->atom_state[atom];
	bool value;

	if (state >> 1 == d->epoch)
		return state & 1;
	value = !d->plan->hot[atom].indexed && tsn_run_test(d, &d->plan->atoms[atom]);
	d->atom_state[atom] = d->epoch << 1 | value;
	return value;
}

/* Links each field that the plan looks at to its slot, in the order of the record. */
static void
link_fields(struct tsn_detect *d)
{
	const struct plan *p = d->plan;
	const struct tsn_event *ev = d->event;

	for (uint32_t i = 0; i < d->touched_count; i++)
		d->slot_head[d->touched[i]] = 0;
	d->touched_count = 0;
	for (uint32_t i = ev->field_count; i > 0; i--) {
		const struct tsn_field *f = &ev->fields[i - 1];
		uint16_t slot = f->key < p->slot_of_count ? p->slot_of[f->key] : SLOT_NONE;

		if (slot == SLOT_NONE)
			continue;
		if (d->slot_head[slot] == 0)
			d->touched[d->touched_count++] = slot;
		d->next[i - 1] = d->slot_head[slot];
		d->slot_head[slot] = i;
		d->values[i - 1] = (struct tsn_value){.raw = f->ptr != NULL && f->type != TSN_T_TIME ?
		    (struct tsn_slice){f->ptr, f->len} : tsn_field_text(f, d->texts[i - 1])};
	}
}

bool
tsn_run_unit(struct tsn_detect *d, const struct unit *u)
{
	const struct tsn_prog_step *steps = u->prog.steps;
	uint32_t at = u->prog.start;

	while (at < TSN_PROG_FALSE)
		at = tsn_run_atom(d, steps[at].atom) ? steps[at].yes : steps[at].no;
	return at == TSN_PROG_TRUE;
}

void
tsn_run_prepare(struct tsn_detect *d, const struct plan *p)
{
	d->plan = p;
	d->epoch++;
	tsn_arena_reset(&d->scratch.arena);
	link_fields(d);
	memcpy(d->awake, p->gates, p->gate_words * sizeof *d->awake);
	tsn_look_slots(d);
	if (p->slots[SLOT_NONE].any)
		tsn_look_record(d);
}

static enum tsn_code
run_plan(struct tsn_detect *d, const struct plan *p)
{
	tsn_run_prepare(d, p);
	for (uint32_t w = 0; w < p->gate_words; w++) {
		for (uint64_t bits = d->awake[w]; bits != 0; bits &= bits - 1) {
			const struct unit *u = &p->units[w * 64 + (unsigned)__builtin_ctzll(bits)];

			d->stats.rules_looked_at++;
			if (d->fired[u->rule] != d->event_number && tsn_run_unit(d, u)) {
				d->fired[u->rule] = d->event_number;
				TSN_TRY(tsn_emit_single(d, u));
			}
		}
	}
	return TSN_OK;
}

enum tsn_code
tsn_run_event(struct tsn_detect *d, const struct tsn_event *ev)
{
	const struct class *class;
	const struct plan *plan;
	struct tsn_err err;

	d->event = ev;
	d->event_number++;
	TSN_TRY(tsn_route_event(d, &class));
	if (class != NULL && class->plan == NULL) {
		d->stats.events_unrouted++;
		return TSN_OK;
	}
	if (class != NULL) {
		TSN_TRY(tsn_run_room(d, class->plan));
		return run_plan(d, class->plan);
	}
	for (uint32_t v = 0; v < d->set->router.count; v++) {
		if (!(d->views[v / 64] >> v % 64 & 1))
			continue;
		TSN_TRY(tsn_set_view_plan(d->set, v, &plan, &err));
		TSN_TRY(tsn_run_room(d, plan));
		TSN_TRY(run_plan(d, plan));
	}
	return TSN_OK;
}
