#include "store/segw_int.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/assert.h"
#include "store/ints_int.h"
#include "store/segw_parts_int.h"

#define WRITE_BYTES (1u << 20)
/* Columns smaller than this share chunks of about that size: each of its own would cost more than
 * it holds; what shares one with a column that is read is unpacked with it. */
#define CHUNK_OWN_MIN (16u << 10)
#define CHUNK_SHARED (32u << 10)

/* ---- tables ---- */

/* A table indexed by small numbers, zeroed where it grows. */
static bool
reach(uint32_t **table, uint32_t *cap, uint32_t index)
{
	uint32_t want = *cap == 0 ? 64 : *cap;
	uint32_t *fresh;

	if (index < *cap)
		return true;
	while (want <= index)
		want *= 2;
	fresh = reallocarray(*table, want, sizeof *fresh);
	if (fresh == NULL)
		return false;
	memset(fresh + *cap, 0, (want - *cap) * sizeof *fresh);
	*table = fresh;
	*cap = want;
	return true;
}

static void *
grow(void *p, uint32_t *cap, size_t size)
{
	uint32_t want = *cap == 0 ? 16 : *cap * 2;
	void *fresh = reallocarray(p, want, size);

	if (fresh != NULL)
		*cap = want;
	return fresh;
}

static bool
new_column(struct segw *w, const struct slot *s, uint32_t *ret_column)
{
	struct wcolumn *c;

	if (w->column_count == w->column_cap) {
		void *p = grow(w->columns, &w->column_cap, sizeof *w->columns);

		if (p == NULL)
			return false;
		w->columns = p;
	}
	c = &w->columns[w->column_count];
	c->deriver = NULL;
	c->derived = 0;
	column_init(&c->c, s->is_num);
	c->key = s->key;
	c->is_num = s->is_num;
	*ret_column = w->column_count++;
	return true;
}

static bool
column_of(struct segw *w, const struct slot *s, uint32_t *ret_column)
{
	uint32_t cap = w->key_cap;

	if (s->key == 0)
		return new_column(w, s, ret_column);
	if (!reach(&w->key_column[0], &cap, s->key))
		return false;
	if (!reach(&w->key_column[1], &w->key_cap, s->key))
		return false;
	if (w->key_column[s->is_num][s->key] == 0) {
		if (!new_column(w, s, ret_column))
			return false;
		w->key_column[s->is_num][s->key] = *ret_column + 1;
	}
	*ret_column = w->key_column[s->is_num][s->key] - 1;
	return true;
}

static struct wtmpl *
tmpl_of(struct segw *w, const struct tmpl *t)
{
	struct wtmpl *x;

	if (t->id < w->tmpl_local_cap && w->tmpl_local[t->id] != 0)
		return &w->tmpls[w->tmpl_local[t->id] - 1];
	if (!reach(&w->tmpl_local, &w->tmpl_local_cap, t->id))
		return NULL;
	if (w->tmpl_count == w->tmpl_cap) {
		void *p = grow(w->tmpls, &w->tmpl_cap, sizeof *w->tmpls);

		if (p == NULL)
			return NULL;
		w->tmpls = p;
	}
	x = &w->tmpls[w->tmpl_count];
	*x = (struct wtmpl){.tmpl = t};
	x->columns = tsn_arena_alloc(&w->arena, (t->slot_count + 1) * sizeof *x->columns);
	if (x->columns == NULL)
		return NULL;
	for (uint32_t i = 0; i < t->slot_count; i++)
		if (!column_of(w, &t->slots[i], &x->columns[i]))
			return NULL;
	for (uint32_t i = 0; i < t->elem_count; i++)
		x->static_len += t->elems[i].len;
	w->tmpl_local[t->id] = ++w->tmpl_count;
	return x;
}

