/* tocsin import: files into the store, detecting on the way, with a summary that balances. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd_list.h"
#include "cmd/exceptions.h"
#include "cmd/windows.h"
#include "cmd/pipeline_option.h"
#include "cmd/tell.h"
#include "codec/json.h"
#include "os/clock.h"
#include "parse/parse.h"
#include "server/config.h"
#include "server/detection.h"
#include "server/engine.h"
#include "server/import.h"
#include "server/custodian.h"

/* Of housekeeping at the end. */
#define SETTLE_STEPS 4096u
#define SEAL_BYTES_MIN (256u << 10)

struct state {
	const char *data;
	const char *kind;
	const char *pipeline;		/* a configuration whose filters records go through */
	struct tsn_cmd_filters filters;
	struct tsn_feed *feed;
	const char *timezone;
	int32_t tz_offset_sec;
	struct tsn_option_list rules, exceptions;
	const char *triage;
	bool json;
	bool quiet;
	bool progress;		/* a progress line stands on the terminal */
	struct tsn_keys *keys;
	struct tsn_store *store;
	struct tsn_detection *detection;
	struct tsn_engine *engine;
	struct tsn_import im;
	int64_t began_ns;
	uint64_t window_mib;
	const char *retention_size, *retention_age;
	struct tsn_custodian custodian;
};

static void
clear_progress(struct state *s)
{
	if (s->progress)
		(void)fprintf(stderr, "\r\033[K");
	s->progress = false;
}

static void
say(void *ctx, const char *line)
{
	clear_progress(ctx);
	(void)fprintf(stderr, "tocsin import: %s\n", line);
}

/* Broken rules are told all; what was skipped is rules check's business. */
static void
problem(void *ctx, const struct tsn_problem *p)
{
	clear_progress(ctx);
	tsn_cmd_tell_problem(NULL, p);
}

static void
progress(void *ctx, const char *path, uint64_t done, uint64_t all)
{
	struct state *s = ctx;
	char shown[64];
	struct tsn_slice name = tsn_slice_cstr(path);

	if (name.len > 40)
		name = tsn_slice_from(name, name.len - 40);
	(void)tsn_slice_escape(name, shown, sizeof shown);
	if (all > 0)
		(void)fprintf(stderr, "\r\033[K%s  %llu of %llu MB", shown,
		    (unsigned long long)(done >> 20), (unsigned long long)(all >> 20));
	else
		(void)fprintf(stderr, "\r\033[K%s  %llu MB", shown, (unsigned long long)(done >> 20));
	s->progress = true;
}

static void
row(const char *name, uint64_t value, const char *note)
{
	(void)fprintf(stderr, "  %-22s %12llu  %s\n", name, (unsigned long long)value, note);
}

static void
print_table(const struct state *s, const struct tsn_ledger_row *t,
    const struct tsn_detection_stats *found, const struct tsn_usage *use, double seconds)
{
	struct tsn_detect_corr_stats corr;

	tsn_detection_corr_stats(s->detection, &corr);
	(void)fprintf(stderr, "\nimported into %s\n", s->data);
	row("files", s->im.files, "");
	row("records read", t->received, "");
	row("  stored", t->stored, "");
	row("  failed to parse", t->failed, "stored as event.kind: pipeline_error");
	row("  already stored", t->known, "");
	row("  headers", t->framing, "no events: column names and the like");
	for (int d = 0; d < TSN_DROP__COUNT; d++)
		if (t->dropped[d] > 0)
			row("  dropped", t->dropped[d], tsn_drop_name((enum tsn_drop)d));
	if (tsn_ledger_dropped(t) == 0)
		row("  dropped", 0, "");
	if (s->custodian.stats.events_dropped > 0)
		row("removed by retention", s->custodian.stats.events_dropped, "the oldest of the store");
	row("late", t->late, "came after windows of their time had been judged");
	row("  hits left out", corr.late_dropped, "of windows that were over");
	row("groups evicted", corr.evicted, "of windows, for want of room");
	row("alerts", found->alerts, "");
	row("  new", found->alerts_new, "the others were in the queue already");
	row("  hidden", found->detect.hidden, "by exceptions");
	row("cut at the limit", t->truncated, "");
	row("left out: binary", s->im.binary, "");
	row("damaged files", s->im.damaged, "");
	row("unreadable", s->im.unreadable, "");
	(void)fprintf(stderr, "%.1f MB in %.2f s, %.2f s of CPU, %.0f events per CPU-second, "
			      "%.0f MB of memory at most\n",
	    (double)s->im.bytes / 1e6, seconds, (double)use->cpu_ns / 1e9,
	    (double)t->received / ((double)use->cpu_ns / 1e9),
	    (double)use->rss_max_bytes / 1e6);
}

