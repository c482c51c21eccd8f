/* Texts that repeat other values of their rows: stored as patterns, and made again exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "store/derive_int.h"

#define COLUMNS 6u
#define TARGET 5u
#define ROWS 900u
#define TEXT_MAX 4096u

static uint64_t state;

static uint32_t
rnd(uint32_t n)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(state >> 33) % n;
}

/* Two kinds of rows: all columns, and all but the third; a third kind has no target. */
static const uint32_t all[COLUMNS] = {0, 1, 2, 3, 4, TARGET};
static const uint32_t fewer[] = {4, 3, 1, TARGET, 0};
static const uint32_t without[] = {0, 2, 4};
static const uint32_t *const columns_of[] = {all, fewer, without};
static const uint32_t counts_of[] = {COLUMNS, 5, 3};

struct set {
	struct column columns[COLUMNS];
	struct column *refs[COLUMNS];
	uint64_t tmpls[ROWS];
	uint8_t levels[COLUMNS];
	char (*texts)[TEXT_MAX];
	uint32_t text_count;
	struct derive_rows rows;
};

static void
set_init(struct set *s)
{
	*s = (struct set){0};
	for (uint32_t i = 0; i < COLUMNS; i++) {
		column_init(&s->columns[i], false);
		s->refs[i] = &s->columns[i];
	}
	s->texts = calloc(ROWS, sizeof *s->texts);
	assert_non_null(s->texts);
	s->rows = (struct derive_rows){0, COLUMNS, s->tmpls, columns_of, counts_of};
}

static void
set_done(struct set *s)
{
	for (uint32_t i = 0; i < COLUMNS; i++)
		column_done(&s->columns[i]);
	free(s->texts);
}

static void
add(struct set *s, uint32_t column, const char *text)
{
	assert_int_equal(column_add_text(&s->columns[column], text, (uint32_t)strlen(text)), TSN_OK);
}

static void
value(uint32_t column, char out[64])
{
	static const char *const users[] = {"root", "THESHIRE\\\\pgustavo", "-", "SYSTEM", ""};

	switch (column) {
	case 0:
		(void)snprintf(out, 64, "%u", rnd(60000));
		break;
	case 1:
		(void)snprintf(out, 64, "C:\\\\Windows\\\\System32\\\\svc%u.exe", rnd(40));
		break;
	case 2:
		(void)snprintf(out, 64, "0x%x", rnd(1u << 20));
		break;
	case 3:
		(void)snprintf(out, 64, "{%08x-47af-5de8-0000-%08x}", rnd(99), rnd(999));
		break;
	default:
		(void)snprintf(out, 64, "%s", users[rnd(TSN_COUNT(users))]);
	}
}

static void
append(char *text, const char *more)
{
	size_t n = strlen(text);

	(void)snprintf(text + n, TEXT_MAX - n, "%s", more);
}

/* `wild`: pieces in any order, so that hardly any pattern comes twice. */
static void
make_text(char *text, char v[COLUMNS][64], bool wild)
{
	static const char *const bits[] = {"\\r\\n", "\\t\\t", ": ", "=", " ", "Process ID:\\t\\t", "x",
		"17 of 4", "a\\\\nb", "\n", "Details: free text\\r\\n", "\xff", "\\", "1.2.3.4:80,"};
	char number[32];
	size_t n;

	text[0] = '\0';
	if (!wild) {
		append(text, "Process accessed:\\r\\nRuleName: -\\r\\nProcessId: ");
		append(text, v[0]);
		append(text, "\\r\\nImage: ");
		append(text, v[1]);
		append(text, "\\r\\nGuid: ");
		append(text, v[3]);
		append(text, "\\r\\nUser: ");
		append(text, v[4]);
		append(text, "\\r\\nStart: ");
		(void)snprintf(number, sizeof number, "%u\\r\\n", rnd(1000));
		append(text, number);
		if (v[2][0] != '\0') {
			append(text, "Mask: 0x");
			n = strlen(text);
			append(text, v[2] + 2);
			for (; text[n] != '\0'; n++)
				text[n] = text[n] >= 'a' ? (char)(text[n] - 32) : text[n];
		}
		append(text, "\\r\\nCommand: run ");
		append(text, number);
		return;
	}
	for (uint32_t i = rnd(30); i > 0; i--)
		append(text, rnd(2) ? bits[rnd(TSN_COUNT(bits))] : v[rnd(TARGET)]);
}

