#include "store/parts_int.h"

#include "match/wild.h"
#include "match/word.h"

bool
parts_word_char(char c)
{
	return tsn_word_char(c) || c == TSN_WILD_MANY || c == TSN_WILD_ONE;
}

bool
parts_is_word(struct tsn_slice v)
{
	for (size_t i = 0; i < v.len; i++)
		if (!parts_word_char(v.ptr[i]))
			return false;
	return v.len > 0;
}

struct tsn_slice
parts_least(struct tsn_slice v)
{
	size_t n = 0;

	for (size_t i = 0; i < v.len; i++)
		n += v.ptr[i] != TSN_WILD_MANY;
	return (struct tsn_slice){v.ptr, n};
}

/* True when a field begins or ends there in the middle of a word, which is a word to the field. */
static bool
cuts_word(const struct tmpl *m, const struct tmpl_field *f)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct elem *e = &m->elems[f->elem[i]];
		uint32_t at = f->at[i];

		if (f->elem[i] < m->elem_count && at > 0 && (e->kind != ELEM_STATIC ||
		    (at < e->len && tsn_word_char(e->ptr[at - 1]) && tsn_word_char(e->ptr[at]))))
			return true;
	}
	return false;
}

bool
parts_glued(const struct tmpl *m)
{
	const struct elem *before = NULL;

	for (uint32_t i = 0; i < m->elem_count; i++) {
		const struct elem *e = &m->elems[i];
		bool open = e->kind != ELEM_STATIC || (e->len > 0 && tsn_word_char(e->ptr[0]));
		bool before_open = before != NULL && (before->kind != ELEM_STATIC ||
		    (before->len > 0 && tsn_word_char(before->ptr[before->len - 1])));

		if (open && before_open)
			return true;
		before = e;
	}
	for (uint32_t i = 0; i < m->field_count; i++)
		if (m->fields[i].from == FROM_RUN || (m->fields[i].from == FROM_SPAN &&
		    cuts_word(m, &m->fields[i])))
			return true;
	return false;
}

/* The text cut at one end of an element is found at the other end of what is looked for. */
static bool
overlaps(struct tsn_slice elem, struct tsn_slice text)
{
	size_t most = elem.len < text.len ? elem.len : text.len;

	for (size_t n = 1; n <= most; n++)
		if (memcmp(elem.ptr + elem.len - n, text.ptr, n) == 0 ||
		    memcmp(elem.ptr, text.ptr + text.len - n, n) == 0)
			return true;
	return elem.len < text.len && memmem(text.ptr, text.len, elem.ptr, elem.len) != NULL;
}

bool
parts_may_span(const struct tmpl *m, struct tsn_slice text, struct tsn_match_scratch *scratch,
    bool cased)
{
	bool found = false;

	for (uint32_t i = 0; i < m->elem_count && !found; i++) {
		const struct elem *e = &m->elems[i];
		struct tsn_value v = {.raw = {e->ptr, e->len}};

		if (e->kind != ELEM_STATIC)
			continue;
		if (e->len == 0)
			return true;
		if (m->elem_count == 1)
			return false;
		found = overlaps(cased ? v.raw : tsn_value_fold(&v, scratch), text);
		tsn_arena_reset(&scratch->arena);
	}
	return found;
}

static bool
time_char(char shape, char c)
{
	if (shape == ' ' || (shape >= '0' && shape <= '9'))
		return c == ' ' || (c >= '0' && c <= '9');
	if ((shape | 0x20) >= 'a' && (shape | 0x20) <= 'z')
		return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
	return c == shape;
}

bool
parts_time_may_hold(const struct elem *e, struct tsn_slice text)
{
	char shape[TIMETEXT_MAX];

	if (e->len > TIMETEXT_MAX || !timetext_put(&e->time, 0, shape))
		return true;
	for (size_t at = 0; at + text.len <= e->len; at++) {
		size_t i = 0;

		while (i < text.len && time_char(shape[at + i], text.ptr[i]))
			i++;
		if (i == text.len)
			return true;
	}
	return false;
}

