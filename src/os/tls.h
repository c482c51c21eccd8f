/*
 * os/tls: TLS for listeners, over descriptors that do not block (OpenSSL; TLS 1.2 and later).
 *
 * A context is made of files once and shared by the sessions of one thread.  A session belongs to
 * one connection; it never closes the descriptor.  What a peer did wrong is told in plain words:
 * they are for the log.
 */
#ifndef TSN_OS_TLS_H
#define TSN_OS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum tsn_tls_client {
	TSN_TLS_CLIENT_NONE,		/* certificates of clients are not asked for */
	TSN_TLS_CLIENT_OPTIONAL,	/* one that is shown must be good */
	TSN_TLS_CLIENT_REQUIRED,
};

#define TSN_TLS_NAME_MAX 256u

struct tsn_tls_options {
	const char *cert_file;		/* PEM: the certificate and those between it and the root */
	const char *key_file;		/* PEM; NULL: in cert_file */
	const char *ca_file;		/* PEM: who signs clients' certificates */
	enum tsn_tls_client client;
	const char *const *names;	/* a client's certificate must have one of them; "*.example.org" */
	uint32_t name_count;		/* 0: every name */
};

struct tsn_tls_context;
struct tsn_tls;

/** TSN_EINVAL: the options do not fit together; TSN_EPARSE: a file is not what it should be. */
TSN_MUST_CHECK enum tsn_code tsn_tls_context_new(const struct tsn_tls_options *options,
    struct tsn_tls_context **ret_context, struct tsn_err *err);
void tsn_tls_context_free(struct tsn_tls_context *c);

/** Is the name one of those, or below a "*.example.org" among them?  Case does not count. */
bool tsn_tls_name_wanted(const char *const *names, uint32_t name_count, struct tsn_slice name);

/** A session of the server's side; NULL when out of memory. The context outlives it. */
struct tsn_tls *tsn_tls_new(struct tsn_tls_context *c, int fd);
/** Says goodbye if that can be done at once; accepts NULL. */
void tsn_tls_free(struct tsn_tls *t);
/**
 * TSN_OK when done; TSN_EAGAIN (see tsn_tls_wants_write); TSN_EDENIED: no certificate, or not a
 * good one; TSN_EPARSE: no TLS, or none we can speak; TSN_EIO.
 */
TSN_MUST_CHECK enum tsn_code tsn_tls_handshake(struct tsn_tls *t, struct tsn_err *err);
/** Did the last TSN_EAGAIN mean that the descriptor must become writable? */
bool tsn_tls_wants_write(const struct tsn_tls *t);
/** As tsn_sock_read: *ret_len 0 is the end. */
TSN_MUST_CHECK enum tsn_code tsn_tls_read(struct tsn_tls *t, void *buf, size_t cap,
    size_t *ret_len, struct tsn_err *err);
/** Bytes that are here already and that the descriptor does not show any more. */
size_t tsn_tls_pending(const struct tsn_tls *t);
/** TSN_OK with *ret_len > 0, TSN_EAGAIN. */
TSN_MUST_CHECK enum tsn_code tsn_tls_write(struct tsn_tls *t, const void *ptr, size_t len,
    size_t *ret_len, struct tsn_err *err);
/**
 * A session of the client's side, over a descriptor that blocks: the handshake is done and the
 * server's certificate verified for that host, by the system's authorities or those of ca_file.
 */
TSN_MUST_CHECK enum tsn_code tsn_tls_connect(int fd, struct tsn_slice host, const char *ca_file,
    struct tsn_tls **ret_tls, struct tsn_err *err);
/** The common name of the client's certificate; empty when there is none. */
const char *tsn_tls_client_name(const struct tsn_tls *t);

#endif
