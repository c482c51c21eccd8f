/* Risk over a sliding window: threshold, cool-down, order, duplicates, restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alert/risk.h"

#define MINUTE (60 * TSN_NS_PER_SEC)

static const struct tsn_risk_config config = {.window_ns = 60 * MINUTE, .cooldown_ns = 30 * MINUTE,
    .threshold = 100, .level = TSN_LEVEL_HIGH, .entity_count = 2,
    .entities = {{.name = {"user.name", 9}}, {.name = {"source.ip", 9}}}};

/* What was raised: "root@10:100/3 " is user root, first minute 10, score 100 of 3 alerts. */
struct told {
	char text[4096];
	size_t len;
	uint64_t ids[64][2];
	uint32_t count;
	struct tsn_risk_fire fires[64];
	char values[64][32];
	uint32_t fire_count;
	char reason[600];
};

static enum tsn_code
raise(void *ctx, const struct tsn_finding *f)
{
	struct told *t = ctx;

	t->len += (size_t)snprintf(t->text + t->len, sizeof t->text - t->len, "%.*s@%lld:%g/%llu%s ",
	    TSN_SLICE_ARG(f->group[0].value), (long long)(f->first_seen_ns / MINUTE), f->risk_score,
	    (unsigned long long)f->count, f->update ? "+" : "");
	(void)snprintf(t->reason, sizeof t->reason, "%.*s", TSN_SLICE_ARG(f->reason));
	if (!f->update && t->count < 64)
		memcpy(t->ids[t->count++], f->id, sizeof f->id);
	return TSN_OK;
}

static enum tsn_code
fired(void *ctx, const struct tsn_risk_fire *fire)
{
	struct told *t = ctx;

	t->fires[t->fire_count] = *fire;
	(void)snprintf(t->values[t->fire_count], 32, "%.*s", TSN_SLICE_ARG(fire->value));
	t->fires[t->fire_count].value = tsn_slice_cstr(t->values[t->fire_count]);
	t->fire_count++;
	return TSN_OK;
}

static struct tsn_risk *
open_risk(struct told *t, bool once, const struct tsn_risk_config *c)
{
	struct tsn_risk *r = NULL;

	memset(t, 0, sizeof *t);
	assert_int_equal(tsn_risk_new(&(struct tsn_risk_options){.config = c, .once = once,
	    .raise = raise, .fired = fired, .ctx = t}, &r, NULL), TSN_OK);
	return r;
}

static void
add(struct tsn_risk *r, uint64_t number, int64_t minute, double score, const char *user)
{
	assert_int_equal(tsn_risk_add(r, &(struct tsn_risk_hit){.alert = {number, 1},
	    .time_ns = minute * MINUTE, .score = score, .entity = TSN_SLICE("user.name"),
	    .value = tsn_slice_cstr(user), .rule = TSN_SLICE("a rule")}), TSN_OK);
}

static void
test_threshold_and_window(void **state)
{
	struct told t;
	struct tsn_risk *r = open_risk(&t, false, &config);

	(void)state;
	add(r, 1, 0, 60, "root");
	add(r, 2, 10, 39, "root");
	add(r, 3, 10, 90, "ann");
	assert_int_equal(tsn_risk_advance(r, 20 * MINUTE), TSN_OK);
	assert_string_equal(t.text, "");
	/* The first has left the window. */
	add(r, 4, 60, 60, "root");
	assert_int_equal(tsn_risk_advance(r, 60 * MINUTE), TSN_OK);
	assert_string_equal(t.text, "");
	add(r, 5, 61, 1, "ROOT");
	assert_int_equal(tsn_risk_advance(r, 61 * MINUTE), TSN_OK);
	assert_string_equal(t.text, "root@10:100/3 ");
	assert_string_equal(t.reason, "user.name \"root\" has a risk of 100 from 3 alerts in 51 minutes; "
	    "told of from 100 within 60 minutes; most by a rule (3, 100)");
	tsn_risk_free(r);
}

static void
test_cooldown(void **state)
{
	struct told t;
	struct tsn_risk *r = open_risk(&t, false, &config);

	(void)state;
	add(r, 1, 0, 100, "root");
	add(r, 2, 10, 100, "root");	/* cool-down: the same risk alert grows */
	add(r, 3, 29, 5, "root");
	add(r, 4, 30, 60, "root");	/* over: begins anew, with what came since */
	add(r, 5, 40, 39, "root");
	add(r, 6, 41, 1, "root");
	add(r, 6, 41, 1, "root");	/* delivered twice */
	assert_int_equal(tsn_risk_advance(r, 100 * MINUTE), TSN_OK);
	assert_string_equal(t.text, "root@0:100/1 root@0:200/2+ root@0:205/3+ root@30:100/3 ");
	assert_int_equal(t.count, 2);
	assert_true(memcmp(t.ids[0], t.ids[1], sizeof t.ids[0]) != 0);
	tsn_risk_free(r);
	/* Over files each is told of once, when it is over. */
	r = open_risk(&t, true, &config);
	add(r, 1, 0, 100, "root");
	add(r, 2, 10, 100, "root");
	add(r, 4, 30, 60, "root");
	add(r, 5, 40, 40, "root");
	assert_int_equal(tsn_risk_finish(r), TSN_OK);
	assert_string_equal(t.text, "root@0:200/2 root@30:100/2 ");
	tsn_risk_free(r);
}

