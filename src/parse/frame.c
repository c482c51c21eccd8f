#include "parse/frame.h"

#include <stdlib.h>

#include "base/assert.h"
#include "parse/frame_int.h"

#define CARRY_MAX ((size_t)TSN_RECORD_BYTES_MAX + 2 * TSN_FRAME_BLANKS_MAX)
/* A carry buffer larger than this is given back when it is empty. */
#define CARRY_KEEP (64u << 10)
#define WIDE_CHUNK (32u << 10)

_Static_assert(TSN_FRAME_LOOK_MAX < TSN_FRAME_BLANKS_MAX,
    "the look-ahead fits behind a full record");

enum phase {
	PH_START,	/* at a record boundary: blanks, array punctuation */
	PH_LINE,	/* inside a line */
	PH_AFTER,	/* a line is complete; does the next belong to it? */
	PH_JSON,	/* inside a JSON value */
	PH_TAIL,	/* behind a JSON value */
};

enum step {
	STEP_MORE,
	STEP_RECORD,	/* the record is [0, end), the next one begins at `next` */
	STEP_SKIP,	/* no record before `next` */
};

enum flush { FLUSH_NONE, FLUSH_IDLE, FLUSH_END };

enum wide { WIDE_NO, WIDE_LITTLE, WIDE_BIG };

struct tsn_framer {
	enum tsn_frame_mode mode;
	enum phase phase;
	enum flush flush;
	bool head_done;		/* the byte order mark has been looked for */
	bool over;		/* the carry is full: the rest of the record is scanned past */
	uint64_t base;		/* source offset of the window's first byte */
	uint64_t line;		/* its line number */
	uint64_t fed;		/* source offset behind the last byte fed */
	uint64_t skipped;

	/* scanning state; places count from the window's first byte */
	size_t pos;		/* everything before has been scanned */
	size_t lines;		/* complete lines of the pending text record */
	size_t line_end;	/* end of its newest line that is not blank */
	size_t next_at;		/* start of the line after its newest line */
	size_t value_end;	/* PH_TAIL: end of the JSON value */
	size_t end, next;	/* result of STEP_RECORD and STEP_SKIP */
	struct tsn_frame_text text;
	struct tsn_frame_json json;

	struct tsn_slice in;	/* what is left of the fed (or decoded) bytes */
	char *carry;
	size_t carry_at, carry_len, carry_cap;
	size_t carry_new;	/* bytes at its end that also stand just before in.ptr */
	size_t over_lo;		/* over: place of in.ptr */
	uint64_t over_raw;	/* over: source bytes passed behind the carry */
	uint64_t over_lines;

	/* UTF-16 */
	enum wide wide;
	struct tsn_slice raw;	/* fed, not yet decoded */
	char *decoded;
	unsigned char odd[4];	/* an unfinished character */
	unsigned odd_len;
	char head[8];		/* first bytes until it is decided what they are */
	unsigned head_len;

	struct tsn_frame_evtx *evtx;	/* a Windows event log, else NULL */
};

static enum wide
wide_of(struct tsn_slice head)
{
	if (tsn_slice_starts(head, TSN_SLICE("\xff\xfe")))
		return WIDE_LITTLE;
	return tsn_slice_starts(head, TSN_SLICE("\xfe\xff")) ? WIDE_BIG : WIDE_NO;
}

struct tsn_framer *
tsn_framer_new(const struct tsn_frame_start *start)
{
	struct tsn_framer *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	f->line = 1;
	f->in = f->raw = TSN_SLICE("");
	if (start == NULL)
		return f;
	f->mode = start->mode;
	f->base = f->fed = start->offset;
	f->line = start->line == 0 ? 1 : start->line;
	if (start->offset > 0) {
		f->head_done = true;
		f->wide = wide_of(start->head);
		if (tsn_slice_starts(start->head, TSN_SLICE("ElfF"))) {
			f->evtx = tsn_frame_evtx_new(f->base, f->line);
			if (f->evtx == NULL) {
				free(f);
				return NULL;
			}
		}
	}
	return f;
}

