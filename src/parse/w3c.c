/*
 * W3C extended logs, as IIS and others write them: "#Fields:" says what the columns are, for all
 * lines of the source that follow.  Lines before any such header are read as IIS's own layouts.
 */
#include "parse/web.h"

#define COLUMNS_MAX 64u

enum column {
	C_OTHER, C_DATE, C_TIME, C_SITE, C_COMPUTER, C_SERVER_IP, C_METHOD, C_STEM, C_QUERY, C_URI,
	C_PORT, C_USER, C_CLIENT, C_VERSION, C_AGENT, C_COOKIE, C_REFERRER, C_HOST, C_STATUS,
	C_SUBSTATUS, C_WIN32, C_SC_BYTES, C_CS_BYTES, C_TAKEN, C_FORWARDED, C_CLIENT_PORT, C__COUNT
};

static const struct {
	const char *name;
	enum column column;
} names[] = {
	{"date", C_DATE}, {"time", C_TIME}, {"date-local", C_DATE}, {"time-local", C_TIME},
	{"s-sitename", C_SITE}, {"s-computername", C_COMPUTER}, {"s-ip", C_SERVER_IP},
	{"cs-method", C_METHOD}, {"cs-uri-stem", C_STEM}, {"cs-uri-query", C_QUERY},
	{"cs-uri", C_URI}, {"s-port", C_PORT}, {"cs-username", C_USER}, {"c-auth-id", C_USER},
	{"c-ip", C_CLIENT}, {"c-port", C_CLIENT_PORT}, {"cs-version", C_VERSION},
	{"cs(User-Agent)", C_AGENT}, {"cs(Cookie)", C_COOKIE}, {"cs(Referer)", C_REFERRER},
	{"cs(Referrer)", C_REFERRER}, {"cs-host", C_HOST}, {"cs(Host)", C_HOST},
	{"sc-status", C_STATUS}, {"sc-substatus", C_SUBSTATUS}, {"sc-win32-status", C_WIN32},
	{"sc-bytes", C_SC_BYTES}, {"bytes", C_SC_BYTES}, {"cs-bytes", C_CS_BYTES},
	{"time-taken", C_TAKEN}, {"TimeTakenMS", C_TAKEN}, {"x-forwarded-for", C_FORWARDED},
	{"X-Forwarded-For", C_FORWARDED}, {"X-FORWARDED-FOR", C_FORWARDED},
};

struct state {
	unsigned char columns[COLUMNS_MAX];
	unsigned count;
};

static const char owner;

/* The next value: words are parted by blanks or tabs, a quoted one may hold them. */
static struct tsn_slice
next_value(struct tsn_scan *s)
{
	struct tsn_slice v;

	tsn_scan_blanks(s);
	if (TSN_SCAN(s, "\"")) {	/* "" inside is a quote */
		const char *from = s->at;

		while (s->at < s->end && !(*s->at == '"' && (s->at + 1 == s->end || s->at[1] != '"')))
			s->at += *s->at == '"' ? 2 : 1;
		v = tsn_slice_of(from, (size_t)(s->at - from));
		if (s->at < s->end)
			s->at++;
		return v;
	}
	return tsn_scan_word(s);
}

static enum column
column_of(struct tsn_slice name)
{
	for (size_t i = 0; i < TSN_COUNT(names); i++)
		if (tsn_slice_eq(name, tsn_slice_cstr(names[i].name)))
			return names[i].column;
	return C_OTHER;
}

static void
read_fields(struct state *st, struct tsn_scan s)
{
	st->count = 0;
	for (;;) {
		struct tsn_slice name = next_value(&s);

		if (name.len == 0 || st->count == COLUMNS_MAX)
			return;
		st->columns[st->count++] = (unsigned char)column_of(name);
	}
}

/* '+' stands for a blank. */
static struct tsn_slice
plus(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	char *out;

	if (v.len == 0 || memchr(v.ptr, '+', v.len) == NULL || memchr(v.ptr, ' ', v.len) != NULL)
		return v;
	out = tsn_arena_alloc(&ctx->batch->arena, v.len);
	if (out == NULL)
		return v;
	for (size_t i = 0; i < v.len; i++)
		out[i] = v.ptr[i] == '+' ? ' ' : v.ptr[i];
	return tsn_slice_of(out, v.len);
}

static void
put_opt(struct tsn_parse_ctx *ctx, tsn_key key, struct tsn_slice v)
{
	if (tsn_web_has(v))
		tsn_put_str(ctx, key, v);
}

