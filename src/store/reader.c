#include <fcntl.h>
#include <stdlib.h>

#include "base/assert.h"
#include "store/file_int.h"
#include "store/journal_int.h"
#include "store/reader_int.h"

#define TMPL_BYTES_MAX (512u << 20)
#define MEM_BYTES_MAX (1u << 30)
/* The writer may replace the state while it is read; it does so seldom. */
#define TRIES_MAX 32u

struct load {
	struct tsn_store_reader *reader;
	struct frame_reader frame;
};

void
reader_note(struct tsn_store_reader *r, const char *what)
{
	if (r->damaged++ == 0)
		(void)tsn_slice_escape(tsn_slice_cstr(what), r->damage, sizeof r->damage);
}

static enum tsn_code
load_commit(void *ctx, const struct frame_head *head, const void *packed, struct tsn_err *err)
{
	struct load *p = ctx;
	struct rowlog *mem = &p->reader->mem;
	const struct row *row;
	uint32_t before = mem->count;
	enum tsn_code rc;

	if (head->seq <= p->reader->manifest.seq)
		return TSN_OK;
	TSN_TRY(frame_read(&p->frame, head, packed, err));
	while ((rc = frame_next_row(&p->frame, &row)) == TSN_OK) {
		rc = rowlog_add(mem, row);
		if (rc != TSN_OK)
			break;
	}
	if (rc == TSN_EOF)
		rc = ranges_take(&p->reader->ranges, &p->frame);
	if (rc == TSN_OK)
		return TSN_OK;
	rowlog_cut(mem, before);
	TSN_FAIL(err, rc, "commit %llu cannot be read", (unsigned long long)head->seq);
}

static enum tsn_code
load_journal(struct tsn_store_reader *r, const char *dir, struct tsn_err *err)
{
	char path[FILE_PATH_MAX], name[64];
	struct journal_state state = {0};
	struct load *p;
	uint64_t size;
	enum tsn_code rc;
	int fd;

	if (r->manifest.journal == 0)
		return TSN_OK;		/* an archive */
	journal_name(r->manifest.journal, name);
	TSN_TRY(file_path(path, dir, name, err));
	rc = file_open(path, O_RDONLY, &fd, err);
	if (rc == TSN_ENOTFOUND && r->skip_missing)
		return TSN_OK;
	TSN_TRY(rc);
	p = calloc(1, sizeof *p);
	rc = p == NULL ? TSN_ERR(err, TSN_ENOMEM, "out of memory") : file_size(fd, &size, err);
	if (rc == TSN_OK) {
		p->reader = r;
		p->frame.tmpls = &r->tmpls;
		p->frame.all_sources = &r->sources;
		p->frame.keys = r->keys;
		rc = journal_walk(fd, path, size, load_commit, p, &state, err);
		frame_reader_done(&p->frame);
	}
	free(p);
	file_close(fd);
	if (rc == TSN_ECORRUPT || rc == TSN_EOF) {
		reader_note(r, err != NULL ? err->msg : "the journal is damaged");
		rc = TSN_OK;
	}
	r->journal_bytes = state.good_end;
	r->commits = state.commits;
	if (state.damaged > 0)
		reader_note(r, "commits in the journal fail their checksum");
	return rc == TSN_OK ? rowlog_sort(&r->mem) : rc;
}

static enum tsn_code
map_segment(struct tsn_store_reader *r, uint32_t i, const char *dir, struct tsn_err *err)
{
	char path[FILE_PATH_MAX], name[64];
	struct tsn_err why = {0};
	enum tsn_code rc;

	manifest_seg_name(&r->manifest.segs[i], name);
	TSN_TRY(file_path(path, dir, name, err));
	rc = seg_open(&r->segs[i], path, &why);
	if (rc == TSN_ECORRUPT || (rc == TSN_ENOTFOUND && r->skip_missing)) {
		reader_note(r, why.msg);
		return TSN_OK;
	}
	if (rc != TSN_OK && err != NULL)
		*err = why;
	return rc;
}

