/*
 * PostgreSQL's log as text, with any usual log_line_prefix: on stderr, in syslog, in CloudSQL.
 *
 *	2021-12-03 07:14:48.591 UTC [4913] user=u,db=d LOG:  duration: 0.2 ms  statement: select 1
 *	2021-05-27 17:00:00 UTC:10.1.91.65(5432):user@my_db:[24743]:LOG:  ...
 *	Feb 10 23:15:39 host postgres[10808]: [3-1] db=,user=,app=,client= LOG:  ...
 */
#include "parse/pg.h"
#include "parse/web.h"

/* A prefix is no longer than this. */
#define PREFIX_MAX 512u

/* key=value parts of a prefix; false when v is none. */
static bool
put_key(struct tsn_parse_ctx *ctx, struct tsn_slice key, struct tsn_slice v)
{
	if (TSN_EQ(key, "user") || TSN_EQ(key, "u"))
		tsn_pg_put_user(ctx, v);
	else if (TSN_EQ(key, "db") || TSN_EQ(key, "database") || TSN_EQ(key, "d"))
		tsn_pg_put_database(ctx, v);
	else if (TSN_EQ(key, "app") || TSN_EQ(key, "application") || TSN_EQ(key, "a"))
		tsn_pg_put_application(ctx, v);
	else if (TSN_EQ(key, "client") || TSN_EQ(key, "host") || TSN_EQ(key, "remote") ||
	    TSN_EQ(key, "h") || TSN_EQ(key, "r"))
		tsn_pg_put_remote(ctx, v);
	else if (TSN_EQ(key, "pid") || TSN_EQ(key, "p"))
		tsn_put_num(ctx, TSN_F_PROCESS_PID, v);
	else if (TSN_EQ(key, "session") || TSN_EQ(key, "sess"))
		tsn_put_some(ctx, TSN_F_POSTGRESQL_LOG_SESSION_ID, v);
	else if (TSN_EQ(key, "line") || TSN_EQ(key, "l"))
		tsn_put_num(ctx, TSN_F_POSTGRESQL_LOG_SESSION_LINE, v);
	else if (TSN_EQ(key, "vxid") || TSN_EQ(key, "vx") || TSN_EQ(key, "v"))
		tsn_put_some(ctx, TSN_F_POSTGRESQL_LOG_VXID, v);
	else if (TSN_EQ(key, "xid") || TSN_EQ(key, "x"))
		tsn_put_some(ctx, TSN_F_POSTGRESQL_LOG_XID, v);
	else if (TSN_EQ(key, "sqlstate") || TSN_EQ(key, "state") || TSN_EQ(key, "e"))
		tsn_put_some(ctx, TSN_F_POSTGRESQL_LOG_SQL_STATE, v);
	else
		return false;
	return true;
}

static bool
is_name(struct tsn_slice v)
{
	for (size_t i = 0; i < v.len; i++)
		if ((v.ptr[i] < 'a' || v.ptr[i] > 'z') && v.ptr[i] != '_')
			return false;
	return v.len > 0 && v.len <= 16;
}

/* "user=u,db=d,app=my app,client=[local]": a value ends where ",name=" or " name=" follows. */
static void
put_keys(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	size_t at = 0;

	for (unsigned n = 0; n < 32 && at < text.len; n++) {
		struct tsn_slice rest = tsn_slice_from(text, at), key, v;
		size_t eq = tsn_slice_find_char(rest, '='), from = eq, end;

		if (eq == SIZE_MAX)
			return;
		while (from > 0 && rest.ptr[from - 1] != ',' && rest.ptr[from - 1] != ' ' &&
		    rest.ptr[from - 1] != '[' && rest.ptr[from - 1] != ':')
			from--;
		key = tsn_slice_of(rest.ptr + from, eq - from);
		for (end = eq + 1; end < rest.len; end++) {
			struct tsn_slice tail = tsn_slice_from(rest, end + 1);
			size_t next = tsn_slice_find_char(tail, '=');

			if (rest.ptr[end] != ',' && rest.ptr[end] != ' ')
				continue;
			if (next == SIZE_MAX ? rest.ptr[end] == ' ' || tail.len == 0 :
					       is_name(tsn_slice_of(tail.ptr, next)))
				break;
			if (rest.ptr[end] == ' ' && next == SIZE_MAX)
				break;
		}
		v = tsn_slice_trim(tsn_slice_of(rest.ptr + eq + 1, end - eq - 1));
		if (v.len > 0 && (v.ptr[v.len - 1] == ':' || v.ptr[v.len - 1] == ','))
			v.len--;
		(void)put_key(ctx, key, v);
		at += end;
	}
}

