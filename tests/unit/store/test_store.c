#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/store.h"
#include "store/verify.h"

static struct tsn_keys *keys;
static char dir[64];
static struct tsn_err err;

#define OK(expr)                                               \
	do {                                                   \
		enum tsn_code ok_ = (expr);                    \
		if (ok_ != TSN_OK)                             \
			fail_msg("%s: %d %s", #expr, ok_, err.msg);\
	} while (0)

static const struct tsn_source file_source = {.path = {"/var/log/auth.log", 17},
    .kind = {"system.auth", 11}, .tz_offset_sec = 3600};
static const struct tsn_source net_source = {.address = {"10.0.0.1:514", 12}};

static void
remove_dir(void)
{
	char cmd[128];

	assert_true(snprintf(cmd, sizeof cmd, "rm -rf %s", dir) > 0);
	assert_int_equal(system(cmd), 0);
}

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/tsn-store-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	remove_dir();
	return 0;
}

/* The part of the original that reads `text`, as a field would point to it. */
static struct tsn_slice
part(const struct tsn_event *ev, const char *text)
{
	size_t at = tsn_slice_find(ev->original, tsn_slice_cstr(text));

	assert_true(at != SIZE_MAX);
	return tsn_slice_of(ev->original.ptr + at, strlen(text));
}

static void
add_ssh(struct tsn_batch *b, const char *line, int n)
{
	struct tsn_event *ev = tsn_batch_begin(b);

	assert_non_null(ev);
	ev->original = tsn_slice_cstr(line);
	ev->source = n % 3 == 0 ? &net_source : &file_source;
	ev->time_ns = (int64_t)n * TSN_NS_PER_SEC / 2;
	ev->created_ns = INT64_C(1700000000000000000) + n;
	ev->offset = (uint64_t)n * 100;
	ev->line = (uint64_t)n + 1;
	ev->dataset = TSN_SLICE("system.auth");
	ev->repeat = n % 5 == 4 ? 3 : 1;
	tsn_event_add_str(b, TSN_F_EVENT_CATEGORY, TSN_SLICE("authentication"));
	tsn_event_add_str(b, TSN_F_MESSAGE, part(ev, "Failed password for"));
	b->open->fields[b->open->field_count - 1].len =
	    (uint32_t)(ev->original.len - (size_t)(b->open->fields[b->open->field_count - 1].ptr -
	    ev->original.ptr));
	tsn_event_add_str(b, TSN_F_USER_NAME, part(ev, n % 2 ? "admin" : "root"));
	tsn_event_add_num(b, TSN_F_SOURCE_PORT, part(ev, "4711"));
	tsn_event_append_str(b, TSN_F_RELATED_IP, part(ev, "1.2.3.4"));
	tsn_event_append_str(b, TSN_F_RELATED_IP, TSN_SLICE("5.6.7.8"));
	tsn_event_add_bool(b, TSN_F_LABELS, n % 2);
	tsn_event_add_time(b, TSN_F_EVENT_START, n, TSN_SLICE_NONE);
	tsn_event_add(b, &(struct tsn_field){.key = TSN_F_EVENT_DURATION, .type = TSN_T_FLOAT,
	    .num.d = 0.25 * n});
	tsn_event_add(b, &(struct tsn_field){.key = TSN_F_EVENT_SEQUENCE, .type = TSN_T_UINT,
	    .num.u = UINT64_MAX - (unsigned)n});
	tsn_event_add(b, &(struct tsn_field){.key = TSN_F_TAGS, .type = TSN_T_LIST});
	tsn_event_add(b, &(struct tsn_field){.key = TSN_F_EVENT_END, .type = TSN_T_NULL,
	    .flags = TSN_FIELD_HIDDEN});
	tsn_batch_seal(b);
}

static const char *const lines[] = {
	"Dec 10 06:55:48 srv sshd[24200]: Failed password for root from 1.2.3.4 port 4711 ssh2",
	"Dec 10 06:55:49 srv sshd[24201]: Failed password for admin from 1.2.3.4 port 4711 ssh2",
};

static void
build(struct tsn_batch *b, int count)
{
	OK(tsn_batch_init(b, keys, 1024));
	for (int i = 0; i < count; i++)
		add_ssh(b, lines[i % 2], i);
}

static void
equal_field(const struct tsn_field *a, const struct tsn_field *b)
{
	assert_int_equal(a->key, b->key);
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->pos, b->pos);
	assert_int_equal(a->ptr == NULL, b->ptr == NULL);
	if (a->type != TSN_T_STR && a->type != TSN_T_NULL && a->type < TSN_T_OBJECT)
		assert_int_equal(a->num.u, b->num.u);
	if (a->ptr != NULL)
		assert_true(tsn_slice_eq(tsn_slice_of(a->ptr, a->len), tsn_slice_of(b->ptr, b->len)));
}

