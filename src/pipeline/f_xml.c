/* Filter xml: a document as fields, as Ruby's XmlSimple does it, and paths into fields. */
#include <string.h>

#include "pipeline/impl_int.h"
#include "pipeline/xml_int.h"

struct xml_path {
	struct tsn_xpath *path;
	struct tsn_pref target;
};

struct xml {
	struct tsn_pref source, target;
	struct xml_path *paths;
	uint32_t path_count;
	bool store, force_array, force_content, strip, suppress;
};

static enum tsn_code
xml_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct xml *x = tsn_pi_alloc(in, 1, sizeof *x);
	const struct tsn_conf_value *pairs = tsn_pi_hash(in, "xpath", &(uint32_t){0});
	struct tsn_err why = {0};

	if (x == NULL || !tsn_pi_ref_option(in, "source", "", &x->source) ||
	    !tsn_pi_ref_option(in, "target", "", &x->target))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->state = x;
	x->store = tsn_pi_bool(in, "store_xml", true);
	x->force_array = tsn_pi_bool(in, "force_array", true);
	x->force_content = tsn_pi_bool(in, "force_content", false);
	x->strip = tsn_pi_bool(in, "remove_namespaces", false);
	x->suppress = tsn_pi_bool(in, "suppress_empty", true);
	if (x->store && tsn_pi_get(in, "target") == NULL)
		return tsn_pi_fail(in, err, "needs the option \"target\" (or store_xml => false)");
	(void)tsn_pi_hash(in, "xpath", &x->path_count);
	x->paths = tsn_pi_alloc(in, x->path_count, sizeof *x->paths);
	for (uint32_t i = 0; x->paths != NULL && i < x->path_count; i++) {
		if (tsn_xpath_new(&in->pl->conf->arena, pairs[2 * i].text, &x->paths[i].path, &why) !=
		    TSN_OK)
			return tsn_pi_fail(in, err, "option \"xpath\": %s", why.msg);
		if (!tsn_pi_ref(in, pairs[2 * i + 1].text, &x->paths[i].target))
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	return x->paths == NULL ? TSN_ERR(err, TSN_ENOMEM, "out of memory") : TSN_OK;
}

static struct tsn_slice
own_text(const struct tsn_xml *n, struct tsn_pev *ev)
{
	struct tsn_buf b;
	struct tsn_slice s;

	tsn_buf_init(&b, TSN_PL_BYTES_MAX);
	for (const struct tsn_xml *c = n->first; c != NULL; c = c->next)
		if (c->kind == TSN_XML_TEXT)
			tsn_buf_slice(&b, c->text);
	s = tsn_pl_keep(ev, &b);
	return s.ptr == NULL || tsn_slice_trim(s).len == 0 ? TSN_SLICE("") : s;
}

static bool
put_member(const struct xml *x, struct tsn_pev *ev, struct tsn_pv_map *m, struct tsn_slice name,
    struct tsn_pv v)
{
	struct tsn_pv *old = tsn_pv_map_find(m, name), list;

	if (old != NULL && old->type == TSN_PV_LIST)
		return tsn_pv_list_add(ev->arena, old->as.list, v);
	if (old == NULL && !x->force_array)
		return tsn_pv_map_put(ev->arena, m, name, v);
	if (!tsn_pv_list_new(ev->arena, &list) ||
	    (old != NULL && !tsn_pv_list_add(ev->arena, list.as.list, *old)) ||
	    !tsn_pv_list_add(ev->arena, list.as.list, v))
		return false;
	return tsn_pv_map_put(ev->arena, m, name, list);
}

/* false: it is empty and left out.  depth is bounded by the reader */
static bool
value_of(const struct xml *x, struct tsn_pev *ev, const struct tsn_xml *n, struct tsn_pv *ret)
{
	struct tsn_slice text = own_text(n, ev);
	bool bare = n->attributes == NULL;
	struct tsn_pv map;

	if (!tsn_pv_map_new(ev->arena, &map))
		return false;
	for (const struct tsn_xml *a = n->attributes; a != NULL; a = a->next)
		if (!tsn_pv_map_put(ev->arena, map.as.map, a->name, tsn_pv_str(a->text)))
			return false;
	for (const struct tsn_xml *c = n->first; c != NULL; c = c->next) {
		struct tsn_pv v;

		if (c->kind != TSN_XML_ELEMENT)
			continue;
		bare = false;
		if (value_of(x, ev, c, &v) && !put_member(x, ev, map.as.map, c->name, v))
			return false;
	}
	if (bare && text.len > 0 && !x->force_content) {
		*ret = tsn_pv_str(text);
		return true;
	}
	if (text.len > 0 && !tsn_pv_map_put(ev->arena, map.as.map, TSN_SLICE("content"),
	    tsn_pv_str(text)))
		return false;
	*ret = map;
	return map.as.map->count > 0 || !x->suppress;
}

static bool
run_paths(const struct xml *x, struct tsn_pev *ev, struct tsn_xml *root)
{
	bool some = false;

	for (uint32_t i = 0; i < x->path_count; i++) {
		uint32_t count;
		struct tsn_xml **found = tsn_xpath_find(x->paths[i].path, root, ev->arena, &count);
		struct tsn_pv list;

		if (found == NULL || count == 0 || !tsn_pv_list_new(ev->arena, &list))
			continue;
		for (uint32_t k = 0; k < count; k++) {
			struct tsn_buf b;
			struct tsn_slice text;

			tsn_buf_init(&b, TSN_PL_BYTES_MAX);
			tsn_xml_write(found[k], &b);
			text = tsn_pl_keep(ev, &b);
			if (text.ptr == NULL || !tsn_pv_list_add(ev->arena, list.as.list, tsn_pv_str(text)))
				return some;
		}
		some |= tsn_pev_set(ev, &x->paths[i].target, list);
	}
	return some;
}

static bool
xml_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct xml *x = in->state;
	const struct tsn_pv *v = tsn_pev_get(ev, &x->source);
	struct tsn_xml *root;
	struct tsn_pv value;
	bool some = false;

	if (v != NULL && v->type == TSN_PV_LIST && v->as.list->count == 1)
		v = &v->as.list->items[0];
	if (v == NULL)
		return false;
	if (v->type != TSN_PV_STR || tsn_slice_trim(v->as.str).len == 0) {
		(void)tsn_pev_tag(ev, TSN_SLICE("_xmlparsefailure"));
		return false;
	}
	if (tsn_xml_parse(ev->arena, tsn_slice_trim(v->as.str), x->strip, &root, NULL) != TSN_OK) {
		(void)tsn_pev_tag(ev, TSN_SLICE("_xmlparsefailure"));
		return false;
	}
	some = run_paths(x, ev, root);
	if (x->store && value_of(x, ev, root, &value))
		some |= tsn_pev_set(ev, &x->target, value);
	return some;
}

const struct tsn_pfilter tsn_filter_xml = {.open = xml_open, .filter = xml_filter};
