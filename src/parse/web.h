/*
 * parse/web: what the logs of web servers and proxies have in common: request lines, URLs, the
 * escapes inside their quotes, addresses with ports.
 */
#ifndef TSN_PARSE_WEB_H
#define TSN_PARSE_WEB_H

#include "parse/parse_int.h"

/**
 * The text between two double quotes with \" \\ and \xHH, cursor at the opening quote and then
 * behind the closing one.  False: no quote here, or it never closes.  *ret_escaped: it holds a
 * backslash, see tsn_web_unescape.
 */
bool tsn_web_quoted(struct tsn_scan *s, struct tsn_slice *ret, bool *ret_escaped);
/**
 * \" \\ \t \n \r and \xHH decoded into the batch's arena; bytes that would not be UTF-8 stay
 * escaped.  Returns v itself where there is nothing to decode.
 */
struct tsn_slice tsn_web_unescape(struct tsn_parse_ctx *ctx, struct tsn_slice v);

/** "GET /a?b HTTP/1.1": http.request.method, http.version, url.*; what is no request line becomes
 * url.original, so that searches for attacks see it. */
void tsn_web_put_request(struct tsn_parse_ctx *ctx, struct tsn_slice line);
/** url.original and its parts; method CONNECT says that it is host:port. */
void tsn_web_put_url(struct tsn_parse_ctx *ctx, struct tsn_slice url, struct tsn_slice method);
/** url.decoded: the address with %XX (also of %XX), %uXXXX and the + of its query decoded; only
 * where that says anything else. */
void tsn_web_put_decoded(struct tsn_parse_ctx *ctx, struct tsn_slice url);
/** http.response.status_code and event.outcome; "-" adds nothing. */
void tsn_web_put_status(struct tsn_parse_ctx *ctx, struct tsn_slice status);
/** source.address, source.ip and, behind a colon, source.port. */
void tsn_web_put_client(struct tsn_parse_ctx *ctx, struct tsn_slice client);
/** "ip:port", "[ip6]:port", "ip6:port", "name:port", "ip": the port goes off `v` into *ret_port. */
struct tsn_slice tsn_web_split_port(struct tsn_slice v, struct tsn_slice *ret_port);
/** The parser of access logs, for programs that write them to syslog. */
enum tsn_code tsn_web_parse_access(struct tsn_parse_ctx *ctx, struct tsn_slice record);
/** A value that is there: not empty and not "-". */
static inline bool
tsn_web_has(struct tsn_slice v)
{
	return v.len > 1 || (v.len == 1 && v.ptr[0] != '-');
}

#endif
