/* What operators share: kept rows, group keys, limits. */
#include <stdlib.h>

#include "base/assert.h"
#include "query/op_int.h"

#define TICKS 256u
/* A regex that reaches its step limit that often would take minutes and answer wrongly. */
#define REGEX_HITS_MAX 2000u
#define DEPTH_MAX 8

enum tsn_code
tsn_op_finish_next(struct tsn_op *op, struct tsn_err *err)
{
	enum tsn_code code = op->next == NULL ? TSN_OK : op->next->finish(op->next, err);

	return code == TSN_EOF ? TSN_OK : code;
}

enum tsn_code
tsn_op_tick(struct tsn_run *run, struct tsn_err *err)
{
	const struct tsn_query_options *o = run->options;

	if (TSN_UNLIKELY(run->match.regex_limit_hits > REGEX_HITS_MAX))
		TSN_FAIL(err, TSN_ELIMIT, "a regular expression is too costly: it had to be given up on "
		    "%u values; make it simpler or filter more before it", REGEX_HITS_MAX);
	if (++run->ticks % TICKS == 0 && o->canceled != NULL && o->canceled(o->canceled_ctx))
		TSN_FAIL(err, TSN_ECANCELED, "canceled");
	return TSN_OK;
}

enum tsn_code
tsn_op_memory(const struct tsn_op *op, struct tsn_err *err)
{
	TSN_FAIL(err, TSN_ELIMIT, "%s needs more than the memory limit of %llu MiB; narrow the "
	    "filter or the time range, or raise the limit (--memory MIB)",
	    op->stage == NULL ? "the answer" : tsn_stage_name(op->stage->op),
	    (unsigned long long)(op->run->memory_max >> 20));
}

/*
 * 0 null, 1 text and length, 2 list and its elements.  Numbers are their text: 5, 5.0 and "5" are
 * one key.
 */
static void
key_level(struct tsn_buf *out, const struct tsn_cell *v, int depth)
{
	char scratch[TSN_CELL_TEXT_MAX];
	struct tsn_slice s;
	uint32_t len;

	if (v->type == TSN_V_NULL || depth == 0) {
		tsn_buf_char(out, 0);
		return;
	}
	if (v->type == TSN_V_LIST) {
		tsn_buf_char(out, 2);
		tsn_buf_add(out, &v->len, sizeof v->len);
		for (uint32_t i = 0; i < v->len; i++)
			key_level(out, &v->u.items[i], depth - 1);
		return;
	}
	s = tsn_cell_text(v, scratch);
	len = (uint32_t)s.len;
	tsn_buf_char(out, 1);
	tsn_buf_add(out, &len, sizeof len);
	tsn_buf_slice(out, s);
}

void
tsn_op_key(struct tsn_buf *out, const struct tsn_cell *v)
{
	key_level(out, v, DEPTH_MAX);
}

/* Room for a cell's text and elements, in whole words. */
static size_t
cell_size(const struct tsn_cell *v, int depth)
{
	size_t size = 0;

	if (v->type == TSN_V_STR || v->type == TSN_V_JSON)
		return (v->len + 7) & ~(size_t)7;
	if (v->type != TSN_V_LIST || depth == 0)
		return 0;
	for (uint32_t i = 0; i < v->len; i++)
		size += sizeof *v + cell_size(&v->u.items[i], depth - 1);
	return size;
}

static struct tsn_cell
cell_put(char **at, const struct tsn_cell *v, int depth)
{
	struct tsn_cell copy = *v;

	if ((v->type == TSN_V_STR || v->type == TSN_V_JSON) && v->len > 0) {
		memcpy(*at, v->u.ptr, v->len);
		copy.u.ptr = *at;
		*at += (v->len + 7) & ~(size_t)7;
	} else if (v->type == TSN_V_LIST && v->len > 0) {
		struct tsn_cell *items = (struct tsn_cell *)(void *)*at;

		if (depth == 0)
			return tsn_cell_null();
		*at += v->len * sizeof *items;
		for (uint32_t i = 0; i < v->len; i++)
			items[i] = cell_put(at, &v->u.items[i], depth - 1);
		copy.u.items = items;
	}
	return copy;
}

