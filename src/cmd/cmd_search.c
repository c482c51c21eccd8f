/* tocsin search: a query over the store, to stdout. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "cmd/cmd_list.h"
#include "query/follow.h"
#include "query/query.h"
#include "query/saved.h"
#include "query/write.h"

#define HEAP_BLOCK_MAX (32 << 20)
#define FOLLOW_PAUSE_NS (300 * TSN_NS_PER_MS)

struct search {
	const char *data;
	struct tsn_option_list archives;
	const char *from;
	const char *to;
	const char *limit;
	const char *format;
	const char *memory;
	const char *save;
	const char *saved;
	const char *forget;
	bool list;
	bool explain;
	bool follow;
	bool quiet;
};

struct progress {
	int64_t next_ns;
	bool shown;
};

static volatile sig_atomic_t stopped;

static void
on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

static bool
is_stopped(void *ctx)
{
	(void)ctx;
	return stopped != 0;
}

static enum tsn_code
put_out(void *ctx, struct tsn_slice text, struct tsn_err *err)
{
	(void)ctx;
	while (text.len > 0) {
		ssize_t n = stopped ? -1 : write(STDOUT_FILENO, text.ptr, text.len);

		if (stopped)
			TSN_FAIL(err, TSN_ECANCELED, "canceled");
		/* the reader has seen enough: "| head" */
		if (n < 0 && errno == EPIPE)
			return TSN_EOF;
		if (n < 0 && errno != EINTR) {
			int number = errno;

			(void)TSN_ERR(err, TSN_EIO, "output could not be written");
			if (err != NULL)
				err->sys_errno = number;
			return TSN_EIO;
		}
		text = tsn_slice_from(text, n < 0 ? 0 : (size_t)n);
	}
	return TSN_OK;
}

static int64_t
now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * TSN_NS_PER_SEC + ts.tv_nsec;
}

/* Operands are one query: search failed root | head 5 needs quotes for the pipe only. */
static enum tsn_code
join(char **argv, int count, struct tsn_buf *out, struct tsn_err *err)
{
	for (int i = 1; i <= count; i++) {
		if (i > 1)
			tsn_buf_char(out, ' ');
		tsn_buf_slice(out, tsn_slice_cstr(argv[i]));
	}
	if (tsn_buf_check(out) != TSN_OK)
		TSN_FAIL(err, TSN_ELIMIT, "the query is too long");
	return TSN_OK;
}

static enum tsn_code
set_time(const char *text, const char *option, int64_t now, int64_t *ret_ns, struct tsn_err *err)
{
	char shown[80];

	if (text == NULL)
		return TSN_OK;
	if (tsn_query_time(tsn_slice_cstr(text), now, ret_ns) != TSN_OK)
		TSN_FAIL(err, TSN_EPARSE, "%s wants a time (2026-11-21T10:00:00Z, 2026-11-21, now-24h), "
		    "not \"%s\"", option, tsn_slice_escape(tsn_slice_cstr(text), shown, sizeof shown));
	return TSN_OK;
}

static enum tsn_code
set_number(const char *text, const char *option, uint64_t *ret, struct tsn_err *err)
{
	char shown[80];

	if (text != NULL && tsn_num_parse_u64(tsn_slice_cstr(text), ret) != TSN_OK)
		TSN_FAIL(err, TSN_EPARSE, "%s wants a whole number, not \"%s\"", option,
		    tsn_slice_escape(tsn_slice_cstr(text), shown, sizeof shown));
	return TSN_OK;
}

/* On a terminal, once a search takes long: one line that is written over. */
static void
show_progress(void *ctx, const struct tsn_query_report *report, int64_t at_ns)
{
	struct progress *p = ctx;
	char text[TSN_TIME_TEXT_MAX];
	int64_t now = now_ns();

	if (now < p->next_ns)
		return;
	p->next_ns = now + 200 * TSN_NS_PER_MS;
	p->shown = true;
	(void)fprintf(stderr, "\r%llu events scanned, %llu matched, at %.*s ",
	    (unsigned long long)report->scanned, (unsigned long long)report->matched,
	    (int)tsn_time_format(at_ns, text), text);
}

