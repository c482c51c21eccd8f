/*
 * A journal: any bytes behind its head are walked to the end; commits come as rows and ranges or as
 * damage, in order, and what the walk says of the file (good end, torn bytes) lies inside it.
 *
 * Bodies are not compressed (pack_plain); the hashes of frames whose magic stands are put right
 * where the first bit of the frame's number says so, so that both sides of the check are reached.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "store/journal_int.h"
#include "store/pack_int.h"

#define ROWS_MAX 512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walk {
	struct frame_reader reader;
	struct tmpl_table tmpls;
	struct sources sources;
	struct tsn_batch batch;
	uint64_t commits;
};

static struct tsn_keys *keys;

static enum tsn_code
on_commit(void *ctx, const struct frame_head *head, const void *packed, struct tsn_err *err)
{
	struct walk *x = ctx;
	struct tsn_store_range range;
	enum frame_range op;
	const struct row *row;

	x->commits++;
	TSN_TRY(frame_read(&x->reader, head, packed, err));
	for (unsigned i = 0; i < ROWS_MAX && frame_next_row(&x->reader, &row) == TSN_OK; i++) {
		tsn_batch_reset(&x->batch);
		(void)!unshape(row, &x->batch);
	}
	for (unsigned i = 0; i < ROWS_MAX && frame_next_range(&x->reader, &op, &range) == TSN_OK; i++)
		TSN_ASSERT(op < FRAME_RANGE__COUNT);
	return TSN_OK;
}

static void
put_right(unsigned char *file, size_t len)
{
	for (size_t i = 0; i + FRAME_HEAD_BYTES <= len; i++) {
		unsigned char *head = file + i;
		uint32_t packed = bin_load32(head + 12);

		if (memcmp(head, "TSNF", 4) != 0 || (head[24] & 1) == 0)
			continue;
		if (packed <= len - i - FRAME_HEAD_BYTES)
			bin_store64(head + 16, pack_hash(head + FRAME_HEAD_BYTES, packed));
		bin_store64(head + 32, pack_hash(head, 32));
	}
}

static int
file_of(const uint8_t *data, size_t size)
{
	unsigned char *file = calloc(1, JOURNAL_HEAD_BYTES + size);
	int fd = memfd_create("journal", 0);

	TSN_ASSERT(file != NULL && fd >= 0);
	memcpy(file, "TSNJRNL1", 8);
	bin_store64(file + 16, pack_hash(file, 16));
	memcpy(file + JOURNAL_HEAD_BYTES, data, size);
	put_right(file + JOURNAL_HEAD_BYTES, size);
	TSN_ASSERT(write(fd, file, JOURNAL_HEAD_BYTES + size) ==
	    (ssize_t)(JOURNAL_HEAD_BYTES + size));
	free(file);
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct walk *x = calloc(1, sizeof *x);
	struct journal_state state = {0};
	struct tsn_err err = {0};
	int fd;

	if (keys == NULL || tsn_keys_count(keys) > 30000) {
		tsn_keys_free(keys);
		keys = tsn_keys_new();
	}
	TSN_ASSERT(keys != NULL && x != NULL);
	TSN_ASSERT(tmpl_table_init(&x->tmpls, 64 << 20) == TSN_OK);
	TSN_ASSERT(tsn_batch_init(&x->batch, keys, 4) == TSN_OK);
	sources_init(&x->sources);
	x->reader.tmpls = &x->tmpls;
	x->reader.all_sources = &x->sources;
	x->reader.keys = keys;
	pack_plain = true;
	fd = file_of(data, size);
	if (journal_walk(fd, "journal", JOURNAL_HEAD_BYTES + size, on_commit, x, &state, &err) ==
	    TSN_OK) {
		TSN_ASSERT(state.good_end >= JOURNAL_HEAD_BYTES &&
		    state.good_end + state.torn_bytes == JOURNAL_HEAD_BYTES + size);
		TSN_ASSERT(state.commits <= x->commits);
	}
	(void)close(fd);
	frame_reader_done(&x->reader);
	tsn_batch_done(&x->batch);
	sources_done(&x->sources);
	tmpl_table_done(&x->tmpls);
	free(x);
	return 0;
}
