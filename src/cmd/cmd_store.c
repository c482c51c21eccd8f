/* tocsin store: what the store holds, whether it is whole, and its records back out. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "cmd/cmd_store_int.h"
#include "os/clock.h"
#include "query/query.h"
#include "store/export.h"
#include "store/verify.h"

#define COLUMNS_SHOWN 12u
#define COLUMNS_DIGITS_MAX 6u

int
cmd_store_time(const char *text, int64_t *ret_ns)
{
	if (text == NULL ||
	    tsn_query_time(tsn_slice_cstr(text), tsn_clock_real_ns(), ret_ns) == TSN_OK)
		return -1;
	return tsn_cmd_usage(&tsn_cmd_store,
	    "'%s' is no time such as 2026-11-21T23:08:25Z, 2026-11-21 or now-30d", text);
}

static int
open_reader(const struct store_options *o, struct tsn_keys **ret_keys,
    struct tsn_store_reader **ret_reader)
{
	struct tsn_err err = {0};
	enum tsn_code rc;

	*ret_keys = tsn_keys_new();
	if (*ret_keys == NULL)
		return tsn_cmd_fail(&tsn_cmd_store, TSN_ENOMEM, NULL);
	rc = tsn_store_reader_open(tsn_cmd_data_dir(o->data), *ret_keys, ret_reader, &err);
	if (rc == TSN_OK)
		return -1;
	tsn_keys_free(*ret_keys);
	return tsn_cmd_fail(&tsn_cmd_store, rc, &err);
}

static void
print_bytes(const char *what, uint64_t n)
{
	printf("%-22s %15llu\n", what, (unsigned long long)n);
}

/* Where the bytes are: the largest columns, and how much of each is its list of distinct texts. */
static void
print_columns(const struct tsn_store_stat *st, const struct tsn_keys *keys, uint64_t shown)
{
	if (shown > 0 && st->column_count > 0)
		printf("  %13s %6s %15s %13s  %s\n", "bytes", "share", "in dictionaries", "values",
		    "column");
	for (uint32_t i = 0; i < st->column_count && i < shown; i++) {
		const struct tsn_store_column_stat *c = &st->columns[i];
		struct tsn_slice name = c->what != NULL ? tsn_slice_cstr(c->what) :
		    tsn_keys_name(keys, c->key);
		char safe[128];

		printf("  %13llu %5.1f%% %15llu %13llu  %s\n", (unsigned long long)c->packed_bytes,
		    st->segment_bytes == 0 ? 0.0 :
		    100.0 * (double)c->packed_bytes / (double)st->segment_bytes,
		    (unsigned long long)c->dictionary_bytes, (unsigned long long)c->values,
		    tsn_slice_escape(name, safe, sizeof safe));
	}
}

static void
print_stat(const struct tsn_store_stat *st, const struct tsn_keys *keys, uint64_t shown)
{
	char from[TSN_TIME_TEXT_MAX], to[TSN_TIME_TEXT_MAX];
	uint64_t stored = st->segment_bytes + st->journal_bytes;

	print_bytes("events", st->events + st->journal_events);
	print_bytes("  in the journal", st->journal_events);
	print_bytes("segments", st->segments);
	print_bytes("blocks", st->blocks);
	print_bytes("templates", st->templates);
	print_bytes("bytes of records", st->raw_bytes);
	print_bytes("bytes on disk", stored);
	print_bytes("  journal", st->journal_bytes);
	print_bytes("  directories", st->directory_bytes);
	print_bytes("  dictionaries", st->dictionary_bytes);
	if (st->segment_bytes > 0)
		printf("%-22s %15.1f\n", "records to segments",
		    (double)st->raw_bytes / (double)st->segment_bytes);
	if (st->time_min <= st->time_max)
		printf("%-22s %.*s to %.*s\n", "times", (int)tsn_time_format(st->time_min, from), from,
		    (int)tsn_time_format(st->time_max, to), to);
	print_columns(st, keys, shown);
}

