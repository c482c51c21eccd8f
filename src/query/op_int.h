/*
 * query/op_int: the running form of stages: rows are pushed through a chain of operators.
 *
 * push takes one row, valid during the call.  finish comes once, after the last row, and hands on
 * what the operator kept.  TSN_EOF from either means that nobody behind wants more rows.
 */
#ifndef TSN_QUERY_OP_INT_H
#define TSN_QUERY_OP_INT_H

#include "query/query.h"
#include "query/stage.h"

struct tsn_run {
	struct tsn_eval eval;
	struct tsn_arena scratch;	/* eval.arena: until the next row */
	struct tsn_match_scratch match;
	const struct tsn_query_options *options;
	struct tsn_query_report report;
	uint64_t memory_max;
	uint64_t seed;
	uint32_t ticks;
	uint64_t weight;		/* how many events the row at hand stands for */
	bool newest_first;		/* the order in which events come */
	bool reversed;			/* the tail to come takes rows of the other order */
};

struct tsn_op {
	enum tsn_code (*push)(struct tsn_op *op, const struct tsn_row *row, struct tsn_err *err);
	enum tsn_code (*finish)(struct tsn_op *op, struct tsn_err *err);
	void (*free)(struct tsn_op *op);
	struct tsn_op *next;
	const struct tsn_stage *stage;
	struct tsn_run *run;
};

static inline enum tsn_code
tsn_op_push(struct tsn_op *op, const struct tsn_row *row, struct tsn_err *err)
{
	return op->push(op, row, err);
}

/** finish of the operator behind; TSN_EOF from it is no news any more. */
enum tsn_code tsn_op_finish_next(struct tsn_op *op, struct tsn_err *err);
/** Asks for cancellation every few hundred calls; refuses regexes that cost too much. */
TSN_MUST_CHECK enum tsn_code tsn_op_tick(struct tsn_run *run, struct tsn_err *err);
/** "sort needs more than 64 MiB ..." */
TSN_MUST_CHECK enum tsn_code tsn_op_memory(const struct tsn_op *op, struct tsn_err *err);

/* Each makes the operator of its stage; NULL when out of memory. */
struct tsn_op *tsn_op_where(struct tsn_run *run, const struct tsn_stage *s);
struct tsn_op *tsn_op_eval(struct tsn_run *run, const struct tsn_stage *s);
struct tsn_op *tsn_op_head(struct tsn_run *run, const struct tsn_stage *s);
struct tsn_op *tsn_op_fields(struct tsn_run *run, const struct tsn_stage *s);
struct tsn_op *tsn_op_drop(struct tsn_run *run, const struct tsn_stage *s);
struct tsn_op *tsn_op_dedup(struct tsn_run *run, const struct tsn_stage *s);
/** reverse: rows come last one first. */
struct tsn_op *tsn_op_tail(struct tsn_run *run, const struct tsn_stage *s, bool reverse);
/** limit: rows that are ever asked of it; UINT64_MAX: all. */
struct tsn_op *tsn_op_sort(struct tsn_run *run, const struct tsn_stage *s, uint64_t limit);
struct tsn_op *tsn_op_stats(struct tsn_run *run, const struct tsn_stage *s);
/** The last one: counts to the limit (0: none) and gives rows to the sink. */
struct tsn_op *tsn_op_sink(struct tsn_run *run, const struct tsn_query_sink *sink, uint64_t limit);

/**
 * Appends a group key of one cell: same bytes for same values (query/cell.h).  Of what is neither
 * null nor a list: one byte, the length of the text in four, the text.
 */
#define TSN_OP_KEY_HEAD 5u
void tsn_op_key(struct tsn_buf *out, const struct tsn_cell *v);

/** A row that outlives its push: one block of memory. */
struct tsn_kept {
	size_t size;
	uint64_t seq;
	struct tsn_row row;
	struct tsn_cell *keys;
};

/** A copy of row and key cells in one malloc()ed block, or NULL. */
struct tsn_kept *tsn_kept_new(const struct tsn_row *row, const struct tsn_cell *keys,
    uint32_t key_count);

#endif
