/*
 * Rows in order of time out of all segments and the journal: blocks are opened when the time comes
 * to them, so that only those which overlap in time are in memory together.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "store/hint_int.h"
#include "store/reader_int.h"
#include "store/tally_int.h"

#define ROWS_MAX 1024u
#define ROWS_FIRST 64u

/* A run of rows in order of time: one block, or what the journal holds. */
struct run {
	struct block block;		/* seg NULL: the journal */
	uint32_t at, end;		/* rows left, [at, end) */
	uint64_t order;			/* among equal times: as appended */
	uint64_t *may;			/* rows that can match; NULL: all */
};

#define REF_WHOLE UINT32_MAX

struct ref {
	uint32_t seg, block;		/* REF_WHOLE: a segment not looked into yet */
	int64_t edge;			/* the time at which it is due */
};

struct scanner {
	struct tsn_store_reader *r;
	const struct tsn_store_scan *scan;
	struct tsn_batch batch;
	uint32_t batch_rows;		/* grows: the first answers come soon */
	struct projection projection;
	bool *keys;
	bool all;
	struct ref *refs;
	uint32_t ref_count, ref_at, ref_cap;
	struct run **runs;
	uint32_t run_count, run_cap;
	scan_row_fn *row_fn;		/* instead of batches */
	void *row_ctx;
	struct val *vals;
	struct hint *hint;
	struct hint_seg **hints;	/* by segment */
	struct tally tally;		/* scan NULL: rows are not counted together */
	struct tsn_store_scan_stats stats;
	uint64_t must[HINT_WORDS];	/* of the block at hand, for the tally */
	struct tsn_err *err;
};

/* ---- projection ---- */

static enum tsn_code
prepare_fields(struct scanner *s)
{
	uint32_t n = tsn_keys_count(s->r->keys);

	s->all = s->scan->fields == NULL;
	if (s->all)
		return TSN_OK;
	s->keys = calloc(n, sizeof *s->keys);
	if (s->keys == NULL)
		return TSN_ENOMEM;
	for (tsn_key k = 1; k < n; k++)
		for (uint32_t i = 0; i < s->scan->field_count && !s->keys[k]; i++)
			s->keys[k] = tsn_keys_under(s->r->keys, k, s->scan->fields[i]);
	s->projection = (struct projection){s->keys, n};
	return TSN_OK;
}

/* Names that only this segment brought are below a field that was asked for, too. */
static enum tsn_code
refresh_fields(struct scanner *s)
{
	if (s->all || tsn_keys_count(s->r->keys) == s->projection.key_count)
		return TSN_OK;
	free(s->keys);
	s->keys = NULL;
	return prepare_fields(s);
}

static enum tsn_code
decode_block(struct scanner *s, struct block *b)
{
	bool *columns, *needs;
	enum tsn_code rc = TSN_OK;

	if (s->all)
		return block_need_all(b);
	columns = calloc(b->seg->column_count + 1, sizeof *columns);
	needs = malloc(TMPL_SLOTS_MAX * sizeof *needs);
	if (columns == NULL || needs == NULL)
		rc = TSN_ENOMEM;
	for (uint32_t t = 0; rc == TSN_OK && t < b->seg->tmpl_count; t++) {
		const struct seg_tmpl *m = &b->seg->tmpls[t];

		if (unshape_needs_all(m->tmpl, &s->projection))
			break;
		unshape_needs(m->tmpl, &s->projection, needs);
		for (uint32_t i = 0; i < m->tmpl->slot_count; i++)
			columns[m->columns[i]] |= needs[i];
		if (t + 1 == b->seg->tmpl_count)
			rc = block_need_some(b, columns);
	}
	if (rc == TSN_OK && b->group_at == NULL)
		rc = block_need_all(b);
	free(columns);
	free(needs);
	return rc;
}

/* ---- runs ---- */

static enum tsn_code
add_run(struct scanner *s, const struct run *run)
{
	struct run *copy;

	if (s->run_count == s->run_cap) {
		uint32_t cap = s->run_cap == 0 ? 16 : s->run_cap * 2;
		struct run **runs = reallocarray(s->runs, cap, sizeof(struct run *));

		if (runs == NULL)
			return TSN_ENOMEM;
		s->runs = runs;
		s->run_cap = cap;
	}
	copy = malloc(sizeof *copy);
	if (copy == NULL)
		return TSN_ENOMEM;
	*copy = *run;
	s->runs[s->run_count++] = copy;
	return TSN_OK;
}

