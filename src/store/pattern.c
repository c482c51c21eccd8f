/*
 * Patterns of texts: does one fit, and making one.
 *
 * A text is first tried against the patterns that fitted texts with the same beginning; only where
 * none fits a new one is made: at each place where a word begins the longest value of the row that
 * stands there becomes a reference; what follows a label (`Name: `, `Name=`) to the end of the line
 * and words with digits become gaps; the rest is literal.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "store/derive_work_int.h"

#define PATTERNS_MAX 8192u
#define PATTERN_BYTES_MAX (4u << 20)
/* Patterns are found by so many bytes at the beginning of a text; so many of them are tried. */
#define BUCKET_BYTES 12u
#define TRIES_MAX 8u
#define BUCKET_MAX 32u
/* A value shorter than this must stand alone. */
#define ALONE_MAX 4u
/* What is repeated inside one text. */
#define AGAIN_MIN 4u
/* A value of this length inside a line is worth to be looked for. */
#define INSIDE_MIN 8u
#define CAND_OWN 64u

/* A value of the row at hand, for making patterns. */
struct derive_cand {
	struct tsn_slice text;
	uint32_t column, next;		/* next: with the same beginning, + 1 */
	uint8_t kind;
	char own[CAND_OWN];
};

struct derive_cand *
pattern_cands(void)
{
	return calloc(DERIVE_VALUES_MAX + 1, sizeof(struct derive_cand));
}

size_t
derive_upper(struct tsn_slice s, char out[DERIVE_UPPER_MAX])
{
	size_t at = s.len > 2 && s.ptr[0] == '0' && s.ptr[1] == 'x' ? 2 : 0;

	if (s.len == 0 || s.len > DERIVE_UPPER_MAX)
		return SIZE_MAX;
	memcpy(out, s.ptr, at);
	for (size_t i = at; i < s.len; i++) {
		char c = s.ptr[i];

		if (c >= 'a' && c <= 'f')
			c = (char)(c - 'a' + 'A');
		else if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'F'))
			return SIZE_MAX;
		out[i] = c;
	}
	return s.len;
}

/* ---- characters ---- */

static bool
is_word(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
	    c >= 0x80;
}

static bool
is_gap(unsigned char c)
{
	return is_word(c) || c == '.' || c == ':' || c == '-' || c == '+';
}

static size_t
gap_len(struct tsn_slice text, size_t at)
{
	size_t end = at;

	while (end < text.len && is_gap((unsigned char)text.ptr[end]))
		end++;
	return end - at;
}

/* An escape of JSON counts as one character that is no part of a word. */
static size_t
escape_len(struct tsn_slice text, size_t at)
{
	size_t n = 1;

	if (text.ptr[at] == '\\' && at + 1 < text.len)
		n = text.ptr[at + 1] == 'u' ? 6 : 2;
	return n < text.len - at ? n : text.len - at;
}

/* To the end of the line, as an escape of JSON or as it is. */
static size_t
line_len(struct tsn_slice text, size_t at)
{
	size_t end = at;

	for (;;) {
		const char *p = text.ptr + end;
		const char *slash = end == text.len ? NULL : memchr(p, '\\', text.len - end);
		size_t run = slash == NULL ? text.len - end : (size_t)(slash - p);
		const char *stop = run == 0 ? NULL : memchr(p, '\n', run);

		run = stop == NULL ? run : (size_t)(stop - p);
		stop = run == 0 ? NULL : memchr(p, '\r', run);
		run = stop == NULL ? run : (size_t)(stop - p);
		end += run;
		if (p + run != slash || slash + 1 == text.ptr + text.len || slash[1] == 'n' ||
		    slash[1] == 'r')
			break;
		end += escape_len(text, end);
	}
	return end - at;
}

/* ---- values of the row at hand ---- */

