#include "rule/taxonomy.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "content/content.h"
#include "rule/load_int.h"

#define ARENA_MAX ((size_t)256 << 20)
#define PREFIXES_MAX 4u
#define MAPS_MAX 4u
#define VIEWS_MAX 65536u
#define NAMES_MAX 10000u

struct name_entry {
	struct tsn_slice name;
	struct tsn_slice *paths;
	uint32_t path_count;
};

/* A named list of field names: what views refer to. */
struct names {
	const struct names *next;
	struct tsn_slice name;
	struct tsn_slice prefixes[PREFIXES_MAX];
	uint32_t prefix_count;
	bool closed;			/* events have no names beside these and event paths */
	struct name_entry *slots;	/* mask + 1 of them; open addressing */
	uint32_t mask;
};

struct tsn_fieldmap {
	const struct names *maps[MAPS_MAX];	/* the first that lists a name has it */
	uint32_t count;
	bool as_is;			/* names are event paths too; without maps nothing else */
};

/* What tsn_taxonomy_find() answered before. */
struct answer {
	const struct answer *next;
	struct tsn_logsource logsource;
	const struct tsn_view **views;
	uint32_t count;
	bool paths;
};

#define ANSWERS 1024u

struct tsn_taxonomy {
	const struct answer *answers[ANSWERS];	/* by hash of the log source */
	struct tsn_arena arena;
	struct tsn_arena yaml;
	const struct names *names;
	struct tsn_view **views;
	uint32_t view_count, view_cap;
	struct tsn_fieldmap as_is;
};

struct tsn_taxonomy *
tsn_taxonomy_new(void)
{
	struct tsn_taxonomy *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	tsn_arena_init(&t->arena, ARENA_MAX);
	tsn_arena_init(&t->yaml, ARENA_MAX);
	t->as_is.as_is = true;
	return t;
}

void
tsn_taxonomy_free(struct tsn_taxonomy *t)
{
	if (t == NULL)
		return;
	tsn_arena_done(&t->arena);
	tsn_arena_done(&t->yaml);
	free(t->views);
	free(t);
}

uint32_t
tsn_taxonomy_view_count(const struct tsn_taxonomy *t)
{
	return t->view_count;
}

const struct tsn_view *
tsn_taxonomy_view(const struct tsn_taxonomy *t, uint32_t index)
{
	TSN_ASSERT(index < t->view_count);
	return t->views[index];
}

static struct tsn_view *
add_view(struct tsn_taxonomy *t)
{
	struct tsn_view *v;

	if (t->view_count == VIEWS_MAX)
		return NULL;
	if (t->view_count == t->view_cap) {
		uint32_t cap = t->view_cap == 0 ? 128 : 2 * t->view_cap;
		struct tsn_view **views = reallocarray(t->views, cap, sizeof(struct tsn_view *));

		if (views == NULL)
			return NULL;
		t->views = views;
		t->view_cap = cap;
	}
	v = tsn_arena_calloc(&t->arena, 1, sizeof *v);
	if (v == NULL)
		return NULL;
	v->index = t->view_count;
	t->views[t->view_count++] = v;
	return v;
}

static const struct name_entry *
find_name(const struct names *m, struct tsn_slice name)
{
	for (uint64_t at = tsn_hash_slice(name, 0);; at++) {
		const struct name_entry *e = &m->slots[at & m->mask];

		if (e->name.len == 0)
			return NULL;
		if (tsn_slice_eq(e->name, name))
			return e;
	}
}

