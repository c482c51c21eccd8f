/* Percentiles: all numbers, sorted at the end; beyond a bound, counts in buckets of 1 % width. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "query/acc.h"

#define FIRST 16u
/* Bucket i holds (GAMMA^(i-1), GAMMA^i]: from 1e-12 to 1e18 both signs, zero in the middle. */
#define GAMMA 1.01
#define SIDE 7000
#define BUCKETS (2 * SIDE + 1)
#define SMALLEST 1e-12

struct tsn_acc_numbers {
	double *items;
	uint32_t count, cap;
	bool sorted;
	uint64_t *buckets;
	uint64_t total;
	double min, max;
};

static int
bucket_of(double v)
{
	double size = fabs(v);
	int at;

	if (size < SMALLEST)
		return SIDE;
	at = (int)fmin(ceil(log(size / SMALLEST) / log(GAMMA)), SIDE - 1) + 1;
	return v < 0 ? SIDE - at : SIDE + at;
}

static double
bucket_value(int at)
{
	double size;

	if (at == SIDE)
		return 0;
	/* the middle of the bucket, where the relative error to both ends is equal */
	size = SMALLEST * pow(GAMMA, abs(at - SIDE) - 1) * 2 / (GAMMA + 1);
	return at < SIDE ? -size : size;
}

static void
count_in(struct tsn_acc_numbers *n, double v)
{
	n->buckets[bucket_of(v)]++;
	n->total++;
	n->min = fmin(n->min, v);
	n->max = fmax(n->max, v);
}

static bool
to_buckets(struct tsn_acc_env *env, struct tsn_acc_numbers *n)
{
	n->buckets = tsn_arena_calloc(env->arena, BUCKETS, sizeof *n->buckets);
	if (n->buckets == NULL)
		return false;
	n->min = n->max = n->items[0];
	for (uint32_t i = 0; i < n->count; i++)
		count_in(n, n->items[i]);
	return true;
}

static bool
grow(struct tsn_acc_env *env, struct tsn_acc_numbers *n)
{
	uint32_t cap = n->cap == 0 ? FIRST : n->cap * 2;
	double *items;

	if (n->cap >= TSN_ACC_NUMBERS_MAX)
		return to_buckets(env, n);
	items = tsn_arena_alloc(env->arena, cap * sizeof *items);
	if (items == NULL)
		return n->count > BUCKETS && to_buckets(env, n);
	if (n->count > 0)
		memcpy(items, n->items, n->count * sizeof *items);
	n->items = items;
	n->cap = cap;
	return true;
}

bool
tsn_numbers_add(struct tsn_acc_env *env, struct tsn_acc_numbers **n, double v)
{
	if (*n == NULL) {
		*n = tsn_arena_calloc(env->arena, 1, sizeof **n);
		if (*n == NULL)
			return false;
	}
	if ((*n)->buckets == NULL && (*n)->count == (*n)->cap && !grow(env, *n))
		return false;
	if ((*n)->buckets != NULL)
		count_in(*n, v);
	else
		(*n)->items[(*n)->count++] = v;
	(*n)->sorted = false;
	return true;
}

static int
order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
from_buckets(const struct tsn_acc_numbers *n, double percent)
{
	uint64_t want = (uint64_t)(percent / 100 * (double)(n->total - 1)), seen = 0;

	for (int i = 0; i < BUCKETS; i++) {
		seen += n->buckets[i];
		if (seen > want)
			return fmax(n->min, fmin(n->max, bucket_value(i)));
	}
	return n->max;
}

double
tsn_numbers_percentile(struct tsn_acc_numbers *n, double percent, bool *ret_estimated)
{
	double at, share;
	uint32_t low;

	TSN_ASSERT(n != NULL && (n->count > 0 || n->total > 0));
	if (n->buckets != NULL) {
		*ret_estimated = true;
		return from_buckets(n, percent);
	}
	if (!n->sorted)
		qsort(n->items, n->count, sizeof *n->items, order);
	n->sorted = true;
	at = percent / 100 * (double)(n->count - 1);
	low = (uint32_t)at;
	share = at - (double)low;
	if (low + 1 >= n->count)
		return n->items[n->count - 1];
	return n->items[low] + (n->items[low + 1] - n->items[low]) * share;
}
