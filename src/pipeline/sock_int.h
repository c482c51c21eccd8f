/* pipeline/sock_int: what inputs of the network share. */
#ifndef TSN_PIPELINE_SOCK_INT_H
#define TSN_PIPELINE_SOCK_INT_H

#include "base/limits.h"
#include "os/sock.h"
#include "pipeline/ship_int.h"

/* Bytes of one connection on their way to records. */
struct tsn_pbytes {
	struct tsn_buf held;
	size_t looked;
	uint64_t cut;			/* records beyond the limit, given in pieces */
};

void tsn_pbytes_init(struct tsn_pbytes *b);
void tsn_pbytes_done(struct tsn_pbytes *b);
/** Records of what has come, by the codec's delimiter or its own framing; last: no more comes. */
enum tsn_code tsn_pbytes_feed(struct tsn_pbytes *b, struct tsn_pinst *in, struct tsn_slice bytes,
    bool last, struct tsn_err *err);
/** Options host and port as an address; names are looked up. */
enum tsn_code tsn_psock_addr(const struct tsn_pinst *in, const char *dflt_host, uint64_t dflt_port,
    struct tsn_addr *ret, struct tsn_err *err);
/** Sets a reference below [..][..]; does nothing when the text is empty. */
void tsn_psock_set(struct tsn_pev *ev, const char *ref, struct tsn_pv v);
void tsn_psock_set_text(struct tsn_pev *ev, const char *ref, struct tsn_slice text);

#endif
