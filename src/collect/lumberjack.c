/*
 * Two levels read frames the same way: the connection's bytes, and what a compressed frame becomes.
 * A level collects what it needs next (a number of bytes) and then takes a step.
 */
#include "collect/lumberjack.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/assert.h"
#include "codec/json.h"

#define FRAME_BYTES_MAX (64u << 20)
#define PAIRS_MAX 4096u
#define PAIR_TEXT_MAX (64u << 10)
#define INFLATE_BYTES (16u << 10)
#define ZLIB_BYTES (48u << 10)	/* about what zlib takes */

enum step {
	STEP_HEAD,	/* version and type */
	STEP_WINDOW,
	STEP_JSON_HEAD,
	STEP_JSON,
	STEP_PAIRS_HEAD,
	STEP_LENGTH,	/* of a key or a value */
	STEP_TEXT,
	STEP_PACKED_HEAD,
	STEP_PACKED,	/* its bytes go to the inflater */
};

struct level {
	struct tsn_slice in;
	struct tsn_buf carry;
	bool used;		/* carry was looked at: empty it */
	enum step step;
	size_t need;
	uint32_t cut;		/* bytes of the text that is collected behind what is kept */
	uint32_t skip;		/* bytes to pass over now */
	uint32_t seq, pairs_left;
	bool value;		/* of a pair: its key is there */
	bool leave;		/* this pair is left out */
	bool truncated;
};

struct tsn_lumberjack {
	struct level outer, inner;
	size_t max;
	char version;
	uint32_t window, in_window;
	struct tsn_buf pairs;		/* the object being made of pairs */
	uint32_t packed_left;		/* compressed bytes that are still to come */
	z_stream *z;
	bool inflated;			/* the stream in a compressed frame has ended */
	bool damaged;			/* or broken: what came before it counts */
	char *out;			/* INFLATE_BYTES */
};

struct tsn_lumberjack *
tsn_lumberjack_new(size_t event_bytes_max)
{
	struct tsn_lumberjack *l = calloc(1, sizeof *l);

	TSN_ASSERT(event_bytes_max > 0);
	if (l == NULL)
		return NULL;
	l->max = event_bytes_max;
	l->version = '2';
	l->outer.need = l->inner.need = 2;
	tsn_buf_init(&l->outer.carry, event_bytes_max + 16);
	tsn_buf_init(&l->inner.carry, event_bytes_max + 16);
	tsn_buf_init(&l->pairs, event_bytes_max + 12 * PAIR_TEXT_MAX + 64);	/* escapes are 6 bytes */
	return l;
}

void
tsn_lumberjack_free(struct tsn_lumberjack *l)
{
	if (l == NULL)
		return;
	if (l->z != NULL)
		(void)inflateEnd(l->z);
	free(l->z);
	free(l->out);
	tsn_buf_done(&l->outer.carry);
	tsn_buf_done(&l->inner.carry);
	tsn_buf_done(&l->pairs);
	free(l);
}

void
tsn_lumberjack_feed(struct tsn_lumberjack *l, struct tsn_slice bytes)
{
	TSN_ASSERT(l->outer.in.len == 0);
	l->outer.in = bytes;
}

bool
tsn_lumberjack_between(const struct tsn_lumberjack *l)
{
	return l->outer.step == STEP_HEAD && (l->outer.used || l->outer.carry.len == 0) &&
	    l->outer.skip == 0 && l->outer.in.len == 0;
}

void
tsn_lumberjack_ack(const struct tsn_lumberjack *l, uint32_t seq,
    char ret_frame[TSN_LUMBERJACK_ACK_BYTES])
{
	ret_frame[0] = l->version;
	ret_frame[1] = 'A';
	for (uint32_t i = 0; i < 4; i++)
		ret_frame[2 + i] = (char)(unsigned char)(seq >> (24 - 8 * i));
}

size_t
tsn_lumberjack_held(const struct tsn_lumberjack *l)
{
	return sizeof *l + l->outer.carry.cap + l->inner.carry.cap + l->pairs.cap +
	    (l->z != NULL ? INFLATE_BYTES + ZLIB_BYTES : 0);
}

