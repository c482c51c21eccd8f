/* Options of an instance, compiled forms of them. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "pipeline/run_int.h"

const struct tsn_conf_value *
tsn_pi_get(const struct tsn_pinst *in, const char *name)
{
	const struct tsn_conf_option *o = tsn_conf_option_find(in->conf, tsn_slice_cstr(name));

	if (o != NULL)
		return &o->value;
	for (o = in->conf->options; o != NULL; o = o->next) {
		const struct tsn_popt *k = tsn_plugin_option(in->desc, o->name);

		if (k != NULL && k->modern != NULL && strcmp(k->modern, name) == 0)
			return &o->value;
	}
	return NULL;
}

struct tsn_slice
tsn_pi_str(const struct tsn_pinst *in, const char *name, const char *dflt)
{
	const struct tsn_conf_value *v = tsn_pi_get(in, name);

	if (v != NULL && v->type == TSN_CONF_ARRAY && v->count == 1)
		v = v->items;
	return v == NULL ? tsn_slice_cstr(dflt) : v->text;
}

bool
tsn_pi_bool(const struct tsn_pinst *in, const char *name, bool dflt)
{
	const struct tsn_conf_value *v = tsn_pi_get(in, name);

	return v == NULL ? dflt : tsn_slice_eq(v->text, TSN_SLICE("true"));
}

double
tsn_pi_num(const struct tsn_pinst *in, const char *name, double dflt)
{
	const struct tsn_conf_value *v = tsn_pi_get(in, name);
	double d;

	if (v == NULL)
		return dflt;
	if (v->type == TSN_CONF_NUMBER)
		return v->number;
	return tsn_num_parse_f64(v->text, &d) == TSN_OK ? d : dflt;
}

const struct tsn_conf_value *
tsn_pi_list(const struct tsn_pinst *in, const char *name, uint32_t *ret_count)
{
	const struct tsn_conf_value *v = tsn_pi_get(in, name);

	*ret_count = v == NULL ? 0 : v->type == TSN_CONF_ARRAY ? v->count : 1;
	return v != NULL && v->type == TSN_CONF_ARRAY ? v->items : v;
}

const struct tsn_conf_value *
tsn_pi_hash(const struct tsn_pinst *in, const char *name, uint32_t *ret_count)
{
	const struct tsn_conf_value *v = tsn_pi_get(in, name);

	*ret_count = v == NULL ? 0 : v->type == TSN_CONF_HASH ? v->count :
	    v->type == TSN_CONF_ARRAY ? v->count / 2 : 0;
	return v == NULL ? NULL : v->items;
}

bool
tsn_pi_ecs(const struct tsn_pinst *in)
{
	return !tsn_slice_eq(tsn_pi_str(in, "ecs_compatibility", "v8"), TSN_SLICE("disabled"));
}

enum tsn_code
tsn_pi_fail(const struct tsn_pinst *in, struct tsn_err *err, const char *fmt, ...)
{
	char text[TSN_ERR_MSG_MAX];
	uint32_t line, column;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	tsn_conf_place(in->pl->conf, in->conf->at, &line, &column);
	TSN_FAIL_AT(err, TSN_EINVAL, in->conf->at, "%.*s:%u:%u: %s %s: %s",
	    TSN_SLICE_ARG(in->pl->conf->name), line, column, tsn_plugin_kind_name(in->desc->kind),
	    in->desc->name, text);
}

void *
tsn_pi_alloc(const struct tsn_pinst *in, size_t count, size_t size)
{
	return tsn_arena_calloc(&in->pl->conf->arena, count == 0 ? 1 : count, size);
}

bool
tsn_pi_ref(const struct tsn_pinst *in, struct tsn_slice text, struct tsn_pref *ret)
{
	return tsn_pref_parse(&in->pl->conf->arena, text, ret);
}

bool
tsn_pi_name(const struct tsn_pinst *in, struct tsn_slice text, struct tsn_pname *ret)
{
	return tsn_tmpl_parse(&in->pl->conf->arena, text, &ret->tmpl) &&
	    (ret->tmpl.parts != NULL || tsn_pi_ref(in, text, &ret->ref));
}

bool
tsn_pi_names(const struct tsn_pinst *in, const char *option, struct tsn_pname **ret,
    uint32_t *ret_count)
{
	const struct tsn_conf_value *items = tsn_pi_list(in, option, ret_count);

	*ret = tsn_pi_alloc(in, *ret_count, sizeof **ret);
	for (uint32_t i = 0; *ret != NULL && i < *ret_count; i++)
		if (!tsn_pi_name(in, items[i].text, &(*ret)[i]))
			return false;
	return *ret != NULL;
}

bool
tsn_pi_tmpls(const struct tsn_pinst *in, const char *option, struct tsn_tmpl **ret,
    uint32_t *ret_count)
{
	const struct tsn_conf_value *items = tsn_pi_list(in, option, ret_count);

	*ret = tsn_pi_alloc(in, *ret_count, sizeof **ret);
	for (uint32_t i = 0; *ret != NULL && i < *ret_count; i++)
		if (!tsn_tmpl_parse(&in->pl->conf->arena, items[i].text, &(*ret)[i]))
			return false;
	return *ret != NULL;
}

bool
tsn_pi_pairs(const struct tsn_pinst *in, const char *option, struct tsn_ppair **ret,
    uint32_t *ret_count)
{
	const struct tsn_conf_value *items = tsn_pi_hash(in, option, ret_count);

	*ret = tsn_pi_alloc(in, *ret_count, sizeof **ret);
	for (uint32_t i = 0; *ret != NULL && i < *ret_count; i++) {
		struct tsn_ppair *p = &(*ret)[i];
		const struct tsn_conf_value *v = &items[2 * i + 1];
		const struct tsn_conf_value *values = v->type == TSN_CONF_ARRAY ? v->items : v;

		p->count = v->type == TSN_CONF_ARRAY ? v->count : 1;
		p->values = tsn_pi_alloc(in, p->count, sizeof *p->values);
		if (p->values == NULL || !tsn_pi_name(in, items[2 * i].text, &p->name))
			return false;
		for (uint32_t j = 0; j < p->count; j++)
			if (!tsn_tmpl_parse(&in->pl->conf->arena, values[j].text, &p->values[j]))
				return false;
	}
	return *ret != NULL;
}

const struct tsn_pref *
tsn_pname_ref(const struct tsn_pname *n, const struct tsn_pev *ev, struct tsn_pref *scratch)
{
	struct tsn_slice text;

	if (n->tmpl.parts == NULL)
		return &n->ref;
	text = tsn_tmpl_text(&n->tmpl, ev);
	return text.ptr != NULL && tsn_pref_parse(ev->arena, text, scratch) ? scratch : NULL;
}

void
tsn_pevs_init(struct tsn_pevs *l)
{
	*l = (struct tsn_pevs){.tail = &l->first};
}

void
tsn_pevs_add(struct tsn_pevs *l, struct tsn_pev *ev)
{
	ev->next = NULL;
	*l->tail = ev;
	l->tail = &ev->next;
	l->count++;
}

void
tsn_pl_tags(struct tsn_pev *ev, const struct tsn_tmpl *tags, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct tsn_slice tag = tsn_tmpl_text(&tags[i], ev);

		if (tag.ptr != NULL)
			(void)tsn_pev_tag(ev, tag);
	}
}

static void
add_value(struct tsn_pev *ev, const struct tsn_pref *ref, struct tsn_slice text)
{
	struct tsn_pv *old = tsn_pev_get(ev, ref);
	struct tsn_pv list;

	if (old == NULL || old->type == TSN_PV_NULL) {
		(void)tsn_pev_set(ev, ref, tsn_pv_str(text));
	} else if (old->type == TSN_PV_LIST) {
		(void)tsn_pv_list_add(ev->arena, old->as.list, tsn_pv_str(text));
	} else if (tsn_pv_list_new(ev->arena, &list) &&
	    tsn_pv_list_add(ev->arena, list.as.list, *old) &&
	    tsn_pv_list_add(ev->arena, list.as.list, tsn_pv_str(text))) {
		(void)tsn_pev_set(ev, ref, list);
	}
}

static void
remove_tag(struct tsn_pev *ev, struct tsn_slice tag)
{
	struct tsn_pv *tags = tsn_pev_find(ev, TSN_SLICE("tags"));
	uint32_t kept = 0;

	if (tags == NULL || tags->type != TSN_PV_LIST || tag.ptr == NULL)
		return;
	for (uint32_t i = 0; i < tags->as.list->count; i++) {
		const struct tsn_pv *v = &tags->as.list->items[i];

		if (v->type != TSN_PV_STR || !tsn_slice_eq(v->as.str, tag))
			tags->as.list->items[kept++] = *v;
	}
	tags->as.list->count = kept;
}

void
tsn_pl_matched(struct tsn_pinst *in, struct tsn_pev *ev)
{
	struct tsn_pref scratch;

	for (uint32_t i = 0; i < in->add_field_count; i++)
		for (uint32_t j = 0; j < in->add_field[i].count; j++) {
			const struct tsn_pref *ref = tsn_pname_ref(&in->add_field[i].name, ev, &scratch);
			struct tsn_slice text = tsn_tmpl_text(&in->add_field[i].values[j], ev);

			if (ref != NULL && text.ptr != NULL)
				add_value(ev, ref, text);
		}
	for (uint32_t i = 0; i < in->remove_field_count; i++) {
		const struct tsn_pref *ref = tsn_pname_ref(&in->remove_field[i], ev, &scratch);

		if (ref != NULL)
			(void)tsn_pev_remove(ev, ref, NULL);
	}
	tsn_pl_tags(ev, in->add_tag, in->add_tag_count);
	for (uint32_t i = 0; i < in->remove_tag_count; i++)
		remove_tag(ev, tsn_tmpl_text(&in->remove_tag[i], ev));
}

struct tsn_slice
tsn_pl_keep(struct tsn_pev *ev, struct tsn_buf *b)
{
	struct tsn_slice s = tsn_buf_check(b) != TSN_OK ? TSN_SLICE_NONE :
	    tsn_arena_dup(ev->arena, b->len > 0 ? tsn_buf_get(b) : TSN_SLICE(""));

	tsn_buf_done(b);
	return s;
}
