#include <math.h>

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
	const char *found = memchr(from, c, sizeof from - 1);

	if (found != NULL) {
		tsn_buf_add(out, (char[]){'\\', to[found - from]}, 2);
		return;
	}
	tsn_buf_add(out, (char[]){'\\', 'u', '0', '0', hex[(c >> 4) & 15], hex[c & 15]}, 6);
}

void
tsn_json_write_text(struct tsn_buf *out, struct tsn_slice text)
{
	const char *p = text.ptr == NULL ? "" : text.ptr, *end = p + text.len;

	while (p < end) {
		size_t n = plain(p, end);
		uint32_t code;

		tsn_buf_add(out, p, n);
		p += n;
		if (p == end)
			break;
		if ((*p & 0x80) == 0) {
			write_escape(out, *p++);
			continue;
		}
		n = tsn_utf8_decode(p, end, &code);
		if (n == 0)
			tsn_buf_lit(out, "\xef\xbf\xbd");
		else
			tsn_buf_add(out, p, n);
		p += n == 0 ? 1 : n;
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
