/*
 * Seeds for the fuzz targets of the store: the lines of files through the parser into a store whose
 * bytes stay plain; its files are what the targets read.
 *
 * usage: store_seeds NAME CORPUS_FOLDER FILE...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse/parse.h"
#include "store/journal_int.h"
#include "store/manifest_int.h"
#include "store/pack_int.h"
#include "store/store.h"

#define LINES_MAX 60u
#define MANIFEST_HEAD 40u

static struct tsn_err err;

static void
must(enum tsn_code rc, const char *what)
{
	if (rc == TSN_OK)
		return;
	(void)fprintf(stderr, "%s: %d %s\n", what, (int)rc, err.msg);
	exit(EXIT_FAILURE);
}

static void
add_file(struct tsn_store *s, struct tsn_keys *keys, const char *path)
{
	struct tsn_source source = {.path = tsn_slice_cstr(path), .id = 1};
	struct tsn_store_range range = {.source = source.path};
	struct tsn_parser *parser = tsn_parser_new(keys);
	char *lines[LINES_MAX] = {0};
	FILE *f = fopen(path, "rbe");
	struct tsn_batch batch;
	const struct tsn_event *ev;
	unsigned n = 0;
	size_t cap;
	ssize_t len;

	if (f == NULL || parser == NULL || tsn_batch_init(&batch, keys, LINES_MAX) != TSN_OK)
		must(TSN_EIO, path);
	for (; n < LINES_MAX && (cap = 0, len = getline(&lines[n], &cap, f)) > 0; n++) {
		struct tsn_record rec = {.bytes = {lines[n], (size_t)len - (lines[n][len - 1] == '\n')},
		    .offset = range.end, .line = n + 1, .source = &source,
		    .received_ns = INT64_C(1767225600000000000)};

		must(tsn_parser_record(parser, &rec, &batch, &ev), "parse");
		range.end += (uint64_t)len;
	}
	range.lines = n;
	must(tsn_store_append(s, &batch, &err), "append");
	must(tsn_store_append_range(s, &range, &err), "range");
	must(tsn_store_commit(s, &err), "commit");
	for (unsigned i = 0; i < LINES_MAX; i++)
		free(lines[i]);
	(void)fclose(f);
	tsn_batch_done(&batch);
	tsn_parser_free(parser);
}

/* The bytes of dir/file behind `skip` become corpus/target/name. */
static void
save(const char *dir, const char *file, size_t skip, const char *corpus, const char *target,
    const char *name)
{
	static char bytes[1u << 22];
	char path[FILE_PATH_MAX];
	size_t len;
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", dir, file);
	f = fopen(path, "rbe");
	if (f == NULL)
		must(TSN_EIO, path);
	len = fread(bytes, 1, sizeof bytes, f);
	(void)fclose(f);
	(void)snprintf(path, sizeof path, "%s/%s/%s", corpus, target, name);
	f = fopen(path, "wbe");
	if (f == NULL || len < skip || fwrite(bytes + skip, 1, len - skip, f) != len - skip)
		must(TSN_EIO, path);
	(void)fclose(f);
}

static void
save_state(const char *dir, const char *corpus, const char *name, bool sealed)
{
	struct manifest m;
	char file[64];
	bool copy;

	must(manifest_read(&m, dir, NULL, &copy, &err), "manifest");
	if (sealed) {
		save(dir, "MANIFEST", MANIFEST_HEAD, corpus, "manifest", name);
		manifest_seg_name(&m.segs[0], file);
		save(dir, file, 0, corpus, "segment", name);
	} else {
		journal_name(m.journal, file);
		save(dir, file, JOURNAL_HEAD_BYTES, corpus, "journal", name);
	}
	manifest_done(&m);
}

int
main(int argc, char **argv)
{
	struct tsn_keys *keys = tsn_keys_new();
	char dir[] = "/tmp/tsn-seeds-XXXXXX";
	struct tsn_store *s;

	if (argc < 4 || keys == NULL || mkdtemp(dir) == NULL)
		return EXIT_FAILURE;
	pack_plain = true;
	must(tsn_store_open(dir, keys, NULL, &s, &err), "open");
	for (int i = 3; i < argc; i++)
		add_file(s, keys, argv[i]);
	save_state(dir, argv[2], argv[1], false);
	must(tsn_store_seal(s, &err), "seal");
	save_state(dir, argv[2], argv[1], true);
	must(tsn_store_close(s, &err), "close");
	tsn_keys_free(keys);
	return EXIT_SUCCESS;
}
