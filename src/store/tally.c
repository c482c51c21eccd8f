#include "store/tally_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/time.h"

#define BATCH_ROWS 1024u
/* Slots that the wanted fields of one template may be made of; more: rows one by one. */
#define PARTS_MAX 12u
/* In front of them in the key of a kind of rows: template, span of time, source. */
#define KEY_HEAD 3u
#define KEY_WORDS (KEY_HEAD + PARTS_MAX)

/* A column that is walked through, and how far. */
struct walk {
	const struct values *values;
	uint32_t column, at;
};

struct step {
	uint32_t walk;
	uint32_t slot;			/* UINT32_MAX: passed over */
};

struct form {				/* a template, for this block */
	struct step *steps;
	uint32_t step_count, width;	/* width: words of its keys */
	bool folds, source;
};

struct kind {
	uint64_t count;
	uint64_t key[KEY_WORDS];
	uint32_t next;			/* with the same hash + 1 */
	uint32_t width;
	int64_t time_ns;
};

struct work {
	struct tally *t;
	struct block *b;
	struct tsn_arena arena;
	struct form *forms;		/* by template */
	struct walk *walks;
	uint32_t walk_count;
	uint32_t *walk_of;		/* by column + 1; 0 none */
	struct kind *kinds;
	uint32_t kind_count, kind_cap;
	uint32_t *heads;
	uint32_t head_mask;
	struct tsn_err *err;
};

enum tsn_code
tally_refresh(struct tally *t)
{
	uint32_t n = tsn_keys_count(t->keys);

	if (t->wanted != NULL && t->projection.key_count == n)
		return TSN_OK;
	free(t->wanted);
	t->wanted = calloc(n, sizeof *t->wanted);
	t->projection = (struct projection){t->wanted, 0};
	if (t->wanted == NULL)
		return TSN_ENOMEM;
	for (tsn_key k = 1; k < n; k++)
		for (uint32_t i = 0; i < t->scan->tally_field_count && !t->wanted[k]; i++)
			t->wanted[k] = tsn_keys_under(t->keys, k, t->scan->tally_fields[i]);
	t->projection.key_count = n;
	return TSN_OK;
}

enum tsn_code
tally_init(struct tally *t, const struct tsn_store_scan *scan, struct tsn_keys *keys)
{
	*t = (struct tally){.scan = scan, .keys = keys};
	TSN_TRY(tsn_batch_init(&t->batch, keys, BATCH_ROWS));
	t->counts = calloc(BATCH_ROWS, sizeof *t->counts);
	t->vals = calloc(TMPL_SLOTS_MAX, sizeof *t->vals);
	return t->counts == NULL || t->vals == NULL ? TSN_ENOMEM : TSN_OK;
}

void
tally_done(struct tally *t)
{
	if (t->scan == NULL)
		return;
	tally_sums_done(t);
	tsn_batch_done(&t->batch);
	free(t->counts);
	free(t->vals);
	free(t->wanted);
}

enum tsn_code
tally_give(struct tally *t, struct tsn_err *err)
{
	enum tsn_code rc = TSN_OK;

	if (t->batch.count > 0)
		rc = t->scan->tally(t->scan->ctx, &t->batch, t->counts, err);
	tsn_batch_reset(&t->batch);
	if (rc == TSN_OK && t->scan->canceled != NULL && t->scan->canceled(t->scan->ctx))
		rc = TSN_ERR(err, TSN_ECANCELED, "canceled");
	return rc;
}

enum tsn_code
tally_put(struct tally *t, const struct row *row, uint64_t count, struct tsn_err *err)
{
	enum tsn_code rc = unshape_some(row, &t->projection, &t->batch);

	if (rc == TSN_ELIMIT && t->batch.count > 0) {
		TSN_TRY(tally_give(t, err));
		rc = unshape_some(row, &t->projection, &t->batch);
	}
	if (rc == TSN_ECORRUPT) {
		t->misfits++;
		return TSN_OK;
	}
	if (rc != TSN_OK)
		return TSN_ENOMEM;
	t->counts[t->batch.count - 1] = count;
	return t->batch.count == BATCH_ROWS ? tally_give(t, err) : TSN_OK;
}

/* ---- what the templates of the segment ask for ---- */

