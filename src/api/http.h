/*
 * api/http: the HTTP face: an endpoint table, requests with bounded bodies, answers.
 *
 * libmicrohttpd does the protocol in threads of its own.  A request goes through: limits, origin,
 * role, body (decompressed on the way, bounded before and after), handler.  A handler answers at
 * once, or later: from a worker of the API (searches) or when the engine has committed (intake).
 * Errors are RFC 9457 problem documents.
 *
 * Without a token file everyone may do everything, and only a loopback address is listened on.
 */
#ifndef TSN_API_HTTP_H
#define TSN_API_HTTP_H

#include "api/backend.h"
#include "base/buf.h"
#include "os/sock.h"
#include "os/tls.h"

enum tsn_role {
	TSN_ROLE_NONE,		/* needs no token */
	TSN_ROLE_INGEST,	/* may send records */
	TSN_ROLE_VIEWER,
	TSN_ROLE_ANALYST,
	TSN_ROLE_ADMIN,
	TSN_ROLE__COUNT
};

struct tsn_http_options {
	struct tsn_addr addr;
	const struct tsn_backend *backend;	/* borrowed */
	uint64_t body_bytes_max;
	uint32_t connections_max;
	uint32_t timeout_sec;			/* of silence on a connection */
	const char *token_file;			/* lines "ROLE TOKEN", or NULL */
	struct tsn_tls_options tls;		/* cert_file NULL: none */
	/** One line of the log, from any thread; may be NULL. */
	void (*say)(void *ctx, const char *line);
	void *ctx;
};

struct tsn_http;

/** TSN_EBUSY: address in use; TSN_EINVAL: not loopback and no tokens. */
TSN_MUST_CHECK enum tsn_code tsn_http_open(const struct tsn_http_options *options,
    struct tsn_http **ret_http, struct tsn_err *err);
/** Answers what is still under way; the backend's queue is closed and emptied before. */
void tsn_http_close(struct tsn_http *h);
const struct tsn_addr *tsn_http_addr(const struct tsn_http *h);
/** TLS handshakes that came to nothing. */
uint64_t tsn_http_tls_failed(const struct tsn_http *h);

#endif
