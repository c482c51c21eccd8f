/*
 * Records that are name=value pairs from end to end: logfmt of many programs, FortiGate and other
 * devices.
 *
 *	time="2021-09-15T21:17:10Z" level=error msg="not found" remote_ip=192.0.2.1
 *	date=2019-05-10 time=11:37:47 devname="fw1" srcip=10.1.100.11 srcport=58012 action="deny"
 *
 * Names stay as they are at the top of the event (those that would stand in the way of ECS objects
 * go below `kv`); times, addresses, users, levels and messages are ECS fields beside them.
 */
#include "parse/web.h"

/* Fewer pairs than this are a coincidence. */
#define PAIRS_MIN 3u
#define NAME_MAX_BYTES 64u

enum role {
	R_NONE, R_TIME, R_DATE, R_LEVEL, R_MESSAGE, R_SOURCE, R_SOURCE_PORT, R_TARGET, R_TARGET_PORT,
	R_USER, R_HOST, R_ACTION, R_ERROR,
};

static const struct {
	struct tsn_slice name;
	enum role role;
} roles[] = {
#define R(name, role) {{name, sizeof name - 1}, role}
	R("time", R_TIME), R("ts", R_TIME), R("t", R_TIME), R("timestamp", R_TIME), R("date", R_DATE),
	R("level", R_LEVEL), R("lvl", R_LEVEL), R("severity", R_LEVEL), R("msg", R_MESSAGE),
	R("message", R_MESSAGE), R("srcip", R_SOURCE), R("src_ip", R_SOURCE), R("src", R_SOURCE),
	R("source_ip", R_SOURCE), R("remote_addr", R_SOURCE), R("remote_ip", R_SOURCE),
	R("client_ip", R_SOURCE), R("clientip", R_SOURCE), R("client", R_SOURCE), R("ip", R_SOURCE),
	R("remip", R_SOURCE), R("remote", R_SOURCE), R("srcport", R_SOURCE_PORT),
	R("src_port", R_SOURCE_PORT), R("spt", R_SOURCE_PORT), R("sport", R_SOURCE_PORT),
	R("dstip", R_TARGET), R("dst_ip", R_TARGET), R("dst", R_TARGET), R("dstport", R_TARGET_PORT),
	R("dst_port", R_TARGET_PORT), R("dpt", R_TARGET_PORT), R("dport", R_TARGET_PORT),
	R("user", R_USER), R("username", R_USER), R("uname", R_USER), R("usr", R_USER),
	R("devname", R_HOST), R("hostname", R_HOST), R("action", R_ACTION), R("error", R_ERROR),
	R("err", R_ERROR),
#undef R
};

/* Objects of ECS: a value of that name has no place beside them. */
static const char *const objects[] = {
	"user", "source", "destination", "client", "server", "event", "host", "log", "message", "tags",
	"error", "process", "url", "http", "service", "network", "file", "rule", "observer", "labels",
	"related", "dns", "tls", "group", "kv", "@timestamp",
};

static bool
name_char(char c)
{
	return tsn_is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-' ||
	    c == '.' || c == '@' || c == '/';
}

/* One pair; a value may be in quotes, with \" inside.  False: here stands something else. */
static bool
scan_pair(struct tsn_scan *s, struct tsn_slice *name, struct tsn_slice *v, bool *escaped)
{
	const char *from;

	tsn_scan_blanks(s);
	from = s->at;
	while (s->at < s->end && name_char(*s->at))
		s->at++;
	*name = tsn_slice_of(from, (size_t)(s->at - from));
	if (name->len == 0 || name->len > NAME_MAX_BYTES || tsn_is_digit(*from) || !TSN_SCAN(s, "="))
		return false;
	*escaped = false;
	if (s->at < s->end && *s->at == '"') {
		if (!tsn_web_quoted(s, v, escaped))
			return false;
	} else {
		*v = tsn_scan_word(s);
	}
	if (s->at < s->end && (*s->at == ',' || *s->at == ';'))
		s->at++;
	return s->at == s->end || *s->at == ' ' || *s->at == '\t' || *s->at == '\r' || *s->at == '\n';
}

static enum tsn_probe
probe_kv(struct tsn_slice s)
{
	struct tsn_scan c = tsn_scan_of(s);
	struct tsn_slice name, v;
	bool escaped;

	if (TSN_STARTS(s, "type=") || TSN_STARTS(s, "node=")) {	/* auditd's, and damaged */
		size_t look = s.len < 256 ? s.len : 256;

		if (tsn_slice_find(tsn_slice_of(s.ptr, look), TSN_SLICE(" msg=audit(")) != SIZE_MAX)
			return TSN_PROBE_NO;
	}
	for (unsigned n = 0; n < PAIRS_MIN; n++)
		if (!scan_pair(&c, &name, &v, &escaped))
			return TSN_PROBE_NO;
	return TSN_PROBE_YES;
}

