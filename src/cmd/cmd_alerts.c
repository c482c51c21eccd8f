/* tocsin alerts: the alert queue on the command line. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alert/doc.h"
#include "cmd/cmd_list.h"

struct options {
	const char *data;
	const char *status;
	const char *level;
	const char *rule;
	const char *reason;
	const char *format;
	uint64_t limit;
};

static int
open_queue(const struct options *o, struct tsn_alerts **ret_alerts)
{
	struct tsn_err err = {0};
	const char *dir = tsn_cmd_data_dir(o->data);
	enum tsn_code code = tsn_alerts_open(dir, false, ret_alerts, &err);

	return code == TSN_OK ? -1 : tsn_cmd_fail(&tsn_cmd_alerts, code, &err);
}

/* Text of logs is hostile: nothing in it may steer a terminal.  UTF-8 stays readable. */
static void
print_safe(struct tsn_slice text, size_t most)
{
	for (size_t i = 0; i < text.len && i < most; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < 0x20 || c == 0x7f)
			(void)printf("\\x%02x", c);
		else if (c == 0xc2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0)
			(void)printf("\\xc2");
		else
			(void)putchar(c);
	}
}

static enum tsn_code
print_row(void *ctx, const struct tsn_alert *alert)
{
	const struct options *o = ctx;
	char when[TSN_TIME_TEXT_MAX];

	if (o->format[0] == 'j') {
		(void)printf("%.*s\n", TSN_SLICE_ARG(alert->doc));
		return ferror(stdout) ? TSN_EIO : TSN_OK;
	}
	(void)tsn_time_format(alert->time_ns, when);
	(void)printf("%.8s  %.19sZ  %-13s  %-12s  ", alert->id.ptr, when,
	    tsn_alert_level_name(alert->level), tsn_alert_status_name(alert->status));
	print_safe(alert->reason, 200);
	(void)putchar('\n');
	return ferror(stdout) ? TSN_EIO : TSN_OK;
}

static enum tsn_code
print_history(void *ctx, int64_t at_ns, struct tsn_slice who, struct tsn_slice what,
    struct tsn_slice reason)
{
	char when[TSN_TIME_TEXT_MAX];

	(void)ctx;
	(void)tsn_time_format(at_ns, when);
	(void)fprintf(stderr, "%s  %.*s by %.*s%s%.*s\n", when, TSN_SLICE_ARG(what),
	    TSN_SLICE_ARG(who), reason.len > 0 ? ": " : "", TSN_SLICE_ARG(reason));
	return TSN_OK;
}

static enum tsn_code
print_doc(void *ctx, const struct tsn_alert *alert)
{
	(void)ctx;
	(void)printf("%.*s\n", TSN_SLICE_ARG(alert->doc));
	(void)fprintf(stderr, "%.*s is %s%s%.*s\n", TSN_SLICE_ARG(alert->id),
	    tsn_alert_status_name(alert->status), alert->close_reason.len > 0 ? ": " : "",
	    TSN_SLICE_ARG(alert->close_reason));
	return TSN_OK;
}

static int
list(struct options *o)
{
	struct tsn_alert_filter filter = {.status = -1, .limit = o->limit,
	    .rule_id = tsn_slice_cstr(o->rule)};
	struct tsn_alerts *alerts;
	struct tsn_err err = {0};
	enum tsn_code code;
	int status;

	if (o->format == NULL)
		o->format = isatty(STDOUT_FILENO) ? "table" : "json";
	if (strcmp(o->format, "json") != 0 && strcmp(o->format, "table") != 0)
		return tsn_cmd_usage(&tsn_cmd_alerts, "--format is json or table");
	if (o->status != NULL) {
		for (int i = 0; i < TSN_ALERT_STATUS__COUNT; i++)
			if (strcmp(o->status, tsn_alert_status_name((enum tsn_alert_status)i)) == 0)
				filter.status = i;
		if (filter.status < 0)
			return tsn_cmd_usage(&tsn_cmd_alerts,
			    "--status is open, acknowledged or closed");
	}
	if (o->level != NULL) {
		filter.level_min = tsn_alert_level_find(tsn_slice_cstr(o->level));
		if (filter.level_min < 0)
			return tsn_cmd_usage(&tsn_cmd_alerts,
			    "--level is informational, low, medium, high or critical");
	}
	status = open_queue(o, &alerts);
	if (status >= 0)
		return status;
	code = tsn_alerts_list(alerts, &filter, print_row, o, &err);
	tsn_alerts_close(alerts);
	return code == TSN_OK ? TSN_EXIT_DONE : tsn_cmd_fail(&tsn_cmd_alerts, code, &err);
}

