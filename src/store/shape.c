/*
 * From an event to its signature and values.
 *
 * Fields whose text lies inside the record cut it into elements: a field inside which no other
 * field begins becomes a slot, one that holds others (message) a span over elements.  What no
 * field covers is text of the template, except for tokens with digits, which become slots without
 * a key.  Values that are not in the record are constants of the template until a field has shown
 * too many of them; then they get a slot.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "store/tmpl_int.h"

/* More constants than this of one field: it is a variable. */
#define SEEN_MAX 24u
/* where a run begins, its length, the number beside it */
#define SLOTS_OF_FIELD 3u
#define SLOTS_OF_REPEAT 1u
#define SEEN_BYTES_MAX (32u << 20)
#define PLAIN_BYTES_MAX (64u << 20)

struct shape_span {
	uint32_t start, end;
	uint32_t field;
};

struct shape_elem {
	uint32_t start, end;
	uint32_t slot;		/* UINT32_MAX: text of the template, or of the time */
	tsn_key key;
	bool is_time;
	struct timetext time;
};

struct shape_escaped {
	const char *plain_of;	/* the field's text that was found equal; NULL */
	size_t at, len;		/* in `plain` */
	uint32_t elem;
};

struct shape_seen {
	uint64_t *hashes;
	uint32_t count;		/* SEEN_MAX + 1: varies */
};

void
shape_init(struct shape *s)
{
	*s = (struct shape){0};
	tsn_buf_init(&s->sig, TMPL_SIG_MAX);
	tsn_buf_init(&s->plain, PLAIN_BYTES_MAX);
	tsn_arena_init(&s->arena, SEEN_BYTES_MAX);
}

void
shape_done(struct shape *s)
{
	if (s == NULL)
		return;
	tsn_buf_done(&s->sig);
	free(s->vals);
	free(s->spans);
	free(s->elems);
	free(s->field_elem);
	free(s->escaped);
	tsn_buf_done(&s->plain);
	free(s->seen);
	tsn_arena_done(&s->arena);
	*s = (struct shape){0};
}

/* Makes room for `need` objects of `size` bytes; *p stays as it is on failure. */
static void *
grow(void *p, uint32_t *cap, uint32_t need, size_t size)
{
	uint32_t want = *cap == 0 ? 64 : *cap;
	void *fresh;

	if (need <= *cap)
		return p;
	while (want < need)
		want *= 2;
	fresh = reallocarray(p, want, size);
	if (fresh == NULL)
		return NULL;
	*cap = want;
	return fresh;
}

static enum tsn_code
reserve(struct shape *s, const struct tsn_event *ev, uint32_t key_count)
{
	uint32_t n = ev->field_count, old = s->seen_cap;
	void *p;

	if ((p = grow(s->spans, &s->span_cap, n, sizeof *s->spans)) == NULL)
		return TSN_ENOMEM;
	s->spans = p;
	if ((p = grow(s->field_elem, &s->field_cap, n, sizeof *s->field_elem)) == NULL)
		return TSN_ENOMEM;
	s->field_elem = p;
	if ((p = grow(s->vals, &s->val_cap, TMPL_SLOTS_MAX + 4, sizeof *s->vals)) == NULL)
		return TSN_ENOMEM;
	s->vals = p;
	if ((p = grow(s->elems, &s->elem_cap, 2 * TMPL_SLOTS_MAX + 4, sizeof *s->elems)) == NULL)
		return TSN_ENOMEM;
	s->elems = p;
	if (key_count <= s->seen_cap)
		return TSN_OK;
	if ((p = grow(s->seen, &s->seen_cap, key_count, sizeof *s->seen)) == NULL)
		return TSN_ENOMEM;
	s->seen = p;
	memset(s->seen + old, 0, (s->seen_cap - old) * sizeof *s->seen);
	return TSN_OK;
}

/* ---- spans ---- */

static int
order(const struct shape_span *a, const struct shape_span *b)
{
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	/* An empty text stands before what begins where it does; else the longer one first. */
	if ((a->end == a->start) != (b->end == b->start))
		return a->end == a->start ? -1 : 1;
	if (a->end != b->end)
		return a->end > b->end ? -1 : 1;
	return a->field < b->field ? -1 : a->field > b->field;
}

static int
order_void(const void *a, const void *b)
{
	return order(a, b);
}

