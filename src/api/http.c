#include "api/endpoints_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "codec/json.h"
#include "os/clock.h"

#define ANSWER_BYTES_MAX (64u << 20)
#define CONNECTION_MEMORY (24u << 10)
#define DRAIN_MAX (64u << 20)
#define THREADS 2u
#define CONNECTIONS_SPARE 64u
#define WORKERS 2u
/* The library keeps arguments in the memory of the connection, and is stuck when that is full. */
#define ARGS_MAX 200u
#define COMPLAIN_NS (10 * TSN_NS_PER_SEC)

struct tsn_slice
request_header(struct request *r, const char *name)
{
	return tsn_slice_cstr(MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name));
}

struct tsn_slice
request_arg(struct request *r, const char *name)
{
	return tsn_slice_cstr(
	    MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name));
}

bool
request_number(struct request *r, const char *name, uint64_t otherwise, uint64_t *ret)
{
	struct tsn_slice text = request_arg(r, name);

	*ret = otherwise;
	return text.ptr == NULL || tsn_num_parse_u64(text, ret) == TSN_OK;
}

struct tsn_slice
request_peer(struct request *r, char out[TSN_ADDR_TEXT_MAX])
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct tsn_addr a = {0};

	if (info == NULL)
		return TSN_SLICE("unknown");
	if (info->client_addr->sa_family == AF_INET6)
		memcpy(&a.u.v6, info->client_addr, sizeof a.u.v6);
	else
		memcpy(&a.u.v4, info->client_addr, sizeof a.u.v4);
	return tsn_addr_text(&a, false, out);
}

void
request_suspend(struct request *r)
{
	r->later = true;
	MHD_suspend_connection(r->connection);
}

void
request_resume(struct request *r)
{
	MHD_resume_connection(r->connection);
}

static enum answer
shaped_problem(struct request *r, const char *detail)
{
	if (r->form == FORM_SPLUNK) {
		splunk_problem(r, detail);
	} else if (r->form == FORM_OTLP) {
		otlp_problem(r, detail);
	} else {
		tsn_buf_printf(&r->out, "%s\n", detail);
		r->type = "text/plain; charset=utf-8";
	}
	return ANSWER_NOW;
}

