#include "codec/json.h"

#include <math.h>

#include "base/assert.h"
#include "base/num.h"
#include "codec/hex.h"
#include "codec/utf8.h"

/* Decoding copies 16 bytes at a time and may write that much behind the last character. */
#define ROOM_PAD 32u

bool
tsn_json_fail(struct tsn_json_in *in, const char *at, enum tsn_code code, const char *why)
{
	in->at = at;
	in->code = code;
	in->why = why;
	return false;
}

enum tsn_code
tsn_json_error(const struct tsn_json_in *in, struct tsn_err *err)
{
	uint64_t pos = (uint64_t)(in->at - in->start);
	char found[32];

	TSN_ASSERT(in->why != NULL);
	if (in->code != TSN_EPARSE)
		TSN_FAIL_AT(err, in->code, pos, "JSON: %s at byte %llu", in->why,
		    (unsigned long long)pos);
	if (in->at >= in->end)
		TSN_FAIL_AT(err, TSN_EPARSE, pos, "JSON: expected %s at byte %llu, found the end",
		    in->why, (unsigned long long)pos);
	TSN_FAIL_AT(err, TSN_EPARSE, pos, "JSON: expected %s at byte %llu, found '%s'", in->why,
	    (unsigned long long)pos,
	    tsn_slice_escape((struct tsn_slice){in->at, 1}, found, sizeof found));
}

void
tsn_json_blank_rest(struct tsn_json_in *in)
{
	while (in->at < in->end && (*in->at == ' ' || *in->at == '\n' || *in->at == '\r' ||
	    *in->at == '\t'))
		in->at++;
}

void
tsn_json_check_utf8(struct tsn_json_in *in, struct tsn_slice text)
{
	if (!in->not_utf8 && !tsn_utf8_valid(text))
		in->not_utf8 = true;
}

/* The first decoded string takes room for all of the document: decoding never makes it longer. */
static bool
take_room(struct tsn_json_in *in, const char *from)
{
	size_t most = ((size_t)(in->end - from) + ROOM_PAD + 7) & ~(size_t)7;

	if (in->room != NULL)
		return true;
	if (in->arena != NULL)
		in->room = tsn_arena_alloc(in->arena, most);
	if (in->room == NULL)
		return tsn_json_fail(in, from, TSN_ENOMEM, "no memory for strings");
	in->room_end = in->room + most;
	return true;
}

static bool
hex4(const char *p, const char *end, uint32_t *ret_code)
{
	uint32_t code = 0;

	if (end - p < 4)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		int digit = tsn_hex_digit(p[i]);

		if (digit < 0)
			return false;
		code = code << 4 | (unsigned)digit;
	}
	*ret_code = code;
	return true;
}

/* p is behind "\u"; a pair of surrogates is one character. */
static const char *
unescape_unicode(struct tsn_json_in *in, const char *p, char **out)
{
	uint32_t code, low;

	if (!hex4(p, in->end, &code)) {
		(void)tsn_json_fail(in, p, TSN_EPARSE, "four hex digits");
		return NULL;
	}
	p += 4;
	if (code >= 0xd800 && code <= 0xdfff) {
		if (code <= 0xdbff && in->end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
		    hex4(p + 2, in->end, &low) && low >= 0xdc00 && low <= 0xdfff) {
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
			p += 6;
		} else {
			in->not_utf8 = true;
		}
	}
	*out += tsn_utf8_encode(code, *out);
	return p;
}

/* p is at the backslash; returns the byte behind the escape, or NULL. */
static const char *
unescape(struct tsn_json_in *in, const char *p, char **out)
{
	char c;

	if (++p == in->end) {
		(void)tsn_json_fail(in, p, TSN_EPARSE, "an escape");
		return NULL;
	}
	switch (*p) {
	case '"':
	case '\\':
	case '/':
		c = *p;
		break;
	case 'b':
		c = '\b';
		break;
	case 'f':
		c = '\f';
		break;
	case 'n':
		c = '\n';
		break;
	case 'r':
		c = '\r';
		break;
	case 't':
		c = '\t';
		break;
	case 'u':
		return unescape_unicode(in, p + 1, out);
	default:
		(void)tsn_json_fail(in, p, TSN_EPARSE, "one of \"\\/bfnrtu behind a backslash");
		return NULL;
	}
	*(*out)++ = c;
	return p + 1;
}

/* Copies plain bytes from p to *out, stops at a quote, backslash, control byte or the end. */
static const char *
copy_plain(const char *p, const char *end, char **out, bool *high)
{
	char *to = *out;

#ifdef __SSE2__
	while (end - p >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i stop = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
		    _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))),
		    _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v));
		unsigned stops = (unsigned)_mm_movemask_epi8(stop);
		unsigned highs = (unsigned)_mm_movemask_epi8(v), n;

		_mm_storeu_si128((__m128i *)(void *)to, v);
		if (stops == 0) {
			*high |= highs != 0;
			p += 16;
			to += 16;
			continue;
		}
		n = (unsigned)__builtin_ctz(stops);
		*high |= (highs & (stops ^ (stops - 1))) != 0;
		*out = to + n;
		return p + n;
	}
