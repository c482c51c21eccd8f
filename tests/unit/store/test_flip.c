/*
 * Bits that flip, anywhere in a store: reading never crashes and never gives a wrong event or count;
 * what is missing is named, by the scan and by verify; the writer opens the store and serves the
 * rest, with the damaged file set aside and named, or refuses it with a reason.
 *
 * TOCSIN_TORTURE_FLIPS and TOCSIN_TORTURE_SEED: how many, and from where the places come.
 */
#include "world.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLIPS 300u
#define STEPS 14u
/* The writer's side costs more: of each so many flips. */
#define WRITER_EACH 4u
#define FILES_MAX 64u

static char names[FILES_MAX][64];
static off_t sizes[FILES_MAX];
static uint32_t file_count;
static struct world_seen seen;

static void
list_files(void)
{
	DIR *d = opendir(world_dir);

	assert_non_null(d);
	file_count = 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		char path[400];
		struct stat st;

		(void)snprintf(path, sizeof path, "%s/%s", world_dir, e->d_name);
		if (e->d_name[0] == '.' || strcmp(e->d_name, "LOCK") == 0 || stat(path, &st) != 0 ||
		    st.st_size == 0)
			continue;
		assert_true(file_count < FILES_MAX);
		(void)snprintf(names[file_count], sizeof names[0], "%.63s", e->d_name);
		sizes[file_count++] = st.st_size;
	}
	(void)closedir(d);
}

/* Files by their bytes, but each has its share. */
static uint32_t
pick_file(unsigned *seed)
{
	off_t total = 0, at;

	if (rand_r(seed) % 3 == 0)
		return (uint32_t)rand_r(seed) % file_count;
	for (uint32_t i = 0; i < file_count; i++)
		total += sizes[i];
	at = (off_t)rand_r(seed) % total;
	for (uint32_t i = 0; i < file_count; i++) {
		if (at < sizes[i])
			return i;
		at -= sizes[i];
	}
	return 0;
}

static void
flip(const char *path, off_t at, unsigned bit)
{
	int fd = open(path, O_RDWR);
	unsigned char byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= (unsigned char)(1u << bit);
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	(void)close(fd);
}

static enum tsn_code
on_tally(void *ctx, const struct tsn_batch *rows, const uint64_t *counts, struct tsn_err *err)
{
	(void)err;
	for (uint32_t i = 0; i < rows->count; i++)
		*(uint64_t *)ctx += counts[i];
	return TSN_OK;
}

static enum tsn_code
count_root(void *ctx, const struct tsn_batch *rows, struct tsn_err *err)
{
	(void)err;
	for (uint32_t i = 0; i < rows->count; i++) {
		const struct tsn_field *f = tsn_event_find(&rows->events[i], TSN_F_USER_NAME);

		if (f != NULL && tsn_slice_eq(tsn_slice_of(f->ptr, f->len), TSN_SLICE("root")))
			(*(uint64_t *)ctx)++;
	}
	return TSN_OK;
}

/* How many events of root a search counts; *ret_named: damage was named. */
static uint64_t
search(bool tally, bool *ret_named)
{
	struct tsn_arena arena;
	uint64_t n = 0;
	const tsn_key by[] = {TSN_F_USER_NAME};
	struct tsn_store_scan scan = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .rows = count_root,
	    .fields = by, .field_count = 1, .ctx = &n};
	struct tsn_store_reader *r;
	struct tsn_slice first;

	tsn_arena_init(&arena, 1u << 20);
	scan.hint = tsn_pred_atom(&arena, &(struct tsn_atom){.op = TSN_ATOM_EQ,
	    .field = TSN_SLICE("user.name"), .value = TSN_SLICE("root")});
	if (tally) {
		scan.tally = on_tally;
		scan.tally_fields = by;
		scan.tally_field_count = 1;
	}
	*ret_named = true;
	if (tsn_store_reader_open(world_dir, world_keys, &r, &world_err) == TSN_OK) {
		assert_int_equal(tsn_store_scan(r, &scan, &world_err), TSN_OK);
		*ret_named = tsn_store_reader_damage(r, &first) > 0;
		tsn_store_reader_close(r);
	}
	tsn_arena_done(&arena);
	return n;
}

