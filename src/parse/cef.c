/*
 * ArcSight CEF: "CEF:0|Vendor|Product|Version|Class|Name|Severity|key=value key=value".
 *
 * Extensions keep their names under cef.extensions.
 */
#include "parse/cef.h"

#include "parse/auth.h"

static const struct name {
	struct tsn_slice name;
	tsn_key key;
	enum {
		TEXT,
		NUMBER,
		ADDRESS,	/* an IP, or nothing */
		LOWER,
		TIME,
	} how;
} names[] = {
	{TSN_AUTH_TEXT("act"), TSN_F_EVENT_ACTION, TEXT},
	{TSN_AUTH_TEXT("action"), TSN_F_EVENT_ACTION, TEXT},
	{TSN_AUTH_TEXT("app"), TSN_F_NETWORK_PROTOCOL, LOWER},
	{TSN_AUTH_TEXT("cnt"), TSN_F_EVENT_COUNT, NUMBER},
	{TSN_AUTH_TEXT("devTime"), TSN_F_TIMESTAMP, TIME},
	{TSN_AUTH_TEXT("dhost"), TSN_F_DESTINATION_DOMAIN, TEXT},
	{TSN_AUTH_TEXT("dmac"), TSN_F_DESTINATION_MAC, TEXT},
	{TSN_AUTH_TEXT("domain"), TSN_F_USER_DOMAIN, TEXT},
	{TSN_AUTH_TEXT("dpt"), TSN_F_DESTINATION_PORT, NUMBER},
	{TSN_AUTH_TEXT("dst"), TSN_F_DESTINATION_IP, ADDRESS},
	{TSN_AUTH_TEXT("dstMAC"), TSN_F_DESTINATION_MAC, TEXT},
	{TSN_AUTH_TEXT("dstPort"), TSN_F_DESTINATION_PORT, NUMBER},
	{TSN_AUTH_TEXT("dstBytes"), TSN_F_DESTINATION_BYTES, NUMBER},
	{TSN_AUTH_TEXT("duser"), TSN_F_USER_TARGET_NAME, TEXT},
	{TSN_AUTH_TEXT("dvchost"), TSN_F_OBSERVER_NAME, TEXT},
	{TSN_AUTH_TEXT("end"), TSN_F_EVENT_END, TIME},
	{TSN_AUTH_TEXT("filePath"), TSN_F_FILE_PATH, TEXT},
	{TSN_AUTH_TEXT("fname"), TSN_F_FILE_NAME, TEXT},
	{TSN_AUTH_TEXT("fsize"), TSN_F_FILE_SIZE, NUMBER},
	{TSN_AUTH_TEXT("identHostName"), TSN_F_HOST_NAME, TEXT},
	{TSN_AUTH_TEXT("in"), TSN_F_SOURCE_BYTES, NUMBER},
	{TSN_AUTH_TEXT("msg"), TSN_F_EVENT_REASON, TEXT},
	{TSN_AUTH_TEXT("out"), TSN_F_DESTINATION_BYTES, NUMBER},
	{TSN_AUTH_TEXT("outcome"), TSN_F_EVENT_OUTCOME, TEXT},
	{TSN_AUTH_TEXT("proto"), TSN_F_NETWORK_TRANSPORT, LOWER},
	{TSN_AUTH_TEXT("request"), TSN_F_URL_ORIGINAL, TEXT},
	{TSN_AUTH_TEXT("requestClientApplication"), TSN_F_USER_AGENT_ORIGINAL, TEXT},
	{TSN_AUTH_TEXT("requestMethod"), TSN_F_HTTP_REQUEST_METHOD, TEXT},
	{TSN_AUTH_TEXT("rt"), TSN_F_TIMESTAMP, TIME},
	{TSN_AUTH_TEXT("shost"), TSN_F_SOURCE_DOMAIN, TEXT},
	{TSN_AUTH_TEXT("smac"), TSN_F_SOURCE_MAC, TEXT},
	{TSN_AUTH_TEXT("spid"), TSN_F_PROCESS_PID, NUMBER},
	{TSN_AUTH_TEXT("sproc"), TSN_F_PROCESS_NAME, TEXT},
	{TSN_AUTH_TEXT("spt"), TSN_F_SOURCE_PORT, NUMBER},
	{TSN_AUTH_TEXT("src"), TSN_F_SOURCE_IP, ADDRESS},
	{TSN_AUTH_TEXT("srcMAC"), TSN_F_SOURCE_MAC, TEXT},
	{TSN_AUTH_TEXT("srcPort"), TSN_F_SOURCE_PORT, NUMBER},
	{TSN_AUTH_TEXT("srcBytes"), TSN_F_SOURCE_BYTES, NUMBER},
	{TSN_AUTH_TEXT("start"), TSN_F_EVENT_START, TIME},
	{TSN_AUTH_TEXT("suser"), TSN_F_USER_NAME, TEXT},
	{TSN_AUTH_TEXT("url"), TSN_F_URL_ORIGINAL, TEXT},
	{TSN_AUTH_TEXT("usrName"), TSN_F_USER_NAME, TEXT},
};

