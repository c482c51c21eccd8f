#include <stdlib.h>

#include "base/assert.h"
#include "store/derive_int.h"
#include "store/seg_int.h"

#define SCRATCH_EACH 24u

enum tsn_code
block_open(struct block *b, struct seg *s, uint32_t index)
{
	*b = (struct block){.seg = s, .dir = &s->blocks[index]};
	b->chunks = calloc(b->dir->chunk_count + 1, sizeof *b->chunks);
	b->values = calloc(s->column_count + 1, sizeof *b->values);
	b->have = calloc(s->column_count + 1, sizeof *b->have);
	if (b->chunks == NULL || b->values == NULL || b->have == NULL) {
		block_close(b);
		return TSN_ENOMEM;
	}
	return TSN_OK;
}

void
block_close(struct block *b)
{
	if (b->seg == NULL)
		return;
	for (uint32_t i = 0; b->chunks != NULL && i < b->dir->chunk_count; i++)
		free(b->chunks[i]);
	for (uint32_t i = 0; b->values != NULL && i < b->seg->column_count; i++)
		values_done(&b->values[i]);
	for (uint32_t i = 0; i < SEG_COL_FIRST; i++)
		free(b->rows[i]);
	free(b->chunks);
	free(b->values);
	free(b->have);
	free(b->group_at);
	free(b->count);
	free(b->pos);
	free(b->scratch);
	free(b->vals);
	*b = (struct block){0};
}

static enum tsn_code
entry_bytes(struct block *b, const struct seg_entry *e, struct bin *ret)
{
	const struct pack *p = &b->dir->chunks[e->chunk];

	if (b->chunks[e->chunk] == NULL)
		TSN_TRY(unpack(b->seg->file, p, &b->chunks[e->chunk]));
	*ret = bin_of(b->chunks[e->chunk] + e->at, p->raw_len - e->at);
	return TSN_OK;
}

static const struct seg_entry *
find_entry(const struct block *b, uint32_t column)
{
	uint32_t low = 0, high = b->dir->entry_count;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (b->dir->entries[mid].column < column)
			low = mid + 1;
		else
			high = mid;
	}
	return low < b->dir->entry_count && b->dir->entries[low].column == column ?
	    &b->dir->entries[low] : NULL;
}

const struct seg_entry *
block_entry(const struct block *b, uint32_t column)
{
	return find_entry(b, column + SEG_COL_FIRST);
}

static bool
in_bounds(const uint64_t *v, uint32_t n, uint64_t bound)
{
	uint64_t top = 0;

	for (uint32_t i = 0; i < n; i++)
		top = v[i] > top ? v[i] : top;
	return top < bound;
}

static bool
fix_rows(const struct block *b, uint32_t which, uint64_t *v, uint64_t first, uint64_t unit)
{
	uint32_t n = b->dir->rows;

	if (which == SEG_COL_TMPL)
		return in_bounds(v, n, b->seg->tmpl_count);
	if (which == SEG_COL_SOURCE)
		return in_bounds(v, n, b->seg->source_count);
	if (which == SEG_COL_TIME || which == SEG_COL_CREATED) {
		for (uint32_t i = 0; i < n; i++)
			v[i] = first + v[i] * unit;
	} else {
		for (uint32_t i = 0; i < n; i++)
			v[i] = (uint64_t)bin_zag(v[i]);
	}
	return true;
}

enum tsn_code
block_need_rows(struct block *b, uint32_t which)
{
	uint64_t first = 0, unit = 1, *v;
	struct bin r;

	TSN_ASSERT(which < SEG_COL_FIRST);
	if (b->rows[which] != NULL)
		return TSN_OK;
	TSN_TRY(entry_bytes(b, &b->dir->entries[which], &r));
	if (which == SEG_COL_TIME || which == SEG_COL_CREATED) {
		first = bin_u64(&r);
		unit = bin_var(&r);
	}
	v = reallocarray(NULL, b->dir->rows, sizeof *v);
	if (v == NULL)
		return TSN_ENOMEM;
	if (!column_get_ints(&r, v, b->dir->rows) || !fix_rows(b, which, v, first, unit)) {
		free(v);
		return TSN_ECORRUPT;
	}
	b->rows[which] = v;
	return TSN_OK;
}