void
tsn_framer_free(struct tsn_framer *f)
{
	if (f == NULL)
		return;
	tsn_frame_evtx_free(f->evtx);
	free(f->carry);
	free(f->decoded);
	free(f);
}

uint64_t
tsn_framer_position(const struct tsn_framer *f)
{
	return f->base;
}

uint64_t
tsn_framer_line(const struct tsn_framer *f)
{
	return f->line;
}

uint64_t
tsn_framer_pending(const struct tsn_framer *f)
{
	return f->fed - f->base;
}

uint64_t
tsn_framer_skipped(const struct tsn_framer *f)
{
	return f->skipped;
}

enum tsn_code
tsn_frame_keep(struct tsn_frame *frame, struct tsn_arena *arena)
{
	struct tsn_slice copy;

	if (frame->stable)
		return TSN_OK;
	copy = tsn_arena_dup(arena, frame->bytes);
	if (copy.ptr == NULL)
		return TSN_ELIMIT;
	frame->bytes = copy;
	frame->stable = true;
	return TSN_OK;
}

static uint64_t
newlines(const char *p, size_t len)
{
	uint64_t n = 0;

	for (const char *end = p + len; p < end; n++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (p == NULL)
			break;
		p++;
	}
	return n;
}

/* Source bytes that these bytes of the window stand for. */
static uint64_t
raw_len(const struct tsn_framer *f, const char *p, size_t len)
{
	uint64_t units = 0;

	if (f->wide == WIDE_NO)
		return len;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		units += (c & 0xc0) != 0x80;
		units += c >= 0xf0;
	}
	return units * 2;
}

static enum step
begin_line(struct tsn_framer *f, size_t pos)
{
	f->phase = PH_LINE;
	f->pos = pos;
	return STEP_MORE;
}

static enum step
skip_to(struct tsn_framer *f, size_t next)
{
	f->next = next;
	return STEP_SKIP;
}

/*
 * At a byte that may begin JSON or belong to an array around it; i is its place.  The brackets and
 * commas of a top-level array are passed over wherever they stand alone, so that nothing need be
 * known of what came before.
 */
static enum step
start_json(struct tsn_framer *f, struct tsn_slice w, size_t i, bool *ret_more)
{
	bool end = f->flush == FLUSH_END, newline;
	char c = w.ptr[i], after;

	*ret_more = false;
	if (tsn_frame_peek(w, i + 1, end, &newline, &after) == TSN_FRAME_NEED) {
		f->pos = i;
		*ret_more = true;
		return STEP_MORE;
	}
	if (c == '{' && after == '"') {
		size_t seen = w.len < i + TSN_FRAME_BLANKS_MAX ? w.len : i + TSN_FRAME_BLANKS_MAX;
		struct tsn_slice near = {w.ptr, seen};
		size_t first = tsn_frame_json_list(near, i, end || near.len < w.len, ret_more);

		if (first > 0)
			return skip_to(f, first);
		if (*ret_more) {
			f->pos = i;
			return STEP_MORE;
		}
	}
	if (c == '{' && (after == '"' || after == '}')) {
		if (i > 0)
			return skip_to(f, i);
		f->phase = PH_JSON;
		f->pos = 0;
		f->json = (struct tsn_frame_json){0};
		return STEP_MORE;
	}
	if (c == '[' && after == '{')
		return skip_to(f, i + 1);
	if (c == ',' && (newline || after == '{' || after == 0))
		return skip_to(f, i + 1);
	if (c == ']' && after == '}') {
		size_t behind = tsn_frame_json_pass(w, i + 1, '}');
		bool rest;

		if (tsn_frame_peek(w, behind, end, &rest, &after) == TSN_FRAME_NEED) {
			f->pos = i;
			*ret_more = true;
			return STEP_MORE;
		}
		if (rest || after == 0 || after == '{')
			return skip_to(f, behind);
	}
	if (c == ']' && (newline || after == 0))
		return skip_to(f, i + 1);
	return begin_line(f, i);
}

