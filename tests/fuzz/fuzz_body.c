/*
 * Property: whatever the bytes and the encoding of a request's body (first byte), every cut of them
 * gives the same body or the same failure, never more than the limit, and the budget is given back.
 */
#include <stdint.h>

#include "api/body.h"
#include "base/assert.h"
#include "base/hash.h"

#define MAX 65536u

static struct tsn_queue queue;

static uint64_t
run(struct tsn_slice encoding, struct tsn_slice in, size_t step, enum tsn_code *ret_code)
{
	struct body b;
	uint64_t hash;

	body_init(&b, encoding, MAX, &queue);
	while (in.len > 0) {
		size_t n = in.len < step ? in.len : step;

		body_add(&b, in.ptr, n);
		in = tsn_slice_from(in, n);
	}
	body_finish(&b);
	TSN_ASSERT(b.bytes.len <= MAX);
	*ret_code = b.failed;
	hash = b.failed == TSN_OK ? tsn_hash_slice(tsn_buf_get(&b.bytes), 1) : 0;
	body_done(&b);
	TSN_ASSERT(queue.bytes == 0);
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const encodings[] = {"", "gzip", "deflate", "zstd", "br"};
	static const size_t steps[] = {1, 5, 100};
	struct tsn_slice in = tsn_slice_of((const char *)data, size), encoding;
	enum tsn_code whole, cut;
	uint64_t hash;

	if (queue.bytes_max == 0 && tsn_queue_init(&queue, 8u << 20, 1, NULL) != TSN_OK)
		return 0;
	if (size == 0)
		return 0;
	encoding = tsn_slice_cstr(encodings[(unsigned char)in.ptr[0] % TSN_COUNT(encodings)]);
	in = tsn_slice_from(in, 1);
	hash = run(encoding, in, SIZE_MAX, &whole);
	for (size_t i = 0; i < TSN_COUNT(steps); i++) {
		TSN_ASSERT(run(encoding, in, steps[i], &cut) == hash);
		TSN_ASSERT(cut == whole);
	}
	return 0;
}
