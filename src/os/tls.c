#include "os/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/assert.h"
#include "base/slice.h"

#define VERIFY_DEPTH 8

struct tsn_tls_context {
	SSL_CTX *ctx;
	char **names;
	uint32_t name_count;
};

struct tsn_tls {
	const struct tsn_tls_context *context;
	SSL *ssl;
	bool wants_write;
	bool broken;		/* no goodbye then */
	char client[TSN_TLS_NAME_MAX];
};

/* The newest reason of this thread's queue, in OpenSSL's words. */
static const char *
reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	return text != NULL ? text : "unknown reason";
}

static enum tsn_code
bad_file(struct tsn_err *err, const char *path, const char *what)
{
	enum tsn_code code =
	    TSN_ERR(err, TSN_EPARSE, "%s: expected %s in PEM: %s", path, what, reason());

	ERR_clear_error();
	return code;
}

static enum tsn_code
load_files(SSL_CTX *ctx, const struct tsn_tls_options *o, struct tsn_err *err)
{
	const char *key = o->key_file != NULL ? o->key_file : o->cert_file;

	if (o->cert_file == NULL)
		TSN_FAIL(err, TSN_EINVAL, "TLS needs a certificate");
	if (o->client != TSN_TLS_CLIENT_NONE && o->ca_file == NULL)
		TSN_FAIL(err, TSN_EINVAL, "to check clients' certificates TLS needs those of their CA");
	if (SSL_CTX_use_certificate_chain_file(ctx, o->cert_file) != 1)
		return bad_file(err, o->cert_file, "a certificate");
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return bad_file(err, key, "a private key without passphrase");
	if (SSL_CTX_check_private_key(ctx) != 1)
		return bad_file(err, key, "the key of the certificate");
	if (o->ca_file == NULL)
		return TSN_OK;
	if (SSL_CTX_load_verify_locations(ctx, o->ca_file, NULL) != 1)
		return bad_file(err, o->ca_file, "certificates");
	/* What the client is shown, so that it can choose one of several. */
	SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(o->ca_file));
	return TSN_OK;
}

static enum tsn_code
copy_names(struct tsn_tls_context *c, const struct tsn_tls_options *o, struct tsn_err *err)
{
	c->names = calloc((size_t)o->name_count + 1, sizeof *c->names);
	for (uint32_t i = 0; c->names != NULL && i < o->name_count; i++) {
		c->names[i] = strdup(o->names[i]);
		if (c->names[i] == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		c->name_count++;
	}
	if (c->names == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return TSN_OK;
}

static enum tsn_code
setup(struct tsn_tls_context *c, const struct tsn_tls_options *o, struct tsn_err *err)
{
	static const int modes[] = {
		[TSN_TLS_CLIENT_NONE] = SSL_VERIFY_NONE,
		[TSN_TLS_CLIENT_OPTIONAL] = SSL_VERIFY_PEER,
		[TSN_TLS_CLIENT_REQUIRED] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
	};

	c->ctx = SSL_CTX_new(TLS_server_method());
	if (c->ctx == NULL || SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION) != 1)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory for TLS");
	(void)SSL_CTX_set_options(c->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(c->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_OFF);
	/* Who closes with tickets unread resets the connection: its last bytes would be lost. */
	(void)SSL_CTX_set_num_tickets(c->ctx, 0);
	SSL_CTX_set_verify(c->ctx, modes[o->client], NULL);
	SSL_CTX_set_verify_depth(c->ctx, VERIFY_DEPTH);
	TSN_TRY(copy_names(c, o, err));
	return load_files(c->ctx, o, err);
}

enum tsn_code
tsn_tls_context_new(const struct tsn_tls_options *options, struct tsn_tls_context **ret_context,
    struct tsn_err *err)
{
	struct tsn_tls_context *c = calloc(1, sizeof *c);
	enum tsn_code code;

	if (c == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	code = setup(c, options, err);
	if (code != TSN_OK) {
		tsn_tls_context_free(c);
		return code;
	}
	*ret_context = c;
	return TSN_OK;
}

void
tsn_tls_context_free(struct tsn_tls_context *c)
{
	if (c == NULL)
		return;
	SSL_CTX_free(c->ctx);
	for (uint32_t i = 0; i < c->name_count; i++)
		free(c->names[i]);
	free(c->names);
	free(c);
}

struct tsn_tls *
tsn_tls_new(struct tsn_tls_context *c, int fd)
{
	struct tsn_tls *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->context = c;
	t->ssl = SSL_new(c->ctx);
	if (t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1) {
		SSL_free(t->ssl);
		free(t);
		return NULL;
	}
	SSL_set_accept_state(t->ssl);
	return t;
}

void
tsn_tls_free(struct tsn_tls *t)
{
	if (t == NULL)
		return;
	if (!t->broken && SSL_is_init_finished(t->ssl))
		(void)SSL_shutdown(t->ssl);
	SSL_free(t->ssl);
	ERR_clear_error();
	free(t);
}

static bool
name_is(struct tsn_slice have, const char *want)
{
	struct tsn_slice w = tsn_slice_cstr(want);

	if (w.len > 2 && w.ptr[0] == '*' && w.ptr[1] == '.') {
		struct tsn_slice end = tsn_slice_from(w, 1);

		return have.len > end.len &&
		    tsn_slice_eq_nocase(tsn_slice_from(have, have.len - end.len), end);
	}
	return tsn_slice_eq_nocase(have, w);
}

bool
tsn_tls_name_wanted(const char *const *names, uint32_t name_count, struct tsn_slice name)
{
	for (uint32_t i = 0; i < name_count; i++)
		if (name_is(name, names[i]))
			return true;
	return false;
}

static bool
is_wanted(const struct tsn_tls_context *c, struct tsn_slice have)
{
	return tsn_tls_name_wanted((const char *const *)c->names, c->name_count, have);
}

static bool
alternative_is_wanted(const struct tsn_tls_context *c, X509 *cert)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(all) && !found; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);

		if (g->type == GEN_DNS || g->type == GEN_EMAIL)
			found = is_wanted(c, tsn_slice_of((const char *)ASN1_STRING_get0_data(g->d.ia5),
			    (size_t)ASN1_STRING_length(g->d.ia5)));
	}
	GENERAL_NAMES_free(all);
	return found;
}

