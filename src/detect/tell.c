/* What a correlation has found, in a finding. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "detect/corr_int.h"

/* Splits the group's key into values; returns how many. */
uint32_t
tsn_tell_split(struct tsn_detect *d, const struct tsn_correlation *c, const struct group *g)
{
	uint32_t at = 0, n = 0, len;

	for (; n < c->group_count && n < TSN_FINDING_GROUP_MAX && at + 4 <= g->key_len; n++) {
		memcpy(&len, g->key + at, 4);
		d->corr.values[n] = (struct tsn_finding_group){c->group_by[n], {g->key + at + 4, len}};
		at += 4 + len;
	}
	return n;
}

void
tsn_tell_id(const struct tsn_detect *d, uint32_t rule, const struct group *g, int64_t start_ns,
    uint64_t ret[2])
{
	XXH128_hash_t key = XXH3_128bits(g->key, g->key_len), h;
	uint64_t parts[7] = {d->set->rule_hash[rule][0], d->set->rule_hash[rule][1], key.high64,
	    key.low64, (uint64_t)start_ns};
	enum tsn_corr_type type = d->set->rules->rules[rule].correlation->type;
	size_t len = 5;

	/* Several of these may begin at one instant. */
	if ((type == TSN_CORR_FIRST_SEEN || type == TSN_CORR_LEAKY_BUCKET) && g->count > 0) {
		memcpy(&parts[5], g->entries[g->head].id, sizeof g->entries[0].id);
		len = 7;
	}
	h = XXH3_128bits(parts, len * sizeof parts[0]);
	ret[0] = h.high64;
	ret[1] = h.low64;
}

enum tsn_code
tsn_tell(struct tsn_detect *d, uint32_t corr, struct group *g, bool update)
{
	const struct corr_state *s = &d->corr.states[corr];
	const struct tsn_rule *rule = &d->set->rules->rules[s->def->rule];
	struct tsn_finding f = {.rule = rule, .group = d->corr.values,
	    .events = (const uint64_t(*)[2])d->corr.ids, .update = update,
	    .early = d->corr.early, .fired_ns = d->corr.fired_ns};

	if (!rule->generate)
		return TSN_OK;
	tsn_under_tell(d, s, g, &f);
	if (update && f.count == g->told)
		return TSN_OK;
	g->told = f.count;
	f.group_count = tsn_tell_split(d, s->def->c, g);
	tsn_tell_id(d, s->def->rule, g, g->start_ns, f.id);
	tsn_words_reason(d, s->def->c, &f, tsn_holds_measure(d, s->def->c, g));
	f.reason = tsn_buf_get(&d->reason);
	d->stats.findings += !update && !f.early;
	return d->callback(d->callback_ctx, &f);
}
