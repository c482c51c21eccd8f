#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/doc.h"
#include "event/path.h"

static struct tsn_keys *keys;
static struct tsn_doc *doc;
static struct tsn_doc_writer *writer;
static const struct tsn_source source = {.path = {"/x", 2}};

static struct tsn_event *
begin(struct tsn_batch *b)
{
	struct tsn_event *ev;

	assert_int_equal(tsn_batch_init(b, keys, 4), TSN_OK);
	ev = tsn_batch_begin(b);
	assert_non_null(ev);
	ev->source = &source;
	return ev;
}

/* What stands in the event before seal: the document alone. */
static void
written(struct tsn_batch *b, struct tsn_buf *out)
{
	struct tsn_event ev = *b->open;

	ev.fields += 9;
	ev.field_count -= 9;
	tsn_buf_init(out, 1 << 20);
	tsn_doc_write(&ev, keys, out);
	assert_int_equal(tsn_buf_check(out), TSN_OK);
	/* The writer that remembers shapes writes the same, when it is new and when it knows it. */
	for (unsigned round = 0; round < 2; round++) {
		struct tsn_buf again TSN_CLEANUP(tsn_buf_done);

		tsn_buf_init(&again, 1 << 20);
		tsn_buf_lit(&again, "before");
		tsn_doc_writer_write(writer, &ev, &again);
		assert_int_equal(tsn_buf_check(&again), TSN_OK);
		assert_true(tsn_slice_eq(tsn_slice_from(tsn_buf_get(&again), 6), tsn_buf_get(out)));
	}
}

static void
check(const char *text, const char *want)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_buf out TSN_CLEANUP(tsn_buf_done);
	struct tsn_err err = {0};

	(void)begin(&b);
	/* Twice: the second time every name is foretold. */
	for (unsigned round = 0; round < 3; round++) {
		tsn_batch_rewind(&b);
		if (tsn_doc_flatten(doc, &b, TSN_KEY_ROOT, NULL, tsn_slice_cstr(text), &err) != TSN_OK)
			fail_msg("%s: %s", text, err.msg);
		written(&b, &out);
		if (!tsn_slice_eq(tsn_buf_get(&out), tsn_slice_cstr(want)))
			fail_msg("%s: got %.*s", text, (int)out.len, out.ptr);
		tsn_buf_done(&out);
	}
}

static void
test_round_trip(void **state)
{
	static const char *const cases[] = {
	    "{\"a\":1}",
	    "{\"a\":{\"b\":{\"c\":\"x\"},\"d\":true},\"e\":null}",
	    "{\"l\":[1,2.50,\"x\",false,null]}",
	    "{\"l\":[{\"a\":1,\"b\":2},{\"a\":3},{}],\"m\":[]}",
	    "{\"l\":[[1,2],[],[[3]],[{\"x\":[{\"y\":1},{\"y\":2}]}]]}",
	    "{\"o\":{},\"l\":[{},[],{}]}",
	    "{\"s\":\"line\\nbreak \\\"q\\\" C:\\\\Windows\\\\System32\"}",
	    "{\"n\":[-0,0.0,1e5,18446744073709551615,123456789012345678901234567890]}",
	    "{\"_\":{\"_\":1}}",
	    "{\"name of more than thirty-two bytes, with blanks\":1,\"x\":2}",
	    "{\"name of exactly thirtyone bytes\":1,\"name of exactly thirty2 bytes xx\":2,\"y\":3}",
	    "{\"a\":[{\"k\":1,\"v\":\"p\"},{\"k\":2,\"v\":\"q\"},{\"v\":\"r\",\"k\":3}]}",
	    "{}",
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++)
		check(cases[i], cases[i]);
}

static void
test_conflicts_stay_json(void **state)
{
	(void)state;
	check("{\"a\":1,\"a\":2}", "{\"a\":[1,2]}");
	check("{\"a\":1,\"a\":{\"b\":2,\"c\":{\"d\":3}},\"z\":0}",
	    "{\"a\":1,\"a.b\":2,\"a.c\":{\"d\":3},\"z\":0}");
	check("{\"a\":{\"b\":1},\"a\":[7,8]}", "{\"a\":[7,8],\"a.b\":1}");
	check("{\"a.b\":1,\"a\":{\"c\":2}}", "{\"a\":{\"b\":1,\"c\":2}}");
	check("{\"a\":{},\"a\":{}}", "{\"a\":{}}");
	check("{\"a\":{},\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}");
	check("{\"a\":[],\"a\":[1]}", "{\"a\":[1]}");
	check("{\"a\":{},\"a\":5}", "{\"a\":5}");
	check("{\"\":1,\"x\":{\"\":2}}", "{\"_\":1,\"x\":{\"_\":2}}");
	check("{\"x\":{\"a\":1,\"a\":{\"b\":2}}}", "{\"x\":{\"a\":1,\"a.b\":2}}");
	check("{\"esc\\u0061pe\":1,\"q\\\"\":2}", "{\"escape\":1,\"q\\\"\":2}");
}

