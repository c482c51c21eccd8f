#include "collect/follow.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/assert.h"
#include "os/clock.h"
#include "parse/frame.h"

#define PIECE_BYTES TSN_FOLLOW_PIECE_BYTES
/* A range grows by commits until it is so long; then the next one begins. */
#define RANGE_BYTES (4u << 20)
/* The last bytes read are compared before more is: a rewritten file shows there. */
#define TAIL_BYTES 64u
#define END_BYTES 24u

struct tsn_follow {
	struct tsn_follow_options o;
	struct tsn_file file;
	struct tsn_file_info info;
	struct tsn_framer *framer;
	XXH3_state_t *hash;		/* of [range_begin, hashed) */
	struct tsn_buf behind;		/* bytes [hashed, offset): read, their record not complete */
	struct tsn_arena kept;
	char *piece;
	uint64_t offset;		/* next byte to read */
	uint64_t hashed;
	uint64_t range_begin, range_line;
	uint64_t range_told;		/* end of the range as last told; range_begin: not yet */
	uint64_t restarts;
	char tail[TAIL_BYTES];
	uint32_t tail_len;
	bool idle_done;
};

static enum tsn_code
hash_of(struct tsn_file *file, uint64_t begin, uint64_t end, uint64_t *ret_hash,
    struct tsn_err *err)
{
	XXH3_state_t *state = XXH3_createState();
	char *piece = malloc(PIECE_BYTES);
	enum tsn_code code = TSN_OK;

	if (state == NULL || piece == NULL)
		code = TSN_ERR(err, TSN_ENOMEM, "out of memory");
	else
		(void)XXH3_64bits_reset(state);
	while (code == TSN_OK && begin < end) {
		size_t want = end - begin < PIECE_BYTES ? (size_t)(end - begin) : PIECE_BYTES, got;

		code = tsn_file_pread(file, piece, want, begin, &got, err);
		if (code == TSN_OK && got < want)
			code = TSN_ENOTFOUND;
		if (code == TSN_OK)
			(void)XXH3_64bits_update(state, piece, got);
		begin += want;
	}
	if (code == TSN_OK)
		*ret_hash = XXH3_64bits_digest(state);
	(void)XXH3_freeState(state);
	free(piece);
	return code;
}

/* Lines before `end`, told by the ranges that follow each other from the file's beginning. */
static uint64_t
line_at(const struct tsn_store_range *ranges, size_t count, uint64_t end)
{
	uint64_t line = 1, at = 0;

	for (size_t i = 0; i < count && at < end; i++)
		if (ranges[i].begin == at && ranges[i].end > at && ranges[i].end <= end) {
			line += ranges[i].lines;
			at = ranges[i].end;
		}
	return line;
}

enum tsn_code
tsn_follow_find(struct tsn_file *file, uint64_t size, const struct tsn_store_range *ranges,
    size_t count, uint64_t *ret_offset, uint64_t *ret_line, struct tsn_err *err)
{
	uint64_t below = UINT64_MAX;

	for (;;) {
		const struct tsn_store_range *best = NULL;
		uint64_t hash;
		enum tsn_code code;

		for (size_t i = 0; i < count; i++)
			if (ranges[i].end > ranges[i].begin && ranges[i].end <= size &&
			    ranges[i].end < below &&
			    (best == NULL || ranges[i].end > best->end))
				best = &ranges[i];
		if (best == NULL)
			return TSN_ENOTFOUND;
		below = best->end;
		/* Of ranges with the same end any may be the one. */
		for (size_t i = 0; i < count; i++) {
			if (ranges[i].end != below || ranges[i].begin >= below)
				continue;
			code = hash_of(file, ranges[i].begin, below, &hash, err);
			if (code != TSN_OK && code != TSN_ENOTFOUND)
				return code;
			if (code == TSN_OK && hash == ranges[i].hash) {
				*ret_offset = below;
				*ret_line = line_at(ranges, count, below);
				return TSN_OK;
			}
		}
	}
}

