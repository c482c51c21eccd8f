/* Mail over SMTP, one message an item. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ship/curl_int.h"

#define URL_MAX 600u

struct mail {
	struct ship_curl curl;
	char url[URL_MAX];
	bool starttls;
};

struct reading {
	struct tsn_slice left;
};

static size_t
give(char *out, size_t size, size_t n, void *ctx)
{
	struct reading *r = ctx;
	size_t len = size * n < r->left.len ? size * n : r->left.len;

	memcpy(out, r->left.ptr, len);
	r->left = tsn_slice_from(r->left, len);
	return len;
}

static struct curl_slist *
recipients(struct tsn_arena *arena, struct tsn_slice lines)
{
	struct curl_slist *list = NULL, *more;

	while (lines.len > 0) {
		size_t end = tsn_slice_find_char(lines, '\n');
		struct tsn_slice one = tsn_slice_trim(tsn_slice_of(lines.ptr, end == SIZE_MAX ? lines.len :
		    end));

		lines = tsn_slice_from(lines, (end == SIZE_MAX ? lines.len : end) + 1);
		if (one.len == 0)
			continue;
		more = curl_slist_append(list, ship_text(arena, one));
		list = more != NULL ? more : list;
	}
	return list;
}

static void
send_one(struct mail *m, struct tsn_ship_item *item, struct tsn_arena *arena, struct tsn_err *why)
{
	struct reading reading = {item->parts[2]};
	struct curl_slist *to = recipients(arena, item->parts[1]);
	CURL *easy = m->curl.easy;
	long status = 0;
	CURLcode code;

	ship_curl_begin(&m->curl, m->url);
	(void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	(void)curl_easy_setopt(easy, CURLOPT_USE_SSL, m->starttls ? (long)CURLUSESSL_ALL :
	    (long)CURLUSESSL_NONE);
	(void)curl_easy_setopt(easy, CURLOPT_MAIL_FROM, ship_text(arena, item->parts[0]));
	(void)curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, to);
	(void)curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_READFUNCTION, give);
	(void)curl_easy_setopt(easy, CURLOPT_READDATA, &reading);
	(void)curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)item->parts[2].len);
	code = curl_easy_perform(easy);
	(void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(to);
	if (code == CURLE_OK) {
		item->result = TSN_SHIP_DONE;
		return;
	}
	(void)TSN_ERR(why, TSN_EIO, "%s: %s", m->url, m->curl.reason[0] != '\0' ? m->curl.reason :
	    curl_easy_strerror(code));
	/* 5xx is for good (RFC 5321), but for what concerns us and not the message */
	if (status >= 500 && status != 530 && status != 535 && status != 538) {
		item->result = TSN_SHIP_REFUSED;
		item->reason = tsn_arena_dup(arena, tsn_slice_cstr(why->msg));
	}
}

static void
send_mail(void *state, struct tsn_ship_batch *b, struct tsn_err *why)
{
	struct mail *m = state;

	m->curl.stopping = b->stopping;
	for (uint32_t i = 0; i < b->count && !atomic_load(b->stopping); i++) {
		if (b->items[i].count < 3)
			continue;
		send_one(m, &b->items[i], b->arena, why);
		if (b->items[i].result == TSN_SHIP_AGAIN)
			return;
	}
}

static void
close_mail(void *state)
{
	struct mail *m = state;

	ship_curl_done(&m->curl);
	free(m);
}

enum tsn_code
tsn_ship_mail(const struct tsn_ship_mail_options *o, struct tsn_ship_dest *ret,
    struct tsn_err *err)
{
	struct mail *m = calloc(1, sizeof *m);
	int n;

	if (m == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	*ret = (struct tsn_ship_dest){.send = send_mail, .close = close_mail, .state = m,
		.batch_items = 50};
	n = snprintf(m->url, sizeof m->url, "%s://%s:%u%s%s", o->client.tls && !o->starttls ? "smtps" :
	    "smtp", o->host, o->port, o->domain != NULL ? "/" : "", o->domain != NULL ? o->domain : "");
	m->starttls = o->starttls;
	if (ship_curl_init(&m->curl, &o->client, err) != TSN_OK || n < 0 ||
	    (size_t)n >= sizeof m->url) {
		close_mail(m);
		TSN_FAIL(err, TSN_EINVAL, "the server's name is too long");
	}
	return TSN_OK;
}
