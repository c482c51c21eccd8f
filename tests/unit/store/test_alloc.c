/*
 * Each allocation in turn fails while events come in, are sealed, merged, read, searched, archived
 * and restored: the call says so, nothing leaks, nothing that was acknowledged is lost, and the
 * store opens and is whole afterwards.
 *
 * TOCSIN_TORTURE_ALL=1 takes every allocation; without it a sample.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "query/query.h"
#include "query/write.h"
#include "store/archive.h"
#include "store/store_int.h"
#include "torture.h"

#define STEPS 8u
#define SAMPLES 100u

static unsigned acked, at;	/* at: the allocation that failed, for who looks for the cause */
static char archive_dir[80];

static enum tsn_code
add_steps(struct tsn_store *s)
{
	bool more;

	s->rows_bytes_max = 3000;
	for (unsigned i = 0; i < STEPS; i++) {
		TSN_TRY(world_append(s, i));
		TSN_TRY(i > 1 && i < STEPS - 1 ? tsn_store_seal(s, &world_err) :
						 tsn_store_commit(s, &world_err));
		acked = i + 1;
	}
	return tsn_store_maintain(s, 0, &more, &world_err);
}

/* A program that could not do what it wanted leaves without a commit. */
static enum tsn_code
leave(struct tsn_store *s, enum tsn_code rc)
{
	if (rc == TSN_OK)
		return tsn_store_close(s, &world_err);
	tsn_store_abandon(s);
	return rc;
}

static enum tsn_code
ingest(void)
{
	struct tsn_keys *keys = world_keys;
	struct tsn_store *s;

	TSN_TRY(tsn_store_open(world_dir, keys, NULL, &s, &world_err));
	return leave(s, add_steps(s));
}

static enum tsn_code
put_text(void *ctx, struct tsn_slice text, struct tsn_err *err)
{
	struct tsn_buf *out = ctx;

	(void)err;
	tsn_buf_slice(out, text);
	return tsn_buf_check(out);
}

static enum tsn_code
run_query(struct tsn_store_reader *r, const char *text, struct tsn_buf *out, bool *ret_told)
{
	struct tsn_query_report report = {0};
	struct tsn_query_options o = {.memory_max = 4u << 20, .limit = UINT64_MAX};
	struct tsn_query_source source = tsn_query_store(r);
	struct tsn_query *q = NULL;
	struct tsn_query_sink sink;
	struct tsn_writer *w;
	enum tsn_code rc;

	TSN_TRY(tsn_query_parse(tsn_slice_cstr(text), &(struct tsn_query_env){.keys = world_keys,
	    .now_ns = TSN_NS_PER_DAY}, &q, &world_err));
	w = tsn_writer_new(&(struct tsn_write_env){.keys = world_keys, .format = TSN_WRITE_JSON,
	    .out = put_text, .ctx = out});
	if (w == NULL) {
		tsn_query_free(q);
		return TSN_ENOMEM;
	}
	sink = tsn_writer_sink(w);
	rc = tsn_query_run(q, &source, &o, &sink, &report, &world_err);
	*ret_told = report.memory_fails > 0;
	tsn_writer_free(w);
	tsn_query_free(q);
	return rc;
}

static const struct {
	const char *text, *answer;
} queries[] = {
	{"user.name:root | stats count() as n", "{\"n\":32}\n"},
	{"\"user3\" | stats count() as n, dc(log.offset) as d by user.name | sort n",
	    "{\"user.name\":\"root\",\"n\":5,\"d\":5}\n{\"user.name\":\"guest\",\"n\":18,\"d\":18}\n"},
	{"* | sort -log.offset | head 1 | fields log.offset", "{\"log.offset\":159}\n"},
};

