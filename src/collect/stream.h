/*
 * collect/stream: the bytes of one file as they were before somebody compressed it.
 *
 * gzip (also concatenated members), zstd (also several frames) and xz are recognised by their
 * first bytes, never by the name; everything else is delivered as it is.  Memory is bounded: a
 * zstd window above 128 MiB and xz settings above 96 MiB are refused with a message.
 *
 * Damage is not the end of what came before it: tsn_stream_read() delivers every byte that could be
 * restored and only then returns TSN_ECORRUPT with what is wrong.
 *
 * Owner: the caller of tsn_stream_open().  One thread at a time.
 */
#ifndef TSN_COLLECT_STREAM_H
#define TSN_COLLECT_STREAM_H

#include "os/file.h"

enum tsn_stream_format {
	TSN_STREAM_PLAIN,
	TSN_STREAM_GZIP,
	TSN_STREAM_ZSTD,
	TSN_STREAM_XZ,
};

struct tsn_stream;

/** "-" is standard input.  A folder is TSN_EINVAL; else as tsn_file_open. */
TSN_MUST_CHECK enum tsn_code tsn_stream_open(const struct tsn_file_ops *ops, const char *path,
    struct tsn_stream **ret_stream, struct tsn_err *err);
void tsn_stream_close(struct tsn_stream *s);
/**
 * Up to cap (> 0) bytes; TSN_EOF at the end; TSN_ECORRUPT where the compressed data is damaged or
 * ends early (*err says which and where); TSN_EIO.  After any of them the stream only closes.
 */
TSN_MUST_CHECK enum tsn_code tsn_stream_read(struct tsn_stream *s, void *buf, size_t cap,
    size_t *ret_len, struct tsn_err *err);
enum tsn_stream_format tsn_stream_format(const struct tsn_stream *s);
/** Bytes taken from the file so far (compressed), for progress. */
uint64_t tsn_stream_consumed(const struct tsn_stream *s);
/** Size of the file, 0 for a pipe. */
uint64_t tsn_stream_size(const struct tsn_stream *s);

#endif
