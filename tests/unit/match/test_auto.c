#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "match/auto.h"

#include "match/atom.h"

static uint64_t seed = 88172645463325252u;

static uint32_t
next(uint32_t bound)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % bound;
}

static bool
atom_says(const struct tsn_atom *atom, struct tsn_slice text)
{
	struct tsn_match_scratch scratch;
	struct tsn_value v = {.raw = text};
	struct tsn_arena arena;
	struct tsn_catom c;
	bool value;

	tsn_arena_init(&arena, 1u << 20);
	assert_int_equal(tsn_match_scratch_init(&scratch), TSN_OK);
	assert_int_equal(tsn_atom_compile(&arena, atom, &c, NULL), TSN_OK);
	value = tsn_atom_test_text(&c, &scratch, &v);
	tsn_atom_done(&c);
	tsn_match_scratch_done(&scratch);
	tsn_arena_done(&arena);
	return value;
}

/* In pieces cut anywhere: the state is all that is carried over. */
static uint32_t
auto_says(struct tsn_auto *a, struct tsn_slice text)
{
	uint32_t s = tsn_auto_start(a);

	for (size_t at = 0; at < text.len;) {
		size_t n = 1 + next(4);

		if (n > text.len - at)
			n = text.len - at;
		s = tsn_auto_run(a, s, (struct tsn_slice){text.ptr + at, n});
		at += n;
	}
	return tsn_auto_end(a, s);
}

static void
test_table(void **state)
{
	static const struct {
		enum tsn_atom_op op;
		uint32_t flags;
		const char *value, *text;
		uint32_t answer;
	} cases[] = {
		{TSN_ATOM_CONTAINS, 0, "oot", "ROOT", TSN_AUTO_YES},
		{TSN_ATOM_CONTAINS, TSN_ATOM_CASED, "oot", "ROOT", TSN_AUTO_NO},
		{TSN_ATOM_CONTAINS, 0, "", "", TSN_AUTO_YES},
		{TSN_ATOM_CONTAINS, 0, "kb", "\xe2\x84\xaa" "b", TSN_AUTO_UNSURE},
		{TSN_ATOM_CONTAINS, 0, "kb", "kb\xe2\x84\xaa", TSN_AUTO_YES},
		{TSN_ATOM_CONTAINS, 0, "ab", "\xe2\x84\xaa" "ab", TSN_AUTO_YES},
		{TSN_ATOM_EQ, 0, "ab", "AB", TSN_AUTO_YES},
		{TSN_ATOM_EQ, 0, "ab", "abc", TSN_AUTO_NO},
		{TSN_ATOM_PREFIX, 0, "ab", "abc", TSN_AUTO_YES},
		{TSN_ATOM_SUFFIX, 0, "bc", "abc", TSN_AUTO_YES},
		{TSN_ATOM_SUFFIX, 0, "bc", "abcd", TSN_AUTO_NO},
		{TSN_ATOM_WORD, 0, "10.1.2.3", "src=10.1.2.3:80", TSN_AUTO_YES},
		{TSN_ATOM_WORD, 0, "10.1.2.3", "src=110.1.2.3", TSN_AUTO_NO},
		{TSN_ATOM_WORD, 0, "failed password", "Failed password", TSN_AUTO_YES},
		{TSN_ATOM_WORD, 0, "word", "words word", TSN_AUTO_YES},
		{TSN_ATOM_WORD, 0, "word", "\xc3\xa9" "word", TSN_AUTO_NO},
		{TSN_ATOM_REGEX, 0, "a(b|c)+d$", "xabcbd", TSN_AUTO_YES},
		{TSN_ATOM_REGEX, 0, "^a", "ba", TSN_AUTO_NO},
		{TSN_ATOM_REGEX, 0, "\\bfoo\\b", "a foo.", TSN_AUTO_YES},
		{TSN_ATOM_REGEX, 0, "\\bfoo\\b", "afoo", TSN_AUTO_NO},
		{TSN_ATOM_REGEX, 0, "a$", "a\n", TSN_AUTO_UNSURE},
		{TSN_ATOM_REGEX, 0, "a.b", "a\xc3\xa9" "b", TSN_AUTO_UNSURE},
		{TSN_ATOM_REGEX, 0, "[[:digit:]]{2,3}x", "1x12x", TSN_AUTO_YES},
		{TSN_ATOM_REGEX, 0, "(?i)AB", "xaB", TSN_AUTO_YES},
		{TSN_ATOM_REGEX, 0, "(?:a|)b{0}c", "c", TSN_AUTO_YES},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		struct tsn_atom atom = {.op = cases[i].op, .flags = cases[i].flags,
		    .value = tsn_slice_cstr(cases[i].value)};
		struct tsn_auto *a;

		assert_int_equal(tsn_auto_new(&atom, &a), TSN_OK);
		assert_int_equal(auto_says(a, tsn_slice_cstr(cases[i].text)), cases[i].answer);
		tsn_auto_free(a);
	}
}

