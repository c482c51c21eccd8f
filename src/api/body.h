/*
 * api/body: the body of a request, decompressed as it comes.
 *
 * Bounded twice: the bytes that arrive and the bytes they become (gzip, deflate, zstd), so a
 * compressed bomb ends when its output reaches the limit.  Memory is reserved from the queue's
 * budget as it grows: many large requests at once are told to come again.
 */
#ifndef TSN_API_BODY_H
#define TSN_API_BODY_H

#include "base/buf.h"
#include "base/slice.h"
#include "collect/queue.h"
#include "collect/unzstd.h"

struct body {
	struct tsn_buf bytes;
	struct tsn_queue *queue;
	size_t reserved;
	size_t max;
	enum {
		BODY_PLAIN,
		BODY_ZLIB,
		BODY_ZSTD,
	} encoding;
	void *stream;			/* z_stream */
	struct tsn_unzstd zstd;
	bool ended;			/* the compressed data is complete */
	enum tsn_code failed;		/* TSN_ELIMIT, TSN_EAGAIN, TSN_EPARSE, TSN_ENOMEM, TSN_EINVAL */
	const char *why;
};

/** encoding: the Content-Encoding header, may be empty. max > 0. */
void body_init(struct body *b, struct tsn_slice encoding, size_t max, struct tsn_queue *queue);
void body_add(struct body *b, const char *data, size_t len);
/** After the last byte: is it whole? */
void body_finish(struct body *b);
void body_done(struct body *b);
/** Reserves more, for what is made of the body. */
bool body_reserve(struct body *b, size_t more);

#endif
