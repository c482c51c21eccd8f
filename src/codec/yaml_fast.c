/*
 * The fast reader: block maps and sequences of plain, quoted (one line) and literal scalars.  It
 * gives up (TSN_EAGAIN) at the first thing it is not certain of, also at what is wrong.
 */
#include "base/assert.h"
#include "codec/yaml_int.h"

struct reader {
	struct tsn_arena *arena;
	const char *p;		/* where reading stands */
	const char *end;
	const char *line_start;
	uint32_t line;
	int col;		/* of p when it stands at content; -1 at the end of the document */
	uint32_t nodes;
	bool no_memory;
};

static struct tsn_yaml *read_node(struct reader *r, int parent, uint32_t depth);

#define ONES 0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

/* Eight bytes that are ASCII, without controls but line breaks. */
static bool
eight_are_simple(const unsigned char *p)
{
	uint64_t x, low, newline, control;

	memcpy(&x, p, sizeof x);
	if (x & HIGHS)
		return false;
	/* The highest bit of each byte: below 0x20, equal to '\n', equal to 0x7f. */
	low = ~(x + (0x80 - 0x20) * ONES) & HIGHS;
	newline = ~((x ^ '\n' * ONES) + 0x7f * ONES) & HIGHS;
	control = (x + ONES) & HIGHS;
	return ((low & ~newline) | control) == 0;
}

/* Printable by YAML 1.2, without tab, CR and rarer line breaks: else the full reader decides. */
static bool
text_is_simple(struct tsn_slice s)
{
	const unsigned char *p = (const unsigned char *)s.ptr, *end = p + s.len;

	while (p < end) {
		uint32_t c, n;

		while (end - p >= 8 && eight_are_simple(p))
			p += 8;
		if (p == end)
			break;
		c = *p;
		if (c < 0x80) {
			if ((c < 0x20 && c != '\n') || c == 0x7f)
				return false;
			p++;
			continue;
		}
		n = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		if (c < 0xc2 || c > 0xf4 || (size_t)(end - p) <= n)
			return false;
		c &= 0x3fu >> n;
		for (uint32_t i = 1; i <= n; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return false;
			c = c << 6 | (p[i] & 0x3fu);
		}
		if (c < 0xa0 || (n == 2 && c < 0x800) || (n == 3 && (c < 0x10000 || c > 0x10ffff)) ||
		    (c >= 0xd800 && c <= 0xdfff) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
		    (c & 0xfffe) == 0xfffe)
			return false;
		p += n + 1;
	}
	return true;
}

static const char *
line_end(const struct reader *r, const char *p)
{
	const char *nl = memchr(p, '\n', (size_t)(r->end - p));

	return nl == NULL ? r->end : nl;
}

/* "---" or "..." at the start of a line, followed by blank or the line's end. */
static bool
at_marker(const struct reader *r, const char *p)
{
	return r->end - p >= 3 && (memcmp(p, "---", 3) == 0 || memcmp(p, "...", 3) == 0) &&
	    (r->end - p == 3 || p[3] == ' ' || p[3] == '\n');
}

/* Moves on to the next line that has content; p behind the end of a line or at its start. */
static void
next_content(struct reader *r)
{
	while (r->p < r->end) {
		const char *q = r->p;

		while (q < r->end && *q == ' ')
			q++;
		if (q < r->end && *q != '\n' && *q != '#') {
			r->line_start = r->p;
			r->col = (int)(q - r->p);
			if (r->col == 0 && at_marker(r, q)) {
				r->col = -1;
				return;
			}
			r->p = q;
			return;
		}
		r->p = line_end(r, q);
		if (r->p < r->end) {
			r->p++;
			r->line++;
		}
	}
	r->col = -1;
}

/* p stands behind a value: only blanks and a comment may follow on the line. */
static bool
end_line(struct reader *r)
{
	const char *q = r->p;

	while (q < r->end && *q == ' ')
		q++;
	if (q < r->end && *q == '#') {
		if (q == r->p)
			return false;
		q = line_end(r, q);
	}
	if (q < r->end && *q != '\n')
		return false;
	r->p = q;
	if (q < r->end) {
		r->p++;
		r->line++;
	}
	return true;
}