static enum tsn_code
set_options(const struct search *s, int64_t now, struct tsn_query_options *o,
    enum tsn_write_format *format, struct tsn_err *err)
{
	uint64_t mib = 0;

	*o = (struct tsn_query_options){.limit = UINT64_MAX, .canceled = is_stopped};
	*format = isatty(STDOUT_FILENO) ? TSN_WRITE_TABLE : TSN_WRITE_JSON;
	if (s->format != NULL && tsn_write_format_parse(tsn_slice_cstr(s->format), format) != TSN_OK)
		TSN_FAIL(err, TSN_EINVAL, "--format wants json, table or csv");
	TSN_TRY(set_number(s->limit, "--limit", &o->limit, err));
	TSN_TRY(set_number(s->memory, "--memory", &mib, err));
	if (mib > 1u << 20)
		TSN_FAIL(err, TSN_EINVAL, "--memory wants at most %u MiB", 1u << 20);
	o->memory_max = mib << 20;
	if (s->from != NULL || s->to != NULL) {
		o->from_ns = INT64_MIN;
		o->to_ns = INT64_MAX;
		TSN_TRY(set_time(s->from, "--from", now, &o->from_ns, err));
		TSN_TRY(set_time(s->to, "--to", now, &o->to_ns, err));
	}
	return TSN_OK;
}

static uint32_t
terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
		return size.ws_col;
	return 0;
}

static void
tell(const char *head, const struct tsn_buf *text)
{
	struct tsn_slice rest = tsn_buf_get(text);

	while (rest.len > 0) {
		size_t end = tsn_slice_find_char(rest, '\n');
		size_t len = end == SIZE_MAX ? rest.len : end;

		(void)fprintf(stderr, "%s%.*s\n", head, (int)len, rest.ptr);
		rest = tsn_slice_from(rest, len + 1);
	}
}

/* The query with a mark below the place of the error, when it is one short line. */
static void
show_place(struct tsn_slice text, const struct tsn_err *err)
{
	if (err->pos == TSN_POS_NONE || err->pos > text.len || text.len > 200)
		return;
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < 0x20 || (unsigned char)text.ptr[i] >= 0x7f)
			return;
	(void)fprintf(stderr, "  %.*s\n  %*s^\n", (int)text.len, text.ptr, (int)err->pos, "");
}

/* A damaged part of the store is left out of an answer, and named. */
static void
tell_damage(const struct tsn_store_reader *reader)
{
	struct tsn_slice first = TSN_SLICE_NONE;
	uint64_t count = tsn_store_reader_damage(reader, &first);
	char shown[200];

	if (count > 0)
		(void)fprintf(stderr, "tocsin search: %llu damaged part(s) of the store are not in the "
		    "answer (%s); see tocsin store verify\n", (unsigned long long)count,
		    tsn_slice_escape(first, shown, sizeof shown));
}

#define OPEN_TRIES 50u

/* The store and the archives; without a store, the archives alone. */
static enum tsn_code
open_once(const struct search *s, struct tsn_keys *keys, struct tsn_store_reader **ret_reader,
    struct tsn_err *err)
{
	struct tsn_store_reader *r = NULL;
	uint32_t first = 0;
	enum tsn_code rc = tsn_store_reader_open(tsn_cmd_data_dir(s->data), keys, &r, err);

	if (rc == TSN_ENOTFOUND && s->archives.count > 0 && s->data == NULL) {
		first = 1;
		rc = tsn_store_reader_open(s->archives.items[0], keys, &r, err);
	}
	TSN_TRY(rc);
	for (uint32_t i = first; i < s->archives.count && rc == TSN_OK; i++)
		rc = tsn_store_reader_add(r, s->archives.items[i], err);
	if (rc != TSN_OK)
		tsn_store_reader_close(r);
	else
		*ret_reader = r;
	return rc;
}

/* A writer that moves segments to the archive at this moment makes it begin again. */
static enum tsn_code
open_reader(const struct search *s, struct tsn_keys *keys, struct tsn_store_reader **ret_reader,
    struct tsn_err *err)
{
	enum tsn_code rc = TSN_EAGAIN;