static void
test_one_rule_is_limited(void **state)
{
	struct tsn_risk_config limited = config;
	struct told t;
	struct tsn_risk *r;

	(void)state;
	limited.rule_max = 40;
	r = open_risk(&t, false, &limited);
	for (uint64_t i = 0; i < 50; i++)
		add(r, i, (int64_t)i, 30, "root");
	assert_int_equal(tsn_risk_advance(r, 100 * MINUTE), TSN_OK);
	assert_string_equal(t.text, "");
	assert_int_equal(tsn_risk_add(r, &(struct tsn_risk_hit){.alert = {99, 1},
	    .time_ns = 49 * MINUTE, .score = 60, .entity = TSN_SLICE("user.name"),
	    .value = TSN_SLICE("root"), .rule = TSN_SLICE("other")}), TSN_OK);
	assert_int_equal(tsn_risk_add(r, &(struct tsn_risk_hit){.alert = {98, 1},
	    .time_ns = 50 * MINUTE, .score = 30, .entity = TSN_SLICE("user.name"),
	    .value = TSN_SLICE("root"), .rule = TSN_SLICE("third")}), TSN_OK);
	assert_int_equal(tsn_risk_finish(r), TSN_OK);
	assert_string_equal(t.text, "root@0:110/52 ");
	tsn_risk_free(r);
}

struct input {
	uint64_t number;
	int64_t minute;
	double score;
	const char *user;
};

static const char *const users[] = {"root", "ann", "bob"};

static uint32_t
next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Any order within the wait, any cut, deliveries twice, and a restart anywhere: the same ids. */
static void
test_order_cuts_and_restarts(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 200; seed++) {
		struct input in[60];
		static struct told whole, other;
		uint32_t s = seed, n = 20 + next(&s) % 40, cut;
		struct tsn_risk *r = open_risk(&whole, true, &config), *again;

		for (uint32_t i = 0; i < n; i++)
			in[i] = (struct input){i + 1, next(&s) % 300, 10 + next(&s) % 60,
			    users[next(&s) % 3]};
		for (uint32_t i = 0; i < n; i++)
			add(r, in[i].number, in[i].minute, in[i].score, in[i].user);
		assert_int_equal(tsn_risk_finish(r), TSN_OK);
		tsn_risk_free(r);
		/* Live, in another order, stopped at a minute and begun again from what was kept. */
		r = open_risk(&other, false, &config);
		cut = next(&s) % 300;
		for (uint32_t i = n; i > 0; i--)
			if (in[i - 1].minute <= cut)
				add(r, in[i - 1].number, in[i - 1].minute, in[i - 1].score, in[i - 1].user);
		assert_int_equal(tsn_risk_advance(r, (int64_t)(cut - cut / 7) * MINUTE), TSN_OK);
		again = NULL;
		assert_int_equal(tsn_risk_new(&(struct tsn_risk_options){.config = &config,
		    .raise = raise, .fired = fired, .ctx = &other}, &again, NULL), TSN_OK);
		for (uint32_t i = 0, known = other.fire_count; i < known; i++)
			assert_int_equal(tsn_risk_restore(again, &other.fires[i]), TSN_OK);
		tsn_risk_free(r);
		for (uint32_t i = 0; i < n; i++)
			add(again, in[i].number, in[i].minute, in[i].score, in[i].user);
		for (uint32_t i = 0; i < n; i += 3)
			add(again, in[i].number, in[i].minute, in[i].score, in[i].user);
		assert_int_equal(tsn_risk_finish(again), TSN_OK);
		for (uint32_t i = 0; i < whole.count; i++) {
			bool found = false;

			for (uint32_t k = 0; k < other.count; k++)
				found |= memcmp(whole.ids[i], other.ids[k], sizeof whole.ids[i]) == 0;
			if (!found)
				fail_msg("seed %u: %s; expected %s", seed, other.text, whole.text);
		}
		if (whole.count != other.count)
			fail_msg("seed %u: %s; expected %s", seed, other.text, whole.text);
		tsn_risk_free(again);
	}
}

static void
test_bounds(void **state)
{
	struct told t;
	struct tsn_risk *r = open_risk(&t, false, &config);
	struct tsn_risk_stats stats;
	char user[32];

	(void)state;
	for (uint64_t i = 0; i < 101000; i++) {
		(void)snprintf(user, sizeof user, "u%llu", (unsigned long long)i);
		add(r, i, 0, 1, user);
	}
	assert_int_equal(tsn_risk_advance(r, MINUTE), TSN_OK);
	tsn_risk_stats_get(r, &stats);
	assert_int_equal(stats.entities, 100000);
	assert_int_equal(stats.evicted, 1000);
	for (uint64_t i = 0; i < 5000; i++)
		add(r, 200000 + i, 1, 0.001, "many");
	add(r, 1, 2, -5, "many");
	add(r, 2, 2, 5, "");
	assert_int_equal(tsn_risk_finish(r), TSN_OK);
	tsn_risk_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threshold_and_window),
		cmocka_unit_test(test_cooldown),
		cmocka_unit_test(test_one_rule_is_limited),
		cmocka_unit_test(test_order_cuts_and_restarts),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests_name("alert_risk", tests, NULL, NULL);
}
