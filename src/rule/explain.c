#include "rule/explain.h"

#include <stdlib.h>

#include "base/assert.h"
#include "codec/utf8.h"
#include "event/path.h"
#include "match/eval.h"

#define NODES_MAX 20000u
#define DEPTH_MAX 64u
#define ARENA_MAX ((size_t)64 << 20)
#define VALUES_SHOWN 3u
#define FIELDS_SHOWN 80u
#define TRUTHS_SHOWN 8u

/* One tree under one view: a compiled test for each of its nodes, in the order of a walk. */
struct tree {
	const struct tsn_pred *root;
	struct tsn_match **parts;
	uint32_t count;
};

struct view_try {
	const struct tsn_view *view;
	struct tree when;		/* names are paths */
	struct tree condition;		/* names resolve through the view */
	struct tree *exceptions;	/* of the rule; likewise */
};

struct tsn_explain {
	const struct tsn_rule *rule;
	struct tsn_keys *keys;
	struct tsn_arena arena;
	struct tsn_arena names;		/* of the record at hand */
	struct tsn_match_scratch scratch;
	struct view_try views[TSN_VIEWS_PER_RULE_MAX];
	uint32_t view_count;
	bool has_parts;
};

/* What resolving needs while a tree of a view is compiled. */
struct resolver {
	struct tsn_explain *x;
	const struct tsn_view *view;	/* NULL: names are paths */
};

static enum tsn_code
resolve(void *ctx, struct tsn_slice field, struct tsn_path *ret_paths, uint32_t *ret_count,
    struct tsn_err *err)
{
	struct resolver *r = ctx;
	struct tsn_slice texts[TSN_VIEW_PATHS_MAX];
	uint32_t count = 1;

	texts[0] = field;
	if (r->view != NULL)
		count = tsn_view_resolve(r->view, field, &r->x->arena, texts);
	if (count == 0)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < count; i++)
		TSN_TRY(tsn_path_parse(r->x->keys, texts[i], &ret_paths[i], err));
	*ret_count = count;
	return TSN_OK;
}

static uint32_t
count_nodes(const struct tsn_pred *p, uint32_t depth)
{
	uint32_t n = 1;

	if (depth > DEPTH_MAX)
		return NODES_MAX + 1;
	for (uint32_t i = 0; i < p->kid_count && p->op != TSN_PRED_ATOM && n <= NODES_MAX; i++)
		n += count_nodes(p->kids[i], depth + 1);
	return n;
}

static enum tsn_code
compile_nodes(struct tree *t, const struct tsn_pred *p, const struct tsn_match_env *env,
    struct tsn_err *err)
{
	uint32_t at = t->count++;

	if (t->parts[at] == NULL)
		TSN_TRY(tsn_match_compile(p, env, &t->parts[at], err));
	for (uint32_t i = 0; i < p->kid_count && p->op != TSN_PRED_ATOM; i++)
		TSN_TRY(compile_nodes(t, p->kids[i], env, err));
	return TSN_OK;
}

/* The whole of a tree. */
static enum tsn_code
compile_tree(struct tsn_explain *x, const struct tsn_view *view, const struct tsn_pred *root,
    struct tree *t, struct tsn_err *err)
{
	struct resolver r = {x, view};
	struct tsn_match_env env = {.keys = x->keys, .resolve = resolve, .ctx = &r};
	uint32_t n = count_nodes(root, 0);

	if (n > NODES_MAX)
		TSN_FAIL(err, TSN_ELIMIT, "the condition has more than %u parts", NODES_MAX);
	t->root = root;
	t->parts = tsn_arena_calloc(&x->arena, n, sizeof(struct tsn_match *));
	if (t->parts == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	TSN_TRY(tsn_match_compile(root, &env, &t->parts[0], err));
	t->count = 1;
	return TSN_OK;
}

/* Each part of it too, once somebody wants words. */
static enum tsn_code
compile_parts(struct tsn_explain *x, const struct tsn_view *view, struct tree *t,
    struct tsn_err *err)
{
	struct resolver r = {x, view};
	struct tsn_match_env env = {.keys = x->keys, .resolve = resolve, .ctx = &r};

