/*
 * Sixteen places at a time: where both the first and the last byte of the needle stand, the rest is
 * compared.  Values of events are short, so what counts is the cost of beginning.
 */
#include "base/find.h"

#include "base/compiler.h"

#ifdef __SSE2__
#include <emmintrin.h>

/* Places p .. p + 15 may be beginnings; all bytes up to p + 15 + n - 1 are readable. */
static inline unsigned
candidates(const char *p, size_t n, __m128i first, __m128i last)
{
	__m128i a = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(p + n - 1));

	return (unsigned)_mm_movemask_epi8(
	    _mm_and_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, last)));
}

static const char *
find_long(const char *p, const char *stop, const char *needle, size_t n)
{
	__m128i first = _mm_set1_epi8(needle[0]), last = _mm_set1_epi8(needle[n - 1]);

	/* stop: the last possible beginning; at least 15 bytes behind p. */
	for (;;) {
		unsigned bits = candidates(p, n, first, last);

		for (; bits != 0; bits &= bits - 1) {
			const char *at = p + __builtin_ctz(bits);

			if (n <= 2 || memcmp(at + 1, needle + 1, n - 2) == 0)
				return at;
		}
		if (p + 15 >= stop)
			return NULL;
		p = p + 31 <= stop ? p + 16 : stop - 15;
	}
}
#endif

static const char *
find_short(const char *p, const char *stop, const char *needle, size_t n)
{
	for (; p <= stop; p++)
		if (*p == *needle && memcmp(p, needle, n) == 0)
			return p;
	return NULL;
}

const char *
tsn_find(struct tsn_slice text, struct tsn_slice needle)
{
	const char *stop;

	if (needle.len == 0)
		return text.ptr == NULL ? "" : text.ptr;
	if (needle.len > text.len)
		return NULL;
	if (needle.len == 1)
		return memchr(text.ptr, needle.ptr[0], text.len);
	stop = text.ptr + (text.len - needle.len);
#ifdef __SSE2__
	/* The pairwise scan is quadratic on texts made for it; libc's search is not. */
	if (TSN_LIKELY(text.len - needle.len >= 15 && (needle.len <= 64 || text.len <= 4096)))
		return find_long(text.ptr, stop, needle.ptr, needle.len);
#endif
	if (text.len - needle.len < 15)
		return find_short(text.ptr, stop, needle.ptr, needle.len);
	return memmem(text.ptr, text.len, needle.ptr, needle.len);
}
