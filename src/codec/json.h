/*
 * codec/json: RFC 8259, strict, in one pass over the bytes, and writing it.
 *
 * Reading is by a cursor (struct tsn_json_in): the caller looks at the next byte and asks for the
 * string, number or literal that begins there, so a document goes to its destination without a
 * tree between.  Strings are slices of the input; one with escapes is decoded into memory that the
 * cursor takes from its arena once per document.  tsn_json_next() puts a token stream on top for
 * those who do not count nanoseconds.
 *
 * Strict: no comments, no trailing commas, no NaN, no raw control bytes in strings.  Taken with a
 * mark: bytes in strings that are not UTF-8 are kept as they stand, and a lone surrogate escape
 * (\ud800) becomes its three bytes; both set `not_utf8`.  Nothing reads past `end`.  Levels of
 * nesting are bounded by whoever walks (TSN_NESTING_MAX).
 */
#ifndef TSN_CODEC_JSON_H
#define TSN_CODEC_JSON_H

#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"

struct tsn_json_in {
	const char *at;			/* next byte */
	const char *end;
	const char *start;
	const char *why;		/* after a failure: what was expected at `at`; static text */
	enum tsn_code code;		/* after a failure: TSN_EPARSE, TSN_ELIMIT or TSN_ENOMEM */
	bool not_utf8;			/* a string held bytes that are not UTF-8 */
	struct tsn_arena *arena;	/* for decoded strings; borrowed */
	char *room;			/* of the arena: where the next decoded string goes */
	const char *room_end;
};

enum tsn_json_number_kind {
	TSN_JSON_INT,		/* i */
	TSN_JSON_UINT,		/* u, above INT64_MAX */
	TSN_JSON_FLOAT,		/* d, infinite when the number is beyond a double */
};

struct tsn_json_number {
	enum tsn_json_number_kind kind;
	union {
		int64_t i;
		uint64_t u;
		double d;
	} as;
	struct tsn_slice text;
};

/** arena outlives the decoded strings; it may be NULL when strings are only skipped. */
static inline void
tsn_json_begin(struct tsn_json_in *in, struct tsn_slice text, struct tsn_arena *arena)
{
	*in = (struct tsn_json_in){.at = text.ptr, .end = text.ptr + text.len, .start = text.ptr,
	    .arena = arena};
}

/** Gives the room for decoded strings that was not needed back to the arena. */
static inline void
tsn_json_finish(struct tsn_json_in *in)
{
	if (in->room != NULL)
		tsn_arena_give_back(in->arena, in->room, in->room_end);
	in->room = NULL;
}

/** Remembers the failure and where it was; returns false. */
TSN_COLD bool tsn_json_fail(struct tsn_json_in *in, const char *at, enum tsn_code code,
    const char *why);
/** The failure of `in` as an error: "JSON: expected ':' at byte 17, found 'x'". */
TSN_COLD enum tsn_code tsn_json_error(const struct tsn_json_in *in, struct tsn_err *err);

/** Slow path of tsn_json_string: p is the first byte that is not plain. */
TSN_MUST_CHECK bool tsn_json_string_rest(struct tsn_json_in *in, const char *p, bool high,
    struct tsn_slice *ret_text);
TSN_MUST_CHECK bool tsn_json_number_rest(struct tsn_json_in *in, const char *p,
    struct tsn_json_number *ret);
void tsn_json_blank_rest(struct tsn_json_in *in);
void tsn_json_check_utf8(struct tsn_json_in *in, struct tsn_slice text);

static inline void
tsn_json_blank(struct tsn_json_in *in)
{
	if (TSN_UNLIKELY(in->at < in->end && (unsigned char)*in->at <= ' '))
		tsn_json_blank_rest(in);
}

/** The string whose opening quote lies just before `at`; `at` moves behind its closing quote. */
TSN_MUST_CHECK static inline bool
tsn_json_string(struct tsn_json_in *in, struct tsn_slice *ret_text)
{
	const char *p = in->at;
	bool high = false;

#ifdef __SSE2__
	while (in->end - p >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i stop = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
		    _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))),
		    _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v));
		unsigned stops = (unsigned)_mm_movemask_epi8(stop);
		unsigned highs = (unsigned)_mm_movemask_epi8(v);

		if (stops == 0) {
			high |= highs != 0;
			p += 16;
			continue;
		}
		high |= (highs & (stops ^ (stops - 1))) != 0;
		p += __builtin_ctz(stops);
		if (TSN_UNLIKELY(*p != '"' || high))
			break;
		*ret_text = (struct tsn_slice){in->at, (size_t)(p - in->at)};
		in->at = p + 1;
		return true;
	}
