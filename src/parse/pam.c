/*
 * Linux-PAM: the lines its modules write in the name of any program.
 */
#include "parse/auth.h"

/* "root(uid=0)", "[root]", "root" : the name, and the id where it is there. */
static void
put_user(struct tsn_parse_ctx *ctx, tsn_key name_key, tsn_key id_key, struct tsn_slice v)
{
	size_t open = tsn_slice_find(v, TSN_SLICE("(uid="));

	if (v.len > 1 && v.ptr[0] == '[' && v.ptr[v.len - 1] == ']')
		v = (struct tsn_slice){v.ptr + 1, v.len - 2};
	if (open != SIZE_MAX && v.ptr[v.len - 1] == ')') {
		if (id_key != TSN_KEY_NONE)
			tsn_put_some(ctx, id_key, (struct tsn_slice){v.ptr + open + 5, v.len - open - 6});
		v.len = open;
	}
	tsn_put_some(ctx, name_key, v);
}

/* "opened for user root(uid=0) by (uid=0)", "closed for user root". */
static enum tsn_code
parse_session(struct tsn_parse_ctx *ctx, struct tsn_scan *s)
{
	static const struct tsn_auth_what opened = TSN_AUTH_WHAT("session", "start",
	    "session_opened", "success");
	static const struct tsn_auth_what closed = TSN_AUTH_WHAT("session", "end",
	    "session_closed", "success");
	bool open = TSN_SCAN(s, "opened for user ");
	struct tsn_slice rest;
	size_t by;

	if (!open && !TSN_SCAN(s, "closed for user "))
		return TSN_EPARSE;
	tsn_auth_put(ctx, open ? &opened : &closed);
	rest = tsn_scan_rest(s);
	by = open ? tsn_slice_rfind(rest, TSN_SLICE(" by ")) : SIZE_MAX;
	if (by == SIZE_MAX) {
		put_user(ctx, TSN_F_USER_NAME, TSN_F_USER_ID, rest);
		return TSN_OK;
	}
	put_user(ctx, TSN_F_USER_NAME, TSN_F_USER_ID, (struct tsn_slice){rest.ptr, by});
	put_user(ctx, TSN_F_SOURCE_USER_NAME, TSN_KEY_NONE, tsn_slice_from(rest, by + 4));
	return TSN_OK;
}

/*
 * Where " rhost=" stands that the server wrote: the last one, unless " user=" comes before it (then
 * it is part of that name).  The length of text when there is none.
 */
static size_t
pam_rhost(struct tsn_slice text)
{
	static const struct tsn_slice rhost = {" rhost=", 7}, user = {" user=", 6};
	size_t at = tsn_slice_find(text, rhost), next, last = at;

	while (last != SIZE_MAX && (next = tsn_slice_find(tsn_slice_from(text, last + rhost.len),
	    rhost)) != SIZE_MAX) {
		struct tsn_slice between = {text.ptr + last, next + rhost.len};

		if (tsn_slice_find(between, user) != SIZE_MAX)
			break;
		last += rhost.len + next;
	}
	return last == SIZE_MAX ? text.len : last;
}

/*
 * A value may be empty.  ruser and user are the client's, and may hold anything: `user` is the
 * last; behind `ruser` the last rhost= is the server's.
 */
void
tsn_pam_put_pairs(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	struct tsn_scan s = tsn_scan_of(text);
	struct tsn_slice name, value, ruser = TSN_SLICE_NONE;

	while (tsn_scan_blanks(&s), tsn_scan_to(&s, '=', &name)) {
		if (TSN_EQ(name, "user")) {
			value = tsn_scan_rest(&s);
			if (tsn_slice_ends(value, TSN_SLICE(" [preauth]")))
				value.len -= sizeof " [preauth]" - 1;
			tsn_put_some(ctx, TSN_F_USER_NAME, value);
			return;
		}
		if (TSN_EQ(name, "ruser")) {
			size_t host = pam_rhost(tsn_scan_rest(&s));

			value = (struct tsn_slice){s.at, host};
			s.at += host;
			tsn_put_some(ctx, TSN_F_PAM_RUSER, value);
			ruser = value;
			continue;
		}
		value = tsn_scan_word(&s);
		if (TSN_EQ(name, "rhost"))
			tsn_put_address(ctx, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN, value);
		else if (TSN_EQ(name, "tty"))
			tsn_put_some(ctx, TSN_F_PAM_TTY, value);
		else if (TSN_EQ(name, "uid"))
			tsn_put_some(ctx, TSN_F_USER_ID, value);
		else if (TSN_EQ(name, "euid"))
			tsn_put_some(ctx, TSN_F_USER_EFFECTIVE_ID, value);
		else if (TSN_EQ(name, "logname"))
			tsn_put_some(ctx, TSN_F_SOURCE_USER_NAME, value);
	}
	/* an FTP server tells the name that was tried there */
	tsn_put_some(ctx, TSN_F_USER_NAME, ruser);
}

static const struct tsn_auth_what auth_failure = TSN_AUTH_WHAT("authentication", "start",
    "pam_authentication", "failure");
static const struct tsn_auth_what auth_failures = TSN_AUTH_WHAT("authentication", "info",
    "pam_more_failures", "failure");
static const struct tsn_auth_what check_pass = TSN_AUTH_WHAT("authentication", "info",
    "pam_check_pass", "failure");

static const struct tsn_auth_what password_changed = TSN_AUTH_WHAT("iam", "change",
    "password_changed", "success");
static const struct tsn_auth_what account_locked = TSN_AUTH_WHAT("authentication", "info",
    "account_locked", "failure");
