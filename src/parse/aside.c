/* What a shipper sent beside a record: labels and a time. */
#include "parse/parse_int.h"

/* Names for which ECS has one of its own; the first that is there gets it. */
static const struct {
	tsn_key from, to;
} names[] = {
	{TSN_F_HEC_HOST, TSN_F_HOST_NAME},
	{TSN_F_LOKI_HOST, TSN_F_HOST_NAME},
	{TSN_F_LOKI_HOSTNAME, TSN_F_HOST_NAME},
	{TSN_F_LOKI_SERVICE_NAME, TSN_F_SERVICE_NAME},
	{TSN_F_LOKI_LEVEL, TSN_F_LOG_LEVEL},
	{TSN_F_OTEL_HOST_NAME, TSN_F_HOST_NAME},
	{TSN_F_OTEL_SERVICE_NAME, TSN_F_SERVICE_NAME},
	{TSN_F_OTEL_SERVICE_VERSION, TSN_F_SERVICE_VERSION},
	{TSN_F_OTEL_SEVERITY_TEXT, TSN_F_LOG_LEVEL},
	{TSN_F_OTEL_TRACE_ID, TSN_F_TRACE_ID},
	{TSN_F_OTEL_SPAN_ID, TSN_F_SPAN_ID},
};

/* A value that the record has already keeps the shipper's name for it. */
static void
rename_fields(struct tsn_parse_ctx *ctx, uint32_t first)
{
	struct tsn_event *ev = ctx->ev;

	for (uint32_t i = first; i < ev->field_count; i++)
		for (size_t n = 0; n < TSN_COUNT(names); n++)
			if (ev->fields[i].key == names[n].from && ev->fields[i].pos == 0 &&
			    tsn_event_find(ev, names[n].to) == NULL)
				ev->fields[i].key = names[n].to;
}

static void
add_fields(struct tsn_parse_ctx *ctx, struct tsn_slice json)
{
	uint32_t first = ctx->ev->field_count;
	struct tsn_err err;
	struct tsn_slice why;

	if (json.len == 0)
		return;
	if (tsn_doc_flatten(ctx->doc, ctx->batch, TSN_KEY_ROOT, NULL, json, &err) == TSN_OK) {
		rename_fields(ctx, first);
		return;
	}
	why = tsn_arena_dup(&ctx->batch->arena, tsn_slice_cstr(err.msg));
	tsn_event_fail(ctx->batch, why.ptr == NULL ? TSN_SLICE("broken fields beside it") : why);
}

void
tsn_parse_aside(struct tsn_parse_ctx *ctx, const struct tsn_aside *aside)
{
	add_fields(ctx, aside->shared);
	add_fields(ctx, aside->own);
	if (aside->time_ns == TSN_TIME_NONE)
		return;
	if (aside->final) {
		ctx->ev->time_ns = aside->time_ns;
		ctx->ev->flags &= ~(uint32_t)TSN_EV_TIME_UNZONED;
		return;
	}
	if (ctx->ev->time_ns == TSN_TIME_NONE)
		ctx->ev->time_ns = aside->time_ns;
	else if (aside->time_key != TSN_KEY_ROOT && aside->time_ns != ctx->ev->time_ns)
		tsn_event_add_time(ctx->batch, aside->time_key, aside->time_ns, TSN_SLICE_NONE);
}
