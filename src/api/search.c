/* api/search: a query over the store, answered as JSON, CSV or a table. */
#include "api/endpoints_int.h"

#include <stdatomic.h>

#include "codec/json.h"
#include "os/clock.h"
#include "query/query.h"
#include "query/saved.h"
#include "query/write.h"

#define TIME_MAX_NS (60 * TSN_NS_PER_SEC)
#define ROWS_MAX 100000u

struct run {
	struct request *r;
	int64_t deadline_ns;
	bool timed_out;
};

static bool
canceled(void *ctx)
{
	struct run *run = ctx;

	run->timed_out |= tsn_clock_mono_ns() > run->deadline_ns;
	return run->timed_out || atomic_load(&run->r->http->stopping);
}

static enum tsn_code
put_out(void *ctx, struct tsn_slice text, struct tsn_err *err)
{
	struct run *run = ctx;

	tsn_buf_slice(&run->r->out, text);
	if (tsn_buf_check(&run->r->out) != TSN_OK)
		TSN_FAIL(err, TSN_ELIMIT, "the answer is larger than %zu bytes: ask for less",
		    run->r->out.max);
	return TSN_OK;
}

static enum tsn_code
read_time(struct request *r, const char *name, int64_t now_ns, int64_t *ret_ns,
    struct tsn_err *err)
{
	struct tsn_slice text = request_arg(r, name);

	if (text.len > 0 && tsn_query_time(text, now_ns, ret_ns) != TSN_OK)
		TSN_FAIL(err, TSN_EPARSE, "%s: expected a time such as 2026-11-21T10:00:00Z or now-24h",
		    name);
	return TSN_OK;
}

static enum tsn_code
read_options(struct request *r, int64_t now_ns, struct tsn_query_options *o,
    enum tsn_write_format *format, struct tsn_err *err)
{
	struct tsn_slice name = request_arg(r, "format");

	*format = TSN_WRITE_JSON;
	if (name.len > 0 && tsn_write_format_parse(name, format) != TSN_OK)
		TSN_FAIL(err, TSN_EPARSE, "format: expected json, csv or table");
	if (!request_number(r, "limit", 100, &o->limit) || o->limit == 0 || o->limit > ROWS_MAX)
		TSN_FAIL(err, TSN_EPARSE, "limit: expected a number from 1 to %u", ROWS_MAX);
	if (request_arg(r, "from").len > 0 || request_arg(r, "to").len > 0) {
		o->from_ns = INT64_MIN;
		o->to_ns = INT64_MAX;
	}
	TSN_TRY(read_time(r, "from", now_ns, &o->from_ns, err));
	return read_time(r, "to", now_ns, &o->to_ns, err);
}

static enum tsn_code
run_query(struct run *run, struct tsn_store_reader *reader, const struct tsn_query *q,
    const struct tsn_query_options *o, enum tsn_write_format format, struct tsn_err *err)
{
	struct tsn_query_report report = {0};
	struct tsn_query_source source = tsn_query_store(reader);
	struct tsn_writer *w = tsn_writer_new(&(struct tsn_write_env){
	    .keys = run->r->http->o.backend->keys, .format = format, .out = put_out, .ctx = run});
	struct tsn_query_sink sink;
	enum tsn_code code;

	if (w == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	sink = tsn_writer_sink(w);
	code = tsn_query_run(q, &source, o, &sink, &report, err);
	tsn_writer_free(w);
	run->r->limited = report.limited;
	return code;
}

static enum tsn_code
search_store(struct run *run, struct tsn_slice text, enum tsn_write_format *format,
    struct tsn_err *err)
{
	const struct tsn_backend *b = run->r->http->o.backend;
	struct tsn_query_options o = {.canceled = canceled, .canceled_ctx = run};
	struct tsn_query_env env = {.keys = b->keys, .now_ns = tsn_clock_real_ns()};
	struct tsn_store_reader *reader;
	struct tsn_query *q;
	enum tsn_code code;

	TSN_TRY(read_options(run->r, env.now_ns, &o, format, err));
	TSN_TRY(tsn_query_parse(text, &env, &q, err));
	code = tsn_store_reader_open(b->data_dir, b->keys, &reader, err);
	if (code == TSN_OK) {
		code = run_query(run, reader, q, &o, *format, err);
		tsn_store_reader_close(reader);
	}
	tsn_query_free(q);
	return code;
}

static enum answer
answer_search(struct request *r, struct tsn_slice text)
{
	static const char *const types[] = {
		[TSN_WRITE_JSON] = "application/x-ndjson",
		[TSN_WRITE_CSV] = "text/csv; charset=utf-8",
		[TSN_WRITE_TABLE] = "text/plain; charset=utf-8",
	};
	struct run run = {.r = r, .deadline_ns = tsn_clock_mono_ns() + TIME_MAX_NS};
	enum tsn_write_format format;
	struct tsn_err err = {.pos = TSN_POS_NONE};
	enum tsn_code code;

	if (text.len == 0)
		return problem(r, 400, "Bad request", "q: expected a query; * is everything");
	code = search_store(&run, text, &format, &err);
	if (code == TSN_ECANCELED && run.timed_out)
		return problem(r, 504, "Took too long", "a search has at most 60 seconds here");
	if (code != TSN_OK && code != TSN_EOF)
		return problem_of(r, code, &err);
	r->status = 200;
	r->type = types[format];
	return ANSWER_NOW;
}

static enum tsn_code
copy_query(void *ctx, const struct tsn_saved_search *x)
{
	tsn_buf_slice(ctx, x->query);
	return tsn_buf_check(ctx);
}

static enum answer
search_saved(struct request *r, struct tsn_slice name)
{
	struct tsn_err err = {.pos = TSN_POS_NONE};
	struct tsn_saved *s = NULL;
	struct tsn_buf query;
	enum answer answer;
	enum tsn_code code = tsn_saved_open(r->http->o.backend->data_dir, true, &s, &err);

	tsn_buf_init(&query, TSN_QUERY_BYTES_MAX);
	if (code == TSN_OK)
		code = tsn_saved_tell(s, name, copy_query, &query, &err);
	tsn_saved_close(s);
	answer = code == TSN_OK ? answer_search(r, tsn_buf_get(&query)) : problem_of(r, code, &err);
	tsn_buf_done(&query);
	return answer;
}

static enum answer
search_get(struct request *r)
{
	struct tsn_slice saved = request_arg(r, "saved");

	return saved.len > 0 ? search_saved(r, saved) : answer_search(r, request_arg(r, "q"));
}

static enum answer
search_post(struct request *r)
{
	return answer_search(r, tsn_slice_trim(tsn_buf_get(&r->body.bytes)));
}

#define QUERY "from=begin, such as now-24h;to=end;limit=rows at most;format=json, csv or table"

const struct endpoint search_endpoints[] = {
	{"GET", "/api/v1/search", TSN_ROLE_VIEWER, false, true,
	    "searches the events; JSON lines unless format says otherwise",
	    "q=the query;saved=name of a saved one instead;" QUERY,
	    search_get},
	{"POST", "/api/v1/search", TSN_ROLE_VIEWER, true, true, "the same; the body is the query",
	    QUERY, search_post},
	{0},
};