bool
tally_folds(const struct tmpl *m, const struct projection *p, bool *ret_source)
{
	*ret_source = false;
	for (uint32_t i = 0; i < m->field_count; i++) {
		const struct tmpl_field *f = &m->fields[i];

		if (f->key == TSN_KEY_NONE || !projection_has(p, f->key))
			continue;
		if (f->from == FROM_PATH || f->from == FROM_ADDRESS)
			*ret_source = true;
		else if (f->from != FROM_CONST && f->from != FROM_SLOT && f->from != FROM_ESCAPED &&
		    f->from != FROM_SPAN && f->from != FROM_NUM)
			return false;
		if (f->type == TSN_T_TIME && (f->from == FROM_NUM || f->num_from == NUM_SLOT))
			return false;
		for (uint32_t e = f->elem[0]; f->from == FROM_SPAN && e < m->elem_count &&
		    e <= f->elem[1]; e++)
			if (m->elems[e].kind == ELEM_TIME)
				return false;
	}
	return true;
}

static enum tsn_code
add_walk(struct work *w, uint32_t column)
{
	if (w->walk_of[column] != 0)
		return TSN_OK;
	TSN_TRY(block_need_values(w->b, column));
	w->walks[w->walk_count++] = (struct walk){&w->b->values[column], column, 0};
	w->walk_of[column] = w->walk_count;
	return TSN_OK;
}

/* Which slots make the key of rows of this template; their columns are to be walked. */
static enum tsn_code
plan_form(struct work *w, uint32_t tmpl, bool *needs)
{
	const struct seg_tmpl *st = &w->b->seg->tmpls[tmpl];
	struct form *f = &w->forms[tmpl];
	uint32_t n = 0;

	f->folds = tally_folds(st->tmpl, &w->t->projection, &f->source);
	if (!f->folds)
		return TSN_OK;
	unshape_needs(st->tmpl, &w->t->projection, needs);
	if (st->tmpl->repeats)
		needs[st->tmpl->slot_count - 1] = false;	/* not a field */
	for (uint32_t k = 0; k < st->tmpl->slot_count; k++)
		n += needs[k];
	if (n > PARTS_MAX) {
		f->folds = false;
		return TSN_OK;
	}
	f->width = KEY_HEAD + n;
	if (n == 0)
		return TSN_OK;
	f->steps = tsn_arena_calloc(&w->arena, st->tmpl->slot_count, sizeof *f->steps);
	if (f->steps == NULL)
		return TSN_ENOMEM;
	for (uint32_t k = 0; k < st->tmpl->slot_count; k++)
		if (needs[k])
			TSN_TRY(add_walk(w, st->columns[k]));
	/* which slots count is noted here and made steps below, when all columns are known */
	for (uint32_t k = 0; k < st->tmpl->slot_count; k++)
		f->steps[k].slot = needs[k] ? k : UINT32_MAX;
	return TSN_OK;
}

/* All templates that have values in a walked column move its walk on. */
static enum tsn_code
plan_steps(struct work *w, uint32_t tmpl)
{
	const struct seg_tmpl *st = &w->b->seg->tmpls[tmpl];
	struct form *f = &w->forms[tmpl];
	struct step *steps = f->steps;
	uint32_t n = 0;

	for (uint32_t k = 0; k < st->tmpl->slot_count; k++)
		n += w->walk_of[st->columns[k]] != 0;
	if (n == 0)
		return TSN_OK;
	if (steps == NULL) {
		steps = tsn_arena_alloc(&w->arena, n * sizeof *steps);
		if (steps == NULL)
			return TSN_ENOMEM;
	}
	n = 0;
	for (uint32_t k = 0; k < st->tmpl->slot_count; k++)
		if (w->walk_of[st->columns[k]] != 0)
			steps[n++] = (struct step){w->walk_of[st->columns[k]] - 1,
			    f->steps != NULL ? f->steps[k].slot : UINT32_MAX};
	f->steps = steps;
	f->step_count = n;
	return TSN_OK;
}

static enum tsn_code
plan(struct work *w)
{
	const struct seg *seg = w->b->seg;
	bool *needs, *used;

	w->forms = tsn_arena_calloc(&w->arena, seg->tmpl_count + 1, sizeof *w->forms);
	w->walks = tsn_arena_calloc(&w->arena, seg->column_count + 1, sizeof *w->walks);
	w->walk_of = tsn_arena_calloc(&w->arena, seg->column_count + 1, sizeof *w->walk_of);
	needs = tsn_arena_alloc(&w->arena, TMPL_SLOTS_MAX * sizeof *needs);
	used = tsn_arena_calloc(&w->arena, seg->tmpl_count + 1, sizeof *used);
	if (w->forms == NULL || w->walks == NULL || w->walk_of == NULL || needs == NULL ||
	    used == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < w->b->dir->rows; i++)
		used[w->b->rows[SEG_COL_TMPL][i]] = true;
	for (uint32_t i = 0; i < seg->tmpl_count; i++)
		if (used[i])
			TSN_TRY(plan_form(w, i, needs));
	for (uint32_t i = 0; i < seg->tmpl_count; i++)
		if (used[i])
			TSN_TRY(plan_steps(w, i));
	return TSN_OK;
}