enum answer
problem(struct request *r, unsigned status, const char *title, const char *fmt, ...)
{
	char detail[TSN_ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	tsn_buf_reset(&r->out);
	r->status = status;
	if (r->form != FORM_PROBLEM)
		return shaped_problem(r, detail);
	tsn_buf_lit(&r->out, "{\"type\":\"about:blank\",\"title\":");
	tsn_json_write_string(&r->out, tsn_slice_cstr(title));
	tsn_buf_printf(&r->out, ",\"status\":%u,\"detail\":", status);
	tsn_json_write_string(&r->out, tsn_slice_cstr(detail));
	tsn_buf_lit(&r->out, ",\"instance\":");
	tsn_json_write_string(&r->out, tsn_slice_cstr(r->url));
	tsn_buf_lit(&r->out, "}\n");
	r->type = "application/problem+json";
	return ANSWER_NOW;
}

enum answer
problem_of(struct request *r, enum tsn_code code, const struct tsn_err *err)
{
	static const struct {
		enum tsn_code code;
		unsigned status;
		const char *title;
	} known[] = {
		{TSN_ENOTFOUND, 404, "Not found"},
		{TSN_EPARSE, 400, "Bad request"},
		{TSN_EINVAL, 400, "Bad request"},
		{TSN_EEXIST, 409, "Conflict"},
		{TSN_ELIMIT, 422, "A limit was reached"},
		{TSN_EBUSY, 503, "Busy"},
		{TSN_EAGAIN, 429, "Too many requests"},
		{TSN_ECANCELED, 503, "Stopping"},
		{TSN_ETIMEOUT, 504, "Took too long"},
	};
	const char *msg = err != NULL && err->msg[0] != '\0' ? err->msg : "";

	for (size_t i = 0; i < TSN_COUNT(known); i++)
		if (known[i].code == code)
			return problem(r, known[i].status, known[i].title, "%s", msg);
	return problem(r, 500, "Trouble of the machine", "%s", msg);
}

enum answer
answer_json(struct request *r, unsigned status)
{
	if (tsn_buf_check(&r->out) != TSN_OK)
		return problem(r, 500, "Out of memory", "the answer is larger than may be");
	r->status = status;
	r->type = "application/json";
	return ANSWER_NOW;
}

enum answer
answer_text(struct request *r, unsigned status, const char *type, const char *text)
{
	tsn_buf_slice(&r->out, tsn_slice_cstr(text));
	r->status = status;
	r->type = type;
	return ANSWER_NOW;
}

/* Segments of a path against a pattern; what stands for braces goes to parts. */
static bool
path_matches(const char *pattern, const char *path, struct tsn_slice parts[PATH_PARTS_MAX])
{
	size_t part = 0;

	while (*pattern != '\0' && *path != '\0') {
		size_t len;

		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		len = strcspn(path, "/");
		pattern += strcspn(pattern, "}") + 1;
		if (len == 0 || part == PATH_PARTS_MAX)
			return false;
		parts[part++] = tsn_slice_of(path, len);
		path += len;
	}
	return *pattern == '\0' && *path == '\0';
}

static bool
method_matches(const char *want, const char *have)
{
	return strcmp(want, have) == 0 ||
	    (strcmp(want, "GET") == 0 && strcmp(have, "HEAD") == 0);
}

static const struct endpoint *
find_endpoint(struct request *r, bool *ret_path_known)
{
	*ret_path_known = false;
	for (const struct endpoint *const *t = endpoint_tables; *t != NULL; t++)
		for (const struct endpoint *e = *t; e->path != NULL; e++) {
			if (!path_matches(e->path, r->url, r->parts))
				continue;
			/* Every first segment may be the name of an Elasticsearch index. */
			*ret_path_known |= *t != elastic_endpoints;
			if (!method_matches(e->method, r->method))
				continue;
			r->form = endpoint_form(*t);
			return e;
		}
	return NULL;
}

static struct tsn_slice
without_port(struct tsn_slice host)
{
	for (size_t i = host.len; i-- > 0 && host.ptr[i] != ']';)
		if (host.ptr[i] == ':')
			return tsn_slice_of(host.ptr, i);
	return host;
}

/*
 * A page of another site that runs in the user's browser must not reach us: neither by naming our
 * address (its Origin differs from our Host) nor by a name of its own that leads to the loopback.
 */
static bool
origin_is_ours(struct request *r)
{
	struct tsn_slice host = request_header(r, "Host"), origin = request_header(r, "Origin");
	struct tsn_slice name = without_port(host);
	size_t scheme;

	if (r->http->loopback && host.len > 0 && !tsn_slice_eq_nocase(name, TSN_SLICE("localhost")) &&
	    !tsn_slice_starts(name, TSN_SLICE("127.")) && !tsn_slice_eq(name, TSN_SLICE("[::1]")))
		return false;
	if (origin.len == 0)
		return true;
	scheme = tsn_slice_find(origin, TSN_SLICE("://"));
	return scheme != SIZE_MAX &&
	    tsn_slice_eq_nocase(tsn_slice_from(origin, scheme + 3), host);
}

static enum answer
refuse(struct request *r)
{
	bool path_known;
	struct tsn_slice length = request_header(r, "Content-Length");
	const char *why = "";
	uint64_t bytes = 0;

	if (r->http->https != NULL && !https_client_may(r->http->https, r->connection, &why))
		return problem(r, 403, "Forbidden", "%s", why);
	if (r->crowded)
		return problem(r, 414, "URI too long", "a request has at most %u arguments", ARGS_MAX);
	if (!origin_is_ours(r))
		return problem(r, 403, "Forbidden", "requests of other sites are not answered");
	r->endpoint = find_endpoint(r, &path_known);
	if (r->endpoint == NULL && path_known)
		return problem(r, 405, "Method not allowed", "%s is not possible here", r->method);
	if (r->endpoint == NULL)
		return problem(r, 404, "Not found", "there is nothing at this path");
	if (r->http->tokens != NULL && r->endpoint->role != TSN_ROLE_NONE) {
		enum tsn_role have =
		    tokens_role(r->http->tokens, request_header(r, "Authorization"));

		if (have == TSN_ROLE_NONE)
			return problem(r, 401, "Unauthorized", "a token is needed: Authorization: Bearer");
		if (!role_may(have, r->endpoint->role))
			return problem(r, 403, "Forbidden", "the role %s may not do this",
			    role_name(have));
	}
	if (length.len > 0 && tsn_num_parse_u64(length, &bytes) == TSN_OK &&
	    bytes > r->http->o.body_bytes_max)
		return problem(r, 413, "Content too large", "a body has at most %llu bytes",
		    (unsigned long long)r->http->o.body_bytes_max);
	return ANSWER_LATER;
}

static enum answer
body_problem(struct request *r)
{
	switch ((int)r->body.failed) {
	case TSN_ELIMIT:
		return problem(r, 413, "Content too large", "a body has at most %llu bytes, "
		    "decompressed too", (unsigned long long)r->http->o.body_bytes_max);
	case TSN_EAGAIN:
		r->retry_after = 1;
		return problem(r, 429, "Too many requests", "%s", r->body.why);
	case TSN_EINVAL:
		return problem(r, 415, "Unsupported media type", "%s", r->body.why);
	case TSN_EPARSE:
		return problem(r, 400, "Bad request", "%s", r->body.why);
	default:
		return problem(r, 503, "Service unavailable", "%s", r->body.why);
	}
}

static enum MHD_Result
send_answer(struct request *r)
{
	struct MHD_Response *response;
	enum MHD_Result rc;
	char number[16];
	bool keep = r->out.len > 0 || r->status == 204;

	response = MHD_create_response_from_buffer(keep ? r->out.len : 0, r->out.ptr,
	    MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	if (r->type != NULL)
		(void)MHD_add_response_header(response, "Content-Type", r->type);
	(void)MHD_add_response_header(response, "Cache-Control", "no-store");
	(void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	(void)MHD_add_response_header(response, "Content-Security-Policy", "default-src 'none'");
	if (r->elastic)
		(void)MHD_add_response_header(response, "X-Elastic-Product", "Elasticsearch");
	if (r->limited)
		(void)MHD_add_response_header(response, "X-Tocsin-Limited", "true");
	if (r->status == 401)
		(void)MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
	if (r->retry_after > 0) {
		(void)snprintf(number, sizeof number, "%u", r->retry_after);
		(void)MHD_add_response_header(response, "Retry-After", number);
	}
	rc = MHD_queue_response(r->connection, r->status, response);
	MHD_destroy_response(response);
	return rc;
}

static struct request *
new_request(struct tsn_http *h, struct MHD_Connection *connection, const char *url,
    const char *method)
{
	struct request *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->http = h;
	r->connection = connection;
	r->url = url;
	r->method = method;
	tsn_buf_init(&r->out, ANSWER_BYTES_MAX);
	return r;
}

static enum MHD_Result
handle(struct request *r)
{
	if (r->body.failed != TSN_OK) {
		(void)body_problem(r);
		return send_answer(r);
	}
	if (r->endpoint->slow) {
		if (workers_submit(r->http->workers, r))
			return MHD_YES;
		r->retry_after = 1;
		(void)problem(r, 429, "Too many requests", "too many requests wait");
		return send_answer(r);
	}
	if (r->endpoint->handle(r) == ANSWER_LATER)
		return MHD_YES;
	return send_answer(r);
}

/*
 * A client in the midst of its body would see a broken connection and no answer: what is not too
 * long is read and thrown away first.
 */
static bool
answer_at_once(struct request *r)
{
	struct tsn_slice length = request_header(r, "Content-Length");
	uint64_t bytes = 0;

	return request_header(r, "Expect").len > 0 ||
	    (length.len > 0 && (tsn_num_parse_u64(length, &bytes) != TSN_OK || bytes > DRAIN_MAX));
}

/* Headers are there, and nothing of the body yet: a client that asks first is answered first. */
static enum MHD_Result
begin_request(struct request *r)
{
	struct tsn_slice encoding;

	r->refused = refuse(r) == ANSWER_NOW;
	if (r->refused && answer_at_once(r))
		return send_answer(r);
	encoding = request_header(r, "Content-Encoding");
	/* Loki's bodies are always in snappy's block format; some of its clients say so. */
	if (r->form == FORM_LOKI && tsn_slice_eq_nocase(encoding, TSN_SLICE("snappy")))
		encoding = TSN_SLICE_NONE;
	body_init(&r->body, encoding, r->http->o.body_bytes_max,
	    r->http->o.backend->queue);
	return MHD_YES;
}

/* Stands for the request until its headers are read. */
static char crowded_mark;

/* Before arguments are taken out of the address: too many are cut off, and the request marked. */
static void *
on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
	char *args = strchr((char *)(uintptr_t)uri, '?');
	unsigned count = 1;

	(void)cls;
	(void)connection;
	for (const char *p = args; p != NULL && *p != '\0'; p++)
		count += *p == '&';
	if (args == NULL || count <= ARGS_MAX)
		return NULL;
	/* behind the question mark, too: the library knows the place already */
	args[0] = args[1] = '\0';
	return &crowded_mark;
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *data, size_t *data_len, void **ctx)
{
	struct tsn_http *h = cls;
	bool crowded = *ctx == &crowded_mark;
	struct request *r = crowded ? NULL : *ctx;

	(void)version;
	if (r == NULL) {
		r = new_request(h, connection, url, method);
		*ctx = r;
		if (r == NULL)
			return MHD_NO;
		r->crowded = crowded;
		return begin_request(r);
	}
	if (*data_len > 0) {
		if (!r->refused)
			body_add(&r->body, data, *data_len);
		*data_len = 0;
		return MHD_YES;
	}
	if (r->refused)
		return send_answer(r);
	if (r->later) {
		r->later = false;
		return send_answer(r);
	}
	body_finish(&r->body);
	return handle(r);
}

static void
on_completed(void *cls, struct MHD_Connection *connection, void **ctx,
    enum MHD_RequestTerminationCode why)
{
	struct request *r = *ctx;

	(void)cls;
	(void)connection;
	(void)why;
	if (r == NULL || *ctx == &crowded_mark)
		return;
	if (r->body.queue != NULL)
		body_done(&r->body);
	tsn_buf_done(&r->out);
	if (r->held_done != NULL)
		r->held_done(r->held);
	free(r);
	*ctx = NULL;
}

static void
on_connection(void *cls, struct MHD_Connection *connection, void **ctx,
    enum MHD_ConnectionNotificationCode what)
{
	struct tsn_http *h = cls;

	(void)connection;
	(void)ctx;
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		atomic_fetch_add(&h->connections, 1);
	else
		atomic_fetch_sub(&h->connections, 1);
}

/* What is too much is closed at once: the library at its own limit would not see clients leave. */
static enum MHD_Result
on_accept(void *cls, const struct sockaddr *addr, socklen_t addr_len)
{
	struct tsn_http *h = cls;

	(void)addr;
	(void)addr_len;
	return atomic_load(&h->connections) < h->o.connections_max ? MHD_YES : MHD_NO;
}

/* The library's own log: with TLS it is about handshakes, which strangers may fail at any rate. */
static void TSN_PRINTF(2, 0)
on_log(void *cls, const char *fmt, va_list ap)
{
	struct tsn_http *h = cls;
	int64_t now = tsn_clock_mono_ns(), before = atomic_load(&h->complained_ns);
	char line[300], address[TSN_ADDR_TEXT_MAX], text[400];
	int len;

	atomic_fetch_add(&h->tls_failed, 1);
	if (h->o.say == NULL || (before != 0 && now - before < COMPLAIN_NS))
		return;
	atomic_store(&h->complained_ns, now);
	len = vsnprintf(line, sizeof line, fmt, ap);
	while (len > 0 && (size_t)len < sizeof line && line[len - 1] == '\n')
		line[--len] = '\0';
	(void)tsn_addr_text(&h->addr, true, address);
	(void)snprintf(text, sizeof text, "https %s: %s", address, line);
	h->o.say(h->o.ctx, text);
}

static enum tsn_code
start_daemon(struct tsn_http *h, struct tsn_err *err)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
	    (h->o.addr.u.sa.sa_family == AF_INET6 ? (unsigned)MHD_USE_IPv6 : 0u);
	struct MHD_OptionItem tls[HTTPS_OPTIONS_MAX] = {{MHD_OPTION_END, 0, NULL}};
	int fd;

	if (h->https != NULL) {
		flags |= (unsigned)MHD_USE_TLS | (unsigned)MHD_USE_ERROR_LOG;
		https_options(h->https, tls);
	}
	TSN_TRY(tsn_sock_listen(&h->o.addr, &fd, err));
	if (tsn_sock_name(fd, &h->addr, err) != TSN_OK)
		return TSN_EIO;
	h->daemon = MHD_start_daemon(flags, 0, on_accept, h, on_request, h,
	    MHD_OPTION_EXTERNAL_LOGGER, on_log, h,
	    MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
	    /* each thread has its part of the limit; all may come to one */
	    MHD_OPTION_CONNECTION_LIMIT, ((unsigned)h->o.connections_max + CONNECTIONS_SPARE) * THREADS,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)h->o.timeout_sec,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
	    MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS,
	    MHD_OPTION_ARRAY, tls,
	    MHD_OPTION_END);
	if (h->daemon == NULL)
		TSN_FAIL_PLAIN(err, TSN_EIO, "cannot start the HTTP server");
	return TSN_OK;
}

