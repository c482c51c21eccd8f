/*
 * Access logs of proxies: HAProxy (httplog, tcplog and its connection errors, in syslog) and Squid
 * (its native format).
 */
#include "parse/web.h"

static void
put_web(struct tsn_parse_ctx *ctx)
{
	TSN_PUT_LIT(ctx, TSN_F_EVENT_CATEGORY, "web");
	TSN_PUT_LIT(ctx, TSN_F_EVENT_TYPE, "access");
}

/* Total time in ms, the last of a/b/c. */
static void
put_total(struct tsn_parse_ctx *ctx, struct tsn_slice times)
{
	size_t slash = tsn_slice_rfind(times, TSN_SLICE("/"));
	struct tsn_slice last = slash == SIZE_MAX ? times : tsn_slice_from(times, slash + 1);
	int64_t ms;

	if (last.len > 0 && last.ptr[0] == '+')
		last = tsn_slice_from(last, 1);
	tsn_put_some(ctx, TSN_F_HAPROXY_TIMES, times);
	if (tsn_num_parse_i64(last, &ms) == TSN_OK && ms >= 0 && ms < INT64_MAX / TSN_NS_PER_MS)
		tsn_put_int(ctx, TSN_F_EVENT_DURATION, ms * TSN_NS_PER_MS, TSN_SLICE_NONE);
}

static struct tsn_slice
next_word(struct tsn_scan *s)
{
	tsn_scan_blanks(s);
	return tsn_scan_word(s);
}

/* "main~ back/srv": frontend, backend and server. */
static void
put_ends(struct tsn_parse_ctx *ctx, struct tsn_scan *s, bool *ret_error)
{
	struct tsn_slice front = next_word(s), back;
	size_t slash;

	*ret_error = front.len > 0 && front.ptr[front.len - 1] == ':';
	if (*ret_error)		/* "frontend/listener: Connection closed during SSL handshake" */
		front.len--;
	else if (front.len > 0 && front.ptr[front.len - 1] == '~')
		front.len--;	/* TLS */
	slash = tsn_slice_find_char(front, '/');
	tsn_put_some(ctx, TSN_F_HAPROXY_FRONTEND_NAME,
	    slash == SIZE_MAX ? front : tsn_slice_of(front.ptr, slash));
	if (*ret_error)
		return;
	back = next_word(s);
	slash = tsn_slice_find_char(back, '/');
	if (slash == SIZE_MAX) {
		tsn_put_some(ctx, TSN_F_HAPROXY_BACKEND_NAME, back);
		return;
	}
	tsn_put_some(ctx, TSN_F_HAPROXY_BACKEND_NAME, tsn_slice_of(back.ptr, slash));
	tsn_put_some(ctx, TSN_F_HAPROXY_SERVER_NAME, tsn_slice_from(back, slash + 1));
}

/* Behind the bytes of httplog: cookies, state, connections, queues, headers, request. */
static void
put_http(struct tsn_parse_ctx *ctx, struct tsn_scan *s)
{
	struct tsn_slice v;
	bool escaped;
	const char *from;

	(void)next_word(s);
	(void)next_word(s);
	tsn_put_some(ctx, TSN_F_HAPROXY_TERMINATION_STATE, next_word(s));
	tsn_put_some(ctx, TSN_F_HAPROXY_CONNECTIONS, next_word(s));
	tsn_put_some(ctx, TSN_F_HAPROXY_QUEUES, next_word(s));
	tsn_scan_blanks(s);
	from = s->at;
	if (s->at < s->end && *s->at == '{') {
		const char *q = memmem(s->at, tsn_scan_left(s), "} \"", 3);

		if (q != NULL) {
			tsn_put_str(ctx, TSN_F_HAPROXY_HEADERS, tsn_slice_of(from, (size_t)(q + 1 - from)));
			s->at = q + 2;
		}
	}
	if (tsn_web_quoted(s, &v, &escaped)) {
		tsn_web_put_request(ctx, escaped ? tsn_web_unescape(ctx, v) : v);
	} else if (s->at < s->end && *s->at == '"') {
		/* a request longer than HAProxy's buffer: its closing quote is cut off */
		tsn_web_put_request(ctx, tsn_slice_of(s->at + 1, tsn_scan_left(s) - 1));
	}
}

