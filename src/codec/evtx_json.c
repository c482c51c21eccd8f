/* Nodes with their values as JSON, in the form of evtx_dump. */
#include "codec/evtx_int.h"

#include "codec/json.h"

/* Pieces of one element's content, with substituted fragments and templates unfolded. */
#define PIECES_MAX 4096u

struct piece {
	const struct evtx_node *node;	/* element, text or substitution */
	const struct evtx_values *values;
	struct piece *next;
};

struct content {
	struct piece *first, **end;
	uint32_t count, elements;
};

struct writer {
	struct tsn_evtx *e;
	struct tsn_buf *out;
	unsigned depth;
};

/* A value of an instance: false when it is not there. */
static bool
find_value(const struct tsn_evtx *e, const struct evtx_values *v, uint32_t id, uint8_t *ret_type,
    uint32_t *ret_at, uint32_t *ret_size)
{
	uint32_t at;

	if (v == NULL || id >= v->count)
		return false;
	at = v->data;
	for (uint32_t i = 0; i < id; i++)
		at += evtx_u16(e->chunk + v->at + 4 * i);
	*ret_size = evtx_u16(e->chunk + v->at + 4 * id);
	*ret_type = e->chunk[v->at + 4 * id + 2];
	*ret_at = at;
	return *ret_type != EVTX_T_NULL;
}

static bool
add_piece(struct writer *w, struct content *c, const struct evtx_node *node,
    const struct evtx_values *values)
{
	struct piece *p = tsn_arena_alloc(&w->e->scratch, sizeof *p);

	if (p == NULL || c->count == PIECES_MAX)
		return tsn_evtx_broken(w->e, 0, "record too large");
	*p = (struct piece){.node = node, .values = values};
	*c->end = p;
	c->end = &p->next;
	c->count++;
	c->elements += node->kind == EVTX_ELEMENT;
	return true;
}

static bool
unfold(struct writer *w, struct content *c, const struct evtx_node *nodes,
    const struct evtx_values *values, unsigned deep)
{
	if (deep > EVTX_TEMPLATES_DEEP)
		return tsn_evtx_broken(w->e, 0, "templates nested too deep");
	for (const struct evtx_node *n = nodes; n != NULL; n = n->next) {
		struct evtx_node *inside;
		uint32_t at, size;
		uint8_t type;

		if (n->kind == EVTX_INSTANCE) {
			if (!unfold(w, c, n->kids, &n->values, deep + 1))
				return false;
			continue;
		}
		if (n->kind == EVTX_SUBSTITUTION) {
			if (!find_value(w->e, values, n->id, &type, &at, &size))
				continue;
			if (type == EVTX_T_BINXML) {
				if (!tsn_evtx_compile(w->e, &w->e->scratch, at, at + size, true, deep + 1,
				    &inside) || !unfold(w, c, inside, NULL, deep + 1))
					return false;
				continue;
			}
		}
		if (!add_piece(w, c, n, values))
			return false;
	}
	return true;
}

/* Elements of an array value: strings end with NUL, others have their size. */
static bool
next_element(const struct tsn_evtx *e, uint8_t type, uint32_t *at, uint32_t end, uint32_t *ret_size)
{
	uint32_t size = tsn_evtx_type_size(type), left = end - *at;

	if (left == 0)
		return false;
	if (type == EVTX_T_STRING) {
		for (size = 0; size + 2 <= left && evtx_u16(e->chunk + *at + size) != 0; size += 2)
			;
	} else if (type == EVTX_T_ANSI) {
		for (size = 0; size < left && e->chunk[*at + size] != 0; size++)
			;
	} else if (type == EVTX_T_SID && left >= 8) {
		size = 8 + 4 * (uint32_t)e->chunk[*at + 1];
	} else if (type == EVTX_T_SIZE) {
		size = 8;
	}
	*ret_size = size == 0 && type != EVTX_T_STRING && type != EVTX_T_ANSI ? left : size;
	if (*ret_size > left)
		*ret_size = left;
	return true;
}

