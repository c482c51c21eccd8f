/* Counting different texts: a set of 128-bit hashes, then HyperLogLog. */
#include <math.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"
#include "query/acc.h"

#define SLOTS_FIRST 16u
#define HLL_BITS 14u
#define HLL_COUNT (1u << HLL_BITS)

struct tsn_acc_distinct {
	XXH128_hash_t *slots;		/* all zero: free */
	uint32_t slot_count, count;
	uint8_t *registers;		/* HyperLogLog, or NULL */
};

static void
hll_add(uint8_t *registers, uint64_t hash)
{
	uint32_t at = (uint32_t)(hash >> (64 - HLL_BITS));
	uint64_t rest = hash << HLL_BITS | (UINT64_C(1) << (HLL_BITS - 1));
	uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);

	if (registers[at] < rank)
		registers[at] = rank;
}

/* HyperLogLog of Flajolet et al. with the small-range correction. */
static double
hll_count(const uint8_t *registers)
{
	double sum = 0, m = HLL_COUNT, estimate;
	uint32_t zeros = 0;

	for (uint32_t i = 0; i < HLL_COUNT; i++) {
		sum += ldexp(1, -registers[i]);
		zeros += registers[i] == 0;
	}
	estimate = 0.7213 / (1 + 1.079 / m) * m * m / sum;
	if (estimate <= 2.5 * m && zeros > 0)
		return m * log(m / zeros);
	return estimate;
}

static void
put(struct tsn_acc_distinct *d, XXH128_hash_t h)
{
	uint32_t at = (uint32_t)h.low64 & (d->slot_count - 1);

	while (d->slots[at].low64 != 0 || d->slots[at].high64 != 0) {
		if (d->slots[at].low64 == h.low64 && d->slots[at].high64 == h.high64)
			return;
		at = (at + 1) & (d->slot_count - 1);
	}
	d->slots[at] = h;
	d->count++;
}

static bool
to_hll(struct tsn_acc_env *env, struct tsn_acc_distinct *d)
{
	d->registers = tsn_arena_calloc(env->arena, HLL_COUNT, 1);
	if (d->registers == NULL)
		return false;
	for (uint32_t i = 0; i < d->slot_count; i++)
		if (d->slots[i].low64 != 0 || d->slots[i].high64 != 0)
			hll_add(d->registers, d->slots[i].high64);
	d->slots = NULL;
	return true;
}

static bool
grow(struct tsn_acc_env *env, struct tsn_acc_distinct *d)
{
	struct tsn_acc_distinct bigger = {.slot_count = d->slot_count == 0 ? SLOTS_FIRST :
	    d->slot_count * 2};

	if (d->count >= TSN_ACC_DISTINCT_MAX)
		return to_hll(env, d);
	bigger.slots = tsn_arena_calloc(env->arena, bigger.slot_count, sizeof *bigger.slots);
	/* short of memory: an estimate is better than none */
	if (bigger.slots == NULL)
		return d->count > SLOTS_FIRST * 16 && to_hll(env, d);
	for (uint32_t i = 0; i < d->slot_count; i++)
		if (d->slots[i].low64 != 0 || d->slots[i].high64 != 0)
			put(&bigger, d->slots[i]);
	*d = bigger;
	return true;
}

bool
tsn_distinct_add(struct tsn_acc_env *env, struct tsn_acc_distinct **d, struct tsn_slice s)
{
	XXH128_hash_t h = XXH3_128bits_withSeed(s.ptr, s.len, env->seed);

	if (*d == NULL) {
		*d = tsn_arena_calloc(env->arena, 1, sizeof **d);
		if (*d == NULL)
			return false;
	}
	if (h.low64 == 0 && h.high64 == 0)
		h.low64 = 1;
	if ((*d)->registers == NULL && (*d)->count >= (*d)->slot_count / 2 && !grow(env, *d))
		return false;
	if ((*d)->registers != NULL)
		hll_add((*d)->registers, h.high64);
	else
		put(*d, h);
	return true;
}

uint64_t
tsn_distinct_count(const struct tsn_acc_distinct *d, bool *ret_estimated)
{
	if (d == NULL)
		return 0;
	if (d->registers == NULL)
		return d->count;
	*ret_estimated = true;
	return (uint64_t)llround(hll_count(d->registers));
}
