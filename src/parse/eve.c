/* Suricata EVE JSON: suricata.eve.* as the engine wrote it, and ECS beside it. */
#include "parse/json_int.h"

#define PREFIX_LEN (sizeof "suricata.eve." - 1)

enum eve_mark {
	M_NONE, M_TYPE, M_TIMESTAMP, M_SRC_IP, M_SRC_PORT, M_DEST_IP, M_DEST_PORT, M_PROTO,
	M_APP_PROTO, M_COMMUNITY_ID, M_IN_IFACE, M_VLAN, M_HOST, M_SIGNATURE, M_SIGNATURE_ID,
	M_CATEGORY, M_SEVERITY, M_ACTION, M_REV, M_DNS_TYPE, M_DNS_ID, M_DNS_RRNAME, M_DNS_RRTYPE,
	M_DNS_RCODE, M_DNS_RDATA, M_DNS_A, M_DNS_AAAA, M_HOSTNAME, M_URL, M_USER_AGENT, M_METHOD,
	M_STATUS, M_LENGTH, M_REFER, M_HTTP_VERSION, M_SNI, M_TLS_VERSION, M_SUBJECT, M_ISSUER,
	M_FINGERPRINT, M_JA3, M_JA3S, M_PKTS_TOSERVER, M_PKTS_TOCLIENT, M_BYTES_TOSERVER,
	M_BYTES_TOCLIENT, M_FLOW_START, M_FLOW_END, M_AGE, M_FILENAME, M_FILE_SIZE, M_MD5, M_SHA1,
	M_SHA256, M_MAGIC, M_FLOW_ID, M_SMTP_FROM, M_SMTP_TO, M_SUBJECT_LINE, M_SSH_USER,
	M_FTP_COMMAND, M_KRB_CNAME, M_ENGINE, M_STATS,
};

static const struct json_name names[] = {
	{"event_type", M_TYPE}, {"timestamp", M_TIMESTAMP}, {"src_ip", M_SRC_IP},
	{"src_port", M_SRC_PORT}, {"dest_ip", M_DEST_IP}, {"dest_port", M_DEST_PORT},
	{"proto", M_PROTO}, {"app_proto", M_APP_PROTO}, {"community_id", M_COMMUNITY_ID},
	{"in_iface", M_IN_IFACE}, {"vlan", M_VLAN}, {"host", M_HOST},
	{"alert.signature", M_SIGNATURE}, {"alert.signature_id", M_SIGNATURE_ID},
	{"alert.category", M_CATEGORY}, {"alert.severity", M_SEVERITY}, {"alert.action", M_ACTION},
	{"alert.rev", M_REV}, {"dns.type", M_DNS_TYPE}, {"dns.id", M_DNS_ID},
	{"dns.rrname", M_DNS_RRNAME}, {"dns.rrtype", M_DNS_RRTYPE}, {"dns.rcode", M_DNS_RCODE},
	{"dns.query.rrname", M_DNS_RRNAME}, {"dns.query.rrtype", M_DNS_RRTYPE},
	{"dns.query.id", M_DNS_ID}, {"dns.query.type", M_DNS_TYPE},
	{"dns.queries.rrname", M_DNS_RRNAME}, {"dns.queries.rrtype", M_DNS_RRTYPE},
	{"dns.answers.rdata", M_DNS_RDATA}, {"dns.answer.rrname", M_DNS_RRNAME},
	{"dns.grouped.A", M_DNS_A}, {"dns.grouped.AAAA", M_DNS_AAAA}, {"http.hostname", M_HOSTNAME},
	{"http.url", M_URL}, {"http.http_user_agent", M_USER_AGENT}, {"http.http_method", M_METHOD},
	{"http.status", M_STATUS}, {"http.length", M_LENGTH}, {"http.http_refer", M_REFER},
	{"http.protocol", M_HTTP_VERSION}, {"tls.sni", M_SNI}, {"tls.version", M_TLS_VERSION},
	{"tls.subject", M_SUBJECT}, {"tls.issuerdn", M_ISSUER}, {"tls.fingerprint", M_FINGERPRINT},
	{"tls.ja3.hash", M_JA3}, {"tls.ja3s.hash", M_JA3S}, {"quic.sni", M_SNI},
	{"quic.ja3.hash", M_JA3}, {"flow.pkts_toserver", M_PKTS_TOSERVER},
	{"flow.pkts_toclient", M_PKTS_TOCLIENT}, {"flow.bytes_toserver", M_BYTES_TOSERVER},
	{"flow.bytes_toclient", M_BYTES_TOCLIENT}, {"flow.start", M_FLOW_START},
	{"flow.end", M_FLOW_END}, {"flow.age", M_AGE}, {"fileinfo.filename", M_FILENAME},
	{"fileinfo.size", M_FILE_SIZE}, {"fileinfo.md5", M_MD5}, {"fileinfo.sha1", M_SHA1},
	{"fileinfo.sha256", M_SHA256}, {"fileinfo.magic", M_MAGIC}, {"flow_id", M_FLOW_ID},
	{"smtp.mail_from", M_SMTP_FROM}, {"smtp.rcpt_to", M_SMTP_TO}, {"email.from", M_SMTP_FROM},
	{"email.to", M_SMTP_TO}, {"email.subject", M_SUBJECT_LINE}, {"krb5.cname", M_KRB_CNAME},
	{"engine", M_ENGINE}, {"stats", M_STATS},
};

