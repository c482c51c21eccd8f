/* Binary XML to nodes. */
#include "codec/evtx_int.h"

#include "codec/utf8.h"

/* Kinds of tokens, without the flag "more follows" (0x40). */
enum token {
	TK_END = 0x00,
	TK_OPEN = 0x01,
	TK_CLOSE_START = 0x02,
	TK_CLOSE_EMPTY = 0x03,
	TK_END_ELEMENT = 0x04,
	TK_VALUE = 0x05,
	TK_ATTRIBUTE = 0x06,
	TK_CDATA = 0x07,
	TK_CHAR_REF = 0x08,
	TK_ENTITY_REF = 0x09,
	TK_PI_TARGET = 0x0a,
	TK_PI_DATA = 0x0b,
	TK_TEMPLATE = 0x0c,
	TK_SUBSTITUTION = 0x0d,
	TK_OPTIONAL = 0x0e,
	TK_FRAGMENT = 0x0f,
};

#define MORE 0x40u

struct cursor {
	struct tsn_evtx *e;
	struct tsn_arena *arena;
	uint32_t at, end;
	bool inner;
	unsigned deep;
};

static bool
need(struct cursor *c, uint32_t bytes)
{
	if (bytes <= c->end - c->at)
		return true;
	return tsn_evtx_broken(c->e, c->at, "binary XML ends early");
}

static const unsigned char *
here(const struct cursor *c)
{
	return c->e->chunk + c->at;
}

static struct evtx_node *
new_node(struct cursor *c, enum evtx_kind kind)
{
	struct evtx_node *n = tsn_arena_calloc(c->arena, 1, sizeof *n);

	if (n == NULL)
		(void)tsn_evtx_broken(c->e, c->at, "binary XML too large");
	else
		n->kind = (uint8_t)kind;
	return n;
}

bool
tsn_evtx_utf8(struct tsn_arena *arena, const unsigned char *p, uint32_t units,
    struct tsn_slice *ret_text)
{
	char *out = tsn_arena_alloc(arena, (size_t)units * 3 + 1), *at = out;

	if (out == NULL)
		return false;
	for (uint32_t i = 0; i < units; i++) {
		uint32_t u = evtx_u16(p + 2 * i);

		if (u < 0x80) {
			*at++ = (char)u;
			continue;
		}
		if (u >= 0xd800 && u < 0xdc00 && i + 1 < units) {
			uint32_t low = evtx_u16(p + 2 * i + 2);

			if (low >= 0xdc00 && low < 0xe000) {
				u = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
				i++;
			}
		}
		at += tsn_utf8_encode(u, at);
	}
	*ret_text = (struct tsn_slice){out, (size_t)(at - out)};
	tsn_arena_give_back(arena, at, out + (((size_t)units * 3 + 8) & ~(size_t)7));
	return true;
}

static struct evtx_slot *
slot_of(struct evtx_slot *slots, uint32_t offset)
{
	uint32_t i = offset * 2654435761u >> 23;

	for (unsigned n = 0; n < EVTX_SLOTS; n++, i = (i + 1) % EVTX_SLOTS)
		if (slots[i].offset == offset || slots[i].offset == 0)
			return &slots[i];
	return NULL;
}

/* A name stands at `offset`: next u32, hash u16, units u16, text, NUL. */
static bool
name_at(struct cursor *c, uint32_t offset, struct tsn_slice *ret_name, uint32_t *ret_size)
{
	struct tsn_evtx *e = c->e;
	struct evtx_slot *slot = offset == 0 ? NULL : slot_of(e->names, offset);
	struct evtx_node *n;
	uint32_t units;

	if (offset < 8 || e->len < 10 || offset > e->len - 10)
		return tsn_evtx_broken(e, c->at, "name lies outside of the chunk");
	units = evtx_u16(e->chunk + offset + 6);
	if (units > (e->len - offset - 10) / 2)
		return tsn_evtx_broken(e, c->at, "name lies outside of the chunk");
	*ret_size = 10 + 2 * units;
	if (slot != NULL && slot->offset == offset) {
		*ret_name = slot->node->text;
		return true;
	}
	n = tsn_arena_calloc(&e->kept, 1, sizeof *n);
	if (n == NULL || !tsn_evtx_utf8(&e->kept, e->chunk + offset + 8, units, &n->text))
		return tsn_evtx_broken(e, c->at, "names too large");
	if (slot != NULL)
		*slot = (struct evtx_slot){offset, n};
	*ret_name = n->text;
	return true;
}

/* The offset of a name; the name itself follows when the offset says "here". */
static bool
read_name(struct cursor *c, struct tsn_slice *ret_name)
{
	uint32_t offset, size = 0;

	if (!need(c, 4))
		return false;
	offset = evtx_u32(here(c));
	c->at += 4;
	if (!name_at(c, offset, ret_name, &size))
		return false;
	if (offset != c->at)
		return true;
	if (!need(c, size))
		return false;
	c->at += size;
	return true;
}