static enum step
scan_start(struct tsn_framer *f, struct tsn_slice w, bool *ret_more)
{
	size_t i = f->pos;

	*ret_more = false;
	for (; i < w.len && i < TSN_FRAME_BLANKS_MAX; i++) {
		if (w.ptr[i] == '\n')
			return skip_to(f, i + 1);
		if (w.ptr[i] != ' ' && w.ptr[i] != '\t' && w.ptr[i] != '\r' &&
		    (w.ptr[i] != '\x1e' || f->mode != TSN_FRAME_AUTO))	/* RFC 7464 */
			break;
	}
	if (i == w.len) {
		if (f->flush == FLUSH_END)
			return skip_to(f, i);
		f->pos = i;
		*ret_more = true;
		return STEP_MORE;
	}
	if (f->mode == TSN_FRAME_AUTO && i < TSN_FRAME_BLANKS_MAX &&
	    (w.ptr[i] == '{' || w.ptr[i] == '[' || w.ptr[i] == ',' || w.ptr[i] == ']'))
		return start_json(f, w, i, ret_more);
	return begin_line(f, i);
}

static enum step
record_to(struct tsn_framer *f, size_t end, size_t next)
{
	f->end = end;
	f->next = next;
	return STEP_RECORD;
}

static bool
blank(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r')
			return false;
	return true;
}

static enum step
scan_line(struct tsn_framer *f, struct tsn_frame_view v, bool *ret_more)
{
	const char *from = v.ptr + (f->pos - v.lo);
	const char *hit = memchr(from, '\n', v.hi - f->pos);
	size_t n = hit == NULL ? v.hi : f->pos + (size_t)(hit - from);

	*ret_more = false;
	/* Lines that have become too much: the record ends before this one.  But a line that is too
	 * long by itself (a statement of megabytes) stays with its head, and is cut. */
	if (f->lines > 0 && n > TSN_RECORD_BYTES_MAX && f->next_at > TSN_RECORD_BYTES_MAX / 2)
		return record_to(f, f->line_end, f->next_at);
	if (hit == NULL) {
		if (f->flush == FLUSH_END)
			return record_to(f, n, n);
		if (f->flush == FLUSH_IDLE && f->lines > 0 && n <= TSN_RECORD_BYTES_MAX)
			return record_to(f, f->line_end, f->next_at);
		f->pos = n;
		*ret_more = true;
		return STEP_MORE;
	}
	if (n > TSN_RECORD_BYTES_MAX)
		return record_to(f, n, n + 1);
	f->text.line_at = f->next_at;
	if (f->lines == 0 || !blank(v.ptr + (f->next_at - v.lo), n - f->next_at))
		f->line_end = n;
	f->lines++;
	f->next_at = n + 1;
	f->pos = n + 1;
	f->phase = PH_AFTER;
	return STEP_MORE;
}

static enum step
scan_after(struct tsn_framer *f, struct tsn_slice w, bool *ret_more)
{
	struct tsn_slice next = tsn_slice_from(w, f->next_at);
	struct tsn_slice record = {w.ptr, f->next_at - 1};
	enum tsn_frame_answer a = TSN_FRAME_NO;

	*ret_more = false;
	if (f->mode == TSN_FRAME_CSV) {
		tsn_frame_text_quotes(&f->text, tsn_slice_from(record, f->text.line_at), false);
		a = f->text.quote_open ? TSN_FRAME_YES : TSN_FRAME_NO;
	} else if (f->mode == TSN_FRAME_AUTO) {
		if (next.len > 0)
			a = tsn_frame_text_continues(&f->text, record, next, f->flush == FLUSH_END);
		else
			a = TSN_FRAME_NEED;
	}
	if (a == TSN_FRAME_NEED && f->flush == FLUSH_NONE) {
		*ret_more = true;
		return STEP_MORE;
	}
	if (a != TSN_FRAME_YES)
		return record_to(f, f->line_end, f->next_at);
	f->phase = PH_LINE;
	return STEP_MORE;
}