/* Borrowed by whoever makes derived values: which columns the rows of the block have. */
static enum tsn_code
rows_of(struct block *b, struct derive_rows *ret, void **ret_own)
{
	const struct seg *s = b->seg;
	const uint32_t **columns = calloc((size_t)s->tmpl_count + 1,
	    sizeof *columns + sizeof(uint32_t));
	uint32_t *counts;

	if (columns == NULL)
		return TSN_ENOMEM;
	counts = (uint32_t *)(void *)(columns + s->tmpl_count + 1);
	for (uint32_t i = 0; i < s->tmpl_count; i++) {
		columns[i] = s->tmpls[i].columns;
		counts[i] = s->tmpls[i].tmpl->slot_count;
	}
	*ret = (struct derive_rows){b->dir->rows, s->column_count, b->rows[SEG_COL_TMPL], columns,
	    counts};
	*ret_own = columns;
	return TSN_OK;
}

/* Needs the columns that the texts are made of, so this calls back; `depth` bounds it. */
static enum tsn_code
make_derived(struct block *b, struct derived *d, uint32_t column)
{
	struct derive_rows rows;
	void *own;
	enum tsn_code rc;

	TSN_TRY(block_need_rows(b, SEG_COL_TMPL));
	for (uint32_t i = 0; i < b->seg->column_count; i++)
		if (derived_needs(d)[i])
			TSN_TRY(i == column ? TSN_ECORRUPT : block_need_values(b, i));
	TSN_TRY(rows_of(b, &rows, &own));
	rc = derived_values(d, &rows, b->values, column, &b->values[column]);
	free(own);
	if (rc == TSN_OK)
		b->values[column].dict = &b->values[column].local;
	return rc;
}

static enum tsn_code
need_derived(struct block *b, uint32_t column, const struct seg_entry *e, struct bin *r)
{
	struct derived *d;
	enum tsn_code rc;

	if (b->depth == DERIVE_DEPTH_MAX)
		return TSN_ECORRUPT;
	TSN_TRY(seg_dict(b->seg, column));
	TSN_TRY(derived_open(r, e->n, &b->seg->columns[column].dict, b->seg->column_count, &d));
	b->depth++;
	rc = make_derived(b, d, column);
	b->depth--;
	derived_close(d);
	if (rc == TSN_OK)
		b->have[column] = true;
	return rc;
}

enum tsn_code
block_need_values(struct block *b, uint32_t column)
{
	const struct seg_entry *e;
	const struct seg_column *c = &b->seg->columns[column];
	struct bin r;

	if (b->have[column])
		return TSN_OK;
	e = find_entry(b, column + SEG_COL_FIRST);
	if (e != NULL) {
		TSN_TRY(entry_bytes(b, e, &r));
		if (e->form == COLUMN_DERIVED)
			return c->is_num ? TSN_ECORRUPT : need_derived(b, column, e, &r);
		if (e->form == COLUMN_SHARED)
			TSN_TRY(seg_dict(b->seg, column));
		TSN_TRY(values_decode(&r, e->n, &c->dict, &b->values[column]));
		if (b->values[column].form != e->form || (e->form == COLUMN_NUM) != c->is_num) {
			values_done(&b->values[column]);
			return TSN_ECORRUPT;
		}
	}
	b->have[column] = true;
	return TSN_OK;
}

bool
block_may_have(struct block *b, uint32_t column, uint64_t number)
{
	const struct seg_entry *e = find_entry(b, column + SEG_COL_FIRST);
	struct bin r;

	return b->have[column] || e == NULL || entry_bytes(b, e, &r) != TSN_OK ||
	    values_may_have(&r, e->n, number);
}

