#include "parse/parse_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"

#define PROGRAM_SLOTS 512u
#define WAYS 4u
#define SETS (TSN_PARSE_SOURCES / WAYS)
/* Bodies inside bodies (syslog in JSON in syslog): deeper ones stay text. */
#define BODY_DEPTH_MAX 3u

struct state_slot {
	const void *owner;
	void *data;
	void (*done)(void *);
};

struct tsn_source_state {
	uint32_t source_id;
	uint64_t used;			/* clock of the last use */
	const struct tsn_parser_desc *last;	/* kind of the last record recognised by content */
	const struct tsn_parser_desc *fixed;	/* of source->kind */
	struct tsn_slice fixed_name;	/* what `fixed` was looked up for */
	struct state_slot slots[TSN_PARSE_STATE_SLOTS];
};

struct program {
	struct tsn_slice name;
	const struct tsn_parser_desc *desc;
};

struct tsn_parser {
	struct tsn_keys *keys;
	const struct tsn_parser_desc *const *list;
	size_t count;
	uint64_t by_first[256];		/* bit i: list[i] may begin with that byte */
	uint64_t body_by_first[256];
	struct program programs[PROGRAM_SLOTS];
	struct tsn_source_state *sources[TSN_PARSE_SOURCES];
	struct tsn_source_state *last_state;
	uint64_t clock;
	struct tsn_parse_ctx ctx;
	unsigned depth;
};

static void
add_program(struct tsn_parser *p, struct tsn_slice name, const struct tsn_parser_desc *desc)
{
	size_t i = tsn_hash_slice(name, 0) % PROGRAM_SLOTS;

	for (size_t n = 0; n < PROGRAM_SLOTS; n++, i = (i + 1) % PROGRAM_SLOTS) {
		if (p->programs[i].desc != NULL && !tsn_slice_eq(p->programs[i].name, name))
			continue;
		if (p->programs[i].desc == NULL)
			p->programs[i] = (struct program){name, desc};
		return;
	}
}

static const struct tsn_parser_desc *
find_program(const struct tsn_parser *p, struct tsn_slice name)
{
	size_t i = tsn_hash_slice(name, 0) % PROGRAM_SLOTS;

	for (size_t n = 0; n < PROGRAM_SLOTS && p->programs[i].desc != NULL;
	    n++, i = (i + 1) % PROGRAM_SLOTS)
		if (tsn_slice_eq(p->programs[i].name, name))
			return p->programs[i].desc;
	return NULL;
}

static void
index_desc(struct tsn_parser *p, size_t i)
{
	const struct tsn_parser_desc *d = p->list[i];
	uint64_t bit = UINT64_C(1) << i;

	for (size_t c = 0; c < 256 && d->probe != NULL; c++) {
		if (d->first != NULL && (c == 0 || strchr(d->first, (int)c) == NULL))
			continue;
		if (!(d->flags & TSN_PARSER_BODY_ONLY))
			p->by_first[c] |= bit;
		if (d->flags & (TSN_PARSER_BODY | TSN_PARSER_BODY_ONLY))
			p->body_by_first[c] |= bit;
	}
	if (d->programs != NULL) {
		struct tsn_scan s = tsn_scan_of(tsn_slice_cstr(d->programs));

		while (s.at < s.end) {
			struct tsn_slice name = tsn_scan_field(&s, ' ');

			if (name.len > 0)
				add_program(p, name, d);
		}
	}
}

struct tsn_parser *
tsn_parser_new(struct tsn_keys *keys)
{
	struct tsn_parser *p = calloc(1, sizeof *p);

	TSN_ASSERT(keys != NULL);
	if (p == NULL)
		return NULL;
	p->keys = keys;
	p->ctx.doc = tsn_doc_new(keys);
	if (p->ctx.doc == NULL) {
		free(p);
		return NULL;
	}
	p->list = tsn_parser_list(&p->count);
	TSN_ASSERT(p->count <= 64);
	for (size_t i = 0; i < p->count; i++)
		index_desc(p, i);
	return p;
}

static void
clear_slots(struct tsn_source_state *st)
{
	for (size_t i = 0; i < TSN_PARSE_STATE_SLOTS; i++) {
		if (st->slots[i].done != NULL && st->slots[i].data != NULL)
			st->slots[i].done(st->slots[i].data);
		free(st->slots[i].data);
	}
	*st = (struct tsn_source_state){0};
}

