/*
 * Texts of a block that repeat the other values of their rows: whether storing them so pays, and
 * their bytes.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "store/derive_work_int.h"

/* Rows after which it must have shown that it pays, and how clearly. */
#define SAMPLE_ROWS 512u
#define PAYS 4u
#define PLAIN_MIN 2048u
#define SEEN_BITS 13u
/* After a block in which it did not pay so many are not tried, then twice as many ... */
#define REST_FIRST 1u
#define REST_MAX 64u
/* Texts of gaps that are so long on average stand in the segment's dictionary. */
#define LONG_GAP_MIN 48u
#define LONG_GAPS_MAX (5u << 20)

struct deriver *
deriver_new(struct tsn_arena *arena)
{
	struct deriver *d = calloc(1, sizeof *d);

	if (d == NULL)
		return NULL;
	d->arena = arena;
	dict_init(&d->texts);
	return d;
}

void
deriver_free(struct deriver *d)
{
	if (d == NULL)
		return;
	dict_done(&d->texts);
	free(d->known);
	free(d);
}

size_t
deriver_bytes(const struct deriver *d)
{
	return d == NULL ? 0 : dict_bytes(&d->texts) + d->known_cap * sizeof *d->known;
}

/* Notes which columns the row has; false when it has the target not just once. */
static bool
enter_row(struct derive_work *w, uint32_t row, bool *ret_has)
{
	uint64_t t = w->job->rows->tmpls[row];
	const uint32_t *columns = w->job->rows->columns[t];
	uint32_t hits = 0;

	w->stamp_now = row + 1;
	for (uint32_t k = 0; k < w->job->rows->slot_counts[t]; k++) {
		uint32_t c = columns[k], at = w->cursor[c]++;

		hits += c == w->job->target;
		if (w->stamp[c] == w->stamp_now || w->job->columns[c] == NULL)
			continue;
		w->stamp[c] = w->stamp_now;
		w->at[c] = at;
	}
	*ret_has = hits > 0;
	return hits <= 1;
}

/* ---- a block ---- */

/* About what the text will take: nearly nothing when it stood in this gap before. */
static uint64_t
gap_cost(struct derive_work *w, uint32_t pattern, uint32_t gap, struct tsn_slice text)
{
	uint64_t hash = tsn_hash_bytes(text.ptr, text.len, (uint64_t)pattern << 32 | gap);
	uint64_t *seen = &w->gaps_seen[hash >> (64 - SEEN_BITS)];

	if (*seen == hash)
		return 1;
	*seen = hash;
	return text.len;
}

static void
clear_block(struct derive_known *k)
{
	k->local = k->rows = 0;
	k->plain = k->cost = 0;
}

static void
use_pattern(struct derive_work *w, uint32_t pattern)
{
	struct derive_known *k = &w->d->known[pattern];

	if (k->local != 0)
		return;
	w->used[w->used_count++] = pattern;
	k->local = w->used_count;
	k->cost = k->stored ? 0 : k->bytes.len;
}

static enum tsn_code
take_text(struct derive_work *w, uint32_t row)
{
	char scratch[24];
	uint32_t n = w->row_count, at = w->at[w->job->target], pattern, gap = w->gap_count;
	uint64_t code = w->target->v[at];
	struct tsn_slice text = derive_text(w->target, at, scratch);
	struct derive_known *k;

	w->total += text.len;
	pattern = pattern_find(w, text);
	if (pattern == UINT32_MAX)
		TSN_TRY(pattern_new(w, row, text, &pattern));
	use_pattern(w, pattern);
	k = &w->d->known[pattern];
	k->rows++;
	k->cost++;
	for (uint32_t i = gap; i < w->gap_count; i++)
		k->cost += gap_cost(w, pattern, i - gap, (struct tsn_slice){
		    text.ptr + w->gaps[i].at, w->gaps[i].len});
	if (!w->seen[code] && (w->target->local || code >= w->target->dict_before))
		k->plain += text.len;
	w->seen[code] = true;
	w->patterns[n] = pattern;
	w->gap_first[n] = gap;
	w->row_count++;
	return TSN_OK;
}

/* Texts of a pattern that saves little are stored whole, whatever becomes of the others. */
static bool
is_kept(const struct derive_known *k)
{
	return k->stored ? k->cost * 2 <= k->plain + k->rows : k->cost * 2 < k->plain;
}

/* True when those of good patterns save much more than the others lose. */
static bool
pays(const struct derive_work *w)
{
	uint64_t plain = 0, cost = 0, lost = 0;

	for (uint32_t i = 0; i < w->used_count; i++) {
		const struct derive_known *k = &w->d->known[w->used[i]];

		if (w->used[i] != w->whole && is_kept(k)) {
			plain += k->plain;
			cost += k->cost;
		} else if (!w->target->local) {
			lost += k->rows;	/* repeats of texts of earlier blocks */
		}
	}
	return plain >= PLAIN_MIN && (cost + lost) * PAYS < plain && w->total < DERIVE_BYTES_MAX;
}

