/*
 * api/ingest: records that come by HTTP.  The answer is given after the commit that holds them.
 */
#include "api/endpoints_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "codec/json.h"
#include "event/event.h"
#include "os/clock.h"
#include "parse/frame.h"

#define RECORDS_MAX 250000u
#define RECORDS_STEP 4096u
#define KEPT_BYTES_MAX (4u << 20)

/* What one item of a bulk request asked for. */
struct item {
	struct tsn_slice op, index, id;
	bool refused;
};

struct ingest {
	struct tsn_block block;		/* first */
	struct request *r;
	struct tsn_block_record *records;
	uint32_t count, cap;
	struct item *items;		/* bulk: one per action */
	uint32_t item_count, item_cap;
	struct tsn_arena arena;
	int64_t began_ns;
	bool bulk;
	bool single;			/* one document under a path of its own */
};

static void
ingest_done(void *held)
{
	struct ingest *in = held;

	tsn_arena_done(&in->arena);
	free(in->records);
	free(in->items);
	free(in);
}

static struct ingest *
ingest_new(struct request *r)
{
	struct ingest *in = calloc(1, sizeof *in);

	if (in == NULL)
		return NULL;
	in->r = r;
	in->began_ns = tsn_clock_mono_ns();
	tsn_arena_init(&in->arena, KEPT_BYTES_MAX);
	r->held = in;
	r->held_done = ingest_done;
	return in;
}

/* Grows an array by steps that are paid from the budget. */
static void *
grow(struct request *r, void *array, uint32_t count, uint32_t *cap, size_t size)
{
	uint32_t more;
	void *bigger;

	if (count < *cap)
		return array;
	more = *cap < RECORDS_STEP ? RECORDS_STEP : *cap;
	if (*cap >= RECORDS_MAX || !body_reserve(&r->body, more * size))
		return NULL;
	bigger = reallocarray(array, *cap + more, size);
	if (bigger != NULL)
		*cap += more;
	return bigger;
}

static bool
add_record(struct ingest *in, struct tsn_slice bytes, bool truncated)
{
	struct tsn_block_record *records =
	    grow(in->r, in->records, in->count, &in->cap, sizeof *records);

	if (records == NULL)
		return false;
	in->records = records;
	if (bytes.len > TSN_RECORD_BYTES_MAX) {
		bytes.len = TSN_RECORD_BYTES_MAX;
		truncated = true;
	}
	records[in->count++] = (struct tsn_block_record){
		.ptr = bytes.ptr, .len = (uint32_t)bytes.len, .truncated = truncated};
	return true;
}

static const struct tsn_source *
source_of(struct request *r)
{
	const struct tsn_backend *b = r->http->o.backend;
	char address[TSN_ADDR_TEXT_MAX], name[200];
	struct tsn_source like = {
		.address = request_peer(r, address),
		.kind = request_arg(r, "kind"),
	};
	int n;

	if (like.kind.len > 64)
		like.kind.len = 64;
	n = snprintf(name, sizeof name, "http from %.*s%s%.*s", TSN_SLICE_ARG(like.address),
	    like.kind.len > 0 ? " kind " : "", TSN_SLICE_ARG(like.kind));
	return b->source(b->ctx, &like, tsn_slice_of(name, (size_t)n));
}

/* An id by which a search finds the event: the same that the engine will compute. */
static void
write_id(struct tsn_buf *out, const struct ingest *in, uint32_t record)
{
	const struct tsn_block_record *rec = &in->records[record];
	uint64_t id[2];
	char text[32];

	tsn_event_id_compute(in->block.source, in->block.sequence + record,
	    tsn_slice_of(rec->ptr, rec->len), id);
	tsn_event_id_format(id, text);
	tsn_buf_char(out, '"');
	tsn_buf_add(out, text, sizeof text);
	tsn_buf_char(out, '"');
}

