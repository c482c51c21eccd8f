#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "codec/json_walk.h"
#include "ship/curl_int.h"

#define BODY_MAX (64u << 20)
#define TIMEOUT_MS 60000
#define CONNECT_MS 10000
#define SHOWN 160

static size_t
take_body(char *ptr, size_t size, size_t n, void *ctx)
{
	struct ship_curl *c = ctx;

	tsn_buf_add(&c->body, ptr, size * n);
	return tsn_buf_check(&c->body) == TSN_OK ? size * n : 0;
}

static size_t
take_header(char *ptr, size_t size, size_t n, void *ctx)
{
	struct ship_curl *c = ctx;
	struct tsn_slice line = tsn_slice_trim(tsn_slice_of(ptr, size * n));

	if (line.len > 9 && tsn_slice_eq_nocase(tsn_slice_of(line.ptr, 9), TSN_SLICE("location:"))) {
		line = tsn_slice_trim(tsn_slice_from(line, 9));
		(void)snprintf(c->location, sizeof c->location, "%.*s", TSN_SLICE_ARG(line));
	}
	return size * n;
}

static int
look_at_stop(void *ctx, curl_off_t a, curl_off_t b, curl_off_t x, curl_off_t y)
{
	const struct ship_curl *c = ctx;

	(void)a;
	(void)b;
	(void)x;
	(void)y;
	return c->stopping != NULL && atomic_load(c->stopping);
}

static bool
copy_text(const char **text)
{
	if (*text != NULL)
		*text = strdup(*text);
	return true;
}

enum tsn_code
ship_curl_init(struct ship_curl *c, const struct tsn_ship_client *client, struct tsn_err *err)
{
	static bool ready;
	struct tsn_ship_client *own = &c->client;

	/* pipelines are opened one after the other, by one thread */
	if (!ready)
		(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	ready = true;
	*c = (struct ship_curl){.client = *client};
	(void)(copy_text(&own->ca_file) && copy_text(&own->cert_file) && copy_text(&own->key_file) &&
	    copy_text(&own->key_password) && copy_text(&own->user) && copy_text(&own->password) &&
	    copy_text(&own->proxy));
	tsn_buf_init(&c->body, BODY_MAX);
	c->easy = curl_easy_init();
	/* Expect: 100-continue costs a second with servers that do not know it */
	c->headers = curl_slist_append(NULL, "Expect:");
	for (uint32_t i = 0; i < client->header_count; i++) {
		struct curl_slist *more = curl_slist_append(c->headers, client->headers[i]);

		c->headers = more != NULL ? more : c->headers;
	}
	if (c->easy == NULL || c->headers == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return TSN_OK;
}

void
ship_curl_done(struct ship_curl *c)
{
	struct tsn_ship_client *own = &c->client;
	const char *texts[] = {own->ca_file, own->cert_file, own->key_file, own->key_password,
	    own->user, own->password, own->proxy};

	for (size_t i = 0; i < TSN_COUNT(texts); i++)
		free((void *)(uintptr_t)texts[i]);
	curl_slist_free_all(c->headers);
	if (c->easy != NULL)
		curl_easy_cleanup(c->easy);
	tsn_buf_done(&c->body);
	*c = (struct ship_curl){0};
}

static void
set_tls(struct ship_curl *c)
{
	const struct tsn_ship_client *o = &c->client;

	(void)curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYPEER, o->insecure ? 0L : 1L);
	(void)curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYHOST, o->insecure ? 0L : 2L);
	if (o->ca_file != NULL)
		(void)curl_easy_setopt(c->easy, CURLOPT_CAINFO, o->ca_file);
	if (o->cert_file != NULL)
		(void)curl_easy_setopt(c->easy, CURLOPT_SSLCERT, o->cert_file);
	if (o->key_file != NULL)
		(void)curl_easy_setopt(c->easy, CURLOPT_SSLKEY, o->key_file);
	if (o->key_password != NULL)
		(void)curl_easy_setopt(c->easy, CURLOPT_KEYPASSWD, o->key_password);
}

