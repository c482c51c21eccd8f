/*
 * codec/snappy: Snappy's block format (format_description.txt), reading and writing.
 *
 * A block says its length first: a caller decides about memory before anything is decoded.  Every
 * copy is checked against what is there already; cost is proportional to the bytes that come out.
 */
#ifndef TSN_CODEC_SNAPPY_H
#define TSN_CODEC_SNAPPY_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/** How many bytes the block becomes; TSN_EPARSE: it does not begin with a length. */
TSN_MUST_CHECK enum tsn_code tsn_snappy_length(struct tsn_slice block, uint32_t *ret_len);
/**
 * Writes exactly the bytes tsn_snappy_length() told; out has room for them.  TSN_EPARSE: the block
 * is damaged, or becomes another number of bytes.
 */
TSN_MUST_CHECK enum tsn_code tsn_snappy_decode(struct tsn_slice block, char *out);
/** Appends a block; failures stick in out. */
void tsn_snappy_encode(struct tsn_slice in, struct tsn_buf *out);
/** Appends the framing of snappy-java's SnappyOutputStream, which Hadoop's tools read. */
void tsn_snappy_encode_stream(struct tsn_slice in, struct tsn_buf *out);

#endif