static enum tsn_code
read_names(struct tsn_taxonomy *t, const struct tsn_yaml *map, struct names *m, struct tsn_err *err)
{
	uint32_t count = map == NULL || map->kind != TSN_YAML_MAP ? 0 : map->count;

	if (count > NAMES_MAX)
		TSN_FAIL_AT(err, TSN_ELIMIT, map->line, "more than %u names", NAMES_MAX);
	m->mask = 15;
	while (m->mask < 2 * count)
		m->mask = 2 * m->mask + 1;
	m->slots = tsn_arena_calloc(&t->arena, (size_t)m->mask + 1, sizeof *m->slots);
	if (m->slots == NULL)
		return tsn_rule_int_no_memory(err);
	for (const struct tsn_yaml *n = count == 0 ? NULL : map->first; n != NULL; n = n->next) {
		uint64_t at = tsn_hash_slice(n->key, 0);
		struct name_entry *e;

		if (n->key.len == 0)
			TSN_FAIL_AT(err, TSN_EINVAL, n->key_line, "an empty field name");
		while (m->slots[at & m->mask].name.len > 0)
			at++;
		e = &m->slots[at & m->mask];
		e->name = tsn_arena_dup(&t->arena, n->key);
		TSN_TRY(tsn_rule_int_texts(&t->arena, n, "names", &e->paths, &e->path_count, err));
		if (e->name.ptr == NULL)
			return tsn_rule_int_no_memory(err);
		if (e->path_count == 0 || e->path_count > TSN_VIEW_PATHS_MAX)
			TSN_FAIL_AT(err, TSN_EINVAL, n->key_line, "a name stands for 1 to %u paths",
			    TSN_VIEW_PATHS_MAX);
	}
	return TSN_OK;
}

static enum tsn_code
read_maps(struct tsn_taxonomy *t, const struct tsn_yaml *maps, struct tsn_err *err)
{
	if (maps == NULL)
		return TSN_OK;
	if (maps->kind != TSN_YAML_MAP)
		TSN_FAIL_AT(err, TSN_EINVAL, maps->key_line, "fields is %s; expected a map of field maps",
		    tsn_yaml_kind_name(maps));
	for (const struct tsn_yaml *n = maps->first; n != NULL; n = n->next) {
		struct names *m = tsn_arena_calloc(&t->arena, 1, sizeof *m);
		const struct tsn_yaml *closed;
		struct tsn_slice *prefixes;

		if (m == NULL)
			return tsn_rule_int_no_memory(err);
		m->name = tsn_arena_dup(&t->arena, n->key);
		TSN_TRY(tsn_rule_int_texts(&t->arena, tsn_yaml_find(n, TSN_SLICE("prefix")), "prefix",
		    &prefixes, &m->prefix_count, err));
		if (m->prefix_count > PREFIXES_MAX)
			TSN_FAIL_AT(err, TSN_EINVAL, n->key_line, "more than %u prefixes", PREFIXES_MAX);
		for (uint32_t i = 0; i < m->prefix_count; i++)
			m->prefixes[i] = prefixes[i];
		closed = tsn_yaml_find(n, TSN_SLICE("closed"));
		m->closed = closed != NULL && closed->kind == TSN_YAML_BOOL && closed->num.i != 0;
		TSN_TRY(read_names(t, tsn_yaml_find(n, TSN_SLICE("names")), m, err));
		m->next = t->names;
		t->names = m;
	}
	return TSN_OK;
}

static enum tsn_code
read_view_fields(struct tsn_taxonomy *t, const struct tsn_yaml *node, uint32_t line,
    struct tsn_view *v, struct tsn_err *err)
{
	struct tsn_fieldmap *map = tsn_arena_calloc(&t->arena, 1, sizeof *map);
	struct tsn_slice *wanted;
	uint32_t count;
	char shown[SHOWN_MAX];

	if (map == NULL)
		return tsn_rule_int_no_memory(err);
	TSN_TRY(tsn_rule_int_texts(&t->arena, node, "fields", &wanted, &count, err));
	if (count > MAPS_MAX)
		TSN_FAIL_AT(err, TSN_EINVAL, line, "a view takes at most %u field maps", MAPS_MAX);
	for (uint32_t i = 0; i < count; i++) {
		const struct names *m = t->names;

		while (m != NULL && !tsn_slice_eq(m->name, wanted[i]))
			m = m->next;
		if (m == NULL)
			TSN_FAIL_AT(err, TSN_EINVAL, line, "no field map is called \"%s\"",
			    tsn_slice_escape(wanted[i], shown, sizeof shown));
		map->maps[map->count++] = m;
	}
	v->map = map;
	return TSN_OK;
}

