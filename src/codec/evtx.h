/*
 * codec/evtx: Windows event log files (.evtx): their chunks, records, and the binary XML in them.
 *
 * A file is a header block of 4096 bytes and chunks of 64 KiB, each complete in itself: templates
 * and names are shared by the records of a chunk.  A decoder takes one chunk at a time and yields
 * its records as JSON in the form evtx_dump made known: {"Event":{"System":{...},"EventData":...}}.
 *
 * Damage: a chunk is read as far as it goes.  A record whose binary XML breaks is yielded with what
 * its frame says (number and time), the reason, and its bytes; bytes that are no record are passed
 * over up to the next one and reported in the same way: {"Event":{"#error":"...",...}}.  Checksums
 * that do not fit do not stop anything: records of such a chunk carry "#flags":["checksum"].
 *
 * Bounds: nesting of elements 64, of templates 8; memory per chunk 32 MiB.  No read leaves the
 * chunk.  One thread per decoder.
 */
#ifndef TSN_CODEC_EVTX_H
#define TSN_CODEC_EVTX_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#define TSN_EVTX_HEADER_BYTES 4096u
#define TSN_EVTX_CHUNK_BYTES 65536u

struct tsn_evtx;

struct tsn_evtx_record {
	uint64_t id;
	uint64_t filetime;		/* 100 ns since 1601 */
	uint32_t offset;		/* in the chunk */
	bool broken;			/* the text is a report of damage */
};

/** NULL when out of memory. */
struct tsn_evtx *tsn_evtx_new(void);
void tsn_evtx_free(struct tsn_evtx *e);

/** True when these first bytes of a file (8 are enough) are those of an event log. */
bool tsn_evtx_is(struct tsn_slice head);
/** The next chunk, at most TSN_EVTX_CHUNK_BYTES; the last one of a cut file may be shorter.  The
 * bytes stay the caller's until the next call. */
void tsn_evtx_chunk(struct tsn_evtx *e, struct tsn_slice chunk);
/**
 * The next record of the chunk as one line of JSON, appended to out.  TSN_EOF: no more.
 * TSN_ENOMEM, or what `out` says.
 */
TSN_MUST_CHECK enum tsn_code tsn_evtx_next(struct tsn_evtx *e, struct tsn_evtx_record *ret_record,
    struct tsn_buf *out);

#endif
