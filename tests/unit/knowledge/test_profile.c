#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/time.h"
#include "knowledge/profile.h"

static const struct tsn_profile_options options = {.mature_successes = 5, .mature_days = 3};

static struct tsn_ip
ip(const char *text)
{
	struct tsn_ip out;

	assert_int_equal(tsn_ip_parse(tsn_slice_cstr(text), &out), TSN_OK);
	return out;
}

/* Monday 2024-01-01 09:00 UTC and so many days and hours later. */
static int64_t
at(int days, int hours)
{
	return INT64_C(1704099600) * TSN_NS_PER_SEC + days * TSN_NS_PER_DAY +
	    hours * 3600 * TSN_NS_PER_SEC;
}

static struct tsn_profile_view
look(struct tsn_profile *p, const char *user, const char *from, int64_t time_ns)
{
	struct tsn_profile_view v = {0};
	struct tsn_ip addr = ip(from);

	assert_int_equal(tsn_profile_look(p, tsn_slice_cstr(user), &addr, time_ns, &v, NULL), TSN_OK);
	return v;
}

static void
learn(struct tsn_profile *p, const char *user, const char *from, int64_t time_ns)
{
	struct tsn_ip addr = ip(from);

	assert_int_equal(tsn_profile_learn(p, tsn_slice_cstr(user), &addr, time_ns, NULL), TSN_OK);
}

static void
test_maturity_and_habit(void **state)
{
	struct tsn_profile *p;
	struct tsn_profile_view v;

	(void)state;
	assert_int_equal(tsn_profile_open(NULL, &options, &p, NULL), TSN_OK);
	for (int i = 0; i < 4; i++)
		learn(p, "ana", "192.0.2.10", at(i, 0));
	learn(p, "ana", "192.0.2.10", at(0, 0));
	assert_false(look(p, "ana", "192.0.2.10", at(5, 0)).mature);
	learn(p, "ana", "192.0.2.10", at(4, 0));
	v = look(p, "ana", "192.0.2.99", at(7, 0));
	assert_true(v.mature);
	assert_int_equal(v.successes, 5);
	assert_int_equal(v.days, 5);
	assert_true(v.usual_ip);
	assert_true(v.usual_time);
	v = look(p, "ana", "198.51.100.1", at(7, 5));
	assert_false(v.usual_ip);
	assert_false(v.usual_time);
	assert_false(look(p, "eve", "192.0.2.10", at(7, 0)).mature);
	tsn_profile_close(p);
}

static void
test_kept_on_disk_and_forgotten(void **state)
{
	char dir[] = "/tmp/tocsin-profile-XXXXXX", path[64];
	struct tsn_profile *p;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(tsn_profile_open(dir, &options, &p, NULL), TSN_OK);
	learn(p, "ana", "192.0.2.10", at(0, 0));
	assert_int_equal(tsn_profile_commit(p, NULL), TSN_OK);
	learn(p, "ana", "192.0.2.11", at(1, 0));
	tsn_profile_close(p);
	assert_int_equal(tsn_profile_open(dir, &options, &p, NULL), TSN_OK);
	assert_int_equal(look(p, "ana", "192.0.2.10", at(1, 0)).successes, 1);
	learn(p, "ana", "198.51.100.1", at(100, 0));
	assert_int_equal(tsn_profile_commit(p, NULL), TSN_OK);
	assert_false(look(p, "ana", "192.0.2.10", at(100, 0)).usual_ip);
	tsn_profile_close(p);
	(void)snprintf(path, sizeof path, "%s/knowledge.sqlite", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maturity_and_habit),
		cmocka_unit_test(test_kept_on_disk_and_forgotten),
	};

	return cmocka_run_group_tests_name("knowledge_profile", tests, NULL, NULL);
}