static const struct json_copy copies[] = {
	{M_SRC_IP, JSON_IP, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN},
	{M_SRC_PORT, JSON_COPY, TSN_F_SOURCE_PORT, 0},
	{M_DEST_IP, JSON_IP, TSN_F_DESTINATION_IP, TSN_F_DESTINATION_DOMAIN},
	{M_DEST_PORT, JSON_COPY, TSN_F_DESTINATION_PORT, 0},
	{M_PROTO, JSON_LOWER, TSN_F_NETWORK_TRANSPORT, 0},
	{M_COMMUNITY_ID, JSON_COPY, TSN_F_NETWORK_COMMUNITY_ID, 0},
	{M_IN_IFACE, JSON_COPY, TSN_F_OBSERVER_INGRESS_INTERFACE_NAME, 0},
	{M_HOST, JSON_COPY, TSN_F_OBSERVER_HOSTNAME, 0},
	{M_VLAN, JSON_TEXT, TSN_F_NETWORK_VLAN_ID, 0},
	{M_SIGNATURE, JSON_COPY, TSN_F_RULE_NAME, 0},
	{M_SIGNATURE_ID, JSON_TEXT, TSN_F_RULE_ID, 0},
	{M_REV, JSON_TEXT, TSN_F_RULE_VERSION, 0},
	{M_CATEGORY, JSON_COPY, TSN_F_RULE_CATEGORY, 0},
	{M_SEVERITY, JSON_COPY, TSN_F_EVENT_SEVERITY, 0},
	{M_DNS_TYPE, JSON_COPY, TSN_F_DNS_TYPE, 0},
	{M_DNS_ID, JSON_TEXT, TSN_F_DNS_ID, 0},
	{M_DNS_RRNAME, JSON_COPY, TSN_F_DNS_QUESTION_NAME, 0},
	{M_DNS_RRTYPE, JSON_COPY, TSN_F_DNS_QUESTION_TYPE, 0},
	{M_DNS_RCODE, JSON_COPY, TSN_F_DNS_RESPONSE_CODE, 0},
	{M_HOSTNAME, JSON_COPY, TSN_F_URL_DOMAIN, 0},
	{M_USER_AGENT, JSON_COPY, TSN_F_USER_AGENT_ORIGINAL, 0},
	{M_METHOD, JSON_COPY, TSN_F_HTTP_REQUEST_METHOD, 0},
	{M_STATUS, JSON_INT, TSN_F_HTTP_RESPONSE_STATUS_CODE, 0},
	{M_LENGTH, JSON_COPY, TSN_F_HTTP_RESPONSE_BODY_BYTES, 0},
	{M_REFER, JSON_COPY, TSN_F_HTTP_REQUEST_REFERRER, 0},
	{M_SNI, JSON_COPY, TSN_F_TLS_CLIENT_SERVER_NAME, 0},
	{M_SUBJECT, JSON_COPY, TSN_F_TLS_SERVER_SUBJECT, 0},
	{M_ISSUER, JSON_COPY, TSN_F_TLS_SERVER_ISSUER, 0},
	{M_FINGERPRINT, JSON_COPY, TSN_F_TLS_SERVER_HASH_SHA1, 0},
	{M_JA3, JSON_COPY, TSN_F_TLS_CLIENT_JA3, 0},
	{M_JA3S, JSON_COPY, TSN_F_TLS_SERVER_JA3S, 0},
	{M_PKTS_TOSERVER, JSON_COPY, TSN_F_SOURCE_PACKETS, 0},
	{M_PKTS_TOCLIENT, JSON_COPY, TSN_F_DESTINATION_PACKETS, 0},
	{M_BYTES_TOSERVER, JSON_COPY, TSN_F_SOURCE_BYTES, 0},
	{M_BYTES_TOCLIENT, JSON_COPY, TSN_F_DESTINATION_BYTES, 0},
	{M_AGE, JSON_SECONDS, TSN_F_EVENT_DURATION, 0},
	{M_FILENAME, JSON_COPY, TSN_F_FILE_PATH, 0},
	{M_FILE_SIZE, JSON_COPY, TSN_F_FILE_SIZE, 0},
	{M_MD5, JSON_COPY, TSN_F_FILE_HASH_MD5, 0},
	{M_SHA1, JSON_COPY, TSN_F_FILE_HASH_SHA1, 0},
	{M_SHA256, JSON_COPY, TSN_F_FILE_HASH_SHA256, 0},
	{M_SUBJECT_LINE, JSON_COPY, TSN_F_EMAIL_SUBJECT, 0},
	{M_SMTP_FROM, JSON_COPY, TSN_F_EMAIL_FROM_ADDRESS, 0},
	{M_KRB_CNAME, JSON_COPY, TSN_F_USER_NAME, 0},
};

