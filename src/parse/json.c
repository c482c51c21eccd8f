/* JSON records: which kind of document it is, and documents of no known kind. */
#include "parse/json_carry.h"

#include "base/hash.h"
#include "codec/json.h"

/* Top-level names that tell the kinds apart; those of the generic map are marks 1 + bit. */
enum name_bit {
	B_EVENT,		/* evtx_dump */
	B_SYSTEM,
	B_EVENT_DATA,
	B_WINLOG,		/* Winlogbeat 7 and later */
	B_BEAT6_DATA,		/* Winlogbeat 5 and 6 */
	B_BEAT6_LOG,
	B_EVENT_ID,		/* flat Windows */
	B_WINDOWS,
	B_UTC_TIME,
	B_EVE_TYPE,
	B_EVE,
	B_TIMESTAMP,
	B_ZEEK_PATH,
	B_ZEEK_TS,
	B_ZEEK,
	B_COWRIE_ID,
	B_COWRIE,
	B_ZEEK_LOG,		/* the name of a log, around the record */
	B_PG_SEVERITY,		/* PostgreSQL's jsonlog */
	B_PG_LINE,
	B_GCP_TEXT,		/* Google Cloud's logging, a line of text inside */
	B_GCP_LOG,
	B_COUNT
};

/* Marks of the generic map behind the bits: names of times, best first. */
enum generic_mark {
	M_INTRINSIC = B_COUNT + 1,
	M_TIME,
	M_TIME_LAST = M_TIME + 36,
};
_Static_assert((int)M_TIME_LAST < (int)TSN_CARRY_MESSAGE,
    "marks of times and of carriers are apart");

static const struct {
	const char *name;
	uint8_t bit;
} names[] = {
	{"Event", B_EVENT}, {"System", B_SYSTEM}, {"EventData", B_EVENT_DATA},
	{"UserData", B_EVENT_DATA}, {"winlog", B_WINLOG}, {"event_data", B_BEAT6_DATA},
	{"log_name", B_BEAT6_LOG}, {"EventID", B_EVENT_ID}, {"EventId", B_EVENT_ID},
	{"Channel", B_WINDOWS}, {"SourceName", B_WINDOWS}, {"Provider_Name", B_WINDOWS},
	{"ProviderName", B_WINDOWS}, {"Provider", B_WINDOWS}, {"Hostname", B_WINDOWS},
	{"Computer", B_WINDOWS}, {"ComputerName", B_WINDOWS}, {"ProcessGuid", B_WINDOWS},
	{"ProviderGuid", B_WINDOWS}, {"EventRecordID", B_WINDOWS}, {"UtcTime", B_UTC_TIME},
	{"event_type", B_EVE_TYPE}, {"flow_id", B_EVE}, {"src_ip", B_EVE}, {"pcap_cnt", B_EVE},
	{"stats", B_EVE}, {"engine", B_EVE}, {"in_iface", B_EVE}, {"timestamp", B_TIMESTAMP},
	{"_path", B_ZEEK_PATH}, {"@stream", B_ZEEK_PATH}, {"_write_ts", B_ZEEK}, {"ts", B_ZEEK_TS},
	{"uid", B_ZEEK}, {"uids", B_ZEEK}, {"fuid", B_ZEEK}, {"id.orig_h", B_ZEEK},
	{"id_orig_h", B_ZEEK}, {"host_p", B_ZEEK}, {"percent_lost", B_ZEEK},
	{"certificate.version", B_ZEEK}, {"software_type", B_ZEEK}, {"conn_uids", B_ZEEK},
	{"port_num", B_ZEEK}, {"seen_bytes", B_ZEEK}, {"eventid", B_COWRIE_ID}, {"sensor", B_COWRIE},
	{"session", B_COWRIE}, {"error_severity", B_PG_SEVERITY}, {"line_num", B_PG_LINE},
	{"textPayload", B_GCP_TEXT}, {"logName", B_GCP_LOG},
};

