/*
 * tocsin demo: the day of a small company, replayed with present times through the real engine, so
 * that alerts arrive while one watches; it leaves a store to search.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alert/doc.h"
#include "cmd/cmd_list.h"
#include "content/content.h"
#include "os/clock.h"
#include "server/config.h"
#include "server/server.h"
#include "server/story.h"

#define SOURCES_MAX 16u
#define RULES_MAX 256u
/* Alerts of one rule are shown so often, then only counted. */
#define SHOWN_EACH 2u
#define REASON_SHOWN 150u

struct demo {
	const char *data;
	bool fast;			/* no waiting between lines */
	bool color;
	uint64_t port;
	struct tsn_story story;
	struct tsn_config config;
	struct tsn_server *server;
	struct tsn_engine *engine;	/* the server's */
	struct tsn_engine_source sources[SOURCES_MAX];
	char paths[SOURCES_MAX][64];
	uint64_t offsets[SOURCES_MAX], lines[SOURCES_MAX];
	uint32_t source_count;
	struct tsn_buf text;
	uint64_t by_level[TSN_LEVEL__COUNT];
	struct {
		struct tsn_slice id, name;
		uint32_t count;
	} rules[RULES_MAX];		/* that fired */
	uint32_t rule_count;
};

static const char *const log_paths[][2] = {
	{"auth", "/var/log/auth.log"},
	{"access", "/var/log/nginx/access.log"},
	{"mysql", "/var/log/mysql/general.log"},
	{"sysmon", "WS/Microsoft-Windows-Sysmon.json"},
	{"security", "FS-01/Security.json"},
};

/* Text of logs is hostile: control bytes are shown, not obeyed. */
static void
print_safe(struct tsn_slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < 0x20 || c == 0x7f)
			(void)printf("\\x%02x", c);
		else
			(void)putchar(c);
	}
}

/* False when enough alerts of this rule were shown. */
static bool
count_rule(struct demo *d, const struct tsn_alert *alert)
{
	uint32_t i = 0;

	while (i < d->rule_count && !tsn_slice_eq(d->rules[i].id, alert->rule_id))
		i++;
	if (i == RULES_MAX)
		return true;
	if (i == d->rule_count) {
		d->rules[i].id = alert->rule_id;
		d->rules[i].name = alert->rule_name;
		d->rule_count++;
	}
	return ++d->rules[i].count <= SHOWN_EACH;
}

static enum tsn_code
print_alert(void *ctx, const struct tsn_alert *alert, bool is_new)
{
	static const char *const colors[] = {"\033[2m", "\033[36m", "\033[33m", "\033[31m",
	    "\033[1;41m"};
	struct demo *d = ctx;
	char when[TSN_TIME_TEXT_MAX];

	(void)is_new;
	d->by_level[alert->level]++;
	if (!count_rule(d, alert))
		return TSN_OK;
	(void)tsn_time_format(alert->time_ns, when);
	(void)printf("%.8s  %s%-13s%s  ", when + 11, d->color ? colors[alert->level] : "",
	    tsn_alert_level_name(alert->level), d->color ? "\033[0m" : "");
	print_safe(tsn_slice_of(alert->reason.ptr,
	    alert->reason.len < REASON_SHOWN ? alert->reason.len : REASON_SHOWN));
	(void)putchar('\n');
	(void)fflush(stdout);
	return TSN_OK;
}

static enum tsn_code
find_source(struct demo *d, struct tsn_slice name, uint32_t *ret_idx, struct tsn_err *err)
{
	const char *path = NULL;

	for (size_t i = 0; i < TSN_COUNT(log_paths); i++)
		if (tsn_slice_eq(name, tsn_slice_cstr(log_paths[i][0])))
			path = log_paths[i][1];
	if (path == NULL)
		TSN_FAIL(err, TSN_EPARSE, "the story speaks of a log that the demo does not know");
	for (uint32_t i = 0; i < d->source_count; i++)
		if (strcmp(d->paths[i], path) == 0) {
			*ret_idx = i;
			return TSN_OK;
		}
	(void)snprintf(d->paths[d->source_count], sizeof d->paths[0], "%s", path);
	*ret_idx = d->source_count++;
	d->sources[*ret_idx].source = (struct tsn_source){
		.path = tsn_slice_cstr(d->paths[*ret_idx]), .id = tsn_engine_source_id(d->engine)};
	d->sources[*ret_idx].row =
	    tsn_ledger_row(tsn_engine_ledger(d->engine), tsn_slice_cstr(d->paths[*ret_idx]));
	return d->sources[*ret_idx].row == NULL ? TSN_ENOMEM : TSN_OK;
}

