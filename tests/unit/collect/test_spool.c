#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/spool.h"

#define MAX (64u << 10)

static char path[64];

static int
setup(void **state)
{
	int fd;

	(void)state;
	(void)snprintf(path, sizeof path, "/tmp/tocsin-spool-XXXXXX");
	fd = mkstemp(path);
	if (fd >= 0)
		(void)close(fd);
	return fd < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static struct tsn_spool *
open_at(struct tsn_spool_mark from)
{
	struct tsn_spool *s;
	struct tsn_err err = {0};

	assert_int_equal(tsn_spool_open(path, MAX, &from, &s, &err), TSN_OK);
	return s;
}

static void
put(struct tsn_spool *s, const char *text)
{
	assert_int_equal(tsn_spool_put(s, tsn_slice_cstr(text), NULL), TSN_OK);
}

static void
expect(struct tsn_spool *s, const char *want)
{
	struct tsn_buf b;

	tsn_buf_init(&b, TSN_SPOOL_BLOCK_MAX);
	if (want == NULL) {
		assert_int_equal(tsn_spool_take(s, &b, NULL), TSN_EAGAIN);
	} else {
		assert_int_equal(tsn_spool_take(s, &b, NULL), TSN_OK);
		assert_true(tsn_slice_eq(tsn_buf_get(&b), tsn_slice_cstr(want)));
	}
	tsn_buf_done(&b);
}

static void
test_order_and_restart(void **state)
{
	struct tsn_spool *s = open_at((struct tsn_spool_mark){0});
	struct tsn_spool_mark mark;

	(void)state;
	expect(s, NULL);
	put(s, "one");
	put(s, "two");
	expect(s, "one");
	mark = tsn_spool_mark(s);
	put(s, "three");
	expect(s, "two");
	tsn_spool_close(s);
	/* What was taken behind the mark was not durable. */
	s = open_at(mark);
	expect(s, "two");
	expect(s, "three");
	expect(s, NULL);
	mark = tsn_spool_mark(s);
	tsn_spool_done(s, &mark);
	assert_true(tsn_spool_empty(s));
	put(s, "four");
	tsn_spool_close(s);
	/* An old mark is of another generation. */
	s = open_at(mark);
	expect(s, "four");
	tsn_spool_close(s);
}

static void
test_bound(void **state)
{
	struct tsn_spool *s = open_at((struct tsn_spool_mark){0});
	static char block[8192];
	struct tsn_spool_mark mark;
	struct tsn_buf b;
	int put_count = 0;

	(void)state;
	tsn_buf_init(&b, TSN_SPOOL_BLOCK_MAX);
	while (tsn_spool_put(s, tsn_slice_of(block, sizeof block), NULL) == TSN_OK)
		put_count++;
	assert_int_equal(put_count, 7);
	assert_int_equal(tsn_spool_put(s, tsn_slice_of(block, sizeof block), NULL), TSN_ELIMIT);
	/* What is durable elsewhere makes room, though the rest still waits. */
	for (int round = 0; round < 20; round++) {
		assert_int_equal(tsn_spool_take(s, &b, NULL), TSN_OK);
		mark = tsn_spool_mark(s);
		tsn_spool_done(s, &mark);
		assert_int_equal(tsn_spool_put(s, tsn_slice_of(block, sizeof block), NULL), TSN_OK);
	}
	tsn_buf_done(&b);
	tsn_spool_close(s);
}

static void
test_damage(void **state)
{
	static const char noise[] = "noise noise noise noise noise noise";
	struct tsn_spool *s;
	struct tsn_buf b;
	FILE *f;

	(void)state;
	tsn_buf_init(&b, TSN_SPOOL_BLOCK_MAX);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(noise, 1, sizeof noise, f), sizeof noise);
	(void)fclose(f);
	s = open_at((struct tsn_spool_mark){0});
	expect(s, NULL);
	put(s, "one");
	put(s, "two");
	tsn_spool_close(s);
	f = fopen(path, "r+b");
	assert_non_null(f);
	(void)fseek(f, 16 + 12, SEEK_SET);
	(void)fputc('X', f);
	(void)fclose(f);
	s = open_at((struct tsn_spool_mark){0});
	assert_int_equal(tsn_spool_take(s, &b, NULL), TSN_ECORRUPT);
	expect(s, NULL);
	put(s, "three");
	expect(s, "three");
	tsn_spool_close(s);
	/* A block cut short is not there. */
	assert_int_equal(truncate(path, 20), 0);
	s = open_at((struct tsn_spool_mark){0});
	expect(s, NULL);
	tsn_spool_close(s);
	tsn_buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order_and_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
