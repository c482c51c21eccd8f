/*
 * Looks the values of one event up in the index of its plan; what is found wakes units.
 */
#include "detect/corr_int.h"

/* A field is tried with so many values, and left alone for so many when they do not come again. */
#define FOUND_TRIAL 128
#define FOUND_PAUSE 4096
#define FOUND_SCORE_MAX 1024

static bool
inside(struct tsn_slice s, struct tsn_slice outer)
{
	return s.ptr >= outer.ptr && s.ptr + s.len <= outer.ptr + outer.len;
}

static bool
has_text(const struct tsn_field *f)
{
	return f->type != TSN_T_NULL && f->type < TSN_T_OBJECT;
}

/* The index found the atom, or what it may be true by. */
static void
found(struct tsn_detect *d, uint32_t atom)
{
	const struct atom_hot *hot = &d->plan->hot[atom];
	const uint32_t *wakes = d->plan->wakes + hot->wakes;

	if (d->record != NULL && d->record->count < FOUND_ATOMS_MAX)
		d->record->atoms[d->record->count++] = atom;
	else if (d->record != NULL)
		d->record = NULL;
	if (d->atom_state[atom] >> 1 == d->epoch)
		return;
	d->atom_state[atom] = d->epoch << 1 |
	    (hot->exact || tsn_run_test(d, &d->plan->atoms[atom]));
	if (!(d->atom_state[atom] & 1))
		return;
	for (uint32_t i = 0; i < hot->wake_count; i++)
		d->awake[wakes[i] / 64] |= 1ull << wakes[i] % 64;
}

static void
look_ends(struct tsn_detect *d, const struct slot_index *si, struct tsn_slice t)
{
	uint64_t head = 0, tail = 0;
	size_t have = t.len < 8 ? t.len : 8;

	memcpy(&head, t.ptr, have);
	memcpy((char *)&tail + 8 - have, t.ptr + t.len - have, have);
	for (unsigned n = 1; n <= have; n++) {
		const struct entry *e;
		uint32_t count = 0;

		if (si->suffix_lens >> n & 1) {
			e = table_find(&si->suffix, tail >> (64 - 8 * n), &count);
			for (uint32_t i = 0; i < count; i++)
				if (tsn_slice_ends(t, e[i].literal))
					found(d, e[i].atom);
		}
		if (si->prefix_lens >> n & 1) {
			e = table_find(&si->prefix, head & (UINT64_MAX >> (64 - 8 * n)), &count);
			for (uint32_t i = 0; i < count; i++)
				if (tsn_slice_starts(t, e[i].literal))
					found(d, e[i].atom);
		}
	}
}

/* The literal is folded.  What stands in raw text but for the case of letters does so folded. */
static inline bool
stands_at(const char *p, struct tsn_slice literal, bool raw)
{
	if (!raw)
		return memcmp(p, literal.ptr, literal.len) == 0;
	for (size_t i = 0; i < literal.len; i++)
		if (tsn_lower(p[i]) != literal.ptr[i])
			return false;
	return true;
}

static void
look_gram(struct tsn_detect *d, const struct grams *g, struct tsn_slice t, bool raw, size_t at,
    uint32_t gram)
{
	uint32_t count;
	const struct entry *e = table_find(&g->table, gram, &count);

	for (uint32_t i = 0; i < count; i++)
		if (at >= e[i].offset && t.len - (at - e[i].offset) >= e[i].literal.len &&
		    stands_at(t.ptr + (at - e[i].offset), e[i].literal, raw))
			found(d, e[i].atom);
}

static inline bool
has_bit(const uint64_t *bits, uint32_t bit)
{
	return bits[bit / 64] >> bit % 64 & 1;
}

