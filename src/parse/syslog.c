/*
 * Syslog: RFC 3164 in its many dialects, RFC 5424, and lines of a syslog file (no PRI).  The header
 * is read here once; the message goes on to the parser of the program or of the content.
 */
#include "parse/syslog.h"

#include "parse/parse_int.h"

#define TAG_MAX 128u

static const char *const facilities[] = {"kern", "user", "mail", "daemon", "auth", "syslog", "lpr",
    "news", "uucp", "cron", "authpriv", "ftp", "ntp", "security", "console", "solaris-cron",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"};
static const char *const severities[] = {"emergency", "alert", "critical", "error", "warning",
    "notice", "informational", "debug"};

/* "<34>": its length, or 0. */
static size_t
pri_length(struct tsn_slice s, int *ret_priority)
{
	int v = 0;
	size_t i = 1;

	if (s.len < 3 || s.ptr[0] != '<')
		return 0;
	for (; i < s.len && i < 5 && tsn_is_digit(s.ptr[i]); i++)
		v = v * 10 + (s.ptr[i] - '0');
	if (i == 1 || i >= s.len || s.ptr[i] != '>' || v > 191)
		return 0;
	*ret_priority = v;
	return i + 1;
}

static void
put_priority(struct tsn_parse_ctx *ctx, int priority)
{
	int facility = priority >> 3, severity = priority & 7;

	tsn_put_int(ctx, TSN_F_LOG_SYSLOG_PRIORITY, priority, TSN_SLICE_NONE);
	tsn_put_int(ctx, TSN_F_LOG_SYSLOG_FACILITY_CODE, facility, TSN_SLICE_NONE);
	tsn_put_str(ctx, TSN_F_LOG_SYSLOG_FACILITY_NAME, tsn_slice_cstr(facilities[facility]));
	tsn_put_int(ctx, TSN_F_LOG_SYSLOG_SEVERITY_CODE, severity, TSN_SLICE_NONE);
	tsn_put_str(ctx, TSN_F_LOG_SYSLOG_SEVERITY_NAME, tsn_slice_cstr(severities[severity]));
}

/*
 * "sshd[123]: ", "su(pam_unix)[1]: ", "kernel: ", "postfix/smtpd[9]: ", "syslogd 1.4.1: ".  False,
 * and s untouched, when the text does not begin with a tag.
 */
static bool
scan_tag(struct tsn_scan *s, struct tsn_syslog *h)
{
	const char *p = s->at, *max = tsn_scan_left(s) > TAG_MAX ? s->at + TAG_MAX : s->end;
	struct tsn_slice program, qualifier = TSN_SLICE_NONE, pid = TSN_SLICE_NONE;

	while (p < max && *p != '[' && *p != ':' && *p != ' ' && *p != '(')
		p++;
	if (p == max || p == s->at || *s->at == '%')	/* "%ASA-...": the text itself */
		return false;
	program = (struct tsn_slice){s->at, (size_t)(p - s->at)};
	if (*p == ' ') {	/* a version behind the name */
		const char *v = ++p;

		while (p < max && (tsn_is_digit(*p) || *p == '.'))
			p++;
		if (p == v || p == max || *p != ':')
			return false;
	}
	if (*p == '(') {
		const char *close = memchr(p, ')', (size_t)(max - p));

		if (close == NULL || close + 1 == max || (close[1] != '[' && close[1] != ':'))
			return false;
		qualifier = (struct tsn_slice){p + 1, (size_t)(close - p - 1)};
		p = close + 1;
	}
	if (*p == '[') {
		const char *close = memchr(p, ']', (size_t)(max - p));

		if (close == NULL || memchr(p, ' ', (size_t)(close - p)) != NULL)
			return false;
		pid = (struct tsn_slice){p + 1, (size_t)(close - p - 1)};
		p = close + 1;
	}
	if (p < s->end && *p == ':')
		p++;
	else if (pid.ptr == NULL)
		return false;
	if (p < s->end && *p != ' ' && *p != '\t' && pid.ptr == NULL)
		return false;
	h->program = program;
	h->qualifier = qualifier;
	h->pid = pid;
	s->at = p < s->end && *p == ' ' ? p + 1 : p;
	return true;
}

/* "<mail.info> " that BSD's syslogd writes behind the time */
static void
scan_level(struct tsn_scan *s)
{
	struct tsn_scan at = *s;
	struct tsn_slice word = tsn_scan_word(&at);

	if (word.len > 4 && word.len < 24 && word.ptr[word.len - 1] == '>' && TSN_SCAN(&at, " "))
		*s = at;
}

/* "Setup Assistant[1173]: ", "[CLOUDINIT] util.py[DEBUG]: ": a name with blanks and a pid. */
static bool
scan_wide_tag(struct tsn_scan *s, struct tsn_syslog *h)
{
	const char *p = s->at, *max = tsn_scan_left(s) > 48 ? s->at + 48 : s->end, *open;

	if (p < max && *p == '[')
		p++;
	while (p < max && *p != '[' && *p != ':' && *p != '(' && *p != '=' && *p != '"')
		p++;
	if (p == max || *p != '[' || p == s->at)
		return false;
	open = p++;
	while (p < s->end && p < open + 12 && *p != ']' && *p != ' ')
		p++;
	if (p + 1 >= s->end || *p != ']' || p[1] != ':')
		return false;
	h->program = (struct tsn_slice){s->at, (size_t)(open - s->at)};
	h->pid = (struct tsn_slice){open + 1, (size_t)(p - open - 1)};
	s->at = p + 2;
	TSN_SCAN(s, " ");
	return true;
}

/* After the time: "HOST TAG: text", "TAG: text", "HOST text". */
static void
scan_host_tag(struct tsn_scan *s, struct tsn_syslog *h)
{
	struct tsn_scan back;
	struct tsn_slice word;
	bool gap = false;

	if (TSN_SCAN(s, " "))
		while (TSN_SCAN(s, " "))
			gap = true;	/* a collector that left the host out left its blanks */
	if (TSN_UNLIKELY(s->at < s->end && *s->at == '<'))
		scan_level(s);
	if ((gap && scan_tag(s, h)) || TSN_SCAN(s, "last message repeated "))
		return;
	back = *s;
	word = tsn_scan_word(s);
	if (word.len > 3 && word.ptr[0] == '[' && tsn_slice_ends(word, TSN_SLICE("]:"))) {
		h->program = (struct tsn_slice){word.ptr + 1, word.len - 3};
		TSN_SCAN(s, " ");
		return;
	}
	if (word.len == 0 || word.len > 255 || word.ptr[0] == '%' || word.ptr[0] == '{' ||
	    TSN_STARTS(word, "CEF:") || TSN_STARTS(word, "LEEF:")) {
		*s = back;
		return;
	}
	if (word.ptr[word.len - 1] == ':') {
		*s = back;
		if (scan_tag(s, h))
			return;
		word = tsn_scan_word(s);
	} else if (word.ptr[word.len - 1] == ']' && scan_tag(&back, h)) {
		*s = back;
		return;
	}
	h->host = word;
	if (!TSN_SCAN(s, " "))
		return;
	while (TSN_SCAN(s, " "))
		continue;
	if (TSN_SCAN(s, ": "))		/* "host : %ASA-..." */
		return;
	if (!scan_tag(s, h))
		scan_wide_tag(s, h);
}

/*
 * "message repeated 5 times: [ Failed password ...]" (rsyslog) means its inner message, that often;
 * "[ID 800047 auth.info] " (Solaris) says nothing more.
 */
static struct tsn_slice
without_envelope(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_scan s = tsn_scan_of(body);
	struct tsn_slice count, id;
	uint64_t n;

	if (TSN_LIKELY(body.len < 8 || (body.ptr[0] != 'm' && body.ptr[0] != '[')))
		return body;
	if (TSN_SCAN(&s, "[ID ") && tsn_scan_digits(&s).len > 0 && TSN_SCAN(&s, " ") &&
	    tsn_scan_to(&s, ']', &id) && TSN_SCAN(&s, " "))
		return tsn_scan_rest(&s);
	s = tsn_scan_of(body);
	if (!TSN_SCAN(&s, "message repeated "))
		return body;
	count = tsn_scan_digits(&s);
	if (tsn_num_parse_u64(count, &n) != TSN_OK || n == 0 || n > UINT32_MAX ||
	    !TSN_SCAN(&s, " times: [") || s.end == s.at || s.end[-1] != ']')
		return body;
	TSN_SCAN(&s, " ");
	s.end--;
	ctx->ev->repeat = (uint32_t)n;
	tsn_put_num(ctx, TSN_F_EVENT_COUNT, count);
	return tsn_scan_rest(&s);
}

enum tsn_code
tsn_syslog_message(struct tsn_parse_ctx *ctx, const struct tsn_syslog *h, struct tsn_slice body)
{
	tsn_put_some(ctx, TSN_F_HOST_NAME, h->host);
	tsn_put_some(ctx, TSN_F_PROCESS_NAME, h->program);
	if (h->pid.len > 0)
		tsn_put_num(ctx, TSN_F_PROCESS_PID, h->pid);
	if (TSN_UNLIKELY(h->priority >= 0))
		put_priority(ctx, h->priority);
	tsn_put_str(ctx, TSN_F_MESSAGE, body);
	body = without_envelope(ctx, body);
	if (tsn_parse_body(ctx, h, body) != TSN_OK)
		ctx->ev->dataset = TSN_SLICE("system.syslog");
	return TSN_OK;
}

/* "Nov 30 06:39:00" or "Nov  3 06:39:00", or with a year before the hour. */
static bool
looks_bsd(struct tsn_slice s)
{
	return s.len >= 15 && s.ptr[3] == ' ' &&
	    ((s.ptr[6] == ' ' && tsn_is_digit(s.ptr[5])) ||
	    (s.ptr[5] == ' ' && tsn_is_digit(s.ptr[4]) && s.ptr[8] == ':')) &&
	    tsn_date_month(s.ptr) != 0;
}

/*
 * Routers put a number, a name, or both before the date, and a mark for a clock that is not set:
 * "123: *Mar  1 18:46:11.123 UTC: %SYS-5-...", "123: host: 456: Mar 1 ...".  False, and s
 * untouched, when no date follows.
 */
static bool
scan_router(struct tsn_scan *s, struct tsn_syslog *h)
{
	struct tsn_scan at = *s;
	struct tsn_slice word, host = TSN_SLICE_NONE;

	for (int i = 0; i < 3; i++) {
		struct tsn_scan next = at;

		word = tsn_scan_word(&next);
		if (word.len < 2 || word.len > 64 || word.ptr[word.len - 1] != ':' ||
		    !TSN_SCAN(&next, " "))
			break;
		word.len--;
		if (!tsn_is_digit(word.ptr[0]) || tsn_slice_find_char(word, '.') != SIZE_MAX)
			host = word;
		at = next;
	}
	if (!TSN_SCAN(&at, "*"))
		TSN_SCAN(&at, ".");
	if (!looks_bsd(tsn_scan_rest(&at)))
		return false;
	h->host = host;
	*s = at;
	return true;
}

/* "web1 sshd[22]: text": what is left when a viewer has taken the time off. */
static enum tsn_probe
probe_bare(struct tsn_slice text)
{
	struct tsn_scan s = tsn_scan_of(text);
	struct tsn_syslog h = {.priority = -1};
	struct tsn_slice host = tsn_scan_word(&s);

	if (host.len == 0 || host.len > 64 || !TSN_SCAN(&s, " "))
		return TSN_PROBE_NO;
	for (size_t i = 0; i < host.len; i++)
		if (!tsn_is_digit(host.ptr[i]) && host.ptr[i] != '.' && host.ptr[i] != '-' &&
		    host.ptr[i] != '_' && !(tsn_lower(host.ptr[i]) >= 'a' && tsn_lower(host.ptr[i]) <= 'z'))
			return TSN_PROBE_NO;
	if (!scan_tag(&s, &h) || h.pid.len == 0 || !tsn_is_digit(h.pid.ptr[0]))
		return TSN_PROBE_NO;
	return TSN_PROBE_MAYBE;
}

static enum tsn_code
parse_syslog(struct tsn_parse_ctx *ctx, struct tsn_slice record)
{
	struct tsn_syslog h = {.priority = -1};
	struct tsn_scan s = tsn_scan_of(record);
	struct tsn_date when;
	size_t n = pri_length(record, &h.priority);

	s.at += n;
	if (TSN_UNLIKELY(n > 0 && tsn_syslog5424_is(tsn_scan_rest(&s))))
		return tsn_syslog5424_parse(ctx, h.priority, tsn_scan_rest(&s));
	n = tsn_date_bsd(&ctx->date, tsn_scan_rest(&s), &when);
	if (TSN_UNLIKELY(n == 0) && scan_router(&s, &h))
		n = tsn_date_bsd(&ctx->date, tsn_scan_rest(&s), &when);
	if (TSN_UNLIKELY(n == 0))
		n = tsn_date_iso(&ctx->date, tsn_scan_rest(&s), &when);
	if (TSN_LIKELY(n > 0)) {
		tsn_parse_set_time(ctx, &when);
		s.at += n;
		if (s.at < s.end && *s.at == ':') {	/* "Nov 30 06:39:00: %ASA" */
			s.at++;
			tsn_scan_blanks(&s);
			scan_tag(&s, &h);
		} else {
			scan_host_tag(&s, &h);
		}
	} else if (h.priority >= 0) {
		scan_tag(&s, &h);
	} else if (probe_bare(record) != TSN_PROBE_NO) {
		scan_host_tag(&s, &h);
	} else {
		return TSN_EPARSE;
	}
	return tsn_syslog_message(ctx, &h, tsn_scan_rest(&s));
}

/* An ISO time alone is too common: host and tag must follow. */
static enum tsn_probe
probe_iso(struct tsn_slice s)
{
	struct tsn_date_ctx ctx = {0};
	struct tsn_date when;
	struct tsn_syslog h = {0};
	struct tsn_scan scan = tsn_scan_of(s);
	size_t n = tsn_date_iso(&ctx, s, &when);

	if (n == 0)
		return TSN_PROBE_NO;
	scan.at += n;
	if (!TSN_SCAN(&scan, " "))
		return TSN_PROBE_NO;
	tsn_scan_blanks(&scan);
	h.host = tsn_scan_word(&scan);
	if (h.host.len == 0 || h.host.ptr[0] == '[' || !TSN_SCAN(&scan, " ") || !scan_tag(&scan, &h))
		return TSN_PROBE_NO;
	return when.zoned && (s.ptr[10] == 'T' || h.pid.len > 0) ? TSN_PROBE_YES : TSN_PROBE_MAYBE;
}

static enum tsn_probe
probe_syslog(struct tsn_slice s)
{
	struct tsn_scan scan = tsn_scan_of(s);
	struct tsn_syslog h;
	int priority;

	if (TSN_LIKELY(looks_bsd(s)))
		return TSN_PROBE_YES;
	if (s.ptr[0] == '<')
		return pri_length(s, &priority) > 0 ? TSN_PROBE_YES : TSN_PROBE_NO;
	if (tsn_is_digit(s.ptr[0]) && probe_iso(s) != TSN_PROBE_NO)
		return probe_iso(s);
	return scan_router(&scan, &h) ? TSN_PROBE_YES : TSN_PROBE_NO;
}

const struct tsn_parser_desc tsn_parser_syslog = {
	.kind = "system.syslog",
	.doc = "syslog, RFC 3164 and RFC 5424, from the network or a file",
	.first = "<*.0123456789JFMASOND",
	.probe = probe_syslog,
	.parse = parse_syslog,
};

const struct tsn_parser_desc tsn_parser_syslog_bare = {
	.kind = "system.syslog",
	.doc = "lines of syslog without their time",
	.probe = probe_bare,
	.parse = parse_syslog,
};
