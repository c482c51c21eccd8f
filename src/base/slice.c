#include "base/slice.h"

#include "base/assert.h"
#include "base/find.h"

bool
tsn_slice_eq_nocase(struct tsn_slice a, struct tsn_slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (tsn_lower(a.ptr[i]) != tsn_lower(b.ptr[i]))
			return false;
	return true;
}

size_t
tsn_slice_find(struct tsn_slice s, struct tsn_slice needle)
{
	const char *hit;

	if (needle.len == 0)
		return 0;
	if (needle.len > s.len)
		return SIZE_MAX;
	hit = tsn_find(s, needle);
	return hit == NULL ? SIZE_MAX : (size_t)(hit - s.ptr);
}

size_t
tsn_slice_find_char(struct tsn_slice s, char c)
{
	const char *hit = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);

	return hit == NULL ? SIZE_MAX : (size_t)(hit - s.ptr);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct tsn_slice
tsn_slice_trim(struct tsn_slice s)
{
	while (s.len > 0 && is_space(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

static const char *
escape(struct tsn_slice s, bool quoted, char *out, size_t out_cap)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	TSN_ASSERT(out != NULL && out_cap >= 1);
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		bool plain = c >= 0x20 && c < 0x7f && (!quoted || (c != '"' && c != '\\'));
		size_t need = plain ? 1 : 4;

		if (n + need + 4 > out_cap) {
			for (int dots = 0; dots < 3 && n + 1 < out_cap; dots++)
				out[n++] = '.';
			break;
		}
		if (plain) {
			out[n++] = (char)c;
		} else {
			out[n++] = '\\';
			out[n++] = 'x';
			out[n++] = hex[c >> 4];
			out[n++] = hex[c & 15];
		}
	}
	out[n] = '\0';
	return out;
}

const char *
tsn_slice_escape(struct tsn_slice s, char *out, size_t out_cap)
{
	return escape(s, true, out, out_cap);
}

const char *
tsn_slice_escape_line(struct tsn_slice s, char *out, size_t out_cap)
{
	return escape(s, false, out, out_cap);
}
