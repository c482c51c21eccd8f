/*
 * Paths: steps along child, descendant, parent, self and attribute; predicates with positions,
 * comparisons, and / or, not(), contains(), starts-with(), last(), position(), count(), name().
 */
#include <string.h>

#include "base/num.h"
#include "pipeline/xml_int.h"

#define DEPTH_MAX 32u
#define FOUND_MAX 100000u

enum axis { CHILD, DESCENDANT, PARENT, SELF, ATTRIBUTE };
enum test { ANY_NAME, NAME, TEXT_NODE, ANY_NODE };
enum op { OP_PATH, OP_TEXT, OP_NUMBER, OP_EQ, OP_NE, OP_LT, OP_GT, OP_LE, OP_GE, OP_AND, OP_OR,
	OP_NOT, OP_CONTAINS, OP_STARTS, OP_LAST, OP_POSITION, OP_COUNT, OP_NAME };

struct expr {
	enum op op;
	struct expr *a, *b;
	struct tsn_xpath *path;
	struct tsn_slice text;
	double number;
};

struct predicate {
	struct expr *expr;
	struct predicate *next;
};

struct step {
	enum axis axis;
	enum test test;
	struct tsn_slice name;
	struct predicate *predicates;
	struct step *next;
};

struct tsn_xpath {
	bool absolute;
	struct step *steps;
	struct tsn_xpath *next;		/* of a union */
};

struct reader {
	struct tsn_arena *arena;
	struct tsn_slice all, in;
	uint32_t depth;
	bool failed;
};

static void
blanks(struct reader *r)
{
	while (r->in.len > 0 && strchr(" \t\r\n", r->in.ptr[0]) != NULL)
		r->in = tsn_slice_from(r->in, 1);
}

static bool
take(struct reader *r, const char *text)
{
	struct tsn_slice t = tsn_slice_cstr(text);

	blanks(r);
	if (!tsn_slice_starts(r->in, t))
		return false;
	r->in = tsn_slice_from(r->in, t.len);
	return true;
}

static struct tsn_slice
take_name(struct reader *r)
{
	size_t n = 0;

	blanks(r);
	while (n < r->in.len && (r->in.ptr[n] == '_' || r->in.ptr[n] == '-' || r->in.ptr[n] == '.' ||
	    r->in.ptr[n] == ':' || ((r->in.ptr[n] | 0x20) >= 'a' && (r->in.ptr[n] | 0x20) <= 'z') ||
	    (r->in.ptr[n] >= '0' && r->in.ptr[n] <= '9') || (unsigned char)r->in.ptr[n] >= 0x80)) {
		/* "axis::" is no part of the name */
		if (r->in.ptr[n] == ':' && n + 1 < r->in.len && r->in.ptr[n + 1] == ':')
			break;
		n++;
	}
	r->in = tsn_slice_from(r->in, n);
	return tsn_slice_of(r->in.ptr - n, n);
}

static void *
make(struct reader *r, size_t size)
{
	void *p = tsn_arena_calloc(r->arena, 1, size);

	r->failed |= p == NULL;
	return p;
}

static struct expr *read_or(struct reader *r);
static struct tsn_xpath *read_path(struct reader *r);

static void
read_axis(struct reader *r, struct step *s)
{
	static const struct {
		const char *name;
		enum axis axis;
	} axes[] = {{"child::", CHILD}, {"descendant::", DESCENDANT}, {"descendant-or-self::",
	    DESCENDANT}, {"parent::", PARENT}, {"self::", SELF}, {"attribute::", ATTRIBUTE}};

	if (take(r, "@"))
		s->axis = ATTRIBUTE;
	for (size_t i = 0; i < TSN_COUNT(axes); i++)
		if (take(r, axes[i].name)) {
			s->axis = axes[i].axis;
			return;
		}
}

