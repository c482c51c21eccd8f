/*
 * Property: whatever the bytes of a syslog connection, every cut of them gives the same messages, and
 * no message is longer than the limit.
 */
#include <stdint.h>

#include "base/assert.h"
#include "base/hash.h"
#include "collect/netframe.h"

#define MAX 64u

struct result {
	uint64_t count, hash, bad, skipped;
};

static struct result
run(struct tsn_slice in, size_t step)
{
	struct result r = {0};
	struct tsn_netframe f;
	struct tsn_netframe_message m;

	tsn_netframe_init(&f, TSN_NETFRAME_DETECT, MAX);
	while (in.len > 0) {
		size_t n = in.len < step ? in.len : step;

		tsn_netframe_feed(&f, tsn_slice_of(in.ptr, n));
		in = tsn_slice_from(in, n);
		if (in.len == 0)
			tsn_netframe_end(&f);
		while (tsn_netframe_next(&f, &m) == TSN_OK) {
			TSN_ASSERT(m.bytes.len > 0 && m.bytes.len <= MAX);
			r.count++;
			r.hash = tsn_hash_slice(m.bytes, r.hash + m.truncated);
		}
	}
	r.bad = f.bad;
	r.skipped = f.skipped_bytes;
	tsn_netframe_done(&f);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = {1, 2, 3, 7, 61};
	struct tsn_slice in = tsn_slice_of((const char *)data, size);
	struct result whole = run(in, SIZE_MAX);

	for (size_t i = 0; i < TSN_COUNT(steps); i++) {
		struct result cut = run(in, steps[i]);

		TSN_ASSERT(cut.count == whole.count && cut.hash == whole.hash);
		TSN_ASSERT(cut.bad == whole.bad && cut.skipped == whole.skipped);
	}
	return 0;
}
