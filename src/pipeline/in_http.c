/* Input http: requests, each answered when its events have left the pipeline. */
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "pipeline/sock_int.h"

#define CONNECTIONS_MAX 1024u
#define TIMEOUT_SEC 60u
#define BODY_DEFAULT 104857600u
#define BODIES_MAX (512u << 20)		/* of all requests that are on their way */
#define AUTH_MAX 1024u

struct codec_of {
	struct tsn_slice type;
	struct tsn_pinst *codec;
};

struct in_http {
	struct tsn_pinst *in;
	struct MHD_Daemon *daemon;
	struct tsn_loop *loop;
	struct tsn_watch watch;
	char auth[AUTH_MAX];		/* what the header must be; "" none is asked */
	uint64_t body_max;
	size_t bodies;
	unsigned status;
	struct codec_of *codecs;
	uint32_t codec_count;
	uint64_t refused;
	/* of the request at work */
	struct MHD_Connection *conn;
	struct request *request;
};

struct request {
	struct tsn_buf body;
	const char *url, *method, *version;
	unsigned refused;
};

struct header_run {
	struct tsn_pev *ev;
	struct tsn_pv map;
};

static enum MHD_Result
add_header(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct header_run *run = ctx;
	char *low = tsn_arena_alloc(run->ev->arena, strlen(name) + 1);
	struct tsn_slice text = tsn_arena_dup(run->ev->arena, value == NULL ? TSN_SLICE("") :
	    tsn_slice_cstr(value));
	size_t n = 0;

	(void)kind;
	if (low == NULL || text.ptr == NULL)
		return MHD_NO;
	for (; name[n] != '\0'; n++)
		low[n] = name[n] == '-' ? '_' : tsn_lower(name[n]);
	(void)tsn_pv_map_put(run->ev->arena, run->map.as.map, tsn_slice_of(low, n), tsn_pv_str(text));
	return MHD_YES;
}

static struct tsn_slice
keep(struct tsn_pev *ev, const char *text)
{
	return text == NULL ? TSN_SLICE_NONE : tsn_arena_dup(ev->arena, tsn_slice_cstr(text));
}

static void
add_ecs(struct in_http *h, struct tsn_pev *ev, struct tsn_slice ip)
{
	const struct request *r = h->request;
	struct tsn_slice host = keep(ev, MHD_lookup_connection_value(h->conn, MHD_HEADER_KIND, "Host"));
	struct tsn_slice type = keep(ev, MHD_lookup_connection_value(h->conn, MHD_HEADER_KIND,
	    "Content-Type"));
	size_t colon = tsn_slice_find_char(host, ':');
	struct tsn_pref ref;

	tsn_psock_set_text(ev, "[http][method]", keep(ev, r->method));
	tsn_psock_set_text(ev, "[http][version]", keep(ev, r->version));
	tsn_psock_set_text(ev, "[http][request][mime_type]", type);
	tsn_psock_set(ev, "[http][request][body][bytes]", tsn_pv_str(keep(ev,
	    MHD_lookup_connection_value(h->conn, MHD_HEADER_KIND, "Content-Length"))));
	tsn_psock_set_text(ev, "[url][path]", keep(ev, r->url));
	tsn_psock_set_text(ev, "[url][domain]", tsn_slice_of(host.ptr, colon == SIZE_MAX ? host.len :
	    colon));
	if (colon != SIZE_MAX)
		tsn_psock_set_text(ev, "[url][port]", tsn_slice_from(host, colon + 1));
	tsn_psock_set_text(ev, "[user_agent][original]",
	    keep(ev, MHD_lookup_connection_value(h->conn, MHD_HEADER_KIND, "User-Agent")));
	if (tsn_pref_parse(ev->arena, tsn_pi_str(h->in, "remote_host_target_field", "[host][ip]"),
	    &ref))
		(void)tsn_pev_set(ev, &ref, tsn_pv_str(ip));
}

