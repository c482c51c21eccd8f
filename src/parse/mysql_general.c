/*
 * MySQL's general query log, in every layout:
 *
 *	051007 21:55:24\t     42 Connect     root@localhost on db1	before 5.7; no time when it is
 *	\t\t     42 Query       SELECT 1					the same as before
 *	2016-06-07T19:07:02.558338Z\t    3 Query\tSELECT 1			since 5.7
 *	2017-02-16T23:29:00.813Z localhost 170216 19:10:15 37 Query SELECT 1	as a shipper sends it
 */
#include "parse/mysql.h"
#include "parse/sql.h"
#include "parse/web.h"

enum action { A_OTHER, A_CONNECT, A_QUIT, A_QUERY, A_DATABASE, A_USER };

#define C(name, action) {name, sizeof name - 1, action}
static const struct {
	const char *name;
	size_t len;
	enum action action;
} commands[] = {
	C("Query", A_QUERY), C("Execute", A_QUERY), C("Prepare", A_QUERY), C("Connect", A_CONNECT),
	C("Quit", A_QUIT), C("Init DB", A_DATABASE), C("Change user", A_USER),
	C("Sleep", A_OTHER), C("Field List", A_OTHER), C("Create DB", A_OTHER), C("Drop DB", A_OTHER),
	C("Refresh", A_OTHER), C("Shutdown", A_OTHER), C("Statistics", A_OTHER),
	C("Processlist", A_OTHER), C("Kill", A_OTHER), C("Debug", A_OTHER), C("Ping", A_OTHER),
	C("Time", A_OTHER), C("Delayed insert", A_OTHER), C("Binlog Dump GTID", A_OTHER),
	C("Binlog Dump", A_OTHER), C("Table Dump", A_OTHER), C("Connect Out", A_OTHER),
	C("Register Slave", A_OTHER), C("Register Replica", A_OTHER), C("Long Data", A_OTHER),
	C("Close stmt", A_OTHER), C("Reset stmt", A_OTHER), C("Set option", A_OTHER),
	C("Fetch", A_OTHER), C("Daemon", A_OTHER), C("Error", A_OTHER), C("Reset Connection", A_OTHER),
	C("Bulk_execute", A_OTHER), C("Stmt_bulk_execute", A_OTHER),
};

struct line {
	struct tsn_date when;		/* TSN_TIME_NONE: as before */
	struct tsn_slice host;		/* of the shipper's layout */
	struct tsn_slice id;
	struct tsn_slice command;
	struct tsn_slice argument;
	enum action action;
};

static bool
scan_command(struct tsn_scan *s, struct line *l)
{
	l->command = TSN_SLICE_NONE;
	for (size_t i = 0; i < TSN_COUNT(commands); i++) {
		size_t len = commands[i].len;
		const char *end = s->at + len;

		if (len <= l->command.len || s->at == s->end || *s->at != commands[i].name[0] ||
		    !tsn_scan_is(s, commands[i].name, len))
			continue;
		if (end < s->end && *end != ' ' && *end != '\t' && *end != '\n' && *end != '\r')
			continue;
		l->command = tsn_slice_of(s->at, len);
		l->action = commands[i].action;
	}
	s->at += l->command.len;
	return l->command.len > 0;
}

/* "170216 19:10:15" or "170216  9:10:15", then tabs or blanks. */
static bool
scan_short_time(struct tsn_date_ctx *ctx, struct tsn_scan *s, struct tsn_date *ret)
{
	size_t n = tsn_mysql_date(ctx, tsn_scan_rest(s), ret);

	if (n == 0)
		return false;
	s->at += n;
	return true;
}

static bool
scan_id(struct tsn_scan *s, struct line *l)
{
	tsn_scan_blanks(s);
	l->id = tsn_scan_digits(s);
	return l->id.len > 0 && l->id.len <= 20 && TSN_SCAN(s, " ") && scan_command(s, l);
}

/* Behind the shipper's time: a host, perhaps MySQL's own time, then the entry. */
static bool
scan_shipped(struct tsn_date_ctx *ctx, struct tsn_scan *s, struct line *l)
{
	struct tsn_date own;
	struct tsn_scan at = *s;

	if (!TSN_SCAN(&at, " "))
		return false;
	l->host = tsn_scan_word(&at);
	tsn_scan_blanks(&at);
	(void)scan_short_time(ctx, &at, &own);
	if (l->host.len == 0 || !scan_id(&at, l))
		return false;
	*s = at;
	return true;
}

