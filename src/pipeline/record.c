#include "pipeline/record.h"

#include "pipeline/run_int.h"

static struct tsn_slice
take_text(struct tsn_pev *ev, struct tsn_slice name, bool remove)
{
	struct tsn_pref ref;
	const struct tsn_pv *v = tsn_pref_parse(ev->arena, name, &ref) ? tsn_pev_get(ev, &ref) : NULL;
	struct tsn_slice text;

	if (v == NULL || v->type != TSN_PV_STR)
		return TSN_SLICE_NONE;
	text = v->as.str;
	if (remove)
		(void)tsn_pev_remove(ev, &ref, NULL);
	return text;
}

bool
tsn_pl_record_make(struct tsn_pev *ev, struct tsn_pl_record *ret)
{
	const struct tsn_pv *time = tsn_pev_find(ev, TSN_SLICE("@timestamp"));
	struct tsn_slice message = take_text(ev, TSN_SLICE("message"), false);
	struct tsn_slice original = take_text(ev, TSN_SLICE("[event][original]"), true);
	struct tsn_pv *event;
	struct tsn_buf b;

	*ret = (struct tsn_pl_record){.time_ns = TSN_TIME_NONE, .final = ev->parsed};
	if (time != NULL && time->type == TSN_PV_TIME && time->as.i != ev->born_ns) {
		ret->time_ns = time->as.i;
		ret->final = true;
	}
	/* a message that the pipeline has changed is meant as it is */
	if (original.ptr != NULL && message.ptr != NULL && !tsn_slice_eq(original, message))
		ret->final = true;
	ret->path = take_text(ev, TSN_SLICE("[log][file][path]"), false);
	if (ret->path.len == 0)
		ret->path = take_text(ev, TSN_SLICE("path"), false);
	(void)tsn_pv_map_remove(ev->root.as.map, TSN_SLICE("@timestamp"), NULL);
	(void)tsn_pv_map_remove(ev->root.as.map, TSN_SLICE("@version"), NULL);
	event = tsn_pev_find(ev, TSN_SLICE("event"));
	if (event != NULL && event->type == TSN_PV_MAP && event->as.map->count == 0)
		(void)tsn_pv_map_remove(ev->root.as.map, TSN_SLICE("event"), NULL);
	tsn_buf_init(&b, TSN_PL_BYTES_MAX);
	tsn_pv_write_json(&ev->root, &b);
	ret->document = tsn_pl_keep(ev, &b);
	ret->bytes = original.ptr != NULL ? original : message.ptr != NULL ? message : ret->document;
	return ret->document.ptr != NULL;
}
