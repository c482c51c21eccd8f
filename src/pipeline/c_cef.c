/* Codec cef: ArcSight's Common Event Format, read and written. */
#include <string.h>

#include "base/num.h"
#include "pipeline/joda.h"
#include "pipeline/ship_int.h"

#define HEADER 7u

/* key, its full name, ECS (NULL: below [cef][extensions] by the full name) */
static const struct key {
	const char *key, *name, *ecs;
	bool number;
} keys[] = {
	{"act", "deviceAction", "[event][action]", false},
	{"app", "applicationProtocol", "[network][protocol]", false},
	{"c6a1", "deviceCustomIPv6Address1", NULL, false},
	{"cat", "deviceEventCategory", "[cef][category]", false},
	{"cfp1", "deviceCustomFloatingPoint1", NULL, false},
	{"cn1", "deviceCustomNumber1", NULL, false},
	{"cn1Label", "deviceCustomNumber1Label", NULL, false},
	{"cn2", "deviceCustomNumber2", NULL, false},
	{"cn2Label", "deviceCustomNumber2Label", NULL, false},
	{"cn3", "deviceCustomNumber3", NULL, false},
	{"cn3Label", "deviceCustomNumber3Label", NULL, false},
	{"cnt", "baseEventCount", "[cef][base_event_count]", true},
	{"cs1", "deviceCustomString1", NULL, false},
	{"cs1Label", "deviceCustomString1Label", NULL, false},
	{"cs2", "deviceCustomString2", NULL, false},
	{"cs2Label", "deviceCustomString2Label", NULL, false},
	{"cs3", "deviceCustomString3", NULL, false},
	{"cs3Label", "deviceCustomString3Label", NULL, false},
	{"cs4", "deviceCustomString4", NULL, false},
	{"cs4Label", "deviceCustomString4Label", NULL, false},
	{"cs5", "deviceCustomString5", NULL, false},
	{"cs5Label", "deviceCustomString5Label", NULL, false},
	{"cs6", "deviceCustomString6", NULL, false},
	{"cs6Label", "deviceCustomString6Label", NULL, false},
	{"destinationDnsDomain", "destinationDnsDomain", "[destination][registered_domain]", false},
	{"dhost", "destinationHostName", "[destination][domain]", false},
	{"dmac", "destinationMacAddress", "[destination][mac]", false},
	{"dntdom", "destinationNtDomain", NULL, false},
	{"dpid", "destinationProcessId", "[destination][process][pid]", true},
	{"dpriv", "destinationUserPrivileges", "[destination][user][group][name]", false},
	{"dproc", "destinationProcessName", "[destination][process][name]", false},
	{"dpt", "destinationPort", "[destination][port]", true},
	{"dst", "destinationAddress", "[destination][ip]", false},
	{"dtz", "deviceTimeZone", "[event][timezone]", false},
	{"duid", "destinationUserId", "[destination][user][id]", false},
	{"duser", "destinationUserName", "[destination][user][name]", false},
	{"dvc", "deviceAddress", "[observer][ip]", false},
	{"dvchost", "deviceHostName", "[observer][hostname]", false},
	{"dvcmac", "deviceMacAddress", "[observer][mac]", false},
	{"dvcpid", "deviceProcessId", "[process][pid]", true},
	{"end", "endTime", "[event][end]", false},
	{"externalId", "externalId", "[event][id]", false},
	{"fileHash", "fileHash", "[file][hash]", false}, {"fileId", "fileId", "[file][inode]", false},
	{"filePath", "filePath", "[file][path]", false},
	{"fileType", "fileType", "[file][type]", false},
	{"fname", "filename", "[file][name]", false}, {"fsize", "fileSize", "[file][size]", true},
	{"in", "bytesIn", "[source][bytes]", true}, {"msg", "message", "[message]", false},
	{"out", "bytesOut", "[destination][bytes]", true},
	{"outcome", "eventOutcome", "[event][outcome]", false},
	{"proto", "transportProtocol", "[network][transport]", false},
	{"reason", "Reason", "[event][reason]", false},
	{"request", "requestUrl", "[url][original]", false},
	{"requestClientApplication", "requestClientApplication", "[user_agent][original]", false},
	{"requestMethod", "requestMethod", "[http][request][method]", false},
	{"rt", "deviceReceiptTime", "@timestamp", false},
	{"shost", "sourceHostName", "[source][domain]", false},
	{"smac", "sourceMacAddress", "[source][mac]", false},
	{"sntdom", "sourceNtDomain", NULL, false},
	{"spid", "sourceProcessId", "[source][process][pid]", true},
	{"spriv", "sourceUserPrivileges", "[source][user][group][name]", false},
	{"sproc", "sourceProcessName", "[source][process][name]", false},
	{"spt", "sourcePort", "[source][port]", true},
	{"src", "sourceAddress", "[source][ip]", false},
	{"start", "startTime", "[event][start]", false},
	{"suid", "sourceUserId", "[source][user][id]", false},
	{"suser", "sourceUserName", "[source][user][name]", false},
};

