/*
 * rule/load: what the files of the loader share.
 *
 * Errors of rule text: err->pos is the line.  SKIP stands for "fine, but not usable here".
 */
#ifndef TSN_RULE_LOAD_INT_H
#define TSN_RULE_LOAD_INT_H

#include "base/buf.h"
#include "codec/yaml.h"
#include "rule/load.h"

#define SKIP TSN_ECANCELED
#define SHOWN_MAX 96

/* |expand: the values of one placeholder. */
struct value_list {
	const struct value_list *next;
	struct tsn_slice name;
	struct tsn_slice *values;
	uint32_t count;
};

struct selection {
	struct tsn_slice name;
	const struct tsn_pred *pred;
	uint32_t line;
};

/* A correlation whose rules are still names. */
struct corr_draft {
	struct tsn_correlation c;
	struct tsn_slice *refs;
	struct tsn_slice expr_text;	/* extended condition */
	const struct alias *aliases;
	uint32_t line;
};

/* Field `field` of events of the rule `rule` is called `name` in group-by. */
struct alias {
	const struct alias *next;
	struct tsn_slice name;
	struct tsn_slice rule;
	struct tsn_slice field;
	uint32_t line;
};

struct filter_draft {
	struct tsn_slice title, file;
	struct tsn_logsource logsource;
	struct tsn_slice *refs;
	uint32_t ref_count;		/* 0: any rule of the log source */
	const struct tsn_pred *keep;	/* what an event must also be */
	uint32_t line;
	bool used;
};

struct except_draft {
	struct tsn_exception x;
	struct tsn_slice *refs;		/* ids and names of rules */
	struct tsn_slice *tags;
	uint32_t ref_count, tag_count;
	bool any;			/* all rules */
	bool dropped;
};

struct rule_draft {
	struct tsn_rule rule;
	struct corr_draft *corr;	/* or NULL */
	bool dropped;			/* failed or skipped while linking */
	bool skipped;			/* why it was dropped */
	bool referred;			/* by a correlation that does not generate */
	bool wanted;			/* by a correlation that does */
};

/* What one rule is read with. */
struct reading {
	struct tsn_arena *arena;	/* the rule set's */
	const struct value_list *values;
	struct tsn_slice file;
	struct tsn_slice ruleset;
	uint32_t document;		/* number in the file, from 1 */
};

/* detection.c: the selections of a `detection` (or `filter`) map; `except` is no selection. */
TSN_MUST_CHECK enum tsn_code tsn_rule_int_selections(const struct reading *rd,
    const struct tsn_yaml *detection, const struct tsn_slice *except, uint32_t except_count,
    struct selection **ret_list, uint32_t *ret_count, struct tsn_err *err);

/* One selection: a map, a list of maps, keywords. */
TSN_MUST_CHECK enum tsn_code tsn_rule_int_selection(const struct reading *rd,
    const struct tsn_yaml *node, const struct tsn_pred **ret_pred, struct tsn_err *err);

/* modifier.c: field|modifiers with its value or values. */
TSN_MUST_CHECK enum tsn_code tsn_rule_int_item(const struct reading *rd, struct tsn_slice key,
    const struct tsn_yaml *value, uint32_t line, const struct tsn_pred **ret_pred,
    struct tsn_err *err);

/* value.c: text to patterns (TSN_WILD_*), and what modifiers make of them. */
struct patterns {
	struct tsn_slice *items;
	uint32_t count;
	uint32_t cap;
};

TSN_MUST_CHECK enum tsn_code tsn_rule_int_push(struct tsn_arena *a, struct patterns *p,
    struct tsn_slice item);
TSN_MUST_CHECK enum tsn_code tsn_rule_int_unescape(struct tsn_arena *a, struct tsn_slice text,
    struct tsn_slice *ret_pattern);
