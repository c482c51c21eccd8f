/* The full reader: libfyaml's events to our nodes, with aliases shared and counted. */
#include <libfyaml.h>

#include "base/assert.h"
#include "codec/yaml_int.h"

#define ANCHORS_MAX 1000u

struct frame {
	struct tsn_yaml *node;
	struct tsn_yaml *tail;
	struct tsn_slice key;
	struct tsn_slice anchor;
	uint32_t key_line;
	bool has_key;
};

struct anchor {
	const struct anchor *next;
	struct tsn_slice name;
	const struct tsn_yaml *node;
};

struct reader {
	struct tsn_arena *arena;
	struct tsn_err *err;
	struct tsn_slice input;
	struct fy_parser *parser;
	struct fy_diag *diag;
	struct tsn_yaml *first, *last;	/* documents */
	const struct anchor *anchors;
	uint32_t anchor_count;
	uint32_t depth;
	uint32_t nodes;			/* of this document, aliases expanded */
	struct frame stack[TSN_YAML_DEPTH_MAX];
};

static enum tsn_code
no_memory(struct reader *r)
{
	TSN_FAIL(r->err, TSN_ENOMEM, "out of memory");
}

static uint32_t
token_line(const struct fy_token *t)
{
	/* The library's getters take no const. */
	const struct fy_mark *m =
	    t == NULL ? NULL : fy_token_start_mark((struct fy_token *)(uintptr_t)t);

	return m == NULL || m->line < 0 ? 1 : (uint32_t)m->line + 1;
}

/* A copy of a token's text; ptr NULL when memory is exhausted. */
static struct tsn_slice
token_text(struct reader *r, struct fy_token *t)
{
	size_t len = 0;
	const char *p = t == NULL ? "" : fy_token_get_text(t, &len);

	if (p == NULL)
		return TSN_SLICE_NONE;
	return tsn_arena_dup(r->arena, tsn_slice_of(p, len));
}

static enum tsn_code
add_anchor(struct reader *r, struct tsn_slice name, const struct tsn_yaml *node)
{
	struct anchor *a;

	if (name.len == 0)
		return TSN_OK;
	if (++r->anchor_count > ANCHORS_MAX)
		TSN_FAIL_AT(r->err, TSN_ELIMIT, node->line, "more than %u anchors", ANCHORS_MAX);
	a = tsn_arena_calloc(r->arena, 1, sizeof *a);
	if (a == NULL)
		return no_memory(r);
	*a = (struct anchor){.next = r->anchors, .name = name, .node = node};
	r->anchors = a;
	return TSN_OK;
}

static enum tsn_code
count_nodes(struct reader *r, uint32_t weight, uint32_t line)
{
	if (weight > TSN_YAML_NODES_MAX - r->nodes)
		TSN_FAIL_AT(r->err, TSN_ELIMIT, line,
		    "more than %u values in one document (aliases expanded)", TSN_YAML_NODES_MAX);
	r->nodes += weight;
	return TSN_OK;
}

/* Puts a finished value where it belongs. */
static enum tsn_code
place(struct reader *r, struct tsn_yaml *n)
{
	struct frame *f = r->depth == 0 ? NULL : &r->stack[r->depth - 1];

	if (f == NULL) {
		if (r->last == NULL)
			r->first = n;
		else
			r->last->next = n;
		r->last = n;
		return TSN_OK;
	}
	if (f->node->kind == TSN_YAML_MAP && !f->has_key) {
		if (n->kind >= TSN_YAML_SEQ)
			TSN_FAIL_AT(r->err, TSN_EPARSE, n->line, "a key is %s; expected a string",
			    tsn_yaml_kind_name(n));
		f->key = n->text;
		f->key_line = n->line;
		f->has_key = true;
		return TSN_OK;
	}
	if (f->has_key) {
		n->key = f->key;
		n->key_line = f->key_line;
		f->has_key = false;
	}
	if (f->tail == NULL)
		f->node->first = n;
	else
		f->tail->next = n;
	f->tail = n;
	f->node->count++;
	f->node->weight += n->weight;
	return TSN_OK;
}

/* Explicit tags of the core schema; others have no meaning here. */
static enum tsn_code
apply_tag(struct reader *r, struct fy_token *tag, struct tsn_yaml *n)
{
	static const char *const known[] = {"!!str", "!!int", "!!float", "!!bool", "!!null", "!!map",
	    "!!seq"};
	struct tsn_slice text = token_text(r, tag);
	char shown[80];

	if (text.ptr == NULL)
		return no_memory(r);
	if (tsn_slice_starts(text, TSN_SLICE("tag:yaml.org,2002:")))
		text = tsn_slice_from(text, 18);
	else if (tsn_slice_starts(text, TSN_SLICE("!!")))
		text = tsn_slice_from(text, 2);
	for (size_t i = 0; i < TSN_COUNT(known); i++)
		if (tsn_slice_eq(text, tsn_slice_cstr(known[i] + 2))) {
			if (i == 0 && n->kind < TSN_YAML_SEQ)
				n->kind = TSN_YAML_STR;
			return TSN_OK;
		}
	TSN_FAIL_AT(r->err, TSN_EPARSE, n->line, "tag \"%s\" has no meaning here",
	    tsn_slice_escape(text, shown, sizeof shown));
}

