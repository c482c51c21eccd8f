#include "ship/backlog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/buf.h"
#include "base/num.h"
#include "os/file.h"

#define FILE_BYTES (8u << 20)
#define HEADER_BYTES 12u
#define HELD_BYTES (64u << 10)
#define WINDOW_BYTES (256u << 10)
#define FILES_MAX 65536u
#define DEFAULT_MAX (UINT64_C(256) << 20)
#define NAME_MAX_BYTES 4096u

struct file {
	uint64_t number;
	int fd;
	uint64_t size;
};

struct tsn_backlog {
	char *folder;
	uint64_t bytes_max;
	pthread_mutex_t lock;
	struct file *files;		/* oldest first; the last one is written to */
	size_t count, cap;
	struct tsn_buf held;		/* appended, not written */
	struct tsn_backlog_place read, done;
	uint64_t bytes, records, found, torn;
	int done_fd;
	char *window;
	uint64_t window_file, window_at;
	size_t window_len;
};

static void
put_le(char *out, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		out[i] = (char)(v >> (8 * i));
}

static uint64_t
get_le(const char *in, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)(unsigned char)in[i] << (8 * i);
	return v;
}

static bool
path_of(const struct tsn_backlog *s, uint64_t number, char *out, size_t cap)
{
	int n = snprintf(out, cap, "%s/%016llx.q", s->folder, (unsigned long long)number);

	return n > 0 && (size_t)n < cap;
}

