/* Zeek: names of its logs, ECS fields of its records, and its JSON logs.  TSV is in zeek_tsv.c. */
#include "parse/json_int.h"

#include "codec/json.h"

#define PREFIX_LEN (sizeof "zeek." - 1)

enum zeek_mark {
	M_NONE, M_TS, M_PATH, M_WRITE_TS, M_UID, M_ORIG_H, M_ORIG_P, M_RESP_H, M_RESP_P, M_PROTO,
	M_SERVICE, M_DURATION, M_ORIG_BYTES, M_RESP_BYTES, M_ORIG_PKTS, M_RESP_PKTS, M_CONN_STATE,
	M_COMMUNITY_ID, M_ORIG_L2, M_RESP_L2, M_VLAN, M_QUERY, M_QTYPE_NAME, M_RCODE_NAME,
	M_TRANS_ID, M_ANSWERS, M_METHOD, M_HOST, M_URI, M_REFERRER, M_USER_AGENT, M_REQUEST_LEN,
	M_RESPONSE_LEN, M_STATUS_CODE, M_VERSION, M_USERNAME, M_SERVER_NAME, M_CIPHER, M_SUBJECT,
	M_ISSUER, M_CLIENT_SUBJECT, M_CLIENT_ISSUER, M_JA3, M_JA3S, M_FUID, M_FILENAME,
	M_MIME_TYPE, M_TOTAL_BYTES, M_MD5, M_SHA1, M_SHA256, M_SEEN_BYTES, M_NOTE, M_MSG, M_SUB,
	M_SRC, M_DST, M_P, M_USER, M_COMMAND, M_AUTH_SUCCESS, M_CLIENT, M_COOKIE, M_DOMAINNAME,
	M_HOSTNAME, M_SUCCESS, M_ACTION, M_NAME, M_MAC, M_HOST_NAME, M_ASSIGNED, M_CLIENT_ADDR,
	M_MAILFROM, M_RCPTTO, M_ADDL, M_MESSAGE, M_SEVERITY, M_TUNNEL, M_CALL_ID, M_HELO,
	M_SOFTWARE_TYPE, M_PERCENT_LOST, M_SECURITY, M_REQUEST_TYPE, M_ENDPOINT, M_SHARE_TYPE,
	M_COMMUNITY, M_CERT_VERSION, M_HOST_P, M_ANALYZER, M_IS_EXE, M_SYSTEM, M_COUNT,
};
_Static_assert(M_COUNT <= TSN_ZEEK_MARKS && TSN_ZEEK_MARKS <= TSN_DOC_MARKS, "marks fit");