static void
sort_spans(struct shape *s)
{
	if (s->span_count > 96) {
		qsort(s->spans, s->span_count, sizeof *s->spans, order_void);
		return;
	}
	for (uint32_t i = 1; i < s->span_count; i++) {
		struct shape_span x = s->spans[i];
		uint32_t j = i;

		for (; j > 0 && order(&x, &s->spans[j - 1]) < 0; j--)
			s->spans[j] = s->spans[j - 1];
		s->spans[j] = x;
	}
}

static bool
inside(const struct tsn_event *ev, const struct tsn_field *f, uint32_t *ret_start)
{
	uintptr_t at = (uintptr_t)f->ptr, base = (uintptr_t)ev->original.ptr;

	if (f->ptr == NULL || at < base || at - base > ev->original.len ||
	    f->len > ev->original.len - (at - base))
		return false;
	*ret_start = (uint32_t)(at - base);
	return true;
}

static void
collect_spans(struct shape *s, const struct tsn_event *ev)
{
	uint32_t start;

	s->span_count = 0;
	for (uint32_t i = 0; i < ev->field_count; i++) {
		const struct tsn_field *f = &ev->fields[i];

		s->field_elem[i] = UINT32_MAX;
		if (f->key == TSN_F_EVENT_ORIGINAL || !inside(ev, f, &start))
			continue;
		s->spans[s->span_count++] = (struct shape_span){start, start + f->len, i};
	}
	sort_spans(s);
}

/* ---- elements ---- */

static void
put_elem(struct shape *s, uint32_t start, uint32_t end, bool is_slot, tsn_key key)
{
	struct shape_elem *e;

	if (!is_slot && start == end)
		return;
	if (is_slot && s->val_count >= TMPL_SLOTS_MAX / 2) {
		s->failed = true;	/* too many: the caller stores the record whole */
		return;
	}
	e = &s->elems[s->elem_count++];
	*e = (struct shape_elem){.start = start, .end = end, .slot = UINT32_MAX, .key = key};
	if (is_slot)
		e->slot = s->val_count++;
}

/* What the event's time says already needs no slot: its length, 0 when it does not stand there. */
static uint32_t
put_time(struct shape *s, const struct tsn_event *ev, uint32_t start, uint32_t to)
{
	struct timetext t;
	struct shape_elem *e;

	if (to - start < 10 || !timetext_match(
	    (struct tsn_slice){ev->original.ptr + start, to - start}, ev->time_ns, &t))
		return 0;
	e = &s->elems[s->elem_count++];
	*e = (struct shape_elem){.start = start, .end = start + (uint32_t)timetext_len(&t),
	    .slot = UINT32_MAX, .is_time = true, .time = t};
	return e->end - start;
}

static bool
token_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' ||
	    c == ':' || c == '-' || c == '_';
}

static bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_month(const char *p, uint32_t left)
{
	return left >= 15 && p[0] >= 'A' && p[0] <= 'S' && p[3] == ' ' && p[6] == ' ' && p[9] == ':';
}

/* Text between fields: times, and tokens with a digit, which become slots. */
static void
put_text(struct shape *s, const struct tsn_event *ev, uint32_t from, uint32_t to)
{
	const char *text = ev->original.ptr;
	uint32_t done = from, skip;

	if (is_month(text + from, to - from))
		done += put_time(s, ev, from, to);
	for (uint32_t i = done; i < to; i++) {
		uint32_t start = i, end = i + 1;

		if (!is_digit((unsigned char)text[i]))
			continue;
		while (start > done && token_char((unsigned char)text[start - 1]))
			start--;
		if (start == i && to - i >= 10) {
			uint32_t at = s->elem_count;

			put_elem(s, done, start, false, 0);
			skip = put_time(s, ev, start, to);
			if (skip > 0) {
				done = start + skip;
				i = done - 1;
				continue;
			}
			s->elem_count = at;
		}
		while (end < to && token_char((unsigned char)text[end]))
			end++;
		i = end;
		while (!is_digit((unsigned char)text[end - 1]) &&
		    (text[end - 1] == '.' || text[end - 1] == ':' || text[end - 1] == '-'))
			end--;
		put_elem(s, done, start, false, 0);
		put_elem(s, start, end, true, 0);
		done = end;
		if (s->failed)
			return;
	}
	put_elem(s, done, to, false, 0);
}