static enum tsn_code
feed(struct demo *d, const struct tsn_story_line *line, int64_t begin_ns, struct tsn_err *err)
{
	int64_t at_ns = begin_ns + line->at_ns;
	struct tsn_record rec;
	uint32_t idx = 0;

	TSN_TRY(find_source(d, line->source, &idx, err));
	tsn_buf_reset(&d->text);
	tsn_story_render(line, at_ns, &d->text);
	TSN_TRY(tsn_buf_check(&d->text));
	rec = (struct tsn_record){.bytes = tsn_buf_get(&d->text), .offset = d->offsets[idx],
	    .line = ++d->lines[idx], .received_ns = at_ns, .source = &d->sources[idx].source};
	d->offsets[idx] += d->text.len + 1;
	TSN_TRY(tsn_engine_record(d->engine, &d->sources[idx], &rec, false, err));
	return tsn_engine_flush(d->engine, err);
}

static enum tsn_code
replay(struct demo *d, struct tsn_err *err)
{
	int64_t length_ns = d->story.lines[d->story.count - 1].at_ns;
	int64_t begin_ns = tsn_clock_real_ns() - (d->fast ? length_ns : 0);

	for (uint32_t i = 0; i < d->story.count; i++) {
		int64_t wait_ns = begin_ns + d->story.lines[i].at_ns - tsn_clock_real_ns();

		while (!d->fast && wait_ns > 0 && !tsn_server_stopping(d->server)) {
			TSN_TRY(tsn_server_turn(d->server, (int)(wait_ns / TSN_NS_PER_MS) + 1, err));
			wait_ns = begin_ns + d->story.lines[i].at_ns - tsn_clock_real_ns();
		}
		if (tsn_server_stopping(d->server))
			break;
		TSN_TRY(feed(d, &d->story.lines[i], begin_ns, err));
	}
	return tsn_engine_commit(d->engine, err);
}

static void
summary(struct demo *d)
{
	static const char *const next[][2] = {
		{"alerts", "list --level high"},
		{"search", "'source.ip:203.0.113.66'"},
		{"search", "'event.outcome:failure | stats count() as n by source.ip'"},
		{"search", "'\"information_schema\" | fields @timestamp, url.original'"},
	};
	struct tsn_ledger_row total;
	uint64_t alerts = 0;

	tsn_ledger_total(tsn_engine_ledger(d->engine), &total);
	for (int i = 0; i < TSN_LEVEL__COUNT; i++)
		alerts += d->by_level[i];
	for (uint32_t i = 0; i < d->rule_count; i++)
		if (d->rules[i].count > SHOWN_EACH)
			(void)printf("          ... and %u more: %.*s\n", d->rules[i].count - SHOWN_EACH,
			    TSN_SLICE_ARG(d->rules[i].name));
	(void)printf("\n%llu records from %u logs: %llu stored, %llu failed to parse, %llu dropped\n",
	    (unsigned long long)total.received, d->source_count, (unsigned long long)total.stored,
	    (unsigned long long)total.failed, (unsigned long long)tsn_ledger_dropped(&total));
	(void)printf("%llu alerts:", (unsigned long long)alerts);
	for (int i = TSN_LEVEL__COUNT - 1; i >= 0; i--)
		(void)printf(" %llu %s%s", (unsigned long long)d->by_level[i], tsn_alert_level_name(i),
		    i > 0 ? "," : "");
	(void)printf("\n\nlook further (data folder %s):\n", d->data);
	for (size_t i = 0; i < TSN_COUNT(next); i++)
		(void)printf("  %s %s --data %s %s\n", program_invocation_name, next[i][0], d->data,
		    next[i][1]);
}

