#include "parse/frame_int.h"

#include <string.h>

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

#ifdef __SSE2__
#define BLOCK 64

/* One bit for each of 64 bytes. */
struct masks {
	uint64_t quote, back, newline, open, close;
};

static inline uint64_t
bits_of(__m128i v, unsigned at)
{
	return (uint64_t)(unsigned)_mm_movemask_epi8(v) << at;
}

static inline struct masks
look(const char *p)
{
	struct masks m = {0};

	for (unsigned i = 0; i < BLOCK; i += 16) {
		__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		__m128i folded = _mm_or_si128(b, _mm_set1_epi8(0x20));	/* [ and { alike */

		m.quote |= bits_of(_mm_cmpeq_epi8(b, _mm_set1_epi8('"')), i);
		m.back |= bits_of(_mm_cmpeq_epi8(b, _mm_set1_epi8('\\')), i);
		m.newline |= bits_of(_mm_cmpeq_epi8(b, _mm_set1_epi8('\n')), i);
		m.open |= bits_of(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{')), i);
		m.close |= bits_of(_mm_cmpeq_epi8(folded, _mm_set1_epi8('}')), i);
	}
	return m;
}

/* Bytes behind an odd run of backslashes; *carry: the run goes on from block to block. */
static inline uint64_t
escaped_of(uint64_t back, bool *carry)
{
	const uint64_t even = UINT64_C(0x5555555555555555);
	uint64_t follows, starts, sum;

	back &= ~(uint64_t)*carry;
	follows = back << 1 | *carry;
	starts = back & ~even & ~follows;
	*carry = __builtin_add_overflow(starts, back, &sum);
	return (even ^ sum << 1) & follows;
}

/* Each bit becomes the exclusive or of itself and all below it. */
static inline uint64_t
prefix_xor(uint64_t x)
{
	for (unsigned shift = 1; shift < 64; shift *= 2)
		x ^= x << shift;
	return x;
}

/* Follows the brackets of a block; the place behind the one that ends the value, or BLOCK. */
static inline unsigned
follow(struct tsn_frame_json *j, uint64_t open, uint64_t close)
{
	uint32_t closes;

	if ((open | close) == 0)
		return BLOCK;
	closes = (uint32_t)__builtin_popcountll(close);
	if (j->depth > closes && j->depth < UINT32_MAX - BLOCK) {
		j->depth += (uint32_t)__builtin_popcountll(open) - closes;
		return BLOCK;
	}
	for (uint64_t both = open | close; both != 0; both &= both - 1) {
		if (!(close & both & -both))
			j->depth += j->depth < UINT32_MAX;
		else if (--j->depth == 0)
			return (unsigned)__builtin_ctzll(both) + 1;
	}
	return BLOCK;
}

/*
 * Whole blocks without a newline, as long as there are some; the rest is for scan_byte and
 * scan_string, which see the same in the same bytes.
 */
static enum tsn_frame_json_step
scan_blocks(struct tsn_frame_json *j, const char **p, const char *end)
{
	for (; end - *p >= BLOCK; *p += BLOCK) {
		struct masks m = look(*p);
		bool carry = j->escaped;
		uint64_t escaped = escaped_of(m.back, &carry), inside;
		unsigned n;

		inside = prefix_xor(m.quote & ~escaped) ^ (j->in_string ? UINT64_MAX : 0);
		if (m.newline != 0 || (m.back & ~inside) != 0 || j->fresh_line)
			return TSN_FJ_MORE;
		n = follow(j, m.open & ~inside, m.close & ~inside);
		if (n < BLOCK || j->depth == 0) {
			j->in_string = j->escaped = false;
			*p += n;
			return TSN_FJ_END;
		}
		j->in_string = inside >> 63;
		j->escaped = carry;
		for (const char *q = *p + BLOCK; !j->in_string && q > *p; q--) {
			unsigned kind = kind_of[(unsigned char)q[-1]];

			if (kind == K_BLANK)
				continue;
			j->before = kind == K_OTHER ? 'x' : q[-1];
			break;
		}
	}
	return TSN_FJ_MORE;
}

/*
 * Most documents are one line, many without further brackets.  The first brace of the line opens
 * and the only other one, at its end, closes: what is between need not be understood.  (Were that
 * brace inside a string the line would be broken, and as much of a record.)  NULL: look closer.
 */
static const char *
line_end(const char *p, const char *end)
{
	const __m128i nl = _mm_set1_epi8('\n'), close = _mm_set1_epi8('}');
	const __m128i open = _mm_set1_epi8('{'), fold = _mm_set1_epi8(0x20);
	const char *hit;

	for (p++; end - p >= 16; p += 16) {
		__m128i b = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i folded = _mm_or_si128(b, fold);		/* [ and { alike */
		unsigned bits = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(b, nl),
		    _mm_or_si128(_mm_cmpeq_epi8(folded, open), _mm_cmpeq_epi8(folded, close))));

		if (bits == 0)
			continue;
		hit = p + __builtin_ctz(bits);
		if (*hit != '}' || end - hit < 2)
			return NULL;
		return hit[1] == '\n' || (hit[1] == '\r' && end - hit > 2 && hit[2] == '\n') ?
		    hit + 1 : NULL;
	}
	return NULL;
}
#else
#define BLOCK SIZE_MAX

