/* Filter translate: values looked up in a table that the configuration or a file holds. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "codec/yaml.h"
#include "os/clock.h"
#include "os/file.h"
#include "pipeline/rx.h"
#include "pipeline/ship_int.h"

#define FILE_MAX_BYTES (64u << 20)
#define TABLE_MAX (512u << 20)

struct translate {
	struct tsn_pref source, target, iterate;
	struct tsn_tmpl fallback;
	bool has_fallback, has_iterate, exact, regex, override, same;
	struct tsn_arena arena;		/* of the table */
	struct tsn_pv table;		/* a map */
	struct tsn_rx **rx;		/* of its names, when they are expressions */
	struct tsn_rx *any;		/* all names, when they are looked for inside */
	const char *path;
	int64_t refresh_ns, looked_ns, mtime_ns;
	bool merge;
};

static bool
yaml_value(struct tsn_arena *a, const struct tsn_yaml *y, struct tsn_pv *ret)
{
	*ret = (struct tsn_pv){.type = TSN_PV_NULL};
	if (y->kind == TSN_YAML_STR)
		*ret = tsn_pv_str(tsn_arena_dup(a, y->text));
	else if (y->kind == TSN_YAML_INT)
		*ret = tsn_pv_int(y->num.i);
	else if (y->kind == TSN_YAML_BOOL)
		*ret = tsn_pv_bool(y->num.i != 0);
	else if (y->kind == TSN_YAML_FLOAT)
		*ret = (struct tsn_pv){.type = TSN_PV_FLOAT, .as.d = y->num.d};
	if (y->kind == TSN_YAML_SEQ && !tsn_pv_list_new(a, ret))
		return false;
	if (y->kind == TSN_YAML_MAP && !tsn_pv_map_new(a, ret))
		return false;
	/* depth is bounded by the reader of YAML */
	for (const struct tsn_yaml *v = y->kind >= TSN_YAML_SEQ ? y->first : NULL; v != NULL;
	    v = v->next) {
		struct tsn_pv one;

		if (!yaml_value(a, v, &one) || (y->kind == TSN_YAML_SEQ ?
		    !tsn_pv_list_add(a, ret->as.list, one) :
		    !tsn_pv_map_put(a, ret->as.map, tsn_arena_dup(a, v->key), one)))
			return false;
	}
	return true;
}

/* name,value lines; either may be quoted */
static struct tsn_slice
csv_cell(struct tsn_arena *a, struct tsn_slice *rest)
{
	char *out = tsn_arena_alloc(a, rest->len + 1);
	size_t i = 0, n = 0;
	bool quoted = rest->len > 0 && rest->ptr[0] == '"';

	if (out == NULL)
		return TSN_SLICE_NONE;
	for (i = quoted; i < rest->len; i++) {
		if (quoted && rest->ptr[i] == '"') {
			if (i + 1 < rest->len && rest->ptr[i + 1] == '"')
				i++;
			else
				break;
		} else if (!quoted && rest->ptr[i] == ',') {
			break;
		}
		out[n++] = rest->ptr[i];
	}
	while (i < rest->len && rest->ptr[i] != ',')
		i++;
	*rest = tsn_slice_from(*rest, i + 1);
	return tsn_slice_of(out, n);
}

static bool
read_csv(struct tsn_arena *a, struct tsn_slice text, struct tsn_pv_map *m)
{
	while (text.len > 0) {
		size_t end = tsn_slice_find_char(text, '\n');
		struct tsn_slice line = tsn_slice_trim(tsn_slice_of(text.ptr, end == SIZE_MAX ? text.len :
		    end)), name, value;

		text = tsn_slice_from(text, end == SIZE_MAX ? text.len : end + 1);
		if (line.len == 0)
			continue;
		name = csv_cell(a, &line);
		value = csv_cell(a, &line);
		if (name.ptr == NULL || !tsn_pv_map_put(a, m, name, tsn_pv_str(value)))
			return false;
	}
	return true;
}

