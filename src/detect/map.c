#include "detect/map_int.h"

#include <stdlib.h>

#define SIZE_FIRST 256u

static void
insert(struct map *m, struct map_slot slot)
{
	uint64_t at = slot.hash;

	while (m->slots[at & m->mask].number != 0)
		at++;
	m->slots[at & m->mask] = slot;
}

static bool
grow(struct map *m)
{
	uint32_t size = m->slots == NULL ? SIZE_FIRST : (m->mask + 1) * 2;
	struct map bigger = {.mask = size - 1, .count = m->count};

	bigger.slots = calloc(size, sizeof *bigger.slots);
	if (bigger.slots == NULL)
		return false;
	for (uint32_t i = 0; m->slots != NULL && i <= m->mask; i++)
		if (m->slots[i].number != 0)
			insert(&bigger, m->slots[i]);
	free(m->slots);
	*m = bigger;
	return true;
}

bool
tsn_map_put(struct map *m, uint64_t hash, uint32_t number)
{
	if ((m->slots == NULL || m->count * 2 >= m->mask) && !grow(m))
		return false;
	insert(m, (struct map_slot){hash, number + 1});
	m->count++;
	return true;
}

bool
tsn_map_next(const struct map *m, uint64_t hash, uint32_t *at, uint32_t *ret_number)
{
	if (m->slots == NULL)
		return false;
	for (;;) {
		const struct map_slot *s = &m->slots[(hash + (*at)++) & m->mask];

		if (s->number == 0)
			return false;
		if (s->hash == hash) {
			*ret_number = s->number - 1;
			return true;
		}
	}
}

void
tsn_map_done(struct map *m)
{
	free(m->slots);
	*m = (struct map){0};
}

bool
tsn_vec_room(void **array, uint32_t *cap, uint32_t need, size_t size)
{
	uint32_t more = *cap == 0 ? 64 : *cap;
	void *p;

	if (need <= *cap)
		return true;
	while (more < need)
		more *= 2;
	p = reallocarray(*array, more, size);
	if (p == NULL)
		return false;
	*array = p;
	*cap = more;
	return true;
}