static enum role
role_of(struct tsn_slice name)
{
	for (size_t i = 0; i < TSN_COUNT(roles); i++)
		if (tsn_slice_eq(name, roles[i].name))
			return roles[i].role;
	return R_NONE;
}

static void
put_raw(struct tsn_parse_ctx *ctx, struct tsn_slice name, struct tsn_slice v)
{
	tsn_key key = TSN_KEY_ROOT;

	for (size_t i = 0; i < TSN_COUNT(objects); i++) {
		struct tsn_slice object = tsn_slice_cstr(objects[i]);

		if (tsn_slice_starts(name, object) &&
		    (name.len == object.len || name.ptr[object.len] == '.'))
			key = TSN_F_KV;
	}
	key = tsn_keys_child(ctx->keys, key, name);
	if (v.len > 0 && v.len < 18 && tsn_is_digit(v.ptr[0]) && (v.len == 1 || v.ptr[0] != '0'))
		tsn_put_num(ctx, key, v);
	else
		tsn_put_str(ctx, key, v);
}

/* FortiGate parts date and time; others have all of it in one value. */
static void
put_time(struct tsn_parse_ctx *ctx, struct tsn_slice date, struct tsn_slice time)
{
	struct tsn_date d = {TSN_TIME_NONE, false};
	char text[40];

	if (date.len == 10 && time.len >= 8 && time.len <= 20) {
		memcpy(text, date.ptr, 10);
		text[10] = ' ';
		memcpy(text + 11, time.ptr, time.len);
		(void)tsn_date_iso(&ctx->date, tsn_slice_of(text, 11 + time.len), &d);
	} else if (time.len > 0 && tsn_date_any(&ctx->date, time, &d) == 0) {
		return;
	} else if (time.len == 0 && (date.len == 0 || tsn_date_any(&ctx->date, date, &d) == 0)) {
		return;
	}
	tsn_parse_set_time(ctx, &d);
}

static void
put_role(struct tsn_parse_ctx *ctx, enum role role, struct tsn_slice v)
{
	static const tsn_key keys[] = {
		[R_LEVEL] = TSN_F_LOG_LEVEL, [R_MESSAGE] = TSN_F_MESSAGE, [R_USER] = TSN_F_USER_NAME,
		[R_HOST] = TSN_F_HOST_NAME, [R_ACTION] = TSN_F_EVENT_ACTION,
		[R_ERROR] = TSN_F_ERROR_MESSAGE,
	};

	if (!tsn_web_has(v))
		return;
	if (role == R_SOURCE) {
		if (tsn_event_find(ctx->ev, TSN_F_SOURCE_ADDRESS) == NULL)
			tsn_web_put_client(ctx, v);
	} else if (role == R_TARGET) {
		tsn_put_str(ctx, TSN_F_DESTINATION_ADDRESS, v);
		tsn_put_address(ctx, TSN_F_DESTINATION_IP, TSN_F_DESTINATION_DOMAIN, v);
	} else if (role == R_SOURCE_PORT) {
		tsn_put_num(ctx, TSN_F_SOURCE_PORT, v);
	} else if (role == R_TARGET_PORT) {
		tsn_put_num(ctx, TSN_F_DESTINATION_PORT, v);
	} else if (role < TSN_COUNT(keys) && keys[role] != 0 &&
	    !(role == R_MESSAGE && ctx->syslog != NULL) &&
	    tsn_event_find(ctx->ev, keys[role]) == NULL) {
		tsn_put_str(ctx, keys[role], v);
	}
}

static enum tsn_code
parse_kv(struct tsn_parse_ctx *ctx, struct tsn_slice record)
{
	struct tsn_scan s = tsn_scan_of(tsn_slice_trim(record));
	struct tsn_slice name, v, date = TSN_SLICE_NONE, time = TSN_SLICE_NONE;
	unsigned pairs = 0;
	bool escaped;

	for (; s.at < s.end; pairs++) {
		enum role role;

		if (!scan_pair(&s, &name, &v, &escaped))
			return TSN_EPARSE;
		if (escaped)
			v = tsn_web_unescape(ctx, v);
		put_raw(ctx, name, v);
		role = role_of(name);
		if (role == R_TIME && time.len == 0)
			time = v;
		else if (role == R_DATE)
			date = v;
		else
			put_role(ctx, role, v);
	}
	if (pairs < PAIRS_MIN)
		return TSN_EPARSE;
	put_time(ctx, date, time);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_kv = {
	.kind = "kv",
	.doc = "records of name=value pairs: logfmt, FortiGate and others",
	.first = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_@",
	.flags = TSN_PARSER_BODY,
	.probe = probe_kv,
	.parse = parse_kv,
};
