#include "collect/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/assert.h"
#include "os/clock.h"
#include "os/fail.h"

#define MAGIC "TSNSPOL1"
#define HEAD_BYTES 16u
#define BLOCK_HEAD_BYTES 12u
#define PAGE_BYTES 4096u

struct tsn_spool {
	int fd;
	uint64_t max;
	pthread_mutex_t lock;	/* of what follows */
	uint64_t generation;
	uint64_t kept;		/* what stands before it is durable elsewhere */
	uint64_t begin, end;	/* to take from, to put at */
};

static void
store32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

static uint32_t
load32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void
store64(unsigned char *p, uint64_t v)
{
	store32(p, (uint32_t)v);
	store32(p + 4, (uint32_t)(v >> 32));
}

static uint64_t
load64(const unsigned char *p)
{
	return (uint64_t)load32(p) | (uint64_t)load32(p + 4) << 32;
}

static bool
write_at(int fd, uint64_t at, const void *ptr, size_t len)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, ptr, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		ptr = (const char *)ptr + n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return true;
}

static bool
read_at(int fd, uint64_t at, void *ptr, size_t len)
{
	while (len > 0) {
		ssize_t n = pread(fd, ptr, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		ptr = (char *)ptr + n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return true;
}

/* An empty file of a new generation. */
static bool
start_anew(struct tsn_spool *s)
{
	unsigned char head[HEAD_BYTES];
	uint64_t next = (uint64_t)tsn_clock_real_ns();

	s->generation = next > s->generation ? next : s->generation + 1;
	memcpy(head, MAGIC, 8);
	store64(head + 8, s->generation);
	s->kept = s->begin = s->end = HEAD_BYTES;
	return ftruncate(s->fd, 0) == 0 && write_at(s->fd, 0, head, sizeof head);
}

static bool
read_block_head(const struct tsn_spool *s, uint64_t at, uint64_t size, uint32_t *ret_len,
    uint64_t *ret_hash)
{
	unsigned char head[BLOCK_HEAD_BYTES];

	if (at + sizeof head > size || !read_at(s->fd, at, head, sizeof head))
		return false;
	*ret_len = load32(head);
	*ret_hash = load64(head + 4);
	return *ret_len <= TSN_SPOOL_BLOCK_MAX && *ret_len <= size - at - sizeof head;
}

/* Up to the last block that is whole in length: a crash may have cut the one behind it. */
static void
find_end(struct tsn_spool *s, uint64_t size)
{
	uint64_t hash;
	uint32_t len;

	s->end = s->begin;
	while (read_block_head(s, s->end, size, &len, &hash))
		s->end += BLOCK_HEAD_BYTES + len;
}

static bool
look(struct tsn_spool *s, const struct tsn_spool_mark *from)
{
	unsigned char head[HEAD_BYTES];
	off_t size = lseek(s->fd, 0, SEEK_END);

	if (size < (off_t)HEAD_BYTES || !read_at(s->fd, 0, head, sizeof head) ||
	    memcmp(head, MAGIC, 8) != 0)
		return start_anew(s);
	s->generation = load64(head + 8);
	s->begin = HEAD_BYTES;
	if (from->generation == s->generation && from->offset >= HEAD_BYTES &&
	    from->offset <= (uint64_t)size)
		s->begin = from->offset;
	s->kept = s->begin;
	find_end(s, (uint64_t)size);
	return s->begin < s->end || start_anew(s);
}

enum tsn_code
tsn_spool_open(const char *path, uint64_t bytes_max, const struct tsn_spool_mark *from,
    struct tsn_spool **ret_spool, struct tsn_err *err)
{
	struct tsn_spool *s = calloc(1, sizeof *s);

	if (s == NULL || pthread_mutex_init(&s->lock, NULL) != 0) {
		free(s);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	s->max = bytes_max;
	s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->fd < 0 || !look(s, from)) {
		enum tsn_code code = tsn_os_fail(err, errno, "cannot use", path);

		tsn_spool_close(s);
		return code;
	}
	*ret_spool = s;
	return TSN_OK;
}

void
tsn_spool_close(struct tsn_spool *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0)
		(void)close(s->fd);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

enum tsn_code
tsn_spool_put(struct tsn_spool *s, struct tsn_slice block, struct tsn_err *err)
{
	unsigned char head[BLOCK_HEAD_BYTES];
	enum tsn_code code = TSN_OK;

	TSN_ASSERT(block.len > 0 && block.len <= TSN_SPOOL_BLOCK_MAX);
	store32(head, (uint32_t)block.len);
	store64(head + 4, XXH3_64bits(block.ptr, block.len));
	(void)pthread_mutex_lock(&s->lock);
	if (s->end + sizeof head + block.len - s->kept > s->max)
		code = TSN_ELIMIT;
	/* The head last: a block is there when its head is. */
	else if (!write_at(s->fd, s->end + sizeof head, block.ptr, block.len) ||
	    !write_at(s->fd, s->end, head, sizeof head))
		code = tsn_os_fail(err, errno, "cannot write to", "the spool");
	else
		s->end += sizeof head + block.len;
	if (code != TSN_OK && code != TSN_ELIMIT && ftruncate(s->fd, (off_t)s->end) != 0)
		code = TSN_EIO;
	(void)pthread_mutex_unlock(&s->lock);
	if (code == TSN_ELIMIT)
		TSN_FAIL(err, code, "the spool is full");
	return code;
}

enum tsn_code
tsn_spool_take(struct tsn_spool *s, struct tsn_buf *block, struct tsn_err *err)
{
	enum tsn_code code = TSN_OK;
	uint64_t hash = 0;
	uint32_t len = 0;

	tsn_buf_reset(block);
	(void)pthread_mutex_lock(&s->lock);
	if (s->begin == s->end)
		code = TSN_EAGAIN;
	else if (!read_block_head(s, s->begin, s->end, &len, &hash) || len == 0)
		code = TSN_ECORRUPT;
	else if (!tsn_buf_room(block, len))
		code = TSN_ENOMEM;
	else if (!read_at(s->fd, s->begin + BLOCK_HEAD_BYTES, block->ptr, len) ||
	    XXH3_64bits(block->ptr, len) != hash)
		code = TSN_ECORRUPT;
	if (code == TSN_OK) {
		block->len = len;
		s->begin += BLOCK_HEAD_BYTES + len;
	} else if (code == TSN_ECORRUPT) {
		s->begin = s->end;
	}
	(void)pthread_mutex_unlock(&s->lock);
	if (code == TSN_ECORRUPT)
		TSN_FAIL(err, code, "the spool is damaged: what stood behind is lost");
	if (code == TSN_ENOMEM)
		TSN_FAIL(err, code, "out of memory");
	return code;
}

bool
tsn_spool_empty(struct tsn_spool *s)
{
	return tsn_spool_bytes(s) == 0;
}

uint64_t
tsn_spool_bytes(struct tsn_spool *s)
{
	uint64_t n;

	(void)pthread_mutex_lock(&s->lock);
	n = s->end - s->begin;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

struct tsn_spool_mark
tsn_spool_mark(struct tsn_spool *s)
{
	struct tsn_spool_mark m;

	(void)pthread_mutex_lock(&s->lock);
	m = (struct tsn_spool_mark){.generation = s->generation, .offset = s->begin};
	(void)pthread_mutex_unlock(&s->lock);
	return m;
}

void
tsn_spool_done(struct tsn_spool *s, const struct tsn_spool_mark *mark)
{
	(void)pthread_mutex_lock(&s->lock);
	if (mark->generation == s->generation && mark->offset > s->kept && mark->offset <= s->end) {
		s->kept = mark->offset;
		if (s->kept == s->end)
			(void)!start_anew(s);
		else
			(void)fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    (off_t)PAGE_BYTES, (off_t)(s->kept / PAGE_BYTES * PAGE_BYTES) -
			    (s->kept >= PAGE_BYTES ? (off_t)PAGE_BYTES : 0));
	}
	(void)pthread_mutex_unlock(&s->lock);
}
