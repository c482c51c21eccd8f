#include "store/frame_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "store/pack_int.h"

#define FRAME_MAGIC UINT32_C(0x464e5354)	/* "TSNF" */
#define FRAME_ZSTD_LEVEL 1

void
frame_init(struct frame *f)
{
	*f = (struct frame){0};
	tsn_buf_init(&f->rows, FRAME_BODY_MAX / 2);
	tsn_buf_init(&f->ranges, FRAME_BODY_MAX / 8);
}

void
frame_done(struct frame *f)
{
	if (f == NULL)
		return;
	tsn_buf_done(&f->rows);
	tsn_buf_done(&f->ranges);
	free(f->tmpls);
	free(f->sources);
	free(f->source_mark);
	*f = (struct frame){0};
}

void
frame_reset(struct frame *f)
{
	for (uint32_t i = 0; i < f->tmpl_count; i++)
		f->tmpls[i]->mark = 0;
	for (uint32_t i = 0; i < f->source_count; i++)
		f->source_mark[f->sources[i]->id] = 0;
	tsn_buf_reset(&f->rows);
	tsn_buf_reset(&f->ranges);
	f->row_count = f->range_count = f->tmpl_count = f->source_count = 0;
	f->time_ns = f->created_ns = 0;
	f->offset = f->line = 0;
}

static enum tsn_code
mark_tmpl(struct frame *f, struct tmpl *t)
{
	if (t->mark != 0)
		return TSN_OK;
	if (f->tmpl_count == f->tmpl_cap) {
		uint32_t cap = f->tmpl_cap == 0 ? 64 : f->tmpl_cap * 2;
		struct tmpl **list = realloc(f->tmpls, cap * sizeof(struct tmpl *));

		if (list == NULL)
			return TSN_ENOMEM;
		f->tmpls = list;
		f->tmpl_cap = cap;
	}
	f->tmpls[f->tmpl_count++] = t;
	t->mark = f->tmpl_count;
	return TSN_OK;
}

static enum tsn_code
mark_source(struct frame *f, const struct tsn_source *s)
{
	if (s->id >= f->source_mark_cap) {
		uint32_t cap = f->source_mark_cap == 0 ? 64 : f->source_mark_cap;
		uint32_t *mark;

		while (cap <= s->id)
			cap *= 2;
		mark = realloc(f->source_mark, cap * sizeof *mark);
		if (mark == NULL)
			return TSN_ENOMEM;
		memset(mark + f->source_mark_cap, 0, (cap - f->source_mark_cap) * sizeof *mark);
		f->source_mark = mark;
		f->source_mark_cap = cap;
	}
	if (f->source_mark[s->id] != 0)
		return TSN_OK;
	if (f->source_count == f->source_cap) {
		uint32_t cap = f->source_cap == 0 ? 16 : f->source_cap * 2;
		const struct tsn_source **list =
		    realloc(f->sources, cap * sizeof(struct tsn_source *));

		if (list == NULL)
			return TSN_ENOMEM;
		f->sources = list;
		f->source_cap = cap;
	}
	f->sources[f->source_count++] = s;
	f->source_mark[s->id] = f->source_count;
	return TSN_OK;
}

static uint64_t
step(uint64_t now, uint64_t before)
{
	return bin_zig((int64_t)(now - before));
}

enum tsn_code
frame_add_row(struct frame *f, const struct row *row, struct tmpl *tmpl)
{
	size_t need = 6 * 10;
	unsigned char *out;

	TSN_TRY(mark_tmpl(f, tmpl));
	TSN_TRY(mark_source(f, row->source));
	for (uint32_t i = 0; i < tmpl->slot_count; i++)
		need += 10 + (tmpl->slots[i].is_num ? 0 : row->vals[i].len);
	if (!tsn_buf_room(&f->rows, need))
		return tsn_buf_check(&f->rows);
	out = (unsigned char *)f->rows.ptr + f->rows.len;
	out = bin_put_var(out, tmpl->mark - 1);
	out = bin_put_var(out, f->source_mark[row->source->id] - 1);
	out = bin_put_var(out, step((uint64_t)row->time_ns, (uint64_t)f->time_ns));
	out = bin_put_var(out, step((uint64_t)row->created_ns, (uint64_t)f->created_ns));
	out = bin_put_var(out, step(row->offset, f->offset));
	out = bin_put_var(out, step(row->line, f->line));
	for (uint32_t i = 0; i < tmpl->slot_count; i++) {
		const struct val *v = &row->vals[i];

		if (tmpl->slots[i].is_num) {
			out = bin_put_var(out, bin_zig((int64_t)v->num));
			continue;
		}
		out = bin_put_var(out, v->len);
		if (v->len > 0)
			memcpy(out, v->ptr, v->len);
		out += v->len;
	}
	f->rows.len = (size_t)(out - (unsigned char *)f->rows.ptr);
	f->time_ns = row->time_ns;
	f->created_ns = row->created_ns;
	f->offset = row->offset;
	f->line = row->line;
	f->row_count++;
	return TSN_OK;
}

