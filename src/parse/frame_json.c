#include "parse/frame_int.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* What a byte outside strings is to the scanner. */
enum {
	K_OTHER,	/* part of a number or a word */
	K_BLANK,
	K_NEWLINE,
	K_QUOTE,
	K_OPEN,
	K_CLOSE,
	K_COMMA,	/* comma and colon */
};

static const unsigned char kind_of[256] = {
	[' '] = K_BLANK, ['\t'] = K_BLANK, ['\r'] = K_BLANK, ['\n'] = K_NEWLINE, ['"'] = K_QUOTE,
	['{'] = K_OPEN, ['['] = K_OPEN, ['}'] = K_CLOSE, [']'] = K_CLOSE,
	[','] = K_COMMA, [':'] = K_COMMA,
};

/* The next byte that matters inside a string: quote, backslash or newline. */
static const char *
string_stop(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), back = _mm_set1_epi8('\\'), nl = _mm_set1_epi8('\n');

	for (; end - p >= 16; p += 16) {
		__m128i b = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i m = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(b, quote), _mm_cmpeq_epi8(b, back)),
		    _mm_cmpeq_epi8(b, nl));
		unsigned bits = (unsigned)_mm_movemask_epi8(m);

		if (bits != 0)
			return p + __builtin_ctz(bits);
	}
#endif
	for (; p < end; p++)
		if (*p == '"' || *p == '\\' || *p == '\n')
			return p;
	return end;
}

/* Can JSON go on with byte c at the start of a line, after the significant byte `before`? */
static bool
line_fits(char before, char c)
{
	bool value_next = before == ',' || before == ':' || before == '[';

	switch (c) {
	case '}':
	case ']':
		return before != ':';
	case ',':
	case ':':
		return !value_next && before != '{';
	case '"':
		return value_next || before == '{';
	case '{':
	case '[':
	case '-':
	case 't':
	case 'f':
	case 'n':
		return value_next;
	default:
		return value_next && c >= '0' && c <= '9';
	}
}

static enum tsn_frame_json_step
scan_string(struct tsn_frame_json *j, struct tsn_frame_view v, const char **p)
{
	const char *end = v.ptr + (v.hi - v.lo), *q = *p;

	while (q < end) {
		if (j->escaped) {
			j->escaped = false;
			if (*q != '\n') {
				q++;
				continue;
			}
		}
		q = string_stop(q, end);
		if (q == end)
			break;
		if (*q == '\n') {
			j->newline_at = v.lo + (size_t)(q - v.ptr);
			*p = q + 1;
			return TSN_FJ_BROKEN;
		}
		if (*q++ == '\\') {
			j->escaped = true;
			continue;
		}
		j->in_string = false;
		j->before = '"';
		break;
	}
	*p = q;
	return TSN_FJ_MORE;
}

/* One byte outside strings. */
static inline enum tsn_frame_json_step
scan_byte(struct tsn_frame_json *j, char c, size_t at)
{
	unsigned kind = kind_of[(unsigned char)c];

	if (kind == K_BLANK)
		return TSN_FJ_MORE;
	if (kind == K_NEWLINE) {
		j->fresh_line = true;
		j->newline_at = at;
		return TSN_FJ_MORE;
	}
	if (j->fresh_line) {
		if (!line_fits(j->before, c))
			return TSN_FJ_BROKEN;
		j->fresh_line = false;
	}
	j->before = kind == K_OTHER ? 'x' : c;
	if (kind == K_QUOTE)
		j->in_string = true;
	else if (kind == K_OPEN && j->depth < UINT32_MAX)
		j->depth++;
	else if (kind == K_CLOSE && --j->depth == 0)
		return TSN_FJ_END;
	return TSN_FJ_MORE;
}

enum tsn_frame_json_step
tsn_frame_json_scan(struct tsn_frame_json *j, struct tsn_frame_view v, size_t *pos)
{
	const char *p = v.ptr + (*pos - v.lo), *end = v.ptr + (v.hi - v.lo);
	enum tsn_frame_json_step s = TSN_FJ_MORE;

	while (p < end && s == TSN_FJ_MORE) {
		if (j->in_string) {
			s = scan_string(j, v, &p);
			continue;
		}
		s = scan_byte(j, *p, v.lo + (size_t)(p - v.ptr));
		p += s != TSN_FJ_BROKEN;	/* the byte that does not fit begins the next record */
	}
	*pos = v.lo + (size_t)(p - v.ptr);
	return s;
}
