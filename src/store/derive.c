/*
 * Finding how texts of a column repeat the other values of their rows.
 *
 * A text is first tried against the patterns that fitted texts with the same beginning; only where
 * none fits a new one is made: at each place where a word begins the longest value of the row that
 * stands there becomes a reference, what else has digits a gap, and the rest is literal.
 */
#include "store/derive_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"

#define PATTERNS_MAX 8192u
#define PATTERN_BYTES_MAX (4u << 20)
#define ARENA_BYTES_MAX (64u << 20)
/* Patterns are found by so many bytes at the beginning of a text; so many of them are tried. */
#define BUCKET_BITS 10u
#define BUCKET_BYTES 12u
#define TRIES_MAX 8u
#define BUCKET_MAX 32u
/* Rows after which it must have shown that it pays, and how clearly. */
#define SAMPLE_ROWS 512u
#define PAYS 4u
#define PLAIN_MIN 2048u
#define VALUES_MAX 512u
#define HEADS 256u
#define AGAIN_MIN 4u
/* Texts of gaps that are so long on average stand in the segment's dictionary. */
#define LONG_GAP_MIN 48u
#define LONG_GAPS_MAX (4u << 20)
/* A value of this length inside a line is worth to be looked for. */
#define INSIDE_MIN 8u
#define SEEN_BITS 13u
/* After a block in which it did not pay so many are not tried, then twice as many ... */
#define REST_FIRST 1u
#define REST_MAX 64u
/* A value shorter than this must stand alone. */
#define ALONE_MAX 4u

struct known {
	struct derive_pattern p;
	struct tsn_slice bytes;
	uint64_t hits;
	bool stored;		/* some block of the segment has it */
	/* In the block at hand: its number + 1, its rows, what they would take otherwise and so. */
	uint32_t local, rows;
	uint64_t plain, cost;
};

struct deriver {
	struct tsn_arena arena;
	struct dict texts;		/* patterns as bytes: code is the index of `known` */
	struct known *known;
	uint32_t known_cap;
	uint32_t *buckets[1u << BUCKET_BITS];	/* indices by hits; the first is how many */
	uint32_t rest, rest_next;	/* blocks not to be tried */
};

struct gap {
	uint32_t at, len;		/* in the text of its row */
};

#define CAND_OWN 64u

/* A value of the row at hand, for making patterns. */
struct cand {
	struct tsn_slice text;
	uint32_t column, next;		/* next: with the same beginning, + 1 */
	uint8_t kind;
	char own[CAND_OWN];
};

struct work {
	struct deriver *d;
	const struct derive_job *job;
	struct column *target;
	uint32_t *cursor, *stamp, *at;	/* by column: values before this row; row that has it; which */
	uint32_t stamp_now;
	uint32_t row_count;
	uint32_t *patterns;		/* by row of the target */
	uint32_t *gap_first;		/* by row: its first gap in `gaps` */
	struct gap *gaps;
	uint32_t gap_count, gap_cap;
	uint32_t *used;			/* patterns of this block in the order of first use */
	uint32_t used_count;
	struct cand *cands;
	uint32_t cand_count, heads[HEADS];
	struct tsn_buf bytes;		/* a pattern in the making */
	bool *seen;			/* by code of the target */
	uint64_t total;			/* bytes of texts */
	uint32_t whole;			/* the pattern that is one gap; UINT32_MAX: not used */
	uint64_t *gaps_seen;		/* hashes of texts of gaps */
};

struct deriver *
deriver_new(void)
{
	struct deriver *d = calloc(1, sizeof *d);

	if (d == NULL)
		return NULL;
	tsn_arena_init(&d->arena, ARENA_BYTES_MAX);
	dict_init(&d->texts);
	return d;
}

void
deriver_free(struct deriver *d)
{
	if (d == NULL)
		return;
	dict_done(&d->texts);
	tsn_arena_done(&d->arena);
	free(d->known);
	free(d);
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

	while (end < text.len && text.ptr[end] != '\n' && text.ptr[end] != '\r') {
		char next = text.ptr[end] == '\\' && end + 1 < text.len ? text.ptr[end + 1] : 0;

		if (next == 'n' || next == 'r')
			break;
		end += escape_len(text, end);
	}
	return end - at;
}

