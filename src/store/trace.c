/*
 * The machine of a test along the pieces of a text.  Forward: which states can be in front of each
 * piece.  Backward: for which of them the answer is known whatever the values are.  What is left
 * open hangs on the values of some slots: they become the links of a chain.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "store/look_int.h"

#define OPEN ((uint32_t)TSN_AUTO__FIXED)	/* of a state, and above: the answer hangs on values */

/* The texts of these blocks are in no dictionary of the segment. */
#define LOCAL_FORMS (1u << COLUMN_LOCAL | 1u << COLUMN_DERIVED)

/* States in front of one piece. */
struct stop {
	uint16_t *states;
	uint32_t *res;			/* of each: a fixed state, or a number that those share from
					 * which everything goes on the same: at least OPEN */
	uint32_t *readings;		/* SLOT: of each */
	uint32_t count;
	bool hangs;			/* SLOT: for some state the values differ */
};

struct trace {
	struct hint_seg *hs;
	const struct test *t;
	struct found *f;
	const struct piece *pieces;
	struct stop *stops;		/* count + 1 */
	uint32_t count;
	bool glued;
};

struct outs {
	uint16_t states[OUTS_MAX];
	uint32_t count;
	bool many;
};

static void
add_out(struct outs *o, uint32_t state)
{
	for (uint32_t i = 0; i < o->count; i++)
		if (o->states[i] == state)
			return;
	if (o->count == OUTS_MAX)
		o->many = true;
	else
		o->states[o->count++] = (uint16_t)state;
}

/* ---- what a time can do ---- */

/* 2003-01-05T12:00:00 and 2011-10-22T11:11:11, in whatever zone: where their months and days have
 * the same character it is one of the form. */
#define TIME_A (INT64_C(1041768000) * TSN_NS_PER_SEC)
#define TIME_B (INT64_C(1319281871) * TSN_NS_PER_SEC)

/* What may stand where these two stand in two times. */
static struct tsn_slice
time_chars(const char *a, const char *b)
{
	if (*a >= '0' && *a <= '9')
		return TSN_SLICE("0123456789");
	if (*a == ' ' && *b != ' ')	/* a day of one digit */
		return TSN_SLICE(" 0123456789");
	if (*a == *b)
		return (struct tsn_slice){a, 1};
	return *a >= 'a' ? TSN_SLICE("abceglnoprtuvy") : TSN_SLICE("ADFJMNOS");
}

static void
time_outs(struct tsn_auto *a, const struct elem *e, uint32_t in, struct outs *ret)
{
	char a_text[TIMETEXT_MAX], b_text[TIMETEXT_MAX];
	struct outs now = {.count = 0}, next;

	add_out(&now, in);
	if (e->len > TIMETEXT_MAX || !timetext_put(&e->time, TIME_A, a_text) ||
	    !timetext_put(&e->time, TIME_B, b_text)) {
		ret->many = true;
		return;
	}
	for (uint32_t at = 0; at < e->len && !now.many; at++) {
		struct tsn_slice chars = time_chars(&a_text[at], &b_text[at]);

		next = (struct outs){.count = 0};
		for (uint32_t i = 0; i < now.count; i++)
			for (size_t c = 0; c < chars.len; c++)
				add_out(&next, tsn_auto_run(a, now.states[i],
				    (struct tsn_slice){chars.ptr + c, 1}));
		now = next;
	}
	*ret = now;
}

/* ---- what the values of a column can do ---- */

/* Any number of any of these bytes; `none`: or none of them. */
static void
add_closure(struct tsn_auto *a, uint32_t in, struct tsn_slice bytes, bool none, struct outs *o)
{
	struct outs all = {.count = 0};

	for (size_t c = 0; c < bytes.len; c++)
		add_out(&all, tsn_auto_run(a, in, (struct tsn_slice){bytes.ptr + c, 1}));
	if (none)
		add_out(&all, in);
	for (uint32_t i = 0; i < all.count && !all.many; i++)
		for (size_t c = 0; c < bytes.len && all.states[i] >= TSN_AUTO__FIXED; c++)
			add_out(&all, tsn_auto_run(a, all.states[i],
			    (struct tsn_slice){bytes.ptr + c, 1}));
	for (uint32_t i = 0; i < all.count; i++)
		add_out(o, all.states[i]);
	o->many |= all.many;
}

