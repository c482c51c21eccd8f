#include "store/seg_int.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "store/ints_int.h"

#define SEG_MEMORY_MAX (512u << 20)
#define BLOCK_VALUES_MAX (1u << 26)

static enum tsn_code
check_head(const struct seg *s, struct tsn_err *err)
{
	const char *head = s->file.ptr;

	if (s->file.len < SEG_HEAD_BYTES + SEG_TAIL_BYTES)
		TSN_FAIL(err, TSN_ECORRUPT, "%s: too short for a segment", s->path);
	if (memcmp(head, SEG_HEAD_MAGIC, 7) != 0)
		TSN_FAIL(err, TSN_ECORRUPT, "%s: not a segment of tocsin", s->path);
	if (pack_other_version(head, 16, SEG_HEAD_MAGIC))
		TSN_FAIL(err, TSN_EVERSION, "%s: made by a newer version of tocsin", s->path);
	if (bin_load64(head + 16) != pack_hash(head, 16))
		TSN_FAIL(err, TSN_ECORRUPT, "%s: head fails its checksum", s->path);
	if (bin_load32(head + 12) & ~SEG_INCOMPAT)
		TSN_FAIL(err, TSN_EVERSION, "%s: uses features of a newer version of tocsin",
		    s->path);
	return TSN_OK;
}

static enum tsn_code
check_tail(const struct seg *s, struct pack *ret_footer, struct tsn_err *err)
{
	const char *tail = s->file.ptr + s->file.len - SEG_TAIL_BYTES;

	if (memcmp(tail + 40, SEG_TAIL_MAGIC, 8) != 0 ||
	    bin_load64(tail + 32) != pack_hash(tail, 32) ||
	    bin_load64(tail + 24) != s->file.len)
		TSN_FAIL(err, TSN_ECORRUPT, "%s: tail fails its checksum", s->path);
	*ret_footer = (struct pack){bin_load64(tail), bin_load32(tail + 8), bin_load32(tail + 12),
	    bin_load64(tail + 16)};
	return TSN_OK;
}

enum tsn_code
seg_open(struct seg *s, const char *path, struct tsn_err *err)
{
	struct pack footer;
	enum tsn_code rc;
	uint64_t size;
	void *map;
	int fd;

	*s = (struct seg){0};
	TSN_ASSERT(strlen(path) < sizeof s->path);
	memcpy(s->path, path, strlen(path) + 1);
	TSN_TRY(file_open(path, O_RDONLY, &fd, err));
	rc = file_size(fd, &size, err);
	if (rc == TSN_OK && size == 0)
		rc = TSN_ERR(err, TSN_ECORRUPT, "%s: empty", path);
	if (rc == TSN_OK) {
		map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED)
			rc = TSN_ERR(err, TSN_EIO, "%s: cannot be mapped", path);
		else
			s->file = (struct tsn_slice){map, size};
	}
	file_close(fd);
	tsn_arena_init(&s->arena, SEG_MEMORY_MAX);
	tsn_buf_init(&s->prefix, 2 * (size_t)SEG_PREFIX_MAX);
	if (rc == TSN_OK)
		rc = check_head(s, err);
	if (rc == TSN_OK)
		rc = check_tail(s, &footer, err);
	if (rc != TSN_OK)
		seg_close(s);
	return rc;
}

void
seg_unload(struct seg *s)
{
	for (uint32_t i = 0; i < s->column_count; i++) {
		free(s->columns[i].dict_raw);
		free(s->columns[i].dict_counts);
		strings_done(&s->columns[i].dict);
	}
	tmpl_table_done(&s->tmpl_table);
	tsn_buf_done(&s->prefix);
	tsn_buf_init(&s->prefix, 2 * (size_t)SEG_PREFIX_MAX);
	s->prefix_count = s->dict_column_count = 0;
	tsn_arena_done(&s->arena);
	tsn_arena_init(&s->arena, SEG_MEMORY_MAX);
	s->tmpls = NULL;
	s->columns = NULL;
	s->blocks = NULL;
	s->sources = NULL;
	s->column_count = s->tmpl_count = s->block_count = s->source_count = 0;
	s->loaded = false;
}

