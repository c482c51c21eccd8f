/* The end of a segment: dictionaries, directory, tail. */
#include <stdlib.h>

#include "store/ints_int.h"
#include "store/segw_parts_int.h"

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

	tsn_buf_init(&dir, SEGW_BYTES_MAX);
	tsn_buf_init(&prefix, SEGW_BYTES_MAX);
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

	tsn_buf_init(&tmpls, SEGW_BYTES_MAX);
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

enum tsn_code
segw_end(struct segw *w)
{
	struct tsn_buf body TSN_CLEANUP(tsn_buf_done);
	unsigned char tail[SEG_TAIL_BYTES] = {0};
	uint64_t offset;
	struct pack p;

	tsn_buf_init(&body, SEGW_BYTES_MAX);
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
