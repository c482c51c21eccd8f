#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec/base64.h"

static void
test_vectors(void **state)
{
	/* RFC 4648 section 10. */
	static const struct {
		struct tsn_slice plain, text;
	} cases[] = {
	    {TSN_SLICE(""), TSN_SLICE("")},
	    {TSN_SLICE("f"), TSN_SLICE("Zg==")},
	    {TSN_SLICE("fo"), TSN_SLICE("Zm8=")},
	    {TSN_SLICE("foo"), TSN_SLICE("Zm9v")},
	    {TSN_SLICE("foob"), TSN_SLICE("Zm9vYg==")},
	    {TSN_SLICE("fooba"), TSN_SLICE("Zm9vYmE=")},
	    {TSN_SLICE("foobar"), TSN_SLICE("Zm9vYmFy")},
	    {TSN_SLICE("\xfb\xff\xfe"), TSN_SLICE("+//+")},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		char out[16];
		size_t n;

		n = tsn_base64_encode(cases[i].plain, out);
		assert_int_equal(n, TSN_BASE64_LEN(cases[i].plain.len));
		assert_true(tsn_slice_eq((struct tsn_slice){out, n}, cases[i].text));
		assert_int_equal(tsn_base64_decode(cases[i].text, out, &n), TSN_OK);
		assert_true(tsn_slice_eq((struct tsn_slice){out, n}, cases[i].plain));
	}
}

static void
test_other_alphabet_and_no_padding(void **state)
{
	char out[8];
	size_t n;

	(void)state;
	assert_int_equal(tsn_base64_decode(TSN_SLICE("-__-"), out, &n), TSN_OK);
	assert_memory_equal(out, "\xfb\xff\xfe", 3);
	assert_int_equal(tsn_base64_decode(TSN_SLICE("Zg"), out, &n), TSN_OK);
	assert_int_equal(n, 1);
}

static void
test_bad_input(void **state)
{
	static const struct tsn_slice bad[] = {
	    TSN_SLICE("Z"), TSN_SLICE("Zh=="), TSN_SLICE("Z=g="), TSN_SLICE("Zm9v!"), TSN_SLICE("===="),
	    TSN_SLICE("Zm9v\n")};
	char out[8];
	size_t n;

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(bad); i++)
		assert_int_equal(tsn_base64_decode(bad[i], out, &n), TSN_EPARSE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_other_alphabet_and_no_padding),
	    cmocka_unit_test(test_bad_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