static const struct tsn_auth_what refused = TSN_AUTH_WHAT("authentication", "info",
    "pam_access_denied", "failure");

/* "password changed for U", "user U tally 5", "Consecutive login failures for user U ..." */
static bool
parse_account(struct tsn_parse_ctx *ctx, struct tsn_scan s)
{
	const struct tsn_auth_what *what = &refused;
	struct tsn_slice user;

	if (TSN_SCAN(&s, "password changed for ")) {
		tsn_auth_put(ctx, &password_changed);
		tsn_put_some(ctx, TSN_F_USER_NAME, tsn_scan_rest(&s));
		return true;
	}
	if (TSN_SCAN(&s, "Consecutive login failures for user "))
		what = &account_locked;
	else if (!TSN_SCAN(&s, "Refused user ") &&
	    !TSN_SCAN(&s, "auth could not identify password for "))
		return false;
	tsn_auth_put(ctx, what);
	user = tsn_scan_word(&s);
	put_user(ctx, TSN_F_USER_NAME, TSN_F_USER_ID, user);
	return true;
}

/* "2 more authentication failures; logname= ...": of one login, told when it ends. */
static bool
parse_more(struct tsn_parse_ctx *ctx, struct tsn_scan s)
{
	struct tsn_slice count = tsn_scan_digits(&s);

	if (count.len == 0 || !TSN_SCAN(&s, " more authentication failure"))
		return false;
	tsn_auth_put(ctx, &auth_failures);
	tsn_put_num(ctx, TSN_F_EVENT_COUNT, count);
	tsn_scan_field(&s, ';');
	tsn_pam_put_pairs(ctx, tsn_scan_rest(&s));
	return true;
}

/* The text behind "pam_unix(sshd:auth): ". */
static void
parse_text(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_scan s = tsn_scan_of(body);

	ctx->ev->dataset = TSN_SLICE(TSN_DATASET_AUTH);
	if (TSN_SCAN(&s, "session ") && parse_session(ctx, &s) == TSN_OK)
		return;
	if (parse_more(ctx, s))
		return;
	if (TSN_SCAN(&s, "authentication failure")) {
		tsn_auth_put(ctx, &auth_failure);
		if (TSN_SCAN(&s, ";"))
			tsn_pam_put_pairs(ctx, tsn_scan_rest(&s));
		return;
	}
	if (TSN_SCAN(&s, "check pass; user unknown"))
		tsn_auth_put(ctx, &check_pass);
	else if (!parse_account(ctx, s))
		tsn_put_some(ctx, TSN_F_EVENT_CATEGORY, TSN_SLICE("authentication"));
}

/* "pam_unix(sshd:auth): ", "(pam_unix) ", "pam_unix: " */
static bool
scan_origin(struct tsn_scan *s, struct tsn_slice *ret_module, struct tsn_slice *ret_service)
{
	bool paren = TSN_SCAN(s, "(");
	const char *from = s->at;

	*ret_service = TSN_SLICE_NONE;
	if (!TSN_SCAN(s, "pam_"))
		return false;
	while (s->at < s->end && s->at < from + 32 && *s->at >= '0' && *s->at != ':')
		s->at++;
	*ret_module = (struct tsn_slice){from, (size_t)(s->at - from)};
	if (paren)
		return TSN_SCAN(s, ") ");
	if (TSN_SCAN(s, "(") && !tsn_scan_to(s, ')', ret_service))
		return false;
	return TSN_SCAN(s, ": ");
}

enum tsn_code
tsn_pam_parse(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_scan s = tsn_scan_of(body);
	struct tsn_slice module, service, type;

	if (ctx->syslog != NULL && TSN_STARTS(ctx->syslog->qualifier, "pam_")) {
		tsn_put_str(ctx, TSN_F_EVENT_PROVIDER, TSN_SLICE("pam"));
		tsn_put_str(ctx, TSN_F_PAM_MODULE, ctx->syslog->qualifier);
		tsn_put_str(ctx, TSN_F_PAM_SERVICE, ctx->syslog->program);
		parse_text(ctx, body);
		return TSN_OK;
	}
	if (TSN_SCAN(&s, "authentication failure; ")) {
		tsn_put_str(ctx, TSN_F_EVENT_PROVIDER, TSN_SLICE("pam"));
		parse_text(ctx, body);
		return TSN_OK;
	}
	if (!scan_origin(&s, &module, &service))
		return TSN_EPARSE;
	type = TSN_SLICE_NONE;
	if (tsn_slice_find_char(service, ':') != SIZE_MAX) {
		size_t colon = tsn_slice_find_char(service, ':');

		type = tsn_slice_from(service, colon + 1);
		service.len = colon;
	}
	tsn_put_str(ctx, TSN_F_EVENT_PROVIDER, TSN_SLICE("pam"));
	tsn_put_str(ctx, TSN_F_PAM_MODULE, module);
	tsn_put_some(ctx, TSN_F_PAM_SERVICE, service);
	tsn_put_some(ctx, TSN_F_PAM_TYPE, type);
	parse_text(ctx, tsn_scan_rest(&s));
	return TSN_OK;
}

static enum tsn_probe
probe_pam(struct tsn_slice s)
{
	return TSN_STARTS(s, "pam_") || TSN_STARTS(s, "(pam_") ? TSN_PROBE_YES : TSN_PROBE_NO;
}

const struct tsn_parser_desc tsn_parser_pam = {
	.kind = TSN_DATASET_AUTH,
	.doc = "lines of PAM modules in the syslog of any program",
	.first = "p(",
	.programs = "(pam)",
	.flags = TSN_PARSER_BODY_ONLY,
	.probe = probe_pam,
	.parse = tsn_pam_parse,
};
