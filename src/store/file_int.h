/*
 * store/file: the only place of the store with system calls.  All go through one table of
 * functions, so that tests can fail each of them in turn.
 */
#ifndef TSN_STORE_FILE_INT_H
#define TSN_STORE_FILE_INT_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct file_ops {
	int (*open)(const char *path, int flags, mode_t mode);
	int (*close)(int fd);
	ssize_t (*write)(int fd, const void *buf, size_t len);
	ssize_t (*pread)(int fd, void *buf, size_t len, off_t at);
	int (*sync)(int fd);
	int (*rename)(const char *from, const char *to);
	int (*unlink)(const char *path);
	int (*truncate)(int fd, off_t len);
};

/** What is used; tests put their own here (file_ops_libc is behind it). */
extern const struct file_ops *file_ops;
extern const struct file_ops file_ops_libc;

#define FILE_PATH_MAX 4096u

/** "dir/name" into out; TSN_EINVAL when too long. */
TSN_MUST_CHECK enum tsn_code file_path(char out[FILE_PATH_MAX], const char *dir, const char *name,
    struct tsn_err *err);
/** flags as open(2), O_CLOEXEC added.  TSN_ENOTFOUND, TSN_EDENIED, TSN_EIO. */
TSN_MUST_CHECK enum tsn_code file_open(const char *path, int flags, int *ret_fd,
    struct tsn_err *err);
void file_close(int fd);
/** All of it, at the file position.  TSN_EAGAIN when the disk is full, TSN_EIO. */
TSN_MUST_CHECK enum tsn_code file_write(int fd, const void *buf, size_t len, const char *path,
    struct tsn_err *err);
/** Exactly len bytes; TSN_EOF when the file ends before. */
TSN_MUST_CHECK enum tsn_code file_read_at(int fd, uint64_t at, void *buf, size_t len,
    const char *path, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code file_sync(int fd, const char *path, struct tsn_err *err);
/** Makes names in the folder durable. */
TSN_MUST_CHECK enum tsn_code file_sync_dir(const char *dir, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code file_rename(const char *from, const char *to, struct tsn_err *err);
/** A missing file is no error. */
TSN_MUST_CHECK enum tsn_code file_unlink(const char *path, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code file_truncate(int fd, uint64_t len, const char *path,
    struct tsn_err *err);
/** Cuts it and goes on writing there. */
TSN_MUST_CHECK enum tsn_code file_rewind(int fd, uint64_t len, const char *path,
    struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code file_size(int fd, uint64_t *ret_size, struct tsn_err *err);
/** Makes the folder and those above it. */
TSN_MUST_CHECK enum tsn_code file_make_dir(const char *path, struct tsn_err *err);
/** Bytes that an ordinary process may still write where `dir` is; UINT64_MAX when unknown. */
uint64_t file_disk_free(const char *dir);
/** The present. */
int64_t file_now_ns(void);
/** An exclusive lock that dies with the process; TSN_EBUSY names the holder's pid. */
TSN_MUST_CHECK enum tsn_code file_lock(const char *path, int *ret_fd, struct tsn_err *err);

#endif
