/*
 * Windows events as XML text: <Event xmlns=...><System>...</System><EventData>...</Event>.
 *
 * Elements and attributes get the names that they have in evtx_dump's JSON, so the fields are the
 * same; values are text.  No document type, no entities of one's own, bounded depth.
 */
#include <expat.h>
#include <stdio.h>

#include "base/limits.h"
#include "parse/winlog_int.h"

struct xml_level {
	tsn_key key;			/* what members of the element are children of */
	uint8_t mark;
	bool empty;			/* neither elements nor attributes so far */
	uint32_t unnamed;		/* <Data> without a name so far */
};

struct xml_read {
	struct tsn_parse_ctx *ctx;
	XML_Parser parser;
	uint16_t marks[TSN_DOC_MARKS];
	struct xml_level levels[TSN_NESTING_MAX];
	uint32_t depth;
	uint32_t pos;			/* of the unnamed <Data> that is open; 0 none */
	char *room, *text, *end;	/* where texts go; start of the open one */
	const char *why;
};

struct xml_state {
	XML_Parser parser;
};

static void
state_done(void *data)
{
	struct xml_state *st = data;

	if (st->parser != NULL)
		XML_ParserFree(st->parser);
}

static void
stop(struct xml_read *r, const char *why)
{
	r->why = why;
	(void)XML_StopParser(r->parser, XML_FALSE);
}

static void
put(struct xml_read *r, tsn_key key, uint8_t mark, struct tsn_slice v, uint32_t pos)
{
	struct tsn_field f = {.ptr = v.ptr, .len = (uint32_t)v.len, .key = key, .pos = pos,
	    .type = TSN_T_STR};

	if (key == TSN_KEY_ROOT || (key != TSN_KEY_NONE && key >= TSN_DOC_DROP))
		return;
	if (mark != 0 && r->marks[mark] == 0)
		r->marks[mark] = (uint16_t)(r->ctx->ev->field_count + 1);
	tsn_put(r->ctx, &f);
}

static struct tsn_slice
keep(struct xml_read *r, const char *text)
{
	struct tsn_slice v = tsn_slice_cstr(text);
	struct tsn_slice kept = tsn_arena_dup(&r->ctx->batch->arena, v);

	return kept.ptr == NULL ? TSN_SLICE("") : kept;
}

static tsn_key
child(struct xml_read *r, tsn_key parent, const char *name, uint8_t *ret_mark)
{
	const char *colon = strrchr(name, ':');

	*ret_mark = 0;
	if (parent == TSN_KEY_NONE || (parent & TSN_DOC_DROP) != 0)
		return TSN_DOC_DROP;
	if (strncmp(name, "xmlns", 5) == 0)
		return TSN_DOC_DROP;
	return tsn_win_event_child(r->ctx->keys, parent & ~TSN_DOC_MEMBERS,
	    tsn_slice_cstr(colon == NULL ? name : colon + 1), ret_mark);
}

static const char *
attribute(const char **attributes, const char *name)
{
	for (; attributes[0] != NULL; attributes += 2)
		if (strcmp(attributes[0], name) == 0)
			return attributes[1];
	return NULL;
}

static void
put_attributes(struct xml_read *r, tsn_key key, const char **attributes, const char *skip)
{
	for (; attributes[0] != NULL; attributes += 2) {
		uint8_t mark;
		tsn_key own;

		if (attributes[1] == skip)
			continue;
		own = child(r, key, attributes[0], &mark);
		put(r, own, mark, keep(r, attributes[1]), 0);
	}
}

/* Text before the first member of an element is layout, not value. */
static void
on_start(void *user, const char *name, const char **attributes)
{
	struct xml_read *r = user;
	struct xml_level *up, *l;
	const char *data_name = NULL;

	if (r->depth + 1 >= TSN_NESTING_MAX) {
		stop(r, "nested too deep");
		return;
	}
	up = &r->levels[r->depth];
	l = &r->levels[++r->depth];
	up->empty = false;
	r->pos = 0;
	r->text = r->room;
	*l = (struct xml_level){.empty = true};
	if (strcmp(name, "Data") == 0 || strcmp(name, "ComplexData") == 0)
		data_name = attribute(attributes, "Name");
	if (data_name != NULL && *data_name == '\0')
		data_name = NULL;
	l->key = child(r, up->key, data_name == NULL ? name : data_name, &l->mark);
	if (strcmp(name, "Data") == 0 && data_name == NULL && l->key != TSN_KEY_NONE &&
	    (l->key & TSN_DOC_DROP) == 0)
		r->pos = tsn_event_add_pos(r->ctx->batch, 0, l->key, up->unnamed++);
	put_attributes(r, l->key, attributes, data_name);
}

