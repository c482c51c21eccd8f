/*
 * query/query: the search language: text to plan to rows.
 *
 * A query is a filter, then stages behind pipes (docs/query-language.md).  Parsing checks all of it
 * and resolves its names; a parsed query is immutable and may run many times, also at once.  Rows
 * come from a source: the store, or batches in memory; they go to a sink: a writer, a console.
 *
 * Without a sort stage events come newest first.  Memory: each stage that keeps rows holds at most
 * memory_max bytes; beyond, the query is refused (TSN_ELIMIT) with a message that says so.
 */
#ifndef TSN_QUERY_QUERY_H
#define TSN_QUERY_QUERY_H

#include "query/expr.h"
#include "store/store.h"

#define TSN_QUERY_BYTES_MAX 65536u
#define TSN_QUERY_MEMORY_DEFAULT (UINT64_C(64) << 20)

struct tsn_query;

struct tsn_query_env {
	struct tsn_keys *keys;		/* outlives the query */
	int64_t now_ns;			/* what "now" means */
};

/** TSN_EPARSE, TSN_EINVAL, TSN_ELIMIT: the message says the column and what was expected; err->pos
 * is the byte. */
TSN_MUST_CHECK enum tsn_code tsn_query_parse(struct tsn_slice text,
    const struct tsn_query_env *env, struct tsn_query **ret_query, struct tsn_err *err);
void tsn_query_free(struct tsn_query *q);

/** Where rows come from: calls scan->rows with batches, all in one order of time. */
struct tsn_query_source {
	enum tsn_code (*scan)(void *ctx, const struct tsn_store_scan *scan, struct tsn_err *err);
	void *ctx;
};

/** Rows of a store. */
struct tsn_query_source tsn_query_store(struct tsn_store_reader *r);

/** Where results go; any may be NULL.  TSN_EOF from row: enough. */
struct tsn_query_sink {
	enum tsn_code (*begin)(void *ctx, const struct tsn_schema *schema, struct tsn_err *err);
	enum tsn_code (*row)(void *ctx, const struct tsn_row *row, struct tsn_err *err);
	enum tsn_code (*end)(void *ctx, struct tsn_err *err);
	void *ctx;
};

/** What an answer does not show by itself. */
struct tsn_query_report {
	uint64_t scanned;		/* events looked at */
	uint64_t matched;		/* events the filter let pass */
	uint64_t rows;			/* rows given to the sink */
	uint64_t ungrouped;		/* events that lacked a group-by field */
	uint64_t regex_limit_hits;	/* values whose regex was given up */
	uint64_t memory_fails;		/* values given up because they were too large */
	bool limited;			/* there were more rows than `limit` */
	bool estimated;			/* a distinct count is an estimate (HyperLogLog, 0.8 %) */
	bool estimated_percentile;	/* a percentile is within 0.5 % of the value */
};

struct tsn_query_options {
	int64_t from_ns, to_ns;		/* [from, to); 0, 0: all */
	uint64_t limit;			/* of rows; UINT64_MAX: 100 of events, all of tables; 0: all */
	bool one_by_one;		/* each event is looked at, also where counts would do */
	uint64_t memory_max;		/* 0: TSN_QUERY_MEMORY_DEFAULT */
	bool (*canceled)(void *ctx);	/* asked at least every few milliseconds; may be NULL */
	void *canceled_ctx;
	/** Told after each batch what was done and the time the scan has come to; may be NULL. */
	void (*progress)(void *ctx, const struct tsn_query_report *report, int64_t at_ns);
	void *progress_ctx;
	uint64_t since;		/* see struct tsn_store_scan */
	struct tsn_store_scan_stats *stats;	/* added to; may be NULL */
};

TSN_MUST_CHECK enum tsn_code tsn_query_run(const struct tsn_query *q,
    const struct tsn_query_source *source, const struct tsn_query_options *options,
    const struct tsn_query_sink *sink, struct tsn_query_report *ret_report, struct tsn_err *err);

/** Begin of a time as the language writes it: RFC 3339, a date, now-24h; TSN_EPARSE otherwise. */
TSN_MUST_CHECK enum tsn_code tsn_query_time(struct tsn_slice text, int64_t now_ns,
    int64_t *ret_ns);
/** True when the rows of the answer are events, false when they are rows of columns. */
bool tsn_query_gives_events(const struct tsn_query *q);
/** The plan, one step a line. */
void tsn_query_explain(const struct tsn_query *q, const struct tsn_query_options *options,
    struct tsn_buf *out);
/** What of the store was looked into, one line each, and what for the others were left out. */
void tsn_query_explain_scan(const struct tsn_store_scan_stats *s, struct tsn_buf *out);
/**
 * One line for each field that the query asks events for and no event of the store has, with the
 * stored names most like it.  Nothing when all are known.
 */
TSN_MUST_CHECK enum tsn_code tsn_query_unknown_fields(const struct tsn_query *q,
    struct tsn_store_reader *r, struct tsn_buf *out, struct tsn_err *err);
/** What the report has to say to a person, one line each, without the last line end. */
void tsn_query_notes(const struct tsn_query_report *r, const struct tsn_query_options *options,
    struct tsn_buf *out);

#endif
