/*
 * Property: any bytes either parse or give an error that has a message and a place inside the text;
 * what parses can be explained and run, and the parsed query stays as it is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "event/doc.h"
#include "query/query.h"
#include "query/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const docs[] = {
	"{\"user\":{\"name\":\"root\"},\"n\":1,\"tags\":[\"a\",\"b\",null],\"ip\":\"10.0.0.1\"}",
	"{\"n\":\"5\",\"list\":[{\"a\":1.5},{\"a\":[true,{}]}],\"message\":\"Failed password for root\"}",
	"{\"n\":-9223372036854775808,\"f\":1e308,\"user\":\"x\",\"e\":[],\"o\":{},\"z\":null}",
};

struct world {
	struct tsn_keys *keys;
	struct tsn_batch batch;
	struct tsn_source source;
};

static struct world *
make_world(void)
{
	struct world *w = calloc(1, sizeof *w);
	struct tsn_doc *doc;

	TSN_ASSERT(w != NULL);
	w->keys = tsn_keys_new();
	TSN_ASSERT(w->keys != NULL && tsn_batch_init(&w->batch, w->keys, 8) == TSN_OK);
	doc = tsn_doc_new(w->keys);
	w->source.path = TSN_SLICE("fuzz");
	for (size_t i = 0; i < TSN_COUNT(docs); i++) {
		struct tsn_event *ev = tsn_batch_begin(&w->batch);

		TSN_ASSERT(ev != NULL && doc != NULL);
		ev->source = &w->source;
		ev->original = tsn_slice_cstr(docs[i]);
		ev->created_ns = ev->time_ns = (int64_t)(10 - i) * TSN_NS_PER_DAY;
		TSN_ASSERT(tsn_doc_flatten(doc, &w->batch, TSN_KEY_ROOT, NULL, ev->original, NULL) == TSN_OK);
		tsn_batch_seal(&w->batch);
	}
	tsn_doc_free(doc);
	return w;
}

static void
free_world(struct world *w)
{
	tsn_batch_done(&w->batch);
	tsn_keys_free(w->keys);
	free(w);
}

static enum tsn_code
scan(void *ctx, const struct tsn_store_scan *s, struct tsn_err *err)
{
	struct world *w = ctx;

	return s->rows(s->ctx, &w->batch, err);
}

static enum tsn_code
drop(void *ctx, struct tsn_slice text, struct tsn_err *err)
{
	(void)ctx;
	(void)text;
	(void)err;
	return TSN_OK;
}

static void
run(struct world *w, const struct tsn_query *q, enum tsn_write_format format)
{
	struct tsn_query_options o = {.memory_max = 4u << 20};
	struct tsn_query_source source = {scan, w};
	struct tsn_writer *writer = tsn_writer_new(&(struct tsn_write_env){.keys = w->keys,
	    .format = format, .out = drop});
	struct tsn_query_sink sink;
	struct tsn_err err = {0};
	struct tsn_buf text;

	TSN_ASSERT(writer != NULL);
	sink = tsn_writer_sink(writer);
	if (tsn_query_run(q, &source, &o, &sink, NULL, &err) != TSN_OK)
		TSN_ASSERT(err.msg[0] != '\0');
	tsn_buf_init(&text, 1u << 24);
	tsn_query_explain(q, &o, &text);
	TSN_ASSERT(tsn_buf_check(&text) == TSN_OK);
	tsn_buf_done(&text);
	tsn_writer_free(writer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* the key table grows with each name: a fresh one now and then */
	static struct world *w;
	static unsigned uses;
	struct tsn_err err = {.pos = TSN_POS_NONE};
	struct tsn_query *q = NULL;

	if (w != NULL && ++uses % 1000 == 0) {
		free_world(w);
		w = NULL;
	}
	if (w == NULL)
		w = make_world();
	if (tsn_query_parse((struct tsn_slice){(const char *)data, size},
	    &(struct tsn_query_env){.keys = w->keys, .now_ns = 11 * TSN_NS_PER_DAY}, &q, &err) != TSN_OK) {
		TSN_ASSERT(q == NULL && err.msg[0] != '\0' && strlen(err.msg) < sizeof err.msg);
		TSN_ASSERT(err.pos == TSN_POS_NONE || err.pos <= size);
		return 0;
	}
	for (int format = TSN_WRITE_JSON; format <= TSN_WRITE_TABLE; format++)
		run(w, q, (enum tsn_write_format)format);
	tsn_query_free(q);
	return 0;
}
