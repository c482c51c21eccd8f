/*
 * pipeline/conf: Logstash's configuration language, from text to a tree.
 *
 * The tree knows nothing of plugins: it says what was written and where (plugin.h says what that
 * means).  It lives in one arena of its owner; all slices point into that arena.  ${VAR} and
 * ${VAR:default} in strings are replaced while reading.  Text, depth and counts are bounded.
 */
#ifndef TSN_PIPELINE_CONF_H
#define TSN_PIPELINE_CONF_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

#define TSN_CONF_BYTES_MAX (4u << 20)
#define TSN_CONF_DEPTH_MAX 64u

enum tsn_plugin_kind { TSN_PLUGIN_INPUT, TSN_PLUGIN_FILTER, TSN_PLUGIN_OUTPUT, TSN_PLUGIN_CODEC };

enum tsn_conf_type {
	TSN_CONF_STRING,	/* text */
	TSN_CONF_WORD,		/* text: a bareword */
	TSN_CONF_NUMBER,	/* text, number */
	TSN_CONF_ARRAY,		/* items[count] */
	TSN_CONF_HASH,		/* items[2 * count]: name, value, name, value ... */
	TSN_CONF_PLUGIN,	/* plugin: a codec */
	TSN_CONF_FIELD,		/* text: a field reference, in conditions */
	TSN_CONF_REGEX,		/* text between the slashes, in conditions */
};

struct tsn_conf_plugin;

struct tsn_conf_value {
	enum tsn_conf_type type;
	uint32_t at;			/* byte offset in the text */
	struct tsn_slice text;
	double number;
	struct tsn_conf_value *items;
	uint32_t count;
	struct tsn_conf_plugin *plugin;
};

struct tsn_conf_option {
	struct tsn_slice name;
	uint32_t at;
	struct tsn_conf_value value;
	struct tsn_conf_option *next;
};

struct tsn_conf_plugin {
	enum tsn_plugin_kind kind;
	uint32_t at;
	struct tsn_slice name;
	struct tsn_conf_option *options;	/* in order */
	void *user;				/* for whoever compiles the tree */
};

enum tsn_cond_op {
	TSN_COND_AND, TSN_COND_OR, TSN_COND_NAND, TSN_COND_XOR,	/* left, right */
	TSN_COND_NOT,						/* left */
	TSN_COND_EQ, TSN_COND_NE, TSN_COND_LT, TSN_COND_GT, TSN_COND_LE, TSN_COND_GE,
	TSN_COND_MATCH, TSN_COND_NOT_MATCH, TSN_COND_IN, TSN_COND_NOT_IN,	/* a, b */
	TSN_COND_TRUTH,						/* a */
};

struct tsn_cond {
	enum tsn_cond_op op;
	uint32_t at;
	struct tsn_cond *left, *right;
	struct tsn_conf_value a, b;
	void *code_a, *code_b;			/* for whoever compiles the tree */
};

struct tsn_conf_node;

struct tsn_conf_branch {
	struct tsn_cond *cond;			/* NULL: else */
	struct tsn_conf_node *body;
	struct tsn_conf_branch *next;
};

struct tsn_conf_node {
	struct tsn_conf_plugin *plugin;		/* or NULL */
	struct tsn_conf_branch *branches;	/* if, else if ..., else */
	struct tsn_conf_node *next;
};

struct tsn_conf {
	struct tsn_arena arena;
	struct tsn_slice name;			/* of the file, for messages */
	struct tsn_slice text;
	struct tsn_conf_node *sections[3];	/* by enum tsn_plugin_kind: input, filter, output */
	uint32_t plugin_count;
};

/** The value of a variable of the environment, or NULL. */
typedef const char *tsn_conf_env(void *ctx, const char *name);

/**
 * Reads a configuration; text and name are copied.  On failure nothing is owned and the message
 * is "FILE:LINE:COLUMN: expected ...".  TSN_EPARSE, TSN_ELIMIT, TSN_ENOMEM.
 */
TSN_MUST_CHECK enum tsn_code tsn_conf_parse(struct tsn_slice name, struct tsn_slice text,
    tsn_conf_env *env, void *env_ctx, struct tsn_conf *ret_conf, struct tsn_err *err);
void tsn_conf_done(struct tsn_conf *c);
/** Line and column, both from 1, of a byte offset. */
void tsn_conf_place(const struct tsn_conf *c, uint32_t at, uint32_t *ret_line,
    uint32_t *ret_column);
/** The option as written (the last one of that name), or NULL. */
const struct tsn_conf_option *tsn_conf_option_find(const struct tsn_conf_plugin *p,
    struct tsn_slice name);
/** input, filter, output, codec */
const char *tsn_plugin_kind_name(enum tsn_plugin_kind kind);

#endif
