/*
 * Documents of one shape (the same fields at the same places, in the same order) differ in their
 * values only.  The first of them is written by the tree (doc_write.c), which tells where the
 * values stand; what is between them is kept, and the next ones are that text with other values.
 */
#include <stdlib.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "codec/json.h"
#include "event/doc_int.h"

#define SHAPES 1024u		/* a power of two */
#define SHAPE_FIELDS_MAX 512u
#define SHAPE_TEXT_MAX (32u << 10)
#define PIECE_STEP 32u

struct piece {
	uint32_t text_len;	/* text before the value */
	uint32_t field;
};

struct shape {
	uint64_t hash;
	uint32_t field_count, pos_count, piece_count;
	uint32_t tail_len;
	uint64_t *names;	/* what the hash is of, one word a field: exact comparison */
	struct tsn_pos *pos;
	struct piece *pieces;
	char *text;
};

struct tsn_doc_writer {
	struct tsn_keys *keys;
	struct shape shapes[SHAPES];
	uint64_t names[SHAPE_FIELDS_MAX];
	struct tsn_doc_spot spots[SHAPE_FIELDS_MAX];
	/* the times of one event are often the same: when it was, and when it was received */
	struct written_time {
		int64_t ns;
		size_t len;	/* 0: none yet */
		char text[TSN_TIME_TEXT_MAX];
	} times[2];
	uint32_t times_next;	/* which of them gives way */
};

struct tsn_doc_writer *
tsn_doc_writer_new(struct tsn_keys *keys)
{
	struct tsn_doc_writer *w = calloc(1, sizeof *w);

	if (w != NULL)
		w->keys = keys;
	return w;
}

static void
shape_done(struct shape *s)
{
	free(s->names);
	*s = (struct shape){0};
}

void
tsn_doc_writer_free(struct tsn_doc_writer *w)
{
	if (w == NULL)
		return;
	for (uint32_t i = 0; i < SHAPES; i++)
		shape_done(&w->shapes[i]);
	free(w);
}

/* All that decides what stands between the values. */
static uint64_t
name_of(const struct tsn_field *f)
{
	uint64_t kind = f->type == TSN_T_OBJECT ? 1 : f->type == TSN_T_LIST ? 2 : 0;

	if (f->flags & TSN_FIELD_HIDDEN)
		kind = 3;
	return (uint64_t)f->pos << 34 ^ (uint64_t)f->key << 2 ^ kind;
}

static bool
same(const struct shape *s, const struct tsn_event *ev, const uint64_t *names)
{
	return s->field_count == ev->field_count && s->pos_count == ev->pos_count &&
	    memcmp(s->names, names, ev->field_count * sizeof *names) == 0 &&
	    (ev->pos_count == 0 || memcmp(s->pos, ev->pos, ev->pos_count * sizeof *ev->pos) == 0);
}

static void
write_time(struct tsn_doc_writer *w, int64_t ns, struct tsn_buf *out)
{
	struct written_time *t = &w->times[0];

	if (t->len == 0 || t->ns != ns)
		t = &w->times[1];
	if (t->len == 0 || t->ns != ns) {
		t = &w->times[w->times_next];
		w->times_next ^= 1;
		t->ns = ns;
		t->len = tsn_time_format(ns, t->text);
	}
	tsn_buf_char(out, '"');
	tsn_buf_add(out, t->text, t->len);
	tsn_buf_char(out, '"');
}

/* Texts between values are short: copied in steps, of which the last may go beyond the text. */
static inline void
write_piece(struct tsn_buf *out, const char *text, size_t len)
{
	char *to = out->ptr + out->len;

	if (TSN_UNLIKELY(out->cap - out->len < len + PIECE_STEP)) {
		tsn_buf_add(out, text, len);
		return;
	}
	for (size_t i = 0; i < len; i += PIECE_STEP)
		memcpy(to + i, text + i, PIECE_STEP);
	out->len += len;
}