static struct wsource *
source_of(struct segw *w, const struct tsn_source *s)
{
	if (s->id < w->source_local_cap && w->source_local[s->id] != 0)
		return &w->sources[w->source_local[s->id] - 1];
	if (!reach(&w->source_local, &w->source_local_cap, s->id))
		return NULL;
	if (w->source_count == w->source_cap) {
		void *p = grow(w->sources, &w->source_cap, sizeof *w->sources);

		if (p == NULL)
			return NULL;
		w->sources = p;
	}
	w->sources[w->source_count] = (struct wsource){.source = s};
	w->source_local[s->id] = ++w->source_count;
	return &w->sources[w->source_count - 1];
}

/* ---- blocks ---- */

static enum tsn_code
write_out(struct segw *w, size_t at_least, struct tsn_err *err)
{
	enum tsn_code rc;

	if (w->out.len < at_least && !w->full)
		return TSN_OK;
	rc = file_write(w->fd, w->out.ptr, w->out.len, w->path, err);
	w->full = rc == TSN_EAGAIN;
	if (w->full && file_rewind(w->fd, w->at, w->path, err) != TSN_OK)
		return TSN_EIO;
	TSN_TRY(rc);
	w->at += w->out.len;
	tsn_buf_reset(&w->out);
	return TSN_OK;
}

/* The number of the next chunk; what it is follows with put_chunk. */
static bool
new_chunk(struct segw *w, uint32_t *ret_number)
{
	if (w->chunk_count == w->chunk_cap) {
		void *p = grow(w->chunks, &w->chunk_cap, sizeof *w->chunks);

		if (p == NULL)
			return false;
		w->chunks = p;
	}
	*ret_number = w->chunk_count++;
	return true;
}

static enum tsn_code
put_chunk(struct segw *w, struct tsn_slice raw, uint32_t number)
{
	uint64_t offset = w->at + w->out.len;

	TSN_TRY(pack(w->packer, raw, &w->out, &w->chunks[number]));
	w->chunks[number].offset = offset;
	return TSN_OK;
}

static enum tsn_code
put_shared_chunk(struct segw *w)
{
	if (w->small.len == 0)
		return TSN_OK;
	TSN_TRY(put_chunk(w, tsn_buf_get(&w->small), w->small_chunk));
	tsn_buf_reset(&w->small);
	return TSN_OK;
}

static void
put_entry(struct segw *w, uint32_t column, uint32_t chunk, size_t at, uint32_t n,
    const struct column_info *info)
{
	bin_add_var(&w->entries, column);
	bin_add_var(&w->entries, chunk);
	bin_add_var(&w->entries, at);
	bin_add_var(&w->entries, n);
	bin_add_u8(&w->entries, (uint8_t)info->form);
	if (info->form == COLUMN_DIGITS || info->form == COLUMN_PADDED) {
		bin_add_var(&w->entries, info->min);
		bin_add_var(&w->entries, info->max - info->min);
	}
	w->entry_count++;
}

/* A column that stands in w->raw: a chunk of its own, or together with other small ones. */
static enum tsn_code
place(struct segw *w, uint32_t column, uint32_t n, const struct column_info *info)
{
	uint32_t number = w->small_chunk;
	bool small = w->raw.len < CHUNK_OWN_MIN;

	TSN_TRY(tsn_buf_check(&w->raw));
	if ((!small || w->small.len == 0) && !new_chunk(w, &number))
		return TSN_ENOMEM;
	put_entry(w, column, number, small ? w->small.len : 0, n, info);
	if (small) {
		w->small_chunk = number;
		tsn_buf_slice(&w->small, tsn_buf_get(&w->raw));
		TSN_TRY(tsn_buf_check(&w->small));
		if (w->small.len >= CHUNK_SHARED)
			TSN_TRY(put_shared_chunk(w));
	} else {
		TSN_TRY(put_chunk(w, tsn_buf_get(&w->raw), number));
	}
	tsn_buf_reset(&w->raw);
	return tsn_buf_check(&w->entries);
}

