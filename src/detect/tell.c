/* What a correlation has found, in a finding and in words. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "detect/corr_int.h"

#include <stdlib.h>

static const char *const what[TSN_CORR__COUNT] = {
	[TSN_CORR_EVENT_COUNT] = "events", [TSN_CORR_VALUE_COUNT] = "different values",
	[TSN_CORR_VALUE_SUM] = "in sum", [TSN_CORR_VALUE_AVG] = "on average",
	[TSN_CORR_VALUE_PERCENTILE] = "at the percentile", [TSN_CORR_VALUE_MEDIAN] = "at the median",
};
static const char *const ops[] = {
	[TSN_CORR_GT] = "more than", [TSN_CORR_GTE] = "at least", [TSN_CORR_LT] = "fewer than",
	[TSN_CORR_LTE] = "at most", [TSN_CORR_EQ] = "exactly", [TSN_CORR_NEQ] = "not",
};

/* Splits the group's key into values; returns how many. */
static uint32_t
split_key(struct tsn_detect *d, const struct tsn_correlation *c, const struct group *g)
{
	uint32_t at = 0, n = 0, len;

	for (; n < c->group_count && n < TSN_FINDING_GROUP_MAX && at + 4 <= g->key_len; n++) {
		memcpy(&len, g->key + at, 4);
		d->corr.values[n] = (struct tsn_finding_group){c->group_by[n], {g->key + at + 4, len}};
		at += 4 + len;
	}
	return n;
}