static enum tsn_code
parse_haproxy(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_scan s = tsn_scan_of(body);
	struct tsn_slice client, time, times, v;
	struct tsn_date d = {TSN_TIME_NONE, false};
	bool error;

	client = tsn_scan_word(&s);
	if (!TSN_SCAN(&s, " [") || !tsn_scan_to(&s, ']', &time) ||
	    tsn_date_clf(&ctx->date, time, &d) == 0) {
		TSN_PUT_LIT(ctx, TSN_F_EVENT_CATEGORY, "web");
		return TSN_OK;		/* a message of the program itself */
	}
	tsn_parse_set_time(ctx, &d);
	put_web(ctx);
	tsn_web_put_client(ctx, client);
	put_ends(ctx, &s, &error);
	tsn_scan_blanks(&s);
	if (error) {
		TSN_PUT_LIT(ctx, TSN_F_EVENT_OUTCOME, "failure");
		tsn_put_some(ctx, TSN_F_ERROR_MESSAGE, tsn_scan_rest(&s));
		return TSN_OK;
	}
	times = next_word(&s);
	put_total(ctx, times);
	v = next_word(&s);
	size_t slashes = 0;

	for (size_t i = 0; i < times.len; i++)
		slashes += times.ptr[i] == '/';
	if (slashes >= 3) {
		tsn_web_put_status(ctx, v);
		v = next_word(&s);
		tsn_put_num(ctx, TSN_F_HTTP_RESPONSE_BYTES, v);
		put_http(ctx, &s);
		return TSN_OK;
	}
	tsn_put_num(ctx, TSN_F_SOURCE_BYTES, v);
	tsn_put_some(ctx, TSN_F_HAPROXY_TERMINATION_STATE, next_word(&s));
	tsn_put_some(ctx, TSN_F_HAPROXY_CONNECTIONS, next_word(&s));
	tsn_put_some(ctx, TSN_F_HAPROXY_QUEUES, next_word(&s));
	return TSN_OK;
}

/* "1461576382.642    161 127.0.0.1 TCP_MISS/200 103701 GET http://x/ - DIRECT/1.2.3.4 text/html" */
static enum tsn_code
parse_squid(struct tsn_parse_ctx *ctx, struct tsn_slice record)
{
	struct tsn_scan s = tsn_scan_of(record);
	struct tsn_date d = {TSN_TIME_NONE, false};
	struct tsn_slice elapsed, client, result, method, url, v;
	size_t slash, n = tsn_date_epoch(record, &d);
	int64_t ms;

	if (n == 0)
		return TSN_EPARSE;
	s.at += n;
	elapsed = next_word(&s);
	client = next_word(&s);
	result = next_word(&s);
	slash = tsn_slice_find_char(result, '/');
	if (slash == SIZE_MAX || tsn_num_parse_i64(elapsed, &ms) != TSN_OK)
		return TSN_EPARSE;
	tsn_parse_set_time(ctx, &d);
	put_web(ctx);
	tsn_web_put_client(ctx, client);
	if (ms >= 0 && ms < INT64_MAX / TSN_NS_PER_MS)
		tsn_put_int(ctx, TSN_F_EVENT_DURATION, ms * TSN_NS_PER_MS, TSN_SLICE_NONE);
	tsn_put_str(ctx, TSN_F_SQUID_RESULT_CODE, tsn_slice_of(result.ptr, slash));
	tsn_web_put_status(ctx, tsn_slice_from(result, slash + 1));
	tsn_put_num(ctx, TSN_F_HTTP_RESPONSE_BYTES, next_word(&s));
	method = next_word(&s);
	tsn_put_some(ctx, TSN_F_HTTP_REQUEST_METHOD, method);
	url = next_word(&s);
	tsn_web_put_url(ctx, url, method);
	v = next_word(&s);
	if (tsn_web_has(v))
		tsn_put_str(ctx, TSN_F_USER_NAME, v);
	v = next_word(&s);
	slash = tsn_slice_find_char(v, '/');
	if (slash != SIZE_MAX) {
		struct tsn_slice peer = tsn_slice_from(v, slash + 1);

		tsn_put_some(ctx, TSN_F_SQUID_HIERARCHY_STATUS, tsn_slice_of(v.ptr, slash));
		if (tsn_web_has(peer)) {
			tsn_put_str(ctx, TSN_F_DESTINATION_ADDRESS, peer);
			tsn_put_address(ctx, TSN_F_DESTINATION_IP, TSN_KEY_NONE, peer);
		}
	}
	v = next_word(&s);
	if (tsn_web_has(v))
		tsn_put_str(ctx, TSN_F_HTTP_RESPONSE_MIME_TYPE, v);
	return TSN_OK;
}

/* Epoch with a fraction, elapsed, client, then CODE/status. */
static enum tsn_probe
probe_squid(struct tsn_slice s)
{
	struct tsn_scan c = tsn_scan_of(s);
	struct tsn_slice v;

	if (tsn_scan_digits(&c).len < 9 || !TSN_SCAN(&c, ".") || tsn_scan_digits(&c).len == 0)
		return TSN_PROBE_NO;
	tsn_scan_blanks(&c);
	if (tsn_scan_digits(&c).len == 0)
		return TSN_PROBE_NO;
	(void)next_word(&c);
	v = next_word(&c);
	return v.len > 5 && v.ptr[v.len - 4] == '/' && tsn_is_digit(v.ptr[v.len - 1]) ? TSN_PROBE_YES :
										      TSN_PROBE_NO;
}

const struct tsn_parser_desc tsn_parser_haproxy = {
	.kind = "haproxy.log",
	.doc = "HAProxy's HTTP and TCP logs",
	.programs = "haproxy",
	.parse = parse_haproxy,
};

const struct tsn_parser_desc tsn_parser_squid = {
	.kind = "squid.access",
	.doc = "Squid's native access log",
	.first = "0123456789",
	.programs = "squid squid3",
	.flags = TSN_PARSER_BODY,
	.probe = probe_squid,
	.parse = parse_squid,
};
