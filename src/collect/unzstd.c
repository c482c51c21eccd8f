#include "collect/unzstd.h"

#include <zstd.h>

#include "base/assert.h"

#define BLOCK_HEADER 3u
#define MAGIC_BYTES 4u

enum tsn_code
tsn_unzstd_init(struct tsn_unzstd *u, int window_log)
{
	*u = (struct tsn_unzstd){.between = true};
	u->stream = ZSTD_createDStream();
	if (u->stream == NULL)
		return TSN_ENOMEM;
	if (ZSTD_isError(ZSTD_DCtx_setParameter(u->stream, ZSTD_d_windowLogMax, window_log))) {
		tsn_unzstd_done(u);
		return TSN_ENOMEM;
	}
	return TSN_OK;
}

void
tsn_unzstd_done(struct tsn_unzstd *u)
{
	(void)ZSTD_freeDStream(u->stream);
	u->stream = NULL;
}

/* Does this byte belong to the first four of a frame, or of a frame to skip? */
static bool
magic_byte(uint32_t at, unsigned char c, uint32_t *kind)
{
	static const unsigned char frame[MAGIC_BYTES] = {0x28, 0xb5, 0x2f, 0xfd};
	static const unsigned char skip[MAGIC_BYTES] = {0x50, 0x2a, 0x4d, 0x18};

	if (at == 0)
		*kind = (c & 0xf0) == skip[0] ? MAGIC_BYTES : 0;
	if (*kind == MAGIC_BYTES)
		return at == 0 || c == skip[at];
	return c == frame[at];
}

/* How much of the input to hand over: never a block together with what follows it. */
static size_t
portion(const struct tsn_unzstd *u, size_t len)
{
	size_t want = u->magic % (2 * MAGIC_BYTES) < MAGIC_BYTES ? 1 :
	    u->hint > BLOCK_HEADER				 ? u->hint - BLOCK_HEADER :
								   u->hint;

	if (want == 0)
		want = 1;
	return want < len ? want : len;
}

enum tsn_code
tsn_unzstd_step(struct tsn_unzstd *u, struct tsn_slice *in, char *out, size_t cap,
    size_t *ret_len)
{
	ZSTD_outBuffer to = {out, cap, 0};
	ZSTD_inBuffer from = {in->ptr, portion(u, in->len), 0};
	uint32_t at = u->magic % (2 * MAGIC_BYTES), kind = u->magic / (2 * MAGIC_BYTES);

	TSN_ASSERT(cap > 0);
	if (at < MAGIC_BYTES && in->len > 0) {
		if (!magic_byte(at, (unsigned char)in->ptr[0], &kind)) {
			u->why = at == 0 && u->between ? "bytes behind the last zstd frame are not zstd" :
							 "no zstd frame";
			return TSN_ECORRUPT;
		}
		u->magic = kind * 2 * MAGIC_BYTES + at + 1;
	}
	u->hint = ZSTD_decompressStream(u->stream, &to, &from);
	if (ZSTD_isError(u->hint)) {
		u->why = ZSTD_getErrorName(u->hint);
		return TSN_ECORRUPT;
	}
	*in = tsn_slice_from(*in, from.pos);
	*ret_len = to.pos;
	if (from.pos == 0 && to.pos == 0)
		return TSN_EAGAIN;
	u->between = u->hint == 0;
	if (u->between)
		u->magic = 0;
	return TSN_OK;
}
