/*
 * Property: a random query over random documents gives what a naive evaluator gives that knows
 * neither the parser, nor the compiled predicates, nor the operators.
 *
 * A failure prints the seed; PROP_SEED=n runs that one alone, PROP_ROUNDS=n as many as wanted.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "query_mem.h"
#include "prop_docs.h"

#define DOCS 24
#define ROUNDS 150
#define QUERIES 40

/*
 * The stage behind the filter, done naively on the documents that match.
 */
static const char *
cell_text(const struct scalar *s, char scratch[32])
{
	if (s->type != 'n')
		return s->text;
	(void)snprintf(scratch, 32, "%.17g", strtod(s->text, NULL));
	return scratch;
}

struct tally {
	char key[32];
	int count;
	double sum;
	int numbers;
};

static int
by_key(const void *a, const void *b)
{
	return strcmp(((const struct tally *)a)->key, ((const struct tally *)b)->key);
}

/* stats count() as n, sum(f_s) as s by f_k: lines "key n s" in the order of keys. */
static void
naive_stats(const struct doc *docs, const bool *hit, int key, int sum, struct tsn_buf *out)
{
	struct tally tallies[DOCS * ITEMS];
	size_t used = 0;

	for (int d = 0; d < DOCS; d++) {
		const struct value *k = &docs[d].fields[key], *s = &docs[d].fields[sum];

		for (int i = 0; hit[d] && i < k->count; i++) {
			char scratch[32], other[32];
			const char *text = cell_text(&k->items[i], scratch);
			bool again = k->items[i].type == 'z';
			size_t t;

			for (int j = 0; j < i && !again; j++)
				again = k->items[j].type != 'z' && strcmp(cell_text(&k->items[j], other), text) == 0;
			if (again)
				continue;
			for (t = 0; t < used && strcmp(tallies[t].key, text) != 0; t++)
				;
			if (t == used) {
				tallies[used] = (struct tally){0};
				(void)snprintf(tallies[used++].key, sizeof tallies[0].key, "%s", text);
			}
			tallies[t].count++;
			for (int j = 0; j < s->count; j++) {
				double v;

				if (s->items[j].type == 'b')
					tallies[t].sum += s->items[j].text[0] == 't';
				else if (prop_number(&s->items[j], &v))
					tallies[t].sum += v;
			}
		}
	}
	qsort(tallies, used, sizeof tallies[0], by_key);
	for (size_t t = 0; t < used; t++)
		tsn_buf_printf(out, "%s|%d|%.6f\n", tallies[t].key, tallies[t].count, tallies[t].sum);
}

struct rows {
	struct tally items[DOCS * ITEMS];
	size_t used;
};

static enum tsn_code
take_row(void *ctx, const struct tsn_row *row, struct tsn_err *err)
{
	char scratch[TSN_CELL_TEXT_MAX];
	struct rows *r = ctx;
	struct tally *t = &r->items[r->used++];
	struct tsn_slice key = tsn_cell_text(&row->cells[0], scratch);

	(void)err;
	assert_true(r->used <= TSN_COUNT(r->items));
	*t = (struct tally){0};
	memcpy(t->key, key.ptr, key.len);
	t->count = (int)row->cells[1].u.i;
	assert_true(tsn_cell_number(&row->cells[2], &t->sum));
	return TSN_OK;
}

static void
run_query(struct query_mem *m, const char *text, enum tsn_code (*row)(void *ctx,
    const struct tsn_row *row, struct tsn_err *err), void *ctx)
{
	struct tsn_query_options o = {.limit = 0};
	struct tsn_query_source source = query_mem_source(m);
	struct tsn_query_sink sink = {.row = row, .ctx = ctx};
	struct tsn_err err = {0};
	struct tsn_query *q = NULL;

	if (tsn_query_parse(tsn_slice_cstr(text), &(struct tsn_query_env){.keys = m->keys}, &q,
	    &err) != TSN_OK)
		fail_msg("%s: %s", text, err.msg);
	if (tsn_query_run(q, &source, &o, &sink, NULL, &err) != TSN_OK)
		fail_msg("%s: %s", text, err.msg);
	tsn_query_free(q);
}

