#include "codec/proto.h"

#define VARINT_BYTES_MAX 10u
#define NUMBER_MAX ((1u << 29) - 1)

static bool
read_varint(struct tsn_slice *m, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < m->len && i < VARINT_BYTES_MAX; i++) {
		unsigned char c = (unsigned char)m->ptr[i];

		if (i == VARINT_BYTES_MAX - 1 && c > 1)
			return false;
		v |= (uint64_t)(c & 0x7f) << (7 * i);
		if (c >= 0x80)
			continue;
		*ret = v;
		*m = tsn_slice_from(*m, i + 1);
		return true;
	}
	return false;
}

static bool
read_fixed(struct tsn_slice *m, size_t bytes, uint64_t *ret)
{
	uint64_t v = 0;

	if (m->len < bytes)
		return false;
	for (size_t i = 0; i < bytes; i++)
		v |= (uint64_t)(unsigned char)m->ptr[i] << (8 * i);
	*ret = v;
	*m = tsn_slice_from(*m, bytes);
	return true;
}

static bool
read_bytes(struct tsn_slice *m, struct tsn_slice *ret)
{
	uint64_t len;

	if (!read_varint(m, &len) || len > m->len)
		return false;
	*ret = tsn_slice_of(m->ptr, (size_t)len);
	*m = tsn_slice_from(*m, (size_t)len);
	return true;
}

enum tsn_code
tsn_proto_next(struct tsn_slice *message, struct tsn_proto_field *ret_field)
{
	struct tsn_slice m = *message;
	struct tsn_proto_field f = {0};
	uint64_t tag;
	bool ok = false;

	if (m.len == 0)
		return TSN_ENOTFOUND;
	if (!read_varint(&m, &tag) || tag >> 3 == 0 || tag >> 3 > NUMBER_MAX)
		return TSN_EPARSE;
	f.number = (uint32_t)(tag >> 3);
	f.wire = (enum tsn_proto_wire)(tag & 7);
	switch (f.wire) {
	case TSN_PROTO_VARINT:
		ok = read_varint(&m, &f.value);
		break;
	case TSN_PROTO_FIXED64:
		ok = read_fixed(&m, 8, &f.value);
		break;
	case TSN_PROTO_FIXED32:
		ok = read_fixed(&m, 4, &f.value);
		break;
	case TSN_PROTO_BYTES:
		ok = read_bytes(&m, &f.bytes);
		break;
	}
	if (!ok)
		return TSN_EPARSE;
	*message = m;
	*ret_field = f;
	return TSN_OK;
}

bool
tsn_proto_check(struct tsn_slice message)
{
	struct tsn_proto_field f;
	enum tsn_code code;

	while ((code = tsn_proto_next(&message, &f)) == TSN_OK)
		continue;
	return code == TSN_ENOTFOUND;
}