static bool
read_text(struct cursor *c, struct tsn_slice *ret_text)
{
	uint32_t units;

	if (!need(c, 2))
		return false;
	units = evtx_u16(here(c));
	c->at += 2;
	if (!need(c, 2 * units))
		return false;
	if (!tsn_evtx_utf8(c->arena, here(c), units, ret_text))
		return tsn_evtx_broken(c->e, c->at, "text too large");
	c->at += 2 * units;
	return true;
}

static bool
entity(struct cursor *c, struct tsn_slice *ret_text)
{
	static const struct {
		struct tsn_slice name, text;
	} known[] = {
		{TSN_SLICE("amp"), TSN_SLICE("&")}, {TSN_SLICE("lt"), TSN_SLICE("<")},
		{TSN_SLICE("gt"), TSN_SLICE(">")}, {TSN_SLICE("quot"), TSN_SLICE("\"")},
		{TSN_SLICE("apos"), TSN_SLICE("'")},
	};
	struct tsn_slice name;

	if (!read_name(c, &name))
		return false;
	*ret_text = name;
	for (size_t i = 0; i < TSN_COUNT(known); i++)
		if (tsn_slice_eq(known[i].name, name))
			*ret_text = known[i].text;
	return true;
}

static bool
char_ref(struct cursor *c, struct tsn_slice *ret_text)
{
	if (!need(c, 2))
		return false;
	if (!tsn_evtx_utf8(c->arena, here(c), 1, ret_text))
		return tsn_evtx_broken(c->e, c->at, "text too large");
	c->at += 2;
	return true;
}

/* The nodes of the template at `offset`, compiled when they are asked for first. */
static bool
template_at(struct cursor *c, uint32_t offset, struct evtx_node **ret_nodes, uint32_t *ret_end)
{
	struct tsn_evtx *e = c->e;
	struct evtx_slot *slot = offset == 0 ? NULL : slot_of(e->templates, offset);
	struct evtx_node *holder;
	uint32_t size;

	if (offset == 0 || e->len < 24 || offset > e->len - 24)
		return tsn_evtx_broken(e, c->at, "template lies outside of the chunk");
	size = evtx_u32(e->chunk + offset + 20);
	if (size > e->len - offset - 24)
		return tsn_evtx_broken(e, c->at, "template lies outside of the chunk");
	*ret_end = offset + 24 + size;
	if (slot != NULL && slot->offset == offset) {
		*ret_nodes = slot->node->kids;
		return true;
	}
	if (c->deep >= EVTX_TEMPLATES_DEEP)
		return tsn_evtx_broken(e, c->at, "templates nested too deep");
	holder = tsn_arena_calloc(&e->kept, 1, sizeof *holder);
	if (holder == NULL)
		return tsn_evtx_broken(e, c->at, "templates too large");
	if (!tsn_evtx_compile(e, &e->kept, offset + 24, *ret_end, false, c->deep + 1, &holder->kids))
		return false;
	*ret_nodes = holder->kids;
	/* Compiling may have filled slots of templates inside: look again. */
	slot = slot_of(e->templates, offset);
	if (slot != NULL)
		*slot = (struct evtx_slot){offset, holder};
	return true;
}

static bool
instance(struct cursor *c, struct evtx_node **ret_node)
{
	struct evtx_node *n = new_node(c, EVTX_INSTANCE);
	uint32_t offset, end = 0, total = 0;

	if (n == NULL || !need(c, 9))
		return false;
	offset = evtx_u32(here(c) + 5);
	c->at += 9;
	if (!template_at(c, offset, &n->kids, &end))
		return false;
	if (offset == c->at) {
		if (end > c->end)
			return tsn_evtx_broken(c->e, c->at, "template is longer than its record");
		c->at = end;
	}
	if (!need(c, 4))
		return false;
	n->values.count = evtx_u32(here(c));
	c->at += 4;
	if (n->values.count > (c->end - c->at) / 4)
		return tsn_evtx_broken(c->e, c->at, "more values than fit");
	n->values.at = c->at;
	n->values.data = c->at + 4 * n->values.count;
	for (uint32_t i = 0; i < n->values.count; i++)
		total += evtx_u16(c->e->chunk + n->values.at + 4 * i);
	c->at = n->values.data;
	if (!need(c, total))
		return false;
	c->at += total;
	*ret_node = n;
	return true;
}

static bool
substitution(struct cursor *c, bool optional, struct evtx_node **ret_node)
{
	struct evtx_node *n = new_node(c, EVTX_SUBSTITUTION);

	if (n == NULL || !need(c, 3))
		return false;
	n->id = (uint16_t)evtx_u16(here(c));
	n->optional = optional;
	c->at += 3;
	*ret_node = n;
	return true;
}

