#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/time.h"
#include "os/fail.h"

static int
sys_open(const char *path, int flags, mode_t mode)
{
	return open(path, flags, mode);
}

const struct tsn_file_ops tsn_file_system = {
	.open = sys_open,
	.read = read,
	.pread = pread,
	.write = write,
	.fsync = fsync,
	.fstat = fstat,
	.rename = rename,
	.close = close,
};

static void
info_of(const struct stat *st, struct tsn_file_info *ret_info)
{
	struct tsn_file_info info = {
		.size = st->st_size > 0 ? (uint64_t)st->st_size : 0,
		.dev = (uint64_t)st->st_dev,
		.ino = (uint64_t)st->st_ino,
		.mtime_ns = (int64_t)st->st_mtim.tv_sec * TSN_NS_PER_SEC + st->st_mtim.tv_nsec,
	};

	if (S_ISREG(st->st_mode))
		info.kind = TSN_FILE_REGULAR;
	else if (S_ISDIR(st->st_mode))
		info.kind = TSN_FILE_DIR;
	else if (S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode) || S_ISCHR(st->st_mode))
		info.kind = TSN_FILE_STREAM;
	else
		info.kind = TSN_FILE_OTHER;
	*ret_info = info;
}

/* A descriptor was opened without blocking, so that a FIFO cannot hang us: reads may block. */
static void
make_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && (flags & O_NONBLOCK) != 0)
		(void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

enum tsn_code
tsn_file_open(const struct tsn_file_ops *ops, const char *path, struct tsn_file *ret_file,
    struct tsn_err *err)
{
	struct tsn_file f = {.ops = ops, .fd = -1};

	f.path = strdup(path);
	if (f.path == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (strcmp(path, "-") == 0)
		f.fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		f.fd = ops->open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	if (f.fd < 0) {
		enum tsn_code code = tsn_os_fail(err, errno, "cannot open", path);

		free(f.path);
		return code;
	}
	make_blocking(f.fd);
	*ret_file = f;
	return TSN_OK;
}

void
tsn_file_close(struct tsn_file *f)
{
	if (f == NULL || f->path == NULL)
		return;
	(void)f->ops->close(f->fd);
	free(f->path);
	f->path = NULL;
	f->fd = -1;
}

enum tsn_code
tsn_file_read(struct tsn_file *f, void *buf, size_t cap, size_t *ret_len, struct tsn_err *err)
{
	ssize_t n;

	do
		n = f->ops->read(f->fd, buf, cap > SSIZE_MAX ? SSIZE_MAX : cap);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return tsn_os_fail(err, errno, "cannot read", f->path);
	*ret_len = (size_t)n;
	return TSN_OK;
}

enum tsn_code
tsn_file_pread(struct tsn_file *f, void *buf, size_t cap, uint64_t at, size_t *ret_len,
    struct tsn_err *err)
{
	size_t len = 0;

	if (at > (uint64_t)INT64_MAX - cap)
		TSN_FAIL(err, TSN_EINVAL, "%s: place beyond any file", f->path);
	while (len < cap) {
		ssize_t n = f->ops->pread(f->fd, (char *)buf + len, cap - len, (off_t)(at + len));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return tsn_os_fail(err, errno, "cannot read", f->path);
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return TSN_OK;
}

enum tsn_code
tsn_file_stat(struct tsn_file *f, struct tsn_file_info *ret_info, struct tsn_err *err)
{
	struct stat st;

	if (f->ops->fstat(f->fd, &st) != 0)
		return tsn_os_fail(err, errno, "cannot examine", f->path);
	info_of(&st, ret_info);
	return TSN_OK;
}

enum tsn_code
tsn_file_stat_path(const char *path, struct tsn_file_info *ret_info, struct tsn_err *err)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return tsn_os_fail(err, errno, "cannot examine", path);
	info_of(&st, ret_info);
	return TSN_OK;
}

enum tsn_code
tsn_file_read_all(const struct tsn_file_ops *ops, const char *path, struct tsn_buf *out,
    struct tsn_err *err)
{
	struct tsn_file f;
	enum tsn_code code;

	TSN_TRY(tsn_file_open(ops, path, &f, err));
	for (;;) {
		char chunk[8192];
		size_t len;

		code = tsn_file_read(&f, chunk, sizeof chunk, &len, err);
		if (code != TSN_OK || len == 0)
			break;
		tsn_buf_add(out, chunk, len);
		if (tsn_buf_check(out) != TSN_OK) {
			code = TSN_ERR(err, out->failed, "%s: larger than %zu bytes", path, out->max);
			break;
		}
	}
	tsn_file_close(&f);
	return code;
}

enum tsn_code
tsn_file_read_regular(const struct tsn_file_ops *ops, const char *path, uint64_t size,
    struct tsn_buf *out, struct tsn_err *err)
{
	struct tsn_file f = {.ops = ops, .path = (char *)(uintptr_t)path};
	enum tsn_code code = TSN_OK;
	size_t want = size < out->max ? (size_t)size : out->max, len = 0;

	f.fd = ops->open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	if (f.fd < 0)
		return tsn_os_fail(err, errno, "cannot open", path);
	do {
		if (!tsn_buf_room(out, want + 1)) {
			code = TSN_ERR(err, out->failed, "%s: larger than %zu bytes", path, out->max);
			break;
		}
		code = tsn_file_read(&f, out->ptr + out->len, want + 1, &len, err);
		if (code != TSN_OK)
			break;
		out->len += len;
		/* one byte less than asked for: the file has the size that it had */
	} while (len != want && len != 0);
	(void)ops->close(f.fd);
	return code;
}

static enum tsn_code
write_whole(const struct tsn_file_ops *ops, int fd, struct tsn_slice text, const char *path,
    struct tsn_err *err)
{
	while (text.len > 0) {
		ssize_t n = ops->write(fd, text.ptr, text.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return tsn_os_fail(err, errno, "cannot write", path);
		text = tsn_slice_from(text, (size_t)n);
	}
	if (ops->fsync(fd) != 0)
		return tsn_os_fail(err, errno, "cannot sync", path);
	return TSN_OK;
}

/* The new name is durable when the folder is. */
static enum tsn_code
sync_folder_of(const struct tsn_file_ops *ops, const char *path, struct tsn_err *err)
{
	char folder[PATH_MAX] = ".";
	const char *slash = strrchr(path, '/');
	enum tsn_code code = TSN_OK;
	int fd;

	if (slash != NULL) {
		size_t len = slash == path ? 1 : (size_t)(slash - path);

		if (len >= sizeof folder)
			TSN_FAIL(err, TSN_EINVAL, "path too long");
		memcpy(folder, path, len);
		folder[len] = '\0';
	}
	fd = ops->open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return tsn_os_fail(err, errno, "cannot open", folder);
	if (ops->fsync(fd) != 0)
		code = tsn_os_fail(err, errno, "cannot sync", folder);
	(void)ops->close(fd);
	return code;
}

enum tsn_code
tsn_file_write_atomic(const struct tsn_file_ops *ops, const char *path, struct tsn_slice text,
    mode_t mode, struct tsn_err *err)
{
	char tmp[PATH_MAX];
	enum tsn_code code;
	int fd;

	if (snprintf(tmp, sizeof tmp, "%s.tmp", path) >= (int)sizeof tmp)
		TSN_FAIL(err, TSN_EINVAL, "path too long");
	fd = ops->open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return tsn_os_fail(err, errno, "cannot create", tmp);
	code = write_whole(ops, fd, text, tmp, err);
	if (ops->close(fd) != 0 && code == TSN_OK)
		code = tsn_os_fail(err, errno, "cannot write", tmp);
	if (code == TSN_OK && ops->rename(tmp, path) != 0)
		code = tsn_os_fail(err, errno, "cannot rename to", path);
	if (code != TSN_OK) {
		(void)unlink(tmp);
		return code;
	}
	return sync_folder_of(ops, path, err);
}