uint16_t
trace_value(struct hint_seg *hs, const struct test *t, const struct reading *r,
    struct tsn_slice text)
{
	bool plain = r->how == READ_PLAIN || r->how >= READ_VALUE_PLAIN;
	struct tsn_buf buf;
	uint16_t out;

	tsn_buf_init(&buf, DICT_BYTES_MAX);
	if (plain && memchr(text.len == 0 ? "" : text.ptr, '\\', text.len) != NULL) {
		if (!tsn_buf_room(&buf, text.len + 4))
			return TSN_AUTO_UNSURE;
		text = (struct tsn_slice){buf.ptr, tmpl_unescape(text, buf.ptr)};
	}
	if (text.len == SIZE_MAX)
		out = TSN_AUTO_UNSURE;
	else if (r->how < READ_VALUE)
		out = (uint16_t)tsn_auto_run(t->machine, r->in, text);
	else
		out = look_test(hs, t, (uint8_t)((r->how - READ_VALUE) % 16), text) ? TSN_AUTO_YES :
										     TSN_AUTO_NO;
	tsn_buf_done(&buf);
	return out;
}

static uint16_t
octet_out(const struct test *t, uint32_t state, unsigned octet, bool dot)
{
	char text[4];
	size_t n = 0;
	uint16_t *memo;

	if (state < TSN_AUTO__FIXED)
		return (uint16_t)state;
	memo = &t->octets[(state * 2 + dot) * 256 + octet];
	if (*memo == 0) {
		if (octet >= 100)
			text[n++] = (char)('0' + octet / 100);
		if (octet >= 10)
			text[n++] = (char)('0' + octet / 10 % 10);
		text[n++] = (char)('0' + octet % 10);
		text[n] = '.';
		*memo = (uint16_t)(1 + tsn_auto_run(t->machine, state,
		    (struct tsn_slice){text, n + dot}));
	}
	return (uint16_t)(*memo - 1);
}

/* An address, octet by octet: what each does to a state is found out once. */
static uint16_t
addr_out(const struct test *t, uint32_t state, uint32_t addr)
{
	for (unsigned shift = 24; shift > 0; shift -= 8)
		state = octet_out(t, state, addr >> shift & 255, true);
	return octet_out(t, state, addr & 255, false);
}

static enum tsn_code
read_dictionary(struct hint_seg *hs, const struct test *t, struct reading *r, struct outs *o)
{
	const struct seg_column *c = &hs->seg->columns[r->column];
	uint16_t last = UINT16_MAX;

	TSN_TRY(seg_dict_lean(hs->seg, r->column));
	if (c->dict.addrs != NULL && r->how != READ_RECORD)
		TSN_TRY(seg_dict(hs->seg, r->column));
	r->codes = tsn_arena_alloc(&hs->arena, ((size_t)c->dict.count + 1) * sizeof *r->codes);
	if (r->codes == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < c->dict.count; i++) {
		r->codes[i] = c->dict.addrs != NULL ? addr_out(t, r->in, c->dict.addrs[i]) :
		    trace_value(hs, t, r, strings_get(&c->dict, i));
		if (r->codes[i] != last)
			add_out(o, r->codes[i]);
		last = r->codes[i];
	}
	return TSN_OK;
}

bool
rows_digits_can(const struct test *t, uint64_t min, uint64_t max)
{
	return !t->number || (t->low >= min && t->low <= max);
}

static void
read_numbers(const struct test *t, struct reading *r, const struct seg_column *c, bool glued,
    struct outs *o)
{
	bool machine = r->how < READ_VALUE;

