/* Filter grok: patterns, matching and captures are parse/grok; here stand its options. */
#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "os/file.h"
#include "parse/grok.h"
#include "pipeline/impl_int.h"

#define PATTERN_FILE_MAX (4u << 20)
#define PATTERN_FILES_MAX 256u

struct grok_field {
	struct tsn_pref ref;
	bool overwrite;
};

struct grok_match {
	struct tsn_pref source;
	struct tsn_grok *code;
	struct tsn_grok_scratch *scratch;
	struct grok_field *fields;
};

struct grok {
	struct grok_match *matches;
	uint32_t count;
	struct tsn_ptags failure, timeout;
	bool break_on_match;
};

static enum tsn_code
add_file(struct tsn_pinst *in, struct tsn_grok_set *set, const char *path, struct tsn_err *err)
{
	struct tsn_err why = {0};
	struct tsn_buf text;
	enum tsn_code code;

	tsn_buf_init(&text, PATTERN_FILE_MAX);
	code = tsn_file_read_all(&tsn_file_system, path, &text, &why);
	if (code == TSN_OK)
		code = tsn_grok_set_add_text(set, tsn_slice_cstr(path), tsn_buf_get(&text), &why);
	tsn_buf_done(&text);
	return code == TSN_OK ? code : tsn_pi_fail(in, err, "option \"patterns_dir\": %s", why.msg);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* the files of a folder in the order of their names: a later definition counts */
static enum tsn_code
add_folder(struct tsn_pinst *in, struct tsn_grok_set *set, const char *folder, struct tsn_err *err)
{
	const char *glob = tsn_arena_dup(&in->pl->conf->arena,
	    tsn_pi_str(in, "patterns_files_glob", "*")).ptr;
	char *paths[PATTERN_FILES_MAX];
	size_t count = 0;
	DIR *dir = opendir(folder);
	enum tsn_code code = TSN_OK;

	if (dir == NULL || glob == NULL) {
		if (dir != NULL)
			(void)closedir(dir);
		return add_file(in, set, folder, err);
	}
	for (const struct dirent *e; count < PATTERN_FILES_MAX && (e = readdir(dir)) != NULL;) {
		struct tsn_buf b;

		if (e->d_name[0] == '.' || fnmatch(glob, e->d_name, 0) != 0)
			continue;
		tsn_buf_init(&b, 8192);
		tsn_buf_printf(&b, "%s/%s", folder, e->d_name);
		tsn_buf_char(&b, '\0');
		if (tsn_buf_check(&b) == TSN_OK)
			paths[count++] = TSN_STEAL(b.ptr);
		else
			tsn_buf_done(&b);
	}
	(void)closedir(dir);
	qsort(paths, count, sizeof paths[0], by_name);
	for (size_t i = 0; i < count; i++) {
		struct tsn_file_info info;

		if (code == TSN_OK && tsn_file_stat_path(paths[i], &info, NULL) == TSN_OK &&
		    info.kind == TSN_FILE_REGULAR)
			code = add_file(in, set, paths[i], err);
		free(paths[i]);
	}
	return code;
}

static enum tsn_code
add_definitions(struct tsn_pinst *in, struct tsn_grok_set *set, struct tsn_err *err)
{
	struct tsn_err why = {0};
	uint32_t count;
	const struct tsn_conf_value *items;

	if (tsn_grok_set_add_builtin(set, tsn_pi_ecs(in), &why) != TSN_OK)
		return tsn_pi_fail(in, err, "%s", why.msg);
	items = tsn_pi_list(in, "patterns_dir", &count);
	for (uint32_t i = 0; i < count; i++) {
		struct tsn_slice path = tsn_arena_dup(&in->pl->conf->arena, items[i].text);

		if (path.ptr == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		TSN_TRY(add_folder(in, set, path.ptr, err));
	}
	items = tsn_pi_hash(in, "pattern_definitions", &count);
	for (uint32_t i = 0; i < count; i++)
		if (tsn_grok_set_add(set, items[2 * i].text, items[2 * i + 1].text, &why) != TSN_OK)
			return tsn_pi_fail(in, err, "option \"pattern_definitions\": %s", why.msg);
	return TSN_OK;
}

static bool
overwrites(const struct tsn_conf_value *names, uint32_t count, struct tsn_slice name)
{
	for (uint32_t i = 0; i < count; i++)
		if (tsn_slice_eq(names[i].text, name))
			return true;
	return false;
}

/* references of the captures, below target */
static enum tsn_code
open_fields(struct tsn_pinst *in, struct grok_match *m, struct tsn_err *err)
{
	struct tsn_slice target = tsn_pi_str(in, "target", "");
	uint32_t over_count;
	const struct tsn_conf_value *over = tsn_pi_list(in, "overwrite", &over_count);
	size_t count;
	const struct tsn_grok_field *fields = tsn_grok_fields(m->code, &count);

	m->fields = tsn_pi_alloc(in, count, sizeof *m->fields);
	if (m->fields == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		struct tsn_slice name = fields[i].name;
		struct tsn_buf b;

		m->fields[i].overwrite = overwrites(over, over_count, name);
		tsn_buf_init(&b, 65536);
		if (target.len > 0) {
			tsn_buf_printf(&b, target.ptr[0] == '[' ? "%.*s" : "[%.*s]", TSN_SLICE_ARG(target));
			tsn_buf_printf(&b, name.len > 0 && name.ptr[0] == '[' ? "%.*s" : "[%.*s]",
			    TSN_SLICE_ARG(name));
			name = tsn_buf_get(&b);
		}
		name = tsn_arena_dup(&in->pl->conf->arena, name);
		tsn_buf_done(&b);
		if (name.ptr == NULL || !tsn_pi_ref(in, name, &m->fields[i].ref))
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	return TSN_OK;
}

static enum tsn_code
open_match(struct tsn_pinst *in, const struct tsn_grok_set *set, struct grok_match *m,
    const struct tsn_conf_value *pair, struct tsn_err *err)
{
	struct tsn_grok_options o = {.all_captures = !tsn_pi_bool(in, "named_captures_only", true),
	    .keep_empty_captures = tsn_pi_bool(in, "keep_empty_captures", false)};
	bool list = pair[1].type == TSN_CONF_ARRAY;
	const struct tsn_conf_value *items = list ? pair[1].items : &pair[1];
	uint32_t count = list ? pair[1].count : 1;
	struct tsn_slice *patterns = tsn_pi_alloc(in, count, sizeof *patterns);
	struct tsn_err why = {0};

	if (patterns == NULL || !tsn_pi_ref(in, pair[0].text, &m->source))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < count; i++)
		patterns[i] = items[i].text;
	if (tsn_grok_compile(set, patterns, count, &o, &m->code, &why) != TSN_OK)
		return tsn_pi_fail(in, err, "option \"match\": %s", why.msg);
	m->scratch = tsn_grok_scratch_new(m->code);
	if (m->scratch == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return open_fields(in, m, err);
}

static enum tsn_code
grok_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct grok *g = tsn_pi_alloc(in, 1, sizeof *g);
	const struct tsn_conf_value *items;
	struct tsn_grok_set *set;
	uint32_t count;
	enum tsn_code code;

	in->state = g;
	if (g == NULL || !tsn_pi_tags(in, "tag_on_failure", "_grokparsefailure", &g->failure) ||
	    !tsn_pi_tags(in, "tag_on_timeout", "_groktimeout", &g->timeout))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	g->break_on_match = tsn_pi_bool(in, "break_on_match", true);
	items = tsn_pi_hash(in, "match", &count);
	g->matches = tsn_pi_alloc(in, count, sizeof *g->matches);
	set = tsn_grok_set_new();
	if (g->matches == NULL || set == NULL) {
		tsn_grok_set_free(set);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	code = add_definitions(in, set, err);
	while (code == TSN_OK && g->count < count) {
		code = open_match(in, set, &g->matches[g->count], &items[2 * g->count], err);
		g->count++;
	}
	tsn_grok_set_free(set);
	return code;
}

static void
grok_close(struct tsn_pinst *in)
{
	struct grok *g = in->state;

	for (uint32_t i = 0; g != NULL && i < g->count; i++) {
		tsn_grok_scratch_free(g->matches[i].scratch);
		tsn_grok_free(g->matches[i].code);
	}
}

/* Ruby's to_i and to_f of what a pattern took */
static struct tsn_pv
typed(const struct tsn_grok_field *f, struct tsn_slice text)
{
	int64_t i = 0;
	double d = 0;

	if (f->type == TSN_GROK_TEXT)
		return tsn_pv_str(text);
	text = tsn_slice_trim(text);
	if (f->type == TSN_GROK_INT && tsn_num_parse_i64(text, &i) == TSN_OK)
		return tsn_pv_int(i);
	if (tsn_num_parse_f64(text, &d) != TSN_OK)
		d = 0;
	if (f->type == TSN_GROK_INT)
		return tsn_pv_int(d < 9e18 && d > -9e18 ? (int64_t)d : 0);
	return (struct tsn_pv){.type = TSN_PV_FLOAT, .as.d = d};
}

static bool
put_capture(struct tsn_pev *ev, const struct grok_field *f, bool again, struct tsn_pv v)
{
	struct tsn_pv *old = f->overwrite && !again ? NULL : tsn_pev_get(ev, &f->ref);
	struct tsn_pv list;

	if (old == NULL || old->type == TSN_PV_NULL)
		return tsn_pev_set(ev, &f->ref, v);
	if (old->type != TSN_PV_LIST) {
		if (!tsn_pv_list_new(ev->arena, &list) || !tsn_pv_list_add(ev->arena, list.as.list, *old))
			return false;
		*old = list;
	}
	return tsn_pv_list_add(ev->arena, old->as.list, v);
}

static bool
match_text(const struct grok *g, const struct grok_match *m, struct tsn_pev *ev,
    struct tsn_slice text, bool *ret_timeout)
{
	struct tsn_grok_result r;
	const struct tsn_grok_field *fields = tsn_grok_fields(m->code, &(size_t){0});
	bool matched = false;

	for (uint32_t from = 0;; from = r.pattern + 1) {
		enum tsn_code code = tsn_grok_match(m->code, m->scratch, text, from, &r);

		if (code == TSN_ELIMIT) {
			*ret_timeout = true;
			return matched;
		}
		if (code != TSN_OK)
			return matched;
		matched = true;
		for (uint32_t i = 0; i < r.count; i++) {
			const struct tsn_grok_capture *c = &r.captures[i];
			bool again = i > 0 && r.captures[i - 1].field == c->field;

			(void)put_capture(ev, &m->fields[c->field], again, typed(&fields[c->field], c->text));
		}
		if (g->break_on_match)
			return true;
	}
}

static bool
grok_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct grok *g = in->state;
	bool matched = false, timeout = false;

	for (uint32_t i = 0; i < g->count && !(matched && g->break_on_match); i++) {
		const struct tsn_pv *v = tsn_pev_get(ev, &g->matches[i].source);
		struct tsn_pv list;

		if (v == NULL)
			continue;
		/* captures may change the field itself: what is matched is what it was */
		if (v->type == TSN_PV_STR) {
			matched |= match_text(g, &g->matches[i], ev, v->as.str, &timeout);
		} else if (v->type == TSN_PV_LIST && tsn_pv_copy(ev->arena, v, &list)) {
			for (uint32_t j = 0; j < list.as.list->count; j++)
				if (list.as.list->items[j].type == TSN_PV_STR)
					matched |= match_text(g, &g->matches[i], ev, list.as.list->items[j].as.str,
					    &timeout);
		}
	}
	if (timeout)
		tsn_pl_tags(ev, g->timeout.tags, g->timeout.count);
	else if (!matched)
		tsn_pl_tags(ev, g->failure.tags, g->failure.count);
	return matched;
}

const struct tsn_pfilter tsn_filter_grok = {.open = grok_open,
    .close = grok_close, .filter = grok_filter};
