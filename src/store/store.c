#include "store/store.h"

#include <dirent.h>
#include <stdlib.h>

#include "base/assert.h"
#include "store/merge_int.h"
#include "store/store_int.h"

#define HARD_BYTES_MAX (512u << 20)

/* ---- opening ---- */

struct replay {
	struct tsn_store *store;
	struct frame_reader reader;
};

static enum tsn_code
replay_commit(void *ctx, const struct frame_head *head, const void *packed, struct tsn_err *err)
{
	struct replay *p = ctx;
	struct tsn_store *s = p->store;
	const struct row *row;
	uint32_t before = s->rows.count;
	enum tsn_code rc;

	if (head->seq <= s->manifest.seq)
		return TSN_OK;
	TSN_TRY(frame_read(&p->reader, head, packed, err));
	while ((rc = frame_next_row(&p->reader, &row)) == TSN_OK) {
		rc = rowlog_add(&s->rows, row);
		if (rc != TSN_OK)
			break;
	}
	if (rc == TSN_EOF)
		rc = ranges_take(&s->ranges, &p->reader);
	if (rc != TSN_OK) {
		rowlog_cut(&s->rows, before);
		TSN_FAIL(err, rc, "commit %llu cannot be read", (unsigned long long)head->seq);
	}
	s->seq = head->seq;
	return TSN_OK;
}

/* A journal that cannot be read at all is set aside; the store goes on behind it. */
static enum tsn_code
replace_journal(struct tsn_store *s, struct tsn_err *err)
{
	bool unsure;

	TSN_TRY(quarantine_put(s, s->journal.path, NULL, s->damage, err));
	s->manifest.journal = s->manifest.next_number++;
	s->manifest.generation++;
	TSN_TRY(journal_create(&s->journal, s->dir, s->manifest.journal, err));
	return manifest_write(&s->manifest, s->dir, &s->ranges, &unsure, err);
}