	if (t->number && !(machine && glued))
		r->calm = machine ? (uint16_t)tsn_auto_run(t->machine, r->in, TSN_SLICE("0")) :
				    TSN_AUTO_NO;
	if (r->calm != UNCALM && machine && t->low == 0)
		r->calm = UNCALM;
	if (r->calm != UNCALM && !rows_digits_can(t, c->num_min, c->num_max)) {
		add_out(o, r->calm);
	} else if (machine) {
		add_closure(t->machine, r->in, TSN_SLICE("0123456789"), false, o);
	} else {
		add_out(o, TSN_AUTO_NO);
		add_out(o, TSN_AUTO_YES);
	}
}

static enum tsn_code
read_column(struct hint_seg *hs, const struct test *t, struct reading *r, bool glued)
{
	const struct seg_column *c = &hs->seg->columns[r->column];
	struct outs o = {.count = 0};
	char bytes[256];

	if (c->forms & 1u << COLUMN_SHARED)
		TSN_TRY(read_dictionary(hs, t, r, &o));
	if (c->forms & (1u << COLUMN_DIGITS | 1u << COLUMN_PADDED))
		read_numbers(t, r, c, glued, &o);
	if (c->forms & LOCAL_FORMS && r->how < READ_VALUE)
		add_closure(t->machine, r->in, (struct tsn_slice){bytes,
		    tsn_auto_classes(t->machine, bytes)}, true, &o);
	if (r->how >= READ_VALUE && (c->is_num || c->forms & LOCAL_FORMS)) {
		add_out(&o, TSN_AUTO_NO);
		add_out(&o, TSN_AUTO_YES);
	}
	if (o.count == 0)
		add_out(&o, TSN_AUTO_NO);
	memcpy(r->outs, o.states, sizeof r->outs);
	r->out_count = o.count;
	r->many = o.many;
	return TSN_OK;
}

enum tsn_code
trace_reading(struct hint_seg *hs, const struct test *t, struct found *f, uint32_t column,
    uint8_t how, uint16_t in, bool glued, uint32_t *ret)
{
	struct reading *r;

	for (uint32_t i = f->reading_of[column]; i != 0; i = f->readings[i - 1].next) {
		r = &f->readings[i - 1];
		if (r->in == in && r->how == how && (r->calm == UNCALM || !glued)) {
			*ret = i - 1;
			return TSN_OK;
		}
	}
	if (f->reading_count == f->reading_cap) {
		uint32_t cap = f->reading_cap == 0 ? 16 : f->reading_cap * 2;

		r = reallocarray(f->readings, cap, sizeof *r);
		if (r == NULL)
			return TSN_ENOMEM;
		f->readings = r;
		f->reading_cap = cap;
	}
	r = &f->readings[f->reading_count];
	*r = (struct reading){.column = column, .how = how, .in = in, .calm = UNCALM,
	    .next = f->reading_of[column]};
	TSN_TRY(read_column(hs, t, r, glued));
	*ret = f->reading_count;
	f->reading_of[column] = ++f->reading_count;
	return TSN_OK;
}

/* ---- forward ---- */

static enum tsn_code
outs_of(struct trace *x, uint32_t at, uint32_t j, struct outs *ret)
{
	const struct piece *p = &x->pieces[at];
	struct stop *stop = &x->stops[at];
	const struct reading *r;

	*ret = (struct outs){.count = 0};
	if (p->kind == PIECE_TEXT) {
		add_out(ret, tsn_auto_run(x->t->machine, stop->states[j], p->text));
	} else if (p->kind == PIECE_TIME) {
		time_outs(x->t->machine, p->elem, stop->states[j], ret);
	} else {
		TSN_TRY(trace_reading(x->hs, x->t, x->f, p->column, p->how, stop->states[j], x->glued,
		    &stop->readings[j]));
		r = &x->f->readings[stop->readings[j]];
		memcpy(ret->states, r->outs, sizeof ret->states);
		ret->count = r->out_count;
		ret->many = r->many;
	}
	return TSN_OK;
}

