#include "codec/json_walk.h"

void
tsn_json_walk(struct tsn_json_walk *w, struct tsn_slice value, struct tsn_arena *arena)
{
	char kind = tsn_json_walk_kind(value);

	*w = (struct tsn_json_walk){.object = kind == '{', .done = kind != '{' && kind != '['};
	tsn_json_begin(&w->in, value, arena);
	if (!w->done)
		w->in.at++;
}

static bool
end_walk(struct tsn_json_walk *w)
{
	w->done = true;
	tsn_json_finish(&w->in);
	return false;
}

static bool
take_char(struct tsn_json_in *in, char c)
{
	tsn_json_blank(in);
	if (in->at == in->end || *in->at != c)
		return false;
	in->at++;
	return true;
}

bool
tsn_json_walk_next(struct tsn_json_walk *w, struct tsn_slice *ret_name,
    struct tsn_slice *ret_value)
{
	struct tsn_json_in *in = &w->in;
	struct tsn_json_skip skip = {0};
	struct tsn_slice rest;
	size_t len;

	*ret_name = TSN_SLICE_NONE;
	if (w->done)
		return false;
	if (w->object && (!take_char(in, '"') || !tsn_json_string(in, ret_name) || !take_char(in, ':')))
		return end_walk(w);
	tsn_json_finish(in);
	tsn_json_blank(in);
	rest = tsn_slice_of(in->at, (size_t)(in->end - in->at));
	if (rest.len == 0 || *rest.ptr == ']' || tsn_json_skip(&skip, rest, &len) != TSN_OK)
		return end_walk(w);
	*ret_value = tsn_slice_trim(tsn_slice_of(rest.ptr, len));
	in->at += len;
	(void)take_char(in, ',');
	return true;
}

struct tsn_slice
tsn_json_walk_text(struct tsn_slice value, struct tsn_arena *arena)
{
	struct tsn_json_in in;
	struct tsn_slice text;

	if (tsn_json_walk_kind(value) != '"')
		return value;
	tsn_json_begin(&in, value, arena);
	in.at++;
	if (!tsn_json_string(&in, &text))
		text = TSN_SLICE_NONE;
	tsn_json_finish(&in);
	return text;
}
