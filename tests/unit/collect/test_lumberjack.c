#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/buf.h"
#include "collect/lumberjack.h"

#define MAX 1000u

static void
put32(struct tsn_buf *b, uint32_t n)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		tsn_buf_char(b, (char)(unsigned char)(n >> shift));
}

static void
put_text(struct tsn_buf *b, const char *text)
{
	put32(b, (uint32_t)strlen(text));
	tsn_buf_add(b, text, strlen(text));
}

static void
put_json(struct tsn_buf *b, uint32_t seq, const char *text)
{
	tsn_buf_add(b, "2J", 2);
	put32(b, seq);
	put_text(b, text);
}

static void
put_window(struct tsn_buf *b, char version, uint32_t n)
{
	tsn_buf_char(b, version);
	tsn_buf_char(b, 'W');
	put32(b, n);
}

static void
put_packed(struct tsn_buf *b, const struct tsn_buf *frames)
{
	static char packed[65536];
	uLongf len = sizeof packed;

	assert_int_equal(compress((Bytef *)packed, &len, (const Bytef *)frames->ptr, frames->len), Z_OK);
	tsn_buf_add(b, "2C", 2);
	put32(b, (uint32_t)len);
	tsn_buf_add(b, packed, len);
}

/* The events as text: "seq json;" with ! for a cut one and | behind the last of a window. */
static enum tsn_code
read_all(struct tsn_slice in, size_t step, struct tsn_buf *out, struct tsn_err *err)
{
	struct tsn_lumberjack *l = tsn_lumberjack_new(MAX);
	struct tsn_lumberjack_event e;
	enum tsn_code code = TSN_EAGAIN;

	assert_non_null(l);
	while (in.len > 0 && code == TSN_EAGAIN) {
		size_t n = in.len < step ? in.len : step;

		tsn_lumberjack_feed(l, tsn_slice_of(in.ptr, n));
		in = tsn_slice_from(in, n);
		while ((code = tsn_lumberjack_next(l, &e, err)) == TSN_OK) {
			tsn_buf_printf(out, "%u ", e.seq);
			if (e.json.len > 100)
				tsn_buf_printf(out, "(%zu)", e.json.len);
			else
				tsn_buf_slice(out, e.json);
			tsn_buf_printf(out, "%s%s", e.truncated ? "!" : "", e.last ? "|" : ";");
		}
	}
	if (code == TSN_EAGAIN && tsn_lumberjack_between(l))
		code = TSN_OK;
	tsn_lumberjack_free(l);
	return code;
}

static void
expect_events(const struct tsn_buf *in, const char *want, enum tsn_code want_code)
{
	static const size_t steps[] = {SIZE_MAX, 1, 5, 4096};

	for (size_t i = 0; i < TSN_COUNT(steps); i++) {
		struct tsn_buf got;
		struct tsn_err err = {0};

		tsn_buf_init(&got, 1u << 20);
		assert_int_equal(read_all(tsn_buf_get(in), steps[i], &got, &err), want_code);
		tsn_buf_char(&got, '\0');
		assert_string_equal(got.ptr, want);
		tsn_buf_done(&got);
	}
}

static void
test_json(void **state)
{
	struct tsn_buf in;

	(void)state;
	tsn_buf_init(&in, 1u << 20);
	put_window(&in, '2', 2);
	put_json(&in, 1, "{\"a\":1}");
	put_json(&in, 2, "{\"b\":2}");
	put_window(&in, '2', 1);
	put_json(&in, 1, "{}");
	expect_events(&in, "1 {\"a\":1};2 {\"b\":2}|1 {}|", TSN_OK);
	in.len--;
	expect_events(&in, "1 {\"a\":1};2 {\"b\":2}|", TSN_EAGAIN);
	tsn_buf_done(&in);
}

