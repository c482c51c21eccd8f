#include "store/export.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/file_int.h"
#include "store/pack_int.h"
#include "store/reader_int.h"

#define FILES_OPEN_MAX 200u

/* Records of a file that follow each other, with the line ends between them. */
struct run {
	uint64_t begin, end;		/* bytes */
	uint64_t line, last;		/* the first line and the last; 0: not known */
};

struct out {
	const struct tsn_source *source;
	char *path;
	int fd;				/* -1: closed for now */
	uint64_t used;			/* when last, for closing the one unused longest */
	uint64_t records, end;		/* end of the newest record */
	uint64_t size;
	struct run *runs;		/* in order of begin; records need not come in that order */
	uint32_t run_count, run_cap;
	bool crlf;			/* some lines end so */
};

struct exporter {
	const struct tsn_store_export *e;
	struct out *outs;		/* by id of the source in the reader */
	uint32_t count, open;
	uint64_t tick;
};

/* The path below the folder: no part of it may lead out again. */
static char *
path_of(const char *dir, const struct tsn_source *s)
{
	struct tsn_slice name = s->path.len > 0 ? s->path : s->address;
	struct tsn_buf b;
	size_t at = 0;

	tsn_buf_init(&b, FILE_PATH_MAX);
	tsn_buf_add(&b, dir, strlen(dir));
	if (s->path.len == 0)
		tsn_buf_lit(&b, "/network");
	while (at < name.len) {
		size_t end = at;
		struct tsn_slice part;

		while (end < name.len && name.ptr[end] != '/')
			end++;
		part = (struct tsn_slice){name.ptr + at, end - at};
		at = end + 1;
		if (part.len == 0 || tsn_slice_eq(part, TSN_SLICE(".")))
			continue;
		tsn_buf_char(&b, '/');
		tsn_buf_slice(&b, tsn_slice_eq(part, TSN_SLICE("..")) ? TSN_SLICE("dotdot") : part);
	}
	if (name.len == 0)
		tsn_buf_lit(&b, "/unnamed");
	tsn_buf_char(&b, '\0');
	if (tsn_buf_check(&b) != TSN_OK || memchr(b.ptr, '\0', b.len - 1) != NULL) {
		tsn_buf_done(&b);
		return NULL;
	}
	return b.ptr;
}