static void
test_places(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_path path;
	const struct tsn_field *f;

	(void)state;
	(void)begin(&b);
	assert_int_equal(tsn_doc_flatten(doc, &b, TSN_F_SURICATA_EVE, NULL,
	    TSN_SLICE("{\"dns\":{\"q\":[{\"n\":\"a\"},{\"n\":\"b\",\"t\":[4,5]}]},\"alert\":{}}"), NULL), TSN_OK);
	assert_int_equal(tsn_path_parse(keys, TSN_SLICE("suricata.eve.dns.q[1].n"), &path, NULL), TSN_OK);
	f = tsn_path_next(&path, b.open, NULL);
	assert_non_null(f);
	assert_memory_equal(f->ptr, "b", 1);
	assert_null(tsn_path_next(&path, b.open, f));
	assert_int_equal(tsn_path_parse(keys, TSN_SLICE("suricata.eve.dns.q[1].t[1]"), &path, NULL),
	    TSN_OK);
	f = tsn_path_next(&path, b.open, NULL);
	assert_non_null(f);
	assert_int_equal(f->num.i, 5);
	assert_int_equal(tsn_path_parse(keys, TSN_SLICE("suricata.eve.alert"), &path, NULL), TSN_OK);
	assert_true(tsn_path_exists(&path, keys, b.open));
}

static tsn_key
rename_child(struct tsn_keys *k, tsn_key parent, struct tsn_slice name, uint8_t *ret_mark)
{
	*ret_mark = tsn_slice_eq(name, TSN_SLICE("c")) ? 5 : 0;
	if (tsn_slice_eq(name, TSN_SLICE("Event")) || tsn_slice_eq(name, TSN_SLICE("#attributes")))
		return parent;
	if (tsn_slice_eq(name, TSN_SLICE("System")))
		return TSN_F_WINLOG | TSN_DOC_MEMBERS;
	if (tsn_slice_eq(name, TSN_SLICE("secret")))
		return TSN_DOC_DROP;
	return tsn_keys_child(k, parent, name);
}

static void
test_map(void **state)
{
	static const struct tsn_doc_map map = {rename_child};
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_buf out TSN_CLEANUP(tsn_buf_done);

	(void)state;
	(void)begin(&b);
	assert_int_equal(tsn_doc_flatten(doc, &b, TSN_KEY_ROOT, &map,
	    TSN_SLICE("{\"Event\":{\"#attributes\":{\"x\":1},\"System\":{\"a\":2,\"secret\":[1,{\"b\":2}]},"
	    "\"q\":{\"secret\":\"s\",\"#attributes\":{\"c\":3}}}}"), NULL), TSN_OK);
	assert_int_equal(b.open->fields[tsn_doc_marks(doc)[5] - 1].num.i, 3);
	assert_int_equal(tsn_doc_flatten(doc, &b, TSN_KEY_ROOT, &map,
	    TSN_SLICE("{\"Event\":null,\"System\":null}"), NULL), TSN_OK);
	written(&b, &out);
	assert_true(tsn_slice_eq(tsn_buf_get(&out),
	    TSN_SLICE("{\"x\":1,\"winlog\":{\"a\":2},\"q\":{\"c\":3}}")));
	assert_false(b.open->flags & TSN_EV_FIELD_LIMIT);
}

static void
test_failure_leaves_the_event(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_err err = {0};
	uint32_t fields;
	char deep[1000];

	(void)state;
	(void)begin(&b);
	tsn_event_append_str(&b, TSN_F_TAGS, TSN_SLICE("x"));
	fields = b.open->field_count;
	assert_int_equal(tsn_doc_flatten(doc, &b, TSN_KEY_ROOT, NULL, TSN_SLICE("{\"a\":[1,2,{\"b\":}]}"),
	    &err), TSN_EPARSE);
	assert_string_equal(err.msg, "JSON: expected a value at byte 15, found '}'");
	assert_int_equal(b.open->field_count, fields);
	assert_int_equal(b.open->pos_count, 1);
	assert_int_equal(tsn_doc_flatten(doc, &b, TSN_KEY_ROOT, NULL, TSN_SLICE("[1]"), &err), TSN_EPARSE);
	assert_int_equal(tsn_doc_flatten(doc, &b, TSN_KEY_ROOT, NULL, TSN_SLICE("{} {}"), &err),
	    TSN_EPARSE);
	memset(deep, '[', sizeof deep);
	memcpy(deep, "{\"a\":", 5);
	assert_int_equal(tsn_doc_flatten(doc, &b, TSN_KEY_ROOT, NULL,
	    (struct tsn_slice){deep, sizeof deep}, &err), TSN_ELIMIT);
	assert_int_equal(b.open->field_count, fields);
}