static inline void
write_value(struct tsn_doc_writer *w, const struct tsn_field *f, struct tsn_buf *out)
{
	if (TSN_LIKELY(f->type == TSN_T_STR))
		tsn_json_write_string(out, (struct tsn_slice){f->ptr, f->len});
	else if (f->type == TSN_T_TIME)
		write_time(w, f->num.i, out);
	else
		tsn_doc_write_value(f, out);
}

static void
write_shape(struct tsn_doc_writer *w, const struct shape *s, const struct tsn_event *ev,
    struct tsn_buf *out)
{
	const char *text = s->text;

	for (uint32_t i = 0; i < s->piece_count; i++) {
		write_piece(out, text, s->pieces[i].text_len);
		text += s->pieces[i].text_len;
		write_value(w, &ev->fields[s->pieces[i].field], out);
	}
	write_piece(out, text, s->tail_len);
}

/* Keeps what was just written as a shape; when memory is short it is not kept. */
static void
keep(struct shape *s, const struct tsn_event *ev, const uint64_t *names, uint64_t hash,
    const struct tsn_doc_spots *spots, struct tsn_slice doc, size_t begin)
{
	size_t text_len = doc.len, at = begin;
	char *memory, *text;

	for (uint32_t i = 0; i < spots->count; i++)
		text_len -= spots->items[i].end - spots->items[i].begin;
	shape_done(s);
	if (text_len > SHAPE_TEXT_MAX)
		return;
	memory = malloc(ev->field_count * sizeof *s->names + ev->pos_count * sizeof *s->pos +
	    spots->count * sizeof *s->pieces + text_len + PIECE_STEP);
	if (memory == NULL)
		return;
	*s = (struct shape){.hash = hash, .field_count = ev->field_count,
	    .pos_count = ev->pos_count, .piece_count = spots->count};
	s->names = (void *)memory;
	s->pos = (void *)(s->names + ev->field_count);
	s->pieces = (void *)(s->pos + ev->pos_count);
	s->text = text = (void *)(s->pieces + spots->count);
	memcpy(s->names, names, ev->field_count * sizeof *names);
	if (ev->pos_count > 0)
		memcpy(s->pos, ev->pos, ev->pos_count * sizeof *ev->pos);
	for (uint32_t i = 0; i < spots->count; i++) {
		size_t len = spots->items[i].begin - at;

		memcpy(text, doc.ptr + (at - begin), len);
		text += len;
		s->pieces[i] = (struct piece){(uint32_t)len, spots->items[i].field};
		at = spots->items[i].end;
	}
	s->tail_len = (uint32_t)(begin + doc.len - at);
	memcpy(text, doc.ptr + (at - begin), s->tail_len);
}

void
tsn_doc_writer_write(struct tsn_doc_writer *w, const struct tsn_event *ev, struct tsn_buf *out)
{
	struct tsn_doc_spots spots = {.items = w->spots, .cap = SHAPE_FIELDS_MAX};
	size_t begin = out->len;
	struct shape *s;
	uint64_t hash = ev->pos_count;

	if (ev->field_count > SHAPE_FIELDS_MAX || ev->field_count == 0) {
		tsn_doc_write(ev, w->keys, out);
		return;
	}
	for (uint32_t i = 0; i < ev->field_count; i++) {
		w->names[i] = name_of(&ev->fields[i]);
		hash = tsn_hash_mix(hash ^ w->names[i], UINT64_C(0xa0761d6478bd642f) + i);
	}
	s = &w->shapes[hash & (SHAPES - 1)];
	if (s->names != NULL && s->hash == hash && same(s, ev, w->names)) {
		write_shape(w, s, ev, out);
		return;
	}
	tsn_doc__write(ev, w->keys, out, &spots);
	if (out->failed == TSN_OK)
		keep(s, ev, w->names, hash, &spots,
		    tsn_slice_of(out->ptr + begin, out->len - begin), begin);
}
