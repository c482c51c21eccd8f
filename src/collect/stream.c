#include "collect/stream.h"

#include <errno.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/assert.h"
#include "collect/unzstd.h"

#define INPUT_BYTES (256u << 10)
#define ZSTD_WINDOW_LOG_MAX 27
#define XZ_MEMORY_MAX (UINT64_C(96) << 20)

struct tsn_stream {
	struct tsn_file file;
	enum tsn_stream_format format;
	uint64_t size;
	uint64_t consumed;	/* bytes read from the file */
	char *in;		/* INPUT_BYTES of the file */
	size_t in_at, in_len;
	bool in_eof;
	bool between;		/* no member or frame has begun: the end may come here */
	bool any;		/* a whole member or frame has been read */
	bool over;		/* an end or an error was returned */
	const char *why;	/* damage found behind bytes that were delivered first */
	z_stream gz;
	struct tsn_unzstd zstd;
	lzma_stream xz;
};

static enum tsn_code
fill(struct tsn_stream *s, struct tsn_err *err)
{
	size_t len;

	if (s->in_at < s->in_len || s->in_eof)
		return TSN_OK;
	TSN_TRY(tsn_file_read(&s->file, s->in, INPUT_BYTES, &len, err));
	s->in_at = 0;
	s->in_len = len;
	s->in_eof = len == 0;
	s->consumed += len;
	return TSN_OK;
}

/* The first bytes decide; a pipe may give them one at a time. */
static enum tsn_code
fill_magic(struct tsn_stream *s, struct tsn_err *err)
{
	while (s->in_len < 6 && !s->in_eof) {
		size_t len;

		TSN_TRY(tsn_file_read(&s->file, s->in + s->in_len, INPUT_BYTES - s->in_len, &len, err));
		s->in_len += len;
		s->consumed += len;
		s->in_eof = len == 0;
	}
	return TSN_OK;
}

static bool
magic_is_zstd(struct tsn_slice in)
{
	/* A frame, or a skippable frame before the first one. */
	return tsn_slice_starts(in, TSN_SLICE("\x28\xb5\x2f\xfd")) ||
	    (in.len >= 4 && ((unsigned char)in.ptr[0] & 0xf0) == 0x50 &&
		memcmp(in.ptr + 1, "\x2a\x4d\x18", 3) == 0);
}

