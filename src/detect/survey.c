#include "detect/survey.h"

#include <stdlib.h>
#include <time.h>

#include "detect/corr_int.h"

#define NAMES_BYTES_MAX (16u << 20)
#define DEPTH_MAX 512u
#define CHAIN_DEPTH_MAX 32u
/* Readings of the clock that say what one costs. */
#define READINGS 1000

struct cost {
	uint64_t looked_at, fired, ns;
};

struct survey_class {
	uint64_t events;
	uint64_t *keys;			/* bit per key that was there */
};

struct tsn_survey {
	struct tsn_detect *d;
	struct survey_class *classes;	/* as those of the set */
	struct cost *costs;		/* by rule */
	uint64_t events;
	uint64_t clock_ns;		/* what reading the clock adds to a cost */
	struct tsn_arena names;
	uint64_t *keys;			/* of the view at hand */
};

#define KEY_WORDS (TSN_KEYS_MAX / 64 + 1)

static uint64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The least of many: what is above it is somebody else's time. */
static uint64_t
clock_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < READINGS; i++) {
		uint64_t a = now_ns(), b = now_ns();

		least = b - a < least ? b - a : least;
	}
	return least;
}

struct tsn_survey *
tsn_survey_new(struct tsn_detect *d)
{
	struct tsn_survey *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->d = d;
	s->classes = calloc(CLASSES_MAX, sizeof *s->classes);
	s->costs = calloc(d->set->rules->count + 1, sizeof *s->costs);
	s->keys = calloc(KEY_WORDS, sizeof *s->keys);
	tsn_arena_init(&s->names, NAMES_BYTES_MAX);
	s->clock_ns = clock_cost();
	if (s->classes == NULL || s->costs == NULL || s->keys == NULL) {
		tsn_survey_free(s);
		return NULL;
	}
	return s;
}

void
tsn_survey_free(struct tsn_survey *s)
{
	if (s == NULL)
		return;
	for (uint32_t i = 0; s->classes != NULL && i < CLASSES_MAX; i++)
		free(s->classes[i].keys);
	free(s->classes);
	free(s->costs);
	free(s->keys);
	tsn_arena_done(&s->names);
	free(s);
}

uint64_t
tsn_survey_events(const struct tsn_survey *s)
{
	return s->events;
}

/* As detection does it, with a look at the clock around each rule. */
static void
run_plan(struct tsn_survey *s, const struct plan *p)
{
	struct tsn_detect *d = s->d;

	tsn_run_prepare(d, p);
	for (uint32_t w = 0; w < p->gate_words; w++) {
		for (uint64_t bits = d->awake[w]; bits != 0; bits &= bits - 1) {
			const struct unit *u = &p->units[w * 64 + (unsigned)__builtin_ctzll(bits)];
			struct cost *c = &s->costs[u->rule];
			uint64_t begin = now_ns(), took;

			c->fired += tsn_run_unit(d, u);
			took = now_ns() - begin;
			c->looked_at++;
			c->ns += took > s->clock_ns ? took - s->clock_ns : 0;
		}
	}
}

static enum tsn_code
note_keys(struct tsn_survey *s, const struct class *class, const struct tsn_event *ev)
{
	struct survey_class *sc = &s->classes[class - s->d->set->classes];

	sc->events++;
	if (sc->keys == NULL)
		sc->keys = calloc(KEY_WORDS, sizeof *sc->keys);
	if (sc->keys == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < ev->field_count; i++)
		if (ev->fields[i].key < TSN_KEYS_MAX)
			sc->keys[ev->fields[i].key / 64] |= 1ull << ev->fields[i].key % 64;
	return TSN_OK;
}

enum tsn_code
tsn_survey_batch(struct tsn_survey *s, const struct tsn_batch *batch)
{
	struct tsn_detect *d = s->d;

	for (uint32_t i = 0; i < batch->count; i++) {
		const struct class *class;

		s->events++;
		d->event = &batch->events[i];
		d->event_number++;
		TSN_TRY(tsn_route_event(d, &class));
		if (class == NULL)
			continue;
		TSN_TRY(note_keys(s, class, d->event));
		if (class->plan == NULL)
			continue;
		TSN_TRY(tsn_run_room(d, class->plan));
		run_plan(s, class->plan);
	}
	return TSN_OK;
}

/* Fields of the events that the view held, in s->keys; false when there were no events. */
static bool
gather(struct tsn_survey *s, uint32_t view)
{
	const struct set *set = s->d->set;
	uint32_t classes = atomic_load(&set->class_count);
	bool any = false;

	memset(s->keys, 0, KEY_WORDS * sizeof *s->keys);
	for (uint32_t c = 0; c < classes; c++) {
		if (!(set->classes[c].views[view / 64] >> view % 64 & 1) || s->classes[c].events == 0)
			continue;
		any = true;
		for (uint32_t w = 0; w < KEY_WORDS; w++)
			s->keys[w] |= s->classes[c].keys[w];
	}
	return any;
}

static bool
has_key(const struct tsn_survey *s, tsn_key key)
{
	return key < TSN_KEYS_MAX && s->keys[key / 64] >> key % 64 & 1;
}

