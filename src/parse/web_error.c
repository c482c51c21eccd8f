/*
 * Error logs of Apache httpd 2.2 and 2.4 and of nginx.
 *
 *	[Thu Jul 11 01:21:43 2013] [error] [client 192.0.2.1] text, referer: http://...
 *	[Thu Jul 11 01:21:43.1 2013] [core:error] [pid 1:tid 2] [client 192.0.2.1:80] AH00135: text
 *	2015/01/21 10:57:10 [error] 2833#0: *16 text, client: 192.0.2.1, server: x, request: "...", ...
 */
#include "parse/web.h"

/* [id "981205"] [msg "..."] [uri "/x"]: what ModSecurity puts behind its message. */
static void
put_modsecurity(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	struct tsn_scan s = tsn_scan_of(text);
	struct tsn_slice name, value;
	bool escaped;

	TSN_PUT_LIT(ctx, TSN_F_EVENT_MODULE, "modsecurity");
	for (unsigned n = 0; n < 64 && tsn_scan_to(&s, '[', &name); n++) {
		struct tsn_scan in = s;

		name = tsn_scan_word(&in);
		tsn_scan_blanks(&in);
		if (!tsn_web_quoted(&in, &value, &escaped))
			continue;
		s = in;
		if (escaped)
			value = tsn_web_unescape(ctx, value);
		if (TSN_EQ(name, "id"))
			tsn_put_some(ctx, TSN_F_RULE_ID, value);
		else if (TSN_EQ(name, "msg"))
			tsn_put_some(ctx, TSN_F_RULE_NAME, value);
		else if (TSN_EQ(name, "uri"))
			tsn_put_some(ctx, TSN_F_URL_PATH, value);
		else if (TSN_EQ(name, "hostname"))
			tsn_put_some(ctx, TSN_F_URL_DOMAIN, value);
		else if (TSN_EQ(name, "tag"))
			tsn_event_append_str(ctx->batch, TSN_F_TAGS, value);
	}
}

/* "AH01618: " and "(13)Permission denied: " before the text. */
static struct tsn_slice
error_code(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	struct tsn_scan s = tsn_scan_of(text);
	struct tsn_slice code;

	if (TSN_SCAN(&s, "AH") && tsn_scan_digits(&s).len >= 4 && tsn_scan_is(&s, ": ", 2)) {
		code = tsn_slice_of(text.ptr, (size_t)(s.at - text.ptr));
		tsn_put_str(ctx, TSN_F_ERROR_CODE, code);
		return tsn_slice_from(text, code.len + 2);
	}
	return text;
}

static void
put_auth(struct tsn_parse_ctx *ctx, struct tsn_slice user)
{
	TSN_PUT_LIT(ctx, TSN_F_EVENT_ACTION, "web_login");
	TSN_PUT_LIT(ctx, TSN_F_EVENT_OUTCOME, "failure");
	tsn_put_some(ctx, TSN_F_USER_NAME, user);
}

/* Texts of the authentication modules that name a user. */
static void
put_user_of(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	struct tsn_scan s = tsn_scan_of(text);
	struct tsn_slice rest;
	size_t end;

	(void)TSN_SCAN(&s, "Digest: ");
	if (TSN_SCAN(&s, "user `")) {
		rest = tsn_scan_rest(&s);
		end = tsn_slice_find_char(rest, '\'');
	} else if (TSN_SCAN(&s, "user \"")) {
		rest = tsn_scan_rest(&s);
		end = tsn_slice_find_char(rest, '"');
	} else if (TSN_SCAN(&s, "PAM: user '")) {
		rest = tsn_scan_rest(&s);
		end = tsn_slice_find(rest, TSN_SLICE("' - not authenticated"));
	} else if (TSN_SCAN(&s, "user ")) {
		rest = tsn_scan_rest(&s);
		end = tsn_slice_find(rest, TSN_SLICE(": authentication failure for "));
		if (end == SIZE_MAX)
			end = tsn_slice_find(rest, TSN_SLICE(" not found: "));
		if (end == SIZE_MAX)
			end = tsn_slice_find(rest, TSN_SLICE(": password mismatch"));
	} else {
		return;
	}
	if (end == SIZE_MAX)
		return;
	rest.len = end;
	put_auth(ctx, rest);
}

static void
put_kind(struct tsn_parse_ctx *ctx)
{
	TSN_PUT_LIT(ctx, TSN_F_EVENT_CATEGORY, "web");
	TSN_PUT_LIT(ctx, TSN_F_EVENT_TYPE, "error");
}

static void
put_text(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	size_t ref = tsn_slice_rfind(text, TSN_SLICE(", referer: "));
	struct tsn_slice whole = text;

	if (ref != SIZE_MAX) {
		tsn_put_some(ctx, TSN_F_HTTP_REQUEST_REFERRER, tsn_slice_from(text, ref + 11));
		text.len = ref;
	}
	text = error_code(ctx, text);
	if (ctx->syslog == NULL)
		tsn_put_str(ctx, TSN_F_MESSAGE, text);
	if (TSN_STARTS(text, "ModSecurity: "))
		put_modsecurity(ctx, whole);
	else
		put_user_of(ctx, text);
}