/* Times as multiples of the coarsest unit they all have, counted from the first. */
static void
put_times(struct segw *w, uint64_t *v)
{
	static const uint64_t units[] = {1000000000, 1000000, 1000, 1};
	uint64_t first = v[0];
	unsigned u = 0;

	for (uint32_t i = 0; i < w->row_count && units[u] > 1; i++)
		while ((int64_t)(v[i] - first) % (int64_t)units[u] != 0)
			u++;
	for (uint32_t i = 0; i < w->row_count; i++)
		v[i] = (uint64_t)((int64_t)(v[i] - first) / (int64_t)units[u]);
	bin_add_u64(&w->raw, first);
	bin_add_var(&w->raw, units[u]);
}

static enum tsn_code
put_row_columns(struct segw *w)
{
	static const struct column_info info = {COLUMN_NUM, 0, 0};

	for (uint32_t c = 0; c < SEG_COL_FIRST; c++) {
		if (c == SEG_COL_TIME || c == SEG_COL_CREATED)
			put_times(w, w->rows[c]);
		TSN_TRY(column_put_ints(&w->raw, w->rows[c], w->row_count, w->scratch));
		TSN_TRY(place(w, c, w->row_count, &info));
	}
	return TSN_OK;
}

static enum tsn_code
reserve_scratch(struct segw *w)
{
	uint32_t need = w->row_count, cap = w->scratch_cap;
	uint64_t *p;

	for (uint32_t i = 0; i < w->column_count; i++)
		if (w->columns[i].c.n > need)
			need = w->columns[i].c.n;
	if (need <= cap)
		return TSN_OK;
	p = reallocarray(w->scratch, need, 2 * sizeof *p);
	if (p == NULL)
		return TSN_ENOMEM;
	w->scratch = p;
	w->scratch_cap = need;
	return TSN_OK;
}

static void
take_derived(struct segw *w, struct wcolumn *c, struct column_info *ret_info)
{
	tsn_buf_add(&w->raw, w->derived.ptr + c->derived_at, c->derived);
	*ret_info = (struct column_info){COLUMN_DERIVED, 0, 0};
	column_derived(&c->c);
	c->derived = 0;
}

/* ---- a block ---- */

static enum tsn_code
put_block(struct segw *w)
{
	int64_t low = INT64_MAX, high = INT64_MIN;
	struct column_info info;

	TSN_TRY(reserve_scratch(w));
	for (uint32_t i = 0; i < w->row_count; i++) {
		int64_t t = (int64_t)w->rows[SEG_COL_TIME][i];

		low = t < low ? t : low;
		high = t > high ? t : high;
	}
	TSN_TRY(segw_derive(w));
	TSN_TRY(put_row_columns(w));
	for (uint32_t i = 0; i < w->column_count; i++) {
		struct wcolumn *c = &w->columns[i];
		uint32_t n = c->c.n;

		if (n == 0)
			continue;
		if (c->derived > 0)
			take_derived(w, c, &info);
		else
			TSN_TRY(column_flush(&c->c, &w->raw, w->scratch, &info));
		TSN_TRY(place(w, SEG_COL_FIRST + i, n, &info));
	}
	TSN_TRY(put_shared_chunk(w));
	tsn_buf_reset(&w->derived);
	bin_add_var(&w->dir, w->row_count);
	bin_add_u64(&w->dir, (uint64_t)low);
	bin_add_var(&w->dir, (uint64_t)high - (uint64_t)low);
	bin_add_var(&w->dir, w->block_bytes);
	TSN_TRY(tsn_buf_check(&w->entries));
	bin_add_var(&w->dir, w->chunk_count);
	for (uint32_t i = 0; i < w->chunk_count; i++)
		pack_put(&w->dir, &w->chunks[i]);
	bin_add_var(&w->dir, w->entry_count);
	tsn_buf_slice(&w->dir, tsn_buf_get(&w->entries));
	if (w->result.rows == 0 || low < w->result.time_min)
		w->result.time_min = low;
	if (w->result.rows == 0 || high > w->result.time_max)
		w->result.time_max = high;
	w->result.rows += w->row_count;
	w->result.raw_bytes += w->block_bytes;
	return tsn_buf_check(&w->dir);
}

