/*
 * pipeline/keys: secrets for ${NAME} in configurations, from a file that only its owner can read.
 *
 * One "NAME=value" a line; the value is everything behind the first '='; '#' begins a comment line.
 */
#ifndef TSN_PIPELINE_KEYS_H
#define TSN_PIPELINE_KEYS_H

#include "base/buf.h"
#include "base/err.h"

#define TSN_KEYS_BYTES_MAX (1u << 20)

struct tsn_pl_keys {
	struct tsn_buf text;		/* names and values, NUL-terminated in place */
};

/** TSN_EDENIED: others may read it; TSN_EPARSE with the line. */
TSN_MUST_CHECK enum tsn_code tsn_pl_keys_load(struct tsn_pl_keys *k, const char *path,
    struct tsn_err *err);
/** The same from text. */
TSN_MUST_CHECK enum tsn_code tsn_pl_keys_parse(struct tsn_pl_keys *k, const char *name,
    struct tsn_slice text, struct tsn_err *err);
/** The value, or NULL. */
const char *tsn_pl_keys_find(const struct tsn_pl_keys *k, const char *name);
/** Overwrites the secrets, then frees. */
void tsn_pl_keys_done(struct tsn_pl_keys *k);

#endif
