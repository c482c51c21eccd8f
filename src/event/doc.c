/* JSON to fields.  The way back is in doc_write.c. */
#include "event/doc.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "codec/json.h"

#define NAMES_FIRST 256u
/* Names that one flattener remembers; then it forgets all and begins anew. */
#define NAMES_MAX 8192u
#define NAME_BYTES_MAX (1u << 20)
/* Names up to here are compared with two vector loads. */
#define NAME_INLINE 32u

/*
 * A name below a parent.  `text` is the name as it stands in JSON with its closing quote, so that
 * one comparison finds both.
 */
struct name {
	char text[NAME_INLINE];
	const char *ptr;		/* name and quote: text, or the arena when longer */
	uint32_t hash;
	tsn_key parent;
	tsn_key key;
	uint16_t next, alt;		/* names that followed this one last, and before that */
	uint16_t len;			/* without the quote */
	uint8_t map;			/* index into doc->maps */
	uint8_t mark;
	bool plain;			/* stands in JSON as it is: may be foretold */
};
_Static_assert(sizeof(struct name) == 64, "a name is one line of the cache");

struct tsn_doc {
	struct tsn_keys *keys;
	struct name *names;		/* [0]: before the first name of a document */
	uint32_t count, cap;
	uint16_t *slots;		/* open addressing, 2 * cap, 0 free */
	struct tsn_arena long_names;
	const struct tsn_doc_map *maps[TSN_DOC_MAPS_MAX + 1];	/* [0]: none */
	uint16_t marks[TSN_DOC_MARKS];
	bool not_utf8;
};

struct level {
	tsn_key key;
	uint32_t pos;
	uint32_t index;			/* of the list element being read */
	bool object;
};

struct flat {
	struct tsn_json_in in;
	struct tsn_doc *doc;
	struct tsn_batch *batch;
	uint8_t map;			/* index into doc->maps */
	tsn_key key;			/* of the value to read */
	uint32_t pos;
	uint32_t last;			/* name read before, index into doc->names */
	uint32_t depth;
	struct level levels[TSN_NESTING_MAX];
};

static void
forget(struct tsn_doc *d)
{
	memset(d->slots, 0, d->cap * 2 * sizeof *d->slots);
	memset(&d->names[0], 0, sizeof d->names[0]);
	d->count = 1;
	tsn_arena_reset(&d->long_names);
}

static bool
resize(struct tsn_doc *d, uint32_t cap)
{
	struct name *names = aligned_alloc(sizeof *names, cap * sizeof *names);
	uint16_t *slots = calloc(cap * 2u, sizeof *slots);

	if (names == NULL || slots == NULL) {
		free(names);
		free(slots);
		return false;
	}
	for (uint32_t i = 0; i < d->count; i++) {
		uint32_t at = d->names[i].hash;

		names[i] = d->names[i];
		if (names[i].len < NAME_INLINE)
			names[i].ptr = names[i].text;
		while (i > 0 && slots[at % (cap * 2)] != 0)
			at++;
		if (i > 0)
			slots[at % (cap * 2)] = (uint16_t)i;
	}
	free(d->names);
	free(d->slots);
	d->names = names;
	d->slots = slots;
	d->cap = cap;
	return true;
}

struct tsn_doc *
tsn_doc_new(struct tsn_keys *keys)
{
	struct tsn_doc *d = calloc(1, sizeof *d);

	TSN_ASSERT(keys != NULL);
	if (d == NULL)
		return NULL;
	d->keys = keys;
	tsn_arena_init(&d->long_names, NAME_BYTES_MAX);
	if (!resize(d, NAMES_FIRST)) {
		free(d);
		return NULL;
	}
	forget(d);
	return d;
}

void
tsn_doc_free(struct tsn_doc *d)
{
	if (d == NULL)
		return;
	tsn_arena_done(&d->long_names);
	free(d->names);
	free(d->slots);
	free(d);
}

uint16_t *
tsn_doc_marks(struct tsn_doc *d)
{
	return d->marks;
}

bool
tsn_doc_not_utf8(const struct tsn_doc *d)
{
	return d->not_utf8;
}

static tsn_key
resolve(struct flat *s, tsn_key parent, struct tsn_slice name, uint8_t *ret_mark)
{
	const struct tsn_doc_map *map = s->doc->maps[s->map];

	if (parent == TSN_KEY_NONE || parent == TSN_DOC_DROP)
		return parent;
	if (name.len == 0)
		name = TSN_SLICE("_");
	if (map != NULL)
		return map->child(s->doc->keys, parent, name, ret_mark);
	return tsn_keys_child(s->doc->keys, parent, name);
}

