/*
 * The store when the machine fails it: each file operation in turn, the process killed at random
 * moments, bits that flip.  What was acknowledged must be there, once; damage must be named.
 *
 * TOCSIN_TORTURE=N makes the random parts N times as long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/file_int.h"
#include "store/verify.h"

#define STEPS 14u
#define STEP_EVENTS 20u
#define KILLS 12u
#define FLIPS 60u

static struct tsn_keys *keys;
static char dir[64];
static struct tsn_err err;
static const struct tsn_source source = {.path = {"/var/log/t", 10}};

static void
remove_dir(void)
{
	char cmd[128];

	assert_true(snprintf(cmd, sizeof cmd, "rm -rf %s", dir) > 0);
	assert_int_equal(system(cmd), 0);
}

static void
make_dir(void)
{
	(void)snprintf(dir, sizeof dir, "/tmp/tsn-store-XXXXXX");
	assert_non_null(mkdtemp(dir));
}

static unsigned
times(unsigned n)
{
	const char *text = getenv("TOCSIN_TORTURE");

	return text == NULL ? n : n * (unsigned)strtoul(text, NULL, 10);
}

/* ---- what is stored: event n of step k has offset k * STEP_EVENTS + n ---- */

static void
make_step(struct tsn_batch *b, unsigned step)
{
	tsn_batch_reset(b);
	for (unsigned i = 0; i < STEP_EVENTS; i++) {
		unsigned n = step * STEP_EVENTS + i;
		struct tsn_event *ev = tsn_batch_begin(b);
		char text[128];

		assert_non_null(ev);
		(void)snprintf(text, sizeof text, "line %u of user%u from 10.0.%u.%u", n, n % 7, n % 3,
		    n % 200);
		ev->original = tsn_arena_dup(&b->arena, tsn_slice_cstr(text));
		ev->source = &source;
		ev->offset = n;
		ev->line = n + 1;
		ev->time_ns = (int64_t)n * TSN_NS_PER_SEC * 100;
		tsn_event_add_str(b, TSN_F_USER_NAME, TSN_SLICE("root"));
		tsn_batch_seal(b);
	}
}

/* How many steps the store says it has. */
static unsigned
steps_of(const struct tsn_store *s)
{
	size_t n;
	const struct tsn_store_range *r = tsn_store_ranges(s, source.path, &n);

	return n == 0 ? 0 : (unsigned)r[n - 1].end;
}

static enum tsn_code
add_step(struct tsn_store *s, struct tsn_batch *b, unsigned step)
{
	struct tsn_store_range range = {.source = source.path, .begin = 0, .end = step + 1,
	    .extends = true};
	bool more;

	make_step(b, step);
	TSN_TRY(tsn_store_append(s, b, &err));
	TSN_TRY(tsn_store_append_range(s, &range, &err));
	TSN_TRY(step % 2 ? tsn_store_seal(s, &err) : tsn_store_commit(s, &err));
	/* Housekeeping may fail without harm to what was acknowledged. */
	if (step > 11 && tsn_store_maintain(s, 0, &more, &err) == TSN_ENOMEM)
		return TSN_ENOMEM;
	return TSN_OK;
}

struct seen {
	unsigned char count[STEPS * STEP_EVENTS * 64];
	uint64_t events;
};

static enum tsn_code
on_rows(void *ctx, const struct tsn_batch *rows, struct tsn_err *e)
{
	struct seen *s = ctx;

	(void)e;
	for (uint32_t i = 0; i < rows->count; i++) {
		const struct tsn_event *ev = &rows->events[i];
		char text[128];

		assert_true(ev->offset < sizeof s->count);
		(void)snprintf(text, sizeof text, "line %u of user%u from 10.0.%u.%u",
		    (unsigned)ev->offset, (unsigned)ev->offset % 7, (unsigned)ev->offset % 3,
		    (unsigned)ev->offset % 200);
		assert_true(tsn_slice_eq(ev->original, tsn_slice_cstr(text)));
		s->count[ev->offset]++;
		s->events++;
	}
	return TSN_OK;
}

/* The first `steps` steps are there, each event once, and nothing else. */
static void
check_steps(unsigned steps)
{
	static struct seen seen;
	struct tsn_store_scan scan = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .rows = on_rows,
	    .ctx = &seen};
	struct tsn_store_verify v = {0};
	struct tsn_store_reader *r;

	memset(&seen, 0, sizeof seen);
	assert_int_equal(tsn_store_reader_open(dir, keys, &r, &err), TSN_OK);
	assert_int_equal(tsn_store_scan(r, &scan, &err), TSN_OK);
	tsn_store_reader_close(r);
	for (unsigned i = 0; i < steps * STEP_EVENTS; i++)
		if (seen.count[i] != 1)
			fail_msg("event %u is there %u times", i, seen.count[i]);
	assert_int_equal(seen.events, steps * STEP_EVENTS);
	assert_int_equal(tsn_store_verify(dir, keys, &v, &err), TSN_OK);
	assert_int_equal(v.damaged, 0);
}

/* ---- failing file operations ---- */