static bool
scan_line(struct tsn_date_ctx *ctx, struct tsn_slice record, struct line *l)
{
	struct tsn_scan s = tsn_scan_of(record), at;
	size_t n;

	*l = (struct line){.when = {TSN_TIME_NONE, false}};
	if (s.at == s.end)
		return false;
	if (!tsn_is_digit(*s.at)) {
		if (*s.at != ' ' && *s.at != '\t')
			return false;
		if (!scan_id(&s, l))
			return false;
	} else if (record.len > 20 && record.ptr[10] == 'T') {
		n = tsn_date_iso(ctx, record, &l->when);
		if (n == 0)
			return false;
		s.at += n;
		at = s;
		if (!scan_id(&at, l)) {
			at = s;
			if (!scan_shipped(ctx, &at, l))
				return false;
		}
		s = at;
	} else if (record.len > 16 && record.ptr[6] == ' ') {
		if (!scan_short_time(ctx, &s, &l->when) || !scan_id(&s, l))
			return false;
	} else {
		return false;
	}
	l->argument = tsn_slice_trim(tsn_scan_rest(&s));
	return true;
}

static enum tsn_probe
probe_general(struct tsn_slice s)
{
	struct tsn_date_ctx ctx = {0};
	struct line l;
	size_t look = s.len < 256 ? s.len : 256;

	if (s.len < 8 || (tsn_is_digit(s.ptr[0]) && s.ptr[6] != ' ' &&
	    (s.len < 20 || s.ptr[10] != 'T')))
		return TSN_PROBE_NO;
	return scan_line(&ctx, tsn_slice_of(s.ptr, look), &l) ? TSN_PROBE_YES : TSN_PROBE_NO;
}

/* "root@localhost on db1 using TCP/IP", "root@localhost as anonymous on " */
static void
connect_to(struct tsn_mysql_session *sess, struct tsn_slice arg)
{
	size_t on = tsn_slice_rfind(arg, TSN_SLICE(" on"));
	struct tsn_slice account = arg, database = TSN_SLICE_NONE;
	size_t at;

	if (on != SIZE_MAX && (on + 3 == arg.len || arg.ptr[on + 3] == ' ')) {
		struct tsn_scan s = tsn_scan_of(tsn_slice_from(arg, on + 3));

		tsn_scan_blanks(&s);
		if (!tsn_scan_is(&s, "using ", 6))
			database = tsn_scan_word(&s);
		account.len = on;
	}
	at = tsn_slice_find(account, TSN_SLICE(" as "));
	if (at != SIZE_MAX)
		account.len = at;
	at = tsn_slice_rfind(account, TSN_SLICE("@"));
	tsn_mysql_keep(sess->user, sizeof sess->user, &sess->user_len,
	    at == SIZE_MAX ? account : tsn_slice_of(account.ptr, at));
	tsn_mysql_keep(sess->host, sizeof sess->host, &sess->host_len,
	    at == SIZE_MAX ? TSN_SLICE_NONE : tsn_slice_trim(tsn_slice_from(account, at + 1)));
	tsn_mysql_keep(sess->database, sizeof sess->database, &sess->database_len, database);
}

static struct tsn_slice
dup(struct tsn_parse_ctx *ctx, const char *p, size_t len)
{
	return len == 0 ? TSN_SLICE_NONE :
			  tsn_arena_dup(&ctx->batch->arena, tsn_slice_of(p, len));
}

static void
put_session(struct tsn_parse_ctx *ctx, const struct tsn_mysql_session *sess)
{
	tsn_mysql_put_account(ctx, dup(ctx, sess->user, sess->user_len),
	    dup(ctx, sess->host, sess->host_len));
	tsn_put_some(ctx, TSN_F_SQL_DATABASE, dup(ctx, sess->database, sess->database_len));
}

/* The statement of "[3] SELECT 1" as Prepare and Execute write it. */
static struct tsn_slice
statement_of(const struct line *l)
{
	struct tsn_scan s = tsn_scan_of(l->argument);

	if (TSN_SCAN(&s, "[") && tsn_scan_digits(&s).len > 0 && TSN_SCAN(&s, "]"))
		return tsn_slice_trim(tsn_scan_rest(&s));
	return l->argument;
}

