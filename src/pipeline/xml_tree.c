#include <expat.h>
#include <string.h>

#include "pipeline/xml_int.h"

struct build {
	struct tsn_arena *arena;
	struct tsn_xml *root, *at;
	struct tsn_buf text;
	uint32_t depth, nodes;
	bool strip, failed;
	XML_Parser parser;
};

static struct tsn_xml *
new_node(struct build *b, enum tsn_xml_kind kind, struct tsn_slice name, struct tsn_slice text)
{
	struct tsn_xml *n = b->nodes >= TSN_XML_NODES_MAX ? NULL :
	    tsn_arena_calloc(b->arena, 1, sizeof *n);

	if (n == NULL) {
		b->failed = true;
		(void)XML_StopParser(b->parser, XML_FALSE);
		return NULL;
	}
	*n = (struct tsn_xml){.kind = kind, .name = tsn_arena_dup(b->arena, name),
	    .text = text.ptr == NULL ? text : tsn_arena_dup(b->arena, text), .parent = b->at,
	    .order = ++b->nodes};
	return n;
}

static void
append(struct tsn_xml *parent, struct tsn_xml *n)
{
	if (parent->last != NULL)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
}

static void
flush_text(struct build *b)
{
	struct tsn_xml *n;

	if (b->text.len > 0 && b->at != NULL &&
	    (n = new_node(b, TSN_XML_TEXT, TSN_SLICE(""), tsn_buf_get(&b->text))) != NULL)
		append(b->at, n);
	tsn_buf_reset(&b->text);
}

static struct tsn_slice
name_of(const struct build *b, const char *name)
{
	const char *colon = b->strip ? strchr(name, ':') : NULL;

	return tsn_slice_cstr(colon != NULL ? colon + 1 : name);
}

static void
on_start(void *ctx, const char *name, const char **attributes)
{
	struct build *b = ctx;
	struct tsn_xml *n, **tail, *a;

	flush_text(b);
	if (++b->depth > TSN_XML_DEPTH_MAX) {
		b->failed = true;
		(void)XML_StopParser(b->parser, XML_FALSE);
		return;
	}
	n = new_node(b, TSN_XML_ELEMENT, name_of(b, name), TSN_SLICE_NONE);
	if (n == NULL)
		return;
	if (b->at != NULL)
		append(b->at, n);
	else
		b->root = n;
	b->at = n;
	tail = &n->attributes;
	for (; attributes[0] != NULL; attributes += 2) {
		if (b->strip && strncmp(attributes[0], "xmlns", 5) == 0)
			continue;
		a = new_node(b, TSN_XML_ATTRIBUTE, name_of(b, attributes[0]),
		    tsn_slice_cstr(attributes[1]));
		if (a == NULL)
			return;
		*tail = a;
		tail = &a->next;
	}
}

static void
on_end(void *ctx, const char *name)
{
	struct build *b = ctx;

	(void)name;
	flush_text(b);
	b->depth--;
	if (b->at != NULL)
		b->at = b->at->parent;
}

static void
on_text(void *ctx, const char *text, int len)
{
	struct build *b = ctx;

	tsn_buf_add(&b->text, text, (size_t)len);
}

/* what entities a document defines is not followed: they can be bombs */
static void
on_doctype(void *ctx, const char *name, const char *sysid, const char *pubid, int internal)
{
	struct build *b = ctx;

	(void)name;
	(void)sysid;
	(void)pubid;
	if (internal) {
		b->failed = true;
		(void)XML_StopParser(b->parser, XML_FALSE);
	}
}

enum tsn_code
tsn_xml_parse(struct tsn_arena *a, struct tsn_slice text, bool strip_namespaces,
    struct tsn_xml **ret_root, struct tsn_err *err)
{
	struct build b = {.arena = a, .strip = strip_namespaces};
	enum XML_Status status;
	enum tsn_code code = TSN_OK;

	b.parser = XML_ParserCreate(NULL);
	if (b.parser == NULL || text.len > INT32_MAX)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	tsn_buf_init(&b.text, text.len * 4 + 1);
	XML_SetUserData(b.parser, &b);
	XML_SetElementHandler(b.parser, on_start, on_end);
	XML_SetCharacterDataHandler(b.parser, on_text);
	XML_SetStartDoctypeDeclHandler(b.parser, on_doctype);
	status = XML_Parse(b.parser, text.ptr, (int)text.len, 1);
	if (status != XML_STATUS_OK || b.failed || b.root == NULL)
		code = TSN_ERR(err, TSN_EPARSE, "line %lu: %s", XML_GetCurrentLineNumber(b.parser),
		    b.failed ? "too deep, too large, or it defines entities" :
		    XML_ErrorString(XML_GetErrorCode(b.parser)));
	XML_ParserFree(b.parser);
	tsn_buf_done(&b.text);
	if (code == TSN_OK)
		*ret_root = b.root;
	return code;
}

void
tsn_xml_text(const struct tsn_xml *n, struct tsn_buf *out)
{
	if (n->kind != TSN_XML_ELEMENT)
		tsn_buf_slice(out, n->text);
	/* depth is bounded by the reader */
	for (const struct tsn_xml *c = n->first; c != NULL; c = c->next)
		tsn_xml_text(c, out);
}

static void
escaped(struct tsn_slice s, bool attribute, struct tsn_buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '<')
			tsn_buf_lit(out, "&lt;");
		else if (c == '>')
			tsn_buf_lit(out, "&gt;");
		else if (c == '&')
			tsn_buf_lit(out, "&amp;");
		else if (c == '"' && attribute)
			tsn_buf_lit(out, "&quot;");
		else
			tsn_buf_char(out, c);
	}
}

void
tsn_xml_write(const struct tsn_xml *n, struct tsn_buf *out)
{
	if (n->kind == TSN_XML_TEXT)
		escaped(n->text, false, out);
	else if (n->kind == TSN_XML_ATTRIBUTE)
		tsn_buf_slice(out, n->text);
	if (n->kind != TSN_XML_ELEMENT)
		return;
	tsn_buf_char(out, '<');
	tsn_buf_slice(out, n->name);
	for (const struct tsn_xml *a = n->attributes; a != NULL; a = a->next) {
		tsn_buf_char(out, ' ');
		tsn_buf_slice(out, a->name);
		tsn_buf_lit(out, "=\"");
		escaped(a->text, true, out);
		tsn_buf_char(out, '"');
	}
	if (n->first == NULL) {
		tsn_buf_lit(out, "/>");
		return;
	}
	tsn_buf_char(out, '>');
	for (const struct tsn_xml *c = n->first; c != NULL; c = c->next)
		tsn_xml_write(c, out);
	tsn_buf_lit(out, "</");
	tsn_buf_slice(out, n->name);
	tsn_buf_char(out, '>');
}
