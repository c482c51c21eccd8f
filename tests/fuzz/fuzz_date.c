/*
 * Property: each reader of dates takes a prefix of the text and no more, gives the same answer with
 * a warm cache as with a cold one, and a date without year is never more than a day ahead.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/compiler.h"
#include "parse/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
epoch(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret)
{
	(void)ctx;
	return tsn_date_epoch(s, ret);
}

typedef size_t (*reader)(struct tsn_date_ctx *, struct tsn_slice, struct tsn_date *);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const reader readers[] = {tsn_date_bsd, tsn_date_iso, tsn_date_clf, tsn_date_asctime,
	    tsn_date_dmy, tsn_date_mysql, epoch, tsn_date_any};
	static struct tsn_date_ctx warm;
	int64_t received = INT64_C(1767225600) * TSN_NS_PER_SEC;
	struct tsn_slice s;

	if (size < 2)
		return 0;
	received += (int64_t)data[0] * 11 * TSN_NS_PER_DAY;
	warm.received_ns = received;
	warm.tz_offset_sec = ((int32_t)data[1] - 128) * 600;
	s = tsn_slice_of((const char *)data + 2, size - 2);
	for (size_t i = 0; i < TSN_COUNT(readers); i++) {
		struct tsn_date_ctx cold = {.received_ns = received,
		    .tz_offset_sec = warm.tz_offset_sec};
		struct tsn_date a = {0}, b = {0};
		size_t n = readers[i](&cold, s, &a), m = readers[i](&warm, s, &b);

		TSN_ASSERT(n == m);
		TSN_ASSERT(n <= s.len);
		TSN_ASSERT(n == 0 || (a.ns == b.ns && a.zoned == b.zoned));
	}
	return 0;
}