/* The inside of a string with escapes becomes a slot; its plain text is kept to find its field. */
static void
put_escaped(struct shape *s, const char *text, uint32_t start, uint32_t end)
{
	struct shape_escaped *e;
	void *p = grow(s->escaped, &s->escaped_cap, s->escaped_count + 1, sizeof *s->escaped);

	if (p == NULL || !tsn_buf_room(&s->plain, end - start + 4u)) {
		s->failed = true;
		return;
	}
	s->escaped = p;
	e = &s->escaped[s->escaped_count++];
	*e = (struct shape_escaped){.at = s->plain.len, .elem = s->elem_count};
	e->len = tmpl_unescape((struct tsn_slice){text + start, end - start},
	    s->plain.ptr + s->plain.len);
	if (e->len != SIZE_MAX)
		s->plain.len += e->len;
	put_elem(s, start, end, true, 0);
}

/* The closing quote of the string whose inside begins at `i`, or `to`. */
static uint32_t
string_end(const char *text, uint32_t i, uint32_t to, bool *ret_escapes)
{
	*ret_escapes = false;
	for (; i < to && text[i] != '"'; i++) {
		if (text[i] == '\\') {
			*ret_escapes = true;
			i++;
		}
	}
	return i < to ? i : to;
}

/* Between the fields of a JSON document: strings with escapes are what fields were made of. */
static void
put_json(struct shape *s, const char *text, uint32_t from, uint32_t to)
{
	uint32_t done = from, i = from;
	bool escapes;

	/* Behind a field that is a string stands its closing quote. */
	if (i < to && i > 0 && text[i] == '"' && s->elem_count > 0)
		i++;
	while (i < to && !s->failed) {
		const char *quote = memchr(text + i, '"', to - i);
		uint32_t start, end;

		if (quote == NULL)
			break;
		start = (uint32_t)(quote - text) + 1;
		end = string_end(text, start, to, &escapes);
		i = end + 1;
		if (end >= to || !escapes || (i < to && text[i] == ':'))
			continue;
		put_elem(s, done, start, false, 0);
		put_escaped(s, text, start, end);
		done = end;
	}
	put_elem(s, done, to, false, 0);
}

static void
put_gap(struct shape *s, const struct tsn_event *ev, uint32_t from, uint32_t to)
{
	if (ev->original.ptr[0] == '{')
		put_json(s, ev->original.ptr, from, to);
	else
		put_text(s, ev, from, to);
}

static bool
is_leaf(const struct shape *s, const struct tsn_event *ev, uint32_t i)
{
	const struct shape_span *x = &s->spans[i];

	if (x->start == x->end)
		return true;
	for (i++; i < s->span_count; i++) {
		const struct shape_span *y = &s->spans[i];

		if (y->start == x->start && y->end == x->end)
			continue;
		if (y->start < x->end)
			return false;
		break;
	}
	return ev->fields[x->field].key != TSN_F_MESSAGE || ev->original.ptr[0] == '{';
}

/* A field that is the event's time as text: a span over that element. */
static bool
is_time_field(struct shape *s, const struct tsn_event *ev, const struct shape_span *x)
{
	uint32_t before = s->elem_count;

	if (x->end - x->start > TIMETEXT_MAX || put_time(s, ev, x->start, x->end) == 0)
		return false;
	if (s->elems[before].end == x->end)
		return true;
	s->elem_count = before;
	return false;
}

static void
cut(struct shape *s, const struct tsn_event *ev)
{
	uint32_t pos = 0;

	for (uint32_t i = 0; i < s->span_count && !s->failed; i++) {
		const struct shape_span *x = &s->spans[i];

		if (i > 0 && x->start == x[-1].start && x->end == x[-1].end) {
			s->field_elem[x->field] = s->field_elem[x[-1].field];
			continue;
		}
		if (!is_leaf(s, ev, i))
			continue;
		if (x->start > pos)
			put_gap(s, ev, pos, x->start);
		pos = x->end;
		if (is_time_field(s, ev, x))
			continue;
		s->field_elem[x->field] = s->elem_count;
		put_elem(s, x->start, x->end, true, ev->fields[x->field].key);
	}
	if (pos < ev->original.len && !s->failed)
		put_gap(s, ev, pos, (uint32_t)ev->original.len);
}