enum tsn_code
frame_add_range(struct frame *f, enum frame_range op, const struct tsn_store_range *range)
{
	bin_add_u8(&f->ranges, (uint8_t)op);
	bin_add_slice(&f->ranges, range->source);
	bin_add_var(&f->ranges, range->begin);
	bin_add_var(&f->ranges, range->end);
	bin_add_var(&f->ranges, range->lines);
	bin_add_u64(&f->ranges, range->hash);
	TSN_TRY(tsn_buf_check(&f->ranges));
	f->range_count++;
	return TSN_OK;
}

enum tsn_code
frame_add_ranges(struct frame *f, const struct frame *from)
{
	tsn_buf_slice(&f->ranges, tsn_buf_get(&from->ranges));
	TSN_TRY(tsn_buf_check(&f->ranges));
	f->range_count += from->range_count;
	return TSN_OK;
}

/* ---- to bytes ---- */

static enum tsn_code
put_tmpls(const struct frame *f, struct key_map *map, struct tsn_buf *out)
{
	struct tsn_buf sig TSN_CLEANUP(tsn_buf_done);

	tsn_buf_init(&sig, TMPL_SIG_MAX);
	for (uint32_t i = 0; i < f->tmpl_count; i++) {
		TSN_TRY(tmpl_rekey(f->tmpls[i]->sig, map, &sig));
		bin_add_slice(out, tsn_buf_get(&sig));
	}
	return tsn_buf_check(out);
}

static void
put_sources(const struct frame *f, struct tsn_buf *out)
{
	bin_add_var(out, f->source_count);
	for (uint32_t i = 0; i < f->source_count; i++) {
		bin_add_slice(out, f->sources[i]->path);
		bin_add_slice(out, f->sources[i]->address);
		bin_add_slice(out, f->sources[i]->kind);
		bin_add_u32(out, (uint32_t)f->sources[i]->tz_offset_sec);
	}
}

/* keys, sources, templates, ranges, rows: the order in which they are read. */
static enum tsn_code
put_body(const struct frame *f, struct tsn_keys *keys, struct tsn_buf *out)
{
	struct tsn_buf tmpls TSN_CLEANUP(tsn_buf_done);
	struct key_map map = {.count = tsn_keys_count(keys)};
	enum tsn_code rc = TSN_ENOMEM;

	tsn_buf_init(&tmpls, FRAME_BODY_MAX / 4);
	map.to = malloc(map.count * sizeof *map.to);
	map.list = malloc(map.count * sizeof *map.list);
	if (map.to == NULL || map.list == NULL)
		goto out;
	memset(map.to, 0xff, map.count * sizeof *map.to);
	rc = put_tmpls(f, &map, &tmpls);
	if (rc != TSN_OK)
		goto out;
	bin_add_var(out, map.list_count);
	for (uint32_t i = 0; i < map.list_count; i++)
		bin_add_slice(out, tsn_keys_name(keys, map.list[i]));
	put_sources(f, out);
	bin_add_var(out, f->tmpl_count);
	tsn_buf_slice(out, tsn_buf_get(&tmpls));
	bin_add_var(out, f->range_count);
	bin_add_slice(out, tsn_buf_get(&f->ranges));
	bin_add_var(out, f->row_count);
	bin_add_slice(out, tsn_buf_get(&f->rows));
	rc = tsn_buf_check(out);
out:
	free(map.to);
	free(map.list);
	return rc;
}

