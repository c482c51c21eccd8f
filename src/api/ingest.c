/*
 * api/ingest: records that come by HTTP.  The answer is given after the commit that holds them.
 */
#include "api/intake_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "codec/json.h"
#include "event/event.h"
#include "os/clock.h"
#include "parse/parse.h"

/* What one item of a bulk request asked for. */
struct item {
	struct tsn_slice op, index, id;
	bool refused;
};

struct ingest {
	struct intake base;		/* first */
	struct item *items;		/* bulk: one per action */
	uint32_t item_count, item_cap;
	int64_t began_ns;
	bool bulk;
	bool single;			/* one document under a path of its own */
};

static void
ingest_done(void *held)
{
	struct ingest *in = held;

	intake_done(&in->base);
	free(in->items);
	free(in);
}

/* An id by which a search finds the event: the same that the engine will compute. */
static void
write_id(struct tsn_buf *out, const struct ingest *in, uint32_t record)
{
	const struct tsn_block_record *rec = &in->base.records[record];
	uint64_t id[2];
	char text[32];

	tsn_event_id_compute(in->base.block.source, in->base.block.sequence + record,
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

static void
write_answer(struct intake *base)
{
	struct ingest *in = (struct ingest *)base;
	struct request *r = base->r;

	if (in->bulk) {
		write_items(&r->out, in);
		(void)answer_json(r, 200);
	} else if (in->single) {
		tsn_buf_lit(&r->out, "{");
		write_document(&r->out, in, &in->items[0], 0);
		tsn_buf_lit(&r->out, "}\n");
		(void)answer_json(r, 201);
	} else {
		tsn_buf_printf(&r->out, "{\"accepted\":%u}\n", base->count);
		(void)answer_json(r, 200);
	}
}

static struct ingest *
ingest_new(struct request *r)
{
	struct ingest *in = calloc(1, sizeof *in);

	if (in == NULL)
		return NULL;
	intake_init(&in->base, r, write_answer, ingest_done);
	in->began_ns = tsn_clock_mono_ns();
	return in;
}

static enum answer
ingest(struct request *r)
{
	struct ingest *in;
	struct tsn_err err;
	enum answer answer;

	if (tsn_parser_check_kind(request_arg(r, "kind"), &err) != TSN_OK)
		return problem(r, 400, "Bad request", "%s", err.msg);
	in = ingest_new(r);
	if (in == NULL)
		return problem(r, 503, "Service unavailable", "out of memory");
	answer = intake_frame(&in->base, tsn_buf_get(&r->body.bytes), NULL);
	if (answer == ANSWER_NOW)
		return answer;
	if (in->base.count == 0) {
		tsn_buf_lit(&r->out, "{\"accepted\":0}\n");
		return answer_json(r, 200);
	}
	return intake_submit(&in->base, "http");
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

	tsn_json_reader_init(&json, line, &in->base.arena);
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
	struct item item = {.index = in->base.r->parts[0]}, *items;
	bool has_document;

	(*line_number)++;
	if (tsn_slice_trim(line).len == 0)
		return ANSWER_LATER;
	if (read_action(in, line, &item) != TSN_OK ||
	    !(is_op(&item, "create") || is_op(&item, "index") || is_op(&item, "update") ||
		is_op(&item, "delete")))
		return elastic_error(in->base.r, 400, "illegal_argument_exception",
		    "Malformed action/metadata line [%u], expected {\"create\":{...}} or "
		    "{\"index\":{...}}", *line_number);
	item.refused = is_op(&item, "update") || is_op(&item, "delete");
	has_document = !is_op(&item, "delete");
	items = intake_grow(in->base.r, in->items, in->item_count, &in->item_cap, sizeof *items);
	if (items == NULL)
		return intake_refused(in->base.r);
	in->items = items;
	items[in->item_count++] = item;
	if (!has_document)
		return ANSWER_LATER;
	if (left->len == 0)
		return elastic_error(in->base.r, 400, "illegal_argument_exception",
		    "line [%u] has no document behind it", *line_number);
	line = next_line(left);
	(*line_number)++;
	if (!item.refused && !intake_add(&in->base, line, false, NULL))
		return intake_refused(in->base.r);
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
	if (in->base.count == 0) {
		write_items(&r->out, in);
		return answer_json(r, 200);
	}
	return intake_submit(&in->base, "http");
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
	if (!intake_add(&in->base, body, false, NULL))
		return intake_refused(r);
	return intake_submit(&in->base, "http");
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
