/*
 * OpenSSH's server.  What a client sends (a user name, a version string) may hold anything, blanks
 * and the words of other messages included: each form is read from the end that the server wrote.
 */
#include "parse/auth.h"

static const struct tsn_auth_what login_ok = TSN_AUTH_WHAT("authentication", "start", "ssh_login",
    "success");
static const struct tsn_auth_what login_failed = TSN_AUTH_WHAT("authentication", "start",
    "ssh_login", "failure");
static const struct tsn_auth_what invalid_user = TSN_AUTH_WHAT("authentication", "info",
    "ssh_invalid_user", "failure");

/* "192.0.2.1 port 22 ssh2", "192.0.2.1", "host.example": what is behind the port stays in s. */
static bool
put_peer(struct tsn_parse_ctx *ctx, struct tsn_scan *s)
{
	struct tsn_slice host = tsn_scan_word(s);

	if (host.len == 0)
		return false;
	tsn_put_address(ctx, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN, host);
	if (TSN_SCAN(s, " port "))
		tsn_put_num(ctx, TSN_F_SOURCE_PORT, tsn_scan_digits(s));
	return true;
}

/* "[invalid user ]USER": the prefix is the server's, a user may not begin with it. */
static void
put_user(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	struct tsn_scan s = tsn_scan_of(v);
	bool invalid = TSN_SCAN(&s, "invalid user ") || TSN_SCAN(&s, "illegal user ");

	tsn_put_str(ctx, TSN_F_USER_NAME, tsn_scan_rest(&s));
	if (invalid)
		tsn_put(ctx, &(struct tsn_field){.key = TSN_F_SSHD_INVALID_USER, .num.i = 1,
		    .type = TSN_T_BOOL});
}

/* ": RSA SHA256:..." behind "ssh2". */
static void
put_key(struct tsn_parse_ctx *ctx, struct tsn_scan *s)
{
	TSN_SCAN(s, " ssh2");
	if (!TSN_SCAN(s, ": "))
		return;
	tsn_put_some(ctx, TSN_F_SSHD_KEY_TYPE, tsn_scan_word(s));
	if (TSN_SCAN(s, " "))
		tsn_put_some(ctx, TSN_F_SSHD_KEY_HASH, tsn_scan_word(s));
}

/* "METHOD for USER from HOST port N ssh2[: KEY]" */
static enum tsn_code
parse_login(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	struct tsn_slice method = tsn_scan_word(&s), rest;
	size_t from;

	if (method.len == 0 || !TSN_SCAN(&s, " for "))
		return TSN_EPARSE;
	rest = tsn_scan_rest(&s);
	from = tsn_slice_rfind(rest, TSN_SLICE(" from "));
	if (from == SIZE_MAX)
		return TSN_EPARSE;
	tsn_auth_put(ctx, what);
	tsn_put_str(ctx, TSN_F_SSHD_METHOD, method);
	put_user(ctx, (struct tsn_slice){rest.ptr, from});
	s.at = rest.ptr + from + 6;
	put_peer(ctx, &s);
	put_key(ctx, &s);
	return TSN_OK;
}

/* "USER from HOST[ port N]" */
static enum tsn_code
parse_invalid(struct tsn_parse_ctx *ctx, struct tsn_scan s)
{
	struct tsn_slice rest = tsn_scan_rest(&s);
	size_t from = tsn_slice_rfind(rest, TSN_SLICE(" from "));

	if (from == SIZE_MAX)
		return TSN_EPARSE;
	tsn_auth_put(ctx, &invalid_user);
	tsn_put_str(ctx, TSN_F_USER_NAME, (struct tsn_slice){rest.ptr, from});
	tsn_put(ctx, &(struct tsn_field){.key = TSN_F_SSHD_INVALID_USER, .num.i = 1,
	    .type = TSN_T_BOOL});
	s.at = rest.ptr + from + 6;
	put_peer(ctx, &s);
	return TSN_OK;
}

static enum tsn_code
parse_sshd(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_scan s = tsn_scan_of(body);

	if (ctx->syslog != NULL && ctx->syslog->qualifier.len > 0)
		return tsn_pam_parse(ctx, body);
	switch (body.len > 0 ? body.ptr[0] : 0) {
	case 'A':
		if (TSN_SCAN(&s, "Accepted "))
			return parse_login(ctx, s, &login_ok);
		break;
	case 'F':
		if (TSN_SCAN(&s, "Failed "))
			return parse_login(ctx, s, &login_failed);
		break;
	case 'I':
		if (TSN_SCAN(&s, "Invalid user ") || TSN_SCAN(&s, "Illegal user "))
			return parse_invalid(ctx, s);
		break;
	case 'p':
		return tsn_pam_parse(ctx, body);
	default:
		break;
	}
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_sshd = {
	.kind = TSN_DATASET_AUTH,
	.doc = "logins of OpenSSH, PAM, sudo, su and account changes",
	.programs = "sshd sshd-session sshd-auth",
	.parse = parse_sshd,
};
