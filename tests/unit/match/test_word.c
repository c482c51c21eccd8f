#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "match/word.h"

#include "match/pred.h"
#include "match/wild.h"

static void
test_find(void **state)
{
	static const struct {
		const char *pattern, *text;
		int found;
	} cases[] = {
		{"failed", "failed password for root", 1}, {"fail", "failed password", 0},
		{"password", "failed password", 1}, {"failed password", "failed password", 1},
		{"failed password", "failed  password", 0}, {"10.1.2.3", "src=10.1.2.3:80", 1},
		{"10.1.2.3", "src=110.1.2.3", 0}, {"10.1.2.3", "src=10.1.2.34", 0}, {"root", "root", 1},
		{"root", "groot rooted root", 1}, {"", "x", 1}, {"ü", "über", 0}, {"über", "x über y", 1},
		{"=10", "src=10.1", 1}, {"=1", "src=10.1", 0}, {"a@b.c", "to <a@b.c>", 1},
		{"fail*", "x failed", 1}, {"*led", "x failed", 1}, {"f*d", "failed", 1}, {"f*d", "fail ed", 0},
		{"web-*", "host web-01 up", 1}, {"web-*", "host web- up", 1}, {"web-?", "host web-01 up", 0},
		{"web-??", "host web-01 up", 1}, {"a*b*c", "axbxbxc", 1}, {"a*-b", "aaa-b", 1},
		{"a*-b", "aaa.-b", 0}, {"*", "", 1}, {"?", "é", 1}, {"10.*.3", "10.22.3", 1},
	};
	char p[64];

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		struct tsn_slice pat = {p, strlen(cases[i].pattern)};

		for (size_t j = 0; j < pat.len; j++)
			p[j] = cases[i].pattern[j] == '*' ? TSN_WILD_MANY :
			    cases[i].pattern[j] == '?' ? TSN_WILD_ONE : cases[i].pattern[j];
		if (tsn_word_find(tsn_slice_cstr(cases[i].text), pat, tsn_wild_has(pat)) != cases[i].found)
			fail_msg("'%s' in '%s'", cases[i].pattern, cases[i].text);
	}
}

static void
test_next(void **state)
{
	static const char *const words[] = {"Failed", "password", "for", "root_1", "10", "1", "é"};
	struct tsn_slice text = TSN_SLICE(" Failed password, for root_1@10.1 é!"), word;
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(words); i++) {
		assert_true(tsn_word_next(text, &at, &word));
		assert_true(tsn_slice_eq(word, tsn_slice_cstr(words[i])));
	}
	assert_false(tsn_word_next(text, &at, &word));
	assert_int_equal(at, text.len);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_next),
	};

	return cmocka_run_group_tests_name("match_word", tests, NULL, NULL);
}