/* Damage that is none must not be named either: what could not be read for want of memory fails. */
static enum tsn_code
search(void)
{
	struct tsn_store_reader *r;
	enum tsn_code rc = TSN_OK;
	struct tsn_slice first;
	bool told = false;

	TSN_TRY(tsn_store_reader_open(world_dir, world_keys, &r, &world_err));
	for (size_t i = 0; i < TSN_COUNT(queries) && rc == TSN_OK; i++) {
		struct tsn_buf out TSN_CLEANUP(tsn_buf_done);

		tsn_buf_init(&out, 1u << 16);
		rc = run_query(r, queries[i].text, &out, &told);
		if (rc == TSN_OK && tsn_store_reader_damage(r, &first) > 0)
			fail_msg("damage where there is none: %.*s", TSN_SLICE_ARG(first));
		/* Values that were not looked at are counted and told: the documented policy. */
		if (rc == TSN_OK && !told && !tsn_slice_eq(tsn_buf_get(&out), tsn_slice_cstr(queries[i].answer)))
			fail_msg("%s: %.*s", queries[i].text, (int)out.len, out.ptr);
	}
	tsn_store_reader_close(r);
	return rc;
}

static enum tsn_code
archive(void)
{
	struct tsn_store_archive a = {.dir = archive_dir, .from_ns = INT64_MIN, .to_ns = INT64_MAX,
	    .remove = true};
	struct tsn_store *s;
	enum tsn_code rc;

	TSN_TRY(tsn_store_open(world_dir, world_keys, NULL, &s, &world_err));
	rc = tsn_store_archive(s, &a, &world_err);
	if (rc == TSN_OK)
		rc = tsn_store_restore(s, &a, &world_err);
	a.jsonl = true;
	a.remove = false;
	if (rc == TSN_OK)
		rc = tsn_store_archive(s, &a, &world_err);
	assert_true(rc != TSN_OK || a.damaged == 0);
	return leave(s, rc);
}

static void
each_allocation(const char *what, enum tsn_code (*scenario)(void), bool fresh)
{
	bool all = world_number("TOCSIN_TORTURE_ALL", 0) != 0;
	unsigned seed = world_number("TOCSIN_TORTURE_SEED", (unsigned)getpid()), runs = 0, total;
	enum tsn_code rc = scenario();

	if (rc != TSN_OK)
		fail_msg("%s: without a fault: %d %s", what, rc, world_err.msg);
	torture_arm(0);
	(void)!scenario();
	total = torture_count();
	for (unsigned n = 1; n <= total; runs++) {
		unsigned there;

		if (fresh) {
			world_remove_dir();
			world_make_dir();
			acked = 0;
		}
		torture_arm(at = n);
		rc = scenario();
		torture_arm(0);
		if (rc != TSN_OK && rc != TSN_ENOMEM && rc != TSN_ELIMIT)
			fail_msg("%s: allocation %u: code %d: %s", what, n, rc, world_err.msg);
		there = world_reopen();
		if (there < acked || there > acked + 1)
			fail_msg("%s: allocation %u: %u acknowledged, %u there", what, n, acked, there);
		world_check(fresh ? NULL : archive_dir, 0, there);
		n += all || total < SAMPLES ? 1 : 1 + (unsigned)rand_r(&seed) % (2 * total / SAMPLES);
	}
	print_message("# %s: %u of %u allocations\n", what, runs, total);
}

static void
test_each_allocation(void **state)
{
	(void)state;
	world_make_dir();
	(void)snprintf(archive_dir, sizeof archive_dir, "%s.a", world_dir);
	each_allocation("ingest", ingest, true);
	world_remove_dir();
	world_make_dir();
	(void)snprintf(archive_dir, sizeof archive_dir, "%s.a", world_dir);
	assert_int_equal(ingest(), TSN_OK);
	each_allocation("search", search, false);
	each_allocation("archive", archive, false);
	world_remove_dir();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation),
	};
	int failed;

	world_keys = tsn_keys_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (failed != 0)
		print_message("# at allocation %u\n", at);
	tsn_batch_done(world_batch());
	tsn_keys_free(world_keys);
	return failed;
}
