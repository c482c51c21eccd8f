/* Filters that change which events and fields there are: split, clone, prune, de_dot, truncate. */
#include <string.h>

#include "pipeline/impl_int.h"
#include "pipeline/rx.h"

struct split {
	struct tsn_pref field, target;
	struct tsn_slice terminator;
};

static enum tsn_code
split_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct split *s = tsn_pi_alloc(in, 1, sizeof *s);
	const char *target = tsn_pi_get(in, "target") != NULL ? "target" : "field";

	in->state = s;
	if (s == NULL || !tsn_pi_ref_option(in, "field", "message", &s->field) ||
	    !tsn_pi_ref_option(in, target, "message", &s->target))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	s->terminator = tsn_pi_str(in, "terminator", "\n");
	if (tsn_slice_eq(s->terminator, TSN_SLICE("\\n")))
		s->terminator = TSN_SLICE("\n");
	return TSN_OK;
}

static bool
split_emit(struct tsn_pinst *in, struct tsn_pev *ev, const struct tsn_pv *v)
{
	const struct split *s = in->state;
	struct tsn_pev *one;

	if (v->type == TSN_PV_NULL || (v->type == TSN_PV_STR && v->as.str.len == 0))
		return true;
	one = tsn_pev_clone(ev);
	if (one == NULL || !tsn_pev_set(one, &s->target, *v))
		return false;
	tsn_pl_matched(in, one);
	return tsn_pl_emit(in, one);
}

static bool
split_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct split *s = in->state;
	const struct tsn_pv *v = tsn_pev_get(ev, &s->field);
	struct tsn_pv list;

	if (v == NULL || (v->type != TSN_PV_STR && v->type != TSN_PV_LIST)) {
		(void)tsn_pev_tag(ev, TSN_SLICE("_split_type_failure"));
		return false;
	}
	list = *v;
	if (v->type == TSN_PV_STR) {
		struct tsn_slice rest = v->as.str;
		size_t n = tsn_slice_find(rest, s->terminator);

		if (n == SIZE_MAX || s->terminator.len == 0)
			return false;
		if (!tsn_pv_list_new(ev->arena, &list))
			return false;
		for (;; rest = tsn_slice_from(rest, n + s->terminator.len)) {
			n = tsn_slice_find(rest, s->terminator);
			if (!tsn_pv_list_add(ev->arena, list.as.list,
			    tsn_pv_str(tsn_slice_of(rest.ptr, n == SIZE_MAX ? rest.len : n))))
				return false;
			if (n == SIZE_MAX)
				break;
		}
	}
	for (uint32_t i = 0; i < list.as.list->count; i++)
		if (!split_emit(in, ev, &list.as.list->items[i]))
			return false;
	ev->cancelled = true;
	return false;
}

const struct tsn_pfilter tsn_filter_split = {.open = split_open, .filter = split_filter};

static bool
clone_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	uint32_t count;
	const struct tsn_conf_value *items = tsn_pi_list(in, "clones", &count);

	for (uint32_t i = 0; i < count; i++) {
		struct tsn_pev *c = tsn_pev_clone(ev);

		if (c == NULL)
			return false;
		if (tsn_pi_ecs(in))
			(void)tsn_pev_tag(c, items[i].text);
		else
			(void)tsn_pev_put(c, TSN_SLICE("type"), tsn_pv_str(items[i].text));
		tsn_pl_matched(in, c);
		if (!tsn_pl_emit(in, c))
			return false;
	}
	return false;
}

const struct tsn_pfilter tsn_filter_clone = {.filter = clone_filter};

struct prune_value {
	struct tsn_slice name;
	struct tsn_rx *rx;
};

struct prune {
	struct tsn_rx **white, **black;
	uint32_t white_count, black_count;
	struct prune_value *white_values, *black_values;
	uint32_t white_value_count, black_value_count;
	bool has_white;
};

static enum tsn_code
prune_names(struct tsn_pinst *in, const char *option, struct tsn_rx ***ret, uint32_t *ret_count,
    struct tsn_err *err)
{
	uint32_t count;
	const struct tsn_conf_value *items = tsn_pi_list(in, option, &count);
	struct tsn_err why = {0};

	*ret = tsn_pi_alloc(in, count, sizeof **ret);
	for (; *ret != NULL && *ret_count < count; ++*ret_count)
		if (tsn_rx_new(items[*ret_count].text, &(*ret)[*ret_count], &why) != TSN_OK)
			return tsn_pi_fail(in, err, "option \"%s\": %s", option, why.msg);
	return *ret == NULL ? TSN_ERR(err, TSN_ENOMEM, "out of memory") : TSN_OK;
}