/* Rows of patterns that are not kept become gaps as a whole. */
static enum tsn_code
drop_patterns(struct derive_work *w)
{
	struct derive_known *known = w->d->known;
	uint32_t n = 0;
	char scratch[24];

	for (uint32_t i = 0; i < w->row_count; i++) {
		struct derive_known *k = &known[w->patterns[i]];

		if (w->patterns[i] == w->whole || is_kept(k))
			continue;
		w->gap_first[i] = w->gap_count;
		if (!derive_add_gap(w, 0, derive_text(w->target, i, scratch).len))
			return TSN_ENOMEM;
		w->patterns[i] = w->whole;
		known[w->whole].rows++;
	}
	use_pattern(w, w->whole);
	for (uint32_t i = 0; i < w->used_count; i++) {
		struct derive_known *k = &known[w->used[i]];
		bool stays = w->used[i] == w->whole ? k->rows > 0 : is_kept(k);

		if (stays) {
			w->used[n] = w->used[i];
			k->local = ++n;
		} else {
			clear_block(k);
		}
	}
	w->used_count = n;
	return TSN_OK;
}

static enum tsn_code
take_rows(struct derive_work *w, bool *ret_pays)
{
	bool has;

	*ret_pays = false;
	for (uint32_t i = 0; i < w->job->rows->count; i++) {
		if (!enter_row(w, i, &has))
			return TSN_OK;
		if (!has)
			continue;
		TSN_TRY(take_text(w, i));
		if (w->row_count % SAMPLE_ROWS == 0 && !pays(w))
			return TSN_OK;
	}
	*ret_pays = pays(w);
	return TSN_OK;
}

struct gap_job {
	const uint32_t *rows;
	uint32_t n, gap;
	uint64_t *v;			/* scratch: 3 * n */
};

static struct tsn_slice
gap_text(const struct derive_work *w, const struct gap_job *j, uint32_t i, char scratch[24])
{
	struct derive_gap g = w->gaps[w->gap_first[j->rows[i]] + j->gap];
	struct tsn_slice text = derive_text(w->target, j->rows[i], scratch);

	return (struct tsn_slice){text.ptr + g.at, g.len};
}

/* Long texts are likely to come again in later blocks. */
static enum tsn_code
put_long_gap(struct derive_work *w, const struct gap_job *j, struct tsn_buf *out)
{
	char scratch[24];

	for (uint32_t i = 0; i < j->n; i++) {
		struct tsn_slice s = gap_text(w, j, i, scratch);
		uint32_t code;

		/* It may stand in the dictionary that takes it: not while that grows. */
		tsn_buf_reset(&w->bytes);
		tsn_buf_slice(&w->bytes, s);
		TSN_TRY(tsn_buf_check(&w->bytes));
		code = dict_intern(w->job->dict, w->bytes.ptr, w->bytes.len);
		if (code == UINT32_MAX)
			return TSN_ENOMEM;
		j->v[i] = code;
	}
	bin_add_u8(out, COLUMN_SHARED);
	return column_put_ints(out, j->v, j->n, j->v + j->n);
}

/* Texts of one gap of one pattern, in the order of rows: a column of their own. */
static enum tsn_code
put_gap(struct derive_work *w, const struct gap_job *j, struct tsn_buf *out)
{
	struct column_info info;
	struct column c;
	enum tsn_code rc = TSN_OK;
	uint64_t total = 0;
	char scratch[24];

	for (uint32_t i = 0; i < j->n; i++)
		total += gap_text(w, j, i, scratch).len;
	if (total / j->n >= LONG_GAP_MIN && w->job->dict->bytes.len < LONG_GAPS_MAX)
		return put_long_gap(w, j, out);
	column_init(&c, false);
	c.local = true;
	for (uint32_t i = 0; i < j->n && rc == TSN_OK; i++) {
		struct tsn_slice s = gap_text(w, j, i, scratch);

		rc = column_add_text(&c, s.ptr, (uint32_t)s.len);
	}
	if (rc == TSN_OK)
		rc = column_flush(&c, out, j->v, &info);
	column_done(&c);
	return rc;
}

/* Rows by pattern: those of used[k] are order[first[k] .. first[k + 1]). */
static void
sort_rows(const struct derive_work *w, uint32_t *first, uint32_t *order)
{
	uint32_t sum = 0;

	for (uint32_t k = 0; k < w->used_count; k++) {
		first[k] = sum;
		sum += w->d->known[w->used[k]].rows;
	}
	for (uint32_t i = 0; i < w->row_count; i++)
		order[first[w->d->known[w->patterns[i]].local - 1]++] = i;
	for (uint32_t k = w->used_count; k > 0; k--)
		first[k] = first[k - 1];
	first[0] = 0;
}

