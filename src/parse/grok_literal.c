/*
 * The bytes that every match of an expression holds: a conservative walk that knows groups,
 * alternatives and repetitions, and knows nothing where it meets something else.
 */
#include <stdlib.h>

#include "parse/grok_int.h"

#define DEPTH_MAX 64u

struct walk {
	struct tsn_slice t;
	size_t at;
	struct tsn_buf run;		/* the run of plain bytes that is being read */
	bool failed;			/* not understood: nothing is known */
};

static unsigned
rarity(struct tsn_slice s)
{
	unsigned sum = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == ' ')
			sum += 1;
		else if ((c >= '0' && c <= '9') || memchr("eatoinsr:.-[]=\"/,", c, 17) != NULL)
			sum += 3;
		else
			sum += 5;
	}
	return sum;
}

static void
end_run(struct walk *w, struct tsn_buf *best)
{
	if (w->run.len > 0 && rarity(tsn_buf_get(&w->run)) > rarity(tsn_buf_get(best))) {
		tsn_buf_reset(best);
		tsn_buf_slice(best, tsn_buf_get(&w->run));
	}
	tsn_buf_reset(&w->run);
}

static char
peek(const struct walk *w, size_t ahead)
{
	return w->at + ahead < w->t.len ? w->t.ptr[w->at + ahead] : '\0';
}

/* Reads a repetition; whether what it repeats may be absent. repeated: it may stand twice. */
static bool
quantifier(struct walk *w, bool *ret_repeated)
{
	char c = peek(w, 0);
	bool optional = c == '*' || c == '?';

	*ret_repeated = c == '*' || c == '+';
	if (c == '{' && peek(w, 1) >= '0' && peek(w, 1) <= '9') {
		optional = peek(w, 1) == '0';
		*ret_repeated = true;
		while (w->at < w->t.len && w->t.ptr[w->at] != '}')
			w->at++;
	} else if (!optional && c != '+') {
		return false;
	}
	w->at++;
	if (peek(w, 0) == '?' || peek(w, 0) == '+')
		w->at++;
	return optional;
}

static void
skip_class(struct walk *w)
{
	w->at++;
	while (w->at < w->t.len && w->t.ptr[w->at] != ']') {
		if (w->t.ptr[w->at] == '[' && peek(w, 1) == ':') {
			size_t end = tsn_slice_find(tsn_slice_from(w->t, w->at), TSN_SLICE(":]"));

			w->at += end == SIZE_MAX ? 0 : end + 1;
		}
		w->at += w->t.ptr[w->at] == '\\' ? 2 : 1;
	}
	w->at++;
}

/* One plain byte, kept when it stands at least once. */
static void
plain(struct walk *w, char c, struct tsn_buf *best)
{
	bool repeated;
	size_t len = w->run.len;
	bool optional;

	tsn_buf_char(&w->run, c);
	optional = quantifier(w, &repeated);
	if (optional)
		w->run.len = len;
	if (optional || repeated)
		end_run(w, best);
}

static void
escape(struct walk *w, struct tsn_buf *best)
{
	char c = peek(w, 1), low = tsn_lower(c);
	bool repeated;

	w->at += 2;
	if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') && c != '\0') {
		plain(w, c, best);
		return;
	}
	if (c == 't') {
		plain(w, '\t', best);
		return;
	}
	end_run(w, best);
	if ((c == 'x' || c == 'p' || c == 'P') && peek(w, 0) == '{') {
		while (w->at < w->t.len && w->t.ptr[w->at] != '}')
			w->at++;
		w->at++;
	} else if (c == 'x') {
		w->at += 2;
	} else if (c == 'k' || c == 'g') {
		w->failed = true;
	} else if (c >= '0' && c <= '9') {
		while (peek(w, 0) >= '0' && peek(w, 0) <= '9')
			w->at++;
	}
	(void)quantifier(w, &repeated);
}

static void alternatives(struct walk *w, struct tsn_buf *best, unsigned depth);

static void
group(struct walk *w, struct tsn_buf *best, unsigned depth)
{
	struct tsn_buf inner;
	bool known = true, repeated;

	end_run(w, best);
	w->at++;
	if (peek(w, 0) == '?') {
		char c = peek(w, 1), d = peek(w, 2);

		if (c == '<' && d != '=' && d != '!') {
			while (w->at < w->t.len && w->t.ptr[w->at] != '>')
				w->at++;
			w->at++;
		} else if (c == ':' || c == '>') {
			w->at += 2;
		} else if (c == '=' || c == '!' || (c == '<' && (d == '=' || d == '!'))) {
			w->at += c == '<' ? 3 : 2;
			known = false;	/* looks only: holds bytes that need not be the match's own */
		} else {
			w->failed = true;	/* flags, comments, conditions */
			return;
		}
	} else if (peek(w, 0) == '*') {
		w->failed = true;
		return;
	}
	tsn_buf_init(&inner, GROK_REGEX_MAX);
	alternatives(w, &inner, depth + 1);
	if (peek(w, 0) != ')')
		w->failed = true;
	w->at++;
	if (!quantifier(w, &repeated) && known &&
	    rarity(tsn_buf_get(&inner)) > rarity(tsn_buf_get(best))) {
		tsn_buf_reset(best);
		tsn_buf_slice(best, tsn_buf_get(&inner));
	}
	if (tsn_buf_check(&inner) != TSN_OK)
		w->failed = true;
	tsn_buf_done(&inner);
}

/* To the closing bracket or the end; best stays empty when there is more than one alternative. */
static void
alternatives(struct walk *w, struct tsn_buf *best, unsigned depth)
{
	bool several = false, repeated;

	if (depth > DEPTH_MAX)
		w->failed = true;
	while (!w->failed && w->at < w->t.len && w->t.ptr[w->at] != ')') {
		char c = w->t.ptr[w->at];

		if (c == '|') {
			several = true;
			end_run(w, best);
			w->at++;
		} else if (c == '(') {
			group(w, best, depth);
		} else if (c == '[' || c == '.') {
			end_run(w, best);
			if (c == '[')
				skip_class(w);
			else
				w->at++;
			(void)quantifier(w, &repeated);
		} else if (c == '^' || c == '$') {
			end_run(w, best);
			w->at++;
		} else if (c == '\\') {
			escape(w, best);
		} else {
			w->at++;
			plain(w, c, best);
		}
	}
	end_run(w, best);
	if (several)
		tsn_buf_reset(best);
}

void
grok_literal_find(struct tsn_slice expr, struct tsn_buf *ret_literal)
{
	struct walk w = {.t = expr};

	tsn_buf_init(&w.run, GROK_REGEX_MAX);
	alternatives(&w, ret_literal, 0);
	if (w.failed || w.at < expr.len || tsn_buf_check(&w.run) != TSN_OK)
		tsn_buf_reset(ret_literal);
	tsn_buf_done(&w.run);
}
