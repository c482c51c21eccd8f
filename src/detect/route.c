/* From an event to its class: views are asked once for each combination of deciding values. */
#include "detect/corr_int.h"

#include <stdlib.h>

#include "base/assert.h"

/* Keys grow while the program runs: new ones may lie below a deciding one. */
static enum tsn_code
learn_keys(struct tsn_detect *d)
{
	const struct router *r = &d->set->router;
	uint32_t count = tsn_keys_count(d->set->keys);
	uint8_t *route_of = realloc(d->route_of, count);

	if (route_of == NULL)
		return TSN_ENOMEM;
	d->route_of = route_of;
	for (uint32_t key = d->route_of_count; key < count; key++) {
		route_of[key] = 0;
		for (uint32_t i = 0; i < r->key_count; i++)
			if (r->keys[i].key == key)
				route_of[key] = (uint8_t)(i + 1);
		for (uint32_t i = 0; key > 0 && route_of[key] == 0 && i < r->key_count; i++)
			if (r->keys[i].below && tsn_keys_under(d->set->keys, key, r->keys[i].key))
				route_of[key] = (uint8_t)(i + 1);
	}
	d->route_of_count = count;
	return TSN_OK;
}

/* What the value says to the atoms that ask its field. */
static uint64_t
meaning_of(struct tsn_detect *d, const struct route_key *key, const struct tsn_field *f)
{
	const struct router *r = &d->set->router;
	char text[TSN_TIME_TEXT_MAX];
	struct tsn_value v = {.raw = tsn_field_text(f, text)};
	uint64_t h = d->seed;

	for (uint32_t i = 0; i < key->atom_count; i++)
		if (tsn_atom_test(&r->atoms[key->atoms[i]].c, &d->scratch, f, &v))
			h = tsn_hash_mix(h ^ (i + 1), 0xa0761d6478bd642full);
	return h;
}

static uint64_t
value_meaning(struct tsn_detect *d, const struct route_key *key, const struct tsn_field *f)
{
	uint64_t raw = f->ptr != NULL ? tsn_hash_bytes(f->ptr, f->len, d->seed ^ f->key) :
	    tsn_hash_mix(f->num.u ^ d->seed, f->key ^ 0xe7037ed1a0b428dbull);
	struct route_value *seen = &d->values_seen[raw % ROUTE_VALUES_SIZE];

	raw ^= f->type;
	if (TSN_LIKELY(seen->raw == raw))
		return seen->meaning;
	seen->meaning = meaning_of(d, key, f);
	seen->raw = raw;
	return seen->meaning;
}

static enum tsn_code
sign(struct tsn_detect *d, uint64_t signature[2])
{
	const struct tsn_event *ev = d->event;
	uint64_t a = d->seed, b = ~d->seed, present[4] = {0};

	for (uint32_t i = 0; i < ev->field_count; i++) {
		const struct tsn_field *f = &ev->fields[i];
		const struct route_key *key;
		uint64_t meaning;
		uint8_t route;

		if (TSN_UNLIKELY(f->key >= d->route_of_count))
			TSN_TRY(learn_keys(d));
		route = d->route_of[f->key];
		if (route == 0)
			continue;
		key = &d->set->router.keys[route - 1];
		if (f->key != key->key) {
			if (present[route / 64] >> route % 64 & 1)
				continue;
			present[route / 64] |= 1ull << route % 64;
			meaning = 1;
		} else {
			meaning = f->type == TSN_T_NULL ? 2 : value_meaning(d, key, f);
		}
		a = tsn_hash_mix(a ^ route, meaning ^ 0xa0761d6478bd642full);
		b = tsn_hash_mix(b ^ meaning, route ^ 0xe7037ed1a0b428dbull);
	}
	signature[0] = a;
	signature[1] = b;
	return TSN_OK;
}

enum truth {
	NO,
	YES,
	OPEN,
};

struct ask {
	struct tsn_detect *d;
	const struct route_atom *at;	/* next atom of the condition */
};