/* ---- regular expressions ---- */

/* What stands in `[...]`, `(...)`: the place behind it; SIZE_MAX: not understood. */
static size_t
skip_class(struct tsn_slice re, size_t i)
{
	i++;
	if (i < re.len && re.ptr[i] == '^')
		i++;
	if (i < re.len && re.ptr[i] == ']')
		i++;
	for (; i < re.len; i++) {
		if (re.ptr[i] == '[')
			return SIZE_MAX;
		if (re.ptr[i] == '\\' && (i + 1 == re.len || re.ptr[++i] == 'Q' || re.ptr[i] == 'E'))
			return SIZE_MAX;
		else if (re.ptr[i] == ']' && re.ptr[i - 1] != '\\')
			return i + 1;
	}
	return SIZE_MAX;
}

static size_t
skip_group(struct tsn_slice re, size_t i)
{
	uint32_t depth = 0;

	while (i < re.len) {
		char c = re.ptr[i];

		if (c == '[') {
			i = skip_class(re, i);
			if (i == SIZE_MAX)
				return i;
			continue;
		}
		if (c == '\\' && (i + 1 == re.len || re.ptr[i + 1] == 'Q' || re.ptr[i + 1] == 'E'))
			return SIZE_MAX;
		if (c == '(' && i + 1 < re.len && (re.ptr[i + 1] == '?' || re.ptr[i + 1] == '*') &&
		    !(i + 2 < re.len && re.ptr[i + 1] == '?' && re.ptr[i + 2] == ':'))
			return SIZE_MAX;
		depth += c == '(';
		i += c == '\\' ? 2 : 1;
		if (c == ')' && --depth == 0)
			return i;
	}
	return SIZE_MAX;
}

/* "{3}", "{2,}", "{2,5}": the place behind it; else the place behind the brace. */
static size_t
skip_repeat(struct tsn_slice re, size_t i)
{
	size_t k = i + 1;

	while (k < re.len && ((re.ptr[k] >= '0' && re.ptr[k] <= '9') || re.ptr[k] == ',' ||
	    re.ptr[k] == ' '))
		k++;
	return k < re.len && re.ptr[k] == '}' ? k + 1 : i + 1;
}

static void
end_literal(struct parts_literals *l, bool drop_last)
{
	if (drop_last && l->now_len > 0)
		l->now_len--;
	if (l->now_len >= 2 && l->count < PARTS_LITERALS_MAX) {
		memcpy(l->text[l->count], l->now, l->now_len);
		l->len[l->count++] = l->now_len;
	}
	l->now_len = 0;
}

void
parts_of_regex(struct tsn_slice re, struct parts_literals *l)
{
	for (size_t i = 0; i < re.len;) {
		char c = re.ptr[i];

		if (c == '|') {
			l->count = 0;
			return;
		}
		if (c == '[' || c == '(') {
			end_literal(l, false);
			i = c == '[' ? skip_class(re, i) : skip_group(re, i);
			if (i == SIZE_MAX) {
				l->count = 0;
				return;
			}
			continue;
		}
		if (c == '*' || c == '?' || c == '{') {
			end_literal(l, true);
			i = c == '{' ? skip_repeat(re, i) : i + 1;
			continue;
		}
		if (c == '\\') {
			char next = i + 1 < re.len ? re.ptr[i + 1] : 'Q';

			if (strchr("dDwWsSbB", next) != NULL && next != '\0') {
				end_literal(l, false);
				i += 2;
				continue;
			}
			if (tsn_word_char(next) || next == '\0') {
				l->count = 0;
				return;
			}
			c = next;
			i++;
		} else if (c == '.' || c == '+' || c == '^' || c == '$' || (unsigned char)c >= 0x80 ||
		    c == '\0') {
			end_literal(l, false);
			i++;
			continue;
		}
		if (l->now_len == sizeof l->now)
			end_literal(l, false);
		l->now[l->now_len++] = c;
		i++;
	}
	end_literal(l, false);
}

