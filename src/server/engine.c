#include "server/engine.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/assert.h"
#include "server/ledger_keep.h"

/* Enough to spread the cost per batch, few enough for the cache. */
#define BATCH_EVENTS 1024u
/* A batch of large records ends early, so that memory stays small. */
#define BATCH_BYTES (4u << 20)
#define SAMPLES_FIRST 64u
#define SAMPLES_OF 64u

struct tsn_engine {
	struct tsn_engine_options o;
	struct tsn_parser *parser;
	struct tsn_batch batch;
	struct tsn_ledger ledger;
	struct tsn_ledger_row **rows;	/* of the events of batch */
	uint64_t batch_bytes;
	uint64_t uncommitted;
	atomic_uint next_source;
	bool known;			/* the batch holds known records */
	int64_t mark_ns;		/* before the batch: older events are late */
	bool detected;			/* findings of this batch are in, only the store refused */
};

static enum tsn_code
engine_init(struct tsn_engine *e, const struct tsn_engine_options *o, struct tsn_err *err)
{
	uint32_t events = o->batch_events == 0 ? BATCH_EVENTS : o->batch_events;

	e->o = *o;
	e->mark_ns = INT64_MIN;
	if (tsn_ledger_init(&e->ledger) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (o->keep_ledger)
		TSN_TRY(tsn_ledger_load(&e->ledger, o->store, err));
	e->parser = tsn_parser_new(o->keys);
	e->rows = calloc(events, sizeof(*e->rows));
	if (e->parser == NULL || e->rows == NULL ||
	    tsn_batch_init(&e->batch, o->keys, events) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return TSN_OK;
}

enum tsn_code
tsn_engine_new(const struct tsn_engine_options *options, struct tsn_engine **ret_engine,
    struct tsn_err *err)
{
	struct tsn_engine *e = calloc(1, sizeof *e);
	enum tsn_code code;

	if (e == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	code = engine_init(e, options, err);
	if (code != TSN_OK) {
		tsn_engine_free(e);
		return code;
	}
	*ret_engine = e;
	return TSN_OK;
}

void
tsn_engine_free(struct tsn_engine *e)
{
	if (e == NULL)
		return;
	tsn_batch_done(&e->batch);
	tsn_parser_free(e->parser);
	tsn_ledger_done(&e->ledger);
	free(e->rows);
	free(e);
}

uint32_t
tsn_engine_source_id(struct tsn_engine *e)
{
	return atomic_fetch_add(&e->next_source, 1) + 1;
}

struct tsn_ledger *
tsn_engine_ledger(struct tsn_engine *e)
{
	return &e->ledger;
}

uint64_t
tsn_engine_uncommitted(const struct tsn_engine *e)
{
	return e->uncommitted;
}

/* The ledger's view of the batch that was just taken by the store. */
static void
account(struct tsn_engine *e)
{
	for (uint32_t i = 0; i < e->batch.count; i++) {
		const struct tsn_event *ev = &e->batch.events[i];
		struct tsn_ledger_row *row = e->rows[i];

		row->received++;
		row->bytes += ev->original.len;
		row->last_seen_ns = ev->created_ns;
		if (ev->time_ns > row->last_event_ns)
			row->last_event_ns = ev->time_ns;
		row->late += ev->time_ns < e->mark_ns;
		row->truncated += (ev->flags & TSN_EV_TRUNCATED) != 0;
		if (e->known) {
			row->known++;
			continue;
		}
		row->pending++;
		row->pending_failed += (ev->flags & TSN_EV_ERROR) != 0;
	}
}

/* Of every source its first events, and then some: what kinds it sends. */
static void
sample(struct tsn_engine *e)
{
	const struct tsn_engine_stage *stage = e->o.detect;

	if (stage == NULL || stage->sample == NULL)
		return;
	for (uint32_t i = 0; i < e->batch.count; i++)
		if (e->rows[i]->samples++ < SAMPLES_FIRST || e->rows[i]->samples % SAMPLES_OF == 0)
			stage->sample(stage->ctx, &e->batch.events[i], e->rows[i]);
}

enum tsn_code
tsn_engine_flush(struct tsn_engine *e, struct tsn_err *err)
{
	if (e->batch.count == 0) {
		tsn_batch_reset(&e->batch);
		return TSN_OK;
	}
	if (e->o.detect != NULL && !e->detected) {
		e->mark_ns = e->o.detect->mark == NULL ? INT64_MIN : e->o.detect->mark(e->o.detect->ctx);
		TSN_TRY(e->o.detect->batch(e->o.detect->ctx, &e->batch, err));
	}
	e->detected = true;
	if (e->o.store != NULL && !e->known)
		TSN_TRY(tsn_store_append(e->o.store, &e->batch, err));
	sample(e);
	(void)pthread_mutex_lock(&e->ledger.lock);
	account(e);
	(void)pthread_mutex_unlock(&e->ledger.lock);
	e->detected = false;
	e->uncommitted += e->batch_bytes;
	e->batch_bytes = 0;
	tsn_batch_reset(&e->batch);
	return TSN_OK;
}

static void
count_framing(struct tsn_engine *e, struct tsn_ledger_row *row, const struct tsn_record *rec)
{
	(void)pthread_mutex_lock(&e->ledger.lock);
	row->received++;
	row->framing++;
	row->bytes += rec->bytes.len;
	row->last_seen_ns = rec->received_ns;
	(void)pthread_mutex_unlock(&e->ledger.lock);
}

enum tsn_code
tsn_engine_record(struct tsn_engine *e, struct tsn_engine_source *from,
    const struct tsn_record *rec, bool known, struct tsn_err *err)
{
	const struct tsn_event *ev = NULL;
	enum tsn_code code;

	TSN_ASSERT(rec->source == &from->source);
	if (e->batch.count > 0 && (known != e->known || e->batch_bytes >= BATCH_BYTES ||
				      tsn_batch_full(&e->batch)))
		TSN_TRY(tsn_engine_flush(e, err));
	e->known = known;
	code = tsn_parser_record(e->parser, rec, &e->batch, &ev);
	if (code == TSN_ELIMIT && e->batch.count > 0) {
		TSN_TRY(tsn_engine_flush(e, err));
		code = tsn_parser_record(e->parser, rec, &e->batch, &ev);
	}
	if (code != TSN_OK)
		TSN_FAIL(err, code, "a record of %zu bytes does not fit into memory",
		    rec->bytes.len);
	if (ev == NULL) {
		count_framing(e, from->row, rec);
		return TSN_OK;
	}
	e->rows[e->batch.count - 1] = from->row;
	e->batch_bytes += rec->bytes.len;
	if (e->o.detect != NULL && e->o.detect->event != NULL)
		return e->o.detect->event(e->o.detect->ctx, &e->batch, err);
	return TSN_OK;
}

enum tsn_code
tsn_engine_range(struct tsn_engine *e, const struct tsn_store_range *range, struct tsn_err *err)
{
	TSN_ASSERT(e->batch.count == 0);
	if (e->o.store == NULL)
		return TSN_OK;
	return tsn_store_append_range(e->o.store, range, err);
}

enum tsn_code
tsn_engine_commit(struct tsn_engine *e, struct tsn_err *err)
{
	TSN_TRY(tsn_engine_flush(e, err));
	if (e->o.detect != NULL)
		TSN_TRY(e->o.detect->commit(e->o.detect->ctx, err));
	if (e->o.keep_ledger)
		TSN_TRY(tsn_ledger_save(&e->ledger, e->o.store, err));
	if (e->o.store != NULL)
		TSN_TRY(tsn_store_commit(e->o.store, err));
	(void)pthread_mutex_lock(&e->ledger.lock);
	tsn_ledger_commit(&e->ledger);
	(void)pthread_mutex_unlock(&e->ledger.lock);
	e->uncommitted = 0;
	return TSN_OK;
}

void
tsn_engine_drop(struct tsn_engine *e, struct tsn_ledger_row *row, enum tsn_drop why,
    uint64_t count)
{
	(void)pthread_mutex_lock(&e->ledger.lock);
	row->received += count;
	row->dropped[why] += count;
	e->uncommitted++;
	(void)pthread_mutex_unlock(&e->ledger.lock);
}
