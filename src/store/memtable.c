#include "store/memtable_int.h"

#include <stdlib.h>

void
memtable_done(struct memtable *m)
{
	for (uint32_t i = 0; i < m->body_count; i++)
		free(m->bodies[i]);
	free(m->bodies);
	free(m->rows);
	*m = (struct memtable){0};
}

static bool
room(struct memtable *m, size_t more)
{
	if (m->count + more > m->cap) {
		size_t cap = m->cap == 0 ? 1024 : m->cap;
		struct mem_row *rows;

		while (cap < m->count + more)
			cap *= 2;
		rows = reallocarray(m->rows, cap, sizeof *rows);
		if (rows == NULL)
			return false;
		m->rows = rows;
		m->cap = cap;
	}
	if (m->body_count == m->body_cap) {
		uint32_t cap = m->body_cap == 0 ? 64 : m->body_cap * 2;
		char **bodies = reallocarray(m->bodies, cap, sizeof *bodies);

		if (bodies == NULL)
			return false;
		m->bodies = bodies;
		m->body_cap = cap;
	}
	return true;
}

enum tsn_code
memtable_take(struct memtable *m, struct frame_reader *r)
{
	const struct row *row;
	size_t before = m->count;
	enum tsn_code rc;

	if (!room(m, r->row_count))
		return TSN_ENOMEM;
	for (;;) {
		rc = frame_next_row(r, &row);
		if (rc != TSN_OK)
			break;
		m->rows[m->count++] = (struct mem_row){row->time_ns, row->created_ns, row->offset,
		    row->line, row->tmpl, row->source, r->vals_at.at, r->rows.at};
	}
	if (rc != TSN_EOF) {
		m->count = before;
		return rc;
	}
	m->bodies[m->body_count++] = TSN_STEAL(r->body);
	return TSN_OK;
}

static int
by_time(const void *a, const void *b)
{
	const struct mem_row *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return 0;
}

/* Merge sort of runs: what comes in order of time costs one pass. */
enum tsn_code
memtable_sort(struct memtable *m)
{
	struct mem_row *spare;
	size_t sorted = 1;

	while (sorted < m->count && m->rows[sorted - 1].time_ns <= m->rows[sorted].time_ns)
		sorted++;
	if (sorted >= m->count)
		return TSN_OK;
	spare = reallocarray(NULL, m->count, sizeof *spare);
	if (spare == NULL)
		return TSN_ENOMEM;
	for (size_t width = 1; width < m->count; width *= 2) {
		for (size_t low = 0; low < m->count; low += 2 * width) {
			size_t mid = low + width < m->count ? low + width : m->count;
			size_t high = mid + width < m->count ? mid + width : m->count;
			size_t i = low, j = mid;

			for (size_t k = low; k < high; k++)
				spare[k] = i < mid && (j >= high ||
				    by_time(&m->rows[i], &m->rows[j]) <= 0) ? m->rows[i++] :
									      m->rows[j++];
		}
		memcpy(m->rows, spare, m->count * sizeof *spare);
	}
	free(spare);
	return TSN_OK;
}

size_t
memtable_lower(const struct memtable *m, int64_t ns)
{
	size_t low = 0, high = m->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (m->rows[mid].time_ns < ns)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The bytes were walked once when they were taken: they are well-formed. */
void
memtable_row(const struct memtable *m, size_t i, struct val *vals, struct row *ret_row)
{
	const struct mem_row *x = &m->rows[i];
	struct bin b = {x->vals, x->vals_end, false};

	frame_vals(&b, x->tmpl, vals);
	*ret_row = (struct row){x->tmpl, x->source, x->time_ns, x->created_ns, x->offset, x->line,
	    vals};
}
