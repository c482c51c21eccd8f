#include "match/word.h"

#include "base/find.h"
#include "match/pred.h"

bool
tsn_word_next(struct tsn_slice text, size_t *at, struct tsn_slice *ret_word)
{
	size_t i = *at, start;

	while (i < text.len && !tsn_word_char(text.ptr[i]))
		i++;
	start = i;
	while (i < text.len && tsn_word_char(text.ptr[i]))
		i++;
	*at = i;
	*ret_word = (struct tsn_slice){text.ptr + start, i - start};
	return i > start;
}

static bool
cut(struct tsn_slice text, size_t start, size_t end, bool head, bool tail)
{
	return (head && start > 0 && tsn_word_char(text.ptr[start - 1])) ||
	    (tail && end < text.len && tsn_word_char(text.ptr[end]));
}

/* One '?' is one character: a lead byte and the continuation bytes behind it. */
static size_t
one_char(struct tsn_slice text, size_t at)
{
	at++;
	while (at < text.len && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
		at++;
	return at;
}

/*
 * '*' takes word characters only, so giving back stops at the word's start: the newest '*' alone is
 * enough to return to.  Returns where the match ends, or SIZE_MAX.
 */
static size_t
match_wild(struct tsn_slice text, size_t at, struct tsn_slice pat)
{
	size_t p = 0, star = SIZE_MAX, star_at = 0;
	bool tail = tsn_word_char(pat.ptr[pat.len - 1]);

	for (;;) {
		if (p == pat.len && !(tail && at < text.len && tsn_word_char(text.ptr[at])))
			return at;
		if (p < pat.len && pat.ptr[p] == TSN_WILD_MANY) {
			star = ++p;
			star_at = at;
			continue;
		}
		if (p < pat.len && at < text.len && pat.ptr[p] == TSN_WILD_ONE &&
		    tsn_word_char(text.ptr[at])) {
			at = one_char(text, at);
			p++;
			continue;
		}
		if (p < pat.len && at < text.len && pat.ptr[p] == text.ptr[at]) {
			at++;
			p++;
			continue;
		}
		if (star == SIZE_MAX || star_at == text.len || !tsn_word_char(text.ptr[star_at]))
			return SIZE_MAX;
		at = ++star_at;
		p = star;
	}
}

bool
tsn_word_find(struct tsn_slice text, struct tsn_slice pattern, bool has_wild)
{
	bool head, tail;

	if (pattern.len == 0)
		return true;
	head = tsn_word_char(pattern.ptr[0]);
	tail = tsn_word_char(pattern.ptr[pattern.len - 1]);
	if (!has_wild) {
		for (size_t at = 0; at < text.len; at++) {
			const char *hit = tsn_find(tsn_slice_from(text, at), pattern);

			if (hit == NULL)
				return false;
			at = (size_t)(hit - text.ptr);
			if (!cut(text, at, at + pattern.len, head, tail))
				return true;
		}
		return false;
	}
	for (size_t at = 0; at <= text.len; at++)
		if (!cut(text, at, text.len, head, false) && match_wild(text, at, pattern) != SIZE_MAX)
			return true;
	return false;
}
