#include "store/merge_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "store/reader_int.h"

#define MERGE_ZSTD_LEVEL 5
/* Rows that are sorted together; like those of a commit. */
#define MERGE_ROWS_BYTES (8u << 20)
/* Templates and tables of the merged segment: from this on it takes no further segment. */
#define MERGE_TMPL_BYTES (10u << 20)
#define MERGE_SEGW_BYTES (12u << 20)
#define HARD_BYTES_MAX (512u << 20)

struct merge_job {
	uint64_t numbers[MERGE_MAX];	/* of the segments */
	uint32_t n;
	struct manifest_seg fresh;
	char path[FILE_PATH_MAX];
	bool named;			/* the manifest names it */
	struct sources sources;
	struct seg segs[MERGE_MAX];
	uint32_t seg, block;		/* to be read next */
	struct tmpl_table tmpls;
	struct rowlog rows;
	struct val *vals;
	struct segw *segw;
	uint64_t taken;			/* rows */
};

void
merge_job_free(struct tsn_store *s, struct merge_job *job)
{
	if (job == NULL)
		return;
	for (uint32_t i = 0; i < MERGE_MAX; i++)
		seg_close(&job->segs[i]);
	segw_abandon(job->segw);
	sources_done(&job->sources);
	tmpl_table_done(&job->tmpls);
	rowlog_done(&job->rows);
	free(job->vals);
	if (!job->named && !s->broken)
		maintain_remove(s, &job->fresh);
	free(job);
}

static TSN_COLD enum tsn_code
open_all(struct tsn_store *s, struct merge_job *job, const uint32_t *chosen, uint32_t n,
    struct tsn_err *err)
{
	char path[FILE_PATH_MAX];

	sources_init(&job->sources);
	rowlog_init(&job->rows, HARD_BYTES_MAX);
	job->vals = malloc(TMPL_SLOTS_MAX * sizeof *job->vals);
	if (job->vals == NULL || tmpl_table_init(&job->tmpls, HARD_BYTES_MAX) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	TSN_TRY(seal_path(s, &job->fresh, job->path, err));
	for (; job->n < n; job->n++) {
		const struct manifest_seg *m = &s->manifest.segs[chosen[job->n]];

		job->numbers[job->n] = m->number;
		TSN_TRY(seal_path(s, m, path, err));
		TSN_TRY(seg_open(&job->segs[job->n], path, err));
	}
	return segw_open(job->path, s->keys, MERGE_ZSTD_LEVEL, &job->segw, err);
}

enum tsn_code
merge_job_begin(struct tsn_store *s, const uint32_t *chosen, uint32_t n,
    struct merge_job **ret_job, struct tsn_err *err)
{
	struct merge_job *job = calloc(1, sizeof *job);
	enum tsn_code rc;