enum mode { MODE_EIO, MODE_ENOSPC, MODE_SHORT, MODE_CRASH, MODE__COUNT };

static enum mode mode;
static unsigned fail_at, op_count;
static bool dead;

static bool
fails(void)
{
	if (dead) {
		errno = EIO;
		return true;
	}
	if (++op_count != fail_at)
		return false;
	errno = mode == MODE_ENOSPC ? ENOSPC : EIO;
	dead = mode == MODE_CRASH;
	return mode != MODE_SHORT;
}

static int
t_open(const char *path, int flags, mode_t m)
{
	return fails() ? -1 : open(path, flags, m);
}

static ssize_t
t_write(int fd, const void *buf, size_t len)
{
	bool before = dead;
	unsigned next = op_count + 1;

	if (!fails())
		return write(fd, buf, next == fail_at && len > 1 ? len / 2 : len);
	/* The process dies in the middle of it. */
	if (dead && !before && len > 1)
		(void)!write(fd, buf, len / 2);
	errno = mode == MODE_ENOSPC ? ENOSPC : EIO;
	return -1;
}

static ssize_t
t_pread(int fd, void *buf, size_t len, off_t at)
{
	return fails() ? -1 : pread(fd, buf, len, at);
}

static int
t_sync(int fd)
{
	(void)fd;
	return fails() ? -1 : 0;
}

static int
t_rename(const char *from, const char *to)
{
	return fails() ? -1 : rename(from, to);
}

static int
t_unlink(const char *path)
{
	return fails() ? -1 : unlink(path);
}

static int
t_truncate(int fd, off_t len)
{
	return fails() ? -1 : ftruncate(fd, len);
}

static const struct file_ops failing = {t_open, close, t_write, t_pread, t_sync, t_rename, t_unlink,
	t_truncate};

/* Adds all steps as a careful program would: it asks the store after every failure. */
static void
run_scenario(struct tsn_batch *b, unsigned *ret_acked)
{
	struct tsn_store *s = NULL;
	unsigned acked = 0, tries = 0;

	while (acked < STEPS && tries < 40) {
		enum tsn_code rc = TSN_OK;

		if (s == NULL) {
			tries++;
			if (tsn_store_open(dir, keys, NULL, &s, &err) != TSN_OK) {
				s = NULL;
				if (dead)
					break;
				continue;
			}
			if (steps_of(s) < acked)
				fail_msg("op %u: %u steps acknowledged, %u there", fail_at, acked,
				    steps_of(s));
			acked = steps_of(s);
			if (acked == STEPS)
				break;
		}
		rc = add_step(s, b, acked);
		if (rc == TSN_OK) {
			acked++;
			continue;
		}
		/* What was appended before the failure must not be committed by closing. */
		dead = true;
		(void)!tsn_store_close(s, NULL);
		s = NULL;
		if (mode == MODE_CRASH)
			break;
		dead = false;
	}
	if (s != NULL && tsn_store_close(s, &err) != TSN_OK)
		acked = steps_of(NULL == s ? s : s);
	*ret_acked = acked;
}

static void
test_each_operation_fails(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done);

	(void)state;
	assert_int_equal(tsn_batch_init(&b, keys, STEP_EVENTS), TSN_OK);
	for (mode = 0; mode < MODE__COUNT; mode++) {
		for (fail_at = 1;; fail_at++) {
			struct tsn_store *s;
			unsigned acked, there;
			bool reached;

			make_dir();
			op_count = 0;
			dead = false;
			file_ops = &failing;
			run_scenario(&b, &acked);
			reached = op_count >= fail_at;
			dead = false;
			op_count = fail_at;	/* behind the failure: all goes well */
			if (tsn_store_open(dir, keys, NULL, &s, &err) != TSN_OK)
				fail_msg("mode %d op %u: does not open: %s", (int)mode, fail_at, err.msg);
			there = steps_of(s);
			if (there < acked || there > acked + 1)
				fail_msg("mode %d op %u: %u acknowledged, %u there", (int)mode, fail_at,
				    acked, there);
			assert_int_equal(tsn_store_close(s, &err), TSN_OK);
			check_steps(there);
			file_ops = &file_ops_libc;
			remove_dir();
			if (!reached)
				break;
			if (fail_at > 40)
				fail_at += 4;	/* the later ones repeat the earlier */
		}
		print_message("# mode %d: %u operations\n", (int)mode, fail_at);
	}
}

/* ---- kill -9 ---- */

static void
child(int out)
{
	struct tsn_batch b;
	struct tsn_store *s;

	if (tsn_batch_init(&b, keys, STEP_EVENTS) != TSN_OK ||
	    tsn_store_open(dir, keys, NULL, &s, &err) != TSN_OK)
		_exit(1);
	for (unsigned step = steps_of(s); step < STEPS * 60; step++) {
		if (add_step(s, &b, step) != TSN_OK)
			_exit(2);
		if (write(out, &step, sizeof step) != sizeof step)
			_exit(3);
	}
	_exit(0);
}

