/*
 * PostgreSQL's csvlog: 22 columns up to version 8.4, 23 since 9.0, 24 and 25 since 13, 26 since 14.
 */
#include "parse/pg.h"
#include "parse/sql.h"

enum column {
	C_TIME, C_USER, C_DATABASE, C_PID, C_FROM, C_SESSION, C_LINE, C_TAG, C_START, C_VXID, C_XID,
	C_SEVERITY, C_STATE, C_MESSAGE, C_DETAIL, C_HINT, C_INTERNAL, C_INTERNAL_POS, C_CONTEXT,
	C_QUERY, C_QUERY_POS, C_LOCATION, C_APPLICATION, C_BACKEND, C_LEADER, C_QUERY_ID, C__COUNT
};

#define COLUMNS_MIN 22u

/* Doubled quotes made single. */
static struct tsn_slice
unquote(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	const char *end;
	char *out, *to;

	if (v.len == 0 || memchr(v.ptr, '"', v.len) == NULL)
		return v;
	end = v.ptr + v.len;
	to = out = tsn_arena_alloc(&ctx->batch->arena, v.len);
	if (out == NULL)
		return v;
	for (const char *p = v.ptr; p < end; p++) {
		*to++ = *p;
		if (*p == '"' && p + 1 < end && p[1] == '"')
			p++;
	}
	return tsn_slice_of(out, (size_t)(to - out));
}

/* One column; the cursor stands behind its comma.  False: a quote is not closed. */
static bool
scan_column(struct tsn_scan *s, struct tsn_slice *ret)
{
	const char *from = s->at + 1;

	if (s->at == s->end || *s->at != '"') {
		*ret = tsn_scan_field(s, ',');
		return true;
	}
	for (const char *p = from;;) {
		p = memchr(p, '"', (size_t)(s->end - p));
		if (p == NULL)
			return false;
		if (p + 1 < s->end && p[1] == '"') {
			p += 2;
			continue;
		}
		*ret = tsn_slice_of(from, (size_t)(p - from));
		s->at = p + 1;
		if (s->at < s->end && *s->at == ',')
			s->at++;
		return true;
	}
}

static void
put_columns(struct tsn_parse_ctx *ctx, struct tsn_slice c[C__COUNT])
{
	static const struct { enum column column; tsn_key key; } plain[] = {
		{C_SESSION, TSN_F_POSTGRESQL_LOG_SESSION_ID}, {C_TAG, TSN_F_POSTGRESQL_LOG_COMMAND_TAG},
		{C_START, TSN_F_POSTGRESQL_LOG_SESSION_START}, {C_VXID, TSN_F_POSTGRESQL_LOG_VXID},
		{C_XID, TSN_F_POSTGRESQL_LOG_XID}, {C_STATE, TSN_F_POSTGRESQL_LOG_SQL_STATE},
		{C_DETAIL, TSN_F_POSTGRESQL_LOG_DETAIL}, {C_HINT, TSN_F_POSTGRESQL_LOG_HINT},
		{C_INTERNAL, TSN_F_POSTGRESQL_LOG_INTERNAL_QUERY},
		{C_CONTEXT, TSN_F_POSTGRESQL_LOG_CONTEXT}, {C_LOCATION, TSN_F_POSTGRESQL_LOG_LOCATION},
		{C_BACKEND, TSN_F_POSTGRESQL_LOG_BACKEND_TYPE},
		{C_QUERY_ID, TSN_F_POSTGRESQL_LOG_QUERY_ID},
	};
	static const struct { enum column column; tsn_key key; } numbers[] = {
		{C_PID, TSN_F_PROCESS_PID}, {C_LINE, TSN_F_POSTGRESQL_LOG_SESSION_LINE},
		{C_INTERNAL_POS, TSN_F_POSTGRESQL_LOG_INTERNAL_QUERY_POS},
		{C_QUERY_POS, TSN_F_POSTGRESQL_LOG_QUERY_POS},
		{C_LEADER, TSN_F_POSTGRESQL_LOG_LEADER_PID},
	};

	tsn_pg_put_user(ctx, c[C_USER]);
	tsn_pg_put_database(ctx, c[C_DATABASE]);
	tsn_pg_put_application(ctx, c[C_APPLICATION]);
	tsn_pg_put_remote(ctx, c[C_FROM]);
	for (size_t i = 0; i < TSN_COUNT(plain); i++)
		tsn_put_some(ctx, plain[i].key, c[plain[i].column]);
	for (size_t i = 0; i < TSN_COUNT(numbers); i++)
		tsn_put_num(ctx, numbers[i].key, c[numbers[i].column]);
	tsn_pg_put_message(ctx, c[C_SEVERITY], c[C_MESSAGE]);
	tsn_pg_put_part(ctx, TSN_SLICE("STATEMENT"), c[C_QUERY]);
}

