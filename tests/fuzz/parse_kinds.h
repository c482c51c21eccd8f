/*
 * Records through the parser with a fixed kind and without one: it takes each of them, and every
 * field of the event can be read.
 */
#ifndef TSN_TESTS_FUZZ_PARSE_KINDS_H
#define TSN_TESTS_FUZZ_PARSE_KINDS_H

#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"
#include "event/doc.h"
#include "parse/frame.h"
#include "parse/parse.h"

struct fuzz_parse {
	struct tsn_keys *keys;
	struct tsn_parser *parser;
	struct tsn_batch batch;
	struct tsn_buf out;
	struct tsn_source source;
};

static inline void
fuzz_parse_records(struct fuzz_parse *z, const uint8_t *data, size_t size)
{
	struct tsn_framer *f = tsn_framer_new(NULL);
	struct tsn_frame fr;

	TSN_ASSERT(f != NULL);
	tsn_framer_feed(f, tsn_slice_of((const char *)data, size));
	for (int round = 0; round < 2; round++) {
		while (tsn_framer_next(f, &fr) == TSN_OK) {
			struct tsn_record rec = {.bytes = fr.bytes, .offset = fr.offset, .line = fr.line,
			    .received_ns = INT64_C(1767225600) * TSN_NS_PER_SEC, .source = &z->source};
			const struct tsn_event *ev;

			tsn_batch_reset(&z->batch);
			tsn_buf_reset(&z->out);
			TSN_ASSERT(tsn_parser_record(z->parser, &rec, &z->batch, &ev) == TSN_OK);
			if (ev != NULL)
				tsn_doc_write(ev, z->keys, &z->out);
		}
		tsn_framer_flush(f, TSN_FRAME_END);
	}
	tsn_framer_free(f);
}

static inline void
fuzz_parse_kinds(const char *const *kinds, size_t count, const uint8_t *data, size_t size)
{
	static struct fuzz_parse z;

	if (z.keys == NULL) {
		z.keys = tsn_keys_new();
		TSN_ASSERT(z.keys != NULL);
		TSN_ASSERT(tsn_batch_init(&z.batch, z.keys, 4) == TSN_OK);
		tsn_buf_init(&z.out, 16u << 20);
	}
	z.parser = tsn_parser_new(z.keys);
	TSN_ASSERT(z.parser != NULL);
	z.source.path = TSN_SLICE("fuzz.log");
	for (size_t i = 0; i <= count; i++) {
		z.source.kind = i == count ? TSN_SLICE_NONE : tsn_slice_cstr(kinds[i]);
		z.source.id = (uint32_t)i;
		fuzz_parse_records(&z, data, size);
	}
	tsn_parser_free(z.parser);
}

#endif
