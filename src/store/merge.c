/*
 * Which segments become one, and which go.
 *
 * Small segments cost search time and disk: each has its own dictionaries.  Neighbours in time of
 * like size are merged when they are so many; what is read and written again grows with the
 * logarithm of the data.  Days stay apart once they are large, for retention.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/time.h"
#include "store/merge_int.h"

/* So many of like size are merged: when there is time, and at the latest. */
#define MERGE_MIN 4u
#define MERGE_MUST 16u
/* Steps at a commit when it must be. */
#define STEPS_AT_COMMIT 2u
/* Segments that go at one commit. */
#define DROPS_MAX 64u
/* Of records. */
#define TIER_FIRST (UINT64_C(16) << 20)
#define TIER_LAST (UINT64_C(1) << 30)
#define TIERS 4u
/* On disk: what several days may have together. */
#define DAYS_FILE_BYTES (UINT64_C(8) << 20)
/* A segment holds no more than this part of the time that events are kept: what is to go is late
 * by no more. */
#define AGE_PARTS 16
#define SEAL_OLD_NS (INT64_C(3600) * 1000000000)

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
	return m->raw_bytes <= TIER_LAST && m->hash == 0 && !m->damaged && !m->apart;
}

uint64_t
merge_span_max(const struct tsn_store *s)
{
	uint64_t span = (uint64_t)s->options.retention_ns / AGE_PARTS;

	if (s->options.retention_ns <= 0)
		return UINT64_MAX;
	return span < TSN_NS_PER_DAY ? TSN_NS_PER_DAY : span;
}

/* Neighbours in time of one tier. */
struct group {
	uint32_t chosen[MERGE_MAX], n;	/* the first of them */
	uint32_t alike;			/* all */
	uint64_t bytes;			/* on disk */
	int64_t day, time_min, time_max;
};

struct place {
	const struct manifest_seg *m;
	uint32_t at;
};

