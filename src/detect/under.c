/* The events under windows that other correlations count. */
#include "detect/corr_int.h"

#include <stdlib.h>

/* Windows under one that are kept apart; of further ones their number of events is. */
#define KIDS_MAX 1024u

static int64_t
bytes_of(const struct under *u)
{
	return (int64_t)(sizeof *u + u->id_cap * sizeof *u->ids + u->kid_cap * sizeof(struct under *));
}

void
tsn_under_drop(struct under *u)
{
	if (u == NULL || --u->refs > 0)
		return;
	/* As deep as chains are. */
	for (uint32_t i = 0; i < u->kid_count; i++)
		tsn_under_drop(u->kids[i]);
	tsn_corr_bytes(u->owner, -bytes_of(u));
	free(u->kids);
	free(u->ids);
	free(u);
}

struct under *
tsn_under_new(struct corr_state *s)
{
	struct under *u = calloc(1, sizeof *u);

	if (u == NULL)
		return NULL;
	*u = (struct under){.owner = s, .refs = 1, .first_ns = INT64_MAX, .last_ns = INT64_MIN};
	tsn_corr_bytes(s, bytes_of(u));
	return u;
}

static bool
grow(struct under *u, void **array, uint32_t *cap, uint32_t max, size_t size)
{
	uint32_t more = *cap == 0 ? 4 : *cap * 2;
	void *made;

	more = more > max ? max : more;
	made = realloc(*array, more * size);
	if (made == NULL)
		return false;
	tsn_corr_bytes(u->owner, (int64_t)((more - *cap) * size));
	*array = made;
	*cap = more;
	return true;
}

static void
count(struct under *u, uint64_t events, int64_t first_ns, int64_t last_ns)
{
	u->count += events;
	u->first_ns = first_ns < u->first_ns ? first_ns : u->first_ns;
	u->last_ns = last_ns > u->last_ns ? last_ns : u->last_ns;
}

enum tsn_code
tsn_under_add(struct under *u, const struct entry_hit *e, struct under *kid)
{
	if (e->weight == 0)
		return TSN_OK;
	if (kid != NULL && u->kid_count == KIDS_MAX) {
		count(u, kid->count, kid->first_ns, kid->last_ns);
		return TSN_OK;
	}
	if (kid != NULL) {
		if (u->kid_count == u->kid_cap &&
		    !grow(u, (void **)&u->kids, &u->kid_cap, KIDS_MAX, sizeof(struct under *)))
			return TSN_ENOMEM;
		u->kids[u->kid_count++] = kid;
		kid->refs++;
		return TSN_OK;
	}
	count(u, e->weight, e->time_ns, e->time_ns);
	if (u->id_count == TSN_FINDING_EVENTS_MAX)
		return TSN_OK;
	if (u->id_count == u->id_cap &&
	    !grow(u, (void **)&u->ids, &u->id_cap, TSN_FINDING_EVENTS_MAX, sizeof *u->ids))
		return TSN_ENOMEM;
	memcpy(u->ids[u->id_count++], e->id, sizeof e->id);
	return TSN_OK;
}

enum tsn_code
tsn_under_make(struct corr_state *s, struct group *g)
{
	tsn_under_drop(g->under);
	g->under = tsn_under_new(s);
	if (g->under == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = g->head; i < g->head + g->count; i++)
		TSN_TRY(tsn_under_add(g->under, &g->entries[i], g->unders == NULL ? NULL : g->unders[i]));
	return TSN_OK;
}

/* An event that several windows count is one, as far as the list of ids reaches. */
static bool
tell_id(struct tsn_detect *d, struct tsn_finding *f, const uint64_t id[2], bool look)
{
	for (uint32_t i = 0; look && i < f->event_count; i++)
		if (d->corr.ids[i][0] == id[0] && d->corr.ids[i][1] == id[1])
			return false;
	if (f->event_count < TSN_FINDING_EVENTS_MAX)
		memcpy(d->corr.ids[f->event_count++], id, sizeof d->corr.ids[0]);
	return true;
}

static void
tell_span(struct tsn_finding *f, int64_t first_ns, int64_t last_ns)
{
	f->first_seen_ns = first_ns < f->first_seen_ns ? first_ns : f->first_seen_ns;
	f->last_seen_ns = last_ns > f->last_seen_ns ? last_ns : f->last_seen_ns;
}

static void
unfold(struct tsn_detect *d, const struct under *u, struct tsn_finding *f, uint32_t depth)
{
	f->count += u->count;
	if (u->count > 0)
		tell_span(f, u->first_ns, u->last_ns);
	for (uint32_t i = 0; i < u->id_count; i++)
		if (!tell_id(d, f, u->ids[i], true))
			f->count--;
	for (uint32_t i = 0; i < u->kid_count && depth < CHAIN_MAX; i++)
		unfold(d, u->kids[i], f, depth + 1);
}

void
tsn_under_tell(struct tsn_detect *d, const struct corr_state *s, const struct group *g,
    struct tsn_finding *f)
{
	f->count = 0;
	f->event_count = 0;
	f->first_seen_ns = INT64_MAX;
	f->last_seen_ns = INT64_MIN;
	for (uint32_t i = g->head; i < g->head + g->count; i++) {
		const struct entry_hit *e = &g->entries[i];

		if (e->weight == 0)
			continue;
		if (g->unders != NULL && g->unders[i] != NULL) {
			unfold(d, g->unders[i], f, 0);
		} else if (tell_id(d, f, e->id, s->def->over)) {
			f->count += e->weight;
			tell_span(f, e->time_ns, e->time_ns);
		}
	}
	if (f->first_seen_ns > f->last_seen_ns)
		f->first_seen_ns = f->last_seen_ns = g->start_ns;
}
