/* Audit logs of clouds, and access logs written as JSON: ECS fields beside their own. */
#include "parse/json_carry.h"

/* From a name, or the first that is there of two, to a field. */
struct rename {
	const char *from, *or_from;
	tsn_key to;
	tsn_key other;		/* names that are no addresses; 0: the value as it is */
};

static struct tsn_slice
value_of(const struct json_doc *d, const char *name)
{
	tsn_key key = name == NULL ? TSN_KEY_NONE : tsn_keys_find(d->ctx->keys, tsn_slice_cstr(name));
	const struct tsn_event *ev = d->ctx->ev;

	for (uint32_t i = d->first; i < ev->field_count && key != TSN_KEY_NONE; i++) {
		const struct tsn_field *f = &ev->fields[i];

		if (f->key == key && (f->type == TSN_T_STR || f->type == TSN_T_INT) && f->ptr != NULL)
			return (struct tsn_slice){f->ptr, f->len};
	}
	return TSN_SLICE_NONE;
}

static void
put_all(const struct json_doc *d, const struct rename *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct tsn_slice v = value_of(d, table[i].from);

		if (v.len == 0)
			v = value_of(d, table[i].or_from);
		if (v.len == 0 || TSN_EQ(v, "-") || tsn_event_find(d->ctx->ev, table[i].to) != NULL)
			continue;
		if (table[i].other != 0)
			tsn_put_address(d->ctx, table[i].to, table[i].other, v);
		else
			tsn_put_str(d->ctx, table[i].to, v);
	}
}

static const struct rename cloudtrail[] = {
	{"eventSource", NULL, TSN_F_EVENT_PROVIDER, 0},
	{"eventName", NULL, TSN_F_EVENT_ACTION, 0},
	{"sourceIPAddress", NULL, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN},
	{"sourceIPAddress", NULL, TSN_F_SOURCE_ADDRESS, 0},
	{"userIdentity.userName", "userIdentity.sessionContext.sessionIssuer.userName",
	    TSN_F_USER_NAME, 0},
	{"userIdentity.principalId", "userIdentity.arn", TSN_F_USER_ID, 0},
	{"userAgent", NULL, TSN_F_USER_AGENT_ORIGINAL, 0},
	{"errorMessage", "errorCode", TSN_F_EVENT_REASON, 0},
};

static void
finish_cloudtrail(struct json_doc *d)
{
	struct tsn_parse_ctx *ctx = d->ctx;
	bool failed = value_of(d, "errorCode").len > 0 || value_of(d, "errorMessage").len > 0 ||
	    tsn_slice_eq(value_of(d, "responseElements.ConsoleLogin"), TSN_SLICE("Failure"));

	ctx->ev->dataset = TSN_SLICE("aws.cloudtrail");
	put_all(d, cloudtrail, TSN_COUNT(cloudtrail));
	tsn_put_str(ctx, TSN_F_EVENT_OUTCOME, failed ? TSN_SLICE("failure") : TSN_SLICE("success"));
	if (tsn_slice_eq(value_of(d, "eventName"), TSN_SLICE("ConsoleLogin")))
		tsn_put_str(ctx, TSN_F_EVENT_CATEGORY, TSN_SLICE("authentication"));
}

static const struct rename kubernetes[] = {
	{"verb", NULL, TSN_F_EVENT_ACTION, 0},
	{"user.username", NULL, TSN_F_USER_NAME, 0},
	{"user.uid", NULL, TSN_F_USER_ID, 0},
	{"sourceIPs", NULL, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN},
	{"userAgent", NULL, TSN_F_USER_AGENT_ORIGINAL, 0},
	{"responseStatus.message", "responseStatus.reason", TSN_F_EVENT_REASON, 0},
};

static void
put_status(const struct json_doc *d, struct tsn_slice code)
{
	uint64_t n;

	if (tsn_num_parse_u64(code, &n) != TSN_OK || n < 100 || n > 999)
		return;
	tsn_put_num(d->ctx, TSN_F_HTTP_RESPONSE_STATUS_CODE, code);
	tsn_put_str(d->ctx, TSN_F_EVENT_OUTCOME,
	    n < 400 ? TSN_SLICE("success") : TSN_SLICE("failure"));
}

