/* Operations on files that fail on demand, and what a crash takes with it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world.h"

#define FDS_MAX 256
#define CHANGES_MAX 4096
#define PAGE 512

/* Not durable yet: bytes of a file, or a name. */
struct change {
	enum deed { GONE, BYTES, NAME, REMOVED, MADE } what;
	char path[200];			/* of the file now */
	char backup[64];		/* NAME, REMOVED: what stood there before, or "" */
	char from[200];			/* NAME: it was called so */
	off_t at, len;
};

unsigned fault_span = 30;

static enum fault mode;
static unsigned fail_at, op_count, seed, backups;
static bool dead;
static char names[FDS_MAX][200];
static struct change changes[CHANGES_MAX];
static unsigned change_count;

static void
forget_changes(void)
{
	for (unsigned i = 0; i < change_count; i++)
		if (changes[i].backup[0] != '\0')
			(void)unlink(changes[i].backup);
	change_count = 0;
}

void
fault_arm(enum fault what, unsigned at, unsigned with)
{
	forget_changes();
	mode = what;
	fail_at = at;
	seed = with;
	op_count = 0;
	dead = false;
	file_ops = &fault_ops;
}

bool
fault_reached(void)
{
	return op_count >= fail_at;
}

bool
fault_is_dead(void)
{
	return dead;
}

void
fault_kill(bool is)
{
	dead = is;
}

unsigned
fault_count(void)
{
	return op_count;
}

/* `needs_room`: may find the disk full. */
static bool
fails(bool needs_room)
{
	if (dead) {
		errno = EIO;
		return true;
	}
	op_count++;
	if (mode == FAULT_FULL) {
		errno = ENOSPC;
		return needs_room && op_count >= fail_at && op_count < fail_at + fault_span;
	}
	if (op_count != fail_at)
		return false;
	errno = mode == FAULT_ENOSPC ? ENOSPC : EIO;
	dead = mode == FAULT_CRASH || mode == FAULT_LOSE;
	return mode != FAULT_SHORT;
}

/* ---- what would be lost ---- */

static struct change *
note(enum deed what, const char *path)
{
	struct change *c = &changes[change_count];

	if (mode != FAULT_LOSE)
		return NULL;
	assert_true(change_count < CHANGES_MAX);
	change_count++;
	memset(c, 0, sizeof *c);
	c->what = what;
	(void)snprintf(c->path, sizeof c->path, "%s", path);
	return c;
}

static void
keep_old(struct change *c, const char *path)
{
	if (c == NULL)
		return;
	(void)snprintf(c->backup, sizeof c->backup, "/tmp/tsn-kept-%d-%u", (int)getpid(), backups++);
	if (link(path, c->backup) != 0)
		c->backup[0] = '\0';
}

static void
lose_bytes(const struct change *c)
{
	int fd = open(c->path, O_RDWR);
	static const char zeros[PAGE];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return;
	for (off_t at = c->at; at < c->at + c->len && at < st.st_size; at += PAGE)
		if ((unsigned)rand_r(&seed) % 3 == 0)
			(void)!pwrite(fd, zeros, (size_t)(st.st_size - at < PAGE ? st.st_size - at :
			    PAGE), at);
	/* The new length may be lost as well, and all behind it. */
	if ((unsigned)rand_r(&seed) % 3 == 0 && c->at + c->len == st.st_size)
		(void)!ftruncate(fd, c->at + (off_t)((unsigned)rand_r(&seed) % (unsigned)(c->len + 1)));
	(void)close(fd);
}

static void
lose_name(const struct change *c)
{
	if (c->what == NAME)
		(void)rename(c->path, c->from);
	if (c->what == MADE)
		(void)unlink(c->path);
	if (c->backup[0] != '\0')
		(void)rename(c->backup, c->path);
}

void
fault_end(void)
{
	unsigned keep = change_count == 0 ? 0 : (unsigned)rand_r(&seed) % (change_count + 1);

	file_ops = &file_ops_libc;
	if (mode == FAULT_LOSE && dead) {
		for (unsigned i = 0; i < change_count; i++)
			if (changes[i].what == BYTES)
				lose_bytes(&changes[i]);
		/* Names go in order: the newest first. */
		for (unsigned i = change_count; i > keep; i--)
			if (changes[i - 1].what >= NAME)
				lose_name(&changes[i - 1]);
	}
	forget_changes();
	mode = FAULT_EIO;
	fail_at = 0;
	dead = false;
}

/* ---- the operations ---- */

static int
t_open(const char *path, int flags, mode_t m)
{
	int fd;

	if (fails((flags & O_CREAT) != 0))
		return -1;
	if ((flags & O_CREAT) != 0 && access(path, F_OK) != 0)
		(void)note(MADE, path);
	fd = open(path, flags, m);
	if (fd >= 0 && fd < FDS_MAX)
		(void)snprintf(names[fd], sizeof names[fd], "%s", path);
	return fd;
}

static ssize_t
t_write(int fd, const void *buf, size_t len)
{
	off_t at = (fcntl(fd, F_GETFL) & O_APPEND) != 0 ? lseek(fd, 0, SEEK_END) :
							  lseek(fd, 0, SEEK_CUR);
	bool was_dead = dead;
	struct change *c;
	ssize_t n;

	if (fails(true)) {
		int e = errno;

		/* The process dies in the middle of it, or the disk is full there. */
		if (!was_dead && len > 1 && mode != FAULT_EIO)
			(void)!write(fd, buf, len / 2);
		errno = e;
		if (!dead || was_dead)
			return -1;
		n = (ssize_t)len / 2;
	} else {
		n = write(fd, buf, mode == FAULT_SHORT && op_count == fail_at && len > 1 ? len / 2 :
										   len);
	}
	c = note(BYTES, names[fd]);
	if (c != NULL) {
		c->at = at;
		c->len = n;
	}
	errno = EIO;
	return dead ? -1 : n;
}

static ssize_t
t_pread(int fd, void *buf, size_t len, off_t at)
{
	return fails(false) ? -1 : pread(fd, buf, len, at);
}

static bool
is_in(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/' && strchr(path + n + 1, '/') == NULL;
}

static int
t_sync(int fd)
{
	if (fails(true))
		return -1;
	for (unsigned i = 0; i < change_count; i++) {
		struct change *c = &changes[i];

		if (c->what == BYTES && strcmp(c->path, names[fd]) == 0)
			c->what = GONE;
		if (c->what >= NAME && is_in(c->path, names[fd])) {
			c->what = GONE;
			if (c->backup[0] != '\0')
				(void)unlink(c->backup);
			c->backup[0] = '\0';
		}
	}
	return 0;
}

static int
t_rename(const char *from, const char *to)
{
	struct change *c;

	if (fails(true))
		return -1;
	for (unsigned i = 0; i < change_count; i++)
		if (changes[i].what == BYTES && strcmp(changes[i].path, from) == 0)
			(void)snprintf(changes[i].path, sizeof changes[i].path, "%s", to);
	c = note(NAME, to);
	keep_old(c, to);
	if (c != NULL)
		(void)snprintf(c->from, sizeof c->from, "%s", from);
	return rename(from, to);
}

static int
t_unlink(const char *path)
{
	if (fails(false))
		return -1;
	keep_old(note(REMOVED, path), path);
	return unlink(path);
}

static int
t_truncate(int fd, off_t len)
{
	return fails(false) ? -1 : ftruncate(fd, len);
}

const struct file_ops fault_ops = {t_open, close, t_write, t_pread, t_sync, t_rename, t_unlink,
	t_truncate};
