#include "api/intake_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "os/clock.h"

#define RECORDS_STEP 4096u
#define ARENA_BYTES_MAX (128u << 20)

void
intake_init(struct intake *in, struct request *r, void (*answer)(struct intake *in),
    void (*done)(void *in))
{
	*in = (struct intake){.r = r, .answer = answer};
	tsn_arena_init(&in->arena, ARENA_BYTES_MAX);
	r->held = in;
	r->held_done = done;
}

void
intake_done(struct intake *in)
{
	tsn_arena_done(&in->arena);
	free(in->records);
}

void *
intake_grow(struct request *r, void *array, uint32_t count, uint32_t *cap, size_t size)
{
	uint32_t more;
	void *bigger;

	if (count < *cap)
		return array;
	more = *cap < RECORDS_STEP ? RECORDS_STEP : *cap;
	if (*cap >= INTAKE_RECORDS_MAX || !body_reserve(&r->body, more * size))
		return NULL;
	bigger = reallocarray(array, *cap + more, size);
	if (bigger != NULL)
		*cap += more;
	return bigger;
}

bool
intake_add(struct intake *in, struct tsn_slice bytes, bool truncated,
    const struct tsn_aside *aside)
{
	struct tsn_block_record *records =
	    intake_grow(in->r, in->records, in->count, &in->cap, sizeof *records);

	if (records == NULL)
		return false;
	in->records = records;
	if (bytes.len > TSN_RECORD_BYTES_MAX) {
		bytes.len = TSN_RECORD_BYTES_MAX;
		truncated = true;
	}
	records[in->count++] = (struct tsn_block_record){.ptr = bytes.ptr,
		.len = (uint32_t)bytes.len, .truncated = truncated, .aside = aside};
	return true;
}

bool
intake_pay(struct intake *in)
{
	size_t held = in->arena.held;

	if (held <= in->paid)
		return true;
	if (!body_reserve(&in->r->body, held - in->paid))
		return false;
	in->paid = held;
	return true;
}

void *
intake_alloc(struct intake *in, size_t size)
{
	void *p = tsn_arena_alloc(&in->arena, size);

	return p != NULL && intake_pay(in) ? p : NULL;
}

struct tsn_slice
intake_keep(struct intake *in, struct tsn_slice s)
{
	struct tsn_slice kept = tsn_arena_dup(&in->arena, s);

	return intake_pay(in) ? kept : TSN_SLICE_NONE;
}

enum answer
intake_refused(struct request *r)
{
	if (r->body.failed == TSN_EAGAIN && r->body.reserved > r->body.queue->bytes_max / 2)
		return problem(r, 413, "Content too large", "the request becomes more than there is "
							    "memory for: send it in parts");
	if (r->body.failed == TSN_EAGAIN) {
		r->retry_after = 1;
		return problem(r, 429, "Too many requests", "%s", r->body.why);
	}
	if (r->body.failed == TSN_ECANCELED)
		return problem(r, 503, "Stopping", "the server is stopping");
	return problem(r, 413, "Content too large", "a request has at most %u records",
	    INTAKE_RECORDS_MAX);
}

/* Records in any form a file may have: JSON lines, lines, a JSON array. */
static enum answer
frame(struct intake *in, struct tsn_framer *framer, const struct tsn_aside *aside)
{
	struct tsn_frame f;
	bool flushed = false;

	for (;;) {
		enum tsn_code code = tsn_framer_next(framer, &f);

		if (code == TSN_EAGAIN && flushed)
			return ANSWER_LATER;
		if (code == TSN_EAGAIN) {
			tsn_framer_flush(framer, TSN_FRAME_END);
			flushed = true;
			continue;
		}
		if (code != TSN_OK || (!f.stable && tsn_frame_keep(&f, &in->arena) != TSN_OK))
			return problem(in->r, 503, "Service unavailable", "out of memory");
		if (!intake_pay(in) || !intake_add(in, f.bytes, f.truncated, aside))
			return intake_refused(in->r);
	}
}

enum answer
intake_frame(struct intake *in, struct tsn_slice text, const struct tsn_aside *aside)
{
	struct tsn_framer *framer = tsn_framer_new(NULL);
	enum answer answer;

	if (framer == NULL)
		return problem(in->r, 503, "Service unavailable", "out of memory");
	tsn_framer_feed(framer, text);
	answer = frame(in, framer, aside);
	tsn_framer_free(framer);
	return answer;
}

static const struct tsn_source *
source_of(struct request *r, const char *prefix)
{
	const struct tsn_backend *b = r->http->o.backend;
	char address[TSN_ADDR_TEXT_MAX], name[200];
	struct tsn_source like = {
		.address = request_peer(r, address),
		.kind = request_arg(r, "kind"),
	};
	int n;

	if (like.kind.len > 64)
		like.kind.len = 64;
	n = snprintf(name, sizeof name, "%s from %.*s%s%.*s", prefix, TSN_SLICE_ARG(like.address),
	    like.kind.len > 0 ? " kind " : "", TSN_SLICE_ARG(like.kind));
	return b->source(b->ctx, &like, tsn_slice_of(name, (size_t)n));
}

/* In the engine's thread: write the answer, wake the connection. */
static void
committed(struct tsn_block *block, enum tsn_code code)
{
	struct intake *in = (struct intake *)block;
	struct request *r = in->r;

	if (code == TSN_OK) {
		in->answer(in);
	} else {
		r->retry_after = 1;
		(void)problem(r, 503, "Not stored", "%s", code == TSN_ECANCELED ?
		    "the server is stopping" : "the store could not take the records");
	}
	request_resume(r);
}

enum answer
intake_submit(struct intake *in, const char *name)
{
	struct request *r = in->r;
	struct tsn_queue *queue = r->http->o.backend->queue;

	TSN_ASSERT(in->count > 0);
	in->block.source = source_of(r, name);
	if (in->block.source == NULL)
		return problem(r, 503, "Service unavailable", "out of memory");
	in->block.records = in->records;
	in->block.count = in->count;
	in->block.received_ns = tsn_clock_real_ns();
	in->block.done = committed;
	in->block.sequence = tsn_queue_sequence(queue, in->count);
	/* First: the answer may come before push returns. */
	request_suspend(r);
	if (tsn_queue_push(queue, &in->block) != TSN_OK) {
		(void)problem(r, 503, "Stopping", "the server is stopping");
		request_resume(r);
	}
	return ANSWER_LATER;
}
