/*
 * Properties, for any bytes as a snappy block: decoding fills exactly the bytes that the block tells,
 * or fails; it reads nothing behind the block and writes nothing behind its output.  What comes out
 * is walked as protobuf, and each field lies within its message.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "codec/proto.h"
#include "codec/snappy.h"

#define OUT_MAX (1u << 20)
#define DEPTH_MAX 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
walk(struct tsn_slice message, unsigned depth)
{
	const char *begin = message.ptr, *end = message.ptr + message.len;
	bool whole = tsn_proto_check(message);
	struct tsn_proto_field f;
	enum tsn_code code;

	while ((code = tsn_proto_next(&message, &f)) == TSN_OK) {
		TSN_ASSERT(message.ptr > begin && message.ptr + message.len == end);
		if (f.wire != TSN_PROTO_BYTES)
			continue;
		TSN_ASSERT(f.bytes.ptr > begin && f.bytes.ptr + f.bytes.len <= message.ptr);
		if (depth < DEPTH_MAX)
			walk(f.bytes, depth + 1);
	}
	TSN_ASSERT(whole == (code == TSN_ENOTFOUND));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size == 0 ? 1 : size), *out;
	struct tsn_slice block = tsn_slice_of(copy, size);
	uint32_t len;

	TSN_ASSERT(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	walk(block, 0);
	if (tsn_snappy_length(block, &len) == TSN_OK && len <= OUT_MAX) {
		out = malloc(len == 0 ? 1 : len);
		TSN_ASSERT(out != NULL);
		memset(out, 0, len == 0 ? 1 : len);
		if (tsn_snappy_decode(block, out) == TSN_OK)
			walk(tsn_slice_of(out, len), 0);
		free(out);
	}
	free(copy);
	return 0;
}
