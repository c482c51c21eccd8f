#include "parse/pg.h"

#include "parse/sql.h"
#include "parse/web.h"

#define LABEL_WITHIN 1024u

static const char *const labels[] = {
	"LOG", "ERROR", "STATEMENT", "DETAIL", "HINT", "WARNING", "FATAL", "CONTEXT", "NOTICE",
	"INFO", "PANIC", "QUERY", "LOCATION", "DEBUG", "DEBUG1", "DEBUG2", "DEBUG3", "DEBUG4",
	"DEBUG5", "BACKTRACE",
};

static const char *const parts[] = {
	"STATEMENT", "DETAIL", "HINT", "CONTEXT", "QUERY", "LOCATION", "BACKTRACE",
};

static bool
known(struct tsn_slice v, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count && v.len > 0; i++)
		if (v.ptr[0] == list[i][0] && tsn_slice_eq(v, tsn_slice_cstr(list[i])))
			return true;
	return false;
}

bool
tsn_pg_is_part(struct tsn_slice label)
{
	return known(label, parts, TSN_COUNT(parts));
}

size_t
tsn_pg_find_label(struct tsn_slice s, struct tsn_slice *ret_label, struct tsn_slice *ret_text)
{
	const char *p = s.ptr, *end = s.ptr + (s.len < LABEL_WITHIN ? s.len : LABEL_WITHIN);

	for (; p < end && (p = memchr(p, ':', (size_t)(end - p))) != NULL; p++) {
		const char *from = p;
		struct tsn_slice label;

		if (p + 1 == s.ptr + s.len || p[1] != ' ')
			continue;
		if (from > s.ptr && tsn_is_digit(from[-1]))	/* DEBUG1 */
			from--;
		while (from > s.ptr && from[-1] >= 'A' && from[-1] <= 'Z')
			from--;
		label = tsn_slice_of(from, (size_t)(p - from));
		if (!known(label, labels, TSN_COUNT(labels)))
			continue;
		*ret_label = label;
		for (p++; p < s.ptr + s.len && *p == ' '; p++)
			continue;
		*ret_text = tsn_slice_of(p, (size_t)(s.ptr + s.len - p));
		return (size_t)(from - s.ptr);
	}
	return SIZE_MAX;
}

static bool
there(struct tsn_slice v)
{
	return tsn_web_has(v) && !TSN_EQ(v, "[unknown]");
}

void
tsn_pg_put_user(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	if (there(v) && tsn_event_find(ctx->ev, TSN_F_USER_NAME) == NULL)
		tsn_put_str(ctx, TSN_F_USER_NAME, v);
}

void
tsn_pg_put_database(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	if (!there(v) || tsn_event_find(ctx->ev, TSN_F_SQL_DATABASE) != NULL)
		return;
	tsn_put_str(ctx, TSN_F_SQL_DATABASE, v);
	tsn_put_str(ctx, TSN_F_POSTGRESQL_LOG_DATABASE, v);
}

void
tsn_pg_put_application(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	if (there(v) && tsn_event_find(ctx->ev, TSN_F_POSTGRESQL_LOG_APPLICATION_NAME) == NULL)
		tsn_put_str(ctx, TSN_F_POSTGRESQL_LOG_APPLICATION_NAME, v);
}

void
tsn_pg_put_remote(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	size_t open = tsn_slice_find_char(v, '(');

	if (!there(v) || TSN_EQ(v, "[local]") || tsn_event_find(ctx->ev, TSN_F_SOURCE_ADDRESS) != NULL)
		return;
	if (open != SIZE_MAX && v.ptr[v.len - 1] == ')') {
		struct tsn_slice port = tsn_slice_of(v.ptr + open + 1, v.len - open - 2);

		tsn_web_put_client(ctx, tsn_slice_of(v.ptr, open));
		tsn_put_num(ctx, TSN_F_SOURCE_PORT, port);
		return;
	}
	tsn_web_put_client(ctx, v);
}

static void
put_query(struct tsn_parse_ctx *ctx, struct tsn_slice query)
{
	query = tsn_slice_trim(query);
	if (query.len == 0 || tsn_event_find(ctx->ev, TSN_F_SQL_QUERY) != NULL)
		return;
	tsn_put_str(ctx, TSN_F_POSTGRESQL_LOG_QUERY, query);
	tsn_sql_put_query(ctx, query);
}