/* ---- values of the row at hand ---- */

static struct tsn_slice
column_text(const struct column *c, uint32_t i, char scratch[24])
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
row_text(const struct work *w, uint32_t column, char scratch[24], struct tsn_slice *ret)
{
	if (w->stamp[column] != w->stamp_now)
		return false;
	*ret = column_text(w->job->columns[column], w->at[column], scratch);
	return true;
}

/* Notes which columns the row has; false when it has the target not just once. */
static bool
enter_row(struct work *w, uint32_t row, bool *ret_has)
{
	uint64_t t = w->job->rows->tmpls[row];
	const uint32_t *columns = w->job->rows->columns[t];
	uint32_t hits = 0;

	w->stamp_now = row + 1;
	for (uint32_t k = 0; k < w->job->rows->slot_counts[t]; k++) {
		uint32_t c = columns[k], at = w->cursor[c]++;

		hits += c == w->job->target;
		if (w->stamp[c] == w->stamp_now || w->job->columns[c] == NULL)
			continue;
		w->stamp[c] = w->stamp_now;
		w->at[c] = at;
	}
	*ret_has = hits > 0;
	return hits <= 1;
}

/* ---- does a pattern fit ---- */

static bool
add_gap(struct work *w, size_t at, size_t len)
{
	if (w->gap_count == w->gap_cap) {
		uint32_t cap = w->gap_cap == 0 ? 4096 : w->gap_cap * 2;
		struct gap *gaps = reallocarray(w->gaps, cap, sizeof *gaps);

		if (gaps == NULL)
			return false;
		w->gaps = gaps;
		w->gap_cap = cap;
	}
	w->gaps[w->gap_count++] = (struct gap){(uint32_t)at, (uint32_t)len};
	return true;
}

/* Length of what stands for the piece at `at` of the text; SIZE_MAX: something else stands there. */
static size_t
piece_len(struct work *w, const struct derive_piece *p, uint32_t first_gap, struct tsn_slice text,
    size_t at)
{
	char scratch[24], upper[DERIVE_UPPER_MAX];
	struct tsn_slice v = {"", 0};
	size_t n;

	if (p->kind == DERIVE_END)
		return at == text.len ? 0 : SIZE_MAX;
	if (derive_is_gap(p)) {
		n = p->kind == DERIVE_GAP ? gap_len(text, at) : line_len(text, at);
		return (n > 0 || p->kind == DERIVE_LINE) && add_gap(w, at, n) ? n : SIZE_MAX;
	}
	if (p->kind == DERIVE_AGAIN) {
		const struct gap *g = &w->gaps[first_gap + p->column];

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
fits(struct work *w, const struct derive_pattern *p, struct tsn_slice text)
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

	return (uint32_t)(tsn_hash_bytes(text.ptr, n, 0) >> (64 - BUCKET_BITS));
}

static uint32_t
find_pattern(struct work *w, struct tsn_slice text)
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

	return (uint32_t)(tsn_hash_bytes(p, n, 0) % HEADS);
}

