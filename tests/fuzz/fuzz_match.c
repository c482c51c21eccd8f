/*
 * Property: for any text and any pattern, the compiled tests agree with the plainest reading of
 * them (whole value, beginning, end, anywhere, '*' and '?'), a literal that a regular expression is
 * said to need stands in all that it matches, and nothing reads out of bounds or runs away.
 *
 * Input: one byte of operation, one of the pattern's length, the pattern, the text.
 */
#include <stdint.h>
#include <stdlib.h>

#include "match/atom.h"
#include "base/find.h"
#include "match/fold.h"
#include "match/literal.h"
#include "match/wild.h"
#include "match/word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
check_plain(const struct tsn_catom *a, struct tsn_slice text, struct tsn_slice pat, bool value)
{
	bool want = value;

	if (a->op == TSN_ATOM_EQ)
		want = tsn_slice_eq(text, pat);
	else if (a->op == TSN_ATOM_PREFIX)
		want = tsn_slice_starts(text, pat);
	else if (a->op == TSN_ATOM_SUFFIX)
		want = tsn_slice_ends(text, pat);
	else if (a->op == TSN_ATOM_CONTAINS)
		want = tsn_slice_find(text, pat) != SIZE_MAX || pat.len == 0;
	check(value == want);
}

static struct tsn_slice
fold(struct tsn_arena *arena, struct tsn_slice s)
{
	char *out = tsn_arena_alloc(arena, TSN_FOLD_ROOM(s.len));
	bool ascii;

	if (out == NULL)
		abort();
	return (struct tsn_slice){out, s.len == 0 ? 0 : tsn_fold(s, out, &ascii)};
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tsn_arena arena TSN_CLEANUP(tsn_arena_done) = {0};
	static struct tsn_match_scratch scratch;
	static bool ready;
	struct tsn_slice pattern, text, literal;
	struct tsn_value v;
	struct tsn_catom a;
	struct tsn_err err;
	bool value;

	if (!ready && tsn_match_scratch_init(&scratch) != TSN_OK)
		abort();
	ready = true;
	if (size < 2 || size - 2 < data[1])
		return 0;
	tsn_arena_init(&arena, 64u << 20);
	tsn_arena_reset(&scratch.arena);
	pattern = (struct tsn_slice){(const char *)data + 2, data[1]};
	text = (struct tsn_slice){(const char *)data + 2 + data[1], size - 2 - data[1]};
	if (tsn_atom_compile(&arena, &(struct tsn_atom){.op = data[0] % (TSN_ATOM_WORD + 1),
	    .flags = data[0] / 16, .value = pattern}, &a, &err) != TSN_OK)
		return 0;
	v = (struct tsn_value){.raw = text};
	value = tsn_atom_test_text(&a, &scratch, &v);
	if (a.flags & TSN_ATOM_CASED)
		check_plain(&a, text, pattern, value);
	else
		check_plain(&a, fold(&arena, text), fold(&arena, pattern), value);
	if (a.op == TSN_ATOM_REGEX && value) {
		literal = tsn_literal_of_regex(pattern, &arena);
		check(literal.len == 0 || tsn_find_has(fold(&arena, text), literal));
	}
	tsn_atom_done(&a);
	return 0;
}
