/*
 * Access logs in the common log format and what grew out of it: combined, combinedio, a virtual
 * host first or behind the time, X-Forwarded-For first or last, fields of one's own at the end.
 *
 *	[vhost[:port]] client identity user [time] "request" status bytes ["referrer" "agent"] ...
 */
#include "parse/web.h"

/* Clients, names and users before the time are within this, or it is no access log. */
#define HEAD_MAX 1024u

/* The '[' of "[10/Oct/2000:13:55:36" in s, or NULL. */
static const char *
find_time(struct tsn_slice s)
{
	const char *p = s.ptr, *end = s.ptr + (s.len < HEAD_MAX ? s.len : HEAD_MAX);

	while (p < end && (p = memchr(p, '[', (size_t)(end - p))) != NULL) {
		const char *q = p + 1;

		if (s.ptr + s.len - q < 20)
			return NULL;
		q += tsn_is_digit(q[0]) && tsn_is_digit(q[1]) ? 2 : 1;
		if (tsn_is_digit(p[1]) && q[0] == '/' && q[4] == '/' && tsn_is_digit(q[5]))
			return p;
		p++;
	}
	return NULL;
}

/* A syslog header before it: the line is syslog's. */
static bool
in_syslog(struct tsn_slice s)
{
	if (s.len < 16 || s.ptr[0] == '<')
		return true;
	return (s.ptr[3] == ' ' && s.ptr[9] == ':' && s.ptr[12] == ':') ||
	    (s.ptr[4] == '-' && s.ptr[7] == '-' && tsn_is_digit(s.ptr[3]) && tsn_is_digit(s.ptr[8]));
}

static enum tsn_probe
probe_access(struct tsn_slice s)
{
	const char *t = in_syslog(s) ? NULL : find_time(s);

	return t != NULL && t > s.ptr && t[-1] == ' ' ? TSN_PROBE_YES : TSN_PROBE_NO;
}

/* "10/Oct/2000:13:55:36 -0700]": cursor at the digit, then behind the bracket. */
static bool
scan_time(struct tsn_parse_ctx *ctx, struct tsn_scan *s)
{
	struct tsn_slice text;
	struct tsn_date d = {TSN_TIME_NONE, false};
	char fixed[40];

	if (!tsn_scan_to(s, ']', &text) || text.len > sizeof fixed - 2)
		return false;
	/* a day of one digit, a blank before the hour: as the format has it */
	if (text.len > 12 && (text.ptr[1] == '/' || text.ptr[11] == ' ')) {
		size_t pad = text.ptr[1] == '/';

		fixed[0] = '0';
		memcpy(fixed + pad, text.ptr, text.len);
		fixed[11] = ':';
		text = tsn_slice_of(fixed, text.len + pad);
	}
	if (tsn_date_clf(&ctx->date, text, &d) == 0)
		return false;
	tsn_parse_set_time(ctx, &d);
	return true;
}

static void
put_forwarded(struct tsn_parse_ctx *ctx, struct tsn_slice list)
{
	struct tsn_scan s = tsn_scan_of(list);
	struct tsn_slice first = tsn_slice_trim(tsn_scan_field(&s, ','));

	if (tsn_scan_is_ip(first))
		tsn_put_str(ctx, TSN_F_NETWORK_FORWARDED_IP, first);
}

static bool
is_host(struct tsn_slice v)
{
	struct tsn_slice port;

	return tsn_scan_is_ip(v) || tsn_scan_is_ip(tsn_web_split_port(v, &port));
}

/* What stands before the time. */
static void
parse_head(struct tsn_parse_ctx *ctx, struct tsn_slice head)
{
	struct tsn_scan s = tsn_scan_of(tsn_slice_trim(head)), ahead;
	struct tsn_slice client = tsn_scan_word(&s), second, user, port;

	if (client.len > 0 && client.ptr[client.len - 1] == ',') {	/* X-Forwarded-For first */
		client.len--;
		while (s.at < s.end && s.at[-1] == ',') {
			tsn_scan_blanks(&s);
			(void)tsn_scan_word(&s);
		}
	}
	tsn_scan_blanks(&s);
	ahead = s;
	second = tsn_scan_word(&ahead);
	if (second.len > 1 && is_host(second)) {	/* a virtual host first */
		client = tsn_web_split_port(client, &port);
		if (tsn_web_has(client))
			tsn_put_str(ctx, TSN_F_DESTINATION_DOMAIN, client);
		tsn_put_num(ctx, TSN_F_DESTINATION_PORT, port);
		client = second;
		s = ahead;
		tsn_scan_blanks(&s);
	}
	tsn_web_put_client(ctx, client);
	user = tsn_scan_word(&s);	/* the identity of RFC 1413 */
	if (tsn_web_has(user))
		tsn_put_str(ctx, TSN_F_WEB_ACCESS_IDENTITY, user);
	tsn_scan_blanks(&s);
	user = tsn_scan_rest(&s);
	if (user.len > 2 && user.ptr[0] == '"' && user.ptr[user.len - 1] == '"')
		user = tsn_slice_of(user.ptr + 1, user.len - 2);
	if (tsn_web_has(user))
		tsn_put_str(ctx, TSN_F_USER_NAME, user);
}