/* The bytes from `from` on, of which there are seven at most, lowest first. */
static inline uint64_t
last_bytes(struct tsn_slice t, size_t from)
{
	uint64_t v = 0;

	if (from == t.len)
		return 0;
	if (TSN_LIKELY(t.len >= 8))
		return tsn_hash_read64(t.ptr + t.len - 8) >> (64 - 8 * (t.len - from));
	if (t.len >= 4)
		v = tsn_hash_read32(t.ptr) | tsn_hash_read32(t.ptr + t.len - 4) << 8 * (t.len - 4);
	for (size_t i = 0; t.len < 4 && i < t.len; i++)
		v |= (uint64_t)(unsigned char)t.ptr[i] << 8 * i;
	return v >> 8 * from;
}

/* Four places at a time, which begin in seven bytes: mostly none of them is in the set. */
static inline __attribute__((always_inline)) uint64_t
look_each(struct tsn_detect *d, const struct grams *g, struct tsn_slice t, bool raw,
    uint32_t width, uint32_t shift)
{
	const uint64_t *bits = g->bits;
	uint32_t cut = 32 - 8 * width;
	uint64_t high = 0, last;
	size_t i = 0;

	for (; i + 8 <= t.len; i += 4) {
		uint64_t eight = tsn_hash_read64(t.ptr + i) | (uint64_t)GRAM_CASE << 32 | GRAM_CASE;
		uint32_t g0 = (uint32_t)eight << cut, g1 = (uint32_t)(eight >> 8) << cut;
		uint32_t g2 = (uint32_t)(eight >> 16) << cut, g3 = (uint32_t)(eight >> 24) << cut;
		bool in0 = has_bit(bits, gram_hash(g0) >> shift);
		bool in1 = has_bit(bits, gram_hash(g1) >> shift);
		bool in2 = has_bit(bits, gram_hash(g2) >> shift);
		bool in3 = has_bit(bits, gram_hash(g3) >> shift);

		high |= eight;
		if (TSN_LIKELY(!(in0 | in1 | in2 | in3)))
			continue;
		if (in0)
			look_gram(d, g, t, raw, i, g0);
		if (in1)
			look_gram(d, g, t, raw, i + 1, g1);
		if (in2)
			look_gram(d, g, t, raw, i + 2, g2);
		if (in3)
			look_gram(d, g, t, raw, i + 3, g3);
	}
	last = last_bytes(t, i);
	high |= last;
	for (last |= (uint64_t)GRAM_CASE << 32 | GRAM_CASE; i + width <= t.len; i++, last >>= 8) {
		uint32_t gram = (uint32_t)last << cut;

		if (has_bit(bits, gram_hash(gram) >> shift))
			look_gram(d, g, t, raw, i, gram);
	}
	return high;
}

/* Places a step apart, eight bytes at most. */
static inline __attribute__((always_inline)) uint64_t
look_steps(struct tsn_detect *d, const struct grams *g, struct tsn_slice t, bool raw,
    uint32_t shift)
{
	const uint64_t *bits = g->bits;
	uint64_t high = 0;
	size_t i = 0;

	for (; i + 8 <= t.len; i += g->step) {
		uint64_t eight = tsn_hash_read64(t.ptr + i);
		uint32_t gram = (uint32_t)eight | GRAM_CASE;

		high |= eight;
		if (TSN_UNLIKELY(has_bit(bits, gram_hash(gram) >> shift)))
			look_gram(d, g, t, raw, i, gram);
	}
	for (; i + GRAM_MAX <= t.len; i += g->step) {
		uint32_t gram = gram_at(t, i, GRAM_MAX);

		if (TSN_UNLIKELY(has_bit(bits, gram_hash(gram) >> shift)))
			look_gram(d, g, t, raw, i, gram);
	}
	return high | last_bytes(t, t.len < 8 ? 0 : t.len - 7);
}

static uint64_t
look_small(struct tsn_detect *d, const struct grams *g, struct tsn_slice t, bool raw)
{
	if (g->shift != GRAM_SHIFT_SMALL)
		return look_each(d, g, t, raw, g->width, g->shift);
	return g->width == 2 ? look_each(d, g, t, raw, 2, GRAM_SHIFT_SMALL) :
	    look_each(d, g, t, raw, 3, GRAM_SHIFT_SMALL);
}

