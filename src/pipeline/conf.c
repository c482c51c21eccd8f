/* Sections, branches and plugins; values stand in conf_value.c, conditions in conf_cond.c. */
#include "pipeline/conf_int.h"

#include <stdio.h>
#include <string.h>

static const char *const kind_names[] = {"input", "filter", "output", "codec"};

const char *
tsn_plugin_kind_name(enum tsn_plugin_kind kind)
{
	return kind_names[kind];
}

void
tsn_conf_place(const struct tsn_conf *c, uint32_t at, uint32_t *ret_line, uint32_t *ret_column)
{
	uint32_t line = 1, column = 1;

	for (uint32_t i = 0; i < at && i < c->text.len; i++) {
		char b = c->text.ptr[i];

		if (b == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)b & 0xc0) != 0x80) {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}

enum tsn_code
tsn_conf_fail_at(const struct tsn_conf_in *in, const char *at, enum tsn_code code, const char *why)
{
	uint32_t line, column;
	uint32_t offset = (uint32_t)(at - in->conf->text.ptr);

	tsn_conf_place(in->conf, offset, &line, &column);
	TSN_FAIL_AT(in->err, code, offset, "%.*s:%u:%u: %s", TSN_SLICE_ARG(in->conf->name), line,
	    column, why);
}

enum tsn_code
tsn_conf_expected(const struct tsn_conf_in *in, const char *what)
{
	char found[40], why[256];
	size_t n = 0;

	while (in->p + n < in->end && n < 20 && tsn_conf_is_word(in->p[n]))
		n++;
	n += n == 0;
	if (in->p >= in->end)
		(void)snprintf(why, sizeof why, "expected %s, found the end of the file", what);
	else if (*in->p == '"')
		(void)snprintf(why, sizeof why, "expected %s, found a string", what);
	else if (*in->p == '\n' || *in->p == '\r')
		(void)snprintf(why, sizeof why, "expected %s, found the end of the line", what);
	else
		(void)snprintf(why, sizeof why, "expected %s, found '%s'", what,
		    tsn_slice_escape(tsn_slice_of(in->p, n), found, sizeof found));
	return tsn_conf_fail_at(in, in->p, TSN_EPARSE, why);
}

void
tsn_conf_blank(struct tsn_conf_in *in)
{
	while (in->p < in->end) {
		char c = *in->p;

		if (c == '#') {
			while (in->p < in->end && *in->p != '\n')
				in->p++;
		} else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			in->p++;
		} else {
			break;
		}
	}
}

bool
tsn_conf_take(struct tsn_conf_in *in, const char *literal)
{
	size_t n = strlen(literal);

	if ((size_t)(in->end - in->p) < n || memcmp(in->p, literal, n) != 0)
		return false;
	in->p += n;
	return true;
}

bool
tsn_conf_take_word(struct tsn_conf_in *in, const char *word)
{
	const char *was = in->p;

	if (!tsn_conf_take(in, word))
		return false;
	if (in->p < in->end && tsn_conf_is_word(*in->p)) {
		in->p = was;
		return false;
	}
	return true;
}

/* [A-Za-z0-9_-]+ or a string */
static enum tsn_code
read_name(struct tsn_conf_in *in, const char *what, struct tsn_slice *ret)
{
	const char *start = in->p;
	struct tsn_conf_value v = {0};

	if (in->p < in->end && (*in->p == '"' || *in->p == '\'')) {
		TSN_TRY(tsn_conf_read_string(in, &v));
		*ret = v.text;
		return TSN_OK;
	}
	while (in->p < in->end && (tsn_conf_is_word(*in->p) || *in->p == '-'))
		in->p++;
	if (in->p == start)
		return tsn_conf_expected(in, what);
	*ret = tsn_slice_of(start, (size_t)(in->p - start));
	return TSN_OK;
}