static enum tsn_code
map_segments(struct tsn_store_reader *r, const char *dir, struct tsn_err *err)
{
	r->segs = calloc(r->manifest.seg_count + 1, sizeof *r->segs);
	if (r->segs == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < r->manifest.seg_count; i++)
		TSN_TRY(map_segment(r, i, dir, err));
	return TSN_OK;
}

static void
forget(struct tsn_store_reader *r)
{
	for (uint32_t i = 0; r->segs != NULL && i < r->manifest.seg_count; i++)
		seg_close(&r->segs[i]);
	free(r->segs);
	r->segs = NULL;
	manifest_done(&r->manifest);
	ranges_done(&r->ranges);
	rowlog_reset(&r->mem);
	if (!r->skip_missing)
		r->damaged = 0;
}

/* A missing file means that the state was replaced meanwhile, unless it is still the same. */
static enum tsn_code
load_state(struct tsn_store_reader *r, const char *dir, struct tsn_err *err)
{
	uint64_t generation = UINT64_MAX;
	enum tsn_code rc = TSN_OK;
	bool copy;

	for (unsigned i = 0; i < TRIES_MAX; i++) {
		TSN_TRY(manifest_read(&r->manifest, dir, &r->ranges, &copy, err));
		if (copy)
			reader_note(r, "the manifest is damaged, its copy was used");
		if (rc == TSN_ENOTFOUND && r->manifest.generation == generation) {
			r->skip_missing = true;
		}
		generation = r->manifest.generation;
		rc = map_segments(r, dir, err);
		if (rc == TSN_OK)
			rc = load_journal(r, dir, err);
		if (rc != TSN_ENOTFOUND)
			return rc;
		forget(r);
	}
	return rc;
}

enum tsn_code
tsn_store_reader_open(const char *dir, struct tsn_keys *keys, struct tsn_store_reader **ret_reader,
    struct tsn_err *err)
{
	struct tsn_store_reader *r = calloc(1, sizeof *r);
	enum tsn_code rc;

	if (r == NULL || tmpl_table_init(&r->tmpls, TMPL_BYTES_MAX) != TSN_OK) {
		free(r);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	r->keys = keys;
	sources_init(&r->sources);
	rowlog_init(&r->mem, MEM_BYTES_MAX);
	rc = file_path(r->dir, dir, ".", err);
	if (rc == TSN_OK)
		rc = load_state(r, dir, err);
	if (rc != TSN_OK) {
		tsn_store_reader_close(r);
		if (rc == TSN_ENOTFOUND)
			TSN_FAIL(err, TSN_ENOTFOUND, "%s: no store here", dir);
		return rc;
	}
	*ret_reader = r;
	return TSN_OK;
}

/* The archive may have got its copy after the manifest of the store was read. */
static bool
is_held(const struct tsn_store_reader *r, const struct manifest_seg *m)
{
	if (manifest_find(&r->manifest, m) != NULL)
		return true;
	for (uint32_t i = 0; i < r->manifest.seg_count; i++) {
		const struct manifest_seg *x = &r->manifest.segs[i];
		struct tsn_slice file = r->segs[i].file;

		if (x->hash == 0 && x->rows == m->rows && x->file_bytes == m->file_bytes &&
		    x->time_min == m->time_min && x->time_max == m->time_max && file.ptr != NULL &&
		    pack_hash(file.ptr, file.len) == m->hash)
			return true;
	}
	return false;
}

/* Segments of an archive are not replaced: what is missing stays missing. */
static enum tsn_code
add_segments(struct tsn_store_reader *r, const struct manifest *more, const char *dir,
    struct tsn_err *err)
{
	uint32_t total = r->manifest.seg_count + more->seg_count;
	struct seg *segs = reallocarray(r->segs, total + 1, sizeof *segs);