/*
 * libfyaml 0.7.12 loses what stands behind a doubled pair of single quotes ('a''''b'), so text in
 * single quotes on one line is read from the input itself.
 */
static bool
single_quoted(struct reader *r, struct fy_token *t, struct tsn_slice *ret)
{
	const struct fy_mark *from = fy_token_start_mark(t), *to = fy_token_end_mark(t);
	struct tsn_slice raw;
	char *out;
	size_t n = 0;

	if (from == NULL || to == NULL || from->input_pos == 0 || from->input_pos > to->input_pos ||
	    to->input_pos >= r->input.len || r->input.ptr[from->input_pos - 1] != '\'' ||
	    r->input.ptr[to->input_pos] != '\'')
		return true;
	raw = tsn_slice_of(r->input.ptr + from->input_pos, to->input_pos - from->input_pos);
	if (tsn_slice_find(raw, TSN_SLICE("''''")) == SIZE_MAX ||
	    tsn_slice_find_char(raw, '\n') != SIZE_MAX || tsn_slice_find_char(raw, '\r') != SIZE_MAX)
		return true;
	out = tsn_arena_alloc(r->arena, raw.len);
	if (out == NULL)
		return false;
	for (size_t i = 0; i < raw.len; i++) {
		out[n++] = raw.ptr[i];
		i += raw.ptr[i] == '\'';
	}
	*ret = tsn_slice_of(out, n);
	return true;
}

static enum tsn_code
on_scalar(struct reader *r, struct fy_event *e)
{
	struct fy_token *value = e->scalar.value;
	struct tsn_yaml *n = tsn_yaml_int_node(r->arena, TSN_YAML_STR,
	    value != NULL ? token_line(value) : r->depth > 0 ? r->stack[r->depth - 1].key_line : 1);
	struct tsn_slice name = token_text(r, e->scalar.anchor);

	if (n == NULL || name.ptr == NULL)
		return no_memory(r);
	n->text = token_text(r, value);
	if (n->text.ptr == NULL)
		return no_memory(r);
	if (value == NULL || fy_token_scalar_style(value) == FYSS_PLAIN)
		tsn_yaml_int_resolve(n);
	else if (fy_token_scalar_style(value) == FYSS_SINGLE_QUOTED &&
	    !single_quoted(r, value, &n->text))
		return no_memory(r);
	if (e->scalar.tag != NULL)
		TSN_TRY(apply_tag(r, e->scalar.tag, n));
	TSN_TRY(count_nodes(r, 1, n->line));
	TSN_TRY(add_anchor(r, name, n));
	return place(r, n);
}

static enum tsn_code
on_alias(struct reader *r, struct fy_event *e)
{
	struct tsn_slice name = token_text(r, e->alias.anchor);
	const struct anchor *a = r->anchors;
	uint32_t line = token_line(e->alias.anchor);
	struct tsn_yaml *n;
	char shown[80];

	if (name.ptr == NULL)
		return no_memory(r);
	while (a != NULL && !tsn_slice_eq(a->name, name))
		a = a->next;
	if (a == NULL)
		TSN_FAIL_AT(r->err, TSN_EPARSE, line, "alias \"%s\" names no finished anchor",
		    tsn_slice_escape(name, shown, sizeof shown));
	TSN_TRY(count_nodes(r, a->node->weight, line));
	n = tsn_yaml_int_node(r->arena, a->node->kind, line);
	if (n == NULL)
		return no_memory(r);
	*n = *a->node;
	n->next = NULL;
	n->line = line;
	return place(r, n);
}

static enum tsn_code
on_open(struct reader *r, enum tsn_yaml_kind kind, struct fy_token *anchor, struct fy_token *tag,
    struct fy_token *start)
{
	struct tsn_yaml *n = tsn_yaml_int_node(r->arena, kind, token_line(start));
	struct tsn_slice name = token_text(r, anchor);

	if (n == NULL || name.ptr == NULL)
		return no_memory(r);
	if (r->depth >= TSN_YAML_DEPTH_MAX)
		TSN_FAIL_AT(r->err, TSN_ELIMIT, n->line, "nested deeper than %u levels",
		    TSN_YAML_DEPTH_MAX);
	if (tag != NULL)
		TSN_TRY(apply_tag(r, tag, n));
	TSN_TRY(count_nodes(r, 1, n->line));
	r->stack[r->depth++] = (struct frame){.node = n, .anchor = name};
	return TSN_OK;
}

static enum tsn_code
on_close(struct reader *r)
{
	struct frame f;

	TSN_ASSERT(r->depth > 0);
	f = r->stack[--r->depth];
	if (f.node->kind == TSN_YAML_MAP)
		TSN_TRY(tsn_yaml_int_keys(r->arena, f.node, r->err));
	TSN_TRY(add_anchor(r, f.anchor, f.node));
	return place(r, f.node);
}

