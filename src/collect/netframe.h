/*
 * collect/netframe: the bytes of one syslog connection become messages (RFC 6587).
 *
 * Which of the two framings a connection speaks is seen from its first bytes: "123 <" is octet
 * counting, everything else lines that end with LF, CRLF or NUL.  Bytes that break the counting are
 * not thrown away: the connection goes on as lines, and that is counted.
 *
 * Linear in the bytes, whatever the cuts.  A message beyond `max` is given cut, the rest of it is
 * skipped.  Pure; owner: the connection.
 */
#ifndef TSN_COLLECT_NETFRAME_H
#define TSN_COLLECT_NETFRAME_H

#include "base/buf.h"
#include "base/slice.h"

enum tsn_netframe_mode {
	TSN_NETFRAME_DETECT,
	TSN_NETFRAME_LINES,
	TSN_NETFRAME_OCTETS,
};

#define TSN_NETFRAME_DIGITS_MAX 9u

struct tsn_netframe {
	enum tsn_netframe_mode mode;
	struct tsn_slice in;		/* fed, not looked at yet */
	struct tsn_buf carry;		/* beginning of a message whose end has not come */
	uint64_t need;			/* octets: length of the message; 0: its header is being read */
	uint64_t skip;			/* octets: bytes of an over-long message to pass over */
	bool skip_line;			/* lines: pass over everything up to the next end of line */
	bool given;			/* carry was given out and is to be emptied */
	bool ended;
	char digits[TSN_NETFRAME_DIGITS_MAX + 1];
	uint32_t digit_count;
	uint64_t bad;			/* times the counting broke */
	uint64_t skipped_bytes;
};

struct tsn_netframe_message {
	struct tsn_slice bytes;
	bool truncated;
	bool stable;	/* bytes lie in what was fed; else they hold until the next call */
};

/** max > 0: longest message that is kept whole. */
void tsn_netframe_init(struct tsn_netframe *f, enum tsn_netframe_mode mode, size_t max);
void tsn_netframe_done(struct tsn_netframe *f);
/** After TSN_EAGAIN; the buffer lives until the next TSN_EAGAIN. */
void tsn_netframe_feed(struct tsn_netframe *f, struct tsn_slice bytes);
/** The connection has ended: what is there comes out as the last message. */
void tsn_netframe_end(struct tsn_netframe *f);
/** TSN_OK and a message; TSN_EAGAIN; TSN_ENOMEM (the message is lost). */
TSN_MUST_CHECK enum tsn_code tsn_netframe_next(struct tsn_netframe *f,
    struct tsn_netframe_message *ret_message);

#endif