static void
fill(struct set *s, uint32_t rows, uint32_t wild_of_100)
{
	for (uint32_t r = 0; r < rows; r++) {
		char v[COLUMNS][64] = {{0}};
		uint32_t t = rnd(3);

		for (uint32_t k = 0; k < counts_of[t]; k++)
			if (columns_of[t][k] != TARGET)
				value(columns_of[t][k], v[columns_of[t][k]]);
		s->tmpls[r] = t;
		for (uint32_t k = 0; k < counts_of[t]; k++) {
			uint32_t c = columns_of[t][k];

			if (c == TARGET) {
				make_text(s->texts[s->text_count], v, rnd(100) < wild_of_100);
				add(s, c, s->texts[s->text_count++]);
			} else {
				add(s, c, v[c]);
			}
		}
	}
	s->rows.count = rows;
}

/* The other columns as a reader has them. */
static void
read_columns(struct set *s, struct values values[COLUMNS], struct tsn_buf bytes[COLUMNS])
{
	uint64_t *scratch = calloc(2 * ROWS, sizeof *scratch);
	struct column_info info;

	assert_non_null(scratch);
	for (uint32_t i = 0; i < TARGET; i++) {
		uint32_t n = s->columns[i].n;
		struct bin r;

		tsn_buf_init(&bytes[i], 1 << 24);
		s->columns[i].local = true;
		if (n == 0)
			continue;
		assert_int_equal(column_flush(&s->columns[i], &bytes[i], scratch, &info), TSN_OK);
		r = bin_of(bytes[i].ptr, bytes[i].len);
		assert_int_equal(values_decode(&r, n, NULL, &values[i]), TSN_OK);
		if (values[i].form == COLUMN_LOCAL)
			values[i].dict = &values[i].local;
	}
	free(scratch);
}

static void
check_same(const struct set *s, const struct values *got)
{
	char scratch[24];

	assert_int_equal(got->n, s->text_count);
	for (uint32_t i = 0; i < got->n; i++) {
		struct tsn_slice x = values_text(got, i, scratch);

		if (x.len != strlen(s->texts[i]) || memcmp(x.ptr, s->texts[i], x.len) != 0)
			fail_msg("row %u: '%.*s' is not '%s'", i, TSN_SLICE_ARG(x), s->texts[i]);
	}
}

/* Returns whether it paid. */
static bool
round_trip(struct deriver *d, uint32_t rows, uint32_t wild_of_100, size_t *ret_len)
{
	struct set s;
	struct dict dict;
	struct strings strings = {0};
	struct tsn_buf out, list, bytes[COLUMNS] = {{0}};
	struct values values[COLUMNS] = {{0}}, got = {0};
	struct derived *derived;
	struct bin r;
	bool pays;

	set_init(&s);
	dict_init(&dict);
	tsn_buf_init(&out, 1 << 24);
	tsn_buf_init(&list, 1 << 24);
	fill(&s, rows, wild_of_100);
	assert_int_equal(derive_block(d, &(struct derive_job){&s.rows, s.refs, TARGET, &dict, s.levels},
	    &out, &pays), TSN_OK);
	*ret_len = out.len;
	if (pays) {
		assert_int_equal(s.levels[TARGET], 1);
		assert_int_equal(strings_encode(&dict, &list), TSN_OK);
		r = bin_of(list.ptr, list.len);
		assert_int_equal(strings_decode(&r, &strings), TSN_OK);
		read_columns(&s, values, bytes);
		r = bin_of(out.ptr, out.len);
		assert_int_equal(derived_open(&r, s.text_count, &strings, COLUMNS, &derived), TSN_OK);
		assert_int_equal(bin_left(&r), 0);
		assert_int_equal(derived_values(derived, &s.rows, values, TARGET, &got), TSN_OK);
		derived_close(derived);
		got.dict = &got.local;
		check_same(&s, &got);
	} else {
		assert_int_equal(out.len, 0);
		assert_int_equal(dict.count, 0);
	}
	for (uint32_t i = 0; i < COLUMNS; i++) {
		values_done(&values[i]);
		tsn_buf_done(&bytes[i]);
	}
	values_done(&got);
	strings_done(&strings);
	tsn_buf_done(&out);
	tsn_buf_done(&list);
	dict_done(&dict);
	set_done(&s);
	return pays;
}