static enum tsn_code
on_event(struct reader *r, struct fy_event *e)
{
	switch (e->type) {
	case FYET_DOCUMENT_START:
		r->anchors = NULL;
		r->anchor_count = 0;
		r->nodes = 0;
		r->depth = 0;
		return TSN_OK;
	case FYET_SCALAR:
		return on_scalar(r, e);
	case FYET_ALIAS:
		return on_alias(r, e);
	case FYET_SEQUENCE_START:
		return on_open(r, TSN_YAML_SEQ, e->sequence_start.anchor, e->sequence_start.tag,
		    e->sequence_start.sequence_start);
	case FYET_MAPPING_START:
		return on_open(r, TSN_YAML_MAP, e->mapping_start.anchor, e->mapping_start.tag,
		    e->mapping_start.mapping_start);
	case FYET_SEQUENCE_END:
	case FYET_MAPPING_END:
		return on_close(r);
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	case FYET_DOCUMENT_END:
		break;
	}
	return TSN_OK;
}

/* What the library has to say of text that it cannot read. */
static enum tsn_code
library_error(struct reader *r)
{
	void *at = NULL;
	const struct fy_diag_error *e = fy_diag_errors_iterate(r->diag, &at);
	char shown[200];

	if (e == NULL || e->msg == NULL)
		TSN_FAIL_AT(r->err, TSN_EPARSE, 1, "not YAML");
	TSN_FAIL_AT(r->err, TSN_EPARSE, e->line < 1 ? 1 : (uint64_t)e->line, "not YAML: %s",
	    tsn_slice_escape(tsn_slice_trim(tsn_slice_cstr(e->msg)), shown, sizeof shown));
}

static void
discard(struct fy_diag *diag, void *user, const char *buf, size_t len)
{
	(void)diag;
	(void)user;
	(void)buf;
	(void)len;
}

static enum tsn_code
run(struct reader *r, struct tsn_slice text)
{
	if (fy_parser_set_string(r->parser, text.len == 0 ? "" : text.ptr, text.len) != 0)
		return no_memory(r);
	for (;;) {
		struct fy_event *e = fy_parser_parse(r->parser);
		enum tsn_code code;
		bool last;

		if (e == NULL)
			return fy_parser_get_stream_error(r->parser) ? library_error(r) : TSN_OK;
		last = e->type == FYET_STREAM_END;
		code = on_event(r, e);
		fy_parser_event_free(r->parser, e);
		if (code != TSN_OK || last)
			return code;
	}
}

/* Well-formed UTF-8?  libfyaml takes other bytes too.  *ret_line: where it is not. */
static bool
is_utf8(struct tsn_slice s, uint32_t *ret_line)
{
	const unsigned char *p = (const unsigned char *)s.ptr, *end = p + s.len;

	*ret_line = 1;
	while (p < end) {
		uint32_t c = *p, n = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;

		*ret_line += c == '\n';
		if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || (size_t)(end - p) <= n)
			return false;
		if (n > 0)
			c &= 0x3fu >> n;
		for (uint32_t i = 1; i <= n; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return false;
			c = c << 6 | (p[i] & 0x3fu);
		}
		if ((n == 2 && c < 0x800) || (n == 3 && (c < 0x10000 || c > 0x10ffff)) ||
		    (c >= 0xd800 && c <= 0xdfff))
			return false;
		p += n + 1;
	}
	return true;
}

enum tsn_code
tsn_yaml_parse_full(struct tsn_arena *a, struct tsn_slice text, const struct tsn_yaml **ret_first,
    struct tsn_err *err)
{
	struct reader r = {.arena = a, .err = err, .input = text};
	struct fy_diag_cfg dcfg;
	struct fy_parse_cfg cfg = {.flags = FYPCF_COLLECT_DIAG | FYPCF_DISABLE_MMAP_OPT};
	enum tsn_code code = TSN_ENOMEM;
	uint32_t line;

	if (text.len > TSN_YAML_BYTES_MAX)
		TSN_FAIL_AT(err, TSN_ELIMIT, 1, "larger than %u bytes", TSN_YAML_BYTES_MAX);
	if (!is_utf8(text, &line))
		TSN_FAIL_AT(err, TSN_EPARSE, line, "not YAML: bytes that are not UTF-8");
	fy_diag_cfg_default(&dcfg);
	dcfg.fp = NULL;
	dcfg.output_fn = discard;
	r.diag = fy_diag_create(&dcfg);
	if (r.diag == NULL)
		return no_memory(&r);
	fy_diag_set_collect_errors(r.diag, true);
	cfg.diag = r.diag;
	r.parser = fy_parser_create(&cfg);
	if (r.parser == NULL)
		(void)no_memory(&r);
	else
		code = run(&r, text);
	if (r.parser != NULL)
		fy_parser_destroy(r.parser);
	fy_diag_destroy(r.diag);
	if (code == TSN_OK)
		*ret_first = r.first;
	return code;
}