static const char *
line_end(const char *p, const char *end)
{
	(void)p, (void)end;
	return NULL;
}

static enum tsn_frame_json_step
scan_blocks(struct tsn_frame_json *j, const char **p, const char *end)
{
	(void)j, (void)p, (void)end;
	return TSN_FJ_MORE;
}
#endif

enum tsn_frame_json_step
tsn_frame_json_scan(struct tsn_frame_json *j, struct tsn_frame_view v, size_t *pos)
{
	const char *p = v.ptr + (*pos - v.lo), *end = v.ptr + (v.hi - v.lo), *stop;
	enum tsn_frame_json_step s = TSN_FJ_MORE;

	if (j->depth == 0 && p < end && *p == '{' && (stop = line_end(p, end)) != NULL) {
		j->before = '}';
		*pos = v.lo + (size_t)(stop - v.ptr);
		return TSN_FJ_END;
	}
	while (p < end && s == TSN_FJ_MORE) {
		s = scan_blocks(j, &p, end);
		stop = (size_t)(end - p) > BLOCK ? p + BLOCK : end;
		while (p < stop && s == TSN_FJ_MORE) {
			if (j->in_string) {
				s = scan_string(j, v, &p);
				continue;
			}
			s = scan_byte(j, *p, v.lo + (size_t)(p - v.ptr));
			/* the byte that does not fit begins the next record */
			p += s != TSN_FJ_BROKEN;
		}
	}
	*pos = v.lo + (size_t)(p - v.ptr);
	return s;
}

size_t
tsn_frame_json_pass(struct tsn_slice w, size_t i, char c)
{
	size_t at = i;

	while (at < w.len && (w.ptr[at] == ' ' || w.ptr[at] == '\t' || w.ptr[at] == '\r' ||
	    w.ptr[at] == '\n'))
		at++;
	return at < w.len && w.ptr[at] == c ? at + 1 : i;
}

size_t
tsn_frame_json_list(struct tsn_slice w, size_t i, bool end, bool *ret_more)
{
	static const char *const names[] = {"\"Records\"", "\"records\""};
	const size_t len = 9;
	size_t at = i, next;
	const char *want = "{N:[";

	*ret_more = false;
	for (; *want != '\0'; want++) {
		if (*want != 'N') {
			next = tsn_frame_json_pass(w, at, *want);
			if (next == at)
				break;
			at = next;
			continue;
		}
		next = tsn_frame_json_pass(w, at, '"');
		if (next == at)
			break;
		at = next - 1;
		if (w.len - at < len) {
			if (!end && (memcmp(w.ptr + at, names[0], w.len - at) == 0 ||
			    memcmp(w.ptr + at, names[1], w.len - at) == 0))
				*ret_more = true;
			return 0;
		}
		if (memcmp(w.ptr + at, names[0], len) != 0 &&
		    memcmp(w.ptr + at, names[1], len) != 0)
			return 0;
		at += len;
	}
	if (*want == '\0' && tsn_frame_json_pass(w, at, '{') != at)
		return tsn_frame_json_pass(w, at, '{') - 1;
	/* only blanks are left: what comes decides */
	while (at < w.len && (w.ptr[at] == ' ' || w.ptr[at] == '\t' || w.ptr[at] == '\r' ||
	    w.ptr[at] == '\n'))
		at++;
	*ret_more = at == w.len && !end;
	return 0;
}

enum tsn_frame_answer
tsn_frame_peek(struct tsn_slice w, size_t i, bool end, bool *ret_newline, char *ret_c)
{
	size_t stop = i + TSN_FRAME_BLANKS_MAX;

	*ret_newline = false;
	*ret_c = 0;
	for (; i < w.len && i < stop; i++) {
		char c = w.ptr[i];

		if (c == '\n')
			*ret_newline = true;
		else if (c != ' ' && c != '\t' && c != '\r') {
			*ret_c = c;
			return TSN_FRAME_YES;
		}
	}
	return i < stop && !end ? TSN_FRAME_NEED : TSN_FRAME_YES;
}