static bool
within(const struct tsn_slice s, const char *p, size_t len)
{
	return s.ptr != NULL && p >= s.ptr && p + len <= s.ptr + s.len;
}

static size_t
event_size(const struct tsn_event *ev)
{
	size_t size = sizeof *ev + ev->field_count * sizeof *ev->fields +
	    ((ev->pos_count * sizeof *ev->pos + 7) & ~(size_t)7) + ev->original.len + ev->dataset.len;

	for (uint32_t i = 0; i < ev->field_count; i++)
		if (ev->fields[i].ptr != NULL &&
		    !within(ev->original, ev->fields[i].ptr, ev->fields[i].len))
			size += ev->fields[i].len;
	return (size + 7) & ~(size_t)7;
}

static const char *
put_bytes(char **at, const char *p, size_t len)
{
	char *copy = *at;

	if (len > 0)
		memcpy(copy, p, len);
	*at += len;
	return copy;
}

/* Text inside event.original stays a slice of its copy. */
static const struct tsn_event *
event_put(char **at, const struct tsn_event *ev)
{
	char *end = *at + event_size(ev);
	struct tsn_event *copy = (struct tsn_event *)(void *)*at;

	*at += sizeof *copy;
	*copy = *ev;
	copy->fields = (struct tsn_field *)(void *)*at;
	*at += ev->field_count * sizeof *copy->fields;
	copy->pos = (struct tsn_pos *)(void *)*at;
	*at += (ev->pos_count * sizeof *copy->pos + 7) & ~(size_t)7;
	if (ev->pos_count > 0)
		memcpy(copy->pos, ev->pos, ev->pos_count * sizeof *ev->pos);
	copy->original.ptr = put_bytes(at, ev->original.ptr, ev->original.len);
	copy->dataset.ptr = put_bytes(at, ev->dataset.ptr, ev->dataset.len);
	for (uint32_t i = 0; i < ev->field_count; i++) {
		const struct tsn_field *f = &ev->fields[i];

		copy->fields[i] = *f;
		if (f->ptr == NULL)
			continue;
		copy->fields[i].ptr = within(ev->original, f->ptr, f->len) ?
		    copy->original.ptr + (f->ptr - ev->original.ptr) : put_bytes(at, f->ptr, f->len);
	}
	TSN_ASSERT(*at <= end);
	*at = end;
	return copy;
}

struct tsn_kept *
tsn_kept_new(const struct tsn_row *row, const struct tsn_cell *keys, uint32_t key_count)
{
	size_t size = sizeof(struct tsn_kept) + (row->count + key_count) * sizeof(struct tsn_cell);
	struct tsn_cell *cells;
	struct tsn_kept *k;
	char *at;

	for (uint32_t i = 0; i < row->count; i++)
		size += cell_size(&row->cells[i], DEPTH_MAX);
	for (uint32_t i = 0; i < key_count; i++)
		size += cell_size(&keys[i], DEPTH_MAX);
	if (row->ev != NULL)
		size += event_size(row->ev);
	k = malloc(size);
	if (k == NULL)
		return NULL;
	*k = (struct tsn_kept){.size = size};
	at = (char *)(k + 1);
	cells = (struct tsn_cell *)(void *)at;
	k->keys = cells + row->count;
	at = (char *)(k->keys + key_count);
	for (uint32_t i = 0; i < row->count; i++)
		cells[i] = cell_put(&at, &row->cells[i], DEPTH_MAX);
	for (uint32_t i = 0; i < key_count; i++)
		k->keys[i] = cell_put(&at, &keys[i], DEPTH_MAX);
	k->row = (struct tsn_row){.cells = cells, .count = row->count};
	if (row->ev != NULL)
		k->row.ev = event_put(&at, row->ev);
	TSN_ASSERT(at <= (char *)k + size);
	return k;
}
