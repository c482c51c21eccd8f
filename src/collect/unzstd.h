/*
 * collect/unzstd: zstd frames, one unit of the format at a time.
 *
 * libzstd's stream, given all its input at once, may return an error and none of what it had
 * decompressed before it.  Given no more than the next block, header or checksum, it gives all that
 * stood before the damage, however the input was cut.  Frames of versions before 1.0 are damage.
 */
#ifndef TSN_COLLECT_UNZSTD_H
#define TSN_COLLECT_UNZSTD_H

#include "base/err.h"
#include "base/slice.h"

struct tsn_unzstd {
	void *stream;		/* ZSTD_DStream */
	size_t hint;		/* bytes of the next unit, as libzstd said */
	uint32_t magic;		/* bytes of the frame's first four that were seen */
	bool between;		/* no frame has begun: the end may come here */
	const char *why;	/* of TSN_ECORRUPT */
};

/** Windows up to 2^window_log bytes.  TSN_ENOMEM. */
TSN_MUST_CHECK enum tsn_code tsn_unzstd_init(struct tsn_unzstd *u, int window_log);
/** Accepts a zeroed one. */
void tsn_unzstd_done(struct tsn_unzstd *u);
/**
 * Takes some of *in and gives some bytes, perhaps none.  TSN_OK when something has happened,
 * TSN_EAGAIN when more input is needed for anything to, TSN_ECORRUPT.  cap > 0.
 */
TSN_MUST_CHECK enum tsn_code tsn_unzstd_step(struct tsn_unzstd *u, struct tsn_slice *in, char *out,
    size_t cap, size_t *ret_len);

#endif