	for (unsigned i = 0; i < OPEN_TRIES && rc == TSN_EAGAIN; i++)
		rc = open_once(s, keys, ret_reader, err);
	return rc;
}

/* The plan, and what of the store the query looks into: it runs, its rows are not shown. */
static enum tsn_code
explain(const struct search *s, struct tsn_keys *keys, const struct tsn_query *q,
    const struct tsn_query_options *options, struct tsn_err *err)
{
	static const struct tsn_query_sink nowhere = {0};
	struct tsn_store_scan_stats stats = {0};
	struct tsn_query_options o = *options;
	struct tsn_store_reader *reader;
	struct tsn_query_source source;
	struct tsn_query_report report;
	struct tsn_buf out;
	enum tsn_code code;

	TSN_TRY(open_reader(s, keys, &reader, err));
	o.stats = &stats;
	source = tsn_query_store(reader);
	tsn_buf_init(&out, 1u << 20);
	tsn_query_explain(q, &o, &out);
	code = tsn_query_run(q, &source, &o, &nowhere, &report, err);
	if (code == TSN_OK) {
		tsn_query_explain_scan(&stats, &out);
		code = tsn_query_unknown_fields(q, reader, &out, err);
	}
	if (code == TSN_OK)
		code = put_out(NULL, tsn_buf_get(&out), err);
	tell_damage(reader);
	tsn_buf_done(&out);
	tsn_store_reader_close(reader);
	return code;
}

/* Until it is interrupted: then it is done. */
static enum tsn_code
follow_steps(const struct search *s, struct tsn_keys *keys, struct tsn_follow *f,
    const struct tsn_query_options *o, const struct tsn_query_sink *sink, struct tsn_err *err)
{
	const struct timespec pause = {.tv_nsec = FOLLOW_PAUSE_NS};
	struct tsn_store_reader *reader;
	enum tsn_code code = TSN_OK;

	while (code == TSN_OK && !stopped) {
		code = tsn_store_reader_open(tsn_cmd_data_dir(s->data), keys, &reader, err);
		if (code != TSN_OK)
			break;
		code = tsn_follow_step(f, reader, now_ns(), o, sink, err);
		tsn_store_reader_close(reader);
		if (code == TSN_OK)
			(void)nanosleep(&pause, NULL);
	}
	return code == TSN_ECANCELED ? TSN_OK : code;
}

