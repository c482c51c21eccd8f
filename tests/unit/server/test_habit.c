#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "server/habit.h"

#define SEC TSN_NS_PER_SEC
#define MINUTE (60 * SEC)
#define HOUR (60 * MINUTE)
#define START (500000 * HOUR)

static const struct tsn_habit_limits limits = {
	.silence_ns = 10 * MINUTE, .history_ns = 6 * HOUR, .started_ns = START};

struct sim {
	struct tsn_habit habit;
	struct tsn_habit_hour hour;
	uint64_t received;
	int64_t last_ns, now_ns;
};

/* Time passes with a record every `each` (0: none), looked at every minute; the last news told. */
static enum tsn_habit_news
pass(struct sim *s, int64_t span, int64_t each)
{
	enum tsn_habit_news told = TSN_HABIT_NOTHING;

	for (int64_t end = s->now_ns + span; s->now_ns < end; s->now_ns += MINUTE) {
		enum tsn_habit_news news;

		while (each > 0 && s->last_ns + each <= s->now_ns) {
			s->last_ns += each;
			s->received++;
		}
		news = tsn_habit_look(&s->habit, &limits, s->received, s->last_ns, s->now_ns, &s->hour);
		if (news != TSN_HABIT_NOTHING)
			told = news;
	}
	return told;
}

static struct sim
begin(void)
{
	return (struct sim){.now_ns = START, .last_ns = START};
}

static void
test_silence_by_its_own_habit(void **state)
{
	struct sim busy = begin(), slow = begin();

	(void)state;
	assert_int_equal(pass(&busy, 8 * HOUR, SEC), TSN_HABIT_NOTHING);
	assert_int_equal(pass(&busy, 9 * MINUTE, 0), TSN_HABIT_NOTHING);
	assert_int_equal(pass(&busy, 5 * MINUTE, 0), TSN_HABIT_SILENT);
	assert_true(busy.habit.silent);
	assert_int_equal(pass(&busy, 5 * HOUR, 0), TSN_HABIT_NOTHING);
	busy.last_ns = busy.now_ns - SEC;
	assert_int_equal(pass(&busy, 10 * MINUTE, SEC), TSN_HABIT_BACK);
	/* The silence was no habit. */
	assert_true(busy.habit.gap_ns < 10 * MINUTE);
	/* One that sends every 20 minutes may be silent for an hour. */
	assert_int_equal(pass(&slow, 10 * HOUR, 20 * MINUTE), TSN_HABIT_NOTHING);
	assert_int_equal(pass(&slow, 35 * MINUTE, 0), TSN_HABIT_NOTHING);
	assert_int_equal(pass(&slow, 30 * MINUTE, 0), TSN_HABIT_SILENT);
}

static void
test_no_history_no_alarm(void **state)
{
	struct sim s = begin();

	(void)state;
	assert_int_equal(pass(&s, HOUR, SEC), TSN_HABIT_NOTHING);
	assert_int_equal(pass(&s, 4 * HOUR, 0), TSN_HABIT_NOTHING);
	s = begin();
	s.received = 3;
	assert_int_equal(pass(&s, 40 * HOUR, 0), TSN_HABIT_NOTHING);
}

static void
test_restart_is_no_silence(void **state)
{
	struct sim s = begin();
	struct tsn_habit_limits later = limits;

	(void)state;
	assert_int_equal(pass(&s, 8 * HOUR, SEC), TSN_HABIT_NOTHING);
	s.now_ns += 20 * HOUR;
	later.started_ns = s.now_ns;
	assert_int_equal(tsn_habit_look(&s.habit, &later, s.received, s.last_ns, s.now_ns + MINUTE,
	    &s.hour), TSN_HABIT_NOTHING);
	assert_int_equal(tsn_habit_look(&s.habit, &later, s.received, s.last_ns,
	    s.now_ns + 11 * MINUTE, &s.hour), TSN_HABIT_SILENT);
}

static void
test_volume(void **state)
{
	struct sim s = begin();

	(void)state;
	assert_int_equal(pass(&s, 24 * HOUR * 4, SEC), TSN_HABIT_NOTHING);
	/* A bit less is nothing, a third is, a twentieth is worse. */
	assert_int_equal(pass(&s, 2 * HOUR, SEC * 3 / 2), TSN_HABIT_NOTHING);
	assert_int_equal(pass(&s, 2 * HOUR + MINUTE, 3 * SEC), TSN_HABIT_LOW);
	assert_int_equal(s.hour.median, 3600);
	assert_int_equal(s.hour.count, 1200);
	assert_int_equal(pass(&s, 2 * HOUR, 20 * SEC), TSN_HABIT_VERY_LOW);
	assert_false(s.habit.silent);
}

static void
test_night_is_a_habit_too(void **state)
{
	struct sim s = begin();

	(void)state;
	for (int day = 0; day < 5; day++) {
		assert_int_equal(pass(&s, 12 * HOUR, SEC), TSN_HABIT_NOTHING);
		assert_int_equal(pass(&s, 12 * HOUR, 5 * MINUTE), TSN_HABIT_NOTHING);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silence_by_its_own_habit),
		cmocka_unit_test(test_no_history_no_alarm),
		cmocka_unit_test(test_restart_is_no_silence),
		cmocka_unit_test(test_volume),
		cmocka_unit_test(test_night_is_a_habit_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
