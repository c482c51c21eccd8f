/* tocsin detect: the alerts of files as JSON lines on standard output; nothing is stored. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd_list.h"
#include "cmd/exceptions.h"
#include "cmd/windows.h"
#include "cmd/pipeline_option.h"
#include "cmd/tell.h"
#include "os/clock.h"
#include "parse/parse.h"
#include "server/config.h"
#include "server/detection.h"
#include "server/engine.h"
#include "server/import.h"

/* Alerts are a few KiB each: written out by the dozen. */
#define OUT_BYTES (64u << 10)
/* Rules of --stats that are listed by name. */
#define RULES_SHOWN 50u

struct state {
	const char *kind;
	const char *pipeline;		/* a configuration whose filters records go through */
	struct tsn_cmd_filters filters;
	struct tsn_feed *feed;
	const char *timezone;
	struct tsn_option_list rules, exceptions;
	const char *triage;
	bool stats;
	struct tsn_keys *keys;
	struct tsn_detection *detection;
	struct tsn_engine *engine;
	struct tsn_import im;
	int64_t began_ns;
	int64_t loaded_cpu_ns;		/* CPU time until the rules were there */
	uint64_t window_mib;
};

static void
say(void *ctx, const char *line)
{
	(void)ctx;
	(void)fprintf(stderr, "tocsin detect: %s\n", line);
}

struct fired {
	const struct tsn_rule *rule;
	uint64_t count;
};