static const struct json_name names[] = {
	{"ts", M_TS}, {"_path", M_PATH}, {"@stream", M_PATH}, {"_write_ts", M_WRITE_TS}, {"uid", M_UID},
	{"uids", M_UID}, {"id.orig_h", M_ORIG_H}, {"id_orig_h", M_ORIG_H}, {"id.orig_p", M_ORIG_P},
	{"id_orig_p", M_ORIG_P}, {"id.resp_h", M_RESP_H}, {"id_resp_h", M_RESP_H},
	{"id.resp_p", M_RESP_P}, {"id_resp_p", M_RESP_P}, {"proto", M_PROTO}, {"service", M_SERVICE},
	{"duration", M_DURATION}, {"orig_bytes", M_ORIG_BYTES}, {"resp_bytes", M_RESP_BYTES},
	{"orig_pkts", M_ORIG_PKTS}, {"resp_pkts", M_RESP_PKTS}, {"conn_state", M_CONN_STATE},
	{"community_id", M_COMMUNITY_ID}, {"orig_l2_addr", M_ORIG_L2}, {"resp_l2_addr", M_RESP_L2},
	{"vlan", M_VLAN}, {"query", M_QUERY}, {"qtype_name", M_QTYPE_NAME},
	{"rcode_name", M_RCODE_NAME}, {"trans_id", M_TRANS_ID}, {"answers", M_ANSWERS},
	{"method", M_METHOD}, {"host", M_HOST}, {"uri", M_URI}, {"referrer", M_REFERRER},
	{"user_agent", M_USER_AGENT}, {"request_body_len", M_REQUEST_LEN},
	{"response_body_len", M_RESPONSE_LEN}, {"status_code", M_STATUS_CODE}, {"version", M_VERSION},
	{"username", M_USERNAME}, {"server_name", M_SERVER_NAME}, {"cipher", M_CIPHER},
	{"subject", M_SUBJECT}, {"issuer", M_ISSUER}, {"issuer_subject", M_ISSUER},
	{"client_subject", M_CLIENT_SUBJECT}, {"client_issuer", M_CLIENT_ISSUER}, {"ja3", M_JA3},
	{"ja3s", M_JA3S}, {"fuid", M_FUID}, {"filename", M_FILENAME}, {"mime_type", M_MIME_TYPE},
	{"total_bytes", M_TOTAL_BYTES}, {"md5", M_MD5}, {"sha1", M_SHA1}, {"sha256", M_SHA256},
	{"seen_bytes", M_SEEN_BYTES}, {"note", M_NOTE}, {"msg", M_MSG}, {"sub", M_SUB}, {"src", M_SRC},
	{"dst", M_DST}, {"p", M_P}, {"user", M_USER}, {"command", M_COMMAND},
	{"auth_success", M_AUTH_SUCCESS}, {"client", M_CLIENT}, {"cookie", M_COOKIE},
	{"domainname", M_DOMAINNAME}, {"hostname", M_HOSTNAME}, {"success", M_SUCCESS},
	{"action", M_ACTION}, {"name", M_NAME}, {"mac", M_MAC}, {"host_name", M_HOST_NAME},
	{"assigned_addr", M_ASSIGNED}, {"assigned_ip", M_ASSIGNED}, {"client_addr", M_CLIENT_ADDR},
	{"mailfrom", M_MAILFROM}, {"rcptto", M_RCPTTO}, {"addl", M_ADDL}, {"message", M_MESSAGE},
	{"severity", M_SEVERITY}, {"tunnel_type", M_TUNNEL}, {"call_id", M_CALL_ID}, {"helo", M_HELO},
	{"software_type", M_SOFTWARE_TYPE}, {"percent_lost", M_PERCENT_LOST},
	{"security_protocol", M_SECURITY}, {"request_type", M_REQUEST_TYPE}, {"endpoint", M_ENDPOINT},
	{"share_type", M_SHARE_TYPE}, {"community", M_COMMUNITY},
	{"certificate.version", M_CERT_VERSION}, {"host_p", M_HOST_P}, {"analyzer", M_ANALYZER},
	{"is_exe", M_IS_EXE}, {"@system", M_SYSTEM}, {"_system_name", M_SYSTEM},
};

static const struct json_copy common[] = {
	{M_ORIG_H, JSON_IP, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN},
	{M_ORIG_P, JSON_COPY, TSN_F_SOURCE_PORT, 0},
	{M_RESP_H, JSON_IP, TSN_F_DESTINATION_IP, TSN_F_DESTINATION_DOMAIN},
	{M_RESP_P, JSON_COPY, TSN_F_DESTINATION_PORT, 0},
	{M_COMMUNITY_ID, JSON_COPY, TSN_F_NETWORK_COMMUNITY_ID, 0},
	{M_UID, JSON_COPY, TSN_F_SESSION_ID, 0},
	{M_SYSTEM, JSON_COPY, TSN_F_OBSERVER_HOSTNAME, 0},
};

