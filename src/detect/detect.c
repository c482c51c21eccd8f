#include "detect/detect.h"

#include <stdlib.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"
#include "detect/corr_int.h"
#include "detect/map_int.h"

#define SET_BYTES_MAX (256u << 20)
#define REASON_BYTES_MAX 4096u
#define LATENESS_NS (10 * TSN_NS_PER_SEC)
#define IDLE_NS (10 * TSN_NS_PER_SEC)
#define HITS_MAX 262144u
#define STATE_BYTES (32u << 20)
/* The intrinsic fields stand beside those of the limit. */
#define FIELDS_MAX (TSN_EVENT_FIELDS_MAX + TSN_EVENT_FIELDS_SPARE)

static void
set_release(struct set *set)
{
	uint32_t classes;

	if (set == NULL || atomic_fetch_sub(&set->holders, 1) > 1)
		return;
	classes = atomic_load(&set->class_count);
	for (uint32_t i = 0; i < classes; i++)
		tsn_plan_free(set->classes[i].plan);
	for (uint32_t i = 0; set->view_plans != NULL && i < set->router.count; i++)
		tsn_plan_free(set->view_plans[i]);
	for (uint32_t i = 0; i < set->corr_count; i++)
		tsn_except_done(set->corrs[i].excepts, set->corrs[i].except_count);
	tsn_route_done(&set->router);
	free(set->bindings);
	free(set->classes);
	tsn_arena_done(&set->arena);
	(void)pthread_mutex_destroy(&set->lock);
	free(set);
}

/* Seeds of finding ids: everything of the id that belongs to the rule. */
static enum tsn_code
hash_rules(struct set *set, struct tsn_err *err)
{
	set->rule_hash = tsn_arena_calloc(&set->arena, set->rules->count + 1, sizeof *set->rule_hash);
	if (set->rule_hash == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < set->rules->count; i++) {
		const struct tsn_rule *r = &set->rules->rules[i];
		XXH64_hash_t seed = XXH3_64bits(r->version.ptr == NULL ? "" : r->version.ptr,
		    r->version.len);
		XXH128_hash_t h = XXH3_128bits_withSeed(r->id.ptr == NULL ? "" : r->id.ptr, r->id.len,
		    seed);

		set->rule_hash[i][0] = h.high64;
		set->rule_hash[i][1] = h.low64;
	}
	return TSN_OK;
}

static void
set_options(struct set *set, const struct tsn_detect_options *options)
{
	struct tsn_detect_options *o = &set->options;

	if (options != NULL)
		*o = *options;
	o->lateness_ns = o->lateness_ns == 0 ? LATENESS_NS : o->lateness_ns;
	o->idle_ns = o->idle_ns == 0 ? IDLE_NS : o->idle_ns;
	o->hits_max = o->hits_max == 0 ? HITS_MAX : o->hits_max;
	o->state_bytes = o->state_bytes == 0 ? STATE_BYTES : o->state_bytes;
}

