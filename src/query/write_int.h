/* query/write_int: the writer's inside, shared with the table layout. */
#ifndef TSN_QUERY_WRITE_INT_H
#define TSN_QUERY_WRITE_INT_H

#include "query/write.h"

/* Rows that a table looks at to choose its widths. */
#define TSN_TABLE_ROWS 200u

struct tsn_writer {
	struct tsn_write_env env;
	struct tsn_buf out;
	struct tsn_arena scratch;	/* of one row */
	struct tsn_eval eval;
	const struct tsn_schema *schema;
	struct tsn_schema columns;	/* what CSV and tables show */
	struct tsn_path paths[8];	/* of events' columns */
	/* table */
	struct tsn_arena kept;
	struct tsn_slice *rows;		/* TSN_TABLE_ROWS * columns, rendered */
	uint32_t row_count;
	uint32_t widths[TSN_COLUMNS_MAX];
	bool numeric[TSN_COLUMNS_MAX];
	bool laid_out;
};

/** Cells of a row as CSV and tables show them; valid until the next row. */
TSN_MUST_CHECK enum tsn_code tsn_write_cells(struct tsn_writer *w, const struct tsn_row *row,
    const struct tsn_cell **ret_cells, struct tsn_err *err);
/** Hands the text so far to the caller's callback. */
TSN_MUST_CHECK enum tsn_code tsn_write_flush(struct tsn_writer *w, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_table_row(struct tsn_writer *w, const struct tsn_row *row,
    struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_table_end(struct tsn_writer *w, struct tsn_err *err);

#endif
