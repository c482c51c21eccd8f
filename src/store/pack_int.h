/*
 * store/pack: runs of bytes compressed and with a checksum, as they stand in files.
 */
#ifndef TSN_STORE_PACK_INT_H
#define TSN_STORE_PACK_INT_H

#include "base/buf.h"
#include "store/bin_int.h"

#define PACK_RAW_MAX (1u << 30)

/* Where a packed run stands. */
struct pack {
	uint64_t offset;
	uint32_t packed_len, raw_len;
	uint64_t hash;			/* XXH3-64 of the packed bytes */
};

/**
 * For fuzzers: bytes are stored as they are and believed without their hash, so that what lies
 * behind both can be reached.
 */
extern bool pack_plain;

struct packer;			/* compression state, one per writer */

struct packer *packer_new(int level);
void packer_free(struct packer *p);
/** Appends the packed bytes to out; offset is left to the caller. */
TSN_MUST_CHECK enum tsn_code pack(struct packer *p, struct tsn_slice raw, struct tsn_buf *out,
    struct pack *ret_pack);
/** As pack, with what `prefix` holds as if it stood in front: repeats of it cost little. */
TSN_MUST_CHECK enum tsn_code pack_behind(struct tsn_slice prefix, struct tsn_slice raw,
    struct tsn_buf *out, struct pack *ret_pack);
/** The reverse, with the same prefix. */
TSN_MUST_CHECK enum tsn_code unpack_behind(struct tsn_slice file, const struct pack *p,
    struct tsn_slice prefix, char **ret_raw);
/** A fresh buffer with the raw bytes (free it).  TSN_ECORRUPT, TSN_ENOMEM. */
TSN_MUST_CHECK enum tsn_code unpack(struct tsn_slice file, const struct pack *p, char **ret_raw);
void pack_put(struct tsn_buf *out, const struct pack *p);
void pack_get(struct bin *r, struct pack *p);
/**
 * True for a head (`len` bytes, their hash behind them) of another version.  One that would be of
 * this version but for its version byte has been damaged there.
 */
bool pack_other_version(const void *head, size_t len, const char *magic);
uint64_t pack_hash(const void *p, size_t len);

#endif