static bool
all_digits(struct tsn_slice v)
{
	for (size_t i = 0; i < v.len; i++)
		if (!tsn_is_digit(v.ptr[i]))
			return false;
	return v.len > 0;
}

/* "[4913]", "[12-1]" behind a pid, "[4913-3]" without one before. */
static void
put_bracket(struct tsn_parse_ctx *ctx, struct tsn_slice v, bool *pid)
{
	size_t dash = tsn_slice_find_char(v, '-');
	struct tsn_slice a = dash == SIZE_MAX ? v : tsn_slice_of(v.ptr, dash);
	struct tsn_slice b = dash == SIZE_MAX ? TSN_SLICE_NONE : tsn_slice_from(v, dash + 1);

	if (!all_digits(a) || (dash != SIZE_MAX && !all_digits(b))) {
		if (TSN_EQ(v, "local"))
			return;
		tsn_pg_put_remote(ctx, v);
		return;
	}
	if (!*pid) {
		tsn_put_num(ctx, TSN_F_PROCESS_PID, a);
		if (b.len > 0)
			tsn_put_num(ctx, TSN_F_POSTGRESQL_LOG_SESSION_LINE, b);
		*pid = true;
	} else {
		tsn_put_num(ctx, TSN_F_POSTGRESQL_LOG_SESSION_LINE, a);
	}
}

/* One blank-separated word of the prefix that is no key=value. */
static void
put_word(struct tsn_parse_ctx *ctx, struct tsn_slice w)
{
	size_t at = tsn_slice_rfind(w, TSN_SLICE("@"));
	struct tsn_slice port;

	while (w.len > 0 && (w.ptr[w.len - 1] == ':' || w.ptr[w.len - 1] == ','))
		w.len--;
	if (w.len == 0)
		return;
	if (at != SIZE_MAX && at < w.len) {
		/* remote:user@db or user@db */
		struct tsn_slice user = tsn_slice_of(w.ptr, at), db = tsn_slice_from(w, at + 1);
		size_t colon = tsn_slice_rfind(user, TSN_SLICE(":"));

		if (colon != SIZE_MAX) {
			tsn_pg_put_remote(ctx, tsn_slice_of(user.ptr, colon));
			user = tsn_slice_from(user, colon + 1);
		}
		colon = tsn_slice_find_char(db, ':');
		if (colon != SIZE_MAX)
			db.len = colon;
		tsn_pg_put_user(ctx, user);
		tsn_pg_put_database(ctx, db);
		return;
	}
	if (w.ptr[w.len - 1] == ')' ? tsn_slice_find_char(w, '(') != SIZE_MAX :
				      tsn_scan_is_ip(tsn_web_split_port(w, &port)))
		tsn_pg_put_remote(ctx, w);
}

