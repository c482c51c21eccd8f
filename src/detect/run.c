/*
 * One event: route it, look its values up, wake the units whose witnesses were seen, run their
 * conditions.  Nothing is allocated here but folded text, in the scratch arena.
 */
#include "detect/corr_int.h"

#include "base/assert.h"
#include "match/find.h"

/* A field is tried with so many values, and left alone for so many when they do not come again. */
#define FOUND_TRIAL 128
#define FOUND_PAUSE 4096
#define FOUND_SCORE_MAX 1024

static bool
inside(struct tsn_slice s, struct tsn_slice outer)
{
	return s.ptr >= outer.ptr && s.ptr + s.len <= outer.ptr + outer.len;
}

static bool
has_text(const struct tsn_field *f)
{
	return f->type != TSN_T_NULL && f->type < TSN_T_OBJECT;
}

/* What a regular expression must find is looked for before it is run. */
static bool
test_value(struct tsn_detect *d, const struct atom *a, const struct tsn_field *f,
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
			value = test_value(d, a, f, &d->values[n - 1]);
			if (value != all)
				return value;
			any = true;
		}
	}
	return all && any;
}

static bool
test(struct tsn_detect *d, const struct atom *a)
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
	const struct atom *a = &d->plan->atoms[atom];
	uint32_t state = d->atom_state[atom];
	bool value;

	if (state >> 1 == d->epoch)
		return state & 1;
	value = !a->indexed && test(d, a);
	d->atom_state[atom] = d->epoch << 1 | value;
	return value;
}

/* The index found the atom, or what it may be true by. */
static void
found(struct tsn_detect *d, uint32_t atom)
{
	const struct atom *a = &d->plan->atoms[atom];
	const uint32_t *wakes = d->plan->wakes + a->wakes;

	if (d->record != NULL && d->record->count < FOUND_ATOMS_MAX)
		d->record->atoms[d->record->count++] = atom;
	else if (d->record != NULL)
		d->record = NULL;
	if (d->atom_state[atom] >> 1 == d->epoch)
		return;
	d->atom_state[atom] = d->epoch << 1 | (a->exact || test(d, a));
	if (!(d->atom_state[atom] & 1))
		return;
	for (uint32_t i = 0; i < a->wake_count; i++)
		d->awake[wakes[i] / 64] |= 1ull << wakes[i] % 64;
}

static void
look_ends(struct tsn_detect *d, const struct slot_index *si, struct tsn_slice t)
{
	uint64_t head = 0, tail = 0;
	size_t have = t.len < 8 ? t.len : 8;

	memcpy(&head, t.ptr, have);
	memcpy((char *)&tail + 8 - have, t.ptr + t.len - have, have);
	for (unsigned n = 1; n <= have; n++) {
		const struct entry *e;
		uint32_t count = 0;

		if (si->suffix_lens >> n & 1) {
			e = table_find(&si->suffix, tail >> (64 - 8 * n), &count);
			for (uint32_t i = 0; i < count; i++)
				if (tsn_slice_ends(t, e[i].literal))
					found(d, e[i].atom);
		}
		if (si->prefix_lens >> n & 1) {
			e = table_find(&si->prefix, head & (UINT64_MAX >> (64 - 8 * n)), &count);
			for (uint32_t i = 0; i < count; i++)
				if (tsn_slice_starts(t, e[i].literal))
					found(d, e[i].atom);
		}
	}
}

static void
look_gram(struct tsn_detect *d, const struct grams *g, struct tsn_slice t, size_t at,
    uint32_t gram)
{
	uint32_t count;
	const struct entry *e = table_find(&g->table, gram, &count);

	for (uint32_t i = 0; i < count; i++) {
		size_t start = at - e[i].offset;

		if (at >= e[i].offset && t.len - start >= e[i].literal.len &&
		    memcmp(t.ptr + start, e[i].literal.ptr, e[i].literal.len) == 0)
			found(d, e[i].atom);
	}
}

