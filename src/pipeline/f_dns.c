/*
 * Filter dns: addresses of names and names of addresses, asked of a name server over UDP.  Each
 * look-up waits at most timeout * (1 + max_retries); caches (off unless sized, as with Logstash)
 * bound both memory and the number of questions.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/ip.h"
#include "os/clock.h"
#include "os/file.h"
#include "pipeline/sock_int.h"

#define PACKET 1500u
#define NAME_MAX_BYTES 255u
#define SERVERS 4u
#define TYPE_A 1u
#define TYPE_PTR 12u
#define TYPE_AAAA 28u

enum answer { ANSWER, NOTHING, TIMEOUT };

struct entry {
	char name[NAME_MAX_BYTES + 1];
	char value[NAME_MAX_BYTES + 1];
	int64_t until_ns;
};

struct cache {
	struct entry *entries;		/* by hash: a newer one takes the place of an older */
	uint32_t size;
	int64_t ttl_ns;
};

struct dns {
	struct tsn_pref *resolve, *reverse;
	uint32_t resolve_count, reverse_count;
	bool append;
	int64_t timeout_ns;
	uint64_t retries;
	struct tsn_addr servers[SERVERS];
	uint32_t server_count;
	struct cache hits, failed;
	struct tsn_ptags tags;
	struct tsn_buf hosts;
};

static enum tsn_code
add_server(struct tsn_pinst *in, struct dns *d, struct tsn_slice text, struct tsn_err *err)
{
	char with_port[TSN_ADDR_TEXT_MAX];
	struct tsn_ip ip;

	(void)snprintf(with_port, sizeof with_port, tsn_ip_parse(text, &ip) != TSN_OK ? "%.*s" :
	    tsn_ip_is_v4(&ip) ? "%.*s:53" : "[%.*s]:53", TSN_SLICE_ARG(text));
	if (d->server_count == SERVERS)
		return TSN_OK;
	if (tsn_addr_parse(tsn_slice_cstr(with_port), &d->servers[d->server_count], NULL) != TSN_OK)
		return in == NULL ? TSN_OK : tsn_pi_fail(in, err, "option \"nameserver\": expected an "
		    "address");
	d->server_count++;
	return TSN_OK;
}

static void
read_resolv_conf(struct dns *d)
{
	struct tsn_buf b;
	struct tsn_slice rest;

	tsn_buf_init(&b, 65536);
	if (tsn_file_read_all(&tsn_file_system, "/etc/resolv.conf", &b, NULL) == TSN_OK)
		for (rest = tsn_buf_get(&b); rest.len > 0;) {
			size_t end = tsn_slice_find_char(rest, '\n');
			struct tsn_slice line = tsn_slice_of(rest.ptr, end == SIZE_MAX ? rest.len : end);

			rest = tsn_slice_from(rest, line.len + 1);
			if (tsn_slice_starts(line, TSN_SLICE("nameserver ")))
				(void)add_server(NULL, d, tsn_slice_trim(tsn_slice_from(line, 11)), NULL);
		}
	tsn_buf_done(&b);
}

static enum tsn_code
read_servers(struct tsn_pinst *in, struct dns *d, struct tsn_err *err)
{
	const struct tsn_conf_value *v = tsn_pi_get(in, "nameserver");

	/* { "address" => [..] } */
	for (uint32_t i = 0; v != NULL && v->type == TSN_CONF_HASH && i < v->count; i++)
		if (tsn_slice_eq(v->items[2 * i].text, TSN_SLICE("address"))) {
			v = &v->items[2 * i + 1];
			break;
		}
	if (v == NULL)
		read_resolv_conf(d);
	else if (v->type == TSN_CONF_ARRAY)
		for (uint32_t i = 0; i < v->count; i++)
			TSN_TRY(add_server(in, d, v->items[i].text, err));
	else
		TSN_TRY(add_server(in, d, v->text, err));
	return TSN_OK;
}

static bool
open_cache(struct tsn_pinst *in, const char *size, const char *ttl, double dflt, struct cache *c)
{
	double n = tsn_pi_num(in, size, 0);

	c->size = n < 0 || n > 1e6 ? 1000000u : (uint32_t)n;
	c->ttl_ns = (int64_t)(tsn_pi_num(in, ttl, dflt) * 1e9);
	c->entries = c->size == 0 ? NULL : calloc(c->size, sizeof *c->entries);
	return c->size == 0 || c->entries != NULL;
}

