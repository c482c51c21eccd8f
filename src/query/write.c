#include "query/write.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "codec/json.h"
#include "event/doc.h"
#include "query/write_int.h"

#define OUT_MAX (64u << 20)
#define FLUSH_AT (64u << 10)

static const char *const event_columns_csv[] = {"@timestamp", "event.id", "event.dataset",
    "host.name", "message", "event.original"};
static const char *const event_columns_table[] = {"@timestamp", "host.name", "event.dataset",
    "message"};

enum tsn_code
tsn_write_format_parse(struct tsn_slice name, enum tsn_write_format *ret_format)
{
	static const char *const names[] = {"json", "csv", "table"};

	for (uint32_t i = 0; i < TSN_COUNT(names); i++) {
		if (tsn_slice_eq(name, tsn_slice_cstr(names[i]))) {
			*ret_format = (enum tsn_write_format)i;
			return TSN_OK;
		}
	}
	return TSN_EINVAL;
}

struct tsn_writer *
tsn_writer_new(const struct tsn_write_env *env)
{
	struct tsn_writer *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	TSN_ASSERT(env->out != NULL);
	w->env = *env;
	if (w->env.width == 0)
		w->env.width = 120;
	tsn_buf_init(&w->out, OUT_MAX);
	tsn_arena_init(&w->scratch, OUT_MAX);
	tsn_arena_init(&w->kept, OUT_MAX);
	w->eval = (struct tsn_eval){.arena = &w->scratch, .keys = env->keys};
	return w;
}

void
tsn_writer_free(struct tsn_writer *w)
{
	if (w == NULL)
		return;
	tsn_buf_done(&w->out);
	tsn_arena_done(&w->scratch);
	tsn_arena_done(&w->kept);
	free(w);
}

enum tsn_code
tsn_write_flush(struct tsn_writer *w, struct tsn_err *err)
{
	if (tsn_buf_check(&w->out) != TSN_OK)
		TSN_FAIL(err, TSN_ELIMIT, "a row is larger than %u MiB", OUT_MAX >> 20);
	if (w->out.len > 0)
		TSN_TRY(w->env.out(w->env.ctx, tsn_buf_get(&w->out), err));
	tsn_buf_reset(&w->out);
	return TSN_OK;
}

enum tsn_code
tsn_write_cells(struct tsn_writer *w, const struct tsn_row *row, const struct tsn_cell **ret_cells,
    struct tsn_err *err)
{
	struct tsn_cell *cells;

	if (row->ev == NULL) {
		*ret_cells = row->cells;
		return TSN_OK;
	}
	tsn_arena_reset(&w->scratch);
	cells = tsn_arena_calloc(&w->scratch, w->columns.count, sizeof *cells);
	if (cells == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < w->columns.count; i++) {
		cells[i] = tsn_expr_path(&w->eval, &w->paths[i], row->ev);
		if (cells[i].type == TSN_V_NULL && w->env.format == TSN_WRITE_TABLE &&
		    w->paths[i].key == TSN_F_MESSAGE)
			cells[i] = tsn_cell_str(row->ev->original);
	}
	*ret_cells = cells;
	return TSN_OK;
}

static void
csv_field(struct tsn_buf *out, struct tsn_slice s, bool quote)
{
	for (size_t i = 0; i < s.len && !quote; i++)
		quote = s.ptr[i] == '"' || s.ptr[i] == ',' || s.ptr[i] == '\n' || s.ptr[i] == '\r';
	if (!quote) {
		tsn_buf_slice(out, s);
		return;
	}
	tsn_buf_char(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '"')
			tsn_buf_char(out, '"');
		tsn_buf_char(out, s.ptr[i]);
	}
	tsn_buf_char(out, '"');
}

