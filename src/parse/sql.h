/*
 * parse/sql: what the logs of SQL servers have in common.
 *
 * Whatever the server and the log, a statement stands in `sql.query`, its sort in `sql.type`
 * (SELECT, INSERT, UPDATE, DELETE, COPY FROM, COPY TO, CTE, DDL, DCL, TCL, CURSOR, OTHER), the
 * database in `sql.database`, the account in `user.name`, where it comes from in source.*.
 */
#ifndef TSN_PARSE_SQL_H
#define TSN_PARSE_SQL_H

#include "parse/parse_int.h"

/** sql.query and sql.type; blanks around it are taken off, an empty one adds nothing. */
void tsn_sql_put_query(struct tsn_parse_ctx *ctx, struct tsn_slice query);
/** The value of sql.type; static text. */
struct tsn_slice tsn_sql_type(struct tsn_slice query);
/** event.category database with this type, action and outcome (each may be empty). */
void tsn_sql_put_event(struct tsn_parse_ctx *ctx, struct tsn_slice type, struct tsn_slice action,
    struct tsn_slice outcome);
/** A number with or without a fraction; anything else as text. */
void tsn_sql_put_number(struct tsn_parse_ctx *ctx, tsn_key key, struct tsn_slice v);

#define TSN_SQL_EVENT(ctx, type, action, outcome) \
	tsn_sql_put_event((ctx), TSN_SLICE(type), TSN_SLICE(action), TSN_SLICE(outcome))

#endif