/* ---- kinds of rows ---- */

static uint64_t
hash_key(const uint64_t *key, uint32_t width)
{
	uint64_t h = 0;

	for (uint32_t i = 0; i < width; i++) {
		h = (h ^ key[i]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return h;
}

static enum tsn_code
more_heads(struct work *w)
{
	uint32_t cap = w->kind_cap == 0 ? 256 : w->kind_cap * 4;
	struct kind *kinds = reallocarray(w->kinds, cap, sizeof *kinds);
	uint32_t *heads;

	if (kinds == NULL)
		return TSN_ENOMEM;
	w->kinds = kinds;
	w->kind_cap = cap;
	heads = calloc((size_t)cap * 2, sizeof *heads);
	if (heads == NULL)
		return TSN_ENOMEM;
	free(w->heads);
	w->heads = heads;
	w->head_mask = cap * 2 - 1;
	for (uint32_t i = 0; i < w->kind_count; i++) {
		uint32_t at = (uint32_t)hash_key(kinds[i].key, kinds[i].width) & w->head_mask;

		kinds[i].next = heads[at];
		heads[at] = i + 1;
	}
	return TSN_OK;
}

static enum tsn_code
count_kind(struct work *w, const uint64_t *key, uint32_t width, int64_t time_ns)
{
	uint32_t at = (uint32_t)hash_key(key, width) & w->head_mask;

	for (uint32_t i = w->heads[at]; i != 0; i = w->kinds[i - 1].next) {
		struct kind *k = &w->kinds[i - 1];

		if (k->width == width && memcmp(k->key, key, width * sizeof *key) == 0) {
			k->count++;
			k->time_ns = time_ns;
			return TSN_OK;
		}
	}
	if (w->kind_count == w->kind_cap) {
		TSN_TRY(more_heads(w));
		at = (uint32_t)hash_key(key, width) & w->head_mask;
	}
	w->kinds[w->kind_count] = (struct kind){.count = 1, .next = w->heads[at], .width = width,
	    .time_ns = time_ns};
	memcpy(w->kinds[w->kind_count].key, key, width * sizeof *key);
	w->heads[at] = ++w->kind_count;
	return TSN_OK;
}

/* Every row moves the walks on; those that are wanted are counted. */
static enum tsn_code
walk_rows(struct work *w, uint32_t at, uint32_t end, const uint64_t *must)
{
	const struct block *b = w->b;
	const uint64_t *times = b->rows[SEG_COL_TIME];
	int64_t span = w->t->scan->tally_span_ns, time = b->dir->time_min;
	uint64_t key[KEY_WORDS] = {0};

	for (uint32_t i = 0; i < b->dir->rows; i++) {
		uint64_t tmpl = b->rows[SEG_COL_TMPL][i];
		const struct form *f = &w->forms[tmpl];
		bool wanted = f->folds && i >= at && i < end && (must[i / 64] >> (i % 64) & 1);
		uint32_t n = KEY_HEAD;

		for (uint32_t k = 0; k < f->step_count; k++) {
			struct walk *x = &w->walks[f->steps[k].walk];

			if (x->at == x->values->n)
				return TSN_ECORRUPT;
			if (wanted && f->steps[k].slot != UINT32_MAX)
				key[n++] = x->values->v[x->at];
			x->at++;
		}
		if (!wanted)
			continue;
		key[0] = tmpl;
		if (span > 0) {
			time = (int64_t)times[i];
			key[1] = (uint64_t)tsn_time_floor(time, span);
		}
		key[2] = f->source ? b->rows[SEG_COL_SOURCE][i] : 0;
		TSN_TRY(count_kind(w, key, n, time));
	}
	for (uint32_t i = 0; i < w->walk_count; i++)
		if (w->walks[i].at != w->walks[i].values->n)
			return TSN_ECORRUPT;
	return TSN_OK;
}

static enum tsn_code
build(struct work *w, const struct kind *k)
{
	const struct seg *seg = w->b->seg;
	const struct seg_tmpl *st = &seg->tmpls[k->key[0]];
	const struct form *f = &w->forms[k->key[0]];
	struct tally *t = w->t;
	char text[PARTS_MAX][24];
	struct row row = {.tmpl = st->tmpl, .source = seg->sources[k->key[2]],
	    .time_ns = k->time_ns, .vals = t->vals};
	uint32_t n = KEY_HEAD;

	for (uint32_t i = 0; i < st->tmpl->slot_count; i++)
		t->vals[i] = (struct val){"", 0, 0};
	for (uint32_t i = 0; i < f->step_count; i++) {
		struct val *v = &t->vals[f->steps[i].slot == UINT32_MAX ? 0 : f->steps[i].slot];
		struct values one;
		uint64_t code;
		struct tsn_slice s;

		if (f->steps[i].slot == UINT32_MAX)
			continue;
		one = *w->walks[f->steps[i].walk].values;
		code = k->key[n];
		one.v = &code;
		if (one.form == COLUMN_NUM) {
			*v = (struct val){NULL, code, 0};
		} else {
			s = values_text(&one, 0, text[n - KEY_HEAD]);
			*v = (struct val){s.ptr, 0, (uint32_t)s.len};
		}
		n++;
	}
	return tally_put(t, &row, k->count, w->err);
}

/* Nothing is asked of the rows: how many they are is all. */
static enum tsn_code
count_alone(struct tally *t, const struct block *b, uint64_t count, struct tsn_err *err)
{
	struct tsn_event *ev = &t->batch.events[0];

	*ev = (struct tsn_event){.time_ns = b->dir->time_max, .created_ns = b->dir->time_max,
	    .source = b->seg->source_count > 0 ? b->seg->sources[0] : NULL, .repeat = 1,
	    .dataset = {"", 0}};
	t->batch.count = 1;
	t->counts[0] = count;
	return tally_give(t, err);
}

static uint64_t
mask_word(uint32_t at, uint32_t end, uint32_t word)
{
	uint64_t mask = ~UINT64_C(0);

	if (word < at / 64 || word * 64 >= end)
		return 0;
	if (word == at / 64)
		mask &= ~UINT64_C(0) << (at % 64);
	if (end - word * 64 < 64)
		mask &= (UINT64_C(1) << (end % 64)) - 1;
	return mask;
}

static enum tsn_code
fold_rows(struct work *w, uint32_t at, uint32_t end, uint64_t *must, uint64_t *may)
{
	struct block *b = w->b;

	TSN_TRY(block_need_rows(b, SEG_COL_TMPL));
	TSN_TRY(block_need_rows(b, SEG_COL_SOURCE));
	if (w->t->scan->tally_span_ns > 0)
		TSN_TRY(block_need_rows(b, SEG_COL_TIME));
	TSN_TRY(plan(w));
	TSN_TRY(more_heads(w));
	TSN_TRY(walk_rows(w, at, end, must));
	for (uint32_t i = at; i < end; i++)
		if ((must[i / 64] >> (i % 64) & 1) && w->forms[b->rows[SEG_COL_TMPL][i]].folds) {
			must[i / 64] &= ~(UINT64_C(1) << (i % 64));
			may[i / 64] &= ~(UINT64_C(1) << (i % 64));
		}
	for (uint32_t i = 0; i < w->kind_count; i++)
		TSN_TRY(build(w, &w->kinds[i]));
	return tally_give(w->t, w->err);
}

enum tsn_code
tally_block(struct tally *t, struct block *b, uint32_t at, uint32_t end,
    uint64_t must[HINT_WORDS], uint64_t may[HINT_WORDS], struct tsn_err *err)
{
	struct work w = {.t = t, .b = b, .err = err};
	uint64_t count = 0;
	enum tsn_code rc;

	for (uint32_t i = 0; i < HINT_WORDS; i++)
		count += (unsigned)__builtin_popcountll(must[i] & mask_word(at, end, i));
	if (count == 0)
		return TSN_OK;
	if (t->scan->tally_field_count == 0 && t->scan->tally_span_ns == 0) {
		for (uint32_t i = 0; i < HINT_WORDS; i++) {
			may[i] &= ~(must[i] & mask_word(at, end, i));
			must[i] &= ~mask_word(at, end, i);
		}
		return count_alone(t, b, count, err);
	}
	TSN_TRY(tally_refresh(t));
	tsn_arena_init(&w.arena, 256u << 20);
	rc = fold_rows(&w, at, end, must, may);
	if (rc != TSN_OK)
		tsn_batch_reset(&t->batch);
	tsn_arena_done(&w.arena);
	free(w.kinds);
	free(w.heads);
	return rc;
}
