#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/json.h"

/* Reads all tokens and writes them again without blanks. */
static enum tsn_code
rewrite(struct tsn_slice text, struct tsn_buf *out, struct tsn_err *err)
{
	struct tsn_arena arena TSN_CLEANUP(tsn_arena_done) = {0};
	struct tsn_json_reader r;
	enum tsn_json_token token;
	bool comma = false;

	tsn_arena_init(&arena, 1 << 20);
	tsn_json_reader_init(&r, text, &arena);
	for (;;) {
		TSN_TRY(tsn_json_next(&r, &token, err));
		if (token == TSN_JSON_END)
			return TSN_OK;
		if (comma && token != TSN_JSON_OBJECT_END && token != TSN_JSON_ARRAY_END)
			tsn_buf_char(out, ',');
		comma = token != TSN_JSON_OBJECT && token != TSN_JSON_ARRAY && token != TSN_JSON_KEY;
		switch (token) {
		case TSN_JSON_OBJECT:
			tsn_buf_char(out, '{');
			break;
		case TSN_JSON_OBJECT_END:
			tsn_buf_char(out, '}');
			break;
		case TSN_JSON_ARRAY:
			tsn_buf_char(out, '[');
			break;
		case TSN_JSON_ARRAY_END:
			tsn_buf_char(out, ']');
			break;
		case TSN_JSON_KEY:
			tsn_json_write_string(out, r.text);
			tsn_buf_char(out, ':');
			break;
		case TSN_JSON_STRING:
			tsn_json_write_string(out, r.text);
			break;
		case TSN_JSON_NUMBER:
			tsn_buf_slice(out, r.text);
			break;
		case TSN_JSON_BOOL:
			tsn_buf_slice(out, r.boolean ? TSN_SLICE("true") : TSN_SLICE("false"));
			break;
		case TSN_JSON_NULL:
			tsn_buf_lit(out, "null");
			break;
		case TSN_JSON_END:
			break;
		}
	}
}

static void
check_rewrite(const char *text, const char *want)
{
	struct tsn_buf out TSN_CLEANUP(tsn_buf_done);
	struct tsn_err err = {0};
	/* A copy without slack, so that a sanitizer sees any read behind the end. */
	size_t len = strlen(text);
	char *copy = malloc(len + 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	copy = realloc(copy, len == 0 ? 1 : len);
	assert_non_null(copy);
	tsn_buf_init(&out, 1 << 20);
	if (rewrite((struct tsn_slice){copy, len}, &out, &err) != TSN_OK)
		fail_msg("%s: %s", text, err.msg);
	if (!tsn_slice_eq(tsn_buf_get(&out), tsn_slice_cstr(want)))
		fail_msg("%s: got %.*s", text, (int)out.len, out.ptr);
	free(copy);
}

static void
test_documents(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {" { } ", "{}"},
	    {"[ ]\r\n", "[]"},
	    {"\t[1 , 2,3 ]", "[1,2,3]"},
	    {"{\"a\" : { \"b\":[ true,false , null]} , \"c\":\"\"}",
		"{\"a\":{\"b\":[true,false,null]},\"c\":\"\"}"},
	    {"\"\"", "\"\""},
	    {"-0", "-0"},
	    {"0", "0"},
	    {"18446744073709551615", "18446744073709551615"},
	    {"-9223372036854775808", "-9223372036854775808"},
	    {"1e400", "1e400"},
	    {"1.5E+3", "1.5E+3"},
	    {"\"a\\u0041\\n\\/\\\"\\\\\\b\\f\\r\\t\"", "\"aA\\n/\\\"\\\\\\b\\f\\r\\t\""},
	    {"\"\\u00e9\\ud83d\\ude00\"", "\"\xc3\xa9\xf0\x9f\x98\x80\""},
	    {"\"\\u0000\\u001f\"", "\"\\u0000\\u001f\""},
	    {"\"0123456789abcdef0123456789abcdef\\\\0123456789abcdef\"",
		"\"0123456789abcdef0123456789abcdef\\\\0123456789abcdef\""},
	    {"\"bad \xff\xc3\x28 bytes\"", "\"bad \xef\xbf\xbd\xef\xbf\xbd( bytes\""},
	    {"\"\\ud800x\"", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\""},
	    {"{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}"},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++)
		check_rewrite(cases[i].text, cases[i].want);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text;
		uint64_t pos;
	} cases[] = {
	    {"", 0}, {"  ", 2}, {"{", 1}, {"[", 1}, {"[1", 2}, {"[1,", 3}, {"[1,]", 3}, {"{\"a\"", 4},
	    {"{\"a\":", 5}, {"{\"a\":}", 5}, {"{\"a\":1,}", 7}, {"{a:1}", 1}, {"{\"a\" 1}", 5},
	    {"nul", 0}, {"True", 0}, {"NaN", 0}, {"01", 0}, {"-", 1}, {"1.", 2}, {".5", 0}, {"1e", 2},
	    {"1e+", 3}, {"+1", 0}, {"\"abc", 4}, {"\"a\nb\"", 2}, {"\"\\x\"", 2}, {"\"\\u12g4\"", 3},
	    {"\"\\u12", 3}, {"\"\\", 2}, {"1 2", 2}, {"{} x", 3}, {"[}", 1}, {"{]", 1}, {"'a'", 0},
	    {"/* */1", 0}, {"0x10", 1},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		struct tsn_err err = {0};

		assert_int_equal(tsn_json_check(tsn_slice_cstr(cases[i].text), &err), TSN_EPARSE);
		if (err.pos != cases[i].pos)
			fail_msg("%s: %s", cases[i].text, err.msg);
		assert_non_null(strstr(err.msg, "JSON: expected "));
	}
}