static void
put_sig_elems(struct shape *s, const struct tsn_event *ev)
{
	bin_add_u32(&s->sig, s->elem_count);
	for (uint32_t i = 0; i < s->elem_count; i++) {
		const struct shape_elem *e = &s->elems[i];
		uint32_t len = e->end - e->start;

		if (e->is_time) {
			bin_add_u8(&s->sig, ELEM_TIME);
			bin_add_u8(&s->sig, e->time.form);
			bin_add_u8(&s->sig, e->time.digits);
			bin_add_u8(&s->sig, e->time.comma);
			bin_add_u32(&s->sig, (uint32_t)e->time.tz_sec);
		} else if (e->slot == UINT32_MAX) {
			bin_add_u8(&s->sig, ELEM_STATIC);
			bin_add_u32(&s->sig, len);
			tsn_buf_add(&s->sig, ev->original.ptr + e->start, len);
		} else {
			bin_add_u8(&s->sig, ELEM_SLOT);
			bin_add_u32(&s->sig, e->key);
			s->vals[e->slot] = (struct val){ev->original.ptr + e->start, 0, len};
		}
	}
}

/* The string with escapes that the field's text was made of; they stand in the same order. */
static uint32_t
find_escaped(struct shape *s, const struct tsn_field *f, uint32_t *at)
{
	for (uint32_t k = 0; k < s->escaped_count; k++) {
		uint32_t i = (*at + k) % s->escaped_count;
		struct shape_escaped *e = &s->escaped[i];

		if (e->plain_of != f->ptr && (e->len != f->len ||
		    memcmp(s->plain.ptr + e->at, f->ptr, f->len) != 0))
			continue;
		if (e->len != f->len)
			continue;
		e->plain_of = f->ptr;
		*at = i + 1;
		return e->elem;
	}
	return UINT32_MAX;
}

static void
match_escaped(struct shape *s, const struct tsn_event *ev)
{
	uint32_t at = 0, start, elem;

	for (uint32_t i = 0; i < ev->field_count && s->escaped_count > 0; i++) {
		const struct tsn_field *f = &ev->fields[i];

		if (f->type != TSN_T_STR || f->ptr == NULL || f->len == 0 ||
		    f->key == TSN_F_EVENT_ORIGINAL || inside(ev, f, &start))
			continue;
		elem = find_escaped(s, f, &at);
		if (elem == UINT32_MAX)
			continue;
		s->field_elem[i] = elem;
		if (s->elems[elem].key == 0)
			s->elems[elem].key = f->key;
	}
}

/* ---- fields ---- */

static void
put_val_num(struct shape *s, uint64_t num)
{
	if (s->val_count >= TMPL_SLOTS_MAX)
		s->failed = true;
	else
		s->vals[s->val_count++] = (struct val){NULL, num, 0};
}

static void
put_val_text(struct shape *s, const char *ptr, uint32_t len)
{
	if (s->val_count >= TMPL_SLOTS_MAX)
		s->failed = true;
	else
		s->vals[s->val_count++] = (struct val){ptr, 0, len};
}

/* True when the field has shown more values than a constant would. */
static bool
varies(struct shape *s, tsn_key key, uint64_t hash)
{
	struct shape_seen *seen = &s->seen[key];

	if (seen->count > SEEN_MAX)
		return true;
	for (uint32_t i = 0; i < seen->count; i++)
		if (seen->hashes[i] == hash)
			return false;
	if (seen->hashes == NULL)
		seen->hashes = tsn_arena_alloc(&s->arena, SEEN_MAX * sizeof *seen->hashes);
	if (seen->hashes == NULL || seen->count == SEEN_MAX) {
		seen->count = SEEN_MAX + 1;
		return true;
	}
	seen->hashes[seen->count++] = hash;
	return false;
}

static uint64_t
num_bits(const struct tsn_field *f)
{
	return f->type == TSN_T_STR || f->type == TSN_T_NULL || f->type >= TSN_T_OBJECT ? 0 :
	    f->num.u;
}

static bool
has_num(uint8_t type)
{
	return type >= TSN_T_INT && type <= TSN_T_TIME;
}

