/*
 * Documents that carry a record of another kind as text: what Filebeat, Fluent Bit, Vector,
 * Logstash and rsyslog send, Docker's json-file logs, entries of the systemd journal.  The document
 * keeps its fields; those of the record inside stand beside them.
 */
#include "parse/json_carry.h"

#include "parse/syslog.h"

/* Read within this time after it was written, a line without a zone shows its zone. */
#define READ_WITHIN_NS (30 * TSN_NS_PER_SEC)
#define QUARTER_NS (15 * 60 * TSN_NS_PER_SEC)
#define ZONE_QUARTERS_MAX (14 * 4)
/* Of a journal entry's MESSAGE that is no text: bytes as numbers. */
#define MESSAGE_BYTES_MAX 65536u

static const struct json_name names[] = {
	{"message", TSN_CARRY_MESSAGE}, {"log", TSN_CARRY_LOG}, {"MESSAGE", TSN_CARRY_JOURNAL},
	{"SYSLOG_IDENTIFIER", TSN_CARRY_PROGRAM}, {"ident", TSN_CARRY_PROGRAM},
	{"appname", TSN_CARRY_PROGRAM}, {"app_name", TSN_CARRY_PROGRAM},
	{"programname", TSN_CARRY_PROGRAM}, {"program", TSN_CARRY_PROGRAM},
	{"syslog_identifier", TSN_CARRY_PROGRAM}, {"_COMM", TSN_CARRY_COMM},
	{"syslogtag", TSN_CARRY_TAG}, {"tag", TSN_CARRY_TAG}, {"_PID", TSN_CARRY_PID},
	{"SYSLOG_PID", TSN_CARRY_PID}, {"pid", TSN_CARRY_PID}, {"procid", TSN_CARRY_PID},
	{"_HOSTNAME", TSN_CARRY_HOST}, {"host", TSN_CARRY_HOST}, {"hostname", TSN_CARRY_HOST},
	{"sysloghost", TSN_CARRY_HOST}, {"logsource", TSN_CARRY_HOST}, {"_EXE", TSN_CARRY_EXE},
	{"_CMDLINE", TSN_CARRY_CMDLINE}, {"stream", TSN_CARRY_STREAM}, {"agent", TSN_CARRY_AGENT},
	{"@metadata", TSN_CARRY_AGENT}, {"source_type", TSN_CARRY_AGENT}, {"input", TSN_CARRY_AGENT},
	{"eventName", TSN_CLOUD_EVENT_NAME}, {"eventSource", TSN_CLOUD_EVENT_SOURCE},
	{"eventVersion", TSN_CLOUD_EVENT_VERSION}, {"awsRegion", TSN_CLOUD_REGION},
	{"auditID", TSN_CLOUD_AUDIT_ID}, {"verb", TSN_CLOUD_VERB},
	{"remote_addr", TSN_CLOUD_REMOTE_ADDR}, {"remote_ip", TSN_CLOUD_REMOTE_ADDR},
	{"request", TSN_CLOUD_REQUEST}, {"request_uri", TSN_CLOUD_REQUEST},
	{"status", TSN_CLOUD_STATUS},
};

uint8_t
tsn_carry_mark(struct tsn_slice name)
{
	return tsn_json_mark(names, TSN_COUNT(names), name);
}

static struct tsn_slice
without_line_end(struct tsn_slice s)
{
	while (s.len > 0 && (s.ptr[s.len - 1] == '\n' || s.ptr[s.len - 1] == '\r'))
		s.len--;
	return s;
}

/* A value that stands at the top itself, not below the name. */
static struct tsn_slice
top_text(const struct json_doc *d, uint8_t mark)
{
	const struct tsn_field *f = json_field(d, mark);

	if (f == NULL || (f->type != TSN_T_STR && f->type != TSN_T_INT) || f->ptr == NULL ||
	    f->pos != 0 || tsn_keys_parent(d->ctx->keys, f->key) != TSN_KEY_ROOT)
		return TSN_SLICE_NONE;
	return (struct tsn_slice){f->ptr, f->len};
}