static bool
is_plain(struct tsn_slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] == '"' || name.ptr[i] == '\\' || (unsigned char)name.ptr[i] < 0x20)
			return false;
	return true;
}

/* Remembers a name; 0 when it cannot be remembered (the key is good all the same). */
static uint32_t
remember(struct flat *s, tsn_key parent, struct tsn_slice name, uint32_t hash, tsn_key key,
    uint8_t mark)
{
	struct tsn_doc *d = s->doc;
	struct name *n;
	char *copy;
	uint32_t at = hash;

	if (name.len > TSN_KEY_BYTES_MAX)
		return 0;
	if (d->count == d->cap && (d->cap == NAMES_MAX || !resize(d, d->cap * 2))) {
		forget(d);
		s->last = 0;
	}
	n = &d->names[d->count];
	copy = n->text;
	if (name.len >= NAME_INLINE)
		copy = tsn_arena_alloc(&d->long_names, name.len + 1);
	if (copy == NULL) {
		forget(d);
		s->last = 0;
		return 0;
	}
	*n = (struct name){.ptr = copy, .map = s->map, .hash = hash, .parent = parent, .key = key,
	    .len = (uint16_t)name.len, .mark = mark, .plain = is_plain(name)};
	memcpy(copy, name.ptr, name.len);
	copy[name.len] = '"';
	while (d->slots[at % (d->cap * 2)] != 0)
		at++;
	d->slots[at % (d->cap * 2)] = (uint16_t)d->count;
	return d->count++;
}

static inline void
set_key(struct flat *s, tsn_key key, uint8_t mark)
{
	uint16_t *marks = s->doc->marks;

	s->key = key;
	if (mark != 0 && marks[mark] == 0 && key != TSN_KEY_NONE && (key & TSN_DOC_DROP) == 0)
		marks[mark] = (uint16_t)(s->batch->open->field_count + 1);
}

/* The name was not foretold: finds it in the table, or resolves it, and learns the succession. */
static void
look_up(struct flat *s, tsn_key parent, struct tsn_slice name)
{
	struct tsn_doc *d = s->doc;
	uint32_t hash = (uint32_t)tsn_hash_slice(name, parent), found = 0;

	for (uint32_t at = hash; d->slots[at % (d->cap * 2)] != 0; at++) {
		const struct name *n = &d->names[d->slots[at % (d->cap * 2)]];

		if (n->hash == hash && n->parent == parent && n->map == s->map &&
		    tsn_slice_eq((struct tsn_slice){n->ptr, n->len}, name)) {
			found = d->slots[at % (d->cap * 2)];
			break;
		}
	}
	if (found == 0) {
		uint8_t mark = 0;
		tsn_key key = resolve(s, parent, name, &mark);

		TSN_ASSERT(mark < TSN_DOC_MARKS);
		found = remember(s, parent, name, hash, key, mark);
		if (found == 0) {
			set_key(s, key, mark);
			return;
		}
	}
	if (d->names[found].plain) {
		d->names[s->last].alt = d->names[s->last].next;
		d->names[s->last].next = (uint16_t)found;
	}
	s->last = found;
	set_key(s, d->names[found].key, d->names[found].mark);
}

static inline bool
stands_at(const struct name *n, const char *p, const char *end)
{
#ifdef __SSE2__
	if (TSN_LIKELY(n->len < NAME_INLINE && end - p >= (ptrdiff_t)NAME_INLINE)) {
		const __m128i *text = (const __m128i *)(const void *)n->text;
		const __m128i *here = (const __m128i *)(const void *)p;
		uint64_t same = (uint32_t)_mm_movemask_epi8(
		    _mm_cmpeq_epi8(_mm_loadu_si128(text), _mm_loadu_si128(here)));
		uint64_t want = (UINT64_C(2) << n->len) - 1;

		if (n->len >= 16)
			same |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(
			    _mm_loadu_si128(text + 1), _mm_loadu_si128(here + 1))) << 16;
		return (same & want) == want;
	}
#endif
	return end - p > n->len && memcmp(n->ptr, p, n->len + 1u) == 0;
}

