/* Chunks and records. */
#include "codec/evtx_int.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/assert.h"
#include "codec/base64.h"

#define CHUNK_HEADER 512u
#define RECORD_HEADER 24u
#define RECORD_LEAST 28u
#define KEPT_MAX (24u << 20)
#define SCRATCH_MAX (8u << 20)
/* Bytes of a broken record that go into its report. */
#define REPORT_BYTES_MAX 49152u

struct tsn_evtx *
tsn_evtx_new(void)
{
	struct tsn_evtx *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	tsn_arena_init(&e->kept, KEPT_MAX);
	tsn_arena_init(&e->scratch, SCRATCH_MAX);
	return e;
}

void
tsn_evtx_free(struct tsn_evtx *e)
{
	if (e == NULL)
		return;
	tsn_arena_done(&e->kept);
	tsn_arena_done(&e->scratch);
	free(e);
}

bool
tsn_evtx_is(struct tsn_slice head)
{
	return tsn_slice_starts(head, TSN_SLICE("ElfFile\0"));
}

bool
tsn_evtx_broken(struct tsn_evtx *e, uint32_t where, const char *why)
{
	if (e->why == NULL) {
		e->why = why;
		e->where = where;
	}
	return false;
}

static bool
sums_fit(const struct tsn_evtx *e)
{
	const unsigned char *c = e->chunk;
	uint32_t free_at = evtx_u32(c + 48);
	uLong sum;

	if (e->len < TSN_EVTX_CHUNK_BYTES || free_at < CHUNK_HEADER || free_at > e->len)
		return false;
	sum = crc32(crc32(0, c, 120), c + 128, CHUNK_HEADER - 128);
	return sum == evtx_u32(c + 124) &&
	    crc32(0, c + CHUNK_HEADER, free_at - CHUNK_HEADER) == evtx_u32(c + 52);
}

void
tsn_evtx_chunk(struct tsn_evtx *e, struct tsn_slice chunk)
{
	TSN_ASSERT(chunk.len <= TSN_EVTX_CHUNK_BYTES);
	e->chunk = (const unsigned char *)chunk.ptr;
	e->len = (uint32_t)chunk.len;
	e->at = CHUNK_HEADER;
	e->last = 0;
	e->last_id = 0;
	e->begun = false;
	e->sum_bad = true;
	tsn_arena_reset(&e->kept);
	memset(e->templates, 0, sizeof e->templates);
	memset(e->names, 0, sizeof e->names);
	if (chunk.len < CHUNK_HEADER || !tsn_slice_starts(chunk, TSN_SLICE("ElfChnk\0")))
		return;
	e->last = evtx_u32(e->chunk + 44);
	e->sum_bad = !sums_fit(e);
}

/* A record's frame: its mark, a size that fits, and the same size at its end. */
static bool
is_record(const struct tsn_evtx *e, uint32_t at, uint32_t *ret_size)
{
	uint32_t size;

	if (e->len < RECORD_LEAST || at > e->len - RECORD_LEAST ||
	    memcmp(e->chunk + at, "\x2a\x2a\0\0", 4) != 0)
		return false;
	size = evtx_u32(e->chunk + at + 4);
	if (size < RECORD_LEAST || size > e->len - at ||
	    evtx_u32(e->chunk + at + size - 4) != size)
		return false;
	*ret_size = size;
	return true;
}

static bool
is_empty(const struct tsn_evtx *e, uint32_t from, uint32_t to)
{
	while (from < to && e->chunk[from] == 0)
		from++;
	return from == to;
}

/*
 * Where the next record begins.  Behind the last record that the header knows lie the remains of
 * older ones: only records that go on with the numbers are taken there (the header of a log that
 * was not closed is behind its records).
 */
static uint32_t
find_record(const struct tsn_evtx *e, uint32_t *ret_size)
{
	bool beyond = e->begun && e->last >= CHUNK_HEADER && e->at > e->last;

	for (uint32_t at = e->at; at + RECORD_LEAST <= e->len; at += beyond ? e->len : 4) {
		if (!is_record(e, at, ret_size))
			continue;
		if (beyond && evtx_u64(e->chunk + at + 8) != e->last_id + 1)
			return e->len;
		return at;
	}
	return e->len;
}