static enum tsn_code
prune_values(struct tsn_pinst *in, const char *option, struct prune_value **ret,
    uint32_t *ret_count, struct tsn_err *err)
{
	uint32_t count;
	const struct tsn_conf_value *items = tsn_pi_hash(in, option, &count);
	struct tsn_err why = {0};

	*ret = tsn_pi_alloc(in, count, sizeof **ret);
	for (; *ret != NULL && *ret_count < count; ++*ret_count) {
		struct prune_value *p = &(*ret)[*ret_count];

		p->name = items[2 * *ret_count].text;
		if (tsn_rx_new(items[2 * *ret_count + 1].text, &p->rx, &why) != TSN_OK)
			return tsn_pi_fail(in, err, "option \"%s\": %s", option, why.msg);
	}
	return *ret == NULL ? TSN_ERR(err, TSN_ENOMEM, "out of memory") : TSN_OK;
}

static enum tsn_code
prune_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct prune *p = tsn_pi_alloc(in, 1, sizeof *p);

	in->state = p;
	if (p == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (tsn_pi_bool(in, "interpolate", false))
		return tsn_pi_fail(in, err, "option \"interpolate\": regexes made out of log text are "
		    "not compiled; write the expressions out");
	p->has_white = tsn_pi_get(in, "whitelist_names") != NULL;
	TSN_TRY(prune_names(in, "whitelist_names", &p->white, &p->white_count, err));
	TSN_TRY(prune_names(in, "blacklist_names", &p->black, &p->black_count, err));
	if (tsn_pi_get(in, "blacklist_names") == NULL) {
		TSN_TRY(tsn_rx_new(TSN_SLICE("%\\{[^}]+\\}"), &p->black[0], err));
		p->black_count = 1;
	}
	TSN_TRY(prune_values(in, "whitelist_values", &p->white_values, &p->white_value_count, err));
	return prune_values(in, "blacklist_values", &p->black_values, &p->black_value_count, err);
}

static void
prune_close(struct tsn_pinst *in)
{
	struct prune *p = in->state;

	if (p == NULL)
		return;
	for (uint32_t i = 0; i < p->white_count; i++)
		tsn_rx_free(p->white[i]);
	for (uint32_t i = 0; i < p->black_count; i++)
		tsn_rx_free(p->black[i]);
	for (uint32_t i = 0; i < p->white_value_count; i++)
		tsn_rx_free(p->white_values[i].rx);
	for (uint32_t i = 0; i < p->black_value_count; i++)
		tsn_rx_free(p->black_values[i].rx);
}

static bool
any_match(struct tsn_rx *const *list, uint32_t count, struct tsn_slice text)
{
	for (uint32_t i = 0; i < count; i++)
		if (tsn_rx_match(list[i], text, 0))
			return true;
	return false;
}

/* keeps values that match, or those that do not */
static void
prune_by_value(const struct prune_value *list, uint32_t count, bool keep, struct tsn_pev *ev)
{
	for (uint32_t i = 0; i < count; i++) {
		struct tsn_pv *v = tsn_pev_find(ev, list[i].name);
		uint32_t kept = 0;

		if (v != NULL && v->type == TSN_PV_STR &&
		    tsn_rx_match(list[i].rx, v->as.str, 0) != keep)
			(void)tsn_pv_map_remove(ev->root.as.map, list[i].name, NULL);
		if (v == NULL || v->type != TSN_PV_LIST)
			continue;
		for (uint32_t j = 0; j < v->as.list->count; j++) {
			const struct tsn_pv *item = &v->as.list->items[j];

			if (item->type != TSN_PV_STR || tsn_rx_match(list[i].rx, item->as.str, 0) == keep)
				v->as.list->items[kept++] = *item;
		}
		v->as.list->count = kept;
		if (kept == 0)
			(void)tsn_pv_map_remove(ev->root.as.map, list[i].name, NULL);
	}
}

static bool
prune_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct prune *p = in->state;
	const struct tsn_pv_map *m = ev->root.as.map;
	struct tsn_pv kept;

	/* a new map: removing one by one would cost the square of many names */
	if (!tsn_pv_map_new(ev->arena, &kept))
		return false;
	for (uint32_t i = 0; i < m->count; i++) {
		struct tsn_slice name = m->members[i].name;
		bool own = tsn_slice_eq(name, TSN_SLICE("@timestamp")) ||
		    tsn_slice_eq(name, TSN_SLICE("@version"));
		bool gone = (p->has_white && !any_match(p->white, p->white_count, name)) ||
		    any_match(p->black, p->black_count, name);

		if ((own || !gone) &&
		    !tsn_pv_map_put(ev->arena, kept.as.map, name, m->members[i].value))
			return false;
	}
	ev->root = kept;
	prune_by_value(p->white_values, p->white_value_count, true, ev);
	prune_by_value(p->black_values, p->black_value_count, false, ev);
	return true;
}

const struct tsn_pfilter tsn_filter_prune = {.open = prune_open,
    .close = prune_close, .filter = prune_filter};

