#include "api/https.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>

#include "os/file.h"

#define PEM_BYTES_MAX (1u << 20)
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:%SERVER_PRECEDENCE"

/* With the NUL behind it that the library wants. */
static enum tsn_code
read_pem(const char *path, struct tsn_buf *to, struct tsn_err *err)
{
	TSN_TRY(tsn_file_read_all(&tsn_file_system, path, to, err));
	tsn_buf_char(to, '\0');
	if (tsn_buf_check(to) != TSN_OK)
		TSN_FAIL(err, TSN_ELIMIT, "%s: too long for a file of certificates", path);
	return TSN_OK;
}

static enum tsn_code
read_files(struct https *h, struct tsn_err *err)
{
	const char *key = h->o.key_file != NULL ? h->o.key_file : h->o.cert_file;
	struct tsn_tls_context *probe;

	/* It says what is wrong with the files, in the words of the other listeners. */
	TSN_TRY(tsn_tls_context_new(&h->o, &probe, err));
	tsn_tls_context_free(probe);
	TSN_TRY(read_pem(h->o.cert_file, &h->cert, err));
	TSN_TRY(read_pem(key, &h->key, err));
	return h->o.ca_file == NULL ? TSN_OK : read_pem(h->o.ca_file, &h->ca, err);
}

enum tsn_code
https_open(const struct tsn_tls_options *options, struct https **ret_https, struct tsn_err *err)
{
	struct https *h = calloc(1, sizeof *h);
	enum tsn_code code;

	if (h == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	h->o = *options;
	tsn_buf_init(&h->cert, PEM_BYTES_MAX);
	tsn_buf_init(&h->key, PEM_BYTES_MAX);
	tsn_buf_init(&h->ca, PEM_BYTES_MAX);
	code = read_files(h, err);
	if (code != TSN_OK) {
		https_free(h);
		return code;
	}
	*ret_https = h;
	return TSN_OK;
}

void
https_free(struct https *h)
{
	if (h == NULL)
		return;
	tsn_buf_done(&h->cert);
	tsn_buf_done(&h->key);
	tsn_buf_done(&h->ca);
	free(h);
}

void
https_options(const struct https *h, struct MHD_OptionItem out[HTTPS_OPTIONS_MAX])
{
	unsigned n = 0;

	out[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, h->cert.ptr};
	out[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, h->key.ptr};
	if (h->ca.len > 0)
		out[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, h->ca.ptr};
	out[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
		(void *)(uintptr_t)PRIORITIES};
	out[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

static bool
crt_has_name(const struct https *h, gnutls_x509_crt_t crt)
{
	char name[TSN_TLS_NAME_MAX];
	size_t len = sizeof name;

	if (h->o.name_count == 0)
		return true;
	if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &len) == 0 &&
	    tsn_tls_name_wanted(h->o.names, h->o.name_count, tsn_slice_of(name, len)))
		return true;
	for (unsigned i = 0; i < 64; i++) {
		int type;

		len = sizeof name;
		type = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &len, NULL);
		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return false;
		if ((type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_RFC822NAME) &&
		    tsn_tls_name_wanted(h->o.names, h->o.name_count, tsn_slice_of(name, len)))
			return true;
	}
	return false;
}

static bool
has_name(const struct https *h, const gnutls_datum_t *der)
{
	gnutls_x509_crt_t crt;
	bool good;

	if (gnutls_x509_crt_init(&crt) != 0)
		return false;
	good = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0 && crt_has_name(h, crt);
	gnutls_x509_crt_deinit(crt);
	return good;
}

bool
https_client_may(const struct https *h, struct MHD_Connection *connection, const char **ret_why)
{
	const union MHD_ConnectionInfo *info;
	const gnutls_datum_t *certs;
	gnutls_session_t session;
	unsigned count = 0, status = 0;

	if (h->o.client == TSN_TLS_CLIENT_NONE)
		return true;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (info == NULL) {
		*ret_why = "there is no TLS on this connection";
		return false;
	}
	session = (gnutls_session_t)info->tls_session;
	certs = gnutls_certificate_get_peers(session, &count);
	if (certs == NULL || count == 0) {
		*ret_why = "a client certificate is needed";
		return h->o.client == TSN_TLS_CLIENT_OPTIONAL;
	}
	if (gnutls_certificate_verify_peers2(session, &status) != 0 || status != 0) {
		*ret_why = "the client certificate is not valid here";
		return false;
	}
	*ret_why = "the client certificate has none of the names that may come";
	return has_name(h, &certs[0]);
}
