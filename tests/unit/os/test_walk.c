#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/walk.h"

static char dir[64];

static void
at(char out[256], const char *name)
{
	(void)snprintf(out, 256, "%s/%s", dir, name);
}

static void
make_file(const char *name)
{
	char path[256];
	FILE *f;

	at(path, name);
	f = fopen(path, "we");
	assert_non_null(f);
	(void)fclose(f);
}

static void
make_dir(const char *name)
{
	char path[256];

	at(path, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void
make_link(const char *target, const char *name)
{
	char path[256];

	at(path, name);
	assert_int_equal(symlink(target, path), 0);
}

static enum tsn_code
on_file(void *ctx, const char *path, const struct tsn_file_info *info, struct tsn_err *err)
{
	(void)info;
	(void)err;
	tsn_buf_printf(ctx, "%s ", path + strlen(dir) + 1);
	return TSN_OK;
}

static void
on_problem(void *ctx, const char *path, const struct tsn_err *why)
{
	assert_true(why->msg[0] != '\0');
	tsn_buf_printf(ctx, "!%s ", path + strlen(dir) + 1);
}

static void
test_walk(void **state)
{
	struct tsn_buf seen TSN_CLEANUP(tsn_buf_done) = {0};
	struct tsn_walk w = {.file = on_file, .problem = on_problem, .ctx = &seen};
	struct tsn_err err;
	char command[256];

	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/tsn-walk-XXXXXX");
	assert_non_null(mkdtemp(dir));
	make_dir("b");
	make_file("b/z.log");
	make_file("b/a.log");
	make_file("a.log");
	make_file(".hidden");
	make_dir("empty");
	make_link(".", "loop");
	make_link("..", "b/up");
	make_link("nowhere", "dangling");
	make_link("b", "other");
	at(command, "fifo");
	assert_int_equal(mkfifo(command, 0600), 0);
	tsn_buf_init(&seen, 4096);
	assert_int_equal(tsn_walk(&w, dir, &err), TSN_OK);
	tsn_buf_char(&seen, '\0');
	assert_string_equal(seen.ptr,
	    "a.log b/a.log b/z.log !dangling other/a.log other/z.log ");
	assert_int_equal(w.hidden, 1);
	assert_int_equal(w.files, 5);
	assert_int_equal(tsn_walk(&w, "/nonexistent", &err), TSN_ENOTFOUND);
	at(command, "a.log");
	assert_int_equal(tsn_walk(&w, command, &err), TSN_EINVAL);
}

static int
teardown(void **state)
{
	static const char *const names[] = {"b/z.log", "b/a.log", "b/up", "a.log", ".hidden", "loop",
		"dangling", "other", "fifo"};
	char path[256];

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(names); i++) {
		at(path, names[i]);
		(void)unlink(path);
	}
	at(path, "b");
	(void)rmdir(path);
	at(path, "empty");
	(void)rmdir(path);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