void
tsn_parser_free(struct tsn_parser *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < TSN_PARSE_SOURCES; i++)
		if (p->sources[i] != NULL) {
			clear_slots(p->sources[i]);
			free(p->sources[i]);
		}
	tsn_doc_free(p->ctx.doc);
	free(p);
}

/* Its state: in one of the ways of its set, or in the place of the one used longest ago. */
static struct tsn_source_state *
find_state(struct tsn_parser *p, const struct tsn_source *source)
{
	struct tsn_source_state **way = &p->sources[source->id % SETS * WAYS], **victim = way;
	struct tsn_source_state *st = p->last_state;

	p->clock++;
	if (TSN_LIKELY(st != NULL && st->source_id == source->id)) {
		st->used = p->clock;
		return st;
	}
	for (size_t i = 0; i < WAYS; i++) {
		if (way[i] != NULL && way[i]->source_id == source->id) {
			way[i]->used = p->clock;
			p->last_state = way[i];
			return way[i];
		}
		if (*victim != NULL && (way[i] == NULL || way[i]->used < (*victim)->used))
			victim = &way[i];
	}
	if (*victim == NULL)
		*victim = calloc(1, sizeof **victim);
	else
		clear_slots(*victim);
	st = *victim;
	if (st == NULL)
		return NULL;
	st->source_id = source->id;
	st->used = p->clock;
	p->last_state = st;
	return st;
}

void *
tsn_parse_state(struct tsn_parse_ctx *ctx, const void *owner, size_t bytes, void (*done)(void *))
{
	struct state_slot *slots = ctx->state->slots;

	for (size_t i = 0; i < TSN_PARSE_STATE_SLOTS; i++) {
		if (slots[i].data != NULL && slots[i].owner == owner)
			return slots[i].data;
		if (slots[i].data != NULL)
			continue;
		slots[i] = (struct state_slot){owner, calloc(1, bytes), done};
		return slots[i].data;
	}
	/* a source that mixes this many formats with state: the oldest gives way */
	if (slots[0].done != NULL)
		slots[0].done(slots[0].data);
	free(slots[0].data);
	memmove(slots, slots + 1, (TSN_PARSE_STATE_SLOTS - 1) * sizeof *slots);
	slots[TSN_PARSE_STATE_SLOTS - 1] = (struct state_slot){owner, calloc(1, bytes), done};
	return slots[TSN_PARSE_STATE_SLOTS - 1].data;
}

static enum tsn_code
run(struct tsn_parse_ctx *ctx, const struct tsn_parser_desc *d, struct tsn_slice text)
{
	struct tsn_event *ev = ctx->ev;
	struct tsn_slice dataset = ev->dataset;
	uint32_t fields = ev->field_count, pos = ev->pos_count, flags = ev->flags;
	uint32_t repeat = ev->repeat;
	int64_t time_ns = ev->time_ns;
	enum tsn_code code;

	ev->dataset = tsn_slice_cstr(d->kind);
	code = d->parse(ctx, text);
	if (TSN_LIKELY(code == TSN_OK))
		return TSN_OK;
	ev->dataset = dataset;
	ev->field_count = fields;
	ev->pos_count = pos;
	ev->flags = flags;
	ev->repeat = repeat;
	ev->time_ns = time_ns;
	return code;
}

/* Descriptors of the mask in order: those that are sure first, then those that only may. */
static const struct tsn_parser_desc *
recognise(struct tsn_parse_ctx *ctx, uint64_t mask, struct tsn_slice text, bool sure_only)
{
	const struct tsn_parser *p = ctx->parser;
	uint64_t maybe = 0;

	for (; mask != 0; mask &= mask - 1) {
		const struct tsn_parser_desc *d = p->list[__builtin_ctzll(mask)];
		enum tsn_probe sure = d->probe(text);

		if (sure == TSN_PROBE_YES && run(ctx, d, text) == TSN_OK)
			return d;
		if (sure == TSN_PROBE_MAYBE && !sure_only)
			maybe |= mask & -mask;
	}
	for (; maybe != 0; maybe &= maybe - 1) {
		const struct tsn_parser_desc *d = p->list[__builtin_ctzll(maybe)];

		if (run(ctx, d, text) == TSN_OK)
			return d;
	}
	return NULL;
}