void
seg_rest(const struct seg *s)
{
	if (s->file.ptr != NULL)
		(void)madvise((void *)(uintptr_t)s->file.ptr, s->file.len, MADV_DONTNEED);
}

void
seg_close(struct seg *s)
{
	if (s->file.ptr == NULL)
		return;
	seg_unload(s);
	(void)munmap((void *)(uintptr_t)s->file.ptr, s->file.len);
	s->file = TSN_SLICE_NONE;
}

/* ---- the directory ---- */

static enum tsn_code
load_keys(struct seg *s, struct bin *r, struct tsn_keys *keys, struct key_map *map)
{
	uint32_t n = bin_count(r);

	map->to = tsn_arena_calloc(&s->arena, n + 1, sizeof *map->to);
	if (map->to == NULL)
		return TSN_ENOMEM;
	map->count = n + 1;
	for (uint32_t i = 1; i <= n && !r->bad; i++) {
		map->to[i] = tsn_keys_intern(keys, bin_slice(r));
		if (map->to[i] == TSN_KEY_NONE)
			s->keys_lost = true;
	}
	return r->bad ? TSN_ECORRUPT : TSN_OK;
}

static enum tsn_code
load_sources(struct seg *s, struct bin *r, struct sources *sources)
{
	uint32_t n = bin_count(r);

	s->sources = tsn_arena_calloc(&s->arena, n + 1, sizeof(struct tsn_source *));
	if (s->sources == NULL)
		return TSN_ENOMEM;
	s->source_count = n;
	for (uint32_t i = 0; i < n; i++) {
		struct tsn_source x = {0};

		x.path = bin_slice(r);
		x.address = bin_slice(r);
		x.kind = bin_slice(r);
		x.tz_offset_sec = (int32_t)bin_u32(r);
		if (r->bad)
			return TSN_ECORRUPT;
		s->sources[i] = sources_intern(sources, &x);
		if (s->sources[i] == NULL)
			return TSN_ENOMEM;
	}
	return TSN_OK;
}

static enum tsn_code
load_tmpls(struct seg *s, struct bin *r, struct key_map *map)
{
	struct tsn_buf sig TSN_CLEANUP(tsn_buf_done);
	uint32_t n = bin_count(r);

	tsn_buf_init(&sig, TMPL_SIG_MAX);
	s->tmpls = tsn_arena_calloc(&s->arena, n + 1, sizeof *s->tmpls);
	if (s->tmpls == NULL)
		return TSN_ENOMEM;
	TSN_TRY(tmpl_table_init(&s->tmpl_table, SEG_MEMORY_MAX));
	s->tmpl_count = n;
	for (uint32_t i = 0; i < n; i++) {
		struct seg_tmpl *t = &s->tmpls[i];
		struct tsn_slice raw = bin_slice(r);

		t->rows = bin_var(r);
		if (r->bad)
			return TSN_ECORRUPT;
		TSN_TRY(tmpl_rekey(raw, map, &sig));
		TSN_TRY(tmpl_intern(&s->tmpl_table, tsn_buf_get(&sig), &t->tmpl));
		t->columns = tsn_arena_alloc(&s->arena, (t->tmpl->slot_count + 1) *
		    sizeof *t->columns);
		if (t->columns == NULL)
			return TSN_ENOMEM;
		for (uint32_t k = 0; k < t->tmpl->slot_count; k++) {
			uint64_t column = bin_var(r);

			t->columns[k] = column < UINT32_MAX ? (uint32_t)column : UINT32_MAX;
		}
		for (uint32_t e = 0; e < t->tmpl->elem_count; e++)
			t->static_len += t->tmpl->elems[e].len;
	}
	return TSN_OK;
}