static void
test_depth(void **state)
{
	char text[2 * TSN_NESTING_MAX + 4];
	struct tsn_err err;

	(void)state;
	memset(text, '[', TSN_NESTING_MAX);
	memset(text + TSN_NESTING_MAX, ']', TSN_NESTING_MAX);
	assert_int_equal(tsn_json_check((struct tsn_slice){text, 2 * TSN_NESTING_MAX}, &err), TSN_OK);
	memset(text, '[', sizeof text);
	assert_int_equal(tsn_json_check((struct tsn_slice){text, sizeof text}, &err), TSN_ELIMIT);
	assert_int_equal(err.pos, TSN_NESTING_MAX);
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		enum tsn_json_number_kind kind;
		int64_t i;
		double d;
	} cases[] = {
	    {"0", TSN_JSON_INT, 0, 0},
	    {"-1", TSN_JSON_INT, -1, 0},
	    {"123456789012345678", TSN_JSON_INT, 123456789012345678, 0},
	    {"1234567890123456789", TSN_JSON_INT, 1234567890123456789, 0},
	    {"9223372036854775807", TSN_JSON_INT, INT64_MAX, 0},
	    {"-9223372036854775808", TSN_JSON_INT, INT64_MIN, 0},
	    {"9223372036854775808", TSN_JSON_UINT, INT64_MIN, 0},
	    {"18446744073709551615", TSN_JSON_UINT, -1, 0},
	    {"18446744073709551616", TSN_JSON_FLOAT, 0, 18446744073709551616.0},
	    {"0.1", TSN_JSON_FLOAT, 0, 0.1},
	    {"-2.5e-3", TSN_JSON_FLOAT, 0, -2.5e-3},
	    {"1E5", TSN_JSON_FLOAT, 0, 1e5},
	    {"1589459.0000000001", TSN_JSON_FLOAT, 0, 1589459.0000000001},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		struct tsn_json_number n;
		struct tsn_json_in in;

		tsn_json_begin(&in, tsn_slice_cstr(cases[i].text), NULL);
		assert_true(tsn_json_number(&in, &n));
		assert_int_equal(n.kind, cases[i].kind);
		if (n.kind == TSN_JSON_FLOAT)
			assert_true(n.as.d >= cases[i].d && n.as.d <= cases[i].d);
		else
			assert_int_equal(n.as.i, cases[i].i);
		assert_true(tsn_slice_eq(n.text, tsn_slice_cstr(cases[i].text)));
	}
}