static enum tsn_code
open_http(struct tsn_http *h, struct tsn_err *err)
{
	h->loopback = tsn_addr_is_loopback(&h->o.addr);
	if (h->o.token_file != NULL)
		TSN_TRY(tokens_load(h->o.token_file, &h->tokens, err));
	else if (!h->loopback)
		TSN_FAIL(err, TSN_EINVAL, "listening beyond this machine needs http.token_file in the "
					  "configuration");
	if (h->o.tls.cert_file != NULL)
		TSN_TRY(https_open(&h->o.tls, &h->https, err));
	h->workers = workers_new(WORKERS);
	h->acks = acks_new();
	if (h->workers == NULL || h->acks == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return start_daemon(h, err);
}

enum tsn_code
tsn_http_open(const struct tsn_http_options *options, struct tsn_http **ret_http,
    struct tsn_err *err)
{
	struct tsn_http *h = calloc(1, sizeof *h);
	enum tsn_code code;

	if (h == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	h->o = *options;
	code = open_http(h, err);
	if (code != TSN_OK) {
		tsn_http_close(h);
		return code;
	}
	*ret_http = h;
	return TSN_OK;
}

void
tsn_http_close(struct tsn_http *h)
{
	if (h == NULL)
		return;
	atomic_store(&h->stopping, true);
	workers_free(h->workers);
	if (h->daemon != NULL)
		MHD_stop_daemon(h->daemon);
	https_free(h->https);
	tokens_free(h->tokens);
	acks_free(h->acks);
	free(h);
}

uint64_t
tsn_http_tls_failed(const struct tsn_http *h)
{
	return atomic_load(&h->tls_failed);
}

const struct tsn_addr *
tsn_http_addr(const struct tsn_http *h)
{
	return &h->addr;
}
