/*
 * Counts of values of one field, added up over segments: whoever asks for them gets each value once
 * and not once for each segment that has it.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "store/tally_int.h"

#define SUMS_FIRST 1024u
/* More different values than this are handed over in between. */
#define SUMS_MAX (1u << 17)
#define SUM_BYTES_MAX (16u << 20)

struct tally_sum {
	struct tally_kind kind;
	const char *text;
	uint64_t hash, count;		/* count 0: free */
	uint32_t len;
};

void
tally_sums_done(struct tally *t)
{
	free(t->sums);
	t->sums = NULL;
	t->sum_slots = t->sum_count = 0;
	tsn_arena_done(&t->sum_arena);
}

static bool
same(const struct tally_sum *s, const struct tally_kind *kind, uint64_t hash,
    struct tsn_slice text)
{
	return s->hash == hash && s->len == text.len && s->kind.key == kind->key &&
	    s->kind.type == kind->type && s->kind.flags == kind->flags &&
	    s->kind.number == kind->number &&
	    (text.len == 0 || memcmp(s->text, text.ptr, text.len) == 0);
}

static bool
more_slots(struct tally *t)
{
	uint32_t slots = t->sum_slots == 0 ? SUMS_FIRST : t->sum_slots * 2;
	struct tally_sum *sums = calloc(slots, sizeof *sums);

	if (sums == NULL)
		return false;
	for (uint32_t i = 0; i < t->sum_slots; i++) {
		uint64_t at = t->sums[i].hash;

		if (t->sums[i].count == 0)
			continue;
		while (sums[at & (slots - 1)].count != 0)
			at++;
		sums[at & (slots - 1)] = t->sums[i];
	}
	free(t->sums);
	t->sums = sums;
	t->sum_slots = slots;
	return true;
}

static enum tsn_code
give_sum(struct tally *t, const struct tally_sum *s, struct tsn_err *err)
{
	struct tsn_batch *b = &t->batch;
	struct tsn_field *f = tsn_arena_alloc(&b->arena, sizeof *f);
	struct tsn_slice text = tsn_arena_dup(&b->arena, (struct tsn_slice){s->text, s->len});

	if (f == NULL || text.ptr == NULL)
		return TSN_ENOMEM;
	*f = (struct tsn_field){.key = s->kind.key, .type = s->kind.type, .flags = s->kind.flags,
	    .ptr = text.ptr, .len = s->len};
	if (s->kind.number && !tmpl_num_of_text(f->type, text, &f->num.u)) {
		t->misfits++;
		return TSN_OK;
	}
	b->events[b->count] = (struct tsn_event){.time_ns = t->sum_time_ns,
	    .created_ns = t->sum_time_ns, .repeat = 1, .dataset = {"", 0}, .fields = f,
	    .field_count = 1, .source = t->sum_source};
	t->counts[b->count++] = s->count;
	return tsn_batch_full(b) ? tally_give(t, err) : TSN_OK;
}

enum tsn_code
tally_sums_give(struct tally *t, struct tsn_err *err)
{
	enum tsn_code rc = TSN_OK;

	if (t->sum_count == 0)
		return TSN_OK;
	for (uint32_t i = 0; i < t->sum_slots && rc == TSN_OK; i++)
		if (t->sums[i].count != 0)
			rc = give_sum(t, &t->sums[i], err);
	if (rc == TSN_OK)
		rc = tally_give(t, err);
	tally_sums_done(t);
	return rc;
}

enum tsn_code
tally_sum(struct tally *t, const struct tally_kind *kind, struct tsn_slice text, uint64_t count,
    struct tsn_err *err)
{
	uint64_t hash = tsn_hash_slice(text, kind->key), at;
	struct tsn_slice kept;

	if (t->sum_count == 0)
		tsn_arena_init(&t->sum_arena, 2 * (size_t)SUM_BYTES_MAX);
	if (t->sum_count >= SUMS_MAX || t->sum_arena.held > SUM_BYTES_MAX) {
		TSN_TRY(tally_sums_give(t, err));
		tsn_arena_init(&t->sum_arena, 2 * (size_t)SUM_BYTES_MAX);
	}
	if (t->sum_count >= t->sum_slots / 2 && !more_slots(t))
		return TSN_ENOMEM;
	for (at = hash; t->sums[at & (t->sum_slots - 1)].count != 0; at++) {
		struct tally_sum *s = &t->sums[at & (t->sum_slots - 1)];

		if (same(s, kind, hash, text)) {
			s->count += count;
			return TSN_OK;
		}
	}
	kept = tsn_arena_dup(&t->sum_arena, text);
	if (kept.ptr == NULL)
		return TSN_ENOMEM;
	t->sums[at & (t->sum_slots - 1)] = (struct tally_sum){*kind, kept.ptr, hash, count,
	    (uint32_t)text.len};
	t->sum_count++;
	return TSN_OK;
}
