/*
 * Elasticsearch's bulk requests: each document has an answer of its own.  What is said of it:
 * 2xx and 409 (it is there in another version) are done, 400 and 404 are refused for good, all
 * else is tried again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "codec/json_walk.h"
#include "ship/curl_int.h"

#define REQUEST_MAX (128u << 20)
#define URL_MAX 2048u
#define REASON_MAX 300u

struct elastic {
	struct ship_curl curl;
	char *urls[TSN_SHIP_HOSTS_MAX];
	uint32_t url_count, at;
	char *bulk_path, *template_path;
	struct tsn_buf template_body;
	bool template_overwrite, template_sent, gzip;
	struct tsn_buf body, packed;
	struct curl_slist *headers;
};

static bool
url_of(const struct elastic *e, const char *path, char out[URL_MAX])
{
	int n = snprintf(out, URL_MAX, "%s%s", e->urls[e->at], path);

	return n > 0 && (size_t)n < URL_MAX;
}

static void
judge(struct tsn_ship_item *item, struct tsn_arena *arena, struct tsn_slice answer,
    struct tsn_err *why)
{
	struct tsn_slice inner, status_text, error = TSN_SLICE_NONE;
	struct tsn_json_walk w;
	struct tsn_slice name;
	char shown[REASON_MAX];
	uint64_t status = 0;

	/* {"index":{"status":201,...}}: the one member is the action */
	tsn_json_walk(&w, answer, arena);
	if (!tsn_json_walk_next(&w, &name, &inner))
		return;
	if (!ship_json_member(inner, TSN_SLICE("status"), arena, &status_text) ||
	    tsn_num_parse_u64(status_text, &status) != TSN_OK)
		status = 0;
	if ((status >= 200 && status < 300) || status == 409) {
		item->result = TSN_SHIP_DONE;
		return;
	}
	(void)ship_json_member(inner, TSN_SLICE("error"), arena, &error);
	(void)tsn_slice_escape(error, shown, sizeof shown);
	if (status == 400 || status == 404) {
		char reason[REASON_MAX + 32];

		(void)snprintf(reason, sizeof reason, "status %llu: %s", (unsigned long long)status, shown);
		item->result = TSN_SHIP_REFUSED;
		item->reason = tsn_arena_dup(arena, tsn_slice_cstr(reason));
	} else {
		(void)TSN_ERR(why, TSN_EAGAIN, "a document got status %llu: %s",
		    (unsigned long long)status, shown);
	}
}

static void
judge_all(struct elastic *e, struct tsn_ship_batch *b, struct tsn_err *why)
{
	struct tsn_slice answer = tsn_buf_get(&e->curl.body), items, name, one;
	struct tsn_json_walk w;
	uint32_t i = 0;

	if (!ship_json_member(answer, TSN_SLICE("items"), b->arena, &items) ||
	    tsn_json_walk_kind(items) != '[') {
		(void)TSN_ERR(why, TSN_EPARSE, "%s: the answer is not that of a bulk request",
		    e->urls[e->at]);
		return;
	}
	tsn_json_walk(&w, items, b->arena);
	while (i < b->count && tsn_json_walk_next(&w, &name, &one))
		judge(&b->items[i++], b->arena, one, why);
}

static void
refuse_all(struct tsn_ship_batch *b, const char *why)
{
	for (uint32_t i = 0; i < b->count; i++) {
		b->items[i].result = TSN_SHIP_REFUSED;
		b->items[i].reason = tsn_slice_cstr(why);
	}
}

/* Before the first documents; a peer that refuses it is told about and not asked again. */
static bool
send_template(struct elastic *e, struct tsn_err *why)
{
	char url[URL_MAX];
	long status = 404;

	if (e->template_sent || e->template_path == NULL || !url_of(e, e->template_path, url))
		return true;
	if (!e->template_overwrite)
		status = ship_curl_request(&e->curl, "HEAD", url, TSN_SLICE_NONE, e->headers, why);
	if (status == 0)
		return false;
	if (status == 404)
		status = ship_curl_request(&e->curl, "PUT", url, tsn_buf_get(&e->template_body), e->headers,
		    why);
	if (status == 0 || status == 429 || status >= 500) {
		if (status != 0)
			ship_curl_status(&e->curl, url, status, why);
		return false;
	}
	e->template_sent = true;
	return true;
}