/* How many values of each column stand in front of each group; that all counts fit. */
static enum tsn_code
count_groups(struct block *b)
{
	uint32_t groups = (b->dir->rows + BLOCK_GROUP - 1) / BLOCK_GROUP, n = b->dir->entry_count;

	if (b->group_at != NULL)
		return TSN_OK;
	TSN_TRY(block_need_rows(b, SEG_COL_TMPL));
	b->count = calloc(b->seg->column_count + 1, sizeof *b->count);
	b->group_at = reallocarray(NULL, (size_t)groups * n + 1, sizeof *b->group_at);
	if (b->count == NULL || b->group_at == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < b->dir->rows; i++) {
		const struct seg_tmpl *t = &b->seg->tmpls[b->rows[SEG_COL_TMPL][i]];

		if (i % BLOCK_GROUP == 0)
			for (uint32_t e = SEG_COL_FIRST; e < n; e++)
				b->group_at[i / BLOCK_GROUP * n + e] =
				    b->count[b->dir->entries[e].column - SEG_COL_FIRST];
		for (uint32_t k = 0; k < t->tmpl->slot_count; k++)
			b->count[t->columns[k]]++;
	}
	for (uint32_t e = SEG_COL_FIRST; e < n; e++) {
		uint32_t *count = &b->count[b->dir->entries[e].column - SEG_COL_FIRST];

		if (*count != b->dir->entries[e].n)
			return TSN_ECORRUPT;
		*count = 0;
	}
	/* Columns that have no entry must have had no values. */
	for (uint32_t i = 0; i < b->seg->column_count; i++)
		if (b->count[i] != 0)
			return TSN_ECORRUPT;
	return TSN_OK;
}

static enum tsn_code
load_group(struct block *b, uint32_t group)
{
	uint32_t first = group * BLOCK_GROUP, n = 0, entries = b->dir->entry_count;

	for (uint32_t i = first; i < b->dir->rows && i < first + BLOCK_GROUP; i++)
		n += b->seg->tmpls[b->rows[SEG_COL_TMPL][i]].tmpl->slot_count;
	if (n > b->pos_cap) {
		uint32_t *pos = reallocarray(b->pos, n, sizeof *pos);

		if (pos == NULL)
			return TSN_ENOMEM;
		b->pos = pos;
		b->pos_cap = n;
	}
	for (uint32_t e = SEG_COL_FIRST; e < entries; e++)
		b->count[b->dir->entries[e].column - SEG_COL_FIRST] =
		    b->group_at[group * entries + e];
	n = 0;
	for (uint32_t i = first; i < b->dir->rows && i < first + BLOCK_GROUP; i++) {
		const struct seg_tmpl *t = &b->seg->tmpls[b->rows[SEG_COL_TMPL][i]];

		b->row_pos[i - first] = n;
		for (uint32_t k = 0; k < t->tmpl->slot_count; k++)
			b->pos[n++] = b->count[t->columns[k]]++;
	}
	b->group = group + 1;
	return TSN_OK;
}

/* Offsets and lines are stored as what was not expected from the row before of the same source:
 * going through all rows in order makes them absolute. */
static enum tsn_code
fix_offsets(struct block *b)
{
	uint64_t *offset = b->rows[SEG_COL_OFFSET], *line = b->rows[SEG_COL_LINE], *next;

	next = calloc(b->seg->source_count + 1, 2 * sizeof *next);
	if (next == NULL)
		return TSN_ENOMEM;
	memset(b->count, 0, b->seg->column_count * sizeof *b->count);
	b->group = 0;
	for (uint32_t i = 0; i < b->dir->rows; i++) {
		const struct seg_tmpl *t = &b->seg->tmpls[b->rows[SEG_COL_TMPL][i]];
		uint64_t *expect = &next[2 * b->rows[SEG_COL_SOURCE][i]];
		uint64_t len = t->static_len;

		for (uint32_t k = 0; k < t->tmpl->slot_count; k++) {
			uint32_t c = t->columns[k], at = b->count[c]++;

			if (t->tmpl->slots[k].elem != UINT32_MAX)
				len += values_len(&b->values[c], at);
		}
		offset[i] += expect[0];
		line[i] += expect[1];
		expect[0] = offset[i] + len + 1;
		expect[1] = line[i] + 1;
	}
	free(next);
	return TSN_OK;
}

