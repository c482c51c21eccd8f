/* Inputs tcp, udp and syslog. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "pipeline/sock_int.h"

#define CONNECTIONS_MAX 4096u
#define READ_BYTES 65536u
#define READS_MAX 16u		/* of one connection, then the others have their turn */
#define DATAGRAMS 64u
#define HELD_MAX (64u << 20)	/* unfinished records of all connections */
#define RECONNECT_NS TSN_NS_PER_SEC

struct conn {
	struct net *net;
	struct conn *next, **link;
	struct tsn_watch watch;
	struct tsn_pbytes bytes;
	char ip[TSN_ADDR_TEXT_MAX];
	uint16_t port;
};

struct net {
	struct tsn_pinst *in;
	struct tsn_loop *loop;
	struct tsn_watch tcp, udp;	/* listeners; fd -1: none */
	struct tsn_receiver *receiver;
	struct conn *conns;
	uint32_t conn_count;
	size_t held;
	uint64_t refused, truncated, lost;
	uint32_t kernel_lost;
	const char *ip;			/* of the peer whose record is being decoded */
	uint16_t port;
	struct conn *current;
	struct tsn_conf extra;		/* filters of syslog */
	bool has_extra, client;
	struct tsn_addr peer;
	int64_t tried_ns;
	struct tsn_pinst *grok, *date;
};

static void
drop_conn(struct conn *c)
{
	struct net *n = c->net;

	tsn_loop_remove(n->loop, &c->watch);
	tsn_fd_close(c->watch.fd);
	n->held -= c->bytes.held.cap;
	tsn_pbytes_done(&c->bytes);
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	if (n->current == c)
		n->current = NULL;
	n->conn_count--;
	free(c);
}

static enum tsn_code
feed(struct conn *c, struct tsn_slice bytes, bool last, struct tsn_err *err)
{
	struct net *n = c->net;
	size_t before = c->bytes.held.cap;
	enum tsn_code code = TSN_OK;

	/* what the codec holds is another connection's */
	if (n->current != NULL && n->current != c)
		code = tsn_pl_finish(n->in, err);
	n->current = c;
	n->ip = c->ip;
	n->port = c->port;
	if (code == TSN_OK)
		code = tsn_pbytes_feed(&c->bytes, n->in, bytes, last, err);
	if (code == TSN_OK && last)
		code = tsn_pl_finish(n->in, err);
	n->held += c->bytes.held.cap - before;
	return code;
}

static void
conn_ready(void *ctx, uint32_t events)
{
	static char memory[READ_BYTES];
	struct conn *c = ctx;
	struct net *n = c->net;
	struct tsn_err err = {0};

	(void)events;
	for (unsigned i = 0; i < READS_MAX; i++) {
		size_t len;
		enum tsn_code code = tsn_sock_read(c->watch.fd, memory, sizeof memory, &len, &err);
		bool last = code != TSN_OK || len == 0 || n->held > HELD_MAX;

		if (code == TSN_EAGAIN)
			return;
		code = feed(c, tsn_slice_of(memory, code == TSN_OK ? len : 0), last, &err);
		if (code != TSN_OK)
			tsn_pl_broken(n->in->pl, code, &err);
		if (last || code != TSN_OK) {
			drop_conn(c);
			return;
		}
	}
}

static bool
add_conn(struct net *n, int fd, const struct tsn_addr *peer)
{
	struct conn *c = n->conn_count >= CONNECTIONS_MAX ? NULL : calloc(1, sizeof *c);
	struct tsn_err err;

	if (c == NULL) {
		n->refused++;
		tsn_fd_close(fd);
		return false;
	}
	c->net = n;
	c->port = tsn_addr_port(peer);
	(void)tsn_addr_text(peer, false, c->ip);
	tsn_pbytes_init(&c->bytes);
	c->watch = (struct tsn_watch){.fd = fd, .ready = conn_ready, .ctx = c};
	c->next = n->conns;
	c->link = &n->conns;
	if (c->next != NULL)
		c->next->link = &c->next;
	n->conns = c;
	n->conn_count++;
	if (tsn_loop_add(n->loop, &c->watch, TSN_WATCH_READ, &err) != TSN_OK) {
		drop_conn(c);
		return false;
	}
	return true;
}

