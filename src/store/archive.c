#include "store/archive.h"

#include <fcntl.h>
#include <stdlib.h>

#include "store/archive_int.h"
#include "store/reader_int.h"
#include "store/store_int.h"

/* Copied at a time. */
#define PIECE_BYTES (1u << 20)

/* ---- one segment ---- */

static void
tell(const struct tsn_store_archive *a, const struct manifest_seg *m, unsigned what,
    const char *why)
{
	struct tsn_store_archived x = {.events = m->rows, .bytes = m->file_bytes,
	    .time_min = m->time_min, .time_max = m->time_max, .why = why};
	char name[64];

	manifest_seg_name(m, name);
	x.file = name;
	x.what = what;
	if (a->segment != NULL)
		a->segment(a->ctx, &x);
}

static void
tell_damage(struct tsn_store_archive *a, const struct manifest_seg *m, const char *why)
{
	a->damaged++;
	tell(a, m, TSN_ARCHIVED_DAMAGED, why);
}

/* 0 says "none" in manifests. */
static uint64_t
hash_of(const struct seg *seg)
{
	uint64_t hash = pack_hash(seg->file.ptr, seg->file.len);

	return hash == 0 ? 1 : hash;
}

/* Opens it and looks at every byte: what is damaged must not pass for a good copy. */
static enum tsn_code
open_whole(struct seg *seg, const char *dir, const struct manifest_seg *m, struct tsn_keys *keys,
    struct tsn_err *err)
{
	char path[FILE_PATH_MAX], name[64];
	struct sources sources;
	enum tsn_code rc;

	manifest_seg_name(m, name);
	TSN_TRY(file_path(path, dir, name, err));
	TSN_TRY(seg_open(seg, path, err));
	sources_init(&sources);
	rc = seg_load(seg, keys, &sources, err);
	if (rc == TSN_OK)
		rc = seg_verify(seg, err);
	if (rc == TSN_OK && (seg->rows != m->rows || seg->file.len != m->file_bytes ||
	    (m->hash != 0 && hash_of(seg) != m->hash)))
		rc = TSN_ERR(err, TSN_ECORRUPT, "%s: not the segment the manifest names", path);
	seg_unload(seg);
	sources_done(&sources);
	if (rc != TSN_OK)
		seg_close(seg);
	return rc;
}

/* The bytes of a segment as a new file, durable but for its name. */
static enum tsn_code
copy_segment(const struct seg *seg, const char *dir, const struct manifest_seg *m,
    struct tsn_err *err)
{
	char path[FILE_PATH_MAX], name[64];
	enum tsn_code rc = TSN_OK;
	int fd;

	manifest_seg_name(m, name);
	TSN_TRY(file_path(path, dir, name, err));
	TSN_TRY(file_open(path, O_WRONLY | O_CREAT | O_TRUNC, &fd, err));
	for (size_t at = 0; at < seg->file.len && rc == TSN_OK; at += PIECE_BYTES) {
		size_t left = seg->file.len - at;

		rc = file_write(fd, seg->file.ptr + at, left < PIECE_BYTES ? left : PIECE_BYTES,
		    path, err);
	}
	if (rc == TSN_OK)
		rc = file_sync(fd, path, err);
	file_close(fd);
	if (rc != TSN_OK)
		(void)!file_unlink(path, NULL);
	return rc;
}

/* ---- the archive's folder ---- */

struct archive {
	const char *dir;
	struct manifest manifest;
	struct ranges ranges;		/* none: a manifest has them */
	int lock_fd;
};

static void
close_archive(struct archive *x)
{
	manifest_done(&x->manifest);
	ranges_done(&x->ranges);
	file_close(x->lock_fd);
}

static enum tsn_code
lock_archive(struct archive *x, const char *dir, struct tsn_err *err)
{
	char path[FILE_PATH_MAX];

	*x = (struct archive){.dir = dir, .lock_fd = -1};
	TSN_TRY(file_make_dir(dir, err));
	TSN_TRY(file_path(path, dir, STORE_LOCK_NAME, err));
	return file_lock(path, &x->lock_fd, err);
}

