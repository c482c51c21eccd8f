/*
 * PostgreSQL in JSON: its own jsonlog (version 15 and later), and lines of text inside the entries
 * of Google Cloud's logging.
 */
#include "parse/json_int.h"
#include "parse/pg.h"

#define PREFIX_LEN (sizeof "postgresql.log." - 1)

enum pg_mark {
	M_NONE, M_TIME, M_USER, M_DATABASE, M_PID, M_HOST, M_PORT, M_LINE, M_TAG, M_SEVERITY, M_STATE,
	M_MESSAGE, M_DETAIL, M_STATEMENT, M_APPLICATION,
};

static const struct json_name names[] = {
	{"timestamp", M_TIME}, {"user", M_USER}, {"dbname", M_DATABASE}, {"pid", M_PID},
	{"remote_host", M_HOST}, {"remote_port", M_PORT}, {"line_num", M_LINE}, {"ps", M_TAG},
	{"error_severity", M_SEVERITY}, {"state_code", M_STATE}, {"message", M_MESSAGE},
	{"detail", M_DETAIL}, {"statement", M_STATEMENT}, {"application_name", M_APPLICATION},
};

static const struct json_copy copies[] = {
	{M_PID, JSON_COPY, TSN_F_PROCESS_PID, 0},
	{M_HOST, JSON_COPY, TSN_F_SOURCE_ADDRESS, 0},
	{M_HOST, JSON_IP, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN},
	{M_PORT, JSON_INT, TSN_F_SOURCE_PORT, 0},
	{M_LINE, JSON_COPY, TSN_F_POSTGRESQL_LOG_SESSION_LINE, 0},
	{M_TAG, JSON_COPY, TSN_F_POSTGRESQL_LOG_COMMAND_TAG, 0},
	{M_STATE, JSON_COPY, TSN_F_POSTGRESQL_LOG_SQL_STATE, 0},
};

static tsn_key
pg_child(struct tsn_keys *keys, tsn_key parent, struct tsn_slice name, uint8_t *ret_mark)
{
	tsn_key key = tsn_keys_child(keys, parent, name);

	if (key != TSN_KEY_NONE)
		*ret_mark = tsn_json_mark(names, TSN_COUNT(names),
		    tsn_slice_from(tsn_keys_name(keys, key), PREFIX_LEN));
	return key;
}
static const struct tsn_doc_map pg_map = {pg_child};

static bool
pg_stays(const struct json_doc *d)
{
	return d->marks[M_SEVERITY] != 0 && d->marks[M_LINE] != 0;
}

static void
pg_finish(struct json_doc *d)
{
	struct tsn_parse_ctx *ctx = d->ctx;

	tsn_json_set_time(d, M_TIME);
	if (!tsn_slice_eq(json_text(d, M_HOST), TSN_SLICE("[local]")))
		tsn_json_copy(d, copies, TSN_COUNT(copies));
	else
		tsn_json_copy(d, copies + 4, TSN_COUNT(copies) - 4);
	tsn_pg_put_user(ctx, json_text(d, M_USER));
	tsn_pg_put_database(ctx, json_text(d, M_DATABASE));
	tsn_pg_put_message(ctx, json_text(d, M_SEVERITY), json_text(d, M_MESSAGE));
	tsn_pg_put_part(ctx, TSN_SLICE("STATEMENT"), json_text(d, M_STATEMENT));
}

const struct json_kind tsn_json_postgresql = {
	.dataset = "postgresql.log",
	.base = TSN_F_POSTGRESQL_LOG,
	.map = &pg_map,
	.stays = pg_stays,
	.finish = pg_finish,
};

static enum tsn_code
parse_jsonlog(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	return tsn_json_parse_as(ctx, &tsn_json_postgresql, text);
}

const struct tsn_parser_desc tsn_parser_pg_jsonlog = {
	.kind = "postgresql.jsonlog",
	.doc = "PostgreSQL's jsonlog",
	.first = "{",
	.probe = tsn_json_never,
	.parse = parse_jsonlog,
};

enum gcp_mark { G_NONE, G_TEXT, G_LOG, G_TIME, G_SEVERITY };

static const struct json_name gcp_names[] = {
	{"textPayload", G_TEXT}, {"logName", G_LOG}, {"timestamp", G_TIME}, {"severity", G_SEVERITY},
};

static tsn_key
gcp_child(struct tsn_keys *keys, tsn_key parent, struct tsn_slice name, uint8_t *ret_mark)
{
	tsn_key key = tsn_keys_child(keys, parent, name);

	if (parent == TSN_KEY_ROOT)
		*ret_mark = tsn_json_mark(gcp_names, TSN_COUNT(gcp_names), name);
	return key;
}
static const struct tsn_doc_map gcp_map = {gcp_child};

static bool
gcp_stays(const struct json_doc *d)
{
	return d->marks[G_TEXT] != 0 && d->marks[G_LOG] != 0;
}

static void
gcp_finish(struct json_doc *d)
{
	struct tsn_parse_ctx *ctx = d->ctx;
	struct tsn_slice text = json_text(d, G_TEXT);
	int64_t time_ns;
	uint32_t flags;

	tsn_json_set_time(d, G_TIME);
	time_ns = ctx->ev->time_ns;
	flags = ctx->ev->flags;
	tsn_json_hide_intrinsic(d);
	if (tsn_slice_find(json_text(d, G_LOG), TSN_SLICE("postgres")) != SIZE_MAX &&
	    tsn_pg_parse_line(ctx, text) == TSN_OK) {
		ctx->ev->dataset = TSN_SLICE("postgresql.log");
		if (time_ns != TSN_TIME_NONE) {		/* the entry's own time names its zone */
			ctx->ev->time_ns = time_ns;
			ctx->ev->flags = flags;
		}
		return;
	}
	tsn_put_str(ctx, TSN_F_MESSAGE, text);
	tsn_put_some(ctx, TSN_F_LOG_LEVEL, json_text(d, G_SEVERITY));
}

const struct json_kind tsn_json_gcp = {
	.dataset = "gcp.log",
	.map = &gcp_map,
	.stays = gcp_stays,
	.finish = gcp_finish,
};
