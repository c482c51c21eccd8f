#include "collect/reader.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/assert.h"
#include "collect/known.h"
#include "collect/stream.h"
#include "os/clock.h"

/* A piece that stays in the processor's cache on its way through the stages. */
#define PIECE_BYTES (256u << 10)
/* Records that do not stand in the piece as they are: one that began before it, or all (UTF-16). */
#define KEPT_BYTES_MAX (8u << 20)

struct tsn_reader {
	struct tsn_stream *stream;
	struct tsn_framer *framer;
	const struct tsn_source *source;
	XXH3_state_t *hash;		/* of [range_begin, hashed) */
	struct tsn_known known;
	size_t known_at;		/* first span that ends behind the last record */
	char *piece;
	size_t piece_len;
	uint64_t piece_offset;		/* of piece[0] */
	uint64_t hashed;		/* everything before it is in hash */
	uint64_t range_begin;
	uint64_t range_line;		/* number of the line at range_begin */
	uint64_t fresh;			/* records since range_begin that were not known */
	int64_t received_ns;
	bool unranged;			/* nobody asks for ranges: no hash */
	bool rewritten;			/* records are not the file's bytes: UTF-16, event logs */
	bool flushed;			/* the end was reached and the framer told */
	bool over;
	bool broken;			/* damage is filled */
	struct tsn_arena kept;		/* bytes of frames that are not stable */
	struct tsn_err damage;
};