static inline bool
has_bit(const uint64_t *bits, uint32_t bit)
{
	return bits[bit / 64] >> bit % 64 & 1;
}

/* Four places at a time, which begin in seven bytes: mostly none of them is in the set. */
static inline __attribute__((always_inline)) void
look_grams_at(struct tsn_detect *d, const struct grams *g, struct tsn_slice t, uint32_t shift)
{
	const uint64_t *bits = g->bits;
	size_t i = 0;

	for (; i + 8 <= t.len; i += 4) {
		uint64_t eight = tsn_hash_read64(t.ptr + i);
		uint32_t g0 = (uint32_t)eight, g1 = (uint32_t)(eight >> 8);
		uint32_t g2 = (uint32_t)(eight >> 16), g3 = (uint32_t)(eight >> 24);
		bool in0 = has_bit(bits, gram_hash(g0) >> shift);
		bool in1 = has_bit(bits, gram_hash(g1) >> shift);
		bool in2 = has_bit(bits, gram_hash(g2) >> shift);
		bool in3 = has_bit(bits, gram_hash(g3) >> shift);

		if (TSN_LIKELY(!(in0 | in1 | in2 | in3)))
			continue;
		if (in0)
			look_gram(d, g, t, i, g0);
		if (in1)
			look_gram(d, g, t, i + 1, g1);
		if (in2)
			look_gram(d, g, t, i + 2, g2);
		if (in3)
			look_gram(d, g, t, i + 3, g3);
	}
	for (; i + 4 <= t.len; i++) {
		uint32_t gram = (uint32_t)tsn_hash_read32(t.ptr + i);

		if (has_bit(bits, gram_hash(gram) >> shift))
			look_gram(d, g, t, i, gram);
	}
}

/* The sizes a set can have, known when this is compiled: shifting by a variable costs more. */
static void
look_grams(struct tsn_detect *d, const struct grams *g, struct tsn_slice t)
{
	if (g->shift == GRAM_SHIFT_SMALL)
		look_grams_at(d, g, t, GRAM_SHIFT_SMALL);
	else if (g->shift == GRAM_SHIFT_MIDDLE)
		look_grams_at(d, g, t, GRAM_SHIFT_MIDDLE);
	else
		look_grams_at(d, g, t, GRAM_SHIFT_LARGE);
}

/* Pairs that begin beyond ASCII: few texts have any. */
static void
look_wide(struct tsn_detect *d, const struct grams *g, struct tsn_slice t)
{
	for (size_t i = 0; i + 2 <= t.len; i++) {
		uint16_t pair;
		uint32_t bit;

		if ((unsigned char)t.ptr[i] < 0x80)
			continue;
		memcpy(&pair, t.ptr + i, 2);
		bit = gram_hash(pair) >> g->shift;
		if (g->bits[bit / 64] >> bit % 64 & 1)
			look_gram(d, g, t, i, pair);
	}
}

static void
look_text(struct tsn_detect *d, const struct slot_index *si, struct tsn_value *v)
{
	struct tsn_slice t = tsn_value_fold(v, &d->scratch);
	const struct entry *e;
	uint32_t count;

	if (si->eq_lens >> (t.len < 63 ? t.len : 63) & 1) {
		e = table_find(&si->eq, tsn_hash_slice(t, 0), &count);
		for (uint32_t i = 0; i < count; i++)
			if (tsn_slice_eq(t, e[i].literal))
				found(d, e[i].atom);
	}
	if (t.len > 0 && (si->suffix_lens | si->prefix_lens) != 0)
		look_ends(d, si, t);
	if (si->grams.bits != NULL)
		look_grams(d, &si->grams, t);
	if (!v->ascii && si->wide.bits != NULL)
		look_wide(d, &si->wide, t);
}

static void
look_value(struct tsn_detect *d, const struct slot_index *si, const struct tsn_field *f,
    struct tsn_value *v)
{
	if (has_text(f))
		look_text(d, si, v);
	for (uint32_t j = si->pair_count; j < si->direct_count; j++)
		if (test_value(d, &d->plan->atoms[si->direct[j]], f, v))
			found(d, si->direct[j]);
}

