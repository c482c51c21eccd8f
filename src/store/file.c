#include "store/file_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"

static int
libc_open(const char *path, int flags, mode_t mode)
{
	return open(path, flags, mode);
}

const struct file_ops file_ops_libc = {
	.open = libc_open,
	.close = close,
	.write = write,
	.pread = pread,
	.sync = fsync,
	.rename = rename,
	.unlink = unlink,
	.truncate = ftruncate,
};

const struct file_ops *file_ops = &file_ops_libc;

static TSN_COLD enum tsn_code
fail(struct tsn_err *err, const char *what, const char *path)
{
	int e = errno;
	enum tsn_code code = TSN_EIO;
	char safe[256];

	if (e == ENOENT)
		code = TSN_ENOTFOUND;
	else if (e == EACCES || e == EPERM || e == EROFS)
		code = TSN_EDENIED;
	else if (e == ENOSPC || e == EDQUOT)
		code = TSN_EAGAIN;
	(void)tsn_err_set(err, code, TSN_POS_NONE, __FILE__, "%s: cannot %s: %s",
	    tsn_slice_escape(tsn_slice_cstr(path), safe, sizeof safe), what, strerror(e));
	if (err != NULL)
		err->sys_errno = e;
	return code;
}

enum tsn_code
file_path(char out[FILE_PATH_MAX], const char *dir, const char *name, struct tsn_err *err)
{
	int n = snprintf(out, FILE_PATH_MAX, "%s/%s", dir, name);

	if (n < 0 || (unsigned)n >= FILE_PATH_MAX)
		TSN_FAIL(err, TSN_EINVAL, "path of the store is too long");
	return TSN_OK;
}

enum tsn_code
file_open(const char *path, int flags, int *ret_fd, struct tsn_err *err)
{
	int fd;

	do
		fd = file_ops->open(path, flags | O_CLOEXEC, 0640);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return fail(err, "open", path);
	*ret_fd = fd;
	return TSN_OK;
}

void
file_close(int fd)
{
	if (fd >= 0)
		(void)file_ops->close(fd);
}

enum tsn_code
file_write(int fd, const void *buf, size_t len, const char *path, struct tsn_err *err)
{
	const char *p = buf;

	while (len > 0) {
		ssize_t n = file_ops->write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? ENOSPC : errno;
			return fail(err, "write", path);
		}
		p += n;
		len -= (size_t)n;
	}
	return TSN_OK;
}

enum tsn_code
file_read_at(int fd, uint64_t at, void *buf, size_t len, const char *path, struct tsn_err *err)
{
	char *p = buf;

	while (len > 0) {
		ssize_t n = file_ops->pread(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, "read", path);
		if (n == 0)
			TSN_FAIL(err, TSN_EOF, "%s: ends before byte %llu", path,
			    (unsigned long long)(at + len));
		p += n;
		at += (size_t)n;
		len -= (size_t)n;
	}
	return TSN_OK;
}

enum tsn_code
file_sync(int fd, const char *path, struct tsn_err *err)
{
	if (file_ops->sync(fd) != 0)
		return fail(err, "sync", path);
	return TSN_OK;
}

enum tsn_code
file_sync_dir(const char *dir, struct tsn_err *err)
{
	enum tsn_code rc;
	int fd;

	TSN_TRY(file_open(dir, O_RDONLY | O_DIRECTORY, &fd, err));
	rc = file_sync(fd, dir, err);
	file_close(fd);
	return rc;
}

enum tsn_code
file_rename(const char *from, const char *to, struct tsn_err *err)
{
	if (file_ops->rename(from, to) != 0)
		return fail(err, "rename", from);
	return TSN_OK;
}

enum tsn_code
file_unlink(const char *path, struct tsn_err *err)
{
	if (file_ops->unlink(path) != 0 && errno != ENOENT)
		return fail(err, "remove", path);
	return TSN_OK;
}

enum tsn_code
file_truncate(int fd, uint64_t len, const char *path, struct tsn_err *err)
{
	if (file_ops->truncate(fd, (off_t)len) != 0)
		return fail(err, "truncate", path);
	return TSN_OK;
}

enum tsn_code
file_rewind(int fd, uint64_t len, const char *path, struct tsn_err *err)
{
	TSN_TRY(file_truncate(fd, len, path, err));
	if (lseek(fd, (off_t)len, SEEK_SET) != (off_t)len)
		return fail(err, "seek", path);
	return TSN_OK;
}

enum tsn_code
file_size(int fd, uint64_t *ret_size, struct tsn_err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail(err, "stat", "open file");
	*ret_size = (uint64_t)st.st_size;
	return TSN_OK;
}

enum tsn_code
file_make_dir(const char *path, struct tsn_err *err)
{
	char part[FILE_PATH_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof part)
		TSN_FAIL(err, TSN_EINVAL, "path of the store is empty or too long");
	memcpy(part, path, len + 1);
	for (size_t i = 1; i <= len; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		if (mkdir(part, 0750) != 0 && errno != EEXIST)
			return fail(err, "make folder", part);
		part[i] = path[i];
	}
	return TSN_OK;
}

int64_t
file_now_ns(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_REALTIME, &t) != 0)
		return 0;
	return (int64_t)t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

uint64_t
file_disk_free(const char *dir)
{
	struct statvfs v;

	if (statvfs(dir, &v) != 0)
		return UINT64_MAX;
	return (uint64_t)v.f_bavail * v.f_frsize;
}

enum tsn_code
file_lock(const char *path, int *ret_fd, struct tsn_err *err)
{
	char pid[24] = {0};
	int fd, n;

	TSN_TRY(file_open(path, O_RDWR | O_CREAT, &fd, err));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		ssize_t got = pread(fd, pid, sizeof pid - 1, 0);
		uint64_t holder = 0;

		file_close(fd);
		if (got <= 0 ||
		    tsn_num_parse_u64(tsn_slice_trim(tsn_slice_cstr(pid)), &holder) != TSN_OK)
			holder = 0;
		TSN_FAIL(err, TSN_EBUSY, "the store is in use by process %llu (lock %s)",
		    (unsigned long long)holder, path);
	}
	n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	/* The lock holds without the number too, on a full disk for instance. */
	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n)
		(void)!ftruncate(fd, 0);
	*ret_fd = fd;
	return TSN_OK;
}