static enum tsn_code
open_journal(struct tsn_store *s, struct tsn_err *err)
{
	struct journal_state state = {0};
	struct replay *p = calloc(1, sizeof *p);
	enum tsn_code rc;

	if (p == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	p->store = s;
	p->reader.tmpls = &s->tmpls;
	p->reader.all_sources = &s->sources;
	p->reader.keys = s->keys;
	s->seq = s->manifest.seq;
	rc = journal_open(&s->journal, s->dir, s->manifest.journal, replay_commit, p, &state, err);
	frame_reader_done(&p->reader);
	free(p);
	if (rc == TSN_OK && state.damaged > 0)
		maintain_note(s, "commits in the journal fail their checksum");
	if (rc == TSN_ECORRUPT || rc == TSN_ENOTFOUND || rc == TSN_EOF) {
		maintain_note(s, err != NULL ? err->msg : "the journal cannot be read");
		rc = replace_journal(s, err);
	}
	s->durable = s->rows.count;
	return rc;
}

/* Without the manifest they would be taken for leftovers. */
static bool
has_segments(const char *path)
{
	DIR *dir = opendir(path);
	bool has = false;

	if (dir == NULL)
		return false;
	for (struct dirent *e; !has && (e = readdir(dir)) != NULL;)
		has = tsn_slice_ends(tsn_slice_cstr(e->d_name), TSN_SLICE(".seg"));
	(void)closedir(dir);
	return has;
}

/* The first manifest stands before anything is acknowledged. */
static enum tsn_code
open_manifest(struct tsn_store *s, struct tsn_err *err)
{
	bool copy, unsure;
	enum tsn_code rc = manifest_read(&s->manifest, s->dir, &s->ranges, &copy, err);

	if (rc == TSN_OK && copy)
		maintain_note(s, "the manifest is damaged, its copy was used");
	if (rc == TSN_OK && s->manifest.journal == 0)
		TSN_FAIL(err, TSN_EINVAL, "%s: is an archive: it is read (search, store verify, "
		    "store restore), not written to", s->dir);
	if (rc != TSN_ENOTFOUND)
		return rc;
	if (has_segments(s->dir))
		TSN_FAIL(err, TSN_ECORRUPT, "%s: there are segments, but MANIFEST and MANIFEST.copy are "
		    "missing", s->dir);
	s->manifest = (struct manifest){.generation = 1, .journal = 1, .next_number = 2};
	TSN_TRY(journal_create(&s->journal, s->dir, 1, err));
	journal_close(&s->journal);
	return manifest_write(&s->manifest, s->dir, &s->ranges, &unsure, err);
}

static void
store_free(struct tsn_store *s)
{
	merge_job_free(s, s->merge);
	segw_abandon(s->segw);
	free(s->fresh);
	journal_close(&s->journal);
	manifest_done(&s->manifest);
	rowlog_done(&s->rows);
	frame_done(&s->pending);
	frame_done(&s->frame);
	ranges_done(&s->ranges);
	sources_done(&s->sources);
	tmpl_table_done(&s->tmpls);
	shape_done(&s->shape);
	fit_free(s->fit);
	tsn_buf_done(&s->packed);
	free(s->vals);
	file_close(s->lock_fd);
	free(s);
}

static enum tsn_code
open_dir(struct tsn_store *s, const char *dir, struct tsn_err *err)
{
	char path[FILE_PATH_MAX];

	TSN_TRY(file_make_dir(dir, err));
	TSN_TRY(file_path(path, dir, STORE_LOCK_NAME, err));
	memcpy(s->dir, dir, strlen(dir) + 1);
	TSN_TRY(file_lock(path, &s->lock_fd, err));
	TSN_TRY(open_manifest(s, err));
	TSN_TRY(maintain_tidy(s, err));
	return open_journal(s, err);
}

enum tsn_code
tsn_store_open(const char *dir, struct tsn_keys *keys, const struct tsn_store_options *options,
    struct tsn_store **ret_store, struct tsn_err *err)
{
	struct tsn_store *s = calloc(1, sizeof *s);
	enum tsn_code rc = TSN_OK;

	if (s == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	s->lock_fd = s->journal.fd = -1;
	s->rows_bytes_max = STORE_ROWS_BYTES;
	s->keys = keys;
	if (options != NULL)
		s->options = *options;
	shape_init(&s->shape);
	sources_init(&s->sources);
	frame_init(&s->pending);
	frame_init(&s->frame);
	rowlog_init(&s->rows, HARD_BYTES_MAX);
	tsn_buf_init(&s->packed, FRAME_BODY_MAX);
	s->vals = malloc(TMPL_SLOTS_MAX * sizeof *s->vals);
	s->fit = fit_new();
	if (s->vals == NULL || s->fit == NULL || tmpl_table_init(&s->tmpls, HARD_BYTES_MAX) != TSN_OK)
		rc = TSN_ERR(err, TSN_ENOMEM, "out of memory");
	if (rc == TSN_OK)
		rc = open_dir(s, dir, err);
	if (rc != TSN_OK) {
		store_free(s);
		return rc;
	}
	merge_after_commit(s);
	*ret_store = s;
	return TSN_OK;
}

enum tsn_code
tsn_store_close(struct tsn_store *s, struct tsn_err *err)
{
	enum tsn_code rc;

	if (s == NULL)
		return TSN_OK;
	rc = tsn_store_commit(s, err);
	store_free(s);
	return rc;
}

void
tsn_store_abandon(struct tsn_store *s)
{
	if (s != NULL)
		store_free(s);
}

uint64_t
tsn_store_damage(const struct tsn_store *s, struct tsn_slice *ret_first)
{
	*ret_first = tsn_slice_cstr(s->damage);
	return s->damaged;
}

/* ---- writing ---- */

/* The template of the event whose shape was made; records that look like no other are stored
 * whole, or a stream of such would make a template of each. */
static enum tsn_code
make_tmpl(struct tsn_store *s, const struct tsn_event *ev, struct tmpl **ret_tmpl)
{
	enum tsn_code rc = shape_make(&s->shape, ev, false);

	if (rc == TSN_OK && s->tmpls.count >= STORE_TMPL_COUNT) {
		*ret_tmpl = tmpl_find(&s->tmpls, tsn_buf_get(&s->shape.sig));
		if (*ret_tmpl != NULL)
			return TSN_OK;
		rc = TSN_ELIMIT;
	}
	if (rc == TSN_ELIMIT)
		rc = shape_make(&s->shape, ev, true);
	TSN_TRY(rc);
	return tmpl_intern(&s->tmpls, tsn_buf_get(&s->shape.sig), ret_tmpl);
}

static enum tsn_code
tmpl_of(struct tsn_store *s, const struct tsn_event *ev, struct tmpl **ret_tmpl)
{
	if (s->shape.vals != NULL) {
		*ret_tmpl = fit_find(s->fit, ev, s->shape.vals);
		if (*ret_tmpl != NULL)
			return TSN_OK;
	}
	TSN_TRY(make_tmpl(s, ev, ret_tmpl));
	fit_add(s->fit, &s->tmpls, ev, *ret_tmpl);
	return TSN_OK;
}

static enum tsn_code
add_event(struct tsn_store *s, const struct tsn_event *ev)
{
	struct tmpl *tmpl;
	struct row row = {.time_ns = ev->time_ns, .created_ns = ev->created_ns,
	    .offset = ev->offset, .line = ev->line};

	TSN_TRY(tmpl_of(s, ev, &tmpl));
	row.tmpl = tmpl;
	row.vals = s->shape.vals;
	row.source = sources_intern(&s->sources, ev->source);
	if (row.source == NULL)
		return TSN_ENOMEM;
	return rowlog_add(&s->rows, &row);
}

static enum tsn_code
refuse_broken(const struct tsn_store *s, struct tsn_err *err)
{
	TSN_FAIL_PLAIN(err, TSN_EIO, "%s: an earlier write failed; open the store again", s->dir);
}

enum tsn_code
tsn_store_append(struct tsn_store *s, const struct tsn_batch *b, struct tsn_err *err)
{
	uint32_t before;

	TSN_ASSERT(b->open == NULL);
	if (s->broken)
		return refuse_broken(s, err);
	if (s->options.disk_free_min > 0 && file_disk_free(s->dir) < s->options.disk_free_min)
		TSN_FAIL(err, TSN_EAGAIN, "disk of %s is nearly full: less than %llu bytes free",
		    s->dir, (unsigned long long)s->options.disk_free_min);
	/* A full disk left something to be done first. */
	if (s->segw != NULL)
		TSN_TRY(segw_flush(s->segw, err));
	if (s->moved > 0)
		TSN_TRY(seal_rows(s, err));
	/* Here, not behind the batch: a failure must not leave half of it. */
	if (s->tmpls.arena.held > STORE_TMPL_BYTES)
		TSN_TRY(seal_relieve(s, err));
	else if (s->rows.bytes > s->rows_bytes_max)
		TSN_TRY(seal_rows(s, err));
	before = s->rows.count;
	for (uint32_t i = 0; i < b->count; i++) {
		enum tsn_code rc = add_event(s, &b->events[i]);

		if (rc != TSN_OK) {
			rowlog_cut(&s->rows, before);
			TSN_FAIL(err, rc, "out of memory for event %u of a batch", i);
		}
	}
	return TSN_OK;
}

enum tsn_code
tsn_store_append_range(struct tsn_store *s, const struct tsn_store_range *range,
    struct tsn_err *err)
{
	enum tsn_code rc;

	if (s->broken)
		return refuse_broken(s, err);
	if (range->end < range->begin)
		TSN_FAIL(err, TSN_EINVAL, "a range ends before it begins");
	rc = frame_add_range(&s->pending, range->extends ? FRAME_RANGE_EXTEND : FRAME_RANGE_ADD,
	    range);
	if (rc == TSN_OK)
		rc = ranges_add(&s->ranges, range);
	if (rc != TSN_OK)
		TSN_FAIL(err, rc, "out of memory");
	return TSN_OK;
}

enum tsn_code
tsn_store_forget_ranges(struct tsn_store *s, struct tsn_slice source, struct tsn_err *err)
{
	struct tsn_store_range x = {.source = source};

	if (frame_add_range(&s->pending, FRAME_RANGE_FORGET, &x) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	ranges_forget(&s->ranges, source);
	return TSN_OK;
}

/* The rows since the last commit as one entry of the journal. */
static enum tsn_code
commit_journal(struct tsn_store *s, struct tsn_err *err)
{
	enum tsn_code rc = TSN_OK;
	struct row row;

	frame_reset(&s->frame);
	for (uint32_t i = s->durable; i < s->rows.count && rc == TSN_OK; i++) {
		rowlog_get(&s->rows, i, s->vals, &row);
		/* The table of templates is the writer's own: marks in it are its to make. */
		rc = frame_add_row(&s->frame, &row, s->tmpls.list[row.tmpl->id]);
	}
	if (rc == TSN_OK)
		rc = frame_add_ranges(&s->frame, &s->pending);
	tsn_buf_reset(&s->packed);
	if (rc == TSN_OK)
		rc = frame_encode(&s->frame, s->keys, s->seq + 1, &s->packed);
	if (rc != TSN_OK)
		TSN_FAIL(err, rc, "out of memory for a commit");
	rc = journal_append(&s->journal, tsn_buf_get(&s->packed), err);
	if (s->journal.broken)
		s->broken = true;
	TSN_TRY(rc);
	s->seq++;
	s->durable = s->rows.count;
	frame_reset(&s->pending);
	return TSN_OK;
}

enum tsn_code
tsn_store_commit(struct tsn_store *s, struct tsn_err *err)
{
	if (s->broken)
		return refuse_broken(s, err);
	if (seal_pending(s) || s->must_seal || s->rows.bytes >= STORE_SEAL_BYTES ||
	    s->journal.size >= STORE_JOURNAL_BYTES)
		return seal_commit(s, err);
	if (s->rows.count == s->durable && s->pending.range_count == 0)
		return TSN_OK;
	return commit_journal(s, err);
}

enum tsn_code
tsn_store_seal(struct tsn_store *s, struct tsn_err *err)
{
	if (s->broken)
		return refuse_broken(s, err);
	if (s->rows.count == 0 && s->pending.range_count == 0 && !seal_pending(s))
		return TSN_OK;
	return seal_commit(s, err);
}

void
tsn_store_range_sources(const struct tsn_store *s, struct tsn_slice prefix,
    void (*each)(void *ctx, struct tsn_slice source), void *ctx)
{
	ranges_each(&s->ranges, prefix, each, ctx);
}

const struct tsn_store_range *
tsn_store_ranges(const struct tsn_store *s, struct tsn_slice source, size_t *ret_count)
{
	return ranges_find(&s->ranges, source, ret_count);
}