/* Bytes between `from` and `to` belong to no record: is that worth a word? */
static bool
is_loss(const struct tsn_evtx *e, uint32_t from, uint32_t to)
{
	bool known_end = e->last >= CHUNK_HEADER;

	if (from >= to || is_empty(e, from, to))
		return false;
	if (to < e->len)
		return true;
	return known_end ? from <= e->last : !e->begun && !tsn_slice_starts(
	    (struct tsn_slice){(const char *)e->chunk, e->len}, TSN_SLICE("ElfChnk\0"));
}

static void
write_report(const struct tsn_evtx *e, const char *why, uint32_t where, uint32_t from,
    uint32_t size, struct tsn_buf *out)
{
	uint32_t shown = size < REPORT_BYTES_MAX ? size : REPORT_BYTES_MAX;
	struct tsn_slice bytes = {(const char *)e->chunk + from, shown};

	tsn_buf_printf(out, "\"#error\":\"Windows event log: %s at byte %u of the chunk, %u bytes\","
	    "\"#bytes\":\"", why, where, size);
	if (tsn_buf_room(out, TSN_BASE64_LEN(shown)))
		out->len += tsn_base64_encode(bytes, out->ptr + out->len);
	tsn_buf_char(out, '"');
}

static void
report_loss(const struct tsn_evtx *e, uint32_t from, uint32_t to, struct tsn_buf *out)
{
	tsn_buf_lit(out, "{\"Event\":{");
	write_report(e, "bytes that are no record", from, from, to - from, out);
	tsn_buf_lit(out, "}}");
}

static void
report_record(const struct tsn_evtx *e, const struct tsn_evtx_record *rec, uint32_t size,
    struct tsn_buf *out)
{
	tsn_buf_printf(out, "{\"Event\":{\"System\":{\"EventRecordID\":%llu,\"TimeCreated\":"
	    "{\"#attributes\":{\"SystemTime\":\"", (unsigned long long)rec->id);
	tsn_evtx_time(rec->filetime, out);
	tsn_buf_lit(out, "\"}}},");
	write_report(e, e->why, e->where, rec->offset, size, out);
	tsn_buf_lit(out, "}}");
}

static enum tsn_code
read_record(struct tsn_evtx *e, struct tsn_evtx_record *rec, uint32_t size, struct tsn_buf *out)
{
	struct evtx_node *nodes;
	size_t before = out->len;

	tsn_arena_reset(&e->scratch);
	e->why = NULL;
	if (tsn_evtx_compile(e, &e->scratch, rec->offset + RECORD_HEADER, rec->offset + size - 4,
	    false, 0, &nodes) && tsn_evtx_write(e, nodes, out) && out->failed == TSN_OK)
		return TSN_OK;
	if (out->failed == TSN_ENOMEM)
		return out->failed;
	if (out->failed != TSN_OK || e->why == NULL)
		e->why = "record too large";
	out->failed = TSN_OK;
	out->len = before;
	rec->broken = true;
	report_record(e, rec, size, out);
	return tsn_buf_check(out);
}

enum tsn_code
tsn_evtx_next(struct tsn_evtx *e, struct tsn_evtx_record *ret_record, struct tsn_buf *out)
{
	uint32_t size = 0, found;

	if (e->at >= e->len)
		return TSN_EOF;
	found = find_record(e, &size);
	if (is_loss(e, e->at, found)) {
		*ret_record = (struct tsn_evtx_record){.offset = e->at, .broken = true};
		report_loss(e, e->at, found, out);
		e->at = found;
		return tsn_buf_check(out);
	}
	e->at = found;
	if (found >= e->len)
		return TSN_EOF;
	*ret_record = (struct tsn_evtx_record){.id = evtx_u64(e->chunk + found + 8),
	    .filetime = evtx_u64(e->chunk + found + 16), .offset = found};
	e->at = found + size;
	e->last_id = ret_record->id;
	e->begun = true;
	return read_record(e, ret_record, size, out);
}
