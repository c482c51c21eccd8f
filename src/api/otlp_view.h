/*
 * api/otlp_view: a message of OTLP, whether it came as protobuf or as JSON: its fields one by one,
 * under their protobuf numbers.
 *
 * In JSON a list is a field that comes again for each element, as in protobuf.  Names that the
 * schema does not have are passed over; a value of another type is damage.
 */
#ifndef TSN_API_OTLP_VIEW_H
#define TSN_API_OTLP_VIEW_H

#include "codec/json_walk.h"
#include "codec/proto.h"

enum otlp_kind {
	OTLP_UINT,	/* number that has no sign, or that is told by its bits: times, counts */
	OTLP_INT,
	OTLP_DOUBLE,
	OTLP_BOOL,
	OTLP_TEXT,
	OTLP_BYTES,	/* JSON: hex or base64, as the caller knows */
	OTLP_MESSAGE,
};

struct otlp_member {
	const char *name;	/* in JSON; NULL ends a schema */
	uint32_t number;	/* in protobuf */
	enum otlp_kind kind;
	bool list;
};

struct otlp_view {
	bool json;
	const struct otlp_member *schema;
	struct tsn_slice left;		/* protobuf */
	struct tsn_json_walk members, elements;	/* JSON */
	const struct otlp_member *list;	/* being walked */
	struct tsn_arena *arena;	/* of decoded strings */
	bool failed;
};

struct otlp_field {
	uint32_t number;
	enum otlp_kind kind;
	struct tsn_slice bytes;		/* text, bytes, message */
	union {
		uint64_t u;
		int64_t i;
		double d;
		bool b;
	} as;
};

void otlp_view(struct otlp_view *v, bool json, const struct otlp_member *schema,
    struct tsn_slice message, struct tsn_arena *arena);
/** False at the end, and at damage: v->failed tells them apart. */
bool otlp_next(struct otlp_view *v, struct otlp_field *ret_field);

#endif