static void
accept_ready(void *ctx, uint32_t events)
{
	struct net *n = ctx;
	struct tsn_addr peer;
	struct tsn_err err;
	int fd;

	(void)events;
	for (unsigned i = 0; i < 64 && tsn_sock_accept(n->tcp.fd, &fd, &peer, &err) == TSN_OK; i++)
		(void)add_conn(n, fd, &peer);
}

static enum tsn_code
take_datagrams(struct net *n, uint32_t count, struct tsn_err *err)
{
	for (uint32_t i = 0; i < count; i++) {
		char ip[TSN_ADDR_TEXT_MAX];
		struct tsn_datagram d;

		tsn_receiver_get(n->receiver, i, &d);
		n->ip = tsn_addr_text(&d.peer, false, ip).ptr;
		n->port = tsn_addr_port(&d.peer);
		n->truncated += d.truncated;
		TSN_TRY(tsn_pl_body(n->in, d.bytes, err));
		TSN_TRY(tsn_pl_finish(n->in, err));
	}
	n->ip = NULL;
	return TSN_OK;
}

static void
udp_ready(void *ctx, uint32_t events)
{
	struct net *n = ctx;
	struct tsn_err err = {0};
	uint32_t count = 0, lost = n->kernel_lost;
	enum tsn_code code;

	(void)events;
	for (unsigned i = 0; i < READS_MAX; i++) {
		code = tsn_receiver_receive(n->receiver, n->udp.fd, &count, &lost, &err);
		if (code == TSN_OK)
			code = take_datagrams(n, count, &err);
		if (code != TSN_OK)
			tsn_pl_broken(n->in->pl, code, &err);
		if (code != TSN_OK || count == 0)
			break;
	}
	if (lost != n->kernel_lost) {
		n->lost += lost - n->kernel_lost;
		tsn_pl_say(n->in, "%u datagrams lost: the kernel's receive buffer was full",
		    lost - n->kernel_lost);
		n->kernel_lost = lost;
	}
}