static enum from
special(const struct tsn_event *ev, const struct tsn_field *f)
{
	char id[32];

	if (f->ptr == NULL) {
		if (f->type == TSN_T_TIME && f->num.i == ev->time_ns)
			return FROM_TIME;
		if (f->type == TSN_T_TIME && f->num.i == ev->created_ns)
			return FROM_CREATED;
		if (f->type == TSN_T_INT && f->key == TSN_F_LOG_OFFSET &&
		    f->num.u == ev->offset)
			return FROM_OFFSET;
		if (f->type == TSN_T_INT && f->key == TSN_F_LOG_FILE_LINE && f->num.u == ev->line)
			return FROM_LINE;
		return FROM_CONST;
	}
	if (f->type != TSN_T_STR)
		return FROM_CONST;
	if (f->key == TSN_F_EVENT_ORIGINAL &&
	    tsn_slice_eq((struct tsn_slice){f->ptr, f->len}, ev->original))
		return FROM_ORIGINAL;
	if (f->key == TSN_F_LOG_FILE_PATH &&
	    tsn_slice_eq((struct tsn_slice){f->ptr, f->len}, ev->source->path))
		return FROM_PATH;
	if (f->key == TSN_F_LOG_SOURCE_ADDRESS &&
	    tsn_slice_eq((struct tsn_slice){f->ptr, f->len}, ev->source->address))
		return FROM_ADDRESS;
	if (f->key == TSN_F_EVENT_ID && f->len == sizeof id) {
		tsn_event_id_format(ev->id, id);
		if (memcmp(f->ptr, id, sizeof id) == 0)
			return FROM_ID;
	}
	return FROM_CONST;
}

static void
put_field_head(struct shape *s, const struct tsn_field *f, enum from from, enum num_from num_from)
{
	char head[12];

	bin_store32(head, f->key);
	bin_store32(head + 4, f->pos);
	head[8] = (char)f->type;
	head[9] = (char)f->flags;
	head[10] = (char)from;
	head[11] = (char)num_from;
	tsn_buf_add(&s->sig, head, sizeof head);
}

static void
put_num_beside(struct shape *s, const struct tsn_event *ev, const struct tsn_field *f,
    enum num_from num_from)
{
	if (num_from != NUM_SLOT)
		return;
	put_val_num(s, f->type == TSN_T_TIME ? f->num.u - (uint64_t)ev->time_ns : f->num.u);
}

static enum num_from
how_num(const struct tsn_field *f)
{
	uint64_t bits;

	if (!has_num(f->type) || f->ptr == NULL)
		return NUM_NONE;
	if (tmpl_num_of_text(f->type, (struct tsn_slice){f->ptr, f->len}, &bits) &&
	    bits == f->num.u)
		return NUM_TEXT;
	return NUM_SLOT;
}

static void
put_const(struct shape *s, const struct tsn_field *f, bool text)
{
	put_field_head(s, f, FROM_CONST, NUM_NONE);
	bin_add_u8(&s->sig, text);
	bin_add_u32(&s->sig, text ? f->len : 0);
	tsn_buf_add(&s->sig, f->ptr, text ? f->len : 0);
	bin_add_u64(&s->sig, num_bits(f));
}

static bool
carries_text(const struct tsn_field *f)
{
	return f->ptr != NULL && f->type < TSN_T_OBJECT && f->type != TSN_T_NULL;
}

/* A value that is not in the record: constant or slot. */
static void
put_outside(struct shape *s, const struct tsn_event *ev, const struct tsn_field *f)
{
	bool text = carries_text(f);
	uint64_t num = num_bits(f);
	uint64_t hash = tsn_hash_bytes(text ? f->ptr : "", text ? f->len : 0, num + f->type);

	if ((f->type == TSN_T_TIME || varies(s, f->key, hash)) && (text || has_num(f->type))) {
		enum num_from num_from = text ? how_num(f) : NUM_NONE;

		put_field_head(s, f, text ? FROM_SLOT : FROM_NUM, num_from);
		if (text) {
			bin_add_u32(&s->sig, UINT32_MAX);
			put_val_text(s, f->ptr, f->len);
			put_num_beside(s, ev, f, num_from);
		} else {
			put_val_num(s, f->type == TSN_T_TIME ? num - (uint64_t)ev->time_ns : num);
		}
		return;
	}
	put_const(s, f, text);
}