/* The key, or one below it. */
static bool
has_path(const struct tsn_survey *s, struct tsn_slice text)
{
	const struct tsn_keys *keys = s->d->set->keys;
	size_t bracket = tsn_slice_find_char(text, '[');
	tsn_key key;

	/* "a[0].b" is the key "a.b"; what fixes elements is left as it is: it may be. */
	if (bracket != SIZE_MAX)
		return true;
	key = tsn_keys_find(keys, text);
	if (key == TSN_KEY_NONE)
		return false;
	if (has_key(s, key))
		return true;
	for (uint32_t w = 0; w < KEY_WORDS; w++)
		for (uint64_t bits = s->keys[w]; bits != 0; bits &= bits - 1)
			if (tsn_keys_under(keys, w * 64 + (unsigned)__builtin_ctzll(bits), key))
				return true;
	return false;
}

static bool
has_field(struct tsn_survey *s, const struct tsn_view *view, struct tsn_slice field)
{
	struct tsn_slice paths[TSN_VIEW_PATHS_MAX];
	uint32_t count;

	tsn_arena_reset(&s->names);
	count = tsn_view_resolve(view, field, &s->names, paths);
	for (uint32_t i = 0; i < count; i++)
		if (has_path(s, paths[i]))
			return true;
	return count == 0;
}

/* Could it be true of events with these fields?  *ret_missing: the atom that says no. */
static bool
possible(struct tsn_survey *s, const struct tsn_view *view, const struct tsn_pred *p,
    uint32_t depth, const struct tsn_atom **ret_missing)
{
	const struct tsn_atom *a = &p->atom;

	if (p->op == TSN_PRED_FALSE)
		return false;
	if (p->op == TSN_PRED_ATOM && a->field.len > 0 && a->op != TSN_ATOM_NULL) {
		if (has_field(s, view, a->field))
			return true;
		*ret_missing = *ret_missing == NULL ? a : *ret_missing;
		return false;
	}
	if (p->op == TSN_PRED_AND && depth < DEPTH_MAX) {
		for (uint32_t i = 0; i < p->kid_count; i++)
			if (!possible(s, view, p->kids[i], depth + 1, ret_missing))
				return false;
		return true;
	}
	if (p->op == TSN_PRED_OR && depth < DEPTH_MAX) {
		for (uint32_t i = 0; i < p->kid_count; i++)
			if (possible(s, view, p->kids[i], depth + 1, ret_missing))
				return true;
		return false;
	}
	return true;
}

static void
judge_views(struct tsn_survey *s, uint32_t rule, struct tsn_survey_result *ret)
{
	const struct set *set = s->d->set;
	const struct tsn_atom *missing = NULL;

	ret->verdict = TSN_SURVEY_NO_SOURCE;
	for (uint32_t v = 0; v < set->router.count; v++) {
		bool bound = false;

		for (uint32_t i = set->view_bindings[v]; i < set->view_bindings[v + 1] && !bound; i++)
			bound = set->bindings[i].rule == rule;
		if (!bound || !gather(s, v))
			continue;
		if (possible(s, set->router.views[v].view, set->rules->rules[rule].condition, 0,
		    &missing)) {
			ret->verdict = TSN_SURVEY_MAY;
			return;
		}
		ret->verdict = TSN_SURVEY_NO_FIELD;
	}
	if (missing != NULL) {
		ret->field = missing->field;
		ret->line = missing->at;
	}
}

/* One of its rules is enough where it counts; all are needed where each must happen. */
static void
judge_correlation(struct tsn_survey *s, const struct tsn_correlation *c, uint32_t depth,
    struct tsn_survey_result *ret)
{
	bool all = (c->type == TSN_CORR_TEMPORAL || c->type == TSN_CORR_TEMPORAL_ORDERED) &&
	    c->expr == NULL;
	uint32_t dead = 0;

	ret->verdict = TSN_SURVEY_MAY;
	for (uint32_t i = 0; i < c->rule_count && depth < CHAIN_DEPTH_MAX; i++) {
		const struct tsn_rule *r = &s->d->set->rules->rules[c->rules[i]];
		struct tsn_survey_result one = {0};

		if (r->condition != NULL)
			judge_views(s, c->rules[i], &one);
		else
			judge_correlation(s, r->correlation, depth + 1, &one);
		if (one.verdict == TSN_SURVEY_MAY)
			continue;
		if (dead++ == 0)
			ret->rule = c->rules[i];
	}
	if (dead == c->rule_count || (all && dead > 0))
		ret->verdict = TSN_SURVEY_NO_RULE;
}

void
tsn_survey_rule(struct tsn_survey *s, uint32_t rule, struct tsn_survey_result *ret)
{
	const struct tsn_rule *r = &s->d->set->rules->rules[rule];

	*ret = (struct tsn_survey_result){.looked_at = s->costs[rule].looked_at,
	    .fired = s->costs[rule].fired, .cost_ns = s->costs[rule].ns};
	if (r->condition != NULL)
		judge_views(s, rule, ret);
	else
		judge_correlation(s, r->correlation, 0, ret);
}
