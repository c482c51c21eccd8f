/*
 * MySQL's slow query log: one block is one record (parse/frame.h joins its lines).
 *
 *	# Time: 071015 21:43:52
 *	# User@Host: root[root] @ localhost [127.0.0.1]  Id:     3
 *	# Query_time: 2.000000  Lock_time: 0.000000  Rows_sent: 1  Rows_examined: 0
 *	use test;
 *	SET timestamp=1192484632;
 *	select sleep(2) from n;
 */
#include "parse/mysql.h"
#include "parse/sql.h"
#include "parse/web.h"

static enum tsn_probe
probe_slow(struct tsn_slice s)
{
	static const char *const heads[] = {"# Time: ", "# User@Host: ", "# Thread_id: ",
	    "# Query_time: ", "# Client: ", "# Schema: "};

	for (size_t i = 0; i < TSN_COUNT(heads); i++)
		if (tsn_slice_starts(s, tsn_slice_cstr(heads[i])))
			return TSN_PROBE_YES;
	return TSN_PROBE_NO;
}

/* " root[root] @ localhost [127.0.0.1]  Id:     3": the rest comes back. */
static struct tsn_slice
put_user(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	struct tsn_scan s = tsn_scan_of(v);
	struct tsn_slice user, current = TSN_SLICE_NONE, host, address = TSN_SLICE_NONE;
	struct tsn_slice rest;
	size_t at;

	tsn_scan_blanks(&s);
	rest = tsn_scan_rest(&s);
	at = tsn_slice_find(rest, TSN_SLICE(" @ "));
	if (at == SIZE_MAX)
		return TSN_SLICE_NONE;
	user = tsn_slice_of(rest.ptr, at);
	rest = tsn_slice_from(rest, at + 3);
	at = tsn_slice_rfind(user, TSN_SLICE("["));
	if (at != SIZE_MAX && user.ptr[user.len - 1] == ']') {
		current = tsn_slice_of(user.ptr + at + 1, user.len - at - 2);
		user.len = at;
	}
	s = tsn_scan_of(rest);
	host = s.at < s.end && *s.at == '[' ? TSN_SLICE_NONE : tsn_slice_trim(tsn_scan_word(&s));
	tsn_scan_blanks(&s);
	if (TSN_SCAN(&s, "["))
		(void)tsn_scan_to(&s, ']', &address);
	tsn_put_some(ctx, TSN_F_USER_NAME, user.len > 0 ? user : current);
	if (current.len > 0 && user.len > 0 && !tsn_slice_eq(user, current))
		tsn_put_str(ctx, TSN_F_MYSQL_SLOWLOG_CURRENT_USER, current);
	if (address.len > 0) {
		tsn_web_put_client(ctx, address);
		if (host.len > 0 && !tsn_scan_is_ip(host))
			tsn_put_str(ctx, TSN_F_SOURCE_DOMAIN, host);
	} else {
		tsn_web_put_client(ctx, host);
	}
	return tsn_scan_rest(&s);
}

/* Seconds with a fraction, as nanoseconds. */
static void
put_duration(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	double sec;

	if (tsn_num_parse_f64(v, &sec) == TSN_OK && sec >= 0 && sec < 9e9)
		tsn_put_int(ctx, TSN_F_EVENT_DURATION, (int64_t)(sec * 1e9 + 0.5), TSN_SLICE_NONE);
}

static tsn_key
slow_key(struct tsn_parse_ctx *ctx, struct tsn_slice name)
{
	char lower[64];

	if (name.len == 0 || name.len > sizeof lower)
		return TSN_KEY_NONE;
	for (size_t i = 0; i < name.len; i++) {
		char c = tsn_lower(name.ptr[i]);

		if (!tsn_is_digit(c) && (c < 'a' || c > 'z') && c != '_')
			return TSN_KEY_NONE;
		lower[i] = c;
	}
	if (TSN_EQ(name, "QC_Hit"))
		return tsn_keys_child(ctx->keys, TSN_F_MYSQL_SLOWLOG, TSN_SLICE("query_cache_hit"));
	return tsn_keys_child(ctx->keys, TSN_F_MYSQL_SLOWLOG, tsn_slice_of(lower, name.len));
}

static void
put_pair(struct tsn_parse_ctx *ctx, struct tsn_slice name, struct tsn_slice v)
{
	tsn_key key;

	if (v.len == 0)
		return;
	if (TSN_EQ(name, "Thread_id") || TSN_EQ(name, "Id")) {
		tsn_put_num(ctx, TSN_F_MYSQL_THREAD_ID, v);
		return;
	}
	if (TSN_EQ(name, "Schema")) {
		tsn_put_str(ctx, TSN_F_SQL_DATABASE, v);
		return;
	}
	if (TSN_EQ(name, "Client")) {
		tsn_web_put_client(ctx, v);
		return;
	}
	if (TSN_EQ(name, "Query_time"))
		put_duration(ctx, v);
	key = slow_key(ctx, name);
	if (key == TSN_KEY_NONE)
		return;
	if (TSN_EQ(v, "Yes") || TSN_EQ(v, "No"))
		tsn_event_add_bool(ctx->batch, key, v.ptr[0] == 'Y');
	else if (tsn_is_digit(v.ptr[0]))
		tsn_sql_put_number(ctx, key, v);
	else
		tsn_put_str(ctx, key, v);
}

