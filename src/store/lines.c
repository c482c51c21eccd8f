/* A segment as JSON lines, for programs that know nothing of segments. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/time.h"
#include "event/doc.h"
#include "store/archive_int.h"
#include "store/reader_int.h"

/* Names that begin so are no data for Spark and Hive. */
#define LINES_MANIFEST "_MANIFEST.jsonl"
#define LINES_MANIFEST_MAX (64u << 20)
#define OUT_BYTES (256u << 10)
#define LINE_BYTES_MAX (256u << 20)

struct lines {
	const char *dir;
	const struct manifest_seg *seg;
	struct tsn_doc_writer *writer;
	struct tsn_buf out, names;	/* names: lines for the manifest */
	int fd;
	int64_t day;			/* of the file that is open */
	char path[FILE_PATH_MAX], part[FILE_PATH_MAX];	/* its name, and that until it is whole */
	char name[96];			/* below dir */
	uint64_t events, bytes;
	int64_t first_ns, last_ns;
	XXH3_state_t *hash;
};

static enum tsn_code
put_out(struct lines *x, struct tsn_err *err)
{
	struct tsn_slice s = tsn_buf_get(&x->out);

	if (tsn_buf_check(&x->out) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory for a document");
	(void)XXH3_64bits_update(x->hash, s.ptr, s.len);
	x->bytes += s.len;
	TSN_TRY(file_write(x->fd, s.ptr, s.len, x->part, err));
	tsn_buf_reset(&x->out);
	return TSN_OK;
}

static void
put_name(struct lines *x)
{
	char from[TSN_TIME_TEXT_MAX], to[TSN_TIME_TEXT_MAX];

	tsn_buf_printf(&x->names, "{\"file\":\"%s\",\"segment\":\"%016llx\",\"events\":%llu,"
	    "\"bytes\":%llu,\"from\":\"%.*s\",\"to\":\"%.*s\",\"xxh3\":\"%016llx\"}\n", x->name,
	    (unsigned long long)x->seg->hash, (unsigned long long)x->events,
	    (unsigned long long)x->bytes, (int)tsn_time_format(x->first_ns, from), from,
	    (int)tsn_time_format(x->last_ns, to), to,
	    (unsigned long long)XXH3_64bits_digest(x->hash));
}

static enum tsn_code
end_file(struct lines *x, struct tsn_err *err)
{
	char dir[FILE_PATH_MAX];

	if (x->fd < 0)
		return TSN_OK;
	TSN_TRY(put_out(x, err));
	TSN_TRY(file_sync(x->fd, x->part, err));
	file_close(x->fd);
	x->fd = -1;
	TSN_TRY(file_rename(x->part, x->path, err));
	memcpy(dir, x->path, sizeof dir);
	*strrchr(dir, '/') = '\0';
	TSN_TRY(file_sync_dir(dir, err));
	put_name(x);
	return TSN_OK;
}

static enum tsn_code
begin_file(struct lines *x, int64_t day, struct tsn_err *err)
{
	unsigned long long hash = x->seg->hash;
	char date[48], part[96];
	struct tsn_civil c;

	tsn_time_to_civil(day, &c);
	(void)snprintf(date, sizeof date, "dt=%04d-%02d-%02d", c.year, c.month, c.day);
	/* One segment has one name, whichever store it comes from. */
	(void)snprintf(x->name, sizeof x->name, "%s/%016llx.jsonl", date, hash);
	(void)snprintf(part, sizeof part, "%s/.%016llx.part", date, hash);
	TSN_TRY(file_path(x->path, x->dir, date, err));
	TSN_TRY(file_make_dir(x->path, err));
	TSN_TRY(file_path(x->path, x->dir, x->name, err));
	TSN_TRY(file_path(x->part, x->dir, part, err));
	TSN_TRY(file_open(x->part, O_WRONLY | O_CREAT | O_TRUNC, &x->fd, err));
	x->day = day;
	x->events = x->bytes = 0;
	(void)XXH3_64bits_reset(x->hash);
	return TSN_OK;
}

static enum tsn_code
on_rows(void *ctx, const struct tsn_batch *rows, struct tsn_err *err)
{
	struct lines *x = ctx;

	for (uint32_t i = 0; i < rows->count; i++) {
		const struct tsn_event *ev = &rows->events[i];
		int64_t day = tsn_time_floor(ev->time_ns, TSN_NS_PER_DAY);

		if (x->fd < 0 || day != x->day) {
			TSN_TRY(end_file(x, err));
			TSN_TRY(begin_file(x, day, err));
			x->first_ns = ev->time_ns;
		}
		tsn_doc_writer_write(x->writer, ev, &x->out);
		tsn_buf_char(&x->out, '\n');
		x->events++;
		x->last_ns = ev->time_ns;
		if (x->out.len >= OUT_BYTES)
			TSN_TRY(put_out(x, err));
	}
	return TSN_OK;
}

/* What the manifest holds already; empty when there is none. */
static enum tsn_code
read_names(const char *dir, struct tsn_buf *out, struct tsn_err *err)
{
	char path[FILE_PATH_MAX];
	enum tsn_code rc;
	uint64_t size;
	int fd;

	TSN_TRY(file_path(path, dir, LINES_MANIFEST, err));
	rc = file_open(path, O_RDONLY, &fd, err);
	if (rc == TSN_ENOTFOUND)
		return TSN_OK;
	TSN_TRY(rc);
	rc = file_size(fd, &size, err);
	if (rc == TSN_OK && (size > LINES_MANIFEST_MAX || !tsn_buf_room(out, size)))
		rc = TSN_ERR(err, TSN_ELIMIT, "%s: too large", path);
	if (rc == TSN_OK)
		rc = file_read_at(fd, 0, out->ptr + out->len, size, path, err);
	if (rc == TSN_OK)
		out->len += size;
	file_close(fd);
	return rc;
}

static enum tsn_code
write_names(const char *dir, const struct tsn_buf *names, struct tsn_err *err)
{
	char path[FILE_PATH_MAX], fresh[FILE_PATH_MAX];
	struct tsn_slice s = tsn_buf_get(names);
	enum tsn_code rc;
	int fd;

	if (tsn_buf_check(names) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory for %s", LINES_MANIFEST);
	TSN_TRY(file_path(path, dir, LINES_MANIFEST, err));
	TSN_TRY(file_path(fresh, dir, LINES_MANIFEST ".new", err));
	TSN_TRY(file_open(fresh, O_WRONLY | O_CREAT | O_TRUNC, &fd, err));
	rc = file_write(fd, s.ptr, s.len, fresh, err);
	if (rc == TSN_OK)
		rc = file_sync(fd, fresh, err);
	file_close(fd);
	TSN_TRY(rc);
	TSN_TRY(file_rename(fresh, path, err));
	return file_sync_dir(dir, err);
}

static bool
is_named(const struct tsn_buf *names, uint64_t hash)
{
	char want[48];
	int n = snprintf(want, sizeof want, "\"segment\":\"%016llx\"", (unsigned long long)hash);

	return tsn_slice_find(tsn_buf_get(names), tsn_slice_of(want, (size_t)n)) != SIZE_MAX;
}

/* A reader of this one segment. */
static enum tsn_code
scan_segment(const char *path, const struct manifest_seg *m, struct tsn_keys *keys,
    const struct tsn_store_scan *scan, struct tsn_err *err)
{
	struct tsn_store_reader r = {.keys = keys};
	enum tsn_code rc;

	sources_init(&r.sources);
	rowlog_init(&r.mem, 1);
	r.segs = calloc(1, sizeof *r.segs);
	rc = r.segs == NULL || manifest_add(&r.manifest, m) != TSN_OK ?
	    TSN_ERR(err, TSN_ENOMEM, "out of memory") : seg_open(&r.segs[0], path, err);
	if (rc == TSN_OK) {
		rc = tsn_store_scan(&r, scan, err);
		if (rc == TSN_OK && r.damaged > 0)
			rc = TSN_ERR(err, TSN_ECORRUPT, "%s", r.damage);
		seg_close(&r.segs[0]);
	}
	free(r.segs);
	manifest_done(&r.manifest);
	sources_done(&r.sources);
	rowlog_done(&r.mem);
	return rc;
}

enum tsn_code
lines_write(const char *dir, const char *path, const struct manifest_seg *m,
    struct tsn_keys *keys, bool *ret_was_there, struct tsn_err *err)
{
	struct lines *x = calloc(1, sizeof *x);
	struct tsn_store_scan scan = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .rows = on_rows,
	    .ctx = x};
	enum tsn_code rc;

	if (x == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	*x = (struct lines){.dir = dir, .seg = m, .fd = -1};
	tsn_buf_init(&x->out, LINE_BYTES_MAX);
	tsn_buf_init(&x->names, LINES_MANIFEST_MAX);
	x->writer = tsn_doc_writer_new(keys);
	x->hash = XXH3_createState();
	rc = x->writer == NULL || x->hash == NULL ? TSN_ERR(err, TSN_ENOMEM, "out of memory") :
						    read_names(dir, &x->names, err);
	*ret_was_there = rc == TSN_OK && is_named(&x->names, m->hash);
	if (rc == TSN_OK && !*ret_was_there) {
		rc = scan_segment(path, m, keys, &scan, err);
		if (rc == TSN_OK)
			rc = end_file(x, err);
		if (rc == TSN_OK)
			rc = write_names(dir, &x->names, err);
	}
	file_close(x->fd);
	tsn_doc_writer_free(x->writer);
	(void)XXH3_freeState(x->hash);
	tsn_buf_done(&x->out);
	tsn_buf_done(&x->names);
	free(x);
	return rc;
}
