/*
 * A whole segment file: whatever its bytes, opening, checking, scanning, searching with a hint and
 * counting end with an answer or a named damage, within bounds and in bounded memory.
 *
 * Compression and hashes are off (pack_plain), and those of head and tail are put right, so that a
 * changed byte is read by the decoder it belongs to.  The seeds are real segments, written the same
 * way by store_seeds.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "store/reader_int.h"

#define ROWS_MAX 20000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct tsn_keys *keys;
	struct tsn_arena arena;
	const struct tsn_pred *preds[7];
	tsn_key by[2];
	uint32_t rows;
};

static struct world w;

static const struct tsn_pred *
atom(enum tsn_atom_op op, struct tsn_slice field, struct tsn_slice value)
{
	return tsn_pred_atom(&w.arena, &(struct tsn_atom){.op = op, .field = field, .value = value,
	    .number = 22});
}

static void
make_world(void)
{
	const struct tsn_pred *kids[2];

	tsn_keys_free(w.keys);
	tsn_arena_done(&w.arena);
	tsn_arena_init(&w.arena, 1u << 20);
	w.keys = tsn_keys_new();
	TSN_ASSERT(w.keys != NULL);
	w.preds[0] = NULL;
	w.preds[1] = atom(TSN_ATOM_EQ, TSN_SLICE("user.name"), TSN_SLICE("root"));
	w.preds[2] = atom(TSN_ATOM_WORD, TSN_SLICE_NONE, TSN_SLICE("failed"));
	w.preds[3] = atom(TSN_ATOM_CIDR, TSN_SLICE("source.ip"), TSN_SLICE("10.0.0.0/8"));
	w.preds[4] = atom(TSN_ATOM_GE, TSN_SLICE("source.port"), TSN_SLICE("22"));
	kids[0] = atom(TSN_ATOM_EXISTS, TSN_SLICE("process.name"), TSN_SLICE_NONE);
	kids[1] = tsn_pred_not(&w.arena, w.preds[1]);
	w.preds[5] = tsn_pred_group(&w.arena, TSN_PRED_AND, kids, 2);
	w.preds[6] = atom(TSN_ATOM_CONTAINS, TSN_SLICE("message"), TSN_SLICE("a"));
	for (unsigned i = 1; i < TSN_COUNT(w.preds); i++)
		TSN_ASSERT(w.preds[i] != NULL);
	w.by[0] = TSN_F_USER_NAME;
	w.by[1] = TSN_F_SOURCE_IP;
}

/* Reads what it is given: a slice that points astray is found by the sanitizer. */
static enum tsn_code
on_rows(void *ctx, const struct tsn_batch *rows, struct tsn_err *err)
{
	unsigned sum = 0;

	(void)ctx;
	(void)err;
	for (uint32_t i = 0; i < rows->count; i++) {
		const struct tsn_event *ev = &rows->events[i];

		for (size_t k = 0; k < ev->original.len; k++)
			sum += (unsigned char)ev->original.ptr[k];
		TSN_ASSERT(ev->source != NULL);
	}
	w.rows += rows->count;
	return w.rows > ROWS_MAX || sum == UINT32_MAX ? TSN_EOF : TSN_OK;
}

static enum tsn_code
on_tally(void *ctx, const struct tsn_batch *rows, const uint64_t *counts, struct tsn_err *err)
{
	(void)ctx;
	(void)err;
	for (uint32_t i = 0; i < rows->count; i++)
		TSN_ASSERT(counts[i] > 0);
	return TSN_OK;
}

static void
scan(struct tsn_store_reader *r, unsigned which)
{
	struct tsn_store_scan s = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .rows = on_rows,
	    .hint = w.preds[which], .newest_first = which % 2 == 1};
	struct tsn_err err = {0};

	if (which >= 3) {
		s.tally = on_tally;
		s.fields = s.tally_fields = w.by;
		s.field_count = s.tally_field_count = TSN_COUNT(w.by);
		s.tally_span_ns = which == 4 ? 3600 * TSN_NS_PER_SEC : 0;
	}
	w.rows = 0;
	if (tsn_store_scan(r, &s, &err) != TSN_OK)
		TSN_ASSERT(err.msg[0] != '\0');
}

static void
put_right(char *file, size_t len)
{
	char *tail = file + len - SEG_TAIL_BYTES;

	memcpy(file, SEG_HEAD_MAGIC, 7);
	bin_store64(file + 16, pack_hash(file, 16));
	bin_store64(tail + 24, len);
	bin_store64(tail + 32, pack_hash(tail, 32));
	memcpy(tail + 40, SEG_TAIL_MAGIC, 7);
}

static int
file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("segment", 0);
	char *copy = malloc(size);

	TSN_ASSERT(fd >= 0 && copy != NULL);
	memcpy(copy, data, size);
	put_right(copy, size);
	TSN_ASSERT(write(fd, copy, size) == (ssize_t)size);
	free(copy);
	return fd;
}

static void
read_all(const char *path)
{
	struct manifest_seg named = {.number = 1, .time_min = INT64_MIN, .time_max = INT64_MAX};
	struct tsn_store_reader r = {.keys = w.keys};
	struct tsn_err err = {0};

	r.segs = calloc(1, sizeof *r.segs);
	TSN_ASSERT(r.segs != NULL && manifest_add(&r.manifest, &named) == TSN_OK);
	sources_init(&r.sources);
	rowlog_init(&r.mem, 1);
	if (seg_open(&r.segs[0], path, &err) == TSN_OK) {
		for (unsigned i = 0; i < TSN_COUNT(w.preds); i++)
			scan(&r, i);
		/* A scan closes what it found damaged. */
		if (r.segs[0].file.ptr != NULL &&
		    seg_load(&r.segs[0], w.keys, &r.sources, &err) == TSN_OK)
			(void)!seg_verify(&r.segs[0], &err);
		seg_close(&r.segs[0]);
	} else {
		TSN_ASSERT(err.msg[0] != '\0');
	}
	free(r.segs);
	manifest_done(&r.manifest);
	sources_done(&r.sources);
	rowlog_done(&r.mem);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	int fd;

	if (size < SEG_HEAD_BYTES + SEG_TAIL_BYTES)
		return 0;
	/* A table of names is never emptied: a fresh one now and then. */
	if (w.keys == NULL || tsn_keys_count(w.keys) > 20000)
		make_world();
	pack_plain = true;
	fd = file_of(data, size);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	read_all(path);
	(void)close(fd);
	return 0;
}
