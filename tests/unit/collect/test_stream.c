#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "collect/stream.h"

#define TEXT_LEN 200000
#define PACKED_MAX 400000

static char text[TEXT_LEN];
static char packed[PACKED_MAX];
static char path[64];
static size_t read_max;		/* most bytes one read gives; 0: all */
static size_t reads_until_error;

static ssize_t
short_read(int fd, void *buf, size_t len)
{
	if (reads_until_error > 0 && --reads_until_error == 0) {
		errno = EIO;
		return -1;
	}
	return read(fd, buf, read_max > 0 && len > read_max ? read_max : len);
}

static struct tsn_file_ops
ops_get(void)
{
	struct tsn_file_ops ops = tsn_file_system;

	ops.read = short_read;
	return ops;
}

static int
setup(void **state)
{
	uint32_t x = 12345;
	int fd;

	(void)state;
	for (size_t i = 0; i < TEXT_LEN; i++) {
		x = x * 1664525 + 1013904223;
		text[i] = (char)(i % 61 == 60 ? '\n' : 'a' + (x >> 24) % 20);
	}
	(void)snprintf(path, sizeof path, "/tmp/tsn-stream-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	(void)close(fd);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return 0;
}

static void
write_file(const char *bytes, size_t len)
{
	FILE *f = fopen(path, "wbe");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static size_t
pack_gzip(size_t from, size_t len, char *out)
{
	z_stream z = {0};
	size_t n;

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)text + from;
	z.avail_in = (uInt)len;
	z.next_out = (Bytef *)out;
	z.avail_out = PACKED_MAX / 2;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	n = z.total_out;
	(void)deflateEnd(&z);
	return n;
}

static size_t
pack_zstd(size_t from, size_t len, char *out)
{
	size_t n = ZSTD_compress(out, PACKED_MAX / 2, text + from, len, 3);

	assert_false(ZSTD_isError(n));
	return n;
}

static size_t
pack_xz(size_t from, size_t len, char *out)
{
	size_t n = 0;

	assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL,
	    (const uint8_t *)text + from, len, (uint8_t *)out, &n, PACKED_MAX / 2), LZMA_OK);
	return n;
}

static size_t
pack_plain(size_t from, size_t len, char *out)
{
	memcpy(out, text + from, len);
	return len;
}

static const struct {
	size_t (*pack)(size_t from, size_t len, char *out);
	enum tsn_stream_format format;
} formats[] = {
	{pack_plain, TSN_STREAM_PLAIN},
	{pack_gzip, TSN_STREAM_GZIP},
	{pack_zstd, TSN_STREAM_ZSTD},
	{pack_xz, TSN_STREAM_XZ},
};

/* Reads all; what was delivered must be the beginning of text. */
static size_t
read_all(size_t step, enum tsn_stream_format format, enum tsn_code *ret_code, struct tsn_err *err)
{
	struct tsn_file_ops ops = ops_get();
	struct tsn_stream *s;
	static char buf[70000];
	size_t at = 0, len;
	enum tsn_code code;

	code = tsn_stream_open(&ops, path, &s, err);
	if (code != TSN_OK) {
		*ret_code = code;
		return 0;
	}
	assert_int_equal(tsn_stream_format(s), format);
	while ((code = tsn_stream_read(s, buf, step, &len, err)) == TSN_OK) {
		assert_true(len > 0 && len <= step && at + len <= TEXT_LEN);
		assert_memory_equal(buf, text + at, len);
		at += len;
	}
	assert_int_equal(tsn_stream_read(s, buf, step, &len, err), TSN_EOF);
	tsn_stream_close(s);
	*ret_code = code;
	return at;
}