static void
check_stats(struct query_mem *m, const struct doc *docs, const bool *hit, const char *filter)
{
	int key = (int)prop_next(FIELDS), sum = (int)prop_next(FIELDS);
	struct tsn_buf want, got, query;
	struct rows rows = {.used = 0};

	tsn_buf_init(&want, 1u << 20);
	tsn_buf_init(&got, 1u << 20);
	tsn_buf_init(&query, 1u << 20);
	naive_stats(docs, hit, key, sum, &want);
	tsn_buf_printf(&query, "%s | stats count() as n, sum(f%d) as s by f%d", filter, sum, key);
	tsn_buf_char(&query, '\0');
	run_query(m, query.ptr, take_row, &rows);
	qsort(rows.items, rows.used, sizeof rows.items[0], by_key);
	for (size_t i = 0; i < rows.used; i++)
		tsn_buf_printf(&got, "%s|%d|%.6f\n", rows.items[i].key, rows.items[i].count,
		    rows.items[i].sum);
	tsn_buf_char(&want, '\0');
	tsn_buf_char(&got, '\0');
	if (strcmp(want.ptr, got.ptr) != 0)
		fail_msg("%s\nwant\n%sgot\n%s", query.ptr, want.ptr, got.ptr);
	tsn_buf_done(&want);
	tsn_buf_done(&got);
	tsn_buf_done(&query);
}

/*
 * Rows that the store counted together against the same rows one by one.
 */
static enum tsn_code
take_text(void *ctx, const struct tsn_row *row, struct tsn_err *err)
{
	char scratch[TSN_CELL_TEXT_MAX];

	(void)err;
	for (uint32_t i = 0; i < row->count; i++) {
		if (row->cells[i].type == TSN_V_LIST)
			tsn_cell_json(ctx, &row->cells[i]);
		else
			tsn_buf_slice(ctx, tsn_cell_text(&row->cells[i], scratch));
		tsn_buf_char(ctx, '|');
	}
	tsn_buf_char(ctx, '\n');
	return TSN_OK;
}

static void
check_tally(struct query_mem *m, const char *filter)
{
	static const char *const stages[] = {"stats count()", "stats count(), count(f1), dc(f2) by ",
	    "stats count() by lower(f3) as y, ", "stats count(), sum(f0) by ",
	    "stats count() by span=1h, ", "where isnull(f1) | stats count() by ",
	    "eval x = f1 | stats count() by x, ", "top 5 ", "rare 3 ", "stats count() by id, ",
	    "stats count() by @timestamp, "};
	struct tsn_query_source source = query_mem_source(m);
	struct tsn_query_report reports[2];
	struct tsn_buf query, answers[2];
	struct tsn_err err = {0};
	uint32_t stage = prop_next(TSN_COUNT(stages));
	struct tsn_query *q = NULL;

	tsn_buf_init(&query, 1u << 20);
	tsn_buf_printf(&query, "%s | %s", filter, stages[stage]);
	if (stage > 0)
		tsn_buf_printf(&query, "f%u", prop_next(FIELDS));
	if (tsn_query_parse(tsn_buf_get(&query), &(struct tsn_query_env){.keys = m->keys}, &q,
	    &err) != TSN_OK)
		fail_msg("%.*s: %s", (int)query.len, query.ptr, err.msg);
	for (int i = 0; i < 2; i++) {
		struct tsn_query_options o = {.one_by_one = i == 0};
		struct tsn_query_sink sink = {.row = take_text, .ctx = &answers[i]};

		tsn_buf_init(&answers[i], 1u << 20);
		if (tsn_query_run(q, &source, &o, &sink, &reports[i], &err) != TSN_OK)
			fail_msg("%.*s: %s", (int)query.len, query.ptr, err.msg);
		tsn_buf_char(&answers[i], '\0');
	}
	if (strcmp(answers[0].ptr, answers[1].ptr) != 0)
		fail_msg("%.*s\none by one\n%stogether\n%s", (int)query.len, query.ptr, answers[0].ptr,
		    answers[1].ptr);
	assert_int_equal(reports[0].matched, reports[1].matched);
	assert_int_equal(reports[0].ungrouped, reports[1].ungrouped);
	tsn_query_free(q);
	tsn_buf_done(&answers[0]);
	tsn_buf_done(&answers[1]);
	tsn_buf_done(&query);
}

/*
 * Chains of stages that keep rows: sort, head, tail, dedup, over ids, newest (highest id) first.
 */
struct ids {
	int items[DOCS];
	int count;
};

