/*
 * Derived texts made again.  Everything comes from a file: patterns name columns that may not be
 * there, counts that may not fit, and lengths that multiply.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "store/derive_int.h"

#define ARENA_BYTES_MAX (64u << 20)

struct used {
	struct derive_pattern p;
	struct values *gaps;		/* p.gaps; by row of the pattern */
	uint32_t rows, at;
};

struct derived {
	struct tsn_arena arena;
	struct used *used;
	uint64_t *which;		/* by row of the column */
	bool *needs;
	uint32_t used_count, n, column_count;
};

static bool
next_piece(struct bin *r, uint32_t column_count, uint32_t gaps, struct derive_piece *ret)
{
	*ret = (struct derive_piece){.literal = bin_slice(r)};
	ret->kind = bin_u8(r);
	if (derive_is_ref(ret) || ret->kind == DERIVE_AGAIN) {
		uint64_t number = bin_var(r);

		if (number >= (derive_is_ref(ret) ? column_count : gaps))
			return false;
		ret->column = (uint32_t)number;
	}
	return !r->bad && ret->kind < DERIVE__COUNT;
}

enum tsn_code
derive_pattern_parse(struct tsn_slice bytes, uint32_t column_count, struct tsn_arena *a,
    struct derive_pattern *ret)
{
	struct bin r = bin_of(bytes.ptr, bytes.len);
	struct derive_piece piece;
	uint32_t n = 0, gaps = 0;

	*ret = (struct derive_pattern){0};
	do {
		if (n == DERIVE_PIECES_MAX || !next_piece(&r, column_count, gaps, &piece))
			return TSN_ECORRUPT;
		gaps += derive_is_gap(&piece);
		n++;
	} while (piece.kind != DERIVE_END);
	if (bin_left(&r) != 0)
		return TSN_ECORRUPT;
	ret->pieces = tsn_arena_alloc(a, n * sizeof *ret->pieces);
	if (ret->pieces == NULL)
		return TSN_ENOMEM;
	r = bin_of(bytes.ptr, bytes.len);
	for (uint32_t i = 0; i < n; i++)
		(void)next_piece(&r, column_count, gaps, &ret->pieces[i]);
	ret->gaps = gaps;
	ret->count = n;
	return TSN_OK;
}

static enum tsn_code
read_patterns(struct derived *d, struct bin *r, const struct strings *dict)
{
	d->used_count = bin_count(r);
	if (r->bad || d->used_count > d->n)
		return TSN_ECORRUPT;
	d->used = tsn_arena_calloc(&d->arena, d->used_count + 1, sizeof *d->used);
	if (d->used == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < d->used_count; i++) {
		struct derive_pattern *p = &d->used[i].p;
		uint64_t code = bin_var(r);

		if (r->bad || dict == NULL || code >= dict->count)
			return TSN_ECORRUPT;
		TSN_TRY(derive_pattern_parse(strings_get(dict, code), d->column_count, &d->arena,
		    p));
		for (uint32_t k = 0; k < p->count; k++)
			if (derive_is_ref(&p->pieces[k]))
				d->needs[p->pieces[k].column] = true;
	}
	return TSN_OK;
}

static enum tsn_code
read_gaps(struct derived *d, struct bin *r, const struct strings *dict)
{
	for (uint32_t i = 0; i < d->n; i++) {
		if (d->which[i] >= d->used_count)
			return TSN_ECORRUPT;
		d->used[d->which[i]].rows++;
	}
	for (uint32_t i = 0; i < d->used_count; i++) {
		struct used *u = &d->used[i];

		u->gaps = tsn_arena_calloc(&d->arena, u->p.gaps + 1, sizeof *u->gaps);
		if (u->gaps == NULL)
			return TSN_ENOMEM;
		for (uint32_t g = 0; g < u->p.gaps; g++) {
			TSN_TRY(values_decode(r, u->rows, dict, &u->gaps[g]));
			if (u->gaps[g].form == COLUMN_NUM)
				return TSN_ECORRUPT;
			/* values_decode knows where it put it; the copy here must too. */
			if (u->gaps[g].form == COLUMN_LOCAL)
				u->gaps[g].dict = &u->gaps[g].local;
		}
	}
	return TSN_OK;
}

enum tsn_code
derived_open(struct bin *r, uint32_t n, const struct strings *dict, uint32_t column_count,
    struct derived **ret)
{
	struct derived *d = calloc(1, sizeof *d);
	enum tsn_code rc;

	if (d == NULL)
		return TSN_ENOMEM;
	tsn_arena_init(&d->arena, ARENA_BYTES_MAX);
	d->n = n;
	d->column_count = column_count;
	d->which = reallocarray(NULL, (size_t)n + 1, sizeof *d->which);
	d->needs = calloc((size_t)column_count + 1, sizeof *d->needs);
	rc = d->which == NULL || d->needs == NULL ? TSN_ENOMEM : TSN_OK;
	if (rc == TSN_OK && bin_u8(r) != COLUMN_DERIVED)
		rc = TSN_ECORRUPT;
	if (rc == TSN_OK)
		rc = read_patterns(d, r, dict);
	if (rc == TSN_OK && !column_get_ints(r, d->which, n))
		rc = TSN_ECORRUPT;
	if (rc == TSN_OK)
		rc = read_gaps(d, r, dict);
	if (rc != TSN_OK)
		derived_close(d);
	else
		*ret = d;
	return rc;
}

