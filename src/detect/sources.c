/* Which views hold an event, which rules are about a view: so, which rules need which source. */
#include "detect/corr_int.h"

uint32_t
tsn_detect_view_count(const struct tsn_detect *d)
{
	return d->set->router.count;
}

enum tsn_code
tsn_detect_event_views(struct tsn_detect *d, const struct tsn_event *ev, uint64_t *views)
{
	const struct class *class;
	const uint64_t *of;

	d->event = ev;
	d->event_number++;
	TSN_TRY(tsn_route_event(d, &class));
	of = class != NULL ? class->views : d->views;
	for (uint32_t w = 0; w < d->set->router.words; w++)
		views[w] |= of[w];
	return TSN_OK;
}

void
tsn_detect_each_binding(const struct tsn_detect *d,
    void (*each)(void *ctx, uint32_t rule, uint32_t view), void *ctx)
{
	for (uint32_t v = 0; v < d->set->router.count; v++)
		for (uint32_t b = d->set->view_bindings[v]; b < d->set->view_bindings[v + 1]; b++)
			each(ctx, d->set->bindings[b].rule, d->set->bindings[b].view);
}
