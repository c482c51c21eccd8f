#include "os/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/num.h"
#include "os/fail.h"

#define CONTROL_BYTES 64u
#define AUDIT_BUFFER (4 << 20)

static enum tsn_code
bad_address(struct tsn_slice text, struct tsn_err *err)
{
	char shown[80];

	TSN_FAIL(err, TSN_EPARSE, "\"%s\": expected ADDRESS:PORT, such as 127.0.0.1:8650 or [::1]:514",
	    tsn_slice_escape(text, shown, sizeof shown));
}

enum tsn_code
tsn_addr_parse(struct tsn_slice text, struct tsn_addr *ret_addr, struct tsn_err *err)
{
	size_t colon = text.len;
	struct tsn_slice host;
	struct tsn_addr a = {0};
	char name[INET6_ADDRSTRLEN + 1];
	uint64_t port;

	while (colon > 0 && text.ptr[colon - 1] != ':')
		colon--;
	if (colon == 0 ||
	    tsn_num_parse_u64(tsn_slice_from(text, colon), &port) != TSN_OK || port > 65535)
		return bad_address(text, err);
	host = tsn_slice_of(text.ptr, colon - 1);
	if (host.len == 0 || tsn_slice_eq(host, TSN_SLICE("*")))
		host = TSN_SLICE("0.0.0.0");
	else if (tsn_slice_eq_nocase(host, TSN_SLICE("localhost")))
		host = TSN_SLICE("127.0.0.1");
	if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
		host = tsn_slice_of(host.ptr + 1, host.len - 2);
	if (host.len >= sizeof name)
		return bad_address(text, err);
	memcpy(name, host.ptr, host.len);
	name[host.len] = '\0';
	if (inet_pton(AF_INET, name, &a.u.v4.sin_addr) == 1) {
		a.u.v4.sin_family = AF_INET;
		a.u.v4.sin_port = htons((uint16_t)port);
		a.len = sizeof a.u.v4;
	} else if (inet_pton(AF_INET6, name, &a.u.v6.sin6_addr) == 1) {
		a.u.v6.sin6_family = AF_INET6;
		a.u.v6.sin6_port = htons((uint16_t)port);
		a.len = sizeof a.u.v6;
	} else {
		return bad_address(text, err);
	}
	*ret_addr = a;
	return TSN_OK;
}

struct tsn_slice
tsn_addr_text(const struct tsn_addr *a, bool with_port, char out[TSN_ADDR_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN] = "?";
	bool v6 = a->u.sa.sa_family == AF_INET6;
	int n;

	if (v6 && IN6_IS_ADDR_V4MAPPED(&a->u.v6.sin6_addr)) {
		(void)inet_ntop(AF_INET, &a->u.v6.sin6_addr.s6_addr[12], host, sizeof host);
		v6 = false;
	} else if (v6) {
		(void)inet_ntop(AF_INET6, &a->u.v6.sin6_addr, host, sizeof host);
	} else if (a->u.sa.sa_family == AF_INET) {
		(void)inet_ntop(AF_INET, &a->u.v4.sin_addr, host, sizeof host);
	}
	if (!with_port)
		n = snprintf(out, TSN_ADDR_TEXT_MAX, "%s", host);
	else
		n = snprintf(out, TSN_ADDR_TEXT_MAX, v6 ? "[%s]:%u" : "%s:%u", host,
		    (unsigned)tsn_addr_port(a));
	return tsn_slice_of(out, (size_t)n);
}

bool
tsn_addr_is_loopback(const struct tsn_addr *a)
{
	if (a->u.sa.sa_family == AF_INET)
		return (ntohl(a->u.v4.sin_addr.s_addr) >> 24) == 127;
	return a->u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->u.v6.sin6_addr);
}

uint16_t
tsn_addr_port(const struct tsn_addr *a)
{
	return ntohs(a->u.sa.sa_family == AF_INET6 ? a->u.v6.sin6_port : a->u.v4.sin_port);
}