void
tsn_pg_put_part(struct tsn_parse_ctx *ctx, struct tsn_slice label, struct tsn_slice text)
{
	if (TSN_EQ(label, "STATEMENT"))
		put_query(ctx, text);
	else if (TSN_EQ(label, "DETAIL"))
		tsn_put_some(ctx, TSN_F_POSTGRESQL_LOG_DETAIL, text);
	else if (TSN_EQ(label, "HINT"))
		tsn_put_some(ctx, TSN_F_POSTGRESQL_LOG_HINT, text);
	else if (TSN_EQ(label, "CONTEXT"))
		tsn_put_some(ctx, TSN_F_POSTGRESQL_LOG_CONTEXT, text);
	else if (TSN_EQ(label, "QUERY"))
		tsn_put_some(ctx, TSN_F_POSTGRESQL_LOG_INTERNAL_QUERY, text);
	else if (TSN_EQ(label, "LOCATION"))
		tsn_put_some(ctx, TSN_F_POSTGRESQL_LOG_LOCATION, text);
}

/* "statement: SQL", "execute name: SQL", "execute fetch from name/portal: SQL". */
static bool
put_step(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	static const char *const steps[] = {"parse", "bind", "execute", "execute fetch from"};
	struct tsn_scan s = tsn_scan_of(text);
	struct tsn_slice name;

	if (TSN_SCAN(&s, "statement: ")) {
		TSN_PUT_LIT(ctx, TSN_F_POSTGRESQL_LOG_QUERY_STEP, "statement");
		put_query(ctx, tsn_scan_rest(&s));
		return true;
	}
	for (size_t i = TSN_COUNT(steps); i-- > 0;) {
		struct tsn_slice step = tsn_slice_cstr(steps[i]);

		if (!tsn_slice_starts(text, step) || text.len <= step.len || text.ptr[step.len] != ' ')
			continue;
		s.at += step.len + 1;
		if (!tsn_scan_to(&s, ':', &name) || name.len > 256)
			return false;
		tsn_put_str(ctx, TSN_F_POSTGRESQL_LOG_QUERY_STEP, step);
		tsn_put_some(ctx, TSN_F_POSTGRESQL_LOG_QUERY_NAME, name);
		put_query(ctx, tsn_scan_rest(&s));
		return true;
	}
	return false;
}

/* "26.120 ms  execute S_65: select ..." behind "duration: ". */
static void
put_duration(struct tsn_parse_ctx *ctx, struct tsn_scan s)
{
	struct tsn_slice v = tsn_scan_word(&s);
	double ms;

	if (tsn_num_parse_f64(v, &ms) == TSN_OK && ms >= 0 && ms < 9e12)
		tsn_put_int(ctx, TSN_F_EVENT_DURATION, (int64_t)(ms * 1e6 + 0.5), TSN_SLICE_NONE);
	if (!TSN_SCAN(&s, " ms"))
		return;
	tsn_scan_blanks(&s);
	if (TSN_SCAN(&s, "plan:")) {	/* auto_explain */
		struct tsn_slice rest = tsn_scan_rest(&s);
		size_t at = tsn_slice_find(rest, TSN_SLICE("Query Text: "));

		if (at != SIZE_MAX)
			put_query(ctx, tsn_slice_from(rest, at + 12));
		return;
	}
	(void)put_step(ctx, tsn_scan_rest(&s));
}

/* The value behind `name` up to a blank, or between double quotes. */
static struct tsn_slice
value_of(struct tsn_slice text, struct tsn_slice name)
{
	size_t at = tsn_slice_find(text, name);
	struct tsn_scan s;
	struct tsn_slice v = TSN_SLICE_NONE;

	if (at == SIZE_MAX)
		return v;
	s = tsn_scan_of(tsn_slice_from(text, at + name.len));
	if (TSN_SCAN(&s, "\""))
		return tsn_scan_to(&s, '"', &v) ? v : TSN_SLICE_NONE;
	v = tsn_scan_word(&s);
	if (v.len > 0 && v.ptr[v.len - 1] == ',')
		v.len--;
	return v;
}
#define VALUE_OF(text, literal) value_of((text), TSN_SLICE(literal))