static enum tsn_code
read_provides(struct tsn_taxonomy *t, const struct tsn_yaml *node, uint32_t line,
    struct tsn_view *v, struct tsn_err *err)
{
	uint32_t count = node == NULL ? 0 : node->kind == TSN_YAML_SEQ ? node->count : 1;
	const struct tsn_yaml *n = node == NULL || node->kind != TSN_YAML_SEQ ? node : node->first;
	struct tsn_logsource *list = tsn_arena_calloc(&t->arena, count + 1, sizeof *list);

	if (list == NULL)
		return tsn_rule_int_no_memory(err);
	if (count == 0)
		TSN_FAIL_AT(err, TSN_EINVAL, line, "a view provides at least one log source");
	for (uint32_t i = 0; i < count; i++, n = n->next)
		TSN_TRY(tsn_rule_int_logsource(&t->arena, n, line, &list[i], err));
	v->logsources = list;
	v->logsource_count = count;
	return TSN_OK;
}

static enum tsn_code
read_view(struct tsn_taxonomy *t, const struct tsn_yaml *node, struct tsn_err *err)
{
	const struct tsn_yaml *name = tsn_yaml_find(node, TSN_SLICE("name"));
	const struct tsn_yaml *when = tsn_yaml_find(node, TSN_SLICE("when"));
	struct reading rd = {.arena = &t->arena};
	struct tsn_view *v;

	if (name == NULL || when == NULL)
		TSN_FAIL_AT(err, TSN_EINVAL, node->line, "a view needs name, provides and when");
	v = add_view(t);
	if (v == NULL)
		return tsn_rule_int_no_memory(err);
	v->name = tsn_arena_dup(&t->arena, tsn_yaml_text(name));
	if (v->name.ptr == NULL)
		return tsn_rule_int_no_memory(err);
	TSN_TRY(read_provides(t, tsn_yaml_find(node, TSN_SLICE("provides")), node->line, v, err));
	TSN_TRY(read_view_fields(t, tsn_yaml_find(node, TSN_SLICE("fields")), node->line, v, err));
	return tsn_rule_int_selection(&rd, when, &v->when, err);
}

static enum tsn_code
read_file(struct tsn_taxonomy *t, struct tsn_slice text, struct tsn_err *err)
{
	const struct tsn_yaml *doc, *views;

	tsn_arena_reset(&t->yaml);
	TSN_TRY(tsn_yaml_parse(&t->yaml, text, &doc, err));
	for (; doc != NULL; doc = doc->next) {
		TSN_TRY(read_maps(t, tsn_yaml_find(doc, TSN_SLICE("fields")), err));
		views = tsn_yaml_find(doc, TSN_SLICE("views"));
		if (views == NULL)
			continue;
		if (views->kind != TSN_YAML_SEQ)
			TSN_FAIL_AT(err, TSN_EINVAL, views->key_line, "views is %s; expected a list",
			    tsn_yaml_kind_name(views));
		for (const struct tsn_yaml *n = views->first; n != NULL; n = n->next)
			TSN_TRY(read_view(t, n, err));
	}
	return TSN_OK;
}

enum tsn_code
tsn_taxonomy_add(struct tsn_taxonomy *t, struct tsn_slice name, struct tsn_slice text,
    struct tsn_err *err)
{
	uint32_t before = t->view_count;
	struct tsn_err why = {.pos = TSN_POS_NONE};
	enum tsn_code code = read_file(t, text, &why);
	char shown[256];

	if (code == TSN_OK)
		return TSN_OK;
	t->view_count = before;
	(void)tsn_slice_escape(name, shown, sizeof shown);
	if (why.pos == TSN_POS_NONE)
		TSN_FAIL(err, code, "%s: %s", shown, why.msg[0] == '\0' ? "out of memory" : why.msg);
	TSN_FAIL_AT(err, code, why.pos, "%s:%llu: %s", shown, (unsigned long long)why.pos, why.msg);
}

enum tsn_code
tsn_taxonomy_add_content(struct tsn_taxonomy *t, struct tsn_err *err)
{
	size_t count;
	const struct tsn_content_file *f = tsn_content_below(TSN_SLICE("taxonomy/"), &count);

	for (size_t i = 0; i < count; i++)
		if (tsn_slice_ends(f[i].name, TSN_SLICE(".yml")))
			TSN_TRY(tsn_taxonomy_add(t, f[i].name, f[i].data, err));
	return TSN_OK;
}