	TSN_ASSERT(n >= 2 && n <= MERGE_MAX);
	if (job == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	job->fresh = (struct manifest_seg){.number = s->manifest.next_number++,
	    .day = s->manifest.segs[chosen[0]].day};
	for (uint32_t i = 1; i < n; i++)
		if (s->manifest.segs[chosen[i]].day < job->fresh.day)
			job->fresh.day = s->manifest.segs[chosen[i]].day;
	rc = open_all(s, job, chosen, n, err);
	if (rc != TSN_OK)
		merge_job_free(s, job);
	else
		*ret_job = job;
	return rc;
}

static enum tsn_code
put_rows(struct merge_job *job, struct tsn_err *err)
{
	struct row row;

	if (job->rows.count == 0)
		return TSN_OK;
	if (rowlog_sort(&job->rows) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory for a merge");
	for (uint32_t i = 0; i < job->rows.count; i++) {
		rowlog_get(&job->rows, i, job->vals, &row);
		TSN_TRY(segw_add(job->segw, &row, err));
	}
	rowlog_reset(&job->rows);
	TSN_TRY(segw_cut(job->segw, err));
	return segw_flush(job->segw, err);
}

static enum tsn_code
take_rows(struct merge_job *job, struct block *b)
{
	struct row row;

	TSN_TRY(block_need_all(b));
	for (uint32_t i = 0; i < b->dir->rows; i++) {
		struct tmpl *from;

		TSN_TRY(block_row(b, i, &row));
		from = (struct tmpl *)(uintptr_t)row.tmpl;
		if (from->peer == NULL)
			TSN_TRY(tmpl_intern(&job->tmpls, from->sig, &from->peer));
		row.tmpl = from->peer;
		TSN_TRY(rowlog_add(&job->rows, &row));
	}
	job->taken += b->dir->rows;
	return TSN_OK;
}

static enum tsn_code
take_block(struct merge_job *job, struct tsn_err *err)
{
	struct seg *seg = &job->segs[job->seg];
	struct block b;
	enum tsn_code rc = block_open(&b, seg, job->block);

	if (rc == TSN_OK)
		rc = take_rows(job, &b);
	block_close(&b);
	if (rc == TSN_ECORRUPT)
		TSN_FAIL(err, rc, "%s: block %u is damaged", seg->path, job->block);
	if (rc != TSN_OK)
		TSN_FAIL(err, rc, "out of memory for a merge");
	job->block++;
	return job->rows.bytes > MERGE_ROWS_BYTES ? put_rows(job, err) : TSN_OK;
}

static struct manifest_seg *
find_seg(const struct tsn_store *s, uint64_t number, uint32_t *ret_at)
{
	for (uint32_t i = 0; i < s->manifest.seg_count; i++) {
		if (s->manifest.segs[i].number == number) {
			*ret_at = i;
			return &s->manifest.segs[i];
		}
	}
	return NULL;
}

/* It is not tried again while this process runs. */
static void
set_apart(struct tsn_store *s, const struct merge_job *job, uint32_t k)
{
	uint32_t at;
	struct manifest_seg *m = find_seg(s, job->numbers[k], &at);

	if (m != NULL)
		m->apart = true;
}

/* *ret_taken: the job goes on with it; otherwise it ends in front of it. */
static enum tsn_code
begin_seg(struct tsn_store *s, struct merge_job *job, bool *ret_taken, struct tsn_err *err)
{
	struct seg *seg = &job->segs[job->seg];

	*ret_taken = job->tmpls.arena.held <= MERGE_TMPL_BYTES &&
	    segw_memory(job->segw) <= MERGE_SEGW_BYTES;
	if (!*ret_taken) {
		set_apart(s, job, 0);
		return TSN_OK;
	}
	TSN_TRY(seg_load(seg, s->keys, &job->sources, err));
	/* Names that the process has no room for would be lost. */
	*ret_taken = !seg->keys_lost;
	if (!*ret_taken)
		set_apart(s, job, job->seg);
	return TSN_OK;
}

/* The manifest may have changed since the job began: retention, an archive, damage. */
static enum tsn_code
finish(struct tsn_store *s, struct merge_job *job, struct tsn_err *err)
{
	struct manifest_seg old[MERGE_MAX];
	struct segw_result result;
	uint32_t chosen[MERGE_MAX];
	uint64_t rows = 0;
	enum tsn_code rc;

	if (job->seg < 2)
		return TSN_EOF;
	TSN_TRY(put_rows(job, err));
	for (uint32_t i = 0; i < job->seg; i++) {
		const struct manifest_seg *m = find_seg(s, job->numbers[i], &chosen[i]);

		if (m == NULL || m->hash != 0 || m->damaged)
			return TSN_EOF;
		old[i] = *m;
		rows += m->rows;
	}
	rc = segw_finish(job->segw, &result, err);
	if (rc != TSN_EAGAIN)
		job->segw = NULL;
	TSN_TRY(rc);
	if (rows != result.rows)
		TSN_FAIL(err, TSN_ECORRUPT, "%s: merged segments had more rows", job->path);
	job->fresh.rows = result.rows;
	job->fresh.raw_bytes = result.raw_bytes;
	job->fresh.file_bytes = result.file_bytes;
	job->fresh.time_min = result.time_min;
	job->fresh.time_max = result.time_max;
	TSN_TRY(maintain_replace(s, chosen, job->seg, &job->fresh, err));
	job->named = true;
	for (uint32_t i = 0; i < job->seg; i++)
		maintain_remove(s, &old[i]);
	return TSN_EOF;
}

/* What cannot be read stays away from further merges; the rest goes on being served and merged. */
static enum tsn_code
examine(struct tsn_store *s, const struct merge_job *job, struct tsn_err *err)
{
	uint32_t chosen[MERGE_MAX], n = 0;

	for (uint32_t i = 0; i < job->n; i++)
		if (find_seg(s, job->numbers[i], &chosen[n]) != NULL)
			n++;
	TSN_TRY(maintain_examine(s, chosen, n, err));
	return TSN_EOF;
}

static enum tsn_code
step(struct tsn_store *s, struct merge_job *job, struct tsn_err *err)
{
	uint64_t bytes = 0;
	bool taken;

	while (job->seg < job->n && bytes < MERGE_STEP_BYTES) {
		struct seg *seg = &job->segs[job->seg];

		if (job->block == 0) {
			TSN_TRY(begin_seg(s, job, &taken, err));
			if (!taken)
				return finish(s, job, err);
		}
		if (job->block < seg->block_count) {
			bytes += seg->blocks[job->block].raw_bytes;
			TSN_TRY(take_block(job, err));
			continue;
		}
		/* Rows in memory refer to its sources, which are the job's, and no more to it. */
		seg_unload(seg);
		job->seg++;
		job->block = 0;
	}
	return job->seg < job->n ? TSN_OK : finish(s, job, err);
}

enum tsn_code
merge_job_step(struct tsn_store *s, struct merge_job *job, struct tsn_err *err)
{
	enum tsn_code rc = step(s, job, err);

	if ((rc == TSN_ECORRUPT || rc == TSN_ENOTFOUND) && !s->broken)
		rc = examine(s, job, err);
	return rc;
}
