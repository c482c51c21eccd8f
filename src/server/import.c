#include "server/import.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/reader.h"
#include "collect/sniff.h"
#include "os/clock.h"
#include "os/walk.h"

/* A commit costs a sync; what is not committed costs memory. */
#define COMMIT_BYTES (128u << 20)
/* With a pipeline whose codec joins lines: it always holds some back. */
#define HELD_COMMIT_BYTES (128u << 20)
#define COMMIT_NS (30 * TSN_NS_PER_SEC)
#define PROGRESS_NS (TSN_NS_PER_SEC / 10)

struct file_run {
	struct tsn_import *im;
	struct tsn_reader *reader;
	struct tsn_engine_source from;
	int64_t committed_ns;
	int64_t shown_ns;
};

void
tsn_import_init(struct tsn_import *im, const struct tsn_import_options *options)
{
	*im = (struct tsn_import){.o = *options};
}

static void TSN_PRINTF(2, 3)
say(struct tsn_import *im, const char *fmt, ...)
{
	char line[TSN_ERR_MSG_MAX + 256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	im->o.say(im->o.ctx, line);
}

static void
unreadable(struct tsn_import *im, enum tsn_code code, const struct tsn_err *why)
{
	im->unreadable++;
	if (im->worst != TSN_EIO)
		im->worst = code;
	say(im, "%s", why->msg);
}

static enum tsn_code
commit(struct file_run *f, struct tsn_err *err)
{
	TSN_TRY(tsn_engine_commit(f->im->o.engine, err));
	f->committed_ns = tsn_clock_mono_ns();
	return TSN_OK;
}

static enum tsn_code
flush(struct file_run *f, struct tsn_err *err)
{
	return f->im->o.feed != NULL ? tsn_feed_flush(f->im->o.feed, err) :
					tsn_engine_flush(f->im->o.engine, err);
}

/* The records of one piece, then the range they close. */
static enum tsn_code
take_piece(struct file_run *f, struct tsn_err *err)
{
	struct tsn_engine *engine = f->im->o.engine;
	struct tsn_store_range range;
	struct tsn_record rec;
	enum tsn_code code;
	int64_t now;
	bool known;

	while ((code = tsn_reader_next(f->reader, &rec, &known)) == TSN_OK)
		TSN_TRY(f->im->o.feed != NULL ?
		    tsn_feed_record(f->im->o.feed, &f->from, &rec, known, err) :
		    tsn_engine_record(engine, &f->from, &rec, known, err));
	if (code != TSN_EAGAIN)
		TSN_FAIL(err, code, "out of memory");
	TSN_TRY(flush(f, err));
	now = tsn_clock_mono_ns();
	if (f->im->o.progress != NULL && now - f->shown_ns >= PROGRESS_NS) {
		f->shown_ns = now;
		f->im->o.progress(f->im->o.ctx, f->from.source.path.ptr,
		    tsn_reader_consumed(f->reader), tsn_reader_size(f->reader));
	}
	if (tsn_engine_uncommitted(engine) < COMMIT_BYTES && now - f->committed_ns < COMMIT_NS)
		return TSN_OK;
	/* a range says that its records are dealt with: not so while a codec holds some */
	if (f->im->o.feed != NULL && tsn_feed_holds(f->im->o.feed) &&
	    tsn_engine_uncommitted(engine) < HELD_COMMIT_BYTES)
		return TSN_OK;
	if (f->im->o.feed != NULL)
		TSN_TRY(tsn_feed_end(f->im->o.feed, &f->from, err));
	if (tsn_reader_take_range(f->reader, &range) && f->from.source.path.len > 0)
		TSN_TRY(tsn_engine_range(engine, &range, err));
	return commit(f, err);
}

static enum tsn_code
take_all(struct file_run *f, struct tsn_err *err)
{
	struct tsn_import *im = f->im;
	struct tsn_store_range range;
	const struct tsn_err *damage;
	enum tsn_code code;
	bool some;

	f->committed_ns = tsn_clock_mono_ns();
	do {
		code = tsn_reader_fill(f->reader, err);
		if (code == TSN_OK)
			TSN_TRY(take_piece(f, err));
	} while (code == TSN_OK);
	if (code != TSN_EOF)
		return code;
	if (im->o.feed != NULL)
		TSN_TRY(tsn_feed_end(im->o.feed, &f->from, err));
	some = tsn_reader_take_range(f->reader, &range);
	if (some && f->from.source.path.len > 0)
		TSN_TRY(tsn_engine_range(im->o.engine, &range, err));
	im->files++;
	im->bytes += tsn_reader_bytes(f->reader);
	im->skipped_bytes += tsn_reader_skipped(f->reader);
	damage = tsn_reader_damage(f->reader);
	if (damage != NULL && damage->code == TSN_ECORRUPT) {
		im->damaged++;
		say(im, "%s", damage->msg);
	} else if (damage != NULL) {
		unreadable(im, damage->code, damage);
	}
	return TSN_OK;
}

static enum tsn_code
run_file(struct tsn_import *im, const char *open_path, const char *name, struct tsn_err *err)
{
	bool is_stdin = strcmp(open_path, "-") == 0;
	struct file_run f = {.im = im};
	struct tsn_reader_options o = {
		.ops = im->o.ops, .source = &f.from.source, .path = open_path, .mode = im->o.mode,
		.unranged = im->o.store == NULL};
	struct tsn_err why;
	enum tsn_code code;

	f.from.source = (struct tsn_source){
		.path = is_stdin ? TSN_SLICE_NONE : tsn_slice_cstr(name),
		.address = is_stdin ? TSN_SLICE("stdin") : TSN_SLICE_NONE,
		.kind = tsn_slice_cstr(im->o.kind),
		.tz_offset_sec = im->o.tz_offset_sec,
		.id = tsn_engine_source_id(im->o.engine),
	};
	f.from.row = tsn_ledger_row(tsn_engine_ledger(im->o.engine), tsn_slice_cstr(name));
	if (f.from.row == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (im->o.store != NULL && !im->o.resume_off)
		o.ranges = tsn_store_ranges(im->o.store, f.from.source.path, &o.range_count);
	code = tsn_reader_open(&o, &f.reader, &why);
	if (code == TSN_ENOMEM)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (code != TSN_OK) {
		unreadable(im, code, &why);
		return TSN_OK;
	}
	code = take_all(&f, err);
	tsn_reader_close(f.reader);
	return code;
}

/* The file's real name, so that one file has one name however it is reached. */
static enum tsn_code
one_file(struct tsn_import *im, const char *path, struct tsn_err *err)
{
	char *real = strcmp(path, "-") == 0 ? NULL : realpath(path, NULL);
	enum tsn_code code = run_file(im, path, real == NULL ? path : real, err);

	free(real);
	return code;
}

static enum tsn_code
folder_file(void *ctx, const char *path, const struct tsn_file_info *info, struct tsn_err *err)
{
	struct tsn_import *im = ctx;
	const char *what;
	struct tsn_err why;
	enum tsn_code code;

	if (info->size == 0)
		return TSN_OK;
	code = tsn_sniff_file(im->o.ops, path, &what, &why);
	if (code != TSN_OK) {
		unreadable(im, code, &why);
		return TSN_OK;
	}
	if (what != NULL) {
		char shown[300];

		im->binary++;
		say(im, "%s: left out: %s (name the file itself to import it)",
		    tsn_slice_escape(tsn_slice_cstr(path), shown, sizeof shown), what);
		return TSN_OK;
	}
	return one_file(im, path, err);
}

static void
folder_problem(void *ctx, const char *path, const struct tsn_err *why)
{
	(void)path;
	unreadable(ctx, why->code, why);
}

static enum tsn_code
folder(struct tsn_import *im, const char *path, struct tsn_err *err)
{
	struct tsn_walk w = {.file = folder_file, .problem = folder_problem, .ctx = im};
	char shown[300];

	TSN_TRY(tsn_walk(&w, path, err));
	(void)tsn_slice_escape(tsn_slice_cstr(path), shown, sizeof shown);
	if (w.files == 0) {
		im->empty_folders++;
		say(im, "%s: no files in this folder%s", shown, w.hidden > 0 ? " but hidden ones" : "");
	} else if (w.hidden > 0) {
		say(im, "%s: %llu hidden names left out", shown, (unsigned long long)w.hidden);
	}
	return TSN_OK;
}

enum tsn_code
tsn_import_path(struct tsn_import *im, const char *path, struct tsn_err *err)
{
	struct tsn_file_info info;
	struct tsn_err why;
	enum tsn_code code;

	if (strcmp(path, "-") == 0)
		return one_file(im, path, err);
	code = tsn_file_stat_path(path, &info, &why);
	if (code != TSN_OK) {
		unreadable(im, code, &why);
		return TSN_OK;
	}
	return info.kind == TSN_FILE_DIR ? folder(im, path, err) : one_file(im, path, err);
}

int
tsn_import_exit_status(const struct tsn_import *im)
{
	if (im->unreadable > 0 && im->worst != TSN_ENOTFOUND && im->worst != TSN_EINVAL)
		return tsn_err_exit_status(im->worst);
	if (im->unreadable > 0 || im->damaged > 0 || im->empty_folders > 0)
		return 2;
	return 0;
}