static void
test_refused(void **state)
{
	static const char *const refused[] = {"(a)\\1", "(?=a)", "(?<n>a)", "a++", "a*+", "\\Qa\\E",
	    "(*UTF)a", "\\pL", "[\xc3\xa9]", "\xc3\xa9", "(?>a)", "a{3}{2}", "\\x{41}", "\\R"};
	struct tsn_auto *a;

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(refused); i++) {
		struct tsn_atom atom = {.op = TSN_ATOM_REGEX, .value = tsn_slice_cstr(refused[i])};

		assert_int_equal(tsn_auto_new(&atom, &a), TSN_EINVAL);
	}
}

/* ---- random texts against the matchers that events are tested with ---- */

static size_t
random_text(char *out, size_t max, const char *const *parts, uint32_t count)
{
	size_t n = 0;

	for (uint32_t k = next(9); k > 0; k--) {
		const char *part = parts[next(count)];
		size_t len = strlen(part);

		if (n + len > max)
			break;
		memcpy(out + n, part, len);
		n += len;
	}
	return n;
}

static void
compare(const struct tsn_atom *atom, const char *const *parts, uint32_t count)
{
	struct tsn_auto *a;
	char buf[64];

	if (tsn_auto_new(atom, &a) != TSN_OK)
		return;
	for (unsigned i = 0; i < 24; i++) {
		struct tsn_slice text = {buf, random_text(buf, sizeof buf, parts, count)};
		uint32_t says = auto_says(a, text);

		if (says != TSN_AUTO_UNSURE && says != (uint32_t)atom_says(atom, text))
			fail_msg("op %d flags %u '%.*s' on '%.*s': %u", (int)atom->op, atom->flags,
			    (int)atom->value.len, atom->value.ptr, (int)text.len, buf, says);
	}
	tsn_auto_free(a);
}

static void
test_texts(void **state)
{
	static const char *const parts[] = {"a", "b", "A", " ", ".", "ab", "1", "_", "\xc3\xa9", "k",
	    "\xe2\x84\xaa", "s", "\xc5\xbf", "\xff", "\xa9"};
	static const char *const wilds[] = {"a", "b", " ", ".", "ab", "1", "\xff", "\xfe", "K", "s"};
	static const enum tsn_atom_op ops[] = {TSN_ATOM_EQ, TSN_ATOM_PREFIX, TSN_ATOM_SUFFIX,
	    TSN_ATOM_CONTAINS, TSN_ATOM_WILDCARD, TSN_ATOM_WORD, TSN_ATOM_WORD};
	char value[32];

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		struct tsn_atom atom = {.op = ops[next(TSN_COUNT(ops))],
		    .flags = next(3) == 0 ? TSN_ATOM_CASED : 0};
		bool patterns = atom.op == TSN_ATOM_WILDCARD || atom.op == TSN_ATOM_WORD;

		atom.value = (struct tsn_slice){value, patterns ?
		    random_text(value, sizeof value, wilds, TSN_COUNT(wilds)) :
		    random_text(value, sizeof value, parts, TSN_COUNT(parts))};
		compare(&atom, parts, TSN_COUNT(parts));
	}
}

