/* Writing Snappy: a greedy search of the last 64 KiB with one candidate per four bytes. */
#include <stdlib.h>
#include <string.h>

#include "codec/snappy.h"

#define BLOCK_BYTES 65536u	/* copies do not reach beyond it */
#define TABLE_BITS 13u
#define STREAM_CHUNK 32768u

static uint32_t
read32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static void
write_literal(struct tsn_buf *out, const char *from, size_t len)
{
	size_t n = len - 1;

	if (len == 0)
		return;
	if (n < 60) {
		tsn_buf_char(out, (char)(n << 2));
	} else if (n < 256) {
		tsn_buf_char(out, (char)(60u << 2));
		tsn_buf_char(out, (char)n);
	} else {
		tsn_buf_char(out, (char)(61u << 2));
		tsn_buf_char(out, (char)n);
		tsn_buf_char(out, (char)(n >> 8));
	}
	tsn_buf_add(out, from, len);
}

/* copies with two bytes of offset: 1 to 64 bytes each */
static void
write_copy(struct tsn_buf *out, size_t offset, size_t len)
{
	while (len > 0) {
		size_t n = len > 64 ? 64 : len;

		tsn_buf_char(out, (char)((n - 1) << 2 | 2));
		tsn_buf_char(out, (char)offset);
		tsn_buf_char(out, (char)(offset >> 8));
		len -= n;
	}
}

static void
write_block(struct tsn_slice in, uint16_t *table, struct tsn_buf *out)
{
	size_t at = 1, literal = 0;

	memset(table, 0, sizeof *table << TABLE_BITS);
	while (at + 8 <= in.len) {
		uint32_t word = read32(in.ptr + at);
		uint32_t slot = word * 0x1e35a7bdu >> (32 - TABLE_BITS);
		size_t before = table[slot], len = 4;

		table[slot] = (uint16_t)at;
		if (before >= at || read32(in.ptr + before) != word) {
			at += 1 + (at - literal) / 32;	/* hurry through what does not repeat */
			continue;
		}
		while (at + len < in.len && in.ptr[before + len] == in.ptr[at + len])
			len++;
		write_literal(out, in.ptr + literal, at - literal);
		write_copy(out, at - before, len);
		at += len;
		literal = at;
	}
	write_literal(out, in.ptr + literal, in.len - literal);
}

void
tsn_snappy_encode(struct tsn_slice in, struct tsn_buf *out)
{
	uint16_t *table = malloc(sizeof *table << TABLE_BITS);
	size_t len = in.len;

	if (table == NULL || in.len > UINT32_MAX) {
		out->failed = table == NULL ? TSN_ENOMEM : TSN_ELIMIT;
		free(table);
		return;
	}
	for (; len >= 0x80; len >>= 7)
		tsn_buf_char(out, (char)(len | 0x80));
	tsn_buf_char(out, (char)len);
	while (in.len > 0) {
		size_t n = in.len < BLOCK_BYTES ? in.len : BLOCK_BYTES;

		write_block(tsn_slice_of(in.ptr, n), table, out);
		in = tsn_slice_from(in, n);
	}
	free(table);
}

static void
write_be32(struct tsn_buf *out, size_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		tsn_buf_char(out, (char)(v >> shift));
}

void
tsn_snappy_encode_stream(struct tsn_slice in, struct tsn_buf *out)
{
	tsn_buf_add(out, "\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16);
	while (in.len > 0) {
		size_t n = in.len < STREAM_CHUNK ? in.len : STREAM_CHUNK, at = out->len;

		write_be32(out, 0);
		tsn_snappy_encode(tsn_slice_of(in.ptr, n), out);
		if (tsn_buf_check(out) != TSN_OK)
			return;
		for (unsigned i = 0; i < 4; i++)
			out->ptr[at + i] = (char)((out->len - at - 4) >> (24 - 8 * i));
		in = tsn_slice_from(in, n);
	}
}