enum tsn_code
frame_encode(const struct frame *f, struct tsn_keys *keys, uint64_t seq, struct tsn_buf *out)
{
	struct tsn_buf body TSN_CLEANUP(tsn_buf_done);
	unsigned char head[FRAME_HEAD_BYTES] = {0};
	size_t at = out->len;
	struct packer *packer;
	enum tsn_code rc;
	struct pack p;

	tsn_buf_init(&body, FRAME_BODY_MAX);
	TSN_TRY(put_body(f, keys, &body));
	packer = packer_new(FRAME_ZSTD_LEVEL);
	if (packer == NULL)
		return TSN_ENOMEM;
	tsn_buf_add(out, head, sizeof head);
	rc = pack(packer, tsn_buf_get(&body), out, &p);
	packer_free(packer);
	TSN_TRY(rc);
	bin_store32(head, FRAME_MAGIC);
	bin_store32(head + 8, p.raw_len);
	bin_store32(head + 12, p.packed_len);
	bin_store64(head + 16, p.hash);
	bin_store64(head + 24, seq);
	bin_store64(head + 32, pack_hash(head, 32));
	memcpy(out->ptr + at, head, sizeof head);
	return TSN_OK;
}

/* ---- from bytes ---- */

enum tsn_code
frame_check_head(const void *p, struct frame_head *ret_head)
{
	const unsigned char *head = p;
	struct frame_head h;

	if (bin_load32(head) != FRAME_MAGIC || bin_load32(head + 4) != 0 ||
	    bin_load64(head + 32) != pack_hash(head, 32))
		return TSN_ECORRUPT;
	h.body_len = bin_load32(head + 8);
	h.packed_len = bin_load32(head + 12);
	h.packed_hash = bin_load64(head + 16);
	h.seq = bin_load64(head + 24);
	if (h.body_len > FRAME_BODY_MAX || h.packed_len > FRAME_BODY_MAX)
		return TSN_ECORRUPT;
	*ret_head = h;
	return TSN_OK;
}

static enum tsn_code
read_keys(struct frame_reader *r, struct bin *b, struct key_map *map)
{
	uint32_t n = bin_count(b);

	map->to = calloc(n + 1, sizeof *map->to);
	if (map->to == NULL)
		return TSN_ENOMEM;
	map->count = n + 1;
	for (uint32_t i = 0; i < n && !b->bad; i++)
		map->to[i + 1] = tsn_keys_intern(r->keys, bin_slice(b));
	return b->bad ? TSN_ECORRUPT : TSN_OK;
}

static enum tsn_code
read_sources(struct frame_reader *r, struct bin *b)
{
	uint32_t n = bin_count(b);

	r->sources = calloc(n + 1, sizeof(struct tsn_source *));
	if (r->sources == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < n && !b->bad; i++) {
		struct tsn_source s = {.path = bin_slice(b)};

		s.address = bin_slice(b);
		s.kind = bin_slice(b);
		s.tz_offset_sec = (int32_t)bin_u32(b);
		r->sources[i] = sources_intern(r->all_sources, &s);
		if (r->sources[i] == NULL)
			return TSN_ENOMEM;
	}
	r->source_count = n;
	return b->bad ? TSN_ECORRUPT : TSN_OK;
}

static enum tsn_code
read_tmpls(struct frame_reader *r, struct bin *b, struct key_map *map)
{
	struct tsn_buf sig TSN_CLEANUP(tsn_buf_done);
	uint32_t n = bin_count(b);

	tsn_buf_init(&sig, TMPL_SIG_MAX);
	r->local = calloc(n + 1, sizeof(struct tmpl *));
	if (r->local == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		struct tsn_slice s = bin_slice(b);

		if (b->bad)
			return TSN_ECORRUPT;
		TSN_TRY(tmpl_rekey(s, map, &sig));
		TSN_TRY(tmpl_intern(r->tmpls, tsn_buf_get(&sig), &r->local[i]));
	}
	r->local_count = n;
	return TSN_OK;
}

