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
/* Room that easy text needs beyond two bytes for each of its own: a step of 16, and more behind. */
#define EASY_ROOM 128u

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

static inline __m128i
load16(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline void
store16(char *p, __m128i v)
{
	_mm_storeu_si128((__m128i *)(void *)p, v);
}

/* 16 bytes at p, behind which 15 more are readable; returns the end of the output. */
static inline char *
write_step(char *to, const char *p, __m128i v, unsigned escapes)
{
	unsigned done = 0;

	store16(to, v);
	for (; escapes != 0; escapes &= escapes - 1) {
		unsigned at = (unsigned)__builtin_ctz(escapes);

		to += at - done;
		*to++ = '\\';
		store16(to, load16(p + at));
		done = at;
	}
	return to + 16 - done;
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

/* The last 1 to 31 bytes, from a place where more can be read; NULL: they are not easy. */
static inline char *
write_last(char *to, const char *p, size_t n)
{
	char room[48];
	__m128i first = n < 16 ? load_few(p, n) : load16(p), second = _mm_set1_epi8(' ');
	struct stops a = stops_in(first), b = {0, 0};

	if (n < 16) {
		a.escape &= (1u << n) - 1;
		a.other &= (1u << n) - 1;
	}
	if ((a.escape | a.other) == 0 && n <= 16) {
		store16(to, first);
		return to + n;
	}
	store16(room + 16, second);
	store16(room + 32, second);
	store16(room, first);
	if (n > 16 && n < 32) {
		store16(room + n - 16, load16(p + n - 16));
		second = load16(room + 16);
		b = stops_in(second);
	}
	if ((a.other | b.other) != 0)
		return NULL;
	to = write_step(to, room, first, a.escape);
	if (n <= 16)
		return to - (16 - n);
	return write_step(to, room + 16, second, b.escape) - (32 - n);
}

/* Text of ASCII without control bytes, quotes and backslashes escaped; NULL: it is another. */
static inline char *
write_easy(char *to, const char *p, const char *end)
{
	for (; end - p >= 32; p += 16) {
		__m128i v = load16(p);
		struct stops stops = stops_in(v);

		if (TSN_UNLIKELY(stops.other != 0))
			return NULL;
		to = write_step(to, p, v, stops.escape);
	}
	return p == end ? to : write_last(to, p, (size_t)(end - p));
}

/* With `quote` on both sides; false: nothing is written. */
static inline bool
write_whole(struct tsn_buf *out, struct tsn_slice text, bool quotes)
{
	char *to;

	/* len * 2 cannot overflow: the buffer would have to be as large */
	if (out->cap - out->len < EASY_ROOM || (out->cap - out->len - EASY_ROOM) / 2 < text.len)
		return false;
	to = out->ptr + out->len;
	if (quotes)
		*to++ = '"';
	if (text.len > 0)
		to = write_easy(to, text.ptr, text.ptr + text.len);
	if (TSN_UNLIKELY(to == NULL))
		return false;
	if (quotes)
		*to++ = '"';
	out->len = (size_t)(to - out->ptr);
	return true;
}
#else
static inline bool
write_whole(struct tsn_buf *out, struct tsn_slice text, bool quotes)
{
	(void)out, (void)text, (void)quotes;
	return false;
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

static void
write_any(struct tsn_buf *out, struct tsn_slice text)
{
	const char *p = text.ptr == NULL ? "" : text.ptr, *end = p + text.len;

	while (p < end)
		p = write_slowly(out, p, end);
}

void
tsn_json_write_text(struct tsn_buf *out, struct tsn_slice text)
{
	if (!write_whole(out, text, false))
		write_any(out, text);
}

void
tsn_json_write_string(struct tsn_buf *out, struct tsn_slice text)
{
	if (write_whole(out, text, true))
		return;
	tsn_buf_char(out, '"');
	write_any(out, text);
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
