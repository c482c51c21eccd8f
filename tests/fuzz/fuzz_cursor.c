/* Property: an entry's cursor that is taken, written and read again is the same. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "collect/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tsn_slice in = tsn_slice_of((const char *)data, size);
	struct tsn_cursor a, b;
	char text[TSN_CURSOR_TEXT_MAX];

	if (tsn_cursor_of_entry(in, &a) != TSN_OK && tsn_cursor_parse(in, &a) != TSN_OK)
		return 0;
	TSN_ASSERT(tsn_cursor_parse(tsn_cursor_format(&a, text), &b) == TSN_OK);
	TSN_ASSERT(memcmp(&a, &b, sizeof a) == 0);
	return 0;
}
