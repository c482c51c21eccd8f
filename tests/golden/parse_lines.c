/*
 * The documents of records, one JSON line each, for golden tests and for rates of test sets.
 *
 * usage: parse_lines [--kind KIND] [--path NAME] [--received SECONDS] [--tz SECONDS] [--lines] [--frame] FILE|-
 * A line is a record; --frame: records as parse/frame.h cuts them; --lines: each record is a source of its own, so that nothing is remembered
 * from line to line.  A record that makes no event gives "null".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "event/doc.h"
#include "parse/frame.h"
#include "parse/parse.h"

struct run {
	struct tsn_keys *keys;
	struct tsn_parser *parser;
	struct tsn_batch batch;
	struct tsn_source source;
	struct tsn_buf out;
	int64_t received_ns;
	bool lines;
	char end;
	bool frame;
};

static bool
one(struct run *r, struct tsn_slice line, uint64_t offset, uint64_t number)
{
	struct tsn_record rec = {.bytes = line, .offset = offset, .line = number,
	    .received_ns = r->received_ns, .source = &r->source};
	const struct tsn_event *ev;

	if (r->lines)
		r->source.id++;
	if (tsn_parser_record(r->parser, &rec, &r->batch, &ev) != TSN_OK)
		return false;
	tsn_buf_reset(&r->out);
	if (ev == NULL)
		tsn_buf_add(&r->out, "null", 4);
	else
		tsn_doc_write(ev, r->keys, &r->out);
	tsn_buf_char(&r->out, '\n');
	fwrite(r->out.ptr, 1, r->out.len, stdout);
	tsn_batch_reset(&r->batch);
	return r->out.failed == TSN_OK;
}

static bool
all(struct run *r, FILE *f)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	uint64_t offset = 0, number = 0;
	bool ok = true;

	while (ok && (n = getdelim(&line, &cap, r->end, f)) > 0) {
		size_t len = (size_t)n - (line[n - 1] == r->end);

		ok = one(r, (struct tsn_slice){line, len}, offset, ++number);
		offset += (uint64_t)n;
	}
	free(line);
	return ok;
}

static bool
drain(struct run *r, struct tsn_framer *framer)
{
	struct tsn_frame fr;
	enum tsn_code code;

	while ((code = tsn_framer_next(framer, &fr)) == TSN_OK)
		if (!one(r, fr.bytes, fr.offset, fr.line))
			return false;
	return code == TSN_EAGAIN;
}

static bool
framed(struct run *r, FILE *f)
{
	struct tsn_framer *framer = tsn_framer_new(NULL);
	static char buf[1 << 16];
	bool ok = framer != NULL;
	size_t n;

	while (ok && (n = fread(buf, 1, sizeof buf, f)) > 0) {
		tsn_framer_feed(framer, (struct tsn_slice){buf, n});
		ok = drain(r, framer);
	}
	if (ok) {
		tsn_framer_flush(framer, TSN_FRAME_END);
		ok = drain(r, framer);
	}
	tsn_framer_free(framer);
	return ok;
}

int
main(int argc, char **argv)
{
	static struct run r = {.end = '\n', .source = {.path = {"golden.log", 10}},
	    .received_ns = INT64_C(1767225600) * TSN_NS_PER_SEC};
	const char *path = "-";
	FILE *f;
	bool ok;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--kind") == 0 && i + 1 < argc)
			r.source.kind = tsn_slice_cstr(argv[++i]);
		else if (strcmp(argv[i], "--received") == 0 && i + 1 < argc)
			r.received_ns = strtoll(argv[++i], NULL, 10) * TSN_NS_PER_SEC;
		else if (strcmp(argv[i], "--tz") == 0 && i + 1 < argc)
			r.source.tz_offset_sec = (int32_t)strtol(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--path") == 0 && i + 1 < argc)
			r.source.path = tsn_slice_cstr(argv[++i]);
		else if (strcmp(argv[i], "--lines") == 0)
			r.lines = true;
		else if (strcmp(argv[i], "--nul") == 0)
			r.end = '\0';
		else if (strcmp(argv[i], "--frame") == 0)
			r.frame = true;
		else
			path = argv[i];
	}
	f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	r.keys = tsn_keys_new();
	r.parser = r.keys == NULL ? NULL : tsn_parser_new(r.keys);
	if (f == NULL || r.parser == NULL || tsn_batch_init(&r.batch, r.keys, 1) != TSN_OK)
		return 2;
	tsn_buf_init(&r.out, 64u << 20);
	ok = r.frame ? framed(&r, f) : all(&r, f);
	tsn_buf_done(&r.out);
	tsn_batch_done(&r.batch);
	tsn_parser_free(r.parser);
	tsn_keys_free(r.keys);
	if (f != stdin)
		fclose(f);
	return ok ? 0 : 1;
}