/* The place of byte `pos` of the record: the first element that begins there or covers it. */
static void
put_place(struct shape *s, uint32_t pos)
{
	uint32_t low = 0, high = s->elem_count;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (s->elems[mid].start < pos)
			low = mid + 1;
		else
			high = mid;
	}
	if ((low == s->elem_count || s->elems[low].start != pos) && low > 0 &&
	    s->elems[low - 1].end > pos)
		low--;
	bin_add_u32(&s->sig, low);
	bin_add_u32(&s->sig, low == s->elem_count ? 0 : pos - s->elems[low].start);
}

static void
put_field(struct shape *s, const struct tsn_event *ev, uint32_t i, bool whole)
{
	const struct tsn_field *f = &ev->fields[i];
	enum from from = special(ev, f);
	enum num_from num_from;
	uint32_t start;

	if (from != FROM_CONST) {
		put_field_head(s, f, from, NUM_NONE);
		return;
	}
	if (whole && s->val_count > TMPL_SLOTS_MAX - SLOTS_OF_FIELD - SLOTS_OF_REPEAT) {
		put_const(s, f, carries_text(f));	/* thousands of fields: no slots are left */
		return;
	}
	if (!whole && s->field_elem[i] != UINT32_MAX && !inside(ev, f, &start)) {
		put_field_head(s, f, FROM_ESCAPED, NUM_NONE);
		bin_add_u32(&s->sig, s->elems[s->field_elem[i]].slot);
		return;
	}
	if (f->key == TSN_F_EVENT_ORIGINAL || f->type == TSN_T_NULL || f->type >= TSN_T_OBJECT ||
	    !inside(ev, f, &start)) {
		put_outside(s, ev, f);
		return;
	}
	num_from = how_num(f);
	if (whole) {
		put_field_head(s, f, FROM_RUN, num_from);
		put_val_num(s, start);
		put_val_num(s, f->len);
	} else if (s->field_elem[i] != UINT32_MAX) {
		put_field_head(s, f, FROM_SLOT, num_from);
		bin_add_u32(&s->sig, s->elems[s->field_elem[i]].slot);
	} else {
		put_field_head(s, f, FROM_SPAN, num_from);
		put_place(s, start);
		put_place(s, start + f->len);
	}
	put_num_beside(s, ev, f, num_from);
}

static void
put_head(struct shape *s, const struct tsn_event *ev)
{
	bin_add_u32(&s->sig, ev->flags);
	bin_add_u8(&s->sig, ev->repeat != 1);
	bin_add_u32(&s->sig, (uint32_t)ev->dataset.len);
	tsn_buf_slice(&s->sig, ev->dataset);
	bin_add_u32(&s->sig, ev->pos_count);
	for (uint32_t i = 0; i < ev->pos_count; i++) {
		bin_add_u32(&s->sig, ev->pos[i].parent);
		bin_add_u32(&s->sig, ev->pos[i].list);
		bin_add_u32(&s->sig, ev->pos[i].index);
	}
}

static uint32_t
keys_bound(const struct tsn_event *ev)
{
	tsn_key top = 0;

	for (uint32_t i = 0; i < ev->field_count; i++)
		if (ev->fields[i].key > top)
			top = ev->fields[i].key;
	return top + 1;
}

enum tsn_code
shape_make(struct shape *s, const struct tsn_event *ev, bool whole)
{
	TSN_TRY(reserve(s, ev, keys_bound(ev)));
	tsn_buf_reset(&s->sig);
	s->val_count = 0;
	s->elem_count = 0;
	s->escaped_count = 0;
	tsn_buf_reset(&s->plain);
	s->failed = false;
	collect_spans(s, ev);
	put_head(s, ev);
	if (whole)
		put_elem(s, 0, (uint32_t)ev->original.len, true, 0);
	else
		cut(s, ev);
	if (s->failed)
		return TSN_ELIMIT;
	match_escaped(s, ev);
	put_sig_elems(s, ev);
	bin_add_u32(&s->sig, ev->field_count);
	for (uint32_t i = 0; i < ev->field_count; i++)
		put_field(s, ev, i, whole);
	if (ev->repeat != 1)
		put_val_num(s, ev->repeat);
	if (s->failed)
		return TSN_ELIMIT;
	return tsn_buf_check(&s->sig);
}