static bool
stop_init(struct trace *x, uint32_t at, const struct outs *o)
{
	struct tsn_arena *a = &x->hs->temp;
	struct stop *s = &x->stops[at];

	s->states = tsn_arena_alloc(a, (o->count + 1) * sizeof *s->states);
	s->res = tsn_arena_alloc(a, (o->count + 1) * sizeof *s->res);
	s->readings = tsn_arena_alloc(a, (o->count + 1) * sizeof *s->readings);
	if (s->states == NULL || s->res == NULL || s->readings == NULL)
		return false;
	for (uint32_t i = 0; i < o->count; i++)
		if (o->states[i] >= TSN_AUTO__FIXED)
			s->states[s->count++] = o->states[i];
	return true;
}

static enum tsn_code
forward(struct trace *x, bool *ret_many)
{
	struct outs all = {.count = 0}, one;

	*ret_many = false;
	add_out(&all, tsn_auto_start(x->t->machine));
	if (!stop_init(x, 0, &all))
		return TSN_ENOMEM;
	for (uint32_t at = 0; at < x->count; at++) {
		all = (struct outs){.count = 0};
		for (uint32_t j = 0; j < x->stops[at].count; j++) {
			TSN_TRY(outs_of(x, at, j, &one));
			all.many |= one.many;
			for (uint32_t i = 0; i < one.count; i++)
				add_out(&all, one.states[i]);
		}
		*ret_many = all.many;
		if (all.many)
			return TSN_OK;
		if (!stop_init(x, at + 1, &all))
			return TSN_ENOMEM;
	}
	return TSN_OK;
}

/* ---- backward ---- */

static uint32_t
index_of(const struct stop *s, uint16_t state)
{
	uint32_t i = 0;

	while (i < s->count && s->states[i] != state)
		i++;
	TSN_ASSERT(i < s->count);
	return i;
}

/* What a state behind piece `at` comes to. */
static uint32_t
res_of(const struct trace *x, uint32_t at, uint16_t state)
{
	const struct stop *s = &x->stops[at + 1];

	return state < TSN_AUTO__FIXED ? state : s->res[index_of(s, state)];
}

static enum tsn_code
backward(struct trace *x)
{
	struct stop *last = &x->stops[x->count];
	struct outs o;

	for (uint32_t j = 0; j < last->count; j++)
		last->res[j] = tsn_auto_end(x->t->machine, last->states[j]);
	for (uint32_t at = x->count; at-- > 0;) {
		struct stop *s = &x->stops[at];

		for (uint32_t j = 0; j < s->count; j++) {
			bool same = true;

			TSN_TRY(outs_of(x, at, j, &o));
			s->res[j] = res_of(x, at, o.states[0]);
			for (uint32_t i = 1; i < o.count; i++)
				same &= res_of(x, at, o.states[i]) == s->res[j];
			if (same)
				continue;
			s->res[j] = x->pieces[at].kind == PIECE_TIME ? TSN_AUTO_UNSURE :
								       OPEN + at * OUTS_MAX + j;
			s->hangs |= x->pieces[at].kind == PIECE_SLOT;
		}
	}
	return TSN_OK;
}

/* ---- the chain ---- */

static uint8_t
rank_of(const struct stop *s, uint32_t j)
{
	uint8_t rank = 0;

	for (uint32_t i = 0; i < j; i++)
		rank = (uint8_t)(rank + (s->res[i] >= OPEN));
	return rank;
}

/* From a state in front of piece `at` on: to an answer, or to a state in front of the next link. */
static enum tsn_code
advance(struct trace *x, uint32_t at, uint16_t state, uint8_t *ret)
{
	struct outs o;

	for (; state >= TSN_AUTO__FIXED; at++) {
		const struct stop *s = &x->stops[at];
		uint32_t j = index_of(s, state);

		if (s->res[j] < OPEN || s->hangs) {
			*ret = s->res[j] < OPEN ? (uint8_t)s->res[j] :
			    (uint8_t)(TSN_AUTO__FIXED + rank_of(s, j));
			return TSN_OK;
		}
		TSN_ASSERT(at < x->count);
		TSN_TRY(outs_of(x, at, j, &o));
		state = o.states[0];
	}
	*ret = (uint8_t)state;
	return TSN_OK;
}