struct tsn_slice
derive_text(const struct column *c, uint32_t i, char scratch[24])
{
	size_t n = 0;
	uint64_t v = c->v[i];
	char digits[24];

	if (c->texts)
		return dict_get(&c->dict, (uint32_t)v);
	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	while (!c->canonical && n < c->len)
		digits[n++] = '0';
	for (size_t k = 0; k < n; k++)
		scratch[k] = digits[n - 1 - k];
	return (struct tsn_slice){scratch, n};
}

static bool
row_text(const struct derive_work *w, uint32_t column, char scratch[24], struct tsn_slice *ret)
{
	if (w->stamp[column] != w->stamp_now)
		return false;
	*ret = derive_text(w->job->columns[column], w->at[column], scratch);
	return true;
}

/* ---- does a pattern fit ---- */

bool
derive_add_gap(struct derive_work *w, size_t at, size_t len)
{
	if (w->gap_count == w->gap_cap) {
		uint32_t cap = w->gap_cap == 0 ? 4096 : w->gap_cap * 2;
		struct derive_gap *gaps = reallocarray(w->gaps, cap, sizeof *gaps);

		if (gaps == NULL)
			return false;
		w->gaps = gaps;
		w->gap_cap = cap;
	}
	w->gaps[w->gap_count++] = (struct derive_gap){(uint32_t)at, (uint32_t)len};
	return true;
}

/* Length of what stands for the piece at `at` of the text; SIZE_MAX: it does not fit. */
static size_t
piece_len(struct derive_work *w, const struct derive_piece *p, uint32_t first_gap,
    struct tsn_slice text, size_t at)
{
	char scratch[24], upper[DERIVE_UPPER_MAX];
	struct tsn_slice v = {"", 0};
	size_t n;

	if (p->kind == DERIVE_END)
		return at == text.len ? 0 : SIZE_MAX;
	if (derive_is_gap(p)) {
		n = p->kind == DERIVE_GAP ? gap_len(text, at) : line_len(text, at);
		return (n > 0 || p->kind == DERIVE_LINE) && derive_add_gap(w, at, n) ? n : SIZE_MAX;
	}
	if (p->kind == DERIVE_AGAIN) {
		const struct derive_gap *g = &w->gaps[first_gap + p->column];

		return g->len <= text.len - at && memcmp(text.ptr + at, text.ptr + g->at, g->len) == 0 ?
		    g->len : SIZE_MAX;
	}
	if (!row_text(w, p->column, scratch, &v))
		return SIZE_MAX;
	if (p->kind == DERIVE_UPPER) {
		n = derive_upper(v, upper);
		if (n == SIZE_MAX)
			return n;
		v = (struct tsn_slice){upper, n};
	}
	return v.len <= text.len - at && memcmp(text.ptr + at, v.ptr, v.len) == 0 ? v.len : SIZE_MAX;
}

static bool
fits(struct derive_work *w, const struct derive_pattern *p, struct tsn_slice text)
{
	uint32_t before = w->gap_count;
	size_t at = 0;

	for (uint32_t i = 0; i < p->count; i++) {
		struct tsn_slice lit = p->pieces[i].literal;
		size_t n;

		if (lit.len > text.len - at || memcmp(text.ptr + at, lit.ptr, lit.len) != 0)
			break;
		at += lit.len;
		n = piece_len(w, &p->pieces[i], before, text, at);
		if (n == SIZE_MAX)
			break;
		if (p->pieces[i].kind == DERIVE_END)
			return true;
		at += n;
	}
	w->gap_count = before;
	return false;
}

static uint32_t
bucket_of(struct tsn_slice text)
{
	size_t n = text.len < BUCKET_BYTES ? text.len : BUCKET_BYTES;

	return (uint32_t)(tsn_hash_bytes(text.ptr, n, 0) >> (64 - DERIVE_BUCKET_BITS));
}