#endif
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20) {
		*high |= (*p & 0x80) != 0;
		*to++ = *p++;
	}
	*out = to;
	return p;
}

static bool
decode_string(struct tsn_json_in *in, const char *p, bool high, struct tsn_slice *ret_text)
{
	char *out, *begin;

	if (!take_room(in, in->at))
		return false;
	begin = in->room;
	memcpy(begin, in->at, (size_t)(p - in->at));
	out = begin + (p - in->at);
	while (p < in->end && *p == '\\') {
		p = unescape(in, p, &out);
		if (p == NULL)
			return false;
		p = copy_plain(p, in->end, &out, &high);
	}
	if (p == in->end || *p != '"')
		return tsn_json_fail(in, p, TSN_EPARSE, p == in->end ? "the end of a string" :
		    "an escape in place of a control byte");
	*ret_text = (struct tsn_slice){begin, (size_t)(out - begin)};
	if (high)
		tsn_json_check_utf8(in, *ret_text);
	in->room = out;
	in->at = p + 1;
	return true;
}

bool
tsn_json_string_rest(struct tsn_json_in *in, const char *p, bool high, struct tsn_slice *ret_text)
{
	while (p < in->end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
		high |= (*p++ & 0x80) != 0;
	if (p < in->end && *p == '\\')
		return decode_string(in, p, high, ret_text);
	if (p == in->end || *p != '"')
		return tsn_json_fail(in, p, TSN_EPARSE, p == in->end ? "the end of a string" :
		    "an escape in place of a control byte");
	*ret_text = (struct tsn_slice){in->at, (size_t)(p - in->at)};
	if (high)
		tsn_json_check_utf8(in, *ret_text);
	in->at = p + 1;
	return true;
}

static const char *
digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* The end of the number at p by the grammar, or NULL with *ret_at where it breaks. */
static const char *
number_end(const char *p, const char *end, bool *ret_whole, const char **ret_at)
{
	const char *from;

	*ret_whole = true;
	if (p < end && *p == '-')
		p++;
	from = p;
	p = digits(p, end);
	*ret_at = from;
	if (p == from || (*from == '0' && p > from + 1))
		return NULL;
	if (p < end && *p == '.') {
		*ret_whole = false;
		from = ++p;
		p = digits(p, end);
		*ret_at = p;
		if (p == from)
			return NULL;
	}
	if (p < end && (*p | 0x20) == 'e') {
		*ret_whole = false;
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		from = p;
		p = digits(p, end);
		*ret_at = p;
		if (p == from)
			return NULL;
	}
	return p;
}

bool
tsn_json_is_number(struct tsn_slice text)
{
	const char *at;
	bool whole;

	return text.len > 0 &&
	    number_end(text.ptr, text.ptr + text.len, &whole, &at) == text.ptr + text.len;
}

/* A grammatical number that tsn_num_parse_f64 refuses is too long for it or beyond a double. */
static double
to_double(struct tsn_slice text)
{
	char cut[300];
	double v;

	if (tsn_num_parse_f64(text, &v) == TSN_OK)
		return v;
	if (text.len < sizeof cut || memchr(text.ptr, '.', text.len) == NULL)
		return text.ptr[0] == '-' ? -HUGE_VAL : HUGE_VAL;
	memcpy(cut, text.ptr, sizeof cut);
	if (tsn_num_parse_f64((struct tsn_slice){cut, sizeof cut}, &v) == TSN_OK)
		return v;
	return text.ptr[0] == '-' ? -HUGE_VAL : HUGE_VAL;
}

bool
tsn_json_number_rest(struct tsn_json_in *in, const char *p, struct tsn_json_number *ret)
{
	const char *at, *end;
	bool whole;

	end = number_end(p, in->end, &whole, &at);
	if (end == NULL)
		return tsn_json_fail(in, at, TSN_EPARSE, at == p ? "a value" : "a digit");
	ret->text = (struct tsn_slice){p, (size_t)(end - p)};
	in->at = end;
	ret->kind = TSN_JSON_INT;
	if (whole && tsn_num_parse_i64(ret->text, &ret->as.i) == TSN_OK)
		return true;
	ret->kind = TSN_JSON_UINT;
	if (whole && tsn_num_parse_u64(ret->text, &ret->as.u) == TSN_OK)
		return true;
	ret->kind = TSN_JSON_FLOAT;
	ret->as.d = to_double(ret->text);
	return true;
}

bool
tsn_json_literal(struct tsn_json_in *in, char *ret_word)
{
	static const struct tsn_slice words[] = {{"true", 4}, {"false", 5}, {"null", 4}};
	struct tsn_slice left = {in->at, (size_t)(in->end - in->at)};

	for (unsigned i = 0; i < TSN_COUNT(words); i++) {
		if (!tsn_slice_starts(left, words[i]))
			continue;
		*ret_word = words[i].ptr[0];
		in->at += words[i].len;
		return true;
	}
	return tsn_json_fail(in, in->at, TSN_EPARSE, "a value");
}