static enum tsn_code
read_options(struct tsn_conf_in *in, struct tsn_conf_plugin *p)
{
	struct tsn_conf_option **tail = &p->options;

	for (;;) {
		struct tsn_conf_option *o;

		tsn_conf_blank(in);
		if (tsn_conf_take(in, "}"))
			return TSN_OK;
		o = tsn_arena_calloc(&in->conf->arena, 1, sizeof *o);
		if (o == NULL)
			return tsn_conf_fail_at(in, in->p, TSN_ENOMEM, "out of memory");
		o->at = tsn_conf_offset(in);
		TSN_TRY(read_name(in, "an option's name or '}'", &o->name));
		tsn_conf_blank(in);
		if (!tsn_conf_take(in, "=>"))
			return tsn_conf_expected(in, "'=>' after the option's name");
		tsn_conf_blank(in);
		TSN_TRY(tsn_conf_read_value(in, &o->value));
		*tail = o;
		tail = &o->next;
	}
}

enum tsn_code
tsn_conf_read_plugin(struct tsn_conf_in *in, enum tsn_plugin_kind kind,
    struct tsn_conf_plugin **ret)
{
	struct tsn_conf_plugin *p = tsn_arena_calloc(&in->conf->arena, 1, sizeof *p);

	if (p == NULL)
		return tsn_conf_fail_at(in, in->p, TSN_ENOMEM, "out of memory");
	p->kind = kind;
	p->at = tsn_conf_offset(in);
	in->conf->plugin_count++;
	TSN_TRY(read_name(in, kind == TSN_PLUGIN_CODEC ? "a codec's name" :
	    "a plugin's name, 'if' or '}'", &p->name));
	tsn_conf_blank(in);
	if (!tsn_conf_take(in, "{"))
		return tsn_conf_expected(in, "'{' after the plugin's name");
	TSN_TRY(read_options(in, p));
	*ret = p;
	return TSN_OK;
}

static enum tsn_code read_body(struct tsn_conf_in *in, enum tsn_plugin_kind kind,
    struct tsn_conf_node **ret);

static enum tsn_code
read_branch(struct tsn_conf_in *in, enum tsn_plugin_kind kind, bool has_cond,
    struct tsn_conf_branch **ret)
{
	struct tsn_conf_branch *b = tsn_arena_calloc(&in->conf->arena, 1, sizeof *b);

	if (b == NULL)
		return tsn_conf_fail_at(in, in->p, TSN_ENOMEM, "out of memory");
	tsn_conf_blank(in);
	if (has_cond)
		TSN_TRY(tsn_conf_read_cond(in, &b->cond));
	tsn_conf_blank(in);
	if (!tsn_conf_take(in, "{"))
		return tsn_conf_expected(in, has_cond ? "'{', 'and', 'or', 'nand' or 'xor'" : "'{'");
	TSN_TRY(read_body(in, kind, &b->body));
	*ret = b;
	return TSN_OK;
}

/* behind the word "if" */
static enum tsn_code
read_if(struct tsn_conf_in *in, enum tsn_plugin_kind kind, struct tsn_conf_node *node)
{
	struct tsn_conf_branch **tail = &node->branches;
	bool more = true;

	TSN_TRY(read_branch(in, kind, true, tail));
	while (more) {
		tail = &(*tail)->next;
		tsn_conf_blank(in);
		if (!tsn_conf_take_word(in, "else"))
			return TSN_OK;
		tsn_conf_blank(in);
		more = tsn_conf_take_word(in, "if");
		if (!more && (in->p >= in->end || *in->p != '{'))
			return tsn_conf_expected(in, "'if' or '{' after 'else'");
		TSN_TRY(read_branch(in, kind, more, tail));
	}
	return TSN_OK;
}