/* OpenSSL has checked who signed it; here: is it one of those we know? */
static enum tsn_code
check_client(struct tsn_tls *t, struct tsn_err *err)
{
	X509 *cert = SSL_get1_peer_certificate(t->ssl);
	char shown[TSN_TLS_NAME_MAX];
	bool good;
	int n;

	if (cert == NULL)
		return TSN_OK;
	n = X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, t->client,
	    sizeof t->client);
	if (n < 0)
		t->client[0] = '\0';
	good = t->context->name_count == 0 ||
	    (n > 0 && strlen(t->client) == (size_t)n &&
		is_wanted(t->context, tsn_slice_cstr(t->client))) ||
	    alternative_is_wanted(t->context, cert);
	X509_free(cert);
	if (good)
		return TSN_OK;
	TSN_FAIL(err, TSN_EDENIED, "the client's certificate is for \"%s\", which is none of the names",
	    tsn_slice_escape(tsn_slice_cstr(t->client), shown, sizeof shown));
}

static enum tsn_code
handshake_failed(struct tsn_tls *t, struct tsn_err *err)
{
	unsigned long e = ERR_peek_last_error();
	long verify = SSL_get_verify_result(t->ssl);
	enum tsn_code code;

	if (e == 0)
		code = TSN_ERR(err, TSN_EIO, "the client left in the middle of the TLS handshake");
	else if (ERR_GET_REASON(e) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
		code = TSN_ERR(err, TSN_EDENIED, "the client shows no certificate");
	else if (verify != X509_V_OK)
		code = TSN_ERR(err, TSN_EDENIED, "the client's certificate is refused: %s",
		    X509_verify_cert_error_string(verify));
	else
		code = TSN_ERR(err, TSN_EPARSE, "TLS handshake: %s", reason());
	ERR_clear_error();
	return code;
}

/* TSN_EAGAIN or trouble; SSL_ERROR_ZERO_RETURN is the callers'. */
static enum tsn_code
outcome(struct tsn_tls *t, int what, struct tsn_err *err)
{
	enum tsn_code code;

	t->wants_write = what == SSL_ERROR_WANT_WRITE;
	if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE)
		return TSN_EAGAIN;
	t->broken = true;
	code = TSN_ERR(err, TSN_EIO, "TLS: %s",
	    what == SSL_ERROR_SYSCALL ? "the connection broke" : reason());
	ERR_clear_error();
	return code;
}