static void
write_document(struct tsn_buf *out, const struct ingest *in, const struct item *item,
    uint32_t record)
{
	tsn_buf_lit(out, "\"_index\":");
	tsn_json_write_string(out, item->index);
	tsn_buf_lit(out, ",\"_id\":");
	if (item->id.len > 0)
		tsn_json_write_string(out, item->id);
	else
		write_id(out, in, record);
	tsn_buf_lit(out, ",\"_version\":1,\"result\":\"created\",\"_shards\":{\"total\":1,"
			 "\"successful\":1,\"failed\":0},\"_seq_no\":0,\"_primary_term\":1");
}

static void
write_items(struct tsn_buf *out, const struct ingest *in)
{
	uint32_t record = 0;
	bool errors = false;

	for (uint32_t i = 0; i < in->item_count; i++)
		errors |= in->items[i].refused;
	tsn_buf_printf(out, "{\"took\":%lld,\"errors\":%s,\"items\":[",
	    (long long)((tsn_clock_mono_ns() - in->began_ns) / TSN_NS_PER_MS),
	    errors ? "true" : "false");
	for (uint32_t i = 0; i < in->item_count; i++) {
		const struct item *item = &in->items[i];

		tsn_buf_printf(out, "%s{\"%.*s\":{", i == 0 ? "" : ",", TSN_SLICE_ARG(item->op));
		if (item->refused) {
			tsn_buf_lit(out, "\"_index\":");
			tsn_json_write_string(out, item->index);
			tsn_buf_lit(out, ",\"status\":400,\"error\":{\"type\":"
					 "\"illegal_argument_exception\",\"reason\":"
					 "\"events are never changed or deleted\"}}}");
			continue;
		}
		write_document(out, in, item, record++);
		tsn_buf_lit(out, ",\"status\":201}}");
	}
	tsn_buf_lit(out, "]}\n");
}