static void
test_killed_at_random(void **state)
{
	unsigned acked = 0, most = 0, seed = (unsigned)getpid();

	(void)state;
	make_dir();
	print_message("# seed %u\n", seed);
	for (unsigned i = 0; i < times(KILLS); i++) {
		int pipes[2], status;
		unsigned step;
		pid_t pid;

		assert_int_equal(pipe(pipes), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			child(pipes[1]);
		close(pipes[1]);
		(void)usleep((unsigned)rand_r(&seed) % 60000u + 2000u);
		(void)kill(pid, SIGKILL);
		while (read(pipes[0], &step, sizeof step) == sizeof step)
			most = acked = step + 1;
		/* Each kill may leave one more step that is durable and was not acknowledged. */
		most++;
		close(pipes[0]);
		(void)waitpid(pid, &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
			fail_msg("child failed: %d", WEXITSTATUS(status));
	}
	{
		struct tsn_store *s;
		unsigned there;

		assert_int_equal(tsn_store_open(dir, keys, NULL, &s, &err), TSN_OK);
		there = steps_of(s);
		assert_true(there >= acked && there <= most);
		assert_int_equal(tsn_store_close(s, &err), TSN_OK);
		check_steps(there);
	}
	remove_dir();
}

/* ---- bit flips ---- */

static char *
pick_file(unsigned *seed, char *path, size_t cap)
{
	char cmd[256];
	FILE *f;
	unsigned n = 0, want;

	(void)snprintf(cmd, sizeof cmd, "ls %s | grep -v LOCK", dir);
	f = popen(cmd, "r");
	assert_non_null(f);
	while (fgets(path, (int)cap, f) != NULL)
		n++;
	pclose(f);
	want = (unsigned)rand_r(seed) % n;
	f = popen(cmd, "r");
	assert_non_null(f);
	for (unsigned i = 0; i <= want; i++)
		assert_non_null(fgets(path, (int)cap, f));
	pclose(f);
	path[strcspn(path, "\n")] = '\0';
	return path;
}

static enum tsn_code
on_flipped(void *ctx, const struct tsn_batch *rows, struct tsn_err *e)
{
	return on_rows(ctx, rows, e);
}

/* True when all events are there and right; what is missing must have been named. */
static void
check_flipped(const char *what)
{
	static struct seen seen;
	struct tsn_store_scan scan = {.from_ns = INT64_MIN, .to_ns = INT64_MAX,
	    .rows = on_flipped, .ctx = &seen};
	struct tsn_store_verify v = {0};
	struct tsn_store_reader *r;
	struct tsn_slice first;
	bool named;

	memset(&seen, 0, sizeof seen);
	if (tsn_store_reader_open(dir, keys, &r, &err) != TSN_OK)
		return;
	assert_int_equal(tsn_store_scan(r, &scan, &err), TSN_OK);
	named = tsn_store_reader_damage(r, &first) > 0;
	tsn_store_reader_close(r);
	assert_int_equal(tsn_store_verify(dir, keys, &v, &err), TSN_OK);
	if (seen.events != STEPS * STEP_EVENTS && (!named || v.damaged == 0))
		fail_msg("%s: %llu events, nothing named", what, (unsigned long long)seen.events);
	for (unsigned i = 0; i < STEPS * STEP_EVENTS; i++)
		assert_true(seen.count[i] <= 1);
}

static void
test_bit_flips(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done);
	unsigned seed = (unsigned)getpid();
	struct tsn_store *s;

	(void)state;
	make_dir();
	print_message("# seed %u\n", seed);
	assert_int_equal(tsn_batch_init(&b, keys, STEP_EVENTS), TSN_OK);
	assert_int_equal(tsn_store_open(dir, keys, NULL, &s, &err), TSN_OK);
	for (unsigned i = 0; i < STEPS - 3; i++)
		assert_int_equal(add_step(s, &b, i), TSN_OK);
	/* The last ones stay in the journal: more than one, so that a bad one is seen as such. */
	for (unsigned i = STEPS - 3; i < STEPS; i++) {
		make_step(&b, i);
		assert_int_equal(tsn_store_append(s, &b, &err), TSN_OK);
		assert_int_equal(tsn_store_commit(s, &err), TSN_OK);
	}
	assert_int_equal(tsn_store_close(s, &err), TSN_OK);
	for (unsigned i = 0; i < times(FLIPS); i++) {
		char name[128], path[256], what[400];
		unsigned char byte;
		off_t at;
		int fd;

		(void)snprintf(path, sizeof path, "%s/%s", dir, pick_file(&seed, name, sizeof name));
		fd = open(path, O_RDWR);
		assert_true(fd >= 0);
		at = (off_t)rand_r(&seed) % lseek(fd, 0, SEEK_END);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= (unsigned char)(1u << (i % 8));
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		(void)snprintf(what, sizeof what, "%s byte %lld", name, (long long)at);
		check_flipped(what);
		byte ^= (unsigned char)(1u << (i % 8));
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		close(fd);
	}
	check_steps(STEPS);
	remove_dir();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_operation_fails),
		cmocka_unit_test(test_killed_at_random),
		cmocka_unit_test(test_bit_flips),
	};
	int failed;

	keys = tsn_keys_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tsn_keys_free(keys);
	return failed;
}
