/*
 * Bytes of a snapshot to the state of correlations.  The hash keeps out what a disk did; what is
 * read is checked all the same, so that no bytes can make the engine read or write beyond itself.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stdlib.h>

#include "detect/map_int.h"
#include "detect/save_int.h"

#define NOT_HERE UINT32_MAX

struct resuming {
	struct tsn_detect *d;
	struct tsn_slice in;
	bool bad;			/* it ended too early */
	uint32_t *corr_of;		/* correlations of the snapshot: index in the engine, NOT_HERE */
	uint32_t corr_count;
	struct under **unders;
	uint32_t under_count;
};

static struct tsn_slice
take(struct resuming *r, size_t len)
{
	struct tsn_slice part = tsn_slice_of(r->in.ptr, len);

	if (len > r->in.len) {
		r->bad = true;
		r->in.len = 0;
		return TSN_SLICE("");
	}
	r->in = tsn_slice_from(r->in, len);
	return part;
}

static uint32_t
take_u32(struct resuming *r)
{
	struct tsn_slice s = take(r, 4);
	uint32_t v = 0;

	if (s.len == 4)
		memcpy(&v, s.ptr, 4);
	return le32toh(v);
}

static uint64_t
take_u64(struct resuming *r)
{
	struct tsn_slice s = take(r, 8);
	uint64_t v = 0;

	if (s.len == 8)
		memcpy(&v, s.ptr, 8);
	return le64toh(v);
}

/* A number of things of `size` bytes at least: no more than there are bytes for. */
static uint32_t
take_count(struct resuming *r, size_t size)
{
	uint32_t n = take_u32(r);

	if (n > r->in.len / size) {
		r->bad = true;
		r->in.len = 0;
		return 0;
	}
	return n;
}

static enum tsn_code
take_sources(struct resuming *r)
{
	struct corr_engine *e = &r->d->corr;
	uint32_t count = take_count(r, 24);

	if (!tsn_vec_room((void **)&e->sources, &e->source_cap, count + 1, sizeof *e->sources))
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		struct corr_source *s = &e->sources[i];

		*s = (struct corr_source){.id = REPLAY_SOURCE, .name = take_u64(r)};
		s->newest_ns = (int64_t)take_u64(r);
		s->skew_ns = (int64_t)take_u64(r);
		s->received_ns = time_minus(s->newest_ns, s->skew_ns);
	}
	e->source_count = count;
	return TSN_OK;
}

/* Which of its correlations are those of the engine. */
static enum tsn_code
take_prints(struct resuming *r)
{
	const struct set *set = r->d->set;
	struct map known = {0};
	bool ok = true;

	r->corr_count = take_count(r, 16);
	r->corr_of = calloc(r->corr_count + 1, sizeof *r->corr_of);
	for (uint32_t i = 0; i < set->corr_count && ok; i++)
		ok = tsn_map_put(&known, set->corrs[i].print[0], i);
	for (uint32_t i = 0; i < r->corr_count && ok && r->corr_of != NULL; i++) {
		uint64_t high = take_u64(r), low = take_u64(r);
		uint32_t at = 0, k;

		r->corr_of[i] = NOT_HERE;
		while (tsn_map_next(&known, high, &at, &k))
			if (set->corrs[k].print[1] == low && !r->d->corr.states[k].resumed) {
				r->corr_of[i] = k;
				r->d->corr.states[k].resumed = true;
				break;
			}
	}
	tsn_map_done(&known);
	return ok && r->corr_of != NULL ? TSN_OK : TSN_ENOMEM;
}

/*
 * Correlations that refer to each other are taken in together or not at all: what is read back
 * makes hits of all of them, or of none.
 */
static void
match_chains(struct tsn_detect *d)
{
	const struct set *set = d->set;
	bool again = true;

	while (again) {
		again = false;
		for (uint32_t k = 0; k < set->corr_count; k++) {
			const struct corr_def *def = &set->corrs[k];

			for (uint32_t i = set->corr_at[def->rule]; i < set->corr_at[def->rule + 1]; i++) {
				struct corr_state *a = &d->corr.states[k];
				struct corr_state *b = &d->corr.states[set->corr_uses[i].corr];

				again |= a->resumed != b->resumed;
				a->resumed = b->resumed = a->resumed && b->resumed;
			}
		}
	}
}

static struct under *
under_at(const struct resuming *r, uint32_t number)
{
	return number == 0 || number > r->under_count ? NULL : r->unders[number - 1];
}

