#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>
#include <xxhash.h>

#include "collect/known.h"
#include "collect/reader.h"

#define TEXT_LEN 600000

static char text[TEXT_LEN];
static char path[64];

static void
write_file(size_t len)
{
	FILE *f = fopen(path, "wbe");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static int
setup(void **state)
{
	int fd;

	(void)state;
	for (size_t i = 0; i < TEXT_LEN; i++)
		text[i] = (char)(i % 50 == 49 ? '\n' : 'a' + (i / 50 * 7 + i) % 26);
	(void)snprintf(path, sizeof path, "/tmp/tsn-known-XXXXXX");
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

static struct tsn_store_range
range(uint64_t begin, uint64_t end)
{
	return (struct tsn_store_range){
		.begin = begin, .end = end, .hash = XXH3_64bits(text + begin, end - begin)};
}

static void
find(const struct tsn_store_range *ranges, size_t count, const struct tsn_known_span *want,
    size_t want_count)
{
	struct tsn_known k;

	assert_int_equal(tsn_known_find(&tsn_file_system, path, ranges, count, &k, NULL), TSN_OK);
	assert_int_equal(k.count, want_count);
	for (size_t i = 0; i < want_count; i++) {
		assert_int_equal(k.spans[i].begin, want[i].begin);
		assert_int_equal(k.spans[i].end, want[i].end);
	}
	tsn_known_done(&k);
}

static void
test_ranges(void **state)
{
	struct tsn_store_range r[5];

	(void)state;
	write_file(TEXT_LEN);
	r[0] = range(0, 100000);
	r[1] = range(100000, 400000);
	find(r, 2, &(struct tsn_known_span){0, 400000}, 1);
	/* Of another file that stood under this name before. */
	r[2] = range(0, 50000);
	r[2].hash++;
	r[3] = range(200, 450000);
	r[4] = range(500000, 600000);
	find(r, 5, (struct tsn_known_span[]){{0, 450000}, {500000, 600000}}, 2);
	/* Beyond the end, empty, backwards: nothing. */
	r[0] = range(0, 0);
	r[1] = range(300000, 300000);
	r[2] = (struct tsn_store_range){.begin = 400, .end = 100};
	r[3] = (struct tsn_store_range){.begin = 0, .end = UINT64_MAX};
	r[4] = (struct tsn_store_range){.begin = TEXT_LEN - 10, .end = TEXT_LEN + 10};
	find(r, 5, NULL, 0);
	find(r, 0, NULL, 0);
}

/* Records of a file; how many were known; the ranges that its reader told. */
static void
read_file(const struct tsn_store_range *ranges, size_t count, uint64_t *ret_new,
    uint64_t *ret_known, struct tsn_store_range *told, size_t *ret_told)
{
	const struct tsn_source source = {.path = tsn_slice_cstr(path)};
	const struct tsn_reader_options o = {.ops = &tsn_file_system, .source = &source,
		.path = path, .ranges = ranges, .range_count = count};
	struct tsn_reader *r;
	struct tsn_record rec;
	uint64_t at = 0;
	bool known;

	*ret_new = *ret_known = 0;
	*ret_told = 0;
	assert_int_equal(tsn_reader_open(&o, &r, NULL), TSN_OK);
	while (tsn_reader_fill(r, NULL) == TSN_OK) {
		while (tsn_reader_next(r, &rec, &known) == TSN_OK) {
			assert_int_equal(rec.offset, at);
			assert_memory_equal(rec.bytes.ptr, text + at, rec.bytes.len);
			at += rec.bytes.len + 1;
			*(known ? ret_known : ret_new) += 1;
		}
		if (tsn_reader_take_range(r, &told[*ret_told]))
			++*ret_told;
	}
	if (tsn_reader_take_range(r, &told[*ret_told]))
		++*ret_told;
	assert_null(tsn_reader_damage(r));
	tsn_reader_close(r);
}

/* What one reading told is known to the next, whatever was appended in between. */
static void
test_reading_again(void **state)
{
	struct tsn_store_range told[64], more[64];
	uint64_t fresh, known;
	size_t count, count_more;

	(void)state;
	write_file(400000);
	read_file(NULL, 0, &fresh, &known, told, &count);
	assert_int_equal(fresh, 8000);
	assert_true(count >= 2);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(told[i].begin, i == 0 ? 0 : told[i - 1].end);
		assert_int_equal(told[i].hash,
		    XXH3_64bits(text + told[i].begin, told[i].end - told[i].begin));
		assert_int_equal(told[i].lines, (told[i].end - told[i].begin) / 50);
	}
	assert_int_equal(told[count - 1].end, 400000);
	read_file(told, count, &fresh, &known, more, &count_more);
	assert_int_equal(fresh, 0);
	assert_int_equal(known, 8000);
	assert_int_equal(count_more, 0);
	write_file(TEXT_LEN);
	read_file(told, count, &fresh, &known, more, &count_more);
	assert_int_equal(known, 8000);
	assert_int_equal(fresh, 4000);
	text[150000] ^= 1;
	write_file(TEXT_LEN);
	read_file(told, count, &fresh, &known, more, &count_more);
	assert_true(known < 8000 && fresh + known == 12000);
	text[150000] ^= 1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_reading_again),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