static bool
is_level(struct tsn_slice v)
{
	static const char *const levels[] = {"emerg", "alert", "crit", "error", "warn", "notice",
	    "info", "debug", "trace1", "trace2", "trace3", "trace4", "trace5", "trace6", "trace7",
	    "trace8"};

	for (size_t i = 0; i < TSN_COUNT(levels); i++)
		if (tsn_slice_eq(v, tsn_slice_cstr(levels[i])))
			return true;
	return false;
}

/* What stands between brackets behind the time; false when it is none of what Apache writes. */
static bool
put_bracket(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	struct tsn_scan s = tsn_scan_of(v);
	struct tsn_slice level = v;
	size_t colon;

	if (TSN_SCAN(&s, "client ") || TSN_SCAN(&s, "remote ")) {
		tsn_web_put_client(ctx, tsn_scan_rest(&s));
		return true;
	}
	if (TSN_SCAN(&s, "pid ")) {
		tsn_put_num(ctx, TSN_F_PROCESS_PID, tsn_scan_digits(&s));
		if (TSN_SCAN(&s, ":tid "))
			tsn_put_num(ctx, TSN_F_PROCESS_THREAD_ID, tsn_scan_rest(&s));
		return true;
	}
	colon = tsn_slice_find_char(v, ':');
	if (colon != SIZE_MAX)
		level = tsn_slice_from(v, colon + 1);
	if (!is_level(level))
		return false;
	if (colon != SIZE_MAX && colon > 0)
		tsn_put_str(ctx, TSN_F_APACHE_ERROR_MODULE, tsn_slice_of(v.ptr, colon));
	tsn_put_str(ctx, TSN_F_LOG_LEVEL, level);
	return true;
}

static enum tsn_code
parse_apache_error(struct tsn_parse_ctx *ctx, struct tsn_slice record)
{
	struct tsn_scan s = tsn_scan_of(record), ahead;
	struct tsn_date d = {TSN_TIME_NONE, false};
	struct tsn_slice v, before = TSN_SLICE_NONE;
	unsigned known = 0;
	bool timed = false;

	put_kind(ctx);
	for (unsigned n = 0; n < 8; n++) {
		tsn_scan_blanks(&s);
		ahead = s;
		if (TSN_SCAN(&ahead, "(")) {	/* "(13)Permission denied: [client ...]" */
			const char *from = s.at, *hit = memmem(from, tsn_scan_left(&s), ": [client ", 10);

			if (hit == NULL || before.len > 0)
				break;
			before = tsn_slice_of(from, (size_t)(hit - from));
			s.at = hit + 2;
			continue;
		}
		if (!TSN_SCAN(&ahead, "[") || !tsn_scan_to(&ahead, ']', &v) || v.len > 256)
			break;
		if (v.len > 8 && TSN_STARTS(v, "client [")) {	/* [client [2001:db8::1]:80] */
			const char *from = s.at + 1;

			if (!tsn_scan_to(&ahead, ']', &v))
				break;
			v = tsn_slice_of(from, (size_t)(ahead.at - 1 - from));
		}
		if (!timed && n == 0 && tsn_date_asctime(&ctx->date, v, &d) > 0) {
			timed = true;
			tsn_parse_set_time(ctx, &d);
		} else if (put_bracket(ctx, v)) {
			known++;
		} else {
			break;
		}
		s = ahead;
	}
	if (known == 0)
		return TSN_EPARSE;
	tsn_put_some(ctx, TSN_F_ERROR_MESSAGE, before);
	tsn_scan_blanks(&s);
	put_text(ctx, tsn_scan_rest(&s));
	return TSN_OK;
}

static enum tsn_probe
probe_apache_error(struct tsn_slice s)
{
	struct tsn_scan c = tsn_scan_of(s);
	struct tsn_slice v;

	if (s.len > 26 && s.ptr[4] == ' ' && s.ptr[8] == ' ' && s.ptr[14] == ':' && s.ptr[17] == ':' &&
	    tsn_date_month(s.ptr + 5) != 0)
		return TSN_PROBE_YES;
	if (!TSN_SCAN(&c, "[") || !tsn_scan_to(&c, ']', &v) || v.len > 64)
		return TSN_PROBE_NO;
	if (tsn_slice_find_char(v, ':') != SIZE_MAX)
		v = tsn_slice_from(v, tsn_slice_find_char(v, ':') + 1);
	if (!is_level(v))
		return TSN_PROBE_NO;
	return tsn_scan_is(&c, " [client ", 9) || tsn_scan_is(&c, " [pid ", 6) ? TSN_PROBE_YES :
										TSN_PROBE_MAYBE;
}

