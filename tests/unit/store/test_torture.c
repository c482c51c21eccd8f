/*
 * The store when the machine fails it: each file operation in turn fails, in each way it can, while
 * events come in, are sealed, merged, dropped by retention, archived and restored.  What was
 * acknowledged must be there, once.
 *
 * TOCSIN_TORTURE_ALL=1 takes every operation; without it some of each kind.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/archive.h"
#include "store/store_int.h"

#define STEPS 16u
#define SAMPLES 8u
#define TRIES_MAX 500u

static const char *const fault_names[] = {"EIO", "ENOSPC", "full disk", "short write", "crash",
	"crash, unsynced lost"};

struct told {
	int64_t from_ns, to_ns;
} told[64];
static unsigned told_count;

static void
on_drop(void *ctx, const struct tsn_store_drop *d)
{
	(void)ctx;
	assert_true(told_count < TSN_COUNT(told));
	if (!d->done)
		told[told_count++] = (struct told){d->time_min, d->time_max};
}

/* As a careful program would: not now is not never. */
static enum tsn_code
patient_add(struct tsn_store *s, unsigned step)
{
	enum tsn_code rc;
	unsigned tries = 0;
	bool more;

	while ((rc = world_append(s, step)) == TSN_EAGAIN && tries++ < TRIES_MAX)
		;
	/* Some pieces wait in memory together for their commit. */
	if (rc != TSN_OK || step % 4 == 2)
		return rc;
	while ((rc = step % 2 ? tsn_store_seal(s, &world_err) :
	    tsn_store_commit(s, &world_err)) == TSN_EAGAIN && tries++ < TRIES_MAX)
		;
	if (rc == TSN_OK && step > 11)
		(void)!tsn_store_maintain(s, 0, &more, NULL);
	return rc;
}

/* Adds all steps, opening the store again after a failure; returns how many were acknowledged. */
static unsigned
live(const struct tsn_store_options *options)
{
	struct tsn_store *s = NULL;
	unsigned acked = 0, next = 0;

	for (unsigned tries = 0; acked < STEPS && tries < 60 && !fault_is_dead();) {
		if (s == NULL) {
			tries++;
			if (tsn_store_open(world_dir, world_keys, options, &s, &world_err) != TSN_OK) {
				s = NULL;
				continue;
			}
			/* Small enough that rows go to segments before their commit. */
			s->rows_bytes_max = 3000;
			next = world_steps(s);
			if (next < acked)
				fail_msg("%u steps acknowledged, %u there", acked, next);
			acked = next;
		}
		if (next == STEPS)
			break;
		if (patient_add(s, next) != TSN_OK) {
			tsn_store_abandon(s);
			s = NULL;
			continue;
		}
		next++;
		if ((next - 1) % 4 != 2)
			acked = next;
	}
	tsn_store_abandon(s);
	return acked;
}

/* Runs the scenario with each operation failing, or with samples of them. */
static void
each_operation(void (*scenario)(enum fault what, unsigned at, unsigned seed))
{
	bool all = world_number("TOCSIN_TORTURE_ALL", 0) != 0;
	unsigned seed = world_number("TOCSIN_TORTURE_SEED", (unsigned)getpid());

	print_message("# TOCSIN_TORTURE_SEED=%u\n", seed);
	for (enum fault what = 0; what < FAULT__COUNT; what++) {
		unsigned total, runs = 0, at;

		scenario(what, UINT32_MAX, seed);
		total = fault_count();
		for (at = 1; at <= total; runs++) {
			scenario(what, at, seed + at);
			at += all || total < SAMPLES ? 1 : 1 + (unsigned)rand_r(&seed) %
			    (2 * total / SAMPLES);
		}
		print_message("# %s: %u of %u operations\n", fault_names[what], runs, total);
	}
}

static void
ingest(enum fault what, unsigned at, unsigned seed)
{
	unsigned acked, there;

	world_make_dir();
	fault_arm(what, at, seed);
	acked = live(NULL);
	if (at == UINT32_MAX && acked != STEPS)
		fail_msg("without a fault: %u steps, %s", acked, world_err.msg);
	fault_end();
	there = world_reopen();
	/* Up to two steps are committed together. */
	if (there < acked || there > acked + 2)
		fail_msg("%s at %u: %u acknowledged, %u there", fault_names[what], at, acked, there);
	world_check(NULL, 0, there);
	world_remove_dir();
}

static void
test_ingest_and_merge(void **state)
{
	(void)state;
	each_operation(ingest);
}