static enum tsn_code
follow(const struct search *s, struct tsn_keys *keys, const struct tsn_query *q,
    const struct tsn_query_options *o, enum tsn_write_format format, struct tsn_err *err)
{
	struct tsn_query_sink sink;
	struct tsn_follow *f;
	struct tsn_writer *w;
	enum tsn_code code;

	if (format == TSN_WRITE_TABLE && s->format != NULL)
		TSN_FAIL(err, TSN_EINVAL, "--follow gives json or csv");
	if (format == TSN_WRITE_TABLE)
		format = TSN_WRITE_JSON;
	TSN_TRY(tsn_follow_new(q, now_ns(), &f, err));
	w = tsn_writer_new(&(struct tsn_write_env){.keys = keys, .format = format, .out = put_out});
	if (w == NULL) {
		tsn_follow_free(f);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	sink = tsn_writer_sink(w);
	code = follow_steps(s, keys, f, o, &sink, err);
	tsn_writer_free(w);
	tsn_follow_free(f);
	return code;
}

static enum tsn_code
run_query(const struct search *s, struct tsn_keys *keys, const struct tsn_query *q,
    const struct tsn_query_options *options, enum tsn_write_format format, struct tsn_err *err)
{
	struct progress progress = {.next_ns = now_ns() + TSN_NS_PER_SEC};
	struct tsn_query_options with = *options, *o = &with;
	struct tsn_store_reader *reader = NULL;
	struct tsn_query_report report = {0};
	struct tsn_query_source source;
	struct tsn_query_sink sink;
	struct tsn_writer *w;
	struct tsn_buf notes;
	enum tsn_code code;

	TSN_TRY(open_reader(s, keys, &reader, err));
	w = tsn_writer_new(&(struct tsn_write_env){.keys = keys, .format = format,
	    .width = terminal_width(), .out = put_out});
	if (w == NULL) {
		tsn_store_reader_close(reader);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	source = tsn_query_store(reader);
	sink = tsn_writer_sink(w);
	if (!s->quiet && isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO)) {
		o->progress = show_progress;
		o->progress_ctx = &progress;
	}
	code = tsn_query_run(q, &source, o, &sink, &report, err);
	if (progress.shown)
		(void)fprintf(stderr, "\r%*s\r", 78, "");
	tell_damage(reader);
	if (code == TSN_OK && !s->quiet) {
		tsn_buf_init(&notes, 1u << 16);
		code = tsn_query_unknown_fields(q, reader, &notes, err);
		tell("tocsin search: ", &notes);
		tsn_buf_reset(&notes);
		tsn_query_notes(&report, o, &notes);
		tell("tocsin search: ", &notes);
		tsn_buf_done(&notes);
	}
	tsn_writer_free(w);
	tsn_store_reader_close(reader);
	return code;
}

/* ---- saved searches ---- */

static enum tsn_code
add_query(void *ctx, const struct tsn_saved_search *x)
{
	tsn_buf_slice(ctx, x->query);
	return tsn_buf_check(ctx);
}

static enum tsn_code
load_saved(const struct search *s, struct tsn_buf *out, struct tsn_err *err)
{
	struct tsn_saved *saved;
	enum tsn_code code;

	TSN_TRY(tsn_saved_open(tsn_cmd_data_dir(s->data), true, &saved, err));
	code = tsn_saved_tell(saved, tsn_slice_cstr(s->saved), add_query, out, err);
	tsn_saved_close(saved);
	return code;
}

static enum tsn_code
save(const struct search *s, struct tsn_slice query, struct tsn_err *err)
{
	const char *user = getenv("USER");
	struct tsn_saved_search x = {.name = tsn_slice_cstr(s->save), .query = query,
	    .owner = tsn_slice_cstr(user == NULL ? "" : user), .changed_ns = now_ns()};
	struct tsn_saved *saved;
	enum tsn_code code;

	TSN_TRY(tsn_saved_open(tsn_cmd_data_dir(s->data), true, &saved, err));
	code = tsn_saved_put(saved, &x, err);
	tsn_saved_close(saved);
	return code;
}

static enum tsn_code
list_query(void *ctx, const struct tsn_saved_search *x)
{
	struct tsn_buf *out = ctx;

	tsn_buf_slice(out, x->name);
	tsn_buf_lit(out, "\t");
	tsn_buf_slice(out, x->owner);
	tsn_buf_lit(out, "\t");
	for (size_t i = 0; i < x->query.len; i++)
		tsn_buf_char(out, (unsigned char)x->query.ptr[i] < 0x20 ? ' ' : x->query.ptr[i]);
	tsn_buf_lit(out, "\n");
	return tsn_buf_check(out);
}

static enum tsn_code
keep_saved(const struct search *s, struct tsn_err *err)
{
	struct tsn_saved *saved;
	struct tsn_buf out;
	enum tsn_code code;

	TSN_TRY(tsn_saved_open(tsn_cmd_data_dir(s->data), true, &saved, err));
	tsn_buf_init(&out, 1u << 28);
	code = s->forget != NULL ? tsn_saved_remove(saved, tsn_slice_cstr(s->forget), err) :
	    tsn_saved_tell(saved, TSN_SLICE(""), list_query, &out, err);
	if (code == TSN_OK && out.len > 0)
		code = put_out(NULL, tsn_buf_get(&out), err);
	tsn_buf_done(&out);
	tsn_saved_close(saved);
	return code;
}

static enum tsn_code
search(const struct search *s, char **argv, int count, struct tsn_err *err)
{
	enum tsn_write_format format;
	struct tsn_query_options o;
	struct tsn_query *q = NULL;
	struct tsn_keys *keys;
	struct tsn_buf text;
	enum tsn_code code;
	int64_t now = now_ns();

	TSN_TRY(set_options(s, now, &o, &format, err));
	keys = tsn_keys_new();
	if (keys == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	tsn_buf_init(&text, 1u << 24);
	code = s->saved != NULL ? load_saved(s, &text, err) : join(argv, count, &text, err);
	if (code == TSN_OK) {
		code = tsn_query_parse(tsn_buf_get(&text),
		    &(struct tsn_query_env){.keys = keys, .now_ns = now}, &q, err);
		if (code != TSN_OK)
			show_place(tsn_buf_get(&text), err);
	}
	if (code == TSN_OK)
		code = s->save != NULL ? save(s, tsn_buf_get(&text), err) :
		    s->explain ? explain(s, keys, q, &o, err) :
		    s->follow ? follow(s, keys, q, &o, format, err) :
				run_query(s, keys, q, &o, format, err);
	tsn_query_free(q);
	tsn_buf_done(&text);
	tsn_keys_free(keys);
	return code;
}

static int
run(int argc, char **argv)
{
	struct sigaction stop = {.sa_handler = on_signal};
	struct tsn_err err = {.pos = TSN_POS_NONE};
	struct search s = {0};
	const struct tsn_option options[] = {
		{"--data", TSN_OPT_TEXT, &s.data, "DIR", "data folder"},
		{"--archive", TSN_OPT_LIST, &s.archives, "DIR",
		    "an archive to search beside the store; may be given often"},
		{"--from", TSN_OPT_TEXT, &s.from, "T", "events at or after this time"},
		{"--to", TSN_OPT_TEXT, &s.to, "T", "events before this time"},
		{"--limit", TSN_OPT_TEXT, &s.limit, "N", "rows at most, 0: all; 100 events without it"},
		{"--format", TSN_OPT_TEXT, &s.format, "F", "json, table or csv"},
		{"--memory", TSN_OPT_TEXT, &s.memory, "MIB", "memory of a stage that keeps rows; 64"},
		{"--explain", TSN_OPT_FLAG, &s.explain, NULL, "the plan and what is read, not the rows"},
		{"--save", TSN_OPT_TEXT, &s.save, "NAME", "keep the query under a name; it is not run"},
		{"--saved", TSN_OPT_TEXT, &s.saved, "NAME", "run the query kept under this name"},
		{"--forget", TSN_OPT_TEXT, &s.forget, "NAME", "remove a kept query"},
		{"--list", TSN_OPT_FLAG, &s.list, NULL, "names and queries that are kept"},
		{"--follow", TSN_OPT_FLAG, &s.follow, NULL, "go on with events as they are stored"},
		{"--quiet", TSN_OPT_FLAG, &s.quiet, NULL, "no notes on stderr"},
	};
	enum tsn_code code;
	int operands;
	int status = tsn_cmd_options(&tsn_cmd_search, options, TSN_COUNT(options), argc, argv,
	    &operands);

	if (status >= 0)
		return status;
	if (operands == 0 && s.saved == NULL && s.forget == NULL && !s.list)
		return tsn_cmd_usage(&tsn_cmd_search, "wants a query (\"*\" for everything)");
	/* columns are unpacked into memory that comes and goes: keep it rather than map it anew */
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_BLOCK_MAX);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_BLOCK_MAX);
	(void)sigaction(SIGINT, &stop, NULL);
	(void)sigaction(SIGTERM, &stop, NULL);
	code = s.forget != NULL || s.list ? keep_saved(&s, &err) : search(&s, argv, operands, &err);
	if (code == TSN_EOF)
		return TSN_EXIT_DONE;
	if (code == TSN_ECANCELED) {
		(void)fprintf(stderr, "tocsin search: canceled\n");
		return 128 + SIGINT;
	}
	return code == TSN_OK ? TSN_EXIT_DONE : tsn_cmd_fail(&tsn_cmd_search, code, &err);
}

const struct tsn_command tsn_cmd_search = {
	.name = "search",
	.usage = "[--data DIR] [--archive DIR] [--from T] [--to T] [--limit N] "
		 "[--format json|table|csv] QUERY",
	.doc = "searches the stored events; docs/query-language.md tells the language",
	.run = run,
};