static enum answer TSN_PRINTF(4, 5)
elastic_error(struct request *r, unsigned status, const char *type, const char *fmt, ...)
{
	char reason[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(reason, sizeof reason, fmt, ap);
	va_end(ap);
	tsn_buf_reset(&r->out);
	tsn_buf_printf(&r->out, "{\"error\":{\"type\":\"%s\",\"reason\":", type);
	tsn_json_write_string(&r->out, tsn_slice_cstr(reason));
	tsn_buf_printf(&r->out, "},\"status\":%u}\n", status);
	r->elastic = true;
	return answer_json(r, status);
}

/* In the engine's thread: write the answer, wake the connection. */
static void
committed(struct tsn_block *block, enum tsn_code code)
{
	struct ingest *in = (struct ingest *)block;
	struct request *r = in->r;

	if (code != TSN_OK) {
		r->retry_after = 1;
		(void)problem(r, 503, "Not stored", "%s", code == TSN_ECANCELED ?
		    "the server is stopping" : "the store could not take the records");
	} else if (in->bulk) {
		write_items(&r->out, in);
		(void)answer_json(r, 200);
	} else if (in->single) {
		tsn_buf_lit(&r->out, "{");
		write_document(&r->out, in, &in->items[0], 0);
		tsn_buf_lit(&r->out, "}\n");
		(void)answer_json(r, 201);
	} else {
		tsn_buf_printf(&r->out, "{\"accepted\":%u}\n", in->count);
		(void)answer_json(r, 200);
	}
	request_resume(r);
}

static enum answer
too_many(struct request *r)
{
	if (r->body.failed == TSN_EAGAIN) {
		r->retry_after = 1;
		return problem(r, 429, "Too many requests", "%s", r->body.why);
	}
	return problem(r, 413, "Content too large", "a request has at most %u records",
	    RECORDS_MAX);
}

static enum answer
submit(struct ingest *in)
{
	struct request *r = in->r;
	struct tsn_queue *queue = r->http->o.backend->queue;

	in->block.source = source_of(r);
	if (in->block.source == NULL)
		return problem(r, 503, "Service unavailable", "out of memory");
	in->block.records = in->records;
	in->block.count = in->count;
	in->block.received_ns = tsn_clock_real_ns();
	in->block.done = committed;
	in->block.sequence = tsn_queue_sequence(queue, in->count);
	/* First: the answer may come before push returns. */
	request_suspend(r);
	if (tsn_queue_push(queue, &in->block) != TSN_OK) {
		(void)problem(r, 503, "Stopping", "the server is stopping");
		request_resume(r);
	}
	return ANSWER_LATER;
}

/* Records in any form a file may have: JSON lines, lines, a JSON array. */
static enum answer
frame_body(struct ingest *in, struct tsn_framer *framer)
{
	struct tsn_frame f;
	bool flushed = false;

	tsn_framer_feed(framer, tsn_buf_get(&in->r->body.bytes));
	for (;;) {
		enum tsn_code code = tsn_framer_next(framer, &f);

		if (code == TSN_EAGAIN && flushed)
			return ANSWER_LATER;
		if (code == TSN_EAGAIN) {
			tsn_framer_flush(framer, TSN_FRAME_END);
			flushed = true;
			continue;
		}
		if (code != TSN_OK || (!f.stable && tsn_frame_keep(&f, &in->arena) != TSN_OK))
			return problem(in->r, 503, "Service unavailable", "out of memory");
		if (!add_record(in, f.bytes, f.truncated))
			return too_many(in->r);
	}
}

static enum answer
ingest(struct request *r)
{
	struct ingest *in = ingest_new(r);
	struct tsn_framer *framer = tsn_framer_new(NULL);
	enum answer answer;

	if (in == NULL || framer == NULL)
		answer = problem(r, 503, "Service unavailable", "out of memory");
	else
		answer = frame_body(in, framer);
	tsn_framer_free(framer);
	if (answer == ANSWER_NOW)
		return answer;
	if (in->count == 0) {
		tsn_buf_lit(&r->out, "{\"accepted\":0}\n");
		return answer_json(r, 200);
	}
	return submit(in);
}

static struct tsn_slice
next_line(struct tsn_slice *left)
{
	size_t end = tsn_slice_find_char(*left, '\n');
	struct tsn_slice line = tsn_slice_of(left->ptr, end == SIZE_MAX ? left->len : end);

	*left = tsn_slice_from(*left, line.len + 1);
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* {"create":{"_index":"a","_id":"b", ...}} */
static enum tsn_code
read_action(struct ingest *in, struct tsn_slice line, struct item *item)
{
	struct tsn_json_reader json;
	enum tsn_json_token t;

	tsn_json_reader_init(&json, line, &in->arena);
	TSN_TRY(tsn_json_next(&json, &t, NULL));
	if (t != TSN_JSON_OBJECT)
		return TSN_EPARSE;
	TSN_TRY(tsn_json_next(&json, &t, NULL));
	if (t != TSN_JSON_KEY)
		return TSN_EPARSE;
	item->op = json.text;
	TSN_TRY(tsn_json_next(&json, &t, NULL));
	if (t != TSN_JSON_OBJECT)
		return TSN_EPARSE;
	for (;;) {
		struct tsn_slice key;

		TSN_TRY(tsn_json_next(&json, &t, NULL));
		if (t == TSN_JSON_OBJECT_END)
			break;
		key = json.text;
		TSN_TRY(tsn_json_next(&json, &t, NULL));
		if (t == TSN_JSON_STRING && tsn_slice_eq(key, TSN_SLICE("_index")))
			item->index = json.text;
		else if (t == TSN_JSON_STRING && tsn_slice_eq(key, TSN_SLICE("_id")))
			item->id = json.text;
		else if (t == TSN_JSON_OBJECT || t == TSN_JSON_ARRAY)
			TSN_TRY(tsn_json_pass(&json, t, NULL));
	}
	return TSN_OK;
}

static bool
is_op(const struct item *item, const char *name)
{
	return tsn_slice_eq(item->op, tsn_slice_cstr(name));
}

static enum answer
bulk_item(struct ingest *in, struct tsn_slice *left, uint32_t *line_number)
{
	struct tsn_slice line = next_line(left);
	struct item item = {.index = in->r->parts[0]}, *items;
	bool has_document;

	(*line_number)++;
	if (tsn_slice_trim(line).len == 0)
		return ANSWER_LATER;
	if (read_action(in, line, &item) != TSN_OK ||
	    !(is_op(&item, "create") || is_op(&item, "index") || is_op(&item, "update") ||
		is_op(&item, "delete")))
		return elastic_error(in->r, 400, "illegal_argument_exception",
		    "Malformed action/metadata line [%u], expected {\"create\":{...}} or "
		    "{\"index\":{...}}", *line_number);
	item.refused = is_op(&item, "update") || is_op(&item, "delete");
	has_document = !is_op(&item, "delete");
	items = grow(in->r, in->items, in->item_count, &in->item_cap, sizeof *items);
	if (items == NULL)
		return too_many(in->r);
	in->items = items;
	items[in->item_count++] = item;
	if (!has_document)
		return ANSWER_LATER;
	if (left->len == 0)
		return elastic_error(in->r, 400, "illegal_argument_exception",
		    "line [%u] has no document behind it", *line_number);
	line = next_line(left);
	(*line_number)++;
	if (!item.refused && !add_record(in, line, false))
		return too_many(in->r);
	return ANSWER_LATER;
}

enum answer
ingest_bulk(struct request *r)
{
	struct ingest *in = ingest_new(r);
	struct tsn_slice left = tsn_buf_get(&r->body.bytes);
	uint32_t line = 0;

	r->elastic = true;
	if (in == NULL)
		return problem(r, 503, "Service unavailable", "out of memory");
	in->bulk = true;
	while (left.len > 0)
		if (bulk_item(in, &left, &line) == ANSWER_NOW)
			return ANSWER_NOW;
	if (in->item_count == 0)
		return elastic_error(r, 400, "parse_exception", "request body is required");
	if (in->count == 0) {
		write_items(&r->out, in);
		return answer_json(r, 200);
	}
	return submit(in);
}

/* One document under a path of its own. */
static enum answer
document(struct request *r)
{
	struct ingest *in = ingest_new(r);
	struct tsn_slice body = tsn_slice_trim(tsn_buf_get(&r->body.bytes));

	r->elastic = true;
	if (in == NULL || (in->items = calloc(1, sizeof *in->items)) == NULL)
		return problem(r, 503, "Service unavailable", "out of memory");
	in->single = true;
	in->items[0] = (struct item){.index = r->parts[0], .id = r->parts[1]};
	if (body.len == 0)
		return elastic_error(r, 400, "parse_exception", "request body is required");
	if (!add_record(in, body, false))
		return too_many(r);
	return submit(in);
}

const struct endpoint ingest_endpoints[] = {
	{"POST", "/api/v1/ingest", TSN_ROLE_INGEST, true, false,
	    "records: JSON lines, a JSON array, or lines of any log", "kind=kind of all records",
	    ingest},
	{"POST", "/_bulk", TSN_ROLE_INGEST, true, false,
	    "documents in the form of Elasticsearch's bulk request", NULL, ingest_bulk},
	{"PUT", "/_bulk", TSN_ROLE_INGEST, true, false, NULL, NULL, ingest_bulk},
	{"POST", "/{index}/_bulk", TSN_ROLE_INGEST, true, false, NULL, NULL, ingest_bulk},
	{"PUT", "/{index}/_bulk", TSN_ROLE_INGEST, true, false, NULL, NULL, ingest_bulk},
	{"POST", "/{index}/{type}/_bulk", TSN_ROLE_INGEST, true, false, NULL, NULL, ingest_bulk},
	{"POST", "/{index}/_doc", TSN_ROLE_INGEST, true, false, NULL, NULL, document},
	{"POST", "/{index}/_doc/{id}", TSN_ROLE_INGEST, true, false, NULL, NULL, document},
	{"PUT", "/{index}/_doc/{id}", TSN_ROLE_INGEST, true, false, NULL, NULL, document},
	{"POST", "/{index}/_create/{id}", TSN_ROLE_INGEST, true, false, NULL, NULL, document},
	{"PUT", "/{index}/_create/{id}", TSN_ROLE_INGEST, true, false, NULL, NULL, document},
	{0},
};
