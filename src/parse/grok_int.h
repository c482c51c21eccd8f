/* What the files of grok share: expressions with all names put in, and the scanner. */
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
	bool builtin;
};

struct tsn_grok_set {
	struct grok_def *defs;
	uint32_t *table;	/* index + 1, open addressing, twice GROK_DEFS_MAX */
	uint32_t count;
	bool adding_builtin;
};

const struct grok_def *grok_def_find(const struct tsn_grok_set *s, struct tsn_slice name);

/** One capture group: (?<gN>...) is number N of these. */
struct grok_group {
	char *alias;		/* what it was written as: "WORD:field:int", "field" */
	char *field;
	enum tsn_grok_type type;
};

/**
 * A pattern with all names put in, in PCRE2's syntax.  With `blocks`, references the scanner knows
 * by name stand as BLOCK_MARK and a letter.
 */
struct grok_expr {
	struct tsn_buf text;
	struct grok_group *groups;
	uint32_t group_count;
};

#define GROK_BLOCK_MARK '\x01'

TSN_MUST_CHECK enum tsn_code grok_expand(const struct tsn_grok_set *set, struct tsn_slice pattern,
    bool all_captures, bool blocks, struct grok_expr *ret, struct tsn_err *err);
void grok_expr_done(struct grok_expr *e);

/** Number of the scanner's block of this name, or -1. */
int grok_block_find(struct tsn_slice name);
/**
 * Length of what the block's expression first matches at text + at; GROK_NONE when it cannot match
 * there, GROK_UNSURE when only the regular expression can tell.  sole: no other length can match.
 */
#define GROK_NONE SIZE_MAX
#define GROK_UNSURE (SIZE_MAX - 1)
size_t grok_block_run(int block, struct tsn_slice text, size_t at, bool *ret_sole);

/** The scanner's program, or NULL when the expression is not one it can run. */
struct grok_prog;
TSN_MUST_CHECK enum tsn_code grok_prog_new(struct tsn_slice expr, uint32_t group_count,
    struct grok_prog **ret);
void grok_prog_free(struct grok_prog *p);

enum grok_outcome { GROK_MATCH, GROK_NO_MATCH, GROK_ASK_REGEX };
struct grok_frame { uint32_t pc, slot; size_t at, low; };
#define GROK_FRAMES_MAX 1024u
/** slots: 2 * group_count offsets, SIZE_MAX where unset. */
enum grok_outcome grok_prog_run(const struct grok_prog *p, struct tsn_slice text,
    struct grok_frame *frames, size_t *slots);

/** The rarest run of bytes that every match of the expression holds; empty when none is known. */
void grok_literal_find(struct tsn_slice expr, struct tsn_buf *ret_literal);

#endif
