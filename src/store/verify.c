#include "store/verify.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/reader_int.h"

/* ---- stat ---- */

enum { WHAT_TOKENS, WHAT_TIMES, WHAT_PLACES, WHAT_TEMPLATES, WHAT__COUNT };

static const char *const what_names[WHAT__COUNT] = {"parts of records that are no field", "times",
	"sources, offsets, lines", "which template"};

struct tally {
	struct tsn_store_column_stat *by_key;	/* then the others */
	uint32_t key_count;
};

static struct tsn_store_column_stat *
tally_of(struct tally *t, const struct seg *s, uint32_t column)
{
	uint32_t what;
	tsn_key key;

	if (column >= SEG_COL_FIRST) {
		key = s->columns[column - SEG_COL_FIRST].key;
		return &t->by_key[key < t->key_count && key != 0 ? key : t->key_count];
	}
	what = column == SEG_COL_TIME || column == SEG_COL_CREATED ? WHAT_TIMES :
	    column == SEG_COL_TMPL ? WHAT_TEMPLATES : WHAT_PLACES;
	return &t->by_key[t->key_count + what];
}

/* A chunk that columns share is split by what they take of it unpacked. */
static void
tally_block(struct tally *t, const struct seg *s, const struct seg_block *b)
{
	for (uint32_t i = 0; i < b->entry_count; i++) {
		const struct seg_entry *e = &b->entries[i];
		const struct pack *p = &b->chunks[e->chunk];
		struct tsn_store_column_stat *x = tally_of(t, s, e->column);
		uint64_t raw = p->raw_len, next = p->raw_len;

		for (uint32_t k = i + 1; k < b->entry_count; k++) {
			if (b->entries[k].chunk == e->chunk) {
				next = b->entries[k].at;
				break;
			}
		}
		raw = next - e->at;
		x->values += e->n;
		x->packed_bytes += p->raw_len == 0 ? 0 : raw * p->packed_len / p->raw_len;
	}
}

static void
tally_segment(struct tally *t, struct tsn_store_stat *st, const struct seg *s)
{
	st->templates += s->tmpl_count;
	st->blocks += s->block_count;
	st->directory_bytes += bin_load32(s->file.ptr + s->file.len - SEG_TAIL_BYTES + 8);
	for (uint32_t i = 0; i < s->column_count; i++) {
		uint64_t bytes = s->columns[i].dict_at.packed_len;
		struct tsn_store_column_stat *x = tally_of(t, s, i + SEG_COL_FIRST);

		st->dictionary_bytes += bytes;
		x->packed_bytes += bytes;
		x->dictionary_bytes += bytes;
	}
	for (uint32_t i = 0; i < s->block_count; i++)
		tally_block(t, s, &s->blocks[i]);
}

static int
by_bytes(const void *a, const void *b)
{
	const struct tsn_store_column_stat *x = a, *y = b;

	return x->packed_bytes < y->packed_bytes ? 1 : x->packed_bytes > y->packed_bytes ? -1 : 0;
}

static void
finish(struct tally *t, struct tsn_store_stat *st)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->key_count + WHAT__COUNT; i++) {
		struct tsn_store_column_stat *x = &t->by_key[i];

		if (x->values == 0)
			continue;
		x->key = i < t->key_count ? i : i == t->key_count ? 0 : TSN_KEY_NONE;
		x->what = i < t->key_count ? NULL : what_names[i - t->key_count];
		t->by_key[n++] = *x;
	}
	qsort(t->by_key, n, sizeof *t->by_key, by_bytes);
	st->columns = t->by_key;
	st->column_count = n;
}