static enum step
scan_json(struct tsn_framer *f, struct tsn_frame_view v, bool *ret_more)
{
	*ret_more = false;
	switch (tsn_frame_json_scan(&f->json, v, &f->pos)) {
	case TSN_FJ_END:
		f->value_end = f->pos;
		f->phase = PH_TAIL;
		return STEP_MORE;
	case TSN_FJ_BROKEN:
		/* What is behind a record that did not fit is no longer at hand. */
		if (f->json.newline_at <= TSN_RECORD_BYTES_MAX &&
		    f->pos - f->json.newline_at <= TSN_FRAME_BLANKS_MAX)
			return record_to(f, f->json.newline_at, f->json.newline_at + 1);
		return record_to(f, f->json.newline_at, f->pos);
	case TSN_FJ_MORE:
	default:
		if (f->flush == FLUSH_END)
			return record_to(f, v.hi, v.hi);
		*ret_more = true;
		return STEP_MORE;
	}
}

static enum step
scan_tail(struct tsn_framer *f, struct tsn_frame_view v, bool *ret_more)
{
	*ret_more = false;
	for (; f->pos < v.hi; f->pos++) {
		switch (v.ptr[f->pos - v.lo]) {
		case ' ':
		case '\t':
		case '\r':
			continue;
		case '\n':
			return record_to(f, f->value_end, f->pos + 1);
		case ',':
			return record_to(f, f->value_end, f->pos + 1);
		case '{':
		case '[':
		case ']':
		case '\x1e':
			return record_to(f, f->value_end, f->pos);
		default:
			break;
		}
		return begin_line(f, f->pos);	/* text behind the value: all of it is one line */
	}
	if (f->flush != FLUSH_NONE)
		return record_to(f, f->value_end, f->pos);
	*ret_more = true;
	return STEP_MORE;
}

/* Scans the window as far as it goes. */
static enum step
scan(struct tsn_framer *f, struct tsn_frame_view v)
{
	struct tsn_slice w = {v.ptr, v.hi - v.lo};
	bool more = false;

	while (!more) {
		enum step s = STEP_MORE;

		switch (f->phase) {
		case PH_START:
			TSN_ASSERT(v.lo == 0);
			s = scan_start(f, w, &more);
			break;
		case PH_LINE:
			s = scan_line(f, v, &more);
			break;
		case PH_AFTER:
			TSN_ASSERT(v.lo == 0);
			s = scan_after(f, w, &more);
			break;
		case PH_JSON:
			s = scan_json(f, v, &more);
			break;
		case PH_TAIL:
			s = scan_tail(f, v, &more);
			break;
		default:
			break;
		}
		if (s != STEP_MORE)
			return s;
	}
	return STEP_MORE;
}

static void
scan_reset(struct tsn_framer *f)
{
	f->phase = PH_START;
	f->pos = f->lines = f->line_end = f->next_at = f->value_end = 0;
	f->text = (struct tsn_frame_text){0};
}