static tsn_key
eve_child(struct tsn_keys *keys, tsn_key parent, struct tsn_slice name, uint8_t *ret_mark)
{
	tsn_key key = tsn_keys_child(keys, parent, name);

	if (key != TSN_KEY_NONE)
		*ret_mark = tsn_json_mark(names, TSN_COUNT(names),
		    tsn_slice_from(tsn_keys_name(keys, key), PREFIX_LEN));
	return key;
}
static const struct tsn_doc_map eve_map = {eve_child};

static bool
eve_stays(const struct json_doc *d)
{
	const uint16_t *m = d->marks;

	return m[M_TYPE] != 0 && m[M_TIMESTAMP] != 0 && (m[M_FLOW_ID] != 0 || m[M_SRC_IP] != 0 ||
	    m[M_STATS] != 0 || m[M_ENGINE] != 0 || m[M_IN_IFACE] != 0);
}

static void
put_alert(const struct json_doc *d)
{
	struct tsn_parse_ctx *ctx = d->ctx;
	struct tsn_slice action = json_text(d, M_ACTION);

	TSN_PUT_LIT(ctx, TSN_F_EVENT_KIND, "alert");
	tsn_event_append_str(ctx->batch, TSN_F_EVENT_CATEGORY, TSN_SLICE("network"));
	tsn_event_append_str(ctx->batch, TSN_F_EVENT_CATEGORY, TSN_SLICE("intrusion_detection"));
	tsn_put_some(ctx, TSN_F_MESSAGE, json_text(d, M_SIGNATURE));
	if (TSN_EQ(action, "blocked"))
		tsn_event_append_str(ctx->batch, TSN_F_EVENT_TYPE, TSN_SLICE("denied"));
	else if (TSN_EQ(action, "allowed"))
		tsn_event_append_str(ctx->batch, TSN_F_EVENT_TYPE, TSN_SLICE("allowed"));
}