static enum tsn_code
dns_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct dns *d = tsn_pi_alloc(in, 1, sizeof *d);
	const char *hosts = tsn_pi_text(in, "hostsfile", NULL);
	uint32_t count;
	const struct tsn_conf_value *items;

	if (d == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->state = d;
	tsn_buf_init(&d->hosts, 1u << 20);
	for (unsigned k = 0; k < 2; k++) {
		struct tsn_pref *refs;

		items = tsn_pi_list(in, k == 0 ? "resolve" : "reverse", &count);
		refs = tsn_pi_alloc(in, count, sizeof *refs);
		for (uint32_t i = 0; refs != NULL && i < count; i++)
			if (!tsn_pi_ref(in, items[i].text, &refs[i]))
				refs = NULL;
		if (refs == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		*(k == 0 ? &d->resolve : &d->reverse) = refs;
		*(k == 0 ? &d->resolve_count : &d->reverse_count) = count;
	}
	d->append = !tsn_slice_eq(tsn_pi_str(in, "action", "append"), TSN_SLICE("replace"));
	d->timeout_ns = (int64_t)(tsn_pi_num(in, "timeout", 0.5) * 1e9);
	TSN_TRY(tsn_pi_count(in, "max_retries", 2, 0, 20, &d->retries, err));
	if (!open_cache(in, "hit_cache_size", "hit_cache_ttl", 60, &d->hits) ||
	    !open_cache(in, "failed_cache_size", "failed_cache_ttl", 5, &d->failed) ||
	    !tsn_pi_tags(in, "tag_on_timeout", "_dnstimeout", &d->tags))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (hosts != NULL)
		TSN_TRY(tsn_file_read_all(&tsn_file_system, hosts, &d->hosts, err));
	return read_servers(in, d, err);
}

static void
dns_close(struct tsn_pinst *in)
{
	struct dns *d = in->state;

	if (d == NULL)
		return;
	free(d->hits.entries);
	free(d->failed.entries);
	tsn_buf_done(&d->hosts);
}

static struct entry *
slot(struct cache *c, const char *name)
{
	return c->size == 0 ? NULL :
	    &c->entries[tsn_hash_slice(tsn_slice_cstr(name), 0x51ed270b9f1u) % c->size];
}

/* "ADDRESS NAME..." lines */
static bool
in_hosts(const struct dns *d, const char *name, bool reverse, char out[NAME_MAX_BYTES + 1])
{
	struct tsn_slice rest = tsn_buf_get(&d->hosts), want = tsn_slice_cstr(name);

	while (rest.len > 0) {
		size_t end = tsn_slice_find_char(rest, '\n');
		struct tsn_slice line = tsn_slice_of(rest.ptr, end == SIZE_MAX ? rest.len : end), first;
		size_t hash = tsn_slice_find_char(line, '#'), n = 0;

		rest = tsn_slice_from(rest, line.len + 1);
		line = tsn_slice_trim(tsn_slice_of(line.ptr, hash == SIZE_MAX ? line.len : hash));
		while (n < line.len && line.ptr[n] != ' ' && line.ptr[n] != '\t')
			n++;
		first = tsn_slice_of(line.ptr, n);
		while ((line = tsn_slice_trim(tsn_slice_from(line, n))).len > 0) {
			struct tsn_slice word;

			for (n = 0; n < line.len && line.ptr[n] != ' ' && line.ptr[n] != '\t';)
				n++;
			word = tsn_slice_of(line.ptr, n);
			if (!tsn_slice_eq_nocase(reverse ? first : word, want))
				continue;
			word = reverse ? word : first;
			(void)snprintf(out, NAME_MAX_BYTES + 1, "%.*s", TSN_SLICE_ARG(word));
			return true;
		}
	}
	return false;
}

/* 0: no name that can be asked for */
static size_t
make_query(const char *name, unsigned type, uint16_t id, unsigned char out[PACKET])
{
	size_t n = 12, label = 12;

	memset(out, 0, 12);
	out[0] = (unsigned char)(id >> 8);
	out[1] = (unsigned char)id;
	out[2] = 1;		/* recursion desired */
	out[5] = 1;
	out[n++] = 0;
	for (; *name != '\0'; name++) {
		if (n > NAME_MAX_BYTES + 12)
			return 0;
		if (*name != '.') {
			out[n++] = (unsigned char)*name;
			if (++out[label] > 63)
				return 0;
		} else if (name[1] != '\0') {
			if (out[label] == 0)
				return 0;
			label = n;
			out[n++] = 0;
		}
	}
	if (out[label] == 0)
		return 0;
	out[n++] = 0;
	out[n++] = 0;
	out[n++] = (unsigned char)type;
	out[n++] = 0;
	out[n++] = 1;
	return n;
}

/* A name at `at`, with pointers; the place behind it, 0: broken. */
static size_t
read_name(const unsigned char *p, size_t len, size_t at, char out[NAME_MAX_BYTES + 1])
{
	size_t n = 0, behind = 0;

	for (unsigned jumps = 0; at < len && jumps < 32;) {
		unsigned c = p[at];

		if (c >= 0xc0) {
			if (at + 1 >= len)
				return 0;
			behind = behind == 0 ? at + 2 : behind;
			at = (c & 0x3f) << 8 | p[at + 1];
			jumps++;
			continue;
		}
		if (c == 0) {
			out[n > 0 ? n - 1 : 0] = '\0';
			return behind == 0 ? at + 1 : behind;
		}
		if (c > 63 || at + 1 + c > len || n + c + 1 > NAME_MAX_BYTES)
			return 0;
		memcpy(out + n, p + at + 1, c);
		n += c;
		out[n++] = '.';
		at += 1 + c;
	}
	return 0;
}

static enum answer
read_answer(const unsigned char *p, size_t len, unsigned type, char out[NAME_MAX_BYTES + 1])
{
	unsigned questions = (unsigned)p[4] << 8 | p[5], answers = (unsigned)p[6] << 8 | p[7];
	char name[NAME_MAX_BYTES + 1];
	struct tsn_ip ip = {0};
	size_t at = 12;

	for (; questions > 0; questions--) {
		at = read_name(p, len, at, name);
		if (at == 0 || at + 4 > len)
			return NOTHING;
		at += 4;
	}
	for (; answers > 0; answers--) {
		unsigned kind, size;

		at = read_name(p, len, at, name);
		if (at == 0 || at + 10 > len)
			return NOTHING;
		kind = (unsigned)p[at] << 8 | p[at + 1];
		size = (unsigned)p[at + 8] << 8 | p[at + 9];
		at += 10;
		if (at + size > len)
			return NOTHING;
		if (kind == type && type == TYPE_PTR)
			return read_name(p, len, at, out) == 0 ? NOTHING : ANSWER;
		if (kind == type && size == (type == TYPE_A ? 4 : 16)) {
			ip.bytes[10] = ip.bytes[11] = 0xff;
			memcpy(ip.bytes + (type == TYPE_A ? 12 : 0), p + at, size);
			(void)tsn_ip_format(&ip, out);
			return ANSWER;
		}
		at += size;
	}
	return NOTHING;
}

static enum answer
ask_one(const struct dns *d, const struct tsn_addr *server, const unsigned char *query, size_t len,
    unsigned type, char out[NAME_MAX_BYTES + 1])
{
	int fd = socket(server->u.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int64_t until = tsn_clock_mono_ns() + d->timeout_ns, left;
	unsigned char reply[PACKET];
	enum answer answer = TIMEOUT;

	if (fd < 0 || connect(fd, &server->u.sa, server->len) != 0 ||
	    send(fd, query, len, 0) != (ssize_t)len) {
		if (fd >= 0)
			(void)close(fd);
		return TIMEOUT;
	}
	while (answer == TIMEOUT && (left = until - tsn_clock_mono_ns()) > 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, (int)(left / TSN_NS_PER_MS) + 1) <= 0)
			continue;
		n = recv(fd, reply, sizeof reply, 0);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			break;
		/* ours: the same number, an answer, to the same question */
		if (n < (ssize_t)len || memcmp(reply, query, 2) != 0 || (reply[2] & 0x80) == 0 ||
		    memcmp(reply + 12, query + 12, len - 12) != 0)
			continue;
		answer = read_answer(reply, (size_t)n, type, out);
	}
	(void)close(fd);
	return answer;
}

