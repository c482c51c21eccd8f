#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "codec/snappy.h"

/* Blocks written by hand from the format's description. */
static void
test_blocks(void **state)
{
	static const struct {
		struct tsn_slice block;
		const char *want;	/* NULL: damaged */
	} cases[] = {
		{TSN_SLICE("\x00"), ""},
		{TSN_SLICE("\x05\x10hello"), "hello"},
		{TSN_SLICE("\x05\xf0\x04hello"), "hello"},
		{TSN_SLICE("\x05\xf4\x04\x00hello"), "hello"},
		{TSN_SLICE("\x05\xfc\x04\x00\x00\x00hello"), "hello"},
		/* a copy of 4 to 11 bytes, and one that runs into itself */
		{TSN_SLICE("\x08\x0c" "abcd\x01\x04"), "abcdabcd"},
		{TSN_SLICE("\x07\x00" "a\x09\x01"), "aaaaaaa"},
		/* offsets of 2 and 4 bytes */
		{TSN_SLICE("\x08\x0c" "abcd\x0e\x04\x00"), "abcdabcd"},
		{TSN_SLICE("\x08\x0c" "abcd\x0f\x04\x00\x00\x00"), "abcdabcd"},
		{TSN_SLICE(""), NULL},
		{TSN_SLICE("\x80"), NULL},
		{TSN_SLICE("\xff\xff\xff\xff\x7f"), NULL},
		{TSN_SLICE("\x05\x10hell"), NULL},
		{TSN_SLICE("\x04\x10hello"), NULL},
		{TSN_SLICE("\x06\x10hello"), NULL},
		{TSN_SLICE("\x05\xf0"), NULL},
		{TSN_SLICE("\x04\x01\x01"), NULL},
		{TSN_SLICE("\x08\x0c" "abcd\x01\x00"), NULL},
		{TSN_SLICE("\x08\x0c" "abcd\x01\x05"), NULL},
		{TSN_SLICE("\x07\x0c" "abcd\x01\x04"), NULL},
		{TSN_SLICE("\x08\x0c" "abcd\x0e\x04"), NULL},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		char out[16];
		uint32_t len = 0;
		enum tsn_code code = tsn_snappy_length(cases[i].block, &len);

		if (code == TSN_OK) {
			assert_true(len <= sizeof out);
			code = tsn_snappy_decode(cases[i].block, out);
		}
		assert_int_equal(code, cases[i].want == NULL ? TSN_EPARSE : TSN_OK);
		if (code == TSN_OK)
			assert_true(tsn_slice_eq(tsn_slice_of(out, len), tsn_slice_cstr(cases[i].want)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