/* Which correlations there are, and which of them refer to each rule. */
static enum tsn_code
find_correlations(struct set *set, struct tsn_err *err)
{
	const struct tsn_ruleset *rules = set->rules;
	uint32_t uses = 0;

	for (uint32_t i = 0; i < rules->count; i++) {
		set->corr_count += rules->rules[i].correlation != NULL;
		uses += rules->rules[i].correlation == NULL ? 0 : rules->rules[i].correlation->rule_count;
	}
	set->corrs = tsn_arena_calloc(&set->arena, set->corr_count + 1, sizeof *set->corrs);
	set->corr_uses = tsn_arena_calloc(&set->arena, uses + 1, sizeof *set->corr_uses);
	set->corr_at = tsn_arena_calloc(&set->arena, rules->count + 2, sizeof *set->corr_at);
	if (set->corrs == NULL || set->corr_uses == NULL || set->corr_at == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	set->corr_count = 0;
	for (uint32_t i = 0; i < rules->count; i++)
		if (rules->rules[i].correlation != NULL)
			set->corrs[set->corr_count++] = (struct corr_def){.rule = i,
			    .c = rules->rules[i].correlation};
	/* Counting sort: corr_at[r + 1] is first the number of uses, then the end of rule r's. */
	for (uint32_t k = 0; k < set->corr_count; k++)
		for (uint32_t j = 0; j < set->corrs[k].c->rule_count; j++)
			set->corr_at[set->corrs[k].c->rules[j] + 2]++;
	for (uint32_t r = 0; r < rules->count; r++)
		set->corr_at[r + 2] += set->corr_at[r + 1];
	for (uint32_t k = 0; k < set->corr_count; k++)
		for (uint32_t j = 0; j < set->corrs[k].c->rule_count; j++)
			set->corr_uses[set->corr_at[set->corrs[k].c->rules[j] + 1]++] = (struct corr_use){k, j};
	return TSN_OK;
}

static enum tsn_code
set_new(const struct tsn_ruleset *rules, struct tsn_taxonomy *taxonomy, struct tsn_keys *keys,
    const struct tsn_detect_options *options, struct set **ret, struct tsn_err *err)
{
	struct set *set = calloc(1, sizeof *set);
	enum tsn_code code;

	if (set == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	set->holders = 1;
	set->rules = rules;
	set->taxonomy = taxonomy;
	set->keys = keys;
	set_options(set, options);
	tsn_arena_init(&set->arena, SET_BYTES_MAX);
	set->classes = calloc(CLASSES_MAX, sizeof *set->classes);
	if (set->classes == NULL || pthread_mutex_init(&set->lock, NULL) != 0) {
		free(set->classes);
		free(set);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	code = tsn_route_build(set, err);
	if (code == TSN_OK)
		code = hash_rules(set, err);
	if (code == TSN_OK)
		code = find_correlations(set, err);
	if (code == TSN_OK)
		code = tsn_set_define(set, err);
	if (code == TSN_OK)
		code = tsn_print_define(set, err);
	if (code == TSN_OK)
		code = tsn_except_check(set, err);
	for (uint32_t i = 0; code == TSN_OK && i < set->corr_count; i++)
		code = tsn_except_compile_corr(set, &set->corrs[i], err);
	if (code != TSN_OK) {
		set_release(set);
		return code;
	}
	*ret = set;
	return TSN_OK;
}

/* Takes over the caller's hold on the set. */
static enum tsn_code
engine_new(struct set *set, struct tsn_detect **ret, struct tsn_err *err)
{
	struct tsn_detect *d = calloc(1, sizeof *d);

	if (d == NULL) {
		set_release(set);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	d->set = set;
	d->seed = tsn_hash_bytes((const char *)&d, sizeof d, (uint64_t)time(NULL));
	tsn_buf_init(&d->reason, REASON_BYTES_MAX);
	d->rule_counts = calloc(set->rules->count + 1, sizeof *d->rule_counts);
	d->except_stats = calloc(set->rules->exception_count + 1, sizeof *d->except_stats);
	d->fired = calloc(set->rules->count + 1, sizeof *d->fired);
	d->views = calloc(set->router.words + 1, sizeof *d->views);
	d->memo = calloc(ROUTE_MEMO_SIZE, sizeof *d->memo);
	d->memo_views = calloc(ROUTE_MEMO_SIZE * 2 * (set->router.words + 1), sizeof *d->memo_views);
	d->values_seen = calloc(ROUTE_VALUES_SIZE, sizeof *d->values_seen);
	d->found_memo = calloc(FOUND_SIZE, sizeof *d->found_memo);
	d->found_score = calloc(FOUND_SCORES, sizeof *d->found_score);
	d->next = calloc(FIELDS_MAX, sizeof *d->next);
	d->values = calloc(FIELDS_MAX, sizeof *d->values);
	d->texts = calloc(FIELDS_MAX, sizeof *d->texts);
	if (d->rule_counts == NULL || d->except_stats == NULL || d->fired == NULL ||
	    d->views == NULL || d->memo == NULL ||
	    d->memo_views == NULL || d->values_seen == NULL || d->next == NULL ||
	    d->values == NULL || d->texts == NULL || d->found_memo == NULL ||
	    d->found_score == NULL || tsn_corr_init(d) != TSN_OK ||
	    tsn_match_scratch_init(&d->scratch) != TSN_OK) {
		tsn_detect_free(d);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	*ret = d;
	return TSN_OK;
}

enum tsn_code
tsn_detect_new(const struct tsn_ruleset *rules, struct tsn_taxonomy *taxonomy,
    struct tsn_keys *keys, const struct tsn_detect_options *options, struct tsn_detect **ret,
    struct tsn_err *err)
{
	struct set *set = NULL;

	TSN_ASSERT(rules != NULL && taxonomy != NULL && keys != NULL);
	TSN_TRY(set_new(rules, taxonomy, keys, options, &set, err));
	return engine_new(set, ret, err);
}

enum tsn_code
tsn_detect_clone(const struct tsn_detect *d, struct tsn_detect **ret, struct tsn_err *err)
{
	(void)atomic_fetch_add(&d->set->holders, 1);
	return engine_new(d->set, ret, err);
}

void
tsn_detect_free(struct tsn_detect *d)
{
	if (d == NULL)
		return;
	tsn_corr_done(d);
	set_release(d->set);
	tsn_match_scratch_done(&d->scratch);
	tsn_buf_done(&d->reason);
	free(d->rule_counts);
	free(d->except_stats);
	free(d->fired);
	free(d->views);
	free(d->memo);
	free(d->memo_views);
	free(d->found_memo);
	free(d->found_score);
	free(d->values_seen);
	free(d->next);
	free(d->values);
	free(d->texts);
	free(d->route_of);
	free(d->atom_state);
	free(d->slot_head);
	free(d->touched);
	free(d->awake);
	free(d);
}

static enum tsn_code
room_for_slots(struct tsn_detect *d, uint32_t slots)
{
	uint32_t *heads;
	uint16_t *touched;

	if (slots <= d->slot_cap)
		return TSN_OK;
	for (uint32_t i = 0; i < d->touched_count; i++)
		d->slot_head[d->touched[i]] = 0;
	d->touched_count = 0;
	touched = realloc(d->touched, slots * sizeof *touched);
	if (touched == NULL)
		return TSN_ENOMEM;
	d->touched = touched;
	heads = calloc(slots, sizeof *heads);
	if (heads == NULL)
		return TSN_ENOMEM;
	free(d->slot_head);
	d->slot_head = heads;
	d->slot_cap = slots;
	return TSN_OK;
}

enum tsn_code
tsn_run_room(struct tsn_detect *d, const struct plan *p)
{
	if (TSN_UNLIKELY(d->epoch >= INT32_MAX - 1)) {
		memset(d->atom_state, 0, d->atom_cap * sizeof *d->atom_state);
		d->epoch = 0;
	}
	if (p->atom_count > d->atom_cap) {
		uint32_t *state = calloc(p->atom_count, sizeof *state);

		if (state == NULL)
			return TSN_ENOMEM;
		free(d->atom_state);
		d->atom_state = state;
		d->atom_cap = p->atom_count;
	}
	if (p->gate_words > d->awake_words) {
		uint64_t *awake = realloc(d->awake, p->gate_words * sizeof *awake);

		if (awake == NULL)
			return TSN_ENOMEM;
		d->awake = awake;
		d->awake_words = p->gate_words;
	}
	return room_for_slots(d, p->slot_count);
}

enum tsn_code
tsn_detect_batch(struct tsn_detect *d, const struct tsn_batch *batch,
    tsn_detect_callback *callback, void *ctx)
{
	TSN_ASSERT(batch->keys == d->set->keys);
	d->callback = callback;
	d->callback_ctx = ctx;
	for (uint32_t i = 0; i < batch->count; i++) {
		TSN_ASSERT(batch->events[i].field_count <= FIELDS_MAX);
		d->stats.events++;
		TSN_TRY(tsn_run_event(d, &batch->events[i]));
	}
	if (d->set->corr_count == 0 && !d->set->options.watch)
		return TSN_OK;
	TSN_TRY(tsn_mark_watch(d, batch));
	return tsn_corr_run(d, tsn_mark_find(d));
}

void
tsn_detect_stats(const struct tsn_detect *d, struct tsn_detect_stats *ret)
{
	*ret = d->stats;
	ret->regex_limit_hits = d->scratch.regex_limit_hits;
	ret->memory_fails = d->scratch.memory_fails;
	ret->plans = atomic_load(&d->set->class_count);
	ret->rules_broken = atomic_load(&d->set->broken);
	ret->compile_ns = atomic_load(&d->set->compile_ns);
}

const uint64_t *
tsn_detect_rule_counts(const struct tsn_detect *d)
{
	return d->rule_counts;
}