uint32_t
pattern_find(struct derive_work *w, struct tsn_slice text)
{
	uint32_t *b = w->d->buckets[bucket_of(text)];

	for (uint32_t i = 1; b != NULL && i <= b[0] && i <= TRIES_MAX; i++) {
		uint32_t k = b[i];

		if (!fits(w, &w->d->known[k].p, text))
			continue;
		w->d->known[k].hits++;
		if (i > 1 && w->d->known[k].hits > w->d->known[b[i - 1]].hits) {
			b[i] = b[i - 1];
			b[i - 1] = k;
		}
		return k;
	}
	return UINT32_MAX;
}

/* ---- making one ---- */

static uint32_t
head_of(const char *p, size_t len)
{
	size_t n = len < ALONE_MAX ? len : ALONE_MAX;

	return (uint32_t)(tsn_hash_bytes(p, n, 0) % DERIVE_HEADS);
}

static void
add_cand(struct derive_work *w, uint32_t column, uint8_t kind, struct tsn_slice text, bool copy)
{
	struct derive_cand *c = &w->cands[w->cand_count];
	uint32_t *head;

	if (w->cand_count == DERIVE_VALUES_MAX || text.len == 0 || (copy && text.len > CAND_OWN))
		return;
	c->column = column;
	c->kind = kind;
	c->text = text;
	if (copy || text.len <= 24) {	/* may be in a scratch of the caller */
		memmove(c->own, text.ptr, text.len);
		c->text.ptr = c->own;
	}
	head = &w->heads[head_of(c->text.ptr, c->text.len)];
	c->next = *head;
	*head = ++w->cand_count;
}

static void
collect_cands(struct derive_work *w, uint32_t row)
{
	uint64_t t = w->job->rows->tmpls[row];
	const uint32_t *columns = w->job->rows->columns[t];
	char scratch[24], upper[DERIVE_UPPER_MAX];
	struct tsn_slice v;

	w->cand_count = 0;
	memset(w->heads, 0, sizeof w->heads);
	for (uint32_t k = 0; k < w->job->rows->slot_counts[t]; k++) {
		uint32_t c = columns[k];
		size_t n;

		if (c == w->job->target || w->job->columns[c] == NULL ||
		    !row_text(w, c, scratch, &v))
			continue;
		add_cand(w, c, DERIVE_SAME, v, false);
		n = derive_upper(v, upper);
		if (n != SIZE_MAX && memcmp(upper, v.ptr, n) != 0)
			add_cand(w, c, DERIVE_UPPER, (struct tsn_slice){upper, n},
			    true);
	}
}

/* Blanks, and the backslash that begins them in the inside of JSON strings. */
static bool
is_blank(char c)
{
	return c == ' ' || c == '\\' || c == '\t' || c == '\r' || c == '\n';
}

/* The value stands there and ends where a word does; a short one, at a blank. */
static bool
stands_at(struct tsn_slice value, struct tsn_slice text, size_t at)
{
	size_t end = at + value.len;

	if (value.len > text.len - at || memcmp(text.ptr + at, value.ptr, value.len) != 0)
		return false;
	if (end == text.len)
		return true;
	if (value.len < ALONE_MAX)
		return is_blank(text.ptr[end]);
	return !is_word((unsigned char)text.ptr[end]) || !is_word((unsigned char)text.ptr[end - 1]);
}

/* The longest value that stands at `at`. */
static const struct derive_cand *
match_cand(const struct derive_work *w, struct tsn_slice text, size_t at, bool after_blank)
{
	const struct derive_cand *best = NULL;
	size_t least = after_blank ? 1 : ALONE_MAX;

	for (size_t n = ALONE_MAX; n >= least && best == NULL; n--) {
		if (n > text.len - at)
			continue;
		for (uint32_t i = w->heads[head_of(text.ptr + at, n)]; i != 0;
		    i = w->cands[i - 1].next) {
			const struct derive_cand *c = &w->cands[i - 1];

			if ((n == ALONE_MAX ? c->text.len >= n : c->text.len == n) &&
			    (best == NULL || c->text.len > best->text.len) &&
			    stands_at(c->text, text, at))
				best = c;
		}
	}
	return best;
}

