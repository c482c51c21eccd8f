/*
 * Property: any bytes through any codec of pipelines give events (or none), never a broken one: each
 * can be written as JSON and as MessagePack, and what consumes bytes never takes more than there are.
 * The first byte chooses the codec; from "x" on a path and a document of XML.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "pipeline/impl_int.h"
#include "pipeline/run.h"
#include "pipeline/xml_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t
now(void *ctx)
{
	(void)ctx;
	return INT64_C(1700000000) * TSN_NS_PER_SEC;
}

static void
try_xml(struct tsn_slice text)
{
	struct tsn_arena a;
	struct tsn_xml *root;
	struct tsn_xpath *path;
	size_t line = tsn_slice_find_char(text, '\n');
	uint32_t count;

	tsn_arena_init(&a, 64u << 20);
	line = line == SIZE_MAX ? 0 : line;
	if (tsn_xml_parse(&a, tsn_slice_from(text, line), true, &root, NULL) == TSN_OK) {
		struct tsn_buf b;

		tsn_buf_init(&b, 64u << 20);
		tsn_xml_write(root, &b);
		TSN_ASSERT(b.len > 0);
		if (tsn_xpath_new(&a, tsn_slice_of(text.ptr, line), &path, NULL) == TSN_OK)
			(void)tsn_xpath_find(path, root, &a, &count);
		tsn_buf_done(&b);
	}
	tsn_arena_done(&a);
}

static void
try_codec(const char *codec, struct tsn_slice bytes)
{
	struct tsn_pl_env env = {.now_ns = now, .host = TSN_SLICE("h")};
	struct tsn_pipeline *pl;
	struct tsn_conf conf;
	struct tsn_buf text, out;

	tsn_buf_init(&text, 4096);
	tsn_buf_printf(&text, "input { stdin { codec => %s } }", codec);
	if (tsn_conf_parse(TSN_SLICE("f"), tsn_buf_get(&text), NULL, NULL, &conf, NULL) != TSN_OK)
		abort();
	tsn_buf_done(&text);
	if (tsn_pipeline_new(&conf, &env, true, &pl, NULL) != TSN_OK)
		abort();
	tsn_buf_init(&out, 64u << 20);
	for (unsigned i = 0; i < 2; i++)
		for (struct tsn_pev *ev = tsn_pipeline_take(pl, i == 0 ? &bytes : NULL, TSN_SLICE("p"));
		    ev != NULL; ev = ev->next) {
			tsn_buf_reset(&out);
			tsn_pv_write_json(&ev->root, &out);
			TSN_ASSERT(out.len >= 2 && out.ptr[0] == '{');
			tsn_codec_msgpack.encode(NULL, ev, &out);
		}
	tsn_buf_done(&out);
	tsn_pipeline_free(pl);
	tsn_conf_done(&conf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const codecs[] = {"plain", "json", "cef", "es_bulk", "msgpack",
	    "cef { ecs_compatibility => disabled }", "multiline { pattern => \"^ \" what => previous }",
	    "line { charset => \"UTF-16\" }", "json { target => \"[a][b]\" }"};
	struct tsn_slice rest = {(const char *)data + 1, size - 1};

	if (size < 1)
		return 0;
	if (data[0] >= 'x')
		try_xml(rest);
	else
		try_codec(codecs[data[0] % TSN_COUNT(codecs)], rest);
	return 0;
}
