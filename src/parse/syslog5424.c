/*
 * RFC 5424, strictly: a message that begins as one and then breaks its grammar is a pipeline_error
 * that says where.
 */
#include "parse/syslog.h"

#include "codec/utf8.h"

/* SD-IDs that are compared to find one that comes twice. */
#define SD_IDS_MAX 32u

struct cursor {
	struct tsn_scan s;
	const char *why;	/* what was expected, once something went wrong */
	const char *flaw;	/* a breach that does not keep the rest from being read */
	struct tsn_slice ids[SD_IDS_MAX];
	size_t id_count;
};

bool
tsn_syslog5424_is(struct tsn_slice s)
{
	size_t n = 0;

	while (n < s.len && n < 3 && tsn_is_digit(s.ptr[n]))
		n++;
	return n > 0 && s.ptr[0] != '0' && n + 1 < s.len && s.ptr[n] == ' ' &&
	    (s.ptr[n + 1] == '-' || tsn_is_digit(s.ptr[n + 1]));
}

static bool
printable(struct tsn_slice v)
{
	for (size_t i = 0; i < v.len; i++)
		if (v.ptr[i] < '!' || v.ptr[i] > '~')
			return false;
	return true;
}

/* A header field up to the next blank: PRINTUSASCII, 1 to max bytes. */
static struct tsn_slice
field(struct cursor *c, size_t max, const char *why)
{
	struct tsn_slice v;

	if (c->why != NULL)
		return TSN_SLICE_NONE;
	if (!tsn_scan_to(&c->s, ' ', &v) || v.len == 0 || v.len > max || !printable(v)) {
		c->why = why;
		return TSN_SLICE_NONE;
	}
	return v;
}

static bool
all_digits(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!tsn_is_digit(p[i]))
			return false;
	return true;
}

/* RFC 5424 6.2.3: RFC 3339 with upper-case T and Z, at most six fraction digits, a zone. */
static bool
strict_time(struct tsn_slice v)
{
	size_t at = 19, digits = 0, left;

	if (v.len < 20 || v.ptr[10] != 'T' || !all_digits(v.ptr, 4) || v.ptr[4] != '-')
		return false;
	if (v.ptr[at] == '.') {
		for (at++; at < v.len && tsn_is_digit(v.ptr[at]); at++)
			digits++;
		if (digits == 0 || digits > 6)
			return false;
	}
	left = v.len - at;
	if (left == 1)
		return v.ptr[at] == 'Z';
	return left == 6 && (v.ptr[at] == '+' || v.ptr[at] == '-') && v.ptr[at + 3] == ':' &&
	    all_digits(v.ptr + at + 1, 2) && all_digits(v.ptr + at + 4, 2) && v.ptr[at + 1] <= '2' &&
	    v.ptr[at + 4] <= '5';
}

static void
timestamp(struct tsn_parse_ctx *ctx, struct cursor *c)
{
	struct tsn_slice v = field(c, 32, "expected a time or -");
	struct tsn_date when;

	if (c->why != NULL || (v.len == 1 && v.ptr[0] == '-'))
		return;
	if (!strict_time(v) || tsn_date_iso(&ctx->date, v, &when) != v.len || !when.zoned ||
	    when.ns == TSN_TIME_NONE)
		c->why = "expected an RFC 3339 time or -";
	else
		tsn_parse_set_time(ctx, &when);
}

/* SD-NAME: 1 to 32 printable bytes without '=', blank, ']' and '"'. */
static struct tsn_slice
sd_name(struct cursor *c)
{
	const char *from = c->s.at;

	while (c->s.at < c->s.end && *c->s.at > ' ' && *c->s.at <= '~' && *c->s.at != '=' &&
	    *c->s.at != ']' && *c->s.at != '"')
		c->s.at++;
	return (struct tsn_slice){from, (size_t)(c->s.at - from)};
}

/* A value without its quotes; escapes \" \\ \] are taken out in a copy. */
static bool
sd_value(struct tsn_parse_ctx *ctx, struct cursor *c, struct tsn_slice *ret)
{
	const char *from = c->s.at, *p = from;
	bool escaped = false;
	char *out;
	size_t n = 0;

	for (; p < c->s.end && *p != '"'; p++) {
		if (*p == ']')
			c->flaw = "expected \\] for ] in structured data";
		if (*p != '\\')
			continue;
		if (p + 1 < c->s.end && (p[1] == '"' || p[1] == '\\' || p[1] == ']')) {
			escaped = true;
			p++;
		} else {
			c->flaw = "expected \\\", \\\\ or \\] in structured data";
		}
	}
	if (p == c->s.end)
		return false;
	*ret = (struct tsn_slice){from, (size_t)(p - from)};
	c->s.at = p + 1;
	if (!escaped)
		return true;
	out = tsn_arena_alloc(&ctx->batch->arena, ret->len);
	if (out == NULL)
		return true;
	for (size_t i = 0; i < ret->len; i++) {
		if (ret->ptr[i] == '\\' && i + 1 < ret->len && (ret->ptr[i + 1] == '"' ||
		    ret->ptr[i + 1] == '\\' || ret->ptr[i + 1] == ']'))
			i++;
		out[n++] = ret->ptr[i];
	}
	*ret = (struct tsn_slice){out, n};
	return true;
}