/* How a view's log source answers a rule's: 2 exactly, 1 it is narrower, 0 not at all. */
static int
provides(const struct tsn_logsource *v, const struct tsn_logsource *r)
{
	const struct tsn_slice have[] = {v->category, v->product, v->service};
	const struct tsn_slice want[] = {r->category, r->product, r->service};
	int answer = 2;

	for (size_t i = 0; i < TSN_COUNT(have); i++) {
		if (tsn_slice_eq_nocase(have[i], want[i]))
			continue;
		if (want[i].len > 0)
			return 0;
		answer = 1;
	}
	return answer;
}

static int
view_provides(const struct tsn_view *v, const struct tsn_logsource *r)
{
	int best = 0;

	for (uint32_t i = 0; i < v->logsource_count; i++) {
		int answer = provides(&v->logsources[i], r);

		best = answer > best ? answer : best;
	}
	return best;
}

/* A view that was made for this log source, with this map and condition. */
static struct tsn_view *
find_made(const struct tsn_taxonomy *t, struct tsn_slice name, const struct tsn_logsource *ls)
{
	for (uint32_t i = 0; i < t->view_count; i++) {
		struct tsn_view *v = t->views[i];

		if (v->map->as_is && tsn_slice_eq(v->name, name) && provides(v->logsources, ls) == 2)
			return v;
	}
	return NULL;
}

/* A view of names as they are; NULL when out of memory.  like: whose names are known too. */
static const struct tsn_view *
make_view(struct tsn_taxonomy *t, struct tsn_slice name, const struct tsn_logsource *ls,
    const struct tsn_pred *when, const struct tsn_view *like, bool declared)
{
	struct tsn_view *v = find_made(t, name, ls);
	struct tsn_fieldmap *map = &t->as_is;
	struct tsn_logsource *own;

	if (v != NULL)
		return v;
	own = tsn_arena_calloc(&t->arena, 1, sizeof *own);
	v = own == NULL ? NULL : add_view(t);
	if (v == NULL || when == NULL)
		return NULL;
	own->category = tsn_arena_dup(&t->arena, ls->category);
	own->product = tsn_arena_dup(&t->arena, ls->product);
	own->service = tsn_arena_dup(&t->arena, ls->service);
	v->name = name;
	v->logsources = own;
	v->logsource_count = 1;
	if (like != NULL) {
		map = tsn_arena_calloc(&t->arena, 1, sizeof *map);
		if (map == NULL)
			return NULL;
		*map = *like->map;
		map->as_is = true;
	}
	v->when = when;
	v->map = map;
	v->declared = declared;
	return v;
}

/* product: windows, category: ...: what the event says of itself. */
static const struct tsn_pred *
declared_when(struct tsn_taxonomy *t, const struct tsn_logsource *ls)
{
	const struct {
		const char *field;
		struct tsn_slice value;
	} parts[] = {{"category", ls->category}, {"product", ls->product}, {"service", ls->service}};
	const struct tsn_pred *list[3];
	uint32_t count = 0;

	for (size_t i = 0; i < TSN_COUNT(parts); i++) {
		struct tsn_atom atom = {.field = tsn_slice_cstr(parts[i].field), .op = TSN_ATOM_EQ};

		if (parts[i].value.len == 0)
			continue;
		atom.value = tsn_arena_dup(&t->arena, parts[i].value);
		if (atom.value.ptr == NULL)
			return NULL;
		list[count] = tsn_pred_atom(&t->arena, &atom);
		if (list[count++] == NULL)
			return NULL;
	}
	return tsn_pred_group(&t->arena, TSN_PRED_AND, list, count);
}

