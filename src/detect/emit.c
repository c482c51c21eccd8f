/* From a true condition to a finding. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "detect/corr_int.h"

enum tsn_code
tsn_emit_single(struct tsn_detect *d, const struct unit *u)
{
	const struct tsn_rule *rule = &d->set->rules->rules[u->rule];
	const struct tsn_event *ev = d->event;
	uint64_t what[4] = {d->set->rule_hash[u->rule][0], d->set->rule_hash[u->rule][1], ev->id[0],
	    ev->id[1]};
	XXH128_hash_t h;
	struct tsn_finding finding = {.rule = rule, .event = ev, .first_seen_ns = ev->time_ns,
	    .last_seen_ns = ev->time_ns, .count = ev->repeat, .event_count = 1, .events = &ev->id,
	    .fired_ns = ev->time_ns};

	if (TSN_UNLIKELY(u->except_count > 0) && tsn_except_event(d, u))
		return TSN_OK;
	d->rule_counts[u->rule]++;
	if (u->tap_count > 0)
		TSN_TRY(tsn_tap_hits(d, u));
	if (!rule->generate)
		return TSN_OK;
	h = XXH3_128bits(what, sizeof what);
	finding.id[0] = h.high64;
	finding.id[1] = h.low64;
	if (d->set->options.reasons)
		finding.reason = tsn_emit_reason(d, u);
	d->stats.findings++;
	return d->callback(d->callback_ctx, &finding);
}
