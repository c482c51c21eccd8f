#include "match/literal.h"

#include "match/fold.h"

struct scan {
	const char *p, *end;
	char *run;		/* the run being read */
	size_t run_len;
	char *best;
	size_t best_len;
	bool unknown;		/* the expression says something that is not followed here */
};

static void
end_run(struct scan *s)
{
	if (s->run_len > s->best_len) {
		memcpy(s->best, s->run, s->run_len);
		s->best_len = s->run_len;
	}
	s->run_len = 0;
}

/* The last character may be missing in a match: it does not belong to the run. */
static void
drop_last(struct scan *s)
{
	while (s->run_len > 0 && ((unsigned char)s->run[--s->run_len] & 0xc0) == 0x80)
		continue;
	end_run(s);
}

/* p is behind '['. */
static void
skip_class(struct scan *s)
{
	if (s->p < s->end && *s->p == '^')
		s->p++;
	if (s->p < s->end && *s->p == ']')
		s->p++;
	while (s->p < s->end && *s->p != ']') {
		if (*s->p == '\\')
			s->p++;
		if (s->p + 1 < s->end && s->p[0] == '[' && (s->p[1] == ':' || s->p[1] == '.' ||
		    s->p[1] == '='))
			s->unknown = true;
		s->p++;
	}
	if (s->p >= s->end)
		s->unknown = true;
	else
		s->p++;
}

/* p is behind '('. Options that change how the rest is read end all knowledge. */
static void
skip_group(struct scan *s)
{
	uint32_t depth = 1;

	if (s->p < s->end && *s->p == '?')
		for (const char *q = s->p + 1; q < s->end && *q != ')' && *q != ':'; q++) {
			if (*q == 'x' || *q == '#' || *q == '|')
				s->unknown = true;
			if (*q == '<' || *q == '=' || *q == '!' || *q == '>' || *q == 'P')
				break;
		}
	while (s->p < s->end && depth > 0) {
		char c = *s->p++;

		if (c == '\\' && s->p < s->end && *s->p == 'Q')
			s->unknown = true;
		if (c == '\\')
			s->p++;
		else if (c == '[')
			skip_class(s);
		else if (c == '(')
			depth++;
		else if (c == ')')
			depth--;
	}
	if (depth > 0)
		s->unknown = true;
}

/* p is behind '\'. */
static void
read_escape(struct scan *s)
{
	unsigned char c;

	if (s->p >= s->end) {
		s->unknown = true;
		return;
	}
	c = (unsigned char)*s->p++;
	if (c < 0x80 && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9')) {
		s->run[s->run_len++] = (char)c;
		return;
	}
	end_run(s);
	if (c >= 0x80 || strchr("dDwWsSbBAzZGhHvVRrntfea", (char)c) == NULL)
		s->unknown = true;
}

/* p is at '{'; true when it is a repetition, which is skipped. */
static bool
skip_repeat(struct scan *s)
{
	const char *q = s->p + 1;

	while (q < s->end && ((*q >= '0' && *q <= '9') || *q == ','))
		q++;
	if (q >= s->end || *q != '}' || q == s->p + 1)
		return false;
	s->p = q + 1;
	return true;
}

static void
skip_greed(struct scan *s)
{
	if (s->p < s->end && (*s->p == '?' || *s->p == '+'))
		s->p++;
}

static void
read_one(struct scan *s)
{
	char c = *s->p;

	if (c == '{') {
		drop_last(s);
		if (!skip_repeat(s))
			s->unknown = true;
		skip_greed(s);
		return;
	}
	s->p++;
	switch (c) {
	case '\\':
		read_escape(s);
		break;
	case '[':
		end_run(s);
		skip_class(s);
		break;
	case '(':
		end_run(s);
		skip_group(s);
		break;
	case '?':
	case '*':
		drop_last(s);
		skip_greed(s);
		break;
	case '+':
		end_run(s);
		skip_greed(s);
		break;
	case '|':
	case ')':
		s->unknown = true;
		break;
	case '.':
	case '^':
	case '$':
		end_run(s);
		break;
	default:
		s->run[s->run_len++] = c;
		break;
	}
}

struct tsn_slice
tsn_literal_of_regex(struct tsn_slice regex, struct tsn_arena *arena)
{
	struct scan s = {.p = regex.ptr, .end = regex.ptr + regex.len};
	char *out;
	bool ascii;

	if (regex.len == 0)
		return TSN_SLICE("");
	s.run = tsn_arena_alloc(arena, regex.len);
	s.best = tsn_arena_alloc(arena, regex.len);
	out = tsn_arena_alloc(arena, TSN_FOLD_ROOM(regex.len));
	if (s.run == NULL || s.best == NULL || out == NULL)
		return TSN_SLICE_NONE;
	while (s.p < s.end && !s.unknown)
		read_one(&s);
	end_run(&s);
	if (s.unknown || s.best_len == 0)
		return TSN_SLICE("");
	return (struct tsn_slice){out, tsn_fold((struct tsn_slice){s.best, s.best_len}, out, &ascii)};
}