static void
put_span(struct tsn_buf *b, int64_t ns)
{
	static const struct {
		int64_t sec;
		char unit;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	int64_t sec = ns / TSN_NS_PER_SEC;
	unsigned parts = 0;

	for (size_t i = 0; i < TSN_COUNT(units) && parts < 2; i++) {
		if (sec / units[i].sec == 0 && (parts > 0 || units[i].sec > 1))
			continue;
		tsn_buf_i64(b, sec / units[i].sec);
		tsn_buf_char(b, units[i].unit);
		sec %= units[i].sec;
		parts++;
	}
}

static void
put_text(struct tsn_buf *b, struct tsn_slice s)
{
	for (size_t i = 0; i < s.len && i < 120; i++)
		tsn_buf_char(b, (unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f ? ' ' : s.ptr[i]);
}

static void
put_reason(struct tsn_detect *d, const struct tsn_correlation *c, const struct tsn_finding *f)
{
	struct tsn_buf *b = &d->reason;

	tsn_buf_reset(b);
	tsn_buf_u64(b, f->count);
	tsn_buf_slice(b, tsn_slice_cstr(f->count == 1 ? " event" : " events"));
	for (uint32_t i = 0; i < f->group_count; i++) {
		tsn_buf_slice(b, tsn_slice_cstr(i == 0 ? " with " : ", "));
		tsn_buf_slice(b, f->group[i].field);
		tsn_buf_char(b, ' ');
		put_text(b, f->group[i].value);
	}
	tsn_buf_lit(b, " in ");
	put_span(b, time_minus(f->last_seen_ns, f->first_seen_ns));
	if (c->type == TSN_CORR_TEMPORAL || c->type == TSN_CORR_TEMPORAL_ORDERED) {
		tsn_buf_printf(b, "; %u rules %s within ", c->rule_count,
		    c->type == TSN_CORR_TEMPORAL ? "together" : "one after another");
		put_span(b, c->timespan_ns);
	} else if (c->type == TSN_CORR_LEAKY_BUCKET) {
		tsn_buf_printf(b, "; threshold %g, one drains every ", c->capacity);
		put_span(b, c->leak_ns);
	} else if (c->type == TSN_CORR_FIRST_SEEN) {
		tsn_buf_lit(b, "; a value never seen before");
	}
	if (c->suppress) {
		tsn_buf_lit(b, "; told of once within ");
		put_span(b, c->timespan_ns);
		return;
	}
	for (uint32_t i = 0; what[c->type] != NULL && i < c->bound_count; i++) {
		tsn_buf_printf(b, "%s%s %.15g", i == 0 ? "; threshold " : " and ", ops[c->bounds[i].op],
		    c->bounds[i].value);
		if (i + 1 == c->bound_count) {
			tsn_buf_printf(b, " %s within ", what[c->type]);
			put_span(b, c->timespan_ns);
		}
	}
}

void
tsn_tell_id(const struct tsn_detect *d, uint32_t rule, const struct group *g, int64_t start_ns,
    uint64_t ret[2])
{
	XXH128_hash_t key = XXH3_128bits(g->key, g->key_len), h;
	uint64_t parts[5] = {d->set->rule_hash[rule][0], d->set->rule_hash[rule][1], key.high64,
	    key.low64, (uint64_t)start_ns};

	h = XXH3_128bits(parts, sizeof parts);
	ret[0] = h.high64;
	ret[1] = h.low64;
}

static void
make_id(const struct tsn_detect *d, uint32_t rule, const struct group *g, uint64_t ret[2])
{
	/* A late hit may stand before the one that began the window. */
	tsn_tell_id(d, rule, g,
	    g->count > 0 && !g->fired ? g->entries[g->head].time_ns : g->start_ns, ret);
}

enum tsn_code
tsn_tell(struct tsn_detect *d, uint32_t corr, struct group *g, bool update)
{
	const struct tsn_rule *rule = &d->set->rules->rules[d->set->corrs[corr].rule];
	const struct tsn_correlation *c = rule->correlation;
	const struct entry_hit *e = g->entries + g->head;
	struct tsn_finding f = {.rule = rule, .count = g->total, .group = d->corr.values,
	    .events = (const uint64_t(*)[2])d->corr.ids, .update = update};

	if (!rule->generate)
		return TSN_OK;
	f.group_count = split_key(d, c, g);
	f.first_seen_ns = g->count > 0 ? e[0].time_ns : g->start_ns;
	f.last_seen_ns = g->count > 0 ? e[g->count - 1].time_ns : g->start_ns;
	for (uint32_t i = 0; i < g->count && f.event_count < TSN_FINDING_EVENTS_MAX; i++)
		memcpy(d->corr.ids[f.event_count++], e[i].id, sizeof e[i].id);
	make_id(d, d->set->corrs[corr].rule, g, f.id);
	put_reason(d, c, &f);
	f.reason = tsn_buf_get(&d->reason);
	d->stats.findings += !update;
	return d->callback(d->callback_ctx, &f);
}

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
chain_hit(struct tsn_detect *d, const struct corr_use *use, const struct group *g,
    uint32_t value_count, const uint64_t id[2])
{
	const struct tsn_correlation *c = d->set->corrs[use->corr].c;
	struct hit *hit = calloc(1, sizeof *hit + HIT_KEY_MAX);
	uint64_t h = 1;

	if (hit == NULL)
		return NULL;
	*hit = (struct hit){.time_ns = g->last_ns, .id = {id[0], id[1]}, .corr = use->corr,
	    .place = use->place, .weight = 1};
	for (uint32_t i = 0; i < c->group_count; i++) {
		struct tsn_slice v;
		uint32_t len;

		if (!value_of_group(d, value_count, c->group_fields[i * c->rule_count + use->place], &v) ||
		    hit->key_len + 4 + v.len > HIT_KEY_MAX) {
			hit->weight = 0;
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
	hit->number = (double)g->total;
	hit->key_hash = tsn_hash_bytes(hit->key, hit->key_len, d->seed);
	return hit;
}

enum tsn_code
tsn_tell_chain(struct tsn_detect *d, uint32_t corr, const struct group *g)
{
	const struct set *set = d->set;
	uint32_t rule = set->corrs[corr].rule;
	uint32_t n = split_key(d, set->corrs[corr].c, g);
	uint64_t id[2];
	enum tsn_code code = TSN_OK;

	if (set->corr_at[rule] == set->corr_at[rule + 1] || d->corr.depth >= CHAIN_MAX)
		return TSN_OK;
	make_id(d, rule, g, id);
	d->corr.depth++;
	for (uint32_t i = set->corr_at[rule]; i < set->corr_at[rule + 1] && code == TSN_OK; i++) {
		struct hit *hit = chain_hit(d, &set->corr_uses[i], g, n, id);

		if (hit == NULL)
			code = TSN_ENOMEM;
		else if (hit->weight > 0)
			code = tsn_judge_hit(d, hit);
		free(hit);
		/* Telling of it has used the values again. */
		n = split_key(d, set->corrs[corr].c, g);
	}
	d->corr.depth--;
	return code;
}
