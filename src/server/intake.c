#include "server/intake.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "os/clock.h"

#define RETRY_MS 200
#define SAY_AGAIN_NS (60 * TSN_NS_PER_SEC)
#define SLOTS (2 * TSN_INTAKE_SOURCES_MAX)
/* Numbers taken from the queue at a time: its lock is not for every record. */
#define NUMBERS 4096u

struct entry {
	struct tsn_engine_source engine;	/* first: a tsn_source is also its entry */
	char *name;
	char *path, *address, *kind;
};

struct tsn_intake {
	struct tsn_intake_options o;
	struct tsn_sink sink;
	pthread_mutex_t lock;		/* of entries */
	struct entry *entries[SLOTS];	/* open addressing by name */
	uint32_t count;
	atomic_bool stalled;
	int64_t said_ns;
	uint64_t number, numbers_left;
	bool hurried;
	struct tsn_err err;
};

static void
free_entry(struct entry *e)
{
	if (e == NULL)
		return;
	free(e->name);
	free(e->path);
	free(e->address);
	free(e->kind);
	free(e);
}

static char *
dup_text(struct tsn_slice s)
{
	return strndup(s.len > 0 ? s.ptr : "", s.len);
}

static struct entry *
make_entry(struct tsn_intake *in, const struct tsn_source *like, struct tsn_slice name)
{
	struct entry *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	e->name = dup_text(name);
	e->path = dup_text(like->path);
	e->address = dup_text(like->address);
	e->kind = dup_text(like->kind);
	e->engine.row = tsn_ledger_row(tsn_engine_ledger(in->o.engine), name);
	if (e->name == NULL || e->path == NULL || e->address == NULL || e->kind == NULL ||
	    e->engine.row == NULL) {
		free_entry(e);
		return NULL;
	}
	e->engine.source = (struct tsn_source){
		.path = tsn_slice_cstr(e->path),
		.address = tsn_slice_cstr(e->address),
		.kind = tsn_slice_cstr(e->kind),
		.tz_offset_sec = like->tz_offset_sec,
		.id = tsn_engine_source_id(in->o.engine),
	};
	in->count++;
	return e;
}

static struct entry **
slot_of(struct tsn_intake *in, struct tsn_slice name)
{
	size_t i = tsn_hash_slice(name, 0) % SLOTS;

	while (in->entries[i] != NULL &&
	    !tsn_slice_eq(tsn_slice_cstr(in->entries[i]->name), name))
		i = (i + 1) % SLOTS;
	return &in->entries[i];
}

/* When there are too many, further ones of the network share one that says so. */
static const struct tsn_source *
source(void *ctx, const struct tsn_source *like, struct tsn_slice name)
{
	struct tsn_intake *in = ctx;
	struct tsn_source others = {
		.address = TSN_SLICE("(others)"), .kind = like->kind, .tz_offset_sec = like->tz_offset_sec};
	struct entry **slot;

	(void)pthread_mutex_lock(&in->lock);
	slot = slot_of(in, name);
	if (*slot == NULL && in->count >= TSN_INTAKE_SOURCES_MAX - 1 && like->path.len == 0) {
		name = TSN_SLICE("(others)");
		like = &others;
		slot = slot_of(in, name);
	}
	if (*slot == NULL && in->count < TSN_INTAKE_SOURCES_MAX)
		*slot = make_entry(in, like, name);
	(void)pthread_mutex_unlock(&in->lock);
	return *slot == NULL ? NULL : &(*slot)->engine.source;
}

/* Waits a moment for room in the store; TSN_ECANCELED when the server shall stop. */
static enum tsn_code
wait_for_room(struct tsn_intake *in)
{
	int64_t now = tsn_clock_mono_ns();
	bool more;

	if (!atomic_load(&in->stalled) || now - in->said_ns > SAY_AGAIN_NS) {
		char line[TSN_ERR_MSG_MAX + 64];

		(void)snprintf(line, sizeof line, "intake waits: %s", in->err.msg);
		in->o.say(in->o.ctx, line);
		in->said_ns = now;
	}
	if (!atomic_exchange(&in->stalled, true) && in->o.waits != NULL)
		in->o.waits(in->o.ctx, true);
	/* The oldest events may be due to make room for the newest. */
	if (tsn_store_retain(in->o.store, tsn_clock_real_ns(), &more, NULL) == TSN_OK && more)
		return TSN_OK;
	if (in->o.stop(in->o.ctx))
		return TSN_ECANCELED;
	tsn_clock_sleep_ms(RETRY_MS);
	return TSN_OK;
}

static void
has_room(struct tsn_intake *in)
{
	if (!atomic_load(&in->stalled))
		return;
	atomic_store(&in->stalled, false);
	if (in->o.waits != NULL)
		in->o.waits(in->o.ctx, false);
	in->o.say(in->o.ctx, "intake goes on");
}

static enum tsn_code
flush(void *ctx)
{
	struct tsn_intake *in = ctx;
	enum tsn_code code;

	while ((code = tsn_engine_flush(in->o.engine, &in->err)) == TSN_EAGAIN)
		TSN_TRY(wait_for_room(in));
	if (code == TSN_OK)
		has_room(in);
	return code;
}

static enum tsn_code
record(void *ctx, const struct tsn_record *rec)
{
	struct tsn_intake *in = ctx;
	/* Every source handed out is the first member of an entry. */
	struct tsn_engine_source *from = (struct tsn_engine_source *)(uintptr_t)rec->source;
	enum tsn_code code;

