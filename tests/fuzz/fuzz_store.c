/*
 * The decoders of the store behind their checksums: whatever the bytes, reading ends with an answer
 * or TSN_ECORRUPT, within bounds, and rows that come out can be rebuilt or refused.
 *
 * The first byte says which: a commit, the values of a column, a list of texts, the directory of a
 * segment.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "store/frame_int.h"
#include "store/ints_int.h"
#include "store/seg_int.h"

#define ROWS_MAX 512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tsn_keys *keys;
static struct packer *packer;

static void
fuzz_commit(struct tsn_slice body)
{
	struct frame_reader *r = calloc(1, sizeof *r);
	struct tmpl_table tmpls;
	struct sources sources;
	struct tsn_batch batch;
	struct tsn_buf packed;
	struct pack p;
	const struct row *row;
	struct tsn_store_range range;
	enum frame_range op;

	TSN_ASSERT(r != NULL && tmpl_table_init(&tmpls, 64 << 20) == TSN_OK);
	TSN_ASSERT(tsn_batch_init(&batch, keys, 16) == TSN_OK);
	sources_init(&sources);
	tsn_buf_init(&packed, 64 << 20);
	r->tmpls = &tmpls;
	r->all_sources = &sources;
	r->keys = keys;
	TSN_ASSERT(pack(packer, body, &packed, &p) == TSN_OK);
	if (frame_read(r, &(struct frame_head){p.raw_len, p.packed_len, p.hash, 1}, packed.ptr,
	    NULL) == TSN_OK) {
		for (unsigned i = 0; i < ROWS_MAX && frame_next_row(r, &row) == TSN_OK; i++) {
			if (tsn_batch_full(&batch))
				tsn_batch_reset(&batch);
			if (unshape(row, &batch) == TSN_OK)
				TSN_ASSERT(batch.count > 0);
		}
		for (unsigned i = 0; i < ROWS_MAX &&
		    frame_next_range(r, &op, &range) == TSN_OK; i++)
			TSN_ASSERT(op < FRAME_RANGE__COUNT);
	}
	frame_reader_done(r);
	free(r);
	tsn_buf_done(&packed);
	tsn_batch_done(&batch);
	sources_done(&sources);
	tmpl_table_done(&tmpls);
}

static void
fuzz_values(struct tsn_slice bytes)
{
	struct bin r = bin_of(bytes.ptr, bytes.len);
	uint32_t n = bin_u8(&r) * 4u;
	struct strings shared = {0};
	struct values v;
	char text[24];

	if (strings_decode(&r, &shared) == TSN_OK) {
		if (values_decode(&r, n, &shared, &v) == TSN_OK) {
			for (uint32_t i = 0; i < v.n && v.form != COLUMN_NUM; i++)
				TSN_ASSERT(values_text(&v, i, text).len == values_len(&v, i));
			values_done(&v);
		}
		strings_done(&shared);
	}
}

static void
fuzz_strings(struct tsn_slice bytes)
{
	struct bin r = bin_of(bytes.ptr, bytes.len);
	struct strings s;
	size_t total = 0;

	if (strings_decode(&r, &s) != TSN_OK)
		return;
	for (uint32_t i = 0; i < s.count; i++) {
		struct tsn_slice x = strings_get(&s, i);

		for (size_t k = 0; k < x.len; k += 64)
			total += (unsigned char)x.ptr[k];
	}
	TSN_ASSERT(total <= (size_t)255 * (s.count + bytes.len));
	strings_done(&s);
}

static void
fuzz_directory(struct tsn_slice body)
{
	unsigned char head[SEG_HEAD_BYTES], tail[SEG_TAIL_BYTES] = {0};
	struct sources sources;
	struct tsn_buf file;
	struct pack p;
	struct seg s;
	char path[64];
	int fd = memfd_create("segment", 0);

	TSN_ASSERT(fd >= 0);
	tsn_buf_init(&file, 64 << 20);
	sources_init(&sources);
	memcpy(head, SEG_HEAD_MAGIC, 8);
	bin_store32(head + 8, 0);
	bin_store32(head + 12, 0);
	bin_store64(head + 16, pack_hash(head, 16));
	tsn_buf_add(&file, head, sizeof head);
	TSN_ASSERT(pack(packer, body, &file, &p) == TSN_OK);
	bin_store64(tail, sizeof head);
	bin_store32(tail + 8, p.packed_len);
	bin_store32(tail + 12, p.raw_len);
	bin_store64(tail + 16, p.hash);
	bin_store64(tail + 24, sizeof head + p.packed_len + sizeof tail);
	bin_store64(tail + 32, pack_hash(tail, 32));
	memcpy(tail + 40, SEG_TAIL_MAGIC, 8);
	tsn_buf_add(&file, tail, sizeof tail);
	TSN_ASSERT(write(fd, file.ptr, file.len) == (ssize_t)file.len);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (seg_open(&s, path, NULL) == TSN_OK) {
		if (seg_load(&s, keys, &sources, NULL) == TSN_OK)
			(void)!seg_verify(&s, NULL);
		seg_close(&s);
	}
	(void)close(fd);
	tsn_buf_done(&file);
	sources_done(&sources);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tsn_slice rest = {(const char *)data + 1, size - 1};

	if (size == 0)
		return 0;
	/* A table of names is never emptied: a fresh one now and then. */
	if (keys == NULL || tsn_keys_count(keys) > 30000) {
		tsn_keys_free(keys);
		keys = tsn_keys_new();
	}
	if (packer == NULL)
		packer = packer_new(1);
	TSN_ASSERT(keys != NULL && packer != NULL);
	switch (data[0] & 3) {
	case 0:
		fuzz_commit(rest);
		break;
	case 1:
		fuzz_values(rest);
		break;
	case 2:
		fuzz_strings(rest);
		break;
	default:
		fuzz_directory(rest);
		break;
	}
	return 0;
}