/* Names of times, best first, with their marks. */
static const struct {
	const char *name;
	uint8_t mark;
} times[] = {
	{"@timestamp", M_TIME}, {"timestamp", B_TIMESTAMP + 1}, {"Timestamp", M_TIME + 1},
	{"time", M_TIME + 2}, {"Time", M_TIME + 3}, {"ts", B_ZEEK_TS + 1},
	{"eventTime", M_TIME + 4}, {"EventTime", M_TIME + 5}, {"event_time", M_TIME + 6},
	{"TimeCreated", M_TIME + 7}, {"UtcTime", B_UTC_TIME + 1}, {"datetime", M_TIME + 8},
	{"dateTime", M_TIME + 9}, {"DateTime", M_TIME + 10}, {"date", M_TIME + 11},
	{"Date", M_TIME + 12}, {"_time", M_TIME + 13}, {"timeStamp", M_TIME + 14},
	{"TimeGenerated", M_TIME + 15}, {"created_at", M_TIME + 16}, {"createdAt", M_TIME + 17},
	{"createdDateTime", M_TIME + 18}, {"activityDateTime", M_TIME + 19},
	{"CreationTime", M_TIME + 20}, {"start_time", M_TIME + 21}, {"startTime", M_TIME + 22},
	{"published", M_TIME + 23}, {"logged_at", M_TIME + 24}, {"log_time", M_TIME + 25},
	{"asctime", M_TIME + 26}, {"epoch", M_TIME + 27}, {"t", M_TIME + 28},
	{"__REALTIME_TIMESTAMP", M_TIME + 29}, {"requestReceivedTimestamp", M_TIME + 30},
	{"stageTimestamp", M_TIME + 31}, {"time_iso8601", M_TIME + 32}, {"time_local", M_TIME + 33},
	{"timegenerated", M_TIME + 34}, {"timereported", M_TIME + 35}, {"msec", M_TIME_LAST},
};

static int
name_bit(struct tsn_slice name)
{
	for (size_t i = 0; i < TSN_COUNT(names); i++)
		if (tsn_slice_eq(tsn_slice_cstr(names[i].name), name))
			return names[i].bit;
	return -1;
}

#define BIT(b) (1u << (b))
#define HAS(bits, b) (((bits) & BIT(b)) != 0)

static const struct json_kind *
decide(uint32_t bits)
{
	if (HAS(bits, B_EVENT) || (HAS(bits, B_SYSTEM) && HAS(bits, B_EVENT_DATA)))
		return &tsn_json_winevent;
	if (HAS(bits, B_WINLOG))
		return &tsn_json_winlogbeat;
	if (HAS(bits, B_BEAT6_DATA) && HAS(bits, B_BEAT6_LOG))
		return &tsn_json_winlogbeat6;
	if (HAS(bits, B_EVENT_ID) && (HAS(bits, B_WINDOWS) || HAS(bits, B_UTC_TIME)))
		return &tsn_json_winflat;
	if (HAS(bits, B_EVE_TYPE) && HAS(bits, B_TIMESTAMP) && HAS(bits, B_EVE))
		return &tsn_json_eve;
	if (HAS(bits, B_COWRIE_ID) && HAS(bits, B_COWRIE))
		return &tsn_json_cowrie;
	if (HAS(bits, B_ZEEK_TS) && (HAS(bits, B_ZEEK_PATH) || HAS(bits, B_ZEEK)))
		return &tsn_json_zeek;
	if (HAS(bits, B_PG_SEVERITY) && HAS(bits, B_PG_LINE))
		return &tsn_json_postgresql;
	if (HAS(bits, B_GCP_TEXT) && HAS(bits, B_GCP_LOG))
		return &tsn_json_gcp;
	if (bits == BIT(B_ZEEK_LOG))
		return &tsn_json_zeek_wrapped;
	return &tsn_json_generic;
}

static tsn_key
generic_child(struct tsn_keys *keys, tsn_key parent, struct tsn_slice name, uint8_t *ret_mark)
{
	tsn_key key = tsn_keys_child(keys, parent, name);
	int bit = parent == TSN_KEY_ROOT ? name_bit(name) : -1;

	if (parent == TSN_KEY_ROOT && tsn_zeek_is_log(name))
		*ret_mark = B_ZEEK_LOG + 1;
	if (key >= TSN_F_TIMESTAMP && key <= TSN_F_LOG_SOURCE_ADDRESS)
		*ret_mark = M_INTRINSIC;
	if (bit >= 0)
		*ret_mark = (uint8_t)(bit + 1);
	for (size_t i = 0; i < TSN_COUNT(times) && parent == TSN_KEY_ROOT; i++)
		if (tsn_slice_eq(tsn_slice_cstr(times[i].name), name))
			*ret_mark = times[i].mark;
	if (*ret_mark == 0 && parent == TSN_KEY_ROOT)
		*ret_mark = tsn_carry_mark(name);
	return key;
}
static const struct tsn_doc_map generic_map = {generic_child};