static void
put_tls_version(const struct json_doc *d)
{
	struct tsn_slice v = json_text(d, M_TLS_VERSION);

	if (TSN_STARTS(v, "TLS "))
		v = tsn_slice_from(v, 4);
	else if (TSN_STARTS(v, "TLSv"))
		v = tsn_slice_from(v, 4);
	tsn_put_some(d->ctx, TSN_F_TLS_VERSION, v);
}

static void
put_when(const struct json_doc *d, uint8_t mark, tsn_key key)
{
	const struct tsn_field *f = json_field(d, mark);
	struct tsn_date date;

	if (f != NULL && tsn_json_time(d->ctx, f, &date))
		tsn_event_add_time(d->ctx->batch, key, date.ns, TSN_SLICE_NONE);
}

static void
put_parts(const struct json_doc *d)
{
	struct tsn_slice text = json_text(d, M_HTTP_VERSION);

	if (d->marks[M_URL] != 0)
		tsn_json_put_url(d->ctx, json_text(d, M_URL));
	if (TSN_STARTS(text, "HTTP/"))
		tsn_put_some(d->ctx, TSN_F_HTTP_VERSION, tsn_slice_from(text, 5));
	if (d->marks[M_TLS_VERSION] != 0)
		put_tls_version(d);
	if (d->marks[M_FILENAME] != 0)
		tsn_put_some(d->ctx, TSN_F_FILE_NAME, tsn_json_basename(json_text(d, M_FILENAME)));
	if (d->marks[M_DNS_RDATA] != 0)
		tsn_json_copy_list(d, M_DNS_RDATA, TSN_F_DNS_ANSWERS_DATA);
	if (d->marks[M_DNS_A] != 0)
		tsn_json_copy_list(d, M_DNS_A, TSN_F_DNS_RESOLVED_IP);
	if (d->marks[M_SMTP_TO] != 0)
		tsn_json_copy_list(d, M_SMTP_TO, TSN_F_EMAIL_TO_ADDRESS);
	put_when(d, M_FLOW_START, TSN_F_EVENT_START);
	put_when(d, M_FLOW_END, TSN_F_EVENT_END);
}

static void
eve_finish(struct json_doc *d)
{
	struct tsn_parse_ctx *ctx = d->ctx;
	struct tsn_slice type = json_text(d, M_TYPE), app = json_text(d, M_APP_PROTO);

	tsn_json_set_time(d, M_TIMESTAMP);
	tsn_json_copy(d, copies, TSN_COUNT(copies));
	TSN_PUT_LIT(ctx, TSN_F_EVENT_MODULE, "suricata");
	if (TSN_EQ(type, "alert")) {
		put_alert(d);
	} else {
		TSN_PUT_LIT(ctx, TSN_F_EVENT_KIND, "event");
		if (d->marks[M_SRC_IP] != 0)
			tsn_event_append_str(ctx->batch, TSN_F_EVENT_CATEGORY, TSN_SLICE("network"));
	}
	if (app.len > 0 && !TSN_EQ(app, "failed"))
		tsn_put_str(ctx, TSN_F_NETWORK_PROTOCOL, app);
	else if (TSN_EQ(type, "dns") || TSN_EQ(type, "http") || TSN_EQ(type, "tls") ||
	    TSN_EQ(type, "ssh") || TSN_EQ(type, "smb") || TSN_EQ(type, "smtp") || TSN_EQ(type, "ftp"))
		tsn_put_str(ctx, TSN_F_NETWORK_PROTOCOL, type);
	put_parts(d);
}

const struct json_kind tsn_json_eve = {
	.dataset = "suricata.eve",
	.base = TSN_F_SURICATA_EVE,
	.map = &eve_map,
	.stays = eve_stays,
	.finish = eve_finish,
};

static enum tsn_code
parse(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	return tsn_json_parse_as(ctx, &tsn_json_eve, text);
}

const struct tsn_parser_desc tsn_parser_eve = {
	.kind = "suricata.eve",
	.doc = "Suricata EVE JSON",
	.first = "{",
	.probe = tsn_json_never,
	.parse = parse,
};
