/*
 * Property: whatever the bytes of a file, every size of reads gives the same decompressed bytes and
 * the same end.  Output is followed for the first mebibyte.  Of damaged xz data liblzma gives a few
 * bytes more or less before the damage, by how much it was handed at once.
 */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/hash.h"
#include "collect/stream.h"

#define OUTPUT_MAX (1u << 20)

static struct tsn_slice left;
static size_t step;

static int
fake_open(const char *path, int flags, mode_t mode)
{
	(void)path;
	(void)flags;
	(void)mode;
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static ssize_t
fake_read(int fd, void *buf, size_t len)
{
	(void)fd;
	len = len < left.len ? len : left.len;
	len = len < step ? len : step;
	if (len > 0)
		memcpy(buf, left.ptr, len);
	left = tsn_slice_from(left, len);
	return (ssize_t)len;
}

static uint64_t
run(struct tsn_slice in, size_t read_step, size_t out_step, enum tsn_code *ret_code)
{
	static char out[65536];
	struct tsn_file_ops ops = tsn_file_system;
	struct tsn_stream *s;
	uint64_t hash = 0, total = 0;
	size_t len;

	ops.open = fake_open;
	ops.read = fake_read;
	left = in;
	step = read_step;
	*ret_code = tsn_stream_open(&ops, "f", &s, NULL);
	if (*ret_code != TSN_OK)
		return 0;
	while (total < OUTPUT_MAX &&
	    (*ret_code = tsn_stream_read(s, out, out_step, &len, NULL)) == TSN_OK) {
		TSN_ASSERT(len > 0 && len <= out_step);
		/* Byte by byte, so that cuts of the output do not show. */
		for (size_t i = 0; i < len && total < OUTPUT_MAX; i++, total++)
			hash = hash * 31 + (unsigned char)out[i];
	}
	if (total >= OUTPUT_MAX)
		*ret_code = TSN_OK;
	tsn_stream_close(s);
	return hash + total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = {1, 13};
	struct tsn_slice in = tsn_slice_of((const char *)data, size);
	enum tsn_code whole, cut;
	uint64_t hash = run(in, SIZE_MAX, 65536, &whole);

	TSN_ASSERT(whole == TSN_OK || whole == TSN_EOF || whole == TSN_ECORRUPT);
	for (size_t i = 0; i < TSN_COUNT(steps); i++) {
		uint64_t same = run(in, steps[i], i == 0 ? 4096 : 65536, &cut);

		TSN_ASSERT(cut == whole);
		TSN_ASSERT(same == hash || (whole == TSN_ECORRUPT && in.ptr[0] == '\xfd'));
	}
	return 0;
}
