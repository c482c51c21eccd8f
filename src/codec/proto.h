/*
 * codec/proto: the fields of a protobuf message, one by one, as they stand on the wire.
 *
 * No schema: the caller knows what a number means.  Groups (wire types 3 and 4) are refused, as is
 * whatever goes beyond the message.  Nothing is copied.
 */
#ifndef TSN_CODEC_PROTO_H
#define TSN_CODEC_PROTO_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum tsn_proto_wire {
	TSN_PROTO_VARINT = 0,	/* value */
	TSN_PROTO_FIXED64 = 1,	/* value */
	TSN_PROTO_BYTES = 2,	/* bytes: string, message, packed list */
	TSN_PROTO_FIXED32 = 5,	/* value */
};

struct tsn_proto_field {
	uint32_t number;
	enum tsn_proto_wire wire;
	uint64_t value;
	struct tsn_slice bytes;
};

/** Takes the first field off the message. TSN_ENOTFOUND: at its end; TSN_EPARSE: damaged. */
TSN_MUST_CHECK enum tsn_code tsn_proto_next(struct tsn_slice *message,
    struct tsn_proto_field *ret_field);
/** True when all of the message is fields. */
bool tsn_proto_check(struct tsn_slice message);

#endif