static const struct json_copy conn[] = {
	{M_PROTO, JSON_LOWER, TSN_F_NETWORK_TRANSPORT, 0},
	{M_SERVICE, JSON_LOWER, TSN_F_NETWORK_PROTOCOL, 0},
	{M_DURATION, JSON_SECONDS, TSN_F_EVENT_DURATION, 0},
	{M_ORIG_BYTES, JSON_COPY, TSN_F_SOURCE_BYTES, 0},
	{M_RESP_BYTES, JSON_COPY, TSN_F_DESTINATION_BYTES, 0},
	{M_ORIG_PKTS, JSON_COPY, TSN_F_SOURCE_PACKETS, 0},
	{M_RESP_PKTS, JSON_COPY, TSN_F_DESTINATION_PACKETS, 0},
	{M_ORIG_L2, JSON_COPY, TSN_F_SOURCE_MAC, 0},
	{M_RESP_L2, JSON_COPY, TSN_F_DESTINATION_MAC, 0},
	{M_VLAN, JSON_TEXT, TSN_F_NETWORK_VLAN_ID, 0},
};
static const struct json_copy dns[] = {
	{M_PROTO, JSON_LOWER, TSN_F_NETWORK_TRANSPORT, 0},
	{M_QUERY, JSON_COPY, TSN_F_DNS_QUESTION_NAME, 0},
	{M_QTYPE_NAME, JSON_COPY, TSN_F_DNS_QUESTION_TYPE, 0},
	{M_RCODE_NAME, JSON_COPY, TSN_F_DNS_RESPONSE_CODE, 0},
	{M_TRANS_ID, JSON_TEXT, TSN_F_DNS_ID, 0},
};
static const struct json_copy http[] = {
	{M_METHOD, JSON_COPY, TSN_F_HTTP_REQUEST_METHOD, 0},
	{M_HOST, JSON_COPY, TSN_F_URL_DOMAIN, 0},
	{M_REFERRER, JSON_COPY, TSN_F_HTTP_REQUEST_REFERRER, 0},
	{M_USER_AGENT, JSON_COPY, TSN_F_USER_AGENT_ORIGINAL, 0},
	{M_REQUEST_LEN, JSON_COPY, TSN_F_HTTP_REQUEST_BODY_BYTES, 0},
	{M_RESPONSE_LEN, JSON_COPY, TSN_F_HTTP_RESPONSE_BODY_BYTES, 0},
	{M_STATUS_CODE, JSON_COPY, TSN_F_HTTP_RESPONSE_STATUS_CODE, 0},
	{M_VERSION, JSON_COPY, TSN_F_HTTP_VERSION, 0},
	{M_USERNAME, JSON_COPY, TSN_F_USER_NAME, 0},
};
static const struct json_copy ssl[] = {
	{M_SERVER_NAME, JSON_COPY, TSN_F_TLS_CLIENT_SERVER_NAME, 0},
	{M_CIPHER, JSON_COPY, TSN_F_TLS_CIPHER, 0},
	{M_SUBJECT, JSON_COPY, TSN_F_TLS_SERVER_SUBJECT, 0},
	{M_ISSUER, JSON_COPY, TSN_F_TLS_SERVER_ISSUER, 0},
	{M_CLIENT_SUBJECT, JSON_COPY, TSN_F_TLS_CLIENT_SUBJECT, 0},
	{M_CLIENT_ISSUER, JSON_COPY, TSN_F_TLS_CLIENT_ISSUER, 0},
	{M_JA3, JSON_COPY, TSN_F_TLS_CLIENT_JA3, 0},
	{M_JA3S, JSON_COPY, TSN_F_TLS_SERVER_JA3S, 0},
};
static const struct json_copy files[] = {
	{M_FILENAME, JSON_COPY, TSN_F_FILE_NAME, 0},
	{M_MIME_TYPE, JSON_COPY, TSN_F_FILE_MIME_TYPE, 0},
	{M_TOTAL_BYTES, JSON_COPY, TSN_F_FILE_SIZE, 0},
	{M_MD5, JSON_COPY, TSN_F_FILE_HASH_MD5, 0},
	{M_SHA1, JSON_COPY, TSN_F_FILE_HASH_SHA1, 0},
	{M_SHA256, JSON_COPY, TSN_F_FILE_HASH_SHA256, 0},
	{M_DURATION, JSON_SECONDS, TSN_F_EVENT_DURATION, 0},
};
static const struct json_copy notice[] = {
	{M_NOTE, JSON_COPY, TSN_F_RULE_NAME, 0},
	{M_MSG, JSON_COPY, TSN_F_MESSAGE, 0},
	{M_SUB, JSON_COPY, TSN_F_RULE_DESCRIPTION, 0},
	{M_PROTO, JSON_LOWER, TSN_F_NETWORK_TRANSPORT, 0},
};
static const struct json_copy weird[] = {
	{M_NAME, JSON_COPY, TSN_F_RULE_NAME, 0},
};
static const struct json_copy ftp[] = {
	{M_USER, JSON_COPY, TSN_F_USER_NAME, 0},
	{M_COMMAND, JSON_COPY, TSN_F_EVENT_ACTION, 0},
	{M_MIME_TYPE, JSON_COPY, TSN_F_FILE_MIME_TYPE, 0},
};
static const struct json_copy kerberos[] = {
	{M_CLIENT, JSON_COPY, TSN_F_USER_NAME, 0},
	{M_REQUEST_TYPE, JSON_COPY, TSN_F_EVENT_ACTION, 0},
};
static const struct json_copy ntlm[] = {
	{M_USERNAME, JSON_COPY, TSN_F_USER_NAME, 0},
	{M_DOMAINNAME, JSON_COPY, TSN_F_USER_DOMAIN, 0},
	{M_HOSTNAME, JSON_COPY, TSN_F_SOURCE_DOMAIN, 0},
};
static const struct json_copy rdp[] = {
	{M_COOKIE, JSON_COPY, TSN_F_USER_NAME, 0},
};
static const struct json_copy smtp[] = {
	{M_MAILFROM, JSON_COPY, TSN_F_EMAIL_FROM_ADDRESS, 0},
	{M_SUBJECT, JSON_COPY, TSN_F_EMAIL_SUBJECT, 0},
	{M_USER_AGENT, JSON_COPY, TSN_F_USER_AGENT_ORIGINAL, 0},
};
static const struct json_copy smb_files[] = {
	{M_ACTION, JSON_COPY, TSN_F_EVENT_ACTION, 0},
	{M_NAME, JSON_COPY, TSN_F_FILE_PATH, 0},
};
static const struct json_copy dhcp[] = {
	{M_MAC, JSON_COPY, TSN_F_SOURCE_MAC, 0},
	{M_HOST_NAME, JSON_COPY, TSN_F_SOURCE_DOMAIN, 0},
	{M_CLIENT_ADDR, JSON_IP, TSN_F_SOURCE_IP, 0},
};
static const struct json_copy sip[] = {
	{M_USER_AGENT, JSON_COPY, TSN_F_USER_AGENT_ORIGINAL, 0},
	{M_METHOD, JSON_COPY, TSN_F_EVENT_ACTION, 0},
};
static const struct json_copy known[] = {
	{M_HOST, JSON_IP, TSN_F_HOST_IP, TSN_F_HOST_NAME},
};
static const struct json_copy logged[] = {
	{M_MESSAGE, JSON_COPY, TSN_F_MESSAGE, 0},
};
static const struct json_copy radius[] = {
	{M_USERNAME, JSON_COPY, TSN_F_USER_NAME, 0},
	{M_MAC, JSON_COPY, TSN_F_SOURCE_MAC, 0},
};

