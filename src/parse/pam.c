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
	struct tsn_slice name, value;

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
}

static const struct tsn_auth_what auth_failure = TSN_AUTH_WHAT("authentication", "start",
    "pam_authentication", "failure");
static const struct tsn_auth_what check_pass = TSN_AUTH_WHAT("authentication", "info",
    "pam_check_pass", "failure");

/* The text behind "pam_unix(sshd:auth): ". */
static void
parse_text(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_scan s = tsn_scan_of(body);

	if (TSN_SCAN(&s, "session ")) {
		parse_session(ctx, &s);
	} else if (TSN_SCAN(&s, "authentication failure")) {
		tsn_auth_put(ctx, &auth_failure);
		if (TSN_SCAN(&s, ";"))
			tsn_pam_put_pairs(ctx, tsn_scan_rest(&s));
	} else if (TSN_SCAN(&s, "check pass; user unknown")) {
		tsn_auth_put(ctx, &check_pass);
	} else {
		tsn_put_some(ctx, TSN_F_EVENT_CATEGORY, TSN_SLICE("authentication"));
	}
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
	if (!tsn_scan_is(&s, "pam_", 4) || !tsn_scan_to(&s, '(', &module) || module.len > 32 ||
	    !tsn_scan_to(&s, ')', &service) || !TSN_SCAN(&s, ": "))
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
	return TSN_STARTS(s, "pam_") ? TSN_PROBE_YES : TSN_PROBE_NO;
}

const struct tsn_parser_desc tsn_parser_pam = {
	.kind = TSN_DATASET_AUTH,
	.doc = "lines of PAM modules in the syslog of any program",
	.first = "p",
	.flags = TSN_PARSER_BODY_ONLY,
	.probe = probe_pam,
	.parse = tsn_pam_parse,
};
