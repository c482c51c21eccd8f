/*
 * sudo and su: who became whom, to run what.
 */
#include "parse/auth.h"

static const struct tsn_auth_what sudo_ran = TSN_AUTH_WHAT("process", "start", "sudo_command",
    "success");
static const struct tsn_auth_what sudo_refused = TSN_AUTH_WHAT("process", "start", "sudo_command",
    "failure");
static const struct tsn_auth_what su_ok = TSN_AUTH_WHAT("authentication", "start", "su", "success");
static const struct tsn_auth_what su_failed = TSN_AUTH_WHAT("authentication", "start", "su",
    "failure");

static struct tsn_slice
until(struct tsn_scan *s, struct tsn_slice mark)
{
	struct tsn_slice v = tsn_scan_rest(s);
	size_t at = tsn_slice_find(v, mark);

	if (at == SIZE_MAX) {
		s->at = s->end;
		return v;
	}
	v.len = at;
	s->at = v.ptr + at + mark.len;
	return v;
}

static void
put_command(struct tsn_parse_ctx *ctx, struct tsn_slice command)
{
	struct tsn_scan s = tsn_scan_of(command);
	struct tsn_slice program = tsn_scan_word(&s);

	tsn_put_str(ctx, TSN_F_PROCESS_COMMAND_LINE, command);
	if (program.len > 0 && program.ptr[0] == '/')
		tsn_put_str(ctx, TSN_F_PROCESS_EXECUTABLE, program);
}

/* "TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=...": the command is last and may hold anything. */
static void
put_sudo_pairs(struct tsn_parse_ctx *ctx, struct tsn_scan s)
{
	static const struct tsn_slice sep = {" ; ", 3};

	while (s.at < s.end) {
		struct tsn_slice pair;

		if (TSN_SCAN(&s, "COMMAND=")) {
			put_command(ctx, tsn_scan_rest(&s));
			return;
		}
		pair = until(&s, sep);
		if (TSN_STARTS(pair, "TTY="))
			tsn_put_some(ctx, TSN_F_SUDO_TTY, tsn_slice_from(pair, 4));
		else if (TSN_STARTS(pair, "PWD="))
			tsn_put_some(ctx, TSN_F_PROCESS_WORKING_DIRECTORY, tsn_slice_from(pair, 4));
		else if (TSN_STARTS(pair, "USER="))
			tsn_put_some(ctx, TSN_F_USER_EFFECTIVE_NAME, tsn_slice_from(pair, 5));
		else if (TSN_STARTS(pair, "GROUP="))
			tsn_put_some(ctx, TSN_F_GROUP_NAME, tsn_slice_from(pair, 6));
		else if (TSN_STARTS(pair, "ENV="))
			tsn_put_some(ctx, TSN_F_SUDO_ENV, tsn_slice_from(pair, 4));
	}
}