static const char *const head_old[HEADER] = {"cefVersion", "deviceVendor", "deviceProduct",
    "deviceVersion", "deviceEventClassId", "name", "severity"};
static const char *const head_ecs[HEADER] = {"[cef][version]", "[observer][vendor]",
    "[observer][product]", "[observer][version]", "[event][code]", "[cef][name]",
    "[event][severity]"};

static void
set(struct tsn_pev *ev, struct tsn_slice name, struct tsn_pv v)
{
	struct tsn_pref ref;

	if (tsn_pref_parse(ev->arena, name, &ref))
		(void)tsn_pev_set(ev, &ref, v);
}

/* one header field: up to '|' that is not escaped */
static bool
head_field(struct tsn_pev *ev, struct tsn_slice *rest, bool last, struct tsn_slice *ret)
{
	char *out = tsn_arena_alloc(ev->arena, rest->len + 1);
	size_t i = 0, n = 0;

	if (out == NULL)
		return false;
	for (; i < rest->len && rest->ptr[i] != '|'; i++) {
		if (rest->ptr[i] == '\\' && i + 1 < rest->len &&
		    (rest->ptr[i + 1] == '|' || rest->ptr[i + 1] == '\\'))
			i++;
		out[n++] = rest->ptr[i];
	}
	if (i == rest->len && !last)
		return false;
	*rest = tsn_slice_from(*rest, i + 1);
	*ret = tsn_slice_of(out, n);
	return true;
}

static struct tsn_slice
unescape(struct tsn_pev *ev, struct tsn_slice s)
{
	char *out = memchr(s.ptr, '\\', s.len) == NULL ? NULL : tsn_arena_alloc(ev->arena, s.len + 1);
	size_t n = 0;

	if (out == NULL)
		return s;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '\\' && i + 1 < s.len) {
			c = s.ptr[++i];
			c = c == 'n' || c == 'r' ? '\n' : c;
		}
		out[n++] = c;
	}
	return tsn_slice_of(out, n);
}

static bool
key_char(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
	    c == '.' || c == '[' || c == ']';
}

/* Where the next " key=" begins, or the end. */
static size_t
value_end(struct tsn_slice s)
{
	size_t blank = SIZE_MAX;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\') {
			i++;
			blank = SIZE_MAX;
		} else if (s.ptr[i] == ' ') {
			blank = i;
		} else if (s.ptr[i] == '=' && blank != SIZE_MAX && i > blank + 1) {
			return blank;
		} else if (blank != SIZE_MAX && !key_char(s.ptr[i])) {
			blank = SIZE_MAX;
		}
	}
	return s.len;
}

