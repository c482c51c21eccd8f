/*
 * base/slice: a run of bytes that somebody else owns.  Passed by value, not NUL-terminated.
 */
#ifndef TSN_BASE_SLICE_H
#define TSN_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct tsn_slice {
	const char *ptr;
	size_t len;
};

/** A slice of a string literal (or of a char array: its last byte is left out). */
#define TSN_SLICE(literal) ((struct tsn_slice){(literal), sizeof(literal) - 1})
#define TSN_SLICE_NONE ((struct tsn_slice){NULL, 0})
/** For printf's "%.*s". */
#define TSN_SLICE_ARG(s) (int)(s).len, (s).ptr

static inline struct tsn_slice
tsn_slice_of(const char *ptr, size_t len)
{
	return (struct tsn_slice){ptr, len};
}

static inline struct tsn_slice
tsn_slice_cstr(const char *text)
{
	return (struct tsn_slice){text, text == NULL ? 0 : strlen(text)};
}

static inline bool
tsn_slice_eq(struct tsn_slice a, struct tsn_slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool
tsn_slice_starts(struct tsn_slice s, struct tsn_slice prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool
tsn_slice_ends(struct tsn_slice s, struct tsn_slice suffix)
{
	return s.len >= suffix.len &&
	    (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

static inline char
tsn_lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/** True when no byte is above 0x7f. */
static inline bool
tsn_slice_is_ascii(struct tsn_slice s)
{
	uint64_t all = 0, part;
	size_t i = 0;

	for (; i + 8 <= s.len; i += 8) {
		memcpy(&part, s.ptr + i, 8);
		all |= part;
	}
	if (i < s.len && s.len >= 8) {
		memcpy(&part, s.ptr + s.len - 8, 8);
		all |= part;
		i = s.len;
	}
	for (; i < s.len; i++)
		all |= (unsigned char)s.ptr[i];
	return (all & 0x8080808080808080ull) == 0;
}

/** The part of s from byte `at` (all of it gone when at >= s.len). */
static inline struct tsn_slice
tsn_slice_from(struct tsn_slice s, size_t at)
{
	return at >= s.len ? (struct tsn_slice){s.ptr + s.len, 0} :
			     (struct tsn_slice){s.ptr + at, s.len - at};
}

/** Equal when ASCII letters are compared without case. */
bool tsn_slice_eq_nocase(struct tsn_slice a, struct tsn_slice b);
/** Where `needle` first stands in s, or SIZE_MAX. */
size_t tsn_slice_find(struct tsn_slice s, struct tsn_slice needle);
/** Where byte c first stands in s, or SIZE_MAX. */
size_t tsn_slice_find_char(struct tsn_slice s, char c);
/** Without blanks, tabs, CR and LF at both ends. */
struct tsn_slice tsn_slice_trim(struct tsn_slice s);
/**
 * Writes s into out (out_cap >= 1) with control bytes, quotes and non-ASCII as \xNN, cut with
 * "..." where it does not fit, NUL-terminated; returns out.  For messages that people read.
 */
const char *tsn_slice_escape(struct tsn_slice s, char *out, size_t out_cap);
/** The same for a sentence that stands by itself: '"' and '\\' stay. */
const char *tsn_slice_escape_line(struct tsn_slice s, char *out, size_t out_cap);

#endif
