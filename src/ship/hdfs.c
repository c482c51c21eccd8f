/*
 * Files of HDFS over its web interface: APPEND, and CREATE where the file is not there.  Both have
 * two steps: the name node names a data node, the data goes to that one (HttpFS takes it at once).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/snappy.h"
#include "ship/curl_int.h"

#define BODY_MAX (256u << 20)
#define URL_MAX 4096u

struct hdfs {
	struct ship_curl curl;
	struct tsn_ship_hdfs_options o;
	char *host, *standby, *user;
	bool on_standby;
	struct tsn_buf body, packed;
};

static bool
url_of(const struct hdfs *h, const char *path, const char *op, char out[URL_MAX])
{
	const char *host = h->on_standby ? h->standby : h->host;
	uint16_t port = h->on_standby ? h->o.standby_port : h->o.port;
	struct tsn_buf b;
	int n;

	tsn_buf_init(&b, URL_MAX);
	for (; *path != '\0'; path++) {
		/* '/', '=' and what RFC 3986 leaves alone */
		if ((*path >= 'a' && *path <= 'z') || (*path >= 'A' && *path <= 'Z') ||
		    strchr("0123456789-._~/=:@,", *path) != NULL)
			tsn_buf_char(&b, *path);
		else
			tsn_buf_printf(&b, "%%%02X", (unsigned char)*path);
	}
	tsn_buf_char(&b, '\0');
	n = tsn_buf_check(&b) != TSN_OK ? -1 :
	    snprintf(out, URL_MAX, "%s://%s:%u/webhdfs/v1%s%s?op=%s%s%s%s",
	    h->o.client.tls ? "https" : "http", host, port, b.ptr[0] == '/' ? "" : "/", b.ptr, op,
	    h->user != NULL ? "&user.name=" : "", h->user != NULL ? h->user : "",
	    h->o.httpfs ? "&data=true" : "");
	tsn_buf_done(&b);
	return n > 0 && (size_t)n < URL_MAX;
}

/* Both steps; the status of the last one, 0 when there was no answer. */
static long
two_steps(struct hdfs *h, const char *method, const char *url, struct tsn_slice body,
    struct tsn_err *why)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/octet-stream");
	struct curl_slist *more = curl_slist_append(headers, "Expect:");
	char second[sizeof h->curl.location];
	long status;

	headers = more != NULL ? more : headers;
	status = ship_curl_request(&h->curl, method, url, h->o.httpfs ? body : TSN_SLICE_NONE, headers,
	    why);
	if (status == 307 || (status >= 300 && status < 400 && h->curl.location[0] != '\0')) {
		(void)snprintf(second, sizeof second, "%s", h->curl.location);
		status = ship_curl_request(&h->curl, method, second, body, headers, why);
	}
	curl_slist_free_all(headers);
	return status;
}

static bool
put_file(struct hdfs *h, const char *path, struct tsn_slice body, struct tsn_err *why)
{
	char url[URL_MAX];
	long status;

	if (!url_of(h, path, "APPEND", url)) {
		(void)TSN_ERR(why, TSN_EINVAL, "the path is too long");
		return false;
	}
	status = two_steps(h, "POST", url, body, why);
	if (status == 404) {
		if (!url_of(h, path, "CREATE", url))
			return false;
		status = two_steps(h, "PUT", url, body, why);
	}
	if (status == 200 || status == 201)
		return true;
	if (status != 0)
		ship_curl_status(&h->curl, url, status, why);
	if (h->standby != NULL)
		h->on_standby = !h->on_standby;
	return false;
}

static bool
pack(struct hdfs *h, struct tsn_slice *body)
{
	tsn_buf_reset(&h->packed);
	if (h->o.pack == TSN_SHIP_PLAIN)
		return true;
	if (h->o.pack == TSN_SHIP_GZIP && !ship_gzip(*body, &h->packed))
		return false;
	if (h->o.pack == TSN_SHIP_SNAPPY)
		tsn_snappy_encode(*body, &h->packed);
	if (h->o.pack == TSN_SHIP_SNAPPY_STREAM)
		tsn_snappy_encode_stream(*body, &h->packed);
	*body = tsn_buf_get(&h->packed);
	return tsn_buf_check(&h->packed) == TSN_OK;
}

static void
send_hdfs(void *state, struct tsn_ship_batch *b, struct tsn_err *why)
{
	struct hdfs *h = state;

	h->curl.stopping = b->stopping;
	for (uint32_t i = 0; i < b->count && !atomic_load(b->stopping); i++) {
		struct tsn_slice path = b->items[i].parts[0], body;

		if (b->items[i].result != TSN_SHIP_AGAIN)
			continue;
		tsn_buf_reset(&h->body);
		for (uint32_t j = i; j < b->count; j++)
			if (tsn_slice_eq(b->items[j].parts[0], path))
				tsn_buf_slice(&h->body, b->items[j].parts[1]);
		body = tsn_buf_get(&h->body);
		if (tsn_buf_check(&h->body) != TSN_OK || !pack(h, &body)) {
			(void)TSN_ERR(why, TSN_ENOMEM, "out of memory");
			return;
		}
		/* a file that cannot be written now does not keep the others waiting */
		if (!put_file(h, ship_text(b->arena, path), body, why))
			continue;
		for (uint32_t j = i; j < b->count; j++)
			if (tsn_slice_eq(b->items[j].parts[0], path))
				b->items[j].result = TSN_SHIP_DONE;
	}
}

static void
close_hdfs(void *state)
{
	struct hdfs *h = state;

	ship_curl_done(&h->curl);
	tsn_buf_done(&h->body);
	tsn_buf_done(&h->packed);
	free(h->host);
	free(h->standby);
	free(h->user);
	free(h);
}

enum tsn_code
tsn_ship_hdfs(const struct tsn_ship_hdfs_options *o, struct tsn_ship_dest *ret,
    struct tsn_err *err)
{
	struct hdfs *h = calloc(1, sizeof *h);

	if (h == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	*ret = (struct tsn_ship_dest){.send = send_hdfs, .close = close_hdfs, .state = h,
		.batch_items = o->flush_items, .batch_bytes = 64u << 20, .linger_ns = o->idle_ns,
		.retry_min_ns = o->retry_ns};
	h->o = *o;
	h->host = strdup(o->host);
	h->standby = o->standby_host == NULL ? NULL : strdup(o->standby_host);
	h->user = o->hdfs_user == NULL ? NULL : strdup(o->hdfs_user);
	tsn_buf_init(&h->body, BODY_MAX);
	tsn_buf_init(&h->packed, BODY_MAX);
	if (ship_curl_init(&h->curl, &o->client, err) != TSN_OK || h->host == NULL) {
		close_hdfs(h);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	return TSN_OK;
}