static enum tsn_code
parse_csvlog(struct tsn_parse_ctx *ctx, struct tsn_slice record)
{
	struct tsn_slice c[C__COUNT] = {{NULL, 0}};
	struct tsn_scan s = tsn_scan_of(record);
	struct tsn_date d = {TSN_TIME_NONE, false};
	unsigned n = 0;

	ctx->ev->dataset = TSN_SLICE("postgresql.log");
	for (; n < C__COUNT && s.at < s.end; n++) {
		if (!scan_column(&s, &c[n])) {
			tsn_event_fail(ctx->batch, TSN_SLICE("csvlog: a double quote is not closed"));
			tsn_put_str(ctx, TSN_F_MESSAGE, record);
			return TSN_OK;
		}
	}
	if (n < C_MESSAGE + 1 || tsn_date_iso(&ctx->date, c[C_TIME], &d) == 0)
		return TSN_EPARSE;
	if (n < COLUMNS_MIN - 1) {	/* the last column may be empty and the comma counted */
		tsn_event_fail(ctx->batch, TSN_SLICE("csvlog: fewer than 22 columns"));
		tsn_put_str(ctx, TSN_F_MESSAGE, record);
		return TSN_OK;
	}
	tsn_parse_set_time(ctx, &d);
	for (unsigned i = C_MESSAGE; i < C__COUNT; i++)
		c[i] = unquote(ctx, c[i]);
	c[C_USER] = unquote(ctx, c[C_USER]);
	c[C_DATABASE] = unquote(ctx, c[C_DATABASE]);
	put_columns(ctx, c);
	return TSN_OK;
}

/* A time with a zone, then a comma; the twelfth column is a severity. */
static enum tsn_probe
probe_csvlog(struct tsn_slice s)
{
	struct tsn_scan c = tsn_scan_of(s);
	struct tsn_slice v = TSN_SLICE_NONE;

	(void)TSN_SCAN(&c, "\"");
	if (tsn_scan_left(&c) < 40 || c.at[4] != '-' || c.at[10] != ' ' || c.at[13] != ':' ||
	    memchr(c.at + 19, ',', 20) == NULL)
		return TSN_PROBE_NO;
	c = tsn_scan_of(s);
	for (unsigned i = 0; i <= C_SEVERITY; i++)
		if (!scan_column(&c, &v))
			return TSN_PROBE_NO;
	for (size_t i = 0; i < v.len; i++)
		if ((v.ptr[i] < 'A' || v.ptr[i] > 'Z') && !tsn_is_digit(v.ptr[i]))
			return TSN_PROBE_NO;
	return v.len >= 3 && v.len <= 8 ? TSN_PROBE_YES : TSN_PROBE_NO;
}

const struct tsn_parser_desc tsn_parser_pg_csvlog = {
	.kind = "postgresql.csvlog",
	.doc = "PostgreSQL's csvlog, of every version",
	.first = "0123456789\"",
	.probe = probe_csvlog,
	.parse = parse_csvlog,
};