static void
equal_event(const struct tsn_event *a, const struct tsn_event *b)
{
	assert_true(tsn_slice_eq(a->original, b->original));
	assert_true(tsn_slice_eq(a->dataset, b->dataset));
	assert_int_equal(a->time_ns, b->time_ns);
	assert_int_equal(a->created_ns, b->created_ns);
	assert_int_equal(a->offset, b->offset);
	assert_int_equal(a->line, b->line);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->repeat, b->repeat);
	assert_memory_equal(a->id, b->id, sizeof a->id);
	assert_true(tsn_slice_eq(a->source->path, b->source->path));
	assert_true(tsn_slice_eq(a->source->address, b->source->address));
	assert_true(tsn_slice_eq(a->source->kind, b->source->kind));
	assert_int_equal(a->source->tz_offset_sec, b->source->tz_offset_sec);
	assert_int_equal(a->field_count, b->field_count);
	assert_int_equal(a->pos_count, b->pos_count);
	for (uint32_t i = 0; i < a->field_count; i++)
		equal_field(&a->fields[i], &b->fields[i]);
	for (uint32_t i = 0; i < a->pos_count; i++)
		assert_memory_equal(&a->pos[i], &b->pos[i], sizeof a->pos[i]);
}

struct expect {
	const struct tsn_batch *b;
	uint32_t at;
	bool down;
	uint32_t stop;
};

static enum tsn_code
on_rows(void *ctx, const struct tsn_batch *rows, struct tsn_err *e)
{
	struct expect *x = ctx;

	(void)e;
	for (uint32_t i = 0; i < rows->count; i++) {
		uint32_t n = x->down ? x->b->count - 1 - x->at : x->at;

		assert_true(x->at < x->b->count);
		equal_event(&x->b->events[n], &rows->events[i]);
		if (++x->at == x->stop)
			return TSN_EOF;
	}
	return TSN_OK;
}

static void
expect_all(const struct tsn_batch *b, bool down)
{
	struct tsn_store_reader *r;
	struct expect x = {.b = b, .down = down};
	struct tsn_store_scan scan = {.from_ns = INT64_MIN, .to_ns = INT64_MAX,
	    .newest_first = down, .rows = on_rows, .ctx = &x};

	OK(tsn_store_reader_open(dir, keys, &r, &err));
	OK(tsn_store_scan(r, &scan, &err));
	assert_int_equal(x.at, b->count);
	tsn_store_reader_close(r);
}

static void
test_round_trip(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done);
	struct tsn_store *s;

	(void)state;
	build(&b, 300);
	OK(tsn_store_open(dir, keys, NULL, &s, &err));
	OK(tsn_store_append(s, &b, &err));
	OK(tsn_store_commit(s, &err));
	expect_all(&b, false);
	expect_all(&b, true);
	OK(tsn_store_close(s, &err));
	expect_all(&b, false);
}

static void
test_reopen_appends(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done);
	struct tsn_store *s;

	(void)state;
	build(&b, 40);
	b.count = 20;
	OK(tsn_store_open(dir, keys, NULL, &s, &err));
	OK(tsn_store_append(s, &b, &err));
	OK(tsn_store_close(s, &err));
	b.events += 20;
	OK(tsn_store_open(dir, keys, NULL, &s, &err));
	OK(tsn_store_append(s, &b, &err));
	OK(tsn_store_close(s, &err));
	b.events -= 20;
	b.count = 40;
	expect_all(&b, false);
}

static void
test_uncommitted_is_not_seen(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done);
	struct tsn_store *s;

	(void)state;
	build(&b, 10);
	OK(tsn_store_open(dir, keys, NULL, &s, &err));
	OK(tsn_store_append(s, &b, &err));
	b.count = 0;
	expect_all(&b, false);
	OK(tsn_store_close(s, &err));
}