static struct tsn_slice
lower(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	char *out = v.len > 64 ? NULL : tsn_arena_alloc(&ctx->batch->arena, v.len + 1);

	if (out == NULL)
		return v;
	for (size_t i = 0; i < v.len; i++)
		out[i] = tsn_lower(v.ptr[i]);
	return (struct tsn_slice){out, v.len};
}

/* rt (and devTime) is the time of the event; a text that is no date stays under its own name. */
static void
put_time(struct tsn_parse_ctx *ctx, tsn_key key, struct tsn_slice v)
{
	struct tsn_date when;

	if (tsn_date_any(&ctx->date, v, &when) == 0 || when.ns == TSN_TIME_NONE)
		return;
	if (key != TSN_F_TIMESTAMP) {
		tsn_event_add_time(ctx->batch, key, when.ns, TSN_SLICE_NONE);
		return;
	}
	ctx->ev->flags &= ~(uint32_t)TSN_EV_TIME_UNZONED;
	tsn_parse_set_time(ctx, &when);
}

void
tsn_cef_put_ecs(struct tsn_parse_ctx *ctx, struct tsn_slice name, struct tsn_slice v)
{
	if (v.len == 0)
		return;
	for (size_t i = 0; i < TSN_COUNT(names); i++) {
		if (names[i].name.ptr[0] != name.ptr[0] || !tsn_slice_eq(names[i].name, name))
			continue;
		switch (names[i].how) {
		case TEXT:
			tsn_put_str(ctx, names[i].key, v);
			break;
		case NUMBER:
			tsn_put_num(ctx, names[i].key, v);
			break;
		case ADDRESS:
			tsn_put_address(ctx, names[i].key, TSN_KEY_NONE, v);
			break;
		case LOWER:
			tsn_put_str(ctx, names[i].key, lower(ctx, v));
			break;
		case TIME:
			put_time(ctx, names[i].key, v);
			break;
		}
		return;
	}
}

/* Without its escapes: \\ \| \= and, where `lines`, \n \r.  v itself when it has none. */
static struct tsn_slice
unescape(struct tsn_parse_ctx *ctx, struct tsn_slice v, bool lines)
{
	char *out;
	size_t n = 0;

	if (memchr(v.ptr, '\\', v.len) == NULL)
		return v;
	out = tsn_arena_alloc(&ctx->batch->arena, v.len);
	if (out == NULL)
		return v;
	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i], next = i + 1 < v.len ? v.ptr[i + 1] : '\0';

		if (c == '\\' && (next == '\\' || next == '|' || next == '=')) {
			c = next;
			i++;
		} else if (c == '\\' && lines && (next == 'n' || next == 'r')) {
			c = next == 'n' ? '\n' : '\r';
			i++;
		}
		out[n++] = c;
	}
	return (struct tsn_slice){out, n};
}

/* Up to the next bar that no backslash precedes. */
static bool
header_field(struct tsn_parse_ctx *ctx, struct tsn_scan *s, struct tsn_slice *ret)
{
	const char *from = s->at, *p = from;

	while (p < s->end && *p != '|')
		p += *p == '\\' && p + 1 < s->end ? 2 : 1;
	if (p >= s->end)
		return false;
	*ret = unescape(ctx, (struct tsn_slice){from, (size_t)(p - from)}, false);
	s->at = p + 1;
	return true;
}

