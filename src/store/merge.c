/* Small segments of one day become one; old ones go. */
#include <stdlib.h>

#include "base/assert.h"
#include "store/reader_int.h"
#include "store/store_int.h"

/* So many of like size and day are merged: when there is time, and at the latest. */
#define MERGE_MIN 6u
#define MERGE_MUST 16u
/* At most: their blocks are in memory together where they overlap in time. */
#define MERGE_MAX 8u
/* Segments that go at one commit. */
#define DROPS_MAX 64u
#define TIER_FIRST (UINT64_C(16) << 20)
#define TIER_LAST (UINT64_C(1) << 30)
#define MERGE_ZSTD_LEVEL 5
#define MERGE_TMPL_BYTES (256u << 20)

struct merger {
	struct tmpl_table tmpls;
	struct segw *segw;
};

/* Sizes within a factor of eight are alike. */
static unsigned
tier_of(const struct manifest_seg *m)
{
	unsigned tier = 0;

	for (uint64_t top = TIER_FIRST; m->raw_bytes > top && top <= TIER_LAST; top *= 8)
		tier++;
	return tier;
}

/* An archived one must stay what its copy is, or its events could come back a second time. */
static bool
may_merge(const struct manifest_seg *m)
{
	return m->raw_bytes <= TIER_LAST && m->hash == 0 && !m->damaged;
}

/* The first group of at least `least`: marks its members, returns their number. */
static uint32_t
choose(const struct tsn_store *s, uint32_t least, uint32_t chosen[MERGE_MAX])
{
	const struct manifest *m = &s->manifest;

	for (uint32_t i = 0; i < m->seg_count; i++) {
		uint32_t n = 0, alike = 0;

		if (!may_merge(&m->segs[i]))
			continue;
		for (uint32_t k = i; k < m->seg_count; k++) {
			if (!may_merge(&m->segs[k]) || m->segs[k].day != m->segs[i].day ||
			    tier_of(&m->segs[k]) != tier_of(&m->segs[i]))
				continue;
			alike++;
			if (n < MERGE_MAX)
				chosen[n++] = k;
		}
		if (alike >= least)
			return n;
	}
	return 0;
}

