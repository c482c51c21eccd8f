#include "store/segw_int.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/assert.h"
#include "store/derive_int.h"
#include "store/file_int.h"
#include "store/ints_int.h"
#include "store/pack_int.h"

#define OUT_BYTES_MAX (1u << 30)
#define WRITE_BYTES (1u << 20)
/* Columns smaller than this share a chunk: each of its own would cost more than it holds. */
#define CHUNK_OWN_MIN 1024u

struct wtmpl {
	const struct tmpl *tmpl;
	uint32_t *columns;		/* by slot */
	uint64_t rows;
	uint32_t static_len;
};

struct wcolumn {
	struct column c;
	struct deriver *deriver;	/* NULL until it was tried */
	size_t derived_at;		/* this block: where it stands in w->derived, */
	uint32_t derived;		/* and how many bytes; 0: not derived */
	tsn_key key;			/* 0: of one slot of one template */
	bool is_num;
};

struct wsource {
	const struct tsn_source *source;
	uint64_t offset, line;		/* expected next */
	uint32_t block;			/* in which that was learned, + 1 */
};

struct segw {
	char path[FILE_PATH_MAX];
	int fd;
	uint64_t at;			/* file position behind `out` */
	struct tsn_keys *keys;
	struct packer *packer;
	struct tsn_arena arena;
	struct wtmpl *tmpls;
	uint32_t tmpl_count, tmpl_cap;
	uint32_t *tmpl_local;		/* by tmpl->id: index + 1 */
	uint32_t tmpl_local_cap;
	struct wsource *sources;
	uint32_t source_count, source_cap;
	uint32_t *source_local;
	uint32_t source_local_cap;
	struct wcolumn *columns;
	uint32_t column_count, column_cap;
	uint32_t *key_column[2];	/* text, number: by key: index + 1 */
	uint32_t key_cap;
	uint64_t *rows[SEG_COL_FIRST];	/* the block */
	uint32_t row_count;
	uint64_t block_bytes, block_values;
	uint64_t *scratch;
	uint32_t scratch_cap;
	struct tsn_buf raw, small, out;
	struct tsn_buf derived;		/* columns of this block that are derived, one by one */
	struct tsn_buf dir, entries, chunks;	/* footer: all blocks; this block */
	uint32_t block_count, entry_count, chunk_count;
	struct key_map map;
	struct segw_result result;
	bool ended;			/* the directory stands in `out` */
	bool full;			/* the disk had no room for what stands in `out` */
};

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