void
ship_curl_begin(struct ship_curl *c, const char *url)
{
	const struct tsn_ship_client *o = &c->client;

	curl_easy_reset(c->easy);
	tsn_buf_reset(&c->body);
	c->location[0] = c->reason[0] = '\0';
	(void)curl_easy_setopt(c->easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->reason);
	(void)curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, take_body);
	(void)curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
	(void)curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, take_header);
	(void)curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
	(void)curl_easy_setopt(c->easy, CURLOPT_NOPROGRESS, 0L);
	(void)curl_easy_setopt(c->easy, CURLOPT_XFERINFOFUNCTION, look_at_stop);
	(void)curl_easy_setopt(c->easy, CURLOPT_XFERINFODATA, c);
	(void)curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, o->timeout_ms > 0 ? o->timeout_ms :
	    (long)TIMEOUT_MS);
	(void)curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, o->connect_timeout_ms > 0 ?
	    o->connect_timeout_ms : (long)CONNECT_MS);
	(void)curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "tocsin");
	if (o->user != NULL)
		(void)curl_easy_setopt(c->easy, CURLOPT_USERNAME, o->user);
	if (o->password != NULL)
		(void)curl_easy_setopt(c->easy, CURLOPT_PASSWORD, o->password);
	/* the environment's proxies are not meant for log servers: only what the configuration says */
	(void)curl_easy_setopt(c->easy, CURLOPT_PROXY, o->proxy != NULL ? o->proxy : "");
	set_tls(c);
}

long
ship_curl_request(struct ship_curl *c, const char *method, const char *url, struct tsn_slice body,
    struct curl_slist *headers, struct tsn_err *why)
{
	struct curl_slist *all = headers != NULL ? headers : c->headers;
	long status = 0;
	CURLcode code;

	ship_curl_begin(c, url);
	(void)curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c->easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c->easy, CURLOPT_FOLLOWLOCATION, c->client.follow ? 1L : 0L);
	(void)curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, all);
	if (strcmp(method, "HEAD") == 0) {
		(void)curl_easy_setopt(c->easy, CURLOPT_NOBODY, 1L);
	} else if (strcmp(method, "GET") != 0) {
		(void)curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
		(void)curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, body.ptr != NULL ? body.ptr : "");
		(void)curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, method);
	}
	code = curl_easy_perform(c->easy);
	if (code != CURLE_OK) {
		(void)TSN_ERR(why, TSN_EIO, "%s: %s", url, c->reason[0] != '\0' ? c->reason :
		    curl_easy_strerror(code));
		return 0;
	}
	(void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

void
ship_curl_status(struct ship_curl *c, const char *url, long status, struct tsn_err *why)
{
	char shown[SHOWN];

	(void)TSN_ERR(why, TSN_EIO, "%s: status %ld%s%s", url, status, c->body.len > 0 ? ": " : "",
	    tsn_slice_escape(tsn_buf_get(&c->body), shown, sizeof shown));
}

const char *
ship_text(struct tsn_arena *a, struct tsn_slice s)
{
	struct tsn_slice copy = tsn_arena_dup(a, s);

	return copy.ptr == NULL ? "" : copy.ptr;
}

bool
ship_json_member(struct tsn_slice object, struct tsn_slice name, struct tsn_arena *arena,
    struct tsn_slice *ret)
{
	struct tsn_json_walk w;
	struct tsn_slice found, value;

	if (tsn_json_walk_kind(object) != '{')
		return false;
	tsn_json_walk(&w, object, arena);
	while (tsn_json_walk_next(&w, &found, &value)) {
		if (!tsn_slice_eq(found, name))
			continue;
		*ret = value;
		return true;
	}
	return false;
}

bool
ship_gzip(struct tsn_slice in, struct tsn_buf *out)
{
	z_stream z = {0};
	uLong bound;
	bool ok;

	if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	bound = deflateBound(&z, (uLong)in.len);
	ok = tsn_buf_room(out, bound);
	if (ok) {
		z.next_in = (Bytef *)(uintptr_t)in.ptr;
		z.avail_in = (uInt)in.len;
		z.next_out = (Bytef *)out->ptr + out->len;
		z.avail_out = (uInt)bound;
		ok = deflate(&z, Z_FINISH) == Z_STREAM_END;
		out->len += z.total_out;
	}
	(void)deflateEnd(&z);
	return ok;
}