static void
add_cand(struct work *w, uint32_t column, uint8_t kind, struct tsn_slice text, bool copy)
{
	struct cand *c = &w->cands[w->cand_count];
	uint32_t *head;

	if (w->cand_count == VALUES_MAX || text.len == 0 || (copy && text.len > CAND_OWN))
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
collect_cands(struct work *w, uint32_t row)
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
static const struct cand *
match_cand(const struct work *w, struct tsn_slice text, size_t at, bool after_blank)
{
	const struct cand *best = NULL;
	size_t least = after_blank ? 1 : ALONE_MAX;

	for (size_t n = ALONE_MAX; n >= least && best == NULL; n--) {
		if (n > text.len - at)
			continue;
		for (uint32_t i = w->heads[head_of(text.ptr + at, n)]; i != 0;
		    i = w->cands[i - 1].next) {
			const struct cand *c = &w->cands[i - 1];

			if ((n == ALONE_MAX ? c->text.len >= n : c->text.len == n) &&
			    (best == NULL || c->text.len > best->text.len) &&
			    stands_at(c->text, text, at))
				best = c;
		}
	}
	return best;
}

struct maker {
	struct work *w;
	struct tsn_slice text;
	size_t done;			/* literal from here */
	uint32_t pieces, gap_count;
	bool labelled;			/* in this line: its label was seen */
	struct gap gaps[DERIVE_PIECES_MAX];
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
		m->gaps[m->gap_count++] = (struct gap){(uint32_t)at, (uint32_t)len};
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
has_inside(const struct work *w, struct tsn_slice text, size_t at, size_t end)
{
	bool blank = true;
	size_t word;

	while (at < end) {
		const struct cand *c = match_cand(w, text, at, blank);

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
	const struct cand *c = start < m->text.len ? match_cand(m->w, m->text, start, true) : NULL;

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
	const struct cand *c = match_cand(m->w, text, at, *blank);
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
make_bytes(struct work *w, struct tsn_slice text)
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
		*b = tsn_arena_calloc(&d->arena, BUCKET_MAX + 1, sizeof **b);
	if (*b == NULL)
		return;			/* it is found by its bytes only */
	if (**b == BUCKET_MAX)
		(*b)[BUCKET_MAX] = pattern;
	else
		(*b)[++**b] = pattern;
}

/* The number of the pattern with these bytes, made when it is new. */
static enum tsn_code
intern(struct deriver *d, struct tsn_slice bytes, uint32_t column_count, uint32_t *ret,
    bool *ret_new)
{
	uint32_t before = d->texts.count, i = dict_intern(&d->texts, bytes.ptr, bytes.len);
	struct known *k;

	if (i == UINT32_MAX)
		return TSN_ENOMEM;
	*ret = i;
	*ret_new = i == before;
	if (i < before)
		return TSN_OK;
	if (i >= d->known_cap) {
		uint32_t cap = d->known_cap == 0 ? 256 : d->known_cap * 2;
		struct known *fresh = reallocarray(d->known, cap, sizeof *fresh);

		if (fresh == NULL)
			return TSN_ENOMEM;
		d->known = fresh;
		d->known_cap = cap;
	}
	k = &d->known[i];
	*k = (struct known){.bytes = tsn_arena_dup(&d->arena, bytes)};
	if (k->bytes.ptr == NULL)
		return TSN_ENOMEM;
	return derive_pattern_parse(k->bytes, column_count, &d->arena, &k->p);
}

static enum tsn_code
new_pattern(struct work *w, uint32_t row, struct tsn_slice text, uint32_t *ret)
{
	struct deriver *d = w->d;
	bool is_new;

	if (d->texts.count < PATTERNS_MAX && d->texts.bytes.len < PATTERN_BYTES_MAX) {
		collect_cands(w, row);
		if (make_bytes(w, text)) {
			TSN_TRY(intern(d, tsn_buf_get(&w->bytes), w->job->rows->column_count, ret,
			    &is_new));
			if (is_new)
				put_in_bucket(d, *ret, text);
			if (fits(w, &d->known[*ret].p, text))
				return TSN_OK;
		}
	}
	*ret = w->whole;
	return add_gap(w, 0, text.len) ? TSN_OK : TSN_ENOMEM;
}

/* ---- a block ---- */

/* About what the text will take: nearly nothing when it stood in this gap before. */
static uint64_t
gap_cost(struct work *w, uint32_t pattern, uint32_t gap, struct tsn_slice text)
{
	uint64_t hash = tsn_hash_bytes(text.ptr, text.len, (uint64_t)pattern << 32 | gap);
	uint64_t *seen = &w->gaps_seen[hash >> (64 - SEEN_BITS)];

	if (*seen == hash)
		return 1;
	*seen = hash;
	return text.len;
}

static void
clear_block(struct known *k)
{
	k->local = k->rows = 0;
	k->plain = k->cost = 0;
}

static void
use_pattern(struct work *w, uint32_t pattern)
{
	struct known *k = &w->d->known[pattern];

	if (k->local != 0)
		return;
	w->used[w->used_count++] = pattern;
	k->local = w->used_count;
	k->cost = k->stored ? 0 : k->bytes.len;
}

static enum tsn_code
take_text(struct work *w, uint32_t row)
{
	char scratch[24];
	uint32_t n = w->row_count, at = w->at[w->job->target], pattern, gap = w->gap_count;
	uint64_t code = w->target->v[at];
	struct tsn_slice text = column_text(w->target, at, scratch);
	struct known *k;

	w->total += text.len;
	pattern = find_pattern(w, text);
	if (pattern == UINT32_MAX)
		TSN_TRY(new_pattern(w, row, text, &pattern));
	use_pattern(w, pattern);
	k = &w->d->known[pattern];
	k->rows++;
	k->cost++;
	for (uint32_t i = gap; i < w->gap_count; i++)
		k->cost += gap_cost(w, pattern, i - gap, (struct tsn_slice){
		    text.ptr + w->gaps[i].at, w->gaps[i].len});
	if (!w->seen[code] && (w->target->local || code >= w->target->dict_before))
		k->plain += text.len;
	w->seen[code] = true;
	w->patterns[n] = pattern;
	w->gap_first[n] = gap;
	w->row_count++;
	return TSN_OK;
}

/* Texts of a pattern that saves little are stored whole, whatever becomes of the others. */
static bool
is_kept(const struct known *k)
{
	return k->stored ? k->cost * 2 <= k->plain + k->rows : k->cost * 2 < k->plain;
}

/* True when those of good patterns save much more than the others lose. */
static bool
pays(const struct work *w)
{
	uint64_t plain = 0, cost = 0, lost = 0;

	for (uint32_t i = 0; i < w->used_count; i++) {
		const struct known *k = &w->d->known[w->used[i]];

		if (w->used[i] != w->whole && is_kept(k)) {
			plain += k->plain;
			cost += k->cost;
		} else if (!w->target->local) {
			lost += k->rows;	/* repeats of texts of earlier blocks */
		}
	}
	return plain >= PLAIN_MIN && (cost + lost) * PAYS < plain && w->total < DERIVE_BYTES_MAX;
}

/* Rows of patterns that are not kept become gaps as a whole. */
static enum tsn_code
drop_patterns(struct work *w)
{
	struct known *known = w->d->known;
	uint32_t n = 0;
	char scratch[24];

	for (uint32_t i = 0; i < w->row_count; i++) {
		struct known *k = &known[w->patterns[i]];

		if (w->patterns[i] == w->whole || is_kept(k))
			continue;
		w->gap_first[i] = w->gap_count;
		if (!add_gap(w, 0, column_text(w->target, i, scratch).len))
			return TSN_ENOMEM;
		w->patterns[i] = w->whole;
		known[w->whole].rows++;
	}
	use_pattern(w, w->whole);
	for (uint32_t i = 0; i < w->used_count; i++) {
		struct known *k = &known[w->used[i]];
		bool stays = w->used[i] == w->whole ? k->rows > 0 : is_kept(k);

		if (stays) {
			w->used[n] = w->used[i];
			k->local = ++n;
		} else {
			clear_block(k);
		}
	}
	w->used_count = n;
	return TSN_OK;
}

static enum tsn_code
take_rows(struct work *w, bool *ret_pays)
{
	bool has;

	*ret_pays = false;
	for (uint32_t i = 0; i < w->job->rows->count; i++) {
		if (!enter_row(w, i, &has))
			return TSN_OK;
		if (!has)
			continue;
		TSN_TRY(take_text(w, i));
		if (w->row_count % SAMPLE_ROWS == 0 && !pays(w))
			return TSN_OK;
	}
	*ret_pays = pays(w);
	return TSN_OK;
}

struct gap_job {
	const uint32_t *rows;
	uint32_t n, gap;
	uint64_t *v;			/* scratch: 3 * n */
};

static struct tsn_slice
gap_text(const struct work *w, const struct gap_job *j, uint32_t i, char scratch[24])
{
	struct gap g = w->gaps[w->gap_first[j->rows[i]] + j->gap];
	struct tsn_slice text = column_text(w->target, j->rows[i], scratch);

	return (struct tsn_slice){text.ptr + g.at, g.len};
}

/* Long texts are likely to come again in later blocks. */
static enum tsn_code
put_long_gap(struct work *w, const struct gap_job *j, struct tsn_buf *out)
{
	char scratch[24];

	for (uint32_t i = 0; i < j->n; i++) {
		struct tsn_slice s = gap_text(w, j, i, scratch);
		uint32_t code;

		/* It may stand in the dictionary that takes it: not while that grows. */
		tsn_buf_reset(&w->bytes);
		tsn_buf_slice(&w->bytes, s);
		TSN_TRY(tsn_buf_check(&w->bytes));
		code = dict_intern(w->job->dict, w->bytes.ptr, w->bytes.len);
		if (code == UINT32_MAX)
			return TSN_ENOMEM;
		j->v[i] = code;
	}
	bin_add_u8(out, COLUMN_SHARED);
	return column_put_ints(out, j->v, j->n, j->v + j->n);
}

/* Texts of one gap of one pattern, in the order of rows: a column of their own. */
static enum tsn_code
put_gap(struct work *w, const struct gap_job *j, struct tsn_buf *out)
{
	struct column_info info;
	struct column c;
	enum tsn_code rc = TSN_OK;
	uint64_t total = 0;
	char scratch[24];

	for (uint32_t i = 0; i < j->n; i++)
		total += gap_text(w, j, i, scratch).len;
	if (total / j->n >= LONG_GAP_MIN && w->job->dict->bytes.len < LONG_GAPS_MAX)
		return put_long_gap(w, j, out);
	column_init(&c, false);
	c.local = true;
	for (uint32_t i = 0; i < j->n && rc == TSN_OK; i++) {
		struct tsn_slice s = gap_text(w, j, i, scratch);

		rc = column_add_text(&c, s.ptr, (uint32_t)s.len);
	}
	if (rc == TSN_OK)
		rc = column_flush(&c, out, j->v, &info);
	column_done(&c);
	return rc;
}

/* Rows by pattern: those of used[k] are order[first[k] .. first[k + 1]). */
static void
sort_rows(const struct work *w, uint32_t *first, uint32_t *order)
{
	uint32_t sum = 0;

	for (uint32_t k = 0; k < w->used_count; k++) {
		first[k] = sum;
		sum += w->d->known[w->used[k]].rows;
	}
	for (uint32_t i = 0; i < w->row_count; i++)
		order[first[w->d->known[w->patterns[i]].local - 1]++] = i;
	for (uint32_t k = w->used_count; k > 0; k--)
		first[k] = first[k - 1];
	first[0] = 0;
}

static enum tsn_code
put_gaps(struct work *w, uint64_t *v, struct tsn_buf *out)
{
	uint32_t *first = calloc((size_t)w->used_count + 1, sizeof *first);
	uint32_t *order = calloc((size_t)w->row_count + 1, sizeof *order);
	enum tsn_code rc = first == NULL || order == NULL ? TSN_ENOMEM : TSN_OK;

	if (rc == TSN_OK)
		sort_rows(w, first, order);
	for (uint32_t k = 0; k < w->used_count && rc == TSN_OK; k++)
		for (uint32_t g = 0; g < w->d->known[w->used[k]].p.gaps && rc == TSN_OK; g++)
			rc = put_gap(w, &(struct gap_job){order + first[k], first[k + 1] - first[k], g, v},
			    out);
	free(first);
	free(order);
	return rc;
}

static void
note_level(const struct work *w)
{
	uint8_t level = 0;

	for (uint32_t k = 0; k < w->used_count; k++) {
		const struct derive_pattern *p = &w->d->known[w->used[k]].p;

		for (uint32_t i = 0; i < p->count; i++)
			if (derive_is_ref(&p->pieces[i]) &&
			    w->job->levels[p->pieces[i].column] > level)
				level = w->job->levels[p->pieces[i].column];
	}
	w->job->levels[w->job->target] = (uint8_t)(level + 1);
}

static enum tsn_code
put(struct work *w, struct tsn_buf *out)
{
	uint64_t *v = reallocarray(NULL, (size_t)w->row_count + 1, 3 * sizeof *v);
	enum tsn_code rc;

	if (v == NULL)
		return TSN_ENOMEM;
	bin_add_u8(out, COLUMN_DERIVED);
	bin_add_var(out, w->used_count);
	for (uint32_t k = 0; k < w->used_count; k++) {
		struct tsn_slice s = w->d->known[w->used[k]].bytes;
		uint32_t code;

		w->d->known[w->used[k]].stored = true;
		code = dict_intern(w->job->dict, s.ptr, s.len);

		if (code == UINT32_MAX) {
			free(v);
			return TSN_ENOMEM;
		}
		bin_add_var(out, code);
	}
	note_level(w);
	for (uint32_t i = 0; i < w->row_count; i++)
		v[i] = w->d->known[w->patterns[i]].local - 1;
	rc = column_put_ints(out, v, w->row_count, v + w->row_count);
	if (rc == TSN_OK)
		rc = put_gaps(w, v, out);
	free(v);
	return rc == TSN_OK ? tsn_buf_check(out) : rc;
}

static enum tsn_code
whole_pattern(struct work *w)
{
	static const char bytes[] = {0, DERIVE_GAP, 0, DERIVE_END};
	bool is_new;

	return intern(w->d, (struct tsn_slice){bytes, sizeof bytes}, w->job->rows->column_count,
	    &w->whole, &is_new);
}

static bool
prepare(struct work *w)
{
	uint32_t columns = w->job->rows->column_count, n = w->target->n;

	w->cursor = calloc((size_t)columns + 1, 3 * sizeof *w->cursor);
	w->patterns = calloc((size_t)n + 2, 3 * sizeof *w->patterns);
	w->cands = calloc(VALUES_MAX + 1, sizeof *w->cands);
	w->seen = calloc((size_t)w->target->dict.count + 1, sizeof *w->seen);
	w->gaps_seen = calloc((size_t)1 << SEEN_BITS, sizeof *w->gaps_seen);
	tsn_buf_init(&w->bytes, DERIVE_BYTES_MAX);
	if (w->cursor == NULL || w->patterns == NULL || w->cands == NULL || w->seen == NULL ||
	    w->gaps_seen == NULL)
		return false;
	w->stamp = w->cursor + columns + 1;
	w->at = w->stamp + columns + 1;
	w->gap_first = w->patterns + n + 2;
	w->used = w->gap_first + n + 2;
	return whole_pattern(w) == TSN_OK;
}

static void
plan_rest(struct deriver *d, bool paid)
{
	if (paid)
		d->rest_next = 0;
	else
		d->rest_next = d->rest_next == 0 ? REST_FIRST : d->rest_next * 2;
	if (d->rest_next > REST_MAX)
		d->rest_next = REST_MAX;
	d->rest = d->rest_next;
}

enum tsn_code
derive_block(struct deriver *d, const struct derive_job *job, struct tsn_buf *out,
    bool *ret_pays)
{
	struct work w = {.d = d, .job = job, .target = job->columns[job->target]};
	size_t before = out->len;
	enum tsn_code rc;

	*ret_pays = false;
	if (d->rest > 0) {
		d->rest--;
		return TSN_OK;
	}
	rc = prepare(&w) ? take_rows(&w, ret_pays) : TSN_ENOMEM;
	if (rc == TSN_OK && *ret_pays)
		rc = drop_patterns(&w);
	if (rc == TSN_OK && *ret_pays)
		rc = put(&w, out);
	if (rc == TSN_OK)
		plan_rest(d, *ret_pays);
	if (rc != TSN_OK || !*ret_pays)
		out->len = before;
	for (uint32_t i = 0; i < w.used_count; i++)
		clear_block(&d->known[w.used[i]]);
	free(w.cursor);
	free(w.patterns);
	free(w.gaps);
	free(w.cands);
	free(w.seen);
	free(w.gaps_seen);
	tsn_buf_done(&w.bytes);
	return rc;
}