static void
print_exceptions(const struct state *s, uint64_t hidden)
{
	struct tsn_detection_exception x;
	struct tsn_buf id;

	(void)printf("\"hidden\":%llu,\"exceptions\":{", (unsigned long long)hidden);
	tsn_buf_init(&id, 1u << 20);
	for (uint32_t i = 0; tsn_detection_exception(s->detection, i, &x); i++) {
		tsn_buf_reset(&id);
		tsn_json_write_string(&id, x.exception->id);
		(void)printf("%s%.*s:%llu", i == 0 ? "" : ",", (int)id.len, id.ptr,
		    (unsigned long long)x.stats.hidden);
	}
	tsn_buf_done(&id);
	(void)printf("},");
}

static void
print_json(const struct state *s, const struct tsn_ledger_row *t,
    const struct tsn_detection_stats *found, const struct tsn_usage *use, double seconds)
{
	struct tsn_detect_corr_stats corr;

	tsn_detection_corr_stats(s->detection, &corr);
	(void)printf("{\"files\":%llu,\"records\":%llu,\"stored\":%llu,\"failed\":%llu,"
		     "\"already_stored\":%llu,\"headers\":%llu,\"dropped\":{",
	    (unsigned long long)s->im.files, (unsigned long long)t->received,
	    (unsigned long long)t->stored, (unsigned long long)t->failed,
	    (unsigned long long)t->known, (unsigned long long)t->framing);
	for (int d = 0; d < TSN_DROP__COUNT; d++)
		(void)printf("%s\"%s\":%llu", d == 0 ? "" : ",", tsn_drop_name((enum tsn_drop)d),
		    (unsigned long long)t->dropped[d]);
	(void)printf("},\"alerts\":%llu,\"alerts_new\":%llu,\"rules\":%u,",
	    (unsigned long long)found->alerts, (unsigned long long)found->alerts_new,
	    found->report.loaded);
	print_exceptions(s, found->detect.hidden);
	(void)printf("\"retention_events\":%llu,\"retention_segments\":%llu,",
	    (unsigned long long)s->custodian.stats.events_dropped,
	    (unsigned long long)s->custodian.stats.segments_dropped);
	(void)printf("\"late_dropped\":%llu,\"groups_evicted\":%llu,",
	    (unsigned long long)corr.late_dropped, (unsigned long long)corr.evicted);
	(void)printf("\"late\":%llu,\"truncated\":%llu,\"truncated_bytes\":%llu,"
		     "\"binary_skipped\":%u,\"damaged\":%u,\"unreadable\":%u,\"empty_folders\":%u,"
		     "\"bytes\":%llu,\"balanced\":%s,\"seconds\":%.3f,\"cpu_seconds\":%.3f,"
		     "\"rss_max_bytes\":%llu}\n",
	    (unsigned long long)t->late, (unsigned long long)t->truncated,
	    (unsigned long long)s->im.skipped_bytes, s->im.binary, s->im.damaged,
	    s->im.unreadable, s->im.empty_folders, (unsigned long long)s->im.bytes,
	    tsn_ledger_balances(t) && t->pending == 0 ? "true" : "false", seconds,
	    (double)use->cpu_ns / 1e9, (unsigned long long)use->rss_max_bytes);
}

static void
summary(struct state *s)
{
	struct tsn_ledger_row total;
	struct tsn_detection_stats found;
	struct tsn_usage use;
	double seconds = (double)(tsn_clock_mono_ns() - s->began_ns) / 1e9;

	tsn_ledger_total(tsn_engine_ledger(s->engine), &total);
	tsn_usage_get(&use);
	tsn_detection_stats_get(s->detection, &found);
	clear_progress(s);
	tsn_cmd_tell_exceptions(s->detection, "import");
	tsn_cmd_tell_losses(s->detection, "import");
	if (!s->quiet)
		print_table(s, &total, &found, &use, seconds);
	if (s->json)
		print_json(s, &total, &found, &use, seconds);
}

