/*
 * Properties, for any bytes: read as protobuf, and as JSON where they are that, an OTLP value and a
 * list of attributes are damaged or become JSON that is whole; nothing is read beyond the message.
 */
#include <stdlib.h>

#include "api/otlp_value.h"
#include "base/assert.h"

#define BYTES_MAX (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct otlp_member schema[] = {OTLP_ATTRIBUTES(6), {0}};

static void
check(bool json, struct tsn_slice message)
{
	struct tsn_arena arena TSN_CLEANUP(tsn_arena_done) = {0};
	struct tsn_buf out TSN_CLEANUP(tsn_buf_done) = {0};
	struct tsn_slice text = TSN_SLICE_NONE;
	struct otlp_view v;

	tsn_arena_init(&arena, BYTES_MAX);
	tsn_buf_init(&out, BYTES_MAX);
	otlp_view(&v, json, schema, message, &arena);
	if (otlp_write_attributes(&v, 6, &out) && tsn_buf_check(&out) == TSN_OK)
		TSN_ASSERT(tsn_json_check(tsn_buf_get(&out), NULL) == TSN_OK);
	tsn_buf_reset(&out);
	if (otlp_write_any(&v, message, &out, &text) && out.len > 0 && tsn_buf_check(&out) == TSN_OK)
		TSN_ASSERT(tsn_json_check(tsn_buf_get(&out), NULL) == TSN_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy without slack, so that a sanitizer sees any read behind the end. */
	char *copy = malloc(size == 0 ? 1 : size);
	struct tsn_slice message = tsn_slice_of(copy, size);

	TSN_ASSERT(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	check(false, message);
	if (tsn_json_check(message, NULL) == TSN_OK)
		check(true, tsn_slice_trim(message));
	free(copy);
	return 0;
}