static struct step *
read_step(struct reader *r, bool deep)
{
	struct step *s = make(r, sizeof *s);
	struct predicate **tail;

	if (s == NULL)
		return NULL;
	s->axis = deep ? DESCENDANT : CHILD;
	s->test = ANY_NODE;
	if (take(r, "..")) {
		s->axis = PARENT;
		return s;
	}
	if (!tsn_slice_starts(r->in, TSN_SLICE("...")) && take(r, ".")) {
		s->axis = SELF;
		return s;
	}
	read_axis(r, s);
	if (take(r, "*")) {
		s->test = ANY_NAME;
	} else if (take(r, "text()")) {
		s->test = TEXT_NODE;
	} else if (!take(r, "node()")) {
		s->test = NAME;
		s->name = take_name(r);
		r->failed |= s->name.len == 0;
	}
	tail = &s->predicates;
	while (!r->failed && take(r, "[")) {
		*tail = make(r, sizeof **tail);
		if (*tail == NULL)
			return s;
		(*tail)->expr = read_or(r);
		r->failed |= !take(r, "]");
		tail = &(*tail)->next;
	}
	return s;
}

/* "//@a" is "any element's attribute": a descendant step before it */
static void
add_step(struct reader *r, struct step ***tail, bool deep)
{
	struct step *s = read_step(r, deep), *all;

	if (s == NULL)
		return;
	if (deep && s->axis != DESCENDANT) {
		all = make(r, sizeof *all);
		if (all == NULL)
			return;
		all->axis = DESCENDANT;
		all->test = ANY_NODE;
		**tail = all;
		*tail = &all->next;
	}
	**tail = s;
	*tail = &s->next;
}

static struct tsn_xpath *
read_path(struct reader *r)
{
	struct tsn_xpath *x = make(r, sizeof *x);
	struct step **tail;
	bool deep;

	if (x == NULL || ++r->depth > DEPTH_MAX) {
		r->failed = true;
		return x;
	}
	tail = &x->steps;
	deep = take(r, "//");
	x->absolute = deep || take(r, "/");
	do {
		add_step(r, &tail, deep);
		deep = !r->failed && take(r, "//");
	} while (!r->failed && (deep || take(r, "/")));
	r->depth--;
	return x;
}

static struct expr *
call(struct reader *r, enum op op, unsigned count)
{
	struct expr *e = make(r, sizeof *e);

	if (e == NULL)
		return NULL;
	e->op = op;
	if (count > 0)
		e->a = read_or(r);
	if (count > 1) {
		r->failed |= !take(r, ",");
		e->b = r->failed ? NULL : read_or(r);
	}
	r->failed |= !take(r, ")");
	return e;
}

static struct expr *
read_operand(struct reader *r)
{
	static const struct {
		const char *name;
		enum op op;
		unsigned count;
	} functions[] = {{"not(", OP_NOT, 1}, {"contains(", OP_CONTAINS, 2},
	    {"starts-with(", OP_STARTS, 2}, {"last(", OP_LAST, 0}, {"position(", OP_POSITION, 0},
	    {"count(", OP_COUNT, 1}, {"name(", OP_NAME, 0}, {"local-name(", OP_NAME, 0}};
	struct expr *e;
	size_t n;

	for (size_t i = 0; i < TSN_COUNT(functions); i++)
		if (take(r, functions[i].name))
			return call(r, functions[i].op, functions[i].count);
	if (take(r, "(")) {
		e = read_or(r);
		r->failed |= !take(r, ")");
		return e;
	}
	e = make(r, sizeof *e);
	blanks(r);
	if (e == NULL || r->in.len == 0) {
		r->failed = true;
		return e;
	}
	if (r->in.ptr[0] == '"' || r->in.ptr[0] == '\'') {
		e->op = OP_TEXT;
		n = tsn_slice_find_char(tsn_slice_from(r->in, 1), r->in.ptr[0]);
		r->failed |= n == SIZE_MAX;
		e->text = tsn_slice_of(r->in.ptr + 1, n == SIZE_MAX ? 0 : n);
		r->in = tsn_slice_from(r->in, n == SIZE_MAX ? r->in.len : n + 2);
	} else if (r->in.ptr[0] >= '0' && r->in.ptr[0] <= '9') {
		for (n = 0; n < r->in.len && strchr("0123456789.", r->in.ptr[n]) != NULL;)
			n++;
		e->op = OP_NUMBER;
		r->failed |= tsn_num_parse_f64(tsn_slice_of(r->in.ptr, n), &e->number) != TSN_OK;
		r->in = tsn_slice_from(r->in, n);
	} else {
		e->op = OP_PATH;
		e->path = read_path(r);
	}
	return e;
}