static void
test_skip_finds_the_end_in_pieces(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
	    {"{\"a\":[1,{\"b\":\"}\\\"]\"}]} {", 22},
	    {"\n[\"0123456789abcdef0123456789\\\\\"] ", 33},
	    {"\"a\\\\\"\"b\"", 5},
	    {"12,", 2},
	    {"true ", 4},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		struct tsn_json_skip whole = {0}, pieces = {0};
		size_t len = 0;

		assert_int_equal(tsn_json_skip(&whole, tsn_slice_cstr(cases[i].text), &len), TSN_OK);
		assert_int_equal(len, cases[i].len);
		for (size_t n = 0; n < cases[i].len; n++)
			assert_int_equal(tsn_json_skip(&pieces, (struct tsn_slice){cases[i].text, n}, &len),
			    TSN_EAGAIN);
		assert_int_equal(tsn_json_skip(&pieces, tsn_slice_cstr(cases[i].text), &len), TSN_OK);
		assert_int_equal(len, cases[i].len);
	}
}

static void
test_skip_refuses(void **state)
{
	struct tsn_json_skip s = {0};
	size_t len;

	(void)state;
	assert_int_equal(tsn_json_skip(&s, TSN_SLICE(" }"), &len), TSN_EPARSE);
	s = (struct tsn_json_skip){0};
	assert_int_equal(tsn_json_skip(&s, TSN_SLICE(","), &len), TSN_EPARSE);
	s = (struct tsn_json_skip){0};
	assert_int_equal(tsn_json_skip(&s, TSN_SLICE("  "), &len), TSN_EAGAIN);
}

static void
test_pass(void **state)
{
	struct tsn_json_reader r;
	struct tsn_err err;
	enum tsn_json_token token;

	(void)state;
	tsn_json_reader_init(&r, TSN_SLICE("{\"a\":[1,{\"x\":2}],\"b\":3}"), NULL);
	assert_int_equal(tsn_json_next(&r, &token, &err), TSN_OK);
	assert_int_equal(tsn_json_next(&r, &token, &err), TSN_OK);
	assert_int_equal(token, TSN_JSON_KEY);
	assert_int_equal(tsn_json_pass(&r, token, &err), TSN_OK);
	assert_int_equal(tsn_json_next(&r, &token, &err), TSN_OK);
	assert_true(tsn_slice_eq(r.text, TSN_SLICE("b")));
	assert_int_equal(tsn_json_pass(&r, token, &err), TSN_OK);
	assert_int_equal(tsn_json_next(&r, &token, &err), TSN_OK);
	assert_int_equal(token, TSN_JSON_OBJECT_END);
}

/* As the format says, a byte at a time. */
static void
write_plainly(struct tsn_slice text, struct tsn_buf *out)
{
	tsn_buf_char(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			tsn_buf_char(out, '\\');
		if (text.ptr[i] == '\n')
			tsn_buf_lit(out, "\\n");
		else
			tsn_buf_char(out, text.ptr[i]);
	}
	tsn_buf_char(out, '"');
}

/* Texts of all lengths around the steps of the writer, what must be escaped at all places. */
static void
test_strings_are_escaped_anywhere(void **state)
{
	static const char special[] = "\"\\\n";
	struct tsn_buf want TSN_CLEANUP(tsn_buf_done) = {0}, got TSN_CLEANUP(tsn_buf_done) = {0};
	char text[80];

	(void)state;
	tsn_buf_init(&want, 1 << 20);
	tsn_buf_init(&got, 1 << 20);
	for (size_t len = 0; len <= sizeof text; len++) {
		for (size_t at = 0; at <= len; at++) {
			for (size_t c = 0; c < sizeof special; c++) {
				for (size_t i = 0; i < len; i++)
					text[i] = (char)('a' + i % 26);
				for (size_t i = at; i < len && special[c] != 0; i += c + 1)
					text[i] = special[c];
				tsn_buf_reset(&want);
				write_plainly((struct tsn_slice){text, len}, &want);
				/* at first with as little room as there can be */
				if (at == 0)
					tsn_buf_done(&got);
				if (at == 0)
					tsn_buf_init(&got, 1 << 20);
				tsn_buf_reset(&got);
				tsn_json_write_string(&got, (struct tsn_slice){text, len});
				assert_int_equal(got.len, want.len);
				assert_memory_equal(got.ptr, want.ptr, want.len);
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_documents),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_skip_finds_the_end_in_pieces),
	    cmocka_unit_test(test_skip_refuses),
	    cmocka_unit_test(test_pass),
	    cmocka_unit_test(test_strings_are_escaped_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