static enum answer
ask(const struct dns *d, const char *name, unsigned type, char out[NAME_MAX_BYTES + 1])
{
	unsigned char query[PACKET];
	uint16_t id;
	size_t len;

	if (getrandom(&id, sizeof id, 0) != (ssize_t)sizeof id)
		return TIMEOUT;
	len = make_query(name, type, id, query);
	if (len == 0)
		return NOTHING;
	for (uint64_t i = 0; i <= d->retries && d->server_count > 0; i++) {
		enum answer a = ask_one(d, &d->servers[i % d->server_count], query, len, type, out);

		if (a != TIMEOUT)
			return a;
	}
	return TIMEOUT;
}

static void
reverse_name(const struct tsn_ip *ip, char out[NAME_MAX_BYTES + 1])
{
	size_t n = 0;

	if (tsn_ip_is_v4(ip)) {
		(void)snprintf(out, NAME_MAX_BYTES, "%u.%u.%u.%u.in-addr.arpa", ip->bytes[15],
		    ip->bytes[14], ip->bytes[13], ip->bytes[12]);
		return;
	}
	for (unsigned i = 16; i-- > 0;)
		n += (size_t)snprintf(out + n, NAME_MAX_BYTES - n, "%x.%x.", ip->bytes[i] & 15,
		    ip->bytes[i] >> 4);
	(void)snprintf(out + n, NAME_MAX_BYTES - n, "ip6.arpa");
}

