/* From a true rule to hits of the correlations that refer to it. */
#include "detect/corr_int.h"

#include <stdlib.h>

#include "base/num.h"
#include "detect/compile_int.h"

static enum tsn_code
refs_of(struct compiler *c, const struct tsn_slice *fields, uint32_t count, uint32_t stride,
    const struct ref ***ret)
{
	const struct ref **refs = tsn_arena_calloc(&c->p->arena, count + 1, sizeof *refs);

	if (refs == NULL)
		TSN_FAIL(c->err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < count; i++)
		TSN_TRY(tsn_compile_ref(c, fields[i * stride], &refs[i]));
	*ret = refs;
	return TSN_OK;
}

enum tsn_code
tsn_tap_compile(struct compiler *c, struct unit *u)
{
	const struct set *set = c->set;
	uint32_t first = set->corr_at[u->rule], count = set->corr_at[u->rule + 1] - first;

	u->tap_count = count;
	if (count == 0)
		return TSN_OK;
	u->taps = tsn_arena_calloc(&c->p->arena, count, sizeof *u->taps);
	if (u->taps == NULL)
		TSN_FAIL(c->err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < count; i++) {
		const struct corr_use *use = &set->corr_uses[first + i];
		const struct tsn_correlation *k = set->corrs[use->corr].c;
		struct tap *t = &u->taps[i];

		t->corr = use->corr;
		t->place = use->place;
		if (k->group_count > 0)
			TSN_TRY(refs_of(c, k->group_fields + use->place, k->group_count, k->rule_count,
			    &t->group));
		if (k->field_count > 0)
			TSN_TRY(refs_of(c, k->fields + use->place, k->field_count, k->rule_count,
			    &t->fields));
	}
	return TSN_OK;
}

/* The first value at one of the paths. */
static const struct tsn_field *
first_value(const struct tsn_detect *d, const struct ref *r, struct tsn_slice *ret)
{
	for (uint32_t i = 0; i < r->count; i++) {
		for (uint32_t n = d->slot_head[r->slots[i]]; n != 0; n = d->next[n - 1]) {
			const struct tsn_field *f = &d->event->fields[n - 1];

			if (f->type == TSN_T_NULL || f->type >= TSN_T_OBJECT ||
			    (r->indexed && !tsn_path_at(&r->paths[i], d->event, f)))
				continue;
			*ret = d->values[n - 1].raw;
			return f;
		}
	}
	return NULL;
}

static bool
number_of(const struct tsn_field *f, struct tsn_slice text, double *ret)
{
	if (f->type == TSN_T_INT)
		*ret = (double)f->num.i;
	else if (f->type == TSN_T_UINT)
		*ret = (double)f->num.u;
	else if (f->type == TSN_T_FLOAT)
		*ret = f->num.d;
	else
		return tsn_num_parse_f64(tsn_slice_trim(text), ret) == TSN_OK;
	return true;
}

/* Reads the counted fields; false when the event has not all of them, or no number. */
static bool
read_fields(const struct tsn_detect *d, const struct tap *t, const struct tsn_correlation *c,
    struct hit *hit)
{
	bool sums = c->type == TSN_CORR_VALUE_SUM || c->type == TSN_CORR_VALUE_AVG ||
	    c->type == TSN_CORR_VALUE_PERCENTILE || c->type == TSN_CORR_VALUE_MEDIAN;
	uint64_t h = 1;

	for (uint32_t i = 0; i < c->field_count; i++) {
		struct tsn_slice text;
		const struct tsn_field *f = first_value(d, t->fields[i], &text);

		if (f == NULL || (sums && !number_of(f, text, &hit->number)))
			return false;
		h = tsn_hash_slice(text, h);
	}
	hit->value = h == 0 ? 1 : h;
	return true;
}

static bool
read_key(const struct tsn_detect *d, const struct tap *t, const struct tsn_correlation *c,
    char key[HIT_KEY_MAX], uint32_t *ret_len)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->group_count; i++) {
		struct tsn_slice text;
		uint32_t len;

		if (first_value(d, t->group[i], &text) == NULL) {
			if (!c->suppress)
				return false;
			text = TSN_SLICE("");
		}
		len = text.len > HIT_KEY_MAX / 4 ? HIT_KEY_MAX / 4 : (uint32_t)text.len;
		if (n + 4 + len > HIT_KEY_MAX)
			len = n + 4 >= HIT_KEY_MAX ? 0 : HIT_KEY_MAX - n - 4;
		if (n + 4 > HIT_KEY_MAX)
			return false;
		memcpy(key + n, &len, 4);
		memcpy(key + n + 4, text.ptr, len);
		n += 4 + len;
	}
	*ret_len = n;
	return true;
}

enum tsn_code
tsn_tap_hits(struct tsn_detect *d, const struct unit *u)
{
	const struct tsn_event *ev = d->event;
	char key[HIT_KEY_MAX];

	for (uint32_t i = 0; i < u->tap_count; i++) {
		const struct tap *t = &u->taps[i];
		const struct tsn_correlation *c = d->set->corrs[t->corr].c;
		struct hit seen = {.time_ns = ev->time_ns < INT64_MAX ? ev->time_ns : INT64_MAX - 1,
		    .id = {ev->id[0], ev->id[1]}, .corr = t->corr, .place = t->place,
		    .rank = d->set->corrs[t->corr].ranks[t->place],
		    .weight = tsn_steps_weight(c, t->place, ev->repeat)}, *hit;

		/* An event without the group's or the counted fields belongs to no group. */
		if (!read_key(d, t, c, key, &seen.key_len) || !read_fields(d, t, c, &seen))
			continue;
		hit = malloc(sizeof *hit + seen.key_len);
		if (hit == NULL)
			return TSN_ENOMEM;
		*hit = seen;
		hit->key_hash = tsn_hash_bytes(key, seen.key_len, d->seed);
		memcpy(hit->key, key, seen.key_len);
		TSN_TRY(tsn_corr_add(d, hit));
	}
	return TSN_OK;
}
