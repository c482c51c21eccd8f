/*
 * os/sock: network addresses, listening sockets, datagrams in bulk.
 *
 * All sockets do not block and close on exec.  Who gets a descriptor closes it (tsn_fd_close).
 */
#ifndef TSN_OS_SOCK_H
#define TSN_OS_SOCK_H

#include <netinet/in.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define TSN_ADDR_TEXT_MAX 64u

struct tsn_addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} u;
	socklen_t len;
};

/**
 * "127.0.0.1:514", "[::1]:514", "localhost:514", ":514" and "*:514" (all addresses).  TSN_EPARSE
 * with what was expected.  Names other than localhost are not looked up.
 */
TSN_MUST_CHECK enum tsn_code tsn_addr_parse(struct tsn_slice text, struct tsn_addr *ret_addr,
    struct tsn_err *err);
/** "1.2.3.4:5", "[::1]:5"; without port: "1.2.3.4", "::1".  IPv4 in IPv6 shows as IPv4. */
struct tsn_slice tsn_addr_text(const struct tsn_addr *a, bool with_port,
    char out[TSN_ADDR_TEXT_MAX]);
bool tsn_addr_is_loopback(const struct tsn_addr *a);
uint16_t tsn_addr_port(const struct tsn_addr *a);

/** Asks for rcvbuf bytes of kernel buffer; *ret_rcvbuf is what it gave.  TSN_EBUSY: in use. */
TSN_MUST_CHECK enum tsn_code tsn_sock_udp(const struct tsn_addr *a, size_t rcvbuf, int *ret_fd,
    size_t *ret_rcvbuf, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_sock_listen(const struct tsn_addr *a, int *ret_fd,
    struct tsn_err *err);
/** The address a socket is bound to: the port the system chose for port 0. */
TSN_MUST_CHECK enum tsn_code tsn_sock_name(int fd, struct tsn_addr *ret_addr, struct tsn_err *err);
/** TSN_EAGAIN: nobody waits. TSN_ELIMIT: out of descriptors. */
TSN_MUST_CHECK enum tsn_code tsn_sock_accept(int fd, int *ret_fd, struct tsn_addr *ret_peer,
    struct tsn_err *err);
/** *ret_len 0: the peer has closed.  TSN_EAGAIN: nothing there now. */
/** As many descriptors as this process may have. */
void tsn_sock_raise_limit(void);
/** The kernel's audit records, to read along; TSN_EDENIED without CAP_AUDIT_READ. */
TSN_MUST_CHECK enum tsn_code tsn_sock_audit(int *ret_fd, struct tsn_err *err);
/** TSN_EAGAIN: nothing goes now; never a signal. */
TSN_MUST_CHECK enum tsn_code tsn_sock_write(int fd, const void *ptr, size_t len, size_t *ret_len,
    struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_sock_read(int fd, void *buf, size_t cap, size_t *ret_len,
    struct tsn_err *err);

struct tsn_datagram {
	struct tsn_slice bytes;		/* in the receiver's memory until the next receive */
	struct tsn_addr peer;
	bool truncated;
};

struct tsn_receiver;

/** Room for `count` datagrams of up to `bytes` each. NULL when out of memory. */
struct tsn_receiver *tsn_receiver_new(uint32_t count, uint32_t bytes);
void tsn_receiver_free(struct tsn_receiver *r);
/**
 * All datagrams that are there, up to the receiver's count; 0 when none.  *ret_lost is how many the
 * kernel has thrown away at this socket since it was made (a 32-bit counter; it wraps).
 */
TSN_MUST_CHECK enum tsn_code tsn_receiver_receive(struct tsn_receiver *r, int fd,
    uint32_t *ret_count, uint32_t *ret_lost, struct tsn_err *err);
void tsn_receiver_get(const struct tsn_receiver *r, uint32_t i, struct tsn_datagram *ret_datagram);

#endif
