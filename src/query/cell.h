/*
 * query/cell: one cell of a result: what a field holds, or what an expression gives.
 *
 * Passed by value (16 bytes).  Text and list elements are borrowed: they live as long as the event
 * or the arena they came from; tsn_cell_dup makes a copy in an arena.
 *
 * Two values are the same when their texts are the same (200 and "200" are one group), or when
 * both are numbers of equal amount.  Order: numbers by amount, then times, addresses, texts
 * (without case, then by byte); null comes last.
 */
#ifndef TSN_QUERY_CELL_H
#define TSN_QUERY_CELL_H

#include "base/arena.h"
#include "base/buf.h"
#include "event/event.h"

enum tsn_vtype {
	TSN_V_NULL,
	TSN_V_BOOL,	/* u.i */
	TSN_V_INT,	/* u.i */
	TSN_V_UINT,	/* u.n, above INT64_MAX */
	TSN_V_FLOAT,	/* u.d, finite */
	TSN_V_TIME,	/* u.i, nanoseconds */
	TSN_V_STR,	/* u.ptr, len */
	TSN_V_LIST,	/* u.items, len */
	TSN_V_JSON,	/* u.ptr, len: a JSON text (an object) */
};

struct tsn_cell {
	uint8_t type;		/* enum tsn_vtype */
	uint32_t len;
	union {
		int64_t i;
		uint64_t n;
		double d;
		const char *ptr;
		const struct tsn_cell *items;
	} u;
};

#define TSN_CELL_TEXT_MAX 40

static inline struct tsn_cell
tsn_cell_null(void)
{
	return (struct tsn_cell){.type = TSN_V_NULL};
}

static inline struct tsn_cell
tsn_cell_bool(bool v)
{
	return (struct tsn_cell){.type = TSN_V_BOOL, .u.i = v};
}

static inline struct tsn_cell
tsn_cell_int(int64_t v)
{
	return (struct tsn_cell){.type = TSN_V_INT, .u.i = v};
}

static inline struct tsn_cell
tsn_cell_time(int64_t ns)
{
	return (struct tsn_cell){.type = TSN_V_TIME, .u.i = ns};
}

static inline struct tsn_cell
tsn_cell_str(struct tsn_slice s)
{
	return (struct tsn_cell){.type = TSN_V_STR, .len = (uint32_t)s.len,
	    .u.ptr = s.ptr == NULL ? "" : s.ptr};
}

/** An INT or UINT of v. */
struct tsn_cell tsn_cell_uint(uint64_t v);
/** A FLOAT, or null when v is not finite. */
struct tsn_cell tsn_cell_float(double v);
/** The value of one field; borrows the field's text.  {} and [] give an empty list or JSON. */
struct tsn_cell tsn_cell_field(const struct tsn_field *f);
/** As text: its own, or rendered into scratch.  null gives ""; lists and JSON have none here. */
struct tsn_slice tsn_cell_text(const struct tsn_cell *v, char scratch[TSN_CELL_TEXT_MAX]);
/** True when it is a number (or a boolean's, time's no): *ret_number filled. */
bool tsn_cell_number(const struct tsn_cell *v, double *ret_number);
/** As number, also a text that reads as a plain decimal one. */
bool tsn_cell_to_number(const struct tsn_cell *v, struct tsn_cell *ret_number);
/** Time of a TIME, or of a text in RFC 3339 or a date. */
bool tsn_cell_to_time(const struct tsn_cell *v, int64_t *ret_ns);
/** Deep copy; type NULL with *ret_failed set when the arena is exhausted. */
struct tsn_cell tsn_cell_dup(struct tsn_arena *a, const struct tsn_cell *v, bool *ret_failed);
/** <0, 0, >0 in the order of this file's head.  Equal only when the same (see there). */
int tsn_cell_order(const struct tsn_cell *a, const struct tsn_cell *b);
/** Exact order of two numbers (INT, UINT, FLOAT, BOOL as 0 and 1). */
int tsn_cell_order_numbers(const struct tsn_cell *a, const struct tsn_cell *b);
/** Appends the JSON of the value. */
void tsn_cell_json(struct tsn_buf *out, const struct tsn_cell *v);
/** True when s is digits with an optional sign and fraction: what a filter takes as a number. */
bool tsn_cell_plain_number(struct tsn_slice s);

#endif