static void
check_readers(const char *what)
{
	struct tsn_store_scan scan = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .rows = world_see,
	    .ctx = &seen};
	struct tsn_store_verify v = {0};
	struct tsn_store_reader *r;
	struct tsn_slice first;
	bool named;

	if (tsn_store_reader_open(world_dir, world_keys, &r, &world_err) != TSN_OK) {
		if (world_err.msg[0] == '\0')
			fail_msg("%s: refused without a reason", what);
		return;
	}
	memset(&seen, 0, sizeof seen);
	assert_int_equal(tsn_store_scan(r, &scan, &world_err), TSN_OK);
	named = tsn_store_reader_damage(r, &first) > 0;
	tsn_store_reader_close(r);
	assert_int_equal(tsn_store_verify(world_dir, world_keys, &v, &world_err), TSN_OK);
	if (seen.events != STEPS * STEP_EVENTS && (!named || v.damaged == 0))
		fail_msg("%s: %llu events, named %d, verify %llu", what,
		    (unsigned long long)seen.events, named, (unsigned long long)v.damaged);
	if (v.damaged == 0)
		fail_msg("%s: verify finds nothing", what);
	for (unsigned i = 0; i < STEPS * STEP_EVENTS; i++)
		assert_true(seen.count[i] <= 1);
	for (unsigned tally = 0; tally < 2; tally++) {
		uint64_t n = search(tally, &named), all = STEPS * STEP_EVENTS / 5;

		if (n > all || (n < all && !named))
			fail_msg("%s: a search %s %llu of %llu", what, tally ? "counts" : "finds",
			    (unsigned long long)n, (unsigned long long)all);
	}
}

/* On a copy: the writer puts things in order. */
static void
check_writer(const char *what)
{
	char original[64], cmd[200];
	struct tsn_store_verify v = {0};
	struct tsn_slice first;
	struct tsn_store *s;

	memcpy(original, world_dir, sizeof original);
	(void)snprintf(cmd, sizeof cmd, "cp -r %s %s.w", original, original);
	assert_int_equal(system(cmd), 0);
	(void)snprintf(world_dir, sizeof world_dir, "%.60s.w", original);
	if (tsn_store_open(world_dir, world_keys, NULL, &s, &world_err) == TSN_OK) {
		bool told = tsn_store_damage(s, &first) > 0;
		bool more = true;

		for (unsigned i = 0; i < 4 && more; i++)
			if (tsn_store_maintain(s, 0, &more, &world_err) != TSN_OK)
				fail_msg("%s: housekeeping: %s", what, world_err.msg);
		assert_int_equal(world_append(s, STEPS), TSN_OK);
		assert_int_equal(tsn_store_seal(s, &world_err), TSN_OK);
		told |= tsn_store_damage(s, &first) > 0;
		assert_int_equal(tsn_store_close(s, &world_err), TSN_OK);
		assert_int_equal(tsn_store_verify(world_dir, world_keys, &v, &world_err), TSN_OK);
		if (v.events != (STEPS + 1) * STEP_EVENTS && !told && v.damaged == 0)
			fail_msg("%s: %llu events, and nobody was told", what,
			    (unsigned long long)v.events);
		if (v.events + v.quarantined_events < STEP_EVENTS)
			fail_msg("%s: everything is gone", what);
	} else if (world_err.msg[0] == '\0') {
		fail_msg("%s: refused without a reason", what);
	}
	world_remove_dir();
	memcpy(world_dir, original, sizeof original);
}

static void
fill(void)
{
	struct tsn_store *s;

	world_make_dir();
	assert_int_equal(tsn_store_open(world_dir, world_keys, NULL, &s, &world_err), TSN_OK);
	/* The last ones stay in the journal: more than one, so that a bad one is seen as such. */
	for (unsigned i = 0; i < STEPS; i++) {
		assert_int_equal(world_append(s, i), TSN_OK);
		assert_int_equal(i < STEPS - 3 && i % 2 == 0 ? tsn_store_seal(s, &world_err) :
							       tsn_store_commit(s, &world_err), TSN_OK);
	}
	assert_int_equal(tsn_store_close(s, &world_err), TSN_OK);
	list_files();
}

static void
test_bit_flips(void **state)
{
	unsigned flips = world_number("TOCSIN_TORTURE_FLIPS", FLIPS);
	unsigned seed = world_number("TOCSIN_TORTURE_SEED", (unsigned)getpid());

	(void)state;
	print_message("# TOCSIN_TORTURE_SEED=%u\n", seed);
	fill();
	for (unsigned i = 0; i < flips; i++) {
		uint32_t f = pick_file(&seed);
		off_t at = (off_t)rand_r(&seed) % sizes[f];
		unsigned bit = (unsigned)rand_r(&seed) % 8;
		char path[200], what[200];

		(void)snprintf(path, sizeof path, "%.60s/%.63s", world_dir, names[f]);
		(void)snprintf(what, sizeof what, "%.63s byte %lld bit %u", names[f], (long long)at, bit);
		flip(path, at, bit);
		check_readers(what);
		if (i % WRITER_EACH == 0)
			check_writer(what);
		flip(path, at, bit);
	}
	world_check(NULL, 0, STEPS);
	world_remove_dir();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bit_flips),
	};
	int failed;

	world_keys = tsn_keys_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tsn_batch_done(world_batch());
	tsn_keys_free(world_keys);
	return failed;
}