static enum tsn_code
put_gaps(struct derive_work *w, uint64_t *v, struct tsn_buf *out)
{
	uint32_t *first = calloc((size_t)w->used_count + 1, sizeof *first);
	uint32_t *order = calloc((size_t)w->row_count + 1, sizeof *order);
	enum tsn_code rc = first == NULL || order == NULL ? TSN_ENOMEM : TSN_OK;

	if (rc == TSN_OK)
		sort_rows(w, first, order);
	for (uint32_t k = 0; k < w->used_count && rc == TSN_OK; k++)
		for (uint32_t g = 0; g < w->d->known[w->used[k]].p.gaps && rc == TSN_OK; g++)
			rc = put_gap(w, &(struct gap_job){order + first[k], first[k + 1] - first[k], g, v},
			    out);
	free(first);
	free(order);
	return rc;
}

static void
note_level(const struct derive_work *w)
{
	uint8_t level = 0;

	for (uint32_t k = 0; k < w->used_count; k++) {
		const struct derive_pattern *p = &w->d->known[w->used[k]].p;

		for (uint32_t i = 0; i < p->count; i++)
			if (derive_is_ref(&p->pieces[i]) &&
			    w->job->levels[p->pieces[i].column] > level)
				level = w->job->levels[p->pieces[i].column];
	}
	w->job->levels[w->job->target] = (uint8_t)(level + 1);
}

static enum tsn_code
put(struct derive_work *w, struct tsn_buf *out)
{
	uint64_t *v = reallocarray(NULL, (size_t)w->row_count + 1, 3 * sizeof *v);
	enum tsn_code rc;

	if (v == NULL)
		return TSN_ENOMEM;
	bin_add_u8(out, COLUMN_DERIVED);
	bin_add_var(out, w->used_count);
	for (uint32_t k = 0; k < w->used_count; k++) {
		struct tsn_slice s = w->d->known[w->used[k]].bytes;
		uint32_t code;

		w->d->known[w->used[k]].stored = true;
		code = dict_intern(w->job->dict, s.ptr, s.len);

		if (code == UINT32_MAX) {
			free(v);
			return TSN_ENOMEM;
		}
		bin_add_var(out, code);
	}
	note_level(w);
	for (uint32_t i = 0; i < w->row_count; i++)
		v[i] = w->d->known[w->patterns[i]].local - 1;
	rc = column_put_ints(out, v, w->row_count, v + w->row_count);
	if (rc == TSN_OK)
		rc = put_gaps(w, v, out);
	free(v);
	return rc == TSN_OK ? tsn_buf_check(out) : rc;
}

static enum tsn_code
whole_pattern(struct derive_work *w)
{
	static const char bytes[] = {0, DERIVE_GAP, 0, DERIVE_END};
	bool is_new;

	return pattern_intern(w->d, (struct tsn_slice){bytes, sizeof bytes}, w->job->rows->column_count,
	    &w->whole, &is_new);
}

static bool
prepare(struct derive_work *w)
{
	uint32_t columns = w->job->rows->column_count, n = w->target->n;

	w->cursor = calloc((size_t)columns + 1, 3 * sizeof *w->cursor);
	w->patterns = calloc((size_t)n + 2, 3 * sizeof *w->patterns);
	w->cands = pattern_cands();
	w->seen = calloc((size_t)w->target->dict.count + 1, sizeof *w->seen);
	w->gaps_seen = calloc((size_t)1 << SEEN_BITS, sizeof *w->gaps_seen);
	tsn_buf_init(&w->bytes, DERIVE_BYTES_MAX);
	if (w->cursor == NULL || w->patterns == NULL || w->cands == NULL || w->seen == NULL ||
	    w->gaps_seen == NULL)
		return false;
	w->stamp = w->cursor + columns + 1;
	w->at = w->stamp + columns + 1;
	w->gap_first = w->patterns + n + 2;
	w->used = w->gap_first + n + 2;
	return whole_pattern(w) == TSN_OK;
}

static void
plan_rest(struct deriver *d, bool paid)
{
	if (paid)
		d->rest_next = 0;
	else
		d->rest_next = d->rest_next == 0 ? REST_FIRST : d->rest_next * 2;
	if (d->rest_next > REST_MAX)
		d->rest_next = REST_MAX;
	d->rest = d->rest_next;
}

enum tsn_code
derive_block(struct deriver *d, const struct derive_job *job, struct tsn_buf *out,
    bool *ret_pays)
{
	struct derive_work w = {.d = d, .job = job, .target = job->columns[job->target]};
	size_t before = out->len;
	enum tsn_code rc;

	*ret_pays = false;
	if (d->rest > 0) {
		d->rest--;
		return TSN_OK;
	}
	rc = prepare(&w) ? take_rows(&w, ret_pays) : TSN_ENOMEM;
	if (rc == TSN_OK && *ret_pays)
		rc = drop_patterns(&w);
	if (rc == TSN_OK && *ret_pays)
		rc = put(&w, out);
	if (rc == TSN_OK)
		plan_rest(d, *ret_pays);
	if (rc != TSN_OK || !*ret_pays)
		out->len = before;
	for (uint32_t i = 0; i < w.used_count; i++)
		clear_block(&d->known[w.used[i]]);
	free(w.cursor);
	free(w.patterns);
	free(w.gaps);
	free(w.cands);
	free(w.seen);
	free(w.gaps_seen);
	tsn_buf_done(&w.bytes);
	return rc;
}
