/*
 * Properties, for any bytes:
 * - what the token stream accepts, written again, is accepted and written the same;
 * - the flattener accepts exactly the objects that the token stream accepts;
 * - a document that was flattened and written is a fixed point of both from the second time on;
 * - the end of a value is found at the same place whole and in pieces.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "codec/json.h"
#include "event/doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BYTES_MAX (8u << 20)

static void
write_token(struct tsn_buf *out, const struct tsn_json_reader *r, enum tsn_json_token token,
    bool *comma)
{
	if (*comma && token != TSN_JSON_OBJECT_END && token != TSN_JSON_ARRAY_END)
		tsn_buf_char(out, ',');
	*comma = token != TSN_JSON_OBJECT && token != TSN_JSON_ARRAY && token != TSN_JSON_KEY;
	if (token == TSN_JSON_OBJECT)
		tsn_buf_char(out, '{');
	else if (token == TSN_JSON_OBJECT_END)
		tsn_buf_char(out, '}');
	else if (token == TSN_JSON_ARRAY)
		tsn_buf_char(out, '[');
	else if (token == TSN_JSON_ARRAY_END)
		tsn_buf_char(out, ']');
	else if (token == TSN_JSON_KEY || token == TSN_JSON_STRING)
		tsn_json_write_string(out, r->text);
	else if (token == TSN_JSON_NUMBER)
		tsn_buf_slice(out, r->text);
	else if (token == TSN_JSON_BOOL)
		tsn_buf_slice(out, r->boolean ? TSN_SLICE("true") : TSN_SLICE("false"));
	else
		tsn_buf_lit(out, "null");
	if (token == TSN_JSON_KEY)
		tsn_buf_char(out, ':');
}

static bool
rewrite(struct tsn_slice text, struct tsn_buf *out)
{
	struct tsn_arena arena TSN_CLEANUP(tsn_arena_done) = {0};
	struct tsn_json_reader r;
	enum tsn_json_token token;
	bool comma = false;

	tsn_arena_init(&arena, BYTES_MAX);
	tsn_buf_init(out, BYTES_MAX);
	tsn_json_reader_init(&r, text, &arena);
	for (;;) {
		if (tsn_json_next(&r, &token, NULL) != TSN_OK)
			return false;
		if (token == TSN_JSON_END)
			return true;
		write_token(out, &r, token, &comma);
	}
}

static bool
document(struct tsn_keys *keys, struct tsn_doc *doc, struct tsn_slice text, struct tsn_buf *out,
    bool *ret_limit)
{
	static const struct tsn_source source = {.path = {"f", 1}};
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_event ev;
	bool ok;

	TSN_ASSERT(tsn_batch_init(&b, keys, 1) == TSN_OK);
	TSN_ASSERT(tsn_batch_begin(&b) != NULL);
	b.open->source = &source;
	ok = tsn_doc_flatten(doc, &b, TSN_KEY_ROOT, NULL, text, NULL) == TSN_OK;
	ev = *b.open;
	ev.fields += 9;
	ev.field_count -= 9;
	*ret_limit = (ev.flags & TSN_EV_FIELD_LIMIT) != 0;
	tsn_buf_init(out, BYTES_MAX);
	tsn_doc_write(&ev, keys, out);
	return ok;
}

static void
check_documents(struct tsn_slice text, bool accepted)
{
	struct tsn_keys *keys = tsn_keys_new();
	struct tsn_doc *doc = tsn_doc_new(keys);
	struct tsn_buf out[3];
	bool ok[3], limit = false;

	TSN_ASSERT(doc != NULL);
	for (unsigned i = 0; i < 3; i++) {
		struct tsn_slice in = i == 0 ? text : tsn_buf_get(&out[i - 1]);
		bool over;

		ok[i] = document(keys, doc, in, &out[i], &over);
		limit |= over;
	}
	TSN_ASSERT(ok[0] == accepted);
	TSN_ASSERT(ok[1] && ok[2]);
	if (!limit)
		TSN_ASSERT(tsn_slice_eq(tsn_buf_get(&out[1]), tsn_buf_get(&out[2])));
	for (unsigned i = 0; i < 3; i++)
		tsn_buf_done(&out[i]);
	tsn_doc_free(doc);
	tsn_keys_free(keys);
}

static void
check_skip(struct tsn_slice text)
{
	struct tsn_json_skip whole = {0}, pieces = {0};
	size_t len = 0, len2 = 0;
	enum tsn_code code = tsn_json_skip(&whole, text, &len), code2 = TSN_EAGAIN;

	for (size_t n = 0; n <= text.len && code2 == TSN_EAGAIN; n += n % 7 + 1)
		code2 = tsn_json_skip(&pieces, (struct tsn_slice){text.ptr, n}, &len2);
	if (code2 == TSN_EAGAIN)
		code2 = tsn_json_skip(&pieces, text, &len2);
	TSN_ASSERT(code == code2 && len == len2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy without slack, so that a sanitizer sees any read behind the end. */
	char *copy = malloc(size + 1);
	struct tsn_slice text;
	struct tsn_buf first, second;
	bool accepted, object;

	if (copy == NULL)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	copy = realloc(copy, size == 0 ? 1 : size);
	text = (struct tsn_slice){copy, size};
	accepted = rewrite(text, &first);
	object = accepted && first.len > 0 && first.ptr[0] == '{';
	if (accepted) {
		TSN_ASSERT(rewrite(tsn_buf_get(&first), &second));
		TSN_ASSERT(tsn_slice_eq(tsn_buf_get(&first), tsn_buf_get(&second)));
		tsn_buf_done(&second);
	}
	tsn_buf_done(&first);
	/* The flattener alone passes over a byte order mark. */
	if (!tsn_slice_starts(text, TSN_SLICE("\xef\xbb\xbf")))
		check_documents(text, object);
	check_skip(text);
	free(copy);
	return 0;
}