/* The server's own lines are for its log; here the alerts are the story. */
static void
say(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

/* Without a terminal nobody connects: any free port will do. */
static enum tsn_code
listen_at(struct demo *d, struct tsn_err *err)
{
	char address[64];

	tsn_config_init(&d->config);
	if (d->port > 65535)
		TSN_FAIL(err, TSN_EINVAL, "--port is a number from 0 to 65535");
	(void)snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)d->port);
	return tsn_addr_parse(tsn_slice_cstr(address), &d->config.listen, err);
}

static enum tsn_code
open_all(struct demo *d, struct tsn_err *err)
{
	const struct tsn_content_file *story = tsn_content_find(TSN_SLICE("demo/story.txt"));

	if (story == NULL)
		TSN_FAIL(err, TSN_ENOTFOUND, "demo/story.txt is not in this program");
	TSN_TRY(tsn_story_parse(&d->story, story->data, err));
	if (d->story.count == 0)
		TSN_FAIL(err, TSN_EPARSE, "demo/story.txt tells nothing");
	tsn_buf_init(&d->text, 1u << 20);
	TSN_TRY(listen_at(d, err));
	TSN_TRY(tsn_server_new(&(struct tsn_server_options){.config = &d->config, .data = d->data,
	    .version = TSN_VERSION, .say = say, .alert = print_alert, .ctx = d}, &d->server, err));
	d->engine = tsn_server_engine(d->server);
	return TSN_OK;
}

static enum tsn_code
close_all(struct demo *d, struct tsn_err *err)
{
	enum tsn_code code = tsn_server_free(d->server, err);

	tsn_config_done(&d->config);
	tsn_story_done(&d->story);
	tsn_buf_done(&d->text);
	return code;
}

/* Stays up for searching until the person has seen enough. */
static enum tsn_code
stay(struct demo *d, struct tsn_err *err)
{
	char at[TSN_ADDR_TEXT_MAX];
	struct tsn_slice address;

	if (d->fast || tsn_server_stopping(d->server))
		return TSN_OK;
	address = tsn_addr_text(tsn_server_addr(d->server), true, at);
	(void)printf("\nthe server stays up at http://%.*s until Ctrl-C: /api/v1/alerts,"
		     " /api/v1/search, /metrics\n", TSN_SLICE_ARG(address));
	(void)fflush(stdout);
	return tsn_server_run(d->server, err);
}

static int
run(int argc, char **argv)
{
	struct demo d = {.data = "./tocsin-demo", .fast = !isatty(STDOUT_FILENO),
	    .port = isatty(STDOUT_FILENO) ? 8650 : 0};
	const struct tsn_option table[] = {
		{"--data", TSN_OPT_TEXT, &d.data, "DIR", "data folder (default ./tocsin-demo)"},
		{"--port", TSN_OPT_U64, &d.port, "N",
		    "port of the server (default 8650; without a terminal any free one)"},
		{"--fast", TSN_OPT_FLAG, &d.fast, NULL, "do not wait between the lines"},
	};
	int operands, status = tsn_cmd_options(&tsn_cmd_demo, table, TSN_COUNT(table), argc, argv,
	    &operands);
	struct tsn_err err = {0};
	enum tsn_code code, closed;

	if (status >= 0)
		return status;
	if (operands > 0)
		return tsn_cmd_usage(&tsn_cmd_demo, "takes no operands");
	d.color = isatty(STDOUT_FILENO) != 0;
	code = open_all(&d, &err);
	if (code == TSN_OK) {
		(void)printf("tocsin demo: a web server, a database and Windows machines; data in %s\n\n"
			     "time      level          alert\n", d.data);
		code = replay(&d, &err);
	}
	if (code == TSN_OK) {
		summary(&d);
		code = stay(&d, &err);
	}
	closed = close_all(&d, code == TSN_OK ? &err : NULL);
	code = code == TSN_OK ? closed : code;
	return code == TSN_OK ? TSN_EXIT_DONE : tsn_cmd_fail(&tsn_cmd_demo, code, &err);
}

const struct tsn_command tsn_cmd_demo = {
	.name = "demo",
	.usage = "[--data DIR] [--port N] [--fast]",
	.doc = "the engine on bundled logs: alerts arrive while one watches",
	.run = run,
};