static enum tsn_code
put_chunk(struct segw *w, struct tsn_slice raw, struct tsn_buf *dir)
{
	uint64_t offset = w->at + w->out.len;
	struct pack p;

	TSN_TRY(pack(w->packer, raw, &w->out, &p));
	p.offset = offset;
	pack_put(dir, &p);
	return tsn_buf_check(dir);
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

/* A column that stands in w->raw: a chunk of its own, or together with other small ones (chunk 0,
 * which is written last). */
static enum tsn_code
place(struct segw *w, uint32_t column, uint32_t n, const struct column_info *info)
{
	TSN_TRY(tsn_buf_check(&w->raw));
	if (w->raw.len < CHUNK_OWN_MIN) {
		put_entry(w, column, 0, w->small.len, n, info);
		tsn_buf_slice(&w->small, tsn_buf_get(&w->raw));
	} else {
		put_entry(w, column, ++w->chunk_count, 0, n, info);
		TSN_TRY(put_chunk(w, tsn_buf_get(&w->raw), &w->chunks));
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

/* ---- derived columns ---- */

/* Texts shorter than this on average are left alone. */
#define DERIVE_MEAN_MIN 28u
#define DERIVE_VALUES_MIN 16u
#define DERIVE_TARGETS_MAX 64u

static uint32_t
mean_len(const struct column *c)
{
	return c->dict.count == 0 ? 0 : (uint32_t)(c->dict.bytes.len / c->dict.count);
}

static size_t
longest_new(const struct column *c)
{
	size_t longest = 0;

	for (uint32_t i = c->dict_before; i < c->dict.count; i++) {
		size_t len = dict_get(&c->dict, i).len;

		longest = len > longest ? len : longest;
	}
	return longest;
}

/* Columns that may be made of others, the short ones first: a message repeats its fields. */
static uint32_t
find_targets(const struct segw *w, uint32_t targets[DERIVE_TARGETS_MAX])
{
	size_t lengths[DERIVE_TARGETS_MAX], len;
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->column_count; i++) {
		const struct column *c = &w->columns[i].c;
		uint32_t at = n;

		if (!c->texts || c->n < DERIVE_VALUES_MIN || mean_len(c) < DERIVE_MEAN_MIN ||
		    c->dict.count == c->dict_before || n == DERIVE_TARGETS_MAX)
			continue;
		len = longest_new(c);
		for (; at > 0 && lengths[at - 1] > len; at--) {
			targets[at] = targets[at - 1];
			lengths[at] = lengths[at - 1];
		}
		targets[at] = i;
		lengths[at] = len;
		n++;
	}
	return n;
}

static enum tsn_code
derive_column(struct segw *w, struct derive_job *job)
{
	struct wcolumn *c = &w->columns[job->target];
	size_t before = w->derived.len;
	bool pays;

	if (c->deriver == NULL)
		c->deriver = deriver_new();
	if (c->deriver == NULL)
		return TSN_ENOMEM;
	job->dict = column_patterns(&c->c);
	job->columns[job->target] = &c->c;
	TSN_TRY(derive_block(c->deriver, job, &w->derived, &pays));
	if (pays) {
		c->derived_at = before;
		c->derived = (uint32_t)(w->derived.len - before);
	}
	if (job->levels[job->target] >= DERIVE_DEPTH_MAX)
		job->columns[job->target] = NULL;
	return TSN_OK;
}

static enum tsn_code
derive_targets(struct segw *w, struct derive_rows *rows, const uint32_t *targets, uint32_t n)
{
	struct derive_job job = {.rows = rows};
	enum tsn_code rc = TSN_OK;

	job.columns = calloc((size_t)w->column_count + 1, sizeof *job.columns + 1);
	if (job.columns == NULL)
		return TSN_ENOMEM;
	job.levels = (uint8_t *)(job.columns + w->column_count + 1);
	for (uint32_t i = 0; i < w->column_count; i++)
		job.columns[i] = w->columns[i].is_num ? NULL : &w->columns[i].c;
	for (uint32_t k = 0; k < n; k++)
		job.columns[targets[k]] = NULL;
	for (uint32_t k = 0; k < n && rc == TSN_OK; k++) {
		job.target = targets[k];
		rc = derive_column(w, &job);
	}
	free(job.columns);
	return rc;
}

static enum tsn_code
derive_columns(struct segw *w)
{
	uint32_t targets[DERIVE_TARGETS_MAX], n = find_targets(w, targets);
	const uint32_t **columns;
	struct derive_rows rows;
	uint32_t *counts;
	enum tsn_code rc;

	if (n == 0)
		return TSN_OK;
	columns = calloc((size_t)w->tmpl_count + 1, sizeof *columns + sizeof *counts);
	if (columns == NULL)
		return TSN_ENOMEM;
	counts = (uint32_t *)(void *)(columns + w->tmpl_count + 1);
	for (uint32_t i = 0; i < w->tmpl_count; i++) {
		columns[i] = w->tmpls[i].columns;
		counts[i] = w->tmpls[i].tmpl->slot_count;
	}
	rows = (struct derive_rows){w->row_count, w->column_count, w->rows[SEG_COL_TMPL], columns, counts};
	rc = derive_targets(w, &rows, targets, n);
	free(columns);
	return rc;
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
	TSN_TRY(derive_columns(w));
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
	tsn_buf_reset(&w->derived);
	bin_add_var(&w->dir, w->row_count);
	bin_add_u64(&w->dir, (uint64_t)low);
	bin_add_var(&w->dir, (uint64_t)high - (uint64_t)low);
	bin_add_var(&w->dir, w->block_bytes);
	bin_add_var(&w->dir, w->chunk_count + 1);
	TSN_TRY(put_chunk(w, tsn_buf_get(&w->small), &w->dir));
	tsn_buf_slice(&w->dir, tsn_buf_get(&w->chunks));
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
	tsn_buf_reset(&w->chunks);
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
	tsn_buf_done(&w->chunks);
	tsn_arena_done(&w->arena);
	free(w);
}

static bool
prepare(struct segw *w, int level)
{
	tsn_arena_init(&w->arena, OUT_BYTES_MAX);
	tsn_buf_init(&w->raw, OUT_BYTES_MAX);
	tsn_buf_init(&w->small, OUT_BYTES_MAX);
	tsn_buf_init(&w->derived, OUT_BYTES_MAX);
	tsn_buf_init(&w->out, OUT_BYTES_MAX);
	tsn_buf_init(&w->dir, OUT_BYTES_MAX);
	tsn_buf_init(&w->entries, OUT_BYTES_MAX);
	tsn_buf_init(&w->chunks, OUT_BYTES_MAX);
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

static enum tsn_code
put_tmpls(struct segw *w, struct tsn_buf *out)
{
	struct tsn_buf sig TSN_CLEANUP(tsn_buf_done);

	tsn_buf_init(&sig, TMPL_SIG_MAX);
	bin_add_var(out, w->tmpl_count);
	for (uint32_t i = 0; i < w->tmpl_count; i++) {
		TSN_TRY(tmpl_rekey(w->tmpls[i].tmpl->sig, &w->map, &sig));
		bin_add_slice(out, tsn_buf_get(&sig));
		bin_add_var(out, w->tmpls[i].rows);
		for (uint32_t k = 0; k < w->tmpls[i].tmpl->slot_count; k++)
			bin_add_var(out, w->tmpls[i].columns[k]);
	}
	return tsn_buf_check(out);
}

static void
put_sources(const struct segw *w, struct tsn_buf *out)
{
	bin_add_var(out, w->source_count);
	for (uint32_t i = 0; i < w->source_count; i++) {
		const struct tsn_source *s = w->sources[i].source;

		bin_add_slice(out, s->path);
		bin_add_slice(out, s->address);
		bin_add_slice(out, s->kind);
		bin_add_u32(out, (uint32_t)s->tz_offset_sec);
	}
}

/* Keys of columns are keys of templates too: they have numbers by now. */
static void
put_columns(const struct segw *w, struct tsn_buf *out)
{
	bin_add_var(out, w->column_count);
	for (uint32_t i = 0; i < w->column_count; i++) {
		const struct wcolumn *c = &w->columns[i];

		bin_add_u8(out, c->is_num);
		bin_add_var(out, c->key == 0 ? 0 : w->map.to[c->key]);
	}
}

/* The texts, and how often each stands in the segment; long ones behind `prefix`, which grows. */
static enum tsn_code
put_dict(struct segw *w, uint32_t column, bool behind, struct tsn_buf *prefix,
    struct tsn_buf *dir)
{
	const struct dict *d = column_dict(&w->columns[column].c);
	uint64_t *v = reallocarray(NULL, d->count, 2 * sizeof *v), offset;
	enum tsn_code rc;
	struct pack p;

	if (v == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < d->count; i++)
		v[i] = d->counts[i];
	tsn_buf_reset(&w->raw);
	rc = strings_encode(d, &w->raw);
	ints_encode(&w->raw, v, d->count, v + d->count);
	free(v);
	TSN_TRY(rc);
	bin_add_var(dir, column);
	bin_add_var(dir, d->count);
	bin_add_u8(dir, behind);
	offset = w->at + w->out.len;
	TSN_TRY(behind ? pack_behind(tsn_buf_get(prefix), tsn_buf_get(&w->raw), &w->out, &p) :
			 pack(w->packer, tsn_buf_get(&w->raw), &w->out, &p));
	p.offset = offset;
	pack_put(dir, &p);
	if (prefix->len + w->raw.len <= SEG_PREFIX_MAX)
		tsn_buf_slice(prefix, tsn_buf_get(&w->raw));
	return tsn_buf_check(dir);
}

static bool
is_long(const struct dict *d)
{
	return d->bytes.len >= SEG_LONG_BYTES && d->bytes.len / d->count >= SEG_LONG_MIN;
}

static enum tsn_code
put_dicts(struct segw *w, struct tsn_buf *out)
{
	struct tsn_buf dir TSN_CLEANUP(tsn_buf_done), prefix TSN_CLEANUP(tsn_buf_done);
	uint32_t n = 0;

	tsn_buf_init(&dir, OUT_BYTES_MAX);
	tsn_buf_init(&prefix, OUT_BYTES_MAX);
	for (unsigned pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < w->column_count; i++) {
			const struct dict *d = column_dict(&w->columns[i].c);

			if (d->count == 0 || is_long(d) != (pass == 1))
				continue;
			TSN_TRY(put_dict(w, i, pass == 1 && prefix.len > 0, &prefix, &dir));
			n++;
		}
	}
	bin_add_var(out, n);
	tsn_buf_slice(out, tsn_buf_get(&dir));
	return tsn_buf_check(out);
}

static enum tsn_code
put_footer(struct segw *w, struct tsn_buf *body)
{
	struct tsn_buf tmpls TSN_CLEANUP(tsn_buf_done);

	tsn_buf_init(&tmpls, OUT_BYTES_MAX);
	w->map.count = tsn_keys_count(w->keys);
	w->map.to = malloc(w->map.count * sizeof *w->map.to);
	w->map.list = malloc(w->map.count * sizeof *w->map.list);
	if (w->map.to == NULL || w->map.list == NULL)
		return TSN_ENOMEM;
	memset(w->map.to, 0xff, w->map.count * sizeof *w->map.to);
	TSN_TRY(put_tmpls(w, &tmpls));
	bin_add_var(body, w->map.list_count);
	for (uint32_t i = 0; i < w->map.list_count; i++)
		bin_add_slice(body, tsn_keys_name(w->keys, w->map.list[i]));
	put_sources(w, body);
	tsn_buf_slice(body, tsn_buf_get(&tmpls));
	put_columns(w, body);
	TSN_TRY(put_dicts(w, body));
	bin_add_u64(body, w->result.rows);
	bin_add_u64(body, w->result.raw_bytes);
	bin_add_var(body, w->block_count);
	tsn_buf_slice(body, tsn_buf_get(&w->dir));
	return tsn_buf_check(body);
}

static enum tsn_code
put_end(struct segw *w)
{
	struct tsn_buf body TSN_CLEANUP(tsn_buf_done);
	unsigned char tail[SEG_TAIL_BYTES] = {0};
	uint64_t offset;
	struct pack p;

	tsn_buf_init(&body, OUT_BYTES_MAX);
	TSN_TRY(put_footer(w, &body));
	offset = w->at + w->out.len;
	TSN_TRY(pack(w->packer, tsn_buf_get(&body), &w->out, &p));
	bin_store64(tail, offset);
	bin_store32(tail + 8, p.packed_len);
	bin_store32(tail + 12, p.raw_len);
	bin_store64(tail + 16, p.hash);
	bin_store64(tail + 24, offset + p.packed_len + SEG_TAIL_BYTES);
	bin_store64(tail + 32, pack_hash(tail, 32));
	memcpy(tail + 40, SEG_TAIL_MAGIC, 8);
	tsn_buf_add(&w->out, tail, sizeof tail);
	return tsn_buf_check(&w->out);
}

enum tsn_code
segw_finish(struct segw *w, struct segw_result *ret_result, struct tsn_err *err)
{
	enum tsn_code rc = w->ended ? TSN_OK : segw_cut(w, err);

	if (rc == TSN_OK && !w->ended) {
		rc = put_end(w);
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