/* The window moves on to place f->next. */
static void
consume(struct tsn_framer *f)
{
	size_t n = f->next;

	if (f->over) {
		size_t part = n - f->over_lo;

		f->base += raw_len(f, f->carry, f->carry_len) + f->over_raw +
		    raw_len(f, f->in.ptr, part);
		f->line += newlines(f->carry, f->carry_len) + f->over_lines +
		    newlines(f->in.ptr, part);
		f->in = tsn_slice_from(f->in, part);
		f->carry_at = f->carry_len = f->carry_new = 0;
		f->over = false;
	} else if (f->carry_len > f->carry_at) {
		size_t left = f->carry_len - f->carry_at - n;

		f->base += raw_len(f, f->carry + f->carry_at, n);
		f->line += newlines(f->carry + f->carry_at, n);
		f->carry_at += n;
		if (left <= f->carry_new) {
			f->in.ptr -= left;
			f->in.len += left;
			f->carry_at = f->carry_len = f->carry_new = 0;
		}
	} else {
		f->base += raw_len(f, f->in.ptr, n);
		f->line += newlines(f->in.ptr, n);
		f->in = tsn_slice_from(f->in, n);
	}
	scan_reset(f);
}

static void
emit(struct tsn_framer *f, const char *ptr, bool stable, struct tsn_frame *ret)
{
	size_t len = f->end;

	ret->truncated = len > TSN_RECORD_BYTES_MAX;
	if (ret->truncated) {
		f->skipped += len - TSN_RECORD_BYTES_MAX;
		len = TSN_RECORD_BYTES_MAX;
	} else if (len > 0 && ptr[len - 1] == '\r') {
		len--;
	}
	ret->bytes = tsn_slice_of(ptr, len);
	ret->offset = f->base;
	ret->line = f->line;
	ret->stable = stable && f->wide == WIDE_NO;
	consume(f);
}

/* Moves n bytes of the input behind the carry. */
static bool
carry_add(struct tsn_framer *f, size_t n)
{
	size_t held = f->carry_len - f->carry_at;

	if (f->carry_at > 0) {
		memmove(f->carry, f->carry + f->carry_at, held);
		f->carry_at = 0;
		f->carry_len = held;
	}
	if (held + n > f->carry_cap) {
		size_t cap = f->carry_cap < 512 ? 512 : f->carry_cap;
		char *p;

		while (cap < held + n)
			cap *= 2;
		if (cap > CARRY_MAX)
			cap = CARRY_MAX;
		p = realloc(f->carry, cap);
		if (p == NULL)
			return false;
		f->carry = p;
		f->carry_cap = cap;
	}
	memcpy(f->carry + held, f->in.ptr, n);
	f->carry_len += n;
	f->carry_new += n;
	f->in = tsn_slice_from(f->in, n);
	return true;
}

/* More input for a window in the carry: about one line of it.  False: out of memory. */
static bool
carry_more(struct tsn_framer *f)
{
	size_t room = CARRY_MAX - (f->carry_len - f->carry_at);
	const char *hit = memchr(f->in.ptr, '\n', f->in.len);
	size_t n = hit == NULL ? f->in.len : (size_t)(hit - f->in.ptr) + 1 + 128;

	if (n > f->in.len)
		n = f->in.len;
	if (room > 0)
		return carry_add(f, n < room ? n : room);
	f->over = true;
	f->over_lo = CARRY_MAX;
	f->over_raw = f->over_lines = 0;
	return true;
}

/* Decodes the next piece of the fed UTF-16 into f->in.  False: out of memory. */
static bool
wide_more(struct tsn_framer *f)
{
	bool end = f->flush == FLUSH_END;
	size_t out = 0;

	if (f->raw.len == 0 && !(end && f->odd_len > 1))
		return true;
	if (f->decoded == NULL && (f->decoded = malloc(WIDE_CHUNK)) == NULL)
		return false;
	while (out + 4 <= WIDE_CHUNK) {
		unsigned used, made;

		while (f->odd_len < 4 && f->raw.len > 0) {
			f->odd[f->odd_len++] = (unsigned char)f->raw.ptr[0];
			f->raw = tsn_slice_from(f->raw, 1);
		}
		used = tsn_frame_wide_char(f->wide == WIDE_BIG, f->odd, f->odd_len,
		    end && f->raw.len == 0, f->decoded + out, &made);
		if (used == 0)
			break;
		f->odd_len -= used;
		memmove(f->odd, f->odd + used, f->odd_len);
		out += made;
	}
	f->in = tsn_slice_of(f->decoded, out);
	f->carry_new = 0;
	return true;
}