static void
test_second_writer_is_told_who(void **state)
{
	struct tsn_store *s, *other;
	char pid[32];

	(void)state;
	OK(tsn_store_open(dir, keys, NULL, &s, &err));
	assert_int_equal(tsn_store_open(dir, keys, NULL, &other, &err), TSN_EBUSY);
	(void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
	assert_non_null(strstr(err.msg, pid));
	OK(tsn_store_close(s, &err));
}

static void
test_ranges(void **state)
{
	struct tsn_store *s;
	const struct tsn_store_range *r;
	size_t n;

	(void)state;
	OK(tsn_store_open(dir, keys, NULL, &s, &err));
	for (unsigned i = 0; i < 5; i++)
		OK(tsn_store_append_range(s, &(struct tsn_store_range){.source = TSN_SLICE("/a"),
		    .begin = 5, .end = i * 10 + 10, .lines = 2 * i, .hash = i, .extends = true}, &err));
	OK(tsn_store_append_range(s, &(struct tsn_store_range){.source = TSN_SLICE("/a"),
	    .begin = 100, .end = 110, .lines = 1, .hash = 77}, &err));
	OK(tsn_store_append_range(s, &(struct tsn_store_range){.source = TSN_SLICE("/b"),
	    .begin = 0, .end = 1}, &err));
	OK(tsn_store_forget_ranges(s, TSN_SLICE("/b"), &err));
	for (int round = 0; round < 2; round++) {
		r = tsn_store_ranges(s, TSN_SLICE("/a"), &n);
		assert_int_equal(n, 2);
		assert_int_equal(r[0].end, 50);
		assert_int_equal(r[0].begin, 5);
		assert_int_equal(r[0].lines, 8);
		assert_int_equal(r[0].hash, 4);
		assert_int_equal(r[1].begin, 100);
		assert_null(tsn_store_ranges(s, TSN_SLICE("/b"), &n));
		assert_null(tsn_store_ranges(s, TSN_SLICE("/c"), &n));
		OK(tsn_store_close(s, &err));
		OK(tsn_store_open(dir, keys, NULL, &s, &err));
	}
	OK(tsn_store_close(s, &err));
}

static void
test_early_stop_and_times(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done);
	struct tsn_store_reader *r;
	struct expect x = {.b = &b, .down = true, .stop = 3};
	struct tsn_store_scan scan = {.from_ns = INT64_MIN, .to_ns = INT64_MAX,
	    .newest_first = true, .rows = on_rows, .ctx = &x};
	struct tsn_store *s;

	(void)state;
	build(&b, 50);
	OK(tsn_store_open(dir, keys, NULL, &s, &err));
	OK(tsn_store_append(s, &b, &err));
	OK(tsn_store_close(s, &err));
	OK(tsn_store_reader_open(dir, keys, &r, &err));
	OK(tsn_store_scan(r, &scan, &err));
	assert_int_equal(x.at, 3);
	x = (struct expect){.b = &b, .at = 4};
	scan.newest_first = false;
	scan.from_ns = b.events[4].time_ns;
	scan.to_ns = b.events[9].time_ns;
	OK(tsn_store_scan(r, &scan, &err));
	assert_int_equal(x.at, 9);
	tsn_store_reader_close(r);
}

static uint32_t drops;

static void
on_drop(void *ctx, const struct tsn_store_drop *d)
{
	(void)ctx;
	assert_non_null(d->file);
	drops += d->done;
}

/* 24 small ones, of two days and more, became some. */
static void
expect_few_segments(void)
{
	struct tsn_store_reader *r;
	struct tsn_store_stat stat;

	OK(tsn_store_reader_open(dir, keys, &r, &err));
	OK(tsn_store_stat(r, &stat, &err));
	assert_int_equal(stat.events, 240);
	assert_in_range(stat.segments, 1, 6);
	tsn_store_stat_done(&stat);
	tsn_store_reader_close(r);
}

static void
test_merge_and_retention(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done), part;
	struct tsn_store_options o = {.dropping = on_drop};
	struct tsn_store_reader *before;
	struct expect x = {.b = &b};
	struct tsn_store_scan scan = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .rows = on_rows,
	    .ctx = &x};
	struct tsn_store *s;
	bool more = true;

	(void)state;
	build(&b, 240);
	OK(tsn_store_open(dir, keys, &o, &s, &err));
	for (uint32_t i = 0; i < 24; i++) {
		part = b;
		part.events += i * 10;
		part.count = 10;
		OK(tsn_store_append(s, &part, &err));
		OK(tsn_store_seal(s, &err));
	}
	OK(tsn_store_reader_open(dir, keys, &before, &err));
	for (int i = 0; more; i++) {
		assert_true(i < 20);
		OK(tsn_store_maintain(s, 0, &more, &err));
	}
	expect_few_segments();
	expect_all(&b, false);
	expect_all(&b, true);
	OK(tsn_store_scan(before, &scan, &err));	/* its files are gone by name alone */
	assert_int_equal(x.at, 240);
	tsn_store_reader_close(before);
	OK(tsn_store_close(s, &err));
	o.retention_bytes = 1;
	OK(tsn_store_open(dir, keys, &o, &s, &err));
	assert_true(drops > 0);
	OK(tsn_store_close(s, &err));
	b.count = 0;
	expect_all(&b, false);
}

static void
test_no_store(void **state)
{
	struct tsn_store_reader *r;

	(void)state;
	assert_int_equal(tsn_store_reader_open("/tmp/tsn-no-such-store", keys, &r, &err),
	    TSN_ENOTFOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reopen_appends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_uncommitted_is_not_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_writer_is_told_who, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ranges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_early_stop_and_times, setup, teardown),
		cmocka_unit_test_setup_teardown(test_merge_and_retention, setup, teardown),
		cmocka_unit_test(test_no_store),
	};
	int failed;

	keys = tsn_keys_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tsn_keys_free(keys);
	return failed;
}
