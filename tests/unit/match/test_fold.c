#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "match/fold.h"

static void
check(const char *in, size_t len, const char *out)
{
	/* Exactly sized, so that a sanitizer sees a read or write beyond the promise. */
	char *copy = malloc(len + 1), *room = malloc(TSN_FOLD_ROOM(len));
	bool ascii;
	size_t n;

	assert_non_null(copy);
	assert_non_null(room);
	memcpy(copy, in, len);
	n = tsn_fold((struct tsn_slice){copy, len}, room, &ascii);
	assert_int_equal(n, strlen(out));
	assert_memory_equal(room, out, n);
	free(copy);
	free(room);
}

static void
test_texts(void **state)
{
	static const char *const cases[][2] = {
		{"", ""}, {"a", "a"}, {"A", "a"}, {"ABCDEFG", "abcdefg"}, {"@AZ[`az{", "@az[`az{"},
		{"C:\\Windows\\SYSTEM32\\CMD.EXE /c WhoAmI", "c:\\windows\\system32\\cmd.exe /c whoami"},
		{"ÄÖÜß", "äöüß"}, {"ПРИВЕТ мир", "привет мир"}, {"ΣΊΣΥΦΟΣ ς", "σίσυφοσ σ"},
		{"\xe2\x84\xaa and \xc5\xbf", "k and s"}, {"\xc8\xba", "\xe2\xb1\xa5"},
		{"\xe1\xba\x9e", "\xc3\x9f"}, {"A\xff\xc3", "a\xff\xc3"}, {"\xf0\x90\x90\x80", "\xf0\x90\x90\xa8"},
		{"ＡＢＣ", "ａｂｃ"}, {"İ", "İ"}, {"ABCDEFGHIJKLMNOPQRSTUVWXYZÀ", "abcdefghijklmnopqrstuvwxyzà"},
		{"\xed\xa0\x80X\xc0\xaf", "\xed\xa0\x80x\xc0\xaf"},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++)
		check(cases[i][0], strlen(cases[i][0]), cases[i][1]);
}

static void
test_every_length(void **state)
{
	char in[100] = {0}, out[101];

	(void)state;
	for (size_t len = 0; len < sizeof in; len++) {
		for (size_t i = 0; i < len; i++) {
			in[i] = (char)(0x20 + (i * 7 + len) % 95);
			out[i] = tsn_lower(in[i]);
		}
		out[len] = '\0';
		check(in, len, out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_every_length),
	};

	return cmocka_run_group_tests_name("match_fold", tests, NULL, NULL);
}