/* Everything is either there, once, or was told to be dropped before it was. */
static void
retain(enum fault what, unsigned at, unsigned seed)
{
	static struct world_seen seen;
	const struct tsn_store_options options = {.retention_bytes = 4000, .dropping = on_drop};
	unsigned acked;

	world_make_dir();
	told_count = 0;
	fault_arm(what, at, seed);
	acked = live(&options);
	fault_end();
	acked = world_reopen() < acked ? UINT32_MAX : acked;
	assert_int_not_equal(acked, UINT32_MAX);
	world_scan(NULL, &seen);
	for (unsigned i = 0; i < acked * STEP_EVENTS; i++) {
		int64_t ns = (int64_t)i * TSN_NS_PER_SEC * 100;
		bool dropped = false;

		for (unsigned k = 0; k < told_count && !dropped; k++)
			dropped = ns >= told[k].from_ns && ns <= told[k].to_ns;
		if (seen.count[i] > 1 || (seen.count[i] == 0 && !dropped))
			fail_msg("%s at %u: event %u of %u is there %u times, dropped %d",
			    fault_names[what], at, i, acked * STEP_EVENTS, seen.count[i], dropped);
	}
	assert_true(at != UINT32_MAX || told_count > 0);
	world_remove_dir();
}

static void
test_retention(void **state)
{
	(void)state;
	each_operation(retain);
}

/* ---- archive ---- */

static char archive_dir[80];

static enum tsn_code
move(bool back, bool jsonl)
{
	struct tsn_store_archive a = {.dir = archive_dir, .from_ns = INT64_MIN, .to_ns = INT64_MAX,
	    .jsonl = jsonl, .remove = !jsonl};
	struct tsn_store *s;
	enum tsn_code rc = tsn_store_open(world_dir, world_keys, NULL, &s, &world_err);

	if (rc != TSN_OK)
		return rc;
	rc = back ? tsn_store_restore(s, &a, &world_err) : tsn_store_archive(s, &a, &world_err);
	assert_int_equal(a.damaged, 0);
	tsn_store_abandon(s);
	return rc;
}

static void
fill(void)
{
	struct tsn_store *s;

	world_make_dir();
	(void)snprintf(archive_dir, sizeof archive_dir, "%s.a", world_dir);
	assert_int_equal(tsn_store_open(world_dir, world_keys, NULL, &s, &world_err), TSN_OK);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(world_add(s, i), TSN_OK);
	assert_int_equal(tsn_store_close(s, &world_err), TSN_OK);
}

static void
archive(enum fault what, unsigned at, unsigned seed)
{
	static struct world_seen seen;

	fill();
	fault_arm(what, at, seed);
	(void)!move(false, false);
	fault_end();
	assert_int_equal(world_reopen(), 6);
	world_check(archive_dir, 0, 6);
	assert_int_equal(move(false, false), TSN_OK);
	world_check(archive_dir, 0, 6);
	world_scan(NULL, &seen);
	assert_int_equal(seen.events, 0);
	world_remove_dir();
}

static void
restore(enum fault what, unsigned at, unsigned seed)
{
	fill();
	assert_int_equal(move(false, false), TSN_OK);
	fault_arm(what, at, seed);
	(void)!move(true, false);
	fault_end();
	world_check(archive_dir, 0, 6);
	assert_int_equal(move(true, false), TSN_OK);
	world_check(NULL, 0, 6);
	world_check(archive_dir, 0, 6);
	world_remove_dir();
}

static void
test_archive_and_restore(void **state)
{
	(void)state;
	each_operation(archive);
	each_operation(restore);
}

/* Lines of all files of the archive. */
static unsigned
lines_of(const char *what)
{
	char cmd[300], text[32] = "";
	FILE *f;

	(void)snprintf(cmd, sizeof cmd, "cat %s/%s | sort | uniq | wc -l; cat %s/%s | wc -l",
	    archive_dir, what, archive_dir, what);
	f = popen(cmd, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof text, f));
	{
		unsigned different = (unsigned)strtoul(text, NULL, 10);

		assert_non_null(fgets(text, sizeof text, f));
		assert_int_equal(strtoul(text, NULL, 10), different);
		(void)pclose(f);
		return different;
	}
}

static void
lines(enum fault what, unsigned at, unsigned seed)
{
	fill();
	fault_arm(what, at, seed);
	(void)!move(false, true);
	fault_end();
	assert_int_equal(move(false, true), TSN_OK);
	assert_int_equal(lines_of("dt=*/*.jsonl"), 6 * STEP_EVENTS);
	world_check(NULL, 0, 6);
	world_remove_dir();
}

static void
test_json_lines(void **state)
{
	(void)state;
	each_operation(lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ingest_and_merge),
		cmocka_unit_test(test_retention),
		cmocka_unit_test(test_archive_and_restore),
		cmocka_unit_test(test_json_lines),
	};
	int failed;

	world_keys = tsn_keys_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tsn_batch_done(world_batch());
	tsn_keys_free(world_keys);
	return failed;
}