static void
finish_kubernetes(struct json_doc *d)
{
	d->ctx->ev->dataset = TSN_SLICE("kubernetes.audit");
	put_all(d, kubernetes, TSN_COUNT(kubernetes));
	tsn_json_put_url(d->ctx, value_of(d, "requestURI"));
	put_status(d, value_of(d, "responseStatus.code"));
}

static const struct rename access[] = {
	{"remote_addr", "remote_ip", TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN},
	{"remote_addr", "remote_ip", TSN_F_SOURCE_ADDRESS, 0},
	{"remote_user", NULL, TSN_F_USER_NAME, 0},
	{"http_user_agent", NULL, TSN_F_USER_AGENT_ORIGINAL, 0},
	{"http_referer", "http_referrer", TSN_F_HTTP_REQUEST_REFERRER, 0},
	{"http_host", "host", TSN_F_URL_DOMAIN, 0},
	{"scheme", NULL, TSN_F_URL_SCHEME, 0},
};

/* "GET /a?b HTTP/1.1" */
static void
put_request(const struct json_doc *d, struct tsn_slice line)
{
	size_t blank = tsn_slice_find_char(line, ' ');
	size_t http = tsn_slice_rfind(line, TSN_SLICE(" HTTP/"));
	struct tsn_slice url = line;

	if (blank != SIZE_MAX && http != SIZE_MAX && blank < http) {
		tsn_put_str(d->ctx, TSN_F_HTTP_REQUEST_METHOD, (struct tsn_slice){line.ptr, blank});
		tsn_put_some(d->ctx, TSN_F_HTTP_VERSION, tsn_slice_from(line, http + 6));
		url = (struct tsn_slice){line.ptr + blank + 1, http - blank - 1};
	}
	tsn_json_put_url(d->ctx, url);
}

static void
finish_access(struct json_doc *d)
{
	struct tsn_parse_ctx *ctx = d->ctx;
	struct tsn_slice uri = value_of(d, "request_uri"), bytes = value_of(d, "body_bytes_sent");
	uint64_t n;

	ctx->ev->dataset = TSN_SLICE("nginx.access");
	tsn_put_str(ctx, TSN_F_EVENT_CATEGORY, TSN_SLICE("web"));
	tsn_put_str(ctx, TSN_F_EVENT_TYPE, TSN_SLICE("access"));
	put_all(d, access, TSN_COUNT(access));
	if (uri.len > 0) {
		tsn_put_some(ctx, TSN_F_HTTP_REQUEST_METHOD, value_of(d, "request_method"));
		tsn_json_put_url(ctx, uri);
	} else {
		put_request(d, value_of(d, "request"));
	}
	put_status(d, value_of(d, "status"));
	if (tsn_num_parse_u64(bytes, &n) == TSN_OK)
		tsn_put_num(ctx, TSN_F_HTTP_RESPONSE_BODY_BYTES, bytes);
}

bool
tsn_cloud_finish(struct json_doc *d)
{
	const uint16_t *m = d->marks;

	if (m[TSN_CLOUD_EVENT_NAME] != 0 && m[TSN_CLOUD_EVENT_SOURCE] != 0 &&
	    (m[TSN_CLOUD_EVENT_VERSION] != 0 || m[TSN_CLOUD_REGION] != 0))
		finish_cloudtrail(d);
	else if (m[TSN_CLOUD_AUDIT_ID] != 0 && m[TSN_CLOUD_VERB] != 0)
		finish_kubernetes(d);
	else if (m[TSN_CLOUD_REMOTE_ADDR] != 0 && m[TSN_CLOUD_REQUEST] != 0 &&
	    m[TSN_CLOUD_STATUS] != 0)
		finish_access(d);
	else
		return false;
	return true;
}
