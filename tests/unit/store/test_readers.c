/*
 * One writer and many readers in other processes: while events come in, are merged, archived,
 * removed and restored, each reader sees all that was acknowledged before it opened the store, each
 * event once, and no damage; a second writer is refused and told who the first is.
 *
 * TOCSIN_STRESS_MSEC: how long.
 */
#include "world.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/archive.h"

#define READERS 3u
#define MSEC 1500u

struct shared {
	atomic_uint acked;		/* steps */
	atomic_uint opened, moves;
	atomic_bool stop;
};

static struct shared *shared;
static char archive_dir[80];

static void
check(bool ok, int status)
{
	if (!ok)
		_exit(status);
}

static void
move_old(struct tsn_store *s, bool back)
{
	struct tsn_store_archive a = {.dir = archive_dir, .from_ns = INT64_MIN, .to_ns = INT64_MAX,
	    .remove = true};

	check((back ? tsn_store_restore(s, &a, &world_err) :
	    tsn_store_archive(s, &a, &world_err)) == TSN_OK && a.damaged == 0, 13);
	atomic_fetch_add(&shared->moves, 1);
}

static void
writer(void)
{
	struct tsn_store *s;

	check(tsn_store_open(world_dir, world_keys, NULL, &s, &world_err) == TSN_OK, 10);
	for (unsigned step = 0; step < STEPS_MAX && !atomic_load(&shared->stop); step++) {
		bool more = true;

		check(world_append(s, step) == TSN_OK, 11);
		check((step % 3 == 0 ? tsn_store_seal(s, &world_err) :
		    tsn_store_commit(s, &world_err)) == TSN_OK, 12);
		atomic_store(&shared->acked, step + 1);
		for (unsigned i = 0; step % 12 == 11 && more && i < 4; i++)
			check(tsn_store_maintain(s, 0, &more, &world_err) == TSN_OK, 14);
		if (step % 40 == 30)
			move_old(s, false);
		if (step % 40 == 39)
			move_old(s, true);
	}
	check(tsn_store_close(s, &world_err) == TSN_OK, 15);
	_exit(0);
}

static enum tsn_code
take(void *ctx, const struct tsn_batch *rows, struct tsn_err *err)
{
	struct world_seen *seen = ctx;

	(void)err;
	for (uint32_t i = 0; i < rows->count; i++) {
		check(rows->events[i].offset < sizeof seen->count, 20);
		check(seen->count[rows->events[i].offset]++ == 0, 21);
		seen->events++;
	}
	return TSN_OK;
}

static void
read_once(struct world_seen *seen)
{
	struct tsn_store_scan scan = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .rows = take,
	    .ctx = seen};
	unsigned acked = atomic_load(&shared->acked);
	struct tsn_store_reader *r;
	struct tsn_slice first;
	enum tsn_code rc = tsn_store_reader_open(world_dir, world_keys, &r, &world_err);

	if (rc == TSN_ENOTFOUND && acked == 0)
		return;
	check(rc == TSN_OK, 22);
	rc = tsn_store_reader_add(r, archive_dir, &world_err);
	if (rc == TSN_EAGAIN) {
		tsn_store_reader_close(r);
		return;
	}
	check(rc == TSN_OK || (rc == TSN_ENOTFOUND && atomic_load(&shared->moves) < 2), 23);
	memset(seen, 0, sizeof *seen);
	check(tsn_store_scan(r, &scan, &world_err) == TSN_OK, 24);
	if (tsn_store_reader_damage(r, &first) > 0) {
		print_message("# damage: %.*s\n", TSN_SLICE_ARG(first));
		_exit(25);
	}
	tsn_store_reader_close(r);
	check(seen->events % STEP_EVENTS == 0, 26);
	check(seen->events >= (uint64_t)acked * STEP_EVENTS, 27);
	for (uint64_t i = 0; i < seen->events; i++)
		check(seen->count[i] == 1, 28);
	atomic_fetch_add(&shared->opened, 1);
}

static void
reader(void)
{
	static struct world_seen seen;

	while (!atomic_load(&shared->stop))
		read_once(&seen);
	_exit(0);
}

static void
refused_writer(void)
{
	struct tsn_store *s;
	char pid[32];

	(void)snprintf(pid, sizeof pid, "process %d", (int)getpid());
	for (unsigned i = 0; i < 200; i++) {
		enum tsn_code rc = tsn_store_open(world_dir, world_keys, NULL, &s, &world_err);

		assert_int_equal(rc, TSN_EBUSY);
		assert_non_null(strstr(world_err.msg, "in use by process"));
		assert_null(strstr(world_err.msg, pid));
	}
}

static void
test_readers_beside_a_writer(void **state)
{
	unsigned msec = world_number("TOCSIN_STRESS_MSEC", MSEC);
	pid_t pids[READERS + 1];

	(void)state;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(shared != MAP_FAILED);
	world_make_dir();
	(void)snprintf(archive_dir, sizeof archive_dir, "%s.a", world_dir);
	for (unsigned i = 0; i <= READERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			if (i == 0)
				writer();
			reader();
		}
	}
	while (atomic_load(&shared->acked) == 0)
		(void)usleep(1000);
	refused_writer();
	(void)usleep(msec * 1000);
	atomic_store(&shared->stop, true);
	for (unsigned i = 0; i <= READERS; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("%s failed: status %d", i == 0 ? "the writer" : "a reader",
			    WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
	}
	print_message("# %u steps, %u moves, %u scans\n", atomic_load(&shared->acked),
	    atomic_load(&shared->moves), atomic_load(&shared->opened));
	world_check(archive_dir, 0, atomic_load(&shared->acked));
	world_remove_dir();
	(void)munmap(shared, sizeof *shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers_beside_a_writer),
	};
	int failed;

	world_keys = tsn_keys_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tsn_batch_done(world_batch());
	tsn_keys_free(world_keys);
	return failed;
}