	t->count = 0;
	return compile_nodes(t, t->root, &env, err);
}

static void
free_tree(struct tree *t)
{
	for (uint32_t i = 0; i < t->count; i++)
		tsn_match_free(t->parts[i]);
}

void
tsn_explain_free(struct tsn_explain *x)
{
	if (x == NULL)
		return;
	for (uint32_t i = 0; i < x->view_count; i++) {
		free_tree(&x->views[i].when);
		free_tree(&x->views[i].condition);
		for (uint32_t k = 0; x->views[i].exceptions != NULL && k < x->rule->exception_count; k++)
			free_tree(&x->views[i].exceptions[k]);
	}
	tsn_match_scratch_done(&x->scratch);
	tsn_arena_done(&x->arena);
	tsn_arena_done(&x->names);
	free(x);
}

static enum tsn_code
compile_exceptions(struct tsn_explain *x, struct view_try *v, struct tsn_err *err)
{
	v->exceptions = tsn_arena_calloc(&x->arena, x->rule->exception_count + 1,
	    sizeof *v->exceptions);
	if (v->exceptions == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < x->rule->exception_count; i++) {
		const struct tsn_exception *e = x->rule->exceptions[i];
		const struct tsn_view *view = e->paths ? NULL : v->view;

		TSN_TRY(compile_tree(x, view, e->condition, &v->exceptions[i], err));
		TSN_TRY(compile_parts(x, view, &v->exceptions[i], err));
	}
	return TSN_OK;
}

static enum tsn_code
fill(struct tsn_explain *x, struct tsn_taxonomy *t, struct tsn_err *err)
{
	const struct tsn_view *views[TSN_VIEWS_PER_RULE_MAX];
	uint32_t count;

	TSN_TRY(tsn_match_scratch_init(&x->scratch));
	TSN_TRY(tsn_taxonomy_find(t, &x->rule->logsource, x->rule->taxonomy, views, &count));
	for (uint32_t i = 0; i < count; i++) {
		struct view_try *v = &x->views[x->view_count++];

		v->view = views[i];
		TSN_TRY(compile_tree(x, NULL, v->view->when, &v->when, err));
		TSN_TRY(compile_tree(x, v->view, x->rule->condition, &v->condition, err));
		TSN_TRY(compile_exceptions(x, v, err));
	}
	return TSN_OK;
}

enum tsn_code
tsn_explain_new(const struct tsn_rule *rule, struct tsn_taxonomy *t, struct tsn_keys *keys,
    struct tsn_explain **ret, struct tsn_err *err)
{
	struct tsn_explain *x = calloc(1, sizeof *x);
	enum tsn_code code;

	TSN_ASSERT(rule->condition != NULL);
	if (x == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	x->rule = rule;
	x->keys = keys;
	tsn_arena_init(&x->arena, ARENA_MAX);
	tsn_arena_init(&x->names, ARENA_MAX);
	code = fill(x, t, err);
	if (code != TSN_OK) {
		tsn_explain_free(x);
		return tsn_err_context(err, code, "%.*s:%u", TSN_SLICE_ARG(rule->file), rule->line);
	}
	*ret = x;
	return TSN_OK;
}

static bool
holds(struct tsn_explain *x, const struct tree *t, uint32_t part, const struct tsn_event *ev)
{
	return tsn_match_eval(t->parts[part], &x->scratch, ev);
}

/* The first view through which the rule is true, or NULL. */
static const struct view_try *
true_view(struct tsn_explain *x, const struct tsn_event *ev)
{
	for (uint32_t i = 0; i < x->view_count; i++)
		if (holds(x, &x->views[i].when, 0, ev) && holds(x, &x->views[i].condition, 0, ev))
			return &x->views[i];
	return NULL;
}

static bool
is_hidden(struct tsn_explain *x, const struct view_try *v, const struct tsn_event *ev)
{
	for (uint32_t i = 0; i < x->rule->exception_count; i++)
		if (ev->time_ns < x->rule->exceptions[i]->expires_ns && holds(x, &v->exceptions[i], 0, ev))
			return true;
	return false;
}

bool
tsn_explain_fires(struct tsn_explain *x, const struct tsn_event *ev)
{
	const struct view_try *v = true_view(x, ev);

	return v != NULL && !is_hidden(x, v, ev);
}

struct tsn_slice
tsn_explain_value(struct tsn_explain *x, const struct tsn_event *ev, struct tsn_slice field,
    char scratch[TSN_TIME_TEXT_MAX])
{
	const struct view_try *v = true_view(x, ev);
	struct tsn_slice paths[TSN_VIEW_PATHS_MAX];
	uint32_t count = v == NULL ? 0 : tsn_view_resolve(v->view, field, &x->names, paths);

	for (uint32_t i = 0; i < count; i++) {
		const struct tsn_field *f;
		struct tsn_path path;

		if (tsn_path_parse(x->keys, paths[i], &path, NULL) != TSN_OK)
			continue;
		f = tsn_path_next(&path, ev, NULL);
		if (f != NULL && f->type != TSN_T_NULL && f->type < TSN_T_OBJECT)
			return tsn_field_text(f, scratch);
	}
	return TSN_SLICE_NONE;
}

static const char *
op_words(enum tsn_atom_op op)
{
	static const char *const words[TSN_ATOM__COUNT] = {
		[TSN_ATOM_EQ] = "is",
		[TSN_ATOM_PREFIX] = "begins with",
		[TSN_ATOM_SUFFIX] = "ends with",
		[TSN_ATOM_CONTAINS] = "contains",
		[TSN_ATOM_WILDCARD] = "is like",
		[TSN_ATOM_REGEX] = "matches the expression",
		[TSN_ATOM_KEYWORD] = "the record contains",
		[TSN_ATOM_WORD] = "the record has the word",
		[TSN_ATOM_NUM_EQ] = "is the number",
		[TSN_ATOM_LT] = "is less than",
		[TSN_ATOM_LE] = "is at most",
		[TSN_ATOM_GT] = "is more than",
		[TSN_ATOM_GE] = "is at least",
		[TSN_ATOM_BETWEEN] = "is between",
		[TSN_ATOM_CIDR] = "is an address in",
		[TSN_ATOM_EXISTS] = "is there",
		[TSN_ATOM_NULL] = "is not there or null",
		[TSN_ATOM_FIELD_EQ] = "equals the field",
		[TSN_ATOM_FIELD_PREFIX] = "begins with the field",
		[TSN_ATOM_FIELD_SUFFIX] = "ends with the field",
		[TSN_ATOM_FIELD_CONTAINS] = "contains the field",
		[TSN_ATOM_TIME_PART] = "has in its time",
	};

	return words[op];
}

/* Characters that act on a terminal instead of showing: controls, and marks of direction. */
static bool
is_shown(uint32_t c)
{
	return c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0) && !(c >= 0x200b && c <= 0x200f) &&
	    !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2060 && c <= 0x206f) && c != 0xfeff;
}