/* "host=192.0.2.1 port=5432", "user=x database=y application_name=z". */
static void
put_connection(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	struct tsn_slice host = VALUE_OF(text, " host=");

	if (host.len > 0 && tsn_event_find(ctx->ev, TSN_F_SOURCE_ADDRESS) == NULL) {
		tsn_pg_put_remote(ctx, host);
		if (!TSN_EQ(host, "[local]"))
			tsn_put_num(ctx, TSN_F_SOURCE_PORT, VALUE_OF(text, " port="));
	}
	tsn_pg_put_user(ctx, VALUE_OF(text, " user="));
	tsn_pg_put_database(ctx, VALUE_OF(text, " database="));
	tsn_pg_put_application(ctx, VALUE_OF(text, " application_name="));
}

/* The messages of a refused login; false when it is none of them. */
static bool
put_refused(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	size_t at = tsn_slice_find(text, TSN_SLICE(" authentication failed for user \""));
	bool hba = TSN_STARTS(text, "no pg_hba.conf entry for ") ||
	    TSN_STARTS(text, "pg_hba.conf rejects ");

	if (at == SIZE_MAX && !hba && !TSN_STARTS(text, "role \"") &&
	    !TSN_STARTS(text, "database \"") && !TSN_STARTS(text, "permission denied for database") &&
	    !TSN_STARTS(text, "too many connections for "))
		return false;
	TSN_SQL_EVENT(ctx, "start", "login", "failure");
	if (hba) {
		tsn_pg_put_user(ctx, VALUE_OF(text, " user "));
		tsn_pg_put_database(ctx, VALUE_OF(text, " database "));
		tsn_pg_put_remote(ctx, VALUE_OF(text, " host "));
	} else if (at != SIZE_MAX) {
		tsn_pg_put_user(ctx, VALUE_OF(text, " for user "));
	} else if (TSN_STARTS(text, "role ")) {
		tsn_pg_put_user(ctx, VALUE_OF(text, "role "));
	}
	return true;
}

static void
put_log(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	struct tsn_scan s = tsn_scan_of(text);

	if (TSN_SCAN(&s, "duration: ")) {
		TSN_SQL_EVENT(ctx, "access", "query", "");
		put_duration(ctx, s);
	} else if (put_step(ctx, text)) {
		TSN_SQL_EVENT(ctx, "access", "query", "");
	} else if (TSN_SCAN(&s, "connection received:")) {
		TSN_SQL_EVENT(ctx, "connection", "connection_received", "");
		put_connection(ctx, text);
	} else if (TSN_SCAN(&s, "connection authorized:") ||
	    TSN_SCAN(&s, "replication connection authorized:")) {
		TSN_SQL_EVENT(ctx, "start", "login", "success");
		put_connection(ctx, text);
	} else if (TSN_SCAN(&s, "connection authenticated:")) {
		TSN_SQL_EVENT(ctx, "info", "connection_authenticated", "success");
		tsn_pg_put_user(ctx, VALUE_OF(text, " identity="));
	} else if (TSN_SCAN(&s, "disconnection:")) {
		TSN_SQL_EVENT(ctx, "end", "logout", "");
		put_connection(ctx, text);
	} else {
		TSN_SQL_EVENT(ctx, "info", "", "");
	}
}

void
tsn_pg_put_message(struct tsn_parse_ctx *ctx, struct tsn_slice label, struct tsn_slice text)
{
	text = tsn_slice_trim(text);
	tsn_put_str(ctx, TSN_F_LOG_LEVEL, label);
	if (ctx->syslog == NULL)
		tsn_put_str(ctx, TSN_F_MESSAGE, text);
	if (tsn_pg_is_part(label)) {
		TSN_SQL_EVENT(ctx, "info", "", "");
		tsn_pg_put_part(ctx, label, text);
		return;
	}
	if (TSN_EQ(label, "LOG")) {
		put_log(ctx, text);
		return;
	}
	if (TSN_EQ(label, "FATAL") || TSN_EQ(label, "ERROR") || TSN_EQ(label, "PANIC")) {
		tsn_put_str(ctx, TSN_F_ERROR_MESSAGE, text);
		if (TSN_EQ(label, "FATAL") && put_refused(ctx, text))
			return;
		TSN_SQL_EVENT(ctx, "error", "", "failure");
		return;
	}
	TSN_SQL_EVENT(ctx, "info", "", "");
}