/* Reads a name and its colon: the key of the value that follows is in s->key. */
static inline bool
read_name(struct flat *s, tsn_key parent)
{
	struct tsn_json_in *in = &s->in;
	const struct name *names = s->doc->names;
	uint32_t guess = names[s->last].next;
	struct tsn_slice name;

	if (TSN_UNLIKELY(in->at == in->end || *in->at != '"'))
		return tsn_json_fail(in, in->at, TSN_EPARSE, "a name in quotes");
	in->at++;
	if (!(guess != 0 && names[guess].parent == parent && names[guess].map == s->map &&
	    stands_at(&names[guess], in->at, in->end))) {
		guess = names[s->last].alt;
		if (!(guess != 0 && names[guess].parent == parent &&
		    names[guess].map == s->map && stands_at(&names[guess], in->at, in->end)))
			guess = 0;
	}
	if (TSN_LIKELY(guess != 0)) {
		in->at += names[guess].len + 1;
		s->last = guess;
		set_key(s, names[guess].key, names[guess].mark);
	} else {
		if (!tsn_json_string(in, &name))
			return false;
		look_up(s, parent, name);
	}
	tsn_json_blank(in);
	if (TSN_UNLIKELY(in->at == in->end || *in->at != ':'))
		return tsn_json_fail(in, in->at, TSN_EPARSE, "':'");
	in->at++;
	tsn_json_blank(in);
	return true;
}

static inline bool
wanted(tsn_key key)
{
	return key - 1 < TSN_DOC_DROP - 1;
}

static inline void
emit(struct flat *s, const struct tsn_field *f)
{
	struct tsn_batch *b = s->batch;
	struct tsn_event *ev = b->open;

	if (TSN_LIKELY(wanted(f->key) && ev->field_count < b->open_field_cap))
		ev->fields[ev->field_count++] = *f;
	else if (f->key == TSN_KEY_NONE || wanted(f->key))
		tsn_event_add(b, f);
}

static void
emit_type(struct flat *s, enum tsn_type type, bool value)
{
	emit(s, &(struct tsn_field){.num.i = value, .key = s->key, .pos = s->pos,
	    .type = (uint8_t)type});
}

static bool
number(struct flat *s)
{
	static const uint8_t types[] = {[TSN_JSON_INT] = TSN_T_INT, [TSN_JSON_UINT] = TSN_T_UINT,
	    [TSN_JSON_FLOAT] = TSN_T_FLOAT};
	struct tsn_json_number n;
	struct tsn_field f;

	if (!tsn_json_number(&s->in, &n))
		return false;
	f = (struct tsn_field){.ptr = n.text.ptr, .len = (uint32_t)n.text.len, .key = s->key,
	    .pos = s->pos, .type = types[n.kind]};
	memcpy(&f.num, &n.as, sizeof f.num);
	emit(s, &f);
	return true;
}

static bool
literal(struct flat *s)
{
	char word;

	if (!tsn_json_literal(&s->in, &word))
		return false;
	emit_type(s, word == 'n' ? TSN_T_NULL : TSN_T_BOOL, word == 't');
	return true;
}

/* The place of the next element; a list that is not wanted needs none. */
static void
element(struct flat *s, struct level *l)
{
	s->key = l->key;
	s->pos = l->pos;
	if (!wanted(l->key))
		return;
	s->pos = tsn_event_add_pos(s->batch, l->pos, l->key, l->index++);
	if (s->pos == 0)
		s->key = TSN_DOC_DROP;
}

/* At '{' or '['.  An empty one is a value; else its level is entered. */
static bool
enter(struct flat *s)
{
	struct tsn_json_in *in = &s->in;
	bool object = *in->at++ == '{';
	struct level *l;

	tsn_json_blank(in);
	if (in->at < in->end && *in->at == (object ? '}' : ']')) {
		in->at++;
		emit_type(s, object ? TSN_T_OBJECT : TSN_T_LIST, false);
		return true;
	}
	if (s->depth == TSN_NESTING_MAX)
		return tsn_json_fail(in, in->at, TSN_ELIMIT,
		    "more than " TSN_STR(TSN_NESTING_MAX) " levels of nesting");
	l = &s->levels[s->depth++];
	*l = (struct level){.key = s->key, .pos = s->pos, .object = object};
	if (s->key != TSN_KEY_NONE)
		l->key = (s->key & TSN_DOC_DROP) != 0 ? TSN_DOC_DROP : s->key & ~TSN_DOC_MEMBERS;
	if (!object) {
		element(s, l);
		return true;
	}
	return read_name(s, l->key);
}