static int
show(const struct options *o, const char *id)
{
	struct tsn_alerts *alerts;
	struct tsn_err err = {0};
	enum tsn_code code;
	int status = open_queue(o, &alerts);

	if (status >= 0)
		return status;
	code = tsn_alerts_get(alerts, tsn_slice_cstr(id), print_doc, NULL, &err);
	if (code == TSN_OK)
		code = tsn_alerts_history(alerts, tsn_slice_cstr(id), print_history, NULL, &err);
	tsn_alerts_close(alerts);
	return code == TSN_OK ? TSN_EXIT_DONE : tsn_cmd_fail(&tsn_cmd_alerts, code, &err);
}

static const char *
user_name(void)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw == NULL ? "unknown" : pw->pw_name;
}

static int
change(const struct options *o, enum tsn_alert_status to, char **ids, int count)
{
	struct tsn_alerts *alerts;
	struct timespec now;
	int status = open_queue(o, &alerts), worst = TSN_EXIT_DONE;

	if (status >= 0)
		return status;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 0; i < count; i++) {
		struct tsn_err err = {0};
		enum tsn_code code = tsn_alerts_set_status(alerts, tsn_slice_cstr(ids[i]), to,
		    tsn_slice_cstr(o->reason), tsn_slice_cstr(user_name()),
		    now.tv_sec * TSN_NS_PER_SEC + now.tv_nsec, &err);

		if (code == TSN_OK)
			continue;
		status = tsn_cmd_fail(&tsn_cmd_alerts, code, &err);
		worst = status > worst ? status : worst;
	}
	tsn_alerts_close(alerts);
	return worst;
}

static int
run(int argc, char **argv)
{
	struct options o = {.limit = UINT64_MAX};
	const struct tsn_option table[] = {
		{"--data", TSN_OPT_TEXT, &o.data, "DIR", "data folder"},
		{"--status", TSN_OPT_TEXT, &o.status, "STATUS", "list: only open, acknowledged or closed"},
		{"--level", TSN_OPT_TEXT, &o.level, "LEVEL", "list: only this level and above"},
		{"--rule", TSN_OPT_TEXT, &o.rule, "ID", "list: only alerts of this rule"},
		{"--limit", TSN_OPT_U64, &o.limit, "N", "list: at most N (0: all, the default)"},
		{"--format", TSN_OPT_TEXT, &o.format, "FORMAT",
		    "list: table (a terminal's default) or json"},
		{"--reason", TSN_OPT_TEXT, &o.reason, "TEXT", "ack, close: why"},
	};
	int operands, status = tsn_cmd_options(&tsn_cmd_alerts, table, TSN_COUNT(table), argc, argv,
	    &operands);
	const char *verb;

	if (status >= 0)
		return status;
	verb = operands == 0 ? "list" : argv[1];
	if (strcmp(verb, "list") == 0 && operands <= 1)
		return list(&o);
	if (strcmp(verb, "show") == 0 && operands == 2)
		return show(&o, argv[2]);
	if (strcmp(verb, "ack") == 0 && operands >= 2)
		return change(&o, TSN_ALERT_ACKNOWLEDGED, argv + 2, operands - 1);
	if (strcmp(verb, "close") == 0 && operands >= 2 && o.reason == NULL)
		return tsn_cmd_usage(&tsn_cmd_alerts, "close wants --reason TEXT");
	if (strcmp(verb, "close") == 0 && operands >= 2)
		return change(&o, TSN_ALERT_CLOSED, argv + 2, operands - 1);
	return tsn_cmd_usage(&tsn_cmd_alerts,
	    "expected list, show ID, ack ID... or close ID... --reason TEXT");
}

const struct tsn_command tsn_cmd_alerts = {
	.name = "alerts",
	.usage = "[--data DIR] [list | show ID | ack ID... | close ID... --reason TEXT]",
	.doc = "the alert queue: list, show, acknowledge, close",
	.run = run,
};