static enum tsn_code
read_file(struct translate *t, struct tsn_pv *table, struct tsn_err *err)
{
	struct tsn_slice path = tsn_slice_cstr(t->path);
	const struct tsn_yaml *doc = NULL;
	struct tsn_slice own;
	struct tsn_buf text;
	struct tsn_pv all;
	enum tsn_code code;

	tsn_buf_init(&text, FILE_MAX_BYTES);
	code = tsn_file_read_all(&tsn_file_system, t->path, &text, err);
	own = code != TSN_OK ? TSN_SLICE_NONE : tsn_arena_dup(&t->arena, tsn_buf_get(&text));
	tsn_buf_done(&text);
	TSN_TRY(code);
	if (tsn_slice_ends(path, TSN_SLICE(".csv")))
		return read_csv(&t->arena, own, table->as.map) ? TSN_OK :
		    TSN_ERR(err, TSN_ENOMEM, "out of memory");
	if (tsn_slice_ends(path, TSN_SLICE(".json"))) {
		TSN_TRY(tsn_pv_read_json(&t->arena, own, &all, err));
	} else {
		TSN_TRY(tsn_yaml_parse(&t->arena, own, &doc, err));
		if (doc == NULL || !yaml_value(&t->arena, doc, &all))
			TSN_FAIL(err, TSN_EPARSE, "%s: expected names and values", t->path);
	}
	if (all.type != TSN_PV_MAP)
		TSN_FAIL(err, TSN_EPARSE, "%s: expected names and values", t->path);
	for (uint32_t i = 0; i < all.as.map->count; i++)
		if (!tsn_pv_map_put(&t->arena, table->as.map, all.as.map->members[i].name,
		    all.as.map->members[i].value))
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return TSN_OK;
}

static void
free_rx(struct translate *t)
{
	for (uint32_t i = 0; t->rx != NULL && i < t->table.as.map->count; i++)
		tsn_rx_free(t->rx[i]);
	free(t->rx);
	t->rx = NULL;
	tsn_rx_free(t->any);
	t->any = NULL;
}

static enum tsn_code
compile(struct translate *t, struct tsn_err *err)
{
	const struct tsn_pv_map *m = t->table.as.map;
	struct tsn_buf b;
	enum tsn_code code = TSN_OK;

	if (t->regex && t->exact) {
		t->rx = calloc(m->count + 1, sizeof *t->rx);
		for (uint32_t i = 0; t->rx != NULL && i < m->count && code == TSN_OK; i++)
			code = tsn_rx_new(m->members[i].name, &t->rx[i], err);
		return t->rx == NULL ? TSN_ERR(err, TSN_ENOMEM, "out of memory") : code;
	}
	if (t->exact || m->count == 0)
		return TSN_OK;
	tsn_buf_init(&b, 64u << 20);
	for (uint32_t i = 0; i < m->count; i++) {
		struct tsn_slice name = m->members[i].name;

		tsn_buf_char(&b, i == 0 ? '(' : '|');
		for (size_t k = 0; k < name.len; k++) {
			if (!t->regex && name.ptr[k] != '\0' &&
			    strchr("\\^$.|?*+()[]{}-/# \t\n", name.ptr[k]) != NULL)
				tsn_buf_char(&b, '\\');
			tsn_buf_char(&b, name.ptr[k]);
		}
	}
	tsn_buf_char(&b, ')');
	code = tsn_buf_check(&b) != TSN_OK ? TSN_ENOMEM : tsn_rx_new(tsn_buf_get(&b), &t->any, err);
	tsn_buf_done(&b);
	return code;
}

static enum tsn_code
load(struct tsn_pinst *in, struct translate *t, struct tsn_err *err)
{
	uint32_t count;
	const struct tsn_conf_value *pairs = tsn_pi_hash(in, "dictionary", &count);

	if (!tsn_pv_map_new(&t->arena, &t->table))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < count; i++) {
		const struct tsn_conf_value *v = &pairs[2 * i + 1];
		bool whole = v->type == TSN_CONF_NUMBER && v->number == (double)(int64_t)v->number;
		struct tsn_pv value = whole ? tsn_pv_int((int64_t)v->number) : tsn_pv_str(v->text);

		if (!tsn_pv_map_put(&t->arena, t->table.as.map, pairs[2 * i].text, value))
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	if (t->path != NULL)
		TSN_TRY(read_file(t, &t->table, err));
	return compile(t, err);
}