struct maker {
	struct derive_work *w;
	struct tsn_slice text;
	size_t done;			/* literal from here */
	uint32_t pieces, gap_count;
	bool labelled;			/* in this line: its label was seen */
	struct derive_gap gaps[DERIVE_PIECES_MAX];
};

static void
put_piece(struct maker *m, size_t at, uint8_t kind, uint32_t column)
{
	struct tsn_buf *b = &m->w->bytes;

	bin_add_slice(b, (struct tsn_slice){m->text.ptr + m->done, at - m->done});
	bin_add_u8(b, kind);
	if (kind == DERIVE_SAME || kind == DERIVE_UPPER || kind == DERIVE_AGAIN)
		bin_add_var(b, column);
	m->pieces++;
}

/* A gap, or a repeat of what stood in an earlier one. */
static void
put_own(struct maker *m, size_t at, size_t len, uint8_t kind)
{
	const char *text = m->text.ptr;
	uint32_t i = 0;

	while (i < m->gap_count && (len < AGAIN_MIN || m->gaps[i].len != len ||
	    memcmp(text + m->gaps[i].at, text + at, len) != 0))
		i++;
	if (i < m->gap_count) {
		put_piece(m, at, DERIVE_AGAIN, i);
	} else {
		put_piece(m, at, kind, 0);
		m->gaps[m->gap_count++] = (struct derive_gap){(uint32_t)at, (uint32_t)len};
	}
	m->done = at + len;
}

static bool
word_has_digit(struct tsn_slice text, size_t at, size_t *ret_end)
{
	bool digit = false;

	for (; at < text.len && is_word((unsigned char)text.ptr[at]); at++)
		digit |= text.ptr[at] >= '0' && text.ptr[at] <= '9';
	*ret_end = at;
	return digit;
}

/* The label of a line ends here: what follows is its value. */
static bool
ends_label(struct tsn_slice text, size_t at)
{
	if (text.ptr[at] == '=')
		return true;
	return text.ptr[at] == ':' && (at + 1 == text.len || is_blank(text.ptr[at + 1]));
}

static size_t
skip_blanks(struct tsn_slice text, size_t at)
{
	while (at < text.len) {
		if (text.ptr[at] == ' ' || text.ptr[at] == '\t')
			at++;
		else if (text.ptr[at] == '\\' && at + 1 < text.len && text.ptr[at + 1] == 't')
			at += 2;
		else
			break;
	}
	return at;
}

/* Some value of the row stands within the line, behind its beginning. */
static bool
has_inside(const struct derive_work *w, struct tsn_slice text, size_t at, size_t end)
{
	bool blank = true;
	size_t word;

	while (at < end) {
		const struct derive_cand *c = match_cand(w, text, at, blank);

		if (c != NULL && c->text.len >= INSIDE_MIN)
			return true;
		blank = is_blank(text.ptr[at]);
		(void)word_has_digit(text, at, &word);
		at = word > at ? word : at + escape_len(text, at);
	}
	return false;
}

/* The value behind a label: a reference when all of it is one, the rest of the line when nothing in
 * it is; otherwise it is looked at word by word.  Returns where to go on. */
static size_t
put_value(struct maker *m, size_t at, bool *ret_blank)
{
	size_t start = skip_blanks(m->text, at), len = line_len(m->text, start);
	const struct derive_cand *c = start == m->text.len ? NULL :
	    match_cand(m->w, m->text, start, true);

	*ret_blank = true;
	if (c != NULL && c->text.len >= len) {
		put_piece(m, start, c->kind, c->column);
		return m->done = start + c->text.len;
	}
	if (has_inside(m->w, m->text, start, start + len))
		return start;
	put_own(m, start, len, DERIVE_LINE);
	return m->done;
}