/* Begins at `offset`, as if everything before it were done. */
static enum tsn_code
begin_at(struct tsn_follow *f, uint64_t offset, uint64_t line, struct tsn_err *err)
{
	char head[4];
	size_t head_len = 0;
	struct tsn_frame_start start = {.mode = TSN_FRAME_AUTO, .offset = offset, .line = line};

	if (offset > 0)
		TSN_TRY(tsn_file_pread(&f->file, head, sizeof head, 0, &head_len, err));
	start.head = tsn_slice_of(head, head_len);
	tsn_framer_free(f->framer);
	f->framer = tsn_framer_new(&start);
	if (f->framer == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	f->offset = f->hashed = f->range_begin = f->range_told = offset;
	f->range_line = line;
	(void)XXH3_64bits_reset(f->hash);
	tsn_buf_reset(&f->behind);
	f->tail_len = (uint32_t)(offset < TAIL_BYTES ? offset : TAIL_BYTES);
	if (f->tail_len > 0) {
		size_t got;

		TSN_TRY(tsn_file_pread(&f->file, f->tail, f->tail_len, offset - f->tail_len, &got,
		    err));
		f->tail_len = got == f->tail_len ? f->tail_len : 0;
	}
	f->idle_done = true;
	return TSN_OK;
}

/*
 * Begun at its end: the next start must find that place again.  A few bytes before it are told as
 * dealt with, too few for a record.
 */
static enum tsn_code
mark_end(struct tsn_follow *f, uint64_t end, struct tsn_err *err)
{
	const struct tsn_sink *sink = f->o.sink;
	struct tsn_store_range range = {
		.source = f->o.source->path,
		.begin = end < END_BYTES ? 0 : end - END_BYTES,
		.end = end,
	};

	if (end == 0)
		return TSN_OK;
	TSN_TRY(hash_of(&f->file, range.begin, range.end, &range.hash, err));
	return sink->range(sink->ctx, &range);
}

/* Where the store says that we are. */
static enum tsn_code
begin(struct tsn_follow *f, bool at_end, struct tsn_err *err)
{
	const struct tsn_sink *sink = f->o.sink;
	const struct tsn_store_range *ranges;
	uint64_t offset = 0, line = 1;
	size_t count = 0;
	enum tsn_code code;

	TSN_TRY(tsn_file_stat(&f->file, &f->info, err));
	ranges = sink->ranges(sink->ctx, f->o.source->path, &count);
	code = tsn_follow_find(&f->file, f->info.size, ranges, count, &offset, &line, err);
	if (code == TSN_ENOTFOUND && at_end && count == 0) {
		offset = f->info.size;
		TSN_TRY(mark_end(f, offset, err));
	} else if (code != TSN_OK && code != TSN_ENOTFOUND) {
		return code;
	}
	return begin_at(f, offset, line, err);
}

enum tsn_code
tsn_follow_open(const struct tsn_follow_options *options, struct tsn_follow **ret_follow,
    struct tsn_err *err)
{
	struct tsn_follow *f = calloc(1, sizeof *f);
	enum tsn_code code;

	if (f == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	f->o = *options;
	tsn_buf_init(&f->behind, 2 * TSN_RECORD_BYTES_MAX + 2 * PIECE_BYTES);
	tsn_arena_init(&f->kept, 4 * TSN_RECORD_BYTES_MAX);
	f->piece = options->piece;
	f->hash = XXH3_createState();
	if (f->hash == NULL)
		code = TSN_ERR(err, TSN_ENOMEM, "out of memory");
	else
		code = tsn_file_open(options->ops, options->path, &f->file, err);
	if (code == TSN_OK)
		code = begin(f, options->at_end, err);
	if (code != TSN_OK) {
		tsn_follow_close(f);
		return code;
	}
	f->o.path = f->file.path;
	*ret_follow = f;
	return TSN_OK;
}

void
tsn_follow_close(struct tsn_follow *f)
{
	if (f == NULL)
		return;
	tsn_file_close(&f->file);
	tsn_framer_free(f->framer);
	(void)XXH3_freeState(f->hash);
	tsn_buf_done(&f->behind);
	tsn_arena_done(&f->kept);
	free(f);
}

/* Gives what the framer yields now; afterwards no record refers to any bytes. */
static enum tsn_code
drain(struct tsn_follow *f, int64_t now_ns, struct tsn_err *err)
{
	const struct tsn_sink *sink = f->o.sink;
	struct tsn_frame frame;
	enum tsn_code code;

	while ((code = tsn_framer_next(f->framer, &frame)) == TSN_OK) {
		struct tsn_record rec;

		if (!frame.stable && tsn_frame_keep(&frame, &f->kept) != TSN_OK)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		rec = (struct tsn_record){.bytes = frame.bytes, .offset = frame.offset,
			.line = frame.line, .received_ns = now_ns, .source = f->o.source,
			.truncated = frame.truncated};
		TSN_TRY(sink->record(sink->ctx, &rec));
	}
	if (code != TSN_EAGAIN)
		TSN_FAIL(err, code, "out of memory");
	TSN_TRY(sink->flush(sink->ctx));
	tsn_arena_reset(&f->kept);
	return TSN_OK;
}

/* The bytes whose records have all been given enter the hash. */
static void
settle(struct tsn_follow *f)
{
	uint64_t to = tsn_framer_position(f->framer);
	size_t len = to > f->hashed ? (size_t)(to - f->hashed) : 0;

	if (len == 0)
		return;
	len = len < f->behind.len ? len : f->behind.len;
	(void)XXH3_64bits_update(f->hash, f->behind.ptr, len);
	f->hashed += len;
	f->behind.len -= len;
	memmove(f->behind.ptr, f->behind.ptr + len, f->behind.len);
}

static void
remember_tail(struct tsn_follow *f, size_t len)
{
	size_t keep;

	if (len >= TAIL_BYTES) {
		memcpy(f->tail, f->piece + len - TAIL_BYTES, TAIL_BYTES);
		f->tail_len = TAIL_BYTES;
		return;
	}
	keep = f->tail_len + len > TAIL_BYTES ? TAIL_BYTES - len : f->tail_len;
	memmove(f->tail, f->tail + f->tail_len - keep, keep);
	memcpy(f->tail + keep, f->piece, len);
	f->tail_len = (uint32_t)(keep + len);
}

/* Was the file cut or written anew behind our back? */
static enum tsn_code
check_same(struct tsn_follow *f, bool *ret_same, struct tsn_err *err)
{
	char now[TAIL_BYTES];
	size_t got;

	*ret_same = f->info.size >= f->offset;
	if (!*ret_same || f->info.size == f->offset || f->tail_len == 0)
		return TSN_OK;
	TSN_TRY(tsn_file_pread(&f->file, now, f->tail_len, f->offset - f->tail_len, &got, err));
	*ret_same = got == f->tail_len && memcmp(now, f->tail, got) == 0;
	return TSN_OK;
}

/*
 * What was read waits to be hashed until its records are out.  One record longer than there is room
 * enters the hash at once: then no range is told before the framer has passed it.
 */
static enum tsn_code
hold_behind(struct tsn_follow *f, size_t len, struct tsn_err *err)
{
	if (f->behind.len + len > f->behind.max) {
		(void)XXH3_64bits_update(f->hash, f->behind.ptr, f->behind.len);
		f->hashed += f->behind.len;
		tsn_buf_reset(&f->behind);
	}
	tsn_buf_add(&f->behind, f->piece, len);
	if (tsn_buf_check(&f->behind) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return TSN_OK;
}

enum tsn_code
tsn_follow_read(struct tsn_follow *f, uint64_t budget, struct tsn_err *err)
{
	bool same, told;

	TSN_TRY(tsn_file_stat(&f->file, &f->info, err));
	TSN_TRY(check_same(f, &same, err));
	if (!same) {
		TSN_TRY(tsn_follow_end(f, err));
		TSN_TRY(tsn_follow_range(f, false, &told, err));
		f->restarts++;
		TSN_TRY(begin(f, false, err));
	}
	for (uint64_t done = 0; done < budget;) {
		size_t got;

		TSN_TRY(tsn_file_pread(&f->file, f->piece, PIECE_BYTES, f->offset, &got, err));
		if (got == 0)
			return TSN_EAGAIN;
		TSN_TRY(hold_behind(f, got, err));
		remember_tail(f, got);
		f->offset += got;
		done += got;
		f->idle_done = false;
		tsn_framer_feed(f->framer, tsn_slice_of(f->piece, got));
		TSN_TRY(drain(f, tsn_clock_real_ns(), err));
		settle(f);
	}
	return TSN_OK;
}

static enum tsn_code
flush(struct tsn_follow *f, enum tsn_frame_flush how, struct tsn_err *err)
{
	tsn_framer_flush(f->framer, how);
	TSN_TRY(drain(f, tsn_clock_real_ns(), err));
	settle(f);
	return TSN_OK;
}

enum tsn_code
tsn_follow_idle(struct tsn_follow *f, struct tsn_err *err)
{
	if (f->idle_done)
		return TSN_OK;
	f->idle_done = true;
	TSN_TRY(flush(f, TSN_FRAME_IDLE, err));
	if (f->behind.len == 0) {	/* silent files hold no memory */
		size_t max = f->behind.max;

		tsn_buf_done(&f->behind);
		tsn_buf_init(&f->behind, max);
	}
	return TSN_OK;
}

enum tsn_code
tsn_follow_end(struct tsn_follow *f, struct tsn_err *err)
{
	return flush(f, TSN_FRAME_END, err);
}

enum tsn_code
tsn_follow_range(struct tsn_follow *f, bool apart, bool *ret_told, struct tsn_err *err)
{
	uint64_t line = tsn_framer_line(f->framer);
	struct tsn_store_range range = {
		.source = f->o.source->path,
		.begin = f->range_begin,
		.end = f->hashed,
		.lines = line > f->range_line ? line - f->range_line : 0,
		.extends = !apart && f->range_told > f->range_begin,
	};

	(void)err;
	*ret_told = false;
	if (f->hashed <= f->range_told || tsn_framer_position(f->framer) < f->hashed)
		return TSN_OK;
	range.hash = XXH3_64bits_digest(f->hash);
	TSN_TRY(f->o.sink->range(f->o.sink->ctx, &range));
	*ret_told = true;
	f->range_told = f->hashed;
	if (f->hashed - f->range_begin < RANGE_BYTES)
		return TSN_OK;
	(void)XXH3_64bits_reset(f->hash);
	f->range_begin = f->range_told = f->hashed;
	f->range_line = line;
	return TSN_OK;
}

const struct tsn_source *
tsn_follow_source(const struct tsn_follow *f)
{
	return f->o.source;
}

const struct tsn_file_info *
tsn_follow_info(const struct tsn_follow *f)
{
	return &f->info;
}

uint64_t
tsn_follow_offset(const struct tsn_follow *f)
{
	return f->offset;
}

uint64_t
tsn_follow_restarts(const struct tsn_follow *f)
{
	return f->restarts;
}
