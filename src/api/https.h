/*
 * api/https: TLS of the HTTP face.  The library that speaks HTTP does TLS with GnuTLS; the options
 * are those of the other listeners (os/tls).
 */
#ifndef TSN_API_HTTPS_H
#define TSN_API_HTTPS_H

#include <microhttpd.h>

#include "base/buf.h"
#include "os/tls.h"

#define HTTPS_OPTIONS_MAX 8u

struct https {
	struct tsn_tls_options o;
	struct tsn_buf cert, key, ca;	/* the files; the daemon reads them while it runs */
};

/** Reads the files; TSN_EPARSE: they are not what they should be. */
TSN_MUST_CHECK enum tsn_code https_open(const struct tsn_tls_options *options,
    struct https **ret_https, struct tsn_err *err);
void https_free(struct https *h);
/** What the daemon is to be told, ended by MHD_OPTION_END. */
void https_options(const struct https *h, struct MHD_OptionItem out[HTTPS_OPTIONS_MAX]);
/** Is the client of that connection one we want?  Else *ret_why says why not. */
bool https_client_may(const struct https *h, struct MHD_Connection *connection,
    const char **ret_why);

#endif
