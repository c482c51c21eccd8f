/*
 * Property: any pattern compiles or is refused, any text is answered, captures lie within the text,
 * and the answer is the same with and without the prefilter.  Input: pattern, LF, text.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"
#include "parse/grok.h"

static struct tsn_grok_set *set;

struct answer {
	enum tsn_code code;
	uint32_t pattern, count;
	uint64_t sum;
};

/* The pattern stands last in a list, so that the prefilter has something to do. */
static bool
answer(struct tsn_slice pattern, struct tsn_slice text, bool regex_only, struct answer *ret)
{
	const struct tsn_grok_options opt = {.regex_only = regex_only};
	const struct tsn_slice list[] = {TSN_SLICE("never seen %{INT:a}"), TSN_SLICE("\\x02%{WORD:b}"),
	    TSN_SLICE("not here: %{IP:c}"), TSN_SLICE("nor here %{QS:d}$"), pattern};
	struct tsn_grok_scratch *s;
	struct tsn_grok_result r = {0};
	struct tsn_grok *g;
	struct tsn_err err = {0};

	if (tsn_grok_compile(set, list, TSN_COUNT(list), &opt, &g, &err) != TSN_OK) {
		TSN_ASSERT(err.msg[0] != '\0');
		return false;
	}
	s = tsn_grok_scratch_new(g);
	TSN_ASSERT(s != NULL);
	*ret = (struct answer){.code = tsn_grok_match(g, s, text, 0, &r)};
	ret->pattern = r.pattern;
	ret->count = r.count;
	for (uint32_t i = 0; ret->code == TSN_OK && i < r.count; i++) {
		struct tsn_slice c = r.captures[i].text;

		TSN_ASSERT(c.ptr >= text.ptr && c.ptr + c.len <= text.ptr + text.len);
		ret->sum = ret->sum * 31 + (uint64_t)(c.ptr - text.ptr) * 7 + c.len;
	}
	tsn_grok_scratch_free(s);
	tsn_grok_free(g);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tsn_slice all = {(const char *)data, size}, pattern, text;
	size_t end = size == 0 ? SIZE_MAX : tsn_slice_find_char(all, '\n');
	struct answer a, b;

	if (set == NULL) {
		set = tsn_grok_set_new();
		TSN_ASSERT(set != NULL && tsn_grok_set_add_builtin(set, true, NULL) == TSN_OK);
	}
	if (end == SIZE_MAX || end > 512 || size > 8192)
		return 0;
	pattern = tsn_slice_of(all.ptr, end);
	text = tsn_slice_from(all, end + 1);
	if (!answer(pattern, text, false, &a) || !answer(pattern, text, true, &b))
		return 0;
	/* A search that is given up may be one that the prefilter spared. */
	if (b.code == TSN_ELIMIT)
		return 0;
	TSN_ASSERT(a.code == b.code && a.pattern == b.pattern && a.count == b.count &&
	    a.sum == b.sum);
	return 0;
}