static void
put_count(struct tsn_parse_ctx *ctx, tsn_key key, struct tsn_slice v)
{
	if (v.len > 0 && tsn_is_digit(v.ptr[0]))
		tsn_put_num(ctx, key, v);
}

/* url.original is stem and query together, as the client sent it. */
static void
put_url(struct tsn_parse_ctx *ctx, const struct tsn_slice c[C__COUNT])
{
	struct tsn_slice url = tsn_web_has(c[C_STEM]) ? c[C_STEM] : c[C_URI];
	char *out;

	if (tsn_web_has(url) && tsn_web_has(c[C_QUERY])) {
		out = tsn_arena_alloc(&ctx->batch->arena, url.len + 1 + c[C_QUERY].len);
		if (out != NULL) {
			memcpy(out, url.ptr, url.len);
			out[url.len] = '?';
			memcpy(out + url.len + 1, c[C_QUERY].ptr, c[C_QUERY].len);
			url = tsn_slice_of(out, url.len + 1 + c[C_QUERY].len);
		}
	}
	tsn_web_put_url(ctx, url, c[C_METHOD]);
	put_opt(ctx, TSN_F_URL_DOMAIN, c[C_HOST]);
}

static void
put_time(struct tsn_parse_ctx *ctx, struct tsn_slice date, struct tsn_slice time)
{
	struct tsn_date d = {TSN_TIME_NONE, false};
	char text[48];

	if (date.len != 10 || time.len < 8 || time.len > 20)
		return;
	memcpy(text, date.ptr, 10);
	text[10] = ' ';
	memcpy(text + 11, time.ptr, time.len);
	if (tsn_date_iso(&ctx->date, tsn_slice_of(text, 11 + time.len), &d) == 0)
		return;
	if (!d.zoned && d.ns != TSN_TIME_NONE) {	/* W3C times are UTC */
		d.ns += (int64_t)ctx->date.tz_offset_sec * TSN_NS_PER_SEC;
		d.zoned = true;
	}
	tsn_parse_set_time(ctx, &d);
}

static void
put_columns(struct tsn_parse_ctx *ctx, const struct tsn_slice c[C__COUNT])
{
	struct tsn_slice port, host = c[C_CLIENT];
	int64_t ms;

	TSN_PUT_LIT(ctx, TSN_F_EVENT_CATEGORY, "web");
	TSN_PUT_LIT(ctx, TSN_F_EVENT_TYPE, "access");
	put_time(ctx, c[C_DATE], c[C_TIME]);
	tsn_web_put_client(ctx, host);
	(void)tsn_web_split_port(host, &port);
	if (port.len == 0)
		put_count(ctx, TSN_F_SOURCE_PORT, c[C_CLIENT_PORT]);
	tsn_put_address(ctx, TSN_F_DESTINATION_IP, TSN_F_DESTINATION_DOMAIN, c[C_SERVER_IP]);
	put_count(ctx, TSN_F_DESTINATION_PORT, c[C_PORT]);
	put_opt(ctx, TSN_F_USER_NAME, c[C_USER]);
	put_opt(ctx, TSN_F_HTTP_REQUEST_METHOD, c[C_METHOD]);
	put_url(ctx, c);
	if (TSN_STARTS(c[C_VERSION], "HTTP/"))
		tsn_put_some(ctx, TSN_F_HTTP_VERSION, tsn_slice_from(c[C_VERSION], 5));
	tsn_web_put_status(ctx, c[C_STATUS]);
	put_count(ctx, TSN_F_HTTP_RESPONSE_BYTES, c[C_SC_BYTES]);
	put_count(ctx, TSN_F_HTTP_REQUEST_BYTES, c[C_CS_BYTES]);
	if (tsn_num_parse_i64(c[C_TAKEN], &ms) == TSN_OK && ms >= 0 && ms < INT64_MAX / TSN_NS_PER_MS)
		tsn_put_int(ctx, TSN_F_EVENT_DURATION, ms * TSN_NS_PER_MS, TSN_SLICE_NONE);
	put_opt(ctx, TSN_F_USER_AGENT_ORIGINAL, plus(ctx, c[C_AGENT]));
	put_opt(ctx, TSN_F_HTTP_REQUEST_REFERRER, c[C_REFERRER]);
	put_opt(ctx, TSN_F_IIS_ACCESS_SITE_NAME, c[C_SITE]);
	put_opt(ctx, TSN_F_IIS_ACCESS_SERVER_NAME, c[C_COMPUTER]);
	put_count(ctx, TSN_F_IIS_ACCESS_SUB_STATUS, c[C_SUBSTATUS]);
	put_count(ctx, TSN_F_IIS_ACCESS_WIN32_STATUS, c[C_WIN32]);
	put_opt(ctx, TSN_F_IIS_ACCESS_COOKIE, c[C_COOKIE]);
	if (tsn_web_has(c[C_FORWARDED]))
		tsn_put_address(ctx, TSN_F_NETWORK_FORWARDED_IP, TSN_KEY_NONE, c[C_FORWARDED]);
}

