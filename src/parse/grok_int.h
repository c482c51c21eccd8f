/* What the files of grok share: expressions with all names put in. */
#ifndef TSN_PARSE_GROK_INT_H
#define TSN_PARSE_GROK_INT_H

#include "base/buf.h"
#include "parse/grok.h"

#define GROK_DEFS_MAX 8192u
#define GROK_NAME_MAX 128u
#define GROK_DEPTH_MAX 64u
#define GROK_REGEX_MAX (256u << 10)
#define GROK_CAPTURES_MAX 512u
#define GROK_PATTERNS_MAX 4096u

struct grok_def {
	char *name;		/* NUL-terminated, as is regex */
	char *regex;
	uint32_t name_len;
	uint32_t regex_len;
};

struct tsn_grok_set {
	struct grok_def *defs;
	uint32_t *table;	/* index + 1, open addressing, twice GROK_DEFS_MAX */
	uint32_t count;
};

const struct grok_def *grok_def_find(const struct tsn_grok_set *s, struct tsn_slice name);

/** One capture group: (?<gN>...) is number N of these. */
struct grok_group {
	char *alias;		/* what it was written as: "WORD:field:int", "field" */
	char *field;
	enum tsn_grok_type type;
};

/** A pattern with all names put in, in PCRE2's syntax. */
struct grok_expr {
	struct tsn_buf text;
	struct grok_group *groups;
	uint32_t group_count;
};

TSN_MUST_CHECK enum tsn_code grok_expand(const struct tsn_grok_set *set, struct tsn_slice pattern,
    bool all_captures, struct grok_expr *ret, struct tsn_err *err);
void grok_expr_done(struct grok_expr *e);

/** The rarest run of bytes that every match of the expression holds; empty when none is known. */
void grok_literal_find(struct tsn_slice expr, struct tsn_buf *ret_literal);

#endif
