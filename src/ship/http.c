/* Requests to a web service: one an event, or one for all of a batch that go to one URL. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ship/curl_int.h"

#define BODY_MAX (128u << 20)
#define HEADER_MAX 8192u

struct http {
	struct ship_curl curl;
	struct tsn_ship_http_options o;
	char *method;
	struct tsn_buf body, packed;
};

static bool
in_codes(const long *codes, long status)
{
	for (; *codes != 0; codes++)
		if (*codes == status)
			return true;
	return false;
}

static struct curl_slist *
with(struct curl_slist *list, const char *line)
{
	struct curl_slist *more = curl_slist_append(list, line);

	return more != NULL ? more : list;
}

/* Of every request, then the item's lines. */
static struct curl_slist *
headers_of(struct http *h, struct tsn_slice lines)
{
	struct curl_slist *list = NULL;
	char line[HEADER_MAX];

	for (struct curl_slist *s = h->curl.headers; s != NULL; s = s->next)
		list = with(list, s->data);
	while (lines.len > 0) {
		size_t end = tsn_slice_find_char(lines, '\n');
		size_t len = end == SIZE_MAX ? lines.len : end;

		if (len > 0 && len < sizeof line) {
			(void)snprintf(line, sizeof line, "%.*s", (int)len, lines.ptr);
			list = with(list, line);
		}
		lines = tsn_slice_from(lines, len + 1);
	}
	if (h->o.gzip)
		list = with(list, "Content-Encoding: gzip");
	return list;
}

static enum tsn_ship_result
judge(struct http *h, const char *url, long status, struct tsn_err *why)
{
	if (status == 0)
		return h->o.retry_failed ? TSN_SHIP_AGAIN : TSN_SHIP_REFUSED;
	if ((status >= 200 && status < 300) || in_codes(h->o.ignorable, status))
		return TSN_SHIP_DONE;
	ship_curl_status(&h->curl, url, status, why);
	return h->o.retry_failed && in_codes(h->o.retryable, status) ? TSN_SHIP_AGAIN :
	    TSN_SHIP_REFUSED;
}

/* items[i] and, with arrays, the others of the same URL and headers */
static bool
same_request(const struct http *h, const struct tsn_ship_item *a, const struct tsn_ship_item *b)
{
	return a == b || (h->o.array && b->result == TSN_SHIP_AGAIN &&
	    tsn_slice_eq(a->parts[0], b->parts[0]) && tsn_slice_eq(a->parts[1], b->parts[1]));
}

static bool
make_body(struct http *h, const struct tsn_ship_batch *b, uint32_t i, struct tsn_slice *ret)
{
	bool first = true;

	tsn_buf_reset(&h->body);
	tsn_buf_reset(&h->packed);
	for (uint32_t j = i; j < b->count; j++) {
		if (!same_request(h, &b->items[i], &b->items[j]))
			continue;
		if (h->o.array)
			tsn_buf_char(&h->body, first ? '[' : ',');
		tsn_buf_slice(&h->body, b->items[j].parts[2]);
		first = false;
	}
	if (h->o.array)
		tsn_buf_char(&h->body, ']');
	*ret = tsn_buf_get(&h->body);
	if (h->o.gzip && !ship_gzip(tsn_buf_get(&h->body), &h->packed))
		return false;
	if (h->o.gzip)
		*ret = tsn_buf_get(&h->packed);
	return tsn_buf_check(&h->body) == TSN_OK;
}

static void
send_http(void *state, struct tsn_ship_batch *b, struct tsn_err *why)
{
	struct http *h = state;

	h->curl.stopping = b->stopping;
	for (uint32_t i = 0; i < b->count && !atomic_load(b->stopping); i++) {
		struct tsn_ship_item *item = &b->items[i];
		const char *url = ship_text(b->arena, item->parts[0]);
		struct curl_slist *headers;
		enum tsn_ship_result result;
		struct tsn_slice body, reason;

		if (item->result != TSN_SHIP_AGAIN || item->count < 3)
			continue;
		if (!make_body(h, b, i, &body))
			return;
		headers = headers_of(h, item->parts[1]);
		result = judge(h, url, ship_curl_request(&h->curl, h->method, url, body, headers, why),
		    why);
		curl_slist_free_all(headers);
		if (result == TSN_SHIP_AGAIN)
			return;		/* in order: the others wait behind it */
		reason = result == TSN_SHIP_REFUSED ? tsn_arena_dup(b->arena, tsn_slice_cstr(why->msg)) :
		    TSN_SLICE_NONE;
		for (uint32_t j = b->count; j-- > i;)
			if (same_request(h, item, &b->items[j])) {
				b->items[j].reason = reason;
				b->items[j].result = result;
			}
	}
}

static void
close_http(void *state)
{
	struct http *h = state;

	ship_curl_done(&h->curl);
	tsn_buf_done(&h->body);
	tsn_buf_done(&h->packed);
	free(h->method);
	free(h);
}

enum tsn_code
tsn_ship_http(const struct tsn_ship_http_options *o, struct tsn_ship_dest *ret,
    struct tsn_err *err)
{
	struct http *h = calloc(1, sizeof *h);

	if (h == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	*ret = (struct tsn_ship_dest){.send = send_http, .close = close_http, .state = h,
		.batch_items = o->batch_items};
	h->o = *o;
	h->method = strdup(o->method);
	tsn_buf_init(&h->body, BODY_MAX);
	tsn_buf_init(&h->packed, BODY_MAX);
	if (ship_curl_init(&h->curl, &o->client, err) != TSN_OK || h->method == NULL) {
		close_http(h);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	return TSN_OK;
}