static struct deriver *
new_deriver(struct tsn_arena *arena)
{
	tsn_arena_init(arena, 64 << 20);
	return deriver_new(arena);
}

static void
messages_pay(void **ignored)
{
	struct tsn_arena arena;
	struct deriver *d = new_deriver(&arena);
	size_t len;

	(void)ignored;
	assert_non_null(d);
	state = 7;
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(round_trip(d, ROWS, 0, &len));
		/* 600 texts of 200 bytes; before any packing */
		assert_true(len < 600 * 200 / 8);
	}
	deriver_free(d);
	tsn_arena_done(&arena);
}

static void
free_text_does_not(void **ignored)
{
	struct tsn_arena arena;
	struct deriver *d = new_deriver(&arena);
	size_t len;

	(void)ignored;
	assert_non_null(d);
	state = 11;
	for (uint32_t i = 0; i < 6; i++)
		assert_false(round_trip(d, ROWS, 100, &len));
	deriver_free(d);
	tsn_arena_done(&arena);
}

static void
mixtures_come_back(void **ignored)
{
	size_t len;
	unsigned paid = 0;

	(void)ignored;
	for (uint32_t seed = 0; seed < 24; seed++) {
		struct tsn_arena arena;
		struct deriver *d = new_deriver(&arena);

		assert_non_null(d);
		state = seed;
		for (uint32_t i = 0; i < 3; i++)
			paid += round_trip(d, 20 + rnd(ROWS - 20), rnd(60), &len);
		deriver_free(d);
		tsn_arena_done(&arena);
	}
	assert_true(paid > 20);
}

static void
patterns_are_checked(void **ignored)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum tsn_code want;
	} cases[] = {
		{"\0\0", 2, TSN_OK},				/* nothing at all */
		{"\2ab\0", 4, TSN_OK},
		{"\0\1\4\0\0", 5, TSN_OK},			/* column 4 */
		{"\0\1\6\0\0", 5, TSN_ECORRUPT},		/* no such column */
		{"\0\3\0\5\0\0\0", 7, TSN_OK},			/* gap, and again */
		{"\0\5\0\0\0", 5, TSN_ECORRUPT},		/* again, of no gap */
		{"\0\6\0\0", 4, TSN_ECORRUPT},			/* no such kind */
		{"\2a\0", 3, TSN_ECORRUPT},			/* literal too short */
		{"\0\3", 2, TSN_ECORRUPT},			/* no end */
		{"\0\0x", 3, TSN_ECORRUPT},			/* more behind the end */
		{"", 0, TSN_ECORRUPT},
	};
	struct derive_pattern p;
	struct tsn_arena a;

	(void)ignored;
	tsn_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		enum tsn_code got = derive_pattern_parse((struct tsn_slice){cases[i].bytes,
		    cases[i].len}, COLUMNS, &a, &p);

		if (got != cases[i].want)
			fail_msg("case %zu: %d, not %d", i, got, cases[i].want);
	}
	tsn_arena_done(&a);
}

static void
upper_case(void **ignored)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"0xc61d9", "0xC61D9"}, {"0x10", "0x10"}, {"ab12", "AB12"}, {"", NULL}, {"0xg", NULL},
		{"user", NULL}, {"-", NULL}, {"AB", "AB"},
	};
	char out[DERIVE_UPPER_MAX];

	(void)ignored;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		size_t n = derive_upper(tsn_slice_cstr(cases[i].in), out);

		if (cases[i].want == NULL)
			assert_int_equal(n, SIZE_MAX);
		else
			assert_true(n == strlen(cases[i].want) &&
			    memcmp(out, cases[i].want, n) == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_pay), cmocka_unit_test(free_text_does_not),
		cmocka_unit_test(mixtures_come_back), cmocka_unit_test(patterns_are_checked),
		cmocka_unit_test(upper_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