static int
by_count(const void *a, const void *b)
{
	const struct fired *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

static void
print_rules(const struct state *s)
{
	const uint64_t *counts;
	const struct tsn_ruleset *set = tsn_detection_rules(s->detection, &counts);
	struct fired *fired = calloc(set->count + 1, sizeof *fired);
	uint32_t n = 0;

	for (uint32_t i = 0; fired != NULL && i < set->count; i++)
		if (counts[i] > 0)
			fired[n++] = (struct fired){&set->rules[i], counts[i]};
	if (n > 0)
		qsort(fired, n, sizeof *fired, by_count);
	for (uint32_t i = 0; i < n && i < RULES_SHOWN; i++) {
		char name[160];

		(void)fprintf(stderr, "%10llu  %.*s  %s\n", (unsigned long long)fired[i].count,
		    TSN_SLICE_ARG(fired[i].rule->id),
		    tsn_slice_escape(fired[i].rule->name, name, sizeof name));
	}
	if (n > RULES_SHOWN)
		(void)fprintf(stderr, "%10s  and %u more rules\n", "", n - RULES_SHOWN);
	free(fired);
}

static void
print_windows(const struct state *s)
{
	struct tsn_detect_corr_stats all;

	tsn_detection_corr_stats(s->detection, &all);
	if (all.hits > 0)
		(void)fprintf(stderr, "correlations: %llu hits, %llu late (%llu dropped), %llu delivered "
		    "twice, %llu groups given up for want of room\n", (unsigned long long)all.hits,
		    (unsigned long long)all.late, (unsigned long long)all.late_dropped,
		    (unsigned long long)all.duplicates, (unsigned long long)all.evicted);
}

static void
print_stats(const struct state *s)
{
	struct tsn_ledger_row total;
	struct tsn_detection_stats found;
	struct tsn_usage use;
	double seconds = (double)(tsn_clock_mono_ns() - s->began_ns) / 1e9, cpu;

	tsn_ledger_total(tsn_engine_ledger(s->engine), &total);
	tsn_detection_stats_get(s->detection, &found);
	tsn_usage_get(&use);
	cpu = (double)(use.cpu_ns - s->loaded_cpu_ns) / 1e9;
	print_rules(s);
	print_windows(s);
	(void)fprintf(stderr,
	    "%u rules, %llu events (%llu failed to parse, %llu without rules), %llu alerts\n"
	    "rules read in %.0f ms; %.2f s in all, then %.2f s of CPU, %.0f events per CPU-second, "
	    "%.1f MB/s, %.0f MB of memory at most\n",
	    found.report.loaded, (unsigned long long)found.detect.events,
	    (unsigned long long)total.failed, (unsigned long long)found.detect.events_unrouted,
	    (unsigned long long)found.alerts, (double)s->loaded_cpu_ns / 1e6, seconds, cpu,
	    (double)found.detect.events / cpu,
	    (double)s->im.bytes / 1e6 / cpu, (double)use.rss_max_bytes / 1e6);
	if (found.detect.regex_limit_hits + found.detect.memory_fails + found.detect.rules_broken > 0)
		(void)fprintf(stderr, "%llu expressions given up at their limit, %llu values not looked "
		    "at for want of memory, %u rules that cannot run\n",
		    (unsigned long long)found.detect.regex_limit_hits,
		    (unsigned long long)found.detect.memory_fails, found.detect.rules_broken);
}

static enum tsn_code
open_all(struct state *s, struct tsn_err *err)
{
	s->keys = tsn_keys_new();
	if (s->keys == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	TSN_TRY(tsn_detection_new(&(struct tsn_detection_options){.keys = s->keys,
	    .rules = s->rules.items, .rule_count = s->rules.count,
	    .exceptions = s->exceptions.items, .exception_count = s->exceptions.count,
	    .triage = s->triage, .state_bytes = tsn_cmd_window_bytes(s->window_mib),
	    .each = tsn_cmd_print_alert,
	    .problem = tsn_cmd_tell_problem, .ctx = s}, &s->detection, err));
	return tsn_engine_new(&(struct tsn_engine_options){.keys = s->keys,
	    .detect = tsn_detection_stage(s->detection)}, &s->engine, err);
}

static enum tsn_code
detect_all(struct state *s, int count, char **paths, struct tsn_err *err)
{
	static char out[OUT_BYTES];
	struct tsn_import_options o = {.engine = s->engine, .ops = &tsn_file_system, .kind = s->kind,
	    .say = say, .ctx = s};
	enum tsn_code code = TSN_OK;

	if (s->timezone != NULL && !tsn_config_zone(tsn_slice_cstr(s->timezone), &o.tz_offset_sec))
		TSN_FAIL(err, TSN_EINVAL, "--timezone wants +HH:MM, -HH:MM or UTC");
	if (s->filters.pipeline != NULL)
		TSN_TRY(tsn_feed_new(s->engine, s->filters.pipeline, &s->feed, err));
	o.feed = s->feed;
	o.mode = s->feed != NULL ? TSN_FRAME_LINES : TSN_FRAME_AUTO;
	tsn_import_init(&s->im, &o);
	if (!isatty(STDOUT_FILENO))
		(void)setvbuf(stdout, out, _IOFBF, sizeof out);
	for (int i = 0; i < count && code == TSN_OK; i++)
		code = tsn_import_path(&s->im, paths[i], err);
	if (code == TSN_OK)
		code = tsn_engine_flush(s->engine, err);
	if (code == TSN_OK)
		code = tsn_detection_finish(s->detection, err);
	if (code == TSN_OK)
		code = tsn_engine_commit(s->engine, err);
	if (fflush(stdout) != 0 || ferror(stdout))
		TSN_FAIL(err, TSN_EIO, "standard output: %s", strerror(errno));
	return code;
}

static int
run(int argc, char **argv)
{
	struct state s = {.began_ns = tsn_clock_mono_ns()};
	struct tsn_err err = {0};
	struct tsn_usage use;
	enum tsn_code code;
	int operands, status;
	const struct tsn_option options[] = {
		{"--rules", TSN_OPT_LIST, &s.rules, "DIR", "rules instead of the bundled ones"},
		{"--exceptions", TSN_OPT_LIST, &s.exceptions, "DIR",
		    "known and wanted findings (docs/exceptions.md)"},
		{"--triage", TSN_OPT_TEXT, &s.triage, "FILE", "scores and risk (docs/triage.md)"},
		{"--kind", TSN_OPT_TEXT, &s.kind, "KIND", "all records are of this kind"},
		{"--pipeline", TSN_OPT_TEXT, &s.pipeline, "FILE",
		    "records go through the filters of this Logstash configuration"},
		TSN_CMD_WINDOWS_OPTION(&s.window_mib),
		{"--timezone", TSN_OPT_TEXT, &s.timezone, "+HH:MM",
		    "zone of times that name none (default UTC)"},
		{"--stats", TSN_OPT_FLAG, &s.stats, NULL,
		    "counts per rule, times and speed on standard error"},
	};

	tsn_cmd_take_rules(&s.rules, &argc, argv);
	status = tsn_cmd_options(&tsn_cmd_detect, options, TSN_COUNT(options), argc, argv, &operands);
	if (status >= 0)
		return status;
	if (operands == 0)
		return tsn_cmd_usage(&tsn_cmd_detect, "which FILE?");
	code = tsn_parser_check_kind(tsn_slice_cstr(s.kind), &err);
	if (code == TSN_OK && s.kind != NULL && s.pipeline != NULL)
		return tsn_cmd_usage(&tsn_cmd_detect, "--kind or --pipeline, not both");
	if (code == TSN_OK && s.pipeline != NULL)
		code = tsn_cmd_filters_open(&s.filters, s.pipeline, &err);
	if (code == TSN_OK)
		code = open_all(&s, &err);
	tsn_usage_get(&use);
	s.loaded_cpu_ns = use.cpu_ns;
	if (code == TSN_OK)
		code = detect_all(&s, operands, argv + 1, &err);
	if (s.detection != NULL) {
		tsn_cmd_tell_exceptions(s.detection, "detect");
		tsn_cmd_tell_losses(s.detection, "detect");
	}
	if (s.stats && s.im.o.engine != NULL)
		print_stats(&s);
	tsn_feed_free(s.feed);
	tsn_cmd_filters_close(&s.filters);
	tsn_engine_free(s.engine);
	tsn_detection_free(s.detection);
	tsn_keys_free(s.keys);
	return code == TSN_OK ? tsn_import_exit_status(&s.im) :
				tsn_cmd_fail(&tsn_cmd_detect, code, &err);
}

const struct tsn_command tsn_cmd_detect = {
	.name = "detect",
	.usage = "--rules DIR... [--exceptions DIR] [--kind KIND | --pipeline FILE] [--stats] FILE...",
	.doc = "alerts of files to standard output",
	.run = run,
};