static bool
set_time(struct tsn_pev *ev, struct tsn_slice name, struct tsn_slice value)
{
	static const char *const forms[] = {"MMM dd HH:mm:ss", "MMM dd yyyy HH:mm:ss",
	    "MMM dd HH:mm:ss.SSS", "MMM dd yyyy HH:mm:ss.SSS", "MMM dd HH:mm:ss z",
	    "MMM dd yyyy HH:mm:ss z"};
	int64_t ms, ns;
	bool ok = tsn_num_parse_i64(value, &ms) == TSN_OK && ms > 0 && ms < INT64_C(9000000000000);

	ns = ok ? ms * TSN_NS_PER_MS : 0;
	for (size_t i = 0; !ok && i < TSN_COUNT(forms); i++)
		ok = tsn_joda_read(tsn_slice_cstr(forms[i]), value, NULL, ev->born_ns, &ns) == TSN_OK;
	if (ok)
		set(ev, name, (struct tsn_pv){.type = TSN_PV_TIME, .as.i = ns});
	return ok;
}

static void
set_extension(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_slice name,
    struct tsn_slice value)
{
	bool ecs = tsn_pi_ecs(in);
	struct tsn_slice to = name;
	struct tsn_buf b;
	bool number = false;
	int64_t v;

	for (size_t i = 0; i < TSN_COUNT(keys); i++) {
		if (!tsn_slice_eq(name, tsn_slice_cstr(keys[i].key)) &&
		    !tsn_slice_eq(name, tsn_slice_cstr(keys[i].name)))
			continue;
		name = tsn_slice_cstr(keys[i].name);
		to = ecs && keys[i].ecs != NULL ? tsn_slice_cstr(keys[i].ecs) : name;
		number = ecs && keys[i].number;
		if (ecs && keys[i].ecs != NULL && (strcmp(keys[i].key, "rt") == 0 ||
		    strcmp(keys[i].key, "end") == 0 || strcmp(keys[i].key, "start") == 0) &&
		    set_time(ev, to, value))
			return;
		break;
	}
	if (ecs && to.ptr == name.ptr) {
		tsn_buf_init(&b, 4096);
		tsn_buf_printf(&b, "[cef][extensions][%.*s]", TSN_SLICE_ARG(name));
		to = tsn_pl_keep(ev, &b);
	}
	if (to.ptr == NULL)
		return;
	if (number && tsn_num_parse_i64(value, &v) == TSN_OK)
		set(ev, to, tsn_pv_int(v));
	else
		set(ev, to, tsn_pv_str(value));
}

static bool
decode(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_slice text)
{
	size_t at = tsn_slice_find(text, TSN_SLICE("CEF:"));
	bool ecs = tsn_pi_ecs(in);
	struct tsn_slice field, rest;

	if (at == SIZE_MAX)
		return false;
	rest = tsn_slice_from(text, at + 4);
	for (unsigned i = 0; i < HEADER; i++) {
		if (!head_field(ev, &rest, i + 1 == HEADER, &field))
			return false;
		set(ev, tsn_slice_cstr(ecs ? head_ecs[i] : head_old[i]), tsn_pv_str(field));
	}
	if (at > 0)
		set(ev, ecs ? TSN_SLICE("[log][syslog][header]") : TSN_SLICE("syslog"),
		    tsn_pv_str(tsn_slice_trim(tsn_slice_of(text.ptr, at))));
	rest = tsn_slice_trim(rest);
	while (rest.len > 0) {
		size_t equals = tsn_slice_find_char(rest, '='), end;
		struct tsn_slice name = tsn_slice_trim(tsn_slice_of(rest.ptr, equals == SIZE_MAX ? 0 :
		    equals));

		if (equals == SIZE_MAX || name.len == 0)
			break;
		rest = tsn_slice_from(rest, equals + 1);
		end = value_end(rest);
		set_extension(in, ev, name, unescape(ev, tsn_slice_of(rest.ptr, end)));
		rest = tsn_slice_from(rest, end + 1);
	}
	return true;
}