static enum tsn_code
bind_to(const struct tsn_addr *a, int type, int *ret_fd, struct tsn_err *err)
{
	int fd = socket(a->u.sa.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;
	char text[TSN_ADDR_TEXT_MAX];

	(void)tsn_addr_text(a, true, text);
	if (fd < 0)
		return tsn_os_fail(err, errno, "cannot make a socket for", text);
	if (type == SOCK_STREAM)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, &a->u.sa, a->len) != 0) {
		enum tsn_code code = tsn_os_fail(err, errno, "cannot listen on", text);

		(void)close(fd);
		return code;
	}
	*ret_fd = fd;
	return TSN_OK;
}

enum tsn_code
tsn_sock_udp(const struct tsn_addr *a, size_t rcvbuf, int *ret_fd, size_t *ret_rcvbuf,
    struct tsn_err *err)
{
	int size = rcvbuf > INT32_MAX / 2 ? INT32_MAX / 2 : (int)rcvbuf, one = 1;
	socklen_t len = sizeof size;
	int fd;

	TSN_TRY(bind_to(a, SOCK_DGRAM, &fd, err));
	/* The first needs privileges and knows no limit; the second is cut at net.core.rmem_max. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	(void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof one);
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len) != 0)
		size = 0;
	*ret_rcvbuf = (size_t)size;
	*ret_fd = fd;
	return TSN_OK;
}

enum tsn_code
tsn_sock_listen(const struct tsn_addr *a, int *ret_fd, struct tsn_err *err)
{
	int fd;

	TSN_TRY(bind_to(a, SOCK_STREAM, &fd, err));
	if (listen(fd, 1024) != 0) {
		enum tsn_code code = tsn_os_fail(err, errno, "cannot listen on", "a socket");

		(void)close(fd);
		return code;
	}
	*ret_fd = fd;
	return TSN_OK;
}

enum tsn_code
tsn_sock_name(int fd, struct tsn_addr *ret_addr, struct tsn_err *err)
{
	struct tsn_addr a = {.len = sizeof a.u};

	if (getsockname(fd, &a.u.sa, &a.len) != 0)
		return tsn_os_fail(err, errno, "cannot examine", "a socket");
	*ret_addr = a;
	return TSN_OK;
}

enum tsn_code
tsn_sock_accept(int fd, int *ret_fd, struct tsn_addr *ret_peer, struct tsn_err *err)
{
	struct tsn_addr a = {.len = sizeof a.u};
	int one = 1, peer;

	do
		peer = accept4(fd, &a.u.sa, &a.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (peer < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (peer < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS))
		TSN_FAIL(err, TSN_ELIMIT, "cannot accept a connection: out of descriptors");
	if (peer < 0)
		return tsn_os_fail(err, errno, "cannot accept", "a connection");
	/* A peer that went without a word is noticed after two minutes. */
	(void)setsockopt(peer, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	(void)setsockopt(peer, IPPROTO_TCP, TCP_KEEPIDLE, &(int){60}, sizeof(int));
	(void)setsockopt(peer, IPPROTO_TCP, TCP_KEEPINTVL, &(int){10}, sizeof(int));
	(void)setsockopt(peer, IPPROTO_TCP, TCP_KEEPCNT, &(int){6}, sizeof(int));
	*ret_fd = peer;
	*ret_peer = a;
	return TSN_OK;
}

enum tsn_code
tsn_sock_read(int fd, void *buf, size_t cap, size_t *ret_len, struct tsn_err *err)
{
	ssize_t n;

	do
		n = recv(fd, buf, cap, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return tsn_os_fail(err, errno, "cannot read from", "a connection");
	*ret_len = (size_t)n;
	return TSN_OK;
}

void
tsn_sock_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

enum tsn_code
tsn_sock_audit(int *ret_fd, struct tsn_err *err)
{
	struct sockaddr_nl group = {.nl_family = AF_NETLINK,
		.nl_groups = 1u << (AUDIT_NLGRP_READLOG - 1)};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_AUDIT);
	int size = AUDIT_BUFFER;

	if (fd < 0)
		return tsn_os_fail(err, errno, "cannot read", "the kernel's audit records");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	if (bind(fd, (const struct sockaddr *)&group, sizeof group) != 0) {
		enum tsn_code code =
		    tsn_os_fail(err, errno, "cannot read", "the kernel's audit records (CAP_AUDIT_READ)");

		(void)close(fd);
		return code;
	}
	*ret_fd = fd;
	return TSN_OK;
}

enum tsn_code
tsn_sock_write(int fd, const void *ptr, size_t len, size_t *ret_len, struct tsn_err *err)
{
	ssize_t n;

	do
		n = send(fd, ptr, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return tsn_os_fail(err, errno, "cannot write to", "a connection");
	*ret_len = (size_t)n;
	return TSN_OK;
}

struct tsn_receiver {
	uint32_t count, bytes;
	struct mmsghdr *heads;
	struct iovec *parts;
	struct tsn_addr *peers;
	char *control;
	char *memory;		/* mapped: only pages that datagrams reach become resident */
};

struct tsn_receiver *
tsn_receiver_new(uint32_t count, uint32_t bytes)
{
	struct tsn_receiver *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->count = count;
	r->bytes = bytes;
	r->heads = calloc(count, sizeof *r->heads);
	r->parts = calloc(count, sizeof *r->parts);
	r->peers = calloc(count, sizeof *r->peers);
	r->control = calloc(count, CONTROL_BYTES);
	r->memory = mmap(NULL, (size_t)count * bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->memory == MAP_FAILED)
		r->memory = NULL;
	if (r->heads == NULL || r->parts == NULL || r->peers == NULL || r->control == NULL ||
	    r->memory == NULL) {
		tsn_receiver_free(r);
		return NULL;
	}
	return r;
}

void
tsn_receiver_free(struct tsn_receiver *r)
{
	if (r == NULL)
		return;
	if (r->memory != NULL)
		(void)munmap(r->memory, (size_t)r->count * r->bytes);
	free(r->heads);
	free(r->parts);
	free(r->peers);
	free(r->control);
	free(r);
}

static void
prepare(struct tsn_receiver *r)
{
	for (uint32_t i = 0; i < r->count; i++) {
		r->parts[i] = (struct iovec){r->memory + (size_t)i * r->bytes, r->bytes};
		r->heads[i].msg_hdr = (struct msghdr){
			.msg_name = &r->peers[i].u,
			.msg_namelen = sizeof r->peers[i].u,
			.msg_iov = &r->parts[i],
			.msg_iovlen = 1,
			.msg_control = r->control + (size_t)i * CONTROL_BYTES,
			.msg_controllen = CONTROL_BYTES,
		};
	}
}

enum tsn_code
tsn_receiver_receive(struct tsn_receiver *r, int fd, uint32_t *ret_count, uint32_t *ret_lost,
    struct tsn_err *err)
{
	struct msghdr *last;
	int n;

	prepare(r);
	do
		n = recvmmsg(fd, r->heads, r->count, MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		return tsn_os_fail(err, errno, "cannot receive", "datagrams");
	*ret_count = n < 0 ? 0 : (uint32_t)n;
	if (n <= 0)
		return TSN_OK;
	last = &r->heads[n - 1].msg_hdr;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(last); c != NULL; c = CMSG_NXTHDR(last, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
			memcpy(ret_lost, CMSG_DATA(c), sizeof *ret_lost);
	return TSN_OK;
}

void
tsn_receiver_get(const struct tsn_receiver *r, uint32_t i, struct tsn_datagram *ret_datagram)
{
	const struct mmsghdr *h = &r->heads[i];

	TSN_ASSERT(i < r->count);
	*ret_datagram = (struct tsn_datagram){
		.bytes = tsn_slice_of(r->memory + (size_t)i * r->bytes, h->msg_len),
		.peer = r->peers[i],
		.truncated = (h->msg_hdr.msg_flags & MSG_TRUNC) != 0,
	};
	ret_datagram->peer.len = h->msg_hdr.msg_namelen;
}