static struct tsn_yaml *
new_node(struct reader *r, enum tsn_yaml_kind kind)
{
	struct tsn_yaml *n = NULL;

	if (++r->nodes <= TSN_YAML_NODES_MAX) {
		n = tsn_yaml_int_node(r->arena, kind, r->line);
		r->no_memory |= n == NULL;
	}
	return n;
}

/* 'text' with '' for '; p at the opening quote. */
static bool
read_single(struct reader *r, struct tsn_slice *ret)
{
	const char *q = r->p + 1, *stop = line_end(r, q);
	bool doubled = false;
	char *out;
	size_t n = 0;

	for (;; q++) {
		if (q >= stop)
			return false;
		if (*q != '\'')
			continue;
		if (q + 1 >= stop || q[1] != '\'')
			break;
		doubled = true;
		q++;
	}
	*ret = tsn_slice_of(r->p + 1, (size_t)(q - r->p - 1));
	r->p = q + 1;
	if (!doubled)
		return true;
	out = tsn_arena_alloc(r->arena, ret->len);
	if (out == NULL) {
		r->no_memory = true;
		return false;
	}
	for (size_t i = 0; i < ret->len; i++) {
		out[n++] = ret->ptr[i];
		i += ret->ptr[i] == '\'';
	}
	*ret = tsn_slice_of(out, n);
	return true;
}

/* "text" with the escapes \\ \" \/ \n \t; others go to the full reader. */
static bool
read_double(struct reader *r, struct tsn_slice *ret)
{
	static const char from[] = "\\\"/nt", to[] = "\\\"/\n\t";
	const char *q = r->p + 1, *stop = line_end(r, q);
	bool escaped = false;
	char *out;
	size_t n = 0;

	for (; q < stop && *q != '"'; q++)
		if (*q == '\\') {
			escaped = true;
			q++;
		}
	if (q >= stop)
		return false;
	*ret = tsn_slice_of(r->p + 1, (size_t)(q - r->p - 1));
	r->p = q + 1;
	if (!escaped)
		return true;
	out = tsn_arena_alloc(r->arena, ret->len);
	if (out == NULL) {
		r->no_memory = true;
		return false;
	}
	for (size_t i = 0; i < ret->len; i++) {
		char c = ret->ptr[i];

		if (c == '\\') {
			const char *known = memchr(from, ret->ptr[++i], sizeof from - 1);

			if (known == NULL)
				return false;
			c = to[known - from];
		}
		out[n++] = c;
	}
	*ret = tsn_slice_of(out, n);
	return true;
}

/* True when a plain scalar may begin with what stands at p. */
static bool
plain_begins(const char *p, const char *stop)
{
	char next = p + 1 < stop ? p[1] : ' ';

	if (*p == '-' || *p == '?' || *p == ':')
		return next != ' ';
	return memchr(",[]{}#&*!|>'\"%@`", *p, 17) == NULL;
}

/*
 * One line of a plain scalar in [p, stop): its end without trailing blanks.  *ret_comment when a
 * comment follows; NULL when it holds a map's key.
 */
static const char *
plain_line(const char *p, const char *stop, bool *ret_comment)
{
	const char *q = stop, *at = p;

	*ret_comment = false;
	while ((at = memchr(at, '#', (size_t)(stop - at))) != NULL) {
		if (at > p && at[-1] == ' ') {
			*ret_comment = true;
			q = at;
			break;
		}
		at++;
	}
	for (at = p; (at = memchr(at, ':', (size_t)(q - at))) != NULL; at++)
		if (at + 1 == stop || at[1] == ' ')
			return NULL;
	while (q > p && q[-1] == ' ')
		q--;
	return q;
}

/* How far lines that are blank or deeper than `parent` reach from p: bounds a folded text. */
static size_t
extent(const struct reader *r, int parent)
{
	const char *p = r->p;

	while (p < r->end) {
		const char *eol = line_end(r, p), *q = p;

		while (q < eol && *q == ' ')
			q++;
		if (q < eol && q - p <= parent)
			break;
		p = eol < r->end ? eol + 1 : eol;
	}
	return (size_t)(p - r->p);
}

/* Joins the lines of a plain scalar from `at` (its first line ends at first_end). */
static bool
fold_plain(struct reader *r, const char *at, const char *first_end, int parent,
    struct tsn_slice *ret)
{
	const char *stop = NULL;
	size_t n = (size_t)(first_end - at), breaks = 0;
	char *out = NULL;