static void
http_decorate(struct tsn_pinst *in, struct tsn_pev *ev)
{
	struct in_http *h = in->state;
	const union MHD_ConnectionInfo *info;
	struct header_run run = {.ev = ev};
	struct tsn_addr peer = {0};
	char text[TSN_ADDR_TEXT_MAX];
	struct tsn_slice ip = TSN_SLICE("");
	struct tsn_pref ref;
	bool ecs = tsn_pi_ecs(in);

	if (h->conn == NULL)
		return;
	info = MHD_get_connection_info(h->conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info != NULL && info->client_addr != NULL) {
		bool v6 = info->client_addr->sa_family == AF_INET6;

		peer.len = v6 ? sizeof peer.u.v6 : sizeof peer.u.v4;
		memcpy(&peer.u, info->client_addr, peer.len);
		ip = tsn_arena_dup(ev->arena, tsn_addr_text(&peer, false, text));
	}
	if (!tsn_pv_map_new(ev->arena, &run.map))
		return;
	(void)MHD_get_connection_values(h->conn, MHD_HEADER_KIND, add_header, &run);
	if (ecs) {
		add_ecs(h, ev, ip);
	} else {
		tsn_psock_set_text(ev, "host", ip);
		(void)tsn_pv_map_put(ev->arena, run.map.as.map, TSN_SLICE("request_method"),
		    tsn_pv_str(keep(ev, h->request->method)));
		(void)tsn_pv_map_put(ev->arena, run.map.as.map, TSN_SLICE("request_path"),
		    tsn_pv_str(keep(ev, h->request->url)));
		(void)tsn_pv_map_put(ev->arena, run.map.as.map, TSN_SLICE("http_version"),
		    tsn_pv_str(keep(ev, h->request->version)));
	}
	if (tsn_pref_parse(ev->arena, tsn_pi_str(in, "request_headers_target_field", ecs ?
	    "[@metadata][input][http][request][headers]" : "headers"), &ref))
		(void)tsn_pev_set(ev, &ref, run.map);
}