static enum tsn_code
load_columns(struct seg *s, struct bin *r, const struct key_map *map)
{
	uint32_t n = bin_count(r);

	s->columns = tsn_arena_calloc(&s->arena, n + 1, sizeof *s->columns);
	if (s->columns == NULL)
		return TSN_ENOMEM;
	s->column_count = n;
	for (uint32_t i = 0; i < n; i++) {
		struct seg_column *c = &s->columns[i];
		uint64_t key;

		c->is_num = bin_u8(r) != 0;
		key = bin_var(r);
		if (r->bad || key >= map->count)
			return TSN_ECORRUPT;
		c->key = map->to[key];
		c->num_min = UINT64_MAX;
	}
	return TSN_OK;
}

static enum tsn_code
check_columns(struct seg *s)
{
	uint32_t *seen = tsn_arena_calloc(&s->arena, s->column_count + 1, sizeof *seen);

	if (seen == NULL)
		return TSN_ENOMEM;
	for (uint32_t t = 0; t < s->tmpl_count; t++) {
		const struct tmpl *m = s->tmpls[t].tmpl;

		for (uint32_t i = 0; i < m->slot_count; i++) {
			uint32_t column = s->tmpls[t].columns[i];

			if (column >= s->column_count ||
			    s->columns[column].is_num != m->slots[i].is_num)
				return TSN_ECORRUPT;
			if (seen[column] == t + 1)
				s->columns[column].multi = true;
			seen[column] = t + 1;
		}
	}
	return TSN_OK;
}

static enum tsn_code
load_dicts(struct seg *s, struct bin *r)
{
	uint32_t n = bin_count(r);

	s->dict_columns = tsn_arena_calloc(&s->arena, n + 1, sizeof *s->dict_columns);
	if (s->dict_columns == NULL)
		return TSN_ENOMEM;
	s->dict_column_count = n;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t column = bin_var(r), count = bin_var(r);
		bool behind = bin_u8(r) != 0;
		struct seg_column *c;
		struct pack p;

		pack_get(r, &p);
		if (r->bad || column >= s->column_count || count > UINT32_MAX ||
		    s->columns[column].dict_at.raw_len != 0)
			return TSN_ECORRUPT;
		c = &s->columns[column];
		c->dict_at = p;
		c->dict_count = (uint32_t)count;
		c->dict_order = i;
		c->dict_behind = behind;
		s->dict_columns[i] = (uint32_t)column;
	}
	return TSN_OK;
}

/* What all blocks together say of a column. */
static void
note_entry(struct seg *s, const struct seg_entry *e)
{
	struct seg_column *c;

	if (e->column < SEG_COL_FIRST)
		return;
	c = &s->columns[e->column - SEG_COL_FIRST];
	if (e->form < COLUMN__COUNT)
		c->forms |= (uint8_t)(1u << e->form);
	if (e->form != COLUMN_DIGITS && e->form != COLUMN_PADDED)
		return;
	c->num_min = e->min < c->num_min ? e->min : c->num_min;
	c->num_max = e->max > c->num_max ? e->max : c->num_max;
}