void
derived_close(struct derived *d)
{
	if (d == NULL)
		return;
	for (uint32_t i = 0; d->used != NULL && i < d->used_count; i++)
		for (uint32_t g = 0; d->used[i].gaps != NULL && g < d->used[i].p.gaps; g++)
			values_done(&d->used[i].gaps[g]);
	tsn_arena_done(&d->arena);
	free(d->which);
	free(d->needs);
	free(d);
}

const bool *
derived_needs(const struct derived *d)
{
	return d->needs;
}

struct maker {
	struct derived *d;
	const struct derive_rows *rows;
	const struct values *values;
	uint32_t target;
	uint32_t *cursor, *stamp, *at;	/* by column */
	struct tsn_buf out;
	struct values ret;
};

static bool
put_value(struct maker *m, const struct derive_piece *p, uint32_t stamp)
{
	char scratch[24], upper[DERIVE_UPPER_MAX];
	const struct values *v = &m->values[p->column];
	struct tsn_slice s;

	if (m->stamp[p->column] != stamp || m->at[p->column] >= v->n || v->form == COLUMN_NUM)
		return false;
	s = values_text(v, m->at[p->column], scratch);
	if (p->kind == DERIVE_UPPER) {
		size_t n = derive_upper(s, upper);

		if (n == SIZE_MAX)
			return false;
		s = (struct tsn_slice){upper, n};
	}
	tsn_buf_slice(&m->out, s);
	return true;
}

static enum tsn_code
put_text(struct maker *m, uint32_t i, uint32_t stamp)
{
	struct used *u = &m->d->used[m->d->which[i]];
	uint32_t gap = 0, at = u->at++;
	char scratch[24];

	for (uint32_t k = 0; k < u->p.count; k++) {
		const struct derive_piece *p = &u->p.pieces[k];

		tsn_buf_slice(&m->out, p->literal);
		if (derive_is_gap(p))
			tsn_buf_slice(&m->out, values_text(&u->gaps[gap++], at, scratch));
		else if (p->kind == DERIVE_AGAIN)
			tsn_buf_slice(&m->out, values_text(&u->gaps[p->column], at, scratch));
		else if (p->kind != DERIVE_END && !put_value(m, p, stamp))
			return TSN_ECORRUPT;
	}
	if (tsn_buf_check(&m->out) == TSN_ENOMEM)
		return TSN_ENOMEM;
	if (tsn_buf_check(&m->out) != TSN_OK)
		return TSN_ECORRUPT;
	m->ret.local.ends[i] = (uint32_t)m->out.len;
	m->ret.v[i] = i;
	return TSN_OK;
}

static enum tsn_code
put_rows(struct maker *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->rows->count; i++) {
		uint64_t t = m->rows->tmpls[i];
		const uint32_t *columns = m->rows->columns[t];
		uint32_t hits = 0;

		for (uint32_t k = 0; k < m->rows->slot_counts[t]; k++) {
			uint32_t c = columns[k];

			hits += c == m->target;
			if (!m->d->needs[c])
				continue;
			if (m->stamp[c] != i + 1) {
				m->stamp[c] = i + 1;
				m->at[c] = m->cursor[c];
			}
			m->cursor[c]++;
		}
		if (hits > 1 || n + hits > m->d->n)
			return TSN_ECORRUPT;
		if (hits == 1)
			TSN_TRY(put_text(m, n++, i + 1));
	}
	return n == m->d->n ? TSN_OK : TSN_ECORRUPT;
}

enum tsn_code
derived_values(struct derived *d, const struct derive_rows *rows, const struct values *values,
    uint32_t target, struct values *ret)
{
	struct maker m = {.d = d, .rows = rows, .values = values, .target = target};
	uint32_t columns = d->column_count;
	enum tsn_code rc = TSN_ENOMEM;

	m.ret = (struct values){.form = COLUMN_LOCAL, .n = d->n, .local.count = d->n};
	m.ret.v = reallocarray(NULL, (size_t)d->n + 1, sizeof *m.ret.v);
	m.ret.local.ends = reallocarray(NULL, (size_t)d->n + 1, sizeof *m.ret.local.ends);
	m.cursor = calloc((size_t)columns + 1, 3 * sizeof *m.cursor);
	tsn_buf_init(&m.out, DERIVE_BYTES_MAX);
	for (uint32_t i = 0; i < d->used_count; i++)
		d->used[i].at = 0;
	if (m.ret.v != NULL && m.ret.local.ends != NULL && m.cursor != NULL) {
		m.stamp = m.cursor + columns + 1;
		m.at = m.stamp + columns + 1;
		rc = put_rows(&m);
	}
	free(m.cursor);
	if (rc == TSN_OK && !tsn_buf_room(&m.out, 1))	/* so that there is something to own */
		rc = TSN_ENOMEM;
	m.ret.local.own = m.out.ptr;
	m.ret.local.bytes = m.out.ptr;
	if (rc != TSN_OK)
		values_done(&m.ret);
	else
		*ret = m.ret;
	return rc;
}
