/*
 * Regular expressions of the common kind: characters, classes, groups, alternatives, repeats,
 * anchors.  Everything else (references, look-around, atomic groups, names, verbs) and all that is
 * beyond ASCII is refused: PCRE2 then does it alone.  Only whether there is a match is asked, so
 * greedy and lazy are the same.
 */
#include "match/nfa_int.h"

#define DEPTH_MAX 32u
#define REPEAT_MAX 1000u

struct parser {
	struct tsn_nfa *n;
	struct tsn_slice re;
	size_t at;
	bool caseless, dot_all;
	unsigned depth;
};

static bool parse_any(struct parser *p, struct nfa_piece *ret);

static int
peek(const struct parser *p, size_t ahead)
{
	return p->at + ahead < p->re.len ? (unsigned char)p->re.ptr[p->at + ahead] : -1;
}

static bool
is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alpha(int c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static void
invert(uint64_t set[4])
{
	for (unsigned i = 0; i < 4; i++)
		set[i] = ~set[i];
}

static void
join_sets(uint64_t set[4], const uint64_t other[4])
{
	for (unsigned i = 0; i < 4; i++)
		set[i] |= other[i];
}

/* \d \w \s and their opposites. */
static bool
add_kind(int c, uint64_t set[4])
{
	uint64_t kind[4] = {0};

	switch (c | 0x20) {
	case 'd':
		nfa_add_range(kind, '0', '9');
		break;
	case 'w':
		nfa_add_range(kind, '0', '9');
		nfa_add_range(kind, 'a', 'z');
		nfa_add_range(kind, 'A', 'Z');
		nfa_add(kind, '_');
		break;
	case 's':
		nfa_add_range(kind, '\t', '\r');
		nfa_add(kind, ' ');
		break;
	default:
		return false;
	}
	if (c < 'a')
		invert(kind);
	join_sets(set, kind);
	return true;
}

static int
hex_of(int c)
{
	if (is_digit(c))
		return c - '0';
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* One character behind a backslash that stands at p->at; -1: not understood. */
static int
escaped_char(struct parser *p)
{
	int c = peek(p, 1), high, low;

	p->at += 2;
	switch (c) {
	case 't':
		return '\t';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 'f':
		return '\f';
	case 'e':
		return 0x1b;
	case 'a':
		return '\a';
	case 'x':
		high = hex_of(peek(p, 0));
		low = hex_of(peek(p, 1));
		if (high < 0 || low < 0 || high >= 8)
			return -1;
		p->at += 2;
		return high * 16 + low;
	default:
		return c < 0 || c >= 0x80 || is_alpha(c) || is_digit(c) ? -1 : c;
	}
}

/* ---- classes ---- */

static bool
add_posix(struct parser *p, uint64_t set[4])
{
	static const struct {
		struct tsn_slice name;
		unsigned char ranges[8];
	} kinds[] = {
		{TSN_SLICE("[:digit:]"), {'0', '9'}},
		{TSN_SLICE("[:alpha:]"), {'a', 'z', 'A', 'Z'}},
		{TSN_SLICE("[:alnum:]"), {'a', 'z', 'A', 'Z', '0', '9'}},
		{TSN_SLICE("[:upper:]"), {'A', 'Z'}},
		{TSN_SLICE("[:lower:]"), {'a', 'z'}},
		{TSN_SLICE("[:xdigit:]"), {'0', '9', 'a', 'f', 'A', 'F'}},
		{TSN_SLICE("[:space:]"), {'\t', '\r', ' ', ' '}},
		{TSN_SLICE("[:punct:]"), {'!', '/', ':', '@', '[', '`', '{', '~'}},
		{TSN_SLICE("[:word:]"), {'a', 'z', 'A', 'Z', '0', '9', '_', '_'}},
	};

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (!tsn_slice_starts(tsn_slice_from(p->re, p->at), kinds[i].name))
			continue;
		for (unsigned k = 0; k < 8 && kinds[i].ranges[k] != 0; k += 2)
			nfa_add_range(set, kinds[i].ranges[k], kinds[i].ranges[k + 1]);
		p->at += kinds[i].name.len;
		return true;
	}
	return false;
}

/* A character of a class, or a kind (then *ret_char is -1). */
static bool
class_item(struct parser *p, uint64_t set[4], int *ret_char)
{
	int c = peek(p, 0);

	*ret_char = -1;
	if (c < 0 || c >= 0x80)
		return false;
	if (c == '[' && (peek(p, 1) == ':' || peek(p, 1) == '.' || peek(p, 1) == '='))
		return add_posix(p, set);
	if (c != '\\') {
		p->at++;
		*ret_char = c;
		return true;
	}
	c = peek(p, 1);
	if (c >= 0 && add_kind(c, set)) {
		p->at += 2;
		return true;
	}
	if (c == 'b') {
		p->at += 2;
		*ret_char = '\b';
		return true;
	}
	*ret_char = escaped_char(p);
	return *ret_char >= 0;
}

static bool
parse_class(struct parser *p, struct nfa_piece *ret)
{
	uint64_t set[4] = {0};
	bool negated = peek(p, 1) == '^';

	p->at += negated ? 2 : 1;
	for (bool first = true; first || peek(p, 0) != ']'; first = false) {
		int low, high;

		if (!class_item(p, set, &low))
			return false;
		if (peek(p, 0) != '-' || peek(p, 1) == ']' || peek(p, 1) < 0) {
			if (low >= 0)
				nfa_add(set, (unsigned)low);
			continue;
		}
		p->at++;
		if (low < 0 || !class_item(p, set, &high) || high < low)
			return false;	/* [\d-x] */
		nfa_add_range(set, (unsigned)low, (unsigned)high);
	}
	p->at++;
	if (p->caseless)
		nfa_both_cases(set);
	if (negated)
		invert(set);
	return nfa_set(p->n, set, ret);
}

/* ---- pieces ---- */

static bool
one_char(struct parser *p, int c, struct nfa_piece *ret)
{
	uint64_t set[4] = {0};

	if (c < 0 || c >= 0x80)
		return false;
	nfa_add(set, (unsigned)c);
	if (p->caseless)
		nfa_both_cases(set);
	return nfa_set(p->n, set, ret);
}

static bool
parse_group(struct parser *p, struct nfa_piece *ret)
{
	p->at++;
	if (peek(p, 0) == '*')
		return false;
	if (peek(p, 0) == '?') {
		if (peek(p, 1) != ':')
			return false;
		p->at += 2;
	}
	if (++p->depth > DEPTH_MAX || !parse_any(p, ret) || peek(p, 0) != ')')
		return false;
	p->depth--;
	p->at++;
	return true;
}

static bool
parse_escape(struct parser *p, struct nfa_piece *ret, bool *ret_assert)
{
	int c = peek(p, 1);
	uint64_t set[4] = {0};

	if (c >= 0 && add_kind(c, set)) {
		p->at += 2;
		return nfa_set(p->n, set, ret);
	}
	if (c != 'b' && c != 'B' && c != 'A' && c != 'z')
		return one_char(p, escaped_char(p), ret);
	p->at += 2;
	*ret_assert = true;
	return nfa_assert(p->n, c == 'b' ? TSN_NFA_BORDER : c == 'B' ? TSN_NFA_INSIDE :
	    c == 'A' ? TSN_NFA_BEGIN : TSN_NFA_END, ret);
}

static bool
parse_atom(struct parser *p, struct nfa_piece *ret, bool *ret_assert)
{
	uint64_t set[4] = {0};
	int c = peek(p, 0);

	*ret_assert = false;
	switch (c) {
	case '(':
		return parse_group(p, ret);
	case '[':
		return parse_class(p, ret);
	case '\\':
		return parse_escape(p, ret, ret_assert);
	case '.':
		p->at++;
		invert(set);
		if (!p->dot_all)
			set['\n' >> 6] &= ~(UINT64_C(1) << '\n');
		return nfa_set(p->n, set, ret);
	case '^':
	case '$':
		/* what else they mean has to do with line breaks: such texts are not understood */
		p->at++;
		*ret_assert = true;
		nfa_add(p->n->unsure, '\n');
		return nfa_assert(p->n, c == '^' ? TSN_NFA_BEGIN : TSN_NFA_END, ret);
	case '*':
	case '+':
	case '?':
	case '{':
		return false;
	default:
		p->at++;
		return one_char(p, c, ret);
	}
}

/* "{3}", "{2,}", "{2,5}" */
static bool
parse_counts(struct parser *p, unsigned *ret_least, unsigned *ret_most)
{
	unsigned v[2] = {0, 0};

	p->at++;
	for (unsigned i = 0; i < 2; i++) {
		bool some = false;

		for (; is_digit(peek(p, 0)); p->at++) {
			v[i] = v[i] * 10 + (unsigned)(peek(p, 0) - '0');
			if (v[i] > REPEAT_MAX)
				return false;
			some = true;
		}
		if (i == 0 && !some)
			return false;
		if (i == 1 && !some)
			v[1] = UINT32_MAX;
		if (i == 0 && peek(p, 0) == '}')
			v[1] = v[0];
		if (peek(p, 0) == '}')
			break;
		if (i == 1 || peek(p, 0) != ',')
			return false;
		p->at++;
	}
	p->at++;
	*ret_least = v[0];
	*ret_most = v[1];
	return true;
}

/* How often the piece that was just read may stand; 1 when nothing is said. */
static bool
parse_repeat(struct parser *p, unsigned *ret_least, unsigned *ret_most)
{
	int c = peek(p, 0);

	*ret_least = *ret_most = 1;
	if (c != '*' && c != '+' && c != '?' && c != '{')
		return true;
	if (c == '{') {
		if (!parse_counts(p, ret_least, ret_most))
			return false;
	} else {
		p->at++;
		*ret_least = c == '+' ? 1 : 0;
		*ret_most = c == '?' ? 1 : UINT32_MAX;
	}
	if (peek(p, 0) == '?')
		p->at++;
	c = peek(p, 0);
	return c != '*' && c != '+' && c != '?' && c != '{';
}

/* A copy that may be left out, or with `again` stand any number of times. */
static bool
add_optional(struct parser *p, struct nfa_piece *all, struct nfa_piece copy, bool again)
{
	struct nfa_piece fork, end;

	if (!nfa_empty(p->n, &fork) || !nfa_empty(p->n, &end))
		return false;
	p->n->nodes[fork.begin].out = end.begin;
	p->n->nodes[fork.begin].out2 = copy.begin;
	p->n->nodes[copy.end].out = again ? fork.begin : end.begin;
	p->n->nodes[all->end].out = fork.begin;
	all->end = end.end;
	return true;
}

/* A piece with its repeats: the text of the piece is read once for each copy. */
static bool
parse_piece(struct parser *p, struct nfa_piece *ret)
{
	size_t start = p->at, end;
	struct nfa_piece copy;
	unsigned least, most;
	bool is_assert;

	if (!parse_atom(p, &copy, &is_assert) || !nfa_empty(p->n, ret))
		return false;
	if (!parse_repeat(p, &least, &most) || (is_assert && (least != 1 || most != 1)) ||
	    most < least)
		return false;
	end = p->at;
	if (least == 1 && most == 1) {
		nfa_join(p->n, ret, copy);
		return true;
	}
	for (unsigned i = 0; i < least || (most == UINT32_MAX ? i == least : i < most); i++) {
		p->at = start;
		if (i > 0 && !parse_atom(p, &copy, &is_assert))
			return false;
		if (i < least)
			nfa_join(p->n, ret, copy);
		else if (!add_optional(p, ret, copy, most == UINT32_MAX))
			return false;
	}
	p->at = end;
	return true;
}

static bool
parse_run(struct parser *p, struct nfa_piece *ret)
{
	struct nfa_piece piece;

	if (!nfa_empty(p->n, ret))
		return false;
	while (peek(p, 0) >= 0 && peek(p, 0) != '|' && peek(p, 0) != ')') {
		if (!parse_piece(p, &piece))
			return false;
		nfa_join(p->n, ret, piece);
	}
	return true;
}

static bool
parse_any(struct parser *p, struct nfa_piece *ret)
{
	struct nfa_piece run, end;
	uint16_t fork;

	if (!parse_run(p, ret))
		return false;
	if (peek(p, 0) != '|')
		return true;
	if (!nfa_empty(p->n, &end))
		return false;
	p->n->nodes[ret->end].out = end.begin;
	while (peek(p, 0) == '|') {
		p->at++;
		if (!parse_run(p, &run) || !nfa_node(p->n, TSN_NFA_BOTH, &fork))
			return false;
		p->n->nodes[run.end].out = end.begin;
		p->n->nodes[fork].out = ret->begin;
		p->n->nodes[fork].out2 = run.begin;
		ret->begin = fork;
	}
	ret->end = end.end;
	return true;
}

bool
nfa_regex(struct tsn_nfa *n, struct tsn_slice text, uint32_t flags, struct nfa_piece *ret)
{
	struct parser p = {.n = n, .re = text, .caseless = flags & TSN_ATOM_RE_I,
	    .dot_all = flags & TSN_ATOM_RE_S};

	if (tsn_slice_starts(text, TSN_SLICE("(?i)"))) {
		p.caseless = true;
		p.at = 4;
	}
	/* characters beyond ASCII: '.', classes and case mean characters, not bytes */
	nfa_add_range(n->unsure, 0x80, 0xff);
	return parse_any(&p, ret) && p.at == text.len;
}