static enum tsn_code
take_under(struct resuming *r, struct corr_state *owner, struct under **ret)
{
	struct under *u = owner == NULL ? NULL : tsn_under_new(owner);
	uint32_t kids = take_count(r, 4), ids = take_count(r, 16);
	uint64_t count = take_u64(r);
	int64_t first = (int64_t)take_u64(r), last = (int64_t)take_u64(r);

	if (owner != NULL && u == NULL)
		return TSN_ENOMEM;
	*ret = u;
	if (ids > TSN_FINDING_EVENTS_MAX)
		r->bad = true;
	for (uint32_t i = 0; i < kids && !r->bad; i++) {
		struct under *kid = under_at(r, take_u32(r));

		if (u != NULL && kid != NULL)
			TSN_TRY(tsn_under_add(u, &(struct entry_hit){.weight = 1}, kid));
	}
	for (uint32_t i = 0; i < ids && !r->bad; i++) {
		struct entry_hit e = {.weight = 1};

		e.id[0] = take_u64(r);
		e.id[1] = take_u64(r);
		if (u != NULL)
			TSN_TRY(tsn_under_add(u, &e, NULL));
	}
	if (u != NULL) {
		u->count = count;
		u->first_ns = first;
		u->last_ns = last;
	}
	return TSN_OK;
}

static enum tsn_code
take_unders(struct resuming *r)
{
	uint32_t count = take_count(r, 36);

	r->unders = calloc(count + 1, sizeof(struct under *));
	if (r->unders == NULL)
		return TSN_ENOMEM;
	while (r->under_count < count && !r->bad) {
		uint32_t corr = take_u32(r);
		uint32_t k = corr < r->corr_count ? r->corr_of[corr] : NOT_HERE;
		struct corr_state *owner = k == NOT_HERE || !r->d->corr.states[k].resumed ? NULL
		    : &r->d->corr.states[k];

		TSN_TRY(take_under(r, owner, &r->unders[r->under_count]));
		r->under_count++;
	}
	return TSN_OK;
}

static enum tsn_code
take_own(struct resuming *r, struct corr_state *s, struct group *g)
{
	const struct tsn_correlation *c = s->def->c;
	bool unseen;

	if (!s->def->ordered) {
		uint32_t count = take_count(r, 8);

		for (uint32_t i = 0; i < count && c->type == TSN_CORR_FIRST_SEEN; i++) {
			uint64_t value = take_u64(r);

			TSN_TRY(tsn_group_see(s, g, value == 0 ? 1 : value, &unseen));
		}
		return TSN_OK;
	}
	TSN_TRY(tsn_steps_init(s, g));
	for (uint32_t i = 0; i <= c->rule_count; i++)
		g->best[i] = (int64_t)take_u64(r);
	return TSN_OK;
}

static enum tsn_code
take_entries(struct resuming *r, struct corr_state *s, struct group *g)
{
	uint32_t count = take_count(r, 40);
	int64_t last_ns = g->last_ns;

	for (uint32_t i = 0; i < count && !r->bad; i++) {
		struct hit hit = {.time_ns = (int64_t)take_u64(r)};
		bool known, last;

		hit.id[0] = take_u64(r);
		hit.id[1] = take_u64(r);
		hit.value = take_u64(r);
		memcpy(&hit.number, &hit.value, sizeof hit.number);
		hit.place = take_u32(r);
		hit.weight = take_u32(r);
		hit.under = s->def->over ? under_at(r, take_u32(r)) : NULL;
		if (hit.place >= s->def->c->rule_count || (s->def->counts && hit.value == 0))
			r->bad = true;
		else
			TSN_TRY(tsn_group_add(s, g, &hit, &known, &last));
	}
	g->last_ns = last_ns;
	return TSN_OK;
}

/* As many values as the correlation is grouped by, and nothing behind them. */
static bool
key_is_sound(const struct tsn_correlation *c, struct tsn_slice key)
{
	for (uint32_t i = 0; i < c->group_count; i++) {
		uint32_t len;

		if (key.len < 4)
			return false;
		memcpy(&len, key.ptr, 4);
		if (len > key.len - 4)
			return false;
		key = tsn_slice_from(key, 4 + (size_t)len);
	}
	return key.len == 0;
}

static enum tsn_code
take_group(struct resuming *r, uint32_t corr, struct hit *key)
{
	struct tsn_detect *d = r->d;
	struct corr_state *s = &d->corr.states[corr];
	uint32_t key_len = take_u32(r), flags;
	struct tsn_slice text = take(r, key_len > HIT_KEY_MAX ? SIZE_MAX : key_len);
	struct group *g;
	uint64_t weight, bits;

	r->bad |= !key_is_sound(s->def->c, text);
	if (r->bad)
		return TSN_OK;
	key->key_len = (uint32_t)text.len;
	memcpy(key->key, text.ptr, text.len);
	key->key_hash = tsn_hash_bytes(key->key, key->key_len, d->seed);
	g = tsn_group_get(s, key);
	if (g == NULL)
		return TSN_ENOMEM;
	flags = take_u32(r);
	g->last_ns = (int64_t)take_u64(r);
	g->start_ns = (int64_t)take_u64(r);
	g->done_ns = (int64_t)take_u64(r);
	g->told = take_u64(r);
	weight = take_u64(r);
	bits = take_u64(r);
	g->fired = flags & SAVE_FIRED;
	g->armed = flags & SAVE_ARMED;
	g->excepted = flags & SAVE_EXCEPTED;
	tsn_under_drop(g->under);
	g->under = under_at(r, take_u32(r));
	if (g->under != NULL)
		g->under->refs++;
	if (flags & SAVE_OWN)
		TSN_TRY(take_own(r, s, g));
	TSN_TRY(take_entries(r, s, g));
	g->weight = weight;
	memcpy(&g->sum, &bits, sizeof g->sum);
	if (r->bad || !(flags & SAVE_TIMER))
		return TSN_OK;
	return tsn_timer_set(d, corr, g, time_plus(g->start_ns, s->def->c->timespan_ns));
}

