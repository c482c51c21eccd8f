#include "api/body.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/assert.h"

#define RESERVE_STEP (256u << 10)

static void
fail(struct body *b, enum tsn_code code, const char *why)
{
	if (b->failed != TSN_OK)
		return;
	b->failed = code;
	b->why = why;
}

bool
body_reserve(struct body *b, size_t more)
{
	enum tsn_code code = tsn_queue_reserve(b->queue, more);

	if (code != TSN_OK) {
		fail(b, code, "too many requests are under way");
		return false;
	}
	b->reserved += more;
	return true;
}

static void
start_zlib(struct body *b)
{
	z_stream *z = calloc(1, sizeof *z);

	/* 32: gzip or zlib, by the first bytes. */
	if (z == NULL || inflateInit2(z, 15 + 32) != Z_OK) {
		free(z);
		fail(b, TSN_ENOMEM, "out of memory");
		return;
	}
	b->encoding = BODY_ZLIB;
	b->stream = z;
}

static void
start_zstd(struct body *b)
{
	if (tsn_unzstd_init(&b->zstd, 23) != TSN_OK)
		fail(b, TSN_ENOMEM, "out of memory");
	b->encoding = BODY_ZSTD;
}

void
body_init(struct body *b, struct tsn_slice encoding, size_t max, struct tsn_queue *queue)
{
	*b = (struct body){.queue = queue, .max = max};
	tsn_buf_init(&b->bytes, max);
	if (encoding.len == 0 || tsn_slice_eq_nocase(encoding, TSN_SLICE("identity")))
		return;
	if (tsn_slice_eq_nocase(encoding, TSN_SLICE("gzip")) ||
	    tsn_slice_eq_nocase(encoding, TSN_SLICE("x-gzip")) ||
	    tsn_slice_eq_nocase(encoding, TSN_SLICE("deflate")))
		start_zlib(b);
	else if (tsn_slice_eq_nocase(encoding, TSN_SLICE("zstd")))
		start_zstd(b);
	else
		fail(b, TSN_EINVAL, "Content-Encoding: expected gzip, deflate, zstd or identity");
}

void
body_done(struct body *b)
{
	if (b->encoding == BODY_ZLIB && b->stream != NULL)
		(void)inflateEnd(b->stream);
	if (b->encoding == BODY_ZLIB)
		free(b->stream);
	tsn_unzstd_done(&b->zstd);
	b->stream = NULL;
	tsn_buf_done(&b->bytes);
	if (b->reserved > 0)
		tsn_queue_release(b->queue, b->reserved);
	b->reserved = 0;
}

static void
append(struct body *b, const char *data, size_t len)
{
	if (len > b->max - b->bytes.len) {
		fail(b, TSN_ELIMIT, "the body is larger than may be");
		return;
	}
	while (b->failed == TSN_OK && b->bytes.len + len > b->reserved)
		if (!body_reserve(b, RESERVE_STEP))
			return;
	tsn_buf_add(&b->bytes, data, len);
	if (tsn_buf_check(&b->bytes) != TSN_OK)
		fail(b, TSN_ENOMEM, "out of memory");
}

static void
add_zlib(struct body *b, const char *data, size_t len)
{
	z_stream *z = b->stream;
	char out[8192];

	z->next_in = (Bytef *)(uintptr_t)data;
	z->avail_in = (uInt)len;
	z->avail_out = 0;
	while (b->failed == TSN_OK && (z->avail_in > 0 || z->avail_out == 0)) {
		int rc;

		/* Another gzip member may follow. */
		if (b->ended && (z->avail_in == 0 || inflateReset(z) != Z_OK))
			return;
		b->ended = false;
		z->next_out = (Bytef *)out;
		z->avail_out = sizeof out;
		rc = inflate(z, Z_NO_FLUSH);
		append(b, out, sizeof out - z->avail_out);
		b->ended = rc == Z_STREAM_END;
		if (rc == Z_BUF_ERROR)
			return;
		if (rc == Z_MEM_ERROR)
			fail(b, TSN_ENOMEM, "out of memory");
		else if (rc != Z_OK && rc != Z_STREAM_END)
			fail(b, TSN_EPARSE, "the compressed body is damaged");
	}
}

static void
add_zstd(struct body *b, struct tsn_slice in)
{
	while (b->failed == TSN_OK) {
		char bytes[8192];
		size_t made = 0;
		enum tsn_code code = tsn_unzstd_step(&b->zstd, &in, bytes, sizeof bytes, &made);

		if (code == TSN_EAGAIN)
			return;
		if (code != TSN_OK)
			fail(b, TSN_EPARSE, "the compressed body is damaged");
		else
			append(b, bytes, made);
		b->ended = b->zstd.between;
	}
}

void
body_add(struct body *b, const char *data, size_t len)
{
	if (b->failed != TSN_OK || len == 0)
		return;
	if (b->encoding == BODY_ZLIB)
		add_zlib(b, data, len);
	else if (b->encoding == BODY_ZSTD)
		add_zstd(b, tsn_slice_of(data, len));
	else
		append(b, data, len);
}

void
body_finish(struct body *b)
{
	if (b->encoding != BODY_PLAIN && !b->ended)
		fail(b, TSN_EPARSE, "the compressed body ends early");
}