/* "/usr/sbin/cron" and "postfix/smtpd": by the whole name, by what stands before or behind '/'. */
static const struct tsn_parser_desc *
find_program_path(const struct tsn_parser *p, struct tsn_slice name)
{
	const struct tsn_parser_desc *d = find_program(p, name);
	size_t slash;

	if (d != NULL || memchr(name.ptr, '/', name.len) == NULL)
		return d;
	slash = tsn_slice_rfind(name, TSN_SLICE("/"));
	d = find_program(p, tsn_slice_from(name, slash + 1));
	return d != NULL ? d : find_program(p, (struct tsn_slice){name.ptr,
	    tsn_slice_find_char(name, '/')});
}

enum tsn_code
tsn_parse_body(struct tsn_parse_ctx *ctx, const struct tsn_syslog *header, struct tsn_slice body)
{
	struct tsn_parser *p = ctx->parser;
	const struct tsn_syslog *outer = ctx->syslog;
	const struct tsn_parser_desc *d = NULL;
	enum tsn_code code = TSN_EPARSE;

	if (p->depth >= BODY_DEPTH_MAX)
		return TSN_EPARSE;
	p->depth++;
	ctx->syslog = header;
	if (header->qualifier.len > 4 && memcmp(header->qualifier.ptr, "pam_", 4) == 0)
		d = find_program(p, TSN_SLICE("(pam)"));	/* "gdm(pam_unix)[1]: ..." */
	else if (header->program.len > 0)
		d = find_program_path(p, header->program);
	if (d != NULL)
		code = run(ctx, d, body);
	if (code != TSN_OK && body.len > 0 &&
	    recognise(ctx, p->body_by_first[(unsigned char)body.ptr[0]], body, false) != NULL)
		code = TSN_OK;
	ctx->syslog = outer;
	p->depth--;
	return code;
}

enum tsn_code
tsn_parse_record_inside(struct tsn_parse_ctx *ctx, struct tsn_slice text, bool maybe)
{
	struct tsn_parser *p = ctx->parser;
	const struct tsn_syslog *outer = ctx->syslog;
	const struct tsn_parser_desc *d;

	if (p->depth >= BODY_DEPTH_MAX || text.len == 0)
		return TSN_EPARSE;
	p->depth++;
	ctx->syslog = NULL;
	d = recognise(ctx, p->by_first[(unsigned char)text.ptr[0]], text, !maybe);
	ctx->syslog = outer;
	p->depth--;
	if (ctx->framing) {		/* a header line is no record to look into */
		ctx->framing = false;
		return TSN_EPARSE;
	}
	return d != NULL ? TSN_OK : TSN_EPARSE;
}

static void
parse_text(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	struct tsn_slice date = text;
	struct tsn_date when;

	ctx->ev->dataset = TSN_SLICE("generic");
	tsn_put_str(ctx, TSN_F_MESSAGE, text);
	if (date.len > 0 && date.ptr[0] == '[')
		date = tsn_slice_from(date, 1);
	/* a bare number may be anything: epochs are not taken here */
	if (tsn_date_iso(&ctx->date, date, &when) != 0 || tsn_date_bsd(&ctx->date, date, &when) != 0 ||
	    tsn_date_clf(&ctx->date, date, &when) != 0 ||
	    tsn_date_asctime(&ctx->date, date, &when) != 0 ||
	    tsn_date_dmy(&ctx->date, date, &when) != 0)
		tsn_parse_set_time(ctx, &when);
}

static void
parse_fixed(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	const struct tsn_parser_desc *d = ctx->state->fixed;

	if (run(ctx, d, text) == TSN_OK)
		return;
	ctx->ev->dataset = tsn_slice_cstr(d->kind);
	tsn_event_fail(ctx->batch, TSN_SLICE("the record does not have the form of its source's kind"));
}

static void
parse_any(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	struct tsn_parser *p = ctx->parser;
	struct tsn_source_state *st = ctx->state;
	const struct tsn_parser_desc *d = st->last;

	if (text.len == 0) {
		parse_text(ctx, text);
		return;
	}
	if (TSN_LIKELY(d != NULL && d->probe(text) == TSN_PROBE_YES && run(ctx, d, text) == TSN_OK))
		return;
	d = recognise(ctx, p->by_first[(unsigned char)text.ptr[0]], text, false);
	if (d != NULL)
		st->last = d;
	else
		parse_text(ctx, text);
}

/* The source's own kind.  One that only stands in message bodies comes with its syslog header. */
static void
fix_kind(struct tsn_source_state *st, const struct tsn_source *source)
{
	const struct tsn_parser_desc *d;

	if (TSN_LIKELY(st->fixed_name.ptr == source->kind.ptr &&
	    st->fixed_name.len == source->kind.len))
		return;
	st->fixed_name = source->kind;
	d = source->kind.len == 0 ? NULL : tsn_parser_find(source->kind);
	if (d != NULL && (d->probe == NULL || (d->flags & TSN_PARSER_BODY_ONLY)))
		d = tsn_parser_find(TSN_SLICE("system.syslog"));
	st->fixed = d;
}

