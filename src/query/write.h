/*
 * query/write: rows as text: JSON lines, CSV (RFC 4180), or a table for people.
 *
 * Events are whole ECS documents in JSON; in CSV and tables they are a few columns.  The writer is
 * a sink of a query; output leaves through a callback in pieces.
 */
#ifndef TSN_QUERY_WRITE_H
#define TSN_QUERY_WRITE_H

#include "query/query.h"

enum tsn_write_format {
	TSN_WRITE_JSON,
	TSN_WRITE_CSV,
	TSN_WRITE_TABLE,
};

struct tsn_writer;

struct tsn_write_env {
	struct tsn_keys *keys;
	enum tsn_write_format format;
	uint32_t width;			/* of a table's line; 0: 120 */
	/** Takes text; anything but TSN_OK ends the query (TSN_EOF: without an error). */
	enum tsn_code (*out)(void *ctx, struct tsn_slice text, struct tsn_err *err);
	void *ctx;
};

/** NULL when out of memory. */
struct tsn_writer *tsn_writer_new(const struct tsn_write_env *env);
void tsn_writer_free(struct tsn_writer *w);
/** The sink that writes through w. */
struct tsn_query_sink tsn_writer_sink(struct tsn_writer *w);
/** "json", "csv", "table"; TSN_EINVAL otherwise. */
TSN_MUST_CHECK enum tsn_code tsn_write_format_parse(struct tsn_slice name,
    enum tsn_write_format *ret_format);

#endif
