#include "parse/web.h"

#include "codec/hex.h"

bool
tsn_web_quoted(struct tsn_scan *s, struct tsn_slice *ret, bool *ret_escaped)
{
	const char *from = s->at + 1, *p = from;

	*ret_escaped = false;
	if (s->at == s->end || *s->at != '"')
		return false;
	for (;;) {
		const char *quote = memchr(p, '"', (size_t)(s->end - p)), *b;
		size_t slashes = 0;

		if (quote == NULL)
			return false;
		for (b = quote; b > from && b[-1] == '\\'; b--)
			slashes++;
		if (slashes % 2 == 0) {
			*ret = tsn_slice_of(from, (size_t)(quote - from));
			*ret_escaped = memchr(from, '\\', ret->len) != NULL;
			s->at = quote + 1;
			return true;
		}
		p = quote + 1;
	}
}

/* \xHH at p: its value, or -1. */
static int
escaped_byte(const char *p, const char *end)
{
	int hi, lo;

	if (end - p < 4 || p[0] != '\\' || p[1] != 'x')
		return -1;
	hi = tsn_hex_digit(p[2]);
	lo = tsn_hex_digit(p[3]);
	return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

/* A run of \xHH that is one UTF-8 character: its bytes into out, and their number; else 0. */
static unsigned
escaped_char(const char *p, const char *end, char out[4])
{
	int first = escaped_byte(p, end);
	unsigned n = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;

	if (first >= 0 && first < 0x80) {
		out[0] = (char)first;
		return 1;
	}
	for (unsigned i = 0; i < n; i++) {
		int c = escaped_byte(p + 4 * i, end);

		if (c < 0 || (i > 0 && (c & 0xc0) != 0x80))
			return 0;
		if (i == 1 && ((first == 0xe0 && c < 0xa0) || (first == 0xed && c > 0x9f) ||
		    (first == 0xf0 && c < 0x90) || (first == 0xf4 && c > 0x8f)))
			return 0;
		out[i] = (char)c;
	}
	return n;
}

struct tsn_slice
tsn_web_unescape(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	const char *p = v.ptr, *end = v.ptr + v.len;
	char *out, *to;

	if (v.len == 0 || memchr(p, '\\', v.len) == NULL)
		return v;
	to = out = tsn_arena_alloc(&ctx->batch->arena, v.len);
	if (out == NULL)
		return v;
	while (p < end) {
		unsigned n;

		if (*p != '\\' || end - p < 2) {
			*to++ = *p++;
		} else if ((n = escaped_char(p, end, to)) > 0) {
			to += n;
			p += (size_t)4 * n;
		} else if (p[1] == '"' || p[1] == '\\') {
			*to++ = p[1];
			p += 2;
		} else if (p[1] == 't' || p[1] == 'n' || p[1] == 'r') {
			*to++ = (char)(p[1] == 't' ? '\t' : p[1] == 'n' ? '\n' : '\r');
			p += 2;
		} else {
			*to++ = *p++;
		}
	}
	return tsn_slice_of(out, (size_t)(to - out));
}

struct tsn_slice
tsn_web_split_port(struct tsn_slice v, struct tsn_slice *ret_port)
{
	size_t i = v.len;

	*ret_port = TSN_SLICE_NONE;
	while (i > 0 && tsn_is_digit(v.ptr[i - 1]))
		i--;
	if (i < 2 || i == v.len || v.len - i > 5 || v.ptr[i - 1] != ':' || v.ptr[i - 2] == ':')
		return v;
	if (memchr(v.ptr, ':', i - 1) != NULL && v.ptr[i - 2] != ']') {
		/* Is the last group of an IPv6 address a port?  Only if it would be one too many. */
		if (tsn_scan_is_ip(v) || !tsn_scan_is_ip(tsn_slice_of(v.ptr, i - 1)))
			return v;
	}
	*ret_port = tsn_slice_of(v.ptr + i, v.len - i);
	return tsn_slice_of(v.ptr, i - 1);
}

void
tsn_web_put_client(struct tsn_parse_ctx *ctx, struct tsn_slice client)
{
	struct tsn_slice port;

	if (!tsn_web_has(client))
		return;
	client = tsn_web_split_port(client, &port);
	tsn_put_str(ctx, TSN_F_SOURCE_ADDRESS, client);
	tsn_put_address(ctx, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN, client);
	tsn_put_num(ctx, TSN_F_SOURCE_PORT, port);
}

void
tsn_web_put_status(struct tsn_parse_ctx *ctx, struct tsn_slice status)
{
	if (status.len == 0 || !tsn_is_digit(status.ptr[0]))
		return;
	tsn_put_num(ctx, TSN_F_HTTP_RESPONSE_STATUS_CODE, status);
	if (status.len == 3 && status.ptr[0] >= '4')
		TSN_PUT_LIT(ctx, TSN_F_EVENT_OUTCOME, "failure");
	else if (status.len == 3)
		TSN_PUT_LIT(ctx, TSN_F_EVENT_OUTCOME, "success");
}

static void
put_authority(struct tsn_parse_ctx *ctx, struct tsn_slice a)
{
	struct tsn_slice port;
	size_t at = tsn_slice_rfind(a, TSN_SLICE("@"));

	if (at != SIZE_MAX)
		a = tsn_slice_from(a, at + 1);
	a = tsn_web_split_port(a, &port);
	tsn_put_some(ctx, TSN_F_URL_DOMAIN, a);
	tsn_put_num(ctx, TSN_F_URL_PORT, port);
}

/* "png" of "/a/b.png": letters and digits behind the last dot of the last segment. */
static void
put_extension(struct tsn_parse_ctx *ctx, struct tsn_slice path)
{
	const char *p = path.ptr + path.len;
	size_t n = 0;

	for (; p > path.ptr && n <= 16; p--, n++) {
		char c = p[-1];

		if (c == '.') {
			if (n > 0 && p - 1 > path.ptr)
				tsn_put_str(ctx, TSN_F_URL_EXTENSION, tsn_slice_of(p, n));
			return;
		}
		if (!tsn_is_digit(c) && ((c | 0x20) < 'a' || (c | 0x20) > 'z'))
			return;
	}
}

void
tsn_web_put_url(struct tsn_parse_ctx *ctx, struct tsn_slice url, struct tsn_slice method)
{
	const char *end = url.ptr + url.len, *query, *hash;
	struct tsn_slice path = url;

	if (!tsn_web_has(url))
		return;
	tsn_put_str(ctx, TSN_F_URL_ORIGINAL, url);
	tsn_web_put_decoded(ctx, url);
	if (TSN_EQ(method, "CONNECT")) {
		put_authority(ctx, url);
		return;
	}
	if (url.ptr[0] != '/') {
		size_t colon = tsn_slice_find(url, TSN_SLICE("://"));

		if (colon != SIZE_MAX && colon > 0 && colon < 16) {
			const char *host = url.ptr + colon + 3, *p = host;

			while (p < end && *p != '/' && *p != '?' && *p != '#')
				p++;
			tsn_put_str(ctx, TSN_F_URL_SCHEME, tsn_slice_of(url.ptr, colon));
			put_authority(ctx, tsn_slice_of(host, (size_t)(p - host)));
			path = tsn_slice_of(p, (size_t)(end - p));
		}
	}
	query = path.len == 0 ? NULL : memchr(path.ptr, '?', path.len);
	if (query != NULL) {
		struct tsn_slice q = {query + 1, (size_t)(end - query - 1)};

		path.len = (size_t)(query - path.ptr);
		hash = q.len == 0 ? NULL : memchr(q.ptr, '#', q.len);
		if (hash != NULL) {
			q.len = (size_t)(hash - q.ptr);
			tsn_put_some(ctx, TSN_F_URL_FRAGMENT,
			    tsn_slice_of(hash + 1, (size_t)(end - hash - 1)));
		}
		tsn_put_some(ctx, TSN_F_URL_PATH, path);
		tsn_put_str(ctx, TSN_F_URL_QUERY, q);
	} else {
		tsn_put_some(ctx, TSN_F_URL_PATH, path);
	}
	if (path.len > 0)
		put_extension(ctx, path);
}

static bool
is_method(struct tsn_slice m)
{
	if (m.len == 0 || m.len > 32)
		return false;
	for (size_t i = 0; i < m.len; i++) {
		char c = m.ptr[i];

		if ((c < 'A' || c > 'Z') && c != '_' && c != '-' && !(i > 0 && tsn_is_digit(c)))
			return false;
	}
	return true;
}

void
tsn_web_put_request(struct tsn_parse_ctx *ctx, struct tsn_slice line)
{
	const char *blank = line.len == 0 ? NULL : memchr(line.ptr, ' ', line.len);
	struct tsn_slice method = {line.ptr, blank == NULL ? line.len : (size_t)(blank - line.ptr)};
	struct tsn_slice target, version = TSN_SLICE_NONE;
	size_t last;

	if (!tsn_web_has(line))
		return;
	if (!is_method(method)) {
		tsn_put_str(ctx, TSN_F_URL_ORIGINAL, line);
		tsn_web_put_decoded(ctx, line);
		return;
	}
	tsn_put_str(ctx, TSN_F_HTTP_REQUEST_METHOD, method);
	target = tsn_slice_from(line, method.len + (blank != NULL));
	for (last = target.len; last > 0 && target.len - last < 12 && target.ptr[last - 1] != ' ';)
		last--;
	if (last > 0 && target.ptr[last - 1] == ' ' &&
	    TSN_STARTS(tsn_slice_from(target, last), "HTTP/")) {
		version = tsn_slice_from(target, last + 5);
		target.len = last - 1;
	}
	tsn_put_some(ctx, TSN_F_HTTP_VERSION, version);
	tsn_web_put_url(ctx, target, method);
}