static enum tsn_code
new_net(struct tsn_pinst *in, struct net **ret, struct tsn_err *err)
{
	struct net *n = calloc(1, sizeof *n);

	in->state = n;
	if (n == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	n->in = in;
	n->tcp.fd = n->udp.fd = -1;
	*ret = n;
	return tsn_pl_loop(in->pl, &n->loop, err);
}

static enum tsn_code
listen_tcp(struct net *n, const struct tsn_addr *addr, struct tsn_err *err)
{
	n->tcp = (struct tsn_watch){.fd = -1, .ready = accept_ready, .ctx = n};
	TSN_TRY(tsn_sock_listen(addr, &n->tcp.fd, err));
	return tsn_loop_add(n->loop, &n->tcp, TSN_WATCH_READ, err);
}

static enum tsn_code
listen_udp(struct net *n, const struct tsn_addr *addr, uint32_t bytes, size_t buffer,
    struct tsn_err *err)
{
	size_t got;

	n->udp = (struct tsn_watch){.fd = -1, .ready = udp_ready, .ctx = n};
	n->receiver = tsn_receiver_new(DATAGRAMS, bytes);
	if (n->receiver == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	TSN_TRY(tsn_sock_udp(addr, buffer, &n->udp.fd, &got, err));
	return tsn_loop_add(n->loop, &n->udp, TSN_WATCH_READ, err);
}

static enum tsn_code
tcp_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct tsn_addr addr;
	struct net *n;

	TSN_TRY(new_net(in, &n, err));
	n->client = tsn_slice_eq(tsn_pi_str(in, "mode", "server"), TSN_SLICE("client"));
	if (tsn_pi_bool(in, "ssl_enabled", false))
		return tsn_pi_fail(in, err, "TLS is taken by the inputs of tocsin run "
		    "(docs/configuration.md), not by those of pipelines");
	if (tsn_pi_bool(in, "proxy_protocol", false))
		return tsn_pi_fail(in, err, "option \"proxy_protocol\": it is not spoken here");
	TSN_TRY(tsn_psock_addr(in, n->client ? "127.0.0.1" : "0.0.0.0", 0, &addr, err));
	n->peer = addr;
	return n->client ? TSN_OK : listen_tcp(n, &addr, err);
}

static void
net_close(struct tsn_pinst *in)
{
	struct net *n = in->state;

	if (n == NULL)
		return;
	while (n->conns != NULL)
		drop_conn(n->conns);
	for (unsigned i = 0; i < 2; i++) {
		struct tsn_watch *w = i == 0 ? &n->tcp : &n->udp;

		if (w->fd >= 0) {
			tsn_loop_remove(n->loop, w);
			tsn_fd_close(w->fd);
		}
	}
	tsn_receiver_free(n->receiver);
	if (n->has_extra)
		tsn_conf_done(&n->extra);
	free(n);
}

/* Mode client: connects, and connects again. */
static void
try_connect(struct net *n)
{
	int64_t now = tsn_clock_mono_ns();
	int fd;

	if (n->conns != NULL || now - n->tried_ns < RECONNECT_NS)
		return;
	n->tried_ns = now;
	fd = socket(n->peer.u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, &n->peer.u.sa, n->peer.len) != 0 && errno != EINPROGRESS)
		tsn_fd_close(fd);
	else
		(void)add_conn(n, fd, &n->peer);
}

static enum tsn_code
net_step(struct tsn_pinst *in, enum tsn_pstep *ret, struct tsn_err *err)
{
	struct net *n = in->state;

	(void)err;
	if (n->client)
		try_connect(n);
	*ret = TSN_PSTEP_IDLE;
	return TSN_OK;
}

static void
tcp_decorate(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct net *n = in->state;
	struct tsn_slice ip;

	if (n->ip == NULL)
		return;
	ip = tsn_arena_dup(ev->arena, tsn_slice_cstr(n->ip));
	if (tsn_pi_ecs(in)) {
		tsn_psock_set_text(ev, "[@metadata][input][tcp][source][ip]", ip);
		tsn_psock_set_text(ev, "[@metadata][input][tcp][source][name]", ip);
		tsn_psock_set(ev, "[@metadata][input][tcp][source][port]", tsn_pv_int(n->port));
	} else {
		tsn_psock_set_text(ev, "host", ip);
		tsn_psock_set(ev, "port", tsn_pv_int(n->port));
		tsn_psock_set_text(ev, "[@metadata][ip_address]", ip);
	}
}

static void
net_report(struct tsn_pinst *in, struct tsn_buf *out)
{
	const struct net *n = in->state;

	if (n->lost + n->refused + n->truncated > 0)
		tsn_buf_printf(out, "input %s: %llu datagrams lost by the kernel, %llu cut, %llu "
		    "connections refused\n", in->desc->name, (unsigned long long)n->lost,
		    (unsigned long long)n->truncated, (unsigned long long)n->refused);
}

const struct tsn_pinput tsn_input_tcp = {.codec = "line", .open = tcp_open, .close = net_close,
    .step = net_step, .decorate = tcp_decorate, .report = net_report};

static enum tsn_code
udp_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct tsn_addr addr;
	uint64_t bytes, buffer;
	struct net *n;

	TSN_TRY(new_net(in, &n, err));
	TSN_TRY(tsn_psock_addr(in, "0.0.0.0", 0, &addr, err));
	TSN_TRY(tsn_pi_count(in, "buffer_size", 65536, 1, 65536, &bytes, err));
	TSN_TRY(tsn_pi_count(in, "receive_buffer_bytes", 16u << 20, 1, 1u << 30, &buffer, err));
	return listen_udp(n, &addr, (uint32_t)bytes, (size_t)buffer, err);
}