static void
leave(struct scanner *s, uint32_t seg)
{
	if (--s->r->segs[seg].users > 0)
		return;
	if (s->hints != NULL) {
		hint_seg_free(s->hints[seg]);
		s->hints[seg] = NULL;
	}
	seg_unload(&s->r->segs[seg]);
	seg_rest(&s->r->segs[seg]);
}

static void
drop_run(struct scanner *s, uint32_t i)
{
	struct run *run = s->runs[i];

	if (run->block.seg != NULL) {
		uint32_t seg = (uint32_t)(run->block.seg - s->r->segs);

		block_close(&run->block);
		leave(s, seg);
	}
	free(run->may);
	free(run);
	s->runs[i] = s->runs[--s->run_count];
}

static enum tsn_code
add_ref(struct scanner *s, uint32_t seg, uint32_t block, int64_t low, int64_t high)
{
	if (s->ref_count == s->ref_cap) {
		uint32_t cap = s->ref_cap == 0 ? 64 : s->ref_cap * 2;
		struct ref *refs = reallocarray(s->refs, cap, sizeof *refs);

		if (refs == NULL)
			return TSN_ENOMEM;
		s->refs = refs;
		s->ref_cap = cap;
	}
	s->refs[s->ref_count++] = (struct ref){seg, block, s->scan->newest_first ? high : low};
	return TSN_OK;
}

static int
by_edge(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;

	if (x->edge != y->edge)
		return x->edge < y->edge ? -1 : 1;
	if (x->seg != y->seg)
		return x->seg < y->seg ? -1 : 1;
	return x->block < y->block ? -1 : x->block > y->block;
}

static int
by_edge_down(const void *a, const void *b)
{
	return by_edge(b, a);
}

static void
sort_refs(struct scanner *s)
{
	if (s->ref_count - s->ref_at > 1)
		qsort(s->refs + s->ref_at, s->ref_count - s->ref_at, sizeof *s->refs,
		    s->scan->newest_first ? by_edge_down : by_edge);
}

/* Whether the segment is done with without its blocks: nothing in it matches, or all of what is
 * asked stands in its directory. */
static enum tsn_code
sum_segment(struct scanner *s, struct seg *seg, const struct hint_seg *hs, bool *ret_done)
{
	int64_t low = INT64_MAX, high = INT64_MIN;
	bool some = hs == NULL;

	for (uint32_t i = 0; i < seg->tmpl_count && !some; i++)
		some = hint_tmpl(hs, i) != HINT_NONE;
	*ret_done = !some;
	s->stats.segments_none += !some;
	for (uint32_t i = 0; i < seg->block_count; i++) {
		low = seg->blocks[i].time_min < low ? seg->blocks[i].time_min : low;
		high = seg->blocks[i].time_max > high ? seg->blocks[i].time_max : high;
	}
	if (!some || s->tally.scan == NULL || (s->hint != NULL && hs == NULL) ||
	    low < s->scan->from_ns || high >= s->scan->to_ns || (s->scan->tally_span_ns > 0 &&
	    tsn_time_floor(low, s->scan->tally_span_ns) != tsn_time_floor(high,
	    s->scan->tally_span_ns)))
		return TSN_OK;
	TSN_TRY(tally_segment(&s->tally, seg, hs, ret_done, s->err));
	s->stats.segments_sum += *ret_done;
	return TSN_OK;
}

