/*
 * TCP, TLS and UDP.  TCP through libcurl's connection alone, which knows TLS; a record whose last
 * byte was not taken by the system is sent again whole on the next connection.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ship/curl_int.h"

#define URL_MAX 600u
#define SEND_MS 10000

struct net {
	struct ship_curl curl;
	enum tsn_ship_net_proto proto;
	char *host;
	uint16_t port;
	char url[URL_MAX];
	bool connected;
	int fd;				/* UDP */
};

static bool
connect_udp(struct net *n, struct tsn_err *why)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV}, *list;
	char port[8];
	int failed;

	(void)snprintf(port, sizeof port, "%u", n->port);
	failed = getaddrinfo(n->host, port, &hints, &list);
	if (failed != 0) {
		(void)TSN_ERR(why, TSN_EIO, "%s: %s", n->host, gai_strerror(failed));
		return false;
	}
	for (struct addrinfo *a = list; a != NULL && n->fd < 0; a = a->ai_next) {
		n->fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (n->fd >= 0 && connect(n->fd, a->ai_addr, a->ai_addrlen) != 0) {
			(void)close(n->fd);
			n->fd = -1;
		}
	}
	freeaddrinfo(list);
	if (n->fd < 0)
		(void)TSN_ERR(why, TSN_EIO, "%s:%u: %s", n->host, n->port, strerror(errno));
	return n->fd >= 0;
}

static void
send_udp(struct net *n, struct tsn_ship_batch *b, struct tsn_err *why)
{
	if (n->fd < 0 && !connect_udp(n, why))
		return;
	for (uint32_t i = 0; i < b->count && !atomic_load(b->stopping); i++) {
		struct tsn_ship_item *item = &b->items[i];
		struct tsn_slice bytes = item->parts[0];
		ssize_t sent = send(n->fd, bytes.ptr, bytes.len, 0);

		/* an error of an earlier datagram (nobody listens) is told to the next: once more */
		if (sent < 0 && errno == ECONNREFUSED)
			sent = send(n->fd, bytes.ptr, bytes.len, 0);
		if (sent >= 0) {
			item->result = TSN_SHIP_DONE;
		} else if (errno == EMSGSIZE) {
			item->result = TSN_SHIP_REFUSED;
			item->reason = TSN_SLICE("larger than a datagram can be");
		} else {
			(void)TSN_ERR(why, TSN_EIO, "%s:%u: %s", n->host, n->port, strerror(errno));
			(void)close(n->fd);
			n->fd = -1;
			return;
		}
	}
}

static bool
connect_tcp(struct net *n, struct tsn_err *why)
{
	CURLcode code;

	ship_curl_begin(&n->curl, n->url);
	(void)curl_easy_setopt(n->curl.easy, CURLOPT_CONNECT_ONLY, 1L);
	(void)curl_easy_setopt(n->curl.easy, CURLOPT_FRESH_CONNECT, 1L);
	(void)curl_easy_setopt(n->curl.easy, CURLOPT_TIMEOUT_MS, 0L);
	(void)curl_easy_setopt(n->curl.easy, CURLOPT_TCP_KEEPALIVE, 1L);
	code = curl_easy_perform(n->curl.easy);
	n->connected = code == CURLE_OK;
	if (!n->connected)
		(void)TSN_ERR(why, TSN_EIO, "%s:%u: %s", n->host, n->port, n->curl.reason[0] != '\0' ?
		    n->curl.reason : curl_easy_strerror(code));
	return n->connected;
}

/* Has the peer gone?  What it says is not read by anybody. */
static bool
peer_there(struct net *n)
{
	char scratch[4096];
	size_t got = 0;
	CURLcode code;

	do
		code = curl_easy_recv(n->curl.easy, scratch, sizeof scratch, &got);
	while (code == CURLE_OK && got > 0);
	return code == CURLE_AGAIN;
}

static bool
send_all(struct net *n, struct tsn_slice bytes, const atomic_bool *stopping, struct tsn_err *why)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	int waited = 0;

	(void)curl_easy_getinfo(n->curl.easy, CURLINFO_ACTIVESOCKET, &fd);
	while (bytes.len > 0) {
		size_t sent = 0;
		CURLcode code = curl_easy_send(n->curl.easy, bytes.ptr, bytes.len, &sent);
		struct pollfd p = {.fd = fd, .events = POLLOUT};

		if (code == CURLE_OK && sent > 0) {
			bytes = tsn_slice_from(bytes, sent);
			waited = 0;
			continue;
		}
		if (code != CURLE_OK && code != CURLE_AGAIN) {
			(void)TSN_ERR(why, TSN_EIO, "%s:%u: %s", n->host, n->port,
			    curl_easy_strerror(code));
			return false;
		}
		if (atomic_load(stopping) || waited >= SEND_MS) {
			(void)TSN_ERR(why, TSN_EIO, "%s:%u: does not read", n->host, n->port);
			return false;
		}
		(void)poll(&p, 1, 200);
		waited += 200;
	}
	return true;
}

/* Small records together: one call of the system for many. */
static void
send_tcp(struct net *n, struct tsn_ship_batch *b, struct tsn_err *why)
{
	if (n->connected && !peer_there(n))
		n->connected = false;
	if (!n->connected && !connect_tcp(n, why))
		return;
	for (uint32_t i = 0; i < b->count;) {
		struct tsn_buf run;
		uint32_t to = i;
		bool ok;

		tsn_buf_init(&run, SIZE_MAX / 2);
		while (to < b->count && (to == i || run.len < 65536))
			tsn_buf_slice(&run, b->items[to++].parts[0]);
		ok = tsn_buf_check(&run) == TSN_OK && send_all(n, tsn_buf_get(&run), b->stopping, why);
		tsn_buf_done(&run);
		if (!ok) {
			n->connected = false;
			return;
		}
		for (; i < to; i++)
			b->items[i].result = TSN_SHIP_DONE;
	}
}

static void
send_net(void *state, struct tsn_ship_batch *b, struct tsn_err *why)
{
	struct net *n = state;

	n->curl.stopping = b->stopping;
	if (n->proto == TSN_SHIP_UDP)
		send_udp(n, b, why);
	else
		send_tcp(n, b, why);
}

static void
close_net(void *state)
{
	struct net *n = state;

	if (n->fd >= 0)
		(void)close(n->fd);
	ship_curl_done(&n->curl);
	free(n->host);
	free(n);
}

enum tsn_code
tsn_ship_net(const struct tsn_ship_net_options *o, struct tsn_ship_dest *ret, struct tsn_err *err)
{
	struct net *n = calloc(1, sizeof *n);
	int len;

	if (n == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	n->fd = -1;
	n->proto = o->proto;
	n->port = o->port;
	n->host = strdup(o->host);
	*ret = (struct tsn_ship_dest){.send = send_net, .close = close_net, .state = n,
		.retry_min_ns = o->reconnect_ns, .batch_items = 2000};
	len = snprintf(n->url, sizeof n->url, strchr(o->host, ':') != NULL && o->host[0] != '[' ?
	    "%s://[%s]:%u" : "%s://%s:%u", o->client.tls ? "https" : "http", o->host, o->port);
	if (ship_curl_init(&n->curl, &o->client, err) != TSN_OK || n->host == NULL || len < 0 ||
	    (size_t)len >= sizeof n->url) {
		close_net(n);
		TSN_FAIL(err, TSN_EINVAL, "the host's name is too long");
	}
	return TSN_OK;
}
