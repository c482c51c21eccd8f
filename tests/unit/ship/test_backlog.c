#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ship/backlog.h"

static char folder[] = "/tmp/tsn-spool-XXXXXX";

static void
clear(void)
{
	char path[512];
	DIR *d = opendir(folder);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.') {
			(void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
			(void)unlink(path);
		}
	if (d != NULL)
		(void)closedir(d);
}

static struct tsn_backlog *
open_backlog(const char *where, uint64_t max)
{
	struct tsn_backlog_options o = {.folder = where, .bytes_max = max};
	struct tsn_backlog *s = NULL;
	struct tsn_err err = {0};

	assert_int_equal(tsn_backlog_open(&o, &s, &err), TSN_OK);
	return s;
}

static void
put(struct tsn_backlog *s, unsigned from, unsigned count)
{
	char text[64];

	for (unsigned i = from; i < from + count; i++) {
		int n = snprintf(text, sizeof text, "record %u", i);

		assert_int_equal(tsn_backlog_append(s, tsn_slice_of(text, (size_t)n), NULL), TSN_OK);
	}
}

/* reads so many and checks their numbers; the place behind the last */
static struct tsn_backlog_place
take(struct tsn_backlog *s, unsigned from, unsigned count)
{
	struct tsn_backlog_place place = {0};
	struct tsn_arena a;
	char text[64];

	tsn_arena_init(&a, 64u << 20);
	for (unsigned i = from; i < from + count; i++) {
		struct tsn_slice rec;

		(void)snprintf(text, sizeof text, "record %u", i);
		assert_int_equal(tsn_backlog_next(s, &a, &rec, &place, NULL), TSN_OK);
		assert_true(tsn_slice_eq(rec, tsn_slice_cstr(text)));
		tsn_arena_reset(&a);
	}
	tsn_arena_done(&a);
	return place;
}

static void
assert_empty(struct tsn_backlog *s)
{
	struct tsn_backlog_place place;
	struct tsn_slice rec;
	struct tsn_arena a;

	tsn_arena_init(&a, 1u << 20);
	assert_int_equal(tsn_backlog_next(s, &a, &rec, &place, NULL), TSN_EAGAIN);
	tsn_arena_done(&a);
}

static void
test_order_and_files(void **state)
{
	(void)state;
	for (unsigned named = 0; named < 2; named++) {
		struct tsn_backlog *s = open_backlog(named ? folder : NULL, 64u << 20);
		char *large = calloc(1, 3u << 20);
		struct tsn_backlog_place place;
		struct tsn_slice rec;
		struct tsn_arena a;

		assert_non_null(large);
		tsn_arena_init(&a, 64u << 20);
		assert_empty(s);
		put(s, 0, 1000);
		for (unsigned i = 0; i < 5; i++)	/* beyond one file */
			assert_int_equal(tsn_backlog_append(s, tsn_slice_of(large, 3u << 20), NULL), TSN_OK);
		put(s, 1000, 10);
		(void)take(s, 0, 1000);
		for (unsigned i = 0; i < 5; i++) {
			assert_int_equal(tsn_backlog_next(s, &a, &rec, &place, NULL), TSN_OK);
			assert_int_equal(rec.len, 3u << 20);
		}
		place = take(s, 1000, 10);
		assert_empty(s);
		assert_int_equal(tsn_backlog_stats_get(s).records, 1015);
		tsn_backlog_done(s, place, 1015);
		assert_int_equal(tsn_backlog_stats_get(s).records, 0);
		assert_int_equal(tsn_backlog_stats_get(s).bytes, 0);
		put(s, 5, 1);
		(void)take(s, 5, 1);
		tsn_backlog_close(s);
		tsn_arena_done(&a);
		free(large);
		clear();
	}
}

static void
test_bound(void **state)
{
	struct tsn_backlog *s = open_backlog(NULL, 1000);
	char text[400] = {0};
	struct tsn_backlog_place place;
	struct tsn_slice rec;
	struct tsn_arena a;

	(void)state;
	tsn_arena_init(&a, 1u << 20);
	assert_int_equal(tsn_backlog_append(s, tsn_slice_of(text, sizeof text), NULL), TSN_OK);
	assert_int_equal(tsn_backlog_append(s, tsn_slice_of(text, sizeof text), NULL), TSN_OK);
	assert_int_equal(tsn_backlog_append(s, tsn_slice_of(text, sizeof text), NULL), TSN_EAGAIN);
	assert_int_equal(tsn_backlog_next(s, &a, &rec, &place, NULL), TSN_OK);
	tsn_backlog_done(s, place, 1);
	assert_int_equal(tsn_backlog_append(s, tsn_slice_of(text, sizeof text), NULL), TSN_OK);
	tsn_backlog_close(s);
	tsn_arena_done(&a);
}

static void
test_again(void **state)
{
	struct tsn_backlog *s = open_backlog(folder, 0);
	struct tsn_backlog_place place;

	(void)state;
	put(s, 0, 500);
	place = take(s, 0, 200);
	tsn_backlog_done(s, place, 200);
	(void)take(s, 200, 50);		/* read, not acknowledged */
	tsn_backlog_close(s);
	s = open_backlog(folder, 0);
	assert_int_equal(tsn_backlog_stats_get(s).found, 300);
	put(s, 500, 5);
	place = take(s, 200, 305);
	tsn_backlog_done(s, place, 305);
	tsn_backlog_close(s);
	s = open_backlog(folder, 0);
	assert_int_equal(tsn_backlog_stats_get(s).found, 0);
	assert_empty(s);
	put(s, 0, 3);
	(void)take(s, 0, 3);
	tsn_backlog_close(s);
	clear();
}

/* Cut or damaged anywhere: what is before it is there, nothing else, and it goes on. */
static void
test_damage(void **state)
{
	char path[512];

	(void)state;
	(void)snprintf(path, sizeof path, "%s/%016x.q", folder, 1);
	for (unsigned cut = 0; cut < 60; cut++) {
		struct tsn_backlog *s = open_backlog(folder, 0);
		struct tsn_backlog_stats st;
		unsigned whole = cut / 20;
		int fd;

		put(s, 0, 3);		/* 3 * (12 + 8) bytes */
		assert_int_equal(tsn_backlog_flush(s, true, NULL), TSN_OK);
		tsn_backlog_close(s);
		if (cut % 2 == 0) {
			assert_int_equal(truncate(path, cut), 0);
		} else {
			fd = open(path, O_RDWR);
			assert_int_equal(pwrite(fd, "\xff", 1, cut), 1);
			(void)close(fd);
		}
		s = open_backlog(folder, 0);
		st = tsn_backlog_stats_get(s);
		assert_int_equal(st.found, whole);
		put(s, whole, 2);
		(void)take(s, 0, whole + 2);
		tsn_backlog_close(s);
		clear();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_order_and_files),
	    cmocka_unit_test(test_bound), cmocka_unit_test(test_again), cmocka_unit_test(test_damage)};
	int failed;

	if (mkdtemp(folder) == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	clear();
	(void)rmdir(folder);
	return failed;
}