/* Pieces long enough that what holds no literal is skipped: matches within, across, at the cuts. */
static void
test_long_texts(void **state)
{
	static const char *const parts[] = {"a", "b", "A", " ", ".", "ab", "aab ", "1", "_", "-----",
	    "bbbbbbbb", "a.a.a.", "k", "\xe2\x84\xaa"};
	static const char *const needles[] = {"ab", "aab", "b.", "ba b", "a.a", "AAB", "-a", "1a",
	    "bbbbbbbbb", "k", "ka", "aabaab", "......."};
	char text[480];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct tsn_atom atom = {.op = next(2) == 0 ? TSN_ATOM_WORD : TSN_ATOM_CONTAINS,
		    .flags = next(3) == 0 ? TSN_ATOM_CASED : 0,
		    .value = tsn_slice_cstr(needles[next(TSN_COUNT(needles))])};
		size_t len = 0, want = next(sizeof text - 16), rare = 2 + next(12);
		struct tsn_auto *a;
		uint32_t s;

		while (len < want) {
			const char *part = next(40) == 0 ? parts[next(TSN_COUNT(parts))] :
			    parts[next((uint32_t)rare)];

			memcpy(text + len, part, strlen(part));
			len += strlen(part);
		}
		assert_int_equal(tsn_auto_new(&atom, &a), TSN_OK);
		s = tsn_auto_start(a);
		for (size_t at = 0, n; at < len; at += n) {
			n = 1 + next(160);
			n = n > len - at ? len - at : n;
			s = tsn_auto_run(a, s, (struct tsn_slice){text + at, n});
		}
		s = tsn_auto_end(a, s);
		if (s != TSN_AUTO_UNSURE && s != (uint32_t)atom_says(&atom, (struct tsn_slice){text, len}))
			fail_msg("op %d flags %u '%.*s' on '%.*s': %u", (int)atom.op, atom.flags,
			    (int)atom.value.len, atom.value.ptr, (int)len, text, s);
		tsn_auto_free(a);
	}
}

static void
test_regexes(void **state)
{
	static const char *const parts[] = {"a", "b", "A", " ", ".", "ab", "1", "_", "\xc3\xa9", "-",
	    "\n", "\t", "ba", "]", "\\"};
	static const char *const pieces[] = {"a", "b", "ab", ".", "\\.", "\\d", "\\w", "\\W", "\\s", "\\S",
	    "\\b", "\\B", "^", "$", "[ab]", "[^a]", "[a-c_]", "[\\d_-]", "[]a]", "[^]\\s]", "(a|b)",
	    "(?:ab|)", "*", "+", "?", "{2}", "{0,2}", "{1,}", "*?", "|", "(", ")", "(b", "\\A", "\\z",
	    "\\x41", "[[:alpha:]]", "{", "-", "a{,2}", "\\\\", "(^a|b$)", "\\D"};
	char value[64];

	(void)state;
	for (unsigned i = 0; i < 8000; i++) {
		struct tsn_atom atom = {.op = TSN_ATOM_REGEX, .flags = (next(3) == 0 ? TSN_ATOM_RE_I : 0) |
		    (next(4) == 0 ? TSN_ATOM_RE_M : 0) | (next(4) == 0 ? TSN_ATOM_RE_S : 0)};

		atom.value = (struct tsn_slice){value, random_text(value, sizeof value, pieces,
		    TSN_COUNT(pieces))};
		if (tsn_atom_check_regex(atom.value, atom.flags, NULL) == TSN_OK)
			compare(&atom, parts, TSN_COUNT(parts));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_regexes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