static enum tsn_code
translate_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct translate *t = tsn_pi_alloc(in, 1, sizeof *t);
	struct tsn_slice source = tsn_pi_str(in, "source", ""), target;
	struct tsn_file_info info;
	struct tsn_err why = {0};

	if (t == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->state = t;
	tsn_arena_init(&t->arena, TABLE_MAX);
	if (source.len == 0)
		return tsn_pi_fail(in, err, "needs the option \"source\"");
	target = tsn_pi_get(in, "target") != NULL ? tsn_pi_str(in, "target", "") :
	    tsn_pi_ecs(in) ? source : TSN_SLICE("translation");
	t->has_iterate = tsn_pi_get(in, "iterate_on") != NULL;
	t->same = tsn_slice_eq(source, target);
	t->override = tsn_pi_bool(in, "override", t->same);
	t->exact = tsn_pi_bool(in, "exact", true);
	t->regex = tsn_pi_bool(in, "regex", false);
	t->has_fallback = tsn_pi_get(in, "fallback") != NULL;
	t->path = tsn_pi_text(in, "dictionary_path", NULL);
	t->refresh_ns = tsn_pi_span(in, "refresh_interval", 300);
	t->merge = tsn_slice_eq(tsn_pi_str(in, "refresh_behaviour", "merge"), TSN_SLICE("merge"));
	if (t->path != NULL && tsn_pi_get(in, "dictionary") != NULL)
		return tsn_pi_fail(in, err, "dictionary or dictionary_path, not both");
	if (!tsn_pi_ref(in, source, &t->source) || !tsn_pi_ref(in, target, &t->target) ||
	    !tsn_tmpl_parse(&in->pl->conf->arena, tsn_pi_str(in, "fallback", ""), &t->fallback) ||
	    (t->has_iterate && !tsn_pi_ref_option(in, "iterate_on", "", &t->iterate)))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (t->path != NULL && tsn_file_stat_path(t->path, &info, NULL) == TSN_OK)
		t->mtime_ns = info.mtime_ns;
	t->looked_ns = tsn_clock_mono_ns();
	return load(in, t, &why) == TSN_OK ? TSN_OK : tsn_pi_fail(in, err, "%s", why.msg);
}

static void
translate_close(struct tsn_pinst *in)
{
	struct translate *t = in->state;

	if (t == NULL)
		return;
	free_rx(t);
	tsn_arena_done(&t->arena);
}

/* A file that changed is read anew; one that cannot be read leaves the table as it was. */
static void
translate_tick(struct tsn_pinst *in, bool last)
{
	struct translate *t = in->state, fresh;
	struct tsn_file_info info;
	struct tsn_err why = {0};
	int64_t now = tsn_clock_mono_ns();

	if (last || t->path == NULL || t->refresh_ns <= 0 || now - t->looked_ns < t->refresh_ns)
		return;
	t->looked_ns = now;
	if (tsn_file_stat_path(t->path, &info, NULL) != TSN_OK || info.mtime_ns == t->mtime_ns)
		return;
	t->mtime_ns = info.mtime_ns;
	fresh = *t;
	fresh.rx = NULL;
	fresh.any = NULL;
	tsn_arena_init(&fresh.arena, TABLE_MAX);
	if (load(in, &fresh, &why) != TSN_OK) {
		tsn_pl_say(in, "%s", why.msg);
		free_rx(&fresh);
		tsn_arena_done(&fresh.arena);
		return;
	}
	for (uint32_t i = 0; t->merge && i < t->table.as.map->count; i++) {
		const struct tsn_pv_member *m = &t->table.as.map->members[i];
		struct tsn_pv copy;

		if (tsn_pv_map_find(fresh.table.as.map, m->name) == NULL &&
		    tsn_pv_copy(&fresh.arena, &m->value, &copy))
			(void)tsn_pv_map_put(&fresh.arena, fresh.table.as.map,
			    tsn_arena_dup(&fresh.arena, m->name), copy);
	}
	free_rx(t);
	tsn_arena_done(&t->arena);
	*t = fresh;
	if (t->merge) {
		free_rx(t);
		(void)compile(t, &why);
	}
}