/*
 * The shapes a set can have, known when this is compiled: shifting by a variable costs more.
 * The OR of all bytes of the text, which is at least as long as the shortest literal.
 */
static uint64_t
look_grams(struct tsn_detect *d, const struct grams *g, struct tsn_slice t, bool raw)
{
	if (g->step > 1 && g->shift == GRAM_SHIFT_SMALL)
		return look_steps(d, g, t, raw, GRAM_SHIFT_SMALL);
	if (g->step > 1)
		return look_steps(d, g, t, raw, g->shift);
	if (g->width < GRAM_MAX)
		return look_small(d, g, t, raw);
	if (g->shift == GRAM_SHIFT_SMALL)
		return look_each(d, g, t, raw, GRAM_MAX, GRAM_SHIFT_SMALL);
	if (g->shift == GRAM_SHIFT_MIDDLE)
		return look_each(d, g, t, raw, GRAM_MAX, GRAM_SHIFT_MIDDLE);
	return look_each(d, g, t, raw, GRAM_MAX, GRAM_SHIFT_LARGE);
}

/* Pairs that begin beyond ASCII: few texts have any. */
static void
look_wide(struct tsn_detect *d, const struct grams *g, struct tsn_slice t)
{
	for (size_t i = 0; i + 2 <= t.len; i++) {
		uint16_t pair;
		uint32_t bit;

		if ((unsigned char)t.ptr[i] < 0x80)
			continue;
		memcpy(&pair, t.ptr + i, 2);
		bit = gram_hash(pair) >> g->shift;
		if (g->bits[bit / 64] >> bit % 64 & 1)
			look_gram(d, g, t, false, i, pair);
	}
}

static void
look_text(struct tsn_detect *d, const struct slot_index *si, struct tsn_value *v)
{
	struct tsn_slice t = tsn_value_fold(v, &d->scratch);
	const struct entry *e;
	uint32_t count;

	if (si->eq_lens >> (t.len < 63 ? t.len : 63) & 1) {
		e = table_find(&si->eq, tsn_hash_slice(t, 0), &count);
		for (uint32_t i = 0; i < count; i++)
			if (tsn_slice_eq(t, e[i].literal))
				found(d, e[i].atom);
	}
	if (t.len > 0 && (si->suffix_lens | si->prefix_lens) != 0)
		look_ends(d, si, t);
	if (t.len >= si->grams.least)
		(void)look_grams(d, &si->grams, t, false);
	if (t.len >= si->small.least)
		(void)look_grams(d, &si->small, t, false);
	if (!v->ascii && si->wide.bits != NULL)
		look_wide(d, &si->wide, t);
}

static void
look_value(struct tsn_detect *d, const struct slot_index *si, const struct tsn_field *f,
    struct tsn_value *v)
{
	if (has_text(f))
		look_text(d, si, v);
	for (uint32_t j = si->pair_count; j < si->direct_count; j++)
		if (tsn_run_test_value(d, &d->plan->atoms[si->direct[j]], f, v))
			found(d, si->direct[j]);
}

