/* Filter throttle: marks events of a key before and beyond a count in a period of event time. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/num.h"
#include "pipeline/impl_int.h"

#define COUNTERS_MAX 10000000u

struct counter {
	uint64_t key;
	int64_t slot;		/* beginning of the period, seconds */
	uint64_t count;		/* 0: free */
};

struct throttle {
	struct tsn_tmpl key, period;
	int64_t before, after, max_age, newest;
	struct counter *table;
	uint32_t cap, used, max;
};

static enum tsn_code
throttle_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct throttle *t = tsn_pi_alloc(in, 1, sizeof *t);
	double max = tsn_pi_num(in, "max_counters", 100000);

	if (t == NULL || !tsn_tmpl_parse(&in->pl->conf->arena, tsn_pi_str(in, "key", ""), &t->key) ||
	    !tsn_tmpl_parse(&in->pl->conf->arena, tsn_pi_str(in, "period", "60"), &t->period))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->state = t;
	t->before = (int64_t)tsn_pi_num(in, "before_count", -1);
	t->after = (int64_t)tsn_pi_num(in, "after_count", -1);
	t->max_age = (int64_t)tsn_pi_num(in, "max_age", 3600);
	/* -1 means without bound to Logstash; here memory has one */
	t->max = max < 1 || max > COUNTERS_MAX ? COUNTERS_MAX : (uint32_t)max;
	t->newest = INT64_MIN;
	return TSN_OK;
}

static void
throttle_close(struct tsn_pinst *in)
{
	struct throttle *t = in->state;

	if (t != NULL)
		free(t->table);
}

static struct counter *
place(struct counter *table, uint32_t cap, uint64_t key, int64_t slot)
{
	uint32_t i = (uint32_t)tsn_hash_mix(key, (uint64_t)slot | 1) & (cap - 1);

	while (table[i].count != 0 && (table[i].key != key || table[i].slot != slot))
		i = (i + 1) & (cap - 1);
	return &table[i];
}

/* Larger, and without what is too old; when still too many, without the oldest half. */
static bool
rebuild(struct throttle *t)
{
	int64_t oldest = t->newest > INT64_MIN + t->max_age ? t->newest - t->max_age : INT64_MIN;
	uint32_t keep = 0, cap = 1024, skip;
	struct counter *table;

	for (uint32_t i = 0; i < t->cap; i++)
		keep += t->table[i].count != 0 && t->table[i].slot >= oldest;
	skip = keep >= t->max ? keep / 2 : 0;
	while (cap < 4 * (uint64_t)(keep - skip + 1))
		cap *= 2;
	table = calloc(cap, sizeof *table);
	if (table == NULL)
		return false;
	keep = 0;
	for (uint32_t i = 0; i < t->cap; i++) {
		const struct counter *c = &t->table[i];

		if (c->count == 0 || c->slot < oldest)
			continue;
		if (skip > 0 && c->slot < t->newest) {
			skip--;
			continue;
		}
		*place(table, cap, c->key, c->slot) = *c;
		keep++;
	}
	free(t->table);
	t->table = table;
	t->cap = cap;
	t->used = keep;
	return true;
}

static bool
throttle_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	struct throttle *t = in->state;
	struct tsn_slice key = tsn_tmpl_text(&t->key, ev), text = tsn_tmpl_text(&t->period, ev);
	const struct tsn_pv *time = tsn_pev_find(ev, TSN_SLICE("@timestamp"));
	int64_t sec, period, slot, count;
	struct counter *c;

	if (key.ptr == NULL || time == NULL || time->type != TSN_PV_TIME)
		return false;
	if (tsn_num_parse_i64(tsn_slice_trim(text), &period) != TSN_OK || period <= 0)
		period = 60;
	sec = time->as.i / TSN_NS_PER_SEC - (time->as.i % TSN_NS_PER_SEC < 0);
	slot = sec - ((sec % period) + period) % period;
	t->newest = sec > t->newest ? sec : t->newest;
	if ((t->cap == 0 || t->used >= t->cap / 2 || t->used >= t->max) && !rebuild(t))
		return false;
	c = place(t->table, t->cap, tsn_hash_slice(key, 0x9e3779b97f4a7c15u), slot);
	if (c->count == 0) {
		*c = (struct counter){.key = tsn_hash_slice(key, 0x9e3779b97f4a7c15u), .slot = slot};
		t->used++;
	}
	count = (int64_t)++c->count;
	return (t->before != -1 && count < t->before) || (t->after != -1 && count > t->after);
}

const struct tsn_pfilter tsn_filter_throttle = {.open = throttle_open, .close = throttle_close,
    .filter = throttle_filter};
