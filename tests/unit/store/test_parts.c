#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/column_int.h"
#include "store/ints_int.h"
#include "store/tmpl_int.h"

#define NOON (INT64_C(1765349746) * TSN_NS_PER_SEC)	/* 2025-12-10T06:55:46Z */

static void
test_time_texts(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
		bool found;
		int32_t tz_sec;
		size_t len;
	} t[] = {
		{"Dec 10 06:55:46 srv", NOON, true, 0, 15},
		{"Dec 10 07:55:46 srv", NOON, true, 3600, 15},
		{"Dec  9 22:55:46 srv", NOON, true, -8 * 3600, 15},
		{"Dec 11 06:55:46 srv", NOON, false, 0, 0},
		{"Dec 10 06:55:47 srv", NOON, false, 0, 0},
		{"2025-12-10T06:55:46.123Z", NOON + 123 * TSN_NS_PER_MS, true, 0, 23},
		{"2025-12-10 06:55:46,120", NOON + 123 * TSN_NS_PER_MS, true, 0, 19},
		{"2025/12/10 12:25:46 [error]", NOON, true, 19800, 19},
		{"10/Dec/2025:06:55:46 +0000", NOON, true, 0, 20},
		{"1765349746.250:", NOON + 250 * TSN_NS_PER_MS, true, 0, 14},
		{"17653497461", NOON, false, 0, 0},
		{"2025-12-10", NOON, false, 0, 0},
		{"", NOON, false, 0, 0},
	};
	char text[TIMETEXT_MAX];
	struct timetext found;

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(t); i++) {
		assert_int_equal(timetext_match(tsn_slice_cstr(t[i].text), t[i].ns, &found), t[i].found);
		if (!t[i].found)
			continue;
		assert_int_equal(found.tz_sec, t[i].tz_sec);
		assert_int_equal(timetext_len(&found), t[i].len);
		assert_true(timetext_put(&found, t[i].ns, text));
		assert_memory_equal(text, t[i].text, t[i].len);
	}
}

static void
test_escapes(void **state)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{"plain", "plain"},
		{"a\\\\b\\\"c\\/d", "a\\b\"c/d"},
		{"\\n\\r\\t\\b\\f", "\n\r\t\b\f"},
		{"\\u0041\\u00e9\\u20ac", "A\xc3\xa9\xe2\x82\xac"},
		{"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
		{"\\ud83d", NULL},
		{"\\u12g4", NULL},
		{"\\x", NULL},
		{"\\", NULL},
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(t); i++) {
		size_t n = tmpl_unescape(tsn_slice_cstr(t[i].in), out);

		if (t[i].out == NULL) {
			assert_true(n == SIZE_MAX);
			continue;
		}
		assert_int_equal(n, strlen(t[i].out));
		assert_memory_equal(out, t[i].out, n);
	}
}

static void
test_addresses(void **state)
{
	static const char *const no[] = {"1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.", "1..2.3",
		"a.b.c.d", "1.2.3.4 ", "1.2.3.00"};
	static const char *const yes[] = {"0.0.0.0", "255.255.255.255", "10.20.30.40", "1.2.3.4"};
	uint32_t addr;
	char out[16];

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(no); i++)
		assert_false(text_is_ip4(tsn_slice_cstr(no[i]), &addr));
	for (size_t i = 0; i < TSN_COUNT(yes); i++) {
		assert_true(text_is_ip4(tsn_slice_cstr(yes[i]), &addr));
		assert_int_equal(text_of_ip4(addr, out), strlen(yes[i]));
		assert_memory_equal(out, yes[i], strlen(yes[i]));
	}
}

static void
test_numbers(void **state)
{
	uint64_t v[200], copy[200], out[200], scratch[400];
	unsigned char back[200];
	uint32_t literals;

	(void)state;
	for (unsigned kind = 0; kind < 6; kind++) {
		struct tsn_buf b TSN_CLEANUP(tsn_buf_done);
		struct bin r;

		tsn_buf_init(&b, 1 << 20);
		for (uint32_t i = 0; i < 200; i++)
			v[i] = kind == 0 ? 7 : kind == 1 ? i * 3u : kind == 2 ? (i * 7919u) % 500 :
			    kind == 3 ? UINT64_MAX - i : kind == 4 ? (i / 5) * 1000003u :
			    (uint64_t)i << (i % 60);
		ints_encode(&b, v, 200, scratch);
		r = bin_of(b.ptr, b.len);
		assert_true(ints_decode(&r, out, 200));
		assert_memory_equal(v, out, sizeof v);
		for (size_t cut = 0; cut < b.len; cut++) {
			r = bin_of(b.ptr, cut);
			assert_false(ints_decode(&r, out, 200));
		}
		memcpy(copy, v, sizeof v);
		literals = ints_fold(copy, 200, back);
		memmove(copy + 200 - literals, copy, literals * sizeof *copy);
		assert_true(ints_unfold(copy, literals, back, 200));
		assert_memory_equal(v, copy, sizeof v);
	}
}

static void
test_columns(void **state)
{
	static const struct {
		const char *values[4];
		enum column_form form;
	} t[] = {
		{{"1", "20", "300", "0"}, COLUMN_DIGITS},
		{{"01", "20", "30", "00"}, COLUMN_PADDED},
		{{"10", "20", "30", "07"}, COLUMN_PADDED},
		{{"1", "20", "030", "4"}, COLUMN_SHARED},
		{{"1", "", "2", "3"}, COLUMN_SHARED},
		{{"999999999999999999", "1", "2", "3"}, COLUMN_DIGITS},
		{{"9999999999999999999", "1", "2", "3"}, COLUMN_SHARED},
		{{"root", "admin", "root", "+5"}, COLUMN_SHARED},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(t); i++) {
		struct tsn_buf b TSN_CLEANUP(tsn_buf_done), d TSN_CLEANUP(tsn_buf_done);
		uint64_t scratch[64];
		struct column_info info;
		struct strings dict;
		struct column c;
		struct values v;
		struct bin r;
		char text[24];

		tsn_buf_init(&b, 1 << 16);
		tsn_buf_init(&d, 1 << 16);
		column_init(&c, false);
		for (unsigned k = 0; k < 4; k++)
			assert_int_equal(column_add_text(&c, t[i].values[k],
			    (uint32_t)strlen(t[i].values[k])), TSN_OK);
		assert_int_equal(column_flush(&c, &b, scratch, &info), TSN_OK);
		assert_int_equal(info.form, t[i].form);
		assert_int_equal(strings_encode(&c.dict, &d), TSN_OK);
		r = bin_of(d.ptr, d.len);
		assert_int_equal(strings_decode(&r, &dict), TSN_OK);
		r = bin_of(b.ptr, b.len);
		assert_int_equal(values_decode(&r, 4, &dict, &v), TSN_OK);
		for (uint32_t k = 0; k < 4; k++) {
			assert_true(tsn_slice_eq(values_text(&v, k, text),
			    tsn_slice_cstr(t[i].values[k])));
			assert_int_equal(values_len(&v, k), strlen(t[i].values[k]));
		}
		values_done(&v);
		strings_done(&dict);
		column_done(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time_texts),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
