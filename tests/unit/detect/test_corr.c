#include "corr_lib.h"

#define F(at) {at, "fail", "u", "1"}

static void
test_cases(void **state)
{
	static struct result r;

	(void)state;
	for (size_t i = 0; i < case_count; i++) {
		struct tsn_ruleset *set = load(cases[i].yaml);
		char text[1024] = "";
		unsigned n = 0;

		while (n < 16 && cases[i].list[n].what != NULL)
			n++;
		run(set, cases[i].list, n, 0, &once, &r);
		for (unsigned k = 0; k < r.count; k++) {
			size_t len = strlen(text);

			(void)snprintf(text + len, sizeof text - len, "%s %llu %lld-%lld;", r.told[k].user,
			    (unsigned long long)r.told[k].count, (long long)r.told[k].first,
			    (long long)r.told[k].last);
		}
		if (strcmp(text, cases[i].want) != 0)
			fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].name, text, cases[i].want);
		tsn_ruleset_free(set);
	}
}

/* A window is told of when it fires, and again with the same id when it has grown. */
static void
test_live(void **state)
{
	static const struct happening list[] = {F(1), F(2), F(3), F(4), F(60), {100, "fail", "x", "1"}};
	static const struct tsn_detect_options live = {.lateness_ns = SEC};
	struct tsn_ruleset *set = load(cases[0].yaml);
	static struct result r;

	(void)state;
	run(set, list, 6, 1, &live, &r);
	assert_int_equal(r.count, 2);
	assert_int_equal(r.told[0].count, 3);
	assert_false(r.told[0].update);
	assert_int_equal(r.told[1].count, 4);
	assert_true(r.told[1].update);
	assert_memory_equal(r.told[0].id, r.told[1].id, sizeof r.told[0].id);
	assert_string_equal(r.told[0].reason,
	    "3 events with user u in 2s; the threshold is at least 3 within 10s");
	tsn_ruleset_free(set);
}

/* Live, with a clock that stands at 1000 s and goes on with the events that are near it. */
static void
run_jumps(const struct tsn_ruleset *set, const struct happening *list, unsigned count,
    struct result *ret, struct tsn_detect_corr_stats *ret_stats)
{
	static const struct tsn_detect_options live = {.lateness_ns = SEC};
	struct tsn_taxonomy *t = tsn_taxonomy_new();
	struct tsn_detect *d;
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	int64_t now = 1000;

	assert_non_null(t);
	ret->count = 0;
	assert_int_equal(tsn_batch_init(&b, keys, 4), TSN_OK);
	assert_int_equal(tsn_detect_new(set, t, keys, &live, &d, NULL), TSN_OK);
	for (unsigned i = 0; i < count; i++) {
		if (list[i].at > now && list[i].at < now + 100)
			now = list[i].at;
		add(&b, &list[i], now * SEC);
		assert_int_equal(tsn_detect_batch(d, &b, on_finding, ret), TSN_OK);
		assert_int_equal(tsn_detect_tick(d, now * SEC, on_finding, ret), TSN_OK);
		tsn_batch_reset(&b);
	}
	for (uint32_t i = 0; i < set->count; i++)
		if (tsn_detect_corr_stats(d, i, ret_stats))
			break;
	assert_int_equal(tsn_detect_tick(d, (now + 60) * SEC, on_finding, ret), TSN_OK);
	tsn_detect_free(d);
	tsn_taxonomy_free(t);
}

/* Clocks that jump by years, for one event or for good, forwards and backwards. */
static void
test_clock_jumps(void **state)
{
	static const int64_t year = 86400 * 365, end = INT64_MAX / SEC;
	const struct happening future[] = {F(1000), F(1001), {end, "fail", "u", "1"},
	    {1001 + 10 * year, "fail", "u", "1"}, {1001 + 3600, "fail", "u", "1"}, F(1002), F(1003)};
	const struct happening past[] = {F(1000), F(1001), {-end, "fail", "u", "1"},
	    {1001 - 10 * year, "fail", "u", "1"}, {0, "fail", "u", "1"}, F(1002), F(1003)};
	const struct happening ahead[] = {{5000, "ok", "v", "1"}, {5001, "ok", "v", "1"},
	    {5002, "ok", "v", "1"}, {5003, "ok", "v", "1"}, {5004, "ok", "v", "1"},
	    {5005, "ok", "v", "1"}, {5006, "ok", "v", "1"}, {5007, "fail", "u", "1"},
	    {5008, "fail", "u", "1"}, {5009, "fail", "u", "1"}, {5020, "ok", "v", "1"}};
	struct tsn_ruleset *set = load(cases[0].yaml);
	struct tsn_detect_corr_stats stats;
	static struct result r;

	(void)state;
	run_jumps(set, future, TSN_COUNT(future), &r, &stats);
	assert_int_equal(stats.late, 0);
	assert_int_equal(r.told[0].first, 1000);
	assert_int_equal(r.told[r.count - 1].count, 4);
	run_jumps(set, past, TSN_COUNT(past), &r, &stats);
	assert_int_equal(stats.late_dropped, 3);
	assert_int_equal(r.told[0].first, 1000);
	assert_int_equal(r.told[r.count - 1].count, 4);
	/* A source whose clock is wrong for good is judged by it. */
	run_jumps(set, ahead, TSN_COUNT(ahead), &r, &stats);
	assert_int_equal(stats.late, 0);
	assert_int_equal(r.told[0].first, 5007);
	tsn_ruleset_free(set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_clock_jumps),
	};
	int failed;

	keys = tsn_keys_new();
	failed = keys == NULL ? 1 : cmocka_run_group_tests_name("detect_corr", tests, NULL, NULL);
	tsn_keys_free(keys);
	return failed;
}