/* The file is a Windows event log: all of it goes through its decoder. */
static enum tsn_code
begin_evtx(struct tsn_framer *f)
{
	struct tsn_slice head = tsn_slice_of(f->head, f->head_len);
	struct tsn_frame none;

	f->evtx = tsn_frame_evtx_new(0, 1);
	if (f->evtx == NULL)
		return TSN_ENOMEM;
	f->head_done = true;
	/* The header block takes these bytes and asks for more. */
	return tsn_frame_evtx_next(f->evtx, &head, false, &none) == TSN_EAGAIN ? TSN_OK : TSN_ENOMEM;
}

/* Looks for a byte order mark; TSN_EAGAIN: more bytes are needed to know. */
static enum tsn_code
head_check(struct tsn_framer *f)
{
	static const struct tsn_slice evtx = TSN_SLICE("ElfFile\0");
	struct tsn_slice h = {f->head, f->head_len}, in;
	unsigned taken = 0;

	for (; f->in.len > 0 && (h.len < 3 || (h.len < evtx.len && tsn_slice_starts(evtx, h)));
	    taken++) {
		f->head[f->head_len++] = f->in.ptr[0];
		f->in = tsn_slice_from(f->in, 1);
		h.len = f->head_len;
	}
	if (tsn_slice_eq(h, evtx))
		return begin_evtx(f);
	if (h.len < evtx.len && f->flush != FLUSH_END &&
	    (h.len == 0 || tsn_slice_starts(evtx, h) || (h.len < 3 &&
	    (tsn_slice_starts(TSN_SLICE("\xff\xfe"), h) ||
		tsn_slice_starts(TSN_SLICE("\xfe\xff"), h) ||
		tsn_slice_starts(TSN_SLICE("\xef\xbb\xbf"), h)))))
		return TSN_EAGAIN;
	if (wide_of(h) != WIDE_NO) {
		f->wide = wide_of(h);
		f->base += 2;
		f->odd_len = f->head_len - 2;
		memcpy(f->odd, h.ptr + 2, f->odd_len);
		f->raw = f->in;
		f->in = TSN_SLICE("");
	} else if (h.len == 3 && tsn_slice_starts(h, TSN_SLICE("\xef\xbb\xbf"))) {
		f->base += 3;
	} else if (taken == f->head_len) {
		f->in.ptr -= taken;
		f->in.len += taken;
	} else {
		in = f->in;
		f->in = h;
		if (!carry_add(f, h.len)) {
			f->in = in;
			return TSN_ENOMEM;
		}
		f->in = in;
		f->carry_new = 0;
	}
	f->head_done = true;
	return TSN_OK;
}

void
tsn_framer_feed(struct tsn_framer *f, struct tsn_slice bytes)
{
	TSN_ASSERT(f->in.len == 0 && f->raw.len == 0);
	f->flush = FLUSH_NONE;
	f->carry_new = 0;
	f->fed += bytes.len;
	if (f->carry_len == f->carry_at && f->carry_cap > CARRY_KEEP) {
		free(f->carry);
		f->carry = NULL;
		f->carry_at = f->carry_len = f->carry_cap = 0;
	}
	if (bytes.len == 0)
		bytes = TSN_SLICE("");
	if (f->wide != WIDE_NO)
		f->raw = bytes;
	else
		f->in = bytes;
}

void
tsn_framer_flush(struct tsn_framer *f, enum tsn_frame_flush how)
{
	TSN_ASSERT(f->in.len == 0 && f->raw.len == 0);
	f->flush = how == TSN_FRAME_END ? FLUSH_END : FLUSH_IDLE;
}

