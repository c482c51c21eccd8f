/*
 * query/acc: what a function of `stats` keeps of one group.
 *
 * Memory comes from the stage's arena.  Sums of integers are exact while they fit 64 bits, other
 * sums are compensated.  Distinct counts are exact up to TSN_ACC_DISTINCT_MAX values of a group,
 * then HyperLogLog (2^14 registers, 0.8 % standard error).  Percentiles are exact (linear between
 * the two nearest values) up to TSN_ACC_NUMBERS_MAX numbers of a group, then taken from buckets
 * that are 1 % wide, so within 0.5 % of the value.
 */
#ifndef TSN_QUERY_ACC_H
#define TSN_QUERY_ACC_H

#include "query/cell.h"
#include "query/stage.h"
#include "query/table.h"

#define TSN_ACC_DISTINCT_MAX (1u << 17)
#define TSN_ACC_NUMBERS_MAX (1u << 20)

struct tsn_acc_distinct;
struct tsn_acc_numbers;

struct tsn_acc {
	uint64_t count;
	union {
		struct {
			int64_t whole;
			double rest, lost;	/* sum of what is no whole number, and its compensation */
		} sum;
		struct {
			struct tsn_cell cell;
			int64_t when;
			uint32_t cap;		/* room behind cell.u.ptr for a text */
		} best;
		struct tsn_acc_distinct *distinct;
		struct tsn_acc_numbers *numbers;
		struct tsn_table *values;
	} u;
	bool floats;
};

struct tsn_acc_env {
	struct tsn_arena *arena;
	uint64_t seed;
	int64_t when;		/* time of the row at hand */
	uint64_t weight;	/* how many rows it stands for, 0: one */
	bool estimated;		/* set when a distinct count became an estimate */
	bool estimated_percentile;
};

/** Takes one value (a list: each element) of a row; false when memory is exhausted. */
bool tsn_acc_take(struct tsn_acc_env *env, enum tsn_agg_op op, struct tsn_acc *acc,
    const struct tsn_cell *v);
/** The result; text and lists live in the arena.  False when memory is exhausted. */
bool tsn_acc_result(struct tsn_acc_env *env, const struct tsn_agg *agg, struct tsn_acc *acc,
    struct tsn_cell *ret);
/** Frees what is not in the arena. */
void tsn_acc_done(enum tsn_agg_op op, struct tsn_acc *acc);

/* distinct.c */
bool tsn_distinct_add(struct tsn_acc_env *env, struct tsn_acc_distinct **d, struct tsn_slice s);
uint64_t tsn_distinct_count(const struct tsn_acc_distinct *d, bool *ret_estimated);

/* numbers.c */
bool tsn_numbers_add(struct tsn_acc_env *env, struct tsn_acc_numbers **n, double v);
double tsn_numbers_percentile(struct tsn_acc_numbers *n, double percent, bool *ret_estimated);

#endif