	for (;;) {
		const char *q = r->p, *eol = line_end(r, r->p), *begin;
		bool comment;

		if (q >= r->end)
			break;
		while (q < eol && *q == ' ')
			q++;
		if (q == eol) {
			breaks++;
		} else {
			if (q - r->p <= parent || *q == '#' || (q == r->p && at_marker(r, q)))
				break;
			begin = q;
			stop = plain_line(begin, eol, &comment);
			if (stop == NULL || comment)
				return false;
			if (out == NULL) {
				out = tsn_arena_alloc(r->arena, n + breaks + 1 + extent(r, parent));
				r->no_memory |= out == NULL;
				if (out == NULL)
					return false;
				memcpy(out, at, n);
			}
			if (breaks == 0)
				out[n++] = ' ';
			for (; breaks > 0; breaks--)
				out[n++] = '\n';
			memcpy(out + n, begin, (size_t)(stop - begin));
			n += (size_t)(stop - begin);
		}
		r->p = eol < r->end ? eol + 1 : eol;
		r->line += eol < r->end;
	}
	*ret = tsn_slice_of(out == NULL ? at : out, n);
	return true;
}

/* A plain scalar that may go on over lines that stand deeper than `parent`. */
static struct tsn_yaml *
read_plain(struct reader *r, int parent)
{
	const char *at = r->p, *eol = line_end(r, r->p), *stop;
	struct tsn_yaml *n;
	bool comment;

	if (!plain_begins(at, eol))
		return NULL;
	stop = plain_line(at, eol, &comment);
	n = stop == NULL ? NULL : new_node(r, TSN_YAML_STR);
	if (n == NULL)
		return NULL;
	r->p = eol < r->end ? eol + 1 : eol;
	r->line += eol < r->end;
	n->text = tsn_slice_of(at, (size_t)(stop - at));
	if (!comment && !fold_plain(r, at, stop, parent, &n->text))
		return NULL;
	tsn_yaml_int_resolve(n);
	return n;
}

/* Lines of a literal scalar deeper than `parent`, copied without their indent; returns length. */
static bool
copy_literal(struct reader *r, int parent, char *out, size_t *ret_len)
{
	int indent = -1;
	size_t n = 0;

	while (r->p < r->end) {
		const char *eol = line_end(r, r->p), *q = r->p;

		while (q < eol && *q == ' ')
			q++;
		if (q == eol) {
			if (indent >= 0 && q - r->p > indent) {
				memcpy(out + n, r->p + indent, (size_t)(q - r->p - indent));
				n += (size_t)(q - r->p - indent);
			} else if (indent < 0 && q > r->p && q - r->p > parent + 1) {
				return false;	/* may be wrong, depending on what follows */
			}
		} else {
			if (q - r->p <= parent)
				break;
			if (indent < 0)
				indent = (int)(q - r->p);
			if (q - r->p < indent)
				return false;
			memcpy(out + n, r->p + indent, (size_t)(eol - r->p - indent));
			n += (size_t)(eol - r->p - indent);
		}
		if (eol == r->end)
			return false;	/* whether a break belongs to it is for the full reader */
		out[n++] = '\n';
		r->p = eol + 1;
		r->line++;
	}
	*ret_len = n;
	return true;
}

/* p at '|': the rest of the header, then the lines. */
static struct tsn_yaml *
read_literal(struct reader *r, int parent)
{
	struct tsn_yaml *n = new_node(r, TSN_YAML_STR);
	char chomp = ' ', *out;
	size_t len;

	if (n == NULL || parent < 0)
		return NULL;
	r->p++;
	if (r->p < r->end && (*r->p == '-' || *r->p == '+'))
		chomp = *r->p++;
	if (!end_line(r))
		return NULL;
	n->line = r->line;
	out = tsn_arena_alloc(r->arena, extent(r, parent) + 1);
	if (out == NULL) {
		r->no_memory = true;
		return NULL;
	}
	if (!copy_literal(r, parent, out, &len) || len == 0)
		return NULL;
	if (chomp != '+') {
		while (len > 0 && out[len - 1] == '\n')
			len--;
		if (chomp == ' ' && len > 0)
			out[len++] = '\n';
	}
	n->text = tsn_slice_of(out, len);
	return n;
}

