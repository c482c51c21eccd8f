/*
 * The error log of MySQL and MariaDB.
 *
 *	130324 17:56:13 [Warning] text
 *	2015-10-07  8:25:38 139845235329792 [Warning] text
 *	2019-01-03T08:50:04.634875Z 113 [Note] [MY-010926] [Server] text
 */
#include "parse/mysql.h"
#include "parse/sql.h"

struct head {
	struct tsn_date when;
	struct tsn_slice id;
	struct tsn_slice level;
	struct tsn_slice code;
	struct tsn_slice subsystem;
};

static bool
scan_bracket(struct tsn_scan *s, struct tsn_slice *ret)
{
	struct tsn_scan at = *s;

	tsn_scan_blanks(&at);
	if (!TSN_SCAN(&at, "[") || !tsn_scan_to(&at, ']', ret) || ret->len == 0 || ret->len > 32)
		return false;
	*s = at;
	return true;
}

/* "2015-10-07  8:25:38": an hour of one digit, which has two blanks before it. */
static size_t
date_of(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret)
{
	char fixed[20];
	size_t n = tsn_date_iso(ctx, s, ret);

	if (n == 0)
		n = tsn_mysql_date(ctx, s, ret);
	if (n == 0 && s.len >= 19 && s.ptr[4] == '-' && s.ptr[10] == ' ' && s.ptr[11] == ' ') {
		memcpy(fixed, s.ptr, 19);
		fixed[11] = '0';
		n = tsn_date_iso(ctx, tsn_slice_of(fixed, 19), ret);
	}
	return n;
}

static bool
scan_head(struct tsn_date_ctx *ctx, struct tsn_scan *s, struct head *h, bool in_syslog)
{
	static const char *const levels[] = {"Note", "Warning", "ERROR", "System", "Error", "Info"};
	size_t n = date_of(ctx, tsn_scan_rest(s), &h->when);

	if (n == 0 && !in_syslog)
		return false;
	s->at += n;
	tsn_scan_blanks(s);
	h->id = tsn_scan_digits(s);
	if (!scan_bracket(s, &h->level))
		return false;
	for (size_t i = 0; i < TSN_COUNT(levels); i++) {
		if (!tsn_slice_eq(h->level, tsn_slice_cstr(levels[i])))
			continue;
		if (tsn_scan_is(s, " [MY-", 5)) {
			(void)scan_bracket(s, &h->code);
			(void)scan_bracket(s, &h->subsystem);
		}
		tsn_scan_blanks(s);
		return true;
	}
	return false;
}

static enum tsn_probe
probe_error(struct tsn_slice s)
{
	struct tsn_date_ctx ctx = {0};
	struct tsn_scan c = tsn_scan_of(tsn_slice_of(s.ptr, s.len < 128 ? s.len : 128));
	struct head h = {0};

	if (s.len < 24 || (s.ptr[6] != ' ' && s.ptr[4] != '-'))
		return TSN_PROBE_NO;
	return scan_head(&ctx, &c, &h, false) ? TSN_PROBE_YES : TSN_PROBE_NO;
}

static struct tsn_slice
level_of(struct tsn_slice v)
{
	switch (v.ptr[0]) {
	case 'W':
		return TSN_SLICE("warning");
	case 'E':
		return TSN_SLICE("error");
	case 'S':
		return TSN_SLICE("system");
	default:
		return v.ptr[0] == 'I' ? TSN_SLICE("info") : TSN_SLICE("note");
	}
}

static enum tsn_code
parse_error(struct tsn_parse_ctx *ctx, struct tsn_slice record)
{
	struct tsn_scan s = tsn_scan_of(record);
	struct head h = {.when = {TSN_TIME_NONE, false}};
	struct tsn_slice text;

	if (scan_head(&ctx->date, &s, &h, ctx->syslog != NULL)) {
		if (ctx->syslog == NULL)
			tsn_parse_set_time(ctx, &h.when);
		tsn_put_str(ctx, TSN_F_LOG_LEVEL, level_of(h.level));
		tsn_put_num(ctx, TSN_F_MYSQL_THREAD_ID, h.id);
		tsn_put_some(ctx, TSN_F_ERROR_CODE, h.code);
		tsn_put_some(ctx, TSN_F_MYSQL_ERROR_SUBSYSTEM, h.subsystem);
	} else if (ctx->syslog == NULL) {
		return TSN_EPARSE;
	} else {
		s = tsn_scan_of(record);
	}
	text = tsn_scan_rest(&s);
	if (ctx->syslog == NULL)
		tsn_put_str(ctx, TSN_F_MESSAGE, text);
	/* the text must begin with it: a name or a query inside a message may hold anything */
	if (!TSN_STARTS(text, "Access denied for user '") || !tsn_mysql_put_denied(ctx, text))
		TSN_SQL_EVENT(ctx, "info", "", "");
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_mysql_error = {
	.kind = "mysql.error",
	.doc = "error log of MySQL and MariaDB",
	.first = "0123456789",
	.programs = "mysqld mariadbd mysqld_safe mysqld-auth mariadb",
	.flags = TSN_PARSER_BODY,
	.probe = probe_error,
	.parse = parse_error,
};