static void
send_part(struct elastic *e, struct tsn_ship_batch *b, struct tsn_err *why)
{
	struct tsn_slice body;
	char url[URL_MAX];
	long status;

	tsn_buf_reset(&e->body);
	for (uint32_t i = 0; i < b->count; i++) {
		tsn_buf_slice(&e->body, b->items[i].parts[0]);
		tsn_buf_char(&e->body, '\n');
		if (b->items[i].parts[1].len == 0)
			continue;
		tsn_buf_slice(&e->body, b->items[i].parts[1]);
		tsn_buf_char(&e->body, '\n');
	}
	body = tsn_buf_get(&e->body);
	tsn_buf_reset(&e->packed);
	if (e->gzip && ship_gzip(body, &e->packed))
		body = tsn_buf_get(&e->packed);
	if (tsn_buf_check(&e->body) != TSN_OK || !url_of(e, e->bulk_path, url)) {
		(void)TSN_ERR(why, TSN_ENOMEM, "out of memory");
		return;
	}
	status = ship_curl_request(&e->curl, "POST", url, body, e->headers, why);
	if (status >= 200 && status < 300) {
		judge_all(e, b, why);
		return;
	}
	if (status != 0)
		ship_curl_status(&e->curl, url, status, why);
	if (status == 413 && b->count == 1)
		refuse_all(b, "status 413: the document is too large for the peer");
	else if (status == 413)
		return;
	else
		e->at = (e->at + 1) % e->url_count;
}

static void
send_elastic(void *state, struct tsn_ship_batch *b, struct tsn_err *why)
{
	struct elastic *e = state;
	struct tsn_ship_batch half = *b;

	e->curl.stopping = b->stopping;
	if (!send_template(e, why)) {
		e->at = (e->at + 1) % e->url_count;
		return;
	}
	send_part(e, b, why);
	/* too large for one request: in halves */
	while (why->code == TSN_EIO && half.count > 1 && strstr(why->msg, "status 413") != NULL) {
		half.count = (half.count + 1) / 2;
		*why = (struct tsn_err){0};
		send_part(e, &half, why);
	}
}

static void
close_elastic(void *state)
{
	struct elastic *e = state;

	for (uint32_t i = 0; i < e->url_count; i++)
		free(e->urls[i]);
	free(e->bulk_path);
	free(e->template_path);
	tsn_buf_done(&e->template_body);
	tsn_buf_done(&e->body);
	tsn_buf_done(&e->packed);
	curl_slist_free_all(e->headers);
	ship_curl_done(&e->curl);
	free(e);
}

static struct curl_slist *
with(struct curl_slist *list, const char *line)
{
	struct curl_slist *more = curl_slist_append(list, line);

	return more != NULL ? more : list;
}

enum tsn_code
tsn_ship_elastic(const struct tsn_ship_elastic_options *o, struct tsn_ship_dest *ret,
    struct tsn_err *err)
{
	struct elastic *e = calloc(1, sizeof *e);

	if (e == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	*ret = (struct tsn_ship_dest){.send = send_elastic, .close = close_elastic, .state = e,
		.batch_items = o->batch_items, .batch_bytes = 8u << 20};
	tsn_buf_init(&e->body, REQUEST_MAX);
	tsn_buf_init(&e->packed, REQUEST_MAX);
	tsn_buf_init(&e->template_body, 16u << 20);
	tsn_buf_slice(&e->template_body, o->template_body);
	e->gzip = o->gzip;
	e->template_overwrite = o->template_overwrite;
	e->bulk_path = strdup(o->bulk_path);
	e->template_path = o->template_path == NULL ? NULL : strdup(o->template_path);
	for (uint32_t i = 0; i < o->url_count; i++)
		e->urls[e->url_count++] = strdup(o->urls[i]);
	if (ship_curl_init(&e->curl, &o->client, err) != TSN_OK || e->bulk_path == NULL) {
		close_elastic(e);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	for (struct curl_slist *h = e->curl.headers; h != NULL; h = h->next)
		e->headers = with(e->headers, h->data);
	e->headers = with(e->headers, "Content-Type: application/json");
	if (e->gzip)
		e->headers = with(e->headers, "Content-Encoding: gzip");
	return TSN_OK;
}