/* What stands behind the user agent: known shapes by themselves, all of it as web.access.extra. */
static void
parse_extra(struct tsn_parse_ctx *ctx, struct tsn_scan s)
{
	struct tsn_slice all, v, w;
	bool escaped;

	tsn_scan_blanks(&s);
	all = tsn_slice_trim(tsn_scan_rest(&s));
	if (!tsn_web_has(all) || TSN_EQ(all, "\"-\""))
		return;
	tsn_put_str(ctx, TSN_F_WEB_ACCESS_EXTRA, all);
	if (tsn_web_quoted(&s, &v, &escaped)) {
		put_forwarded(ctx, v);
		return;
	}
	v = tsn_scan_word(&s);
	tsn_scan_blanks(&s);
	w = tsn_scan_word(&s);
	tsn_scan_blanks(&s);
	if (s.at < s.end || v.len == 0 || w.len == 0)
		return;
	for (size_t i = 0; i < v.len; i++)
		if (!tsn_is_digit(v.ptr[i]))
			return;
	for (size_t i = 0; i < w.len; i++)
		if (!tsn_is_digit(w.ptr[i]))
			return;
	tsn_put_num(ctx, TSN_F_HTTP_REQUEST_BYTES, v);	/* combinedio */
	tsn_put_num(ctx, TSN_F_HTTP_RESPONSE_BYTES, w);
}

/* Everything behind the time; TSN_ELIMIT when a quote does not close. */
static enum tsn_code
parse_rest(struct tsn_parse_ctx *ctx, struct tsn_scan *s)
{
	struct tsn_slice v;
	bool escaped;

	tsn_scan_blanks(s);
	if (s->at < s->end && *s->at != '"') {	/* "%t %v "%r"" */
		v = tsn_scan_word(s);
		if (tsn_web_has(v))
			tsn_put_str(ctx, TSN_F_DESTINATION_DOMAIN, v);
		tsn_scan_blanks(s);
	}
	if (s->at == s->end || *s->at != '"')
		return TSN_EPARSE;
	if (!tsn_web_quoted(s, &v, &escaped))
		return TSN_ELIMIT;
	tsn_web_put_request(ctx, escaped ? tsn_web_unescape(ctx, v) : v);
	tsn_scan_blanks(s);
	tsn_web_put_status(ctx, tsn_scan_word(s));
	tsn_scan_blanks(s);
	v = s->at < s->end && *s->at != '"' ? tsn_scan_word(s) : TSN_SLICE_NONE;
	if (v.len > 0 && tsn_is_digit(v.ptr[0]))
		tsn_put_num(ctx, TSN_F_HTTP_RESPONSE_BODY_BYTES, v);
	tsn_scan_blanks(s);
	if (s->at == s->end || *s->at != '"') {
		parse_extra(ctx, *s);
		return TSN_OK;
	}
	if (!tsn_web_quoted(s, &v, &escaped))
		return TSN_ELIMIT;
	if (tsn_web_has(v))
		tsn_put_str(ctx, TSN_F_HTTP_REQUEST_REFERRER, escaped ? tsn_web_unescape(ctx, v) : v);
	tsn_scan_blanks(s);
	if (s->at < s->end && *s->at == '"') {
		if (!tsn_web_quoted(s, &v, &escaped))
			return TSN_ELIMIT;
		if (tsn_web_has(v))
			tsn_put_str(ctx, TSN_F_USER_AGENT_ORIGINAL,
			    escaped ? tsn_web_unescape(ctx, v) : v);
	}
	parse_extra(ctx, *s);
	return TSN_OK;
}

/* The two write the same format; the name of the file tells. */
static bool
from_nginx(struct tsn_parse_ctx *ctx)
{
	static const char owner;
	struct { bool known, nginx; } *st;

	if (ctx->syslog != NULL)
		return TSN_EQ(ctx->syslog->program, "nginx");
	st = tsn_parse_state(ctx, &owner, sizeof *st, NULL);
	if (st == NULL)
		return false;
	if (!st->known) {
		st->known = true;
		st->nginx = tsn_slice_find(ctx->source->path, TSN_SLICE("nginx")) != SIZE_MAX;
	}
	return st->nginx;
}

enum tsn_code
tsn_web_parse_access(struct tsn_parse_ctx *ctx, struct tsn_slice record)
{
	const char *t = find_time(record);
	uint32_t fields = ctx->ev->field_count;
	enum tsn_code code;
	struct tsn_scan s;

	if (t == NULL)
		return TSN_EPARSE;
	if (from_nginx(ctx))
		ctx->ev->dataset = TSN_SLICE("nginx.access");
	s = (struct tsn_scan){t + 1, record.ptr + record.len};
	if (!scan_time(ctx, &s))
		return TSN_EPARSE;
	TSN_PUT_LIT(ctx, TSN_F_EVENT_CATEGORY, "web");
	TSN_PUT_LIT(ctx, TSN_F_EVENT_TYPE, "access");
	parse_head(ctx, tsn_slice_of(record.ptr, (size_t)(t - record.ptr)));
	code = parse_rest(ctx, &s);
	if (code != TSN_ELIMIT)
		return code;
	ctx->ev->field_count = fields;
	tsn_event_fail(ctx->batch, TSN_SLICE("access log: a double quote is not closed"));
	tsn_put_str(ctx, TSN_F_MESSAGE, record);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_access = {
	.kind = "apache.access",
	.doc = "access logs in the common or combined format (Apache, nginx and many others)",
	.flags = TSN_PARSER_BODY,
	.probe = probe_access,
	.parse = tsn_web_parse_access,
};

/* By content they are one format; this is for those who name the kind. */
static enum tsn_probe
probe_named(struct tsn_slice text)
{
	(void)text;
	return TSN_PROBE_NO;
}

const struct tsn_parser_desc tsn_parser_nginx_access = {
	.kind = "nginx.access",
	.doc = "the same of nginx, known by the file's path or by this name",
	.probe = probe_named,
	.parse = tsn_web_parse_access,
};