static enum tsn_code
load_entries(struct seg *s, struct bin *r, struct seg_block *b)
{
	uint64_t before = 0, total = 0;

	b->entry_count = bin_count(r);
	b->entries = tsn_arena_calloc(&s->arena, b->entry_count + 1, sizeof *b->entries);
	if (b->entries == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < b->entry_count; i++) {
		uint64_t column = bin_var(r), chunk = bin_var(r), at = bin_var(r), n = bin_var(r);
		struct seg_entry *e = &b->entries[i];

		total += n;
		if (r->bad || column >= (uint64_t)s->column_count + SEG_COL_FIRST ||
		    (i > 0 && column <= before) || chunk >= b->chunk_count ||
		    at > b->chunks[chunk].raw_len || n > BLOCK_VALUES_MAX ||
		    total > BLOCK_VALUES_MAX || (column < SEG_COL_FIRST && n != b->rows))
			return TSN_ECORRUPT;
		*e = (struct seg_entry){(uint32_t)column, (uint32_t)chunk, (uint32_t)at,
		    (uint32_t)n, bin_u8(r), 0, UINT64_MAX};
		if (e->form == COLUMN_DIGITS || e->form == COLUMN_PADDED) {
			e->min = bin_var(r);
			e->max = e->min + bin_var(r);
		}
		if (e->form == COLUMN_DERIVED && column >= SEG_COL_FIRST)
			s->columns[column - SEG_COL_FIRST].derived = true;
		note_entry(s, e);
		before = column;
	}
	/* The columns every row has come first, all of them. */
	return b->entry_count >= SEG_COL_FIRST &&
	    b->entries[SEG_COL_FIRST - 1].column == SEG_COL_FIRST - 1 ? TSN_OK : TSN_ECORRUPT;
}

static enum tsn_code
load_block(struct seg *s, struct bin *r, struct seg_block *b)
{
	uint64_t rows = bin_var(r);

	if (rows == 0 || rows > SEG_BLOCK_ROWS)
		return TSN_ECORRUPT;
	b->rows = (uint32_t)rows;
	b->time_min = (int64_t)bin_u64(r);
	b->time_max = (int64_t)((uint64_t)b->time_min + bin_var(r));
	b->raw_bytes = bin_var(r);
	b->chunk_count = bin_count(r);
	b->chunks = tsn_arena_calloc(&s->arena, b->chunk_count + 1, sizeof *b->chunks);
	if (b->chunks == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < b->chunk_count; i++)
		pack_get(r, &b->chunks[i]);
	if (r->bad || b->time_max < b->time_min)
		return TSN_ECORRUPT;
	return load_entries(s, r, b);
}

static enum tsn_code
load_footer(struct seg *s, struct bin *r, struct tsn_keys *keys, struct sources *sources)
{
	struct key_map map = {0};

	TSN_TRY(load_keys(s, r, keys, &map));
	TSN_TRY(load_sources(s, r, sources));
	TSN_TRY(load_tmpls(s, r, &map));
	TSN_TRY(load_columns(s, r, &map));
	TSN_TRY(check_columns(s));
	TSN_TRY(load_dicts(s, r));
	s->rows = bin_u64(r);
	s->raw_bytes = bin_u64(r);
	s->block_count = bin_count(r);
	s->blocks = tsn_arena_calloc(&s->arena, s->block_count + 1, sizeof *s->blocks);
	if (s->blocks == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < s->block_count; i++)
		TSN_TRY(load_block(s, r, &s->blocks[i]));
	return r->bad || bin_left(r) != 0 ? TSN_ECORRUPT : TSN_OK;
}

enum tsn_code
seg_load(struct seg *s, struct tsn_keys *keys, struct sources *sources, struct tsn_err *err)
{
	struct pack footer;
	enum tsn_code rc;
	struct bin r;
	char *raw;

	if (s->loaded)
		return TSN_OK;
	s->keys = keys;
	TSN_TRY(check_tail(s, &footer, err));
	rc = unpack(s->file, &footer, &raw);
	if (rc == TSN_OK) {
		r = bin_of(raw, footer.raw_len);
		rc = load_footer(s, &r, keys, sources);
		free(raw);
	}
	if (rc != TSN_OK)
		seg_unload(s);
	if (rc == TSN_ENOMEM)
		TSN_FAIL(err, rc, "out of memory");
	if (rc != TSN_OK)
		TSN_FAIL(err, TSN_ECORRUPT, "%s: directory is damaged", s->path);
	s->loaded = true;
	return TSN_OK;
}

