#include "collect/journalin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/cursor.h"
#include "collect/netframe.h"
#include "os/child.h"
#include "os/clock.h"
#include "os/file.h"

#define READ_BYTES (128u << 10)
#define AGAIN_NS (5 * TSN_NS_PER_SEC)
#define ARGS_MAX 12u

struct tsn_journalin {
	struct tsn_journalin_options o;
	struct tsn_loop *loop;
	const struct tsn_sink *sink;
	const struct tsn_source *source;
	struct tsn_child child;
	struct tsn_watch watch;
	struct tsn_netframe frame;
	char *memory;
	char note[64];			/* name of the cursor's notes in the store */
	struct tsn_cursor cursor, noted;
	bool has_cursor;
	int64_t started_ns;
};

static enum tsn_code start(struct tsn_journalin *in, struct tsn_err *err);

static enum tsn_code
give(struct tsn_journalin *in, const struct tsn_netframe_message *m, int64_t now_ns)
{
	struct tsn_record rec = {
		.bytes = m->bytes,
		.offset = in->sink->sequence(in->sink->ctx),
		.received_ns = now_ns,
		.source = in->source,
		.truncated = m->truncated,
	};

	TSN_TRY(in->sink->record(in->sink->ctx, &rec));
	if (tsn_cursor_of_entry(m->bytes, &in->cursor) == TSN_OK)
		in->has_cursor = true;
	return m->stable ? TSN_OK : in->sink->flush(in->sink->ctx);
}

static void
ended(struct tsn_journalin *in)
{
	char line[160];
	int status = 0;

	tsn_loop_remove(in->loop, &in->watch);
	tsn_child_stop(&in->child, &status);
	tsn_netframe_done(&in->frame);
	(void)snprintf(line, sizeof line, "journal: journalctl has ended (status %d), it is started "
	    "again", status);
	in->sink->say(in->sink->ctx, line);
}

static void
ready(void *ctx, uint32_t events)
{
	struct tsn_journalin *in = ctx;
	int64_t now_ns = tsn_clock_real_ns();
	struct tsn_netframe_message m;
	size_t len = 0;
	enum tsn_code code = tsn_fd_read(in->child.out_fd, in->memory, READ_BYTES, &len, NULL);

	(void)events;
	if (code == TSN_EAGAIN)
		return;
	if (code != TSN_OK || len == 0) {
		ended(in);
		return;
	}
	tsn_netframe_feed(&in->frame, tsn_slice_of(in->memory, len));
	code = TSN_OK;
	while (code == TSN_OK && (code = tsn_netframe_next(&in->frame, &m)) == TSN_OK)
		code = give(in, &m, now_ns);
	if (in->sink->flush(in->sink->ctx) != TSN_OK || code != TSN_EAGAIN)
		ended(in);
}

static void
load_cursor(struct tsn_journalin *in)
{
	size_t count;
	const struct tsn_store_range *notes =
	    in->sink->ranges(in->sink->ctx, tsn_slice_cstr(in->note), &count);

	for (size_t i = 0; i < count; i++) {
		if (notes[i].begin >= TSN_CURSOR_NUMBERS / 2)
			continue;
		in->cursor.n[2 * notes[i].begin] = notes[i].lines;
		in->cursor.n[2 * notes[i].begin + 1] = notes[i].hash;
		in->has_cursor = true;
	}
	in->noted = in->cursor;
}

enum tsn_code
tsn_journalin_ranges(struct tsn_journalin *in)
{
	if (!in->has_cursor || memcmp(&in->cursor, &in->noted, sizeof in->cursor) == 0)
		return TSN_OK;
	TSN_TRY(in->sink->forget(in->sink->ctx, tsn_slice_cstr(in->note)));
	for (uint64_t i = 0; i < TSN_CURSOR_NUMBERS / 2; i++)
		TSN_TRY(in->sink->range(in->sink->ctx, &(struct tsn_store_range){
		    .source = tsn_slice_cstr(in->note), .begin = i, .end = i,
		    .lines = in->cursor.n[2 * i], .hash = in->cursor.n[2 * i + 1]}));
	in->noted = in->cursor;
	return TSN_OK;
}

static enum tsn_code
start(struct tsn_journalin *in, struct tsn_err *err)
{
	char after[TSN_CURSOR_TEXT_MAX + 32], text[TSN_CURSOR_TEXT_MAX];
	const char *argv[ARGS_MAX];
	size_t n = 0;

	argv[n++] = in->o.program != NULL ? in->o.program : "journalctl";
	argv[n++] = "--follow";
	argv[n++] = "--output=json";
	argv[n++] = "--all";
	argv[n++] = "--no-pager";
	if (in->o.directory != NULL) {
		argv[n++] = "--directory";
		argv[n++] = in->o.directory;
	}
	if (in->has_cursor) {
		struct tsn_slice cursor = tsn_cursor_format(&in->cursor, text);

		(void)snprintf(after, sizeof after, "--after-cursor=%.*s", TSN_SLICE_ARG(cursor));
		argv[n++] = after;
	}
	argv[n++] = in->has_cursor || !in->o.at_end ? "--lines=all" : "--lines=0";
	argv[n] = NULL;
	in->started_ns = tsn_clock_mono_ns();
	TSN_TRY(tsn_child_start(argv, &in->child, err));
	tsn_netframe_init(&in->frame, TSN_NETFRAME_LINES, TSN_RECORD_BYTES_MAX);
	in->watch = (struct tsn_watch){.fd = in->child.out_fd, .ready = ready, .ctx = in};
	return tsn_loop_add(in->loop, &in->watch, TSN_WATCH_READ, err);
}

enum tsn_code
tsn_journalin_open(const struct tsn_journalin_options *options, struct tsn_loop *loop,
    const struct tsn_sink *sink, struct tsn_journalin **ret_in, struct tsn_err *err)
{
	struct tsn_journalin *in = calloc(1, sizeof *in);
	struct tsn_source like = {.kind = TSN_SLICE("")};
	char name[256];
	enum tsn_code code = TSN_OK;

	if (in == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->o = *options;
	in->loop = loop;
	in->sink = sink;
	in->child.out_fd = -1;
	in->memory = malloc(READ_BYTES);
	(void)snprintf(name, sizeof name, "journal%s%.200s", options->directory != NULL ? " of " : "",
	    options->directory != NULL ? options->directory : "");
	(void)snprintf(in->note, sizeof in->note, "\x01%.60s", name);
	in->source = sink->source(sink->ctx, &like, tsn_slice_cstr(name));
	if (in->memory == NULL || in->source == NULL)
		code = TSN_ERR(err, TSN_ENOMEM, "out of memory");
	if (code == TSN_OK) {
		load_cursor(in);
		code = start(in, err);
	}
	if (code != TSN_OK) {
		tsn_journalin_close(in);
		return code;
	}
	*ret_in = in;
	return TSN_OK;
}

void
tsn_journalin_close(struct tsn_journalin *in)
{
	if (in == NULL)
		return;
	if (in->child.pid > 0) {
		tsn_loop_remove(in->loop, &in->watch);
		tsn_child_stop(&in->child, NULL);
		tsn_netframe_done(&in->frame);
	}
	free(in->memory);
	free(in);
}

void
tsn_journalin_tick(struct tsn_journalin *in, int64_t mono_ns)
{
	struct tsn_err err = {0};

	if (in->child.pid > 0 || mono_ns - in->started_ns < AGAIN_NS)
		return;
	if (start(in, &err) != TSN_OK)
		in->sink->say(in->sink->ctx, err.msg);
}
