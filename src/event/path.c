#include "event/path.h"

#include "base/assert.h"
#include "base/num.h"

/* Reads the "[n]" groups at `at`; *ret_at is behind them. */
static enum tsn_code
parse_index(struct tsn_slice text, size_t at, size_t *ret_at, uint32_t *ret_index,
    struct tsn_err *err)
{
	size_t close = tsn_slice_find_char(tsn_slice_from(text, at), ']');
	int64_t index;

	if (close == SIZE_MAX)
		TSN_FAIL_AT(err, TSN_EPARSE, at, "expected ']' after '['");
	if (tsn_num_parse_i64((struct tsn_slice){text.ptr + at + 1, close - 1}, &index) != TSN_OK ||
	    index < 0 || index > UINT32_MAX)
		TSN_FAIL_AT(err, TSN_EPARSE, at + 1, "expected a number between '[' and ']'");
	*ret_index = (uint32_t)index;
	*ret_at = at + close + 1;
	return TSN_OK;
}

enum tsn_code
tsn_path_parse(struct tsn_keys *keys, struct tsn_slice text, struct tsn_path *ret_path,
    struct tsn_err *err)
{
	char plain[TSN_KEY_BYTES_MAX];
	struct tsn_path p = {0};
	size_t n = 0;

	for (size_t at = 0; at < text.len;) {
		if (text.ptr[at] != '[') {
			if (n == sizeof plain)
				TSN_FAIL_AT(err, TSN_ELIMIT, at, "field name is longer than %u bytes",
				    TSN_KEY_BYTES_MAX);
			plain[n++] = text.ptr[at++];
			continue;
		}
		if (p.index_count == TSN_PATH_INDEXES_MAX)
			TSN_FAIL_AT(err, TSN_ELIMIT, at, "more than %u list indexes", TSN_PATH_INDEXES_MAX);
		p.indexes[p.index_count].list = tsn_keys_intern(keys, (struct tsn_slice){plain, n});
		TSN_TRY(parse_index(text, at, &at, &p.indexes[p.index_count].index, err));
		if (p.indexes[p.index_count].list == TSN_KEY_NONE)
			TSN_FAIL_AT(err, TSN_EPARSE, at, "expected a field name before '['");
		p.index_count++;
	}
	p.key = tsn_keys_intern(keys, (struct tsn_slice){plain, n});
	if (p.key == TSN_KEY_NONE)
		TSN_FAIL(err, n == 0 ? TSN_EPARSE : TSN_ELIMIT,
		    n == 0 ? "expected a field name" : "too many different field names");
	*ret_path = p;
	return TSN_OK;
}

bool
tsn_path_at(const struct tsn_path *path, const struct tsn_event *ev, const struct tsn_field *f)
{
	/* Each fixed index must be among the places of the field, innermost list first. */
	for (uint32_t i = 0; i < path->index_count; i++) {
		bool found = false;

		for (uint32_t pos = f->pos; pos != 0 && !found; pos = ev->pos[pos - 1].parent)
			found = ev->pos[pos - 1].list == path->indexes[i].list &&
			    ev->pos[pos - 1].index == path->indexes[i].index;
		if (!found)
			return false;
	}
	return true;
}

const struct tsn_field *
tsn_path_next(const struct tsn_path *path, const struct tsn_event *ev, const struct tsn_field *prev)
{
	const struct tsn_field *end = ev->fields + ev->field_count;

	TSN_ASSERT(prev == NULL || (prev >= ev->fields && prev < end));
	for (const struct tsn_field *f = prev == NULL ? ev->fields : prev + 1; f < end; f++)
		if (f->key == path->key && tsn_path_at(path, ev, f))
			return f;
	return NULL;
}

bool
tsn_path_exists(const struct tsn_path *path, const struct tsn_keys *keys,
    const struct tsn_event *ev)
{
	for (uint32_t i = 0; i < ev->field_count; i++) {
		const struct tsn_field *f = &ev->fields[i];

		if ((f->key == path->key || tsn_keys_under(keys, f->key, path->key)) &&
		    tsn_path_at(path, ev, f))
			return true;
	}
	return false;
}
