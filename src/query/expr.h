/*
 * query/expr: expressions over the columns of a row: `where`, `eval`, arguments of `stats`.
 *
 * Built by the parser into the query's arena and immutable after that.  A name means a column of
 * the row where the row is a table's, and a field of the event where it is an event.
 *
 * null stands for what is absent; arithmetic with it gives null, an order or equality with it is
 * false (except with `null` itself).  A list in a comparison means any of its elements.
 */
#ifndef TSN_QUERY_EXPR_H
#define TSN_QUERY_EXPR_H

#include "event/path.h"
#include "match/atom.h"
#include "query/cell.h"
#include "query/parse_int.h"

enum tsn_expr_op {
	TSN_X_CONST,
	TSN_X_COLUMN,	/* slot */
	TSN_X_FIELD,	/* path */
	TSN_X_CALL,	/* func */
	TSN_X_NEG,
	TSN_X_ADD,
	TSN_X_SUB,
	TSN_X_MUL,
	TSN_X_DIV,
	TSN_X_MOD,
	TSN_X_MATCH,	/* kids[0] : pattern, without case */
	TSN_X_EQ,	/* ==, exact */
	TSN_X_SAME,	/* = and the inverse of !=, without case */
	TSN_X_LT,
	TSN_X_LE,
	TSN_X_GT,
	TSN_X_GE,
	TSN_X_AND,
	TSN_X_OR,
	TSN_X_NOT,
};

struct tsn_func;

struct tsn_expr {
	enum tsn_expr_op op;
	uint32_t kid_count;
	const struct tsn_expr **kids;
	struct tsn_cell value;		/* CONST */
	struct tsn_path path;		/* FIELD */
	uint32_t slot;			/* COLUMN */
	const struct tsn_func *func;	/* CALL */
	struct tsn_slice pattern;	/* MATCH: with TSN_WILD_* */
	struct tsn_catom *atom;		/* MATCH and matches(): the compiled test */
	struct tsn_slice text;		/* as written */
};

#define TSN_COLUMNS_MAX 256u
#define TSN_FUNC_ARGS_MAX 16u
/** Nodes of all expressions of a query: also how deep evaluation nests at most. */
#define TSN_EXPR_NODES_MAX 4096u

/** What the rows at one place of the pipeline are: events, or rows of named columns. */
struct tsn_schema {
	bool events;
	uint32_t count;
	struct tsn_slice names[TSN_COLUMNS_MAX];
};

struct tsn_row {
	const struct tsn_event *ev;	/* NULL in tables */
	const struct tsn_cell *cells;
	uint32_t count;
};

/** What evaluation needs; arena is reset by the caller between rows. */
struct tsn_eval {
	struct tsn_arena *arena;
	struct tsn_keys *keys;
	struct tsn_match_scratch *scratch;
	int64_t now_ns;
	uint64_t memory_fails;		/* values given up because the arena was exhausted */
};

/** Parses one expression; names are resolved against the schema. */
TSN_MUST_CHECK enum tsn_code tsn_expr_parse(struct tsn_qparse *p, const struct tsn_schema *schema,
    const struct tsn_expr **ret_expr);
/** "name(...)" at the parser's place: a column of that name or a function's call. */
TSN_MUST_CHECK enum tsn_code tsn_expr_parse_call(struct tsn_qparse *p,
    const struct tsn_schema *schema, const struct tsn_expr **ret_expr);
/** An expression that is the column or field of that name. */
TSN_MUST_CHECK enum tsn_code tsn_expr_name(struct tsn_qparse *p, const struct tsn_schema *schema,
    struct tsn_slice name, size_t at, const struct tsn_expr **ret_expr);
/** A field's or column's name as lists of names have it: a word, or quoted by " or `. */
TSN_MUST_CHECK enum tsn_code tsn_expr_take_name(struct tsn_qparse *p, struct tsn_slice *ret_name);
/** Column of the schema with this name, or UINT32_MAX. */
uint32_t tsn_schema_find(const struct tsn_schema *schema, struct tsn_slice name);
/** TSN_ELIMIT beyond TSN_COLUMNS_MAX; a name that is there already is taken again. */
TSN_MUST_CHECK enum tsn_code tsn_schema_add(struct tsn_qparse *p, struct tsn_schema *schema,
    struct tsn_slice name, size_t at, uint32_t *ret_slot);

/** Calls fn for each field path in the expression. */
void tsn_expr_fields(const struct tsn_expr *x, void (*fn)(void *ctx, const struct tsn_path *path),
    void *ctx);

/** Value on a row; lives as long as the row and the arena. */
struct tsn_cell tsn_expr_eval(struct tsn_eval *e, const struct tsn_expr *x,
    const struct tsn_row *row);
/** Value as a condition: null, false, 0 and "" are false; a list is true when an element is. */
bool tsn_expr_true(struct tsn_eval *e, const struct tsn_expr *x, const struct tsn_row *row);
/** All values at a path of an event: null, one value, or a list; {} below: JSON. */
struct tsn_cell tsn_expr_path(struct tsn_eval *e, const struct tsn_path *path,
    const struct tsn_event *ev);

/** A test on a text, freed with the query. */
TSN_MUST_CHECK enum tsn_code tsn_expr_atom(struct tsn_qparse *p, const struct tsn_atom *atom,
    size_t at, struct tsn_catom **ret_atom);

struct tsn_func {
	const char *name;
	uint8_t args_min, args_max;
	const char *usage;
	/** Compiles what constant arguments allow (a regex); may be NULL. */
	enum tsn_code (*prepare)(struct tsn_qparse *p, struct tsn_expr *x,
	    const struct tsn_expr *const *kids, uint32_t count);
	/** args are kids[0 .. count) evaluated */
	struct tsn_cell (*call)(struct tsn_eval *e, const struct tsn_expr *x,
	    const struct tsn_cell *args, uint32_t count);
};

/** The object below a path as JSON, or null when nothing is there. */
struct tsn_cell tsn_expr_object(struct tsn_eval *e, const struct tsn_path *path,
    const struct tsn_event *ev);

/** The function of that name, or NULL. */
const struct tsn_func *tsn_func_find(struct tsn_slice name);
/** Number `i` of all functions, or NULL. */
const struct tsn_func *tsn_func_at(uint32_t i);

#endif