/* Looks a value up, or remembers what was found in it the last time. */
static void
look_again(struct tsn_detect *d, uint32_t slot, const struct tsn_field *f, struct tsn_value *v)
{
	const struct slot_index *si = &d->plan->slots[slot];
	int16_t *score = &d->found_score[f->key % FOUND_SCORES];
	struct found_memo *m;
	uint64_t hash;

	if (*score < 0 || v->raw.len > FOUND_BYTES_MAX || v->raw.len < 4) {
		*score = (int16_t)(*score < 0 ? *score + 1 : *score);
		look_value(d, si, f, v);
		return;
	}
	hash = tsn_hash_slice(v->raw, d->seed ^ d->plan->number << 32 ^ slot) | 1;
	m = &d->found_memo[(hash >> 32) % FOUND_SIZE];
	if (m->hash == hash && m->slot == slot && m->type == f->type && m->len == v->raw.len &&
	    memcmp(m->bytes, v->raw.ptr, m->len) == 0) {
		*score = (int16_t)(*score < FOUND_SCORE_MAX ? *score + 3 : *score);
		for (uint32_t i = 0; i < m->count; i++)
			found(d, m->atoms[i]);
		return;
	}
	/* One hit pays for three misses. */
	*score = (int16_t)(*score == 0 ? FOUND_TRIAL : *score == 1 ? -FOUND_PAUSE : *score - 1);
	m->hash = 0;
	m->count = 0;
	d->record = m;
	look_value(d, si, f, v);
	if (d->record == NULL)
		return;
	d->record = NULL;
	m->hash = hash;
	m->slot = slot;
	m->type = f->type;
	m->len = (uint16_t)v->raw.len;
	memcpy(m->bytes, v->raw.ptr, v->raw.len);
}

static void
look_slots(struct tsn_detect *d)
{
	for (uint32_t i = 0; i < d->touched_count; i++) {
		uint32_t slot = d->touched[i];
		const struct slot_index *si = &d->plan->slots[slot];

		if (!si->any)
			continue;
		for (uint32_t n = d->slot_head[slot]; n != 0; n = d->next[n - 1])
			look_again(d, slot, &d->event->fields[n - 1], &d->values[n - 1]);
		for (uint32_t j = 0; j < si->pair_count; j++)
			found(d, si->direct[j]);
	}
}

/* Keywords: every text of the record, each stretch of its bytes once. */
static void
look_record(struct tsn_detect *d)
{
	const struct slot_index *si = &d->plan->slots[SLOT_NONE];
	const struct tsn_event *ev = d->event;
	bool whole = tsn_atom_original_is_text(ev->original);
	struct tsn_value v = {.raw = ev->original};

	if (whole)
		look_text(d, si, &v);
	for (uint32_t i = 0; i < ev->field_count; i++) {
		const struct tsn_field *f = &ev->fields[i];

		if (!tsn_atom_searches(f))
			continue;
		v = (struct tsn_value){.raw = {f->ptr, f->len}};
		if (!whole || !inside(v.raw, ev->original))
			look_text(d, si, &v);
	}
	for (uint32_t j = 0; j < si->direct_count; j++)
		found(d, si->direct[j]);
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

static bool
run_unit(struct tsn_detect *d, const struct unit *u)
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
	look_slots(d);
	if (p->slots[SLOT_NONE].any)
		look_record(d);
}

static enum tsn_code
run_plan(struct tsn_detect *d, const struct plan *p)
{
	tsn_run_prepare(d, p);
	for (uint32_t w = 0; w < p->gate_words; w++) {
		for (uint64_t bits = d->awake[w]; bits != 0; bits &= bits - 1) {
			const struct unit *u = &p->units[w * 64 + (unsigned)__builtin_ctzll(bits)];

			d->stats.rules_looked_at++;
			if (d->fired[u->rule] != d->event_number && run_unit(d, u)) {
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