static enum tsn_code
read_body(struct frame_reader *r, size_t len)
{
	struct bin b = bin_of(r->body, len);
	struct key_map map = {0};
	struct tsn_slice s;
	enum tsn_code rc;

	rc = read_keys(r, &b, &map);
	if (rc == TSN_OK)
		rc = read_sources(r, &b);
	if (rc == TSN_OK)
		rc = read_tmpls(r, &b, &map);
	free(map.to);
	TSN_TRY(rc);
	r->range_count = (uint32_t)bin_var(&b);
	s = bin_slice(&b);
	r->ranges = bin_of(s.ptr, s.len);
	r->row_count = (uint32_t)bin_var(&b);
	s = bin_slice(&b);
	r->rows = bin_of(s.ptr, s.len);
	r->row_at = 0;
	r->row = (struct row){.vals = r->vals};
	return b.bad || bin_left(&b) != 0 ? TSN_ECORRUPT : TSN_OK;
}

void
frame_reader_done(struct frame_reader *r)
{
	if (r == NULL)
		return;
	free(r->body);
	free(r->local);
	free(r->sources);
	r->body = NULL;
	r->local = NULL;
	r->sources = NULL;
	r->row_count = r->range_count = r->local_count = r->source_count = 0;
}

enum tsn_code
frame_read(struct frame_reader *r, const struct frame_head *head, const void *packed,
    struct tsn_err *err)
{
	const struct pack p = {0, head->packed_len, head->body_len, head->packed_hash};
	enum tsn_code rc;

	frame_reader_done(r);
	rc = unpack((struct tsn_slice){packed, head->packed_len}, &p, &r->body);
	if (rc == TSN_OK)
		rc = read_body(r, head->body_len);
	if (rc == TSN_OK)
		return TSN_OK;
	frame_reader_done(r);
	TSN_FAIL(err, rc, rc == TSN_ENOMEM ? "out of memory" : "commit %llu is damaged",
	    (unsigned long long)head->seq);
}

void
frame_vals(struct bin *b, const struct tmpl *t, struct val *vals)
{
	for (uint32_t i = 0; i < t->slot_count; i++) {
		if (t->slots[i].is_num) {
			vals[i] = (struct val){NULL, (uint64_t)bin_zag(bin_var(b)), 0};
		} else {
			struct tsn_slice s = bin_slice(b);

			vals[i] = (struct val){s.ptr, 0, (uint32_t)s.len};
			if (s.len > UINT32_MAX)
				b->bad = true;
		}
	}
}

enum tsn_code
frame_next_row(struct frame_reader *r, const struct row **ret_row)
{
	struct bin *b = &r->rows;
	struct row *row = &r->row;
	uint64_t tmpl, source;

	if (r->row_at == r->row_count)
		return bin_left(b) == 0 ? TSN_EOF : TSN_ECORRUPT;
	tmpl = bin_var(b);
	source = bin_var(b);
	if (b->bad || tmpl >= r->local_count || source >= r->source_count)
		return TSN_ECORRUPT;
	row->tmpl = r->local[tmpl];
	row->source = r->sources[source];
	row->time_ns = (int64_t)((uint64_t)row->time_ns + (uint64_t)bin_zag(bin_var(b)));
	row->created_ns = (int64_t)((uint64_t)row->created_ns + (uint64_t)bin_zag(bin_var(b)));
	row->offset += (uint64_t)bin_zag(bin_var(b));
	row->line += (uint64_t)bin_zag(bin_var(b));
	r->vals_at = *b;
	frame_vals(b, row->tmpl, r->vals);
	if (b->bad)
		return TSN_ECORRUPT;
	r->row_at++;
	*ret_row = row;
	return TSN_OK;
}

enum tsn_code
frame_next_range(struct frame_reader *r, enum frame_range *ret_op,
    struct tsn_store_range *ret_range)
{
	struct bin *b = &r->ranges;
	struct tsn_store_range range;
	uint8_t op;

	if (r->range_count == 0)
		return TSN_EOF;
	r->range_count--;
	op = bin_u8(b);
	range.source = bin_slice(b);
	range.begin = bin_var(b);
	range.end = bin_var(b);
	range.lines = bin_var(b);
	range.hash = bin_u64(b);
	range.extends = op == FRAME_RANGE_EXTEND;
	if (b->bad || op >= FRAME_RANGE__COUNT)
		return TSN_ECORRUPT;
	*ret_op = (enum frame_range)op;
	*ret_range = range;
	return TSN_OK;
}