static void
test_pairs(void **state)
{
	struct tsn_buf in;

	(void)state;
	tsn_buf_init(&in, 1u << 20);
	put_window(&in, '1', 2);
	tsn_buf_add(&in, "1D", 2);
	put32(&in, 1);
	put32(&in, 2);
	put_text(&in, "line");
	put_text(&in, "say \"x\"");
	put_text(&in, "host");
	put_text(&in, "");
	tsn_buf_add(&in, "1D", 2);
	put32(&in, 2);
	put32(&in, 0);
	expect_events(&in, "1 {\"line\":\"say \\\"x\\\"\",\"host\":\"\"};2 {}|", TSN_OK);
	tsn_buf_done(&in);
}

static void
test_compressed(void **state)
{
	struct tsn_buf in, frames;
	char text[512];

	(void)state;
	tsn_buf_init(&in, 1u << 20);
	tsn_buf_init(&frames, 1u << 20);
	put_window(&in, '2', 3);
	put_json(&frames, 1, "{\"a\":1}");
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	put_json(&frames, 2, text);
	put_packed(&in, &frames);
	put_json(&in, 3, "{}");
	expect_events(&in, "1 {\"a\":1};2 (511);3 {}|", TSN_OK);
	tsn_buf_done(&in);
	tsn_buf_done(&frames);
}

static void
test_too_long_is_cut(void **state)
{
	struct tsn_buf in;

	(void)state;
	tsn_buf_init(&in, 1u << 20);
	tsn_buf_add(&in, "2J", 2);
	put32(&in, 7);
	put32(&in, 5000);
	for (int i = 0; i < 5000; i++)
		tsn_buf_char(&in, 'x');
	put_json(&in, 8, "{}");
	expect_events(&in, "7 (1000)!;8 {};", TSN_OK);
	tsn_buf_done(&in);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum tsn_code code;
	} cases[] = {
		{"GET / HTTP/1.1", 14, TSN_EPARSE},
		{"\x16\x03\x01\x02", 4, TSN_EPARSE},
		{"2X", 2, TSN_EPARSE},
		{"2J\0\0\0\1\xff\xff\xff\xff", 10, TSN_ELIMIT},
		{"2D\0\0\0\1\xff\xff\xff\xff", 10, TSN_ELIMIT},
		{"2C\xff\xff\xff\xff", 6, TSN_ELIMIT},
		{"2C\0\0\0\4abcd", 10, TSN_EPARSE},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		struct tsn_buf in;

		tsn_buf_init(&in, 1000);
		tsn_buf_add(&in, cases[i].bytes, cases[i].len);
		expect_events(&in, "", cases[i].code);
		tsn_buf_done(&in);
	}
}

static void
test_nested_and_cut_compression(void **state)
{
	struct tsn_buf in, frames, outer;

	(void)state;
	tsn_buf_init(&in, 1u << 20);
	tsn_buf_init(&frames, 1u << 20);
	tsn_buf_init(&outer, 1u << 20);
	put_json(&frames, 1, "{}");
	put_packed(&in, &frames);
	put_packed(&outer, &in);
	expect_events(&outer, "", TSN_EPARSE);
	tsn_buf_reset(&outer);
	frames.len -= 1;
	put_packed(&outer, &frames);
	expect_events(&outer, "", TSN_EPARSE);
	tsn_buf_done(&in);
	tsn_buf_done(&frames);
	tsn_buf_done(&outer);
}

static void
test_ack(void **state)
{
	struct tsn_lumberjack *l = tsn_lumberjack_new(MAX);
	char frame[TSN_LUMBERJACK_ACK_BYTES];

	(void)state;
	assert_non_null(l);
	tsn_lumberjack_ack(l, 0x01020304, frame);
	assert_memory_equal(frame, "2A\1\2\3\4", sizeof frame);
	tsn_lumberjack_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_compressed),
		cmocka_unit_test(test_too_long_is_cut),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nested_and_cut_compression),
		cmocka_unit_test(test_ack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
