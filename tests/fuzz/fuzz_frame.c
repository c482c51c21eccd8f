/*
 * Property: whatever the bytes, the framer yields the same records for every cut of them and from
 * every record on; offsets rise, positions never go back, and nothing fed is left at the end.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"
#include "parse/frame.h"

#define RECORDS_MAX 4096u

struct seen {
	uint64_t offset, line, hash;
	bool truncated;
};

struct run {
	struct seen rec[RECORDS_MAX];
	size_t count;
	uint64_t position;
};

static uint64_t
hash(struct tsn_slice s)
{
	uint64_t h = 1469598103934665603u + s.len;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211u;
	return h;
}

static void
drain(struct tsn_framer *f, struct run *r)
{
	struct tsn_frame fr;

	while (tsn_framer_next(f, &fr) == TSN_OK) {
		TSN_ASSERT(r->count == 0 || fr.offset > r->rec[r->count - 1].offset);
		TSN_ASSERT(tsn_framer_position(f) >= fr.offset + fr.bytes.len || fr.bytes.len > 0);
		TSN_ASSERT(fr.bytes.len <= TSN_RECORD_BYTES_MAX);
		if (r->count < RECORDS_MAX)
			r->rec[r->count++] = (struct seen){fr.offset, fr.line, hash(fr.bytes), fr.truncated};
	}
}

static void
run(struct run *r, const struct tsn_frame_start *start, const char *p, size_t len, size_t cut)
{
	struct tsn_framer *f = tsn_framer_new(start);
	char *piece;

	if (f == NULL)
		abort();
	r->count = 0;
	for (size_t at = 0; at < len;) {
		size_t n = cut == 0 ? 1 + (at * 2654435761u >> 16) % 61 : cut;

		if (n > len - at)
			n = len - at;
		piece = malloc(n);
		if (piece == NULL)
			abort();
		memcpy(piece, p + at, n);
		tsn_framer_feed(f, tsn_slice_of(piece, n));
		drain(f, r);
		free(piece);
		at += n;
	}
	tsn_framer_flush(f, TSN_FRAME_END);
	drain(f, r);
	TSN_ASSERT(tsn_framer_pending(f) == 0);
	r->position = tsn_framer_position(f);
	tsn_framer_free(f);
}

static void
same(const struct run *a, size_t skip, const struct run *b)
{
	TSN_ASSERT(a->count == RECORDS_MAX || a->count == b->count + skip);
	TSN_ASSERT(a->position == b->position);
	for (size_t i = 0; i + skip < a->count; i++) {
		TSN_ASSERT(a->rec[i + skip].offset == b->rec[i].offset);
		TSN_ASSERT(a->rec[i + skip].line == b->rec[i].line);
		TSN_ASSERT(a->rec[i + skip].hash == b->rec[i].hash);
		TSN_ASSERT(a->rec[i + skip].truncated == b->rec[i].truncated);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run whole, cut;
	const char *p = (const char *)data + 1;
	struct tsn_frame_start start = {0};
	size_t at;

	if (size < 2)
		return 0;
	size--;
	start.mode = (enum tsn_frame_mode)(data[0] % 3);
	run(&whole, &start, p, size, size);
	run(&cut, &start, p, size, 1);
	same(&whole, 0, &cut);
	run(&cut, &start, p, size, 0);
	same(&whole, 0, &cut);
	if (whole.count == 0 || whole.count == RECORDS_MAX)
		return 0;
	at = data[0] / 3 % whole.count;
	start.offset = whole.rec[at].offset;
	start.line = whole.rec[at].line;
	start.head = tsn_slice_of(p, size < 4 ? size : 4);
	run(&cut, &start, p + start.offset, size - (size_t)start.offset, 7);
	same(&whole, at, &cut);
	return 0;
}