/* Views of the files: those that fit best. */
static uint32_t
find_files(const struct tsn_taxonomy *t, const struct tsn_logsource *ls,
    const struct tsn_view **ret_views)
{
	uint32_t count = 0;

	for (int want = 2; want >= 1 && count == 0; want--)
		for (uint32_t i = 0; i < t->view_count && count < TSN_VIEWS_PER_RULE_MAX - 1; i++)
			if (!t->views[i]->map->as_is && view_provides(t->views[i], ls) == want)
				ret_views[count++] = t->views[i];
	return count;
}

static enum tsn_code
find_views(struct tsn_taxonomy *t, const struct tsn_logsource *ls, bool paths,
    const struct tsn_view **ret_views, uint32_t *ret_count)
{
	bool any = ls->category.len + ls->product.len + ls->service.len == 0;
	struct tsn_slice name = any ? TSN_SLICE("any event") : paths ? TSN_SLICE("declared, paths")
	    : TSN_SLICE("declared");
	uint32_t count = any ? 0 : find_files(t, ls, ret_views);

	for (uint32_t i = 0; paths && i < count; i++) {
		const struct tsn_view *v = ret_views[i];

		ret_views[i] = make_view(t, v->name, ls, v->when, NULL, false);
		if (ret_views[i] == NULL)
			return TSN_ENOMEM;
	}
	if (paths && count == 0)
		name = TSN_SLICE("any event");
	ret_views[count] = find_made(t, name, ls);
	if (ret_views[count] == NULL) {
		bool all = name.len == sizeof "any event" - 1;

		/* Parsers may have moved what such a record holds to where its kind keeps it. */
		ret_views[count] = make_view(t, name, ls,
		    all ? tsn_pred_const(&t->arena, true) : declared_when(t, ls),
		    paths || count == 0 ? NULL : ret_views[0], !all);
	}
	if (ret_views[count] == NULL)
		return TSN_ENOMEM;
	*ret_count = count + 1;
	return TSN_OK;
}

static bool
same_logsource(const struct tsn_logsource *a, const struct tsn_logsource *b)
{
	return tsn_slice_eq(a->category, b->category) && tsn_slice_eq(a->product, b->product) &&
	    tsn_slice_eq(a->service, b->service);
}

enum tsn_code
tsn_taxonomy_find(struct tsn_taxonomy *t, const struct tsn_logsource *ls,
    struct tsn_slice taxonomy, const struct tsn_view **ret_views, uint32_t *ret_count)
{
	bool paths = tsn_slice_eq_nocase(taxonomy, TSN_SLICE("ecs")) ||
	    tsn_slice_eq_nocase(taxonomy, TSN_SLICE("tocsin"));
	uint64_t hash = tsn_hash_slice(ls->category, tsn_hash_slice(ls->product,
	    tsn_hash_slice(ls->service, paths)));
	const struct answer **bucket = &t->answers[hash % ANSWERS];
	struct answer *made;

	for (const struct answer *a = *bucket; a != NULL; a = a->next)
		if (a->paths == paths && same_logsource(&a->logsource, ls)) {
			memcpy(ret_views, a->views, a->count * sizeof(const struct tsn_view *));
			*ret_count = a->count;
			return TSN_OK;
		}
	TSN_TRY(find_views(t, ls, paths, ret_views, ret_count));
	made = tsn_arena_calloc(&t->arena, 1, sizeof *made);
	if (made == NULL)
		return TSN_ENOMEM;
	made->logsource.category = tsn_arena_dup(&t->arena, ls->category);
	made->logsource.product = tsn_arena_dup(&t->arena, ls->product);
	made->logsource.service = tsn_arena_dup(&t->arena, ls->service);
	made->paths = paths;
	made->views = tsn_arena_calloc(&t->arena, *ret_count, sizeof *made->views);
	if (made->views == NULL || made->logsource.category.ptr == NULL ||
	    made->logsource.product.ptr == NULL || made->logsource.service.ptr == NULL)
		return TSN_ENOMEM;
	memcpy(made->views, ret_views, *ret_count * sizeof *made->views);
	made->count = *ret_count;
	made->next = *bucket;
	*bucket = made;
	return TSN_OK;
}

static bool
push_path(struct tsn_arena *a, struct tsn_slice prefix, struct tsn_slice name, uint32_t *count,
    struct tsn_slice ret_paths[TSN_VIEW_PATHS_MAX])
{
	size_t dot = prefix.len > 0;
	char *p;