/* MESSAGE as a list of bytes: what the journal writes of text that is not clean. */
static struct tsn_slice
message_bytes(const struct json_doc *d)
{
	const struct tsn_event *ev = d->ctx->ev;
	const struct tsn_field *first = json_field(d, TSN_CARRY_JOURNAL);
	uint32_t at, n = 0;
	char *out;

	if (first == NULL || first->type != TSN_T_INT || first->pos == 0)
		return TSN_SLICE_NONE;
	at = (uint32_t)(first - ev->fields);
	while (at + n < ev->field_count && ev->fields[at + n].key == first->key &&
	    n < MESSAGE_BYTES_MAX)
		n++;
	out = tsn_arena_alloc(&d->ctx->batch->arena, n);
	if (out == NULL)
		return TSN_SLICE_NONE;
	for (uint32_t i = 0; i < n; i++) {
		const struct tsn_field *f = &ev->fields[at + i];

		if (f->type != TSN_T_INT || f->num.i < 0 || f->num.i > 255)
			return TSN_SLICE_NONE;
		out[i] = (char)f->num.i;
	}
	return (struct tsn_slice){out, n};
}

/* "sshd[814]:" of rsyslog's %syslogtag%. */
static void
read_tag(struct tsn_slice tag, struct tsn_syslog *h)
{
	size_t open;

	if (tag.len < 2 || tag.ptr[tag.len - 1] != ':')
		return;
	tag.len--;
	open = tsn_slice_find_char(tag, '[');
	if (open != SIZE_MAX && tag.ptr[tag.len - 1] == ']') {
		h->pid = (struct tsn_slice){tag.ptr + open + 1, tag.len - open - 2};
		tag.len = open;
	}
	h->program = tag;
}

/* What the document says of the record in the way of a syslog header. */
static struct tsn_syslog
header_of(const struct json_doc *d)
{
	struct tsn_syslog h = {.priority = -1};

	h.program = top_text(d, TSN_CARRY_PROGRAM);
	if (h.program.len == 0)
		h.program = top_text(d, TSN_CARRY_COMM);
	h.pid = top_text(d, TSN_CARRY_PID);
	if (h.program.len == 0)
		read_tag(top_text(d, TSN_CARRY_TAG), &h);
	if (h.program.len > 255)
		h.program.len = 0;
	return h;
}

struct saved {
	struct tsn_slice dataset;
	int64_t time_ns;
	uint32_t fields, pos, flags, repeat;
};

/* The record's own time is better than the time of its document, if it is a whole one. */
static void
settle_time(struct tsn_event *ev, const struct saved *outer, bool written_together)
{
	int64_t late, zone;

	if (outer->time_ns == TSN_TIME_NONE)
		return;
	if (ev->time_ns == TSN_TIME_NONE ||
	    ((ev->flags & TSN_EV_TIME_UNZONED) != 0 && written_together)) {
		ev->time_ns = outer->time_ns;
		ev->flags = (ev->flags & ~(uint32_t)TSN_EV_TIME_UNZONED) |
		    (outer->flags & TSN_EV_TIME_UNZONED);
		return;
	}
	if (!(ev->flags & TSN_EV_TIME_UNZONED) || (outer->flags & TSN_EV_TIME_UNZONED) ||
	    ev->time_ns > outer->time_ns + (ZONE_QUARTERS_MAX + 1) * QUARTER_NS ||
	    ev->time_ns < outer->time_ns - (ZONE_QUARTERS_MAX + 1) * QUARTER_NS)
		return;
	/* how much later the document is, in whole quarters of an hour and the rest */
	late = outer->time_ns - ev->time_ns + TSN_NS_PER_SEC;	/* the record's second is cut off */
	zone = late / QUARTER_NS - (late % QUARTER_NS < 0);
	if (late - zone * QUARTER_NS > READ_WITHIN_NS)
		return;
	ev->time_ns += zone * QUARTER_NS;
	ev->flags &= ~(uint32_t)TSN_EV_TIME_UNZONED;
}

static void
settle_field(struct tsn_event *ev, uint32_t first, uint32_t inner, uint32_t i)
{
	for (uint32_t k = first; k < inner; k++) {
		if (ev->fields[k].key != ev->fields[i].key)
			continue;
		if (ev->fields[i].key == TSN_F_MESSAGE || ev->fields[i].key == TSN_F_TAGS) {
			if (ev->fields[i].key == TSN_F_MESSAGE)
				ev->fields[k].flags |= TSN_FIELD_HIDDEN;
			continue;
		}
		ev->fields[i].flags |= TSN_FIELD_HIDDEN;
		break;
	}
}