static enum truth
ask_atom(struct ask *q)
{
	const struct route_atom *a = q->at++;
	struct tsn_match_paths where = {.paths = &a->path, .path_count = 1};

	if (!a->cheap)
		return OPEN;
	return tsn_match_atom(&a->c, &where, q->d->set->keys, &q->d->scratch, q->d->event) ? YES : NO;
}

/* What is known when only cheap atoms are asked.  Depth was bounded when the view was bound. */
static enum truth
ask_cheap(struct ask *q, const struct tsn_pred *p)
{
	enum truth stop, all;
	enum truth value;

	switch (p->op) {
	case TSN_PRED_TRUE:
	case TSN_PRED_FALSE:
		return p->op == TSN_PRED_TRUE ? YES : NO;
	case TSN_PRED_ATOM:
		return ask_atom(q);
	case TSN_PRED_NOT:
		value = ask_cheap(q, p->kids[0]);
		return value == OPEN ? OPEN : value == YES ? NO : YES;
	case TSN_PRED_AND:
	case TSN_PRED_OR:
		break;
	}
	stop = p->op == TSN_PRED_AND ? NO : YES;
	all = p->op == TSN_PRED_AND ? YES : NO;
	for (uint32_t i = 0; i < p->kid_count; i++) {
		value = ask_cheap(q, p->kids[i]);
		if (value == stop || (value == OPEN && all != stop))
			all = value;
	}
	return all;
}

/* views: those that surely hold the event; open: those that take more than a look. */
static bool
ask_views(struct tsn_detect *d, uint64_t *views, uint64_t *open)
{
	const struct router *r = &d->set->router;
	bool any = false;

	memset(views, 0, r->words * sizeof *views);
	memset(open, 0, r->words * sizeof *open);
	for (uint32_t v = 0; v < r->count; v++) {
		struct ask q = {d, r->atoms + r->views[v].atoms};
		const struct tsn_pred *when = r->views[v].view->when;
		enum truth value = when == NULL ? YES : ask_cheap(&q, when);

		if (value == YES)
			views[v / 64] |= 1ull << v % 64;
		if (value == OPEN)
			open[v / 64] |= 1ull << v % 64;
		any |= value == OPEN;
	}
	return any;
}

static void
ask_open(struct tsn_detect *d, const uint64_t *open)
{
	const struct router *r = &d->set->router;

	for (uint32_t w = 0; w < r->words; w++) {
		for (uint64_t bits = open[w]; bits != 0; bits &= bits - 1) {
			uint32_t v = w * 64 + (unsigned)__builtin_ctzll(bits);

			if (tsn_match_eval(r->views[v].when, &d->scratch, d->event))
				d->views[w] |= 1ull << v % 64;
		}
	}
}

enum tsn_code
tsn_route_event(struct tsn_detect *d, const struct class **ret)
{
	uint32_t words = d->set->router.words;
	uint64_t signature[2], *views;
	struct route_memo *memo;
	struct tsn_err err;

	TSN_TRY(sign(d, signature));
	memo = &d->memo[signature[0] % ROUTE_MEMO_SIZE];
	views = d->memo_views + signature[0] % ROUTE_MEMO_SIZE * 2 * words;
	if (TSN_UNLIKELY(!memo->used || memo->signature[0] != signature[0] ||
	    memo->signature[1] != signature[1])) {
		memo->signature[0] = signature[0];
		memo->signature[1] = signature[1];
		memo->open = ask_views(d, views, views + words);
		memo->used = true;
		memo->class = NULL;
	}
	*ret = memo->class;
	if (TSN_LIKELY(*ret != NULL))
		return TSN_OK;
	memcpy(d->views, views, words * sizeof *views);
	if (memo->open)
		ask_open(d, views + words);
	TSN_TRY(tsn_set_class(d->set, d->views, ret, &err));
	if (!memo->open)
		memo->class = *ret;
	return TSN_OK;
}