/* null is nothing, "" is quoted, lists are JSON. */
static void
csv_cell(struct tsn_buf *out, const struct tsn_cell *v)
{
	char scratch[TSN_CELL_TEXT_MAX];
	struct tsn_buf json;

	if (v->type == TSN_V_LIST) {
		tsn_buf_init(&json, OUT_MAX);
		tsn_cell_json(&json, v);
		csv_field(out, tsn_buf_get(&json), true);
		tsn_buf_done(&json);
	} else if (v->type != TSN_V_NULL) {
		csv_field(out, tsn_cell_text(v, scratch), v->type == TSN_V_STR && v->len == 0);
	}
}

static enum tsn_code
csv_row(struct tsn_writer *w, const struct tsn_row *row, struct tsn_err *err)
{
	const struct tsn_cell *cells;

	TSN_TRY(tsn_write_cells(w, row, &cells, err));
	for (uint32_t i = 0; i < w->columns.count; i++) {
		if (i > 0)
			tsn_buf_char(&w->out, ',');
		csv_cell(&w->out, &cells[i]);
	}
	tsn_buf_lit(&w->out, "\r\n");
	return TSN_OK;
}

static void
json_row(struct tsn_writer *w, const struct tsn_row *row)
{
	if (row->ev != NULL) {
		tsn_doc_write(row->ev, w->env.keys, &w->out);
		tsn_buf_char(&w->out, '\n');
		return;
	}
	tsn_buf_char(&w->out, '{');
	for (uint32_t i = 0; i < row->count; i++) {
		if (i > 0)
			tsn_buf_char(&w->out, ',');
		tsn_json_write_string(&w->out, w->columns.names[i]);
		tsn_buf_char(&w->out, ':');
		tsn_cell_json(&w->out, &row->cells[i]);
	}
	tsn_buf_lit(&w->out, "}\n");
}

static enum tsn_code
use_event_columns(struct tsn_writer *w, const char *const *names, uint32_t count,
    struct tsn_err *err)
{
	TSN_ASSERT(count <= TSN_COUNT(w->paths));
	w->columns.count = count;
	for (uint32_t i = 0; i < count; i++) {
		w->columns.names[i] = tsn_slice_cstr(names[i]);
		TSN_TRY(tsn_path_parse(w->env.keys, w->columns.names[i], &w->paths[i], err));
	}
	return TSN_OK;
}

static enum tsn_code
begin(void *ctx, const struct tsn_schema *schema, struct tsn_err *err)
{
	struct tsn_writer *w = ctx;

	w->schema = schema;
	if (!schema->events)
		w->columns = *schema;
	else if (w->env.format == TSN_WRITE_CSV)
		TSN_TRY(use_event_columns(w, event_columns_csv, TSN_COUNT(event_columns_csv), err));
	else
		TSN_TRY(use_event_columns(w, event_columns_table, TSN_COUNT(event_columns_table), err));
	if (w->env.format != TSN_WRITE_CSV)
		return TSN_OK;
	for (uint32_t i = 0; i < w->columns.count; i++) {
		if (i > 0)
			tsn_buf_char(&w->out, ',');
		csv_field(&w->out, w->columns.names[i], false);
	}
	tsn_buf_lit(&w->out, "\r\n");
	return TSN_OK;
}

static enum tsn_code
row(void *ctx, const struct tsn_row *r, struct tsn_err *err)
{
	struct tsn_writer *w = ctx;

	switch (w->env.format) {
	case TSN_WRITE_JSON:
		json_row(w, r);
		break;
	case TSN_WRITE_CSV:
		TSN_TRY(csv_row(w, r, err));
		break;
	case TSN_WRITE_TABLE:
		TSN_TRY(tsn_table_row(w, r, err));
		break;
	}
	return w->out.len >= FLUSH_AT || tsn_buf_check(&w->out) != TSN_OK ? tsn_write_flush(w, err) :
									   TSN_OK;
}

static enum tsn_code
end(void *ctx, struct tsn_err *err)
{
	struct tsn_writer *w = ctx;

	if (w->env.format == TSN_WRITE_TABLE)
		TSN_TRY(tsn_table_end(w, err));
	return tsn_write_flush(w, err);
}

struct tsn_query_sink
tsn_writer_sink(struct tsn_writer *w)
{
	return (struct tsn_query_sink){begin, row, end, w};
}