/*
 * The logs Zeek writes: their tables, their network.protocol, and two marks that only they have
 * both of (0: none), for records whose log is not named.  First match wins.
 */
#define COPIES(table) (table), (uint8_t)TSN_COUNT(table)
static const struct zeek_log {
	const char *name;
	const struct json_copy *table;
	uint8_t count;
	uint8_t sign, sign2;
	const char *protocol;
} logs[] = {
	{"conn", COPIES(conn), M_CONN_STATE, M_CONN_STATE, ""},
	{"dns", COPIES(dns), M_QUERY, M_TRANS_ID, "dns"},
	{"sip", COPIES(sip), M_CALL_ID, M_CALL_ID, "sip"},
	{"http", COPIES(http), M_METHOD, M_URI, "http"},
	{"notice", COPIES(notice), M_NOTE, M_MSG, ""},
	{"files", COPIES(files), M_FUID, M_SEEN_BYTES, ""},
	{"ssl", COPIES(ssl), M_VERSION, M_CIPHER, "tls"},
	{"ssh", NULL, 0, M_AUTH_SUCCESS, M_CLIENT, "ssh"},
	{"weird", COPIES(weird), M_NAME, M_ADDL, ""},
	{"smtp", COPIES(smtp), M_HELO, M_HELO, "smtp"},
	{"ftp", COPIES(ftp), M_USER, M_COMMAND, "ftp"},
	{"kerberos", COPIES(kerberos), M_REQUEST_TYPE, M_REQUEST_TYPE, "kerberos"},
	{"ntlm", COPIES(ntlm), M_DOMAINNAME, M_HOSTNAME, ""},
	{"rdp", COPIES(rdp), M_SECURITY, M_SECURITY, "rdp"},
	{"smb_files", COPIES(smb_files), M_ACTION, M_NAME, "smb"},
	{"smb_mapping", NULL, 0, M_SHARE_TYPE, M_SHARE_TYPE, "smb"},
	{"dce_rpc", NULL, 0, M_ENDPOINT, M_ENDPOINT, "dce_rpc"},
	{"dhcp", COPIES(dhcp), M_MAC, M_ASSIGNED, "dhcp"},
	{"x509", NULL, 0, M_CERT_VERSION, M_CERT_VERSION, ""},
	{"software", COPIES(known), M_SOFTWARE_TYPE, M_SOFTWARE_TYPE, ""},
	{"capture_loss", NULL, 0, M_PERCENT_LOST, M_PERCENT_LOST, ""},
	{"snmp", NULL, 0, M_COMMUNITY, M_COMMUNITY, "snmp"},
	{"tunnel", NULL, 0, M_TUNNEL, M_TUNNEL, ""},
	{"pe", NULL, 0, M_IS_EXE, M_IS_EXE, ""},
	{"known_services", COPIES(known), 0, 0, ""},
	{"known_hosts", COPIES(known), 0, 0, ""},
	{"known_certs", COPIES(known), M_HOST, M_SUBJECT, ""},
	{"syslog", COPIES(logged), M_MESSAGE, M_SEVERITY, "syslog"},
	{"reporter", COPIES(logged), 0, 0, ""}, {"radius", COPIES(radius), 0, 0, "radius"},
	{"dpd", NULL, 0, M_ANALYZER, M_ANALYZER, ""}, {"analyzer", NULL, 0, 0, 0, ""},
	{"modbus", NULL, 0, 0, 0, "modbus"}, {"mysql", NULL, 0, 0, 0, "mysql"},
	{"irc", NULL, 0, 0, 0, "irc"}, {"ntp", NULL, 0, 0, 0, "ntp"}, {"ocsp", NULL, 0, 0, 0, ""},
	{"rfb", NULL, 0, 0, 0, "rfb"}, {"socks", NULL, 0, 0, 0, "socks"},
	{"ldap", NULL, 0, 0, 0, "ldap"}, {"ldap_search", NULL, 0, 0, 0, "ldap"},
	{"dnp3", NULL, 0, 0, 0, "dnp3"}, {"intel", NULL, 0, 0, 0, ""}, {"stats", NULL, 0, 0, 0, ""},
	{"signatures", NULL, 0, 0, 0, ""}, {"traceroute", NULL, 0, 0, 0, ""},
	{"app_stats", NULL, 0, 0, 0, ""}, {"known_modbus", NULL, 0, 0, 0, ""},
	{"mqtt_connect", NULL, 0, 0, 0, "mqtt"}, {"mqtt_publish", NULL, 0, 0, 0, "mqtt"},
	{"mqtt_subscribe", NULL, 0, 0, 0, "mqtt"}, {"quic", NULL, 0, 0, 0, "quic"},
	{"smb_cmd", NULL, 0, 0, 0, "smb"}, {"netcontrol", NULL, 0, 0, 0, ""},
	{"notice_alarm", COPIES(notice), 0, 0, ""}, {"weird_stats", NULL, 0, 0, 0, ""},
	{"loaded_scripts", NULL, 0, 0, 0, ""}, {"packet_filter", NULL, 0, 0, 0, ""},
	{"broker", NULL, 0, 0, 0, ""}, {"cluster", NULL, 0, 0, 0, ""}, {"print", NULL, 0, 0, 0, ""},
	{"telemetry", NULL, 0, 0, 0, ""}, {"websocket", NULL, 0, 0, 0, ""},
	{"postgresql", NULL, 0, 0, 0, "postgresql"}, {"redis", NULL, 0, 0, 0, "redis"},
};

