#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/event.h"

static struct tsn_keys *keys;
static const struct tsn_source source = {.path = {"/var/log/auth.log", 17}};

static void
build(struct tsn_batch *b)
{
	struct tsn_event *ev = tsn_batch_begin(b);

	assert_non_null(ev);
	ev->original = TSN_SLICE("raw line");
	ev->source = &source;
	ev->created_ns = 5;
	ev->offset = 100;
	ev->line = 3;
	tsn_event_add_str(b, TSN_F_USER_NAME, TSN_SLICE("root"));
	tsn_event_add_num(b, TSN_F_SOURCE_PORT, TSN_SLICE("22"));
	tsn_event_append_str(b, TSN_F_TAGS, TSN_SLICE("a"));
	tsn_event_append_str(b, TSN_F_TAGS, TSN_SLICE("b"));
}

static void
test_seal_fills_intrinsics(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	char scratch[TSN_TIME_TEXT_MAX];
	const struct tsn_event *ev;
	const struct tsn_field *f;

	(void)state;
	assert_int_equal(tsn_batch_init(&b, keys, 4), TSN_OK);
	build(&b);
	tsn_batch_seal(&b);
	ev = &b.events[0];
	assert_int_equal(b.count, 1);
	assert_int_equal(ev->time_ns, 5);
	assert_true(ev->flags & TSN_EV_TIME_UNKNOWN);
	assert_true(tsn_slice_eq(tsn_event_str(ev, TSN_F_EVENT_ORIGINAL), TSN_SLICE("raw line")));
	assert_int_equal(tsn_event_find(ev, TSN_F_LOG_FILE_LINE)->num.i, 3);
	assert_int_equal(tsn_event_str(ev, TSN_F_EVENT_ID).len, 32);
	f = tsn_event_find(ev, TSN_F_TIMESTAMP);
	assert_true(tsn_slice_eq(tsn_field_text(f, scratch), TSN_SLICE("1970-01-01T00:00:00.000000005Z")));
	f = tsn_event_find(ev, TSN_F_TAGS);
	assert_int_equal(ev->pos[f->pos - 1].index, 0);
	assert_int_equal(ev->pos[f[1].pos - 1].index, 1);
}

static void
test_many_fields_grow_and_are_bounded(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};

	(void)state;
	assert_int_equal(tsn_batch_init(&b, keys, 4), TSN_OK);
	build(&b);
	for (unsigned i = 0; i < TSN_EVENT_FIELDS_MAX * 2; i++)
		tsn_event_add_int(&b, TSN_F_EVENT_COUNT, i, TSN_SLICE_NONE);
	tsn_batch_seal(&b);
	assert_true(b.events[0].flags & TSN_EV_FIELD_LIMIT);
	assert_in_range(b.events[0].field_count, TSN_EVENT_FIELDS_MAX,
	    TSN_EVENT_FIELDS_MAX + TSN_EVENT_FIELDS_SPARE);
	assert_string_equal(b.events[0].fields[b.events[0].field_count - 1].ptr, "field_limit");
	tsn_batch_reopen(&b);
	for (unsigned i = 0; i < TSN_EVENT_FIELDS_SPARE * 2; i++)
		tsn_event_append_str(&b, TSN_F_RELATED_IP, TSN_SLICE("192.0.2.1"));
	tsn_batch_reseal(&b);
	assert_int_equal(b.events[0].field_count, TSN_EVENT_FIELDS_MAX + TSN_EVENT_FIELDS_SPARE);
}

static void
test_same_place_same_id(void **state)
{
	uint64_t a[2], b[2], c[2];
	const struct tsn_source other = {.path = {"/var/log/other", 14}};
	char text[32];

	(void)state;
	tsn_event_id_compute(&source, 1, TSN_SLICE("x"), a);
	tsn_event_id_compute(&source, 1, TSN_SLICE("x"), b);
	tsn_event_id_compute(&source, 2, TSN_SLICE("x"), c);
	assert_memory_equal(a, b, sizeof a);
	assert_memory_not_equal(a, c, sizeof a);
	tsn_event_id_compute(&other, 1, TSN_SLICE("x"), c);
	assert_memory_not_equal(a, c, sizeof a);
	tsn_event_id_format(a, text);
	for (unsigned i = 0; i < 32; i++)
		assert_non_null(strchr("0123456789abcdef", text[i]));
}

static void
test_rewind_and_full(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};

	(void)state;
	assert_int_equal(tsn_batch_init(&b, keys, 1), TSN_OK);
	build(&b);
	tsn_batch_rewind(&b);
	tsn_batch_seal(&b);
	assert_null(tsn_event_find(&b.events[0], TSN_F_USER_NAME));
	assert_true(tsn_batch_full(&b));
	assert_null(tsn_batch_begin(&b));
	tsn_batch_reset(&b);
	assert_false(tsn_batch_full(&b));
}

static void
test_reopen_adds_behind(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	uint32_t before;

	(void)state;
	assert_int_equal(tsn_batch_init(&b, keys, 4), TSN_OK);
	build(&b);
	tsn_batch_seal(&b);
	before = b.events[0].field_count;
	tsn_batch_reopen(&b);
	tsn_event_append_str(&b, TSN_F_TAGS, TSN_SLICE("late"));
	tsn_batch_reseal(&b);
	assert_int_equal(b.count, 1);
	assert_int_equal(b.events[0].field_count, before + 1);
	assert_true(tsn_slice_eq(tsn_event_str(&b.events[0], TSN_F_USER_NAME), TSN_SLICE("root")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seal_fills_intrinsics),
		cmocka_unit_test(test_many_fields_grow_and_are_bounded),
		cmocka_unit_test(test_same_place_same_id),
		cmocka_unit_test(test_rewind_and_full),
		cmocka_unit_test(test_reopen_adds_behind),
	};
	int failed;

	keys = tsn_keys_new();
	failed = keys == NULL ? 1 : cmocka_run_group_tests_name("event_event", tests, NULL, NULL);
	tsn_keys_free(keys);
	return failed;
}