/* "  mike : [REASON ; ]TTY=pts/0 ; PWD=/home/mike ; USER=root ; COMMAND=/bin/su -" */
static enum tsn_code
parse_sudo(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_scan s = tsn_scan_of(body);
	struct tsn_slice user, reason = TSN_SLICE_NONE;
	size_t colon;

	if (body.len > 0 && body.ptr[0] == 'p' && tsn_pam_parse(ctx, body) == TSN_OK)
		return TSN_OK;
	tsn_scan_blanks(&s);
	colon = tsn_slice_find(tsn_scan_rest(&s), TSN_SLICE(" : "));
	if (colon == SIZE_MAX || colon == 0)
		return TSN_OK;
	user = (struct tsn_slice){s.at, colon};
	s.at += colon + 3;
	if (!tsn_scan_is(&s, "TTY=", 4) && !tsn_scan_is(&s, "PWD=", 4) &&
	    !tsn_scan_is(&s, "HOST=", 5)) {
		if (TSN_SCAN(&s, "(command continued) ")) {
			tsn_put_str(ctx, TSN_F_USER_NAME, user);
			tsn_put_some(ctx, TSN_F_PROCESS_COMMAND_LINE, tsn_scan_rest(&s));
			return TSN_OK;
		}
		reason = until(&s, TSN_SLICE(" ; "));
	}
	tsn_auth_put(ctx, reason.len > 0 ? &sudo_refused : &sudo_ran);
	tsn_put_str(ctx, TSN_F_USER_NAME, user);
	tsn_put_some(ctx, TSN_F_EVENT_REASON, reason);
	put_sudo_pairs(ctx, s);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_sudo = {
	.kind = TSN_DATASET_AUTH,
	.doc = "sudo",
	.programs = "sudo",
	.parse = parse_sudo,
};

static enum tsn_code
put_su(struct tsn_parse_ctx *ctx, bool ok, struct tsn_slice who, struct tsn_slice whom,
    struct tsn_slice tty)
{
	tsn_auth_put(ctx, ok ? &su_ok : &su_failed);
	tsn_put_some(ctx, TSN_F_USER_NAME, who);
	tsn_put_some(ctx, TSN_F_USER_EFFECTIVE_NAME, whom);
	tsn_put_some(ctx, TSN_F_SUDO_TTY, tty);
	return TSN_OK;
}

/* shadow: "Successful su for root by mike", "+ pts/0 mike:root"; util-linux: "(to root) mike on
 * pts/0", "FAILED SU (to root) mike on pts/0"; BSD: "BAD SU mike to root on /dev/ttyp0", "mike to
 * root on /dev/ttyp1"; Solaris: "'su root' failed for mike on /dev/pts/8" */
static enum tsn_code
parse_su(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_scan s = tsn_scan_of(body);
	struct tsn_slice who, whom, tty;
	bool ok = true;

	if ((ctx->syslog != NULL && ctx->syslog->qualifier.len > 0) ||
	    (body.len > 0 && (body.ptr[0] == 'p' || TSN_STARTS(body, "(pam_"))))
		return tsn_pam_parse(ctx, body);
	if (TSN_SCAN(&s, "Successful su for ") || (ok = !TSN_SCAN(&s, "FAILED su for "), !ok)) {
		whom = until(&s, TSN_SLICE(" by "));
		return put_su(ctx, ok, tsn_scan_rest(&s), whom, TSN_SLICE_NONE);
	}
	if (TSN_SCAN(&s, "+ ") || (ok = !TSN_SCAN(&s, "- "), !ok)) {
		tty = tsn_scan_word(&s);
		TSN_SCAN(&s, " ");
		who = tsn_scan_field(&s, ':');
		return put_su(ctx, ok, who, tsn_scan_rest(&s), tty);
	}
	if (TSN_SCAN(&s, "'su ")) {
		whom = until(&s, TSN_SLICE("' "));
		ok = !TSN_SCAN(&s, "failed for ") && TSN_SCAN(&s, "succeeded for ");
		who = until(&s, TSN_SLICE(" on "));
		return put_su(ctx, ok, who, whom, tsn_scan_rest(&s));
	}
	if (TSN_SCAN(&s, "failed: ")) {
		tty = until(&s, TSN_SLICE(" changing from "));
		who = until(&s, TSN_SLICE(" to "));
		return put_su(ctx, false, who, tsn_scan_rest(&s), tty);
	}
	ok = !TSN_SCAN(&s, "FAILED SU ") && !TSN_SCAN(&s, "BAD SU ");
	if (TSN_SCAN(&s, "(to ")) {
		whom = until(&s, TSN_SLICE(") "));
		who = until(&s, TSN_SLICE(" on "));
		return put_su(ctx, ok, who, whom, tsn_scan_rest(&s));
	}
	who = until(&s, TSN_SLICE(" to "));
	whom = until(&s, TSN_SLICE(" on "));
	if (who.len == 0 || whom.len == 0 || s.at == s.end)
		return TSN_OK;
	return put_su(ctx, ok, who, whom, tsn_scan_rest(&s));
}

const struct tsn_parser_desc tsn_parser_su = {
	.kind = TSN_DATASET_AUTH,
	.doc = "su",
	.programs = "su",
	.parse = parse_su,
};