static enum tsn_code
take_id(void *ctx, const struct tsn_row *row, struct tsn_err *err)
{
	struct ids *ids = ctx;

	(void)err;
	assert_true(ids->count < DOCS);
	ids->items[ids->count++] = (int)row->cells[0].u.i - 1000;
	return TSN_OK;
}

/* 0 numbers and booleans, 1 addresses, 2 texts, 3 null. */
static int
rank(const struct scalar *s, double *ret)
{
	unsigned a, b, c, d;
	char rest;

	*ret = 0;
	if (s->type == 'z')
		return 3;
	if (s->type == 'b') {
		*ret = s->text[0] == 't';
		return 0;
	}
	if (prop_number(s, ret))
		return 0;
	if (sscanf(s->text, "%u.%u.%u.%u%c", &a, &b, &c, &d, &rest) == 4) {
		*ret = ((a * 256.0 + b) * 256.0 + c) * 256.0 + d;
		return 1;
	}
	if (strcmp(s->text, "fe80::1") == 0) {
		*ret = 1e30;
		return 1;
	}
	return 2;
}

static int
order_scalars(const struct scalar *a, const struct scalar *b)
{
	char ta[32], tb[32];
	double va, vb;
	int ra = rank(a, &va), rb = rank(b, &vb), text;

	if (ra != rb)
		return ra - rb;
	if (va < vb || va > vb)
		return va < vb ? -1 : 1;
	if (ra == 3 || (ra == 0 && a->type != 's' && b->type != 's'))
		return 0;
	text = strcasecmp(cell_text(a, ta), cell_text(b, tb));
	return text != 0 ? text : strcmp(cell_text(a, ta), cell_text(b, tb));
}

/* Single values, then lists by their elements, what is absent or null last in any direction. */
static int
order_values(const struct value *a, const struct value *b, bool descending)
{
	bool null_a = a->kind == 0 || (a->kind == 1 && a->items[0].type == 'z');
	bool null_b = b->kind == 0 || (b->kind == 1 && b->items[0].type == 'z');
	int order = 0;

	if (null_a || null_b)
		return null_a - null_b;
	if (a->kind != b->kind)
		order = a->kind - b->kind;
	for (int i = 0; order == 0 && a->kind == b->kind && i < a->count && i < b->count; i++)
		order = order_scalars(&a->items[i], &b->items[i]);
	if (order == 0 && a->kind == b->kind)
		order = a->count - b->count;
	return descending ? -order : order;
}

static void
naive_sort(const struct doc *docs, struct ids *ids, int field, bool descending)
{
	for (int i = 1; i < ids->count; i++) {
		for (int j = i; j > 0 && order_values(&docs[ids->items[j - 1]].fields[field],
		    &docs[ids->items[j]].fields[field], descending) > 0; j--) {
			int id = ids->items[j];

			ids->items[j] = ids->items[j - 1];
			ids->items[j - 1] = id;
		}
	}
}

static bool
same_key(const struct value *a, const struct value *b)
{
	bool null_a = a->kind == 0 || (a->kind == 1 && a->items[0].type == 'z');
	bool null_b = b->kind == 0 || (b->kind == 1 && b->items[0].type == 'z');
	char ta[32], tb[32];

	if (null_a || null_b)
		return null_a == null_b;
	if (a->kind != b->kind || a->count != b->count)
		return false;
	for (int i = 0; i < a->count; i++)
		if ((a->items[i].type == 'z') != (b->items[i].type == 'z') ||
		    (a->items[i].type != 'z' &&
		    strcmp(cell_text(&a->items[i], ta), cell_text(&b->items[i], tb)) != 0))
			return false;
	return true;
}

static void
naive_dedup(const struct doc *docs, struct ids *ids, int field)
{
	int n = 0;

	for (int i = 0; i < ids->count; i++) {
		bool seen = false;

		for (int j = 0; j < n; j++)
			seen |= same_key(&docs[ids->items[j]].fields[field], &docs[ids->items[i]].fields[field]);
		if (!seen)
			ids->items[n++] = ids->items[i];
	}
	ids->count = n;
}