/* "syslog" of "system.syslog", "auditd" of "auditd.log", "sshd" of the programs. */
static bool
is_short_name(const struct tsn_parser_desc *d, struct tsn_slice name)
{
	struct tsn_slice kind = tsn_slice_cstr(d->kind);
	size_t dot = tsn_slice_find_char(kind, '.');
	struct tsn_scan s = tsn_scan_of(tsn_slice_cstr(d->programs));

	if (dot != SIZE_MAX && (tsn_slice_eq((struct tsn_slice){kind.ptr, dot}, name) ||
	    tsn_slice_eq(tsn_slice_from(kind, dot + 1), name)))
		return true;
	while (s.at < s.end)
		if (tsn_slice_eq(tsn_scan_field(&s, ' '), name))
			return true;
	return false;
}

const struct tsn_parser_desc *
tsn_parser_find(struct tsn_slice kind)
{
	const struct tsn_parser_desc *found = NULL;
	size_t count;
	const struct tsn_parser_desc *const *list = tsn_parser_list(&count);

	for (size_t i = 0; i < count; i++)
		if (tsn_slice_eq(tsn_slice_cstr(list[i]->kind), kind))
			return list[i];
	for (size_t i = 0; i < count && kind.len > 0; i++) {
		if (!is_short_name(list[i], kind))
			continue;
		if (found != NULL && strcmp(found->kind, list[i]->kind) != 0)
			return NULL;	/* "apache" is access and error logs */
		if (found == NULL)
			found = list[i];
	}
	return found;
}

static void
parse_record(struct tsn_parse_ctx *ctx, const struct tsn_record *rec)
{
	const struct tsn_aside *aside = rec->aside;

	if (aside != NULL && aside->error.len > 0) {
		ctx->ev->dataset = TSN_SLICE("generic");
		tsn_event_fail(ctx->batch, aside->error);
	} else if (ctx->state->fixed != NULL) {
		parse_fixed(ctx, rec->bytes);
	} else if (aside != NULL && aside->document.len > 0) {
		parse_any(ctx, aside->document);
	} else {
		parse_any(ctx, rec->bytes);
	}
	if (aside != NULL && !ctx->framing)
		tsn_parse_aside(ctx, aside);
}

enum tsn_code
tsn_parser_check_kind(struct tsn_slice kind, struct tsn_err *err)
{
	char shown[80];

	if (kind.len == 0 || tsn_parser_find(kind) != NULL)
		return TSN_OK;
	TSN_FAIL(err, TSN_EINVAL, "no kind of record is called \"%s\", or several are; "
	    "docs/configuration.md lists the kinds", tsn_slice_escape(kind, shown, sizeof shown));
}

enum tsn_code
tsn_parser_record(struct tsn_parser *p, const struct tsn_record *rec, struct tsn_batch *batch,
    const struct tsn_event **ret_event)
{
	struct tsn_parse_ctx *ctx = &p->ctx;
	struct tsn_source_state *st = find_state(p, rec->source);
	struct tsn_event *ev;

	if (st == NULL)
		return TSN_ENOMEM;
	ev = tsn_batch_begin(batch);
	if (ev == NULL)
		return TSN_ELIMIT;
	ev->original = rec->bytes;
	ev->created_ns = rec->received_ns;
	ev->offset = rec->offset;
	ev->line = rec->line;
	ev->source = rec->source;
	ev->flags = rec->truncated ? TSN_EV_TRUNCATED : 0;
	ctx->batch = batch;
	ctx->ev = ev;
	ctx->keys = p->keys;
	ctx->record = rec;
	ctx->source = rec->source;
	ctx->date.received_ns = rec->received_ns;
	ctx->date.tz_offset_sec = rec->source->tz_offset_sec;
	ctx->syslog = NULL;
	ctx->framing = false;
	ctx->parser = p;
	ctx->state = st;
	p->depth = 0;
	fix_kind(st, rec->source);
	parse_record(ctx, rec);
	if (ctx->framing) {
		tsn_batch_abandon(batch);
		*ret_event = NULL;
		return TSN_OK;
	}
	tsn_batch_seal(batch);
	*ret_event = &batch->events[batch->count - 1];
	return TSN_OK;
}
