/* From a correlation that has fired to hits of those that refer to it. */
#include "detect/corr_int.h"

#include <stdlib.h>

/* The value that the group has for a field of the referring correlation. */
static bool
value_of_group(const struct tsn_detect *d, uint32_t count, struct tsn_slice field,
    struct tsn_slice *ret)
{
	for (uint32_t i = 0; i < count; i++) {
		if (tsn_slice_eq(d->corr.values[i].field, field)) {
			*ret = d->corr.values[i].value;
			return true;
		}
	}
	return false;
}

static struct hit *
chain_hit(struct tsn_detect *d, const struct corr_use *use, uint32_t value_count,
    const struct hit *base, bool *ret_fits)
{
	const struct corr_def *def = &d->set->corrs[use->corr];
	const struct tsn_correlation *c = def->c;
	struct hit *hit = calloc(1, sizeof *hit + HIT_KEY_MAX);
	uint64_t h = 1;

	*ret_fits = true;
	if (hit == NULL)
		return NULL;
	*hit = *base;
	hit->corr = use->corr;
	hit->place = use->place;
	hit->rank = def->ranks[use->place];
	hit->weight = tsn_steps_weight(c, use->place, 1);
	for (uint32_t i = 0; i < c->group_count; i++) {
		struct tsn_slice v;
		uint32_t len;

		if (!value_of_group(d, value_count, c->group_fields[i * c->rule_count + use->place], &v) ||
		    hit->key_len + 4 + v.len > HIT_KEY_MAX) {
			*ret_fits = false;
			return hit;
		}
		len = (uint32_t)v.len;
		memcpy(hit->key + hit->key_len, &len, 4);
		memcpy(hit->key + hit->key_len + 4, v.ptr, len);
		hit->key_len += 4 + len;
	}
	for (uint32_t i = 0; i < c->field_count; i++) {
		struct tsn_slice v = {"", 0};

		(void)value_of_group(d, value_count, c->fields[i * c->rule_count + use->place], &v);
		h = tsn_hash_slice(v, h);
	}
	hit->value = h == 0 ? 1 : h;
	hit->key_hash = tsn_hash_bytes(hit->key, hit->key_len, d->seed);
	return hit;
}

enum tsn_code
tsn_chain(struct tsn_detect *d, uint32_t corr, struct group *g, int64_t at_ns)
{
	const struct set *set = d->set;
	const struct corr_def *def = &set->corrs[corr];
	struct hit base = {.time_ns = at_ns, .under = g->under, .number = (double)g->weight,
	    .late = d->corr.now_ns > at_ns};
	enum tsn_code code = TSN_OK;

	if (d->corr.depth >= CHAIN_MAX)
		return TSN_OK;
	tsn_tell_id(d, def->rule, g, g->start_ns, base.id);
	d->corr.depth++;
	for (uint32_t i = set->corr_at[def->rule]; i < set->corr_at[def->rule + 1] && code == TSN_OK;
	    i++) {
		/* Telling of another has used the values. */
		uint32_t n = tsn_tell_split(d, def->c, g);
		bool fits;
		struct hit *hit = chain_hit(d, &set->corr_uses[i], n, &base, &fits);

		if (hit == NULL)
			code = TSN_ENOMEM;
		else if (fits)
			code = tsn_judge_hit(d, hit);
		free(hit);
	}
	d->corr.depth--;
	return code;
}
