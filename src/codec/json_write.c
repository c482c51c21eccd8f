#include <math.h>

#include "base/compiler.h"
#include "base/num.h"
#include "codec/json.h"
#include "codec/utf8.h"

/* Bytes from p that stand for themselves in a JSON string. */
static size_t
plain(const char *p, const char *end)
{
	const char *from = p;

#ifdef __SSE2__
	while (end - p >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i stop = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
		    _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))),
		    _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v));
		unsigned stops = (unsigned)(_mm_movemask_epi8(stop) | _mm_movemask_epi8(v));

		if (stops != 0)
			return (size_t)(p - from) + (unsigned)__builtin_ctz(stops);
		p += 16;
	}
#endif
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20 &&
	    (*p & 0x80) == 0)
		p++;
	return (size_t)(p - from);
}

static void
write_escape(struct tsn_buf *out, char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	static const char hex[] = "0123456789abcdef";
	const char *found;

	if (TSN_LIKELY(c == '"' || c == '\\')) {
		tsn_buf_add(out, (char[]){'\\', c}, 2);
		return;
	}
	found = memchr(from, c, sizeof from - 1);
	if (found != NULL) {
		tsn_buf_add(out, (char[]){'\\', to[found - from]}, 2);
		return;
	}
	tsn_buf_add(out, (char[]){'\\', 'u', '0', '0', hex[(c >> 4) & 15], hex[c & 15]}, 6);
}

#ifdef __SSE2__
/* What one step of 16 bytes may write behind the end of the output: each byte escaped, and 16. */
#define STEP_ROOM 64u

struct stops {
	unsigned escape;	/* quotes and backslashes */
	unsigned other;		/* control bytes and what is not ASCII */
};

static inline struct stops
stops_in(__m128i v)
{
	__m128i escape = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
	    _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
	__m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);

	return (struct stops){(unsigned)_mm_movemask_epi8(escape),
	    (unsigned)(_mm_movemask_epi8(control) | _mm_movemask_epi8(v))};
}

/* 16 bytes at p, behind which 15 more are readable; returns the end of the output. */
static inline char *
write_step(char *to, const char *p, __m128i v, unsigned escapes)
{
	unsigned done = 0;

	_mm_storeu_si128((__m128i *)(void *)to, v);
	for (; escapes != 0; escapes &= escapes - 1) {
		unsigned at = (unsigned)__builtin_ctz(escapes);

		to += at - done;
		*to++ = '\\';
		_mm_storeu_si128((__m128i *)(void *)to,
		    _mm_loadu_si128((const __m128i *)(const void *)(p + at)));
		done = at;
	}
	return to + 16 - done;
}

/* Steps of 16 bytes while they are easy and there is room whatever they are. */
static const char *
write_steps(struct tsn_buf *out, const char *p, const char *end)
{
	char *to = out->ptr + out->len, *last = out->ptr + out->cap - STEP_ROOM;

	for (; end - p >= 32 && to <= last; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		struct stops stops = stops_in(v);

		if (stops.other != 0)
			break;
		to = write_step(to, p, v, stops.escape);
	}
	out->len = (size_t)(to - out->ptr);
	return p;
}

/* The last 16 to 31 bytes, in a place where more can be read; false: nothing is written. */
static bool
write_last(struct tsn_buf *out, const char *p, size_t n)
{
	char room[48], *to = out->ptr + out->len;
	__m128i first = _mm_loadu_si128((const __m128i *)(const void *)p), second;
	struct stops a, b;

	if (out->cap - out->len < 2 * STEP_ROOM)
		return false;
	_mm_storeu_si128((__m128i *)(void *)(room + 16), _mm_set1_epi8(' '));
	_mm_storeu_si128((__m128i *)(void *)(room + 32), _mm_set1_epi8(' '));
	_mm_storeu_si128((__m128i *)(void *)room, first);
	_mm_storeu_si128((__m128i *)(void *)(room + n - 16),
	    _mm_loadu_si128((const __m128i *)(const void *)(p + n - 16)));
	second = _mm_loadu_si128((const __m128i *)(const void *)(room + 16));
	a = stops_in(first);
	b = stops_in(second);
	if ((a.other | b.other) != 0)
		return false;
	to = write_step(to, room, first, a.escape);
	to = write_step(to, room + 16, second, b.escape);
	out->len = (size_t)(to - out->ptr) - (32 - n);
	return true;
}

/* 1 to 15 bytes in a register, zeros behind them. */
static inline __m128i
load_few(const char *p, size_t n)
{
	uint64_t low = 0, high = 0, b = 0;

	if (n >= 8) {
		memcpy(&low, p, 8);
		memcpy(&high, p + n - 8, 8);
		high = n == 8 ? 0 : high >> 8 * (16 - n);
	} else if (n >= 4) {
		memcpy(&low, p, 4);
		memcpy(&b, p + n - 4, 4);
		low |= b << 8 * (n - 4);
	} else {
		for (size_t i = 0; i < n; i++)
			low |= (uint64_t)(unsigned char)p[i] << 8 * i;
	}
	return _mm_set_epi64x((long long)high, (long long)low);
}

/* A short text of plain bytes; false: nothing is written. */
static inline bool
write_few(struct tsn_buf *out, const char *p, size_t n)
{
	__m128i v;
	struct stops stops;

	if (out->cap - out->len < 16)
		return false;
	v = load_few(p, n);
	stops = stops_in(v);
	if (((stops.escape | stops.other) & ((1u << n) - 1)) != 0)
		return false;
	_mm_storeu_si128((__m128i *)(void *)(out->ptr + out->len), v);
	out->len += n;
	return true;
}
#endif

/* Plain bytes, then one that is not. */
static const char *
write_slowly(struct tsn_buf *out, const char *p, const char *end)
{
	size_t n = plain(p, end);
	uint32_t code;

	tsn_buf_add(out, p, n);
	p += n;
	if (p == end)
		return p;
	if ((*p & 0x80) == 0) {
		write_escape(out, *p);
		return p + 1;
	}
	n = tsn_utf8_decode(p, end, &code);
	if (n == 0)
		tsn_buf_lit(out, "\xef\xbf\xbd");
	else
		tsn_buf_add(out, p, n);
	return p + (n == 0 ? 1 : n);
}

void
tsn_json_write_text(struct tsn_buf *out, struct tsn_slice text)
{
	const char *p = text.ptr == NULL ? "" : text.ptr, *end = p + text.len;

	while (p < end) {
#ifdef __SSE2__
		if (end - p >= 32 && out->cap >= STEP_ROOM)
			p = write_steps(out, p, end);
		if (end - p < 16 ? write_few(out, p, (size_t)(end - p)) :
		    end - p < 32 && write_last(out, p, (size_t)(end - p)))
			return;
#endif
		p = write_slowly(out, p, end);
	}
}

void
tsn_json_write_string(struct tsn_buf *out, struct tsn_slice text)
{
	tsn_buf_char(out, '"');
	tsn_json_write_text(out, text);
	tsn_buf_char(out, '"');
}

void
tsn_json_write_f64(struct tsn_buf *out, double v)
{
	char text[32];

	if (isfinite(v))
		tsn_buf_add(out, text, tsn_num_format_f64(v, text));
	else
		tsn_buf_lit(out, "null");
}