static const struct zeek_log *
find_log(struct tsn_slice name)
{
	for (size_t i = 0; i < TSN_COUNT(logs); i++)
		if (tsn_slice_eq(tsn_slice_cstr(logs[i].name), name))
			return &logs[i];
	return NULL;
}

bool
tsn_zeek_is_log(struct tsn_slice name)
{
	return find_log(name) != NULL;
}

uint8_t
tsn_zeek_mark(struct tsn_slice name)
{
	return tsn_json_mark(names, TSN_COUNT(names), name);
}

struct tsn_slice
tsn_zeek_log_of_path(struct tsn_slice path)
{
	struct tsn_slice name = tsn_json_basename(path);
	size_t n = 0;

	/* "labeled-conn.log" and "conn_2024.log" too: the longest known name that stands alone. */
	if (TSN_STARTS(name, "labeled-"))
		name = tsn_slice_from(name, sizeof "labeled-" - 1);
	while (n < name.len && name.ptr[n] != '.')
		n++;
	for (; n > 0; n--) {
		struct tsn_slice part = {name.ptr, n};

		if ((n == name.len || name.ptr[n] == '.' || name.ptr[n] == '_' ||
		    name.ptr[n] == '-') && tsn_zeek_is_log(part))
			return part;
	}
	return TSN_SLICE("");
}

