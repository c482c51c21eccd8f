/*
 * Property: any bytes, taken for a chunk of a Windows event log, end; each record that comes out is
 * JSON and an event, whatever is wrong with the bytes.  Nothing is read outside the chunk.
 */
#include "base/assert.h"
#include "codec/evtx.h"
#include "codec/json.h"
#include "parse_kinds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tsn_evtx *e;
	struct tsn_buf out TSN_CLEANUP(tsn_buf_done);
	struct tsn_evtx_record rec;
	char *copy;

	if (e == NULL)
		e = tsn_evtx_new();
	if (size > TSN_EVTX_CHUNK_BYTES)
		size = TSN_EVTX_CHUNK_BYTES;
	copy = malloc(size == 0 ? 1 : size);
	if (e == NULL || copy == NULL)
		return 0;
	memcpy(copy, data, size);
	tsn_buf_init(&out, 4u << 20);
	tsn_evtx_chunk(e, (struct tsn_slice){copy, size});
	while (tsn_evtx_next(e, &rec, &out) == TSN_OK) {
		static const char *const kinds[] = {"windows.eventlog"};

		TSN_ASSERT(tsn_json_check(tsn_buf_get(&out), NULL) == TSN_OK);
		fuzz_parse_kinds(kinds, TSN_COUNT(kinds), (const uint8_t *)out.ptr, out.len);
		tsn_buf_reset(&out);
	}
	free(copy);
	return 0;
}