/* True when all of the document is in one object. */
static bool
is_wrapped(const struct json_doc *d)
{
	const struct tsn_event *ev = d->ctx->ev;
	tsn_key top = TSN_KEY_ROOT;

	if (d->first >= ev->field_count)
		return false;
	for (tsn_key key = ev->fields[d->first].key; key != TSN_KEY_ROOT;
	    key = tsn_keys_parent(d->ctx->keys, key))
		top = key;
	return tsn_keys_under(d->ctx->keys, ev->fields[ev->field_count - 1].key, top);
}

static bool
generic_stays(const struct json_doc *d)
{
	uint32_t bits = 0;
	uint16_t any = 0;

	for (uint32_t b = 0; b < B_COUNT; b++)
		any |= d->marks[b + 1];
	for (uint32_t b = 0; any != 0 && b < B_COUNT; b++)
		bits |= d->marks[b + 1] != 0 ? BIT(b) : 0;
	if (bits == BIT(B_ZEEK_LOG) && !is_wrapped(d))
		return true;
	return bits == 0 || decide(bits) == &tsn_json_generic;
}

/* a pipeline has dealt with its message */
static bool
is_final(const struct tsn_parse_ctx *ctx)
{
	return ctx->record->aside != NULL && ctx->record->aside->final;
}

static void
generic_time(const struct json_doc *d)
{
	uint16_t any = d->marks[B_TIMESTAMP + 1] | d->marks[B_ZEEK_TS + 1] | d->marks[B_UTC_TIME + 1];
	struct tsn_date date;

	for (uint32_t m = M_TIME; m <= M_TIME_LAST; m++)
		any |= d->marks[m];
	for (size_t i = 0; any != 0 && i < TSN_COUNT(times); i++) {
		const struct tsn_field *f = json_field(d, times[i].mark);

		if (f == NULL || !tsn_json_time(d->ctx, f, &date))
			continue;
		tsn_parse_set_time(d->ctx, &date);
		return;
	}
}

static void
generic_finish(struct json_doc *d)
{
	generic_time(d);
	if (d->marks[M_INTRINSIC] != 0 || d->marks[M_TIME] != 0)
		tsn_json_hide_intrinsic(d);
	if (!tsn_cloud_finish(d) && !is_final(d->ctx))
		tsn_carry_finish(d);
}

const struct json_kind tsn_json_generic = {
	.dataset = "json",
	.map = &generic_map,
	.stays = generic_stays,
	.finish = generic_finish,
};

/* Looks at the top-level names alone. */
static const struct json_kind *
classify(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	struct tsn_json_in in;
	uint32_t bits = 0;
	bool alone = true;

	tsn_json_begin(&in, text, &ctx->batch->arena);
	in.at++;
	for (;;) {
		struct tsn_json_skip skip = {0};
		struct tsn_slice name;
		size_t len;
		int bit;

		tsn_json_blank(&in);
		if (in.at == in.end || *in.at != '"')
			break;
		in.at++;
		if (!tsn_json_string(&in, &name))
			break;
		bit = name_bit(name);
		if (bit >= 0)
			bits |= BIT(bit);
		else if (alone && tsn_zeek_is_log(name))
			bits |= BIT(B_ZEEK_LOG);
		tsn_json_blank(&in);
		if (in.at == in.end || *in.at++ != ':' || tsn_json_skip(&skip,
		    (struct tsn_slice){in.at, (size_t)(in.end - in.at)}, &len) != TSN_OK)
			break;
		in.at += len;
		tsn_json_blank(&in);
		if (in.at == in.end || *in.at++ != ',')
			break;
		alone = false;
	}
	tsn_json_finish(&in);
	if (HAS(bits, B_ZEEK_LOG) &&
	    tsn_slice_find(text, TSN_SLICE("\"ts\"")) == SIZE_MAX)
		bits &= ~BIT(B_ZEEK_LOG);
	if (HAS(bits, B_ZEEK_TS) && tsn_zeek_log_of_path(ctx->source->path).len > 0)
		bits |= BIT(B_ZEEK);
	return decide(alone ? bits : bits & ~BIT(B_ZEEK_LOG));
}

static void
choose(struct json_state *st, const struct json_kind *kind, struct tsn_parse_ctx *ctx,
    struct tsn_slice text)
{
	st->kind = kind;
	st->base = kind->base_of == NULL ? kind->base : kind->base_of(ctx, text);
}