static enum tsn_code
add_file(struct tsn_backlog *s, uint64_t number, int flags, struct tsn_err *err)
{
	char path[NAME_MAX_BYTES];
	struct stat st;
	int fd;

	if (s->count == s->cap) {
		size_t cap = s->cap == 0 ? 16 : s->cap * 2;
		struct file *files = cap > FILES_MAX ? NULL : realloc(s->files, cap * sizeof *files);

		if (files == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		s->files = files;
		s->cap = cap;
	}
	if (s->folder == NULL) {
		const char *dir = getenv("TMPDIR");

		fd = open(dir != NULL ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	} else if (path_of(s, number, path, sizeof path)) {
		fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
	} else {
		errno = ENAMETOOLONG;
		fd = -1;
	}
	if (fd < 0 || fstat(fd, &st) != 0) {
		int reason = errno;

		if (fd >= 0)
			(void)close(fd);
		TSN_FAIL(err, TSN_EIO, "cannot open the queue in %s: %s",
		    s->folder == NULL ? "the temporary folder" : s->folder, strerror(reason));
	}
	s->files[s->count++] = (struct file){number, fd, (uint64_t)st.st_size};
	return TSN_OK;
}

static int
by_number(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* numbers of the files in the folder */
static enum tsn_code
list_files(struct tsn_backlog *s, uint64_t **ret, size_t *ret_count, struct tsn_err *err)
{
	DIR *d = opendir(s->folder);
	uint64_t *numbers = calloc(FILES_MAX, sizeof *numbers);
	struct dirent *e;
	size_t n = 0;

	if (d == NULL || numbers == NULL) {
		int reason = errno;

		free(numbers);
		if (d != NULL)
			(void)closedir(d);
		TSN_FAIL(err, TSN_EIO, "cannot read %s: %s", s->folder, strerror(reason));
	}
	while ((e = readdir(d)) != NULL && n < FILES_MAX)
		if (strlen(e->d_name) == 18 && strcmp(e->d_name + 16, ".q") == 0 &&
		    tsn_num_parse_hex(tsn_slice_of(e->d_name, 16), &numbers[n]) == TSN_OK)
			n++;
	(void)closedir(d);
	qsort(numbers, n, sizeof *numbers, by_number);
	*ret = numbers;
	*ret_count = n;
	return TSN_OK;
}

static bool
read_at(int fd, char *out, size_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t n = pread(fd, out, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		out += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return true;
}

/* Length of the whole record at `at`, 0 when there is none or it is broken. */
static size_t
check_record(const struct file *f, uint64_t at, struct tsn_buf *scratch)
{
	char head[HEADER_BYTES];
	uint64_t len;

	if (at + HEADER_BYTES > f->size || !read_at(f->fd, head, sizeof head, at))
		return 0;
	len = get_le(head, 4);
	if (len > TSN_BACKLOG_RECORD_MAX || at + HEADER_BYTES + len > f->size)
		return 0;
	tsn_buf_reset(scratch);
	if (!tsn_buf_room(scratch, len + 1) ||
	    !read_at(f->fd, scratch->ptr, len, at + HEADER_BYTES) ||
	    XXH3_64bits(scratch->ptr, len) != get_le(head + 4, 8))
		return 0;
	return HEADER_BYTES + (size_t)len;
}

/* What was there before: counted from the acknowledged place on, damaged ends cut. */
static enum tsn_code
recover(struct tsn_backlog *s, struct tsn_err *err)
{
	struct tsn_buf scratch;

	tsn_buf_init(&scratch, TSN_BACKLOG_RECORD_MAX + 1);
	for (size_t i = 0; i < s->count; i++) {
		struct file *f = &s->files[i];
		uint64_t at = f->number == s->done.file ? s->done.offset : 0;
		size_t len;

		if (at > f->size)
			at = 0;
		while ((len = check_record(f, at, &scratch)) > 0) {
			at += len;
			s->records++;
			s->bytes += len;
		}
		if (at < f->size) {
			s->torn += f->size - at;
			f->size = at;
			if (ftruncate(f->fd, (off_t)at) != 0) {
				tsn_buf_done(&scratch);
				TSN_FAIL(err, TSN_EIO, "cannot cut %s: %s", s->folder, strerror(errno));
			}
		}
	}
	tsn_buf_done(&scratch);
	s->found = s->records;
	return TSN_OK;
}

static void
read_done(struct tsn_backlog *s)
{
	char text[52] = "";
	uint64_t a, b, sum;

	if (!read_at(s->done_fd, text, 51, 0) || text[16] != ' ' || text[33] != ' ' ||
	    tsn_num_parse_hex(tsn_slice_of(text, 16), &a) != TSN_OK ||
	    tsn_num_parse_hex(tsn_slice_of(text + 17, 16), &b) != TSN_OK ||
	    tsn_num_parse_hex(tsn_slice_of(text + 34, 16), &sum) != TSN_OK ||
	    sum != XXH3_64bits(text, 33))
		return;
	s->done = (struct tsn_backlog_place){a, b};
}

static void
write_done(struct tsn_backlog *s)
{
	char text[64];

	if (s->done_fd < 0)
		return;
	(void)snprintf(text, sizeof text, "%016llx %016llx", (unsigned long long)s->done.file,
	    (unsigned long long)s->done.offset);
	(void)snprintf(text + 33, sizeof text - 33, " %016llx\n",
	    (unsigned long long)XXH3_64bits(text, 33));
	/* after a crash an older place costs a second delivery, no loss */
	if (pwrite(s->done_fd, text, 51, 0) != 51)
		return;
}

static enum tsn_code
make_folder(const char *folder, struct tsn_err *err)
{
	char part[NAME_MAX_BYTES];
	size_t n = strlen(folder);

	if (n >= sizeof part)
		TSN_FAIL(err, TSN_EINVAL, "the folder's name is too long");
	memcpy(part, folder, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			TSN_FAIL(err, TSN_EIO, "cannot make %s: %s", part, strerror(errno));
		part[i] = '/';
	}
	return TSN_OK;
}

static enum tsn_code
open_folder(struct tsn_backlog *s, struct tsn_err *err)
{
	char path[NAME_MAX_BYTES];
	uint64_t *numbers = NULL;
	size_t count = 0;
	enum tsn_code code;
	int n;

	TSN_TRY(make_folder(s->folder, err));
	n = snprintf(path, sizeof path, "%s/done", s->folder);
	s->done_fd = n > 0 && (size_t)n < sizeof path ?
	    open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (s->done_fd < 0)
		TSN_FAIL(err, TSN_EIO, "cannot open %s: %s", path, strerror(errno));
	read_done(s);
	TSN_TRY(list_files(s, &numbers, &count, err));
	code = TSN_OK;
	for (size_t i = 0; i < count && code == TSN_OK; i++) {
		if (numbers[i] >= s->done.file) {
			code = add_file(s, numbers[i], 0, err);
		} else if (path_of(s, numbers[i], path, sizeof path)) {
			(void)unlink(path);
		}
	}
	free(numbers);
	TSN_TRY(code);
	return recover(s, err);
}

enum tsn_code
tsn_backlog_open(const struct tsn_backlog_options *options, struct tsn_backlog **ret_spool,
    struct tsn_err *err)
{
	struct tsn_backlog *s = calloc(1, sizeof *s);
	enum tsn_code code = TSN_OK;
	uint64_t next;

	if (s == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	s->done_fd = -1;
	s->bytes_max = options->bytes_max == 0 ? DEFAULT_MAX : options->bytes_max;
	tsn_buf_init(&s->held, TSN_BACKLOG_RECORD_MAX + HELD_BYTES + 64);
	s->window = malloc(WINDOW_BYTES);
	s->folder = options->folder == NULL ? NULL : strdup(options->folder);
	if (s->window == NULL || (options->folder != NULL && s->folder == NULL) ||
	    pthread_mutex_init(&s->lock, NULL) != 0) {
		free(s->window);
		free(s->folder);
		free(s);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	if (s->folder != NULL)
		code = open_folder(s, err);
	next = s->count > 0 ? s->files[s->count - 1].number + 1 : s->done.file + 1;
	if (code == TSN_OK)
		code = add_file(s, next, O_CREAT | O_EXCL, err);
	if (code != TSN_OK) {
		tsn_backlog_close(s);
		return code;
	}
	s->read = s->files[0].number == s->done.file ? s->done :
	    (struct tsn_backlog_place){s->files[0].number, 0};
	*ret_spool = s;
	return TSN_OK;
}

static enum tsn_code
write_held(struct tsn_backlog *s, struct tsn_err *err)
{
	struct file *f = &s->files[s->count - 1];
	size_t at = 0;

	while (at < s->held.len) {
		ssize_t n = pwrite(f->fd, s->held.ptr + at, s->held.len - at, (off_t)(f->size + at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			TSN_FAIL(err, TSN_EIO, "cannot write the queue%s%s: %s", s->folder == NULL ? "" :
			    " in ", s->folder == NULL ? "" : s->folder, strerror(errno));
		at += (size_t)n;
	}
	f->size += at;
	tsn_buf_reset(&s->held);
	return TSN_OK;
}

static enum tsn_code
append(struct tsn_backlog *s, struct tsn_slice record, struct tsn_err *err)
{
	const size_t whole = record.len + HEADER_BYTES;
	char head[HEADER_BYTES];

	/* one record always fits, else a large one would wait for ever */
	if (s->records > 0 && s->bytes + whole > s->bytes_max)
		return TSN_EAGAIN;
	if (s->held.len + whole > HELD_BYTES && s->held.len > 0)
		TSN_TRY(write_held(s, err));
	if (s->files[s->count - 1].size + s->held.len >= FILE_BYTES) {
		TSN_TRY(write_held(s, err));
		if (s->folder != NULL)
			(void)fdatasync(s->files[s->count - 1].fd);
		TSN_TRY(add_file(s, s->files[s->count - 1].number + 1, O_CREAT | O_EXCL, err));
	}
	put_le(head, record.len, 4);
	put_le(head + 4, XXH3_64bits(record.ptr, record.len), 8);
	tsn_buf_add(&s->held, head, sizeof head);
	tsn_buf_slice(&s->held, record);
	if (tsn_buf_check(&s->held) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	s->bytes += whole;
	s->records++;
	return TSN_OK;
}

enum tsn_code
tsn_backlog_append(struct tsn_backlog *s, struct tsn_slice record, struct tsn_err *err)
{
	enum tsn_code code;

	if (record.len > TSN_BACKLOG_RECORD_MAX)
		TSN_FAIL(err, TSN_ELIMIT, "a record of %zu bytes is too large for the queue", record.len);
	(void)pthread_mutex_lock(&s->lock);
	code = append(s, record, err);
	(void)pthread_mutex_unlock(&s->lock);
	return code;
}

enum tsn_code
tsn_backlog_flush(struct tsn_backlog *s, bool sync, struct tsn_err *err)
{
	enum tsn_code code;
	int fd;

	(void)pthread_mutex_lock(&s->lock);
	code = write_held(s, err);
	fd = s->files[s->count - 1].fd;
	(void)pthread_mutex_unlock(&s->lock);
	/* the last file stays open: only this thread adds another */
	if (code == TSN_OK && sync && s->folder != NULL && fdatasync(fd) != 0)
		TSN_FAIL(err, TSN_EIO, "cannot sync the queue in %s: %s", s->folder, strerror(errno));
	return code;
}

static struct file *
find_file(struct tsn_backlog *s, uint64_t number)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->files[i].number == number)
			return &s->files[i];
	return NULL;
}

/* len bytes at the reading place, through the window; false: they are not there yet */
static bool
look(struct tsn_backlog *s, const struct file *f, uint64_t at, size_t len, const char **ret)
{
	size_t want;

	if (at + len > f->size)
		return false;
	if (s->window_file != f->number || at < s->window_at ||
	    at + len > s->window_at + s->window_len) {
		want = f->size - at > WINDOW_BYTES ? WINDOW_BYTES : (size_t)(f->size - at);
		if (len > WINDOW_BYTES || !read_at(f->fd, s->window, want, at))
			return false;
		s->window_file = f->number;
		s->window_at = at;
		s->window_len = want;
	}
	*ret = s->window + (at - s->window_at);
	return true;
}

static enum tsn_code
next(struct tsn_backlog *s, struct tsn_arena *arena, struct tsn_slice *ret, struct tsn_err *err)
{
	struct file *f = find_file(s, s->read.file);
	const char *head, *bytes;
	uint64_t sum;
	char *own;
	size_t len;

	while (f != NULL && s->read.offset >= f->size && f != &s->files[s->count - 1]) {
		f++;
		s->read = (struct tsn_backlog_place){f->number, 0};
	}
	if (f == NULL)
		TSN_FAIL(err, TSN_ECORRUPT, "the queue has lost a file");
	if (s->read.offset >= f->size && s->held.len > 0)
		TSN_TRY(write_held(s, err));
	if (s->read.offset >= f->size)
		return TSN_EAGAIN;
	if (!look(s, f, s->read.offset, HEADER_BYTES, &head))
		TSN_FAIL(err, TSN_EIO, "cannot read the queue: %s", strerror(errno));
	len = (size_t)get_le(head, 4);
	sum = get_le(head + 4, 8);
	own = tsn_arena_alloc(arena, len + 1);
	if (own == NULL)
		return TSN_ENOMEM;
	if (look(s, f, s->read.offset + HEADER_BYTES, len, &bytes))
		memcpy(own, bytes, len);
	else if (len <= WINDOW_BYTES || s->read.offset + HEADER_BYTES + len > f->size ||
	    !read_at(f->fd, own, len, s->read.offset + HEADER_BYTES))
		TSN_FAIL(err, TSN_EIO, "cannot read the queue: %s", strerror(errno));
	if (XXH3_64bits(own, len) != sum)
		TSN_FAIL(err, TSN_ECORRUPT, "a record of the queue is damaged");
	s->read.offset += HEADER_BYTES + len;
	*ret = tsn_slice_of(own, len);
	return TSN_OK;
}

enum tsn_code
tsn_backlog_next(struct tsn_backlog *s, struct tsn_arena *arena, struct tsn_slice *ret_record,
    struct tsn_backlog_place *ret_place, struct tsn_err *err)
{
	enum tsn_code code;

	(void)pthread_mutex_lock(&s->lock);
	code = next(s, arena, ret_record, err);
	if (code == TSN_OK)
		*ret_place = s->read;
	(void)pthread_mutex_unlock(&s->lock);
	return code;
}

void
tsn_backlog_done(struct tsn_backlog *s, struct tsn_backlog_place place, uint64_t records)
{
	char path[NAME_MAX_BYTES];
	size_t gone = 0;

	(void)pthread_mutex_lock(&s->lock);
	s->done = place;
	s->records -= records < s->records ? records : s->records;
	write_done(s);
	while (gone + 1 < s->count && s->files[gone].number < place.file)
		gone++;
	for (size_t i = 0; i < gone; i++) {
		(void)close(s->files[i].fd);
		if (s->folder != NULL && path_of(s, s->files[i].number, path, sizeof path))
			(void)unlink(path);
	}
	memmove(s->files, s->files + gone, (s->count - gone) * sizeof *s->files);
	s->count -= gone;
	s->bytes = s->held.len;
	for (size_t i = 0; i < s->count; i++)
		s->bytes += s->files[i].size - (s->files[i].number == place.file ? place.offset : 0);
	(void)pthread_mutex_unlock(&s->lock);
}

struct tsn_backlog_stats
tsn_backlog_stats_get(struct tsn_backlog *s)
{
	struct tsn_backlog_stats st;

	(void)pthread_mutex_lock(&s->lock);
	st = (struct tsn_backlog_stats){s->records, s->bytes, s->found, s->torn};
	(void)pthread_mutex_unlock(&s->lock);
	return st;
}

void
tsn_backlog_close(struct tsn_backlog *s)
{
	char path[NAME_MAX_BYTES];

	if (s == NULL)
		return;
	if (s->count > 0 && write_held(s, NULL) == TSN_OK && s->folder != NULL)
		(void)fdatasync(s->files[s->count - 1].fd);
	for (size_t i = 0; i < s->count; i++) {
		(void)close(s->files[i].fd);
		/* an empty queue leaves no files; the place goes on with the next number */
		if (s->folder != NULL && s->records == 0 && i + 1 == s->count &&
		    path_of(s, s->files[i].number, path, sizeof path)) {
			s->done = (struct tsn_backlog_place){s->files[i].number + 1, 0};
			write_done(s);
			(void)unlink(path);
		}
	}
	if (s->done_fd >= 0)
		(void)close(s->done_fd);
	(void)pthread_mutex_destroy(&s->lock);
	tsn_buf_done(&s->held);
	free(s->window);
	free(s->folder);
	free(s->files);
	free(s);
}
