/*
 * kill -9 at random moments while events come in, are sealed and merged: what was acknowledged is
 * there, once, and the store opens, after each kill.
 *
 * TOCSIN_TORTURE_KILLS and TOCSIN_TORTURE_SEED: how many, and from where the moments come.
 */
#include "world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store_int.h"

#define KILLS 20u
/* Then a new store: each of some hundred steps. */
#define KILLS_EACH 25u
/* Moments are spread over a life of a child: opening, small commits, segments, merges. */
#define LIFE_USEC 120000u

static void
child(int out)
{
	struct tsn_store *s;
	bool more;

	if (tsn_store_open(world_dir, world_keys, NULL, &s, &world_err) != TSN_OK)
		_exit(1);
	s->rows_bytes_max = 3000;
	for (unsigned step = world_steps(s); step < STEPS_MAX; step++) {
		/* Some pieces go to segments before their commit. */
		if (world_append(s, step) != TSN_OK)
			_exit(2);
		if (step % 5 == 4)
			continue;
		if ((step % 2 ? tsn_store_seal(s, &world_err) : tsn_store_commit(s, &world_err)) !=
		    TSN_OK)
			_exit(3);
		if (write(out, &step, sizeof step) != sizeof step)
			_exit(4);
		if (step % 16 == 15 && tsn_store_maintain(s, 0, &more, &world_err) != TSN_OK)
			_exit(5);
	}
	_exit(0);
}

/* One life; returns how many steps were acknowledged in all, at least `acked`. */
static unsigned
live_and_die(unsigned acked, unsigned *seed)
{
	int pipes[2], status;
	unsigned step;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(pipes[1]);
	(void)close(pipes[1]);
	(void)usleep((unsigned)rand_r(seed) % LIFE_USEC + 500);
	(void)kill(pid, SIGKILL);
	while (read(pipes[0], &step, sizeof step) == sizeof step)
		acked = step + 1;
	(void)close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		fail_msg("the child failed: %d", WEXITSTATUS(status));
	return acked;
}

static void
test_killed_at_random(void **state)
{
	unsigned kills = world_number("TOCSIN_TORTURE_KILLS", KILLS), acked = 0, steps = 0, total = 0;
	unsigned seed = world_number("TOCSIN_TORTURE_SEED", (unsigned)getpid());

	(void)state;
	print_message("# TOCSIN_TORTURE_SEED=%u\n", seed);
	for (unsigned i = 0; i < kills; i++) {
		unsigned there;

		if (i % KILLS_EACH == 0) {
			world_make_dir();
			acked = 0;
		}
		acked = live_and_die(acked, &seed);
		there = world_reopen();
		/* Up to two steps are committed together. */
		if (there < acked || there > acked + 2)
			fail_msg("kill %u: %u acknowledged, %u there", i, acked, there);
		world_check(NULL, 0, there);
		acked = there;
		if (i % KILLS_EACH == KILLS_EACH - 1 || i + 1 == kills) {
			total += there;
			steps += there > 0;
			world_remove_dir();
		}
	}
	print_message("# %u kills, %u stores, %u commits\n", kills, steps, total);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_at_random),
	};
	int failed;

	world_keys = tsn_keys_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tsn_batch_done(world_batch());
	tsn_keys_free(world_keys);
	return failed;
}
