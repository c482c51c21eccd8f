/* Classes and their plans, made when the first event needs them. */
#include "detect/detect_int.h"

#include <stdlib.h>
#include <time.h>

static uint64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static enum tsn_code
make_plan(struct set *set, const uint64_t *views, struct plan **ret, struct tsn_err *err)
{
	uint64_t start = now_ns();

	TSN_TRY(tsn_plan_new(set, views, ret, err));
	(*ret)->number = atomic_fetch_add(&set->plan_number, 1) + 1;
	atomic_fetch_add(&set->broken, (*ret)->broken);
	atomic_fetch_add(&set->compile_ns, now_ns() - start);
	return TSN_OK;
}

static const struct class *
find_class(const struct set *set, const uint64_t *views, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (memcmp(set->classes[i].views, views, set->router.words * sizeof *views) == 0)
			return &set->classes[i];
	return NULL;
}

static enum tsn_code
new_class(struct set *set, const uint64_t *views, const struct class **ret, struct tsn_err *err)
{
	uint32_t count = atomic_load_explicit(&set->class_count, memory_order_relaxed);
	struct class *class = &set->classes[count];
	uint64_t *copy = tsn_arena_calloc(&set->arena, set->router.words + 1, sizeof *copy);
	uint64_t any = 0;

	if (copy == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t w = 0; w < set->router.words; w++)
		any |= copy[w] = views[w];
	class->views = copy;
	class->plan = NULL;
	if (any != 0)
		TSN_TRY(make_plan(set, views, &class->plan, err));
	atomic_store_explicit(&set->class_count, count + 1, memory_order_release);
	*ret = class;
	return TSN_OK;
}

enum tsn_code
tsn_set_class(struct set *set, const uint64_t *views, const struct class **ret,
    struct tsn_err *err)
{
	uint32_t count = atomic_load_explicit(&set->class_count, memory_order_acquire);
	enum tsn_code code = TSN_OK;

	*ret = find_class(set, views, count);
	if (*ret != NULL)
		return TSN_OK;
	(void)pthread_mutex_lock(&set->lock);
	count = atomic_load_explicit(&set->class_count, memory_order_relaxed);
	*ret = find_class(set, views, count);
	if (*ret == NULL && count < CLASSES_MAX)
		code = new_class(set, views, ret, err);
	(void)pthread_mutex_unlock(&set->lock);
	return code;
}

enum tsn_code
tsn_set_view_plan(struct set *set, uint32_t view, const struct plan **ret, struct tsn_err *err)
{
	enum tsn_code code = TSN_OK;
	uint64_t *views;

	(void)pthread_mutex_lock(&set->lock);
	if (set->view_plans[view] == NULL) {
		views = calloc(set->router.words, sizeof *views);
		if (views == NULL) {
			code = TSN_ERR(err, TSN_ENOMEM, "out of memory");
		} else {
			views[view / 64] |= 1ull << view % 64;
			code = make_plan(set, views, &set->view_plans[view], err);
		}
		free(views);
	}
	*ret = set->view_plans[view];
	(void)pthread_mutex_unlock(&set->lock);
	return code;
}
