#include "codec/snappy.h"

#define LENGTH_BYTES_MAX 5u

struct block {
	const unsigned char *at, *end;
	char *out;
	size_t made, len;
};

static bool
read_length(struct tsn_slice block, uint32_t *ret_len, size_t *ret_used)
{
	uint64_t v = 0;

	for (size_t i = 0; i < block.len && i < LENGTH_BYTES_MAX; i++) {
		unsigned char c = (unsigned char)block.ptr[i];

		v |= (uint64_t)(c & 0x7f) << (7 * i);
		if (c >= 0x80)
			continue;
		*ret_len = (uint32_t)v;
		*ret_used = i + 1;
		return v <= UINT32_MAX;
	}
	return false;
}

enum tsn_code
tsn_snappy_length(struct tsn_slice block, uint32_t *ret_len)
{
	size_t used;

	return read_length(block, ret_len, &used) ? TSN_OK : TSN_EPARSE;
}

static bool
read_le(struct block *b, size_t bytes, size_t *ret)
{
	*ret = 0;
	if ((size_t)(b->end - b->at) < bytes)
		return false;
	for (size_t i = 0; i < bytes; i++)
		*ret |= (size_t)*b->at++ << (8 * i);
	return true;
}

/* Bytes as they are; a length of 61 and more stands in 1 to 4 bytes of its own. */
static bool
take_literal(struct block *b, unsigned tag)
{
	size_t len = tag >> 2;

	if (len >= 60 && !read_le(b, len - 59, &len))
		return false;
	len++;
	if (len > (size_t)(b->end - b->at) || len > b->len - b->made)
		return false;
	memcpy(b->out + b->made, b->at, len);
	b->at += len;
	b->made += len;
	return true;
}

/* What stands `offset` bytes back; the copy may run into what it writes. */
static bool
take_copy(struct block *b, unsigned tag)
{
	size_t offset, len = (tag >> 2) + 1;

	if ((tag & 3) == 1) {
		len = (tag >> 2 & 7) + 4;
		if (!read_le(b, 1, &offset))
			return false;
		offset |= (size_t)(tag >> 5) << 8;
	} else if (!read_le(b, (tag & 3) == 2 ? 2 : 4, &offset)) {
		return false;
	}
	if (offset == 0 || offset > b->made || len > b->len - b->made)
		return false;
	for (size_t i = 0; i < len; i++, b->made++)
		b->out[b->made] = b->out[b->made - offset];
	return true;
}

enum tsn_code
tsn_snappy_decode(struct tsn_slice block, char *out)
{
	const unsigned char *from = (const unsigned char *)block.ptr;
	struct block b = {.end = from + block.len, .out = out};
	uint32_t len;
	size_t used;

	if (!read_length(block, &len, &used))
		return TSN_EPARSE;
	b.at = from + used;
	b.len = len;
	while (b.at < b.end) {
		unsigned tag = *b.at++;

		if ((tag & 3) == 0 ? !take_literal(&b, tag) : !take_copy(&b, tag))
			return TSN_EPARSE;
	}
	return b.made == b.len ? TSN_OK : TSN_EPARSE;
}