static enum tsn_code
make_parents(const char *path, struct tsn_err *err)
{
	char dir[FILE_PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = (size_t)(slash - path);

	memcpy(dir, path, len);
	dir[len] = '\0';
	return file_make_dir(dir, err);
}

static void
close_oldest(struct exporter *x)
{
	struct out *oldest = NULL;

	for (uint32_t i = 0; i < x->count; i++)
		if (x->outs[i].fd >= 0 && (oldest == NULL || x->outs[i].used < oldest->used))
			oldest = &x->outs[i];
	if (oldest == NULL)
		return;
	file_close(oldest->fd);
	oldest->fd = -1;
	x->open--;
}

static enum tsn_code
out_of(struct exporter *x, const struct tsn_source *s, struct out **ret_out, struct tsn_err *err)
{
	struct out *o;
	int flags = O_RDWR;

	if (s->id >= x->count) {
		uint32_t want = s->id + 64;
		struct out *outs = reallocarray(x->outs, want, sizeof *outs);

		if (outs == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		memset(outs + x->count, 0, (want - x->count) * sizeof *outs);
		for (uint32_t i = x->count; i < want; i++)
			outs[i].fd = -1;
		x->outs = outs;
		x->count = want;
	}
	o = &x->outs[s->id];
	o->used = ++x->tick;
	*ret_out = o;
	if (o->fd >= 0)
		return TSN_OK;
	if (o->path == NULL) {
		o->source = s;
		o->path = path_of(x->e->dir, s);
		if (o->path == NULL)
			TSN_FAIL(err, TSN_EINVAL, "a source has a name that is no file name");
		TSN_TRY(make_parents(o->path, err));
		flags |= O_CREAT | O_EXCL;
	}
	if (x->open >= FILES_OPEN_MAX)
		close_oldest(x);
	TSN_TRY(file_open(o->path, flags, &o->fd, err));
	x->open++;
	return TSN_OK;
}

static enum tsn_code
write_at(struct out *o, uint64_t at, const char *p, size_t len, struct tsn_err *err)
{
	while (len > 0) {
		ssize_t n = pwrite(o->fd, p, len, (off_t)at);

		if (n <= 0)
			TSN_FAIL(err, TSN_EIO, "%s: cannot write", o->path);
		p += n;
		at += (size_t)n;
		len -= (size_t)n;
	}
	o->size = at > o->size ? at : o->size;
	return TSN_OK;
}

#define GAP_MAX 4096u

/* Line ends between two records. */
static enum tsn_code
fill_gap(struct out *o, uint64_t from, uint64_t to, bool crlf, struct tsn_err *err)
{
	for (uint64_t at = from; at < to; at++)
		TSN_TRY(write_at(o, at, crlf && (at - from) % 2 == 0 ? "\r" : "\n", 1, err));
	return TSN_OK;
}

/* Nothing but line ends is between the two, by their numbers: fills it and joins them in `a`. */
static enum tsn_code
join(struct out *o, struct run *a, const struct run *b, bool *ret_joined, struct tsn_err *err)
{
	uint64_t gap = b->begin - a->end, breaks = b->line - a->last;

	/* Several breaks of twice the length may still be a record that comes later. */
	*ret_joined = a->last != 0 && b->line > a->last &&
	    (gap == breaks || (gap == 2 && breaks == 1));
	if (!*ret_joined)
		return TSN_OK;
	TSN_TRY(fill_gap(o, a->end, b->begin, gap != breaks, err));
	o->crlf |= gap != breaks;
	a->end = b->end;
	a->last = b->last;
	return TSN_OK;
}

static enum tsn_code
insert_run(struct out *o, uint32_t at, const struct run *run, struct tsn_err *err)
{
	if (o->run_count == o->run_cap) {
		uint32_t cap = o->run_cap == 0 ? 16 : o->run_cap * 2;
		struct run *runs = reallocarray(o->runs, cap, sizeof *runs);

		if (runs == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		o->runs = runs;
		o->run_cap = cap;
	}
	memmove(o->runs + at + 1, o->runs + at, (o->run_count - at) * sizeof *run);
	o->runs[at] = *run;
	o->run_count++;
	return TSN_OK;
}

/* Puts the record among the runs of its file; records that overlap are left as they come. */
static enum tsn_code
note_record(struct out *o, const struct run *run, struct tsn_err *err)
{
	uint32_t low = 0, high = o->run_count;
	bool joined = false, more = false;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (o->runs[mid].begin < run->begin)
			low = mid + 1;
		else
			high = mid;
	}
	if ((low > 0 && o->runs[low - 1].end > run->begin) ||
	    (low < o->run_count && run->end > o->runs[low].begin))
		return TSN_OK;
	if (low > 0)
		TSN_TRY(join(o, &o->runs[low - 1], run, &joined, err));
	if (!joined)
		TSN_TRY(insert_run(o, low++, run, err));
	if (low < o->run_count)
		TSN_TRY(join(o, &o->runs[low - 1], &o->runs[low], &more, err));
	if (more) {
		o->run_count--;
		memmove(o->runs + low, o->runs + low + 1,
		    (o->run_count - low) * sizeof *o->runs);
	}
	return TSN_OK;
}

/* In front of the first record: blank lines, or the mark of UTF-8. */
static enum tsn_code
fill_first(struct out *o, const struct run *run, struct tsn_err *err)
{
	uint64_t breaks = run->line - 1;

	if (run->begin == 3 && breaks == 0)
		return write_at(o, 0, "\xef\xbb\xbf", 3, err);
	if (run->begin <= GAP_MAX)
		return fill_gap(o, 0, run->begin, run->begin == 2 * breaks, err);
	return fill_gap(o, run->begin - 1, run->begin, false, err);
}

/* What the numbers of lines do not explain; where much is missing, records are. */
static enum tsn_code
fill_gaps(struct out *o, struct tsn_err *err)
{
	if (o->run_count > 0 && o->runs[0].line > 0)
		TSN_TRY(fill_first(o, &o->runs[0], err));
	for (uint32_t i = 1; i < o->run_count; i++) {
		const struct run *a = &o->runs[i - 1], *b = &o->runs[i];
		uint64_t gap = b->begin - a->end;

		if (gap > GAP_MAX)
			TSN_TRY(fill_gap(o, b->begin - 1, b->begin, false, err));
		else
			TSN_TRY(fill_gap(o, a->end, b->begin, gap % 2 == 0 &&
			    (a->last == 0 || b->line == 0 ? o->crlf :
			    gap == 2 * (b->line - a->last)), err));
	}
	return TSN_OK;
}

static uint64_t
breaks_in(struct tsn_slice text)
{
	uint64_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] == '\n';
	return n;
}

static enum tsn_code
export_rows(void *ctx, const struct tsn_batch *rows, struct tsn_err *err)
{
	struct exporter *x = ctx;

	for (uint32_t i = 0; i < rows->count; i++) {
		const struct tsn_event *ev = &rows->events[i];
		uint64_t at = ev->offset;
		struct out *o;

		TSN_TRY(out_of(x, ev->source, &o, err));
		if (ev->source->path.len == 0) {
			at = o->end;
			TSN_TRY(write_at(o, at + ev->original.len, "\n", 1, err));
		} else if (ev->original.len > 0) {
			TSN_TRY(note_record(o, &(struct run){at, at + ev->original.len, ev->line,
			    ev->line == 0 ? 0 : ev->line + breaks_in(ev->original)}, err));
		}
		TSN_TRY(write_at(o, at, ev->original.ptr, ev->original.len, err));
		o->records++;
		o->end = at + ev->original.len + (ev->source->path.len == 0);
	}
	return TSN_OK;
}

/* A file that grew has ranges that begin together: the longest that begins here, or NULL. */
static const struct tsn_store_range *
range_at(const struct tsn_store_range *ranges, size_t n, uint64_t at)
{
	const struct tsn_store_range *best = NULL;

	for (size_t i = 0; i < n; i++)
		if (ranges[i].begin == at && ranges[i].end > (best == NULL ? at : best->end))
			best = &ranges[i];
	return best;
}

/* The end of the ranges that follow each other from the beginning of the source. */
static uint64_t
ranges_end(const struct tsn_store_range *ranges, size_t n, uint64_t *ret_lines)
{
	const struct tsn_store_range *x;
	uint64_t end = 0;

	*ret_lines = 0;
	while ((x = range_at(ranges, n, end)) != NULL) {
		end = x->end;
		*ret_lines += x->lines;
	}
	return end;
}

/* Behind the last record: line ends, as long as there is room for each. */
static enum tsn_code
fill_last(struct out *o, uint64_t end, uint64_t lines, struct tsn_err *err)
{
	uint64_t gap = end - o->size, last = o->run_count == 0 ? 0 : o->runs[o->run_count - 1].last;

	if (gap > GAP_MAX)
		return TSN_OK;
	return fill_gap(o, o->size, end, gap % 2 == 0 &&
	    (last == 0 || lines + 1 < last ? o->crlf : gap == 2 * (lines + 1 - last)), err);
}

static enum tsn_export_check
compare(const struct out *o, const struct tsn_store_range *ranges, size_t n)
{
	enum tsn_export_check check = TSN_EXPORT_SAME;
	const struct tsn_store_range *x;
	char *map = mmap(NULL, o->size, PROT_READ, MAP_SHARED, o->fd, 0);

	if (map == MAP_FAILED)
		return TSN_EXPORT_UNKNOWN;
	for (uint64_t at = 0; (x = range_at(ranges, n, at)) != NULL; at = x->end)
		if (pack_hash(map + x->begin, x->end - x->begin) != x->hash)
			check = TSN_EXPORT_DIFFERS;
	(void)munmap(map, o->size);
	return check;
}

/* The end of the last line, and whether the bytes are those that were read. */
static enum tsn_code
finish_file(struct tsn_store_reader *r, struct exporter *x, struct out *o, struct tsn_err *err)
{
	struct tsn_store_exported done = {.source = o->source->path, .file = o->path,
	    .records = o->records, .check = TSN_EXPORT_UNKNOWN};
	const struct tsn_store_range *ranges;
	struct out *same;
	uint64_t end, lines;
	size_t n;

	TSN_TRY(out_of(x, o->source, &same, err));
	TSN_TRY(fill_gaps(o, err));
	ranges = tsn_store_reader_ranges(r, o->source->path, &n);
	end = o->source->path.len == 0 ? 0 : ranges_end(ranges, n, &lines);
	if (end >= o->size && end > 0) {
		TSN_TRY(fill_last(o, end, lines, err));
		if (o->size == end)
			done.check = compare(o, ranges, n);
	}
	if (o->source->path.len == 0)
		done.source = o->source->address;
	done.bytes = o->size;
	if (x->e->file != NULL)
		x->e->file(x->e->ctx, &done);
	return TSN_OK;
}

enum tsn_code
tsn_store_export(struct tsn_store_reader *r, const struct tsn_store_export *e,
    struct tsn_err *err)
{
	struct exporter x = {.e = e};
	struct tsn_store_scan scan = {.from_ns = e->from_ns, .to_ns = e->to_ns,
	    .rows = export_rows, .ctx = &x};
	enum tsn_code rc = file_make_dir(e->dir, err);

	if (rc == TSN_OK)
		rc = tsn_store_scan(r, &scan, err);
	for (uint32_t i = 0; i < x.count; i++) {
		if (x.outs[i].path != NULL && rc == TSN_OK)
			rc = finish_file(r, &x, &x.outs[i], err);
	}
	for (uint32_t i = 0; i < x.count; i++) {
		file_close(x.outs[i].fd);
		free(x.outs[i].path);
		free(x.outs[i].runs);
	}
	free(x.outs);
	return rc;
}