static void
cef_decode(struct tsn_pinst *in, struct tsn_slice record)
{
	struct tsn_pev *ev = tsn_pl_event(in->pl);
	struct tsn_slice raw = tsn_pi_str(in, "raw_data_field", "");

	while (record.len > 0 && (record.ptr[record.len - 1] == '\n' ||
	    record.ptr[record.len - 1] == '\r'))
		record.len--;
	if (ev != NULL && raw.len > 0)
		set(ev, raw, tsn_pv_str(record));
	if (ev != NULL && tsn_pi_ecs(in))
		set(ev, TSN_SLICE("[event][original]"), tsn_pv_str(record));
	if (ev != NULL && !decode(in, ev, record)) {
		set(ev, TSN_SLICE("message"), tsn_pv_str(record));
		(void)tsn_pev_tag(ev, TSN_SLICE("_cefparsefailure"));
	}
	tsn_pl_decoded(in, ev);
}

static void
escaped(struct tsn_slice s, const char *which, struct tsn_buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\r' && i + 1 < s.len && s.ptr[i + 1] == '\n')
			continue;
		if (s.ptr[i] == '\n') {
			/* a header has no line ends */
			if (which[1] == '|')
				tsn_buf_char(out, ' ');
			else
				tsn_buf_lit(out, "\\n");
			continue;
		}
		if (s.ptr[i] != '\0' && strchr(which, s.ptr[i]) != NULL)
			tsn_buf_char(out, '\\');
		tsn_buf_char(out, s.ptr[i]);
	}
}

static void
head(struct tsn_pinst *in, struct tsn_pev *ev, const char *option, const char *dflt,
    struct tsn_buf *out)
{
	struct tsn_tmpl t;
	struct tsn_slice text = TSN_SLICE("");

	if (tsn_tmpl_parse(ev->arena, tsn_pi_str(in, option, dflt), &t))
		text = tsn_tmpl_text(&t, ev);
	tsn_buf_char(out, '|');
	escaped(text, "\\|", out);
}

static void
cef_encode(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_buf *out)
{
	uint32_t count;
	const struct tsn_conf_value *fields = tsn_pi_list(in, "fields", &count);
	bool reverse = tsn_pi_bool(in, "reverse_mapping", false), first = true;

	tsn_buf_lit(out, "CEF:0");
	head(in, ev, "vendor", "Elasticsearch", out);
	head(in, ev, "product", "Logstash", out);
	head(in, ev, "version", "1.0", out);
	head(in, ev, "signature", "Logstash", out);
	head(in, ev, "name", "Logstash", out);
	head(in, ev, "severity", "6", out);
	tsn_buf_char(out, '|');
	for (uint32_t i = 0; i < count; i++) {
		struct tsn_slice name = fields[i].text;
		struct tsn_pref ref;
		const struct tsn_pv *v = tsn_pref_parse(ev->arena, name, &ref) ? tsn_pev_get(ev, &ref) :
		    NULL;
		struct tsn_buf b;

		if (v == NULL || v->type == TSN_PV_NULL)
			continue;
		for (size_t k = 0; reverse && k < TSN_COUNT(keys); k++)
			if (tsn_slice_eq(name, tsn_slice_cstr(keys[k].name)) ||
			    (keys[k].ecs != NULL && tsn_slice_eq(name, tsn_slice_cstr(keys[k].ecs))))
				name = tsn_slice_cstr(keys[k].key);
		if (!first)
			tsn_buf_char(out, ' ');
		first = false;
		for (size_t k = 0; k < name.len; k++)
			if (key_char(name.ptr[k]) && name.ptr[k] != '[' && name.ptr[k] != ']')
				tsn_buf_char(out, name.ptr[k]);
		tsn_buf_char(out, '=');
		tsn_buf_init(&b, TSN_PL_BYTES_MAX);
		tsn_pv_write_text(v, &b);
		escaped(tsn_buf_get(&b), "\\=", out);
		tsn_buf_done(&b);
	}
	tsn_buf_slice(out, tsn_pi_str(in, "delimiter", "\n"));
}

const struct tsn_pcodec tsn_codec_cef = {.lines = true, .decode = cef_decode,
    .encode = cef_encode};