enum tsn_code
block_need_all(struct block *b)
{
	if (b->full)
		return TSN_OK;
	for (uint32_t i = 0; i < SEG_COL_FIRST; i++)
		TSN_TRY(block_need_rows(b, i));
	TSN_TRY(count_groups(b));
	for (uint32_t i = SEG_COL_FIRST; i < b->dir->entry_count; i++)
		TSN_TRY(block_need_values(b, b->dir->entries[i].column - SEG_COL_FIRST));
	TSN_TRY(fix_offsets(b));
	b->full = true;
	return TSN_OK;
}

enum tsn_code
block_need_some(struct block *b, const bool *columns)
{
	TSN_TRY(block_need_rows(b, SEG_COL_TMPL));
	TSN_TRY(block_need_rows(b, SEG_COL_SOURCE));
	TSN_TRY(block_need_rows(b, SEG_COL_TIME));
	TSN_TRY(block_need_rows(b, SEG_COL_CREATED));
	TSN_TRY(count_groups(b));
	for (uint32_t i = SEG_COL_FIRST; i < b->dir->entry_count; i++)
		if (columns[b->dir->entries[i].column - SEG_COL_FIRST])
			TSN_TRY(block_need_values(b, b->dir->entries[i].column - SEG_COL_FIRST));
	return TSN_OK;
}

static void
fill_vals(struct block *b, const struct seg_tmpl *t, const uint32_t *pos)
{
	for (uint32_t k = 0; k < t->tmpl->slot_count; k++) {
		const struct values *v = &b->values[t->columns[k]];
		struct tsn_slice s;

		if (v->v == NULL) {
			b->vals[k] = (struct val){"", 0, 0};
		} else if (v->form == COLUMN_NUM) {
			b->vals[k] = (struct val){NULL, v->v[pos[k]], 0};
		} else {
			s = values_text(v, pos[k], b->scratch + k * SCRATCH_EACH);
			b->vals[k] = (struct val){s.ptr, 0, (uint32_t)s.len};
		}
	}
}

enum tsn_code
block_row(struct block *b, uint32_t i, struct row *ret_row)
{
	const struct seg_tmpl *t = &b->seg->tmpls[b->rows[SEG_COL_TMPL][i]];

	TSN_ASSERT(i < b->dir->rows);
	TSN_ASSERT(b->group_at != NULL);
	if (b->vals == NULL) {
		b->vals = malloc(TMPL_SLOTS_MAX * sizeof *b->vals);
		b->scratch = malloc(TMPL_SLOTS_MAX * SCRATCH_EACH);
		if (b->vals == NULL || b->scratch == NULL)
			return TSN_ENOMEM;
	}
	if (b->group != i / BLOCK_GROUP + 1)
		TSN_TRY(load_group(b, i / BLOCK_GROUP));
	fill_vals(b, t, b->pos + b->row_pos[i % BLOCK_GROUP]);
	*ret_row = (struct row){.tmpl = t->tmpl,
	    .source = b->seg->sources[b->rows[SEG_COL_SOURCE][i]],
	    .time_ns = (int64_t)b->rows[SEG_COL_TIME][i],
	    .created_ns = (int64_t)b->rows[SEG_COL_CREATED][i], .vals = b->vals};
	if (b->full) {
		ret_row->offset = b->rows[SEG_COL_OFFSET][i];
		ret_row->line = b->rows[SEG_COL_LINE][i];
	}
	return TSN_OK;
}