/* ", client: 192.0.2.1, server: x, request: "GET / HTTP/1.1", ..." behind the text. */
static void
put_nginx_pairs(struct tsn_parse_ctx *ctx, struct tsn_scan s)
{
	for (unsigned n = 0; n < 16 && s.at < s.end; n++) {
		struct tsn_slice name, v;
		bool escaped = false;

		(void)TSN_SCAN(&s, ", ");
		if (!tsn_scan_to(&s, ':', &name) || name.len > 32)
			return;
		tsn_scan_blanks(&s);
		if (s.at < s.end && *s.at == '"') {
			if (!tsn_web_quoted(&s, &v, &escaped))
				return;
			if (escaped)
				v = tsn_web_unescape(ctx, v);
		} else {
			const char *from = s.at, *hit = memmem(from, tsn_scan_left(&s), ", ", 2);

			s.at = hit == NULL ? s.end : hit;
			v = tsn_slice_of(from, (size_t)(s.at - from));
		}
		if (TSN_EQ(name, "client"))
			tsn_web_put_client(ctx, v);
		else if (TSN_EQ(name, "server"))
			tsn_put_some(ctx, TSN_F_DESTINATION_DOMAIN, v);
		else if (TSN_EQ(name, "request"))
			tsn_web_put_request(ctx, v);
		else if (TSN_EQ(name, "upstream"))
			tsn_put_some(ctx, TSN_F_NGINX_ERROR_UPSTREAM, v);
		else if (TSN_EQ(name, "host"))
			tsn_put_some(ctx, TSN_F_URL_DOMAIN, v);
		else if (TSN_EQ(name, "referrer"))
			tsn_put_some(ctx, TSN_F_HTTP_REQUEST_REFERRER, v);
	}
}

static enum tsn_code
parse_nginx_error(struct tsn_parse_ctx *ctx, struct tsn_slice record)
{
	struct tsn_scan s = tsn_scan_of(record), ahead;
	struct tsn_date d = {TSN_TIME_NONE, false};
	struct tsn_slice level, text, pid;
	size_t n, pairs;

	(void)tsn_scan_text(&s, "host nginx: ", 12);	/* journald's prefix, when it stands twice */
	n = tsn_date_iso(&ctx->date, tsn_scan_rest(&s), &d);
	if (n == 0)
		return ctx->syslog != NULL ? tsn_web_parse_access(ctx, record) : TSN_EPARSE;
	s.at += n;
	if (!TSN_SCAN(&s, " [") || !tsn_scan_to(&s, ']', &level) || !is_level(level))
		return TSN_EPARSE;
	tsn_parse_set_time(ctx, &d);
	put_kind(ctx);
	tsn_put_str(ctx, TSN_F_LOG_LEVEL, level);
	tsn_scan_blanks(&s);
	ahead = s;
	pid = tsn_scan_digits(&ahead);
	if (pid.len > 0 && (TSN_SCAN(&ahead, "#") || TSN_SCAN(&ahead, ":"))) {
		tsn_put_num(ctx, TSN_F_PROCESS_PID, pid);
		tsn_put_num(ctx, TSN_F_PROCESS_THREAD_ID, tsn_scan_digits(&ahead));
		(void)TSN_SCAN(&ahead, ":");
		tsn_scan_blanks(&ahead);
		s = ahead;
	}
	if (TSN_SCAN(&s, "*")) {
		tsn_put_num(ctx, TSN_F_NGINX_ERROR_CONNECTION_ID, tsn_scan_digits(&s));
		tsn_scan_blanks(&s);
	}
	text = tsn_scan_rest(&s);
	pairs = tsn_slice_find(text, TSN_SLICE(", client: "));
	if (pairs != SIZE_MAX) {
		struct tsn_slice rest = tsn_slice_from(text, pairs);

		text.len = pairs;
		put_nginx_pairs(ctx, tsn_scan_of(rest));
	}
	if (ctx->syslog == NULL)
		tsn_put_str(ctx, TSN_F_MESSAGE, text);
	put_user_of(ctx, text);
	return TSN_OK;
}

static enum tsn_probe
probe_nginx_error(struct tsn_slice s)
{
	if (s.len < 24 || s.ptr[4] != '/' || s.ptr[7] != '/' || s.ptr[10] != ' ' || s.ptr[13] != ':')
		return TSN_PROBE_NO;
	return s.ptr[19] == ' ' && s.ptr[20] == '[' ? TSN_PROBE_YES : TSN_PROBE_NO;
}

const struct tsn_parser_desc tsn_parser_apache_error = {
	.kind = "apache.error",
	.doc = "Apache httpd error log, 2.2 and 2.4, with ModSecurity's messages",
	.first = "[",
	.programs = "httpd apache apache2 modsecurity",
	.flags = TSN_PARSER_BODY,
	.probe = probe_apache_error,
	.parse = parse_apache_error,
};

const struct tsn_parser_desc tsn_parser_nginx_error = {
	.kind = "nginx.error",
	.doc = "nginx error log",
	.first = "0123456789",
	.programs = "nginx",
	.flags = TSN_PARSER_BODY,
	.probe = probe_nginx_error,
	.parse = parse_nginx_error,
};
