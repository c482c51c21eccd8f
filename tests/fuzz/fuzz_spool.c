/*
 * Property: whatever stands in a spool's file, it opens, what is taken ends, and a block that is put
 * behind it is the last that is taken.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "collect/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
take_all(struct tsn_spool *s, struct tsn_buf *b, uint32_t blocks_max)
{
	enum tsn_code code;

	do {
		code = tsn_spool_take(s, b, NULL);
		TSN_ASSERT(code == TSN_OK || code == TSN_ECORRUPT || code == TSN_EAGAIN);
		TSN_ASSERT(blocks_max-- > 0);
	} while (code == TSN_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/tocsin-fuzz-XXXXXX";
	struct tsn_spool_mark from = {0};
	struct tsn_spool *s;
	struct tsn_buf b;
	int fd = mkstemp(path);

	TSN_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)close(fd);
	if (size >= 16) {
		from.generation = data[8];
		from.offset = data[size - 1];
	}
	tsn_buf_init(&b, TSN_SPOOL_BLOCK_MAX);
	TSN_ASSERT(tsn_spool_open(path, 1u << 20, &from, &s, NULL) == TSN_OK);
	take_all(s, &b, (uint32_t)size + 2);
	from = tsn_spool_mark(s);
	tsn_spool_done(s, &from);
	TSN_ASSERT(tsn_spool_put(s, TSN_SLICE("the last"), NULL) == TSN_OK);
	TSN_ASSERT(tsn_spool_take(s, &b, NULL) == TSN_OK && b.len == 8);
	TSN_ASSERT(tsn_spool_empty(s));
	tsn_spool_close(s);
	tsn_buf_done(&b);
	(void)unlink(path);
	return 0;
}