/* One word, escape or other character; returns where to go on. */
static size_t
put_next(struct maker *m, size_t at, bool *blank)
{
	struct tsn_slice text = m->text;
	const struct derive_cand *c = match_cand(m->w, text, at, *blank);
	size_t end;

	*blank = false;
	if (c != NULL) {
		put_piece(m, at, c->kind, c->column);
		return m->done = at + c->text.len;
	}
	if (is_word((unsigned char)text.ptr[at])) {
		if (word_has_digit(text, at, &end)) {
			end = at + gap_len(text, at);
			put_own(m, at, end - at, DERIVE_GAP);
		}
		return end;
	}
	if (line_len(text, at) == 0)
		m->labelled = false;
	if (!m->labelled && ends_label(text, at)) {
		m->labelled = true;
		return put_value(m, at + 1, blank);
	}
	*blank = is_blank(text.ptr[at]);
	return at + escape_len(text, at);
}

/* The pattern of this text as bytes; false when it would have too many pieces. */
static bool
make_bytes(struct derive_work *w, struct tsn_slice text)
{
	struct maker m = {.w = w, .text = text};
	bool blank = true;		/* a blank or nothing stands in front */
	size_t at = 0;

	tsn_buf_reset(&w->bytes);
	while (at < text.len && m.pieces + 2 < DERIVE_PIECES_MAX)
		at = put_next(&m, at, &blank);
	if (at < text.len)
		return false;
	put_piece(&m, at, DERIVE_END, 0);
	return tsn_buf_check(&w->bytes) == TSN_OK;
}

static void
put_in_bucket(struct deriver *d, uint32_t pattern, struct tsn_slice text)
{
	uint32_t **b = &d->buckets[bucket_of(text)];

	if (*b == NULL)
		*b = tsn_arena_calloc(d->arena, BUCKET_MAX + 1, sizeof **b);
	if (*b == NULL)
		return;			/* it is found by its bytes only */
	if (**b == BUCKET_MAX)
		(*b)[BUCKET_MAX] = pattern;
	else
		(*b)[++**b] = pattern;
}

/* The number of the pattern with these bytes, made when it is new. */
enum tsn_code
pattern_intern(struct deriver *d, struct tsn_slice bytes, uint32_t column_count, uint32_t *ret,
    bool *ret_new)
{
	uint32_t before = d->texts.count, i = dict_intern(&d->texts, bytes.ptr, bytes.len);
	struct derive_known *k;

	if (i == UINT32_MAX)
		return TSN_ENOMEM;
	*ret = i;
	*ret_new = i == before;
	if (i < before)
		return TSN_OK;
	if (i >= d->known_cap) {
		uint32_t cap = d->known_cap == 0 ? 256 : d->known_cap * 2;
		struct derive_known *fresh = reallocarray(d->known, cap, sizeof *fresh);

		if (fresh == NULL)
			return TSN_ENOMEM;
		d->known = fresh;
		d->known_cap = cap;
	}
	k = &d->known[i];
	*k = (struct derive_known){.bytes = tsn_arena_dup(d->arena, bytes)};
	if (k->bytes.ptr == NULL)
		return TSN_ENOMEM;
	return derive_pattern_parse(k->bytes, column_count, d->arena, &k->p);
}

enum tsn_code
pattern_new(struct derive_work *w, uint32_t row, struct tsn_slice text, uint32_t *ret)
{
	struct deriver *d = w->d;
	bool is_new;

	if (d->texts.count < PATTERNS_MAX && d->texts.bytes.len < PATTERN_BYTES_MAX) {
		collect_cands(w, row);
		if (make_bytes(w, text)) {
			TSN_TRY(pattern_intern(d, tsn_buf_get(&w->bytes), w->job->rows->column_count, ret,
			    &is_new));
			if (is_new)
				put_in_bucket(d, *ret, text);
			if (fits(w, &d->known[*ret].p, text))
				return TSN_OK;
		}
	}
	*ret = w->whole;
	return derive_add_gap(w, 0, text.len) ? TSN_OK : TSN_ENOMEM;
}