	while ((code = tsn_engine_record(in->o.engine, from, rec, false, &in->err)) == TSN_EAGAIN)
		TSN_TRY(wait_for_room(in));
	return code;
}

/* Up to where the source is dealt with. */
static void
note_offset(struct tsn_intake *in, const struct tsn_store_range *r)
{
	struct tsn_ledger *ledger = tsn_engine_ledger(in->o.engine);
	struct entry *e;

	(void)pthread_mutex_lock(&in->lock);
	e = *slot_of(in, r->source);
	(void)pthread_mutex_unlock(&in->lock);
	if (e == NULL)
		return;
	(void)pthread_mutex_lock(&ledger->lock);
	e->engine.row->offset = r->end;
	(void)pthread_mutex_unlock(&ledger->lock);
}

static enum tsn_code
range(void *ctx, const struct tsn_store_range *r)
{
	struct tsn_intake *in = ctx;

	TSN_TRY(flush(ctx));
	TSN_TRY(tsn_engine_range(in->o.engine, r, &in->err));
	note_offset(in, r);
	return TSN_OK;
}

static enum tsn_code
forget(void *ctx, struct tsn_slice name)
{
	struct tsn_intake *in = ctx;

	return tsn_store_forget_ranges(in->o.store, name, &in->err);
}

static const struct tsn_store_range *
ranges(void *ctx, struct tsn_slice name, size_t *ret_count)
{
	struct tsn_intake *in = ctx;

	return tsn_store_ranges(in->o.store, name, ret_count);
}

static const enum tsn_drop reasons[] = {
	[TSN_SINK_DROP_SOCKET] = TSN_DROP_SOCKET,
	[TSN_SINK_DROP_OVERSIZE] = TSN_DROP_OVERSIZE,
	[TSN_SINK_DROP_BAD_FRAME] = TSN_DROP_BAD_FRAME,
	[TSN_SINK_DROP_MEMORY] = TSN_DROP_MEMORY,
	[TSN_SINK_DROP_STORE] = TSN_DROP_STORE,
};

static void
drop(void *ctx, const struct tsn_source *from, enum tsn_sink_drop why, uint64_t count)
{
	struct tsn_intake *in = ctx;
	const struct tsn_engine_source *s = (const struct tsn_engine_source *)from;

	tsn_engine_drop(in->o.engine, s->row, reasons[why], count);
}

static void
gap(void *ctx, const struct tsn_source *from, enum tsn_sink_drop why, uint64_t count,
    int64_t from_ns, int64_t to_ns)
{
	struct tsn_intake *in = ctx;
	const struct tsn_engine_source *s = (const struct tsn_engine_source *)from;

	drop(ctx, from, why, count);
	in->o.lost(in->o.ctx, s->row, reasons[why], count, from_ns, to_ns);
}

static void
lag(void *ctx, const struct tsn_source *from, uint64_t bytes)
{
	struct tsn_intake *in = ctx;
	const struct tsn_engine_source *s = (const struct tsn_engine_source *)from;
	struct tsn_ledger *ledger = tsn_engine_ledger(in->o.engine);

	(void)pthread_mutex_lock(&ledger->lock);
	s->row->lag_bytes = bytes;
	(void)pthread_mutex_unlock(&ledger->lock);
}

static void
say(void *ctx, const char *line)
{
	struct tsn_intake *in = ctx;

	in->o.say(in->o.ctx, line);
}

static void
hurry(void *ctx)
{
	struct tsn_intake *in = ctx;

	in->hurried = true;
}

static uint64_t
sequence(void *ctx)
{
	struct tsn_intake *in = ctx;

	if (in->numbers_left == 0) {
		in->number = tsn_queue_sequence(in->o.queue, NUMBERS);
		in->numbers_left = NUMBERS;
	}
	in->numbers_left--;
	return in->number++;
}

enum tsn_code
tsn_intake_new(const struct tsn_intake_options *options, struct tsn_intake **ret_intake,
    struct tsn_err *err)
{
	struct tsn_intake *in = calloc(1, sizeof *in);

	if (in == NULL || pthread_mutex_init(&in->lock, NULL) != 0) {
		free(in);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	in->o = *options;
	in->sink = (struct tsn_sink){.source = source, .record = record, .flush = flush,
		.range = range, .forget = forget,
		.ranges = ranges, .drop = drop, .gap = gap, .lag = lag, .hurry = hurry,
		.say = say, .sequence = sequence, .ctx = in};
	*ret_intake = in;
	return TSN_OK;
}

void
tsn_intake_free(struct tsn_intake *in)
{
	if (in == NULL)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		free_entry(in->entries[i]);
	(void)pthread_mutex_destroy(&in->lock);
	free(in);
}

const struct tsn_sink *
tsn_intake_sink(struct tsn_intake *in)
{
	return &in->sink;
}

enum tsn_code
tsn_intake_commit(struct tsn_intake *in, struct tsn_err *err)
{
	enum tsn_code code;

	in->hurried = false;
	while ((code = tsn_engine_commit(in->o.engine, &in->err)) == TSN_EAGAIN) {
		code = wait_for_room(in);
		if (code != TSN_OK)
			break;
	}
	if (code == TSN_OK)
		has_room(in);
	else if (err != NULL)
		*err = in->err;
	return code;
}

bool
tsn_intake_hurried(const struct tsn_intake *in)
{
	return in->hurried;
}

bool
tsn_intake_stalled(const struct tsn_intake *in)
{
	return atomic_load(&in->stalled);
}

const struct tsn_err *
tsn_intake_error(const struct tsn_intake *in)
{
	return &in->err;
}