static enum tsn_code
take_row(void *ctx, const struct row *row, struct tsn_err *err)
{
	struct merger *m = ctx;
	struct tmpl *from = (struct tmpl *)(uintptr_t)row->tmpl;
	struct row copy = *row;

	if (from->peer == NULL && tmpl_intern(&m->tmpls, from->sig, &from->peer) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory for a merge");
	copy.tmpl = from->peer;
	return segw_add(m->segw, &copy, err);
}

/* A reader of the chosen segments alone. */
static TSN_COLD enum tsn_code
open_chosen(struct tsn_store *s, const uint32_t *chosen, uint32_t n, struct tsn_store_reader *r,
    struct tsn_err *err)
{
	char path[FILE_PATH_MAX];

	r->keys = s->keys;
	sources_init(&r->sources);
	rowlog_init(&r->mem, 1);
	r->segs = calloc(n, sizeof *r->segs);
	if (r->segs == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < n; i++) {
		const struct manifest_seg *m = &s->manifest.segs[chosen[i]];

		if (manifest_add(&r->manifest, m) != TSN_OK)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		TSN_TRY(seal_path(s, m, path, err));
		TSN_TRY(seg_open(&r->segs[i], path, err));
	}
	return TSN_OK;
}

static void
close_chosen(struct tsn_store_reader *r)
{
	for (uint32_t i = 0; r->segs != NULL && i < r->manifest.seg_count; i++)
		seg_close(&r->segs[i]);
	free(r->segs);
	manifest_done(&r->manifest);
	sources_done(&r->sources);
	rowlog_done(&r->mem);
}

static TSN_COLD enum tsn_code
copy_rows(struct tsn_store *s, struct tsn_store_reader *r, const char *path,
    struct segw_result *ret_result, struct tsn_err *err)
{
	struct merger m = {0};
	enum tsn_code rc;

	if (tmpl_table_init(&m.tmpls, MERGE_TMPL_BYTES) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	rc = segw_open(path, s->keys, MERGE_ZSTD_LEVEL, &m.segw, err);
	if (rc == TSN_OK) {
		rc = scan_rows(r, take_row, &m, err);
		if (rc == TSN_OK && r->damaged > 0)
			rc = TSN_ERR(err, TSN_ECORRUPT, "%s", r->damage);
		if (rc == TSN_OK) {
			rc = segw_finish(m.segw, ret_result, err);
			m.segw = rc == TSN_EAGAIN ? m.segw : NULL;
		}
		segw_abandon(m.segw);
	}
	tmpl_table_done(&m.tmpls);
	return rc;
}

static enum tsn_code
merge(struct tsn_store *s, const uint32_t *chosen, uint32_t n, struct tsn_err *err)
{
	struct manifest_seg fresh = {.number = s->manifest.next_number++,
	    .day = s->manifest.segs[chosen[0]].day}, old[MERGE_MAX];
	struct tsn_store_reader *r = calloc(1, sizeof *r);
	struct segw_result result;
	char path[FILE_PATH_MAX];
	uint64_t rows = 0;
	enum tsn_code rc;

	if (r == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	rc = seal_path(s, &fresh, path, err);
	if (rc == TSN_OK)
		rc = open_chosen(s, chosen, n, r, err);
	if (rc == TSN_OK)
		rc = copy_rows(s, r, path, &result, err);
	close_chosen(r);
	free(r);
	for (uint32_t i = 0; i < n; i++) {
		old[i] = s->manifest.segs[chosen[i]];
		rows += old[i].rows;
	}
	if (rc == TSN_OK && rows != result.rows)
		rc = TSN_ERR(err, TSN_ECORRUPT, "%s: merged segments had more rows", path);
	if (rc == TSN_OK) {
		fresh.rows = result.rows;
		fresh.raw_bytes = result.raw_bytes;
		fresh.file_bytes = result.file_bytes;
		fresh.time_min = result.time_min;
		fresh.time_max = result.time_max;
		rc = maintain_replace(s, chosen, n, &fresh, err);
	}
	if (rc != TSN_OK && !s->broken)
		maintain_remove(s, &fresh);
	for (uint32_t i = 0; i < n && rc == TSN_OK; i++)
		maintain_remove(s, &old[i]);
	/* The rest goes on being served and merged. */
	if ((rc == TSN_ECORRUPT || rc == TSN_ENOTFOUND) && !s->broken)
		rc = maintain_examine(s, chosen, n, err);
	return rc;
}

/* ---- retention ---- */

static uint32_t
oldest(const struct manifest *m)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < m->seg_count; i++)
		if (m->segs[i].time_max < m->segs[best].time_max)
			best = i;
	return best;
}

static enum tsn_code
drop_oldest(struct tsn_store *s, int64_t now_ns, bool *ret_dropped, struct tsn_err *err)
{
	const struct tsn_store_options *o = &s->options;
	uint64_t total = s->journal.size;
	struct tsn_store_drop drop = {0};
	struct manifest_seg seg;
	enum tsn_code rc;
	char name[64];
	uint32_t i;

	*ret_dropped = false;
	if (s->manifest.seg_count == 0)
		return TSN_OK;
	for (i = 0; i < s->manifest.seg_count; i++)
		total += s->manifest.segs[i].file_bytes;
	i = oldest(&s->manifest);
	seg = s->manifest.segs[i];
	if (o->retention_ns > 0 && seg.time_max < now_ns - o->retention_ns)
		drop.why = "age";
	else if (o->retention_bytes > 0 && total > o->retention_bytes)
		drop.why = "size";
	else
		return TSN_OK;
	manifest_seg_name(&seg, name);
	drop.file = name;
	drop.events = seg.rows;
	drop.bytes = seg.file_bytes;
	drop.time_min = seg.time_min;
	drop.time_max = seg.time_max;
	if (o->dropping != NULL)
		o->dropping(o->ctx, &drop);
	rc = maintain_replace(s, &i, 1, NULL, err);
	/* On a full disk the copy of the manifest makes room for what makes room. */
	if (rc == TSN_EAGAIN && !s->broken && manifest_drop_copy(s->dir))
		rc = maintain_replace(s, &i, 1, NULL, err);
	TSN_TRY(rc);
	maintain_remove(s, &seg);
	drop.done = true;
	if (o->dropping != NULL)
		o->dropping(o->ctx, &drop);
	*ret_dropped = true;
	return TSN_OK;
}

enum tsn_code
tsn_store_maintain(struct tsn_store *s, int64_t now_ns, bool *ret_more, struct tsn_err *err)
{
	uint32_t chosen[MERGE_MAX], n;
	bool dropped;

	if (s->broken)
		TSN_FAIL_PLAIN(err, TSN_EIO, "%s: an earlier write failed; open the store again", s->dir);
	TSN_TRY(drop_oldest(s, now_ns, &dropped, err));
	*ret_more = dropped;
	if (dropped)
		return TSN_OK;
	n = choose(s, MERGE_MIN, chosen);
	if (n == 0)
		return TSN_OK;
	*ret_more = true;
	return merge(s, chosen, n, err);
}

/* Nothing here may fail the commit that went before: what could not be done is tried again. */
void
merge_after_commit(struct tsn_store *s)
{
	uint32_t chosen[MERGE_MAX], n;
	bool dropped = true;

	for (unsigned i = 0; i < DROPS_MAX && dropped && !s->broken; i++)
		if (drop_oldest(s, file_now_ns(), &dropped, NULL) != TSN_OK)
			return;
	n = s->broken ? 0 : choose(s, MERGE_MUST, chosen);
	if (n > 0)
		(void)!merge(s, chosen, n, NULL);
}
