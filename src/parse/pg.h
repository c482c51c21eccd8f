/*
 * parse/pg: what PostgreSQL's logs have in common, whatever carried them: severities and what the
 * messages say (statements with their duration, connections, failed logins).
 */
#ifndef TSN_PARSE_PG_H
#define TSN_PARSE_PG_H

#include "parse/parse_int.h"

/**
 * The place of "LABEL: " in s (LOG, ERROR, STATEMENT, ...), where LABEL stands alone; *ret_label is
 * it, *ret_text begins behind it.  SIZE_MAX when there is none within the first 1024 bytes.
 */
size_t tsn_pg_find_label(struct tsn_slice s, struct tsn_slice *ret_label,
    struct tsn_slice *ret_text);
/** True for a label that continues the message before it: DETAIL, HINT, STATEMENT, ... */
bool tsn_pg_is_part(struct tsn_slice label);
/** One part (DETAIL, HINT, CONTEXT, STATEMENT, QUERY, LOCATION) as its field. */
void tsn_pg_put_part(struct tsn_parse_ctx *ctx, struct tsn_slice label, struct tsn_slice text);
/** Level, message and what it says; event.* too. */
void tsn_pg_put_message(struct tsn_parse_ctx *ctx, struct tsn_slice label, struct tsn_slice text);

/** user.name, sql.database + postgresql.log.database, application, client, unless [unknown]. */
void tsn_pg_put_user(struct tsn_parse_ctx *ctx, struct tsn_slice v);
void tsn_pg_put_database(struct tsn_parse_ctx *ctx, struct tsn_slice v);
void tsn_pg_put_application(struct tsn_parse_ctx *ctx, struct tsn_slice v);
/** "192.0.2.1:5432", "192.0.2.1(5432)", "[local]". */
void tsn_pg_put_remote(struct tsn_parse_ctx *ctx, struct tsn_slice v);
/** "[3-1] user=x,db=y LOG:  text" with its further parts: syslog bodies, CloudSQL's payload. */
enum tsn_code tsn_pg_parse_line(struct tsn_parse_ctx *ctx, struct tsn_slice line);

#endif