static void
put_command(struct tsn_parse_ctx *ctx, struct tsn_mysql_state *st, const struct line *l,
    uint64_t id)
{
	struct tsn_mysql_session *sess = NULL;

	switch (l->action) {
	case A_CONNECT:
	case A_USER:
		if (tsn_mysql_put_denied(ctx, l->argument)) {
			tsn_mysql_close(st, id);
			return;
		}
		sess = tsn_mysql_open(st, id);
		if (sess != NULL)
			connect_to(sess, l->argument);
		TSN_SQL_EVENT(ctx, "start", "login", "success");
		break;
	case A_QUIT:
		sess = tsn_mysql_find(st, id);
		TSN_SQL_EVENT(ctx, "end", "logout", "");
		break;
	case A_DATABASE:
		sess = tsn_mysql_open(st, id);
		if (sess != NULL)
			tsn_mysql_keep(sess->database, sizeof sess->database, &sess->database_len,
			    l->argument);
		TSN_SQL_EVENT(ctx, "access", "use_database", "");
		break;
	case A_QUERY:
		sess = tsn_mysql_find(st, id);
		TSN_SQL_EVENT(ctx, "access", "query", "");
		tsn_sql_put_query(ctx, statement_of(l));
		break;
	case A_OTHER:
	default:
		sess = tsn_mysql_find(st, id);
		TSN_SQL_EVENT(ctx, "info", "", "");
		break;
	}
	if (sess != NULL)
		put_session(ctx, sess);
	if (l->action == A_QUIT)
		tsn_mysql_close(st, id);
}

static enum tsn_code
parse_general(struct tsn_parse_ctx *ctx, struct tsn_slice record)
{
	struct tsn_mysql_state *st = tsn_mysql_state(ctx);
	struct line l;
	uint64_t id;

	if (!scan_line(&ctx->date, record, &l) || tsn_num_parse_u64(l.id, &id) != TSN_OK)
		return TSN_EPARSE;
	if (l.when.ns != TSN_TIME_NONE)
		tsn_mysql_set_time(ctx, st, &l.when);
	else
		tsn_mysql_same_time(ctx, st);
	tsn_put_some(ctx, TSN_F_HOST_NAME, l.host);
	tsn_put_num(ctx, TSN_F_MYSQL_THREAD_ID, l.id);
	tsn_put_str(ctx, TSN_F_MYSQL_COMMAND, l.command);
	if (l.action != A_QUERY)
		tsn_put_some(ctx, TSN_F_MYSQL_ARGUMENT, l.argument);
	put_command(ctx, st, &l, id);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_mysql_general = {
	.kind = "mysql.general",
	.doc = "MySQL's general query log; the account of a Connect goes to the thread's queries",
	.first = "0123456789 \t",
	.probe = probe_general,
	.parse = parse_general,
};

/*
 * The lines a server writes when it opens its general or slow log: the first one says that it
 * has started and its version, the other two are only headings.
 */
static bool
is_banner(struct tsn_slice s)
{
	return tsn_slice_ends(tsn_slice_trim(s), TSN_SLICE("started with:")) &&
	    tsn_slice_find(s, TSN_SLICE(", Version: ")) != SIZE_MAX;
}

static bool
is_heading(struct tsn_slice s)
{
	return TSN_STARTS(s, "Tcp port: ") || TSN_STARTS(s, "Time                 Id Command") ||
	    TSN_STARTS(s, "TCP Port: ");
}

static enum tsn_probe
probe_banner(struct tsn_slice s)
{
	if (s.ptr[0] == 'T')
		return is_heading(s) ? TSN_PROBE_YES : TSN_PROBE_NO;
	return s.len < 1024 && is_banner(s) ? TSN_PROBE_YES : TSN_PROBE_NO;
}

static enum tsn_code
parse_banner(struct tsn_parse_ctx *ctx, struct tsn_slice record)
{
	struct tsn_slice version;
	size_t at;

	if (is_heading(record)) {
		ctx->framing = true;
		return TSN_OK;
	}
	at = tsn_slice_find(record, TSN_SLICE(", Version: "));
	if (at == SIZE_MAX)
		return TSN_EPARSE;
	version = tsn_slice_from(record, at + 11);
	at = tsn_slice_find(version, TSN_SLICE(" "));
	if (at != SIZE_MAX)
		version.len = at;
	if (version.len > 0 && version.ptr[version.len - 1] == ',')
		version.len--;
	tsn_mysql_same_time(ctx, tsn_mysql_state(ctx));
	TSN_SQL_EVENT(ctx, "start", "server_start", "");
	tsn_put_some(ctx, TSN_F_SERVICE_VERSION, version);
	tsn_put_str(ctx, TSN_F_MESSAGE, record);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_mysql_banner = {
	.kind = "mysql.server",
	.doc = "what a MySQL server writes when it opens its general or slow log",
	.probe = probe_banner,
	.parse = parse_banner,
};