static int
by_time(const void *a, const void *b)
{
	const struct manifest_seg *x = ((const struct place *)a)->m;
	const struct manifest_seg *y = ((const struct place *)b)->m;

	if (x->time_min != y->time_min)
		return x->time_min < y->time_min ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* Segments of one day belong together; others while they are small and delay no retention. */
static bool
belongs(const struct tsn_store *s, const struct group *g, const struct manifest_seg *m)
{
	int64_t high = m->time_max > g->time_max ? m->time_max : g->time_max;

	if (g->n == 0 || m->day == g->day)
		return true;
	return g->bytes + m->file_bytes <= DAYS_FILE_BYTES &&
	    (uint64_t)high - (uint64_t)g->time_min <= merge_span_max(s);
}

static void
add_to(struct group *g, const struct place *p)
{
	if (g->n == 0)
		*g = (struct group){.day = p->m->day, .time_min = p->m->time_min,
		    .time_max = p->m->time_max};
	if (g->n < MERGE_MAX)
		g->chosen[g->n++] = p->at;
	g->alike++;
	g->bytes += p->m->file_bytes;
	g->time_max = p->m->time_max > g->time_max ? p->m->time_max : g->time_max;
}

static bool
choose_in_tier(const struct tsn_store *s, unsigned tier, uint32_t least, struct place *places,
    uint32_t n, struct group *g)
{
	*g = (struct group){0};
	for (uint32_t i = 0; i < n && g->alike < least; i++) {
		if (tier_of(places[i].m) != tier)
			continue;
		if (!belongs(s, g, places[i].m))
			*g = (struct group){0};
		add_to(g, &places[i]);
	}
	return g->alike >= least;
}

/* A group of at least `least`, small ones first: marks its members, returns their number. */
static uint32_t
choose(const struct tsn_store *s, uint32_t least, uint32_t chosen[MERGE_MAX])
{
	const struct manifest *m = &s->manifest;
	struct place *places = reallocarray(NULL, m->seg_count + 1, sizeof *places);
	uint32_t n = 0, found = 0;
	struct group g;

	if (places == NULL)
		return 0;		/* another time */
	for (uint32_t i = 0; i < m->seg_count; i++)
		if (may_merge(&m->segs[i]))
			places[n++] = (struct place){&m->segs[i], i};
	if (n >= least)
		qsort(places, n, sizeof *places, by_time);
	for (unsigned tier = 0; tier <= TIERS && found == 0 && n >= least; tier++) {
		if (choose_in_tier(s, tier, least, places, n, &g)) {
			memcpy(chosen, g.chosen, g.n * sizeof *chosen);
			found = g.n;
		}
	}
	free(places);
	return found;
}

/* One step of the merge at hand, or of a new one; *ret_more: there is more to do. */
static enum tsn_code
merge_step(struct tsn_store *s, uint32_t least, bool *ret_more, struct tsn_err *err)
{
	uint32_t chosen[MERGE_MAX], n;
	enum tsn_code rc;

	*ret_more = s->merge != NULL;
	if (s->merge == NULL) {
		n = choose(s, least, chosen);
		if (n < 2)
			return TSN_OK;
		*ret_more = true;
		rc = merge_job_begin(s, chosen, n, &s->merge, err);
		if (rc == TSN_ECORRUPT || rc == TSN_ENOTFOUND)
			return maintain_examine(s, chosen, n, err);
		TSN_TRY(rc);
	}
	rc = merge_job_step(s, s->merge, err);
	if (rc != TSN_OK) {
		merge_job_free(s, s->merge);
		s->merge = NULL;
	}
	return rc == TSN_EOF ? TSN_OK : rc;
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
tsn_store_retain(struct tsn_store *s, int64_t now_ns, bool *ret_more, struct tsn_err *err)
{
	if (s->broken)
		TSN_FAIL_PLAIN(err, TSN_EIO, "%s: an earlier write failed; open the store again", s->dir);
	return drop_oldest(s, now_ns, ret_more, err);
}

/*
 * Rows of the journal that are too old, or all there is to make room, must be in a segment to go.
 * Not often: each time makes a small one.
 */
static enum tsn_code
seal_old(struct tsn_store *s, int64_t now_ns, struct tsn_err *err)
{
	const struct tsn_store_options *o = &s->options;
	bool due = o->retention_bytes > 0 && s->journal.size > o->retention_bytes;

	if (s->rows.count == 0 || s->rows.count != s->durable || seal_pending(s) ||
	    (s->sealed_old_ns != 0 && now_ns - s->sealed_old_ns < SEAL_OLD_NS))
		return TSN_OK;
	for (uint32_t i = 0; o->retention_ns > 0 && i < s->rows.count && !due; i++)
		due = rowlog_time(&s->rows, i) < now_ns - o->retention_ns;
	if (!due)
		return TSN_OK;
	s->sealed_old_ns = now_ns;
	return seal_commit(s, err);
}

enum tsn_code
tsn_store_maintain(struct tsn_store *s, int64_t now_ns, bool *ret_more, struct tsn_err *err)
{
	bool dropped;

	if (s->broken)
		TSN_FAIL_PLAIN(err, TSN_EIO, "%s: an earlier write failed; open the store again", s->dir);
	TSN_TRY(seal_old(s, now_ns, err));
	TSN_TRY(drop_oldest(s, now_ns, &dropped, err));
	*ret_more = dropped;
	return dropped ? TSN_OK : merge_step(s, MERGE_MIN, ret_more, err);
}

/* Nothing here may fail the commit that went before: what could not be done is tried again. */
void
merge_after_commit(struct tsn_store *s)
{
	bool dropped = true, more = true;

	for (unsigned i = 0; i < DROPS_MAX && dropped && !s->broken; i++)
		if (drop_oldest(s, file_now_ns(), &dropped, NULL) != TSN_OK)
			return;
	for (unsigned i = 0; i < STEPS_AT_COMMIT && more && !s->broken; i++)
		if (merge_step(s, MERGE_MUST, &more, NULL) != TSN_OK)
			return;
}
