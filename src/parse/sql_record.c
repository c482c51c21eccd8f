/*
 * The record of a database audit box or proxy: four quoted fields with tabs or blanks between.
 *
 *	"Feb 16 06:32:50 "	"127.0.0.1" "root@localhost" "select * from user where id=1"
 */
#include "parse/sql.h"
#include "parse/web.h"

static bool
scan_field(struct tsn_scan *s, struct tsn_slice *ret)
{
	tsn_scan_blanks(s);
	return TSN_SCAN(s, "\"") && tsn_scan_to(s, '"', ret);
}

static enum tsn_probe
probe_record(struct tsn_slice s)
{
	struct tsn_scan c = tsn_scan_of(tsn_slice_of(s.ptr, s.len < 256 ? s.len : 256));
	struct tsn_slice when, v;

	if (s.len < 24 || tsn_date_month(s.ptr + 1) == 0)
		return TSN_PROBE_NO;
	if (!scan_field(&c, &when) || !scan_field(&c, &v) || !scan_field(&c, &v))
		return TSN_PROBE_NO;
	tsn_scan_blanks(&c);
	return tsn_scan_is(&c, "\"", 1) ? TSN_PROBE_YES : TSN_PROBE_NO;
}

static enum tsn_code
parse_record(struct tsn_parse_ctx *ctx, struct tsn_slice record)
{
	struct tsn_scan s = tsn_scan_of(record);
	struct tsn_slice when, client, account, query;
	struct tsn_date d = {TSN_TIME_NONE, false};
	size_t at;

	if (!scan_field(&s, &when) || !scan_field(&s, &client) || !scan_field(&s, &account))
		return TSN_EPARSE;
	if (tsn_date_any(&ctx->date, tsn_slice_trim(when), &d) == 0)
		return TSN_EPARSE;
	tsn_scan_blanks(&s);
	if (!TSN_SCAN(&s, "\""))
		return TSN_EPARSE;
	/* A statement holds quotes of its own: the last one of the record ends it. */
	query = tsn_slice_trim(tsn_scan_rest(&s));
	if (query.len == 0 || query.ptr[query.len - 1] != '"') {
		tsn_event_fail(ctx->batch, TSN_SLICE("SQL record: the statement's quote is not closed"));
		tsn_put_str(ctx, TSN_F_MESSAGE, record);
		return TSN_OK;
	}
	query.len--;
	tsn_parse_set_time(ctx, &d);
	TSN_SQL_EVENT(ctx, "access", "query", "");
	tsn_web_put_client(ctx, client);
	tsn_put_some(ctx, TSN_F_SQL_ACCOUNT, account);
	at = tsn_slice_rfind(account, TSN_SLICE("@"));
	tsn_put_some(ctx, TSN_F_USER_NAME, at == SIZE_MAX ? account : tsn_slice_of(account.ptr, at));
	tsn_sql_put_query(ctx, query);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_sql_record = {
	.kind = "sql.audit",
	.doc = "quoted records of a database audit box or proxy: time, client, account, statement",
	.first = "\"",
	.probe = probe_record,
	.parse = parse_record,
};