/* A scalar that begins at p; deeper lines than `parent` belong to it. */
static struct tsn_yaml *
read_scalar(struct reader *r, int parent)
{
	struct tsn_yaml *n;

	if (*r->p == '|')
		return read_literal(r, parent);
	if (*r->p != '\'' && *r->p != '"')
		return read_plain(r, parent);
	n = new_node(r, TSN_YAML_STR);
	if (n == NULL)
		return NULL;
	if (*r->p == '\'' ? !read_single(r, &n->text) : !read_double(r, &n->text))
		return NULL;
	return end_line(r) ? n : NULL;
}

static bool
at_item(const struct reader *r)
{
	return *r->p == '-' && (r->p + 1 == r->end || r->p[1] == ' ' || r->p[1] == '\n');
}

/*
 * A key at p and its colon: 1 read (p behind the colon), 0 there is no key here (p unchanged, but
 * quoted text is read into *ret and p stands behind it), -1 not certain.
 */
static int
read_key(struct reader *r, struct tsn_slice *ret)
{
	const char *at = r->p, *eol = line_end(r, at), *q = at;

	if (*q == '\'' || *q == '"') {
		if (*q == '\'' ? !read_single(r, ret) : !read_double(r, ret))
			return -1;
		q = r->p;
		while (q < eol && *q == ' ')
			q++;
		if (q == eol || *q != ':' || (q + 1 < eol && q[1] != ' '))
			return 0;
		r->p = q + 1;
		return 1;
	}
	while ((q = memchr(q, ':', (size_t)(eol - q))) != NULL && q + 1 < eol && q[1] != ' ')
		q++;
	if (q == NULL)
		return 0;
	for (const char *c = at; (c = memchr(c, '#', (size_t)(q - c))) != NULL; c++)
		if (c > at && c[-1] == ' ')
			return 0;
	if (q == at || q - at > 1000 || !plain_begins(at, eol) || *at == ':' || *at == '?')
		return -1;
	r->p = q + 1;
	while (q > at && q[-1] == ' ')
		q--;
	*ret = tsn_slice_of(at, (size_t)(q - at));
	return 1;
}

/* What follows "key:" or "- " on its line and below; NULL when not certain. */
static struct tsn_yaml *
read_value(struct reader *r, int parent, bool in_map, uint32_t depth)
{
	const char *q = r->p;
	uint32_t line = r->line;
	struct tsn_yaml *n;

	while (q < r->end && *q == ' ')
		q++;
	if (q < r->end && *q != '\n' && *q != '#') {
		r->p = q;
		return in_map ? read_scalar(r, parent) : NULL;
	}
	if (!end_line(r))
		return NULL;
	next_content(r);
	if (r->col > parent || (in_map && r->col == parent && at_item(r)))
		return read_node(r, in_map && r->col == parent ? parent - 1 : parent, depth);
	if (!in_map)
		return NULL;	/* an empty item: rare, and the readers differ where blanks follow */
	n = new_node(r, TSN_YAML_NULL);
	if (n != NULL)
		n->line = line;
	return n;
}

static bool
append(struct tsn_yaml *parent, const struct tsn_yaml **tail, struct tsn_yaml *n)
{
	if (n == NULL)
		return false;
	if (*tail == NULL)
		parent->first = n;
	else
		/* The node was made here and is not yet shared. */
		((struct tsn_yaml *)(uintptr_t)*tail)->next = n;
	*tail = n;
	parent->count++;
	parent->weight += n->weight;
	return true;
}

static struct tsn_yaml *
read_map(struct reader *r, int col, uint32_t depth)
{
	struct tsn_yaml *map = new_node(r, TSN_YAML_MAP), *n;
	const struct tsn_yaml *tail = NULL;
	struct tsn_slice key;

	if (map == NULL)
		return NULL;
	do {
		uint32_t line = r->line;

		if (at_item(r) || read_key(r, &key) != 1)
			return NULL;
		n = read_value(r, col, true, depth + 1);
		if (!append(map, &tail, n))
			return NULL;
		n->key = key;
		n->key_line = line;
		if (r->col >= 0 && r->p > r->line_start && r->p[-1] == '\n')
			next_content(r);
		else if (r->p >= r->end)
			r->col = -1;
	} while (r->col == col);
	if (r->col > col || tsn_yaml_int_keys(r->arena, map, NULL) != TSN_OK)
		return NULL;
	return map;
}

