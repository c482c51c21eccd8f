/* An object below a path, as the JSON it was. */
#include "base/assert.h"
#include "codec/json.h"
#include "event/doc.h"
#include "query/expr.h"

/*
 * tsn_doc_write gives {"a":{"b":VALUE}} for what is below a.b: VALUE lies between the names of the
 * path and as many braces.  Where a list is on the way the rest of the names stays.
 */
static struct tsn_slice
peel(struct tsn_slice json, struct tsn_slice name)
{
	while (name.len > 0) {
		size_t dot = tsn_slice_find_char(name, '.'), len = dot == SIZE_MAX ? name.len : dot;
		struct tsn_buf head;
		bool found;

		tsn_buf_init(&head, TSN_KEY_BYTES_MAX * 8);
		tsn_buf_char(&head, '{');
		tsn_json_write_string(&head, (struct tsn_slice){name.ptr, len});
		tsn_buf_char(&head, ':');
		found = tsn_slice_starts(json, tsn_buf_get(&head)) && json.ptr[json.len - 1] == '}';
		if (found)
			json = (struct tsn_slice){json.ptr + head.len, json.len - head.len - 1};
		tsn_buf_done(&head);
		if (!found)
			break;
		name = tsn_slice_from(name, len + 1);
	}
	return json;
}

struct tsn_cell
tsn_expr_object(struct tsn_eval *e, const struct tsn_path *path, const struct tsn_event *ev)
{
	struct tsn_event part = *ev;
	struct tsn_slice json;
	struct tsn_buf out;
	uint32_t n = 0;

	for (uint32_t i = 0; i < ev->field_count; i++)
		n += tsn_keys_under(e->keys, ev->fields[i].key, path->key) &&
		    tsn_path_at(path, ev, &ev->fields[i]);
	if (n == 0)
		return tsn_cell_null();
	part.fields = tsn_arena_alloc(e->arena, n * sizeof *part.fields);
	if (part.fields == NULL)
		return tsn_cell_null();
	part.field_count = 0;
	for (uint32_t i = 0; i < ev->field_count; i++)
		if (tsn_keys_under(e->keys, ev->fields[i].key, path->key) &&
		    tsn_path_at(path, ev, &ev->fields[i]))
			part.fields[part.field_count++] = ev->fields[i];
	TSN_ASSERT(part.field_count == n);
	tsn_buf_init(&out, TSN_RECORD_BYTES_MAX * 8);
	tsn_doc_write(&part, e->keys, &out);
	json = tsn_buf_check(&out) == TSN_OK ? tsn_arena_dup(e->arena, tsn_buf_get(&out)) :
	    TSN_SLICE_NONE;
	tsn_buf_done(&out);
	if (json.ptr == NULL) {
		e->memory_fails++;
		return tsn_cell_null();
	}
	json = peel(json, tsn_keys_name(e->keys, path->key));
	return (struct tsn_cell){.type = TSN_V_JSON, .len = (uint32_t)json.len, .u.ptr = json.ptr};
}
