/* cowrie, the SSH and Telnet honeypot: its JSON log. */
#include "parse/json_int.h"

#define PREFIX_LEN (sizeof "cowrie." - 1)

enum cowrie_mark {
	M_NONE, M_EVENTID, M_TIMESTAMP, M_SRC_IP, M_SRC_PORT, M_DST_IP, M_DST_PORT, M_PROTOCOL,
	M_USERNAME, M_INPUT, M_SENSOR, M_SESSION, M_URL, M_SHASUM, M_OUTFILE, M_DURATION, M_MESSAGE,
	M_SIZE, M_VERSION, M_FILENAME,
};

static const struct json_name names[] = {
	{"eventid", M_EVENTID}, {"timestamp", M_TIMESTAMP}, {"src_ip", M_SRC_IP},
	{"src_port", M_SRC_PORT}, {"dst_ip", M_DST_IP}, {"dst_port", M_DST_PORT},
	{"protocol", M_PROTOCOL}, {"username", M_USERNAME}, {"input", M_INPUT}, {"sensor", M_SENSOR},
	{"session", M_SESSION}, {"url", M_URL}, {"shasum", M_SHASUM}, {"outfile", M_OUTFILE},
	{"duration", M_DURATION}, {"message", M_MESSAGE}, {"size", M_SIZE}, {"version", M_VERSION},
	{"filename", M_FILENAME},
};

static const struct json_copy copies[] = {
	{M_MESSAGE, JSON_COPY, TSN_F_MESSAGE, 0},
	{M_EVENTID, JSON_COPY, TSN_F_EVENT_ACTION, 0},
	{M_SRC_IP, JSON_IP, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN},
	{M_SRC_PORT, JSON_COPY, TSN_F_SOURCE_PORT, 0},
	{M_DST_IP, JSON_IP, TSN_F_DESTINATION_IP, TSN_F_DESTINATION_DOMAIN},
	{M_DST_PORT, JSON_COPY, TSN_F_DESTINATION_PORT, 0},
	{M_PROTOCOL, JSON_LOWER, TSN_F_NETWORK_PROTOCOL, 0},
	{M_USERNAME, JSON_COPY, TSN_F_USER_NAME, 0},
	{M_INPUT, JSON_COPY, TSN_F_PROCESS_COMMAND_LINE, 0},
	{M_SENSOR, JSON_COPY, TSN_F_OBSERVER_NAME, 0},
	{M_SESSION, JSON_COPY, TSN_F_SESSION_ID, 0},
	{M_SHASUM, JSON_COPY, TSN_F_FILE_HASH_SHA256, 0},
	{M_OUTFILE, JSON_COPY, TSN_F_FILE_PATH, 0},
	{M_FILENAME, JSON_COPY, TSN_F_FILE_NAME, 0},
	{M_DURATION, JSON_SECONDS, TSN_F_EVENT_DURATION, 0},
};

/* What the events mean; categories follow ECS. */
static const struct {
	const char *id, *category, *type, *outcome;
} events[] = {
	{"cowrie.login.success", "authentication", "start", "success"},
	{"cowrie.login.failed", "authentication", "start", "failure"},
	{"cowrie.session.connect", "network", "start", ""},
	{"cowrie.session.closed", "network", "end", ""},
	{"cowrie.session.file_download", "file", "creation", "success"},
	{"cowrie.session.file_download.failed", "file", "creation", "failure"},
	{"cowrie.session.file_upload", "file", "creation", "success"},
	{"cowrie.command.input", "process", "start", ""},
	{"cowrie.command.success", "process", "start", "success"},
	{"cowrie.command.failed", "process", "start", "failure"},
	{"cowrie.direct-tcpip.request", "network", "connection", ""},
	{"cowrie.direct-tcpip.data", "network", "connection", ""},
};

static tsn_key
cowrie_child(struct tsn_keys *keys, tsn_key parent, struct tsn_slice name, uint8_t *ret_mark)
{
	tsn_key key = tsn_keys_child(keys, parent, name);

	if (key != TSN_KEY_NONE)
		*ret_mark = tsn_json_mark(names, TSN_COUNT(names),
		    tsn_slice_from(tsn_keys_name(keys, key), PREFIX_LEN));
	return key;
}
static const struct tsn_doc_map cowrie_map = {cowrie_child};

static bool
cowrie_stays(const struct json_doc *d)
{
	return d->marks[M_EVENTID] != 0 &&
	    (d->marks[M_SESSION] != 0 || d->marks[M_SENSOR] != 0);
}

static void
cowrie_finish(struct json_doc *d)
{
	struct tsn_parse_ctx *ctx = d->ctx;
	struct tsn_slice id = json_text(d, M_EVENTID);

	tsn_json_set_time(d, M_TIMESTAMP);
	tsn_json_copy(d, copies, TSN_COUNT(copies));
	TSN_PUT_LIT(ctx, TSN_F_EVENT_MODULE, "cowrie");
	TSN_PUT_LIT(ctx, TSN_F_EVENT_KIND, "event");
	if (d->marks[M_URL] != 0)
		tsn_json_put_url(ctx, json_text(d, M_URL));
	for (size_t i = 0; i < TSN_COUNT(events); i++) {
		if (!tsn_slice_eq(tsn_slice_cstr(events[i].id), id))
			continue;
		tsn_event_append_str(ctx->batch, TSN_F_EVENT_CATEGORY,
		    tsn_slice_cstr(events[i].category));
		tsn_event_append_str(ctx->batch, TSN_F_EVENT_TYPE, tsn_slice_cstr(events[i].type));
		tsn_put_some(ctx, TSN_F_EVENT_OUTCOME, tsn_slice_cstr(events[i].outcome));
	}
}

const struct json_kind tsn_json_cowrie = {
	.dataset = "cowrie",
	.base = TSN_F_COWRIE,
	.map = &cowrie_map,
	.stays = cowrie_stays,
	.finish = cowrie_finish,
};

static enum tsn_code
parse(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	return tsn_json_parse_as(ctx, &tsn_json_cowrie, text);
}

const struct tsn_parser_desc tsn_parser_cowrie = {
	.kind = "cowrie",
	.doc = "cowrie honeypot JSON",
	.first = "{",
	.probe = tsn_json_never,
	.parse = parse,
};