/* looked for inside the value, each place replaced */
static bool
replace_inside(struct translate *t, struct tsn_pev *ev, struct tsn_slice text, struct tsn_pv *ret)
{
	struct tsn_buf b;
	size_t at = 0;
	bool found = false;

	if (t->any == NULL)
		return false;
	tsn_buf_init(&b, TSN_PL_BYTES_MAX);
	while (at <= text.len && tsn_rx_match(t->any, text, at)) {
		struct tsn_slice all = tsn_rx_group(t->any, text, 0);
		const struct tsn_pv *v = tsn_pv_map_find(t->table.as.map, all);
		size_t begin = (size_t)(all.ptr - text.ptr);

		tsn_buf_slice(&b, tsn_slice_of(text.ptr + at, begin - at));
		if (v != NULL)
			tsn_pv_write_text(v, &b);
		found = true;
		at = begin + all.len;
		if (all.len == 0 && at < text.len)
			tsn_buf_char(&b, text.ptr[at]);
		at += all.len == 0;
	}
	if (at < text.len)
		tsn_buf_slice(&b, tsn_slice_from(text, at));
	*ret = tsn_pv_str(tsn_pl_keep(ev, &b));
	return found && ret->as.str.ptr != NULL;
}

static bool
look_up(struct translate *t, struct tsn_pev *ev, const struct tsn_pv *v, struct tsn_pv *ret)
{
	const struct tsn_pv_map *m = t->table.as.map;
	const struct tsn_pv *found = NULL;
	struct tsn_slice text;
	struct tsn_buf b;

	if (v->type == TSN_PV_LIST)
		v = v->as.list->count > 0 ? &v->as.list->items[0] : NULL;
	if (v == NULL || v->type == TSN_PV_MAP)
		return false;
	tsn_buf_init(&b, TSN_PL_BYTES_MAX);
	tsn_pv_write_text(v, &b);
	text = v->type == TSN_PV_STR ? v->as.str : tsn_pl_keep(ev, &b);
	tsn_buf_done(&b);
	if (!t->exact)
		return replace_inside(t, ev, text, ret);
	if (t->regex) {
		for (uint32_t i = 0; i < m->count && found == NULL; i++)
			if (tsn_rx_match(t->rx[i], text, 0))
				found = &m->members[i].value;
	} else {
		found = tsn_pv_map_find(m, text);
	}
	return found != NULL && tsn_pv_copy(ev->arena, found, ret);
}

static bool
fall_back(const struct translate *t, const struct tsn_pev *ev, struct tsn_pv *ret)
{
	*ret = tsn_pv_str(t->has_fallback ? tsn_tmpl_text(&t->fallback, ev) : TSN_SLICE_NONE);
	return t->has_fallback && ret->as.str.ptr != NULL;
}

/* each value of a list, or a field of each map in it */
static bool
each(struct translate *t, struct tsn_pev *ev)
{
	struct tsn_pv *list = tsn_pev_get(ev, &t->iterate), out, one;
	bool some = false, values;

	if (list == NULL || list->type != TSN_PV_LIST || !tsn_pv_list_new(ev->arena, &out))
		return false;
	values = tsn_slice_eq(t->iterate.text, t->source.text);
	for (uint32_t i = 0; i < list->as.list->count; i++) {
		struct tsn_pev inner = {.arena = ev->arena, .root = list->as.list->items[i]};
		const struct tsn_pv *v;

		if (values) {
			bool got = look_up(t, ev, &inner.root, &one) || fall_back(t, ev, &one);

			one = got ? one : (struct tsn_pv){.type = TSN_PV_NULL};
			some |= got;
			if (!tsn_pv_list_add(ev->arena, out.as.list, one))
				return false;
		} else if (inner.root.type == TSN_PV_MAP && (v = tsn_pev_get(&inner, &t->source)) != NULL &&
		    (look_up(t, ev, v, &one) || fall_back(t, ev, &one))) {
			some |= tsn_pev_set(&inner, &t->target, one);
		}
	}
	return values ? tsn_pev_set(ev, &t->target, out) && some : some;
}

static bool
translate_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	struct translate *t = in->state;
	const struct tsn_pv *v;
	struct tsn_pv value;

	if (t->has_iterate)
		return each(t, ev);
	v = tsn_pev_get(ev, &t->source);
	if (v == NULL || (!t->override && tsn_pev_get(ev, &t->target) != NULL))
		return false;
	return (look_up(t, ev, v, &value) || fall_back(t, ev, &value)) &&
	    tsn_pev_set(ev, &t->target, value);
}

const struct tsn_pfilter tsn_filter_translate = {.open = translate_open,
    .close = translate_close, .filter = translate_filter, .tick = translate_tick};
