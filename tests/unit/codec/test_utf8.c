#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "codec/utf8.h"

static void
test_valid(void **state)
{
	static const struct {
		struct tsn_slice text;
		bool valid;
	} cases[] = {
	    {TSN_SLICE(""), true},
	    {TSN_SLICE("plain text of some length"), true},
	    {TSN_SLICE("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"), true},
	    {TSN_SLICE("\xf4\x8f\xbf\xbf"), true},
	    {TSN_SLICE("\xef\xbf\xbf"), true},
	    {TSN_SLICE("\x80"), false},
	    {TSN_SLICE("long enough for words \xc3"), false},
	    {TSN_SLICE("\xc0\xaf"), false},
	    {TSN_SLICE("\xe0\x9f\xbf"), false},
	    {TSN_SLICE("\xed\xa0\x80"), false},
	    {TSN_SLICE("\xf0\x8f\xbf\xbf"), false},
	    {TSN_SLICE("\xf4\x90\x80\x80"), false},
	    {TSN_SLICE("\xf5\x80\x80\x80"), false},
	    {TSN_SLICE("\xe2\x82"), false},
	    {TSN_SLICE("\xe2\x28\xa1"), false},
	    {TSN_SLICE("\xff"), false},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++)
		assert_int_equal(tsn_utf8_valid(cases[i].text), cases[i].valid);
}

static void
test_every_code_point(void **state)
{
	(void)state;
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		char text[4];
		unsigned n = tsn_utf8_encode(code, text);
		uint32_t back;
		unsigned m = tsn_utf8_decode(text, text + n, &back);

		if (code >= 0xd800 && code <= 0xdfff) {
			assert_int_equal(m, 0);
			assert_int_equal(back, TSN_UTF8_REPLACEMENT);
		} else if (m != n || back != code) {
			fail_msg("U+%04X", (unsigned)code);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_valid),
	    cmocka_unit_test(test_every_code_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