/* a.b to a_b, or to [a][b] */
static bool
undot(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_pv_map *m, struct tsn_slice name)
{
	struct tsn_slice by = tsn_pi_str(in, "separator", "_");
	bool nested = tsn_pi_bool(in, "nested", false);
	struct tsn_pv v, at = {.type = TSN_PV_MAP, .as.map = m};
	struct tsn_buf b;
	struct tsn_slice text;

	if (tsn_slice_find_char(name, '.') == SIZE_MAX || !tsn_pv_map_remove(m, name, &v))
		return true;
	if (!nested) {
		tsn_buf_init(&b, TSN_PL_BYTES_MAX);
		for (size_t i = 0; i < name.len; i++) {
			if (name.ptr[i] == '.')
				tsn_buf_slice(&b, by);
			else
				tsn_buf_char(&b, name.ptr[i]);
		}
		text = tsn_pl_keep(ev, &b);
		return text.ptr != NULL && tsn_pv_map_put(ev->arena, m, text, v);
	}
	for (;;) {
		size_t n = tsn_slice_find_char(name, '.');
		struct tsn_slice part = tsn_slice_of(name.ptr, n == SIZE_MAX ? name.len : n);
		struct tsn_pv *below, map;

		if (n == SIZE_MAX)
			return tsn_pv_map_put(ev->arena, at.as.map, part, v);
		below = tsn_pv_map_find(at.as.map, part);
		if (below != NULL && below->type == TSN_PV_MAP)
			map = *below;
		else if (!tsn_pv_map_new(ev->arena, &map) ||
		    !tsn_pv_map_put(ev->arena, at.as.map, part, map))
			return false;
		at = map;
		name = tsn_slice_from(name, n + 1);
	}
}

static bool
undot_map(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_pv_map *m, uint32_t depth)
{
	uint32_t count = m->count;
	struct tsn_slice *names = tsn_arena_alloc(ev->arena, (count + 1) * sizeof *names);

	if (names == NULL || depth > TSN_PREF_PARTS_MAX)
		return false;
	for (uint32_t i = 0; i < count; i++)
		names[i] = m->members[i].name;
	for (uint32_t i = 0; i < count; i++) {
		const struct tsn_pv *v = tsn_pv_map_find(m, names[i]);

		if (v != NULL && v->type == TSN_PV_MAP && tsn_pi_bool(in, "recursive", false) &&
		    !undot_map(in, ev, v->as.map, depth + 1))
			return false;
		if (!undot(in, ev, m, names[i]))
			return false;
	}
	return true;
}

static bool
de_dot_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	uint32_t count;
	const struct tsn_conf_value *items = tsn_pi_list(in, "fields", &count);

	if (items == NULL)
		return undot_map(in, ev, ev->root.as.map, 0);
	for (uint32_t i = 0; i < count; i++)
		if (!undot(in, ev, ev->root.as.map, items[i].text))
			return false;
	return true;
}

const struct tsn_pfilter tsn_filter_de_dot = {.filter = de_dot_filter};

static struct tsn_slice
cut_text(struct tsn_slice s, size_t bytes)
{
	if (s.len <= bytes)
		return s;
	while (bytes > 0 && ((unsigned char)s.ptr[bytes] & 0xc0) == 0x80)
		bytes--;
	s.len = bytes;
	return s;
}

static void
cut_value(struct tsn_pv *v, size_t bytes, uint32_t depth)
{
	if (v->type == TSN_PV_STR)
		v->as.str = cut_text(v->as.str, bytes);
	if (depth > TSN_PREF_PARTS_MAX)
		return;
	for (uint32_t i = 0; v->type == TSN_PV_LIST && i < v->as.list->count; i++)
		cut_value(&v->as.list->items[i], bytes, depth + 1);
	for (uint32_t i = 0; v->type == TSN_PV_MAP && i < v->as.map->count; i++)
		cut_value(&v->as.map->members[i].value, bytes, depth + 1);
}

static bool
truncate_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	double wanted = tsn_pi_num(in, "length_bytes", 0);
	size_t bytes = wanted < 0 ? 0 : wanted > 1e12 ? SIZE_MAX : (size_t)wanted;
	uint32_t count;
	const struct tsn_conf_value *items = tsn_pi_list(in, "fields", &count);
	struct tsn_pref ref;

	if (items == NULL)
		cut_value(&ev->root, bytes, 0);
	for (uint32_t i = 0; i < count; i++) {
		struct tsn_pv *v = tsn_pref_parse(ev->arena, items[i].text, &ref) ?
		    tsn_pev_get(ev, &ref) : NULL;

		if (v != NULL)
			cut_value(v, bytes, 0);
	}
	return true;
}

const struct tsn_pfilter tsn_filter_truncate = {.filter = truncate_filter};