enum tsn_code
tsn_store_stat(struct tsn_store_reader *r, struct tsn_store_stat *ret_stat, struct tsn_err *err)
{
	struct tsn_store_stat st = {.time_min = INT64_MAX, .time_max = INT64_MIN};
	/* Loading segments may bring names: room for all that can be. */
	struct tally t = {.key_count = TSN_KEYS_MAX};

	t.by_key = calloc(t.key_count + WHAT__COUNT, sizeof *t.by_key);
	if (t.by_key == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	st.journal_events = r->mem.count;
	st.journal_bytes = r->journal_bytes;
	for (uint32_t i = 0; i < r->manifest.seg_count; i++) {
		const struct manifest_seg *m = &r->manifest.segs[i];
		struct tsn_err why = {0};
		enum tsn_code rc;

		if (r->segs[i].file.ptr == NULL)
			continue;
		rc = seg_load(&r->segs[i], r->keys, &r->sources, &why);
		if (rc != TSN_OK) {
			reader_note(r, why.msg);
			continue;
		}
		st.segments++;
		st.events += m->rows;
		st.raw_bytes += m->raw_bytes;
		st.segment_bytes += r->segs[i].file.len;
		st.time_min = m->time_min < st.time_min ? m->time_min : st.time_min;
		st.time_max = m->time_max > st.time_max ? m->time_max : st.time_max;
		tally_segment(&t, &st, &r->segs[i]);
		seg_unload(&r->segs[i]);
	}
	st.damaged = r->damaged;
	finish(&t, &st);
	*ret_stat = st;
	return TSN_OK;
}

void
tsn_store_stat_done(struct tsn_store_stat *stat)
{
	free(stat->columns);
	stat->columns = NULL;
}

/* ---- verify ---- */

static enum tsn_code
count_rows(void *ctx, const struct tsn_batch *rows, struct tsn_err *err)
{
	struct tsn_store_verify *v = ctx;

	(void)err;
	v->events += rows->count;
	return TSN_OK;
}

static void
found(struct tsn_store_verify *v, const char *what)
{
	v->damaged++;
	if (v->damage != NULL)
		v->damage(v->ctx, what);
}

static enum tsn_code
verify_segment(struct tsn_store_reader *r, uint32_t i, struct tsn_store_verify *v)
{
	struct seg *s = &r->segs[i];
	struct tsn_err why = {0};
	enum tsn_code rc;

	if (s->file.ptr == NULL) {
		char text[128], name[64];

		manifest_seg_name(&r->manifest.segs[i], name);
		(void)snprintf(text, sizeof text, "%s: head or tail is damaged, or it is missing",
		    name);
		found(v, text);
		return TSN_OK;
	}
	rc = seg_load(s, r->keys, &r->sources, &why);
	if (rc == TSN_OK)
		rc = seg_verify(s, &why);
	if (rc == TSN_OK && (s->rows != r->manifest.segs[i].rows ||
	    s->file.len != r->manifest.segs[i].file_bytes))
		rc = TSN_ERR(&why, TSN_ECORRUPT, "%s: not the segment the manifest names", s->path);
	seg_unload(s);
	if (rc == TSN_ENOMEM)
		return rc;
	if (rc != TSN_OK)
		found(v, why.msg);
	else
		v->segments++;
	return TSN_OK;
}

static enum tsn_code
verify_all(struct tsn_store_reader *r, struct tsn_store_verify *v, struct tsn_err *err)
{
	struct tsn_store_scan scan = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .rows = count_rows,
	    .ctx = v};
	uint64_t before;

	if (r->damaged > 0)
		found(v, r->damage);
	for (uint32_t i = 0; i < r->manifest.seg_count; i++) {
		if (verify_segment(r, i, v) != TSN_OK)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		if (v->progress != NULL && v->progress(v->ctx, i + 1, r->manifest.seg_count))
			TSN_FAIL(err, TSN_ECANCELED, "canceled");
	}
	before = r->damaged;
	TSN_TRY(tsn_store_scan(r, &scan, err));
	if (r->damaged > before && v->damaged == 0)
		found(v, r->damage);
	return TSN_OK;
}

static void
on_aside(void *ctx, const struct tsn_store_quarantined *x)
{
	struct tsn_store_verify *v = ctx;

	v->quarantined_events += x->known ? x->events : 0;
	if (v->aside != NULL)
		v->aside(v->ctx, x);
}

enum tsn_code
tsn_store_verify(const char *dir, struct tsn_keys *keys, struct tsn_store_verify *v,
    struct tsn_err *err)
{
	struct tsn_store_reader *r;
	struct tsn_err why = {0};
	enum tsn_code rc;

	v->segments = v->events = v->commits = v->damaged = v->quarantined_events = 0;
	v->quarantined = tsn_store_quarantine(dir, on_aside, v);
	TSN_TRY(tsn_store_reader_open(dir, keys, &r, err));
	v->commits = r->commits;
	if (manifest_check_copy(dir, &why) != TSN_OK)
		found(v, why.msg);
	rc = verify_all(r, v, err);
	tsn_store_reader_close(r);
	return rc;
}
