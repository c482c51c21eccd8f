/*
 * parse/syslog: what the syslog headers share (internal to parse).
 */
#ifndef TSN_PARSE_SYSLOG_H
#define TSN_PARSE_SYSLOG_H

#include "parse/parse_int.h"

/** True when the text behind <PRI> begins as RFC 5424: a version, a blank, a time or "-". */
bool tsn_syslog5424_is(struct tsn_slice s);
/** s: from the version on. */
enum tsn_code tsn_syslog5424_parse(struct tsn_parse_ctx *ctx, int priority, struct tsn_slice s);
/** Fields that both forms share; then the message, by program and content. */
enum tsn_code tsn_syslog_message(struct tsn_parse_ctx *ctx, const struct tsn_syslog *h,
    struct tsn_slice body);

#endif