tsn_key
tsn_zeek_base(struct tsn_keys *keys, struct tsn_slice log)
{
	char name[64];
	size_t n = log.len < sizeof name ? log.len : sizeof name;

	if (n == 0)
		return tsn_keys_child(keys, TSN_F_ZEEK, TSN_SLICE("record"));
	for (size_t i = 0; i < n; i++) {
		char c = tsn_lower(log.ptr[i]);

		name[i] = (char)((c >= 'a' && c <= 'z') || tsn_is_digit(c) || c == '-' ? log.ptr[i] : '_');
	}
	return tsn_keys_child(keys, TSN_F_ZEEK, (struct tsn_slice){name, n});
}

static void
put_notice(const struct json_doc *d)
{
	TSN_PUT_LIT(d->ctx, TSN_F_EVENT_KIND, "alert");
	/* A notice without a connection names its addresses itself. */
	if (d->marks[M_ORIG_H] == 0) {
		tsn_put_address(d->ctx, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN, json_text(d, M_SRC));
		tsn_put_address(d->ctx, TSN_F_DESTINATION_IP, TSN_F_DESTINATION_DOMAIN,
		    json_text(d, M_DST));
		tsn_json_copy_one(d, &(struct json_copy){M_P, JSON_COPY, TSN_F_DESTINATION_PORT, 0});
	}
}

/* T, F of TSV are booleans by then. */
static void
put_outcome(const struct json_doc *d, uint8_t mark)
{
	const struct tsn_field *f = json_field(d, mark);

	if (f != NULL && f->type == TSN_T_BOOL)
		tsn_put_str(d->ctx, TSN_F_EVENT_OUTCOME,
		    f->num.i ? TSN_SLICE("success") : TSN_SLICE("failure"));
}

static void
put_tls_version(const struct json_doc *d)
{
	struct tsn_slice v = json_text(d, M_VERSION);

	/* TLSv10, TLSv12, SSLv3 */
	if (TSN_STARTS(v, "TLSv") && v.len == 6 && tsn_is_digit(v.ptr[4]) && tsn_is_digit(v.ptr[5])) {
		char *text = tsn_arena_alloc(&d->ctx->batch->arena, 3);

		if (text == NULL)
			return;
		text[0] = v.ptr[4];
		text[1] = '.';
		text[2] = v.ptr[5];
		v = (struct tsn_slice){text, 3};
	}
	tsn_put_some(d->ctx, TSN_F_TLS_VERSION, v);
}

static void
put_special(const struct json_doc *d, const struct zeek_log *log)
{
	if (log->table == notice)
		put_notice(d);
	else if (log->table == http)
		tsn_json_put_url(d->ctx, json_text(d, M_URI));
	else if (log->table == ssl)
		put_tls_version(d);
	else if (log->table == dns && d->marks[M_ANSWERS] != 0)
		tsn_json_copy_list(d, M_ANSWERS, TSN_F_DNS_ANSWERS_DATA);
	else if (log->table == smtp && d->marks[M_RCPTTO] != 0)
		tsn_json_copy_list(d, M_RCPTTO, TSN_F_EMAIL_TO_ADDRESS);
	else if (log->table == smb_files)
		tsn_put_some(d->ctx, TSN_F_FILE_NAME, tsn_json_basename(json_text(d, M_NAME)));
	if (log->sign == M_AUTH_SUCCESS) {
		tsn_event_append_str(d->ctx->batch, TSN_F_EVENT_CATEGORY, TSN_SLICE("authentication"));
		put_outcome(d, M_AUTH_SUCCESS);
	} else if (log->table == kerberos || log->table == ntlm) {
		tsn_event_append_str(d->ctx->batch, TSN_F_EVENT_CATEGORY, TSN_SLICE("authentication"));
		put_outcome(d, M_SUCCESS);
	}
}