static enum MHD_Result
answer(struct in_http *h, struct MHD_Connection *conn, unsigned status, const char *text)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(strlen(text),
	    (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
	uint32_t count;
	const struct tsn_conf_value *pairs = tsn_pi_hash(h->in, "response_headers", &count);
	enum MHD_Result code;

	if (r == NULL)
		return MHD_NO;
	(void)MHD_add_response_header(r, "Content-Type", "text/plain");
	if (status == 401)
		(void)MHD_add_response_header(r, "WWW-Authenticate", "Basic realm=\"tocsin\"");
	for (uint32_t i = 0; i < count && status < 300; i++) {
		const char *name = tsn_arena_dup(&h->in->pl->arena, pairs[2 * i].text).ptr;
		const char *value = tsn_arena_dup(&h->in->pl->arena, pairs[2 * i + 1].text).ptr;

		if (name != NULL && value != NULL)
			(void)MHD_add_response_header(r, name, value);
	}
	code = MHD_queue_response(conn, status, r);
	MHD_destroy_response(r);
	return code;
}

static struct tsn_pinst *
codec_for(struct in_http *h, const char *type)
{
	struct tsn_slice t = tsn_slice_cstr(type == NULL ? "" : type);
	size_t semicolon = tsn_slice_find_char(t, ';');

	t = tsn_slice_trim(tsn_slice_of(t.ptr, semicolon == SIZE_MAX ? t.len : semicolon));
	for (uint32_t i = 0; i < h->codec_count; i++)
		if (tsn_slice_eq_nocase(h->codecs[i].type, t))
			return h->codecs[i].codec;
	return h->in->codec;
}

static enum tsn_code
take(struct in_http *h, struct MHD_Connection *conn, struct request *r, struct tsn_err *err)
{
	struct tsn_pinst *own = h->in->codec;
	struct tsn_slice body = r->body.len > 0 ? tsn_buf_get(&r->body) : TSN_SLICE("");
	enum tsn_code code;

	h->conn = conn;
	h->request = r;
	h->in->codec = codec_for(h, MHD_lookup_connection_value(conn, MHD_HEADER_KIND,
	    "Content-Type"));
	code = tsn_pl_body(h->in, body, err);
	if (code == TSN_OK)
		code = tsn_pl_finish(h->in, err);
	h->in->codec = own;
	h->conn = NULL;
	return code;
}

static bool
allowed(const struct in_http *h, struct MHD_Connection *conn)
{
	const char *got = MHD_lookup_connection_value(conn, MHD_HEADER_KIND, "Authorization");
	unsigned char differ = 0;
	size_t n = strlen(h->auth);

	if (n == 0)
		return true;
	if (got == NULL || strlen(got) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		differ |= (unsigned char)(got[i] ^ h->auth[i]);
	return differ == 0;
}

static enum MHD_Result
handle(void *ctx, struct MHD_Connection *conn, const char *url, const char *method,
    const char *version, const char *data, size_t *size, void **state)
{
	struct in_http *h = ctx;
	struct request *r = *state;
	struct tsn_err err = {0};
	enum tsn_code code;

	if (r == NULL) {
		r = calloc(1, sizeof *r);
		*state = r;
		if (r == NULL)
			return MHD_NO;
		tsn_buf_init(&r->body, h->body_max);
		r->refused = allowed(h, conn) ? 0 : 401;
		return MHD_YES;
	}
	r->url = url;
	r->method = method;
	r->version = version;
	if (*size > 0) {
		size_t before = r->body.cap;

		if (r->refused == 0 && h->bodies > BODIES_MAX)
			r->refused = 429;
		if (r->refused == 0)
			tsn_buf_add(&r->body, data, *size);
		if (tsn_buf_check(&r->body) != TSN_OK)
			r->refused = 413;
		h->bodies += r->body.cap - before;
		*size = 0;
		return MHD_YES;
	}
	if (r->refused != 0) {
		h->refused++;
		return answer(h, conn, r->refused, r->refused == 401 ? "unauthorized" : r->refused == 413 ?
		    "too large" : "busy");
	}
	code = take(h, conn, r, &err);
	if (code != TSN_OK)
		tsn_pl_broken(h->in->pl, code, &err);
	return answer(h, conn, code == TSN_OK ? h->status : 503, code == TSN_OK ? "ok" : "stopping");
}

static void
completed(void *ctx, struct MHD_Connection *conn, void **state,
    enum MHD_RequestTerminationCode why)
{
	struct in_http *h = ctx;
	struct request *r = *state;

	(void)conn;
	(void)why;
	if (r == NULL)
		return;
	h->bodies -= r->body.cap;
	tsn_buf_done(&r->body);
	free(r);
	*state = NULL;
}

static void
http_ready(void *ctx, uint32_t events)
{
	struct in_http *h = ctx;

	(void)events;
	(void)MHD_run(h->daemon);
}

/* "application/json" => "json" is known; the option adds others */
static enum tsn_code
open_codecs(struct tsn_pinst *in, struct in_http *h, struct tsn_err *err)
{
	uint32_t count;
	const struct tsn_conf_value *pairs = tsn_pi_hash(in, "additional_codecs", &count);

	h->codecs = tsn_pi_alloc(in, count + 1, sizeof *h->codecs);
	if (h->codecs == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < (pairs == NULL ? 1 : count); i++) {
		struct tsn_slice name = pairs == NULL ? TSN_SLICE("json") : pairs[2 * i + 1].text;
		struct tsn_conf_plugin *named = tsn_pi_alloc(in, 1, sizeof *named);

		if (named == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		*named = (struct tsn_conf_plugin){.kind = TSN_PLUGIN_CODEC, .at = in->conf->at,
		    .name = name};
		if (tsn_plugin_find(TSN_PLUGIN_CODEC, name) == NULL)
			return tsn_pi_fail(in, err, "option \"additional_codecs\": there is no codec \"%.*s\"",
			    TSN_SLICE_ARG(name));
		h->codecs[h->codec_count].type = pairs == NULL ? TSN_SLICE("application/json") :
		    pairs[2 * i].text;
		TSN_TRY(tsn_pl_inst(in->pl, named, &h->codecs[h->codec_count++].codec, err));
	}
	return TSN_OK;
}

static enum tsn_code
http_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct in_http *h = calloc(1, sizeof *h);
	const char *user = tsn_pi_text(in, "user", NULL);
	const union MHD_DaemonInfo *info;
	struct tsn_addr addr;
	uint64_t status;

	in->state = h;
	if (h == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	h->in = in;
	h->watch.fd = -1;
	if (tsn_pi_bool(in, "ssl_enabled", false))
		return tsn_pi_fail(in, err, "TLS is taken by the inputs of tocsin run "
		    "(docs/configuration.md), not by those of pipelines");
	if (user != NULL) {
		struct tsn_buf b;
		char text[AUTH_MAX] = "";

		tsn_buf_init(&b, AUTH_MAX / 2);
		tsn_buf_printf(&b, "%s:%s", user, tsn_pi_text(in, "password", ""));
		if (tsn_buf_check(&b) == TSN_OK)
			(void)tsn_base64_encode(tsn_buf_get(&b), text);
		tsn_buf_done(&b);
		tsn_buf_init(&b, AUTH_MAX);
		tsn_buf_printf(&b, "Basic %s", text);
		memcpy(h->auth, b.ptr, b.len < sizeof h->auth ? b.len : 0);
		tsn_buf_done(&b);
	}
	TSN_TRY(tsn_pi_count(in, "max_content_length", BODY_DEFAULT, 1, 1u << 30, &h->body_max, err));
	TSN_TRY(tsn_pi_count(in, "response_code", 200, 200, 204, &status, err));
	h->status = (unsigned)status;
	TSN_TRY(open_codecs(in, h, err));
	TSN_TRY(tsn_psock_addr(in, "0.0.0.0", 8080, &addr, err));
	TSN_TRY(tsn_pl_loop(in->pl, &h->loop, err));
	h->daemon = MHD_start_daemon(MHD_USE_EPOLL | (addr.u.sa.sa_family == AF_INET6 ? MHD_USE_IPv6 :
	    0), 0, NULL, NULL, handle, h, MHD_OPTION_SOCK_ADDR, &addr.u.sa, MHD_OPTION_NOTIFY_COMPLETED,
	    completed, h, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
	    TIMEOUT_SEC, MHD_OPTION_END);
	info = h->daemon == NULL ? NULL : MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL)
		return tsn_pi_fail(in, err, "cannot listen on port %u", tsn_addr_port(&addr));
	h->watch = (struct tsn_watch){.fd = info->epoll_fd, .ready = http_ready, .ctx = h};
	return tsn_loop_add(h->loop, &h->watch, TSN_WATCH_READ, err);
}

static void
http_close(struct tsn_pinst *in)
{
	struct in_http *h = in->state;

	if (h == NULL)
		return;
	if (h->watch.fd >= 0)
		tsn_loop_remove(h->loop, &h->watch);
	if (h->daemon != NULL)
		MHD_stop_daemon(h->daemon);
	free(h);
}

static enum tsn_code
http_step(struct tsn_pinst *in, enum tsn_pstep *ret, struct tsn_err *err)
{
	struct in_http *h = in->state;

	(void)err;
	(void)MHD_run(h->daemon);	/* its timeouts */
	*ret = TSN_PSTEP_IDLE;
	return TSN_OK;
}

static void
http_report(struct tsn_pinst *in, struct tsn_buf *out)
{
	const struct in_http *h = in->state;

	if (h->refused > 0)
		tsn_buf_printf(out, "input http: %llu requests refused\n", (unsigned long long)h->refused);
}

const struct tsn_pinput tsn_input_http = {.codec = "plain", .open = http_open,
    .close = http_close, .step = http_step, .decorate = http_decorate, .report = http_report};