/* A segment's turn has come: its blocks take its place among the others. */
static enum tsn_code
open_segment(struct scanner *s, uint32_t i)
{
	struct seg *seg = &s->r->segs[i];
	struct tsn_err why = {0};
	enum tsn_code rc = seg_load(seg, s->r->keys, &s->r->sources, &why);
	bool done = false;

	if (rc == TSN_ECORRUPT) {
		reader_note(s->r, why.msg);
		seg_close(seg);
		return TSN_OK;
	}
	if (rc != TSN_OK)
		TSN_FAIL(s->err, rc, "%s", why.msg);
	seg->users++;
	TSN_TRY(refresh_fields(s));
	if (s->hint != NULL) {
		rc = hint_seg_new(s->hint, seg, &s->hints[i]);
		/* of a damaged dictionary the blocks will tell that need it */
		if (rc != TSN_OK && rc != TSN_ECORRUPT)
			return rc;
	}
	rc = sum_segment(s, seg, s->hint != NULL ? s->hints[i] : NULL, &done);
	for (uint32_t k = 0; k < seg->block_count && rc == TSN_OK && !done; k++) {
		const struct seg_block *b = &seg->blocks[k];

		s->stats.blocks++;
		if (b->time_min >= s->scan->to_ns || b->time_max < s->scan->from_ns) {
			s->stats.blocks_time++;
			continue;
		}
		TSN_TRY(add_ref(s, i, k, b->time_min, b->time_max));
		seg->users++;
	}
	s->stats.segments_open += !done;
	if (!done)
		sort_refs(s);
	leave(s, i);
	return rc;
}

static uint32_t
lower(const uint64_t *times, uint32_t n, int64_t ns)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if ((int64_t)times[mid] < ns)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static enum tsn_code
ask_hint(struct scanner *s, uint32_t seg, struct run *run, bool *ret_any)
{
	enum tsn_code rc;

	run->may = malloc(HINT_WORDS * sizeof *run->may);
	if (run->may == NULL)
		return TSN_ENOMEM;
	if (s->hints == NULL || s->hints[seg] == NULL) {
		memset(run->may, 0xff, HINT_WORDS * sizeof *run->may);
		memset(s->must, 0xff, sizeof s->must);
		*ret_any = true;
		return TSN_OK;
	}
	rc = hint_block(s->hints[seg], &run->block, run->may, s->must, ret_any);
	return rc;
}

/* Rows at both ends that can not match are left out, so that the others are alone in `run`. */
static void
trim_run(struct run *run)
{
	if (run->may == NULL)
		return;
	while (run->at < run->end && !(run->may[run->at / 64] >> (run->at % 64) & 1))
		run->at++;
	while (run->at < run->end &&
	    !(run->may[(run->end - 1) / 64] >> ((run->end - 1) % 64) & 1))
		run->end--;
}

static enum tsn_code
cut_run(struct scanner *s, struct run *run)
{
	const struct seg_block *dir = run->block.dir;
	const uint64_t *times;

	if (dir->time_min >= s->scan->from_ns && dir->time_max < s->scan->to_ns) {
		run->at = 0;
		run->end = dir->rows;
	} else {
		TSN_TRY(block_need_rows(&run->block, SEG_COL_TIME));
		times = run->block.rows[SEG_COL_TIME];
		run->at = lower(times, dir->rows, s->scan->from_ns);
		run->end = lower(times, dir->rows, s->scan->to_ns);
	}
	if (s->tally.scan != NULL)
		TSN_TRY(tally_block(&s->tally, &run->block, run->at, run->end, s->must, run->may,
		    s->err));
	if (s->tally.misfits > 0)
		reader_note(s->r, "a row does not fit its template");
	s->tally.misfits = 0;
	trim_run(run);
	if (run->at < run->end)
		TSN_TRY(block_need_rows(&run->block, SEG_COL_TIME));
	return run->at < run->end ? decode_block(s, &run->block) : TSN_OK;
}

static enum tsn_code
open_block(struct scanner *s, const struct ref *ref)
{
	struct run run = {.order = (uint64_t)ref->seg << 32 | ref->block};
	struct seg *seg = &s->r->segs[ref->seg];
	enum tsn_code rc = block_open(&run.block, seg, ref->block);
	bool any = true;

	if (rc == TSN_OK && (s->tally.scan != NULL ||
	    (s->hints != NULL && s->hints[ref->seg] != NULL)))
		rc = ask_hint(s, ref->seg, &run, &any);
	if (rc == TSN_OK && any)
		rc = cut_run(s, &run);
	if (rc == TSN_OK && run.at < run.end) {
		rc = add_run(s, &run);
		s->stats.blocks_rows += rc == TSN_OK;
		if (rc == TSN_OK)
			return TSN_OK;
	}
	s->stats.blocks_none += rc == TSN_OK && !any;
	s->stats.blocks_sum += rc == TSN_OK && any;
	free(run.may);
	block_close(&run.block);
	if (rc == TSN_ECORRUPT) {
		struct tsn_err what;

		(void)TSN_ERR(&what, rc, "%s: block %u is damaged, its %u events are missing",
		    seg->path, ref->block, seg->blocks[ref->block].rows);
		reader_note(s->r, what.msg);
		rc = TSN_OK;
	}
	leave(s, ref->seg);
	return rc;
}