static bool
write_scalar(struct writer *w, uint8_t type, uint32_t at, uint32_t size)
{
	struct tsn_buf *out = w->out;
	size_t before = out->len;
	bool quote;

	/* Whether it needs quotes shows when it is written: room for the first one is made before. */
	tsn_buf_char(out, '"');
	if (!tsn_evtx_value(w->e, type, at, size, out, &quote))
		return false;
	if (quote) {
		tsn_buf_char(out, '"');
	} else if (out->failed == TSN_OK) {
		memmove(out->ptr + before, out->ptr + before + 1, out->len - before - 1);
		out->len--;
	}
	return true;
}

static bool
write_array(struct writer *w, uint8_t type, uint32_t at, uint32_t size)
{
	uint32_t end = at + size, one;
	bool comma = false;

	tsn_buf_char(w->out, '[');
	while (next_element(w->e, type, &at, end, &one)) {
		if (comma)
			tsn_buf_char(w->out, ',');
		comma = true;
		if (!write_scalar(w, type, at, one))
			return false;
		at += one + (type == EVTX_T_STRING ? 2 : type == EVTX_T_ANSI ? 1 : 0);
		if (at > end)
			break;
	}
	tsn_buf_char(w->out, ']');
	return true;
}

static bool
write_value(struct writer *w, uint8_t type, uint32_t at, uint32_t size)
{
	if (type & EVTX_T_ARRAY)
		return write_array(w, type & 0x7f, at, size);
	return write_scalar(w, type, at, size);
}

/* Several pieces are one text; one piece keeps its type. */
static bool
write_pieces(struct writer *w, const struct content *c)
{
	uint32_t at, size;
	uint8_t type;

	if (c->count == 0) {
		tsn_buf_lit(w->out, "null");
		return true;
	}
	if (c->count == 1 && c->first->node->kind == EVTX_SUBSTITUTION)
		return !find_value(w->e, c->first->values, c->first->node->id, &type, &at, &size) ||
		    write_value(w, type, at, size);
	tsn_buf_char(w->out, '"');
	for (const struct piece *p = c->first; p != NULL; p = p->next) {
		bool quote;

		if (p->node->kind == EVTX_TEXT)
			tsn_json_write_text(w->out, p->node->text);
		else if (p->node->kind == EVTX_SUBSTITUTION &&
		    find_value(w->e, p->values, p->node->id, &type, &at, &size) &&
		    !tsn_evtx_value(w->e, type & 0x7f, at, size, w->out, &quote))
			return false;
	}
	tsn_buf_char(w->out, '"');
	return true;
}

static bool
unfold_into(struct writer *w, struct content *c, const struct evtx_node *nodes,
    const struct evtx_values *values)
{
	*c = (struct content){0};
	c->end = &c->first;
	return unfold(w, c, nodes, values, 0);
}

/* The attributes that have a value, as members; `skip` is left out (NULL: none). */
static bool
write_attributes(struct writer *w, const struct piece *p, const struct evtx_node *skip,
    bool *ret_any)
{
	*ret_any = false;
	for (const struct evtx_node *a = p->node->attributes; a != NULL; a = a->next) {
		struct content c;

		if (a == skip)
			continue;
		if (!unfold_into(w, &c, a->kids, p->values))
			return false;
		if (c.count == 0)
			continue;
		tsn_buf_slice(w->out, *ret_any ? TSN_SLICE(",") : TSN_SLICE("{\"#attributes\":{"));
		*ret_any = true;
		tsn_json_write_string(w->out, a->text);
		tsn_buf_char(w->out, ':');
		if (!write_pieces(w, &c))
			return false;
	}
	if (*ret_any)
		tsn_buf_char(w->out, '}');
	return true;
}

static bool write_members(struct writer *w, const struct content *c, bool comma);

/* What stands behind the name of an element. */
static bool
write_element(struct writer *w, const struct piece *p, const struct evtx_node *skip)
{
	struct content c;
	bool any, ok;

	if (w->depth >= EVTX_DEPTH_MAX)
		return tsn_evtx_broken(w->e, 0, "elements nested too deep");
	if (!unfold_into(w, &c, p->node->kids, p->values) ||
	    !write_attributes(w, p, skip, &any))
		return false;
	w->depth++;
	if (c.elements > 0) {
		if (!any)
			tsn_buf_char(w->out, '{');
		ok = write_members(w, &c, any);
		tsn_buf_char(w->out, '}');
	} else if (any) {
		if (c.count > 0)
			tsn_buf_lit(w->out, ",\"#text\":");
		ok = c.count == 0 || write_pieces(w, &c);
		tsn_buf_char(w->out, '}');
	} else {
		ok = write_pieces(w, &c);
	}
	w->depth--;
	return ok;
}

