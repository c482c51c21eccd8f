/*
 * A manifest, of a store or of an archive (with hashes): any bytes are read or named as damaged; what
 * was read is, written and read again, the same.  The input is the body, without compression and
 * hash (pack_plain).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "store/manifest_int.h"
#include "store/pack_int.h"

#define HEAD_BYTES 40u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The folder: one file, that of the name MANIFEST. */
static int now = -1, fresh = -1;

static int
mem_open(const char *path, int flags, mode_t mode)
{
	const char *name = strrchr(path, '/') + 1;

	(void)mode;
	if (flags & O_DIRECTORY)
		return dup(now);
	if (strcmp(name, "MANIFEST.new") == 0) {
		fresh = memfd_create("fresh", 0);
		return dup(fresh);
	}
	if (strcmp(name, "MANIFEST") == 0)
		return dup(now);
	errno = ENOENT;
	return -1;
}

static int
mem_rename(const char *from, const char *to)
{
	(void)from;
	if (strcmp(strrchr(to, '/') + 1, "MANIFEST") == 0) {
		(void)close(now);
		now = fresh;
	} else {
		(void)close(fresh);
	}
	return 0;
}

static int
mem_sync(int fd)
{
	(void)fd;
	return 0;
}

static void
put_file(const uint8_t *data, size_t size, bool hashes)
{
	unsigned char head[HEAD_BYTES] = {0};

	memcpy(head, "TSNMANI1", 8);
	bin_store32(head + 12, hashes);
	bin_store32(head + 16, (uint32_t)size);
	bin_store32(head + 20, (uint32_t)size);
	bin_store64(head + 32, pack_hash(head, 32));
	now = memfd_create("manifest", 0);
	TSN_ASSERT(now >= 0 && write(now, head, sizeof head) == (ssize_t)sizeof head);
	TSN_ASSERT(write(now, data, size) == (ssize_t)size);
}

static void
read_again(const struct manifest *m, const struct ranges *ranges)
{
	struct ranges ranges2 = {0};
	struct manifest m2;
	bool flag;

	TSN_ASSERT(manifest_write(m, "/d", ranges, &flag, NULL) == TSN_OK);
	TSN_ASSERT(manifest_read(&m2, "/d", &ranges2, &flag, NULL) == TSN_OK && !flag);
	TSN_ASSERT(m->generation == m2.generation && m->journal == m2.journal &&
	    m->seq == m2.seq && m->next_number == m2.next_number &&
	    m->seg_count == m2.seg_count);
	for (uint32_t i = 0; i < m->seg_count; i++) {
		const struct manifest_seg *a = &m->segs[i], *b = &m2.segs[i];

		TSN_ASSERT(a->number == b->number && a->rows == b->rows &&
		    a->raw_bytes == b->raw_bytes && a->file_bytes == b->file_bytes &&
		    a->day == b->day && a->hash == b->hash && a->time_min == b->time_min &&
		    a->time_max == b->time_max);
	}
	manifest_done(&m2);
	ranges_done(&ranges2);
}

static void
one(const uint8_t *data, size_t size, bool hashes)
{
	struct ranges ranges = {0};
	struct tsn_err err = {0};
	struct manifest m;
	bool flag;

	put_file(data, size, hashes);
	if (manifest_read(&m, "/d", &ranges, &flag, &err) == TSN_OK) {
		read_again(&m, &ranges);
		manifest_done(&m);
	} else {
		TSN_ASSERT(err.msg[0] != '\0');
	}
	ranges_done(&ranges);
	(void)close(now);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct file_ops ops;

	ops = file_ops_libc;
	ops.open = mem_open;
	ops.rename = mem_rename;
	ops.sync = mem_sync;
	file_ops = &ops;
	pack_plain = true;
	one(data, size, false);
	one(data, size, true);
	return 0;
}
