/* Filter metrics: counts, rates and times of events, told as events of their own. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/num.h"
#include "os/clock.h"
#include "pipeline/sock_int.h"

#define NAMES_MAX 10000u
#define SAMPLE 1028u
#define RATES_MAX 16u
#define STEP_SEC 5

struct meter {
	char *name;
	size_t len;
	bool timer;
	uint64_t count, fresh;		/* fresh: since the last step of the rates */
	double rates[RATES_MAX];
	bool begun;
	double min, max, mean, m2, sample[SAMPLE];
};

struct metrics {
	struct tsn_tmpl *names;
	uint32_t name_count;
	struct tsn_ppair *timers;
	uint32_t timer_count;
	double rates[RATES_MAX], percents[RATES_MAX];
	uint32_t rate_count, percent_count;
	struct meter **meters;
	uint32_t count;
	int64_t flush_ns, clear_ns, ignore_ns, flushed_ns, cleared_ns, stepped_ns;
	uint64_t random, others;
};

static uint32_t
numbers(struct tsn_pinst *in, const char *option, const double *dflt, uint32_t dflt_count,
    double *ret)
{
	uint32_t count;
	const struct tsn_conf_value *items = tsn_pi_list(in, option, &count);

	if (items == NULL)
		memcpy(ret, dflt, dflt_count * sizeof *ret);
	for (uint32_t i = 0; items != NULL && i < count && i < RATES_MAX; i++)
		ret[i] = items[i].number;
	return items == NULL ? dflt_count : count < RATES_MAX ? count : RATES_MAX;
}

static enum tsn_code
metrics_open(struct tsn_pinst *in, struct tsn_err *err)
{
	static const double rates[] = {1, 5, 15}, percents[] = {1, 5, 10, 90, 95, 99, 100};
	struct metrics *m = tsn_pi_alloc(in, 1, sizeof *m);

	if (m == NULL || !tsn_pi_tmpls(in, "meter", &m->names, &m->name_count) ||
	    !tsn_pi_pairs(in, "timer", &m->timers, &m->timer_count))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->state = m;
	m->rate_count = numbers(in, "rates", rates, 3, m->rates);
	m->percent_count = numbers(in, "percentiles", percents, 7, m->percents);
	m->flush_ns = (int64_t)(tsn_pi_num(in, "flush_interval", 5) * 1e9);
	m->clear_ns = (int64_t)(tsn_pi_num(in, "clear_interval", -1) * 1e9);
	m->ignore_ns = (int64_t)(tsn_pi_num(in, "ignore_older_than", 0) * 1e9);
	m->flushed_ns = m->cleared_ns = m->stepped_ns = tsn_clock_mono_ns();
	m->random = 0x2545f4914f6cdd1du;
	return TSN_OK;
}

static void
clear(struct metrics *m)
{
	for (uint32_t i = 0; i < m->count; i++) {
		free(m->meters[i]->name);
		free(m->meters[i]);
	}
	m->count = 0;
}

static void
metrics_close(struct tsn_pinst *in)
{
	struct metrics *m = in->state;

	if (m == NULL)
		return;
	clear(m);
	free(m->meters);
}

static struct meter *
find(struct metrics *m, struct tsn_slice name, bool timer)
{
	struct meter *one, **more;

	for (uint32_t i = 0; i < m->count; i++)
		if (m->meters[i]->timer == timer && m->meters[i]->len == name.len &&
		    memcmp(m->meters[i]->name, name.ptr, name.len) == 0)
			return m->meters[i];
	if (m->count == NAMES_MAX) {
		m->others++;
		return NULL;
	}
	more = (m->count & (m->count - 1)) != 0 ? m->meters :
	    realloc(m->meters, (m->count == 0 ? 1 : 2 * m->count) * sizeof(*more));
	one = more == NULL ? NULL : calloc(1, sizeof *one);
	if (more != NULL)
		m->meters = more;
	if (one == NULL)
		return NULL;
	one->name = strndup(name.ptr, name.len);
	one->len = name.len;
	one->timer = timer;
	if (one->name == NULL) {
		free(one);
		return NULL;
	}
	m->meters[m->count++] = one;
	return one;
}

static void
mark(struct metrics *m, struct meter *one, double value)
{
	double delta;
	uint64_t at;

	one->count++;
	one->fresh++;
	if (!one->timer)
		return;
	one->min = one->count == 1 || value < one->min ? value : one->min;
	one->max = one->count == 1 || value > one->max ? value : one->max;
	delta = value - one->mean;
	one->mean += delta / (double)one->count;
	one->m2 += delta * (value - one->mean);
	/* each value is in the sample with the same chance */
	m->random = tsn_hash_mix(m->random + 0x9e3779b97f4a7c15u, 0xd6e8feb86659fd93u);
	at = one->count <= SAMPLE ? one->count - 1 : m->random % one->count;
	if (at < SAMPLE)
		one->sample[at] = value;
}

