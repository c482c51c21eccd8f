#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/snappy.h"
#include "os/clock.h"
#include "ship/ship.h"

/* A peer that can be dead, takes the first few of a batch, refuses what begins with '!'. */
struct peer {
	atomic_bool dead;
	atomic_uint got, calls;
	unsigned most;
	char last[64];
};

static void
send_peer(void *state, struct tsn_ship_batch *b, struct tsn_err *why)
{
	struct peer *p = state;
	unsigned taken = 0;

	atomic_fetch_add(&p->calls, 1);
	if (atomic_load(&p->dead)) {
		(void)TSN_ERR(why, TSN_EIO, "dead");
		return;
	}
	for (uint32_t i = 0; i < b->count && taken < p->most; i++, taken++) {
		struct tsn_slice s = b->items[i].parts[b->items[i].count - 1];

		b->items[i].result = s.len > 0 && s.ptr[0] == '!' ? TSN_SHIP_REFUSED : TSN_SHIP_DONE;
		b->items[i].reason = TSN_SLICE("no");
		(void)snprintf(p->last, sizeof p->last, "%.*s", TSN_SLICE_ARG(s));
		atomic_fetch_add(&p->got, 1);
	}
}

static struct tsn_ship *
open_ship(struct peer *p, uint64_t max, uint64_t attempts)
{
	struct tsn_ship_options o = {.name = "test", .queue_bytes_max = max, .dest = {.send = send_peer,
	    .state = p, .batch_items = 10, .retry_min_ns = 1000000, .retry_max_ns = 5000000,
	    .attempts_max = attempts}};
	struct tsn_ship *s;

	assert_int_equal(tsn_ship_open(&o, &s, NULL), TSN_OK);
	return s;
}

static void
put(struct tsn_ship *s, const char *text)
{
	struct tsn_slice parts[2] = {TSN_SLICE("first"), tsn_slice_cstr(text)};

	assert_int_equal(tsn_ship_put(s, parts, 2, NULL, NULL, NULL), TSN_OK);
}

static void
wait_empty(struct tsn_ship *s)
{
	for (unsigned i = 0; i < 2000 && tsn_ship_stats_get(s).waiting > 0; i++)
		tsn_clock_sleep_ms(5);
	assert_int_equal(tsn_ship_stats_get(s).waiting, 0);
}

static void
test_counts(void **state)
{
	struct peer p = {.most = 3};
	struct tsn_ship *s = open_ship(&p, 0, 0);
	struct tsn_ship_stats st;
	bool safe = true;

	(void)state;
	atomic_store(&p.dead, true);
	for (unsigned i = 0; i < 100; i++)
		put(s, i % 10 == 0 ? "!bad" : "good");
	assert_int_equal(tsn_ship_flush(s, &safe, NULL), TSN_OK);
	assert_false(safe);
	for (unsigned i = 0; i < 400 && atomic_load(&p.calls) < 3; i++)
		tsn_clock_sleep_ms(5);
	st = tsn_ship_stats_get(s);
	assert_int_equal(st.taken, 100);
	assert_int_equal(st.waiting, 100);
	assert_non_null(strstr(st.trouble, "dead"));
	atomic_store(&p.dead, false);
	wait_empty(s);
	st = tsn_ship_stats_get(s);
	assert_int_equal(st.delivered, 90);
	assert_int_equal(st.refused, 10);
	put(s, "last");
	wait_empty(s);
	assert_string_equal(p.last, "last");
	assert_string_equal(tsn_ship_stats_get(s).trouble, "");
	for (unsigned i = 0; i < 400 && !safe; i++) {
		assert_int_equal(tsn_ship_flush(s, &safe, NULL), TSN_OK);
		tsn_clock_sleep_ms(5);
	}
	assert_true(safe);
	tsn_ship_close(s);
}

static bool
stop_now(void *ctx)
{
	unsigned *asked = ctx;

	return ++*asked > 2;
}

static void
test_full(void **state)
{
	struct peer p = {.most = 100, .dead = true};
	struct tsn_ship *s = open_ship(&p, 200, 0);
	struct tsn_slice part = TSN_SLICE("0123456789012345678901234567890123456789");
	unsigned asked = 0, taken = 0;

	(void)state;
	while (tsn_ship_put(s, &part, 1, stop_now, &asked, NULL) == TSN_OK)
		taken++;
	assert_in_range(taken, 1, 5);
	assert_true(asked > 2);
	atomic_store(&p.dead, false);
	wait_empty(s);
	assert_int_equal(tsn_ship_stats_get(s).delivered, taken);
	tsn_ship_close(s);
}

static void
test_attempts(void **state)
{
	struct peer p = {.most = 100, .dead = true};
	struct tsn_ship *s = open_ship(&p, 0, 3);

	(void)state;
	put(s, "x");
	wait_empty(s);
	assert_int_equal(tsn_ship_stats_get(s).refused, 1);
	assert_int_equal(atomic_load(&p.calls), 3);
	tsn_ship_close(s);
}

static void
test_snappy(void **state)
{
	static char in[200000], out[200000];
	uint32_t len, seed = 1;

	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		size_t n = round < 20 ? round : (size_t)round * 4999 % sizeof in;
		struct tsn_buf b;

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245u + 12345u;
			in[i] = round % 3 == 0 ? (char)(seed >> 16) : round % 3 == 1 ? 'a' : "abcdefgh"[i % 8];
		}
		tsn_buf_init(&b, 1u << 20);
		tsn_snappy_encode(tsn_slice_of(in, n), &b);
		assert_int_equal(tsn_buf_check(&b), TSN_OK);
		assert_int_equal(tsn_snappy_length(tsn_buf_get(&b), &len), TSN_OK);
		assert_int_equal(len, n);
		assert_int_equal(tsn_snappy_decode(tsn_buf_get(&b), out), TSN_OK);
		assert_memory_equal(in, out, n);
		if (round % 3 != 0 && n > 10000)
			assert_true(b.len < n / 10);
		tsn_buf_done(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts), cmocka_unit_test(test_full),
	    cmocka_unit_test(test_attempts), cmocka_unit_test(test_snappy)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