TSN_MUST_CHECK enum tsn_code tsn_rule_int_expand(const struct reading *rd, struct tsn_slice text,
    uint32_t line, struct patterns *out, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_rule_int_windash(struct tsn_arena *a, struct tsn_slice pattern,
    uint32_t line, struct patterns *out, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_rule_int_base64(struct tsn_arena *a, struct tsn_slice pattern,
    bool bytes, bool offsets, uint32_t line, struct patterns *out, struct tsn_err *err);
enum utf16 { UTF16_LE, UTF16_BE, UTF16_BOM };
TSN_MUST_CHECK enum tsn_code tsn_rule_int_utf16(struct tsn_arena *a, struct tsn_slice pattern,
    enum utf16 kind, bool encoded, uint32_t line, struct tsn_slice *ret, struct tsn_err *err);
/* Puts '*' around, unless it stands there already. */
TSN_MUST_CHECK enum tsn_code tsn_rule_int_wrap(struct tsn_arena *a, bool head, bool tail,
    struct tsn_slice pattern, struct tsn_slice *ret);

/* condition.c */
struct aggregation {
	struct tsn_slice function;	/* count, sum, avg, near; empty: none */
	struct tsn_slice field;
	struct tsn_slice *by;
	uint32_t by_count;
	enum tsn_corr_op op;
	double number;
	struct tsn_slice near[TSN_CORR_RULES_MAX];
	uint32_t near_count;
};

TSN_MUST_CHECK enum tsn_code tsn_rule_int_condition(struct tsn_arena *a,
    const struct tsn_yaml *condition, const struct selection *selections, uint32_t count,
    const struct tsn_pred **ret_pred, struct aggregation *ret_agg, struct tsn_err *err);
/* The extended condition of a temporal correlation: expression over refs. */
TSN_MUST_CHECK enum tsn_code tsn_rule_int_corr_expr(struct tsn_arena *a, struct tsn_slice text,
    uint32_t line, const struct tsn_slice *refs, uint32_t count,
    const struct tsn_corr_expr **ret_expr, struct tsn_err *err);

/* meta.c */
TSN_MUST_CHECK enum tsn_code tsn_rule_int_meta(const struct reading *rd,
    const struct tsn_yaml *doc, struct tsn_rule *rule, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_rule_int_logsource(struct tsn_arena *a,
    const struct tsn_yaml *node, uint32_t line, struct tsn_logsource *ret, struct tsn_err *err);
/* A scalar or a list of scalars as texts in the arena. */
TSN_MUST_CHECK enum tsn_code tsn_rule_int_texts(struct tsn_arena *a, const struct tsn_yaml *node,
    const char *what, struct tsn_slice **ret_texts, uint32_t *ret_count, struct tsn_err *err);

/* correlate.c: the `correlation` map. */
TSN_MUST_CHECK enum tsn_code tsn_rule_int_correlation(struct tsn_arena *a,
    const struct tsn_yaml *map, struct corr_draft **ret_draft, struct tsn_err *err);
/* SKIP when the last bound of the correlation lies beyond what a group can hold. */
TSN_MUST_CHECK enum tsn_code tsn_rule_int_countable(const struct tsn_correlation *c, uint32_t line,
    struct tsn_err *err);

/* link.c: what rules say of each other. */
struct link_out {
	void *ctx;
	enum tsn_code (*problem)(void *ctx, enum tsn_problem_kind kind, struct tsn_slice file,
	    uint32_t line, const char *message);
};
TSN_MUST_CHECK enum tsn_code tsn_rule_int_link(struct tsn_arena *a, struct rule_draft *drafts,
    uint32_t draft_count, struct filter_draft *filters, uint32_t filter_count,
    const struct link_out *out, struct tsn_err *err);

/* except.c: a document with `exception`; which rules it is about (out NULL: if they are there) */
TSN_MUST_CHECK enum tsn_code tsn_rule_int_exception(const struct reading *rd,
    const struct tsn_yaml *doc, struct except_draft *ret, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_rule_int_link_exceptions(struct tsn_arena *a,
    struct rule_draft *drafts, uint32_t draft_count, struct except_draft *exceptions,
    uint32_t count, const struct link_out *out, const struct tsn_exception ***ret_list);

static inline enum tsn_code
tsn_rule_int_no_memory(struct tsn_err *err)
{
	TSN_FAIL(err, TSN_ENOMEM, "out of memory for rules");
}

/* suppress.c: `tocsin: suppress` of a rule as a correlation over refs[0]; NULL: there is none. */
TSN_MUST_CHECK enum tsn_code tsn_rule_int_suppress(struct tsn_arena *a,
    const struct tsn_yaml *doc, const struct corr_draft *windows, struct corr_draft **ret_draft,
    struct tsn_err *err);

/* The name of `names` nearest to s by edit distance, NULL when none is near. */
const char *tsn_rule_int_nearest(struct tsn_slice s, const char *const *names, size_t count);

#endif