#endif
	return tsn_json_string_rest(in, p, high, ret_text);
}

/** The number that begins at `at`. */
TSN_MUST_CHECK static inline bool
tsn_json_number(struct tsn_json_in *in, struct tsn_json_number *ret)
{
	const char *p = in->at;
	uint64_t v = 0;

	while (p < in->end && (unsigned char)(*p - '0') < 10 && p - in->at < 18)
		v = v * 10 + (unsigned char)(*p++ - '0');
	if (TSN_UNLIKELY(p == in->end || p == in->at || *in->at == '0' ||
	    (unsigned char)(*p - '0') < 10 || *p == '.' || (*p | 0x20) == 'e'))
		return tsn_json_number_rest(in, in->at, ret);
	*ret = (struct tsn_json_number){.kind = TSN_JSON_INT, .as.i = (int64_t)v,
	    .text = {in->at, (size_t)(p - in->at)}};
	in->at = p;
	return true;
}

/** One of true, false, null at `at`; *ret_word is its first letter. */
TSN_MUST_CHECK bool tsn_json_literal(struct tsn_json_in *in, char *ret_word);

/*
 * Token stream.
 */
enum tsn_json_token {
	TSN_JSON_END,		/* of the text: blanks only until here */
	TSN_JSON_OBJECT,
	TSN_JSON_OBJECT_END,
	TSN_JSON_ARRAY,
	TSN_JSON_ARRAY_END,
	TSN_JSON_KEY,		/* text */
	TSN_JSON_STRING,	/* text */
	TSN_JSON_NUMBER,	/* number, text */
	TSN_JSON_BOOL,		/* boolean */
	TSN_JSON_NULL,
};

struct tsn_json_reader {
	struct tsn_json_in in;
	struct tsn_slice text;
	struct tsn_json_number number;
	bool boolean;
	bool first;			/* nothing yet in the innermost object or array */
	bool after_key;
	bool begun;
	uint32_t depth;
	uint64_t objects[(TSN_NESTING_MAX + 63) / 64];	/* bit set: this level is an object */
};

/** Reads one document; text and arena outlive the reader's slices. */
void tsn_json_reader_init(struct tsn_json_reader *r, struct tsn_slice text,
    struct tsn_arena *arena);
/** TSN_EPARSE, TSN_ELIMIT (too deep), TSN_ENOMEM. */
TSN_MUST_CHECK enum tsn_code tsn_json_next(struct tsn_json_reader *r,
    enum tsn_json_token *ret_token, struct tsn_err *err);
/** After a KEY: passes over its value; after OBJECT or ARRAY: over all until its end. */
TSN_MUST_CHECK enum tsn_code tsn_json_pass(struct tsn_json_reader *r, enum tsn_json_token token,
    struct tsn_err *err);
/** Checks a whole document. */
TSN_MUST_CHECK enum tsn_code tsn_json_check(struct tsn_slice text, struct tsn_err *err);

/*
 * The end of one value in a stream, without checking what is inside it: brackets and quotes only.
 */
struct tsn_json_skip {
	size_t seen;		/* bytes of the value looked at so far */
	uint32_t depth;
	char kind;		/* 0 nothing yet, '{' structure, '"' string, '0' bare word */
	bool in_string;
	bool escaped;
};

/**
 * `text` begins with the value (blanks before it are part of it) and may be longer than last time:
 * a zeroed state that is handed in again goes on where it stopped, so a value that arrives in
 * pieces costs one look per byte.  TSN_OK: *ret_len bytes are the value.  TSN_EAGAIN: it goes on
 * beyond text (a bare number at the end of text too).  TSN_EPARSE: no value begins here.
 */
TSN_MUST_CHECK enum tsn_code tsn_json_skip(struct tsn_json_skip *state, struct tsn_slice text,
    size_t *ret_len);

/*
 * Writing.
 */
/** The string in quotes; what is not UTF-8 becomes U+FFFD, one for each bad byte. */
void tsn_json_write_string(struct tsn_buf *out, struct tsn_slice text);
/** The same without the quotes. */
void tsn_json_write_text(struct tsn_buf *out, struct tsn_slice text);
/** True when all of text is a JSON number. */
bool tsn_json_is_number(struct tsn_slice text);
/** Shortest number that reads back as v; null when it is not finite. */
void tsn_json_write_f64(struct tsn_buf *out, double v);

#endif
