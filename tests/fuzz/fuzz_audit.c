/* Property: whatever a datagram of netlink holds, its end is reached, and records are lines of auditd. */
#include <stdint.h>

#include "base/assert.h"
#include "collect/auditin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tsn_slice in = tsn_slice_of((const char *)data, size);
	struct tsn_buf out;
	enum tsn_code code;

	tsn_buf_init(&out, 2 * size + 64);
	do {
		size_t before = in.len;

		tsn_buf_reset(&out);
		code = tsn_audit_next(&in, &out);
		TSN_ASSERT(code == TSN_EOF || code == TSN_EPARSE || in.len < before);
		TSN_ASSERT(code != TSN_OK || tsn_slice_starts(tsn_buf_get(&out), TSN_SLICE("type=")));
	} while (code == TSN_OK || code == TSN_EAGAIN);
	tsn_buf_done(&out);
	return 0;
}