static void
on_text(void *user, const char *text, int len)
{
	struct xml_read *r = user;
	size_t n = (size_t)len;

	if (n > (size_t)(r->end - r->room)) {
		stop(r, "text grows beyond the record");
		return;
	}
	memcpy(r->room, text, n);
	r->room += n;
}

static void
on_end(void *user, const char *name)
{
	struct xml_read *r = user;
	struct xml_level *l = &r->levels[r->depth];
	struct tsn_slice text = {r->text, (size_t)(r->room - r->text)};

	(void)name;
	if (l->empty && (text.len > 0 || (l->key != TSN_KEY_NONE && l->key < TSN_DOC_DROP &&
	    tsn_keys_under(r->ctx->keys, l->key, TSN_F_WINLOG_EVENT_DATA) &&
	    l->key != TSN_F_WINLOG_EVENT_DATA)))
		put(r, l->key, l->mark, text, r->pos);
	r->pos = 0;
	r->text = r->room;
	r->depth--;
}

static void
on_doctype(void *user, const char *name, const char *sysid, const char *pubid, int internal)
{
	(void)name;
	(void)sysid;
	(void)pubid;
	(void)internal;
	stop(user, "document types are refused");
}

static void
fail(struct xml_read *r)
{
	char text[200];
	struct tsn_slice why = {text, 0};
	int n = snprintf(text, sizeof text, "XML: %s at byte %lld",
	    r->why != NULL ? r->why : XML_ErrorString(XML_GetErrorCode(r->parser)),
	    (long long)XML_GetCurrentByteIndex(r->parser));

	if (n > 0)
		why.len = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
	why = tsn_arena_dup(&r->ctx->batch->arena, why);
	tsn_event_fail(r->ctx->batch, why.ptr == NULL ? TSN_SLICE("broken XML") : why);
}

static XML_Parser
parser_of(struct tsn_parse_ctx *ctx)
{
	static const char owner;
	struct xml_state *st = tsn_parse_state(ctx, &owner, sizeof *st, state_done);

	if (st == NULL)
		return NULL;
	if (st->parser == NULL)
		st->parser = XML_ParserCreate("UTF-8");
	else if (!XML_ParserReset(st->parser, "UTF-8"))
		return NULL;
	return st->parser;
}

enum tsn_code
tsn_win_parse_xml(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	struct xml_read r = {.ctx = ctx, .parser = parser_of(ctx)};
	struct json_state state = {.kind = &tsn_json_winevent};
	struct json_doc d = {.ctx = ctx, .marks = r.marks, .first = ctx->ev->field_count,
	    .state = &state};
	uint32_t fields = ctx->ev->field_count, places = ctx->ev->pos_count;

	r.text = r.room = tsn_arena_alloc(&ctx->batch->arena, text.len + 1);
	if (r.parser == NULL || r.room == NULL || text.len > INT32_MAX)
		return TSN_EPARSE;
	r.end = r.room + text.len;
	r.levels[0].key = TSN_KEY_ROOT;
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	if (XML_Parse(r.parser, text.ptr, (int)text.len, 1) != XML_STATUS_OK) {
		ctx->ev->field_count = fields;
		ctx->ev->pos_count = places;
		fail(&r);
		return TSN_OK;
	}
	ctx->ev->dataset = TSN_SLICE("windows.eventlog");
	tsn_win_finish(&d, false);
	return TSN_OK;
}

bool
tsn_win_is_xml(struct tsn_slice text)
{
	size_t at = 0;

	if (TSN_STARTS(text, "<?xml ")) {
		at = tsn_slice_find(text, TSN_SLICE("?>"));
		at = at == SIZE_MAX ? text.len : at + 2;
		while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\n' ||
		    text.ptr[at] == '\r'))
			at++;
	}
	text = tsn_slice_from(text, at);
	return text.len > 7 && TSN_STARTS(text, "<Event") &&
	    (text.ptr[6] == ' ' || text.ptr[6] == '>' || text.ptr[6] == '\n' || text.ptr[6] == '\r');
}
