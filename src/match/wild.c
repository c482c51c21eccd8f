#include "match/wild.h"

#include "base/find.h"
#include "match/fold.h"
#include "match/pred.h"

bool
tsn_wild_has(struct tsn_slice pattern)
{
	for (size_t i = 0; i < pattern.len; i++)
		if (pattern.ptr[i] == TSN_WILD_MANY || pattern.ptr[i] == TSN_WILD_ONE)
			return true;
	return false;
}

/* Matches seg (no '*') at text[at]; returns the end, or SIZE_MAX. */
static size_t
match_at(struct tsn_slice seg, struct tsn_slice text, size_t at)
{
	for (size_t i = 0; i < seg.len; i++) {
		uint32_t rune;

		if (at >= text.len)
			return SIZE_MAX;
		if (seg.ptr[i] == TSN_WILD_ONE)
			at += tsn_fold_decode(text.ptr + at, text.ptr + text.len, &rune);
		else if (seg.ptr[i] == text.ptr[at])
			at++;
		else
			return SIZE_MAX;
	}
	return at;
}

/* The character that ends before `at` begins where? */
static size_t
char_back(struct tsn_slice text, size_t at)
{
	for (size_t n = 2; n <= 4 && n <= at; n++) {
		uint32_t rune;
		const char *p = text.ptr + at - n;

		if (((unsigned char)*p & 0xc0) == 0x80)
			continue;
		if (tsn_fold_decode(p, text.ptr + at, &rune) == n)
			return at - n;
		break;
	}
	return at - 1;
}

/* Matches seg (no '*') so that it ends where text ends and takes no bytes before `from`. */
static bool
match_end(struct tsn_slice seg, struct tsn_slice text, size_t from)
{
	size_t at = text.len;

	for (size_t i = seg.len; i > 0; i--) {
		if (at <= from)
			return false;
		if (seg.ptr[i - 1] == TSN_WILD_ONE)
			at = char_back(text, at);
		else if (seg.ptr[i - 1] != text.ptr[--at])
			return false;
	}
	return at >= from;
}

/* Where the leftmost match of seg (no '*') at or after `from` ends, or SIZE_MAX. */
static size_t
find_seg(struct tsn_slice seg, struct tsn_slice text, size_t from)
{
	const char *one = memchr(seg.ptr, TSN_WILD_ONE, seg.len);
	size_t fixed = one == NULL ? seg.len : (size_t)(one - seg.ptr);

	while (from <= text.len) {
		size_t end;
		uint32_t rune;

		if (fixed > 0) {
			const char *hit = tsn_find(tsn_slice_from(text, from),
			    (struct tsn_slice){seg.ptr, fixed});

			if (hit == NULL)
				return SIZE_MAX;
			from = (size_t)(hit - text.ptr);
		}
		end = match_at(seg, text, from);
		if (end != SIZE_MAX)
			return end;
		if (from == text.len)
			return SIZE_MAX;
		from += fixed > 0 ? 1 : tsn_fold_decode(text.ptr + from, text.ptr + text.len, &rune);
	}
	return SIZE_MAX;
}

static struct tsn_slice
next_seg(struct tsn_slice *rest, bool *ret_star)
{
	const char *star = rest->len == 0 ? NULL : memchr(rest->ptr, TSN_WILD_MANY, rest->len);
	struct tsn_slice seg = *rest;

	*ret_star = star != NULL;
	if (star != NULL)
		seg.len = (size_t)(star - rest->ptr);
	*rest = tsn_slice_from(*rest, seg.len + (star != NULL));
	return seg;
}

bool
tsn_wild_match(struct tsn_slice pattern, struct tsn_slice text)
{
	struct tsn_slice rest = pattern, seg;
	bool star;
	size_t at;

	seg = next_seg(&rest, &star);
	at = match_at(seg, text, 0);
	if (at == SIZE_MAX || !star)
		return at == text.len;
	for (;;) {
		seg = next_seg(&rest, &star);
		if (!star)
			return match_end(seg, text, at);
		if (seg.len > 0)
			at = find_seg(seg, text, at);
		if (at == SIZE_MAX)
			return false;
	}
}

bool
tsn_wild_find(struct tsn_slice pattern, struct tsn_slice text)
{
	struct tsn_slice rest = pattern;
	size_t at = 0;
	bool star;

	do {
		struct tsn_slice seg = next_seg(&rest, &star);

		if (seg.len > 0)
			at = find_seg(seg, text, at);
		if (at == SIZE_MAX)
			return false;
	} while (star);
	return true;
}

struct tsn_slice
tsn_wild_literal(struct tsn_slice pattern)
{
	struct tsn_slice best = {pattern.ptr, 0};

	for (size_t i = 0, start = 0; i <= pattern.len; i++) {
		if (i < pattern.len && pattern.ptr[i] != TSN_WILD_MANY && pattern.ptr[i] != TSN_WILD_ONE)
			continue;
		if (i - start > best.len)
			best = (struct tsn_slice){pattern.ptr + start, i - start};
		start = i + 1;
	}
	return best;
}