static enum tsn_code
set_retention(const struct state *s, struct tsn_store_options *so, struct tsn_err *err)
{
	if (s->retention_size != NULL &&
	    !tsn_config_bytes(tsn_slice_cstr(s->retention_size), &so->retention_bytes))
		TSN_FAIL(err, TSN_EINVAL, "--retention-size wants a size such as 500MB or 20GiB");
	if (s->retention_age != NULL &&
	    (tsn_time_parse_span(tsn_slice_cstr(s->retention_age), &so->retention_ns) != TSN_OK ||
	    so->retention_ns <= 0))
		TSN_FAIL(err, TSN_EINVAL, "--retention-age wants a time such as 12h or 90d");
	if (so->retention_bytes == 0 && so->retention_ns == 0)
		so->retention_bytes = tsn_custodian_default_bytes(s->data);
	return TSN_OK;
}

static enum tsn_code
open_all(struct state *s, struct tsn_err *err)
{
	struct tsn_store_options so = {.disk_free_min = UINT64_C(64) << 20,
	    .dropping = tsn_custodian_dropping, .ctx = &s->custodian};
	struct tsn_engine_options eo = {0};

	s->keys = tsn_keys_new();
	if (s->keys == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	s->custodian = (struct tsn_custodian){.data = s->data, .say = say, .ctx = s};
	TSN_TRY(set_retention(s, &so, err));
	TSN_TRY(tsn_store_open(s->data, s->keys, &so, &s->store, err));
	TSN_TRY(tsn_detection_new(&(struct tsn_detection_options){.keys = s->keys,
	    .data_dir = s->data, .rules = s->rules.items, .rule_count = s->rules.count,
	    .exceptions = s->exceptions.items, .exception_count = s->exceptions.count,
	    .triage = s->triage, .state_bytes = tsn_cmd_window_bytes(s->window_mib),
	    .problem = problem, .ctx = s}, &s->detection, err));
	s->custodian.detection = s->detection;
	TSN_TRY(tsn_custodian_look(&s->custodian, s->store, tsn_clock_real_ns(), err));
	eo.keys = s->keys;
	eo.store = s->store;
	eo.detect = tsn_detection_stage(s->detection);
	return tsn_engine_new(&eo, &s->engine, err);
}

/* Small segments that the import left become few. */
static enum tsn_code
settle(struct state *s, struct tsn_err *err)
{
	enum tsn_code code = TSN_OK;
	bool more = true;

	/* A journal is made for small commits: what will not grow soon is smaller as a segment. */
	if (s->im.bytes >= SEAL_BYTES_MIN)
		code = tsn_store_seal(s->store, err);
	for (uint32_t i = 0; more && code == TSN_OK && i < SETTLE_STEPS; i++)
		code = tsn_store_maintain(s->store, tsn_clock_real_ns(), &more, err);
	/* Without room they stay as they are: everything is stored. */
	if (code != TSN_OK && code != TSN_EAGAIN)
		return code;
	TSN_TRY(tsn_custodian_look(&s->custodian, s->store, tsn_clock_real_ns(), err));
	return tsn_engine_commit(s->engine, err);
}

static enum tsn_code
import_all(struct state *s, int count, char **paths, struct tsn_err *err)
{
	struct tsn_import_options o = {
		.engine = s->engine,
		.store = s->store,
		.ops = &tsn_file_system,
		.kind = s->kind,
		.tz_offset_sec = s->tz_offset_sec,
		.say = say,
		.progress = !s->quiet && isatty(STDERR_FILENO) ? progress : NULL,
		.ctx = s,
	};

	if (s->filters.pipeline != NULL)
		TSN_TRY(tsn_feed_new(s->engine, s->filters.pipeline, &s->feed, err));
	o.feed = s->feed;
	o.mode = s->feed != NULL ? TSN_FRAME_LINES : TSN_FRAME_AUTO;
	tsn_import_init(&s->im, &o);
	for (int i = 0; i < count; i++)
		TSN_TRY(tsn_import_path(&s->im, paths[i], err));
	TSN_TRY(tsn_engine_flush(s->engine, err));
	TSN_TRY(tsn_detection_finish(s->detection, err));
	TSN_TRY(tsn_engine_commit(s->engine, err));
	return settle(s, err);
}

static int
run(int argc, char **argv)
{
	struct state s = {.began_ns = tsn_clock_mono_ns()};
	struct tsn_err err = {0};
	enum tsn_code code, closed;
	int operands;
	const struct tsn_option options[] = {
		{"--data", TSN_OPT_TEXT, &s.data, "DIR", "the data folder"},
		{"--kind", TSN_OPT_TEXT, &s.kind, "KIND", "all records are of this kind"},
		{"--pipeline", TSN_OPT_TEXT, &s.pipeline, "FILE",
		    "records go through the filters of this Logstash configuration"},
		{"--rules", TSN_OPT_LIST, &s.rules, "DIR", "rules instead of the bundled ones"},
		{"--exceptions", TSN_OPT_LIST, &s.exceptions, "DIR",
		    "known and wanted findings (docs/exceptions.md)"},
		{"--triage", TSN_OPT_TEXT, &s.triage, "FILE", "scores and risk (docs/triage.md)"},
		TSN_CMD_WINDOWS_OPTION(&s.window_mib),
		{"--timezone", TSN_OPT_TEXT, &s.timezone, "+HH:MM",
		    "zone of times that name none (default UTC)"},
		{"--retention-size", TSN_OPT_TEXT, &s.retention_size, "SIZE",
		    "the oldest events go when the store is larger; default half of the disk"},
		{"--retention-age", TSN_OPT_TEXT, &s.retention_age, "TIME",
		    "events older than this go: 12h, 90d"},
		{"--json", TSN_OPT_FLAG, &s.json, NULL, "the summary as JSON on standard output"},
		{"--quiet", TSN_OPT_FLAG, &s.quiet, NULL, "no table, no progress"},
	};
	int status = tsn_cmd_options(&tsn_cmd_import, options, TSN_COUNT(options), argc, argv,
	    &operands);

	if (status >= 0)
		return status;
	if (operands == 0)
		return tsn_cmd_usage(&tsn_cmd_import, "which FILE?");
	if (s.timezone != NULL && !tsn_config_zone(tsn_slice_cstr(s.timezone), &s.tz_offset_sec))
		return tsn_cmd_usage(&tsn_cmd_import, "--timezone wants +HH:MM, -HH:MM or UTC");
	s.data = tsn_cmd_data_dir(s.data);
	code = tsn_parser_check_kind(tsn_slice_cstr(s.kind), &err);
	if (code == TSN_OK && s.kind != NULL && s.pipeline != NULL)
		return tsn_cmd_usage(&tsn_cmd_import, "--kind or --pipeline, not both");
	if (code == TSN_OK && s.pipeline != NULL)
		code = tsn_cmd_filters_open(&s.filters, s.pipeline, &err);
	if (code == TSN_OK)
		code = open_all(&s, &err);
	if (code == TSN_OK)
		code = import_all(&s, operands, argv + 1, &err);
	if (s.engine != NULL && s.im.o.engine != NULL)
		summary(&s);
	tsn_feed_free(s.feed);
	tsn_cmd_filters_close(&s.filters);
	tsn_engine_free(s.engine);
	tsn_detection_free(s.detection);
	/* After a failure some events may be without their range: they come again. */
	closed = TSN_OK;
	if (code == TSN_OK && s.store != NULL)
		closed = tsn_store_close(s.store, &err);
	else
		tsn_store_abandon(s.store);
	tsn_keys_free(s.keys);
	if (code == TSN_OK)
		code = closed;
	return code == TSN_OK ? tsn_import_exit_status(&s.im) :
				tsn_cmd_fail(&tsn_cmd_import, code, &err);
}

const struct tsn_command tsn_cmd_import = {
	.name = "import",
	.usage = "[--data DIR] [--kind KIND | --pipeline FILE] [--rules DIR] [--exceptions DIR]"
	    " FILE...",
	.doc = "files into the store, detecting on the way",
	.run = run,
};