static struct tsn_yaml *
read_item(struct reader *r, int col, uint32_t depth)
{
	const char *q = r->p + 1;

	while (q < r->end && *q == ' ')
		q++;
	r->p++;
	if (q == r->end || *q == '\n' || *q == '#')
		return read_value(r, col, false, depth + 1);
	r->col = col + (int)(q - r->p) + 1;
	r->p = q;
	return read_node(r, col, depth + 1);
}

static struct tsn_yaml *
read_seq(struct reader *r, int col, uint32_t depth)
{
	struct tsn_yaml *seq = new_node(r, TSN_YAML_SEQ);
	const struct tsn_yaml *tail = NULL;

	if (seq == NULL)
		return NULL;
	do {
		if (!at_item(r))
			break;
		if (!append(seq, &tail, read_item(r, col, depth)))
			return NULL;
		if (r->col >= 0 && r->p > r->line_start && r->p[-1] == '\n')
			next_content(r);
		else if (r->p >= r->end)
			r->col = -1;
	} while (r->col == col);
	return r->col > col ? NULL : seq;
}

static bool
first_on_line(const struct reader *r, const char *p)
{
	const char *q = r->line_start;

	while (q < p && *q == ' ')
		q++;
	return q == p;
}

/* What stands at p in column col; `parent` is the column of what it belongs to. */
static struct tsn_yaml *
read_node(struct reader *r, int parent, uint32_t depth)
{
	struct tsn_slice key;
	const char *at = r->p;
	int has_key;

	if (depth >= TSN_YAML_DEPTH_MAX)
		return NULL;
	if (at_item(r))
		return read_seq(r, r->col, depth);
	/* A literal's header on a line of its own: how deep its text stands is for the full reader. */
	if (*at == '|' && first_on_line(r, at))
		return NULL;
	has_key = read_key(r, &key);
	if (has_key < 0)
		return NULL;
	if (has_key == 0 && (*at == '\'' || *at == '"')) {
		/* read_key has read it already. */
		struct tsn_yaml *n = new_node(r, TSN_YAML_STR);

		if (n != NULL)
			n->text = key;
		return n != NULL && end_line(r) ? n : NULL;
	}
	r->p = at;
	return has_key == 1 ? read_map(r, r->col, depth) : read_scalar(r, parent);
}

/* A document's content and the marker behind it. */
static struct tsn_yaml *
read_document(struct reader *r)
{
	struct tsn_yaml *doc;

	r->nodes = 0;
	next_content(r);
	if (r->col < 0)
		return NULL;
	doc = read_node(r, -1, 0);
	if (doc == NULL || doc->kind < TSN_YAML_SEQ)
		return NULL;
	if (r->col >= 0)
		return NULL;
	return doc;
}

enum tsn_code
tsn_yaml_int_fast(struct tsn_arena *a, struct tsn_slice text, const struct tsn_yaml **ret_first)
{
	struct reader r = {.arena = a, .p = text.ptr, .line = 1};
	struct tsn_yaml *first = NULL, *last = NULL;

	if (text.len == 0 || text.ptr[0] == '%' || !text_is_simple(text))
		return TSN_EAGAIN;
	r.end = text.ptr + text.len;	/* an empty file may have no bytes to point to */
	do {
		struct tsn_yaml *doc;

		next_content(&r);
		if (r.col >= 0)
			r.p = r.line_start;
		if (r.p < r.end && r.col < 0) {
			/* "---" alone on its line begins a document. */
			if (*r.p != '-')
				return TSN_EAGAIN;
			r.p += 3;
			if (!end_line(&r))
				return TSN_EAGAIN;
		}
		doc = read_document(&r);
		if (doc == NULL)
			return r.no_memory ? TSN_ENOMEM : TSN_EAGAIN;
		if (last == NULL)
			first = doc;
		else
			last->next = doc;
		last = doc;
	} while (r.p < r.end);
	*ret_first = first;
	return TSN_OK;
}
