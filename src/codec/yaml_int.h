/* codec/yaml: what the fast and the full reader share. */
#ifndef TSN_CODEC_YAML_INT_H
#define TSN_CODEC_YAML_INT_H

#include "codec/yaml.h"

/** A node in the arena, or NULL. */
struct tsn_yaml *tsn_yaml_int_node(struct tsn_arena *a, enum tsn_yaml_kind kind, uint32_t line);
/** Sets kind and number of a plain scalar by the core schema. */
void tsn_yaml_int_resolve(struct tsn_yaml *node);
/** TSN_EPARSE when a key stands twice in the map. */
TSN_MUST_CHECK enum tsn_code tsn_yaml_int_keys(struct tsn_arena *a, const struct tsn_yaml *map,
    struct tsn_err *err);

/**
 * The fast reader.  TSN_EAGAIN: the text needs the full one (or is wrong: it will say how).
 * TSN_ENOMEM.
 */
TSN_MUST_CHECK enum tsn_code tsn_yaml_int_fast(struct tsn_arena *a, struct tsn_slice text,
    const struct tsn_yaml **ret_first);

#endif