static void
check_stages(struct query_mem *m, const struct doc *docs, const bool *hit, const char *filter)
{
	struct ids want = {.count = 0}, got = {.count = 0};
	int stages = (int)prop_next(4);
	struct tsn_buf query;

	tsn_buf_init(&query, 1u << 20);
	tsn_buf_printf(&query, "%s", filter);
	for (int d = DOCS - 1; d >= 0; d--)
		if (hit[d])
			want.items[want.count++] = d;
	for (int i = 0; i < stages; i++) {
		int field = (int)prop_next(FIELDS), n = (int)prop_next(DOCS);
		bool descending = prop_next(2);

		switch (prop_next(4)) {
		case 0:
			tsn_buf_printf(&query, " | sort %sf%d", descending ? "-" : "", field);
			naive_sort(docs, &want, field, descending);
			break;
		case 1:
			tsn_buf_printf(&query, " | head %d", n);
			want.count = want.count < n ? want.count : n;
			break;
		case 2:
			tsn_buf_printf(&query, " | tail %d", n);
			for (; want.count > n; want.count--)
				memmove(want.items, want.items + 1, sizeof want.items - sizeof want.items[0]);
			break;
		default:
			tsn_buf_printf(&query, " | dedup f%d", field);
			naive_dedup(docs, &want, field);
			break;
		}
	}
	tsn_buf_lit(&query, " | fields id");
	tsn_buf_char(&query, '\0');
	run_query(m, query.ptr, take_id, &got);
	if (want.count != got.count ||
	    memcmp(want.items, got.items, (size_t)want.count * sizeof want.items[0]) != 0) {
		for (int i = 0; i < want.count || i < got.count; i++)
			print_error("%d %d\n", i < want.count ? want.items[i] : -1,
			    i < got.count ? got.items[i] : -1);
		fail_msg("%s", query.ptr);
	}
	tsn_buf_done(&query);
}

static enum tsn_code
take_hit(void *ctx, const struct tsn_row *row, struct tsn_err *err)
{
	bool *hit = ctx;

	(void)err;
	assert_int_equal(row->cells[0].type, TSN_V_INT);
	hit[row->cells[0].u.i - 1000] = true;
	return TSN_OK;
}

static void
one_round(uint64_t seed)
{
	static struct doc docs[DOCS];
	struct tsn_buf text, query;
	struct query_mem m;

	prop_seed(seed);
	tsn_buf_init(&text, 1u << 20);
	tsn_buf_init(&query, 1u << 20);
	for (int i = 0; i < DOCS; i++) {
		memset(&docs[i], 0, sizeof docs[i]);
		prop_doc(&docs[i], i);
		tsn_buf_printf(&text, "%s\n", docs[i].json);
	}
	tsn_buf_char(&text, '\0');
	query_mem_init(&m);
	query_mem_load(&m, text.ptr);
	/* also through the store: what it leaves out or skips must not show */
	if (seed % 10 == 0)
		query_mem_use_store(&m, seed % 20 == 0);
	for (int i = 0; i < QUERIES; i++) {
		bool want[DOCS], got[DOCS] = {0};
		struct node *n;
		size_t len;

		prop_reset();
		n = prop_filter(3);
		tsn_buf_reset(&query);
		prop_put(&query, n);
		len = query.len;
		tsn_buf_lit(&query, " | fields id");
		tsn_buf_char(&query, '\0');
		run_query(&m, query.ptr, take_hit, got);
		for (int d = 0; d < DOCS; d++) {
			want[d] = prop_naive(n, &docs[d]);
			if (want[d] != got[d])
				fail_msg("seed %llu: %s\nwant %d, got %d on %s", (unsigned long long)seed, query.ptr,
				    want[d], got[d], docs[d].json);
		}
		query.ptr[len] = '\0';
		check_stats(&m, docs, want, query.ptr);
		check_stages(&m, docs, want, query.ptr);
		if (seed % 10 == 0)
			check_tally(&m, query.ptr);
	}
	query_mem_done(&m);
	tsn_buf_done(&text);
	tsn_buf_done(&query);
}

static void
test_equal(void **ctx)
{
	const char *seed = getenv("PROP_SEED"), *rounds = getenv("PROP_ROUNDS");
	unsigned long count = rounds == NULL ? ROUNDS : strtoul(rounds, NULL, 10);

	(void)ctx;
	if (seed != NULL) {
		one_round(strtoull(seed, NULL, 10));
		return;
	}
	for (unsigned long i = 1; i <= count; i++)
		one_round(i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_equal)};

	return cmocka_run_group_tests_name("prop_query", tests, NULL, NULL);
}
