/* From an event to its class: views are asked once for each combination of deciding values. */
#include "detect/detect_int.h"

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

static enum tsn_code
sign(struct tsn_detect *d, uint64_t signature[2])
{
	const struct tsn_event *ev = d->event;
	const struct route_key *keys = d->set->router.keys;
	uint64_t a = d->seed, b = ~d->seed;

	for (uint32_t i = 0; i < ev->field_count; i++) {
		const struct tsn_field *f = &ev->fields[i];
		uint64_t what, value = 0;
		uint8_t route;

		if (TSN_UNLIKELY(f->key >= d->route_of_count))
			TSN_TRY(learn_keys(d));
		route = d->route_of[f->key];
		if (route == 0)
			continue;
		what = (uint64_t)f->key << 40 | (uint64_t)f->type << 32 | f->pos;
		if (f->key == keys[route - 1].key && keys[route - 1].value)
			value = f->ptr != NULL ? tsn_hash_bytes(f->ptr, f->len, d->seed) : f->num.u;
		a = tsn_hash_mix(a ^ what, value ^ 0xa0761d6478bd642full);
		b = tsn_hash_mix(b ^ value, what ^ 0xe7037ed1a0b428dbull);
	}
	signature[0] = a;
	signature[1] = b;
	return TSN_OK;
}

static void
ask_views(struct tsn_detect *d)
{
	const struct router *r = &d->set->router;

	memset(d->views, 0, r->words * sizeof *d->views);
	for (uint32_t v = 0; v < r->count; v++)
		if (r->views[v].when == NULL || tsn_match_eval(r->views[v].when, &d->scratch, d->event))
			d->views[v / 64] |= 1ull << v % 64;
}

enum tsn_code
tsn_route_event(struct tsn_detect *d, const struct class **ret)
{
	struct route_memo *memo;
	struct tsn_err err;
	uint64_t signature[2];

	if (d->set->router.whole_record) {
		ask_views(d);
		return tsn_set_class(d->set, d->views, ret, &err);
	}
	TSN_TRY(sign(d, signature));
	memo = &d->memo[signature[0] % ROUTE_MEMO_SIZE];
	if (TSN_LIKELY(memo->class != NULL && memo->signature[0] == signature[0] &&
	    memo->signature[1] == signature[1])) {
		*ret = memo->class;
		return TSN_OK;
	}
	ask_views(d);
	TSN_TRY(tsn_set_class(d->set, d->views, ret, &err));
	if (*ret != NULL)
		*memo = (struct route_memo){{signature[0], signature[1]}, *ret};
	return TSN_OK;
}
