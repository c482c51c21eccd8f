/* ship/curl_int: what the destinations on libcurl share. */
#ifndef TSN_SHIP_CURL_INT_H
#define TSN_SHIP_CURL_INT_H

#include <curl/curl.h>

#include "base/buf.h"
#include "ship/dest.h"

struct ship_curl {
	CURL *easy;
	struct tsn_ship_client client;		/* own copies */
	struct curl_slist *headers;		/* of every request */
	struct tsn_buf body;			/* of the last answer */
	char location[2048];			/* of a redirect that is not followed */
	char reason[CURL_ERROR_SIZE];
	const atomic_bool *stopping;
};

/** Copies what it needs of client. */
TSN_MUST_CHECK enum tsn_code ship_curl_init(struct ship_curl *c,
    const struct tsn_ship_client *client, struct tsn_err *err);
void ship_curl_done(struct ship_curl *c);
/** The next request begins: everything that one request set is gone. */
void ship_curl_begin(struct ship_curl *c, const char *url);
/**
 * method, body (may be empty) and further headers (borrowed, may be NULL).  The status, or 0 and
 * *why when there was no answer.
 */
long ship_curl_request(struct ship_curl *c, const char *method, const char *url,
    struct tsn_slice body, struct curl_slist *headers, struct tsn_err *why);
/** Sets *why to "URL: status N: beginning of the answer". */
void ship_curl_status(struct ship_curl *c, const char *url, long status, struct tsn_err *why);
/** The text of bytes, NUL-terminated, in the arena; "" when exhausted. */
const char *ship_text(struct tsn_arena *a, struct tsn_slice s);
/** The member of a JSON object, as the text it is. */
bool ship_json_member(struct tsn_slice object, struct tsn_slice name, struct tsn_arena *arena,
    struct tsn_slice *ret);
/** gzip; false: out of memory. */
bool ship_gzip(struct tsn_slice in, struct tsn_buf *out);

#endif