/* "Query_time: 2.0  Lock_time: 0 Schema:  Killed: 0 Rows_examined:5": a value may be missing. */
static void
put_pairs(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	struct tsn_scan s = tsn_scan_of(text);

	for (unsigned n = 0; n < 64; n++) {
		struct tsn_slice name, v = TSN_SLICE_NONE;
		struct tsn_scan ahead;

		tsn_scan_blanks(&s);
		if (!tsn_scan_to(&s, ':', &name))
			return;
		ahead = s;
		tsn_scan_blanks(&ahead);
		v = tsn_scan_word(&ahead);
		if (v.len > 0 && v.ptr[v.len - 1] == ':' && v.ptr[0] != ':')
			continue;	/* the next name: this one has no value */
		s = ahead;
		put_pair(ctx, name, v);
	}
}

struct slow {
	struct tsn_mysql_state *st;
	bool timed;
	bool from_user;
};

/* One "# ..." line without its mark. */
static void
header_line(struct tsn_parse_ctx *ctx, struct slow *b, struct tsn_slice line)
{
	struct tsn_date d = {TSN_TIME_NONE, false};
	struct tsn_scan s = tsn_scan_of(line);

	if (TSN_SCAN(&s, "Time: ")) {
		struct tsn_slice rest = tsn_scan_rest(&s);
		size_t at = tsn_slice_find(rest, TSN_SLICE("# User@Host:"));
		struct tsn_slice when = rest;

		if (at != SIZE_MAX)
			when.len = at;
		if (tsn_mysql_date(&ctx->date, when, &d) > 0 || tsn_date_iso(&ctx->date, when, &d) > 0) {
			tsn_mysql_set_time(ctx, b->st, &d);
			b->timed = true;
		}
		if (at == SIZE_MAX)
			return;
		s.at = rest.ptr + at + 2;
	}
	if (TSN_SCAN(&s, "User@Host:")) {
		put_pairs(ctx, put_user(ctx, tsn_scan_rest(&s)));
		return;
	}
	if (TSN_SCAN(&s, "administrator command: ")) {
		struct tsn_slice v = tsn_slice_trim(tsn_scan_rest(&s));

		if (v.len > 0 && v.ptr[v.len - 1] == ';')
			v.len--;
		tsn_put_some(ctx, TSN_F_MYSQL_SLOWLOG_ADMIN_COMMAND, v);
		return;
	}
	if (!TSN_STARTS(line, "No InnoDB statistics"))
		put_pairs(ctx, line);
}

static struct tsn_slice
next_line(struct tsn_scan *s)
{
	struct tsn_slice line = tsn_scan_field(s, '\n');

	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* "SET timestamp=1192484632.123;": when the statement began, more exact than "# Time". */
static bool
set_timestamp(struct tsn_parse_ctx *ctx, struct tsn_mysql_state *st, struct tsn_slice line)
{
	size_t at = tsn_slice_find(line, TSN_SLICE("timestamp="));
	struct tsn_date d = {TSN_TIME_NONE, true};

	if (line.len > 256 || !tsn_slice_eq_nocase(tsn_slice_of(line.ptr, line.len < 4 ? line.len : 4),
	    TSN_SLICE("SET ")) || at == SIZE_MAX)
		return false;
	if (tsn_date_epoch(tsn_slice_from(line, at + 10), &d) > 0 && d.ns != TSN_TIME_NONE) {
		ctx->ev->flags &= ~(uint32_t)TSN_EV_TIME_UNZONED;
		d.zoned = true;
		tsn_mysql_set_time(ctx, st, &d);
	}
	return true;
}

static enum tsn_code
parse_slow(struct tsn_parse_ctx *ctx, struct tsn_slice record)
{
	struct slow b = {.st = tsn_mysql_state(ctx)};
	struct tsn_scan s = tsn_scan_of(record), before;
	struct tsn_slice line, query, use = TSN_SLICE_NONE;

	if (probe_slow(record) != TSN_PROBE_YES)
		return TSN_EPARSE;
	TSN_SQL_EVENT(ctx, "access", "slow_query", "");
	while (s.at < s.end) {
		before = s;
		line = next_line(&s);
		if (!TSN_STARTS(line, "#")) {
			s = before;
			break;
		}
		line = tsn_slice_from(line, 1);
		header_line(ctx, &b, tsn_slice_trim(line));
	}
	if (!b.timed)
		tsn_mysql_same_time(ctx, b.st);
	while (s.at < s.end) {	/* what the server itself puts before the statement */
		before = s;
		line = tsn_slice_trim(next_line(&s));
		if (line.len > 5 && line.len < 128 && TSN_STARTS(line, "use ") &&
		    line.ptr[line.len - 1] == ';') {
			struct tsn_slice db = tsn_slice_of(line.ptr + 4, line.len - 5);

			use = line;
			if (db.len > 2 && db.ptr[0] == '`' && db.ptr[db.len - 1] == '`')
				db = tsn_slice_of(db.ptr + 1, db.len - 2);
			if (tsn_event_find(ctx->ev, TSN_F_SQL_DATABASE) == NULL)
				tsn_put_str(ctx, TSN_F_SQL_DATABASE, db);
			continue;
		}
		if (line.len == 0 || set_timestamp(ctx, b.st, line))
			continue;
		if (TSN_STARTS(line, "# ")) {
			header_line(ctx, &b, tsn_slice_from(line, 2));
			continue;
		}
		s = before;
		break;
	}
	query = tsn_slice_trim(tsn_scan_rest(&s));
	if (query.len == 0)	/* then USE was the statement itself */
		query = use;
	tsn_put_some(ctx, TSN_F_MYSQL_SLOWLOG_QUERY, query);
	tsn_sql_put_query(ctx, query);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_mysql_slow = {
	.kind = "mysql.slowlog",
	.doc = "MySQL's slow query log, with the fields of Percona and MariaDB",
	.first = "#",
	.probe = probe_slow,
	.parse = parse_slow,
};
