/* A chunk is built byte by byte: what Windows writes, and what is left of it after damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/evtx.h"
#include "codec/json.h"

struct build {
	unsigned char bytes[TSN_EVTX_CHUNK_BYTES];
	uint32_t at;
};

static void
put(struct build *b, const void *p, uint32_t n)
{
	assert_true(b->at + n <= sizeof b->bytes);
	memcpy(b->bytes + b->at, p, n);
	b->at += n;
}

static void
u8(struct build *b, unsigned v)
{
	unsigned char c = (unsigned char)v;

	put(b, &c, 1);
}

static void
u16(struct build *b, uint32_t v)
{
	u8(b, v & 255);
	u8(b, v >> 8 & 255);
}

static void
u32(struct build *b, uint32_t v)
{
	u16(b, v & 0xffff);
	u16(b, v >> 16);
}

static void
u64(struct build *b, uint64_t v)
{
	u32(b, (uint32_t)v);
	u32(b, (uint32_t)(v >> 32));
}

static void
text(struct build *b, const char *s)
{
	for (; *s != '\0'; s++)
		u16(b, (unsigned char)*s);
}

/* A name that stands here. */
static void
name(struct build *b, const char *s)
{
	u32(b, b->at + 4);
	u32(b, 0);
	u16(b, 0);
	u16(b, (uint32_t)strlen(s));
	text(b, s);
	u16(b, 0);
}

static void
open_element(struct build *b, const char *s, bool attributes)
{
	u8(b, attributes ? 0x41 : 0x01);
	u16(b, 0xffff);
	u32(b, 0);
	name(b, s);
	if (attributes)
		u32(b, 0);
}

static void
attribute(struct build *b, const char *s)
{
	u8(b, 0x06);
	name(b, s);
}

static void
value(struct build *b, const char *s)
{
	u8(b, 0x05);
	u8(b, 0x01);
	u16(b, (uint32_t)strlen(s));
	text(b, s);
}

static void
substitution(struct build *b, unsigned id, bool optional)
{
	u8(b, optional ? 0x0e : 0x0d);
	u16(b, id);
	u8(b, 0);
}

static void
fragment(struct build *b)
{
	u32(b, 0x0001010f);
}

static void
data(struct build *b, const char *key, unsigned id)
{
	open_element(b, "Data", key != NULL);
	if (key != NULL) {
		attribute(b, "Name");
		value(b, key);
	}
	u8(b, 0x02);
	substitution(b, id, false);
	u8(b, 0x04);
}

#define VALUES 9u

static void
template_body(struct build *b)
{
	fragment(b);
	open_element(b, "Event", false);
	u8(b, 0x02);
	open_element(b, "System", false);
	u8(b, 0x02);
	open_element(b, "Provider", true);
	attribute(b, "Name");
	value(b, "Test");
	attribute(b, "Guid");
	substitution(b, 0, true);
	u8(b, 0x03);
	open_element(b, "EventID", true);
	attribute(b, "Qualifiers");
	substitution(b, 8, true);
	u8(b, 0x02);
	substitution(b, 1, false);
	u8(b, 0x04);
	u8(b, 0x04);
	open_element(b, "EventData", false);
	u8(b, 0x02);
	data(b, "Who", 2);
	data(b, "Sid", 3);
	data(b, "When", 4);
	data(b, "Mask", 5);
	data(b, NULL, 6);
	data(b, NULL, 7);
	u8(b, 0x04);
	u8(b, 0x04);
	u8(b, 0x00);
}

static void
values(struct build *b)
{
	static const struct {
		unsigned size, type;
	} kinds[VALUES] = {{16, 0x0f}, {2, 0x06}, {8, 0x01}, {16, 0x13}, {8, 0x11}, {4, 0x14}, {10, 0x81},
	    {3, 0x02}, {0, 0x00}};

	u32(b, VALUES);
	for (unsigned i = 0; i < VALUES; i++) {
		u16(b, kinds[i].size);
		u16(b, kinds[i].type);
	}
	u32(b, 0x5770385f);
	u16(b, 0xc22a);
	u16(b, 0x43e0);
	put(b, "\xbf\x4c\x06\xf5\x69\x8f\xfb\xd9", 8);
	u16(b, 4624);
	u16(b, 'a');
	u16(b, 0xd83d);		/* U+1F600 */
	u16(b, 0xde00);
	u16(b, '"');
	put(b, "\x01\x02\0\0\0\0\0\x05\x20\0\0\0\x20\x02\0\0", 16);
	u64(b, UINT64_C(133537248000000001));
	u32(b, 0x1f1fff);
	text(b, "ab");
	u16(b, 0);
	text(b, "c");
	u16(b, 0);
	put(b, "caf\xe9", 3);
	b->bytes[b->at - 1] = 0xe9;
}

/* One record with its template in it (first) or with that of the first. */
static uint32_t
record(struct build *b, uint64_t id, uint32_t template_at)
{
	uint32_t from = b->at, size_at, body;

