/* The token stream, and the end of a value in a stream. */
#include "base/assert.h"
#include "codec/json.h"

void
tsn_json_reader_init(struct tsn_json_reader *r, struct tsn_slice text, struct tsn_arena *arena)
{
	*r = (struct tsn_json_reader){.first = true};
	tsn_json_begin(&r->in, text, arena);
}

static bool
in_object(const struct tsn_json_reader *r)
{
	uint32_t level = r->depth - 1;

	return r->depth > 0 && (r->objects[level / 64] >> (level % 64) & 1) != 0;
}

static enum tsn_code
enter(struct tsn_json_reader *r, bool object, struct tsn_err *err)
{
	uint64_t bit = UINT64_C(1) << (r->depth % 64);

	if (r->depth == TSN_NESTING_MAX) {
		(void)tsn_json_fail(&r->in, r->in.at, TSN_ELIMIT, "nested too deep");
		return tsn_json_error(&r->in, err);
	}
	if (object)
		r->objects[r->depth / 64] |= bit;
	else
		r->objects[r->depth / 64] &= ~bit;
	r->depth++;
	r->first = true;
	r->in.at++;
	return TSN_OK;
}

static enum tsn_code
fail(struct tsn_json_reader *r, const char *why, struct tsn_err *err)
{
	(void)tsn_json_fail(&r->in, r->in.at, TSN_EPARSE, why);
	return tsn_json_error(&r->in, err);
}

static enum tsn_code
read_value(struct tsn_json_reader *r, enum tsn_json_token *ret_token, struct tsn_err *err)
{
	struct tsn_json_in *in = &r->in;
	char word;

	if (in->at == in->end)
		return fail(r, "a value", err);
	r->after_key = false;
	switch (*in->at) {
	case '{':
	case '[':
		*ret_token = *in->at == '{' ? TSN_JSON_OBJECT : TSN_JSON_ARRAY;
		return enter(r, *in->at == '{', err);
	case '"':
		in->at++;
		*ret_token = TSN_JSON_STRING;
		return tsn_json_string(in, &r->text) ? TSN_OK : tsn_json_error(in, err);
	case 't':
	case 'f':
	case 'n':
		if (!tsn_json_literal(in, &word))
			return tsn_json_error(in, err);
		*ret_token = word == 'n' ? TSN_JSON_NULL : TSN_JSON_BOOL;
		r->boolean = word == 't';
		return TSN_OK;
	default:
		*ret_token = TSN_JSON_NUMBER;
		if (!tsn_json_number(in, &r->number))
			return tsn_json_error(in, err);
		r->text = r->number.text;
		return TSN_OK;
	}
}

static enum tsn_code
read_key(struct tsn_json_reader *r, struct tsn_err *err)
{
	struct tsn_json_in *in = &r->in;

	if (in->at == in->end || *in->at != '"')
		return fail(r, "a name in quotes", err);
	in->at++;
	if (!tsn_json_string(in, &r->text))
		return tsn_json_error(in, err);
	tsn_json_blank(in);
	if (in->at == in->end || *in->at != ':')
		return fail(r, "':'", err);
	in->at++;
	r->after_key = true;
	return TSN_OK;
}

static enum tsn_code
read_member(struct tsn_json_reader *r, enum tsn_json_token *ret_token, struct tsn_err *err)
{
	struct tsn_json_in *in = &r->in;
	bool object = in_object(r);
	char close = object ? '}' : ']';

	if (in->at < in->end && *in->at == close) {
		in->at++;
		r->depth--;
		r->first = false;
		*ret_token = object ? TSN_JSON_OBJECT_END : TSN_JSON_ARRAY_END;
		return TSN_OK;
	}
	if (!r->first) {
		if (in->at == in->end || *in->at != ',')
			return fail(r, object ? "',' or '}'" : "',' or ']'", err);
		in->at++;
		tsn_json_blank(in);
	}
	r->first = false;
	if (!object)
		return read_value(r, ret_token, err);
	*ret_token = TSN_JSON_KEY;
	return read_key(r, err);
}