/* What dictionary number `order` was packed behind: the raw bytes of those before it. */
static enum tsn_code
need_prefix(struct seg *s, uint32_t order)
{
	for (; s->prefix_count < order; s->prefix_count++) {
		const struct seg_column *c = &s->columns[s->dict_columns[s->prefix_count]];
		char *raw;

		if (s->prefix.len + c->dict_at.raw_len > SEG_PREFIX_MAX)
			continue;
		TSN_TRY(c->dict_behind ? unpack_behind(s->file, &c->dict_at,
		    tsn_buf_get(&s->prefix), &raw) : unpack(s->file, &c->dict_at, &raw));
		tsn_buf_add(&s->prefix, raw, c->dict_at.raw_len);
		free(raw);
		TSN_TRY(tsn_buf_check(&s->prefix));
	}
	return TSN_OK;
}

/* The prefix as it was then: it may have grown since for another dictionary. */
static struct tsn_slice
prefix_of(const struct seg *s, uint32_t order)
{
	size_t len = 0;

	for (uint32_t i = 0; i < order; i++) {
		uint32_t raw_len = s->columns[s->dict_columns[i]].dict_at.raw_len;

		if (len + raw_len <= SEG_PREFIX_MAX)
			len += raw_len;
	}
	return (struct tsn_slice){s->prefix.ptr, len};
}

static enum tsn_code
unpack_dict(struct seg *s, struct seg_column *c)
{
	if (!c->dict_behind)
		return unpack(s->file, &c->dict_at, &c->dict_raw);
	TSN_TRY(need_prefix(s, c->dict_order));
	return unpack_behind(s->file, &c->dict_at, prefix_of(s, c->dict_order), &c->dict_raw);
}

enum tsn_code
seg_dict(struct seg *s, uint32_t column)
{
	TSN_TRY(seg_dict_lean(s, column));
	return strings_make(&s->columns[column].dict);
}

enum tsn_code
seg_dict_lean(struct seg *s, uint32_t column)
{
	struct seg_column *c = &s->columns[column];
	uint64_t *counts;
	enum tsn_code rc;
	struct bin r;

	if (c->dict_counts != NULL || c->dict_at.raw_len == 0)
		return TSN_OK;
	free(c->dict_raw);
	c->dict_raw = NULL;
	TSN_TRY(unpack_dict(s, c));
	r = bin_of(c->dict_raw, c->dict_at.raw_len);
	strings_done(&c->dict);
	TSN_TRY(strings_decode_lean(&r, &c->dict));
	counts = reallocarray(NULL, c->dict.count + 1, sizeof *counts);
	if (counts == NULL)
		return TSN_ENOMEM;
	rc = c->dict.count == c->dict_count && ints_decode(&r, counts, c->dict.count) &&
	    bin_left(&r) == 0 ? TSN_OK : TSN_ECORRUPT;
	if (rc != TSN_OK)
		free(counts);
	else
		c->dict_counts = counts;
	return rc;
}

enum tsn_code
seg_verify(struct seg *s, struct tsn_err *err)
{
	struct block b;
	struct row row;

	for (uint32_t i = 0; i < s->column_count; i++) {
		enum tsn_code rc = seg_dict(s, i);

		if (rc == TSN_ENOMEM)
			TSN_FAIL(err, rc, "out of memory");
		if (rc != TSN_OK)
			TSN_FAIL(err, TSN_ECORRUPT, "%s: dictionary %u is damaged", s->path, i);
	}
	for (uint32_t i = 0; i < s->block_count; i++) {
		enum tsn_code rc = block_open(&b, s, i);

		if (rc == TSN_OK)
			rc = block_need_all(&b);
		for (uint32_t k = 0; k < s->blocks[i].rows && rc == TSN_OK; k++)
			rc = block_row(&b, k, &row);
		block_close(&b);
		if (rc == TSN_ENOMEM)
			TSN_FAIL(err, rc, "out of memory");
		if (rc != TSN_OK)
			TSN_FAIL(err, TSN_ECORRUPT, "%s: block %u of %u is damaged", s->path, i,
			    s->block_count);
	}
	return TSN_OK;
}