static enum tsn_code
flatten(struct json_doc *d, struct tsn_slice text, struct tsn_err *err)
{
	struct tsn_parse_ctx *ctx = d->ctx;
	struct json_state *st = d->state;

	d->first = ctx->ev->field_count;
	TSN_TRY(tsn_doc_flatten(ctx->doc, ctx->batch, st->base, st->kind->map, text, err));
	d->marks = tsn_doc_marks(ctx->doc);
	return TSN_OK;
}

static void
finish(struct json_doc *d)
{
	struct tsn_parse_ctx *ctx = d->ctx;
	const struct json_kind *kind = d->state->kind;

	if (kind->dataset != NULL)
		ctx->ev->dataset = tsn_slice_cstr(kind->dataset);
	if (tsn_doc_not_utf8(ctx->doc))
		tsn_event_append_str(ctx->batch, TSN_F_TAGS, TSN_SLICE("not_utf8"));
	kind->finish(d);
}

/* A record that begins as JSON and is none: its reason, its time of receipt, its bytes. */
static enum tsn_code
broken(struct tsn_parse_ctx *ctx, const struct tsn_err *err)
{
	struct tsn_slice why = tsn_arena_dup(&ctx->batch->arena, tsn_slice_cstr(err->msg));

	tsn_event_fail(ctx->batch, why.ptr == NULL ? TSN_SLICE("broken JSON") : why);
	return TSN_OK;
}

enum tsn_code
tsn_json_parse_as(struct tsn_parse_ctx *ctx, const struct json_kind *kind, struct tsn_slice text)
{
	struct json_state state;
	struct json_doc d = {.ctx = ctx, .state = &state};
	struct tsn_err err;

	if (text.len == 0 || text.ptr[0] != '{')
		return TSN_EPARSE;
	choose(&state, kind, ctx, text);
	if (flatten(&d, text, &err) != TSN_OK)
		return broken(ctx, &err);
	finish(&d);
	return TSN_OK;
}

/* A brace alone may begin anything; a brace with a name or a closing brace behind it is JSON. */
static bool
looks_like(struct tsn_slice text)
{
	size_t i = 1;

	while (i < text.len && (text.ptr[i] == ' ' || text.ptr[i] == '\t' || text.ptr[i] == '\n' ||
	    text.ptr[i] == '\r'))
		i++;
	return text.len > 1 && text.ptr[0] == '{' &&
	    (i == text.len || text.ptr[i] == '"' || text.ptr[i] == '}');
}

enum tsn_probe
tsn_json_never(struct tsn_slice text)
{
	(void)text;
	return TSN_PROBE_NO;
}

static enum tsn_probe
probe(struct tsn_slice text)
{
	return looks_like(text) ? TSN_PROBE_YES : TSN_PROBE_NO;
}

/*
 * Documents of one kind begin alike, so where kinds are mixed in one source each kind keeps to the
 * state that its first bytes choose.
 */
#define STATES 16u

static size_t
state_of(struct tsn_slice text)
{
	return text.len < 16 ? 0 : tsn_hash_bytes(text.ptr, 16, 0) % STATES;
}

enum tsn_code
tsn_json_parse(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	static const char owner;
	struct json_state *st = tsn_parse_state(ctx, &owner, STATES * sizeof *st, NULL);
	struct json_doc d = {.ctx = ctx};
	struct tsn_event *ev = ctx->ev;
	uint32_t fields = ev->field_count, places = ev->pos_count, flags = ev->flags;
	struct tsn_err err;

	if (st == NULL || !looks_like(text))
		return TSN_EPARSE;
	d.state = st += state_of(text);
	if (st->kind == NULL)
		choose(st, classify(ctx, text), ctx, text);
	if (flatten(&d, text, &err) != TSN_OK)
		return broken(ctx, &err);
	if (TSN_UNLIKELY(!st->kind->stays(&d))) {
		ev->field_count = fields;
		ev->pos_count = places;
		ev->flags = flags;
		choose(st, classify(ctx, text), ctx, text);
		if (flatten(&d, text, &err) != TSN_OK)
			return broken(ctx, &err);
	}
	finish(&d);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_json = {
	.kind = "json",
	.doc = "JSON objects of any kind, one a record; known kinds are recognised by their names",
	.first = "{",
	.flags = TSN_PARSER_BODY,
	.probe = probe,
	.parse = tsn_json_parse,
};
