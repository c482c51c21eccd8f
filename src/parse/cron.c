/*
 * cron and systemd: what started by itself.
 */
#include "parse/auth.h"

static const struct tsn_auth_what cron_command = TSN_AUTH_WHAT("process", "start", "cron_command",
    "");
static const struct tsn_auth_what cron_edit = TSN_AUTH_WHAT("configuration", "change",
    "crontab_changed", "");
static const struct tsn_auth_what cron_other = TSN_AUTH_WHAT("process", "info", "cron_info", "");

/* "(root) CMD (run-parts /etc/cron.hourly)": (WHO) WHAT (TEXT) */
static enum tsn_code
parse_cron(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_scan s = tsn_scan_of(body);
	struct tsn_slice user, verb, text;
	size_t open;

	if (TSN_STARTS(body, "pam_") || TSN_STARTS(body, "(pam_"))
		return tsn_pam_parse(ctx, body);
	ctx->ev->dataset = TSN_SLICE("system.cron");
	if (!TSN_SCAN(&s, "(") || !tsn_scan_to(&s, ')', &user) || !TSN_SCAN(&s, " "))
		return TSN_OK;
	open = tsn_slice_find(tsn_scan_rest(&s), TSN_SLICE(" ("));
	if (open == SIZE_MAX)
		return TSN_OK;
	verb = (struct tsn_slice){s.at, open};
	s.at += open + 2;
	text = tsn_scan_rest(&s);
	if (text.len > 0 && text.ptr[text.len - 1] == ')')
		text.len--;
	if (TSN_EQ(verb, "CMD") || TSN_EQ(verb, "CMDEND")) {
		tsn_auth_put(ctx, &cron_command);
		tsn_put_str(ctx, TSN_F_USER_NAME, user);
		tsn_put_str(ctx, TSN_F_PROCESS_COMMAND_LINE, text);
		return TSN_OK;
	}
	if (TSN_EQ(verb, "REPLACE") || TSN_EQ(verb, "END EDIT") || TSN_EQ(verb, "DELETE")) {
		tsn_auth_put(ctx, &cron_edit);
		tsn_put_str(ctx, TSN_F_USER_NAME, user);
		tsn_put_str(ctx, TSN_F_USER_TARGET_NAME, text);
		return TSN_OK;
	}
	tsn_auth_put(ctx, &cron_other);
	tsn_put_str(ctx, TSN_F_USER_NAME, user);
	tsn_put_str(ctx, TSN_F_EVENT_REASON, text);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_cron = {
	.kind = "system.cron",
	.doc = "cron: commands run, crontabs changed",
	.programs = "CRON cron crond CROND crontab anacron atd",
	.parse = parse_cron,
};

static const struct {
	struct tsn_slice prefix;
	struct tsn_auth_what what;
} unit_forms[] = {
	{TSN_AUTH_TEXT("Started "), TSN_AUTH_WHAT("process", "start", "service_started", "success")},
	{TSN_AUTH_TEXT("Starting "), TSN_AUTH_WHAT("process", "start", "service_starting", "")},
	{TSN_AUTH_TEXT("Finished "), TSN_AUTH_WHAT("process", "end", "service_finished", "success")},
	{TSN_AUTH_TEXT("Stopped "), TSN_AUTH_WHAT("process", "end", "service_stopped", "success")},
	{TSN_AUTH_TEXT("Stopping "), TSN_AUTH_WHAT("process", "end", "service_stopping", "")},
	{TSN_AUTH_TEXT("Reloaded "), TSN_AUTH_WHAT("process", "change", "service_reloaded",
	    "success")},
	{TSN_AUTH_TEXT("Failed to start "), TSN_AUTH_WHAT("process", "start", "service_started",
	    "failure")},
	{TSN_AUTH_TEXT("Created slice "), TSN_AUTH_WHAT("session", "start", "slice_created", "")},
	{TSN_AUTH_TEXT("Removed slice "), TSN_AUTH_WHAT("session", "end", "slice_removed", "")},
};

/* "New session 12 of user root.", "Removed session 12." */
static enum tsn_code
parse_logind(struct tsn_parse_ctx *ctx, struct tsn_scan s)
{
	static const struct tsn_auth_what opened = TSN_AUTH_WHAT("session", "start", "logind_session",
	    "success");
	static const struct tsn_auth_what closed = TSN_AUTH_WHAT("session", "end", "logind_session",
	    "success");
	struct tsn_slice id, user;

	if (TSN_SCAN(&s, "New session ")) {
		id = tsn_scan_word(&s);
		if (!TSN_SCAN(&s, " of user "))
			return TSN_OK;
		user = tsn_scan_rest(&s);
		if (user.len > 0 && user.ptr[user.len - 1] == '.')
			user.len--;
		tsn_auth_put(ctx, &opened);
		tsn_put_str(ctx, TSN_F_SESSION_ID, id);
		tsn_put_str(ctx, TSN_F_USER_NAME, user);
	} else if (TSN_SCAN(&s, "Removed session ")) {
		id = tsn_scan_rest(&s);
		if (id.len > 0 && id.ptr[id.len - 1] == '.')
			id.len--;
		tsn_auth_put(ctx, &closed);
		tsn_put_str(ctx, TSN_F_SESSION_ID, id);
	}
	return TSN_OK;
}

/* "nginx.service: Failed with result 'exit-code'." */
static void
parse_unit_line(struct tsn_parse_ctx *ctx, struct tsn_scan s)
{
	static const struct tsn_auth_what failed = TSN_AUTH_WHAT("process", "end", "service_failed",
	    "failure");
	struct tsn_slice unit = tsn_scan_word(&s);

	if (unit.len < 2 || unit.ptr[unit.len - 1] != ':' ||
	    tsn_slice_find_char(unit, '.') == SIZE_MAX)
		return;
	unit.len--;
	tsn_put_str(ctx, TSN_F_SERVICE_NAME, unit);
	if (TSN_SCAN(&s, " Failed with result "))
		tsn_auth_put(ctx, &failed);
}

static enum tsn_code
parse_systemd(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_scan s = tsn_scan_of(body);

	ctx->ev->dataset = TSN_SLICE("system.syslog");
	if (TSN_STARTS(body, "pam_"))
		return tsn_pam_parse(ctx, body);
	if (TSN_EQ(ctx->syslog->program, "systemd-logind")) {
		ctx->ev->dataset = TSN_SLICE(TSN_DATASET_AUTH);
		return parse_logind(ctx, s);
	}
	for (size_t i = 0; i < TSN_COUNT(unit_forms); i++) {
		struct tsn_slice unit;

		if (!tsn_scan_text(&s, unit_forms[i].prefix.ptr, unit_forms[i].prefix.len))
			continue;
		unit = tsn_scan_rest(&s);
		while (unit.len > 0 && unit.ptr[unit.len - 1] == '.')
			unit.len--;
		tsn_auth_put(ctx, &unit_forms[i].what);
		tsn_put_some(ctx, TSN_F_SERVICE_NAME, unit);
		return TSN_OK;
	}
	parse_unit_line(ctx, s);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_systemd = {
	.kind = "system.syslog",
	.doc = "systemd and its login manager",
	.programs = "systemd systemd-logind",
	.parse = parse_systemd,
};
