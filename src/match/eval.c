#include "match/eval.h"

#include <stdlib.h>

#include "base/assert.h"
#include "match/prog.h"

/* Fields of one event whose folded text is kept while a predicate runs; later ones fold again. */
#define MEMO_MAX 64u

struct tsn_match {
	struct tsn_arena arena;
	const struct tsn_keys *keys;
	struct tsn_prog prog;
	struct tsn_catom *atoms;
	struct tsn_match_paths *where;
	uint32_t count, cap;
};

struct compiler {
	struct tsn_match *m;
	const struct tsn_match_env *env;
};

enum tsn_code
tsn_match_resolve(const struct tsn_match_env *env, struct tsn_slice field,
    struct tsn_path *ret_paths, uint32_t *ret_count, struct tsn_err *err)
{
	if (env->resolve != NULL)
		return env->resolve(env->ctx, field, ret_paths, ret_count, err);
	*ret_count = 1;
	return tsn_path_parse(env->keys, field, ret_paths, err);
}

static enum tsn_code
resolve(struct compiler *c, struct tsn_slice field, const struct tsn_path **ret,
    uint32_t *ret_count, struct tsn_err *err)
{
	struct tsn_path found[TSN_MATCH_PATHS_MAX], *kept;

	TSN_TRY(tsn_match_resolve(c->env, field, found, ret_count, err));
	TSN_ASSERT(*ret_count <= TSN_MATCH_PATHS_MAX);
	kept = tsn_arena_calloc(&c->m->arena, *ret_count + 1, sizeof *kept);
	if (kept == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	memcpy(kept, found, *ret_count * sizeof *kept);
	*ret = kept;
	return TSN_OK;
}

static bool
room(struct tsn_match *m)
{
	uint32_t cap = m->cap == 0 ? 8 : m->cap * 2;
	struct tsn_catom *atoms;
	struct tsn_match_paths *where;

	if (m->count < m->cap)
		return true;
	atoms = reallocarray(m->atoms, cap, sizeof *atoms);
	if (atoms == NULL)
		return false;
	m->atoms = atoms;
	where = reallocarray(m->where, cap, sizeof *where);
	if (where == NULL)
		return false;
	m->where = where;
	m->cap = cap;
	return true;
}

static enum tsn_code
add_atom(void *ctx, const struct tsn_atom *atom, uint32_t *ret_atom, struct tsn_err *err)
{
	struct compiler *c = ctx;
	struct tsn_match *m = c->m;
	struct tsn_match_paths *where;
	enum tsn_code code;

	if (!room(m))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	where = &m->where[m->count];
	*where = (struct tsn_match_paths){.whole_record = atom->field.len == 0};
	code = where->whole_record ? TSN_OK :
	    resolve(c, atom->field, &where->paths, &where->path_count, err);
	if (code == TSN_OK && tsn_atom_is_pair(atom->op))
		code = resolve(c, atom->value, &where->others, &where->other_count, err);
	if (code == TSN_OK)
		code = tsn_atom_compile(&m->arena, atom, &m->atoms[m->count], err);
	if (code == TSN_OK)
		*ret_atom = m->count++;
	else if (err != NULL)
		err->pos = atom->at;
	return code;
}

enum tsn_code
tsn_match_compile(const struct tsn_pred *pred, const struct tsn_match_env *env,
    struct tsn_match **ret, struct tsn_err *err)
{
	struct tsn_match *m = calloc(1, sizeof *m);
	struct compiler c = {.m = m, .env = env};
	struct tsn_prog_env prog_env = {.atom = add_atom, .ctx = &c};
	enum tsn_code code;

	TSN_ASSERT(env->keys != NULL);
	if (m == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	tsn_arena_init(&m->arena, SIZE_MAX / 2);
	m->keys = env->keys;
	code = tsn_prog_build(&m->arena, pred, &prog_env, &m->prog, err);
	if (code != TSN_OK) {
		tsn_match_free(m);
		return code;
	}
	*ret = m;
	return TSN_OK;
}

void
tsn_match_free(struct tsn_match *m)
{
	if (m == NULL)
		return;
	for (uint32_t i = 0; i < m->count; i++)
		tsn_atom_done(&m->atoms[i]);
	free(m->atoms);
	free(m->where);
	tsn_arena_done(&m->arena);
	free(m);
}

/* Values of the event at hand that were folded already, found by their field's number. */
struct memo {
	struct tsn_slice folded[MEMO_MAX];
};

struct run {
	struct tsn_match_scratch *s;
	const struct tsn_event *ev;
	const struct tsn_keys *keys;
	struct memo *memo;
};

static struct tsn_value
value_of(const struct run *r, const struct tsn_field *f, char text[TSN_TIME_TEXT_MAX])
{
	size_t i = (size_t)(f - r->ev->fields);
	struct tsn_value v = {.raw = tsn_field_text(f, text)};

	if (r->memo != NULL && i < MEMO_MAX)
		v.folded = r->memo->folded[i];
	return v;
}

static void
remember(const struct run *r, const struct tsn_field *f, const struct tsn_value *v)
{
	size_t i = (size_t)(f - r->ev->fields);

	if (r->memo != NULL && i < MEMO_MAX)
		r->memo->folded[i] = v->folded;
}

static bool
test_field(const struct run *r, const struct tsn_catom *a, const struct tsn_field *f)
{
	char text[TSN_TIME_TEXT_MAX];
	struct tsn_value v = value_of(r, f, text);
	bool value = tsn_atom_test(a, r->s, f, &v);

	remember(r, f, &v);
	return value;
}

static bool
test_record(const struct run *r, const struct tsn_catom *a)
{
	const struct tsn_event *ev = r->ev;
	struct tsn_value whole = {.raw = ev->original};

	if (a->op == TSN_ATOM_NULL || tsn_atom_is_pair(a->op))
		return false;
	for (uint32_t i = 0; i < ev->field_count; i++)
		if (tsn_atom_searches(&ev->fields[i]) && test_field(r, a, &ev->fields[i]))
			return true;
	return tsn_atom_is_text(a->op) &&
	    (a->op == TSN_ATOM_WORD || tsn_atom_original_is_text(ev->original)) &&
	    tsn_atom_test_text(a, r->s, &whole);
}

static bool
test_null(const struct run *r, const struct tsn_match_paths *w)
{
	for (uint32_t p = 0; p < w->path_count; p++) {
		const struct tsn_field *f = tsn_path_next(&w->paths[p], r->ev, NULL);

		if (f == NULL && tsn_path_exists(&w->paths[p], r->keys, r->ev))
			return false;
		for (; f != NULL; f = tsn_path_next(&w->paths[p], r->ev, f))
			if (f->type != TSN_T_NULL)
				return false;
	}
	return true;
}

static bool
test_pair(const struct run *r, const struct tsn_catom *a, const struct tsn_match_paths *w,
    const struct tsn_field *f)
{
	char text[TSN_TIME_TEXT_MAX], other_text[TSN_TIME_TEXT_MAX];
	struct tsn_value v = value_of(r, f, text);

	for (uint32_t p = 0; p < w->other_count; p++) {
		const struct tsn_field *g = NULL;

		while ((g = tsn_path_next(&w->others[p], r->ev, g)) != NULL) {
			struct tsn_value other = value_of(r, g, other_text);

			if (g->type != TSN_T_NULL && tsn_atom_test_pair(a, r->s, &v, &other))
				return true;
		}
	}
	return false;
}

static bool
test_paths(const struct run *r, const struct tsn_catom *a, const struct tsn_match_paths *w)
{
	bool all = a->flags & TSN_ATOM_ALL_ELEMENTS, any = false;

	for (uint32_t p = 0; p < w->path_count; p++) {
		const struct tsn_field *f = NULL;

		while ((f = tsn_path_next(&w->paths[p], r->ev, f)) != NULL) {
			bool value = tsn_atom_is_pair(a->op) ?
			    f->type != TSN_T_NULL && test_pair(r, a, w, f) : test_field(r, a, f);

			if (value != all)
				return value;
			any = true;
		}
	}
	return all && any;
}

static bool
test(const struct run *r, const struct tsn_catom *a, const struct tsn_match_paths *w)
{
	if (w->whole_record)
		return test_record(r, a);
	if (a->op == TSN_ATOM_NULL)
		return test_null(r, w);
	if (a->op != TSN_ATOM_EXISTS)
		return test_paths(r, a, w);
	for (uint32_t p = 0; p < w->path_count; p++)
		if (tsn_path_exists(&w->paths[p], r->keys, r->ev))
			return true;
	return false;
}

bool
tsn_match_atom(const struct tsn_catom *a, const struct tsn_match_paths *where,
    const struct tsn_keys *keys, struct tsn_match_scratch *s, const struct tsn_event *ev)
{
	return test(&(struct run){.s = s, .ev = ev, .keys = keys}, a, where);
}

bool
tsn_match_eval(const struct tsn_match *m, struct tsn_match_scratch *s, const struct tsn_event *ev)
{
	struct memo memo;
	struct run r = {.s = s, .ev = ev, .keys = m->keys, .memo = &memo};
	uint32_t at = m->prog.start;

	if (at < TSN_PROG_FALSE)
		memset(&memo, 0, sizeof memo);
	tsn_arena_reset(&s->arena);
	while (at < TSN_PROG_FALSE) {
		const struct tsn_prog_step *step = &m->prog.steps[at];

		at = test(&r, &m->atoms[step->atom], &m->where[step->atom]) ? step->yes : step->no;
	}
	return at == TSN_PROG_TRUE;
}