/* Seconds since 1970 however small (captures without a clock begin at 0), or ISO text. */
static void
set_time(const struct json_doc *d, uint8_t mark)
{
	const struct tsn_field *f = json_field(d, mark);
	struct tsn_slice text = json_text(d, mark), whole = text;
	int64_t seconds, ns = 0, scale = TSN_NS_PER_SEC / 10;
	size_t dot;

	if (f == NULL || (f->type != TSN_T_FLOAT && f->type != TSN_T_INT)) {
		tsn_json_set_time(d, mark);
		return;
	}
	dot = tsn_slice_find_char(text, '.');
	if (dot != SIZE_MAX)
		whole.len = dot;
	if (tsn_num_parse_i64(whole, &seconds) != TSN_OK || seconds < 0 ||
	    seconds > INT64_MAX / TSN_NS_PER_SEC - 1)
		return;
	for (size_t i = whole.len + 1; i < text.len && tsn_is_digit(text.ptr[i]); i++) {
		ns += (text.ptr[i] - '0') * scale;
		scale /= 10;
	}
	d->ctx->ev->time_ns = seconds * TSN_NS_PER_SEC + ns;
}

void
tsn_zeek_finish(struct json_doc *d, struct tsn_slice name)
{
	struct tsn_parse_ctx *ctx = d->ctx;
	const struct zeek_log *log = find_log(name);

	set_time(d, M_TS);
	if (ctx->ev->time_ns == TSN_TIME_NONE)
		set_time(d, M_WRITE_TS);
	tsn_json_copy(d, common, TSN_COUNT(common));
	TSN_PUT_LIT(ctx, TSN_F_EVENT_MODULE, "zeek");
	if (log == NULL || log->table != notice)
		TSN_PUT_LIT(ctx, TSN_F_EVENT_KIND, "event");
	if (d->marks[M_ORIG_H] != 0)
		tsn_event_append_str(ctx->batch, TSN_F_EVENT_CATEGORY, TSN_SLICE("network"));
	if (log == NULL)
		return;
	tsn_json_copy(d, log->table, log->count);
	if (log->protocol[0] != '\0')
		tsn_put_str(ctx, TSN_F_NETWORK_PROTOCOL, tsn_slice_cstr(log->protocol));
	put_special(d, log);
}

/* "zeek.conn.id.orig_h" -> "id.orig_h" */
static struct tsn_slice
below_log(struct tsn_slice path)
{
	size_t dot;

	path = tsn_slice_from(path, PREFIX_LEN);
	dot = tsn_slice_find_char(path, '.');
	return dot == SIZE_MAX ? TSN_SLICE_NONE : tsn_slice_from(path, dot + 1);
}

static tsn_key
zeek_child(struct tsn_keys *keys, tsn_key parent, struct tsn_slice name, uint8_t *ret_mark)
{
	tsn_key key = tsn_keys_child(keys, parent, name);

	if (key != TSN_KEY_NONE)
		*ret_mark = tsn_zeek_mark(below_log(tsn_keys_name(keys, key)));
	return key;
}
static const struct tsn_doc_map zeek_map = {zeek_child};

/* The log that the marks of a flattened record speak for. */
static struct tsn_slice
log_of_marks(const struct json_doc *d)
{
	for (size_t i = 0; i < TSN_COUNT(logs); i++)
		if (logs[i].sign != 0 && d->marks[logs[i].sign] != 0 && d->marks[logs[i].sign2] != 0)
			return tsn_slice_cstr(logs[i].name);
	return TSN_SLICE("");
}

