#include "match/skim.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "match/wild.h"

void
tsn_skim_init(struct tsn_skim *s, const struct tsn_atom *atom)
{
	struct tsn_slice v = atom->value;

	s->len = 0;
	if ((atom->op != TSN_ATOM_CONTAINS && atom->op != TSN_ATOM_WORD) || v.len < 2 ||
	    v.len > TSN_SKIM_MAX || !tsn_slice_is_ascii(v))
		return;
	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i], low = tsn_lower(c);
		bool both = low >= 'a' && low <= 'z' && !(atom->flags & TSN_ATOM_CASED);

		if (atom->op == TSN_ATOM_WORD && (c == TSN_WILD_MANY || c == TSN_WILD_ONE))
			return;
		s->bytes[i] = (unsigned char)(both ? low : c);
		s->fold[i] = both ? 0x20 : 0;
	}
	s->len = (uint32_t)v.len;
}

static inline bool
stands_at(const struct tsn_skim *s, const unsigned char *p)
{
	for (uint32_t i = 0; i < s->len; i++)
		if ((p[i] | s->fold[i]) != s->bytes[i])
			return false;
	return true;
}

#ifdef __SSE2__
static inline __m128i
folded(const unsigned char *p, __m128i fold)
{
	return _mm_or_si128(_mm_loadu_si128((const __m128i *)(const void *)p), fold);
}

/* Whole steps of sixteen places; *ret_next: the first place that was not looked at. */
static bool
has_in_steps(const struct tsn_skim *s, const unsigned char *p, size_t n, size_t *ret_next)
{
	uint32_t end = s->len - 1;
	__m128i first = _mm_set1_epi8((char)s->bytes[0]), last = _mm_set1_epi8((char)s->bytes[end]);
	__m128i fold_first = _mm_set1_epi8((char)s->fold[0]);
	__m128i fold_last = _mm_set1_epi8((char)s->fold[end]);
	size_t i = 0;

	for (; i + end + 16 <= n; i += 16) {
		__m128i a = _mm_cmpeq_epi8(folded(p + i, fold_first), first);
		__m128i b = _mm_cmpeq_epi8(folded(p + i + end, fold_last), last);
		unsigned bits = (unsigned)_mm_movemask_epi8(_mm_and_si128(a, b));

		for (; bits != 0; bits &= bits - 1)
			if (stands_at(s, p + i + __builtin_ctz(bits)))
				return true;
	}
	*ret_next = i;
	return false;
}
#endif

bool
tsn_skim_has(const struct tsn_skim *s, struct tsn_slice text)
{
	const unsigned char *p = (const unsigned char *)text.ptr;
	size_t i = 0;

#ifdef __SSE2__
	if (has_in_steps(s, p, text.len, &i))
		return true;
#endif
	for (; i + s->len <= text.len; i++)
		if (stands_at(s, p + i))
			return true;
	return false;
}