/* Text in quotes, wildcards as people write them, cut after some 160 bytes. */
static void
quote(struct tsn_slice s, struct tsn_buf *out)
{
	const char *p = s.ptr, *end = s.ptr + (s.len < 160 ? s.len : 160);
	uint32_t code;

	tsn_buf_char(out, '"');
	while (p < end) {
		unsigned len = tsn_utf8_decode(p, s.ptr + s.len, &code);

		if (*p == TSN_WILD_MANY || *p == TSN_WILD_ONE) {
			tsn_buf_char(out, *p == TSN_WILD_MANY ? '*' : '?');
			len = 1;
		} else if (len == 0 || !is_shown(code)) {
			len = len == 0 ? 1 : len;
			for (unsigned i = 0; i < len; i++)
				tsn_buf_printf(out, "\\x%02x", (unsigned)(unsigned char)p[i]);
		} else {
			tsn_buf_add(out, p, len);
		}
		p += len;
	}
	tsn_buf_printf(out, "%s\"", p < s.ptr + s.len ? "..." : "");
}

/* A name from a record may hold anything. */
static void
write_name(struct tsn_slice name, struct tsn_buf *out)
{
	char shown[200];

	tsn_buf_slice(out, tsn_slice_cstr(tsn_slice_escape(name, shown, sizeof shown)));
}

static void
write_atom(const struct tsn_atom *a, struct tsn_buf *out)
{
	tsn_buf_slice(out, a->field);
	tsn_buf_printf(out, "%s%s", a->field.len > 0 ? " " : "",
	    a->field.len == 0 && a->op == TSN_ATOM_REGEX ? "the record matches" : op_words(a->op));
	if (a->op >= TSN_ATOM_NUM_EQ && a->op <= TSN_ATOM_GE) {
		tsn_buf_printf(out, " %.15g", a->number);
	} else if (a->op == TSN_ATOM_TIME_PART) {
		tsn_buf_printf(out, " the %.*s %.15g", TSN_SLICE_ARG(a->value), a->number);
	} else if (a->op != TSN_ATOM_EXISTS && a->op != TSN_ATOM_NULL) {
		tsn_buf_char(out, ' ');
		quote(a->value, out);
	}
	if (a->flags & TSN_ATOM_CASED)
		tsn_buf_lit(out, " (with case)");
}