static int64_t
run_time(const struct scanner *s, const struct run *run)
{
	uint32_t i = s->scan->newest_first ? run->end - 1 : run->at;

	return run->block.seg == NULL ? rowlog_time(&s->r->mem, i) :
					(int64_t)run->block.rows[SEG_COL_TIME][i];
}

/* The run whose next row comes first. */
static uint32_t
next_run(const struct scanner *s)
{
	uint32_t best = 0;
	int64_t best_time = run_time(s, s->runs[0]);

	for (uint32_t i = 1; i < s->run_count; i++) {
		int64_t t = run_time(s, s->runs[i]);
		bool newer = t > best_time || (t == best_time &&
		    s->runs[i]->order > s->runs[best]->order);

		if (newer == s->scan->newest_first) {
			best = i;
			best_time = t;
		}
	}
	return best;
}

/* ---- rows ---- */

static enum tsn_code
flush(struct scanner *s)
{
	enum tsn_code rc = TSN_OK;

	if (s->batch.count > 0)
		rc = s->scan->rows(s->scan->ctx, &s->batch, s->err);
	tsn_batch_reset(&s->batch);
	if (s->batch_rows < ROWS_MAX)
		s->batch_rows *= 2;
	if (rc == TSN_OK && s->scan->canceled != NULL && s->scan->canceled(s->scan->ctx))
		rc = TSN_ERR(s->err, TSN_ECANCELED, "canceled");
	return rc;
}

static enum tsn_code
emit(struct scanner *s, struct run *run)
{
	uint32_t i = s->scan->newest_first ? --run->end : run->at++;
	struct row row;
	enum tsn_code rc = TSN_OK;

	if (run->block.seg == NULL)
		rowlog_get(&s->r->mem, i, s->vals, &row);
	else
		rc = block_row(&run->block, i, &row);
	s->stats.rows++;
	if (rc == TSN_OK && s->row_fn != NULL)
		return s->row_fn(s->row_ctx, &row, s->err);
	if (rc == TSN_OK)
		rc = s->all ? unshape(&row, &s->batch) :
			      unshape_some(&row, &s->projection, &s->batch);
	if (rc == TSN_ELIMIT && s->batch.count > 0) {
		TSN_TRY(flush(s));
		rc = s->all ? unshape(&row, &s->batch) :
			      unshape_some(&row, &s->projection, &s->batch);
	}
	if (rc == TSN_ECORRUPT) {
		reader_note(s->r, "a row does not fit its template");
		return TSN_OK;
	}
	if (rc != TSN_OK)
		TSN_FAIL(s->err, TSN_ENOMEM, "an event does not fit into memory");
	return s->batch.count >= s->batch_rows ? flush(s) : TSN_OK;
}

static bool
is_due(const struct scanner *s, const struct ref *ref)
{
	int64_t t;

	if (s->run_count == 0)
		return true;
	t = run_time(s, s->runs[next_run(s)]);
	return s->scan->newest_first ? ref->edge >= t : ref->edge <= t;
}

static enum tsn_code
run_all(struct scanner *s)
{
	enum tsn_code rc;

	while (s->ref_at < s->ref_count || s->run_count > 0) {
		uint32_t i;

		while (s->ref_at < s->ref_count && is_due(s, &s->refs[s->ref_at])) {
			struct ref ref = s->refs[s->ref_at++];

			if (s->scan->canceled != NULL && s->scan->canceled(s->scan->ctx)) {
				s->ref_at--;
				TSN_FAIL(s->err, TSN_ECANCELED, "canceled");
			}
			rc = ref.block == REF_WHOLE ? open_segment(s, ref.seg) : open_block(s, &ref);
			if (rc == TSN_ENOMEM)
				TSN_FAIL(s->err, rc, "out of memory");
			TSN_TRY(rc);
		}
		if (s->run_count == 0)
			continue;
		i = next_run(s);
		TSN_TRY(emit(s, s->runs[i]));
		trim_run(s->runs[i]);
		if (s->runs[i]->at == s->runs[i]->end)
			drop_run(s, i);
	}
	TSN_TRY(flush(s));
	return s->tally.scan == NULL ? TSN_OK : tally_sums_give(&s->tally, s->err);
}

