#include "world.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tsn_keys *world_keys;
char world_dir[64];
struct tsn_err world_err;

static const struct tsn_source source = {.path = {"/var/log/t", 10}};

void
world_make_dir(void)
{
	(void)snprintf(world_dir, sizeof world_dir, "/tmp/tsn-store-XXXXXX");
	assert_non_null(mkdtemp(world_dir));
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void
world_remove_dir(void)
{
	char archive[80];

	(void)snprintf(archive, sizeof archive, "%s.a", world_dir);
	(void)nftw(world_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	(void)nftw(archive, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

unsigned
world_number(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text == NULL || text[0] == '\0' ? otherwise : (unsigned)strtoul(text, NULL, 10);
}

struct tsn_batch *
world_batch(void)
{
	static struct tsn_batch b;
	static bool made;

	if (!made)
		assert_int_equal(tsn_batch_init(&b, world_keys, STEP_EVENTS), TSN_OK);
	made = true;
	return &b;
}

static int
text_of(unsigned n, char *out, size_t cap)
{
	return snprintf(out, cap, "line %u of user%u from 10.0.%u.%u", n, n % 7, n % 3, n % 200);
}

enum tsn_code
world_append(struct tsn_store *s, unsigned step)
{
	struct tsn_store_range range = {.source = source.path, .begin = 0, .end = step + 1,
	    .extends = true};
	static char texts[STEP_EVENTS][128];
	struct tsn_batch *b = world_batch();

	tsn_batch_reset(b);
	for (unsigned i = 0; i < STEP_EVENTS; i++) {
		unsigned n = step * STEP_EVENTS + i;
		struct tsn_event *ev = tsn_batch_begin(b);
		int len = text_of(n, texts[i], sizeof texts[i]);

		if (ev == NULL)
			return TSN_ENOMEM;
		ev->original = tsn_slice_of(texts[i], (size_t)len);
		ev->source = &source;
		ev->offset = n;
		ev->line = n + 1;
		ev->time_ns = (int64_t)n * TSN_NS_PER_SEC * 100;
		tsn_event_add_str(b, TSN_F_USER_NAME, n % 5 == 0 ? TSN_SLICE("root") :
		    TSN_SLICE("guest"));
		tsn_batch_seal(b);
	}
	TSN_TRY(tsn_store_append(s, b, &world_err));
	return tsn_store_append_range(s, &range, &world_err);
}

enum tsn_code
world_add(struct tsn_store *s, unsigned step)
{
	bool more;

	TSN_TRY(world_append(s, step));
	TSN_TRY(step % 2 ? tsn_store_seal(s, &world_err) : tsn_store_commit(s, &world_err));
	/* Housekeeping may fail without harm to what was acknowledged. */
	if (step > 11)
		(void)!tsn_store_maintain(s, 0, &more, NULL);
	return TSN_OK;
}

unsigned
world_steps(const struct tsn_store *s)
{
	size_t n;
	const struct tsn_store_range *r = tsn_store_ranges(s, source.path, &n);

	return n == 0 ? 0 : (unsigned)r[n - 1].end;
}

enum tsn_code
world_see(void *ctx, const struct tsn_batch *rows, struct tsn_err *e)
{
	struct world_seen *s = ctx;

	(void)e;
	for (uint32_t i = 0; i < rows->count; i++) {
		const struct tsn_event *ev = &rows->events[i];
		char text[128];
		int len;

		assert_true(ev->offset < sizeof s->count);
		len = text_of((unsigned)ev->offset, text, sizeof text);
		assert_true(tsn_slice_eq(ev->original, tsn_slice_of(text, (size_t)len)));
		assert_int_equal(ev->time_ns, (int64_t)ev->offset * TSN_NS_PER_SEC * 100);
		s->count[ev->offset]++;
		s->events++;
	}
	return TSN_OK;
}

void
world_scan(const char *archive, struct world_seen *seen)
{
	struct tsn_store_scan scan = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .rows = world_see,
	    .ctx = seen};
	struct tsn_slice first;
	struct tsn_store_reader *r;

	memset(seen, 0, sizeof *seen);
	assert_int_equal(tsn_store_reader_open(world_dir, world_keys, &r, &world_err), TSN_OK);
	if (archive != NULL && tsn_store_reader_add(r, archive, &world_err) != TSN_OK)
		assert_int_equal(world_err.code, TSN_ENOTFOUND);
	assert_int_equal(tsn_store_scan(r, &scan, &world_err), TSN_OK);
	if (tsn_store_reader_damage(r, &first) > 0)
		fail_msg("damage: %.*s", TSN_SLICE_ARG(first));
	tsn_store_reader_close(r);
}

void
world_check(const char *archive, unsigned from, unsigned to)
{
	static struct world_seen seen;
	struct tsn_store_verify v = {0};

	world_scan(archive, &seen);
	for (unsigned i = from * STEP_EVENTS; i < to * STEP_EVENTS; i++)
		if (seen.count[i] != 1)
			fail_msg("event %u is there %u times", i, seen.count[i]);
	assert_int_equal(seen.events, (to - from) * STEP_EVENTS);
	assert_int_equal(tsn_store_verify(world_dir, world_keys, &v, &world_err), TSN_OK);
	assert_int_equal(v.damaged, 0);
	assert_int_equal(tsn_store_quarantine(world_dir, NULL, NULL), 0);
}

unsigned
world_reopen(void)
{
	struct tsn_store *s;
	unsigned steps;

	if (tsn_store_open(world_dir, world_keys, NULL, &s, &world_err) != TSN_OK)
		fail_msg("does not open: %s", world_err.msg);
	steps = world_steps(s);
	assert_int_equal(tsn_store_close(s, &world_err), TSN_OK);
	return steps;
}
