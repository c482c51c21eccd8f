#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"

static char dir[64];
static char path[128];
static int writes_left, fsyncs_left;

static ssize_t
bad_write(int fd, const void *buf, size_t len)
{
	if (writes_left-- == 0) {
		errno = ENOSPC;
		return -1;
	}
	return write(fd, buf, len > 3 ? 3 : len);
}

static int
bad_fsync(int fd)
{
	if (fsyncs_left-- == 0) {
		errno = EIO;
		return -1;
	}
	return fsync(fd);
}

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/tsn-file-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/f", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

static void
content_is(const char *want)
{
	struct tsn_buf b TSN_CLEANUP(tsn_buf_done) = {0};

	tsn_buf_init(&b, 1000);
	assert_int_equal(tsn_file_read_all(&tsn_file_system, path, &b, NULL), TSN_OK);
	assert_true(tsn_slice_eq(tsn_buf_get(&b), tsn_slice_cstr(want)));
}

/* Whatever fails, the old content stands whole. */
static void
test_write_atomic(void **state)
{
	struct tsn_file_ops ops = tsn_file_system;
	struct tsn_err err;

	(void)state;
	ops.write = bad_write;
	ops.fsync = bad_fsync;
	writes_left = fsyncs_left = 100;
	assert_int_equal(tsn_file_write_atomic(&ops, path, TSN_SLICE("first"), 0600, &err), TSN_OK);
	content_is("first");
	writes_left = 1;
	assert_int_equal(tsn_file_write_atomic(&ops, path, TSN_SLICE("second"), 0600, &err), TSN_EIO);
	assert_int_equal(err.sys_errno, ENOSPC);
	assert_non_null(strstr(err.msg, "No space left"));
	content_is("first");
	writes_left = 100;
	fsyncs_left = 0;
	assert_int_equal(tsn_file_write_atomic(&ops, path, TSN_SLICE("third"), 0600, &err), TSN_EIO);
	content_is("first");
}

static void
test_read(void **state)
{
	struct tsn_file f;
	struct tsn_file_info info;
	struct tsn_buf small TSN_CLEANUP(tsn_buf_done) = {0};
	char buf[16];
	size_t len;
	struct tsn_err err;

	(void)state;
	assert_int_equal(tsn_file_write_atomic(&tsn_file_system, path, TSN_SLICE("0123456789"), 0600,
	    &err), TSN_OK);
	assert_int_equal(tsn_file_open(&tsn_file_system, path, &f, &err), TSN_OK);
	assert_int_equal(tsn_file_stat(&f, &info, &err), TSN_OK);
	assert_int_equal(info.size, 10);
	assert_int_equal(info.kind, TSN_FILE_REGULAR);
	assert_int_equal(tsn_file_pread(&f, buf, 16, 7, &len, &err), TSN_OK);
	assert_int_equal(len, 3);
	assert_int_equal(tsn_file_pread(&f, buf, 16, 700, &len, &err), TSN_OK);
	assert_int_equal(len, 0);
	assert_int_equal(tsn_file_pread(&f, buf, 16, UINT64_MAX, &len, &err), TSN_EINVAL);
	assert_int_equal(tsn_file_read(&f, buf, 4, &len, &err), TSN_OK);
	assert_int_equal(len, 4);
	tsn_file_close(&f);
	tsn_file_close(&f);
	tsn_buf_init(&small, 5);
	assert_int_equal(tsn_file_read_all(&tsn_file_system, path, &small, &err), TSN_ELIMIT);
	assert_int_equal(tsn_file_open(&tsn_file_system, "/nonexistent/\x1b[2J", &f, &err),
	    TSN_ENOTFOUND);
	assert_null(strchr(err.msg, '\x1b'));
	assert_int_equal(tsn_file_stat_path("/nonexistent", &info, &err), TSN_ENOTFOUND);
}

/* A FIFO that nobody writes must not hang the program. */
static void
test_fifo(void **state)
{
	struct tsn_file f;
	struct tsn_file_info info;
	char buf[4];
	size_t len = 1;

	(void)state;
	(void)unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(tsn_file_open(&tsn_file_system, path, &f, NULL), TSN_OK);
	assert_int_equal(tsn_file_stat(&f, &info, NULL), TSN_OK);
	assert_int_equal(info.kind, TSN_FILE_STREAM);
	assert_int_equal(tsn_file_read(&f, buf, sizeof buf, &len, NULL), TSN_OK);
	assert_int_equal(len, 0);
	tsn_file_close(&f);
}

static void
test_clock(void **state)
{
	struct tsn_usage usage;
	uint64_t free_bytes;
	int64_t before = tsn_clock_mono_ns();

	(void)state;
	assert_true(tsn_clock_real_ns() > INT64_C(1700000000000000000));
	assert_true(tsn_clock_mono_ns() >= before);
	tsn_usage_get(&usage);
	assert_true(usage.rss_bytes > 0 && usage.rss_max_bytes > 0 && usage.cpu_ns > 0);
	assert_int_equal(tsn_disk_free("/", &free_bytes, NULL), TSN_OK);
	assert_int_equal(tsn_disk_free("/nonexistent", &free_bytes, NULL), TSN_ENOTFOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_atomic),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_fifo),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