/* What the event has at one path; false when nothing. */
static bool
write_path(struct tsn_explain *x, struct tsn_slice text, const struct tsn_event *ev,
    struct tsn_buf *out)
{
	char scratch[TSN_TIME_TEXT_MAX];
	const struct tsn_field *f = NULL;
	struct tsn_path path;
	uint32_t shown = 0;

	if (tsn_path_parse(x->keys, text, &path, NULL) != TSN_OK)
		return false;
	while ((f = tsn_path_next(&path, ev, f)) != NULL) {
		if (shown == VALUES_SHOWN) {
			tsn_buf_lit(out, ", ...");
			break;
		}
		tsn_buf_printf(out, shown == 0 ? "%.*s is " : ", ", TSN_SLICE_ARG(text));
		if (f->type == TSN_T_NULL)
			tsn_buf_lit(out, "null");
		else
			quote(tsn_field_text(f, scratch), out);
		shown++;
	}
	return shown > 0;
}

/* "winlog.event_data.Image is "C:\..."", or that the event has no such field. */
static void
write_values(struct tsn_explain *x, const struct tsn_view *view, struct tsn_slice field,
    const struct tsn_event *ev, struct tsn_buf *out)
{
	struct tsn_slice paths[TSN_VIEW_PATHS_MAX];
	uint32_t count = 1;
	size_t before;
	bool any = false;

	paths[0] = field;
	if (view != NULL)
		count = tsn_view_resolve(view, field, &x->names, paths);
	for (uint32_t i = 0; i < count; i++) {
		before = out->len;
		if (any)
			tsn_buf_lit(out, "; ");
		if (write_path(x, paths[i], ev, out))
			any = true;
		else
			out->len = before;
	}
	if (any)
		return;
	tsn_buf_lit(out, "the event has no ");
	for (uint32_t i = 0; i < count; i++) {
		tsn_buf_printf(out, "%s", i > 0 ? " or " : "");
		tsn_buf_slice(out, paths[i]);
	}
}

static void
indent(uint32_t depth, struct tsn_buf *out)
{
	for (uint32_t i = 0; i < depth; i++)
		tsn_buf_lit(out, "  ");
}

/* One node and all below it; *at counts nodes in the order they were compiled. */
static void
write_node(struct tsn_explain *x, const struct view_try *v, bool when, const struct tsn_pred *p,
    uint32_t *at, uint32_t depth, const struct tsn_event *ev, struct tsn_buf *out)
{
	static const char *const ops[] = {
		[TSN_PRED_TRUE] = "always", [TSN_PRED_FALSE] = "never", [TSN_PRED_AND] = "all of",
		[TSN_PRED_OR] = "any of", [TSN_PRED_NOT] = "not",
	};
	const struct tree *t = when ? &v->when : &v->condition;
	const struct tsn_view *view = when ? NULL : v->view;
	bool yes = holds(x, t, (*at)++, ev);

	indent(depth, out);
	tsn_buf_printf(out, "%s  ", yes ? "true " : "false");
	if (p->name.len > 0) {
		tsn_buf_slice(out, p->name);
		tsn_buf_lit(out, ": ");
	}
	if (p->op != TSN_PRED_ATOM) {
		tsn_buf_printf(out, "%s\n", ops[p->op]);
		for (uint32_t i = 0; i < p->kid_count; i++)
			write_node(x, v, when, p->kids[i], at, depth + 1, ev, out);
		return;
	}
	write_atom(&p->atom, out);
	if (p->atom.field.len > 0) {
		tsn_buf_lit(out, "  -- ");
		write_values(x, view, p->atom.field, ev, out);
	}
	if (p->atom.op >= TSN_ATOM_FIELD_EQ && p->atom.op <= TSN_ATOM_FIELD_CONTAINS) {
		tsn_buf_lit(out, "; ");
		write_values(x, view, p->atom.value, ev, out);
	}
	if (!when && p->atom.at > 0)
		tsn_buf_printf(out, "  (line %llu)", (unsigned long long)p->atom.at);
	tsn_buf_char(out, '\n');
}

/*
 * The first thing that decided: what an AND lacked, what an OR found none of, what a NOT met.
 */
