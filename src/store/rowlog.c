#include "store/rowlog_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "store/frame_int.h"

struct rowlog_row {
	int64_t time_ns, created_ns;
	uint64_t offset, line;
	const struct tmpl *tmpl;
	const struct tsn_source *source;
	uint32_t len;
	unsigned char vals[];
};

void
rowlog_init(struct rowlog *l, size_t bytes_max)
{
	*l = (struct rowlog){0};
	tsn_arena_init(&l->arena, bytes_max);
}

void
rowlog_done(struct rowlog *l)
{
	free(l->rows);
	free(l->spare);
	tsn_arena_done(&l->arena);
	*l = (struct rowlog){0};
}

void
rowlog_reset(struct rowlog *l)
{
	l->count = 0;
	l->bytes = 0;
	tsn_arena_reset(&l->arena);
}

void
rowlog_release(struct rowlog *l)
{
	size_t cap = l->arena.cap;

	TSN_ASSERT(l->count == 0);
	tsn_arena_done(&l->arena);
	tsn_arena_init(&l->arena, cap);
}

static bool
grow(struct rowlog *l)
{
	uint32_t cap = l->cap == 0 ? 1024 : l->cap * 2;
	struct rowlog_row **rows = reallocarray(l->rows, cap, sizeof(struct rowlog_row *));

	if (rows == NULL)
		return false;
	l->rows = rows;
	l->cap = cap;
	return true;
}

static size_t
bound_of(const struct row *row)
{
	size_t need = 0;

	for (uint32_t i = 0; i < row->tmpl->slot_count; i++)
		need += row->tmpl->slots[i].is_num ? 10 : 5 + (size_t)row->vals[i].len;
	return need;
}

static uint32_t
put_vals(const struct row *row, unsigned char *out)
{
	unsigned char *start = out;

	for (uint32_t i = 0; i < row->tmpl->slot_count; i++) {
		const struct val *v = &row->vals[i];

		if (row->tmpl->slots[i].is_num) {
			out = bin_put_var(out, bin_zig((int64_t)v->num));
			continue;
		}
		out = bin_put_var(out, v->len);
		if (v->len > 0)
			memcpy(out, v->ptr, v->len);
		out += v->len;
	}
	return (uint32_t)(out - start);
}

enum tsn_code
rowlog_add(struct rowlog *l, const struct row *row)
{
	size_t size = sizeof(struct rowlog_row) + bound_of(row);
	struct rowlog_row *x;

	if (l->count == l->cap && !grow(l))
		return TSN_ENOMEM;
	x = tsn_arena_alloc(&l->arena, size);
	if (x == NULL)
		return TSN_ENOMEM;
	*x = (struct rowlog_row){row->time_ns, row->created_ns, row->offset, row->line, row->tmpl,
	    row->source, 0};
	x->len = put_vals(row, x->vals);
	l->rows[l->count++] = x;
	l->bytes += size + sizeof x;
	return TSN_OK;
}

void
rowlog_cut(struct rowlog *l, uint32_t count)
{
	TSN_ASSERT(count <= l->count);
	l->count = count;
}

/* Merge sort of pointers; what comes in order of time costs one pass. */
enum tsn_code
rowlog_sort(struct rowlog *l)
{
	uint32_t n = l->count, sorted = 1;

	while (sorted < n && l->rows[sorted - 1]->time_ns <= l->rows[sorted]->time_ns)
		sorted++;
	if (sorted >= n)
		return TSN_OK;
	if (l->spare_cap < n) {
		struct rowlog_row **spare = reallocarray(l->spare, n, sizeof(struct rowlog_row *));

		if (spare == NULL)
			return TSN_ENOMEM;
		l->spare = spare;
		l->spare_cap = n;
	}
	for (uint64_t width = 1; width < n; width *= 2) {
		for (uint64_t low = 0; low < n; low += 2 * width) {
			uint64_t mid = low + width < n ? low + width : n;
			uint64_t high = mid + width < n ? mid + width : n;
			uint64_t i = low, j = mid;

			for (uint64_t k = low; k < high; k++)
				l->spare[k] = i < mid && (j >= high ||
				    l->rows[i]->time_ns <= l->rows[j]->time_ns) ? l->rows[i++] :
										  l->rows[j++];
		}
		memcpy(l->rows, l->spare, n * sizeof(struct rowlog_row *));
	}
	return TSN_OK;
}

int64_t
rowlog_time(const struct rowlog *l, uint32_t i)
{
	return l->rows[i]->time_ns;
}

uint32_t
rowlog_lower(const struct rowlog *l, int64_t ns)
{
	uint32_t low = 0, high = l->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (l->rows[mid]->time_ns < ns)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
rowlog_get(const struct rowlog *l, uint32_t i, struct val *vals, struct row *ret_row)
{
	const struct rowlog_row *x = l->rows[i];
	struct bin b = bin_of(x->vals, x->len);

	frame_vals(&b, x->tmpl, vals);
	*ret_row = (struct row){x->tmpl, x->source, x->time_ns, x->created_ns, x->offset, x->line,
	    vals};
}