/* What stands between the time and the label. */
static void
put_prefix(struct tsn_parse_ctx *ctx, struct tsn_slice prefix, bool pid)
{
	struct tsn_scan s = tsn_scan_of(prefix);
	bool keys = tsn_slice_find_char(prefix, '=') != SIZE_MAX;

	if (keys)
		put_keys(ctx, prefix);
	for (unsigned n = 0; n < 32 && s.at < s.end; n++) {
		struct tsn_slice v;
		const char *from;

		while (s.at < s.end && (*s.at == ' ' || *s.at == ':' || *s.at == ','))
			s.at++;
		from = s.at;
		if (TSN_SCAN(&s, "[")) {
			if (!tsn_scan_to(&s, ']', &v))
				return;
			if (!keys || all_digits(tsn_slice_of(v.ptr, v.len > 0)))
				put_bracket(ctx, v, &pid);
			continue;
		}
		while (s.at < s.end && *s.at != ' ' && *s.at != '[')
			s.at++;
		v = tsn_slice_of(from, (size_t)(s.at - from));
		if (!keys)
			put_word(ctx, v);
	}
}

/* "user@db:[24743]:" has no blanks; the time's zone ends at a blank or colon. */
static enum tsn_code
parse_stderr(struct tsn_parse_ctx *ctx, struct tsn_slice record)
{
	struct tsn_date d = {TSN_TIME_NONE, false};
	struct tsn_slice label, text;
	size_t n = tsn_date_iso(&ctx->date, record, &d), at;

	if (n == 0)
		n = tsn_date_epoch(record, &d);	/* %n */
	at = tsn_pg_find_label(record, &label, &text);
	if (n == 0 || at == SIZE_MAX || at < n || at > PREFIX_MAX)
		return TSN_EPARSE;
	tsn_parse_set_time(ctx, &d);
	put_prefix(ctx, tsn_slice_of(record.ptr + n, at - n), false);
	tsn_pg_put_message(ctx, label, text);
	return TSN_OK;
}

static enum tsn_probe
probe_stderr(struct tsn_slice s)
{
	struct tsn_slice label, text;
	size_t at;

	if (s.len < 24 || (s.ptr[4] != '-' && s.ptr[10] != '.') ||
	    (s.ptr[4] == '-' && (s.ptr[10] != ' ' || s.ptr[13] != ':')))
		return TSN_PROBE_NO;
	at = tsn_pg_find_label(s, &label, &text);
	if (at == SIZE_MAX || at > PREFIX_MAX)
		return TSN_PROBE_NO;
	/* PostgreSQL writes two blanks behind the colon; others may have turned them into one */
	if (text.ptr - (label.ptr + label.len) >= 3 || TSN_EQ(label, "STATEMENT") ||
	    memchr(s.ptr, '[', at) != NULL)
		return TSN_PROBE_YES;
	return TSN_PROBE_MAYBE;
}

/* Behind "]: " of the next line's syslog header and its "[n-m] ". */
static struct tsn_slice
chunk_of(struct tsn_slice line)
{
	size_t at = tsn_slice_find(line, TSN_SLICE("]: [")), end;

	if (at == SIZE_MAX)
		return line;
	line = tsn_slice_from(line, at + 3);
	end = tsn_slice_find(line, TSN_SLICE("] "));
	return end == SIZE_MAX ? line : tsn_slice_from(line, end + 2);
}

/*
 * The lines of one message in syslog, joined: "#011" begins a line of the message; a chunk with a
 * label of its own is another part; anything else was cut off the chunk before.
 */
static struct tsn_slice
join_chunks(struct tsn_parse_ctx *ctx, struct tsn_slice body, struct tsn_scan *ret_parts)
{
	struct tsn_scan s = tsn_scan_of(body);
	struct tsn_slice line = tsn_scan_field(&s, '\n'), label, text;
	char *out, *to;

	*ret_parts = s;
	if (s.at == s.end)
		return line;
	to = out = tsn_arena_alloc(&ctx->batch->arena, body.len);
	if (out == NULL)
		return line;
	memcpy(to, line.ptr, line.len);
	to += line.len;
	while (s.at < s.end) {
		*ret_parts = s;
		line = tsn_scan_field(&s, '\n');
		line = chunk_of(line);
		if (TSN_STARTS(line, "#011") || TSN_STARTS(line, "\t")) {
			*to++ = '\n';
			line = tsn_slice_from(line, line.ptr[0] == '\t' ? 1 : 4);
		} else if (tsn_pg_find_label(line, &label, &text) != SIZE_MAX && tsn_pg_is_part(label)) {
			break;
		}
		memcpy(to, line.ptr, line.len);
		to += line.len;
		*ret_parts = s;
	}
	return tsn_slice_of(out, (size_t)(to - out));
}