static enum tsn_code
read_archive(struct archive *x, struct tsn_err *err)
{
	bool copy;
	enum tsn_code rc = manifest_read(&x->manifest, x->dir, &x->ranges, &copy, err);

	if (rc == TSN_OK && x->manifest.journal != 0)
		TSN_FAIL(err, TSN_EINVAL, "%s: is a store, not an archive", x->dir);
	return rc;
}

static enum tsn_code
open_archive(struct archive *x, const char *dir, struct tsn_err *err)
{
	enum tsn_code rc = lock_archive(x, dir, err);

	if (rc == TSN_OK)
		rc = read_archive(x, err);
	if (rc == TSN_ENOTFOUND) {
		x->manifest = (struct manifest){.next_number = 1};
		rc = TSN_OK;
	}
	if (rc != TSN_OK)
		close_archive(x);
	return rc;
}

/* The segment is named from here on; the folder is durable. */
static enum tsn_code
name_segment(struct archive *x, const struct manifest_seg *m, struct tsn_err *err)
{
	enum tsn_code rc;
	bool unsure;

	if (manifest_add(&x->manifest, m) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	x->manifest.generation++;
	rc = file_sync_dir(x->dir, err);
	if (rc == TSN_OK)
		rc = manifest_write(&x->manifest, x->dir, &x->ranges, &unsure, err);
	if (rc != TSN_OK)
		x->manifest.seg_count--;
	return rc;
}

/* ---- into the archive ---- */

/* Marks it in the store: its file stays what it is now. */
static enum tsn_code
mark(struct tsn_store *s, uint32_t i, const struct seg *seg, struct tsn_err *err)
{
	struct manifest_seg m = s->manifest.segs[i];

	if (m.hash != 0)
		return TSN_OK;
	m.hash = hash_of(seg);
	return maintain_replace(s, &i, 1, &m, err);
}

static enum tsn_code
put_segment(struct tsn_store *s, uint32_t i, struct archive *x, const struct seg *seg,
    struct tsn_store_archive *a, struct tsn_err *err)
{
	struct manifest_seg m = s->manifest.segs[i];

	if (manifest_find(&x->manifest, &m) != NULL) {
		tell(a, &m, TSN_ARCHIVED_BEFORE, NULL);
		return TSN_OK;
	}
	m.number = x->manifest.next_number++;
	TSN_TRY(copy_segment(seg, x->dir, &m, err));
	TSN_TRY(name_segment(x, &m, err));
	tell(a, &s->manifest.segs[i], TSN_ARCHIVED_NOW, NULL);
	return TSN_OK;
}

static enum tsn_code
put_lines(struct tsn_store *s, uint32_t i, const struct seg *seg, struct tsn_store_archive *a,
    struct tsn_err *err)
{
	const struct manifest_seg *m = &s->manifest.segs[i];
	bool was_there;

	TSN_TRY(lines_write(a->dir, seg->path, m, s->keys, &was_there, err));
	tell(a, m, was_there ? TSN_ARCHIVED_BEFORE : TSN_ARCHIVED_NOW, NULL);
	return TSN_OK;
}

static enum tsn_code
archive_one(struct tsn_store *s, uint32_t i, struct archive *x, struct tsn_store_archive *a,
    struct seg *seg, struct tsn_err *err)
{
	struct manifest_seg was = s->manifest.segs[i];
	struct tsn_err why = {0};
	enum tsn_code rc = open_whole(seg, s->dir, &was, s->keys, &why);

	if (rc == TSN_ECORRUPT || rc == TSN_ENOTFOUND) {
		tell_damage(a, &was, why.msg);
		return TSN_OK;
	}
	if (rc != TSN_OK) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	rc = mark(s, i, seg, err);
	if (rc == TSN_OK)
		rc = a->jsonl ? put_lines(s, i, seg, a, err) : put_segment(s, i, x, seg, a, err);
	seg_close(seg);
	return rc;
}

static enum tsn_code
remove_one(struct tsn_store *s, uint32_t i, const struct tsn_store_archive *a,
    struct tsn_err *err)
{
	const struct manifest_seg m = s->manifest.segs[i];

	TSN_TRY(maintain_replace(s, &i, 1, NULL, err));
	maintain_remove(s, &m);
	tell(a, &m, TSN_ARCHIVED_REMOVED, NULL);
	return TSN_OK;
}

static enum tsn_code
archive_all(struct tsn_store *s, struct archive *x, struct tsn_store_archive *a, struct seg *seg,
    struct tsn_err *err)
{
	uint32_t i = 0;

	while (i < s->manifest.seg_count) {
		const struct manifest_seg *m = &s->manifest.segs[i];
		uint64_t damaged = a->damaged;

		if (a->canceled != NULL && a->canceled(a->ctx))
			TSN_FAIL(err, TSN_ECANCELED, "canceled");
		if (m->time_min < a->from_ns || m->time_max >= a->to_ns) {
			a->across += m->time_max >= a->from_ns && m->time_min < a->to_ns;
			i++;
			continue;
		}
		TSN_TRY(archive_one(s, i, x, a, seg, err));
		if (a->remove && damaged == a->damaged)
			TSN_TRY(remove_one(s, i, a, err));
		else
			i++;
	}
	return TSN_OK;
}

enum tsn_code
tsn_store_archive(struct tsn_store *s, struct tsn_store_archive *a, struct tsn_err *err)
{
	struct archive x;
	struct seg *seg;
	enum tsn_code rc;

	if (a->jsonl && a->remove)
		TSN_FAIL(err, TSN_EINVAL, "JSON lines cannot be brought back: nothing is removed");
	a->across = a->damaged = 0;
	TSN_TRY(tsn_store_seal(s, err));
	TSN_TRY(a->jsonl ? lock_archive(&x, a->dir, err) : open_archive(&x, a->dir, err));
	seg = calloc(1, sizeof *seg);
	rc = seg == NULL ? TSN_ERR(err, TSN_ENOMEM, "out of memory") :
			   archive_all(s, &x, a, seg, err);
	free(seg);
	close_archive(&x);
	return rc;
}

/* ---- and back ---- */

static enum tsn_code
restore_one(struct tsn_store *s, const struct archive *x, const struct manifest_seg *m,
    struct tsn_store_archive *a, struct seg *seg, struct tsn_err *err)
{
	struct manifest_seg fresh = *m;
	struct tsn_err why = {0};
	enum tsn_code rc = open_whole(seg, x->dir, m, s->keys, &why);

	if (rc == TSN_ECORRUPT || rc == TSN_ENOTFOUND) {
		tell_damage(a, m, why.msg);
		return TSN_OK;
	}
	if (rc != TSN_OK) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	fresh.number = s->manifest.next_number++;
	rc = copy_segment(seg, s->dir, &fresh, err);
	seg_close(seg);
	if (rc == TSN_OK) {
		rc = maintain_replace(s, NULL, 0, &fresh, err);
		if (rc != TSN_OK && !s->broken)
			maintain_remove(s, &fresh);
	}
	TSN_TRY(rc);
	tell(a, m, TSN_ARCHIVED_NOW, NULL);
	return TSN_OK;
}

enum tsn_code
tsn_store_restore(struct tsn_store *s, struct tsn_store_archive *a, struct tsn_err *err)
{
	struct archive x = {.dir = a->dir, .lock_fd = -1};
	struct seg *seg = calloc(1, sizeof *seg);
	enum tsn_code rc = read_archive(&x, err);

	if (seg == NULL && rc == TSN_OK)
		rc = TSN_ERR(err, TSN_ENOMEM, "out of memory");
	a->across = a->damaged = 0;
	for (uint32_t i = 0; i < x.manifest.seg_count && rc == TSN_OK; i++) {
		const struct manifest_seg *m = &x.manifest.segs[i];

		if (a->canceled != NULL && a->canceled(a->ctx))
			rc = TSN_ERR(err, TSN_ECANCELED, "canceled");
		else if (m->time_max < a->from_ns || m->time_min >= a->to_ns)
			continue;
		else if (manifest_find(&s->manifest, m) != NULL)
			tell(a, m, TSN_ARCHIVED_BEFORE, NULL);
		else
			rc = restore_one(s, &x, m, a, seg, err);
	}
	if (rc == TSN_ENOTFOUND)
		rc = TSN_ERR(err, rc, "%s: no archive here", a->dir);
	free(seg);
	close_archive(&x);
	return rc;
}