static enum tsn_code
read_nodes(struct tsn_conf_in *in, enum tsn_plugin_kind kind, struct tsn_conf_node **tail)
{
	for (;;) {
		struct tsn_conf_node *node;

		tsn_conf_blank(in);
		if (tsn_conf_take(in, "}"))
			return TSN_OK;
		node = tsn_arena_calloc(&in->conf->arena, 1, sizeof *node);
		if (node == NULL)
			return tsn_conf_fail_at(in, in->p, TSN_ENOMEM, "out of memory");
		if (tsn_conf_take_word(in, "if"))
			TSN_TRY(read_if(in, kind, node));
		else
			TSN_TRY(tsn_conf_read_plugin(in, kind, &node->plugin));
		*tail = node;
		tail = &node->next;
	}
}

/* behind the '{', to the '}' */
static enum tsn_code
read_body(struct tsn_conf_in *in, enum tsn_plugin_kind kind, struct tsn_conf_node **ret)
{
	enum tsn_code code;

	if (in->depth >= TSN_CONF_DEPTH_MAX)
		return tsn_conf_fail_at(in, in->p, TSN_ELIMIT, "nested too deep");
	in->depth++;
	code = read_nodes(in, kind, ret);
	in->depth--;
	return code;
}

static enum tsn_code
read_sections(struct tsn_conf_in *in)
{
	for (;;) {
		struct tsn_conf_node **tail;
		unsigned kind = 0;

		tsn_conf_blank(in);
		if (in->p >= in->end)
			return TSN_OK;
		while (kind < 3 && !tsn_conf_take_word(in, kind_names[kind]))
			kind++;
		if (kind == 3)
			return tsn_conf_expected(in, "'input', 'filter' or 'output'");
		tsn_conf_blank(in);
		if (!tsn_conf_take(in, "{"))
			return tsn_conf_expected(in, "'{'");
		tail = &in->conf->sections[kind];
		while (*tail != NULL)
			tail = &(*tail)->next;
		TSN_TRY(read_body(in, (enum tsn_plugin_kind)kind, tail));
	}
}

enum tsn_code
tsn_conf_parse(struct tsn_slice name, struct tsn_slice text, tsn_conf_env *env, void *env_ctx,
    struct tsn_conf *ret_conf, struct tsn_err *err)
{
	struct tsn_conf conf = {0};
	struct tsn_conf_in in = {.conf = &conf, .env = env, .env_ctx = env_ctx, .err = err};
	enum tsn_code code = TSN_ENOMEM;

	if (text.len > TSN_CONF_BYTES_MAX)
		TSN_FAIL(err, TSN_ELIMIT, "%.*s: a configuration has at most %u bytes",
		    TSN_SLICE_ARG(name), TSN_CONF_BYTES_MAX);
	tsn_arena_init(&conf.arena, 256u << 20);
	conf.name = tsn_arena_dup(&conf.arena, name);
	conf.text = tsn_arena_dup(&conf.arena, text);
	if (conf.name.ptr == NULL || conf.text.ptr == NULL) {
		(void)TSN_ERR(err, TSN_ENOMEM, "out of memory");
	} else {
		in.p = conf.text.ptr;
		in.end = in.p + conf.text.len;
		/* a byte order mark is no text */
		(void)tsn_conf_take(&in, "\xef\xbb\xbf");
		code = read_sections(&in);
	}
	if (code != TSN_OK) {
		tsn_arena_done(&conf.arena);
		return code;
	}
	*ret_conf = conf;
	return TSN_OK;
}

void
tsn_conf_done(struct tsn_conf *c)
{
	if (c == NULL)
		return;
	tsn_arena_done(&c->arena);
	*c = (struct tsn_conf){0};
}

const struct tsn_conf_option *
tsn_conf_option_find(const struct tsn_conf_plugin *p, struct tsn_slice name)
{
	const struct tsn_conf_option *found = NULL;

	for (const struct tsn_conf_option *o = p->options; o != NULL; o = o->next)
		if (tsn_slice_eq(o->name, name))
			found = o;
	return found;
}
