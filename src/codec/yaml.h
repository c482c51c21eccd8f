/*
 * codec/yaml: YAML 1.2 text to a tree of values (core schema), for rules and settings.
 *
 * Two readers give the same tree: a fast one for the block style nearly all files are written in,
 * and libfyaml for everything else (flow collections, anchors, tags, folded scalars, ...) and for
 * every error.  Keys are scalars.  A key that stands twice in one map is an error.
 *
 * Owner: nodes live in the arena of the caller; texts point into the input or into the arena, so
 * the input must outlive the tree.  Limits: TSN_YAML_DEPTH_MAX levels, TSN_YAML_NODES_MAX values a
 * document after aliases are expanded, the arena's cap.  Errors are TSN_EPARSE (pos is the line),
 * TSN_ELIMIT (pos likewise), TSN_ENOMEM.
 */
#ifndef TSN_CODEC_YAML_H
#define TSN_CODEC_YAML_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

#define TSN_YAML_DEPTH_MAX 48u
#define TSN_YAML_NODES_MAX 100000u
#define TSN_YAML_BYTES_MAX (16u << 20)

enum tsn_yaml_kind {
	TSN_YAML_NULL,
	TSN_YAML_BOOL,		/* num.i 0 or 1 */
	TSN_YAML_INT,		/* num.i */
	TSN_YAML_FLOAT,		/* num.d; also integers that do not fit */
	TSN_YAML_STR,
	TSN_YAML_SEQ,
	TSN_YAML_MAP,
};

struct tsn_yaml {
	const struct tsn_yaml *next;	/* in the same sequence or map, or among documents */
	const struct tsn_yaml *first;	/* of a sequence or map */
	struct tsn_slice key;		/* in a map: its key */
	struct tsn_slice text;		/* of a scalar, as it stood (quotes and escapes resolved) */
	union {
		int64_t i;
		double d;
	} num;
	uint32_t count;			/* of a sequence or map */
	uint32_t weight;		/* values in this one, itself included, aliases expanded */
	uint32_t line;			/* from 1: where the value stands */
	uint32_t key_line;
	enum tsn_yaml_kind kind;
};

/** All documents of a text, linked by `next`; *ret_first NULL when there is none. */
TSN_MUST_CHECK enum tsn_code tsn_yaml_parse(struct tsn_arena *a, struct tsn_slice text,
    const struct tsn_yaml **ret_first, struct tsn_err *err);
/** The same by libfyaml alone: what the fast reader is compared with. */
TSN_MUST_CHECK enum tsn_code tsn_yaml_parse_full(struct tsn_arena *a, struct tsn_slice text,
    const struct tsn_yaml **ret_first, struct tsn_err *err);
/** The value of a key, or NULL; also NULL when map is NULL or no map. */
const struct tsn_yaml *tsn_yaml_find(const struct tsn_yaml *map, struct tsn_slice key);
/** Text of a scalar that is not null, else empty. */
struct tsn_slice tsn_yaml_text(const struct tsn_yaml *node);
/** "a map", "a list", "a string", ...: for messages. */
const char *tsn_yaml_kind_name(const struct tsn_yaml *node);

#endif