enum tsn_code
segw_cut(struct segw *w, struct tsn_err *err)
{
	enum tsn_code rc;

	if (w->row_count == 0)
		return TSN_OK;
	rc = put_block(w);
	if (rc != TSN_OK)
		TSN_FAIL(err, rc, "a block of a segment cannot be made");
	w->block_count++;
	w->row_count = w->entry_count = w->chunk_count = 0;
	w->block_bytes = w->block_values = 0;
	tsn_buf_reset(&w->small);
	tsn_buf_reset(&w->entries);
	rc = write_out(w, WRITE_BYTES, err);
	/* The bytes stay in memory: segw_flush says whether there is room again. */
	return rc == TSN_EAGAIN ? TSN_OK : rc;
}

enum tsn_code
segw_flush(struct segw *w, struct tsn_err *err)
{
	return w->full ? write_out(w, 0, err) : TSN_OK;
}

bool
segw_ended(const struct segw *w)
{
	return w->ended;
}

static enum tsn_code
add_values(struct segw *w, const struct row *row, struct wtmpl *t, uint64_t *ret_len)
{
	const struct tmpl *m = row->tmpl;
	uint64_t len = t->static_len;

	for (uint32_t i = 0; i < m->slot_count; i++) {
		struct column *c = &w->columns[t->columns[i]].c;
		const struct val *v = &row->vals[i];

		if (m->slots[i].is_num) {
			TSN_TRY(column_add_num(c, v->num));
			continue;
		}
		TSN_TRY(column_add_text(c, v->ptr, v->len));
		if (m->slots[i].elem != UINT32_MAX)
			len += v->len;
	}
	*ret_len = len;
	return TSN_OK;
}

