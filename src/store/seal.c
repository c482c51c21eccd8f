/*
 * Rows leave memory for segments.  Order of the steps of a commit, each durable before the next:
 * segments, empty new journal, manifest that names both; then the old journal is removed.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "store/store_int.h"

/* A segment is cut at midnight (UTC) once it has so much on disk: crumbs would cost more. */
#define DAY_FILE_BYTES (2u << 20)
/* Of records: larger ones gain little and make merging and retention coarse. */
#define SEGMENT_BYTES_MAX (UINT64_C(2) << 30)

bool
seal_pending(const struct tsn_store *s)
{
	return s->segw != NULL || s->fresh_count > 0;
}

enum tsn_code
seal_path(const struct tsn_store *s, const struct manifest_seg *seg, char out[FILE_PATH_MAX],
    struct tsn_err *err)
{
	char name[64];

	manifest_seg_name(seg, name);
	return file_path(out, s->dir, name, err);
}

static enum tsn_code
begin_segment(struct tsn_store *s, int64_t day, struct tsn_err *err)
{
	char path[FILE_PATH_MAX];

	if (s->fresh_count == s->fresh_cap) {
		uint32_t cap = s->fresh_cap == 0 ? 8 : s->fresh_cap * 2;
		struct manifest_seg *fresh = reallocarray(s->fresh, cap, sizeof *fresh);

		if (fresh == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		s->fresh = fresh;
		s->fresh_cap = cap;
	}
	s->segw_info = (struct manifest_seg){.number = s->manifest.next_number++,
	    .day = day};
	TSN_TRY(seal_path(s, &s->segw_info, path, err));
	return segw_open(path, s->keys, STORE_ZSTD_LEVEL, &s->segw, err);
}

static enum tsn_code
end_segment(struct tsn_store *s, struct tsn_err *err)
{
	struct manifest_seg seg = s->segw_info;
	struct segw_result result;
	struct segw *w = TSN_STEAL(s->segw);
	enum tsn_code rc;

	if (w == NULL)
		return TSN_OK;
	/* Its dictionaries are packed now: not beside memory that holds nothing. */
	if (s->rows.count == 0)
		rowlog_release(&s->rows);
	rc = segw_finish(w, &result, err);
	if (rc == TSN_EAGAIN)
		s->segw = w;
	TSN_TRY(rc);
	seg.rows = result.rows;
	seg.raw_bytes = result.raw_bytes;
	seg.file_bytes = result.file_bytes;
	seg.time_min = result.time_min;
	seg.time_max = result.time_max;
	s->fresh[s->fresh_count++] = seg;
	return TSN_OK;
}

static bool
must_cut(const struct tsn_store *s, int64_t day)
{
	uint64_t days = (uint64_t)day - (uint64_t)s->segw_info.day;

	return segw_raw_bytes(s->segw) >= SEGMENT_BYTES_MAX || (days != 0 &&
	    (segw_file_bytes(s->segw) >= DAY_FILE_BYTES || days > merge_span_max(s)));
}

static enum tsn_code
move_rows(struct tsn_store *s, struct tsn_err *err)
{
	struct row row;

	if (s->rows.count == 0)
		return TSN_OK;
	s->must_seal = true;
	if (s->moved == 0 && rowlog_sort(&s->rows) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (; s->moved < s->rows.count; s->moved++) {
		uint32_t i = s->moved;
		int64_t day = tsn_time_floor(rowlog_time(&s->rows, i), TSN_NS_PER_DAY);

		if (s->segw != NULL && (segw_ended(s->segw) || must_cut(s, day)))
			TSN_TRY(end_segment(s, err));
		if (s->segw == NULL)
			TSN_TRY(begin_segment(s, day, err));
		rowlog_get(&s->rows, i, s->vals, &row);
		TSN_TRY(segw_add(s->segw, &row, err));
	}
	TSN_TRY(segw_cut(s->segw, err));
	rowlog_reset(&s->rows);
	s->moved = s->durable = 0;
	return segw_memory(s->segw) > SEG_MEMORY_END ? end_segment(s, err) : TSN_OK;
}

/* After a failure with all rows still in memory: as if nothing had been tried. */
static void
drop_segments(struct tsn_store *s)
{
	char path[FILE_PATH_MAX];

	s->moved = 0;
	segw_abandon(TSN_STEAL(s->segw));
	if (seal_path(s, &s->segw_info, path, NULL) == TSN_OK)
		(void)!file_unlink(path, NULL);
	for (; s->fresh_count > 0; s->fresh_count--)
		if (seal_path(s, &s->fresh[s->fresh_count - 1], path, NULL) == TSN_OK)
			(void)!file_unlink(path, NULL);
}

enum tsn_code
seal_rows(struct tsn_store *s, struct tsn_err *err)
{
	bool first = !seal_pending(s);
	enum tsn_code rc = move_rows(s, err);

	if (rc != TSN_OK && first)
		drop_segments(s);
	else if (rc != TSN_OK && rc != TSN_EAGAIN)
		s->broken = true;	/* some rows are in files that count for nothing */
	return rc;
}

static enum tsn_code
swap_journal(struct tsn_store *s, struct journal *fresh, struct tsn_err *err)
{
	char old[FILE_PATH_MAX];
	struct manifest next = s->manifest;
	bool unsure = false;
	enum tsn_code rc;

	next.segs = NULL;
	next.seg_count = next.seg_cap = 0;
	next.journal = next.next_number++;
	next.seq = s->seq + 1;
	next.generation++;
	for (uint32_t i = 0; i < s->manifest.seg_count + s->fresh_count; i++) {
		const struct manifest_seg *seg = i < s->manifest.seg_count ? &s->manifest.segs[i] :
		    &s->fresh[i - s->manifest.seg_count];

		if (manifest_add(&next, seg) != TSN_OK) {
			free(next.segs);
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		}
	}
	rc = journal_create(fresh, s->dir, next.journal, err);
	if (rc == TSN_OK) {
		rc = manifest_write(&next, s->dir, &s->ranges, &unsure, err);
		if (unsure)
			s->broken = true;
		if (rc != TSN_OK)
			journal_close(fresh);
	}
	if (rc != TSN_OK) {
		free(next.segs);
		return rc;
	}
	memcpy(old, s->journal.path, sizeof old);
	manifest_done(&s->manifest);
	s->manifest = next;
	journal_close(&s->journal);
	s->journal = *fresh;
	s->fresh_count = 0;
	s->seq++;
	/* A journal that stays is removed when the store is opened. */
	(void)!file_unlink(old, NULL);
	return TSN_OK;
}

static enum tsn_code
finish(struct tsn_store *s, struct tsn_err *err)
{
	struct journal fresh;

	TSN_TRY(end_segment(s, err));
	TSN_TRY(file_sync_dir(s->dir, err));
	return swap_journal(s, &fresh, err);
}

enum tsn_code
seal_commit(struct tsn_store *s, struct tsn_err *err)
{
	enum tsn_code rc;

	TSN_TRY(seal_rows(s, err));
	rc = finish(s, err);
	/* A full disk: each step can be made again.  After anything else the rows are in files that
	 * count for nothing, and only the source has them. */
	if (rc != TSN_OK && rc != TSN_EAGAIN)
		s->broken = true;
	if (rc == TSN_EAGAIN && s->broken)
		return TSN_EIO;
	TSN_TRY(rc);
	frame_reset(&s->pending);
	frame_reset(&s->frame);
	tmpl_table_reset(&s->tmpls);
	fit_reset(s->fit);
	s->must_seal = false;
	merge_after_commit(s);
	return TSN_OK;
}

enum tsn_code
seal_relieve(struct tsn_store *s, struct tsn_err *err)
{
	enum tsn_code rc;

	TSN_TRY(seal_rows(s, err));
	rc = end_segment(s, err);
	if (rc != TSN_OK) {
		s->broken |= rc != TSN_EAGAIN;
		return rc;
	}
	frame_reset(&s->frame);
	tmpl_table_reset(&s->tmpls);
	fit_reset(s->fit);
	return TSN_OK;
}
