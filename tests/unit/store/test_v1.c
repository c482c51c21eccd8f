/* A store written by version 0.1 of the format (tests/golden/store-v1): read, exported, continued. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/export.h"
#include "store/verify.h"

#define EVENTS 5300u

static const char *const files[] = {"MANIFEST", "MANIFEST.copy", "2024-03-05-00000002.seg",
	"journal-00000003"};
static char dir[64], out[80];
static struct tsn_err err;

#define OK(expr)                                               \
	do {                                                   \
		enum tsn_code ok_ = (expr);                    \
		if (ok_ != TSN_OK)                             \
			fail_msg("%s: %d %s", #expr, ok_, err.msg);\
	} while (0)

static void
copy(const char *name)
{
	char from[512], to[512], bytes[4096];
	const char *root = getenv("TOCSIN_SOURCE");
	FILE *in, *copy;
	size_t n;

	assert_non_null(root);
	(void)snprintf(from, sizeof from, "%s/tests/golden/store-v1/%s", root, name);
	(void)snprintf(to, sizeof to, "%s/%s", dir, name);
	in = fopen(from, "rb");
	copy = fopen(to, "wb");
	assert_true(in != NULL && copy != NULL);
	while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
		assert_int_equal(fwrite(bytes, 1, n, copy), n);
	(void)fclose(in);
	assert_int_equal(fclose(copy), 0);
}

static int
setup(void **ignored)
{
	(void)ignored;
	(void)snprintf(dir, sizeof dir, "/tmp/tsn-v1-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(out, sizeof out, "%s/out", dir);
	for (size_t i = 0; i < TSN_COUNT(files); i++)
		copy(files[i]);
	return 0;
}

static int
teardown(void **ignored)
{
	char command[160];

	(void)ignored;
	(void)snprintf(command, sizeof command, "rm -r '%s'", dir);
	return system(command);
}

static void
on_file(void *ctx, const struct tsn_store_exported *f)
{
	uint64_t *records = ctx;

	/* The range of the source has the hash of the bytes that were read. */
	if (f->check != TSN_EXPORT_SAME)
		fail_msg("%s: not as it was read", f->file);
	*records += f->records;
}

static void
check_export(void)
{
	uint64_t records = 0;
	struct tsn_store_export e = {.dir = out, .from_ns = INT64_MIN, .to_ns = INT64_MAX,
	    .file = on_file, .ctx = &records};
	struct tsn_keys *keys = tsn_keys_new();
	struct tsn_store_reader *r;
	char command[160];

	OK(tsn_store_reader_open(dir, keys, &r, &err));
	OK(tsn_store_export(r, &e, &err));
	assert_int_equal(tsn_store_reader_damage(r, &(struct tsn_slice){0}), 0);
	tsn_store_reader_close(r);
	tsn_keys_free(keys);
	assert_int_equal(records, EVENTS);
	(void)snprintf(command, sizeof command, "rm -r '%s'", out);
	assert_int_equal(system(command), 0);
}

static void
is_read(void **ignored)
{
	struct tsn_store_verify v = {0};
	struct tsn_keys *keys = tsn_keys_new();

	(void)ignored;
	OK(tsn_store_verify(dir, keys, &v, &err));
	assert_int_equal(v.damaged, 0);
	assert_int_equal(v.events, EVENTS);
	tsn_keys_free(keys);
	check_export();
}

static void
is_continued(void **ignored)
{
	struct tsn_keys *keys = tsn_keys_new();
	struct tsn_store *s;
	bool more = true;

	(void)ignored;
	OK(tsn_store_open(dir, keys, NULL, &s, &err));
	assert_int_equal(tsn_store_damage(s, &(struct tsn_slice){0}), 0);
	OK(tsn_store_seal(s, &err));
	while (more)
		OK(tsn_store_maintain(s, 0, &more, &err));
	OK(tsn_store_close(s, &err));
	tsn_keys_free(keys);
	check_export();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(is_continued, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