static int
run_stat(const struct store_options *o)
{
	struct tsn_store_reader *reader;
	struct tsn_store_stat st;
	struct tsn_slice damage;
	struct tsn_err err = {0};
	struct tsn_keys *keys;
	enum tsn_code rc;
	uint64_t shown = COLUMNS_SHOWN;
	int status;

	if (o->columns != NULL && (strlen(o->columns) > COLUMNS_DIGITS_MAX ||
	    tsn_num_parse_u64(tsn_slice_cstr(o->columns), &shown) != TSN_OK))
		return tsn_cmd_usage(&tsn_cmd_store, "'%s' is no number of columns", o->columns);
	status = open_reader(o, &keys, &reader);
	if (status >= 0)
		return status;
	rc = tsn_store_stat(reader, &st, &err);
	if (rc == TSN_OK) {
		print_stat(&st, keys, shown);
		status = TSN_EXIT_DONE;
		if (tsn_store_reader_damage(reader, &damage) > 0) {
			(void)fprintf(stderr, "tocsin store: damage: %.*s\n",
			    TSN_SLICE_ARG(damage));
			status = TSN_EXIT_NO;
		}
		tsn_store_stat_done(&st);
	} else {
		status = tsn_cmd_fail(&tsn_cmd_store, rc, &err);
	}
	tsn_store_reader_close(reader);
	tsn_keys_free(keys);
	return status;
}

static void
on_damage(void *ctx, const char *what)
{
	char safe[512];

	(void)ctx;
	printf("damaged: %s\n", tsn_slice_escape(tsn_slice_cstr(what), safe, sizeof safe));
}

static void
on_aside(void *ctx, const struct tsn_store_quarantined *x)
{
	char from[TSN_TIME_TEXT_MAX], to[TSN_TIME_TEXT_MAX], safe[512];

	(void)ctx;
	printf("set aside: quarantine/%s: ",
	    tsn_slice_escape(tsn_slice_cstr(x->file), safe, sizeof safe));
	if (x->known) {
		(void)tsn_time_format(x->time_min, from);
		(void)tsn_time_format(x->time_max, to);
		printf("%llu events of %.19sZ to %.19sZ, ", (unsigned long long)x->events, from, to);
	}
	printf("%llu bytes%s%s%s\n", (unsigned long long)x->bytes,
	    x->missing ? ", the file is missing" : "", x->why == NULL ? "" : ": ",
	    x->why == NULL ? "" : tsn_slice_escape(tsn_slice_cstr(x->why), safe, sizeof safe));
}

static bool
on_progress(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	if (isatty(STDERR_FILENO))
		(void)fprintf(stderr, "\r%llu of %llu segments%s", (unsigned long long)done,
		    (unsigned long long)total, done == total ? "\n" : "");
	return false;
}

static int
run_verify(const struct store_options *o)
{
	struct tsn_store_verify v = {.damage = on_damage, .aside = on_aside,
	    .progress = on_progress};
	struct tsn_keys *keys = tsn_keys_new();
	struct tsn_err err = {0};
	enum tsn_code rc;

	if (keys == NULL)
		return tsn_cmd_fail(&tsn_cmd_store, TSN_ENOMEM, NULL);
	rc = tsn_store_verify(tsn_cmd_data_dir(o->data), keys, &v, &err);
	tsn_keys_free(keys);
	if (rc != TSN_OK)
		return tsn_cmd_fail(&tsn_cmd_store, rc, &err);
	printf("%llu events, %llu segments and %llu commits whole, %llu damaged\n",
	    (unsigned long long)v.events, (unsigned long long)v.segments,
	    (unsigned long long)v.commits, (unsigned long long)v.damaged);
	if (v.quarantined > 0)
		printf("%llu files set aside earlier, with %llu events known to be in them; they are named "
		    "as long as they are in the folder quarantine\n", (unsigned long long)v.quarantined,
		    (unsigned long long)v.quarantined_events);
	return v.damaged > 0 || v.quarantined > 0 ? TSN_EXIT_NO : TSN_EXIT_DONE;
}

static void
on_file(void *ctx, const struct tsn_store_exported *f)
{
	static const char *const checks[] = {"as it was read", "not as it was read",
		"no hash to compare with"};
	bool *differs = ctx;
	char safe[512];

	*differs |= f->check == TSN_EXPORT_DIFFERS;
	printf("%s: %llu records, %llu bytes, %s\n",
	    tsn_slice_escape(tsn_slice_cstr(f->file), safe, sizeof safe),
	    (unsigned long long)f->records, (unsigned long long)f->bytes, checks[f->check]);
}