static enum answer
look_up(struct dns *d, const char *name, const struct tsn_ip *ip, char out[NAME_MAX_BYTES + 1])
{
	struct entry *hit = slot(&d->hits, name), *miss = slot(&d->failed, name);
	int64_t now = tsn_clock_mono_ns();
	char asked[NAME_MAX_BYTES + 1];
	enum answer a;

	if (in_hosts(d, name, ip != NULL, out))
		return ANSWER;
	if (hit != NULL && hit->until_ns > now && strcmp(hit->name, name) == 0) {
		memcpy(out, hit->value, sizeof hit->value);
		return ANSWER;
	}
	if (miss != NULL && miss->until_ns > now && strcmp(miss->name, name) == 0)
		return NOTHING;
	if (ip != NULL) {
		reverse_name(ip, asked);
		a = ask(d, asked, TYPE_PTR, out);
	} else {
		a = ask(d, name, TYPE_A, out);
		if (a == NOTHING)
			a = ask(d, name, TYPE_AAAA, out);
	}
	hit = a == ANSWER ? hit : miss;
	if (hit != NULL) {
		(void)snprintf(hit->name, sizeof hit->name, "%s", name);
		if (a == ANSWER)
			(void)snprintf(hit->value, sizeof hit->value, "%s", out);
		hit->until_ns = now + (a == ANSWER ? d->hits.ttl_ns : d->failed.ttl_ns);
	}
	return a;
}

/* false: the filter has not done its work */
static bool
one_field(struct dns *d, struct tsn_pev *ev, const struct tsn_pref *ref, bool reverse)
{
	struct tsn_pv *v = tsn_pev_get(ev, ref), list, found;
	const struct tsn_pv *raw = v;
	char name[NAME_MAX_BYTES + 1], out[NAME_MAX_BYTES + 1] = "";
	struct tsn_ip ip;
	bool is_ip;
	enum answer a;

	if (v != NULL && v->type == TSN_PV_LIST)
		raw = v->as.list->count == 1 ? &v->as.list->items[0] : NULL;
	if (raw == NULL || raw->type != TSN_PV_STR)
		return true;
	is_ip = tsn_ip_parse(raw->as.str, &ip) == TSN_OK;
	if (raw->as.str.len == 0 || raw->as.str.len > NAME_MAX_BYTES - 2 || is_ip != reverse ||
	    memchr(raw->as.str.ptr, '\0', raw->as.str.len) != NULL)
		return false;
	(void)snprintf(name, sizeof name, "%.*s", TSN_SLICE_ARG(raw->as.str));
	a = look_up(d, name, reverse ? &ip : NULL, out);
	if (a == TIMEOUT)
		tsn_pl_tags(ev, d->tags.tags, d->tags.count);
	if (a != ANSWER)
		return false;
	found = tsn_pv_str(tsn_arena_dup(ev->arena, tsn_slice_cstr(out)));
	if (v->type != TSN_PV_LIST && !d->append)
		return tsn_pev_set(ev, ref, found);
	if (v->type == TSN_PV_LIST && d->append)
		return tsn_pv_list_add(ev->arena, v->as.list, found);
	return tsn_pv_list_new(ev->arena, &list) &&
	    (!d->append || tsn_pv_list_add(ev->arena, list.as.list, *v)) &&
	    tsn_pv_list_add(ev->arena, list.as.list, found) && tsn_pev_set(ev, ref, list);
}

static bool
dns_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	struct dns *d = in->state;

	for (uint32_t i = 0; i < d->resolve_count; i++)
		if (!one_field(d, ev, &d->resolve[i], false))
			return false;
	for (uint32_t i = 0; i < d->reverse_count; i++)
		if (!one_field(d, ev, &d->reverse[i], true))
			return false;
	return true;
}

const struct tsn_pfilter tsn_filter_dns = {.open = dns_open, .close = dns_close,
    .filter = dns_filter};