	if (segs == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	r->segs = segs;
	memset(segs + r->manifest.seg_count, 0, (more->seg_count + 1) * sizeof *segs);
	r->skip_missing = true;
	for (uint32_t i = 0; i < more->seg_count; i++) {
		if (is_held(r, &more->segs[i]))
			continue;
		if (manifest_add(&r->manifest, &more->segs[i]) != TSN_OK)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		TSN_TRY(map_segment(r, r->manifest.seg_count - 1, dir, err));
	}
	return TSN_OK;
}

/* What the snapshot has in its journal may have been sealed and archived meanwhile. */
static enum tsn_code
check_current(const struct tsn_store_reader *r, struct tsn_err *err)
{
	struct manifest now;
	uint64_t generation;
	bool copy;

	TSN_TRY(manifest_read(&now, r->dir, NULL, &copy, err));
	generation = now.generation;
	manifest_done(&now);
	if (generation != r->manifest.generation)
		TSN_FAIL(err, TSN_EAGAIN, "%s: has changed meanwhile, open it again", r->dir);
	return TSN_OK;
}

enum tsn_code
tsn_store_reader_add(struct tsn_store_reader *r, const char *dir, struct tsn_err *err)
{
	struct manifest more;
	enum tsn_code rc;
	bool copy;

	rc = manifest_read(&more, dir, NULL, &copy, err);
	if (rc == TSN_ENOTFOUND)
		TSN_FAIL(err, TSN_ENOTFOUND, "%s: no archive here", dir);
	TSN_TRY(rc);
	rc = check_current(r, err);
	if (rc == TSN_OK && more.journal != 0)
		rc = TSN_ERR(err, TSN_EINVAL, "%s: is a store, not an archive", dir);
	if (rc == TSN_OK && copy)
		reader_note(r, "the manifest of the archive is damaged, its copy was used");
	if (rc == TSN_OK)
		rc = add_segments(r, &more, dir, err);
	manifest_done(&more);
	return rc;
}

void
tsn_store_reader_close(struct tsn_store_reader *r)
{
	if (r == NULL)
		return;
	forget(r);
	rowlog_done(&r->mem);
	tmpl_table_done(&r->tmpls);
	sources_done(&r->sources);
	free(r);
}

uint64_t
tsn_store_reader_damage(const struct tsn_store_reader *r, struct tsn_slice *ret_first)
{
	*ret_first = tsn_slice_cstr(r->damage);
	return r->damaged;
}

const struct tsn_store_range *
tsn_store_reader_ranges(const struct tsn_store_reader *r, struct tsn_slice source,
    size_t *ret_count)
{
	return ranges_find(&r->ranges, source, ret_count);
}

uint64_t
tsn_store_reader_mark(const struct tsn_store_reader *r)
{
	return r->manifest.next_number;
}

static bool
tell_fields(const struct tmpl *t, bool (*field)(void *ctx, tsn_key key), void *ctx)
{
	for (uint32_t i = 0; i < t->field_count; i++)
		if (t->fields[i].key != TSN_KEY_NONE && !field(ctx, t->fields[i].key))
			return false;
	return true;
}

enum tsn_code
tsn_store_reader_fields(struct tsn_store_reader *r, bool (*field)(void *ctx, tsn_key key),
    void *ctx, struct tsn_err *err)
{
	for (uint32_t i = 0; i < r->tmpls.count; i++)
		if (!tell_fields(r->tmpls.list[i], field, ctx))
			return TSN_OK;
	for (uint32_t i = r->manifest.seg_count; i-- > 0;) {
		struct seg *s = &r->segs[i];
		enum tsn_code rc;
		bool more = true;

		if (s->file.ptr == NULL)
			continue;
		rc = seg_load(s, r->keys, &r->sources, err);
		if (rc == TSN_ECORRUPT)	/* told by the scan */
			continue;
		TSN_TRY(rc);
		for (uint32_t t = 0; t < s->tmpl_count && more; t++)
			more = tell_fields(s->tmpls[t].tmpl, field, ctx);
		seg_unload(s);
		if (!more)
			return TSN_OK;
	}
	return TSN_OK;
}
