/*
 * Windows event log files as a source of records: the bytes come in any cuts, each chunk of 64 KiB
 * is taken whole (the last one of a cut file as far as it is there), its records come out as JSON.
 * The offset of a record is that of its binary form in the file, its line its number in the file.
 */
#include <stdlib.h>

#include "codec/evtx.h"
#include "parse/frame_int.h"

#define TEXT_MAX ((size_t)TSN_RECORD_BYTES_MAX + 4096)

struct tsn_frame_evtx {
	struct tsn_evtx *decoder;
	struct tsn_buf text;
	uint64_t base;			/* of the block in the file */
	uint64_t base_line;		/* records before it, and 1 */
	uint64_t line;
	size_t have, want;		/* bytes of the block */
	bool decoding;
	bool header;			/* the block is the file's header */
	char block[TSN_EVTX_CHUNK_BYTES];
};

struct tsn_frame_evtx *
tsn_frame_evtx_new(uint64_t offset, uint64_t line)
{
	struct tsn_frame_evtx *x = calloc(1, sizeof *x);

	if (x == NULL)
		return NULL;
	x->decoder = tsn_evtx_new();
	if (x->decoder == NULL) {
		free(x);
		return NULL;
	}
	tsn_buf_init(&x->text, TEXT_MAX);
	x->base = offset;
	x->base_line = x->line = line;
	x->header = offset < TSN_EVTX_HEADER_BYTES;
	x->want = x->header ? TSN_EVTX_HEADER_BYTES - (size_t)offset : TSN_EVTX_CHUNK_BYTES;
	return x;
}

void
tsn_frame_evtx_free(struct tsn_frame_evtx *x)
{
	if (x == NULL)
		return;
	tsn_evtx_free(x->decoder);
	tsn_buf_done(&x->text);
	free(x);
}

uint64_t
tsn_frame_evtx_position(const struct tsn_frame_evtx *x, uint64_t *ret_line)
{
	*ret_line = x->base_line;
	return x->base;
}

static void
next_block(struct tsn_frame_evtx *x)
{
	x->base += x->have;
	x->base_line = x->line;
	x->have = 0;
	x->want = TSN_EVTX_CHUNK_BYTES;
	x->header = x->decoding = false;
}

static enum tsn_code
next_record(struct tsn_frame_evtx *x, struct tsn_frame *ret)
{
	struct tsn_evtx_record rec;

	tsn_buf_reset(&x->text);
	TSN_TRY(tsn_evtx_next(x->decoder, &rec, &x->text));
	*ret = (struct tsn_frame){.bytes = tsn_buf_get(&x->text), .offset = x->base + rec.offset,
	    .line = x->line++};
	if (ret->bytes.len > TSN_RECORD_BYTES_MAX) {
		ret->bytes.len = TSN_RECORD_BYTES_MAX;
		ret->truncated = true;
	}
	return TSN_OK;
}

enum tsn_code
tsn_frame_evtx_next(struct tsn_frame_evtx *x, struct tsn_slice *in, bool end,
    struct tsn_frame *ret)
{
	for (;;) {
		size_t n = x->want - x->have;
		enum tsn_code code;

		if (x->decoding) {
			code = next_record(x, ret);
			if (code != TSN_EOF)
				return code;
			next_block(x);
			continue;
		}
		if (n > in->len)
			n = in->len;
		if (n > 0)
			memcpy(x->block + x->have, in->ptr, n);
		x->have += n;
		*in = tsn_slice_from(*in, n);
		if (x->have < x->want && !(end && x->have > 0))
			return TSN_EAGAIN;
		if (x->header) {
			next_block(x);
			continue;
		}
		tsn_evtx_chunk(x->decoder, (struct tsn_slice){x->block, x->have});
		x->decoding = true;
	}
}