static enum tsn_code
start(struct tsn_stream *s, struct tsn_err *err)
{
	struct tsn_slice in;

	TSN_TRY(fill_magic(s, err));
	in = tsn_slice_of(s->in, s->in_len);
	s->between = true;
	if (tsn_slice_starts(in, TSN_SLICE("\x1f\x8b\x08"))) {
		s->format = TSN_STREAM_GZIP;
		if (inflateInit2(&s->gz, 15 + 16) != Z_OK)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	} else if (tsn_slice_starts(in, TSN_SLICE("\xfd" "7zXZ\0"))) {
		s->format = TSN_STREAM_XZ;
		if (lzma_stream_decoder(&s->xz, XZ_MEMORY_MAX, LZMA_CONCATENATED) != LZMA_OK)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	} else if (magic_is_zstd(in)) {
		s->format = TSN_STREAM_ZSTD;
		if (tsn_unzstd_init(&s->zstd, ZSTD_WINDOW_LOG_MAX) != TSN_OK)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	return TSN_OK;
}

enum tsn_code
tsn_stream_open(const struct tsn_file_ops *ops, const char *path, struct tsn_stream **ret_stream,
    struct tsn_err *err)
{
	struct tsn_stream *s = calloc(1, sizeof *s);
	struct tsn_file_info info;
	enum tsn_code code;

	if (s == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	code = tsn_file_open(ops, path, &s->file, err);
	if (code == TSN_OK)
		code = tsn_file_stat(&s->file, &info, err);
	if (code == TSN_OK && info.kind == TSN_FILE_DIR)
		code = TSN_ERR(err, TSN_EINVAL, "%s: is a folder, not a file", path);
	if (code == TSN_OK) {
		s->size = info.kind == TSN_FILE_REGULAR ? info.size : 0;
		s->in = malloc(INPUT_BYTES);
		if (s->in == NULL)
			code = TSN_ERR(err, TSN_ENOMEM, "out of memory");
	}
	if (code == TSN_OK)
		code = start(s, err);
	if (code != TSN_OK) {
		tsn_stream_close(s);
		return code;
	}
	*ret_stream = s;
	return TSN_OK;
}

void
tsn_stream_close(struct tsn_stream *s)
{
	if (s == NULL)
		return;
	if (s->format == TSN_STREAM_GZIP)
		(void)inflateEnd(&s->gz);
	if (s->format == TSN_STREAM_XZ)
		lzma_end(&s->xz);
	tsn_unzstd_done(&s->zstd);
	free(s->in);
	tsn_file_close(&s->file);
	free(s);
}

static enum tsn_code
damaged(const struct tsn_stream *s, const char *what, struct tsn_err *err)
{
	TSN_FAIL_AT(err, TSN_ECORRUPT, s->consumed - (s->in_len - s->in_at),
	    "%s: damaged at byte %llu: %s; what stood before it was kept", s->file.path,
	    (unsigned long long)(s->consumed - (s->in_len - s->in_at)), what);
}

/* Behind a whole gzip member: another one, zero padding, or the end. */
static enum tsn_code
gzip_next_member(struct tsn_stream *s, struct tsn_err *err)
{
	for (;;) {
		TSN_TRY(fill(s, err));
		if (s->in_at == s->in_len)
			return TSN_EOF;
		if (s->in[s->in_at] != '\0')
			break;
		s->in_at++;
	}
	if ((unsigned char)s->in[s->in_at] != 0x1f)
		return damaged(s, "bytes behind the last gzip member are not gzip", err);
	if (inflateReset(&s->gz) != Z_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	s->between = false;
	return TSN_OK;
}

static enum tsn_code
read_gzip(struct tsn_stream *s, char *buf, size_t cap, size_t *ret_len, struct tsn_err *err)
{
	int z = Z_OK;

	s->gz.next_out = (Bytef *)buf;
	s->gz.avail_out = cap > UINT32_MAX ? UINT32_MAX : (uInt)cap;
	while ((char *)s->gz.next_out == buf) {
		if (s->between && s->any)
			TSN_TRY(gzip_next_member(s, err));
		s->between = false;
		TSN_TRY(fill(s, err));
		if (s->in_at == s->in_len)
			return damaged(s, "the file ends in the middle of the gzip data", err);
		s->gz.next_in = (Bytef *)s->in + s->in_at;
		s->gz.avail_in = (uInt)(s->in_len - s->in_at);
		z = inflate(&s->gz, Z_NO_FLUSH);
		s->in_at = s->in_len - s->gz.avail_in;
		if (z == Z_STREAM_END)
			s->between = s->any = true;
		else if (z == Z_MEM_ERROR)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		else if (z != Z_OK && z != Z_BUF_ERROR)
			s->why = s->gz.msg != NULL ? s->gz.msg : "not gzip data";
		if (s->why != NULL && (char *)s->gz.next_out == buf)
			return damaged(s, s->why, err);
	}
	*ret_len = (size_t)((char *)s->gz.next_out - buf);
	return TSN_OK;
}

static enum tsn_code
read_zstd(struct tsn_stream *s, char *buf, size_t cap, size_t *ret_len, struct tsn_err *err)
{
	for (;;) {
		struct tsn_slice in;
		enum tsn_code code;
		size_t len = 0;

		TSN_TRY(fill(s, err));
		if (s->in_at == s->in_len && s->zstd.between)
			return TSN_EOF;
		in = tsn_slice_of(s->in + s->in_at, s->in_len - s->in_at);
		code = tsn_unzstd_step(&s->zstd, &in, buf, cap, &len);
		if (code == TSN_ECORRUPT)
			return damaged(s, s->zstd.why, err);
		s->in_at = s->in_len - in.len;
		if (len > 0) {
			*ret_len = len;
			return TSN_OK;
		}
		if (code == TSN_EAGAIN && s->in_at == s->in_len && s->in_eof)
			return damaged(s, "the file ends in the middle of the zstd data", err);
	}
}

static const char *
xz_reason(lzma_ret z)
{
	switch ((int)z) {
	case LZMA_MEMLIMIT_ERROR:
		return "needs more than 96 MiB of memory";
	case LZMA_FORMAT_ERROR:
		return "bytes behind the last xz stream are not xz";
	case LZMA_OPTIONS_ERROR:
		return "xz options this program does not know";
	case LZMA_BUF_ERROR:
		return "the file ends in the middle of the xz data";
	default:
		return "xz data is corrupt";
	}
}

static enum tsn_code
read_xz(struct tsn_stream *s, char *buf, size_t cap, size_t *ret_len, struct tsn_err *err)
{
	s->xz.next_out = (uint8_t *)buf;
	s->xz.avail_out = cap;
	while (s->xz.avail_out == cap) {
		lzma_ret z;

		TSN_TRY(fill(s, err));
		s->xz.next_in = (uint8_t *)s->in + s->in_at;
		s->xz.avail_in = s->in_len - s->in_at;
		z = lzma_code(&s->xz, s->in_eof ? LZMA_FINISH : LZMA_RUN);
		s->in_at = s->in_len - s->xz.avail_in;
		if (z == LZMA_MEM_ERROR)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		if (z != LZMA_OK && z != LZMA_STREAM_END)
			s->why = xz_reason(z);
		if (s->xz.avail_out < cap)
			break;
		if (z == LZMA_STREAM_END)
			return TSN_EOF;
		if (s->why != NULL)
			return damaged(s, s->why, err);
	}
	*ret_len = cap - s->xz.avail_out;
	return TSN_OK;
}

static enum tsn_code
read_plain(struct tsn_stream *s, char *buf, size_t cap, size_t *ret_len, struct tsn_err *err)
{
	size_t len = s->in_len - s->in_at;

	if (len > 0) {		/* what was read to see the format */
		len = len < cap ? len : cap;
		memcpy(buf, s->in + s->in_at, len);
		s->in_at += len;
		*ret_len = len;
		return TSN_OK;
	}
	if (s->in_eof)
		return TSN_EOF;
	TSN_TRY(tsn_file_read(&s->file, buf, cap, &len, err));
	s->consumed += len;
	if (len == 0)
		return TSN_EOF;
	*ret_len = len;
	return TSN_OK;
}

enum tsn_code
tsn_stream_read(struct tsn_stream *s, void *buf, size_t cap, size_t *ret_len,
    struct tsn_err *err)
{
	enum tsn_code code = TSN_EOF;

	TSN_ASSERT(cap > 0);
	if (s->over)
		return TSN_EOF;
	if (s->why != NULL) {
		s->over = true;
		return damaged(s, s->why, err);
	}
	switch (s->format) {
	case TSN_STREAM_PLAIN:
		code = read_plain(s, buf, cap, ret_len, err);
		break;
	case TSN_STREAM_GZIP:
		code = read_gzip(s, buf, cap, ret_len, err);
		break;
	case TSN_STREAM_ZSTD:
		code = read_zstd(s, buf, cap, ret_len, err);
		break;
	case TSN_STREAM_XZ:
		code = read_xz(s, buf, cap, ret_len, err);
		break;
	}
	s->over = code != TSN_OK;
	return code;
}

enum tsn_stream_format
tsn_stream_format(const struct tsn_stream *s)
{
	return s->format;
}

uint64_t
tsn_stream_consumed(const struct tsn_stream *s)
{
	return s->consumed;
}

uint64_t
tsn_stream_size(const struct tsn_stream *s)
{
	return s->size;
}
