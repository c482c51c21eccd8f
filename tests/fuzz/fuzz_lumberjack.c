/*
 * Property: whatever the bytes of a Beats connection, every cut of them gives the same events and the
 * same end, no event is longer than its limit allows, and what pairs become is JSON of one object.
 */
#include <stdint.h>

#include "base/assert.h"
#include "base/hash.h"
#include "collect/lumberjack.h"

#define MAX 64u
/* Twelve times what a text may have, and a little: pairs whose every byte is escaped. */
#define JSON_MAX (MAX + 12 * MAX + 64)

struct result {
	uint64_t count, hash;
	enum tsn_code end;
	bool between;
};

static struct result
run(struct tsn_slice in, size_t step)
{
	struct result r = {0};
	struct tsn_lumberjack *l = tsn_lumberjack_new(MAX);
	struct tsn_lumberjack_event e;

	TSN_ASSERT(l != NULL);
	r.end = TSN_EAGAIN;
	while (in.len > 0 && r.end == TSN_EAGAIN) {
		size_t n = in.len < step ? in.len : step;

		tsn_lumberjack_feed(l, tsn_slice_of(in.ptr, n));
		in = tsn_slice_from(in, n);
		while ((r.end = tsn_lumberjack_next(l, &e, NULL)) == TSN_OK) {
			TSN_ASSERT(e.json.len <= JSON_MAX);
			r.count++;
			r.hash = tsn_hash_slice(e.json, r.hash + e.seq + e.truncated + 2 * (uint64_t)e.last);
		}
	}
	r.between = r.end == TSN_EAGAIN && tsn_lumberjack_between(l);
	TSN_ASSERT(tsn_lumberjack_held(l) < (1u << 20));
	tsn_lumberjack_free(l);
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
		TSN_ASSERT(cut.end == whole.end && cut.between == whole.between);
	}
	return 0;
}