static const struct evtx_node *
attribute(const struct evtx_node *element, struct tsn_slice name)
{
	const struct evtx_node *a = element->attributes;

	while (a != NULL && !tsn_slice_eq(a->text, name))
		a = a->next;
	return a;
}

static bool
is_data(const struct evtx_node *n)
{
	return n->kind == EVTX_ELEMENT && (tsn_slice_eq(n->text, TSN_SLICE("Data")) ||
	    tsn_slice_eq(n->text, TSN_SLICE("ComplexData")));
}

/* A <Data> without a name, one of several: they become one list under the first of them. */
static bool
is_unnamed(const struct evtx_node *n)
{
	return is_data(n) && attribute(n, TSN_SLICE("Name")) == NULL;
}

static bool
write_unnamed(struct writer *w, const struct content *c)
{
	uint32_t count = 0;
	bool comma = false;

	for (const struct piece *p = c->first; p != NULL; p = p->next)
		count += is_unnamed(p->node);
	tsn_json_write_string(w->out, TSN_SLICE("Data"));
	tsn_buf_char(w->out, ':');
	if (count > 1)
		tsn_buf_char(w->out, '[');
	for (const struct piece *p = c->first; p != NULL; p = p->next) {
		if (!is_unnamed(p->node))
			continue;
		if (comma)
			tsn_buf_char(w->out, ',');
		comma = true;
		if (!write_element(w, p, NULL))
			return false;
	}
	if (count > 1)
		tsn_buf_char(w->out, ']');
	return true;
}

/* <Data Name="x">v</Data> is the member x; other elements are members by their names. */
static bool
write_member(struct writer *w, const struct piece *p)
{
	const struct evtx_node *name = is_data(p->node) ? attribute(p->node, TSN_SLICE("Name")) : NULL;
	struct content c;
	size_t before = w->out->len;

	if (name == NULL) {
		tsn_json_write_string(w->out, p->node->text);
	} else {
		if (!unfold_into(w, &c, name->kids, p->values))
			return false;
		if (c.count == 0)
			tsn_json_write_string(w->out, p->node->text);
		else if (!write_pieces(w, &c))
			return false;
		/* A name that is a number in the record is a string as a name. */
		if (w->out->failed == TSN_OK && w->out->ptr[before] != '"') {
			w->out->len = before;
			tsn_json_write_string(w->out, p->node->text);
			name = NULL;
		}
	}
	tsn_buf_char(w->out, ':');
	return write_element(w, p, name);
}

static bool
write_members(struct writer *w, const struct content *c, bool comma)
{
	bool listed = false;

	for (const struct piece *p = c->first; p != NULL; p = p->next) {
		bool unnamed = is_unnamed(p->node);

		if (p->node->kind != EVTX_ELEMENT || (unnamed && listed))
			continue;
		if (comma)
			tsn_buf_char(w->out, ',');
		comma = true;
		listed |= unnamed;
		if (unnamed ? !write_unnamed(w, c) : !write_member(w, p))
			return false;
	}
	return true;
}

bool
tsn_evtx_write(struct tsn_evtx *e, const struct evtx_node *nodes, struct tsn_buf *out)
{
	struct writer w = {.e = e, .out = out};
	struct content c;

	if (!unfold_into(&w, &c, nodes, NULL))
		return false;
	if (c.elements == 0)
		return tsn_evtx_broken(e, 0, "record without an element");
	tsn_buf_char(out, '{');
	if (!write_members(&w, &c, false))
		return false;
	if (e->sum_bad)
		tsn_buf_lit(out, ",\"#flags\":[\"checksum\"]");
	tsn_buf_char(out, '}');
	return true;
}
