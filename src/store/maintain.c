/* Files of the store that are not as they should be, and those that are not needed any more. */
#include <dirent.h>
#include <stdlib.h>

#include "base/num.h"
#include "store/seg_int.h"
#include "store/store_int.h"

void
maintain_note(struct tsn_store *s, const char *what)
{
	if (s->damaged++ == 0)
		(void)tsn_slice_escape(tsn_slice_cstr(what), s->damage, sizeof s->damage);
}

static enum tsn_code
check_segments(struct tsn_store *s, struct tsn_err *err)
{
	struct manifest *m = &s->manifest;
	char path[FILE_PATH_MAX];
	uint32_t kept = 0;
	bool unsure;

	for (uint32_t i = 0; i < m->seg_count; i++) {
		struct tsn_err why = {0};
		struct seg *seg = malloc(sizeof *seg);
		enum tsn_code rc;

		if (seg == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		TSN_TRY(seal_path(s, &m->segs[i], path, err));
		rc = seg_open(seg, path, &why);
		if (rc == TSN_OK)
			seg_close(seg);
		free(seg);
		if (rc == TSN_OK) {
			m->segs[kept++] = m->segs[i];
			continue;
		}
		if (rc != TSN_ECORRUPT && rc != TSN_ENOTFOUND) {
			if (err != NULL)
				*err = why;
			return rc;
		}
		maintain_note(s, why.msg);
		TSN_TRY(quarantine_put(s, path, &m->segs[i], why.msg, err));
	}
	if (kept == m->seg_count)
		return TSN_OK;
	m->seg_count = kept;
	m->generation++;
	return manifest_write(m, s->dir, &s->ranges, &unsure, err);
}

static bool
is_wanted(const struct tsn_store *s, const char *name)
{
	struct tsn_slice n = tsn_slice_cstr(name);
	char want[64];

	if (tsn_slice_ends(n, TSN_SLICE(".seg"))) {
		for (uint32_t i = 0; i < s->manifest.seg_count; i++) {
			manifest_seg_name(&s->manifest.segs[i], want);
			if (strcmp(name, want) == 0)
				return true;
		}
		return false;
	}
	if (!tsn_slice_starts(n, TSN_SLICE("journal-")))
		return true;		/* not ours to judge */
	journal_name(s->manifest.journal, want);
	return strcmp(name, want) == 0;
}

/* What a crash left between two steps: files that no manifest names yet, or any more. */
static void
remove_strays(struct tsn_store *s)
{
	DIR *dir = opendir(s->dir);
	char path[FILE_PATH_MAX];

	if (dir == NULL)
		return;
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		if (!is_wanted(s, e->d_name) && file_path(path, s->dir, e->d_name, NULL) == TSN_OK)
			(void)!file_unlink(path, NULL);
	(void)closedir(dir);
}

enum tsn_code
maintain_tidy(struct tsn_store *s, struct tsn_err *err)
{
	TSN_TRY(check_segments(s, err));
	remove_strays(s);
	return TSN_OK;
}

/* ---- another set of segments ---- */

static bool
is_chosen(uint32_t i, const uint32_t *chosen, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		if (chosen[k] == i)
			return true;
	return false;
}

/*
 * The ranges are those of the manifest in force: what was said since is in the journal, and what
 * is not committed yet must not be in either.
 */
enum tsn_code
maintain_replace(struct tsn_store *s, const uint32_t *chosen, uint32_t n,
    const struct manifest_seg *fresh, struct tsn_err *err)
{
	struct manifest now, next = s->manifest;
	struct ranges ranges = {0};
	enum tsn_code rc;
	bool flag;

	rc = manifest_read(&now, s->dir, &ranges, &flag, err);
	if (rc != TSN_OK) {
		ranges_done(&ranges);
		return rc;
	}
	manifest_done(&now);
	next.segs = NULL;
	next.seg_count = next.seg_cap = 0;
	next.generation++;
	for (uint32_t i = 0; i < s->manifest.seg_count && rc == TSN_OK; i++) {
		if (!is_chosen(i, chosen, n))
			rc = manifest_add(&next, &s->manifest.segs[i]);
		else if (i == chosen[0] && fresh != NULL)
			rc = manifest_add(&next, fresh);
	}
	if (rc == TSN_OK && n == 0)
		rc = manifest_add(&next, fresh);
	if (rc != TSN_OK)
		(void)TSN_ERR(err, rc, "out of memory");
	if (rc == TSN_OK)
		rc = file_sync_dir(s->dir, err);
	if (rc == TSN_OK) {
		rc = manifest_write(&next, s->dir, &ranges, &flag, err);
		s->broken |= flag;
	}
	ranges_done(&ranges);
	if (rc != TSN_OK) {
		free(next.segs);
		return rc;
	}
	manifest_done(&s->manifest);
	s->manifest = next;
	return TSN_OK;
}

void
maintain_remove(const struct tsn_store *s, const struct manifest_seg *seg)
{
	char path[FILE_PATH_MAX];

	if (seal_path(s, seg, path, NULL) == TSN_OK)
		(void)!file_unlink(path, NULL);
}

/* ---- damage that is met later ---- */

/* TSN_ECORRUPT: *ret_open says whether its head and tail were well. */
static enum tsn_code
examine_one(const struct tsn_store *s, const struct manifest_seg *m, bool *ret_open,
    struct tsn_err *err)
{
	struct seg *seg = malloc(sizeof *seg);
	char path[FILE_PATH_MAX];
	struct sources sources;
	enum tsn_code rc;

	if (seg == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	rc = seal_path(s, m, path, err);
	if (rc == TSN_OK)
		rc = seg_open(seg, path, err);
	if (rc == TSN_OK) {
		sources_init(&sources);
		rc = seg_load(seg, s->keys, &sources, err);
		*ret_open = true;
		if (rc == TSN_OK)
			rc = seg_verify(seg, err);
		seg_close(seg);
		sources_done(&sources);
	}
	free(seg);
	return rc;
}

enum tsn_code
maintain_examine(struct tsn_store *s, const uint32_t *chosen, uint32_t n, struct tsn_err *err)
{
	uint32_t gone = UINT32_MAX;
	char path[FILE_PATH_MAX];
	struct manifest_seg m;

	for (uint32_t i = 0; i < n; i++) {
		struct manifest_seg *x = &s->manifest.segs[chosen[i]];
		struct tsn_err why = {0};
		bool open = false;
		enum tsn_code rc = examine_one(s, x, &open, &why);

		if (rc != TSN_ECORRUPT && rc != TSN_ENOTFOUND)
			continue;
		maintain_note(s, why.msg);
		x->damaged = true;
		if (!open)
			gone = chosen[i];
	}
	if (gone == UINT32_MAX)
		return TSN_OK;
	/* One at a time: the places of the others change with it. */
	m = s->manifest.segs[gone];
	TSN_TRY(seal_path(s, &m, path, err));
	TSN_TRY(quarantine_put(s, path, &m, "found damaged while merging", err));
	return maintain_replace(s, &gone, 1, NULL, err);
}
