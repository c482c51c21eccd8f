#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "match/wild.h"

#include "match/fold.h"
#include "match/pred.h"

/* '*' and '?' of the table become the two wildcard bytes. */
static struct tsn_slice
pattern_of(const char *text, char out[256])
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		out[i] = text[i] == '*' ? TSN_WILD_MANY : text[i] == '?' ? TSN_WILD_ONE : text[i];
	return (struct tsn_slice){out, n};
}

static void
test_match(void **state)
{
	static const struct {
		const char *pattern, *text;
		int whole, part;
	} cases[] = {
		{"", "", 1, 1}, {"", "a", 0, 1}, {"*", "", 1, 1}, {"?", "", 0, 0}, {"?", "é", 1, 1},
		{"??", "é", 0, 0}, {"*?", "é", 1, 1}, {"*??", "é", 0, 0}, {"a*c", "abc", 1, 1},
		{"a*c", "abcd", 0, 1}, {"a*b*c", "aXbYc", 1, 1}, {"*a*a", "aba", 1, 1},
		{"ab*ba", "aba", 0, 0}, {"*.e?e", "x.exe", 1, 1}, {"*.e?e", "x.exee", 0, 1},
		{"a?c*", "aéc!", 1, 1}, {"*\\cmd*\\?.exe", "c:\\cmd\\a\\b.exe", 1, 1},
		{"**a**", "bab", 1, 1}, {"a*?", "a", 0, 0}, {"a*?", "ab", 1, 1}, {"*x?", "xxa", 1, 1},
		{"?*?", "é", 0, 0}, {"?*?", "éé", 1, 1}, {"b?d", "abcde", 0, 1}, {"*bc", "abc", 1, 1},
	};
	char buf[256];

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		struct tsn_slice p = pattern_of(cases[i].pattern, buf);
		struct tsn_slice t = tsn_slice_cstr(cases[i].text);

		assert_int_equal(tsn_wild_match(p, t), cases[i].whole);
		assert_int_equal(tsn_wild_find(p, t), cases[i].part);
	}
}

/* The plainest possible matcher, exponential, for short texts. */
static bool
naive(struct tsn_slice p, struct tsn_slice t)
{
	uint32_t rune;

	if (p.len == 0)
		return t.len == 0;
	if (p.ptr[0] == TSN_WILD_MANY)
		return naive(tsn_slice_from(p, 1), t) || (t.len > 0 && naive(p, tsn_slice_from(t, 1)));
	if (t.len == 0)
		return false;
	if (p.ptr[0] == TSN_WILD_ONE)
		return naive(tsn_slice_from(p, 1),
		    tsn_slice_from(t, tsn_fold_decode(t.ptr, t.ptr + t.len, &rune)));
	return p.ptr[0] == t.ptr[0] && naive(tsn_slice_from(p, 1), tsn_slice_from(t, 1));
}

static void
test_against_naive(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char p[8], t[10];
		struct tsn_slice pat = {p, 0}, text = {t, 0};

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		for (uint64_t r = seed >> 20; pat.len < (seed >> 60) % 8; r >>= 2)
			p[pat.len++] = "ab\xff\xfe"[r & 3];
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		for (uint64_t r = seed >> 20; text.len < (seed >> 60) % 10; r >>= 1)
			t[text.len++] = "ab"[r & 1];
		assert_int_equal(tsn_wild_match(pat, text), naive(pat, text));
	}
}

static void
test_no_blow_up(void **state)
{
	char pattern[201], text[4096];

	(void)state;
	memset(text, 'a', sizeof text);
	for (size_t i = 0; i < 200; i += 2) {
		pattern[i] = TSN_WILD_MANY;
		pattern[i + 1] = 'a';
	}
	pattern[200] = 'b';
	assert_false(tsn_wild_match((struct tsn_slice){pattern, 201}, (struct tsn_slice){text, 4096}));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_against_naive),
		cmocka_unit_test(test_no_blow_up),
	};

	return cmocka_run_group_tests_name("match_wild", tests, NULL, NULL);
}