enum tsn_code
tsn_pg_parse_line(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_scan s, more;
	struct tsn_slice label, text, mark;
	struct tsn_date d;
	size_t at, n;

	body = join_chunks(ctx, body, &more);
	n = tsn_date_iso(&ctx->date, body, &d);	/* %m in the prefix although syslog has a time */
	if (n > 0)
		tsn_parse_set_time(ctx, &d);
	at = tsn_pg_find_label(body, &label, &text);
	if (at == SIZE_MAX || at > PREFIX_MAX || at < n)
		return TSN_EPARSE;
	s = tsn_scan_of(tsn_slice_of(body.ptr + n, at - n));
	if (n == 0 && TSN_SCAN(&s, "[") && tsn_scan_to(&s, ']', &mark)) {
		size_t dash = tsn_slice_find_char(mark, '-');

		if (dash != SIZE_MAX)
			tsn_put_num(ctx, TSN_F_POSTGRESQL_LOG_SESSION_LINE,
			    tsn_slice_of(mark.ptr, dash));
		else
			s.at = body.ptr;
	}
	put_prefix(ctx, tsn_scan_rest(&s), ctx->syslog != NULL && ctx->syslog->pid.len > 0);
	tsn_pg_put_message(ctx, label, text);
	for (unsigned i = 0; i < 16 && more.at < more.end; i++) {
		struct tsn_slice part = chunk_of(tsn_scan_field(&more, '\n'));

		if (tsn_pg_find_label(part, &label, &text) != SIZE_MAX)
			tsn_pg_put_part(ctx, label, text);
	}
	return TSN_OK;
}

static enum tsn_code
parse_syslog(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	return ctx->syslog == NULL ? parse_stderr(ctx, body) : tsn_pg_parse_line(ctx, body);
}

const struct tsn_parser_desc tsn_parser_postgresql = {
	.kind = "postgresql.log",
	.doc = "PostgreSQL's log as text, with any usual log_line_prefix, also through syslog",
	.first = "0123456789",
	.programs = "postgres postgresql postmaster",
	.probe = probe_stderr,
	.parse = parse_syslog,
};

