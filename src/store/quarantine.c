/*
 * Files that were found damaged: moved out of the way, each with a note (NAME.why) of what the
 * store knew about it, so that what is missing can be named as long as it is missing.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "store/store_int.h"
#include "store/verify.h"

#define NOTE_MAX 1024u
#define NOTE_END ".why"

static void
write_note(const char *path, const struct manifest_seg *m, const char *why)
{
	char note[FILE_PATH_MAX], text[NOTE_MAX], safe[400];
	int fd, n;

	if (snprintf(note, sizeof note, "%s" NOTE_END, path) >= (int)sizeof note ||
	    file_open(note, O_WRONLY | O_CREAT | O_TRUNC, &fd, NULL) != TSN_OK)
		return;
	(void)tsn_slice_escape(tsn_slice_cstr(why), safe, sizeof safe);
	n = m == NULL ? snprintf(text, sizeof text, "why %s\n", safe) :
			snprintf(text, sizeof text, "events %llu\nbytes %llu\nfrom %lld\nto %lld\nwhy %s\n",
			    (unsigned long long)m->rows, (unsigned long long)m->file_bytes,
			    (long long)m->time_min, (long long)m->time_max, safe);
	(void)!file_write(fd, text, (size_t)n, note, NULL);
	(void)!file_sync(fd, note, NULL);
	file_close(fd);
}

/* The note first: a file without one is still named, a note without its file says it is missing. */
enum tsn_code
quarantine_put(struct tsn_store *s, const char *path, const struct manifest_seg *m,
    const char *why, struct tsn_err *err)
{
	char dir[FILE_PATH_MAX], to[FILE_PATH_MAX];
	const char *name = strrchr(path, '/');
	enum tsn_code rc;

	TSN_TRY(file_path(dir, s->dir, STORE_QUARANTINE, err));
	TSN_TRY(file_make_dir(dir, err));
	TSN_TRY(file_path(to, dir, name == NULL ? path : name + 1, err));
	write_note(to, m, why);
	rc = file_rename(path, to, err);
	if (rc == TSN_ENOTFOUND)
		rc = TSN_OK;
	return rc == TSN_OK ? file_sync_dir(dir, err) : rc;
}

/* ---- what is in it ---- */

static bool
take_number(struct tsn_slice value, uint64_t *ret)
{
	bool minus = value.len > 0 && value.ptr[0] == '-';
	uint64_t n;

	if (tsn_num_parse_u64(minus ? tsn_slice_from(value, 1) : value, &n) != TSN_OK)
		return false;
	*ret = minus ? 0 - n : n;
	return true;
}

static void
take_line(struct tsn_store_quarantined *x, struct tsn_slice line, char why[NOTE_MAX])
{
	size_t blank = tsn_slice_find_char(line, ' ');
	struct tsn_slice name, value;
	uint64_t n;

	if (blank == SIZE_MAX)
		return;
	name = (struct tsn_slice){line.ptr, blank};
	value = tsn_slice_from(line, blank + 1);
	if (tsn_slice_eq(name, TSN_SLICE("why"))) {
		memcpy(why, value.ptr, value.len);
		why[value.len] = '\0';
		x->why = why;
	} else if (!take_number(value, &n)) {
		return;
	} else if (tsn_slice_eq(name, TSN_SLICE("events"))) {
		x->events = n;
		x->known = true;
	} else if (tsn_slice_eq(name, TSN_SLICE("bytes"))) {
		x->bytes = n;
	} else if (tsn_slice_eq(name, TSN_SLICE("from"))) {
		x->time_min = (int64_t)n;
	} else if (tsn_slice_eq(name, TSN_SLICE("to"))) {
		x->time_max = (int64_t)n;
	}
}

static void
read_note(struct tsn_store_quarantined *x, const char *path, char why[NOTE_MAX])
{
	char text[NOTE_MAX];
	struct tsn_slice rest;
	uint64_t size = 0;
	int fd;

	if (file_open(path, O_RDONLY, &fd, NULL) != TSN_OK)
		return;
	if (file_size(fd, &size, NULL) != TSN_OK || size >= sizeof text ||
	    file_read_at(fd, 0, text, size, path, NULL) != TSN_OK)
		size = 0;
	file_close(fd);
	rest = (struct tsn_slice){text, size};
	while (rest.len > 0) {
		size_t end = tsn_slice_find_char(rest, '\n');
		size_t len = end == SIZE_MAX ? rest.len : end;

		take_line(x, (struct tsn_slice){rest.ptr, len}, why);
		rest = tsn_slice_from(rest, end == SIZE_MAX ? rest.len : len + 1);
	}
}

/* `name` is that of a file, or of a note whose file is not there (only_note). */
static void
tell(const char *dir, const char *name, bool only_note,
    void (*each)(void *ctx, const struct tsn_store_quarantined *x), void *ctx)
{
	struct tsn_store_quarantined x = {.file = name, .missing = only_note};
	char path[FILE_PATH_MAX], why[NOTE_MAX], plain[256];
	uint64_t size;
	int fd;

	(void)snprintf(plain, sizeof plain, "%.*s",
	    (int)(strlen(name) - (only_note ? strlen(NOTE_END) : 0)), name);
	x.file = plain;
	if (snprintf(path, sizeof path, "%s/%s" NOTE_END, dir, plain) < (int)sizeof path)
		read_note(&x, path, why);
	if (!only_note && file_path(path, dir, plain, NULL) == TSN_OK &&
	    file_open(path, O_RDONLY, &fd, NULL) == TSN_OK) {
		if (file_size(fd, &size, NULL) == TSN_OK)
			x.bytes = size;
		file_close(fd);
	}
	each(ctx, &x);
}

static bool
is_there(const char *dir, const char *note)
{
	char path[FILE_PATH_MAX];
	int fd;

	if (snprintf(path, sizeof path, "%s/%.*s", dir, (int)(strlen(note) - strlen(NOTE_END)),
	    note) >= (int)sizeof path || file_open(path, O_RDONLY, &fd, NULL) != TSN_OK)
		return false;
	file_close(fd);
	return true;
}

uint64_t
tsn_store_quarantine(const char *store,
    void (*each)(void *ctx, const struct tsn_store_quarantined *x), void *ctx)
{
	char path[FILE_PATH_MAX];
	uint64_t n = 0;
	DIR *dir;

	if (file_path(path, store, STORE_QUARANTINE, NULL) != TSN_OK ||
	    (dir = opendir(path)) == NULL)
		return 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		bool note = tsn_slice_ends(tsn_slice_cstr(e->d_name), TSN_SLICE(NOTE_END));

		if (e->d_name[0] == '.' || (note && is_there(path, e->d_name)))
			continue;
		n++;
		if (each != NULL)
			tell(path, e->d_name, note, each, ctx);
	}
	(void)closedir(dir);
	return n;
}