/* The record most lines are: one line, whole, in the fed buffer.  False: see scan(). */
static inline bool
plain_line(struct tsn_framer *f, struct tsn_frame *ret)
{
	const char *p = f->in.ptr, *hit;
	size_t len;

	if (f->phase != PH_START || f->pos != 0 || f->in.len < 2 || f->mode == TSN_FRAME_CSV ||
	    f->wide != WIDE_NO || *p == '\n' || *p == ' ' || *p == '\t' || *p == '\r')
		return false;
	hit = memchr(p, '\n', f->in.len - 1);
	if (hit == NULL)
		return false;
	len = (size_t)(hit - p);
	if (len > TSN_RECORD_BYTES_MAX ||
	    (f->mode == TSN_FRAME_AUTO && !tsn_frame_text_alone(tsn_slice_of(p, len), hit[1])))
		return false;
	ret->bytes = tsn_slice_of(p, hit[-1] == '\r' ? len - 1 : len);
	ret->offset = f->base;
	ret->line = f->line++;
	ret->truncated = false;
	ret->stable = true;
	f->base += len + 1;
	f->in = tsn_slice_of(hit + 1, f->in.len - len - 1);
	return true;
}

/* Nothing comes out of the window: takes in what is left of the input. */
static enum tsn_code
take_in(struct tsn_framer *f, bool *ret_again)
{
	*ret_again = false;
	if (!f->over && f->in.len > 0) {
		bool fresh = f->carry_len == f->carry_at;
		size_t n = f->in.len < CARRY_MAX ? f->in.len : CARRY_MAX;

		if (fresh ? !carry_add(f, n) : !carry_more(f))
			return TSN_ENOMEM;
		if (fresh && f->in.len > 0) {
			f->over = true;
			f->over_lo = CARRY_MAX;
			f->over_raw = f->over_lines = 0;
		} else if (!fresh) {
			*ret_again = true;
			return TSN_OK;
		}
	}
	if (f->over) {
		f->over_raw += raw_len(f, f->in.ptr, f->in.len);
		f->over_lines += newlines(f->in.ptr, f->in.len);
		f->over_lo += f->in.len;
		f->in = TSN_SLICE("");
	}
	if (f->wide != WIDE_NO && !wide_more(f))
		return TSN_ENOMEM;
	*ret_again = f->in.len > 0;
	return TSN_OK;
}

enum tsn_code
tsn_framer_next(struct tsn_framer *f, struct tsn_frame *ret_frame)
{
	bool again = true;

	if (!f->head_done)
		TSN_TRY(head_check(f));
	if (f->evtx != NULL) {
		enum tsn_code code = tsn_frame_evtx_next(f->evtx, &f->in, f->flush == FLUSH_END,
		    ret_frame);

		f->base = tsn_frame_evtx_position(f->evtx, &f->line);
		return code;
	}
	while (again) {
		bool carried = f->carry_len > f->carry_at;
		const char *start = carried ? f->carry + f->carry_at : f->in.ptr;
		struct tsn_frame_view v = {start, 0, carried ? f->carry_len - f->carry_at : f->in.len};
		enum step s = STEP_MORE;

		if (!carried && plain_line(f, ret_frame))
			return TSN_OK;
		if (f->over)
			v = (struct tsn_frame_view){f->in.ptr, f->over_lo, f->over_lo + f->in.len};
		if (v.hi > 0)
			s = scan(f, v);
		if (s == STEP_RECORD) {
			emit(f, start, !carried, ret_frame);
			return TSN_OK;
		}
		if (s == STEP_SKIP)
			consume(f);
		else
			TSN_TRY(take_in(f, &again));
	}
	if (f->flush == FLUSH_END && f->odd_len > 0 && f->base + f->odd_len == f->fed) {
		f->base += f->odd_len;		/* half a character at the end of UTF-16 */
		f->skipped += f->odd_len;
		f->odd_len = 0;
	}
	f->flush = FLUSH_NONE;
	f->carry_new = 0;	/* the caller's buffer is the caller's again */
	return TSN_EAGAIN;
}
