/*
 * collect/auditin: the kernel's audit records of this machine, read along beside auditd (the
 * read-only multicast group of netlink; CAP_AUDIT_READ).
 *
 * A record is given as auditd would write it: "type=1300 msg=audit(1364481363.243:24287): ...".
 */
#ifndef TSN_COLLECT_AUDITIN_H
#define TSN_COLLECT_AUDITIN_H

#include "base/buf.h"
#include "collect/sink.h"
#include "os/loop.h"

/**
 * Decoder: the first message of what one netlink datagram holds, as text appended to out; *in is
 * then what stands behind it.  TSN_EOF: no more; TSN_EAGAIN: a message that is no record (*in has
 * moved); TSN_EPARSE: these bytes are no messages.
 */
TSN_MUST_CHECK enum tsn_code tsn_audit_next(struct tsn_slice *in, struct tsn_buf *out);

struct tsn_auditin;

/** TSN_EDENIED without the privilege. loop and sink outlive it. */
TSN_MUST_CHECK enum tsn_code tsn_auditin_open(struct tsn_loop *loop, const struct tsn_sink *sink,
    struct tsn_auditin **ret_in, struct tsn_err *err);
void tsn_auditin_close(struct tsn_auditin *in);

#endif