static bool
metrics_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	struct metrics *m = in->state;
	const struct tsn_pv *time = tsn_pev_find(ev, TSN_SLICE("@timestamp"));
	struct meter *one;

	if (m->ignore_ns > 0 && time != NULL && time->type == TSN_PV_TIME &&
	    in->pl->env.now_ns(in->pl->env.ctx) - time->as.i > m->ignore_ns)
		return false;
	for (uint32_t i = 0; i < m->name_count; i++) {
		struct tsn_slice name = tsn_tmpl_text(&m->names[i], ev);

		if (name.ptr != NULL && (one = find(m, name, false)) != NULL)
			mark(m, one, 0);
	}
	for (uint32_t i = 0; i < m->timer_count; i++) {
		struct tsn_slice name = tsn_tmpl_text(&m->timers[i].name.tmpl, ev);
		double value;

		if (name.ptr != NULL && m->timers[i].count > 0 &&
		    tsn_num_parse_f64(tsn_tmpl_text(&m->timers[i].values[0], ev), &value) == TSN_OK &&
		    (one = find(m, name, true)) != NULL)
			mark(m, one, value);
	}
	/* add_tag and its like are for the events that tell of it */
	return false;
}

/* as load averages: every five seconds, over so many minutes */
static void
step_rates(struct metrics *m)
{
	int64_t now = tsn_clock_mono_ns();

	while (now - m->stepped_ns >= STEP_SEC * TSN_NS_PER_SEC) {
		m->stepped_ns += STEP_SEC * TSN_NS_PER_SEC;
		for (uint32_t i = 0; i < m->count; i++) {
			struct meter *one = m->meters[i];
			double instant = (double)one->fresh / STEP_SEC;

			for (uint32_t r = 0; r < m->rate_count; r++)
				one->rates[r] = one->begun ? one->rates[r] + (1 - exp(-STEP_SEC / 60.0 /
				    m->rates[r])) * (instant - one->rates[r]) : instant;
			one->begun = true;
			one->fresh = 0;
		}
	}
}

static int
by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
put(struct tsn_pev *ev, struct tsn_pv_map *map, const char *name, double d)
{
	struct tsn_slice own = tsn_arena_dup(ev->arena, tsn_slice_cstr(name));

	struct tsn_pv v = {.type = TSN_PV_FLOAT, .as.d = d};

	if (own.ptr != NULL)
		(void)tsn_pv_map_put(ev->arena, map, own, v);
}

static void
add_meter(const struct metrics *m, struct meter *one, struct tsn_pev *ev)
{
	struct tsn_slice name = tsn_arena_dup(ev->arena, tsn_slice_of(one->name, one->len));
	size_t n = one->count < SAMPLE ? (size_t)one->count : SAMPLE;
	double *sorted = tsn_arena_alloc(ev->arena, SAMPLE * sizeof *sorted);
	struct tsn_pv map;
	struct tsn_pref ref;
	char text[40];

	if (name.ptr == NULL || sorted == NULL || !tsn_pv_map_new(ev->arena, &map) ||
	    !tsn_pref_parse(ev->arena, name, &ref))
		return;
	(void)tsn_pv_map_put(ev->arena, map.as.map, TSN_SLICE("count"),
	    tsn_pv_int((int64_t)one->count));
	for (uint32_t r = 0; r < m->rate_count; r++) {
		(void)snprintf(text, sizeof text, "rate_%gm", m->rates[r]);
		put(ev, map.as.map, text, one->rates[r]);
	}
	if (one->timer && one->count > 0) {
		put(ev, map.as.map, "min", one->min);
		put(ev, map.as.map, "max", one->max);
		put(ev, map.as.map, "stddev", one->count < 2 ? 0 :
		    sqrt(one->m2 / (double)(one->count - 1)));
		put(ev, map.as.map, "mean", one->mean);
		memcpy(sorted, one->sample, n * sizeof *sorted);
		qsort(sorted, n, sizeof *sorted, by_value);
		for (uint32_t p = 0; p < m->percent_count; p++) {
			double at = m->percents[p] / 100 * (double)(n - 1);
			size_t low = at < 0 ? 0 : at > (double)(n - 1) ? n - 1 : (size_t)at;
			size_t high = low + 1 < n ? low + 1 : low;

			(void)snprintf(text, sizeof text, "p%g", m->percents[p]);
			put(ev, map.as.map, text, sorted[low] +
			    (at - (double)low) * (sorted[high] - sorted[low]));
		}
	}
	(void)tsn_pev_set(ev, &ref, map);
}

static void
metrics_tick(struct tsn_pinst *in, bool last)
{
	struct metrics *m = in->state;
	int64_t now = tsn_clock_mono_ns();
	struct tsn_pev *ev;

	step_rates(m);
	if (m->count == 0 || (!last && now - m->flushed_ns < m->flush_ns))
		return;
	m->flushed_ns = now;
	ev = tsn_pl_event(in->pl);
	if (ev == NULL)
		return;
	(void)tsn_pev_put(ev, TSN_SLICE("message"), tsn_pv_str(in->pl->env.host));
	ev->parsed = true;
	for (uint32_t i = 0; i < m->count; i++)
		add_meter(m, m->meters[i], ev);
	tsn_pl_matched(in, ev);
	(void)tsn_pl_emit(in, ev);
	if (m->clear_ns > 0 && now - m->cleared_ns >= m->clear_ns) {
		m->cleared_ns = now;
		clear(m);
	}
}

const struct tsn_pfilter tsn_filter_metrics = {.open = metrics_open, .close = metrics_close,
    .filter = metrics_filter, .tick = metrics_tick};
