/* Finding plugins and options by name. */
#include "pipeline/desc_int.h"

static const struct tsn_popt common_input[] = {HASH("add_field"), ARR("tags"), STR("type"),
    CODEC("codec"), STR("id"), BOOL("enable_metric"),
    OLD("debug", TSN_PO_BOOL, ""), OLD("format", TSN_PO_STRING, "codec"), END};
static const struct tsn_popt common_filter[] = {HASH("add_field"), ARR("add_tag"),
    ARR("remove_field"), ARR("remove_tag"), STR("id"), BOOL("enable_metric"),
    BOOL("periodic_flush"), OLD("type", TSN_PO_STRING, "a conditional around the filter"),
    OLD("tags", TSN_PO_ARRAY, "a conditional around the filter"),
    OLD("exclude_tags", TSN_PO_ARRAY, "a conditional around the filter"), END};
static const struct tsn_popt common_output[] = {CODEC("codec"), STR("id"), BOOL("enable_metric"),
    OLD("workers", TSN_PO_NUMBER, "pipeline.workers in the settings"),
    OLD("type", TSN_PO_STRING, "a conditional around the output"),
    OLD("tags", TSN_PO_ARRAY, "a conditional around the output"),
    OLD("exclude_tags", TSN_PO_ARRAY, "a conditional around the output"), END};
static const struct tsn_popt common_codec[] = {STR("id"), BOOL("enable_metric"), END};

const struct tsn_plugin *const *
tsn_plugins(enum tsn_plugin_kind kind)
{
	static const struct tsn_plugin *const *const lists[] = {tsn_plugins_input, tsn_plugins_filter,
	    tsn_plugins_output, tsn_plugins_codec};

	return lists[kind];
}

const struct tsn_popt *
tsn_plugin_common(enum tsn_plugin_kind kind)
{
	static const struct tsn_popt *const lists[] = {common_input, common_filter, common_output,
	    common_codec};

	return lists[kind];
}

const struct tsn_plugin *
tsn_plugin_find(enum tsn_plugin_kind kind, struct tsn_slice name)
{
	for (const struct tsn_plugin *const *p = tsn_plugins(kind); *p != NULL; p++)
		if (tsn_slice_eq(tsn_slice_cstr((*p)->name), name))
			return *p;
	return NULL;
}

bool
tsn_plugin_runs(const struct tsn_plugin *p)
{
	return p->filter != NULL || p->input != NULL || p->output != NULL || p->codec != NULL;
}

const struct tsn_popt *
tsn_plugin_option(const struct tsn_plugin *p, struct tsn_slice name)
{
	for (const struct tsn_popt *o = p->options; o->name != NULL; o++)
		if (tsn_slice_eq(tsn_slice_cstr(o->name), name))
			return o;
	for (const struct tsn_popt *o = tsn_plugin_common(p->kind); o->name != NULL; o++)
		if (tsn_slice_eq(tsn_slice_cstr(o->name), name))
			return o;
	return NULL;
}