static struct expr *
read_compare(struct reader *r)
{
	static const struct {
		const char *name;
		enum op op;
	} ops[] = {{"!=", OP_NE}, {"<=", OP_LE}, {">=", OP_GE}, {"=", OP_EQ}, {"<", OP_LT},
	    {">", OP_GT}};
	struct expr *a = read_operand(r), *e;

	for (size_t i = 0; !r->failed && i < TSN_COUNT(ops); i++) {
		if (!take(r, ops[i].name))
			continue;
		e = make(r, sizeof *e);
		if (e == NULL)
			return NULL;
		*e = (struct expr){.op = ops[i].op, .a = a, .b = read_operand(r)};
		return e;
	}
	return a;
}

static struct expr *
read_joined(struct reader *r, const char *word, enum op op, struct expr *(*below)(struct reader *))
{
	struct expr *a = below(r), *e;

	while (!r->failed && take(r, word)) {
		e = make(r, sizeof *e);
		if (e == NULL)
			return NULL;
		*e = (struct expr){.op = op, .a = a, .b = below(r)};
		a = e;
	}
	return a;
}

static struct expr *
read_and(struct reader *r)
{
	return read_joined(r, "and ", OP_AND, read_compare);
}

static struct expr *
read_or(struct reader *r)
{
	struct expr *e;

	if (++r->depth > DEPTH_MAX) {
		r->failed = true;
		return NULL;
	}
	e = read_joined(r, "or ", OP_OR, read_and);
	r->depth--;
	return e;
}

enum tsn_code
tsn_xpath_new(struct tsn_arena *a, struct tsn_slice text, struct tsn_xpath **ret,
    struct tsn_err *err)
{
	struct reader r = {.arena = a, .all = text, .in = text};
	struct tsn_xpath **tail = ret;
	char shown[120];

	do {
		*tail = read_path(&r);
		tail = *tail == NULL ? tail : &(*tail)->next;
	} while (!r.failed && take(&r, "|"));
	blanks(&r);
	if (r.failed || r.in.len > 0)
		TSN_FAIL(err, TSN_EPARSE, "the path \"%s\" is not understood at character %zu",
		    tsn_slice_escape(text, shown, sizeof shown), text.len - r.in.len + 1);
	return TSN_OK;
}

struct found {
	struct tsn_xml **nodes;
	uint32_t count, cap;
	struct tsn_arena *arena;
	bool failed;
};

static void
add(struct found *f, struct tsn_xml *n)
{
	if (f->count == f->cap) {
		uint32_t cap = f->cap == 0 ? 16 : f->cap * 2;
		struct tsn_xml **more = cap > 2 * FOUND_MAX ? NULL :
		    tsn_arena_alloc(f->arena, cap * sizeof(*more));

		if (more == NULL) {
			f->failed = true;
			return;
		}
		if (f->count > 0)
			memcpy(more, f->nodes, f->count * sizeof *more);
		f->nodes = more;
		f->cap = cap;
	}
	f->nodes[f->count++] = n;
}

static bool
fits(const struct step *s, const struct tsn_xml *n)
{
	struct tsn_slice local = n->name;
	size_t colon;

	switch (s->test) {
	case ANY_NODE:
		return true;
	case TEXT_NODE:
		return n->kind == TSN_XML_TEXT;
	case ANY_NAME:
		return n->kind != TSN_XML_TEXT;
	case NAME:
	default:
		if (n->kind == TSN_XML_TEXT)
			return false;
		if (tsn_slice_eq(n->name, s->name))
			return true;
		/* a prefix of the path's own for the same name */
		colon = tsn_slice_find_char(local, ':');
		return colon != SIZE_MAX && tsn_slice_find_char(s->name, ':') != SIZE_MAX &&
		    tsn_slice_eq(tsn_slice_from(local, colon + 1),
		    tsn_slice_from(s->name, tsn_slice_find_char(s->name, ':') + 1));
	}
}