/* Looks a value up, or remembers what was found in it the last time. */
static void
look_again(struct tsn_detect *d, uint32_t slot, const struct tsn_field *f, struct tsn_value *v)
{
	const struct slot_index *si = &d->plan->slots[slot];
	int16_t *score = &d->found_score[f->key % FOUND_SCORES];
	struct found_memo *m;
	uint64_t hash;

	if (*score < 0 || v->raw.len > FOUND_BYTES_MAX || v->raw.len < 4) {
		*score = (int16_t)(*score < 0 ? *score + 1 : *score);
		look_value(d, si, f, v);
		return;
	}
	hash = tsn_hash_slice(v->raw, d->seed ^ d->plan->number << 32 ^ slot) | 1;
	m = &d->found_memo[(hash >> 32) % FOUND_SIZE];
	if (m->hash == hash && m->slot == slot && m->type == f->type && m->len == v->raw.len &&
	    memcmp(m->bytes, v->raw.ptr, m->len) == 0) {
		*score = (int16_t)(*score < FOUND_SCORE_MAX ? *score + 3 : *score);
		for (uint32_t i = 0; i < m->count; i++)
			found(d, m->atoms[i]);
		return;
	}
	/* One hit pays for three misses. */
	*score = (int16_t)(*score == 0 ? FOUND_TRIAL : *score == 1 ? -FOUND_PAUSE : *score - 1);
	m->hash = 0;
	m->count = 0;
	d->record = m;
	look_value(d, si, f, v);
	if (d->record == NULL)
		return;
	d->record = NULL;
	m->hash = hash;
	m->slot = slot;
	m->type = f->type;
	m->len = (uint16_t)v->raw.len;
	memcpy(m->bytes, v->raw.ptr, v->raw.len);
}

void
tsn_look_slots(struct tsn_detect *d)
{
	for (uint32_t i = 0; i < d->touched_count; i++) {
		uint32_t slot = d->touched[i];
		const struct slot_index *si = &d->plan->slots[slot];

		if (!si->any)
			continue;
		for (uint32_t n = d->slot_head[slot]; n != 0; n = d->next[n - 1])
			look_again(d, slot, &d->event->fields[n - 1], &d->values[n - 1]);
		for (uint32_t j = 0; j < si->pair_count; j++)
			found(d, si->direct[j]);
	}
}

static __attribute__((noinline)) void
look_folded(struct tsn_detect *d, const struct slot_index *si, struct tsn_slice t)
{
	struct tsn_value v = {.raw = t};

	look_text(d, si, &v);
}

/* One text among all of the record: mostly nothing stands in it, and it need not be folded. */
static inline void
look_among(struct tsn_detect *d, const struct slot_index *si, struct tsn_slice t)
{
	uint64_t all = 0;
	bool over = false;

	/* folding makes three bytes of two at most */
	if (t.len + t.len / 2 < si->least)
		return;
	if (t.len >= si->grams.least) {
		all = look_grams(d, &si->grams, t, true);
		over = true;
	}
	if (t.len >= si->small.least) {
		all = look_grams(d, &si->small, t, true);
		over = true;
	}
	if (TSN_UNLIKELY(over ? (all & 0x8080808080808080ull) != 0 : !tsn_slice_is_ascii(t)))
		look_folded(d, si, t);
}

/* Texts of the record that were looked at: copies of them and parts of the longest need not be. */
#define SEEN 32u
struct seen {
	const char *ptr[SEEN];
	size_t len[SEEN];
	struct tsn_slice longest;
};

static bool
was_seen(struct seen *seen, struct tsn_slice t)
{
	size_t at = (uintptr_t)t.ptr / 4 % SEEN;

	if (inside(t, seen->longest) || (seen->ptr[at] == t.ptr && seen->len[at] >= t.len))
		return true;
	seen->ptr[at] = t.ptr;
	seen->len[at] = t.len;
	if (t.len > seen->longest.len)
		seen->longest = t;
	return false;
}

/* Keywords: every text of the record, each stretch of its bytes once. */
void
tsn_look_record(struct tsn_detect *d)
{
	const struct slot_index *si = &d->plan->slots[SLOT_NONE];
	const struct tsn_event *ev = d->event;
	struct seen seen;

	memset(&seen, 0, sizeof seen);
	if (tsn_atom_original_is_text(ev->original) && !was_seen(&seen, ev->original))
		look_among(d, si, ev->original);
	for (uint32_t i = 0; i < ev->field_count; i++) {
		const struct tsn_field *f = &ev->fields[i];
		struct tsn_slice t = {f->ptr, f->len};

		if (tsn_atom_searches(f) && !was_seen(&seen, t))
			look_among(d, si, t);
	}
	for (uint32_t j = 0; j < si->direct_count; j++)
		found(d, si->direct[j]);
}
