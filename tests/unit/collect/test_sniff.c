#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collect/sniff.h"

static const struct {
	struct tsn_slice head;
	bool log;
} cases[] = {
	{TSN_SLICE(""), true},
	{TSN_SLICE("Nov 20 10:00:00 host sshd[1]: x\n"), true},
	{TSN_SLICE("{\"a\":1}\n"), true},
	{TSN_SLICE("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 na\xc3"), true},
	{TSN_SLICE("latin1 caf\xe9 once in a longer line\n"), true},
	{TSN_SLICE("\0\0\0\0\0\0\0\0\0\0a line after a crash\n"), true},
	{TSN_SLICE("\x1b[31mcolour\x1b[0m\n"), true},
	{TSN_SLICE("\xff\xfeN\0o\0v\0"), true},
	{TSN_SLICE("ElfFile\0\1\2\3\4\5\6\7"), true},
	{TSN_SLICE("\x7f" "ELF\2\1\1"), false},
	{TSN_SLICE("\x89PNG\r\n"), false},
	{TSN_SLICE("PK\3\4"), false},
	{TSN_SLICE("SQLite format 3\0"), false},
	{TSN_SLICE("\1\2\3\4\5\6\7\b\xfe\xff\x80\x81"), false},
};

static void
test_sniff(void **state)
{
	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++)
		if ((tsn_sniff(cases[i].head) == NULL) != cases[i].log)
			fail_msg("case %zu", i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sniff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
