/*
 * os/file: files through a table of functions, so that a test can make any single call fail.
 *
 * Owner: whoever opens a tsn_file closes it.  All calls retry EINTR, know short reads and writes,
 * and report the path and the system's reason.  Any thread, one file in one thread at a time.
 */
#ifndef TSN_OS_FILE_H
#define TSN_OS_FILE_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct stat;

struct tsn_file_ops {
	int (*open)(const char *path, int flags, mode_t mode);
	ssize_t (*read)(int fd, void *buf, size_t len);
	ssize_t (*pread)(int fd, void *buf, size_t len, off_t at);
	ssize_t (*write)(int fd, const void *buf, size_t len);
	int (*fsync)(int fd);
	int (*fstat)(int fd, struct stat *st);
	int (*rename)(const char *from, const char *to);
	int (*close)(int fd);
};

/** The real ones. */
extern const struct tsn_file_ops tsn_file_system;

enum tsn_file_kind {
	TSN_FILE_REGULAR,
	TSN_FILE_DIR,
	TSN_FILE_STREAM,	/* pipe, socket, terminal: no size, cannot be read twice */
	TSN_FILE_OTHER,
};

struct tsn_file_info {
	enum tsn_file_kind kind;
	uint64_t size;
	uint64_t dev, ino;	/* which file it is, whatever its name */
	int64_t mtime_ns;
};

struct tsn_file {
	const struct tsn_file_ops *ops;
	int fd;			/* -1: closed */
	char *path;		/* for messages; owned */
};

/**
 * Opens for reading; "-" is standard input.  Never hangs on a FIFO without a writer.
 * TSN_ENOTFOUND, TSN_EDENIED, TSN_EINVAL (a device), TSN_EIO.
 */
TSN_MUST_CHECK enum tsn_code tsn_file_open(const struct tsn_file_ops *ops, const char *path,
    struct tsn_file *ret_file, struct tsn_err *err);
/** Accepts NULL, a zeroed and an already closed file. */
void tsn_file_close(struct tsn_file *f);
/** Up to cap bytes from the current place; *ret_len 0 is the end. */
TSN_MUST_CHECK enum tsn_code tsn_file_read(struct tsn_file *f, void *buf, size_t cap,
    size_t *ret_len, struct tsn_err *err);
/** As many of cap bytes at `at` as there are. */
TSN_MUST_CHECK enum tsn_code tsn_file_pread(struct tsn_file *f, void *buf, size_t cap, uint64_t at,
    size_t *ret_len, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_file_stat(struct tsn_file *f, struct tsn_file_info *ret_info,
    struct tsn_err *err);
/** What stands at a path (links followed); TSN_ENOTFOUND, TSN_EDENIED, TSN_EIO. */
TSN_MUST_CHECK enum tsn_code tsn_file_stat_path(const char *path, struct tsn_file_info *ret_info,
    struct tsn_err *err);
/** Appends the whole file to out; TSN_ELIMIT when it is larger than out may become. */
TSN_MUST_CHECK enum tsn_code tsn_file_read_all(const struct tsn_file_ops *ops, const char *path,
    struct tsn_buf *out, struct tsn_err *err);
/**
 * The same of a file that was found to be a regular one of that size: in as few calls as can be.
 * Whatever it is now, nothing hangs, and all of it is read.
 */
TSN_MUST_CHECK enum tsn_code tsn_file_read_regular(const struct tsn_file_ops *ops,
    const char *path, uint64_t size, struct tsn_buf *out, struct tsn_err *err);
/** Replaces path by text, durably: other readers see the old or the new content, whole. */
TSN_MUST_CHECK enum tsn_code tsn_file_write_atomic(const struct tsn_file_ops *ops,
    const char *path, struct tsn_slice text, mode_t mode, struct tsn_err *err);

#endif