static void
write_reason(struct tsn_explain *x, const struct tsn_view *view, const struct tree *t,
    const struct tsn_event *ev, struct tsn_buf *out)
{
	const struct tsn_pred *p = t->root;
	uint32_t at = 0;

	for (uint32_t depth = 0; depth < DEPTH_MAX; depth++) {
		bool yes = holds(x, t, at, ev);
		uint32_t kid = at + 1, pick = 0;

		if (p->name.len > 0) {
			tsn_buf_slice(out, p->name);
			tsn_buf_lit(out, ": ");
		}
		if (p->op == TSN_PRED_ATOM || p->kid_count == 0)
			break;
		if (p->op == TSN_PRED_OR && !yes)
			tsn_buf_printf(out, "none of %u: ", p->kid_count);
		if (p->op == TSN_PRED_NOT)
			tsn_buf_lit(out, "not ");
		/* The first part that has the value the whole got from it. */
		for (; pick + 1 < p->kid_count && p->op != TSN_PRED_NOT &&
		    holds(x, t, kid, ev) != yes; pick++)
			kid += count_nodes(p->kids[pick], 0);
		p = p->kids[pick];
		at = kid;
	}
	if (p->op != TSN_PRED_ATOM)
		return;
	write_atom(&p->atom, out);
	if (p->atom.field.len > 0) {
		tsn_buf_lit(out, "  -- ");
		write_values(x, view, p->atom.field, ev, out);
	}
	if (p->atom.at > 0)
		tsn_buf_printf(out, "  (line %llu)", (unsigned long long)p->atom.at);
}

/* What makes a part true: all of an AND, the first true of an OR; *told counts what is written. */
static void
write_truth(struct tsn_explain *x, const struct tree *t, const struct tsn_pred *p, uint32_t at,
    const struct tsn_event *ev, uint32_t *told, struct tsn_buf *out)
{
	uint32_t kid = at + 1;

	if (p->op == TSN_PRED_AND || p->op == TSN_PRED_OR) {
		for (uint32_t i = 0; i < p->kid_count; i++) {
			bool yes = holds(x, t, kid, ev);

			if (yes)
				write_truth(x, t, p->kids[i], kid, ev, told, out);
			if (yes && p->op == TSN_PRED_OR)
				return;
			kid += count_nodes(p->kids[i], 0);
		}
		return;
	}
	if ((*told)++ >= TRUTHS_SHOWN)
		return;
	if (*told > 1)
		tsn_buf_lit(out, "; ");
	if (p->op == TSN_PRED_NOT) {
		tsn_buf_lit(out, "not ");
		tsn_buf_slice(out, p->kids[0]->name.len > 0 ? p->kids[0]->name : TSN_SLICE("the rest"));
	} else if (p->op == TSN_PRED_ATOM) {
		write_atom(&p->atom, out);
	}
}

/* What becomes of a record that the rule is true of. */
static void
write_exceptions(struct tsn_explain *x, const struct view_try *v, const struct tsn_event *ev,
    struct tsn_buf *out)
{
	for (uint32_t i = 0; i < x->rule->exception_count; i++) {
		const struct tsn_exception *e = x->rule->exceptions[i];
		bool yes = holds(x, &v->exceptions[i], 0, ev);
		char day[TSN_TIME_TEXT_MAX];

		tsn_buf_lit(out, "    exception ");
		quote(e->id, out);
		if (yes && ev->time_ns >= e->expires_ns) {
			(void)tsn_time_format(e->expires_ns, day);
			tsn_buf_printf(out, ": would hide it, but ended at %s, before the event\n", day);
			continue;
		}
		tsn_buf_slice(out, yes ? TSN_SLICE(": hides it: ") : TSN_SLICE(": does not hide it: "));
		write_reason(x, e->paths ? NULL : v->view, &v->exceptions[i], ev, out);
		if (yes) {
			tsn_buf_lit(out, "; the reason given: ");
			quote(e->reason, out);
		}
		tsn_buf_char(out, '\n');
	}
}

static void
write_view(struct tsn_explain *x, const struct view_try *v, const struct tsn_event *ev,
    struct tsn_buf *out)
{
	bool in = holds(x, &v->when, 0, ev);
	uint32_t at = 0, told = 0;

	tsn_buf_printf(out, "  log source as \"%.*s\": %s\n", TSN_SLICE_ARG(v->view->name),
	    in ? "the record is of it" : "the record is not of it");
	if (!in) {
		write_node(x, v, true, v->when.root, &at, 2, ev, out);
		return;
	}
	if (holds(x, &v->condition, 0, ev)) {
		tsn_buf_lit(out, "    decided by: true: ");
		write_truth(x, &v->condition, v->condition.root, 0, ev, &told, out);
		if (told > TRUTHS_SHOWN)
			tsn_buf_printf(out, " and %u more", told - TRUTHS_SHOWN);
	} else {
		tsn_buf_lit(out, "    decided by: false: ");
		write_reason(x, v->view, &v->condition, ev, out);
	}
	tsn_buf_char(out, '\n');
	if (holds(x, &v->condition, 0, ev))
		write_exceptions(x, v, ev, out);
	write_node(x, v, false, v->condition.root, &at, 2, ev, out);
}