/* One piece of content that is no element; its token is passed already. */
static bool
piece(struct cursor *c, unsigned token, struct evtx_node **ret_node)
{
	struct evtx_node *n;
	struct tsn_slice skipped;
	bool ok;

	if (token == TK_SUBSTITUTION || token == TK_OPTIONAL)
		return substitution(c, token == TK_OPTIONAL, ret_node);
	if (token == TK_TEMPLATE)
		return instance(c, ret_node);
	*ret_node = NULL;
	if (token == TK_PI_TARGET)
		return read_name(c, &skipped);
	if (token == TK_PI_DATA)
		return read_text(c, &skipped);
	if (token == TK_FRAGMENT) {
		ok = need(c, 3);
		c->at += ok ? 3 : 0;
		return ok;
	}
	n = new_node(c, EVTX_TEXT);
	if (n == NULL)
		return false;
	*ret_node = n;
	switch (token) {
	case TK_VALUE:
		if (!need(c, 1))
			return false;
		if (*here(c) != EVTX_T_STRING)
			return tsn_evtx_broken(c->e, c->at, "value in the text that is no string");
		c->at++;
		return read_text(c, &n->text);
	case TK_CDATA:
		return read_text(c, &n->text);
	case TK_CHAR_REF:
		return char_ref(c, &n->text);
	case TK_ENTITY_REF:
		return entity(c, &n->text);
	default:
		return tsn_evtx_broken(c->e, c->at - 1, "unknown token in binary XML");
	}
}

/* Attributes: each its name and the pieces of its value; *ret_token is what ended them. */
static bool
attributes(struct cursor *c, struct evtx_node *element, unsigned *ret_token)
{
	struct evtx_node **end = &element->attributes, **value = NULL;

	for (;;) {
		struct evtx_node *n;
		unsigned token;

		if (!need(c, 1))
			return false;
		token = *here(c) & ~MORE;
		c->at++;
		if (token == TK_CLOSE_START || token == TK_CLOSE_EMPTY) {
			*ret_token = token;
			return true;
		}
		if (token == TK_ATTRIBUTE) {
			n = new_node(c, EVTX_ATTRIBUTE);
			if (n == NULL || !read_name(c, &n->text))
				return false;
			*end = n;
			end = &n->next;
			value = &n->kids;
			continue;
		}
		if (value == NULL)
			return tsn_evtx_broken(c->e, c->at - 1, "unknown token in binary XML");
		if (!piece(c, token, &n))
			return false;
		if (n != NULL) {
			*value = n;
			value = &n->next;
		}
	}
}

/* Elements that are open, from the outside in. */
struct open {
	struct evtx_node **end;		/* where the next kid goes */
};

static bool
open_element(struct cursor *c, bool has_attributes, struct open *around, struct open *inside,
    bool *ret_empty)
{
	struct evtx_node *n = new_node(c, EVTX_ELEMENT);
	uint32_t skip = c->inner ? 4 : 6;	/* dependency, size of the element */
	unsigned token = TK_CLOSE_EMPTY;

	if (n == NULL || !need(c, skip))
		return false;
	c->at += skip;
	if (!read_name(c, &n->text))
		return false;
	if (has_attributes) {
		if (!need(c, 4))
			return false;
		c->at += 4;
	}
	if (!attributes(c, n, &token))
		return false;
	*around->end = n;
	around->end = &n->next;
	inside->end = &n->kids;
	*ret_empty = token == TK_CLOSE_EMPTY;
	return true;
}

bool
tsn_evtx_compile(struct tsn_evtx *e, struct tsn_arena *arena, uint32_t at, uint32_t end, bool inner,
    unsigned deep, struct evtx_node **ret_nodes)
{
	struct cursor c = {e, arena, at, end, inner, deep};
	struct open stack[EVTX_DEPTH_MAX];
	unsigned depth = 0;

	*ret_nodes = NULL;
	stack[0].end = ret_nodes;
	while (c.at < c.end) {
		unsigned byte = *here(&c), token = byte & ~MORE;
		struct evtx_node *n;
		bool empty = false;

		c.at++;
		if (token == TK_END)
			break;
		if (token == TK_OPEN) {
			if (depth + 1 == EVTX_DEPTH_MAX)
				return tsn_evtx_broken(e, c.at, "elements nested too deep");
			if (!open_element(&c, (byte & MORE) != 0, &stack[depth], &stack[depth + 1], &empty))
				return false;
			depth += !empty;
			continue;
		}
		if (token == TK_END_ELEMENT) {
			if (depth == 0)
				return tsn_evtx_broken(e, c.at - 1, "end of an element that is not open");
			depth--;
			continue;
		}
		if (!piece(&c, token, &n))
			return false;
		if (n != NULL) {
			*stack[depth].end = n;
			stack[depth].end = &n->next;
		}
	}
	return depth == 0 || tsn_evtx_broken(e, c.at, "binary XML ends early");
}