	if (*count == TSN_VIEW_PATHS_MAX)
		return true;
	p = tsn_arena_alloc(a, prefix.len + dot + name.len + 1);
	if (p == NULL)
		return false;
	if (prefix.len > 0)
		memcpy(p, prefix.ptr, prefix.len);
	if (dot)
		p[prefix.len] = '.';
	if (name.len > 0)
		memcpy(p + prefix.len + dot, name.ptr, name.len);
	ret_paths[*count] = tsn_slice_of(p, prefix.len + dot + name.len);
	for (uint32_t i = 0; i < *count; i++)
		if (tsn_slice_eq(ret_paths[i], ret_paths[*count]))
			return true;
	(*count)++;
	return true;
}

/* The name without its blanks, as Sigma writes names that have some. */
static struct tsn_slice
without_blanks(struct tsn_arena *a, struct tsn_slice name)
{
	char *p = tsn_arena_alloc(a, name.len + 1);
	size_t n = 0;

	for (size_t i = 0; p != NULL && i < name.len; i++)
		if (name.ptr[i] != ' ')
			p[n++] = name.ptr[i];
	return p == NULL ? TSN_SLICE_NONE : tsn_slice_of(p, n);
}

/* Names that mean the same in every view: dotted ones, and ECS names without a dot. */
static bool
is_path(struct tsn_slice name)
{
	return tsn_slice_find_char(name, '.') != SIZE_MAX ||
	    tsn_slice_eq(name, TSN_SLICE("message")) || tsn_slice_eq(name, TSN_SLICE("tags")) ||
	    tsn_slice_eq(name, TSN_SLICE("@timestamp"));
}

static const struct name_entry *
find_listed(const struct tsn_view *view, struct tsn_slice field)
{
	const struct name_entry *e = NULL;

	for (uint32_t i = 0; i < view->map->count && e == NULL; i++)
		e = find_name(view->map->maps[i], field);
	return e;
}

bool
tsn_view_may_have(const struct tsn_view *view, struct tsn_slice field)
{
	const struct tsn_fieldmap *map = view->map;
	bool closed = map->count > 0;

	for (uint32_t i = 0; i < map->count; i++)
		closed &= map->maps[i]->closed;
	return !closed || is_path(field) || (field.len > 0 && find_listed(view, field) != NULL);
}

uint32_t
tsn_view_resolve(const struct tsn_view *view, struct tsn_slice field, struct tsn_arena *arena,
    struct tsn_slice ret_paths[TSN_VIEW_PATHS_MAX])
{
	const struct names *by_prefix = NULL;
	const struct name_entry *e;
	struct tsn_slice plain = field;
	uint32_t count = 0;
	bool ok = true;

	TSN_ASSERT(field.len > 0);
	if (view->map->as_is)
		ok = push_path(arena, TSN_SLICE_NONE, field, &count, ret_paths);
	if (view->map->count == 0)
		return ok ? count : 0;
	if (tsn_slice_find_char(field, ' ') != SIZE_MAX)
		plain = without_blanks(arena, field);
	if (plain.len == 0)
		return 0;
	e = find_listed(view, plain);
	for (uint32_t i = 0; e != NULL && i < e->path_count; i++)
		ok &= push_path(arena, TSN_SLICE_NONE, e->paths[i], &count, ret_paths);
	for (uint32_t i = 0; i < view->map->count && by_prefix == NULL; i++)
		if (view->map->maps[i]->prefix_count > 0)
			by_prefix = view->map->maps[i];
	for (uint32_t i = 0; e == NULL && by_prefix != NULL && i < by_prefix->prefix_count; i++) {
		ok &= push_path(arena, by_prefix->prefixes[i], plain, &count, ret_paths);
		if (plain.len != field.len)
			ok &= push_path(arena, by_prefix->prefixes[i], field, &count, ret_paths);
	}
	if (is_path(field) || count == 0)
		ok &= push_path(arena, TSN_SLICE_NONE, field, &count, ret_paths);
	return ok ? count : 0;
}