	u32(b, 0x00002a2a);
	u32(b, 0);
	u64(b, id);
	u64(b, UINT64_C(133537248000000000));
	fragment(b);
	u8(b, 0x0c);
	u8(b, 1);
	u32(b, 7);
	if (template_at == 0) {
		template_at = b->at + 4;
		u32(b, template_at);
		put(b, (char[20]){0}, 20);
		size_at = b->at;
		u32(b, 0);
		body = b->at;
		template_body(b);
		b->bytes[size_at] = (unsigned char)((b->at - body) & 255);
		b->bytes[size_at + 1] = (unsigned char)((b->at - body) >> 8);
	} else {
		u32(b, template_at);
	}
	values(b);
	u8(b, 0);
	while ((b->at - from) % 8 != 4)
		u8(b, 0);
	u32(b, b->at - from + 4);
	b->bytes[from + 4] = (unsigned char)((b->at - from) & 255);
	b->bytes[from + 5] = (unsigned char)((b->at - from) >> 8);
	return template_at;
}

static struct build *
chunk(unsigned count)
{
	struct build *b = calloc(1, sizeof *b);
	uint32_t template_at = 0, last = 0;

	assert_non_null(b);
	memcpy(b->bytes, "ElfChnk", 8);
	b->at = 512;
	for (unsigned i = 0; i < count; i++) {
		last = b->at;
		template_at = record(b, 100 + i, template_at);
	}
	memcpy(b->bytes + 44, &last, 4);
	memcpy(b->bytes + 48, &b->at, 4);
	return b;
}

static const char want[] = "{\"Event\":{\"System\":{\"Provider\":{\"#attributes\":{\"Name\":\"Test\","
    "\"Guid\":\"5770385F-C22A-43E0-BF4C-06F5698FFBD9\"}},\"EventID\":4624},\"EventData\":{"
    "\"Who\":\"a\xf0\x9f\x98\x80\\\"\",\"Sid\":\"S-1-5-32-544\","
    "\"When\":\"2024-03-01T00:00:00.0000001Z\",\"Mask\":\"0x1f1fff\","
    "\"Data\":[[\"ab\",\"c\"],\"ca\xc3\xa9\"]}},\"#flags\":[\"checksum\"]}";

static unsigned
run(const struct build *b, size_t len, unsigned *ret_broken, char *last, size_t cap)
{
	struct tsn_evtx *e = tsn_evtx_new();
	struct tsn_buf out TSN_CLEANUP(tsn_buf_done);
	struct tsn_evtx_record rec;
	unsigned count = 0;
	enum tsn_code code;

	assert_non_null(e);
	tsn_buf_init(&out, 1 << 20);
	tsn_evtx_chunk(e, (struct tsn_slice){(const char *)b->bytes, len});
	*ret_broken = 0;
	while ((code = tsn_evtx_next(e, &rec, &out)) == TSN_OK) {
		assert_int_equal(tsn_json_check(tsn_buf_get(&out), NULL), TSN_OK);
		count++;
		*ret_broken += rec.broken;
		tsn_buf_char(&out, '\0');
		(void)tsn_slice_escape(TSN_SLICE(""), last, cap);
		if (out.len < cap)
			memcpy(last, out.ptr, out.len);
		tsn_buf_reset(&out);
	}
	assert_int_equal(code, TSN_EOF);
	tsn_evtx_free(e);
	return count;
}

static void
test_records(void **state)
{
	struct build *b = chunk(3);
	unsigned broken;
	char last[4096];

	(void)state;
	assert_int_equal(run(b, sizeof b->bytes, &broken, last, sizeof last), 3);
	assert_int_equal(broken, 0);
	assert_string_equal(last, want);
	free(b);
}

static void
test_cut_file(void **state)
{
	struct build *b = chunk(3);
	unsigned broken;
	char last[4096];

	(void)state;
	assert_int_equal(run(b, b->at - 10, &broken, last, sizeof last), 3);
	assert_int_equal(broken, 1);
	assert_non_null(strstr(last, "bytes that are no record"));
	free(b);
}

static void
test_damage_is_told_and_passed_over(void **state)
{
	struct build *b = chunk(3);
	uint32_t second = 512;
	unsigned broken;
	char last[4096];

	(void)state;
	memcpy(&second, b->bytes + 512 + 4, 4);
	second += 512;
	b->bytes[second] = 'x';		/* its mark */
	assert_int_equal(run(b, sizeof b->bytes, &broken, last, sizeof last), 3);
	assert_int_equal(broken, 1);
	assert_string_equal(last, want);
	b->bytes[second] = 0x2a;
	b->bytes[second + 28] = 0x3f;	/* a token nobody knows */
	assert_int_equal(run(b, sizeof b->bytes, &broken, last, sizeof last), 3);
	assert_int_equal(broken, 1);
	free(b);
}

/* No byte may make it read outside, hang, or write what is no JSON. */
static void
test_any_byte_may_be_wrong(void **state)
{
	struct build *b = chunk(2);
	unsigned broken;
	char last[4096];

	(void)state;
	for (uint32_t at = 512; at < b->at; at++) {
		unsigned char was = b->bytes[at];

		b->bytes[at] = (unsigned char)(at % 3 == 0 ? 0xff : was ^ (1u << at % 8));
		assert_true(run(b, sizeof b->bytes, &broken, last, sizeof last) >= 1);
		b->bytes[at] = was;
	}
	free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_cut_file),
	    cmocka_unit_test(test_damage_is_told_and_passed_over),
	    cmocka_unit_test(test_any_byte_may_be_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
