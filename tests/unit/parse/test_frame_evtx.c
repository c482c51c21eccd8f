/* A Windows event log through the framer: the same records for every cut of the bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parse/frame.h"

#define HEADER 4096u
#define CHUNK 65536u

static char file[HEADER + 2 * CHUNK];
static size_t file_len;

/* Two chunks: the committed one made whole with zeroes, and the same cut short. */
static int
setup(void **state)
{
	const char *root = getenv("TOCSIN_SOURCE");
	char path[4096];
	size_t n;
	FILE *f;

	(void)state;
	if (root == NULL || snprintf(path, sizeof path, "%s/tests/corpus/evtx/records", root) >=
	    (int)sizeof path)
		return -1;
	f = fopen(path, "rbe");
	if (f == NULL)
		return -1;
	memcpy(file, "ElfFile", 8);
	n = fread(file + HEADER, 1, CHUNK, f);
	(void)fclose(f);
	memcpy(file + HEADER + CHUNK, file + HEADER, n);
	file_len = HEADER + CHUNK + n;
	return n > 0 ? 0 : -1;
}

struct seen {
	uint64_t hash, records, last_offset;
};

static void
drain(struct tsn_framer *f, struct seen *s)
{
	struct tsn_frame fr;

	while (tsn_framer_next(f, &fr) == TSN_OK) {
		for (size_t i = 0; i < fr.bytes.len; i++)
			s->hash = (s->hash ^ (unsigned char)fr.bytes.ptr[i]) * UINT64_C(0x100000001b3);
		s->hash ^= fr.offset ^ fr.line << 32;
		s->last_offset = fr.offset;
		s->records++;
		assert_false(fr.stable);
	}
}

static struct seen
run(uint64_t from, uint64_t line, size_t step)
{
	struct tsn_frame_start start = {.offset = from, .line = line, .head = {file, 4}};
	struct tsn_framer *f = tsn_framer_new(&start);
	struct seen s = {0};

	assert_non_null(f);
	for (size_t at = from; at < file_len; at += step) {
		size_t n = file_len - at < step ? file_len - at : step;

		tsn_framer_feed(f, (struct tsn_slice){file + at, n});
		drain(f, &s);
	}
	tsn_framer_flush(f, TSN_FRAME_END);
	drain(f, &s);
	assert_int_equal(tsn_framer_position(f), file_len);
	tsn_framer_free(f);
	return s;
}

static void
test_any_cut(void **state)
{
	static const size_t steps[] = {1, 7, 4095, 65536, 70000};
	struct seen whole = run(0, 1, sizeof file);

	(void)state;
	assert_int_equal(whole.records, 6);
	assert_true(whole.last_offset > HEADER + CHUNK);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct seen cut = run(0, 1, steps[i]);

		assert_int_equal(cut.records, whole.records);
		assert_true(cut.hash == whole.hash);
	}
}

static void
test_goes_on_at_a_chunk(void **state)
{
	struct seen rest = run(HEADER + CHUNK, 4, 1000);

	(void)state;
	assert_int_equal(rest.records, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_any_cut),
	    cmocka_unit_test(test_goes_on_at_a_chunk),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