static void
sd_element(struct tsn_parse_ctx *ctx, struct cursor *c)
{
	struct tsn_slice id = sd_name(c), name, value;
	tsn_key key;

	if (id.len == 0 || id.len > 32) {
		c->why = "expected an SD-ID of 1 to 32 characters";
		return;
	}
	for (size_t i = 0; i < c->id_count; i++)
		if (tsn_slice_eq(c->ids[i], id))
			c->flaw = "expected each SD-ID once";
	if (c->id_count < SD_IDS_MAX)
		c->ids[c->id_count++] = id;
	key = tsn_keys_child(ctx->keys, TSN_F_LOG_SYSLOG_STRUCTURED_DATA, id);
	if (TSN_SCAN(&c->s, "]")) {
		tsn_put(ctx, &(struct tsn_field){.key = key, .type = TSN_T_OBJECT});
		return;
	}
	while (TSN_SCAN(&c->s, " ")) {
		name = sd_name(c);
		if (name.len == 0 || name.len > 32 || !TSN_SCAN(&c->s, "=\"") ||
		    !sd_value(ctx, c, &value)) {
			c->why = "expected NAME=\"VALUE\" in structured data";
			return;
		}
		tsn_put_str(ctx, tsn_keys_child(ctx->keys, key, name), value);
	}
	if (!TSN_SCAN(&c->s, "]"))
		c->why = "expected ] after structured data";
}

static struct tsn_slice
structured(struct tsn_parse_ctx *ctx, struct cursor *c)
{
	const char *from = c->s.at;

	if (c->why != NULL)
		return TSN_SLICE_NONE;
	if (TSN_SCAN(&c->s, "-"))
		return TSN_SLICE_NONE;
	if (!tsn_scan_is(&c->s, "[", 1))
		c->why = "expected structured data or -";
	while (c->why == NULL && TSN_SCAN(&c->s, "["))
		sd_element(ctx, c);
	return (struct tsn_slice){from, (size_t)(c->s.at - from)};
}

static struct tsn_slice
not_nil(struct tsn_slice v)
{
	return v.len == 1 && v.ptr[0] == '-' ? TSN_SLICE_NONE : v;
}

enum tsn_code
tsn_syslog5424_parse(struct tsn_parse_ctx *ctx, int priority, struct tsn_slice s)
{
	struct cursor c = {.s = tsn_scan_of(s)};
	struct tsn_syslog h = {.priority = priority};
	struct tsn_slice version = field(&c, 3, "expected a version");

	tsn_put_num(ctx, TSN_F_LOG_SYSLOG_VERSION, version);
	timestamp(ctx, &c);
	h.host = not_nil(field(&c, 255, "expected a host name of at most 255 printable characters"));
	h.program = not_nil(field(&c, 48, "expected an APP-NAME of at most 48 printable characters"));
	h.pid = not_nil(field(&c, 128, "expected a PROCID of at most 128 printable characters"));
	h.msgid = not_nil(field(&c, 32, "expected a MSGID of at most 32 printable characters"));
	tsn_put_some(ctx, TSN_F_LOG_SYSLOG_HOSTNAME, h.host);
	tsn_put_some(ctx, TSN_F_LOG_SYSLOG_APPNAME, h.program);
	tsn_put_some(ctx, TSN_F_LOG_SYSLOG_PROCID, h.pid);
	tsn_put_some(ctx, TSN_F_LOG_SYSLOG_MSGID, h.msgid);
	h.structured = structured(ctx, &c);
	if (c.why == NULL && c.s.at < c.s.end && !TSN_SCAN(&c.s, " "))
		c.why = "expected a blank before the message";
	if (c.why != NULL) {
		ctx->ev->dataset = TSN_SLICE("system.syslog");
		tsn_event_fail(ctx->batch, tsn_slice_cstr(c.why));
		return TSN_OK;
	}
	TSN_SCAN(&c.s, "\xef\xbb\xbf");
	if (!tsn_utf8_valid(tsn_scan_rest(&c.s)))
		c.flaw = "expected a message in UTF-8";
	TSN_TRY(tsn_syslog_message(ctx, &h, tsn_scan_rest(&c.s)));
	if (c.flaw != NULL)
		tsn_event_fail(ctx->batch, tsn_slice_cstr(c.flaw));
	return TSN_OK;
}
