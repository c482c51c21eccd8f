#include "server/feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "os/clock.h"
#include "pipeline/record.h"

/* The bytes of events that are flushed together. */
#define KEPT_BYTES_FLUSH (8u << 20)
#define KEPT_BYTES_MAX (512u << 20)

struct source {
	struct tsn_engine_source engine;
	uint64_t hash;
	char *path, *kind;
};

struct tsn_feed {
	struct tsn_engine *engine;
	struct tsn_pipeline *pipeline;
	struct tsn_arena kept;
	size_t kept_bytes;
	struct source *sources[TSN_FEED_SOURCES_MAX];
	uint32_t source_count;
	uint64_t sequence;		/* places of events that come from no file */
	const struct tsn_source *last;	/* events of one place get places of their own */
	uint64_t last_offset;
	/* of the record that begins what the codec holds */
	struct tsn_record held;
	bool holding;
};

enum tsn_code
tsn_feed_new(struct tsn_engine *engine, struct tsn_pipeline *pipeline,
    struct tsn_feed **ret_feed, struct tsn_err *err)
{
	struct tsn_feed *r = calloc(1, sizeof *r);

	if (r == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	r->engine = engine;
	r->pipeline = pipeline;
	r->sequence = (uint64_t)tsn_clock_real_ns();
	tsn_arena_init(&r->kept, KEPT_BYTES_MAX);
	*ret_feed = r;
	return TSN_OK;
}

void
tsn_feed_free(struct tsn_feed *r)
{
	if (r == NULL)
		return;
	for (uint32_t i = 0; i < r->source_count; i++) {
		free(r->sources[i]->path);
		free(r->sources[i]->kind);
		free(r->sources[i]);
	}
	tsn_arena_done(&r->kept);
	free(r);
}

enum tsn_code
tsn_feed_flush(struct tsn_feed *r, struct tsn_err *err)
{
	TSN_TRY(tsn_engine_flush(r->engine, err));
	tsn_arena_reset(&r->kept);
	r->kept_bytes = 0;
	return TSN_OK;
}

/* base: where it comes from and stands. */
static enum tsn_code
give(struct tsn_feed *r, struct tsn_engine_source *from, const struct tsn_record *base,
    const struct tsn_pl_record *made, bool known, struct tsn_err *err)
{
	struct tsn_aside aside = {.time_ns = made->time_ns, .time_key = TSN_KEY_ROOT,
		.final = made->final};
	struct tsn_record rec = *base;

	if (r->kept_bytes > KEPT_BYTES_FLUSH)
		TSN_TRY(tsn_feed_flush(r, err));
	rec.source = &from->source;
	if (r->last == rec.source && rec.offset <= r->last_offset &&
	    r->last_offset - rec.offset < TSN_PL_EVENTS_MAX)
		rec.offset = r->last_offset + 1;
	rec.bytes = tsn_arena_dup(&r->kept, made->bytes);
	aside.document = tsn_arena_dup(&r->kept, made->document);
	if (rec.bytes.ptr == NULL || aside.document.ptr == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (rec.bytes.len > TSN_RECORD_BYTES_MAX) {
		rec.bytes.len = TSN_RECORD_BYTES_MAX;
		rec.truncated = true;
	}
	rec.aside = &aside;
	r->kept_bytes += made->bytes.len + made->document.len;
	TSN_TRY(tsn_engine_record(r->engine, from, &rec, known, err));
	r->last = rec.source;
	r->last_offset = rec.offset;
	return TSN_OK;
}

static enum tsn_code
take(struct tsn_feed *r, struct tsn_engine_source *from, const struct tsn_record *rec,
    const struct tsn_record *base, bool known, struct tsn_err *err)
{
	uint64_t before = tsn_pipeline_counts(r->pipeline).dropped;
	struct tsn_pl_record made;
	struct tsn_pev *ev = tsn_pipeline_take(r->pipeline, rec == NULL ? NULL : &rec->bytes,
	    from->source.path);
	enum tsn_code code = TSN_OK;

	for (; ev != NULL && code == TSN_OK; ev = ev->next)
		code = !tsn_pl_record_make(ev, &made) ? TSN_ERR(err, TSN_ENOMEM, "out of memory") :
		    give(r, from, base, &made, known, err);
	before = tsn_pipeline_counts(r->pipeline).dropped - before;
	if (before > 0)
		tsn_engine_drop(r->engine, from->row, TSN_DROP_FILTER, before);
	tsn_arena_reset(tsn_pipeline_arena(r->pipeline));
	return code;
}

enum tsn_code
tsn_feed_record(struct tsn_feed *r, struct tsn_engine_source *from,
    const struct tsn_record *rec, bool known, struct tsn_err *err)
{
	uint64_t before = tsn_pipeline_counts(r->pipeline).in;
	bool holding = r->holding;

	if (!holding)
		r->held = *rec;
	TSN_TRY(take(r, from, rec, &r->held, known, err));
	r->holding = tsn_pipeline_holds(r->pipeline);
	/* it gave what it held and holds this record now */
	if (r->holding && holding && tsn_pipeline_counts(r->pipeline).in != before)
		r->held = *rec;
	return TSN_OK;
}

bool
tsn_feed_holds(const struct tsn_feed *r)
{
	return r->holding;
}

enum tsn_code
tsn_feed_end(struct tsn_feed *r, struct tsn_engine_source *from, struct tsn_err *err)
{
	if (r->holding)
		TSN_TRY(take(r, from, NULL, &r->held, false, err));
	r->holding = false;
	return tsn_feed_flush(r, err);
}

static struct source *
find_source(struct tsn_feed *r, struct tsn_slice path, struct tsn_slice kind, struct tsn_err *err)
{
	uint64_t hash = tsn_hash_slice(path, tsn_hash_slice(kind, 0));
	struct source *s;

	for (uint32_t i = r->source_count; i-- > 0;)
		if (r->sources[i]->hash == hash &&
		    tsn_slice_eq(r->sources[i]->engine.source.path, path) &&
		    tsn_slice_eq(r->sources[i]->engine.source.kind, kind))
			return r->sources[i];
	if (r->source_count == TSN_FEED_SOURCES_MAX - 1 && path.len > 0)
		return find_source(r, TSN_SLICE(""), TSN_SLICE(""), err);
	s = r->source_count == TSN_FEED_SOURCES_MAX ? NULL : calloc(1, sizeof *s);
	if (s == NULL)
		return r->source_count > 0 ? r->sources[0] : NULL;
	s->hash = hash;
	s->path = strndup(path.len > 0 ? path.ptr : "", path.len);
	s->kind = strndup(kind.len > 0 ? kind.ptr : "", kind.len);
	s->engine.row = tsn_ledger_row(tsn_engine_ledger(r->engine), path.len > 0 ? path :
	    TSN_SLICE("pipeline"));
	if (s->path == NULL || s->kind == NULL || s->engine.row == NULL) {
		free(s->path);
		free(s->kind);
		free(s);
		return NULL;
	}
	s->engine.source = (struct tsn_source){.path = tsn_slice_cstr(s->path),
		.address = path.len > 0 ? TSN_SLICE_NONE : TSN_SLICE("pipeline"),
		.kind = tsn_slice_cstr(s->kind), .id = tsn_engine_source_id(r->engine)};
	r->sources[r->source_count++] = s;
	return s;
}

enum tsn_code
tsn_feed_event(struct tsn_feed *r, struct tsn_pev *ev, struct tsn_slice kind, int64_t now_ns,
    struct tsn_err *err)
{
	struct tsn_pl_record made;
	struct tsn_record base = {.received_ns = now_ns,
		.offset = ev->placed ? ev->offset : ++r->sequence};
	struct source *s;

	if (!tsn_pl_record_make(ev, &made))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	s = find_source(r, made.path, kind, err);
	if (s == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return give(r, &s->engine, &base, &made, false, err);
}
