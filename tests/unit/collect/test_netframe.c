#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collect/netframe.h"

#define MAX 20

/* Messages joined by '|', "~" behind a cut one. */
static void
run_cut(struct tsn_slice in, size_t step, struct tsn_buf *out, uint64_t *ret_bad)
{
	struct tsn_netframe f;
	struct tsn_netframe_message m;

	tsn_netframe_init(&f, TSN_NETFRAME_DETECT, MAX);
	for (size_t at = 0; at <= in.len; at += step) {
		struct tsn_slice piece = tsn_slice_from(in, at);

		if (piece.len > step)
			piece.len = step;
		/* In memory of its own, so that a read beyond it is seen. */
		char *copy = malloc(piece.len + 1);

		assert_non_null(copy);
		memcpy(copy, piece.ptr, piece.len);
		tsn_netframe_feed(&f, tsn_slice_of(copy, piece.len));
		if (at + step > in.len)
			tsn_netframe_end(&f);
		while (tsn_netframe_next(&f, &m) == TSN_OK) {
			tsn_buf_slice(out, m.bytes);
			tsn_buf_lit(out, "|");
			if (m.truncated)
				tsn_buf_lit(out, "~");
		}
		free(copy);
	}
	*ret_bad = f.bad;
	tsn_netframe_done(&f);
}

static const struct {
	struct tsn_slice in;
	struct tsn_slice want;
	uint64_t bad;
} cases[] = {
	{TSN_SLICE(""), TSN_SLICE(""), 0},
	{TSN_SLICE("<1>a\n<2>b\n"), TSN_SLICE("<1>a|<2>b|"), 0},
	{TSN_SLICE("<1>a\r\n<2>b"), TSN_SLICE("<1>a|<2>b|"), 0},
	{TSN_SLICE("<1>a\0<2>b\0"), TSN_SLICE("<1>a|<2>b|"), 0},
	{TSN_SLICE("\n\nx\n"), TSN_SLICE("x|"), 0},
	{TSN_SLICE("4 <1>a5 <2>bb"), TSN_SLICE("<1>a|<2>bb|"), 0},
	{TSN_SLICE("5 <1>\na\n5 <2>bb\n"), TSN_SLICE("<1>\na|<2>bb|"), 0},
	{TSN_SLICE("2026-01-01 x\ny\n"), TSN_SLICE("2026-01-01 x|y|"), 0},
	{TSN_SLICE("12 apples\n13 pears\n"), TSN_SLICE("12 apples|13 pears|"), 0},
	{TSN_SLICE("12"), TSN_SLICE("12|"), 0},
	{TSN_SLICE("123456789012345 <x\n"), TSN_SLICE("123456789012345 <x|"), 0},
	{TSN_SLICE("4 <1>aXX<2>b\n<3>c\n"), TSN_SLICE("<1>a|XX<2>b|<3>c|"), 1},
	{TSN_SLICE("4 <1>a77x\n"), TSN_SLICE("<1>a|77x|"), 1},
	/* An over-long message is cut and the next one is whole. */
	{TSN_SLICE("<1>aaaaaaaaaaaaaaaaaaaaaaaa\nb\n"), TSN_SLICE("<1>aaaaaaaaaaaaaaaaa|~b|"), 0},
	{TSN_SLICE("24 <1>aaaaaaaaaaaaaaaaaaaaa4 <2>b"), TSN_SLICE("<1>aaaaaaaaaaaaaaaaa|~<2>b|"),
	    0},
	{TSN_SLICE("9 <1>abc"), TSN_SLICE("<1>abc|~"), 0},
	{TSN_SLICE("<1>aaaaaaaaaaaaaaaaa\nb\n"), TSN_SLICE("<1>aaaaaaaaaaaaaaaaa|b|"), 0},
};

static void
test_all_cuts(void **state)
{
	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++)
		for (size_t step = 1; step <= cases[i].in.len + 1; step++) {
			struct tsn_buf out TSN_CLEANUP(tsn_buf_done) = {0};
			uint64_t bad;

			tsn_buf_init(&out, 1000);
			run_cut(cases[i].in, step, &out, &bad);
			if (!tsn_slice_eq(tsn_buf_get(&out), cases[i].want))
				fail_msg("case %zu step %zu: %.*s", i, step, (int)out.len, out.ptr);
			assert_int_equal(bad, cases[i].bad);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