static enum tsn_code
print_rows(void *ctx, const struct tsn_batch *rows, struct tsn_err *err)
{
	(void)ctx;
	for (uint32_t i = 0; i < rows->count; i++) {
		struct tsn_slice s = rows->events[i].original;

		(void)fwrite(s.ptr, 1, s.len, stdout);
		(void)putchar('\n');
	}
	if (ferror(stdout))
		TSN_FAIL(err, TSN_EIO, "cannot write to stdout");
	return TSN_OK;
}

static int
export_to(struct tsn_store_reader *reader, const struct store_options *o, int64_t from, int64_t to)
{
	struct tsn_store_scan scan = {.from_ns = from, .to_ns = to, .rows = print_rows};
	struct tsn_store_export e = {.dir = o->dir, .from_ns = from, .to_ns = to, .file = on_file};
	bool differs = false;
	struct tsn_slice damage;
	struct tsn_err err = {0};
	enum tsn_code rc;

	e.ctx = &differs;
	rc = o->dir != NULL ? tsn_store_export(reader, &e, &err) :
			      tsn_store_scan(reader, &scan, &err);
	if (rc == TSN_OK && fflush(stdout) != 0)
		rc = TSN_ERR(&err, TSN_EIO, "cannot write to stdout");
	if (rc != TSN_OK)
		return tsn_cmd_fail(&tsn_cmd_store, rc, &err);
	if (tsn_store_reader_damage(reader, &damage) > 0) {
		(void)fprintf(stderr, "tocsin store: damage: %.*s\n", TSN_SLICE_ARG(damage));
		return TSN_EXIT_NO;
	}
	return differs ? TSN_EXIT_NO : TSN_EXIT_DONE;
}

static int
run_export(const struct store_options *o)
{
	int64_t from = INT64_MIN, to = INT64_MAX;
	struct tsn_store_reader *reader;
	struct tsn_keys *keys;
	int status = cmd_store_time(o->from, &from);

	if (status < 0)
		status = cmd_store_time(o->to, &to);
	if (status < 0)
		status = open_reader(o, &keys, &reader);
	if (status >= 0)
		return status;
	status = export_to(reader, o, from, to);
	tsn_store_reader_close(reader);
	tsn_keys_free(keys);
	return status;
}

static int
run(int argc, char **argv)
{
	struct store_options o = {0};
	const struct tsn_option options[] = {
		{"--data", TSN_OPT_TEXT, &o.data, "DIR", "data folder"},
		{"--dir", TSN_OPT_TEXT, &o.dir, "DIR", "export: the files below this folder, not stdout"},
		{"--from", TSN_OPT_TEXT, &o.from, "T|DIR",
		    "export: events at or after this time; restore: the archive"},
		{"--to", TSN_OPT_TEXT, &o.to, "T|DIR",
		    "export: events before this time; archive: the folder"},
		{"--after", TSN_OPT_TEXT, &o.after, "T", "archive, restore: events at or after this time"},
		{"--before", TSN_OPT_TEXT, &o.before, "T", "archive, restore: events before this time"},
		{"--format", TSN_OPT_TEXT, &o.format, "F",
		    "archive: segments (can be restored and searched), or jsonl for other programs"},
		{"--remove", TSN_OPT_FLAG, &o.remove, NULL,
		    "archive: what is safe in the archive leaves the store"},
		{"--columns", TSN_OPT_TEXT, &o.columns, "N",
		    "stat: the N columns that take most (12)"},
	};
	int n, status = tsn_cmd_options(&tsn_cmd_store, options, TSN_COUNT(options), argc, argv, &n);

	if (status >= 0)
		return status;
	if (n == 1 && strcmp(argv[1], "stat") == 0)
		return run_stat(&o);
	if (n == 1 && strcmp(argv[1], "verify") == 0)
		return run_verify(&o);
	if (n == 1 && strcmp(argv[1], "export") == 0)
		return run_export(&o);
	if (n == 1 && strcmp(argv[1], "archive") == 0)
		return cmd_store_archive(&o);
	if (n == 1 && strcmp(argv[1], "restore") == 0)
		return cmd_store_restore(&o);
	return tsn_cmd_usage(&tsn_cmd_store, "expected stat, verify, export, archive or restore");
}

const struct tsn_command tsn_cmd_store = {
	.name = "store",
	.usage = "stat|verify|export|archive|restore [--data DIR] [OPTIONS]",
	.doc = "sizes, checksums, the original records back out, archives",
	.run = run,
};