enum tsn_code
tsn_json_next(struct tsn_json_reader *r, enum tsn_json_token *ret_token, struct tsn_err *err)
{
	tsn_json_blank(&r->in);
	if (r->after_key)
		return read_value(r, ret_token, err);
	if (r->depth > 0)
		return read_member(r, ret_token, err);
	if (!r->begun) {
		r->begun = true;
		return read_value(r, ret_token, err);
	}
	if (r->in.at != r->in.end)
		return fail(r, "the end of the text", err);
	*ret_token = TSN_JSON_END;
	return TSN_OK;
}

enum tsn_code
tsn_json_pass(struct tsn_json_reader *r, enum tsn_json_token token, struct tsn_err *err)
{
	uint32_t depth = r->depth;

	if (token == TSN_JSON_OBJECT || token == TSN_JSON_ARRAY) {
		TSN_ASSERT(depth > 0);
		depth--;
	} else {
		TSN_ASSERT(token == TSN_JSON_KEY);
	}
	do {
		TSN_TRY(tsn_json_next(r, &token, err));
	} while (r->depth > depth);
	return TSN_OK;
}

enum tsn_code
tsn_json_check(struct tsn_slice text, struct tsn_err *err)
{
	struct tsn_arena arena TSN_CLEANUP(tsn_arena_done) = {0};
	struct tsn_json_reader r;
	enum tsn_json_token token;

	tsn_arena_init(&arena, text.len + 4096);
	tsn_json_reader_init(&r, text, &arena);
	do {
		TSN_TRY(tsn_json_next(&r, &token, err));
	} while (token != TSN_JSON_END);
	return TSN_OK;
}

static bool
bare(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' ||
	    c == '.' || c == 'E' || (c >= 'A' && c <= 'Z');
}

/* Passes over the inside of a string; false at the end of the text. */
static bool
skip_string(struct tsn_json_skip *state, struct tsn_slice text)
{
	const char *p = text.ptr + state->seen, *end = text.ptr + text.len;

	if (state->escaped && p < end) {
		state->escaped = false;
		p++;
	}
	while (p < end && *p != '"') {
#ifdef __SSE2__
		if (end - p >= 16) {
			__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
			unsigned stops = (unsigned)_mm_movemask_epi8(
			    _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
			    _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));

			p += stops == 0 ? 16 : __builtin_ctz(stops);
			if (stops == 0 || *p == '"')
				continue;
		}
#endif
		if (*p == '\\') {
			state->escaped = end - p == 1;
			p += state->escaped ? 1 : 2;
		} else {
			p++;
		}
	}
	state->seen = (size_t)(p - text.ptr);
	if (p >= end)
		return false;
	state->seen++;
	state->in_string = false;
	return true;
}

static enum tsn_code
skip_start(struct tsn_json_skip *state, struct tsn_slice text)
{
	char c;

	while (state->seen < text.len && (text.ptr[state->seen] == ' ' ||
	    text.ptr[state->seen] == '\n' || text.ptr[state->seen] == '\r' ||
	    text.ptr[state->seen] == '\t'))
		state->seen++;
	if (state->seen == text.len)
		return TSN_EAGAIN;
	c = text.ptr[state->seen];
	if (c == '{' || c == '[') {
		state->kind = '{';
	} else if (c == '"') {
		state->kind = '"';
		state->in_string = true;
		state->seen++;
	} else if (bare(c)) {
		state->kind = '0';
	} else {
		return TSN_EPARSE;
	}
	return TSN_OK;
}

enum tsn_code
tsn_json_skip(struct tsn_json_skip *state, struct tsn_slice text, size_t *ret_len)
{
	TSN_ASSERT(state->seen <= text.len);
	if (state->kind == 0)
		TSN_TRY(skip_start(state, text));
	if (state->in_string && !skip_string(state, text))
		return TSN_EAGAIN;
	while (state->kind == '0' && state->seen < text.len && bare(text.ptr[state->seen]))
		state->seen++;
	if (state->kind == '0' && state->seen == text.len)
		return TSN_EAGAIN;
	while (state->kind == '{') {
		char c;

		if (state->seen == text.len)
			return TSN_EAGAIN;
		c = text.ptr[state->seen++];
		if (c == '"') {
			state->in_string = true;
			if (!skip_string(state, text))
				return TSN_EAGAIN;
		} else if (c == '{' || c == '[') {
			state->depth++;
		} else if ((c == '}' || c == ']') && --state->depth == 0) {
			break;
		}
	}
	*ret_len = state->seen;
	return TSN_OK;
}