static uint32_t
number_at(struct tsn_slice s, size_t at)
{
	const unsigned char *p = (const unsigned char *)s.ptr + at;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The bytes the next step needs; TSN_EAGAIN until they are there. */
static enum tsn_code
collect(struct level *v, struct tsn_slice *ret_bytes)
{
	size_t more;

	if (v->used)
		tsn_buf_reset(&v->carry);
	v->used = false;
	if (v->skip > 0) {
		size_t n = v->skip < v->in.len ? v->skip : v->in.len;

		v->skip -= (uint32_t)n;
		v->in = tsn_slice_from(v->in, n);
		if (v->skip > 0)
			return TSN_EAGAIN;
	}
	if (v->carry.len == 0 && v->in.len >= v->need) {
		*ret_bytes = tsn_slice_of(v->in.ptr, v->need);
		v->in = tsn_slice_from(v->in, v->need);
		return TSN_OK;
	}
	more = v->need - v->carry.len < v->in.len ? v->need - v->carry.len : v->in.len;
	tsn_buf_add(&v->carry, v->in.ptr, more);
	v->in = tsn_slice_from(v->in, more);
	TSN_TRY(tsn_buf_check(&v->carry));
	if (v->carry.len < v->need)
		return TSN_EAGAIN;
	v->used = true;
	*ret_bytes = tsn_buf_get(&v->carry);
	return TSN_OK;
}

static void
expect(struct level *v, enum step step, size_t need)
{
	v->step = step;
	v->need = need;
}

static enum tsn_code
read_head(struct tsn_lumberjack *l, struct level *v, struct tsn_slice b, struct tsn_err *err)
{
	static const struct {
		char type;
		enum step step;
		size_t need;
	} types[] = {
		{'W', STEP_WINDOW, 4},
		{'J', STEP_JSON_HEAD, 8},
		{'D', STEP_PAIRS_HEAD, 8},
		{'C', STEP_PACKED_HEAD, 4},
	};

	if (b.ptr[0] != '1' && b.ptr[0] != '2')
		TSN_FAIL(err, TSN_EPARSE, "lumberjack: version byte 0x%02x, expected '1' or '2'",
		    (unsigned char)b.ptr[0]);
	l->version = b.ptr[0];
	for (size_t i = 0; i < TSN_COUNT(types); i++)
		if (b.ptr[1] == types[i].type && (b.ptr[1] != 'C' || v == &l->outer)) {
			expect(v, types[i].step, types[i].need);
			return TSN_EAGAIN;
		}
	TSN_FAIL(err, TSN_EPARSE, "lumberjack: frame type 0x%02x %s, expected W, J, D or C",
	    (unsigned char)b.ptr[1], b.ptr[1] == 'C' ? "inside a compressed frame" : "is not known");
}

/* Keeps at most max bytes of the text that comes, passes over the rest. */
static enum tsn_code
expect_text(struct level *v, enum step step, uint32_t len, size_t max, struct tsn_err *err)
{
	size_t keep = len < max ? len : max;

	if (len > FRAME_BYTES_MAX)
		TSN_FAIL(err, TSN_ELIMIT, "lumberjack: a text of %u bytes; %u are possible", len,
		    FRAME_BYTES_MAX);
	expect(v, step, keep);
	v->cut = len - (uint32_t)keep;
	v->truncated |= v->cut > 0;
	return TSN_EAGAIN;
}

static enum tsn_code
give(struct tsn_lumberjack *l, struct level *v, struct tsn_slice json,
    struct tsn_lumberjack_event *ret_event)
{
	l->in_window++;
	*ret_event = (struct tsn_lumberjack_event){.seq = v->seq, .json = json,
		.truncated = v->truncated, .last = l->window > 0 && l->in_window >= l->window};
	if (ret_event->last)
		l->in_window = 0;
	expect(v, STEP_HEAD, 2);
	v->truncated = false;
	return TSN_OK;
}

static enum tsn_code
pairs_done(struct tsn_lumberjack *l, struct level *v, struct tsn_lumberjack_event *ret_event)
{
	tsn_buf_char(&l->pairs, '}');
	TSN_TRY(tsn_buf_check(&l->pairs));
	return give(l, v, tsn_buf_get(&l->pairs), ret_event);
}

static enum tsn_code
begin_pairs(struct tsn_lumberjack *l, struct level *v, struct tsn_slice b,
    struct tsn_lumberjack_event *ret_event, struct tsn_err *err)
{
	v->seq = number_at(b, 0);
	v->pairs_left = number_at(b, 4);
	if (v->pairs_left > PAIRS_MAX)
		TSN_FAIL(err, TSN_ELIMIT, "lumberjack: an event of %u pairs; %u are possible",
		    v->pairs_left, PAIRS_MAX);
	v->value = false;
	tsn_buf_reset(&l->pairs);
	tsn_buf_char(&l->pairs, '{');
	if (v->pairs_left == 0)
		return pairs_done(l, v, ret_event);
	expect(v, STEP_LENGTH, 4);
	return TSN_EAGAIN;
}

/* A key or a value.  When the object is too long the pairs behind are left out. */
static enum tsn_code
add_text(struct tsn_lumberjack *l, struct level *v, struct tsn_slice text,
    struct tsn_lumberjack_event *ret_event)
{
	if (!v->value) {
		v->leave = l->pairs.len >= l->max;
		v->truncated |= v->leave;
	}
	if (!v->leave) {
		if (!v->value && l->pairs.len > 1)
			tsn_buf_char(&l->pairs, ',');
		tsn_json_write_string(&l->pairs, text);
		if (!v->value)
			tsn_buf_char(&l->pairs, ':');
	}
	v->pairs_left -= v->value;
	v->value = !v->value;
	if (v->pairs_left == 0)
		return pairs_done(l, v, ret_event);
	expect(v, STEP_LENGTH, 4);
	return TSN_EAGAIN;
}

static enum tsn_code
begin_packed(struct tsn_lumberjack *l, struct tsn_slice b, struct tsn_err *err)
{
	l->packed_left = number_at(b, 0);
	if (l->packed_left > FRAME_BYTES_MAX)
		TSN_FAIL(err, TSN_ELIMIT, "lumberjack: a compressed frame of %u bytes; %u are possible",
		    l->packed_left, FRAME_BYTES_MAX);
	l->z = calloc(1, sizeof *l->z);
	l->out = malloc(INFLATE_BYTES);
	if (l->z == NULL || l->out == NULL || inflateInit(l->z) != Z_OK) {
		free(l->z);
		l->z = NULL;
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	l->inflated = l->damaged = false;
	expect(&l->outer, STEP_PACKED, 0);
	return TSN_EAGAIN;
}

/* Memory for inflating is held only while a compressed frame is under way. */
static enum tsn_code
end_packed(struct tsn_lumberjack *l, struct tsn_err *err)
{
	bool between = l->inner.step == STEP_HEAD && l->inner.skip == 0 &&
	    (l->inner.used || l->inner.carry.len == 0);

	(void)inflateEnd(l->z);
	free(l->z);
	free(l->out);
	l->z = NULL;
	l->out = NULL;
	if (!between)
		TSN_FAIL(err, TSN_EPARSE, "lumberjack: a compressed frame ends inside a frame");
	expect(&l->outer, STEP_HEAD, 2);
	return TSN_OK;
}

static enum tsn_code
bad_packed(struct tsn_err *err)
{
	TSN_FAIL(err, TSN_EPARSE, "lumberjack: a compressed frame is damaged");
}

/* More for the inner level; TSN_EOF: the compressed frame is done. */
static enum tsn_code
inflate_more(struct tsn_lumberjack *l, struct tsn_err *err)
{
	struct tsn_slice *in = &l->outer.in;
	size_t have = in->len < l->packed_left ? in->len : l->packed_left, used;
	int rc;

	if (l->damaged)
		return bad_packed(err);
	if (l->inflated) {	/* what stands behind the stream is of no use */
		*in = tsn_slice_from(*in, have);
		l->packed_left -= (uint32_t)have;
		return l->packed_left == 0 ? TSN_EOF : TSN_EAGAIN;
	}
	l->z->next_in = (Bytef *)(uintptr_t)in->ptr;
	l->z->avail_in = (uInt)have;
	l->z->next_out = (Bytef *)l->out;
	l->z->avail_out = INFLATE_BYTES;
	rc = inflate(l->z, Z_NO_FLUSH);
	used = have - l->z->avail_in;
	*in = tsn_slice_from(*in, used);
	l->packed_left -= (uint32_t)used;
	l->inner.in = tsn_slice_of(l->out, INFLATE_BYTES - l->z->avail_out);
	l->inflated = rc == Z_STREAM_END;
	if (rc == Z_MEM_ERROR)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	/* Or the frame is over and the stream is not. */
	l->damaged = (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) ||
	    (rc != Z_STREAM_END && l->packed_left == 0 && l->inner.in.len == 0);
	if (l->damaged && l->inner.in.len == 0)
		return bad_packed(err);
	return l->inner.in.len == 0 && !l->inflated ? TSN_EAGAIN : TSN_OK;
}

/* One step with the bytes it needed; TSN_OK: an event, TSN_EAGAIN: on to the next step. */
static enum tsn_code
advance(struct tsn_lumberjack *l, struct level *v, struct tsn_slice b,
    struct tsn_lumberjack_event *ret_event, struct tsn_err *err)
{
	v->skip = v->cut;
	v->cut = 0;
	switch (v->step) {
	case STEP_HEAD:
		return read_head(l, v, b, err);
	case STEP_WINDOW:
		l->window = number_at(b, 0);
		l->in_window = 0;
		expect(v, STEP_HEAD, 2);
		return TSN_EAGAIN;
	case STEP_JSON_HEAD:
		v->seq = number_at(b, 0);
		return expect_text(v, STEP_JSON, number_at(b, 4), l->max, err);
	case STEP_JSON:
		return give(l, v, b, ret_event);
	case STEP_PAIRS_HEAD:
		return begin_pairs(l, v, b, ret_event, err);
	case STEP_LENGTH:
		return expect_text(v, STEP_TEXT, number_at(b, 0),
		    l->max < PAIR_TEXT_MAX ? l->max : PAIR_TEXT_MAX, err);
	case STEP_TEXT:
		return add_text(l, v, b, ret_event);
	case STEP_PACKED_HEAD:
		return begin_packed(l, b, err);
	case STEP_PACKED:
		break;
	}
	TSN_ASSERT(false);
	return TSN_EPARSE;
}

/* Events of one level until it needs bytes that are not there. */
static enum tsn_code
read_level(struct tsn_lumberjack *l, struct level *v, struct tsn_lumberjack_event *ret_event,
    struct tsn_err *err)
{
	while (v->step != STEP_PACKED) {
		struct tsn_slice b;
		enum tsn_code code = collect(v, &b);

		if (code == TSN_OK)
			code = advance(l, v, b, ret_event, err);
		else if (code != TSN_EAGAIN)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		else
			return code;
		if (code != TSN_EAGAIN)
			return code;
	}
	return TSN_EAGAIN;
}

enum tsn_code
tsn_lumberjack_next(struct tsn_lumberjack *l, struct tsn_lumberjack_event *ret_event,
    struct tsn_err *err)
{
	for (;;) {
		enum tsn_code code;

		if (l->outer.step != STEP_PACKED) {
			code = read_level(l, &l->outer, ret_event, err);
			if (code != TSN_EAGAIN || l->outer.step != STEP_PACKED)
				return code;
		}
		code = read_level(l, &l->inner, ret_event, err);
		if (code == TSN_EAGAIN)
			code = inflate_more(l, err);
		else
			return code;
		if (code == TSN_EOF)
			code = end_packed(l, err);
		if (code != TSN_OK)
			return code;
	}
}
