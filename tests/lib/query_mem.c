#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <ftw.h>
#include <stdio.h>

#include <cmocka.h>

#include "event/doc.h"
#include "query_mem.h"

#define EVENTS_MAX 4096u

void
query_mem_init(struct query_mem *m)
{
	*m = (struct query_mem){.limit = UINT64_MAX};
	m->keys = tsn_keys_new();
	assert_non_null(m->keys);
	assert_int_equal(tsn_batch_init(&m->batch, m->keys, EVENTS_MAX), TSN_OK);
	m->source.path = TSN_SLICE("test.json");
	/* 2026-01-02T00:00:00Z */
	m->now_ns = INT64_C(1767312000) * TSN_NS_PER_SEC;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
query_mem_use_store(struct query_mem *m, bool sealed)
{
	struct tsn_store_options options = {0};
	struct tsn_store *store;
	struct tsn_err err = {0};

	(void)snprintf(m->dir, sizeof m->dir, "/tmp/tocsin-query-XXXXXX");
	assert_non_null(mkdtemp(m->dir));
	if (tsn_store_open(m->dir, m->keys, &options, &store, &err) != TSN_OK ||
	    tsn_store_append(store, &m->batch, &err) != TSN_OK ||
	    (sealed && tsn_store_seal(store, &err) != TSN_OK) || tsn_store_close(store, &err) != TSN_OK ||
	    tsn_store_reader_open(m->dir, m->keys, &m->reader, &err) != TSN_OK)
		fail_msg("%s", err.msg);
}

void
query_mem_done(struct query_mem *m)
{
	tsn_store_reader_close(m->reader);
	if (m->dir[0] != '\0')
		(void)nftw(m->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(m->reversed.events);
	tsn_batch_done(&m->batch);
	tsn_keys_free(m->keys);
}

/* The parser of a real source would take the time out of the fields; so does this. */
static void
take_time(struct tsn_event *ev, int64_t *when)
{
	bool zoned;

	*when += TSN_NS_PER_SEC;
	for (uint32_t i = 0; i < ev->field_count; i++) {
		struct tsn_field *f = &ev->fields[i];

		if (f->key != TSN_F_TIMESTAMP || f->type != TSN_T_STR)
			continue;
		assert_int_equal(tsn_time_parse_rfc3339((struct tsn_slice){f->ptr, f->len}, when, &zoned),
		    TSN_OK);
		*f = ev->fields[--ev->field_count];
		break;
	}
	ev->time_ns = *when;
	ev->created_ns = *when;
}

static int
order(const void *a, const void *b)
{
	const struct tsn_event *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

void
query_mem_load(struct query_mem *m, const char *lines)
{
	struct tsn_doc *doc = tsn_doc_new(m->keys);
	int64_t when = INT64_C(1767225600) * TSN_NS_PER_SEC;
	struct tsn_slice rest = tsn_slice_cstr(lines);
	uint64_t line = 0;

	assert_non_null(doc);
	while (rest.len > 0) {
		size_t end = tsn_slice_find_char(rest, '\n');
		struct tsn_slice text = {rest.ptr, end == SIZE_MAX ? rest.len : end};
		struct tsn_event *ev = tsn_batch_begin(&m->batch);

		assert_non_null(ev);
		ev->source = &m->source;
		ev->original = text;
		ev->line = ++line;
		assert_int_equal(tsn_doc_flatten(doc, &m->batch, TSN_KEY_ROOT, NULL, text, NULL), TSN_OK);
		take_time(ev, &when);
		tsn_batch_seal(&m->batch);
		rest = tsn_slice_from(rest, text.len + 1);
	}
	tsn_doc_free(doc);
	qsort(m->batch.events, m->batch.count, sizeof *m->batch.events, order);
	free(m->reversed.events);
	m->reversed = m->batch;
	m->reversed.events = calloc(m->batch.count + 1, sizeof *m->batch.events);
	assert_non_null(m->reversed.events);
	for (uint32_t i = 0; i < m->batch.count; i++)
		m->reversed.events[i] = m->batch.events[m->batch.count - 1 - i];
}

static enum tsn_code
scan(void *ctx, const struct tsn_store_scan *s, struct tsn_err *err)
{
	struct query_mem *m = ctx;
	struct tsn_batch some = s->newest_first ? m->reversed : m->batch;
	uint32_t begin = 0, end = some.count;

	while (begin < end && (some.events[begin].time_ns < s->from_ns ||
	    some.events[begin].time_ns >= s->to_ns))
		begin++;
	while (end > begin && (some.events[end - 1].time_ns < s->from_ns ||
	    some.events[end - 1].time_ns >= s->to_ns))
		end--;
	/* in pieces, as a store gives them */
	for (; begin < end; begin += some.count) {
		enum tsn_code code;

		some.events = (s->newest_first ? m->reversed.events : m->batch.events) + begin;
		some.count = end - begin < 7 ? end - begin : 7;
		code = s->rows(s->ctx, &some, err);
		if (code != TSN_OK)
			return code;
	}
	return TSN_OK;
}

struct tsn_query_source
query_mem_source(struct query_mem *m)
{
	if (m->reader != NULL)
		return tsn_query_store(m->reader);
	return (struct tsn_query_source){scan, m};
}

static enum tsn_code
put(void *ctx, struct tsn_slice text, struct tsn_err *err)
{
	(void)err;
	tsn_buf_slice(ctx, text);
	return TSN_OK;
}

void
query_mem_answer(struct query_mem *m, const char *query, struct tsn_buf *out)
{
	struct tsn_query_options o = {.limit = m->limit, .memory_max = m->memory_max};
	struct tsn_err err = {.pos = TSN_POS_NONE};
	struct tsn_query_source source = query_mem_source(m);
	struct tsn_query_sink sink;
	struct tsn_query *q = NULL;
	struct tsn_writer *w;
	enum tsn_code code;

	tsn_buf_reset(out);
	code = tsn_query_parse(tsn_slice_cstr(query), &(struct tsn_query_env){.keys = m->keys,
	    .now_ns = m->now_ns}, &q, &err);
	w = tsn_writer_new(&(struct tsn_write_env){.keys = m->keys, .format = m->format, .out = put,
	    .ctx = out});
	assert_non_null(w);
	sink = tsn_writer_sink(w);
	if (code == TSN_OK)
		code = tsn_query_run(q, &source, &o, &sink, &m->report, &err);
	if (code != TSN_OK) {
		tsn_buf_reset(out);
		tsn_buf_printf(out, "error: %s", err.msg);
	}
	tsn_buf_char(out, '\0');
	assert_int_equal(tsn_buf_check(out), TSN_OK);
	tsn_writer_free(w);
	tsn_query_free(q);
}