enum tsn_code
tsn_tls_handshake(struct tsn_tls *t, struct tsn_err *err)
{
	int rc, what;

	ERR_clear_error();
	rc = SSL_do_handshake(t->ssl);
	if (rc == 1)
		return check_client(t, err);
	what = SSL_get_error(t->ssl, rc);
	if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE)
		return outcome(t, what, err);
	t->broken = true;
	return handshake_failed(t, err);
}

bool
tsn_tls_wants_write(const struct tsn_tls *t)
{
	return t->wants_write;
}

enum tsn_code
tsn_tls_read(struct tsn_tls *t, void *buf, size_t cap, size_t *ret_len, struct tsn_err *err)
{
	size_t len = 0;
	int rc, what;

	ERR_clear_error();
	rc = SSL_read_ex(t->ssl, buf, cap, &len);
	if (rc == 1) {
		*ret_len = len;
		return TSN_OK;
	}
	what = SSL_get_error(t->ssl, rc);
	if (what == SSL_ERROR_ZERO_RETURN) {
		*ret_len = 0;
		return TSN_OK;
	}
	return outcome(t, what, err);
}

size_t
tsn_tls_pending(const struct tsn_tls *t)
{
	return (size_t)SSL_pending(t->ssl);
}

enum tsn_code
tsn_tls_write(struct tsn_tls *t, const void *ptr, size_t len, size_t *ret_len,
    struct tsn_err *err)
{
	size_t done = 0;
	int rc;

	TSN_ASSERT(len > 0);
	ERR_clear_error();
	rc = SSL_write_ex(t->ssl, ptr, len, &done);
	if (rc == 1) {
		*ret_len = done;
		return TSN_OK;
	}
	return outcome(t, SSL_get_error(t->ssl, rc), err);
}

static enum tsn_code
connect_failed(SSL *ssl, struct tsn_err *err)
{
	long verify = SSL_get_verify_result(ssl);
	enum tsn_code code;

	if (verify != X509_V_OK)
		code = TSN_ERR(err, TSN_EDENIED, "the server's certificate is refused: %s",
		    X509_verify_cert_error_string(verify));
	else
		code = TSN_ERR(err, TSN_EIO, "TLS handshake: %s", reason());
	ERR_clear_error();
	return code;
}

static enum tsn_code
shake_as_client(SSL *ssl, int fd, const char *host, struct tsn_err *err)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	/* An address is looked for among the certificate's addresses, anything else among its names. */
	if (X509_VERIFY_PARAM_set1_ip_asc(param, host) != 1 && (SSL_set1_host(ssl, host) != 1 ||
	    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
	    (void *)(uintptr_t)host) != 1))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory for TLS");
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	ERR_clear_error();
	if (SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
		return connect_failed(ssl, err);
	return TSN_OK;
}

enum tsn_code
tsn_tls_connect(int fd, struct tsn_slice host, const char *ca_file, struct tsn_tls **ret_tls,
    struct tsn_err *err)
{
	struct tsn_tls *t = calloc(1, sizeof *t);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char name[TSN_TLS_NAME_MAX] = "";
	enum tsn_code code = TSN_OK;

	if (host.len < sizeof name && host.len > 0)
		memcpy(name, host.ptr, host.len);
	if (t == NULL || ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		code = TSN_ERR(err, TSN_ENOMEM, "out of memory for TLS");
	else if (ca_file == NULL)
		(void)SSL_CTX_set_default_verify_paths(ctx);
	else if (SSL_CTX_load_verify_locations(ctx, ca_file, NULL) != 1)
		code = bad_file(err, ca_file, "certificates");
	if (code == TSN_OK) {
		t->ssl = SSL_new(ctx);
		code = t->ssl == NULL ? TSN_ERR(err, TSN_ENOMEM, "out of memory for TLS") :
					shake_as_client(t->ssl, fd, name, err);
	}
	SSL_CTX_free(ctx);	/* the session holds what it needs of it */
	if (code != TSN_OK) {
		if (t != NULL)
			SSL_free(t->ssl);
		free(t);
		return code;
	}
	*ret_tls = t;
	return TSN_OK;
}

const char *
tsn_tls_client_name(const struct tsn_tls *t)
{
	return t->client;
}