/* In one line: fires, or the first thing that stopped it. */
static void
write_verdict(struct tsn_explain *x, const struct tsn_event *ev, bool fires, struct tsn_buf *out)
{
	const struct view_try *held = true_view(x, ev);

	if (fires) {
		tsn_buf_lit(out, ": fires\n");
		return;
	}
	tsn_buf_lit(out, ": does not fire: ");
	if (held != NULL) {
		for (uint32_t i = 0; i < x->rule->exception_count; i++) {
			const struct tsn_exception *e = x->rule->exceptions[i];

			if (ev->time_ns >= e->expires_ns || !holds(x, &held->exceptions[i], 0, ev))
				continue;
			tsn_buf_lit(out, "it is true, and the exception ");
			quote(e->id, out);
			tsn_buf_lit(out, " hides it\n");
			return;
		}
	}
	for (uint32_t i = 0; i < x->view_count && held == NULL; i++)
		if (holds(x, &x->views[i].when, 0, ev))
			held = &x->views[i];
	if (ev->flags & TSN_EV_ERROR) {
		tsn_buf_lit(out, "the record could not be parsed\n");
	} else if (held == NULL) {
		tsn_buf_lit(out, "the record is not of its log source\n");
	} else {
		write_reason(x, held->view, &held->condition, ev, out);
		tsn_buf_char(out, '\n');
	}
}

/* Names alone: values stand where they decide. */
static void
write_fields(struct tsn_explain *x, const struct tsn_event *ev, struct tsn_buf *out)
{
	tsn_key last = TSN_KEY_NONE;
	uint32_t shown = 0;

	tsn_buf_lit(out, "  fields: ");
	for (uint32_t i = 0; i < ev->field_count && shown < FIELDS_SHOWN; i++) {
		if (ev->fields[i].key == last || ev->fields[i].flags & TSN_FIELD_HIDDEN)
			continue;
		tsn_buf_printf(out, "%s", shown++ > 0 ? ", " : "");
		last = ev->fields[i].key;
		write_name(tsn_keys_name(x->keys, last), out);
	}
	tsn_buf_printf(out, "%s\n", shown == FIELDS_SHOWN ? ", ..." : "");
}

static void
write_record(struct tsn_explain *x, const struct tsn_event *ev, struct tsn_buf *out)
{
	char time[TSN_TIME_TEXT_MAX];
	tsn_key error = tsn_keys_find(x->keys, TSN_SLICE("error.message"));

	tsn_buf_lit(out, "  received: ");
	quote(ev->original, out);
	(void)tsn_time_format(ev->time_ns, time);
	tsn_buf_lit(out, "\n  record of kind ");
	tsn_buf_slice(out, ev->dataset);
	tsn_buf_printf(out, ", of %s%s, %u fields\n", time,
	    ev->flags & TSN_EV_TIME_UNKNOWN ? " (when it was read: the record says no time)" :
	    ev->flags & TSN_EV_TIME_UNZONED ? " (the record says no zone)" : "", ev->field_count);
	write_fields(x, ev, out);
	if (ev->flags & TSN_EV_ERROR && error != TSN_KEY_NONE) {
		tsn_buf_lit(out, "  it could not be parsed: ");
		quote(tsn_event_str(ev, error), out);
		tsn_buf_char(out, '\n');
	}
}

enum tsn_code
tsn_explain_write(struct tsn_explain *x, const struct tsn_event *ev, struct tsn_buf *out,
    bool *ret_fires, struct tsn_err *err)
{
	bool fires = tsn_explain_fires(x, ev);

	tsn_arena_reset(&x->names);
	for (uint32_t i = 0; i < x->view_count && !x->has_parts; i++) {
		TSN_TRY(compile_parts(x, NULL, &x->views[i].when, err));
		TSN_TRY(compile_parts(x, x->views[i].view, &x->views[i].condition, err));
	}
	x->has_parts = true;
	tsn_buf_slice(out, x->rule->name);
	write_verdict(x, ev, fires, out);
	write_record(x, ev, out);
	for (uint32_t i = 0; i < x->view_count; i++)
		write_view(x, &x->views[i], ev, out);
	*ret_fires = fires;
	return tsn_buf_check(out);
}