static void
udp_decorate(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct net *n = in->state;
	struct tsn_slice ip, field = tsn_pi_str(in, "source_ip_fieldname", tsn_pi_ecs(in) ?
	    "[host][ip]" : "host");
	struct tsn_pref ref;

	if (n->ip == NULL)
		return;
	ip = tsn_arena_dup(ev->arena, tsn_slice_cstr(n->ip));
	if (ip.ptr != NULL && tsn_pref_parse(ev->arena, field, &ref) && tsn_pev_get(ev, &ref) == NULL)
		(void)tsn_pev_set(ev, &ref, tsn_pv_str(ip));
}

const struct tsn_pinput tsn_input_udp = {.codec = "plain", .open = udp_open, .close = net_close,
    .step = net_step, .decorate = udp_decorate, .report = net_report};

/* What Logstash does with a syslog line, said in its own language. */
static enum tsn_code
open_filters(struct tsn_pinst *in, struct net *n, struct tsn_err *err)
{
	bool ecs = tsn_pi_ecs(in);
	struct tsn_slice zone = tsn_pi_str(in, "timezone", ""), locale = tsn_pi_str(in, "locale", "");
	struct tsn_buf b;
	enum tsn_code code;

	tsn_buf_init(&b, 65536);
	tsn_buf_printf(&b, "filter { grok { match => { \"%.*s\" => '%.*s' } overwrite => [\"%.*s\"] "
	    "tag_on_failure => [\"_grokparsefailure_sysloginput\"] ecs_compatibility => \"%s\" }\n",
	    TSN_SLICE_ARG(tsn_pi_str(in, "syslog_field", "message")),
	    TSN_SLICE_ARG(tsn_pi_str(in, "grok_pattern", ecs ?
	    "<%{POSINT:[log][syslog][priority]:int}>%{SYSLOGLINE}" :
	    "<%{POSINT:priority}>%{SYSLOGLINE}")),
	    TSN_SLICE_ARG(tsn_pi_str(in, "syslog_field", "message")), ecs ? "v8" : "disabled");
	tsn_buf_lit(&b, "date { match => [\"timestamp\", \"MMM dd HH:mm:ss\", \"MMM  d HH:mm:ss\", "
	    "\"MMM d HH:mm:ss\", \"ISO8601\"]");
	if (ecs)
		tsn_buf_lit(&b, " remove_field => [\"timestamp\"]");
	if (zone.len > 0)
		tsn_buf_printf(&b, " timezone => \"%.*s\"", TSN_SLICE_ARG(zone));
	if (locale.len > 0)
		tsn_buf_printf(&b, " locale => \"%.*s\"", TSN_SLICE_ARG(locale));
	tsn_buf_lit(&b, " } }");
	code = tsn_conf_parse(TSN_SLICE("input syslog"), tsn_buf_get(&b), NULL, NULL, &n->extra, err);
	tsn_buf_done(&b);
	TSN_TRY(code);
	n->has_extra = true;
	TSN_TRY(tsn_pl_inst(in->pl, n->extra.sections[TSN_PLUGIN_FILTER]->plugin, &n->grok, err));
	return tsn_pl_inst(in->pl, n->extra.sections[TSN_PLUGIN_FILTER]->next->plugin, &n->date, err);
}

static enum tsn_code
syslog_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct tsn_addr addr;
	struct net *n;

	TSN_TRY(new_net(in, &n, err));
	TSN_TRY(open_filters(in, n, err));
	TSN_TRY(tsn_psock_addr(in, "0.0.0.0", 514, &addr, err));
	TSN_TRY(listen_tcp(n, &addr, err));
	return listen_udp(n, &addr, 65536, 16u << 20, err);
}