static void
test_limits(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_buf text TSN_CLEANUP(tsn_buf_done);

	(void)state;
	(void)begin(&b);
	tsn_buf_init(&text, 1 << 20);
	tsn_buf_lit(&text, "{\"l\":[");
	for (unsigned i = 0; i < 20000; i++)
		tsn_buf_printf(&text, "%u,", i);
	tsn_buf_lit(&text, "0],\"after\":1,\"");
	for (unsigned i = 0; i < TSN_KEY_BYTES_MAX + 1; i++)
		tsn_buf_char(&text, 'k');
	tsn_buf_lit(&text, "\":{\"x\":[1,{\"y\":2}]}}");
	assert_int_equal(tsn_doc_flatten(doc, &b, TSN_KEY_ROOT, NULL, tsn_buf_get(&text), NULL), TSN_OK);
	assert_true(b.open->flags & TSN_EV_FIELD_LIMIT);
}

/* More names than the flattener remembers, and more than the key table holds. */
static void
test_hostile_names(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_keys *own = tsn_keys_new();
	struct tsn_doc *d = tsn_doc_new(own);
	char text[64];

	(void)state;
	assert_non_null(d);
	assert_int_equal(tsn_batch_init(&b, own, 4), TSN_OK);
	assert_non_null(tsn_batch_begin(&b));
	for (unsigned i = 0; i < TSN_KEYS_MAX + 100; i++) {
		int n = snprintf(text, sizeof text, "{\"k%u\":{\"x\":%u},\"same\":1}", i / 2, i);

		tsn_batch_rewind(&b);
		assert_int_equal(tsn_doc_flatten(d, &b, TSN_KEY_ROOT, NULL,
		    (struct tsn_slice){text, (size_t)n}, NULL), TSN_OK);
		assert_true(b.open->flags & TSN_EV_FIELD_LIMIT || b.open->field_count == 11);
		assert_true(tsn_event_find(b.open, tsn_keys_find(own, TSN_SLICE("same"))) != NULL);
	}
	assert_true(b.open->flags & TSN_EV_FIELD_LIMIT);
	tsn_doc_free(d);
	tsn_batch_done(&b);
	tsn_keys_free(own);
}

static void
test_not_utf8(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};

	(void)state;
	(void)begin(&b);
	assert_int_equal(tsn_doc_flatten(doc, &b, TSN_KEY_ROOT, NULL, TSN_SLICE("{\"a\":\"\xc3\xa9\"}"),
	    NULL), TSN_OK);
	assert_false(tsn_doc_not_utf8(doc));
	assert_int_equal(tsn_doc_flatten(doc, &b, TSN_KEY_ROOT, NULL,
	    TSN_SLICE("{\"b\":\"0123456789abcdefgh\xe9\"}"), NULL), TSN_OK);
	assert_true(tsn_doc_not_utf8(doc));
	assert_memory_equal(b.open->fields[10].ptr, "0123456789abcdefgh\xe9", 19);
}

static void
test_sealed_event(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_buf out TSN_CLEANUP(tsn_buf_done);
	struct tsn_event *ev = begin(&b);

	(void)state;
	ev->original = TSN_SLICE("x\xff");
	ev->created_ns = 0;
	ev->time_ns = 1500000000;
	tsn_event_add_int(&b, TSN_F_SOURCE_PORT, 22, TSN_SLICE("0022"));
	tsn_event_add(&b, &(struct tsn_field){.key = TSN_F_LABELS, .type = TSN_T_NULL,
	    .flags = TSN_FIELD_HIDDEN});
	tsn_batch_seal(&b);
	tsn_buf_init(&out, 1 << 16);
	tsn_doc_write(&b.events[0], keys, &out);
	tsn_buf_char(&out, '\0');
	assert_non_null(strstr(out.ptr, "{\"@timestamp\":\"1970-01-01T00:00:01.500Z\","
	    "\"event\":{\"created\":\"1970-01-01T00:00:00.000Z\",\"original\":\"x\xef\xbf\xbd\",\"id\":\""));
	assert_non_null(strstr(out.ptr, "\"log\":{\"file\":{\"path\":\"/x\"},\"offset\":0}"));
	assert_non_null(strstr(out.ptr, "\"source\":{\"port\":22}"));
	assert_null(strstr(out.ptr, "labels"));
}

static int
setup(void **state)
{
	(void)state;
	keys = tsn_keys_new();
	doc = keys == NULL ? NULL : tsn_doc_new(keys);
	writer = keys == NULL ? NULL : tsn_doc_writer_new(keys);
	assert_non_null(writer);
	return doc == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	tsn_doc_free(doc);
	tsn_doc_writer_free(writer);
	tsn_keys_free(keys);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_conflicts_stay_json),
	    cmocka_unit_test(test_places),
	    cmocka_unit_test(test_map),
	    cmocka_unit_test(test_failure_leaves_the_event),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_hostile_names),
	    cmocka_unit_test(test_not_utf8),
	    cmocka_unit_test(test_sealed_event),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