static bool
is_key_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || tsn_is_digit(c) || c == '_' ||
	    c == '.' || c == '-' || c == '[' || c == ']';
}

/* Where the key begins that ends before `eq`: right behind a blank, or at `from`. */
static const char *
key_before(const char *from, const char *eq)
{
	const char *p = eq;

	while (p > from && is_key_byte(p[-1]))
		p--;
	return p < eq && (p == from || p[-1] == ' ') ? p : NULL;
}

/* The next '=' that ends a key: not escaped, with a key before it. */
static const char *
next_pair(const char *from, const char *at, const char *end, const char **ret_key)
{
	while (at < end) {
		const char *eq = memchr(at, '=', (size_t)(end - at));

		if (eq == NULL)
			return NULL;
		*ret_key = key_before(from, eq);
		if (*ret_key != NULL)
			return eq;
		at = eq + 1;
		from = at;
	}
	return NULL;
}

static void
put_extensions(struct tsn_parse_ctx *ctx, struct tsn_scan s)
{
	const char *key, *next_key = NULL, *eq = next_pair(s.at, s.at, s.end, &key);

	while (eq != NULL) {
		const char *next = next_pair(eq + 1, eq + 1, s.end, &next_key), *stop = s.end;
		struct tsn_slice name = {key, (size_t)(eq - key)}, value;

		if (next != NULL)
			stop = next_key > eq + 1 ? next_key - 1 : next_key;
		while (stop > eq + 1 && stop[-1] == ' ')
			stop--;
		value = unescape(ctx, (struct tsn_slice){eq + 1, (size_t)(stop - eq - 1)}, true);
		tsn_put_str(ctx, tsn_keys_child(ctx->keys, TSN_F_CEF_EXTENSIONS, name), value);
		tsn_cef_put_ecs(ctx, name, value);
		eq = next;
		key = next_key;
	}
}

static enum tsn_code
parse_cef(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	static const tsn_key keys[] = {TSN_F_CEF_VERSION, TSN_F_OBSERVER_VENDOR,
	    TSN_F_OBSERVER_PRODUCT, TSN_F_OBSERVER_VERSION, TSN_F_EVENT_CODE, TSN_F_CEF_NAME,
	    TSN_F_CEF_SEVERITY};
	struct tsn_scan s = tsn_scan_of(text);
	struct tsn_slice field;
	size_t n = 0;

	if (!TSN_SCAN(&s, "CEF:") && (ctx->syslog == NULL || !TSN_EQ(ctx->syslog->program, "CEF")))
		return TSN_EPARSE;
	for (; n < TSN_COUNT(keys) && header_field(ctx, &s, &field); n++)
		tsn_put_some(ctx, keys[n], field);
	if (n + 1 == TSN_COUNT(keys) && tsn_scan_left(&s) > 0) {	/* no extensions, no last bar */
		tsn_put_str(ctx, keys[n], tsn_scan_rest(&s));
		s.at = s.end;
		n++;
	}
	if (ctx->syslog == NULL)
		tsn_put_str(ctx, TSN_F_MESSAGE, text);
	if (n < TSN_COUNT(keys))
		tsn_event_fail(ctx->batch, TSN_SLICE("CEF: expected seven header fields separated by |"));
	else
		put_extensions(ctx, s);
	return TSN_OK;
}

static enum tsn_probe
probe_cef(struct tsn_slice s)
{
	return TSN_STARTS(s, "CEF:") && s.len > 5 && tsn_is_digit(s.ptr[4]) ? TSN_PROBE_YES :
	    TSN_PROBE_NO;
}

const struct tsn_parser_desc tsn_parser_cef = {
	.kind = "cef.log",
	.doc = "ArcSight Common Event Format, alone or in syslog",
	.first = "C",
	.programs = "CEF",
	.flags = TSN_PARSER_BODY,
	.probe = probe_cef,
	.parse = parse_cef,
};