static void
descend(const struct step *s, struct tsn_xml *n, struct found *out)
{
	for (struct tsn_xml *c = n->first; c != NULL && !out->failed; c = c->next) {
		if (fits(s, c))
			add(out, c);
		descend(s, c, out);
	}
}

static void walk(const struct step *s, struct tsn_xml *n, struct found *out, uint32_t depth);
static bool truth(const struct expr *e, struct tsn_xml *n, uint32_t position, uint32_t last,
    struct tsn_arena *a, uint32_t depth);

static void
along(const struct step *s, struct tsn_xml *n, struct found *out)
{
	if (s->axis == ATTRIBUTE)
		for (struct tsn_xml *a = n->kind == TSN_XML_ELEMENT ? n->attributes : NULL; a != NULL;
		    a = a->next)
			if (fits(s, a))
				add(out, a);
	if (s->axis == CHILD && n->kind == TSN_XML_ELEMENT)
		for (struct tsn_xml *c = n->first; c != NULL; c = c->next)
			if (fits(s, c))
				add(out, c);
	if (s->axis == SELF && fits(s, n))
		add(out, n);
	if (s->axis == PARENT && n->parent != NULL && fits(s, n->parent))
		add(out, n->parent);
	if (s->axis == DESCENDANT) {
		if (s->test == ANY_NODE)
			add(out, n);
		descend(s, n, out);
	}
}

static void
walk(const struct step *s, struct tsn_xml *n, struct found *out, uint32_t depth)
{
	struct found here = {.arena = out->arena};

	if (s == NULL) {
		add(out, n);
		return;
	}
	if (depth > DEPTH_MAX || out->failed)
		return;
	along(s, n, &here);
	for (const struct predicate *p = s->predicates; p != NULL; p = p->next) {
		uint32_t kept = 0, last = here.count;

		for (uint32_t i = 0; i < last; i++)
			if (truth(p->expr, here.nodes[i], i + 1, last, out->arena, depth + 1))
				here.nodes[kept++] = here.nodes[i];
		here.count = kept;
	}
	out->failed |= here.failed;
	for (uint32_t i = 0; i < here.count && out->count < FOUND_MAX; i++)
		walk(s->next, here.nodes[i], out, depth + 1);
}

static void
find(const struct tsn_xpath *x, struct tsn_xml *n, struct found *out, uint32_t depth)
{
	struct tsn_xml *top = n, document = {.kind = TSN_XML_ELEMENT};

	if (!x->absolute) {
		walk(x->steps, n, out, depth);
		return;
	}
	while (top->parent != NULL)
		top = top->parent;
	/* "/" stands above the root element */
	document.first = document.last = top;
	walk(x->steps, &document, out, depth);
	for (uint32_t i = 0; i < out->count; i++)
		if (out->nodes[i] == &document)
			out->nodes[i] = top;
}

static struct tsn_slice
text_of(const struct expr *e, struct tsn_xml *n, struct tsn_arena *a, uint32_t depth)
{
	struct found f = {.arena = a};
	struct tsn_slice s;
	struct tsn_buf b;

	if (e->op == OP_TEXT)
		return e->text;
	if (e->op == OP_NAME)
		return n->name;
	if (e->op != OP_PATH)
		return TSN_SLICE("");
	find(e->path, n, &f, depth + 1);
	if (f.count == 0)
		return TSN_SLICE_NONE;
	tsn_buf_init(&b, 64u << 20);
	tsn_xml_text(f.nodes[0], &b);
	s = b.len == 0 ? TSN_SLICE("") : tsn_arena_dup(a, tsn_buf_get(&b));
	tsn_buf_done(&b);
	return s;
}