/* Two members or frames, read in pieces of any size. */
static void
test_whole(void **state)
{
	static const size_t steps[] = {1, 7, 4096, 70000};

	(void)state;
	for (size_t f = 0; f < TSN_COUNT(formats); f++) {
		size_t n = formats[f].pack(0, 100000, packed);

		n += formats[f].pack(100000, TEXT_LEN - 100000, packed + n);
		write_file(packed, n);
		for (size_t i = 0; i < TSN_COUNT(steps); i++) {
			struct tsn_err err;
			enum tsn_code code;

			read_max = steps[i] == 7 ? 1 : 0;
			assert_int_equal(read_all(steps[i], formats[f].format, &code, &err), TEXT_LEN);
			assert_int_equal(code, TSN_EOF);
		}
	}
	read_max = 0;
}

/* Cut anywhere: everything before is delivered, the damage is named. */
static void
test_cut(void **state)
{
	(void)state;
	for (size_t f = 1; f < TSN_COUNT(formats); f++) {
		size_t n = formats[f].pack(0, TEXT_LEN, packed), last = 0;

		for (size_t cut = 8; cut < n; cut += n / 37) {
			struct tsn_err err = {0};
			enum tsn_code code;
			size_t got;

			write_file(packed, cut);
			got = read_all(4096, formats[f].format, &code, &err);
			assert_int_equal(code, TSN_ECORRUPT);
			assert_non_null(strstr(err.msg, "ends in the middle"));
			assert_true(got >= last);
			last = got;
		}
		assert_true(last > TEXT_LEN / 4);
	}
}

static void
test_flipped(void **state)
{
	(void)state;
	for (size_t f = 1; f < TSN_COUNT(formats); f++) {
		size_t n = formats[f].pack(0, TEXT_LEN, packed);
		struct tsn_err err = {0};
		struct tsn_stream *s;
		static char buf[4096];
		size_t len, total = 0;
		enum tsn_code code;

		memset(packed + n / 2, 0x55, 64);
		write_file(packed, n);
		assert_int_equal(tsn_stream_open(&tsn_file_system, path, &s, &err), TSN_OK);
		while ((code = tsn_stream_read(s, buf, sizeof buf, &len, &err)) == TSN_OK)
			total += len;
		assert_int_equal(code, TSN_ECORRUPT);
		assert_true(total > 0 || f != 1);
		tsn_stream_close(s);
	}
}

static void
test_behind_gzip(void **state)
{
	size_t n = pack_gzip(0, TEXT_LEN, packed);
	struct tsn_err err;
	enum tsn_code code;

	(void)state;
	memset(packed + n, 0, 512);
	write_file(packed, n + 512);
	assert_int_equal(read_all(4096, TSN_STREAM_GZIP, &code, &err), TEXT_LEN);
	assert_int_equal(code, TSN_EOF);
	memcpy(packed + n, "garbage", 7);
	write_file(packed, n + 7);
	assert_int_equal(read_all(4096, TSN_STREAM_GZIP, &code, &err), TEXT_LEN);
	assert_int_equal(code, TSN_ECORRUPT);
}

static void
test_failures(void **state)
{
	struct tsn_err err;
	struct tsn_stream *s;
	enum tsn_code code;

	(void)state;
	assert_int_equal(tsn_stream_open(&tsn_file_system, "/nonexistent/x", &s, &err),
	    TSN_ENOTFOUND);
	assert_non_null(strstr(err.msg, "/nonexistent/x"));
	assert_int_equal(tsn_stream_open(&tsn_file_system, "/tmp", &s, &err), TSN_EINVAL);
	write_file("", 0);
	assert_int_equal(read_all(10, TSN_STREAM_PLAIN, &code, &err), 0);
	assert_int_equal(code, TSN_EOF);
	write_file(text, 5);
	assert_int_equal(read_all(10, TSN_STREAM_PLAIN, &code, &err), 5);
	write_file(text, TEXT_LEN);
	read_max = 1000;
	reads_until_error = 50;
	(void)read_all(1000, TSN_STREAM_PLAIN, &code, &err);
	assert_int_equal(code, TSN_EIO);
	assert_non_null(strstr(err.msg, "Input/output error"));
	read_max = reads_until_error = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_behind_gzip),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