static enum tsn_code
take_corr(struct resuming *r, uint32_t corr, struct hit *key)
{
	struct tsn_detect_corr_stats *t;
	uint64_t *counters[SAVE_COUNTERS], length = take_u64(r);
	uint32_t groups;

	if (corr == NOT_HERE || !r->d->corr.states[corr].resumed) {
		(void)take(r, length > SIZE_MAX ? SIZE_MAX : (size_t)length);
		return TSN_OK;
	}
	t = &r->d->corr.states[corr].stats;
	memcpy(counters, (uint64_t *[]){&t->hits, &t->late, &t->late_dropped, &t->duplicates,
	    &t->evicted, &t->entries_dropped}, sizeof counters);
	for (size_t i = 0; i < SAVE_COUNTERS; i++)
		*counters[i] = take_u64(r);
	groups = take_count(r, 60);
	for (uint32_t i = 0; i < groups && !r->bad; i++)
		TSN_TRY(take_group(r, corr, key));
	return TSN_OK;
}

static enum tsn_code
take_all(struct resuming *r)
{
	struct hit *key = calloc(1, sizeof *key + HIT_KEY_MAX);
	enum tsn_code code = key == NULL ? TSN_ENOMEM : TSN_OK;

	r->d->corr.resume_ns = (int64_t)take_u64(r);
	if (code == TSN_OK)
		code = take_sources(r);
	if (code == TSN_OK)
		code = take_prints(r);
	if (code == TSN_OK) {
		match_chains(r->d);
		code = take_unders(r);
	}
	for (uint32_t i = 0; i < r->corr_count && code == TSN_OK && !r->bad; i++)
		code = take_corr(r, r->corr_of[i], key);
	for (uint32_t i = 0; i < r->under_count; i++)
		tsn_under_drop(r->unders[i]);
	free(r->unders);
	free(r->corr_of);
	free(key);
	return code;
}

/* The bytes between head and hash, or what is wrong. */
static enum tsn_code
check(struct tsn_slice bytes, struct tsn_slice *ret, struct tsn_err *err)
{
	uint64_t length, hash;

	if (bytes.len < 24 || memcmp(bytes.ptr, SAVE_MAGIC, 8) != 0)
		TSN_FAIL(err, TSN_EVERSION, "no state of correlations of this version");
	memcpy(&length, bytes.ptr + 8, 8);
	if (le64toh(length) != bytes.len - 24)
		TSN_FAIL(err, TSN_EPARSE, "the state of correlations is cut off");
	memcpy(&hash, bytes.ptr + bytes.len - 8, 8);
	if (le64toh(hash) != XXH3_64bits(bytes.ptr, bytes.len - 8))
		TSN_FAIL(err, TSN_EPARSE, "the state of correlations is damaged");
	*ret = tsn_slice_of(bytes.ptr + 16, bytes.len - 24);
	return TSN_OK;
}

enum tsn_code
tsn_detect_resume(struct tsn_detect *d, struct tsn_slice bytes, struct tsn_err *err)
{
	struct resuming r = {.d = d};
	enum tsn_code code;

	TSN_TRY(check(bytes, &r.in, err));
	if (d->set->corr_count == 0)
		return TSN_OK;
	code = take_all(&r);
	if (code == TSN_OK && !r.bad && r.in.len == 0)
		return TSN_OK;
	tsn_corr_done(d);
	if (tsn_corr_init(d) != TSN_OK || code == TSN_ENOMEM)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	TSN_FAIL(err, TSN_EPARSE, "the state of correlations is not what it says");
}

bool
tsn_detect_resumed(const struct tsn_detect *d, uint32_t rule)
{
	for (uint32_t i = 0; i < d->set->corr_count; i++)
		if (d->set->corrs[i].rule == rule)
			return d->corr.states[i].resumed;
	return false;
}

int64_t
tsn_detect_resume_ns(const struct tsn_detect *d)
{
	return d->corr.resume_ns;
}