static double
number_of(const struct expr *e, struct tsn_xml *n, uint32_t position, uint32_t last,
    struct tsn_arena *a, uint32_t depth, bool *ok)
{
	struct found f = {.arena = a};
	double d = 0;

	*ok = true;
	if (e->op == OP_NUMBER)
		return e->number;
	if (e->op == OP_POSITION)
		return position;
	if (e->op == OP_LAST)
		return last;
	if (e->op == OP_COUNT && e->a != NULL && e->a->op == OP_PATH) {
		find(e->a->path, n, &f, depth + 1);
		return f.count;
	}
	*ok = tsn_num_parse_f64(tsn_slice_trim(text_of(e, n, a, depth)), &d) == TSN_OK;
	return d;
}

static bool
is_number(const struct expr *e)
{
	return e->op == OP_NUMBER || e->op == OP_POSITION || e->op == OP_LAST || e->op == OP_COUNT;
}

static bool
compare(const struct expr *e, struct tsn_xml *n, uint32_t position, uint32_t last,
    struct tsn_arena *a, uint32_t depth)
{
	struct tsn_slice x, y;
	double p, q;
	bool ok, also;

	if (is_number(e->a) || is_number(e->b) || (e->op != OP_EQ && e->op != OP_NE)) {
		p = number_of(e->a, n, position, last, a, depth, &ok);
		q = number_of(e->b, n, position, last, a, depth, &also);
		if (!ok || !also)
			return false;
		return e->op == OP_EQ ? p == q : e->op == OP_NE ? p != q : e->op == OP_LT ? p < q :
		    e->op == OP_GT ? p > q : e->op == OP_LE ? p <= q : p >= q;
	}
	x = text_of(e->a, n, a, depth);
	y = text_of(e->b, n, a, depth);
	if (x.ptr == NULL || y.ptr == NULL)
		return false;
	return tsn_slice_eq(x, y) == (e->op == OP_EQ);
}

static bool
truth(const struct expr *e, struct tsn_xml *n, uint32_t position, uint32_t last,
    struct tsn_arena *a, uint32_t depth)
{
	struct found f = {.arena = a};
	bool ok;

	if (e == NULL || depth > DEPTH_MAX)
		return false;
	switch (e->op) {
	case OP_NUMBER:
	case OP_LAST:
	case OP_POSITION:
	case OP_COUNT:
		return (double)position == number_of(e, n, position, last, a, depth, &ok);
	case OP_AND:
		return truth(e->a, n, position, last, a, depth + 1) &&
		    truth(e->b, n, position, last, a, depth + 1);
	case OP_OR:
		return truth(e->a, n, position, last, a, depth + 1) ||
		    truth(e->b, n, position, last, a, depth + 1);
	case OP_NOT:
		return !truth(e->a, n, position, last, a, depth + 1);
	case OP_CONTAINS:
		return tsn_slice_find(text_of(e->a, n, a, depth), text_of(e->b, n, a, depth)) != SIZE_MAX;
	case OP_STARTS:
		return tsn_slice_starts(text_of(e->a, n, a, depth), text_of(e->b, n, a, depth));
	case OP_PATH:
		find(e->path, n, &f, depth + 1);
		return f.count > 0;
	case OP_TEXT:
	case OP_NAME:
		return text_of(e, n, a, depth).len > 0;
	case OP_EQ:
	case OP_NE:
	case OP_LT:
	case OP_GT:
	case OP_LE:
	case OP_GE:
	default:
		return compare(e, n, position, last, a, depth);
	}
}

struct tsn_xml **
tsn_xpath_find(const struct tsn_xpath *x, struct tsn_xml *root, struct tsn_arena *a,
    uint32_t *ret_count)
{
	struct found f = {.arena = a};
	uint32_t kept = 0;

	for (; x != NULL; x = x->next)
		find(x, root, &f, 0);
	/* the same node by two ways is one */
	for (uint32_t i = 0; i < f.count; i++)
		if (kept == 0 || f.nodes[kept - 1] != f.nodes[i])
			f.nodes[kept++] = f.nodes[i];
	*ret_count = kept;
	return f.failed ? NULL : f.nodes;
}