static struct tsn_slice
label(struct tsn_pinst *in, const char *option, const char *const *dflt, size_t dflt_count,
    uint64_t i)
{
	uint32_t count;
	const struct tsn_conf_value *items = tsn_pi_list(in, option, &count);

	if (items != NULL)
		return i < count ? items[i].text : TSN_SLICE_NONE;
	return i < dflt_count ? tsn_slice_cstr(dflt[i]) : TSN_SLICE_NONE;
}

static void
set_priority(struct tsn_pinst *in, struct tsn_pev *ev, int64_t pri)
{
	static const char *const facilities[] = {"kernel", "user-level", "mail", "system",
	    "security/authorization", "syslogd", "line printer", "network news", "UUCP", "clock",
	    "security/authorization", "FTP", "NTP", "log audit", "log alert", "clock", "local0",
	    "local1", "local2", "local3", "local4", "local5", "local6", "local7"};
	static const char *const severities[] = {"Emergency", "Alert", "Critical", "Error", "Warning",
	    "Notice", "Informational", "Debug"};
	bool ecs = tsn_pi_ecs(in);
	uint64_t facility = (uint64_t)pri >> 3, severity = (uint64_t)pri & 7;

	tsn_psock_set(ev, ecs ? "[log][syslog][priority]" : "priority", tsn_pv_int(pri));
	tsn_psock_set(ev, ecs ? "[log][syslog][severity][code]" : "severity",
	    tsn_pv_int((int64_t)severity));
	tsn_psock_set(ev, ecs ? "[log][syslog][facility][code]" : "facility",
	    tsn_pv_int((int64_t)facility));
	if (!tsn_pi_bool(in, "use_labels", true))
		return;
	tsn_psock_set_text(ev, ecs ? "[log][syslog][facility][name]" : "facility_label",
	    label(in, "facility_labels", facilities, TSN_COUNT(facilities), facility));
	tsn_psock_set_text(ev, ecs ? "[log][syslog][severity][name]" : "severity_label",
	    label(in, "severity_labels", severities, TSN_COUNT(severities), severity));
}

static void
syslog_decorate(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct net *n = in->state;
	struct tsn_pref ref;
	const struct tsn_pv *pri;
	bool ecs = tsn_pi_ecs(in), matched;
	int64_t v = 13;

	if (n->ip != NULL)
		tsn_psock_set_text(ev, ecs ? "[host][ip]" : "host",
		    tsn_arena_dup(ev->arena, tsn_slice_cstr(n->ip)));
	matched = n->grok->desc->filter->filter(n->grok, ev);
	ev->parsed |= matched;
	if (ecs && tsn_pref_parse(ev->arena, TSN_SLICE("[service][type]"), &ref) &&
	    tsn_pev_get(ev, &ref) == NULL)
		(void)tsn_pev_set(ev, &ref, tsn_pv_str(TSN_SLICE("system")));
	if (matched && tsn_pref_parse(ev->arena, ecs ? TSN_SLICE("[log][syslog][priority]") :
	    TSN_SLICE("priority"), &ref) && (pri = tsn_pev_get(ev, &ref)) != NULL) {
		v = pri->type == TSN_PV_INT ? pri->as.i : 0;
		for (size_t i = 0; pri->type == TSN_PV_STR && i < pri->as.str.len && i < 9 &&
		    pri->as.str.ptr[i] >= '0' && pri->as.str.ptr[i] <= '9'; i++)
			v = v * 10 + pri->as.str.ptr[i] - '0';
	}
	set_priority(in, ev, v);
	if (matched && n->date->desc->filter->filter(n->date, ev))
		tsn_pl_matched(n->date, ev);
}

const struct tsn_pinput tsn_input_syslog = {.codec = "plain", .open = syslog_open,
    .close = net_close, .step = net_step, .decorate = syslog_decorate, .report = net_report};