/* Where both have a field the document's is shown; the record's still matches. */
static void
settle_fields(struct tsn_event *ev, uint32_t first, uint32_t inner)
{
	uint64_t keys = 0;

	for (uint32_t k = first; k < inner; k++)
		keys |= UINT64_C(1) << ev->fields[k].key % 64;
	for (uint32_t i = inner; i < ev->field_count; i++)
		if (keys >> ev->fields[i].key % 64 & 1)
			settle_field(ev, first, inner, i);
}

static bool
parse_inside(struct tsn_parse_ctx *ctx, const struct tsn_syslog *h, struct tsn_slice text,
    bool maybe)
{
	if (tsn_parse_record_inside(ctx, text, maybe) == TSN_OK)
		return true;
	if (text.ptr[0] == ' ' && text.len > 1)		/* rsyslog leaves the blank behind the tag */
		text = tsn_slice_from(text, 1);
	return h->program.len > 0 && tsn_syslog_message(ctx, h, text) == TSN_OK;
}

bool
tsn_carry_parse(struct tsn_parse_ctx *ctx, uint32_t first, const struct tsn_syslog *header,
    struct tsn_slice text, uint32_t flags)
{
	struct tsn_event *ev = ctx->ev;
	const struct saved outer = {ev->dataset, ev->time_ns, ev->field_count, ev->pos_count, ev->flags,
	    ev->repeat};

	ev->time_ns = TSN_TIME_NONE;
	ev->flags &= ~(uint32_t)TSN_EV_TIME_UNZONED;
	if (text.len > 0 && parse_inside(ctx, header, text, (flags & TSN_CARRY_SURE) != 0) &&
	    !(ev->flags & TSN_EV_ERROR)) {
		settle_time(ev, &outer, (flags & TSN_CARRY_TOGETHER) != 0);
		settle_fields(ev, first, outer.fields);
		return true;
	}
	ev->dataset = outer.dataset;
	ev->time_ns = outer.time_ns;
	ev->field_count = outer.fields;
	ev->pos_count = outer.pos;
	ev->flags = outer.flags;
	ev->repeat = outer.repeat;
	return false;
}

static void
put_new(struct tsn_parse_ctx *ctx, tsn_key key, struct tsn_slice text)
{
	if (text.len > 0 && tsn_event_find(ctx->ev, key) == NULL)
		tsn_put_str(ctx, key, text);
}

void
tsn_carry_finish(struct json_doc *d)
{
	struct tsn_parse_ctx *ctx = d->ctx;
	struct tsn_event *ev = ctx->ev;
	uint16_t journal = d->marks[TSN_CARRY_JOURNAL], log = d->marks[TSN_CARRY_LOG];
	bool stream = d->marks[TSN_CARRY_STREAM] != 0, known, parsed;
	struct tsn_slice text = top_text(d, TSN_CARRY_JOURNAL), host;
	struct tsn_slice exe = TSN_SLICE_NONE, cmdline = TSN_SLICE_NONE;
	struct tsn_syslog h = header_of(d);
	uint32_t carrier = 0;

	known = journal != 0 || stream || h.program.len > 0 || d->marks[TSN_CARRY_AGENT] != 0;
	if (journal != 0 && text.len == 0)
		text = message_bytes(d);
	if (text.len > 0) {
		carrier = journal;
	} else if ((text = top_text(d, TSN_CARRY_LOG)).len > 0) {
		carrier = log;
		known = true;
	} else {
		text = top_text(d, TSN_CARRY_MESSAGE);
	}
	text = without_line_end(text);
	if (text.len == 0)
		return;
	/* the flattener's marks are those of one document: what is needed of this one is read now */
	host = top_text(d, TSN_CARRY_HOST);
	if (journal != 0) {
		exe = top_text(d, TSN_CARRY_EXE);
		cmdline = top_text(d, TSN_CARRY_CMDLINE);
	}
	parsed = tsn_carry_parse(ctx, d->first, &h, text, (known ? TSN_CARRY_SURE : 0u) |
	    (journal != 0 || stream ? TSN_CARRY_TOGETHER : 0u));
	if (carrier != 0 && carrier == log)
		ev->fields[carrier - 1].flags |= TSN_FIELD_HIDDEN;
	if (carrier != 0 && !(parsed && text.ptr[0] == '{'))
		put_new(ctx, TSN_F_MESSAGE, text);
	put_new(ctx, TSN_F_HOST_NAME, host);
	put_new(ctx, TSN_F_PROCESS_EXECUTABLE, exe);
	put_new(ctx, TSN_F_PROCESS_COMMAND_LINE, cmdline);
}
