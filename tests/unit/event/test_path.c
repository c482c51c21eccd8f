#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/path.h"

static struct tsn_keys *keys;
static const struct tsn_source source = {.path = {"f", 1}};

/* {"to":["a","b"],"ext":[{"v":[1,2]},{"v":[3]}],"obj":{}} */
static void
build(struct tsn_batch *b)
{
	tsn_key to = tsn_keys_intern(keys, TSN_SLICE("to"));
	tsn_key ext = tsn_keys_intern(keys, TSN_SLICE("ext"));
	tsn_key v = tsn_keys_intern(keys, TSN_SLICE("ext.v"));
	struct tsn_event *ev = tsn_batch_begin(b);
	int64_t n = 1;

	assert_non_null(ev);
	ev->source = &source;
	tsn_event_append_str(b, to, TSN_SLICE("a"));
	tsn_event_append_str(b, to, TSN_SLICE("b"));
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t outer = tsn_event_add_pos(b, 0, ext, i);

		for (uint32_t j = 0; j < 2 - i; j++)
			tsn_event_add(b, &(struct tsn_field){.key = v, .type = TSN_T_INT, .num.i = n++,
			    .pos = tsn_event_add_pos(b, outer, v, j)});
	}
	tsn_event_add(b, &(struct tsn_field){.key = tsn_keys_intern(keys, TSN_SLICE("obj.in")),
	    .type = TSN_T_NULL});
	tsn_batch_seal(b);
}

static void
test_indexes(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	const struct tsn_event *ev;
	const struct tsn_field *f;
	struct tsn_path p;

	(void)state;
	assert_int_equal(tsn_batch_init(&b, keys, 4), TSN_OK);
	build(&b);
	ev = &b.events[0];
	assert_int_equal(tsn_path_parse(keys, TSN_SLICE("to[1]"), &p, NULL), TSN_OK);
	f = tsn_path_next(&p, ev, NULL);
	assert_non_null(f);
	assert_memory_equal(f->ptr, "b", 1);
	assert_null(tsn_path_next(&p, ev, f));
	assert_int_equal(tsn_path_parse(keys, TSN_SLICE("ext[1].v[0]"), &p, NULL), TSN_OK);
	assert_int_equal(tsn_path_next(&p, ev, NULL)->num.i, 3);
	assert_int_equal(tsn_path_parse(keys, TSN_SLICE("ext[1].v[1]"), &p, NULL), TSN_OK);
	assert_null(tsn_path_next(&p, ev, NULL));
	assert_int_equal(tsn_path_parse(keys, TSN_SLICE("ext.v"), &p, NULL), TSN_OK);
	f = tsn_path_next(&p, ev, tsn_path_next(&p, ev, tsn_path_next(&p, ev, NULL)));
	assert_int_equal(f->num.i, 3);
	assert_int_equal(tsn_path_parse(keys, TSN_SLICE("obj"), &p, NULL), TSN_OK);
	assert_true(tsn_path_exists(&p, keys, ev));
	assert_int_equal(tsn_path_parse(keys, TSN_SLICE("ext[2]"), &p, NULL), TSN_OK);
	assert_false(tsn_path_exists(&p, keys, ev));
}

static void
test_bad_paths(void **state)
{
	struct tsn_err err;
	struct tsn_path p;

	(void)state;
	assert_int_equal(tsn_path_parse(keys, TSN_SLICE(""), &p, &err), TSN_EPARSE);
	assert_int_equal(tsn_path_parse(keys, TSN_SLICE("a[1"), &p, &err), TSN_EPARSE);
	assert_int_equal(err.pos, 1);
	assert_int_equal(tsn_path_parse(keys, TSN_SLICE("a[x]"), &p, &err), TSN_EPARSE);
	assert_int_equal(tsn_path_parse(keys, TSN_SLICE("[1]"), &p, &err), TSN_EPARSE);
	assert_int_equal(tsn_path_parse(keys, TSN_SLICE("a[0][0][0][0][0]"), &p, &err), TSN_ELIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_indexes),
		cmocka_unit_test(test_bad_paths),
	};
	int failed;

	keys = tsn_keys_new();
	failed = keys == NULL ? 1 : cmocka_run_group_tests_name("event_path", tests, NULL, NULL);
	tsn_keys_free(keys);
	return failed;
}