static enum tsn_code
prepare(struct tsn_reader *r, const struct tsn_reader_options *o, struct tsn_err *err)
{
	struct tsn_frame_start start = {.mode = o->mode};

	/* Standard input cannot be read twice; its bytes are new each time. */
	if (strcmp(o->path, "-") != 0)
		TSN_TRY(tsn_known_find(o->ops, o->path, o->ranges, o->range_count, &r->known, err));
	TSN_TRY(tsn_stream_open(o->ops, o->path, &r->stream, err));
	r->framer = tsn_framer_new(&start);
	r->hash = XXH3_createState();
	r->piece = malloc(PIECE_BYTES);
	if (r->framer == NULL || r->hash == NULL || r->piece == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	(void)XXH3_64bits_reset(r->hash);
	return TSN_OK;
}

enum tsn_code
tsn_reader_open(const struct tsn_reader_options *options, struct tsn_reader **ret_reader,
    struct tsn_err *err)
{
	struct tsn_reader *r = calloc(1, sizeof *r);
	enum tsn_code code;

	if (r == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	r->source = options->source;
	r->range_line = 1;
	r->unranged = options->unranged;
	tsn_arena_init(&r->kept, KEPT_BYTES_MAX);
	code = prepare(r, options, err);
	if (code != TSN_OK) {
		tsn_reader_close(r);
		return code;
	}
	*ret_reader = r;
	return TSN_OK;
}

void
tsn_reader_close(struct tsn_reader *r)
{
	if (r == NULL)
		return;
	tsn_known_done(&r->known);
	tsn_stream_close(r->stream);
	tsn_framer_free(r->framer);
	(void)XXH3_freeState(r->hash);
	tsn_arena_done(&r->kept);
	free(r->piece);
	free(r);
}

/* The bytes up to `to`, which lies in or at the end of the piece, enter the hash. */
static void
hash_to(struct tsn_reader *r, uint64_t to)
{
	if (r->unranged)
		return;
	TSN_ASSERT(r->hashed >= r->piece_offset && to <= r->piece_offset + r->piece_len);
	if (to <= r->hashed)
		return;
	(void)XXH3_64bits_update(r->hash, r->piece + (r->hashed - r->piece_offset), to - r->hashed);
	r->hashed = to;
}

static bool
is_rewritten(struct tsn_slice head)
{
	return tsn_slice_starts(head, TSN_SLICE("\xff\xfe")) ||
	    tsn_slice_starts(head, TSN_SLICE("\xfe\xff")) ||
	    tsn_slice_starts(head, TSN_SLICE("ElfFile\0"));
}

static void
at_end(struct tsn_reader *r, enum tsn_code code, const struct tsn_err *why)
{
	if (code != TSN_EOF) {
		r->damage = *why;
		r->broken = true;
	}
	tsn_framer_flush(r->framer, TSN_FRAME_END);
	r->flushed = true;
}

enum tsn_code
tsn_reader_fill(struct tsn_reader *r, struct tsn_err *err)
{
	struct tsn_err why;
	enum tsn_code code;

	if (r->over)
		return TSN_EOF;
	tsn_arena_reset(&r->kept);
	hash_to(r, r->piece_offset + r->piece_len);
	r->piece_offset += r->piece_len;
	r->piece_len = 0;
	if (r->flushed) {
		r->over = true;
		return TSN_EOF;
	}
	code = tsn_stream_read(r->stream, r->piece, PIECE_BYTES, &r->piece_len, &why);
	if (code == TSN_ENOMEM) {
		if (err != NULL)
			*err = why;
		return code;
	}
	r->received_ns = tsn_clock_real_ns();
	if (code != TSN_OK) {
		r->piece_len = 0;
		at_end(r, code, &why);
		return TSN_OK;
	}
	if (r->piece_offset == 0)
		r->rewritten = is_rewritten(tsn_slice_of(r->piece, r->piece_len));
	tsn_framer_feed(r->framer, tsn_slice_of(r->piece, r->piece_len));
	return TSN_OK;
}

/*
 * The store has this record when it has all its bytes.  A last line that has grown since is another
 * record; one that only got its line end is not.  Where the record's length does not tell its place
 * (UTF-16, event logs, cut records) what the framer has finished does, but for the line end.
 */
static bool
is_known(struct tsn_reader *r, const struct tsn_frame *f)
{
	const struct tsn_known_span *span;
	uint64_t end = f->offset + f->bytes.len;

	while (r->known_at < r->known.count && r->known.spans[r->known_at].end <= f->offset)
		r->known_at++;
	if (r->known_at == r->known.count)
		return false;
	span = &r->known.spans[r->known_at];
	if (f->offset < span->begin)
		return false;
	if (r->rewritten || f->truncated)
		return tsn_framer_position(r->framer) <= span->end + 4;
	return end <= span->end;
}

enum tsn_code
tsn_reader_next(struct tsn_reader *r, struct tsn_record *ret_record, bool *ret_known)
{
	struct tsn_frame f;

	TSN_TRY(tsn_framer_next(r->framer, &f));
	if (!f.stable)
		TSN_TRY(tsn_frame_keep(&f, &r->kept));
	*ret_known = is_known(r, &f);
	r->fresh += !*ret_known;
	*ret_record = (struct tsn_record){
		.bytes = f.bytes,
		.offset = f.offset,
		.line = f.line,
		.received_ns = r->received_ns,
		.source = r->source,
		.truncated = f.truncated,
	};
	return TSN_OK;
}

bool
tsn_reader_take_range(struct tsn_reader *r, struct tsn_store_range *ret_range)
{
	uint64_t end = r->flushed ? r->piece_offset : tsn_framer_position(r->framer);
	uint64_t line = tsn_framer_line(r->framer);
	bool fresh = r->fresh > 0;

	if (r->unranged || end < r->piece_offset || end <= r->range_begin)
		return false;
	hash_to(r, end);
	if (fresh)
		*ret_range = (struct tsn_store_range){
			.source = r->source->path,
			.begin = r->range_begin,
			.end = end,
			.lines = line > r->range_line ? line - r->range_line : 0,
			.hash = XXH3_64bits_digest(r->hash),
		};
	(void)XXH3_64bits_reset(r->hash);
	r->range_begin = end;
	r->range_line = line;
	r->fresh = 0;
	return fresh;
}

const struct tsn_err *
tsn_reader_damage(const struct tsn_reader *r)
{
	return r->broken ? &r->damage : NULL;
}

uint64_t
tsn_reader_bytes(const struct tsn_reader *r)
{
	return r->piece_offset + r->piece_len;
}

uint64_t
tsn_reader_skipped(const struct tsn_reader *r)
{
	return tsn_framer_skipped(r->framer);
}

uint64_t
tsn_reader_consumed(const struct tsn_reader *r)
{
	return r->stream == NULL ? 0 : tsn_stream_consumed(r->stream);
}

uint64_t
tsn_reader_size(const struct tsn_reader *r)
{
	return tsn_stream_size(r->stream);
}