enum tsn_code
segw_add(struct segw *w, const struct row *row, struct tsn_err *err)
{
	struct wtmpl *t = tmpl_of(w, row->tmpl);
	struct wsource *s = source_of(w, row->source);
	uint32_t n = w->row_count;
	uint64_t len;

	if (t == NULL || s == NULL || add_values(w, row, t, &len) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory for a segment");
	if (s->block != w->block_count + 1) {
		s->block = w->block_count + 1;
		s->offset = s->line = 0;
	}
	w->rows[SEG_COL_TMPL][n] = (uint64_t)(t - w->tmpls);
	w->rows[SEG_COL_SOURCE][n] = (uint64_t)(s - w->sources);
	w->rows[SEG_COL_TIME][n] = (uint64_t)row->time_ns;
	w->rows[SEG_COL_CREATED][n] = (uint64_t)row->created_ns;
	w->rows[SEG_COL_OFFSET][n] = bin_zig((int64_t)(row->offset - s->offset));
	w->rows[SEG_COL_LINE][n] = bin_zig((int64_t)(row->line - s->line));
	s->offset = row->offset + len + 1;
	s->line = row->line + 1;
	t->rows++;
	w->row_count++;
	w->block_bytes += len;
	w->block_values += row->tmpl->slot_count;
	if (w->row_count == SEG_BLOCK_ROWS || w->block_bytes >= SEG_BLOCK_BYTES ||
	    w->block_values >= SEG_BLOCK_VALUES)
		return segw_cut(w, err);
	return TSN_OK;
}

uint64_t
segw_raw_bytes(const struct segw *w)
{
	return w->result.raw_bytes + w->block_bytes;
}

size_t
segw_memory(const struct segw *w)
{
	size_t n = w->arena.held + w->dir.cap;

	for (uint32_t i = 0; i < w->column_count; i++) {
		const struct wcolumn *c = &w->columns[i];

		n += dict_bytes(&c->c.dict) + dict_bytes(&c->c.old) + deriver_bytes(c->deriver);
	}
	return n;
}

uint64_t
segw_file_bytes(const struct segw *w)
{
	return w->at + w->out.len;
}

/* ---- beginning and end ---- */

void
segw_abandon(struct segw *w)
{
	if (w == NULL)
		return;
	file_close(w->fd);
	packer_free(w->packer);
	for (uint32_t i = 0; i < w->column_count; i++) {
		column_done(&w->columns[i].c);
		deriver_free(w->columns[i].deriver);
	}
	free(w->columns);
	free(w->tmpls);
	free(w->tmpl_local);
	free(w->sources);
	free(w->source_local);
	free(w->key_column[0]);
	free(w->key_column[1]);
	free(w->scratch);
	free(w->map.to);
	free(w->map.list);
	for (uint32_t i = 0; i < SEG_COL_FIRST; i++)
		free(w->rows[i]);
	tsn_buf_done(&w->raw);
	tsn_buf_done(&w->small);
	tsn_buf_done(&w->derived);
	tsn_buf_done(&w->out);
	tsn_buf_done(&w->dir);
	tsn_buf_done(&w->entries);
	free(w->chunks);
	tsn_arena_done(&w->arena);
	free(w);
}

static bool
prepare(struct segw *w, int level)
{
	tsn_arena_init(&w->arena, SEGW_BYTES_MAX);
	tsn_buf_init(&w->raw, SEGW_BYTES_MAX);
	tsn_buf_init(&w->small, SEGW_BYTES_MAX);
	tsn_buf_init(&w->derived, SEGW_BYTES_MAX);
	tsn_buf_init(&w->out, SEGW_BYTES_MAX);
	tsn_buf_init(&w->dir, SEGW_BYTES_MAX);
	tsn_buf_init(&w->entries, SEGW_BYTES_MAX);
	w->packer = packer_new(level);
	for (uint32_t i = 0; i < SEG_COL_FIRST; i++) {
		w->rows[i] = calloc(SEG_BLOCK_ROWS, sizeof *w->rows[i]);
		if (w->rows[i] == NULL)
			return false;
	}
	return w->packer != NULL;
}

enum tsn_code
segw_open(const char *path, struct tsn_keys *keys, int level, struct segw **ret_writer,
    struct tsn_err *err)
{
	struct segw *w = calloc(1, sizeof *w);
	unsigned char head[SEG_HEAD_BYTES];
	enum tsn_code rc;

	if (w == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	w->fd = -1;
	w->keys = keys;
	TSN_ASSERT(strlen(path) < sizeof w->path);
	memcpy(w->path, path, strlen(path) + 1);
	rc = prepare(w, level) ? TSN_OK : TSN_ERR(err, TSN_ENOMEM, "out of memory");
	if (rc == TSN_OK)
		rc = file_open(path, O_WRONLY | O_CREAT | O_TRUNC, &w->fd, err);
	if (rc != TSN_OK) {
		segw_abandon(w);
		return rc;
	}
	memcpy(head, SEG_HEAD_MAGIC, 8);
	bin_store32(head + 8, 0);
	bin_store32(head + 12, SEG_INCOMPAT);
	bin_store64(head + 16, pack_hash(head, 16));
	tsn_buf_add(&w->out, head, sizeof head);
	*ret_writer = w;
	return TSN_OK;
}

enum tsn_code
segw_finish(struct segw *w, struct segw_result *ret_result, struct tsn_err *err)
{
	enum tsn_code rc = w->ended ? TSN_OK : segw_cut(w, err);

	if (rc == TSN_OK && !w->ended) {
		rc = segw_end(w);
		if (rc != TSN_OK)
			rc = TSN_ERR(err, rc, "the directory of a segment cannot be made");
		w->ended = rc == TSN_OK;
	}
	if (rc == TSN_OK) {
		rc = write_out(w, 0, err);
		if (rc == TSN_EAGAIN)
			return rc;
	}
	if (rc == TSN_OK) {
		rc = file_sync(w->fd, w->path, err);
		/* What a failed sync left on the disk is not known: trying again tells nothing. */
		if (rc == TSN_EAGAIN)
			rc = TSN_EIO;
	}
	if (rc == TSN_OK) {
		w->result.file_bytes = w->at;
		*ret_result = w->result;
	}
	segw_abandon(w);
	return rc;
}