/* IIS's layouts without a header: 6 with the site first, 7 and later without it. */
static void
guess_fields(struct state *st, struct tsn_slice record)
{
	struct tsn_scan s = tsn_scan_of(record);
	struct tsn_slice third, fourth;

	(void)next_value(&s);
	(void)next_value(&s);
	third = next_value(&s);
	fourth = next_value(&s);
	if (TSN_STARTS(third, "W3SVC"))
		read_fields(st, tsn_scan_of(tsn_scan_is_ip(fourth) ?
		    TSN_SLICE("date time s-sitename s-ip cs-method cs-uri-stem cs-uri-query s-port "
			      "cs-username c-ip cs(User-Agent) sc-status sc-substatus "
			      "sc-win32-status") :
		    TSN_SLICE("date time s-sitename s-computername s-ip cs-method cs-uri-stem "
			      "cs-uri-query s-port cs-username c-ip cs-version cs(User-Agent) "
			      "cs(Cookie) cs(Referer) cs-host sc-status sc-substatus "
			      "sc-win32-status sc-bytes cs-bytes time-taken")));
	else
		read_fields(st, tsn_scan_of(TSN_SLICE("date time s-ip cs-method cs-uri-stem "
		    "cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status "
		    "sc-substatus sc-win32-status time-taken")));
}

static enum tsn_probe
probe_w3c(struct tsn_slice s)
{
	struct tsn_scan c = tsn_scan_of(s);
	struct tsn_slice v;

	if (TSN_STARTS(s, "#"))
		return TSN_STARTS(s, "#Fields:") || TSN_STARTS(s, "#Version: ") ||
		    TSN_STARTS(s, "#Software: ") || TSN_STARTS(s, "#Date: ") ||
		    TSN_STARTS(s, "#Start-Date: ") || TSN_STARTS(s, "#End-Date: ") ||
		    TSN_STARTS(s, "#GMT-Offset: ") || TSN_STARTS(s, "#Remark: ") ? TSN_PROBE_YES :
										   TSN_PROBE_NO;
	/* other lines only where a header has said what they are: see parse_w3c */
	if (s.len < 30 || s.ptr[4] != '-' || s.ptr[7] != '-' || s.ptr[10] != ' ' || s.ptr[13] != ':' ||
	    s.ptr[16] != ':')
		return TSN_PROBE_MAYBE;
	c.at += 11;
	(void)tsn_scan_word(&c);
	tsn_scan_blanks(&c);
	v = tsn_scan_word(&c);
	return TSN_STARTS(v, "W3SVC") || tsn_scan_is_ip(v) ? TSN_PROBE_YES : TSN_PROBE_MAYBE;
}

static enum tsn_code
parse_w3c(struct tsn_parse_ctx *ctx, struct tsn_slice record)
{
	struct state *st = tsn_parse_state(ctx, &owner, sizeof *st, NULL), guessed;
	struct tsn_slice c[C__COUNT] = {{NULL, 0}};
	struct tsn_scan s = tsn_scan_of(record);
	unsigned n = 0;

	if (st == NULL)
		return TSN_EPARSE;
	if (TSN_SCAN(&s, "#")) {
		if (TSN_SCAN(&s, "Fields:"))
			read_fields(st, s);
		ctx->framing = true;
		return TSN_OK;
	}
	if (st->count == 0) {
		if (probe_w3c(record) != TSN_PROBE_YES)
			return TSN_EPARSE;
		guess_fields(&guessed, record);
		st = &guessed;
	}
	for (; n < st->count && s.at < s.end; n++) {
		struct tsn_slice v = next_value(&s);

		if (v.len == 0)
			break;
		c[st->columns[n]] = v;
	}
	if (n < 3)
		return TSN_EPARSE;
	put_columns(ctx, c);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_w3c = {
	.kind = "iis.access",
	.doc = "W3C extended logs of IIS and others, by their #Fields header",
	.first = "#0123456789",
	.probe = probe_w3c,
	.parse = parse_w3c,
};
