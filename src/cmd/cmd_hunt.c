/* tocsin hunt: rules over the stored events; the same engine, the same alert ids as live. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd_list.h"
#include "cmd/exceptions.h"
#include "cmd/windows.h"
#include "cmd/tell.h"
#include "os/clock.h"
#include "query/query.h"
#include "server/detection.h"
#include "store/store.h"

#define HINT_BYTES_MAX (16u << 20)

struct state {
	const char *data, *from, *to;
	struct tsn_option_list rules, exceptions;
	const char *triage;
	bool stats;
	struct tsn_keys *keys;
	struct tsn_detection *detection;
	struct tsn_store_reader *reader;
	struct tsn_arena arena;
	uint64_t rows;
	int64_t began_ns;
	uint64_t window_mib;
};

static enum tsn_code
take_rows(void *ctx, const struct tsn_batch *rows, struct tsn_err *err)
{
	struct state *s = ctx;

	s->rows += rows->count;
	return tsn_detection_rows(s->detection, rows, err);
}

static enum tsn_code
read_time(const char *text, const char *name, int64_t otherwise, int64_t *ret_ns,
    struct tsn_err *err)
{
	*ret_ns = otherwise;
	if (text == NULL ||
	    tsn_query_time(tsn_slice_cstr(text), tsn_clock_real_ns(), ret_ns) == TSN_OK)
		return TSN_OK;
	TSN_FAIL(err, TSN_EINVAL, "%s wants a time: 2026-11-21, 2026-11-21T08:00:00Z, now-24h", name);
}

static enum tsn_code
open_all(struct state *s, struct tsn_err *err)
{
	s->keys = tsn_keys_new();
	if (s->keys == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	TSN_TRY(tsn_store_reader_open(s->data, s->keys, &s->reader, err));
	return tsn_detection_new(&(struct tsn_detection_options){.keys = s->keys,
	    .rules = s->rules.items, .rule_count = s->rules.count,
	    .exceptions = s->exceptions.items, .exception_count = s->exceptions.count,
	    .triage = s->triage, .state_bytes = tsn_cmd_window_bytes(s->window_mib),
	    .each = tsn_cmd_print_alert,
	    .problem = tsn_cmd_tell_problem, .ctx = s}, &s->detection, err);
}

static enum tsn_code
hunt(struct state *s, struct tsn_err *err)
{
	struct tsn_store_scan scan = {.rows = take_rows, .ctx = s};
	enum tsn_code code;

	TSN_TRY(open_all(s, err));
	TSN_TRY(read_time(s->from, "--from", INT64_MIN, &scan.from_ns, err));
	TSN_TRY(read_time(s->to, "--to", INT64_MAX, &scan.to_ns, err));
	TSN_TRY(tsn_detection_hint(s->detection, &s->arena, &scan.hint));
	code = tsn_store_scan(s->reader, &scan, err);
	if (code == TSN_OK)
		code = tsn_detection_finish(s->detection, err);
	if (code != TSN_OK && !ferror(stdout))
		return code;
	if (fflush(stdout) != 0 || ferror(stdout))
		TSN_FAIL(err, TSN_EIO, "standard output: %s", strerror(errno));
	return TSN_OK;
}

static void
print_stats(const struct state *s)
{
	struct tsn_detection_stats found;
	struct tsn_usage use;

	tsn_detection_stats_get(s->detection, &found);
	tsn_usage_get(&use);
	(void)fprintf(stderr, "%u rules, %llu events looked at, %llu alerts; %.2f s, %.2f s of CPU, "
	    "%.0f MB of memory at most\n", found.report.loaded, (unsigned long long)s->rows,
	    (unsigned long long)found.alerts, (double)(tsn_clock_mono_ns() - s->began_ns) / 1e9,
	    (double)use.cpu_ns / 1e9, (double)use.rss_max_bytes / 1e6);
}

static void
tell_damage(const struct state *s)
{
	struct tsn_slice first;
	uint64_t count = s->reader == NULL ? 0 : tsn_store_reader_damage(s->reader, &first);

	if (count > 0)
		(void)fprintf(stderr, "tocsin hunt: %llu damaged places of the store were left out, "
		    "the first: %.*s\n", (unsigned long long)count, TSN_SLICE_ARG(first));
}

static int
run(int argc, char **argv)
{
	struct state s = {.began_ns = tsn_clock_mono_ns()};
	struct tsn_err err = {0};
	enum tsn_code code;
	int operands, status;
	const struct tsn_option options[] = {
		{"--rules", TSN_OPT_LIST, &s.rules, "DIR", "rules instead of the bundled ones"},
		{"--exceptions", TSN_OPT_LIST, &s.exceptions, "DIR",
		    "known and wanted findings (docs/exceptions.md)"},
		{"--triage", TSN_OPT_TEXT, &s.triage, "FILE", "scores and risk (docs/triage.md)"},
		TSN_CMD_WINDOWS_OPTION(&s.window_mib),
		{"--data", TSN_OPT_TEXT, &s.data, "DIR", "the data folder"},
		{"--from", TSN_OPT_TEXT, &s.from, "T", "events at or after this time"},
		{"--to", TSN_OPT_TEXT, &s.to, "T", "events before this time"},
		{"--stats", TSN_OPT_FLAG, &s.stats, NULL, "counts and times on standard error"},
	};

	tsn_cmd_take_rules(&s.rules, &argc, argv);
	status = tsn_cmd_options(&tsn_cmd_hunt, options, TSN_COUNT(options), argc, argv, &operands);
	if (status >= 0)
		return status;
	if (operands > 0)
		return tsn_cmd_usage(&tsn_cmd_hunt, "takes no files: it looks at the store");
	s.data = tsn_cmd_data_dir(s.data);
	tsn_arena_init(&s.arena, HINT_BYTES_MAX);
	code = hunt(&s, &err);
	tell_damage(&s);
	if (s.detection != NULL) {
		tsn_cmd_tell_exceptions(s.detection, "hunt");
		tsn_cmd_tell_losses(s.detection, "hunt");
	}
	if (s.stats && s.detection != NULL)
		print_stats(&s);
	tsn_detection_free(s.detection);
	tsn_store_reader_close(s.reader);
	tsn_keys_free(s.keys);
	tsn_arena_done(&s.arena);
	return code == TSN_OK ? TSN_EXIT_DONE : tsn_cmd_fail(&tsn_cmd_hunt, code, &err);
}

const struct tsn_command tsn_cmd_hunt = {
	.name = "hunt",
	.usage = "[--rules DIR...] [--exceptions DIR] [--data DIR] [--from T] [--to T] [--stats]",
	.doc = "alerts of rules over the stored events, to standard output",
	.run = run,
};