/* What the record itself says, then its file's name; empty when neither does. */
static struct tsn_slice
named_log(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	static const struct tsn_slice keys[] = {TSN_SLICE("\"_path\""), TSN_SLICE("\"@stream\"")};

	for (size_t i = 0; i < TSN_COUNT(keys); i++) {
		struct tsn_json_in in;
		struct tsn_slice name;
		size_t at = tsn_slice_find(text, keys[i]);

		if (at == SIZE_MAX)
			continue;
		tsn_json_begin(&in, tsn_slice_from(text, at + keys[i].len), NULL);
		tsn_json_blank(&in);
		if (in.at == in.end || *in.at++ != ':')
			continue;
		tsn_json_blank(&in);
		if (in.at < in.end && *in.at++ == '"' && tsn_json_string(&in, &name) && name.len > 0)
			return name;
	}
	return tsn_zeek_log_of_path(ctx->source->path);
}

static tsn_key
zeek_base_of(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	struct tsn_slice log = named_log(ctx, text);
	struct json_state state = {.kind = &tsn_json_zeek};
	struct json_doc d = {.ctx = ctx, .state = &state, .marks = tsn_doc_marks(ctx->doc)};
	uint32_t fields = ctx->ev->field_count, places = ctx->ev->pos_count;

	if (log.len > 0)
		return tsn_zeek_base(ctx->keys, log);
	/* The set of its fields says it: read it once to see them. */
	state.base = tsn_zeek_base(ctx->keys, TSN_SLICE("record"));
	if (tsn_doc_flatten(ctx->doc, ctx->batch, state.base, &zeek_map, text, NULL) == TSN_OK)
		log = log_of_marks(&d);
	ctx->ev->field_count = fields;
	ctx->ev->pos_count = places;
	return log.len == 0 ? state.base : tsn_zeek_base(ctx->keys, log);
}

static struct tsn_slice
log_of_base(const struct json_doc *d)
{
	return tsn_slice_from(tsn_keys_name(d->ctx->keys, d->state->base), PREFIX_LEN);
}

static bool
zeek_stays(const struct json_doc *d)
{
	struct tsn_slice said = json_text(d, M_PATH), log = log_of_base(d);

	if (d->marks[M_TS] == 0)
		return false;
	if (d->marks[M_PATH] != 0)
		return tsn_slice_eq(said, log);
	if (tsn_zeek_log_of_path(d->ctx->source->path).len > 0)
		return tsn_slice_eq(tsn_zeek_log_of_path(d->ctx->source->path), log);
	said = log_of_marks(d);
	return tsn_slice_eq(said, log) || (said.len == 0 && TSN_EQ(log, "record"));
}

static void
zeek_finish(struct json_doc *d)
{
	struct tsn_parse_ctx *ctx = d->ctx;

	ctx->ev->dataset = tsn_keys_name(ctx->keys, d->state->base);
	tsn_zeek_finish(d, log_of_base(d));
}

const struct json_kind tsn_json_zeek = {
	.base = TSN_F_ZEEK,
	.base_of = zeek_base_of,
	.map = &zeek_map,
	.stays = zeek_stays,
	.finish = zeek_finish,
};

/* {"dns":{"ts":...}}: as Metron's plugin writes them. */
static struct tsn_slice
wrapping_log(const struct json_doc *d)
{
	const struct tsn_field *f = json_field(d, M_TS);
	struct tsn_slice path = f == NULL ? TSN_SLICE_NONE : tsn_keys_name(d->ctx->keys, f->key);
	size_t dot;

	path = tsn_slice_from(path, path.len < PREFIX_LEN ? path.len : PREFIX_LEN);
	dot = tsn_slice_find_char(path, '.');
	return dot == SIZE_MAX ? TSN_SLICE("") : (struct tsn_slice){path.ptr, dot};
}

static bool
wrapped_stays(const struct json_doc *d)
{
	return d->marks[M_TS] != 0 && tsn_zeek_is_log(wrapping_log(d));
}

static void
wrapped_finish(struct json_doc *d)
{
	struct tsn_slice log = wrapping_log(d);
	tsn_key base = tsn_zeek_base(d->ctx->keys, log);

	if (base != TSN_KEY_NONE)
		d->ctx->ev->dataset = tsn_keys_name(d->ctx->keys, base);
	tsn_zeek_finish(d, log);
}

const struct json_kind tsn_json_zeek_wrapped = {
	.base = TSN_F_ZEEK,
	.map = &zeek_map,
	.stays = wrapped_stays,
	.finish = wrapped_finish,
};