/* ---- what there is to scan ---- */

static enum tsn_code
collect(struct scanner *s)
{
	for (uint32_t i = 0; i < s->r->manifest.seg_count; i++) {
		const struct manifest_seg *m = &s->r->manifest.segs[i];

		if (s->r->segs[i].file.ptr == NULL || m->number < s->scan->since)
			continue;
		s->stats.segments++;
		if (m->time_min < s->scan->to_ns && m->time_max >= s->scan->from_ns)
			TSN_TRY(add_ref(s, i, REF_WHOLE, m->time_min, m->time_max));
		else
			s->stats.segments_time++;
	}
	sort_refs(s);
	return TSN_OK;
}

static enum tsn_code
prepare(struct scanner *s)
{
	struct run mem = {.order = UINT64_MAX};

	s->batch_rows = ROWS_FIRST;
	s->vals = malloc(TMPL_SLOTS_MAX * sizeof *s->vals);
	if (s->vals == NULL)
		return TSN_ENOMEM;
	TSN_TRY(prepare_fields(s));
	if (s->scan->tally != NULL)
		TSN_TRY(tally_init(&s->tally, s->scan, s->r->keys));
	TSN_TRY(hint_new(s->scan->hint, s->r->keys, &s->hint));
	if (s->hint != NULL) {
		s->hints = calloc(s->r->manifest.seg_count + 1, sizeof(struct hint_seg *));
		if (s->hints == NULL)
			return TSN_ENOMEM;
	}
	TSN_TRY(collect(s));
	mem.at = rowlog_lower(&s->r->mem, s->scan->from_ns);
	mem.end = rowlog_lower(&s->r->mem, s->scan->to_ns);
	return mem.at < mem.end ? add_run(s, &mem) : TSN_OK;
}

static void
add_stats(struct tsn_store_scan_stats *to, const struct tsn_store_scan_stats *from)
{
	to->segments += from->segments;
	to->segments_time += from->segments_time;
	to->segments_none += from->segments_none;
	to->segments_sum += from->segments_sum;
	to->segments_open += from->segments_open;
	to->blocks += from->blocks;
	to->blocks_time += from->blocks_time;
	to->blocks_none += from->blocks_none;
	to->blocks_sum += from->blocks_sum;
	to->blocks_rows += from->blocks_rows;
	to->rows += from->rows;
}

static enum tsn_code
scan_all(struct scanner s)
{
	struct tsn_store_reader *r = s.r;
	struct tsn_err *err = s.err;
	enum tsn_code rc;

	rc = tsn_batch_init(&s.batch, r->keys, ROWS_MAX);
	if (rc == TSN_OK)
		rc = prepare(&s);
	if (rc == TSN_ENOMEM)
		(void)TSN_ERR(err, rc, "out of memory");
	if (rc == TSN_OK)
		rc = run_all(&s);
	while (s.run_count > 0)
		drop_run(&s, s.run_count - 1);
	for (; s.ref_at < s.ref_count; s.ref_at++)
		if (s.refs[s.ref_at].block != REF_WHOLE)
			leave(&s, s.refs[s.ref_at].seg);
	if (s.scan->stats != NULL)
		add_stats(s.scan->stats, &s.stats);
	free(s.hints);
	hint_free(s.hint);
	tally_done(&s.tally);
	free(s.runs);
	free(s.refs);
	free(s.keys);
	free(s.vals);
	tsn_batch_done(&s.batch);
	return rc == TSN_EOF ? TSN_OK : rc;
}

enum tsn_code
tsn_store_scan(struct tsn_store_reader *r, const struct tsn_store_scan *scan, struct tsn_err *err)
{
	return scan_all((struct scanner){.r = r, .scan = scan, .err = err});
}

enum tsn_code
scan_rows(struct tsn_store_reader *r, scan_row_fn *fn, void *ctx, struct tsn_err *err)
{
	struct tsn_store_scan scan = {.from_ns = INT64_MIN, .to_ns = INT64_MAX};

	return scan_all((struct scanner){.r = r, .scan = &scan, .err = err, .row_fn = fn,
	    .row_ctx = ctx});
}
