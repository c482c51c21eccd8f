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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_live),
	};
	int failed;

	keys = tsn_keys_new();
	failed = keys == NULL ? 1 : cmocka_run_group_tests_name("detect_corr", tests, NULL, NULL);
	tsn_keys_free(keys);
	return failed;
}
