#include "store/pack_int.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zstd.h>

#include "base/assert.h"

#define BEHIND_LEVEL 3
#define BEHIND_WINDOW_LOG 23
#define BEHIND_HASH_LOG 19

bool pack_plain;

struct packer {
	ZSTD_CCtx *zstd;
};

uint64_t
pack_hash(const void *p, size_t len)
{
	return XXH3_64bits(p, len);
}

static enum tsn_code
put_plain(struct tsn_slice raw, struct tsn_buf *out, struct pack *ret_pack)
{
	*ret_pack = (struct pack){0, (uint32_t)raw.len, (uint32_t)raw.len,
	    pack_hash(raw.ptr, raw.len)};
	tsn_buf_slice(out, raw);
	return tsn_buf_check(out);
}

static enum tsn_code
get_plain(struct tsn_slice file, const struct pack *p, char **ret_raw)
{
	if (p->packed_len != p->raw_len)
		return TSN_ECORRUPT;
	*ret_raw = malloc((size_t)p->raw_len + 1);
	if (*ret_raw == NULL)
		return TSN_ENOMEM;
	memcpy(*ret_raw, file.ptr + p->offset, p->raw_len);
	return TSN_OK;
}

struct packer *
packer_new(int level)
{
	struct packer *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->zstd = ZSTD_createCCtx();
	if (p->zstd == NULL ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_contentSizeFlag, 0))) {
		packer_free(p);
		return NULL;
	}
	return p;
}

void
packer_free(struct packer *p)
{
	if (p == NULL)
		return;
	(void)ZSTD_freeCCtx(p->zstd);
	free(p);
}

enum tsn_code
pack(struct packer *p, struct tsn_slice raw, struct tsn_buf *out, struct pack *ret_pack)
{
	size_t bound = ZSTD_compressBound(raw.len), n;

	if (raw.len > PACK_RAW_MAX)
		return TSN_ELIMIT;
	if (pack_plain)
		return put_plain(raw, out, ret_pack);
	if (!tsn_buf_room(out, bound))
		return tsn_buf_check(out);
	n = ZSTD_compress2(p->zstd, out->ptr + out->len, bound, raw.ptr, raw.len);
	if (ZSTD_isError(n))
		return TSN_ENOMEM;
	*ret_pack = (struct pack){0, (uint32_t)n, (uint32_t)raw.len,
	    pack_hash(out->ptr + out->len, n)};
	out->len += n;
	return TSN_OK;
}

/* Long repeats far back are what this is for. */
static bool
set_up_behind(ZSTD_CCtx *zstd, struct tsn_slice prefix)
{
	return !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, BEHIND_LEVEL)) &&
	    !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, BEHIND_WINDOW_LOG)) &&
	    !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_hashLog, BEHIND_HASH_LOG)) &&
	    !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, 0)) &&
	    !ZSTD_isError(ZSTD_CCtx_refPrefix(zstd, prefix.ptr, prefix.len));
}

enum tsn_code
pack_behind(struct tsn_slice prefix, struct tsn_slice raw, struct tsn_buf *out,
    struct pack *ret_pack)
{
	size_t bound = ZSTD_compressBound(raw.len), n;
	struct packer p = {0};

	if (pack_plain)
		return put_plain(raw, out, ret_pack);
	p.zstd = ZSTD_createCCtx();
	if (p.zstd == NULL || raw.len > PACK_RAW_MAX || !tsn_buf_room(out, bound) ||
	    !set_up_behind(p.zstd, prefix)) {
		(void)ZSTD_freeCCtx(p.zstd);
		return TSN_ENOMEM;
	}
	n = ZSTD_compress2(p.zstd, out->ptr + out->len, bound, raw.ptr, raw.len);
	(void)ZSTD_freeCCtx(p.zstd);
	if (ZSTD_isError(n))
		return TSN_ENOMEM;
	*ret_pack = (struct pack){0, (uint32_t)n, (uint32_t)raw.len,
	    pack_hash(out->ptr + out->len, n)};
	out->len += n;
	return TSN_OK;
}

static bool
is_whole(struct tsn_slice file, const struct pack *p)
{
	return p->offset <= file.len && p->packed_len <= file.len - p->offset &&
	    p->raw_len <= PACK_RAW_MAX &&
	    (pack_plain || pack_hash(file.ptr + p->offset, p->packed_len) == p->hash);
}

enum tsn_code
unpack_behind(struct tsn_slice file, const struct pack *p, struct tsn_slice prefix,
    char **ret_raw)
{
	ZSTD_DCtx *zstd;
	size_t n = 0;
	char *raw;

	if (!is_whole(file, p))
		return TSN_ECORRUPT;
	if (pack_plain)
		return get_plain(file, p, ret_raw);
	raw = malloc((size_t)p->raw_len + 1);
	zstd = ZSTD_createDCtx();
	if (raw == NULL || zstd == NULL) {
		free(raw);
		(void)ZSTD_freeDCtx(zstd);
		return TSN_ENOMEM;
	}
	if (!ZSTD_isError(ZSTD_DCtx_refPrefix(zstd, prefix.ptr, prefix.len)))
		n = ZSTD_decompressDCtx(zstd, raw, p->raw_len, file.ptr + p->offset,
		    p->packed_len);
	(void)ZSTD_freeDCtx(zstd);
	if (n != p->raw_len) {
		free(raw);
		return TSN_ECORRUPT;
	}
	*ret_raw = raw;
	return TSN_OK;
}

enum tsn_code
unpack(struct tsn_slice file, const struct pack *p, char **ret_raw)
{
	char *raw;

	if (!is_whole(file, p))
		return TSN_ECORRUPT;
	if (pack_plain)
		return get_plain(file, p, ret_raw);
	raw = malloc((size_t)p->raw_len + 1);
	if (raw == NULL)
		return TSN_ENOMEM;
	if (ZSTD_decompress(raw, p->raw_len, file.ptr + p->offset, p->packed_len) != p->raw_len) {
		free(raw);
		return TSN_ECORRUPT;
	}
	*ret_raw = raw;
	return TSN_OK;
}

void
pack_put(struct tsn_buf *out, const struct pack *p)
{
	bin_add_var(out, p->offset);
	bin_add_var(out, p->packed_len);
	bin_add_var(out, p->raw_len);
	bin_add_u64(out, p->hash);
}

void
pack_get(struct bin *r, struct pack *p)
{
	uint64_t packed, raw;

	p->offset = bin_var(r);
	packed = bin_var(r);
	raw = bin_var(r);
	p->hash = bin_u64(r);
	if (packed > PACK_RAW_MAX || raw > PACK_RAW_MAX)
		r->bad = true;
	p->packed_len = (uint32_t)packed;
	p->raw_len = (uint32_t)raw;
}

bool
pack_other_version(const void *head, size_t len, const char *magic)
{
	char mine[64];

	TSN_ASSERT(len <= sizeof mine);
	memcpy(mine, head, len);
	if (mine[7] == magic[7])
		return false;
	mine[7] = magic[7];
	return pack_hash(mine, len) != bin_load64((const char *)head + len);
}