static enum tsn_code
make_link(struct trace *x, uint32_t at, struct link *l)
{
	const struct stop *s = &x->stops[at];
	struct tsn_arena *a = &x->hs->arena;
	uint32_t top = 0;
	struct outs o;

	*l = (struct link){.column = x->pieces[at].column, .nth = x->pieces[at].nth};
	l->readings = tsn_arena_alloc(a, (s->count + 1) * sizeof *l->readings);
	if (l->readings == NULL)
		return TSN_ENOMEM;
	for (uint32_t j = 0; j < s->count; j++) {
		if (s->res[j] < OPEN)
			continue;
		TSN_TRY(outs_of(x, at, j, &o));
		l->readings[l->in_count++] = s->readings[j];
		for (uint32_t i = 0; i < o.count; i++)
			top = o.states[i] > top ? o.states[i] : top;
	}
	l->after_count = top + 1;
	l->after = tsn_arena_alloc(a, l->after_count);
	if (l->after == NULL)
		return TSN_ENOMEM;
	memset(l->after, TSN_AUTO_UNSURE, l->after_count);
	for (uint32_t j = 0; j < s->count; j++) {
		if (s->res[j] < OPEN)
			continue;
		TSN_TRY(outs_of(x, at, j, &o));
		for (uint32_t i = 0; i < o.count; i++)
			TSN_TRY(advance(x, at + 1, o.states[i], &l->after[o.states[i]]));
	}
	return TSN_OK;
}

enum tsn_code
trace_add_chain(struct found *f, const struct chain *c)
{
	if (f->chain_count == f->chain_cap) {
		uint32_t cap = f->chain_cap == 0 ? 16 : f->chain_cap * 2;
		struct chain *chains = reallocarray(f->chains, cap, sizeof *chains);

		if (chains == NULL)
			return TSN_ENOMEM;
		f->chains = chains;
		f->chain_cap = cap;
	}
	f->chains[f->chain_count++] = *c;
	return TSN_OK;
}

static enum tsn_code
make_chain(struct trace *x, uint8_t first)
{
	struct found *f = x->f;
	struct chain c = {.first = (uint8_t)(first - TSN_AUTO__FIXED)};
	uint32_t n = 0;

	for (uint32_t at = 0; at < x->count; at++)
		n += x->stops[at].hangs;
	c.links = tsn_arena_alloc(&x->hs->arena, (n + 1) * sizeof *c.links);
	if (c.links == NULL)
		return TSN_ENOMEM;
	for (uint32_t at = 0; at < x->count; at++)
		if (x->stops[at].hangs)
			TSN_TRY(make_link(x, at, &c.links[c.link_count++]));
	return trace_add_chain(f, &c);
}

static enum tsn_code
run(struct trace *x, uint8_t *ret_answer)
{
	static const uint8_t answers[] = {ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN};
	uint32_t start = tsn_auto_start(x->t->machine);
	uint8_t first = (uint8_t)start;
	bool many;

	if (start >= TSN_AUTO__FIXED) {
		TSN_TRY(forward(x, &many));
		if (many) {
			*ret_answer = ANSWER_UNKNOWN;
			return TSN_OK;
		}
		TSN_TRY(backward(x));
		TSN_TRY(advance(x, 0, (uint16_t)start, &first));
	}
	*ret_answer = first < TSN_AUTO__FIXED ? answers[first] : ANSWER_ROWS;
	return first < TSN_AUTO__FIXED ? TSN_OK : make_chain(x, first);
}

enum tsn_code
trace_run(struct hint_seg *hs, const struct test *t, struct found *f, const struct piece *pieces,
    uint32_t count, bool glued, uint8_t *ret_answer)
{
	struct trace x = {.hs = hs, .t = t, .f = f, .pieces = pieces, .count = count, .glued = glued};
	enum tsn_code rc;

	x.stops = calloc(count + 1, sizeof *x.stops);
	if (x.stops == NULL)
		return TSN_ENOMEM;
	rc = run(&x, ret_answer);
	tsn_arena_reset(&hs->temp);
	free(x.stops);
	return rc;
}