/* "2018-09-12 16:08:54.775 3394 LOG C-0x5623: db/user@127.0.0.1:43866 login attempt: ..." */
static enum tsn_code
parse_pgbouncer(struct tsn_parse_ctx *ctx, struct tsn_slice record)
{
	struct tsn_scan s = tsn_scan_of(record), in;
	struct tsn_date d = {TSN_TIME_NONE, false};
	struct tsn_slice pid, level, who, v;
	size_t n = ctx->syslog != NULL ? 0 : tsn_date_iso(&ctx->date, record, &d);

	if (n == 0 && ctx->syslog == NULL)
		return TSN_EPARSE;
	s.at += n;
	tsn_scan_blanks(&s);
	(void)TSN_SCAN(&s, "[");
	pid = tsn_scan_digits(&s);
	(void)TSN_SCAN(&s, "]");
	tsn_scan_blanks(&s);
	level = tsn_scan_word(&s);
	if (ctx->syslog == NULL && (pid.len == 0 || level.len < 3))
		return TSN_EPARSE;
	if (n > 0) {
		tsn_parse_set_time(ctx, &d);
		tsn_put_num(ctx, TSN_F_PROCESS_PID, pid);
		tsn_put_str(ctx, TSN_F_LOG_LEVEL, level);
		tsn_scan_blanks(&s);
	} else {
		s = tsn_scan_of(record);
	}
	if (ctx->syslog == NULL)
		tsn_put_str(ctx, TSN_F_MESSAGE, tsn_scan_rest(&s));
	TSN_PUT_LIT(ctx, TSN_F_EVENT_CATEGORY, "database");
	in = s;
	if ((TSN_SCAN(&in, "C-0x") || TSN_SCAN(&in, "S-0x")) && tsn_scan_to(&in, ':', &v)) {
		size_t slash, at;

		tsn_put_str(ctx, TSN_F_PGBOUNCER_SOCKET,
		    tsn_slice_of(s.at, (size_t)(v.ptr + v.len - s.at)));
		tsn_scan_blanks(&in);
		who = tsn_scan_word(&in);
		tsn_scan_blanks(&in);
		slash = tsn_slice_find_char(who, '/');
		at = tsn_slice_rfind(who, TSN_SLICE("@"));
		if (slash != SIZE_MAX && at != SIZE_MAX && slash < at) {
			struct tsn_slice db = {who.ptr, slash};
			struct tsn_slice user = {who.ptr + slash + 1, at - slash - 1};

			if (!TSN_EQ(db, "(nodb)"))
				tsn_pg_put_database(ctx, db);
			if (!TSN_EQ(user, "(nouser)"))
				tsn_pg_put_user(ctx, user);
			if (*s.at == 'C')
				tsn_pg_put_remote(ctx, tsn_slice_from(who, at + 1));
			s = in;
		}
	}
	v = tsn_scan_rest(&s);
	if (TSN_STARTS(v, "login attempt:")) {
		TSN_PUT_LIT(ctx, TSN_F_EVENT_ACTION, "login");
		TSN_PUT_LIT(ctx, TSN_F_EVENT_TYPE, "start");
	} else if (TSN_STARTS(v, "closing because: ")) {
		TSN_PUT_LIT(ctx, TSN_F_EVENT_ACTION, "connection_closed");
		TSN_PUT_LIT(ctx, TSN_F_EVENT_TYPE, "end");
		tsn_put_some(ctx, TSN_F_EVENT_REASON, tsn_slice_from(v, 17));
	} else if (tsn_slice_find(v, TSN_SLICE("ooler error: ")) != SIZE_MAX ||
	    tsn_slice_find(v, TSN_SLICE("authentication failed")) != SIZE_MAX) {
		TSN_PUT_LIT(ctx, TSN_F_EVENT_ACTION, "login");
		TSN_PUT_LIT(ctx, TSN_F_EVENT_OUTCOME, "failure");
		tsn_put_some(ctx, TSN_F_ERROR_MESSAGE, v);
	}
	return TSN_OK;
}

static enum tsn_probe
probe_pgbouncer(struct tsn_slice s)
{
	static const char *const levels[] = {"LOG ", "DEBUG ", "WARNING ", "ERROR ", "FATAL ",
	    "NOISE "};
	struct tsn_scan c = tsn_scan_of(s);

	if (s.len < 30 || s.ptr[4] != '-' || s.ptr[10] != ' ' || s.ptr[19] != '.')
		return TSN_PROBE_NO;
	c.at += 19;
	(void)tsn_scan_word(&c);
	for (unsigned zone = 0; zone < 2; zone++) {
		tsn_scan_blanks(&c);
		(void)TSN_SCAN(&c, "[");
		if (tsn_scan_digits(&c).len > 0) {
			(void)TSN_SCAN(&c, "]");
			tsn_scan_blanks(&c);
			for (size_t i = 0; i < TSN_COUNT(levels); i++)
				if (tsn_slice_starts(tsn_scan_rest(&c), tsn_slice_cstr(levels[i])))
					return TSN_PROBE_YES;
			return TSN_PROBE_NO;
		}
		(void)tsn_scan_word(&c);
	}
	return TSN_PROBE_NO;
}

const struct tsn_parser_desc tsn_parser_pgbouncer = {
	.kind = "pgbouncer.log",
	.doc = "PgBouncer's log",
	.first = "0123456789",
	.programs = "pgbouncer",
	.probe = probe_pgbouncer,
	.parse = parse_pgbouncer,
};
