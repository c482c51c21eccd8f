/* A table for a terminal: aligned columns, bounded width, nothing that a terminal would obey. */
#include <string.h>

#include "base/assert.h"
#include "codec/utf8.h"
#include "query/write_int.h"

#define CELL_BYTES_MAX 4096u
#define WIDTH_MIN 8u

/* Columns on the terminal of a character; East Asian wide ones take two. */
static uint32_t
columns_of(uint32_t c)
{
	if (c >= 0x300 && c <= 0x36f)
		return 0;
	return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
	    (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
	    (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
	    (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) ||
	    (c >= 0x20000 && c <= 0x3fffd) ? 2 : 1;
}

/* Controls, what changes the direction of writing, invisible characters. */
static bool
is_unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	    (c >= 0xfff9 && c <= 0xfffb) || c == 0xad;
}

static void
put_safe(struct tsn_buf *out, struct tsn_slice s)
{
	const char *end;

	if (s.len == 0)
		return;
	end = s.ptr + s.len;
	for (const char *p = s.ptr; p < end && out->len < CELL_BYTES_MAX;) {
		uint32_t c;
		unsigned n = tsn_utf8_decode(p, end, &c);

		if (n == 0)
			tsn_buf_printf(out, "\\x%02x", (unsigned char)*p);
		else if (c == '\n')
			tsn_buf_lit(out, "\\n");
		else if (c == '\t')
			tsn_buf_lit(out, "\\t");
		else if (is_unsafe(c))
			tsn_buf_printf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)c);
		else
			tsn_buf_add(out, p, n);
		p += n == 0 ? 1 : n;
	}
}

static uint32_t
width_of(struct tsn_slice s)
{
	const char *end = s.ptr + s.len;
	uint32_t width = 0, c;

	for (const char *p = s.ptr; p < end;) {
		unsigned n = tsn_utf8_decode(p, end, &c);

		width += columns_of(c);
		p += n == 0 ? 1 : n;
	}
	return width;
}

static struct tsn_slice
render(struct tsn_writer *w, const struct tsn_cell *v)
{
	char scratch[TSN_CELL_TEXT_MAX];
	struct tsn_buf raw, safe;
	struct tsn_slice out;

	tsn_buf_init(&raw, TSN_RECORD_BYTES_MAX * 16);
	tsn_buf_init(&safe, CELL_BYTES_MAX + 16);
	if (v->type == TSN_V_LIST)
		tsn_cell_json(&raw, v);
	else
		tsn_buf_slice(&raw, tsn_cell_text(v, scratch));
	put_safe(&safe, tsn_buf_get(&raw));
	out = safe.len == 0 ? TSN_SLICE("") : tsn_arena_dup(&w->kept, tsn_buf_get(&safe));
	tsn_buf_done(&raw);
	tsn_buf_done(&safe);
	return out;
}

/* Writes s cut to `width` columns, the cut shown, padded unless it is the last column. */
static void
put_cell(struct tsn_writer *w, struct tsn_slice s, uint32_t column)
{
	uint32_t width = w->widths[column], have = width_of(s), used = 0, c;
	bool last = column + 1 == w->columns.count;
	const char *end = s.ptr + s.len;

	if (have <= width) {
		for (uint32_t i = have; i < width && w->numeric[column]; i++)
			tsn_buf_char(&w->out, ' ');
		tsn_buf_slice(&w->out, s);
		for (uint32_t i = have; i < width && !w->numeric[column] && !last; i++)
			tsn_buf_char(&w->out, ' ');
	} else {
		for (const char *p = s.ptr; p < end;) {
			unsigned n = tsn_utf8_decode(p, end, &c);

			if (used + columns_of(c) > width - 1)
				break;
			tsn_buf_add(&w->out, p, n == 0 ? 1 : n);
			used += columns_of(c);
			p += n == 0 ? 1 : n;
		}
		tsn_buf_lit(&w->out, "\xe2\x80\xa6");
		for (used++; used < width && !last; used++)
			tsn_buf_char(&w->out, ' ');
	}
	if (!last)
		tsn_buf_lit(&w->out, "  ");
}

static void
put_line(struct tsn_writer *w, const struct tsn_slice *cells)
{
	for (uint32_t i = 0; i < w->columns.count; i++)
		put_cell(w, cells[i], i);
	tsn_buf_char(&w->out, '\n');
}

/* The widest columns give until the line fits. */
static void
shrink(struct tsn_writer *w)
{
	uint32_t n = w->columns.count, total = 2 * (n - 1);

	for (uint32_t i = 0; i < n; i++)
		total += w->widths[i];
	while (total > w->env.width) {
		uint32_t widest = 0;

		for (uint32_t i = 1; i < n; i++)
			if (w->widths[i] >= w->widths[widest])
				widest = i;
		if (w->widths[widest] <= WIDTH_MIN)
			return;
		w->widths[widest]--;
		total--;
	}
}

static enum tsn_code
lay_out(struct tsn_writer *w, struct tsn_err *err)
{
	struct tsn_slice names[TSN_COLUMNS_MAX];
	uint32_t n = w->columns.count;

	w->laid_out = true;
	for (uint32_t i = 0; i < n; i++) {
		names[i] = render(w, &(struct tsn_cell){.type = TSN_V_STR,
		    .len = (uint32_t)w->columns.names[i].len, .u.ptr = w->columns.names[i].ptr});
		w->widths[i] = width_of(names[i]);
	}
	for (uint32_t r = 0; r < w->row_count; r++) {
		for (uint32_t i = 0; i < n; i++) {
			uint32_t width = width_of(w->rows[r * n + i]);

			w->widths[i] = width > w->widths[i] ? width : w->widths[i];
		}
	}
	if (n > 0)
		shrink(w);
	put_line(w, names);
	for (uint32_t r = 0; r < w->row_count; r++)
		put_line(w, &w->rows[r * n]);
	tsn_arena_reset(&w->kept);
	return tsn_write_flush(w, err);
}

enum tsn_code
tsn_table_row(struct tsn_writer *w, const struct tsn_row *row, struct tsn_err *err)
{
	struct tsn_slice line[TSN_COLUMNS_MAX], *to = line;
	const struct tsn_cell *cells;
	uint32_t n = w->columns.count;

	if (w->rows == NULL && !w->laid_out) {
		w->rows = tsn_arena_calloc(&w->kept, (size_t)TSN_TABLE_ROWS * n, sizeof *w->rows);
		if (w->rows == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	TSN_TRY(tsn_write_cells(w, row, &cells, err));
	if (!w->laid_out)
		to = &w->rows[w->row_count * n];
	for (uint32_t i = 0; i < n; i++) {
		to[i] = render(w, &cells[i]);
		if (!w->laid_out && cells[i].type != TSN_V_NULL)
			w->numeric[i] = (w->row_count == 0 || w->numeric[i]) &&
			    cells[i].type >= TSN_V_INT && cells[i].type <= TSN_V_FLOAT;
	}
	if (w->laid_out) {
		put_line(w, line);
		tsn_arena_reset(&w->kept);
		return TSN_OK;
	}
	return ++w->row_count == TSN_TABLE_ROWS ? lay_out(w, err) : TSN_OK;
}

enum tsn_code
tsn_table_end(struct tsn_writer *w, struct tsn_err *err)
{
	if (!w->laid_out && w->row_count > 0)
		return lay_out(w, err);
	return TSN_OK;
}