/* Behind a value: the next one, or the ends of levels.  *ret_done at the end of the document. */
static inline bool
advance(struct flat *s, bool *ret_done)
{
	struct tsn_json_in *in = &s->in;

	while (s->depth > 0) {
		struct level *l = &s->levels[s->depth - 1];

		tsn_json_blank(in);
		if (TSN_UNLIKELY(in->at == in->end))
			return tsn_json_fail(in, in->at, TSN_EPARSE, l->object ? "',' or '}'" : "',' or ']'");
		if (TSN_LIKELY(*in->at == ',')) {
			in->at++;
			tsn_json_blank(in);
			s->pos = l->pos;
			if (l->object)
				return read_name(s, l->key);
			element(s, l);
			return true;
		}
		if (*in->at != (l->object ? '}' : ']'))
			return tsn_json_fail(in, in->at, TSN_EPARSE, l->object ? "',' or '}'" : "',' or ']'");
		in->at++;
		s->depth--;
	}
	*ret_done = true;
	return true;
}

static bool
walk(struct flat *s)
{
	struct tsn_json_in *in = &s->in;
	bool done = false;

	while (!done) {
		uint32_t depth = s->depth;
		struct tsn_slice text;

		if (TSN_UNLIKELY(in->at == in->end))
			return tsn_json_fail(in, in->at, TSN_EPARSE, "a value");
		switch (*in->at) {
		case '"':
			in->at++;
			if (!tsn_json_string(in, &text))
				return false;
			emit(s, &(struct tsn_field){.ptr = text.ptr, .len = (uint32_t)text.len,
			    .key = s->key, .pos = s->pos, .type = TSN_T_STR});
			break;
		case '{':
		case '[':
			if (!enter(s))
				return false;
			break;
		case 't':
		case 'f':
		case 'n':
			if (!literal(s))
				return false;
			break;
		default:
			if (!number(s))
				return false;
		}
		if (s->depth == depth && !advance(s, &done))
			return false;
	}
	return true;
}

/* All of a document: blanks and a byte order mark before it, blanks behind it. */
static bool
document(struct flat *s, tsn_key base)
{
	struct tsn_json_in *in = &s->in;

	if (tsn_slice_starts((struct tsn_slice){in->at, (size_t)(in->end - in->at)},
	    TSN_SLICE("\xef\xbb\xbf")))
		in->at += 3;
	tsn_json_blank(in);
	if (base == TSN_KEY_ROOT && (in->at == in->end || *in->at != '{'))
		return tsn_json_fail(in, in->at, TSN_EPARSE, "'{'");
	if (!walk(s))
		return false;
	tsn_json_blank(in);
	return in->at == in->end || tsn_json_fail(in, in->at, TSN_EPARSE, "the end of the text");
}

static uint8_t
map_index(struct tsn_doc *d, const struct tsn_doc_map *map)
{
	uint8_t i = 0;

	while (d->maps[i] != map) {
		i++;
		TSN_ASSERT(i <= TSN_DOC_MAPS_MAX);
		if (d->maps[i] == NULL)
			d->maps[i] = map;
	}
	return i;
}

enum tsn_code
tsn_doc_flatten(struct tsn_doc *d, struct tsn_batch *b, tsn_key base,
    const struct tsn_doc_map *map, struct tsn_slice json, struct tsn_err *err)
{
	struct flat s;
	struct tsn_event *ev = b->open;
	uint32_t fields, places, flags;

	TSN_ASSERT(ev != NULL);
	if (json.len > UINT32_MAX)
		TSN_FAIL(err, TSN_ELIMIT, "JSON: longer than 4 GiB");
	fields = ev->field_count;
	places = ev->pos_count;
	flags = ev->flags;
	tsn_json_begin(&s.in, json, &b->arena);
	s.doc = d;
	s.batch = b;
	s.map = map_index(d, map);
	memset(d->marks, 0, sizeof d->marks);
	s.key = base;
	s.pos = s.last = s.depth = 0;
	if (!document(&s, base)) {
		ev->field_count = fields;
		ev->pos_count = places;
		ev->flags = flags;
		tsn_json_finish(&s.in);
		return tsn_json_error(&s.in, err);
	}
	d->not_utf8 = s.in.not_utf8;
	tsn_json_finish(&s.in);
	return TSN_OK;
}
