/* The state of correlations to bytes. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "detect/save_int.h"

struct saving {
	struct tsn_buf *out;
	uint32_t unders;		/* numbered so far */
};

/* Those under it first, so that a reader knows them. */
static void
save_under(struct saving *v, const struct tsn_detect *d, struct under *u, uint32_t depth)
{
	if (u == NULL || u->number != 0 || depth > CHAIN_MAX)
		return;
	for (uint32_t i = 0; i < u->kid_count; i++)
		save_under(v, d, u->kids[i], depth + 1);
	save_u32(v->out, (uint32_t)(u->owner - d->corr.states));
	save_u32(v->out, u->kid_count);
	save_u32(v->out, u->id_count);
	save_u64(v->out, u->count);
	save_u64(v->out, (uint64_t)u->first_ns);
	save_u64(v->out, (uint64_t)u->last_ns);
	for (uint32_t i = 0; i < u->kid_count; i++)
		save_u32(v->out, u->kids[i]->number);
	for (uint32_t i = 0; i < u->id_count; i++) {
		save_u64(v->out, u->ids[i][0]);
		save_u64(v->out, u->ids[i][1]);
	}
	u->number = ++v->unders;
}

static void
clear_under(struct under *u, uint32_t depth)
{
	if (u == NULL || u->number == 0 || depth > CHAIN_MAX)
		return;
	u->number = 0;
	for (uint32_t i = 0; i < u->kid_count; i++)
		clear_under(u->kids[i], depth + 1);
}

/* Numbers, or forgets the numbers of, all windows under others. */
static void
each_under(struct saving *v, const struct tsn_detect *d)
{
	for (uint32_t k = 0; k < d->set->corr_count; k++) {
		for (struct group *g = d->corr.states[k].oldest; g != NULL; g = g->newer) {
			if (v != NULL)
				save_under(v, d, g->under, 0);
			else
				clear_under(g->under, 0);
			for (uint32_t i = 0; g->unders != NULL && i < g->count; i++) {
				if (v != NULL)
					save_under(v, d, g->unders[g->head + i], 0);
				else
					clear_under(g->unders[g->head + i], 0);
			}
		}
	}
}

static void
save_own(struct tsn_buf *b, const struct corr_def *def, const struct group *g)
{
	if (def->ordered) {
		for (uint32_t i = 0; i <= def->c->rule_count; i++)
			save_u64(b, (uint64_t)g->best[i]);
		return;
	}
	save_u32(b, g->seen->count);
	for (uint32_t i = 0; i <= g->seen->mask; i++)
		if (g->seen->list[i] != 0)
			save_u64(b, g->seen->list[i]);
}

static void
save_group(struct tsn_buf *b, const struct corr_def *def, const struct group *g)
{
	bool own = g->best != NULL && (def->ordered || def->c->type == TSN_CORR_FIRST_SEEN);

	save_u32(b, g->key_len);
	tsn_buf_add(b, g->key, g->key_len);
	save_u32(b, (g->fired ? SAVE_FIRED : 0) | (g->armed ? SAVE_ARMED : 0) |
	    (g->excepted ? SAVE_EXCEPTED : 0) | (g->timer != 0 ? SAVE_TIMER : 0) |
	    (own ? SAVE_OWN : 0));
	save_u64(b, (uint64_t)g->last_ns);
	save_u64(b, (uint64_t)g->start_ns);
	save_u64(b, (uint64_t)g->done_ns);
	save_u64(b, g->told);
	save_u64(b, g->weight);
	save_f64(b, g->sum);
	save_u32(b, g->under == NULL ? 0 : g->under->number);
	if (own)
		save_own(b, def, g);
	save_u32(b, g->count);
	for (uint32_t i = g->head; i < g->head + g->count; i++) {
		const struct entry_hit *e = &g->entries[i];

		save_u64(b, (uint64_t)e->time_ns);
		save_u64(b, e->id[0]);
		save_u64(b, e->id[1]);
		if (def->sums)
			save_f64(b, e->number);
		else
			save_u64(b, e->value);
		save_u32(b, e->place);
		save_u32(b, e->weight);
		if (def->over)
			save_u32(b, g->unders[i] == NULL ? 0 : g->unders[i]->number);
	}
}

/* Puts a number in its place once it is known. */
static void
patch(struct tsn_buf *b, size_t at, const void *bytes, size_t len)
{
	if (tsn_buf_check(b) == TSN_OK)
		memcpy(b->ptr + at, bytes, len);
}

static void
save_corr(struct tsn_buf *b, const struct corr_state *s)
{
	const struct tsn_detect_corr_stats *t = &s->stats;
	const uint64_t counters[SAVE_COUNTERS] = {t->hits, t->late, t->late_dropped, t->duplicates,
	    t->evicted, t->entries_dropped};
	size_t at = b->len;
	uint64_t length;

	save_u64(b, 0);
	for (size_t i = 0; i < SAVE_COUNTERS; i++)
		save_u64(b, counters[i]);
	save_u32(b, s->group_count);
	for (const struct group *g = s->oldest; g != NULL; g = g->newer)
		save_group(b, s->def, g);
	length = htole64(b->len - at - 8);
	patch(b, at, &length, sizeof length);
}

static void
save_heads(struct tsn_buf *b, const struct tsn_detect *d)
{
	const struct corr_engine *e = &d->corr;

	save_u64(b, (uint64_t)e->now_ns);
	save_u32(b, e->source_count);
	for (uint32_t i = 0; i < e->source_count; i++) {
		save_u64(b, e->sources[i].name);
		save_u64(b, (uint64_t)e->sources[i].newest_ns);
		save_u64(b, (uint64_t)e->sources[i].skew_ns);
	}
	save_u32(b, d->set->corr_count);
	for (uint32_t i = 0; i < d->set->corr_count; i++) {
		save_u64(b, d->set->corrs[i].print[0]);
		save_u64(b, d->set->corrs[i].print[1]);
	}
}

enum tsn_code
tsn_detect_save(const struct tsn_detect *d, struct tsn_buf *out)
{
	struct saving v = {.out = out};
	size_t begin = out->len, at;
	uint64_t length;
	uint32_t count;

	tsn_buf_add(out, SAVE_MAGIC, 8);
	save_u64(out, 0);
	save_heads(out, d);
	at = out->len;
	save_u32(out, 0);
	each_under(&v, d);
	count = htole32(v.unders);
	patch(out, at, &count, sizeof count);
	for (uint32_t i = 0; i < d->set->corr_count; i++)
		save_corr(out, &d->corr.states[i]);
	each_under(NULL, d);
	length = htole64(out->len - begin - 16);
	patch(out, begin + 8, &length, sizeof length);
	if (tsn_buf_check(out) == TSN_OK)
		save_u64(out, XXH3_64bits(out->ptr + begin, out->len - begin));
	return tsn_buf_check(out);
}
